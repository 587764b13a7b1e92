//! What is said before the first command: who the client is, which protocol, and what a server may refuse of it.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
mod support;

use std::time::Duration;

use steadfast::api::{Connection, Strings};
use steadfast::client::ProtocolChoice;
use steadfast::outcome::HandshakeRefusal;
use steadfast::resp::Protocol;
use steadfast::testing::FakeServer;
use steadfast::{Cause, Client, Command, Config, Error, ErrorKind, Fate, LinkState};

use live::{KINDS, PATIENCE, Peer, clients_of, connected, fails_at_once, quick, tcp, until, until_state, within};
use support::{Kind, Server};

#[tokio::test]
async fn password_and_user_are_accepted_in_both_protocols() {
    for kind in KINDS {
        let server = Server::build(kind).password("ses%ame !").config("user alice on >wonder+land ~* +@all").start();
        for protocol in ["resp2", "resp3", "auto"] {
            for (credentials, name) in
                [(":ses%25ame%20!", "default"), ("default:ses%25ame%20!", "default"), ("alice:wonder+land", "alice")]
            {
                let url = format!("redis://{credentials}@{}/?protocol={protocol}", server.address());
                let client = within(PATIENCE, Client::connect(url.as_str())).await.unwrap();
                let whoami: String = client.request(Command::new("ACL WHOAMI")).await.unwrap();
                assert_eq!(whoami, name, "{protocol}");
            }
        }
    }
}

fn refusal(error: &Error) -> &HandshakeRefusal {
    match error.cause() {
        Some(Cause::Handshake(refusal)) => refusal,
        other => panic!("{other:?}: {error}"),
    }
}

#[tokio::test]
async fn a_wrong_password_fails_at_once_with_the_servers_words() {
    for kind in KINDS {
        let server = Server::build(kind).password("right").config("user alice on >right ~* +@all").start();
        for (protocol, step) in [("resp2", "AUTH"), ("resp3", "HELLO"), ("auto", "HELLO")] {
            for user in ["", "alice", "nobody"] {
                let url = format!("redis://{user}:hunter2@{}/?protocol={protocol}&deadline=20s", server.address());
                let error = fails_at_once(Client::connect(url.as_str())).await;
                assert_eq!((error.kind(), error.fate()), (ErrorKind::Handshake, Fate::NotSent), "{error}");
                assert_eq!(refusal(&error).step, step);
                assert!(refusal(&error).message.starts_with("WRONGPASS") && refusal(&error).permanent, "{error}");
                let text = format!("{error} {error:?} {:?}", error.cause());
                assert!(text.contains("WRONGPASS") && !text.contains("hunter2"), "{text}");
            }
        }
    }
}

#[tokio::test]
async fn no_password_where_one_is_needed_fails_at_once() {
    for kind in KINDS {
        let server = Server::build(kind).password("right").start();
        for protocol in ["resp2", "resp2&library_info=off", "resp3", "auto"] {
            let url = format!("redis://{}/?deadline=20s&protocol={protocol}", server.address());
            let error = fails_at_once(Client::connect(url.as_str())).await;
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Handshake, Fate::NotSent), "{error}");
            assert!(refusal(&error).message.starts_with("NOAUTH"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_client_that_was_refused_heals_when_the_password_is_set_right() {
    for kind in KINDS {
        for protocol in [ProtocolChoice::Resp2, ProtocolChoice::Auto] {
            let server = Server::build(kind).password("old").start();
            let mut admin = server.connect();
            let config = tcp(&server).with_protocol(protocol).with_deadline(PATIENCE);
            let client = Client::connect_lazily(config.clone().with_password("new")).unwrap();
            let user = Client::connect_lazily(config.with_credentials("bob", "new")).unwrap();
            for client in [&client, &user] {
                let error = fails_at_once(client.ping().into_future()).await;
                assert_eq!((error.kind(), error.fate()), (ErrorKind::Handshake, Fate::NotSent), "{error}");
                until_state(client, |state| matches!(state, LinkState::Backoff { .. })).await;
            }
            assert_eq!(admin.call(&["CONFIG", "SET", "requirepass", "new"]).unwrap(), "OK");
            assert_eq!(admin.call(&["ACL", "SETUSER", "bob", "on", ">new", "~*", "+@all"]).unwrap(), "OK");
            for client in [&client, &user] {
                until_state(client, LinkState::is_ready).await;
                within(PATIENCE, client.ping().into_future()).await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn a_user_who_is_deleted_and_created_again_gets_back_in() {
    let server = Server::redis();
    let mut admin = server.connect();
    let create = ["ACL", "SETUSER", "bob", "on", ">pw", "~*", "+@all"];
    assert_eq!(admin.call(&create).unwrap(), "OK");
    let client = connected(tcp(&server).with_credentials("bob", "pw")).await;
    assert_eq!(admin.call(&["ACL", "DELUSER", "bob"]).unwrap(), "1");
    until_state(&client, |state| matches!(state, LinkState::Backoff { cause: Cause::Handshake(_), .. })).await;
    let error = fails_at_once(client.ping().into_future()).await;
    assert_eq!(error.kind(), ErrorKind::Handshake, "{error}");
    assert_eq!(admin.call(&create).unwrap(), "OK");
    until_state(&client, LinkState::is_ready).await;
    client.ping().await.unwrap();
}

#[tokio::test]
async fn a_database_out_of_range_is_a_permanent_error_and_one_in_range_is_selected() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        for protocol in ["resp2", "resp3"] {
            let url = format!("redis://{}/999?protocol={protocol}&deadline=20s", server.address());
            let error = fails_at_once(Client::connect(url.as_str())).await;
            assert_eq!(error.kind(), ErrorKind::Handshake);
            assert_eq!((refusal(&error).step, refusal(&error).permanent), ("SELECT", true), "{error}");
            assert!(error.to_string().contains("out of range"), "{error}");

            let url = format!("redis://{}/7?protocol={protocol}", server.address());
            let client = within(PATIENCE, Client::connect(url.as_str())).await.unwrap();
            client.set("seven", protocol).await.unwrap();
            let mut raw = server.connect();
            assert_eq!(raw.call(&["GET", "seven"]).unwrap(), "(nil)");
            assert_eq!(raw.call(&["SELECT", "7"]).unwrap(), "OK");
            assert_eq!(raw.call(&["GET", "seven"]).unwrap(), protocol);
        }
    }
}

#[tokio::test]
async fn name_library_and_database_survive_a_reconnection_and_show_in_client_list() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        for protocol in [ProtocolChoice::Resp2, ProtocolChoice::Resp3] {
            let config = tcp(&server).with_name("tour").with_database(3).with_no_evict().with_protocol(protocol);
            let client = connected(config).await;
            for _ in 0..2 {
                until(async || client.ping().await.is_ok()).await;
                let list = clients_of(&server);
                assert_eq!(list.len(), 1, "{list:?}");
                assert!(list[0].contains(" name=tour ") && list[0].contains(" db=3 "), "{list:?}");
                assert!(list[0].contains(" flags=e "), "no-evict: {list:?}");
                if kind == Kind::Valkey {
                    let version = concat!(" lib-name=steadfast lib-ver=", env!("CARGO_PKG_VERSION"));
                    assert!(list[0].contains(version), "{list:?}");
                }
                assert_eq!(server.raw(&["CLIENT", "KILL", "TYPE", "normal"]), "1");
            }
        }
        let anonymous = connected(tcp(&server).without_library_info()).await;
        anonymous.ping().await.unwrap();
        let list = clients_of(&server);
        assert!(list.iter().any(|line| line.contains(" name= ") && !line.contains("lib-name=steadfast")), "{list:?}");
    }
}

#[tokio::test]
async fn a_server_without_hello_is_spoken_to_in_resp2() {
    let server = FakeServer::builder().without_hello().with_password("pw").start().await.unwrap();
    let config = quick(Config::tcp("127.0.0.1", server.port())).with_password("pw").with_name("me").with_database(2);
    let client = connected(config.clone()).await;
    let state = client.state().borrow().clone();
    assert_eq!(state.session().unwrap().server.protocol, Protocol::Resp2);
    client.set("k", "v").await.unwrap();
    assert_eq!(client.get::<String>("k").await.unwrap().as_deref(), Some("v"));
    let name: String = client.request(Command::new("CLIENT GETNAME")).await.unwrap();
    assert_eq!(name, "me");

    let error = fails_at_once(Client::connect(config.clone().with_protocol(ProtocolChoice::Resp3))).await;
    assert_eq!(error.kind(), ErrorKind::Handshake);
    assert!(refusal(&error).permanent && refusal(&error).step == "HELLO", "{error}");
    let error = fails_at_once(Client::connect(config.with_password("hunter2"))).await;
    assert_eq!((error.kind(), refusal(&error).step), (ErrorKind::Handshake, "AUTH"), "{error}");
    assert!(!error.to_string().contains("hunter2"));
}

#[tokio::test]
async fn a_server_that_is_loading_or_full_is_asked_again_until_it_takes_us() {
    let loading = Peer::start(|number, mut wire| async move {
        if number < 3 {
            let _hello = wire.command().await;
            wire.say(if number == 1 { b"-ERR max number of clients reached\r\n" } else { b"-LOADING still\r\n" }).await;
        } else if wire.command_after_handshake().await.is_some() {
            wire.say(b"+PONG\r\n").await;
        }
        wire.until_closed().await;
    })
    .await;
    let client = connected(loading.config().with_deadline(PATIENCE)).await;
    within(PATIENCE, client.ping().into_future()).await.unwrap();
    assert_eq!(loading.accepted(), 4);
}

#[tokio::test]
async fn a_server_at_its_limit_of_clients_lets_us_in_when_one_leaves() {
    let server = Server::redis();
    let mut admin = server.connect();
    assert_eq!(admin.call(&["CONFIG", "SET", "maxclients", "2"]).unwrap(), "OK");
    let holder = connected(tcp(&server)).await;
    holder.ping().await.unwrap();
    let waiting = Client::connect_lazily(tcp(&server).with_deadline(PATIENCE)).unwrap();
    let error = within(PATIENCE, waiting.ping().deadline(Duration::from_millis(500)).into_future()).await.unwrap_err();
    assert!(error.is_timeout() && error.fate() == Fate::NotSent, "{error}");
    holder.close(Duration::ZERO).await;
    within(PATIENCE, waiting.ping().into_future()).await.unwrap();
    until(async || admin.call(&["CLIENT", "LIST"]).unwrap().lines().count() == 2).await;
}
