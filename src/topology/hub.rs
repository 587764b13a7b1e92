//! Who is subscribed to what over one link: one subscription at the server serves any number of subscribers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::delivery::Delivery;
use super::inbox::{Inbox, Put, Waiting};
use super::message::Published;
use crate::command::ServerError;
use crate::connection::{Topic, TopicKind};
use crate::driver::{Audience, Event, Link, News, now};
use crate::outcome::Cause;
use crate::resp::Frame;

/// Who is subscribed to what over one link. The link tells it what comes; subscribers join and leave.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    registry: Mutex<Registry>,
    /// The link, which holds this, and where gaps are told.
    link: OnceLock<(Weak<Link>, News)>,
}

/// A subscriber's place at a hub, which it gives up when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    hub: Arc<Hub>,
    inbox: Arc<Inbox>,
    id: u64,
}

/// Topics that a subscriber waits for to be confirmed.
#[derive(Debug)]
pub(crate) struct Joining {
    hub: Arc<Hub>,
    id: u64,
    /// Ends without a word only if the hub is gone.
    pub(crate) outcome: oneshot::Receiver<Result<(), Denied>>,
}

/// Why topics are not subscribed to.
#[derive(Debug)]
pub(crate) enum Denied {
    /// The server refused one of them.
    Refused(Topic, ServerError),
    /// The link has ended.
    Ended(Cause),
}

/// Whether anything of a request may have been sent on a connection that was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Never,
    Perhaps,
}

#[derive(Debug, Default)]
struct Registry {
    channels: HashMap<Bytes, Station>,
    patterns: HashMap<Bytes, Station>,
    shards: HashMap<Bytes, Station>,
    /// All subscribers.
    inboxes: HashMap<u64, Enrolled>,
    asks: HashMap<u64, Ask>,
    next_id: u64,
    ended: Option<Cause>,
}

/// A topic that somebody wants.
#[derive(Debug)]
struct Station {
    standing: Standing,
    /// Nobody: it is given up as soon as the server has answered what was asked before.
    members: Vec<(u64, Arc<Inbox>)>,
    /// Requests that wait for the server's answer.
    asks: Vec<u64>,
}

/// How a topic stands with the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// The server is asked, or will be when there is a connection.
    Asked,
    Confirmed,
    /// It was refused or withdrawn. The next connection asks again.
    Denied,
}

#[derive(Debug)]
struct Enrolled {
    inbox: Arc<Inbox>,
    /// How many stations it is a member of.
    topics: usize,
}

/// A request to be told when topics are confirmed.
#[derive(Debug)]
struct Ask {
    /// Who asks.
    subscriber: u64,
    topics: Vec<Topic>,
    /// How many of them are not confirmed.
    left: usize,
    lost: Asked,
    outcome: oneshot::Sender<Result<(), Denied>>,
}

/// What is to be done when the lock is released.
#[derive(Default)]
#[must_use = "who waits has to be woken"]
struct Afterwards {
    waiting: Vec<Waiting>,
    outcomes: Vec<(oneshot::Sender<Result<(), Denied>>, Result<(), Denied>)>,
}

impl Hub {
    /// Says over which link it hears, and where gaps are told. Nobody joins before.
    pub(crate) fn attach(&self, link: &Arc<Link>, news: &News) {
        // The first one stays.
        let _ = self.link.set((Arc::downgrade(link), news.clone()));
    }

    /// A place for a subscriber, without topics.
    pub(crate) fn enrol(self: &Arc<Self>, inbox: Arc<Inbox>) -> Seat {
        let mut registry = self.lock();
        let id = registry.new_id();
        registry.inboxes.insert(id, Enrolled { inbox: Arc::clone(&inbox), topics: 0 });
        Seat { hub: Arc::clone(self), inbox, id }
    }

    /// Asks for topics: `fresh` ones, of which the subscriber becomes a member, and `held` ones, of which it is one.
    fn join(self: &Arc<Self>, seat: &Seat, fresh: &[Topic], held: &[Topic]) -> Result<Joining, Denied> {
        let (sender, outcome) = oneshot::channel();
        let mut registry = self.lock();
        if let Some(cause) = &registry.ended {
            return Err(Denied::Ended(cause.clone()));
        }
        let id = registry.new_id();
        let mut wishes = Vec::new();
        let mut left = 0;
        for topic in fresh {
            registry.station(topic, &mut wishes).members.push((seat.id, Arc::clone(&seat.inbox)));
        }
        if let Some(enrolled) = registry.inboxes.get_mut(&seat.id) {
            enrolled.topics += fresh.len();
        }
        for topic in fresh.iter().chain(held) {
            let station = registry.station(topic, &mut wishes);
            if station.standing == Standing::Denied {
                station.standing = Standing::Asked;
                wishes.push(topic.clone());
            }
            if station.standing == Standing::Asked {
                station.asks.push(id);
                left += 1;
            }
        }
        self.post(|link| link.subscribe(wishes));
        if left == 0 {
            seat.inbox.begin();
            drop(registry);
            // Nobody can have dropped the receiver.
            let _ = sender.send(Ok(()));
        } else {
            let topics = fresh.iter().chain(held).cloned().collect();
            registry.asks.insert(id, Ask { subscriber: seat.id, topics, left, lost: Asked::Never, outcome: sender });
        }
        Ok(Joining { hub: Arc::clone(self), id, outcome })
    }

    fn leave(&self, subscriber: u64, topics: &[Topic]) {
        let mut registry = self.lock();
        registry.leave(
            subscriber,
            topics,
            |unwanted| self.post(|link| link.unsubscribe(unwanted)),
            self.is_connected(),
        );
    }

    /// Nothing more is for this subscriber.
    fn expel(&self, subscriber: u64) {
        let topics = self.lock().topics_of(subscriber);
        self.leave(subscriber, &topics);
        let gone = self.lock().inboxes.remove(&subscriber);
        drop(gone);
    }

    /// Hands wishes to the link, in the order in which the registry changes: under its lock.
    fn post(&self, wish: impl FnOnce(&Link)) {
        if let Some(link) = self.link() {
            wish(&link);
        }
    }

    /// Whether the server may have been asked something that it has not answered.
    fn is_connected(&self) -> bool {
        self.link().is_some_and(|link| link.state().borrow().is_ready())
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
        let mut overflowed = Vec::new();
        let mut afterwards = Afterwards::default();
        let registry = self.lock();
        // What nobody wants any more may still come for a while.
        if let Some((name, station)) = registry.stations(published.kind).get_key_value(published.topic) {
            if !station.members.is_empty() {
                let message = published.message(name);
                for (id, inbox) in &station.members {
                    match inbox.put(&message) {
                        Put::Noted(waiting) => afterwards.wake(waiting),
                        Put::Overflowed(waiting) => {
                            overflowed.push(*id);
                            afterwards.wake(waiting);
                        }
                    }
                }
            }
        }
        drop(registry);
        overflowed.into_iter().for_each(|subscriber| self.expel(subscriber));
        afterwards.run();
        true
    }

    fn handle_subscribed(&self, topic: &Topic) {
        let mut afterwards = Afterwards::default();
        let mut registry = self.lock();
        let Some(station) = registry.stations_mut(topic.kind).get_mut(&topic.name) else { return };
        if station.members.is_empty() {
            registry.stations_mut(topic.kind).remove(&topic.name);
            return self.post(|link| link.unsubscribe([topic.clone()]));
        }
        station.standing = Standing::Confirmed;
        for id in std::mem::take(&mut station.asks) {
            registry.confirm(id, &mut afterwards);
        }
        drop(registry);
        afterwards.run();
    }

    fn handle_refused(&self, topic: &Topic, error: &ServerError) {
        let mut afterwards = Afterwards::default();
        let mut registry = self.lock();
        let Some(station) = registry.stations_mut(topic.kind).get_mut(&topic.name) else { return };
        if station.members.is_empty() {
            registry.stations_mut(topic.kind).remove(&topic.name);
            return self.post(|link| link.unsubscribe([topic.clone()]));
        }
        station.standing = Standing::Denied;
        let asks = std::mem::take(&mut station.asks);
        let members = station.members.clone();
        let asks: Vec<Ask> = asks.into_iter().filter_map(|id| registry.asks.remove(&id)).collect();
        drop(registry);
        for (id, inbox) in members {
            // Who asks is told by the answer.
            if asks.iter().all(|ask| ask.subscriber != id) {
                afterwards.wake(inbox.tell(Delivery::Refused { topic: topic.clone(), error: error.clone() }));
            }
        }
        for ask in asks {
            afterwards.outcomes.push((ask.outcome, Err(Denied::Refused(topic.clone(), error.clone()))));
        }
        afterwards.run();
    }

    fn handle_withdrawn(&self, topic: &Topic) {
        let mut afterwards = Afterwards::default();
        let mut registry = self.lock();
        let Some(station) = registry.stations_mut(topic.kind).get_mut(&topic.name) else { return };
        // What was asked after that is answered by itself.
        if station.standing == Standing::Confirmed {
            station.standing = Standing::Denied;
        }
        for (_, inbox) in &station.members {
            afterwards.wake(inbox.tell(Delivery::Withdrawn { topic: topic.clone() }));
        }
        drop(registry);
        afterwards.run();
    }

    fn handle_restored(&self) {
        let mut afterwards = Afterwards::default();
        let registry = self.lock();
        for enrolled in registry.inboxes.values() {
            afterwards.wake(enrolled.inbox.restore());
        }
        drop(registry);
        afterwards.run();
    }

    fn handle_lost(&self, cause: &Cause, since: Instant) {
        let mut afterwards = Afterwards::default();
        let mut registry = self.lock();
        let unwanted = registry.ask_again();
        if !unwanted.is_empty() {
            self.post(|link| link.unsubscribe(unwanted));
        }
        let mut is_told = false;
        for enrolled in registry.inboxes.values().filter(|enrolled| enrolled.topics > 0) {
            if let Some(waiting) = enrolled.inbox.lose(cause, since) {
                is_told = true;
                afterwards.wake(waiting);
            }
        }
        drop(registry);
        if let (true, Some((_, news))) = (is_told, self.link.get()) {
            news.tell(Event::SubscriptionGap { cause: cause.clone() });
        }
        afterwards.run();
    }

    fn handle_ended(&self, cause: &Cause) {
        let mut afterwards = Afterwards::default();
        let since = now();
        let mut registry = self.lock();
        let next_id = registry.next_id;
        let empty = Registry { ended: Some(cause.clone()), next_id, ..Registry::default() };
        let ended = std::mem::replace(&mut *registry, empty);
        drop(registry);
        for enrolled in ended.inboxes.values() {
            afterwards.wake(enrolled.inbox.end(cause, since));
        }
        for ask in ended.asks.into_values() {
            afterwards.outcomes.push((ask.outcome, Err(Denied::Ended(cause.clone()))));
        }
        afterwards.run();
    }
}

impl Seat {
    /// Asks for topics: `fresh` ones, and `held` ones, which it has asked for before. Confirmed ones need no server.
    ///
    /// # Errors
    /// If the link has ended.
    pub(crate) fn join(&self, fresh: &[Topic], held: &[Topic]) -> Result<Joining, Denied> {
        self.hub.join(self, fresh, held)
    }

    /// Gives topics up, each of which it has joined: no message of theirs comes any more.
    pub(crate) fn leave(&self, topics: &[Topic]) {
        self.hub.leave(self.id, topics);
    }

    /// What comes for it.
    pub(crate) fn inbox(&self) -> &Inbox {
        &self.inbox
    }

    /// Gives everything up.
    pub(crate) fn vacate(&self, topics: &[Topic]) {
        self.hub.leave(self.id, topics);
        let gone = self.hub.lock().inboxes.remove(&self.id);
        drop(gone);
    }
}

impl Joining {
    /// Whether anything of it may have been sent on a connection that was lost since.
    pub(crate) fn asked(&self) -> Asked {
        self.hub.lock().asks.get(&self.id).map_or(Asked::Never, |ask| ask.lost)
    }
}

impl Drop for Joining {
    fn drop(&mut self) {
        let gone = self.hub.lock().asks.remove(&self.id);
        drop(gone);
    }
}

impl Registry {
    fn stations(&self, kind: TopicKind) -> &HashMap<Bytes, Station> {
        match kind {
            TopicKind::Channel => &self.channels,
            TopicKind::Pattern => &self.patterns,
            TopicKind::Shard => &self.shards,
        }
    }

    fn stations_mut(&mut self, kind: TopicKind) -> &mut HashMap<Bytes, Station> {
        match kind {
            TopicKind::Channel => &mut self.channels,
            TopicKind::Pattern => &mut self.patterns,
            TopicKind::Shard => &mut self.shards,
        }
    }

    /// The station of a topic; a new one has to be asked for.
    fn station(&mut self, topic: &Topic, wishes: &mut Vec<Topic>) -> &mut Station {
        self.stations_mut(topic.kind).entry(topic.name.clone()).or_insert_with(|| {
            wishes.push(topic.clone());
            Station { standing: Standing::Asked, members: Vec::new(), asks: Vec::new() }
        })
    }

    fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    /// One topic more of a request is confirmed.
    fn confirm(&mut self, id: u64, afterwards: &mut Afterwards) {
        let Some(ask) = self.asks.get_mut(&id) else { return };
        ask.left -= 1;
        if ask.left > 0 {
            return;
        }
        let Some(ask) = self.asks.remove(&id) else { return };
        if let Some(enrolled) = self.inboxes.get(&ask.subscriber) {
            enrolled.inbox.begin();
        }
        afterwards.outcomes.push((ask.outcome, Ok(())));
    }

    /// Takes a subscriber out of topics, and those that nobody else wants to the server.
    ///
    /// While the server may still answer a question about one, that one is kept until it has: whoever joined in between
    /// would else take the answer for that to a question of its own.
    fn leave(&mut self, subscriber: u64, topics: &[Topic], unsubscribe: impl FnOnce(Vec<Topic>), is_connected: bool) {
        let mut unwanted = Vec::new();
        let mut left = 0;
        for topic in topics {
            let stations = self.stations_mut(topic.kind);
            let Some(station) = stations.get_mut(&topic.name) else { continue };
            let Some(place) = station.members.iter().position(|(id, _)| *id == subscriber) else { continue };
            left += 1;
            station.members.swap_remove(place);
            let is_awaited = station.standing == Standing::Asked && is_connected;
            if station.members.is_empty() && !is_awaited {
                stations.remove(&topic.name);
                unwanted.push(topic.clone());
            }
        }
        if let Some(enrolled) = self.inboxes.get_mut(&subscriber) {
            enrolled.topics -= left;
        }
        if !unwanted.is_empty() {
            unsubscribe(unwanted);
        }
    }

    /// The connection is lost: everything will be asked for again, but for what is given back here, which nobody wants.
    fn ask_again(&mut self) -> Vec<Topic> {
        let mut unwanted = Vec::new();
        for kind in [TopicKind::Channel, TopicKind::Pattern, TopicKind::Shard] {
            self.stations_mut(kind).retain(|name, station| {
                station.standing = Standing::Asked;
                station.asks.clear();
                let is_wanted = !station.members.is_empty();
                if !is_wanted {
                    unwanted.push(Topic { kind, name: name.clone() });
                }
                is_wanted
            });
        }
        let mut asks = std::mem::take(&mut self.asks);
        for (id, ask) in &mut asks {
            (ask.left, ask.lost) = (0, Asked::Perhaps);
            for topic in &ask.topics {
                if let Some(station) = self.stations_mut(topic.kind).get_mut(&topic.name) {
                    station.asks.push(*id);
                    ask.left += 1;
                }
            }
        }
        self.asks = asks;
        unwanted
    }

    /// Everything that a subscriber is a member of.
    fn topics_of(&self, subscriber: u64) -> Vec<Topic> {
        let kinds = [TopicKind::Channel, TopicKind::Pattern, TopicKind::Shard];
        let all = kinds.into_iter().flat_map(|kind| self.stations(kind).iter().map(move |entry| (kind, entry)));
        let is_member = |station: &Station| station.members.iter().any(|(id, _)| *id == subscriber);
        let own = all.filter(|(_, (_, station))| is_member(station));
        own.map(|(kind, (name, _))| Topic { kind, name: name.clone() }).collect()
    }
}

impl Afterwards {
    fn wake(&mut self, waiting: Waiting) {
        if !waiting.is_nobody() {
            self.waiting.push(waiting);
        }
    }

    fn run(self) {
        for (sender, outcome) in self.outcomes {
            // Who asked may have given up.
            let _ = sender.send(outcome);
        }
        self.waiting.into_iter().for_each(Waiting::wake);
    }
}
