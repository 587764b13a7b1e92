//! What there is to connect to: one server, or several nodes and how they are found.

use std::path::PathBuf;

use super::{Config, ConfigError, ConfigErrorKind, validate};
use crate::outcome::Address;

/// What there is to connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Deployment {
    /// One server.
    Standalone(Address),
    /// Servers of which one is the primary and the others its replicas, and none of them says which: they are asked.
    Replicas(Vec<Address>),
    /// Some of the nodes of a cluster, which know the others.
    Cluster(Vec<Address>),
    /// Sentinels, which know the servers of `service`.
    Sentinel { sentinels: Vec<Address>, service: String },
}

/// What there is to connect to.
impl Config {
    /// A configuration for the server at `address`, with every other setting at its default.
    pub fn new(address: Address) -> Self {
        Self::of(Deployment::Standalone(address))
    }

    /// A configuration for a server on TCP. The host is a name or an IP address, IPv6 without brackets.
    pub fn tcp(host: impl Into<String>, port: u16) -> Self {
        Self::new(Address::tcp(host, port))
    }

    /// A configuration for a server on a Unix socket.
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self::new(Address::Unix(path.into()))
    }

    /// A configuration for a primary and its replicas, where nothing but the servers themselves says which is which. In a
    /// URL: several hosts, as in `redis://a,b,c`.
    ///
    /// Every one of `nodes` is asked for its role; the one that is the primary gets what writes, and replicas get reads
    /// where [`with_read_from`](Self::with_read_from) says so. Servers that are not named are not used, also where one of
    /// those that are names them. A single node is the same as [`new`](Self::new). TCP only.
    ///
    /// Of several that call themselves the primary, the one that continues the history of another one is believed, else the one
    /// that has more of it. While none does, calls wait, and end at their deadlines in stage
    /// [`Topology`](crate::Stage::Topology). Nobody here decides which one is to be the primary: where servers change places by
    /// themselves, there are [Sentinels](Self::sentinel) or a [cluster](Self::cluster).
    ///
    /// See <https://redis.io/docs/latest/operate/oss_and_stack/management/replication/>.
    ///
    /// ```
    /// use steadfast::Config;
    ///
    /// let built = Config::with_replicas([("a.example.com", 6379), ("b.example.com", 6379)]);
    /// assert_eq!(built.to_string(), "redis://a.example.com:6379,b.example.com:6379/0");
    /// ```
    pub fn with_replicas(nodes: impl IntoIterator<Item = impl Into<Address>>) -> Self {
        Self::of(Deployment::of_servers(all(nodes)))
    }

    /// A configuration for a cluster. In a URL: the scheme `redis+cluster` (with TLS `rediss+cluster`).
    ///
    /// `seeds` are some of its nodes, the more the better: one of them has to answer for the others to be found. They stay
    /// names, and are resolved again whenever they are asked. TCP only. The credentials of the configuration are for all nodes, and
    /// their user must be allowed `CLUSTER SHARDS`, `CLUSTER SLOTS` and `CLUSTER INFO`.
    ///
    /// See <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/>.
    ///
    /// ```
    /// use steadfast::Config;
    ///
    /// let built = Config::cluster([("a.example.com", 6379), ("b.example.com", 7000)]);
    /// assert_eq!(built.to_string(), "redis+cluster://a.example.com:6379,b.example.com:7000/0");
    /// ```
    pub fn cluster(seeds: impl IntoIterator<Item = impl Into<Address>>) -> Self {
        Self::of(Deployment::Cluster(all(seeds)))
    }

    /// A configuration for the primary, and its replicas, that Sentinels watch under the name `service`. In a URL: the
    /// scheme `redis+sentinel` (with TLS `rediss+sentinel`), as in `redis+sentinel://a,b,c/service/0`.
    ///
    /// `sentinels` are some of the Sentinels, the more the better: one that answers and can be believed is needed; the others are
    /// found through them. Of what they say the newest is believed, and only if the server that they name says of itself that it
    /// is the primary. TCP only. Their usual port is 26379
    /// ([`SENTINEL_PORT`](crate::client::defaults::SENTINEL_PORT)). The credentials of the configuration are those of the
    /// servers; Sentinels have [their own](Self::with_sentinel_credentials).
    ///
    /// See <https://redis.io/docs/latest/develop/reference/sentinel-clients/>.
    ///
    /// ```
    /// use steadfast::Config;
    ///
    /// let built = Config::sentinel([("a.example.com", 26379), ("b.example.com", 26379)], "orders");
    /// assert_eq!(built.to_string(), "redis+sentinel://a.example.com:26379,b.example.com:26379/orders/0");
    /// ```
    pub fn sentinel(sentinels: impl IntoIterator<Item = impl Into<Address>>, service: impl Into<String>) -> Self {
        Self::of(Deployment::Sentinel { sentinels: all(sentinels), service: service.into() })
    }

    /// Where the server is; where [several](Self::addresses) are configured, the first.
    pub fn address(&self) -> &Address {
        self.addresses().first().unwrap_or(&NOWHERE)
    }

    /// All addresses that are configured: of the server, the servers, some of a cluster's nodes, or the Sentinels.
    pub fn addresses(&self) -> &[Address] {
        self.deployment.addresses()
    }

    /// The name by which Sentinels know the servers; `None` where no Sentinels are asked.
    pub fn service(&self) -> Option<&str> {
        match &self.deployment {
            Deployment::Sentinel { service, .. } => Some(service),
            Deployment::Standalone(_) | Deployment::Replicas(_) | Deployment::Cluster(_) => None,
        }
    }

    /// What there is to connect to.
    pub(crate) fn deployment(&self) -> &Deployment {
        &self.deployment
    }
}

impl Deployment {
    /// Servers that are asked who of them is the primary; with one there is nothing to ask.
    pub(in crate::client) fn of_servers(mut nodes: Vec<Address>) -> Self {
        match nodes.pop() {
            Some(only) if nodes.is_empty() => Self::Standalone(only),
            last => {
                nodes.extend(last);
                Self::Replicas(nodes)
            }
        }
    }

    pub(crate) fn addresses(&self) -> &[Address] {
        match self {
            Self::Standalone(address) => std::slice::from_ref(address),
            Self::Replicas(nodes) | Self::Cluster(nodes) | Self::Sentinel { sentinels: nodes, .. } => nodes,
        }
    }

    /// Whether it is more than one server.
    pub(in crate::client) fn is_routed(&self) -> bool {
        !matches!(self, Self::Standalone(_))
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.addresses().is_empty() {
            return Err(ConfigError::new(ConfigErrorKind::EmptyHost, "at least one host"));
        }
        for address in self.addresses() {
            match address {
                Address::Unix(_) if self.is_routed() => {
                    return Err(ConfigError::new(ConfigErrorKind::BadHost, "hosts: a Unix socket is a server alone"));
                }
                address => validate::check_address(address)?,
            }
        }
        match self {
            Self::Sentinel { service, .. } => check_service(service),
            Self::Standalone(_) | Self::Replicas(_) | Self::Cluster(_) => Ok(()),
        }
    }
}

/// Checks the name of a service. Sentinels speak of it in messages whose words stand between spaces.
pub(in crate::client) fn check_service(service: &str) -> Result<(), ConfigError> {
    let bad = service.is_empty() || service.contains(|c: char| c.is_control() || c.is_whitespace());
    if bad { Err(ConfigError::new(ConfigErrorKind::BadService, SERVICE)) } else { Ok(()) }
}

fn all(nodes: impl IntoIterator<Item = impl Into<Address>>) -> Vec<Address> {
    nodes.into_iter().map(Into::into).collect()
}

/// Stands for the address of a configuration that has none, which no validation lets through.
static NOWHERE: Address = Address::Tcp { host: String::new(), port: 0 };

const SERVICE: &str = "the name by which the Sentinels know the servers, such as redis+sentinel://host/mymaster";
