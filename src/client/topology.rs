//! Which nodes there are, as data.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::handle::Client;
use super::stats::Stats;
use crate::connection::LinkState;
use crate::outcome::Address;
use crate::topology::{Deployed, Health, Links, Node, Snapshot};

/// Which nodes there are and what each of them does, at one time. See [`Client::topology`].
///
/// Of a cluster all nodes that it names, replicas and failed ones too; of servers behind Sentinels the primary and the replicas
/// that they name, and not the Sentinels; of a primary and its replicas those that were configured. It is what the deployment has
/// said last, as [`CLUSTER SHARDS`](https://redis.io/docs/latest/commands/cluster-shards/) does, and what redirections have said
/// since.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    nodes: Vec<TopologyNode>,
    number: u64,
}

/// One node of a [`Topology`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TopologyNode {
    /// Where it is, as the deployment calls it.
    pub address: Address,
    /// Its number in the cluster, 40 hexadecimal digits; empty where it has none.
    pub id: Arc<str>,
    /// The host name that it announces.
    pub hostname: Option<Arc<str>>,
    /// The availability zone that it says it is in, as far as [reads](super::ReadFrom::Zone) depend on it.
    pub zone: Option<Arc<str>>,
    /// What it does.
    pub role: NodeRole,
    /// Whether the other nodes can reach it.
    pub health: NodeHealth,
    /// The slots that it serves, or copies. Without a cluster, of all nodes: none.
    pub slots: Vec<RangeInclusive<u16>>,
    /// The client's connection for everybody's commands; `Idle` if it was never needed.
    pub state: LinkState,
    /// How long it takes to answer, as far as [reads](super::ReadFrom::LowestLatency) depend on it.
    pub latency: Option<Duration>,
    /// What the client has counted of it, with what it asked it for itself: see [`Stats`].
    pub stats: Stats,
}

/// What a node does.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeRole {
    /// It takes writes.
    Primary,
    /// It copies the primary at this address; `None`: there is none at the time.
    #[non_exhaustive]
    Replica {
        /// Whom it copies.
        of: Option<Address>,
    },
    /// Not known: it is no part of the deployment at the time.
    Unknown,
}

/// Whether the other nodes of a deployment can reach a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NodeHealth {
    /// They can.
    #[default]
    Online,
    /// It is taking over its data.
    Loading,
    /// They cannot.
    Failed,
}

impl Topology {
    /// All nodes, in the order of their addresses.
    pub fn nodes(&self) -> &[TopologyNode] {
        &self.nodes
    }

    /// The node at this address.
    pub fn node(&self, address: &Address) -> Option<&TopologyNode> {
        self.nodes.iter().find(|node| node.address == *address)
    }

    /// The primaries; in a cluster those that serve any slots.
    pub fn primaries(&self) -> impl Iterator<Item = &TopologyNode> {
        let by_slots = self.nodes.iter().any(|node| !node.slots.is_empty());
        self.nodes.iter().filter(move |node| node.role == NodeRole::Primary && !(by_slots && node.slots.is_empty()))
    }

    /// Counts up with every change; 0: nothing is known yet.
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl Client {
    /// Which nodes there are and what each of them does, as the client knows it now, with the state of its connection to
    /// each and what it has counted of it. Of a single server: that one.
    ///
    /// [`Event::TopologyChanged`](crate::Event::TopologyChanged) tells when there is another one.
    ///
    /// ```no_run
    /// # fn example(client: &steadfast::Client) {
    /// for node in client.topology().nodes() {
    ///     println!("{} {:?} {:?} {}", node.address, node.role, node.slots, node.state.name());
    /// }
    /// # }
    /// ```
    pub fn topology(&self) -> Topology {
        match self.deployed() {
            Deployed::One(links) => Topology { nodes: vec![alone(links)], number: 1 },
            Deployed::Many(routes) => match &*routes.snapshot() {
                Some(snapshot) => described(snapshot),
                None => Topology::default(),
            },
        }
    }
}

fn alone(links: &Links) -> TopologyNode {
    let state = links.shared().standing().clone();
    let is_replica = state.session().is_some_and(|session| session.server.is_replica());
    TopologyNode {
        address: links.shared().address().clone(),
        id: Arc::default(),
        hostname: None,
        zone: None,
        role: if is_replica { NodeRole::Replica { of: None } } else { NodeRole::Primary },
        health: NodeHealth::Online,
        slots: Vec::new(),
        state,
        latency: None,
        stats: Stats::of(links),
    }
}

fn described(snapshot: &Snapshot) -> Topology {
    let map = &snapshot.map;
    let ranges = map.ranges();
    let nodes = map.nodes().iter().zip(&snapshot.nodes).enumerate().map(|(index, (facts, node))| {
        let serves = |shard: &usize| map.shards().get(*shard).is_some_and(|shard| shard.has(index));
        let slots = ranges.iter().filter(|(_, shard)| !map.is_whole() && serves(shard));
        let (state, stats) = link_of(node);
        TopologyNode {
            address: facts.address.clone(),
            id: Arc::clone(&facts.id),
            hostname: facts.hostname.clone(),
            zone: facts.zone.clone().or_else(|| node.zone()),
            role: role(snapshot, index),
            health: facts.health.into(),
            slots: slots.map(|(range, _)| range.clone()).collect(),
            state,
            latency: node.latency(),
            stats,
        }
    });
    let mut nodes: Vec<_> = nodes.collect();
    nodes.sort_by_cached_key(|node| node.address.to_string());
    Topology { nodes, number: snapshot.number }
}

fn link_of(node: &Node) -> (LinkState, Stats) {
    match node.started() {
        Some(links) => (links.shared().standing().clone(), Stats::of(links)),
        None => (LinkState::Idle, Stats::default()),
    }
}

fn role(snapshot: &Snapshot, index: usize) -> NodeRole {
    let map = &snapshot.map;
    match map.shards().iter().find(|shard| shard.has(index)) {
        Some(shard) if shard.primary == Some(index) => NodeRole::Primary,
        Some(shard) => {
            let primary = shard.primary.and_then(|primary| map.nodes().get(primary));
            NodeRole::Replica { of: primary.map(|primary| primary.address.clone()) }
        }
        None => NodeRole::Unknown,
    }
}

impl From<Health> for NodeHealth {
    fn from(health: Health) -> Self {
        match health {
            Health::Online => Self::Online,
            Health::Loading => Self::Loading,
            Health::Failed => Self::Failed,
        }
    }
}

impl fmt::Display for NodeRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Primary => "primary",
            Self::Replica { .. } => "replica",
            Self::Unknown => "unknown",
        })
    }
}
