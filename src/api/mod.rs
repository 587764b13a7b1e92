//! The typed commands, each defined once, grouped as the Redis documentation groups them.
//!
//! Every group is a trait that is implemented for everything commands can be given to: for `&Client`, where the
//! request is awaited, and for `&mut Pipeline` and `&mut Transaction`, where it is queued. `use steadfast::api::*;` brings them all.
//!
//! Names are those of Redis in one word (`incrby`, `hgetall`); times are [`Duration`]s and sent in milliseconds; a key is
//! one argument ([`ToArg`]), keys, fields, members and pairs are one or many ([`ToArgs`]). Where nothing is there, the
//! answer is `None`, or empty. A command that is not here, or an option that it does not have here, goes through
//! [`Client::request`](crate::Client::request).

mod connection;
mod hashes;
mod json;
mod keys;
mod lists;
mod named;
mod probabilistic;
mod pubsub;
mod search;
mod server;
mod sets;
mod sorted_sets;
mod strings;
mod vector_sets;

pub use connection::Connection;
pub use hashes::Hashes;
pub use json::JsonDocuments;
pub use keys::{Keys, TimeToLive};
pub use lists::Lists;
pub use probabilistic::{BloomInfo, CountMinInfo, CuckooInfo, Probabilistic, TDigestInfo, TopKInfo};
pub use pubsub::PubSub;
pub use search::{
    AggregateResults, Document, IndexInfo, SchemaField, Search, SearchResults, VectorDistance, VectorIndex,
};
pub use server::Server;
pub use sets::Sets;
pub use sorted_sets::SortedSets;
pub use strings::Strings;
pub use vector_sets::{RawVector, Vector, VectorSetInfo, VectorSets};

/// What marks the requests of commands with options; the options are methods of those requests.
pub mod options {
    pub use super::json::{JsonArrindexOptions, JsonArrpopOptions, JsonGetOptions, JsonSetOptions};
    pub use super::keys::CopyOptions;
    pub use super::probabilistic::{
        BfInsertOptions, BfReserveOptions, CfInsertOptions, CfReserveOptions, CmsMergeOptions, TdigestCreateOptions,
        TdigestMergeOptions, TopkListOptions, TopkReserveOptions,
    };
    pub use super::search::{
        AnswerShape, DocumentIds, Documents, FtAggregateOptions, FtCreateOptions, FtDropindexOptions, FtExplainOptions,
        FtSearchOptions, FtSugaddOptions, FtSuggetOptions, ScoredDocuments, ScoredIds,
    };
    pub use super::sorted_sets::ZaddOptions;
    pub use super::strings::SetOptions;
    pub use super::vector_sets::{
        VaddOptions, VembOptions, VlinksOptions, VrandmemberOptions, VsimAttributes, VsimElements, VsimOptions,
        VsimScores, VsimScoresAndAttributes,
    };
    pub use crate::command::{MemberScanOptions, ScanOptions, Scanning};
}

pub use crate::command::Page;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::command::{Command, Executor, Facts, FromReply, Request, ToArg, ToArgs, known};

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

/// Whole milliseconds, rounded up; what is longer than a server can count is as long as it can count.
fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos().div_ceil(1_000_000)).unwrap_or(i64::MAX)
}

/// The time in whole milliseconds since 1970, rounded up; what is before 1970 is 1970.
fn unix_milliseconds(at: SystemTime) -> i64 {
    milliseconds(at.duration_since(UNIX_EPOCH).unwrap_or_default())
}
