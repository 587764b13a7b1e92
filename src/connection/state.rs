//! Where a link is.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use super::settings::Offline;
use crate::outcome::{Cause, PeerFacts, Stage};
use crate::resp::Protocol;

/// Where a link to a node is: the client's connection to it, over all losses and reconnections.
///
/// ```text
///            dial             handshake done      close
///   Idle ──────────▶ Connecting ──────────▶ Ready ──────▶ Draining
///                     ▲      │                │               │
///              dial   │      │ failed         │ lost          │ lost with work left
///                     │      ▼                ▼               │
///                     └──── Backoff ◀─────────┴───────────────┘
///
///   Ready ── a second connection was better ──▶ Ready
///   any ── closed, and nothing left to answer ──▶ Closed
/// ```
///
/// Every state but `Closed` leads back to `Ready` when the fault goes away, whatever it was. A *stable* connection is one
/// that was ready for longer than the pause before it, and for 100 ms at least.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LinkState {
    /// Nothing has been tried yet.
    Idle,
    /// A connection is being made.
    #[non_exhaustive]
    Connecting {
        /// Which attempt this is since the last stable connection; the first is 1.
        attempt: u32,
        /// How far it has got.
        stage: Stage,
        /// The IP address that was tried last, where there is one.
        address: Option<SocketAddr>,
        /// When the attempt began.
        since: Instant,
        /// What the attempt before this one, or the connection, ended of.
        last: Option<Cause>,
    },
    /// Commands can be sent.
    #[non_exhaustive]
    Ready {
        /// What is known of the connection.
        session: Arc<SessionFacts>,
    },
    /// Waiting before the next attempt.
    #[non_exhaustive]
    Backoff {
        /// How many attempts there were since the last stable connection.
        attempt: u32,
        /// When the next one begins.
        until: Instant,
        /// What ended the last one.
        cause: Cause,
    },
    /// Closing: no new commands are taken, those that were are still answered.
    #[non_exhaustive]
    Draining {
        /// What is known of the connection.
        session: Arc<SessionFacts>,
    },
    /// Closed for good.
    #[non_exhaustive]
    Closed {
        /// Why.
        cause: Cause,
    },
}

/// Whether commands can be sent.
#[derive(Debug)]
pub(crate) enum Readiness {
    Ready(Arc<SessionFacts>),
    NotYet,
    /// Not without a change of certificates, passwords or settings.
    Never(Cause),
}

/// What is known of an established session.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionFacts {
    /// What the server said of itself.
    pub server: ServerFacts,
    /// The two ends, and TLS.
    pub peer: PeerFacts,
}

/// What a server said of itself in the handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerFacts {
    /// The protocol that is spoken.
    pub protocol: Protocol,
    /// The server's name, `"redis"` or `"valkey"`; `None` in RESP2.
    pub server: Option<String>,
    /// The server's version, such as `"7.0.15"`; `None` in RESP2.
    pub version: Option<String>,
    /// The connection's number on the server; in RESP2 asked for (`CLIENT ID`) only on connections that may block.
    pub id: Option<i64>,
    /// `"standalone"`, `"cluster"` or `"sentinel"`; `None` in RESP2.
    pub mode: Option<String>,
    /// `"master"` or `"replica"`; `None` in RESP2.
    pub role: Option<String>,
}

impl ServerFacts {
    /// Whether the server said that it copies another one, and so takes no writes.
    pub(crate) fn is_replica(&self) -> bool {
        matches!(self.role.as_deref(), Some("replica" | "slave"))
    }
}

impl Default for ServerFacts {
    fn default() -> Self {
        Self { protocol: Protocol::Resp2, server: None, version: None, id: None, mode: None, role: None }
    }
}

/// An event that the present state does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IllegalEdge {
    state: &'static str,
    event: &'static str,
}

impl fmt::Display for IllegalEdge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not possible while {}", self.event, self.state)
    }
}

impl LinkState {
    /// The state's name, in lower case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Connecting { .. } => "connecting",
            Self::Ready { .. } => "ready",
            Self::Backoff { .. } => "waiting to reconnect",
            Self::Draining { .. } => "draining",
            Self::Closed { .. } => "closed",
        }
    }

    /// Whether there is a point in waiting for a connection.
    pub(crate) fn readiness(&self) -> Readiness {
        match self {
            Self::Ready { session } => Readiness::Ready(Arc::clone(session)),
            Self::Backoff { cause, .. } if cause.is_permanent() => Readiness::Never(cause.clone()),
            Self::Closed { cause } => Readiness::Never(cause.clone()),
            _ => Readiness::NotYet,
        }
    }

    /// The same for who waits for a connection as `offline` says: who would rather fail waits for a first attempt alone.
    pub(crate) fn readiness_for(&self, offline: Offline) -> Readiness {
        match self {
            Self::Backoff { cause, .. } | Self::Connecting { last: Some(cause), .. }
                if offline == Offline::FailFast =>
            {
                Readiness::Never(cause.clone())
            }
            _ => self.readiness(),
        }
    }

    /// Whether commands can be sent.
    pub fn is_ready(&self) -> bool {
        matches!(self, Self::Ready { .. })
    }

    /// What is known of the connection, while there is one.
    pub fn session(&self) -> Option<&SessionFacts> {
        match self {
            Self::Ready { session } | Self::Draining { session } => Some(session),
            _ => None,
        }
    }

    /// The same, to be told from other sessions.
    pub(crate) fn shared_session(&self) -> Option<Arc<SessionFacts>> {
        match self {
            Self::Ready { session } | Self::Draining { session } => Some(Arc::clone(session)),
            _ => None,
        }
    }

    pub(crate) fn dial(&mut self, attempt: u32, now: Instant) -> Result<(), IllegalEdge> {
        match self {
            Self::Idle => {
                *self = Self::Connecting { attempt, stage: Stage::Resolving, address: None, since: now, last: None };
                Ok(())
            }
            Self::Backoff { cause, .. } => {
                let last = Some(cause.clone());
                *self = Self::Connecting { attempt, stage: Stage::Resolving, address: None, since: now, last };
                Ok(())
            }
            _ => self.refuse("dialing"),
        }
    }

    /// The attempt has got to a stage; `true` if that is news.
    pub(crate) fn reach(&mut self, reached: Stage, at: Option<SocketAddr>) -> bool {
        match self {
            Self::Connecting { stage, address, .. } if (*stage, *address) != (reached, at) => {
                (*stage, *address) = (reached, at);
                true
            }
            _ => false,
        }
    }

    pub(crate) fn ready(&mut self, session: Arc<SessionFacts>) -> Result<(), IllegalEdge> {
        match self {
            // From `Ready`: a second connection has taken the place of the present one.
            Self::Connecting { .. } | Self::Ready { .. } => {
                *self = Self::Ready { session };
                Ok(())
            }
            Self::Draining { session: facts } => {
                *facts = session;
                Ok(())
            }
            _ => self.refuse("a finished handshake"),
        }
    }

    pub(crate) fn lose(&mut self, attempt: u32, until: Instant, cause: Cause) -> Result<(), IllegalEdge> {
        match self {
            Self::Connecting { .. } | Self::Ready { .. } | Self::Draining { .. } => {
                *self = Self::Backoff { attempt, until, cause };
                Ok(())
            }
            _ => self.refuse("losing the connection"),
        }
    }

    /// There is reason to try again by `soon`, whatever ended the last attempt; `false` if the link does not wait.
    pub(crate) fn hasten(&mut self, soon: Instant, why: Cause) -> bool {
        match self {
            Self::Backoff { until, cause, .. } => {
                (*until, *cause) = (soon.min(*until), why);
                true
            }
            _ => false,
        }
    }

    pub(crate) fn drain(&mut self) -> Result<(), IllegalEdge> {
        match self {
            Self::Ready { session } => {
                *self = Self::Draining { session: Arc::clone(session) };
                Ok(())
            }
            _ => self.refuse("draining"),
        }
    }

    pub(crate) fn close(&mut self, cause: Cause) {
        if !matches!(self, Self::Closed { .. }) {
            *self = Self::Closed { cause };
        }
    }

    fn refuse(&self, event: &'static str) -> Result<(), IllegalEdge> {
        Err(IllegalEdge { state: self.name(), event })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn facts() -> Arc<SessionFacts> {
        Arc::new(SessionFacts { server: ServerFacts::default(), peer: PeerFacts::unknown() })
    }

    #[test]
    fn a_link_comes_back_to_ready_after_any_loss() {
        let now = Instant::now();
        let mut state = LinkState::Idle;
        for cause in [Cause::PeerClosed, Cause::Protocol { detail: "x".into() }] {
            state.dial(1, now).unwrap();
            state.lose(1, now + Duration::from_secs(1), cause.clone()).unwrap();
            state.dial(2, now).unwrap();
            assert!(state.reach(Stage::Handshake, None) && !state.reach(Stage::Handshake, None));
            state.ready(facts()).unwrap();
            assert!(state.is_ready());
            state.lose(1, now, cause).unwrap();
        }
    }

    #[test]
    fn an_illegal_edge_names_state_and_event() {
        let mut state = LinkState::Idle;
        assert_eq!(state.ready(facts()).unwrap_err().to_string(), "a finished handshake is not possible while idle");
        state.close(Cause::ClosedHere);
        assert_eq!(state.dial(1, Instant::now()).unwrap_err().to_string(), "dialing is not possible while closed");
        assert!(state.drain().is_err());
    }
}
