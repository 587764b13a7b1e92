//! The public error: what happened, where, and what became of the command.

mod parts;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use crate::client::ConfigError;
use crate::command::{ConversionError, ServerError};
use crate::outcome::{Address, Cause, Fate, Stage};
pub use parts::ErrorPart;

/// What went wrong, where, and what became of the command.
///
/// [`Error::fate`] says whether the command can have run, [`Error::kind`] what happened in one word, and
/// [`std::error::Error::source`] why. The text names command, node, stage and cause, the source's text included, and no
/// argument or password; but where a server answers with an error it can name a key or a member by itself, as in
/// `NOGROUP`: see [`ServerError::message`].
///
/// ```
/// use steadfast::{Error, ErrorKind, Fate};
///
/// fn advice(error: &Error) -> &'static str {
///     match (error.kind(), error.fate()) {
///         (ErrorKind::Config | ErrorKind::Closed, _) => "a mistake in the program",
///         (_, Fate::NotSent | Fate::Refused) => "it did not run: it may be tried again",
///         (_, Fate::Unknown) => "it may have run, or may run later",
///         _ => "the server has answered",
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Error(Box<Report>);

#[derive(Clone)]
pub(crate) struct Report {
    pub(crate) kind: ErrorKind,
    pub(crate) fate: Fate,
    /// The command's name, or what else was tried (`"connecting"`).
    pub(crate) what: Cow<'static, str>,
    pub(crate) detail: Detail,
    pub(crate) node: Option<Address>,
    pub(crate) stage: Option<Stage>,
    pub(crate) attempts: u32,
    /// How long the call was allowed to take.
    pub(crate) within: Option<Duration>,
    /// How long nothing had been read from the connection.
    pub(crate) silent: Option<Duration>,
    /// How many calls were waiting on the link.
    pub(crate) waiting: usize,
    /// Of a command that went to several nodes.
    pub(crate) parts: Vec<ErrorPart>,
}

#[derive(Clone)]
pub(crate) enum Detail {
    None,
    Cause(Cause),
    Server(ServerError),
    Conversion(ConversionError),
    Config(ConfigError),
    Arguments(Box<str>),
    /// Where else in this crate there is what the command is for.
    Elsewhere(&'static str),
}

/// What happened, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The call's deadline came. [`Error::stage`] says how far it had got.
    Timeout,
    /// The connection failed, or could not be made: see [`Error::cause`]. Calls that may wait do not end so for want of
    /// a connection, but in a `Timeout` with the same cause.
    Connection,
    /// TLS failed: see [`Error::cause`] for how, and
    /// [`TlsFailure::is_permanent`](crate::outcome::TlsFailure::is_permanent) for whether only a change of certificates
    /// or settings can help.
    Tls,
    /// The server refused the Redis handshake: a wrong password, a database that it does not have.
    Handshake,
    /// The server sent something that is not the Redis protocol.
    Protocol,
    /// The server answered with an error: see [`Error::server`].
    Server,
    /// The reply could not be converted to the type that was asked for. The command has run, and what it took away is
    /// lost with the reply: see [`api`](crate::api).
    Conversion,
    /// The server refused `MULTI`, or ended a transaction that it had not kept together, and ran commands of it each by
    /// itself: with others in between perhaps, and those that failed left out. [`Error::server`] says what it answered;
    /// the fate is `Executed`. A user without the right to `MULTI` sees this, or who speaks to a proxy that knows none.
    NotAtomic,
    /// A key that was watched had changed when `EXEC` came, so that nothing of the transaction ran; the fate is
    /// `Refused`. The keys are not watched any more: look at them anew, and try again. See
    /// [`Client::optimistic`](crate::Client::optimistic), which does that.
    Conflict,
    /// The connection that this caller had for itself is lost, and with it what was made of it: keys that were watched,
    /// a database that was chosen. The command was not sent, and nothing will be on this connection any more: see
    /// [`Dedicated`](crate::client::Dedicated). [`Error::cause`] says what ended it.
    SessionLost,
    /// There was no room in the queue, or no free connection among those of which each has one user at a time, and the client
    /// is set to fail at once then
    /// ([`AtCapacity::FailFast`](crate::client::AtCapacity::FailFast)).
    Full,
    /// The client is closed, by [`Client::close`](crate::Client::close) on it or a clone.
    Closed,
    /// The command would change or hold up the connection for all other callers, or what stands behind it in a pipeline or a
    /// transaction, and was not sent: see [`Client::request`](crate::Client::request). The text says where there is what it is
    /// for, such as a connection of its own ([`Client::dedicated`](crate::Client::dedicated)). In a transaction it keeps all
    /// commands from being sent.
    NeedsDedicated,
    /// The command has keys in several slots of a cluster, and was not sent: either it cannot be taken apart, or it writes, and
    /// the client is not set to take such commands apart
    /// ([`Config::with_split_writes`](crate::Config::with_split_writes)). Keys with the same `{tag}` are in the same slot.
    CrossSlot,
    /// The command was not sent, because of its arguments: an empty list where a server wants one at least, or a value
    /// that could not be written as an argument. In a transaction it keeps all commands from being sent.
    Arguments,
    /// A scan cannot go on: the connection leads to another server now, or to one that was started anew or does not say
    /// who it is, and a cursor means something only to the server that gave it. See [`Scan`](crate::client::Scan).
    ServerChanged,
    /// The configuration or its URL has a mistake; the source is a [`ConfigError`].
    Config,
    /// There is no tokio runtime to run on: the client was made outside of one.
    NoRuntime,
}

impl ErrorKind {
    /// A name for logs and metrics, such as `"timeout"`: OpenTelemetry's `error.type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Connection => "connection",
            Self::Tls => "tls",
            Self::Handshake => "handshake",
            Self::Protocol => "protocol",
            Self::Server => "server",
            Self::Conversion => "conversion",
            Self::NotAtomic => "not_atomic",
            Self::Conflict => "conflict",
            Self::SessionLost => "session_lost",
            Self::Full => "full",
            Self::Closed => "closed",
            Self::NeedsDedicated => "needs_dedicated",
            Self::CrossSlot => "cross_slot",
            Self::Arguments => "arguments",
            Self::ServerChanged => "server_changed",
            Self::Config => "config",
            Self::NoRuntime => "no_runtime",
        }
    }
}

impl Error {
    pub(crate) fn new(report: Report) -> Self {
        Self(Box::new(report))
    }

    /// What happened, in one word.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What became of the command; of a call that is none, such as `Client::connect`, always `NotSent`.
    pub fn fate(&self) -> Fate {
        self.0.fate
    }

    /// What became of each part of a command that went to several nodes of a cluster: in the order of their slots, if its keys
    /// were in several, else one part a node. Parts that were answered are there too. Empty for every other command.
    ///
    /// [`fate`](Self::fate) is that of all parts if it is the same, else [`Fate::Partial`]; the rest of this error (kind, node,
    /// stage, cause) is that of the first part that failed.
    ///
    /// ```
    /// use steadfast::{Error, Fate};
    ///
    /// /// The keys of which nobody knows whether they were deleted.
    /// fn doubtful(error: &Error) -> Vec<&[u8]> {
    ///     let parts = error.parts().iter().filter(|part| part.fate() == Fate::Unknown);
    ///     parts.flat_map(|part| part.keys()).map(|key| &key[..]).collect()
    /// }
    /// ```
    pub fn parts(&self) -> &[ErrorPart] {
        &self.0.parts
    }

    /// How far the call had got when it ended; `None` if the server had answered.
    pub fn stage(&self) -> Option<Stage> {
        self.0.stage
    }

    /// The node that was to run the command; `None` where it had not come to that (a mistake in the configuration, no
    /// runtime, a command that must not be sent).
    pub fn node(&self) -> Option<&Address> {
        self.0.node.as_ref()
    }

    /// How many attempts to connect there had been since the last stable connection (see
    /// [`LinkState`](crate::LinkState)), the one to the present connection among them; 0 if the server had answered, or
    /// none was made.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// What the connection failed of; after a timeout, the last failure before it.
    pub fn cause(&self) -> Option<&Cause> {
        match &self.0.detail {
            Detail::Cause(cause) => Some(cause),
            _ => None,
        }
    }

    /// The server's own error, if it answered with one.
    pub fn server(&self) -> Option<&ServerError> {
        match &self.0.detail {
            Detail::Server(error) => Some(error),
            _ => None,
        }
    }

    /// Whether the call ended because its deadline came: `kind()` is [`ErrorKind::Timeout`].
    pub fn is_timeout(&self) -> bool {
        self.0.kind == ErrorKind::Timeout
    }
}

impl Report {
    /// Of something that did not concern a node.
    pub(crate) fn new(kind: ErrorKind, fate: Fate, what: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            fate,
            what: what.into(),
            detail: Detail::None,
            node: None,
            stage: None,
            attempts: 0,
            within: None,
            silent: None,
            waiting: 0,
            parts: Vec::new(),
        }
    }

    /// Of a command that went to several nodes: what went wrong is what went wrong first.
    pub(crate) fn of_parts(what: Cow<'static, str>, parts: Vec<ErrorPart>) -> Self {
        let fate = parts::fate(&parts);
        let first = parts.iter().find_map(ErrorPart::error).map(|error| (*error.0).clone());
        let first = first.unwrap_or_else(|| Self::new(ErrorKind::Connection, fate, ""));
        Self { what, fate, parts, ..first }
    }

    fn write_timeout(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} timed out", self.what)?;
        if let Some(within) = self.within {
            write!(f, " after {within:?}")?;
        }
        if let Some(stage) = self.stage {
            write!(f, ": {stage}")?;
        }
        if let Some(node) = &self.node {
            let preposition = match self.stage {
                Some(Stage::AwaitingReply) => "from",
                Some(Stage::Writing | Stage::Connecting | Stage::Backoff) => "to",
                Some(Stage::Refused) => "by",
                _ => "for",
            };
            write!(f, " {preposition} {node}")?;
        }
        write!(f, " ({}", self.fate)?;
        if let Some(silent) = self.silent {
            write!(f, "; link ready, nothing read for {} ms", silent.as_millis())?;
        }
        match self.waiting {
            0 => {}
            waiting => write!(f, ", {waiting} in flight or queued")?,
        }
        match self.attempts {
            0 | 1 => {}
            attempts => write!(f, "; attempt {attempts}")?,
        }
        if let Detail::Cause(cause) = &self.detail {
            write!(f, "; last failure: {cause}")?;
        }
        f.write_str(")")
    }
}

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        let report = Report::new(ErrorKind::Config, Fate::NotSent, "connecting");
        Self::new(Report { detail: Detail::Config(error), ..report })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = &*self.0;
        let what = &report.what;
        if !report.parts.is_empty() {
            return parts::write(&report.parts, what, f);
        }
        match (&report.detail, report.kind) {
            (_, ErrorKind::Timeout) => return report.write_timeout(f),
            (Detail::Server(error), ErrorKind::NotAtomic) => {
                write!(f, "{what} ran, but not as one: the server answered {error}")?
            }
            (Detail::Server(error), _) => write!(f, "{what}: the server answered {error}")?,
            (Detail::Conversion(error), _) => write!(f, "{what}: the reply is not what was asked for: {error}")?,
            (Detail::Config(error), _) => return write!(f, "{error}"),
            (Detail::Arguments(reason), _) => write!(f, "{what} was not sent: its arguments are wrong: {reason}")?,
            (Detail::Elsewhere(place), _) => write!(f, "{what} was not sent: {place}")?,
            (Detail::Cause(cause), ErrorKind::SessionLost) => {
                write!(f, "{what} was not sent: the connection that it was for is lost: {cause}")?
            }
            (Detail::Cause(cause), _) => write!(f, "{what} failed: {cause}")?,
            (Detail::None, ErrorKind::Closed) => write!(f, "{what} failed: the client is closed")?,
            (Detail::None, ErrorKind::Full) if report.stage == Some(Stage::AcquiringConnection) => {
                write!(f, "{what} failed: all connections of their own that there may be are in use")?
            }
            (Detail::None, ErrorKind::Full) => {
                write!(f, "{what} failed: the queue is full ({} calls are queued or in flight)", report.waiting)?
            }
            (Detail::None, ErrorKind::Conflict) => write!(f, "{what} did not run: a key that was watched had changed")?,
            (Detail::None, ErrorKind::ServerChanged) => write!(
                f,
                "{what} cannot go on: the connection leads to another server than the one that gave the cursor"
            )?,
            (Detail::None, ErrorKind::NoRuntime) => write!(f, "{what} failed: it must run on a tokio runtime")?,
            (Detail::None, kind) => write!(f, "{what} failed: {kind:?}")?,
        }
        match &report.node {
            Some(node) => write!(f, " ({node}; {})", report.fate),
            None => write!(f, " ({})", report.fate),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error {{ kind: {:?}, fate: {:?}, text: \"{self}\" }}", self.0.kind, self.0.fate)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.detail {
            Detail::None | Detail::Arguments(_) | Detail::Elsewhere(_) => None,
            Detail::Cause(cause) => Some(cause),
            Detail::Server(error) => Some(error),
            Detail::Conversion(error) => Some(error),
            Detail::Config(error) => Some(error),
        }
    }
}
