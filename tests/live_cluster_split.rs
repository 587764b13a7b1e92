//! Commands that concern several nodes of a real cluster: taken apart by slot or sent to all, and answered as one.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod support;

use std::collections::BTreeSet;
use std::future::{Future, IntoFuture, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use steadfast::api::{Keys, Lists, Server as _, Strings};
use steadfast::{Client, Command, Config, Error, ErrorKind, Fate, Slot};
use support::{Cluster, Kind, key_in, undisturbed};

const KINDS: [Kind; 2] = [Kind::Redis, Kind::Valkey];

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("key:{number}")).collect()
}

/// A client that takes writes apart.
async fn splitting(cluster: &Cluster) -> Client {
    Client::connect(Config::from_url(&cluster.url()).unwrap().with_split_writes(true)).await.unwrap()
}

/// A key of a slot that this node has.
fn key_at(cluster: &Cluster, node: usize) -> String {
    let slot = (0..Slot::COUNT).find(|slot| cluster.owner(*slot) == Some(node)).unwrap();
    key_in(slot)
}

#[tokio::test]
async fn keys_of_many_slots_are_one_command() {
    for kind in KINDS {
        let cluster = Cluster::build(kind).primaries(3).replicas(0).start();
        let client = splitting(&cluster).await;
        let keys = names(1000);
        let pairs: Vec<(String, usize)> = keys.iter().cloned().zip(0..).collect();
        client.mset(&pairs).await.unwrap();
        let values: Vec<Option<usize>> = client.mget(&keys).await.unwrap();
        assert_eq!(values, (0..1000).map(Some).collect::<Vec<_>>());
        // Missing ones, and the same one twice.
        let mixed = ["key:7", "none", "key:999", "key:7", "{none}"];
        let values: Vec<Option<usize>> = client.mget(mixed).await.unwrap();
        assert_eq!(values, [Some(7), None, Some(999), Some(7), None]);
        assert_eq!(client.exists(mixed).await.unwrap(), 3);
        assert_eq!(client.touch(mixed).await.unwrap(), 3);
        assert_eq!(client.dbsize().await.unwrap(), 1000);
        assert_eq!(client.del(&keys[..600]).await.unwrap(), 600);
        assert_eq!(client.unlink(&keys[500..]).await.unwrap(), 400);
        assert_eq!(client.dbsize().await.unwrap(), 0);
        let large = vec![b'x'; 100_000];
        client.mset((("a", &large), ("b", &large), ("c", "small"))).await.unwrap();
        let values: Vec<Option<Vec<u8>>> = client.mget(("c", "b", "a")).await.unwrap();
        assert_eq!(values, [Some(b"small".to_vec()), Some(large.clone()), Some(large)]);
        let stats = client.stats();
        assert_eq!((stats.issued, stats.failed(), stats.in_flight), (11, 0, 0), "each counts as one");
    }
}

#[tokio::test]
async fn in_a_pipeline_each_command_has_its_own_answer() {
    for kind in KINDS {
        let cluster = Cluster::build(kind).primaries(3).replicas(0).start();
        let client = splitting(&cluster).await;
        let keys = names(50);
        let pairs: Vec<(String, usize)> = keys.iter().cloned().zip(0..).collect();
        let mut pipeline = client.pipeline();
        let set = pipeline.mset(&pairs).queue();
        let one = pipeline.incr("key:1").queue();
        let all = pipeline.mget::<usize>(&keys).queue();
        let wrong = pipeline.request::<i64>(Command::new("SINTER a b")).queue();
        let size = pipeline.dbsize().queue();
        let random = pipeline.randomkey::<String>().queue();
        let bad = pipeline.lpush("key:1", "x").queue();
        let gone = pipeline.del(&keys).queue();
        let results = pipeline.execute().await;
        results.get(set).unwrap();
        assert_eq!(results.get(one).unwrap(), 2);
        let expected: Vec<_> = (0..50).map(|number| Some(if number == 1 { 2 } else { number })).collect();
        assert_eq!(results.get(all).unwrap(), expected);
        assert_eq!(results.get(wrong).unwrap_err().kind(), ErrorKind::CrossSlot);
        assert_eq!(results.get(size).unwrap(), 50);
        assert!(results.get(random).unwrap().is_some_and(|key| keys.contains(&key)));
        assert_eq!(results.get(bad).unwrap_err().server().unwrap().code(), "WRONGTYPE");
        assert_eq!(results.get(gone).unwrap(), 50);
        assert_eq!(results.iter::<()>().filter(Result::is_ok).count(), 6);
        let stats = client.stats();
        assert_eq!((stats.issued, stats.failed(), stats.in_flight), (8, 2, 0));
    }
}

#[tokio::test]
async fn writes_to_several_slots_are_refused_before_they_are_sent() {
    let cluster = Cluster::build(Kind::Valkey).primaries(3).replicas(0).start();
    let client = Client::connect(cluster.url()).await.unwrap();
    client.set("a", 1).await.unwrap();
    let sent = client.stats().sent;
    let split = splitting(&cluster).await;
    let sent_split = split.stats().sent;
    let refusals: Vec<Error> = vec![
        client.mset((("a", 2), ("b", 2))).await.unwrap_err(),
        client.del(["a", "b"]).await.unwrap_err(),
        client.unlink(["a", "b"]).await.unwrap_err(),
        // What cannot be taken apart is not, whatever is set.
        split.msetnx((("a", 2), ("b", 2))).await.unwrap_err(),
        split.rename("a", "b").await.unwrap_err(),
        split.request::<()>(Command::new("SINTER a b")).await.unwrap_err(),
        split.request::<()>(Command::new("EVAL").arg(("return 1", 2, "a", "b"))).await.unwrap_err(),
    ];
    for error in &refusals {
        assert_eq!((error.kind(), error.fate()), (ErrorKind::CrossSlot, Fate::NotSent), "{error}");
        assert!(error.parts().is_empty() && error.to_string().contains("several slots"), "{error}");
    }
    assert!(refusals[0].to_string().contains("with_split_writes"), "{}", refusals[0]);
    assert!(!refusals[3].to_string().contains("with_split_writes"), "{}", refusals[3]);
    assert_eq!((client.stats().sent, split.stats().sent), (sent, sent_split));
    // Keys of one slot are one command, whatever it is.
    client.mset((("{t}a", 1), ("{t}b", 2))).await.unwrap();
    assert!(!client.msetnx((("{t}b", 1), ("{t}c", 2))).await.unwrap());
    assert_eq!(client.del(["{t}a", "{t}b"]).await.unwrap(), 2);
    // Reads are always taken apart.
    assert_eq!(client.mget::<u32>(["a", "b"]).await.unwrap(), [Some(1), None]);
    assert_eq!(client.exists(["a", "b"]).await.unwrap(), 1);
    // A transaction has one slot, and one node.
    for command in [Command::new("MGET a b"), Command::new("DBSIZE"), Command::new("GET {t}b")] {
        let mut transaction = client.transaction();
        let _ = transaction.set("a", 3).queue();
        let _ = transaction.request::<()>(command).queue();
        let error = transaction.execute().await.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::CrossSlot, Fate::NotSent), "{error}");
    }
    assert_eq!(client.get::<u32>("a").await.unwrap(), Some(1));
    let stats = client.stats();
    assert_eq!((stats.issued, stats.failed_not_sent), (16, 9));
}

#[tokio::test]
async fn what_concerns_all_nodes_goes_to_all_of_them() {
    for kind in KINDS {
        let cluster = Cluster::build(kind).primaries(3).replicas(3).start();
        let client = splitting(&cluster).await;
        assert_eq!(client.randomkey::<String>().await.unwrap(), None);
        client.set("only", 1).await.unwrap();
        for _ in 0..10 {
            assert_eq!(client.randomkey::<String>().await.unwrap().as_deref(), Some("only"));
        }
        let keys = names(200);
        client.mset(keys.iter().map(|key| (key, 1)).collect::<Vec<_>>()).await.unwrap();
        assert_eq!(client.dbsize().await.unwrap(), 201);
        let found: BTreeSet<String> = client.keys::<String>("key:*").await.unwrap().into_iter().collect();
        assert_eq!(found, keys.iter().cloned().collect());
        let hash: String = client.request(Command::new("SCRIPT LOAD").arg("return 7")).await.unwrap();
        let exist = Command::new("SCRIPT EXISTS").arg((&hash, "0000000000000000000000000000000000000000"));
        assert_eq!(client.request::<Vec<bool>>(exist.clone()).await.unwrap(), [true, false]);
        for node in 0..cluster.len() {
            assert_eq!(cluster.node(node).raw(&["SCRIPT", "EXISTS", &hash]), "1", "node {node}");
        }
        assert_eq!(cluster.node(1).raw(&["SCRIPT", "FLUSH"]), "OK");
        assert_eq!(client.request::<Vec<bool>>(exist).await.unwrap(), [false, false], "one node has forgotten it");
        let library = "#!lua name=mine\nredis.register_function('seven', function() return 7 end)";
        let name: String = client.request(Command::new("FUNCTION").arg(("LOAD", library))).await.unwrap();
        assert_eq!(name, "mine");
        for key in &keys[..20] {
            assert_eq!(client.request::<u32>(Command::new("FCALL").arg(("seven", 1, key))).await.unwrap(), 7);
        }
        let list: String = format!("{:?}", client.request::<steadfast::Value>(Command::new("FUNCTION LIST")).await);
        assert!(list.contains("mine"), "{list}");
        let error = client.request::<()>(Command::new("SCRIPT KILL")).await.unwrap_err();
        assert_eq!(error.server().unwrap().code(), "NOTBUSY", "{error}");
        client.request::<()>(Command::new("CONFIG SET slowlog-max-len 77")).await.unwrap();
        for node in 0..cluster.len() {
            assert_eq!(cluster.node(node).raw(&["CONFIG", "GET", "slowlog-max-len"]), "slowlog-max-len\n77");
        }
        let slot = Slot::of(b"only").number();
        let in_slot: u32 = client.request(Command::new("CLUSTER COUNTKEYSINSLOT").arg(slot)).await.unwrap();
        assert_eq!(in_slot, 1);
        client.flushall().await.unwrap();
        for node in cluster.primaries() {
            assert_eq!(cluster.node(node).raw(&["DBSIZE"]), "0", "node {node}");
        }
        assert_eq!(client.request::<String>(Command::new("PING")).await.unwrap(), "PONG");
        let answer = client.request::<()>(Command::new("SCAN 0")).await.unwrap_err();
        assert_eq!((answer.kind(), answer.fate()), (ErrorKind::NeedsDedicated, Fate::NotSent), "{answer}");
        for node in 0..cluster.len() {
            assert!(cluster.connections(node).len() <= 1, "node {node}: {:?}", cluster.connections(node));
        }
    }
}

/// Polls once.
async fn begin(future: impl Future) {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let _ = future.as_mut().poll(cx);
        Poll::Ready(())
    })
    .await;
}

#[tokio::test]
async fn the_parts_of_a_command_are_sent_at_once() {
    let cluster = Cluster::build(Kind::Valkey).primaries(3).replicas(0).start();
    let client = Client::connect(cluster.url()).await.unwrap();
    let keys = names(1000);
    let slots: BTreeSet<_> = keys.iter().map(|key| Slot::of(key.as_bytes())).collect();
    let _: Vec<Option<u32>> = client.mget(&keys).await.unwrap();
    let call = client.mget::<u32>(&keys).into_future();
    // Dropped after it was polled once: everything was handed in by then, and nothing is left over.
    let mut call = Box::pin(call);
    begin(call.as_mut()).await;
    let stats = client.stats();
    assert_eq!(stats.queued + stats.in_flight, slots.len() as u64);
    drop(call);
    assert_eq!(client.get::<u32>("key:1").await.unwrap(), None);
    let patience = Instant::now() + Duration::from_secs(5);
    while client.stats().queued + client.stats().in_flight > 0 {
        assert!(Instant::now() < patience, "{:?}", client.stats());
        tokio::task::yield_now().await;
    }
    assert_eq!((client.stats().cancelled, client.stats().issued), (1, 3));
    for node in 0..cluster.len() {
        assert_eq!(cluster.connections(node).len(), 1);
    }
}

#[tokio::test]
async fn a_shard_that_cannot_be_asked_is_an_error_that_names_it() {
    for kind in KINDS {
        let cluster = Cluster::build(kind).primaries(3).replicas(0).node_timeout(60_000).start();
        let client = splitting(&cluster).await;
        let keys: Vec<String> = (0..3).map(|node| key_at(&cluster, node)).collect();
        client.mset(keys.iter().map(|key| (key, 1)).collect::<Vec<_>>()).await.unwrap();
        let silent = cluster.address(1).to_string();
        cluster.stop(1);
        let hasty = client.with_deadline(Duration::from_millis(300));
        let begun = Instant::now();
        let errors: Vec<Error> = vec![
            hasty.mget::<u32>(&keys).await.unwrap_err(),
            hasty.dbsize().await.unwrap_err(),
            hasty.del(&keys[1..]).await.unwrap_err(),
            hasty.mset(keys.iter().map(|key| (key, 2)).collect::<Vec<_>>()).await.unwrap_err(),
            hasty.keys::<String>("*").await.unwrap_err(),
            hasty.flushall().await.unwrap_err(),
            hasty.request::<()>(Command::new("SCRIPT LOAD").arg("return 1")).await.unwrap_err(),
        ];
        undisturbed(|| assert!(begun.elapsed() < Duration::from_millis(300 * 7 + 700), "{:?}", begun.elapsed()));
        for error in &errors {
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout, Fate::Partial), "{error}");
            assert_eq!(error.node().unwrap().to_string(), silent, "{error}");
            let text = error.to_string();
            assert!(text.contains(&silent) && text.contains("answered"), "{text}");
            for part in error.parts() {
                let is_silent = part.node().unwrap().to_string() == silent;
                let fate = if is_silent { Fate::Unknown } else { Fate::Executed };
                assert_eq!((part.fate(), part.error().is_some()), (fate, is_silent), "{error}");
            }
        }
        let lost: Vec<&[u8]> =
            errors[0].parts().iter().filter(|part| part.error().is_some()).map(|part| &part.keys()[0][..]).collect();
        assert_eq!(lost, [keys[1].as_bytes()]);
        assert_eq!(errors[1].parts().len(), 3);
        assert!(errors[1].parts().iter().all(|part| part.keys().is_empty()));
        // Whoever needs the others only is not held up.
        assert_eq!(hasty.mget::<u32>([&keys[0], &keys[2]]).await.unwrap(), [None, None], "they were flushed");
        let mut pipeline = hasty.pipeline();
        let (one, two) = (pipeline.get::<u32>(&keys[0]).queue(), pipeline.mget::<u32>(&keys).queue());
        let three = pipeline.exists(&keys[2]).queue();
        let results = pipeline.execute().await;
        assert_eq!((results.get(one).unwrap(), results.get(three).unwrap()), (None, 0));
        let error = results.get(two).unwrap_err();
        assert_eq!((error.fate(), error.parts().len()), (Fate::Partial, 3), "{error}");
        assert_eq!(results.iter::<()>().map(|result| result.is_ok()).collect::<Vec<_>>(), [true, false, true]);
        cluster.cont(1);
        client.mset(keys.iter().map(|key| (key, 3)).collect::<Vec<_>>()).await.unwrap();
        assert_eq!(client.mget::<u32>(&keys).await.unwrap(), [Some(3); 3]);
        let stats = client.stats();
        assert_eq!((stats.in_flight, stats.queued), (0, 0), "{stats:?}");
    }
}

#[tokio::test]
async fn an_error_of_one_part_is_one_of_the_whole() {
    let cluster = Cluster::build(Kind::Redis).primaries(3).replicas(0).config("maxmemory-policy noeviction").start();
    let client = splitting(&cluster).await;
    let keys: Vec<String> = (0..3).map(|node| key_at(&cluster, node)).collect();
    cluster.node(2).raw(&["CONFIG", "SET", "maxmemory", "1"]);
    let error = client.mset(keys.iter().map(|key| (key, 1)).collect::<Vec<_>>()).await.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Server, Fate::Partial), "{error}");
    assert_eq!(error.server().unwrap().code(), "OOM");
    let fates: Vec<Fate> = error.parts().iter().map(|part| part.fate()).collect();
    assert_eq!(fates.iter().filter(|fate| **fate == Fate::Refused).count(), 1, "{fates:?}");
    assert_eq!(fates.iter().filter(|fate| **fate == Fate::Executed).count(), 2, "{fates:?}");
    // Where all end the same, so does the whole.
    for node in 0..3 {
        cluster.node(node).raw(&["CONFIG", "SET", "maxmemory", "1"]);
    }
    let error = client.mset(keys.iter().map(|key| (key, 1)).collect::<Vec<_>>()).await.unwrap_err();
    assert_eq!((error.fate(), error.parts().len()), (Fate::Refused, 3), "{error}");
    assert!(error.to_string().contains("all of 3 nodes"), "{error}");
}

#[tokio::test]
async fn slots_may_move_while_commands_are_taken_apart() {
    let cluster = Cluster::build(Kind::Valkey).primaries(3).replicas(0).start();
    let client = splitting(&cluster).await;
    let keys = names(300);
    client.mset(keys.iter().zip(0..).collect::<Vec<_>>()).await.unwrap();
    let expected: Vec<Option<u32>> = (0..300).map(Some).collect();
    let slot = Slot::of(keys[0].as_bytes()).number();
    let from = cluster.primary_of(slot);
    let to = (from + 1) % 3;
    cluster.begin_migration(slot, from, to);
    assert_eq!(client.mget::<u32>(&keys).await.unwrap(), expected);
    cluster.move_keys(slot, from, to);
    assert_eq!(client.mget::<u32>(&keys).await.unwrap(), expected, "by ASK");
    assert_eq!(client.exists(&keys).await.unwrap(), 300);
    cluster.finish_migration(slot, from, to);
    assert_eq!(client.mget::<u32>(&keys).await.unwrap(), expected, "by MOVED");
    assert_eq!(client.dbsize().await.unwrap(), 300);
    assert_eq!(client.del(&keys).await.unwrap(), 300);
}

#[tokio::test]
async fn a_count_of_all_waits_for_the_primary_that_takes_over() {
    for kind in KINDS {
        let mut cluster = Cluster::build(kind).primaries(3).replicas(3).node_timeout(500).start();
        cluster.wait_whole(Duration::from_secs(20));
        let client = splitting(&cluster).await.with_deadline(Duration::from_secs(20));
        let keys = names(90);
        client.mset(keys.iter().map(|key| (key, 1)).collect::<Vec<_>>()).await.unwrap();
        let dying = cluster.primaries()[1];
        let heir = cluster.replicas_of(dying)[0];
        // The heir has everything.
        client.request::<u32>(Command::new("DBSIZE")).await.unwrap();
        let held: u32 = cluster.node(dying).raw(&["DBSIZE"]).parse().unwrap();
        while cluster.node(heir).raw(&["DBSIZE"]).parse() != Ok(held) {
            tokio::task::yield_now().await;
        }
        cluster.kill(dying);
        assert_eq!(client.dbsize().await.unwrap(), 90);
        assert_eq!(client.keys::<String>("*").await.unwrap().len(), 90);
        assert_eq!(client.exists(&keys).await.unwrap(), 90);
        // The dead one is a replica now, and everybody knows that it has failed: it is no part of all.
        client.request::<()>(Command::new("CONFIG SET slowlog-max-len 55")).await.unwrap();
        assert_eq!(cluster.node(heir).raw(&["CONFIG", "GET", "slowlog-max-len"]), "slowlog-max-len\n55");
        let stats = client.stats();
        assert_eq!((stats.failed(), stats.queued), (0, 0), "{stats:?}");
    }
}
