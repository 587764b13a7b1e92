//! The typed commands, each defined once, grouped as the Redis documentation groups them.
//!
//! Every group is a trait; `use steadfast::api::*;` brings them all.
//!
//! ```no_run
//! # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
//! use std::time::Duration;
//! use steadfast::api::*;
//!
//! // What a command gives is a request, which is awaited.
//! let added = client.sadd("online", ["alice", "bob"]).await?;
//!
//! // Your own data is read as the type that you name.
//! let members: Vec<String> = client.smembers("online").await?;
//!
//! // Options are methods of the request. Some change the answer: with NX, SET says whether it was set.
//! let locked: bool = client.set("lock", "me").nx().ex(Duration::from_secs(10)).await?;
//!
//! // Settings that each request has are methods too.
//! let visits = client.incr("visits").deadline(Duration::from_millis(200)).await?;
//!
//! // In a pipeline or a transaction the same methods are queued.
//! let mut pipeline = client.pipeline();
//! let queued = (pipeline.scard("online").queue(), pipeline.get::<String>("name").queue());
//! let (online, name) = pipeline.execute().await.get(queued)?;
//! # Ok(())
//! # }
//! ```
//!
//! # Groups
//!
//! | group | for example |
//! |---|---|
//! | [`Keys`] | `del`, `exists`, `expire`, `ttl`, `rename`, `scan`, `sort` |
//! | [`Strings`] | `get`, `set`, `mget`, `incrby`, `getex`, `append` |
//! | [`Hashes`] | `hget`, `hset`, `hgetall`, `hincrby`, `hsetex`, `hscan` |
//! | [`Lists`] | `lpush`, `rpop`, `lrange`, `lmove`, `ltrim`, `blpop` |
//! | [`Sets`] | `sadd`, `smembers`, `sismember`, `sinter`, `sscan` |
//! | [`SortedSets`] | `zadd`, `zrange`, `zscore`, `zrank`, `zpopmin`, `zunionstore` |
//! | [`Streams`] | `xadd`, `xrange`, `xreadgroup`, `xack`, `xautoclaim` |
//! | [`Bitmaps`], [`HyperLogLog`], [`Geo`] | `setbit`, `bitfield`; `pfadd`, `pfcount`; `geoadd`, `geosearch` |
//! | [`JsonDocuments`], [`VectorSets`] | `json_get`, `json_set`; `vadd`, `vsim` |
//! | [`Search`], [`Probabilistic`] | `ft_create`, `ft_search`; `bf_add`, `cms_query`, `topk_list`, `tdigest_quantile` |
//! | [`Scripting`] | `eval`, `fcall`, `function_load`; for a script of your own rather [`Script`](crate::Script) |
//! | [`PubSub`] | `publish`, `pubsub_channels` |
//! | [`Connection`], [`Server`], [`Acl`], [`Cluster`] | `ping`, `client_list`; `info`, `config_set`, `slowlog_get`; `acl_setuser`; `cluster_shards` |
//! | [`OwnConnection`] | `watch`, `wait`, `select`: only on a connection of one's own |
//!
//! # How to read a signature
//!
//! `fn zadd(self, key: impl ToArg, members: impl ToArgs) -> Request<Self, u64, ZaddOptions>`
//!
//! | part | means |
//! |---|---|
//! | `self` | a `&Client`, a `&Dedicated`, a `&mut Pipeline` or a `&mut Transaction`: an [`Executor`] |
//! | `impl ToArg` | [one argument](ToArg): a string, a number, bytes |
//! | `impl ToArgs` | [one or many](ToArgs): also a tuple, an array, a vector, a set, a map. Pairs are `("a", 1)`, `[("a", 1), ("b", 2)]` or a map |
//! | `u64` | what the answer is converted to. Where it is a `T`, any [`FromReply`] that you name |
//! | `ZaddOptions` | the mark of its options: the methods of `Request<_, _, ZaddOptions>`. Its page, in [`options`], leads to them |
//!
//! # Names, times, nothing
//!
//! Names are those of Redis in one word (`incrby`, `hgetall`), and of two words with `_` between (`config_set`). Times are
//! [`Duration`]s and [`SystemTime`]s, and sent in milliseconds. Where nothing is there, the answer is `None`, or empty.
//!
//! # Answers that do not fit
//!
//! The answer is converted after the command has run. One that does not fit its type ends in
//! [`ErrorKind::Conversion`](crate::ErrorKind::Conversion), and what the command has taken away (`LPOP`, `SPOP`, `ZPOPMIN`,
//! `GETDEL`, `XREADGROUP` with `noack`) is in that answer and nowhere else. So where values need not be UTF-8, or not all of
//! one type, take them as `Vec<u8>` or [`Bytes`](bytes::Bytes), which fit every string, or the whole answer as a
//! [`Value`](crate::Value) by [`answer_as`](Request::answer_as). The answers of a pipeline or a transaction
//! can be [read again](crate::client::Results::iter) as another type.
//!
//! # Commands that wait
//!
//! Those on lists and sorted sets that begin with `b` (`blpop`, `bzpopmin`), and `xread` and `xreadgroup` with `block`, wait
//! on the server until there is something for them. Nobody is held up: each has a connection from a pool to itself until
//! it is answered. In a pipeline and in a transaction they are not sent, and fail with
//! [`NeedsDedicated`](crate::ErrorKind::NeedsDedicated).
//!
//! **Time.** A timeout is sent in whole milliseconds, rounded up; servers before 6.0 take whole seconds only, except from
//! `block`. When it is over the answer is `None`, or empty. [`Duration::ZERO`] waits without end, as `0` does for servers.
//!
//! **Deadline.** The client's default deadline does not cut the timeout short: it is added to it, and a command that waits
//! without end has none. A deadline that is given, by [`Request::deadline`] or
//! [`Client::with_deadline`](crate::Client::with_deadline), does: it ends the call, with
//! [`Timeout`](crate::ErrorKind::Timeout).
//!
//! **Giving up.** When the deadline ends the call, or its future is dropped, the server is told to wait no longer. What it took
//! out for the caller in that very moment goes to the hook of
//! [`Config::with_orphan_hook`](crate::Config::with_orphan_hook); without one it is lost, though counted. What is moved
//! (`blmove`) goes to the hook too, but is where it was to go, and what a group delivered without `noack` is pending: those
//! are not lost.
//!
//! **Reconnection.** Once sent it is never sent again: if the connection is lost, nobody knows whether something was taken
//! out, and the error says [`Unknown`](crate::Fate::Unknown).
//!
//! # What is not here
//!
//! Any other command, of a module for example, and any option that a command does not have here, goes through
//! [`Client::request`](crate::Client::request). What the client does by itself has no function: `AUTH`, `HELLO` and `ASKING`, for
//! example.

mod acl;
mod bitmaps;
mod cluster;
mod connection;
mod geo;
mod hashes;
mod hyperloglog;
mod json;
mod keys;
mod lists;
#[cfg(test)]
mod lying_server;
mod moment;
mod own_connection;
mod probabilistic;
mod pubsub;
mod scripting;
mod search;
mod server;
mod sets;
mod sorted_sets;
mod stream_answers;
mod stream_id;
mod streams;
mod strings;
mod vector_sets;
mod zset_bounds;

pub use acl::{Acl, AclLogEntry, AclSelector, AclUser};
pub use bitmaps::{BitOperation, BitfieldElement, BitfieldOverflow, BitfieldType, Bitmaps};
pub use cluster::{
    Cluster, ClusterInfo, ClusterLink, ClusterPage, ClusterShard, ClusterShardNode, ClusterSlotStats, ClusterSlots,
    ClusterSlotsNode, SlotState,
};
pub use connection::{ClientAttribute, ClientType, ConnectedClient, Connection, Switch, TrackingInfo};
pub use geo::{FromMember, Geo, GeoFound, GeoOrigin, GeoPosition, GeoShape, GeoUnit};
pub use hashes::{FieldExpiry, Hashes};
pub use hyperloglog::HyperLogLog;
pub use json::JsonDocuments;
pub use keys::{ExpireTime, Keys, TimeToLive};
pub use lists::{End, Lists, Place};
pub use own_connection::OwnConnection;
pub use probabilistic::{BloomInfo, CountMinInfo, CuckooInfo, Probabilistic, TDigestInfo, TopKInfo};
pub use pubsub::PubSub;
pub use scripting::{FunctionEngine, FunctionLibrary, FunctionStats, LibraryFunction, RunningFunction, Scripting};
pub use search::{
    AggregateResults, Document, IndexInfo, SchemaField, Search, SearchResults, VectorDistance, VectorIndex,
};
pub use server::{
    CommandInfo, CommandLog, CommandLogEntry, ConnectedReplica, LatencyEvent, LatencyHistogram, LatencySample,
    ModuleInfo, Role, Server, SlowlogEntry,
};
pub use sets::Sets;
pub use sorted_sets::{Aggregate, Extreme, SortedSets};
pub use stream_answers::{
    Claimed, EntryDeletion, PendingEntry, PendingSummary, StreamConsumer, StreamEntry, StreamGroup, StreamSummary,
    StreamsRead,
};
pub use stream_id::{ExclusiveStreamId, StreamId, StreamTrim};
pub use streams::Streams;
pub use strings::{LcsMatch, LcsMatches, Strings};
pub use vector_sets::{RawVector, Vector, VectorSetInfo, VectorSets};
pub use zset_bounds::{LexBound, ScoreBound, ZrangeBound};

/// What marks the requests of commands with options, so that these are methods of those requests alone.
///
/// A mark is written only where a function of your own returns such a request. It is what the signature of a command
/// leads to, and leads on to the options, on the page of [`Request`].
pub mod options {
    pub use super::acl::{AclCatOptions, AclGenpassOptions, AclLogOptions};
    pub use super::bitmaps::{BitcountOptions, BitfieldOptions, BitfieldRoOptions, BitposOptions};
    pub use super::cluster::{
        ClusterFailoverOptions, ClusterMeetOptions, ClusterMigrateslotsOptions, ClusterResetOptions,
        ClusterSetslotOptions, ClusterSlotStatsOptions, ClusterscanOptions,
    };
    pub use super::connection::{ClientFilterOptions, ClientPauseOptions, ClientUnblockOptions, PingOptions};
    pub use super::geo::{
        GeoSearching, GeoaddOptions, GeodistOptions, GeoradiusOptions, GeosearchDetailOptions, GeosearchOptions,
        GeosearchstoreOptions,
    };
    pub use super::hashes::{HexpireOptions, HgetexOptions, HrandfieldCountOptions, HrandfieldOptions, HsetexOptions};
    pub use super::json::{JsonArrindexOptions, JsonArrpopOptions, JsonGetOptions, JsonSetOptions};
    pub use super::keys::{CopyOptions, ExpireOptions, MigrateOptions, RestoreOptions, SortOptions};
    pub use super::lists::{LmpopOptions, LposOptions, PopOptions};
    pub use super::probabilistic::{
        BfInsertOptions, BfReserveOptions, CfInsertOptions, CfReserveOptions, CmsMergeOptions, TdigestCreateOptions,
        TdigestMergeOptions, TopkListOptions, TopkReserveOptions,
    };
    pub use super::pubsub::PubsubChannelsOptions;
    pub use super::scripting::{FlushOptions, FunctionListOptions, FunctionLoadOptions, FunctionRestoreOptions};
    pub use super::search::{
        AnswerShape, DocumentIds, Documents, FtAggregateOptions, FtCreateOptions, FtDropindexOptions, FtExplainOptions,
        FtSearchOptions, FtSugaddOptions, FtSuggetOptions, ScoredDocuments, ScoredIds,
    };
    pub use super::server::{
        BgsaveOptions, CommandListOptions, FailoverOptions, LolwutOptions, MemoryUsageOptions, ModuleLoadexOptions,
        ShutdownOptions, SlowlogGetOptions,
    };
    pub use super::sets::{IntercardOptions, SpopOptions, SrandmemberOptions};
    pub use super::sorted_sets::{
        ZaddOptions, ZcombineOptions, ZdiffOptions, ZmpopOptions, ZpopOptions, ZrandmemberOptions, ZrangeLimitOptions,
        ZrangeOptions, ZrangestoreOptions, ZrankOptions, ZrevrangeOptions, ZscoreRangeOptions, ZstoreOptions,
    };
    pub use super::streams::{
        XackdelOptions, XaddOptions, XautoclaimOptions, XclaimOptions, XcountOptions, XdelexOptions,
        XgroupCreateOptions, XgroupSetidOptions, XinfoStreamFullOptions, XinfoStreamOptions, XpendingOptions,
        XpendingRangeOptions, XreadOptions, XreadgroupOptions, XsetidOptions,
    };
    pub use super::strings::{
        DelexOptions, GetexOptions, IncrexOptions, LcsIdxOptions, MsetexOptions, SetGetOptions, SetOptions, Setting,
    };
    pub use super::vector_sets::{
        VaddOptions, VembOptions, VlinksOptions, VrandmemberOptions, VsimAttributes, VsimElements, VsimOptions,
        VsimScores, VsimScoresAndAttributes,
    };
    pub use crate::command::{MemberScanOptions, ScanOptions, Scanning};
}

pub use crate::command::Page;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::command::{Command, ConversionError, Executor, Facts, FromReply, Reply, Request, ToArg, ToArgs, known};

/// A command whose first argument is a key.
fn keyed<E: Executor, T: FromReply>(executor: E, facts: &'static Facts, key: impl ToArg) -> Request<E, T> {
    Request::new(executor, Command::of(facts).key(key))
}

/// A command without a key.
fn keyless<E: Executor, T: FromReply>(executor: E, facts: &'static Facts) -> Request<E, T> {
    Request::new(executor, Command::of(facts))
}

/// A command all of whose arguments are keys.
fn keys_only<E: Executor, T: FromReply>(executor: E, facts: &'static Facts, keys: impl ToArgs) -> Request<E, T> {
    Request::new(executor, Command::of(facts).key(keys))
}

/// Adds arguments, at least one, and before them their number.
fn counted<E, T, O>(request: Request<E, T, O>, arguments: impl ToArgs) -> Request<E, T, O> {
    let from = request.command.len();
    counted_from(from, 1, request.with(arguments))
}

/// Puts the number of the arguments from the word `from` on before them: at least one, and so many `each` as one.
fn counted_from<E, T, O>(from: usize, each: usize, request: Request<E, T, O>) -> Request<E, T, O> {
    let mut request = at_least_one(from, request);
    request.command.count_from(from, each);
    request
}

/// Adds a word and arguments, at least one: without any, the server would take what follows for one.
fn some_after<E, T, O>(request: Request<E, T, O>, word: &str, arguments: impl ToArgs) -> Request<E, T, O> {
    let request = request.with(word);
    let from = request.command.len();
    at_least_one(from, request.with(arguments))
}

/// Without an argument from the word `from` on it must not be sent.
fn at_least_one<E, T, O>(from: usize, mut request: Request<E, T, O>) -> Request<E, T, O> {
    if request.command.len() <= from {
        request.command.reject("too few: an empty list of keys, fields or values".into());
    }
    request
}

/// Adds keys at the end, at least one, and before them their number.
fn counted_keys<E, T, O>(request: Request<E, T, O>, keys: impl ToArgs) -> Request<E, T, O> {
    let from = request.command.len();
    counted_from(from, 1, request.with_keys(keys))
}

/// A list that is null where there is none.
fn list_or_null<T: FromReply>(reply: Reply<'_>) -> Result<Vec<T>, ConversionError> {
    Ok(Option::from_reply(reply)?.unwrap_or_default())
}

/// Text in which others can put any bytes, a key's or an error's: what is no UTF-8 is `U+FFFD`, for one such name must not
/// keep all the rest from being read.
struct Shown(String);

impl FromReply for Shown {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        String::from_reply(reply)
            .or_else(|_| Ok(String::from_utf8_lossy(&Vec::from_reply(reply)?).into_owned()))
            .map(Self)
    }
}

/// Whole milliseconds, rounded up; what is longer than a server can count is as long as it can count.
fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX)
}

/// Pops from keys, and waits up to this long.
fn blocking_on<E: Executor, T: FromReply>(
    executor: E,
    facts: &'static Facts,
    keys: impl ToArgs,
    timeout: Duration,
) -> Request<E, T> {
    let request = keys_only::<_, ()>(executor, facts, keys);
    at_least_one(facts.words(), request).with(block_seconds(timeout)).marked()
}

/// How long a command waits, in milliseconds, rounded up: what is more than nothing must not become 0, which is without
/// end.
fn block_milliseconds(timeout: Duration) -> i64 {
    // Servers add the present time to it.
    milliseconds(timeout).min(i64::MAX / 2)
}

/// The same in seconds. Whole ones are sent as such: servers before 6.0 know no others.
fn block_seconds(timeout: Duration) -> String {
    let milliseconds = block_milliseconds(timeout);
    match (milliseconds / 1000, milliseconds % 1000) {
        (seconds, 0) => seconds.to_string(),
        (seconds, rest) => format!("{seconds}.{rest:03}"),
    }
}

/// The time in whole milliseconds since 1970, rounded up; what is before 1970 is 1970.
fn unix_milliseconds(at: SystemTime) -> i64 {
    milliseconds(at.duration_since(UNIX_EPOCH).unwrap_or_default())
}
