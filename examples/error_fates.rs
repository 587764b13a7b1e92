//! Every fault has its error, and every error says what became of the command. Needs no server: faults are made in a
//! server inside of this process.

use std::error::Error;
use std::time::Duration;

use steadfast::api::Strings;
use steadfast::client::{Config, Offline};
use steadfast::resp::Value;
use steadfast::testing::{Answer, FakeServer};
use steadfast::{Client, ErrorKind, Fate};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = FakeServer::start().await?;
    let client = Client::connect(server.url()).await?;

    client.set("name", "alice").await?;
    report("a value of the wrong kind", client.incr("name").await);
    report("a reply of the wrong type", client.get::<i64>("name").await);

    server.reply_once("INCR", Value::error("LOADING Redis is loading the dataset in memory"));
    report("a server that refuses", client.incr("hits").await);

    server.reply_once("INCR", Answer::close());
    report("a connection that is lost before the answer", client.incr("hits").await);

    server.reply_once("INCR", Answer::silence());
    report("a server that does not answer", client.incr("hits").deadline(Duration::from_millis(50)).await);

    let nobody = Config::tcp("127.0.0.1", 1).with_offline(Offline::FailFast);
    report("no server at all", Client::connect_lazily(nobody)?.incr("hits").await);
    report("a mistake in the URL", Client::connect("redis://localhost?dead_line=1s").await);

    client.close(Duration::from_secs(1)).await;
    report("a client that was closed", client.incr("hits").await);
    Ok(())
}

fn report<T>(what: &str, outcome: Result<T, steadfast::Error>) {
    let Err(error) = outcome else { return println!("{what}: no error") };
    // Shortened: a mistake in a URL is answered with the list of all options.
    println!("{what}:\n  {:.220}", error.to_string());
    println!("  {:?}, {:?}: {}\n", error.kind(), error.fate(), advice(&error));
}

/// What a program can do about it.
fn advice(error: &steadfast::Error) -> &'static str {
    match (error.fate(), error.kind()) {
        (_, ErrorKind::Config | ErrorKind::Closed) => "mend the program",
        (Fate::NotSent | Fate::Refused, _) => "it did not run: try again when you like",
        (Fate::Unknown, _) => "it may have run, or run later: try again only if running twice does no harm",
        _ => "the server has answered: trying again gives the same",
    }
}
