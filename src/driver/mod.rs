//! The only loop and the only clock: one task a link, and the mailbox that callers put their commands into.

mod clock;
mod link;
mod mailbox;
mod slot;
mod task;

pub(crate) use clock::now;
pub(crate) use link::{Link, LinkSettings};
pub(crate) use mailbox::{Mailbox, Posted, WhenFull};
pub(crate) use slot::{Outcome, ReplySlot};
