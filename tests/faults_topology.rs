//! Nodes that join, leave, restart and move under load: the client follows without a restart.
#![cfg(all(unix, feature = "tls"))]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod faults;
mod live;
mod support;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use steadfast::{BoxFuture, Client, Config, Resolver};

use faults::{Memory, SLOTS, Shards, in_clusters, settled, settled_after_an_outage};
use live::{PATIENCE, connected, until};
use support::{Cluster, How, Role};

/// How long a call may take that is to outlive a restart of everything.
const LONG: Duration = Duration::from_secs(15);

/// Each primary has one connection of the client's, and no other node has more.
fn one_connection_each(cluster: &Cluster, nodes: impl IntoIterator<Item = usize>) {
    for number in nodes {
        let connections = cluster.connections(number);
        assert!(connections.len() <= 1, "node {number}: {connections:#?}");
    }
}

#[test]
fn a_node_that_joins_is_used_and_one_that_leaves_is_let_go_without_an_error() {
    in_clusters(async |place| {
        let mut cluster = place.build_cluster().replicas(0).start();
        let client = connected(place.cluster_config(&cluster)).await;
        let shards = Shards::start(&client);
        shards.all_get_on_by(50).await;
        let added = cluster.add_node(Role::Primary);
        for slot in SLOTS {
            cluster.migrate_slot(slot, cluster.primary_of(slot), added);
        }
        shards.all_get_on_by(50).await;
        assert_eq!(cluster.connections(added).len(), 1);
        for (home, slot) in SLOTS.into_iter().enumerate() {
            cluster.migrate_slot(slot, added, home);
        }
        shards.all_get_on_by(50).await;
        cluster.wait_agreed();
        cluster.kill(added);
        cluster.forget(added);
        let gone = cluster.address(added).to_string();
        until(async || !knows(&client, &gone)).await;
        settled(&client).await;
        shards.all_get_on_by(50).await;
        for report in shards.end().await {
            report.holds(&cluster.servers()).without_errors();
        }
        one_connection_each(&cluster, 0..3);
    });
}

/// Whether the node belongs to the topology in the client's eyes.
fn knows(client: &Client, address: &str) -> bool {
    client.topology().nodes().iter().any(|node| node.address.to_string() == address)
}

#[test]
fn nodes_that_are_restarted_one_by_one_cost_no_call_when_each_hands_over_before() {
    in_clusters(async |place| {
        let mut cluster = place.build_cluster().start();
        let client = connected(place.cluster_config(&cluster)).await;
        let shards = Shards::start(&client);
        shards.all_get_on_by(50).await;
        for number in 0..cluster.len() {
            if cluster.primaries().contains(&number) {
                let replica = cluster.replicas_of(number)[0];
                cluster.failover(replica, How::Plain);
                cluster.wait_whole(PATIENCE);
                shards.all_get_on_by(20).await;
            }
            cluster.restart(number);
            cluster.wait_whole(PATIENCE);
            shards.all_get_on_by(20).await;
        }
        settled(&client).await;
        for report in shards.end().await {
            report.holds(&cluster.servers()).without_errors();
        }
        one_connection_each(&cluster, 0..6);
    });
}

#[test]
fn a_cluster_that_is_restarted_as_a_whole_costs_no_read_and_doubles_no_write() {
    in_clusters(async |place| {
        let mut cluster = place.build_cluster().start();
        let client = connected(place.cluster_config(&cluster)).await;
        let shards = Shards::with(&client, Memory::Forgetful, LONG);
        shards.all_get_on_by(50).await;
        (0..cluster.len()).for_each(|number| cluster.kill(number));
        tokio::time::sleep(Duration::from_secs(1)).await;
        (0..cluster.len()).for_each(|number| cluster.restart(number));
        cluster.wait_ok(PATIENCE);
        settled_after_an_outage(&client).await;
        shards.all_get_on_by(50).await;
        for report in shards.end().await {
            report.ran_once(&cluster.servers()).only_unknown_writes();
        }
        one_connection_each(&cluster, 0..6);
    });
}

/// Every name leads to one address, which changes.
struct Moving(Mutex<IpAddr>);

impl Resolver for Moving {
    fn resolve<'a>(&'a self, _: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        let host = *self.0.lock().unwrap();
        Box::pin(async move { Ok(vec![SocketAddr::new(host, port)]) })
    }
}

#[test]
fn a_cluster_that_moves_as_a_whole_is_found_again_by_its_name() {
    in_clusters(async |place| {
        let mut cluster = place.build_cluster().start();
        let resolver = Arc::new(Moving(Mutex::new(Ipv4Addr::LOCALHOST.into())));
        let seeds: Vec<_> = cluster.primaries().into_iter().map(|seed| ("redis.test", cluster.port(seed))).collect();
        let config = place.secured(live::quick(Config::cluster(seeds)));
        let config = config.with_resolver(Arc::clone(&resolver) as Arc<dyn Resolver>);
        // The certificates are good for the name, and not for every address.
        let config = config.with_server_names(|_, _| Some("redis.test".to_owned()));
        let client = connected(config).await;
        let shards = Shards::with(&client, Memory::Forgetful, LONG);
        shards.all_get_on_by(50).await;
        let old: Vec<String> = (0..cluster.len()).map(|number| cluster.address(number).to_string()).collect();
        let new = IpAddr::from([127, 0, 0, 2]);
        cluster.move_to(new);
        *resolver.0.lock().unwrap() = new;
        settled_after_an_outage(&client).await;
        shards.all_get_on_by(50).await;
        for report in shards.end().await {
            report.ran_once(&cluster.servers()).only_unknown_writes();
        }
        assert!(!old.iter().any(|address| knows(&client, address)), "{:?}", client.topology());
        one_connection_each(&cluster, 0..6);
    });
}
