//! How far a scan of a whole cluster has come: which slots are done, and what comes next.
//!
//! A node is *walked*: scanned from its cursor 0 to its cursor 0. Servers promise that a walk finds every key that is there
//! from its beginning to its end; the rest is about slots that move meanwhile. What a node has is asked of the node itself,
//! at the beginning and at the end of each walk ([`OwnSlots`]): a slot is done
//!
//! - if the node had it at both times, none of its keys were on their way to another node, and the node was given no slot in
//!   between (which its epoch shows: else the slot could have left and come back);
//! - or, where keys stay on their way for long: if the node that they leave was walked to the end, and after it the one that
//!   they come to, and they were still on that way at the end.
//!
//! Everything else is walked again, wherever it is then.

use std::collections::HashMap;

use super::own_slots::{OwnSlots, SlotSet};
use crate::command::Slot;

#[derive(Debug, Default)]
pub(crate) struct ScanProgress {
    done: SlotSet,
    /// Slots whose keys are on their way from a node that was walked to the end.
    left: HashMap<Slot, Way>,
    walk: Option<OwnSlots>,
}

/// Keys of a slot go from one node to another.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Way {
    from: Box<str>,
    to: Box<str>,
}

/// Which node to walk next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The one that has this slot.
    OwnerOf(Slot),
    /// The one with this name, to which keys of this slot are on their way.
    Target(Box<str>, Slot),
}

impl ScanProgress {
    /// Which node to walk next; `None`: all slots are done.
    pub(crate) fn next(&self) -> Option<Next> {
        let mut on_their_way = None;
        for slot in self.done.missing() {
            match self.left.get(&slot) {
                None => return Some(Next::OwnerOf(slot)),
                // First everybody else: it may have become simpler by then.
                Some(way) => {
                    on_their_way.get_or_insert_with(|| Next::Target(way.to.clone(), slot));
                }
            }
        }
        on_their_way
    }

    /// Whether a key of this slot was perhaps not found yet.
    pub(crate) fn wants(&self, slot: Slot) -> bool {
        !self.done.contains(slot)
    }

    /// A node is to be walked, and said this about itself. Whether that is of use: not if it has nothing that is not done,
    /// because somebody was wrong about it.
    pub(crate) fn begin(&mut self, own: OwnSlots) -> bool {
        // What was to come to it and does not may be anywhere now.
        self.left.retain(|slot, way| *way.to != *own.id() || own.coming_from(*slot) == Some(&*way.from));
        let comes = self.left.values().any(|way| *way.to == *own.id());
        let is_of_use = comes || own.owned().iter().any(|slot| self.wants(slot));
        self.walk = is_of_use.then_some(own);
        is_of_use
    }

    /// The walk that was begun came to its end, and then the node said this about itself.
    pub(crate) fn end(&mut self, after: &OwnSlots) {
        let Some(before) = self.walk.take() else { return };
        if before.id() != after.id() {
            return;
        }
        let same_epoch = |node: &str| before.epoch_of(node) == after.epoch_of(node);
        let was_given_none = same_epoch(before.id());
        for slot in before.owned().iter() {
            if self.done.contains(slot) || !after.owned().contains(slot) || !was_given_none {
                continue;
            }
            match (before.leaving_to(slot), after.leaving_to(slot)) {
                (None, None) => self.finish(slot),
                (before_to, Some(to)) if before_to.is_none_or(|before| before == to) => {
                    self.left.insert(slot, Way { from: before.id().into(), to: to.into() });
                }
                _ => {}
            }
        }
        let arrived = self.left.iter().filter(|(slot, way)| {
            *way.to == *after.id()
                && after.coming_from(**slot) == Some(&*way.from)
                && was_given_none
                && same_epoch(&way.from)
        });
        let arrived: Vec<Slot> = arrived.map(|(slot, _)| *slot).collect();
        arrived.into_iter().for_each(|slot| self.finish(slot));
    }

    /// The walk that was begun will not come to its end: the node is another one now, or not there.
    pub(crate) fn abandon(&mut self) {
        self.walk = None;
    }

    fn finish(&mut self, slot: Slot) {
        self.done.insert(slot);
        self.left.remove(&slot);
    }
}

#[cfg(test)]
mod tests;
