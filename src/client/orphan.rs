//! Answers that came too late for their callers.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::handle::Client;
use super::lease::Lease;
use super::report::Name;
use crate::command::Effect;
use crate::driver::{Counters, Event, News};
use crate::outcome::{Address, Cause};
use crate::resp::{Frame, Value};
use crate::topology::{Deployed, Finder};

/// What a blocking command took away for a caller who had gone before the answer came: its future was dropped, or its
/// deadline had come. See [`Config::with_orphan_hook`](super::Config::with_orphan_hook).
///
/// What `BLMOVE` and `BRPOPLPUSH` took is not gone: it is where they were to move it, and is told so that somebody looks there. To
/// push it back as well would make two of it.
///
/// Its `Debug` shows no value.
#[derive(Clone)]
#[non_exhaustive]
pub struct Orphan {
    /// The command's name, such as `"BLMOVE"`.
    pub command: Arc<str>,
    /// Where it ran.
    pub node: Address,
    /// What it was answered: of `BLPOP` and its like with the key that it was taken from, of `BLMOVE` the item alone. An `Err`
    /// says that the connection ended before that could be known, and why: the server may have taken something away for it, or
    /// not.
    pub reply: Result<Value, Cause>,
}

impl fmt::Debug for Orphan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reply = self.reply.as_ref().map(|_| "(a value)");
        f.debug_struct("Orphan")
            .field("command", &self.command)
            .field("node", &self.node)
            .field("reply", &reply)
            .finish()
    }
}

/// Who is given orphans.
#[derive(Clone, Default)]
pub(super) struct OrphanHook(pub(super) Option<Arc<dyn Fn(Orphan) + Send + Sync>>);

impl fmt::Debug for OrphanHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "the user's own" } else { "none" })
    }
}

/// Everything that an orphan is told to.
struct Home {
    hook: OrphanHook,
    news: News,
    counters: Arc<Counters>,
    name: Name,
    node: Address,
}

impl Client {
    /// Is told what a command of this name was answered by this node when its caller had gone.
    pub(super) fn finder(&self, name: &Name, node: &Address) -> Finder {
        let counters = match self.deployed() {
            Deployed::One(links) => links.blocking().counters(),
            Deployed::Many(routes) => routes.counters(),
        };
        let home = Home {
            hook: self.orphan_hook().clone(),
            news: self.deployed().news().clone(),
            counters: Arc::clone(counters),
            name: name.clone(),
            node: node.clone(),
        };
        Box::new(move |found| home.take_in(found))
    }
}

impl Client {
    /// The same for a command on a connection of its caller's own; `None`: it takes nothing away, or is only queued.
    pub(super) fn finder_on(&self, lease: &Lease, name: &Name) -> Option<Finder> {
        (name.facts().is_blocking() && !lease.may_queue()).then(|| self.finder(name, self.address()))
    }
}

impl Home {
    fn take_in(self, found: Result<Frame, Cause>) {
        // A command that takes nothing away can be asked again.
        if self.name.facts().effect() != Effect::Never || is_nothing(&found) {
            return;
        }
        let reply = found
            .and_then(|frame| frame.reply().to_value().map_err(|error| Cause::Protocol { detail: error.to_string() }));
        self.counters.count_orphaned();
        let command: Arc<str> = self.name.as_str().into();
        self.news.tell(Event::Orphaned { command: Arc::clone(&command) });
        if let Some(hook) = &self.hook.0 {
            // Nobody here could do anything about a panic, and nobody here is to end of it.
            let _ = catch_unwind(AssertUnwindSafe(|| hook(Orphan { command, node: self.node, reply })));
        }
    }
}

/// Whether the answer says that nothing was taken away.
fn is_nothing(found: &Result<Frame, Cause>) -> bool {
    found.as_ref().is_ok_and(|frame| frame.has_error() || frame.reply().is_null())
}
