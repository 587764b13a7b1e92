//! The settings that are a choice between a few words, and the schedule of reconnection.

use std::time::Duration;

use crate::client::defaults;

/// Which version of the Redis protocol to speak.
///
/// ProtocolChoice: <https://redis.io/docs/latest/develop/reference/protocol-spec/>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProtocolChoice {
    /// RESP3 by `HELLO 3`, and RESP2 where the server does not know `HELLO` (before Redis 6.0, some proxies).
    #[default]
    Auto,
    /// RESP2, without asking for more. For proxies that break on `HELLO`.
    Resp2,
    /// RESP3 only: a server without it is a permanent failure of the handshake.
    Resp3,
}

/// What a call does that finds the link's queue full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AtCapacity {
    /// It waits for room, until its deadline.
    #[default]
    Wait,
    /// It fails at once, with fate `NotSent`. For programs that would rather shed load than build up waiting tasks.
    FailFast,
}

/// What a call does that finds its link without a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Offline {
    /// It waits for the connection to come back, until its deadline.
    #[default]
    Wait,
    /// It fails at once, with fate `NotSent` and the cause of the outage. For programs that have somewhere else to go,
    /// such as a cache in front of a database.
    FailFast,
}

/// The pauses between attempts to connect.
///
/// The first attempt after a loss is made at once. Then come pauses that double from `first` to `max`, each shortened
/// at random by up to `jitter` percent, so that many clients of one server do not come back in step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Backoff {
    first: Duration,
    max: Duration,
    jitter: u8,
}

impl Backoff {
    /// Pauses that double from `first` to `max`, with the default jitter.
    ///
    /// A `first` that is zero or above `max` is refused when the configuration is used
    /// ([`Config::validate`](super::Config::validate)).
    pub fn new(first: Duration, max: Duration) -> Self {
        Self { first, max, jitter: defaults::BACKOFF_JITTER }
    }

    /// The same schedule with another first pause.
    #[must_use]
    pub fn with_first(self, first: Duration) -> Self {
        Self { first, ..self }
    }

    /// The same schedule with another longest pause.
    #[must_use]
    pub fn with_max(self, max: Duration) -> Self {
        Self { max, ..self }
    }

    /// The same pauses, each shortened at random by up to `percent` (0 to 100) of its length.
    ///
    /// More than 100 is refused when the configuration is used.
    #[must_use]
    pub fn with_jitter(self, percent: u8) -> Self {
        Self { jitter: percent, ..self }
    }

    /// The first pause, before jitter.
    pub fn first(&self) -> Duration {
        self.first
    }

    /// The longest pause, before jitter.
    pub fn max(&self) -> Duration {
        self.max
    }

    /// By how many percent, at most, chance shortens a pause.
    pub fn jitter(&self) -> u8 {
        self.jitter
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new(defaults::BACKOFF_FIRST, defaults::BACKOFF_MAX)
    }
}
