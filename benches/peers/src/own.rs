//! `peers own`: what connections of their own cost those who have none, and what a subscription takes up. `steadfast` alone:
//! other clients leave pools and queues to their users.

use std::time::{Duration, Instant};

use bytes::Bytes;
use steadfast::api::{Lists, Strings};
use steadfast::{Client, Config};

use crate::{
    Options, child,
    measure::{quantile, runtime},
    server::{self, Server},
    work::key,
};

/// Both figures, each from a process of its own: what one has freed would be used again by the other.
pub(crate) fn all(options: &Options) -> Result<(), String> {
    if let Some(part) = options.words.get(1) {
        return one(options, part);
    }
    let seconds = options.plan().throughput.as_secs_f64().to_string();
    for part in ["blocked", "subscriptions"] {
        let arguments = ["own", part, "--seconds", &seconds].map(str::to_owned);
        print!("{}", child::run(&arguments, Duration::from_secs(300)).map_err(|trouble| trouble.to_string())?);
    }
    Ok(())
}

fn one(options: &Options, part: &str) -> Result<(), String> {
    let server = crate::start_server(options)?;
    server::pin_to(options.client_core).map_err(|error| error.to_string())?;
    let figures = runtime(options.runtime).block_on(async {
        match part {
            "blocked" => Some(blocked(options, &server).await),
            "subscriptions" => Some(subscriptions(&server).await),
            _ => None,
        }
    });
    println!("{}", figures.ok_or("own blocked, or own subscriptions")?);
    Ok(())
}

/// GETs of one task, in turns without and with callers that wait on the server.
async fn blocked(options: &Options, server: &Server) -> String {
    let config = Config::tcp("127.0.0.1", server.port).with_max_blocking(CALLERS);
    let client = Client::connect(config).await.expect("connect");
    let turn = options.plan().throughput / 4;
    let (mut without, mut with) = (Vec::new(), Vec::new());
    let mut memory = Vec::new();
    for _ in 0..options.rounds.max(3) {
        gets(&client, turn / 4).await;
        without.extend(gets(&client, turn).await);
        let before = resident();
        let callers: Vec<_> = (0..CALLERS)
            .map(|number| {
                let client = client.clone();
                tokio::spawn(async move {
                    let popped = client.blpop::<String, Bytes>(format!("queue:{number}"), Duration::ZERO).await;
                    popped.expect("an element").is_some()
                })
            })
            .collect();
        wait_for(server, "blocked_clients", CALLERS).await;
        memory.push(resident().saturating_sub(before) / CALLERS);
        gets(&client, turn / 4).await;
        with.extend(gets(&client, turn).await);
        for number in 0..CALLERS {
            client.rpush(format!("queue:{number}"), "x").await.expect("RPUSH answered");
        }
        for caller in callers {
            assert!(caller.await.expect("a caller that does not panic"));
        }
    }
    without.sort_unstable();
    with.sort_unstable();
    let us = |times: &[u32], at: f64| quantile(times, at) / 1e3;
    format!(
        "GET, 1 task: p50 {:.1} us and p99 {:.1} us without others, {:.1} and {:.1} us beside {CALLERS} blocked callers, \
         {:.1} KiB of memory each",
        us(&without, 0.5),
        us(&without, 0.99),
        us(&with, 0.5),
        us(&with, 0.99),
        memory.first().copied().unwrap_or_default() as f64 / 1024.0
    )
}

async fn gets(client: &Client, length: Duration) -> Vec<u32> {
    let (end, key) = (Instant::now() + length, key(0));
    let mut times = Vec::new();
    while Instant::now() < end {
        let begin = Instant::now();
        let value: Option<Bytes> = client.get(&key).await.expect("GET answered");
        assert!(value.is_some());
        times.push(u32::try_from(begin.elapsed().as_nanos()).unwrap_or(u32::MAX));
    }
    times
}

async fn wait_for(server: &Server, field: &str, count: usize) {
    let wanted = format!("{field}:{count}");
    let limit = Instant::now() + Duration::from_secs(20);
    loop {
        let info = server.answer(&[b"INFO", b"clients"]).expect("INFO answered");
        if info.lines().any(|line| line.trim() == wanted) {
            return;
        }
        assert!(Instant::now() < limit, "not {wanted}: {info}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What a subscription takes up, with a channel of its own and with one that all share.
async fn subscriptions(server: &Server) -> String {
    let client = Client::connect(Config::tcp("127.0.0.1", server.port)).await.expect("connect");
    let first = client.subscribe("first").await.expect("subscribed");
    let mut figures = Vec::new();
    let mut held = Vec::with_capacity(2 * SUBSCRIPTIONS);
    for is_shared in [false, true] {
        let before = resident();
        for number in 0..SUBSCRIPTIONS {
            let channel = if is_shared { "all".to_owned() } else { format!("channel:{number}") };
            held.push(client.subscribe(channel).await.expect("subscribed"));
        }
        figures.push(resident().saturating_sub(before) / SUBSCRIPTIONS);
    }
    drop((first, held));
    let [own, shared] = figures[..] else { return String::new() };
    format!("{SUBSCRIPTIONS} subscriptions: {own} bytes each with a channel of its own, {shared} with one for all")
}

/// What the process has in memory, in bytes.
pub(crate) fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    let kilobytes: usize = line.trim().trim_end_matches("kB").trim().parse().expect("a number");
    kilobytes * 1024
}

const CALLERS: usize = 1000;
const SUBSCRIPTIONS: usize = 10_000;
