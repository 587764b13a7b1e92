//! A command, encoded as it is built.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::args::{Args, ToArgs};
use super::encoded::{Encoded, LARGE};
use super::facts::{self, Facts, Sharing};
use super::slot::Slot;
use crate::resp::{put_array_header, put_bulk, put_bulk_header, put_bulk_int};

/// A command of any name, with any arguments, encoded as it is built.
///
/// ```
/// use steadfast::Command;
///
/// let command = Command::new("EVAL").arg("return redis.call('INCR', KEYS[1])").arg(1).key("visits");
/// assert_eq!(command.name(), "EVAL");
/// ```
///
/// A name with spaces is sent as several words: `Command::new("CONFIG GET")` is `CONFIG` and `GET`. Arguments are sent
/// as they are, spaces and line ends too: none can become another argument or command.
pub struct Command {
    facts: &'static Facts,
    /// The name of a command that the table of facts does not know.
    unknown: Option<Arc<str>>,
    /// All arguments as bulk strings, the name first. The array header is written when the command is sent.
    body: Encoded,
    /// How many bulk strings `body` holds.
    words: usize,
    /// Where the bulk string of the first key begins in `body`.
    key: Option<usize>,
}

impl Command {
    /// A command by its name, such as `"GET"` or `"FT.SEARCH"`.
    pub fn new(name: &str) -> Self {
        match facts::lookup(name) {
            Some(facts) => Self::of(facts),
            None => {
                let mut command = Self::empty(&facts::UNKNOWN);
                command.unknown = Some(name.into());
                command.push_words(name);
                command
            }
        }
    }

    /// A command whose facts are known.
    pub(crate) fn of(facts: &'static Facts) -> Self {
        let mut command = Self::empty(facts);
        command.body.small().extend_from_slice(facts.wire_name());
        command.words = facts.words();
        command
    }

    /// Adds arguments: one or, of a tuple, an array or a map, several.
    #[must_use]
    pub fn arg(mut self, arguments: impl ToArgs) -> Self {
        self.push(&arguments);
        self
    }

    /// Adds a key: an argument by which a cluster decides where the command goes. The first one counts.
    #[must_use]
    pub fn key(mut self, key: impl ToArgs) -> Self {
        self.push_key(&key);
        self
    }

    /// The command's name.
    pub fn name(&self) -> &str {
        self.unknown.as_deref().unwrap_or(self.facts.name())
    }

    /// The name, if the table of facts does not know it.
    pub(crate) fn unknown_name(&self) -> Option<Arc<str>> {
        self.unknown.clone()
    }

    /// Whether it would change, hold up or silence a connection that others use too.
    pub(crate) fn needs_dedicated(&self) -> bool {
        match self.facts.sharing() {
            Sharing::Shared => false,
            Sharing::Dedicated => true,
            Sharing::DedicatedWith(words) => self
                .words()
                .nth(1)
                .is_some_and(|second| words.iter().any(|word| word.as_bytes().eq_ignore_ascii_case(second))),
            Sharing::DedicatedIfBlocking => self
                .words()
                .take_while(|word| !word.eq_ignore_ascii_case(b"STREAMS"))
                .any(|word| word.eq_ignore_ascii_case(b"BLOCK")),
        }
    }

    /// What is known of the command.
    pub fn facts(&self) -> &'static Facts {
        self.facts
    }

    /// The hash slot of the first argument that was given as a key.
    pub fn slot(&self) -> Option<Slot> {
        let (start, len) = self.bulk_at(self.key?)?;
        let mut slot = None;
        self.body.pieces(start..start + len, |key| {
            slot = Some(Slot::of(key));
            false
        });
        slot
    }

    /// How many arguments it has, the name's words among them.
    pub fn len(&self) -> usize {
        self.words
    }

    /// Never: a command has its name at least.
    pub fn is_empty(&self) -> bool {
        self.words == 0
    }

    /// The bytes that will be sent.
    pub fn to_wire(&self) -> Vec<u8> {
        let mut wire = Encoded::default();
        self.write_to(&mut wire);
        let mut out = Vec::with_capacity(wire.len());
        wire.pieces(0..wire.len(), |piece| {
            out.extend_from_slice(piece);
            true
        });
        out
    }

    /// Appends the whole command, array header and all; returns its length.
    pub(crate) fn write_to(&self, log: &mut Encoded) -> usize {
        let before = log.len();
        put_array_header(log.small(), self.words);
        log.append(&self.body);
        log.len() - before
    }

    /// At most this many bytes will be sent.
    pub(crate) fn size(&self) -> usize {
        self.body.len() + ARRAY_HEADER
    }

    pub(crate) fn push(&mut self, arguments: &(impl ToArgs + ?Sized)) {
        arguments.write_args(&mut Args::new(self));
    }

    pub(crate) fn push_key(&mut self, key: &(impl ToArgs + ?Sized)) {
        let before = self.body.len();
        self.push(key);
        if self.key.is_none() {
            self.key = (self.body.len() > before).then_some(before);
        }
    }

    pub(crate) fn push_bytes(&mut self, argument: &[u8]) {
        put_bulk(self.body.small(), argument);
        self.words += 1;
    }

    pub(crate) fn push_shared(&mut self, argument: &Bytes) {
        if argument.len() < LARGE {
            return self.push_bytes(argument);
        }
        put_bulk_header(self.body.small(), argument.len());
        self.body.push_large(argument.clone());
        self.body.small().extend_from_slice(b"\r\n");
        self.words += 1;
    }

    pub(crate) fn push_integer(&mut self, argument: i64) {
        put_bulk_int(self.body.small(), argument);
        self.words += 1;
    }

    /// Makes a body that has grown large shared, so that sending it copies nothing.
    pub(crate) fn seal(&mut self) {
        self.body.share_if_large();
    }

    /// The words from the name on; of a large one perhaps only its beginning.
    fn words(&self) -> impl Iterator<Item = &[u8]> {
        let mut next = 0;
        std::iter::from_fn(move || {
            let (start, len) = self.bulk_at(next)?;
            next = start + len + 2;
            let mut word: &[u8] = &[];
            self.body.pieces(start..start + len, |piece| {
                word = piece;
                false
            });
            Some(word)
        })
    }

    fn empty(facts: &'static Facts) -> Self {
        Self { facts, unknown: None, body: Encoded::from_scratch(), words: 0, key: None }
    }

    fn push_words(&mut self, name: &str) {
        for word in name.split(' ') {
            self.push_bytes(word.as_bytes());
        }
    }

    /// Where the payload of the bulk string that begins at `position` is, and its length; `None` if none begins there.
    fn bulk_at(&self, position: usize) -> Option<(usize, usize)> {
        let mut header = [0u8; 24];
        let mut filled = 0;
        self.body.pieces(position..position + header.len(), |piece| {
            for (place, byte) in header.iter_mut().skip(filled).zip(piece) {
                *place = *byte;
                filled += 1;
            }
            true
        });
        let end = header.iter().position(|byte| *byte == b'\r')?;
        let digits = header.get(1..end)?;
        let len = digits.iter().fold(0usize, |len, digit| len * 10 + usize::from(digit - b'0'));
        Some((position + end + 2, len))
    }
}

impl Clone for Command {
    fn clone(&self) -> Self {
        Self {
            facts: self.facts,
            unknown: self.unknown.clone(),
            body: self.body.clone(),
            words: self.words,
            key: self.key,
        }
    }
}

impl Drop for Command {
    fn drop(&mut self) {
        std::mem::take(&mut self.body).recycle();
    }
}

/// Shows the name and the number of arguments, never their contents: they may be secrets.
impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command").field("name", &self.name()).field("arguments", &self.words.saturating_sub(1)).finish()
    }
}

/// `*` and the digits of a 64-bit number and `\r\n`.
const ARRAY_HEADER: usize = 23;

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(command: &Command) -> String {
        String::from_utf8(command.to_wire()).unwrap().replace("\r\n", " ")
    }

    #[test]
    fn a_name_with_spaces_is_several_words() {
        assert_eq!(wire(&Command::new("CONFIG GET").arg("save")), "*3 $6 CONFIG $3 GET $4 save ");
    }

    #[test]
    fn the_slot_is_that_of_the_first_key_wherever_it_stands() {
        let command = Command::new("SOMETHING").arg("x").key("foo").key("bar");
        assert_eq!(command.slot(), Some(Slot::of(b"foo")));
        assert_eq!(Command::new("PING").slot(), None);
        let large = Bytes::from(vec![b'k'; LARGE]);
        assert_eq!(Command::new("GET").key(&large).slot(), Some(Slot::of(&large)));
    }

    #[test]
    fn a_large_argument_is_shared_and_sent_in_its_place() {
        let large = Bytes::from(vec![b'v'; LARGE]);
        let command = Command::new("SET").key("k").arg(&large).arg("EX");
        let wire = command.to_wire();
        assert!(wire.ends_with(b"v\r\n$2\r\nEX\r\n"));
        assert!(wire.starts_with(b"*4\r\n$3\r\nSET\r\n$1\r\nk\r\n$16384\r\nv"));
    }

    #[test]
    fn what_would_disturb_others_is_known_by_its_name_and_its_options() {
        let disturbs = |command: Command| command.needs_dedicated();
        assert!(disturbs(Command::new("subscribe").arg("x")) && disturbs(Command::new("MULTI")));
        assert!(disturbs(Command::new("CLIENT").arg(("reply", "OFF"))));
        assert!(disturbs(Command::new("client reply").arg("OFF")));
        assert!(disturbs(Command::new("CLIENT TRACKING").arg("ON")) && disturbs(Command::new("client caching")));
        assert!(!disturbs(Command::new("CLIENT").arg("ID")) && !disturbs(Command::new("GET").key("reply")));
        assert!(disturbs(Command::new("XREAD").arg(("COUNT", 1, "block", 0, "STREAMS", "k"))));
        assert!(disturbs(Command::new("XREADGROUP").arg(("GROUP", "", "c", "BLOCK", 0))));
        assert!(!disturbs(Command::new("XREAD").arg(("COUNT", 1, "STREAMS")).key("BLOCK").arg("0")));
    }

    #[test]
    fn debug_shows_no_argument() {
        let text = format!("{:?}", Command::new("AUTH").arg("hunter2"));
        assert_eq!(text, r#"Command { name: "AUTH", arguments: 1 }"#);
    }
}
