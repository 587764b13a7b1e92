//! Links to the nodes of a real cluster: a primary and its replica.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::*;
use crate::command::Command;
use crate::connection::{
    BackoffSettings, HandshakePlan, Offline, ProtocolChoice, Role, Room, SessionSettings, Tracing,
};
use crate::driver::{AtCapacity, Bounds, Link, LinkSettings};
use crate::outcome::Address;
use crate::resp::Limits;
use crate::transport::{DialOptions, Dialer};
use support::{Kind, Server, free_port};

#[path = "../../../tests/support/mod.rs"]
mod support;

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

fn node(kind: Kind) -> Server {
    let server = Server::build(kind).config("cluster-enabled yes").config("repl-ping-replica-period 1");
    server.config(&format!("cluster-port {}", free_port())).start()
}

fn bus_port(server: &Server) -> String {
    let setting = server.raw(&["CONFIG", "GET", "cluster-port"]);
    setting.lines().nth(1).unwrap().to_owned()
}

/// Waits until the server says `wanted` somewhere in its answer.
fn until(server: &Server, question: &[&str], wanted: &str) {
    let end = Instant::now() + PATIENCE;
    while !server.raw(question).contains(wanted) {
        assert!(Instant::now() < end, "{question:?}: {}", server.raw(question));
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A primary with all slots, and its replica.
fn cluster(kind: Kind) -> (Server, Server) {
    let (primary, replica) = (node(kind), node(kind));
    assert_eq!(primary.raw(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]), "OK");
    let (port, bus) = (primary.port().to_string(), bus_port(&primary));
    assert_eq!(replica.raw(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus]), "OK");
    let id = primary.raw(&["CLUSTER", "MYID"]);
    until(&replica, &["CLUSTER", "NODES"], &id);
    assert_eq!(replica.raw(&["CLUSTER", "REPLICATE", &id]), "OK");
    until(&replica, &["CLUSTER", "INFO"], "cluster_state:ok");
    until(&replica, &["INFO", "replication"], "master_link_status:up");
    until(&primary, &["CLUSTER", "INFO"], "cluster_state:ok");
    assert_eq!(primary.raw(&["SET", "key", "value"]), "OK");
    assert_eq!(primary.raw(&["WAIT", "1", "10000"]), "1");
    until(&primary, &["CLUSTER", "SLOTS"], &replica.port().to_string());
    (primary, replica)
}

fn link(server: &Server, handshake: HandshakePlan) -> Link {
    let settings = LinkSettings {
        address: Address::tcp("127.0.0.1", server.port()),
        dialer: Arc::new(Dialer::new(DialOptions::default())),
        session: SessionSettings {
            role: Role::Shared,
            handshake,
            limits: Limits::default(),
            read_buffer: 4096,
            backoff: BackoffSettings { first: Duration::from_millis(10), max: Duration::from_secs(1), jitter: 0 },
            connect_timeout: PATIENCE,
            heartbeat: None,
            silence: None,
            offline: Offline::Wait,
            seed: 1,
            tracing: Tracing::Off,
            routed: true,
        },
        provider: None,
        bounds: Bounds { room: Room { commands: 100, bytes: 10_000 }, at_capacity: AtCapacity::Wait },
        grace: Duration::ZERO,
        reloads: None,
        orphans: None,
        audience: None,
        counters: None,
        unsettled: None,
        news: None,
        server_name: None,
    };
    Link::start(settings, &Handle::current())
}

/// What the server answers; an error as its line.
async fn answer(link: &Link, command: Command) -> String {
    let frame = link.ask(command, Some(Instant::now() + PATIENCE)).await.unwrap();
    String::from_utf8(frame.reply().bytes().unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn a_replica_answers_reads_where_the_handshake_asks_it_to() {
    for kind in [Kind::Redis, Kind::Valkey] {
        let (primary, replica) = cluster(kind);
        for protocol in [ProtocolChoice::Resp2, ProtocolChoice::Resp3] {
            let plan = |readonly| HandshakePlan { protocol, readonly, ..HandshakePlan::default() };
            let get = || Command::new("GET").arg("key");
            let plain = link(&replica, plan(false));
            let moved = answer(&plain, get()).await;
            let redirect = Redirect::of(moved.as_bytes(), plain.address()).unwrap();
            let (slot, to) = (crate::Slot::of(b"key"), Address::tcp("127.0.0.1", primary.port()));
            assert_eq!(redirect, Redirect::Moved { slot, to });
            let reading = link(&replica, plan(true));
            assert_eq!(answer(&reading, get()).await, "value");
            let refused = answer(&reading, Command::new("SET").arg("key").arg("other")).await;
            assert!(refused.starts_with("MOVED "), "{refused}");
            assert_eq!(answer(&link(&primary, plan(true)), get()).await, "value");
        }
    }
}

#[tokio::test]
async fn a_server_that_is_in_no_cluster_takes_the_handshake_too() {
    for kind in [Kind::Redis, Kind::Valkey] {
        let server = Server::build(kind).start();
        for protocol in [ProtocolChoice::Resp2, ProtocolChoice::Resp3] {
            let plan = HandshakePlan { protocol, readonly: true, database: 3, ..HandshakePlan::default() };
            assert_eq!(answer(&link(&server, plan), Command::new("SET").arg("key").arg("value")).await, "OK");
        }
        let counted = server.raw(&["INFO", "commandstats"]);
        assert!(counted.contains("cmdstat_readonly:calls=2"), "it was asked: {counted}");
    }
}

#[tokio::test]
async fn a_real_node_tells_the_same_map_in_both_answers() {
    for kind in [Kind::Redis, Kind::Valkey] {
        let (primary, replica) = cluster(kind);
        until(&primary, &["CLUSTER", "SHARDS"], "replica");
        for protocol in [ProtocolChoice::Resp2, ProtocolChoice::Resp3] {
            let link = link(&primary, HandshakePlan { protocol, ..HandshakePlan::default() });
            let ask = async |command| link.ask(Command::new(command), Some(Instant::now() + PATIENCE)).await.unwrap();
            let shards = of_shards(ask("CLUSTER SHARDS").await.reply(), link.address(), false).unwrap();
            let slots = of_slots(ask("CLUSTER SLOTS").await.reply(), link.address()).unwrap();
            for map in [shards, slots] {
                assert_eq!((map.coverage(), map.shards().len()), (16_384, 1), "{map:?}");
                let at = |server: &Server| map.find(&Address::tcp("127.0.0.1", server.port())).unwrap();
                let shard = Shard { primary: Some(at(&primary)), replicas: vec![at(&replica)] };
                assert_eq!(map.shards(), [shard], "{map:?}");
            }
            let text = ask("CLUSTER INFO").await;
            let text = std::str::from_utf8(text.reply().bytes().unwrap()).unwrap();
            assert!(info(text).1, "{text}");
        }
    }
}
