//! Which link gets a command.

mod acquisition;
mod links;
mod pool;
mod recovery;

pub(crate) use acquisition::Unacquired;
pub(crate) use links::{Links, LinksBounds};
pub(crate) use pool::{Lane, Pool, PoolBounds};
pub(crate) use recovery::{Delivery, Finder, cause_of};
