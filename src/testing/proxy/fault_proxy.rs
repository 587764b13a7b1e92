//! The fault proxy as a test holds it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::{TcpListener, ToSocketAddrs, lookup_host};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use super::door::Door;
use super::fault::{Cut, Direction};
use super::faults::Faults;
use super::hub::{Hub, Scope, accept};
use super::tally::Tallied;

/// A TCP proxy that fails as networks and servers do, when a test says so.
///
/// It listens on a free port of 127.0.0.1 and makes a connection to the server for each one it accepts. Left alone it
/// forwards everything as it comes: bytes, half-closed connections, resets. A server that can't be reached shows as a
/// connection that is accepted and ended by FIN. What passes is of no importance: plaintext, TLS, any protocol.
///
/// [`cut`](Self::cut) with [`Cut::Rst`] and [`refuse`](Self::refuse) close sockets. While the test's process starts a child
/// process, the child holds them too until it executes its program: what closing does then comes some milliseconds late.
///
/// Dropping it closes its port and its connections and ends its tasks.
///
/// ```
/// use steadfast::api::Strings;
/// use steadfast::testing::{Cut, Direction, FakeServer, FaultProxy};
/// use steadfast::{Client, ErrorKind, Fate};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = FakeServer::start().await?;
/// let proxy = FaultProxy::start(server.address()).await?;
/// let client = Client::connect(proxy.url()).await?;
/// client.set("greeting", "hello").await?;
///
/// // An idle connection is lost: the next call does not notice.
/// proxy.cut(Cut::Rst);
/// proxy.wait_for_accepted(2).await;
/// let greeting: Option<String> = client.get("greeting").await?;
/// assert_eq!(greeting.as_deref(), Some("hello"));
///
/// // A reply is cut in the middle: the caller is told that the command may have run.
/// proxy.current().cut_after(Direction::ToClient, 3, Cut::Fin);
/// let error = client.incr("visits").await.unwrap_err();
/// assert_eq!((error.kind(), error.fate()), (ErrorKind::Connection, Fate::Unknown));
/// assert_eq!(server.run(["GET", "visits"]), steadfast::resp::Value::bulk("1"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct FaultProxy {
    hub: Arc<Hub>,
    runtime: Handle,
    accepting: AbortHandle,
}

impl FaultProxy {
    /// A proxy to this server, on the tokio runtime that runs this. A name is resolved now; its addresses are tried in turn for each
    /// connection.
    ///
    /// # Errors
    /// If the name can't be resolved, or no port on 127.0.0.1 be bound. The server need not be there yet.
    pub async fn start(upstream: impl ToSocketAddrs) -> io::Result<Self> {
        let upstream = lookup_host(upstream).await?.collect();
        let door = Door::new(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?)?;
        let hub = Arc::new(Hub::new(door, upstream));
        let accepting = tokio::spawn(accept(Arc::clone(&hub))).abort_handle();
        Ok(FaultProxy { hub, runtime: Handle::current(), accepting })
    }

    /// Where it listens; the same for as long as it lives.
    pub fn address(&self) -> SocketAddr {
        self.hub.door.address()
    }

    /// The port on 127.0.0.1 where it listens.
    pub fn port(&self) -> u16 {
        self.address().port()
    }

    /// `redis://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// From now on, new connections go to this server. Those that are open stay where they are; to move them as a
    /// failover would, [`cut`](Self::cut) them after this.
    ///
    /// # Errors
    /// If the name can't be resolved.
    pub async fn set_upstream(&self, upstream: impl ToSocketAddrs) -> io::Result<()> {
        self.hub.set_upstream(lookup_host(upstream).await?.collect());
        Ok(())
    }

    /// Faults for the connections that are open and all that will be accepted.
    pub fn all(&self) -> Faults<'_> {
        Faults::new(&self.hub, Scope::All)
    }

    /// Faults for the connections that are open now.
    pub fn current(&self) -> Faults<'_> {
        Faults::new(&self.hub, Scope::Current)
    }

    /// Faults for the connection that will be accepted next, and only for that one; they add to those set for
    /// [all](Self::all).
    pub fn next(&self) -> Faults<'_> {
        Faults::new(&self.hub, Scope::Next)
    }

    /// Cuts the open connections before it returns, on both sides, and says how many there were. What was read and not
    /// forwarded is lost. New ones are accepted. An RST can come some milliseconds late while a child process is being
    /// started, see [`FaultProxy`].
    pub fn cut(&self, cut: Cut) -> usize {
        self.hub.cut(cut)
    }

    /// Closes the port: new connections are refused, and reset if they were waiting to be accepted. Open ones go on. It can
    /// take effect some milliseconds late while a child process is being started, see [`FaultProxy`].
    pub fn refuse(&self) {
        self.hub.door.refuse();
    }

    /// Opens the port again after [`refuse`](Self::refuse) or [`pause_accept`](Self::pause_accept).
    ///
    /// # Errors
    /// If the port can't be had, which the proxy keeps for itself meanwhile.
    pub fn reopen(&self) -> io::Result<()> {
        // A listener belongs to a runtime, and the caller need not be on one.
        let _entered = self.runtime.enter();
        self.hub.door.open()
    }

    /// Leaves new connections waiting in the system's backlog: they are made and nobody reads or answers. Open ones go on.
    pub fn pause_accept(&self) {
        self.hub.door.pause();
    }

    /// Accepts the connections that have waited, and new ones.
    pub fn resume_accept(&self) {
        self.hub.door.resume();
    }

    /// Takes back all faults, for open and new connections, and opens the port.
    ///
    /// # Errors
    /// As [`reopen`](Self::reopen).
    pub fn heal(&self) -> io::Result<()> {
        self.hub.heal();
        self.reopen()
    }

    /// How many connections were accepted since the start.
    pub fn accepted(&self) -> u64 {
        self.hub.counts.borrow().accepted
    }

    /// How many connections are open: accepted, and neither cut nor ended by both peers.
    pub fn open(&self) -> usize {
        self.hub.counts.borrow().open
    }

    /// Waits until at least so many connections were accepted since the start.
    pub async fn wait_for_accepted(&self, connections: u64) {
        let mut counts = self.hub.counts.subscribe();
        // It can't fail: the sender is here.
        let _ = counts.wait_for(|counts| counts.accepted >= connections).await;
    }

    /// Waits until exactly so many connections are open.
    pub async fn wait_for_open(&self, connections: usize) {
        let mut counts = self.hub.counts.subscribe();
        // It can't fail: the sender is here.
        let _ = counts.wait_for(|counts| counts.open == connections).await;
    }

    /// How many bytes were read from the senders, on all connections since the start; for `Both`, the sum.
    pub fn received(&self, direction: Direction) -> u64 {
        self.sum(direction, Tallied::received)
    }

    /// How many bytes were written to the receivers, on all connections since the start, those
    /// [inserted](super::Corruption::Insert) among them; for `Both`, the sum.
    pub fn forwarded(&self, direction: Direction) -> u64 {
        self.sum(direction, Tallied::forwarded)
    }

    fn sum(&self, direction: Direction, count: impl Fn(&Tallied) -> u64) -> u64 {
        let tally = &self.hub.tally;
        match direction {
            Direction::ToServer => count(&tally.to_server),
            Direction::ToClient => count(&tally.to_client),
            Direction::Both => count(&tally.to_server) + count(&tally.to_client),
        }
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.hub.door.shut();
        self.accepting.abort();
    }
}
