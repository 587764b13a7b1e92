//! What a server does just now, as `tail -f` shows a log: every command, who sent it, and when. `cargo run --example
//! monitor -- 100` ends after a hundred; without a number there are ten of its own to be seen.
//!
//! Runs against `REDIS_URL`, or against a server on this machine if that is not set.

use std::error::Error;
use std::time::UNIX_EPOCH;

use steadfast::Client;
use steadfast::api::Strings;
use steadfast::client::{MonitorLine, Monitored};

fn show(line: &MonitorLine) -> Result<(), Box<dyn Error>> {
    let at = line.at.duration_since(UNIX_EPOCH)?.as_secs_f64();
    let words: Vec<_> = line.command.iter().map(|word| String::from_utf8_lossy(word)).collect();
    println!("{at:.6} {} (database {}): {}", line.client, line.database, words.join(" "));
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned());
    let client = Client::connect(url).await?;
    let mut wanted: usize = std::env::args().nth(1).map_or(Ok(0), |number| number.parse())?;

    // It has a connection of its own: nothing else can go over that one.
    let mut monitor = client.dedicated().await?.monitor().await?;
    if wanted == 0 {
        wanted = 10;
        for number in 0..wanted {
            client.set("example:monitored", number).await?;
        }
    }
    while wanted > 0 {
        match monitor.next().await {
            Some(Monitored::Command(line)) => {
                show(&line)?;
                wanted -= 1;
            }
            // Where this is slower than the server, it says how much it has not seen.
            Some(Monitored::Lagged { lost, .. }) => println!("... {lost} more ..."),
            Some(Monitored::Ended { cause, .. }) => return Err(cause.into()),
            Some(_) => {}
            None => break,
        }
    }
    Ok(())
}
