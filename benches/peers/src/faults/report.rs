//! What callers saw.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use tokio::time::timeout;

use crate::clients::fault_client::Failure;

/// One cell of the table.
pub(super) struct Cell {
    pub(super) words: String,
    /// How often each message came, for the reader of stderr.
    pub(super) errors: BTreeMap<String, u64>,
}

impl Cell {
    pub(super) fn new(words: String) -> Self {
        Self { words, errors: BTreeMap::new() }
    }
}

#[derive(Default)]
pub(super) struct Report {
    pub(super) calls: u64,
    slowest: Duration,
    errors: BTreeMap<String, u64>,
    fates: BTreeMap<String, u64>,
}

impl Report {
    pub(super) fn note<T>(&mut self, result: &Result<T, Failure>, took: Duration) {
        self.calls += 1;
        self.slowest = self.slowest.max(took);
        if let Err(failure) = result {
            *self.errors.entry(failure.words.clone()).or_default() += 1;
            if let Some(fate) = failure.fate {
                *self.fates.entry(format!("{fate:?}")).or_default() += 1;
            }
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.calls += other.calls;
        self.slowest = self.slowest.max(other.slowest);
        add(&mut self.errors, other.errors);
        add(&mut self.fates, other.fates);
    }

    pub(super) fn errors(&self) -> u64 {
        self.errors.values().sum()
    }

    /// "12 errors (10 NotSent, 2 Unknown)"; without the fates where the client names none.
    pub(super) fn errors_in_words(&self) -> String {
        let fates: Vec<String> = self.fates.iter().map(|(fate, count)| format!("{count} {fate}")).collect();
        let fates = if fates.is_empty() { String::new() } else { format!(" ({})", fates.join(", ")) };
        format!("{} errors{fates}", self.errors())
    }

    pub(super) fn slowest_in_words(&self) -> String {
        format!("slowest {}", time(self.slowest))
    }

    /// What was said most often.
    pub(super) fn usual_error(&self) -> String {
        self.errors.iter().max_by_key(|(_, count)| **count).map_or(String::new(), |(message, _)| quoted(message))
    }

    pub(super) fn into_cell(self, words: String) -> Cell {
        Cell { words, errors: self.errors }
    }
}

fn add(counts: &mut BTreeMap<String, u64>, others: BTreeMap<String, u64>) {
    for (name, count) in others {
        *counts.entry(name).or_default() += count;
    }
}

/// A call, and how long it took. It is given up after `NEVER`.
pub(super) async fn timed<T>(call: impl Future<Output = Result<T, Failure>>) -> (Result<T, Failure>, Duration) {
    let begin = Instant::now();
    let given_up = |_| Err(Failure::new(format!("no answer for {NEVER:?}")));
    let result = timeout(NEVER, call).await.unwrap_or_else(given_up);
    (result, begin.elapsed())
}

pub(super) fn time(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1e3;
    match ms {
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms if ms < 10_000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.1} s", ms / 1e3),
    }
}

/// In quotation marks, and short enough for a cell.
pub(super) fn quoted(message: &str) -> String {
    match message.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("\"{}...\"", &message[..end]),
        None => format!("\"{message}\""),
    }
}

const SHOWN: usize = 160;
/// Ten times the limit that the clients are given.
const NEVER: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;
    use steadfast::Fate;

    #[test]
    fn errors_are_told_by_fate_where_it_is_known() {
        let mut report = Report::default();
        report.note::<()>(&Ok(()), Duration::ZERO);
        assert_eq!(report.errors_in_words(), "0 errors");
        report.note::<()>(&Err(Failure::new("broken pipe")), Duration::ZERO);
        assert_eq!(report.errors_in_words(), "1 errors");
        let failure = Failure { words: "lost".to_owned(), fate: Some(Fate::Unknown) };
        report.note::<()>(&Err(failure), Duration::ZERO);
        assert_eq!(report.errors_in_words(), "2 errors (1 Unknown)");
    }
}
