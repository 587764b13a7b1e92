//! What a connection through the proxy and the test that drives it share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;

use super::fault::{Change, Cut, Direction};
use super::flow::Flow;

/// What happens to the bytes of one connection, and what they are.
#[derive(Clone, Debug)]
pub(crate) struct Traffic {
    pub(crate) to_server: Flow,
    pub(crate) to_client: Flow,
    pub(crate) duplex: Duplex,
    idle_limit: Option<(Duration, Cut)>,
    /// When bytes were read or forwarded, or the limit was set.
    last_seen: Instant,
}

/// Whether a side is read while something is to be written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duplex {
    Full,
    Half,
}

impl Traffic {
    pub(crate) fn new(now: Instant) -> Self {
        Traffic {
            to_server: Flow::default(),
            to_client: Flow::default(),
            duplex: Duplex::Full,
            idle_limit: None,
            last_seen: now,
        }
    }

    pub(crate) fn apply(&mut self, change: Change, now: Instant) {
        match change {
            Change::Flow(direction, change) => {
                if direction != Direction::ToClient {
                    self.to_server.apply(change.clone(), now);
                }
                if direction != Direction::ToServer {
                    self.to_client.apply(change, now);
                }
            }
            Change::HalfDuplex => self.duplex = Duplex::Half,
            Change::CutWhenIdle(after, cut) => {
                self.idle_limit = Some((after, cut));
                self.last_seen = now;
            }
            Change::Heal => {
                self.to_server.heal(now);
                self.to_client.heal(now);
                self.duplex = Duplex::Full;
                self.idle_limit = None;
            }
        }
    }

    pub(crate) fn touch(&mut self, now: Instant) {
        self.last_seen = now;
    }

    /// When the connection is cut unless bytes come, and how.
    pub(crate) fn idle_until(&self) -> Option<(Instant, Cut)> {
        self.idle_limit.map(|(after, cut)| (self.last_seen + after, cut))
    }

    fn is_silent(&self) -> bool {
        self.to_server.is_stalled() && self.to_client.is_stalled()
    }
}

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

/// One connection, as the test that drives it sees it.
#[derive(Debug)]
pub(crate) struct Wire {
    state: Mutex<WireState>,
    pub(crate) tally: Arc<Tally>,
}

#[derive(Debug)]
pub(crate) struct WireState {
    pub(crate) traffic: Traffic,
    pub(crate) cut: Option<Cut>,
    /// The connection's task.
    pub(crate) waker: Option<Waker>,
}

impl Wire {
    pub(crate) fn new(traffic: Traffic, tally: Arc<Tally>) -> Self {
        Wire { state: Mutex::new(WireState { traffic, cut: None, waker: None }), tally }
    }

    /// The state. Not to be held over an await.
    pub(crate) fn lock(&self) -> MutexGuard<'_, WireState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn apply(&self, change: Change, now: Instant) {
        self.alter(|state| state.traffic.apply(change, now));
    }

    pub(crate) fn cut(&self, cut: Cut) {
        self.alter(|state| state.cut = Some(cut));
    }

    fn alter(&self, alter: impl FnOnce(&mut WireState)) {
        let mut state = self.lock();
        alter(&mut state);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Ready when the connection may go on to the server, or is to be cut before.
    pub(crate) fn poll_admission(&self, context: &mut Context<'_>) -> Poll<Result<(), Cut>> {
        let mut state = self.lock();
        let WireState { traffic, cut, waker } = &mut *state;
        let limits = [traffic.to_server.pass_limit(), traffic.to_client.pass_limit()];
        if let Some(cut) = cut.or(limits[0]).or(limits[1]) {
            return Poll::Ready(Err(cut));
        }
        *waker = Some(context.waker().clone());
        if traffic.is_silent() { Poll::Pending } else { Poll::Ready(Ok(())) }
    }

    /// Ready when the connection is to be cut, whatever else.
    pub(crate) fn poll_cut(&self, context: &mut Context<'_>) -> Poll<Cut> {
        let mut state = self.lock();
        state.waker = Some(context.waker().clone());
        state.cut.map_or(Poll::Pending, Poll::Ready)
    }
}
