//! The session's dealings with what the server refuses for the time being.

use std::sync::Arc;
use std::time::Instant;

use super::super::backlog::Claim;
use super::super::gate::Scope;
use super::super::inflight::Refused;
use super::super::output::{Loss, Output, Reason};
use super::super::standby::Doubt;
use super::Session;
use crate::command::Refusal;
use crate::outcome::{Cause, Stage};
use crate::resp::Frame;

impl<T: Claim> Session<T> {
    /// The server refused an entry for the time being.
    pub(super) fn handle_refused(&mut self, refused: Refused<T>, now: Instant) {
        let Refused { mut placed, refusal, words } = refused;
        if self.settings.routed && matches!(refusal, Refusal::ReadOnly | Refusal::ClusterDown) {
            self.outputs.push_back(Output::Unsettled);
        }
        if self.settings.routed && refusal == Refusal::ReadOnly {
            // A new connection would lead to the same node: the topology knows another one.
            let loss =
                Arc::new(Loss { stage: Stage::Refused, ..self.loss(Reason::Displaced(Some(Cause::ReadOnly)), now) });
            self.backlog.settle(placed.entry.room());
            if let Some(ticket) = placed.entry.ticket.take() {
                self.outputs.push_back(placed.tell(ticket, &loss, |_, sending| sending.fate()));
            }
            return;
        }
        let was_held = self.gates.holds_link();
        let cause = Cause::Refused { message: Arc::clone(&words) };
        self.gates.refuse(placed, refusal, &self.backlog, (cause, now));
        if self.gates.holds_link() && !was_held {
            self.outputs.push_back(Output::Paused(words));
        }
        if refusal == Refusal::ReadOnly && self.is_established() {
            self.standby.want(Doubt::ReadOnly, now);
        }
    }

    /// Tries again what was refused a while ago.
    pub(super) fn try_again(&mut self, now: Instant) {
        for scope in self.gates.due(now) {
            let was_held = self.gates.holds_link();
            self.gates.try_again(scope, &mut self.backlog, now);
            if was_held && !self.gates.holds_link() {
                self.outputs.push_back(Output::Resumed);
            }
        }
        self.backlog.settle(self.gates.take_settled());
    }

    pub(super) fn open_gate(&mut self, scope: Scope, now: Instant) {
        self.gates.open(scope, &mut self.backlog, now);
        self.backlog.settle(self.gates.take_settled());
        if scope == Scope::Link {
            self.outputs.push_back(Output::Resumed);
        }
    }
}

/// Why the server still refuses what belongs to `scope`, if that is what an answer says.
pub(super) fn refusal_of(answer: &Frame, scope: Scope) -> Option<Cause> {
    let line = answer.reply().bytes().filter(|_| answer.has_error())?;
    let refusal = Refusal::of(line).filter(|refusal| Scope::of(*refusal) == scope);
    refusal.map(|_| Cause::refused(line))
}
