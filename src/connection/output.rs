//! What a session hands out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::group::GroupEnd;
use super::state::SessionFacts;
use super::subscriptions::Topic;
use crate::command::ServerError;
use crate::outcome::{Cause, Fate, Stage};
use crate::resp::Frame;

/// What a session hands out; `T` is what a caller is known by.
#[derive(Debug)]
pub(crate) enum Output<T> {
    /// The answer to a caller's command.
    Answered(T, Frame, Sent),
    /// The answer to a command whose caller was told that none would come.
    Orphan(Frame),
    /// A caller's command will not be answered.
    Lost(T, Lost),
    /// All that will come for a caller's several commands.
    Group(T, GroupEnd),
    /// Something the server sent unasked, in its place in the stream.
    Push(Frame),
    /// The link's state has changed.
    State,
    /// The server takes no commands for the time being, in these words: they are kept back until it does.
    Paused(Arc<str>),
    /// The server takes commands again.
    Resumed,
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
        /// How many commands callers were told of that what became of them is unknown.
        failed_unknown: usize,
        /// When something was read from it for the last time.
        last_read: Instant,
    },
    /// The server has confirmed the latest subscription to a topic that is wanted.
    Subscribed(Topic),
    /// It has refused it. The topic is asked for again on the next connection.
    SubscriptionRefused(Topic, ServerError),
    /// It has ended it by itself. The topic is asked for again on the next connection.
    SubscriptionWithdrawn(Topic),
    /// Everything that was wanted when the connection was made is confirmed or refused, or not wanted any more.
    Restored,
    /// Credentials are needed: those of now, also where some were asked for already.
    NeedCredentials,
    /// The server has taken changed credentials, on a connection that lives.
    Reauthenticated,
    /// It has not, or there were none; the connection is kept, and another attempt follows.
    ReauthenticationFailed(Cause),
    /// The server refused something for a reason that says that the topology may be another one.
    Unsettled,
    /// The socket must be dropped.
    Hangup,
    /// The second connection is the link's connection now: its socket takes the place of the other one.
    Promoted,
}

/// Why a caller gets no answer, and how its call stood.
#[derive(Clone, Debug)]
pub(crate) struct Loss {
    /// Why.
    pub(crate) reason: Reason,
    /// How far what was not sent had got.
    pub(crate) stage: Stage,
    /// How many attempts to connect there were since the last stable connection.
    pub(crate) attempts: u32,
    /// How long nothing had been read from the connection; `None` without one.
    pub(crate) silent: Option<Duration>,
    /// How many callers were waiting on the link, this one among them.
    pub(crate) waiting: usize,
}

/// Whether a command may have run before the sending that was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Once,
    /// An earlier connection had taken it in full: what the answer says holds for the last sending only.
    Again,
}

/// A command that no answer will come for.
#[derive(Clone, Debug)]
pub(crate) struct Lost {
    /// Of several commands: which one.
    pub(crate) place: usize,
    pub(crate) fate: Fate,
    /// Shared by all that are lost in one moment.
    pub(crate) loss: Arc<Loss>,
}

impl Lost {
    /// Of what never came to a link.
    pub(crate) fn unsent(reason: Reason) -> Self {
        let loss = Loss { reason, stage: Stage::Queued, attempts: 0, silent: None, waiting: 0 };
        Self::new(Fate::NotSent, &Arc::new(loss))
    }

    /// Of a single command.
    pub(crate) fn new(fate: Fate, loss: &Arc<Loss>) -> Self {
        Self { place: 0, fate, loss: Arc::clone(loss) }
    }

    /// How far the command had got.
    pub(crate) fn stage(&self) -> Stage {
        if self.fate == Fate::Unknown { Stage::AwaitingReply } else { self.loss.stage }
    }
}

/// Why a caller gets no answer.
#[derive(Debug, Clone)]
pub(crate) enum Reason {
    /// Its deadline came; with the last thing that had gone wrong on the link.
    Deadline(Option<Cause>),
    /// The connection failed.
    Link(Cause),
    /// The connection failed, and with it what its only user had made of it: there is no other one in its place.
    Session(Cause),
    /// The client was closed.
    Closed,
    /// There was no room, and it was not to wait for some.
    Full,
    /// It belongs to another node now: the topology places it anew. With why it had not been run, if it was refused.
    Displaced(Option<Cause>),
}
