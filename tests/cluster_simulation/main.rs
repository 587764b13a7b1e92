//! A client of a cluster in virtual time: random schedules of migrations, failovers, cuts and partitions against model
//! nodes, each from its seed; and what a thousand nodes, or a thousand clients, cost.
//!
//! `STEADFAST_CLUSTER_SEEDS=n` runs the schedules of the seeds below `n` instead of a few, and the thousands as thousands
//! instead of hundreds; `STEADFAST_CLUSTER_SEED=n` runs one schedule alone, some times. A schedule that breaks a promise is
//! printed, shortened to the steps that matter, with all that happened in it.
//!
//! What the model decides: replication is synchronous, so that every acknowledged write that is lost was lost by the
//! client. A primary that was replaced and has not heard of it acknowledges no write, and marks what it reads.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod caller;
mod connection;
mod dice;
mod ledger;
mod memory;
mod run;
mod scale;
mod schedule;
mod server;
mod view;
mod wire;
mod world;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use run::Run;
use schedule::Schedule;

#[test]
fn no_schedule_of_faults_breaks_a_promise() {
    let _alone = alone();
    let (first, end) = match (number("STEADFAST_CLUSTER_SEED"), number("STEADFAST_CLUSTER_SEEDS")) {
        (Some(seed), _) => (seed, seed + 1),
        (None, seeds) => (0, seeds.unwrap_or(SEEDS)),
    };
    let total = Mutex::new(Run::default());
    let failed = search(first..end, &total);
    let total = total.into_inner().unwrap();
    println!("{total}");
    if let Some((seed, complaint)) = failed.first_key_value() {
        failed.iter().for_each(|(seed, complaint)| println!("seed {seed}: {complaint}"));
        report(*seed, complaint);
    }
    if end - first >= ENOUGH {
        for what in EXPECTED {
            assert!(total.seen.contains_key(what), "in {} schedules there were no {what}", end - first);
        }
    }
}

/// One test at a time: what they cost is looked at.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Some seeds whose schedules break a promise, each with what it breaks first.
fn search(seeds: std::ops::Range<u64>, total: &Mutex<Run>) -> BTreeMap<u64, String> {
    let (next, failed) = (AtomicU64::new(seeds.start), Mutex::new(BTreeMap::new()));
    // Which of several waiting tasks is woken first is up to chance, in tokio: one seed is given several.
    let times = if seeds.end - seeds.start == 1 { TIMES } else { 1 };
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end || failed.lock().unwrap().len() >= FAILURES {
                break;
            }
            for _ in 0..times {
                let run = run::run(&Schedule::from_seed(seed), false);
                if let Some(complaint) = run.complaints.first() {
                    failed.lock().unwrap().insert(seed, complaint.clone());
                }
                total.lock().unwrap().add(run);
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    failed.into_inner().unwrap()
}

fn report(seed: u64, complaint: &str) -> ! {
    let mut schedule = Schedule::from_seed(seed);
    let whole = schedule.steps.len();
    // Without each step in turn: what still fails without it does not need it.
    let mut at = 0;
    while at < schedule.steps.len() {
        let mut shorter = schedule.clone();
        shorter.steps.remove(at);
        match failure(&shorter) {
            Some(_) => schedule = shorter,
            None => at += 1,
        }
    }
    let last = failure(&schedule).unwrap_or_default();
    println!("{}", last.story.join("\n"));
    panic!(
        "seed {seed} breaks a promise:\n{complaint}\n{} of its {whole} steps are enough for:\n{}\n{schedule}STEADFAST_CLUSTER_SEED={seed} does it again",
        schedule.steps.len(),
        last.complaints.join("\n"),
    );
}

/// A run of the schedule that breaks a promise, if one is found.
fn failure(schedule: &Schedule) -> Option<Run> {
    (0..TIMES).map(|_| run::run(schedule, true)).find(|run| !run.complaints.is_empty())
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

/// How many schedules there are unless one asks for more.
const SEEDS: u64 = 100;

/// How often a schedule is run to see whether it fails.
const TIMES: usize = 12;

/// So many failures are enough.
const FAILURES: usize = 20;

/// In so many schedules everything happens that can.
const ENOUGH: u64 = 2_000;

/// What happens in them.
const EXPECTED: [&str; 20] = [
    "ASK",
    "CLUSTERDOWN",
    "LOADING",
    "MASTERDOWN",
    "MOVED",
    "NOREPLICAS",
    "TRYAGAIN",
    "addresses used again",
    "cuts",
    "dials into nothing",
    "failovers",
    "held writes",
    "leaves",
    "migrations",
    "reads of replicas",
    "refused dials",
    "served after ASKING",
    "stale reads",
    "swaps of addresses",
    "transactions refused at their end",
];
