//! What the tests of the typed commands share.

mod documented;
mod json;
mod probabilistic;
mod search;
mod strings;
mod vector_sets;

use std::time::Duration;

use steadfast::Client;
use steadfast::client::ProtocolChoice;

pub(crate) use documented::documented;

use crate::live::{KINDS, connected, tcp, within};
use crate::support::{Kind, Server};

/// Longer than any of these tests takes.
const LIMIT: Duration = Duration::from_secs(60);

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
