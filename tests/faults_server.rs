//! Servers that die, freeze, are full, or throw their clients out, under load.
#![cfg(all(unix, feature = "tls"))]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod faults;
mod live;
mod support;

use std::time::{Duration, Instant};

use steadfast::api::Strings;
use steadfast::{ErrorKind, Fate, Stage};

use faults::{Asked, DEADLINE, Failure, Load, everywhere, healed, lasting, tell};
use live::{PATIENCE, clients_of, connected, until, until_state};
use support::{Kind, Server};

#[test]
fn a_server_that_is_killed_and_restarted_within_a_second_fails_no_read_and_loses_no_acknowledged_write() {
    everywhere(async |place| {
        // What is acknowledged was written to the file before, and the file outlives the process.
        let mut server = place.build().config("appendonly yes").config("appendfsync no").start();
        let client = connected(place.config(&server)).await;
        let load = Load::start(&client, DEADLINE);
        for _ in 0..2 {
            load.gets_on_by(100).await;
            server.kill9();
            tokio::time::sleep(Duration::from_millis(400)).await;
            server.restart();
        }
        load.gets_on_by(50).await;
        healed(&client, &server).await;
        load.end().await.holds(&[&server]).only_unknown_writes();
    });
}

#[test]
fn a_server_that_freezes_costs_each_call_its_deadline_and_nothing_once_it_wakes() {
    everywhere(async |place| {
        let server = place.start();
        // It wakes just when a second connection is tried, and answers on the first one first.
        let client = connected(place.config(&server).with_silence_limit(Duration::from_secs(2))).await;
        let deadline = Duration::from_millis(700);
        let load = Load::start(&client, deadline);
        load.gets_on_by(50).await;
        server.stop();
        tokio::time::sleep(lasting(Duration::from_secs(2))).await;
        server.cont();
        healed(&client, &server).await;
        load.gets_on_by(50).await;
        let report = load.end().await;
        report.holds(&[&server]).every_failure(timed_out).some_failure(|failure| failure.took >= deadline);
        report.some_failure(|failure| failure.asked == Asked::Write && failure.error.fate() == Fate::Unknown);
    });
}

/// At its deadline, and with the stage that fits its fate.
fn timed_out(failure: &Failure) -> bool {
    let error = &failure.error;
    let is_sent = error.stage() == Some(Stage::AwaitingReply);
    error.kind() == ErrorKind::Timeout && is_sent == (error.fate() == Fate::Unknown) && error.fate() != Fate::Refused
}

#[test]
fn a_server_that_sleeps_for_less_than_the_deadline_fails_no_call() {
    everywhere(async |place| {
        let server = place.build().config("enable-debug-command yes").start();
        let client = connected(place.config(&server)).await;
        let load = Load::start(&client, DEADLINE);
        load.gets_on_by(50).await;
        assert_eq!(server.raw(&["DEBUG", "SLEEP", "1"]), "OK");
        load.gets_on_by(50).await;
        healed(&client, &server).await;
        load.end().await.holds(&[&server]).without_errors();
    });
}

#[test]
fn a_client_that_is_thrown_out_again_and_again_fails_no_read_and_doubles_no_write() {
    everywhere(async |place| {
        let server = place.build().config("user alice on nopass ~* &* +@all").start();
        let config = place.config(&server).with_credentials("alice", "any");
        let client = connected(config).await;
        let load = Load::start(&client, DEADLINE);
        let mut admin = server.connect();
        for round in 0..3 {
            for form in ["old", "ADDR", "ID", "USER", "LADDR", "TYPE", "MAXAGE"] {
                // What is the oldest command on three connections that die in a row is given up: the load gets on.
                load.gets_on_by(10).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
                let victim = only_client(&server).await;
                let field = |name: &str| {
                    let fields = victim.split(' ');
                    fields.filter_map(|field| field.strip_prefix(name)).next().unwrap().to_owned()
                };
                let words = match form {
                    "old" => vec![field("addr=")],
                    "ADDR" => vec![form.to_owned(), field("addr=")],
                    "ID" => vec![form.to_owned(), field("id=")],
                    "USER" => vec![form.to_owned(), "alice".to_owned()],
                    "LADDR" => vec![form.to_owned(), field("laddr=")],
                    "TYPE" => ["TYPE", "normal", "SKIPME", "yes"].map(str::to_owned).to_vec(),
                    // Of this server alone, and only of clients that are at least a second old.
                    _ if place.kind == Kind::Redis || round < 2 => continue,
                    _ => {
                        tokio::time::sleep(Duration::from_millis(1_100)).await;
                        ["MAXAGE", "1", "SKIPME", "yes"].map(str::to_owned).to_vec()
                    }
                };
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                let answer = admin.call(&[&["CLIENT", "KILL"], words.as_slice()].concat()).unwrap();
                // A connection of the test's own that is just ending may be counted too.
                assert!(
                    answer == "OK" || answer.parse().is_ok_and(|killed: usize| killed > 0),
                    "CLIENT KILL {words:?} answered {answer}"
                );
            }
        }
        load.gets_on_by(50).await;
        healed(&client, &server).await;
        load.end().await.holds(&[&server]).only_unknown_writes();
    });
}

/// The one connection that the server has of the client's.
async fn only_client(server: &Server) -> String {
    until(async || clients_of(server).iter().filter(|line| line.contains("user=alice")).count() == 1).await;
    clients_of(server).into_iter().find(|line| line.contains("user=alice")).unwrap_or_default()
}

#[test]
fn a_pause_of_all_clients_shorter_than_the_deadline_fails_no_call() {
    everywhere(async |place| {
        let server = place.start();
        let client = connected(place.config(&server)).await;
        let load = Load::start(&client, DEADLINE);
        load.gets_on_by(50).await;
        assert_eq!(server.raw(&["CLIENT", "PAUSE", "1000", "ALL"]), "OK");
        let begin = Instant::now();
        load.gets_on_by(64).await;
        assert!(begin.elapsed() > Duration::from_millis(500), "there was no pause");
        healed(&client, &server).await;
        load.end().await.holds(&[&server]).without_errors();
    });
}

#[test]
fn a_pause_of_writes_holds_up_what_follows_a_write_and_fails_no_call() {
    everywhere(async |place| {
        let server = place.start();
        let client = connected(place.config(&server)).await;
        let reader = connected(place.config(&server)).await;
        let load = Load::start(&client, DEADLINE);
        load.gets_on_by(50).await;
        assert_eq!(server.raw(&["CLIENT", "PAUSE", "1000", "WRITE"]), "OK");
        let begin = Instant::now();
        reader.get::<String>("own:2").await.unwrap();
        assert!(begin.elapsed() < Duration::from_millis(800), "a read on a connection without writes was held up");
        load.gets_on_by(64).await;
        assert!(begin.elapsed() > Duration::from_millis(500), "there was no pause");
        reader.close(PATIENCE).await;
        healed(&client, &server).await;
        load.end().await.holds(&[&server]).without_errors();
    });
}

#[test]
fn a_server_that_is_full_for_a_second_fails_no_call_that_was_not_on_its_way() {
    everywhere(async |place| {
        let server = place.start();
        let client = connected(place.config(&server)).await;
        let load = Load::start(&client, DEADLINE);
        load.gets_on_by(50).await;
        let mut admin = server.connect();
        assert_eq!(admin.call(&["CONFIG", "SET", "maxclients", "1"]).unwrap(), "OK");
        assert_eq!(admin.call(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).unwrap(), "1");
        let lost = until_state(&client, |state| matches!(state, steadfast::LinkState::Backoff { .. })).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!client.state().borrow().is_ready(), "the server was not full: {lost:?}");
        assert_eq!(admin.call(&["CONFIG", "SET", "maxclients", "1000"]).unwrap(), "OK");
        load.gets_on_by(50).await;
        healed(&client, &server).await;
        load.end().await.holds(&[&server]).only_unknown_writes();
    });
}

#[test]
fn a_server_without_memory_refuses_writes_and_runs_none_of_them() {
    everywhere(async |place| {
        let server = place.start();
        let client = connected(place.config(&server)).await;
        client.set("untouched", "as it was").await.unwrap();
        let load = Load::start(&client, DEADLINE);
        load.gets_on_by(50).await;
        assert_eq!(server.raw(&["CONFIG", "SET", "maxmemory", "1"]), "OK");
        let error = client.set("untouched", "changed").await.unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Server, Fate::Refused), "{error}");
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert_eq!(client.get::<String>("untouched").await.unwrap().as_deref(), Some("as it was"));
        assert_eq!(server.raw(&["CONFIG", "SET", "maxmemory", "0"]), "OK");
        load.gets_on_by(50).await;
        healed(&client, &server).await;
        let report = load.end().await;
        report.holds(&[&server]).every_failure(|failure| {
            let is_oom = failure.error.server().is_some_and(|error| error.code() == "OOM");
            failure.asked == Asked::Write && failure.error.fate() == Fate::Refused && is_oom
        });
        tell(&format!("{} writes were refused", report.failures.len()));
        assert!(report.failures.len() > 50);
    });
}
