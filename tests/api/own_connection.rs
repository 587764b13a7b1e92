//! Commands for a connection of one's own.

use std::time::Duration;

use steadfast::api::*;
use steadfast::{Client, Command, ErrorKind, Fate};

use super::{LIMIT, NOTHING, not_sent, on, on_each, was_answered};
use crate::live::{KINDS, connected, tcp, until, within};
use crate::support::{Kind, Server as TestServer};

/// Far longer than any of these tests takes.
const LONG: Duration = Duration::from_secs(1_000);

/// So short that it is over at once.
const SHORT: Duration = Duration::from_nanos(1);

#[tokio::test]
async fn a_watched_key_that_others_wrote_to_keeps_a_transaction_from_running() {
    on_each(async |client| {
        let connection = client.dedicated().await.unwrap();
        connection.watch(["k", "l"]).await.unwrap();
        client.set("l", "theirs").await.unwrap();
        let mut transaction = connection.transaction();
        transaction.set("k", "mine").queue();
        let error = transaction.execute().await.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Conflict, Fate::Refused), "{error}");
        assert_eq!(client.get::<String>("k").await.unwrap(), None);

        // After that nothing is watched any more.
        client.set("l", "again").await.unwrap();
        let mut transaction = connection.transaction();
        let set = transaction.set("k", "mine").queue();
        transaction.execute().await.unwrap().get(set).unwrap();
        assert_eq!(client.get::<String>("k").await.unwrap().as_deref(), Some("mine"));
        not_sent(connection.watch(NOTHING)).await;
    })
    .await;
}

#[tokio::test]
async fn what_is_no_longer_watched_may_be_written_to() {
    on_each(async |client| {
        let connection = client.dedicated().await.unwrap();
        connection.watch("k").await.unwrap();
        client.set("k", "theirs").await.unwrap();
        connection.unwatch().await.unwrap();
        let mut transaction = connection.transaction();
        let set = transaction.set("k", "mine").queue();
        transaction.execute().await.unwrap().get(set).unwrap();
        assert_eq!(client.get::<String>("k").await.unwrap().as_deref(), Some("mine"));
    })
    .await;
}

#[tokio::test]
async fn a_database_that_is_selected_is_for_this_connection_alone() {
    on_each(async |client| {
        let connection = client.dedicated().await.unwrap();
        connection.select(3).await.unwrap();
        connection.set("k", "v").await.unwrap();
        assert_eq!(connection.client_info().await.unwrap().db, 3);
        assert_eq!(client.get::<String>("k").await.unwrap(), None);
        was_answered(connection.select(99).await, "ERR DB index is out of range");
        drop(connection);
        // Whoever gets the next one begins where everybody does.
        assert_eq!(client.dedicated().await.unwrap().client_info().await.unwrap().db, 0);
    })
    .await;
}

#[tokio::test]
async fn replicas_that_have_what_this_connection_wrote_are_counted() {
    for kind in KINDS {
        on(kind, async |client| {
            let connection = client.dedicated().await.unwrap();
            connection.set("k", "v").await.unwrap();
            assert_eq!(connection.wait(0, LONG).await.unwrap(), 0);
            assert_eq!(connection.wait(1, SHORT).await.unwrap(), 0);
            let port = client.config_get("port").await.unwrap()["port"].clone();
            let _replica = TestServer::build(kind).config(&format!("replicaof 127.0.0.1 {port}")).start();
            until_online(client).await;
            connection.set("k", "w").await.unwrap();
            assert_eq!(connection.wait(1, Duration::ZERO).await.unwrap(), 1);
            assert_eq!(connection.wait(1, Duration::MAX).await.unwrap(), 1);
            assert_eq!(connection.wait(2, SHORT).await.unwrap(), 1);
            let raw: u64 = connection.request(Command::new("WAIT").arg((1, 0))).await.unwrap();
            assert_eq!(raw, 1);
        })
        .await;
    }
}

/// Until a replica has all that there was.
async fn until_online(client: &Client) {
    until(async || client.info("replication").await.unwrap().contains("state=online")).await;
}

#[tokio::test]
async fn what_this_connection_wrote_is_on_disk() {
    on(Kind::Valkey, async |client| {
        let connection = client.dedicated().await.unwrap();
        connection.set("k", "v").await.unwrap();
        was_answered(connection.waitaof(1, 0, LONG).await, "ERR WAITAOF cannot be used when numlocal is set");
        assert_eq!(connection.waitaof(0, 0, LONG).await.unwrap(), (0, 0));
        client.config_set(("appendonly", "yes")).await.unwrap();
        connection.set("k", "w").await.unwrap();
        assert_eq!(connection.waitaof(1, 0, Duration::ZERO).await.unwrap(), (1, 0));
        assert_eq!(connection.waitaof(1, 1, SHORT).await.unwrap().1, 0);
        client.config_set(("appendonly", "no")).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_touches_nothing_leaves_a_key_as_idle_as_it_was() {
    on(Kind::Valkey, async |client| {
        client.set("k", "v").await.unwrap();
        let dumped = client.dump("k").await.unwrap().unwrap();
        client.restore("idle", &dumped).idletime(LONG).await.unwrap();
        let connection = client.dedicated().await.unwrap();
        connection.client_no_touch(Switch::On).await.unwrap();
        connection.get::<String>("idle").await.unwrap();
        assert!(client.object_idletime("idle").await.unwrap().unwrap() >= LONG);
        connection.client_no_touch(Switch::Off).await.unwrap();
        connection.get::<String>("idle").await.unwrap();
        assert!(client.object_idletime("idle").await.unwrap().unwrap() < LONG);
    })
    .await;
}

#[tokio::test]
async fn reading_from_a_replica_is_allowed_and_forbidden_again() {
    for kind in KINDS {
        let node = TestServer::build(kind)
            .config("cluster-enabled yes")
            .config(&format!("cluster-port {}", crate::support::free_port()))
            .start();
        let client = connected(tcp(&node)).await;
        within(LIMIT, async {
            let connection = client.dedicated().await.unwrap();
            let may_read = async || connection.client_info().await.unwrap().flags.contains('r');
            connection.readonly().await.unwrap();
            assert!(may_read().await, "{kind:?}");
            connection.readwrite().await.unwrap();
            assert!(!may_read().await, "{kind:?}");
        })
        .await;
    }
}
