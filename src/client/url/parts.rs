//! The parts of a URL (RFC 3986), found and read one by one.

use std::borrow::Cow;
use std::ops::Range;
use std::path::PathBuf;

use super::secrets::secrets;
use crate::client::config::{Config, ConfigError, ConfigErrorKind, Masked, percent, validate, values};
use crate::client::defaults;
use crate::outcome::Address;

/// The parts of a URL, as byte ranges of it, not decoded yet.
pub(super) struct Parts<'a> {
    pub(super) url: &'a str,
    kind: Kind,
    userinfo: Option<Range<usize>>,
    host: Range<usize>,
    path: Range<usize>,
    pub(super) query: Range<usize>,
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
    pub(super) fn split(url: &'a str) -> Result<Self, ConfigError> {
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

    pub(super) fn address(&self) -> Result<Address, ConfigError> {
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

    /// The database in the path of a URL that has one there.
    pub(super) fn database(&self) -> Option<Range<usize>> {
        let database = self.path.start + 1..self.path.end;
        if self.kind.is_unix() || database.is_empty() { None } else { Some(database) }
    }

    pub(super) fn with_tls(&self, config: Config) -> Result<Config, ConfigError> {
        if !self.kind.is_tls() {
            return Ok(config);
        }
        config.over_tls().ok_or_else(|| {
            let scheme = 0..scheme(self.url).unwrap_or(0);
            self.fail(ConfigErrorKind::TlsNotBuiltIn, "a build with the feature tls", scheme)
        })
    }

    pub(super) fn with_credentials(&self, config: Config) -> Result<Config, ConfigError> {
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

    pub(super) fn text(&self, span: &Range<usize>) -> &'a str {
        &self.url[span.clone()]
    }

    pub(super) fn decoded(&self, span: Range<usize>) -> Result<Cow<'a, str>, ConfigError> {
        percent::decode(self.text(&span)).map_err(|(kind, part)| {
            self.fail(kind, "UTF-8 text, percent-encoded as in %40", span.start + part.start..span.start + part.end)
        })
    }

    pub(super) fn fail(&self, kind: ConfigErrorKind, expected: &'static str, span: Range<usize>) -> ConfigError {
        fail(self.url, kind, expected, span)
    }
}

/// Where the scheme of a URL ends.
pub(super) fn scheme(url: &str) -> Option<usize> {
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
pub(super) fn end_of_part(url: &str, start: usize, stops: &[char]) -> usize {
    url[start..].find(stops).map_or(url.len(), |length| start + length)
}

/// The options in the part `query` of `url`, each `name=value`.
pub(super) fn segments<'a>(url: &'a str, query: &Range<usize>) -> impl Iterator<Item = Range<usize>> + 'a {
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

pub(super) fn name_and_value(url: &str, segment: &Range<usize>) -> (Range<usize>, Range<usize>) {
    match url[segment.clone()].find('=') {
        Some(length) => (segment.start..segment.start + length, segment.start + length + 1..segment.end),
        None => (segment.clone(), segment.end..segment.end),
    }
}

fn fail(url: &str, kind: ConfigErrorKind, expected: &'static str, span: Range<usize>) -> ConfigError {
    ConfigError::new(kind, expected).at(Masked::new(url, &secrets(url), &span))
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

const DEPLOYMENTS: &[(&str, &str)] = &[("sentinel", "Redis Sentinel"), ("cluster", "Redis Cluster")];

const SCHEMES_EXPECTED: &str = "redis:// or valkey://, rediss:// or valkeys:// (TLS), or unix://";
const ESCAPED: &str =
    "no such character: in a password, / ? # @ % are written %2F %3F %23 %40 %25, and elsewhere likewise";
const CREDENTIALS: &str = "user:password@host, or :password@host without a user";
