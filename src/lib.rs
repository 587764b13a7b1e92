//! A Redis and Valkey client that always knows what became of a command, and never waits longer than it said.
#![forbid(unsafe_code)]

pub mod api;
pub mod client;
mod command;
mod connection;
mod driver;
mod error;
pub mod outcome;
pub mod resp;
#[cfg(feature = "testing")]
pub mod testing;
mod topology;
mod transport;

pub use client::{Client, Config};
pub use command::{
    Args, Command, ConversionError, Effect, Executor, Facts, FromReply, NoOptions, Replay, Request, ServerError, Slot,
    ToArg, ToArgs,
};
pub use connection::{LinkState, ServerFacts, SessionFacts};
pub use driver::{Event, Events};
pub use error::{Error, ErrorKind};
pub use outcome::{Cause, Fate, Stage};
pub use resp::Value;
pub use transport::{BoxFuture, Connector, Io, Keepalive, Linger, Resolver, SocketOptions, SystemResolver};
#[cfg(feature = "tls")]
pub use transport::{CryptoChoice, SessionResumption, TlsOptions, TlsVersion};
