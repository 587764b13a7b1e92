//! Several commands that run as one.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::handle::Client;
use super::queue::{Bond, Flight, Queue, Queued};
use super::report::{self, Name};
use super::results::Results;
use crate::command::transaction::{Verdict, judge};
use crate::command::{Command, Executor, FromReply, Limit, Request, Sealed};
use crate::connection::{GroupEnd, Sent};
use crate::driver::Outcome;
use crate::error::Error;

/// Several commands that run as one: all of them with no other command in between, or none
/// ([`MULTI` .. `EXEC`](https://redis.io/docs/latest/develop/using-commands/transactions/)).
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use steadfast::api::Strings;
///
/// let mut transaction = client.transaction();
/// let paid = transaction.incrby("account:alice", -10).queue();
/// let received = transaction.incrby("account:bob", 10).queue();
/// let results = transaction.execute().await?;
/// let (alice, bob): (i64, i64) = (results.get(paid)?, results.get(received)?);
/// # Ok(())
/// # }
/// ```
///
/// It goes out in one write, `MULTI` and `EXEC` included, and needs no connection of its own. No command can use the
/// answer of an earlier one; what must look before it writes can be a [`Script`](super::Script), or watch keys (`WATCH`) on a
/// connection of its own: see [`Optimistic`](super::Optimistic) and [`Dedicated`](super::Dedicated). One deadline holds for all.
///
/// # Ordering
/// The commands run in the order in which they were queued, and no other command in between, whoever sends it. A command
/// that fails while they run (`WRONGTYPE`) does not keep the next ones from running, and undoes nothing: servers know no
/// rollback.
///
/// # Errors
/// There are two levels. [`execute`](Self::execute) gives an error when the transaction as a whole did not run, or
/// nobody knows; each command of one that ran has its own result, see [`Results::get`].
///
/// The fate of the whole is that of one command: `NotSent` unless the last byte of `EXEC` was handed over; `Refused` if
/// the server refused one of the commands (an unknown name, a wrong number of arguments, `OOM`, `MOVED`, ...), whose error
/// [`Error::server`] gives then; `Unknown` if it was sent and no answer came.
///
/// # Cancellation
/// As for a single call: what was not picked up for sending never runs, and what was runs as a whole. It never runs in
/// part.
///
/// # Reconnection
/// What was not sent waits for the next connection, as a whole. What was sent and not answered is sent again only if
/// each of its commands may be: see [`Replay`](crate::Replay). What the server refused for the time being (`LOADING`,
/// `READONLY`, ...) is tried again as a whole, unless one of its commands fails fast: see [`OnRefusal`](crate::OnRefusal).
///
/// # Several nodes
/// In a cluster all keys must be of one slot, as those with the same `{tag}` are; otherwise it ends in
/// [`CrossSlot`](crate::ErrorKind::CrossSlot), and nothing is sent. It goes to the primary of that slot, never to a replica, and
/// follows it as a whole where that answers `MOVED` or `ASK`. A command that would go to several nodes (`DBSIZE`, `FLUSHALL`)
/// has no place in it. Without a cluster, with Sentinels or replicas, its keys can be any.
#[must_use = "a transaction does nothing until it is executed"]
pub struct Transaction<'c>(Queue<'c>);

/// A transaction on its way. Resolves to the results of all its commands if it ran, and to an error if not, or if nobody
/// knows.
///
/// The deadline counts from the moment this was made; the commands are sent when it is first polled.
#[must_use = "a transaction is sent when this is awaited"]
pub struct TransactionExecution<'c>(Flight<'c>);

impl<'c> Transaction<'c> {
    pub(super) fn new(client: &'c Client) -> Self {
        Self(Queue::new(client, Bond::Transaction))
    }

    /// The whole transaction may take this long at most, counted from [`execute`](Self::execute). Default: what is set
    /// for the client, 5 s if nothing is.
    pub fn deadline(mut self, within: Duration) -> Self {
        self.0.set_limit(Limit::Within(within));
        self
    }

    /// A request for any command, to be queued.
    ///
    /// ```no_run
    /// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
    /// use steadfast::Command;
    ///
    /// let mut transaction = client.transaction();
    /// let renamed = transaction.request::<()>(Command::new("RENAME").key("new").key("current")).queue();
    /// let results = transaction.execute().await?;
    /// results.get(renamed)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn request<T: FromReply>(&mut self, command: Command) -> Request<&mut Self, T> {
        Request::new(self, command)
    }

    /// How many commands are queued, `MULTI` and `EXEC` not counted.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no command is queued.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sends the transaction, when this is awaited, and waits for its answers. An empty one sends nothing, and succeeds.
    ///
    /// # Errors
    /// Those of every call, for the transaction as a whole, see [`Transaction`]; besides
    /// - `NeedsDedicated`, fate `NotSent`: one of the commands must not be sent on a shared connection (`SUBSCRIBE`,
    ///   `BLPOP`, `WATCH`, ...), so nothing was sent;
    /// - `Arguments`, fate `NotSent`: one of the commands has arguments that cannot be sent, so nothing was;
    /// - `Conflict`, fate `Refused`: on a [`Dedicated`](super::Dedicated), a key that was watched had changed, so nothing ran;
    /// - `Server`: the server refused one of the commands, or `MULTI`, or `EXEC`, so nothing ran;
    /// - `NotAtomic`, fate `Executed`: it refused `MULTI` and ran commands nevertheless, each by itself.
    pub fn execute(self) -> TransactionExecution<'c> {
        TransactionExecution(self.0.launch())
    }
}

impl Sealed for &mut Transaction<'_> {}

impl Executor for &mut Transaction<'_> {}

impl<T, O> Request<&mut Transaction<'_>, T, O> {
    /// Adds the command to the transaction. A deadline of its own is not kept: the transaction has one for all.
    ///
    /// One command that needs a connection of its own keeps the whole transaction from being sent.
    pub fn queue(self) -> Queued<T> {
        let (executor, request) = self.parted();
        executor.0.push(&request)
    }
}

impl Future for TransactionExecution<'_> {
    type Output = Result<Results, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let flight = &mut self.get_mut().0;
        if let Some((name, unfit)) = flight.plan().first_unfit() {
            let error = report::unfit(&name, unfit);
            flight.tell(flight.plan(), |_| Some(&error));
            return Poll::Ready(Err(error));
        }
        let outcome = match ready!(flight.poll_outcome(cx)) {
            Outcome::Group(_) if flight.plan().len() == 0 => Ok(Results::empty(flight)),
            Outcome::Group(end) => conclude(flight, end),
            Outcome::Lost(lost) => Err(report::lost(&Name::transaction(), flight.node(), flight.within(), &lost)),
            // Several commands are never answered as a single one is.
            Outcome::Answered(..) => Err(report::closed(&Name::transaction())),
        };
        if let Err(error) = &outcome {
            flight.tell(flight.plan(), |_| Some(error));
        }
        Poll::Ready(outcome)
    }
}

/// All answers are there.
fn conclude(flight: &mut Flight<'_>, mut end: GroupEnd) -> Result<Results, Error> {
    let sent = if end.again.is_empty() { Sent::Once } else { Sent::Again };
    let replies = end.replies();
    let facts = flight.plan().iter().map(|planned| planned.name.facts());
    let name = Name::transaction();
    let verdict = judge(&replies, facts);
    if matches!(verdict, Verdict::Executed | Verdict::Aborted) {
        flight.note_closed();
    }
    let error = match verdict {
        Verdict::Executed => match end.answers.pop() {
            Some(last) => return Ok(Results::of_transaction(flight, last, sent)),
            None => report::closed(&name),
        },
        Verdict::Refused(refusal) => {
            let refused = refusal.place.and_then(|place| flight.plan().get(place));
            report::refused_transaction(
                refused.as_ref().map(|planned| &planned.name),
                flight.node(),
                refusal.error,
                sent,
            )
        }
        Verdict::NotAtomic(error) => report::not_atomic(flight.node(), error),
        Verdict::Aborted => report::conflict(flight.node(), sent),
        Verdict::Unexpected(error) => report::conversion(&name, flight.node(), error),
    };
    Err(error)
}

impl fmt::Debug for Transaction<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").field("commands", &self.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for TransactionExecution<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransactionExecution").field("commands", &self.0.plan().len()).finish_non_exhaustive()
    }
}
