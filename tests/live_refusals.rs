//! What a server refuses for the time being is tried again until it is taken, without a stampede, and runs once.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
mod support;

use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use steadfast::api::*;
use steadfast::{Cause, Client, Command, Config, Error, ErrorKind, Event, Fate, OnRefusal, Stage};

use live::{KINDS, PATIENCE, Peer, Wire, connected, fails_after, fails_at_once, quick, tcp, until, within};
use support::Server;

const LOADING: &str = "LOADING Redis is loading the dataset in memory";

/// A server that refuses what it is told to refuse, and keeps count.
#[derive(Default)]
struct Moody {
    /// Command and answer.
    refused: Mutex<Vec<(&'static str, &'static str)>>,
    received: Mutex<BTreeMap<String, usize>>,
    counter: AtomicUsize,
    /// The arguments of ECHO and RPUSH in the order in which they ran.
    ran: Mutex<Vec<String>>,
}

impl Moody {
    async fn start(self: &Arc<Self>) -> Peer {
        let server = Arc::clone(self);
        Peer::start(move |_, wire| Arc::clone(&server).serve(wire)).await
    }

    async fn serve(self: Arc<Self>, mut wire: Wire) {
        while let Some(command) = wire.command_after_handshake().await {
            let words: Vec<_> = command.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
            *self.received.lock().unwrap().entry(words[0].clone()).or_default() += 1;
            let answer = self.answer(&words);
            wire.say(answer.as_bytes()).await;
        }
    }

    fn answer(&self, words: &[String]) -> String {
        let name = words[0].as_str();
        let refused = self.refused.lock().unwrap();
        if let Some((_, error)) = refused.iter().find(|(refused, _)| *refused == name || *refused == "*") {
            return format!("-{error}\r\n");
        }
        match name {
            "INCR" => format!(":{}\r\n", self.counter.fetch_add(1, Ordering::SeqCst) + 1),
            "ECHO" | "RPUSH" => {
                let word = words.last().unwrap();
                self.ran.lock().unwrap().push(word.clone());
                if name == "ECHO" { format!("${}\r\n{word}\r\n", word.len()) } else { ":1\r\n".to_owned() }
            }
            _ => "+OK\r\n".to_owned(),
        }
    }

    fn refuse(&self, name: &'static str, error: &'static str) {
        self.refused.lock().unwrap().push((name, error));
    }

    fn accept(&self) {
        self.refused.lock().unwrap().clear();
    }

    fn received(&self, name: &str) -> usize {
        self.received.lock().unwrap().get(name).copied().unwrap_or_default()
    }
}

async fn moody(patience: Duration) -> (Arc<Moody>, Client, Peer) {
    let server = Arc::new(Moody::default());
    let peer = server.start().await;
    let client = connected(peer.config().with_deadline(patience)).await;
    (server, client, peer)
}

fn incrs(client: &Client, count: usize) -> Vec<tokio::task::JoinHandle<Result<i64, Error>>> {
    let calls = (0..count).map(|_| client.clone());
    calls.map(|client| tokio::spawn(async move { client.incr("n").await })).collect()
}

#[tokio::test]
async fn a_loading_server_gets_a_ping_now_and_then_and_in_the_end_every_command_once() {
    let (server, client, _peer) = moody(PATIENCE).await;
    let mut events = client.events();
    server.refuse("*", LOADING);
    let first = incrs(&client, 20);
    until(async || server.received("INCR") == 20).await;
    let held = incrs(&client, 200);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(server.received("INCR"), 20, "nothing but the probe is sent");
    assert!((2..30).contains(&server.received("PING")), "{} probes", server.received("PING"));
    server.accept();
    for call in first.into_iter().chain(held) {
        within(PATIENCE, call).await.unwrap().unwrap();
    }
    assert_eq!((server.counter.load(Ordering::SeqCst), server.received("INCR")), (220, 240));
    assert!(matches!(within(PATIENCE, events.next()).await, Some(Event::Paused { answer, .. }) if *answer == *LOADING));
    assert!(matches!(within(PATIENCE, events.next()).await, Some(Event::Resumed)));
    assert_eq!(client.incr("n").await.unwrap(), 221);
}

#[tokio::test]
async fn what_a_loading_server_kept_waiting_runs_in_its_old_order() {
    let (server, client, _peer) = moody(PATIENCE).await;
    server.refuse("*", LOADING);
    let mut calls = Vec::new();
    for number in 0..50 {
        let client = client.clone();
        calls.push(tokio::spawn(async move { client.rpush("list", number.to_string()).await }));
        tokio::task::yield_now().await;
        if number == 25 {
            until(async || server.received("PING") > 0).await;
        }
    }
    server.accept();
    for call in calls {
        within(PATIENCE, call).await.unwrap().unwrap();
    }
    let wanted: Vec<_> = (0..50).map(|number| number.to_string()).collect();
    assert_eq!(*server.ran.lock().unwrap(), wanted);
}

#[tokio::test]
async fn at_the_deadline_the_error_says_refused_and_gives_the_servers_words() {
    let (server, client, _peer) = moody(PATIENCE).await;
    server.refuse("*", LOADING);
    let client = client.with_deadline(Duration::from_millis(300));
    let sent = fails_after(Duration::from_millis(300), client.incr("n").into_future()).await;
    assert_eq!((sent.kind(), sent.fate(), sent.stage()), (ErrorKind::Timeout, Fate::Refused, Some(Stage::Refused)));
    assert!(matches!(sent.cause(), Some(Cause::Refused { message }) if **message == *LOADING), "{sent}");
    assert!(sent.to_string().contains(LOADING), "{sent}");
    assert!(sent.to_string().contains(": refused for the time being by 127.0.0.1:"), "{sent}");
    let patient = client.with_deadline(PATIENCE);
    let waiting = tokio::spawn(async move { patient.incr("n").await });
    let before = server.received("PING");
    until(async || server.received("PING") > before + 1).await;
    let held = fails_after(Duration::from_millis(300), client.incr("n").into_future()).await;
    assert_eq!((held.kind(), held.fate(), held.stage()), (ErrorKind::Timeout, Fate::NotSent, Some(Stage::Refused)));
    server.accept();
    assert_eq!(within(PATIENCE, waiting).await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn who_does_not_want_to_wait_is_told_at_once() {
    let (server, client, _peer) = moody(PATIENCE).await;
    server.refuse("*", LOADING);
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.incr("n").await }
    });
    until(async || server.received("PING") > 0).await;
    let request = client.incr("n").on_refusal(OnRefusal::FailFast);
    let error = fails_at_once(request.into_future()).await;
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Server, Fate::Refused), "{error}");
    let hasty = client.with_on_refusal(OnRefusal::FailFast);
    let mut pipeline = hasty.pipeline();
    let queued = pipeline.incr("n").queue();
    let error = within(PATIENCE, pipeline.execute()).await.get(queued).unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Server, Fate::Refused), "{error}");
    assert!(!waiting.is_finished());
    server.accept();
    assert_eq!(within(PATIENCE, waiting).await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn what_concerns_some_commands_holds_up_no_others() {
    for error in ["TRYAGAIN Multiple keys request during rehashing of slot", "CLUSTERDOWN Hash slot not served"] {
        let (server, client, _peer) = moody(PATIENCE).await;
        server.refuse("INCR", error);
        let calls = incrs(&client, 50);
        until(async || server.received("INCR") >= 50).await;
        for number in 0..20 {
            assert_eq!(client.echo::<u32>(number.to_string()).await.unwrap(), number);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if error.starts_with("CLUSTERDOWN") {
            assert!((51..80).contains(&server.received("INCR")), "{} sendings", server.received("INCR"));
        }
        server.accept();
        for call in calls {
            within(PATIENCE, call).await.unwrap().unwrap();
        }
        assert_eq!(server.counter.load(Ordering::SeqCst), 50);
    }
}

#[tokio::test]
async fn commands_of_a_pipeline_are_tried_again_one_by_one_and_answered_in_their_places() {
    let (server, client, _peer) = moody(PATIENCE).await;
    server.refuse("INCR", "TRYAGAIN Multiple keys request during rehashing of slot");
    let mut pipeline = client.pipeline();
    let first = pipeline.incr("n").queue();
    let echo = pipeline.echo::<u32>("7").queue();
    let second = pipeline.incr("n").queue();
    let unwilling = pipeline.incr("n").on_refusal(OnRefusal::FailFast).queue();
    let last = pipeline.echo::<u32>("8").queue();
    let execution = pipeline.execute();
    let accepting = async {
        until(async || server.received("INCR") > 6).await;
        server.accept();
    };
    let (results, ()) = tokio::join!(within(PATIENCE, execution), accepting);
    assert_eq!((results.get(first).unwrap(), results.get(second).unwrap()), (1, 2));
    assert_eq!((results.get(echo).unwrap(), results.get(last).unwrap()), (7, 8));
    assert_eq!(results.get(unwilling).unwrap_err().fate(), Fate::Refused);
    let all: Vec<_> = results.iter::<i64>().map(|result| result.map_err(|error| error.fate())).collect();
    assert_eq!(all, [Ok(1), Ok(7), Ok(2), Err(Fate::Refused), Ok(8)]);
    assert_eq!(server.received("ECHO"), 2);
}

#[tokio::test]
async fn a_pipeline_that_is_still_refused_at_its_deadline_has_the_answers_that_came() {
    let (server, client, _peer) = moody(Duration::from_millis(300)).await;
    server.refuse("INCR", "TRYAGAIN Multiple keys request during rehashing of slot");
    let mut pipeline = client.pipeline();
    let echo = pipeline.echo::<u32>("7").queue();
    let incr = pipeline.incr("n").queue();
    let last = pipeline.echo::<u32>("8").queue();
    let results = within(PATIENCE, pipeline.execute()).await;
    assert_eq!((results.get(echo).unwrap(), results.get(last).unwrap()), (7, 8));
    let error = results.get(incr).unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout, Fate::Refused), "{error}");
    let all: Vec<_> = results.iter::<i64>().map(|result| result.map_err(|error| error.kind())).collect();
    assert_eq!(all, [Ok(7), Err(ErrorKind::Timeout), Ok(8)]);
}

#[tokio::test]
async fn what_may_have_come_from_the_middle_of_a_script_and_what_names_another_server_is_not_tried_again() {
    let (server, client, _peer) = moody(PATIENCE).await;
    server.refuse("EVAL", "MASTERDOWN Link with MASTER is down");
    let script = Command::new("EVAL").arg("return redis.call('INCR', 'n')").arg(0);
    let error = fails_at_once(client.request::<i64>(script).into_future()).await;
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Server, Fate::Executed), "{error}");
    for (moved, fate) in [("MOVED 1 127.0.0.1:7000", Fate::Refused), ("ASK 1 127.0.0.1:7000", Fate::Refused)] {
        server.accept();
        server.refuse("INCR", moved);
        let error = fails_at_once(client.incr("n").into_future()).await;
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Server, fate), "{error}");
    }
}

#[tokio::test]
async fn a_caller_that_goes_while_its_command_is_kept_back_has_it_withdrawn() {
    let (server, client, _peer) = moody(PATIENCE).await;
    server.refuse("*", LOADING);
    let calls = incrs(&client, 10);
    until(async || server.received("PING") > 0).await;
    let held = incrs(&client, 10);
    tokio::time::sleep(Duration::from_millis(50)).await;
    for call in calls.iter().chain(&held).skip(1) {
        call.abort();
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.accept();
    let first = calls.into_iter().next().unwrap();
    assert_eq!(within(PATIENCE, first).await.unwrap().unwrap(), 1);
    assert_eq!(client.incr("n").await.unwrap(), 2);
}

#[tokio::test]
async fn closing_gives_up_what_is_still_refused() {
    let (server, client, _peer) = moody(PATIENCE).await;
    server.refuse("*", LOADING);
    let calls = incrs(&client, 5);
    until(async || server.received("PING") > 0).await;
    within(PATIENCE, client.close(Duration::from_millis(200))).await;
    for call in calls {
        let error = within(PATIENCE, call).await.unwrap().unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Closed, Fate::Refused), "{error}");
    }
}

#[tokio::test]
async fn what_was_kept_back_survives_the_connection() {
    let server = Arc::new(Moody::default());
    let cut = Arc::new(AtomicBool::new(false));
    let (moody, told) = (Arc::clone(&server), Arc::clone(&cut));
    let peer = Peer::start(move |_, wire| {
        let (moody, told) = (Arc::clone(&moody), Arc::clone(&told));
        async move {
            let ended = async {
                while !told.swap(false, Ordering::SeqCst) {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::select! { () = moody.serve(wire) => {}, () = ended => {} }
        }
    })
    .await;
    let client = connected(peer.config().with_deadline(PATIENCE)).await;
    server.refuse("*", LOADING);
    let calls = incrs(&client, 10);
    until(async || server.received("PING") > 0).await;
    cut.store(true, Ordering::SeqCst);
    until(async || peer.accepted() == 2).await;
    server.accept();
    for call in calls {
        within(PATIENCE, call).await.unwrap().unwrap();
    }
    assert_eq!(server.counter.load(Ordering::SeqCst), 10);
}

/// Answers as a replica does on the first connections, and as a primary on the others.
async fn failed_over(replicas: usize) -> Peer {
    Peer::start(move |number, mut wire| async move {
        let role = if number < replicas { "replica" } else { "master" };
        while let Some(command) = wire.command().await {
            match (command[0].as_slice(), number < replicas) {
                (b"HELLO", _) => wire.say(format!("%2\r\n+proto\r\n:3\r\n+role\r\n+{role}\r\n").as_bytes()).await,
                (b"INCR", true) => wire.say(b"-READONLY You can't write against a read only replica.\r\n").await,
                (b"ECHO", true) => {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    wire.say(b":1\r\n").await;
                }
                (b"INCR", false) => wire.say(b":2\r\n").await,
                _ => wire.say(b"+OK\r\n").await,
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_server_that_became_a_replica_is_left_for_the_one_that_took_its_place_and_nothing_is_lost() {
    let peer = failed_over(1).await;
    let client = connected(peer.config().with_deadline(PATIENCE)).await;
    let mut events = client.events();
    let slow = tokio::spawn({
        let client = client.clone();
        async move { client.echo::<i64>("x").replay(steadfast::Replay::never()).await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(within(PATIENCE, client.incr("n").into_future()).await.unwrap(), 2);
    assert_eq!(slow.await.unwrap().unwrap(), 1, "it was answered by the old connection");
    match within(PATIENCE, events.next()).await {
        Some(Event::Disconnected { cause: Cause::ReadOnly, failed_unknown: 0, .. }) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(peer.accepted(), 2);
}

#[tokio::test]
async fn a_replica_that_nobody_replaces_keeps_its_connection() {
    let peer = failed_over(usize::MAX).await;
    let client = connected(peer.config()).await;
    let error =
        fails_after(Duration::from_millis(700), client.incr("n").deadline(Duration::from_millis(700)).into_future())
            .await;
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout, Fate::Refused), "{error}");
    assert!(error.to_string().contains("READONLY"), "{error}");
    assert!(peer.accepted() <= 3, "{} connections", peer.accepted());
    assert_eq!(within(PATIENCE, client.echo::<i64>("x").into_future()).await.unwrap(), 1);
}

#[tokio::test]
async fn a_script_that_has_written_and_ends_in_the_word_of_a_refusal_ran_once_and_stops_nobody() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        let client = connected(tcp(&server).with_deadline(PATIENCE)).await;
        let mut events = client.events();
        for word in ["TRYAGAIN", "LOADING", "READONLY", "CLUSTERDOWN", "MOVED", "BUSY", "NOSCRIPT"] {
            let script = format!("redis.call('INCR', KEYS[1]) return redis.error_reply('{word} says the script')");
            let eval = Command::new("EVAL").arg(script).arg(1).key(word);
            let error = fails_at_once(client.request::<i64>(eval).into_future()).await;
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Server, Fate::Executed), "{error}");
            assert_eq!(server.raw(&["GET", word]), "1");
        }
        assert!(tokio::time::timeout(Duration::from_millis(50), events.next()).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_loads_its_data_costs_nobody_an_error() {
    for kind in KINDS {
        let server = Server::build(kind).config("enable-debug-command yes").start();
        let client = connected(tcp(&server).with_deadline(PATIENCE)).await;
        server.raw(&["DEBUG", "POPULATE", "2000"]);
        server.raw(&["CONFIG", "SET", "loading-process-events-interval-bytes", "1024"]);
        server.raw(&["CONFIG", "SET", "key-load-delay", "500"]);
        let mut events = client.events();
        let mut admin = server.connect();
        let reloading = std::thread::spawn(move || admin.call(&["DEBUG", "RELOAD"]).unwrap());
        until(async || server.raw(&["INFO", "persistence"]).contains("loading:1")).await;
        let calls = incrs(&client, 64);
        for call in calls {
            within(PATIENCE, call).await.unwrap().unwrap();
        }
        reloading.join().unwrap();
        assert_eq!(server.raw(&["GET", "n"]), "64");
        assert!(matches!(within(PATIENCE, events.next()).await, Some(Event::Paused { .. })));
        assert!(matches!(within(PATIENCE, events.next()).await, Some(Event::Resumed)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_has_lost_its_primary_is_waited_for() {
    for kind in KINDS {
        let primary = Server::build(kind).start();
        let replica = Server::build(kind).config("replica-serve-stale-data no").start();
        replica.raw(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]);
        until(async || replica.raw(&["INFO", "replication"]).contains("master_link_status:up")).await;
        let client = connected(tcp(&replica).with_deadline(PATIENCE)).await;
        primary.raw(&["SET", "key", "value"]);
        primary.stop();
        replica.raw(&["CLIENT", "KILL", "TYPE", "master"]);
        let waiting = tokio::spawn({
            let client = client.clone();
            async move { client.get::<String>("key").await }
        });
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert!(!waiting.is_finished());
        primary.cont();
        assert_eq!(within(PATIENCE, waiting).await.unwrap().unwrap().as_deref(), Some("value"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failover_behind_one_address_writes_go_to_the_new_primary() {
    use steadfast::testing::FaultProxy;
    for kind in KINDS {
        let old = Server::build(kind).start();
        let new = Server::build(kind).start();
        let proxy = FaultProxy::start(old.address()).await.unwrap();
        let config = quick(Config::tcp("127.0.0.1", proxy.address().port())).with_deadline(PATIENCE);
        let client = connected(config).await;
        assert_eq!(client.incr("n").await.unwrap(), 1);
        new.raw(&["REPLICAOF", "127.0.0.1", &old.port().to_string()]);
        until(async || new.raw(&["INFO", "replication"]).contains("master_link_status:up")).await;
        until(async || new.raw(&["GET", "n"]) == "1").await;
        new.raw(&["REPLICAOF", "NO", "ONE"]);
        old.raw(&["REPLICAOF", "127.0.0.1", &new.port().to_string()]);
        proxy.set_upstream(new.address()).await.unwrap();
        for call in incrs(&client, 64) {
            within(PATIENCE, call).await.unwrap().unwrap();
        }
        assert_eq!(new.raw(&["GET", "n"]), "65");
    }
}

#[tokio::test]
async fn a_client_that_closes_while_the_server_loads_still_gets_its_answers() {
    let (server, client, _peer) = moody(PATIENCE).await;
    server.refuse("*", LOADING);
    let first = incrs(&client, 5);
    until(async || server.received("PING") > 0).await;
    let held = incrs(&client, 5);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let accepting = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        server.accept();
    };
    let begin = std::time::Instant::now();
    tokio::join!(within(PATIENCE, client.close(PATIENCE)), accepting);
    assert!(begin.elapsed() < PATIENCE / 2);
    for call in first.into_iter().chain(held) {
        within(PATIENCE, call).await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_resp2_too_a_replica_is_left_for_a_primary_and_for_nothing_else() {
    use steadfast::client::ProtocolChoice;
    use steadfast::testing::FaultProxy;
    for kind in KINDS {
        let (old, new) = (Server::build(kind).start(), Server::build(kind).start());
        let proxy = FaultProxy::start(old.address()).await.unwrap();
        let config = quick(Config::tcp("127.0.0.1", proxy.address().port())).with_deadline(PATIENCE);
        let client = connected(config.with_protocol(ProtocolChoice::Resp2)).await;
        let mut events = client.events();
        old.raw(&["REPLICAOF", "127.0.0.1", &new.port().to_string()]);
        until(async || old.raw(&["INFO", "replication"]).contains("master_link_status:up")).await;
        let calls = incrs(&client, 10);
        assert!(
            tokio::time::timeout(Duration::from_millis(1500), events.next()).await.is_err(),
            "it was left for another connection to the same replica"
        );
        proxy.set_upstream(new.address()).await.unwrap();
        for call in calls {
            within(PATIENCE, call).await.unwrap().unwrap();
        }
        assert_eq!(new.raw(&["GET", "n"]), "10");
    }
}

/// Answers as a server that loads does: MULTI is taken, what it encloses is not.
#[tokio::test]
async fn a_transaction_that_was_refused_is_tried_again_as_a_whole() {
    let (server, client, _peer) = transacting().await;
    server.refuse("INCR", LOADING);
    let mut transaction = client.transaction();
    let (first, second) = (transaction.incr("n").queue(), transaction.incr("n").queue());
    let accepting = async {
        until(async || server.received("PING") > 2).await;
        server.accept();
    };
    let (results, ()) = tokio::join!(within(PATIENCE, transaction.execute()), accepting);
    let results = results.unwrap();
    assert_eq!((results.get(first).unwrap(), results.get(second).unwrap()), (1, 2));
    assert_eq!((server.received("MULTI"), server.received("EXEC")), (2, 2));
}

#[tokio::test]
async fn a_transaction_one_of_whose_commands_does_not_wait_is_refused_at_once() {
    let (server, client, _peer) = transacting().await;
    server.refuse("INCR", LOADING);
    let mut transaction = client.transaction();
    let _ = transaction.incr("n").queue();
    let _ = transaction.incr("n").on_refusal(OnRefusal::FailFast).queue();
    let error = fails_at_once(transaction.execute()).await;
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Server, Fate::Refused), "{error}");
}

async fn transacting() -> (Arc<Moody>, Client, Peer) {
    let server = Arc::new(Moody::default());
    let moody = Arc::clone(&server);
    let peer = Peer::start(move |_, mut wire| {
        let moody = Arc::clone(&moody);
        async move {
            let (mut queued, mut refused) = (None, false);
            while let Some(command) = wire.command_after_handshake().await {
                let words: Vec<_> = command.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
                *moody.received.lock().unwrap().entry(words[0].clone()).or_default() += 1;
                let answer = match (words[0].as_str(), queued) {
                    ("PING", _) if moody.refused.lock().unwrap().is_empty() => "+PONG\r\n".to_owned(),
                    ("PING", _) => format!("-{LOADING}\r\n"),
                    ("MULTI", _) => {
                        (queued, refused) = (Some(0), false);
                        "+OK\r\n".to_owned()
                    }
                    ("EXEC", Some(_)) if refused => {
                        queued = None;
                        "-EXECABORT Transaction discarded because of previous errors.\r\n".to_owned()
                    }
                    ("EXEC", Some(count)) => {
                        queued = None;
                        let incr = || moody.answer(&["INCR".to_owned()]);
                        format!("*{count}\r\n{}", (0..count).map(|_| incr()).collect::<String>())
                    }
                    (_, Some(count)) if moody.refused.lock().unwrap().is_empty() => {
                        queued = Some(count + 1);
                        "+QUEUED\r\n".to_owned()
                    }
                    _ => {
                        refused = true;
                        moody.answer(&words)
                    }
                };
                wire.say(answer.as_bytes()).await;
            }
        }
    })
    .await;
    let client = connected(peer.config().with_deadline(PATIENCE)).await;
    (server, client, peer)
}
