//! What was counted, and what the callers were told about it.

use steadfast::Fate;

/// One caller's counters. It goes on to a fresh one after each error, so that every error has a counter that tells what
/// became of its INCR.
pub(super) struct Ledger {
    task: usize,
    counters: Vec<Counter>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    /// INCRs that were answered.
    answered: i64,
    /// The last answer.
    last: i64,
    failure: Option<Claim>,
}

/// What the error said that ended the use of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    DidNotRun,
    MayHaveRun,
}

impl Ledger {
    pub(super) fn new(task: usize) -> Self {
        Self { task, counters: vec![Counter::default()] }
    }

    /// The counter to use for the next call.
    pub(super) fn key(&self) -> String {
        counter_key(self.task, self.counters.len() - 1)
    }

    pub(super) fn answered(&mut self, value: i64) {
        let counter = self.counters.last_mut().expect("there is always one");
        counter.answered += 1;
        counter.last = value;
    }

    pub(super) fn failed(&mut self, fate: Option<Fate>) {
        let counter = self.counters.last_mut().expect("there is always one");
        let sure = fate.is_some_and(Fate::is_safe_to_retry);
        counter.failure = Some(if sure { Claim::DidNotRun } else { Claim::MayHaveRun });
        self.counters.push(Counter::default());
    }

    /// Compares with the counters' values at the end, which `read` looks up.
    pub(super) fn audit<E>(&self, mut read: impl FnMut(&str) -> Result<i64, E>) -> Result<Findings, E> {
        let mut findings = Findings::default();
        for (n, counter) in self.counters.iter().enumerate() {
            findings.add(counter.audit(read(&counter_key(self.task, n))?));
        }
        Ok(findings)
    }
}

fn counter_key(task: usize, n: usize) -> String {
    format!("counter:{task}:{n}")
}

impl Counter {
    fn audit(self, value: i64) -> Findings {
        let unanswered = value - self.last;
        let count = |n: i64| u64::try_from(n).unwrap_or(0);
        Findings {
            duplicates: count(self.last - self.answered) + count(unanswered - i64::from(self.failure.is_some())),
            lost: count(self.answered - self.last.min(value)),
            broken_claims: u64::from(self.failure == Some(Claim::DidNotRun) && unanswered > 0),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Findings {
    /// Executions beyond one per call.
    pub(super) duplicates: u64,
    /// Calls that were answered and not counted.
    pub(super) lost: u64,
    /// Calls that were said not to have run, and did.
    pub(super) broken_claims: u64,
}

impl Findings {
    pub(super) fn add(&mut self, other: Self) {
        self.duplicates += other.duplicates;
        self.lost += other.lost;
        self.broken_claims += other.broken_claims;
    }

    pub(super) fn in_words(self) -> String {
        let mut words = format!("{} duplicates", self.duplicates);
        if self.lost > 0 {
            words += &format!(", {} answered and **not counted**", self.lost);
        }
        if self.broken_claims > 0 {
            words += &format!(", {} said not to have run **and ran**", self.broken_claims);
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audit(answers: &[i64], failure: Option<Option<Fate>>, value: i64) -> Findings {
        let mut ledger = Ledger::new(0);
        answers.iter().for_each(|&value| ledger.answered(value));
        if let Some(fate) = failure {
            ledger.failed(fate);
        }
        let first = ledger.counters[0];
        first.audit(value)
    }

    #[test]
    fn an_unknown_outcome_may_be_either() {
        assert_eq!(audit(&[1, 2], Some(None), 2), Findings::default());
        assert_eq!(audit(&[1, 2], Some(Some(Fate::Unknown)), 3), Findings::default());
    }

    #[test]
    fn a_second_execution_is_found_with_and_without_an_answer() {
        let twice = Findings { duplicates: 1, ..Findings::default() };
        assert_eq!(audit(&[1, 3], None, 3), twice);
        assert_eq!(audit(&[1], Some(None), 3), twice);
        assert_eq!(audit(&[1], None, 2), twice);
    }

    #[test]
    fn what_did_not_run_must_not_have_run() {
        assert_eq!(audit(&[1], Some(Some(Fate::NotSent)), 1), Findings::default());
        assert_eq!(audit(&[1], Some(Some(Fate::NotSent)), 2), Findings { broken_claims: 1, ..Findings::default() });
    }

    #[test]
    fn an_answer_that_was_not_counted_is_found() {
        assert_eq!(audit(&[1, 2], None, 1), Findings { lost: 1, ..Findings::default() });
        assert_eq!(audit(&[1, 1], None, 1), Findings { lost: 1, ..Findings::default() });
    }

    #[test]
    fn every_counter_is_read() {
        let mut ledger = Ledger::new(7);
        ledger.failed(None);
        let mut keys = Vec::new();
        let findings = ledger.audit(|key| {
            keys.push(key.to_owned());
            Ok::<_, ()>(1)
        });
        assert_eq!(keys, ["counter:7:0", "counter:7:1"]);
        assert_eq!(findings, Ok(Findings { duplicates: 1, ..Findings::default() }));
    }
}
