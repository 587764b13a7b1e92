//! Several commands that are sent as one.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::handle::{Client, deadline_of};
use super::report::{self, Name};
use super::settings::policy;
use crate::command::{Command, Encoded, Executor, FromReply, Limit, Request, Sealed, ServerError};
use crate::connection::{Entry, Found, GroupEnd, Lost, Policy, Room, Sent};
use crate::driver::{Outcome, Posted, ReplySlot};
use crate::error::Error;
use crate::outcome::Address;
use crate::resp::{Frame, Reply};

/// Several commands that are sent as one, with one result for each.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use steadfast::api::Strings;
///
/// let mut pipeline = client.pipeline();
/// let visits = pipeline.incr("visits").queue();
/// let name = pipeline.get::<String>("name").queue();
/// let results = pipeline.execute().await;
/// let visits: i64 = results.get(visits)?;
/// let name: Option<String> = results.get(name)?;
/// # Ok(())
/// # }
/// ```
///
/// It can hold any number of commands, also more than the client lets in at once, and has one deadline for all.
///
/// # Ordering
/// The commands run in the order in which they were queued. Commands of other callers may run in between, and a command
/// that fails does not keep the next ones from running: this is no transaction.
///
/// # Errors
/// Each command has its own result, see [`Results::get`]; [`Results::check`] is for those who want all or an error.
///
/// # Cancellation
/// As for a single call: what was not picked up for sending never runs, what was runs to its end.
#[must_use = "a pipeline does nothing until it is executed"]
pub struct Pipeline<'c> {
    client: &'c Client,
    /// Tells its results from those of others.
    number: u64,
    bytes: Encoded,
    /// Where each command that will be sent ends in `bytes`, and when it is sent again.
    ends: Vec<(usize, Policy)>,
    commands: Vec<Planned>,
    limit: Limit,
}

/// A command of a pipeline.
#[derive(Debug)]
struct Planned {
    name: Name,
    /// Its place among those that are sent; `None`: it must not be sent on a shared connection.
    place: Option<usize>,
}

/// Names a queued command's result, to be given to [`Results::get`]; `T` is what its answer is converted to. `Copy`, so
/// that a result can be asked for twice.
pub struct Queued<T> {
    /// Which pipeline it is of.
    pipeline: u64,
    index: usize,
    answer: PhantomData<fn() -> T>,
}

/// A pipeline on its way. Resolves to the results of all its commands, whatever became of them.
///
/// The deadline counts from the moment this was made; the commands are sent when it is first polled.
#[must_use = "a pipeline is sent when this is awaited"]
pub struct Execution<'c> {
    pipeline: Pipeline<'c>,
    within: Option<Duration>,
    deadline: Option<Instant>,
    phase: Phase,
}

enum Phase {
    Unsent,
    Waiting(Posted),
    Done,
}

/// What became of the commands of a pipeline: one result each. Errors are in the results: call [`check`](Self::check)
/// where they are not looked at one by one.
#[must_use = "errors of the commands are found nowhere else"]
pub struct Results {
    /// Which pipeline they are of.
    pipeline: u64,
    commands: Vec<Planned>,
    /// The answers, in order: each frame holds one or a run of them.
    frames: Vec<Frame>,
    /// How many answers come before each frame.
    starts: Vec<usize>,
    /// Where each answer is, where that is not simply one after the other.
    found: Option<Vec<Found>>,
    /// The commands that have no answer, in order, by their places among those that were to be sent.
    lost: Vec<Lost>,
    /// The commands whose answers are to a second sending, in order, by the same places.
    again: Vec<usize>,
    /// Why none of them has one.
    all_lost: Option<Lost>,
    node: Address,
    within: Option<Duration>,
}

/// How many pipelines there were.
static PIPELINES: AtomicU64 = AtomicU64::new(0);

impl<'c> Pipeline<'c> {
    pub(super) fn new(client: &'c Client) -> Self {
        let (bytes, ends, commands) = (Encoded::default(), Vec::new(), Vec::new());
        let number = PIPELINES.fetch_add(1, Ordering::Relaxed);
        Self { client, number, bytes, ends, commands, limit: Limit::Default }
    }

    /// The whole pipeline may take this long at most, counted from [`execute`](Self::execute). Default: what is set for
    /// the client, 5 s if nothing is.
    pub fn deadline(mut self, within: Duration) -> Self {
        self.limit = Limit::Within(within);
        self
    }

    /// A request for any command, to be queued.
    ///
    /// ```no_run
    /// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
    /// use steadfast::Command;
    ///
    /// let mut pipeline = client.pipeline();
    /// let encoding = pipeline.request::<String>(Command::new("OBJECT ENCODING").key("some key")).queue();
    /// let encoding = pipeline.execute().await.get(encoding)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn request<T: FromReply>(&mut self, command: Command) -> Request<&mut Self, T> {
        Request::new(self, command)
    }

    /// How many commands are queued.
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// Whether no command is queued.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// Sends the commands, when this is awaited, and waits for all their answers. An empty pipeline sends nothing.
    pub fn execute(self) -> Execution<'c> {
        let within = self.client.within(self.limit);
        Execution { within, deadline: deadline_of(within), phase: Phase::Unsent, pipeline: self }
    }
}

impl Sealed for &mut Pipeline<'_> {}

impl Executor for &mut Pipeline<'_> {}

impl<T: FromReply, O> Request<&mut Pipeline<'_>, T, O> {
    /// Adds the command to the pipeline. A deadline of its own is not kept: the pipeline has one for all.
    ///
    /// A command that needs a connection of its own is not sent; its result will say so.
    pub fn queue(self) -> Queued<T> {
        let pipeline = self.executor;
        let place = (!self.command.needs_dedicated()).then(|| {
            self.command.write_to(&mut pipeline.bytes);
            let replay = self.replay.unwrap_or(pipeline.client.replay());
            let on_refusal = self.on_refusal.unwrap_or(pipeline.client.on_refusal());
            pipeline.ends.push((pipeline.bytes.len(), policy(replay, on_refusal, &self.command)));
            pipeline.ends.len() - 1
        });
        pipeline.commands.push(Planned { name: Name::of(&self.command), place });
        Queued { pipeline: pipeline.number, index: pipeline.commands.len() - 1, answer: PhantomData }
    }
}

impl Execution<'_> {
    fn post(&mut self, cx: &Context<'_>) -> Result<Posted, Lost> {
        let mut bytes = std::mem::take(&mut self.pipeline.bytes);
        bytes.share_if_large();
        let (ends, deadline) = (std::mem::take(&mut self.pipeline.ends), self.deadline);
        let slot = ReplySlot::new(cx.waker().clone());
        let room = Room { commands: ends.len(), bytes: bytes.len() };
        self.pipeline.client.link().mailbox().post(slot, room, |log, ticket| {
            log.append(&bytes);
            Entry::group(ticket, &ends, deadline)
        })
    }

    fn finish(&mut self, outcome: Outcome) -> Results {
        self.phase = Phase::Done;
        let (end, all_lost) = match outcome {
            Outcome::Group(end) => (end, None),
            Outcome::Answered(frame, _) => (GroupEnd { answers: vec![frame], ..GroupEnd::default() }, None),
            Outcome::Lost(lost) => (GroupEnd::default(), Some(lost)),
        };
        let GroupEnd { answers: frames, lost, again, found } = end;
        let starts = frames
            .iter()
            .scan(0, |next, frame| {
                let start = *next;
                *next += frame.len();
                Some(start)
            })
            .collect();
        let commands = std::mem::take(&mut self.pipeline.commands);
        let node = self.pipeline.client.address().clone();
        Results {
            pipeline: self.pipeline.number,
            commands,
            frames,
            starts,
            found,
            lost,
            again,
            all_lost,
            node,
            within: self.within,
        }
    }
}

impl Future for Execution<'_> {
    type Output = Results;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Results> {
        let this = self.get_mut();
        match &this.phase {
            Phase::Unsent if this.pipeline.ends.is_empty() => {
                Poll::Ready(this.finish(Outcome::Group(GroupEnd::default())))
            }
            Phase::Unsent => match this.post(cx) {
                Ok(posted) => {
                    this.phase = Phase::Waiting(posted);
                    Poll::Pending
                }
                Err(lost) => Poll::Ready(this.finish(Outcome::Lost(lost))),
            },
            Phase::Waiting(posted) => {
                let outcome = ready!(posted.slot.poll_outcome(cx));
                Poll::Ready(this.finish(outcome))
            }
            Phase::Done => Poll::Pending,
        }
    }
}

impl Drop for Execution<'_> {
    fn drop(&mut self) {
        if let Phase::Waiting(posted) = std::mem::replace(&mut self.phase, Phase::Done) {
            self.pipeline.client.link().mailbox().withdraw(posted);
        }
    }
}

impl Results {
    /// The result of one command.
    ///
    /// # Errors
    /// As for a single call: the server's error, a reply of another shape, or why there was no answer, each with what
    /// became of that command.
    ///
    /// # Panics
    /// If `queued` comes from another pipeline.
    pub fn get<T: FromReply>(&self, queued: Queued<T>) -> Result<T, Error> {
        assert_eq!(queued.pipeline, self.pipeline, "the command was queued in another pipeline");
        self.at(queued.index)
    }

    /// The results in the order in which the commands were queued, each converted to `T`.
    pub fn iter<T: FromReply>(&self) -> impl ExactSizeIterator<Item = Result<T, Error>> {
        let mut next = 0;
        let mut in_sequence = self.frames.iter().flat_map(Frame::replies);
        let mut answers = std::iter::from_fn(move || {
            next += 1;
            match &self.found {
                None => in_sequence.next(),
                Some(found) => self.found_reply(found.get(next - 1)?),
            }
        });
        self.commands.iter().map(move |planned| match planned.place {
            Some(place) => match self.loss(place) {
                Some(lost) => Err(self.lost(planned, lost)),
                None => self.answer(planned, answers.next()),
            },
            None => Err(report::needs_dedicated(&planned.name)),
        })
    }

    /// How many commands there were.
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// Whether there was no command.
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// Whether every command was answered, and none with an error.
    ///
    /// # Errors
    /// That of the first command that was not.
    pub fn check(&self) -> Result<(), Error> {
        self.iter::<()>().collect()
    }

    fn at<T: FromReply>(&self, index: usize) -> Result<T, Error> {
        let planned = self.commands.get(index).expect("checked by the caller");
        match planned.place {
            Some(place) => match self.loss(place) {
                Some(lost) => Err(self.lost(planned, lost)),
                None => self.answer(planned, self.reply(place)),
            },
            None => Err(report::needs_dedicated(&planned.name)),
        }
    }

    fn answer<T: FromReply>(&self, planned: &Planned, reply: Option<Reply<'_>>) -> Result<T, Error> {
        let name = &planned.name;
        let Some(reply) = reply else { return Err(report::closed(name)) };
        match reply.bytes() {
            Some(line) if reply.is_error() => {
                Err(report::server(name, &self.node, ServerError::from_bytes(line), self.sent(planned)))
            }
            _ => T::from_reply(reply).map_err(|error| report::conversion(name, &self.node, error)),
        }
    }

    /// Why a command has no answer; `None` if it has one.
    fn loss(&self, place: usize) -> Option<&Lost> {
        let found = self.lost.binary_search_by_key(&place, |lost| lost.place).ok();
        self.all_lost.as_ref().or_else(|| self.lost.get(found?))
    }

    fn sent(&self, planned: &Planned) -> Sent {
        let again = planned.place.is_some_and(|place| self.again.binary_search(&place).is_ok());
        if again { Sent::Again } else { Sent::Once }
    }

    fn lost(&self, planned: &Planned, lost: &Lost) -> Error {
        report::lost(&planned.name, &self.node, self.within, lost)
    }

    fn reply(&self, place: usize) -> Option<Reply<'_>> {
        // The answers are without those of the commands that have none.
        let place = place - self.lost.partition_point(|lost| lost.place < place);
        if let Some(found) = &self.found {
            return self.found_reply(found.get(place)?);
        }
        let index = self.starts.partition_point(|start| *start <= place).checked_sub(1)?;
        self.frames.get(index)?.replies().nth(place - self.starts.get(index)?)
    }

    fn found_reply(&self, found: &Found) -> Option<Reply<'_>> {
        self.frames.get(found.frame)?.replies().nth(found.reply)
    }
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

impl fmt::Debug for Pipeline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").field("commands", &self.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Execution<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Execution").field("pipeline", &self.pipeline).finish_non_exhaustive()
    }
}

impl fmt::Debug for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Results").field("commands", &self.len()).field("lost", &self.lost.len()).finish_non_exhaustive()
    }
}
