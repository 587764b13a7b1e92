//! Hashes.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, SystemTime};

use steadfast::Effect;
use steadfast::api::*;

use super::{NOTHING, documented, not_sent, on, on_each};
use crate::support::Kind;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn fields_are_set_and_read() {
    on_each(async |client| {
        assert_eq!(client.hset("h", [("a", "1"), ("b", "2")]).await.unwrap(), 2);
        assert_eq!(client.hset("h", (("b", 3), ("c", "text"))).await.unwrap(), 1);
        client.hmset("h", BTreeMap::from([("d", "4")])).await.unwrap();
        assert!(!client.hsetnx("h", "a", "9").await.unwrap());
        assert!(client.hsetnx("h", "e", "5").await.unwrap());
        assert_eq!(client.hget::<i64>("h", "a").await.unwrap(), Some(1));
        assert_eq!(client.hget::<i64>("h", "none").await.unwrap(), None);
        assert_eq!(client.hmget::<i64>("h", ["b", "none", "d"]).await.unwrap(), [Some(3), None, Some(4)]);
        assert_eq!(client.hmget::<i64>("none", ["b"]).await.unwrap(), [None]);
        assert!(client.hexists("h", "c").await.unwrap());
        assert!(!client.hexists("none", "c").await.unwrap());
        assert_eq!(client.hstrlen("h", "c").await.unwrap(), 4);
        assert_eq!(client.hstrlen("h", "none").await.unwrap(), 0);
        assert_eq!(client.hlen("h").await.unwrap(), 5);
        assert_eq!(client.hlen("none").await.unwrap(), 0);
        assert_eq!(client.hdel("h", ["c", "d", "none"]).await.unwrap(), 2);
        let mut names = client.hkeys::<String>("h").await.unwrap();
        names.sort();
        assert_eq!(names, ["a", "b", "e"]);
        let mut values = client.hvals::<i64>("h").await.unwrap();
        values.sort();
        assert_eq!(values, [1, 3, 5]);
        let all: HashMap<String, i64> = client.hgetall("h").await.unwrap();
        assert_eq!(all, HashMap::from([("a".to_owned(), 1), ("b".to_owned(), 3), ("e".to_owned(), 5)]));
        assert_eq!(client.hkeys::<String>("none").await.unwrap(), [""; 0]);
        assert_eq!(client.hvals::<String>("none").await.unwrap(), [""; 0]);
        assert_eq!(client.hgetall::<Vec<(String, String)>>("none").await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn empty_lists_of_fields_are_not_sent() {
    on_each(async |client| {
        not_sent(client.hset("h", NOTHING)).await;
        not_sent(client.hmset("h", NOTHING)).await;
        not_sent(client.hdel("h", NOTHING)).await;
        not_sent(client.hmget::<String>("h", NOTHING)).await;
        not_sent(client.hgetdel::<String>("h", NOTHING)).await;
        not_sent(client.hgetex::<String>("h", NOTHING).ex(MINUTE)).await;
        not_sent(client.hsetex("h", NOTHING).ex(MINUTE).fnx()).await;
        not_sent(client.hexpire("h", MINUTE, NOTHING).gt()).await;
        not_sent(client.hpersist("h", NOTHING)).await;
        not_sent(client.httl("h", NOTHING)).await;
        not_sent(client.hexpiretime("h", NOTHING)).await;
    })
    .await;
}

#[tokio::test]
async fn fields_are_added_to() {
    on_each(async |client| {
        assert_eq!(client.hincrby("h", "n", 5).await.unwrap(), 5);
        assert_eq!(client.hincrby("h", "n", -7).await.unwrap(), -2);
        assert_eq!(client.hincrbyfloat("h", "f", 2.5).await.unwrap(), 2.5);
        assert_eq!(client.hincrbyfloat("h", "f", -5.0).await.unwrap(), -2.5);
    })
    .await;
}

#[tokio::test]
async fn random_fields_come_alone_or_together_with_or_without_values() {
    on_each(async |client| {
        client.hset("h", [("a", 1), ("b", 2)]).await.unwrap();
        let name: Option<String> = client.hrandfield("h").await.unwrap();
        assert!(["a", "b"].contains(&name.unwrap().as_str()));
        assert_eq!(client.hrandfield::<String>("none").await.unwrap(), None);
        let mut names = client.hrandfield::<String>("h").count(5).await.unwrap();
        names.sort();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(client.hrandfield::<String>("h").count(-5).await.unwrap().len(), 5);
        assert_eq!(client.hrandfield::<String>("none").count(5).await.unwrap(), [""; 0]);
        let mut pairs = client.hrandfield::<String>("h").count(5).withvalues::<i64>().await.unwrap();
        pairs.sort();
        assert_eq!(pairs, [("a".to_owned(), 1), ("b".to_owned(), 2)]);
        let none = client.hrandfield::<String>("none").count(-5).withvalues::<i64>().await.unwrap();
        assert_eq!(none, []);
    })
    .await;
}

#[tokio::test]
async fn fields_are_scanned() {
    on_each(async |client| {
        client.hset("h", [("a:1", 1), ("b:1", 2)]).await.unwrap();
        let page = client.hscan::<String, i64>("h").matching("a:*").count(100).cursor(0).await.unwrap();
        assert_eq!((page.items, page.cursor), (vec![("a:1".to_owned(), 1)], 0));
        let none = client.hscan::<String, i64>("none").await.unwrap();
        assert_eq!((none.items, none.cursor), (vec![], 0));
    })
    .await;
    on(Kind::Valkey, async |client| {
        client.hset("h", [("a:1", 1), ("b:1", 2)]).await.unwrap();
        let page = client.hscan_novalues::<String>("h").matching("a:*").count(100).cursor(0).await.unwrap();
        assert_eq!((page.items, page.cursor), (vec!["a:1".to_owned()], 0));
    })
    .await;
}

#[tokio::test]
async fn newer_servers_let_fields_expire() {
    use FieldExpiry::{Deleted, Missing, Set, Unchanged};
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(4_000_000_000_123);

    documented("HPEXPIRE h 60000 FIELDS 2 a b", "*2 :1 :-2", async |client| {
        assert_eq!(client.hexpire("h", MINUTE, ["a", "b"]).await.unwrap(), [Set, Missing]);
    })
    .await;
    documented("HPEXPIRE h 60000 NX FIELDS 1 a", "*1 :0", async |client| {
        let request = client.hpexpire("h", MINUTE, "a").nx();
        assert_eq!(request.command().effect(), Effect::ConditionalWrite);
        assert_eq!(request.await.unwrap(), [Unchanged]);
    })
    .await;
    documented("HPEXPIRE h 0 XX FIELDS 1 a", "*1 :2", async |client| {
        assert_eq!(client.hexpire("h", Duration::ZERO, "a").xx().await.unwrap(), [Deleted]);
    })
    .await;
    documented("HPEXPIREAT h 4000000000123 GT FIELDS 1 a", "*1 :1", async |client| {
        assert_eq!(client.hexpireat("h", at, "a").gt().await.unwrap(), [Set]);
    })
    .await;
    documented("HPEXPIREAT h 4000000000123 LT FIELDS 1 a", "*1 :1", async |client| {
        assert_eq!(client.hpexpireat("h", at, "a").lt().await.unwrap(), [Set]);
    })
    .await;
    documented("HPERSIST h FIELDS 3 a b c", "*3 :1 :-1 :-2", async |client| {
        assert_eq!(client.hpersist("h", ["a", "b", "c"]).await.unwrap(), [true, false, false]);
    })
    .await;
}

#[tokio::test]
async fn newer_servers_say_when_fields_expire() {
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(4_000_000_000_123);
    let (left, times) = (
        [TimeToLive::Left(MINUTE), TimeToLive::Forever, TimeToLive::Missing],
        [ExpireTime::At(at), ExpireTime::Never, ExpireTime::Missing],
    );
    documented("HPTTL h FIELDS 3 a b c", "*3 :60000 :-1 :-2", async |client| {
        assert_eq!(client.httl("h", ["a", "b", "c"]).await.unwrap(), left);
    })
    .await;
    documented("HPTTL h FIELDS 3 a b c", "*3 :60000 :-1 :-2", async |client| {
        assert_eq!(client.hpttl("h", ["a", "b", "c"]).await.unwrap(), left);
    })
    .await;
    documented("HPEXPIRETIME h FIELDS 3 a b c", "*3 :4000000000123 :-1 :-2", async |client| {
        assert_eq!(client.hexpiretime("h", ["a", "b", "c"]).await.unwrap(), times);
    })
    .await;
    documented("HPEXPIRETIME h FIELDS 3 a b c", "*3 :4000000000123 :-1 :-2", async |client| {
        assert_eq!(client.hpexpiretime("h", ["a", "b", "c"]).await.unwrap(), times);
    })
    .await;
}

#[tokio::test]
async fn newer_servers_read_and_delete_or_change_the_expiry() {
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    documented("HGETDEL h FIELDS 2 a b", ("*2 'x' $-1", "*2 'x' _"), async |client| {
        let values = client.hgetdel::<String>("h", ["a", "b"]).await.unwrap();
        assert_eq!(values, [Some("x".to_owned()), None]);
    })
    .await;
    documented("HGETEX h FIELDS 1 a", ("*1 $-1", "*1 _"), async |client| {
        let request = client.hgetex::<String>("h", "a");
        assert_eq!(request.command().effect(), Effect::Read);
        assert_eq!(request.await.unwrap(), [None]);
    })
    .await;
    documented("HGETEX h PX 60000 FIELDS 2 a b", ("*2 'x' $-1", "*2 'x' _"), async |client| {
        let request = client.hgetex::<String>("h", ["a", "b"]).ex(MINUTE);
        assert_eq!(request.command().effect(), Effect::LastWriteWins);
        assert_eq!(request.await.unwrap(), [Some("x".to_owned()), None]);
    })
    .await;
    documented("HGETEX h PXAT 4000000000000 FIELDS 1 a", "*1 'x'", async |client| {
        assert_eq!(client.hgetex::<String>("h", "a").exat(at).await.unwrap(), [Some("x".to_owned())]);
    })
    .await;
    documented("HGETEX h PERSIST FIELDS 1 a", "*1 'x'", async |client| {
        assert_eq!(client.hgetex::<String>("h", "a").persist().await.unwrap(), [Some("x".to_owned())]);
    })
    .await;
}

#[tokio::test]
async fn newer_servers_set_fields_with_an_expiry() {
    let at = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    documented("HSETEX h FIELDS 2 a 1 b 2", ":1", async |client| {
        let request = client.hsetex("h", [("a", 1), ("b", 2)]);
        assert_eq!(request.command().effect(), Effect::LastWriteWins);
        assert!(request.await.unwrap());
    })
    .await;
    documented("HSETEX h FNX PX 60000 FIELDS 1 a 1", ":0", async |client| {
        let request = client.hsetex("h", ("a", 1)).ex(MINUTE).fnx();
        assert_eq!(request.command().effect(), Effect::ConditionalWrite);
        assert!(!request.await.unwrap());
    })
    .await;
    documented("HSETEX h PXAT 4000000000000 FXX FIELDS 1 a 1", ":1", async |client| {
        assert!(client.hsetex("h", ("a", 1)).fxx().exat(at).await.unwrap());
    })
    .await;
    documented("HSETEX h KEEPTTL NX FIELDS 1 a 1", ":1", async |client| {
        let request = client.hsetex("h", ("a", 1)).nx().keepttl();
        assert_eq!(request.command().effect(), Effect::ConditionalWrite);
        assert!(request.await.unwrap());
    })
    .await;
    documented("HSETEX h XX FIELDS 1 a 1", ":1", async |client| {
        assert!(client.hsetex("h", ("a", 1)).xx().await.unwrap());
    })
    .await;
}
