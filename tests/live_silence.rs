//! A peer that falls silent: a second connection is tried, and used only if it answers.

#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
mod support;

use std::future::IntoFuture;
use std::time::{Duration, Instant};

use steadfast::api::*;
use steadfast::{Cause, Effect, ErrorKind, Event, Fate, Replay};

use live::{KINDS, PATIENCE, Peer, connected, tcp, within};
use support::Server;

const LIMIT: Duration = Duration::from_millis(200);

/// Answers ECHO and INCR, but for connections below `mute` from their fourth command on.
async fn forgetful(mute: usize) -> Peer {
    Peer::start(move |number, mut wire| async move {
        let mut answered = 0;
        while let Some(command) = wire.command_after_handshake().await {
            if number < mute && answered == 3 {
                return wire.until_closed().await;
            }
            answered += 1;
            match command[0].as_slice() {
                b"ECHO" => {
                    let word = String::from_utf8_lossy(&command[1]).into_owned();
                    wire.say(format!("${}\r\n{word}\r\n", word.len()).as_bytes()).await;
                }
                _ => wire.say(b":1\r\n").await,
            }
        }
    })
    .await
}

#[tokio::test]
async fn reads_sent_into_the_void_are_answered_by_a_second_connection_and_writes_are_unknown() {
    let peer = forgetful(1).await;
    let client = connected(peer.config().with_deadline(PATIENCE).with_silence_limit(LIMIT)).await;
    let mut events = client.events();
    for number in 0..3 {
        assert_eq!(client.echo::<u32>(number.to_string()).await.unwrap(), number);
    }
    let (incr, echo, allowed) = tokio::join!(
        client.incr("n").into_future(),
        client.echo::<u32>("7").into_future(),
        client.incr("n").replay(Replay::upto(Effect::Accumulating)).into_future(),
    );
    let error = incr.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Connection, Fate::Unknown), "{error}");
    assert_eq!(error.cause(), Some(&Cause::Silent), "{error}");
    assert_eq!((echo.unwrap(), allowed.unwrap()), (7, 1));
    match within(PATIENCE, events.next()).await {
        Some(Event::Disconnected { cause: Cause::Silent, in_flight: 3, requeued: 2, failed_unknown: 1, .. }) => {}
        other => panic!("{other:?}"),
    }
    assert!(matches!(within(PATIENCE, events.next()).await, Some(Event::Connected(_))));
    assert_eq!(peer.accepted(), 2);
    assert!(client.state().borrow().is_ready());
    assert_eq!(client.echo::<u32>("8").await.unwrap(), 8);
}

#[tokio::test]
async fn a_second_connection_that_is_silent_too_leaves_the_first_one_alone() {
    let peer = Peer::start(|number, mut wire| async move {
        if number > 0 {
            return wire.until_closed().await;
        }
        while wire.command_after_handshake().await.is_some() {
            tokio::time::sleep(Duration::from_millis(1500)).await;
            wire.say(b":1\r\n").await;
        }
    })
    .await;
    let config = peer.config().with_deadline(PATIENCE).with_silence_limit(LIMIT);
    let client = connected(config.with_connect_timeout(Duration::from_millis(300))).await;
    let mut events = client.events();
    assert_eq!(within(PATIENCE, client.incr("n").into_future()).await.unwrap(), 1);
    assert!((2..4).contains(&peer.accepted()), "{} connections", peer.accepted());
    assert!(tokio::time::timeout(LIMIT, events.next()).await.is_err(), "the connection was lost");
}

#[tokio::test]
async fn a_connection_on_which_something_is_read_is_not_in_doubt() {
    let peer = Peer::start(|_, mut wire| async move {
        while wire.command_after_handshake().await.is_some() {
            for byte in b"$12\r\nhello, world\r\n" {
                tokio::time::sleep(LIMIT / 4).await;
                wire.say(&[*byte]).await;
            }
        }
    })
    .await;
    let client = connected(peer.config().with_deadline(PATIENCE).with_silence_limit(LIMIT)).await;
    for _ in 0..2 {
        assert_eq!(within(PATIENCE, client.echo::<String>("x").into_future()).await.unwrap(), "hello, world");
    }
    assert_eq!(peer.accepted(), 1);
}

#[tokio::test]
async fn an_idle_connection_is_not_in_doubt() {
    let peer = forgetful(0).await;
    let config = peer.config().with_silence_limit(LIMIT).without_heartbeat();
    let client = connected(config).await;
    for number in 0..3 {
        tokio::time::sleep(LIMIT + LIMIT / 2).await;
        assert_eq!(client.echo::<u32>(number.to_string()).await.unwrap(), number);
    }
    assert_eq!(peer.accepted(), 1);
}

#[tokio::test]
async fn without_the_limit_there_is_no_second_connection() {
    let peer = forgetful(1).await;
    let client = connected(peer.config().without_silence_limit()).await;
    for number in 0..3 {
        assert_eq!(client.echo::<u32>(number.to_string()).await.unwrap(), number);
    }
    let error = client.echo::<u32>("3").deadline(Duration::from_millis(1500)).await.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout, Fate::Unknown));
    assert_eq!(peer.accepted(), 1);
}

#[tokio::test]
async fn an_idle_connection_that_died_without_a_word_is_replaced_before_it_is_needed() {
    let peer = forgetful(1).await;
    let config = peer.config().with_heartbeat(LIMIT).with_silence_limit(LIMIT).with_deadline(PATIENCE);
    let client = connected(config).await;
    let mut events = client.events();
    for number in 0..3 {
        assert_eq!(client.echo::<u32>(number.to_string()).await.unwrap(), number);
    }
    // The second connection is one that was accepted, answered, and then taken.
    within(PATIENCE, async { while !matches!(events.next().await, Some(Event::Connected(_))) {} }).await;
    assert_eq!(peer.accepted(), 2);
    let begin = Instant::now();
    assert_eq!(client.incr("n").await.unwrap(), 1);
    assert!(begin.elapsed() < PATIENCE / 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_server_that_wakes_up_answers_everything_on_its_old_connection() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        let config = tcp(&server).with_deadline(PATIENCE).with_silence_limit(Duration::from_millis(100));
        let client = connected(config.with_connect_timeout(Duration::from_millis(300))).await;
        let id = client.client_id().await.unwrap();
        let mut events = client.events();
        server.stop();
        let calls: Vec<_> = (0..64)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { client.incr("n").await })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(1500)).await;
        server.cont();
        for call in calls {
            within(PATIENCE, call).await.unwrap().unwrap();
        }
        assert_eq!(client.client_id().await.unwrap(), id, "the connection was replaced");
        assert_eq!(server.raw(&["GET", "n"]), "64");
        assert!(tokio::time::timeout(Duration::from_millis(50), events.next()).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_that_a_server_holds_back_are_waited_for_on_their_connection() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        let client = connected(tcp(&server).with_deadline(PATIENCE).with_silence_limit(LIMIT)).await;
        let mut events = client.events();
        // As a planned failover does. The server answers others meanwhile.
        server.raw(&["CLIENT", "PAUSE", "2500", "WRITE"]);
        let begin = Instant::now();
        assert_eq!(within(PATIENCE, client.incr("n").into_future()).await.unwrap(), 1);
        assert!(begin.elapsed() > LIMIT * 3, "it was held back for {:?} only", begin.elapsed());
        assert!(
            tokio::time::timeout(Duration::from_millis(50), events.next()).await.is_err(),
            "the connection was lost"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_busy_with_a_script_keeps_its_connection() {
    use steadfast::Command;
    for kind in KINDS {
        // After this it answers new connections, if only to say that it is busy.
        let server = Server::build(kind).config("busy-reply-threshold 100").start();
        let client = connected(tcp(&server).with_deadline(PATIENCE).with_silence_limit(LIMIT)).await;
        let mut events = client.events();
        let script = "local till = redis.call('TIME')[1] + 3 while redis.call('TIME')[1] + 0 < till do end return 7";
        let eval = Command::new("EVAL").arg(script).arg(0);
        let begin = Instant::now();
        assert_eq!(within(PATIENCE, client.request::<i64>(eval).into_future()).await.unwrap(), 7);
        assert!(begin.elapsed() > LIMIT * 3, "it was busy for {:?} only", begin.elapsed());
        assert!(
            tokio::time::timeout(Duration::from_millis(50), events.next()).await.is_err(),
            "the connection was lost"
        );
    }
}
