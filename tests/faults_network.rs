//! Networks that swallow, stall and refuse: calls end at their deadlines, say where they had got stuck, and heal.
#![cfg(all(unix, feature = "tls"))]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod faults;
mod live;
mod support;

use std::io;
use std::net::TcpStream;
use std::time::Duration;

use steadfast::api::Strings;
use steadfast::outcome::ConnectFailure;
use steadfast::testing::{Cut, Direction, FaultProxy};
use steadfast::{Cause, Client, Config, Error, Fate, LinkState, Stage};

use faults::{Asked, Failure, Load, Place, Wire, everywhere, healed, lasting, tireless};
use live::{clients_of, connected, fails_after, until, until_state};
use support::{Server, undisturbed};

/// Short, so that many calls meet the fault.
const DEADLINE: Duration = Duration::from_millis(600);

/// A server, a proxy before it, and a client of both.
async fn behind_a_proxy(place: Place) -> (Server, FaultProxy, Client) {
    let server = place.start();
    let proxy = place.proxy(&server).await;
    let client = connected(place.config_at(proxy.port())).await;
    (server, proxy, client)
}

/// How far an attempt gets with someone who accepts connections and says nothing.
fn first_words(place: Place) -> Stage {
    match place.wire {
        Wire::Plain => Stage::Handshake,
        Wire::Tls => Stage::TlsHandshake,
    }
}

/// At its deadline. Only what may have been sent is of unknown fate, and is awaited.
fn timed_out(failure: &Failure) -> bool {
    let awaited = failure.error.stage() == Some(Stage::AwaitingReply);
    failure.error.is_timeout() && failure.took >= DEADLINE && awaited == (failure.error.fate() == Fate::Unknown)
}

#[test]
fn a_network_that_swallows_everything_costs_each_call_its_deadline_until_it_heals() {
    everywhere(async |place| {
        let (server, proxy, client) = behind_a_proxy(place).await;
        let load = Load::start(&client, DEADLINE);
        load.gets_on_by(50).await;
        proxy.all().black_hole(Direction::Both);
        tokio::time::sleep(lasting(Duration::from_millis(1_500))).await;
        // What was swallowed does not come back: such a connection has an end only.
        proxy.heal().unwrap();
        proxy.cut(Cut::Rst);
        load.gets_on_by(50).await;
        healed(&client, &server).await;
        let report = load.end().await;
        let is_lost = |failure: &Failure| failure.asked == Asked::Write && failure.error.fate() == Fate::Unknown;
        report.holds(&[&server]).every_failure(|failure| timed_out(failure) || is_lost(failure));
        report.some_failure(|failure| timed_out(failure) && failure.error.stage() == Some(Stage::AwaitingReply));
    });
}

#[test]
fn a_new_connection_that_is_swallowed_costs_each_call_its_deadline_until_it_heals() {
    everywhere(async |place| {
        let (server, proxy, client) = behind_a_proxy(place).await;
        for fault in [FaultProxy::pause_accept, swallow] {
            assert_eq!(server.raw(&["FLUSHALL"]), "OK");
            let load = Load::start(&client, DEADLINE);
            load.gets_on_by(50).await;
            fault(&proxy);
            proxy.cut(Cut::Rst);
            until_state(&client, |state| !state.is_ready()).await;
            let error = fails_after(DEADLINE, client.incr("never").deadline(DEADLINE).into_future()).await;
            assert_eq!((error.fate(), error.stage()), (Fate::NotSent, Some(first_words(place))), "{error}");
            tokio::time::sleep(Duration::from_millis(700)).await;
            proxy.heal().unwrap();
            proxy.resume_accept();
            proxy.cut(Cut::Rst);
            load.gets_on_by(50).await;
            healed(&client, &server).await;
            let report = load.end().await;
            let is_lost = |failure: &Failure| failure.asked == Asked::Write && failure.error.fate() == Fate::Unknown;
            report.holds(&[&server]).every_failure(|failure| timed_out(failure) || is_lost(failure));
            report.some_failure(|failure| failure.error.fate() == Fate::NotSent);
        }
        assert_eq!(server.raw(&["EXISTS", "never"]), "0");
    });
}

fn swallow(proxy: &FaultProxy) {
    proxy.all().black_hole(Direction::Both);
}

#[test]
fn a_stall_in_one_direction_costs_each_call_its_deadline_and_the_connection_goes_on() {
    everywhere(async |place| {
        let server = place.start();
        let proxy = place.proxy(&server).await;
        // Which would replace the connection if the stall were longer.
        let client = connected(place.config_at(proxy.port()).without_silence_limit()).await;
        for direction in [Direction::ToServer, Direction::ToClient] {
            assert_eq!(server.raw(&["FLUSHALL"]), "OK");
            let load = Load::start(&client, DEADLINE);
            load.gets_on_by(50).await;
            proxy.current().stall(direction);
            tokio::time::sleep(lasting(Duration::from_millis(1_200))).await;
            proxy.current().resume(direction);
            load.gets_on_by(50).await;
            healed(&client, &server).await;
            let report = load.end().await;
            report.holds(&[&server]).every_failure(timed_out).some_failure(|failure| failure.took >= DEADLINE);
        }
    });
}

#[test]
fn a_stall_shorter_than_the_deadline_fails_no_call() {
    everywhere(async |place| {
        let (server, proxy, client) = behind_a_proxy(place).await;
        let load = Load::start(&client, faults::DEADLINE);
        for direction in [Direction::ToServer, Direction::ToClient, Direction::Both] {
            load.gets_on_by(50).await;
            proxy.current().stall(direction);
            tokio::time::sleep(Duration::from_millis(600)).await;
            proxy.current().resume(direction);
        }
        load.gets_on_by(50).await;
        healed(&client, &server).await;
        load.end().await.holds(&[&server]).without_errors();
    });
}

#[test]
fn a_refused_port_is_named_at_the_deadline_and_the_next_call_works_once_it_is_open() {
    everywhere(async |place| {
        let (server, proxy, client) = behind_a_proxy(place).await;
        let load = Load::start(&client, DEADLINE);
        load.gets_on_by(50).await;
        // A child that is being started has the listening socket too, for a moment.
        undisturbed(|| proxy.refuse());
        proxy.cut(Cut::Fin);
        until_state(&client, |state| matches!(state, LinkState::Backoff { .. })).await;
        let error = fails_after(DEADLINE, client.incr("never").deadline(DEADLINE).into_future()).await;
        assert!(error.fate() == Fate::NotSent && is_refused(&error), "{error}");
        // With TLS, the time in which certificate files are read before each attempt has the stage of the handshake.
        let is_tls = place.wire == Wire::Tls && error.stage() == Some(Stage::TlsHandshake);
        assert!(is_tls || matches!(error.stage(), Some(Stage::Backoff | Stage::Connecting)), "{error}");
        tokio::time::sleep(Duration::from_millis(700)).await;
        proxy.reopen().unwrap();
        load.gets_on_by(50).await;
        healed(&client, &server).await;
        let report = load.end().await;
        let is_lost = |failure: &Failure| failure.asked == Asked::Write && failure.error.fate() == Fate::Unknown;
        report.holds(&[&server]).every_failure(|failure| timed_out(failure) || is_lost(failure));
        report.some_failure(|failure| failure.error.fate() == Fate::NotSent && is_refused(&failure.error));
        assert_eq!(server.raw(&["EXISTS", "never"]), "0");
    });
}

/// The error has the system's own word.
fn is_refused(error: &Error) -> bool {
    let Some(Cause::Connect { attempts }) = error.cause() else { return false };
    attempts.iter().all(|(_, failure)| match failure {
        ConnectFailure::Io(failure) => failure.kind() == io::ErrorKind::ConnectionRefused,
        _ => false,
    })
}

/// The kernel drops the first packet of each new connection: the server's queue of connections is full.
#[test]
fn a_connection_whose_first_packets_are_dropped_is_named_at_the_deadline_and_heals() {
    everywhere(async |place| {
        let server = place.build().config("tcp-backlog 1").start();
        let client = connected(short_attempts(place.config(&server))).await;
        client.incr("n").await.unwrap();
        server.stop();
        let queued = fill_backlog(place.port(&server));
        // The client's own connection is the server's, which sleeps: only the kernel can end it.
        let second = Client::connect_lazily(short_attempts(place.config(&server))).unwrap();
        let error = fails_after(DEADLINE, second.incr("never").deadline(DEADLINE).into_future()).await;
        assert!(error.is_timeout() && error.fate() == Fate::NotSent, "{error}");
        assert_eq!(error.stage(), Some(Stage::Connecting), "{error}");
        drop(queued);
        server.cont();
        second.incr("n").await.unwrap();
        second.close(live::PATIENCE).await;
        until(async || clients_of(&server).len() == 1).await;
        healed(&client, &server).await;
        assert_eq!(server.raw(&["EXISTS", "never"]), "0");
        assert_eq!(server.raw(&["GET", "n"]), "2");
    });
}

/// A dropped packet is sent again after a second, then two, four, ...: a new attempt is faster.
fn short_attempts(config: Config) -> Config {
    tireless(config).with_connect_timeout(Duration::from_secs(1))
}

/// Connects until the kernel takes no more.
fn fill_backlog(port: u16) -> Vec<TcpStream> {
    let mut queued = Vec::new();
    for _ in 0..8 {
        match TcpStream::connect_timeout(&([127, 0, 0, 1], port).into(), Duration::from_millis(200)) {
            Ok(stream) => queued.push(stream),
            Err(_) => return queued,
        }
    }
    panic!("{} connections fit into the queue", queued.len())
}
