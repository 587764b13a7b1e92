//! A connection of one's own: nobody else's commands are on it, it comes back clean, and it is never another one silently.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
mod support;

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use steadfast::api::{Connection, Keys, Lists, OwnConnection, Strings};
use steadfast::client::{Dedicated, Monitor, Monitored, ProtocolChoice, defaults};
use steadfast::testing::{Cut, Direction, FaultProxy};
use steadfast::{Cause, Client, Command, Config, ErrorKind, Fate, FromReply, Script, Stage, Value};

use live::{KINDS, PATIENCE, clients_of, connected, fails_after, quick, tcp, until, within};
use support::{Kind, Server};

const PROTOCOLS: [ProtocolChoice; 2] = [ProtocolChoice::Resp2, ProtocolChoice::Resp3];

/// Runs `test` on both servers with both protocols.
async fn everywhere(test: impl AsyncFn(&Server, Client)) {
    for kind in KINDS {
        let server = Server::build(kind).start();
        for protocol in PROTOCOLS {
            server.raw(&["FLUSHALL"]);
            let client = connected(tcp(&server).with_protocol(protocol)).await;
            test(&server, client).await;
        }
    }
}

async fn dedicated(client: &Client) -> Dedicated {
    within(PATIENCE, client.dedicated().into_future()).await.unwrap()
}

/// What the command given as one line answers.
async fn ask<T: FromReply>(dedicated: &Dedicated, line: &str) -> T {
    within(PATIENCE, dedicated.request(Command::new(line)).into_future()).await.unwrap()
}

async fn do_now(dedicated: &Dedicated, line: &str) {
    let _: Value = ask(dedicated, line).await;
}

fn id(dedicated: &Dedicated) -> i64 {
    dedicated.session().server.id.unwrap()
}

/// The connection's line in CLIENT LIST.
fn line_of(server: &Server, id: i64) -> Option<String> {
    clients_of(server).into_iter().find(|line| line.starts_with(&format!("id={id} ")))
}

/// How many connections the client has of its own, but for the shared one.
fn leased(server: &Server) -> usize {
    clients_of(server).len() - 1
}

#[tokio::test]
async fn it_is_another_connection_than_the_shared_one_and_does_all_that_a_client_does() {
    everywhere(async |server, client| {
        let dedicated = dedicated(&client).await;
        let shared = client.client_id().await.unwrap();
        let own = dedicated.client_id().await.unwrap();
        assert_eq!(own, id(&dedicated));
        assert_ne!(own, shared);
        dedicated.set("key", 7).await.unwrap();
        assert_eq!(dedicated.incr("key").await.unwrap(), 8);
        let mut pipeline = dedicated.pipeline();
        let pushed = (pipeline.rpush("list", "a").queue(), pipeline.llen("list").queue());
        assert_eq!(pipeline.execute().await.get(pushed).unwrap(), (1, 1));
        let mut transaction = dedicated.transaction();
        let count = transaction.incr("key").queue();
        assert_eq!(transaction.execute().await.unwrap().get(count).unwrap(), 9);
        let script = Script::new("return redis.call('INCR', KEYS[1])");
        let count: i64 = script.on(&dedicated, "key", ()).await.unwrap();
        assert_eq!(count, 10);
        assert_eq!(server.raw(&["GET", "key"]), "10");
    })
    .await;
}

#[tokio::test]
async fn a_watched_key_that_changed_keeps_the_transaction_from_running_and_ends_the_watch() {
    everywhere(async |server, client| {
        let dedicated = dedicated(&client).await;
        dedicated.watch("key").await.unwrap();
        client.set("key", "theirs").await.unwrap();
        let mut transaction = dedicated.transaction();
        let _ = transaction.set("key", "ours").queue();
        let error = within(PATIENCE, transaction.execute()).await.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Conflict, Fate::Refused), "{error}");
        assert_eq!(error.kind().as_str(), "conflict");
        assert!(error.to_string().contains("a key that was watched had changed"), "{error}");
        assert_eq!(server.raw(&["GET", "key"]), "theirs");
        // The next one runs.
        let mut transaction = dedicated.transaction();
        let _ = transaction.set("key", "ours").queue();
        transaction.execute().await.unwrap().check().unwrap();
        assert_eq!(server.raw(&["GET", "key"]), "ours");
    })
    .await;
}

#[tokio::test]
async fn a_connection_is_lent_again_as_it_was() {
    everywhere(async |server, client| {
        let mut number = None;
        for dirt in [
            &[][..],
            &["WATCH key"],
            &["MULTI"],
            &["MULTI", "SET other 1"],
            &["WATCH key", "MULTI", "GET key", "UNWATCH"],
            &["WATCH key", "UNWATCH"],
            &["WATCH key", "MULTI", "GET key", "EXEC"],
            &["WATCH key", "MULTI", "DISCARD"],
            &["WATCH key", "MULTI", "EXEC", "WATCH key"],
            &["GET key"],
        ] {
            let first = dedicated(&client).await;
            assert_eq!(*number.get_or_insert(id(&first)), id(&first), "it is the same connection: {dirt:?}");
            for line in dirt {
                do_now(&first, line).await;
            }
            drop(first);
            server.raw(&["INCR", "key"]);
            // Those that are mended are not back at once, and nobody waits for one while there is room for more.
            let second = lent_again(&client, number.unwrap()).await;
            let mut transaction = second.transaction();
            let count = transaction.incr("key").queue();
            let results = within(PATIENCE, transaction.execute()).await;
            results.unwrap_or_else(|error| panic!("{dirt:?}: {error}")).get(count).unwrap();
            assert_eq!(ask::<Option<i64>>(&second, "GET other").await, None, "{dirt:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn no_heartbeat_gets_between_the_commands_that_the_server_queues() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        let client = connected(tcp(&server).with_heartbeat(Duration::from_millis(20))).await;
        let own = dedicated(&client).await;
        do_now(&own, "MULTI").await;
        do_now(&own, "SET key 1").await;
        // Others go on: this one's turn would have come as often.
        until(async || pings_of(&server) >= 5).await;
        let Value::Array(answers) = ask(&own, "EXEC").await else { panic!("no array") };
        assert_eq!(answers.len(), 1, "{answers:?}");
        // After it, and after one that was left open, there are some again.
        let number = id(&own);
        until(async || line_of(&server, number).is_some_and(|line| line.contains("cmd=ping"))).await;
        do_now(&own, "MULTI").await;
        drop(own);
        let own = lent_again(&client, number).await;
        do_now(&own, "GET key").await;
        until(async || line_of(&server, number).is_some_and(|line| line.contains("cmd=ping"))).await;
    }
}

/// How many `PING`s the server has run.
fn pings_of(server: &Server) -> u64 {
    let stats = server.raw(&["INFO", "commandstats"]);
    let calls = stats.lines().find_map(|line| line.strip_prefix("cmdstat_ping:calls=")?.split(',').next());
    calls.map_or(0, |calls| calls.parse().unwrap())
}

#[tokio::test]
async fn what_was_made_another_connection_is_closed_and_its_place_is_free() {
    everywhere(async |server, client| {
        for line in [
            "SELECT 3",
            "CLIENT SETNAME mine",
            "CLIENT NO-EVICT ON",
            "CLIENT TRACKING ON",
            "HELLO 2",
            "RESET",
            "READONLY",
            "NOSUCHCOMMAND",
        ] {
            let first = dedicated(&client).await;
            let number = id(&first);
            let _ = within(PATIENCE, first.request::<Value>(Command::new(line)).into_future()).await;
            drop(first);
            until(async || line_of(server, number).is_none()).await;
            let second = dedicated(&client).await;
            assert_ne!(id(&second), number, "{line}");
            let info = second.client_info().await.unwrap();
            assert_eq!((info.db, info.name.as_str()), (0, ""), "{line}");
        }
    })
    .await;
}

#[tokio::test]
async fn as_many_as_there_may_be_are_lent_and_who_came_first_gets_the_next() {
    let server = Server::build(Kind::Redis).start();
    let client = connected(tcp(&server)).await;
    let mut all = Vec::new();
    for _ in 0..defaults::MAX_DEDICATED {
        all.push(dedicated(&client).await);
    }
    assert_eq!(leased(&server), defaults::MAX_DEDICATED);
    let limit = Duration::from_millis(50);
    let error = fails_after(limit, client.dedicated().deadline(limit).into_future()).await;
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout, Fate::NotSent), "{error}");
    assert_eq!(error.stage(), Some(Stage::AcquiringConnection), "{error}");
    assert!(error.to_string().contains("waiting for a free connection"), "{error}");

    let mut first = client.dedicated().into_future();
    let mut second = client.dedicated().into_future();
    assert!(futures_pending(&mut first) && futures_pending(&mut second));
    let number = id(all.last().unwrap());
    drop(all.pop());
    assert!(futures_pending(&mut second));
    let first = within(PATIENCE, first).await.unwrap();
    assert_eq!(id(&first), number);
    // One that is closed gives its place too, once it is closed.
    do_now(&all[0], "SELECT 1").await;
    drop(all.swap_remove(0));
    let _second = within(PATIENCE, second).await.unwrap();
    until(async || leased(&server) == defaults::MAX_DEDICATED).await;
}

#[tokio::test]
async fn whoever_gives_up_while_it_waits_or_connects_leaves_nothing_behind() {
    let server = Server::build(Kind::Redis).start();
    let client = connected(tcp(&server)).await;
    for _ in 0..200 {
        let mut waiting = client.dedicated().into_future();
        let _ = futures_pending(&mut waiting) && {
            tokio::task::yield_now().await;
            futures_pending(&mut waiting)
        };
        drop(waiting);
    }
    let mut all = Vec::new();
    for _ in 0..defaults::MAX_DEDICATED {
        all.push(dedicated(&client).await);
    }
    until(async || leased(&server) == defaults::MAX_DEDICATED).await;
}

#[tokio::test]
async fn a_lost_connection_is_told_and_never_replaced() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        let proxy = FaultProxy::start(server.address()).await.unwrap();
        let client = connected(quick(Config::tcp("127.0.0.1", proxy.address().port()))).await;
        let lost = dedicated(&client).await;
        lost.watch("key").await.unwrap();
        server.raw(&["CLIENT", "KILL", "ID", &id(&lost).to_string()]);
        until(async || lost.ping().await.is_err()).await;
        for _ in 0..3 {
            let error = lost.set("key", 1).await.unwrap_err();
            assert_eq!((error.kind(), error.fate()), (ErrorKind::SessionLost, Fate::NotSent), "{error}");
            assert_eq!(error.kind().as_str(), "session_lost");
            assert!(error.cause().is_some() && error.to_string().contains("is lost"), "{error}");
        }
        let mut pipeline = lost.pipeline();
        let queued = pipeline.get::<String>("key").queue();
        let error = pipeline.execute().await.get(queued).unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::SessionLost, Fate::NotSent), "{error}");
        let mut transaction = lost.transaction();
        let _ = transaction.set("key", 1).queue();
        let error = transaction.execute().await.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::SessionLost, Fate::NotSent), "{error}");
        assert_eq!(server.raw(&["EXISTS", "key"]), "0");
        drop(lost);
        dedicated(&client).await.set("key", 2).await.unwrap();
        assert_eq!(server.raw(&["GET", "key"]), "2");
    }
}

#[tokio::test]
async fn what_was_under_way_when_the_connection_was_lost_has_its_fate() {
    let server = Server::build(Kind::Redis).start();
    let client = connected(tcp(&server)).await;
    let lost = dedicated(&client).await;
    let list = lost.request::<Value>(Command::new("BLPOP nothing 0"));
    let (error, ()) = tokio::join!(within(PATIENCE, list.into_future()), async {
        until(async || line_of(&server, id(&lost)).is_some_and(|line| line.contains("cmd=blpop"))).await;
        server.raw(&["CLIENT", "KILL", "ID", &id(&lost).to_string()]);
    });
    let error = error.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Connection, Fate::Unknown), "{error}");
    assert_eq!(lost.ping().await.unwrap_err().kind(), ErrorKind::SessionLost);
}

#[tokio::test]
async fn a_connection_that_slept_is_looked_at_before_it_is_lent_again() {
    let server = Server::build(Kind::Redis).start();
    let proxy = FaultProxy::start(server.address()).await.unwrap();
    let client = connected(quick(Config::tcp("127.0.0.1", proxy.address().port())).without_heartbeat()).await;
    let first = dedicated(&client).await;
    let number = id(&first);
    drop(first);
    // Longer than the second after which it is asked.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let awake = dedicated(&client).await;
    assert_eq!(id(&awake), number);
    assert!(line_of(&server, number).unwrap().contains("cmd=ping"), "it was asked");
    drop(awake);
    // Nobody has told the client that nothing comes through any more. The shared connection is left out.
    proxy.current().silence();
    let shared = client.client_id().deadline(Duration::from_millis(100)).await;
    assert!(shared.is_err(), "nothing comes through");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let other = within(PATIENCE, client.dedicated().deadline(PATIENCE).into_future()).await.unwrap();
    assert_ne!(id(&other), number);
    other.ping().await.unwrap();
}

#[tokio::test]
async fn commands_without_answers_were_not_sent_only_if_the_first_one_was_not() {
    let server = Server::build(Kind::Redis).start();
    let proxy = FaultProxy::start(server.address()).await.unwrap();
    let config = quick(Config::tcp("127.0.0.1", proxy.address().port())).without_heartbeat();
    let client = connected(config.with_deadline(PATIENCE)).await;
    let (hush, incr) = (37, 24);
    let (mut not_sent, mut unknown) = (0, 0);
    for place in (0..=hush + 3 * incr).step_by(6) {
        server.raw(&["DEL", "n"]);
        let own = dedicated(&client).await;
        // It is known then that the server can be silenced.
        let mut pipeline = own.pipeline();
        let _ = pipeline.get::<String>("n").queue();
        pipeline.execute_unanswered().await.unwrap();
        proxy.current().cut_after(Direction::ToServer, place, Cut::Rst);
        let mut pipeline = own.pipeline();
        for _ in 0..3 {
            let _ = pipeline.incr("n").queue();
        }
        // The proxy counts from now on; what is written is taken by the operating system as one piece.
        let outcome = within(PATIENCE, pipeline.execute_unanswered()).await;
        let ran: u32 = server.raw(&["GET", "n"]).parse().unwrap_or(0);
        match outcome {
            Ok(()) => assert_eq!(ran, 3, "{place}"),
            Err(error) if error.fate() == Fate::NotSent => {
                assert_eq!(ran, 0, "{place}: {error}");
                not_sent += 1;
            }
            Err(error) => {
                assert_eq!(error.fate(), Fate::Unknown, "{place}: {error}");
                unknown += 1;
            }
        }
        proxy.heal().unwrap();
    }
    assert!(unknown > 0, "{not_sent} not sent, {unknown} unknown");
}

#[tokio::test]
async fn the_shared_connection_refuses_what_needs_another_before_anything_is_sent() {
    everywhere(async |server, client| {
        let sent = client.stats().sent;
        for (line, place) in [
            ("WATCH key", "`Client::optimistic`"),
            ("UNWATCH", "`Client::optimistic`"),
            ("MULTI", "`Client::transaction`"),
            ("EXEC", "`Client::transaction`"),
            ("DISCARD", "`Client::transaction`"),
            ("SELECT 1", "`Client::database`"),
            ("WAIT 0 10", "`Client::dedicated`"),
            ("AUTH x", "`Client::dedicated`"),
            ("MONITOR", "`Dedicated::monitor`"),
            ("CLIENT REPLY OFF", "`Pipeline::execute_unanswered`"),
            ("CLIENT TRACKING ON", "`Client::dedicated`"),
            ("SSUBSCRIBE a", "`Client::subscribe`"),
        ] {
            let error = client.request::<Value>(Command::new(line)).await.unwrap_err();
            assert_eq!((error.kind(), error.fate()), (ErrorKind::NeedsDedicated, Fate::NotSent), "{line}: {error}");
            assert!(error.to_string().contains(place), "{line}: {error}");
        }
        // Written otherwise, a subcommand is an argument.
        let reply_off = Command::new("CLIENT").arg(("reply", "off"));
        let error = client.request::<Value>(reply_off).await.unwrap_err();
        assert!(error.to_string().contains("execute_unanswered"), "{error}");
        let mut pipeline = client.pipeline();
        let queued = pipeline.request::<Value>(Command::new("BLPOP key 0")).queue();
        let error = pipeline.execute().await.get(queued).unwrap_err();
        assert!(error.to_string().contains("await it by itself"), "{error}");
        assert_eq!(client.stats().sent, sent);
        assert_eq!(leased(server), 0);
    })
    .await;
}

#[tokio::test]
async fn what_would_leave_answers_without_commands_is_refused_there_too() {
    everywhere(async |_, client| {
        let own = dedicated(&client).await;
        for (line, place) in [
            ("SUBSCRIBE a", "Client::subscribe"),
            ("PUNSUBSCRIBE", "Client::subscribe"),
            ("MONITOR", "monitor"),
            ("CLIENT REPLY OFF", "execute_unanswered"),
            ("SYNC", "its answers"),
        ] {
            let error = own.request::<Value>(Command::new(line)).await.unwrap_err();
            assert_eq!((error.kind(), error.fate()), (ErrorKind::NeedsDedicated, Fate::NotSent), "{line}: {error}");
            assert!(error.to_string().contains(place), "{line}: {error}");
            let mut pipeline = own.pipeline();
            let queued = pipeline.request::<Value>(Command::new(line)).queue();
            assert_eq!(pipeline.execute().await.get(queued).unwrap_err().kind(), ErrorKind::NeedsDedicated, "{line}");
        }
        // Nothing in a transaction blocks or watches.
        let mut transaction = own.transaction();
        let _ = transaction.request::<Value>(Command::new("WATCH key")).queue();
        assert_eq!(transaction.execute().await.unwrap_err().kind(), ErrorKind::NeedsDedicated);
        own.ping().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn an_optimistic_transaction_is_tried_again_until_nobody_else_has_written() {
    everywhere(async |server, client| {
        server.raw(&["SET", "count", "5"]);
        let mut attempts = 0;
        let (seen, results) = client
            .optimistic("count")
            .run(async |connection, transaction| {
                let count: i64 = connection.get("count").await?.unwrap();
                attempts += 1;
                if attempts <= 3 {
                    client.incr("count").await?;
                }
                let _ = transaction.set("count", count * 10).queue();
                Ok(count)
            })
            .await
            .unwrap();
        results.check().unwrap();
        assert_eq!((seen, attempts, results.len()), (8, 4, 1));
        assert_eq!(server.raw(&["GET", "count"]), "80");
        assert_eq!(leased(server), 1, "one connection was enough");
    })
    .await;
}

#[tokio::test]
async fn an_optimistic_transaction_without_commands_succeeds_and_leaves_nothing_watched() {
    everywhere(async |server, client| {
        let looked = client.optimistic(["a", "b"]).run(async |connection, _| connection.get::<String>("a").await);
        let (value, results) = within(PATIENCE, looked).await.unwrap();
        assert!(value.is_none() && results.is_empty());
        let number = clients_of(server).iter().find(|line| line.contains("cmd=unwatch")).map(|line| {
            let id = line.split(' ').next().unwrap();
            id.strip_prefix("id=").unwrap().parse::<i64>().unwrap()
        });
        until(async || clients_of(server).iter().any(|line| line.contains("cmd=unwatch"))).await;
        server.raw(&["SET", "a", "1"]);
        let own = match number {
            Some(number) => lent_again(&client, number).await,
            None => dedicated(&client).await,
        };
        let mut transaction = own.transaction();
        let _ = transaction.set("b", 1).queue();
        transaction.execute().await.unwrap().check().unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_the_body_says_ends_an_optimistic_transaction_and_what_the_server_refuses() {
    everywhere(async |server, client| {
        let mut attempts = 0;
        let failed = client
            .optimistic("key")
            .run(async |connection, transaction| {
                attempts += 1;
                let _ = transaction.set("key", 1).queue();
                connection.request::<()>(Command::new("LPUSH").key("key")).await
            })
            .await;
        let error = failed.unwrap_err();
        assert_eq!((error.kind(), error.fate(), attempts), (ErrorKind::Server, Fate::Refused, 1), "{error}");
        let failed = client
            .optimistic("key")
            .run(async |_, transaction| {
                let _ = transaction.request::<()>(Command::new("SET").key("key")).queue();
                Ok(())
            })
            .await;
        let error = failed.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Server, Fate::Refused), "{error}");
        assert_eq!(server.raw(&["EXISTS", "key"]), "0");
    })
    .await;
}

#[tokio::test]
async fn an_optimistic_transaction_ends_at_its_deadline() {
    let server = Server::build(Kind::Redis).start();
    let client = connected(tcp(&server)).await;
    let limit = Duration::from_millis(300);
    // Somebody is faster each time.
    let contended = client.optimistic("key").deadline(limit).run(async |_, transaction| {
        client.incr("key").await?;
        let _ = transaction.set("key", 0).queue();
        Ok(())
    });
    let begin = std::time::Instant::now();
    let error = within(PATIENCE, contended).await.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Conflict, Fate::Refused), "{error}");
    assert!(begin.elapsed() < limit + live::SLACK && begin.elapsed() > limit / 2, "{:?}", begin.elapsed());
    assert_ne!(server.raw(&["GET", "key"]), "0");

    let stuck = client.optimistic("key").deadline(limit).run(async |_, transaction| {
        let _ = transaction.set("key", 0).queue();
        std::future::pending::<()>().await;
        Ok(())
    });
    let error = fails_after(limit, stuck).await;
    assert_eq!((error.kind(), error.fate(), error.stage()), (ErrorKind::Timeout, Fate::NotSent, None), "{error}");
    assert_ne!(server.raw(&["GET", "key"]), "0");
}

/// What a body does on the first attempts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Before {
    Nothing,
    AWrite,
    AConflict,
}

#[tokio::test]
async fn a_lost_connection_begins_an_optimistic_transaction_anew_unless_its_body_has_written() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        let client = connected(tcp(&server)).await;
        for before in [Before::Nothing, Before::AConflict, Before::AWrite] {
            let mut attempts = 0;
            let outcome = client
                .optimistic("key")
                .run(async |connection, transaction| {
                    attempts += 1;
                    let _ = transaction.incr("key").queue();
                    if attempts == 1 && before == Before::AConflict {
                        client.incr("key").await?;
                        return Ok(());
                    }
                    if attempts == 1 && before == Before::AWrite {
                        connection.set("other", 1).await?;
                    }
                    let is_to_be_lost = attempts == if before == Before::AConflict { 2 } else { 1 };
                    if is_to_be_lost {
                        let number = id(connection);
                        let reading = connection.request::<Value>(Command::new("XREAD BLOCK 0 STREAMS stream 0"));
                        let (lost, ()) = tokio::join!(reading.into_future(), async {
                            let is_reading = |line: String| line.contains("cmd=xread") && line.contains("flags=b");
                            until(async || line_of(&server, number).is_some_and(is_reading)).await;
                            server.raw(&["CLIENT", "KILL", "ID", &number.to_string()]);
                        });
                        assert_eq!(lost.as_ref().unwrap_err().fate(), Fate::Unknown);
                        lost?;
                    }
                    Ok(())
                })
                .await;
            match before {
                Before::Nothing => assert_eq!((outcome.is_ok(), attempts), (true, 2), "{outcome:?}"),
                // Of what was refused it is known that it did not run.
                Before::AConflict => assert_eq!((outcome.is_ok(), attempts), (true, 3), "{outcome:?}"),
                Before::AWrite => {
                    let error = outcome.unwrap_err();
                    assert_eq!((error.fate(), attempts), (Fate::Unknown, 1), "{error}");
                }
            }
        }
    }
}

#[tokio::test]
async fn nothing_of_the_clients_own_is_queued_between_multi_and_exec() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        let pings = || {
            let info = server.raw(&["INFO", "commandstats"]);
            let line = info.lines().find_map(|line| line.strip_prefix("cmdstat_ping:calls=")).unwrap_or("0");
            line.split(',').next().unwrap().parse::<u32>().unwrap()
        };
        for protocol in PROTOCOLS {
            server.raw(&["FLUSHALL"]);
            let config = tcp(&server).with_protocol(protocol).with_heartbeat(Duration::from_millis(10));
            let client = connected(config).await;
            let own = dedicated(&client).await;
            do_now(&own, "MULTI").await;
            do_now(&own, "INCR key").await;
            // The shared connection has heartbeats meanwhile.
            let before = pings();
            until(async || pings() >= before + 5).await;
            assert_eq!(ask::<Vec<i64>>(&own, "EXEC").await, [1]);
            // And then this one has them again.
            until(async || line_of(&server, id(&own)).is_some_and(|line| line.contains("cmd=ping"))).await;
        }
    }
}

/// What the server has sent so far.
fn sent_by(server: &Server) -> u64 {
    let info = server.raw(&["INFO", "stats"]);
    let line = info.lines().find_map(|line| line.strip_prefix("total_net_output_bytes:")).unwrap();
    line.trim().parse().unwrap()
}

#[tokio::test]
async fn commands_without_answers_are_run_in_their_order_and_what_comes_next_has_its_answer() {
    everywhere(async |server, client| {
        let own = dedicated(&client).await;
        // Whatever was asked before and after has its own answer.
        let before = own.echo::<String>("before").into_future();
        let mut pipeline = own.pipeline();
        for number in 0..1_000 {
            let _ = pipeline.rpush("list", number).queue();
        }
        let _ = pipeline.incr("list").queue();
        let _ = pipeline.set("last", "x".repeat(100_000)).queue();
        let unanswered = pipeline.execute_unanswered();
        let after = own.echo::<String>("after").into_future();
        let (before, done, after) = within(PATIENCE, async { tokio::join!(before, unanswered, after) }).await;
        assert_eq!((before.unwrap().as_str(), after.unwrap().as_str()), ("before", "after"));
        done.unwrap();
        let list: Vec<u32> = own.lrange("list", 0, -1).await.unwrap();
        assert_eq!(list, (0..1_000).collect::<Vec<_>>());
        assert_eq!(own.strlen("last").await.unwrap(), 100_000);
        own.pipeline().execute_unanswered().await.unwrap();

        let counted = sent_by(server);
        let mut pipeline = own.pipeline();
        for _ in 0..100 {
            let _ = pipeline.get::<String>("last").queue();
        }
        pipeline.execute_unanswered().await.unwrap();
        assert!(sent_by(server) - counted < 100_000, "nothing was answered");
        // The connection is as it was.
        let number = id(&own);
        drop(own);
        assert_eq!(id(&dedicated(&client).await), number);
    })
    .await;
}

#[tokio::test]
async fn a_push_among_commands_without_answers_is_none() {
    let server = Server::build(Kind::Redis).start();
    let client = connected(tcp(&server).with_protocol(ProtocolChoice::Resp3)).await;
    let own = dedicated(&client).await;
    ask::<()>(&own, "CLIENT TRACKING ON").await;
    for number in 0..200 {
        let _: Option<String> = own.get("key").await.unwrap();
        let mut pipeline = own.pipeline();
        let _ = pipeline.set("key", number).queue();
        let _ = pipeline.get::<String>("key").queue();
        let _ = pipeline.set("key", number).queue();
        let (done, echo) = tokio::join!(pipeline.execute_unanswered(), own.echo::<i64>(number).into_future());
        done.unwrap();
        assert_eq!(echo.unwrap(), number);
    }
}

#[tokio::test]
async fn what_needs_an_answer_is_not_sent_without_one() {
    everywhere(async |server, client| {
        let own = dedicated(&client).await;
        for line in ["BLPOP list 1", "MULTI", "RESET", "MONITOR", "SUBSCRIBE a"] {
            let mut pipeline = own.pipeline();
            let _ = pipeline.set("key", 1).queue();
            let _ = pipeline.request::<Value>(Command::new(line)).queue();
            let error = pipeline.execute_unanswered().await.unwrap_err();
            assert_eq!((error.kind(), error.fate()), (ErrorKind::NeedsDedicated, Fate::NotSent), "{line}: {error}");
        }
        do_now(&own, "MULTI").await;
        let mut pipeline = own.pipeline();
        let _ = pipeline.set("key", 1).queue();
        let error = pipeline.execute_unanswered().await.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::NeedsDedicated, Fate::NotSent), "{error}");
        do_now(&own, "DISCARD").await;
        let mut pipeline = client.pipeline();
        let _ = pipeline.set("key", 1).queue();
        let error = pipeline.execute_unanswered().await.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::NeedsDedicated, Fate::NotSent), "{error}");
        assert_eq!(server.raw(&["EXISTS", "key"]), "0");
    })
    .await;
}

#[tokio::test]
async fn without_the_right_to_silence_the_server_nothing_is_sent() {
    let server = Server::build(Kind::Redis).start();
    server.raw(&["ACL", "SETUSER", "bob", "on", ">pw", "~*", "&*", "+@all", "-client|reply"]);
    let client = connected(tcp(&server).with_credentials("bob", "pw")).await;
    let own = dedicated(&client).await;
    let mut pipeline = own.pipeline();
    let _ = pipeline.set("key", 1).queue();
    let error = pipeline.execute_unanswered().await.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Server, Fate::Refused), "{error}");
    assert_eq!(error.server().unwrap().code(), "NOPERM");
    assert_eq!(own.exists("key").await.unwrap(), 0);
}

#[tokio::test]
async fn what_is_sent_on_it_is_counted_with_the_rest() {
    let server = Server::build(Kind::Redis).start();
    let client = connected(tcp(&server)).await;
    let own = dedicated(&client).await;
    let before = client.stats();
    own.set("key", 1).await.unwrap();
    own.lpush("key", 1).await.unwrap_err();
    let mut pipeline = own.pipeline();
    let _ = (pipeline.get::<String>("key").queue(), pipeline.get::<String>("key").queue());
    pipeline.execute().await.check().unwrap();
    let mut transaction = own.transaction();
    let _ = transaction.incr("key").queue();
    transaction.execute().await.unwrap().check().unwrap();
    own.request::<Value>(Command::new("SUBSCRIBE a")).await.unwrap_err();
    let after = client.stats();
    assert_eq!(after.issued - before.issued, 6);
    // With MULTI and EXEC.
    assert_eq!((after.sent - before.sent, after.answered - before.answered), (7, 7));
    assert_eq!(
        (after.failed_executed - before.failed_executed, after.failed_not_sent - before.failed_not_sent),
        (1, 1)
    );
    assert_eq!((after.in_flight, after.queued, after.lent_connections), (0, 0, 1));
    drop(own);
    assert_eq!((client.stats().lent_connections, client.stats().idle_connections), (0, 1));
}

/// The next thing that the monitor tells of a command that is not the tests' own.
async fn told(monitor: &mut Monitor) -> Monitored {
    within(PATIENCE, async {
        loop {
            match monitor.next().await.unwrap() {
                Monitored::Command(line) if line.client.starts_with("unix:") => {}
                other => return other,
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_monitor_tells_every_command_with_its_arguments_byte_for_byte() {
    everywhere(async |server, client| {
        let own = dedicated(&client).await;
        let number = id(&own);
        let before = std::time::SystemTime::now() - Duration::from_secs(5);
        let mut monitor = within(PATIENCE, own.monitor()).await.unwrap();
        let all: Vec<u8> = (0..=255).collect();
        client.set("key", all.as_slice()).await.unwrap();
        client
            .database(3)
            .request::<i64>(Command::new("EVAL").arg(("redis.call('DEL', KEYS[1]) return 1", 1, "x")))
            .await
            .unwrap();
        let mut lines = Vec::new();
        while lines.len() < 3 {
            let Monitored::Command(line) = told(&mut monitor).await else { panic!("no lag, no end") };
            // The other database has a connection that begins with its handshake.
            if matches!(line.command[0].to_ascii_uppercase().as_slice(), b"SET" | b"EVAL" | b"DEL") {
                lines.push(line);
            }
        }
        assert_eq!((lines[0].database, lines[0].command.len()), (0, 3));
        assert_eq!((&lines[0].command[1][..], &lines[0].command[2][..]), (&b"key"[..], &all[..]));
        assert!(lines[0].client.starts_with("127.0.0.1:"), "{:?}", lines[0]);
        assert!(lines[0].at > before && lines[0].at < before + Duration::from_secs(60), "{:?}", lines[0]);
        assert_eq!((lines[1].database, &lines[1].command[0][..]), (3, &b"EVAL"[..]));
        assert_eq!((lines[2].client.as_str(), lines[2].command.as_slice()), ("lua", &["DEL".into(), "x".into()][..]));
        drop(monitor);
        until(async || line_of(server, number).is_none()).await;
    })
    .await;
}

#[tokio::test]
async fn a_monitor_ends_with_the_cause_and_is_sent_no_heartbeat() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        let client = connected(tcp(&server).with_heartbeat(Duration::from_millis(20))).await;
        let own = dedicated(&client).await;
        let number = id(&own);
        let mut monitor = own.monitor().await.unwrap();
        // The shared connection has had several heartbeats by then, of which the monitor tells.
        let mut pings = 0;
        while pings < 5 {
            let Monitored::Command(line) = told(&mut monitor).await else { panic!("no lag, no end") };
            pings += u32::from(line.command[0].eq_ignore_ascii_case(b"PING"));
        }
        let line = line_of(&server, number).unwrap();
        assert!(line.contains("cmd=monitor") && line.contains("flags=O"), "{line}");
        server.raw(&["CLIENT", "KILL", "ID", &number.to_string()]);
        let end = within(PATIENCE, async {
            loop {
                match monitor.next().await.unwrap() {
                    Monitored::Command(_) => {}
                    other => return other,
                }
            }
        });
        assert!(matches!(end.await, Monitored::Ended { cause: Cause::PeerClosed | Cause::Io(_), .. }));
        assert!(monitor.next().await.is_none());
    }
}

#[tokio::test]
async fn a_slow_reader_of_a_monitor_is_told_how_much_it_has_missed() {
    let server = Server::build(Kind::Redis).start();
    let client = connected(tcp(&server)).await;
    let mut monitor = dedicated(&client).await.monitor().await.unwrap();
    let mut pipeline = client.pipeline();
    for number in 0..10_000 {
        let _ = pipeline.set("key", number).queue();
    }
    pipeline.execute().await.check().unwrap();
    // The last lines are on their way still.
    until(async || {
        server.raw(&["CLIENT", "LIST"]).lines().any(|line| line.contains("flags=O") && line.contains(" omem=0 "))
    })
    .await;
    client.set("last", 1).await.unwrap();
    let mut seen = Vec::new();
    let mut missed = 0;
    loop {
        match told(&mut monitor).await {
            Monitored::Lagged { lost, .. } => missed += lost,
            Monitored::Command(line) if &line.command[1][..] == b"last" => break,
            Monitored::Command(line) => {
                seen.push(String::from_utf8(line.command[2].to_vec()).unwrap().parse().unwrap())
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(missed > 0 && missed + seen.len() as u64 >= 10_000, "{missed} missed, {} seen", seen.len());
    assert!(seen.is_sorted() && seen.last() == Some(&9_999_u32), "the latest are kept, in order");
}

#[tokio::test]
async fn a_monitor_that_is_not_allowed_says_so() {
    let server = Server::build(Kind::Redis).start();
    server.raw(&["ACL", "SETUSER", "bob", "on", ">pw", "~*", "+@all", "-monitor"]);
    let client = connected(tcp(&server).with_credentials("bob", "pw")).await;
    let error = dedicated(&client).await.monitor().await.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Server, Fate::Refused), "{error}");
    until(async || leased(&server) == 0).await;
    // After MULTI it would only be queued.
    let own = connected(tcp(&server)).await.dedicated().await.unwrap();
    do_now(&own, "MULTI").await;
    assert_eq!(own.monitor().await.unwrap_err().kind(), ErrorKind::Conversion);
}

#[tokio::test]
async fn another_database_has_connections_of_its_own_and_keeps_them_after_a_cut() {
    everywhere(async |server, client| {
        let other = client.database(3);
        other.set("key", "there").await.unwrap();
        assert_eq!(client.get::<String>("key").await.unwrap(), None);
        assert_eq!(server.raw(&["EXISTS", "key"]), "0");
        assert_ne!(other.client_id().await.unwrap(), client.client_id().await.unwrap());
        assert_eq!(client.database(3).client_id().await.unwrap(), other.client_id().await.unwrap(), "the same one");
        assert_eq!(client.database(0).client_id().await.unwrap(), client.client_id().await.unwrap(), "its own one");
        server.raw(&["CLIENT", "KILL", "TYPE", "normal"]);
        assert_eq!(other.get::<String>("key").await.unwrap().as_deref(), Some("there"));
        // What it lends is of that database too.
        assert_eq!(dedicated(&other).await.get::<String>("key").await.unwrap().as_deref(), Some("there"));
        let error = client.database(99).ping().await.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Handshake, Fate::NotSent), "{error}");
        within(PATIENCE, other.close(Duration::from_secs(1))).await;
        assert_eq!(other.ping().await.unwrap_err().kind(), ErrorKind::Closed);
        client.ping().await.unwrap();
        client.database(3).ping().await.unwrap();
        server.raw(&["FLUSHALL"]);
    })
    .await;
}

#[tokio::test]
async fn wait_counts_the_replicas_that_have_the_connections_own_writes() {
    for kind in KINDS {
        let server = Server::build(kind).config("repl-diskless-sync-delay 0").start();
        let replica = Server::build(kind).config(&format!("replicaof 127.0.0.1 {}", server.port())).start();
        let client = connected(tcp(&server)).await;
        let own = dedicated(&client).await;
        until(async || server.raw(&["INFO", "replication"]).contains("state=online")).await;
        own.set("key", 1).await.unwrap();
        assert_eq!(own.wait(1, Duration::from_secs(5)).await.unwrap(), 1);
        assert_eq!(replica.raw(&["GET", "key"]), "1");
        replica.stop();
        own.set("key", 2).await.unwrap();
        assert_eq!(own.wait(1, Duration::from_millis(50)).await.unwrap(), 0);
        replica.cont();
    }
}

#[tokio::test]
async fn the_time_that_a_command_blocks_is_added_to_the_default_deadline_and_not_to_ones_own() {
    let server = Server::build(Kind::Redis).start();
    let client = connected(tcp(&server).with_deadline(Duration::from_millis(300))).await;
    let own = dedicated(&client).await;
    let none = own.request::<Option<Value>>(Command::new("BLPOP nothing 0.5")).await.unwrap();
    assert!(none.is_none());
    let mut pipeline = own.pipeline();
    let two = [(), ()].map(|()| pipeline.request::<Option<Value>>(Command::new("BLPOP nothing 0.2")).queue());
    assert_eq!(pipeline.execute().await.get(two).unwrap(), [None, None]);
    let limit = Duration::from_millis(100);
    let number = id(&own);
    let call = own.request::<Value>(Command::new("BLPOP nothing 0")).deadline(limit);
    let error = fails_after(limit, call.into_future()).await;
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout, Fate::Unknown), "{error}");
    // Nobody else waits behind it: the server is asked to end it.
    drop(own);
    lent_again(&client, number).await.ping().await.unwrap();
}

#[tokio::test]
async fn what_a_blocking_command_takes_away_for_nobody_goes_to_the_orphan_hook() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        let (hook, mut orphans) = tokio::sync::mpsc::unbounded_channel();
        let config = tcp(&server).with_orphan_hook(move |orphan| hook.send(orphan).unwrap());
        let client = connected(config).await;
        let own = dedicated(&client).await;
        let number = id(&own);
        let mut call = own.request::<Value>(Command::new("BLPOP list 0")).into_future();
        assert!(futures_pending(&mut call));
        until(async || line_of(&server, number).is_some_and(|line| line.contains("cmd=blpop"))).await;
        drop(call);
        server.raw(&["RPUSH", "list", "element"]);
        until(async || server.raw(&["EXISTS", "list"]) == "0").await;
        drop(own);
        let orphan = within(PATIENCE, orphans.recv()).await.unwrap();
        assert_eq!(&*orphan.command, "BLPOP");
        assert_eq!(format!("{:?}", orphan.reply.unwrap()), format!("{:?}", value(&["list", "element"])));
        drop(lent_again(&client, number).await);

        // With something behind it nobody can tell whose answer is whose: it is closed.
        let own = dedicated(&client).await;
        let mut call = own.request::<Value>(Command::new("BLPOP list 0")).into_future();
        assert!(futures_pending(&mut call));
        drop(call);
        let mut call = own.request::<Value>(Command::new("PING")).into_future();
        assert!(futures_pending(&mut call));
        drop(call);
        drop(own);
        until(async || line_of(&server, number).is_none()).await;
    }
}

#[tokio::test]
async fn what_a_blocking_command_takes_away_goes_to_the_hook_also_from_a_connection_that_is_of_no_use_to_others() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        let (hook, mut orphans) = tokio::sync::mpsc::unbounded_channel();
        let config = tcp(&server).with_orphan_hook(move |orphan| hook.send(orphan).unwrap());
        let client = connected(config).await;
        for (before, is_killed) in [("CLIENT SETNAME other", false), ("WATCH key", false), ("GET key", true)] {
            let own = dedicated(&client).await;
            let number = id(&own);
            do_now(&own, before).await;
            let mut call = own.request::<Value>(Command::new("BLPOP list 0")).into_future();
            assert!(futures_pending(&mut call));
            until(async || line_of(&server, number).is_some_and(|line| line.contains("cmd=blpop"))).await;
            drop(call);
            server.raw(&["RPUSH", "list", "element"]);
            until(async || server.raw(&["EXISTS", "list"]) == "0").await;
            if is_killed {
                server.raw(&["CLIENT", "KILL", "ID", &number.to_string()]);
                until(async || format!("{own:?}").contains("lost: true")).await;
            }
            drop(own);
            let orphan = within(PATIENCE, orphans.recv()).await.unwrap();
            assert_eq!(
                format!("{:?}", orphan.reply.unwrap()),
                format!("{:?}", value(&["list", "element"])),
                "{before}"
            );
            until(async || line_of(&server, number).is_none()).await;
        }
        // What was queued was not run.
        let own = dedicated(&client).await;
        do_now(&own, "MULTI").await;
        let mut call = own.request::<Value>(Command::new("BLPOP list 0")).into_future();
        assert!(futures_pending(&mut call));
        let number = id(&own);
        until(async || line_of(&server, number).is_some_and(|line| line.contains("multi=1"))).await;
        drop(call);
        drop(own);
        drop(lent_again(&client, number).await);
        assert!(orphans.try_recv().is_err());
    }
}

#[tokio::test]
async fn it_keeps_the_clients_connections_alive_and_is_closed_with_them() {
    let server = Server::build(Kind::Redis).start();
    let client = connected(tcp(&server)).await;
    let own = dedicated(&client).await;
    drop(client);
    own.set("key", 1).await.unwrap();
    assert_eq!(leased(&server), 1);
    drop(own);
    until(async || clients_of(&server).is_empty()).await;

    let client = connected(tcp(&server)).await;
    let own = dedicated(&client).await;
    within(PATIENCE, client.close(Duration::from_secs(1))).await;
    assert_eq!(own.ping().await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(client.dedicated().await.unwrap_err().kind(), ErrorKind::Closed);
    until(async || clients_of(&server).is_empty()).await;
}

/// A connection of one's own that is this one: it may take a while until it is lent again.
async fn lent_again(client: &Client, number: i64) -> Dedicated {
    let lent = async {
        let mut others = Vec::new();
        loop {
            let lent = dedicated(client).await;
            if id(&lent) == number {
                return lent;
            }
            others.push(lent);
        }
    };
    within(PATIENCE, lent).await
}

fn value(words: &[&'static str]) -> Value {
    Value::Array(words.iter().map(|word| Value::BulkString(word.as_bytes().into())).collect())
}

/// Polls once, and says whether it is still to come.
fn futures_pending<F: Future + Unpin>(future: &mut F) -> bool {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop())).is_pending()
}
