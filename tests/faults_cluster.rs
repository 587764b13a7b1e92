//! Nodes of a cluster that die, freeze, fall silent or are cut off, under load: it costs the calls for their slots what it
//! must, and all others nothing.
#![cfg(all(unix, feature = "tls"))]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod faults;
mod live;
mod support;

use std::time::Duration;

use steadfast::client::ReadFrom;
use steadfast::testing::Cut;
use steadfast::{ErrorKind, Fate};

use faults::{Asked, Memory, Proxied, Report, SLOTS, Shards, in_clusters, lasting, settled};
use live::{PATIENCE, connected, until};
use support::Cluster;

/// A second after a primary is silent, the others give its slots to its replica.
const NODE_TIMEOUT: u64 = 1000;

/// How long a call may take that is to outlive that.
const LONG: Duration = Duration::from_secs(10);

/// The shard that the fault befalls.
const HIT: usize = 0;

/// A call that has nothing to do with the fault is answered in this time: a matter of a millisecond, on a machine that
/// does nothing else.
const UNDISTURBED: Duration = Duration::from_millis(100);

/// Another node has the slots of this one.
async fn replaced(cluster: &Cluster, dead: usize) {
    until(async || cluster.owner(SLOTS[HIT]) != Some(dead) && cluster.is_ok()).await;
}

/// The shards that the fault has not befallen have not noticed.
fn others_undisturbed(reports: &[Report], cluster: &Cluster) {
    for (_, report) in reports.iter().enumerate().filter(|(shard, _)| *shard != HIT) {
        report.holds(&cluster.servers()).without_errors().most_within(UNDISTURBED);
    }
}

#[test]
fn a_primary_that_is_killed_costs_other_slots_nothing_and_no_read_at_all() {
    in_clusters(async |place| {
        let cluster = place.build_cluster().node_timeout(NODE_TIMEOUT).config("cluster-require-full-coverage no");
        let mut cluster = cluster.start();
        let client = connected(place.cluster_config(&cluster)).await;
        let shards = Shards::with(&client, Memory::Forgetful, LONG);
        shards.all_get_on_by(50).await;
        let dead = cluster.primary_of(SLOTS[HIT]);
        cluster.kill(dead);
        shards.others_get_on_by(HIT, 50).await;
        replaced(&cluster, dead).await;
        settled(&client).await;
        shards.all_get_on_by(50).await;
        cluster.restart(dead);
        cluster.wait_whole(PATIENCE);
        shards.all_get_on_by(50).await;
        let reports = shards.end().await;
        others_undisturbed(&reports, &cluster);
        reports[HIT].ran_once(&cluster.servers()).only_unknown_writes();
    });
}

#[test]
fn a_primary_that_is_frozen_costs_other_slots_nothing_and_no_read_at_all() {
    in_clusters(async |place| {
        let cluster = place.build_cluster().node_timeout(NODE_TIMEOUT).config("cluster-require-full-coverage no");
        let cluster = cluster.start();
        let client = connected(place.cluster_config(&cluster)).await;
        let shards = Shards::with(&client, Memory::Forgetful, LONG);
        shards.all_get_on_by(50).await;
        let frozen = cluster.primary_of(SLOTS[HIT]);
        cluster.stop(frozen);
        shards.others_get_on_by(HIT, 50).await;
        replaced(&cluster, frozen).await;
        settled(&client).await;
        shards.all_get_on_by(50).await;
        cluster.cont(frozen);
        cluster.wait_whole(PATIENCE);
        shards.all_get_on_by(50).await;
        let reports = shards.end().await;
        others_undisturbed(&reports, &cluster);
        reports[HIT].ran_once(&cluster.servers()).only_unknown_writes();
    });
}

#[test]
fn a_primary_that_falls_silent_to_the_client_alone_fails_its_calls_by_their_deadlines_and_no_others() {
    in_clusters(async |place| {
        let cluster = place.build_cluster().start();
        let proxies = Proxied::before(&cluster).await;
        let client = connected(proxies.lead(place.cluster_config(&cluster))).await;
        let shards = Shards::start(&client);
        shards.all_get_on_by(50).await;
        let silent = cluster.primary_of(SLOTS[HIT]);
        proxies.node(silent).all().silence();
        shards.others_get_on_by(HIT, 100).await;
        tokio::time::sleep(lasting(faults::DEADLINE + Duration::from_secs(1))).await;
        shards.others_get_on_by(HIT, 100).await;
        proxies.node(silent).heal().unwrap();
        settled(&client).await;
        shards.all_get_on_by(50).await;
        let reports = shards.end().await;
        others_undisturbed(&reports, &cluster);
        let hit = &reports[HIT];
        hit.holds(&cluster.servers()).some_failure(|failure| failure.error.is_timeout());
        hit.every_failure(|failure| {
            let names =
                failure.error.node().is_some_and(|node| node.to_string().contains(&cluster.port(silent).to_string()));
            names && failure.error.kind() == ErrorKind::Timeout
        });
    });
}

#[test]
fn a_node_whose_connections_are_cut_every_200_ms_fails_no_read_and_doubles_no_write_and_costs_others_nothing() {
    in_clusters(async |place| {
        let cluster = place.build_cluster().start();
        let proxies = Proxied::before(&cluster).await;
        let client = connected(proxies.lead(place.cluster_config(&cluster))).await;
        let shards = Shards::start(&client);
        shards.all_get_on_by(50).await;
        let hit = proxies.node(cluster.primary_of(SLOTS[HIT]));
        for number in 0..lasting(Duration::from_secs(3)).as_millis() / 200 {
            tokio::time::sleep(Duration::from_millis(200)).await;
            // What is the oldest command on three connections that die in a row is given up: the load gets on.
            shards.of(HIT).gets_on_by(4).await;
            assert_eq!(
                hit.cut(if number % 2 == 0 { Cut::Fin } else { Cut::Rst }),
                1,
                "one connection leads to the node"
            );
        }
        // What is sent into a cut that is not noticed yet has no part in what is settled.
        shards.all_get_on_by(10).await;
        settled(&client).await;
        shards.all_get_on_by(50).await;
        let reports = shards.end().await;
        others_undisturbed(&reports, &cluster);
        reports[HIT].holds(&cluster.servers()).only_unknown_writes();
    });
}

#[test]
fn replicas_answer_reads_while_their_primary_is_dead() {
    in_clusters(async |place| {
        // Long enough for no replica to take over.
        let mut cluster = place.build_cluster().node_timeout(60_000).start();
        let config = place.cluster_config(&cluster).with_read_from(ReadFrom::PreferReplica);
        let client = connected(config).await;
        let shards = Shards::start_forgetful(&client);
        shards.all_get_on_by(50).await;
        let dead = cluster.primary_of(SLOTS[HIT]);
        cluster.kill(dead);
        let before = shards.of(HIT).answered(Asked::Read);
        until(async || shards.of(HIT).answered(Asked::Read) > before + 100).await;
        shards.others_get_on_by(HIT, 100).await;
        let reports = shards.end().await;
        others_undisturbed(&reports, &cluster);
        reports[HIT].every_failure(|failure| {
            let is_told = matches!(failure.error.fate(), Fate::NotSent | Fate::Unknown);
            failure.asked == Asked::Write && is_told
        });
        reports[HIT].some_failure(|failure| failure.error.is_timeout());
    });
}
