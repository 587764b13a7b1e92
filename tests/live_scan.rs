//! Scans: every item comes, whatever happens to the connection, or the stream says that it cannot go on.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use steadfast::api::{Hashes, Keys, Server as _, Sets, SortedSets, Strings};
use steadfast::client::{ProtocolChoice, Scan};
use steadfast::{Client, Command, Config, Error, ErrorKind, Fate};

use live::{KINDS, PATIENCE, Peer, connected, fails_after, tcp, until_state, within};
use support::{Kind, Server};

const KEYS: usize = 500;

/// What the keys are called.
fn names() -> BTreeSet<String> {
    (0..KEYS).map(|number| format!("key:{number}")).collect()
}

async fn fill(client: &Client) {
    let mut pipeline = client.pipeline();
    for name in names() {
        pipeline.set(name, "x").queue();
    }
    pipeline.execute().await.check().unwrap();
}

/// All that is left of a scan.
async fn collect<T: Send>(mut scan: Scan<'_, T>) -> Result<Vec<T>, Error> {
    let mut items = Vec::new();
    while let Some(item) = within(PATIENCE, scan.next()).await {
        items.push(item?);
    }
    assert!(scan.next().await.is_none(), "what has ended stays ended");
    Ok(items)
}

/// Cuts the connections of all clients.
fn cut(server: &Server) {
    server.raw(&["CLIENT", "KILL", "TYPE", "normal"]);
}

#[tokio::test]
async fn every_item_comes_and_the_options_are_kept() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        for protocol in [ProtocolChoice::Resp2, ProtocolChoice::Resp3] {
            let client = connected(tcp(&server).with_protocol(protocol)).await;
            client.flushall().await.unwrap();
            fill(&client).await;
            client.sadd("a set", (0..KEYS).collect::<Vec<_>>()).await.unwrap();
            let found: BTreeSet<String> =
                collect(client.scan().matching("key:*").stream()).await.unwrap().into_iter().collect();
            assert_eq!(found, names());
            let sets: Vec<String> = collect(client.scan().of_type("set").count(1000).stream()).await.unwrap();
            assert_eq!(sets, ["a set"]);
            let members: BTreeSet<usize> =
                collect(client.sscan("a set").count(7).stream()).await.unwrap().into_iter().collect();
            assert_eq!(members, (0..KEYS).collect());

            let fields: Vec<(String, usize)> = (0..KEYS).map(|number| (format!("f{number}"), number)).collect();
            client.hset("a hash", fields.as_slice()).await.unwrap();
            let found: BTreeMap<String, usize> =
                collect(client.hscan("a hash").stream()).await.unwrap().into_iter().collect();
            assert_eq!(found, fields.into_iter().collect());

            let scores: Vec<(f64, usize)> = (0..KEYS).map(|number| (number as f64 / 4.0, number)).collect();
            client.zadd("a zset", scores.as_slice()).await.unwrap();
            let found: BTreeMap<usize, f64> =
                collect(client.zscan("a zset").stream()).await.unwrap().into_iter().collect();
            assert_eq!(found, scores.into_iter().map(|(score, member)| (member, score)).collect());
            let nothing: Vec<String> = collect(client.sscan("nothing").stream()).await.unwrap();
            assert_eq!(nothing, [""; 0]);
        }
    }
}

#[tokio::test]
async fn pages_are_asked_for_one_by_one_and_begin_where_the_last_one_said() {
    let server = Server::redis();
    let client = connected(tcp(&server)).await;
    fill(&client).await;
    let first = client.scan::<String>().count(100).await.unwrap();
    assert!(first.cursor != 0 && !first.items.is_empty());
    let mut rest = client.scan::<String>().count(100).cursor(first.cursor).stream();
    assert_eq!(rest.cursor(), first.cursor);
    let mut found: BTreeSet<String> = first.items.into_iter().collect();
    while let Some(key) = rest.next().await {
        found.insert(key.unwrap());
    }
    assert_eq!((found, rest.cursor()), (names(), 0));
}

#[tokio::test]
async fn a_slow_reader_has_asked_for_one_page() {
    let server = Server::redis();
    let client = connected(tcp(&server)).await;
    fill(&client).await;
    let mut scan = client.scan::<String>().count(10).stream();
    assert_eq!(scans(&server), 0, "nothing is asked for before the first poll");
    scan.next().await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(scans(&server), 1);
}

/// How many SCANs the server has run.
fn scans(server: &Server) -> usize {
    let stats = server.raw(&["INFO", "commandstats"]);
    let calls =
        stats.lines().find_map(|line| line.strip_prefix("cmdstat_scan:calls=")?.split(',').next()?.parse().ok());
    calls.unwrap_or(0)
}

#[tokio::test]
async fn no_item_is_lost_by_dropping_a_wait_for_the_next() {
    let server = Server::valkey();
    let client = connected(tcp(&server)).await;
    fill(&client).await;
    let mut scan = client.scan::<String>().count(20).stream();
    let (mut found, mut given_up) = (BTreeSet::new(), 0);
    loop {
        // Dropped after its first poll.
        match pin!(scan.next()).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Some(key)) => drop(found.insert(key.unwrap())),
            Poll::Ready(None) => break,
            Poll::Pending => {
                given_up += 1;
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
        }
    }
    assert!(given_up > 10, "{given_up}");
    assert_eq!(found, names());
}

#[tokio::test]
async fn a_scan_goes_on_over_cut_connections_to_the_same_server() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        let client = connected(tcp(&server)).await;
        fill(&client).await;
        let mut scan = client.scan::<String>().count(50).stream();
        let (mut found, mut taken) = (BTreeSet::new(), 0);
        while let Some(key) = within(PATIENCE, scan.next()).await {
            found.insert(key.unwrap());
            taken += 1;
            if taken % 90 == 0 {
                cut(&server);
            }
        }
        assert_eq!(found, names());
    }
}

#[tokio::test]
async fn a_scan_that_would_go_on_at_another_server_ends_with_an_error() {
    for kind in KINDS {
        let mut server = Server::build(kind).start();
        let client = connected(tcp(&server)).await;
        fill(&client).await;
        let mut scan = client.scan::<String>().count(10).stream();
        scan.next().await.unwrap().unwrap();
        let cursor = scan.cursor();
        server.restart();
        until_state(&client, |state| state.name() == "ready").await;
        let error = collect(scan).await.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::ServerChanged, Fate::NotSent), "{error}");
        assert!(cursor != 0 && error.to_string().contains("SCAN cannot go on"), "{error}");
    }
}

#[tokio::test]
async fn who_may_not_ask_which_server_it_is_can_scan_until_the_connection_is_lost() {
    let server = Server::build(Kind::Redis).config("user default on nopass ~* +@all -info").start();
    let client = connected(tcp(&server)).await;
    fill(&client).await;
    let found: BTreeSet<String> = collect(client.scan().stream()).await.unwrap().into_iter().collect();
    assert_eq!(found, names());
    let mut scan = client.scan::<String>().stream();
    scan.next().await.unwrap().unwrap();
    cut(&server);
    assert_eq!(collect(scan).await.unwrap_err().kind(), ErrorKind::ServerChanged);
}

#[tokio::test]
async fn a_server_that_dies_of_every_page_is_not_asked_for_ever() {
    let peer = Peer::start(|_, mut wire| async move {
        while let Some(command) = wire.command_after_handshake().await {
            match command[0].as_slice() {
                b"SCAN" if command[1] != b"0" => return,
                b"SCAN" => wire.say(b"*2\r\n$1\r\n7\r\n*1\r\n$1\r\na\r\n").await,
                _ => wire.say(b"$11\r\nrun_id:me\r\n\r\n").await,
            }
        }
    })
    .await;
    let client = connected(peer.config()).await;
    let mut scan = client.scan::<String>().stream();
    assert_eq!(within(PATIENCE, scan.next()).await.unwrap().unwrap(), "a");
    let error = within(PATIENCE, scan.next()).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ServerChanged, "{error}");
    assert_eq!(scan.cursor(), 7);
}

#[tokio::test]
async fn an_error_of_the_server_ends_the_stream() {
    let server = Server::redis();
    let client = connected(tcp(&server)).await;
    client.set("a string", "x").await.unwrap();
    let error = collect(client.sscan::<String>("a string").stream()).await.unwrap_err();
    assert_eq!(error.server().unwrap().code(), "WRONGTYPE");
    let reply: Result<String, _> = client.request(Command::new("SCAN").arg("nonsense")).await;
    assert_eq!(reply.unwrap_err().fate(), Fate::Executed);
    let gone = Client::connect_lazily(Config::tcp("127.0.0.1", 1).with_deadline(Duration::from_millis(50))).unwrap();
    assert_eq!(collect(gone.scan::<String>().stream()).await.unwrap_err().kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn a_page_has_one_deadline_however_often_it_is_asked_for() {
    let peer = Peer::start(|_, mut wire| async move {
        while let Some(command) = wire.command_after_handshake().await {
            match command[0].as_slice() {
                b"SCAN" if command[1] != b"0" => {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    return;
                }
                b"SCAN" => wire.say(b"*2\r\n$1\r\n7\r\n*1\r\n$1\r\na\r\n").await,
                _ => wire.say(b"$11\r\nrun_id:me\r\n\r\n").await,
            }
        }
    })
    .await;
    let client = connected(peer.config()).await;
    let mut scan = client.scan::<String>().deadline(Duration::from_millis(500)).stream();
    assert_eq!(within(PATIENCE, scan.next()).await.unwrap().unwrap(), "a");
    let error = fails_after(Duration::from_millis(500), async { scan.next().await.unwrap() }).await;
    assert_eq!((error.kind(), scan.cursor()), (ErrorKind::Timeout, 7), "{error}");
}
