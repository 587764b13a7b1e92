//! A command at one of several nodes, which keeps what it takes to send it on to another one.

use std::ops::Range;
use std::sync::Arc;

use super::report::Name;
use crate::command::{Command, Encoded, Slot};
use crate::connection::{Policy, Reason};
use crate::driver::{Outcome, Posted};
use crate::topology::{Form, Node, Parcel, Route, is_setback};

/// A command in the mailbox of the node that it belongs to.
pub(super) struct Routed {
    pub(super) posted: Posted,
    pub(super) name: Name,
    pub(super) node: Arc<Node>,
    pub(super) command: Command,
    pub(super) way: Way,
}

/// Where a command belongs.
pub(super) struct Way {
    pub(super) route: Route,
    /// Whether replicas may answer it.
    pub(super) reads: bool,
    policy: Policy,
}

impl Way {
    pub(super) fn of(command: &Command, policy: Policy) -> Self {
        let route = command.slot().map_or(Route::Any, Route::Slot);
        Self { route, reads: command.facts().is_read_only(), policy }
    }

    /// One of several commands, in the part `range` of `source`.
    pub(super) fn part(self, source: &Arc<Encoded>, range: Range<usize>) -> Parcel {
        let form = Form::Single(self.policy);
        Parcel { source: Arc::clone(source), range, form, route: self.route, reads: self.reads }
    }

    /// Several commands that run all or none.
    pub(super) fn unit(ways: &[Self], bytes: Encoded, ends: Vec<(usize, Policy)>) -> Parcel {
        let slot = ways.iter().find_map(|way| way.slot());
        let range = 0..bytes.len();
        let route = slot.map_or(Route::Any, Route::Slot);
        Parcel { source: Arc::new(bytes), range, form: Form::Unit(ends), route, reads: false }
    }

    /// The slot that it is about; `None`: none.
    pub(super) fn slot(&self) -> Option<Slot> {
        if let Route::Slot(slot) = self.route { Some(slot) } else { None }
    }

    /// The command with everything that it takes to send it.
    pub(super) fn parcel(self, command: &Command) -> Parcel {
        let mut bytes = Encoded::default();
        command.write_to(&mut bytes);
        let range = 0..bytes.len();
        let form = Form::Single(self.policy);
        Parcel { source: Arc::new(bytes), range, form, route: self.route, reads: self.reads }
    }
}

impl Routed {
    /// Whether there is something to be done before the caller is told: another node may have the key.
    pub(super) fn goes_on(outcome: &Outcome) -> bool {
        match outcome {
            Outcome::Answered(frame, _) => frame.has_error() && is_setback(frame.reply().bytes().unwrap_or_default()),
            Outcome::Lost(lost) => !matches!(lost.loss.reason, Reason::Deadline(_) | Reason::Closed),
            Outcome::Group(_) => false,
        }
    }
}
