//! A cluster's own matters: what of a command goes to which of its nodes, and how their answers become one.

#![cfg_attr(not(test), expect(dead_code, reason = "what places commands on nodes comes next"))]
#![expect(unused_imports, reason = "what places commands on nodes comes next")]

mod gather;
mod own_slots;
mod progress;
mod spread;

pub(crate) use gather::{Answer, gather, needs_one};
pub(crate) use own_slots::OwnSlots;
pub(crate) use progress::{Next, ScanProgress};
pub(crate) use spread::{Part, Reach, Spread};
