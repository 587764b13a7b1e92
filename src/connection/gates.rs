//! The gates of a link: one for each scope of refusals.

use std::sync::Arc;
use std::time::Instant;

use super::backlog::{Backlog, Claim, Outputs, Socket};
use super::gate::{Gate, Scope};
use super::inflight::{Batch, Entry, Placed};
use super::output::Loss;
use super::room::Room;
use crate::command::{Command, Encoded, Refusal};
use crate::outcome::Cause;

/// The gates of a link.
#[derive(Debug)]
pub(crate) struct Gates<T> {
    gates: [Gate<T>; Scope::ALL.len()],
    /// Whether one is closed.
    active: bool,
}

impl<T: Claim> Gates<T> {
    pub(crate) fn new(seed: u64) -> Self {
        Self { gates: Scope::ALL.map(|scope| Gate::new(scope, seed)), active: false }
    }

    /// Whether anything was refused and not taken since.
    pub(crate) fn is_active(&self) -> bool {
        self.active
    }

    /// Whether the server takes no commands at all.
    pub(crate) fn holds_link(&self) -> bool {
        self.active && self.gate(Scope::Link).is_closed()
    }

    /// How many commands are kept back.
    pub(crate) fn commands(&self) -> u64 {
        if self.active { self.gates.iter().map(Gate::commands).sum() } else { 0 }
    }

    /// Forgets callers who have gone.
    pub(crate) fn drop_given_up(&mut self) {
        if self.active {
            self.gates.iter_mut().for_each(Gate::drop_given_up);
        }
    }

    /// How many callers are kept waiting.
    pub(crate) fn len(&self) -> usize {
        if self.active { self.gates.iter().map(Gate::len).sum() } else { 0 }
    }

    /// Keeps back what was refused, of the link's log `from`.
    pub(crate) fn refuse(
        &mut self,
        placed: Placed<T>,
        refusal: Refusal,
        from: &Backlog<T>,
        (cause, now): (Cause, Instant),
    ) {
        self.active = true;
        self.gate_mut(Scope::of(refusal)).handle_refused(placed, from, cause, now);
    }

    /// Keeps back, of commands that have not been sent, those that would wait if they were refused; leaves the others.
    pub(crate) fn hold(&mut self, batch: &mut Batch<T>) {
        let gate = self.gate_mut(Scope::Link).held();
        if batch.entries.iter().all(Entry::waits_if_refused) {
            return gate.extend(batch);
        }
        let mut position = 0;
        let mut rest = Batch::default();
        for entry in batch.entries.drain(..) {
            let range = position..position + entry.len;
            position = range.end;
            if entry.waits_if_refused() {
                let mut log = Encoded::default();
                log.append_range(&batch.log, range);
                gate.push(entry, log);
            } else {
                rest.log.append_range(&batch.log, range);
                rest.entries.push(entry);
            }
        }
        *batch = rest;
    }

    /// Whose probe stands at `place` of the link's log.
    pub(crate) fn probed(&self, place: u64) -> Option<Scope> {
        Scope::ALL.into_iter().find(|scope| self.gate(*scope).is_probed_at(place))
    }

    /// The probe that stands at `place` was refused too.
    pub(crate) fn close(&mut self, scope: Scope, place: u64, cause: Cause, now: Instant) {
        self.gate_mut(scope).close(place, cause, now);
    }

    /// Puts what was kept back into the link's stream again.
    pub(crate) fn open(&mut self, scope: Scope, into: &mut Backlog<T>, now: Instant) {
        self.gate_mut(scope).open(into, now);
        self.look();
    }

    /// There is a new connection, perhaps to another server: nothing is known of it.
    pub(crate) fn handle_established(&mut self, now: Instant) {
        self.gates.iter_mut().for_each(|gate| gate.handle_established(now));
    }

    /// The scopes for which something is to be tried now.
    pub(crate) fn due(&self, now: Instant) -> impl Iterator<Item = Scope> + use<T> {
        let due = Scope::ALL.map(|scope| (scope, self.active && self.gate(scope).is_due(now)));
        due.into_iter().filter_map(|(scope, due)| due.then_some(scope))
    }

    /// When something is to be tried next.
    pub(crate) fn next(&self) -> Option<Instant> {
        if !self.active {
            return None;
        }
        self.gates.iter().filter_map(Gate::due).min()
    }

    /// Tries again what is due for a scope.
    pub(crate) fn try_again(&mut self, scope: Scope, into: &mut Backlog<T>, now: Instant) {
        let gate = self.gate_mut(scope);
        if let Some(place) = gate.probe_place().filter(|place| into.holds(*place)) {
            // It will be answered in its turn, or the connection is lost.
            return gate.probe(place, now);
        }
        match scope {
            Scope::Each => gate.open(into, now),
            Scope::Slots | Scope::Writes => gate.probe_with_oldest(into, now),
            Scope::Link => {
                gate.drop_given_up();
                if gate.len() > 0 {
                    let mut log = Encoded::default();
                    let len = Command::new("PING").write_to(&mut log);
                    gate.probe(into.push(Entry::own(len), log), now);
                } else {
                    gate.open(into, now);
                }
            }
        }
        self.look();
    }

    /// No deadline of what is kept back is before this.
    pub(crate) fn earliest(&self) -> Option<Instant> {
        if !self.active {
            return None;
        }
        self.gates.iter().filter_map(|gate| gate.earliest()).min()
    }

    /// Why something is refused at the time.
    pub(crate) fn cause(&self) -> Option<&Cause> {
        if self.active { self.gates.iter().find_map(Gate::cause) } else { None }
    }

    /// Tells the callers whose deadline has come; `loss` makes of a gate's cause what they are told.
    pub(crate) fn expire(&mut self, now: Instant, outputs: &mut Outputs<T>, loss: impl Fn(Option<Cause>) -> Loss) {
        for gate in self.gates.iter_mut().filter(|gate| gate.earliest().is_some_and(|earliest| earliest <= now)) {
            let loss = Arc::new(loss(gate.cause().cloned()));
            gate.backlogs().into_iter().for_each(|backlog| backlog.expire(now, &loss, Socket::None, outputs));
        }
    }

    /// Tells all callers that no answer will come.
    pub(crate) fn give_up_all(&mut self, loss: &Arc<Loss>, outputs: &mut Outputs<T>) {
        for backlog in self.gates.iter_mut().flat_map(Gate::backlogs) {
            backlog.give_up_all(loss, Socket::None, outputs);
        }
    }

    /// The room that was given back since the last call.
    pub(crate) fn take_settled(&mut self) -> Room {
        let mut settled = Room::default();
        self.gates.iter_mut().flat_map(Gate::backlogs).for_each(|backlog| settled.take(backlog.take_settled()));
        settled
    }

    /// How many bytes of commands they hold.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.gates.iter().map(Gate::bytes).sum()
    }

    fn look(&mut self) {
        self.active = self.gates.iter().any(Gate::is_closed);
    }

    fn gate(&self, scope: Scope) -> &Gate<T> {
        let [link, slots, writes, each] = &self.gates;
        match scope {
            Scope::Link => link,
            Scope::Slots => slots,
            Scope::Writes => writes,
            Scope::Each => each,
        }
    }

    fn gate_mut(&mut self, scope: Scope) -> &mut Gate<T> {
        let [link, slots, writes, each] = &mut self.gates;
        match scope {
            Scope::Link => link,
            Scope::Slots => slots,
            Scope::Writes => writes,
            Scope::Each => each,
        }
    }
}
