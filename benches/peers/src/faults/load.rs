//! Tasks that call without a pause until told to stop.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use tokio::{task::JoinHandle, time::sleep};

use super::{
    ledger::Ledger,
    report::{Report, timed},
};
use crate::{clients::fault_client::FaultClient, work::key};

pub(super) struct Load {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<(Report, Ledger)>>,
}

impl Load {
    pub(super) fn of_get<C: FaultClient>(client: &C, tasks: usize) -> Self {
        Self::start(tasks, |task, stop| get_until(client.clone(), stop, task))
    }

    pub(super) fn of_incr<C: FaultClient>(client: &C, tasks: usize) -> Self {
        Self::start(tasks, |task, stop| incr_until(client.clone(), stop, task))
    }

    fn start<F>(tasks: usize, run: impl Fn(usize, Arc<AtomicBool>) -> F) -> Self
    where
        F: Future<Output = (Report, Ledger)> + Send + 'static,
    {
        let stop = Arc::new(AtomicBool::new(false));
        let tasks = (0..tasks).map(|task| tokio::spawn(run(task, stop.clone()))).collect();
        Self { stop, tasks }
    }

    pub(super) async fn stop(self) -> (Report, Vec<Ledger>) {
        self.stop.store(true, Relaxed);
        let mut report = Report::default();
        let mut ledgers = Vec::new();
        for task in self.tasks {
            let (part, ledger) = task.await.expect(NO_PANIC);
            report.merge(part);
            ledgers.push(ledger);
        }
        (report, ledgers)
    }
}

async fn get_until<C: FaultClient>(mut client: C, stop: Arc<AtomicBool>, task: usize) -> (Report, Ledger) {
    let key = key(task);
    let mut report = Report::default();
    while !stop.load(Relaxed) {
        let (result, took) = timed(client.get(&key)).await;
        report.note(&result, took);
        if result.is_err() {
            sleep(AFTER_ERROR).await;
        }
    }
    (report, Ledger::new(task))
}

async fn incr_until<C: FaultClient>(mut client: C, stop: Arc<AtomicBool>, task: usize) -> (Report, Ledger) {
    let mut report = Report::default();
    let mut ledger = Ledger::new(task);
    let mut key = ledger.key();
    while !stop.load(Relaxed) {
        let (result, took) = timed(client.incr(&key)).await;
        report.note(&result, took);
        match result {
            Ok(value) => ledger.answered(value),
            Err(failure) => {
                ledger.failed(failure.fate);
                key = ledger.key();
                sleep(AFTER_ERROR).await;
            }
        }
    }
    (report, ledger)
}

/// One GET, on the worker, where a program's calls are.
pub(super) async fn get_once<C: FaultClient>(client: &C, report: &mut Report) -> bool {
    let mut client = client.clone();
    let call = tokio::spawn(async move { timed(client.get(&key(0))).await });
    let (result, took) = call.await.expect(NO_PANIC);
    report.note(&result, took);
    result.is_ok()
}

/// How long it takes until a GET is answered; `None` if that does not happen within `bound`.
pub(super) async fn until_answered<C: FaultClient>(client: &C, bound: Duration) -> Option<Duration> {
    let begin = Instant::now();
    while begin.elapsed() < bound {
        if get_once(client, &mut Report::default()).await {
            return Some(begin.elapsed());
        }
        sleep(AFTER_ERROR).await;
    }
    None
}

/// A caller's pause after an error, so that a client that fails at once while it is disconnected isn't asked a million
/// times.
pub(super) const AFTER_ERROR: Duration = Duration::from_millis(10);
pub(super) const NO_PANIC: &str = "a task that doesn't panic";
