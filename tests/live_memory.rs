//! What a server announces is not believed. Alone in its process, so that the memory it looks at is its own.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
mod support;

use std::time::Duration;

use steadfast::api::{Connection, Strings};
use steadfast::testing::{Answer, FakeServer};
use steadfast::{Config, ErrorKind, Fate};

use live::{PATIENCE, connected, fails_after, quick, until_state, within};

#[tokio::test]
async fn an_announcement_that_is_not_kept_costs_no_memory_and_no_more_than_the_deadline() {
    let announcements: [&[u8]; 5] =
        [b"*4294967295\r\n", b"$512000000\r\n", b"%2147483647\r\n", b"~4000000000\r\n:1\r\n", b"*2\r\n*4000000000\r\n"];
    for announcement in announcements {
        let server = FakeServer::start().await.unwrap();
        let client = connected(quick(Config::tcp("127.0.0.1", server.port())).with_deadline(PATIENCE)).await;
        let before = resident();
        server.reply_once("GET", Answer::raw(announcement));
        let deadline = Duration::from_millis(200);
        let error = fails_after(deadline, client.get::<String>("k").deadline(deadline).into_future()).await;
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout, Fate::Unknown), "{error}");
        let grown = resident().saturating_sub(before);
        assert!(grown < 8 << 20, "{grown} bytes for {announcement:?}");
        // It still waits for the rest of that answer: only a new connection helps.
        server.kill_connections();
        until_state(&client, |state| !state.is_ready()).await;
        assert_eq!(within(PATIENCE, client.echo::<String>("own").into_future()).await.unwrap(), "own");
    }
}

/// Bytes of memory that this process uses.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    status.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}
