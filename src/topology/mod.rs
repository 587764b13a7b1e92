//! Which link gets a command, and who hears what a link is subscribed to.

mod acquisition;
mod cluster;
mod databases;
mod delivery;
mod deployed;
mod dispatch;
mod hub;
mod inbox;
mod links;
mod message;
mod naming;
mod node;
mod parcel;
mod placement;
mod pool;
mod reading;
mod recovery;
mod refresh;
mod refresh_schedule;
mod registry;
mod routes;
mod subscriber;
#[cfg(test)]
mod tests;

pub(crate) use acquisition::{Rang, Unacquired, before};
pub(crate) use databases::{Blueprint, Databases};
pub use delivery::{Delivery, LagPolicy};
pub(crate) use deployed::Deployed;
pub(crate) use dispatch::{Delivered, Dispatch, is_setback};
pub(crate) use hub::{Joining, Seat};
pub(crate) use inbox::{Inbox, InboxBounds};
pub(crate) use links::{Links, LinksBounds};
pub use message::Message;
pub(crate) use naming::{AddressMap, ServerNames};
pub(crate) use node::Node;
pub(crate) use parcel::{End, Form, Parcel, Route, Settled};
pub(crate) use placement::{Placed, Placement, Unplaced};
pub(crate) use pool::{Lane, Pool, PoolBounds};
pub use reading::ReadFrom;
pub(crate) use recovery::{Arrival, Finder, Reuse, cause_of};
pub(crate) use registry::{Asked, Denied};
pub(crate) use routes::{Routes, RoutesSettings, Routing, SentinelSettings, Source};
pub(crate) use subscriber::Subscriber;
pub use subscriber::Subscriptions;
