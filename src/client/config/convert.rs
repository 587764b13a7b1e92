//! What can be used as a configuration: a `Config`, or a URL.

use std::str::FromStr;

use super::{Config, ConfigError};

/// What can be used where a configuration is wanted: a [`Config`], or a URL as a string.
///
/// The outcome has been checked: it passed [`Config::validate`].
pub trait IntoConfig {
    /// The configuration.
    ///
    /// # Errors
    ///
    /// What is wrong with the URL, or with a setting.
    fn into_config(self) -> Result<Config, ConfigError>;
}

impl IntoConfig for Config {
    fn into_config(self) -> Result<Config, ConfigError> {
        self.validate()?;
        Ok(self)
    }
}

impl IntoConfig for &Config {
    fn into_config(self) -> Result<Config, ConfigError> {
        self.clone().into_config()
    }
}

impl IntoConfig for &str {
    fn into_config(self) -> Result<Config, ConfigError> {
        Config::from_url(self)
    }
}

impl IntoConfig for &String {
    fn into_config(self) -> Result<Config, ConfigError> {
        Config::from_url(self)
    }
}

impl IntoConfig for String {
    fn into_config(self) -> Result<Config, ConfigError> {
        Config::from_url(&self)
    }
}

impl FromStr for Config {
    type Err = ConfigError;

    fn from_str(url: &str) -> Result<Self, ConfigError> {
        Self::from_url(url)
    }
}

impl TryFrom<&str> for Config {
    type Error = ConfigError;

    fn try_from(url: &str) -> Result<Self, ConfigError> {
        Self::from_url(url)
    }
}
