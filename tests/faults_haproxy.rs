//! A load balancer that loses its servers, or takes another one.
#![cfg(all(unix, feature = "tls"))]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod faults;
mod live;
mod support;

use std::time::Duration;

use faults::{DEADLINE, Load, Place, everywhere, healed};
use live::{connected, until, until_state};
use support::{HaProxy, Server};

/// A HAProxy that sends everything to the first of these servers that it may use.
fn before(place: Place, servers: &[&Server]) -> HaProxy {
    let mut config = "defaults\n    mode tcp\n    timeout connect 500ms\n    timeout client 60s\n    timeout server 60s\n             timeout queue 200ms\nlisten front\n    bind 127.0.0.1:{front}\n    balance first\n"
        .to_owned();
    for (number, server) in servers.iter().enumerate() {
        config.push_str(&format!("    server s{number} 127.0.0.1:{}\n", place.port(server)));
    }
    HaProxy::start(&config)
}

/// Takes a server out, with the connections that lead to it.
fn take_out(proxy: &HaProxy, number: usize) {
    proxy.admin(&format!("set server front/s{number} state maint"));
    proxy.admin(&format!("shutdown sessions server front/s{number}"));
}

fn take_in(proxy: &HaProxy, number: usize) {
    proxy.admin(&format!("set server front/s{number} state ready"));
}

#[test]
fn a_load_balancer_without_a_server_for_a_while_fails_no_read_and_doubles_no_write() {
    everywhere(async |place| {
        let server = place.start();
        let proxy = before(place, &[&server]);
        let client = connected(place.config_at(proxy.address("front").port())).await;
        let load = Load::start(&client, Duration::from_secs(6));
        load.gets_on_by(50).await;
        take_out(&proxy, 0);
        until_state(&client, |state| !state.is_ready()).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        take_in(&proxy, 0);
        load.gets_on_by(50).await;
        healed(&client, &server).await;
        load.end().await.holds(&[&server]).only_unknown_writes();
    });
}

#[test]
fn a_load_balancer_without_a_server_ends_calls_at_their_deadline_and_heals() {
    everywhere(async |place| {
        let server = place.start();
        let proxy = before(place, &[&server]);
        let client = connected(place.config_at(proxy.address("front").port())).await;
        let load = Load::start(&client, Duration::from_millis(500));
        load.gets_on_by(50).await;
        take_out(&proxy, 0);
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        take_in(&proxy, 0);
        load.gets_on_by(50).await;
        healed(&client, &server).await;
        let report = load.end().await;
        report.holds(&[&server]);
        // Nothing reaches a load balancer that has nobody behind it.
        report.some_failure(|failure| failure.error.is_timeout() && failure.error.fate() == steadfast::Fate::NotSent);
        report.every_failure(|failure| failure.error.is_timeout() || failure.error.fate() == steadfast::Fate::Unknown);
    });
}

#[test]
fn a_load_balancer_that_changes_servers_fails_no_read_and_doubles_no_write() {
    everywhere(async |place| {
        let servers = [place.start(), place.start()];
        let proxy = before(place, &[&servers[0], &servers[1]]);
        let client = connected(place.config_at(proxy.address("front").port())).await;
        let load = Load::start_on_several_servers(&client, DEADLINE);
        for round in 0..6 {
            load.gets_on_by(50).await;
            let (from, to) = (round % 2, (round + 1) % 2);
            take_in(&proxy, to);
            take_out(&proxy, from);
            until(async || live::clients_of(&servers[from]).is_empty()).await;
        }
        load.gets_on_by(50).await;
        healed(&client, &servers[0]).await;
        load.end().await.holds(&[&servers[0], &servers[1]]).only_unknown_writes();
    });
}

#[test]
fn a_server_that_dies_behind_a_load_balancer_is_replaced_by_the_next_one() {
    everywhere(async |place| {
        let mut first = place.build().config("appendonly yes").config("appendfsync no").start();
        let second = place.start();
        let proxy = before(place, &[&first, &second]);
        let client = connected(place.config_at(proxy.address("front").port())).await;
        let load = Load::start_on_several_servers(&client, DEADLINE);
        load.gets_on_by(50).await;
        first.kill9();
        // It would find out by itself if it made health checks.
        take_out(&proxy, 0);
        load.gets_on_by(50).await;
        healed(&client, &second).await;
        first.restart();
        load.end().await.holds(&[&first, &second]).only_unknown_writes();
    });
}
