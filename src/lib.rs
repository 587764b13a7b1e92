//! A Redis and Valkey client that always knows what became of a command, and never waits longer than it said.
//!
//! ```no_run
//! # async fn example() -> Result<(), steadfast::Error> {
//! use std::time::Duration;
//! use steadfast::Client;
//! use steadfast::api::*;
//!
//! let client = Client::connect("redis://localhost").await?;
//! client.set("session:7", "alice").ex(Duration::from_secs(60)).await?;
//! let user: Option<String> = client.get("session:7").await?;
//! client.close(Duration::from_secs(1)).await;
//! # Ok(())
//! # }
//! ```
//!
//! One [`Client`] is one connection to a server, which is made anew for as long as the client lives, and [further
//! ones](#connections-of-their-own) for what cannot share it; of a cluster, or of servers behind Sentinels, it is one to each
//! node that it needs, [see below](#several-nodes). Clone it freely: the clones share the connections, and calls that are made
//! at the same time travel together. It runs on a
//! [tokio](https://docs.rs/tokio) runtime with time and I/O enabled, the one on which it was made, and can be called from any thread.
//!
//! # Where to look
//!
//! | for | see |
//! |---|---|
//! | the commands by name, with their types and options | [`api`]; `use steadfast::api::*` brings them all |
//! | any other command, of any module | [`Command`] and [`Client::request`] |
//! | several commands in one write | [`Client::pipeline`]; their answers by a tuple of handles: [`Results::get`](client::Results::get) |
//! | several commands that run as one, or not at all | [`Client::transaction`] |
//! | what must look before it writes | [`Script`], or [`Client::optimistic`], which is `WATCH` |
//! | jobs and events that are waited for | [`Lists::blpop`](api::Lists::blpop) and its like: [`api`](api#commands-that-wait) |
//! | a connection for one caller alone: `WATCH`, `SELECT`, `WAIT`, `MONITOR` | [`Client::dedicated`], [`client::Dedicated`] |
//! | another database of the same server | [`Client::database`] |
//! | all keys, or all members of one, as a stream | [`Keys::scan`](api::Keys::scan) and its like, and [`client::Scan`] |
//! | what can be an argument, what an answer can become | [`ToArgs`], [`FromReply`] |
//! | what is known of a command: effect, keys, since when | [`Facts`] |
//! | what others publish, and keyspace events | [`Client::subscribe`], and [`pubsub`] for what a subscription promises |
//! | settings, and URLs | [`Config`]; all of them with their defaults in [`client::defaults`] |
//! | tokens, and passwords that are rotated | [`CredentialsProvider`] and [`Config::with_credentials_provider`] |
//! | clusters, Sentinel, replicas that answer reads | [several nodes](#several-nodes), and the guide [`several_nodes`] |
//! | which nodes there are, and what each of them does | [`Client::topology`], [`Event::TopologyChanged`] |
//! | TLS | `TlsOptions` and [`outcome::TlsFailure`] |
//! | structs as hashes, values as JSON | the module `serde`, of the features `serde` and `json` |
//! | what the connection is doing | [`Client::state`], [`Client::events`] |
//! | metrics: counts, and every command's end and times | [`Client::stats`], [`client::Observer`] |
//! | what went wrong | [`Error`], [`Fate`], [`Stage`], [`Cause`] |
//! | what is sent again by itself, and when | [`Replay`], [`OnRefusal`] |
//! | a server for unit tests, and a proxy that fails on demand | the module `testing`, of the feature `testing` |
//! | the wire format alone | [`resp`] |
//! | what the calls of the crate `redis` are here | [`coming_from_redis_rs`] |
//!
//! # Deadline
//!
//! Every call has one, by default [5 s](client::defaults::DEADLINE) from the moment its future is made, over everything:
//! waiting for room or for a connection, sending, the answer. Then the caller has its answer or an error that names
//! the [`Stage`] reached and the last [`Cause`] before it. Set it for a client ([`Config::with_deadline`]), for a clone
//! ([`Client::with_deadline`]), or for one call ([`Request::deadline`], [`Pipeline::deadline`](client::Pipeline::deadline)).
//!
//! # Ordering
//!
//! Commands run in the order in which their futures are first polled, so those that one task awaits one after the other
//! run in that order, whatever other tasks do. Those of a pipeline run in the order in which they were queued, perhaps
//! with other callers' between them; those of a transaction with none. With [several nodes](#several-nodes) a pipeline has an
//! order on each node alone. Two exceptions: a command that ended with
//! [`Fate::Unknown`] may still run after later ones; and one that the server [refuses for the time being](#refusals) may run
//! after others of its pipeline, or made at the same time, unless it [fails fast](OnRefusal::FailFast).
//!
//! # Cancellation
//!
//! Every future of this crate can be dropped at any time, in `select!` or by a timeout. A command whose bytes have not
//! been picked up for sending never runs; otherwise it runs and its answer is thrown away. Nobody else's answer moves,
//! and the connection stays.
//!
//! # Errors
//!
//! There is one type, [`Error`]: [`kind`](Error::kind) says what happened, [`fate`](Error::fate) what became of the
//! command.
//!
//! | fate | the server has run the command | for example |
//! |---|---|---|
//! | [`NotSent`](Fate::NotSent) | no, and never will | no connection until the deadline, a full queue, a closed client, a bad URL |
//! | [`Refused`](Fate::Refused) | no: it said so | `OOM`, `NOAUTH`, `MOVED`; `LOADING` until the deadline |
//! | [`Unknown`](Fate::Unknown) | perhaps, and perhaps not yet | the connection or the time ended between sending and answer |
//! | [`Executed`](Fate::Executed) | it has answered | `WRONGTYPE`, an answer of another type than was asked for |
//! | [`Partial`](Fate::Partial) | in part: it went to several nodes, and ended differently on them | a `DBSIZE` or an `MSET` of which one node could not be reached: [`Error::parts`] |
//!
//! [`Fate::is_safe_to_retry`] is true for the first two. A transaction has one fate for all its commands, until it has run.
//!
//! # Reconnection
//!
//! A lost connection is noticed when the operating system tells of it, also on an idle one, and made anew at once, then
//! after growing [pauses](client::Backoff), for ever. Commands that were not sent wait for it until their deadlines
//! (or fail at once, with [`Offline::FailFast`](client::Offline::FailFast)). Of those that were sent and not answered,
//! what changes nothing is sent again, in its old order and before anything newer; the rest fails with
//! [`Fate::Unknown`]. [`Replay`] moves that line, for the client or for one request. A command that was the oldest one
//! on its way on three connections that died in a row is not sent again. What only a changed setting can mend (a bad
//! certificate, a wrong password) fails its callers at once, and is tried again after the longest pause, so that it
//! heals too.
//!
//! A connection on which answers are due and nothing at all was read for 2 s
//! ([`with_silence_limit`](Config::with_silence_limit)) is doubted: a second one is made beside it, and takes its place
//! only if it is answered. So a proxy or a firewall that has forgotten a connection costs 2 s rather than all calls until
//! their deadlines, and a server that is busy with a long command keeps the connection it has.
//!
//! # Refusals
//!
//! What the server refuses for the time being (`LOADING`, `MASTERDOWN`, `CLUSTERDOWN`, `READONLY`, `TRYAGAIN`, no room for the
//! connection) it has not run: it is kept back and tried again until its deadline, without a stampede, see [`OnRefusal`].
//! While the server takes no commands at all, new ones are kept back too and keep their order; a command that was refused
//! may run after others that had been sent already, or are taken meanwhile. After `READONLY` the address is connected to
//! anew, and what it leads to now is used if it is no replica, so that a failover behind one address costs no error; with
//! several nodes the command goes to the new primary instead.
//!
//! # Connections of their own
//!
//! Three things have connections apart from the one that all calls share:
//!
//! - **Blocking commands** (`BLPOP`, `XREAD` with `BLOCK`, ...), by themselves: each has one of a pool until it is answered. See
//!   [`Client`](Client#blocking-commands) for deadlines, and for what becomes of an element when its caller has given up.
//! - **[`Client::dedicated`]** and [`Client::optimistic`]: for a caller who makes of a connection what others' must not be, by `WATCH`,
//!   `SELECT`, `WAIT`. It is never made anew silently: when it is lost, its calls end in [`ErrorKind::SessionLost`].
//! - **[Subscriptions](pubsub)**, all together one; it is made anew, and each [`Subscription`](pubsub::Subscription) is told
//!   where messages may be missing.
//!
//! Until one of them is needed none is made. On the connection that all share, a command that would change it ends in
//! [`ErrorKind::NeedsDedicated`], before anything is sent.
//!
//! # Several nodes
//!
//! The URL says what there is to connect to; the calls are the same everywhere.
//!
//! | deployment | URL | in code |
//! |---|---|---|
//! | one server | `redis://host` | [`Config::tcp`] |
//! | a [cluster](https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/), of which some nodes are named | `redis+cluster://a,b,c:7000` | [`Config::cluster`] |
//! | the servers that [Sentinels](https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/) know as `orders` | `redis+sentinel://a,b,c/orders` | [`Config::sentinel`] |
//! | a primary and its [replicas](https://redis.io/docs/latest/operate/oss_and_stack/management/replication/), all named | `redis://a,b,c` | [`Config::with_replicas`] |
//!
//! With TLS it is `rediss`, and `valkey` is the same as `redis`: see [`Config::from_url`]. Reads go to primaries unless
//! [`ReadFrom`] says otherwise.
//!
//! **What stays the same.** The deadline holds over everything, now also over finding the node. Errors have fates, what writes
//! is never sent twice by itself, dropped calls leave nothing. A command is sent to the node that has its slot, and follows it
//! (`MOVED`, `ASK`, a replica that took over) until its deadline. Blocking commands, subscriptions and [`Client::optimistic`]
//! follow too. A node that is lost costs the calls for its own slots time, and no others anything, as long as the cluster itself
//! goes on serving them (`cluster-require-full-coverage no`). Which nodes there are is asked anew whenever something hints at a
//! change, and every [30 s](client::defaults::REFRESH_EVERY): nothing is to be restarted or told.
//!
//! **What cannot be hidden.**
//!
//! - *Keys of several slots.* `MGET` and its like are taken apart; what writes is, only if
//!   [`with_split_writes`](Config::with_split_writes) says so, and then **it is not atomic**. Everything else that has keys in
//!   several slots, and a transaction that has, ends in [`ErrorKind::CrossSlot`] before anything is sent. Keys with the same
//!   `{tag}` have the same slot. See [`Client`](Client#commands-for-several-nodes-of-a-cluster).
//! - *Order.* Commands of a pipeline are sent to their nodes at the same time, and run in their order on each node alone. One that
//!   is sent on to another node may run after later ones.
//! - *Parts.* A command that went to several nodes and failed on one has [`Fate::Partial`] if the others ended differently, and
//!   [`Error::parts`] has the node, the keys, the fate and the error of each part.
//! - *Lag.* What a replica answers may be older than what was just written or read: [`ReadFrom`]. A replica that takes over
//!   lacks what its primary had acknowledged and not yet handed on; no client can know that.
//! - *Views of one connection.* [`Client::state`] shows one node, the primary of slot 0, and [`Client::address`] the first address
//!   of the configuration. All nodes are in [`Client::topology`]; [`Client::events`] wraps what happens on the connection to one
//!   in [`Event::OfNode`], and has [`Event::TopologyChanged`] and [`Event::Redirected`].
//! - *Connections of one's own* lead to one node, and stay there: [`Client::dedicated`] in a cluster wants to know for which key.
//!
//! Timeouts, failovers second by second, alerts, credentials, address translation: [`several_nodes`].
//!
//! # Features
//!
//! | feature | default | |
//! |---|---|---|
//! | `tls` | yes | TLS 1.2 and 1.3 by [rustls](https://docs.rs/rustls); wants one of the two providers below |
//! | `ring` | yes | the provider `ring`; it is used if both are there and [nothing else is said](client::defaults) |
//! | `aws-lc-rs` | no | the provider `aws-lc-rs` |
//! | `system-roots` | yes | trust in the operating system's certificate authorities |
//! | `webpki-roots` | yes | trust in Mozilla's, compiled in |
//! | `serde` | no | the module `serde`: structs as hashes, scalars of one's own types, by [serde](https://serde.rs) |
//! | `json` | no | `serde`, and JSON text by [serde_json](https://docs.rs/serde_json) |
//! | `testing` | no | for tests: a server in the test's own process, and a proxy that fails on demand |
#![forbid(unsafe_code)]

/// The examples of the README compile, and those that need no server run.
#[cfg(all(doctest, feature = "tls"))]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod api;
pub mod client;
/// For users of the crate `redis`: its calls, types and features, and what they are here.
#[cfg(any(all(doc, not(doctest)), all(doctest, feature = "json")))]
#[doc = include_str!("../docs/coming-from-redis-rs.md")]
pub mod coming_from_redis_rs {}
/// Clusters, Sentinel and replicas in operation: which URL, how long what takes, and what to watch.
#[cfg(any(doc, doctest))]
#[doc = include_str!("../docs/several-nodes.md")]
pub mod several_nodes {}
mod command;
mod connection;
mod driver;
mod error;
pub mod outcome;
pub mod pubsub;
pub mod resp;
#[cfg(feature = "serde")]
pub mod serde;
#[cfg(feature = "testing")]
pub mod testing;
mod topology;
mod transport;

pub use client::{Client, Config, ReadFrom, Script};
pub use command::{
    Args, Command, ConversionError, Effect, Exclusive, Executor, Facts, FromReply, NoOptions, OnRefusal, Replay,
    Request, RequestPolicy, ResponsePolicy, ServerError, Slot, ToArg, ToArgs, Version,
};
pub use connection::{Credentials, LinkState, ServerFacts, SessionFacts};
pub use driver::{CredentialsError, CredentialsProvider, Event, Events};
pub use error::{Error, ErrorKind, ErrorPart};
pub use outcome::{Address, Cause, Fate, Stage};
pub use resp::{Reply, Value};
pub use transport::{BoxFuture, Connector, Io, Keepalive, Linger, Resolver, SocketOptions, SystemResolver};
#[cfg(feature = "tls")]
pub use transport::{CryptoChoice, SessionResumption, TlsOptions, TlsVersion};
