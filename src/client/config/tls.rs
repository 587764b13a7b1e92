//! Where TLS is not compiled in: no options of it, and no way to ask for it.

use super::Config;
use super::options::UrlOption;

pub(super) const OPTIONS: &[UrlOption] = &[];

impl Config {
    /// The same configuration with TLS, where TLS is compiled in.
    pub(in crate::client) fn over_tls(self) -> Option<Self> {
        None
    }
}
