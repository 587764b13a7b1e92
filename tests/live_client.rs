//! A client does its main job on real servers: over every kind of connection, in both protocols, with equal answers.
#![cfg(all(unix, feature = "tls"))]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
#[path = "support/pki.rs"]
#[allow(dead_code, unreachable_pub, clippy::panic, clippy::unwrap_used, reason = "the certificates of all tests")]
mod pki;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use steadfast::api::{Connection, Hashes, Keys, Lists, PubSub, Server as _, Sets, SortedSets, Strings};
use steadfast::client::ProtocolChoice;
use steadfast::resp::Protocol;
use steadfast::{Client, Command, Config, Error, ErrorKind, Fate, TlsOptions, TlsVersion, Value};

use live::{KINDS, PATIENCE, clients_of, connected, quick, tcp, until, within};
use pki::pki;
use support::{ClientCertificates, Server, TlsFiles};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn typed_commands_give_equal_answers_on_every_way_to_every_server() {
    let files = TlsFiles {
        certificate: pki().certificate("server"),
        key: pki().key("server"),
        authority: pki().certificate("ca"),
    };
    let mut transcripts: Vec<(String, Vec<String>)> = Vec::new();
    for kind in KINDS {
        let server = Server::build(kind).tls(files.clone(), ClientCertificates::Ignored).start();
        let tls = |version| {
            let trust = TlsOptions::new().with_root_pem_file(pki().certificate("ca"));
            let only = trust.with_min_version(version).with_max_version(version);
            quick(Config::tcp("localhost", server.tls_port())).with_tls(only)
        };
        for (way, config, version) in [
            ("TCP", tcp(&server), None),
            ("Unix", quick(Config::unix(server.unix_socket())), None),
            ("TLS 1.2", tls(TlsVersion::Tls12), Some("TLSv1.2")),
            ("TLS 1.3", tls(TlsVersion::Tls13), Some("TLSv1.3")),
        ] {
            for (choice, protocol) in
                [(ProtocolChoice::Resp2, Protocol::Resp2), (ProtocolChoice::Auto, Protocol::Resp3)]
            {
                let client = connected(config.clone().with_protocol(choice)).await;
                let state = client.state().borrow().clone();
                let session = state.session().unwrap();
                assert_eq!(session.server.protocol, protocol);
                assert_eq!(session.peer.tls.as_ref().map(|tls| tls.version), version);
                transcripts.push((format!("{kind:?} {way} {choice:?}"), within(PATIENCE, transcript(&client)).await));
            }
        }
    }
    let (first, expected) = &transcripts[0];
    assert_eq!(transcripts.len(), 16);
    for (other, found) in &transcripts[1..] {
        assert_eq!(expected, found, "{first} and {other} differ");
    }
    assert_eq!(expected, EXPECTED);
}

/// What all the typed commands answer, in one line each.
async fn transcript(client: &Client) -> Vec<String> {
    let mut lines = Vec::new();
    let mut note = |line: String| lines.push(line);
    note(shown(client.flushall().await));
    note(shown(client.ping().await));
    note(shown(client.echo::<String>("h\0é\r\n").await));
    note(shown(client.client_id().await.map(|id| id > 0)));
    note(shown(client.set("s", "10").await));
    note(shown(client.set("s", "11").nx().await));
    note(shown(client.set("s", "12").xx().get::<i64>().await));
    note(shown(client.get::<i64>("s").await));
    note(shown(client.get::<Bytes>("none").await));
    note(shown(client.append("s", "3").await));
    note(shown((
        client.incr("s").await.unwrap(),
        client.incrby("s", -5).await.unwrap(),
        client.decr("s").await.unwrap(),
    )));
    note(shown(client.decrby("s", 8).await));
    note(shown(client.incrbyfloat("f", 1.5).await));
    note(shown(client.strlen("s").await));
    note(shown(client.getrange::<String>("s", 0, 1).await));
    note(shown(client.mset([("a", "1"), ("b", "2")]).await));
    note(shown(client.mget::<i64>(["a", "none", "b"]).await));
    note(shown(client.getdel::<String>("a").await));
    note(shown(client.getdel::<String>("a").await));
    note(shown(client.set("e", "").ex(Duration::from_secs(100)).await));
    note(shown(client.ttl("e").await.map(|ttl| ttl.left().is_some_and(|left| left > Duration::from_secs(90)))));
    note(shown(client.set("e", "x").keepttl().await));
    note(shown(client.persist("e").await));
    note(shown((client.ttl("e").await.unwrap(), client.ttl("none").await.unwrap())));
    note(shown(client.set("e", "y").exat(SystemTime::now() - Duration::from_secs(5)).await));
    // What has expired is deleted when it is looked at.
    note(shown(client.get::<String>("e").await));
    note(shown(client.expire("b", Duration::from_secs(9)).await));
    note(shown((client.exists(["b", "b", "none"]).await.unwrap(), client.type_of("b").await.unwrap())));
    note(shown((client.del(["b", "none"]).await.unwrap(), client.unlink("f").await.unwrap())));
    note(shown(client.hset("h", [("x", "1"), ("y", "two")]).await));
    note(shown(client.hgetall::<BTreeMap<String, String>>("h").await));
    note(shown(client.hgetall::<BTreeMap<String, String>>("none").await));
    note(shown((client.hget::<i64>("h", "x").await.unwrap(), client.hget::<i64>("h", "z").await.unwrap())));
    note(shown(client.hmget::<String>("h", ["y", "z"]).await));
    note(shown((client.hexists("h", "x").await.unwrap(), client.hlen("h").await.unwrap())));
    note(shown((client.hincrby("h", "x", 41).await.unwrap(), client.hdel("h", ["y", "z"]).await.unwrap())));
    note(shown(client.hkeys::<String>("h").await));
    note(shown((client.rpush("l", ["1", "2", "3"]).await.unwrap(), client.lpush("l", "0").await.unwrap())));
    note(shown(client.lrange::<i64>("l", 0, -1).await));
    note(shown((client.lpop::<i64>("l").await.unwrap(), client.rpop::<i64>("l").await.unwrap())));
    note(shown((client.ltrim("l", 1, -1).await.unwrap(), client.llen("l").await.unwrap())));
    note(shown(client.lpop::<i64>("none").await));
    note(shown((client.sadd("set", ["b", "a", "a"]).await.unwrap(), client.scard("set").await.unwrap())));
    note(shown(client.smembers::<BTreeSet<String>>("set").await));
    note(shown((client.sismember("set", "a").await.unwrap(), client.srem("set", ["a", "c"]).await.unwrap())));
    note(shown(client.zadd("z", [(1.5, "one"), (f64::INFINITY, "more")]).await));
    note(shown((client.zscore("z", "one").await.unwrap(), client.zscore("z", "none").await.unwrap())));
    note(shown(client.zscore("z", "more").await));
    note(shown((client.zincrby("z", 0.25, "one").await.unwrap(), client.zcard("z").await.unwrap())));
    note(shown(client.zrange::<String>("z", 0, -1).await));
    note(shown(client.zrem("z", "one").await));
    note(shown(client.publish("nobody", "hears").await));
    note(shown(client.dbsize().await));
    note(shown(client.info("server").await.map(|info| info.contains("redis_version"))));
    note(shown(
        client.request::<Value>(Command::new("COMMAND COUNT")).await.map(|count| matches!(count, Value::Integer(_))),
    ));
    note(shown(client.request::<String>(Command::new("object").arg(("ENCODING", "s"))).await));
    note(error(client.incr("l").await));
    note(error(client.request::<()>(Command::new("NOSUCHCOMMAND").arg("x")).await));
    note(error(client.request::<()>(Command::new("GET")).await));
    note(error(client.get::<i64>("e2").await.and(client.set("t", "text").await).and(client.get::<i64>("t").await)));
    note(error(client.request::<()>(Command::new("EVAL").arg(("return redis.error_reply('MINE own')", 0))).await));
    note(shown(client.flushdb().await));
    lines
}

fn shown<T: Debug>(value: T) -> String {
    format!("{value:?}")
}

/// An error without what differs from server to server.
fn error<T: Debug>(outcome: Result<T, Error>) -> String {
    let error = outcome.unwrap_err();
    let code = error.server().map_or("", |server| server.code());
    format!("{:?} {:?} {code}", error.kind(), error.fate())
}

const EXPECTED: &[&str] = &[
    "Ok(())",
    "Ok(())",
    r#"Ok("h\0é\r\n")"#,
    "Ok(true)",
    "Ok(())",
    "Ok(false)",
    "Ok(Some(10))",
    "Ok(Some(12))",
    "Ok(None)",
    "Ok(3)",
    "(124, 119, 118)",
    "Ok(110)",
    "Ok(1.5)",
    "Ok(3)",
    r#"Ok("11")"#,
    "Ok(())",
    "Ok([Some(1), None, Some(2)])",
    r#"Ok(Some("1"))"#,
    "Ok(None)",
    "Ok(())",
    "Ok(true)",
    "Ok(())",
    "Ok(true)",
    "(Forever, Missing)",
    "Ok(())",
    "Ok(None)",
    "Ok(true)",
    r#"(2, "string")"#,
    "(1, 1)",
    "Ok(2)",
    r#"Ok({"x": "1", "y": "two"})"#,
    "Ok({})",
    "(Some(1), None)",
    r#"Ok([Some("two"), None])"#,
    "(true, 2)",
    "(42, 1)",
    r#"Ok(["x"])"#,
    "(3, 4)",
    "Ok([0, 1, 2, 3])",
    "(Some(0), Some(3))",
    "((), 1)",
    "Ok(None)",
    "(2, 2)",
    r#"Ok({"a", "b"})"#,
    "(true, 1)",
    "Ok(2)",
    "(Some(1.5), None)",
    "Ok(Some(inf))",
    "(1.75, 2)",
    r#"Ok(["one", "more"])"#,
    "Ok(1)",
    "Ok(0)",
    "Ok(5)",
    "Ok(true)",
    "Ok(true)",
    r#"Ok("int")"#,
    "Server Executed WRONGTYPE",
    "Server Executed ERR",
    "Server Refused ERR",
    "Conversion Executed ",
    "Server Executed MINE",
    "Ok(())",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipeline_has_one_result_for_each_command_whatever_the_others_did() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        for choice in [ProtocolChoice::Resp2, ProtocolChoice::Resp3] {
            let client = connected(tcp(&server).with_protocol(choice)).await;
            client.flushall().await.unwrap();
            let mut pipeline = client.pipeline();
            let first = pipeline.incr("n").queue();
            let pushed = pipeline.rpush("list", ["1", "2"]).queue();
            let wrong = pipeline.incr("list").queue();
            let unknown = pipeline.request::<()>(Command::new("NOSUCH")).queue();
            let list = pipeline.lrange::<i64>("list", 0, -1).queue();
            let misread = pipeline.lrange::<i64>("list", 0, -1).answer_as::<i64>().queue();
            let missing = pipeline.get::<String>("none").queue();
            let last = pipeline.incr("n").queue();
            let results = within(PATIENCE, pipeline.execute()).await;
            assert_eq!((results.get(first).unwrap(), results.get(last).unwrap()), (1, 2));
            assert_eq!((results.get(pushed).unwrap(), results.get(list).unwrap()), (2, vec![1, 2]));
            assert_eq!(results.get(missing).unwrap(), None);
            let wrong = results.get(wrong).unwrap_err();
            assert_eq!((wrong.kind(), wrong.fate()), (ErrorKind::Server, Fate::Executed));
            assert_eq!(wrong.server().unwrap().code(), "WRONGTYPE");
            let unknown = results.get(unknown).unwrap_err();
            assert_eq!((unknown.kind(), unknown.fate()), (ErrorKind::Server, Fate::Executed));
            let misread = results.get(misread).unwrap_err();
            assert_eq!((misread.kind(), misread.fate()), (ErrorKind::Conversion, Fate::Executed));
            assert!(results.check().is_err());
            assert_eq!(results.len(), 8);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_pipeline_is_answered_in_order() {
    let server = Server::redis();
    let client = connected(tcp(&server)).await;
    let mut pipeline = client.pipeline();
    for number in 0..50_000 {
        let _ = pipeline.echo::<u32>(number.to_string()).queue();
    }
    let results = within(PATIENCE, pipeline.execute()).await;
    results.check().unwrap();
    for (number, answer) in results.iter::<u32>().enumerate() {
        assert_eq!(answer.unwrap() as usize, number);
    }
    assert!(client.pipeline().execute().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_values_survive_both_ways_as_whatever_they_were_given() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        let client = connected(tcp(&server).with_deadline(PATIENCE)).await;
        for size in [64 << 10, (64 << 10) + 1, 1 << 20, 16 << 20] {
            let text: String = (0..size).map(|index| char::from(b'a' + (index % 23) as u8)).collect();
            let bytes: Vec<u8> = (0..size).map(|index| (index * 7 % 256) as u8).collect();
            let shared = Bytes::from(bytes.clone());
            let (one, two, three) = tokio::join!(
                async { client.set("text", text.clone()).await },
                async { client.set("bytes", bytes.clone()).await },
                async { client.set("shared", shared.clone()).await },
            );
            one.and(two).and(three).unwrap();
            let (got_text, got_bytes, got_shared) = tokio::join!(
                async { client.get::<String>("text").await },
                async { client.get::<Vec<u8>>("bytes").await },
                async { client.get::<Bytes>("shared").await },
            );
            assert!(got_text.unwrap() == Some(text) && got_bytes.unwrap() == Some(bytes), "{size}");
            assert!(got_shared.unwrap() == Some(shared), "{size}");
            assert_eq!(client.strlen("shared").await.unwrap() as usize, size);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_concurrent_calls_each_get_their_own_answer_on_one_connection() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        let client = connected(tcp(&server).with_deadline(PATIENCE)).await;
        let calls: Vec<_> = (0..10_000)
            .map(|number| {
                let client = client.clone();
                tokio::spawn(async move {
                    let token = format!("token-{number}-{}", "x".repeat(number % 700));
                    client.echo::<String>(&token).await.unwrap() == token
                })
            })
            .collect();
        for call in calls {
            assert!(within(PATIENCE, call).await.unwrap());
        }
        assert_eq!(clients_of(&server).len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_of_one_task_run_in_the_order_in_which_they_were_issued() {
    let server = Server::valkey();
    let client = connected(tcp(&server)).await;
    let mut calls: Vec<_> = (0..2_000).map(|number| client.rpush("order", number.to_string()).into_future()).collect();
    // All are sent before any is awaited to its end.
    std::future::poll_fn(|cx| {
        for call in &mut calls {
            assert!(std::pin::Pin::new(call).poll(cx).is_pending());
        }
        std::task::Poll::Ready(())
    })
    .await;
    for (index, call) in calls.into_iter().enumerate() {
        assert_eq!(within(PATIENCE, call).await.unwrap() as usize, index + 1);
    }
    let order: Vec<u32> = client.lrange("order", 0, -1).await.unwrap();
    assert!(order.into_iter().eq(0..2_000));
}

/// What would change the connection for all other users.
fn disturbing() -> Vec<Command> {
    vec![
        Command::new("SUBSCRIBE").arg("c"),
        Command::new("psubscribe").arg("c*"),
        Command::new("SSUBSCRIBE").arg("c"),
        Command::new("UNSUBSCRIBE"),
        Command::new("MULTI"),
        Command::new("EXEC"),
        Command::new("DISCARD"),
        Command::new("WATCH").arg("k"),
        Command::new("SELECT").arg(1),
        Command::new("HELLO").arg(2),
        Command::new("AUTH").arg("x"),
        Command::new("RESET"),
        Command::new("QUIT"),
        Command::new("MONITOR"),
        Command::new("WAIT").arg((1, 0)),
        Command::new("CLIENT REPLY").arg("OFF"),
        Command::new("CLIENT").arg(("REPLY", "OFF")),
        Command::new("CLIENT TRACKING").arg("ON"),
        Command::new("CLIENT").arg(("tracking", "ON")),
        Command::new("CLIENT").arg(("CACHING", "YES")),
        Command::new("SUBSCRIBE news"),
        Command::new(" MULTI "),
        Command::new("Client  Reply off"),
        Command::new("MULTI\0"),
        Command::new("REPLCONF ACK 0"),
        Command::new("SCRIPT DEBUG YES"),
    ]
}

/// What waits on the server without end, where there are the stream `s` and its group `g`.
fn blocking() -> Vec<Command> {
    vec![
        Command::new("BLPOP").arg(("k", 0)),
        Command::new("brpop").arg(("k", 0)),
        Command::new("BLMOVE").arg(("k", "l", "LEFT", "LEFT", 0)),
        Command::new("BLMPOP").arg((0, 1, "k", "LEFT")),
        Command::new("BZPOPMIN").arg(("k", 0)),
        Command::new("XREAD").arg(("BLOCK", 0, "STREAMS", "s", "$")),
        Command::new("XREAD").arg(("COUNT", 1, "block", 0, "STREAMS")).arg(("s", "$")),
        Command::new("XREADGROUP").arg(("GROUP", "g", "c", "BLOCK", 0)).arg(("STREAMS", "s", ">")),
        Command::new("blpop k\t0"),
        Command::new("XREAD BLOCK 0 STREAMS s $"),
    ]
}

#[tokio::test]
async fn what_would_disturb_others_on_the_connection_fails_before_it_is_sent() {
    let server = Server::redis();
    let client = connected(tcp(&server)).await;
    let is_refused = |error: Error, name: &str| {
        assert_eq!((error.kind(), error.fate()), (ErrorKind::NeedsDedicated, Fate::NotSent), "{name}: {error}");
        assert!(error.to_string().starts_with(name), "{error}");
    };
    for command in disturbing() {
        let name = command.name().to_owned();
        match within(PATIENCE, client.request::<Value>(command).deadline(Duration::from_secs(1)).into_future()).await {
            Err(error) => is_refused(error, &name),
            Ok(value) => panic!("{name} was sent and answered {value:?}"),
        }
    }
    // Nothing has a connection of its own among others.
    let mut pipeline = client.pipeline();
    let before = pipeline.incr("n").queue();
    let mut refused = Vec::new();
    for command in disturbing().into_iter().chain(blocking()) {
        refused.push((command.name().to_owned(), pipeline.request::<Value>(command).queue()));
    }
    let after = pipeline.incr("n").queue();
    let results = within(PATIENCE, pipeline.execute()).await;
    assert_eq!((results.get(before).unwrap(), results.get(after).unwrap()), (1, 2));
    for (name, queued) in refused {
        is_refused(results.get(queued).unwrap_err(), &name);
    }
    assert_eq!(results.check().unwrap_err().kind(), ErrorKind::NeedsDedicated);
    client.set("k", "v").await.unwrap();
    assert_eq!(client.get::<String>("k").await.unwrap().as_deref(), Some("v"));
    assert_eq!(clients_of(&server).len(), 1, "nothing of this has made a connection");
}

#[tokio::test]
async fn what_waits_on_the_server_has_a_connection_of_its_own_and_holds_up_nobody() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        let client = connected(tcp(&server)).await;
        let shared = client.client_id().await.unwrap();
        server.raw(&["XGROUP", "CREATE", "s", "g", "$", "MKSTREAM"]);
        let waiting: Vec<_> = blocking()
            .into_iter()
            .map(|command| {
                let client = client.clone();
                tokio::spawn(async move { client.request::<Value>(command).deadline(PATIENCE).await.is_ok() })
            })
            .collect();
        let is_blocked = |line: &String| line.split(' ').any(|field| field == "flags=b");
        until(async || clients_of(&server).iter().filter(|line| is_blocked(line)).count() == waiting.len()).await;
        assert_eq!(within(PATIENCE, client.incr("n").into_future()).await.unwrap(), 1);
        let rest: Vec<String> = clients_of(&server).into_iter().filter(|line| !is_blocked(line)).collect();
        assert_eq!(rest.len(), 1, "{kind:?}: {rest:?}");
        assert!(rest[0].starts_with(&format!("id={shared} ")), "{kind:?}: {rest:?}");
        // Whoever takes elements from the list takes one.
        server.raw(&["RPUSH", "k", "1", "2", "3", "4", "5"]);
        server.raw(&["XADD", "s", "*", "field", "value"]);
        until(async || clients_of(&server).iter().filter(|line| is_blocked(line)).count() == 1).await;
        server.raw(&["ZADD", "k", "1", "member"]);
        for call in waiting {
            assert!(within(PATIENCE, call).await.unwrap(), "{kind:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_belongs_to_its_own_call_whatever_the_name_of_a_command_holds() {
    let server = Server::redis();
    let client = connected(tcp(&server)).await;
    client.set("k", "v").await.unwrap();
    for name in ["", " ", "\0", "\r\n", "CLIENT FOO", "CLIENT", "NOSUCH a b", "GET k extra", "GET\r\nk x", "DEBUG\0"] {
        let (odd, get) = tokio::join!(
            within(PATIENCE, client.request::<Value>(Command::new(name)).into_future()),
            within(PATIENCE, client.get::<String>("k").into_future()),
        );
        assert_eq!(odd.unwrap_err().kind(), ErrorKind::Server, "{name:?}");
        assert_eq!(get.unwrap().as_deref(), Some("v"), "{name:?}");
    }
    let value: String = client.request(Command::new(" get  k ")).await.unwrap();
    assert_eq!(value, "v");
}

/// What a server itself calls blocking goes elsewhere; what it forbids in a transaction because it does something to the
/// connection goes nowhere.
#[tokio::test]
async fn what_servers_say_of_their_commands_is_known_here() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        let client = connected(tcp(&server).with_protocol(ProtocolChoice::Resp2)).await;
        let shared = format!("id={} ", client.client_id().await.unwrap());
        let commands: Vec<Vec<Value>> = client.request(Command::new("COMMAND")).await.unwrap();
        let (mut refused, mut elsewhere) = (0, 0);
        for command in commands.iter().flat_map(|command| command_and_subcommands(command)) {
            let (name, flags) = command;
            let by_option = ["xread", "xreadgroup"].contains(&&*name);
            // These two concern the whole server, whichever connection they come on.
            let of_the_server = ["save", "shutdown"].contains(&&*name);
            let says = |flag: &str| flags.contains(flag);
            let disturbs = says("no_multi") || (says("pubsub") && says("noscript"));
            if !(disturbs || says("blocking")) || by_option || of_the_server {
                continue;
            }
            let error = client.request::<Value>(Command::new(&name)).await.unwrap_err();
            match error.kind() {
                ErrorKind::NeedsDedicated => refused += 1,
                // It was sent: the server says that there are arguments missing.
                _ => {
                    assert!(says("blocking") && !disturbs, "{kind:?} {name}: {error}");
                    assert_eq!(
                        (error.kind(), error.fate()),
                        (ErrorKind::Server, Fate::Refused),
                        "{kind:?} {name}: {error}"
                    );
                    let last = format!(" cmd={name} ");
                    let lines = clients_of(&server);
                    let (on_shared, others): (Vec<_>, Vec<_>) =
                        lines.iter().partition(|line| line.starts_with(&shared));
                    assert!(others.iter().any(|line| line.contains(&last)), "{kind:?} {name}: {lines:?}");
                    assert!(on_shared.iter().all(|line| !line.contains(&last)), "{kind:?} {name}: {lines:?}");
                    elsewhere += 1;
                }
            }
        }
        assert!(refused > 7 && elsewhere > 7, "{kind:?}: only {refused} and {elsewhere} were found");
    }
}

/// The names, words apart, and the flags of one entry of `COMMAND`.
fn command_and_subcommands(entry: &[Value]) -> Vec<(String, BTreeSet<String>)> {
    let text = |value: &Value| match value {
        Value::SimpleString(text) | Value::BulkString(text) => String::from_utf8_lossy(text).into_owned(),
        other => panic!("{other:?} is no string"),
    };
    let [name, _, Value::Array(flags), ..] = entry else { panic!("{entry:?} is no command") };
    let mut found = vec![(text(name).replace('|', " "), flags.iter().map(text).collect())];
    if let Some(Value::Array(subcommands)) = entry.get(9) {
        for subcommand in subcommands {
            let Value::Array(subcommand) = subcommand else { panic!("{subcommand:?} is no subcommand") };
            found.extend(command_and_subcommands(subcommand));
        }
    }
    found
}
