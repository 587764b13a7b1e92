//! What can be done to connections.

use std::time::Duration;

use super::fault::{Change, Corruption, Cut, Delay, Direction, FlowChange, Gate, Then};
use super::hub::{Hub, Scope};

/// What can be done to connections of a [`FaultProxy`](super::FaultProxy): to [all](super::FaultProxy::all), to those that
/// are [open](super::FaultProxy::current), or to the [next](super::FaultProxy::next) one.
///
/// Each method takes effect before it returns, and gives back the same connections, for more. Faults of different kinds
/// add up; one of the same kind and direction takes the place of the one before. Where bytes are counted, it is
/// those that the proxy forwards from this call on, in each connection and direction apart.
#[derive(Clone, Copy, Debug)]
#[must_use = "this does nothing by itself: its methods do"]
pub struct Faults<'a> {
    hub: &'a Hub,
    scope: Scope,
}

impl<'a> Faults<'a> {
    pub(crate) fn new(hub: &'a Hub, scope: Scope) -> Self {
        Faults { hub, scope }
    }

    fn apply(&self, change: &Change) -> &Self {
        self.hub.apply(self.scope, change);
        self
    }

    fn flow(&self, direction: Direction, change: FlowChange) -> &Self {
        self.apply(&Change::Flow(direction, change))
    }

    /// Cuts the connection when `bytes` more have been forwarded: that many reach the receiver and the next one does not.
    /// What was read and not forwarded is lost. With 0 the cut comes before this returns; a new connection is then cut before one
    /// to the server is made.
    ///
    /// On systems other than Linux an RST may overtake bytes that the receiver was slow to take, and where it takes none for
    /// a second, on Linux too.
    pub fn cut_after(&self, direction: Direction, bytes: u64, cut: Cut) -> &Self {
        self.flow(direction, FlowChange::After(bytes, Then::Cut(cut)))
    }

    /// [Stalls](Self::stall) this direction when `bytes` more have been forwarded: a reply that hangs in the middle. It
    /// takes the place of a cut that would have come later, and the other way round.
    pub fn stall_after(&self, direction: Direction, bytes: u64) -> &Self {
        self.flow(direction, FlowChange::After(bytes, Then::Close(Gate::Stalled)))
    }

    /// Stops this direction: nothing is read and nothing is forwarded, the end of the stream included. TCP takes from the
    /// sender what the buffers of both systems hold, some megabytes, and then its writes wait. Nothing is lost:
    /// [`resume`](Self::resume) lets it go on.
    pub fn stall(&self, direction: Direction) -> &Self {
        self.flow(direction, FlowChange::Gate(Gate::Stalled))
    }

    /// Stops both directions, like [`stall`](Self::stall). A new connection is accepted and nothing else: none is made to the
    /// server before one direction [resumes](Self::resume).
    pub fn silence(&self) -> &Self {
        self.stall(Direction::Both)
    }

    /// Reads and throws away what comes in this direction, and what had not been forwarded yet. No FIN and no RST is
    /// passed on: the receiver hears nothing, and the sender believes that all is well. After
    /// [`resume`](Self::resume) the stream goes on with a gap, and an end that came meanwhile is told: mostly one cuts instead.
    pub fn black_hole(&self, direction: Direction) -> &Self {
        self.flow(direction, FlowChange::Gate(Gate::BlackHole))
    }

    /// Ends a stall or a black hole.
    pub fn resume(&self, direction: Direction) -> &Self {
        self.flow(direction, FlowChange::Gate(Gate::Open))
    }

    /// Keeps what is read from now on for this long before it is forwarded. An end of the stream is late, too.
    pub fn delay(&self, direction: Direction, delay: impl Into<Delay>) -> &Self {
        self.flow(direction, FlowChange::Delay(delay.into()))
    }

    /// Forwards at most so many bytes per second, in portions of a hundredth of that. 0 is taken for 1.
    pub fn throttle(&self, direction: Direction, bytes_per_second: u64) -> &Self {
        self.flow(direction, FlowChange::Throttle(bytes_per_second))
    }

    /// Forwards at most so many bytes with one write, and lets other tasks run after each. A receiver that is slow to read
    /// still finds several slices at once: a [throttle](Self::throttle) as well keeps them apart. 0 is taken for 1.
    pub fn slice(&self, direction: Direction, bytes: usize) -> &Self {
        self.flow(direction, FlowChange::Slice(bytes))
    }

    /// Reads from a side only when nothing is to be written to it, as simple proxies do: two peers that write without
    /// reading then wait for each other for ever.
    pub fn half_duplex(&self) -> &Self {
        self.apply(&Change::HalfDuplex)
    }

    /// Does this to the byte that `offset` more bytes precede: with 0, to the next one. Several can be set.
    pub fn corrupt(&self, direction: Direction, offset: u64, corruption: Corruption) -> &Self {
        self.flow(direction, FlowChange::Corrupt(offset, corruption))
    }

    /// Cuts the connection whenever no byte has been read or forwarded, in any direction, for this long. The time begins
    /// with this call, for a new connection when the one to the server is made. It is good to about a millisecond.
    pub fn cut_when_idle(&self, after: Duration, cut: Cut) -> &Self {
        self.apply(&Change::CutWhenIdle(after, cut))
    }

    /// Takes back all faults set so far. What is held by a stall or a delay is forwarded; what was lost stays lost.
    pub fn heal(&self) -> &Self {
        self.apply(&Change::Heal)
    }
}
