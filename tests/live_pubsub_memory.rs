//! What a subscriber that does not read costs. Alone in its process, so that the memory it looks at is its own.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
mod support;

use std::future::IntoFuture;

use steadfast::Client;
use steadfast::api::PubSub;
use steadfast::pubsub::{Delivery, Subscription};

use live::{KINDS, PATIENCE, connected, tcp, within};
use support::Server;

#[tokio::test]
async fn a_subscriber_that_never_reads_costs_no_more_than_its_bounds_and_holds_up_nobody() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        let client = connected(tcp(&server).with_deadline(PATIENCE)).await;
        // Of small ones, the count is the bound, of the others the bytes; of the largest, shares in what they were read into.
        for (size, count) in [(10, 200_000), (16 << 10, 6_000), (100 << 10, 1_500)] {
            let idle = within(PATIENCE, client.subscribe("news").into_future()).await.unwrap();
            let busy = within(PATIENCE, client.subscribe("news").into_future()).await.unwrap();
            let before = resident();
            let read = tokio::spawn(read_all(busy, count));
            publish(&client, size, count).await;
            let (got, lost) = within(PATIENCE * 4, read).await.unwrap();
            assert_eq!(got + lost, count, "the one that reads");
            let grown = resident().saturating_sub(before);
            // Each has 4,096 messages or 8 MiB at most; the rest is buffers, and what the allocator keeps.
            assert!(grown < 40 << 20, "{kind:?}: {grown} bytes for {count} messages of {size}");
            assert!(idle.queued() > 0);
            let (got, lost) = within(PATIENCE * 4, read_all(idle, count)).await;
            assert_eq!(got + lost, count, "the one that does not");
            assert!(lost > 0 && got * (size + 128) <= 9 << 20, "{got} were kept");
        }
    }
}

async fn publish(client: &Client, size: usize, count: usize) {
    let payload = vec![b'm'; size];
    let mut left = count;
    while left > 0 {
        let some = left.min(500);
        let mut pipeline = client.pipeline();
        for _ in 0..some {
            let _ = pipeline.publish("news", &payload).queue();
        }
        pipeline.execute().await.check().unwrap();
        left -= some;
    }
}

/// Reads until it has been told of `count` messages: how many it got, and how many were lost.
async fn read_all(mut subscription: Subscription, count: usize) -> (usize, usize) {
    let (mut got, mut lost) = (0, 0);
    while got + lost < count {
        match subscription.next().await.unwrap() {
            Delivery::Message(_) => got += 1,
            Delivery::Lagged { lost: more, .. } => lost += more as usize,
            Delivery::Subscribed => {}
            other => panic!("{other:?}"),
        }
    }
    (got, lost)
}

/// Bytes of memory that this process uses.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    status.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}
