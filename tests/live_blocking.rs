//! Commands that may wait on the server have a connection for themselves and hold up nobody; what they take away for a
//! caller who has gone is not lost.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
mod support;

use std::collections::BTreeSet;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use steadfast::api::{Connection, Keys, Lists, Strings};
use steadfast::client::{AtCapacity, Call, Ending, Observation, Observer, Offline, Orphan, ProtocolChoice};
use steadfast::{Cause, Client, Command, Config, ErrorKind, Event, Fate, Stage, Value};

use live::{KINDS, PATIENCE, clients_of, connected, fails_after, fails_at_once, tcp, until, until_state, within};
use support::{Kind, Server, free_port};

/// Both servers, in both protocols.
fn everywhere() -> impl Iterator<Item = (Server, ProtocolChoice)> {
    let both = |kind: Kind| [ProtocolChoice::Resp2, ProtocolChoice::Resp3].map(|protocol| (kind, protocol));
    KINDS.into_iter().flat_map(both).map(|(kind, protocol)| (Server::build(kind).start(), protocol))
}

type Popped = Option<(String, String)>;

fn blpop(key: &str, seconds: f64) -> Command {
    Command::new("BLPOP").key(key).arg(seconds)
}

/// A call that was polled once, by a waker that wakes nobody.
fn begun<'c>(client: &'c Client, command: Command) -> Call<'c, Popped> {
    let mut call = client.request(command).into_future();
    assert!(poll(&mut call).is_pending());
    call
}

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// The connections that wait in a blocking command.
fn blocked(server: &Server) -> Vec<String> {
    clients_of(server).into_iter().filter(|line| field(line, "flags").contains('b')).collect()
}

fn field<'l>(line: &'l str, name: &str) -> &'l str {
    let found = line.split(' ').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    found.unwrap_or_else(|| panic!("no {name} in {line}"))
}

async fn until_blocked(server: &Server, count: usize) {
    until(async || blocked(server).len() == count).await;
}

/// What the hook was given.
#[derive(Clone, Default)]
struct Found(Arc<Mutex<Vec<Orphan>>>);

impl Found {
    fn hook(&self, config: Config) -> Config {
        let found = Arc::clone(&self.0);
        config.with_orphan_hook(move |orphan| found.lock().unwrap().push(orphan))
    }

    fn take(&self) -> Vec<Orphan> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_blocking_command_waits_on_a_connection_of_its_own_and_gets_its_answer() {
    let commands = [
        ("BLPOP l 0", "RPUSH l a"),
        ("BRPOP l 0", "RPUSH l a"),
        ("BLMOVE l other LEFT RIGHT 0", "RPUSH l a"),
        ("BRPOPLPUSH l other 0", "RPUSH l a"),
        ("BLMPOP 0 1 l LEFT", "RPUSH l a"),
        ("BZPOPMIN z 0", "ZADD z 1 a"),
        ("BZPOPMAX z 0", "ZADD z 1 a"),
        ("BZMPOP 0 1 z MIN", "ZADD z 1 a"),
        ("XREADGROUP GROUP g c BLOCK 0 STREAMS s >", "XADD s * f v"),
        ("XREAD BLOCK 0 STREAMS s $", "XADD s * f v"),
    ];
    for (server, protocol) in everywhere() {
        let client = connected(tcp(&server).with_protocol(protocol)).await;
        server.raw(&["XGROUP", "CREATE", "s", "g", "$", "MKSTREAM"]);
        for (command, feed) in commands {
            let (waiting, of_client) = (Command::new(command), client.clone());
            let call = tokio::spawn(async move { of_client.request::<Value>(waiting).await });
            until(async || {
                assert!(!call.is_finished(), "{command}");
                blocked(&server).len() == 1
            })
            .await;
            client.set("k", 1).await.unwrap();
            assert!(!call.is_finished());
            server.raw(&feed.split(' ').collect::<Vec<_>>());
            let answer = within(PATIENCE, call).await.unwrap().unwrap_or_else(|error| panic!("{command}: {error}"));
            assert!(!matches!(answer, Value::Null(_)), "{command}");
            assert_eq!(clients_of(&server).len(), 2, "one for all, and one for commands that block");
        }
        let stats = client.stats();
        assert_eq!((stats.in_flight, stats.queued, stats.failed(), stats.lent_connections), (0, 0, 0, 0), "{stats:?}");
        assert_eq!((stats.issued, stats.sent, stats.answered), (20, 20, 20));
        assert_eq!((stats.connections, stats.own_connections, stats.idle_connections), (1, 1, 1));
    }
}

/// The time that a command asks the server to wait is added to the configured deadline, and to no other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_an_explicit_deadline_cuts_the_time_short_that_a_command_may_wait() {
    for (server, protocol) in everywhere() {
        let client = connected(tcp(&server).with_protocol(protocol).with_deadline(Duration::from_millis(200))).await;
        let begin = Instant::now();
        assert_eq!(client.request::<Popped>(blpop("q", 0.6)).await.unwrap(), None);
        assert!(begin.elapsed() >= Duration::from_millis(600));

        let without_end = tokio::spawn({
            let client = client.clone();
            async move { client.request::<Popped>(blpop("q", 0.0)).await }
        });
        until_blocked(&server, 1).await;

        let explicit = Duration::from_millis(300);
        let error =
            fails_after(explicit, client.request::<Popped>(blpop("p", 0.0)).deadline(explicit).into_future()).await;
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout, Fate::Unknown), "{error}");
        assert_eq!(error.stage(), Some(Stage::AwaitingReply), "{error}");
        let of_clone = client.with_deadline(explicit);
        let error = fails_after(explicit, of_clone.request::<Popped>(blpop("p", 5.0)).into_future()).await;
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout, Fate::Unknown), "{error}");

        assert!(!without_end.is_finished(), "three times the configured deadline is over");
        client.rpush("q", "x").await.unwrap();
        let popped = within(PATIENCE, without_end).await.unwrap().unwrap();
        assert_eq!(popped, Some(("q".to_owned(), "x".to_owned())));

        // A server that says nothing after all: the time it may wait, and the deadline.
        client.request::<Popped>(blpop("q", 0.001)).await.unwrap();
        server.stop();
        let error =
            fails_after(Duration::from_millis(500), client.request::<Popped>(blpop("q", 0.3)).into_future()).await;
        server.cont();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout, Fate::Unknown), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_deadline_a_command_ends_when_the_server_says_so() {
    let server = Server::redis();
    let client = connected(tcp(&server).without_deadline()).await;
    assert_eq!(within(PATIENCE, client.request::<Popped>(blpop("q", 0.05)).into_future()).await.unwrap(), None);
    let error =
        within(PATIENCE, client.request::<Popped>(Command::new("BLPOP q soon")).into_future()).await.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Server, Fate::Executed), "{error}");
}

#[tokio::test]
async fn who_would_rather_fail_than_wait_fails_at_once_where_all_connections_are_in_use() {
    for (server, protocol) in everywhere() {
        let config = tcp(&server).with_protocol(protocol).with_max_blocking(1).with_max_dedicated(1);
        let client = connected(config.with_at_capacity(AtCapacity::FailFast)).await;
        let mut call = begun(&client, blpop("q", 0.0));
        until(async || poll(&mut call).is_pending() && blocked(&server).len() == 1).await;
        let dedicated = client.dedicated().await.unwrap();
        let blocking = client.request::<Popped>(blpop("q", 0.0)).await.unwrap_err();
        let another = client.dedicated().await.unwrap_err();
        for error in [blocking, another] {
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Full, Fate::NotSent), "{error}");
            assert!(error.to_string().contains("are in use"), "{error}");
        }
        drop((call, dedicated));
        // Both are free again.
        until(async || client.stats().lent_connections == 0).await;
        client.dedicated().await.unwrap();
        assert_eq!(client.request::<Popped>(blpop("q", 0.01)).await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_are_never_more_connections_than_allowed_and_who_comes_first_gets_one_first() {
    for (server, protocol) in everywhere() {
        let config = tcp(&server).with_protocol(protocol).with_max_blocking(2).with_deadline(PATIENCE);
        let client = connected(config).await;
        let mut calls = Vec::new();
        // Two are made one after the other, so that the server knows who came first too.
        for count in 1..=2 {
            let mut call = begun(&client, blpop("q", 0.0));
            until(async || poll(&mut call).is_pending() && blocked(&server).len() == count).await;
            calls.push(call);
        }
        let error = fails_after(
            Duration::from_millis(200),
            client.request::<Popped>(blpop("q", 0.0)).deadline(Duration::from_millis(200)).into_future(),
        )
        .await;
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout, Fate::NotSent), "{error}");
        assert_eq!(error.stage(), Some(Stage::AcquiringConnection), "{error}");
        assert!(error.to_string().contains("waiting for a free connection"), "{error}");

        calls.extend((0..4).map(|_| begun(&client, blpop("q", 0.0))));
        assert_eq!(client.stats().queued, 4);
        for index in 0..calls.len() {
            let left = calls.len().min(2);
            // Nobody else polls them: who has got a connection goes on here.
            until(async || calls.iter_mut().all(|call| poll(call).is_pending()) && blocked(&server).len() == left)
                .await;
            client.rpush("q", index).await.unwrap();
            let popped = within(PATIENCE, calls.remove(0)).await.unwrap();
            assert_eq!(popped, Some(("q".to_owned(), index.to_string())), "in the order of coming");
            assert!(clients_of(&server).len() <= 3);
        }
        assert_eq!(clients_of(&server).len(), 3);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_call_is_ended_on_the_server_at_once_and_its_connection_used_again() {
    for (server, protocol) in everywhere() {
        let found = Found::default();
        let client = connected(found.hook(tcp(&server).with_protocol(protocol))).await;
        let mut longest = Duration::ZERO;
        let mut ids = BTreeSet::new();
        for _ in 0..50 {
            let mut call = begun(&client, blpop("q", 0.0));
            until(async || poll(&mut call).is_pending() && blocked(&server).len() == 1).await;
            ids.insert(field(&blocked(&server)[0], "id").to_owned());
            let begin = Instant::now();
            drop(call);
            while !blocked(&server).is_empty() {
                assert!(begin.elapsed() < PATIENCE);
                tokio::task::yield_now().await;
            }
            longest = longest.max(begin.elapsed());
            until(async || client.stats().lent_connections == 0).await;
        }
        assert!(longest < Duration::from_millis(500), "{longest:?}");
        assert_eq!(ids.len(), 1, "{ids:?}");
        assert_eq!(clients_of(&server).len(), 2);
        let stats = client.stats();
        assert_eq!((stats.cancelled, stats.issued, stats.in_flight), (50, 50, 0), "{stats:?}");
        assert_eq!((stats.orphaned, stats.failed()), (0, 0), "{stats:?}");
        assert!(found.take().is_empty());
    }
}

/// Elements come while callers give up: each is received, or orphaned, or still in the list.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_element_that_is_popped_in_the_moment_of_giving_up_goes_to_the_hook() {
    const ROUNDS: usize = 2_000;
    for (server, protocol) in everywhere() {
        let found = Found::default();
        let client = connected(found.hook(tcp(&server).with_protocol(protocol).with_max_blocking(4))).await;
        let mut events = client.events();
        let mut received = Vec::new();
        for round in 0..ROUNDS {
            let mut call = client.request::<Popped>(blpop("q", 0.0)).into_future();
            let pushing = tokio::spawn({
                let client = client.clone();
                async move { client.rpush("q", round).await.unwrap() }
            });
            // Some never give up.
            if round % 10 == 0 {
                received.extend(within(PATIENCE, call).await.unwrap().map(|(_, element)| element));
                pushing.await.unwrap();
                continue;
            }
            // Given up at another moment each time; some are early, and get what those before them have left.
            for _ in 0..(round % 9).pow(2) * 5 + 1 {
                if let Poll::Ready(popped) = poll(&mut call) {
                    received.extend(popped.unwrap().map(|(_, element)| element));
                    break;
                }
                tokio::task::yield_now().await;
            }
            drop(call);
            pushing.await.unwrap();
        }
        until(async || client.stats().lent_connections == 0).await;
        let orphans = found.take();
        let orphaned = orphans.iter().map(|orphan| {
            assert_eq!((&*orphan.command, &orphan.node), ("BLPOP", client.address()));
            assert!(!format!("{orphan:?}").contains("BulkString"), "{orphan:?}");
            let reply = orphan.reply.as_ref().unwrap();
            reply.as_slice().unwrap()[1].as_str().unwrap().to_owned()
        });
        let left: Vec<String> = client.lrange("q", 0, -1).await.unwrap();
        let counts = (received.len(), orphans.len(), left.len());
        let mut all: Vec<String> = received.into_iter().chain(orphaned).chain(left).collect();
        all.sort_unstable();
        let mut pushed: Vec<_> = (0..ROUNDS).map(|round| round.to_string()).collect();
        pushed.sort_unstable();
        assert_eq!(all, pushed, "each in one place: {counts:?}");
        println!("{protocol:?}: {counts:?} received, orphaned, left");
        assert!(counts.0 > 0 && counts.1 > 0, "nothing was put to the test: {counts:?}");
        assert_eq!(client.stats().orphaned, counts.1 as u64);
        assert!(clients_of(&server).len() <= 5);
        drop(client);
        let mut told = 0;
        while let Some(event) = events.next().await {
            match event {
                Event::Orphaned { command, .. } => told += usize::from(&*command == "BLPOP"),
                Event::Missed(missed) => told += missed as usize,
                _ => {}
            }
        }
        assert_eq!(told, counts.1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_its_deadline_a_command_takes_nothing_that_the_hook_does_not_get() {
    let server = Server::redis();
    let found = Found::default();
    let client = connected(found.hook(tcp(&server))).await;
    client.request::<Popped>(blpop("q", 0.001)).await.unwrap();
    server.stop();
    let error = client.request::<Popped>(blpop("q", 0.0)).deadline(Duration::from_millis(100)).await.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout, Fate::Unknown));
    // It is there before anybody asks the server to end the command, and both are read when it wakes up.
    let mut other = server.connect();
    other.send(&["RPUSH", "q", "element"]).unwrap();
    server.cont();
    until(async || client.stats().lent_connections == 0).await;
    let orphans = found.take();
    let left: Vec<String> = client.lrange("q", 0, -1).await.unwrap();
    assert_eq!(orphans.len() + left.len(), 1, "{orphans:?} {left:?}");
    let stats = client.stats();
    assert_eq!((stats.orphaned, stats.own_connections), (orphans.len() as u64, 1), "{stats:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_the_hook_ends_nothing() {
    let server = Server::build(Kind::Redis).start();
    let config = tcp(&server).with_orphan_hook(|orphan| panic!("{orphan:?}: as the test wants it"));
    let client = connected(config).await;
    while client.stats().orphaned < 3 {
        let mut call = client.request::<Popped>(blpop("q", 0.0)).into_future();
        let _ = poll(&mut call);
        client.rpush("q", "x").await.unwrap();
        drop(call);
    }
    until(async || client.stats().lent_connections == 0).await;
    client.del("q").await.unwrap();
    client.rpush("q", "last").await.unwrap();
    let popped: Popped = client.request(blpop("q", 0.0)).await.unwrap();
    assert_eq!(popped, Some(("q".to_owned(), "last".to_owned())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_whose_connection_is_killed_has_an_unknown_fate_and_the_next_one_another_connection() {
    for (server, protocol) in everywhere() {
        let found = Found::default();
        let client = connected(found.hook(tcp(&server).with_protocol(protocol))).await;
        let call = tokio::spawn({
            let client = client.clone();
            async move { client.request::<Popped>(blpop("q", 0.0)).await }
        });
        until_blocked(&server, 1).await;
        server.raw(&["CLIENT", "KILL", "ID", field(&blocked(&server)[0], "id")]);
        let error = within(PATIENCE, call).await.unwrap().unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Connection, Fate::Unknown), "{error}");
        assert!(found.take().is_empty(), "its caller was told");
        // Killed while nobody uses it, and while the next command is on its way there.
        for round in 0..100 {
            client.rpush("q", round).await.unwrap();
            let popped: Popped = client.request(blpop("q", 0.0)).await.unwrap();
            assert_eq!(popped, Some(("q".to_owned(), round.to_string())));
            let own = clients_of(&server).into_iter().find(|line| field(line, "cmd") == "blpop").unwrap();
            server.raw(&["CLIENT", "KILL", "ID", field(&own, "id")]);
        }
        let stats = client.stats();
        assert_eq!((stats.failed_unknown, stats.failed(), stats.abandoned), (1, 1, 1), "{stats:?}");
        assert!(clients_of(&server).len() <= 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocking_commands_outlive_a_restart_of_the_server() {
    for kind in KINDS {
        let mut server = Server::build(kind).start();
        let client = connected(tcp(&server).with_deadline(PATIENCE)).await;
        let call = tokio::spawn({
            let client = client.clone();
            async move { client.request::<Popped>(blpop("q", 0.0)).await }
        });
        until_blocked(&server, 1).await;
        server.kill9();
        let error = within(PATIENCE, call).await.unwrap().unwrap_err();
        assert_eq!(error.fate(), Fate::Unknown, "{error}");
        // While there is no server, who has to have an answer soon is told why there is none.
        let short = Duration::from_millis(200);
        let error = fails_after(short, client.request::<Popped>(blpop("q", 0.0)).deadline(short).into_future()).await;
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout, Fate::NotSent), "{error}");
        assert!(matches!(error.cause(), Some(Cause::Connect { .. })), "{error}");
        assert!(matches!(error.stage(), Some(Stage::Backoff | Stage::Connecting)), "{error}");
        let waiting = tokio::spawn({
            let client = client.clone();
            async move { client.request::<Popped>(blpop("q", 0.0)).await }
        });
        server.restart();
        until_blocked(&server, 1).await;
        client.rpush("q", "x").await.unwrap();
        assert!(within(PATIENCE, waiting).await.unwrap().unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_connection_a_command_fails_at_once_where_calls_are_not_to_wait() {
    let config = Config::tcp("127.0.0.1", free_port()).with_offline(Offline::FailFast);
    let client = Client::connect_lazily(config).unwrap();
    until_state(&client, |state| matches!(state, steadfast::LinkState::Backoff { .. })).await;
    let error = fails_at_once(client.request::<Popped>(blpop("q", 0.0)).into_future()).await;
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Connection, Fate::NotSent), "{error}");
    assert!(matches!(error.cause(), Some(Cause::Connect { .. })), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_may_not_unblock_loses_a_connection_and_the_hook_hears_that_nothing_is_known() {
    for (server, protocol) in everywhere() {
        server.raw(&["ACL", "SETUSER", "worker", "on", ">sesame", "~*", "+@all", "-client|unblock"]);
        let found = Found::default();
        let config = found.hook(tcp(&server).with_protocol(protocol).with_credentials("worker", "sesame"));
        let client = connected(config).await;
        let mut call = begun(&client, blpop("q", 0.0));
        until(async || poll(&mut call).is_pending() && blocked(&server).len() == 1).await;
        drop(call);
        until_blocked(&server, 0).await;
        until(async || client.stats().lent_connections == 0).await;
        let orphans = found.take();
        assert_eq!(orphans.len(), 1);
        assert!(orphans[0].reply.is_err(), "{orphans:?}");
        client.rpush("q", "x").await.unwrap();
        assert!(client.request::<Popped>(blpop("q", 0.0)).await.unwrap().is_some());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closing_ends_blocking_commands_with_their_fates() {
    for (server, protocol) in everywhere() {
        let client = connected(tcp(&server).with_protocol(protocol).with_max_blocking(1)).await;
        let mut calls = Vec::new();
        for _ in 0..2 {
            let of_client = client.clone();
            calls.push(tokio::spawn(async move { of_client.request::<Popped>(blpop("q", 0.0)).await }));
            until_blocked(&server, 1).await;
        }
        within(PATIENCE, client.close(Duration::from_millis(100))).await;
        let mut fates = Vec::new();
        for call in calls {
            let error = within(PATIENCE, call).await.unwrap().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
            fates.push(error.fate());
        }
        assert_eq!(fates, [Fate::Unknown, Fate::NotSent]);
        let error = fails_at_once(client.request::<Popped>(blpop("q", 0.0)).into_future()).await;
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Closed, Fate::NotSent), "{error}");
        until(async || clients_of(&server).is_empty()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_when_the_last_clone_goes() {
    for (server, protocol) in everywhere() {
        let client = connected(tcp(&server).with_protocol(protocol)).await;
        let mut call = begun(&client, blpop("q", 0.0));
        until(async || poll(&mut call).is_pending() && blocked(&server).len() == 1).await;
        drop(call);
        drop(client);
        until(async || clients_of(&server).is_empty()).await;
    }
}

/// The links' runtime ends under a call that is awaited on another one.
#[test]
fn a_runtime_that_ends_under_a_blocking_command_is_an_error_and_no_hang() {
    let server = Server::redis();
    let found = Found::default();
    let links = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let config = found.hook(tcp(&server).with_max_blocking(1));
    let client = links.block_on(connected(config));
    let mut blocking = begun(&client, blpop("q", 0.0));
    let mut waiting = begun(&client, blpop("q", 0.0));
    let dropped_later = begun(&client, blpop("q", 0.0));
    let begin = Instant::now();
    while poll(&mut blocking).is_pending() && blocked(&server).is_empty() {
        assert!(begin.elapsed() < PATIENCE);
    }
    drop(links);
    drop(dropped_later);
    let other = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    other.block_on(async {
        let error = within(PATIENCE, blocking).await.unwrap_err();
        assert_eq!((error.cause(), error.fate()), (Some(&Cause::RuntimeGone), Fate::Unknown), "{error}");
        let error = within(PATIENCE, &mut waiting).await.unwrap_err();
        assert_eq!((error.cause(), error.fate()), (Some(&Cause::RuntimeGone), Fate::NotSent), "{error}");
        let error = within(PATIENCE, client.request::<Popped>(blpop("q", 0.0)).into_future()).await.unwrap_err();
        assert_eq!((error.cause(), error.fate()), (Some(&Cause::RuntimeGone), Fate::NotSent), "{error}");
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_nobody_uses_are_closed_in_time_and_old_ones_are_not_lent_again() {
    let server = Server::redis();
    let idle = Duration::from_millis(300);
    let client = connected(tcp(&server).with_max_idle(idle)).await;
    let begin = Instant::now();
    client.request::<Popped>(blpop("q", 0.001)).await.unwrap();
    assert_eq!(clients_of(&server).len(), 2);
    until(async || clients_of(&server).len() == 1).await;
    assert!(begin.elapsed() >= idle);
    client.ping().await.unwrap();

    let client = connected(tcp(&server).with_max_lifetime(Duration::from_millis(50))).await;
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_millis(300) {
        client.request::<Popped>(blpop("q", 0.001)).await.unwrap();
    }
    let made = client.stats().own_connections;
    assert!((3..=8).contains(&made), "{made}");
}

/// The name, how often it was sent, and how it ended, of every call.
#[derive(Default)]
struct Notes(Mutex<Vec<(String, u32, &'static str)>>);

impl Observer for Notes {
    fn observe(&self, observation: &Observation<'_>) {
        let ending = match observation.ending() {
            Ending::Answered => "answered",
            Ending::Failed(error) => error.kind().as_str(),
            Ending::Cancelled => "cancelled",
            _ => "unknown",
        };
        assert!(observation.written().is_none() || observation.written() >= Some(observation.queued()));
        self.0.lock().unwrap().push((observation.name().to_owned(), observation.attempts(), ending));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_observer_is_told_of_blocking_commands_as_of_others() {
    let server = Server::redis();
    let notes = Arc::new(Notes::default());
    let client = connected(tcp(&server).with_max_blocking(1).with_observer(Arc::<Notes>::clone(&notes))).await;
    let short = Duration::from_millis(100);
    client.request::<Popped>(blpop("q", 0.001)).await.unwrap();
    let mut dropped = begun(&client, blpop("q", 0.0));
    until(async || poll(&mut dropped).is_pending() && blocked(&server).len() == 1).await;
    let mut waiting = begun(&client, blpop("q", 0.0));
    fails_after(short, client.request::<Popped>(blpop("q", 0.0)).deadline(short).into_future()).await;
    assert!(poll(&mut waiting).is_pending());
    drop(waiting);
    drop(dropped);
    until(async || client.stats().lent_connections == 0).await;
    fails_after(short, client.request::<Popped>(blpop("q", 0.0)).deadline(short).into_future()).await;
    let expected = [(1, "answered"), (0, "timeout"), (0, "cancelled"), (1, "cancelled"), (1, "timeout")];
    let expected = expected.map(|(attempts, ending)| ("BLPOP".to_owned(), attempts, ending));
    assert_eq!(*notes.0.lock().unwrap(), expected);
    let stats = client.stats();
    assert_eq!((stats.issued, stats.cancelled, stats.failed_not_sent, stats.failed_unknown), (5, 2, 1, 1), "{stats:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_pipeline_a_blocking_command_is_refused() {
    let server = Server::redis();
    let client = connected(tcp(&server)).await;
    let mut pipeline = client.pipeline();
    let popped = pipeline.request::<Popped>(blpop("q", 0.0)).queue();
    let error = pipeline.execute().await.get(popped).unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::NeedsDedicated, Fate::NotSent), "{error}");
}
