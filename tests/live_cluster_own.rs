//! Connections of their own in a cluster: real ones, asked through one client.

mod support;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use steadfast::api::{Keys, Lists, Streams, Strings};
use steadfast::client::Orphan;
use steadfast::{Client, Config, ErrorKind, Fate, Stage};
use support::{Cluster, How, Kind, key_in, slot_of};

fn kinds() -> [Kind; 2] {
    [Kind::Redis, Kind::Valkey]
}

const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until so many clients are blocked at this node.
async fn blocked(cluster: &Cluster, number: usize, count: usize) {
    until(&format!("{count} blocked at node {number}"), || {
        cluster.connections(number).iter().filter(|line| line.contains("flags=b")).count() == count
    })
    .await;
}

async fn until(claim: &str, holds: impl Fn() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < PATIENCE, "{claim}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The primary of a key's slot, and another one.
fn primaries(cluster: &Cluster, key: &str) -> (usize, usize) {
    let owner = cluster.primary_of(slot_of(key));
    let other = cluster.primaries().into_iter().find(|number| *number != owner).unwrap();
    (owner, other)
}

#[tokio::test]
async fn blocking_commands_go_to_the_node_of_their_keys_and_follow_their_slots() {
    for kind in kinds() {
        let cluster = Cluster::build(kind).primaries(3).replicas(0).start();
        let client = Client::connect(cluster.url()).await.unwrap();
        finds_its_node(&cluster, &client).await;
        waits_before_there_is_a_topology(&cluster).await;
        follows_a_slot(&cluster, &client).await;
        asks_where_a_slot_is_moved_to(&cluster, &client).await;
        is_given_up_at_its_node(&cluster).await;
    }
}

async fn finds_its_node(cluster: &Cluster, client: &Client) {
    let poppers: Vec<_> = (0..12)
        .map(|number| {
            let client = client.clone();
            tokio::spawn(async move {
                client.blpop::<String, String>(format!("list:{number}"), Duration::from_secs(20)).await
            })
        })
        .collect();
    for number in cluster.primaries() {
        let here = (0..12).filter(|key| cluster.primary_of(slot_of(&format!("list:{key}"))) == number).count();
        blocked(cluster, number, here).await;
    }
    for number in 0..12 {
        assert_eq!(client.rpush(format!("list:{number}"), number).await.unwrap(), 1);
    }
    for (number, popper) in poppers.into_iter().enumerate() {
        let popped = popper.await.unwrap().unwrap();
        assert_eq!(popped, Some((format!("list:{number}").into(), number.to_string())));
    }
    // Keys in several slots.
    let refused = client.blpop::<String, String>(("one", "two"), Duration::from_secs(1)).await.unwrap_err();
    assert_eq!((refused.kind(), refused.fate()), (ErrorKind::CrossSlot, Fate::NotSent), "{refused}");
    assert_eq!(client.blpop::<String, String>(("{a}1", "{a}2"), Duration::from_millis(20)).await.unwrap(), None);
}

/// A client that has asked nobody yet.
async fn waits_before_there_is_a_topology(cluster: &Cluster) {
    let client = Client::connect_lazily(cluster.url()).unwrap();
    client.rpush("early", 1).await.unwrap();
    let client = Client::connect_lazily(cluster.url()).unwrap();
    let popped = client.blpop::<String, i64>("early", Duration::from_secs(1)).await.unwrap();
    assert_eq!(popped, Some(("early".into(), 1)));
    let nowhere = Client::connect_lazily(format!("redis+cluster://127.0.0.1:{}", support::free_port())).unwrap();
    let begin = Instant::now();
    let error = nowhere
        .with_deadline(Duration::from_millis(300))
        .blpop::<String, i64>("early", Duration::from_secs(1))
        .await
        .unwrap_err();
    assert_eq!((error.kind(), error.fate(), error.stage()), (ErrorKind::Timeout, Fate::NotSent, Some(Stage::Topology)));
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
}

async fn follows_a_slot(cluster: &Cluster, client: &Client) {
    let (from, to) = primaries(cluster, "moving");
    let popper = tokio::spawn({
        let client = client.clone();
        async move { client.blpop::<String, String>("moving", Duration::ZERO).await }
    });
    let begin = Instant::now();
    let waiter = tokio::spawn({
        let client = client.clone();
        async move { client.blpop::<String, String>("{moving}other", Duration::from_secs(4)).await }
    });
    blocked(cluster, from, 2).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    cluster.migrate_slot(slot_of("moving"), from, to);
    blocked(cluster, to, 2).await;
    assert_eq!(client.rpush("moving", "late").await.unwrap(), 1);
    assert_eq!(popper.await.unwrap().unwrap(), Some(("moving".into(), "late".to_owned())));
    // Its time was counted down, and did not begin anew.
    assert_eq!(waiter.await.unwrap().unwrap(), None);
    let took = begin.elapsed();
    assert!(took > Duration::from_millis(3900) && took < Duration::from_secs(6), "{took:?}");
}

async fn asks_where_a_slot_is_moved_to(cluster: &Cluster, client: &Client) {
    let (from, to) = primaries(cluster, "asked");
    let slot = slot_of("asked");
    cluster.begin_migration(slot, from, to);
    let popper = tokio::spawn({
        let client = client.clone();
        async move { client.blpop::<String, String>("asked", Duration::ZERO).await }
    });
    blocked(cluster, to, 1).await;
    client.rpush("asked", "x").await.unwrap();
    assert_eq!(popper.await.unwrap().unwrap(), Some(("asked".into(), "x".to_owned())));
    // The link is as good as before.
    let again = client.blpop::<String, String>("asked", Duration::from_millis(50)).await.unwrap();
    assert_eq!(again, None);
    cluster.finish_migration(slot, from, to);
}

async fn is_given_up_at_its_node(cluster: &Cluster) {
    let orphans: Arc<Mutex<Vec<Orphan>>> = Arc::default();
    let kept = Arc::clone(&orphans);
    let config =
        Config::from_url(&cluster.url()).unwrap().with_orphan_hook(move |orphan| kept.lock().unwrap().push(orphan));
    let client = Client::connect(config).await.unwrap();
    let (owner, _) = primaries(cluster, "given up");
    let call = tokio::spawn({
        let client = client.clone();
        async move { client.blpop::<String, String>("given up", Duration::ZERO).await }
    });
    blocked(cluster, owner, 1).await;
    call.abort();
    blocked(cluster, owner, 0).await;
    // What came for it stays where it was.
    client.rpush("given up", 1).await.unwrap();
    assert_eq!(client.llen("given up").await.unwrap(), 1);
    assert_eq!(orphans.lock().unwrap().len(), 0);
    assert_eq!(client.stats().lent_connections, 0);
}

#[tokio::test]
async fn who_blocks_at_a_primary_goes_on_at_the_replica_that_takes_over() {
    for kind in kinds() {
        let mut cluster = Cluster::build(kind).primaries(3).replicas(3).node_timeout(1000).start();
        let config = Config::from_url(&cluster.url()).unwrap().with_refresh_every(Duration::from_secs(1));
        let client = Client::connect(config).await.unwrap();
        let old = cluster.primary_of(slot_of("queue"));
        let new = cluster.replicas_of(old)[0];
        let popper = tokio::spawn({
            let client = client.clone();
            async move { client.blpop::<String, String>("queue", Duration::ZERO).await }
        });
        blocked(&cluster, old, 1).await;
        cluster.failover(new, How::Plain);
        blocked(&cluster, new, 1).await;
        client.rpush("queue", "x").await.unwrap();
        assert_eq!(popper.await.unwrap().unwrap(), Some(("queue".into(), "x".to_owned())));
        // A primary that stands still for good: nobody knows what it has done.
        let popper = tokio::spawn({
            let client = client.clone();
            async move { client.blpop::<String, String>("queue", Duration::ZERO).await }
        });
        blocked(&cluster, new, 1).await;
        cluster.stop(new);
        let lost = tokio::time::timeout(PATIENCE, popper).await.unwrap().unwrap().unwrap_err();
        assert_eq!(lost.fate(), Fate::Unknown, "{lost}");
        // Who comes then goes to the new one.
        client.with_deadline(PATIENCE).rpush("queue", "y").await.unwrap();
        assert_eq!(client.blpop::<String, String>("queue", Duration::from_secs(5)).await.unwrap().unwrap().1, "y");
        cluster.kill(new);
    }
}
