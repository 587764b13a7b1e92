//! Idle connections that someone cuts: the next call succeeds, and soon.
#![cfg(all(unix, feature = "tls"))]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod faults;
mod live;
mod support;

use std::time::{Duration, Instant};

use steadfast::Client;
use steadfast::api::Strings;
use steadfast::testing::Cut;

use faults::{Place, everywhere, everywhere_on_one_thread, healed, tell, tireless};
use live::connected;
use support::{HaProxy, Server, undisturbed};

#[test]
fn a_connection_that_is_cut_while_idle_costs_the_next_call_a_moment() {
    everywhere(async |place| {
        let server = place.start();
        let proxy = place.proxy(&server).await;
        let client = connected(tireless(place.config_at(proxy.port()))).await;
        for cut in [Cut::Fin, Cut::Rst] {
            let mut times = Vec::new();
            for round in 0..ROUNDS {
                tokio::time::sleep(Duration::from_millis(20)).await;
                // Every other time the call comes before anyone can have noticed.
                let pause = if round % 2 == 0 { Duration::ZERO } else { Duration::from_millis(30) };
                assert_eq!(undisturbed(|| proxy.cut(cut)), 1);
                tokio::time::sleep(pause).await;
                times.push(next_call(&client).await);
            }
            soon(&format!("{cut:?} by a proxy"), times);
        }
        assert_eq!(server.raw(&["GET", "n"]), (2 * ROUNDS).to_string());
        healed(&client, &server).await;
    });
}

#[test]
fn a_cut_of_which_the_runtime_has_not_told_yet_costs_the_next_call_nothing() {
    everywhere_on_one_thread(async |place| {
        let server = place.start();
        let proxy = place.proxy(&server).await;
        let client = connected(tireless(place.config_at(proxy.port()))).await;
        for number in 1..=100 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let cut = if number % 2 == 0 { Cut::Fin } else { Cut::Rst };
            assert_eq!(undisturbed(|| proxy.cut(cut)), 1);
            assert_eq!(client.incr("n").await.unwrap(), number);
        }
        healed(&client, &server).await;
    });
}

#[test]
fn a_haproxy_that_cuts_idle_connections_costs_the_next_call_a_moment() {
    everywhere(async |place| {
        let server = place.start();
        for side in ["client", "server"] {
            let proxy = HaProxy::start(&cutting(place, &server, side));
            let client = connected(tireless(place.config_at(proxy.address("front").port()))).await;
            let mut times = Vec::new();
            for _ in 0..3 {
                times.push(next_call(&client).await);
                // Well behind the cut: what is sent in the moment of the cut may be lost with it.
                tokio::time::sleep(Duration::from_millis(650)).await;
            }
            soon(&format!("HAProxy's timeout {side}"), times);
            healed(&client, &server).await;
        }
        assert_eq!(server.raw(&["GET", "n"]), "6");
    });
}

/// HAProxy with a short patience for one side.
fn cutting(place: Place, server: &Server, side: &str) -> String {
    let other = if side == "client" { "server" } else { "client" };
    format!(
        "defaults\n    mode tcp\n    timeout connect 5s\n    timeout {side} 400ms\n    timeout {other} 60s\n         listen front\n    bind 127.0.0.1:{{front}}\n    server only 127.0.0.1:{}\n",
        place.port(server)
    )
}

#[test]
fn a_server_that_cuts_idle_connections_costs_the_next_call_a_moment() {
    everywhere(async |place| {
        let server = place.build().config("timeout 1").start();
        // Without a heartbeat, which would keep the connection from being idle.
        let client = connected(tireless(place.config(&server)).without_heartbeat()).await;
        let mut events = client.events();
        let mut times = Vec::new();
        for _ in 0..2 {
            times.push(next_call(&client).await);
            match live::within(live::PATIENCE, events.next()).await {
                Some(steadfast::Event::Disconnected { in_flight: 0, .. }) => {}
                other => panic!("{other:?} instead of the cut"),
            }
            times.push(next_call(&client).await);
            match live::within(live::PATIENCE, events.next()).await {
                Some(steadfast::Event::Connected(_)) => {}
                other => panic!("{other:?} instead of the new connection"),
            }
        }
        soon("the server's timeout", times);
        assert_eq!(server.raw(&["GET", "n"]), "4");
        healed(&client, &server).await;
    });
}

/// How long a call takes, which must succeed.
async fn next_call(client: &Client) -> Duration {
    let begin = Instant::now();
    client.incr("n").await.unwrap();
    begin.elapsed()
}

/// The middle one of the times is short. A single one may be anything on a machine that does much else.
fn soon(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let (median, slowest) = (times[times.len() / 2], times[times.len() - 1]);
    tell(&format!("{what}: the next call took {median:.1?}, at most {slowest:.1?}"));
    assert!(median < Duration::from_millis(500), "{median:?}");
}

const ROUNDS: usize = 10;
