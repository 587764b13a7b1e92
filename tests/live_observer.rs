//! Every command is observed once, with what became of it, and the counters agree with callers and servers.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
mod support;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use steadfast::api::{Keys, Lists, Strings};
use steadfast::client::{AtCapacity, Ending, Observation, Observer, Stats};
use steadfast::testing::{Direction, FaultProxy};
use steadfast::{Client, Command, Config, ErrorKind, Fate, LinkState};

use live::{KINDS, PATIENCE, Peer, connected, quick, tcp, until, until_state, within};
use support::{Server, free_port};

/// Keeps everything it is told.
#[derive(Default)]
struct Recorder(Mutex<Vec<Seen>>);

/// An observation.
#[derive(Clone, Debug)]
struct Seen {
    name: String,
    attempts: u32,
    end: End,
    batch_size: usize,
    queued: Instant,
    written: Option<Instant>,
    answered: Option<Instant>,
    ended: Instant,
    attributes: BTreeMap<&'static str, String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    Answered,
    Failed(ErrorKind, Fate),
    Cancelled,
}

impl Observer for Recorder {
    fn observe(&self, observation: &Observation<'_>) {
        let end = match observation.ending() {
            Ending::Answered => End::Answered,
            Ending::Failed(error) => End::Failed(error.kind(), error.fate()),
            Ending::Cancelled => End::Cancelled,
            other => panic!("{other:?}"),
        };
        let seen = Seen {
            name: observation.name().to_owned(),
            attempts: observation.attempts(),
            end,
            batch_size: observation.batch_size(),
            queued: observation.queued(),
            written: observation.written(),
            answered: observation.answered(),
            ended: observation.ended(),
            attributes: observation.attributes().map(|(name, value)| (name, value.to_string())).collect(),
        };
        seen.check();
        self.0.lock().unwrap().push(seen);
    }
}

impl Seen {
    fn check(&self) {
        let times: Vec<_> =
            [Some(self.queued), self.written, self.answered, Some(self.ended)].into_iter().flatten().collect();
        assert!(times.is_sorted(), "{self:?}");
        assert_eq!(self.written.is_some(), self.attempts > 0, "{self:?}");
        assert!(self.answered.is_none() || self.written.is_some(), "{self:?}");
    }

    fn summary(&self) -> (&str, u32, End) {
        (&self.name, self.attempts, self.end.clone())
    }
}

impl Recorder {
    /// What it was told since the last call.
    fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// The one thing it was told since the last call.
    fn only(&self) -> Seen {
        let mut seen = self.take();
        assert_eq!(seen.len(), 1, "{seen:?}");
        seen.remove(0)
    }
}

fn observed(config: Config) -> (Config, Arc<Recorder>) {
    let recorder = Arc::new(Recorder::default());
    (config.with_observer(recorder.clone()), recorder)
}

/// Polls by hand, with a waker that wakes nobody.
fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Nothing is under way, and everything that was is accounted for.
fn assert_settled(stats: Stats, answered_to_callers: u64) {
    assert_eq!((stats.in_flight, stats.queued), (0, 0), "{stats:?}");
    assert_eq!(stats.sent, stats.answered + stats.abandoned, "{stats:?}");
    assert_eq!(stats.issued, answered_to_callers + stats.failed() + stats.cancelled, "{stats:?}");
}

#[tokio::test]
async fn an_answer_and_a_servers_error_are_observed_with_names_and_times() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        let (config, recorder) = observed(tcp(&server).with_database(3));
        let client = connected(config).await;
        assert_eq!(recorder.take().len(), 0, "the handshake is no command");
        client.set("name", "alice").await.unwrap();
        let seen = recorder.only();
        assert_eq!(seen.summary(), ("SET", 1, End::Answered));
        assert!(seen.answered.is_some() && seen.batch_size == 1);
        let port = server.port().to_string();
        let expected: BTreeMap<_, _> = [
            ("db.system.name", "redis"),
            ("db.operation.name", "SET"),
            ("db.namespace", "3"),
            ("server.address", "127.0.0.1"),
            ("server.port", &port),
        ]
        .map(|(name, value)| (name, value.to_owned()))
        .into();
        assert_eq!(seen.attributes, expected);

        client.rpush("name", "x").await.unwrap_err();
        let seen = recorder.only();
        assert_eq!(seen.summary(), ("RPUSH", 1, End::Failed(ErrorKind::Server, Fate::Executed)));
        assert_eq!(seen.attributes["db.response.status_code"], "WRONGTYPE");
        assert_eq!(seen.attributes["error.type"], "WRONGTYPE");
        client.get::<i64>("name").await.unwrap_err();
        let seen = recorder.only();
        assert_eq!(seen.summary(), ("GET", 1, End::Failed(ErrorKind::Conversion, Fate::Executed)));
        assert_eq!(seen.attributes["error.type"], "conversion");
        assert!(!seen.attributes.contains_key("db.response.status_code") && seen.answered.is_some());
        client.request::<()>(Command::new("GET")).await.unwrap_err();
        assert_eq!(recorder.only().end, End::Failed(ErrorKind::Server, Fate::Refused));

        let stats = client.stats();
        assert_settled(stats, 1);
        assert_eq!((stats.sent, stats.failed_executed, stats.failed_refused), (4, 2, 1), "{stats:?}");
        assert_eq!((stats.connections, stats.connection_attempts, stats.reconnections()), (1, 1, 0));
    }
}

#[tokio::test]
async fn what_ends_before_it_was_sent_is_observed_without_an_attempt() {
    let nowhere = quick(Config::tcp("127.0.0.1", free_port()));
    let (config, recorder) = observed(nowhere.with_max_pending_commands(1).with_at_capacity(AtCapacity::FailFast));
    let client = Client::connect_lazily(config).unwrap();
    let mut waiting = client.incr("n").deadline(Duration::from_millis(100)).into_future();
    assert!(poll(&mut waiting).is_pending());
    assert_eq!(client.stats().queued, 1);
    client.incr("n").await.unwrap_err();
    assert_eq!(recorder.only().summary(), ("INCR", 0, End::Failed(ErrorKind::Full, Fate::NotSent)));
    within(PATIENCE, waiting).await.unwrap_err();
    let seen = recorder.only();
    assert_eq!(seen.summary(), ("INCR", 0, End::Failed(ErrorKind::Timeout, Fate::NotSent)));
    assert!(seen.ended - seen.queued > Duration::from_millis(50), "{seen:?}");
    client.request::<()>(Command::new("SUBSCRIBE").arg("x")).await.unwrap_err();
    assert_eq!(recorder.only().end, End::Failed(ErrorKind::NeedsDedicated, Fate::NotSent));
    client.close(Duration::ZERO).await;
    client.incr("n").await.unwrap_err();
    assert_eq!(recorder.only().end, End::Failed(ErrorKind::Closed, Fate::NotSent));
    let stats = client.stats();
    assert_settled(stats, 0);
    assert_eq!((stats.issued, stats.failed_not_sent, stats.sent, stats.connections), (4, 4, 0, 0), "{stats:?}");
    assert!(stats.connection_attempts > 0);
}

#[tokio::test]
async fn what_ends_after_it_was_sent_is_observed_with_its_attempt() {
    let mut server = Server::redis();
    let (config, recorder) = observed(tcp(&server).with_deadline(PATIENCE));
    let client = connected(config).await;
    server.stop();
    client.incr("n").deadline(Duration::from_millis(200)).await.unwrap_err();
    let seen = recorder.only();
    assert_eq!(seen.summary(), ("INCR", 1, End::Failed(ErrorKind::Timeout, Fate::Unknown)));
    assert_eq!(seen.answered, None);
    assert_eq!(client.stats().in_flight, 1, "its answer may still come");

    let mut lost = client.incr("n").into_future();
    assert!(poll(&mut lost).is_pending());
    until(async || client.stats().in_flight == 2).await;
    server.kill9();
    within(PATIENCE, lost).await.unwrap_err();
    assert_eq!(recorder.only().summary(), ("INCR", 1, End::Failed(ErrorKind::Connection, Fate::Unknown)));
    let stats = client.stats();
    assert_settled(stats, 0);
    assert_eq!((stats.sent, stats.abandoned, stats.failed_unknown, stats.answered), (2, 2, 2, 0), "{stats:?}");
}

#[tokio::test]
async fn what_is_sent_again_is_one_observation_of_two_attempts() {
    let peer = Peer::start(|number, mut wire| async move {
        while let Some(command) = wire.command_after_handshake().await {
            if number == 0 && command[0] == b"GET" {
                tokio::time::sleep(Duration::from_millis(50)).await;
                return wire.reset();
            }
            wire.say(b"$1\r\nx\r\n").await;
        }
    })
    .await;
    let (config, recorder) = observed(peer.config().with_deadline(PATIENCE));
    let client = connected(config).await;
    let value: Option<String> = within(PATIENCE, client.get("k").into_future()).await.unwrap();
    assert_eq!(value.as_deref(), Some("x"));
    let seen = recorder.only();
    assert_eq!(seen.summary(), ("GET", 2, End::Answered));
    assert!(seen.written.unwrap() - seen.queued >= Duration::from_millis(40), "the last sending: {seen:?}");
    let stats = client.stats();
    assert_settled(stats, 1);
    assert_eq!((stats.sent, stats.replayed, stats.abandoned, stats.answered), (2, 1, 1, 1), "{stats:?}");
    assert_eq!((stats.connections, stats.reconnections(), stats.failed()), (2, 1, 0), "{stats:?}");
}

#[tokio::test]
async fn a_dropped_call_is_observed_once_and_one_that_was_never_polled_not_at_all() {
    let server = Server::redis();
    let (config, recorder) = observed(tcp(&server).with_deadline(PATIENCE));
    let client = connected(config).await;
    drop(client.incr("n").into_future());
    assert_eq!(recorder.take().len(), 0);

    let mut unsent = client.incr("n").into_future();
    assert!(poll(&mut unsent).is_pending());
    drop(unsent);
    assert_eq!(recorder.only().summary(), ("INCR", 0, End::Cancelled));

    server.stop();
    let mut sent = client.incr("n").into_future();
    assert!(poll(&mut sent).is_pending());
    until(async || client.stats().in_flight == 1).await;
    drop(sent);
    let seen = recorder.only();
    assert_eq!(seen.summary(), ("INCR", 1, End::Cancelled));
    assert_eq!(seen.attributes["error.type"], "cancelled");
    server.cont();
    until(async || client.stats().in_flight == 0).await;
    assert_eq!(server.raw(&["GET", "n"]), "1");
    let stats = client.stats();
    assert_settled(stats, 0);
    assert_eq!((stats.cancelled, stats.sent, stats.answered), (2, 1, 1), "{stats:?}");
    assert_eq!(recorder.take().len(), 0);
}

#[tokio::test]
async fn each_command_of_a_pipeline_is_observed_once() {
    let server = Server::redis();
    let (config, recorder) = observed(tcp(&server).with_deadline(PATIENCE));
    let client = connected(config).await;
    let mut pipeline = client.pipeline();
    let _ = pipeline.set("name", "x").queue();
    let _ = pipeline.incr("name").queue();
    let _ = pipeline.request::<()>(Command::new("SUBSCRIBE").arg("x")).queue();
    let _ = pipeline.get::<i64>("name").queue();
    let results = pipeline.execute().await;
    assert!(results.check().is_err() && results.check().is_err());
    let seen = recorder.take();
    let summaries: Vec<_> = seen.iter().map(Seen::summary).collect();
    let expected = [
        ("SET", 1, End::Answered),
        ("INCR", 1, End::Failed(ErrorKind::Server, Fate::Executed)),
        ("SUBSCRIBE", 0, End::Failed(ErrorKind::NeedsDedicated, Fate::NotSent)),
        ("GET", 1, End::Answered),
    ];
    assert_eq!(summaries, expected);
    assert!(seen.iter().all(|seen| seen.batch_size == 4 && seen.attributes["db.operation.batch.size"] == "4"));
    assert_settled(client.stats(), 2);

    let mut pipeline = client.pipeline();
    let _ = (pipeline.incr("n").queue(), pipeline.incr("n").queue());
    let mut execution = pipeline.execute();
    assert!(poll(&mut execution).is_pending());
    drop(execution);
    let seen = recorder.take();
    assert!(seen.iter().all(|seen| seen.summary() == ("INCR", 0, End::Cancelled)) && seen.len() == 2, "{seen:?}");
    client.get::<String>("name").await.unwrap();
    let stats = client.stats();
    assert_settled(stats, 3);
    assert_eq!((stats.cancelled, stats.issued, stats.sent, stats.failed_not_sent), (2, 7, 4, 1), "{stats:?}");
}

#[tokio::test]
async fn the_commands_of_a_pipeline_that_is_cut_have_their_own_attempts_and_times() {
    // Answers the first command, and takes the other two with it.
    let peer = Peer::start(|number, mut wire| async move {
        let mut count = 0;
        while wire.command_after_handshake().await.is_some() {
            count += 1;
            match (number, count) {
                (0, 1) => wire.say(b"$1\r\nx\r\n").await,
                (0, 2) => {}
                (0, _) => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    return wire.reset();
                }
                _ => wire.say(b"$1\r\ny\r\n").await,
            }
        }
    })
    .await;
    let (config, recorder) = observed(peer.config().with_deadline(PATIENCE));
    let client = connected(config).await;
    let mut pipeline = client.pipeline();
    let first = pipeline.get::<String>("a").queue();
    let _ = pipeline.incr("b").queue();
    let last = pipeline.get::<String>("c").queue();
    let results = within(PATIENCE, pipeline.execute()).await;
    assert_eq!(results.get(first).unwrap().as_deref(), Some("x"));
    assert_eq!(results.get(last).unwrap().as_deref(), Some("y"));
    let seen = recorder.take();
    let summaries: Vec<_> = seen.iter().map(Seen::summary).collect();
    let lost = End::Failed(ErrorKind::Connection, Fate::Unknown);
    assert_eq!(summaries, [("GET", 1, End::Answered), ("INCR", 1, lost), ("GET", 2, End::Answered)]);
    let [first, last] = [seen[0].answered.unwrap(), seen[2].answered.unwrap()];
    assert!(last - first >= Duration::from_millis(40), "each has the time of its own answer");
    let stats = client.stats();
    assert_settled(stats, 2);
    assert_eq!((stats.sent, stats.abandoned, stats.replayed, stats.answered), (4, 2, 1, 2), "{stats:?}");
}

#[tokio::test]
async fn each_command_of_a_transaction_is_observed_once_and_multi_and_exec_are_not() {
    let server = Server::redis();
    let (config, recorder) = observed(tcp(&server).with_deadline(PATIENCE));
    let client = connected(config).await;
    let mut transaction = client.transaction();
    let _ = transaction.set("name", "x").queue();
    let _ = transaction.incr("name").queue();
    let _ = transaction.get::<String>("name").queue();
    let _ = within(PATIENCE, transaction.execute()).await.unwrap();
    let seen = recorder.take();
    let summaries: Vec<_> = seen.iter().map(Seen::summary).collect();
    let wrong = End::Failed(ErrorKind::Server, Fate::Executed);
    assert_eq!(summaries, [("SET", 1, End::Answered), ("INCR", 1, wrong), ("GET", 1, End::Answered)]);
    assert!(seen.iter().all(|seen| seen.batch_size == 3 && seen.attributes["db.operation.batch.size"] == "3"));
    assert_settled(client.stats(), 2);

    let mut transaction = client.transaction();
    let _ = (transaction.incr("n").queue(), transaction.request::<()>(Command::new("SUBSCRIBE").arg("x")).queue());
    assert!(transaction.execute().await.is_err());
    let unfit = End::Failed(ErrorKind::NeedsDedicated, Fate::NotSent);
    let summaries: Vec<_> = recorder.take().iter().map(|seen| (seen.name.clone(), seen.end.clone())).collect();
    assert_eq!(summaries, [("INCR".to_owned(), unfit.clone()), ("SUBSCRIBE".to_owned(), unfit)]);

    let mut transaction = client.transaction();
    let _ = (transaction.incr("n").queue(), transaction.incr("n").queue());
    let mut execution = transaction.execute();
    assert!(poll(&mut execution).is_pending());
    drop(execution);
    let seen = recorder.take();
    assert!(seen.iter().all(|seen| seen.summary() == ("INCR", 0, End::Cancelled)) && seen.len() == 2, "{seen:?}");

    client.close(PATIENCE).await;
    let mut transaction = client.transaction();
    let _ = (transaction.incr("n").queue(), transaction.incr("n").queue());
    assert!(transaction.execute().await.is_err());
    let closed = End::Failed(ErrorKind::Closed, Fate::NotSent);
    assert_eq!(
        recorder.take().iter().map(Seen::summary).collect::<Vec<_>>(),
        [("INCR", 0, closed.clone()), ("INCR", 0, closed)]
    );
    let stats = client.stats();
    assert_settled(stats, 2);
    assert_eq!((stats.issued, stats.cancelled, stats.failed_not_sent, stats.sent), (9, 2, 4, 5), "{stats:?}");
}

#[tokio::test]
async fn a_transaction_that_is_refused_and_lost_has_the_attempts_and_the_times_of_its_exec() {
    // Keeps what MULTI begins. Refuses what the first EXEC ends, dies of the second one, and runs the third.
    let executed = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&executed);
    let peer = Peer::start(move |_, mut wire| {
        let executed = Arc::clone(&count);
        async move {
            while let Some(command) = wire.command_after_handshake().await {
                let before = executed.load(Ordering::SeqCst);
                match (command[0].as_slice(), before) {
                    (b"MULTI", _) => wire.say(b"+OK\r\n").await,
                    (b"GET", 0) => wire.say(b"-TRYAGAIN Multiple keys request during rehashing of slot\r\n").await,
                    (b"GET", _) => wire.say(b"+QUEUED\r\n").await,
                    (_, _) => {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        executed.fetch_add(1, Ordering::SeqCst);
                        match before {
                            1 => return wire.reset(),
                            0 => wire.say(b"-EXECABORT Transaction discarded because of previous errors.\r\n").await,
                            _ => wire.say(b"*2\r\n$1\r\nx\r\n$1\r\ny\r\n").await,
                        }
                    }
                }
            }
        }
    })
    .await;
    let (config, recorder) = observed(peer.config().with_deadline(PATIENCE));
    let client = connected(config).await;
    let mut transaction = client.transaction();
    let _ = (transaction.get::<String>("a").queue(), transaction.get::<String>("b").queue());
    within(PATIENCE, transaction.execute()).await.unwrap().check().unwrap();
    let seen = recorder.take();
    assert!(seen.iter().all(|seen| seen.summary() == ("GET", 3, End::Answered)) && seen.len() == 2, "{seen:?}");
    for seen in seen {
        let (written, answered) = (seen.written.unwrap(), seen.answered.unwrap());
        assert!(written - seen.queued >= Duration::from_millis(80), "the last sending: {seen:?}");
        assert!(answered - written >= Duration::from_millis(40), "EXEC's answer, not that it is queued: {seen:?}");
    }
    let stats = client.stats();
    assert_settled(stats, 2);
    assert_eq!((stats.issued, stats.sent, stats.failed()), (2, 12, 0), "MULTI and EXEC are sent: {stats:?}");
    assert_eq!((stats.retried, stats.replayed, stats.abandoned, stats.answered), (4, 4, 1, 11), "{stats:?}");
}

/// How often a server has run a command.
fn calls(server: &Server, command: &str) -> u64 {
    let info = server.raw(&["INFO", "commandstats"]);
    let line =
        info.lines().find_map(|line| line.trim().strip_prefix(&format!("cmdstat_{command}:calls=")).map(str::to_owned));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_counters_agree_with_the_servers_own_and_with_the_bytes_on_the_wire() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        let proxy = FaultProxy::start(server.address()).await.unwrap();
        let config = quick(Config::tcp("127.0.0.1", proxy.port())).with_deadline(PATIENCE);
        let client = connected(config.with_heartbeat(Duration::from_millis(20))).await;
        let tasks: Vec<_> = (0..20)
            .map(|task| {
                let client = client.clone();
                tokio::spawn(async move {
                    for number in 0..50 {
                        client.incr("n").await.unwrap();
                        let mut pipeline = client.pipeline();
                        let _ = pipeline.set(format!("k{task}"), number).queue();
                        let _ = pipeline.get::<String>("k").queue();
                        let _ = pipeline.rpush("n", "x").queue();
                        assert!(pipeline.execute().await.check().is_err());
                    }
                })
            })
            .collect();
        for task in tasks {
            within(PATIENCE, task).await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        let ran: u64 = ["incr", "set", "get", "rpush"].map(|command| calls(&server, command)).iter().sum();
        until(async || client.stats().in_flight == 0).await;
        let stats = client.stats();
        assert_settled(stats, 3_000);
        assert_eq!((stats.sent, stats.answered, stats.failed_executed), (ran, ran, 1_000), "{stats:?}");
        assert!(calls(&server, "ping") > 0, "heartbeats went, and are no commands");
        client.close(PATIENCE).await;
        let stats = client.stats();
        assert_settled(stats, 3_000);
        until(async || proxy.received(Direction::ToServer) == stats.bytes_written).await;
        assert_eq!(proxy.received(Direction::ToClient), stats.bytes_read);
    }
}

/// What callers under load were told.
#[derive(Default)]
struct Told {
    answered: AtomicU64,
    failed: AtomicU64,
    cancelled: AtomicU64,
}

/// Calls until told to stop: single commands, pipelines, and calls that are given up after a moment where `patience` is short.
async fn call_on(client: Client, told: Arc<Told>, stop: Arc<AtomicBool>, patience: Duration) {
    let count = |result: bool| {
        let column = if result { &told.answered } else { &told.failed };
        column.fetch_add(1, Ordering::Relaxed);
    };
    while !stop.load(Ordering::Relaxed) {
        count(client.incr("n").await.is_ok());
        match tokio::time::timeout(patience, client.exists("n")).await {
            Ok(result) => count(result.is_ok()),
            Err(_) => {
                told.cancelled.fetch_add(1, Ordering::Relaxed);
            }
        }
        let mut pipeline = client.pipeline();
        let queued =
            (pipeline.get::<String>("n").queue(), pipeline.incr("n").queue(), pipeline.rpush("n", "x").queue());
        match tokio::time::timeout(patience, pipeline.execute()).await {
            Ok(results) => {
                count(results.get(queued.0).is_ok());
                count(results.get(queued.1).is_ok());
                count(results.get(queued.2).is_ok());
            }
            Err(_) => {
                told.cancelled.fetch_add(3, Ordering::Relaxed);
            }
        }
    }
}

fn only_grows(stats: Stats) -> [u64; 6] {
    [stats.issued, stats.sent, stats.answered, stats.abandoned, stats.replayed, stats.bytes_read]
}

/// Kills all connections again and again while callers call; returns what they were told, and what was observed.
async fn storm(patience: Duration) -> (Stats, u64, Vec<Seen>) {
    let server = Server::redis();
    let (config, recorder) = observed(tcp(&server).with_deadline(PATIENCE));
    let client = connected(config).await;
    let (told, stop) = (Arc::new(Told::default()), Arc::new(AtomicBool::new(false)));
    let callers: Vec<_> = (0..16)
        .map(|_| tokio::spawn(call_on(client.clone(), Arc::clone(&told), Arc::clone(&stop), patience)))
        .collect();
    let mut admin = server.connect();
    let mut before = Stats::default();
    for round in 0..600 {
        tokio::time::sleep(Duration::from_millis(1)).await;
        if round % 10 == 0 {
            admin.call(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).unwrap();
        }
        let stats = client.stats();
        assert_eq!(stats.sent, stats.answered + stats.abandoned + stats.in_flight, "{stats:?}");
        assert!(stats.in_flight <= stats.issued && stats.queued <= stats.issued, "{stats:?}");
        for (was, is) in only_grows(before).into_iter().zip(only_grows(stats)) {
            assert!(was <= is, "{before:?}, {stats:?}");
        }
        before = stats;
    }
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        within(PATIENCE, caller).await.unwrap();
    }
    until_state(&client, LinkState::is_ready).await;
    until(async || client.stats().in_flight + client.stats().queued == 0).await;
    let [answered, failed, cancelled] =
        [&told.answered, &told.failed, &told.cancelled].map(|column| column.load(Ordering::Relaxed));
    let stats = client.stats();
    println!("{stats:?}");
    assert_settled(stats, answered);
    assert_eq!((stats.failed(), stats.cancelled), (failed, cancelled), "{stats:?}");
    assert!(stats.reconnections() > 10 && stats.abandoned > 0 && stats.failed_unknown > 0, "{stats:?}");
    let ran: u64 = ["incr", "get", "rpush", "exists"].map(|command| calls(&server, command)).iter().sum();
    assert!(stats.answered <= ran && ran <= stats.sent, "{ran} ran, {stats:?}");
    (stats, answered + failed + cancelled, recorder.take())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_and_cuts_every_command_is_observed_once_and_every_sending_is_an_attempt() {
    let (stats, ended, seen) = storm(PATIENCE).await;
    assert_eq!((seen.len() as u64, stats.issued), (ended, ended));
    let attempts: u64 = seen.iter().map(|seen| u64::from(seen.attempts)).sum();
    assert_eq!(attempts, stats.sent);
    assert!(seen.iter().any(|seen| seen.attempts > 1) && stats.replayed > 0, "{stats:?}");
    let answered = seen.iter().filter(|seen| seen.answered.is_some()).count() as u64;
    assert_eq!(answered, stats.answered);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_callers_that_give_up_too_every_command_is_observed_once() {
    let (stats, ended, seen) = storm(Duration::from_micros(300)).await;
    assert_eq!((seen.len() as u64, stats.issued), (ended, ended));
    let cancelled = seen.iter().filter(|seen| seen.end == End::Cancelled).count() as u64;
    assert_eq!(cancelled, stats.cancelled);
    assert!(cancelled > 0, "{stats:?}");
}
