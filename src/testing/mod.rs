//! For the tests of programs that use this crate: a Redis server in the test's own process, on a free port or without any,
//! with a clock that the test moves, answers that the test chooses, and a record of everything it was asked, see
//! [`FakeServer`]; and a proxy to put in front of it or of a real one, which fails when the test says so, see [`FaultProxy`].
//!
//! The [`FakeServer`] is one server. It is no node of a cluster, no Sentinel and no replica: for a program that has a URL of
//! several nodes, give it the URL of one in its tests, since the calls are the same; what differs (`CrossSlot`, redirections,
//! failovers) wants real servers. One node alone can be a cluster: `redis-server --cluster-enabled yes`, and `CLUSTER
//! ADDSLOTSRANGE 0 16383`. A [`FaultProxy`] stands in front of one node, and
//! [`Config::with_address_map`](crate::Config::with_address_map) leads the client through one for each.

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
