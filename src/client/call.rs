//! A call: a command on its way, to be awaited.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use super::blocking::{Blocked, Miss, Times};
use super::handle::{Client, deadline_of};
use super::lease::{self, Burden};
use super::report::{self, Name};
use super::routed::{Routed, Target, Way};
use super::settings::policy;
use super::spreading::{Gathered, Gathering, Spreading};
use crate::command::{Command, Encoded, Limit, Needs, OnRefusal, Reader, Replay, Request, ServerError, Unfit};
use crate::connection::{Entry, Lost, Reason, Room, Sent};
use crate::driver::{Outcome, Posted};
use crate::error::Error;
use crate::outcome::{Address, Fate};
use crate::resp::{Frame, Reply};
use crate::topology::{Arrival, Delivered, Deployed, Dispatch, End, Node, Routes, Routing, Settled};

/// A call: resolves to the answer, or to an [`Error`] that says what became of the command.
///
/// The deadline counts from the moment this was made; the command is sent when it is first polled.
///
/// # Cancellation
/// Can be dropped at any time, see [`Client`]. `Send`, whatever `T` is.
#[must_use = "a call does nothing until it is awaited"]
pub struct Call<'c, T> {
    terms: Terms<'c>,
    phase: Phase,
    reader: Reader<T>,
}

/// What holds for a call from its beginning to its end.
#[derive(Clone, Copy)]
struct Terms<'c> {
    client: &'c Client,
    limit: Limit,
    deadline: Option<Instant>,
    replay: Replay,
    on_refusal: OnRefusal,
    /// Whether a command that this one stands for may have run already.
    before: Sent,
}

enum Phase {
    Unsent(Command),
    Waiting(Posted, Name),
    /// At one of several nodes: the command may have to go on to another one.
    Routed(Routed),
    /// On its way from node to node.
    Dispatched(Gathering, Name),
    /// On a connection of its own.
    Blocked(Box<Blocked>),
    Done,
}

/// What a command's way begins with.
enum Begun {
    Posted(Posted),
    Routed(Routed),
    Dispatched(Gathering),
    Blocked(Box<Blocked>),
}

impl<'c, T> Call<'c, T> {
    pub(super) fn new<O>(request: Request<&'c Client, T, O>) -> Self {
        let Request { executor: client, command, deadline, replay, on_refusal, reader, .. } = request;
        let terms = Terms {
            client,
            limit: deadline,
            deadline: deadline_of(client.within(deadline)),
            replay: replay.unwrap_or(client.replay()),
            on_refusal: client.on_refusal(on_refusal),
            before: Sent::Once,
        };
        Self { terms, phase: Phase::Unsent(command), reader }
    }

    /// Another call with the same settings, until the same deadline, for a command that stands for the first one; `before`:
    /// whether that one may have run.
    pub(super) fn again(&self, command: Command, before: Sent) -> Self {
        Self { terms: Terms { before, ..self.terms }, phase: Phase::Unsent(command), reader: self.reader }
    }
}

impl Terms<'_> {
    /// Sends the command, or finds out which connection it needs.
    #[inline]
    fn begin(&self, command: &mut Command, name: &Name, cx: &Context<'_>) -> Result<Begun, Error> {
        if let Some(flaw) = command.flaw() {
            return Err(report::unfit(name, &flaw));
        }
        if let Some(lease) = self.client.lease() {
            lease::unfit(command).map_or(Ok(()), |unfit| Err(report::unfit(name, &unfit)))?;
            let burden = Burden::of(command);
            lease.note_command(command, &burden);
            lease.link().counters().count_issued(1);
            let deadline = burden.deadline(self.deadline, self.client.is_explicit(self.limit));
            return self.post(command, name, deadline, cx).map(Begun::Posted);
        }
        match command.needs() {
            Needs::Shared => self.post(command, name, self.deadline, cx).map(Begun::Posted),
            Needs::Blocking(block) => {
                let times = Times::of(self.client, self.limit, self.deadline, block);
                let policy = policy(self.replay, self.on_refusal, command);
                let command = std::mem::replace(command, Command::new(""));
                Blocked::new(self.client, command, (times, block), policy).map(Begun::Blocked)
            }
            Needs::Dedicated | Needs::Subscription => Err(report::unfit(name, &Unfit::Elsewhere(command.elsewhere()))),
        }
    }

    fn post(
        &self,
        command: &mut Command,
        name: &Name,
        deadline: Option<Instant>,
        cx: &Context<'_>,
    ) -> Result<Posted, Error> {
        command.seal();
        let Some(link) = self.client.link() else { return Err(report::closed(name)) };
        let slot = self.client.slot(cx.waker().clone(), 1);
        let policy = policy(self.replay, self.on_refusal, command);
        let posted = link.mailbox().post(slot, Room { commands: 1, bytes: command.size() }, 1, |log, ticket| {
            let len = command.write_to(log);
            Entry::single(ticket, len, deadline, policy)
        });
        posted.map_err(|lost| self.lost(name, lost))
    }

    /// Sends the command to the node that it belongs to, of several.
    fn route(&self, routes: &Routes, mut command: Command, name: &Name, cx: &Context<'_>) -> Result<Begun, Error> {
        command.seal();
        let policy = policy(self.replay, self.on_refusal, &command);
        let way = Way::of(&command, policy, routes).map_err(|unfit| report::unfit(name, &unfit))?;
        if way.is_to_several() {
            return Ok(Begun::Dispatched(self.spread(routes, &command, name, way)));
        }
        let node = match (&*routes.snapshot(), &way.target) {
            (Some(snapshot), &Target::Slot(slot)) => routes.choose(snapshot, slot, way.reads),
            _ => None,
        };
        let Some(node) = node else {
            let parcels = vec![way.parcel(&command)];
            return Ok(Begun::Dispatched(Gathered::of(Dispatch::new(routing(routes), parcels, self.deadline))));
        };
        let slot = self.client.slot(cx.waker().clone(), 1);
        let room = Room { commands: 1, bytes: command.size() };
        let first = if way.reads && routes.reads_elsewhere() { policy.without_retry() } else { policy };
        let posted = node.link().mailbox().post(slot, room, 1, |log, ticket| {
            let len = command.write_to(log);
            Entry::single(ticket, len, self.deadline, first)
        });
        match posted {
            Ok(posted) => Ok(Begun::Routed(Routed { posted, node, command, policy })),
            Err(lost) => {
                let sent = (node, Outcome::Lost(lost));
                let dispatch = Dispatch::after(routing(routes), way.parcel(&command), self.deadline, sent);
                Ok(Begun::Dispatched(Gathered::of(dispatch)))
            }
        }
    }

    /// Sends the command to all nodes that share in it.
    fn spread(&self, routes: &Routes, command: &Command, name: &Name, way: Way) -> Gathering {
        let mut bytes = Encoded::default();
        command.write_to(&mut bytes);
        let range = 0..bytes.len();
        let mut spreading = Spreading::new(routing(routes), self.deadline, self.client.within(self.limit));
        spreading.push(name.clone(), way, &Arc::new(bytes), range);
        Box::pin(spreading.run())
    }

    /// The node has not run the command: another one may.
    fn go_on(&self, routed: Routed, outcome: Outcome) -> Option<Gathering> {
        let Deployed::Many(routes) = self.client.deployed() else { return None };
        let Routed { posted, node, command, policy } = routed;
        posted.slot.recycle();
        let parcel = Way::of(&command, policy, routes).ok()?.parcel(&command);
        Some(Gathered::of(Dispatch::after(routing(routes), parcel, self.deadline, (node, outcome))))
    }

    /// What came of a command at the first node that it was sent to.
    fn routed<T>(&self, routed: &Routed, outcome: Outcome, reader: Reader<T>) -> Result<T, Error> {
        let (name, node) = (&routed.name(), routed.node.address());
        match outcome {
            Outcome::Answered(frame, sent) => self.read(name, node, (frame.reply(), sent), reader),
            Outcome::Lost(lost) => {
                let fate = report::unless_sent_before(lost.fate, self.before);
                Err(report::lost(name, node, self.client.within(self.limit), &Lost { fate, ..lost }))
            }
            // A single command is never answered as several are.
            Outcome::Group(_) => Err(report::closed(name)),
        }
    }

    fn lost(&self, name: &Name, lost: Lost) -> Error {
        if let (Some(lease), Fate::Unknown) = (self.client.lease(), lost.fate) {
            // With a lost connection its caller is told all there is to tell.
            let finder = self.client.finder_on(lease, name).filter(|_| matches!(lost.loss.reason, Reason::Deadline(_)));
            lease.note_given_up(finder.map(|finder| (finder, Arrival::Certain)));
        }
        let fate = report::unless_sent_before(lost.fate, self.before);
        report::lost(name, self.client.address(), self.client.within(self.limit), &Lost { fate, ..lost })
    }

    /// What came of a command at one or more of several nodes.
    fn delivered<T>(&self, name: &Name, gathered: Gathered, reader: Reader<T>) -> Result<T, Error> {
        let Gathered { delivered: Delivered { frames, mut settled }, mut errors } = gathered;
        if let Some((_, error)) = errors.pop() {
            return Err(error);
        }
        let Some(Settled { node, end }) = settled.pop() else { return Err(report::closed(name)) };
        let node = node.as_deref().map_or(self.client.address(), Node::address);
        match end {
            End::Answered { frame, reply, sent } => {
                let reply = frames.get(frame).and_then(|frame| frame.replies().nth(reply));
                reply.map_or_else(|| Err(report::closed(name)), |reply| self.read(name, node, (reply, sent), reader))
            }
            End::Lost(lost) => {
                let fate = report::unless_sent_before(lost.fate, self.before);
                Err(report::lost(name, node, self.client.within(self.limit), &Lost { fate, ..lost }))
            }
            // A single command is never answered as several are.
            End::Unit { .. } => Err(report::closed(name)),
        }
    }

    fn missed(&self, blocked: &Blocked, miss: &Miss) -> Error {
        let (name, node, times) = (&blocked.name, blocked.address(), &blocked.times);
        match miss {
            Miss::Unacquired(unacquired) => report::unacquired(name.shown(), node, times.within, unacquired),
            Miss::Lost(lost) => report::lost(name, node, times.in_all, lost),
        }
    }

    fn answer<T>(&self, name: &Name, frame: &Frame, sent: Sent, reader: Reader<T>) -> Result<T, Error> {
        if let Some(lease) = self.client.lease().filter(|_| !frame.has_error()) {
            lease.note_answered(name.facts());
        }
        self.read(name, self.client.address(), (frame.reply(), sent), reader)
    }

    fn read<T>(&self, name: &Name, node: &Address, answer: (Reply<'_>, Sent), reader: Reader<T>) -> Result<T, Error> {
        let (reply, sent) = answer;
        if reply.is_error() {
            let error = ServerError::from_bytes(reply.bytes().unwrap_or_default());
            let sent = if self.before == Sent::Again { self.before } else { sent };
            return Err(report::server(name, node, error, sent));
        }
        reader(reply).map_err(|error| report::conversion(name, node, error))
    }
}

fn routing(routes: &Routes) -> Arc<Routing> {
    Arc::clone(routes)
}

/// What is to be done once a command is sent.
enum Onward {
    /// Its caller will be woken.
    Wait,
    Poll,
}

impl<T> Call<'_, T> {
    /// Sends the command, or begins to find out where to.
    #[inline]
    fn send(&mut self, cx: &Context<'_>) -> Result<Onward, Error> {
        let Phase::Unsent(command) = &mut self.phase else { return Ok(Onward::Poll) };
        let name = Name::of(command);
        let begun = match self.terms.client.deployed() {
            Deployed::Many(routes) if self.terms.client.lease().is_none() && command.needs() == Needs::Shared => {
                // What answers may say that it goes on to another node: it is kept.
                let Phase::Unsent(command) = std::mem::replace(&mut self.phase, Phase::Done) else {
                    return Ok(Onward::Poll);
                };
                match command.flaw() {
                    Some(flaw) => Err(report::unfit(&name, &flaw)),
                    None => self.terms.route(routes, command, &name, cx),
                }
            }
            _ => self.terms.begin(command, &name, cx),
        };
        let (phase, onward) = match begun {
            Ok(Begun::Posted(posted)) => (Phase::Waiting(posted, name), Onward::Wait),
            Ok(Begun::Routed(routed)) => (Phase::Routed(routed), Onward::Wait),
            Ok(Begun::Dispatched(dispatched)) => (Phase::Dispatched(dispatched, name), Onward::Poll),
            Ok(Begun::Blocked(blocked)) => (Phase::Blocked(blocked), Onward::Poll),
            Err(error) => {
                let result = Err::<(), _>(error);
                self.terms.client.ended(&name, None, &result);
                return result.map(|()| Onward::Poll);
            }
        };
        self.phase = phase;
        Ok(onward)
    }

    /// The node has not run the command: another one may.
    fn go_on(&mut self, outcome: Outcome) {
        let Phase::Routed(routed) = std::mem::replace(&mut self.phase, Phase::Done) else { return };
        let name = routed.name();
        if let Some(dispatched) = self.terms.go_on(routed, outcome) {
            self.phase = Phase::Dispatched(dispatched, name);
        }
    }
}

impl<T> Future for Call<'_, T> {
    type Output = Result<T, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let Self { terms, phase, reader } = this;
        let result = match phase {
            Phase::Waiting(posted, name) => {
                let result = match ready!(posted.slot.poll_outcome(cx)) {
                    Outcome::Answered(frame, sent) => terms.answer(name, &frame, sent, *reader),
                    Outcome::Lost(lost) => Err(terms.lost(name, lost)),
                    // A single command is never answered as several are.
                    Outcome::Group(_) => Err(report::closed(name)),
                };
                terms.client.ended(name, Some(&posted.slot), &result);
                result
            }
            Phase::Routed(routed) => {
                let outcome = ready!(routed.posted.slot.poll_outcome(cx));
                if Routed::goes_on(&outcome) {
                    this.go_on(outcome);
                    return Pin::new(this).poll(cx);
                }
                let result = terms.routed(routed, outcome, *reader);
                if result.is_err() || terms.client.is_observed() {
                    terms.client.ended(&routed.name(), Some(&routed.posted.slot), &result);
                }
                result
            }
            Phase::Dispatched(dispatched, name) => {
                let result = terms.delivered(name, ready!(dispatched.as_mut().poll(cx)), *reader);
                terms.client.ended(name, None, &result);
                result
            }
            Phase::Blocked(blocked) => {
                let result = match ready!(blocked.poll(cx, &|name, node| terms.client.finder(name, node))) {
                    Ok((frame, sent)) => terms.read(&blocked.name, blocked.address(), (frame.reply(), sent), *reader),
                    Err(miss) => Err(terms.missed(blocked, &miss)),
                };
                let way = blocked.take_trace();
                terms.client.ended_on_its_own(&blocked.name, way, &result);
                result
            }
            Phase::Unsent(_) => match this.send(cx) {
                Ok(Onward::Wait) => return Poll::Pending,
                Ok(Onward::Poll) => return Pin::new(this).poll(cx),
                Err(error) => {
                    this.phase = Phase::Done;
                    return Poll::Ready(Err(error));
                }
            },
            // Polled after it was ready: there is nothing more to come.
            Phase::Done => return Poll::Pending,
        };
        match std::mem::replace(phase, Phase::Done) {
            Phase::Waiting(posted, _) => posted.slot.recycle(),
            Phase::Routed(routed) => routed.posted.slot.recycle(),
            _ => {}
        }
        Poll::Ready(result)
    }
}

impl<T> Drop for Call<'_, T> {
    fn drop(&mut self) {
        // Nearly all calls have come to their end.
        if matches!(self.phase, Phase::Done) {
            return;
        }
        let client = self.terms.client;
        match std::mem::replace(&mut self.phase, Phase::Done) {
            Phase::Waiting(posted, name) => {
                if let Some(lease) = client.lease() {
                    match (posted.slot.give_up(), client.finder_on(lease, &name)) {
                        (Some(Outcome::Answered(frame, _)), Some(finder)) => finder(Ok(frame)),
                        (Some(Outcome::Answered(..)), None) => {}
                        (Some(Outcome::Lost(lost)), finder) => lease.note_lost(&lost, finder),
                        (_, finder) => lease.note_given_up(finder.map(|finder| (finder, Arrival::Possible))),
                    }
                }
                client.cancelled(&posted.slot, std::iter::once((name, Some(0))));
                if let Some(link) = client.link() {
                    link.mailbox().withdraw(posted);
                }
            }
            Phase::Routed(routed) => {
                client.cancelled(&routed.posted.slot, std::iter::once((routed.name(), Some(0))));
                routed.node.link().mailbox().withdraw(routed.posted);
            }
            Phase::Dispatched(dispatched, name) => {
                client.cancelled_on_its_own(&name, None);
                drop(dispatched);
            }
            Phase::Blocked(mut blocked) => {
                client.cancelled_on_its_own(&blocked.name.clone(), blocked.take_trace());
                blocked.abandon(&|name, node| client.finder(name, node));
            }
            Phase::Unsent(_) | Phase::Done => {}
        }
    }
}

impl<T> fmt::Debug for Call<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match &self.phase {
            Phase::Unsent(command) => command.name(),
            Phase::Waiting(_, name) | Phase::Dispatched(_, name) => name.as_str(),
            Phase::Routed(routed) => routed.command.name(),
            Phase::Blocked(blocked) => blocked.name.as_str(),
            Phase::Done => "(done)",
        };
        f.debug_struct("Call").field("command", &name).finish_non_exhaustive()
    }
}
