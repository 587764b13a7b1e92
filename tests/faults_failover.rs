//! Replicas that are made primaries under load: reads never fail, and writes are told what became of them.
#![cfg(all(unix, feature = "tls"))]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod faults;
mod live;
mod support;

use std::time::Duration;

use faults::{SLOTS, Shards, in_clusters, settled};
use live::connected;
use support::{Cluster, How};

/// Makes the replicas of each shard the primaries, one after the other, and then back.
async fn there_and_back(cluster: &Cluster, shards: &Shards, how: How) {
    for slot in [SLOTS, SLOTS].concat() {
        let primary = cluster.primary_of(slot);
        let replica = cluster.replicas_of(primary)[0];
        cluster.failover(replica, how);
        cluster.wait_whole(PATIENCE);
        shards.all_get_on_by(20).await;
    }
}

#[test]
fn a_primary_that_hands_over_costs_no_call_and_loses_and_doubles_no_write() {
    in_clusters(async |place| {
        let cluster = place.build_cluster().start();
        let client = connected(place.cluster_config(&cluster)).await;
        let shards = Shards::start(&client);
        shards.all_get_on_by(50).await;
        there_and_back(&cluster, &shards, How::Plain).await;
        settled(&client).await;
        for report in shards.end().await {
            report.holds(&cluster.servers()).without_errors().answered_at_least(100);
        }
    });
}

/// The server loses what the old primary has acknowledged and not yet handed on; the client doubles nothing of it.
fn a_replica_takes_over(how: How) {
    in_clusters(async |place| {
        let cluster = place.build_cluster().start();
        let client = connected(place.cluster_config(&cluster)).await;
        let shards = Shards::start_forgetful(&client);
        shards.all_get_on_by(50).await;
        there_and_back(&cluster, &shards, how).await;
        settled(&client).await;
        for report in shards.end().await {
            report.ran_once(&cluster.servers()).only_unknown_writes().answered_at_least(100);
        }
    });
}

#[test]
fn a_replica_that_is_elected_while_its_primary_lives_costs_no_read_and_doubles_no_write() {
    a_replica_takes_over(How::Force);
}

#[test]
fn a_replica_that_takes_over_without_asking_costs_no_read_and_doubles_no_write() {
    a_replica_takes_over(How::Takeover);
}

const PATIENCE: Duration = live::PATIENCE;
