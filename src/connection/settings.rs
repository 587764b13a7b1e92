//! What a link is told when it is made.

use std::time::Duration;

use super::identity::Identity;
use super::tally::Tracing;
use crate::resp::Limits;

/// Which version of the Redis protocol to speak.
///
/// Source: <https://redis.io/docs/latest/develop/reference/protocol-spec/>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProtocolChoice {
    /// RESP3 by `HELLO 3`, and RESP2 where the server does not know `HELLO` (before Redis 6.0, some proxies).
    #[default]
    Auto,
    /// RESP2, without asking for more. For proxies that break on `HELLO`.
    Resp2,
    /// RESP3 only: a server without it is a permanent failure of the handshake.
    Resp3,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Role {
    /// Everybody's commands.
    #[default]
    Shared,
    /// One blocking command after the other. While one is under way the server answers nothing else. Once it was ready and
    /// is lost, the link goes on only for as long as a caller's command waits.
    Blocking,
    /// One caller's, who has made it what it is: the end of its connection is the end of the link.
    Leased,
    /// Subscriptions.
    Subscriber,
}

impl Role {
    /// Whether commands may be under way to which the server says nothing for a long time, and during which it answers
    /// nothing else.
    pub(crate) fn may_block(self) -> bool {
        matches!(self, Self::Blocking | Self::Leased)
    }
}

/// What a session needs to know.
#[derive(Clone, Debug)]
pub(crate) struct SessionSettings {
    /// What the connection is for.
    pub(crate) role: Role,
    /// The steps of the handshake.
    pub(crate) handshake: HandshakePlan,
    /// Bounds of what a server may send.
    pub(crate) limits: Limits,
    /// How many bytes to read at once.
    pub(crate) read_buffer: usize,
    /// Pauses between attempts.
    pub(crate) backoff: BackoffSettings,
    /// How long one attempt may take, from resolving to the end of the handshake.
    pub(crate) connect_timeout: Duration,
    /// After how much silence the server is sent a `PING`; `None` is never.
    pub(crate) heartbeat: Option<Duration>,
    /// After how much silence, while answers are due, a second connection is tried; `None` is never.
    pub(crate) silence: Option<Duration>,
    /// Whether commands wait while there is no connection.
    pub(crate) offline: Offline,
    /// Makes the jitter of links differ.
    pub(crate) seed: u64,
    /// Whether each command's way is noted for an observer.
    pub(crate) tracing: Tracing,
    /// Whether the node is one of several, so that another one may be where a command belongs.
    pub(crate) routed: bool,
}

/// What a call does that finds its link without a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Offline {
    /// It waits for the connection to come back, until its deadline.
    #[default]
    Wait,
    /// It fails at once, with fate `NotSent` and the cause of the outage. For programs that have somewhere else to go,
    /// such as a cache in front of a database.
    FailFast,
}

/// Pauses between attempts to connect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BackoffSettings {
    /// The pause before the second retry; it doubles from there. The first retry is at once.
    pub(crate) first: Duration,
    /// The longest pause, and the pause after a failure that only a change of settings can mend.
    pub(crate) max: Duration,
    /// By how many percent, at most, chance shortens a pause; at most 100.
    pub(crate) jitter: u8,
}

/// What to say to a server before the first command.
#[derive(Clone, Debug, Default)]
pub(crate) struct HandshakePlan {
    /// Which protocol to speak.
    pub(crate) protocol: ProtocolChoice,
    /// Who we are.
    pub(crate) identity: Identity,
    /// CLIENT SETNAME.
    pub(crate) name: Option<String>,
    /// SELECT; 0 is not sent.
    pub(crate) database: u32,
    /// CLIENT SETINFO LIB-NAME and LIB-VER.
    pub(crate) library: Option<(&'static str, &'static str)>,
    /// CLIENT NO-EVICT ON.
    pub(crate) no_evict: bool,
    /// CLIENT ID, where HELLO does not say it.
    pub(crate) asks_id: bool,
    /// READONLY: a replica of a cluster is to answer what only reads, rather than to name its primary.
    pub(crate) readonly: bool,
}
