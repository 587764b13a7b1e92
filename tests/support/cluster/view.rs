//! What one node says of the cluster: CLUSTER NODES.

use std::collections::BTreeMap;

use crate::support::Server;

/// What one node knows of all.
#[derive(Debug)]
pub(super) struct View {
    nodes: Vec<Line>,
}

/// What it knows of one.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) id: String,
    flags: Vec<String>,
    /// Whose replica it is; `-` if it is none.
    primary: String,
    epoch: u64,
    /// First and last.
    slots: Vec<(u16, u16)>,
}

impl View {
    pub(super) fn of(server: &Server) -> Self {
        let text = server.raw(&["CLUSTER", "NODES"]);
        Self { nodes: text.lines().filter_map(Line::of).collect() }
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn primaries_with_slots(&self) -> impl Iterator<Item = &Line> {
        self.nodes.iter().filter(|line| line.has("master") && !line.slots.is_empty())
    }

    pub(super) fn owner(&self, slot: u16) -> Option<&str> {
        self.nodes.iter().find(|line| line.has_slot(slot)).map(|line| line.id.as_str())
    }

    /// The node's own epoch, if it says that it has the slot itself.
    pub(super) fn own_epoch_with(&self, slot: u16) -> Option<u64> {
        let own = self.nodes.iter().find(|line| line.has("myself"))?;
        (own.has("master") && own.has_slot(slot)).then_some(own.epoch)
    }

    pub(super) fn replicas_of(&self, primary: &str) -> impl Iterator<Item = &str> {
        let is_its = move |line: &&Line| line.primary == primary && !line.has("fail") && !line.has("fail?");
        self.nodes.iter().filter(is_its).map(|line| line.id.as_str())
    }

    /// Whose replica the node is, if it is one.
    pub(super) fn primary_of_replica(&self, id: &str) -> Option<&str> {
        let line = self.nodes.iter().find(|line| line.id == id)?;
        line.has("slave").then_some(line.primary.as_str())
    }

    /// Whether the node is known and nothing bad is known of it.
    pub(super) fn is_well(&self, id: &str) -> bool {
        let bad = ["fail", "fail?", "handshake", "noaddr"];
        self.nodes.iter().any(|line| line.id == id && !bad.iter().any(|flag| line.has(flag)))
    }

    /// How many slots have an owner.
    pub(super) fn coverage(&self) -> usize {
        self.nodes.iter().flat_map(|line| &line.slots).map(|(first, last)| usize::from(last - first) + 1).sum()
    }

    pub(super) fn newest_epoch(&self) -> u64 {
        self.primaries_with_slots().map(|line| line.epoch).max().unwrap_or(0)
    }

    /// The epoch of every primary with slots. A slot is not to move again before all nodes agree on them.
    pub(super) fn epochs(&self) -> BTreeMap<&str, u64> {
        self.primaries_with_slots().map(|line| (line.id.as_str(), line.epoch)).collect()
    }
}

impl Line {
    fn of(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let &[id, _, flags, primary, _, _, epoch, _, ref slots @ ..] = words.as_slice() else { return None };
        Some(Self {
            id: id.to_owned(),
            flags: flags.split(',').map(str::to_owned).collect(),
            primary: primary.to_owned(),
            epoch: epoch.parse().ok()?,
            slots: slots.iter().filter_map(|range| Self::range(range)).collect(),
        })
    }

    /// `5461`, `0-5460`; what moves, `[93->-...]`, has an owner of its own.
    fn range(text: &str) -> Option<(u16, u16)> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        Some((first.parse().ok()?, last.parse().ok()?))
    }

    pub(super) fn first_slot(&self) -> u16 {
        self.slots.first().map_or(u16::MAX, |(first, _)| *first)
    }

    fn has_slot(&self, slot: u16) -> bool {
        self.slots.iter().any(|(first, last)| (*first..=*last).contains(&slot))
    }

    fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|own| own == flag)
    }
}
