//! Which link gets a command.

mod links;
mod pool;

pub(crate) use links::{Links, LinksBounds};
pub(crate) use pool::{Lane, Pool, PoolBounds};
