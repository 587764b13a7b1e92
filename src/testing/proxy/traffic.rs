//! What happens to the bytes of one connection.

use std::time::Duration;

use tokio::time::Instant;

use super::fault::{Change, Cut, Direction};
use super::flow::Flow;
use super::line::later;

/// What happens to the bytes of one connection, and what they are.
#[derive(Clone, Debug)]
pub(crate) struct Traffic {
    pub(crate) to_server: Flow,
    pub(crate) to_client: Flow,
    pub(crate) duplex: Duplex,
    idle_limit: Option<(Duration, Cut)>,
    /// When bytes were read or forwarded, or the limit was set.
    last_seen: Instant,
}

/// Whether a side is read while something is to be written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duplex {
    Full,
    Half,
}

impl Traffic {
    pub(crate) fn new(now: Instant) -> Self {
        Traffic {
            to_server: Flow::default(),
            to_client: Flow::default(),
            duplex: Duplex::Full,
            idle_limit: None,
            last_seen: now,
        }
    }

    pub(crate) fn apply(&mut self, change: Change, now: Instant) {
        match change {
            Change::Flow(direction, change) => {
                if direction != Direction::ToClient {
                    self.to_server.apply(change.clone(), now);
                }
                if direction != Direction::ToServer {
                    self.to_client.apply(change, now);
                }
            }
            Change::HalfDuplex => self.duplex = Duplex::Half,
            Change::CutWhenIdle(after, cut) => {
                self.idle_limit = Some((after, cut));
                self.last_seen = now;
            }
            Change::Heal => {
                self.to_server.heal(now);
                self.to_client.heal(now);
                self.duplex = Duplex::Full;
                self.idle_limit = None;
            }
        }
    }

    pub(crate) fn touch(&mut self, now: Instant) {
        self.last_seen = now;
    }

    /// When the connection is cut unless bytes come, and how.
    pub(crate) fn idle_until(&self) -> Option<(Instant, Cut)> {
        self.idle_limit.map(|(after, cut)| (later(self.last_seen, after), cut))
    }

    /// Whether a direction has forwarded what it was to forward before a cut.
    pub(crate) fn pass_limit(&mut self) -> Option<Cut> {
        let limits = [self.to_server.pass_limit(), self.to_client.pass_limit()];
        limits[0].or(limits[1])
    }

    /// Whether nothing may happen in any direction.
    pub(crate) fn is_silent(&self) -> bool {
        self.to_server.is_stalled() && self.to_client.is_stalled()
    }
}
