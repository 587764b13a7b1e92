//! A future can be dropped at any point: its own command is withdrawn or its answer discarded, and nobody else's moves.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
mod support;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use steadfast::api::{Connection, Lists, Strings};
use steadfast::client::{AtCapacity, ProtocolChoice};
use steadfast::{Client, Command, LinkState};

use live::{KINDS, PATIENCE, clients_of, connected, tcp, until, until_state, within};
use support::Server;

/// Polls by hand, with a waker that wakes nobody.
fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// A generator of numbers that look random, the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_dropped_at_any_poll_move_nobody_elses_answer() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        for protocol in [ProtocolChoice::Resp2, ProtocolChoice::Resp3] {
            let client = connected(tcp(&server).with_protocol(protocol).with_deadline(PATIENCE)).await;
            for polls in 0..6 {
                let mut dropped = Vec::new();
                let mut kept = Vec::new();
                for number in 0..200 {
                    let token = format!("dropped-{number}");
                    dropped.push(client.echo::<String>(&token).into_future());
                    let token = format!("kept-{polls}-{number}");
                    kept.push((client.echo::<String>(&token).into_future(), token));
                    for call in &mut dropped {
                        let _ = poll(call);
                    }
                    assert!(poll(&mut kept.last_mut().unwrap().0).is_pending());
                    // Each is dropped after as many polls as the round says; the driver runs in between.
                    if dropped.len() > polls {
                        drop(dropped.remove(0));
                    }
                    if number % 10 == 0 {
                        tokio::task::yield_now().await;
                    }
                }
                drop(dropped);
                for (call, token) in kept {
                    assert_eq!(within(PATIENCE, call).await.unwrap(), token);
                }
            }
            assert_eq!(clients_of(&server).len(), 1, "the connection was not closed for it");
        }
    }
}

/// On a single thread the driver runs only when the test waits: what is dropped before that must never run.
#[tokio::test]
async fn what_is_dropped_before_the_driver_has_seen_it_never_runs() {
    let server = Server::redis();
    let client = connected(tcp(&server)).await;
    let never_polled = client.incr("n").into_future();
    drop(never_polled);
    for _ in 0..100 {
        let mut call = client.incr("n").into_future();
        assert!(poll(&mut call).is_pending());
        assert!(poll(&mut call).is_pending());
        drop(call);
        let mut pipeline = client.pipeline();
        let _ = (pipeline.incr("n").queue(), pipeline.incr("n").queue());
        let mut execution = pipeline.execute();
        assert!(poll(&mut execution).is_pending());
    }
    let mut kept = Box::pin(client.incr("kept").into_future());
    assert!(poll(&mut kept).is_pending());
    let mut large = client.set("large", vec![b'x'; 1 << 20]).into_future();
    assert!(poll(&mut large).is_pending());
    drop(large);
    assert_eq!(within(PATIENCE, kept).await.unwrap(), 1);
    client.ping().await.unwrap();
    assert_eq!(server.raw(&["GET", "n"]), "(nil)");
    assert_eq!(server.raw(&["EXISTS", "large"]), "0");
    assert!(!server.raw(&["INFO", "commandstats"]).contains("cmdstat_incr:calls=2"));
}

#[tokio::test]
async fn what_is_dropped_while_there_is_no_connection_never_runs() {
    let mut server = Server::redis();
    let client = connected(tcp(&server).with_deadline(PATIENCE)).await;
    server.kill9();
    until_state(&client, |state| !state.is_ready()).await;
    let mut calls: Vec<_> = (0..10).map(|_| client.incr("n").into_future()).collect();
    for call in &mut calls {
        assert!(poll(call).is_pending());
    }
    // The driver takes them, and has nowhere to send them.
    tokio::time::sleep(Duration::from_millis(50)).await;
    calls.truncate(3);
    server.restart();
    for call in calls {
        within(PATIENCE, call).await.unwrap();
    }
    assert_eq!(server.raw(&["GET", "n"]), "3");
}

#[tokio::test]
async fn a_large_command_dropped_while_it_is_being_written_goes_out_to_its_last_byte() {
    let server = Server::redis();
    let client = connected(tcp(&server).with_deadline(PATIENCE)).await;
    server.stop();
    let mut large = Box::pin(client.set("large", vec![b'x'; 32 << 20]).into_future());
    // Long enough for the kernel's buffers to fill up: the command is cut in the middle.
    let begun = tokio::time::timeout(Duration::from_millis(300), &mut large).await;
    assert!(begun.is_err());
    drop(large);
    let mut behind = Box::pin(client.echo::<String>("behind").into_future());
    assert!(poll(&mut behind).is_pending());
    server.cont();
    assert_eq!(within(PATIENCE, behind).await.unwrap(), "behind");
    assert_eq!(server.raw(&["STRLEN", "large"]), (32 << 20).to_string());
    assert_eq!(clients_of(&server).len(), 1);
}

#[tokio::test]
async fn a_dropped_pipeline_leaves_the_answers_of_others_where_they_are() {
    let server = Server::valkey();
    let client = connected(tcp(&server).with_deadline(PATIENCE)).await;
    for round in 0..100 {
        let mut pipeline = client.pipeline();
        for number in 0..round {
            let _ = pipeline.echo::<u32>(number.to_string()).queue();
        }
        let mut execution = pipeline.execute();
        let _ = poll(&mut execution);
        for _ in 0..round % 4 {
            tokio::task::yield_now().await;
        }
        let token = format!("token-{round}");
        let mut call = client.echo::<String>(&token).into_future();
        assert!(poll(&mut call).is_pending());
        drop(execution);
        assert_eq!(within(PATIENCE, call).await.unwrap(), token);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_thousand_calls_dropped_at_random_under_load_leave_nothing_behind() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        // Were a place in the queue lost for each, two thousand would soon be used up.
        let config = tcp(&server).with_max_pending_commands(2_000).with_at_capacity(AtCapacity::Wait);
        let client = connected(config.with_deadline(PATIENCE)).await;
        let tasks: Vec<_> = (0..20u64)
            .map(|task| {
                let client = client.clone();
                tokio::spawn(async move {
                    let mut dice = Dice(task * 7919 + 1);
                    for number in 0..1_000 {
                        let token = format!("token-{task}-{number}");
                        let call = client.echo::<String>(&token).into_future();
                        match dice.roll(4) {
                            0 => drop(call),
                            1 => {
                                let mut call = call;
                                let _ = poll(&mut call);
                            }
                            2 => {
                                let wait = Duration::from_micros(dice.roll(300));
                                if let Ok(answer) = tokio::time::timeout(wait, call).await {
                                    assert_eq!(answer.unwrap(), token);
                                }
                            }
                            _ => assert_eq!(call.await.unwrap(), token),
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            within(Duration::from_secs(60), task).await.unwrap();
        }
        is_as_new(&server, &client, 2_000).await;
    }
}

/// The whole capacity is there to be used, on the one connection there is.
async fn is_as_new(server: &Server, client: &Client, capacity: usize) {
    server.stop();
    let mut calls: Vec<_> = (0..capacity).map(|_| client.incr("full").into_future()).collect();
    for call in &mut calls {
        assert!(poll(call).is_pending());
    }
    server.cont();
    for call in calls {
        within(PATIENCE, call).await.unwrap();
    }
    assert_eq!(client.get::<usize>("full").await.unwrap(), Some(capacity));
    assert_eq!(clients_of(server).len(), 1);
    assert!(client.state().borrow().is_ready());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn room_taken_by_calls_that_gave_up_is_given_back() {
    let server = Server::redis();
    let config = tcp(&server).with_max_pending_commands(50).with_at_capacity(AtCapacity::FailFast);
    let client = connected(config.with_deadline(PATIENCE)).await;
    for round in 0..20 {
        server.stop();
        let mut calls: Vec<_> = (0..50).map(|_| client.incr("n").into_future()).collect();
        for call in &mut calls {
            assert!(poll(call).is_pending(), "round {round}");
        }
        tokio::time::sleep(Duration::from_millis(1 + round % 3)).await;
        drop(calls);
        server.cont();
        until(async || client.ping().await.is_ok()).await;
        // The answers of those that gave up were read before that of the ping, and their room given back.
        let mut calls: Vec<_> = (0..50).map(|_| client.ping().into_future()).collect();
        for call in &mut calls {
            assert!(poll(call).is_pending(), "round {round}");
        }
        for call in calls {
            within(PATIENCE, call).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deadlines_and_drops_together_keep_every_answer_in_its_place() {
    let server = Server::redis();
    let client = connected(tcp(&server).with_deadline(PATIENCE)).await;
    let tasks: Vec<_> = (0..8u64)
        .map(|task| {
            let client = client.clone();
            tokio::spawn(async move {
                let mut dice = Dice(task + 1);
                for number in 0..500 {
                    let token = format!("{task}-{number}");
                    let deadline = Duration::from_micros(1 + dice.roll(2_000));
                    match client.echo::<String>(&token).deadline(deadline).await {
                        Ok(answer) => assert_eq!(answer, token),
                        Err(error) => assert!(error.is_timeout(), "{error}"),
                    }
                    if dice.roll(3) == 0 {
                        let script = Command::new("LRANGE").key("list").arg((0, -1));
                        let mut call = client.request::<Vec<u32>>(script).into_future();
                        let _ = poll(&mut call);
                    }
                }
            })
        })
        .collect();
    client.rpush("list", vec![1u32; 1_000]).await.unwrap();
    for task in tasks {
        within(PATIENCE, task).await.unwrap();
    }
    assert_eq!(client.echo::<String>("own").await.unwrap(), "own");
    assert!(matches!(&*client.state().borrow(), LinkState::Ready { .. }));
}
