//! What a session hands out.

use std::sync::Arc;
use std::time::Duration;

use super::state::SessionFacts;
use crate::outcome::{Cause, Fate, Stage};
use crate::resp::Frame;

/// What a session hands out; `T` is what a caller is known by.
#[derive(Debug)]
pub(crate) enum Output<T> {
    /// All answers to a caller's commands.
    Answered(T, Replies),
    /// A caller's commands will not be answered.
    Lost(T, Box<Loss>),
    /// Something the server sent unasked, in its place in the stream.
    Push(Frame),
    /// The link's state has changed.
    State,
    /// A connection is ready.
    Connected(Arc<SessionFacts>),
    /// A connection that was ready is lost.
    Disconnected {
        /// Why.
        cause: Cause,
        /// How many callers were waiting on it.
        in_flight: usize,
        /// How many of them wait on for the next connection.
        requeued: usize,
        /// How many of them were told that what became of their commands is unknown.
        failed_unknown: usize,
    },
    /// The socket must be dropped.
    Hangup,
}

/// The answers to one caller's commands.
#[derive(Debug)]
pub(crate) enum Replies {
    /// To a single command.
    One(Frame),
    /// To several: each frame holds one answer or a run of them, in order.
    Many(Vec<Frame>),
}

/// Why a caller gets no answer, and what became of its commands.
#[derive(Debug)]
pub(crate) struct Loss {
    /// Why.
    pub(crate) reason: Reason,
    /// How far it had got.
    pub(crate) stage: Stage,
    /// What became of it; of several commands, of the first unanswered one.
    pub(crate) fate: Fate,
    /// How many connections it was, or would have been, sent on.
    pub(crate) attempts: u32,
    /// How long nothing had been read from the connection; `None` without one.
    pub(crate) silent: Option<Duration>,
    /// How many callers were waiting on the link, this one among them.
    pub(crate) waiting: usize,
    /// Of several commands: the answers that had come.
    pub(crate) answered: Vec<Frame>,
    /// Of several commands: how many had been handed over in full, the answered ones among them.
    pub(crate) sent: usize,
}

impl Loss {
    /// Of several commands, what became of the one at `place`, which has no answer.
    pub(crate) fn of_command(&self, place: usize) -> Self {
        let sent = place < self.sent;
        Self {
            reason: self.reason.clone(),
            stage: if !sent && self.stage == Stage::AwaitingReply { Stage::Writing } else { self.stage },
            fate: if sent { Fate::Unknown } else { Fate::NotSent },
            answered: Vec::new(),
            ..*self
        }
    }
}

/// Why a caller gets no answer.
#[derive(Debug, Clone)]
pub(crate) enum Reason {
    /// Its deadline came; with the last thing that had gone wrong on the link.
    Deadline(Option<Cause>),
    /// The connection failed.
    Link(Cause),
    /// The client was closed.
    Closed,
    /// There was no room, and it was not to wait for some.
    Full,
}
