//! Carts of a shop in a cluster: what belongs together has a `{tag}`, and so one slot, where transactions are possible; what
//! does not is read from all nodes at once, by the same calls as from one server.
//!
//! Runs against the cluster at `REDIS_URL`, such as `redis+cluster://127.0.0.1:7000`; without one it says so and ends. All that
//! it writes expires within a minute.

use std::error::Error;
use std::time::Duration;

use steadfast::api::{Hashes, Keys, Strings};
use steadfast::{Client, ErrorKind};

const USERS: [&str; 4] = ["alice", "bob", "carol", "dave"];
const LIFETIME: Duration = Duration::from_secs(60);

/// The part in braces says which slot a key has: the same for all keys of a user, another one for each user.
fn key(user: &str, what: &str) -> String {
    format!("example:{{{user}}}:{what}")
}

/// Takes from the user's credit what the cart costs, if it is enough. Whether it was.
async fn buy(client: &Client, user: &'static str) -> Result<bool, steadfast::Error> {
    let (credit, cart) = (key(user, "credit"), key(user, "cart"));
    // One slot, so one node: the keys are watched there. If the slot moves meanwhile, this begins anew at its new node.
    let bought = client.optimistic((&credit, &cart)).run(async |connection, transaction| {
        let left = connection.get::<i64>(&credit).await?.unwrap_or(0);
        let prices: Vec<i64> = connection.hvals(&cart).await?;
        let price = prices.iter().sum::<i64>();
        if price <= left {
            let _ = transaction.decrby(&credit, price).queue();
            let _ = transaction.del(&cart).queue();
        }
        Ok(price <= left)
    });
    let (is_bought, results) = bought.await?;
    results.check()?;
    Ok(is_bought)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Ok(url) = std::env::var("REDIS_URL") else {
        println!("REDIS_URL names no cluster: try redis+cluster://127.0.0.1:7000");
        return Ok(());
    };
    let client = Client::connect(&url).await?;
    for node in client.topology().nodes() {
        println!("{} is a {} with {} ranges of slots", node.address, node.role, node.slots.len());
    }

    // One pipeline: each node gets the commands that are its own, all at the same time.
    let mut pipeline = client.pipeline();
    for (number, user) in USERS.into_iter().enumerate() {
        let _ = pipeline.set(key(user, "credit"), 10 * (number + 1)).ex(LIFETIME).queue();
        let _ = pipeline.hset(key(user, "cart"), [("tea", 8), ("cup", 17)]).queue();
        let _ = pipeline.expire(key(user, "cart"), LIFETIME).queue();
    }
    pipeline.execute().await.check()?;

    for user in USERS {
        println!("{user} has bought: {}", buy(&client, user).await?);
    }

    // Keys of four slots, and one answer in their order.
    let credits: Vec<Option<i64>> = client.mget(USERS.map(|user| key(user, "credit"))).await?;
    println!("credits: {credits:?}");
    assert_eq!(credits, [Some(10), Some(20), Some(5), Some(15)]);

    // What writes is not taken apart, unless `Config::with_split_writes` says so: it would not be atomic.
    match client.del(USERS.map(|user| key(user, "cart"))).await {
        Ok(deleted) => println!("one server: {deleted} carts are gone"),
        Err(error) if error.kind() == ErrorKind::CrossSlot => println!("nothing was sent: {error}"),
        Err(error) => return Err(error.into()),
    }
    // Keys with the same braces can be deleted together.
    for user in USERS {
        client.del((key(user, "cart"), key(user, "credit"))).await?;
    }
    Ok(())
}
