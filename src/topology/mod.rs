//! Which link gets a command, and who hears what a link is subscribed to.

mod acquisition;
mod cluster;
mod databases;
mod delivery;
mod hub;
mod inbox;
mod links;
mod message;
mod pool;
mod recovery;
mod registry;
mod subscriber;
#[cfg(test)]
mod tests;

pub(crate) use acquisition::{Rang, Unacquired, before};
pub(crate) use databases::Databases;
pub use delivery::{Delivery, LagPolicy};
pub(crate) use hub::{Joining, Seat};
pub(crate) use inbox::{Inbox, InboxBounds};
pub(crate) use links::{Links, LinksBounds};
pub use message::Message;
pub(crate) use pool::{Lane, Pool, PoolBounds};
pub(crate) use recovery::{Arrival, Finder, Reuse, cause_of};
pub(crate) use registry::{Asked, Denied};
pub(crate) use subscriber::Subscriber;
pub use subscriber::Subscriptions;
