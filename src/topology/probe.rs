//! What only the nodes themselves can tell, for those whose reads depend on it: how far away each is, and in which zone.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::sleep;

use super::node::Node;
use super::reading::ReadFrom;
use super::routes::Routing;
use super::together::{Boxed, all};
use crate::command::Command;
use crate::driver::now;

/// Asks all nodes now and then, as long as somebody holds the topology.
pub(super) async fn run(routing: Weak<Routing>) {
    loop {
        let Some(held) = routing.upgrade() else { return };
        let is_known = held.ready().await.is_ok();
        if held.is_closed() {
            return;
        }
        if is_known {
            ask_all(&held).await;
        }
        drop(held);
        sleep(PAUSE).await;
    }
}

async fn ask_all(routing: &Routing) {
    let Some(snapshot) = routing.snapshot().clone() else { return };
    let by_zone = matches!(routing.settings().read_from, ReadFrom::Zone(_));
    let asking = snapshot.nodes.iter().map(|node| -> Boxed<'_, ()> { Box::pin(ask(node, by_zone)) });
    all(asking.collect()).await;
}

async fn ask(node: &Arc<Node>, by_zone: bool) {
    let command = if by_zone { "INFO server" } else { "PING" };
    if by_zone && node.zone().is_some() {
        return;
    }
    let (link, begun) = (node.link(), now());
    if !link.standing().is_ready() {
        return node.note_latency(None);
    }
    let Ok(answer) = link.ask(Command::new(command), Some(begun + PAUSE)).await else { return node.note_latency(None) };
    node.note_latency(Some(now().duration_since(begun)));
    let text = answer.reply().bytes().and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default();
    let zone = text.lines().find_map(|line| line.strip_prefix("availability_zone:")).map(str::trim);
    if let Some(zone) = zone.filter(|zone| !zone.is_empty()) {
        node.note_zone(zone);
    }
}

/// How long after all have answered they are asked again, 1 s.
const PAUSE: Duration = Duration::from_secs(1);
