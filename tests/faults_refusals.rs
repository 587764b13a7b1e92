//! What a server refuses for the time being is tried again: while it loads, has lost its primary, or is a replica.
#![cfg(all(unix, feature = "tls"))]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod faults;
mod live;
mod support;

use std::time::{Duration, Instant};

use steadfast::api::{Connection, Strings};
use steadfast::{Fate, OnRefusal};

use faults::{Asked, Failure, Load, Place, everywhere, healed, tell};
use live::{PATIENCE, connected, until, within};
use support::Server;

/// Long enough for everything here.
const LONG: Duration = Duration::from_secs(8);

/// A server that takes about two seconds to read its data.
fn slow_to_load(place: Place) -> Server {
    let server =
        place.build().config("enable-debug-command yes").config("loading-process-events-interval-bytes 1024").start();
    assert_eq!(server.raw(&["DEBUG", "POPULATE", "10000", "key", "100"]), "OK");
    assert_eq!(server.raw(&["CONFIG", "SET", "key-load-delay", "100"]), "OK");
    server
}

/// Lets the server read its data again. Returns when it does so.
async fn reload(server: &Server) -> support::Raw {
    let mut admin = server.connect();
    admin.send(&["DEBUG", "RELOAD"]).unwrap();
    until(async || server.raw(&["GET", "key:0"]).starts_with("-LOADING")).await;
    admin
}

#[test]
fn a_server_that_loads_its_data_fails_no_call() {
    everywhere(async |place| {
        let server = slow_to_load(place);
        let client = connected(place.config(&server)).await;
        let load = Load::start(&client, LONG);
        load.gets_on_by(50).await;
        let begin = Instant::now();
        let mut admin = reload(&server).await;
        assert_eq!(admin.reply().unwrap(), "OK");
        tell(&format!("it loaded for {:.1?}", begin.elapsed()));
        load.gets_on_by(50).await;
        healed(&client, &server).await;
        load.end().await.holds(&[&server]).without_errors();
    });
}

#[test]
fn a_server_that_loads_beyond_the_deadline_costs_each_call_its_deadline_and_runs_nothing() {
    everywhere(async |place| {
        let server = slow_to_load(place);
        let client = connected(place.config(&server)).await;
        let deadline = Duration::from_millis(400);
        let load = Load::start(&client, deadline);
        load.gets_on_by(50).await;
        let mut admin = reload(&server).await;
        assert_eq!(admin.reply().unwrap(), "OK");
        load.gets_on_by(50).await;
        healed(&client, &server).await;
        let report = load.end().await;
        report.holds(&[&server]).every_failure(|failure| failure.error.is_timeout() && failure.took >= deadline);
        // Those that came first were refused, and the others waited for the one that asks.
        report.some_failure(|failure| failure.asked == Asked::Write && failure.error.fate() != Fate::Unknown);
    });
}

#[test]
fn a_call_that_does_not_wait_is_told_at_once_that_the_server_loads() {
    everywhere(async |place| {
        let server = slow_to_load(place);
        let client = connected(place.config(&server).with_on_refusal(OnRefusal::FailFast)).await;
        let load = Load::start(&client, LONG);
        load.gets_on_by(50).await;
        let mut admin = reload(&server).await;
        assert_eq!(admin.reply().unwrap(), "OK");
        load.gets_on_by(50).await;
        healed(&client, &server).await;
        let report = load.end().await;
        report.holds(&[&server]).every_failure(refused_as("LOADING")).some_failure(refused_as("LOADING"));
    });
}

fn refused_as(code: &str) -> impl Fn(&Failure) -> bool {
    move |failure| {
        let is_it = failure.error.server().is_some_and(|error| error.code() == code);
        is_it && failure.error.fate() == Fate::Refused
    }
}

/// A primary, and a replica that has caught up with it.
async fn replicated(place: Place, replica: impl FnOnce() -> support::ServerBuilder) -> [Server; 2] {
    let primary = place.build().config("repl-ping-replica-period 1").start();
    let port = primary.port().to_string();
    let replica = replica().config(&format!("replicaof 127.0.0.1 {port}")).start();
    until(async || replica.raw(&["INFO", "replication"]).contains("master_link_status:up")).await;
    until(async || primary.raw(&["INFO", "replication"]).contains("state=online")).await;
    [primary, replica]
}

#[test]
fn a_replica_that_has_lost_its_primary_answers_once_it_has_found_it_again() {
    everywhere(async |place| {
        let stale = || place.build().config("replica-serve-stale-data no").config("repl-timeout 5");
        let [primary, replica] = replicated(place, stale).await;
        assert_eq!(primary.raw(&["SET", "key", "value"]), "OK");
        until(async || replica.raw(&["GET", "key"]) == "value").await;
        let client = connected(place.config(&replica)).await;
        assert_eq!(client.get::<String>("key").await.unwrap().as_deref(), Some("value"));
        primary.stop();
        assert_eq!(replica.raw(&["CLIENT", "KILL", "TYPE", "master"]), "1");
        until(async || replica.raw(&["GET", "key"]).starts_with("-MASTERDOWN")).await;

        let patient: Vec<_> = (0..32)
            .map(|_| {
                let client = client.with_deadline(PATIENCE);
                tokio::spawn(async move { client.get::<String>("key").await })
            })
            .collect();
        let short = client.get::<String>("key").deadline(Duration::from_millis(300)).await.unwrap_err();
        assert!(short.is_timeout() && short.fate().is_safe_to_retry(), "{short}");
        primary.cont();
        for call in patient {
            assert_eq!(within(PATIENCE, call).await.unwrap().unwrap().as_deref(), Some("value"));
        }
        healed(&client, &replica).await;
    });
}

#[test]
fn writes_wait_for_a_server_that_is_a_replica_for_a_while() {
    everywhere(async |place| {
        let [other, server] = [place.start(), place.start()];
        let client = connected(place.config(&server)).await;
        client.incr("before").await.unwrap();
        // It keeps its data as long as the other one does not answer.
        other.stop();
        assert_eq!(server.raw(&["REPLICAOF", "127.0.0.1", &other.port().to_string()]), "OK");
        let writes: Vec<_> = (0..32)
            .map(|_| {
                let client = client.with_deadline(PATIENCE);
                tokio::spawn(async move { client.incr("n").await })
            })
            .collect();
        let short = client.incr("never").deadline(Duration::from_millis(300)).await.unwrap_err();
        assert!(short.is_timeout() && short.fate().is_safe_to_retry(), "{short}");
        assert_eq!(client.get::<i64>("before").await.unwrap(), Some(1), "reads do not wait");
        assert_eq!(server.raw(&["REPLICAOF", "NO", "ONE"]), "OK");
        let mut numbers = Vec::new();
        for write in writes {
            numbers.push(within(PATIENCE, write).await.unwrap().unwrap());
        }
        numbers.sort_unstable();
        assert_eq!(numbers, Vec::from_iter(1..=32));
        assert_eq!(server.raw(&["EXISTS", "never"]), "0");
        client.ping().await.unwrap();
        healed(&client, &server).await;
    });
}

/// The address leads to the new primary, and the old one, a replica now, has cut nobody.
#[test]
fn a_failover_behind_the_same_address_loses_and_doubles_no_write() {
    everywhere(async |place| {
        let [old, new] = replicated(place, || place.build()).await;
        let proxy = place.proxy(&old).await;
        let client = connected(place.config_at(proxy.port())).await;
        let load = Load::start(&client, LONG);
        load.gets_on_by(50).await;
        proxy.set_upstream(("127.0.0.1", place.port(&new))).await.unwrap();
        let port = new.port().to_string();
        assert_eq!(old.raw(&["FAILOVER", "TO", "127.0.0.1", &port, "TIMEOUT", "5000"]), "OK");
        until(async || new.raw(&["ROLE"]).starts_with("master")).await;
        load.gets_on_by(50).await;
        healed(&client, &new).await;
        load.end().await.holds(&[&new]).only_unknown_writes();
    });
}

/// The old primary throws its clients out when it becomes a replica, as a sentinel makes it do.
#[test]
fn a_failover_that_cuts_its_clients_loses_and_doubles_no_write() {
    everywhere(async |place| {
        let [old, new] = replicated(place, || place.build()).await;
        let proxy = place.proxy(&old).await;
        let client = connected(place.config_at(proxy.port())).await;
        // Writes are held up while the servers change places, which may take seconds.
        let load = Load::start(&client, LONG);
        load.gets_on_by(50).await;
        let port = new.port().to_string();
        assert_eq!(old.raw(&["FAILOVER", "TO", "127.0.0.1", &port, "TIMEOUT", "5000"]), "OK");
        until(async || new.raw(&["ROLE"]).starts_with("master")).await;
        proxy.set_upstream(("127.0.0.1", place.port(&new))).await.unwrap();
        old.raw(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        load.gets_on_by(50).await;
        healed(&client, &new).await;
        load.end().await.holds(&[&new]).only_unknown_writes();
    });
}
