//! A Redis and Valkey client that always knows what became of a command, and never waits longer than it said.
#![forbid(unsafe_code)]

pub mod outcome;
pub mod resp;
#[cfg(feature = "testing")]
pub mod testing;
