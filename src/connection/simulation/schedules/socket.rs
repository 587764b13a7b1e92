//! What the driver has of a connection: nothing, a dial under way, or an open socket.

use std::time::Instant;

use super::schedule::{Dial, Door};
use super::server::Server;
use super::wire::Wire;
use crate::outcome::{Cause, HandshakeRefusal};

/// What the driver has of a connection.
pub(super) enum Socket {
    None,
    Dialing {
        /// When the dial ends; `None`: it does not.
        until: Option<Instant>,
        dial: Dial,
    },
    Open(Box<Wire>),
}

impl Socket {
    pub(super) fn dial(door: Door, now: Instant) -> Self {
        let until = (door.dial != Dial::Stalls).then(|| now + door.delay);
        Self::Dialing { until, dial: door.dial }
    }

    /// What a dial has come to; `None`: nothing yet.
    pub(super) fn dialed(&mut self, server: &mut Server, now: Instant) -> Option<Result<(), Cause>> {
        let Self::Dialing { until: Some(until), dial } = self else { return None };
        if *until > now {
            return None;
        }
        let cause = match dial {
            Dial::Refused => Cause::Connect { attempts: Vec::new() },
            Dial::Broken => Cause::Handshake(HandshakeRefusal::new("TLS", "", true)),
            Dial::Opens | Dial::Slams | Dial::Stalls => {
                let mut wire = server.accept(now);
                if *dial == Dial::Slams {
                    wire.finish();
                }
                *self = Self::Open(Box::new(wire));
                return Some(Ok(()));
            }
        };
        *self = Self::None;
        Some(Err(cause))
    }

    pub(super) fn wire(&mut self) -> Option<&mut Wire> {
        match self {
            Self::Open(wire) => Some(wire),
            _ => None,
        }
    }

    pub(super) fn next(&self) -> Option<Instant> {
        match self {
            Self::None => None,
            Self::Dialing { until, .. } => *until,
            Self::Open(wire) => wire.next(),
        }
    }
}
