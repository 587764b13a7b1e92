//! Server.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use steadfast::api::*;
use steadfast::client::ProtocolChoice;
use steadfast::{ErrorKind, Fate, Value};

use super::{NOTHING, documented, not_sent, on, on_each, words};
use crate::live::{KINDS, connected, tcp, until};
use crate::support::{Kind, Server as TestServer};

#[track_caller]
fn is_about_now(moment: SystemTime) {
    let now = SystemTime::now();
    let apart = now.duration_since(moment).or_else(|_| moment.duration_since(now)).unwrap();
    assert!(apart < Duration::from_secs(120), "{moment:?}");
}

#[tokio::test]
async fn data_is_flushed_swapped_and_counted() {
    on_each(async |client| {
        let mut left = Vec::new();
        for flush in [client.flushall(), client.flushall().asynchronous(), client.flushall().synchronous()] {
            client.set("k", "v").await.unwrap();
            flush.await.unwrap();
            left.push(client.dbsize().await.unwrap());
        }
        for flush in [client.flushdb(), client.flushdb().asynchronous(), client.flushdb().synchronous()] {
            client.set("k", "v").await.unwrap();
            flush.await.unwrap();
            left.push(client.dbsize().await.unwrap());
        }
        assert_eq!(left, [0; 6]);
        client.set("k", "v").await.unwrap();
        client.swapdb(0, 1).await.unwrap();
        assert_eq!(client.dbsize().await.unwrap(), 0);
        client.swapdb(1, 0).await.unwrap();
        assert_eq!(client.dbsize().await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn the_server_speaks_of_itself() {
    on_each(async |client| {
        assert!(client.info(()).await.unwrap().contains("# Keyspace"));
        let about = client.info("server").await.unwrap();
        assert!(about.contains("tcp_port:") && !about.contains("# Memory"));
        let about = client.info(["server", "memory"]).await.unwrap();
        assert!(about.contains("# Server") && about.contains("# Memory"));
        let (one, other) = (client.time().await.unwrap(), client.time().await.unwrap());
        is_about_now(one);
        assert!(one < other, "to the microsecond");
        assert!(client.lolwut().await.unwrap().contains("ver"));
        assert!(client.lolwut().version(5).await.unwrap().len() > client.lolwut().await.unwrap().len());
        client.debug::<()>(("SLEEP", 0)).await.unwrap();
        assert!(client.debug::<String>(("OBJECT", "none")).await.unwrap_err().to_string().contains("no such key"));
        not_sent(client.debug::<()>(NOTHING)).await;
    })
    .await;
}

#[tokio::test]
async fn what_the_server_says_of_itself_is_read_whatever_bytes_others_put_into_it() {
    on_each(async |client| {
        client.eval::<()>("return redis.error_reply('\\255 x')", (), ()).await.unwrap_err();
        assert!(client.info("errorstats").await.unwrap().contains("errorstat_\u{fffd}:count=1"));
        client.config_resetstat().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn the_data_is_saved() {
    on_each(async |client| {
        // A second is the finest that LASTSAVE tells apart.
        let before = client.lastsave().await.unwrap();
        is_about_now(before);
        until(async || {
            client.save().await.unwrap();
            client.lastsave().await.unwrap() > before
        })
        .await;
        let idle = async || {
            until(async || {
                let about = client.info("persistence").await.unwrap();
                about.contains("rdb_bgsave_in_progress:0") && about.contains("aof_rewrite_in_progress:0")
            })
            .await;
        };
        client.bgsave().await.unwrap();
        idle().await;
        client.bgsave().schedule().await.unwrap();
        idle().await;
        client.bgrewriteaof().await.unwrap();
        idle().await;
    })
    .await;
    documented("BGSAVE CANCEL", "+OK", async |client| {
        client.bgsave().cancel().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn settings_are_read_changed_and_written() {
    on_each(async |client| {
        client.config_set([("maxmemory", "100mb"), ("maxmemory-policy", "allkeys-lru")]).await.unwrap();
        let settings = client.config_get(["maxmemory*", "hz"]).await.unwrap();
        assert_eq!(
            (settings["maxmemory"].as_str(), settings["maxmemory-policy"].as_str()),
            ("104857600", "allkeys-lru")
        );
        assert_eq!(settings["hz"], "10");
        client.config_set(HashMap::from([("maxmemory", "0"), ("maxmemory-policy", "noeviction")])).await.unwrap();
        assert_eq!(client.config_get("maxmemory").await.unwrap()["maxmemory"], "0");
        assert!(client.config_get("nosuch").await.unwrap().is_empty());
        client.config_set([("maxmemory", "1gb"), ("nosuch", "1")]).await.unwrap_err();
        assert_eq!(client.config_get("maxmemory").await.unwrap()["maxmemory"], "0");
        client.config_rewrite().await.unwrap();
        client.config_resetstat().await.unwrap();
        assert!(client.info("stats").await.unwrap().contains("total_connections_received:0"));
        assert!(client.config_help().await.unwrap().len() > 3);
        not_sent(client.config_get(NOTHING)).await;
        not_sent(client.config_set(NOTHING)).await;
    })
    .await;
}

#[tokio::test]
async fn commands_are_described() {
    on_each(async |client| {
        let all = client.command().await.unwrap();
        assert_eq!(all.len() as u64, client.command_count().await.unwrap());
        let info = client.command_info(["get", "nosuch", "config"]).await.unwrap();
        let [Some(get), None, Some(config)] = info.as_slice() else { panic!("{info:?}") };
        assert_eq!((get.name.as_str(), get.arity, get.first_key, get.last_key, get.step), ("get", 2, 1, 1, 1));
        assert_eq!(get.flags, ["readonly", "fast"]);
        assert_eq!(get.acl_categories, ["@read", "@string", "@fast"]);
        assert_eq!(get.key_specifications.len(), 1);
        let set = config.subcommands.iter().find(|command| command.name == "config|set").unwrap();
        assert_eq!((set.arity, set.tips.len()), (-4, 2));
        assert_eq!(client.command_info(()).await.unwrap().len(), all.len());

        let docs: HashMap<String, HashMap<String, Value>> = client.command_docs(["get", "nosuch"]).await.unwrap();
        assert_eq!((docs.len(), &docs["get"]["since"]), (1, &Value::bulk("1.0.0")));
        assert_eq!(client.command_getkeys::<String>(("MSET", "a", 1, "b", 2)).await.unwrap(), ["a", "b"]);
        client.command_getkeys::<String>(("PING", "x")).await.unwrap_err();
        let keys: Vec<(String, Vec<String>)> = client.command_getkeysandflags(("SET", "a", "b")).await.unwrap();
        assert_eq!(keys, [("a".to_owned(), vec!["OW".to_owned(), "update".to_owned()])]);
        let list = client.command_list().await.unwrap();
        assert!(list.iter().any(|name| name == "get"));
        assert_eq!(client.command_list().pattern("lpo*").await.unwrap().len(), 2);
        let geo = client.command_list().aclcat("geo").await.unwrap();
        assert!(geo.len() > 5 && geo.iter().all(|name| name.starts_with("geo")), "{geo:?}");
        assert_eq!(client.command_list().module("none").await.unwrap(), NOTHING);
        assert!(client.command_help().await.unwrap().len() > 3);
    })
    .await;
}

#[tokio::test]
async fn slow_commands_are_logged() {
    on_each(async |client| {
        client.config_set(("slowlog-log-slower-than", 1_000)).await.unwrap();
        client.slowlog_reset().await.unwrap();
        assert_eq!((client.slowlog_get().await.unwrap(), client.slowlog_len().await.unwrap()), (vec![], 0));
        client.client_setname("me").await.unwrap();
        for _ in 0..2 {
            client.debug::<()>(("SLEEP", 0.005)).await.unwrap();
        }
        client.config_set(("slowlog-log-slower-than", 10_000_000)).await.unwrap();
        assert!(client.slowlog_len().await.unwrap() >= 2);
        let log = client.slowlog_get().await.unwrap();
        let slow = log.iter().find(|entry| entry.arguments == ["DEBUG", "SLEEP", "0.005"]).unwrap();
        assert!(slow.duration >= Duration::from_millis(5) && slow.duration < Duration::from_secs(5), "{slow:?}");
        assert_eq!((slow.name.as_str(), slow.addr.starts_with("127.0.0.1:")), ("me", true));
        is_about_now(slow.at);
        assert!(log[0].id > log[1].id);
        assert_eq!(client.slowlog_get().count(1).await.unwrap(), log[..1]);
        assert_eq!(client.slowlog_get().count(-1).await.unwrap(), log);
        assert!(client.slowlog_help().await.unwrap().len() > 3);
    })
    .await;
    documented(
        "COMMANDLOG GET 2 LARGE-REPLY",
        "*1 *6 :9 :1700000000 :2048 *1 'KEYS' '127.0.0.1:1' ''",
        async |client| {
            let log = client.commandlog_get(2, CommandLog::LargeReply).await.unwrap();
            assert_eq!((log[0].id, log[0].value, log[0].addr.as_str()), (9, 2048, "127.0.0.1:1"));
            assert_eq!(log[0].at, SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
            assert_eq!(log[0].arguments, ["KEYS"]);
        },
    )
    .await;
    documented("COMMANDLOG LEN SLOW", ":3", async |client| {
        assert_eq!(client.commandlog_len(CommandLog::Slow).await.unwrap(), 3);
    })
    .await;
    documented("COMMANDLOG RESET LARGE-REQUEST", "+OK", async |client| {
        client.commandlog_reset(CommandLog::LargeRequest).await.unwrap();
    })
    .await;
    documented("COMMANDLOG HELP", "*1 'x'", async |client| {
        assert_eq!(client.commandlog_help().await.unwrap(), ["x"]);
    })
    .await;
}

#[tokio::test]
async fn latencies_are_watched() {
    on_each(async |client| {
        client.config_set([("latency-monitor-threshold", "5"), ("latency-tracking", "yes")]).await.unwrap();
        client.latency_reset(()).await.unwrap();
        client.config_resetstat().await.unwrap();
        client.set("k", "v").await.unwrap();
        client.debug::<()>(("SLEEP", 0.01)).await.unwrap();
        client.config_set(("latency-monitor-threshold", 0)).await.unwrap();

        let events = client.latency_latest().await.unwrap();
        let slow = events.iter().find(|event| event.event == "command").unwrap();
        assert!(slow.latest >= Duration::from_millis(10) && slow.max >= slow.latest, "{slow:?}");
        is_about_now(slow.at);
        let history = client.latency_history("command").await.unwrap();
        assert_eq!((history[0].at, history[0].latency), (slow.at, slow.latest));
        assert_eq!(client.latency_history("nosuch").await.unwrap(), []);
        assert!(client.latency_graph("command").await.unwrap().contains("all time high"));
        assert!(client.latency_doctor().await.unwrap().len() > 20);

        let histogram = client.latency_histogram(["set", "nosuch"]).await.unwrap();
        assert_eq!((histogram.len(), histogram["set"].calls), (1, 1));
        let &[(at_most, 1)] = histogram["set"].histogram.as_slice() else { panic!("{histogram:?}") };
        assert!(at_most < Duration::from_secs(1));
        assert!(client.latency_histogram(()).await.unwrap().contains_key("debug"));
        assert_eq!(client.latency_reset(["nosuch"]).await.unwrap(), 0);
        assert_eq!(client.latency_reset("command").await.unwrap(), 1);
        assert!(client.latency_help().await.unwrap().len() > 3);
    })
    .await;
    documented("LATENCY LATEST", "*1 *6 'fork' :1700000000 :7 :9 :16 :2", async |client| {
        let events = client.latency_latest().await.unwrap();
        assert_eq!((events[0].sum, events[0].count), (Some(Duration::from_millis(16)), Some(2)));
        assert_eq!((events[0].latest, events[0].max), (Duration::from_millis(7), Duration::from_millis(9)));
    })
    .await;
}

#[tokio::test]
async fn memory_is_accounted_for() {
    on_each(async |client| {
        client.set("k", "v".repeat(1000)).await.unwrap();
        assert!(client.memory_usage("k").await.unwrap().unwrap() > 1000);
        assert!(client.memory_usage("k").samples(0).await.unwrap().unwrap() > 1000);
        assert_eq!(client.memory_usage("none").await.unwrap(), None);
        let stats: HashMap<String, Value> = client.memory_stats().await.unwrap();
        assert_eq!(stats["keys.count"], Value::Integer(1));
        assert!(stats.contains_key("db.0"));
        assert!(client.memory_doctor().await.unwrap().contains("Sam"));
        assert!(client.memory_malloc_stats().await.unwrap().contains("jemalloc"));
        client.memory_purge().await.unwrap();
        assert!(client.memory_help().await.unwrap().len() > 3);
    })
    .await;
}

#[tokio::test]
async fn modules_are_listed_loaded_and_unloaded() {
    on_each(async |client| {
        assert_eq!(client.module_list().await.unwrap(), []);
        for error in [
            client.module_load("/nosuch", ["a"]).await.unwrap_err(),
            client.module_loadex("/nosuch").await.unwrap_err(),
            client.module_unload("nosuch").await.unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Server, "{error}");
        }
        assert!(client.module_help().await.unwrap().len() > 3);
    })
    .await;
    documented("MODULE LOADEX /m.so CONFIG m.a 1 CONFIG m.b 2 ARGS x y", "+OK", async |client| {
        client.module_loadex("/m.so").config("m.a", 1).config("m.b", 2).args(["x", "y"]).await.unwrap();
    })
    .await;
    documented("MODULE LOAD /m.so x", "+OK", async |client| {
        client.module_load("/m.so", "x").await.unwrap();
    })
    .await;
    let module = (
        "*1 *8 'name' 'm' 'ver' :7 'path' '/m.so' 'args' *1 'x'",
        "*1 %4 'name' 'm' 'ver' :7 'path' '/m.so' 'args' *1 'x'",
    );
    documented("MODULE LIST", module, async |client| {
        let modules = client.module_list().await.unwrap();
        assert_eq!((modules[0].name.as_str(), modules[0].version), ("m", 7));
        assert_eq!((modules[0].path.as_str(), modules[0].args.as_slice()), ("/m.so", &["x".to_owned()][..]));
    })
    .await;
}

#[tokio::test]
async fn roles_are_told_given_and_exchanged() {
    tokio::join!(
        exchange(Kind::Redis, ProtocolChoice::Resp2),
        exchange(Kind::Redis, ProtocolChoice::Resp3),
        exchange(Kind::Valkey, ProtocolChoice::Resp2),
        exchange(Kind::Valkey, ProtocolChoice::Resp3),
    );
    documented("ROLE", "*2 'sentinel' *1 'mymaster'", async |client| {
        let Role::Sentinel { primaries } = client.role().await.unwrap() else { panic!() };
        assert_eq!(primaries, ["mymaster"]);
    })
    .await;
}

async fn exchange(kind: Kind, protocol: ProtocolChoice) {
    let servers = [TestServer::build(kind).start(), TestServer::build(kind).start()];
    let [one, other] = [&servers[0], &servers[1]].map(|server| tcp(server).with_protocol(protocol));
    let (one, other) = (connected(one).await, connected(other).await);
    assert_eq!(format!("{:?}", one.role().await.unwrap()), "Primary { offset: 0, replicas: [] }");
    let no_replica = one.failover().await.unwrap_err();
    assert!(no_replica.to_string().contains("requires connected replicas"), "{no_replica}");
    one.failover().abort().await.unwrap_err();

    other.replicaof("127.0.0.1", servers[0].port()).await.unwrap();
    until(async || match other.role().await.unwrap() {
        Role::Replica { host, port, state, .. } => {
            assert_eq!((host.as_str(), port), ("127.0.0.1", servers[0].port()));
            state == "connected"
        }
        role => panic!("{role:?}"),
    })
    .await;
    one.set("k", "v").await.unwrap();
    until(async || matches!(other.role().await, Ok(Role::Replica { offset, .. }) if offset > 0)).await;
    until(async || match one.role().await.unwrap() {
        Role::Primary { offset, replicas } => replicas
            .first()
            .is_some_and(|replica| replica.port == servers[1].port() && (1..=offset).contains(&replica.offset)),
        role => panic!("{role:?}"),
    })
    .await;

    one.failover().to("127.0.0.1", servers[1].port()).timeout(Duration::from_secs(5)).force().await.unwrap();
    until(async || matches!(other.role().await, Ok(Role::Primary { .. }))).await;
    until(async || matches!(one.role().await, Ok(Role::Replica { .. }))).await;
    one.replicaof_no_one().await.unwrap();
    assert!(matches!(one.role().await, Ok(Role::Primary { .. })));
    one.slaveof("127.0.0.1", servers[1].port()).await.unwrap();
    assert!(matches!(one.role().await, Ok(Role::Replica { .. })));
    one.slaveof("NO", "ONE").await.unwrap();
    assert!(matches!(one.role().await, Ok(Role::Primary { .. })));
}

#[tokio::test]
async fn a_server_that_is_shut_down_answers_nothing() {
    for kind in KINDS {
        for protocol in [ProtocolChoice::Resp2, ProtocolChoice::Resp3] {
            let server = TestServer::build(kind).start();
            let client = connected(tcp(&server).with_protocol(protocol)).await;
            assert!(client.shutdown().abort().await.unwrap_err().to_string().contains("No shutdown in progress"));
            let error = client.shutdown().nosave().now().force().await.unwrap_err();
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Connection, Fate::Unknown), "{error}");
            until(async || std::net::TcpStream::connect(server.address()).is_err()).await;
        }
    }
    documented("SHUTDOWN SAVE SAFE FAILOVER", "-ERR", async |client| {
        client.shutdown().save().safe().failover().await.unwrap_err();
    })
    .await;
}

#[tokio::test]
async fn options_whose_effect_is_not_seen_have_their_words() {
    on(Kind::Redis, async |client| {
        assert_eq!(words(client.flushall().asynchronous().command()), "FLUSHALL ASYNC");
        assert_eq!(words(client.flushall().synchronous().command()), "FLUSHALL SYNC");
        assert_eq!(words(client.flushdb().asynchronous().command()), "FLUSHDB ASYNC");
        assert_eq!(words(client.bgsave().schedule().command()), "BGSAVE SCHEDULE");
        assert_eq!(words(client.memory_usage("k").samples(7).command()), "MEMORY USAGE k SAMPLES 7");
        let failover = client.failover().to("h", 1).force().timeout(Duration::from_micros(1_500));
        assert_eq!(words(failover.command()), "FAILOVER TO h 1 FORCE TIMEOUT 2");
        assert_eq!(words(client.failover().abort().command()), "FAILOVER ABORT");
        assert_eq!(words(client.shutdown().nosave().now().force().command()), "SHUTDOWN NOSAVE NOW FORCE");
        assert_eq!(words(client.shutdown().abort().command()), "SHUTDOWN ABORT");
    })
    .await;
}
