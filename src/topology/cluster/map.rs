//! The slot map: which shard serves which slot, and which nodes it has.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::command::Slot;
use crate::outcome::Address;

/// A node, as a topology answer names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodeFacts {
    /// The node's own name; empty where it is not known.
    pub(crate) id: Arc<str>,
    /// Where to connect to.
    pub(crate) address: Address,
    /// The name it announces, for TLS.
    pub(crate) hostname: Option<Arc<str>>,
    /// The availability zone it says it is in.
    pub(crate) zone: Option<Arc<str>>,
    pub(crate) health: Health,
}

/// What the others of its cluster say of a node, best first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Health {
    #[default]
    Online,
    /// It takes its data over from its primary, or from disk.
    Loading,
    /// Most primaries cannot reach it.
    Failed,
}

/// The nodes that serve the same slots, by their places among [`SlotMap::nodes`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shard {
    pub(crate) primary: Option<usize>,
    pub(crate) replicas: Vec<usize>,
}

/// Which shard serves which slot.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SlotMap {
    /// For each slot its shard's place; `NOBODY` if there is none. As long as there are slots.
    table: Box<[u16]>,
    /// At most as many as there are slots.
    shards: Vec<Shard>,
    /// Whether each of the shards has any slots.
    serving: Vec<bool>,
    nodes: Vec<NodeFacts>,
    /// One shard has all slots, and its nodes know nothing of slots.
    whole: bool,
}

impl Shard {
    /// Whether the node at this place is one of it.
    pub(crate) fn has(&self, node: usize) -> bool {
        self.primary == Some(node) || self.replicas.contains(&node)
    }
}

impl NodeFacts {
    /// A node of which nothing but its address is known.
    pub(crate) fn at(address: Address) -> Self {
        Self { id: Arc::default(), address, hostname: None, zone: None, health: Health::Online }
    }
}

impl SlotMap {
    /// The map of these shards. Ranges that are none are left out, and so are shards beyond as many as there are slots.
    /// Where ranges overlap the later one holds.
    pub(crate) fn new(nodes: Vec<NodeFacts>, shards: Vec<(Shard, Vec<RangeInclusive<u16>>)>) -> Self {
        let mut table = vec![NOBODY; usize::from(Slot::COUNT)].into_boxed_slice();
        let mut kept = Vec::with_capacity(shards.len().min(MAX_SHARDS));
        for (place, (mut shard, ranges)) in (0u16..).zip(shards).take(MAX_SHARDS) {
            let is_known = |node: &usize| *node < nodes.len();
            shard.primary = shard.primary.filter(is_known);
            shard.replicas.retain(is_known);
            kept.push(shard);
            for range in ranges {
                // Empty and past the end: `get_mut` has no such slice.
                let slots = usize::from(*range.start())..=usize::from(*range.end());
                if let Some(slots) = table.get_mut(slots).filter(|_| !range.is_empty()) {
                    slots.fill(place);
                }
            }
        }
        let serving = serving(&table, kept.len());
        Self { table, shards: kept, serving, nodes, whole: false }
    }

    /// One shard has all: a primary, with or without replicas, that is no node of a cluster.
    pub(crate) fn whole(primary: NodeFacts, replicas: Vec<NodeFacts>) -> Self {
        let shard = Shard { primary: Some(0), replicas: (1..=replicas.len()).collect() };
        let nodes = std::iter::once(primary).chain(replicas).collect();
        let map = Self::new(nodes, vec![(shard, vec![0..=Slot::COUNT - 1])]);
        Self { whole: true, ..map }
    }

    /// Whether one shard has all slots because there are none.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole
    }

    /// The place of the slot's shard among [`Self::shards`].
    #[inline]
    pub(crate) fn shard_of(&self, slot: Slot) -> Option<usize> {
        self.table.get(usize::from(slot.number())).filter(|shard| **shard != NOBODY).map(|shard| usize::from(*shard))
    }

    /// The shards; also those without slots.
    pub(crate) fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// Whether the shard at this place has any slots.
    pub(crate) fn has_slots(&self, shard: usize) -> bool {
        self.serving.get(shard).copied().unwrap_or_default()
    }

    /// The ranges of slots that somebody serves, in order, each with its shard's place. Neighbours of one shard are one
    /// range.
    pub(crate) fn ranges(&self) -> Vec<(RangeInclusive<u16>, usize)> {
        let mut ranges: Vec<(RangeInclusive<u16>, usize)> = Vec::new();
        let mut from = 0;
        for run in self.table.chunk_by(|a, b| a == b) {
            let end = from + run.len() as u16;
            match run.first() {
                Some(&shard) if shard != NOBODY => ranges.push((from..=end - 1, usize::from(shard))),
                _ => {}
            }
            from = end;
        }
        ranges
    }

    /// All nodes.
    pub(crate) fn nodes(&self) -> &[NodeFacts] {
        &self.nodes
    }

    /// The place of the node with this address.
    pub(crate) fn find(&self, address: &Address) -> Option<usize> {
        self.nodes.iter().position(|node| node.address == *address)
    }

    /// How many slots have a primary.
    pub(crate) fn coverage(&self) -> usize {
        let has_primary = |shard: &Shard| shard.primary.is_some();
        let served = self.ranges().into_iter().filter(|(_, shard)| self.shards.get(*shard).is_some_and(has_primary));
        served.map(|(range, _)| range.len()).sum()
    }

    /// The map after a node said that `to` serves the slot now: `to`'s own shard has it, if `to` is a primary, or else a
    /// new one with `to` as its primary; a replica of which this is said was promoted.
    pub(crate) fn moved(&self, slot: Slot, to: &Address) -> Self {
        let mut map = self.clone();
        map.whole = false;
        let node = map.find(to).unwrap_or_else(|| {
            map.nodes.push(NodeFacts::at(to.clone()));
            map.nodes.len() - 1
        });
        if let Some(node) = map.nodes.get_mut(node) {
            node.health = Health::Online;
        }
        let shard = map.shards.iter().position(|shard| shard.primary == Some(node));
        let shard = shard.or_else(|| map.promote(node));
        let shard = shard.and_then(|shard| u16::try_from(shard).ok());
        if let (Some(shard), Some(entry)) = (shard, map.table.get_mut(usize::from(slot.number()))) {
            *entry = shard;
        }
        map.serving = serving(&map.table, map.shards.len());
        map
    }

    /// A shard of its own for a node; `None` if there is no place for one more.
    fn promote(&mut self, node: usize) -> Option<usize> {
        if self.shards.len() >= MAX_SHARDS {
            return None;
        }
        for shard in &mut self.shards {
            shard.replicas.retain(|replica| *replica != node);
        }
        self.shards.push(Shard { primary: Some(node), replicas: Vec::new() });
        Some(self.shards.len() - 1)
    }
}

fn serving(table: &[u16], shards: usize) -> Vec<bool> {
    let mut serving = vec![false; shards];
    for run in table.chunk_by(|a, b| a == b) {
        if let Some(shard) = run.first().and_then(|shard| serving.get_mut(usize::from(*shard))) {
            *shard = true;
        }
    }
    serving
}

/// The ranges rather than 16,384 numbers.
impl fmt::Debug for SlotMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlotMap")
            .field("ranges", &self.ranges())
            .field("shards", &self.shards)
            .field("nodes", &self.nodes)
            .field("whole", &self.whole)
            .finish()
    }
}

/// The slot has no shard.
const NOBODY: u16 = u16::MAX;
const MAX_SHARDS: usize = Slot::COUNT as usize;

#[cfg(test)]
mod tests {
    use super::*;

    fn node(port: u16) -> NodeFacts {
        NodeFacts::at(Address::tcp("127.0.0.1", port))
    }

    fn slot(number: u16) -> Slot {
        Slot::new(number).unwrap()
    }

    fn shard(primary: usize, replicas: &[usize]) -> Shard {
        Shard { primary: Some(primary), replicas: replicas.to_vec() }
    }

    /// Two shards with a replica each.
    fn two() -> SlotMap {
        let shards = vec![(shard(0, &[2]), vec![0..=8191]), (shard(1, &[3]), vec![8192..=16383])];
        SlotMap::new((1..=4).map(node).collect(), shards)
    }

    #[test]
    fn a_slot_has_its_shard() {
        let map = two();
        assert_eq!(
            [0, 8191, 8192, 16383].map(|number| map.shard_of(slot(number))),
            [Some(0), Some(0), Some(1), Some(1)]
        );
        assert_eq!(map.ranges(), [(0..=8191, 0), (8192..=16383, 1)]);
        assert_eq!((map.coverage(), map.is_whole()), (16_384, false));
        assert_eq!(map.find(&Address::tcp("127.0.0.1", 3)), Some(2));
        assert_eq!(map.find(&Address::tcp("127.0.0.1", 9)), None);
    }

    #[test]
    fn ranges_that_are_none_are_left_out_and_the_later_one_holds() {
        let reversed = std::iter::once(RangeInclusive::new(9, 3)).collect::<Vec<_>>();
        let shards = vec![
            (shard(0, &[]), vec![0..=20_000, 16_384..=16_384, 0..=u16::MAX, 10..=19]),
            (shard(1, &[]), reversed),
            (shard(1, &[]), vec![15..=24, 30..=30]),
        ];
        let map = SlotMap::new(vec![node(1), node(2)], shards);
        assert_eq!(map.ranges(), [(10..=14, 0), (15..=24, 2), (30..=30, 2)]);
        assert_eq!((map.coverage(), map.shard_of(slot(29))), (16, None));
    }

    #[test]
    fn nodes_that_are_not_there_are_in_no_shard() {
        let map = SlotMap::new(vec![node(1)], vec![(shard(7, &[0, 1, usize::MAX]), vec![0..=0])]);
        assert_eq!(map.shards(), [Shard { primary: None, replicas: vec![0] }]);
    }

    #[test]
    fn as_many_shards_as_slots_and_no_more() {
        let shards = (0..Slot::COUNT + 9).map(|number| (shard(0, &[]), vec![number..=number])).collect();
        let map = SlotMap::new(vec![node(1)], shards);
        assert_eq!((map.shards().len(), map.coverage(), map.ranges().len()), (16_384, 16_384, 16_384));
        assert_eq!(map.shard_of(slot(16_383)), Some(16_383));
        let moved = map.moved(slot(5), &Address::tcp("b", 2));
        assert_eq!((moved.shards().len(), moved.shard_of(slot(5))), (16_384, Some(5)));
    }

    #[test]
    fn one_shard_has_the_whole() {
        let map = SlotMap::whole(node(1), vec![node(2), node(3)]);
        assert!(map.is_whole());
        assert_eq!((map.ranges(), map.shards()), (vec![(0..=16383, 0)], &[shard(0, &[1, 2])][..]));
    }

    #[test]
    fn a_slot_moves_to_another_primary_alone() {
        let map = two().moved(slot(100), &node(2).address);
        assert_eq!(map.ranges(), [(0..=99, 0), (100..=100, 1), (101..=8191, 0), (8192..=16383, 1)]);
        assert_eq!(map.shards(), two().shards());
    }

    #[test]
    fn a_replica_that_has_a_slot_was_promoted() {
        let map = two().moved(slot(0), &node(3).address).moved(slot(1), &node(3).address);
        assert_eq!(map.shards(), [shard(0, &[]), shard(1, &[3]), shard(2, &[])]);
        assert_eq!(map.ranges(), [(0..=1, 2), (2..=8191, 0), (8192..=16383, 1)]);
    }

    #[test]
    fn a_node_that_was_failed_and_one_that_nobody_knew_serve_what_moved_to_them() {
        let failed = NodeFacts { health: Health::Failed, ..node(1) };
        let map = SlotMap::new(vec![failed], vec![(shard(0, &[]), vec![])]);
        let map = map.moved(slot(7), &node(1).address).moved(slot(8), &Address::tcp("new", 6379));
        assert_eq!(map.ranges(), [(7..=7, 0), (8..=8, 1)]);
        assert_eq!(map.nodes(), [node(1), NodeFacts::at(Address::tcp("new", 6379))]);
        assert_eq!(map.shards(), [shard(0, &[]), shard(1, &[])]);
    }
}
