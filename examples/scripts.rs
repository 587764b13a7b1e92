//! A script that takes from a stock what is there: read, decide and write as one, sent by its hash.
//!
//! Runs against `REDIS_URL`, or against a server on this machine if that is not set.

use std::error::Error;

use steadfast::api::{Keys, Strings};
use steadfast::{Client, Script};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned());
    let client = Client::connect(url).await?;
    client.set("stock:apples", 10).await?;

    // Made once: the server is sent 40 digits instead of the text, and the text when it does not know them.
    let take = Script::new(
        "local there = tonumber(redis.call('GET', KEYS[1]) or '0')
         local taken = math.min(there, tonumber(ARGV[1]))
         redis.call('DECRBY', KEYS[1], taken)
         return {taken, there - taken}",
    );
    for wanted in [4, 4, 4] {
        let (taken, left): (u64, u64) = take.on(&client, "stock:apples", wanted).await?;
        println!("wanted {wanted}, got {taken}, {left} left");
    }

    // One that only reads may be repeated by itself after a lost connection, and may run on replicas.
    let value = Script::read_only("return tonumber(redis.call('GET', KEYS[1])) * tonumber(ARGV[1])");
    let cents: u64 = value.on(&client, "stock:apples", 25).await?;
    println!("what is left is worth {cents} cents");

    // In a pipeline or a transaction it goes out whole.
    let mut transaction = client.transaction();
    let queued = (
        take.on::<_, (u64, u64)>(&mut transaction, "stock:apples", 1).queue(),
        transaction.del("stock:apples").queue(),
    );
    let ((taken, _), removed) = transaction.execute().await?.get(queued)?;
    println!("got {taken}, removed {removed} key");
    Ok(())
}
