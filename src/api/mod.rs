//! The typed commands, each defined once, grouped as the Redis documentation groups them.
//!
//! Every group is a trait that is implemented for everything commands can be given to: for `&Client`, where the
//! request is awaited, and for `&mut Pipeline`, where it is queued. `use steadfast::api::*;` brings them all.

mod connection;
mod hashes;
mod keys;
mod lists;
mod pubsub;
mod server;
mod sets;
mod sorted_sets;
mod strings;

pub use connection::Connection;
pub use hashes::Hashes;
pub use keys::{Keys, TimeToLive};
pub use lists::Lists;
pub use pubsub::PubSub;
pub use server::Server;
pub use sets::Sets;
pub use sorted_sets::SortedSets;
pub use strings::{SetOptions, Strings};

use std::time::Duration;

use crate::command::{Command, Executor, FromReply, Request, ToArg, ToArgs};

/// A command whose first argument is a key.
fn keyed<E: Executor, T: FromReply>(executor: E, name: &'static str, key: impl ToArg) -> Request<E, T> {
    Request::new(executor, Command::new(name).key(key))
}

/// A command without a key.
fn keyless<E: Executor, T: FromReply>(executor: E, name: &'static str) -> Request<E, T> {
    Request::new(executor, Command::new(name))
}

/// A command all of whose arguments are keys.
fn keys_only<E: Executor, T: FromReply>(executor: E, name: &'static str, keys: impl ToArgs) -> Request<E, T> {
    Request::new(executor, Command::new(name).key(keys))
}

/// Whole milliseconds, rounded up; what is longer than a server can count is as long as it can count.
fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX)
}
