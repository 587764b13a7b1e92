//! What a user holds: the client and its configuration.

mod call;
mod config;
pub mod defaults;
mod handle;
mod observer;
mod pipeline;
mod report;
mod secret;
mod settings;
mod stats;
mod url;
mod witness;

pub use call::Call;
pub use config::{
    AtCapacity, Backoff, Config, ConfigError, ConfigErrorKind, IntoConfig, Offline, ProtocolChoice, UrlOption,
};
pub use handle::Client;
pub use observer::{AttributeValue, Ending, Observation, Observer};
pub use pipeline::{Execution, Pipeline, Queued, Results};
pub use secret::Secret;
pub use stats::Stats;
