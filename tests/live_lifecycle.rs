//! How a client begins and ends: without a runtime, with a runtime that dies, by `close`, by its last clone.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
mod support;

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use steadfast::api::{Connection, Strings};
use steadfast::{Cause, Client, Command, Config, ErrorKind, Fate, LinkState};

use live::{PATIENCE, Peer, SLACK, clients_of, connected, fails_at_once, tcp, until, until_state, within};
use support::{Kind, Server};

fn poll<F: Future + Unpin>(future: &mut F) -> std::task::Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

#[test]
fn without_a_runtime_connecting_is_an_error_and_no_panic() {
    let error = Client::connect_lazily("redis://127.0.0.1:1").unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::NoRuntime, Fate::NotSent));
    let mut connecting = Box::pin(Client::connect("redis://127.0.0.1:1"));
    match poll(&mut connecting) {
        std::task::Poll::Ready(Err(error)) => assert_eq!(error.kind(), ErrorKind::NoRuntime),
        other => panic!("{other:?}"),
    }
    assert!(error.to_string().contains("runtime"), "{error}");
}

#[test]
fn a_mistake_in_the_url_is_told_before_anything_is_tried() {
    let error = runtime().block_on(Client::connect("redis://host/?deadlin=1s")).unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Config, Fate::NotSent));
    assert!(error.to_string().contains("deadline"), "{error}");
}

#[test]
#[should_panic(expected = "enable_time")]
fn a_runtime_without_timers_is_a_panic_that_says_so() {
    let bare = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    let _ = bare.block_on(Client::connect("redis://127.0.0.1:1"));
}

#[test]
fn a_runtime_without_sockets_is_an_error_at_once() {
    let bare = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let error = bare.block_on(fails_at_once(Client::connect("redis://127.0.0.1:1")));
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Connection, Fate::NotSent), "{error}");
    assert_eq!(error.cause(), Some(&Cause::RuntimeGone));
    assert!(error.to_string().contains("panic"), "{error}");
}

#[test]
fn a_runtime_dropped_under_a_living_client_gives_errors_on_another_runtime() {
    let server = Server::redis();
    let (first, second) = (runtime(), runtime());
    let client = first.block_on(connected(tcp(&server)));
    first.block_on(client.ping().into_future()).unwrap();
    server.stop();
    let sent = second.spawn({
        let client = client.clone();
        async move { client.incr("n").await }
    });
    let mut events = client.events();
    std::thread::sleep(Duration::from_millis(100));
    first.shutdown_background();
    let error = second.block_on(within(PATIENCE, sent)).unwrap().unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Connection, Fate::Unknown), "{error}");
    assert_eq!(error.cause(), Some(&Cause::RuntimeGone));
    server.cont();
    second.block_on(async {
        for _ in 0..3 {
            let error = fails_at_once(client.incr("n").into_future()).await;
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Connection, Fate::NotSent), "{error}");
            assert_eq!(error.cause(), Some(&Cause::RuntimeGone));
            let mut pipeline = client.pipeline();
            let _ = pipeline.incr("n").queue();
            let error = within(PATIENCE, pipeline.execute()).await.check().unwrap_err();
            assert_eq!(error.cause(), Some(&Cause::RuntimeGone));
        }
        let state = client.state().borrow().clone();
        assert!(matches!(state, LinkState::Closed { cause: Cause::RuntimeGone, .. }), "{state:?}");
        within(PATIENCE, client.close(Duration::from_secs(60))).await;
        while within(PATIENCE, events.next()).await.is_some() {}
        // Nothing of it is left: a new client has nothing to do with it.
        connected(tcp(&server)).await.ping().await.unwrap();
    });
}

#[test]
fn a_runtime_dropped_while_connecting_gives_errors_too() {
    let second = runtime();
    let first = runtime();
    let peer = second.block_on(Peer::silent());
    let client = first.block_on(async { Client::connect_lazily(peer.config().with_deadline(PATIENCE)).unwrap() });
    let waiting = second.spawn({
        let client = client.clone();
        async move { client.incr("n").await }
    });
    std::thread::sleep(Duration::from_millis(100));
    first.shutdown_background();
    let error = second.block_on(within(PATIENCE, waiting)).unwrap().unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Connection, Fate::NotSent), "{error}");
    assert_eq!(error.cause(), Some(&Cause::RuntimeGone));
}

#[test]
fn a_client_dropped_outside_of_any_runtime_closes_its_connection() {
    let server = Server::redis();
    let runtime = runtime();
    let client = runtime.block_on(connected(tcp(&server)));
    assert_eq!(clients_of(&server).len(), 1);
    drop(client);
    runtime.block_on(until(async || clients_of(&server).is_empty()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn close_refuses_what_is_new_and_drains_what_was_sent() {
    let server = Server::build(Kind::Redis).config("enable-debug-command yes").start();
    let client = connected(tcp(&server).with_deadline(PATIENCE)).await;
    let mut sent: Vec<_> = vec![client.request::<()>(Command::new("DEBUG").arg(("SLEEP", "0.4"))).into_future()];
    assert!(poll(&mut sent[0]).is_pending());
    let mut counted: Vec<_> = (0..100).map(|_| client.incr("n").into_future()).collect();
    for call in &mut counted {
        assert!(poll(call).is_pending());
    }
    let closing = tokio::spawn({
        let client = client.clone();
        async move { client.close(PATIENCE).await }
    });
    until_state(&client, |state| matches!(state, LinkState::Draining { .. })).await;
    let error = fails_at_once(client.incr("n").into_future()).await;
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Closed, Fate::NotSent), "{error}");
    for (index, call) in counted.into_iter().enumerate() {
        assert_eq!(within(PATIENCE, call).await.unwrap() as usize, index + 1);
    }
    for call in sent {
        within(PATIENCE, call).await.unwrap();
    }
    within(PATIENCE, closing).await.unwrap();
    let state = client.state().borrow().clone();
    assert!(matches!(state, LinkState::Closed { cause: Cause::ClosedHere, .. }), "{state:?}");
    until(async || clients_of(&server).is_empty()).await;
    assert_eq!(fails_at_once(client.clone().ping().into_future()).await.kind(), ErrorKind::Closed);
    within(Duration::from_secs(1), client.close(PATIENCE)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn close_fails_at_its_deadline_what_is_not_answered_by_then_with_its_fate() {
    let server = Server::redis();
    let client = connected(tcp(&server).with_deadline(PATIENCE)).await;
    server.stop();
    let mut sent = client.incr("n").into_future();
    let mut cut = client.set("large", vec![b'x'; 32 << 20]).into_future();
    let mut behind = client.incr("m").into_future();
    assert!(poll(&mut sent).is_pending() && poll(&mut cut).is_pending() && poll(&mut behind).is_pending());
    tokio::time::sleep(Duration::from_millis(200)).await;
    let begin = Instant::now();
    within(PATIENCE, client.close(Duration::from_millis(300))).await;
    let took = begin.elapsed();
    assert!(took >= Duration::from_millis(300) && took < Duration::from_millis(300) + SLACK, "{took:?}");
    for (call, fate) in
        [(within(PATIENCE, sent).await.map(drop), Fate::Unknown), (within(PATIENCE, cut).await, Fate::NotSent)]
    {
        let error = call.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Closed, fate), "{error}");
    }
    let error = within(PATIENCE, behind).await.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Closed, Fate::NotSent), "{error}");
    server.cont();
    until(async || clients_of(&server).is_empty()).await;
    assert_eq!(server.raw(&["EXISTS", "large", "m"]), "0");
}

#[tokio::test]
async fn close_while_there_is_no_connection_ends_at_once_or_at_its_deadline() {
    let peer = Peer::silent().await;
    let client = Client::connect_lazily(peer.config()).unwrap();
    within(Duration::from_secs(1), client.close(PATIENCE)).await;
    assert_eq!(fails_at_once(client.ping().into_future()).await.kind(), ErrorKind::Closed);

    let client = Client::connect_lazily(peer.config().with_deadline(PATIENCE)).unwrap();
    let mut call = client.incr("n").into_future();
    assert!(poll(&mut call).is_pending());
    within(PATIENCE, client.close(Duration::from_millis(200))).await;
    let error = within(PATIENCE, call).await.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Closed, Fate::NotSent), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_the_last_clone_lets_what_was_sent_finish_and_then_closes() {
    let server = Server::redis();
    let client = connected(tcp(&server)).await;
    let clone = client.clone();
    drop(client);
    clone.ping().await.unwrap();
    server.stop();
    let mut calls: Vec<_> = (0..50).map(|_| clone.incr("n").into_future()).collect();
    for call in &mut calls {
        assert!(poll(call).is_pending());
    }
    // The driver hands them to the socket.
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(calls);
    drop(clone);
    server.cont();
    until(async || clients_of(&server).is_empty()).await;
    assert_eq!(server.raw(&["GET", "n"]), "50");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_grace_of_the_last_drop_is_bounded() {
    let server = Server::redis();
    let client = connected(tcp(&server).with_close_grace(Duration::from_millis(200))).await;
    let state = client.state();
    server.stop();
    let mut call = client.incr("n").into_future();
    assert!(poll(&mut call).is_pending());
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(call);
    let begin = Instant::now();
    drop(client);
    let mut state = state;
    let closed = state.wait_for(|state| matches!(state, LinkState::Closed { .. }));
    within(PATIENCE, async { closed.await.map(|_| ()) }).await.unwrap();
    assert!(begin.elapsed() < Duration::from_millis(200) + SLACK, "{:?}", begin.elapsed());
    server.cont();
    until(async || clients_of(&server).is_empty()).await;
}

#[tokio::test]
async fn an_unreachable_client_that_is_dropped_stops_dialing() {
    let peer = Peer::start(|_, wire| async move { drop(wire) }).await;
    let client = Client::connect_lazily(peer.config()).unwrap();
    until(async || peer.accepted() > 2).await;
    drop(client);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let accepted = peer.accepted();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(peer.accepted(), accepted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_clients_come_and_go_without_a_trace() {
    let server = Server::valkey();
    for _ in 0..10 {
        let clients: Vec<_> = (0..10).map(|_| tokio::spawn(Client::connect(tcp(&server)))).collect();
        for client in clients {
            let client = within(PATIENCE, client).await.unwrap().unwrap();
            client.incr("n").await.unwrap();
        }
    }
    until(async || clients_of(&server).is_empty()).await;
    assert_eq!(server.raw(&["GET", "n"]), "100");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_send_and_can_be_awaited_anywhere() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let server = Server::redis();
    let client = connected(tcp(&server)).await;
    is_send(client.get::<String>("k").into_future()).await.unwrap();
    let _ = is_send(client.pipeline().execute()).await;
    let handle = std::thread::spawn({
        let client = client.clone();
        move || {
            // An executor that is not tokio's: the call needs none to be awaited.
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async move { client.echo::<String>("elsewhere").await })
        }
    });
    let echoed = tokio::task::spawn_blocking(|| handle.join().unwrap()).await.unwrap();
    assert_eq!(echoed.unwrap(), "elsewhere");
    let _ = Config::tcp("unused", 1);
}

#[tokio::test]
async fn events_end_with_the_link_while_the_client_is_held() {
    let server = Server::redis();
    let client = connected(tcp(&server)).await;
    let mut early = client.events();
    let waiting = tokio::spawn(async move { while early.next().await.is_some() {} });
    let mut late = client.events();
    client.close(PATIENCE).await;
    within(PATIENCE, waiting).await.unwrap();
    assert!(within(PATIENCE, late.next()).await.is_none());
    assert!(within(PATIENCE, client.events().next()).await.is_none());
}
