//! Clusters of which a part is away or on the move.

use std::{
    io,
    time::{Duration, Instant},
};

use steadfast::{Fate, Slot};
use tokio::time::{sleep, timeout};

use super::{
    Stage,
    black_hole::BlackHole,
    cluster_load::{ClusterLoad, Sight, put},
    load::NO_PANIC,
    report::{Cell, Report, quoted, time, timed},
};
use crate::{
    NODES,
    clients::{
        clustered::{ClusterClient, ClusterSite, Subscriptions},
        fault_client::{FAULT_TIMEOUT, Failure},
    },
    cluster::Cluster,
};

/// The seed serves its slots; connects to the others are not even refused. One more task asks for what one of them has.
pub(super) async fn unreachable<C: ClusterClient>(stage: &Stage) -> Result<Cell, String> {
    let hole = BlackHole::new().await.map_err(in_words)?;
    let mut announced = [Some(hole.port); NODES];
    announced[0] = None;
    let cluster = Cluster::start_announcing(&announced, stage.server_core).map_err(in_words)?;
    let (keys, keys_away) = (keys_on(&cluster, 0)?, keys_on(&cluster, 1)?);
    let bound = stage.pace.connecting();
    let begin = Instant::now();
    let mut client = match timeout(bound, connect::<C>(&cluster, Subscriptions::Unused)).await {
        Ok(Ok(client)) => client,
        Ok(Err(words)) => {
            return Ok(Cell::new(format!("can't connect, {}: {}", time(begin.elapsed()), quoted(&words))));
        }
        Err(_) => return Ok(Cell::new(format!("connect not back after {}", time(bound)))),
    };
    let connected = time(begin.elapsed());
    let load_away = ClusterLoad::start(&client, 1, &keys_away);
    let calls = stage.pace.live_gets();
    let gets = tokio::spawn(async move {
        let mut sight = Sight::default();
        for key in keys.iter().cycle().take(calls) {
            sight.get(&mut client, key).await;
            sleep(BETWEEN_CALLS).await;
        }
        sight
    });
    let sight = gets.await.expect(NO_PANIC);
    load_away.stop().await;
    let words = format!("connects in {connected}; {}", sight.in_words());
    Ok(sight.report.into_cell(words))
}

/// A node's process is stopped while the others are asked; one more task goes on to ask for what the stopped one has.
pub(super) async fn one_stopped<C: ClusterClient>(stage: &Stage) -> Result<Cell, String> {
    let cluster = cluster(stage)?;
    let away = NODES - 1;
    let mut keys = Vec::new();
    for node in 0..away {
        keys.extend(keys_on(&cluster, node)?);
    }
    let keys_away = keys_on(&cluster, away)?;
    let client = connect::<C>(&cluster, Subscriptions::Unused).await?;
    let load_away = ClusterLoad::start(&client, 1, &keys_away);
    // Not measured: links are made.
    run_for(&client, BEFORE, &keys).await;
    let mut before = run_for(&client, stage.pace.stopped() / 2, &keys).await;
    cluster.node(away).stop().map_err(in_words)?;
    let mut during = run_for(&client, stage.pace.stopped(), &keys).await;
    cluster.node(away).go_on().map_err(in_words)?;
    load_away.stop().await;
    let (p99, p99_before) = (during.p99_in_words(), before.p99_in_words());
    let words = format!("{}, p99 {p99} (before {p99_before})", during.in_words());
    Ok(during.report.into_cell(words))
}

/// Half of a slot's keys are at its new node, which takes them from those who say ASKING only. Other keys are asked for as
/// well: their commands come between.
pub(super) async fn asking<C: ClusterClient>(stage: &Stage) -> Result<Cell, String> {
    let cluster = cluster(stage)?;
    let (from, to) = (0, 1);
    let tag = cluster.names_on(from, 1, |n| format!("tag:{n}")).remove(0);
    let moving: Vec<String> = (0..KEYS).map(|n| format!("{{{tag}}}:{n}")).collect();
    put(&cluster, &moving)?;
    let mut others = Vec::new();
    for node in 0..NODES {
        others.extend(keys_on(&cluster, node)?);
    }
    let client = connect::<C>(&cluster, Subscriptions::Unused).await?;
    let (load, load_of_others) =
        (ClusterLoad::start(&client, TASKS, &moving), ClusterLoad::start(&client, TASKS, &others));
    sleep(BEFORE).await;
    let slot = Slot::of(moving[0].as_bytes());
    cluster.begin_migration(slot, from, to).map_err(in_words)?;
    let (first, rest) = moving.split_at(KEYS / 2);
    cluster.move_keys(first, from, to).map_err(in_words)?;
    sleep(stage.pace.asking()).await;
    cluster.move_keys(rest, from, to).map_err(in_words)?;
    cluster.finish_migration(slot, from, to).map_err(in_words)?;
    sleep(AFTER).await;
    let mut sight = load.stop().await;
    let of_others = load_of_others.stop().await;
    let (words, words_of_others) = (sight.in_words(), of_others.in_words());
    sight.merge(of_others);
    Ok(sight.report.into_cell(format!("{words}; other slots: {words_of_others}")))
}

/// Slots with nothing but a subscribed channel in them leave a node, which says `sunsubscribe` between the answers.
pub(super) async fn sunsubscribed<C: ClusterClient>(stage: &Stage) -> Result<Cell, String> {
    let cluster = cluster(stage)?;
    let (from, to) = (0, 1);
    let keys = keys_on(&cluster, from)?;
    let taken: Vec<Slot> = keys.iter().map(|key| Slot::of(key.as_bytes())).collect();
    let mut channels = cluster.names_on(from, keys.len() + CHANNELS, |n| format!("channel:{n}"));
    channels.retain(|channel| !taken.contains(&Slot::of(channel.as_bytes())));
    channels.truncate(CHANNELS);
    let client = connect::<C>(&cluster, Subscriptions::Used).await?;
    for channel in &channels {
        let mut client = client.clone();
        let (result, _) = timed(client.ssubscribe(channel.clone())).await;
        if let Err(failure) = result {
            return Ok(Cell::new(format!("can't subscribe: {}", quoted(&failure.words))));
        }
    }
    let load = ClusterLoad::start(&client, TASKS, &keys);
    sleep(BEFORE).await;
    for channel in &channels {
        let slot = Slot::of(channel.as_bytes());
        cluster.begin_migration(slot, from, to).map_err(in_words)?;
        cluster.finish_migration(slot, from, to).map_err(in_words)?;
        sleep(stage.pace.between_slots()).await;
    }
    sleep(AFTER).await;
    let sight = load.stop().await;
    let words = sight.in_words();
    Ok(sight.report.into_cell(words))
}

/// A node is killed. What is written to all three nodes at once cannot be answered with OK.
pub(super) async fn mset<C: ClusterClient>(stage: &Stage) -> Result<Cell, String> {
    let mut cluster = cluster(stage)?;
    let dead = NODES - 1;
    let keys: Vec<String> = (0..NODES).flat_map(|node| cluster.names_on(node, 2, |n| format!("write:{n}"))).collect();
    let client = connect::<C>(&cluster, Subscriptions::Unused).await?;
    let pairs = |value: &str| keys.iter().map(|key| (key.clone(), value.to_owned())).collect::<Vec<_>>();
    if let Err(failure) = write(&client, pairs("before")).await.0 {
        return Ok(Cell::new(format!("takes no MSET of several slots: {}", quoted(&failure.words))));
    }
    cluster.kill(dead);
    let mut report = Report::default();
    let (mut said_ok, mut wrote, mut broken_claims) = (0, 0, 0);
    for n in 0..stage.pace.writes() {
        let value = format!("write number {n}");
        let (result, took) = write(&client, pairs(&value)).await;
        report.note(&result, took);
        said_ok += u32::from(result.is_ok());
        let is_written = |key: &String| {
            let node = cluster.owner(Slot::of(key.as_bytes()));
            Ok(node != dead && cluster.node(node).command(&[b"GET", key.as_bytes()])?.contains(&value))
        };
        let written: Vec<bool> = keys.iter().map(is_written).collect::<io::Result<_>>().map_err(in_words)?;
        if let Err(failure) = result {
            let has_run = written.contains(&true);
            wrote += u32::from(has_run);
            broken_claims += u32::from(has_run && failure.fate.is_some_and(Fate::is_safe_to_retry));
        }
        sleep(BETWEEN_WRITES).await;
    }
    let mut words = match said_ok {
        0 => "0 answered OK".to_owned(),
        said_ok => format!("**{said_ok} answered OK**"),
    };
    words += &format!(" of {}, {}, {wrote} of them wrote to the live nodes", report.calls, report.errors_in_words());
    if broken_claims > 0 {
        words += &format!(", {broken_claims} said not to have run **and ran**");
    }
    words += &format!(", {}", report.slowest_in_words());
    if report.errors() > 0 {
        words += &format!("; {}", report.usual_error());
    }
    Ok(report.into_cell(words))
}

async fn write<C: ClusterClient>(client: &C, pairs: Vec<(String, String)>) -> (Result<(), Failure>, Duration) {
    let mut client = client.clone();
    tokio::spawn(async move { timed(client.mset(pairs)).await }).await.expect(NO_PANIC)
}

fn cluster(stage: &Stage) -> Result<Cluster, String> {
    Cluster::start(NODES, stage.server_core).map_err(in_words)
}

async fn connect<C: ClusterClient>(cluster: &Cluster, subscriptions: Subscriptions) -> Result<C, String> {
    C::connect(ClusterSite { seed: cluster.seed(), limit: Some(FAULT_TIMEOUT), subscriptions }).await
}

/// Keys of this node, with their values in them.
fn keys_on(cluster: &Cluster, node: usize) -> Result<Vec<String>, String> {
    let keys = cluster.names_on(node, KEYS, |n| format!("key:{n}"));
    put(cluster, &keys)?;
    Ok(keys)
}

async fn run_for<C: ClusterClient>(client: &C, length: Duration, keys: &[String]) -> Sight {
    let load = ClusterLoad::start(client, TASKS, keys);
    sleep(length).await;
    load.stop().await
}

fn in_words(error: io::Error) -> String {
    error.to_string()
}

const TASKS: usize = 16;
/// Of a node, or of a slot.
const KEYS: usize = 20;
const CHANNELS: usize = 32;
const BEFORE: Duration = Duration::from_millis(300);
const AFTER: Duration = Duration::from_secs(1);
const BETWEEN_CALLS: Duration = Duration::from_millis(20);
const BETWEEN_WRITES: Duration = Duration::from_millis(100);
