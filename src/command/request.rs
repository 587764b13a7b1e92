//! A command together with the type of its answer, and where it will run.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use super::args::{ToArg, ToArgs};
use super::convert::ConversionError;
use super::facts::Effect;
use super::from_reply::FromReply;
use super::raw::Command;
use super::refusal::OnRefusal;
use super::replay::Replay;
use crate::resp::Reply;

/// Something that typed commands can be given to: `&Client`, `&Dedicated`, `&mut Pipeline`, `&mut Transaction`.
///
/// Code that is generic over it can make a [`Request`], and leaves it to its caller to await or to queue it:
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use std::time::Duration;
/// use steadfast::api::Keys;
/// use steadfast::api::options::ExpireOptions;
/// use steadfast::{Executor, Request};
///
/// fn touch<E: Executor>(executor: E, user: u64) -> Request<E, bool, ExpireOptions> {
///     executor.expire(format!("session:{user}"), Duration::from_secs(1800))
/// }
///
/// touch(&client, 7).await?;
/// let mut pipeline = client.pipeline();
/// let known = touch(&mut pipeline, 8).queue();
/// let known: bool = pipeline.execute().await.get(known)?;
/// # Ok(())
/// # }
/// ```
pub trait Executor: Sized + sealed::Sealed {}

/// An [`Executor`] that has its connection for itself, so that commands may change what the connection is, or speak of what
/// went over it before: see [`OwnConnection`](crate::api::OwnConnection).
pub trait Exclusive: Executor {}

/// Executors are this crate's own: what implemented the trait elsewhere could run nothing.
pub(crate) mod sealed {
    pub trait Sealed {}
}

/// A command that has not been sent, the type its answer will have, and where it would run.
///
/// On a client it is awaited; on a pipeline or a transaction it is [queued](Self::queue). Nothing happens before.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use std::time::Duration;
/// use steadfast::api::*;
/// use steadfast::{Command, Replay};
///
/// let added: u64 = client.zadd("scores", (12.5, "alice")).await?;
/// // An option of ZADD, and one that changes what it answers.
/// let score: Option<f64> = client.zadd("scores", (1.0, "alice")).xx().incr().await?;
/// // Settings that every request has.
/// let hits = client.incr("hits").deadline(Duration::from_millis(100)).replay(Replay::never()).await?;
/// // A command of any name.
/// let size: Option<u64> = client.request(Command::new("MEMORY USAGE").key("scores")).await?;
/// # Ok(())
/// # }
/// ```
///
/// `E` is where it would run, `T` the answer's type, and `O` which options it has.
///
/// # Settings
/// Every request has [`deadline`](Self::deadline), [`replay`](Self::replay), [`on_refusal`](Self::on_refusal) and
/// [`answer_as`](Self::answer_as); one for a page of a scan also has [`stream`](Self::stream), on a client.
///
/// # Options
/// Those of ZADD are methods of every request with [`ZaddOptions`](crate::api::options::ZaddOptions), and so on: on this
/// page each block `impl Request<E, T, ..Options>` has the options of one command, or of a few that have the same. From
/// a command to its block: click on the mark in its signature, and then on "options".
///
/// # Futures
/// It is no future itself but becomes one by `.await`, and in tokio's `join!`, `try_join!`, `select!` and `timeout`;
/// `IntoFuture::into_future` does the same where something wants one, such as `join_all` and the macros of the crate `futures`:
/// `try_join_all(keys.iter().map(|key| client.get::<String>(key).into_future()))`. The deadline counts from there; nothing is
/// sent before the future is polled.
#[must_use = "a request does nothing until it is awaited (on a client) or queued (on a pipeline or a transaction)"]
pub struct Request<E, T, O = NoOptions> {
    pub(crate) executor: E,
    pub(crate) command: Command,
    pub(crate) deadline: Limit,
    /// `None`: as the client's setting says.
    pub(crate) replay: Option<Replay>,
    /// `None`: as the client's setting says.
    pub(crate) on_refusal: Option<OnRefusal>,
    /// How the answer is read.
    pub(crate) reader: Reader<T>,
    options: PhantomData<fn() -> O>,
}

/// How an answer becomes a `T`.
pub(crate) type Reader<T> = fn(Reply<'_>) -> Result<T, ConversionError>;

/// Marks a [`Request`] whose command has no options of its own. Commands with options have a mark of theirs, on which
/// the options are methods.
#[derive(Clone, Copy, Debug)]
pub struct NoOptions;

/// How long a request may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limit {
    /// As long as the client's setting says.
    Default,
    /// This long.
    Within(Duration),
}

impl<E, T: FromReply> Request<E, T> {
    /// A request for any command; `T` is what its answer is converted to. Shorter, where the executor is known:
    /// [`Client::request`](crate::Client::request), [`Pipeline::request`](crate::client::Pipeline::request) and
    /// [`Transaction::request`](crate::client::Transaction::request).
    pub fn new(executor: E, command: Command) -> Self {
        let (deadline, replay, on_refusal, reader) = (Limit::Default, None, None, T::from_reply);
        Self { executor, command, deadline, replay, on_refusal, reader, options: PhantomData }
    }
}

impl<E, T, O> Request<E, T, O> {
    /// The whole call may take this long at most, counted from `.await`. Default: what is set for the client, 5 s if
    /// nothing is. In a pipeline or a transaction it is not kept.
    pub fn deadline(mut self, within: Duration) -> Self {
        self.deadline = Limit::Within(within);
        self
    }

    /// Whether this command may be sent again when nobody knows whether it ran, whatever the client's setting is.
    pub fn replay(mut self, replay: Replay) -> Self {
        self.replay = Some(replay);
        self
    }

    /// Whether this command is tried again when the server refused it for the time being, whatever the client's setting is.
    pub fn on_refusal(mut self, on_refusal: OnRefusal) -> Self {
        self.on_refusal = Some(on_refusal);
        self
    }

    /// Converts the answer to another type than the command's usual one: a tuple for MGET, say, or
    /// [`Value`](crate::Value) for whatever comes.
    pub fn answer_as<U: FromReply>(self) -> Request<E, U, O> {
        self.marked()
    }

    /// A request for another command, with the same settings.
    pub(crate) fn likewise<U: FromReply>(&self, command: Command) -> Request<E, U>
    where
        E: Clone,
    {
        let Self { executor, deadline, replay, on_refusal, .. } = self;
        let (deadline, replay, on_refusal) = (*deadline, *replay, *on_refusal);
        Request { deadline, replay, on_refusal, ..Request::new(executor.clone(), command) }
    }

    /// The same request for a command that is made of this one.
    pub(crate) fn map_command(mut self, change: impl FnOnce(Command) -> Command) -> Self {
        self.command = change(self.command);
        self
    }

    /// The same request of another executor.
    pub(crate) fn map_executor<F>(self, change: impl FnOnce(E) -> F) -> Request<F, T, O> {
        let Self { executor, command, deadline, replay, on_refusal, reader, options } = self;
        Request { executor: change(executor), command, deadline, replay, on_refusal, reader, options }
    }

    /// The executor, and the request without it.
    pub(crate) fn parted(self) -> (E, Request<(), T, O>) {
        let Self { executor, command, deadline, replay, on_refusal, reader, options } = self;
        (executor, Request { executor: (), command, deadline, replay, on_refusal, reader, options })
    }

    /// The same command with other marks.
    pub(crate) fn marked<U: FromReply, P>(self) -> Request<E, U, P> {
        self.read_by(U::from_reply)
    }

    /// The same command, whose answer is read in a way of its own.
    pub(crate) fn read_by<U, P>(self, reader: Reader<U>) -> Request<E, U, P> {
        let Self { executor, command, deadline, replay, on_refusal, .. } = self;
        Request { executor, command, deadline, replay, on_refusal, reader, options: PhantomData }
    }

    /// The command that would be sent.
    pub fn command(&self) -> &Command {
        &self.command
    }

    /// Adds arguments at the end.
    pub(crate) fn with(mut self, arguments: impl ToArgs) -> Self {
        self.command.push(&arguments);
        self
    }

    /// Adds keys at the end.
    pub(crate) fn with_keys(mut self, keys: impl ToArgs) -> Self {
        self.command.push_key(&keys);
        self
    }

    /// Puts arguments before the word `at`, the name's words counted: options that servers want before the data.
    pub(crate) fn insert(mut self, at: usize, arguments: impl ToArgs) -> Self {
        self.command.splice(at, 0, &arguments);
        self
    }

    /// Puts an argument in the place of the word `at`.
    pub(crate) fn put(mut self, at: usize, argument: impl ToArg) -> Self {
        self.command.splice(at, 1, &argument);
        self
    }

    /// With its options it does this.
    pub(crate) fn does(mut self, effect: Effect) -> Self {
        self.command = self.command.with_effect(effect);
        self
    }
}

/// Whoever wants to make the same request again has to know what that does: see [`Effect`].
impl<E: Clone, T, O> Clone for Request<E, T, O> {
    fn clone(&self) -> Self {
        let Self { executor, command, deadline, replay, on_refusal, reader, .. } = self;
        let (executor, command) = (executor.clone(), command.clone());
        let (deadline, replay, on_refusal, reader) = (*deadline, *replay, *on_refusal, *reader);
        Self { executor, command, deadline, replay, on_refusal, reader, options: PhantomData }
    }
}

impl<E, T, O> fmt::Debug for Request<E, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("command", &self.command).finish_non_exhaustive()
    }
}
