//! When to try to connect again.

use std::time::Duration;

use super::settings::BackoffSettings;

/// The pauses between attempts: none before the first retry, then exponential with jitter up to a bound.
#[derive(Debug)]
pub(crate) struct Backoff {
    settings: BackoffSettings,
    /// Attempts since the last stable connection.
    attempts: u32,
    /// Pauses since then.
    pauses: u32,
    /// The last pause.
    last: Duration,
    random: u64,
}

impl Backoff {
    /// `seed` makes the jitter of many links differ.
    pub(crate) fn new(settings: BackoffSettings, seed: u64) -> Self {
        Self { settings, attempts: 0, pauses: 0, last: Duration::ZERO, random: seed | 1 }
    }

    /// How many attempts were made since the last stable connection.
    pub(crate) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// An attempt begins.
    pub(crate) fn handle_attempt(&mut self) {
        self.attempts = self.attempts.saturating_add(1);
    }

    /// How long a connection must have been good for the next attempts to start from the beginning: longer than it had to
    /// be waited for. So a server that accepts and drops at once is asked ever less often, and one behind a network that
    /// cuts connections that work is back at once each time.
    pub(crate) fn proof(&self) -> Duration {
        self.last.max(PROOF)
    }

    /// A connection has been good for long enough.
    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
        self.pauses = 0;
        self.last = Duration::ZERO;
    }

    /// How long to wait before the next attempt.
    pub(crate) fn pause(&mut self, permanent: Permanence) -> Duration {
        self.last = if permanent == Permanence::Permanent {
            self.jittered(self.settings.max)
        } else {
            self.pauses = self.pauses.saturating_add(1);
            self.pauses.checked_sub(2).map_or(Duration::ZERO, |doublings| self.doubled(doublings))
        };
        self.last
    }

    /// How long to wait before the next attempt at what is never tried again at once.
    pub(crate) fn delay(&mut self) -> Duration {
        let doublings = self.pauses;
        self.pauses = self.pauses.saturating_add(1);
        self.doubled(doublings)
    }

    /// The first pause, doubled so many times.
    fn doubled(&mut self, doublings: u32) -> Duration {
        let factor = 1u32.checked_shl(doublings.min(31)).unwrap_or(u32::MAX);
        self.jittered(self.settings.first.saturating_mul(factor).min(self.settings.max))
    }

    /// `pause`, shortened by chance, so that many clients of one server do not come back as one.
    fn jittered(&mut self, pause: Duration) -> Duration {
        // xorshift64: the quality of the numbers does not matter, their difference between links does.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let chance = (self.random >> 11) as f64 / (1u64 << 53) as f64;
        pause.mul_f64(1.0 - chance * f64::from(self.settings.jitter.min(100)) / 100.0)
    }
}

/// Whether trying again can help by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Permanence {
    /// The fault may go away by itself.
    Transient,
    /// Someone has to change something first.
    Permanent,
}

/// A connection that was good for less than this is not taken for one that works, 100 ms.
const PROOF: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    fn backoff() -> Backoff {
        Backoff::new(BackoffSettings { first: Duration::from_millis(10), max: Duration::from_secs(1), jitter: 50 }, 7)
    }

    fn pauses(backoff: &mut Backoff, count: usize) -> Vec<Duration> {
        (0..count)
            .map(|_| {
                backoff.handle_attempt();
                backoff.pause(Permanence::Transient)
            })
            .collect()
    }

    #[test]
    fn the_first_retry_is_at_once_and_later_ones_wait_longer_up_to_the_bound() {
        let pauses = pauses(&mut backoff(), 40);
        assert_eq!(pauses[0], Duration::ZERO);
        for (index, pause) in pauses.iter().enumerate().skip(1) {
            let full = Duration::from_millis(10 << (index - 1).min(20)).min(Duration::from_secs(1));
            assert!(*pause >= full / 2 && *pause <= full, "{index}: {pause:?}");
        }
    }

    #[test]
    fn a_stable_connection_makes_the_next_retry_immediate() {
        let mut backoff = backoff();
        pauses(&mut backoff, 5);
        backoff.reset();
        assert_eq!(pauses(&mut backoff, 1), [Duration::ZERO]);
    }

    #[test]
    fn a_permanent_failure_is_tried_again_slowly() {
        let mut backoff = backoff();
        backoff.handle_attempt();
        assert!(backoff.pause(Permanence::Permanent) >= Duration::from_millis(500));
    }
}
