//! Commands that a caller queues and sends as one, and their way to the link: what pipelines and transactions share.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::handle::{Client, deadline_of};
use super::lease::{Burden, Lease};
use super::plan::{Plan, Planned};
use super::routed::Way;
use super::settings::policy;
use super::spreading::{Gathered, Gathering, Spreading};
use super::unanswered::{HUSH, SPEAK};
use super::witness::Ended;
use crate::command::transaction::{EXEC, MULTI};
use crate::command::{Command, Encoded, Limit, Reader, Request, Retry, Unfit};
use crate::connection::{Entry, Found, GroupEnd, Lost, Policy, Reason, Repeat, Room, Sent};
use crate::driver::{Outcome, Posted, ReplySlot};
use crate::error::Error;
use crate::outcome::{Address, Fate};
use crate::topology::{Delivered, Deployed, Dispatch, End, Settled};

/// Commands in the order in which they were queued.
pub(super) struct Queue<'c> {
    client: &'c Client,
    /// Tells its results from those of others.
    number: u64,
    bytes: Encoded,
    /// Where each command that will be sent ends in `bytes`, and when it is sent again.
    ends: Vec<(usize, Policy)>,
    plan: Plan,
    limit: Limit,
    bond: Bond,
    /// What the commands do to a link that their caller alone has.
    burden: Burden,
    /// Where each command belongs, if there are several nodes.
    ways: Vec<Way>,
}

/// Names a queued command's result, to be given to [`Results::get`](super::Results::get); `T` is what its answer is
/// converted to. `Copy`, so that a result can be asked for twice.
pub struct Queued<T> {
    /// Of which queue it is.
    pub(super) queue: u64,
    pub(super) index: usize,
    /// How its answer is read.
    pub(super) reader: Reader<T>,
}

/// How far the commands of a queue belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bond {
    /// They are sent as one, and each has a fate of its own.
    Pipeline,
    /// They stand between MULTI and EXEC, and have one fate.
    Transaction,
    /// They are not answered, and have one fate.
    Unanswered,
}

/// The commands of a queue on their way.
pub(super) struct Flight<'c> {
    queue: Queue<'c>,
    within: Option<Duration>,
    deadline: Option<Instant>,
    phase: Phase,
    /// Where the end of it is waited for, once it was posted.
    slot: Option<Arc<ReplySlot>>,
    /// Which of several nodes each command went to.
    nodes: Option<Vec<Arc<Address>>>,
    /// What went wrong with commands that went to several at once, by their places, ascending.
    errors: Vec<(usize, Error)>,
}

enum Phase {
    Unsent,
    Waiting(Posted),
    /// To several nodes.
    Dispatched(Gathering),
    Done,
}

/// How many queues there were.
static QUEUES: AtomicU64 = AtomicU64::new(0);

impl<'c> Queue<'c> {
    pub(super) fn new(client: &'c Client, bond: Bond) -> Self {
        let (bytes, ends, plan, ways) = (Encoded::default(), Vec::new(), Plan::default(), Vec::new());
        let number = QUEUES.fetch_add(1, Ordering::Relaxed);
        Self { client, number, bytes, ends, plan, limit: Limit::Default, bond, burden: Burden::default(), ways }
    }

    pub(super) fn set_limit(&mut self, limit: Limit) {
        self.limit = limit;
    }

    /// Adds a command; one that needs a connection of its own will not be sent.
    pub(super) fn push<E, T, O>(&mut self, request: &Request<E, T, O>) -> Queued<T> {
        let command = request.command();
        let replay = request.replay.unwrap_or(self.client.replay());
        let on_refusal = self.client.on_refusal(request.on_refusal);
        let policy = policy(replay, on_refusal, command);
        let unfit = match self.bond {
            Bond::Pipeline | Bond::Unanswered => self.client.unfit(command),
            // There nothing blocks, and nothing can be watched.
            Bond::Transaction => command.unfit(),
        };
        let unfit = unfit.or_else(|| self.find_way(command, policy).err());
        if unfit.is_none() {
            command.write_to(&mut self.bytes);
            self.ends.push((self.bytes.len(), policy));
            if self.client.lease().is_some() {
                self.burden.add(command);
            }
        }
        self.plan.push(command, unfit);
        Queued { queue: self.number, index: self.plan.len() - 1, reader: request.reader }
    }

    /// Notes where a command belongs, if there are several nodes; the error is why it belongs nowhere.
    fn find_way(&mut self, command: &Command, policy: Policy) -> Result<(), Unfit> {
        let (None, Deployed::Many(routes)) = (self.client.link(), self.client.deployed()) else { return Ok(()) };
        let way = Way::of(command, policy, routes)?;
        if self.bond == Bond::Transaction && routes.is_cluster() {
            let slot = self.ways.iter().find_map(Way::slot);
            way.unfit_for_one_slot(slot).map_or(Ok(()), Err)?;
        }
        self.ways.push(way);
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.plan.len()
    }

    /// The same commands with another bond between them.
    pub(super) fn bound(self, bond: Bond) -> Self {
        Self { bond, ..self }
    }

    pub(super) fn client(&self) -> &'c Client {
        self.client
    }

    pub(super) fn burden(&self) -> &Burden {
        &self.burden
    }

    /// The deadline counts from now; nothing is sent yet.
    pub(super) fn launch(self) -> Flight<'c> {
        let within = self.client.within(self.limit);
        let deadline = self.burden.deadline(deadline_of(within), self.client.is_explicit(self.limit));
        Flight { within, deadline, phase: Phase::Unsent, slot: None, nodes: None, errors: Vec::new(), queue: self }
    }
}

impl Flight<'_> {
    /// Sends the commands and waits for what becomes of them. Where there is none to send, nothing is sent.
    pub(super) fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        let outcome = match &mut self.phase {
            Phase::Unsent if self.queue.ends.is_empty() => Outcome::Group(GroupEnd::default()),
            Phase::Unsent if self.queue.client.link().is_none() => {
                self.phase = Phase::Dispatched(self.dispatch());
                return self.poll_outcome(cx);
            }
            Phase::Dispatched(dispatched) => {
                let Gathered { delivered, errors } = ready!(dispatched.as_mut().poll(cx));
                self.errors = errors;
                self.take_delivered(delivered)
            }
            Phase::Unsent => match self.post(cx) {
                Ok(posted) => {
                    self.slot = Some(Arc::clone(&posted.slot));
                    self.phase = Phase::Waiting(posted);
                    return Poll::Pending;
                }
                Err(lost) => Outcome::Lost(lost),
            },
            Phase::Waiting(posted) => {
                let outcome = ready!(posted.slot.poll_outcome(cx));
                if let Some(lease) = self.queue.client.lease().filter(|_| has_unknown(&outcome)) {
                    self.note_given_up(lease);
                }
                outcome
            }
            // Polled after it was ready: there is nothing more to come.
            Phase::Done => return Poll::Pending,
        };
        self.phase = Phase::Done;
        Poll::Ready(outcome)
    }

    /// Tells the counters and the observer what became of each command.
    pub(super) fn tell<'e>(&self, plan: &Plan, mut error: impl FnMut(usize) -> Option<&'e Error>) {
        let call = Ended::of(self.slot.as_deref(), plan.len());
        for (index, command) in plan.iter().enumerate() {
            self.queue.client.tell(&command.name, self.passage(&command, plan.len()), &call, error(index));
        }
    }

    /// Whether somebody wants to know of every command.
    pub(super) fn is_observed(&self) -> bool {
        self.queue.client.is_observed()
    }

    /// The place, among all that are sent, of what decides on a command, one of `count`: in a transaction that is EXEC.
    fn passage(&self, planned: &Planned, count: usize) -> Option<usize> {
        match self.queue.bond {
            Bond::Pipeline => planned.place.as_ref().ok().copied(),
            Bond::Transaction => planned.place.is_ok().then_some(count + 1),
            Bond::Unanswered => planned.place.is_ok().then_some(0),
        }
    }

    /// Which queue it is of.
    pub(super) fn number(&self) -> u64 {
        self.queue.number
    }

    fn note_given_up(&self, lease: &Lease) {
        lease.note_given_up(None);
        if self.queue.burden.blocks() {
            lease.note_block();
        }
    }

    /// The transaction has come to its end at the server: nothing is watched any more.
    pub(super) fn note_closed(&self) {
        if let Some(lease) = self.queue.client.lease() {
            lease.note_closed();
        }
    }

    /// What was queued.
    pub(super) fn plan(&self) -> &Plan {
        &self.queue.plan
    }

    pub(super) fn take_plan(&mut self) -> Plan {
        std::mem::take(&mut self.queue.plan)
    }

    pub(super) fn node(&self) -> &Address {
        let routed = self.nodes.as_ref().and_then(|nodes| nodes.first());
        match routed {
            Some(node) => node,
            None => self.queue.client.address(),
        }
    }

    /// When it has to be over.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// How long it may take.
    pub(super) fn within(&self) -> Option<Duration> {
        self.within
    }

    fn post(&mut self, cx: &Context<'_>) -> Result<Posted, Lost> {
        let mut bytes = std::mem::take(&mut self.queue.bytes);
        bytes.share_if_large();
        let (mut ends, deadline) = (std::mem::take(&mut self.queue.ends), self.deadline);
        let issued = ends.len();
        let bond = self.queue.bond;
        match bond {
            Bond::Pipeline => {}
            Bond::Transaction => enclose(&mut ends, MULTI, EXEC),
            Bond::Unanswered => enclose(&mut ends, HUSH, SPEAK),
        }
        if let Some(lease) = self.queue.client.lease() {
            lease.link().counters().count_issued(issued as u64);
            match bond {
                Bond::Pipeline | Bond::Unanswered => lease.note_pipeline(&self.queue.burden),
                Bond::Transaction => lease.note_transaction(&self.queue.burden),
            }
        }
        let slot = self.queue.client.slot(cx.waker().clone(), ends.len());
        let room = Room { commands: ends.len(), bytes: ends.last().map_or(0, |(end, _)| *end) };
        let Some(link) = self.queue.client.link() else { return Err(Lost::unsent(Reason::Closed)) };
        link.mailbox().post(slot, room, issued, |log, ticket| match bond {
            Bond::Pipeline => {
                log.append(&bytes);
                Entry::group(ticket, &ends, deadline)
            }
            Bond::Transaction => {
                log.small().extend_from_slice(MULTI);
                log.append(&bytes);
                log.small().extend_from_slice(EXEC);
                Entry::unit(ticket, &ends, deadline)
            }
            Bond::Unanswered => {
                log.small().extend_from_slice(HUSH);
                log.append(&bytes);
                log.small().extend_from_slice(SPEAK);
                let ends: Vec<_> = ends.iter().map(|(end, _)| *end).collect();
                Entry::hushed(ticket, &ends, deadline)
            }
        })
    }
}

impl Flight<'_> {
    /// Puts the commands on their ways to several nodes.
    fn dispatch(&mut self) -> Gathering {
        let Deployed::Many(routes) = self.queue.client.deployed() else { return Box::pin(std::future::pending()) };
        let (ways, mut ends) = (std::mem::take(&mut self.queue.ways), std::mem::take(&mut self.queue.ends));
        let mut bytes = std::mem::take(&mut self.queue.bytes);
        let routing = Arc::clone(&***routes);
        if self.queue.bond == Bond::Transaction {
            let mut enclosed = Encoded::default();
            enclosed.small().extend_from_slice(MULTI);
            enclosed.append(&bytes);
            enclosed.small().extend_from_slice(EXEC);
            enclose(&mut ends, MULTI, EXEC);
            return Gathered::of(Dispatch::new(routing, vec![Way::unit(&ways, enclosed, ends)], self.deadline));
        }
        bytes.share_if_large();
        let source = Arc::new(bytes);
        let starts = std::iter::once(0).chain(ends.iter().map(|(end, _)| *end));
        let ranges = starts.zip(&ends).map(|(start, (end, _))| start..*end);
        if !ways.iter().any(Way::is_to_several) {
            let parcels = ways.iter().zip(ranges).map(|(way, range)| way.part(&source, range)).collect();
            return Gathered::of(Dispatch::new(routing, parcels, self.deadline));
        }
        let mut spreading = Spreading::new(routing, self.deadline, self.within);
        let names = self.queue.plan.iter().filter(|planned| planned.place.is_ok()).map(|planned| planned.name);
        for ((way, range), name) in ways.into_iter().zip(ranges).zip(names) {
            spreading.push(name, way, &source, range);
        }
        Box::pin(spreading.run())
    }

    /// What the nodes have answered, as one.
    fn take_delivered(&mut self, delivered: Delivered) -> Outcome {
        let Delivered { frames, settled } = delivered;
        let own = Arc::new(self.queue.client.address().clone());
        let node_of =
            |settled: &Settled| settled.node.as_ref().map_or_else(|| Arc::clone(&own), |node| node.shared_address());
        self.nodes = Some(settled.iter().map(node_of).collect());
        let mut end = GroupEnd { answers: frames, ..GroupEnd::default() };
        let mut found = Vec::with_capacity(settled.len());
        for (place, settled) in settled.into_iter().enumerate() {
            match settled.end {
                End::Answered { frame, reply, sent } => {
                    found.push(Found::new(place, frame, reply));
                    end.again.extend((sent == Sent::Again).then_some(place));
                }
                End::Unit { end, skip } => return Outcome::Group(end.without(skip)),
                End::Lost(lost) if self.queue.bond == Bond::Transaction => return Outcome::Lost(lost),
                End::Lost(lost) => end.lost.push(Lost { place, ..lost }),
            }
        }
        end.found = Some(found);
        Outcome::Group(end)
    }

    /// What went wrong with commands that went to several nodes at once, by their places, ascending.
    pub(super) fn take_errors(&mut self) -> Vec<(usize, Error)> {
        std::mem::take(&mut self.errors)
    }

    /// Where the command at `place` went, of those that were sent.
    pub(super) fn nodes(&self) -> Option<&Vec<Arc<Address>>> {
        self.nodes.as_ref()
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        if let Phase::Waiting(posted) = std::mem::replace(&mut self.phase, Phase::Done) {
            let plan = &self.queue.plan;
            let commands = plan.iter().map(|command| {
                let passage = self.passage(&command, plan.len());
                (command.name, passage)
            });
            self.queue.client.cancelled(&posted.slot, commands);
            if let Some(lease) = self.queue.client.lease() {
                self.note_given_up(lease);
            }
            drop(self.slot.take());
            if let Some(link) = self.queue.client.link() {
                link.mailbox().withdraw(posted);
            }
        }
    }
}

/// Whether something of it may be under way still.
fn has_unknown(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Answered(..) => false,
        Outcome::Lost(lost) => lost.fate == Fate::Unknown,
        Outcome::Group(end) => end.lost.iter().any(|lost| lost.fate == Fate::Unknown),
    }
}

/// Adds the ends of what stands before the commands and behind them, which does nothing by itself.
fn enclose(ends: &mut Vec<(usize, Policy)>, before: &[u8], behind: &[u8]) {
    let harmless = Policy { repeat: Repeat::Allowed, retry: Retry::All };
    for (end, _) in ends.iter_mut() {
        *end += before.len();
    }
    ends.insert(0, (before.len(), harmless));
    let last = ends.last().map_or(0, |(end, _)| *end);
    ends.push((last + behind.len(), harmless));
}

impl<T> Clone for Queued<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Queued<T> {}

impl<T> fmt::Debug for Queued<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Queued").field(&self.index).finish()
    }
}
