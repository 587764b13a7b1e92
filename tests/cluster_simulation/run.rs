//! One schedule from its beginning to its end.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use steadfast::client::{Backoff, ReadFrom};
use steadfast::{Client, Config};
use tokio::runtime::Builder;
use tokio::time::{sleep, timeout};

use crate::caller::Caller;
use crate::connection::Roads;
use crate::dice::Dice;
use crate::ledger::Ledger;
use crate::schedule::{FIRST_PORT, Schedule};
use crate::view::HOST;
use crate::world::{Millis, Shared};

/// What came of a schedule, or of several.
#[derive(Debug, Default)]
pub(crate) struct Run {
    pub(crate) complaints: Vec<String>,
    /// What has happened, if that was wanted.
    pub(crate) story: Vec<String>,
    pub(crate) seen: BTreeMap<&'static str, u64>,
    errors: BTreeMap<String, u64>,
    calls: u64,
    schedules: u64,
    /// From healing until everything worked, at most, in milliseconds.
    recovery: u64,
    /// Topologies asked of one node in a second, at most.
    asked: usize,
    /// Connections to one node in a second, at most.
    accepted: usize,
}

/// Runs a schedule in virtual time.
pub(crate) fn run(schedule: &Schedule, is_told: bool) -> Run {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(play(schedule, is_told))
}

async fn play(schedule: &Schedule, is_told: bool) -> Run {
    let mut tags = schedule.tags.clone();
    let shared = Shared::new(schedule.world(&mut tags));
    shared.lock().story = is_told.then(Mutex::default);
    let tags = Arc::new(tags);
    let steps = schedule.clone();
    let engine = tokio::spawn(Arc::clone(&shared).run(move |world, number| steps.step(world, number)));
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let client = Client::connect_lazily(config(schedule, &shared)).unwrap();
    let caller = |number: usize| Caller {
        number,
        client: client.clone(),
        shared: Arc::clone(&shared),
        ledger: Arc::clone(&ledger),
        dice: Dice::new(schedule.seed ^ (number as u64) << 32),
        tags: Arc::clone(&tags),
        deadline: schedule.deadline,
        calls: 0,
    };
    let callers: Vec<_> =
        (0..schedule.callers).map(|number| tokio::spawn(caller(number).run(schedule.length))).collect();
    sleep(Duration::from_millis(schedule.length)).await;
    // Everything is healed at this moment.
    let probes: Vec<_> = (0..tags.len()).map(|tag| tokio::spawn(caller(schedule.callers + tag).probe(tag))).collect();
    let mut run = Run::default();
    for (tag, probe) in probes.into_iter().enumerate() {
        let left = RECOVERY.saturating_sub(Duration::from_millis(shared.lock().now - schedule.length));
        match timeout(left, probe).await {
            Ok(ended) => ended.unwrap(),
            Err(_) => {
                run.complaints.push(format!("{} does not work {RECOVERY:?} after everything was healed", tags[tag]))
            }
        }
    }
    run.recovery = shared.lock().now - schedule.length;
    for caller in callers {
        caller.await.unwrap();
    }
    client.close(Duration::from_secs(1)).await;
    // A node that has left tells those whose commands block there, and lets answers come.
    sleep(Duration::from_secs(6)).await;
    if engine.is_finished() {
        run.complaints.push("the model has panicked".to_owned());
    }
    engine.abort();
    conclude(&shared, &ledger, run)
}

fn conclude(shared: &Shared, ledger: &Mutex<Ledger>, mut run: Run) -> Run {
    let world = shared.lock();
    let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
    ledger.settle(&world);
    run.complaints.extend(world.complaints.iter().cloned());
    run.complaints.append(&mut ledger.complaints);
    let open = world.connections.iter().filter(|connection| !connection.is_closed).count();
    if open > 0 {
        run.complaints.push(format!("{open} connections are open after the client was closed"));
    }
    for (port, asked) in &world.asked {
        let most = most_in_a_second(asked);
        run.asked = run.asked.max(most);
        if most > MOST_ASKED {
            run.complaints.push(format!("port {port} was asked for the topology {most} times in a second"));
        }
    }
    for (port, accepted) in &world.accepted {
        let most = most_in_a_second(accepted);
        run.accepted = run.accepted.max(most);
        if most > MOST_ACCEPTED {
            run.complaints.push(format!("port {port} was connected to {most} times in a second"));
        }
    }
    run.story = world.story.as_ref().map(|story| story.lock().unwrap().clone()).unwrap_or_default();
    run.seen = world.seen.clone();
    run.errors = std::mem::take(&mut ledger.errors);
    (run.calls, run.schedules) = (ledger.calls, 1);
    run
}

/// Of moments in their order: how many fall into one second, at most.
pub(crate) fn most_in_a_second(moments: &[Millis]) -> usize {
    let from = |at: usize| moments[at..].iter().take_while(|later| **later < moments[at] + 1_000).count();
    (0..moments.len()).map(from).max().unwrap_or(0)
}

fn config(schedule: &Schedule, shared: &Arc<Shared>) -> Config {
    let seeds = (0..schedule.seeds).map(|seed| (HOST, FIRST_PORT + seed as u16));
    let read_from = if schedule.reads_replicas { ReadFrom::PreferReplica } else { ReadFrom::Primary };
    Config::cluster(seeds)
        .with_connector(Arc::new(Roads(Arc::clone(shared))))
        .with_deadline(Duration::from_millis(schedule.deadline))
        .with_connect_timeout(Duration::from_millis(1_000))
        .with_silence_limit(Duration::from_millis(1_000))
        .with_heartbeat(Duration::from_millis(2_000))
        .with_backoff(Backoff::default().with_max(Duration::from_millis(1_000)))
        .with_read_from(read_from)
        .with_seed(schedule.seed)
}

impl Run {
    pub(crate) fn add(&mut self, other: Self) {
        self.complaints.extend(other.complaints);
        for (what, times) in other.seen {
            *self.seen.entry(what).or_default() += times;
        }
        for (what, times) in other.errors {
            *self.errors.entry(what).or_default() += times;
        }
        self.calls += other.calls;
        self.schedules += other.schedules;
        self.recovery = self.recovery.max(other.recovery);
        self.asked = self.asked.max(other.asked);
        self.accepted = self.accepted.max(other.accepted);
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} schedules, {} calls; all works again after {} ms at most",
            self.schedules, self.calls, self.recovery
        )?;
        writeln!(
            f,
            "in a second one node was asked for the topology {} times and connected to {} times at most",
            self.asked, self.accepted
        )?;
        self.seen.iter().try_for_each(|(what, times)| writeln!(f, "{times:10} {what}"))?;
        self.errors.iter().try_for_each(|(what, times)| writeln!(f, "{times:10} {what}"))
    }
}

/// How long it may take after the last fault until everything works.
const RECOVERY: Duration = Duration::from_secs(10);

/// How often a node is asked for the topology in a second.
const MOST_ASKED: usize = 5;

/// How often it is connected to in a second.
const MOST_ACCEPTED: usize = 12;
