//! A call whose command may wait on the server: it has a connection for itself until it is answered.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use super::handle::{Client, deadline_of};
use super::report::{self, Name};
use super::routed::cross_slot;
use crate::command::{Block, Command, Encoded, Limit, Slot, Unfit};
use crate::connection::{Entry, Lost, Policy, Reason, Repeat, Room, Sent};
use crate::driver::{Outcome, Posted, ReplySlot, Trace, now};
use crate::error::Error;
use crate::outcome::{Address, Cause, Fate};
use crate::resp::Frame;
use crate::topology::{
    Arrival, Deployed, Finder, Lane, Links, Node, Placed, Placement, Pool, Reuse, Unacquired, Unplaced, cause_of,
};

/// How long a blocking command may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// Until when it has to be on its way.
    pub(super) start: Option<Instant>,
    /// How long that is.
    pub(super) within: Option<Duration>,
    /// How long it may take in all; `None` is without end.
    pub(super) in_all: Option<Duration>,
    /// How long its answer may take once it is on its way.
    answer: Answer,
    /// Whether the caller has said how long all of it may take.
    is_explicit: bool,
}

#[derive(Clone, Copy, Debug)]
enum Answer {
    /// Until then; `None` is without end.
    Until(Option<Instant>),
    /// So long.
    Within(Duration),
}

/// A blocking command on its way.
pub(super) struct Blocked {
    pub(super) name: Name,
    pub(super) times: Times,
    command: Command,
    policy: Policy,
    /// How long it waits on the server at most, from the moment when it is sent.
    block: Block,
    ground: Ground,
    progress: Progress,
    /// The command's way, if somebody wants to know it; with the link while that has the command.
    trace: Option<Box<Trace>>,
    /// On how many connections it was given up before it was sent.
    unsent: usize,
    /// When it was put on its way.
    begun: Option<Instant>,
}

/// Where it runs.
enum Ground {
    One {
        pool: Arc<Pool>,
        address: Address,
    },
    /// At one of several nodes.
    Many(Box<Placement>),
}

enum Progress {
    Unsent,
    Acquiring(Acquiring),
    Waiting(Waiting),
    Done,
}

/// A command at the server, or on its way there.
struct Waiting {
    lane: Lane,
    posted: Posted,
    /// Of the node that it waits at.
    pool: Arc<Pool>,
    /// What let it in there: held until the link is given back, so that its answer is not taken for another one's.
    _asking: Option<Posted>,
}

/// A link for the command.
struct Acquired {
    lane: Lane,
    pool: Arc<Pool>,
    /// `None`: there is only one.
    node: Option<Arc<Node>>,
    asks: bool,
}

type Acquiring = Pin<Box<dyn Future<Output = Result<Acquired, Unplaced>> + Send>>;

/// Makes who is told of an answer that came too late: of the command of this name, at this node.
pub(super) type Find<'f> = &'f dyn Fn(&Name, &Address) -> Finder;

/// Why a blocking command has no answer.
pub(super) enum Miss {
    /// No connection was free, or none could be made.
    Unacquired(Unacquired),
    Lost(Lost),
}

impl Times {
    /// Of a call that has this limit and has to be on its way until `start`, and whose command waits so long on the server.
    ///
    /// An explicit limit holds for all of it. The configured one is for what the server does not do on purpose: the time
    /// that the command may wait is added.
    pub(super) fn of(client: &Client, limit: Limit, start: Option<Instant>, block: Block) -> Self {
        let within = client.within(limit);
        let is_explicit = client.is_explicit(limit);
        let (in_all, answer) = match (within, block) {
            (Some(within), _) if is_explicit => (Some(within), Answer::Until(start)),
            (_, Block::Forever) => (None, Answer::Until(None)),
            (Some(within), Block::For(block)) => {
                (Some(within.saturating_add(block)), Answer::Until(start.and_then(|start| start.checked_add(block))))
            }
            (None, Block::For(block)) => {
                let in_all = block.saturating_add(MARGIN);
                (Some(in_all), Answer::Within(in_all))
            }
        };
        Self { start, within, in_all, answer, is_explicit }
    }

    /// Until when a command that is put on its way now may be answered.
    fn deadline(&self) -> Option<Instant> {
        match self.answer {
            Answer::Until(deadline) => deadline,
            Answer::Within(within) => deadline_of(Some(within)),
        }
    }

    /// The same for a command that has to be put on its way again, and waits so long on the server then. What the server
    /// does not do on purpose has its time anew, unless the caller has said how long all of it may take.
    fn again(&self, block: Block) -> Self {
        let Some(within) = self.within.filter(|_| !self.is_explicit) else { return *self };
        let start = deadline_of(Some(within));
        let answer = match block {
            Block::Forever => None,
            Block::For(block) => start.and_then(|start| start.checked_add(block)),
        };
        Self { start, answer: Answer::Until(answer), ..*self }
    }
}

impl Blocked {
    /// Nothing is sent before it is polled.
    ///
    /// # Errors
    /// Of a cluster: if its keys are in several slots.
    pub(super) fn new(
        client: &Client,
        mut command: Command,
        (times, block): (Times, Block),
        policy: Policy,
    ) -> Result<Box<Self>, Error> {
        command.seal();
        let name = Name::of(&command);
        let ground = match client.deployed() {
            Deployed::One(links) => {
                links.blocking().counters().count_issued(1);
                Ground::One { pool: Arc::clone(links.blocking()), address: client.address().clone() }
            }
            Deployed::Many(routes) => {
                let slot = sole_slot(&command, &name)?;
                routes.counters().count_issued(1);
                Ground::Many(Box::new(Placement::new(Arc::clone(routes), slot)))
            }
        };
        let trace = client.is_observed().then(|| Trace::begin(now(), 1));
        let (progress, unsent, begun) = (Progress::Unsent, 0, None);
        Ok(Box::new(Self { name, times, command, policy, block, ground, progress, trace, unsent, begun }))
    }

    /// The node that has the command, or had it last.
    pub(super) fn address(&self) -> &Address {
        match &self.ground {
            Ground::One { address, .. } => address,
            Ground::Many(placement) => placement.address(),
        }
    }

    /// The answer, or why there is none. `find` makes who is told of an answer that comes after the deadline.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, find: Find<'_>) -> Poll<Result<(Frame, Sent), Miss>> {
        loop {
            let end = match &mut self.progress {
                Progress::Unsent => match self.try_ready() {
                    Some(acquired) => self.post(acquired, cx),
                    None => {
                        self.progress = self.acquire();
                        None
                    }
                },
                Progress::Acquiring(acquiring) => match ready!(acquiring.as_mut().poll(cx)) {
                    Ok(acquired) => self.post(acquired, cx),
                    Err(Unplaced { node, why }) => {
                        self.note_at(node.as_ref());
                        self.progress = Progress::Done;
                        Some(Err(Miss::Unacquired(why)))
                    }
                },
                Progress::Waiting(waiting) => {
                    let outcome = ready!(waiting.posted.slot.poll_outcome(cx));
                    self.end(outcome, find)
                }
                // Polled after it was ready: there is nothing more to come.
                Progress::Done => return Poll::Pending,
            };
            if let Some(end) = end {
                return Poll::Ready(end);
            }
        }
    }

    /// The caller has gone. What the command takes away, if it is on its way, is given to whom `find` makes.
    pub(super) fn abandon(mut self, find: Find<'_>) {
        let Progress::Waiting(waiting) = std::mem::replace(&mut self.progress, Progress::Done) else { return };
        let finder = || find(&self.name, self.address());
        let Waiting { lane, posted, pool, _asking } = waiting;
        match posted.slot.give_up() {
            Some(Outcome::Answered(frame, _)) => {
                lane.give_back();
                finder()(Ok(frame));
            }
            Some(Outcome::Lost(lost)) if lost.fate == Fate::Unknown => match lost.loss.reason {
                Reason::Deadline(_) => pool.recover(lane, Reuse::Lent, (finder(), Arrival::Certain)),
                _ => finder()(Err(cause_of(&lost))),
            },
            Some(Outcome::Lost(_)) => lane.give_back(),
            Some(Outcome::Group(_)) => {}
            None => {
                lane.link().mailbox().withdraw(posted);
                pool.recover(lane, Reuse::Lent, (finder(), Arrival::Possible));
            }
        }
    }

    /// The command's way, if it was noted.
    pub(super) fn take_trace(&mut self) -> Option<Trace> {
        match (&self.progress, self.trace.take()) {
            (Progress::Waiting(waiting), None) => waiting.posted.slot.take_trace(),
            (_, trace) => trace.map(|trace| *trace),
        }
    }

    fn try_ready(&self) -> Option<Acquired> {
        match &self.ground {
            Ground::One { pool, .. } => pool.try_ready().map(|lane| Acquired::of_one(lane, pool)),
            Ground::Many(placement) => placement.try_ready(Links::blocking).map(Acquired::from),
        }
    }

    fn acquire(&mut self) -> Progress {
        let until = self.times.start;
        match &mut self.ground {
            Ground::One { pool, .. } => {
                let homeless = pool.counters().count_homeless();
                let pool = Arc::clone(pool);
                Progress::Acquiring(Box::pin(async move {
                    let lane = Arc::clone(&pool).acquire_ready(until).await;
                    drop(homeless);
                    let lane = lane.map_err(|why| Unplaced { node: None, why })?;
                    Ok(Acquired::of_one(lane, &pool))
                }))
            }
            Ground::Many(placement) => {
                let homeless = placement.routing().counters().count_homeless();
                let acquiring = placement.acquire(Links::blocking, until);
                Progress::Acquiring(Box::pin(async move {
                    let placed = acquiring.await;
                    drop(homeless);
                    placed.map(Acquired::from)
                }))
            }
        }
    }

    fn note_at(&mut self, node: Option<&Arc<Node>>) {
        if let (Ground::Many(placement), Some(node)) = (&mut self.ground, node) {
            placement.note_at(node);
        }
    }

    /// Puts the command on its way.
    fn post(&mut self, acquired: Acquired, cx: &Context<'_>) -> Option<Result<(Frame, Sent), Miss>> {
        let Acquired { lane, pool, node, asks } = acquired;
        self.note_at(node.as_ref());
        self.begun.get_or_insert_with(now);
        let mailbox = lane.link().mailbox();
        let asking = if asks {
            mailbox.post(ReplySlot::new(Waker::noop().clone(), None), ASKING_ROOM, 0, asking).ok()
        } else {
            None
        };
        let slot = ReplySlot::new(cx.waker().clone(), self.trace.take());
        let room = Room { commands: 1, bytes: self.command.size() };
        let (command, deadline, policy) = (&self.command, self.times.deadline(), self.policy);
        let posted = mailbox.post(Arc::clone(&slot), room, 0, |log, ticket| {
            let len = command.write_to(log);
            Entry::single(ticket, len, deadline, policy)
        });
        match posted {
            Ok(posted) => {
                self.progress = Progress::Waiting(Waiting { lane, posted, pool, _asking: asking });
                None
            }
            Err(lost) => {
                self.trace = slot.take_trace().map(Box::new);
                self.try_another(lane, lost)
            }
        }
    }

    fn end(&mut self, outcome: Outcome, find: Find<'_>) -> Option<Result<(Frame, Sent), Miss>> {
        let Progress::Waiting(waiting) = std::mem::replace(&mut self.progress, Progress::Done) else {
            return None;
        };
        let Waiting { lane, posted, pool, .. } = waiting;
        self.trace = posted.slot.take_trace().map(Box::new);
        posted.slot.recycle();
        let lost = match outcome {
            Outcome::Answered(frame, sent) => {
                lane.give_back();
                return if self.goes_on(&frame) { None } else { Some(Ok((frame, sent))) };
            }
            Outcome::Lost(lost) => lost,
            // A single command is never answered as several are.
            Outcome::Group(_) => return Some(Err(Miss::Unacquired(Unacquired::Never(Cause::ClosedHere)))),
        };
        match (lost.fate, &lost.loss.reason) {
            (Fate::Unknown, Reason::Deadline(_)) => {
                pool.recover(lane, Reuse::Lent, (find(&self.name, self.address()), Arrival::Certain));
            }
            (Fate::NotSent, Reason::Deadline(_) | Reason::Full) => lane.give_back(),
            (Fate::NotSent, Reason::Link(_) | Reason::Closed) => return self.try_another(lane, lost),
            (Fate::NotSent | Fate::Refused, Reason::Displaced(_)) => {
                lane.give_back();
                let cause = (lost.fate == Fate::Refused).then_some(Cause::ReadOnly);
                if let Ground::Many(placement) = &mut self.ground {
                    placement.displace(cause);
                    self.begin_again();
                    return None;
                }
            }
            // Closed, being dropped.
            _ => {}
        }
        Some(Err(Miss::Lost(lost)))
    }

    /// Whether the node has answered that it has run nothing, and another one may: then the command goes there.
    fn goes_on(&mut self, answer: &Frame) -> bool {
        let Ground::Many(placement) = &mut self.ground else { return false };
        let goes_on = answer.has_error() && placement.follow(answer.reply().bytes().unwrap_or_default());
        if goes_on {
            self.begin_again();
        }
        goes_on
    }

    /// It is to be put on its way once more, for the time that is left of its own.
    fn begin_again(&mut self) {
        let left = match (self.block, self.begun) {
            (Block::For(block), Some(begun)) => Block::For(block.saturating_sub(now().duration_since(begun))),
            (block, _) => block,
        };
        if let Block::For(left) = left {
            let whole = std::mem::replace(&mut self.command, Command::new(""));
            self.command = whole.with_block(left);
            (self.block, self.begun) = (Block::For(left), None);
        }
        self.times = self.times.again(left);
        self.progress = Progress::Unsent;
    }

    /// The link ended before the command was sent: another one may have it. Not without end, and not if all is closed.
    fn try_another(&mut self, lane: Lane, lost: Lost) -> Option<Result<(Frame, Sent), Miss>> {
        drop(lane);
        self.unsent += 1;
        let is_closed = match &self.ground {
            Ground::One { pool, .. } => pool.is_closed(),
            Ground::Many(placement) => placement.routing().is_closed(),
        };
        if self.unsent > MOST_UNSENT || is_closed {
            return Some(Err(Miss::Lost(lost)));
        }
        self.progress = Progress::Unsent;
        None
    }
}

impl Acquired {
    fn of_one(lane: Lane, pool: &Arc<Pool>) -> Self {
        Self { lane, pool: Arc::clone(pool), node: None, asks: false }
    }
}

impl From<Placed> for Acquired {
    fn from(placed: Placed) -> Self {
        let Placed { node, lane, asks } = placed;
        Self { lane, pool: Arc::clone(node.links().blocking()), node: Some(node), asks }
    }
}

/// The slot that has all keys of a command; `None`: it has none.
///
/// # Errors
/// If several have.
pub(super) fn sole_slot(command: &Command, name: &Name) -> Result<Option<Slot>, Error> {
    let mut slots = command.keys().into_iter().map(Slot::of);
    let first = slots.next();
    if slots.any(|slot| Some(slot) != first) {
        Err(report::unfit(name, &Unfit::CrossSlot(cross_slot(command.facts()))))
    } else {
        Ok(first)
    }
}

/// Lets the next command into a node to which its slot is being moved.
fn asking(log: &mut Encoded, ticket: Arc<ReplySlot>) -> Entry<Arc<ReplySlot>> {
    let len = Command::new("ASKING").write_to(log);
    Entry::single(ticket, len, None, Repeat::Forbidden)
}

/// What that takes up.
const ASKING_ROOM: Room = Room { commands: 1, bytes: 32 };

/// A command that waits for so long on the server is answered so much later at the latest, 10 s, or its connection is
/// dead: where calls have no deadline.
const MARGIN: Duration = Duration::from_secs(10);

/// On so many connections, at most, a command is given up before it was sent.
const MOST_UNSENT: usize = 8;
