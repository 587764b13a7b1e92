//! Several commands that are sent as one.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::handle::Client;
use super::queue::{Bond, Flight, Queue, Queued};
use super::results::Results;
use super::unanswered;
use crate::command::{Command, Executor, FromReply, Limit, Request, Sealed};
use crate::error::Error;

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
/// The commands run in the order in which they were queued, but for those that the server refuses for the time being
/// (`LOADING`, `TRYAGAIN`, `CLUSTERDOWN`, ...): they are tried again, and may run after later ones, unless they [fail
/// fast](crate::OnRefusal::FailFast). Commands of other callers may run in between, and a command that fails does not
/// keep the next ones from running: this is no [`Transaction`](super::Transaction).
///
/// # Several nodes
/// Its keys can be in any slots. Each node gets the commands that are its own in one write, all nodes at the same time. So the
/// order holds **on each node alone**, and between commands for different nodes there is none. One that a node sends on to
/// another (`MOVED`, `ASK`) may run after later ones. A command that goes to several nodes is
/// [taken apart](crate::Client#commands-for-several-nodes-of-a-cluster) here as on the client, and has one result. What
/// becomes of the commands for one node does not touch the results of the others.
///
/// # Errors
/// Each command has its own result, see [`Results::get`]; [`Results::check`] is for those who want all or an error.
///
/// # Cancellation
/// As for a single call: what was not picked up for sending never runs, what was runs to its end.
#[must_use = "a pipeline does nothing until it is executed"]
pub struct Pipeline<'c>(Queue<'c>);

/// A pipeline on its way. Resolves to the results of all its commands, whatever became of them.
///
/// The deadline counts from the moment this was made; the commands are sent when it is first polled.
#[must_use = "a pipeline is sent when this is awaited"]
pub struct Execution<'c>(Flight<'c>);

impl<'c> Pipeline<'c> {
    pub(super) fn new(client: &'c Client) -> Self {
        Self(Queue::new(client, Bond::Pipeline))
    }

    /// The whole pipeline may take this long at most, counted from [`execute`](Self::execute). Default: what is set for
    /// the client, 5 s if nothing is.
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
        self.0.len()
    }

    /// Whether no command is queued.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sends the commands, when this is awaited, and waits for all their answers. An empty pipeline sends nothing.
    pub fn execute(self) -> Execution<'c> {
        Execution(self.0.launch())
    }
}

impl Pipeline<'_> {
    /// Sends the commands and has the server answer none of them ([`CLIENT
    /// REPLY`](https://redis.io/docs/latest/commands/client-reply/) `OFF`, the commands, `CLIENT REPLY ON`): what they
    /// would answer is neither sent nor read, errors included. That saves the way back of bulk loads whose answers say
    /// nothing. Only on a pipeline of a [`Dedicated`](super::Dedicated).
    ///
    /// When this succeeds, the server has run all of them, each well or with an error that nobody sees. An empty
    /// pipeline sends nothing.
    ///
    /// ```no_run
    /// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
    /// use steadfast::api::Strings;
    ///
    /// let dedicated = client.dedicated().await?;
    /// let mut pipeline = dedicated.pipeline();
    /// for user in 0..10_000 {
    ///     let _ = pipeline.set(format!("user:{user}:seen"), 1).queue();
    /// }
    /// pipeline.execute_unanswered().await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Of the whole, with one fate for all commands: `NotSent` unless the first one was handed over to its end,
    /// `Unknown` if there was no answer to the last one. Besides those of every call
    /// - `NeedsDedicated`, fate `NotSent`: the pipeline is one of the shared connection, or one of the commands cannot
    ///   go without an answer (`BLPOP`, `MULTI`, `RESET`, ...), or `MULTI` was sent before;
    /// - `Arguments`, fate `NotSent`: one of the commands has arguments that cannot be sent;
    /// - `Server`, fate `Refused`: the user has no right to `CLIENT REPLY`, which is tried alone before the first use.
    ///
    /// # Cancellation
    /// As for a single call: what was not picked up for sending never runs, and what was runs to its end.
    pub async fn execute_unanswered(self) -> Result<(), Error> {
        unanswered::execute(self.0).await
    }
}

impl Sealed for &mut Pipeline<'_> {}

impl Executor for &mut Pipeline<'_> {}

impl<T, O> Request<&mut Pipeline<'_>, T, O> {
    /// Adds the command to the pipeline. A deadline of its own is not kept: the pipeline has one for all.
    ///
    /// A command that needs a connection of its own is not sent; its result will say so.
    pub fn queue(self) -> Queued<T> {
        let (executor, request) = self.parted();
        executor.0.push(&request)
    }
}

impl Future for Execution<'_> {
    type Output = Results;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Results> {
        let flight = &mut self.get_mut().0;
        let outcome = ready!(flight.poll_outcome(cx));
        Poll::Ready(Results::of_pipeline(flight, outcome))
    }
}

impl fmt::Debug for Pipeline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipeline").field("commands", &self.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Execution<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Execution").field("commands", &self.0.plan().len()).finish_non_exhaustive()
    }
}
