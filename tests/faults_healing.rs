//! What only a changed setting can mend fails at once, and heals without a new client: wrong passwords, bad certificates,
//! bytes that are not the protocol.
#![cfg(all(unix, feature = "tls"))]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod faults;
mod live;
mod support;

use std::time::Duration;

use steadfast::api::{Connection, Strings};
use steadfast::outcome::TlsFailure;
use steadfast::testing::{Corruption, Cut, Direction};
use steadfast::{Cause, Client, Error, ErrorKind, Fate};

use faults::{Asked, DEADLINE, Failure, Load, Place, Wire, certified, everywhere, healed, in_each, tireless};
use live::{connected, fails_at_once, until};
use support::{Kind, Server, undisturbed};

/// Calls fail at once with the same error, as long as nothing changes. Returns it.
async fn fails_with(client: &Client, kind: ErrorKind) -> Error {
    for _ in 0..3 {
        let error = fails_at_once(client.incr("never").into_future()).await;
        assert_eq!((error.kind(), error.fate()), (kind, Fate::NotSent), "{error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    fails_at_once(client.incr("never").into_future()).await
}

/// The client finds out by itself that all is well.
async fn heals(client: &Client, server: &Server) {
    until(async || client.ping().await.is_ok()).await;
    healed(client, server).await;
    assert_eq!(server.raw(&["EXISTS", "never"]), "0");
}

/// The server lets nobody in. Calls that were on their way when it threw the client out may have run, all others did not.
fn shut_out(failure: &Failure, kind: ErrorKind) -> bool {
    match failure.error.fate() {
        Fate::NotSent => failure.error.kind() == kind,
        Fate::Unknown => failure.error.kind() == kind || failure.asked == Asked::Write,
        _ => false,
    }
}

#[test]
fn a_wrong_password_heals_when_the_server_gets_the_right_one() {
    everywhere(async |place| {
        let server = place.start();
        assert_eq!(server.raw(&["CONFIG", "SET", "requirepass", "other"]), "OK");
        let admin = |words: &[&str]| {
            let mut admin = server.connect();
            assert_eq!(admin.call(&["AUTH", "other"]).unwrap(), "OK");
            admin.call(words).unwrap()
        };
        let client = Client::connect_lazily(place.config(&server).with_password("sesame")).unwrap();
        let error = fails_with(&client, ErrorKind::Handshake).await;
        assert!(matches!(error.cause(), Some(Cause::Handshake(refusal)) if refusal.permanent), "{error}");
        assert_eq!(admin(&["CONFIG", "SET", "requirepass", "sesame"]), "OK");
        until(async || client.ping().await.is_ok()).await;
        let mut admin = server.connect();
        assert_eq!(admin.call(&["AUTH", "sesame"]).unwrap(), "OK");
        assert_eq!(admin.call(&["EXISTS", "never"]).unwrap(), "0");
    });
}

#[test]
fn a_password_that_is_changed_under_load_fails_calls_unsent_until_it_is_changed_back() {
    everywhere(async |place| {
        let server = place.build().config("user alice on >sesame ~* &* +@all").start();
        let client = connected(place.config(&server).with_credentials("alice", "sesame")).await;
        let load = Load::start(&client, DEADLINE);
        load.gets_on_by(50).await;
        let set = |words: &[&str]| assert_eq!(server.raw(&[&["ACL", "SETUSER", "alice"], words].concat()), "OK");
        set(&["resetpass", ">other"]);
        server.raw(&["CLIENT", "KILL", "USER", "alice"]);
        live::until_state(&client, |state| !state.is_ready()).await;
        until(async || client.ping().await.is_err()).await;
        let error = fails_with(&client, ErrorKind::Handshake).await;
        assert!(error.to_string().contains("WRONGPASS"), "{error}");
        set(&[">sesame"]);
        heals(&client, &server).await;
        load.gets_on_by(50).await;
        let report = load.end().await;
        report.holds(&[&server]).every_failure(|failure| shut_out(failure, ErrorKind::Handshake));
        report.some_failure(|failure| failure.error.kind() == ErrorKind::Handshake);
    });
}

const SECURE: [Place; 2] =
    [Place { kind: Kind::Redis, wire: Wire::Tls }, Place { kind: Kind::Valkey, wire: Wire::Tls }];

#[test]
fn an_expired_certificate_heals_when_the_running_server_gets_a_good_one() {
    in_each(&SECURE, async |place| {
        let server = place.build_with_certificate("expired").start();
        let client = Client::connect_lazily(place.config(&server)).unwrap();
        let error = fails_with(&client, ErrorKind::Tls).await;
        assert!(matches!(error.cause(), Some(Cause::Tls(TlsFailure::Expired))), "{error}");
        present(&server, "server");
        heals(&client, &server).await;
    });
}

#[test]
fn an_expired_certificate_heals_when_the_server_is_restarted_with_a_good_one() {
    in_each(&SECURE, async |place| {
        let server = place.build_with_certificate("expired").start();
        let proxy = place.proxy(&server).await;
        let client = Client::connect_lazily(place.config_at(proxy.port())).unwrap();
        let error = fails_with(&client, ErrorKind::Tls).await;
        assert!(matches!(error.cause(), Some(Cause::Tls(TlsFailure::Expired))), "{error}");
        drop(server);
        let error = client.incr("never").await.unwrap_err();
        assert_eq!(error.fate(), Fate::NotSent, "{error}");
        let server = place.start();
        proxy.set_upstream(("127.0.0.1", place.port(&server))).await.unwrap();
        heals(&client, &server).await;
    });
}

#[test]
fn a_certificate_that_expires_under_load_costs_nothing_before_a_reconnection_and_heals_after() {
    in_each(&SECURE, async |place| {
        let server = place.start();
        let client = connected(place.config(&server)).await;
        let load = Load::start(&client, DEADLINE);
        load.gets_on_by(50).await;
        present(&server, "expired");
        load.gets_on_by(50).await;
        server.raw(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        until(async || client.ping().await.is_err()).await;
        let error = fails_with(&client, ErrorKind::Tls).await;
        assert!(matches!(error.cause(), Some(Cause::Tls(TlsFailure::Expired))), "{error}");
        present(&server, "server");
        heals(&client, &server).await;
        load.gets_on_by(50).await;
        let report = load.end().await;
        report.holds(&[&server]).every_failure(|failure| shut_out(failure, ErrorKind::Tls));
    });
}

/// The running server shows this certificate from the next handshake on.
fn present(server: &Server, certificate: &str) {
    let (certificate, key) = certified(certificate);
    let [certificate, key] = [certificate.to_str().unwrap(), key.to_str().unwrap()];
    let answer = server.raw(&["CONFIG", "SET", "tls-cert-file", certificate, "tls-key-file", key]);
    assert_eq!(answer, "OK");
}

#[test]
fn a_reply_that_is_not_the_protocol_costs_the_calls_on_their_way_and_no_others() {
    everywhere(async |place| {
        let server = place.start();
        let proxy = place.proxy(&server).await;
        let client = connected(tireless(place.config_at(proxy.port()))).await;
        for number in 1..=5 {
            // The new connection is there, and has said all it says by itself.
            client.ping().await.unwrap();
            proxy.current().corrupt(Direction::ToClient, 0, Corruption::Replace(b'Z'));
            let error = client.incr("n").await.unwrap_err();
            let expected = if place.wire == Wire::Tls { ErrorKind::Tls } else { ErrorKind::Protocol };
            assert_eq!((error.kind(), error.fate()), (expected, Fate::Unknown), "{error}");
            assert_eq!(server.raw(&["GET", "n"]), number.to_string(), "it was answered, and sent once");
        }
        heals(&client, &server).await;
    });
}

#[test]
fn replies_that_are_corrupted_under_load_reach_nobody_and_fail_no_read() {
    everywhere(async |place| {
        let server = place.start();
        let proxy = place.proxy(&server).await;
        let client = connected(place.config_at(proxy.port())).await;
        let load = Load::start(&client, DEADLINE);
        for offset in 0..8 {
            load.gets_on_by(50).await;
            // Into the first byte of a reply most of the time: what hits a payload can't be told from a payload.
            proxy.current().corrupt(Direction::ToClient, 0, Corruption::Insert(garbage(offset)));
        }
        load.gets_on_by(50).await;
        healed(&client, &server).await;
        load.end().await.holds(&[&server]).only_unknown_writes();
    });
}

/// Between two replies these end the protocol; in the middle of one they change its length, which does so too.
fn garbage(number: usize) -> bytes::Bytes {
    bytes::Bytes::from(["Z\r\n", "$99999999999999\r\n", "*-5\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n"][number % 4])
}

#[test]
fn a_proxy_that_corrupts_every_connection_fails_calls_unsent_until_it_stops() {
    everywhere(async |place| {
        let server = place.start();
        let proxy = place.proxy(&server).await;
        let client = connected(place.config_at(proxy.port())).await;
        proxy.all().corrupt(Direction::ToClient, 0, Corruption::Insert(bytes::Bytes::from("HTTP/1.1 502\r\n")));
        undisturbed(|| proxy.cut(Cut::Rst));
        until(async || client.ping().await.is_err()).await;
        let expected = if place.wire == Wire::Tls { ErrorKind::Tls } else { ErrorKind::Protocol };
        fails_with(&client, expected).await;
        proxy.heal().unwrap();
        heals(&client, &server).await;
    });
}
