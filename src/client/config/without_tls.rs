//! Where TLS is not compiled in: no options of it, and no way to ask for it.

use super::options::UrlOption;
use super::{Config, ConfigError};
use crate::transport::TlsOptions;

pub(super) const OPTIONS: &[UrlOption] = &[];

impl Config {
    pub(crate) fn tls(&self) -> Option<&TlsOptions> {
        self.route.tls.as_ref()
    }

    /// The same configuration with TLS, where TLS is compiled in.
    pub(in crate::client) fn over_tls(self) -> Option<Self> {
        None
    }

    pub(super) fn check_tls(&self) -> Result<(), ConfigError> {
        Ok(())
    }
}
