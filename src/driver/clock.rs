//! The clock.

use std::time::Instant;

/// The present, as tokio's timers see it: under a paused test clock it stands still with them.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
