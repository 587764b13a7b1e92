//! Streams.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use steadfast::api::*;
use steadfast::{Client, Effect, ErrorKind, Fate, FromReply, Value};

use super::{NOTHING, documented, not_sent, on, on_each, was_answered};
use crate::support::Kind;

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(3600);

fn id(milliseconds: u64) -> StreamId {
    StreamId::new(milliseconds, 0)
}

/// A stream with the entries `1-0` to `n-0`, of one field `n` each.
async fn stream(client: &Client, key: &str, entries: u64) {
    for n in 1..=entries {
        assert_eq!(client.xadd(key, id(n), ("n", n)).await.unwrap(), id(n));
    }
}

fn entries(of: &[StreamEntry<HashMap<String, u64>>]) -> Vec<u64> {
    assert!(of.iter().all(|entry| entry.fields.get("n") == Some(&entry.id.milliseconds)), "{of:?}");
    of.iter().map(|entry| entry.id.milliseconds).collect()
}

async fn left(client: &Client, key: &str) -> Vec<u64> {
    entries(&client.xrange(key, "-", "+").await.unwrap())
}

fn by_name(read: &StreamsRead<HashMap<String, u64>>) -> Vec<(&str, Vec<u64>)> {
    read.iter().map(|(name, of)| (name.as_str(), entries(of))).collect()
}

/// A stream of three entries that are pending: 1 and 2 of alice, 3 of bob.
async fn pending(client: &Client) {
    stream(client, "s", 3).await;
    client.xgroup_create("s", "g", "0").await.unwrap();
    let _: StreamsRead = client.xreadgroup("g", "alice", "s", ">").count(2).await.unwrap();
    let _: StreamsRead = client.xreadgroup("g", "bob", "s", ">").await.unwrap();
}

#[test]
fn an_id_is_read_written_and_ordered() {
    assert_eq!("12-3".parse(), Ok(StreamId::new(12, 3)));
    assert_eq!("12".parse(), Ok(StreamId::new(12, 0)));
    assert_eq!(StreamId::MAX.to_string().parse(), Ok(StreamId::MAX));
    for wrong in ["", "-", "a-1", "1-", "1-2-3", "-1", "*"] {
        assert!(wrong.parse::<StreamId>().is_err(), "{wrong}");
    }
    assert!(StreamId::MIN < StreamId::new(1, 9) && StreamId::new(1, 9) < StreamId::new(2, 0));
}

#[tokio::test]
async fn entries_are_added_and_read_in_both_directions() {
    on_each(async |client| {
        let before = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis() as u64;
        let first = client.xadd("own", "*", [("a", "1"), ("b", "2")]).await.unwrap();
        assert!(first.milliseconds + 1000 >= before && first.milliseconds <= before + 60_000);
        let next = client.xadd("own", format!("{}-*", first.milliseconds), (("a", "x"), ("n", 7))).await.unwrap();
        assert_eq!(next, StreamId::new(first.milliseconds, first.sequence + 1));
        let all: Vec<StreamEntry> = client.xrange("own", StreamId::MIN, StreamId::MAX).await.unwrap();
        assert_eq!((all[0].id, all[1].id), (first, next));
        assert_eq!(all[0].fields, HashMap::from([("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]));
        let in_order: Vec<StreamEntry<Vec<(String, String)>>> = client.xrange("own", next, "+").await.unwrap();
        assert_eq!(in_order[0].fields, [("a".to_owned(), "x".to_owned()), ("n".to_owned(), "7".to_owned())]);
        was_answered(client.xadd("own", first, ("a", 1)).await, "ERR The ID specified in XADD is equal or smaller");

        stream(client, "s", 5).await;
        assert_eq!((client.xlen("s").await.unwrap(), client.xlen("none").await.unwrap()), (5, 0));
        assert_eq!(entries(&client.xrange("s", 2, id(4)).await.unwrap()), [2, 3, 4]);
        assert_eq!(entries(&client.xrange("s", id(2).exclusive(), "+").count(2).await.unwrap()), [3, 4]);
        assert_eq!(entries(&client.xrevrange("s", "+", "-").await.unwrap()), [5, 4, 3, 2, 1]);
        assert_eq!(entries(&client.xrevrange("s", id(4).exclusive(), id(1)).count(2).await.unwrap()), [3, 2]);
        assert_eq!(entries(&client.xrange("none", "-", "+").await.unwrap()), [0u64; 0]);
        assert_eq!(entries(&client.xrevrange("none", "+", "-").await.unwrap()), [0u64; 0]);

        assert_eq!(client.xadd("none", "*", ("a", 1)).nomkstream().await.unwrap(), None);
        assert_eq!(client.exists("none").await.unwrap(), 0);
        assert_eq!(client.xadd("s", id(6), ("n", 6)).nomkstream().await.unwrap(), Some(id(6)));
    })
    .await;
}

#[tokio::test]
async fn streams_are_trimmed_and_entries_deleted() {
    on_each(async |client| {
        stream(client, "s", 9).await;
        client.xadd("s", id(10), ("n", 10)).trim(StreamTrim::maxlen(8)).await.unwrap();
        assert_eq!(left(client, "s").await, [3, 4, 5, 6, 7, 8, 9, 10]);
        client.xadd("s", id(11), ("n", 11)).trim(StreamTrim::minid(id(5))).nomkstream().await.unwrap();
        assert_eq!(left(client, "s").await, [5, 6, 7, 8, 9, 10, 11]);
        assert_eq!(client.xdel("s", [id(7), id(99)]).await.unwrap(), 1);
        assert_eq!(client.xdel("none", id(7)).await.unwrap(), 0);
        assert_eq!(client.xtrim("s", StreamTrim::maxlen(4)).await.unwrap(), 2);
        assert_eq!(left(client, "s").await, [8, 9, 10, 11]);
        assert_eq!(client.xtrim("s", StreamTrim::minid(id(10))).await.unwrap(), 2);
        // One node of the stream is the least that is removed.
        assert_eq!(client.xtrim("s", StreamTrim::maxlen(1).approximate()).await.unwrap(), 0);
        assert_eq!(client.xtrim("s", StreamTrim::minid(id(11)).approximate().limit(50)).await.unwrap(), 0);
        assert_eq!(left(client, "s").await, [10, 11]);
        assert_eq!(client.xtrim("none", StreamTrim::maxlen(1)).await.unwrap(), 0);
        let exact = client.xtrim("s", StreamTrim::maxlen(1).limit(5)).await;
        was_answered(exact, "ERR syntax error, LIMIT cannot be used without the special ~ option");

        stream(client, "t", 250).await;
        assert_eq!(client.xtrim("t", StreamTrim::maxlen(0).approximate().limit(100)).await.unwrap(), 100);
        client.xsetid("t", id(300)).entriesadded(400).maxdeletedid(id(150)).await.unwrap();
        let summary: StreamSummary = client.xinfo_stream("t").await.unwrap();
        assert_eq!((summary.length, summary.last_generated_id, summary.entries_added), (150, id(300), Some(400)));
        assert_eq!(summary.max_deleted_entry_id, Some(id(150)));
        client.xsetid("t", id(301)).await.unwrap();
        was_answered(client.xsetid("none", id(1)).await, "ERR no such key");
        was_answered(client.xsetid("t", id(1)).await, "ERR The ID specified in XSETID is smaller");
    })
    .await;
}

#[tokio::test]
async fn several_streams_are_read_by_their_names() {
    on_each(async |client| {
        stream(client, "a", 3).await;
        stream(client, "b", 4).await;
        let read = client.xread(["a", "b"], ["0", "2-0"]).await.unwrap();
        assert_eq!(by_name(&read), [("a", vec![1, 2, 3]), ("b", vec![3, 4])]);
        let read = client.xread(["b", "a"], [id(0), id(3)]).count(1).await.unwrap();
        assert_eq!(by_name(&read), [("b", vec![1])]);
        let read: StreamsRead = client.xread("a", StreamId::MAX).await.unwrap();
        assert_eq!(read, []);
        assert_eq!(client.xread::<Value>(["none", "a"], ["0", "$"]).await.unwrap(), []);
        let map: Option<HashMap<String, Vec<StreamEntry>>> = client.xread::<()>("a", "0").answer_as().await.unwrap();
        assert_eq!(map.unwrap()["a"].len(), 3);
        let request = client.xread::<Value>(["a", "b"], ["0", "0"]).count(1);
        assert_eq!(request.command().keys(), [b"a", b"b"]);
        assert_eq!(request.command().slot(), client.xlen("a").command().slot());

        not_sent(client.xread::<Value>(["a", "b"], "0")).await;
        not_sent(client.xread::<Value>(NOTHING, NOTHING).count(1)).await;
    })
    .await;
}

#[tokio::test]
async fn a_group_delivers_every_entry_once_until_it_is_acknowledged() {
    on_each(async |client| {
        stream(client, "s", 3).await;
        client.xgroup_create("s", "g", "0").await.unwrap();
        was_answered(client.xgroup_create("s", "g", "0").await, "BUSYGROUP");
        was_answered(
            client.xgroup_create("none", "g", "0").await,
            "ERR The XGROUP subcommand requires the key to exist",
        );
        client.xgroup_create("t", "g", "$").mkstream().entriesread(0).await.unwrap();

        let read = client.xreadgroup("g", "alice", ["s", "t"], [">", ">"]).count(2).await.unwrap();
        assert_eq!(by_name(&read), [("s", vec![1, 2])]);
        let read = client.xreadgroup("g", "bob", "s", ">").noack().count(1).await.unwrap();
        assert_eq!(by_name(&read), [("s", vec![3])]);
        let read: StreamsRead = client.xreadgroup("g", "bob", ["s", "t"], [">", ">"]).await.unwrap();
        assert_eq!(read, []);
        let read = client.xreadgroup("g", "alice", "s", "0").await.unwrap();
        assert_eq!(by_name(&read), [("s", vec![1, 2])]);
        let read = client.xreadgroup("g", "bob", "s", "0").await.unwrap();
        assert_eq!(by_name(&read), [("s", vec![])]);

        assert_eq!(client.xack("s", "g", [id(1), id(3)]).await.unwrap(), 1);
        assert_eq!(client.xack("none", "g", id(1)).await.unwrap(), 0);
        let read = client.xreadgroup("g", "alice", "s", StreamId::MIN).await.unwrap();
        assert_eq!(by_name(&read), [("s", vec![2])]);

        // What is pending and deleted has no fields.
        client.xdel("s", id(2)).await.unwrap();
        let read: StreamsRead = client.xreadgroup("g", "alice", "s", "0").await.unwrap();
        assert_eq!((read[0].1[0].id, read[0].1[0].fields.len()), (id(2), 0));
        let read: StreamsRead<Option<Value>> = client.xreadgroup("g", "alice", "s", "0").await.unwrap();
        assert_eq!(read[0].1[0].fields, None);
        let read: StreamsRead<Vec<(String, String)>> = client.xreadgroup("g", "alice", "s", "0").await.unwrap();
        assert_eq!(read[0].1[0].fields, []);
        let read = client.xreadgroup::<u64>("g", "alice", "s", "0").await.unwrap_err();
        assert_eq!((read.kind(), read.fate()), (ErrorKind::Conversion, Fate::Executed));

        client.xgroup_setid("s", "g", "0").entriesread(0).await.unwrap();
        let read = client.xreadgroup("g", "carol", "s", ">").await.unwrap();
        assert_eq!(by_name(&read), [("s", vec![1, 3])]);
        was_answered(client.xgroup_setid("s", "none", "0").await, "NOGROUP");
        was_answered(client.xreadgroup::<Value>("none", "a", "s", ">").await, "NOGROUP");

        assert!(client.xgroup_createconsumer("s", "g", "dave").await.unwrap());
        assert!(!client.xgroup_createconsumer("s", "g", "dave").await.unwrap());
        assert_eq!(client.xgroup_delconsumer("s", "g", "carol").await.unwrap(), 2);
        assert_eq!(client.xgroup_delconsumer("s", "g", "nobody").await.unwrap(), 0);
        assert!(client.xgroup_destroy("s", "g").await.unwrap() && !client.xgroup_destroy("s", "g").await.unwrap());

        let request = client.xreadgroup::<Value>("g", "alice", ["s", "t"], [">", ">"]).count(1).noack();
        assert_eq!(request.command().keys(), [b"s", b"t"]);
        assert_eq!(request.command().effect(), Effect::Never);
    })
    .await;
}

#[tokio::test]
async fn what_is_pending_is_told() {
    on_each(async |client| {
        pending(client).await;
        let summary = client.xpending("s", "g").await.unwrap();
        assert_eq!((summary.count, summary.lowest, summary.highest), (3, Some(id(1)), Some(id(3))));
        assert_eq!(summary.consumers, [("alice".to_owned(), 2), ("bob".to_owned(), 1)]);

        let found: Vec<PendingEntry> = client.xpending("s", "g").range("-", "+", 10).await.unwrap();
        let of: Vec<_> = found.iter().map(|entry| (entry.id, entry.consumer.as_str(), entry.deliveries)).collect();
        assert_eq!(of, [(id(1), "alice", 1), (id(2), "alice", 1), (id(3), "bob", 1)]);
        assert!(found.iter().all(|entry| entry.idle < LONG));
        let found = client.xpending("s", "g").range(id(1).exclusive(), "+", 10).consumer("alice").await.unwrap();
        assert_eq!(found.iter().map(|entry| entry.id).collect::<Vec<_>>(), [id(2)]);
        assert_eq!(client.xpending("s", "g").range("-", "+", 1).await.unwrap().len(), 1);
        assert_eq!(client.xpending("s", "g").range("-", "+", 10).idle(LONG).await.unwrap(), []);
        let old = client.xclaim::<Value>("s", "g", "bob", Duration::ZERO, id(1)).idle(2 * LONG).retrycount(7).await;
        assert_eq!(old.unwrap().len(), 1);
        let found = client.xpending("s", "g").range("-", "+", 10).idle(LONG).consumer("bob").await.unwrap();
        assert_eq!((found.len(), found[0].id, found[0].deliveries), (1, id(1), 7));
        assert!(found[0].idle >= 2 * LONG);

        client.xack("s", "g", [id(1), id(2), id(3)]).await.unwrap();
        let summary = client.xpending("s", "g").await.unwrap();
        assert_eq!((summary.count, summary.lowest, summary.highest, summary.consumers.len()), (0, None, None, 0));
        assert_eq!(client.xpending("s", "g").range("-", "+", 10).await.unwrap(), []);
        was_answered(client.xpending("s", "none").await, "NOGROUP");
    })
    .await;
}

#[tokio::test]
async fn pending_entries_are_claimed() {
    on_each(async |client| {
        pending(client).await;
        let deliveries = async |of: u64| {
            let found = client.xpending("s", "g").range(id(of), id(of), 1).await.unwrap();
            found.first().map(|entry| (entry.consumer.clone(), entry.deliveries))
        };
        assert_eq!(client.xclaim::<Value>("s", "g", "carol", LONG, [id(1), id(2)]).await.unwrap(), []);
        let claimed = client.xclaim("s", "g", "carol", Duration::ZERO, [id(1), id(9)]).await.unwrap();
        assert_eq!(entries(&claimed), [1]);
        assert_eq!(deliveries(1).await, Some(("carol".to_owned(), 2)));
        let claimed: Vec<StreamId> =
            client.xclaim::<Value>("s", "g", "dave", Duration::ZERO, id(1)).justid().await.unwrap();
        assert_eq!((claimed, deliveries(1).await), (vec![id(1)], Some(("dave".to_owned(), 2))));
        let long_ago = SystemTime::now() - 3 * LONG;
        client.xclaim::<Value>("s", "g", "dave", Duration::ZERO, id(1)).time(long_ago).lastid(id(3)).await.unwrap();
        assert!(client.xpending("s", "g").range("-", "+", 1).await.unwrap()[0].idle > 2 * LONG);

        client.xack("s", "g", id(3)).await.unwrap();
        assert_eq!(client.xclaim::<Value>("s", "g", "dave", Duration::ZERO, id(3)).await.unwrap(), []);
        let forced = client.xclaim("s", "g", "dave", Duration::ZERO, id(3)).force().await.unwrap();
        assert_eq!((entries(&forced), deliveries(3).await), (vec![3], Some(("dave".to_owned(), 2))));

        // 1 and 3 are dave's, 2 is alice's.
        let took: Claimed<StreamEntry<HashMap<String, u64>>> =
            client.xautoclaim("s", "g", "erin", Duration::ZERO, "0").count(2).await.unwrap();
        assert_eq!((took.next, entries(&took.claimed), took.deleted), (id(3), vec![1, 2], vec![]));
        client.xdel("s", [id(1), id(2)]).await.unwrap();
        let took = client.xautoclaim::<Value>("s", "g", "frank", Duration::ZERO, StreamId::MIN).justid().await.unwrap();
        assert_eq!((took.next, took.claimed, took.deleted), (StreamId::MIN, vec![id(3)], vec![id(1), id(2)]));
        let took = client.xautoclaim::<Value>("s", "g", "erin", LONG, "0").await.unwrap();
        assert_eq!((took.next, took.claimed.len(), took.deleted.len()), (StreamId::MIN, 0, 0));
        was_answered(client.xautoclaim::<Value>("s", "none", "erin", LONG, "0").await, "NOGROUP");
        was_answered(client.xclaim::<Value>("none", "g", "erin", LONG, id(1)).await, "NOGROUP");
    })
    .await;
}

#[tokio::test]
async fn streams_groups_and_consumers_are_described() {
    on_each(async |client| {
        pending(client).await;
        let groups: Vec<StreamGroup> = client.xinfo_groups("s").await.unwrap();
        let [group] = &groups[..] else { panic!("{groups:?}") };
        assert_eq!((group.name.as_str(), group.consumers, group.pending), ("g", 2, 3));
        assert_eq!((group.last_delivered_id, group.entries_read, group.lag), (id(3), Some(3), Some(0)));
        client.xgroup_create("s", "h", id(2)).await.unwrap();
        let unknown = client.xinfo_groups("s").await.unwrap().pop().unwrap();
        assert_eq!((unknown.name.as_str(), unknown.entries_read, unknown.last_delivered_id), ("h", None, id(2)));

        let consumers: Vec<StreamConsumer> = client.xinfo_consumers("s", "g").await.unwrap();
        let of: Vec<_> = consumers.iter().map(|consumer| (consumer.name.as_str(), consumer.pending)).collect();
        assert_eq!(of, [("alice", 2), ("bob", 1)]);
        assert!(consumers.iter().all(|consumer| consumer.idle < LONG));
        assert_eq!(client.xinfo_consumers("s", "h").await.unwrap(), []);

        let summary: StreamSummary = client.xinfo_stream("s").await.unwrap();
        assert_eq!((summary.length, summary.groups, summary.last_generated_id), (3, 2, id(3)));
        assert_eq!((summary.entries_added, summary.max_deleted_entry_id), (Some(3), Some(StreamId::MIN)));
        assert_eq!(summary.recorded_first_entry_id, Some(id(1)));
        assert!(summary.radix_tree_keys == 1 && summary.radix_tree_nodes >= 1);
        let (first, last) = (summary.first_entry.unwrap(), summary.last_entry.unwrap());
        assert_eq!((first.id, last.id), (id(1), id(3)));
        assert_eq!((first.fields.len(), &first.fields[&b"n"[..]]), (1, &Bytes::from("1")));
        let full: HashMap<String, Value> = client.xinfo_stream("s").full().await.unwrap();
        assert_eq!((full["length"].as_i64(), full["entries"].as_slice().unwrap().len()), (Some(3), 3));
        let full = client.xinfo_stream("s").full().count(1).await.unwrap();
        assert_eq!((full["groups"].as_slice().unwrap().len(), full["entries"].as_slice().unwrap().len()), (2, 1));

        client.xgroup_create("empty", "g", "$").mkstream().await.unwrap();
        let summary: StreamSummary = client.xinfo_stream("empty").await.unwrap();
        assert_eq!((summary.length, summary.first_entry, summary.last_entry), (0, None, None));
        was_answered(client.xinfo_stream("none").await, "ERR no such key");
        was_answered(client.xinfo_groups("none").await, "ERR no such key");
        was_answered(client.xinfo_consumers("s", "none").await, "NOGROUP");
        assert!(client.xinfo_help().await.unwrap().len() > 3 && client.xgroup_help().await.unwrap().len() > 3);
    })
    .await;
    on(Kind::Valkey, async |client| {
        pending(client).await;
        client.xgroup_createconsumer("s", "g", "never").await.unwrap();
        let consumers = client.xinfo_consumers("s", "g").await.unwrap();
        let inactive = |name: &str| consumers.iter().find(|consumer| consumer.name == name).unwrap().inactive;
        assert!(inactive("alice").unwrap() < LONG && inactive("never").is_none());
    })
    .await;
}

#[tokio::test]
async fn streams_of_nothing_are_not_sent_and_entries_can_be_of_any_type() {
    on_each(async |client| {
        not_sent(client.xadd("s", "*", NOTHING)).await;
        not_sent(client.xadd("s", "*", NOTHING).nomkstream().trim(StreamTrim::maxlen(9))).await;
        not_sent(client.xdel("s", NOTHING)).await;
        not_sent(client.xack("s", "g", NOTHING)).await;
        not_sent(client.xclaim::<Value>("s", "g", "c", LONG, NOTHING)).await;
        not_sent(client.xclaim::<Value>("s", "g", "c", LONG, NOTHING).retrycount(1).justid()).await;
        not_sent(client.xreadgroup::<Value>("g", "c", ["a", "b"], ">").noack()).await;

        struct Login {
            user: String,
        }
        impl FromReply for Login {
            fn from_reply(reply: steadfast::Reply<'_>) -> Result<Self, steadfast::ConversionError> {
                let mut fields = HashMap::<String, String>::from_reply(reply)?;
                let user = fields.remove("user");
                user.map(|user| Self { user }).ok_or(steadfast::ConversionError::new("a login", "no user"))
            }
        }
        client.xadd("s", "*", (("kind", "login"), ("user", "alice"), ("age", 7))).await.unwrap();
        let logins: Vec<StreamEntry<Login>> = client.xrange("s", "-", "+").await.unwrap();
        assert_eq!(logins[0].fields.user, "alice");
        client.set("text", "x").await.unwrap();
        was_answered(client.xlen("text").await, "WRONGTYPE");
    })
    .await;
}

#[tokio::test]
async fn entries_are_deleted_as_groups_allow() {
    use EntryDeletion::{Deleted, NotFound, StillReferenced};
    documented("XDELEX s IDS 3 1-0 2-0 3-0", "*3 :1 :-1 :2", async |client| {
        let became = client.xdelex("s", [id(1), id(2), id(3)]).await.unwrap();
        assert_eq!(became, [Deleted, NotFound, StillReferenced]);
    })
    .await;
    documented("XDELEX s ACKED IDS 1 1-0", "*1 :2", async |client| {
        assert_eq!(client.xdelex("s", id(1)).acked().await.unwrap(), [StillReferenced]);
    })
    .await;
    documented("XDELEX s DELREF IDS 1 1-0", "*1 :1", async |client| {
        assert_eq!(client.xdelex("s", id(1)).delref().await.unwrap(), [Deleted]);
    })
    .await;
    documented("XDELEX s KEEPREF IDS 1 1-0", "*1 :1", async |client| {
        assert_eq!(client.xdelex("s", id(1)).keepref().await.unwrap(), [Deleted]);
        not_sent(client.xdelex("s", NOTHING).acked()).await;
        not_sent(client.xackdel("s", "g", NOTHING).acked()).await;
    })
    .await;
    documented("XACKDEL s g IDS 2 1-0 2-0", "*2 :1 :-1", async |client| {
        assert_eq!(client.xackdel("s", "g", ["1-0", "2-0"]).await.unwrap(), [Deleted, NotFound]);
    })
    .await;
    for (option, answer) in [("KEEPREF", 1), ("DELREF", 1), ("ACKED", 2)] {
        documented(&format!("XACKDEL s g {option} IDS 1 1-0"), &*format!("*1 :{answer}"), async |client| {
            let request = client.xackdel("s", "g", id(1));
            let request = match option {
                "KEEPREF" => request.keepref(),
                "DELREF" => request.delref(),
                _ => request.acked(),
            };
            assert_eq!(request.await.unwrap(), [if option == "ACKED" { StillReferenced } else { Deleted }]);
        })
        .await;
    }
}

#[tokio::test]
async fn streams_are_trimmed_as_groups_allow() {
    for (trim, option) in [
        (StreamTrim::maxlen(5).keepref(), "KEEPREF"),
        (StreamTrim::maxlen(5).delref(), "DELREF"),
        (StreamTrim::maxlen(5).acked(), "ACKED"),
    ] {
        documented(&format!("XTRIM s MAXLEN = 5 {option}"), ":1", async |client| {
            assert_eq!(client.xtrim("s", trim).await.unwrap(), 1);
        })
        .await;
    }
    documented("XADD s MINID ~ 7-0 LIMIT 9 ACKED * a 1", "'8-0'", async |client| {
        let trim = StreamTrim::minid(id(7)).approximate().limit(9).acked();
        assert_eq!(client.xadd("s", "*", ("a", 1)).trim(trim).await.unwrap(), id(8));
    })
    .await;
}

#[tokio::test]
async fn what_is_pending_for_long_is_claimed_when_new_entries_are_read() {
    let entry = "*4 '1-0' *2 'n' '1' :1500 :3";
    let answers =
        (format!("*1 *2 's' *2 {entry} *2 '2-0' *2 'n' '2'"), format!("%1 's' *2 {entry} *2 '2-0' *2 'n' '2'"));
    let request = "XREADGROUP GROUP g c CLAIM 1000 COUNT 5 STREAMS s >";
    documented(request, (answers.0.as_str(), answers.1.as_str()), async |client| {
        let read = client.xreadgroup("g", "c", "s", ">").count(5).claim(Duration::from_secs(1)).await.unwrap();
        assert_eq!(by_name(&read), [("s", vec![1, 2])]);
        let [old, new] = &read[0].1[..] else { panic!("{read:?}") };
        assert_eq!((old.idle, old.deliveries), (Some(Duration::from_millis(1500)), Some(3)));
        assert_eq!((new.idle, new.deliveries), (None, None));
    })
    .await;
}
