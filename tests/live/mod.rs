//! What the tests of the public API share: ways to a server, peers that are scripted, and a bound on every wait.
#![allow(dead_code, unused_imports, reason = "every test binary compiles this module and uses its own part of it")]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's equipment fails the test by panicking")]

mod peer;
mod token;

use std::future::Future;
use std::time::{Duration, Instant};

use steadfast::client::Backoff;
use steadfast::{Client, Config, Error, LinkState};

pub(crate) use peer::{Peer, Wire};
pub(crate) use token::{Mood, Token};

use crate::support::{Kind, Server};

/// Both servers.
pub(crate) const KINDS: [Kind; 2] = [Kind::Redis, Kind::Valkey];

/// The server's plain port.
pub(crate) fn tcp(server: &Server) -> Config {
    quick(Config::tcp("127.0.0.1", server.port()))
}

/// With pauses that suit a test.
pub(crate) fn quick(config: Config) -> Config {
    config.with_backoff(Backoff::default().with_first(Duration::from_millis(5)).with_max(Duration::from_millis(100)))
}

/// A client that is connected.
pub(crate) async fn connected(config: Config) -> Client {
    within(PATIENCE, Client::connect(config)).await.unwrap()
}

/// Fails the test if `future` takes longer than `limit`: a hang is a failure and not a test without end.
pub(crate) async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(limit, future).await {
        Ok(output) => output,
        Err(_) => panic!("nothing came within {limit:?}"),
    }
}

/// The error of `future`, which must come `after` this long, and not much later.
pub(crate) async fn fails_after<T: std::fmt::Debug>(
    after: Duration,
    future: impl Future<Output = Result<T, Error>>,
) -> Error {
    let begin = Instant::now();
    let error = within(after + PATIENCE, future).await.unwrap_err();
    let took = begin.elapsed();
    assert!(took + HEAD_START >= after && took < after + SLACK, "{took:?} instead of {after:?}: {error}");
    error
}

/// The error of `future`, which must come at once.
pub(crate) async fn fails_at_once<T: std::fmt::Debug>(future: impl Future<Output = Result<T, Error>>) -> Error {
    fails_after(Duration::ZERO, future).await
}

/// Waits until the link's state is as wished.
pub(crate) async fn until_state(client: &Client, wished: impl FnMut(&LinkState) -> bool) -> LinkState {
    let mut state = client.state();
    within(PATIENCE, state.wait_for(wished)).await.unwrap().clone()
}

/// Asks until the answer is yes.
pub(crate) async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let asked = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within(PATIENCE, asked).await;
}

/// The connections that the server has, but for the tests' own, which come over its Unix socket.
pub(crate) fn clients_of(server: &Server) -> Vec<String> {
    let list = server.raw(&["CLIENT", "LIST"]);
    list.lines().filter(|line| !line.contains("server.sock")).map(str::to_owned).collect()
}

/// Far longer than anything takes that works.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A deadline counts from the making of a call, which is before anything here looks at the clock.
const HEAD_START: Duration = Duration::from_millis(50);

/// How late a deadline may be noticed on a machine that is busy with other tests.
pub(crate) const SLACK: Duration = Duration::from_millis(1500);
