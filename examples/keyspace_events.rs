//! Settings that are kept in memory and follow the server: loaded whenever changes may have been missed, and changed by
//! keyspace events in between.
//!
//! Runs against `REDIS_URL`, or against a server on this machine if that is not set.

use std::collections::BTreeMap;
use std::error::Error;

use steadfast::Client;
use steadfast::api::*;
use steadfast::pubsub::{Delivery, Subscription};

const PREFIX: &str = "settings:";
const EVENTS: &str = "notify-keyspace-events";

/// What the keys below the prefix hold.
struct Settings {
    client: Client,
    changes: Subscription,
    values: BTreeMap<String, String>,
}

impl Settings {
    /// Nothing is loaded yet: the first event says when.
    async fn follow(client: &Client) -> Result<Self, steadfast::Error> {
        let changes = client.psubscribe(format!("__keyspace@*__:{PREFIX}*")).await?;
        Ok(Self { client: client.clone(), changes, values: BTreeMap::new() })
    }

    /// Waits for something to happen, and says what.
    async fn step(&mut self) -> Result<Option<String>, steadfast::Error> {
        Ok(match self.changes.next().await {
            Some(Delivery::Message(message)) => {
                let channel = message.channel_text();
                let Some((_, name)) = channel.split_once(PREFIX) else { return Ok(None) };
                self.load(name).await?;
                Some(format!("{} {name}", message.text()))
            }
            // Also after a connection was lost and made anew: what changed meanwhile is loaded here.
            Some(Delivery::Subscribed) => {
                self.load_all().await?;
                Some("loaded all".to_owned())
            }
            Some(notice) => Some(format!("{notice:?}")),
            None => None,
        })
    }

    async fn load(&mut self, name: &str) -> Result<(), steadfast::Error> {
        match self.client.get(format!("{PREFIX}{name}")).await? {
            Some(value) => self.values.insert(name.to_owned(), value),
            None => self.values.remove(name),
        };
        Ok(())
    }

    async fn load_all(&mut self) -> Result<(), steadfast::Error> {
        self.values.clear();
        let client = self.client.clone();
        let mut keys = client.scan::<String>().matching(format!("{PREFIX}*")).stream();
        while let Some(key) = keys.next().await {
            self.load(key?.trim_start_matches(PREFIX)).await?;
        }
        Ok(())
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned());
    let client = Client::connect(url).await?;
    // Servers tell of changes only when they are asked to: K, by the key's name; A, of every kind.
    let before = client.config_get(EVENTS).await?;
    client.config_set((EVENTS, "KA")).await?;
    client.set("settings:colour", "red").await?;

    let mut settings = Settings::follow(&client).await?;
    client.set("settings:size", "12").await?;
    client.del("settings:colour").await?;
    for _ in 0..3 {
        let what = settings.step().await?;
        println!("{}: {:?}", what.unwrap_or_default(), settings.values);
    }

    client.del("settings:size").await?;
    client.config_set((EVENTS, before.get(EVENTS))).await?;
    Ok(())
}
