//! MULTI..EXEC: it runs as one or not at all, and whoever sent it is told which, whatever happens to the connection.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
mod support;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use steadfast::api::{Connection, Hashes, Lists, Strings};
use steadfast::client::{ProtocolChoice, Queued, Results, Transaction};
use steadfast::testing::{Cut, Direction, FaultProxy};
use steadfast::{Client, Command, Config, Effect, Error, ErrorKind, Fate, OnRefusal, Replay, Value};

use live::{KINDS, PATIENCE, Peer, Wire, clients_of, connected, fails_after, quick, tcp, until, until_state, within};
use support::Server;

const PROTOCOLS: [ProtocolChoice; 2] = [ProtocolChoice::Resp2, ProtocolChoice::Resp3];

/// Polls by hand, with a waker that wakes nobody.
fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// Both counters are incremented, or none.
fn pair(client: &Client) -> (Transaction<'_>, Queued<i64>, Queued<i64>) {
    let mut transaction = client.transaction();
    let (a, b) = (transaction.incr("a").queue(), transaction.incr("b").queue());
    (transaction, a, b)
}

/// How often the pairs ran; it must be as often for the one as for the other.
fn pairs(server: &Server) -> i64 {
    let count = |key| server.raw(&["GET", key]).parse().unwrap_or(0);
    let (a, b): (i64, i64) = (count("a"), count("b"));
    assert_eq!(a, b, "a pair ran in part");
    a
}

/// What the server refuses, with the transaction's other commands not run.
fn is_refused(outcome: Result<Results, Error>, code: &str) -> Error {
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Server, Fate::Refused), "{error}");
    assert_eq!(error.server().unwrap().code(), code, "{error}");
    error
}

#[tokio::test]
async fn each_command_has_its_result_of_its_own_type() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        for protocol in PROTOCOLS {
            server.raw(&["FLUSHALL"]);
            let client = connected(tcp(&server).with_protocol(protocol)).await;
            let mut transaction = client.transaction();
            let count = transaction.incrby("count", 7).queue();
            let set = transaction.set("name", "alice").queue();
            let name = transaction.get::<String>("name").queue();
            let missing = transaction.get::<String>("missing").queue();
            let _ = transaction.hset("user", (("a", 1), ("b", 2))).queue();
            let user = transaction.hgetall::<BTreeMap<String, i64>>("user").queue();
            let _ = transaction.rpush("list", ["x", "y"]).queue();
            let list = transaction.lrange::<String>("list", 0, -1).queue();
            let raw = transaction.request::<(String, Option<String>)>(Command::new("MGET").key(("name", "no"))).queue();
            assert_eq!(transaction.len(), 9);
            let results = within(PATIENCE, transaction.execute()).await.unwrap();
            assert_eq!(results.get(count).unwrap(), 7);
            results.get(set).unwrap();
            assert_eq!(results.get(name).unwrap().as_deref(), Some("alice"));
            assert_eq!(results.get(missing).unwrap(), None);
            assert_eq!(results.get(user).unwrap(), BTreeMap::from([("a".into(), 1), ("b".into(), 2)]));
            assert_eq!(results.get(list).unwrap(), ["x", "y"]);
            assert_eq!(results.get(raw).unwrap(), ("alice".to_owned(), None));
            results.check().unwrap();
            assert_eq!((results.len(), results.iter::<Value>().filter(Result::is_ok).count()), (9, 9));
        }
    }
}

#[tokio::test]
async fn an_error_stands_in_its_place_and_the_other_commands_have_run() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        for protocol in PROTOCOLS {
            server.raw(&["FLUSHALL"]);
            let client = connected(tcp(&server).with_protocol(protocol)).await;
            client.set("text", "x").await.unwrap();
            let mut transaction = client.transaction();
            let first = transaction.incr("a").queue();
            let wrong = transaction.incr("text").queue();
            let kind = transaction.rpush("text", "y").queue();
            let last = transaction.incr("a").queue();
            let shape = transaction.get::<i64>("text").queue();
            let results = within(PATIENCE, transaction.execute()).await.unwrap();
            assert_eq!((results.get(first).unwrap(), results.get(last).unwrap()), (1, 2));
            for (error, code) in
                [(results.get(wrong).unwrap_err(), "ERR"), (results.get(kind).unwrap_err(), "WRONGTYPE")]
            {
                assert_eq!((error.kind(), error.fate()), (ErrorKind::Server, Fate::Executed), "{error}");
                assert_eq!(error.server().unwrap().code(), code);
            }
            assert_eq!(results.get(shape).unwrap_err().kind(), ErrorKind::Conversion);
            assert!(results.check().unwrap_err().to_string().starts_with("INCR: "));
            let good: Vec<_> = results.iter::<Value>().map(|result| result.is_ok()).collect();
            assert_eq!(good, [true, false, false, true, true]);
        }
    }
}

#[tokio::test]
async fn one_command_that_the_server_does_not_take_refuses_the_whole() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        for protocol in PROTOCOLS {
            let client = connected(tcp(&server).with_protocol(protocol)).await;
            for wrong in [Command::new("SET").key("k"), Command::new("NOSUCHCOMMAND").arg("k")] {
                let name = wrong.name().to_owned();
                let (mut transaction, ..) = pair(&client);
                let _ = transaction.request::<Value>(wrong).queue();
                let _ = transaction.set("never", "x").queue();
                let error = is_refused(within(PATIENCE, transaction.execute()).await, "ERR");
                assert!(
                    error.to_string().starts_with(&format!("MULTI..EXEC, at {name}: the server answered")),
                    "{error}"
                );
            }
            assert_eq!((pairs(&server), server.raw(&["EXISTS", "never"]).as_str()), (0, "0"));
            // The connection is as before.
            assert_eq!(client.echo::<String>("own").await.unwrap(), "own");
            let (transaction, a, _) = pair(&client);
            assert_eq!(transaction.execute().await.unwrap().get(a).unwrap(), 1);
            server.raw(&["FLUSHALL"]);
        }
    }
}

#[tokio::test]
async fn a_server_out_of_memory_or_in_a_script_refuses_the_whole() {
    for kind in KINDS {
        let server = Server::build(kind).config("busy-reply-threshold 50").start();
        for protocol in PROTOCOLS {
            let client = connected(tcp(&server).with_protocol(protocol)).await;
            server.raw(&["CONFIG", "SET", "maxmemory", "1"]);
            let mut transaction = client.transaction();
            let _ = transaction.request::<Value>(Command::new("DEL").key("a")).queue();
            let _ = transaction.incr("a").queue();
            let error = is_refused(within(PATIENCE, transaction.execute()).await, "OOM");
            // Some servers refuse everything then, others what needs memory.
            assert!(error.to_string().starts_with("MULTI..EXEC, at "), "{error}");
            server.raw(&["CONFIG", "SET", "maxmemory", "0"]);

            let mut busy = server.connect();
            busy.send(&["EVAL", "while true do end", "0"]).unwrap();
            until(async || client.ping().await.is_err_and(|error| error.to_string().contains("BUSY"))).await;
            let (transaction, ..) = pair(&client);
            is_refused(within(PATIENCE, transaction.execute()).await, "BUSY");
            server.raw(&["SCRIPT", "KILL"]);
            assert_eq!(pairs(&server), 0);
            until(async || client.ping().await.is_ok()).await;
        }
    }
}

#[tokio::test]
async fn who_may_not_use_multi_is_told_that_the_commands_ran_each_by_itself() {
    for kind in KINDS {
        let server = Server::build(kind)
            .config("user apart on >secret ~* &* +@all -multi")
            .config("user nothing on >secret ~* &* +@all -multi -incr")
            .config("user endless on >secret ~* &* +@all -exec")
            .start();
        for protocol in PROTOCOLS {
            server.raw(&["FLUSHALL"]);
            let as_user = |name: &str| connected(tcp(&server).with_protocol(protocol).with_credentials(name, "secret"));
            let client = as_user("apart").await;
            let (transaction, ..) = pair(&client);
            let error = within(PATIENCE, transaction.execute()).await.unwrap_err();
            assert_eq!((error.kind(), error.fate()), (ErrorKind::NotAtomic, Fate::Executed), "{error}");
            assert_eq!(error.server().unwrap().code(), "NOPERM");
            assert!(error.to_string().starts_with("MULTI..EXEC ran, but not as one: the server answered NOPERM"));
            assert_eq!(pairs(&server), 1);

            for user in ["nothing", "endless"] {
                let client = as_user(user).await;
                let (transaction, ..) = pair(&client);
                let error = within(PATIENCE, transaction.execute()).await.unwrap_err();
                assert_eq!((error.kind(), error.fate()), (ErrorKind::Server, Fate::Refused), "{user}: {error}");
                assert_eq!(client.echo::<String>("own").await.unwrap(), "own", "{user}");
                assert_eq!(pairs(&server), 1, "{user}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_exec_never_queues_what_others_send() {
    for kind in KINDS {
        let server = Server::build(kind).config("rename-command EXEC \"\"").start();
        for protocol in PROTOCOLS {
            let client = connected(tcp(&server).with_protocol(protocol).with_deadline(PATIENCE)).await;
            let others: Vec<_> = (0..8)
                .map(|number| {
                    let client = client.clone();
                    tokio::spawn(async move {
                        for round in 0..500 {
                            let token = format!("{number}-{round}");
                            assert_eq!(client.echo::<String>(&token).await.unwrap(), token);
                        }
                    })
                })
                .collect();
            for _ in 0..20 {
                let (transaction, ..) = pair(&client);
                let error = within(PATIENCE, transaction.execute()).await.unwrap_err();
                // Another one that was sent right behind may have been lost with the connection.
                assert!(matches!(error.fate(), Fate::Refused | Fate::Unknown), "{error}");
            }
            for other in others {
                within(PATIENCE, other).await.unwrap();
            }
            assert_eq!(pairs(&server), 0);
        }
    }
}

/// A peer that answers each command of a transaction as its script says.
async fn answering(script: &'static [(&'static str, &'static str)]) -> Peer {
    Peer::start(move |_, mut wire: Wire| async move {
        while let Some(command) = wire.command_after_handshake().await {
            let name = String::from_utf8_lossy(&command[0]).into_owned();
            let answer = script.iter().find(|(known, _)| *known == name).map_or("+QUEUED\r\n", |(_, answer)| answer);
            wire.say(answer.as_bytes()).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_proxy_that_knows_no_multi_is_not_atomic() {
    for script in [
        [("MULTI", "-ERR unknown command 'MULTI'\r\n"), ("INCR", ":1\r\n"), ("EXEC", "-ERR EXEC without MULTI\r\n")],
        [("MULTI", "+OK\r\n"), ("INCR", ":1\r\n"), ("EXEC", "-ERR EXEC without MULTI\r\n")],
        [("MULTI", "-ERR unknown command\r\n"), ("INCR", "-WRONGTYPE no\r\n"), ("EXEC", "-ERR unknown command\r\n")],
    ] {
        let peer = answering(Box::leak(Box::new(script))).await;
        let client = connected(peer.config()).await;
        let (transaction, ..) = pair(&client);
        let error = within(PATIENCE, transaction.execute()).await.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::NotAtomic, Fate::Executed), "{error}");
    }
}

#[tokio::test]
async fn a_null_for_an_answer_ran_nothing_and_other_nonsense_may_have() {
    for (exec, end) in [
        ("*-1\r\n", (ErrorKind::Conflict, Fate::Refused)),
        ("_\r\n", (ErrorKind::Conflict, Fate::Refused)),
        ("*1\r\n:1\r\n", (ErrorKind::Conversion, Fate::Executed)),
        ("*3\r\n:1\r\n:1\r\n:1\r\n", (ErrorKind::Conversion, Fate::Executed)),
        ("+OK\r\n", (ErrorKind::Conversion, Fate::Executed)),
    ] {
        let peer = answering(Box::leak(Box::new([("MULTI", "+OK\r\n"), ("EXEC", exec)]))).await;
        let client = connected(peer.config()).await;
        let (transaction, ..) = pair(&client);
        let error = within(PATIENCE, transaction.execute()).await.unwrap_err();
        assert_eq!((error.kind(), error.fate()), end, "{exec:?}: {error}");
    }
}

#[tokio::test]
async fn a_push_inside_the_answer_takes_no_place_in_it() {
    let exec = "*2\r\n>3\r\n+message\r\n+c\r\n+x\r\n:1\r\n>2\r\n+invalidate\r\n*1\r\n+k\r\n:2\r\n";
    let peer = answering(Box::leak(Box::new([("MULTI", "+OK\r\n"), ("EXEC", exec)]))).await;
    let client = connected(peer.config()).await;
    let (transaction, a, b) = pair(&client);
    let results = within(PATIENCE, transaction.execute()).await.unwrap();
    assert_eq!((results.get(a).unwrap(), results.get(b).unwrap()), (1, 2));
}

#[tokio::test]
async fn the_refusal_of_a_second_sending_says_nothing_of_the_first() {
    for (exec, wanted) in [
        ("*2\r\n:1\r\n-OOM no\r\n", (ErrorKind::Server, Fate::Unknown)),
        ("-EXECABORT Transaction discarded because of previous errors.\r\n", (ErrorKind::Server, Fate::Unknown)),
        ("*-1\r\n", (ErrorKind::Conflict, Fate::Unknown)),
    ] {
        let peer = Peer::start(move |number, mut wire| async move {
            while let Some(command) = wire.command_after_handshake().await {
                match command[0].as_slice() {
                    b"EXEC" if number == 0 => return,
                    b"EXEC" => wire.say(exec.as_bytes()).await,
                    b"MULTI" => wire.say(b"+OK\r\n").await,
                    _ if exec.starts_with('-') => wire.say(b"-READONLY You can't write\r\n").await,
                    _ => wire.say(b"+QUEUED\r\n").await,
                }
            }
        })
        .await;
        let client = connected(peer.config().with_deadline(PATIENCE)).await;
        let client = client.with_replay(Replay::upto(Effect::Accumulating)).with_on_refusal(OnRefusal::FailFast);
        let (transaction, _, b) = pair(&client);
        let outcome = within(PATIENCE, transaction.execute()).await;
        let error = outcome.and_then(|results| results.get(b)).unwrap_err();
        assert_eq!((error.kind(), error.fate()), wanted, "{error}");
        assert_eq!(peer.accepted(), 2);
    }
}

#[tokio::test]
async fn nothing_is_sent_of_an_empty_transaction_or_of_one_that_would_disturb_others() {
    let server = Server::redis();
    let client = connected(tcp(&server)).await;
    let results = within(PATIENCE, client.transaction().execute()).await.unwrap();
    assert!(results.is_empty());
    results.check().unwrap();
    for disturbing in
        ["SUBSCRIBE c", "BLPOP q 0", "WATCH a", "MULTI", "EXEC", "DISCARD", "SELECT 1", "CLIENT REPLY OFF"]
    {
        let (mut transaction, ..) = pair(&client);
        let _ = transaction.request::<Value>(Command::new(disturbing)).queue();
        let error = within(PATIENCE, transaction.execute()).await.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::NeedsDedicated, Fate::NotSent), "{error}");
        let name = Command::new(disturbing).name().to_owned();
        assert!(error.to_string().starts_with(&name), "{error}");
    }
    assert_eq!(pairs(&server), 0);
    let stats = server.raw(&["INFO", "commandstats"]);
    assert!(!stats.contains("cmdstat_multi") && !stats.contains("cmdstat_incr"), "{stats}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_other_callers_command_ever_gets_in_between() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        for protocol in PROTOCOLS {
            let client = connected(tcp(&server).with_protocol(protocol).with_deadline(PATIENCE)).await;
            let other = connected(tcp(&server).with_deadline(PATIENCE)).await;
            let stop = Arc::new(AtomicBool::new(false));
            let others: Vec<_> = (0..64)
                .map(|number| {
                    let client = if number % 8 == 0 { other.clone() } else { client.clone() };
                    let stop = Arc::clone(&stop);
                    tokio::spawn(async move {
                        while !stop.load(Ordering::Relaxed) {
                            client.incr("n").await.unwrap();
                        }
                    })
                })
                .collect();
            let callers: Vec<_> = (0..4)
                .map(|number| {
                    let client = client.clone();
                    tokio::spawn(async move {
                        for round in 0..100 {
                            let mut transaction = client.transaction();
                            let queued: Vec<_> = (0..2 + number * 3).map(|_| transaction.incr("n").queue()).collect();
                            // Large ones are not written at once.
                            let padding = "x".repeat(if round % 10 == 0 { 300_000 } else { 1 });
                            let _ = transaction.set("padding", padding).queue();
                            let last = transaction.incr("n").queue();
                            let results = transaction.execute().await.unwrap();
                            let first = results.get(queued[0]).unwrap();
                            let ran = results.get(last).unwrap() - first;
                            assert_eq!(ran, queued.len() as i64, "round {round}");
                        }
                    })
                })
                .collect();
            for caller in callers {
                within(PATIENCE, caller).await.unwrap();
            }
            stop.store(true, Ordering::Relaxed);
            for other in others {
                within(PATIENCE, other).await.unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transaction_dropped_at_any_poll_moves_nobody_elses_answer_and_runs_whole_or_not_at_all() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        for protocol in PROTOCOLS {
            let client = connected(tcp(&server).with_protocol(protocol).with_deadline(PATIENCE)).await;
            for round in 0..200 {
                let (transaction, ..) = pair(&client);
                let mut execution = transaction.execute();
                let _ = poll(&mut execution);
                for _ in 0..round % 4 {
                    tokio::task::yield_now().await;
                }
                if round % 8 >= 4 {
                    tokio::time::sleep(Duration::from_micros(round * 2)).await;
                }
                let token = format!("token-{round}");
                let mut call = client.echo::<String>(&token).into_future();
                assert!(poll(&mut call).is_pending());
                let (next, a, b) = pair(&client);
                let mut next = next.execute();
                assert!(poll(&mut next).is_pending());
                drop(execution);
                assert_eq!(within(PATIENCE, call).await.unwrap(), token);
                let results = within(PATIENCE, next).await.unwrap();
                assert_eq!(results.get(a).unwrap(), results.get(b).unwrap());
            }
            assert!(pairs(&server) >= 200);
            assert_eq!(clients_of(&server).len(), 1, "the connection was not closed for it");
            server.raw(&["FLUSHALL"]);
            drop(client);
            until(async || clients_of(&server).is_empty()).await;
        }
    }
}

/// On a single thread the driver runs only when the test waits: what is dropped before that must never run.
#[tokio::test]
async fn what_is_dropped_before_the_driver_has_seen_it_never_runs() {
    let server = Server::redis();
    let client = connected(tcp(&server)).await;
    for _ in 0..100 {
        let (transaction, ..) = pair(&client);
        let mut execution = transaction.execute();
        assert!(poll(&mut execution).is_pending());
        assert!(poll(&mut execution).is_pending());
    }
    client.ping().await.unwrap();
    assert_eq!(pairs(&server), 0);
    assert!(!server.raw(&["INFO", "commandstats"]).contains("cmdstat_multi"));
}

#[tokio::test]
async fn a_large_transaction_dropped_while_it_is_being_written_runs_as_a_whole() {
    let server = Server::redis();
    let client = connected(tcp(&server).with_deadline(PATIENCE)).await;
    server.stop();
    let (mut transaction, ..) = pair(&client);
    let _ = transaction.set("large", vec![b'x'; 32 << 20]).queue();
    let _ = transaction.incr("after").queue();
    // Long enough for the kernel's buffers to fill up: it is cut in the middle.
    assert!(tokio::time::timeout(Duration::from_millis(300), transaction.execute()).await.is_err());
    let mut behind = Box::pin(client.echo::<String>("behind").into_future());
    assert!(poll(&mut behind).is_pending());
    server.cont();
    assert_eq!(within(PATIENCE, behind).await.unwrap(), "behind");
    assert_eq!((pairs(&server), server.raw(&["GET", "after"]).as_str()), (1, "1"));
    assert_eq!(server.raw(&["STRLEN", "large"]), (32 << 20).to_string());
    assert_eq!(clients_of(&server).len(), 1);
}

#[tokio::test]
async fn a_large_transaction_cut_while_it_is_being_written_was_not_sent_and_goes_out_whole() {
    for kind in KINDS {
        let mut server = Server::build(kind).start();
        let client = connected(tcp(&server).with_deadline(PATIENCE)).await;
        server.stop();
        let (mut transaction, a, _) = pair(&client);
        let _ = transaction.set("large", vec![b'x'; 32 << 20]).queue();
        let mut execution = transaction.execute();
        assert!(poll(&mut execution).is_pending());
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.kill9();
        let server = tokio::task::spawn_blocking(move || {
            server.restart();
            server
        })
        .await
        .unwrap();
        assert_eq!(within(PATIENCE, execution).await.unwrap().get(a).unwrap(), 1);
        assert_eq!(pairs(&server), 1);
    }
}

#[tokio::test]
async fn a_deadline_names_the_stage_and_the_fate_of_the_whole() {
    let server = Server::valkey();
    let client = connected(tcp(&server)).await;
    let short = Duration::from_millis(200);
    server.stop();
    let (transaction, ..) = pair(&client);
    let error = fails_after(short, transaction.deadline(short).execute()).await;
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout, Fate::Unknown), "{error}");
    assert!(error.to_string().starts_with("MULTI..EXEC timed out after 200ms: awaiting reply"), "{error}");
    server.cont();
    client.ping().await.unwrap();
    assert_eq!(pairs(&server), 1, "it ran later, as a whole");

    let client = Client::connect_lazily(quick(Config::tcp("127.0.0.1", 1))).unwrap().with_deadline(short);
    let (transaction, ..) = pair(&client);
    let error = fails_after(short, transaction.execute()).await;
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout, Fate::NotSent), "{error}");
    client.close(short).await;
    let (transaction, ..) = pair(&client);
    let error = within(PATIENCE, transaction.execute()).await.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Closed, Fate::NotSent), "{error}");
}

#[tokio::test]
async fn ten_thousand_commands_run_as_one() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        for protocol in PROTOCOLS {
            server.raw(&["FLUSHALL"]);
            let client = connected(tcp(&server).with_protocol(protocol).with_deadline(PATIENCE)).await;
            let mut transaction = client.transaction();
            let queued: Vec<_> = (0..10_000).map(|_| transaction.incr("n").queue()).collect();
            let results = within(PATIENCE, transaction.execute()).await.unwrap();
            assert_eq!(results.iter::<i64>().map(Result::unwrap).collect::<Vec<_>>(), Vec::from_iter(1..=10_000));
            assert_eq!(results.get(queued[9_999]).unwrap(), 10_000);
        }
    }
}

/// Bytes of the request and of the answer, on a connection where all goes well.
async fn sizes(proxy: &FaultProxy, client: &Client) -> (u64, u64) {
    let before = [Direction::ToServer, Direction::ToClient].map(|direction| proxy.forwarded(direction));
    let (transaction, ..) = pair(client);
    within(PATIENCE, transaction.execute()).await.unwrap().check().unwrap();
    (proxy.forwarded(Direction::ToServer) - before[0], proxy.forwarded(Direction::ToClient) - before[1])
}

#[tokio::test]
async fn a_cut_at_any_byte_of_request_or_answer_leaves_no_pair_in_part_or_twice() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        let proxy = FaultProxy::start(server.address()).await.unwrap();
        let config = quick(Config::tcp("127.0.0.1", proxy.port())).with_deadline(PATIENCE);
        let client = connected(config).await;
        let (request, answer) = sizes(&proxy, &client).await;
        let mut ran = pairs(&server);
        for (direction, bytes, cut) in cuts(request, answer) {
            until_state(&client, |state| state.is_ready()).await;
            client.ping().await.unwrap();
            proxy.current().cut_after(direction, bytes, cut);
            let (transaction, a, b) = pair(&client);
            let outcome = within(PATIENCE, transaction.execute()).await;
            let place = format!("{kind:?}: {direction:?} {bytes} {cut:?}");
            // What the proxy had taken may still be on its way.
            let whole = direction == Direction::ToClient || bytes == request;
            if whole {
                until(async || server.raw(&["GET", "b"]) == (ran + 1).to_string()).await;
            }
            let now = pairs(&server);
            match outcome {
                Ok(results) => {
                    // The cut came behind the last byte, or before the first one was written.
                    assert_eq!((results.get(a).unwrap(), results.get(b).unwrap()), (ran + 1, ran + 1), "{place}");
                    assert_eq!(now, ran + 1, "{place}");
                }
                Err(error) => {
                    assert_eq!(
                        (error.kind(), error.fate()),
                        (ErrorKind::Connection, Fate::Unknown),
                        "{place}: {error}"
                    );
                    assert_eq!(now, ran + i64::from(whole), "{place}");
                }
            }
            ran = now;
            proxy.heal().unwrap();
        }
    }
}

/// Every byte of the request and of the answer, and both ways to end a connection in turn.
fn cuts(request: u64, answer: u64) -> impl Iterator<Item = (Direction, u64, Cut)> {
    let to_server = (0..=request).map(|bytes| (Direction::ToServer, bytes));
    let to_client = (0..=answer).map(|bytes| (Direction::ToClient, bytes));
    to_server
        .chain(to_client)
        .filter(|(_, bytes)| *bytes > 0)
        .enumerate()
        .map(|(number, (direction, bytes))| (direction, bytes, if number % 2 == 0 { Cut::Fin } else { Cut::Rst }))
}

#[tokio::test]
async fn a_pair_that_may_be_sent_again_is_sent_again_as_a_whole() {
    let server = Server::redis();
    let proxy = FaultProxy::start(server.address()).await.unwrap();
    let config = quick(Config::tcp("127.0.0.1", proxy.port())).with_deadline(PATIENCE);
    let client = connected(config).await.with_replay(Replay::upto(Effect::Accumulating));
    let (request, answer) = sizes(&proxy, &client).await;
    let mut ran = pairs(&server);
    for (direction, bytes, cut) in cuts(request, answer) {
        until_state(&client, |state| state.is_ready()).await;
        client.ping().await.unwrap();
        proxy.current().cut_after(direction, bytes, cut);
        let (transaction, a, b) = pair(&client);
        let results = within(PATIENCE, transaction.execute()).await.unwrap();
        let now = pairs(&server);
        assert_eq!((results.get(a).unwrap(), results.get(b).unwrap()), (now, now));
        assert!(now == ran + 1 || now == ran + 2, "{direction:?} {bytes} {cut:?}: {ran} {now}");
        ran = now;
        proxy.heal().unwrap();
    }
}

/// What callers were told of their pairs.
#[derive(Default)]
struct Ledger {
    acknowledged: AtomicI64,
    unknown: AtomicI64,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pairs_are_never_lost_or_doubled_or_split_while_the_connection_is_killed_again_and_again() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        let client = connected(tcp(&server).with_deadline(PATIENCE)).await;
        let (ledger, stop) = (Arc::new(Ledger::default()), Arc::new(AtomicBool::new(false)));
        let tasks: Vec<_> = (0..16)
            .map(|caller| {
                let (client, ledger, stop) = (client.clone(), Arc::clone(&ledger), Arc::clone(&stop));
                tokio::spawn(async move {
                    while !stop.load(Ordering::SeqCst) {
                        if caller % 2 == 0 {
                            let _ = client.incr("n").await;
                            continue;
                        }
                        let (transaction, ..) = pair(&client);
                        let column = match transaction.execute().await {
                            Ok(_) => &ledger.acknowledged,
                            Err(error) if error.fate() == Fate::Unknown => &ledger.unknown,
                            Err(error) => panic!("{error}"),
                        };
                        column.fetch_add(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        let mut admin = server.connect();
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            admin.call(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).unwrap();
        }
        stop.store(true, Ordering::SeqCst);
        for task in tasks {
            within(PATIENCE, task).await.unwrap();
        }
        let (acknowledged, unknown) =
            (ledger.acknowledged.load(Ordering::SeqCst), ledger.unknown.load(Ordering::SeqCst));
        let ran = pairs(&server);
        println!("{kind:?}: {acknowledged} acknowledged, {unknown} unknown, {ran} ran");
        assert!(acknowledged > 100);
        assert!((acknowledged..=acknowledged + unknown).contains(&ran), "{acknowledged} {unknown} {ran}");
        until(async || clients_of(&server).len() == 1).await;
    }
}

#[tokio::test]
async fn each_result_of_many_is_found_at_once_whatever_its_shape() {
    let server = Server::redis();
    let client = connected(tcp(&server)).await;
    let echo = |number: usize| Command::new("EVAL").arg(("return {ARGV[1], {ARGV[1]}}", 0, number));
    let (mut transaction, mut pipeline) = (client.transaction(), client.pipeline());
    let queued: Vec<_> =
        (0..MANY).map(|number| transaction.request::<(usize, [usize; 1])>(echo(number)).queue()).collect();
    let listed: Vec<_> =
        (0..MANY).map(|number| pipeline.request::<(usize, [usize; 1])>(echo(number)).queue()).collect();
    let (transaction, pipeline) = (transaction.execute().await.unwrap(), pipeline.execute().await);
    let begin = Instant::now();
    for number in (0..MANY).rev() {
        assert_eq!(transaction.get(queued[number]).unwrap(), (number, [number]));
        assert_eq!(pipeline.get(listed[number]).unwrap(), (number, [number]));
    }
    // Going there step by step each time takes longer.
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
}

const MANY: usize = 20_000;
