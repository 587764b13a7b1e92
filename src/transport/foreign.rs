//! Code of the user's own that is run to connect: a panic in it ends the attempt, and not the link.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use super::connector::BoxFuture;
use crate::outcome::Cause;

/// Runs what `start` starts.
///
/// # Errors
/// `Panicked`: in `start` or in its future. Whoever gave that code is asked again at the next attempt, in whatever state
/// the panic left it.
pub(crate) async fn unless_it_panics<'a, T>(start: impl FnOnce() -> BoxFuture<'a, T> + Send) -> Result<T, Cause> {
    // Inside of a block the future is dropped by the panic, and no destructor of it runs later, outside of the catch.
    let mut running = pin!(async move { start().await });
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(cx))) {
        Ok(polled) => polled.map(Ok),
        Err(_) => Poll::Ready(Err(Cause::Panicked)),
    })
    .await
}
