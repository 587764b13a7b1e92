//! What callers were told, and what it must agree with.

use std::collections::{BTreeMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use steadfast::{Error, Fate};

use super::tell;
use crate::live::SLACK;
use crate::support::Server;

/// What a call does to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Asked {
    /// Changes nothing: it is sent again until it is answered.
    Read,
    /// Changes something: it is sent once.
    Write,
}

/// A call that ended in an error.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) asked: Asked,
    pub(crate) error: Error,
    /// How long the call took.
    pub(crate) took: Duration,
}

/// The keys that are incremented.
pub(crate) const COUNTERS: [&str; 4] = ["n:0", "n:1", "n:2", "n:3"];

/// What became of the INCRs of one key.
#[derive(Debug, Default)]
struct Column {
    acknowledged: AtomicI64,
    unknown: AtomicI64,
    /// The answers: the server gives each number to one INCR alone.
    numbers: Mutex<HashSet<i64>>,
}

/// What all callers were told.
#[derive(Debug)]
pub(crate) struct Ledger {
    deadline: Duration,
    columns: [Column; COUNTERS.len()],
    reads: AtomicUsize,
    writes: AtomicUsize,
    failures: Mutex<Vec<Failure>>,
    slowest: Mutex<Duration>,
}

impl Ledger {
    /// Of calls that may take this long.
    pub(crate) fn new(deadline: Duration) -> Self {
        Self {
            deadline,
            columns: Default::default(),
            reads: AtomicUsize::new(0),
            writes: AtomicUsize::new(0),
            failures: Mutex::default(),
            slowest: Mutex::default(),
        }
    }

    /// Notes how a call ended that was made at `begin`.
    pub(crate) fn note<T>(&self, asked: Asked, begin: Instant, outcome: &Result<T, Error>) {
        let took = begin.elapsed();
        let mut slowest = self.slowest.lock().unwrap();
        *slowest = slowest.max(took);
        drop(slowest);
        match outcome {
            Ok(_) => self.answered(asked).fetch_add(1, Ordering::SeqCst),
            Err(error) => {
                assert!(
                    matches!(error.fate(), Fate::NotSent | Fate::Refused | Fate::Unknown),
                    "{:?} is no fate for a good command: {error}",
                    error.fate()
                );
                self.failures.lock().unwrap().push(Failure { asked, error: error.clone(), took });
                0
            }
        };
        assert!(took < self.deadline + SLACK, "a call took {took:?}, {:?} was its deadline", self.deadline);
    }

    /// Notes besides how an INCR of a key ended.
    pub(crate) fn note_increment(&self, counter: usize, outcome: &Result<i64, Error>) {
        let column = &self.columns[counter];
        match outcome {
            Ok(number) => {
                column.acknowledged.fetch_add(1, Ordering::SeqCst);
                let new = column.numbers.lock().unwrap().insert(*number);
                assert!(new, "{number} was the answer to two INCRs of {}", COUNTERS[counter]);
            }
            Err(error) if error.fate() == Fate::Unknown => {
                column.unknown.fetch_add(1, Ordering::SeqCst);
            }
            Err(_) => {}
        }
    }

    /// The same of an INCR that was answered by one of several servers, each of which has its own count.
    pub(crate) fn note_acknowledged(&self, counter: usize) {
        self.columns[counter].acknowledged.fetch_add(1, Ordering::SeqCst);
    }

    /// How many reads or writes were answered so far.
    pub(crate) fn answered(&self, asked: Asked) -> &AtomicUsize {
        match asked {
            Asked::Read => &self.reads,
            Asked::Write => &self.writes,
        }
    }
}

/// What a load has lived through.
#[derive(Debug)]
pub(crate) struct Report {
    ledger: Ledger,
    pub(crate) failures: Vec<Failure>,
}

impl Report {
    /// Tells of the ledger in a line.
    pub(crate) fn of(ledger: Ledger) -> Self {
        let failures = std::mem::take(&mut *ledger.failures.lock().unwrap());
        let mut by_kind = BTreeMap::<String, usize>::new();
        for Failure { asked, error, .. } in &failures {
            *by_kind.entry(format!("{asked:?} {:?} {:?}", error.kind(), error.fate())).or_default() += 1;
        }
        let mut errors: Vec<String> = by_kind.into_iter().map(|(words, count)| format!("{count} {words}")).collect();
        if errors.is_empty() {
            errors.push("no error".to_owned());
        }
        tell(&format!(
            "{} reads and {} writes answered, slowest {:.1?}, {}",
            ledger.reads.load(Ordering::SeqCst),
            ledger.writes.load(Ordering::SeqCst),
            ledger.slowest.lock().unwrap(),
            errors.join(", ")
        ));
        Self { ledger, failures }
    }

    /// Every INCR that was acknowledged has run on one of the servers, none twice, and none that was said not to have.
    pub(crate) fn holds(&self, servers: &[&Server]) -> &Self {
        for (key, column) in COUNTERS.iter().zip(&self.ledger.columns) {
            let count: i64 = servers.iter().map(|server| server.raw(&["GET", key]).parse().unwrap_or(0)).sum();
            let [acknowledged, unknown] =
                [&column.acknowledged, &column.unknown].map(|number| number.load(Ordering::SeqCst));
            assert!(acknowledged <= count, "{key}: {acknowledged} were acknowledged, {count} ran");
            assert!(
                count <= acknowledged + unknown,
                "{key}: {count} ran, {acknowledged} were acknowledged and {unknown} unknown"
            );
        }
        self
    }

    /// The load was one: that many reads and writes, at least, were answered.
    pub(crate) fn answered_at_least(&self, calls: usize) -> &Self {
        let [reads, writes] =
            [Asked::Read, Asked::Write].map(|asked| self.ledger.answered(asked).load(Ordering::SeqCst));
        assert!(reads >= calls && writes >= calls, "only {reads} reads and {writes} writes were answered");
        self
    }

    /// No call failed.
    pub(crate) fn without_errors(&self) -> &Self {
        self.every_failure(|_| false)
    }

    /// No read failed, and no write but those of which nobody knows whether they ran.
    pub(crate) fn only_unknown_writes(&self) -> &Self {
        self.every_failure(|failure| failure.asked == Asked::Write && failure.error.fate() == Fate::Unknown)
    }

    /// Each call that failed did so as expected.
    pub(crate) fn every_failure(&self, is_expected: impl Fn(&Failure) -> bool) -> &Self {
        let unexpected: Vec<_> = self.failures.iter().filter(|failure| !is_expected(failure)).collect();
        if let Some(first) = unexpected.first() {
            panic!("{} calls failed in a way that was not expected; the first: {first:?}", unexpected.len());
        }
        self
    }

    /// At least one call failed like this: the fault was one.
    pub(crate) fn some_failure(&self, is_expected: impl Fn(&Failure) -> bool) -> &Self {
        assert!(self.failures.iter().any(is_expected), "no call failed as it should have: {:?}", self.failures.first());
        self
    }
}
