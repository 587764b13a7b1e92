//! A log of events with a group of consumers: each event to one of them, and none lost when one dies.
//!
//! Runs against `REDIS_URL`, or against a server on this machine if that is not set.

use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use steadfast::Client;
use steadfast::api::*;

/// What an event holds, field by field.
type Fields = HashMap<String, String>;

/// Takes up to so many new events for a worker. They are pending until they are acknowledged.
async fn take(client: &Client, worker: &str, count: u64) -> Result<Vec<StreamEntry<Fields>>, steadfast::Error> {
    let read: StreamsRead = client.xreadgroup("mail", worker, "signups", ">").count(count).await?;
    Ok(read.into_iter().flat_map(|(_, entries)| entries).collect())
}

/// What a worker does, and that it has done it.
async fn greet(client: &Client, entries: &[StreamEntry<Fields>]) -> Result<(), steadfast::Error> {
    for entry in entries {
        println!("worker 2 greets {}", entry.fields["name"]);
        client.xack("signups", "mail", entry.id).await?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1:6379".to_owned());
    let client = Client::connect(url).await?;
    client.del("signups").await?;
    // From the beginning of a stream that need not exist yet.
    client.xgroup_create("signups", "mail", StreamId::MIN).mkstream().await?;

    for name in ["alice", "bob", "carol", "dave"] {
        // An XADD that nobody knows the end of is not sent again by itself: it would be there twice.
        let id = client.xadd("signups", "*", (("name", name), ("plan", "free"))).await?;
        println!("{name} is {}", if id > StreamId::MIN { "in the log" } else { "lost" });
    }

    // One worker takes two events, does the work for one, and dies.
    let taken = take(&client, "worker-1", 2).await?;
    for entry in taken.iter().take(1) {
        println!("worker 1 greets {}", entry.fields["name"]);
        client.xack("signups", "mail", entry.id).await?;
    }

    // The other takes what is new, and then what somebody left for too long.
    greet(&client, &take(&client, "worker-2", 10).await?).await?;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let mut start = StreamId::MIN;
    loop {
        let left = client.xautoclaim::<Fields>("signups", "mail", "worker-2", Duration::from_millis(10), start).await?;
        greet(&client, &left.claimed).await?;
        if left.next == StreamId::MIN {
            break;
        }
        start = left.next;
    }
    println!("still pending: {}", client.xpending("signups", "mail").await?.count);
    println!("in the log: {}", client.xlen("signups").await?);
    Ok(())
}
