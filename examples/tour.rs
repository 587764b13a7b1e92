//! The main job in one page: typed commands, concurrent calls, a pipeline, what is known of the connection.
//!
//! Runs against `REDIS_URL` if it is set, otherwise against a server inside of this process.

use std::error::Error;
use std::time::{Duration, Instant};

use steadfast::api::{Connection, Hashes, Keys, Strings};
use steadfast::testing::FakeServer;
use steadfast::{Client, Command, Config, LinkState};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (_server, url) = match std::env::var("REDIS_URL") {
        Ok(url) => (None, url),
        Err(_) => {
            println!("REDIS_URL is not set: this uses a server inside of this process");
            let server = FakeServer::start().await?;
            let url = server.url();
            (Some(server), url)
        }
    };
    let config = Config::from_url(&url)?.with_name("tour");
    println!("connecting to {config}");
    let client = Client::connect(config).await?;
    show_connection(&client.state().borrow());

    typed_commands(&client).await?;
    concurrent_calls(&client).await?;
    pipeline(&client).await?;
    errors(&client).await;

    client.del(["tour:greeting", "tour:lock", "tour:hits", "tour:user"]).await?;
    client.close(Duration::from_secs(1)).await;
    println!("closed; the state is now: {}", client.state().borrow().name());
    Ok(())
}

fn show_connection(state: &LinkState) {
    let Some(session) = state.session() else { return println!("not connected: {}", state.name()) };
    let server = &session.server;
    println!(
        "connected to {} {} by {:?}",
        server.server.as_deref().unwrap_or("a server"),
        server.version.as_deref().unwrap_or("of unknown version"),
        server.protocol
    );
    match &session.peer.tls {
        None => println!("  in plaintext"),
        Some(tls) => {
            println!("  {} with {}, resumed: {}", tls.version, tls.cipher, tls.resumed);
            if let Some(certificate) = &tls.peer_certificate {
                println!("  certificate for {}, until {:?}", certificate.names.join(", "), certificate.not_after);
            }
        }
    }
}

async fn typed_commands(client: &Client) -> Result<(), steadfast::Error> {
    client.ping().await?;
    client.set("tour:greeting", "hello").ex(Duration::from_secs(60)).await?;
    let greeting: Option<String> = client.get("tour:greeting").await?;
    let left = client.ttl("tour:greeting").await?.left();
    println!("greeting: {greeting:?}, for {left:?} more");

    let first = client.set("tour:lock", "me").nx().ex(Duration::from_secs(10)).await?;
    let second = client.set("tour:lock", "you").nx().ex(Duration::from_secs(10)).await?;
    println!("the lock was free: {first}, and then: {second}");

    client.hset("tour:user", [("name", "Alice"), ("city", "Oslo")]).await?;
    let user: std::collections::BTreeMap<String, String> = client.hgetall("tour:user").await?;
    println!("user: {user:?}");

    // Any command of any module can be sent; what it answers is up to the caller.
    let echo: String = client.request(Command::new("ECHO").arg("any command")).await?;
    println!("raw: {echo}");
    Ok(())
}

/// Calls that are made at the same time travel together: no pipeline is needed for that.
async fn concurrent_calls(client: &Client) -> Result<(), Box<dyn Error>> {
    let begin = Instant::now();
    let tasks: Vec<_> = (0..1000)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.incr("tour:hits").await })
        })
        .collect();
    let mut highest = 0;
    for task in tasks {
        highest = highest.max(task.await??);
    }
    println!("1000 concurrent INCR took {:?}; the counter is at {highest}", begin.elapsed());
    Ok(())
}

async fn pipeline(client: &Client) -> Result<(), steadfast::Error> {
    let mut pipeline = client.pipeline();
    let hits = pipeline.get::<i64>("tour:hits").queue();
    let wrong = pipeline.incr("tour:greeting").queue();
    let exists = pipeline.exists(["tour:user", "tour:nobody"]).queue();
    let results = pipeline.execute().await;
    println!("pipeline: {:?} hits, {} of 2 keys exist", results.get(hits)?, results.get(exists)?);
    if let Err(error) = results.get(wrong) {
        println!("pipeline, second command: {error}");
    }
    Ok(())
}

/// Every error says what became of the command.
async fn errors(client: &Client) {
    let error = match client.incr("tour:greeting").await {
        Ok(_) => return,
        Err(error) => error,
    };
    println!("an error: {error}");
    println!("  kind {:?}, fate {:?}, safe to retry: {}", error.kind(), error.fate(), error.fate().is_safe_to_retry());
}
