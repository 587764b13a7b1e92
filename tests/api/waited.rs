//! Commands that wait on the server: what they answer, at once, later, and not at all.

use std::time::Duration;

use bytes::Bytes;
use steadfast::Client;
use steadfast::api::*;

use super::{beside, on_each, was_answered};
use crate::live::until;

/// Longer than any of these tests takes: what is answered was not timed out.
const LONG: Duration = Duration::from_secs(1_000);

/// So short that it is over at once.
const SHORT: Duration = Duration::from_nanos(1);

/// The request's answer, and something is done for it once the server has it waiting.
async fn meanwhile<T>(client: &Client, waiting: impl Future<Output = T>, act: impl AsyncFnOnce()) -> T {
    let acting = async {
        until(async || client.info("clients").await.unwrap().contains("blocked_clients:1\r\n")).await;
        act().await;
    };
    tokio::join!(waiting, acting).0
}

fn pair(key: &str, item: &str) -> Option<(String, String)> {
    Some((key.to_owned(), item.to_owned()))
}

#[tokio::test]
async fn items_that_are_there_are_taken_at_once() {
    on_each(async |client| {
        client.rpush("l", ["a", "b", "c", "d", "e", "f", "g"]).await.unwrap();
        assert_eq!(client.blpop(["none", "l"], LONG).await.unwrap(), pair("l", "a"));
        assert_eq!(client.brpop("l", Duration::ZERO).await.unwrap(), pair("l", "g"));
        let moved: Option<String> = client.blmove("l", "m", End::Left, End::Right, LONG).await.unwrap();
        assert_eq!(moved.as_deref(), Some("b"));
        let moved: Option<String> = client.brpoplpush("l", "m", LONG).await.unwrap();
        assert_eq!(moved.as_deref(), Some("f"));
        assert_eq!(client.lrange::<String>("m", 0, -1).await.unwrap(), ["f", "b"]);
        let popped = client.blmpop(["none", "l"], End::Right, LONG).count(2).await.unwrap();
        assert_eq!(popped, Some(("l".to_owned(), vec!["e".to_owned(), "d".to_owned()])));
        let popped = client.blmpop("l", End::Left, LONG).await.unwrap();
        assert_eq!(popped, Some((Bytes::from("l"), vec![Bytes::from("c")])));
        assert_eq!(client.llen("l").await.unwrap(), 0);
        client.set("text", "x").await.unwrap();
        was_answered(client.blpop::<String, String>("text", LONG).await, "WRONGTYPE");
    })
    .await;
}

#[tokio::test]
async fn items_that_come_later_are_waited_for() {
    on_each(async |client| {
        let push = async |items: &[&str]| {
            client.rpush("l", items).await.unwrap();
        };
        let popped =
            meanwhile(client, async { client.blpop(["m", "l"], LONG).await }, async || push(&["a", "b"]).await);
        assert_eq!(popped.await.unwrap(), pair("l", "a"));
        client.del("l").await.unwrap();
        let popped =
            meanwhile(client, async { client.brpop("l", Duration::MAX).await }, async || push(&["a", "b"]).await);
        assert_eq!(popped.await.unwrap(), pair("l", "b"));
        client.del("l").await.unwrap();
        let moving = async { client.blmove("l", "m", End::Right, End::Left, Duration::ZERO).await };
        let moved: Option<String> = meanwhile(client, moving, async || push(&["a", "b"]).await).await.unwrap();
        assert_eq!((moved.as_deref(), client.llen("m").await.unwrap()), (Some("b"), 1));
        client.del("l").await.unwrap();
        let moving = async { client.brpoplpush("l", "m", LONG).await };
        let moved: Option<String> = meanwhile(client, moving, async || push(&["a"]).await).await.unwrap();
        assert_eq!((moved.as_deref(), client.llen("m").await.unwrap()), (Some("a"), 2));
        let popping = async { client.blmpop("l", End::Left, LONG).count(2).await };
        let popped = meanwhile(client, popping, async || push(&["a", "b", "c"]).await).await.unwrap();
        assert_eq!(popped, Some(("l".to_owned(), vec!["a".to_owned(), "b".to_owned()])));
    })
    .await;
}

#[tokio::test]
async fn members_are_taken_at_once_or_waited_for() {
    on_each(async |client| {
        let members = [(1.5, "a"), (2.0, "b"), (3.0, "c"), (f64::INFINITY, "d")];
        client.zadd("z", members).await.unwrap();
        let popped: Option<(String, String, f64)> = client.bzpopmin(["none", "z"], LONG).await.unwrap();
        assert_eq!(popped, Some(("z".to_owned(), "a".to_owned(), 1.5)));
        let popped: Option<(String, Bytes, f64)> = client.bzpopmax("z", Duration::ZERO).await.unwrap();
        assert_eq!(popped, Some(("z".to_owned(), Bytes::from("d"), f64::INFINITY)));
        let popped = client.bzmpop(["none", "z"], Extreme::Max, LONG).count(2).await.unwrap();
        let both = vec![("c".to_owned(), 3.0), ("b".to_owned(), 2.0)];
        assert_eq!(popped, Some(("z".to_owned(), both)));

        let add = async || {
            client.zadd("z", members).await.unwrap();
        };
        let popping = async { client.bzpopmin("z", LONG).await };
        let popped: Option<(String, String, f64)> = meanwhile(client, popping, add).await.unwrap();
        assert_eq!(popped, Some(("z".to_owned(), "a".to_owned(), 1.5)));
        client.del("z").await.unwrap();
        let popping = async { client.bzpopmax("z", Duration::MAX).await };
        let popped: Option<(String, String, f64)> = meanwhile(client, popping, add).await.unwrap();
        assert_eq!(popped, Some(("z".to_owned(), "d".to_owned(), f64::INFINITY)));
        client.del("z").await.unwrap();
        let popping = async { client.bzmpop("z", Extreme::Min, LONG).await };
        let popped: Option<(String, Vec<(String, f64)>)> = meanwhile(client, popping, add).await.unwrap();
        assert_eq!(popped, Some(("z".to_owned(), vec![("a".to_owned(), 1.5)])));
    })
    .await;
}

#[tokio::test]
async fn entries_are_read_at_once_or_waited_for() {
    on_each(async |client| {
        let id = |number: u64| StreamId::new(number, 0);
        let entries = |read: StreamsRead| -> Vec<(String, Vec<StreamId>)> {
            read.into_iter().map(|(key, all)| (key, all.into_iter().map(|entry| entry.id).collect())).collect()
        };
        let add = async |number| {
            client.xadd("s", id(number), ("n", number)).await.unwrap();
        };
        add(1).await;
        client.xgroup_create("s", "g", "0").await.unwrap();
        let read = client.xread(["s", "t"], ["0", "0"]).block(LONG).await.unwrap();
        assert_eq!(entries(read), [("s".to_owned(), vec![id(1)])]);
        let read = client.xreadgroup("g", "c", "s", ">").block(LONG).await.unwrap();
        assert_eq!(entries(read), [("s".to_owned(), vec![id(1)])]);
        // Of what is pending there is an answer at once.
        let read = client.xreadgroup("g", "c", "s", "1-0").block(LONG).await.unwrap();
        assert_eq!(entries(read), [("s".to_owned(), vec![])]);

        let reading = async { client.xread(["s", "t"], ["$", "$"]).block(Duration::MAX).await };
        let read = meanwhile(client, reading, async || add(2).await).await.unwrap();
        assert_eq!(entries(read), [("s".to_owned(), vec![id(2)])]);
        client.xreadgroup::<Vec<(String, u64)>>("g", "c", "s", ">").await.unwrap();
        let reading = async { client.xreadgroup("g", "c", "s", ">").block(Duration::ZERO).await };
        let read = meanwhile(client, reading, async || add(3).await).await.unwrap();
        assert_eq!(entries(read), [("s".to_owned(), vec![id(3)])]);
        let reading = async { client.xreadgroup::<Vec<(String, u64)>>("g", "c", "s", ">").block(LONG).await };
        let destroyed = meanwhile(client, reading, async || {
            client.xgroup_destroy("s", "g").await.unwrap();
        });
        assert!(destroyed.await.is_err());
    })
    .await;
}

#[tokio::test]
async fn after_the_time_there_is_nothing() {
    on_each(async |client| {
        assert_eq!(client.blpop::<String, String>(["a", "b"], SHORT).await.unwrap(), None);
        assert_eq!(client.brpop::<String, String>("a", SHORT).await.unwrap(), None);
        assert_eq!(client.blmove::<String>("a", "b", End::Left, End::Left, SHORT).await.unwrap(), None);
        assert_eq!(client.brpoplpush::<String>("a", "b", SHORT).await.unwrap(), None);
        assert_eq!(client.blmpop::<String, String>("a", End::Left, SHORT).count(2).await.unwrap(), None);
        assert_eq!(client.bzpopmin::<String, String>("a", SHORT).await.unwrap(), None);
        assert_eq!(client.bzpopmax::<String, String>(["a", "b"], SHORT).await.unwrap(), None);
        assert_eq!(client.bzmpop::<String, String>("a", Extreme::Min, SHORT).await.unwrap(), None);
        assert_eq!(client.xread::<()>("a", "$").block(SHORT).await.unwrap(), []);
        client.xgroup_create("a", "g", "$").mkstream().await.unwrap();
        assert_eq!(client.xreadgroup::<()>("g", "c", "a", ">").block(SHORT).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn whoever_waits_holds_nobody_up() {
    on_each(async |client| {
        let waiting = async { client.blpop("l", LONG).await };
        let answer = meanwhile(client, waiting, async || {
            client.set("k", "v").await.unwrap();
            assert_eq!(client.get::<String>("k").await.unwrap().as_deref(), Some("v"));
            // Another connection altogether.
            beside(client).await.call(&["RPUSH", "l", "a"]).unwrap();
        });
        assert_eq!(answer.await.unwrap(), pair("l", "a"));
    })
    .await;
}
