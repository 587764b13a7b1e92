//! Clusters: real ones, asked through one client.

mod support;

use std::time::Duration;
use steadfast::api::{Keys, Strings};

use steadfast::client::{NodeRole, Topology, TopologyNode};
use steadfast::{Client, Config, Error, ErrorKind, Fate, ReadFrom};
use support::{Cluster, Kind};

fn kinds() -> [Kind; 2] {
    [Kind::Redis, Kind::Valkey]
}

#[tokio::test]
async fn commands_find_the_nodes_that_have_their_keys() {
    for kind in kinds() {
        let cluster = Cluster::build(kind).primaries(3).replicas(3).start();
        let client = Client::connect(cluster.url()).await.unwrap();
        for number in 0..300 {
            client.set(format!("key:{number}"), number).await.unwrap();
        }
        for number in 0..300 {
            assert_eq!(client.get::<u32>(format!("key:{number}")).await.unwrap(), Some(number));
        }
        let mut pipeline = client.pipeline();
        let queued: Vec<_> = (0..300).map(|number| pipeline.get::<u32>(format!("key:{number}")).queue()).collect();
        let values = pipeline.execute().await.get(queued).unwrap();
        assert_eq!(values, (0..300).map(Some).collect::<Vec<_>>());
        let mut transaction = client.transaction();
        let (set, got) = (transaction.set("{t}a", 1).queue(), transaction.incr("{t}a").queue());
        let results = transaction.execute().await.unwrap();
        results.get(set).unwrap();
        assert_eq!(results.get(got).unwrap(), 2);
        let mut crossing = client.transaction();
        let _queued = (crossing.set("a", 1).queue(), crossing.set("b", 1).queue());
        let error = crossing.execute().await.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::CrossSlot, Fate::NotSent), "{error}");
        let gone: Result<_, Error> = client.del("{t}a").await;
        assert_eq!(gone.unwrap(), 1);
    }
}

#[tokio::test]
async fn the_topology_is_data() {
    for kind in kinds() {
        let cluster = Cluster::build(kind).primaries(3).replicas(3).start();
        let client = Client::connect(Config::from_url(&cluster.url()).unwrap().with_read_from(ReadFrom::LowestLatency))
            .await
            .unwrap();
        for number in 0..100 {
            client.set(format!("key:{number}"), number).await.unwrap();
        }
        let measured = |topology: &Topology| topology.nodes().iter().all(|node| node.latency.is_some());
        until(|| measured(&client.topology())).await;
        let topology = client.topology();
        assert_eq!((topology.nodes().len(), topology.primaries().count()), (6, 3), "{topology:?}");
        let slots = |node: &TopologyNode| node.slots.iter().map(|range| range.clone().count()).sum::<usize>();
        assert_eq!(topology.primaries().map(slots).sum::<usize>(), 16_384);
        for node in topology.nodes() {
            assert!(node.state.is_ready() && node.id.len() == 40, "{node:?}");
            if let NodeRole::Replica { of, .. } = &node.role {
                let primary = topology.node(of.as_ref().unwrap()).unwrap();
                assert_eq!((&primary.role, &primary.slots), (&NodeRole::Primary, &node.slots));
            }
        }
        let sent: u64 = topology.nodes().iter().map(|node| node.stats.answered).sum();
        assert!(sent >= 100, "{sent}");
        assert_eq!(client.stats().issued, 100);
        // Behind what it asks for itself.
        assert!(client.stats().answered >= 100);
        client.close(Duration::from_secs(1)).await;
        assert_eq!(client.get::<u32>("x").await.unwrap_err().kind(), ErrorKind::Closed);
    }
}

async fn until(is_so: impl Fn() -> bool) {
    let limit = std::time::Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(std::time::Instant::now() < limit, "it never came");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_cluster_that_cannot_be_reached_is_told_with_its_cause() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("redis+cluster://{closed}?deadline=500ms");
    let unconnected = Client::connect_lazily(url.as_str()).unwrap();
    let errors = [Client::connect(url.as_str()).await.unwrap_err(), unconnected.get::<u32>("x").await.unwrap_err()];
    for error in errors {
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout, Fate::NotSent), "{error}");
        assert!(error.to_string().contains("Connection refused"), "{error}");
    }
}
