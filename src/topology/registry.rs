//! Who wants to hear what, and how that stands with the server.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::delivery::Delivery;
use super::inbox::{Inbox, Put, Waiting};
use super::message::Published;
use crate::command::ServerError;
use crate::connection::{Topic, TopicKind};
use crate::outcome::Cause;

/// Who wants to hear what over one link.
///
/// ```text
///               confirm                  refuse, withdraw
///   Asked ───────────────▶ Confirmed ─────────────────────▶ Denied
///     ▲ │                      │                              │ │
///     │ └──────────────────────┼─── refuse ──────────────────▶┘ │
///     └────────────────────────┴─── lose, or somebody joins ────┘
/// ```
///
/// A topic that nobody wants any more is forgotten and unsubscribed from at once, unless the server may still answer a
/// question about it. Then it is kept until it has: whoever joined in between would else take that answer for one to a
/// question of its own, and be told that it is subscribed while it is not.
#[derive(Debug, Default)]
pub(super) struct Registry {
    channels: HashMap<Bytes, Station>,
    patterns: HashMap<Bytes, Station>,
    shards: HashMap<Bytes, Station>,
    subscribers: HashMap<u64, Subscriber>,
    asks: HashMap<u64, Ask>,
    next_id: u64,
    ended: Option<Cause>,
}

/// Why topics are not subscribed to.
#[derive(Debug)]
pub(crate) enum Denied {
    /// The server refused one of them.
    Refused(Topic, ServerError),
    /// The link or the subscription has ended.
    Ended(Cause),
}

/// Whether anything of a request may have been sent on a connection that was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Never,
    Perhaps,
}

/// Whether the link has a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Connected {
    Yes,
    No,
}

/// What is to be done when no lock is held any more.
#[derive(Debug, Default)]
#[must_use = "who waits has to be woken"]
pub(super) struct Afterwards {
    waiting: Vec<Waiting>,
    outcomes: Vec<(Outcome, Result<(), Denied>)>,
}

/// All that there was when the link ended.
#[must_use = "it has to be told"]
pub(super) struct Ended {
    subscribers: HashMap<u64, Subscriber>,
    asks: HashMap<u64, Ask>,
}

/// Where a request is answered.
type Outcome = oneshot::Sender<Result<(), Denied>>;

/// A topic that somebody wants, or wanted when the server was asked for it.
#[derive(Debug)]
struct Station {
    standing: Standing,
    members: Vec<(u64, Arc<Inbox>)>,
    /// Requests that wait for the server's answer; some may have ended by another one.
    asks: Vec<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// The server is asked, or will be when there is a connection.
    Asked,
    Confirmed,
    /// It was refused or withdrawn. The next connection asks again.
    Denied,
}

#[derive(Debug)]
pub(super) struct Subscriber {
    inbox: Arc<Inbox>,
    /// How many stations it is a member of.
    topics: usize,
}

/// A request to be told when topics are confirmed.
#[derive(Debug)]
pub(super) struct Ask {
    subscriber: u64,
    topics: Vec<Topic>,
    /// How many of them are not confirmed.
    left: usize,
    asked: Asked,
    outcome: Outcome,
}

impl Registry {
    /// Takes in a subscriber; returns what it is known by.
    pub(super) fn enrol(&mut self, inbox: Arc<Inbox>) -> u64 {
        let id = self.new_id();
        self.subscribers.insert(id, Subscriber { inbox, topics: 0 });
        id
    }

    /// A subscriber is gone. What is returned is to be dropped without the lock.
    pub(super) fn dismiss(&mut self, subscriber: u64) -> Option<Subscriber> {
        self.subscribers.remove(&subscriber)
    }

    /// A subscriber asks for topics: for fresh ones, of which it becomes a member, and for some that it is a member of.
    /// Returns what the request is known by, and what the server has to be asked for.
    pub(super) fn join(
        &mut self,
        (subscriber, inbox): (u64, &Arc<Inbox>),
        (fresh, held): (&[Topic], &[Topic]),
        outcome: Outcome,
        afterwards: &mut Afterwards,
    ) -> Result<(u64, Vec<Topic>), Denied> {
        if let Some(cause) = &self.ended {
            return Err(Denied::Ended(cause.clone()));
        }
        if inbox.is_ended() {
            return Err(Denied::Ended(Cause::ClosedHere));
        }
        let id = self.new_id();
        let mut wishes = Vec::new();
        for topic in fresh {
            let new = Station { standing: Standing::Denied, members: Vec::new(), asks: Vec::new() };
            let station = self.stations_mut(topic.kind).entry(topic.name.clone()).or_insert(new);
            station.members.push((subscriber, Arc::clone(inbox)));
        }
        if let Some(subscriber) = self.subscribers.get_mut(&subscriber) {
            subscriber.topics += fresh.len();
        }
        let topics: Vec<Topic> = fresh.iter().chain(held).cloned().collect();
        let mut left = 0;
        for topic in &topics {
            let Some(station) = self.stations_mut(topic.kind).get_mut(&topic.name) else { continue };
            if station.standing == Standing::Denied {
                station.standing = Standing::Asked;
                wishes.push(topic.clone());
            }
            if station.standing == Standing::Asked {
                station.asks.push(id);
                left += 1;
            }
        }
        self.asks.insert(id, Ask { subscriber, topics, left, asked: Asked::Never, outcome });
        self.settle(id, afterwards);
        Ok((id, wishes))
    }

    /// Nobody waits for a request any more. What is returned is to be dropped without the lock.
    pub(super) fn forget(&mut self, ask: u64) -> Option<Ask> {
        let gone = self.asks.remove(&ask)?;
        for topic in &gone.topics {
            let Some(station) = self.stations_mut(topic.kind).get_mut(&topic.name) else { continue };
            if let Some(place) = station.asks.iter().rposition(|id| *id == ask) {
                station.asks.swap_remove(place);
            }
        }
        Some(gone)
    }

    /// Whether anything of a request may have been sent on a connection that was lost since.
    pub(super) fn asked(&self, ask: u64) -> Asked {
        self.asks.get(&ask).map_or(Asked::Never, |ask| ask.asked)
    }

    /// A subscriber gives up topics, as far as it is a member of them. Returns what nobody wants any more.
    pub(super) fn leave(&mut self, subscriber: u64, topics: &[Topic], connected: Connected) -> Vec<Topic> {
        let mut unwanted = Vec::new();
        let mut left = 0;
        for topic in topics {
            let stations = self.stations_mut(topic.kind);
            let Some(station) = stations.get_mut(&topic.name) else { continue };
            let Some(place) = station.members.iter().position(|(id, _)| *id == subscriber) else { continue };
            station.members.swap_remove(place);
            left += 1;
            let is_awaited = station.standing == Standing::Asked && connected == Connected::Yes;
            if station.members.is_empty() && !is_awaited {
                stations.remove(&topic.name);
                unwanted.push(topic.clone());
            }
        }
        if let Some(subscriber) = self.subscribers.get_mut(&subscriber) {
            subscriber.topics -= left;
        }
        unwanted
    }

    /// A subscriber has ended by itself: nothing more is for it, and what it asks for is settled. Returns what nobody wants
    /// any more.
    pub(super) fn expel(&mut self, subscriber: u64, connected: Connected, afterwards: &mut Afterwards) -> Vec<Topic> {
        let mut own = Vec::new();
        for kind in KINDS {
            let is_member = |station: &Station| station.members.iter().any(|(id, _)| *id == subscriber);
            let stations = self.stations(kind).iter().filter(|(_, station)| is_member(station));
            own.extend(stations.map(|(name, _)| Topic { kind, name: name.clone() }));
        }
        let asks = self.asks.iter().filter(|(_, ask)| ask.subscriber == subscriber);
        let settled: Vec<u64> = asks.map(|(id, _)| *id).collect();
        for id in settled {
            if let Some(ask) = self.asks.get_mut(&id) {
                ask.left = 0;
            }
            self.settle(id, afterwards);
        }
        self.leave(subscriber, &own, connected)
    }

    /// A message has come. Returns the subscribers that have ended of it.
    pub(super) fn publish(&self, published: &Published<'_>, afterwards: &mut Afterwards) -> Vec<u64> {
        let mut overflowed = Vec::new();
        // What nobody wants any more may still come for a while.
        let wanted = self.stations(published.kind).get_key_value(published.topic);
        let Some((name, station)) = wanted.filter(|(_, station)| !station.members.is_empty()) else {
            return overflowed;
        };
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
        overflowed
    }

    /// The server has confirmed a topic. Returns it if nobody wants it any more.
    pub(super) fn confirm(&mut self, topic: &Topic, afterwards: &mut Afterwards) -> Vec<Topic> {
        let Some(station) = self.stations_mut(topic.kind).get_mut(&topic.name) else { return Vec::new() };
        if station.members.is_empty() {
            return self.abandon(topic);
        }
        station.standing = Standing::Confirmed;
        for id in std::mem::take(&mut station.asks) {
            if let Some(ask) = self.asks.get_mut(&id) {
                ask.left -= 1;
                self.settle(id, afterwards);
            }
        }
        Vec::new()
    }

    /// The server has refused a topic: those who ask for it are told by the answer, other members where messages are
    /// missing. Returns it if nobody wants it any more.
    pub(super) fn refuse(&mut self, topic: &Topic, error: &ServerError, afterwards: &mut Afterwards) -> Vec<Topic> {
        let Some(station) = self.stations_mut(topic.kind).get_mut(&topic.name) else { return Vec::new() };
        if station.members.is_empty() {
            return self.abandon(topic);
        }
        station.standing = Standing::Denied;
        let members = station.members.clone();
        let waiting = std::mem::take(&mut station.asks);
        let asks: Vec<Ask> = waiting.into_iter().filter_map(|id| self.asks.remove(&id)).collect();
        for (id, inbox) in members {
            if asks.iter().all(|ask| ask.subscriber != id) {
                afterwards.wake(inbox.tell(Delivery::Refused { topic: topic.clone(), error: error.clone() }));
            }
        }
        for ask in asks {
            afterwards.outcomes.push((ask.outcome, Err(Denied::Refused(topic.clone(), error.clone()))));
        }
        Vec::new()
    }

    /// The server has ended the subscription to a topic by itself.
    pub(super) fn withdraw(&mut self, topic: &Topic, afterwards: &mut Afterwards) {
        let Some(station) = self.stations_mut(topic.kind).get_mut(&topic.name) else { return };
        // What was asked for since is answered by itself.
        if station.standing == Standing::Confirmed {
            station.standing = Standing::Denied;
        }
        for (_, inbox) in &station.members {
            afterwards.wake(inbox.tell(Delivery::Withdrawn { topic: topic.clone() }));
        }
    }

    /// Everything that was wanted when the connection was made is confirmed or refused.
    pub(super) fn restore(&self, afterwards: &mut Afterwards) {
        for subscriber in self.subscribers.values() {
            afterwards.wake(subscriber.inbox.restore());
        }
    }

    /// The connection is lost: everything will be asked for again. Returns what nobody wants any more, and whether any
    /// subscriber has lost something.
    pub(super) fn lose(&mut self, cause: &Cause, since: Instant, afterwards: &mut Afterwards) -> (Vec<Topic>, bool) {
        let mut unwanted = Vec::new();
        for kind in KINDS {
            self.stations_mut(kind).retain(|name, station| {
                station.standing = Standing::Asked;
                station.asks.clear();
                if station.members.is_empty() {
                    unwanted.push(Topic { kind, name: name.clone() });
                }
                !station.members.is_empty()
            });
        }
        let mut asks = std::mem::take(&mut self.asks);
        for (id, ask) in &mut asks {
            (ask.left, ask.asked) = (0, Asked::Perhaps);
            for topic in &ask.topics {
                if let Some(station) = self.stations_mut(topic.kind).get_mut(&topic.name) {
                    station.asks.push(*id);
                    ask.left += 1;
                }
            }
        }
        self.asks = asks;
        let mut is_told = false;
        for subscriber in self.subscribers.values().filter(|subscriber| subscriber.topics > 0) {
            if let Some(waiting) = subscriber.inbox.lose(cause, since) {
                is_told = true;
                afterwards.wake(waiting);
            }
        }
        (unwanted, is_told)
    }

    /// The link has ended. Nobody can join any more.
    pub(super) fn end(&mut self, cause: &Cause) -> Ended {
        let empty = Self { next_id: self.next_id, ended: Some(cause.clone()), ..Self::default() };
        let Self { subscribers, asks, .. } = std::mem::replace(self, empty);
        Ended { subscribers, asks }
    }

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

    /// The server has answered about a topic that nobody wants any more.
    fn abandon(&mut self, topic: &Topic) -> Vec<Topic> {
        self.stations_mut(topic.kind).remove(&topic.name);
        vec![topic.clone()]
    }

    /// Answers a request of which nothing is left.
    fn settle(&mut self, id: u64, afterwards: &mut Afterwards) {
        if self.asks.get(&id).is_none_or(|ask| ask.left > 0) {
            return;
        }
        let Some(ask) = self.asks.remove(&id) else { return };
        if let Some(subscriber) = self.subscribers.get(&ask.subscriber) {
            subscriber.inbox.begin();
        }
        afterwards.outcomes.push((ask.outcome, Ok(())));
    }

    fn new_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }
}

impl Ended {
    /// Tells everybody, without the lock.
    pub(super) fn tell(self, cause: &Cause, since: Instant, afterwards: &mut Afterwards) {
        for subscriber in self.subscribers.values() {
            afterwards.wake(subscriber.inbox.end(cause, since));
        }
        for ask in self.asks.into_values() {
            afterwards.outcomes.push((ask.outcome, Err(Denied::Ended(cause.clone()))));
        }
    }
}

impl Afterwards {
    fn wake(&mut self, waiting: Waiting) {
        if !waiting.is_nobody() {
            self.waiting.push(waiting);
        }
    }

    pub(super) fn run(self) {
        for (sender, outcome) in self.outcomes {
            // Who asked may have given up.
            let _ = sender.send(outcome);
        }
        self.waiting.into_iter().for_each(Waiting::wake);
    }
}

const KINDS: [TopicKind; 3] = [TopicKind::Channel, TopicKind::Pattern, TopicKind::Shard];

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::super::delivery::LagPolicy;
    use super::super::inbox::InboxBounds;
    use super::*;

    /// A registry, and the subscribers that it knows.
    #[derive(Default)]
    struct World {
        registry: Registry,
    }

    /// A subscriber and its request.
    struct Guest {
        id: u64,
        inbox: Arc<Inbox>,
        ask: u64,
        outcome: oneshot::Receiver<Result<(), Denied>>,
    }

    fn topic(name: &'static str) -> Topic {
        Topic { kind: TopicKind::Channel, name: name.into() }
    }

    fn topics(names: &[&'static str]) -> Vec<Topic> {
        names.iter().map(|name| topic(name)).collect()
    }

    impl World {
        /// A new subscriber asks for topics; returns also what the server is asked for.
        fn join(&mut self, names: &[&'static str]) -> (Guest, Vec<Topic>) {
            let bounds = InboxBounds { messages: 10, bytes: 1 << 20, policy: LagPolicy::DropOldest };
            let inbox = Arc::new(Inbox::new(bounds));
            let id = self.registry.enrol(Arc::clone(&inbox));
            let mut guest = Guest { id, inbox, ask: 0, outcome: oneshot::channel().1 };
            let wishes = self.ask(&mut guest, (&topics(names), &[]));
            (guest, wishes)
        }

        fn ask(&mut self, guest: &mut Guest, topics: (&[Topic], &[Topic])) -> Vec<Topic> {
            let (sender, outcome) = oneshot::channel();
            guest.outcome = outcome;
            let registry = &mut self.registry;
            let wishes;
            (guest.ask, wishes) =
                after(|afterwards| registry.join((guest.id, &guest.inbox), topics, sender, afterwards)).unwrap();
            wishes
        }

        fn confirm(&mut self, name: &'static str) -> Vec<Topic> {
            after(|afterwards| self.registry.confirm(&topic(name), afterwards))
        }

        fn refuse(&mut self, name: &'static str) -> Vec<Topic> {
            after(|afterwards| self.registry.refuse(&topic(name), &ServerError::new("NOPERM no"), afterwards))
        }

        fn lose(&mut self) -> (Vec<Topic>, bool) {
            after(|afterwards| self.registry.lose(&Cause::PeerClosed, Instant::now(), afterwards))
        }

        fn restore(&self) {
            after(|afterwards| self.registry.restore(afterwards));
        }

        /// The subscriber has given up its request.
        fn give_up(&mut self, guest: &Guest, names: &[&'static str], connected: Connected) -> Vec<Topic> {
            self.registry.forget(guest.ask);
            self.registry.leave(guest.id, &topics(names), connected)
        }
    }

    impl Guest {
        fn is_told(&mut self) -> Option<Result<(), Denied>> {
            self.outcome.try_recv().ok()
        }

        fn read(&self) -> Vec<String> {
            let mut read = Vec::new();
            while let Poll::Ready(Some(delivery)) = self.inbox.poll_next(&Context::from_waker(Waker::noop())) {
                read.push(format!("{delivery:?}").split([' ', '(']).next().unwrap_or_default().to_owned());
            }
            read
        }
    }

    fn after<T>(change: impl FnOnce(&mut Afterwards) -> T) -> T {
        let mut afterwards = Afterwards::default();
        let output = change(&mut afterwards);
        afterwards.run();
        output
    }

    #[test]
    fn the_server_is_asked_once_and_confirms_for_everybody() {
        let mut world = World::default();
        let (mut first, wishes) = world.join(&["a", "b"]);
        assert_eq!(wishes, topics(&["a", "b"]));
        let (mut second, wishes) = world.join(&["b"]);
        assert_eq!(wishes, []);
        assert_eq!(world.confirm("a"), []);
        assert!(first.is_told().is_none() && second.is_told().is_none());
        assert_eq!(world.confirm("b"), []);
        assert!(first.is_told().unwrap().is_ok() && second.is_told().unwrap().is_ok());
        let (mut third, wishes) = world.join(&["a"]);
        assert!(third.is_told().unwrap().is_ok() && wishes.is_empty());
    }

    #[test]
    fn the_last_who_leaves_ends_it() {
        let mut world = World::default();
        let (first, _) = world.join(&["a"]);
        let (second, _) = world.join(&["a"]);
        world.confirm("a");
        assert_eq!(world.registry.leave(first.id, &topics(&["a"]), Connected::Yes), []);
        assert_eq!(world.registry.leave(first.id, &topics(&["a"]), Connected::Yes), []);
        assert_eq!(world.registry.leave(second.id, &topics(&["a", "x"]), Connected::Yes), topics(&["a"]));
        assert!(world.registry.channels.is_empty());
    }

    #[test]
    fn an_answer_to_a_question_that_was_given_up_confirms_nothing_else() {
        let mut world = World::default();
        let (hasty, wishes) = world.join(&["a"]);
        assert_eq!(wishes, topics(&["a"]));
        assert_eq!(world.give_up(&hasty, &["a"], Connected::Yes), []);
        // The question that is on its way is also that of whoever comes now.
        let (mut second, wishes) = world.join(&["a"]);
        assert_eq!(wishes, []);
        assert_eq!(world.confirm("a"), []);
        assert!(second.is_told().unwrap().is_ok());
        // If nobody comes, it is taken back when it is answered.
        let (hasty, _) = world.join(&["b"]);
        assert_eq!(world.give_up(&hasty, &["b"], Connected::Yes), []);
        assert_eq!(world.confirm("b"), topics(&["b"]));
        assert_eq!(world.confirm("b"), []);
        let (hasty, _) = world.join(&["c"]);
        assert_eq!(world.give_up(&hasty, &["c"], Connected::Yes), []);
        assert_eq!(world.refuse("c"), topics(&["c"]));
    }

    #[test]
    fn what_is_given_up_in_an_outage_is_not_kept() {
        let mut world = World::default();
        let (hasty, _) = world.join(&["a"]);
        assert_eq!(world.give_up(&hasty, &["a"], Connected::No), topics(&["a"]));
        let (hasty, _) = world.join(&["a"]);
        assert_eq!(world.give_up(&hasty, &["a"], Connected::Yes), []);
        assert_eq!(world.lose(), (topics(&["a"]), false));
        assert!(world.registry.channels.is_empty());
    }

    #[test]
    fn a_loss_before_everything_is_confirmed_begins_again() {
        let mut world = World::default();
        let (mut guest, _) = world.join(&["a", "b"]);
        world.confirm("a");
        assert_eq!(world.registry.asked(guest.ask), Asked::Never);
        assert_eq!(world.lose(), (Vec::new(), false));
        assert_eq!(world.registry.asked(guest.ask), Asked::Perhaps);
        world.confirm("b");
        assert!(guest.is_told().is_none());
        world.confirm("a");
        world.restore();
        assert!(guest.is_told().unwrap().is_ok());
        assert_eq!(guest.read(), ["Subscribed"]);
    }

    #[test]
    fn what_the_server_ends_before_everything_is_confirmed_is_told_where_it_begins_to_be_missing() {
        let mut world = World::default();
        let (mut guest, _) = world.join(&["a", "b"]);
        world.confirm("a");
        after(|afterwards| world.registry.withdraw(&topic("a"), afterwards));
        world.confirm("b");
        assert!(guest.is_told().unwrap().is_ok());
        assert_eq!(guest.read(), ["Subscribed", "Withdrawn"]);
    }

    #[test]
    fn requests_that_were_given_up_leave_nothing_behind() {
        let mut world = World::default();
        let _old = world.join(&["a"]);
        world.confirm("a");
        world.lose();
        for _ in 0..100 {
            let (hasty, _) = world.join(&["a"]);
            assert_eq!(world.give_up(&hasty, &["a"], Connected::No), []);
        }
        assert!(world.registry.channels[&b"a"[..]].asks.is_empty());
    }

    #[test]
    fn a_gap_is_told_to_those_who_miss_something_until_it_is_restored() {
        let mut world = World::default();
        let (one, _) = world.join(&["a"]);
        let (idle, _) = world.join(&["b"]);
        world.confirm("a");
        world.confirm("b");
        world.registry.leave(idle.id, &topics(&["b"]), Connected::Yes);
        assert_eq!(world.lose(), (Vec::new(), true));
        world.confirm("a");
        assert_eq!(one.read(), ["Subscribed", "Gap"]);
        world.restore();
        world.restore();
        assert_eq!((one.read(), idle.read()), (vec!["Subscribed".to_owned()], vec!["Subscribed".to_owned()]));
    }

    #[test]
    fn a_refusal_is_an_answer_to_those_who_ask_and_a_notice_to_the_others() {
        let mut world = World::default();
        let (mut old, _) = world.join(&["a", "b"]);
        world.confirm("a");
        world.confirm("b");
        world.lose();
        let (mut new, wishes) = world.join(&["a"]);
        assert_eq!(wishes, []);
        world.refuse("a");
        world.confirm("b");
        world.restore();
        assert!(matches!(new.is_told(), Some(Err(Denied::Refused(refused, _))) if refused == topic("a")));
        assert_eq!(
            (old.read(), new.read()),
            (["Subscribed", "Gap", "Refused", "Subscribed"].map(str::to_owned).to_vec(), vec!["Subscribed".to_owned()])
        );
        // Who asks for it again has the server asked again.
        assert!(old.is_told().unwrap().is_ok());
        assert_eq!(world.ask(&mut old, (&[], &topics(&["a", "b"]))), topics(&["a"]));
        world.confirm("a");
        assert!(old.is_told().unwrap().is_ok());
    }

    #[test]
    fn who_ends_by_itself_waits_for_nothing_and_is_a_member_of_nothing() {
        let mut world = World::default();
        let (mut guest, _) = world.join(&["a", "b"]);
        let (mut other, _) = world.join(&["b"]);
        world.confirm("a");
        let unwanted = after(|afterwards| world.registry.expel(guest.id, Connected::Yes, afterwards));
        assert_eq!(unwanted, topics(&["a"]));
        assert!(guest.is_told().unwrap().is_ok());
        assert_eq!(world.confirm("b"), []);
        assert!(other.is_told().unwrap().is_ok());
        assert_eq!(world.registry.leave(guest.id, &topics(&["a", "b"]), Connected::Yes), []);
    }

    #[test]
    fn after_the_end_nobody_is_left_waiting_and_nobody_is_taken_in() {
        let mut world = World::default();
        let (mut waiting, _) = world.join(&["a"]);
        let ended = world.registry.end(&Cause::RuntimeGone);
        after(|afterwards| ended.tell(&Cause::RuntimeGone, Instant::now(), afterwards));
        assert!(matches!(waiting.is_told(), Some(Err(Denied::Ended(Cause::RuntimeGone)))));
        assert_eq!(waiting.read(), ["Subscribed", "Gap"]);
        let (sender, _outcome) = oneshot::channel();
        let asked = after(|afterwards| {
            world.registry.join((waiting.id, &waiting.inbox), (&topics(&["b"]), &[]), sender, afterwards)
        });
        assert!(matches!(asked, Err(Denied::Ended(Cause::RuntimeGone))));
    }
}
