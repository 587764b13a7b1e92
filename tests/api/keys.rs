//! Keys of any type.

use std::time::{Duration, SystemTime};

use steadfast::api::*;
use steadfast::{Command, Effect, ErrorKind};

use super::{NOTHING, not_sent, on, on_each};
use crate::live::{KINDS, connected, tcp};
use crate::support::Server;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn keys_are_found_deleted_and_renamed() {
    on_each(async |client| {
        client.mset([("a", "1"), ("b", "2"), ("c", "3")]).await.unwrap();
        assert_eq!(client.exists(["a", "a", "none"]).await.unwrap(), 2);
        assert_eq!(client.touch(["a", "b", "none"]).await.unwrap(), 2);
        assert_eq!(client.del(["a", "none"]).await.unwrap(), 1);
        assert_eq!(client.unlink(["c", "none"]).await.unwrap(), 1);
        assert_eq!(client.keys::<String>("*").await.unwrap(), ["b"]);
        assert_eq!(client.keys::<String>("x*").await.unwrap(), [""; 0]);
        assert_eq!(client.randomkey::<String>().await.unwrap().unwrap(), "b");
        client.rename("b", "d").await.unwrap();
        client.set("e", "5").await.unwrap();
        assert!(!client.renamenx("d", "e").await.unwrap());
        assert!(client.renamenx("d", "f").await.unwrap());
        assert_eq!(client.get::<i64>("f").await.unwrap(), Some(2));
        assert_eq!(client.rename("none", "x").await.unwrap_err().kind(), ErrorKind::Server);
        assert_eq!(client.type_of("f").await.unwrap(), "string");
        assert_eq!(client.type_of("none").await.unwrap(), "none");
        client.del(["e", "f"]).await.unwrap();
        assert_eq!(client.randomkey::<String>().await.unwrap(), None);
        not_sent(client.del(NOTHING)).await;
        not_sent(client.unlink(NOTHING)).await;
        not_sent(client.exists(NOTHING)).await;
        not_sent(client.touch(NOTHING)).await;
        not_sent(client.migrate("127.0.0.1", 1, NOTHING)).await;
        assert_eq!(client.rename("a", "b").command().keys(), [b"a", b"b"]);
    })
    .await;
}

#[tokio::test]
async fn keys_are_copied_and_moved_to_another_database() {
    on_each(async |client| {
        client.mset([("a", "1"), ("b", "2")]).await.unwrap();
        assert!(!client.copy("a", "b").await.unwrap());
        assert!(client.copy("a", "b").replace().await.unwrap());
        assert_eq!(client.get::<i64>("b").await.unwrap(), Some(1));
        assert!(!client.copy("none", "b").await.unwrap());
        assert!(client.copy("a", "a").db(1).await.unwrap());
        assert!(!client.move_to("a", 1).await.unwrap(), "it is there");
        assert!(client.move_to("b", 1).await.unwrap());
        assert!(!client.move_to("b", 1).await.unwrap(), "it is gone");
        assert_eq!(client.exists(["a", "b"]).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test]
async fn keys_expire_as_is_said() {
    on_each(async |client| {
        client.set("k", "v").await.unwrap();
        assert!(client.expire("k", MINUTE).await.unwrap());
        assert!(client.pexpire("k", Duration::from_micros(70_000_100)).await.unwrap());
        let left = client.pttl("k").await.unwrap().left().unwrap();
        assert!(left > MINUTE && left <= Duration::from_millis(70_001));
        assert!(!client.expire("none", MINUTE).await.unwrap());
        assert!(!client.pexpire("none", MINUTE).await.unwrap());

        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(4_000_000_000_123);
        assert!(client.expireat("k", at).await.unwrap());
        assert_eq!(client.expiretime("k").await.unwrap(), ExpireTime::At(at));
        assert!(client.expireat("k", at + Duration::from_micros(100)).await.unwrap());
        assert_eq!(client.expiretime("k").await.unwrap().at(), Some(at + Duration::from_millis(1)), "never early");
        assert!(client.pexpireat("k", at + MINUTE).await.unwrap());
        assert_eq!(client.pexpiretime("k").await.unwrap().at(), Some(at + MINUTE));
        assert!(!client.expireat("none", at).await.unwrap());
        assert!(!client.pexpireat("none", at).await.unwrap());

        assert!(client.persist("k").await.unwrap());
        assert!(!client.persist("k").await.unwrap());
        assert_eq!(client.ttl("k").await.unwrap(), TimeToLive::Forever);
        assert_eq!(client.expiretime("k").await.unwrap(), ExpireTime::Never);
        assert_eq!(client.pttl("none").await.unwrap(), TimeToLive::Missing);
        assert_eq!(client.pexpiretime("none").await.unwrap(), ExpireTime::Missing);
        assert!(client.expireat("k", SystemTime::UNIX_EPOCH).await.unwrap());
        assert_eq!(client.exists("k").await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn conditions_of_expiry_are_kept() {
    on_each(async |client| {
        let hour = 60 * MINUTE;
        client.set("k", "v").await.unwrap();
        assert!(!client.expire("k", MINUTE).xx().await.unwrap());
        assert!(!client.expire("k", MINUTE).gt().await.unwrap(), "longer than forever there is nothing");
        assert_eq!(client.ttl("k").await.unwrap(), TimeToLive::Forever);
        assert!(client.expire("k", MINUTE).nx().await.unwrap());
        assert!(!client.expire("k", hour).nx().await.unwrap());
        assert!(!client.pexpire("k", hour).lt().await.unwrap());
        assert!(client.ttl("k").await.unwrap().left().unwrap() <= MINUTE);
        assert!(client.pexpire("k", hour).gt().await.unwrap());
        assert!(client.ttl("k").await.unwrap().left().unwrap() > MINUTE);
        assert!(client.expireat("k", SystemTime::now() + MINUTE).lt().await.unwrap());
        assert!(client.ttl("k").await.unwrap().left().unwrap() <= MINUTE + Duration::from_secs(1));
        assert!(client.pexpireat("k", SystemTime::now() + hour).xx().await.unwrap());
        assert!(client.ttl("k").await.unwrap().left().unwrap() > MINUTE);
        let later = client.expire("k", MINUTE).gt();
        assert_eq!(
            later.command().effect(),
            Effect::LastWriteWins,
            "a minute from then is later than a minute from now"
        );
        for conditional in [client.expire("k", MINUTE).nx(), client.expire("k", MINUTE).lt()] {
            assert_eq!(conditional.command().effect(), Effect::ConditionalWrite);
        }
        let raw = Command::new("EXPIRE").key("k").arg((60, "LT"));
        assert_eq!(raw.effect(), Effect::ConditionalWrite);
    })
    .await;
}

#[tokio::test]
async fn values_are_dumped_and_restored() {
    on_each(async |client| {
        client.set("k", "v").await.unwrap();
        let dumped = client.dump("k").await.unwrap().unwrap();
        assert_eq!(client.dump("none").await.unwrap(), None);
        let error = client.restore("k", &dumped).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server);
        assert!(error.to_string().contains("BUSYKEY"), "{error}");
        client.set("k", "other").await.unwrap();
        client.restore("k", &dumped).replace().await.unwrap();
        assert_eq!(client.get::<String>("k").await.unwrap().unwrap(), "v");
        assert_eq!(client.ttl("k").await.unwrap(), TimeToLive::Forever);
        client.restore("short", &dumped).ttl(MINUTE).idletime(Duration::from_secs(1000)).await.unwrap();
        assert!(client.ttl("short").await.unwrap().left().unwrap() <= MINUTE);
        assert!(client.object_idletime("short").await.unwrap().unwrap() >= Duration::from_secs(1000));
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(4_000_000_000_123);
        client.restore("fixed", &dumped).absttl(at).await.unwrap();
        assert_eq!(client.expiretime("fixed").await.unwrap(), ExpireTime::At(at));
    })
    .await;
}

#[tokio::test]
async fn objects_say_how_they_are_kept() {
    on_each(async |client| {
        // Not one of the small integers that the server has once for all keys.
        client.set("k", "12345678").await.unwrap();
        assert_eq!(client.object_encoding("k").await.unwrap().unwrap(), "int");
        assert!(client.object_refcount("k").await.unwrap().unwrap() >= 1);
        assert!(client.object_idletime("k").await.unwrap().unwrap() < MINUTE);
        assert_eq!(client.object_encoding("none").await.unwrap(), None);
        assert_eq!(client.object_refcount("none").await.unwrap(), None);
        assert_eq!(client.object_idletime("none").await.unwrap(), None);
        assert!(client.object_help().await.unwrap().iter().any(|line| line.starts_with("ENCODING")));

        let policy = |name| client.request::<()>(Command::new("CONFIG SET").arg(("maxmemory-policy", name)));
        assert_eq!(client.object_freq("k").await.unwrap_err().kind(), ErrorKind::Server);
        policy("allkeys-lfu").await.unwrap();
        client.set("k", "12345679").await.unwrap();
        assert!(client.object_freq("k").await.unwrap().is_some());
        assert_eq!(client.object_freq("none").await.unwrap(), None);
        let dumped = client.dump("k").await.unwrap().unwrap();
        client.restore("frequent", dumped).freq(200).await.unwrap();
        assert!(client.object_freq("frequent").await.unwrap().unwrap() > 100);
        policy("noeviction").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn elements_are_sorted() {
    on_each(async |client| {
        client.rpush("l", ["3", "1", "10", "2"]).await.unwrap();
        assert_eq!(client.sort::<i64>("l").await.unwrap(), [1, 2, 3, 10]);
        assert_eq!(client.sort::<i64>("l").desc().asc().limit(1, 2).await.unwrap(), [2, 3]);
        assert_eq!(client.sort_ro::<i64>("l").desc().await.unwrap(), [10, 3, 2, 1]);
        assert_eq!(client.sort::<i64>("l").alpha().await.unwrap(), [1, 10, 2, 3]);
        assert_eq!(client.sort::<i64>("none").await.unwrap(), [0; 0]);

        client.mset([("weight:1", "9"), ("weight:2", "8"), ("weight:3", "7"), ("weight:10", "6")]).await.unwrap();
        client.mset([("name:1", "one"), ("name:10", "ten")]).await.unwrap();
        assert_eq!(client.sort::<i64>("l").by("weight:*").await.unwrap(), [10, 3, 2, 1]);
        let named = client.sort::<Option<String>>("l").get("#").get("name:*").limit(0, 2).await.unwrap();
        assert_eq!(named, [Some("1".to_owned()), Some("one".to_owned()), Some("2".to_owned()), None]);
        let read = client.sort_ro::<Option<String>>("l").by("weight:*").get("name:*").limit(0, -1).await.unwrap();
        assert_eq!(read, [Some("ten".to_owned()), None, None, Some("one".to_owned())]);

        assert_eq!(client.sort_store("l", "sorted").desc().await.unwrap(), 4);
        assert_eq!(client.lrange::<i64>("sorted", 0, -1).await.unwrap(), [10, 3, 2, 1]);
        assert_eq!(client.sort_store("none", "sorted").await.unwrap(), 0);
        assert_eq!(client.exists("sorted").await.unwrap(), 0);
        let request = client.sort_store("l", "sorted").by("nosort");
        assert_eq!(request.command().keys(), [&b"l"[..], b"sorted"]);
        assert_eq!(request.command().effect(), Effect::LastWriteWins);
        assert_eq!(client.sort::<i64>("l").command().effect(), Effect::Read);
    })
    .await;
}

#[tokio::test]
async fn keys_are_scanned() {
    on_each(async |client| {
        client.mset([("a:1", "1"), ("a:2", "2"), ("b:1", "3")]).await.unwrap();
        client.sadd("a:set", "x").await.unwrap();
        let page = client.scan::<String>().matching("a:*").of_type("string").count(1000).cursor(0).await.unwrap();
        let mut found = page.items;
        found.sort();
        assert_eq!((found, page.cursor), (vec!["a:1".to_owned(), "a:2".to_owned()], 0));
    })
    .await;
}

#[tokio::test]
async fn keys_migrate_to_another_server() {
    for kind in KINDS {
        let target = Server::build(kind).password("secret").start();
        on(kind, async |client| {
            target.raw(&["FLUSHALL"]);
            let there = connected(tcp(&target).with_credentials("default", "secret")).await;
            let migrate = |keys: &'static [&'static str]| client.migrate("127.0.0.1", target.port(), keys);
            client.mset([("a", "1"), ("b", "2"), ("c", "3")]).await.unwrap();
            assert!(migrate(&["a", "none"]).auth("secret").await.unwrap());
            assert!(!migrate(&["a", "none"]).auth("secret").await.unwrap(), "it is not here any more");
            assert_eq!(client.exists("a").await.unwrap(), 0);
            assert_eq!(there.get::<i64>("a").await.unwrap(), Some(1));

            assert!(migrate(&["b"]).copy().auth2("default", "secret").timeout(MINUTE).await.unwrap());
            client.set("b", "4").await.unwrap();
            let busy = migrate(&["b"]).auth("secret").await.unwrap_err();
            assert!(busy.to_string().contains("BUSYKEY"), "{busy}");
            assert!(migrate(&["b"]).replace().auth("secret").await.unwrap());
            assert_eq!(client.exists("b").await.unwrap(), 0);
            assert_eq!(there.get::<i64>("b").await.unwrap(), Some(4));

            assert!(migrate(&["c"]).db(3).auth("secret").await.unwrap());
            assert_eq!(there.exists("c").await.unwrap(), 0);
            assert!(!migrate(&["c"]).await.unwrap());
            let request = migrate(&["c", "d"]).db(3).copy().timeout(MINUTE);
            let wire = String::from_utf8(request.command().to_wire()).unwrap();
            assert!(wire.contains("$1\r\n3\r\n$5\r\n60000\r\n$4\r\nCOPY\r\n"), "{wire}");
            assert_eq!(request.command().slot(), Command::new("GET").key("c").slot());
        })
        .await;
    }
}
