//! A Redis and Valkey client that always knows what became of a command, and never waits longer than it said.
#![forbid(unsafe_code)]

pub mod client;
pub mod outcome;
pub mod resp;
#[cfg_attr(not(test), expect(dead_code, unused_imports, reason = "the driver that dials is not there yet"))]
mod transport;

pub use transport::{BoxFuture, Connector, Io, Keepalive, Linger, Resolver, SocketOptions, SystemResolver};
#[cfg(feature = "tls")]
pub use transport::{CryptoChoice, SessionResumption, TlsOptions, TlsVersion};
