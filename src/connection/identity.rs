//! Who a link is to the server.

use std::fmt;

use super::secret::{MASK, Secret};

/// A user and a password, as `AUTH` takes them.
///
/// `Debug` shows neither, and nothing public gives them back.
///
/// ```
/// use steadfast::Credentials;
///
/// let credentials = Credentials::user("app", "hunter2");
/// assert_eq!(format!("{credentials:?}"), "Credentials(***)");
/// ```
///
/// Source: <https://redis.io/docs/latest/commands/auth/>
#[derive(Clone)]
pub struct Credentials {
    /// `None` is the user `default`, by the form of AUTH that old servers know.
    username: Option<String>,
    password: Secret,
}

impl Credentials {
    /// A password alone, for the server's user `default`: the form that servers before Redis 6.0 know.
    ///
    /// It may be any bytes. A token takes the place of a password.
    pub fn password(password: impl Into<Secret>) -> Self {
        Self { username: None, password: password.into() }
    }

    /// An ACL user, known to Redis 6.0 and later, and its password.
    pub fn user(name: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self { username: Some(name.into()), password: password.into() }
    }

    /// The user's name; `None` for the user `default`.
    pub(crate) fn username(&self) -> Option<&str> {
        self.username.as_deref()
    }

    /// The password, to be sent to the server and to nobody else.
    pub(crate) fn secret(&self) -> &Secret {
        &self.password
    }

    /// What a server or a proxy says may repeat what it was told: the same without the password.
    pub(super) fn hidden_in(&self, message: &str) -> String {
        match self.password.expose() {
            [] => message.to_owned(),
            password => message.replace(&*String::from_utf8_lossy(password), MASK),
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({MASK})")
    }
}

/// What a link says of itself in its handshake.
#[derive(Clone, Debug, Default)]
pub(crate) enum Identity {
    /// Nothing: no `AUTH` is sent. Where a certificate says who the client is, this leaves it at that.
    #[default]
    Anonymous,
    /// Always the same.
    Known(Credentials),
    /// What it is given, asked anew for each handshake and whenever that has changed.
    Provided,
}

impl Identity {
    /// The credentials to send, as far as they are known.
    pub(super) fn credentials(&self) -> Option<&Credentials> {
        match self {
            Self::Known(credentials) => Some(credentials),
            Self::Anonymous | Self::Provided => None,
        }
    }
}
