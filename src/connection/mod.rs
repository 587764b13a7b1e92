//! The protocol machines, with no I/O and no clock: one socket's life ([`Connection`]) and what outlives sockets
//! ([`Session`]). Bytes and the time are arguments; bytes, deliveries, timers and events are handed out.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, clippy::expect_used))]

mod backlog;
mod backoff;
mod gate;
mod gates;
mod group;
mod handshake;
mod inflight;
mod liveness;
mod outbox;
mod output;
mod room;
mod session;
mod settings;
#[cfg(test)]
mod simulation;
mod standby;
mod state;
mod wire;

pub(crate) use backlog::Claim;
pub(crate) use group::{Found, GroupEnd};
pub(crate) use inflight::{Batch, Entry, Policy, Repeat};
pub(crate) use output::{Loss, Lost, Output, Reason, Sent};
pub(crate) use room::Room;
pub(crate) use session::{More, Session};
pub(crate) use settings::{BackoffSettings, Credentials, HandshakePlan, SessionSettings};
pub use settings::{Offline, ProtocolChoice};
pub use state::{LinkState, ServerFacts, SessionFacts};
