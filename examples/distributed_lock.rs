//! A lock that one holder at a time has: SET NX with an expiry, and scripts that give back or prolong only one's own.
//!
//! Runs against `REDIS_URL`, or against a server on this machine if that is not set.

use std::error::Error;
use std::time::Duration;

use steadfast::api::Strings;
use steadfast::{Client, Effect, Fate, Script};

struct Locks {
    client: Client,
    lifetime: Duration,
    release: Script,
    prolong: Script,
}

/// A lock that was taken. Whoever holds it must be done within its lifetime, or prolong it.
struct Held<'a> {
    locks: &'a Locks,
    name: String,
    /// Tells this holder from all others.
    token: String,
}

impl Locks {
    fn new(client: Client, lifetime: Duration) -> Self {
        // A second run of either changes nothing more, so both may be sent again when a connection is lost.
        let release =
            Script::new("if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0")
                .with_effect(Effect::ConditionalWrite);
        let prolong = Script::new(
            "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0",
        )
        .with_effect(Effect::ConditionalWrite);
        Self { client, lifetime, release, prolong }
    }

    /// `None` if somebody else has it.
    async fn take(&self, name: &str, token: &str) -> Result<Option<Held<'_>>, steadfast::Error> {
        let taken = match self.client.set(name, token).nx().ex(self.lifetime).await {
            Ok(taken) => taken,
            // Nobody knows whether it was set: the value says whose it is. (An old command may still be on its way; it
            // would set our own token.)
            Err(error) if error.fate() == Fate::Unknown => {
                self.client.get::<String>(name).await?.as_deref() == Some(token)
            }
            Err(error) => return Err(error),
        };
        Ok(taken.then(|| Held { locks: self, name: name.to_owned(), token: token.to_owned() }))
    }
}

impl Held<'_> {
    /// Whether it was still ours.
    async fn prolong(&self) -> Result<bool, steadfast::Error> {
        let lifetime = u64::try_from(self.locks.lifetime.as_millis()).unwrap_or(u64::MAX);
        self.locks.prolong.on(&self.locks.client, &self.name, (&self.token, lifetime)).await
    }

    /// Whether it was still ours.
    async fn release(self) -> Result<bool, steadfast::Error> {
        self.locks.release.on(&self.locks.client, &self.name, &self.token).await
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned());
    let locks = Locks::new(Client::connect(url).await?, Duration::from_secs(10));

    let held = locks.take("lock:report", "worker-1").await?.ok_or("somebody else has it")?;
    let second = locks.take("lock:report", "worker-2").await?;
    println!("worker 2 got it too: {}", second.is_some());
    println!("prolonged: {}", held.prolong().await?);
    println!("released: {}", held.release().await?);
    let held = locks.take("lock:report", "worker-2").await?.ok_or("it was released")?;
    println!("worker 2 has it now, and gives it back: {}", held.release().await?);
    Ok(())
}
