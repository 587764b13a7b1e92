//! Connections that died without a word, and servers that merely take their time: a second connection tells which it is.
#![cfg(all(unix, feature = "tls"))]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod faults;
mod live;
mod support;

use std::time::Duration;

use steadfast::api::{Connection, Strings};
use steadfast::testing::Direction;
use steadfast::{Cause, Fate};

use faults::{Asked, DEADLINE, Load, everywhere, healed};
use live::{PATIENCE, connected};

/// Far below the deadline, and above what a busy machine takes to answer.
const SILENCE: Duration = Duration::from_millis(400);

#[test]
fn a_connection_that_died_without_a_word_fails_no_read_and_doubles_no_write() {
    everywhere(async |place| {
        let server = place.start();
        let proxy = place.proxy(&server).await;
        let config = place.config_at(proxy.port()).with_silence_limit(SILENCE);
        let client = connected(config).await;
        let load = Load::start(&client, DEADLINE);
        for direction in [Direction::Both, Direction::ToServer, Direction::ToClient] {
            load.gets_on_by(50).await;
            proxy.current().black_hole(direction);
        }
        load.gets_on_by(50).await;
        // The server hears of the ends of those connections only now.
        proxy.heal().unwrap();
        healed(&client, &server).await;
        let report = load.end().await;
        report.holds(&[&server]).only_unknown_writes();
        report.every_failure(|failure| failure.error.cause() == Some(&Cause::Silent));
        report.some_failure(|failure| failure.asked == Asked::Write && failure.error.fate() == Fate::Unknown);
    });
}

#[test]
fn a_server_that_freezes_for_less_than_the_deadline_keeps_its_connection_and_fails_no_call() {
    everywhere(async |place| {
        let server = place.start();
        let config = place.config(&server).with_silence_limit(SILENCE);
        let client = connected(config.with_connect_timeout(Duration::from_millis(300))).await;
        let id = client.client_id().await.unwrap();
        let load = Load::start(&client, DEADLINE);
        load.gets_on_by(50).await;
        server.stop();
        tokio::time::sleep(SILENCE * 4).await;
        server.cont();
        load.gets_on_by(50).await;
        healed(&client, &server).await;
        load.end().await.holds(&[&server]).without_errors();
        assert_eq!(client.client_id().await.unwrap(), id, "the connection was replaced");
    });
}

/// It answers on both connections when it wakes, on the first one first.
#[test]
fn a_server_that_freezes_again_and_again_keeps_its_connection_and_fails_no_call() {
    everywhere(async |place| {
        let server = place.start();
        let client = connected(place.config(&server).with_silence_limit(SILENCE / 8)).await;
        let id = client.client_id().await.unwrap();
        let load = Load::start(&client, DEADLINE);
        for _ in 0..10 {
            load.gets_on_by(10).await;
            server.stop();
            tokio::time::sleep(SILENCE / 2).await;
            server.cont();
        }
        load.gets_on_by(50).await;
        healed(&client, &server).await;
        load.end().await.holds(&[&server]).without_errors();
        assert_eq!(client.client_id().await.unwrap(), id, "the connection was replaced");
    });
}

#[test]
fn a_server_that_is_busy_for_less_than_the_deadline_keeps_its_connection_and_fails_no_call() {
    everywhere(async |place| {
        let server = place.build().config("enable-debug-command yes").start();
        let client = connected(place.config(&server).with_silence_limit(SILENCE)).await;
        let id = client.client_id().await.unwrap();
        let load = Load::start(&client, DEADLINE);
        for _ in 0..2 {
            load.gets_on_by(50).await;
            assert_eq!(server.raw(&["DEBUG", "SLEEP", "1"]), "OK");
        }
        load.gets_on_by(50).await;
        healed(&client, &server).await;
        load.end().await.holds(&[&server]).without_errors();
        assert_eq!(client.client_id().await.unwrap(), id, "the connection was replaced");
    });
}

/// In the hands of the system at once, or taken bit by bit: nobody can answer what is on the network still.
#[test]
fn a_large_command_on_a_slow_network_is_not_taken_for_silence() {
    everywhere(async |place| {
        let server = place.start();
        let proxy = place.proxy(&server).await;
        let client = connected(place.config_at(proxy.port()).with_silence_limit(SILENCE)).await;
        for (megabytes, per_second) in [(2, 1), (32, 12)] {
            let value = vec![b'x'; megabytes << 20];
            proxy.current().throttle(Direction::ToServer, per_second << 20);
            client.set("large", &value).deadline(PATIENCE).await.unwrap();
            assert_eq!(server.raw(&["STRLEN", "large"]), value.len().to_string());
        }
        assert_eq!(proxy.accepted(), 1, "the connection was replaced");
    });
}
