//! Notices for each user on a sharded channel of its own: users come and go, over one connection, and on a cluster each
//! channel would stay on the shard that its name belongs to. Since Redis 7.0.
//!
//! Runs against `REDIS_URL`, or against a server on this machine if that is not set.

use std::error::Error;
use std::time::Duration;

use steadfast::api::PubSub;
use steadfast::{Client, ErrorKind};

/// The part in braces says to which shard it belongs: with the user's keys.
fn channel(user: u32) -> String {
    format!("notices:{{user:{user}}}")
}

/// Tells a user something. Whether anybody has heard it: a message that nobody is subscribed to is gone.
async fn tell(client: &Client, user: u32, notice: &str) -> Result<bool, steadfast::Error> {
    Ok(client.spublish(channel(user), notice).await? > 0)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned());
    let client = Client::connect(url).await?;

    // Users 1 and 2 are here. That they are is confirmed, or an error that says how far it had got.
    let mut notices = match client.ssubscribe([channel(1), channel(2)]).deadline(Duration::from_secs(1)).await {
        Ok(subscription) => subscription.messages(),
        Err(error) if error.kind() == ErrorKind::Server => {
            println!("this server has no sharded channels: {error}");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    println!("user 1 is told: {}", tell(&client, 1, "you have mail").await?);
    println!("user 3 is told: {}", tell(&client, 3, "you have mail").await?);

    // User 3 comes, and user 1 goes.
    notices.subscription().ssubscribe(channel(3)).await?;
    notices.subscription().sunsubscribe(channel(1));
    println!("user 3 is told: {}", tell(&client, 3, "welcome back").await?);
    println!("user 2 is told: {}", tell(&client, 2, "user 3 is here").await?);

    for _ in 0..3 {
        let Some(notice) = notices.next().await else { break };
        println!("{}: {}", notice.channel_text(), notice.text());
    }
    Ok(())
}
