//! Which nodes a cluster has: several of them are asked.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::acquisition::before;
use super::super::node::Node;
use super::super::recovery::cause_of;
use super::super::routes::Routing;
use super::super::source::Found;
use super::super::together::{Boxed, both, first};
use super::Malformed;
use super::map::SlotMap;
use super::shards::of_shards;
use super::slots::of_slots;
use super::views::{self, View};
use crate::command::{Command, Slot};
use crate::driver::{Link, now};
use crate::outcome::{Address, Cause, HandshakeRefusal};
use crate::resp::Frame;

type Asking = Boxed<'static, Result<View, Cause>>;

/// What the cluster says it is, until `until` at the latest.
pub(in super::super) async fn find(routing: Arc<Routing>, seeds: Vec<Address>, until: Instant) -> Result<Found, Cause> {
    let is_first = routing.snapshot().is_none();
    let mut asking: Vec<Asking> = sources(&routing, &seeds).into_iter().map(|node| asking(node, until)).collect();
    let (mut views, mut failed) = (Vec::new(), Vec::new());
    let mut until = until;
    while !asking.is_empty() {
        let next = before(first(&mut asking), Some(until), routing.runtime()).await;
        match next {
            Ok(Ok(view)) => {
                let is_usable = view.map.coverage() > 0;
                views.push(view);
                if is_usable && is_first {
                    break;
                }
                // The others have been asked too: those that are well answer as soon.
                if is_usable {
                    until = until.min(now() + OTHERS);
                }
            }
            Ok(Err(cause)) => failed.push(cause),
            Err(_) => break,
        }
    }
    match views::best(views) {
        // What knows nobody who serves anything is no topology that others would have to be newer than.
        Some(view) => Ok(Found { rank: if view.map.coverage() > 0 { view.epoch } else { 0 }, map: view.map }),
        // What can't heal by itself is only told if it is so everywhere.
        None => Err(match failed.iter().all(Cause::is_permanent) && asking.is_empty() {
            true => failed.pop().unwrap_or(Cause::NotConnected),
            false => failed.into_iter().rev().find(|cause| !cause.is_permanent()).unwrap_or(Cause::NotConnected),
        }),
    }
}

/// Whom to ask: some nodes that are connected, and if there are few of them, everybody that is known.
fn sources(routing: &Arc<Routing>, seeds: &[Address]) -> Vec<Arc<Node>> {
    let mut sources = Vec::new();
    let mut enough = false;
    if let Some(snapshot) = &*routing.snapshot() {
        let turn = routing.next_turn();
        let count = snapshot.nodes.len().max(1);
        let rotated = (0..count).filter_map(|index| snapshot.nodes.get((turn + index) % count));
        sources.extend(rotated.clone().filter(|node| node.is_ready()).take(ASKED).cloned());
        enough = sources.len() >= ASKED.min(count);
        if !enough {
            sources.extend(rotated.take(MOST_ASKED).cloned());
        }
    }
    if !enough {
        sources.extend(seeds.iter().map(|seed| routing.seed(seed)));
    }
    let mut seen: Vec<Arc<Node>> = Vec::new();
    sources.retain(|node| {
        let is_new = !seen.iter().any(|other| Arc::ptr_eq(other, node));
        seen.extend(is_new.then(|| Arc::clone(node)));
        is_new
    });
    sources
}

fn asking(node: Arc<Node>, until: Instant) -> Asking {
    Box::pin(async move {
        let link = node.link();
        let over_tls = link.ready().await?.peer.tls.is_some();
        let (info, shards) = (ask(link, "CLUSTER INFO", until), ask(link, "CLUSTER SHARDS", until));
        let (info, shards) = both(info, shards).await;
        let (epoch, is_ok) = match info?.reply().bytes().and_then(|text| std::str::from_utf8(text).ok()) {
            Some(text) => views::info(text),
            None => (0, false),
        };
        let asked = node.address();
        let shards = shards?;
        let map = if shards.has_error() { None } else { of_shards(shards.reply(), asked, over_tls).ok() };
        let map = match map.filter(|map| map.coverage() == usize::from(Slot::COUNT)) {
            Some(map) => map,
            // Older servers have no other answer, and some leave primaries out of the first one for a while.
            None => {
                let slots = ask(link, "CLUSTER SLOTS", until).await?;
                if slots.has_error() {
                    return Err(refused(&slots));
                }
                let other = of_slots(slots.reply(), asked);
                let first = of_shards(shards.reply(), asked, over_tls);
                wider(first, other).map_err(|malformed| Cause::Protocol { detail: malformed.to_string() })?
            }
        };
        Ok(View { map, epoch, is_ok })
    })
}

/// Of two maps of one node, the one with more slots.
fn wider(one: Result<SlotMap, Malformed>, other: Result<SlotMap, Malformed>) -> Result<SlotMap, Malformed> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok(if one.coverage() >= other.coverage() { one } else { other }),
        (Ok(map), Err(_)) | (Err(_), Ok(map)) => Ok(map),
        (Err(_), Err(malformed)) => Err(malformed),
    }
}

async fn ask(link: &Link, command: &'static str, until: Instant) -> Result<Frame, Cause> {
    link.ask(Command::new(command), Some(until)).await.map_err(|lost| cause_of(&lost))
}

fn refused(answer: &Frame) -> Cause {
    let line = answer.reply().bytes().unwrap_or_default();
    // A server that is no node of a cluster, or does not let this user ask, will not be or do so in a moment.
    let permanent = line.starts_with(b"ERR ") || line.starts_with(b"NOPERM");
    Cause::Handshake(HandshakeRefusal::new("CLUSTER SLOTS", &*String::from_utf8_lossy(line), permanent))
}

/// So many nodes are asked that are connected.
const ASKED: usize = 3;

/// And so many, if fewer are, that are not.
const MOST_ASKED: usize = 10;

/// How long after the first answer others are waited for, 100 ms.
const OTHERS: Duration = Duration::from_millis(100);
