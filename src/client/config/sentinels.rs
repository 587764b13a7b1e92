//! How Sentinels are spoken to, which are no servers: with which login and which TLS.

use std::fmt;

use super::options::{Applies, UrlOption};
use super::validate::value;
use super::values::word;
use super::{Config, ConfigError};
use crate::client::Secret;
use crate::connection::{Credentials, Identity, MASK};
use crate::transport::{DialOptions, TlsOptions};

/// How connections to Sentinels differ from those to servers.
#[derive(Clone, Default)]
pub(super) struct Sentinels {
    username: Option<String>,
    /// `None` beside a user name only until a URL is read to its end.
    password: Option<Secret>,
    pub(super) tls: SentinelTls,
}

/// How Sentinels speak TLS.
#[derive(Clone, Default)]
pub(super) enum SentinelTls {
    /// Whatever holds for the servers.
    #[default]
    Inherit,
    /// By these options; `None` is plaintext.
    Own(Option<Box<TlsOptions>>),
}

/// How Sentinels are spoken to.
impl Config {
    /// Authenticates with the Sentinels as `username` with `password`. Default: no authentication, whatever the servers
    /// want: Sentinels have accounts of their own, and get no password of the servers.
    ///
    /// Without effect where no Sentinels are asked. See
    /// <https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/#sentinel-access-control-list-authentication>.
    #[must_use]
    pub fn with_sentinel_credentials(self, username: impl Into<String>, password: impl Into<Secret>) -> Self {
        let (username, password) = (Some(username.into()), Some(password.into()));
        Self { sentinels: Sentinels { username, password, ..self.sentinels }, ..self }
    }

    /// Authenticates with the Sentinels by `password` alone, as their user `default`. Default: no authentication, whatever the
    /// servers want; a server is never given this one. A wrong one ends calls at once, in `Handshake`.
    ///
    /// See <https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/#configuring-sentinel-instances-with-authentication>.
    #[must_use]
    pub fn with_sentinel_password(self, password: impl Into<Secret>) -> Self {
        let password = Some(password.into());
        Self { sentinels: Sentinels { username: None, password, ..self.sentinels }, ..self }
    }

    /// Speaks plaintext with the Sentinels, also where TLS is spoken with the servers. Default: TLS, by the same options, if
    /// it is spoken with the servers.
    ///
    /// Whoever is between the program and the Sentinels can then say where the servers are. What is at those addresses
    /// must still have a trusted certificate.
    #[must_use]
    pub fn without_sentinel_tls(self) -> Self {
        self.set_sentinel_tls(SentinelTls::Own(None))
    }

    /// Who the connections to Sentinels are.
    pub(in crate::client) fn sentinel_identity(&self) -> Identity {
        self.sentinels.credentials().map_or(Identity::Anonymous, Identity::Known)
    }

    /// What the transport needs to know for connections to Sentinels.
    pub(in crate::client) fn sentinel_dial_options(&self) -> DialOptions {
        let servers = self.dial_options();
        let tls = match &self.sentinels.tls {
            SentinelTls::Inherit => servers.tls,
            SentinelTls::Own(tls) => tls.as_deref().cloned(),
        };
        DialOptions { tls, ..servers }
    }

    pub(super) fn set_sentinel_tls(self, tls: SentinelTls) -> Self {
        Self { sentinels: Sentinels { tls, ..self.sentinels }, ..self }
    }

    pub(super) fn check_sentinels(&self) -> Result<(), ConfigError> {
        let Sentinels { username, password, .. } = &self.sentinels;
        value("sentinel_user", username.is_none() || password.is_some(), "sentinel_password beside it")?;
        value("sentinel_user", username.as_ref().is_none_or(|name| !name.is_empty()), "a user name")?;
        let lacks = username.is_none() && password.as_ref().is_some_and(|password| password.expose().is_empty());
        value("sentinel_password", !lacks, "a password that is not empty, where there is no user")
    }
}

impl Sentinels {
    fn credentials(&self) -> Option<Credentials> {
        let password = self.password.clone()?;
        Some(match &self.username {
            Some(username) => Credentials::user(username, password),
            None => Credentials::password(password),
        })
    }
}

impl fmt::Debug for Sentinels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sentinels").field("credentials", &self.credentials()).field("tls", &self.tls).finish()
    }
}

impl fmt::Debug for SentinelTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Inherit => f.write_str("as for the servers"),
            Self::Own(tls) => tls.fmt(f),
        }
    }
}

pub(super) const OPTIONS: &[UrlOption] = &[
    UrlOption {
        name: "sentinel_user",
        methods: "with_sentinel_credentials",
        form: "a user name",
        about: "the user to authenticate as with Sentinels; needs `sentinel_password` beside it",
        applies: Applies::ToSentinels,
        set: |config, value| {
            let username = Some(value.to_owned());
            Some(Config { sentinels: Sentinels { username, ..config.sentinels }, ..config })
        },
        show: |config| config.sentinels.username.clone(),
    },
    UrlOption {
        name: "sentinel_password",
        methods: "with_sentinel_credentials, with_sentinel_password",
        form: "a password",
        about: "the password to authenticate with Sentinels; it is always shown as `***`",
        applies: Applies::ToSentinels,
        set: |config, value| {
            let password = Some(Secret::from(value));
            Some(Config { sentinels: Sentinels { password, ..config.sentinels }, ..config })
        },
        show: |config| config.sentinels.password.as_ref().map(|_| MASK.to_owned()),
    },
    UrlOption {
        name: "sentinel_tls",
        methods: "without_sentinel_tls",
        form: "inherit or off",
        about: "how TLS is spoken with Sentinels: `inherit` is as with the servers, `off` plaintext",
        applies: Applies::ToSentinels,
        set: |config, value| {
            let is_off = word(value, TLS)?;
            Some(config.set_sentinel_tls(if is_off { SentinelTls::Own(None) } else { SentinelTls::Inherit }))
        },
        show: |config| match &config.sentinels.tls {
            SentinelTls::Inherit => Some("inherit".to_owned()),
            SentinelTls::Own(None) => Some("off".to_owned()),
            SentinelTls::Own(Some(_)) => None,
        },
    },
];

const TLS: &[(&str, bool)] = &[("inherit", false), ("off", true)];

/// The options whose values are secrets.
pub(in crate::client) const SECRETS: &[&str] = &["sentinel_user", "sentinel_password"];
