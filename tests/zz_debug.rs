#![allow(clippy::all, warnings)]
mod faults;
mod live;
mod support;
use faults::*;
use live::*;
use std::time::Duration;
use steadfast::api::*;
use support::*;
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dbg() {
    let place = PLACES[0];
    let cluster = place.build_cluster().node_timeout(1000).config("cluster-require-full-coverage no").start();
    let client = connected(place.cluster_config(&cluster)).await;
    let shards = Shards::with(&client, Memory::Forgetful, Duration::from_secs(10));
    shards.all_get_on_by(50).await;
    let frozen = cluster.primary_of(SLOTS[0]);
    cluster.stop(frozen);
    let b = std::time::Instant::now();
    for _ in 0..24 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        println!(
            "{:?} owner {:?} gen {} {:?}",
            b.elapsed(),
            cluster.owner(100),
            client.topology().number(),
            client
                .topology()
                .nodes()
                .iter()
                .map(|n| (n.address.to_string(), format!("{:?}", n.role), n.slots.clone()))
                .collect::<Vec<_>>()
        );
    }
    println!("{}", cluster.node(1).raw(&["CLUSTER", "NODES"]));
    println!("{}", cluster.node(1).raw(&["CLUSTER", "SHARDS"]).replace('\n', " "));
    println!("{}", cluster.node(1).raw(&["CLUSTER", "INFO"]));
}
