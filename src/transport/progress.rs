//! How far a dial has got, readable while it runs.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::outcome::Stage;

/// How far a dial has got. Clones share what they show; the one that dials writes it, anybody may read it.
#[derive(Clone, Debug)]
pub(crate) struct Progress(Arc<Mutex<Standing>>);

/// Where a dial stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// `Resolving`, `Connecting` or `TlsHandshake`; the last, without an address, also while certificate files are read
    /// before anything else.
    pub(crate) stage: Stage,
    /// The address that was tried last; `None` before there is one, and where an address has no IP.
    pub(crate) address: Option<SocketAddr>,
}

impl Progress {
    /// A dial that is about to begin.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Standing { stage: Stage::Resolving, address: None })))
    }

    /// Where the dial stands at this moment.
    pub(crate) fn standing(&self) -> Standing {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what begins now.
    pub(super) fn enter(&self, stage: Stage, address: Option<SocketAddr>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Standing { stage, address };
    }
}
