//! How late calls end that nobody answers: their deadline against the moment at which their callers are told.
//!
//! `cargo bench --bench deadlines --features testing` prints quantiles for a peer that swallows everything (a black hole,
//! no FIN and no RST), for a server that is idle otherwise. The machine should be quiet.

use std::future::IntoFuture;
use std::time::{Duration, Instant};

use steadfast::api::Strings;
use steadfast::testing::{Direction, FakeServer, FaultProxy};
use steadfast::{Client, Config};

fn main() {
    let smoke = std::env::var_os("STEADFAST_BENCH_SMOKE").is_some() || !std::env::args().any(|word| word == "--bench");
    let calls = if smoke { 4 } else { 400 };
    for (name, threads) in [("current thread", 0), ("two threads", 2)] {
        let mut builder = match threads {
            0 => tokio::runtime::Builder::new_current_thread(),
            threads => {
                let mut builder = tokio::runtime::Builder::new_multi_thread();
                builder.worker_threads(threads);
                builder
            }
        };
        let runtime = builder.enable_all().build().expect("a runtime");
        for tasks in [1, 64] {
            let mut late = runtime.block_on(measure(tasks, calls));
            late.sort_unstable();
            let at = |share: f64| late[((late.len() - 1) as f64 * share) as usize];
            println!(
                "{name}, {tasks:>2} tasks, {} calls: late by p50 {:?}, p99 {:?}, p99.9 {:?}, at most {:?}",
                late.len(),
                at(0.5),
                at(0.99),
                at(0.999),
                at(1.0)
            );
        }
    }
}

/// How late each of `calls` calls of each of `tasks` tasks ends.
async fn measure(tasks: usize, calls: usize) -> Vec<Duration> {
    let server = FakeServer::start().await.expect("a server");
    let proxy = FaultProxy::start(server.address()).await.expect("a proxy");
    let config = Config::tcp("127.0.0.1", proxy.port()).without_heartbeat().without_silence_limit();
    let client = Client::connect(config).await.expect("a connection");
    proxy.all().black_hole(Direction::Both);
    let mut running = tokio::task::JoinSet::new();
    for task in 0..tasks {
        let client = client.clone();
        running.spawn(async move {
            let mut late = Vec::with_capacity(calls);
            for call in 0..calls {
                // They differ, so that not all end in one moment.
                let within = Duration::from_micros(10_000 + ((task * 7919 + call * 104_729) % 20_000) as u64);
                let begin = Instant::now();
                let outcome = client.get::<String>("key").deadline(within).into_future().await;
                assert!(outcome.is_err_and(|error| error.is_timeout()), "nobody answers");
                late.push(begin.elapsed().saturating_sub(within));
            }
            late
        });
    }
    running.join_all().await.into_iter().flatten().collect()
}
