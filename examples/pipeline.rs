//! Several commands in one write, each with an answer of its own type.
//!
//! Runs against `REDIS_URL` if it is set, otherwise against a server inside of this process.

use std::error::Error;

use steadfast::Client;
use steadfast::api::{Hashes, Lists, Strings};
use steadfast::testing::FakeServer;

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

    // Calls that are made at the same time share a write by themselves: most programs need no pipeline.
    let (_, visits) = tokio::try_join!(client.set("greeting", "hello"), client.incr("visits"))?;
    println!("visit {visits}");

    // A pipeline is for one task that has many commands at once. Answers by their handles:
    let mut pipeline = client.pipeline();
    let greeting = pipeline.get::<String>("greeting").queue();
    let visits = pipeline.incr("visits").queue();
    let broken = pipeline.lpush("greeting", ["not a list"]).queue();
    let results = pipeline.execute().await;
    let (greeting, visits) = results.get((greeting, visits))?;
    println!("{greeting:?}, visit {visits}");
    // A command that failed kept no other from running; `check` is for those who want all or an error.
    if let Err(error) = results.get(broken) {
        println!("{error}");
    }
    println!("all went well: {}", results.check().is_ok());

    // Any number of commands, with one deadline for all.
    let mut pipeline = client.pipeline();
    let queued: Vec<_> =
        (0..1000).map(|number| pipeline.hset("squares", [(number, number * number)]).queue()).collect();
    let added = pipeline.execute().await.get(queued)?;
    println!("{} fields", added.iter().sum::<u64>());
    Ok(())
}
