//! The words in which faults are asked for.

use std::time::Duration;

use bytes::Bytes;

/// Which bytes of a connection are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// What the client sends: requests.
    ToServer,
    /// What the server sends: replies and pushes.
    ToClient,
    /// Each of the two by itself: a number of bytes is counted in each apart.
    Both,
}

/// How a connection ends. Both of its sides, to the client and to the server, end in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cut {
    /// In order: the peers find an end of the stream. What they still write is lost, and answered by an RST if it comes
    /// more than about half a second later.
    Fin,
    /// By a reset: the peers find the error `ConnectionReset`, and what had not been delivered is lost.
    Rst,
}

/// How long bytes stay in the proxy before they are forwarded. Their order never changes.
///
/// At most 4 MiB a direction are on their way at a time, which bounds the throughput to 4 MiB per delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay {
    pub(crate) fixed: Duration,
    pub(crate) jitter: Duration,
    pub(crate) seed: u64,
}

impl Delay {
    /// The same delay for all bytes; timers are good to about a millisecond.
    pub fn fixed(delay: Duration) -> Self {
        Delay { fixed: delay, jitter: Duration::ZERO, seed: 0 }
    }

    /// Adds a random time from zero to `at_most` to each piece that is read. Each direction of each connection draws its own
    /// sequence from the seed, always the same one.
    #[must_use]
    pub fn with_jitter(self, at_most: Duration, seed: u64) -> Self {
        Delay { jitter: at_most, seed, ..self }
    }
}

impl From<Duration> for Delay {
    fn from(delay: Duration) -> Self {
        Delay::fixed(delay)
    }
}

/// What is done to a stream of bytes at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Corruption {
    /// The bits of the byte that are set here are inverted.
    Flip(u8),
    /// The byte becomes this one.
    Replace(u8),
    /// These bytes come before the byte; at once if they can, without waiting for it. They don't count as bytes of the
    /// stream.
    Insert(Bytes),
}

/// A change of what happens to a connection.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Flow(Direction, FlowChange),
    HalfDuplex,
    CutWhenIdle(Duration, Cut),
    Heal,
}

/// A change of what happens to one direction of a connection.
#[derive(Clone, Debug)]
pub(crate) enum FlowChange {
    Delay(Delay),
    /// Bytes per second.
    Throttle(u64),
    /// Bytes per write.
    Slice(usize),
    Gate(Gate),
    /// After so many more bytes.
    After(u64, Then),
    /// In front of, or at, the byte that so many more bytes precede.
    Corrupt(u64, Corruption),
}

/// Whether a direction lets bytes through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Gate {
    #[default]
    Open,
    /// Nothing is read and nothing is forwarded.
    Stalled,
    /// All is read and nothing is forwarded, the end of the stream included.
    BlackHole,
}

/// What happens when the last byte of a number of bytes has been forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    Cut(Cut),
    Close(Gate),
}
