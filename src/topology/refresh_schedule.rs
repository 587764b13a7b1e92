//! When to ask again what the deployment looks like: seldom enough for the servers, soon enough for the callers.
//!
//! ```text
//!              begin
//!   Waiting ──────────▶ Running ── an ask stays for later
//!      ▲    end(Fresh)    │
//!      ├──────────────────┤
//!      │    end(Failed)   │
//!      └── after a pause ─┘
//! ```

use std::time::{Duration, Instant};

/// When the next refresh is due. At most one runs, and what is asked for meanwhile is done once, after it.
#[derive(Debug)]
pub(crate) struct RefreshSchedule {
    /// From the beginning of one to the beginning of the next.
    min_interval: Duration,
    /// How long nobody must have asked for one to be due by itself; `None` is for ever.
    every: Option<Duration>,
    /// When the last one began.
    began: Option<Instant>,
    /// How many failed in a row.
    failures: u32,
    state: State,
    random: u64,
}

#[derive(Debug)]
enum State {
    /// None runs; when the next is due.
    Waiting(Option<Instant>),
    /// One runs; whether somebody has asked since it began.
    Running { asked: bool },
}

/// How a refresh ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// There is something newer to go by, or the same is known to hold.
    Fresh,
    /// Nobody answered anything of use.
    Failed,
}

impl RefreshSchedule {
    /// Nothing is due until somebody asks. `seed` makes the jitter of many clients differ.
    pub(crate) fn new(min_interval: Duration, every: Option<Duration>, seed: u64) -> Self {
        let state = State::Waiting(None);
        let (min_interval, every) = (min_interval.min(LONGEST), every.map(|every| every.min(LONGEST)));
        Self { min_interval, every, began: None, failures: 0, state, random: seed | 1 }
    }

    /// Somebody has seen that things changed. After a failure it changes nothing: the pause stays.
    pub(crate) fn ask(&mut self, now: Instant) {
        let soon = self.soon(now);
        match &mut self.state {
            State::Running { asked } => *asked = true,
            State::Waiting(due) if self.failures == 0 => *due = Some(due.map_or(soon, |due| due.min(soon))),
            State::Waiting(_) => {}
        }
    }

    /// Somebody knows that things have changed: pauses after failures are over.
    pub(crate) fn hasten(&mut self, now: Instant) {
        self.failures = 0;
        self.ask(now);
    }

    /// When to begin the next one; `None` while one runs, and if there is no need.
    pub(crate) fn due(&self) -> Option<Instant> {
        match self.state {
            State::Waiting(due) => due,
            State::Running { .. } => None,
        }
    }

    /// One begins.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.began = Some(now);
        self.state = State::Running { asked: false };
    }

    /// The one that began has ended.
    pub(crate) fn end(&mut self, now: Instant, outcome: Outcome) {
        let asked = matches!(self.state, State::Running { asked: true });
        let due = match outcome {
            Outcome::Failed => {
                let pause = FIRST_PAUSE.saturating_mul(1u32.checked_shl(self.failures).unwrap_or(u32::MAX));
                self.failures = self.failures.saturating_add(1);
                now.checked_add(self.shortened(pause.min(LONGEST_PAUSE), 50))
            }
            Outcome::Fresh => {
                self.failures = 0;
                let by_itself = self.every.and_then(|every| now.checked_add(self.shortened(every, 10)));
                if asked { Some(self.soon(now)) } else { by_itself.max(by_itself.and(self.earliest())) }
            }
        };
        self.state = State::Waiting(due);
    }

    /// A moment from now on, or as soon as it may be: by chance a bit later, for clients notice a change together.
    fn soon(&mut self, now: Instant) -> Instant {
        let jitter = self.min_interval.saturating_sub(self.shortened(self.min_interval, 10));
        let from = self.earliest().map_or(now, |earliest| earliest.max(now));
        from.checked_add(jitter).unwrap_or(from)
    }

    fn earliest(&self) -> Option<Instant> {
        self.began?.checked_add(self.min_interval)
    }

    /// `whole`, shortened by chance by up to so many percent.
    fn shortened(&mut self, whole: Duration, percent: u8) -> Duration {
        // xorshift64: the quality of the numbers does not matter, their difference between clients does.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let chance = (self.random >> 11) as f64 / (1u64 << 53) as f64;
        whole.mul_f64(1.0 - chance * f64::from(percent) / 100.0)
    }
}

/// The pause after the first failure; it doubles from there. By chance it is up to half shorter.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// As good as for ever, and yet a number that can be reckoned with, 136 years.
const LONGEST: Duration = Duration::from_secs(u32::MAX as u64);

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const TENTH: Duration = Duration::from_millis(100);

    fn schedule(every: Option<Duration>) -> RefreshSchedule {
        RefreshSchedule::new(SECOND, every, 7)
    }

    #[track_caller]
    fn within(due: Option<Instant>, from: Instant, length: Duration) {
        let due = due.expect("one is due");
        assert!(due >= from && due <= from + length, "{:?} after", due.saturating_duration_since(from));
    }

    #[test]
    fn the_first_is_due_soon_after_it_is_asked_for() {
        let (mut schedule, now) = (schedule(Some(30 * SECOND)), Instant::now());
        assert_eq!(schedule.due(), None);
        schedule.ask(now);
        within(schedule.due(), now, TENTH);
    }

    #[test]
    fn who_asks_again_does_not_put_it_off() {
        let (mut schedule, now) = (schedule(None), Instant::now());
        schedule.ask(now);
        let due = schedule.due();
        for later in 0..1000 {
            schedule.ask(now + TENTH + Duration::from_millis(later));
            assert_eq!(schedule.due(), due);
        }
    }

    #[test]
    fn while_one_runs_none_is_due_and_what_is_asked_for_waits_for_the_interval() {
        let (mut schedule, now) = (schedule(None), Instant::now());
        schedule.begin(now);
        assert_eq!(schedule.due(), None);
        schedule.ask(now + TENTH);
        schedule.ask(now + TENTH);
        assert_eq!(schedule.due(), None);
        schedule.end(now + 2 * TENTH, Outcome::Fresh);
        within(schedule.due(), now + SECOND, TENTH);
        schedule.begin(now + SECOND);
        schedule.end(now + SECOND + TENTH, Outcome::Fresh);
        assert_eq!(schedule.due(), None, "one refresh was for both");
        schedule.ask(now + 3 * SECOND);
        within(schedule.due(), now + 3 * SECOND, TENTH);
    }

    #[test]
    fn without_being_asked_for_one_is_due_now_and_then() {
        let (mut schedule, now) = (schedule(Some(30 * SECOND)), Instant::now());
        schedule.begin(now);
        schedule.end(now + TENTH, Outcome::Fresh);
        within(schedule.due(), now + TENTH + 27 * SECOND, 3 * SECOND);
        schedule.ask(now + 10 * SECOND);
        within(schedule.due(), now + 10 * SECOND, TENTH);
        let mut often = self::schedule(Some(TENTH));
        often.begin(now);
        often.end(now + TENTH, Outcome::Fresh);
        within(often.due(), now + SECOND, TENTH);
    }

    #[test]
    fn failures_are_followed_by_longer_and_longer_pauses_that_nobody_cuts_short() {
        let (mut schedule, mut now) = (schedule(None), Instant::now());
        for failure in 0..100 {
            schedule.begin(now);
            schedule.end(now, Outcome::Failed);
            schedule.ask(now);
            let full = (TENTH * (1 << failure.min(6))).min(SECOND);
            within(schedule.due(), now + full / 2, full / 2);
            now = schedule.due().unwrap();
        }
        schedule.begin(now);
        schedule.end(now, Outcome::Fresh);
        assert_eq!(schedule.due(), None);
        schedule.begin(now);
        schedule.end(now, Outcome::Failed);
        within(schedule.due(), now + TENTH / 2, TENTH / 2);
    }

    #[test]
    fn who_knows_better_ends_the_pauses_after_failures() {
        let (mut schedule, mut now) = (schedule(None), Instant::now());
        for _ in 0..20 {
            schedule.begin(now);
            schedule.end(now, Outcome::Failed);
            now = schedule.due().unwrap();
        }
        schedule.begin(now);
        schedule.end(now + SECOND, Outcome::Failed);
        schedule.hasten(now + SECOND);
        within(schedule.due(), now + SECOND, TENTH);
        now = schedule.due().unwrap();
        schedule.begin(now);
        schedule.end(now, Outcome::Failed);
        within(schedule.due(), now + TENTH / 2, TENTH / 2);
    }

    #[test]
    fn clients_that_see_the_same_change_do_not_ask_together() {
        let now = Instant::now();
        let mut dues: Vec<_> = (1..=50)
            .map(|seed: u64| {
                let mut schedule = RefreshSchedule::new(SECOND, None, seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
                schedule.ask(now);
                schedule.due()
            })
            .collect();
        dues.sort();
        dues.dedup();
        assert!(dues.len() > 40, "{} moments", dues.len());
    }

    #[test]
    fn settings_without_end_are_no_panic() {
        let (mut schedule, now) = (RefreshSchedule::new(Duration::MAX, Some(Duration::MAX), 1), Instant::now());
        schedule.ask(now);
        schedule.begin(now);
        schedule.end(now, Outcome::Fresh);
        schedule.ask(now);
        schedule.begin(now);
        schedule.end(now, Outcome::Failed);
        assert!(schedule.due().is_some());
    }
}
