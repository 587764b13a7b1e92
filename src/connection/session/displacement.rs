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
            self.handle_lost(Cause::Silent, now);
            self.outputs.push_back(Output::Hangup);
        }
        let loss = Arc::new(self.loss(Reason::Displaced, now));
        self.backlog.displace(&loss, self.socket(), &mut self.outputs);
        if self.gates.is_active() {
            let loss = Arc::new(Loss { stage: Stage::Refused, ..Loss::clone(&loss) });
            self.gates.give_up_all(&loss, &mut self.outputs);
            self.backlog.settle(self.gates.take_settled());
        }
    }
}

/// A node that others are used in place of is not waited for any longer once it has been silent for this long, 500 ms.
const OVERDUE: Duration = Duration::from_millis(500);
