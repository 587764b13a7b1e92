//! What a user holds: the client and its configuration.

mod call;
mod config;
pub mod defaults;
mod handle;
mod pipeline;
mod queue;
mod report;
mod results;
mod settings;
mod transaction;
mod url;

pub use crate::connection::Secret;
pub use call::Call;
pub use config::{
    AtCapacity, Backoff, Config, ConfigError, ConfigErrorKind, IntoConfig, Offline, ProtocolChoice, UrlOption,
};
pub use handle::Client;
pub use pipeline::{Execution, Pipeline};
pub use queue::Queued;
pub use results::Results;
pub use transaction::{Transaction, TransactionExecution};
