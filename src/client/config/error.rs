//! What is wrong with a configuration, and where in its URL.

use std::fmt;
use std::ops::Range;

use super::mask::Masked;

/// A configuration that cannot be used.
///
/// It says what is wrong ([`kind`](Self::kind)), what would be right ([`expected`](Self::expected)), and, where the
/// configuration was a URL, which part is meant ([`text`](Self::text), [`span`](Self::span)). Nothing in it, its
/// `Debug` or its `Display` carries a password: user name and password are shown as `***`, and so is the value of an
/// option that is not known.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigError {
    kind: ConfigErrorKind,
    expected: &'static str,
    place: Option<Masked>,
}

/// What is wrong with a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigErrorKind {
    /// The text has no `scheme://`.
    MissingScheme,
    /// The scheme is none of those that are known.
    UnknownScheme,
    /// The scheme asks for TLS, and the crate was built without the feature `tls`.
    TlsNotBuiltIn,
    /// The host is empty.
    EmptyHost,
    /// The host has a character that no host has, or is an IPv6 address that is malformed or without brackets.
    BadHost,
    /// The host has a control character, or the path of a socket a NUL.
    ControlCharacter,
    /// The port is no number from 1 to 65535.
    BadPort,
    /// A `%` is not followed by two hexadecimal digits.
    BadPercentEscape,
    /// The text behind percent escapes is not UTF-8.
    NotUtf8,
    /// The database is no number, or out of range.
    BadDatabase,
    /// The path of a Unix socket is missing or not absolute.
    BadSocketPath,
    /// The name by which Sentinels know the servers is missing, or has a space or a control character.
    BadService,
    /// The URL has a `#`: it has no fragments, so this is likely a password that is not percent-encoded.
    Fragment,
    /// The URL has an `@` after the host, likely because of a `/` or `?` in a password that is not percent-encoded.
    MisplacedAt,
    /// There is a user name and no password.
    UsernameWithoutPassword,
    /// The URL has an option that is not known. The known ones are in [`Config::url_options`](super::Config::url_options).
    UnknownOption {
        /// The known option that is spelled nearly like it.
        did_you_mean: Option<&'static str>,
    },
    /// The URL has the same option, or the database, twice.
    DuplicateOption {
        /// The option's name.
        option: &'static str,
    },
    /// The value of a setting is malformed, out of range, or contradicts another one.
    BadValue {
        /// The setting, by the name it has in a URL.
        option: &'static str,
    },
    /// The option means nothing for this kind of address, such as `tls_ca` without TLS.
    DoesNotApply {
        /// The option's name.
        option: &'static str,
    },
}

impl ConfigError {
    pub(in crate::client) fn new(kind: ConfigErrorKind, expected: &'static str) -> Self {
        Self { kind, expected, place: None }
    }

    pub(in crate::client) fn at(self, place: Masked) -> Self {
        Self { place: Some(place), ..self }
    }

    /// What is wrong.
    pub fn kind(&self) -> ConfigErrorKind {
        self.kind
    }

    /// What would be right, such as `"a duration such as 500ms, 5s or 2m"`.
    pub fn expected(&self) -> &'static str {
        self.expected
    }

    /// The URL with its secrets masked; `None` where the configuration did not come from a URL.
    pub fn url(&self) -> Option<&str> {
        self.place.as_ref().map(Masked::text)
    }

    /// The bad part: a byte range of [`url`](Self::url), the masked text, so that it tells nothing of a password's
    /// length. It is empty where something is missing.
    pub fn span(&self) -> Option<Range<usize>> {
        self.place.as_ref().map(Masked::span)
    }

    /// The text of the bad part; `***` where it is in a masked part.
    pub fn text(&self) -> Option<&str> {
        self.place.as_ref().map(Masked::marked)
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid configuration: {}", self.kind)?;
        if let Some(place) = &self.place {
            let Range { start, end } = place.span();
            if start < end {
                write!(f, " {:?}", place.marked())?;
            }
            write!(f, " (bytes {start}..{end} of {:?})", place.text())?;
        }
        write!(f, "; expected {}", self.expected)?;
        if let ConfigErrorKind::UnknownOption { did_you_mean } = self.kind {
            if let Some(name) = did_you_mean {
                write!(f, "; did you mean {name:?}?")?;
            }
            f.write_str("; known options:")?;
            for (index, option) in super::Config::url_options().enumerate() {
                write!(f, "{} {}", if index == 0 { "" } else { "," }, option.name())?;
            }
        }
        Ok(())
    }
}

/// The problem alone, such as `bad value of deadline`.
impl fmt::Display for ConfigErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MissingScheme => "no scheme",
            Self::UnknownScheme => "unknown scheme",
            Self::TlsNotBuiltIn => "TLS is not built in:",
            Self::EmptyHost => "empty host",
            Self::BadHost => "bad host",
            Self::ControlCharacter => "control character in",
            Self::BadPort => "bad port",
            Self::BadPercentEscape => "bad percent escape",
            Self::NotUtf8 => "not UTF-8 after percent-decoding:",
            Self::BadDatabase => "bad database",
            Self::BadSocketPath => "bad socket path",
            Self::BadService => "bad name of a service",
            Self::Fragment => "a URL with a fragment:",
            Self::MisplacedAt => "after the host, a stray",
            Self::UsernameWithoutPassword => "user name without password:",
            Self::UnknownOption { .. } => "unknown option",
            Self::DuplicateOption { option } => return write!(f, "{option} is given twice:"),
            Self::BadValue { option } => return write!(f, "bad value of {option}"),
            Self::DoesNotApply { .. } => "an option that means nothing here:",
        })
    }
}

impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigError")
            .field("kind", &self.kind)
            .field("expected", &self.expected)
            .field("url", &self.url())
            .field("span", &self.span())
            .finish()
    }
}

impl std::error::Error for ConfigError {}

impl From<std::convert::Infallible> for ConfigError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}
