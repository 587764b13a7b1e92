//! A primary and its replicas that are configured by their addresses alone: real ones, told apart and followed.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
mod support;

use std::time::Duration;

use steadfast::api::Strings as _;
use steadfast::client::ReadFrom;
use steadfast::{Client, Config, ErrorKind, Fate, Stage};

use live::{KINDS, PATIENCE, connected, fails_after, quick, until, until_state, within};
use support::{Kind, Server};

const SECOND: Duration = Duration::from_secs(1);

/// A primary, and its replicas behind it.
fn start(kind: Kind, replicas: usize) -> Vec<Server> {
    let mut servers = vec![build(kind).start()];
    for _ in 0..replicas {
        let of = format!("replicaof 127.0.0.1 {}", servers[0].port());
        servers.push(build(kind).config(&of).start());
    }
    for replica in &servers[1..] {
        wait(|| replica.raw(&["INFO", "replication"]).contains("master_link_status:up"));
    }
    servers
}

fn build(kind: Kind) -> support::ServerBuilder {
    Server::build(kind).config("repl-diskless-sync-delay 0").config("repl-ping-replica-period 1")
}

fn wait(holds: impl Fn() -> bool) {
    let begin = std::time::Instant::now();
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "not in time");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// In this order.
fn config(servers: &[&Server]) -> Config {
    quick(Config::with_replicas(servers.iter().map(|server| ("127.0.0.1", server.port()))))
}

fn promote(server: &Server) {
    assert_eq!(server.raw(&["REPLICAOF", "NO", "ONE"]), "OK");
}

fn demote(server: &Server, primary: &Server) {
    assert_eq!(server.raw(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]), "OK");
}

fn gets(server: &Server) -> u64 {
    let text = server.raw(&["INFO", "commandstats"]);
    let line = text.lines().find_map(|line| line.strip_prefix("cmdstat_get:calls="));
    line.and_then(|line| line.split(',').next()?.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn the_primary_is_found_wherever_it_stands_in_the_list() {
    for kind in KINDS {
        let servers = start(kind, 2);
        let [primary, first, second] = servers.as_slice() else { panic!("three servers") };
        for list in [[primary, first, second], [first, primary, second], [second, first, primary]] {
            let client = connected(config(&list)).await;
            client.set("a", 1).await.unwrap();
            assert_eq!(client.get::<u32>("a").await.unwrap(), Some(1));
            client.close(SECOND).await;
        }
        assert_eq!([gets(primary), gets(first), gets(second)], [3, 0, 0]);
        let url = format!("redis://127.0.0.1:{},127.0.0.1:{}", second.port(), primary.port());
        connected(Config::from_url(&url).unwrap()).await.set("a", 2).await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_is_down_does_not_keep_the_others_from_being_used() {
    let mut servers = start(Kind::Redis, 2);
    servers[2].kill9();
    let list: Vec<&Server> = servers.iter().rev().collect();
    let client = within(SECOND, Client::connect(config(&list))).await.unwrap();
    client.set("a", 1).await.unwrap();
}

#[tokio::test]
async fn reads_go_to_replicas_where_that_is_wished() {
    let servers = start(Kind::Valkey, 2);
    let [primary, first, second] = servers.as_slice() else { panic!("three servers") };
    let client = connected(config(&[first, primary, second]).with_read_from(ReadFrom::Replica)).await;
    client.set("a", 1).await.unwrap();
    until(async || [first, second].iter().all(|replica| replica.raw(&["GET", "a"]) == "1")).await;
    let before = gets(first) + gets(second);
    for _ in 0..100 {
        assert_eq!(client.get::<u32>("a").await.unwrap(), Some(1));
    }
    assert_eq!((gets(primary), gets(first) + gets(second) - before), (0, 100));
}

#[tokio::test]
async fn servers_that_change_places_by_hand_cost_no_error() {
    for kind in KINDS {
        let servers = start(kind, 1);
        let [a, b] = servers.as_slice() else { panic!("two servers") };
        let client = connected(config(&[a, b]).with_deadline(PATIENCE)).await;
        let mut expected = 0;
        for (old, new) in [(a, b), (b, a)] {
            for _ in 0..50 {
                expected += 1;
                assert_eq!(client.incr("n").await.unwrap(), expected);
            }
            wait(|| new.raw(&["GET", "n"]) == expected.to_string());
            promote(new);
            demote(old, new);
            for _ in 0..50 {
                expected += 1;
                assert_eq!(client.incr("n").await.unwrap(), expected);
            }
            wait(|| old.raw(&["INFO", "replication"]).contains("master_link_status:up"));
        }
    }
}

#[tokio::test]
async fn a_planned_failover_under_load_costs_no_error_and_loses_nothing() {
    for kind in KINDS {
        let servers = start(kind, 1);
        let [a, b] = servers.as_slice() else { panic!("two servers") };
        let client = connected(config(&[a, b]).with_deadline(PATIENCE)).await;
        let callers: Vec<_> = (0..8)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move {
                    for _ in 0..100 {
                        client.incr("n").await.unwrap();
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                })
            })
            .collect();
        until(async || client.get::<u32>("n").await.unwrap() >= Some(80)).await;
        assert_eq!(a.raw(&["FAILOVER", "TO", "127.0.0.1", &b.port().to_string(), "TIMEOUT", "5000"]), "OK");
        for caller in callers {
            within(PATIENCE, caller).await.unwrap();
        }
        assert!(b.raw(&["ROLE"]).starts_with("master"), "it has not failed over");
        assert_eq!(b.raw(&["GET", "n"]), "800");
    }
}

#[tokio::test]
async fn a_replica_that_takes_the_place_of_a_dead_primary_is_found() {
    for kind in KINDS {
        let mut servers = start(kind, 2);
        let client = {
            let list: Vec<&Server> = servers.iter().collect();
            connected(config(&list).with_deadline(PATIENCE)).await
        };
        client.set("a", 1).await.unwrap();
        wait(|| servers[1].raw(&["GET", "a"]) == "1");
        servers[0].kill9();
        until_state(&client, |state| !state.is_ready()).await;
        let waiting = tokio::spawn(async move {
            client.set("b", 2).await.unwrap();
            client.get::<u32>("a").await.unwrap()
        });
        tokio::time::sleep(SECOND / 2).await;
        assert!(!waiting.is_finished(), "there was nobody to write to");
        promote(&servers[1]);
        demote(&servers[2], &servers[1]);
        assert_eq!(within(PATIENCE, waiting).await.unwrap(), Some(1));
        assert_eq!(servers[1].raw(&["GET", "b"]), "2");
    }
}

/// Both call themselves the primary, and the old one has more data: what was written where nobody looks any more.
#[tokio::test]
async fn an_old_primary_that_comes_back_is_not_taken_for_the_new_one() {
    for kind in KINDS {
        let servers = start(kind, 1);
        let [a, b] = servers.as_slice() else { panic!("two servers") };
        for _ in 0..100 {
            a.raw(&["INCR", "n"]);
        }
        wait(|| b.raw(&["GET", "n"]) == "100");
        promote(b);
        let mut lost = a.connect();
        for _ in 0..100 {
            lost.call(&["INCR", "n"]).unwrap();
        }
        for list in [[a, b], [b, a]] {
            let client = connected(config(&list)).await;
            client.incr("n").await.unwrap();
        }
        assert_eq!((a.raw(&["GET", "n"]).as_str(), b.raw(&["GET", "n"]).as_str()), ("200", "102"));
    }
}

#[tokio::test]
async fn without_a_primary_a_call_ends_at_its_deadline_and_says_why() {
    let servers = start(Kind::Redis, 2);
    let client = Client::connect_lazily(config(&[&servers[1], &servers[2]]).with_deadline(SECOND)).unwrap();
    let error = fails_after(SECOND, async { client.set("a", 1).await }).await;
    assert_eq!((error.kind(), error.fate(), error.stage()), (ErrorKind::Timeout, Fate::NotSent, Some(Stage::Topology)));
    assert!(error.to_string().contains("none of the servers is a primary"), "{error}");
    promote(&servers[1]);
    within(PATIENCE, async { client.set("a", 1).deadline(PATIENCE).await }).await.unwrap();
}
