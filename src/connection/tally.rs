//! What a link has counted of its commands and connections.

use std::collections::VecDeque;

/// Counts since the link began. Those of commands are callers' commands: no handshake, and no heartbeat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Sendings whose last byte was handed over: `answered`, `abandoned`, or in flight.
    pub(crate) sent: u64,
    /// Sendings that the peer has answered.
    pub(crate) answered: u64,
    /// Sendings whose connection ended before the answer.
    pub(crate) abandoned: u64,
    /// Sendings that repeated an abandoned one; they are in `sent` too.
    pub(crate) replayed: u64,
    /// Sendings that repeated a refused one; they are in `sent` too.
    pub(crate) retried: u64,
    /// Attempts to connect.
    pub(crate) attempts: u64,
    /// Attempts that led to a connection that was ready.
    pub(crate) connections: u64,
    /// Commands that wait to be sent, for the first time or again. The only one that can fall.
    pub(crate) unsent: u64,
}

/// Whether each command's way is noted for an observer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tracing {
    #[default]
    Off,
    On,
}

/// The commands that an earlier connection took and that are to be sent again.
#[derive(Debug, Default)]
pub(super) struct Replays {
    /// Where those end in the log that are not handed over. Ascending.
    ends: VecDeque<u64>,
    /// How many were handed over, ever.
    sent: u64,
}

impl Replays {
    /// These are to be sent again, and no others.
    pub(super) fn plan(&mut self, ends: impl Iterator<Item = u64>) {
        self.ends.clear();
        self.ends.extend(ends);
    }

    /// Everything before `position` was handed over.
    pub(super) fn handle_written(&mut self, position: u64) {
        while self.ends.front().is_some_and(|end| *end <= position) {
            self.ends.pop_front();
            self.sent += 1;
        }
    }

    /// Whether none waits to be sent again.
    pub(super) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// How many were sent again, ever.
    pub(super) fn sent(&self) -> u64 {
        self.sent
    }
}
