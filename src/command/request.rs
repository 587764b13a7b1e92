//! A command together with the type of its answer, and where it will run.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use super::args::ToArgs;
use super::raw::Command;
use super::replay::Replay;

/// Something that typed commands can be given to: a client, a pipeline.
pub trait Executor: Sized {}

/// A command that has not been sent, the type its answer will have, and where it would run.
///
/// On a client it is awaited; on a pipeline it is queued. Nothing happens before.
#[must_use = "a request does nothing until it is awaited (on a client) or queued (on a pipeline)"]
pub struct Request<E, T, O = NoOptions> {
    pub(crate) executor: E,
    pub(crate) command: Command,
    pub(crate) deadline: Limit,
    /// `None`: as the client's setting says.
    pub(crate) replay: Option<Replay>,
    answer: PhantomData<fn() -> (T, O)>,
}

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

impl<E, T> Request<E, T> {
    /// A request for any command; `T` is what its answer is converted to.
    pub fn new(executor: E, command: Command) -> Self {
        Self { executor, command, deadline: Limit::Default, replay: None, answer: PhantomData }
    }
}

impl<E, T, O> Request<E, T, O> {
    /// The whole call may take this long at most, whatever the client's own setting is.
    pub fn deadline(mut self, within: Duration) -> Self {
        self.deadline = Limit::Within(within);
        self
    }

    /// Whether this command may be sent again when nobody knows whether it ran, whatever the client's setting is.
    pub fn replay(mut self, replay: Replay) -> Self {
        self.replay = Some(replay);
        self
    }

    /// Converts the answer to another type than the command's usual one.
    pub fn answer_as<U>(self) -> Request<E, U, O> {
        self.marked()
    }

    /// The same command with other marks.
    pub(crate) fn marked<U, P>(self) -> Request<E, U, P> {
        let Self { executor, command, deadline, replay, .. } = self;
        Request { executor, command, deadline, replay, answer: PhantomData }
    }

    /// The command that would be sent.
    pub fn command(&self) -> &Command {
        &self.command
    }

    pub(crate) fn with(mut self, arguments: impl ToArgs) -> Self {
        self.command.push(&arguments);
        self
    }
}

impl<E, T, O> fmt::Debug for Request<E, T, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("command", &self.command).finish_non_exhaustive()
    }
}
