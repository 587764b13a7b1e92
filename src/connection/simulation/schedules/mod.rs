//! Random schedules of faults against a model server in virtual time, each from its seed.
//!
//! `STEADFAST_SEEDS=n` runs the schedules of the seeds below `n` instead of a few; `STEADFAST_SEED=n` runs one alone. A
//! schedule that breaks a promise is printed, shortened to the steps that matter.

mod dice;
mod ledger;
mod link;
mod run;
mod schedule;
mod server;
mod shrink;
mod wire;

use std::cell::Cell;
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
fn search(seeds: std::ops::Range<u64>) -> Option<(u64, String)> {
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
    let complaint_of = |schedule: &Schedule| complaint(schedule).unwrap_or_default();
    let shrunk = shrink::shrink(&whole, 2_000, |schedule| complaint(schedule).is_some());
    panic!(
        "seed {seed} breaks a promise: {}\n{} of its {} steps are enough for: {}\n{shrunk}STEADFAST_SEED={seed} does it again",
        complaint_of(&whole),
        shrunk.steps.len(),
        whole.steps.len(),
        complaint_of(&shrunk),
    );
}

/// What a schedule breaks; `None`: nothing.
fn complaint(schedule: &Schedule) -> Option<String> {
    quiet(|| {
        let panic = catch_unwind(AssertUnwindSafe(|| run::run(schedule))).err()?;
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).or(Some(String::new()))
    })
}

/// Lets panics on this thread pass without a word: what they say is kept.
fn quiet<R>(run: impl FnOnce() -> R) -> R {
    thread_local!(static QUIET: Cell<bool> = const { Cell::new(false) });
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                loud(panic);
            }
        }));
    });
    let before = QUIET.replace(true);
    let result = run();
    QUIET.set(before);
    result
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

/// How many schedules there are unless one asks for more.
const SEEDS: u64 = 3_000;
