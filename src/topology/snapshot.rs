//! Which nodes there are and what each does, at one time.

use std::sync::Arc;

use super::cluster::{Health, SlotMap};
use super::node::Node;
use super::reading::Candidate;
use crate::command::Slot;

/// Which nodes there are and what each does, at one time.
pub(crate) struct Snapshot {
    pub(crate) map: SlotMap,
    /// In the order of the map's.
    pub(crate) nodes: Vec<Arc<Node>>,
    /// Of two, the higher is the later.
    pub(crate) number: u64,
}

impl Snapshot {
    /// Whether every node does what it does in `other`.
    pub(super) fn is_as(&self, other: &Self) -> bool {
        let same = |one: Option<&Arc<Node>>, other: Option<&Arc<Node>>| match (one, other) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        let holds = |node: &Arc<Node>| other.nodes.iter().any(|known| Arc::ptr_eq(known, node));
        self.nodes.len() == other.nodes.len()
            && self.nodes.iter().all(holds)
            && self.map.shards().iter().map(|shard| shard.replicas.len()).sum::<usize>()
                == other.map.shards().iter().map(|shard| shard.replicas.len()).sum::<usize>()
            && self.failed().eq(other.failed())
            && (0..Slot::COUNT).filter_map(Slot::new).all(|slot| same(self.primary(slot), other.primary(slot)))
    }

    /// The nodes of which the others say that they cannot be reached, in the order of their addresses.
    fn failed(&self) -> impl Iterator<Item = String> + use<> {
        let failed = self.map.nodes().iter().filter(|facts| facts.health == Health::Failed);
        let mut addresses: Vec<_> = failed.map(|facts| facts.address.to_string()).collect();
        addresses.sort_unstable();
        addresses.into_iter()
    }

    /// The node's place among all.
    pub(super) fn place(&self, node: &Arc<Node>) -> Option<usize> {
        self.nodes.iter().position(|other| Arc::ptr_eq(other, node))
    }

    /// The primary that has the slot; `None`: no node serves it.
    #[inline]
    pub(crate) fn primary(&self, slot: Slot) -> Option<&Arc<Node>> {
        self.primary_of(self.map.shard_of(slot)?)
    }

    /// The primary of a shard.
    #[inline]
    pub(crate) fn primary_of(&self, shard: usize) -> Option<&Arc<Node>> {
        self.nodes.get(self.map.shards().get(shard)?.primary?)
    }

    /// All primaries that serve anything.
    pub(crate) fn primaries(&self) -> impl Iterator<Item = &Arc<Node>> {
        let shards = 0..self.map.shards().len();
        shards.filter(|shard| self.map.has_slots(*shard)).filter_map(|shard| self.primary_of(shard))
    }

    /// Whether a shard has a primary of which nobody says that it has failed.
    pub(crate) fn has_living_primary(&self, shard: usize) -> bool {
        let primary = self.map.shards().get(shard).and_then(|shard| shard.primary);
        let facts = primary.and_then(|primary| self.map.nodes().get(primary));
        facts.is_some_and(|facts| facts.health != Health::Failed)
    }

    /// The replicas of which nobody says that they have failed.
    pub(crate) fn replicas_at_work(&self) -> impl Iterator<Item = &Arc<Node>> {
        let replicas = self.map.shards().iter().flat_map(|shard| shard.replicas.iter());
        let at_work =
            replicas.filter(|index| self.map.nodes().get(**index).is_some_and(|facts| facts.health != Health::Failed));
        at_work.filter_map(|index| self.nodes.get(*index))
    }

    pub(super) fn candidate(&self, index: usize, is_primary: bool) -> Option<Candidate> {
        let (node, facts) = (self.nodes.get(index)?, self.map.nodes().get(index)?);
        Some(Candidate {
            index,
            is_primary,
            is_ready: node.is_ready(),
            is_failed: facts.health == Health::Failed,
            latency: node.latency(),
            zone: facts.zone.clone().or_else(|| node.zone()),
        })
    }

    /// Whether the node is the primary of anything.
    pub(super) fn is_primary(&self, node: &Arc<Node>) -> bool {
        self.primaries().any(|primary| Arc::ptr_eq(primary, node))
    }
}
