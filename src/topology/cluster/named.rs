//! Nodes as answers name them: which host is meant, and one node for each address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::map::{Health, NodeFacts, Shard};
use crate::outcome::Address;
use crate::resp::{Reply, View};

/// The nodes of an answer, each once.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    all: Vec<NodeFacts>,
    places: HashMap<Address, usize>,
}

/// The nodes of a shard while they are read.
#[derive(Debug, Default)]
pub(super) struct Members {
    /// The healthiest of those that say they are the primary.
    primary: Option<(Health, usize)>,
    replicas: Vec<usize>,
}

impl Nodes {
    /// The node's place. An address that is named twice is one node, in the better health of the two: an old node may
    /// not be forgotten yet whose address a new one has.
    pub(super) fn add(&mut self, facts: NodeFacts) -> usize {
        match self.places.get(&facts.address) {
            Some(&place) => {
                if let Some(known) = self.all.get_mut(place).filter(|known| facts.health < known.health) {
                    *known = facts;
                }
                place
            }
            None => {
                self.places.insert(facts.address.clone(), self.all.len());
                self.all.push(facts);
                self.all.len() - 1
            }
        }
    }

    pub(super) fn into_all(self) -> Vec<NodeFacts> {
        self.all
    }
}

impl Members {
    /// A node that says it is a primary. Of two, the one that has failed is the old one.
    pub(super) fn add_primary(&mut self, node: usize, health: Health) {
        match self.primary {
            Some((best, _)) if best <= health => self.add_replica(node),
            Some((_, worse)) => {
                self.add_replica(worse);
                self.primary = Some((health, node));
            }
            None => self.primary = Some((health, node)),
        }
    }

    pub(super) fn add_replica(&mut self, node: usize) {
        self.replicas.push(node);
    }

    /// How the primary is; as bad as can be if there is none.
    pub(super) fn health(&self) -> Health {
        self.primary.map_or(Health::Failed, |(health, _)| health)
    }

    /// The shard of them, each node once.
    pub(super) fn into_shard(mut self) -> Shard {
        let primary = self.primary.map(|(_, node)| node);
        self.replicas.sort_unstable();
        self.replicas.dedup();
        self.replicas.retain(|node| Some(*node) != primary);
        Shard { primary, replicas: self.replicas }
    }
}

/// Where a node is, of which an answer names the endpoint that is preferred (a null is one too), and perhaps the IP
/// address. `None` if it says nothing that could be connected to.
pub(super) fn address(
    endpoint: Option<Reply<'_>>,
    ip: Option<Reply<'_>>,
    port: Option<Reply<'_>>,
    asked: &Address,
) -> Option<Address> {
    let host = match (endpoint, ip.and_then(name)) {
        (None, Some(ip)) => ip,
        // It prefers a hostname and has none.
        (Some(endpoint), Some(ip)) if endpoint.bytes() == Some(UNKNOWN) => ip,
        (Some(endpoint), _) if !endpoint.is_null() => host(endpoint.bytes()?, asked)?,
        _ => host(b"", asked)?,
    };
    Some(Address::tcp(host, number(port?)?))
}

/// The host of this name; the one that was asked, if there is none.
pub(super) fn host<'a>(name: &'a [u8], asked: &'a Address) -> Option<&'a str> {
    match (name, asked) {
        (b"" | UNKNOWN, Address::Tcp { host, .. }) => Some(host),
        (b"" | UNKNOWN, Address::Unix(_)) => None,
        (name, _) if name.len() > MAX_NAME => None,
        (name, _) => std::str::from_utf8(name).ok().filter(|name| !name.chars().any(is_out_of_place)),
    }
}

/// A text that says something, to be kept.
pub(super) fn text(reply: Option<Reply<'_>>) -> Option<Arc<str>> {
    reply.and_then(name).map(Arc::from)
}

/// The endpoint, where it is a name rather than an IP address.
pub(super) fn hostname(endpoint: Option<Reply<'_>>) -> Option<Arc<str>> {
    endpoint.and_then(name).filter(|name| name.parse::<IpAddr>().is_err()).map(Arc::from)
}

/// The slots from `first` to `last`, both numbers of 16 bits: what else is wrong with them is for the map to see.
pub(super) fn range(first: Reply<'_>, last: Reply<'_>) -> Option<RangeInclusive<u16>> {
    match (first.view(), last.view()) {
        (Ok(View::Integer(first)), Ok(View::Integer(last))) => Some(first.try_into().ok()?..=last.try_into().ok()?),
        _ => None,
    }
}

/// A name, if there is one.
fn name(reply: Reply<'_>) -> Option<&str> {
    let name = reply.bytes().filter(|name| !matches!(*name, b"" | UNKNOWN) && name.len() <= MAX_NAME)?;
    std::str::from_utf8(name).ok().filter(|name| !name.chars().any(is_out_of_place))
}

/// A port from 1 on.
fn number(port: Reply<'_>) -> Option<u16> {
    match port.view() {
        Ok(View::Integer(port)) => u16::try_from(port).ok().filter(|port| *port != 0),
        _ => None,
    }
}

fn is_out_of_place(letter: char) -> bool {
    letter.is_whitespace() || letter.is_control()
}

/// What stands for a name that there is not.
const UNKNOWN: &[u8] = b"?";
/// The longest name that is believed, in bytes: host names have up to 253, node ids 40.
const MAX_NAME: usize = 255;
