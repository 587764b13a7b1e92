//! A command at one of several nodes, which keeps what it takes to send it on to another one.

use std::ops::Range;
use std::sync::Arc;

use super::report::Name;
use crate::command::{Command, Encoded, Facts, RequestPolicy, Slot, Unfit};
use crate::connection::{Policy, Reason};
use crate::driver::{Outcome, Posted};
use crate::topology::{Form, Node, Parcel, Part, Reach, Route, Routing, Spread, is_setback};

/// A command in the mailbox of the node that it belongs to.
pub(super) struct Routed {
    pub(super) posted: Posted,
    pub(super) node: Arc<Node>,
    pub(super) command: Command,
    pub(super) policy: Policy,
}

/// Where a command belongs.
pub(super) struct Way {
    pub(super) target: Target,
    /// Whether replicas may answer it.
    pub(super) reads: bool,
    pub(super) policy: Policy,
    /// What is known of the command.
    pub(super) facts: &'static Facts,
}

/// To which nodes a command goes.
pub(super) enum Target {
    /// To the one that has this slot.
    Slot(Slot),
    /// To any.
    Any,
    /// To several, or perhaps to several.
    Several(Box<Several>),
}

/// How several nodes share in a command.
pub(super) enum Several {
    /// One after the other, until one has something.
    Search,
    /// All get it.
    All(Reach),
    /// Each gets what it has the keys of.
    Split { whole: Command, parts: Vec<Part> },
}

impl Way {
    /// Where the command belongs; the error is why it belongs nowhere.
    #[inline]
    pub(super) fn of(command: &Command, policy: Policy, routing: &Routing) -> Result<Self, Unfit> {
        let target = if routing.is_cluster() {
            match Spread::of(command, routing.settings().split_writes) {
                Spread::Slot(slot) => Target::Slot(slot),
                Spread::Any => Target::Any,
                other => Self::to_several(command, other)?,
            }
        } else {
            // One node has all slots.
            command.slot().map_or(Target::Any, Target::Slot)
        };
        let facts = command.resolved();
        Ok(Self { target, reads: facts.is_read_only(), policy, facts })
    }

    fn to_several(command: &Command, spread: Spread) -> Result<Target, Unfit> {
        let several = match spread {
            Spread::Search => Several::Search,
            Spread::All(reach) => Several::All(reach),
            Spread::Split(parts) => Several::Split { whole: command.clone(), parts },
            Spread::CrossSlot => return Err(Unfit::CrossSlot(cross_slot(command.facts()))),
            Spread::Elsewhere(way) => return Err(Unfit::Elsewhere(way)),
            Spread::Slot(slot) => return Ok(Target::Slot(slot)),
            Spread::Any => return Ok(Target::Any),
        };
        Ok(Target::Several(Box::new(several)))
    }

    /// Why it cannot be in a transaction whose other commands are about `slot`, if they are about any.
    pub(super) fn unfit_for_one_slot(&self, slot: Option<Slot>) -> Option<Unfit> {
        let reason = match (&self.target, slot) {
            (Target::Several(several), _) => match **several {
                Several::Split { .. } => "its keys are in several slots, and a transaction has one",
                _ => "it goes to several nodes, and a transaction to one; await it by itself",
            },
            (Target::Slot(own), Some(slot)) if *own != slot => {
                "its keys are in another slot than those of the commands before it, and a transaction has one"
            }
            _ => return None,
        };
        Some(Unfit::CrossSlot(reason))
    }

    /// Several commands that run all or none.
    pub(super) fn unit(ways: &[Self], bytes: Encoded, ends: Vec<(usize, Policy)>) -> Parcel {
        let slot = ways.iter().find_map(|way| way.slot());
        let range = 0..bytes.len();
        let route = slot.map_or(Route::Any, Route::Slot);
        Parcel { source: Arc::new(bytes), range, form: Form::Unit(ends), route, reads: false, is_counted: true }
    }

    /// The slot that it is about; `None`: none, or several.
    pub(super) fn slot(&self) -> Option<Slot> {
        if let Target::Slot(slot) = self.target { Some(slot) } else { None }
    }

    /// Whether more than one node may be needed.
    pub(super) fn is_to_several(&self) -> bool {
        matches!(self.target, Target::Several(_))
    }

    /// One of several commands, in the part `range` of `source`.
    pub(super) fn part(&self, source: &Arc<Encoded>, range: Range<usize>) -> Parcel {
        let route = self.slot().map_or(Route::Any, Route::Slot);
        self.on(route, source, range)
    }

    /// The same on this route.
    pub(super) fn on(&self, route: Route, source: &Arc<Encoded>, range: Range<usize>) -> Parcel {
        let form = Form::Single(self.policy);
        Parcel { source: Arc::clone(source), range, form, route, reads: self.reads, is_counted: true }
    }

    /// The command with everything that it takes to send it.
    pub(super) fn parcel(&self, command: &Command) -> Parcel {
        let mut bytes = Encoded::default();
        command.write_to(&mut bytes);
        let range = 0..bytes.len();
        self.part(&Arc::new(bytes), range)
    }
}

impl Routed {
    pub(super) fn name(&self) -> Name {
        Name::of(&self.command)
    }

    /// Whether there is something to be done before the caller is told: another node may have the key.
    pub(super) fn goes_on(outcome: &Outcome) -> bool {
        match outcome {
            Outcome::Answered(frame, _) => frame.has_error() && is_setback(frame.reply().bytes().unwrap_or_default()),
            Outcome::Lost(lost) => !matches!(lost.loss.reason, Reason::Deadline(_) | Reason::Closed),
            Outcome::Group(_) => false,
        }
    }
}

/// Why a command whose keys are in several slots is not sent: a part of the error's text.
pub(super) fn cross_slot(facts: &Facts) -> &'static str {
    if facts.request_policy() == Some(RequestPolicy::MultiShard) && facts.is_write() {
        "its keys are in several slots, and to take commands apart that write is not set (`Config::with_split_writes`), or \
         would make something else of it"
    } else {
        "its keys are in several slots, and it cannot be taken apart"
    }
}
