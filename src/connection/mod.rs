//! The protocol machines, with no I/O and no clock: one socket's life ([`Connection`]) and what outlives sockets
//! ([`Session`]). Bytes and the time are arguments; bytes, deliveries, timers and events are handed out.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::panic, clippy::expect_used))]

mod authentication;
mod backlog;
mod backoff;
mod gate;
mod gates;
mod group;
mod handshake;
mod identity;
mod inflight;
mod liveness;
mod outbox;
mod output;
mod room;
mod secret;
mod sending;
mod session;
mod settings;
#[cfg(test)]
mod simulation;
mod standby;
mod state;
mod subscriptions;
mod tally;
mod unit;
mod wire;

pub(crate) use backlog::Claim;
pub(crate) use group::{Found, GroupEnd};
pub use identity::Credentials;
pub(crate) use identity::Identity;
pub(crate) use inflight::{Batch, Entry};
pub(crate) use output::{Loss, Lost, Output, Reason, Sent};
pub(crate) use room::Room;
pub(crate) use secret::MASK;
pub use secret::Secret;
pub(crate) use sending::{Policy, Repeat};
pub(crate) use session::{Displacement, More, Session, earlier};
pub(crate) use settings::{BackoffSettings, HandshakePlan, Role, SessionSettings};
pub use settings::{Offline, ProtocolChoice};
pub(crate) use state::Readiness;
pub use state::{LinkState, ServerFacts, SessionFacts};
pub(crate) use subscriptions::Wish;
pub use subscriptions::{Topic, TopicKind};
pub(crate) use tally::{Tally, Tracing};
