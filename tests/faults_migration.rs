//! Slots that move from node to node under load: every value is right, and no call fails.
#![cfg(all(unix, feature = "tls"))]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod faults;
mod live;
mod support;

use std::time::{Duration, Instant};

use steadfast::api::Strings;
use steadfast::{Client, Fate};

use faults::{DEADLINE, Load, Place, SLOTS, Shards, in_clusters, lasting, settled, tag_of, tell};
use live::{PATIENCE, connected};
use support::Cluster;

/// Of replicas there is nothing to tell here.
fn start(place: Place) -> Cluster {
    place.build_cluster().replicas(0).start()
}

#[test]
fn slots_that_move_one_by_one_under_load_fail_no_call_and_lose_and_double_nothing() {
    in_clusters(async |place| {
        let cluster = start(place);
        let client = connected(place.cluster_config(&cluster)).await;
        let shards = Shards::start(&client);
        // Calls without a key, and with keys of four more slots, in one pipeline.
        let mixed = Load::build().callers(8, Duration::from_millis(10)).start(&client, DEADLINE);
        shards.all_get_on_by(50).await;
        let (begin, mut moves) = (Instant::now(), 0);
        while begin.elapsed() < lasting(Duration::from_secs(3)) {
            for slot in SLOTS {
                let from = cluster.primary_of(slot);
                cluster.migrate_slot(slot, from, (from + 1) % 3);
                moves += 1;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
        tell(&format!("{moves} moves"));
        assert!(moves > 10);
        shards.all_get_on_by(50).await;
        settled(&client).await;
        for report in shards.end().await.into_iter().chain([mixed.end().await]) {
            report.holds(&cluster.servers()).without_errors().answered_at_least(100);
        }
    });
}

#[test]
fn slots_that_an_operator_moves_under_load_fail_no_call_and_lose_and_double_nothing() {
    in_clusters(async |place| {
        let cluster = start(place);
        let client = connected(place.cluster_config(&cluster)).await;
        let shards = Shards::start(&client);
        shards.all_get_on_by(50).await;
        // From the first slot on: the one that has the load is among them.
        cluster.reshard(0, 1, usize::from(SLOTS[0]) + 50);
        assert_eq!(cluster.primary_of(SLOTS[0]), 1);
        shards.all_get_on_by(50).await;
        cluster.reshard(1, 0, usize::from(SLOTS[0]) + 50);
        assert_eq!(cluster.primary_of(SLOTS[0]), 0);
        shards.all_get_on_by(50).await;
        settled(&client).await;
        for report in shards.end().await {
            report.holds(&cluster.servers()).without_errors();
        }
    });
}

/// Keys of one slot with values that name them.
async fn keys_of(client: &Client, slot: u16, count: usize) -> Vec<String> {
    let keys: Vec<String> = (0..count).map(|number| format!("{}key:{number}", tag_of(slot))).collect();
    for key in &keys {
        client.set(key, key).await.unwrap();
    }
    keys
}

/// The first half of the keys is moved, and the slot stays with both nodes.
fn halve(cluster: &Cluster, slot: u16, keys: &[String]) -> (usize, usize) {
    let from = cluster.primary_of(slot);
    let to = (from + 1) % 3;
    cluster.begin_migration(slot, from, to);
    let moved: Vec<&str> = keys[..keys.len() / 2].iter().map(String::as_str).collect();
    cluster.move_these(&moved, from, to);
    (from, to)
}

#[test]
fn a_slot_that_two_nodes_share_for_seconds_has_the_right_value_for_every_key() {
    in_clusters(async |place| {
        let cluster = start(place);
        let client = connected(place.cluster_config(&cluster)).await;
        let slot = SLOTS[0];
        let keys = keys_of(&client, slot, 40).await;
        let shards = Shards::start(&client);
        shards.all_get_on_by(50).await;
        let (from, to) = halve(&cluster, slot, &keys);
        // Some of the load's own keys are there, some are here, and those that are made now are made there.
        cluster.move_these(&[&format!("{}n:0", tag_of(slot)), &format!("{}own:2", tag_of(slot))], from, to);
        let begin = Instant::now();
        let mut rounds = 0;
        while begin.elapsed() < lasting(Duration::from_secs(3)) {
            for key in &keys {
                assert_eq!(client.get::<String>(key).await.unwrap().as_ref(), Some(key));
            }
            let mut pipeline = client.pipeline();
            let queued: Vec<_> = keys.iter().map(|key| pipeline.get::<String>(key).queue()).collect();
            let values = pipeline.execute().await.get(queued).unwrap();
            assert_eq!(values.into_iter().flatten().collect::<Vec<_>>(), keys);
            rounds += 1;
        }
        tell(&format!("{rounds} rounds"));
        shards.all_get_on_by(50).await;
        cluster.move_keys(slot, from, to);
        cluster.finish_migration(slot, from, to);
        settled(&client).await;
        for key in &keys {
            assert_eq!(client.get::<String>(key).await.unwrap().as_ref(), Some(key));
        }
        for report in shards.end().await {
            report.holds(&cluster.servers()).without_errors();
        }
        for number in 0..cluster.len() {
            assert!(cluster.connections(number).len() <= 1, "{:?}", cluster.connections(number));
        }
    });
}

#[test]
fn keys_that_two_nodes_share_are_waited_for_together_and_hold_up_nothing_else() {
    in_clusters(async |place| {
        let cluster = start(place);
        let client = connected(place.cluster_config(&cluster)).await;
        let slot = SLOTS[0];
        let keys = keys_of(&client, slot, 2).await;
        let (from, to) = halve(&cluster, slot, &keys);

        let error = client.mget::<String>(&keys).deadline(Duration::from_millis(300)).await.unwrap_err();
        assert!(error.is_timeout(), "{error}");
        assert_eq!(error.fate(), Fate::Refused, "{error}");
        assert!(error.to_string().contains("TRYAGAIN"), "{error}");

        let count = format!("{}count", tag_of(slot));
        let mut pipeline = client.pipeline().deadline(PATIENCE);
        let before = [(); 2].map(|()| pipeline.incr(&count).queue());
        let both = pipeline.mget::<String>(&keys).queue();
        let after = pipeline.incr(&count).queue();
        let finish = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            for slot in SLOTS {
                let key = format!("{}other", tag_of(slot));
                let others = client.with_deadline(Duration::from_secs(1));
                for _ in 0..100 {
                    others.set(&key, "value").await.unwrap();
                }
            }
            cluster.move_keys(slot, from, to);
            cluster.finish_migration(slot, from, to);
        };
        let (results, ()) = tokio::join!(pipeline.execute(), finish);
        assert_eq!(before.map(|increment| results.get(increment).unwrap()), [1, 2]);
        assert_eq!(results.get(both).unwrap().into_iter().flatten().collect::<Vec<_>>(), keys);
        assert_eq!(results.get(after).unwrap(), 3);
        assert_eq!(client.get::<i64>(&count).await.unwrap(), Some(3), "each ran once");
    });
}
