//! Nodes that point at each other, serve no slots, or point elsewhere a thousand times: bounded, told as what it is, and
//! without a connection too many.
#![cfg(all(unix, feature = "tls"))]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod faults;
mod live;
mod support;

use std::time::Duration;

use steadfast::api::Strings;
use steadfast::{Client, Error, Fate};

use faults::{Place, SLOTS, in_clusters, settled, tag_of, tell};
use live::{PATIENCE, connected, fails_after, within};
use support::{Cluster, Server};

/// How long calls may take that cannot succeed.
const SHORT: Duration = Duration::from_millis(500);

fn start(place: Place) -> Cluster {
    place.build_cluster().replicas(0).start()
}

/// How often the server has answered with MOVED.
fn redirects(server: &Server) -> usize {
    let text = server.raw(&["INFO", "errorstats"]);
    let line = text.lines().find_map(|line| line.strip_prefix("errorstat_MOVED:count="));
    line.map_or(0, |number| number.parse().unwrap())
}

/// The calls for these slots work, each at once.
async fn work(client: &Client, slots: &[u16]) {
    for slot in slots {
        let key = format!("{}works", tag_of(*slot));
        client.set(&key, "yes").deadline(SHORT).await.unwrap_or_else(|error| panic!("slot {slot}: {error}"));
    }
}

/// The error of a call for this slot, at its deadline.
async fn fails(client: &Client, slot: u16) -> Error {
    let key = format!("{}fails", tag_of(slot));
    fails_after(SHORT, client.incr(&key).deadline(SHORT).into_future()).await
}

#[test]
fn two_nodes_that_point_at_each_other_cost_a_bounded_number_of_requests_until_the_deadline() {
    in_clusters(async |place| {
        let cluster = start(place);
        let client = connected(place.cluster_config(&cluster)).await;
        work(&client, &SLOTS).await;
        // A slot without keys.
        let slot = SLOTS[0] + 1;
        let owner = cluster.primary_of(slot);
        let other = (owner + 1) % 3;
        cluster.moved_loop(slot, other);
        let told = || redirects(cluster.node(owner)) + redirects(cluster.node(other));
        let before = told();
        let error = fails(&client, slot).await;
        let count = told() - before;
        tell(&format!("{count} redirects; {error}"));
        // Unknown where the deadline came while one of them had it.
        assert!(error.is_timeout() && matches!(error.fate(), Fate::Refused | Fate::Unknown), "{error}");
        assert!(error.to_string().contains("MOVED"), "{error}");
        assert!((2..100).contains(&count), "{count} redirects in {SHORT:?}");
        work(&client, &SLOTS).await;
        cluster.end_moved_loop(slot, other);
        work(&client, &[slot]).await;
    });
}

#[test]
fn a_slot_that_nobody_serves_is_waited_for_by_its_own_calls_alone() {
    in_clusters(async |place| {
        let cluster = place.build_cluster().replicas(0).config("cluster-require-full-coverage no").start();
        let client = connected(place.cluster_config(&cluster)).await;
        work(&client, &SLOTS).await;
        let slot = SLOTS[0];
        let owner = cluster.primary_of(slot);
        cluster.delslots(&[slot]);
        let error = fails(&client, slot).await;
        assert!(error.is_timeout() && matches!(error.fate(), Fate::Refused | Fate::NotSent | Fate::Unknown), "{error}");
        assert!(error.to_string().contains("CLUSTERDOWN") || error.stage().is_some(), "{error}");
        work(&client, &SLOTS[1..]).await;
        let patient = client.with_deadline(PATIENCE);
        let key = format!("{}patient", tag_of(slot));
        let (waited, ()) = tokio::join!(patient.incr(&key).into_future(), async {
            tokio::time::sleep(SHORT).await;
            cluster.addslots(&[slot], owner);
        });
        assert_eq!(waited.unwrap(), 1);
        settled(&client).await;
    });
}

#[test]
fn a_cluster_that_is_down_for_a_slot_is_waited_for_and_told_as_down() {
    in_clusters(async |place| {
        let cluster = start(place);
        let client = connected(place.cluster_config(&cluster)).await;
        work(&client, &SLOTS).await;
        let slot = SLOTS[0] + 1;
        let owner = cluster.primary_of(slot);
        cluster.delslots(&[slot]);
        for slot in SLOTS {
            let error = fails(&client, slot).await;
            assert!(error.is_timeout() && error.fate() == Fate::Refused, "{error}");
            assert!(error.to_string().contains("CLUSTERDOWN"), "{error}");
        }
        cluster.addslots(&[slot], owner);
        cluster.wait_ok(PATIENCE);
        settled(&client).await;
    });
}

#[test]
fn a_thousand_redirects_and_a_thousand_timeouts_make_no_connection_more() {
    in_clusters(async |place| {
        let cluster = start(place);
        let client = connected(place.cluster_config(&cluster)).await;
        work(&client, &SLOTS).await;
        let received = |number| cluster.connections_received(number);
        let before: Vec<u64> = (0..3).map(received).collect();

        // One node sends them on to another, each time.
        let slot = SLOTS[0];
        let from = cluster.primary_of(slot);
        let to = (from + 1) % 3;
        cluster.begin_migration(slot, from, to);
        let key = format!("{}missing", tag_of(slot));
        for _ in 0..10 {
            let mut pipeline = client.pipeline();
            let queued: Vec<_> = (0..100).map(|_| pipeline.get::<String>(&key).queue()).collect();
            let values = within(PATIENCE, pipeline.execute()).await.get(queued).unwrap();
            assert!(values.iter().all(Option::is_none));
        }
        // MIGRATE would connect from node to node; without it the keys would be lost.
        let keys = cluster.node(from).raw(&["CLUSTER", "GETKEYSINSLOT", &slot.to_string(), "100"]);
        keys.lines().for_each(|key| drop(cluster.node(from).raw(&["DEL", key])));
        cluster.finish_migration(slot, from, to);

        cluster.stop(to);
        let late = client.with_deadline(Duration::from_millis(100));
        let calls: Vec<_> = (0..1000)
            .map(|_| {
                let (late, key) = (late.clone(), key.clone());
                tokio::spawn(async move { late.get::<String>(&key).await })
            })
            .collect();
        for call in calls {
            assert!(call.await.unwrap().unwrap_err().is_timeout());
        }
        cluster.cont(to);
        settled(&client).await;

        for (number, before) in before.into_iter().enumerate() {
            assert_eq!(cluster.connections(number).len(), 1, "{:#?}", cluster.connections(number));
            assert_eq!(received(number), before, "node {number} has received connections");
        }
    });
}
