//! What Sentinels, and the servers they watch, answer.
//!
//! Source: <https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/#sentinel-api>

use std::sync::Arc;

use crate::command::{ConversionError, Elements, Fields};
use crate::outcome::Address;
use crate::resp::Reply;
use crate::topology::cluster::{Health, NodeFacts};

/// What one Sentinel says of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Report {
    /// The Sentinel's own name.
    pub(super) sentinel: Arc<str>,
    /// Where the primary is.
    pub(super) primary: NodeFacts,
    /// Which configuration that is: each failover has a higher one.
    pub(super) epoch: u64,
    pub(super) replicas: Vec<NodeFacts>,
    /// How many Sentinels there are besides this one, as far as it knows.
    pub(super) others: usize,
    /// Some of them, which it can reach.
    pub(super) sentinels: Vec<NodeFacts>,
}

/// The answer to `SENTINEL MASTER`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Watched {
    facts: NodeFacts,
    pub(super) epoch: u64,
    pub(super) others: usize,
    /// It has made another server the primary, and is about to say so.
    is_succeeded: bool,
}

/// The answer to `ROLE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Primary,
    Replica,
    /// It is no server.
    Sentinel,
}

/// What a Sentinel publishes when another server has become the primary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Switch {
    pub(super) service: String,
    pub(super) to: Address,
}

impl Watched {
    /// Of a Sentinel that only says where the primary is.
    pub(super) fn at(address: Address) -> Self {
        Self { facts: NodeFacts::at(address), epoch: 0, others: 0, is_succeeded: false }
    }

    pub(super) fn of(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let fields = Fields::of(reply)?;
        let others: u64 = fields.optional("num-other-sentinels")?.unwrap_or(0);
        let state: Option<String> = fields.optional("failover-state")?;
        Ok(Self {
            facts: facts(&fields)?.ok_or_else(|| ConversionError::new("an address", "none"))?,
            epoch: fields.optional("config-epoch")?.unwrap_or(0),
            others: usize::try_from(others).unwrap_or(usize::MAX),
            is_succeeded: matches!(state.as_deref(), Some("reconf_slaves" | "update_config")),
        })
    }

    /// The primary, which the same Sentinel says is at `address`; `None`: it has come to know of a failover between its two
    /// answers, and the epoch may be that before it.
    ///
    /// While a Sentinel fails over, the address is the new primary's before all else is.
    pub(super) fn primary_at(&self, address: &Address) -> Option<NodeFacts> {
        if self.facts.address == *address {
            return Some(self.facts.clone());
        }
        self.is_succeeded.then(|| NodeFacts::at(address.clone()))
    }
}

impl Role {
    /// Source: <https://redis.io/docs/latest/commands/role/>
    pub(super) fn of(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let role: String = Elements::of(reply)?.required()?;
        match role.as_str() {
            "master" => Ok(Self::Primary),
            "slave" => Ok(Self::Replica),
            "sentinel" => Ok(Self::Sentinel),
            _ => Err(ConversionError::new("master, slave or sentinel", "another role")),
        }
    }
}

impl Switch {
    /// Of the message `<service> <old host> <old port> <new host> <new port>`.
    pub(super) fn of(message: &[u8]) -> Option<Self> {
        let words: Vec<&str> = std::str::from_utf8(message).ok()?.split(' ').collect();
        let [service, _, _, host, port] = words.as_slice() else { return None };
        let to = address((*host).to_owned(), port.parse().ok()?)?;
        Some(Self { service: (*service).to_owned(), to })
    }
}

/// The answer to `SENTINEL GET-MASTER-ADDR-BY-NAME`; `None`: it does not know the service.
pub(super) fn primary_address(reply: Reply<'_>) -> Result<Option<Address>, ConversionError> {
    if reply.is_null() {
        return Ok(None);
    }
    let mut elements = Elements::of(reply)?;
    Ok(address(elements.required()?, elements.required()?))
}

/// The answer to `SENTINEL REPLICAS`, each with what the Sentinel thinks of its health.
///
/// A replica that has lost its primary has old data, and fails as long as there is another one. When all have lost it, it is
/// the primary that is gone, and theirs is the newest data there is.
pub(super) fn replicas(reply: Reply<'_>) -> Result<Vec<NodeFacts>, ConversionError> {
    let mut replicas = Vec::new();
    let mut severed = Vec::new();
    for replica in Elements::of(reply)?.rest().take(MOST_REPLICAS) {
        let fields = Fields::of(replica)?;
        let Some(facts) = facts(&fields)? else { continue };
        let status: Option<String> = fields.optional("master-link-status")?;
        if facts.health == Health::Online && status.is_some_and(|status| status != "ok") {
            severed.push(replicas.len());
        }
        replicas.push(facts);
    }
    let online = replicas.iter().filter(|facts| facts.health == Health::Online).count();
    for place in severed.iter().filter(|_| severed.len() < online) {
        if let Some(facts) = replicas.get_mut(*place) {
            facts.health = Health::Failed;
        }
    }
    Ok(replicas)
}

/// The answer to `SENTINEL SENTINELS`: those that are up.
pub(super) fn sentinels(reply: Reply<'_>) -> Result<Vec<NodeFacts>, ConversionError> {
    let mut sentinels = Vec::new();
    for sentinel in Elements::of(reply)?.rest().take(MOST_SENTINELS) {
        let facts = facts(&Fields::of(sentinel)?)?;
        sentinels.extend(facts.filter(|facts| facts.health == Health::Online));
    }
    Ok(sentinels)
}

/// What all instances have that a Sentinel speaks of; `None`: it has no address to connect to.
fn facts(fields: &Fields<'_>) -> Result<Option<NodeFacts>, ConversionError> {
    let Some(address) = address(fields.required("ip")?, fields.required("port")?) else { return Ok(None) };
    let flags: String = fields.optional("flags")?.unwrap_or_default();
    let is_down = flags.split(',').any(|flag| DOWN.contains(&flag));
    let id: Option<String> = fields.optional("runid")?;
    let health = if is_down { Health::Failed } else { Health::Online };
    Ok(Some(NodeFacts { id: id.unwrap_or_default().into(), health, ..NodeFacts::at(address) }))
}

/// `?` and port 0 stand for an address that is not known.
fn address(host: String, port: u16) -> Option<Address> {
    let is_known = !host.is_empty() && host != "?" && port != 0;
    is_known.then(|| Address::tcp(host, port))
}

/// With these flags an instance is not used: the Sentinel, or several, cannot reach it.
const DOWN: [&str; 3] = ["s_down", "o_down", "disconnected"];

/// So many replicas of one primary are known. Servers have a handful.
const MOST_REPLICAS: usize = 256;

/// So many Sentinels are taken from one answer.
pub(super) const MOST_SENTINELS: usize = 16;
