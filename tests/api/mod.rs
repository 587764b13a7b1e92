//! What the tests of the typed commands share.

mod acl;
mod cluster;
mod connection;
mod documented;
mod pubsub;
mod scripting;
mod server;
mod strings;

use std::time::Duration;

use steadfast::Client;
use steadfast::api::Server as _;
use steadfast::client::ProtocolChoice;

#[allow(unused_imports, reason = "groups that every server here has do without it")]
pub(crate) use documented::documented;

use crate::live::{KINDS, connected, tcp, within};
use crate::support::{Kind, Raw, Server};

/// Longer than any of these tests takes.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

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
        let client = connected(tcp(&server).with_protocol(protocol)).await;
        println!("{kind:?} {protocol:?}");
        within(LIMIT, test(&client)).await;
    }
}

/// A connection to the client's server that does not go through the crate, and that the server has taken.
pub(crate) async fn beside(client: &Client) -> Raw {
    let settings = client.config_get("unixsocket").await.unwrap();
    let mut raw = Raw::unix(settings["unixsocket"].as_ref()).unwrap();
    assert_eq!(raw.call(&["PING"]).unwrap(), "PONG");
    raw
}
