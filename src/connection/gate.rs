//! What the server refused for the time being: kept back until it is likely to be taken, and tried again.
//!
//! ```text
//!            refused                pause over                      taken
//!   open ──────────────▶ closed ──────────────▶ probing ───────────────────▶ open: all go back into the stream
//!                           ▲                      │
//!                           └──── refused again ───┘
//! ```

use std::time::{Duration, Instant};

use super::backlog::{Backlog, Claim};
use super::backoff::Backoff;
use super::inflight::Placed;
use super::settings::BackoffSettings;
use super::tally::Tracing;
use crate::command::Refusal;
use crate::outcome::Cause;

/// The commands of a link that were refused for one reason.
#[derive(Debug)]
pub(crate) struct Gate<T> {
    /// What was refused, in the order of the refusals.
    refused: Backlog<T>,
    /// What was never sent, because everything before it was refused.
    held: Backlog<T>,
    phase: Phase,
    backoff: Backoff,
    /// When it was last opened.
    opened: Option<Instant>,
    /// The server's last words.
    cause: Option<Cause>,
    /// Whether a probe that is refused too is the next one again; if not, each has its turn.
    keeps_order: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Nothing was refused, or all of it has gone back.
    Open,
    /// Nothing goes through before `until`.
    Closed { until: Instant },
    /// The command that stands at `place` of the link's log shows whether the rest may go back; another one is tried if
    /// nothing is known of it at `until`.
    Probing { place: u64, until: Instant },
}

/// What is refused together and tried again together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Everything: the server takes no commands. New ones are held back too, and a `PING` is the probe.
    Link,
    /// Commands for some keys of a cluster. The oldest is the probe.
    Slots,
    /// Writes. The oldest is the probe.
    Writes,
    /// Each for itself: they go back without a probe.
    Each,
}

impl Scope {
    pub(crate) const ALL: [Self; 4] = [Self::Link, Self::Slots, Self::Writes, Self::Each];

    pub(crate) fn of(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Loading | Refusal::MasterDown => Self::Link,
            Refusal::ClusterDown => Self::Slots,
            Refusal::ReadOnly => Self::Writes,
            Refusal::TryAgain | Refusal::MaxClients => Self::Each,
        }
    }
}

impl<T: Claim> Gate<T> {
    pub(crate) fn new(scope: Scope, seed: u64) -> Self {
        let backoff = Backoff::new(PAUSES, seed);
        let (refused, held) = (Backlog::new(Tracing::Off), Backlog::new(Tracing::Off));
        // A slot that is not served says nothing of others.
        let keeps_order = scope != Scope::Slots;
        Self { refused, held, phase: Phase::Open, backoff, opened: None, cause: None, keeps_order }
    }

    /// Whether commands are kept back.
    pub(crate) fn is_closed(&self) -> bool {
        self.phase != Phase::Open
    }

    /// What is kept back.
    pub(crate) fn backlogs(&mut self) -> [&mut Backlog<T>; 2] {
        [&mut self.refused, &mut self.held]
    }

    /// What is kept back and was never sent.
    pub(crate) fn held(&mut self) -> &mut Backlog<T> {
        &mut self.held
    }

    /// How many bytes of commands are kept back.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.refused.held() + self.held.held()
    }

    /// How many commands are kept back.
    pub(crate) fn commands(&self) -> u64 {
        self.refused.tally().unsent + self.held.tally().unsent
    }

    /// How many callers' commands are kept back.
    pub(crate) fn len(&self) -> usize {
        self.refused.len() + self.held.len()
    }

    /// The server's last words.
    pub(crate) fn cause(&self) -> Option<&Cause> {
        self.cause.as_ref()
    }

    /// Keeps back what was refused, of the link's log `from`.
    pub(crate) fn handle_refused(&mut self, placed: Placed<T>, from: &Backlog<T>, cause: Cause, now: Instant) {
        let place = placed.start;
        let is_probe = self.is_probed_at(place);
        self.refused.take_over(placed, from);
        if is_probe && self.keeps_order {
            self.last_first();
        }
        self.close(place, cause, now);
    }

    /// What stands at `place` of the link's log was refused.
    pub(crate) fn close(&mut self, place: u64, cause: Cause, now: Instant) {
        self.cause = Some(cause);
        match self.phase {
            Phase::Open if self.opened.is_none_or(|opened| now.duration_since(opened) >= LONG_OPEN) => {
                self.backoff.reset();
            }
            Phase::Open => {}
            Phase::Probing { place: probe, .. } if probe == place => {}
            Phase::Probing { .. } | Phase::Closed { .. } => return,
        }
        self.phase = Phase::Closed { until: now + self.backoff.delay() };
    }

    /// Whether the command at `place` of the link's log is the probe.
    pub(crate) fn is_probed_at(&self, place: u64) -> bool {
        matches!(self.phase, Phase::Probing { place: probe, .. } if probe == place)
    }

    /// Where the probe stands in the link's log.
    pub(crate) fn probe_place(&self) -> Option<u64> {
        match self.phase {
            Phase::Probing { place, .. } => Some(place),
            Phase::Open | Phase::Closed { .. } => None,
        }
    }

    /// Puts what was refused last in front of all else that was.
    pub(crate) fn last_first(&mut self) {
        let rest = self.refused.len().saturating_sub(1);
        let mut earlier = Backlog::new(Tracing::Off);
        self.refused.move_to(&mut earlier, rest);
        earlier.move_to(&mut self.refused, rest);
    }

    /// Whether it is time for a probe.
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.due().is_some_and(|due| due <= now)
    }

    /// When something is to be tried next.
    pub(crate) fn due(&self) -> Option<Instant> {
        match self.phase {
            Phase::Open => None,
            Phase::Closed { until } | Phase::Probing { until, .. } => Some(until),
        }
    }

    /// The command at `place` of the link's log is the probe now.
    pub(crate) fn probe(&mut self, place: u64, now: Instant) {
        self.phase = Phase::Probing { place, until: now + PROBE_LIMIT };
    }

    /// There is a new connection, perhaps to another server: nothing is known of it.
    pub(crate) fn handle_established(&mut self, now: Instant) {
        if self.is_closed() {
            self.phase = Phase::Closed { until: now };
        }
    }

    /// Puts all that is kept back into the link's stream again.
    pub(crate) fn open(&mut self, into: &mut Backlog<T>, now: Instant) {
        self.phase = Phase::Open;
        self.opened = Some(now);
        self.backlogs().into_iter().for_each(Backlog::drop_given_up);
        for backlog in self.backlogs() {
            backlog.move_to(into, backlog.len());
        }
    }

    /// Puts the oldest that is kept back into the link's stream again, as the probe; with nothing to try it opens.
    pub(crate) fn probe_with_oldest(&mut self, into: &mut Backlog<T>, now: Instant) {
        self.refused.drop_given_up();
        match self.refused.move_to(into, 1) {
            Some(place) => self.probe(place, now),
            None => self.phase = Phase::Open,
        }
    }

    /// Forgets callers who have gone.
    pub(crate) fn drop_given_up(&mut self) {
        self.backlogs().into_iter().for_each(Backlog::drop_given_up);
    }

    /// No deadline of what is kept back is before this.
    pub(crate) fn earliest(&self) -> Option<Instant> {
        [self.refused.earliest(), self.held.earliest()].into_iter().flatten().min()
    }
}

/// Pauses between probes: from 10 ms up to 1 s, each shortened by chance by up to a half.
const PAUSES: BackoffSettings =
    BackoffSettings { first: Duration::from_millis(10), max: Duration::from_secs(1), jitter: 50 };

/// After this long without a refusal the pauses begin anew, 1 s.
const LONG_OPEN: Duration = Duration::from_secs(1);

/// How long a probe may take before another one is tried, 1 s.
const PROBE_LIMIT: Duration = Duration::from_secs(1);
