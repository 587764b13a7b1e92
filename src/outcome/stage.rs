//! How far a call or a connection attempt got.

use std::fmt;

/// How far a call, or an attempt to connect, had got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Waiting for room in the link's queue, or for the link to come up.
    Queued,
    /// Waiting for a free one among the connections for blocking commands, or for callers who need one for themselves: all
    /// that there may be are in use.
    AcquiringConnection,
    /// Resolving a host name.
    Resolving,
    /// Opening the TCP or Unix connection.
    Connecting,
    /// In the TLS handshake.
    TlsHandshake,
    /// In the Redis handshake (`HELLO`, `AUTH`, `SELECT`), or waiting for the credentials that it needs.
    Handshake,
    /// Waiting for the pause before the next attempt to connect.
    Backoff,
    /// Learning which node has what, of several: nobody who knows has answered yet, or no node serves the slot, or nodes send the
    /// command on to each other. The error's cause is what went wrong last. Never with one server.
    Topology,
    /// Waiting to be tried again, or to be sent at all, because the server refuses commands for the time being (`LOADING`,
    /// `READONLY`, ...).
    Refused,
    /// Handing the command to the socket.
    Writing,
    /// The whole command was sent; waiting for its answer.
    AwaitingReply,
}

impl Stage {
    /// The words used in error texts, such as `"awaiting reply"`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::AcquiringConnection => "waiting for a free connection",
            Self::Resolving => "resolving",
            Self::Connecting => "connecting",
            Self::TlsHandshake => "in the TLS handshake",
            Self::Handshake => "in the Redis handshake",
            Self::Backoff => "waiting to reconnect",
            Self::Topology => "learning the topology",
            Self::Refused => "refused for the time being",
            Self::Writing => "writing",
            Self::AwaitingReply => "awaiting reply",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
