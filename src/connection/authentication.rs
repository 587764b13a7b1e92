//! Telling the server who we are once more, on a connection that lives.
//!
//! ```text
//!              changed            given, AUTH written          +OK
//!   Settled ───────────▶ Asking ─────────────────────▶ Sent ────────▶ Settled
//!      │                  ▲  │ not given                │ refused
//!      │  time, or changed│  ▼                          │
//!      └────────────────▶ Pausing ◀────────────────────┘
//!     changed too soon
//!
//!   any ── the connection is lost ──▶ Settled: the next handshake asks anyway
//! ```
//!
//! A change while something is asked for or on its way is kept, and disturbs neither: what changes faster than it can be
//! asked for would never be told to the server. It is caught up afterwards, and a while after the last time at the
//! earliest: what changes with each asking would keep the server busy with nothing else.

use std::time::{Duration, Instant};

use super::backoff::Backoff;
use super::handshake::is_permanent;
use super::identity::Credentials;
use super::settings::BackoffSettings;
use crate::command::ServerError;
use crate::outcome::{Cause, HandshakeRefusal};
use crate::resp::Reply;

/// Whether the server knows the newest credentials, where those can change.
#[derive(Debug)]
pub(super) struct Authentication {
    phase: Phase,
    /// The credentials have changed since those were asked for that are used, or on their way.
    outdated: bool,
    /// The same of those that the second connection has, or waits for.
    standby_outdated: bool,
    /// When credentials may be asked for again on the present connection.
    not_before: Option<Instant>,
    /// The last attempt to connect that was brought forward, for a change.
    hastened: Option<Instant>,
    backoff: Backoff,
}

#[derive(Debug)]
enum Phase {
    /// Nothing is to be done.
    Settled,
    /// New credentials were asked for.
    Asking { until: Instant },
    /// They are on their way to the server.
    Sent {
        /// Where `AUTH` stands in the log.
        place: u64,
        credentials: Credentials,
    },
    /// They were refused, not given, or changed too soon after the last time: trying again follows.
    Pausing { until: Instant },
}

/// What follows from something that happened.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Nothing,
    /// Credentials are to be asked for.
    Ask,
    /// Those that were asked for have not come in time.
    GiveUp,
}

impl Authentication {
    /// `jitter` and `seed` are those of the link's other pauses.
    pub(super) fn new(jitter: u8, seed: u64) -> Self {
        let backoff = Backoff::new(BackoffSettings { first: FIRST, max: LONGEST, jitter }, seed);
        Self {
            phase: Phase::Settled,
            outdated: false,
            standby_outdated: false,
            not_before: None,
            hastened: None,
            backoff,
        }
    }

    /// The connection is gone, and with it what it was told.
    pub(super) fn reset(&mut self) {
        self.phase = Phase::Settled;
        self.outdated = false;
        self.standby_outdated = false;
        self.not_before = None;
        self.backoff.reset();
    }

    /// Whether credentials are asked for, for a connection that lives.
    pub(super) fn is_asking(&self) -> bool {
        matches!(self.phase, Phase::Asking { .. })
    }

    /// Where `AUTH` stands in the log, while its answer is due.
    pub(super) fn sent(&self) -> Option<u64> {
        match self.phase {
            Phase::Sent { place, .. } => Some(place),
            _ => None,
        }
    }

    /// Whether the credentials have changed since the last ones were asked for.
    pub(super) fn is_outdated(&self) -> bool {
        self.outdated
    }

    /// When [`Self::handle_timeout`] should be called.
    pub(super) fn due(&self) -> Option<Instant> {
        match self.phase {
            Phase::Asking { until } | Phase::Pausing { until } => Some(until),
            Phase::Settled | Phase::Sent { .. } => None,
        }
    }

    /// The credentials have changed during a handshake that has taken the old ones, or asks for them.
    pub(super) fn outdate(&mut self) {
        self.outdated = true;
    }

    /// The same for the second connection.
    pub(super) fn outdate_standby(&mut self) {
        self.standby_outdated = true;
    }

    /// Whether the credentials have changed since the second connection asked for its.
    pub(super) fn is_standby_outdated(&self) -> bool {
        self.standby_outdated
    }

    /// The second connection asks for its credentials.
    pub(super) fn handle_standby_asking(&mut self) {
        self.standby_outdated = false;
    }

    /// The credentials have changed while the link waits to try again with others than those that were refused. Returns
    /// when it may.
    pub(super) fn hasten(&mut self, now: Instant) -> Instant {
        let soon = match self.hastened {
            Some(next) if next > now => next,
            Some(last) => now.max(last + BETWEEN_ATTEMPTS),
            None => now,
        };
        self.hastened = Some(soon);
        soon
    }

    /// The credentials have changed, and there is a connection that is ready. New ones are waited for until `until`.
    pub(super) fn handle_change(&mut self, now: Instant, until: Instant) -> Next {
        self.outdated = true;
        self.catch_up(now, until)
    }

    /// A connection is ready, or has answered: what it was told may have changed since.
    pub(super) fn catch_up(&mut self, now: Instant, until: Instant) -> Next {
        match self.phase {
            Phase::Settled | Phase::Pausing { .. } if self.outdated => {}
            _ => return Next::Nothing,
        }
        match self.not_before.filter(|instant| *instant > now) {
            Some(instant) => {
                self.phase = Phase::Pausing { until: instant };
                Next::Nothing
            }
            None => self.ask(until),
        }
    }

    /// `AUTH` stands in the log.
    pub(super) fn handle_sent(&mut self, place: u64, credentials: Credentials, now: Instant) {
        self.not_before = Some(now + APART);
        self.phase = Phase::Sent { place, credentials };
    }

    /// There are no credentials.
    pub(super) fn handle_failure(&mut self, now: Instant) {
        self.not_before = Some(now + APART);
        self.pause(now);
    }

    /// The answer to `AUTH`.
    ///
    /// # Errors
    /// What the server says against it.
    pub(super) fn handle_answer(&mut self, reply: Reply<'_>, now: Instant) -> Result<(), Cause> {
        let refusal = reply.bytes().filter(|_| reply.is_error()).map(ServerError::from_bytes);
        let Some(error) = refusal else {
            self.phase = Phase::Settled;
            self.backoff.reset();
            return Ok(());
        };
        let message = match &self.phase {
            Phase::Sent { credentials, .. } => credentials.hidden_in(error.message()),
            _ => error.message().to_owned(),
        };
        self.pause(now);
        Err(Cause::Handshake(HandshakeRefusal::new("AUTH", message, is_permanent(&error))))
    }

    /// Time has passed. If there is to be another attempt, it has until `until`.
    pub(super) fn handle_timeout(&mut self, now: Instant, until: Instant) -> Next {
        match self.phase {
            Phase::Asking { until } if until <= now => Next::GiveUp,
            Phase::Pausing { until: pause } if pause <= now => self.ask(until),
            _ => Next::Nothing,
        }
    }

    fn pause(&mut self, now: Instant) {
        // What has changed since is no failure yet.
        let until = if self.outdated { now } else { now + self.backoff.delay() };
        self.phase = Phase::Pausing { until: self.not_before.map_or(until, |instant| until.max(instant)) };
    }

    fn ask(&mut self, until: Instant) -> Next {
        self.outdated = false;
        self.phase = Phase::Asking { until };
        Next::Ask
    }
}

/// Between two authentications on a connection that lives lies this at least, 1 s.
const APART: Duration = Duration::from_secs(1);

/// Between two attempts to connect that are brought forward lies this at least, 100 ms.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(100);

/// The pause after the first failure in a row; it doubles from there.
const FIRST: Duration = Duration::from_secs(1);

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(30);
