//! Whether the machine was quiet: how long the measured processes were ready to run and had no core.

use std::{
    fs,
    time::{Duration, Instant},
};

/// Run-queue wait of a process, all threads, since this was made.
pub(crate) struct Waiting {
    pid: u32,
    before: Duration,
    begin: Instant,
}

impl Waiting {
    pub(crate) fn of(pid: u32) -> Self {
        Self { pid, before: waited(pid), begin: Instant::now() }
    }

    /// As a share of the time that has passed. On a quiet machine it is below a percent or two.
    pub(crate) fn share(&self) -> f64 {
        let waited = waited(self.pid).saturating_sub(self.before);
        waited.as_secs_f64() / self.begin.elapsed().as_secs_f64()
    }
}

/// The second number of each thread's `schedstat`; zero where the kernel keeps none.
fn waited(pid: u32) -> Duration {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Duration::ZERO };
    let of_thread = |thread: fs::DirEntry| -> Option<u64> {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().nth(1)?.parse().ok()
    };
    Duration::from_nanos(threads.flatten().filter_map(of_thread).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_share() {
        let waiting = Waiting::of(std::process::id());
        std::thread::sleep(Duration::from_millis(20));
        assert!((0.0..=1.0).contains(&waiting.share()));
    }
}
