//! The hub of a link: what comes over it goes to the subscribers, and what they want to the link.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Instant;

use tokio::sync::oneshot;

use super::inbox::Inbox;
use super::message::Published;
use super::registry::{Afterwards, Asked, Connected, Denied, Registry};
use crate::command::ServerError;
use crate::connection::Topic;
use crate::driver::{Audience, Event, Link, News, now};
use crate::outcome::Cause;
use crate::resp::Frame;

/// Where those meet who are subscribed to something over one link: one subscription at the server serves any number of them.
///
/// Callers hold its lock for as long as it takes to join or leave, the link's task while it puts a message into the queues.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    registry: Mutex<Registry>,
    /// The link, which holds this, and where gaps are told.
    link: OnceLock<(Weak<Link>, News)>,
}

/// A subscriber's place at a hub.
#[derive(Debug)]
pub(crate) struct Seat {
    hub: Arc<Hub>,
    inbox: Arc<Inbox>,
    id: u64,
}

/// Topics that a subscriber waits for to be confirmed. When it is dropped, nobody waits any more.
#[derive(Debug)]
pub(crate) struct Joining {
    hub: Arc<Hub>,
    id: u64,
    /// Ends without a word only if the hub is gone.
    pub(crate) outcome: oneshot::Receiver<Result<(), Denied>>,
}

impl Hub {
    /// Says over which link it hears, and where gaps are told. Nobody joins before.
    pub(crate) fn attach(&self, link: &Arc<Link>, news: &News) {
        // The first one stays.
        let _ = self.link.set((Arc::downgrade(link), news.clone()));
    }

    /// A place for a subscriber, without topics.
    pub(crate) fn enrol(self: &Arc<Self>, inbox: Arc<Inbox>) -> Seat {
        let id = self.lock().enrol(Arc::clone(&inbox));
        Seat { hub: Arc::clone(self), inbox, id }
    }

    fn leave(&self, subscriber: u64, topics: &[Topic]) {
        let mut registry = self.lock();
        let unwanted = registry.leave(subscriber, topics, self.connected());
        self.unsubscribe(unwanted);
    }

    /// Wishes are handed to the link in the order in which the registry changes: under its lock.
    fn subscribe(&self, topics: Vec<Topic>) {
        if let Some(link) = self.link().filter(|_| !topics.is_empty()) {
            link.subscribe(topics);
        }
    }

    fn unsubscribe(&self, topics: Vec<Topic>) {
        if let Some(link) = self.link().filter(|_| !topics.is_empty()) {
            link.unsubscribe(topics);
        }
    }

    /// Whether the server may have been asked something that it has not answered.
    fn connected(&self) -> Connected {
        let is_ready = self.link().is_some_and(|link| link.state().borrow().is_ready());
        if is_ready { Connected::Yes } else { Connected::No }
    }

    fn link(&self) -> Option<Arc<Link>> {
        self.link.get().and_then(|(link, _)| link.upgrade())
    }

    /// Nothing done under the lock leaves the registry half changed.
    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Audience for Hub {
    fn handle_push(&self, push: &Frame) -> bool {
        let Some(published) = Published::read(push.reply()) else { return false };
        let mut afterwards = Afterwards::default();
        let mut registry = self.lock();
        for subscriber in registry.publish(&published, &mut afterwards) {
            let unwanted = registry.expel(subscriber, self.connected(), &mut afterwards);
            self.unsubscribe(unwanted);
        }
        drop(registry);
        afterwards.run();
        true
    }

    fn handle_subscribed(&self, topic: &Topic) {
        let mut afterwards = Afterwards::default();
        let mut registry = self.lock();
        let unwanted = registry.confirm(topic, &mut afterwards);
        self.unsubscribe(unwanted);
        drop(registry);
        afterwards.run();
    }

    fn handle_refused(&self, topic: &Topic, error: &ServerError) {
        let mut afterwards = Afterwards::default();
        let mut registry = self.lock();
        let unwanted = registry.refuse(topic, error, &mut afterwards);
        self.unsubscribe(unwanted);
        drop(registry);
        afterwards.run();
    }

    fn handle_withdrawn(&self, topic: &Topic) {
        let mut afterwards = Afterwards::default();
        self.lock().withdraw(topic, &mut afterwards);
        afterwards.run();
    }

    fn handle_restored(&self) {
        let mut afterwards = Afterwards::default();
        self.lock().restore(&mut afterwards);
        afterwards.run();
    }

    fn handle_lost(&self, cause: &Cause, since: Instant) {
        let mut afterwards = Afterwards::default();
        let mut registry = self.lock();
        let (unwanted, is_told) = registry.lose(cause, since, &mut afterwards);
        self.unsubscribe(unwanted);
        drop(registry);
        if let (true, Some((_, news))) = (is_told, self.link.get()) {
            news.tell(Event::SubscriptionGap { cause: cause.clone() });
        }
        afterwards.run();
    }

    fn handle_ended(&self, cause: &Cause) {
        let mut afterwards = Afterwards::default();
        let since = now();
        let ended = self.lock().end(cause);
        ended.tell(cause, since, &mut afterwards);
        afterwards.run();
    }
}

impl Seat {
    /// Asks for topics, each once: `fresh` ones, which it is to hear of from now on, and `held` ones, which it has asked for
    /// before. Confirmed ones need no server.
    ///
    /// # Errors
    /// If the link has ended.
    pub(crate) fn join(&self, fresh: &[Topic], held: &[Topic]) -> Result<Joining, Denied> {
        let (sender, outcome) = oneshot::channel();
        let mut afterwards = Afterwards::default();
        let mut registry = self.hub.lock();
        let (id, wishes) = registry.join((self.id, &self.inbox), (fresh, held), sender, &mut afterwards)?;
        self.hub.subscribe(wishes);
        drop(registry);
        afterwards.run();
        Ok(Joining { hub: Arc::clone(&self.hub), id, outcome })
    }

    /// Gives topics up: no message of theirs comes any more. What it has not joined is left alone.
    pub(crate) fn leave(&self, topics: &[Topic]) {
        self.hub.leave(self.id, topics);
    }

    /// What comes for it.
    pub(crate) fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// Gives the place up, with these topics, which are all that it has.
    pub(crate) fn vacate(&self, topics: &[Topic]) {
        self.leave(topics);
        let gone = self.hub.lock().dismiss(self.id);
        drop(gone);
    }
}

impl Joining {
    /// Whether anything of it may have been sent on a connection that was lost since.
    pub(crate) fn asked(&self) -> Asked {
        self.hub.lock().asked(self.id)
    }
}

impl Drop for Joining {
    fn drop(&mut self) {
        let gone = self.hub.lock().forget(self.id);
        drop(gone);
    }
}
