//! A command, encoded as it is built.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::args::{Args, ToArgs};
use super::encoded::{Encoded, LARGE};
use super::facts::{self, Effect, Facts, Sharing};
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
/// # Names of several words
/// A name is split at white space and at NUL, and each word is sent as one argument: `Command::new("CONFIG GET save")` is the same
/// as `Command::new("CONFIG").arg(("GET", "save"))`. Its first two words, or the first one, say which command it is;
/// further ones are ordinary arguments, which show nowhere. So is everything after the first word of a command that
/// this crate knows nothing of. Keys are only what [`Command::key`] adds, so give arguments to [`Command::arg`] and
/// [`Command::key`]: those may hold white space too.
///
/// A name without a word is sent as one empty word, which every server answers with an error.
pub struct Command {
    facts: &'static Facts,
    /// The first word of a command that the table of facts does not know.
    unknown: Option<Arc<str>>,
    /// All arguments as bulk strings, the name first. The array header is written when the command is sent.
    body: Encoded,
    /// How many bulk strings `body` holds.
    words: usize,
    /// Where the bulk string of the first key begins in `body`.
    key: Option<usize>,
}

impl Command {
    /// A command by its name, such as `"GET"`, `"CONFIG SET"` or `"FT.SEARCH"`, in any case.
    pub fn new(name: &str) -> Self {
        let mut words = words_of(name);
        let first = words.next().unwrap_or_default();
        let mut after_second = words.clone();
        let two = after_second.next().and_then(|second| facts::lookup_two(first, second));
        let (mut command, rest) = match (two, facts::lookup(first)) {
            (Some(facts), _) => (Self::of(facts), after_second),
            (None, Some(facts)) => (Self::of(facts), words),
            (None, None) => (Self::unknown(first), words),
        };
        for word in rest {
            command.push_bytes(word.as_bytes());
        }
        command
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

    /// The command's name: as the documentation spells it (`"CONFIG GET"`) if this crate knows the command, else the
    /// first word as it was given, or `"(empty)"` if there was none. Never an argument.
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
            Sharing::DedicatedIfBlocking => self.has_option(b"BLOCK"),
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

    /// What running it does, its options considered: some commands do other things with them.
    pub(crate) fn effect(&self) -> Effect {
        let has = |options: &[&str]| {
            // A value that reads like an option makes this too careful, never too bold.
            self.words().skip(2).any(|word| options.iter().any(|option| word.eq_ignore_ascii_case(option.as_bytes())))
        };
        match self.facts.name() {
            "SET" if has(&["GET"]) => Effect::Never,
            "ZADD" if has(&["INCR"]) => Effect::Accumulating,
            _ => self.facts.effect(),
        }
    }

    /// Whether the option stands before `STREAMS`, the names behind `GROUP` left out: those may be any word.
    fn has_option(&self, option: &[u8]) -> bool {
        let mut words = self.words();
        while let Some(word) = words.next() {
            if word.eq_ignore_ascii_case(option) {
                return true;
            }
            if word.eq_ignore_ascii_case(b"STREAMS") {
                return false;
            }
            if word.eq_ignore_ascii_case(b"GROUP") {
                words.nth(1);
            }
        }
        false
    }

    /// The words from the name on, as a server compares them: up to the first NUL. Of a large one perhaps only its
    /// beginning.
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
            word.split(|byte| *byte == 0).next()
        })
    }

    fn empty(facts: &'static Facts) -> Self {
        Self { facts, unknown: None, body: Encoded::from_scratch(), words: 0, key: None }
    }

    fn unknown(word: &str) -> Self {
        let mut command = Self::empty(&facts::UNKNOWN);
        command.unknown = Some(if word.is_empty() { "(empty)" } else { word }.into());
        // An empty word too: to an empty array a server gives no answer at all.
        command.push_bytes(word.as_bytes());
        command
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

/// The words of a name. Servers compare names as C strings, so to them what follows a NUL is no part of a name.
fn words_of(name: &str) -> impl Iterator<Item = &str> + Clone {
    name.split(|letter: char| letter.is_whitespace() || letter == '\0').filter(|word| !word.is_empty())
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
    fn a_name_is_split_at_any_white_space_and_in_any_case() {
        for name in ["CONFIG GET save", " config  get\tsave\r\n", "\u{a0}Config Get\u{2003}save "] {
            let command = Command::new(name);
            assert_eq!((command.name(), command.len()), ("CONFIG GET", 3), "{name:?}");
            assert_eq!(wire(&command), "*3 $6 CONFIG $3 GET $4 save ");
        }
        assert_eq!(wire(&Command::new("MULTI ")), "*1 $5 MULTI ");
    }

    #[test]
    fn arguments_in_the_name_do_not_hide_what_the_command_is() {
        for name in [
            "SUBSCRIBE news",
            "MULTI ",
            " multi",
            "BLPOP q 0",
            "CLIENT REPLY OFF",
            "client  reply\toff",
            "XREAD BLOCK 0 STREAMS s $",
            "XREAD COUNT 1\nBLOCK 0 STREAMS s $",
            "AUTH bob hunter2",
            "SELECT 1",
        ] {
            assert!(Command::new(name).needs_dedicated(), "{name}");
        }
        for name in ["GET multi", "CLIENT ID x", "CLIENT FOO REPLY", "XREAD STREAMS BLOCK 0", "ECHO SUBSCRIBE"] {
            assert!(!Command::new(name).needs_dedicated(), "{name}");
        }
    }

    #[test]
    fn arguments_in_the_name_are_no_part_of_the_name() {
        let shown = |name| Command::new(name).name().to_owned();
        assert_eq!(shown("AUTH bob hunter2"), "AUTH");
        assert_eq!(shown("config set requirepass hunter2"), "CONFIG SET");
        assert_eq!(shown("Ft.Search hunter2"), "Ft.Search");
        assert_eq!(&*Command::new("Ft.Search hunter2").unknown_name().unwrap(), "Ft.Search");
        let text = format!("{:?}", Command::new("AUTH bob hunter2"));
        assert_eq!(text, r#"Command { name: "AUTH", arguments: 2 }"#);
    }

    #[test]
    fn an_unknown_subcommand_keeps_what_is_known_of_its_container() {
        let command = Command::new("CLIENT FOO bar");
        assert_eq!((command.name(), command.unknown_name()), ("CLIENT", None));
        assert_eq!(wire(&command), "*3 $6 CLIENT $3 FOO $3 bar ");
        assert!(std::ptr::eq(command.facts(), Command::new("CLIENT").facts()));
    }

    #[test]
    fn an_empty_name_is_sent_as_an_empty_word_and_never_as_an_empty_array() {
        for name in ["", " ", "\t\r\n"] {
            let command = Command::new(name);
            assert_eq!((command.name(), command.len(), command.is_empty()), ("(empty)", 1, false));
            assert_eq!(wire(&command), "*1 $0  ");
        }
        assert_eq!(wire(&Command::new("").arg("MULTI")), "*2 $0  $5 MULTI ");
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
    fn a_group_of_any_name_hides_no_option_and_is_none() {
        let disturbs = |name| Command::new(name).needs_dedicated();
        assert!(disturbs("XREADGROUP GROUP streams c BLOCK 0 STREAMS s >"));
        assert!(disturbs("XREADGROUP group g STREAMS block 0 STREAMS s >"));
        assert!(!disturbs("XREADGROUP GROUP block block STREAMS s >"));
        assert!(!disturbs("XREADGROUP GROUP"));
    }

    #[test]
    fn a_nul_ends_a_word_as_it_does_for_servers() {
        for name in ["MULTI\0x", "\0MULTI", "CLIENT REPLY\0x OFF", "CLIENT\0REPLY", "XREAD BLOCK\x000 0 STREAMS s $"] {
            assert!(Command::new(name).needs_dedicated(), "{name:?}");
        }
        assert!(Command::new("CLIENT").arg("REPLY\0x").needs_dedicated());
        assert!(Command::new("XREAD").arg(("BLOCK\0", 0)).needs_dedicated());
        assert!(Command::new("XREAD").arg(("GROUP\0", "STREAMS", "c", "BLOCK", 0)).needs_dedicated());
        assert_eq!(Command::new("NOSUCH\0hunter2").name(), "NOSUCH");
        assert_eq!(wire(&Command::new("ECHO").arg("a\0b")), "*2 $4 ECHO $3 a\0b ");
    }

    #[test]
    fn options_change_what_a_command_does() {
        let effect = |name: &str, arguments: &[&str]| Command::new(name).arg(arguments).effect();
        assert_eq!(effect("SET", &["k", "v", "EX", "5"]), Effect::LastWriteWins);
        assert_eq!(effect("SET", &["k", "v", "get"]), Effect::Never);
        assert_eq!(effect("ZADD", &["k", "1", "m"]), Effect::LastWriteWins);
        assert_eq!(effect("ZADD", &["k", "INCR", "1", "m"]), Effect::Accumulating);
        assert_eq!(effect("INCR", &["GET"]), Effect::Accumulating);
    }

    #[test]
    fn debug_shows_no_argument() {
        let text = format!("{:?}", Command::new("AUTH").arg("hunter2"));
        assert_eq!(text, r#"Command { name: "AUTH", arguments: 1 }"#);
    }
}
