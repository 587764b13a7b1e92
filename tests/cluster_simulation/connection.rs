//! Connections: bytes under way in both directions, and the ends that befall them.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::{Buf, BytesMut};
use steadfast::{Address, BoxFuture, Connector, Io};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Duration, sleep};

use crate::view::NodeId;
use crate::wire::{self, Words};
use crate::world::{Cut, Event, Millis, Shared, World};

/// A connection, as both sides and what is between them see it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) node: NodeId,
    pub(crate) port: u16,
    latency: Millis,
    up: VecDeque<(Millis, Vec<u8>)>,
    up_bytes: usize,
    /// What is sent from now on does not arrive.
    is_lost: bool,
    down: VecDeque<(Millis, Vec<u8>)>,
    /// What has arrived at the node.
    inbox: BytesMut,
    /// What has arrived at the client.
    readable: BytesMut,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// What the client has seen of its end.
    end: Option<End>,
    /// How the node's side has ended.
    gone: Option<End>,
    /// The client has closed it.
    pub(crate) is_closed: bool,
    pub(crate) cut: Option<Cut>,
    /// The node does not answer the next command until it knows more.
    pub(crate) holds: bool,
    /// Speaks RESP3.
    pub(crate) is_new: bool,
    pub(crate) reads: bool,
    pub(crate) asking: bool,
    pub(crate) queued: Option<Vec<Words>>,
    pub(crate) is_dirty: bool,
    /// It was used for a command of a caller, for the last time then.
    pub(crate) used: bool,
    /// What arrived has waited.
    pub(crate) was_delayed: bool,
    /// Another one was used after it.
    pub(crate) is_outdated: bool,
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    Fin,
    Rst,
}

/// One client's way to the nodes.
pub(crate) struct Roads(pub(crate) Arc<Shared>);

/// The client's side of a connection.
struct Pipe {
    shared: Arc<Shared>,
    number: usize,
}

impl Connector for Roads {
    fn connect<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
        Box::pin(async move {
            let Address::Tcp { port, .. } = address else { return Err(io::ErrorKind::Unsupported.into()) };
            loop {
                let latency = self.0.lock().dial(*port);
                match latency {
                    Some(latency) => {
                        sleep(Duration::from_millis(latency)).await;
                        let number = self.0.lock().accept(*port);
                        let number = number.ok_or(io::ErrorKind::ConnectionRefused)?;
                        return Ok(Box::new(Pipe { shared: Arc::clone(&self.0), number }) as Box<dyn Io>);
                    }
                    // Nobody answers: it is tried again as a system does.
                    None => sleep(Duration::from_millis(200)).await,
                }
            }
        })
    }
}

impl World {
    /// How long it takes to get there; `None`: nothing comes back.
    fn dial(&mut self, port: u16) -> Option<Millis> {
        self.count("dials");
        let Some(node) = self.by_port.get(&port) else { return Some(0) };
        let it = &self.nodes[*node];
        if it.cut > self.now || it.hangs > self.now {
            self.count("dials into nothing");
            return None;
        }
        Some(2 * it.latency)
    }

    /// A new connection; `None`: it is refused.
    fn accept(&mut self, port: u16) -> Option<usize> {
        let node = *self.by_port.get(&port)?;
        let now = self.now;
        let it = &mut self.nodes[node];
        if it.left || it.down > now || it.refuses > now {
            self.count("refused dials");
            return None;
        }
        let cut = if it.cuts.is_empty() { None } else { Some(it.cuts.remove(0)) };
        let latency = it.latency;
        self.connections.push(Connection {
            node,
            port,
            latency,
            up: VecDeque::new(),
            up_bytes: 0,
            is_lost: false,
            down: VecDeque::new(),
            inbox: BytesMut::new(),
            readable: BytesMut::new(),
            reader: None,
            writer: None,
            end: None,
            gone: None,
            is_closed: false,
            cut,
            holds: false,
            is_new: false,
            reads: false,
            asking: false,
            queued: None,
            is_dirty: false,
            used: false,
            was_delayed: false,
            is_outdated: false,
        });
        let number = self.connections.len() - 1;
        self.tell(|| format!("{number} to node {node}: connected, port {port}"));
        self.accepted.entry(port).or_default().push(now);
        if !self.is_large && self.live(port) > MOST_CONNECTIONS {
            self.after(GRACE, Event::Recount(port));
        }
        Some(number)
    }

    /// How many connections the client has to it.
    fn live(&self, port: u16) -> usize {
        self.connections.iter().filter(|other| other.port == port && other.is_open()).count()
    }

    /// One may be in use, and one be made to take its place; those of a node that has left end soon.
    pub(crate) fn recount(&mut self, port: u16) {
        let live = self.live(port);
        if live > MOST_CONNECTIONS {
            self.complain(format_args!("the client has {live} connections to port {port}, and had a while ago"));
        }
    }

    /// A caller's command arrives on a connection: all callers of a client share one to each node.
    pub(crate) fn note_used(&mut self, number: usize) {
        if self.is_large {
            return;
        }
        let port = self.connections[number].port;
        if self.connections[number].is_outdated && self.connections[number].is_open() {
            self.complain(format_args!("two connections to port {port} are used by turns"));
        }
        self.connections[number].used = true;
        for older in self.connections[..number].iter_mut().filter(|older| older.port == port) {
            older.is_outdated = true;
        }
    }

    /// The node takes what has arrived and does what it says.
    pub(crate) fn process(&mut self, number: usize) {
        let now = self.now;
        let (down, paused, cut) = {
            let node = &self.nodes[self.connections[number].node];
            (node.down > now || node.left, node.paused > now, node.cut > now)
        };
        self.connections[number].was_delayed |= cut || paused || self.connections[number].holds;
        if cut || down || self.connections[number].gone.is_some() {
            return;
        }
        let it = &mut self.connections[number];
        while it.up.front().is_some_and(|(due, _)| *due <= now) {
            if let Some((_, bytes)) = it.up.pop_front() {
                it.up_bytes -= bytes.len();
                it.inbox.extend_from_slice(&bytes);
            }
        }
        if it.up_bytes == 0 {
            it.writer.take().into_iter().for_each(Waker::wake);
        }
        while !paused && !self.connections[number].holds {
            let Some((words, length)) = wire::parse(&self.connections[number].inbox) else { break };
            let mut out = Vec::new();
            let is_done = self.execute(number, &words, &mut out);
            self.tell(|| {
                let words: Vec<_> = words.iter().map(|word| String::from_utf8_lossy(word)).collect();
                let answer = String::from_utf8_lossy(&out[..out.len().min(60)]).replace("\r\n", " ");
                format!("{number} to node {}: {} -> {answer}", self.connections[number].node, words.join(" "))
            });
            if !is_done {
                self.connections[number].holds = true;
                self.count("held writes");
                break;
            }
            wire::consume(&mut self.connections[number].inbox, length);
            self.answer(number, out);
            if self.connections[number].gone.is_some() {
                break;
            }
        }
        let it = &mut self.connections[number];
        it.was_delayed &= !it.inbox.is_empty() || !it.up.is_empty();
    }

    fn answer(&mut self, number: usize, mut bytes: Vec<u8>) {
        let now = self.now;
        let it = &mut self.connections[number];
        let due = it.down.back().map_or(0, |(due, _)| *due).max(now + it.latency);
        let mut dies = None;
        if let Some(cut) = it.cut.as_mut().filter(|cut| !cut.is_up) {
            if cut.behind <= bytes.len() {
                bytes.truncate(cut.behind);
                dies = Some(cut.end);
            }
            cut.behind -= bytes.len();
        }
        it.down.push_back((due, bytes));
        self.at(due, Event::Down(number));
        if let Some(end) = dies {
            self.connections[number].cut = None;
            self.kill(number, end);
        }
    }

    /// The client gets what has arrived.
    pub(crate) fn deliver(&mut self, number: usize) {
        let now = self.now;
        let node = &self.nodes[self.connections[number].node];
        if node.cut > now || node.mute > now {
            return;
        }
        let it = &mut self.connections[number];
        while it.down.front().is_some_and(|(due, _)| *due <= now) {
            if let Some((_, bytes)) = it.down.pop_front() {
                it.readable.extend_from_slice(&bytes);
            }
        }
        if it.gone == Some(End::Rst) || (it.gone.is_some() && it.down.is_empty()) {
            it.end = it.gone;
            it.writer.take().into_iter().for_each(Waker::wake);
        }
        it.reader.take().into_iter().for_each(Waker::wake);
    }

    /// The node's side of a connection ends.
    pub(crate) fn kill(&mut self, number: usize, end: End) {
        self.tell(|| format!("{number}: ended by the node, {end:?}"));
        let it = &mut self.connections[number];
        if it.gone.is_none() {
            it.gone = Some(end);
            let due = it.down.back().map_or(0, |(due, _)| *due).max(self.now + it.latency);
            self.at(due, Event::Down(number));
            self.count("cuts");
        }
    }
}

impl Connection {
    /// Whether the client has it and takes it for one.
    pub(crate) fn is_open(&self) -> bool {
        !self.is_closed && self.end.is_none()
    }
}

impl AsyncRead for Pipe {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut world = self.shared.lock();
        let it = &mut world.connections[self.number];
        if it.end == Some(End::Rst) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if it.readable.is_empty() {
            if it.end.is_some() {
                return Poll::Ready(Ok(()));
            }
            it.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = it.readable.len().min(buffer.remaining());
        buffer.put_slice(&it.readable[..count]);
        it.readable.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let mut world = self.shared.lock();
        let (now, window, chunk) = (world.now, world.traits.window, world.traits.chunk);
        let it = &mut world.connections[self.number];
        if it.end.is_some() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let count = bytes.len().min(chunk).min(window.saturating_sub(it.up_bytes));
        if count == 0 && !bytes.is_empty() {
            it.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let mut passed = count;
        let mut dies = None;
        if let Some(cut) = it.cut.as_mut().filter(|cut| cut.is_up) {
            if cut.behind <= count {
                passed = cut.behind;
                dies = Some(cut.end);
            }
            cut.behind -= passed;
        }
        let due = it.up.back().map_or(0, |(due, _)| *due).max(now + it.latency);
        // What is taken after the cut is lost.
        if it.gone.is_none() && !it.is_lost {
            it.up.push_back((due, bytes[..passed].to_vec()));
            it.up_bytes += passed;
            let number = self.number;
            if let Some(end) = dies {
                it.cut = None;
                it.is_lost = true;
                world.at(due, Event::Up(number));
                world.at(due, Event::Die(number, end));
            } else {
                world.at(due, Event::Up(number));
            }
        }
        drop(world);
        self.shared.notice();
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        let mut world = self.shared.lock();
        let it = &mut world.connections[self.number];
        it.is_closed = true;
        it.readable = BytesMut::new();
        world.tell(|| format!("{}: closed by the client", self.number));
    }
}

/// The one that is used, and one that may take its place.
const MOST_CONNECTIONS: usize = 2;

/// How long a link that is closed lets answers come, and a bit.
const GRACE: Millis = 1_100;
