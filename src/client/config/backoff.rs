//! The schedule of reconnection.

use std::time::Duration;

use crate::client::defaults;

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
