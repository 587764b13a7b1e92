//! What `MONITOR` tells of one command.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::{BufMut, Bytes, BytesMut};

/// A command that the server has run, as [`MONITOR`](https://redis.io/docs/latest/commands/monitor/) tells it. Its `Debug` shows
/// the command's name, and no argument.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MonitorLine {
    /// When it ran, by the server's clock.
    pub at: SystemTime,
    /// The number of the database that was chosen then.
    pub database: u32,
    /// Who sent it: an address with its port (`127.0.0.1:50000`, `[::1]:50000`), `unix:` and a path, or `lua` for a
    /// script.
    pub client: String,
    /// The command's name and its arguments, byte for byte. The server puts `(redacted)` where a secret stood.
    pub command: Vec<Bytes>,
}

impl MonitorLine {
    /// What the line says; `None`: it has another form. `1339518083.107412 [0 127.0.0.1:60866] "keys" "*"`.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let (time, rest) = split(line, b" [")?;
        let (database, rest) = split(rest, b" ")?;
        let (client, mut rest) = split(rest, b"] ")?;
        let mut command = Vec::new();
        while !rest.is_empty() {
            let (word, behind) = unquoted(rest)?;
            command.push(word);
            rest = match behind {
                [b' ', behind @ ..] if !behind.is_empty() => behind,
                [] => behind,
                _ => return None,
            };
        }
        let at = UNIX_EPOCH.checked_add(time_of(std::str::from_utf8(time).ok()?)?)?;
        let database = std::str::from_utf8(database).ok()?.parse().ok()?;
        let client = String::from_utf8_lossy(client).into_owned();
        (!command.is_empty()).then_some(Self { at, database, client, command })
    }
}

impl fmt::Debug for MonitorLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MonitorLine")
            .field("at", &self.at)
            .field("database", &self.database)
            .field("client", &self.client)
            .field("command", &self.command.first())
            .field("arguments", &self.command.len().saturating_sub(1))
            .finish()
    }
}

/// Seconds and microseconds.
fn time_of(text: &str) -> Option<Duration> {
    let (seconds, micros) = text.split_once('.')?;
    if micros.len() != 6 {
        return None;
    }
    Some(Duration::from_secs(seconds.parse().ok()?) + Duration::from_micros(micros.parse().ok()?))
}

/// What stands before `separator`, and what behind it.
fn split<'a>(line: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = line.windows(separator.len()).position(|part| part == separator)?;
    Some((line.get(..at)?, line.get(at + separator.len()..)?))
}

/// The first word of what is left, without its quotes and escapes, and what stands behind it.
fn unquoted(quoted: &[u8]) -> Option<(Bytes, &[u8])> {
    let mut rest = quoted.strip_prefix(b"\"")?;
    let mut word = BytesMut::with_capacity(rest.len().min(64));
    loop {
        let plain = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
        word.put_slice(rest.get(..plain)?);
        rest = rest.get(plain..)?;
        rest = match rest {
            [b'"', behind @ ..] => return Some((word.freeze(), behind)),
            [b'\\', b'x', high, low, behind @ ..] => {
                word.put_u8(16 * digit(*high)? + digit(*low)?);
                behind
            }
            [b'\\', escaped, behind @ ..] => {
                word.put_u8(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'a' => 0x07,
                    b'b' => 0x08,
                    b'"' | b'\\' => *escaped,
                    _ => return None,
                });
                behind
            }
            _ => return None,
        };
    }
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Option<Vec<Vec<u8>>> {
        let line = MonitorLine::parse(format!("1.000002 [3 127.0.0.1:60866] {line}").as_bytes())?;
        Some(line.command.iter().map(|word| word.to_vec()).collect())
    }

    #[test]
    fn a_line_says_when_where_who_and_what() {
        let line = MonitorLine::parse(br#"1339518083.107412 [9 127.0.0.1:60866] "keys" "*""#).unwrap();
        assert_eq!(line.at, UNIX_EPOCH + Duration::from_micros(1_339_518_083_107_412));
        assert_eq!((line.database, line.client.as_str()), (9, "127.0.0.1:60866"));
        assert_eq!(line.command, ["keys", "*"]);
        for client in ["lua", "[::1]:50000", "unix:/tmp/a socket"] {
            let line = MonitorLine::parse(format!("1.000000 [0 {client}] \"ping\"").as_bytes()).unwrap();
            assert_eq!((line.client.as_str(), line.command.len()), (client, 1));
        }
    }

    #[test]
    fn arguments_are_what_they_were() {
        let all: Vec<u8> = (0..=255).collect();
        // As the server does it (`sdscatrepr`).
        let quoted: String = all
            .iter()
            .map(|byte| match byte {
                b'\\' | b'"' => format!("\\{}", char::from(*byte)),
                b'\n' => "\\n".into(),
                b'\r' => "\\r".into(),
                b'\t' => "\\t".into(),
                0x07 => "\\a".into(),
                0x08 => "\\b".into(),
                0x20..=0x7e => char::from(*byte).to_string(),
                _ => format!("\\x{byte:02x}"),
            })
            .collect();
        assert_eq!(
            words(&format!("\"set\" \"{quoted}\" \"\" \"] \\\"x\"")),
            Some(vec![b"set".to_vec(), all, Vec::new(), b"] \"x".to_vec()])
        );
    }

    #[test]
    fn what_has_another_form_is_none() {
        for line in ["", "\"", "\"get", "\"get\" ", "\"get\"x", "get", "\"\\q\"", "\"\\x1\"", "\"\\xzz\""] {
            assert_eq!(words(line), None, "{line:?}");
        }
        for line in ["OK", "1.0 [0 a] \"x\"", "x.000000 [0 a] \"x\"", "1.000000 [x a] \"x\"", "1.000000 [0] \"x\""] {
            assert_eq!(MonitorLine::parse(line.as_bytes()), None, "{line}");
        }
    }
}
