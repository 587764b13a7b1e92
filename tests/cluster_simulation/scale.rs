//! What many nodes and many clients cost, in virtual time.

use std::sync::Arc;
use std::time::Duration;

use steadfast::api::Strings;
use steadfast::{Client, Config, Slot};
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::alone;
use crate::connection::{End, Roads};
use crate::dice::Dice;
use crate::memory::held;
use crate::run::most_in_a_second;
use crate::schedule::FIRST_PORT;
use crate::view::{HOST, Naming, ShardView, View, segments};
use crate::world::{Event, Fence, Shared, Traits, World};

#[test]
fn a_client_of_a_thousand_nodes_is_small_and_asks_few_of_them() {
    simulate(a_thousand_nodes());
}

#[test]
fn a_thousand_clients_that_see_a_failover_do_not_stampede() {
    simulate(a_thousand_clients());
}

async fn a_thousand_nodes() {
    let nodes = many();
    let (shared, tags) = cluster(nodes, 0);
    let before = held();
    let client = Client::connect(config(&shared)).await.unwrap();
    sleep(Duration::from_secs(2)).await;
    let began = std::time::Instant::now();
    for tag in &tags {
        client.set(format!("{{{tag}}}key"), tag).await.unwrap();
    }
    let calls = began.elapsed();
    // With what the model needs for itself, on both sides of each connection.
    let each = (held() - before) / nodes as i64;
    let asked = asked(&shared);
    let (began, virtually) = (std::time::Instant::now(), Instant::now());
    // One slot moves, and the map of all is made anew.
    let (owner, to) = (0, 1);
    shared.lock().begin_move(owner, to);
    shared.notice();
    while shared.lock().truth.owners[owner] != to {
        sleep(Duration::from_millis(10)).await;
    }
    // Until then the node that had it says ASK, which changes nothing.
    sleep(Duration::from_secs(1)).await;
    client.set(format!("{{{}}}key", tags[owner]), 1).await.unwrap();
    sleep(Duration::from_secs(2)).await;
    let (refreshed, passed) = (began.elapsed(), virtually.elapsed());
    let again = self::asked(&shared) - asked;
    let connections = shared.lock().connections.len();
    println!("{nodes} nodes: {each} bytes each, model included; {connections} connections; {nodes} calls in {calls:?}");
    println!("a slot moved: {again} nodes asked, {refreshed:?} of work in {passed:?}");
    assert_eq!(connections, nodes, "one to each");
    assert!(each < 96 << 10, "{each} bytes for each node");
    assert!(
        asked <= 12 && (1..=9).contains(&again),
        "{asked} nodes were asked for the topology, and {again} when a slot had moved"
    );
    client.close(Duration::from_secs(1)).await;
}

async fn a_thousand_clients() {
    let (shared, tags) = cluster(SHARDS, 1);
    let many = many();
    let clients: Vec<_> = (0..many).map(|_| Client::connect_lazily(config(&shared)).unwrap()).collect();
    call_all(&clients, &tags).await;
    sleep(Duration::from_secs(10)).await;
    let quiet = asked(&shared);
    shared.lock().asked.clear();
    // A primary dies; nobody hears of it but by its silence, and its replica takes over after a second.
    {
        let mut world = shared.lock();
        let until = world.now + 60_000;
        world.nodes[0].down = until;
        for connection in 0..world.connections.len() {
            if world.connections[connection].node == 0 {
                world.kill(connection, End::Rst);
            }
        }
        world.after(1_000, Event::Elect(0));
    }
    shared.notice();
    let began = Instant::now();
    call_all(&clients, &tags).await;
    let recovered = began.elapsed();
    sleep(Duration::from_secs(10)).await;
    let world = shared.lock();
    let most = world.asked.values().map(|moments| most_in_a_second(moments)).max().unwrap_or(0);
    let all: usize = world.asked.values().map(Vec::len).sum();
    let dialled = world.accepted.values().map(|moments| most_in_a_second(moments)).max().unwrap_or(0);
    println!(
        "{many} clients: {quiet} topologies asked for in quiet; at a failover {all}, of one node {most} in a second at \
         most; all worked again after {recovered:?}; {dialled} connections to a node in a second at most"
    );
    drop(world);
    assert!(recovered < Duration::from_secs(5), "it took {recovered:?}");
    // Each client asks once in its interval, a few nodes of those there are.
    assert!(5 * most <= 8 * many, "one node was asked {most} times in a second");
    assert!(all <= 15 * many, "all were asked {all} times");
}

/// Every client calls each shard; those whose node is gone wait for the next.
async fn call_all(clients: &[Client], tags: &[String]) {
    let mut calls = JoinSet::new();
    for (number, client) in clients.iter().enumerate() {
        for tag in tags {
            let (client, key) = (client.clone(), format!("{{{tag}}}own{number}"));
            calls.spawn(async move {
                // What was on its way when its node died is unknown, and may be called again.
                while client.set(&key, 1).await.is_err() {}
            });
        }
    }
    while let Some(ended) = calls.join_next().await {
        ended.unwrap();
    }
}

fn simulate(scenario: impl Future<Output = ()>) {
    let _alone = alone();
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(scenario);
}

/// So many shards, and a tag for each.
fn cluster(shards: usize, replicas: usize) -> (Arc<Shared>, Vec<String>) {
    let mut slots = std::collections::BTreeSet::new();
    let candidates = (0..).map(|number| format!("t{number}"));
    let distinct = candidates.filter(|tag| slots.insert(Slot::of(tag.as_bytes()).number()));
    let mut tags: Vec<_> = distinct.take(shards).collect();
    let slots = segments(&mut tags);
    let of = |shard: usize| ShardView {
        primary: Some(shard),
        replicas: (1..=replicas).map(|replica| replica * shards + shard).collect(),
        failed: Vec::new(),
    };
    let truth = View {
        epoch: 1,
        owners: (0..shards).collect(),
        moving: vec![None; shards],
        shards: (0..shards).map(of).collect(),
        ports: (0..shards * (1 + replicas)).map(|node| FIRST_PORT + node as u16).collect(),
        ..View::default()
    };
    let traits = Traits {
        is_old: false,
        no_shards: false,
        naming: Naming::Host,
        needs_all: false,
        window: 1 << 16,
        chunk: 1 << 16,
        latency: 2,
        gossip: 200,
        fence: Fence::NoReplicas,
    };
    let shared = Shared::new(World::new(traits, slots, truth, Dice::new(1)));
    shared.lock().is_large = true;
    tokio::spawn(Arc::clone(&shared).run(|_, _| {}));
    (shared, tags)
}

fn config(shared: &Arc<Shared>) -> Config {
    let seeds = (0..3).map(|seed| (HOST, FIRST_PORT + seed));
    Config::cluster(seeds).with_connector(Arc::new(Roads(Arc::clone(shared))))
}

fn asked(shared: &Shared) -> usize {
    shared.lock().asked.values().map(Vec::len).sum()
}

/// A thousand, where it is optimised; else so many that it does not take long.
fn many() -> usize {
    if std::env::var_os("STEADFAST_CLUSTER_SEEDS").is_some() { 1_000 } else { 100 }
}

const SHARDS: usize = 6;
