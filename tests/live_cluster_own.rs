//! Connections of their own in a cluster: real ones, asked through one client.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod support;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use steadfast::api::{Lists, OwnConnection, PubSub, Strings};
use steadfast::client::Orphan;
use steadfast::pubsub::{Delivery, Subscription};
use steadfast::{Client, Config, ErrorKind, Fate, Stage};
use support::{Cluster, How, Kind, slot_of};

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
        assert_eq!(popped, Some((format!("list:{number}"), number.to_string())));
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

#[tokio::test]
async fn dedicated_and_optimistic_connections_lead_to_the_node_of_their_keys() {
    for kind in kinds() {
        let cluster = Cluster::build(kind).primaries(3).replicas(0).start();
        let client = Client::connect(cluster.url()).await.unwrap();
        is_lent_where_its_key_is(&cluster, &client).await;
        begins_anew_where_its_keys_are(&cluster, &client).await;
    }
}

async fn is_lent_where_its_key_is(cluster: &Cluster, client: &Client) {
    let (owner, other) = primaries(cluster, "own");
    let dedicated = client.dedicated().for_key("own").await.unwrap();
    assert_eq!(dedicated.session().peer.remote.map(|at| at.port()), Some(cluster.port(owner)));
    dedicated.watch("own").await.unwrap();
    let mut transaction = dedicated.transaction();
    let set = transaction.set("own", 1).queue();
    transaction.execute().await.unwrap().get(set).unwrap();
    // It stays where it is: what is elsewhere is an error, which names the node.
    cluster.migrate_slot(slot_of("own"), owner, other);
    let moved = dedicated.get::<i64>("own").await.unwrap_err();
    assert_eq!((moved.kind(), moved.fate()), (ErrorKind::Server, Fate::Refused), "{moved}");
    assert_eq!(moved.server().unwrap().code(), "MOVED");
    assert!(moved.to_string().contains(&cluster.port(owner).to_string()), "{moved}");
    // The client itself follows.
    assert_eq!(client.get::<i64>("own").await.unwrap(), Some(1));
    let crossed = client.dedicated().for_key(("a", "b")).await.unwrap_err();
    assert_eq!(crossed.kind(), ErrorKind::CrossSlot);
    // Without a key it is any of the primaries.
    let any = client.dedicated().await.unwrap();
    let port = any.session().peer.remote.unwrap().port();
    assert!(cluster.primaries().iter().any(|number| cluster.port(*number) == port));
}

async fn begins_anew_where_its_keys_are(cluster: &Cluster, client: &Client) {
    let (owner, other) = primaries(cluster, "count");
    let crossed = client.optimistic(("a", "b")).run(async |_, _| Ok(())).await.unwrap_err();
    assert_eq!((crossed.kind(), crossed.fate()), (ErrorKind::CrossSlot, Fate::NotSent));
    let counters: Vec<_> = (0..8)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                for _ in 0..25 {
                    let _ = client
                        .optimistic("count")
                        .deadline(PATIENCE)
                        .run(async move |connection, transaction| {
                            let count = connection.get::<u64>("count").await?.unwrap_or(0);
                            let _ = transaction.set("count", count + 1).queue();
                            Ok(())
                        })
                        .await
                        .unwrap();
                }
            })
        })
        .collect();
    for (from, to) in [(owner, other), (other, owner), (owner, other)] {
        cluster.migrate_slot(slot_of("count"), from, to);
    }
    for counter in counters {
        counter.await.unwrap();
    }
    assert_eq!(client.get::<u64>("count").await.unwrap(), Some(200));
}

/// The next delivery, in short: a message's text, or the name of the notice.
async fn next(subscription: &mut Subscription) -> String {
    let delivery = tokio::time::timeout(PATIENCE, subscription.next()).await.expect("something comes");
    match delivery.expect("it goes on") {
        Delivery::Message(message) => message.text().into_owned(),
        notice => format!("{notice:?}").split([' ', '(']).next().unwrap().to_owned(),
    }
}

/// Something was missing, and nothing is any more, for good: a node that has lost a slot may go on as a replica for a moment.
async fn restored(subscription: &mut Subscription) {
    let mut last = next(subscription).await;
    assert_eq!(last, "Gap");
    loop {
        let patience = if last == "Subscribed" { Duration::from_secs(2) } else { PATIENCE };
        match tokio::time::timeout(patience, next(subscription)).await {
            Ok(notice) => last = notice,
            Err(_) => return assert_eq!(last, "Subscribed"),
        }
        assert!(last == "Gap" || last == "Subscribed", "{last}");
    }
}

/// How many subscriptions a node has to this channel.
fn subscribed(cluster: &Cluster, number: usize, verb: &str, channel: &str) -> bool {
    cluster.node(number).raw(&["PUBSUB", verb, channel]).ends_with('1')
}

#[tokio::test]
async fn subscriptions_live_where_they_belong_and_follow_their_slots() {
    for kind in kinds() {
        let cluster = Cluster::build(kind).primaries(3).replicas(0).config("notify-keyspace-events KEA").start();
        let client = Client::connect(cluster.url()).await.unwrap();
        plain_topics_live_at_one_node(&cluster, &client).await;
        sharded_channels_live_at_their_slots(&cluster, &client).await;
        sharded_channels_follow_their_slots(&cluster, &client).await;
        keyspace_events_come_from_every_node(&cluster, &client).await;
        waits_for_no_topology(&cluster).await;
    }
}

async fn plain_topics_live_at_one_node(cluster: &Cluster, client: &Client) {
    let mut news = client.subscribe(["news", "weather"]).await.unwrap();
    let mut all = client.psubscribe("n*").await.unwrap();
    assert_eq!((next(&mut news).await, next(&mut all).await), ("Subscribed".into(), "Subscribed".into()));
    let count =
        |verb, channel| cluster.primaries().iter().filter(|it| subscribed(cluster, **it, verb, channel)).count();
    assert_eq!((count("NUMSUB", "news"), count("NUMSUB", "weather")), (1, 1));
    let connections = |number| {
        let lines = cluster.connections(number);
        lines.iter().filter(|line| line.contains("cmd=subscribe") || line.contains("cmd=psubscribe")).count()
    };
    assert_eq!(cluster.primaries().into_iter().map(connections).sum::<usize>(), 1);
    // Published at whichever node.
    for number in cluster.primaries() {
        cluster.node(number).raw(&["PUBLISH", "news", &number.to_string()]);
        assert_eq!(next(&mut news).await, number.to_string());
        assert_eq!(next(&mut all).await, number.to_string());
    }
}

async fn sharded_channels_live_at_their_slots(cluster: &Cluster, client: &Client) {
    let names: Vec<String> = (0..20).map(|number| format!("shard:{number}")).collect();
    let mut subscription = client.ssubscribe(names.clone()).await.unwrap();
    assert_eq!(next(&mut subscription).await, "Subscribed");
    for name in &names {
        let owner = cluster.primary_of(slot_of(name));
        assert!(subscribed(cluster, owner, "SHARDNUMSUB", name), "{name}");
        assert_eq!(client.spublish(name, name).await.unwrap(), 1);
        assert_eq!(next(&mut subscription).await, *name);
    }
    subscription.sunsubscribe(names.clone());
    for name in &names {
        let owner = cluster.primary_of(slot_of(name));
        until("nobody is subscribed", || !subscribed(cluster, owner, "SHARDNUMSUB", name)).await;
    }
}

async fn sharded_channels_follow_their_slots(cluster: &Cluster, client: &Client) {
    let (from, to) = primaries(cluster, "moving");
    let mut subscription = client.ssubscribe(["moving", "{moving}too", "staying"]).await.unwrap();
    let mut second = client.ssubscribe("moving").await.unwrap();
    let mut other = client.ssubscribe("staying").await.unwrap();
    assert_eq!(next(&mut subscription).await, "Subscribed");
    client.spublish("moving", "before").await.unwrap();
    assert_eq!(next(&mut subscription).await, "before");
    cluster.migrate_slot(slot_of("moving"), from, to);
    assert_eq!((next(&mut subscription).await, next(&mut subscription).await), ("Gap".into(), "Subscribed".into()));
    assert!(subscribed(cluster, to, "SHARDNUMSUB", "moving"));
    assert!(subscribed(cluster, to, "SHARDNUMSUB", "{moving}too"));
    client.spublish("moving", "after").await.unwrap();
    client.spublish("{moving}too", "too").await.unwrap();
    client.spublish("staying", "here").await.unwrap();
    let mut came = vec![next(&mut subscription).await, next(&mut subscription).await, next(&mut subscription).await];
    came.sort();
    assert_eq!(came, ["after", "here", "too"]);
    for expected in ["Subscribed", "before", "Gap", "Subscribed", "after"] {
        assert_eq!(next(&mut second).await, expected);
    }
    for expected in ["Subscribed", "here"] {
        assert_eq!(next(&mut other).await, expected);
    }
    // Who comes later finds it where it is.
    let mut late = Client::connect(cluster.url_of(&[from])).await.unwrap().ssubscribe("moving").await.unwrap();
    assert_eq!(next(&mut late).await, "Subscribed");
}

async fn keyspace_events_come_from_every_node(cluster: &Cluster, client: &Client) {
    let mut everywhere = client.subscribe("__keyevent@0__:set").on_every_node().await.unwrap();
    let mut somewhere = client.subscribe("__keyevent@0__:set").await.unwrap();
    assert_eq!((next(&mut everywhere).await, next(&mut somewhere).await), ("Subscribed".into(), "Subscribed".into()));
    let keys: Vec<String> = (0..30).map(|number| format!("key:{number}")).collect();
    for key in &keys {
        client.set(key, 1).await.unwrap();
    }
    let mut came = Vec::new();
    for _ in &keys {
        came.push(next(&mut everywhere).await);
    }
    let mut expected = keys.clone();
    came.sort();
    expected.sort();
    assert_eq!(came, expected);
    let mut here = Vec::new();
    while somewhere.queued() > 0 {
        here.push(next(&mut somewhere).await);
    }
    let home: Vec<_> = here.iter().map(|key| cluster.primary_of(slot_of(key))).collect();
    assert!(home.len() < keys.len() && home.iter().all(|number| *number == home[0]), "{home:?}");
    drop(everywhere);
    let there = |number: &usize| subscribed(cluster, *number, "NUMSUB", "__keyevent@0__:set");
    until("one is left", || cluster.primaries().iter().filter(|number| there(number)).count() == 1).await;
}

async fn waits_for_no_topology(cluster: &Cluster) {
    let lazy = Client::connect_lazily(cluster.url()).unwrap();
    let mut subscription = lazy.ssubscribe("lazy").await.unwrap();
    assert_eq!(next(&mut subscription).await, "Subscribed");
    let nowhere = Client::connect_lazily(format!("redis+cluster://127.0.0.1:{}", support::free_port())).unwrap();
    let begin = Instant::now();
    let error = nowhere.subscribe("a").deadline(Duration::from_millis(300)).await.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout, Fate::NotSent), "{error}");
    assert!(error.stage().is_some() && begin.elapsed() < Duration::from_secs(2));
    let mut ended = lazy.subscribe("ended").await.unwrap();
    lazy.close(Duration::from_secs(1)).await;
    assert_eq!(next(&mut ended).await, "Subscribed");
    assert_eq!(next(&mut ended).await, "Gap");
    while let Some(rest) = tokio::time::timeout(PATIENCE, ended.next()).await.unwrap() {
        assert!(matches!(rest, Delivery::Gap { .. }), "{rest:?}");
    }
    let closed = lazy.subscribe("late").await.unwrap_err();
    assert_eq!(closed.kind(), ErrorKind::Closed, "{closed}");
}

#[tokio::test]
async fn subscriptions_leave_a_dead_node_and_follow_a_failover() {
    for kind in kinds() {
        let mut cluster = Cluster::build(kind).primaries(3).replicas(3).node_timeout(1000).start();
        let client = Client::connect(cluster.url()).await.unwrap();
        let mut plain = client.subscribe("plain").await.unwrap();
        let home = (0..cluster.len()).find(|number| subscribed(&cluster, *number, "NUMSUB", "plain")).unwrap();
        // One that lives elsewhere.
        let names = (0..).map(|number: u32| format!("shard:{number}"));
        let name = names.into_iter().find(|name| cluster.primary_of(slot_of(name)) != home).unwrap();
        let mut shard = client.ssubscribe(&name).await.unwrap();
        assert_eq!((next(&mut plain).await, next(&mut shard).await), ("Subscribed".into(), "Subscribed".into()));
        // A planned failover of the shard.
        let old = cluster.primary_of(slot_of(&name));
        let new = cluster.replicas_of(old)[0];
        cluster.failover(new, How::Plain);
        restored(&mut shard).await;
        client.spublish(&name, "there").await.unwrap();
        assert_eq!(next(&mut shard).await, "there");
        // The death of the other one.
        let its_slot = (0..16384).step_by(100).find(|slot| cluster.owner(*slot) == Some(home)).unwrap();
        cluster.kill(home);
        let begin = Instant::now();
        assert_eq!((next(&mut plain).await, next(&mut plain).await), ("Gap".into(), "Subscribed".into()));
        assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
        let alive = cluster.primaries().into_iter().find(|number| *number != home).unwrap();
        cluster.node(alive).raw(&["PUBLISH", "plain", "on"]);
        assert_eq!(next(&mut plain).await, "on");
        // Two at a time would be no minority.
        until("its replica has taken over", || cluster.owner(its_slot).is_some_and(|owner| owner != home)).await;
        cluster.wait_ok(PATIENCE);
        cluster.kill(new);
        restored(&mut shard).await;
        client.with_deadline(PATIENCE).spublish(&name, "on").await.unwrap();
        assert_eq!(next(&mut shard).await, "on");
    }
}
