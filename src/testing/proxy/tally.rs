//! How many bytes a proxy has seen.

use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that came in and went out, of all connections.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) to_server: Tallied,
    pub(crate) to_client: Tallied,
}

/// Bytes in one direction.
#[derive(Debug, Default)]
pub(crate) struct Tallied {
    received: AtomicU64,
    forwarded: AtomicU64,
}

impl Tallied {
    pub(crate) fn count_received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn count_forwarded(&self, bytes: usize) {
        self.forwarded.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    pub(crate) fn forwarded(&self) -> u64 {
        self.forwarded.load(Ordering::Relaxed)
    }
}
