//! How connections say who they are.

use std::fmt;
use std::sync::Arc;

use crate::connection::Credentials;
use crate::driver::CredentialsProvider;

/// With whom a connection authenticates: one of these, whichever was set last.
#[derive(Clone, Default)]
pub(in crate::client) enum Login {
    /// With nobody.
    #[default]
    Anonymous,
    Known(Credentials),
    Provided(Arc<dyn CredentialsProvider>),
}

impl Login {
    /// The credentials, where the configuration has them.
    pub(super) fn credentials(&self) -> Option<&Credentials> {
        match self {
            Self::Known(credentials) => Some(credentials),
            Self::Anonymous | Self::Provided(_) => None,
        }
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("none"),
            Self::Known(credentials) => credentials.fmt(f),
            Self::Provided(_) => f.write_str("the user's own provider"),
        }
    }
}
