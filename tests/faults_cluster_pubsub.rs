//! What subscribers of a cluster and a queue in it go through while slots and primaries move.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod support;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use steadfast::api::{End, Lists, PubSub, Strings};
use steadfast::pubsub::{Delivery, Subscription};
use steadfast::{Client, Config, Error, Fate};
use support::{Cluster, How, Kind, slot_of};
use tokio::task::JoinHandle;

const PATIENCE: Duration = Duration::from_secs(30);

fn kinds() -> [Kind; 2] {
    [Kind::Redis, Kind::Valkey]
}

async fn connect(cluster: &Cluster) -> Client {
    let config = Config::from_url(&cluster.url()).unwrap().with_refresh_every(Duration::from_secs(1));
    Client::connect(config).await.unwrap()
}

/// Publishes numbers to a sharded channel until it is told to end; those that the server is sure to have taken.
fn publish(client: Client, channel: String, stop: Arc<AtomicBool>) -> JoinHandle<Vec<u64>> {
    tokio::spawn(async move {
        let mut taken = Vec::new();
        for number in 0.. {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            match client.with_deadline(PATIENCE).spublish(&channel, number).await {
                Ok(_) => taken.push(number),
                Err(error) => assert_eq!(error.fate(), Fate::Unknown, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        taken
    })
}

/// What a subscriber was told, until the number `last` has come.
struct Heard {
    /// The numbers, and `None` where something may be missing from or until.
    all: Vec<Option<u64>>,
}

fn hear(mut subscription: Subscription) -> JoinHandle<Heard> {
    tokio::spawn(async move {
        let mut all = Vec::new();
        while let Some(delivery) = subscription.next().await {
            match delivery {
                Delivery::Message(message) if message.text() == "end" => break,
                Delivery::Message(message) => all.push(Some(message.read::<u64>().unwrap())),
                Delivery::Subscribed => all.push(None),
                Delivery::Gap { .. } | Delivery::Lagged { .. } => all.push(None),
                other => panic!("{other:?}"),
            }
        }
        Heard { all }
    })
}

impl Heard {
    /// Every hole stands where something was told. Order is that of each node: where a channel has moved, the last words of
    /// the old one may come late. And what a new primary is told its replicas tell too: until the topology says that the old
    /// primary is one, a message may come from both, which only a move can bring about. Returns how many are missing.
    fn check(&self, taken: &[u64], who: &str) -> usize {
        let heard: Vec<u64> = self.all.iter().flatten().copied().collect();
        let all: HashSet<u64> = heard.iter().copied().collect();
        let first_move = self.all.iter().skip(1).position(Option::is_none).map_or(usize::MAX, |place| place + 1);
        for (place, number) in self.all.iter().enumerate().filter_map(|(place, heard)| Some((place, (*heard)?))) {
            let before = self.all[..place].iter().flatten().filter(|heard| **heard == number).count();
            assert!(before == 0 || (before == 1 && place > first_move), "{who}: {number} came {} times", before + 1);
        }
        let is_missing = |number: &&u64| !all.contains(number) && heard.iter().any(|heard| heard > number);
        let missing: Vec<u64> = taken.iter().filter(is_missing).copied().collect();
        for number in &missing {
            let next = self.all.iter().position(|heard| heard.is_some_and(|heard| heard > *number)).unwrap();
            let before = self.all[..next].iter().rev().take_while(|heard| heard.is_none()).count();
            assert!(before > 0, "{who}: {number} is missing without a word");
        }
        missing.len()
    }
}

/// Gets keys of all slots, and checks each answer.
fn load(client: Client, stop: Arc<AtomicBool>, right: Arc<AtomicU64>) -> JoinHandle<()> {
    tokio::spawn(async move {
        for number in (0..200u64).cycle() {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            let got = client.with_deadline(PATIENCE).get::<u64>(format!("key:{number}")).await;
            assert_eq!(got.unwrap(), Some(number));
            right.fetch_add(1, Ordering::Relaxed);
        }
    })
}

/// The same calamities for subscribers and readers: a slot moves twice, a replica takes over, a primary dies.
async fn calamities(cluster: &mut Cluster, slot: u16) {
    let owner = cluster.primary_of(slot);
    let other = cluster.primaries().into_iter().find(|number| *number != owner).unwrap();
    for (from, to) in [(owner, other), (other, owner)] {
        cluster.migrate_slot(slot, from, to);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let replica = cluster.replicas_of(owner)[0];
    cluster.failover(replica, How::Plain);
    tokio::time::sleep(Duration::from_secs(1)).await;
    // Whose replica is well by then.
    cluster.wait_whole(PATIENCE);
    cluster.kill(replica);
    let begin = Instant::now();
    while cluster.owner(slot).is_none_or(|number| number == replica) {
        assert!(begin.elapsed() < PATIENCE, "nobody takes over");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn holes_are_only_where_something_was_told_and_answers_are_right() {
    for kind in kinds() {
        let mut cluster = Cluster::build(kind).primaries(3).replicas(3).node_timeout(1000).start();
        let client = connect(&cluster).await;
        for number in 0..200u64 {
            client.set(format!("key:{number}"), number).await.unwrap();
        }
        // A replica that takes over by force may not have all of them.
        for primary in cluster.primaries() {
            cluster.node(primary).raw(&["WAIT", "1", "5000"]);
        }
        let channel = "{key:7}news".to_owned();
        let mut listening = Vec::new();
        for _ in 0..20 {
            listening.push(hear(client.ssubscribe(&channel).await.unwrap()));
        }
        let (stop, right) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let publishing = publish(connect(&cluster).await, channel.clone(), Arc::clone(&stop));
        let loads: Vec<_> = (0..4).map(|_| load(client.clone(), Arc::clone(&stop), Arc::clone(&right))).collect();
        calamities(&mut cluster, slot_of(&channel)).await;
        stop.store(true, Ordering::Relaxed);
        let taken = publishing.await.unwrap();
        for load in loads {
            load.await.unwrap();
        }
        // Everybody is there again.
        while client.with_deadline(PATIENCE).spublish(&channel, "end").await.unwrap() == 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for (number, heard) in listening.into_iter().enumerate() {
            let heard = tokio::time::timeout(PATIENCE, heard).await.unwrap().unwrap();
            let count = heard.all.iter().flatten().count();
            let holes = heard.check(&taken, &format!("subscriber {number}"));
            assert!(count > 100 && holes < taken.len() / 2, "{count} of {}, {holes} missing", taken.len());
        }
        assert!(right.load(Ordering::Relaxed) > 500);
    }
}

/// What became of one job.
#[derive(Debug, Default)]
struct Job {
    places: Vec<&'static str>,
    is_doubtful: bool,
}

/// Moves jobs until there are no more; those of which it was not told what became.
async fn work(client: Client, worker: usize, stop: Arc<AtomicBool>) -> usize {
    let mut doubts = 0;
    let own = format!("{{q}}work:{worker}");
    while !stop.load(Ordering::Relaxed) {
        let moved: Result<Option<u64>, Error> =
            client.blmove("{q}jobs", &own, End::Left, End::Right, Duration::from_millis(500)).await;
        match moved {
            Ok(_) => {}
            Err(error) if error.fate() == Fate::Unknown => doubts += 1,
            Err(error) => assert!(matches!(error.fate(), Fate::NotSent | Fate::Refused), "{error}"),
        }
    }
    doubts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_job_of_a_queue_is_in_one_place_or_told_of() {
    const JOBS: u64 = 2_000;
    for kind in kinds() {
        let cluster = Cluster::build(kind).primaries(3).replicas(3).node_timeout(1000).start();
        let client = connect(&cluster).await;
        let stop = Arc::new(AtomicBool::new(false));
        let workers: Vec<_> =
            (0..8).map(|worker| tokio::spawn(work(client.clone(), worker, Arc::clone(&stop)))).collect();
        let feeding = tokio::spawn({
            let client = client.clone();
            async move {
                let mut doubtful = HashSet::new();
                for job in 0..JOBS {
                    if let Err(error) = client.with_deadline(PATIENCE).rpush("{q}jobs", job).await {
                        assert_eq!(error.fate(), Fate::Unknown, "{error}");
                        doubtful.insert(job);
                    }
                }
                doubtful
            }
        });
        let slot = slot_of("{q}");
        // Planned: nothing that a primary has taken is lost by it.
        for _ in 0..2 {
            let owner = cluster.primary_of(slot);
            cluster.failover(cluster.replicas_of(owner)[0], How::Plain);
            tokio::time::sleep(Duration::from_millis(500)).await;
            cluster.wait_whole(PATIENCE);
        }
        let owner = cluster.primary_of(slot);
        let other = cluster.primaries().into_iter().find(|number| *number != owner).unwrap();
        cluster.migrate_slot(slot, owner, other);
        let doubtful = feeding.await.unwrap();
        let begin = Instant::now();
        while client.llen("{q}jobs").await.unwrap() > 0 {
            assert!(begin.elapsed() < PATIENCE, "the queue is not emptied");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        stop.store(true, Ordering::Relaxed);
        let mut doubts = 0;
        for worker in workers {
            doubts += worker.await.unwrap();
        }
        let mut jobs: BTreeMap<u64, Job> = BTreeMap::new();
        for worker in 0..8 {
            for job in client.lrange::<u64>(format!("{{q}}work:{worker}"), 0, -1).await.unwrap() {
                jobs.entry(job).or_default().places.push("work");
            }
        }
        doubtful.iter().for_each(|job| jobs.entry(*job).or_default().is_doubtful = true);
        let twice: Vec<_> = jobs.iter().filter(|(_, job)| job.places.len() > 1).collect();
        assert!(twice.iter().all(|(_, job)| job.is_doubtful), "{twice:?}");
        let lost = (0..JOBS).filter(|job| jobs.get(job).is_none_or(|job| job.places.is_empty() && !job.is_doubtful));
        let lost: Vec<_> = lost.collect();
        assert!(lost.is_empty(), "{kind:?}: lost {lost:?}; {doubts} doubts");
    }
}
