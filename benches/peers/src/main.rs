//! What other Redis clients reach and what `steadfast` reaches, side by side on a real server. See README.md.

use std::{env, process::ExitCode, time::Duration};

mod allocations;
mod child;
mod clients;
mod cluster;
mod clusters;
mod decode;
mod faults;
mod measure;
mod messages;
mod own;
mod proxy;
mod quiet;
mod server;
mod table;
mod work;

use clients::{Deployment, Peer};
use cluster::Cluster;
use measure::{Plan, RuntimeKind};
use server::Server;
use work::Work;

#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let result = Options::parse(&arguments).and_then(|options| match options.words.first().map(String::as_str) {
        Some("all") => table::all(&options),
        Some("run") => run_one(&options),
        Some("decode") => {
            server::pin_to(options.client_core).map_err(|error| error.to_string())?;
            decode::all(options.quick);
            Ok(())
        }
        Some("faults") => faults::all(&options),
        Some("fault") => faults::run_one(&options),
        Some("messages") => messages::all(&options),
        Some("message") => messages::run_one(&options),
        Some("cluster") => clusters::all(&options),
        Some("own") => own::all(&options),
        _ => Err(USAGE.to_owned()),
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// `run <client> <work>`: in this process, against the server of the caller or one of its own.
fn run_one(options: &Options) -> Result<(), String> {
    let [_, client, work] = &options.words[..] else { return Err(USAGE.to_owned()) };
    let peer = Peer::from_name(client).ok_or_else(|| format!("no client called {client}\n{USAGE}"))?;
    let work = Work::from_name(work).ok_or_else(|| format!("no work called {work}\n{USAGE}"))?;
    let deployment = options.deployment;
    if !peer.supports(work, deployment) {
        return Err(format!("{} can't do {} there", peer.name(), work.name()));
    }
    let own = match options.port {
        Some(_) => None,
        None => Some(Own::start(options)?),
    };
    let port = options.port.or(own.as_ref().map(Own::port)).expect("one of the two is there");
    server::pin_to(options.client_core).map_err(|error| error.to_string())?;
    let figures = measure::run(peer, work, deployment, port, &options.plan())?;
    if own.is_some() {
        println!("{}", table::describe(peer, work, &figures));
    } else {
        println!("{}", figures.to_line());
    }
    Ok(())
}

/// What a run starts for itself.
enum Own {
    Server(Server),
    Cluster(Cluster),
}

impl Own {
    fn start(options: &Options) -> Result<Self, String> {
        match options.deployment {
            Deployment::Server => start_server(options).map(Self::Server),
            Deployment::Cluster => start_cluster(options).map(Self::Cluster),
        }
    }

    fn port(&self) -> u16 {
        match self {
            Self::Server(server) => server.port,
            Self::Cluster(cluster) => cluster.seed(),
        }
    }
}

pub(crate) fn start_cluster(options: &Options) -> Result<Cluster, String> {
    let cluster = Cluster::start(NODES, options.server_core).map_err(|error| error.to_string())?;
    cluster.seed_keys().map_err(|error| error.to_string())?;
    Ok(cluster)
}

pub(crate) fn start_server(options: &Options) -> Result<Server, String> {
    let server = Server::start(options.server_core).map_err(|error| error.to_string())?;
    server.seed().map_err(|error| error.to_string())?;
    Ok(server)
}

/// The command line.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    words: Vec<String>,
    rounds: usize,
    quick: bool,
    seconds: Option<f64>,
    port: Option<u16>,
    server_core: usize,
    client_core: usize,
    runtime: RuntimeKind,
    deployment: Deployment,
    clients: Vec<Peer>,
    works: Vec<Work>,
    /// Rows of the fault table; none for all.
    faults: Vec<String>,
}

impl Options {
    fn parse(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self {
            words: Vec::new(),
            rounds: 3,
            quick: false,
            seconds: None,
            port: None,
            server_core: 0,
            client_core: 1,
            runtime: RuntimeKind::CurrentThread,
            deployment: Deployment::Server,
            clients: Peer::ALL.to_vec(),
            works: Work::ALL.to_vec(),
            faults: Vec::new(),
        };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let Some(option) = argument.strip_prefix("--") else {
                options.words.push(argument.clone());
                continue;
            };
            match option {
                "quick" => options.quick = true,
                "cluster" => options.deployment = Deployment::Cluster,
                _ => {
                    let value = arguments.next().ok_or_else(|| format!("--{option} needs a value\n{USAGE}"))?;
                    options.set(option, value)?;
                }
            }
        }
        Ok(options)
    }

    fn set(&mut self, option: &str, value: &str) -> Result<(), String> {
        match option {
            "rounds" => self.rounds = number(value)?,
            "seconds" => self.seconds = Some(number(value)?),
            "port" => self.port = Some(number(value)?),
            "server-core" => self.server_core = number(value)?,
            "client-core" => self.client_core = number(value)?,
            "runtime" => self.runtime = list(value, RuntimeKind::from_name)?[0],
            "clients" => self.clients = list(value, Peer::from_name)?,
            "works" => self.works = list(value, Work::from_name)?,
            "faults" => self.faults = value.split(',').map(str::to_owned).collect(),
            _ => return Err(format!("no option --{option}\n{USAGE}")),
        }
        Ok(())
    }

    fn plan(&self) -> Plan {
        let throughput = self.seconds.unwrap_or(if self.quick { 0.4 } else { 3.0 });
        Plan {
            warm_up: Duration::from_secs_f64(throughput / 3.0),
            throughput: Duration::from_secs_f64(throughput),
            latency: Duration::from_secs_f64(throughput / 2.0),
            runtime: self.runtime,
        }
    }

    /// What a child process needs to run the same way.
    fn for_child(&self, port: u16) -> Vec<String> {
        let seconds = self.plan().throughput.as_secs_f64();
        let mut arguments: Vec<String> = vec![
            "--port".into(),
            port.to_string(),
            "--seconds".into(),
            seconds.to_string(),
            "--runtime".into(),
            self.runtime.name().into(),
            "--client-core".into(),
            self.client_core.to_string(),
        ];
        if self.deployment == Deployment::Cluster {
            arguments.push("--cluster".into());
        }
        arguments
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("not a number: {text}\n{USAGE}"))
}

fn list<T>(text: &str, find: impl Fn(&str) -> Option<T>) -> Result<Vec<T>, String> {
    text.split(',').map(|name| find(name).ok_or_else(|| format!("unknown name: {name}\n{USAGE}"))).collect()
}

/// Nodes of a cluster, all of them primaries.
const NODES: usize = 3;

const USAGE: &str = "\
peers all [--rounds 3] [--clients a,b] [--works a,b]   every client at every work, medians as Markdown
peers run <client> <work>                              one of them
peers decode                                           the parsers alone
peers faults [--clients a,b] [--faults a,b]            every client at every fault, as Markdown
peers fault <client> <fault>                           one of them
peers messages [--rounds 3] [--clients a,b]            every client as a subscriber, as Markdown
peers message <client> <one|many>                      one of them: one channel, or a thousand
peers cluster [--rounds 3] [--clients a,b]             GET on a cluster, steadfast on one server beside it, memory of a node
peers cluster slots                                    the slot of a key
peers own                                              steadfast: GETs beside blocked callers, memory of subscriptions

--quick                 a second a cell instead of six; for `faults` about a second, all clients at once
--seconds S             length of the throughput phase (3; `cluster` 2); warm-up is a third of it, the latency phase half
--runtime R             current-thread (default) or one-worker (multi_thread with 1 worker)
--server-core N         0
--client-core N         1
--port P                for `run`: a seeded server that is already there
--cluster               for `run`: on a cluster of 3 primaries; with --port, one of its nodes

clients: floor redis1 redis2 fred rustis steadfast
works:   get-64 get-1000 get-1 set-1k pipeline lrange lrange-strings get-1m allocs
faults:  idle-cut cut-get cut-incr restart stop hole tls-silence password half-duplex
         cluster-unreachable cluster-stop cluster-ask cluster-sunsubscribe cluster-mset";
