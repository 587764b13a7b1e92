//! Scripts: by their hash, whole where the server does not know them, and never twice.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
mod support;

use std::time::Duration;

use bytes::Bytes;
use steadfast::api::{Keys, Strings};
use steadfast::client::ProtocolChoice;
use steadfast::{Command, Effect, ErrorKind, Fate, Replay, Script, ServerError};

use live::{KINDS, Peer, connected, fails_after, tcp};
use support::Server;

/// Adds to a key; the new value.
fn add() -> Script {
    Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])")
}

/// How often the server was asked for a command.
fn calls(server: &Server, command: &str) -> usize {
    let stats = server.raw(&["INFO", "commandstats"]);
    let prefix = format!("cmdstat_{command}:calls=");
    let calls = stats.lines().find_map(|line| line.strip_prefix(&prefix)?.split(',').next()?.parse().ok());
    calls.unwrap_or(0)
}

#[tokio::test]
async fn a_script_goes_out_whole_once_and_then_by_its_hash() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        for protocol in [ProtocolChoice::Resp2, ProtocolChoice::Resp3] {
            for command in [["CONFIG", "RESETSTAT"], ["SCRIPT", "FLUSH"], ["DEL", "n"]] {
                server.raw(&command);
            }
            let client = connected(tcp(&server).with_protocol(protocol)).await;
            let add = add();
            for total in [5, 10, 15] {
                let answer: i64 = add.on(&client, "n", 5).await.unwrap();
                assert_eq!(answer, total);
            }
            // The first EVALSHA is refused, with the answer that the server does not know it.
            assert_eq!((calls(&server, "eval"), calls(&server, "evalsha")), (1, 3), "{kind:?}");
            server.raw(&["SCRIPT", "FLUSH"]);
            assert_eq!(add.on::<_, i64>(&client, "n", 1).await.unwrap(), 16);
            assert_eq!(calls(&server, "eval"), 2);
        }
    }
}

#[tokio::test]
async fn pipelines_and_transactions_take_scripts_that_the_server_does_not_know() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        let client = connected(tcp(&server)).await;
        let add = add();
        let mut pipeline = client.pipeline();
        let queued = (add.on::<_, i64>(&mut pipeline, "n", 1).queue(), pipeline.get::<i64>("n").queue());
        assert_eq!(pipeline.execute().await.get(queued).unwrap(), (1, Some(1)));
        server.raw(&["SCRIPT", "FLUSH"]);
        let mut transaction = client.transaction();
        let queued = [add.on::<_, i64>(&mut transaction, "n", 1).queue(), add.on(&mut transaction, "n", 2).queue()];
        assert_eq!(transaction.execute().await.unwrap().get(queued).unwrap(), [2, 4]);
    }
}

#[tokio::test]
async fn keys_and_arguments_are_told_apart_and_may_be_anything() {
    let server = Server::redis();
    let client = connected(tcp(&server)).await;
    let echo = Script::new("return {#KEYS, #ARGV, KEYS[1], KEYS[2], ARGV[1], ARGV[2]}");
    let answer: (i64, i64, Bytes, Bytes, Bytes, Bytes) =
        echo.on(&client, (b"\0\xff", ""), ("a\r\n", b"\x80")).await.unwrap();
    assert_eq!((answer.0, answer.1), (2, 2));
    assert_eq!(
        (&answer.2[..], &answer.3[..], &answer.4[..], &answer.5[..]),
        (&b"\0\xff"[..], &b""[..], &b"a\r\n"[..], &b"\x80"[..])
    );
    let counts: Vec<i64> = Script::new("return {#KEYS, #ARGV}").on(&client, (), ()).await.unwrap();
    assert_eq!(counts, [0, 0]);
    let large = vec![b'x'; 1 << 20];
    let length: usize = Script::new("return #ARGV[1]").on(&client, "k", large).await.unwrap();
    assert_eq!(length, 1 << 20);
}

#[tokio::test]
async fn errors_of_a_script_are_answers_and_it_does_not_run_again_for_them() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        let client = connected(tcp(&server)).await;
        // In a script's mouth the word means nothing.
        let lying = Script::new("redis.call('INCR', KEYS[1]) return redis.error_reply('NOSCRIPT mine')");
        for ran in 1..=3 {
            let error = lying.on::<_, i64>(&client, "n", ()).await.unwrap_err();
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Server, Fate::Executed), "{error}");
            assert_eq!(client.get::<i64>("n").await.unwrap(), Some(ran));
        }
        let raising = Script::new("redis.call('INCR', KEYS[1]) return redis.call('LPUSH', KEYS[1], 'x')");
        let before: i64 = client.get("n").await.unwrap().unwrap();
        let error = raising.on::<_, i64>(&client, "n", ()).await.unwrap_err();
        assert_eq!((error.server().unwrap().code(), error.fate()), ("WRONGTYPE", Fate::Executed), "{error}");
        assert_eq!(client.get::<i64>("n").await.unwrap(), Some(before + 1));
        let several: Vec<Result<i64, ServerError>> =
            Script::new("return {1, redis.error_reply('MINE x')}").on(&client, (), ()).await.unwrap();
        assert_eq!(several, [Ok(1), Err(ServerError::new("MINE x"))]);
    }
}

#[tokio::test]
async fn a_script_that_reads_may_not_write() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        let client = connected(tcp(&server)).await;
        client.set("k", "v").await.unwrap();
        let read = Script::read_only("return redis.call('GET', KEYS[1])");
        assert_eq!(read.on::<_, String>(&client, "k", ()).await.unwrap(), "v");
        assert_eq!(read.on::<_, String>(&client, "k", ()).await.unwrap(), "v");
        assert_eq!((calls(&server, "eval_ro"), calls(&server, "evalsha_ro")), (1, 2));
        let write = Script::read_only("return redis.call('DEL', KEYS[1])");
        assert_eq!(write.on::<_, i64>(&client, "k", ()).await.unwrap_err().kind(), ErrorKind::Server);
        assert_eq!(client.exists("k").await.unwrap(), 1);
    }
}

#[tokio::test]
async fn both_attempts_share_one_deadline() {
    let peer = Peer::start(|_, mut wire| async move {
        wire.command_after_handshake().await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        wire.say(b"-NOSCRIPT No matching script. Please use EVAL.\r\n").await;
        wire.until_closed().await;
    })
    .await;
    let client = connected(peer.config()).await;
    let call = add().on::<_, i64>(&client, "n", 1).deadline(Duration::from_millis(400)).into_future();
    let error = fails_after(Duration::from_millis(400), call).await;
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout, Fate::Unknown), "{error}");
}

#[tokio::test]
async fn what_a_second_run_does_decides_whether_there_is_one() {
    // Each connection ends with the first command.
    let peer = Peer::start(|number, mut wire| async move {
        let command = wire.command_after_handshake().await;
        if number >= 2 && command.is_some() {
            wire.say(b":1\r\n").await;
            wire.until_closed().await;
        }
    })
    .await;
    let client = connected(peer.config()).await;
    let script = Script::new("return redis.call('SET', KEYS[1], '1')");
    assert_eq!(script.on::<_, i64>(&client, "k", ()).await.unwrap_err().fate(), Fate::Unknown);
    let repeatable = script.with_effect(Effect::LastWriteWins);
    let again = repeatable.on::<_, i64>(&client, "k", ()).replay(Replay::upto(Effect::LastWriteWins));
    assert_eq!(again.await.unwrap(), 1);
}

#[test]
fn the_hash_is_that_of_the_servers() {
    assert_eq!(Script::new("return 1").hash(), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
    assert!(!format!("{:?}", Script::new("return 'hunter2'")).contains("hunter2"));
    let command = Command::new("EVAL").arg(("return 1", 2, "a", "b", "c"));
    assert_eq!(command.keys(), [b"a", b"b"]);
}

#[tokio::test]
async fn a_script_that_was_sent_again_to_a_server_without_it_goes_out_whole() {
    // The first connection ends with the command; the second one is to a server that has just started.
    let peer = Peer::start(|number, mut wire| async move {
        let hashed = wire.command_after_handshake().await;
        if number == 0 || hashed.is_none() {
            return;
        }
        wire.say(b"-NOSCRIPT No matching script. Please use EVAL.\r\n").await;
        let whole = wire.command().await.unwrap();
        assert_eq!(whole[0], b"EVAL_RO");
        wire.say(b":7\r\n").await;
        wire.until_closed().await;
    })
    .await;
    let client = connected(peer.config()).await;
    let read = Script::read_only("return 7");
    assert_eq!(read.on::<_, i64>(&client, (), ()).await.unwrap(), 7);
}

#[tokio::test]
async fn what_may_have_run_by_its_hash_is_not_refused_whole() {
    let peer = Peer::start(|number, mut wire| async move {
        let hashed = wire.command_after_handshake().await;
        if number == 0 || hashed.is_none() {
            return;
        }
        wire.say(b"-NOSCRIPT No matching script. Please use EVAL.\r\n").await;
        wire.command().await;
        wire.say(b"-BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.\r\n").await;
        wire.until_closed().await;
    })
    .await;
    let client = connected(peer.config()).await;
    let script = Script::new("return redis.call('SET', KEYS[1], '1')").with_effect(Effect::LastWriteWins);
    let call = script.on::<_, i64>(&client, "k", ()).replay(Replay::upto(Effect::LastWriteWins));
    let error = call.await.unwrap_err();
    assert_eq!((error.server().unwrap().code(), error.fate()), ("BUSY", Fate::Unknown), "{error}");
}
