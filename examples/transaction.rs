//! A transfer between two accounts: both commands run, or none, and an error says which.
//!
//! Runs against `REDIS_URL` if it is set, otherwise against a server inside of this process.

use std::error::Error;

use steadfast::api::{Keys, Lists, Strings};
use steadfast::resp::Value;
use steadfast::testing::FakeServer;
use steadfast::{Client, Command, Fate};

/// Moves `amount` from one account to the other, and writes it down. Returns what is left on the first one.
async fn transfer(client: &Client, from: &str, to: &str, amount: i64) -> Result<i64, steadfast::Error> {
    let mut transaction = client.transaction();
    let left = transaction.incrby(from, -amount).queue();
    let received = transaction.incrby(to, amount).queue();
    let noted = transaction.rpush("transfers", format!("{amount} from {from} to {to}")).queue();
    // An error here is one of the whole: none of the three has run, or nobody knows.
    let results = transaction.execute().await?;
    // And here one of a command: servers do not undo the others for it.
    results.get(received)?;
    results.get(noted)?;
    results.get(left)
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
    let client = Client::connect(&url).await?;
    client.del(["alice", "bob", "carol", "transfers"]).await?;
    client.mset((("alice", 100), ("bob", 0), ("carol", "nothing"))).await?;

    println!("alice has {} left", transfer(&client, "alice", "bob", 30).await?);

    // Refused while it was queued: nothing runs.
    let mut transaction = client.transaction();
    let _ = transaction.incrby("alice", 1_000).queue();
    let _ = transaction.request::<Value>(Command::new("SET").key("bob")).queue();
    match transaction.execute().await {
        Err(error) if error.fate() == Fate::Refused => println!("{error}"),
        other => println!("not expected: {other:?}"),
    }

    // Fails while it runs: the other commands have run.
    match transfer(&client, "alice", "carol", 5).await {
        Ok(left) => println!("alice has {left} left"),
        Err(error) => println!("{error}"),
    }
    println!("alice {:?}, bob {:?}", client.get::<i64>("alice").await?, client.get::<i64>("bob").await?);
    Ok(())
}
