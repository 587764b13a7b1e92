//! Clusters whose replicas answer reads.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod support;

use steadfast::Client;
use steadfast::api::Strings;
use support::{Cluster, Kind, Server};

/// How often the server has run this command; refusals, such as a redirect, do not count.
fn runs(server: &Server, command: &str) -> u64 {
    let counted = server.raw(&["INFO", "commandstats"]);
    let line = counted.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:")));
    let field = |line: &str, name: &str| -> u64 {
        let value = line.split(',').find_map(|field| field.strip_prefix(&format!("{name}=")));
        value.unwrap().parse().unwrap()
    };
    line.map_or(0, |line| field(line, "calls") - field(line, "failed_calls"))
}

/// The handshake asks for it: without READONLY a replica of a cluster answers nothing but MOVED.
#[tokio::test]
async fn replicas_answer_reads_where_they_may_and_only_there() {
    for kind in [Kind::Redis, Kind::Valkey] {
        let cluster = Cluster::build(kind).primaries(1).replicas(1).start();
        let (primary, replica) = (cluster.node(0), cluster.node(1));
        for protocol in ["resp2", "resp3"] {
            let connect = async |read_from: &str| {
                let url = format!("{}?protocol={protocol}&read_from={read_from}", cluster.url());
                Client::connect(url).await.unwrap()
            };
            let client = connect("replica").await;
            client.set("key", protocol).await.unwrap();
            assert_eq!(primary.raw(&["WAIT", "1", "10000"]), "1");
            let before = (runs(primary, "get"), runs(replica, "get"));
            for _ in 0..10 {
                assert_eq!(client.get::<String>("key").await.unwrap().as_deref(), Some(protocol));
            }
            assert_eq!((runs(primary, "get"), runs(replica, "get")), (before.0, before.1 + 10));
            assert!(runs(replica, "readonly") > 0);
            let client = connect("primary").await;
            let said = runs(replica, "readonly");
            for _ in 0..10 {
                client.get::<String>("key").await.unwrap();
            }
            assert_eq!((runs(primary, "get"), runs(replica, "get")), (before.0 + 10, before.1 + 10));
            assert_eq!(runs(replica, "readonly"), said, "nobody reads there");
        }
    }
}
