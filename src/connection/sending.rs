//! What is known of the sendings of one command, and when it is sent again.

use super::output::Sent;
use crate::command::{Refusal, Retry};
use crate::outcome::Fate;
use crate::resp::Reply;

/// What is known of the sending of one command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sending {
    pub(crate) policy: Policy,
    pub(crate) past: Past,
}

/// When a command is sent again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Policy {
    /// When nobody knows whether it ran.
    pub(crate) repeat: Repeat,
    /// When the server refused it for the time being.
    pub(crate) retry: Retry,
}

/// What became of a command's earlier sendings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Past {
    /// There were none: no connection has taken it in full.
    NotSent,
    /// The server answered that it did not run it.
    Refused,
    /// A connection that had taken it in full was lost.
    MayHaveRun,
}

/// Whether a command may be sent again when nobody knows whether it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Running it twice does what running it once does, as far as its caller cares.
    Allowed,
    Forbidden,
}

impl Sending {
    /// Of a command that was not sent yet.
    pub(crate) fn new(policy: Policy) -> Self {
        Self { policy, past: Past::NotSent }
    }

    /// A connection that had taken it in full is lost.
    pub(crate) fn handle_lost(&mut self) {
        self.past = Past::MayHaveRun;
    }

    /// What became of it, if it is not on its way just now.
    pub(crate) fn fate(&self) -> Fate {
        match self.past {
            Past::NotSent => Fate::NotSent,
            Past::Refused => Fate::Refused,
            Past::MayHaveRun => Fate::Unknown,
        }
    }

    /// Whether it may have run before it was sent the last time.
    pub(crate) fn sent(&self) -> Sent {
        if self.past == Past::MayHaveRun { Sent::Again } else { Sent::Once }
    }

    /// Why the server refused it for the time being, if that is what `reply` says and it is to be tried again.
    pub(crate) fn refusal(&mut self, reply: Reply<'_>) -> Option<Refusal> {
        let line = reply.bytes().filter(|_| reply.is_error())?;
        let refusal = Refusal::covered(line, self.policy.retry)?;
        self.past = self.past.max(Past::Refused);
        Some(refusal)
    }

    /// All of what it belongs to was refused for the time being; returns whether it is to be tried again then.
    pub(crate) fn handle_refused(&mut self) -> bool {
        if self.policy.retry == Retry::Never {
            return false;
        }
        self.past = self.past.max(Past::Refused);
        true
    }
}

impl Policy {
    /// The same, but for a server whose refusals are told at once: another one may take it.
    pub(crate) fn without_retry(self) -> Self {
        Self { retry: Retry::Never, ..self }
    }

    /// What two commands allow that have one fate.
    pub(crate) fn strictest(self, other: Self) -> Self {
        let repeat = if self.repeat == Repeat::Allowed { other.repeat } else { Repeat::Forbidden };
        let retry = match (self.retry, other.retry) {
            (Retry::Never, _) | (_, Retry::Never) => Retry::Never,
            (Retry::BeforeScripts, _) | (_, Retry::BeforeScripts) => Retry::BeforeScripts,
            (Retry::All, Retry::All) => Retry::All,
        };
        Self { repeat, retry }
    }
}

impl From<Repeat> for Policy {
    /// Never after a refusal.
    fn from(repeat: Repeat) -> Self {
        Self { repeat, retry: Retry::Never }
    }
}
