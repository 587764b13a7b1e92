//! What goes wrong in an answer: the server's own errors, and replies of another shape than was asked for.

use std::fmt;

use super::facts::{Facts, Refusals};
use super::refusal::precedes_scripts;
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
        let line = line.split(ARGUMENTS).next().unwrap_or_default();
        match ECHOES.iter().find_map(|echo| echo.cut(line)) {
            Some(cut) => Self::new(cut),
            None => Self::new(line),
        }
    }

    /// The first word, such as `"WRONGTYPE"` or `"ERR"`: the part that means the same on every server version.
    pub fn code(&self) -> &str {
        self.line.split(' ').next().unwrap_or_default()
    }

    /// The whole text, the first word too, but for arguments that can be a password or another secret and that some
    /// answers repeat: those behind an unknown command, a wrong modifier of `ACL SETUSER`, a wrong setting of
    /// `CONFIG SET` or `SENTINEL SET`, a wrong option of `HELLO`.
    pub fn message(&self) -> &str {
        &self.line
    }

    /// What became of a command that was answered with this.
    pub(crate) fn fate(&self, facts: &Facts) -> Fate {
        let code = self.code();
        let refused = match facts.refusals() {
            Refusals::BeforeScripts => precedes_scripts(self.line.as_bytes()),
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

/// An answer that repeats an argument: what stands before it, and what may stand behind it.
struct Echo {
    before: &'static str,
    behind: &'static str,
}

impl Echo {
    /// The answer with `***` for the argument, if it is one of these. An argument can hold any text, so it ends as late
    /// as it can.
    fn cut(&self, line: &str) -> Option<String> {
        let start = line.strip_prefix("ERR ")?.strip_prefix(self.before)?;
        let behind = start.rfind(self.behind).and_then(|end| start.get(end..)).unwrap_or_default();
        Some(format!("ERR {}***{behind}", self.before))
    }
}

/// Answers that repeat an argument that can be a secret: in the right place, or by a slip that moved it there.
const ECHOES: &[Echo] = &[
    Echo { before: "Error in ACL SETUSER modifier '", behind: "': " },
    Echo { before: "Syntax error in HELLO option '", behind: "'" },
    Echo { before: "Unknown option or number of arguments for CONFIG SET - '", behind: "'" },
    // Up to Redis 6.2, and of Sentinels.
    Echo { before: "Invalid argument '", behind: "' for " },
    Echo { before: "Unsupported CONFIG parameter: ", behind: "\n" },
];

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
    fn an_argument_that_can_be_a_secret_is_cut_out_of_the_answer() {
        let cut = |line: &str| ServerError::from_bytes(line.as_bytes()).message().to_owned();
        for (line, left) in [
            ("ERR unknown command 'X', with args beginning with: 'hunter2' ", "ERR unknown command 'X'"),
            (
                "ERR Error in ACL SETUSER modifier '>hun': ter2': Syntax error",
                "ERR Error in ACL SETUSER modifier '***': Syntax error",
            ),
            ("ERR Error in ACL SETUSER modifier 'hunter2", "ERR Error in ACL SETUSER modifier '***"),
            ("ERR Syntax error in HELLO option 'hunt'er2'", "ERR Syntax error in HELLO option '***'"),
            (
                "ERR Unknown option or number of arguments for CONFIG SET - 'hunter2'",
                "ERR Unknown option or number of arguments for CONFIG SET - '***'",
            ),
            (
                "ERR Invalid argument 'hunter2' for CONFIG SET 'masterauth' - too long",
                "ERR Invalid argument '***' for CONFIG SET 'masterauth' - too long",
            ),
            (
                "ERR Invalid argument 'hunter2' for SENTINEL SET 'auth-pass'",
                "ERR Invalid argument '***' for SENTINEL SET 'auth-pass'",
            ),
            ("ERR Unsupported CONFIG parameter: hunter2", "ERR Unsupported CONFIG parameter: ***"),
        ] {
            assert_eq!(cut(line), left);
        }
    }

    #[test]
    fn other_answers_are_kept_word_by_word() {
        for line in [
            "WRONGTYPE Operation against a key holding the wrong kind of value",
            "ERR unknown subcommand 'FOO'. Try CLIENT HELP.",
            "ERR wrong number of arguments for 'get' command",
            "NOGROUP No such key 'k' or consumer group 'g' in XREADGROUP with GROUP option",
            "MYERR Error in ACL SETUSER modifier 'x'",
            "",
        ] {
            assert_eq!(ServerError::from_bytes(line.as_bytes()).message(), line);
        }
    }

    #[test]
    fn a_script_may_have_written_before_it_failed() {
        for command in ["EVAL", "FCALL", "SOME.MODULE"] {
            assert_eq!(fate(command, "OOM command not allowed"), Fate::Executed);
            assert_eq!(fate(command, "NOPERM x"), Fate::Executed);
            assert_eq!(fate(command, "ERR unknown command"), Fate::Executed);
            assert_eq!(fate(command, "NOSCRIPT No matching script"), Fate::Refused);
            assert_eq!(fate(command, "LOADING Redis is loading the dataset in memory"), Fate::Refused);
            assert_eq!(fate(command, "LOADING the cache is cold"), Fate::Executed);
        }
    }
}
