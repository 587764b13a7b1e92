//! The parts of a URL (RFC 3986), found and read one by one.

use std::borrow::Cow;
use std::ops::Range;

use super::secrets::secrets;
use crate::client::config::{Config, ConfigError, ConfigErrorKind, Masked, percent, values};

/// The parts of a URL, as byte ranges of it, not decoded yet.
pub(super) struct Parts<'a> {
    pub(super) url: &'a str,
    pub(super) kind: Kind,
    userinfo: Option<Range<usize>>,
    /// One host or several with commas between, each with or without a port.
    pub(super) hosts: Range<usize>,
    pub(super) path: Range<usize>,
    pub(super) query: Range<usize>,
}

/// What a scheme asks for.
#[derive(Clone, Copy)]
pub(super) struct Kind {
    pub(super) form: Form,
    is_tls: bool,
}

/// What the parts of a URL mean.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// `host:port/database`; with several hosts, a primary and its replicas.
    Servers,
    /// The path is that of a socket.
    Socket,
    /// `host,host/database`.
    Cluster,
    /// `host,host/service/database`.
    Sentinel,
}

impl<'a> Parts<'a> {
    pub(super) fn split(url: &'a str) -> Result<Self, ConfigError> {
        let Some(scheme) = scheme(url) else {
            return Err(fail(url, ConfigErrorKind::MissingScheme, SCHEMES_EXPECTED, 0..0));
        };
        let Some(kind) = values::word(&url[..scheme].to_ascii_lowercase(), SCHEMES) else {
            return Err(fail(url, ConfigErrorKind::UnknownScheme, SCHEMES_EXPECTED, 0..scheme));
        };
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
        if let Some(second) = at.and_then(|at| credentials_of_another_host(&url[start..at])) {
            let place = start + second..start + second + 1;
            return Err(fail(url, ConfigErrorKind::MisplacedAt, ONCE, place));
        }
        let hosts = at.map_or(start, |at| at + 1)..authority.end;
        Ok(Self { url, kind, userinfo: at.map(|at| start..at), hosts, path, query })
    }

    pub(super) fn with_tls(&self, config: Config) -> Result<Config, ConfigError> {
        if !self.kind.is_tls {
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

/// What shows that credentials stand before more than one host, as in `user:password@a,user:password@b`, or before a later
/// one, as in `a,user:password@b`, where `text` is what stands before the last `@`. They would be one strange user or
/// password otherwise.
fn credentials_of_another_host(text: &str) -> Option<usize> {
    let username = end_of_part(text, 0, &[':']);
    text[..username].find(',').or_else(|| text.find('@').filter(|at| text[*at..].contains(',')))
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

const fn plain(form: Form) -> Kind {
    Kind { form, is_tls: false }
}

const fn tls(form: Form) -> Kind {
    Kind { form, is_tls: true }
}

const SCHEMES: &[(&str, Kind)] = &[
    ("redis", plain(Form::Servers)),
    ("valkey", plain(Form::Servers)),
    ("rediss", tls(Form::Servers)),
    ("valkeys", tls(Form::Servers)),
    ("unix", plain(Form::Socket)),
    ("redis+unix", plain(Form::Socket)),
    ("valkey+unix", plain(Form::Socket)),
    ("rediss+unix", tls(Form::Socket)),
    ("valkeys+unix", tls(Form::Socket)),
    ("redis+cluster", plain(Form::Cluster)),
    ("valkey+cluster", plain(Form::Cluster)),
    ("rediss+cluster", tls(Form::Cluster)),
    ("valkeys+cluster", tls(Form::Cluster)),
    ("redis+sentinel", plain(Form::Sentinel)),
    ("valkey+sentinel", plain(Form::Sentinel)),
    ("rediss+sentinel", tls(Form::Sentinel)),
    ("valkeys+sentinel", tls(Form::Sentinel)),
];

const SCHEMES_EXPECTED: &str = "redis:// or valkey://, rediss:// or valkeys:// (TLS), unix://, or one of the first four with +cluster or \
                                +sentinel, as in redis+cluster://";
const ESCAPED: &str =
    "no such character: in a password, / ? # @ % are written %2F %3F %23 %40 %25, and elsewhere likewise";
const CREDENTIALS: &str = "user:password@host, or :password@host without a user";
const ONCE: &str = "a user and a password once, before the first host; in a password, @ is written %40";
