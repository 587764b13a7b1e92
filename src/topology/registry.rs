//! Who wants to hear what, and how that stands with the servers.

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

/// Who has begun to miss something: whom it happened to for the first time since everything was there, and who has missed
/// something already.
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

    /// A topic does not live at this outlet any more: it is to be [housed](Self::house). Its members are told if something is
    /// missing of it from now on, for this cause. Returns what the outlet is to forget.
    pub(super) fn evict(
        &mut self,
        outlet: Outlet,
        topic: &Topic,
        gap: Option<(&Cause, Instant)>,
        afterwards: &mut Afterwards,
    ) -> Vec<Order> {
        let spot = Spot { at: None, topic: topic.clone() };
        let mut unwanted = Vec::new();
        let Some(station) = self.station_mut(&spot) else { return unwanted };
        if station.former == Some(outlet) {
            station.former = None;
        }
        if station.home != Some(outlet) {
            return unwanted;
        }
        if station.members.is_empty() {
            self.abandon(&spot, &mut unwanted);
            return unwanted;
        }
        station.home = None;
        station.ended_at = gap.map(|_| outlet).or(station.ended_at);
        station.standing = Standing::Asked;
        // Who misses it already was told.
        let missing = if gap.is_some() { station.miss_anew() } else { Missing::new() };
        self.homeless.push(topic.clone());
        if let Some((cause, since)) = gap {
            self.note_missing(missing, (cause, since), afterwards);
        }
        self.reopen(&|other, _| *other == spot);
        if !self.is_wanted_at(outlet, topic) {
            unwanted.push((outlet, topic.clone()));
        }
        unwanted
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
                missing.extend(station.miss());
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

    /// There is no such outlet any more.
    pub(super) fn close_outlet(&mut self, outlet: Outlet, gap: (&Cause, Instant), afterwards: &mut Afterwards) -> bool {
        let (_, is_told) = self.lose(outlet, gap, afterwards);
        let homeless = &mut self.homeless;
        self.settled.retain(&mut |topic, station| {
            if station.home == Some(outlet) {
                station.home = None;
                homeless.push(topic);
            }
            true
        });
        is_told
    }

    /// Finds a place for what has none, or for `everything`: `house` says where a topic is to live that lives there now;
    /// `None`: where it is, or nowhere yet.
    pub(super) fn house(
        &mut self,
        everything: bool,
        house: &mut dyn FnMut(&Topic, Option<Outlet>) -> Option<House>,
        gap: (&Cause, Instant),
        afterwards: &mut Afterwards,
    ) -> Orders {
        let mut orders = Orders::default();
        let homeless = std::mem::take(&mut self.homeless);
        let topics = if everything { self.settled.topics() } else { homeless };
        let mut missing = Missing::new();
        for topic in topics {
            let spot = Spot { at: None, topic };
            let Some(station) = self.settled.get_mut(&spot.topic) else { continue };
            let before = station.home;
            let Some(House { outlet, is_heard_there }) = house(&spot.topic, before) else {
                if before.is_none() {
                    self.homeless.push(spot.topic);
                }
                continue;
            };
            if before == Some(outlet) {
                continue;
            }
            station.home = Some(outlet);
            station.standing = Standing::Asked;
            let mut left = station.former.take();
            if let Some(before) = before {
                missing.extend(station.miss_anew());
                // A node that has lost the slot hears only as a replica what the other one tells too.
                let is_heard_there = is_heard_there && station.ended_at.take() != Some(before);
                left = if is_heard_there { std::mem::replace(&mut station.former, Some(before)) } else { Some(before) };
            } else if let Some(former) = left.filter(|former| *former != outlet) {
                // It is listened to for as long as it was to be.
                station.former = Some(former);
                left = None;
            }
            let topic = spot.topic.clone();
            if before.is_some() {
                self.reopen(&|other, _| *other == spot);
            }
            if let Some(left) = left.filter(|left| !self.is_wanted_at(*left, &topic)) {
                orders.unsubscribe.push((left, topic.clone()));
            }
            orders.subscribe.push((outlet, topic));
        }
        self.note_missing(missing, gap, afterwards);
        orders
    }

    /// What nothing more comes from is not listened to any more.
    pub(super) fn leave_formers(&mut self) -> Vec<Order> {
        let mut left = Vec::new();
        self.settled.retain(&mut |topic, station| {
            left.extend(station.former.take().map(|former| (former, topic)));
            true
        });
        left.retain(|(outlet, topic)| !self.is_wanted_at(*outlet, topic));
        left
    }

    /// Whether somebody wants to hear something at all nodes.
    pub(super) fn is_spread(&self) -> bool {
        self.everywhere.is_some()
    }

    /// Whether there is anything of which it does not matter where it lives.
    pub(super) fn has_plain(&self) -> bool {
        self.settled.has_plain()
    }

    /// Where the topic lives.
    pub(super) fn home(&self, topic: &Topic) -> Option<Outlet> {
        let settled = self.settled.get(topic).and_then(|station| station.home);
        settled.or_else(|| self.everywhere.as_ref().and_then(|outlets| outlets.first().copied()))
    }

    /// These are the outlets of all nodes now. What is heard at all of them is subscribed to at new ones, and not any more at
    /// those that are gone.
    pub(super) fn spread_to(
        &mut self,
        outlets: Vec<Outlet>,
        gap: (&Cause, Instant),
        afterwards: &mut Afterwards,
    ) -> Orders {
        let mut orders = Orders::default();
        let before = self.everywhere.replace(outlets.clone()).unwrap_or_default();
        for gone in before.iter().filter(|outlet| !outlets.contains(outlet)) {
            self.retreat(*gone, &mut orders, afterwards);
        }
        for new in outlets.iter().filter(|outlet| !before.contains(outlet)) {
            self.advance(*new, gap, (&mut orders, afterwards));
        }
        orders
    }

    fn retreat(&mut self, outlet: Outlet, orders: &mut Orders, afterwards: &mut Afterwards) {
        let mut stations = self.spread.remove(&outlet).unwrap_or_default();
        stations.retain(&mut |topic, station| {
            for id in std::mem::take(&mut station.asks) {
                if let Some(ask) = self.asks.get_mut(&id) {
                    ask.left -= 1;
                    self.settle(id, afterwards);
                }
            }
            for member in &station.members {
                if let Some(subscriber) = self.subscribers.get_mut(&member.id) {
                    subscriber.topics -= 1;
                    subscriber.note_found(usize::from(member.misses), afterwards);
                }
            }
            if !self.is_wanted_at(outlet, &topic) {
                orders.unsubscribe.push((outlet, topic));
            }
            false
        });
    }

    fn advance(&mut self, outlet: Outlet, gap: (&Cause, Instant), out: (&mut Orders, &mut Afterwards)) {
        let (orders, afterwards) = out;
        let wide =
            self.subscribers.iter().filter_map(|(id, it)| Some((*id, it.everywhere.clone()?, Arc::clone(&it.inbox))));
        let wide: Vec<_> = wide.collect();
        let mut missing = Missing::new();
        for (id, topics, inbox) in wide {
            for topic in topics {
                let spot = Spot { at: Some(outlet), topic };
                let member = Member { id, inbox: Arc::clone(&inbox), misses: true };
                let (station, is_new) = self.stations_mut(spot.at).enter(&spot, member);
                station.standing = if is_new { Standing::Asked } else { station.standing };
                missing.push((id, true));
                let asks = self.asks.iter_mut().filter(|(_, ask)| ask.subscriber == id);
                let asks = asks.map(|(id, ask)| {
                    ask.left += 1;
                    ask.spots.push(spot.clone());
                    *id
                });
                let asks: Vec<u64> = asks.collect();
                if let Some(station) = self.station_mut(&spot) {
                    station.asks.extend(asks);
                }
                if let Some(subscriber) = self.subscribers.get_mut(&id) {
                    subscriber.topics += 1;
                }
                if is_new {
                    orders.subscribe.push((outlet, spot.topic));
                }
            }
        }
        self.note_missing(missing, gap, afterwards);
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

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::super::delivery::LagPolicy;
    use super::super::inbox::InboxBounds;
    use super::*;
    use crate::resp::{Frame, Value};

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
            let id = self.registry.enrol(Arc::clone(&inbox), Breadth::One);
            let mut guest = Guest { id, inbox, ask: 0, outcome: oneshot::channel().1 };
            let wishes = self.ask(&mut guest, (&topics(names), &[]));
            (guest, wishes)
        }

        fn ask(&mut self, guest: &mut Guest, topics: (&[Topic], &[Topic])) -> Vec<Topic> {
            let (sender, outcome) = oneshot::channel();
            guest.outcome = outcome;
            let registry = &mut self.registry;
            let joined = after(|afterwards| registry.join((guest.id, &guest.inbox), topics, sender, afterwards));
            let mut orders;
            (guest.ask, orders) = joined.unwrap();
            orders.extend(self.house(false, &[]).subscribe);
            named(orders)
        }

        /// Everything is to live at the only outlet, or some of it where it is said.
        fn house(&mut self, everything: bool, houses: &[(&str, u64)]) -> Orders {
            let mut house = |topic: &Topic, _: Option<Outlet>| {
                let found = houses.iter().find(|(name, _)| topic.name == name.as_bytes());
                let outlet = found.map_or(Outlet::ONLY, |(_, outlet)| Outlet(*outlet));
                Some(House { outlet, is_heard_there: topic.kind == TopicKind::Shard })
            };
            let gap = (&Cause::Moved, Instant::now());
            after(|afterwards| self.registry.house(everything, &mut house, gap, afterwards))
        }

        fn leave(&mut self, guest: &Guest, names: &[&'static str], connected: Connected) -> Vec<Topic> {
            named(after(|afterwards| self.registry.leave(guest.id, &topics(names), &|_| connected, afterwards)))
        }

        fn confirm(&mut self, name: &'static str) -> Vec<Topic> {
            named(after(|afterwards| self.registry.confirm(Outlet::ONLY, &topic(name), afterwards)))
        }

        fn refuse(&mut self, name: &'static str) -> Vec<Topic> {
            let error = ServerError::new("NOPERM no");
            named(after(|afterwards| self.registry.refuse(Outlet::ONLY, &topic(name), &error, afterwards)))
        }

        fn lose(&mut self) -> (Vec<Topic>, bool) {
            let gap = (&Cause::PeerClosed, Instant::now());
            let (orders, is_told) = after(|afterwards| self.registry.lose(Outlet::ONLY, gap, afterwards));
            (named(orders), is_told)
        }

        /// The subscriber has given up its request.
        fn give_up(&mut self, guest: &Guest, names: &[&'static str], connected: Connected) -> Vec<Topic> {
            self.registry.forget(guest.ask);
            self.leave(guest, names, connected)
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

    fn named(orders: Vec<Order>) -> Vec<Topic> {
        orders.into_iter().map(|(_, topic)| topic).collect()
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
        assert_eq!(world.leave(&first, &["a"], Connected::Yes), []);
        assert_eq!(world.leave(&first, &["a"], Connected::Yes), []);
        assert_eq!(world.leave(&second, &["a", "x"], Connected::Yes), topics(&["a"]));
        assert!(!world.registry.has_plain());
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
        assert!(!world.registry.has_plain());
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
        assert!(guest.is_told().unwrap().is_ok());
        assert_eq!(guest.read(), ["Subscribed"]);
    }

    #[test]
    fn what_the_server_ends_before_everything_is_confirmed_is_told_where_it_begins_to_be_missing() {
        let mut world = World::default();
        let (mut guest, _) = world.join(&["a", "b"]);
        world.confirm("a");
        after(|afterwards| world.registry.withdraw(Outlet::ONLY, &topic("a"), afterwards));
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
        assert!(world.registry.settled.get(&topic("a")).unwrap().asks.is_empty());
    }

    #[test]
    fn a_gap_is_told_to_those_who_miss_something_until_it_is_restored() {
        let mut world = World::default();
        let (one, _) = world.join(&["a"]);
        let (idle, _) = world.join(&["b"]);
        world.confirm("a");
        world.confirm("b");
        world.leave(&idle, &["b"], Connected::Yes);
        assert_eq!(world.lose(), (Vec::new(), true));
        assert_eq!(one.read(), ["Subscribed", "Gap"]);
        world.confirm("a");
        world.confirm("a");
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
        let unwanted = after(|afterwards| world.registry.expel(guest.id, &|_| Connected::Yes, afterwards));
        assert_eq!(named(unwanted), topics(&["a"]));
        assert!(guest.is_told().unwrap().is_ok());
        assert_eq!(world.confirm("b"), []);
        assert!(other.is_told().unwrap().is_ok());
        assert_eq!(world.leave(&guest, &["a", "b"], Connected::Yes), []);
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

    fn shard(name: &'static str) -> Topic {
        Topic { kind: TopicKind::Shard, name: name.into() }
    }

    /// What comes of a message on a topic at an outlet.
    fn hear(world: &World, outlet: u64, kind: &str, topic: &str, payload: &str) {
        let push = Value::Push([kind, topic, payload].map(Value::from).to_vec());
        let frame = Frame::from_value(&push);
        let published = Published::read(frame.reply()).unwrap();
        after(|afterwards| world.registry.publish(Outlet(outlet), &published, afterwards));
    }

    fn gap() -> (&'static Cause, Instant) {
        (&Cause::Moved, Instant::now())
    }

    impl World {
        fn confirm_at(&mut self, outlet: u64, topic: &Topic) {
            let orders = after(|afterwards| self.registry.confirm(Outlet(outlet), topic, afterwards));
            assert_eq!(orders, []);
        }
    }

    #[test]
    fn a_channel_that_moves_is_missing_until_it_is_confirmed_where_it_lives_then() {
        let mut world = World::default();
        let (mut guest, _) = world.join(&["a", "b"]);
        world.confirm("a");
        world.confirm("b");
        assert!(guest.is_told().unwrap().is_ok());
        let orders = world.house(true, &[("a", 7)]);
        assert_eq!(orders.unsubscribe, [(Outlet::ONLY, topic("a"))]);
        assert_eq!(orders.subscribe, [(Outlet(7), topic("a"))]);
        // What the old one still says is of no interest.
        hear(&world, 0, "message", "a", "stale");
        world.confirm("a");
        hear(&world, 0, "message", "b", "here");
        assert_eq!(guest.read(), ["Subscribed", "Gap", "Message"]);
        world.confirm_at(7, &topic("a"));
        hear(&world, 7, "message", "a", "there");
        assert_eq!(guest.read(), ["Subscribed", "Message"]);
        // A loss of either is a gap.
        let lost = after(|afterwards| world.registry.lose(Outlet(7), gap(), afterwards));
        assert_eq!(lost, (Vec::new(), true));
        world.confirm("b");
        assert_eq!(guest.read(), ["Gap"]);
        world.confirm_at(7, &topic("a"));
        assert_eq!(guest.read(), ["Subscribed"]);
    }

    #[test]
    fn a_sharded_channel_is_heard_where_it_was_until_that_node_has_let_it_go() {
        let mut world = World::default();
        let (mut guest, _) = world.join(&[]);
        assert_eq!(world.ask(&mut guest, (&[shard("s")], &[])), [shard("s")]);
        world.confirm_at(0, &shard("s"));
        let orders = world.house(true, &[("s", 7)]);
        assert_eq!((orders.unsubscribe, orders.subscribe), (Vec::new(), vec![(Outlet(7), shard("s"))]));
        world.confirm_at(7, &shard("s"));
        hear(&world, 0, "smessage", "s", "late");
        hear(&world, 7, "smessage", "s", "new");
        assert_eq!(guest.read(), ["Subscribed", "Gap", "Subscribed", "Message", "Message"]);
        // Its end there is no loss, the end of its connection is one.
        let evicted = after(|afterwards| world.registry.evict(Outlet::ONLY, &shard("s"), Some(gap()), afterwards));
        assert_eq!((evicted, guest.read()), (Vec::new(), Vec::<String>::new()));
        hear(&world, 0, "smessage", "s", "stale");
        assert_eq!(guest.read(), Vec::<String>::new());
        let _ = world.house(true, &[("s", 8)]);
        world.confirm_at(8, &shard("s"));
        assert_eq!(guest.read(), ["Gap", "Subscribed"]);
        let lost = after(|afterwards| world.registry.lose(Outlet(7), gap(), afterwards));
        assert_eq!((lost, guest.read()), ((Vec::new(), true), ["Gap", "Subscribed"].map(str::to_owned).to_vec()));
        let _ = world.house(true, &[("s", 9)]);
        assert_eq!(world.registry.leave_formers(), [(Outlet(8), shard("s"))]);
    }

    #[test]
    fn a_channel_without_a_home_is_missing_until_it_has_one() {
        let mut world = World::default();
        let (mut guest, _) = world.join(&["a"]);
        assert_eq!(world.ask(&mut guest, (&[shard("s")], &[])), [shard("s")]);
        world.confirm_at(0, &topic("a"));
        // It was not there: nobody is told of that.
        let evicted = after(|afterwards| world.registry.evict(Outlet::ONLY, &shard("s"), None, afterwards));
        assert_eq!(evicted, [(Outlet::ONLY, shard("s"))]);
        let nowhere = after(|afterwards| world.registry.house(true, &mut |_, _| None, gap(), afterwards));
        assert_eq!(nowhere, Orders::default());
        assert!(guest.is_told().is_none());
        assert_eq!(world.house(false, &[("s", 3)]).subscribe, [(Outlet(3), shard("s"))]);
        world.confirm_at(3, &shard("s"));
        assert!(guest.is_told().unwrap().is_ok());
        assert_eq!(guest.read(), ["Subscribed"]);
        let evicted = after(|afterwards| world.registry.evict(Outlet(3), &shard("s"), Some(gap()), afterwards));
        assert_eq!((evicted, guest.read()), (vec![(Outlet(3), shard("s"))], vec!["Gap".to_owned()]));
        // An outlet that ends takes along what lives there.
        let is_told = after(|afterwards| world.registry.close_outlet(Outlet::ONLY, gap(), afterwards));
        assert!(is_told);
        let mut found = world.house(false, &[("s", 4), ("a", 4)]).subscribe;
        found.sort();
        assert_eq!(found, [(Outlet(4), topic("a")), (Outlet(4), shard("s"))]);
        world.confirm_at(4, &topic("a"));
        assert_eq!(guest.read(), ["Gap"]);
        world.confirm_at(4, &shard("s"));
        assert_eq!(guest.read(), ["Subscribed"]);
    }

    #[test]
    fn what_is_heard_everywhere_follows_the_nodes_and_is_nobody_elses() {
        let mut world = World::default();
        let bounds = InboxBounds { messages: 10, bytes: 1 << 20, policy: LagPolicy::DropOldest };
        let inbox = Arc::new(Inbox::new(bounds));
        let id = world.registry.enrol(Arc::clone(&inbox), Breadth::All);
        let spread = |world: &mut World, outlets: &[u64]| {
            let outlets = outlets.iter().map(|outlet| Outlet(*outlet)).collect();
            after(|afterwards| world.registry.spread_to(outlets, gap(), afterwards))
        };
        assert_eq!(spread(&mut world, &[0, 1]), Orders::default());
        let mut guest = Guest { id, inbox, ask: 0, outcome: oneshot::channel().1 };
        let wishes = world.ask(&mut guest, (&topics(&["k"]), &[]));
        assert_eq!(wishes, topics(&["k", "k"]));
        world.confirm_at(0, &topic("k"));
        assert!(guest.is_told().is_none());
        world.confirm_at(1, &topic("k"));
        assert!(guest.is_told().unwrap().is_ok());
        // One who hears it at one node.
        let (plain, wishes) = world.join(&["k"]);
        assert_eq!(wishes, topics(&["k"]));
        world.confirm("k");
        hear(&world, 0, "message", "k", "0");
        hear(&world, 1, "message", "k", "1");
        assert_eq!(plain.read(), ["Subscribed", "Message"]);
        assert_eq!(guest.read(), ["Subscribed", "Message", "Message"]);
        // He goes, and the subscription stays; one node goes, another one comes.
        assert_eq!(world.leave(&plain, &["k"], Connected::Yes), []);
        let orders = spread(&mut world, &[1, 2]);
        assert_eq!(orders.unsubscribe, [(Outlet(0), topic("k"))]);
        assert_eq!(orders.subscribe, [(Outlet(2), topic("k"))]);
        assert_eq!(guest.read(), ["Gap"]);
        world.confirm_at(2, &topic("k"));
        assert_eq!(guest.read(), ["Subscribed"]);
        let mut left =
            after(|afterwards| world.registry.leave(guest.id, &topics(&["k"]), &|_| Connected::Yes, afterwards));
        left.sort();
        assert_eq!(left, [(Outlet(1), topic("k")), (Outlet(2), topic("k"))]);
        assert_eq!(world.registry.all().count(), 0);
    }
}
