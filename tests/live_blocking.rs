//! Commands that may wait on the server have a connection for themselves, and hold up nobody.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
mod support;

use std::time::{Duration, Instant};

use steadfast::api::{Lists, Strings};
use steadfast::client::ProtocolChoice;
use steadfast::{Client, Command, Config, ErrorKind, Fate, Stage, Value};

use live::{KINDS, PATIENCE, clients_of, connected, tcp, until, within};
use support::{Kind, Server};

/// Both servers, in both protocols.
fn everywhere() -> impl Iterator<Item = (Kind, ProtocolChoice)> {
    KINDS.into_iter().flat_map(|kind| [ProtocolChoice::Resp2, ProtocolChoice::Resp3].map(|protocol| (kind, protocol)))
}

fn blpop(key: &str, seconds: f64) -> Command {
    Command::new("BLPOP").key(key).arg(seconds)
}

type Popped = Option<(String, String)>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocking_command_waits_on_a_connection_of_its_own() {
    for (kind, protocol) in everywhere() {
        let server = Server::build(kind).start();
        let client = connected(tcp(&server).with_protocol(protocol)).await;
        let waiting = tokio::spawn({
            let client = client.clone();
            async move { client.request::<Popped>(blpop("q", 0.0)).await }
        });
        until(async || clients_of(&server).iter().any(|line| line.contains("cmd=blpop"))).await;
        for number in 0..100 {
            client.set("k", number).await.unwrap();
        }
        client.rpush("q", "element").await.unwrap();
        let popped = within(PATIENCE, waiting).await.unwrap().unwrap();
        assert_eq!(popped, Some(("q".to_owned(), "element".to_owned())), "{kind:?} {protocol:?}");
        // The next one uses the same connection.
        let none: Popped = client.request(blpop("q", 0.01)).await.unwrap();
        assert_eq!(none, None);
        assert_eq!(clients_of(&server).len(), 2);
    }
}
