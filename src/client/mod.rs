//! What a user holds: the client and its configuration, and what the client gives.
//!
//! | to | there is |
//! |---|---|
//! | connect | [`Client`], with a URL or a [`Config`]; all settings with their defaults: [`defaults`] |
//! | call | [`Client::request`] and the [`api`](crate::api), which give a [`Request`](crate::Request); awaited it is a [`Call`] |
//! | send several commands at once | [`Pipeline`]: each is [`Queued`], and all have their [`Results`] |
//! | run several commands as one | [`Transaction`]: the same, and an error if it did not run |
//! | wait on the server for an element | [`Lists::blpop`](crate::api::Lists::blpop) and its like; [`Orphan`] is what nobody waited for any more |
//! | have a connection for oneself | [`Client::dedicated`], which gives a [`Dedicated`] |
//! | look before writing | [`Script`], [`Optimistic`] |
//! | go through many keys or members | [`Scan`] |
//! | see what everybody does | [`Monitor`] |
//! | hear what others publish | [`Client::subscribe`], see [`pubsub`](crate::pubsub) |
//! | see what goes on | [`Client::state`], [`Client::events`], [`Client::topology`], [`Stats`], [`Observer`] |

mod blocking;
mod call;
mod cluster_scan;
mod config;
mod dedicated;
pub mod defaults;
mod handle;
mod lease;
mod monitor;
mod monitor_line;
mod observer;
mod optimistic;
mod orphan;
mod pinned;
mod pipeline;
mod plan;
mod queue;
pub(crate) mod report;
mod results;
mod routed;
mod scan;
mod script;
mod settings;
mod spreading;
mod stats;
mod topology;
mod transaction;
mod unanswered;
mod url;
mod witness;

pub use crate::connection::Secret;
pub use call::Call;
pub use config::{
    AtCapacity, Backoff, Config, ConfigError, ConfigErrorKind, IntoConfig, Offline, ProtocolChoice, ReadFrom,
    Subscriptions, UrlOption,
};
pub use dedicated::{Dedicated, Dedicating};
pub use handle::Client;
pub(crate) use handle::deadline_of;
pub use monitor::{Monitor, Monitored};
pub use monitor_line::MonitorLine;
pub use observer::{AttributeValue, Ending, Observation, Observer};
pub use optimistic::Optimistic;
pub use orphan::Orphan;
pub use pipeline::{Execution, Pipeline};
pub use queue::Queued;
pub use results::{Handles, Results};
pub use scan::Scan;
pub use script::{Invocation, Script, ScriptCall};
pub use stats::Stats;
pub use topology::{NodeHealth, NodeRole, Topology, TopologyNode};
pub use transaction::{Transaction, TransactionExecution};
