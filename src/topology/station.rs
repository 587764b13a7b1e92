//! Topics, and who is a member of each.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use super::inbox::Inbox;
use super::registry::Outlet;
use crate::connection::{Topic, TopicKind};

/// A topic at whichever outlet it lives, or at a certain one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) at: Option<Outlet>,
    pub(super) topic: Topic,
}

/// A topic that somebody wants, or wanted when the server was asked for it.
#[derive(Debug)]
pub(super) struct Station {
    /// Where it is subscribed to; `None`: nowhere yet.
    pub(super) home: Option<Outlet>,
    /// Where it was before, if something may still come from there.
    pub(super) former: Option<Outlet>,
    /// Where a server has ended it by itself last.
    pub(super) ended_at: Option<Outlet>,
    pub(super) standing: Standing,
    pub(super) members: Vec<Member>,
    /// Requests that wait for the server's answer; some may have ended by another one.
    pub(super) asks: Vec<u64>,
}

/// ```text
///               confirm                  refuse, withdraw
///   Asked ───────────────▶ Confirmed ─────────────────────▶ Denied
///     ▲ │                      │                              │ │
///     │ └──────────────────────┼─── refuse ──────────────────▶┘ │
///     └────────────────────────┴─ lose, move, or somebody joins ┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// The server is asked, or will be when there is a connection.
    Asked,
    Confirmed,
    /// It was refused or withdrawn. The next connection asks again.
    Denied,
}

/// A subscriber that hears a topic.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) id: u64,
    pub(super) inbox: Arc<Inbox>,
    /// Whether messages are missing, from a gap on that it was told of.
    pub(super) misses: bool,
}

/// Topics by their names.
#[derive(Debug, Default)]
pub(super) struct Stations {
    channels: HashMap<Bytes, Station>,
    patterns: HashMap<Bytes, Station>,
    shards: HashMap<Bytes, Station>,
}

impl Station {
    /// Whether what comes from there is for its members.
    pub(super) fn hears(&self, outlet: Outlet) -> bool {
        self.home == Some(outlet) || self.former == Some(outlet)
    }

    /// All members miss something from now on. Which of them did not before.
    pub(super) fn miss_anew(&mut self) -> Vec<(u64, bool)> {
        let anew = self.members.iter_mut().filter(|member| !member.misses);
        let missing = anew.map(|member| {
            member.misses = true;
            (member.id, true)
        });
        missing.collect()
    }

    /// Nobody misses anything any more. Who did.
    pub(super) fn find_missing(&mut self) -> Vec<u64> {
        let missing = self.members.iter_mut().filter_map(|member| {
            let did = std::mem::take(&mut member.misses);
            did.then_some(member.id)
        });
        missing.collect()
    }
}

impl Stations {
    /// A member comes to a topic. Whether that is new here; it is not asked for yet then.
    pub(super) fn enter(&mut self, spot: &Spot, member: Member) -> (&mut Station, bool) {
        let topic = &spot.topic;
        let is_new = !self.of_kind(topic.kind).contains_key(&topic.name);
        let station = self.of_kind_mut(topic.kind).entry(topic.name.clone()).or_insert_with(|| Station {
            home: spot.at,
            former: None,
            ended_at: None,
            standing: Standing::Denied,
            members: Vec::new(),
            asks: Vec::new(),
        });
        station.members.push(member);
        (station, is_new)
    }

    pub(super) fn get(&self, topic: &Topic) -> Option<&Station> {
        self.of_kind(topic.kind).get(&topic.name)
    }

    pub(super) fn get_mut(&mut self, topic: &Topic) -> Option<&mut Station> {
        self.of_kind_mut(topic.kind).get_mut(&topic.name)
    }

    /// A topic by what a message says.
    pub(super) fn find(&self, kind: TopicKind, name: &[u8]) -> Option<(&Bytes, &Station)> {
        self.of_kind(kind).get_key_value(name)
    }

    pub(super) fn remove(&mut self, topic: &Topic) -> Option<Station> {
        self.of_kind_mut(topic.kind).remove(&topic.name)
    }

    /// Whether there are topics that belong to no slot.
    pub(super) fn has_plain(&self) -> bool {
        !self.channels.is_empty() || !self.patterns.is_empty()
    }

    pub(super) fn topics(&self) -> Vec<Topic> {
        self.iter().map(|(topic, _)| topic).collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Topic, &Station)> {
        KINDS.into_iter().flat_map(|kind| {
            let stations = self.of_kind(kind).iter();
            stations.map(move |(name, station)| (Topic { kind, name: name.clone() }, station))
        })
    }

    /// Looks at each, and forgets those that are not to be kept.
    pub(super) fn retain(&mut self, is_kept: &mut dyn FnMut(Topic, &mut Station) -> bool) {
        for kind in KINDS {
            let stations = self.of_kind_mut(kind);
            stations.retain(|name, station| is_kept(Topic { kind, name: name.clone() }, station));
        }
    }

    fn of_kind(&self, kind: TopicKind) -> &HashMap<Bytes, Station> {
        match kind {
            TopicKind::Channel => &self.channels,
            TopicKind::Pattern => &self.patterns,
            TopicKind::Shard => &self.shards,
        }
    }

    fn of_kind_mut(&mut self, kind: TopicKind) -> &mut HashMap<Bytes, Station> {
        match kind {
            TopicKind::Channel => &mut self.channels,
            TopicKind::Pattern => &mut self.patterns,
            TopicKind::Shard => &mut self.shards,
        }
    }
}

const KINDS: [TopicKind; 3] = [TopicKind::Channel, TopicKind::Pattern, TopicKind::Shard];
