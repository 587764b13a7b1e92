//! What several nodes are made of, and who says which nodes there are.

use std::time::Duration;

use super::cluster::SlotMap;
use super::links::LinksBounds;
use super::naming::{AddressMap, ServerNames};
use super::reading::ReadFrom;
use crate::driver::LinkSettings;
use crate::outcome::Address;

/// What several nodes are made of.
#[derive(Clone)]
pub(crate) struct RoutesSettings {
    /// Of each node's link, but for the address.
    pub(crate) link: LinkSettings,
    pub(crate) bounds: LinksBounds,
    pub(crate) source: Source,
    pub(crate) read_from: ReadFrom,
    /// Whether commands that write to keys of several slots are sent as several.
    pub(crate) split_writes: bool,
    pub(crate) address_map: Option<AddressMap>,
    pub(crate) server_names: Option<ServerNames>,
    /// The topology is asked for at most once in this time.
    pub(crate) refresh_interval: Duration,
    /// And at least once in this; `None`: only when there is a reason.
    pub(crate) refresh_every: Option<Duration>,
}

/// Who says which nodes there are.
#[derive(Clone)]
pub(crate) enum Source {
    /// The nodes of a cluster; at first those at these addresses.
    Cluster { seeds: Vec<Address> },
    /// Sentinels.
    Sentinel(Box<SentinelSettings>),
    /// These servers themselves, of which one is the primary.
    Replicas { nodes: Vec<Address> },
}

/// How Sentinels are asked.
#[derive(Clone)]
pub(crate) struct SentinelSettings {
    pub(crate) sentinels: Vec<Address>,
    pub(crate) service: String,
    /// Of the link to each, but for the address.
    pub(crate) link: LinkSettings,
}

/// What a source has said.
pub(crate) struct Found {
    pub(crate) map: SlotMap,
    /// Of two that differ, the higher is the newer.
    pub(crate) rank: u64,
}
