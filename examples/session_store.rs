//! Sessions in hashes that expire, read as the types they were written with, and a retry only where it is safe.
//!
//! Runs against `REDIS_URL` if it is set, otherwise against a server inside of this process.

use std::error::Error;
use std::time::Duration;

use steadfast::Client;
use steadfast::api::{Hashes, Keys};
use steadfast::testing::FakeServer;

#[derive(Debug, PartialEq)]
struct Session {
    user: String,
    visits: u64,
}

struct Sessions {
    client: Client,
    lifetime: Duration,
}

impl Sessions {
    async fn save(&self, id: &str, session: &Session) -> Result<(), steadfast::Error> {
        let key = format!("session:{id}");
        let mut pipeline = self.client.pipeline();
        // Pairs of different types are a tuple, pairs of one type can be an array, a vector or a map.
        let _ = pipeline.hset(&key, (("user", &session.user), ("visits", session.visits))).queue();
        let _ = pipeline.expire(&key, self.lifetime).queue();
        pipeline.execute().await.check()
    }

    /// `None` if there is no such session, or it has expired.
    async fn load(&self, id: &str) -> Result<Option<Session>, steadfast::Error> {
        let fields = self.client.hmget::<String>(format!("session:{id}"), ["user", "visits"]);
        // The answer of any command can be asked for as another type: here two fields of different types.
        let (user, visits) = fields.answer_as::<(Option<String>, Option<u64>)>().await?;
        Ok(user.map(|user| Session { user, visits: visits.unwrap_or_default() }))
    }

    /// Counts a visit and prolongs the session. Counting twice would be wrong: it is repeated only where the server
    /// certainly has not counted.
    async fn visit(&self, id: &str) -> Result<i64, steadfast::Error> {
        let key = format!("session:{id}");
        let visits = match self.client.hincrby(&key, "visits", 1).await {
            Err(error) if error.fate().is_safe_to_retry() => self.client.hincrby(&key, "visits", 1).await?,
            other => other?,
        };
        self.client.expire(&key, self.lifetime).await?;
        Ok(visits)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (_server, url) = match std::env::var("REDIS_URL") {
        Ok(url) => (None, url),
        Err(_) => {
            let server = FakeServer::start().await?;
            let url = server.url();
            (Some(server), url)
        }
    };
    let sessions = Sessions { client: Client::connect(&url).await?, lifetime: Duration::from_secs(1800) };

    sessions.save("7", &Session { user: "alice".to_owned(), visits: 1 }).await?;
    println!("visits: {}", sessions.visit("7").await?);
    println!("session 7: {:?}", sessions.load("7").await?);
    println!("session 8: {:?}", sessions.load("8").await?);
    println!("expires in {:?}", sessions.client.ttl("session:7").await?.left());
    sessions.client.del("session:7").await?;
    Ok(())
}
