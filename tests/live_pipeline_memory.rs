//! A pipeline of a million commands. Alone in its process, so that the memory it looks at is its own.
#![cfg(target_os = "linux")]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
mod support;

use std::time::Duration;

use steadfast::api::{Server as _, Strings};

use live::{connected, tcp, within};
use support::Server;

/// How many commands.
const COMMANDS: usize = 1_000_000;

/// What it may cost besides the commands and the answers, as they are on the wire.
const ALLOWED: usize = 64 << 20;

#[tokio::test]
async fn a_million_commands_cost_little_more_than_their_bytes() {
    let server = Server::redis();
    let client = connected(tcp(&server)).await.with_deadline(Duration::from_secs(120));
    let before = peak();
    let (mut pipeline, mut sent) = (client.pipeline(), 0);
    let (mut first, mut last) = (None, None);
    for number in 0..COMMANDS {
        let request = pipeline.incrby(number, 7);
        sent += request.command().to_wire().len();
        let queued = request.queue();
        first.get_or_insert(queued);
        last = Some(queued);
    }
    let results = within(Duration::from_secs(120), pipeline.execute()).await;
    let data = sent + COMMANDS * b":7\r\n".len();
    let spent = (peak() - before).saturating_sub(data);
    println!("{} MB besides {} MB", spent >> 20, data >> 20);
    results.check().unwrap();
    assert_eq!(results.get((first.unwrap(), last.unwrap())).unwrap(), (7, 7));
    assert_eq!(client.dbsize().await.unwrap(), COMMANDS as u64);
    assert!(spent < ALLOWED, "{spent} bytes");
}

/// The most bytes of memory that this process ever used.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let kilobytes =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    kilobytes.map(|kilobytes: usize| kilobytes * 1024).unwrap()
}
