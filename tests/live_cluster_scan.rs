//! Scans of whole clusters: every key that is there all the time comes, wherever its slot goes meanwhile.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod support;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use steadfast::api::{Hashes, Keys, Strings};
use steadfast::client::Scan;
use steadfast::{Client, Config, ErrorKind, Fate, Slot};
use support::{Cluster, How, Kind, key_in};

const KINDS: [Kind; 2] = [Kind::Redis, Kind::Valkey];
const PATIENCE: Duration = Duration::from_secs(30);

fn names(count: usize) -> BTreeSet<String> {
    (0..count).map(|number| format!("key:{number}")).collect()
}

async fn filled(cluster: &Cluster, count: usize) -> (Client, BTreeSet<String>) {
    let config = Config::from_url(&cluster.url()).unwrap().with_split_writes(true);
    let client = Client::connect(config).await.unwrap();
    let names = names(count);
    client.mset(names.iter().map(|name| (name, 1)).collect::<Vec<_>>()).await.unwrap();
    (client, names)
}

/// So many items more, as far as there are any.
async fn take(scan: &mut Scan<'_, String>, found: &mut Vec<String>, count: usize) -> bool {
    for _ in 0..count {
        match tokio::time::timeout(PATIENCE, scan.next()).await.unwrap() {
            Some(key) => found.push(key.unwrap()),
            None => return false,
        }
    }
    true
}

fn set(found: &[String]) -> BTreeSet<String> {
    found.iter().cloned().collect()
}

/// Slots of a node that have keys.
fn slots_with_keys(cluster: &Cluster, node: usize, names: &BTreeSet<String>) -> Vec<u16> {
    let slots: BTreeSet<u16> = names.iter().map(|name| Slot::of(name.as_bytes()).number()).collect();
    slots.into_iter().filter(|slot| cluster.owner(*slot) == Some(node)).collect()
}

#[tokio::test]
async fn every_key_of_the_cluster_comes_and_the_options_are_kept() {
    for kind in KINDS {
        let cluster = Cluster::build(kind).primaries(3).replicas(0).start();
        let (client, names) = filled(&cluster, 1000).await;
        client.hset("a hash", (0..600).map(|number| (format!("f{number}"), number)).collect::<Vec<_>>()).await.unwrap();
        let mut found = Vec::new();
        let mut scan = client.scan().matching("key:*").count(100).stream();
        assert!(!take(&mut scan, &mut found, usize::MAX).await);
        assert_eq!((set(&found), found.len()), (names, 1000));
        let mut found = Vec::new();
        let mut scan = client.scan().of_type("hash").count(1000).stream();
        assert!(!take(&mut scan, &mut found, usize::MAX).await);
        assert_eq!(found, ["a hash"]);
        let mut fields = client.hscan::<String, u32>("a hash").count(50).stream();
        let mut seen = BTreeSet::new();
        while let Some(field) = fields.next().await {
            seen.insert(field.unwrap().1);
        }
        assert_eq!(seen, (0..600).collect());
        let error = client.scan::<String>().cursor(7).stream().next().await.unwrap().unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Arguments, Fate::NotSent), "{error}");
        let stats = client.stats();
        assert_eq!((stats.failed(), stats.in_flight), (0, 0), "{stats:?}");
    }
}

#[tokio::test]
async fn a_key_whose_slot_moves_while_the_scan_goes_on_comes_all_the_same() {
    for kind in KINDS {
        let cluster = Cluster::build(kind).primaries(3).replicas(0).start();
        let (client, names) = filled(&cluster, 1200).await;
        let mut scan = client.scan().count(20).stream();
        let mut found = Vec::new();
        // The first node is being walked; what it has not given yet goes to the others and back, and to the last one, which has
        // the next turn, goes what the second one had.
        assert!(take(&mut scan, &mut found, 30).await);
        for (from, to) in [(0, 1), (0, 2), (1, 0), (2, 0), (2, 1), (1, 2)] {
            for slot in slots_with_keys(&cluster, from, &names).into_iter().rev().step_by(40) {
                cluster.migrate_slot(slot, from, to);
            }
            take(&mut scan, &mut found, 150).await;
        }
        assert!(!take(&mut scan, &mut found, usize::MAX).await);
        let missing: Vec<_> = names.difference(&set(&found)).cloned().collect();
        assert!(missing.is_empty(), "{kind:?}: {missing:?}");
    }
}

#[tokio::test]
async fn a_slot_that_goes_to_a_node_that_is_done_is_not_left_out() {
    let cluster = Cluster::build(Kind::Redis).primaries(3).replicas(0).start();
    let (client, names) = filled(&cluster, 900).await;
    let first: usize = slots_keys(&cluster, 0, &names).len();
    let mut scan = client.scan().count(20).stream();
    let mut found = Vec::new();
    // The first node is done, the second one begun.
    assert!(take(&mut scan, &mut found, first + 1).await);
    let given = set(&found);
    let slot = slots_with_keys(&cluster, 2, &names)[0];
    cluster.migrate_slot(slot, 2, 0);
    assert!(!take(&mut scan, &mut found, usize::MAX).await);
    assert_eq!(set(&found), names);
    // What the first node had of its own does not come again.
    let again = found.iter().skip(first + 1).filter(|key| given.contains(*key)).count();
    assert!(again <= 20, "{again} keys came again");
}

fn slots_keys<'n>(cluster: &Cluster, node: usize, names: &'n BTreeSet<String>) -> Vec<&'n String> {
    names.iter().filter(|name| cluster.owner(Slot::of(name.as_bytes()).number()) == Some(node)).collect()
}

#[tokio::test]
async fn a_slot_that_is_on_its_way_for_long_is_found_at_both_ends() {
    for kind in KINDS {
        let cluster = Cluster::build(kind).primaries(3).replicas(0).start();
        let (client, names) = filled(&cluster, 600).await;
        let slot = slots_with_keys(&cluster, 1, &names)[0];
        let tag = key_in(slot);
        let own: Vec<String> = (0..40).map(|number| format!("{tag}{number}")).collect();
        client.mset(own.iter().map(|key| (key, 1)).collect::<Vec<_>>()).await.unwrap();
        let all: BTreeSet<String> = names.iter().chain(&own).cloned().collect();
        for to in [0, 2] {
            cluster.begin_migration(slot, 1, to);
            let half: Vec<&str> = own.iter().take(20).map(String::as_str).collect();
            cluster.move_these(&half, 1, to);
            let mut scan = client.scan().count(10).stream();
            let mut found = Vec::new();
            assert!(take(&mut scan, &mut found, 5).await);
            let quarter: Vec<&str> = own.iter().skip(20).take(10).map(String::as_str).collect();
            cluster.move_these(&quarter, 1, to);
            assert!(
                !take(&mut scan, &mut found, usize::MAX).await,
                "it comes to an end, though the slot stays where it is"
            );
            let missing: Vec<_> = all.difference(&set(&found)).cloned().collect();
            assert!(missing.is_empty(), "{kind:?} to {to}: {missing:?}");
            cluster.move_keys(slot, 1, to);
            cluster.finish_migration(slot, 1, to);
            cluster.migrate_slot(slot, to, 1);
        }
    }
}

#[tokio::test]
async fn a_node_that_is_replaced_is_scanned_anew() {
    for kind in KINDS {
        let mut cluster =
            Cluster::build(kind).primaries(3).replicas(3).node_timeout(1000).config("appendonly yes").start();
        let (client, names) = filled(&cluster, 600).await;
        cluster.wait_whole(PATIENCE);
        let mut scan = client.scan().count(10).stream();
        let mut found = Vec::new();
        assert!(take(&mut scan, &mut found, 25).await);
        cluster.failover(cluster.replicas_of(0)[0], How::Plain);
        assert!(take(&mut scan, &mut found, 25).await);
        // The same address, and another server: its cursors are others.
        let second = cluster.primaries()[1];
        take(&mut scan, &mut found, 200).await;
        cluster.kill(second);
        cluster.restart(second);
        assert!(!take(&mut scan, &mut found, usize::MAX).await);
        let missing: Vec<_> = names.difference(&set(&found)).cloned().collect();
        assert!(missing.is_empty(), "{kind:?}: {missing:?}");
    }
}

#[tokio::test]
async fn a_node_that_cannot_be_asked_ends_the_scan_in_an_error_that_names_it() {
    let cluster = Cluster::build(Kind::Valkey).primaries(3).replicas(0).node_timeout(60_000).start();
    let (client, _) = filled(&cluster, 300).await;
    cluster.stop(1);
    let begun = Instant::now();
    let mut scan = client.scan::<String>().count(1000).deadline(Duration::from_millis(400)).stream();
    let mut found = 0;
    let error = loop {
        match scan.next().await.unwrap() {
            Ok(_) => found += 1,
            Err(error) => break error,
        }
    };
    assert!(found > 0 && begun.elapsed() < Duration::from_secs(3), "{found} keys in {:?}", begun.elapsed());
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert_eq!(error.node().unwrap().to_string(), cluster.address(1).to_string(), "{error}");
    assert!(scan.next().await.is_none(), "what has ended stays ended");
    cluster.cont(1);
    cluster.delslots(&[0, 1, 2]);
    let mut scan = client.scan::<String>().count(1000).deadline(Duration::from_millis(400)).stream();
    let error = loop {
        if let Err(error) = scan.next().await.unwrap() {
            break error;
        }
    };
    assert_eq!(error.kind(), ErrorKind::Timeout, "a slot that nobody has: {error}");
}

#[tokio::test]
async fn members_of_a_key_that_moves_are_not_left_out_silently() {
    let cluster = Cluster::build(Kind::Redis).primaries(3).replicas(0).start();
    let (client, _) = filled(&cluster, 10).await;
    let fields: Vec<(String, usize)> = (0..2000).map(|number| (format!("f{number}"), number)).collect();
    client.hset("hash", fields).await.unwrap();
    let slot = Slot::of(b"hash").number();
    let from = cluster.primary_of(slot);
    let mut scan = client.hscan::<String, usize>("hash").count(10).stream();
    scan.next().await.unwrap().unwrap();
    cluster.migrate_slot(slot, from, (from + 1) % 3);
    let error = loop {
        if let Err(error) = scan.next().await.unwrap() {
            break error;
        }
    };
    assert_eq!((error.kind(), error.fate()), (ErrorKind::ServerChanged, Fate::NotSent), "{error}");
    let mut seen = BTreeSet::new();
    let mut scan = client.hscan::<String, usize>("hash").count(100).stream();
    while let Some(field) = scan.next().await {
        seen.insert(field.unwrap().1);
    }
    assert_eq!(seen, (0..2000).collect(), "from where it is now");
}
