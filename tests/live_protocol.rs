//! Whatever a server sends, a call ends with a typed error, and the next one works.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
mod support;

use std::time::Duration;

use steadfast::api::{Connection, Lists, Strings};
use steadfast::resp::Limits;
use steadfast::testing::{Answer, FakeServer};
use steadfast::{Cause, Client, Config, Error, ErrorKind, Event, Fate, LinkState, Replay, Value};
use tokio::io::AsyncReadExt;

use live::{PATIENCE, Peer, connected, fails_at_once, quick, until_state, within};

async fn fake() -> (FakeServer, Client) {
    let server = FakeServer::start().await.unwrap();
    let config = quick(Config::tcp("127.0.0.1", server.port())).with_deadline(PATIENCE);
    let client = connected(config).await;
    (server, client)
}

fn detail(error: &Error) -> &str {
    match error.cause() {
        Some(Cause::Protocol { detail }) => detail,
        other => panic!("{other:?}: {error}"),
    }
}

/// A reply that cannot be one, with a word of what the error should say.
const GARBAGE: &[(&[u8], &str)] = &[
    (b"hello\r\n", "0x68"),
    (b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", "HTTP"),
    (b"\0\0\0\0", "0x00"),
    (b"\x15\x03\x03\x00\x02\x02\x46", "0x15"),
    (b"$-2\r\n", ""),
    (b"$abc\r\n", ""),
    (b"$3\r\nabcde\r\n", ""),
    (b"*-2\r\n", ""),
    (b"*1e9\r\n", ""),
    (b"$512000000000\r\n", ""),
    (b"*18446744073709551616\r\n", ""),
    (b"+O\rK\r\n", ""),
    (b"%-1\r\n", ""),
    (b"\r\n", ""),
    (b"$99999999999999999999999999999999\r\n", ""),
];

#[tokio::test]
async fn garbage_for_an_answer_costs_the_connection_and_says_what_it_was() {
    for (garbage, word) in GARBAGE {
        let (server, client) = fake().await;
        let mut events = client.events();
        server.reply_once("GET", Answer::raw(*garbage));
        let (asked, behind) = tokio::join!(
            fails_at_once(client.get::<String>("k").replay(Replay::never()).into_future()),
            within(PATIENCE, client.incr("n").into_future()),
        );
        let shown = String::from_utf8_lossy(garbage);
        assert_eq!((asked.kind(), asked.fate()), (ErrorKind::Protocol, Fate::Unknown), "{shown:?}: {asked}");
        assert!(!detail(&asked).is_empty() && detail(&asked).contains(word), "{shown:?}: {asked}");
        // The one behind it was sent with it, or waited for the next connection.
        if let Err(behind) = behind {
            assert_eq!((behind.kind(), behind.fate()), (ErrorKind::Protocol, Fate::Unknown), "{behind}");
        }
        match within(PATIENCE, events.next()).await {
            Some(Event::Disconnected { cause: Cause::Protocol { .. }, failed_unknown: 1..=2, .. }) => {}
            other => panic!("{shown:?}: {other:?}"),
        }
        assert_eq!(within(PATIENCE, client.echo::<String>("own").into_future()).await.unwrap(), "own");
    }
}

#[tokio::test]
async fn a_million_nested_arrays_fail_one_call_or_one_connection_and_never_the_stack() {
    let (server, client) = fake().await;
    let mut nested = b"*1\r\n".repeat(1_000_000);
    nested.extend_from_slice(b":1\r\n");
    server.reply_once("GET", Answer::raw(nested.clone()));
    let error = within(PATIENCE, client.get::<Value>("k").into_future()).await.unwrap_err();
    assert_eq!(error.fate(), Fate::Executed, "the frame is whole, so the answer came: {error}");
    assert_eq!(error.kind(), ErrorKind::Conversion, "{error}");
    let before = client.client_id().await.unwrap();
    assert_eq!(within(PATIENCE, client.echo::<String>("own").into_future()).await.unwrap(), "own");

    // Without an end it is an answer that does not come.
    nested.truncate(4_000_000);
    server.reply_once("GET", Answer::raw(nested));
    let deadline = Duration::from_millis(500);
    let error = within(PATIENCE, client.get::<Value>("k").deadline(deadline).into_future()).await.unwrap_err();
    assert!(error.is_timeout() && error.fate() == Fate::Unknown, "{error}");
    assert_eq!(server.kill_connections(), 1);
    until_state(&client, |state| !state.is_ready()).await;
    assert_ne!(within(PATIENCE, client.client_id().into_future()).await.unwrap(), before);
}

#[tokio::test]
async fn a_reply_beyond_the_limits_is_a_protocol_error_and_one_within_is_not() {
    let server = FakeServer::start().await.unwrap();
    let mut limits = Limits::default();
    (limits.bulk, limits.line, limits.elements) = (2_000, 1_500, 100);
    let client = connected(quick(Config::tcp("127.0.0.1", server.port())).with_limits(limits)).await;
    client.set("fits", "x".repeat(2_000)).await.unwrap();
    assert_eq!(client.get::<String>("fits").await.unwrap().unwrap().len(), 2_000);
    client.set("large", "x".repeat(2_001)).await.unwrap();
    client.rpush("list", vec!["x"; 101]).await.unwrap();
    server.reply_once("PING", Answer::raw(format!("+{}\r\n", "x".repeat(1_600))));
    for error in [
        fails_at_once(client.get::<String>("large").replay(Replay::never()).into_future()).await,
        fails_at_once(client.lrange::<String>("list", 0, -1).replay(Replay::never()).into_future()).await,
        fails_at_once(client.ping().replay(Replay::never()).into_future()).await,
    ] {
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Protocol, Fate::Unknown), "{error}");
        assert!(detail(&error).contains("limit") || detail(&error).contains("more than"), "{error}");
    }
    assert_eq!(client.echo::<String>("own").await.unwrap(), "own");
}

#[tokio::test]
async fn a_payload_error_fails_only_its_own_call() {
    let (server, client) = fake().await;
    let id = client.client_id().await.unwrap();
    for payload in
        [&b":12a\r\n"[..], b":\r\n", b",1.2.3\r\n", b"#x\r\n", b"(abc\r\n", b"=5\r\na:b:x\r\n", b"*2\r\n:1\r\n:x\r\n"]
    {
        server.reply_once("GET", Answer::raw(payload));
        let mut pipeline = client.pipeline();
        let before = pipeline.echo::<String>("before").queue();
        let wrong = pipeline.get::<Vec<i64>>("k").queue();
        let after = pipeline.echo::<String>("after").queue();
        let results = within(PATIENCE, pipeline.execute()).await;
        let error = results.get(wrong).unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Conversion, Fate::Executed), "{payload:?}: {error}");
        assert_eq!(results.get(before).unwrap(), "before");
        assert_eq!(results.get(after).unwrap(), "after");
        assert_eq!(client.client_id().await.unwrap(), id, "the connection lives");
    }
}

#[tokio::test]
async fn an_unasked_reply_ends_the_connection_before_it_can_be_taken_for_an_answer() {
    for unasked in ["+extra\r\n", "$5\r\nextra\r\n", "-ERR extra\r\n", "*1\r\n+extra\r\n", "_\r\n"] {
        let (server, client) = fake().await;
        let mut events = client.events();
        server.reply_once("GET", Answer::raw(format!("$1\r\na\r\n{unasked}")));
        assert_eq!(client.get::<String>("k").await.unwrap().as_deref(), Some("a"));
        let Some(Event::Disconnected { cause: Cause::Protocol { detail }, .. }) = within(PATIENCE, events.next()).await
        else {
            panic!("{unasked:?}")
        };
        assert!(detail.contains("answers no command"), "{detail}");
        for number in 0..10 {
            let token = format!("token-{number}");
            assert_eq!(within(PATIENCE, client.echo::<String>(&token).into_future()).await.unwrap(), token);
        }
    }
}

#[tokio::test]
async fn a_push_between_answers_takes_nobodys_place_and_is_told() {
    let (server, client) = fake().await;
    let mut events = client.events();
    server.reply_once("GET", Answer::raw(">2\r\n$5\r\nhello\r\n$5\r\nthere\r\n$1\r\na\r\n>1\r\n+bye\r\n"));
    let (got, echoed) =
        tokio::join!(client.get::<String>("k").into_future(), client.echo::<String>("own").into_future());
    assert_eq!((got.unwrap().as_deref(), echoed.unwrap().as_str()), (Some("a"), "own"));
    for expected in ["hello", "bye"] {
        match within(PATIENCE, events.next()).await {
            Some(Event::Push(Value::Push(words))) => {
                assert!(words[0] == Value::bulk(expected) || words[0] == Value::simple(expected), "{words:?}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(server.push(Value::Push(vec![Value::bulk("idle")])).unwrap(), 1);
    assert!(matches!(within(PATIENCE, events.next()).await, Some(Event::Push(_))));
    assert!(client.state().borrow().is_ready());
}

#[tokio::test]
async fn attributes_before_a_reply_are_not_the_reply() {
    let (server, client) = fake().await;
    server.reply_once("GET", Answer::raw("|1\r\n+ttl\r\n:60\r\n$1\r\na\r\n"));
    assert_eq!(client.get::<String>("k").await.unwrap().as_deref(), Some("a"));
    assert_eq!(client.echo::<String>("own").await.unwrap(), "own");
}

#[tokio::test]
async fn replies_that_arrive_byte_by_byte_are_whole() {
    let peer = Peer::start(|_, mut wire| async move {
        while let Some(command) = wire.command_after_handshake().await {
            let word = command.last().unwrap();
            let mut reply = format!("*3\r\n:7\r\n${}\r\n", word.len()).into_bytes();
            reply.extend_from_slice(word);
            reply.extend_from_slice(b"\r\n>1\r\n+push\r\n%1\r\n+k\r\n,1.5\r\n");
            for byte in reply {
                wire.say(&[byte]).await;
                tokio::task::yield_now().await;
            }
        }
    })
    .await;
    let client = connected(peer.config()).await;
    for number in 0..50 {
        let token = format!("{number}-{}", "\r\n".repeat(number));
        let call = client.echo::<(i64, String, std::collections::BTreeMap<String, f64>)>(&token);
        let (seven, echoed, map) = within(PATIENCE, call.into_future()).await.unwrap();
        assert_eq!((seven, echoed.as_str(), map["k"]), (7, token.as_str(), 1.5));
    }
}

#[tokio::test]
async fn a_peer_that_never_spoke_redis_is_a_permanent_error_at_once() {
    for greeting in [
        &b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"[..],
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"220 mail.example ESMTP\r\n",
        b"$512000000000\r\n",
        b"\x15\x03\x01\x00\x02\x02\x28",
    ] {
        let peer = Peer::saying(greeting).await;
        let config = peer.config().with_deadline(PATIENCE);
        let client = Client::connect_lazily(config.clone()).unwrap();
        for error in [fails_at_once(Client::connect(config)).await, fails_at_once(client.ping().into_future()).await] {
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Protocol, Fate::NotSent), "{error}");
            assert!(!detail(&error).is_empty());
        }
    }
}

#[tokio::test]
async fn a_peer_that_hangs_up_in_the_handshake_is_tried_again() {
    let peer = Peer::start(|number, mut wire| async move {
        match number {
            0 => drop(wire),
            1 => wire.reset(),
            2 => {
                let _hello = wire.command().await;
            }
            3 => {
                let _hello = wire.command().await;
                wire.say(b"%7\r\n$6\r\nser").await;
            }
            _ => {
                while wire.command_after_handshake().await.is_some() {
                    wire.say(b"+PONG\r\n").await;
                }
            }
        }
    })
    .await;
    let client = connected(peer.config()).await;
    client.ping().await.unwrap();
    assert_eq!(peer.accepted(), 5);
}

#[tokio::test]
async fn a_server_that_was_good_and_then_talks_nonsense_is_tried_again_soon() {
    let peer = Peer::start(|number, mut wire| async move {
        while wire.command_after_handshake().await.is_some() {
            wire.say(if number < 3 { b"nonsense\r\n" } else { b"+PONG\r\n" }).await;
        }
    })
    .await;
    let client = connected(peer.config()).await;
    for _ in 0..3 {
        let error = fails_at_once(client.ping().replay(Replay::never()).into_future()).await;
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Protocol, Fate::Unknown), "{error}");
        until_state(&client, LinkState::is_ready).await;
    }
    client.ping().await.unwrap();
}

const LARGE: usize = 16 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_values_both_ways_pass_a_peer_that_reads_only_when_it_is_not_writing() {
    let peer = Peer::start(|_, mut wire| async move {
        while let Some(command) = wire.command_after_handshake().await {
            let value = command.last().unwrap();
            // Until all of this is taken, nothing is read.
            wire.say(format!("${}\r\n", value.len()).as_bytes()).await;
            wire.say(value).await;
            wire.say(b"\r\n").await;
        }
    })
    .await;
    let config = peer.config().with_deadline(Duration::from_secs(60)).with_max_pending_bytes(256 << 20);
    let client = connected(config).await;
    let calls: Vec<_> = (0..6u8)
        .map(|number| {
            let client = client.clone();
            tokio::spawn(async move {
                let value = vec![number; LARGE];
                client.echo::<Vec<u8>>(value.clone()).await.unwrap() == value
            })
        })
        .collect();
    for call in calls {
        assert!(within(Duration::from_secs(60), call).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_to_half_a_command_is_no_answer_and_no_deadlock() {
    // The first connection answers a command as soon as it has seen its beginning, and reads the rest only then.
    let peer = Peer::start(|number, mut wire| async move {
        if number == 0 {
            wire.hello().await;
            wire.stream.read_exact(&mut [0; 64]).await.unwrap();
            wire.say(format!("${LARGE}\r\n").as_bytes()).await;
            wire.say(&vec![b'y'; LARGE]).await;
            wire.say(b"\r\n").await;
            // Reading on would let the client finish its command before it has seen the whole answer.
            std::future::pending::<()>().await;
        }
        while let Some(command) = wire.command_after_handshake().await {
            wire.say(format!("${}\r\n", command[1].len()).as_bytes()).await;
            wire.say(&command[1]).await;
            wire.say(b"\r\n").await;
        }
    })
    .await;
    let client = connected(peer.config().without_library_info().with_deadline(Duration::from_secs(60))).await;
    let mut events = client.events();
    let value = vec![b'x'; LARGE];
    let answer = within(PATIENCE, client.echo::<Vec<u8>>(value.clone()).into_future()).await.unwrap();
    assert!(answer == value, "the answer of another");
    match within(PATIENCE, events.next()).await {
        // Cut in the middle, it was not sent, and went with the next connection.
        Some(Event::Disconnected { cause: Cause::Protocol { .. }, requeued: 1, failed_unknown: 0, .. }) => {}
        other => panic!("{other:?}"),
    }
}
