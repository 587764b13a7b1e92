//! Servers that die, connections that are cut: the client comes back, loses nothing that was not sent, and runs nothing twice.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
mod support;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use steadfast::api::{Connection, Lists, Strings};
use steadfast::client::{Backoff, ProtocolChoice};
use steadfast::outcome::Address;
use steadfast::{
    BoxFuture, Cause, Client, Config, Connector, Effect, Error, ErrorKind, Event, Fate, Io, LinkState, OnRefusal,
    Replay, Resolver,
};

use live::{KINDS, PATIENCE, Peer, clients_of, connected, quick, tcp, until, until_state, within};
use support::{HaProxy, Server};

/// What callers were told of their INCRs.
#[derive(Default)]
struct Ledger {
    acknowledged: AtomicI64,
    unknown: AtomicI64,
    not_run: AtomicI64,
}

impl Ledger {
    fn note(&self, outcome: Result<i64, Error>) {
        let column = match outcome {
            Ok(_) => &self.acknowledged,
            Err(error) => match error.fate() {
                Fate::Unknown => &self.unknown,
                Fate::NotSent | Fate::Refused => &self.not_run,
                other => panic!("{other:?}: {error}"),
            },
        };
        column.fetch_add(1, Ordering::SeqCst);
    }

    /// Every INCR that was acknowledged has run, none twice, and none that was said not to have.
    fn agrees_with(&self, count: i64) {
        let [acknowledged, unknown, not_run] =
            [&self.acknowledged, &self.unknown, &self.not_run].map(|column| column.load(Ordering::SeqCst));
        println!("{acknowledged} acknowledged, {unknown} unknown, {not_run} not run, {count} counted");
        assert!(acknowledged <= count, "{acknowledged} were acknowledged, {count} ran");
        assert!(count <= acknowledged + unknown, "{count} ran, {acknowledged} and {unknown} at most should have");
    }
}

/// Callers that increment `n`, one after the other each, until they are told to stop.
struct Load {
    ledger: Arc<Ledger>,
    stop: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(client: &Client, callers: usize) -> Self {
        let (ledger, stop) = (Arc::new(Ledger::default()), Arc::new(AtomicBool::new(false)));
        let tasks = (0..callers)
            .map(|caller| {
                let (client, ledger, stop) = (client.clone(), Arc::clone(&ledger), Arc::clone(&stop));
                tokio::spawn(async move {
                    while !stop.load(Ordering::SeqCst) {
                        if caller % 4 > 0 {
                            ledger.note(client.incr("n").await);
                            continue;
                        }
                        let mut pipeline = client.pipeline();
                        let _ = pipeline.echo::<String>("before").queue();
                        let queued: Vec<_> = (0..3).map(|_| pipeline.incr("n").queue()).collect();
                        let results = pipeline.execute().await;
                        queued.into_iter().for_each(|queued| ledger.note(results.get(queued)));
                    }
                })
            })
            .collect();
        Self { ledger, stop, tasks }
    }

    async fn end(self) -> Arc<Ledger> {
        self.stop.store(true, Ordering::SeqCst);
        for task in self.tasks {
            within(PATIENCE, task).await.unwrap();
        }
        self.ledger
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn increments_are_never_lost_or_doubled_while_the_connection_is_killed_again_and_again() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        let client = connected(tcp(&server).with_deadline(PATIENCE)).await;
        let load = Load::start(&client, 16);
        let mut admin = server.connect();
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            admin.call(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).unwrap();
        }
        let ledger = load.end().await;
        ledger.agrees_with(server.raw(&["GET", "n"]).parse().unwrap());
        assert!(ledger.acknowledged.load(Ordering::SeqCst) > 100);
        until_state(&client, LinkState::is_ready).await;
        until(async || clients_of(&server).len() == 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn increments_are_never_lost_or_doubled_behind_a_proxy_that_dies() {
    let server = Server::redis();
    let mut proxy = HaProxy::start(&forwarding(&server, "timeout client 30s\n    timeout server 30s"));
    let config = quick(Config::tcp("127.0.0.1", proxy.address("front").port()));
    let client = connected(config.with_deadline(PATIENCE)).await;
    let load = Load::start(&client, 16);
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        proxy.kill9();
        tokio::time::sleep(Duration::from_millis(20)).await;
        proxy = tokio::task::spawn_blocking(move || {
            proxy.restart();
            proxy
        })
        .await
        .unwrap();
    }
    let ledger = load.end().await;
    ledger.agrees_with(server.raw(&["GET", "n"]).parse().unwrap());
    assert!(ledger.acknowledged.load(Ordering::SeqCst) > 100);
}

fn forwarding(server: &Server, timeouts: &str) -> String {
    format!(
        "defaults\n    mode tcp\n    timeout connect 5s\n    {timeouts}\nlisten front\n    bind 127.0.0.1:{{front}}\n    \
         server redis {}\n",
        server.address()
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_that_comes_back_is_found_and_what_was_not_sent_waits_for_it() {
    for kind in KINDS {
        for protocol in [ProtocolChoice::Resp2, ProtocolChoice::Resp3] {
            let mut server = Server::build(kind).start();
            let client = connected(tcp(&server).with_protocol(protocol).with_deadline(PATIENCE)).await;
            let mut events = client.events();
            assert_eq!(client.incr("n").await.unwrap(), 1);
            server.kill9();
            until_state(&client, |state| !state.is_ready()).await;
            let waiting: Vec<_> = (0..100)
                .map(|number| {
                    let client = client.clone();
                    tokio::spawn(async move { client.rpush("list", number.to_string()).await })
                })
                .collect();
            tokio::time::sleep(Duration::from_millis(100)).await;
            let server = tokio::task::spawn_blocking(move || {
                server.restart();
                server
            })
            .await
            .unwrap();
            for call in waiting {
                within(PATIENCE, call).await.unwrap().unwrap();
            }
            assert_eq!(server.raw(&["LLEN", "list"]), "100");
            let Some(Event::Disconnected { in_flight: 0, failed_unknown: 0, .. }) =
                within(PATIENCE, events.next()).await
            else {
                panic!("the first event is not the loss")
            };
            assert!(matches!(within(PATIENCE, events.next()).await, Some(Event::Connected(_))));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sent_to_a_server_that_dies_is_unknown_and_not_sent_again() {
    for kind in KINDS {
        let mut server = Server::build(kind).start();
        let client = connected(tcp(&server).with_deadline(PATIENCE)).await;
        let mut events = client.events();
        server.stop();
        let calls: Vec<_> = (0..50)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { client.incr("n").await })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(200)).await;
        let mut large = client.set("large", vec![b'x'; 32 << 20]).into_future();
        assert!(Pin::new(&mut large).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        tokio::time::sleep(Duration::from_millis(200)).await;
        server.kill9();
        for call in calls {
            let error = within(PATIENCE, call).await.unwrap().unwrap_err();
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Connection, Fate::Unknown), "{error}");
            assert!(matches!(error.cause(), Some(Cause::Io(_) | Cause::PeerClosed)), "{error}");
        }
        match within(PATIENCE, events.next()).await {
            Some(Event::Disconnected { in_flight: 51, requeued: 1, failed_unknown: 50, .. }) => {}
            other => panic!("{other:?}"),
        }
        let server = tokio::task::spawn_blocking(move || {
            server.restart();
            server
        })
        .await
        .unwrap();
        // Cut in the middle, it was not sent, and is now sent whole.
        within(PATIENCE, large).await.unwrap();
        assert_eq!(server.raw(&["STRLEN", "large"]), (32 << 20).to_string());
        assert_eq!(server.raw(&["EXISTS", "n"]), "0");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_connection_that_was_killed_costs_the_next_call_nothing() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        let client = connected(tcp(&server).with_deadline(PATIENCE).with_backoff(short_pauses())).await;
        let mut admin = server.connect();
        for count in 1..=50 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            // The driver's thread has had no time to see the FIN when the call comes.
            assert_eq!(admin.call(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).unwrap(), "1");
            assert_eq!(client.incr("n").await.unwrap(), count);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_that_cuts_idle_connections_costs_the_next_call_nothing() {
    let server = Server::redis();
    let proxy = HaProxy::start(&forwarding(&server, "timeout client 300ms\n    timeout server 300ms"));
    let config = quick(Config::tcp("127.0.0.1", proxy.address("front").port()));
    let client = connected(config.with_deadline(PATIENCE)).await;
    // Well before the cut and well after it: what is sent in the moment of the cut may be lost with it.
    for (count, pause) in [(1, 50), (2, 1_000), (3, 50), (4, 1_200), (5, 0)] {
        assert_eq!(client.incr("n").await.unwrap(), count);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heartbeat_keeps_a_proxy_from_cutting_an_idle_connection() {
    let server = Server::redis();
    let proxy = HaProxy::start(&forwarding(&server, "timeout client 1s\n    timeout server 1s"));
    let config = quick(Config::tcp("127.0.0.1", proxy.address("front").port()));
    let client = connected(config.with_heartbeat(Duration::from_millis(100))).await;
    let mut events = client.events();
    let id = client.client_id().await.unwrap();
    assert!(tokio::time::timeout(Duration::from_secs(3), events.next()).await.is_err(), "the connection was lost");
    assert_eq!(client.client_id().await.unwrap(), id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_cuts_idle_connections_costs_the_next_call_nothing() {
    let server = Server::build(support::Kind::Valkey).config("timeout 1").start();
    let client = connected(tcp(&server).with_deadline(PATIENCE)).await;
    let mut events = client.events();
    assert_eq!(client.incr("n").await.unwrap(), 1);
    match within(PATIENCE, events.next()).await {
        Some(Event::Disconnected { cause: Cause::PeerClosed, in_flight: 0, .. }) => {}
        other => panic!("{other:?}"),
    }
    assert!(matches!(within(PATIENCE, events.next()).await, Some(Event::Connected(_))), "before it is needed");
    assert_eq!(client.incr("n").await.unwrap(), 2);
}

#[tokio::test]
async fn a_reset_while_an_answer_is_due_is_unknown_and_the_next_call_works() {
    let peer = Peer::start(|number, mut wire| async move {
        while let Some(command) = wire.command_after_handshake().await {
            if number < 3 && command[0] == b"INCR" {
                return wire.reset();
            }
            wire.say(b":1\r\n").await;
        }
    })
    .await;
    let client = connected(peer.config().with_deadline(PATIENCE)).await;
    for _ in 0..3 {
        let error = within(PATIENCE, client.incr("n").into_future()).await.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Connection, Fate::Unknown), "{error}");
        assert!(matches!(error.cause(), Some(Cause::Io(_))), "{error}");
        until_state(&client, LinkState::is_ready).await;
    }
    assert_eq!(client.incr("n").await.unwrap(), 1);
}

#[tokio::test]
async fn reads_that_were_lost_with_a_connection_are_answered_by_the_next_one() {
    let peer = Peer::start(|number, mut wire| async move {
        let mut answered = 0;
        while let Some(command) = wire.command_after_handshake().await {
            if number < 5 && answered == 3 {
                return;
            }
            answered += 1;
            let word = String::from_utf8_lossy(&command[1]).into_owned();
            wire.say(format!("${}\r\n{word}\r\n", word.len()).as_bytes()).await;
        }
    })
    .await;
    let client = connected(peer.config().with_deadline(PATIENCE).with_backoff(short_pauses())).await;
    let mut pipeline = client.pipeline();
    for number in 0..20 {
        let _ = pipeline.echo::<u32>(number.to_string()).queue();
    }
    let results = within(PATIENCE, pipeline.execute()).await;
    let answers: Vec<_> = results.iter::<u32>().map(Result::unwrap).collect();
    assert_eq!(answers, Vec::from_iter(0..20));
}

#[tokio::test]
async fn the_refusal_of_a_second_sending_says_nothing_of_the_first() {
    let peer = Peer::start(|number, mut wire| async move {
        while wire.command_after_handshake().await.is_some() {
            if number == 0 {
                return;
            }
            wire.say(b"-READONLY You can't write against a read only replica.\r\n").await;
        }
    })
    .await;
    let client = connected(peer.config().with_deadline(PATIENCE).with_on_refusal(OnRefusal::FailFast)).await;
    let risky = Replay::upto(Effect::Accumulating);
    let error = within(PATIENCE, client.incr("n").replay(risky).into_future()).await.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Server, Fate::Unknown), "{error}");
    let error = within(PATIENCE, client.incr("n").replay(risky).into_future()).await.unwrap_err();
    assert_eq!(error.fate(), Fate::Refused, "{error}");
}

#[tokio::test]
async fn answers_that_came_before_the_end_are_given_to_their_callers() {
    let peer = Peer::start(|number, mut wire| async move {
        let mut answered = 0;
        while let Some(command) = wire.command_after_handshake().await {
            if number == 0 && answered == 3 {
                return;
            }
            answered += 1;
            let word = String::from_utf8_lossy(&command[1]).into_owned();
            wire.say(format!("${}\r\n{word}\r\n", word.len()).as_bytes()).await;
        }
    })
    .await;
    let client = connected(peer.config().with_deadline(PATIENCE)).await;
    let mut pipeline = client.pipeline();
    for number in 0..6 {
        let _ = pipeline.echo::<u32>(number.to_string()).replay(Replay::never()).queue();
    }
    let results = within(PATIENCE, pipeline.execute()).await;
    let outcomes: Vec<_> = results.iter::<u32>().map(|outcome| outcome.map_err(|error| error.fate())).collect();
    assert_eq!(outcomes[..3], [Ok(0), Ok(1), Ok(2)]);
    assert_eq!(outcomes[3..], [Err(Fate::Unknown); 3]);
    assert_eq!(client.echo::<u32>("7").await.unwrap(), 7);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_full_of_ends_and_beginnings_always_leads_back_to_ready() {
    let mut server = Server::redis();
    let client = connected(tcp(&server)).await;
    for round in 0..5 {
        server = tokio::task::spawn_blocking(move || {
            if round % 2 == 0 {
                server.kill9()
            } else {
                server.terminate()
            }
            server.restart();
            server
        })
        .await
        .unwrap();
        until(async || client.ping().deadline(Duration::from_secs(1)).await.is_ok()).await;
    }
    assert!(client.state().borrow().is_ready());
    assert_eq!(clients_of(&server).len(), 1);
}

/// On a single thread nothing tells the driver of what a blocking peer does, but a look at the socket.
#[tokio::test]
async fn a_peer_that_says_something_unasked_and_ends_costs_the_next_call_nothing() {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (order, orders) = std::sync::mpsc::channel::<()>();
    let (report, reports) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            for answer in ["+PONG\r\n", ":1\r\n"] {
                assert!(stream.read(&mut [0; 512]).unwrap() > 0);
                stream.write_all(answer.as_bytes()).unwrap();
            }
            if orders.recv().is_err() {
                return;
            }
            stream.write_all(b"-ERR this connection is closed\r\n").unwrap();
            drop(stream);
            // Even the way through the kernel takes its time on a busy machine.
            std::thread::sleep(Duration::from_millis(20));
            report.send(()).unwrap();
        }
    });
    let config = quick(Config::tcp("127.0.0.1", port)).with_protocol(ProtocolChoice::Resp2).without_library_info();
    let client = connected(config.with_deadline(PATIENCE).with_backoff(short_pauses())).await;
    for _ in 0..20 {
        assert_eq!(client.incr("n").await.unwrap(), 1);
        tokio::time::sleep(Duration::from_millis(20)).await;
        order.send(()).unwrap();
        reports.recv().unwrap();
    }
}

/// For connections that are lost again and again, which would make ever longer pauses.
fn short_pauses() -> Backoff {
    Backoff::default().with_first(Duration::from_millis(1)).with_max(Duration::from_millis(2))
}

/// A resolver and connector that panics until it is mended: when asked, and every other time in its future.
#[derive(Default)]
struct Panicking {
    asked: AtomicUsize,
    mended: AtomicBool,
}

impl Panicking {
    fn ask<T: 'static>(&self, then: impl Future<Output = T> + Send + 'static) -> BoxFuture<'static, T> {
        match self.asked.fetch_add(1, Ordering::SeqCst) % 2 {
            _ if self.mended.load(Ordering::SeqCst) => Box::pin(then),
            0 => panic!("on purpose, when asked"),
            _ => Box::pin(async {
                tokio::task::yield_now().await;
                panic!("on purpose, in the future")
            }),
        }
    }
}

impl Resolver for Panicking {
    fn resolve<'a>(&'a self, _: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        self.ask(async move { Ok(vec![(Ipv4Addr::LOCALHOST, port).into()]) })
    }
}

impl Connector for Panicking {
    fn connect<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
        let Address::Tcp { port, .. } = *address else { panic!("{address}") };
        self.ask(async move {
            let stream = tokio::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
            Ok(Box::new(stream) as Box<dyn Io>)
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_in_the_users_resolver_or_connector_ends_the_attempt_alone() {
    let server = Server::redis();
    let config = || quick(Config::tcp("server.test", server.port())).with_deadline(PATIENCE);
    let [resolver, connector] = [(); 2].map(|()| Arc::new(Panicking::default()));
    for (config, panicking) in
        [(config().with_resolver(resolver.clone()), resolver), (config().with_connector(connector.clone()), connector)]
    {
        let client = Client::connect_lazily(config).unwrap();
        let seen = until_state(&client, |state| matches!(state, LinkState::Backoff { .. })).await;
        assert!(matches!(&seen, LinkState::Backoff { cause: Cause::Panicked, .. }), "{seen:?}");
        until(async || panicking.asked.load(Ordering::SeqCst) >= 4).await;
        panicking.mended.store(true, Ordering::SeqCst);
        within(PATIENCE, client.incr("n").into_future()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_worked_and_are_cut_again_and_again_are_made_anew_at_once() {
    use steadfast::testing::{Cut, FakeServer, FaultProxy};
    let server = FakeServer::start().await.unwrap();
    let proxy = FaultProxy::start(server.address()).await.unwrap();
    // With the pauses that are set by default, which grow to 2 s.
    let client = Client::connect(proxy.url()).await.unwrap();
    for cut in 1..=10 {
        client.get::<String>("key").await.unwrap();
        tokio::time::sleep(Duration::from_millis(150)).await;
        proxy.cut(Cut::Fin);
        let begin = std::time::Instant::now();
        client.get::<String>("key").await.unwrap();
        assert!(begin.elapsed() < Duration::from_millis(500), "{:?} after cut {cut}", begin.elapsed());
    }
}
