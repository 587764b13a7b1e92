//! Who wants to hear what, and how that stands with the servers.

mod moves;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot;

use super::delivery::Delivery;
use super::inbox::{Inbox, Put, Waiting};
use super::message::Published;
use super::station::{Member, Spot, Standing, Station, Stations};
use crate::command::ServerError;
use crate::connection::{Topic, TopicKind};
use crate::outcome::Cause;

/// Who wants to hear what, over one link or several.
///
/// A topic that nobody wants any more is forgotten and unsubscribed from at once, unless a server may still answer a
/// question about it. Then it is kept until it has: whoever joined in between would else take that answer for one to a
/// question of its own, and be told that it is subscribed while it is not.
#[derive(Debug, Default)]
pub(super) struct Registry {
    /// What lives at one outlet at a time.
    settled: Stations,
    /// What is subscribed to at each of several outlets.
    spread: HashMap<Outlet, Stations>,
    /// Which these are; `None` as long as nobody wants that.
    everywhere: Option<Vec<Outlet>>,
    /// What has no outlet, or is to get another one.
    homeless: Vec<Topic>,
    subscribers: HashMap<u64, Subscriber>,
    asks: HashMap<u64, Ask>,
    next_id: u64,
    ended: Option<Cause>,
}

/// A link over which something is heard, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Outlet(pub(super) u64);

/// A topic that is to be subscribed to at an outlet, or unsubscribed from.
pub(super) type Order = (Outlet, Topic);

/// At how many nodes a subscriber hears its topics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Breadth {
    /// Each at one.
    #[default]
    One,
    /// Each at all that have slots, but for sharded channels.
    All,
}

/// Where a topic is to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct House {
    pub(super) outlet: Outlet,
    /// Whether something may still come for it where it has lived until now.
    pub(super) is_heard_there: bool,
}

/// What has to be asked of outlets.
#[derive(Debug, Default, PartialEq, Eq)]
#[must_use = "the links have to be told"]
pub(super) struct Orders {
    pub(super) unsubscribe: Vec<Order>,
    pub(super) subscribe: Vec<Order>,
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

/// All that there was when everything ended.
#[must_use = "it has to be told"]
pub(super) struct Ended {
    subscribers: HashMap<u64, Subscriber>,
    asks: HashMap<u64, Ask>,
}

/// Where a request is answered.
type Outcome = oneshot::Sender<Result<(), Denied>>;

#[derive(Debug)]
pub(super) struct Subscriber {
    inbox: Arc<Inbox>,
    /// How many stations it is a member of.
    topics: usize,
    /// At how many of these it misses something.
    missing: usize,
    /// What it wants to hear at all nodes; `None`: it wants that of nothing.
    everywhere: Option<Vec<Topic>>,
}

/// A request to be told when topics are confirmed.
#[derive(Debug)]
pub(super) struct Ask {
    subscriber: u64,
    spots: Vec<Spot>,
    /// How many of them are not confirmed.
    left: usize,
    asked: Asked,
    outcome: Outcome,
}

/// Who is to be told that something is missing, and whether that is to be counted until it is there again.
type Missing = Vec<(u64, bool)>;

impl Registry {
    /// Takes in a subscriber; returns what it is known by.
    pub(super) fn enrol(&mut self, inbox: Arc<Inbox>, breadth: Breadth) -> u64 {
        let id = self.new_id();
        let everywhere = (breadth == Breadth::All).then(Vec::new);
        if everywhere.is_some() {
            self.everywhere.get_or_insert_default();
        }
        self.subscribers.insert(id, Subscriber { inbox, topics: 0, missing: 0, everywhere });
        id
    }

    /// A subscriber is gone. What is returned is to be dropped without the lock.
    pub(super) fn dismiss(&mut self, subscriber: u64) -> Option<Subscriber> {
        self.subscribers.remove(&subscriber)
    }

    /// A subscriber asks for topics: for fresh ones, of which it becomes a member, and for some that it is a member of.
    /// Returns what the request is known by, and what servers have to be asked for; what is new is to be [housed](Self::house).
    pub(super) fn join(
        &mut self,
        (subscriber, inbox): (u64, &Arc<Inbox>),
        (fresh, held): (&[Topic], &[Topic]),
        outcome: Outcome,
        afterwards: &mut Afterwards,
    ) -> Result<(u64, Vec<Order>), Denied> {
        if let Some(cause) = &self.ended {
            return Err(Denied::Ended(cause.clone()));
        }
        if inbox.is_ended() {
            return Err(Denied::Ended(Cause::ClosedHere));
        }
        let id = self.new_id();
        let mut orders = Vec::new();
        let new: Vec<Spot> = fresh.iter().flat_map(|topic| self.spots_of(subscriber, topic)).collect();
        for spot in &new {
            let member = Member { id: subscriber, inbox: Arc::clone(inbox), misses: false };
            let (station, is_new) = self.stations_mut(spot.at).enter(spot, member);
            if is_new && station.home.is_none() {
                station.standing = Standing::Asked;
                self.homeless.push(spot.topic.clone());
            }
        }
        if let Some(subscriber) = self.subscribers.get_mut(&subscriber) {
            subscriber.topics += new.len();
            if let Some(everywhere) = &mut subscriber.everywhere {
                everywhere.extend(fresh.iter().filter(|topic| topic.kind != TopicKind::Shard).cloned());
            }
        }
        let mut spots = new;
        spots.extend(held.iter().flat_map(|topic| self.spots_of(subscriber, topic)).collect::<Vec<_>>());
        let mut left = 0;
        for spot in &spots {
            let Some(station) = self.station_mut(spot) else { continue };
            if station.standing == Standing::Denied {
                station.standing = Standing::Asked;
                orders.extend(station.home.map(|home| (home, spot.topic.clone())));
            }
            if station.standing == Standing::Asked {
                station.asks.push(id);
                left += 1;
            }
        }
        self.asks.insert(id, Ask { subscriber, spots, left, asked: Asked::Never, outcome });
        self.settle(id, afterwards);
        Ok((id, orders))
    }

    /// Nobody waits for a request any more. What is returned is to be dropped without the lock.
    pub(super) fn forget(&mut self, ask: u64) -> Option<Ask> {
        let gone = self.asks.remove(&ask)?;
        for spot in &gone.spots {
            let Some(station) = self.station_mut(spot) else { continue };
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
    pub(super) fn leave(
        &mut self,
        subscriber: u64,
        topics: &[Topic],
        connected: &dyn Fn(Outlet) -> Connected,
        afterwards: &mut Afterwards,
    ) -> Vec<Order> {
        let mut unwanted = Vec::new();
        for topic in topics {
            for spot in self.spots_of(subscriber, topic) {
                self.leave_spot(subscriber, &spot, connected, (&mut unwanted, afterwards));
            }
            if let Some(everywhere) = self.subscribers.get_mut(&subscriber).and_then(|it| it.everywhere.as_mut()) {
                everywhere.retain(|other| other != topic);
            }
        }
        unwanted
    }

    fn leave_spot(
        &mut self,
        subscriber: u64,
        spot: &Spot,
        connected: &dyn Fn(Outlet) -> Connected,
        (unwanted, afterwards): (&mut Vec<Order>, &mut Afterwards),
    ) {
        let Some(station) = self.station_mut(spot) else { return };
        let Some(place) = station.members.iter().position(|member| member.id == subscriber) else { return };
        let member = station.members.swap_remove(place);
        let is_connected = station.home.is_some_and(|home| connected(home) == Connected::Yes);
        let is_awaited = station.standing == Standing::Asked && is_connected;
        if station.members.is_empty() && !is_awaited {
            self.abandon(spot, unwanted);
        }
        if let Some(subscriber) = self.subscribers.get_mut(&subscriber) {
            subscriber.topics -= 1;
            subscriber.note_found(usize::from(member.misses), afterwards);
        }
    }

    /// A subscriber has ended by itself: nothing more is for it, and what it asks for is settled. Returns what nobody wants
    /// any more.
    pub(super) fn expel(
        &mut self,
        subscriber: u64,
        connected: &dyn Fn(Outlet) -> Connected,
        afterwards: &mut Afterwards,
    ) -> Vec<Order> {
        let own: Vec<Spot> = self
            .all()
            .filter(|(_, station)| station.members.iter().any(|member| member.id == subscriber))
            .map(|(spot, _)| spot)
            .collect();
        let asks = self.asks.iter().filter(|(_, ask)| ask.subscriber == subscriber);
        let settled: Vec<u64> = asks.map(|(id, _)| *id).collect();
        for id in settled {
            if let Some(ask) = self.asks.get_mut(&id) {
                ask.left = 0;
            }
            self.settle(id, afterwards);
        }
        let mut unwanted = Vec::new();
        for spot in own {
            self.leave_spot(subscriber, &spot, connected, (&mut unwanted, afterwards));
        }
        if let Some(everywhere) = self.subscribers.get_mut(&subscriber).and_then(|it| it.everywhere.as_mut()) {
            everywhere.clear();
        }
        unwanted
    }

    /// A message has come. Returns the subscribers that have ended of it.
    pub(super) fn publish(&self, outlet: Outlet, published: &Published<'_>, afterwards: &mut Afterwards) -> Vec<u64> {
        let mut overflowed = Vec::new();
        let settled = self.settled.find(published.kind, published.topic);
        let settled = settled.filter(|(_, station)| station.hears(outlet));
        let spread = self.spread.get(&outlet).and_then(|stations| stations.find(published.kind, published.topic));
        // What nobody wants any more may still come for a while.
        for (name, station) in settled.into_iter().chain(spread).filter(|(_, station)| !station.members.is_empty()) {
            let message = published.message(name);
            for member in &station.members {
                match member.inbox.put(&message) {
                    Put::Noted(waiting) => afterwards.wake(waiting),
                    Put::Overflowed(waiting) => {
                        overflowed.push(member.id);
                        afterwards.wake(waiting);
                    }
                }
            }
        }
        overflowed
    }

    /// A server has confirmed a topic. Returns it if nobody wants it any more.
    pub(super) fn confirm(&mut self, outlet: Outlet, topic: &Topic, afterwards: &mut Afterwards) -> Vec<Order> {
        let mut unwanted = Vec::new();
        for spot in self.spots_at(outlet, topic) {
            let Some(station) = self.station_mut(&spot) else { continue };
            if station.members.is_empty() {
                self.abandon(&spot, &mut unwanted);
                continue;
            }
            station.standing = Standing::Confirmed;
            let (asks, found) = (std::mem::take(&mut station.asks), station.find_missing());
            for id in asks {
                if let Some(ask) = self.asks.get_mut(&id) {
                    ask.left -= 1;
                    self.settle(id, afterwards);
                }
            }
            self.note_found(&found, afterwards);
        }
        unwanted
    }

    /// A server has refused a topic: those who ask for it are told by the answer, other members where messages are
    /// missing. Returns it if nobody wants it any more.
    pub(super) fn refuse(
        &mut self,
        outlet: Outlet,
        topic: &Topic,
        error: &ServerError,
        afterwards: &mut Afterwards,
    ) -> Vec<Order> {
        let mut unwanted = Vec::new();
        for spot in self.spots_at(outlet, topic) {
            let Some(station) = self.station_mut(&spot) else { continue };
            if station.members.is_empty() {
                self.abandon(&spot, &mut unwanted);
                continue;
            }
            station.standing = Standing::Denied;
            let members: Vec<_> = station.members.iter().map(|member| (member.id, Arc::clone(&member.inbox))).collect();
            let (waiting, found) = (std::mem::take(&mut station.asks), station.find_missing());
            let asks: Vec<Ask> = waiting.into_iter().filter_map(|id| self.asks.remove(&id)).collect();
            for (id, inbox) in members {
                if asks.iter().all(|ask| ask.subscriber != id) {
                    afterwards.wake(inbox.tell(Delivery::Refused { topic: topic.clone(), error: error.clone() }));
                }
            }
            self.note_found(&found, afterwards);
            for ask in asks {
                afterwards.outcomes.push((ask.outcome, Err(Denied::Refused(topic.clone(), error.clone()))));
            }
        }
        unwanted
    }

    /// The server has ended the subscription to a topic by itself.
    pub(super) fn withdraw(&mut self, outlet: Outlet, topic: &Topic, afterwards: &mut Afterwards) {
        for spot in self.spots_at(outlet, topic) {
            let Some(station) = self.station_mut(&spot) else { continue };
            // What was asked for since is answered by itself.
            if station.standing == Standing::Confirmed {
                station.standing = Standing::Denied;
            }
            for member in &station.members {
                afterwards.wake(member.inbox.tell(Delivery::Withdrawn { topic: topic.clone() }));
            }
        }
    }

    /// The connection of this outlet is lost: everything will be asked for again. Returns what nobody wants any more, and
    /// whether any subscriber has lost something.
    pub(super) fn lose(
        &mut self,
        outlet: Outlet,
        (cause, since): (&Cause, Instant),
        afterwards: &mut Afterwards,
    ) -> (Vec<Order>, bool) {
        let mut unwanted = Vec::new();
        let mut missing = Missing::new();
        let mut torn = Vec::new();
        let spread = self.spread.get_mut(&outlet);
        for stations in std::iter::once(&mut self.settled).chain(spread) {
            stations.retain(&mut |topic, station| {
                if station.former == Some(outlet) {
                    station.former = None;
                    torn.extend(station.members.iter().map(|member| member.id));
                }
                if station.home != Some(outlet) {
                    return true;
                }
                station.standing = Standing::Asked;
                // Who misses it already was told: nothing has come of it since.
                missing.extend(station.miss_anew());
                if station.members.is_empty() {
                    unwanted.push((outlet, topic));
                }
                !station.members.is_empty()
            });
        }
        unwanted.retain(|(_, topic)| !self.is_wanted_at(outlet, topic));
        self.reopen(&|_, station| station.home == Some(outlet));
        missing.extend(torn.iter().map(|id| (*id, false)));
        let is_told = self.note_missing(missing, (cause, since), afterwards);
        for id in torn {
            if let Some(subscriber) = self.subscribers.get_mut(&id) {
                subscriber.note_found(0, afterwards);
            }
        }
        (unwanted, is_told)
    }

    /// Everything has ended. Nobody can join any more.
    pub(super) fn end(&mut self, cause: &Cause) -> Ended {
        let empty = Self { next_id: self.next_id, ended: Some(cause.clone()), ..Self::default() };
        let Self { subscribers, asks, .. } = std::mem::replace(self, empty);
        Ended { subscribers, asks }
    }

    /// The places of a topic that a subscriber wants.
    fn spots_of(&self, subscriber: u64, topic: &Topic) -> Vec<Spot> {
        let is_wide = self.subscribers.get(&subscriber).is_some_and(|subscriber| subscriber.everywhere.is_some());
        match &self.everywhere {
            Some(outlets) if is_wide && topic.kind != TopicKind::Shard => {
                outlets.iter().map(|outlet| Spot { at: Some(*outlet), topic: topic.clone() }).collect()
            }
            _ => vec![Spot { at: None, topic: topic.clone() }],
        }
    }

    /// The places that an outlet's word about a topic is for.
    fn spots_at(&self, outlet: Outlet, topic: &Topic) -> Vec<Spot> {
        let is_home = |at: Option<Outlet>| {
            let stations = at.map_or(Some(&self.settled), |outlet| self.spread.get(&outlet));
            stations.and_then(|stations| stations.get(topic)).is_some_and(|station| station.home == Some(outlet))
        };
        let places = [None, Some(outlet)].into_iter().filter(|at| is_home(*at));
        places.map(|at| Spot { at, topic: topic.clone() }).collect()
    }

    fn is_wanted_at(&self, outlet: Outlet, topic: &Topic) -> bool {
        self.settled.get(topic).is_some_and(|station| station.hears(outlet))
            || self.spread.get(&outlet).is_some_and(|stations| stations.get(topic).is_some())
    }

    fn all(&self) -> impl Iterator<Item = (Spot, &Station)> {
        let spread = self.spread.iter().map(|(outlet, stations)| (Some(*outlet), stations));
        let all = std::iter::once((None, &self.settled)).chain(spread);
        all.flat_map(|(at, stations)| stations.iter().map(move |(topic, station)| (Spot { at, topic }, station)))
    }

    fn stations_mut(&mut self, at: Option<Outlet>) -> &mut Stations {
        match at {
            None => &mut self.settled,
            Some(outlet) => self.spread.entry(outlet).or_default(),
        }
    }

    fn station_mut(&mut self, spot: &Spot) -> Option<&mut Station> {
        let stations = match spot.at {
            None => &mut self.settled,
            Some(outlet) => self.spread.get_mut(&outlet)?,
        };
        stations.get_mut(&spot.topic)
    }

    /// Nobody wants it any more, and no answer is waited for.
    fn abandon(&mut self, spot: &Spot, unwanted: &mut Vec<Order>) {
        let Some(gone) = self.stations_mut(spot.at).remove(&spot.topic) else { return };
        for outlet in gone.home.into_iter().chain(gone.former) {
            if !self.is_wanted_at(outlet, &spot.topic) {
                unwanted.push((outlet, spot.topic.clone()));
            }
        }
    }

    /// Members miss something from now on. Whether any of them is told.
    fn note_missing(&mut self, missing: Missing, gap: (&Cause, Instant), afterwards: &mut Afterwards) -> bool {
        let mut told: Vec<u64> = Vec::with_capacity(missing.len());
        for (id, is_new) in missing {
            if let Some(subscriber) = self.subscribers.get_mut(&id) {
                subscriber.missing += usize::from(is_new);
                told.push(id);
            }
        }
        told.sort_unstable();
        told.dedup();
        let subscribers = told.iter().filter_map(|id| self.subscribers.get(id));
        let mut is_told = false;
        for waiting in subscribers.filter_map(|subscriber| subscriber.inbox.lose(gap.0, gap.1)) {
            is_told = true;
            afterwards.wake(waiting);
        }
        is_told
    }

    /// These have something again that they have missed.
    fn note_found(&mut self, found: &[u64], afterwards: &mut Afterwards) {
        for id in found {
            if let Some(subscriber) = self.subscribers.get_mut(id) {
                subscriber.note_found(1, afterwards);
            }
        }
    }

    /// What was confirmed at these places will be asked for again: open requests wait for that too.
    fn reopen(&mut self, is_affected: &dyn Fn(&Spot, &Station) -> bool) {
        let mut asks = std::mem::take(&mut self.asks);
        for (id, ask) in &mut asks {
            for spot in &ask.spots {
                let Some(station) = self.station_mut(spot).filter(|station| is_affected(spot, station)) else {
                    continue;
                };
                ask.asked = Asked::Perhaps;
                if !station.asks.contains(id) {
                    station.asks.push(*id);
                    ask.left += 1;
                }
            }
        }
        self.asks = asks;
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

impl Outlet {
    /// That of a hub which has one link for ever.
    pub(super) const ONLY: Self = Self(0);
}

impl Subscriber {
    /// So many of its topics are heard again. Once nothing is missing, it is told.
    fn note_found(&mut self, found: usize, afterwards: &mut Afterwards) {
        self.missing -= found;
        if self.missing == 0 {
            afterwards.wake(self.inbox.restore());
        }
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
