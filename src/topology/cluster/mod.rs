//! What a cluster is, as its nodes tell it: which node serves which slot, and where a node says that another one does.
//!
//! Answers come in, maps come out; only `discovery` asks.

pub(super) mod discovery;
mod gather;
mod map;
mod named;
mod own_slots;
mod progress;
#[cfg(test)]
mod recorded;
mod redirect;
mod shards;
mod slots;
mod spread;
#[cfg(test)]
mod tests;
mod views;

use std::fmt;

use crate::command::{ConversionError, ServerError};
use crate::resp::{PayloadError, Reply};

pub(crate) use gather::{Answer, gather, needs_one};
#[cfg(test)]
pub(super) use map::Shard;
pub(crate) use map::{Health, NodeFacts, SlotMap};
pub(crate) use own_slots::OwnSlots;
pub(crate) use progress::{Next, ScanProgress};
pub(crate) use redirect::Redirect;
pub(crate) use spread::{Part, Reach, Spread};

/// Why an answer says nothing about a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// The server refused: it is too old for the question, or is no node of a cluster.
    Refused(ServerError),
    /// The answer has another shape.
    Shape(ConversionError),
    /// There are more shards, or more ranges of slots, than there are slots.
    TooMany,
}

impl Malformed {
    /// That `reply` is not what was expected.
    fn unless(expected: &'static str, reply: Reply<'_>) -> Self {
        match reply.bytes() {
            Some(line) if reply.is_error() => Self::Refused(ServerError::from_bytes(line)),
            _ => Self::Shape(ConversionError::unexpected(expected, reply)),
        }
    }
}

impl From<ConversionError> for Malformed {
    fn from(error: ConversionError) -> Self {
        Self::Shape(error)
    }
}

impl From<PayloadError> for Malformed {
    fn from(error: PayloadError) -> Self {
        Self::Shape(error.into())
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => error.fmt(f),
            Self::Shape(error) => error.fmt(f),
            Self::TooMany => f.write_str("more parts than there are slots"),
        }
    }
}
