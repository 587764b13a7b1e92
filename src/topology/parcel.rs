//! What is to be sent to one of several nodes, and what came of it.

use std::ops::Range;
use std::sync::Arc;

use super::node::Node;
use crate::command::{Encoded, Slot};
use crate::connection::{GroupEnd, Lost, Policy, Repeat, Sent};
use crate::outcome::{Cause, Fate};

/// A command, or several that run all or none, encoded.
pub(crate) struct Parcel {
    /// What its bytes are part of, and which part.
    pub(crate) source: Arc<Encoded>,
    pub(crate) range: Range<usize>,
    pub(crate) form: Form,
    pub(crate) route: Route,
    /// Whether replicas may answer it.
    pub(crate) reads: bool,
    /// Whether it counts as what its caller has handed in: of the parts of one command one does.
    pub(crate) is_counted: bool,
}

/// How many commands it is.
pub(crate) enum Form {
    Single(Policy),
    /// A transaction: where each command ends, from `MULTI` to `EXEC`.
    Unit(Vec<(usize, Policy)>),
}

/// Which node it is for.
pub(crate) enum Route {
    /// The one that has this slot.
    Slot(Slot),
    /// Any that has some.
    Any,
    /// This one, whatever becomes of it.
    Node(Arc<Node>),
}

/// How a parcel ended.
pub(crate) struct Settled {
    /// The node that had it last; `None`: there was none.
    pub(crate) node: Option<Arc<Node>>,
    pub(crate) end: End,
}

pub(crate) enum End {
    /// Its answer is this reply of this frame.
    Answered {
        frame: usize,
        reply: usize,
        sent: Sent,
    },
    /// A transaction's answers, behind so many that are not its own.
    Unit {
        end: GroupEnd,
        skip: usize,
    },
    Lost(Lost),
}

/// What a parcel has been through.
pub(super) struct Past {
    /// What became of it so far.
    pub(super) fate: Fate,
    /// How often it was sent on.
    pub(super) redirects: u32,
    /// How often it had to pause.
    pub(super) pauses: u32,
    /// Whether only the primary is asked any more.
    pub(super) primary_only: bool,
    /// Whether it is counted.
    pub(super) is_issued: bool,
    /// The last thing that went wrong.
    pub(super) last: Option<Cause>,
}

impl Default for Past {
    fn default() -> Self {
        Self { fate: Fate::NotSent, redirects: 0, pauses: 0, primary_only: false, is_issued: false, last: None }
    }
}

impl Past {
    /// A node answered that it did not run it.
    pub(super) fn note_refused(&mut self) {
        if self.fate == Fate::NotSent {
            self.fate = Fate::Refused;
        }
    }

    /// A node has given it up, with this fate.
    pub(super) fn note_lost(&mut self, fate: Fate) {
        match (self.fate, fate) {
            (Fate::NotSent, fate) | (Fate::Refused, fate @ Fate::Unknown) => self.fate = fate,
            _ => {}
        }
    }
}

impl Form {
    /// How many commands its caller has asked for.
    pub(super) fn commands(&self) -> usize {
        match self {
            Self::Single(_) => 1,
            Self::Unit(ends) => ends.len().saturating_sub(2),
        }
    }

    /// Whether it may be sent again when nobody knows whether it ran.
    pub(super) fn repeat(&self) -> Repeat {
        match self {
            Self::Single(policy) => policy.repeat,
            Self::Unit(ends) => {
                let allowed = ends.iter().all(|(_, policy)| policy.repeat == Repeat::Allowed);
                if allowed { Repeat::Allowed } else { Repeat::Forbidden }
            }
        }
    }
}
