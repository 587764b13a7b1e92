//! `peers faults`: what callers see when connections are cut and servers restart. The first rows only, for now.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use tokio::time::{sleep, timeout};

use crate::{
    Options, child,
    clients::{FaultClient, Peer, with_fault_client},
    measure::{self, RuntimeKind},
    proxy::Proxy,
    server::Server,
    work::key,
};

/// One row of the fault table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    IdleCut,
    CutGet,
    CutIncr,
    Restart,
}

impl Fault {
    const ALL: &[Self] = &[Self::IdleCut, Self::CutGet, Self::CutIncr, Self::Restart];

    fn name(self) -> &'static str {
        match self {
            Self::IdleCut => "idle-cut",
            Self::CutGet => "cut-get",
            Self::CutIncr => "cut-incr",
            Self::Restart => "restart",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::IdleCut => "idle connection cut, then one GET (20 times)",
            Self::CutGet => "cut every 200 ms under 64 tasks of GET",
            Self::CutIncr => "the same with INCR",
            Self::Restart => "server killed and restarted, 16 tasks of GET",
        }
    }
}

/// Every client at every fault, each in a fresh process, as Markdown.
pub(crate) fn all(options: &Options) -> Result<(), String> {
    let peers: Vec<Peer> = options.clients.iter().copied().filter(|&peer| peer != Peer::Floor).collect();
    print!("| fault |");
    peers.iter().for_each(|peer| print!(" {} |", peer.title()));
    println!("\n|---|{}", "---|".repeat(peers.len()));
    for &fault in Fault::ALL {
        print!("| {} |", fault.title());
        for &peer in &peers {
            print!(" {} |", run_child(options, peer, fault));
        }
        println!();
    }
    Ok(())
}

fn run_child(options: &Options, peer: Peer, fault: Fault) -> String {
    let mut arguments = vec!["fault".to_owned(), peer.name().to_owned(), fault.name().to_owned()];
    arguments.extend(["--server-core".to_owned(), options.server_core.to_string()]);
    if options.quick {
        arguments.push("--quick".to_owned());
    }
    child::run(&arguments, Duration::from_secs(180)).map_or_else(|message| message, |words| words.trim().to_owned())
}

/// `fault <client> <fault>`: in this process, on a server of its own.
pub(crate) fn run_one(options: &Options) -> Result<(), String> {
    let [_, client, fault] = &options.words[..] else { return Err("fault <client> <fault>".into()) };
    let peer = Peer::from_name(client).ok_or_else(|| format!("no client called {client}"))?;
    let fault = Fault::ALL.iter().copied().find(|known| known.name() == fault).ok_or("no such fault")?;
    let server = crate::start_server(options)?;
    let proxy = Proxy::start(server.port).map_err(|error| error.to_string())?;
    let mut stage = Stage { server, proxy, server_core: options.server_core, quick: options.quick };
    // The main thread starts servers and waits for them, the worker runs the client.
    let runtime = measure::runtime(RuntimeKind::OneWorker);
    let report = with_fault_client!(peer, run(&runtime, &mut stage, fault));
    println!("{}", report.in_words(fault));
    for (message, count) in &report.errors {
        eprintln!("{} {}: {count} x {message}", peer.name(), fault.name());
    }
    Ok(())
}

/// What a fault happens to.
struct Stage {
    server: Server,
    proxy: Proxy,
    server_core: usize,
    quick: bool,
}

fn run<C: FaultClient>(runtime: &tokio::runtime::Runtime, stage: &mut Stage, fault: Fault) -> Report {
    runtime.block_on(async {
        match fault {
            Fault::IdleCut => idle_cut::<C>(stage).await,
            Fault::CutGet | Fault::CutIncr => cut_under_load::<C>(stage, fault).await,
            Fault::Restart => restart::<C>(stage).await,
        }
    })
}

async fn idle_cut<C: FaultClient>(stage: &Stage) -> Report {
    let client = C::connect(stage.proxy.port).await;
    let mut report = Report::default();
    for _ in 0..20 {
        let call = |client: &C| {
            let mut client = client.clone();
            // On the worker, where a program's calls are.
            tokio::spawn(async move { timed(client.get(&key(0))).await })
        };
        // The connection must be there before it can be cut.
        let limit = Instant::now() + NEVER;
        while call(&client).await.expect(NO_PANIC).0.is_err() && Instant::now() < limit {
            sleep(AFTER_ERROR).await;
        }
        sleep(IDLE).await;
        stage.proxy.cut();
        sleep(IDLE).await;
        report.note(call(&client).await.expect(NO_PANIC));
    }
    report
}

async fn cut_under_load<C: FaultClient>(stage: &Stage, fault: Fault) -> Report {
    let client = C::connect(stage.proxy.port).await;
    let load = Load::start(&client, fault, 64);
    let cuts = if stage.quick { 5 } else { 15 };
    for _ in 0..cuts {
        sleep(Duration::from_millis(200)).await;
        stage.proxy.cut();
    }
    sleep(Duration::from_millis(500)).await;
    let mut report = load.stop().await;
    report.duplicates = (fault == Fault::CutIncr).then_some(report.duplicates.unwrap_or(0));
    report
}

/// Straight to the server, so that connects are refused while it is away.
async fn restart<C: FaultClient>(stage: &mut Stage) -> Report {
    let port = stage.server.port;
    let client = C::connect(port).await;
    let load = Load::start(&client, Fault::Restart, 16);
    sleep(Duration::from_millis(300)).await;
    stage.server.kill();
    stage.server = Server::start_on(port, stage.server_core).expect("the server starts again");
    sleep(Duration::from_secs(2)).await;
    load.stop().await
}

/// Tasks that call without a pause until told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<Report>>,
}

impl Load {
    fn start<C: FaultClient>(client: &C, fault: Fault, tasks: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let tasks = (0..tasks)
            .map(|n| {
                let (client, stop) = (client.clone(), stop.clone());
                tokio::spawn(async move {
                    match fault {
                        Fault::CutIncr => incr_until(client, &stop, n).await,
                        _ => get_until(client, &stop, n).await,
                    }
                })
            })
            .collect();
        Self { stop, tasks }
    }

    async fn stop(self) -> Report {
        self.stop.store(true, Relaxed);
        let mut report = Report::default();
        for task in self.tasks {
            report.merge(task.await.expect(NO_PANIC));
        }
        report
    }
}

async fn get_until<C: FaultClient>(mut client: C, stop: &AtomicBool, task: usize) -> Report {
    let key = key(task);
    let mut report = Report::default();
    while !stop.load(Relaxed) {
        let (result, took) = timed(client.get(&key)).await;
        let failed = result.is_err();
        report.note((result, took));
        if failed {
            sleep(AFTER_ERROR).await;
        }
    }
    report
}

/// A counter per task: its value may have grown by one for this call, and by one for each call since the last answer
/// whose fate is unknown. Whatever is above that has been done twice.
async fn incr_until<C: FaultClient>(mut client: C, stop: &AtomicBool, task: usize) -> Report {
    let key = format!("counter:{task}");
    let mut report = Report::default();
    let (mut last, mut unknown) = (0, 0);
    let mut duplicates = 0;
    while !stop.load(Relaxed) {
        let (result, took) = timed(client.incr(&key)).await;
        match result {
            Ok(value) => {
                duplicates += u64::try_from(value - (last + 1 + unknown)).unwrap_or(0);
                (last, unknown) = (value, 0);
            }
            Err(_) => unknown += 1,
        }
        let failed = result.is_err();
        report.note((result.map(drop), took));
        if failed {
            sleep(AFTER_ERROR).await;
        }
    }
    report.duplicates = Some(duplicates);
    report
}

async fn timed<T>(call: impl Future<Output = Result<T, String>>) -> (Result<T, String>, Duration) {
    let begin = Instant::now();
    let result = timeout(NEVER, call).await.unwrap_or_else(|_| Err(format!("no answer for {NEVER:?}")));
    (result, begin.elapsed())
}

/// A caller's pause after an error, so that a client that fails at once while it is disconnected isn't asked a million
/// times.
const AFTER_ERROR: Duration = Duration::from_millis(10);
/// Before and after an idle connection is cut.
const IDLE: Duration = Duration::from_millis(50);
const NO_PANIC: &str = "a task that doesn't panic";
/// A call that takes longer is given up and counted as an error.
const NEVER: Duration = Duration::from_secs(5);

#[derive(Default)]
struct Report {
    calls: u64,
    errors: BTreeMap<String, u64>,
    slowest: Duration,
    duplicates: Option<u64>,
}

impl Report {
    fn note(&mut self, (result, took): (Result<(), String>, Duration)) {
        self.calls += 1;
        self.slowest = self.slowest.max(took);
        if let Err(message) = result {
            *self.errors.entry(message).or_default() += 1;
        }
    }

    fn merge(&mut self, other: Self) {
        self.calls += other.calls;
        self.slowest = self.slowest.max(other.slowest);
        for (message, count) in other.errors {
            *self.errors.entry(message).or_default() += count;
        }
        if let Some(duplicates) = other.duplicates {
            self.duplicates = Some(self.duplicates.unwrap_or(0) + duplicates);
        }
    }

    fn in_words(&self, fault: Fault) -> String {
        let errors: u64 = self.errors.values().sum();
        let of = if fault == Fault::IdleCut { format!(" of {}", self.calls) } else { String::new() };
        let slowest = self.slowest.as_secs_f64() * 1e3;
        let duplicates = self.duplicates.map_or(String::new(), |n| format!(", {n} duplicates"));
        format!("{errors} errors{of}{duplicates}, slowest {slowest:.1} ms, {} calls", self.calls)
    }
}
