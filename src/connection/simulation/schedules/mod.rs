//! Random schedules of faults against a model server in virtual time, each from its seed.
//!
//! `STEADFAST_SEEDS=n` runs the schedules of the seeds below `n` instead of a few; `STEADFAST_SEED=n` runs one alone. A
//! schedule that breaks a promise is printed, shortened to the steps that matter.

mod checks;
mod dice;
mod found;
mod ledger;
mod link;
mod outage;
mod run;
mod schedule;
mod server;
mod shrink;
mod socket;
mod topics;
mod wire;

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use schedule::Schedule;

#[test]
fn no_schedule_of_faults_breaks_a_promise() {
    let (first, end) = match (number("STEADFAST_SEED"), number("STEADFAST_SEEDS")) {
        (Some(seed), _) => (seed, seed + 1),
        (None, seeds) => (0, seeds.unwrap_or(SEEDS)),
    };
    if let Some((seed, _)) = search(first..end) {
        report(seed);
    }
}

/// The first seed found whose schedule breaks a promise, and how.
fn search(seeds: std::ops::Range<u64>) -> Option<(u64, Complaint)> {
    let next = AtomicU64::new(seeds.start);
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return None;
            }
            if let Some(complaint) = complaint(&Schedule::from_seed(seed)) {
                next.store(seeds.end, Ordering::Relaxed);
                return Some((seed, complaint));
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let found: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        found.into_iter().filter_map(|thread| thread.join().expect("a search does not panic")).min()
    })
}

fn report(seed: u64) {
    let whole = Schedule::from_seed(seed);
    let Some(first) = complaint(&whole) else { return };
    let shrunk =
        shrink::shrink(&whole, 2_000, |schedule| complaint(schedule).is_some_and(|found| found.place == first.place));
    let last = complaint(&shrunk).unwrap_or(first.clone());
    panic!(
        "seed {seed} breaks a promise: {} ({})\n{} of its {} steps are enough for: {}\n{shrunk}STEADFAST_SEED={seed} does it again",
        first.words,
        first.place,
        shrunk.steps.len(),
        whole.steps.len(),
        last.words,
    );
}

/// What a schedule breaks, and where that was noticed.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Complaint {
    words: String,
    place: String,
}

/// What a schedule breaks; `None`: nothing.
fn complaint(schedule: &Schedule) -> Option<Complaint> {
    thread_local!(static HEARD: RefCell<Option<Complaint>> = const { RefCell::new(None) });
    thread_local!(static LISTENS: Cell<bool> = const { Cell::new(false) });
    static HOOK: Once = Once::new();
    // Panics of other threads stay as loud as they were.
    HOOK.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !LISTENS.get() {
                return loud(panic);
            }
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            let text = panic.payload().downcast_ref::<String>().map(String::as_str);
            let words = text.or_else(|| panic.payload().downcast_ref::<&str>().copied()).unwrap_or_default().to_owned();
            HEARD.set(Some(Complaint { words, place }));
        }));
    });
    LISTENS.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(|| run::run(schedule)));
    LISTENS.set(false);
    outcome.err().map(|_| HEARD.take().unwrap_or_default())
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

/// How many schedules there are unless one asks for more.
const SEEDS: u64 = 1_000;
