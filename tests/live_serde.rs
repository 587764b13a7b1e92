//! Values of one's own types, written and read by serde, on both servers and in both protocols.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
mod support;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use steadfast::api::*;
use steadfast::client::ProtocolChoice;
use steadfast::serde::{Fields, Json, MaybeFields, Plain};
use steadfast::{Client, ErrorKind, Fate};

use live::{KINDS, PATIENCE, connected, tcp, within};
use support::Server as RealServer;

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone, Copy, PartialOrd, Ord, Eq)]
enum Plan {
    Free,
    Paid,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct User {
    name: String,
    age: u8,
    balance: f64,
    plan: Plan,
    city: Option<String>,
    seen: Option<i64>,
}

fn alice() -> User {
    User { name: "alice\r\n".into(), age: 33, balance: 0.1, plan: Plan::Paid, city: None, seen: Some(i64::MIN) }
}

async fn on_each(test: impl AsyncFn(&Client)) {
    for kind in KINDS {
        let server = RealServer::build(kind).start();
        for protocol in [ProtocolChoice::Resp2, ProtocolChoice::Resp3] {
            println!("{kind:?} {protocol:?}");
            server.raw(&["FLUSHALL"]);
            let client = connected(tcp(&server).with_protocol(protocol)).await;
            within(PATIENCE, test(&client)).await;
        }
    }
}

#[tokio::test]
async fn a_struct_is_a_hash() {
    on_each(async |client| {
        assert_eq!(client.hset("user", Fields(&alice())).await.unwrap(), 5);
        let all: BTreeMap<String, String> = client.hgetall("user").await.unwrap();
        assert_eq!((all.len(), all["balance"].as_str(), all["plan"].as_str()), (5, "0.1", "Paid"));
        assert_eq!(client.hgetall::<Fields<User>>("user").await.unwrap(), Fields(alice()));
        assert_eq!(client.hgetall::<MaybeFields<User>>("user").await.unwrap(), MaybeFields(Some(alice())));
        assert_eq!(client.hgetall::<MaybeFields<User>>("none").await.unwrap(), MaybeFields(None));

        client.hset("user", ("age", "300")).await.unwrap();
        let error = client.hgetall::<Fields<User>>("user").await.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Conversion, Fate::Executed));
        assert!(error.to_string().contains("in the field `age`") && !error.to_string().contains("300"), "{error}");
        client.hdel("user", "age").await.unwrap();
        let error = client.hgetall::<Fields<User>>("user").await.unwrap_err();
        assert!(error.to_string().contains("no field `age`"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn what_cannot_be_written_is_not_sent() {
    #[derive(Serialize)]
    struct Outer {
        user: User,
    }
    on_each(async |client| {
        let error = client.hset("k", Fields(Outer { user: alice() })).await.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Arguments, Fate::NotSent));
        assert!(error.to_string().contains("the field `user`") && !error.to_string().contains("alice"), "{error}");
        let error = client.set("k", Plain(alice())).await.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Arguments, Fate::NotSent));
        let error = client.hset("k", Fields(BTreeMap::from([("a", None::<u8>)]))).await.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Arguments, Fate::NotSent));
        assert_eq!(client.exists("k").await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn scalars_are_arguments_and_answers_wherever_they_stand() {
    on_each(async |client| {
        client.set(Plain(Plan::Free), Plain(Plan::Paid)).await.unwrap();
        assert_eq!(client.get("Free").await.unwrap(), Some(Plain(Plan::Paid)));
        assert_eq!(client.get("none").await.unwrap(), None::<Plain<Plan>>);
        let members = [(1.5, Plain(Plan::Free)), (2.0, Plain(Plan::Paid))];
        assert_eq!(client.zadd("plans", members).await.unwrap(), 2);
        let plans: Vec<Plain<Plan>> = client.zrange("plans", 0, -1).await.unwrap();
        assert_eq!(plans, [Plain(Plan::Free), Plain(Plan::Paid)]);
        let page = client.zscan::<Plain<Plan>>("plans").await.unwrap();
        assert_eq!(page.items, [(Plain(Plan::Free), 1.5), (Plain(Plan::Paid), 2.0)]);
        client.hset("user", Fields(&alice())).await.unwrap();
        let (age, plan): (Plain<u8>, Plain<Plan>) =
            client.hmget::<String>("user", ["age", "plan"]).answer_as().await.unwrap();
        assert_eq!((age, plan), (Plain(33), Plain(Plan::Paid)));
        let error = client.get::<Plain<u8>>("Free").await.unwrap_err();
        assert!(!error.to_string().contains("Paid"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn json_is_one_string() {
    on_each(async |client| {
        client.set("user", Json(vec![alice()])).await.unwrap();
        assert_eq!(client.get("user").await.unwrap(), Some(Json(vec![alice()])));
        assert_eq!(client.get("none").await.unwrap(), None::<Json<User>>);
        client.rpush("list", [Json(1), Json(2)]).await.unwrap();
        assert_eq!(client.lrange::<Json<u8>>("list", 0, -1).await.unwrap(), [Json(1), Json(2)]);
        let error = client.get::<Json<User>>("user").await.unwrap_err();
        assert!(!error.to_string().contains("alice"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn pipelines_and_transactions_take_and_give_them_too() {
    on_each(async |client| {
        let mut pipeline = client.pipeline();
        let set = pipeline.hset("user", Fields(&alice())).queue();
        let wrong = pipeline.set("k", Plain(())).queue();
        let user = pipeline.hgetall::<Fields<User>>("user").queue();
        let results = pipeline.execute().await;
        assert_eq!(results.get(set).unwrap(), 5);
        assert_eq!(results.get(user).unwrap(), Fields(alice()));
        assert_eq!(results.get(wrong).unwrap_err().fate(), Fate::NotSent);

        let mut transaction = client.transaction();
        let set = transaction.set("json", Json(alice())).queue();
        let read = transaction.get::<Json<User>>("json").queue();
        let results = transaction.execute().await.unwrap();
        results.get(set).unwrap();
        assert_eq!(results.get(read).unwrap(), Some(Json(alice())));
    })
    .await;
}
