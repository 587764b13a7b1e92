//! What became of a command.

use std::fmt;

/// What became of a command whose call ended in an error.
///
/// The judgement is conservative: [`Fate::Unknown`] may be too careful, [`Fate::NotSent`] and [`Fate::Refused`] are
/// never wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fate {
    /// The last byte of the command was never handed to the socket (with TLS: to the TLS layer), so the server cannot
    /// have run it.
    NotSent,
    /// The server answered that it did not run the command (`MOVED`, `LOADING`, `NOAUTH`, a wrong number of arguments, ...).
    ///
    /// Judged by the first word of the error. Scripts (`EVAL`, `FCALL`) and commands that this crate does not know may give
    /// any error from the middle of their work: of those only what a server says before it begins counts, in its own
    /// words: `MOVED`, `ASK`, `TRYAGAIN`, `CLUSTERDOWN`, `LOADING`, `BUSY`, `NOSCRIPT`, `READONLY`.
    Refused,
    /// The command was sent and no answer came. It may have run, and it **may still run later**.
    Unknown,
    /// The answer came: an error of the command itself (`WRONGTYPE`, a script's own error), or a reply that could not
    /// be converted to the type that was asked for. Whether the command changed anything is the command's own matter: an
    /// error in its arguments mostly means that it did not.
    Executed,
    /// A command that went to several nodes of a cluster ended differently on them:
    /// [`Error::parts`](crate::Error::parts) says how on each.
    Partial,
}

impl Fate {
    /// Whether the server certainly did not run the command, so that sending it again cannot run it twice. Whether that
    /// has better chances is another question: see [`ErrorKind`](crate::ErrorKind).
    pub fn is_safe_to_retry(self) -> bool {
        matches!(self, Self::NotSent | Self::Refused)
    }

    /// The words used in error texts, such as `"sent, outcome unknown"`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotSent => "not sent",
            Self::Refused => "refused by the server, not run",
            Self::Unknown => "sent, outcome unknown",
            Self::Executed => "executed",
            Self::Partial => "executed in part",
        }
    }
}

impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
