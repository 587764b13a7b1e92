//! The session's end.

use std::time::Instant;

use super::super::backlog::Claim;
use super::super::output::{Output, Reason};
use super::super::settings::Role;
use super::super::state::LinkState;
use super::Session;
use crate::outcome::Cause;

/// Whether more commands may come to a link that closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum More {
    /// Some wait for room.
    Possible,
    None,
}

impl<T: Claim> Session<T> {
    /// The link ends when all commands are answered and no more may come, at `until` at the latest.
    pub(crate) fn close(&mut self, until: Instant, more: More) {
        let until = self.closing.map_or(until, |(already, _)| already.min(until));
        self.closing = Some((until, more));
        if self.state.drain().is_ok() {
            self.outputs.push_back(Output::State);
        }
        self.finish_if_drained();
    }

    /// Ends the link now: everything that is not answered is given up.
    pub(crate) fn finish(&mut self, cause: Cause, now: Instant) {
        if self.is_closed() {
            return;
        }
        self.drop_connection();
        self.sort_out(&cause, now);
        self.give_up_all(self.ending(&cause), now);
        self.state.close(cause);
        self.outputs.push_back(Output::State);
        self.outputs.push_back(Output::Hangup);
    }

    /// Whether the link has ended.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.state, LinkState::Closed { .. })
    }

    /// Why commands are not answered once the link has ended.
    pub(crate) fn ending(&self, cause: &Cause) -> Reason {
        match cause {
            Cause::ClosedHere => Reason::Closed,
            cause if self.settings.role == Role::Leased && self.connected > 0 => Reason::Session(cause.clone()),
            cause => Reason::Link(cause.clone()),
        }
    }

    /// Whether nobody is helped by another connection in the place of the one that was lost just now.
    pub(super) fn ends_with_connection(&self) -> bool {
        match self.settings.role {
            Role::Shared | Role::Subscriber => false,
            Role::Blocking => self.connected > 0 && self.backlog.is_idle() && self.gates.len() == 0,
            Role::Leased => self.connected > 0,
        }
    }

    pub(super) fn finish_if_drained(&mut self) {
        let awaited = !matches!(self.closing, Some((_, More::None)));
        if !awaited && self.backlog.is_idle() && self.gates.len() == 0 && !self.is_closed() {
            self.drop_connection();
            // What is left is the session's own, and may be a password.
            self.backlog.drop_given_up();
            self.state.close(Cause::ClosedHere);
            self.outputs.push_back(Output::State);
            self.outputs.push_back(Output::Hangup);
        }
    }
}
