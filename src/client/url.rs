//! Configurations as URLs: how one is read, and how one is shown.

mod hosts;
mod parts;
mod secrets;

use std::fmt;
use std::ops::Range;

use self::parts::{Parts, name_and_value, segments};
use super::config::options::{self, UrlOption};
use super::config::{Config, ConfigError, ConfigErrorKind, Deployment, percent};
use crate::connection::MASK;
use crate::outcome::Address;

impl Config {
    /// Reads a configuration from a URL.
    ///
    /// ```text
    /// redis://user:password@host:port/database?option=value&option=value
    /// unix://user:password@/path/of/the/socket?db=3&option=value
    /// redis+cluster://user:password@host:port,host:port/database?option=value
    /// redis+sentinel://user:password@host:port,host:port/service/database?option=value
    /// ```
    ///
    /// | scheme | what there is to connect to |
    /// |---|---|
    /// | `redis`, `valkey` | a server on TCP; with several hosts a primary and its [replicas](Self::with_replicas) |
    /// | `rediss`, `valkeys` | the same with TLS |
    /// | `unix`, `redis+unix`, `valkey+unix` | a server on a Unix socket |
    /// | `rediss+unix`, `valkeys+unix` | the same with TLS; needs the option `tls_server_name` |
    /// | `redis+cluster`, `valkey+cluster` | a [cluster](Self::cluster), of which the hosts are some nodes |
    /// | `rediss+cluster`, `valkeys+cluster` | the same with TLS |
    /// | `redis+sentinel`, `valkey+sentinel` | the servers that [Sentinels](Self::sentinel) know as `service`; the hosts are Sentinels |
    /// | `rediss+sentinel`, `valkeys+sentinel` | the same with TLS, also with the Sentinels unless the option `sentinel_tls` is `off` |
    ///
    /// Everything but the hosts (or the path of the socket) and the service may be left out. The port is then 6379, of a
    /// Sentinel 26379, the database 0. User and password are those of the servers, and stand once, before the first host;
    /// Sentinels have the options `sentinel_user` and `sentinel_password`. A password without user is `redis://:password@host`. An IPv6 address stands in brackets. Reserved characters are
    /// percent-encoded, in a password `/ ? # @ %` at least; `+` is a plain `+`. The options, with their defaults, are in
    /// the table of [`defaults`](super::defaults); durations are written `500ms`, `5s` or `2m`, sizes
    /// `65536`, `64KiB` or `16MiB`.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, with the part of the URL that is meant. An option that is not known, or is given
    /// twice, or means nothing for this kind of address, is an error: a setting is never silently left out.
    pub fn from_url(url: &str) -> Result<Self, ConfigError> {
        let parts = Parts::split(url)?;
        let config = parts.with_credentials(parts.with_tls(Self::of(parts.deployment()?))?)?;
        let mut query = Query { parts: &parts, given: Vec::new() };
        let config = query.apply(config)?;
        config.validate().map_err(|error| query.locate(error))?;
        Ok(config)
    }
}

/// The options of a URL while they are applied.
struct Query<'p, 'a> {
    parts: &'p Parts<'a>,
    /// The options that were given already, each with the place of its value.
    given: Vec<(&'static str, Range<usize>)>,
}

impl Query<'_, '_> {
    fn apply(&mut self, mut config: Config) -> Result<Config, ConfigError> {
        if let Some(database) = self.parts.database() {
            config = self.set(config, options::DATABASE, database)?;
        }
        for segment in segments(self.parts.url, &self.parts.query) {
            config = self.option(config, segment)?;
        }
        Ok(config)
    }

    fn option(&mut self, config: Config, segment: Range<usize>) -> Result<Config, ConfigError> {
        let (name, value) = name_and_value(self.parts.url, &segment);
        let Some(option) = options::find(&self.parts.decoded(name.clone())?) else {
            let did_you_mean = options::nearest(self.parts.text(&name));
            return Err(self.parts.fail(ConfigErrorKind::UnknownOption { did_you_mean }, OPTION, name));
        };
        if !option.applies.to(&config) {
            let expected = option.applies.expected();
            return Err(self.parts.fail(ConfigErrorKind::DoesNotApply { option: option.name }, expected, name));
        }
        if self.given.iter().any(|(given, _)| *given == option.name) {
            let kind = ConfigErrorKind::DuplicateOption { option: option.name };
            return Err(self.parts.fail(kind, "each setting once", segment));
        }
        self.set(config, option, value)
    }

    fn set(&mut self, config: Config, option: &UrlOption, value: Range<usize>) -> Result<Config, ConfigError> {
        let text = self.parts.decoded(value.clone())?;
        self.given.push((option.name, value.clone()));
        (option.set)(config, &text).ok_or_else(|| {
            let kind = match option.name {
                name if name == options::DATABASE.name => ConfigErrorKind::BadDatabase,
                option => ConfigErrorKind::BadValue { option },
            };
            self.parts.fail(kind, option.form, value)
        })
    }

    /// Gives an error about a setting the place of its value, or the end of the URL if it is missing there.
    fn locate(&self, error: ConfigError) -> ConfigError {
        let name = match error.kind() {
            ConfigErrorKind::BadValue { option } => option,
            ConfigErrorKind::BadDatabase => options::DATABASE.name,
            _ => "",
        };
        let end = self.parts.url.len();
        let place = self.given.iter().find(|(given, _)| *given == name).map_or(end..end, |(_, value)| value.clone());
        self.parts.fail(error.kind(), error.expected(), place)
    }
}

/// The configuration as a URL, with the settings that are not at their defaults, and `***` for the password.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = scheme(self).to_owned();
        if self.password().is_some() {
            percent::encode(self.username().unwrap_or_default(), "", &mut url);
            url.extend([":", MASK, "@"]);
        }
        let in_path = if let Address::Unix(path) = self.address() {
            percent::encode(&path.to_string_lossy(), "/", &mut url);
            ""
        } else {
            show_hosts(self.addresses(), &mut url);
            if let Some(service) = self.service() {
                url.push('/');
                percent::encode(service, "", &mut url);
            }
            url.push_str(&format!("/{}", self.database()));
            options::DATABASE.name
        };
        let changed = self.changed_options().filter(|(name, _)| *name != in_path);
        for (index, (name, value)) in changed.enumerate() {
            url.extend([if index == 0 { "?" } else { "&" }, name, "="]);
            percent::encode(&value, "/:,+=*", &mut url);
        }
        f.write_str(&url)
    }
}

fn scheme(config: &Config) -> &'static str {
    let (plain, tls) = match config.deployment() {
        Deployment::Standalone(Address::Unix(_)) => ("unix://", "rediss+unix://"),
        Deployment::Standalone(_) | Deployment::Replicas(_) => ("redis://", "rediss://"),
        Deployment::Cluster(_) => ("redis+cluster://", "rediss+cluster://"),
        Deployment::Sentinel { .. } => ("redis+sentinel://", "rediss+sentinel://"),
    };
    if config.tls().is_some() { tls } else { plain }
}

fn show_hosts(addresses: &[Address], url: &mut String) {
    for (index, address) in addresses.iter().enumerate() {
        // A socket among several addresses is refused wherever a configuration is used.
        let Address::Tcp { host, port } = address else { continue };
        let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
        url.extend([if index == 0 { "" } else { "," }, open]);
        percent::encode(host, ":", url);
        url.push_str(&format!("{close}:{port}"));
    }
}

const OPTION: &str = "a known option (a user and a password stand before the host)";
