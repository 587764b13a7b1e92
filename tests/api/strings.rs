//! Strings.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use steadfast::api::*;
use steadfast::{Command, Effect, ErrorKind};

use super::{NOTHING, documented, not_sent, on_each};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn set_does_what_its_options_say() {
    on_each(async |client| {
        assert!(client.set("k", "1").nx().await.unwrap());
        assert!(!client.set("k", "2").nx().await.unwrap());
        assert!(!client.set("none", "2").xx().await.unwrap());
        assert!(client.set("k", "2").xx().await.unwrap());
        assert_eq!(client.set("k", "3").get::<String>().await.unwrap(), Some("2".to_owned()));
        client.set("k", "4").ex(Duration::from_millis(90_000)).await.unwrap();
        client.set("k", "5").keepttl().await.unwrap();
        assert!(client.ttl("k").await.unwrap().left().unwrap() > Duration::from_secs(80));
        client.set("k", "6").exat(SystemTime::now() + Duration::from_secs(1000)).await.unwrap();
        assert!(client.ttl("k").await.unwrap().left().unwrap() > Duration::from_secs(900));
    })
    .await;
}

#[tokio::test]
async fn set_with_get_answers_the_value_before_whatever_the_condition() {
    on_each(async |client| {
        assert_eq!(client.set("k", "1").nx().get::<i64>().await.unwrap(), None);
        assert_eq!(client.set("k", "2").get::<i64>().nx().await.unwrap(), Some(1));
        assert_eq!(client.get::<i64>("k").await.unwrap(), Some(1), "nx kept it");
        assert_eq!(client.set("k", "3").get::<i64>().xx().ex(MINUTE).await.unwrap(), Some(1));
        assert_eq!(client.set("k", "4").get::<i64>().keepttl().await.unwrap(), Some(3));
        assert!(client.ttl("k").await.unwrap().left().is_some());
        assert_eq!(client.set("none", "3").get::<i64>().xx().await.unwrap(), None);
        assert_eq!(client.exists("none").await.unwrap(), 0);
        let at = SystemTime::now() + MINUTE;
        assert_eq!(client.set("k", "5").exat(at).get::<i64>().await.unwrap(), Some(4));
        let never = client.set("k", "1").get::<i64>().nx();
        assert_eq!(never.command().effect(), Effect::Never, "a second run would answer the first one's value");
    })
    .await;
}

#[tokio::test]
async fn strings_are_read_and_changed_in_part() {
    on_each(async |client| {
        assert_eq!(client.append("s", "Hello ").await.unwrap(), 6);
        assert_eq!(client.append("s", "World").await.unwrap(), 11);
        assert_eq!(client.strlen("s").await.unwrap(), 11);
        assert_eq!(client.strlen("none").await.unwrap(), 0);
        assert_eq!(client.getrange::<String>("s", 0, 4).await.unwrap(), "Hello");
        assert_eq!(client.getrange::<String>("s", -5, -1).await.unwrap(), "World");
        assert_eq!(client.getrange::<String>("none", 0, -1).await.unwrap(), "");
        assert_eq!(client.substr::<String>("s", 6, 7).await.unwrap(), "Wo");
        assert_eq!(client.setrange("s", 6, "Redis").await.unwrap(), 11);
        assert_eq!(client.get::<String>("s").await.unwrap().unwrap(), "Hello Redis");
        assert_eq!(client.setrange("padded", 2, "x").await.unwrap(), 3);
        assert_eq!(client.get::<Bytes>("padded").await.unwrap().unwrap(), Bytes::from_static(b"\0\0x"));
        assert_eq!(client.setrange("none", 5, "").await.unwrap(), 0);
        assert_eq!(client.get::<String>("none").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn numbers_are_added_to() {
    on_each(async |client| {
        assert_eq!(client.incr("n").await.unwrap(), 1);
        assert_eq!(client.incrby("n", 9).await.unwrap(), 10);
        assert_eq!(client.decr("n").await.unwrap(), 9);
        assert_eq!(client.decrby("n", 19).await.unwrap(), -10);
        assert_eq!(client.incrbyfloat("f", 2.5).await.unwrap(), 2.5);
        assert_eq!(client.incrbyfloat("f", -5.0).await.unwrap(), -2.5);
        client.set("s", "text").await.unwrap();
        assert_eq!(client.incr("s").await.unwrap_err().kind(), ErrorKind::Server);
    })
    .await;
}

#[tokio::test]
async fn several_keys_at_once() {
    on_each(async |client| {
        client.mset([("a", "8"), ("x", "9")]).await.unwrap();
        client.mset([("a", "1"), ("b", "2")]).await.unwrap();
        let values: Vec<Option<i64>> = client.mget(["a", "none", "b"]).await.unwrap();
        assert_eq!(values, [Some(1), None, Some(2)]);
        assert!(!client.msetnx([("b", "3"), ("c", "3")]).await.unwrap());
        assert_eq!(client.exists("c").await.unwrap(), 0);
        assert!(client.msetnx([("c", "3"), ("d", "4")]).await.unwrap());
        assert_eq!(client.get::<i64>("d").await.unwrap(), Some(4));
        not_sent(client.mget::<String>(NOTHING)).await;
        not_sent(client.mset(NOTHING)).await;
        not_sent(client.msetnx(NOTHING)).await;
        not_sent(client.msetex(NOTHING).ex(MINUTE)).await;
    })
    .await;
}

#[tokio::test]
async fn reading_a_value_can_change_when_it_expires() {
    on_each(async |client| {
        client.set("k", "v").await.unwrap();
        let plain = client.getex::<String>("k");
        assert_eq!(plain.command().effect(), Effect::Read);
        assert_eq!(plain.await.unwrap().unwrap(), "v");
        assert_eq!(client.ttl("k").await.unwrap(), TimeToLive::Forever);
        let request = client.getex::<String>("k").ex(MINUTE);
        assert_eq!(request.command().effect(), Effect::LastWriteWins);
        assert_eq!(request.await.unwrap().unwrap(), "v");
        assert!(client.ttl("k").await.unwrap().left().unwrap() <= MINUTE);
        let _: Option<String> = client.getex("k").exat(SystemTime::now() + 10 * MINUTE).await.unwrap();
        assert!(client.ttl("k").await.unwrap().left().unwrap() > MINUTE);
        let _: Option<String> = client.getex("k").persist().await.unwrap();
        assert_eq!(client.ttl("k").await.unwrap(), TimeToLive::Forever);
        assert_eq!(client.getex::<String>("none").ex(MINUTE).await.unwrap(), None);
        assert_eq!(client.getdel::<String>("k").await.unwrap().unwrap(), "v");
        assert_eq!(client.getdel::<String>("k").await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn the_deprecated_ways_to_set_still_work() {
    on_each(async |client| {
        assert!(client.setnx("k", "1").await.unwrap());
        assert!(!client.setnx("k", "2").await.unwrap());
        assert_eq!(client.getset::<i64>("k", "3").await.unwrap(), Some(1));
        assert_eq!(client.getset::<i64>("new", "3").await.unwrap(), None);
        client.setex("k", Duration::from_millis(59_001), "4").await.unwrap();
        let left = client.pttl("k").await.unwrap().left().unwrap();
        assert!(left > Duration::from_secs(30) && left <= Duration::from_millis(59_001));
        client.psetex("k", 2 * MINUTE, "5").await.unwrap();
        assert!(client.ttl("k").await.unwrap().left().unwrap() > MINUTE);
        assert_eq!(client.get::<i64>("k").await.unwrap(), Some(5));
    })
    .await;
}

#[tokio::test]
async fn the_longest_common_subsequence_in_all_its_forms() {
    on_each(async |client| {
        client.mset([("key1", "ohmytext"), ("key2", "mynewtext")]).await.unwrap();
        assert_eq!(client.lcs::<String>("key1", "key2").await.unwrap(), "mytext");
        assert_eq!(client.lcs::<String>("key1", "none").await.unwrap(), "");
        assert_eq!(client.lcs_len("key1", "key2").await.unwrap(), 6);
        assert_eq!(client.lcs_len("none", "key2").await.unwrap(), 0);
        let found = client.lcs_idx("key1", "key2").await.unwrap();
        assert_eq!(found.len, 6);
        let places: Vec<_> = found.matches.iter().map(|run| (run.first.clone(), run.second.clone(), run.len)).collect();
        assert_eq!(places, [(4..=7, 5..=8, 4), (2..=3, 0..=1, 2)]);
        assert_eq!(&"ohmytext"[found.matches[0].first.clone()], "text");
        let long = client.lcs_idx("key1", "key2").minmatchlen(3).await.unwrap();
        assert_eq!((long.matches.len(), long.len), (1, 6));
        let none = client.lcs_idx("key1", "none").await.unwrap();
        assert_eq!((none.matches.len(), none.len), (0, 0));
        assert_eq!(client.lcs_len("key1", "key2").command().keys(), [b"key1", b"key2"]);
    })
    .await;
}

#[tokio::test]
async fn newer_servers_compare_before_they_set() {
    documented("SET k new IFEQ old", "+OK", async |client| {
        let request = client.set("k", "new").ifeq("old");
        assert_eq!(request.command().effect(), Effect::ConditionalWrite);
        assert!(request.await.unwrap());
    })
    .await;
    documented("SET k new IFEQ old", ("$-1", "_"), async |client| {
        assert!(!client.set("k", "new").ifeq("old").await.unwrap());
    })
    .await;
    documented("SET k new IFNE old PX 60000", "+OK", async |client| {
        let request = client.set("k", "new").ifne("old").ex(MINUTE);
        assert_eq!(request.command().effect(), Effect::LastWriteWins, "whatever else is written in between is not old");
        assert!(request.await.unwrap());
    })
    .await;
    documented("SET k new IFDEQ b6acb9d84a38ff74", "+OK", async |client| {
        assert!(client.set("k", "new").ifdeq("b6acb9d84a38ff74").await.unwrap());
    })
    .await;
    documented("SET k new IFDNE b6acb9d84a38ff74", ("$-1", "_"), async |client| {
        assert!(!client.set("k", "new").ifdne("b6acb9d84a38ff74").await.unwrap());
    })
    .await;
    documented("SET k new GET IFEQ old", "'old'", async |client| {
        let before = client.set("k", "new").get::<String>().ifeq("old").await.unwrap();
        assert_eq!(before.unwrap(), "old");
    })
    .await;
    documented("SET k new GET IFNE a IFDEQ b IFDNE c", ("$-1", "_"), async |client| {
        let request = client.set("k", "new").get::<String>().ifne("a").ifdeq("b").ifdne("c");
        assert_eq!(request.await.unwrap(), None);
    })
    .await;
}

#[tokio::test]
async fn newer_servers_compare_before_they_delete() {
    documented("DELIFEQ k value", ":1", async |client| assert!(client.delifeq("k", "value").await.unwrap())).await;
    documented("DELIFEQ k value", ":0", async |client| assert!(!client.delifeq("k", "value").await.unwrap())).await;
    documented("DELEX k", ":1", async |client| {
        let request = client.delex("k");
        assert_eq!(request.command().effect(), Effect::LastWriteWins);
        assert!(request.await.unwrap());
    })
    .await;
    documented("DELEX k IFEQ v", ":1", async |client| {
        let request = client.delex("k").ifeq("v");
        assert_eq!(request.command().effect(), Effect::ConditionalWrite);
        assert!(request.await.unwrap());
    })
    .await;
    documented("DELEX k IFNE v", ":0", async |client| assert!(!client.delex("k").ifne("v").await.unwrap())).await;
    documented("DELEX k IFDEQ d", ":1", async |client| assert!(client.delex("k").ifdeq("d").await.unwrap())).await;
    documented("DELEX k IFDNE d", ":0", async |client| assert!(!client.delex("k").ifdne("d").await.unwrap())).await;
    documented("DIGEST k", "'b6acb9d84a38ff74'", async |client| {
        assert_eq!(client.digest("k").await.unwrap().unwrap(), "b6acb9d84a38ff74");
    })
    .await;
    documented("DIGEST k", ("$-1", "_"), async |client| assert_eq!(client.digest("k").await.unwrap(), None)).await;
}

#[tokio::test]
async fn newer_servers_set_several_keys_with_one_expiry() {
    documented("MSETEX 2 a 1 b 2 PX 60000 NX", ":1", async |client| {
        let request = client.msetex([("a", 1), ("b", 2)]).ex(MINUTE).nx();
        assert_eq!(request.command().effect(), Effect::ConditionalWrite);
        assert_eq!(request.command().keys(), [b"a", b"b"]);
        assert_eq!(request.command().slot(), Command::new("GET").key("a").slot());
        assert!(request.await.unwrap());
    })
    .await;
    documented("MSETEX 1 a 1 XX KEEPTTL", ":0", async |client| {
        assert!(!client.msetex(("a", 1)).xx().keepttl().await.unwrap());
    })
    .await;
    documented("MSETEX 1 a 1 PXAT 2000", ":1", async |client| {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(2);
        assert!(client.msetex(("a", 1)).exat(at).await.unwrap());
    })
    .await;
}

#[tokio::test]
async fn newer_servers_count_within_bounds_and_for_some_time() {
    documented("INCREX k", "*2 :1 :1", async |client| {
        let request = client.increx("k");
        assert_eq!(request.command().effect(), Effect::Accumulating);
        assert_eq!(request.await.unwrap(), (1, 1));
    })
    .await;
    documented("INCREX k BYINT 5 UBOUND 100 PX 60000 ENX", "*2 :99 :0", async |client| {
        assert_eq!(client.increx("k").byint(5).ubound(100).ex(MINUTE).enx().await.unwrap(), (99, 0));
    })
    .await;
    let doubles = ("*2 '1.75' '0.25'", "*2 ,1.75 ,0.25");
    documented("INCREX k LBOUND -1.5 BYFLOAT 0.25 SATURATE PERSIST", doubles, async |client| {
        let request = client.increx("k").lbound(-1.5).byfloat(0.25).saturate().persist();
        assert_eq!(request.await.unwrap(), (1.75, 0.25));
    })
    .await;
    documented("INCREX k NX PXAT 2000", "*2 :1 :1", async |client| {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(2);
        assert_eq!(client.increx("k").nx().exat(at).await.unwrap(), (1, 1));
    })
    .await;
    documented("INCREX k XX", "*2 :2 :1", async |client| {
        assert_eq!(client.increx("k").xx().await.unwrap(), (2, 1));
    })
    .await;
}
