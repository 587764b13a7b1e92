//! Why a connection could not be made, or ended.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use super::TlsFailure;

/// Why a connection could not be made, or ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// The host name could not be resolved, or has no address.
    Resolve {
        /// The host name.
        host: String,
        /// What the resolver says.
        detail: String,
    },
    /// No connection could be opened; the failure of each address that was tried, in the order of the attempts.
    Connect {
        /// Address (`None` for a Unix socket or a connector of the user's own) and failure.
        attempts: Vec<(Option<SocketAddr>, ConnectFailure)>,
    },
    /// TLS failed: in the same way, or for good, at every address; or later.
    Tls(TlsFailure),
    /// There were no credentials to authenticate with: the user's own provider failed, or took longer than an attempt
    /// to connect may take.
    Credentials {
        /// What the provider says.
        detail: String,
    },
    /// The server refused the Redis handshake.
    Handshake(HandshakeRefusal),
    /// The server sent bytes that are not RESP.
    Protocol {
        /// What was wrong with them, and where.
        detail: String,
    },
    /// The peer closed the connection (FIN).
    PeerClosed,
    /// Reading from or writing to the socket failed.
    Io(IoFailure),
    /// The attempt took longer than a connection attempt may take.
    AttemptTimedOut {
        /// The stage in which it was ended.
        stage: super::Stage,
    },
    /// The server sent nothing for longer than it may, while answers were due, and a second connection to it was
    /// answered.
    Silent,
    /// The server refused a command for the time being, in these words: it loads its data, has lost its primary, ...
    Refused {
        /// The server's words, such as `LOADING Redis is loading the dataset in memory`.
        message: Arc<str>,
    },
    /// The server takes no writes, being a replica, and the address now leads to one that does.
    ReadOnly,
    /// Another node does what this one did, as the deployment says, and this one had been silent while answers were due.
    Replaced,
    /// What was there is another node's now: the slot of a channel, or what the primary does.
    Moved,
    /// There is no connection, and nothing has gone wrong yet either: none has been made.
    NotConnected,
    /// The user's own resolver, connector or provider of credentials panicked; the attempt is over, and others follow.
    Panicked,
    /// The connection was ended by this side: the client was closed.
    ClosedHere,
    /// The runtime that carried the connection was shut down, or a panic ended the link's task on it: in the stream of a
    /// user's own connector, or of a runtime that has no sockets (`enable_io`).
    RuntimeGone,
}

/// Why one address could not be connected to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectFailure {
    /// The operating system, or a connector of the user's own, failed.
    Io(IoFailure),
    /// The connection came about, and TLS failed on it.
    Tls(TlsFailure),
}

/// What the server said when it refused the Redis handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HandshakeRefusal {
    /// The step that was refused, such as `"HELLO"` or `"SELECT"`; `"the connection"` where the server spoke first.
    pub step: &'static str,
    /// The server's words. They never carry the password that was sent.
    pub message: Arc<str>,
    /// Whether trying again cannot help until someone changes a setting (`WRONGPASS`, `NOAUTH`, `NOPERM`, ...).
    pub permanent: bool,
}

impl HandshakeRefusal {
    /// A refusal of `step` in the server's words.
    pub fn new(step: &'static str, message: impl Into<Arc<str>>, permanent: bool) -> Self {
        Self { step, message: message.into(), permanent }
    }
}

/// A failure of the operating system, kept so that it can be cloned and compared.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct IoFailure {
    kind: io::ErrorKind,
    code: Option<i32>,
}

impl IoFailure {
    /// The failure's kind.
    pub fn kind(self) -> io::ErrorKind {
        self.kind
    }

    /// The operating system's number, such as `111` for `ECONNREFUSED` on Linux.
    pub fn raw_os_error(self) -> Option<i32> {
        self.code
    }
}

impl Cause {
    /// That the server refused something with this error, its line without the `-`.
    pub(crate) fn refused(line: &[u8]) -> Self {
        Self::Refused { message: String::from_utf8_lossy(line).into() }
    }

    /// Whether trying again cannot help until someone changes a certificate, a password or a setting.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Tls(failure) => failure.is_permanent(),
            Self::Handshake(refusal) => refusal.permanent,
            Self::Protocol { .. } | Self::ClosedHere | Self::RuntimeGone => true,
            _ => false,
        }
    }
}

impl From<&io::Error> for IoFailure {
    fn from(error: &io::Error) -> Self {
        Self { kind: error.kind(), code: error.raw_os_error() }
    }
}

impl From<io::ErrorKind> for IoFailure {
    fn from(kind: io::ErrorKind) -> Self {
        Self { kind, code: None }
    }
}

impl From<&io::Error> for ConnectFailure {
    fn from(error: &io::Error) -> Self {
        Self::Io(error.into())
    }
}

impl From<TlsFailure> for ConnectFailure {
    fn from(failure: TlsFailure) -> Self {
        Self::Tls(failure)
    }
}

impl From<TlsFailure> for Cause {
    fn from(failure: TlsFailure) -> Self {
        Self::Tls(failure)
    }
}

impl fmt::Debug for IoFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "{:?}({code})", self.kind),
            None => write!(f, "{:?}", self.kind),
        }
    }
}

impl fmt::Display for IoFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "{}", io::Error::from_raw_os_error(code)),
            None => write!(f, "{}", self.kind),
        }
    }
}

impl fmt::Display for ConnectFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(failure) => failure.fmt(f),
            Self::Tls(failure) => failure.fmt(f),
        }
    }
}

impl fmt::Display for HandshakeRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server refused {}: {}", self.step, self.message)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve { host, detail } => write!(f, "cannot resolve {host}: {detail}"),
            Self::Connect { attempts } => {
                f.write_str("cannot connect")?;
                for (index, (address, failure)) in attempts.iter().enumerate() {
                    f.write_str(if index == 0 { ": " } else { "; " })?;
                    if let Some(address) = address {
                        write!(f, "{address}: ")?;
                    }
                    write!(f, "{failure}")?;
                }
                Ok(())
            }
            Self::Tls(failure) => failure.fmt(f),
            Self::Credentials { detail } => write!(f, "no credentials: {detail}"),
            Self::Handshake(refusal) => refusal.fmt(f),
            Self::Protocol { detail } => write!(f, "the server does not speak the Redis protocol: {detail}"),
            Self::PeerClosed => f.write_str("the server closed the connection"),
            Self::Io(failure) => write!(f, "the connection broke: {failure}"),
            Self::AttemptTimedOut { stage } => write!(f, "the attempt to connect took too long, {stage}"),
            Self::Silent => f.write_str(
                "the server sent nothing for too long while answers were due, and a second connection was answered",
            ),
            Self::Refused { message } => write!(f, "the server refused it for the time being: {message}"),
            Self::ReadOnly => f.write_str("the server became a replica, and another one took its place"),
            Self::Replaced => f.write_str("the server was silent, and another one took its place"),
            Self::Moved => f.write_str("another node of the deployment has it now"),
            Self::NotConnected => f.write_str("there is no connection yet"),
            Self::Panicked => f.write_str("the user's own resolver, connector or provider of credentials panicked"),
            Self::ClosedHere => f.write_str("the client was closed"),
            Self::RuntimeGone => {
                f.write_str("the runtime that carried the connection was shut down, or a panic ended its task")
            }
        }
    }
}

impl std::error::Error for Cause {}
