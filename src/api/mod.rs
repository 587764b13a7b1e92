//! The typed commands, each defined once, grouped as the Redis documentation groups them.
//!
//! Every group is a trait that is implemented for everything commands can be given to: for `&Client`, where the
//! request is awaited, and for `&mut Pipeline` and `&mut Transaction`, where it is queued. `use steadfast::api::*;` brings them all.
//!
//! Names are those of Redis in one word (`incrby`, `hgetall`); times are [`Duration`]s and sent in milliseconds; a key is
//! one argument ([`ToArg`]), keys, fields, members and pairs are one or many ([`ToArgs`]). Where nothing is there, the
//! answer is `None`, or empty. A command that is not here, or an option that it does not have here, goes through
//! [`Client::request`](crate::Client::request).

mod acl;
mod cluster;
mod connection;
mod geo;
mod hashes;
mod json;
mod keys;
mod lists;
mod moment;
mod pubsub;
mod scripting;
mod server;
mod sets;
mod sorted_sets;
mod stream_answers;
mod stream_id;
mod streams;
mod strings;
mod zset_bounds;

pub use acl::{Acl, AclLogEntry, AclSelector, AclUser};
pub use cluster::{
    Cluster, ClusterInfo, ClusterLink, ClusterShard, ClusterShardNode, ClusterSlots, ClusterSlotsNode, SlotState,
};
pub use connection::{ClientAttribute, ClientType, ConnectedClient, Connection, Switch, TrackingInfo};
pub use geo::{FromMember, Geo, GeoFound, GeoOrigin, GeoPosition, GeoShape, GeoUnit};
pub use hashes::Hashes;
pub use json::JsonDocuments;
pub use keys::{Keys, TimeToLive};
pub use lists::{End, Lists, Place};
pub use pubsub::PubSub;
pub use scripting::{FunctionEngine, FunctionLibrary, FunctionStats, LibraryFunction, RunningFunction, Scripting};
pub use server::{
    CommandInfo, CommandLog, CommandLogEntry, ConnectedReplica, LatencyEvent, LatencyHistogram, LatencySample,
    ModuleInfo, Role, Server, SlowlogEntry,
};
pub use sets::Sets;
pub use sorted_sets::{Aggregate, Extreme, SortedSets};
pub use stream_answers::{
    Claimed, PendingEntry, PendingSummary, StreamConsumer, StreamEntry, StreamGroup, StreamSummary, StreamsRead,
};
pub use stream_id::{ExclusiveStreamId, StreamId, StreamTrim};
pub use streams::Streams;
pub use strings::Strings;
pub use zset_bounds::{LexBound, ScoreBound, ZrangeBound};

/// What marks the requests of commands with options; the options are methods of those requests.
pub mod options {
    pub use super::acl::{AclCatOptions, AclGenpassOptions, AclLogOptions};
    pub use super::cluster::{
        ClusterFailoverOptions, ClusterMeetOptions, ClusterMigrateslotsOptions, ClusterResetOptions,
        ClusterSetslotOptions, ClusterSlotStatsOptions,
    };
    pub use super::connection::{ClientFilterOptions, ClientPauseOptions, ClientUnblockOptions, PingOptions};
    pub use super::geo::{
        GeoSearching, GeoaddOptions, GeodistOptions, GeoradiusOptions, GeosearchDetailOptions, GeosearchOptions,
        GeosearchstoreOptions,
    };
    pub use super::json::{JsonArrindexOptions, JsonArrpopOptions, JsonGetOptions, JsonSetOptions};
    pub use super::keys::CopyOptions;
    pub use super::lists::{LmpopOptions, LposOptions, PopOptions};
    pub use super::pubsub::PubsubChannelsOptions;
    pub use super::scripting::{FlushOptions, FunctionListOptions, FunctionLoadOptions, FunctionRestoreOptions};
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
        XaddOptions, XautoclaimOptions, XclaimOptions, XcountOptions, XgroupCreateOptions, XgroupSetidOptions,
        XinfoStreamFullOptions, XinfoStreamOptions, XpendingOptions, XpendingRangeOptions, XreadOptions,
        XreadgroupOptions, XsetidOptions,
    };
    pub use super::strings::SetOptions;
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

/// Adds keys at the end, and in front of them how many they are.
fn counted_keys<E, T, O>(request: Request<E, T, O>, keys: impl ToArgs) -> Request<E, T, O> {
    let place = request.command.len();
    let mut request = request.with_keys(keys);
    let count = request.command.len() - place;
    if count == 0 {
        // A server would say so, but with some options only after it has read one of them as a key.
        request.command.reject("too few: an empty list of keys".into());
    }
    request.insert(place, count)
}

/// A list that is null where there is none.
fn list_or_null<T: FromReply>(reply: Reply<'_>) -> Result<Vec<T>, ConversionError> {
    Ok(Option::from_reply(reply)?.unwrap_or_default())
}

/// Whole milliseconds, rounded up; what is longer than a server can count is as long as it can count.
fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX)
}

/// The time in whole milliseconds since 1970, rounded up; what is before 1970 is 1970.
fn unix_milliseconds(at: SystemTime) -> i64 {
    milliseconds(at.duration_since(UNIX_EPOCH).unwrap_or_default())
}
