//! Cluster: <https://redis.io/docs/latest/commands/?group=cluster>.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use super::moment::UnixMilliseconds;
use super::options::FlushOptions;
use super::{keyed, keyless, known, milliseconds};
use crate::command::{ConversionError, Elements, Executor, Fields, FromReply, Reply, Request, ToArg, ToArgs, Value};

/// Commands on a cluster, by which a node says what it knows of it, and by which it is set up. A server that is no node of
/// a cluster answers an error to all of them.
///
/// With a client of a [cluster](crate::Config::cluster) each goes to whichever primary, or if it asks about a slot
/// (`CLUSTER COUNTKEYSINSLOT`, `CLUSTER GETKEYSINSLOT`), to the one that has it. A certain node is asked, and set up, by a client
/// of its own address ([`Config::tcp`](crate::Config::tcp)). What the client itself makes of it:
/// [`Client::topology`](crate::Client::topology).
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use steadfast::api::Cluster;
///
/// if client.cluster_info().await?.state == "ok" {
///     for shard in client.cluster_shards().await? {
///         println!("{:?}: {} nodes", shard.slots, shard.nodes.len());
///     }
/// }
/// let slot = client.cluster_keyslot("user:7").await?;
/// # Ok(())
/// # }
/// ```
pub trait Cluster: Executor {
    /// Gives the node slots that nobody has, at least one.
    /// Since 3.0. <https://redis.io/docs/latest/commands/cluster-addslots/>
    fn cluster_addslots(self, slots: impl ToArgs) -> Request<Self, ()> {
        keyless(self, const { known("CLUSTER ADDSLOTS") }).with(slots)
    }

    /// Gives the node ranges of slots that nobody has: pairs of the first and the last.
    /// Since 7.0. <https://redis.io/docs/latest/commands/cluster-addslotsrange/>
    fn cluster_addslotsrange(self, ranges: impl ToArgs) -> Request<Self, ()> {
        keyless(self, const { known("CLUSTER ADDSLOTSRANGE") }).with(ranges)
    }

    /// Gives the node the highest configuration epoch of the cluster, if it does not have it. The server's words about it,
    /// with the epoch: `BUMPED 3` or `STILL 3`.
    /// Since 3.0. <https://redis.io/docs/latest/commands/cluster-bumpepoch/>
    fn cluster_bumpepoch(self) -> Request<Self, String> {
        keyless(self, const { known("CLUSTER BUMPEPOCH") })
    }

    /// Ends the migrations of slots away from this node.
    /// Valkey 9.0. <https://valkey.io/commands/cluster-cancelslotmigrations/>
    fn cluster_cancelslotmigrations(self) -> Request<Self, ()> {
        keyless(self, const { known("CLUSTER CANCELSLOTMIGRATIONS") })
    }

    /// How many nodes say that a node has failed.
    /// Since 3.0. <https://redis.io/docs/latest/commands/cluster-count-failure-reports/>
    fn cluster_count_failure_reports(self, node: impl ToArg) -> Request<Self, u64> {
        keyless(self, const { known("CLUSTER COUNT-FAILURE-REPORTS") }).with(node)
    }

    /// How many keys this node has in a slot.
    /// Since 3.0. <https://redis.io/docs/latest/commands/cluster-countkeysinslot/>
    fn cluster_countkeysinslot(self, slot: u16) -> Request<Self, u64> {
        keyless(self, const { known("CLUSTER COUNTKEYSINSLOT") }).with(slot)
    }

    /// The node forgets who has these slots, at least one.
    /// Since 3.0. <https://redis.io/docs/latest/commands/cluster-delslots/>
    fn cluster_delslots(self, slots: impl ToArgs) -> Request<Self, ()> {
        keyless(self, const { known("CLUSTER DELSLOTS") }).with(slots)
    }

    /// The node forgets who has these ranges of slots: pairs of the first and the last.
    /// Since 7.0. <https://redis.io/docs/latest/commands/cluster-delslotsrange/>
    fn cluster_delslotsrange(self, ranges: impl ToArgs) -> Request<Self, ()> {
        keyless(self, const { known("CLUSTER DELSLOTSRANGE") }).with(ranges)
    }

    /// This replica begins to take the place of its primary, in agreement with it. Options are methods of the request:
    /// [`force`](ClusterFailoverOptions), [`takeover`](ClusterFailoverOptions).
    /// Since 3.0. <https://redis.io/docs/latest/commands/cluster-failover/>
    fn cluster_failover(self) -> Request<Self, (), ClusterFailoverOptions> {
        keyless::<_, ()>(self, const { known("CLUSTER FAILOVER") }).marked()
    }

    /// Deletes all keys of a slot. Options are methods of the request: [`asynchronous`](FlushOptions),
    /// [`synchronous`](FlushOptions).
    /// Valkey 9.0. <https://valkey.io/commands/cluster-flushslot/>
    fn cluster_flushslot(self, slot: u16) -> Request<Self, (), FlushOptions> {
        keyless::<_, ()>(self, const { known("CLUSTER FLUSHSLOT") }).with(slot).marked()
    }

    /// Takes all slots from the node, which must be empty.
    /// Since 3.0. <https://redis.io/docs/latest/commands/cluster-flushslots/>
    fn cluster_flushslots(self) -> Request<Self, ()> {
        keyless(self, const { known("CLUSTER FLUSHSLOTS") })
    }

    /// The node forgets another one, and does not take it up again for a minute.
    /// Since 3.0. <https://redis.io/docs/latest/commands/cluster-forget/>
    fn cluster_forget(self, node: impl ToArg) -> Request<Self, ()> {
        keyless(self, const { known("CLUSTER FORGET") }).with(node)
    }

    /// Keys that this node has in a slot, at most so many.
    /// Since 3.0. <https://redis.io/docs/latest/commands/cluster-getkeysinslot/>
    fn cluster_getkeysinslot<T: FromReply>(self, slot: u16, count: u32) -> Request<Self, Vec<T>> {
        keyless(self, const { known("CLUSTER GETKEYSINSLOT") }).with((slot, count))
    }

    /// The migrations of slots from and to this node, those that are being made and the latest that ended: for each a map
    /// with `name`, `operation`, `slot_ranges`, `state`, `message` and others. `T` is a map of [`Value`](crate::Value)s, for
    /// example.
    /// Valkey 9.0. <https://valkey.io/commands/cluster-getslotmigrations/>
    fn cluster_getslotmigrations<T: FromReply>(self) -> Request<Self, Vec<T>> {
        keyless(self, const { known("CLUSTER GETSLOTMIGRATIONS") })
    }

    /// The server's help on CLUSTER, line by line.
    /// Since 5.0. <https://redis.io/docs/latest/commands/cluster-help/>
    fn cluster_help(self) -> Request<Self, Vec<String>> {
        keyless(self, const { known("CLUSTER HELP") })
    }

    /// How the cluster stands, as this node sees it.
    /// Since 3.0. <https://redis.io/docs/latest/commands/cluster-info/>
    fn cluster_info(self) -> Request<Self, ClusterInfo> {
        keyless(self, const { known("CLUSTER INFO") })
    }

    /// The slot of a key, as the server reckons it; [`Slot::of`](crate::Slot::of) does so without asking.
    /// Since 3.0. <https://redis.io/docs/latest/commands/cluster-keyslot/>
    fn cluster_keyslot(self, key: impl ToArg) -> Request<Self, u16> {
        keyless(self, const { known("CLUSTER KEYSLOT") }).with(key)
    }

    /// The connections between this node and others, two for each.
    /// Since 7.0. <https://redis.io/docs/latest/commands/cluster-links/>
    fn cluster_links(self) -> Request<Self, Vec<ClusterLink>> {
        keyless(self, const { known("CLUSTER LINKS") })
    }

    /// Makes the node known to another one, and so to its cluster. Options are methods of the request:
    /// [`bus_port`](ClusterMeetOptions).
    /// Since 3.0. <https://redis.io/docs/latest/commands/cluster-meet/>
    fn cluster_meet(self, ip: impl ToArg, port: u16) -> Request<Self, (), ClusterMeetOptions> {
        keyless::<_, ()>(self, const { known("CLUSTER MEET") }).with((ip, port)).marked()
    }

    /// Begins to move ranges of slots, pairs of the first and the last, from this node to another one. Options are methods
    /// of the request: [`and`](ClusterMigrateslotsOptions).
    /// Valkey 9.0. <https://valkey.io/commands/cluster-migrateslots/>
    fn cluster_migrateslots(
        self,
        ranges: impl ToArgs,
        node: impl ToArg,
    ) -> Request<Self, (), ClusterMigrateslotsOptions> {
        let words = ("SLOTSRANGE", ranges, "NODE", node);
        keyless::<_, ()>(self, const { known("CLUSTER MIGRATESLOTS") }).with(words).marked()
    }

    /// The node's name in the cluster.
    /// Since 3.0. <https://redis.io/docs/latest/commands/cluster-myid/>
    fn cluster_myid(self) -> Request<Self, String> {
        keyless(self, const { known("CLUSTER MYID") })
    }

    /// The name of the node's shard.
    /// Since 7.2. <https://redis.io/docs/latest/commands/cluster-myshardid/>
    fn cluster_myshardid(self) -> Request<Self, String> {
        keyless(self, const { known("CLUSTER MYSHARDID") })
    }

    /// The nodes of the cluster as this one knows them, a line each, as in its configuration file.
    /// Since 3.0. <https://redis.io/docs/latest/commands/cluster-nodes/>
    fn cluster_nodes(self) -> Request<Self, String> {
        keyless(self, const { known("CLUSTER NODES") })
    }

    /// The replicas of a primary, each in a line as [`cluster_nodes`](Self::cluster_nodes) has it.
    /// Since 5.0. <https://redis.io/docs/latest/commands/cluster-replicas/>
    fn cluster_replicas(self, node: impl ToArg) -> Request<Self, Vec<String>> {
        keyless(self, const { known("CLUSTER REPLICAS") }).with(node)
    }

    /// Makes the node a replica of a primary.
    /// Since 3.0. <https://redis.io/docs/latest/commands/cluster-replicate/>
    fn cluster_replicate(self, node: impl ToArg) -> Request<Self, ()> {
        keyless(self, const { known("CLUSTER REPLICATE") }).with(node)
    }

    /// Makes this replica a primary without slots and without keys (`CLUSTER REPLICATE NO ONE`).
    /// Valkey 9.0. <https://valkey.io/commands/cluster-replicate/>
    fn cluster_replicate_no_one(self) -> Request<Self, ()> {
        keyless(self, const { known("CLUSTER REPLICATE") }).with(("NO", "ONE"))
    }

    /// The node leaves its cluster, and forgets it. Options are methods of the request: [`hard`](ClusterResetOptions),
    /// [`soft`](ClusterResetOptions).
    /// Since 3.0. <https://redis.io/docs/latest/commands/cluster-reset/>
    fn cluster_reset(self) -> Request<Self, (), ClusterResetOptions> {
        keyless::<_, ()>(self, const { known("CLUSTER RESET") }).marked()
    }

    /// Writes what the node knows of the cluster to its file.
    /// Since 3.0. <https://redis.io/docs/latest/commands/cluster-saveconfig/>
    fn cluster_saveconfig(self) -> Request<Self, ()> {
        keyless(self, const { known("CLUSTER SAVECONFIG") })
    }

    /// Gives a new node, which knows no other, a configuration epoch.
    /// Since 3.0. <https://redis.io/docs/latest/commands/cluster-set-config-epoch/>
    fn cluster_set_config_epoch(self, epoch: u64) -> Request<Self, ()> {
        keyless(self, const { known("CLUSTER SET-CONFIG-EPOCH") }).with(epoch)
    }

    /// Says who has a slot, or that it is being moved. Options are methods of the request:
    /// [`timeout`](ClusterSetslotOptions).
    /// Since 3.0. <https://redis.io/docs/latest/commands/cluster-setslot/>
    fn cluster_setslot(self, slot: u16, state: SlotState<'_>) -> Request<Self, (), ClusterSetslotOptions> {
        let request = keyless::<_, ()>(self, const { known("CLUSTER SETSLOT") }).with(slot);
        let request = match state {
            SlotState::Importing { from } => request.with(("IMPORTING", from)),
            SlotState::Migrating { to } => request.with(("MIGRATING", to)),
            SlotState::Node(owner) => request.with(("NODE", owner)),
            SlotState::Stable => request.with("STABLE"),
        };
        request.marked()
    }

    /// The shards of the cluster: who has which slots.
    /// Since 7.0. <https://redis.io/docs/latest/commands/cluster-shards/>
    fn cluster_shards(self) -> Request<Self, Vec<ClusterShard>> {
        keyless(self, const { known("CLUSTER SHARDS") })
    }

    /// As [`cluster_replicas`](Self::cluster_replicas).
    /// Since 3.0. <https://redis.io/docs/latest/commands/cluster-slaves/>
    /// Deprecated since 5.0: use [`cluster_replicas`](Self::cluster_replicas).
    fn cluster_slaves(self, node: impl ToArg) -> Request<Self, Vec<String>> {
        keyless(self, const { known("CLUSTER SLAVES") }).with(node)
    }

    /// The slots of this node with what is counted of them, such as `key-count`. Which slots is said by a method of the
    /// request, one of them: [`slotsrange`](ClusterSlotStatsOptions), [`orderby`](ClusterSlotStatsOptions).
    /// Redis 8.2, Valkey 8.0. <https://redis.io/docs/latest/commands/cluster-slot-stats/>
    fn cluster_slot_stats(self) -> Request<Self, Vec<ClusterSlotStats>, ClusterSlotStatsOptions> {
        keyless::<_, ()>(self, const { known("CLUSTER SLOT-STATS") }).marked()
    }

    /// The ranges of slots and the nodes that have them, the primary first.
    /// Since 3.0. <https://redis.io/docs/latest/commands/cluster-slots/>
    /// Deprecated since 7.0: use [`cluster_shards`](Self::cluster_shards).
    fn cluster_slots(self) -> Request<Self, Vec<ClusterSlots>> {
        keyless(self, const { known("CLUSTER SLOTS") })
    }

    /// A page of the keys of the cluster, in no order, and where the next page begins: on this node or another one, to
    /// which the cursor leads as a key would. Options are methods of the request: [`cursor`](ClusterscanOptions),
    /// [`matching`](ClusterscanOptions), [`count`](ClusterscanOptions), [`of_type`](ClusterscanOptions),
    /// [`slot`](ClusterscanOptions).
    ///
    /// A key that was there from the first page to the last comes at least once, perhaps several times.
    /// Valkey 9.1. <https://valkey.io/commands/clusterscan/>
    fn clusterscan<T: FromReply>(self) -> Request<Self, ClusterPage<T>, ClusterscanOptions> {
        keyed::<_, ()>(self, const { known("CLUSTERSCAN") }, 0).marked()
    }
}

impl<E: Executor> Cluster for E {}

/// Marks a request of [`Cluster::cluster_failover`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+ClusterFailoverOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct ClusterFailoverOptions;

/// Options of [`Cluster::cluster_failover`]; one of them.
impl<E, T> Request<E, T, ClusterFailoverOptions> {
    /// Without the primary, which may be gone.
    pub fn force(self) -> Self {
        self.with("FORCE")
    }

    /// Without the primary, and without asking the cluster.
    pub fn takeover(self) -> Self {
        self.with("TAKEOVER")
    }
}

/// Marks a request of [`Cluster::cluster_meet`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+ClusterMeetOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct ClusterMeetOptions;

/// Options of [`Cluster::cluster_meet`].
impl<E, T> Request<E, T, ClusterMeetOptions> {
    /// The other node's port for nodes. Default: its port plus 10,000. Since 4.0.
    pub fn bus_port(self, port: u16) -> Self {
        self.with(port)
    }
}

/// Marks a request of [`Cluster::cluster_migrateslots`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+ClusterMigrateslotsOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct ClusterMigrateslotsOptions;

/// Options of [`Cluster::cluster_migrateslots`].
impl<E, T> Request<E, T, ClusterMigrateslotsOptions> {
    /// Other ranges to another node too.
    pub fn and(self, ranges: impl ToArgs, node: impl ToArg) -> Self {
        self.with(("SLOTSRANGE", ranges, "NODE", node))
    }
}

/// Marks a request of [`Cluster::cluster_reset`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+ClusterResetOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct ClusterResetOptions;

/// Options of [`Cluster::cluster_reset`]; one of them.
impl<E, T> Request<E, T, ClusterResetOptions> {
    /// It gets a new name too, and its epochs go back to 0.
    pub fn hard(self) -> Self {
        self.with("HARD")
    }

    /// It keeps its name. The default.
    pub fn soft(self) -> Self {
        self.with("SOFT")
    }
}

/// Marks a request of [`Cluster::cluster_setslot`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+ClusterSetslotOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct ClusterSetslotOptions;

/// Options of [`Cluster::cluster_setslot`].
impl<E, T> Request<E, T, ClusterSetslotOptions> {
    /// How long it waits for the replicas, in milliseconds, rounded up. Default: 2 s. Valkey 8.0.
    pub fn timeout(self, limit: Duration) -> Self {
        self.with(("TIMEOUT", milliseconds(limit)))
    }
}

/// Marks a request of [`Cluster::cluster_slot_stats`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+ClusterSlotStatsOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct ClusterSlotStatsOptions;

/// Options of [`Cluster::cluster_slot_stats`]: either `slotsrange`, or `orderby` and what comes behind it.
impl<E, T> Request<E, T, ClusterSlotStatsOptions> {
    /// The slots from this one to that one, those of other nodes left out.
    pub fn slotsrange(self, first: u16, last: u16) -> Self {
        self.with(("SLOTSRANGE", first, last))
    }

    /// All slots in the order of what is counted, such as `key-count`, the largest first.
    pub fn orderby(self, metric: impl ToArg) -> Self {
        self.with(("ORDERBY", metric))
    }

    /// At most so many.
    pub fn limit(self, slots: u16) -> Self {
        self.with(("LIMIT", slots))
    }

    /// The smallest first.
    pub fn asc(self) -> Self {
        self.with("ASC")
    }

    /// The largest first. The default.
    pub fn desc(self) -> Self {
        self.with("DESC")
    }
}

/// Marks a request of [`Cluster::clusterscan`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+ClusterscanOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct ClusterscanOptions;

/// Options of [`Cluster::clusterscan`].
impl<E, T> Request<E, T, ClusterscanOptions> {
    /// Where to begin: the cursor of the page before. Default: `0`, the beginning.
    pub fn cursor(self, cursor: impl ToArg) -> Self {
        self.put(1, cursor)
    }

    /// Only keys that match the [pattern](https://redis.io/docs/latest/commands/keys/).
    pub fn matching(self, pattern: impl ToArg) -> Self {
        self.with(("MATCH", pattern))
    }

    /// How many keys the server looks at for one page, about. Default: 10.
    pub fn count(self, keys: u32) -> Self {
        self.with(("COUNT", keys))
    }

    /// Only keys of this type: `string`, `list`, `set`, `zset`, `hash`, `stream`, or a module's.
    pub fn of_type(self, name: impl ToArg) -> Self {
        self.with(("TYPE", name))
    }

    /// Only the keys of this slot.
    pub fn slot(self, slot: u16) -> Self {
        self.with(("SLOT", slot))
    }
}

/// Who has a slot, or where it is being moved; nodes by their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SlotState<'a> {
    /// This node is getting it from another one.
    Importing {
        /// From which.
        from: &'a str,
    },
    /// This node is giving it to another one.
    Migrating {
        /// To which.
        to: &'a str,
    },
    /// This node has it.
    Node(&'a str),
    /// It is not being moved any more.
    Stable,
}

/// How the cluster stands, as a node sees it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ClusterInfo {
    /// `ok`, or `fail`: the node answers no commands on keys.
    pub state: String,
    /// How many slots are someone's. Should be 16,384.
    pub slots_assigned: u16,
    /// How many slots are those of nodes that answer.
    pub slots_ok: u16,
    /// How many slots are those of nodes that do not answer this one.
    pub slots_pfail: u16,
    /// How many slots are those of nodes that have failed.
    pub slots_fail: u16,
    /// How many nodes this one knows, itself too.
    pub known_nodes: u32,
    /// How many primaries have slots.
    pub size: u32,
    /// The cluster's epoch.
    pub current_epoch: u64,
    /// The node's epoch.
    pub my_epoch: u64,
    /// Everything that the server says, by name.
    pub fields: HashMap<String, String>,
}

impl FromReply for ClusterInfo {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let text = String::from_reply(reply)?;
        let lines = text.lines().filter_map(|line| line.split_once(':'));
        let fields: HashMap<_, _> = lines.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
        Ok(Self {
            state: field(&fields, "cluster_state")?,
            slots_assigned: field(&fields, "cluster_slots_assigned")?,
            slots_ok: field(&fields, "cluster_slots_ok")?,
            slots_pfail: field(&fields, "cluster_slots_pfail")?,
            slots_fail: field(&fields, "cluster_slots_fail")?,
            known_nodes: field(&fields, "cluster_known_nodes")?,
            size: field(&fields, "cluster_size")?,
            current_epoch: field(&fields, "cluster_current_epoch")?,
            my_epoch: field(&fields, "cluster_my_epoch")?,
            fields,
        })
    }
}

fn field<T: std::str::FromStr>(fields: &HashMap<String, String>, name: &str) -> Result<T, ConversionError> {
    let wrong = || ConversionError::new("lines about a cluster", format!("no good one called '{name}'"));
    fields.get(name).and_then(|value| value.parse().ok()).ok_or_else(wrong)
}

/// A connection between nodes.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ClusterLink {
    /// `to` the other node, or `from` it.
    pub direction: String,
    /// The other node's name.
    pub node: String,
    /// When it was made.
    pub create_time: SystemTime,
    /// What it waits for: `r`, to read, `w`, to write.
    pub events: String,
    /// How many bytes its send buffer may hold as it is.
    pub send_buffer_allocated: u64,
    /// How many bytes its send buffer holds.
    pub send_buffer_used: u64,
}

impl FromReply for ClusterLink {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let fields = Fields::of(reply)?;
        Ok(Self {
            direction: fields.required("direction")?,
            node: fields.required("node")?,
            create_time: fields.required::<UnixMilliseconds>("create-time")?.0,
            events: fields.required("events")?,
            send_buffer_allocated: fields.required("send-buffer-allocated")?,
            send_buffer_used: fields.required("send-buffer-used")?,
        })
    }
}

/// A part of a cluster: slots, and the nodes that have them.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ClusterShard {
    /// Its ranges of slots, the first and the last of each.
    pub slots: Vec<(u16, u16)>,
    /// Its nodes, in no order.
    pub nodes: Vec<ClusterShardNode>,
    /// Its name. Valkey 8.1.
    pub id: Option<String>,
}

impl FromReply for ClusterShard {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let fields = Fields::of(reply)?;
        Ok(Self { slots: fields.required("slots")?, nodes: fields.required("nodes")?, id: fields.optional("id")? })
    }
}

/// A node of a shard.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ClusterShardNode {
    /// Its name.
    pub id: String,
    /// What clients should connect to: an address or a name, as the server's setting `cluster-preferred-endpoint-type`
    /// says. Empty or `?`: the one that this answer came from.
    pub endpoint: String,
    /// Its IP address.
    pub ip: String,
    /// Its name in the DNS, if it says one.
    pub hostname: Option<String>,
    /// Its port, if it has one without TLS.
    pub port: Option<u16>,
    /// Its port with TLS, if it has one.
    pub tls_port: Option<u16>,
    /// `master` or `replica`.
    pub role: String,
    /// How far its replication stream is, in bytes.
    pub replication_offset: i64,
    /// `online`, `failed`, or `loading`.
    pub health: String,
}

impl FromReply for ClusterShardNode {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let fields = Fields::of(reply)?;
        Ok(Self {
            id: fields.required("id")?,
            endpoint: fields.optional("endpoint")?.unwrap_or_default(),
            ip: fields.required("ip")?,
            hostname: fields.optional::<String>("hostname")?.filter(|name| !name.is_empty()),
            port: fields.optional("port")?,
            tls_port: fields.optional("tls-port")?,
            role: fields.required("role")?,
            replication_offset: fields.required("replication-offset")?,
            health: fields.required("health")?,
        })
    }
}

/// A range of slots, and the nodes that have it.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ClusterSlots {
    /// The first slot.
    pub start: u16,
    /// The last slot.
    pub end: u16,
    /// The nodes, the primary first.
    pub nodes: Vec<ClusterSlotsNode>,
}

impl FromReply for ClusterSlots {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let mut elements = Elements::of(reply)?;
        let (start, end) = (elements.required()?, elements.required()?);
        let nodes = elements.rest().map(ClusterSlotsNode::from_reply).collect::<Result<_, _>>()?;
        Ok(Self { start, end, nodes })
    }
}

/// A node that has a range of slots.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ClusterSlotsNode {
    /// What clients should connect to; `None` or empty: the one that this answer came from.
    pub endpoint: Option<String>,
    /// Its port, with TLS if the question came with TLS.
    pub port: u16,
    /// Its name in the cluster. Since 4.0.
    pub id: Option<String>,
    /// Other ways to reach it: `ip`, `hostname`, and others. Since 7.0.
    pub metadata: HashMap<String, Value>,
}

impl FromReply for ClusterSlotsNode {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let mut elements = Elements::of(reply)?;
        Ok(Self {
            endpoint: elements.required()?,
            port: elements.required()?,
            id: elements.optional()?,
            metadata: elements.optional()?.unwrap_or_default(),
        })
    }
}

/// What one call of `CLUSTERSCAN` answers: some of the keys, perhaps none, and where to go on.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ClusterPage<T> {
    /// Where the next page begins; `0` after the last page.
    pub cursor: String,
    /// The keys. One can come several times, on this page or another.
    pub items: Vec<T>,
}

impl<T: FromReply> FromReply for ClusterPage<T> {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let (cursor, items) = FromReply::from_reply(reply)?;
        Ok(Self { cursor, items })
    }
}

/// What a node counts of a slot.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ClusterSlotStats {
    /// The slot.
    pub slot: u16,
    /// How many keys it has.
    pub key_count: u64,
    /// Everything that is counted, by name, such as `key-count`, `cpu-usec`, `network-bytes-in`, `network-bytes-out`: most of
    /// it only if the server's settings say so.
    pub fields: HashMap<String, u64>,
}

impl FromReply for ClusterSlotStats {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let mut elements = Elements::of(reply)?;
        let (slot, fields): (u16, HashMap<String, u64>) = (elements.required()?, elements.required()?);
        Ok(Self { slot, key_count: fields.get("key-count").copied().unwrap_or_default(), fields })
    }
}
