//! What goes wrong in an answer: the server's own errors, and replies of another shape than was asked for.

use std::fmt;

use super::facts::{Facts, Refusals};
use crate::outcome::Fate;
use crate::resp::{PayloadError, Reply};

/// An error that the server answered with, such as `WRONGTYPE Operation against a key holding the wrong kind of value`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ServerError {
    line: Box<str>,
}

impl ServerError {
    /// The error in these words.
    pub fn new(line: impl Into<Box<str>>) -> Self {
        Self { line: line.into() }
    }

    /// What a server said, without the arguments that some answers repeat: those may be secret.
    pub(crate) fn from_bytes(line: &[u8]) -> Self {
        let line = String::from_utf8_lossy(line);
        Self::new(line.split(ARGUMENTS).next().unwrap_or_default())
    }

    /// The first word, such as `"WRONGTYPE"` or `"ERR"`: the part that means the same on every server version.
    pub fn code(&self) -> &str {
        self.line.split(' ').next().unwrap_or_default()
    }

    /// The whole text, the first word too, but for the arguments that the answer to an unknown command repeats.
    pub fn message(&self) -> &str {
        &self.line
    }

    /// What became of a command that was answered with this.
    pub(crate) fn fate(&self, facts: &Facts) -> Fate {
        let code = self.code();
        let refused = match facts.refusals() {
            Refusals::BeforeScripts => REFUSALS_BEFORE_SCRIPTS.contains(&code),
            Refusals::Usual => REFUSALS.contains(&code) || self.is_plain_refusal(),
        };
        match (refused, code) {
            (true, _) => Fate::Refused,
            // MIGRATE's own time-out: the keys may have been moved.
            (false, "IOERR") => Fate::Unknown,
            (false, _) => Fate::Executed,
        }
    }

    fn is_plain_refusal(&self) -> bool {
        self.line.strip_prefix("ERR ").is_some_and(|text| PLAIN_REFUSALS.iter().any(|known| text.starts_with(known)))
    }
}

impl fmt::Debug for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServerError").field(&self.line).finish()
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

impl std::error::Error for ServerError {}

/// A reply that could not be converted to the type that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversionError {
    expected: &'static str,
    found: Box<str>,
}

impl ConversionError {
    /// `expected` says what was wanted (`"an integer that fits u8"`), `found` what came (`"300"`, `"an array of 3"`).
    pub fn new(expected: &'static str, found: impl Into<Box<str>>) -> Self {
        Self { expected, found: found.into() }
    }

    /// The error for a reply of another shape: says what kind of reply came, and no more of it than that.
    pub fn unexpected(expected: &'static str, reply: Reply<'_>) -> Self {
        match reply.bytes() {
            Some(line) if reply.is_error() => {
                Self::new(expected, format!("the error '{}'", ServerError::from_bytes(line)))
            }
            _ => Self::new(expected, reply.kind().to_string()),
        }
    }

    /// What was wanted.
    pub fn expected(&self) -> &'static str {
        self.expected
    }

    /// What came instead.
    pub fn found(&self) -> &str {
        &self.found
    }
}

impl From<PayloadError> for ConversionError {
    fn from(error: PayloadError) -> Self {
        Self::new("a well-formed reply", error.to_string())
    }
}

impl fmt::Display for ConversionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, found {}", self.expected, self.found)
    }
}

impl std::error::Error for ConversionError {}

/// What stands before the arguments in the answer to an unknown command.
const ARGUMENTS: &str = ", with args beginning with";

/// Error words that a server uses only before it runs a command.
const REFUSALS: &[&str] = &[
    "MOVED",
    "ASK",
    "TRYAGAIN",
    "CLUSTERDOWN",
    "CROSSSLOT",
    "MASTERDOWN",
    "LOADING",
    "READONLY",
    "BUSY",
    "OOM",
    "MISCONF",
    "NOREPLICAS",
    "NOAUTH",
    "NOPERM",
    "NOSCRIPT",
    "DENIED",
    "EXECABORT",
];

/// Those among them that cannot come out of the middle of a script.
const REFUSALS_BEFORE_SCRIPTS: &[&str] =
    &["MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "LOADING", "BUSY", "NOSCRIPT", "READONLY"];

/// What follows `ERR` in the refusals that have no word of their own.
const PLAIN_REFUSALS: &[&str] = &["unknown command", "wrong number of arguments", "max number of clients reached"];

#[cfg(test)]
mod tests {
    use super::*;

    fn fate(command: &str, line: &str) -> Fate {
        ServerError::new(line).fate(crate::command::Command::new(command).facts())
    }

    #[test]
    fn a_refusal_is_judged_by_its_first_word() {
        for word in REFUSALS {
            assert_eq!(fate("GET", &format!("{word} whatever the server says")), Fate::Refused, "{word}");
            assert_eq!(fate("GET", &format!("X{word} y")), Fate::Executed);
        }
        assert_eq!(fate("INCR", "WRONGTYPE Operation against a key"), Fate::Executed);
        assert_eq!(fate("MIGRATE", "IOERR error or timeout reading from target"), Fate::Unknown);
    }

    #[test]
    fn plain_errors_are_refusals_only_in_the_known_texts() {
        assert_eq!(fate("GET", "ERR wrong number of arguments for 'get' command"), Fate::Refused);
        assert_eq!(fate("GET", "ERR unknown command 'GET', with args"), Fate::Refused);
        assert_eq!(fate("GET", "ERR max number of clients reached"), Fate::Refused);
        assert_eq!(fate("INCR", "ERR value is not an integer or out of range"), Fate::Executed);
    }

    #[test]
    fn a_script_may_have_written_before_it_failed() {
        for command in ["EVAL", "FCALL", "SOME.MODULE"] {
            assert_eq!(fate(command, "OOM command not allowed"), Fate::Executed);
            assert_eq!(fate(command, "NOPERM x"), Fate::Executed);
            assert_eq!(fate(command, "ERR unknown command"), Fate::Executed);
            assert_eq!(fate(command, "NOSCRIPT No matching script"), Fate::Refused);
            assert_eq!(fate(command, "LOADING x"), Fate::Refused);
        }
    }
}
