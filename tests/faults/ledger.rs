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

/// Whether what was written is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Memory {
    Kept,
    /// Another server may answer, with numbers and values of its own.
    Several,
    /// A replica may take over that has not got everything yet: a server answers before its replicas know.
    Forgetful,
}

/// What all callers were told.
#[derive(Debug)]
pub(crate) struct Ledger {
    deadline: Duration,
    memory: Memory,
    /// What the names of its keys begin with.
    tag: String,
    columns: [Column; COUNTERS.len()],
    reads: AtomicUsize,
    writes: AtomicUsize,
    failures: Mutex<Vec<Failure>>,
    slowest: Mutex<Duration>,
    /// How long those calls took that were answered.
    took: Mutex<Vec<Duration>>,
}

impl Ledger {
    /// Of calls that may take this long.
    pub(crate) fn new(deadline: Duration, memory: Memory, tag: &str) -> Self {
        Self {
            deadline,
            memory,
            tag: tag.to_owned(),
            columns: Default::default(),
            reads: AtomicUsize::new(0),
            writes: AtomicUsize::new(0),
            failures: Mutex::default(),
            slowest: Mutex::default(),
            took: Mutex::default(),
        }
    }

    /// Notes how a call ended that was made at `begin`.
    pub(crate) fn note<T>(&self, asked: Asked, begin: Instant, outcome: &Result<T, Error>) {
        let took = begin.elapsed();
        let mut slowest = self.slowest.lock().unwrap();
        *slowest = slowest.max(took);
        drop(slowest);
        match outcome {
            Ok(_) => {
                self.took.lock().unwrap().push(took);
                self.answered(asked).fetch_add(1, Ordering::SeqCst)
            }
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
                let is_new = column.numbers.lock().unwrap().insert(*number);
                assert!(
                    is_new || self.memory != Memory::Kept,
                    "{number} was the answer to two INCRs of {}",
                    COUNTERS[counter]
                );
            }
            Err(error) if error.fate() == Fate::Unknown => {
                column.unknown.fetch_add(1, Ordering::SeqCst);
            }
            Err(_) => {}
        }
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
            "{}{} reads and {} writes answered, slowest {:.1?}, {}",
            if ledger.tag.is_empty() { String::new() } else { format!("{}: ", ledger.tag) },
            ledger.reads.load(Ordering::SeqCst),
            ledger.writes.load(Ordering::SeqCst),
            ledger.slowest.lock().unwrap(),
            errors.join(", ")
        ));
        Self { ledger, failures }
    }

    /// Every INCR that was acknowledged has run on one of the servers, none twice, and none that was said not to have.
    pub(crate) fn holds(&self, servers: &[&Server]) -> &Self {
        for (key, [ran, acknowledged, _]) in self.counts(servers) {
            assert!(acknowledged <= ran, "{key}: {acknowledged} were acknowledged, {ran} ran");
        }
        self.ran_once(servers)
    }

    /// No INCR has run twice, and none that was said not to have: all there is to claim where a server may have lost some.
    pub(crate) fn ran_once(&self, servers: &[&Server]) -> &Self {
        for (key, [ran, acknowledged, unknown]) in self.counts(servers) {
            let told = format!("{acknowledged} were acknowledged and {unknown} unknown");
            assert!(ran <= acknowledged + unknown, "{key}: {ran} ran, {told}");
        }
        self
    }

    /// For each key, how many ran, were acknowledged, and are unknown. Nodes of a cluster that do not have the key refuse.
    fn counts(&self, servers: &[&Server]) -> impl Iterator<Item = (String, [i64; 3])> {
        COUNTERS.iter().zip(&self.ledger.columns).map(|(name, column)| {
            let key = format!("{}{name}", self.ledger.tag);
            let ran = servers.iter().map(|server| server.raw(&["GET", &key]).parse().unwrap_or(0)).sum();
            let told = [&column.acknowledged, &column.unknown].map(|number| number.load(Ordering::SeqCst));
            (key, [ran, told[0], told[1]])
        })
    }

    /// No call took longer than this, whatever became of it.
    pub(crate) fn none_longer_than(&self, limit: Duration) -> &Self {
        let slowest = *self.ledger.slowest.lock().unwrap();
        assert!(slowest < limit, "{}: a call took {slowest:?}", self.ledger.tag);
        self
    }

    /// Of a hundred calls that were answered, 99 were so within this time.
    pub(crate) fn most_within(&self, limit: Duration) -> &Self {
        let mut took = self.ledger.took.lock().unwrap();
        took.sort_unstable();
        let Some(&late) = took.get(took.len() * 99 / 100) else { return self };
        assert!(late < limit, "{}: one call in a hundred took {late:?} or longer", self.ledger.tag);
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
