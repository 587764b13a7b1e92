//! Configurations as URLs: how one is read, and how one is shown.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use super::config::options::{self, UrlOption};
use super::config::{Config, ConfigError, ConfigErrorKind, Masked, percent, validate, values};
use super::defaults;
use super::secret::MASK;
use crate::outcome::Address;

impl Config {
    /// Reads a configuration from a URL.
    ///
    /// ```text
    /// redis://user:password@host:port/database?option=value&option=value
    /// unix://user:password@/path/of/the/socket?db=3&option=value
    /// ```
    ///
    /// | scheme | the server is reached by |
    /// |---|---|
    /// | `redis`, `valkey` | TCP |
    /// | `rediss`, `valkeys` | TLS |
    /// | `unix`, `redis+unix`, `valkey+unix` | a Unix socket |
    /// | `rediss+unix`, `valkeys+unix` | TLS on a Unix socket; needs the option `tls_server_name` |
    ///
    /// Everything but the host (or the path of the socket) may be left out. The port is then 6379, the database 0. A
    /// password without user is `redis://:password@host`. An IPv6 address stands in brackets. Reserved characters are
    /// percent-encoded, in a password `/ ? # @ %` at least; `+` is a plain `+`. The options, with their defaults, are in
    /// the table of [`defaults`]; durations are written `500ms`, `5s` or `2m`, sizes
    /// `65536`, `64KiB` or `16MiB`.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, with the part of the URL that is meant. An option that is not known, or is given
    /// twice, or means nothing for this kind of address, is an error: a setting is never silently left out.
    pub fn from_url(url: &str) -> Result<Self, ConfigError> {
        let parts = Parts::split(url)?;
        let config = parts.with_credentials(parts.with_tls(Self::new(parts.address()?))?)?;
        let mut query = Query { parts: &parts, given: Vec::new() };
        let config = query.apply(config)?;
        config.validate().map_err(|error| query.locate(error))?;
        Ok(config)
    }
}

/// The parts of a URL, as byte ranges of it, not decoded yet.
struct Parts<'a> {
    url: &'a str,
    kind: Kind,
    userinfo: Option<Range<usize>>,
    host: Range<usize>,
    path: Range<usize>,
    query: Range<usize>,
}

/// What a scheme asks for.
#[derive(Clone, Copy)]
enum Kind {
    Tcp,
    Tls,
    Unix,
    UnixTls,
}

impl Kind {
    fn is_unix(self) -> bool {
        matches!(self, Self::Unix | Self::UnixTls)
    }

    fn is_tls(self) -> bool {
        matches!(self, Self::Tls | Self::UnixTls)
    }
}

impl<'a> Parts<'a> {
    fn split(url: &'a str) -> Result<Self, ConfigError> {
        let Some(scheme) = scheme(url) else {
            return Err(fail(url, ConfigErrorKind::MissingScheme, SCHEMES_EXPECTED, 0..0));
        };
        let kind = kind(&url[..scheme]).map_err(|kind| fail(url, kind, SCHEMES_EXPECTED, 0..scheme))?;
        if let Some(hash) = url.find('#') {
            return Err(fail(url, ConfigErrorKind::Fragment, ESCAPED, hash..hash + 1));
        }
        let start = scheme + "://".len();
        let authority = start..end_of_part(url, start, &['/', '?']);
        let path = authority.end..end_of_part(url, authority.end, &['?']);
        let query = (path.end + 1).min(url.len())..url.len();
        if let Some(at) = url[authority.end..].rfind('@') {
            let at = authority.end + at;
            return Err(fail(url, ConfigErrorKind::MisplacedAt, ESCAPED, at..at + 1));
        }
        let at = url[authority.clone()].rfind('@').map(|at| start + at);
        let host = at.map_or(start, |at| at + 1)..authority.end;
        Ok(Self { url, kind, userinfo: at.map(|at| start..at), host, path, query })
    }

    fn address(&self) -> Result<Address, ConfigError> {
        if self.kind.is_unix() { self.socket() } else { self.host_and_port() }
    }

    fn host_and_port(&self) -> Result<Address, ConfigError> {
        let text = self.text(&self.host);
        let bad_host = || self.fail(ConfigErrorKind::BadHost, validate::HOST, self.host.clone());
        let bracketed = text.starts_with('[');
        let end =
            if bracketed { text.find(']').ok_or_else(bad_host)? + 1 } else { text.find(':').unwrap_or(text.len()) };
        let (host, port) = text.split_at(end);
        if !port.is_empty() && port.rfind(':') != Some(0) {
            return Err(bad_host());
        }
        let span = self.host.start..self.host.start + end;
        let host = if bracketed { 1..host.len() - 1 } else { 0..host.len() };
        let host = self.decoded(self.host.start + host.start..self.host.start + host.end)?;
        validate::check_host(&host).map_err(|error| self.fail(error.kind(), error.expected(), span.clone()))?;
        if bracketed != host.contains(':') {
            return Err(self.fail(ConfigErrorKind::BadHost, validate::HOST, span));
        }
        Ok(Address::tcp(host, self.port(span.end)?))
    }

    /// The port that begins with a colon at `colon`, if there is one.
    fn port(&self, colon: usize) -> Result<u16, ConfigError> {
        if colon == self.host.end {
            return Ok(defaults::PORT);
        }
        let digits = colon + 1..self.host.end;
        let port = values::count(self.text(&digits)).filter(|port| *port != 0);
        port.ok_or_else(|| self.fail(ConfigErrorKind::BadPort, validate::PORT, digits))
    }

    fn socket(&self) -> Result<Address, ConfigError> {
        let bad_path = |span| self.fail(ConfigErrorKind::BadSocketPath, validate::SOCKET_PATH, span);
        if !self.host.is_empty() {
            return Err(bad_path(self.host.clone()));
        }
        let path = self.decoded(self.path.clone())?;
        if path.len() <= 1 {
            return Err(bad_path(self.path.clone()));
        }
        validate::check_socket_path(path.as_bytes())
            .map_err(|error| self.fail(error.kind(), error.expected(), self.path.clone()))?;
        Ok(Address::Unix(PathBuf::from(path.into_owned())))
    }

    fn with_tls(&self, config: Config) -> Result<Config, ConfigError> {
        if !self.kind.is_tls() {
            return Ok(config);
        }
        config.over_tls().ok_or_else(|| {
            let scheme = 0..scheme(self.url).unwrap_or(0);
            self.fail(ConfigErrorKind::TlsNotBuiltIn, "a build with the feature tls", scheme)
        })
    }

    fn with_credentials(&self, config: Config) -> Result<Config, ConfigError> {
        let Some(userinfo) = self.userinfo.clone() else { return Ok(config) };
        let text = self.text(&userinfo);
        let Some(colon) = text.find(':') else {
            // `redis://@host`, as templates write it that have nothing to fill in, is no user name.
            return if text.is_empty() {
                Ok(config)
            } else {
                Err(self.fail(ConfigErrorKind::UsernameWithoutPassword, CREDENTIALS, userinfo))
            };
        };
        let colon = userinfo.start + colon;
        let username = self.decoded(userinfo.start..colon)?;
        let password = self.decoded(colon + 1..userinfo.end)?;
        Ok(match (username.is_empty(), password.is_empty()) {
            (true, true) => config,
            (true, false) => config.with_password(&*password),
            (false, _) => config.with_credentials(username, &*password),
        })
    }

    fn text(&self, span: &Range<usize>) -> &'a str {
        &self.url[span.clone()]
    }

    fn decoded(&self, span: Range<usize>) -> Result<Cow<'a, str>, ConfigError> {
        percent::decode(self.text(&span)).map_err(|(kind, part)| {
            self.fail(kind, "UTF-8 text, percent-encoded as in %40", span.start + part.start..span.start + part.end)
        })
    }

    fn fail(&self, kind: ConfigErrorKind, expected: &'static str, span: Range<usize>) -> ConfigError {
        fail(self.url, kind, expected, span)
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
        let Range { start, end } = self.parts.path.clone();
        if !self.parts.kind.is_unix() && end - start > 1 {
            config = self.set(config, options::DATABASE, start + 1..end)?;
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
                "db" => ConfigErrorKind::BadDatabase,
                option => ConfigErrorKind::BadValue { option },
            };
            self.parts.fail(kind, option.form, value)
        })
    }

    /// Gives an error about a setting the place of its value.
    fn locate(&self, error: ConfigError) -> ConfigError {
        let name = match error.kind() {
            ConfigErrorKind::BadValue { option } => option,
            ConfigErrorKind::BadDatabase => "db",
            _ => return error,
        };
        match self.given.iter().find(|(given, _)| *given == name) {
            Some((_, value)) => self.parts.fail(error.kind(), error.expected(), value.clone()),
            None => error,
        }
    }
}

/// The configuration as a URL, with the settings that are not at their defaults, and `***` for the password.
impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = match self.address() {
            Address::Unix(_) if self.tls().is_some() => "rediss+unix://",
            Address::Unix(_) => "unix://",
            Address::Tcp { .. } if self.tls().is_some() => "rediss://",
            Address::Tcp { .. } => "redis://",
        }
        .to_owned();
        if self.password().is_some() {
            percent::encode(self.username().unwrap_or_default(), "", &mut url);
            url.extend([":", MASK, "@"]);
        }
        let in_path = match self.address() {
            Address::Tcp { host, port } => {
                let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
                url.push_str(open);
                percent::encode(host, ":", &mut url);
                url.push_str(&format!("{close}:{port}/{}", self.database()));
                options::DATABASE.name
            }
            Address::Unix(path) => {
                percent::encode(&path.to_string_lossy(), "/", &mut url);
                ""
            }
        };
        let changed = self.changed_options().filter(|(name, _)| *name != in_path);
        for (index, (name, value)) in changed.enumerate() {
            url.extend([if index == 0 { "?" } else { "&" }, name, "="]);
            percent::encode(&value, "/:,+=", &mut url);
        }
        f.write_str(&url)
    }
}

/// Where the scheme of a URL ends.
fn scheme(url: &str) -> Option<usize> {
    let end = url.find("://")?;
    let well_formed = url[..end].bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    Some(end).filter(|end| *end > 0 && well_formed)
}

/// What a scheme asks for, or what is wrong with it.
fn kind(scheme: &str) -> Result<Kind, ConfigErrorKind> {
    let scheme = scheme.to_ascii_lowercase();
    if let Some(kind) = values::word(&scheme, SCHEMES) {
        return Ok(kind);
    }
    let Some((server, deployment)) = scheme.split_once(['+', '-']) else { return Err(ConfigErrorKind::UnknownScheme) };
    match (values::word(server, SCHEMES), values::word(deployment, DEPLOYMENTS)) {
        (Some(Kind::Tcp | Kind::Tls), Some(deployment)) => Err(ConfigErrorKind::UnsupportedDeployment { deployment }),
        _ => Err(ConfigErrorKind::UnknownScheme),
    }
}

/// Where the part that begins at `start` ends: before the first of `stops`, or with the URL.
fn end_of_part(url: &str, start: usize, stops: &[char]) -> usize {
    url[start..].find(stops).map_or(url.len(), |length| start + length)
}

/// The options in the part `query` of `url`, each `name=value`.
fn segments<'a>(url: &'a str, query: &Range<usize>) -> impl Iterator<Item = Range<usize>> + 'a {
    let mut next = query.start;
    url[query.clone()]
        .split('&')
        .map(move |segment| {
            let start = next;
            next += segment.len() + 1;
            start..start + segment.len()
        })
        .filter(|segment| !segment.is_empty())
}

fn name_and_value(url: &str, segment: &Range<usize>) -> (Range<usize>, Range<usize>) {
    match url[segment.clone()].find('=') {
        Some(length) => (segment.start..segment.start + length, segment.start + length + 1..segment.end),
        None => (segment.clone(), segment.end..segment.end),
    }
}

fn fail(url: &str, kind: ConfigErrorKind, expected: &'static str, span: Range<usize>) -> ConfigError {
    ConfigError::new(kind, expected).at(Masked::new(url, &secrets(url), &span))
}

/// The parts of a URL, however malformed, that may be a password.
///
/// A password that is not percent-encoded may hold every character that ends something in a URL, so everything up to
/// the last `@` counts. Without an `@` someone may have left out the host, and what should be a port is a password, with
/// all that follows. A fragment, and the value of an unknown option, may be anything.
fn secrets(url: &str) -> Vec<Range<usize>> {
    let start = scheme(url).map_or(0, |scheme| scheme + "://".len());
    let at = url.rfind('@').filter(|at| *at >= start);
    let mut secrets: Vec<_> = at.map(|at| start..at).into_iter().collect();
    let rest = at.unwrap_or(start);
    let authority = rest..end_of_part(url, rest, &['/', '?', '#']);
    if at.is_none() {
        if let Some((host, port)) = url[authority.clone()].split_once(':') {
            if !is_harmless(host, port) {
                return vec![start + host.len() + 1..url.len()];
            }
        }
    }
    let fragment = end_of_part(url, authority.end, &['#']);
    let query = (end_of_part(url, authority.end, &['?']) + 1).min(fragment)..fragment;
    for segment in segments(url, &query) {
        let (name, value) = name_and_value(url, &segment);
        let known = percent::decode(&url[name]).is_ok_and(|name| options::find(&name).is_some());
        if !known && !value.is_empty() {
            secrets.push(value);
        }
    }
    if fragment + 1 < url.len() {
        secrets.push(fragment + 1..url.len());
    }
    secrets
}

/// Whether `port`, behind `host` and a colon, is a port, a mistyped port, or more of an IPv6 address.
fn is_harmless(host: &str, port: &str) -> bool {
    let mistyped =
        !host.is_empty() && port.len() <= LONGEST_PORT && port.starts_with(|c: char| "+-0123456789".contains(c));
    let address = port.contains(':') && port.bytes().all(|byte| byte.is_ascii_hexdigit() || b":.".contains(&byte));
    port.is_empty() || mistyped || address || host.starts_with('[')
}

const SCHEMES: &[(&str, Kind)] = &[
    ("redis", Kind::Tcp),
    ("valkey", Kind::Tcp),
    ("rediss", Kind::Tls),
    ("valkeys", Kind::Tls),
    ("unix", Kind::Unix),
    ("redis+unix", Kind::Unix),
    ("valkey+unix", Kind::Unix),
    ("rediss+unix", Kind::UnixTls),
    ("valkeys+unix", Kind::UnixTls),
];

const DEPLOYMENTS: &[(&str, &str)] = &[("sentinel", "Sentinel"), ("cluster", "Cluster")];

const SCHEMES_EXPECTED: &str =
    "redis:// or valkey://, rediss:// or valkeys:// (TLS), or unix://";
const ESCAPED: &str =
    "no such character: in a password / ? # @ % are written %2F %3F %23 %40 %25, and elsewhere likewise";
const CREDENTIALS: &str = "user:password@host, or :password@host without a user";
const OPTION: &str = "a known option (a user and a password stand before the host)";

/// A port has five digits at most; a sixth character is left for one that was mistyped.
const LONGEST_PORT: usize = 6;
