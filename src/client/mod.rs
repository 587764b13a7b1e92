//! What a user holds: the client and its configuration.

mod call;
mod config;
pub mod defaults;
mod handle;
mod pipeline;
mod report;
mod settings;
mod url;

pub use crate::connection::Secret;
pub use call::Call;
pub use config::{
    AtCapacity, Backoff, Config, ConfigError, ConfigErrorKind, IntoConfig, Offline, ProtocolChoice, UrlOption,
};
pub use handle::Client;
pub use pipeline::{Execution, Pipeline, Queued, Results};
