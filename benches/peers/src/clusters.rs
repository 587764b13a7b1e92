//! `peers cluster`: GET on a cluster by every client, and what a node and a slot cost.

use std::{
    fmt::Write,
    hint::black_box,
    time::{Duration, Instant},
};

use steadfast::Slot;

use crate::{
    NODES, Options, allocations, child,
    clients::{
        Deployment, Peer,
        clustered::{ClusterClient, ClusterSite, Subscriptions},
        with_cluster_client,
    },
    cluster::Cluster,
    measure::{Figures, runtime},
    own::resident,
    server,
    table::{self, Cells, Medians, count, describe, time},
    work::{KEYS, Work, key},
};

pub(crate) fn all(options: &Options) -> Result<(), String> {
    match options.words.get(1).map(String::as_str) {
        None => {}
        Some("memory") => return memory_of_one(options),
        Some("slots") => return slots(options),
        Some(_) => return Err("cluster, or cluster slots".to_owned()),
    }
    let mut options = Options { deployment: Deployment::Cluster, ..options.clone() };
    options.clients.retain(|&peer| peer != Peer::Floor);
    options.works.retain(|&work| Peer::Steadfast.supports(work, Deployment::Cluster));
    if !options.quick {
        options.seconds.get_or_insert(SECONDS);
    }
    speed(&options)?;
    memory(&options)?;
    let arguments = ["cluster", "slots", "--client-core", &options.client_core.to_string()].map(str::to_owned);
    println!("{}", child::run(&arguments, Duration::from_secs(30)).map_err(|trouble| trouble.to_string())?);
    Ok(())
}

/// Every client on the cluster and, in turn with them, `steadfast` on one server.
fn speed(options: &Options) -> Result<(), String> {
    let cluster = crate::start_cluster(options)?;
    let server = crate::start_server(options)?;
    let alone = Options { deployment: Deployment::Server, ..options.clone() };
    let (mut cells, mut cells_alone) = (Cells::new(), Cells::new());
    let mut waited = Vec::new();
    for round in 1..=options.rounds {
        for &work in &options.works {
            let mut run = |options: &Options, cells: &mut Cells, port, peer: Peer| {
                let place = if options.deployment == Deployment::Cluster { "cluster" } else { "one server" };
                match table::run_child(options, port, peer, work) {
                    Ok(figures) => {
                        eprintln!("round {round}, {place}: {}", describe(peer, work, &figures));
                        waited.push(figures.waited * 100.0);
                        cells.entry((peer.name(), work.name())).or_default().push(figures);
                    }
                    Err(why) => eprintln!("round {round}, {place}: {} {} FAILED: {why}", peer.name(), work.name()),
                }
            };
            for &peer in &options.clients {
                run(options, &mut cells, cluster.seed(), peer);
            }
            run(&alone, &mut cells_alone, server.port, Peer::Steadfast);
        }
    }
    let (medians, medians_alone) = (Medians::of(&cells), Medians::of(&cells_alone));
    println!(
        "## A cluster of {NODES} primaries on one core (medians of {}, runtime {})\n",
        options.rounds,
        options.runtime.name()
    );
    for &work in &options.works {
        println!("{}", medians.table(options, work));
    }
    println!("{}", compare(options, &medians, &medians_alone));
    waited.sort_by(f64::total_cmp);
    let (middle, most) = (waited.get(waited.len() / 2).copied(), waited.last().copied());
    println!(
        "Waiting for a core, share of a run: client {:.1} % (at most {:.1} %).\n",
        middle.unwrap_or(f64::NAN),
        most.unwrap_or(f64::NAN)
    );
    Ok(())
}

/// `steadfast` on the cluster beside itself on one server, and beside the best of the others on the cluster.
fn compare(options: &Options, medians: &Medians, alone: &Medians) -> String {
    let mut out = "### steadfast\n\n| | cluster | one server | cluster / one server | best peer, cluster | \
                   steadfast / best peer |\n|---|---|---|---|---|---|\n"
        .to_owned();
    for &work in &options.works {
        let measures: &[Measure] = if work == Work::Allocations { &[ALLOCATIONS] } else { &SPEED };
        for measure in measures {
            let best = medians.best(options, work, |figures| measure.sign * (measure.field)(figures));
            let best = best.map(|best| best * measure.sign);
            let [ours, alone] = [medians, alone].map(|all| all.get(Peer::Steadfast, work).map(measure.field));
            let over = |other: Option<f64>| match (ours, other) {
                (Some(ours), Some(other)) => format!("{:.2}", ours / other),
                _ => "-".to_owned(),
            };
            let show = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), measure.show);
            let _ = writeln!(
                out,
                "| {}: {} | {} | {} | {} | {} | {} |",
                work.title(),
                measure.name,
                show(ours),
                show(alone),
                over(alone),
                show(best),
                over(best)
            );
        }
    }
    out
}

struct Measure {
    name: &'static str,
    field: fn(&Figures) -> f64,
    show: fn(f64) -> String,
    /// -1 where more is better.
    sign: f64,
}

const SPEED: [Measure; 3] = [
    Measure { name: "user", field: |figures| figures.user_ns, show: time, sign: 1.0 },
    Measure { name: "user + system", field: |figures| figures.user_ns + figures.system_ns, show: time, sign: 1.0 },
    Measure { name: "ops/s", field: |figures| figures.ops_per_second, show: count, sign: -1.0 },
];
const ALLOCATIONS: Measure =
    Measure { name: "count", field: |figures| figures.allocations, show: |n| format!("{n:.2}"), sign: 1.0 };

/// What a client takes up with few nodes and with many, all of them in use.
fn memory(options: &Options) -> Result<(), String> {
    let mut taken: Vec<Vec<(f64, f64)>> = Vec::new();
    for nodes in [NODES, MANY_NODES] {
        let cluster = Cluster::start(nodes, options.server_core).map_err(|error| error.to_string())?;
        cluster.seed_keys().map_err(|error| error.to_string())?;
        let of_peer = |&peer: &Peer| middle_of_memory(options, cluster.seed(), peer);
        taken.push(options.clients.iter().map(of_peer).collect::<Result<_, String>>()?);
    }
    println!(
        "### Memory of a node ({MANY_NODES} nodes less {NODES}, divided; a GET of every key before, one at a time)\n"
    );
    println!("| client | heap | resident |\n|---|---|---|");
    for ((peer, few), many) in options.clients.iter().zip(&taken[0]).zip(&taken[1]) {
        let per_node = |few: f64, many: f64| (many - few) / (MANY_NODES - NODES) as f64 / 1024.0;
        println!("| {} | {:.1} KiB | {:.0} KiB |", peer.title(), per_node(few.0, many.0), per_node(few.1, many.1));
    }
    println!();
    Ok(())
}

/// What is resident differs by some pages from run to run.
fn middle_of_memory(options: &Options, port: u16, peer: Peer) -> Result<(f64, f64), String> {
    let runs = (0..options.rounds.max(1)).map(|_| memory_in_child(options, port, peer));
    let (mut heap, mut resident): (Vec<f64>, Vec<f64>) = runs.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    let middle = |values: &mut Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let (heap, resident) = (middle(&mut heap), middle(&mut resident));
    eprintln!("{}: {:.0} KiB on the heap, {:.0} KiB resident", peer.name(), heap / 1024.0, resident / 1024.0);
    Ok((heap, resident))
}

/// Heap and resident memory, in bytes.
fn memory_in_child(options: &Options, port: u16, peer: Peer) -> Result<(f64, f64), String> {
    let mut arguments = ["cluster", "memory", peer.name()].map(str::to_owned).to_vec();
    arguments.extend(options.for_child(port));
    let output = child::run(&arguments, Duration::from_secs(60));
    let output = output.map_err(|trouble| format!("{}: {trouble}", peer.name()))?;
    let words: Vec<f64> = output.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let &[heap, resident] = &words[..] else { return Err(format!("no figures: {output}")) };
    Ok((heap, resident))
}

/// `cluster memory <client> --port P`: in this process.
fn memory_of_one(options: &Options) -> Result<(), String> {
    let (Some(name), Some(port)) = (options.words.get(2), options.port) else {
        return Err("cluster memory <client> --port P".to_owned());
    };
    let peer = Peer::from_name(name).ok_or_else(|| format!("no client called {name}"))?;
    let (heap, resident) = with_cluster_client!(peer, taken_up(options, port))?;
    println!("{heap} {resident}");
    Ok(())
}

fn taken_up<C: ClusterClient>(options: &Options, port: u16) -> Result<(i64, usize), String> {
    runtime(options.runtime).block_on(async {
        allocations::start();
        let site = ClusterSite { seed: port, limit: None, subscriptions: Subscriptions::Unused };
        let mut client = C::connect(site).await?;
        for number in 0..KEYS {
            let value = client.get(&key(number)).await.map_err(|failure| failure.words)?;
            value.ok_or("a key is missing")?;
        }
        Ok((allocations::live(), resident()))
    })
}

/// What it costs to find the slot of a key.
fn slots(options: &Options) -> Result<(), String> {
    server::pin_to(options.client_core).map_err(|error| error.to_string())?;
    let length = Duration::from_millis(if options.quick { 50 } else { 500 });
    let keys = [("16 bytes", SHORT), ("64 bytes", LONG), ("with a tag", "{user1000}.following")];
    println!(
        "### The slot of a key, ns (best slice of 5 ms)\n\n| key | `steadfast::Slot::of` | `redis_protocol::redis_keyslot` (fred) |\n|---|---|---|"
    );
    for (title, key) in keys {
        assert_eq!(Slot::of(key.as_bytes()).number(), redis_protocol::redis_keyslot(key.as_bytes()));
        println!(
            "| {title} | {:.1} | {:.1} |",
            best_of_slices(length, || Slot::of(black_box(key.as_bytes())).number()),
            best_of_slices(length, || redis_protocol::redis_keyslot(black_box(key.as_bytes())))
        );
    }
    Ok(())
}

/// Nanoseconds of a call, in the best of many short slices.
fn best_of_slices(length: Duration, call: impl Fn() -> u16) -> f64 {
    const BLOCK: u32 = 1000;
    let end = Instant::now() + length;
    let mut best = f64::INFINITY;
    while Instant::now() < end {
        let begin = Instant::now();
        let mut calls = 0;
        while begin.elapsed() < SLICE {
            for _ in 0..BLOCK {
                black_box(call());
            }
            calls += BLOCK;
        }
        best = best.min(begin.elapsed().as_nanos() as f64 / f64::from(calls));
    }
    best
}

const SLICE: Duration = Duration::from_millis(5);
const SHORT: &str = "user:00000000017";
const LONG: &str = "tenant:00000042:user:00000000000017:session:00000000000000000001";
/// Of a throughput phase, so that all clients are done in three minutes.
const SECONDS: f64 = 2.0;
const MANY_NODES: usize = 30;
