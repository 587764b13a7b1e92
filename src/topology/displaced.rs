//! What becomes of nodes that a new topology has less use for than the one before.

use std::collections::HashSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::sleep;

use super::node::Node;
use super::routes::Routing;
use super::snapshot::Snapshot;
use crate::command::Slot;
use crate::connection::Displacement;

/// What was not sent and belongs elsewhere now is given back to its callers.
pub(super) fn displace(routing: &Arc<Routing>, old: &Snapshot, new: &Snapshot) {
    let losers = losers(old, new);
    let stay: HashSet<_> = new.nodes.iter().map(Arc::as_ptr).collect();
    for (index, node) in old.nodes.iter().enumerate() {
        let loses = losers.contains(&index);
        let displacement = if !stay.contains(&Arc::as_ptr(node)) || (loses && !new.is_primary(node)) {
            Displacement::Left
        } else if loses {
            Displacement::Moved
        } else {
            continue;
        };
        node.displace(displacement);
        // Whoever still waits there holds the node; for nobody else its connections are kept.
        routing.runtime().spawn(look_after(Arc::downgrade(node), Arc::downgrade(routing), displacement));
    }
}

/// Those that are late are told too.
async fn look_after(node: Weak<Node>, routing: Weak<Routing>, displacement: Displacement) {
    // Whoever had looked at the old topology just before, and whose answers became overdue since.
    for pause in LATECOMERS {
        sleep(pause).await;
        let Some(node) = node.upgrade() else { return };
        node.displace(displacement);
    }
    if displacement != Displacement::Left {
        return;
    }
    sleep(SPOKEN).await;
    let Some(node) = node.upgrade() else { return };
    let is_back = routing
        .upgrade()
        .is_some_and(|routing| routing.snapshot().as_ref().is_some_and(|snapshot| snapshot.is_primary(&node)));
    if !is_back {
        node.give_up_blocked();
    }
}

/// The places of the primaries that have a slot which they do not have in `new`. Each slot is looked at once, whatever the
/// number of nodes: this is done at every refresh.
fn losers(old: &Snapshot, new: &Snapshot) -> HashSet<usize> {
    let mut losers = HashSet::new();
    let mut last = None;
    for slot in (0..Slot::COUNT).filter_map(Slot::new) {
        let shards = (old.map.shard_of(slot), new.map.shard_of(slot));
        // Neighbours have mostly the same owners.
        if last.replace(shards) == Some(shards) {
            continue;
        }
        let had = shards.0.and_then(|shard| old.map.shards().get(shard)?.primary);
        let Some((had, node)) = had.and_then(|had| Some((had, old.nodes.get(had)?))) else { continue };
        if !new.primary(slot).is_some_and(|primary| Arc::ptr_eq(primary, node)) {
            losers.insert(had);
        }
    }
    losers
}

/// After this time a node that is not used any more has told those whose commands block there, if it can speak, 2 s.
const SPOKEN: Duration = Duration::from_secs(2);

/// How long after a change its nodes are looked at again.
const LATECOMERS: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(1000)];
