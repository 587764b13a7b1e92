//! A chat: every member hears every room it is in, and all members of this process share one subscription at the server.
//!
//! Runs against `REDIS_URL`, or against a server on this machine if that is not set.

use std::error::Error;

use steadfast::Client;
use steadfast::api::PubSub;
use steadfast::pubsub::{Delivery, LagPolicy, Subscription};

/// Somebody in the chat, on a screen of its own.
struct Member {
    name: &'static str,
    rooms: Subscription,
}

impl Member {
    /// Returns when everything that is said in the rooms from now on will be heard.
    async fn join(client: &Client, name: &'static str, rooms: &[&str]) -> Result<Self, steadfast::Error> {
        let rooms: Vec<String> = rooms.iter().map(|room| format!("chat:{room}")).collect();
        // Who looks away for long sees the latest messages, and how many there were before.
        let rooms = client.subscribe(rooms).capacity(100).on_lag(LagPolicy::DropOldest).await?;
        Ok(Self { name, rooms })
    }

    /// Shows what is heard, until somebody says the last word.
    async fn listen(mut self) -> u32 {
        let mut heard = 0;
        while let Some(delivery) = self.rooms.next().await {
            match delivery {
                Delivery::Message(message) if message.text() == "(closing)" => break,
                Delivery::Message(message) => {
                    heard += 1;
                    println!("{:>6} hears in {}: {}", self.name, message.channel_text(), message.text());
                }
                Delivery::Lagged { lost, .. } => println!("{:>6} has missed {lost} messages", self.name),
                Delivery::Gap { cause, .. } => println!("{:>6} may miss messages: {cause}", self.name),
                Delivery::Subscribed => println!("{:>6} is all ears", self.name),
                other => println!("{:>6} {other:?}", self.name),
            }
        }
        heard
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned());
    let client = Client::connect(url).await?;

    let mut listeners = Vec::new();
    for (name, rooms) in [("alice", &["rust", "tea"][..]), ("bob", &["rust"]), ("carol", &["rust", "tea"])] {
        let member = Member::join(&client, name, rooms).await?;
        listeners.push((name, tokio::spawn(member.listen())));
    }

    // To the server these three are one.
    let heard = client.publish("chat:rust", "bob: hello, everybody").await?;
    println!("(sent to {heard} connection)");
    client.publish("chat:tea", "carol: is the kettle on?").await?;
    client.publish("chat:rust", "alice: hello, bob").await?;
    client.publish("chat:rust", "(closing)").await?;

    for (name, listener) in listeners {
        println!("{name} heard {} messages", listener.await?);
    }
    Ok(())
}
