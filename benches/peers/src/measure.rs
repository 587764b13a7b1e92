//! One (client, work) run: warm-up, a throughput phase without clock reads per call, a latency phase with them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::runtime::{Builder, Runtime};

use crate::{
    allocations,
    clients::{
        Client, Deployment, Peer,
        clustered::{ClusterClient, Clustered},
        with_client, with_cluster_client,
    },
    quiet::Waiting,
    work::{KEYS, LARGE, LARGE_KEY, LIST, LIST_KEY, MIDDLE, PIPELINE, SMALL, Work, key},
};

/// How a run is done.
#[derive(Clone, Debug)]
pub struct Plan {
    pub warm_up: Duration,
    pub throughput: Duration,
    pub latency: Duration,
    pub runtime: RuntimeKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuntimeKind {
    /// tokio's current_thread scheduler.
    CurrentThread,
    /// tokio's multi_thread scheduler with one worker.
    OneWorker,
}

impl RuntimeKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::CurrentThread => "current-thread",
            Self::OneWorker => "one-worker",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::CurrentThread, Self::OneWorker].into_iter().find(|kind| kind.name() == name)
    }
}

/// Figures of one run, all per operation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    pub ops_per_second: f64,
    pub user_ns: f64,
    pub system_ns: f64,
    pub p50_ns: f64,
    pub p99_ns: f64,
    pub p999_ns: f64,
    pub allocations: f64,
    pub bytes: f64,
    /// Share of the throughput phase that the client was ready to run and had no core.
    pub waited: f64,
}

impl Figures {
    /// One line, read back by `parse` in the parent process.
    pub fn to_line(self) -> String {
        format!("{LINE_MARK} {}", self.fields().map(|field| format!("{field:.3}")).join(" "))
    }

    pub fn parse(output: &str) -> Option<Self> {
        let line = output.lines().find_map(|line| line.strip_prefix(LINE_MARK))?;
        let fields: Vec<f64> = line.split_whitespace().map_while(|field| field.parse().ok()).collect();
        let &[ops_per_second, user_ns, system_ns, p50_ns, p99_ns, p999_ns, allocations, bytes, waited] = &fields[..]
        else {
            return None;
        };
        Some(Self { ops_per_second, user_ns, system_ns, p50_ns, p99_ns, p999_ns, allocations, bytes, waited })
    }

    pub fn fields(&self) -> [f64; 9] {
        [
            self.ops_per_second,
            self.user_ns,
            self.system_ns,
            self.p50_ns,
            self.p99_ns,
            self.p999_ns,
            self.allocations,
            self.bytes,
            self.waited,
        ]
    }

    pub fn from_fields(fields: [f64; 9]) -> Self {
        let [ops_per_second, user_ns, system_ns, p50_ns, p99_ns, p999_ns, allocations, bytes, waited] = fields;
        Self { ops_per_second, user_ns, system_ns, p50_ns, p99_ns, p999_ns, allocations, bytes, waited }
    }
}

const LINE_MARK: &str = "figures";

/// `port` is the server's, or that of a node of the cluster.
///
/// # Errors
/// If the client cannot do it at all.
pub fn run(peer: Peer, work: Work, deployment: Deployment, port: u16, plan: &Plan) -> Result<Figures, String> {
    let runtime = runtime(plan.runtime);
    match deployment {
        Deployment::Server => Ok(with_client!(peer, run_client(&runtime, work, port, plan))),
        Deployment::Cluster => with_cluster_client!(peer, run_clustered(&runtime, work, port, plan)),
    }
}

fn run_clustered<C: ClusterClient>(runtime: &Runtime, work: Work, port: u16, plan: &Plan) -> Result<Figures, String> {
    Ok(run_client::<Clustered<C>>(runtime, work, port, plan))
}

pub fn runtime(kind: RuntimeKind) -> Runtime {
    let mut builder = match kind {
        RuntimeKind::CurrentThread => Builder::new_current_thread(),
        RuntimeKind::OneWorker => Builder::new_multi_thread(),
    };
    builder.worker_threads(1).enable_all().build().expect("a runtime")
}

fn run_client<C: Client>(runtime: &Runtime, work: Work, port: u16, plan: &Plan) -> Figures {
    runtime.block_on(async {
        let client = C::connect(port).await;
        phase::<C, false>(&client, work, plan.warm_up).await;
        if work == Work::Allocations {
            return count_allocations(&client, work).await;
        }

        let waiting = Waiting::of(std::process::id());
        let cpu_before = cpu_time();
        let begin = Instant::now();
        let (calls, _) = phase::<C, false>(&client, work, plan.throughput).await;
        let elapsed = begin.elapsed();
        let cpu = cpu_time() - cpu_before;
        let waited = waiting.share();
        let (_, mut latencies) = phase::<C, true>(&client, work, plan.latency).await;

        let operations = (calls * work.per_call()) as f64;
        latencies.sort_unstable();
        Figures {
            ops_per_second: operations / elapsed.as_secs_f64(),
            user_ns: cpu.user.as_nanos() as f64 / operations,
            system_ns: cpu.system.as_nanos() as f64 / operations,
            p50_ns: quantile(&latencies, 0.5),
            p99_ns: quantile(&latencies, 0.99),
            p999_ns: quantile(&latencies, 0.999),
            waited,
            ..Figures::default()
        }
    })
}

/// All tasks of the work for that long; calls done, and each call's nanoseconds if `TIMED`.
async fn phase<C: Client, const TIMED: bool>(client: &C, work: Work, length: Duration) -> (u64, Vec<u32>) {
    let stop = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..work.tasks())
        .map(|n| {
            let mut call = Caller::new(client.clone(), work, n);
            let stop = stop.clone();
            tokio::spawn(async move {
                let mut calls = 0u64;
                let mut latencies = Vec::new();
                while !stop.load(Relaxed) {
                    let begin = TIMED.then(Instant::now);
                    call.once().await;
                    calls += 1;
                    if let Some(begin) = begin {
                        latencies.push(u32::try_from(begin.elapsed().as_nanos()).unwrap_or(u32::MAX));
                    }
                }
                (calls, latencies)
            })
        })
        .collect();
    tokio::time::sleep(length).await;
    stop.store(true, Relaxed);
    let mut calls = 0;
    let mut latencies = Vec::new();
    for task in tasks {
        let (count, timed) = task.await.expect("a task that doesn't panic");
        calls += count;
        latencies.extend(timed);
    }
    (calls, latencies)
}

/// Every task does a fixed number of calls while the allocator counts.
async fn count_allocations<C: Client>(client: &C, work: Work) -> Figures {
    const CALLS: usize = 2000;
    let callers: Vec<_> = (0..work.tasks()).map(|n| Caller::new(client.clone(), work, n)).collect();
    let mut tasks = Vec::with_capacity(callers.len());
    allocations::start();
    for mut call in callers {
        tasks.push(tokio::spawn(async move {
            for _ in 0..CALLS {
                call.once().await;
            }
        }));
    }
    for task in tasks {
        task.await.expect("a task that doesn't panic");
    }
    let (count, bytes) = allocations::stop();
    let operations = (CALLS * work.tasks()) as f64;
    Figures { allocations: count as f64 / operations, bytes: bytes as f64 / operations, ..Figures::default() }
}

/// One task's share of a work, with everything it needs made beforehand.
struct Caller<C> {
    client: C,
    work: Work,
    keys: Vec<String>,
    value: Bytes,
}

impl<C: Client> Caller<C> {
    fn new(client: C, work: Work, task: usize) -> Self {
        let (first, count, value) = match work {
            Work::Pipeline => (KEYS + task * PIPELINE, PIPELINE, SMALL),
            Work::Set1k => (2 * KEYS + task, 1, MIDDLE),
            _ => (task, 1, 0),
        };
        let keys = (first..first + count).map(key).collect();
        Self { client, work, keys, value: Bytes::from(vec![b'v'; value]) }
    }

    async fn once(&mut self) {
        match self.work {
            Work::Get64 | Work::Get1000 | Work::Get1 | Work::Allocations => {
                assert_eq!(self.client.get(&self.keys[0]).await, SMALL);
            }
            Work::Set1k => self.client.set(&self.keys[0], &self.value).await,
            Work::Pipeline => self.client.pipeline_set(&self.keys, &self.value).await,
            Work::Lrange => assert_eq!(self.client.lrange(LIST_KEY).await, LIST),
            Work::LrangeStrings => assert_eq!(self.client.lrange_strings(LIST_KEY).await, LIST),
            Work::Get1m => assert_eq!(self.client.get(LARGE_KEY).await, LARGE),
        }
    }
}

#[derive(Clone, Copy)]
pub(crate) struct CpuTime {
    pub(crate) user: Duration,
    pub(crate) system: Duration,
}

impl std::ops::Sub for CpuTime {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self { user: self.user - before.user, system: self.system - before.system }
    }
}

/// CPU time of this process so far, all threads.
pub(crate) fn cpu_time() -> CpuTime {
    // SAFETY: `rusage` is plain numbers, valid when zeroed, and outlives the call that fills it.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut usage);
        usage
    };
    let duration = |time: libc::timeval| {
        Duration::from_secs(time.tv_sec.unsigned_abs()) + Duration::from_micros(time.tv_usec.unsigned_abs())
    };
    CpuTime { user: duration(usage.ru_utime), system: duration(usage.ru_stime) }
}

pub(crate) fn quantile(sorted: &[u32], q: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((last as f64 * q).round() as usize).copied().map_or(f64::NAN, f64::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_survive_the_way_to_the_parent() {
        let figures = Figures::from_fields([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.25, 0.5]);
        let output = format!("noise\n{}\nnoise", figures.to_line());
        assert_eq!(Figures::parse(&output).map(|read| read.fields()), Some(figures.fields()));
        assert!(Figures::parse("figures 1.0 2.0").is_none());
    }
}
