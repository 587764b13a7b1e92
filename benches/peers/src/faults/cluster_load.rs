//! Tasks that GET keys of a cluster and know what is in them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{task::JoinHandle, time::sleep};

use super::{
    load::{AFTER_ERROR, NO_PANIC},
    report::{Report, time, timed},
};
use crate::{clients::clustered::ClusterClient, cluster::Cluster, measure::quantile};

/// What the callers saw.
#[derive(Default)]
pub(super) struct Sight {
    pub(super) report: Report,
    /// Answers that were another key's value, or none.
    pub(super) wrong: u64,
    /// Of the answered calls, in microseconds.
    times: Vec<u32>,
}

impl Sight {
    /// "3 errors, 0 wrong values, slowest 2.1 ms, 48120 calls".
    pub(super) fn in_words(&self) -> String {
        let wrong = match self.wrong {
            0 => "0 wrong values".to_owned(),
            wrong => format!("**{wrong} wrong values**"),
        };
        let Self { report, .. } = self;
        format!("{}, {wrong}, {}, {} calls", report.errors_in_words(), report.slowest_in_words(), report.calls)
    }

    pub(super) fn p99_in_words(&mut self) -> String {
        self.times.sort_unstable();
        let microseconds = quantile(&self.times, 0.99);
        if microseconds.is_nan() { "-".to_owned() } else { time(Duration::from_secs_f64(microseconds / 1e6)) }
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.report.merge(other.report);
        self.wrong += other.wrong;
        self.times.extend(other.times);
    }

    pub(super) async fn get<C: ClusterClient>(&mut self, client: &mut C, key: &str) -> bool {
        let (result, took) = timed(client.get(key)).await;
        self.report.note(&result, took);
        let Ok(value) = result else { return false };
        self.times.push(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
        if value.as_deref() != Some(value_of(key).as_bytes()) {
            self.wrong += 1;
        }
        true
    }
}

pub(super) struct ClusterLoad {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<Sight>>,
}

impl ClusterLoad {
    /// Each task goes round all keys.
    pub(super) fn start<C: ClusterClient>(client: &C, tasks: usize, keys: &[String]) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let keys: Arc<[String]> = keys.into();
        let tasks =
            (0..tasks).map(|task| tokio::spawn(get_until(client.clone(), stop.clone(), keys.clone(), task))).collect();
        Self { stop, tasks }
    }

    pub(super) async fn stop(self) -> Sight {
        self.stop.store(true, Relaxed);
        let mut sight = Sight::default();
        for task in self.tasks {
            sight.merge(task.await.expect(NO_PANIC));
        }
        sight
    }
}

async fn get_until<C: ClusterClient>(mut client: C, stop: Arc<AtomicBool>, keys: Arc<[String]>, first: usize) -> Sight {
    let mut sight = Sight::default();
    for key in keys.iter().cycle().skip(first) {
        if stop.load(Relaxed) {
            break;
        }
        if !sight.get(&mut client, key).await {
            sleep(AFTER_ERROR).await;
        }
    }
    sight
}

/// What the key holds: another key's is seen to be wrong.
pub(super) fn value_of(key: &str) -> String {
    format!("the value of {key}")
}

pub(super) fn put(cluster: &Cluster, keys: &[String]) -> Result<(), String> {
    let mut keys = keys.iter();
    keys.try_for_each(|key| cluster.set(key, value_of(key).as_bytes())).map_err(|error| error.to_string())
}
