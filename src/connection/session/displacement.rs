//! The session's dealings with a topology in which its node is not what it was.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::backlog::Claim;
use super::super::output::{Loss, Output, Reason};
use super::super::standby::Doubt;
use super::Session;
use crate::outcome::{Cause, Stage};

/// What has become of a node in the topology.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Displacement {
    /// It is still to be used, for less than before.
    Moved,
    /// Others are to be used in its place.
    Left,
    /// Its address leads to another one, it says: that is connected to anew, and takes over if it is another one.
    Doubted,
}

impl<T: Claim> Session<T> {
    /// When it is to be told next that a node of several has fallen silent: others may have taken its place. `None`: it is
    /// not silent, or nobody waits for it.
    pub(super) fn unsettled_due(&self) -> Option<Instant> {
        if !self.settings.routed || !self.is_established() {
            return None;
        }
        let due = self.liveness.waiting_since()? + SILENCE;
        Some(self.unsettled_told.map_or(due, |told| due.max(told + AGAIN)))
    }

    /// Tells that.
    pub(super) fn tell_unsettled(&mut self, now: Instant) {
        self.unsettled_told = Some(now);
        self.outputs.push_back(Output::Unsettled);
    }

    /// The topology has changed, and what was not sent may belong to another node: its callers are told, and of a node
    /// that is not to be used any more also those whose answers are overdue.
    pub(crate) fn displace(&mut self, displacement: Displacement, now: Instant) {
        if displacement == Displacement::Doubted {
            if self.is_established() {
                self.standby.want(Doubt::ReadOnly, now);
            }
            return;
        }
        let is_silent = self.backlog.is_awaited() && self.liveness.silent_for(now) >= Some(OVERDUE);
        if displacement == Displacement::Left && self.is_established() && is_silent {
            self.handle_lost(Cause::Replaced, now);
            self.outputs.push_back(Output::Hangup);
        }
        let loss = Arc::new(self.loss(Reason::Displaced(None), now));
        self.backlog.displace(&loss, self.socket(), &mut self.outputs);
        if self.gates.is_active() {
            let reason = Reason::Displaced(self.gates.cause().cloned());
            let loss = Arc::new(Loss { stage: Stage::Refused, reason, ..Loss::clone(&loss) });
            self.gates.give_up_all(&loss, &mut self.outputs);
            self.backlog.settle(self.gates.take_settled());
        }
    }
}

/// After so much silence while answers are due, 1 s, the topology may be another one.
const SILENCE: Duration = Duration::from_secs(1);

/// That is told again each time after this, 500 ms, while it lasts.
const AGAIN: Duration = Duration::from_millis(500);

/// A node that others are used in place of is not waited for any longer once it has been silent for this long, 500 ms.
const OVERDUE: Duration = Duration::from_millis(500);
