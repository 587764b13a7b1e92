//! One connection: shared by its task, which moves the bytes, and the test, which says what becomes of them.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::net::TcpStream;
use tokio::time::Instant;

use super::closing::{Ending, end, reset, shut};
use super::fault::{Change, Cut};
use super::relay::Relay;
use super::tally::Tally;
use super::traffic::Traffic;

/// One connection.
#[derive(Debug)]
pub(crate) struct Wire {
    state: Mutex<WireState>,
    tally: Arc<Tally>,
}

#[derive(Debug)]
struct WireState {
    traffic: Traffic,
    sockets: Sockets,
    /// Already done to the sockets.
    cut: Option<Cut>,
    /// Of the connection's task.
    waker: Option<Waker>,
}

/// The ends that are there.
#[derive(Debug)]
enum Sockets {
    Client(TcpStream),
    Both(Relay),
    Gone,
}

impl Sockets {
    fn take(&mut self) -> Vec<TcpStream> {
        match mem::replace(self, Sockets::Gone) {
            Sockets::Client(client) => vec![client],
            Sockets::Both(Relay { client, server, .. }) => vec![client, server],
            Sockets::Gone => Vec::new(),
        }
    }
}

impl Wire {
    pub(crate) fn new(client: TcpStream, traffic: Traffic, tally: Arc<Tally>) -> Self {
        let state = WireState { traffic, sockets: Sockets::Client(client), cut: None, waker: None };
        Wire { state: Mutex::new(state), tally }
    }

    pub(crate) fn apply(&self, change: Change, now: Instant) {
        self.alter(|state| {
            state.traffic.apply(change, now);
            if let Some(cut) = state.traffic.pass_limit() {
                state.cut(cut);
            }
        });
    }

    /// Cuts the connection before this returns.
    pub(crate) fn cut(&self, cut: Cut) {
        self.alter(|state| state.cut(cut));
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

    /// Ready when the connection may go on to the server, or was cut before.
    pub(crate) fn poll_admission(&self, context: &mut Context<'_>) -> Poll<Result<(), Cut>> {
        let mut state = self.lock();
        if let Some(cut) = state.cut.or_else(|| state.traffic.pass_limit()) {
            return Poll::Ready(Err(cut));
        }
        state.waker = Some(context.waker().clone());
        if state.traffic.is_silent() { Poll::Pending } else { Poll::Ready(Ok(())) }
    }

    /// Ready when the connection was cut.
    pub(crate) fn poll_cut(&self, context: &mut Context<'_>) -> Poll<Cut> {
        let mut state = self.lock();
        state.waker = Some(context.waker().clone());
        state.cut.map_or(Poll::Pending, Poll::Ready)
    }

    /// The connection goes on to here.
    pub(crate) fn join(&self, server: TcpStream) {
        let mut state = self.lock();
        state.sockets = match mem::replace(&mut state.sockets, Sockets::Gone) {
            Sockets::Client(client) => Sockets::Both(Relay::new(client, server)),
            // It was cut at this very moment.
            other => other,
        };
    }

    /// Moves what can be moved; ready when the connection is over.
    pub(crate) fn poll(&self, context: &mut Context<'_>) -> Poll<Ending> {
        let mut state = self.lock();
        let WireState { traffic, sockets, cut, waker } = &mut *state;
        *waker = Some(context.waker().clone());
        match (cut, sockets) {
            (Some(cut), _) => Poll::Ready(Ending::CutNow(*cut)),
            (None, Sockets::Both(relay)) => relay.poll(traffic, &self.tally, context),
            (None, Sockets::Client(_) | Sockets::Gone) => Poll::Ready(Ending::Closed),
        }
    }

    /// Ends what is left of the connection.
    pub(crate) async fn end(&self, ending: Ending) {
        let sockets = self.lock().sockets.take();
        end(sockets, ending).await;
    }

    /// Not to be held over an await.
    fn lock(&self) -> MutexGuard<'_, WireState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WireState {
    fn cut(&mut self, cut: Cut) {
        if self.cut.is_some() {
            return;
        }
        self.cut = Some(cut);
        match (cut, &self.sockets) {
            (Cut::Rst, _) => self.sockets.take().into_iter().for_each(reset),
            (Cut::Fin, Sockets::Both(relay)) => {
                shut(&relay.client);
                shut(&relay.server);
            }
            (Cut::Fin, Sockets::Client(client)) => shut(client),
            (Cut::Fin, Sockets::Gone) => {}
        }
    }
}
