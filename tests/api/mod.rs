//! What the tests of the typed commands share.

mod acl;
mod bitmaps;
mod cluster;
mod connection;
mod documented;
mod geo;
mod hashes;
mod hyperloglog;
mod json;
mod keys;
mod lists;
mod own_connection;
mod probabilistic;
mod pubsub;
mod scripting;
mod search;
mod server;
mod sets;
mod sorted_sets;
mod streams;
mod strings;
mod vector_sets;
mod waited;
mod waiting;

use std::fmt::Debug;
use std::time::Duration;

use steadfast::api::Server as _;
use steadfast::client::ProtocolChoice;
use steadfast::{Client, Error, ErrorKind, Fate};

pub(crate) use documented::documented;

use crate::live::{KINDS, connected, tcp, within};
use crate::support::{Kind, Raw, Server};

/// Longer than any of these tests takes.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// No keys, fields or values.
pub(crate) const NOTHING: [&str; 0] = [];

/// The request must be refused before it is sent, for its arguments.
pub(crate) async fn not_sent<T: Debug>(request: impl IntoFuture<Output = Result<T, Error>>) {
    let error = request.await.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Arguments, Fate::NotSent), "{error}");
}

/// Runs the test on an empty server of each kind, once in each protocol.
pub(crate) async fn on_each(test: impl AsyncFn(&Client)) {
    for kind in KINDS {
        on(kind, &test).await;
    }
}

/// Runs the test on an empty server of this kind, once in each protocol.
pub(crate) async fn on(kind: Kind, test: impl AsyncFn(&Client)) {
    let server = Server::build(kind).config("enable-debug-command yes").start();
    for protocol in [ProtocolChoice::Resp2, ProtocolChoice::Resp3] {
        server.raw(&["FLUSHALL"]);
        // What the run before this one has dropped may not be gone yet.
        server.raw(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        server.raw(&["CLIENT", "KILL", "TYPE", "normal"]);
        let client = connected(tcp(&server).with_protocol(protocol)).await;
        println!("{kind:?} {protocol:?}");
        within(LIMIT, test(&client)).await;
    }
}

/// The server ran the command and answered with an error that begins so.
pub(crate) fn was_answered<T: Debug>(answer: Result<T, Error>, begin: &str) {
    let error = answer.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Server, Fate::Executed), "{error}");
    let line = error.server().unwrap().message().to_owned();
    assert!(line.starts_with(begin), "{line}");
}

/// A connection to the client's server that does not go through the crate, and that the server has taken.
pub(crate) async fn beside(client: &Client) -> Raw {
    let settings = client.config_get("unixsocket").await.unwrap();
    let mut raw = Raw::unix(settings["unixsocket"].as_ref()).unwrap();
    assert_eq!(raw.call(&["PING"]).unwrap(), "PONG");
    raw
}

/// The words of a command, for options whose effect nobody sees from outside.
pub(crate) fn words(command: &steadfast::Command) -> String {
    let wire = String::from_utf8(command.to_wire()).unwrap();
    wire.split("\r\n").skip(2).step_by(2).collect::<Vec<_>>().join(" ")
}
