//! `peers faults`: what callers see when connections are cut, servers go away and peers stay silent.

use std::thread;

use crate::{
    Options,
    child::{self, Trouble},
    clients::{Peer, clustered::ClusterClient, fault_client::FaultClient, with_cluster_client, with_fault_client},
    measure::{self, RuntimeKind},
    server::Server,
};

mod black_hole;
mod cluster_load;
mod clusters;
mod cuts;
mod fault;
mod handshakes;
mod ledger;
mod load;
mod network;
mod outages;
mod report;
mod transfer;

use fault::{Fault, Pace};
pub(crate) use network::{Network, SERVER};
use report::Cell;

/// Every client at every fault, each in a fresh process, as Markdown.
///
/// # Errors
/// If a run fails. A client that hangs is a result.
pub(crate) fn all(options: &Options) -> Result<(), String> {
    let faults = chosen(options)?;
    let peers: Vec<Peer> = options.clients.iter().copied().filter(|&peer| peer != Peer::Floor).collect();
    let pace = pace(options);
    let mut failed = 0;
    print!("| fault |");
    peers.iter().for_each(|peer| print!(" {} |", peer.title()));
    println!("\n|---|{}", "---|".repeat(peers.len()));
    for fault in faults {
        print!("| {} |", fault.title(pace));
        for result in row(options, fault, &peers) {
            failed += usize::from(matches!(result, Err(Trouble::Failed { .. })));
            print!(" {} |", result.unwrap_or_else(|trouble| trouble.to_string()).replace('|', "/"));
        }
        println!();
    }
    if failed == 0 { Ok(()) } else { Err(format!("{failed} runs failed")) }
}

/// `--faults a,b`, or all.
fn chosen(options: &Options) -> Result<Vec<Fault>, String> {
    if options.faults.is_empty() {
        return Ok(Fault::ALL.to_vec());
    }
    let find = |name: &String| Fault::from_name(name).ok_or_else(|| format!("no fault called {name}"));
    options.faults.iter().map(find).collect()
}

fn row(options: &Options, fault: Fault, peers: &[Peer]) -> Vec<Result<String, Trouble>> {
    if pace(options) == Pace::Full && !fault.only_waits() {
        return peers.iter().map(|&peer| run_child(options, peer, fault)).collect();
    }
    thread::scope(|scope| {
        let runs: Vec<_> = peers.iter().map(|&peer| scope.spawn(move || run_child(options, peer, fault))).collect();
        let panicked = |_| Err(Trouble::Failed { why: "panicked".to_owned() });
        runs.into_iter().map(|run| run.join().unwrap_or_else(panicked)).collect()
    })
}

fn run_child(options: &Options, peer: Peer, fault: Fault) -> Result<String, Trouble> {
    let mut arguments = vec!["fault".to_owned(), peer.name().to_owned(), fault.name().to_owned()];
    arguments.extend(["--server-core".to_owned(), options.server_core.to_string()]);
    if options.quick {
        arguments.push("--quick".to_owned());
    }
    child::run(&arguments, pace(options).bound()).map(|words| words.trim().to_owned())
}

/// `fault <client> <fault>`: in this process, on a server of its own.
pub(crate) fn run_one(options: &Options) -> Result<(), String> {
    let [_, client, fault] = &options.words[..] else { return Err("fault <client> <fault>".into()) };
    let peer = Peer::from_name(client).ok_or_else(|| format!("no client called {client}"))?;
    let fault = Fault::from_name(fault).ok_or_else(|| format!("no fault called {fault}"))?;
    if fault == Fault::Hole {
        // Here, because it is possible as long as there is one thread.
        if let Err(error) = Network::enter() {
            println!("- (no network namespaces here: {error})");
            return Ok(());
        }
    }
    rustls::crypto::ring::default_provider().install_default().map_err(|_| "a provider is there already")?;
    let stage = Stage { server_core: options.server_core, pace: pace(options) };
    // The main thread starts servers and waits for them, the worker runs the client.
    let runtime = measure::runtime(RuntimeKind::OneWorker);
    let cell = if fault.is_of_clusters() {
        with_cluster_client!(peer, run_clustered(&runtime, &stage, fault))?
    } else {
        with_fault_client!(peer, run(&runtime, &stage, fault))?
    };
    println!("{}", cell.words);
    tell_errors(peer, fault, &cell);
    Ok(())
}

/// On stderr, what was said most often first.
fn tell_errors(peer: Peer, fault: Fault, cell: &Cell) {
    let mut errors: Vec<(&String, &u64)> = cell.errors.iter().collect();
    errors.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (message, count) in errors.iter().take(MESSAGES) {
        eprintln!("{} {}: {count} x {message}", peer.name(), fault.name());
    }
    if errors.len() > MESSAGES {
        eprintln!("{} {}: and {} other messages", peer.name(), fault.name(), errors.len() - MESSAGES);
    }
}

/// Shown of one run.
const MESSAGES: usize = 8;

fn pace(options: &Options) -> Pace {
    if options.quick { Pace::Quick } else { Pace::Full }
}

/// What all faults need.
struct Stage {
    server_core: usize,
    pace: Pace,
}

impl Stage {
    fn server(&self) -> Result<Server, String> {
        let server = Server::start(self.server_core).map_err(|error| error.to_string())?;
        server.seed().map_err(|error| error.to_string())?;
        Ok(server)
    }
}

fn run<C: FaultClient>(runtime: &tokio::runtime::Runtime, stage: &Stage, fault: Fault) -> Result<Cell, String> {
    runtime.block_on(async {
        match fault {
            Fault::IdleCut => cuts::idle::<C>(stage).await,
            Fault::CutGet => cuts::under_get::<C>(stage).await,
            Fault::CutIncr => cuts::under_incr::<C>(stage).await,
            Fault::Restart => outages::restart::<C>(stage).await,
            Fault::Stop => outages::stopped::<C>(stage).await,
            Fault::Hole => outages::hole::<C>(stage).await,
            Fault::TlsSilence => handshakes::tls_silence::<C>(stage).await,
            Fault::Password => handshakes::password::<C>(stage).await,
            Fault::HalfDuplex => transfer::half_duplex::<C>(stage).await,
            _ => Err("a row of clusters".to_owned()),
        }
    })
}

fn run_clustered<C: ClusterClient>(
    runtime: &tokio::runtime::Runtime,
    stage: &Stage,
    fault: Fault,
) -> Result<Cell, String> {
    runtime.block_on(async {
        match fault {
            Fault::ClusterUnreachable => clusters::unreachable::<C>(stage).await,
            Fault::ClusterStop => clusters::one_stopped::<C>(stage).await,
            Fault::ClusterAsk => clusters::asking::<C>(stage).await,
            Fault::ClusterSunsubscribe => clusters::sunsubscribed::<C>(stage).await,
            Fault::ClusterMset => clusters::mset::<C>(stage).await,
            _ => Err("a row of one server".to_owned()),
        }
    })
}
