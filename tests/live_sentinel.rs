//! Servers behind Sentinels: real ones, found and followed by one client.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
mod support;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use steadfast::api::{Hashes as _, Lists as _, Strings as _};
use steadfast::client::{ProtocolChoice, ReadFrom};
use steadfast::{Address, Cause, Client, Config, ErrorKind, Fate, Stage};

use live::{KINDS, PATIENCE, connected, fails_after, fails_at_once, quick, until, within};
use support::{Kind, Sentinels, Server};

const SECOND: Duration = Duration::from_secs(1);

fn config(set: &Sentinels) -> Config {
    quick(Config::from_url(&set.url()).unwrap())
}

/// Waits until the client writes to the server of this number.
async fn until_writes_reach(client: &Client, set: &Sentinels, number: usize, word: &str) {
    until(async || {
        let _ = client.set("moved", word).deadline(SECOND / 2).await;
        set.node(number).raw(&["GET", "moved"]) == word
    })
    .await;
}

/// How many connections of this name the server has.
fn connections_of(server: &Server, name: &str) -> usize {
    let named = format!("name={name}");
    server.raw(&["CLIENT", "LIST"]).lines().filter(|line| line.split(' ').any(|field| field == named)).count()
}

fn calls_of(server: &Server, command: &str) -> u64 {
    let text = server.raw(&["INFO", "commandstats"]);
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.and_then(|line| line.split(',').next()?.parse().ok()).unwrap_or(0)
}

#[tokio::test]
async fn a_service_is_found_through_its_sentinels() {
    for kind in KINDS {
        let set = Sentinels::build(kind).start();
        for protocol in [ProtocolChoice::Resp3, ProtocolChoice::Resp2] {
            let client = connected(config(&set).with_protocol(protocol).with_database(2)).await;
            client.set("a", 1).await.unwrap();
            assert_eq!(client.get::<u32>("a").await.unwrap(), Some(1));
            let lines = set.connections(0);
            assert!(lines.len() == 1 && lines[0].contains(" db=2 "), "{protocol:?}: {lines:?}");
            for replica in [1, 2] {
                assert_eq!(set.connections(replica), Vec::<String>::new(), "nothing is to be asked there");
            }
            within(PATIENCE, client.close(SECOND)).await;
            until(async || set.connections(0).is_empty()).await;
        }
    }
}

#[tokio::test]
async fn who_closes_or_drops_the_client_leaves_no_connection_anywhere() {
    let set = Sentinels::build(Kind::Redis).start();
    let all = || -> usize {
        let servers = (0..3).map(|number| connections_of(set.node(number), "mine"));
        servers.chain((0..3).map(|number| connections_of(set.sentinel(number), "mine"))).sum()
    };
    for closes in [true, false] {
        let client = connected(config(&set).with_name("mine")).await;
        client.set("a", 1).await.unwrap();
        until(async || all() >= 4).await;
        if closes {
            client.close(SECOND).await;
        }
        drop(client);
        until(async || all() == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_connects_during_a_failover_waits_for_its_end() {
    for kind in KINDS {
        let mut set = Sentinels::build(kind).start();
        set.kill(0);
        let begin = std::time::Instant::now();
        let connecting = tokio::spawn(Client::connect(config(&set).with_deadline(PATIENCE)));
        let new = set.wait_for_primary_other_than(0);
        let took = begin.elapsed();
        let client = within(PATIENCE, connecting).await.unwrap().unwrap();
        client.set("a", 1).await.unwrap();
        assert!(begin.elapsed() < took + SECOND, "{:?}, the failover {took:?}", begin.elapsed());
        assert_eq!(set.node(new).raw(&["GET", "a"]), "1");
    }
}

#[tokio::test]
async fn addresses_that_are_announced_are_mapped_and_those_of_the_configuration_are_not() {
    let set = Sentinels::build(Kind::Valkey).start();
    let asked = Arc::new(Mutex::new(BTreeSet::new()));
    let mapped = Arc::clone(&asked);
    let url = set.url_of(&[0]);
    let config = quick(Config::from_url(&url).unwrap()).with_name("mine").with_address_map(move |announced| {
        mapped.lock().unwrap().insert(announced.to_string());
        match announced {
            Address::Tcp { port, .. } => Address::tcp("localhost", *port),
            other => other.clone(),
        }
    });
    let client = connected(config).await;
    client.set("a", 1).await.unwrap();
    until(async || (0..3).all(|number| connections_of(set.sentinel(number), "mine") == 1)).await;
    let expected: BTreeSet<String> = [set.address(0), set.address(1), set.address(2)]
        .into_iter()
        .chain([set.sentinel_address(1), set.sentinel_address(2)])
        .map(|address| address.to_string())
        .collect();
    assert_eq!(*asked.lock().unwrap(), expected);
}

#[tokio::test]
async fn failovers_are_followed_there_and_back() {
    for kind in KINDS {
        let set = Sentinels::build(kind).start();
        let client = connected(config(&set)).await;
        for round in ["first", "second"] {
            set.wait_whole();
            let new = set.failover();
            until_writes_reach(&client, &set, new, round).await;
        }
    }
}

#[tokio::test]
async fn a_client_without_resp3_follows_too() {
    let set = Sentinels::build(Kind::Redis).start();
    let client = connected(config(&set).with_protocol(ProtocolChoice::Resp2)).await;
    let new = set.failover();
    until_writes_reach(&client, &set, new, "resp2").await;
}

#[tokio::test]
async fn one_sentinel_that_answers_is_enough() {
    let mut set = Sentinels::build(Kind::Valkey).start();
    set.kill_sentinel(0);
    set.stop_sentinel(1);
    let client = within(3 * SECOND, Client::connect(config(&set))).await.unwrap();
    client.set("a", 1).await.unwrap();
    assert_eq!(set.node(0).raw(&["GET", "a"]), "1");
}

#[tokio::test]
async fn sentinels_that_nobody_configured_are_found_through_the_others() {
    let mut set = Sentinels::build(Kind::Redis).start();
    let config = quick(Config::from_url(&set.url_of(&[0])).unwrap()).with_name("mine");
    let client = connected(config).await;
    until(async || (0..3).all(|number| connections_of(set.sentinel(number), "mine") == 1)).await;
    set.kill_sentinel(0);
    let new = set.failover();
    until_writes_reach(&client, &set, new, "found").await;
}

#[tokio::test]
async fn a_name_of_the_sentinel_that_is_configured_is_not_taken_for_another_one() {
    let set = Sentinels::build(Kind::Redis).start();
    let port = set.sentinel_address(0).port();
    let by_name = Config::sentinel([("localhost", port)], support::SERVICE);
    let client = connected(quick(by_name).with_name("mine").with_refresh_every(SECOND / 10)).await;
    until(async || (0..3).all(|number| connections_of(set.sentinel(number), "mine") >= 1)).await;
    // The others name it by its number.
    tokio::time::sleep(3 * SECOND).await;
    assert_eq!([0, 1, 2].map(|number| connections_of(set.sentinel(number), "mine")), [1, 1, 1]);
    client.set("a", 1).await.unwrap();
}

#[tokio::test]
async fn a_service_that_no_sentinel_knows_is_an_error_at_once() {
    let set = Sentinels::build(Kind::Redis).start();
    let url = set.url().replace(support::SERVICE, "nobody");
    let error = fails_at_once(Client::connect(quick(Config::from_url(&url).unwrap()))).await;
    assert_eq!(error.fate(), Fate::NotSent);
    assert!(error.to_string().contains("No such master with that name"), "{error}");
    let lazy = Client::connect_lazily(quick(Config::from_url(&url).unwrap())).unwrap();
    let error = fails_at_once(async { lazy.set("a", 1).await }).await;
    assert!(error.to_string().contains("No such master with that name"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_no_sentinel_is_an_error_at_once() {
    let server = Server::redis();
    let config = Config::sentinel([("127.0.0.1", server.port())], "a");
    let error = fails_at_once(Client::connect(quick(config))).await;
    assert!(error.to_string().to_lowercase().contains("unknown command"), "{error}");
}

#[tokio::test]
async fn without_any_sentinel_a_call_ends_at_its_deadline_and_says_why() {
    let config = Config::sentinel([("127.0.0.1", support::free_port()), ("127.0.0.1", support::free_port())], "a");
    let client = Client::connect_lazily(quick(config).with_deadline(SECOND)).unwrap();
    let error = fails_after(SECOND, async { client.set("a", 1).await }).await;
    assert_eq!((error.kind(), error.fate(), error.stage()), (ErrorKind::Timeout, Fate::NotSent, Some(Stage::Topology)));
    assert!(matches!(error.cause(), Some(Cause::Connect { .. })), "{error}");
}

#[tokio::test]
async fn sentinels_that_come_later_heal_it() {
    let mut set = Sentinels::build(Kind::Redis).start();
    let config = config(&set);
    (0..3).for_each(|number| set.kill_sentinel(number));
    let client = Client::connect_lazily(config).unwrap();
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.set("a", 1).deadline(PATIENCE).await }
    });
    tokio::time::sleep(SECOND).await;
    assert!(!waiting.is_finished());
    set.restart_sentinel(1);
    within(PATIENCE, waiting).await.unwrap().unwrap();
}

#[tokio::test]
async fn sentinels_and_servers_have_passwords_of_their_own_and_neither_sees_the_others() {
    for kind in KINDS {
        let set = Sentinels::build(kind).password("front").sentinel_password("watch").start();
        let right = config(&set).with_password("front").with_sentinel_password("watch");
        let client = connected(right.clone()).await;
        client.set("a", 1).await.unwrap();
        assert_eq!(client.get::<u32>("a").await.unwrap(), Some(1));
        for server in [set.sentinel(0), set.sentinel(1), set.sentinel(2), set.node(0), set.node(1)] {
            let log = server.raw(&["ACL", "LOG"]);
            assert!(!log.contains("reason"), "a wrong password was tried: {log}");
        }
        for (config, word) in [
            (config(&set).with_password("front"), "NOAUTH"),
            (right.clone().with_sentinel_password("wrong"), "WRONGPASS"),
            (right.clone().with_password("wrong"), "WRONGPASS"),
            (right.clone().with_sentinel_credentials("nobody", "watch"), "WRONGPASS"),
        ] {
            let error = fails_at_once(Client::connect(config)).await;
            assert_eq!(error.kind(), ErrorKind::Handshake, "{error}");
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}

#[tokio::test]
async fn reads_go_to_replicas_where_that_is_wished() {
    let set = Sentinels::build(Kind::Valkey).start();
    let client = connected(config(&set).with_read_from(ReadFrom::Replica)).await;
    client.set("a", 1).await.unwrap();
    until(async || [1, 2].iter().all(|replica| set.node(*replica).raw(&["GET", "a"]) == "1")).await;
    let before = [0, 1, 2].map(|number| calls_of(set.node(number), "get"));
    for _ in 0..100 {
        assert_eq!(client.get::<u32>("a").await.unwrap(), Some(1));
    }
    let after = [0, 1, 2].map(|number| calls_of(set.node(number), "get"));
    assert_eq!(after[0], before[0]);
    assert_eq!(after[1] + after[2], before[1] + before[2] + 100);
}

#[tokio::test]
async fn all_kinds_of_calls_reach_the_primary_before_and_after_a_failover() {
    let set = Sentinels::build(Kind::Redis).start();
    let client = connected(config(&set)).await;
    for round in ["before", "after"] {
        if round == "after" {
            let new = set.failover();
            until_writes_reach(&client, &set, new, round).await;
        }
        let (list, hash) = (format!("{round}:list"), format!("{round}:hash"));
        client.rpush(&list, ["x", "y"]).await.unwrap();
        let popped = client.blpop::<String, String>(&list, SECOND).await.unwrap();
        assert_eq!(popped.map(|(_, value)| value).as_deref(), Some("x"));
        let mut pipeline = client.pipeline();
        let queued = [(); 3].map(|()| pipeline.incr(format!("{round}:n")).queue());
        let results = pipeline.execute().await;
        assert_eq!(queued.map(|queued| results.get(queued).unwrap()), [1, 2, 3]);
        let mut transaction = client.transaction();
        // Keys of other slots, if these were a cluster's.
        let (set_field, number) = (transaction.hset(&hash, ("f", 1)).queue(), transaction.incr("other").queue());
        let results = transaction.execute().await.unwrap();
        results.get(set_field).unwrap();
        results.get(number).unwrap();
        let dedicated = client.dedicated().await.unwrap();
        assert_eq!(dedicated.get::<u32>(format!("{round}:n")).await.unwrap(), Some(3));
    }
}

/// The old primary, and a Sentinel that was not there during the failover, both say the same: it is the primary.
#[tokio::test]
async fn an_old_view_is_not_believed_even_if_the_old_primary_agrees() {
    for kind in KINDS {
        let mut set = Sentinels::build(kind).start();
        let client = connected(config(&set).with_name("mine").with_refresh_every(SECOND / 10)).await;
        set.kill_sentinel(2);
        set.stop(0);
        let new = set.wait_for_primary_other_than(0);
        until_writes_reach(&client, &set, new, "moved").await;
        set.stop_sentinel(0);
        set.stop_sentinel(1);
        set.cont(0);
        set.restart_sentinel(2);
        // It would soon make a replica of the new primary: it has four such periods to look on.
        assert_eq!(set.sentinel(2).raw(&["SENTINEL", "DEBUG", "PUBLISH-PERIOD", "60000"]), "OK");
        let view = set.sentinel(2).raw(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", support::SERVICE]);
        assert_eq!(view, set.address(0).to_string().replace(':', "\n"), "it has an old view");
        assert!(set.node(0).raw(&["ROLE"]).starts_with("master"));
        // Whoever asks anew asks that Sentinel alone.
        until(async || connections_of(set.sentinel(2), "mine") == 1).await;
        set.node(new).raw(&["CLIENT", "KILL", "TYPE", "normal"]);
        for number in 0..30 {
            client.set("late", number).await.unwrap();
            tokio::time::sleep(SECOND / 10).await;
        }
        assert_eq!(set.node(0).raw(&["GET", "late"]), "(nil)");
        assert_eq!(set.node(new).raw(&["GET", "late"]), "29");
    }
}
