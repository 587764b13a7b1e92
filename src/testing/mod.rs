//! For the tests of programs that use this crate: a Redis server in the test's own process, on a free port or without any,
//! with a clock that the test moves, answers that the test chooses, and a record of everything it was asked, see
//! [`FakeServer`]; and a proxy to put in front of it or of a real one, which fails when the test says so, see [`FaultProxy`].

mod accept;
mod accounts;
mod blocking;
mod builder;
mod call;
mod client;
mod clock;
mod commands;
mod connection;
mod connections;
mod content;
mod counters;
mod database;
mod dispatch;
mod expiry;
mod failure;
mod glob;
mod hashes;
mod inspect;
mod keys;
mod keyspace;
mod lists;
mod multi_pops;
mod numbers;
mod ordered_map;
mod persona;
mod pipe;
#[cfg(test)]
mod probe;
mod proxy;
mod pubsub;
mod scans;
mod score_ranges;
mod script;
mod server;
mod set_algebra;
mod sets;
mod sorted_set;
mod sorted_sets;
mod state;
mod strings;
mod transaction;
mod values;

pub use builder::FakeServerBuilder;
pub use inspect::ConnectedClient;
pub use pipe::PipeConnector;
pub use proxy::{Corruption, Cut, Delay, Direction, FaultProxy, Faults};
pub use script::Answer;
pub use server::{FakeServer, NotAPush};
