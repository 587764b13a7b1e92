//! What a node believes of its cluster, and how it tells that.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::{Arc, OnceLock};

use steadfast::Slot;

use crate::wire::Answer;

/// A number that a node keeps, whatever its address becomes.
pub(crate) type NodeId = usize;

/// A run of slots that moves as one.
pub(crate) type Segment = usize;

/// What a node believes, or what is true.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    pub(crate) epoch: u64,
    /// The shard that has each segment.
    pub(crate) owners: Vec<usize>,
    /// The shard that a segment is being moved to.
    pub(crate) moving: Vec<Option<usize>>,
    pub(crate) shards: Vec<ShardView>,
    /// The port of each node.
    pub(crate) ports: Vec<u16>,
    /// How it is told: made once.
    pub(crate) told: Told,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ShardView {
    pub(crate) primary: Option<NodeId>,
    pub(crate) replicas: Vec<NodeId>,
    /// Those that nobody hears from.
    pub(crate) failed: Vec<NodeId>,
}

#[derive(Default)]
pub(crate) struct Told([OnceLock<Arc<Vec<u8>>>; 4]);

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

/// A copy is made to be changed.
impl Clone for Told {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// How nodes name themselves and others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    Host,
    /// Not at all: the host that was asked.
    Empty,
}

impl Naming {
    pub(crate) fn host(self) -> &'static str {
        if self == Self::Host { HOST } else { "" }
    }
}

impl View {
    /// The shard of a node, and whether it is its primary.
    pub(crate) fn place_of(&self, node: NodeId) -> Option<(usize, bool)> {
        self.shards.iter().enumerate().find_map(|(shard, view)| {
            let is_primary = view.primary == Some(node);
            (is_primary || view.replicas.contains(&node) || view.failed.contains(&node)).then_some((shard, is_primary))
        })
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.owners.iter().all(|owner| self.shards[*owner].primary.is_some())
    }

    fn slots_of(&self, shard: usize, slots: &[RangeInclusive<u16>]) -> Vec<(u16, u16)> {
        let mut runs: Vec<(u16, u16)> = Vec::new();
        for (segment, _) in self.owners.iter().enumerate().filter(|(_, owner)| **owner == shard) {
            let (start, end) = slots[segment].clone().into_inner();
            match runs.last_mut() {
                Some(last) if last.1 + 1 == start => last.1 = end,
                _ => runs.push((start, end)),
            }
        }
        runs
    }

    /// The answer to `CLUSTER SHARDS`, encoded.
    pub(crate) fn shards(&self, slots: &[RangeInclusive<u16>], naming: Naming, is_new: bool) -> Arc<Vec<u8>> {
        let encode = || {
            let shards = self.shards.iter().enumerate().map(|(shard, view)| {
                let runs = self.slots_of(shard, slots).into_iter().flat_map(|(start, end)| [start, end]);
                let primary = view.primary.iter().map(|node| self.node(*node, "master", "online", naming));
                let replicas = view.replicas.iter().map(|node| self.node(*node, "replica", "online", naming));
                let failed = view.failed.iter().map(|node| self.node(*node, "master", "fail", naming));
                Answer::Map(vec![
                    ("slots", Answer::List(runs.map(|slot| Answer::Number(i64::from(slot))).collect())),
                    ("nodes", Answer::List(primary.chain(failed).chain(replicas).collect())),
                ])
            });
            let mut out = Vec::new();
            Answer::List(shards.collect()).write(is_new, &mut out);
            Arc::new(out)
        };
        Arc::clone(self.told.0[usize::from(is_new)].get_or_init(encode))
    }

    /// The answer to `CLUSTER SLOTS`, encoded.
    pub(crate) fn slots(&self, slots: &[RangeInclusive<u16>], naming: Naming, is_new: bool) -> Arc<Vec<u8>> {
        let encode = || {
            let mut rows = Vec::new();
            for (shard, view) in self.shards.iter().enumerate() {
                for (start, end) in self.slots_of(shard, slots) {
                    let nodes = view.primary.iter().chain(&view.replicas).map(|node| {
                        Answer::List(vec![
                            Answer::Text(naming.host().to_owned()),
                            Answer::Number(i64::from(self.ports[*node])),
                            Answer::Text(format!("{node:040x}")),
                            Answer::List(Vec::new()),
                        ])
                    });
                    let ends = [start, end].map(|slot| Answer::Number(i64::from(slot)));
                    if view.primary.is_some() {
                        rows.push(Answer::List(ends.into_iter().chain(nodes).collect()));
                    }
                }
            }
            let mut out = Vec::new();
            Answer::List(rows).write(is_new, &mut out);
            Arc::new(out)
        };
        Arc::clone(self.told.0[2 + usize::from(is_new)].get_or_init(encode))
    }

    /// The answer to `CLUSTER INFO`.
    pub(crate) fn info(&self, is_ok: bool) -> Answer {
        let state = if is_ok && self.is_whole() { "ok" } else { "fail" };
        Answer::Text(format!(
            "cluster_enabled:1\r\ncluster_state:{state}\r\ncluster_slots_assigned:16384\r\ncluster_current_epoch:{}\r\n",
            self.epoch
        ))
    }

    fn node(&self, node: NodeId, role: &'static str, health: &'static str, naming: Naming) -> Answer {
        let text = |text: &str| Answer::Text(text.to_owned());
        Answer::Map(vec![
            ("id", Answer::Text(format!("{node:040x}"))),
            ("port", Answer::Number(i64::from(self.ports[node]))),
            ("ip", text(naming.host())),
            ("endpoint", text(naming.host())),
            ("role", text(role)),
            ("replication-offset", Answer::Number(0)),
            ("health", text(health)),
        ])
    }
}

/// One segment for each tag, such that the tag's slot lies in it; in the order of the slots.
pub(crate) fn segments(tags: &mut [String]) -> Vec<RangeInclusive<u16>> {
    tags.sort_by_key(|tag| Slot::of(tag.as_bytes()).number());
    let slots: Vec<u16> = tags.iter().map(|tag| Slot::of(tag.as_bytes()).number()).collect();
    let begins =
        (0..slots.len()).map(|at| if at == 0 { 0 } else { slots[at - 1] + (slots[at] - slots[at - 1]).div_ceil(2) });
    let begins: Vec<u16> = begins.collect();
    let ends = begins.iter().skip(1).map(|begin| begin - 1).chain([16383]);
    begins.iter().zip(ends).map(|(begin, end)| *begin..=end).collect()
}

/// The host of all nodes: they differ in their ports.
pub(crate) const HOST: &str = "node";
