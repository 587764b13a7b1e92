//! What a user holds: the client and its configuration.

mod call;
mod config;
pub mod defaults;
mod handle;
mod observer;
mod pipeline;
mod plan;
mod queue;
mod report;
mod results;
mod scan;
mod script;
mod settings;
mod stats;
mod transaction;
mod url;
mod witness;

pub use crate::connection::Secret;
pub use call::Call;
pub use config::{
    AtCapacity, Backoff, Config, ConfigError, ConfigErrorKind, IntoConfig, Offline, ProtocolChoice, UrlOption,
};
pub use handle::Client;
pub use observer::{AttributeValue, Ending, Observation, Observer};
pub use pipeline::{Execution, Pipeline};
pub use queue::Queued;
pub use results::{Handles, Results};
pub use scan::Scan;
pub use script::{Invocation, Script, ScriptCall};
pub use stats::Stats;
pub use transaction::{Transaction, TransactionExecution};
