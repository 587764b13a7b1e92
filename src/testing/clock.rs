//! The time that keys expire by: the real one, plus what a test has added to it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Wall-clock time that only moves forward. It runs on tokio's clock, so that a paused runtime pauses it too.
#[derive(Debug)]
pub(crate) struct Clock {
    /// Time since 1970 when the clock was made.
    unix_at_start: Duration,
    start: Instant,
    advanced: Duration,
}

impl Clock {
    pub(crate) fn new() -> Self {
        let unix_at_start = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Clock { unix_at_start, start: Instant::now(), advanced: Duration::ZERO }
    }

    pub(crate) fn advance(&mut self, by: Duration) {
        self.advanced = self.advanced.saturating_add(by);
    }

    /// Time since 1970.
    pub(crate) fn now(&self) -> Duration {
        self.unix_at_start.saturating_add(self.start.elapsed()).saturating_add(self.advanced)
    }

    /// Milliseconds since 1970, the unit in which expiry is kept.
    pub(crate) fn now_millis(&self) -> i64 {
        i64::try_from(self.now().as_millis()).unwrap_or(i64::MAX)
    }
}
