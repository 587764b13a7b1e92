//! Which node of several is asked what, and how it is found out what they are.

use std::time::Duration;

use super::options::{Applies, UrlOption};
use super::validate::{POSITIVE, bounded, value};
use super::values::{
    DURATION, DURATION_OR_NONE, SWITCH, duration, duration_or_none, show_duration, show_duration_or_none, show_switch,
    switch,
};
use super::{Config, ConfigError};
use crate::client::defaults;
use crate::outcome::Address;
use crate::topology::{AddressMap, ReadFrom, ServerNames};

/// What only deployments of several nodes need to know.
#[derive(Clone, Debug)]
pub(super) struct Routing {
    read_from: ReadFrom,
    split_writes: bool,
    /// `None`: nodes are where they say.
    address_map: Option<AddressMap>,
    /// `None`: the announced host name, or else the host.
    server_names: Option<ServerNames>,
    refresh_interval: Duration,
    /// `None`: only when there is a reason.
    refresh_every: Option<Duration>,
}

impl Default for Routing {
    fn default() -> Self {
        Self {
            read_from: ReadFrom::Primary,
            split_writes: false,
            address_map: None,
            server_names: None,
            refresh_interval: defaults::REFRESH_INTERVAL,
            refresh_every: Some(defaults::REFRESH_EVERY),
        }
    }
}

/// Several nodes: a cluster, servers behind Sentinels, a primary and its replicas. Without effect on a server alone.
impl Config {
    /// Sets from which nodes commands are answered that only read. Default: [`ReadFrom::Primary`].
    ///
    /// A replica lags behind its primary, by milliseconds or, where they cannot reach one another, without limit: what was
    /// just written may not be there yet, and a read may see less than the one before, which another node answered. Where no
    /// replica can be used the primary answers. See <https://redis.io/docs/latest/operate/oss_and_stack/management/replication/>.
    #[must_use]
    pub fn with_read_from(self, read_from: ReadFrom) -> Self {
        Self { routing: Routing { read_from, ..self.routing }, ..self }
    }

    /// Sets whether a command that writes keys of several slots (`MSET`, `DEL`, ...) is split, so that each node gets the
    /// keys that are its own. Default: it is not, and fails before anything is sent with
    /// [`ErrorKind::CrossSlot`](crate::ErrorKind::CrossSlot). Commands that only read are always split. For clusters. See
    /// [`Client`](crate::Client#commands-for-several-nodes-of-a-cluster) for which commands those are.
    ///
    /// A command that was split is not atomic: others see some of its keys written and some not, and where one node fails
    /// the others' parts are done. The error says which ([`Error::parts`](crate::Error::parts)), fate
    /// [`Partial`](crate::Fate::Partial). See
    /// <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#implemented-subset>.
    #[must_use]
    pub fn with_split_writes(self, split_writes: bool) -> Self {
        Self { routing: Routing { split_writes, ..self.routing }, ..self }
    }

    /// Reaches each node at the address that `map` makes of the one by which the others know it. Default: that one itself.
    ///
    /// For nodes that announce addresses of another network, behind address translation or in containers. It is asked for
    /// each address that a topology or a redirection names, of servers and of Sentinels, not for those of the configuration that
    /// were not named so, and must not block. Errors, events and [`Client::topology`](crate::Client::topology) go on to call the
    /// node by the address that is announced. Where the servers can be set to announce another one
    /// (`cluster-announce-ip`, `replica-announce-ip`), that serves all clients alike: see
    /// <https://redis.io/docs/latest/operate/oss_and_stack/management/scaling/>.
    ///
    /// ```
    /// use steadfast::{Address, Config};
    ///
    /// let config = Config::cluster([("localhost", 7000)]).with_address_map(|announced| match announced {
    ///     Address::Tcp { port, .. } => Address::tcp("localhost", *port),
    ///     other => other.clone(),
    /// });
    /// ```
    #[must_use]
    pub fn with_address_map(self, map: impl Fn(&Address) -> Address + Send + Sync + 'static) -> Self {
        Self { routing: Routing { address_map: Some(AddressMap::new(map)), ..self.routing }, ..self }
    }

    /// Sets which name the certificate of each node must carry. Default: the host name that the node announces, or else the
    /// host by which it is reached; and where TLS has a fixed name of its own, that.
    ///
    /// `names` is given the address by which the others know the node, before any
    /// [mapping](Self::with_address_map), and the host name that the node announces, if it does; `None` leaves it to the
    /// default. It must not block. A certificate for another name ends the calls for that node in `Tls`, those for others not.
    /// See <https://redis.io/docs/latest/operate/oss_and_stack/management/security/encryption/>.
    #[must_use]
    pub fn with_server_names(
        self,
        names: impl Fn(&Address, Option<&str>) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self { routing: Routing { server_names: Some(ServerNames::new(names)), ..self.routing }, ..self }
    }

    /// Sets how much time passes at least between two times of asking what the deployment looks like, however many
    /// reasons there are to ask. Default: 500 ms ([`REFRESH_INTERVAL`](crate::client::defaults::REFRESH_INTERVAL)).
    ///
    /// Too small: while slots move, nodes answer little else. Too large: after a failover, calls wait that long for the
    /// news. From a nanosecond to 365 days. Several nodes are asked each time, three if so many are connected
    /// (<https://redis.io/docs/latest/commands/cluster-shards/>), or the Sentinels, or all servers that are configured. When
    /// nobody answers it is tried again after pauses that grow from 100 ms to 1 s.
    #[must_use]
    pub fn with_refresh_interval(self, interval: Duration) -> Self {
        Self { routing: Routing { refresh_interval: interval, ..self.routing }, ..self }
    }

    /// Sets after how much time it is asked what the deployment looks like, also where nothing gives reason to. Default:
    /// 30 s ([`REFRESH_EVERY`](crate::client::defaults::REFRESH_EVERY)).
    ///
    /// Never sooner than [`with_refresh_interval`](Self::with_refresh_interval) says. Too small: needless work of nodes.
    /// Too large: new replicas and zones stay unknown that long. From a nanosecond to 365 days.
    #[must_use]
    pub fn with_refresh_every(self, time: Duration) -> Self {
        Self { routing: Routing { refresh_every: Some(time), ..self.routing }, ..self }
    }

    /// Asks what the deployment looks like only where something gives reason to: a redirection, a lost connection. New replicas
    /// then stay unknown until there is one. Default: every 30 s besides.
    #[must_use]
    pub fn without_refresh_every(self) -> Self {
        Self { routing: Routing { refresh_every: None, ..self.routing }, ..self }
    }

    /// From which nodes commands are answered that only read.
    pub fn read_from(&self) -> &ReadFrom {
        &self.routing.read_from
    }

    /// Whether a command that writes keys of several slots is split.
    pub fn split_writes(&self) -> bool {
        self.routing.split_writes
    }

    /// How much time passes at least between two times of asking what the deployment looks like.
    pub fn refresh_interval(&self) -> Duration {
        self.routing.refresh_interval
    }

    /// After how much time that is asked without a reason; `None` is never.
    pub fn refresh_every(&self) -> Option<Duration> {
        self.routing.refresh_every
    }

    /// Where nodes are reached.
    pub(crate) fn address_map(&self) -> Option<&AddressMap> {
        self.routing.address_map.as_ref()
    }

    /// Which names the certificates of nodes must carry.
    pub(crate) fn server_names(&self) -> Option<&ServerNames> {
        self.routing.server_names.as_ref()
    }

    pub(super) fn check_routing(&self) -> Result<(), ConfigError> {
        let zone = !matches!(self.read_from(), ReadFrom::Zone(zone) if zone.is_empty());
        value("read_from", zone, "the name of a zone")?;
        value("refresh_interval", bounded(self.refresh_interval()), POSITIVE)?;
        value("refresh_every", self.refresh_every().is_none_or(bounded), POSITIVE)
    }
}

pub(super) const OPTIONS: &[UrlOption] = &[
    UrlOption {
        name: "read_from",
        methods: "with_read_from",
        form: "primary, prefer_replica, replica, lowest_latency, or zone:NAME",
        about: "of several nodes, which answer commands that only read",
        applies: Applies::ToSeveral,
        set: |config, value| Some(config.with_read_from(read_from(value)?)),
        show: |config| show_read_from(config.read_from()),
    },
    UrlOption {
        name: "split_writes",
        methods: "with_split_writes",
        form: SWITCH,
        about: "whether a command that writes keys of several slots is split, and not atomic, or fails",
        applies: Applies::ToClusters,
        set: |config, value| Some(config.with_split_writes(switch(value)?)),
        show: |config| Some(show_switch(config.split_writes())),
    },
    UrlOption {
        name: "refresh_interval",
        methods: "with_refresh_interval",
        form: DURATION,
        about: "how much time passes at least between two times of asking what the deployment looks like",
        applies: Applies::ToSeveral,
        set: |config, value| Some(config.with_refresh_interval(duration(value)?)),
        show: |config| Some(show_duration(config.refresh_interval())),
    },
    UrlOption {
        name: "refresh_every",
        methods: "with_refresh_every, without_refresh_every",
        form: DURATION_OR_NONE,
        about: "after how much time that is asked also where nothing gives reason to",
        applies: Applies::ToSeveral,
        set: |config, value| {
            Some(match duration_or_none(value)? {
                Some(time) => config.with_refresh_every(time),
                None => config.without_refresh_every(),
            })
        },
        show: |config| Some(show_duration_or_none(config.refresh_every())),
    },
];

fn read_from(value: &str) -> Option<ReadFrom> {
    Some(match value {
        "primary" => ReadFrom::Primary,
        "prefer_replica" => ReadFrom::PreferReplica,
        "replica" => ReadFrom::Replica,
        "lowest_latency" => ReadFrom::LowestLatency,
        zone => ReadFrom::Zone(zone.strip_prefix(ZONE)?.into()),
    })
}

fn show_read_from(read_from: &ReadFrom) -> Option<String> {
    Some(match read_from {
        ReadFrom::Primary => "primary".to_owned(),
        ReadFrom::PreferReplica => "prefer_replica".to_owned(),
        ReadFrom::Replica => "replica".to_owned(),
        ReadFrom::LowestLatency => "lowest_latency".to_owned(),
        ReadFrom::Zone(zone) => format!("{ZONE}{zone}"),
    })
}

const ZONE: &str = "zone:";
