//! What a user holds: the client and its configuration.

mod config;
pub mod defaults;
mod secret;
mod url;

pub use config::{
    AtCapacity, Backoff, Config, ConfigError, ConfigErrorKind, IntoConfig, Offline, ProtocolChoice, UrlOption,
};
pub use secret::Secret;
