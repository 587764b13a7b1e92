//! The session's dealings with credentials that change.

use std::time::Instant;

use super::super::authentication::Next;
use super::super::backlog::Claim;
use super::super::handshake;
use super::super::identity::Credentials;
use super::super::inflight::Entry;
use super::super::output::Output;
use super::super::state::LinkState;
use super::super::wire::Connection;
use super::Session;
use crate::command::{Encoded, ServerError};
use crate::outcome::{Cause, HandshakeRefusal};
use crate::resp::Frame;

impl<T: Claim> Session<T> {
    /// Whether somebody waits for [`Self::handle_credentials`].
    pub(crate) fn awaits_credentials(&self) -> bool {
        self.greets_without_credentials() || self.authentication.is_asking() || self.standby.awaits_credentials()
    }

    /// The credentials that were needed, or why there are none.
    pub(crate) fn handle_credentials(&mut self, given: Result<Credentials, Cause>, now: Instant) {
        let is_asking = self.authentication.is_asking();
        match given {
            Ok(credentials) => {
                match (is_asking, self.keeps_out) {
                    (true, false) => self.authenticate(credentials.clone(), now),
                    // They are asked for again after a pause.
                    (true, true) => self.authentication.handle_failure(now),
                    (false, _) => {}
                }
                self.standby.identify(credentials.clone());
                if let Some(connection) = &mut self.connection {
                    connection.identify(credentials);
                }
            }
            Err(cause) => {
                if is_asking {
                    self.not_authenticated(cause.clone(), now);
                }
                if self.standby.awaits_credentials() {
                    self.handle_standby_lost(cause.clone(), now);
                }
                if self.greets_without_credentials() {
                    self.handle_lost(cause, now);
                    self.outputs.push_back(Output::Hangup);
                }
            }
        }
    }

    /// The credentials have changed: who has the old ones, or has asked for them, needs the new.
    pub(crate) fn handle_credentials_changed(&mut self, now: Instant) {
        if self.standby.is_active() {
            self.authentication.outdate_standby();
        }
        match &self.connection {
            Some(connection) if connection.may_authenticate() && !self.keeps_out => {
                let next = self.authentication.handle_change(now, self.given_until(now));
                self.follow(next, now);
            }
            Some(connection) if connection.is_ready() && !connection.may_authenticate() => {}
            // Also what is to be told later.
            Some(_) => self.authentication.outdate(),
            // The next handshake asks anyway.
            None => self.try_others(now),
        }
    }

    /// Waits no longer than a moment for the next attempt, where the last one was refused for what others may be
    /// granted.
    fn try_others(&mut self, now: Instant) {
        let LinkState::Backoff { cause: Cause::Handshake(refusal), .. } = &self.state else { return };
        if !handshake::is_permanent(&ServerError::from_bytes(refusal.message.as_bytes())) {
            return;
        }
        let cause = Cause::Handshake(HandshakeRefusal { permanent: false, ..refusal.clone() });
        self.refusal = None;
        self.last_cause = Some(cause.clone());
        if self.state.hasten(self.authentication.hasten(now), cause) {
            self.outputs.push_back(Output::State);
        }
    }

    /// Asks for the credentials that the handshake waits for, if it does.
    pub(super) fn identify(&mut self) {
        if self.greets_without_credentials() {
            self.outputs.push_back(Output::NeedCredentials);
        }
    }

    /// Asks for credentials that have changed since the connection was told.
    pub(super) fn catch_up(&mut self, now: Instant) {
        if self.keeps_out || !self.connection.as_ref().is_some_and(Connection::may_authenticate) {
            return;
        }
        let next = self.authentication.catch_up(now, self.given_until(now));
        self.follow(next, now);
    }

    /// The server has answered to `AUTH`.
    pub(super) fn handle_authenticated(&mut self, answer: &Frame, now: Instant) {
        self.outputs.push_back(match self.authentication.handle_answer(answer.reply(), now) {
            Ok(()) => Output::Reauthenticated,
            Err(cause) => Output::ReauthenticationFailed(cause),
        });
        self.catch_up(now);
    }

    pub(super) fn handle_authentication_timeout(&mut self, now: Instant) {
        let next = self.authentication.handle_timeout(now, self.given_until(now));
        self.follow(next, now);
    }

    /// What the handshake was refused for: credentials that have changed in the meantime are no reason to give up.
    pub(super) fn judge_refusal(&self, cause: Cause) -> Cause {
        match cause {
            Cause::Handshake(refusal) if self.authentication.is_outdated() => {
                Cause::Handshake(HandshakeRefusal { permanent: false, ..refusal })
            }
            cause => cause,
        }
    }

    /// What an attempt has spent its time on.
    pub(super) fn attempt_timed_out(&self) -> Cause {
        if self.greets_without_credentials() { late() } else { Cause::AttemptTimedOut { stage: self.stage() } }
    }

    fn greets_without_credentials(&self) -> bool {
        self.connection.as_ref().is_some_and(Connection::awaits_credentials)
    }

    /// How long credentials that are asked for now are waited for.
    fn given_until(&self, now: Instant) -> Instant {
        now + self.settings.connect_timeout
    }

    fn follow(&mut self, next: Next, now: Instant) {
        match next {
            Next::Nothing => {}
            Next::Ask => self.outputs.push_back(Output::NeedCredentials),
            Next::GiveUp => self.not_authenticated(late(), now),
        }
    }

    /// Sends `AUTH` in the order of all other commands.
    fn authenticate(&mut self, credentials: Credentials, now: Instant) {
        let mut log = Encoded::default();
        let len = handshake::auth(&credentials).write_to(&mut log);
        let place = self.backlog.push(Entry::own(len), log);
        self.authentication.handle_sent(place, credentials, now);
    }

    fn not_authenticated(&mut self, cause: Cause, now: Instant) {
        self.authentication.handle_failure(now);
        self.outputs.push_back(Output::ReauthenticationFailed(cause));
    }
}

/// The provider took more time than there was.
fn late() -> Cause {
    Cause::Credentials { detail: "they were not given in time".to_owned() }
}
