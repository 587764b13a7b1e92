//! The only loop and the only clock: one task a link, and the mailbox that callers put their commands into.

mod ask;
mod audience;
mod clock;
mod counters;
mod credentials;
mod link;
mod mailbox;
mod news;
mod provider;
mod slot;
mod socket;
mod standby;
mod task;
mod trace;

pub(crate) use ask::Ask;
pub(crate) use audience::Audience;
pub(crate) use clock::now;
pub(crate) use counters::{Counted, Counters};
pub(crate) use link::{Link, LinkSettings, Orphans};
pub use mailbox::AtCapacity;
pub(crate) use mailbox::{Bounds, Posted};
pub(crate) use news::News;
pub use news::{Event, Events};
pub use provider::{CredentialsError, CredentialsProvider};
pub(crate) use slot::{Outcome, ReplySlot};
pub(crate) use trace::{Passage, Trace};
