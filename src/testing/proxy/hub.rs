//! All connections of a proxy: how they come, what is set for them, how many there are.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::closing::Ending;
use super::door::Door;
use super::fault::{Change, Cut};
use super::tally::Tally;
use super::traffic::Traffic;
use super::wire::Wire;

/// What the connections, the accepting task and the test share.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) door: Door,
    pub(crate) counts: watch::Sender<Counts>,
    pub(crate) tally: Arc<Tally>,
    registry: Mutex<Registry>,
}

/// How many connections there were and are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) accepted: u64,
    pub(crate) open: usize,
}

/// Which connections a change is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Those that are open, and all that come.
    All,
    /// Those that are open.
    Current,
    /// The one that is accepted next.
    Next,
}

#[derive(Debug)]
struct Registry {
    upstream: Vec<SocketAddr>,
    /// What a new connection is like.
    model: Traffic,
    /// What else changes for the next one.
    next: Vec<Change>,
    wires: HashMap<u64, Arc<Wire>>,
}

impl Hub {
    pub(crate) fn new(door: Door, upstream: Vec<SocketAddr>) -> Self {
        let model = Traffic::new(Instant::now());
        let registry = Registry { upstream, model, next: Vec::new(), wires: HashMap::new() };
        Hub { door, counts: watch::Sender::default(), tally: Arc::default(), registry: Mutex::new(registry) }
    }

    pub(crate) fn set_upstream(&self, upstream: Vec<SocketAddr>) {
        self.lock().upstream = upstream;
    }

    pub(crate) fn apply(&self, scope: Scope, change: &Change) {
        let now = Instant::now();
        let mut registry = self.lock();
        match scope {
            Scope::All => registry.model.apply(change.clone(), now),
            Scope::Current => {}
            Scope::Next => return registry.next.push(change.clone()),
        }
        registry.wires.values().for_each(|wire| wire.apply(change.clone(), now));
    }

    /// Takes back all changes, made and to be made.
    pub(crate) fn heal(&self) {
        self.lock().next.clear();
        self.apply(Scope::All, &Change::Heal);
    }

    pub(crate) fn cut(&self, cut: Cut) -> usize {
        let mut registry = self.lock();
        let wires = mem::take(&mut registry.wires);
        wires.values().for_each(|wire| wire.cut(cut));
        self.counts.send_modify(|counts| counts.open -= wires.len());
        wires.len()
    }

    /// Enters a connection that was accepted.
    fn admit(self: &Arc<Self>, client: TcpStream) -> Entry {
        let now = Instant::now();
        let mut registry = self.lock();
        let mut traffic = registry.model.clone();
        traffic.touch(now);
        for change in mem::take(&mut registry.next) {
            traffic.apply(change, now);
        }
        let wire = Arc::new(Wire::new(client, traffic, Arc::clone(&self.tally)));
        let mut id = 0;
        self.counts.send_modify(|counts| {
            id = counts.accepted;
            counts.accepted += 1;
            counts.open += 1;
        });
        registry.wires.insert(id, Arc::clone(&wire));
        Entry { hub: Arc::clone(self), id, wire }
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's place among the others, until it is dropped.
struct Entry {
    hub: Arc<Hub>,
    id: u64,
    wire: Arc<Wire>,
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.hub.lock().wires.remove(&self.id).is_some() {
            self.hub.counts.send_modify(|counts| counts.open -= 1);
        }
    }
}

/// Accepts connections until the future is dropped; all connections end with it.
pub(crate) async fn accept(hub: Arc<Hub>) {
    let mut connections = JoinSet::new();
    loop {
        let arrival = poll_fn(|context| {
            while let Poll::Ready(Some(_)) = connections.poll_join_next(context) {}
            hub.door.poll_accept(context)
        });
        match arrival.await {
            Ok(client) => {
                connections.spawn(serve(hub.admit(client)));
            }
            // Out of file descriptors, perhaps.
            Err(_) => tokio::time::sleep(PAUSE_AFTER_FAILURE).await,
        }
    }
}

async fn serve(entry: Entry) {
    let wire = Arc::clone(&entry.wire);
    let ending = match connect(&entry).await {
        Ok(server) => {
            wire.join(server);
            poll_fn(|context| wire.poll(context)).await
        }
        Err(cut) => Ending::CutNow(cut),
    };
    // Who sees the end shall find it counted.
    drop(entry);
    wire.end(ending).await;
}

/// The connection to the server, or how the client's is to end.
async fn connect(entry: &Entry) -> Result<TcpStream, Cut> {
    let wire = &entry.wire;
    poll_fn(|context| wire.poll_admission(context)).await?;
    let upstream = entry.hub.lock().upstream.clone();
    let mut dialing = pin!(dial(&upstream));
    poll_fn(|context| match wire.poll_cut(context) {
        Poll::Ready(cut) => Poll::Ready(Err(cut)),
        Poll::Pending => dialing.as_mut().poll(context).map_err(|error| told(&error)),
    })
    .await
}

/// How a client hears that the server can't be reached.
fn told(error: &io::Error) -> Cut {
    // Then it was reached, and has reset the connection at once.
    if error.kind() == io::ErrorKind::ConnectionReset { Cut::Rst } else { Cut::Fin }
}

async fn dial(upstream: &[SocketAddr]) -> io::Result<TcpStream> {
    TcpStream::connect(upstream).await
}

const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(10);
