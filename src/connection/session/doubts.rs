//! The session's dealings with a connection that is in doubt: a second one beside it.

use std::time::{Duration, Instant};

use super::super::backlog::Claim;
use super::super::output::Output;
use super::super::standby::{Doubt, Found, Ready, Standby};
use super::Session;
use crate::outcome::{Cause, PeerFacts};

impl<T: Claim> Session<T> {
    /// The second connection: where its bytes are read to and written from.
    pub(crate) fn standby(&mut self) -> &mut Standby {
        &mut self.standby
    }

    /// Whether the driver should dial a second connection now; if so, an attempt has begun.
    pub(crate) fn poll_standby_dial(&mut self, now: Instant) -> bool {
        let begun = self.standby.poll_dial(&self.settings, now);
        self.dialed += u64::from(begun);
        begun
    }

    /// The transport has a socket for the second connection.
    pub(crate) fn handle_standby_dialed(&mut self, peer: PeerFacts) {
        self.standby.handle_dialed(&self.settings, peer);
        if self.standby.awaits_credentials() {
            self.authentication.handle_standby_asking();
            self.outputs.push_back(Output::NeedCredentials);
        }
    }

    /// The attempt to make a second connection failed: the present one is still the best there is.
    pub(crate) fn handle_standby_lost(&mut self, cause: Cause, now: Instant) {
        self.standby.give_up(STANDBY_PAUSE, now);
        self.backlog.resume();
        self.last_cause = Some(cause);
    }

    /// When a second connection should be tried; `None` while one is, or no answer is awaited.
    pub(super) fn silence_due(&self) -> Option<Instant> {
        if !self.is_established() || self.standby.is_active() {
            return None;
        }
        let due = self.liveness.silence_due(&self.settings, self.backlog.awaited_bytes())?;
        Some(self.standby.not_before().map_or(due, |instant| due.max(instant)))
    }

    /// Takes the second connection into use once it is better than the present one.
    pub(crate) fn attend_standby(&mut self, now: Instant) {
        if !self.standby.is_active() {
            return;
        }
        let present = self.state.session().and_then(|facts| facts.server.id);
        match self.standby.poll_found(present) {
            Some(Found::Better(Doubt::Silence, ready)) => return self.promote(*ready, Cause::Silent, now),
            // What the present connection was sent it answers: it is only to be sent no more.
            Some(Found::Better(Doubt::ReadOnly, ready)) => {
                self.backlog.pause();
                self.standby.keep(ready, now + HANDOVER);
            }
            Some(Found::NoBetter) => return self.standby.give_up(STANDBY_PAUSE, now),
            Some(Found::Failed(cause)) => return self.handle_standby_lost(cause, now),
            None => {}
        }
        if self.backlog.is_paused() {
            if let Some(ready) = self.standby.take_proven() {
                self.promote(*ready, Cause::ReadOnly, now);
            }
        }
    }

    /// Puts a new connection in the place of the present one.
    fn promote(&mut self, ready: Ready, cause: Cause, now: Instant) {
        let (in_flight, last_read) = (self.callers(), self.liveness.last_read());
        let outdated = self.authentication.is_standby_outdated();
        self.drop_connection();
        if outdated {
            self.authentication.outdate();
        }
        // The new connection may be no better: a server need not say that it is a replica.
        self.standby.give_up(STANDBY_PAUSE, now);
        let failed_unknown = self.sort_out(&cause, now);
        let requeued = self.backlog.len() + self.gates.len();
        self.outputs.push_back(Output::Disconnected { cause, in_flight, requeued, failed_unknown, last_read });
        self.outputs.push_back(Output::Promoted);
        self.liveness.handle_dialed(now);
        self.peer = ready.peer;
        self.connection = Some(ready.connection);
        self.handle_established(ready.server, now);
    }
}

/// After a second connection could not be made, or was no better, the next one is not tried for this long, 1 s.
const STANDBY_PAUSE: Duration = Duration::from_secs(1);

/// How long commands are held back at most until the present connection has answered what it was sent, 1 s.
const HANDOVER: Duration = Duration::from_secs(1);
