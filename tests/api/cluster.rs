//! Cluster.

use std::time::Duration;

use steadfast::api::*;
use steadfast::client::ProtocolChoice;
use steadfast::{Client, ErrorKind, Slot};

use super::{LIMIT, documented, not_sent, on, words};
use crate::live::{connected, tcp, until, within};
use crate::support::{Kind, Server as TestServer};

const NOTHING: [u16; 0] = [];

/// Runs the test on a node without slots of each kind, once in each protocol.
async fn on_each_node(test: impl AsyncFn(&Client, Kind)) {
    // At the same time: a node waits for seconds before it says that its cluster is well.
    let at = async |kind, protocol| {
        let node = node(kind);
        let client = connected(tcp(&node).with_protocol(protocol)).await;
        println!("{kind:?} {protocol:?}");
        within(LIMIT, test(&client, kind)).await;
    };
    tokio::join!(
        at(Kind::Redis, ProtocolChoice::Resp2),
        at(Kind::Redis, ProtocolChoice::Resp3),
        at(Kind::Valkey, ProtocolChoice::Resp2),
        at(Kind::Valkey, ProtocolChoice::Resp3),
    );
}

fn node(kind: Kind) -> TestServer {
    // The other nodes' port would be 10,000 higher, which need not be a port at all.
    TestServer::build(kind)
        .config("cluster-enabled yes")
        .config(&format!("cluster-port {}", crate::support::free_port()))
        .start()
}

#[tokio::test]
async fn a_node_gets_slots_and_gives_them_up() {
    on_each_node(async |client, _| {
        let assigned = async || client.cluster_info().await.unwrap().slots_assigned;
        let info = client.cluster_info().await.unwrap();
        assert_eq!((info.state.as_str(), info.slots_assigned, info.known_nodes), ("fail", 0, 1));
        assert_eq!(client.cluster_slots().await.unwrap(), []);
        client.cluster_addslots([1, 2, 5]).await.unwrap();
        client.cluster_addslots(7).await.unwrap();
        assert_eq!(assigned().await, 4);
        client.cluster_delslots([1, 2]).await.unwrap();
        assert_eq!(assigned().await, 2);
        client.cluster_addslots(5).await.unwrap_err();
        client.cluster_addslotsrange([(10, 19), (30, 39)]).await.unwrap();
        assert_eq!(assigned().await, 22);
        client.cluster_delslotsrange((10, 14)).await.unwrap();
        assert_eq!(assigned().await, 17);
        client.cluster_flushslots().await.unwrap();
        assert_eq!(assigned().await, 0);
        client.cluster_addslotsrange((0, 16_383)).await.unwrap();
        until(async || client.cluster_info().await.unwrap().state == "ok").await;
        let info = client.cluster_info().await.unwrap();
        assert_eq!((info.slots_assigned, info.slots_ok, info.slots_pfail, info.slots_fail), (16_384, 16_384, 0, 0));
        assert_eq!((info.size, info.fields["cluster_size"].as_str()), (1, "1"));
        assert_eq!((info.current_epoch, info.my_epoch), (0, 0));
        not_sent(client.cluster_addslots(NOTHING)).await;
        not_sent(client.cluster_delslots(NOTHING)).await;
        not_sent(client.cluster_addslotsrange(NOTHING)).await;
        not_sent(client.cluster_delslotsrange(NOTHING)).await;
    })
    .await;
}

#[tokio::test]
async fn a_node_tells_who_has_which_slots_and_keys() {
    on_each_node(async |client, kind| {
        client.cluster_addslotsrange([(0, 99), (200, 16_383)]).await.unwrap();
        let me = client.cluster_myid().await.unwrap();
        assert_eq!(me.len(), 40);
        let port: u16 = client.config_get("port").await.unwrap()["port"].parse().unwrap();
        let slots = client.cluster_slots().await.unwrap();
        assert_eq!(slots.iter().map(|range| (range.start, range.end)).collect::<Vec<_>>(), [(0, 99), (200, 16_383)]);
        let [node] = slots[0].nodes.as_slice() else { panic!("{slots:?}") };
        assert_eq!((node.id.as_deref(), node.port), (Some(me.as_str()), port));

        let shards = client.cluster_shards().await.unwrap();
        let [shard] = shards.as_slice() else { panic!("{shards:?}") };
        assert_eq!(shard.slots, [(0, 99), (200, 16_383)]);
        let [node] = shard.nodes.as_slice() else { panic!("{shards:?}") };
        assert_eq!((node.id.as_str(), node.port, node.tls_port), (me.as_str(), Some(port), None));
        assert_eq!((node.role.as_str(), node.health.as_str(), node.replication_offset), ("master", "online", 0));
        assert_eq!(node.hostname, None);

        let nodes = client.cluster_nodes().await.unwrap();
        assert!(nodes.starts_with(&me) && nodes.contains("myself,master"), "{nodes}");
        assert_eq!(client.cluster_links().await.unwrap(), []);
        assert_eq!(client.cluster_replicas(&me).await.unwrap(), Vec::<String>::new());
        assert_eq!(client.cluster_slaves(&me).await.unwrap(), Vec::<String>::new());
        assert_eq!(client.cluster_count_failure_reports(&me).await.unwrap(), 0);
        if kind == Kind::Valkey {
            assert_eq!(client.cluster_myshardid().await.unwrap().len(), 40);
        }

        client.cluster_addslotsrange((100, 199)).await.unwrap();
        until(async || client.cluster_info().await.unwrap().state == "ok").await;
        let slot = client.cluster_keyslot("{k}1").await.unwrap();
        assert_eq!(slot, Slot::of(b"k").number());
        client.mset([("{k}1", "v"), ("{k}2", "v")]).await.unwrap();
        assert_eq!(client.cluster_countkeysinslot(slot).await.unwrap(), 2);
        assert_eq!(client.cluster_countkeysinslot(0).await.unwrap(), 0);
        let mut keys: Vec<String> = client.cluster_getkeysinslot(slot, 10).await.unwrap();
        keys.sort();
        assert_eq!(keys, ["{k}1", "{k}2"]);
        assert_eq!(client.cluster_getkeysinslot::<String>(slot, 1).await.unwrap().len(), 1);
        assert!(client.cluster_getkeysinslot::<String>(0, 1).await.unwrap().is_empty());
        if kind == Kind::Valkey {
            let stats = client.cluster_slot_stats().slotsrange(slot, slot).await.unwrap();
            assert_eq!((stats.len(), stats[0].slot, stats[0].key_count), (1, slot, 2));
            let stats = client.cluster_slot_stats().orderby("key-count").limit(3).await.unwrap();
            assert_eq!((stats.len(), stats[0].slot), (3, slot));
            let stats = client.cluster_slot_stats().orderby("key-count").limit(3).desc().await.unwrap();
            assert_eq!((stats.len(), stats[0].slot), (3, slot));
            let stats = client.cluster_slot_stats().orderby("key-count").limit(1).asc().await.unwrap();
            assert_eq!((stats[0].slot, stats[0].fields["key-count"]), (0, 0));
        }
        not_sent(client.cluster_slot_stats()).await;
    })
    .await;
}

#[tokio::test]
async fn a_node_is_set_up() {
    on_each_node(async |client, _| {
        client.cluster_set_config_epoch(5).await.unwrap();
        assert_eq!(client.cluster_info().await.unwrap().my_epoch, 5);
        client.cluster_set_config_epoch(6).await.unwrap_err();
        assert!(client.cluster_bumpepoch().await.unwrap().starts_with("STILL 5"));
        client.cluster_saveconfig().await.unwrap();
        let me = client.cluster_myid().await.unwrap();
        client.cluster_reset().soft().await.unwrap();
        assert_eq!(client.cluster_myid().await.unwrap(), me);
        client.cluster_reset().await.unwrap();
        assert_eq!(client.cluster_myid().await.unwrap(), me);
        client.cluster_reset().hard().await.unwrap();
        assert_ne!(client.cluster_myid().await.unwrap(), me);
        assert_eq!(client.cluster_info().await.unwrap().my_epoch, 0);

        let me = client.cluster_myid().await.unwrap();
        for error in [
            client.cluster_failover().await.unwrap_err(),
            client.cluster_failover().force().await.unwrap_err(),
            client.cluster_failover().takeover().await.unwrap_err(),
            client.cluster_forget("0123456789012345678901234567890123456789").await.unwrap_err(),
            client.cluster_replicate(&me).await.unwrap_err(),
            client.cluster_meet("nonsense", 1).await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Server, "{error}");
        }
        client.cluster_addslots(7).await.unwrap();
        client.cluster_setslot(7, SlotState::Node(&me)).await.unwrap();
        client.cluster_setslot(7, SlotState::Stable).await.unwrap();
        assert!(client.cluster_help().await.unwrap().len() > 3);
    })
    .await;
}

#[tokio::test]
async fn two_nodes_meet_and_move_a_slot() {
    tokio::join!(
        meet(Kind::Redis, ProtocolChoice::Resp2),
        meet(Kind::Redis, ProtocolChoice::Resp3),
        meet(Kind::Valkey, ProtocolChoice::Resp2),
        meet(Kind::Valkey, ProtocolChoice::Resp3),
    );
}

async fn meet(kind: Kind, protocol: ProtocolChoice) {
    let nodes = [node(kind), node(kind)];
    let [one, other] = [&nodes[0], &nodes[1]].map(|node| tcp(node).with_protocol(protocol));
    let (one, other) = (connected(one).await, connected(other).await);
    let (its, others) = (one.cluster_myid().await.unwrap(), other.cluster_myid().await.unwrap());
    let bus: u16 = other.config_get("cluster-port").await.unwrap()["cluster-port"].parse().unwrap();
    one.cluster_addslotsrange((0, 16_383)).await.unwrap();
    one.cluster_meet("127.0.0.1", nodes[1].port()).bus_port(bus).await.unwrap();
    let knows = async |client: &Client, name: &str| {
        let nodes = client.cluster_nodes().await.unwrap();
        nodes.lines().any(|line| line.starts_with(name) && !line.contains("handshake") && line.contains(" connected"))
    };
    until(async || knows(&one, &others).await && knows(&other, &its).await).await;
    until(async || one.cluster_links().await.unwrap().len() == 2).await;
    let links = one.cluster_links().await.unwrap();
    assert!(links.iter().all(|link| link.node == others && link.events.contains('r')), "{links:?}");
    assert!(links.iter().any(|link| link.direction == "to") && links.iter().any(|link| link.direction == "from"));
    assert!(links.iter().all(|link| link.create_time.elapsed().unwrap_or_default() < Duration::from_secs(60)));

    one.cluster_setslot(7, SlotState::Migrating { to: &others }).await.unwrap();
    other.cluster_setslot(7, SlotState::Importing { from: &its }).await.unwrap();
    assert!(one.cluster_nodes().await.unwrap().contains(&format!("[7->-{others}]")));
    assert!(other.cluster_nodes().await.unwrap().contains(&format!("[7-<-{its}]")));
    one.cluster_setslot(7, SlotState::Stable).await.unwrap();
    other.cluster_setslot(7, SlotState::Stable).await.unwrap();

    until(async || other.cluster_replicate(&its).await.is_ok()).await;
    until(async || one.cluster_replicas(&its).await.unwrap().first().is_some_and(|line| line.starts_with(&others)))
        .await;
    assert_eq!(one.cluster_slaves(&its).await.unwrap().len(), 1);
    until(async || one.cluster_shards().await.unwrap().iter().any(|shard| shard.nodes.len() == 2)).await;
    assert_eq!(one.cluster_slots().await.unwrap()[0].nodes[0].id.as_ref(), Some(&its));
}

#[tokio::test]
async fn what_newer_servers_have_is_sent_as_documented() {
    documented("CLUSTER CANCELSLOTMIGRATIONS", "+OK", async |client| {
        client.cluster_cancelslotmigrations().await.unwrap();
    })
    .await;
    documented("CLUSTER FLUSHSLOT 7 SYNC", "+OK", async |client| {
        client.cluster_flushslot(7).synchronous().await.unwrap();
    })
    .await;
    documented("CLUSTER MIGRATESLOTS SLOTSRANGE 0 9 20 29 NODE a SLOTSRANGE 30 39 NODE b", "+OK", async |client| {
        client.cluster_migrateslots([(0, 9), (20, 29)], "a").and((30, 39), "b").await.unwrap();
    })
    .await;
    documented("CLUSTER REPLICATE NO ONE", "+OK", async |client| client.cluster_replicate_no_one().await.unwrap())
        .await;
    documented("CLUSTER SETSLOT 7 NODE a TIMEOUT 1500", "+OK", async |client| {
        let request = client.cluster_setslot(7, SlotState::Node("a"));
        request.timeout(Duration::from_millis(1500)).await.unwrap();
    })
    .await;
    documented("CLUSTERSCAN 0", "*2 '0-{06S}-0' *0", async |client| {
        let page = client.clusterscan::<String>().await.unwrap();
        assert_eq!((page.cursor.as_str(), page.items.len()), ("0-{06S}-0", 0));
    })
    .await;
    documented("CLUSTERSCAN 0-{06S}-0 MATCH a* COUNT 100 TYPE hash SLOT 7", "*2 '0' *2 'a1' 'a2'", async |client| {
        let request = client.clusterscan::<String>().matching("a*").cursor("0-{06S}-0").count(100).of_type("hash");
        let request = request.slot(7);
        assert_eq!((request.command().slot(), request.command().len()), (Some(Slot::of(b"06S")), 10));
        let page = request.await.unwrap();
        assert_eq!((page.cursor.as_str(), page.items), ("0", vec!["a1".to_owned(), "a2".to_owned()]));
    })
    .await;
    let migrations = ("*1 *4 'name' 'x' 'state' 'success'", "*1 %2 'name' 'x' 'state' 'success'");
    documented("CLUSTER GETSLOTMIGRATIONS", migrations, async |client| {
        let list: Vec<std::collections::BTreeMap<String, String>> = client.cluster_getslotmigrations().await.unwrap();
        assert_eq!((list.len(), list[0]["state"].as_str()), (1, "success"));
    })
    .await;
    let slots = "*1 *3 :0 :100 *4 $-1 :7000 'a' *2 'hostname' 'x'";
    documented("CLUSTER SLOTS", (slots, "*1 *3 :0 :100 *4 _ :7000 'a' %1 'hostname' 'x'"), async |client| {
        let slots = client.cluster_slots().await.unwrap();
        assert_eq!((slots[0].nodes[0].endpoint.as_ref(), slots[0].nodes[0].metadata.len()), (None, 1));
    })
    .await;
    let node = "'id' 'n' 'ip' '1.1.1.1' 'endpoint' 'x' 'hostname' 'h' 'tls-port' :7 'role' 'replica'
        'replication-offset' :5 'health' 'loading' 'availability-zone' ''";
    let resp2 = format!("*1 *6 'slots' *0 'nodes' *1 *18 {node} 'id' 's'");
    let resp3 = format!("*1 %3 'slots' *0 'nodes' *1 %9 {node} 'id' 's'");
    documented("CLUSTER SHARDS", (resp2.as_str(), resp3.as_str()), async |client| {
        let shards = client.cluster_shards().await.unwrap();
        assert_eq!((shards[0].slots.len(), shards[0].id.as_deref()), (0, Some("s")));
        let node = &shards[0].nodes[0];
        assert_eq!((node.port, node.tls_port, node.hostname.as_deref()), (None, Some(7), Some("h")));
    })
    .await;
}

#[tokio::test]
async fn options_whose_effect_is_not_seen_have_their_words() {
    on(Kind::Redis, async |client| {
        assert_eq!(words(client.cluster_failover().force().command()), "CLUSTER FAILOVER FORCE");
        assert_eq!(words(client.cluster_failover().takeover().command()), "CLUSTER FAILOVER TAKEOVER");
        assert_eq!(words(client.cluster_reset().soft().command()), "CLUSTER RESET SOFT");
        assert_eq!(words(client.cluster_forget("n").command()), "CLUSTER FORGET n");
        let stats = client.cluster_slot_stats().orderby("cpu-usec").limit(3).desc();
        assert_eq!(words(stats.command()), "CLUSTER SLOT-STATS ORDERBY cpu-usec LIMIT 3 DESC");
    })
    .await;
}
