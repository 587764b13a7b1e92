//! The hub of a deployment: what comes over its links goes to the subscribers, and what they want to the links.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Instant;

use tokio::sync::{Notify, oneshot};

use super::cluster::Redirect;
use super::inbox::Inbox;
use super::message::Published;
use super::outlets::Outlets;
use super::registry::{Afterwards, Asked, Breadth, Connected, Denied, House, Order, Orders, Outlet, Registry};
use super::routes::Routing;
use crate::command::ServerError;
use crate::connection::{Topic, TopicKind};
use crate::driver::{Audience, Event, Link, News, now};
use crate::outcome::Cause;
use crate::resp::Frame;

/// Where those meet who are subscribed to something of one deployment: one subscription at the server serves any number of
/// them.
///
/// Of one server it hears over one link; of several nodes over as many as it takes, and what is subscribed to moves from one
/// to another.
///
/// Callers hold its lock for as long as it takes to join or leave, a link's task while it puts a message into the queues.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    office: Mutex<Office>,
    /// Where gaps are told.
    news: OnceLock<News>,
    /// The nodes; empty if there is one link.
    routing: OnceLock<Weak<Routing>>,
    /// Wakes who sees to it that everything lives where it is to.
    pub(super) wake: Notify,
    /// How often topics were sent on since one was confirmed.
    pub(super) redirects: AtomicU32,
}

#[derive(Debug, Default)]
pub(super) struct Office {
    pub(super) registry: Registry,
    pub(super) outlets: Outlets,
    /// Where plain channels and patterns live.
    pub(super) plain: Option<Outlet>,
    /// Until when topics are listened to also where they have lived before.
    pub(super) formers_until: Option<Instant>,
}

/// What hears for a hub over one link.
#[derive(Debug)]
struct Ear {
    hub: Arc<Hub>,
    outlet: Outlet,
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
    /// Of several nodes. Gaps are told in `news`.
    pub(super) fn of_nodes(routing: &Arc<Routing>) -> Arc<Self> {
        let hub = Self::default();
        // They are set once.
        let _ = (hub.news.set(routing.news().clone()), hub.routing.set(Arc::downgrade(routing)));
        Arc::new(hub)
    }

    /// What is to hear over the only link there will be.
    pub(super) fn sole_audience(self: &Arc<Self>) -> Arc<dyn Audience> {
        self.audience(Outlet::ONLY)
    }

    pub(super) fn audience(self: &Arc<Self>, outlet: Outlet) -> Arc<dyn Audience> {
        Arc::new(Ear { hub: Arc::clone(self), outlet })
    }

    /// Says which the only link is, and where gaps are told. Nobody joins before.
    pub(super) fn attach(&self, link: &Arc<Link>, news: &News) {
        // The first one stays.
        let _ = self.news.set(news.clone());
        self.lock().outlets.set_only(link);
    }

    /// A place for a subscriber, without topics.
    pub(crate) fn enrol(self: &Arc<Self>, inbox: Arc<Inbox>, breadth: Breadth) -> Seat {
        let breadth = if self.routing.get().is_some() { breadth } else { Breadth::One };
        let id = self.lock().registry.enrol(Arc::clone(&inbox), breadth);
        if breadth == Breadth::All {
            self.settle();
        }
        Seat { hub: Arc::clone(self), inbox, id }
    }

    fn leave(&self, subscriber: u64, topics: &[Topic]) {
        let mut afterwards = Afterwards::default();
        let mut office = self.lock();
        let Office { registry, outlets, .. } = &mut *office;
        let unwanted = registry.leave(subscriber, topics, &|outlet| connected(outlets, outlet), &mut afterwards);
        office.unsubscribe(unwanted);
        drop(office);
        afterwards.run();
    }

    /// The nodes, and where everything is known of them.
    pub(super) fn routing(&self) -> Option<Arc<Routing>> {
        self.routing.get()?.upgrade()
    }

    fn is_of_nodes(&self) -> bool {
        self.routing.get().is_some()
    }

    /// Finds places for what has none.
    fn house_new(self: &Arc<Self>, office: &mut Office, afterwards: &mut Afterwards) {
        if self.is_of_nodes() {
            if let Some(routing) = self.routing() {
                self.arrange(&routing, office, false, afterwards);
            }
            return;
        }
        let only = |_: &Topic, _| Some(House { outlet: Outlet::ONLY, is_heard_there: false });
        let orders = office.registry.house(false, &mut { only }, (&Cause::NotConnected, now()), afterwards);
        office.carry_out(orders);
    }

    /// Looks whether everything lives where it is to, if there are several nodes.
    fn settle(self: &Arc<Self>) {
        if let Some(routing) = self.routing() {
            let mut afterwards = Afterwards::default();
            let mut office = self.lock();
            self.arrange(&routing, &mut office, true, &mut afterwards);
            drop(office);
            afterwards.run();
        }
    }

    /// The link over which the first of these topics is heard, if it has one.
    fn link_of(&self, topics: &[Topic]) -> Option<Arc<Link>> {
        let office = self.lock();
        let home = if self.is_of_nodes() { office.registry.home(topics.first()?)? } else { Outlet::ONLY };
        office.outlets.link(home)
    }

    fn tell_gap(&self, cause: &Cause) {
        if let Some(news) = self.news.get() {
            news.tell(Event::SubscriptionGap { cause: cause.clone() });
        }
    }

    /// Nothing more will come.
    pub(super) fn end(&self, cause: &Cause) {
        let mut afterwards = Afterwards::default();
        let since = now();
        let mut office = self.lock();
        let ended = office.registry.end(cause);
        office.outlets = Outlets::default();
        drop(office);
        ended.tell(cause, since, &mut afterwards);
        afterwards.run();
    }

    /// Nothing done under the lock leaves the registry half changed.
    pub(super) fn lock(&self) -> MutexGuard<'_, Office> {
        self.office.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server says that it has not got the slot of this channel: it is asked for elsewhere.
    fn follow(&self, outlet: Outlet, topic: &Topic, line: &[u8]) -> bool {
        if topic.kind != TopicKind::Shard || !line.starts_with(b"MOVED ") {
            return false;
        }
        let Some(routing) = self.routing() else { return false };
        let mut afterwards = Afterwards::default();
        let mut office = self.lock();
        let node = office.outlets.node(outlet);
        let unwanted = office.registry.evict(outlet, topic, None, &mut afterwards);
        office.unsubscribe(unwanted);
        drop(office);
        if let Some(Redirect::Moved { slot, to }) = node.and_then(|node| Redirect::of(line, node.address())) {
            routing.note_moved(slot, &to);
        }
        routing.ask_refresh();
        self.redirects.fetch_add(1, Ordering::Relaxed);
        self.wake.notify_one();
        afterwards.run();
        true
    }
}

impl Office {
    /// Wishes are handed to the links in the order in which the registry changes: under its lock.
    pub(super) fn carry_out(&self, orders: Orders) {
        self.unsubscribe(orders.unsubscribe);
        self.subscribe(orders.subscribe);
    }

    pub(super) fn subscribe(&self, orders: Vec<Order>) {
        self.tell(orders, |link, topics| link.subscribe(topics));
    }

    pub(super) fn unsubscribe(&self, orders: Vec<Order>) {
        self.tell(orders, |link, topics| link.unsubscribe(topics));
    }

    fn tell(&self, mut orders: Vec<Order>, tell: impl Fn(&Link, Vec<Topic>)) {
        while let Some((outlet, _)) = orders.first() {
            let outlet = *outlet;
            let (own, others): (Vec<_>, Vec<_>) = orders.into_iter().partition(|(other, _)| *other == outlet);
            orders = others;
            if let Some(link) = self.outlets.link(outlet) {
                tell(&link, own.into_iter().map(|(_, topic)| topic).collect());
            }
        }
    }
}

impl Audience for Ear {
    fn handle_push(&self, push: &Frame) -> bool {
        let Some(published) = Published::read(push.reply()) else { return false };
        let mut afterwards = Afterwards::default();
        let mut office = self.hub.lock();
        for subscriber in office.registry.publish(self.outlet, &published, &mut afterwards) {
            let Office { registry, outlets, .. } = &mut *office;
            let unwanted = registry.expel(subscriber, &|outlet| connected(outlets, outlet), &mut afterwards);
            office.unsubscribe(unwanted);
        }
        drop(office);
        afterwards.run();
        true
    }

    fn handle_subscribed(&self, topic: &Topic) {
        let mut afterwards = Afterwards::default();
        let mut office = self.hub.lock();
        let unwanted = office.registry.confirm(self.outlet, topic, &mut afterwards);
        office.unsubscribe(unwanted);
        office.outlets.note_up(self.outlet);
        drop(office);
        self.hub.redirects.store(0, Ordering::Relaxed);
        afterwards.run();
    }

    fn handle_refused(&self, topic: &Topic, error: &ServerError) {
        if self.hub.follow(self.outlet, topic, error.message().as_bytes()) {
            return;
        }
        let mut afterwards = Afterwards::default();
        let mut office = self.hub.lock();
        let unwanted = office.registry.refuse(self.outlet, topic, error, &mut afterwards);
        office.unsubscribe(unwanted);
        drop(office);
        afterwards.run();
    }

    fn handle_withdrawn(&self, topic: &Topic) {
        let mut afterwards = Afterwards::default();
        let mut office = self.hub.lock();
        match self.hub.routing().filter(|_| topic.kind == TopicKind::Shard) {
            None => office.registry.withdraw(self.outlet, topic, &mut afterwards),
            Some(routing) => {
                let gap = (&Cause::Moved, now());
                let unwanted = office.registry.evict(self.outlet, topic, Some(gap), &mut afterwards);
                office.unsubscribe(unwanted);
                routing.ask_refresh();
                self.hub.wake.notify_one();
            }
        }
        drop(office);
        afterwards.run();
    }

    fn handle_restored(&self) {
        self.hub.lock().outlets.note_up(self.outlet);
    }

    fn handle_lost(&self, cause: &Cause, since: Instant) {
        let mut afterwards = Afterwards::default();
        let mut office = self.hub.lock();
        let (unwanted, is_told) = office.registry.lose(self.outlet, (cause, since), &mut afterwards);
        office.unsubscribe(unwanted);
        office.outlets.note_down(self.outlet, now());
        drop(office);
        self.hub.wake.notify_one();
        if is_told {
            self.hub.tell_gap(cause);
        }
        afterwards.run();
    }

    fn handle_ended(&self, cause: &Cause) {
        if !self.hub.is_of_nodes() {
            return self.hub.end(cause);
        }
        let mut afterwards = Afterwards::default();
        let mut office = self.hub.lock();
        office.outlets.remove(self.outlet);
        let is_told = office.registry.close_outlet(self.outlet, (cause, now()), &mut afterwards);
        drop(office);
        self.hub.wake.notify_one();
        if is_told {
            self.hub.tell_gap(cause);
        }
        afterwards.run();
    }
}

impl Seat {
    /// Asks for topics, each once: `fresh` ones, which it is to hear of from now on, and `held` ones, which it has asked for
    /// before. Confirmed ones need no server.
    ///
    /// # Errors
    /// If everything has ended.
    pub(crate) fn join(&self, fresh: &[Topic], held: &[Topic]) -> Result<Joining, Denied> {
        let (sender, outcome) = oneshot::channel();
        let mut afterwards = Afterwards::default();
        let mut office = self.hub.lock();
        let who = (self.id, &self.inbox);
        let (id, orders) = office.registry.join(who, (fresh, held), sender, &mut afterwards)?;
        office.subscribe(orders);
        self.hub.house_new(&mut office, &mut afterwards);
        drop(office);
        if self.hub.is_of_nodes() {
            self.hub.wake.notify_one();
        }
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

    /// The link over which the first of these topics is heard, if it has one now.
    pub(crate) fn link_of(&self, topics: &[Topic]) -> Option<Arc<Link>> {
        self.hub.link_of(topics)
    }

    /// Gives the place up, with these topics, which are all that it has.
    pub(crate) fn vacate(&self, topics: &[Topic]) {
        self.leave(topics);
        let gone = self.hub.lock().registry.dismiss(self.id);
        drop(gone);
    }
}

impl Joining {
    /// Whether anything of it may have been sent on a connection that was lost since.
    pub(crate) fn asked(&self) -> Asked {
        self.hub.lock().registry.asked(self.id)
    }
}

impl Drop for Joining {
    fn drop(&mut self) {
        let gone = self.hub.lock().registry.forget(self.id);
        drop(gone);
    }
}

/// Whether the server may have been asked something that it has not answered.
fn connected(outlets: &Outlets, outlet: Outlet) -> Connected {
    let is_ready = outlets.link(outlet).is_some_and(|link| link.standing().is_ready());
    if is_ready { Connected::Yes } else { Connected::No }
}
