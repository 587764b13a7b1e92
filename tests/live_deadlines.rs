//! No call outlives its deadline, wherever it got stuck, and its error says where that was.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
mod support;

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use steadfast::api::{Connection, Lists, Strings};
use steadfast::client::{AtCapacity, Offline};
use steadfast::outcome::ConnectFailure;
use steadfast::{
    BoxFuture, Cause, Client, Command, Config, Connector, ErrorKind, Fate, Io, LinkState, Resolver, Stage,
};
use tokio::net::{TcpSocket, TcpStream};

use live::{
    KINDS, PATIENCE, Peer, SLACK, connected, fails_after, fails_at_once, quick, tcp, until, until_state, within,
};
use support::{Server, free_port};

const DEADLINE: Duration = Duration::from_millis(400);

/// A name, or a way, that leads nowhere, for ever.
struct Lost;

impl Resolver for Lost {
    fn resolve<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(std::future::pending())
    }
}

impl Connector for Lost {
    fn connect<'a>(&'a self, _: &'a steadfast::outcome::Address) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
        Box::pin(std::future::pending())
    }
}

/// A port whose queue of connections is full, so that the kernel drops what else comes.
struct FullBacklog {
    port: u16,
    _held: (tokio::net::TcpListener, Vec<tokio::task::JoinHandle<io::Result<TcpStream>>>),
}

impl FullBacklog {
    async fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let fill = (0..8).map(|_| tokio::spawn(TcpStream::connect(address))).collect();
        tokio::time::sleep(Duration::from_millis(100)).await;
        Self { port: address.port(), _held: (listener, fill) }
    }
}

/// At which stage, how to get there, and what must live as long.
type Silence = (Stage, Config, Vec<Box<dyn Send>>);

/// A configuration for every stage at which a peer can fall silent.
async fn silences() -> Vec<Silence> {
    let full = FullBacklog::new().await;
    let silent = Peer::silent().await;
    let mut all: Vec<Silence> = vec![
        (Stage::Resolving, Config::tcp("nowhere.test", 6379).with_resolver(Arc::new(Lost)), Vec::new()),
        (Stage::Connecting, Config::tcp("nowhere.test", 6379).with_connector(Arc::new(Lost)), Vec::new()),
        (Stage::Connecting, Config::tcp("127.0.0.1", full.port), vec![Box::new(full)]),
    ];
    #[cfg(feature = "tls")]
    {
        let silent = Peer::silent().await;
        let tls = silent.config().with_tls(steadfast::TlsOptions::new().with_webpki_roots());
        all.push((Stage::TlsHandshake, tls, vec![Box::new(silent)]));
    }
    all.push((Stage::Handshake, silent.config(), vec![Box::new(silent)]));
    all
}

#[tokio::test]
async fn connecting_ends_at_its_deadline_and_names_the_stage_at_which_the_peer_is_silent() {
    for (stage, config, _peer) in silences().await {
        let error = fails_after(DEADLINE, Client::connect(config.with_deadline(DEADLINE))).await;
        assert_eq!((error.kind(), error.fate(), error.stage()), (ErrorKind::Timeout, Fate::NotSent, Some(stage)));
        assert_eq!(error.attempts(), 1, "{error}");
        let text = error.to_string();
        assert!(text.contains("400ms") && text.contains(stage.as_str()), "{text}");
        assert!(error.node().is_some_and(|node| text.contains(&node.to_string())), "{text}");
    }
}

#[tokio::test]
async fn a_command_on_a_lazy_client_ends_at_its_deadline_and_names_the_stage() {
    for (stage, config, _peer) in silences().await {
        let client = Client::connect_lazily(config.with_deadline(DEADLINE)).unwrap();
        let error = fails_after(DEADLINE, client.incr("n").into_future()).await;
        assert_eq!((error.kind(), error.fate(), error.stage()), (ErrorKind::Timeout, Fate::NotSent, Some(stage)));
        let text = error.to_string();
        assert!(text.contains("INCR") && text.contains(stage.as_str()) && text.contains("not sent"), "{text}");
        let results = {
            let mut pipeline = client.pipeline();
            let _ = pipeline.incr("n").queue();
            within(PATIENCE, pipeline.execute()).await
        };
        let error = results.check().unwrap_err();
        assert_eq!((error.kind(), error.fate(), error.stage()), (ErrorKind::Timeout, Fate::NotSent, Some(stage)));
    }
}

#[tokio::test]
async fn an_attempt_that_hangs_is_given_up_and_the_error_tells_of_it() {
    for (stage, config, _peer) in silences().await {
        let config = config.with_deadline(Duration::from_secs(1)).with_connect_timeout(Duration::from_millis(150));
        let client = Client::connect_lazily(config.clone()).unwrap();
        let (connecting, calling) = tokio::join!(
            fails_after(Duration::from_secs(1), Client::connect(config)),
            fails_after(Duration::from_secs(1), client.ping().into_future()),
        );
        for error in [connecting, calling] {
            assert!(error.is_timeout() && error.fate() == Fate::NotSent && error.attempts() > 1, "{error}");
            assert_eq!(error.cause(), Some(&Cause::AttemptTimedOut { stage }), "{error}");
            assert!(error.to_string().contains("last failure"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_refused_port_is_tried_until_the_deadline_and_the_error_has_the_systems_word() {
    let port = free_port();
    let config = quick(Config::tcp("127.0.0.1", port)).with_deadline(DEADLINE);
    let client = Client::connect_lazily(config.clone()).unwrap();
    let (connecting, calling) = tokio::join!(
        fails_after(DEADLINE, Client::connect(config)),
        fails_after(DEADLINE, client.ping().into_future())
    );
    for error in [connecting, calling] {
        assert!(error.is_timeout() && error.fate() == Fate::NotSent && error.attempts() > 2, "{error}");
        let Some(Cause::Connect { attempts }) = error.cause() else { panic!("{error}") };
        let [(Some(address), ConnectFailure::Io(failure))] = attempts.as_slice() else { panic!("{error}") };
        assert_eq!(*address, SocketAddr::from(([127, 0, 0, 1], port)));
        assert_eq!(failure.kind(), io::ErrorKind::ConnectionRefused);
        assert!(failure.raw_os_error().is_some() && error.to_string().contains("refused"), "{error}");
    }
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_tried_until_the_deadline() {
    for nothing in [|| Err(io::Error::other("no such name")), || Ok(Vec::new())] {
        let config = quick(Config::tcp("nowhere.test", 6379)).with_resolver(Arc::new(Unlisted(nothing)));
        let error = fails_after(DEADLINE, Client::connect(config.with_deadline(DEADLINE))).await;
        assert!(error.is_timeout() && error.fate() == Fate::NotSent && error.attempts() > 2, "{error}");
        assert!(matches!(error.cause(), Some(Cause::Resolve { host, .. }) if host == "nowhere.test"), "{error}");
    }
}

/// Knows no name.
struct Unlisted(fn() -> io::Result<Vec<SocketAddr>>);

impl Resolver for Unlisted {
    fn resolve<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async { self.0() })
    }
}

#[tokio::test]
async fn a_missing_unix_socket_is_waited_for() {
    let scratch = support::Scratch::new();
    let config = quick(Config::unix(scratch.join("none.sock"))).with_deadline(DEADLINE);
    let error = fails_after(DEADLINE, Client::connect(config)).await;
    assert!(error.is_timeout() && matches!(error.cause(), Some(Cause::Connect { .. })), "{error}");
    assert!(error.to_string().contains("none.sock"), "{error}");
}

#[tokio::test]
async fn a_server_that_comes_up_within_the_deadline_is_found() {
    let mut server = Server::redis();
    server.kill9();
    let config = tcp(&server).with_deadline(PATIENCE);
    let connecting = tokio::spawn(Client::connect(config));
    tokio::time::sleep(Duration::from_millis(300)).await;
    let server = tokio::task::spawn_blocking(move || {
        server.restart();
        server
    });
    let server = server.await.unwrap();
    let client = within(PATIENCE, connecting).await.unwrap().unwrap();
    client.ping().await.unwrap();
    drop(server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_server_costs_a_call_its_deadline_and_later_calls_get_their_own_answers() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        let client = connected(tcp(&server).with_deadline(DEADLINE)).await;
        client.set("k", "v").await.unwrap();
        server.stop();
        let (echoed, counted) = tokio::join!(
            fails_after(DEADLINE, client.echo::<String>("late").into_future()),
            fails_after(DEADLINE, client.incr("n").into_future()),
        );
        for error in [echoed, counted] {
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout, Fate::Unknown), "{error}");
            assert_eq!(error.stage(), Some(Stage::AwaitingReply));
            assert!(error.to_string().contains("nothing read for"), "{error}");
        }
        server.cont();
        for number in 0..100 {
            let token = format!("token-{number}");
            assert_eq!(client.with_deadline(PATIENCE).echo::<String>(&token).await.unwrap(), token);
        }
        // It has run after all: that is what `Unknown` says.
        assert_eq!(client.get::<i64>("n").await.unwrap(), Some(1));
        assert!(client.state().borrow().is_ready());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_requests_own_deadline_counts_be_it_shorter_or_longer() {
    let server = Server::build(support::Kind::Redis).config("enable-debug-command yes").start();
    let client = connected(tcp(&server).with_deadline(Duration::from_millis(300))).await;
    let sleep = |seconds: &'static str| Command::new("DEBUG").arg(("SLEEP", seconds));
    let error = fails_after(Duration::from_millis(300), client.request::<()>(sleep("0.6")).into_future()).await;
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Timeout, Fate::Unknown), "{error}");
    within(PATIENCE, client.request::<()>(sleep("0.6")).deadline(PATIENCE).into_future()).await.unwrap();
    let patient = client.with_deadline(PATIENCE);
    within(PATIENCE, patient.request::<()>(sleep("0.6")).into_future()).await.unwrap();
    let short = Duration::from_millis(50);
    let error = fails_after(short, client.request::<()>(sleep("0.2")).deadline(short).into_future()).await;
    assert!(error.to_string().contains("50ms"), "{error}");
    within(PATIENCE, client.ping().deadline(PATIENCE).into_future()).await.unwrap();
    let mut pipeline = client.pipeline().deadline(short);
    let quick = pipeline.ping().queue();
    let slow = pipeline.request::<()>(sleep("1.5")).queue();
    let begin = Instant::now();
    let results = within(PATIENCE, pipeline.execute()).await;
    assert!(begin.elapsed() >= short && begin.elapsed() < Duration::from_millis(1_200), "{:?}", begin.elapsed());
    assert_eq!(results.get(slow).unwrap_err().fate(), Fate::Unknown);
    let _ = results.get(quick);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_deadline_a_call_waits_as_long_as_it_takes() {
    let server = Server::redis();
    let client = connected(tcp(&server).without_deadline()).await;
    server.stop();
    let mut call = pin!(client.ping().into_future());
    assert!(tokio::time::timeout(Duration::from_secs(1), &mut call).await.is_err());
    server.cont();
    within(PATIENCE, call).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_deadlines_are_kept_together() {
    let server = Server::redis();
    let client = connected(tcp(&server)).await;
    server.stop();
    let begin = Instant::now();
    let calls: Vec<_> = (0..5_000u64)
        .map(|number| {
            let client = client.clone();
            tokio::spawn(async move {
                let within = Duration::from_millis(200 + number % 300);
                let error = client.echo::<String>("x").deadline(within).await.unwrap_err();
                (begin.elapsed() >= within, error.fate(), error.kind())
            })
        })
        .collect();
    for call in calls {
        assert_eq!(within(PATIENCE, call).await.unwrap(), (true, Fate::Unknown, ErrorKind::Timeout));
    }
    assert!(begin.elapsed() < Duration::from_millis(500) + SLACK);
    server.cont();
    assert_eq!(client.echo::<String>("own").await.unwrap(), "own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_capacity_calls_wait_in_line_or_fail_at_once() {
    let server = Server::redis();
    let config = tcp(&server).with_max_pending_commands(4).with_deadline(PATIENCE);
    let client = connected(config.clone()).await;
    server.stop();
    let calls: Vec<_> = (0..40)
        .map(|number| {
            let (client, number) = (client.clone(), number.to_string());
            async move { client.rpush("line", &number).await }
        })
        .collect();
    let mut calls: Vec<_> = calls.into_iter().map(Box::pin).collect();
    for call in &mut calls {
        assert!(poll_once(call.as_mut()).await.is_none());
    }
    // The thirtieth in line gives up; nobody else is held up by that.
    drop(calls.remove(30));
    let error = fails_after(DEADLINE, client.ping().deadline(DEADLINE).into_future()).await;
    assert_eq!((error.kind(), error.fate(), error.stage()), (ErrorKind::Timeout, Fate::NotSent, Some(Stage::Queued)));
    server.cont();
    for call in calls {
        within(PATIENCE, call).await.unwrap();
    }
    let line: Vec<u32> = client.request(Command::new("LRANGE").key("line").arg((0, -1))).await.unwrap();
    assert!(line.iter().copied().eq((0..40).filter(|number| *number != 30)), "{line:?}");

    let client = connected(config.with_at_capacity(AtCapacity::FailFast)).await;
    server.stop();
    let mut held: Vec<_> = (0..4).map(|_| Box::pin(client.incr("n").into_future())).collect();
    for call in &mut held {
        assert!(poll_once(call.as_mut()).await.is_none());
    }
    let error = fails_at_once(client.incr("n").into_future()).await;
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Full, Fate::NotSent), "{error}");
    let mut pipeline = client.pipeline();
    let _ = pipeline.incr("n").queue();
    let error = within(PATIENCE, pipeline.execute()).await.check().unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Full, Fate::NotSent), "{error}");
    server.cont();
    for call in held {
        within(PATIENCE, call).await.unwrap();
    }
    until(async || client.incr("m").await.is_ok()).await;
    assert_eq!(client.get::<i64>("n").await.unwrap(), Some(4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_waits_for_each_answer_never_finds_its_own_room_taken() {
    let server = Server::redis();
    let config = tcp(&server).with_max_pending_commands(1).with_at_capacity(AtCapacity::FailFast);
    let client = connected(config).await;
    for _ in 0..5_000 {
        client.ping().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_are_bounded_too_and_one_call_larger_than_the_bound_still_goes() {
    let server = Server::redis();
    let config = tcp(&server).with_max_pending_bytes(100_000).with_at_capacity(AtCapacity::FailFast);
    let client = connected(config.with_deadline(PATIENCE)).await;
    client.set("large", vec![b'x'; 1 << 20]).await.unwrap();
    server.stop();
    let mut first = Box::pin(client.set("a", vec![b'x'; 90_000]).into_future());
    assert!(poll_once(first.as_mut()).await.is_none());
    let error = fails_at_once(client.set("b", vec![b'x'; 20_000]).into_future()).await;
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Full, Fate::NotSent));
    server.cont();
    within(PATIENCE, first).await.unwrap();
    until(async || client.set("b", vec![b'x'; 20_000]).await.is_ok()).await;
}

#[tokio::test]
async fn offline_fail_turns_calls_away_while_there_is_no_connection() {
    let mut server = Server::redis();
    let config = tcp(&server).with_offline(Offline::FailFast).with_deadline(PATIENCE);
    let client = connected(config).await;
    client.ping().await.unwrap();
    server.kill9();
    until_state(&client, |state| !state.is_ready()).await;
    for _ in 0..20 {
        let error = fails_at_once(client.incr("n").into_future()).await;
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Connection, Fate::NotSent), "{error}");
        assert!(error.cause().is_some(), "{error}");
    }
    server.restart();
    until_state(&client, LinkState::is_ready).await;
    assert_eq!(client.incr("n").await.unwrap(), 1);
}

async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|cx| {
        std::task::Poll::Ready(match future.as_mut().poll(cx) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}
