//! Blocking commands while everything goes wrong: workers that give up, connections that are cut, callers in crowds.
//! `STEADFAST_JOBS` says how many jobs go through the queue (10,000, and fewer over TLS, unless it is set; the claim is for 100,000).
#![cfg(all(unix, feature = "tls"))]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod faults;
mod live;
mod support;

use std::collections::HashSet;
use std::future::IntoFuture;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use steadfast::api::{Connection, Keys, Lists, Strings};
use steadfast::testing::{Cut, FaultProxy};
use steadfast::{Client, Command, Fate};

use faults::{PLACES, Place, Wire, in_each, tell, tireless};
use live::{PATIENCE, clients_of, connected, until, within};

const WORKERS: usize = 16;
/// Fewer than workers, so that they wait for each other too.
const CONNECTIONS: usize = 12;

/// Fewer over TLS, where a test that is not optimised takes long to connect.
fn jobs(place: Place) -> usize {
    let usual = if place.wire == Wire::Plain { 10_000 } else { 2_500 };
    std::env::var("STEADFAST_JOBS").ok().and_then(|jobs| jobs.parse().ok()).unwrap_or(usual)
}

/// What became of jobs, as the program was told.
#[derive(Default)]
struct Told {
    /// Given to a worker, or to the hook.
    given: Mutex<Vec<String>>,
    orphaned: AtomicUsize,
    /// How often it was told that a job may have been taken, nobody knows which.
    unknown: AtomicUsize,
    dropped: AtomicUsize,
}

#[test]
fn every_job_is_in_one_place_and_none_is_taken_without_a_word() {
    in_each(&[PLACES[0], PLACES[3]], async |place| {
        let jobs = jobs(place);
        let server = place.start();
        let proxy = place.proxy(&server).await;
        let told = Arc::new(Told::default());
        let hook = Arc::clone(&told);
        let config = tireless(place.config_at(proxy.port())).with_max_blocking(CONNECTIONS);
        let client = connected(config.with_orphan_hook(move |orphan| match orphan.reply {
            Ok(job) => {
                hook.orphaned.fetch_add(1, Ordering::SeqCst);
                hook.given.lock().unwrap().push(job.as_str().unwrap().to_owned());
            }
            Err(_) => {
                hook.unknown.fetch_add(1, Ordering::SeqCst);
            }
        }))
        .await;
        let begin = Instant::now();
        work_through(&client, &proxy, &told, jobs).await;
        until(async || client.stats().lent_connections == 0).await;
        let took = begin.elapsed();

        let lists = |pattern: &str| {
            let keys = server.raw(&["KEYS", pattern]);
            let keys: Vec<_> = keys.lines().map(str::to_owned).filter(|key| !key.is_empty()).collect();
            keys.into_iter().flat_map(|key| jobs_in(&server.raw(&["LRANGE", &key, "0", "-1"]))).collect::<Vec<_>>()
        };
        let (queued, taken, done) = (lists("queue"), lists("work:*"), lists("done"));
        let counts = (queued.len(), taken.len(), done.len());
        let mut all: Vec<_> = queued.into_iter().chain(taken.iter().cloned()).chain(done).collect();
        all.sort_unstable();
        let mut every: Vec<_> = (0..jobs).map(job_name).collect();
        every.sort_unstable();
        assert!(all == every, "not each job in one place: {counts:?} queued, taken and done of {jobs}");

        let given = told.given.lock().unwrap();
        let once: HashSet<_> = given.iter().collect();
        assert_eq!(once.len(), given.len(), "a job was given out twice");
        let silent = taken.iter().filter(|job| !once.contains(job)).count();
        let [orphaned, unknown, dropped] =
            [&told.orphaned, &told.unknown, &told.dropped].map(|count| count.load(Ordering::SeqCst));
        tell(&format!(
            "{jobs} jobs in {took:.1?}: {} given, {orphaned} of them orphaned, {dropped} calls dropped; \
             {silent} taken unseen in {unknown} cases of an unknown fate",
            given.len()
        ));
        assert!(silent <= unknown, "{silent} jobs were taken, and {unknown} times somebody was told that one may be");
        assert!(orphaned > 0 && unknown > 0 && dropped > jobs / 20, "nothing was put to the test");
        let stats = client.stats();
        assert_eq!((stats.in_flight, stats.queued, stats.lent_connections), (0, 0, 0), "{stats:?}");
    });
}

fn job_name(number: usize) -> String {
    format!("job-{number}")
}

/// The jobs in an array as the server's own client shows it.
fn jobs_in(shown: &str) -> Vec<String> {
    shown
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .filter(|word| word.starts_with("job-"))
        .map(str::to_owned)
        .collect()
}

/// Workers take jobs and mark them done, until the queue is empty. Connections are cut meanwhile.
async fn work_through(client: &Client, proxy: &FaultProxy, told: &Arc<Told>, jobs: usize) {
    let names: Vec<_> = (0..jobs).map(job_name).collect();
    for some in names.chunks(1_000) {
        client.rpush("queue", some).await.unwrap();
    }
    let over = AtomicBool::new(false);
    let workers: Vec<_> = (0..WORKERS)
        .map(|number| {
            let worker = Worker { client: client.clone(), told: Arc::clone(told), list: format!("work:{number}") };
            tokio::spawn(worker.run(Dice(number as u64 + 1)))
        })
        .collect();
    let cutting = async {
        let mut cut = Cut::Fin;
        while !over.load(Ordering::SeqCst) {
            let given = told.given.lock().unwrap().len();
            tokio::time::sleep(Duration::from_millis(50)).await;
            // On a machine that is too busy to make connections as fast as they are cut, the work would never be over.
            for _ in 0..100 {
                if told.given.lock().unwrap().len() >= given + 10 {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            let _ = client.ping().await;
            proxy.cut(cut);
            cut = if cut == Cut::Fin { Cut::Rst } else { Cut::Fin };
        }
    };
    let working = async {
        for worker in workers {
            within(PATIENCE * 60, worker).await.unwrap();
        }
        over.store(true, Ordering::SeqCst);
    };
    tokio::join!(cutting, working);
}

struct Worker {
    client: Client,
    told: Arc<Told>,
    list: String,
}

impl Worker {
    async fn run(self, mut dice: Dice) {
        let Self { client, told, list } = self;
        loop {
            let take = Command::new("BLMOVE").key(("queue", &list)).arg(("LEFT", "RIGHT", 0.05));
            let call = client.request::<Option<String>>(take).into_future();
            let outcome = match dice.roll(3) {
                0 => Ok(call.await),
                1 => tokio::time::timeout(Duration::from_micros(dice.roll(500)), call).await,
                _ => tokio::time::timeout(Duration::from_micros(dice.roll(5_000)), call).await,
            };
            match outcome {
                Err(_) => drop(told.dropped.fetch_add(1, Ordering::SeqCst)),
                Ok(Ok(Some(job))) => {
                    told.given.lock().unwrap().push(job.clone());
                    let mut transaction = client.transaction();
                    transaction.lrem(&list, 1, &job).queue();
                    transaction.rpush("done", &job).queue();
                    // If that fails it stays where it is.
                    let _ = transaction.execute().await;
                }
                Ok(Ok(None)) => match client.exists("queue").await {
                    Ok(0) => return,
                    _ => continue,
                },
                Ok(Err(error)) if error.fate() == Fate::Unknown => drop(told.unknown.fetch_add(1, Ordering::SeqCst)),
                Ok(Err(error)) => assert_eq!(error.fate(), Fate::NotSent, "{error}"),
            }
        }
    }
}

#[test]
fn callers_who_come_and_go_leave_nothing_and_never_have_more_connections_than_allowed() {
    const ROUNDS: usize = 10_000;
    const CALLERS: usize = 20;
    in_each(&PLACES[..1], async |place| {
        let server = place.start();
        let client = connected(place.config(&server).with_max_blocking(4).with_deadline(PATIENCE)).await;
        let over = Arc::new(AtomicBool::new(false));
        let callers: Vec<_> = (0..CALLERS)
            .map(|number| {
                let (client, mut dice) = (client.clone(), Dice(number as u64 + 7));
                tokio::spawn(async move {
                    for _ in 0..ROUNDS / CALLERS {
                        let call = client.request::<Option<String>>(Command::new("BLMOVE none other LEFT RIGHT 0"));
                        let _ = tokio::time::timeout(Duration::from_micros(dice.roll(3_000)), call.into_future()).await;
                    }
                })
            })
            .collect();
        let watching = async {
            let mut most = 0;
            while !over.load(Ordering::SeqCst) {
                // What was closed last may not be noticed by the server yet, at the first look.
                let mut seen = clients_of(&server).len();
                for _ in 0..3 {
                    seen = seen.min(clients_of(&server).len());
                }
                most = most.max(seen);
                tokio::task::yield_now().await;
            }
            most
        };
        let calling = async {
            for caller in callers {
                within(PATIENCE * 5, caller).await.unwrap();
            }
            over.store(true, Ordering::SeqCst);
        };
        let (most, ()) = tokio::join!(watching, calling);
        until(async || client.stats().lent_connections == 0).await;
        let stats = client.stats();
        tell(&format!(
            "{most} connections at most, {} made, {} calls given up",
            stats.own_connections, stats.cancelled
        ));
        assert!(most <= 5, "{most} connections");
        assert_eq!((stats.issued, stats.cancelled), (ROUNDS as u64, ROUNDS as u64));
        assert_eq!((stats.in_flight, stats.queued, stats.failed()), (0, 0, 0), "{stats:?}");
        assert!(clients_of(&server).len() <= 5);
        // Whoever waited first is served first, after all that as before.
        let served = Arc::new(Mutex::new(Vec::new()));
        let mut waiting = Vec::new();
        for number in 0..20_usize {
            let (of_client, order) = (client.clone(), Arc::clone(&served));
            waiting.push(tokio::spawn(async move {
                let key = format!("own-{number}");
                let taken: Option<(String, String)> =
                    of_client.request(Command::new("BLPOP").key(&key).arg(0)).await.unwrap();
                order.lock().unwrap().push(taken.unwrap().1);
            }));
            until(async || client.stats().issued == (ROUNDS + number + 1) as u64).await;
        }
        for number in 0..20_usize {
            client.rpush(format!("own-{number}"), number).await.unwrap();
            until(async || served.lock().unwrap().len() == number + 1).await;
        }
        assert!(served.lock().unwrap().iter().map(|number| number.parse::<usize>().unwrap()).eq(0..20));
    });
}

#[test]
fn a_thousand_callers_who_wait_do_not_slow_down_the_others() {
    const WAITING: usize = 1_000;
    in_each(&PLACES[..1], async |place| {
        let server = place.build().config("maxclients 4000").start();
        let config = place.config(&server).with_max_blocking(WAITING).with_deadline(PATIENCE);
        let client = connected(config).await;
        client.set("k", "v").await.unwrap();
        let alone = median_of_gets(&client).await;
        let before = resident();
        let calls: Vec<_> = (0..WAITING)
            .map(|number| {
                let client = client.clone();
                tokio::spawn(async move {
                    let pop = Command::new("BLPOP").key(format!("own-{number}")).arg(0);
                    client.request::<Option<(String, String)>>(pop).await
                })
            })
            .collect();
        until(async || client.stats().in_flight == WAITING as u64).await;
        let each = resident().saturating_sub(before) / WAITING;
        let beside = median_of_gets(&client).await;
        tell(&format!(
            "a GET takes {alone:?} alone and {beside:?} beside {WAITING} callers, who take {each} bytes each"
        ));
        assert_eq!(clients_of(&server).len(), WAITING + 1);
        assert!(beside < alone * 4 + Duration::from_micros(200), "{beside:?} instead of {alone:?}");
        assert!(each < 64 << 10, "{each} bytes for each");
        for number in 0..WAITING {
            client.rpush(format!("own-{number}"), number).await.unwrap();
        }
        for (number, call) in calls.into_iter().enumerate() {
            let popped = within(PATIENCE, call).await.unwrap().unwrap();
            assert_eq!(popped, Some((format!("own-{number}"), number.to_string())));
        }
        assert_eq!(client.stats().own_connections, WAITING as u64);
    });
}

async fn median_of_gets(client: &Client) -> Duration {
    let mut times = Vec::new();
    for _ in 0..2_000 {
        let begin = Instant::now();
        client.get::<String>("k").await.unwrap();
        times.push(begin.elapsed());
    }
    times.sort_unstable();
    times[times.len() / 2]
}

/// Bytes of memory that this process uses.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    status.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}

/// Random numbers that are the same in each run (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}
