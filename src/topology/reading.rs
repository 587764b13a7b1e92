//! From which nodes commands are answered that only read.

use std::sync::Arc;

/// From which nodes commands are answered that only read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReadFrom {
    /// The primary.
    #[default]
    Primary,
    /// A replica where there is one, else the primary.
    PreferReplica,
    /// A replica; the primary only if no replica is usable.
    Replica,
    /// The node that answers fastest.
    LowestLatency,
    /// A node in this availability zone, else as with [`PreferReplica`](Self::PreferReplica).
    Zone(Arc<str>),
}

pub(crate) struct Candidate {
    pub index: usize,
    pub is_primary: bool,
    pub is_ready: bool,
    pub is_failed: bool,
    pub latency: Option<std::time::Duration>,
    pub zone: Option<Arc<str>>,
}

pub(crate) fn first(_: &ReadFrom, candidates: &[Candidate], _: usize) -> Option<usize> {
    candidates.first().map(|candidate| candidate.index)
}
