//! How far a dial has got, readable while it runs.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

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
    /// When that stage began.
    pub(crate) since: Instant,
    /// The address that was tried last; `None` before there is one, and where an address has no IP.
    pub(crate) address: Option<SocketAddr>,
}

impl Progress {
    /// A dial that is about to begin.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(Standing { stage: Stage::Resolving, since: now(), address: None })))
    }

    /// Where the dial stands at this moment.
    pub(crate) fn standing(&self) -> Standing {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what begins now. Another attempt of the same stage does not start the stage anew.
    pub(super) fn enter(&self, stage: Stage, address: Option<SocketAddr>) {
        let mut standing = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if standing.stage != stage {
            standing.stage = stage;
            standing.since = now();
        }
        standing.address = address;
    }
}

/// The runtime's clock, so that tests with a paused one see consistent times.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_address_of_one_stage_keeps_its_beginning() {
        let progress = Progress::new();
        progress.enter(Stage::Connecting, Some(([127, 0, 0, 1], 1).into()));
        let first = progress.standing();
        progress.enter(Stage::Connecting, Some(([127, 0, 0, 1], 2).into()));
        let second = progress.clone().standing();
        assert_eq!(first.since, second.since);
        assert_eq!(second.address, Some(([127, 0, 0, 1], 2).into()));
    }
}
