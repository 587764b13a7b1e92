//! What moves from one outlet to another, and what comes and goes with the nodes.

use std::sync::Arc;
use std::time::Instant;

use super::super::station::{Member, Spot, Standing};
use super::{Afterwards, House, Missing, Order, Orders, Outlet, Registry};
use crate::connection::Topic;
use crate::outcome::Cause;

impl Registry {
    /// A topic does not live at this outlet any more: it is to be [housed](Self::house). Its members are told if something is
    /// missing of it from now on, for this cause. Returns what the outlet is to forget.
    pub(in super::super) fn evict(
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

    /// There is no such outlet any more.
    pub(in super::super) fn close_outlet(
        &mut self,
        outlet: Outlet,
        gap: (&Cause, Instant),
        afterwards: &mut Afterwards,
    ) -> bool {
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
    pub(in super::super) fn house(
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
    pub(in super::super) fn leave_formers(&mut self) -> Vec<Order> {
        let mut left = Vec::new();
        self.settled.retain(&mut |topic, station| {
            left.extend(station.former.take().map(|former| (former, topic)));
            true
        });
        left.retain(|(outlet, topic)| !self.is_wanted_at(*outlet, topic));
        left
    }

    /// Whether somebody wants to hear something at all nodes.
    pub(in super::super) fn is_spread(&self) -> bool {
        self.everywhere.is_some()
    }

    /// Whether there is anything of which it does not matter where it lives.
    pub(in super::super) fn has_plain(&self) -> bool {
        self.settled.has_plain()
    }

    /// Where the topic lives.
    pub(in super::super) fn home(&self, topic: &Topic) -> Option<Outlet> {
        let settled = self.settled.get(topic).and_then(|station| station.home);
        settled.or_else(|| self.everywhere.as_ref().and_then(|outlets| outlets.first().copied()))
    }

    /// These are the outlets of all nodes now. What is heard at all of them is subscribed to at new ones, and not any more at
    /// those that are gone.
    pub(in super::super) fn spread_to(
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
}
