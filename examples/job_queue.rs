//! A job queue on a list: one task adds, two take, all through one connection; a job is given up when its time is over.
//!
//! Runs against `REDIS_URL` if it is set, otherwise against a server inside of this process.

use std::error::Error;
use std::time::Duration;

use steadfast::api::{Keys, Lists};
use steadfast::testing::FakeServer;
use steadfast::{Client, Fate};

const QUEUE: &str = "example:jobs";

/// Takes jobs until there are none; how many they were.
async fn work(client: Client) -> Result<usize, steadfast::Error> {
    let mut done = 0;
    loop {
        match client.rpop::<String>(QUEUE).await {
            Ok(Some(job)) => {
                // The work itself may be cut off at any point; calls of others on the connection are not touched by it.
                tokio::select! {
                    () = run(&job) => done += 1,
                    () = tokio::time::sleep(Duration::from_millis(100)) => println!("{job} took too long"),
                }
            }
            Ok(None) => return Ok(done),
            Err(error) if error.fate().is_safe_to_retry() => tokio::time::sleep(Duration::from_millis(10)).await,
            // RPOP may have taken a job that nobody will see: to hide that would be a lie.
            Err(error) if error.fate() == Fate::Unknown => println!("perhaps a job was lost: {error}"),
            Err(error) => return Err(error),
        }
    }
}

async fn run(job: &str) {
    let slow = job.ends_with('7');
    tokio::time::sleep(Duration::from_millis(if slow { 10_000 } else { 1 })).await;
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
    client.del(QUEUE).await?;
    let jobs: Vec<String> = (1..=20).map(|number| format!("job {number}")).collect();
    println!("{} jobs are queued", client.lpush(QUEUE, &jobs).await?);

    let (first, second) = tokio::try_join!(work(client.clone()), work(client.clone()))?;
    println!("done: {}", first + second);
    Ok(())
}
