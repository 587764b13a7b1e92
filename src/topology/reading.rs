//! Which node of a shard answers a read.

use std::sync::Arc;
use std::time::Duration;

/// Which nodes answer reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReadFrom {
    /// The primary.
    #[default]
    Primary,
}

pub(crate) struct Candidate {
    pub index: usize,
    pub is_primary: bool,
    pub is_ready: bool,
    pub is_failed: bool,
    pub latency: Option<Duration>,
    pub zone: Option<Arc<str>>,
}

pub(crate) fn first(_: &ReadFrom, candidates: &[Candidate], _: usize) -> Option<usize> {
    candidates.first().map(|candidate| candidate.index)
}
