//! The client behind the proxy.

use std::time::Duration;

use super::super::{Cut, Delay, Direction, FaultProxy};
use super::soon;
use crate::api::{Connection as _, Strings as _};
use crate::resp::Value;
use crate::testing::FakeServer;
use crate::{Client, Config, ErrorKind, Fate};

/// A server, a proxy before it, and a client of both.
async fn connected() -> (FakeServer, FaultProxy, Client) {
    let server = FakeServer::start().await.unwrap();
    let proxy = FaultProxy::start(server.address()).await.unwrap();
    let config = Config::from_url(&proxy.url()).unwrap().with_deadline(Duration::from_secs(20));
    let client = soon(Client::connect(config)).await.unwrap();
    (server, proxy, client)
}

#[tokio::test]
async fn a_call_right_after_an_idle_cut_succeeds() {
    let (_server, proxy, client) = connected().await;
    for cut in [Cut::Fin, Cut::Rst, Cut::Fin] {
        tokio::time::sleep(Duration::from_millis(20)).await;
        // Nothing else runs between the two: the cut must be done when it returns, and the client look before it writes.
        assert_eq!(proxy.cut(cut), 1);
        client.incr("visits").await.unwrap();
    }
    assert_eq!(client.get::<u64>("visits").await.unwrap(), Some(3));
    assert_eq!(proxy.accepted(), 4);
}

#[tokio::test]
async fn a_reply_cut_in_the_middle_is_unknown_and_the_next_call_succeeds() {
    for cut in [Cut::Fin, Cut::Rst] {
        for bytes in 1..4 {
            let (server, proxy, client) = connected().await;
            proxy.current().cut_after(Direction::ToClient, bytes, cut);
            let error = client.incr("visits").await.unwrap_err();
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Connection, Fate::Unknown), "{error}");
            client.incr("visits").await.unwrap();
            assert_eq!(server.run(["GET", "visits"]), Value::bulk("2"));
        }
    }
}

#[tokio::test]
async fn a_request_that_does_not_arrive_is_reported_at_its_deadline() {
    let (server, proxy, client) = connected().await;
    proxy.current().black_hole(Direction::ToServer);
    let error = client.with_deadline(Duration::from_millis(50)).incr("visits").await.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout, Fate::Unknown));
    proxy.cut(Cut::Fin);
    soon(proxy.wait_for_accepted(2)).await;
    client.ping().await.unwrap();
    assert_eq!(server.run(["EXISTS", "visits"]), Value::Integer(0));
}

#[tokio::test]
async fn a_refused_port_is_waited_for() {
    let (_server, proxy, client) = connected().await;
    proxy.refuse();
    proxy.cut(Cut::Rst);
    soon(proxy.wait_for_open(0)).await;
    let error = client.with_deadline(Duration::from_millis(50)).get::<String>("key").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    proxy.heal().unwrap();
    client.ping().await.unwrap();
}

#[tokio::test]
async fn slices_and_jitter_change_no_reply() {
    let (_server, proxy, client) = connected().await;
    proxy.all().slice(Direction::Both, 1);
    proxy.all().delay(Direction::Both, Delay::fixed(Duration::ZERO).with_jitter(Duration::from_millis(3), 1));
    for round in 0..20 {
        let value = "x".repeat(round * 50);
        client.set("key", &value).await.unwrap();
        assert_eq!(client.get::<String>("key").await.unwrap(), Some(value));
    }
}

#[tokio::test]
async fn much_in_both_directions_gets_through_a_half_duplex_proxy() {
    let (_server, proxy, client) = connected().await;
    let value = "x".repeat(16 << 20);
    client.set("large", &value).await.unwrap();
    proxy.current().half_duplex();
    let writer = client.clone();
    let writing = tokio::spawn({
        let value = value.clone();
        async move { writer.set("other", &value).await }
    });
    let read: Option<String> = soon(async { client.get("large").await }).await.unwrap();
    assert!(read.is_some_and(|read| read == value));
    soon(writing).await.unwrap().unwrap();
    assert_eq!(proxy.accepted(), 1);
}
