//! A call whose command may wait on the server: it has a connection for itself until it is answered.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::handle::{Client, deadline_of};
use super::report::Name;
use crate::command::{Block, Command, Limit};
use crate::connection::{Entry, Lost, Policy, Reason, Room, Sent};
use crate::driver::{Outcome, Posted, ReplySlot, Trace, now};
use crate::outcome::{Cause, Fate};
use crate::resp::Frame;
use crate::topology::{Arrival, Finder, Lane, Pool, Reuse, Unacquired, cause_of};

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
    pool: Arc<Pool>,
    progress: Progress,
    /// The command's way, if somebody wants to know it; with the link while that has the command.
    trace: Option<Box<Trace>>,
    /// On how many connections it was given up before it was sent.
    unsent: usize,
}

enum Progress {
    Unsent,
    Acquiring(Acquiring),
    Waiting(Lane, Posted),
    Done,
}

type Acquiring = Pin<Box<dyn Future<Output = Result<Lane, Unacquired>> + Send>>;

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
        let (in_all, answer) = match (within, block) {
            (Some(within), _) if client.is_explicit(limit) => (Some(within), Answer::Until(start)),
            (_, Block::Forever) => (None, Answer::Until(None)),
            (Some(within), Block::For(block)) => {
                (Some(within.saturating_add(block)), Answer::Until(start.and_then(|start| start.checked_add(block))))
            }
            (None, Block::For(block)) => {
                let in_all = block.saturating_add(MARGIN);
                (Some(in_all), Answer::Within(in_all))
            }
        };
        Self { start, within, in_all, answer }
    }

    /// Until when a command that is put on its way now may be answered.
    fn deadline(&self) -> Option<Instant> {
        match self.answer {
            Answer::Until(deadline) => deadline,
            Answer::Within(within) => deadline_of(Some(within)),
        }
    }
}

impl Blocked {
    /// Nothing is sent before it is polled.
    pub(super) fn new(client: &Client, mut command: Command, times: Times, policy: Policy) -> Box<Self> {
        command.seal();
        let (name, pool) = (Name::of(&command), client.blocking());
        pool.counters().count_issued(1);
        let trace = client.is_observed().then(|| Trace::begin(now(), 1));
        Box::new(Self { name, times, command, policy, pool, progress: Progress::Unsent, trace, unsent: 0 })
    }

    /// The answer, or why there is none. `finder` makes who is told of an answer that comes after the deadline.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        finder: impl Fn(&Name) -> Finder,
    ) -> Poll<Result<(Frame, Sent), Miss>> {
        loop {
            let end = match &mut self.progress {
                Progress::Unsent => match self.pool.try_ready() {
                    Some(lane) => self.post(lane, cx),
                    None => {
                        self.progress = self.acquire();
                        None
                    }
                },
                Progress::Acquiring(acquiring) => match ready!(acquiring.as_mut().poll(cx)) {
                    Ok(lane) => self.post(lane, cx),
                    Err(unacquired) => {
                        self.progress = Progress::Done;
                        Some(Err(Miss::Unacquired(unacquired)))
                    }
                },
                Progress::Waiting(_, posted) => {
                    let outcome = ready!(posted.slot.poll_outcome(cx));
                    self.end(outcome, &finder)
                }
                // Polled after it was ready: there is nothing more to come.
                Progress::Done => return Poll::Pending,
            };
            if let Some(end) = end {
                return Poll::Ready(end);
            }
        }
    }

    /// The caller has gone. What the command takes away, if it is on its way, is given to whom `finder` makes.
    pub(super) fn abandon(mut self, finder: impl Fn(&Name) -> Finder) {
        let Progress::Waiting(lane, posted) = std::mem::replace(&mut self.progress, Progress::Done) else { return };
        match posted.slot.give_up() {
            Some(Outcome::Answered(frame, _)) => {
                lane.give_back();
                finder(&self.name)(Ok(frame));
            }
            Some(Outcome::Lost(lost)) if lost.fate == Fate::Unknown => match lost.loss.reason {
                Reason::Deadline(_) => self.pool.recover(lane, Reuse::Lent, (finder(&self.name), Arrival::Certain)),
                _ => finder(&self.name)(Err(cause_of(&lost))),
            },
            Some(Outcome::Lost(_)) => lane.give_back(),
            Some(Outcome::Group(_)) => {}
            None => {
                lane.link().mailbox().withdraw(posted);
                self.pool.recover(lane, Reuse::Lent, (finder(&self.name), Arrival::Possible));
            }
        }
    }

    /// The command's way, if it was noted.
    pub(super) fn take_trace(&mut self) -> Option<Trace> {
        match (&self.progress, self.trace.take()) {
            (Progress::Waiting(_, posted), None) => posted.slot.take_trace(),
            (_, trace) => trace.map(|trace| *trace),
        }
    }

    fn acquire(&self) -> Progress {
        let homeless = self.pool.counters().count_homeless();
        let acquiring = Arc::clone(&self.pool).acquire_ready(self.times.start);
        Progress::Acquiring(Box::pin(async move {
            let lane = acquiring.await;
            drop(homeless);
            lane
        }))
    }

    /// Puts the command on its way.
    fn post(&mut self, lane: Lane, cx: &Context<'_>) -> Option<Result<(Frame, Sent), Miss>> {
        let slot = ReplySlot::new(cx.waker().clone(), self.trace.take());
        let room = Room { commands: 1, bytes: self.command.size() };
        let (command, deadline, policy) = (&self.command, self.times.deadline(), self.policy);
        let posted = lane.link().mailbox().post(Arc::clone(&slot), room, 0, |log, ticket| {
            let len = command.write_to(log);
            Entry::single(ticket, len, deadline, policy)
        });
        match posted {
            Ok(posted) => {
                self.progress = Progress::Waiting(lane, posted);
                None
            }
            Err(lost) => {
                self.trace = slot.take_trace().map(Box::new);
                self.try_another(lane, lost)
            }
        }
    }

    fn end(&mut self, outcome: Outcome, finder: impl Fn(&Name) -> Finder) -> Option<Result<(Frame, Sent), Miss>> {
        let Progress::Waiting(lane, posted) = std::mem::replace(&mut self.progress, Progress::Done) else {
            return None;
        };
        self.trace = posted.slot.take_trace().map(Box::new);
        posted.slot.recycle();
        let lost = match outcome {
            Outcome::Answered(frame, sent) => {
                lane.give_back();
                return Some(Ok((frame, sent)));
            }
            Outcome::Lost(lost) => lost,
            // A single command is never answered as several are.
            Outcome::Group(_) => return Some(Err(Miss::Unacquired(Unacquired::Never(Cause::ClosedHere)))),
        };
        match (lost.fate, &lost.loss.reason) {
            (Fate::Unknown, Reason::Deadline(_)) => {
                self.pool.recover(lane, Reuse::Lent, (finder(&self.name), Arrival::Certain));
            }
            (Fate::NotSent, Reason::Deadline(_) | Reason::Full) => lane.give_back(),
            (Fate::NotSent, Reason::Link(_) | Reason::Closed) => return self.try_another(lane, lost),
            // Closed, being dropped.
            _ => {}
        }
        Some(Err(Miss::Lost(lost)))
    }

    /// The link ended before the command was sent: another one may have it. Not without end, and not if all is closed.
    fn try_another(&mut self, lane: Lane, lost: Lost) -> Option<Result<(Frame, Sent), Miss>> {
        drop(lane);
        self.unsent += 1;
        if self.unsent > MOST_UNSENT || self.pool.is_closed() {
            return Some(Err(Miss::Lost(lost)));
        }
        self.progress = Progress::Unsent;
        None
    }
}

/// A command that waits for so long on the server is answered so much later at the latest, 10 s, or its connection is
/// dead: where calls have no deadline.
const MARGIN: Duration = Duration::from_secs(10);

/// On so many connections, at most, a command is given up before it was sent.
const MOST_UNSENT: usize = 8;
