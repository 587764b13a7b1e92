//! What the fake server refuses, in the words of the real ones.

use std::borrow::Cow;

use bytes::Bytes;

/// An error reply: the line without the leading `-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure(Cow<'static, str>);

impl Failure {
    pub(crate) const SYNTAX: Failure = Failure::of("ERR syntax error");
    pub(crate) const WRONG_TYPE: Failure =
        Failure::of("WRONGTYPE Operation against a key holding the wrong kind of value");
    pub(crate) const NOT_AN_INTEGER: Failure = Failure::of("ERR value is not an integer or out of range");
    pub(crate) const NOT_POSITIVE: Failure = Failure::of("ERR value is out of range, must be positive");
    pub(crate) const NOT_A_FLOAT: Failure = Failure::of("ERR value is not a valid float");
    pub(crate) const OVERFLOW: Failure = Failure::of("ERR increment or decrement would overflow");
    pub(crate) const NO_SUCH_KEY: Failure = Failure::of("ERR no such key");

    pub(crate) const fn of(line: &'static str) -> Self {
        Failure(Cow::Borrowed(line))
    }

    pub(crate) fn new(line: String) -> Self {
        Failure(Cow::Owned(line))
    }

    /// `command` in lower case, a subcommand as `client|id`.
    pub(crate) fn arity(command: &str) -> Self {
        Failure::new(format!("ERR wrong number of arguments for '{command}' command"))
    }

    pub(crate) fn unknown_command(command: &[Bytes]) -> Self {
        let (name, arguments) = command.split_first().map_or((&[][..], &[][..]), |(name, rest)| (name, rest));
        let mut listed = String::new();
        for argument in arguments {
            if listed.len() >= LONGEST_QUOTE {
                break;
            }
            listed += &format!("'{}' ", quote(argument, LONGEST_QUOTE - listed.len()));
        }
        let name = quote(name, LONGEST_QUOTE);
        Failure::new(format!("ERR unknown command '{name}', with args beginning with: {listed}"))
    }

    pub(crate) fn unknown_subcommand(container: &str, subcommand: &[u8]) -> Self {
        let (subcommand, container) = (quote(subcommand, LONGEST_QUOTE), container.to_uppercase());
        Failure::new(format!("ERR unknown subcommand '{subcommand}'. Try {container} HELP."))
    }

    pub(crate) fn invalid_expire(command: &str) -> Self {
        Failure::new(format!("ERR invalid expire time in '{command}' command"))
    }

    pub(crate) fn line(self) -> Bytes {
        match self.0 {
            Cow::Borrowed(line) => Bytes::from_static(line.as_bytes()),
            Cow::Owned(line) => Bytes::from(line),
        }
    }
}

/// Bytes of a command that an error repeats at most.
const LONGEST_QUOTE: usize = 128;

fn quote(text: &[u8], longest: usize) -> Cow<'_, str> {
    String::from_utf8_lossy(text.get(..longest).unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_command_is_repeated_up_to_a_limit() {
        let command = [Bytes::from("FOO"), Bytes::from("a"), Bytes::from("x".repeat(1000)), Bytes::from("y")];
        let line = Failure::unknown_command(&command).line();
        let line = std::str::from_utf8(&line).unwrap();
        assert!(line.starts_with("ERR unknown command 'FOO', with args beginning with: 'a' 'xxx"), "{line}");
        assert!(line.len() < 320 && !line.contains('y'), "{line}");
    }
}
