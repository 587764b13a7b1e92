//! Servers behind Sentinels that die, freeze and change places under load: what callers were told is what the servers have.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
mod support;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use steadfast::api::{Lists as _, Strings as _};
use steadfast::{Client, Config, Error, Fate};
use tokio::task::JoinHandle;

use live::{KINDS, PATIENCE, SLACK, connected, quick, until, within};
use support::Sentinels;

const SECOND: Duration = Duration::from_secs(1);
const WRITERS: usize = 16;

fn config(set: &Sentinels) -> Config {
    quick(Config::from_url(&set.url()).unwrap()).with_name("mine").with_deadline(PATIENCE)
}

/// Callers that each push one number after the other to a list of their own, and read the list's length in between.
struct Load {
    ledger: Arc<Ledger>,
    writers: Vec<JoinHandle<()>>,
}

struct Ledger {
    deadline: Duration,
    stop: AtomicBool,
    /// Nobody begins a call.
    hold: AtomicBool,
    under_way: AtomicUsize,
    written: [Mutex<Written>; WRITERS],
    failures: Mutex<Vec<Error>>,
    slowest: Mutex<Duration>,
}

#[derive(Default)]
struct Written {
    acknowledged: BTreeSet<u64>,
    unknown: BTreeSet<u64>,
}

impl Load {
    fn start(client: &Client, deadline: Duration) -> Self {
        let ledger = Arc::new(Ledger {
            deadline,
            stop: AtomicBool::new(false),
            hold: AtomicBool::new(false),
            under_way: AtomicUsize::new(0),
            written: Default::default(),
            failures: Mutex::default(),
            slowest: Mutex::default(),
        });
        let client = client.with_deadline(deadline);
        let writer = |number| tokio::spawn(write(client.clone(), Arc::clone(&ledger), number));
        let writers = (0..WRITERS).map(writer).collect();
        Self { ledger, writers }
    }

    fn acknowledged(&self) -> usize {
        self.ledger.written.iter().map(|written| written.lock().unwrap().acknowledged.len()).sum()
    }

    async fn gets_on_by(&self, calls: usize) {
        let before = self.acknowledged();
        until(async || self.acknowledged() >= before + calls).await;
    }

    /// Nothing is under way, and the replicas have all that there is: whoever takes the primary's place loses nothing.
    async fn rest(&self, set: &Sentinels, primary: usize) {
        self.ledger.hold.store(true, Ordering::SeqCst);
        until(async || self.ledger.under_way.load(Ordering::SeqCst) == 0).await;
        let replication = || set.node(primary).raw(&["INFO", "replication"]);
        let written = number_behind(&replication(), "master_repl_offset:")[0];
        until(async || {
            let offsets = number_behind(&replication(), ",offset=");
            offsets.len() == 2 && offsets.iter().all(|offset| *offset >= written)
        })
        .await;
    }

    fn go_on(&self) {
        self.ledger.hold.store(false, Ordering::SeqCst);
    }

    async fn end(self) -> Arc<Ledger> {
        self.ledger.stop.store(true, Ordering::SeqCst);
        self.ledger.hold.store(false, Ordering::SeqCst);
        for writer in self.writers {
            within(2 * PATIENCE, writer).await.unwrap();
        }
        self.ledger
    }
}

/// The numbers that follow this word, wherever it stands.
fn number_behind(text: &str, word: &str) -> Vec<u64> {
    let parts = text.split(word).skip(1);
    parts.filter_map(|part| part.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()).collect()
}

async fn write(client: Client, ledger: Arc<Ledger>, number: usize) {
    let list = format!("list:{number}");
    for element in 1.. {
        while ledger.hold.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if ledger.stop.load(Ordering::SeqCst) {
            return;
        }
        ledger.under_way.fetch_add(1, Ordering::SeqCst);
        let begin = Instant::now();
        let pushed: Result<u64, Error> = client.rpush(&list, element).await;
        ledger.note(begin, pushed.as_ref().err());
        ledger.written[number].lock().unwrap().note(element, &pushed);
        let begin = Instant::now();
        let length: Result<u64, Error> = client.llen(&list).await;
        ledger.note(begin, length.as_ref().err());
        ledger.under_way.fetch_sub(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

impl Written {
    fn note(&mut self, element: u64, pushed: &Result<u64, Error>) {
        match pushed {
            Ok(_) => self.acknowledged.insert(element),
            Err(error) if error.fate() == Fate::Unknown => self.unknown.insert(element),
            Err(_) => false,
        };
    }
}

impl Ledger {
    fn note(&self, begin: Instant, error: Option<&Error>) {
        let took = begin.elapsed();
        assert!(took < self.deadline + SLACK, "a call took {took:?}");
        let mut slowest = self.slowest.lock().unwrap();
        *slowest = took.max(*slowest);
        self.failures.lock().unwrap().extend(error.cloned());
    }

    fn without_errors(&self) -> &Self {
        self.every_failure(|_| false)
    }

    fn every_failure(&self, is_expected: impl Fn(&Error) -> bool) -> &Self {
        let failures = self.failures.lock().unwrap();
        let unexpected = failures.iter().find(|error| !is_expected(error));
        assert!(unexpected.is_none(), "one of {}: {}", failures.len(), unexpected.unwrap());
        self
    }

    /// What this server has: everything that was acknowledged, besides that nothing but what may have run, and nothing twice.
    fn is_at(&self, set: &Sentinels, number: usize) {
        for (writer, written) in self.written.iter().enumerate() {
            let Written { acknowledged, unknown } = &*written.lock().unwrap();
            let elements = elements(set, number, writer);
            let found: BTreeSet<u64> = elements.iter().copied().collect();
            assert_eq!(found.len(), elements.len(), "list {writer} has something twice: {elements:?}");
            let lost: Vec<_> = acknowledged.difference(&found).collect();
            assert_eq!(lost, Vec::<&u64>::new(), "list {writer} lacks what was acknowledged");
            let strange: Vec<_> = found.difference(acknowledged).filter(|element| !unknown.contains(element)).collect();
            assert_eq!(strange, Vec::<&u64>::new(), "list {writer} has what was said not to have run");
        }
        let (failures, slowest) = (self.failures.lock().unwrap().len(), *self.slowest.lock().unwrap());
        eprintln!("{failures} calls failed, the slowest took {slowest:.1?}");
    }
}

/// Whether the sentinel sees two replicas that are well.
fn knows_two_replicas(set: &Sentinels, sentinel: usize) -> bool {
    let replicas = set.sentinel(sentinel).raw(&["SENTINEL", "REPLICAS", support::SERVICE]);
    let count = |line: &str| replicas.lines().filter(|other| *other == line).count();
    // Their flags, alone, and the roles that they report.
    (count("slave"), count("ok")) == (4, 2)
}

fn elements(set: &Sentinels, server: usize, writer: usize) -> Vec<u64> {
    let text = set.node(server).raw(&["LRANGE", &format!("list:{writer}"), "0", "-1"]);
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_dies_costs_no_call_anything_but_time() {
    for kind in KINDS {
        let mut set = Sentinels::build(kind).start();
        let client = connected(config(&set)).await;
        let load = Load::start(&client, PATIENCE);
        load.gets_on_by(200).await;
        load.rest(&set, 0).await;
        set.kill(0);
        live::until_state(&client, |state| !state.is_ready()).await;
        load.go_on();
        let new = set.wait_for_primary_other_than(0);
        let agreed = Instant::now();
        load.gets_on_by(200).await;
        assert!(agreed.elapsed() < SECOND, "it took {:?} to notice", agreed.elapsed());
        load.end().await.without_errors().is_at(&set, new);
    }
}

/// Killed in the middle of everything, a primary may take what it acknowledged last with it, but nothing runs twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_dies_under_load_fails_no_read_and_doubles_no_write() {
    for kind in KINDS {
        let mut set = Sentinels::build(kind).start();
        let client = connected(config(&set)).await;
        let load = Load::start(&client, PATIENCE);
        load.gets_on_by(200).await;
        set.kill(0);
        let new = set.wait_for_primary_other_than(0);
        load.gets_on_by(200).await;
        let ledger = load.end().await;
        ledger.every_failure(|error| error.fate() == Fate::Unknown && error.to_string().contains("RPUSH"));
        for (writer, written) in ledger.written.iter().enumerate() {
            let Written { acknowledged, unknown } = &*written.lock().unwrap();
            let elements = elements(&set, new, writer);
            let mut sorted = elements.clone();
            sorted.sort_unstable();
            sorted.dedup();
            assert_eq!(elements, sorted, "in the order of the calls, and each once");
            let known = |element: &u64| acknowledged.contains(element) || unknown.contains(element);
            assert!(elements.iter().all(known), "list {writer}: {elements:?}");
        }
    }
}

/// A frozen primary wakes when another one has its place, and calls itself the primary still.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_sent_to_a_primary_that_was_frozen_and_wakes_after_the_failover() {
    for kind in KINDS {
        let set = Sentinels::build(kind).start();
        let client = connected(config(&set)).await;
        let load = Load::start(&client, 4 * SECOND);
        load.gets_on_by(200).await;
        load.rest(&set, 0).await;
        set.stop(0);
        load.go_on();
        let new = set.wait_for_primary_other_than(0);
        load.gets_on_by(100).await;
        let acknowledged: Vec<BTreeSet<u64>> =
            load.ledger.written.iter().map(|written| written.lock().unwrap().acknowledged.clone()).collect();
        let before: Vec<Vec<u64>> = (0..WRITERS).map(|writer| elements(&set, new, writer)).collect();
        // They would make a replica of it too soon to see anything: they have four such periods to look on.
        for sentinel in 0..3 {
            assert_eq!(set.sentinel(sentinel).raw(&["SENTINEL", "DEBUG", "PUBLISH-PERIOD", "60000"]), "OK");
        }
        set.cont(0);
        assert!(set.node(0).raw(&["ROLE"]).starts_with("master"), "it does not know");
        load.gets_on_by(500).await;
        let at_the_old_one: Vec<Vec<u64>> = (0..WRITERS).map(|writer| elements(&set, 0, writer)).collect();
        assert!(set.node(0).raw(&["ROLE"]).starts_with("master"), "it was made a replica too soon");
        let connections = set.connections(0);
        let ledger = load.end().await;
        ledger.every_failure(|error| error.fate() == Fate::Unknown && error.to_string().contains("RPUSH"));
        ledger.is_at(&set, new);
        let is_asked = |line: &&String| [" cmd=rpush ", " cmd=llen "].iter().any(|command| line.contains(command));
        assert_eq!(connections.iter().filter(is_asked).count(), 0, "{connections:?}");
        for writer in 0..WRITERS {
            let unknown = ledger.written[writer].lock().unwrap().unknown.clone();
            let old: BTreeSet<u64> = at_the_old_one[writer].iter().copied().collect();
            let fresh: Vec<_> =
                old.difference(&acknowledged[writer]).filter(|element| !unknown.contains(element)).collect();
            assert_eq!(fresh, Vec::<&u64>::new(), "list {writer}: they were sent after it had woken");
            let of_new = before[writer].iter().filter(|element| old.contains(element) && unknown.contains(element));
            assert_eq!(of_new.count(), 0, "list {writer}: something ran at both");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failovers_there_and_back_while_a_sentinel_is_missing_double_nothing() {
    for kind in KINDS {
        let mut set = Sentinels::build(kind).start();
        let client = connected(config(&set)).await;
        let load = Load::start(&client, PATIENCE);
        load.gets_on_by(100).await;
        set.kill_sentinel(0);
        for _ in 0..2 {
            let old = set.primary();
            until(async || [1, 2].iter().all(|sentinel| knows_two_replicas(&set, *sentinel))).await;
            load.rest(&set, old).await;
            // Its clients are to wait: what it takes until it is told that it is no primary any more would be lost.
            assert_eq!(set.node(old).raw(&["CLIENT", "PAUSE", "30000", "WRITE"]), "OK");
            load.go_on();
            let new = set.failover();
            assert_ne!(new, old);
            load.gets_on_by(200).await;
            set.node(old).raw(&["CLIENT", "UNPAUSE"]);
        }
        set.restart_sentinel(0);
        load.gets_on_by(100).await;
        let new = set.primary();
        let ledger = load.end().await;
        ledger.every_failure(|error| error.fate() == Fate::Unknown && error.to_string().contains("RPUSH"));
        ledger.is_at(&set, new);
        client.get::<u32>("a").await.unwrap();
    }
}
