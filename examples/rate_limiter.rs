//! A rate limiter in one round trip: INCR and EXPIRE in a pipeline, shared by many tasks.
//!
//! Runs against `REDIS_URL` if it is set, otherwise against a server inside of this process.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use steadfast::Client;
use steadfast::api::{Keys, Strings};
use steadfast::testing::FakeServer;

/// Lets each caller through `limit` times in each window of time.
struct RateLimiter {
    client: Client,
    limit: i64,
    window: Duration,
}

impl RateLimiter {
    /// Whether `caller` may go on.
    ///
    /// The key carries the number of the window, so that the count begins anew by itself and setting the expiry again
    /// and again prolongs nothing. When the pipeline is cut between its two commands, a key stays without expiry:
    /// one small key, and never a caller who is locked out.
    async fn allows(&self, caller: &str) -> Result<bool, steadfast::Error> {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let key = format!("limit:{caller}:{}", since_epoch.as_nanos() / self.window.as_nanos());
        let mut pipeline = self.client.pipeline();
        let count = pipeline.incr(&key).queue();
        let expiry = pipeline.expire(&key, self.window).queue();
        let results = pipeline.execute().await;
        results.get(expiry)?;
        Ok(results.get(count)? <= self.limit)
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
    // A limiter in front of a service has milliseconds, not seconds.
    let client = Client::connect(&url).await?.with_deadline(Duration::from_millis(250));
    let limiter = Arc::new(RateLimiter { client, limit: 3, window: Duration::from_secs(60) });

    let tasks: Vec<_> = (0..5)
        .map(|_| {
            let limiter = Arc::clone(&limiter);
            tokio::spawn(async move { limiter.allows("alice").await })
        })
        .collect();
    let mut allowed = 0;
    for task in tasks {
        match task.await? {
            Ok(true) => allowed += 1,
            Ok(false) => {}
            // A limiter that cannot count lets everyone pass: that is a choice, and here is its place.
            Err(error) => println!("not limited: {error}"),
        }
    }
    println!("{allowed} of 5 calls were allowed");
    println!("bob: {}", limiter.allows("bob").await?);
    Ok(())
}
