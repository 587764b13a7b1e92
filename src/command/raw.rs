//! A command, encoded as it is built.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;

use super::args::{Args, ToArgs};
use super::encoded::{Encoded, LARGE};
use super::facts::{self, Effect, Facts, Layout};
use super::needs::Needs;
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
    /// Where the bulk string of the first argument that was given as a key begins in `body`.
    key: Option<usize>,
    /// What running it does, where that is known without looking for options.
    effect: Option<Effect>,
    /// With fewer words than this a server would only say that the number is wrong.
    least_words: u8,
    /// What few commands have.
    rare: Option<Box<Rare>>,
}

/// What few commands have.
#[derive(Clone, Default)]
struct Rare {
    /// Where the bulk strings of further keys begin, of a command of which nothing is known.
    more_keys: Vec<usize>,
    /// Why it must not be sent.
    flaw: Option<Box<str>>,
}

/// Why a command must not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It would change, hold up or silence its connection. What it is for is to be had otherwise, as this says.
    Elsewhere(&'static str),
    /// Its keys are in several slots, or in others than they should be; this says more.
    CrossSlot(&'static str),
    /// This is wrong with its arguments.
    Arguments(Box<str>),
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
        // Which options it will have, and how many arguments newer servers want, is not known.
        (command.effect, command.least_words) = (None, 0);
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
        // Of what derives one key from others the effect depends on which keys they are.
        command.effect = (!facts.derives()).then(|| facts.effect());
        command.least_words = facts.least_words();
        command
    }

    /// Adds arguments: one or, of a tuple, an array or a map, several.
    #[must_use]
    pub fn arg(mut self, arguments: impl ToArgs) -> Self {
        self.push(&arguments);
        self
    }

    /// Adds a key, or several: arguments by which a cluster decides where the command goes.
    ///
    /// Of a command that this crate knows, keys are found among the arguments of [`arg`](Self::arg) too, see
    /// [`keys`](Self::keys); of others only these are keys.
    #[must_use]
    pub fn key(mut self, key: impl ToArgs) -> Self {
        self.push_key(&key);
        self
    }

    /// What running it does, where this crate does not know better or is too careful: by this [`Replay`](crate::Replay)
    /// decides whether it may be sent again when nobody knows whether it ran. For a command that this crate does not know the
    /// default is [`Effect::Never`].
    ///
    /// ```
    /// use steadfast::{Command, Effect};
    ///
    /// let command = Command::new("TS.GET").key("temperature").with_effect(Effect::Read);
    /// assert_eq!(command.effect(), Effect::Read);
    /// ```
    #[must_use]
    pub fn with_effect(mut self, effect: Effect) -> Self {
        self.effect = Some(effect);
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

    /// What is known of the command.
    pub fn facts(&self) -> &'static Facts {
        self.facts
    }

    /// Its keys, in order: by the table of facts if that knows where they are, else those given to [`key`](Self::key). A
    /// sharded channel counts as a key.
    ///
    /// ```
    /// use steadfast::Command;
    ///
    /// let command = Command::new("MSET").arg(("a", 1, "b", 2));
    /// assert_eq!(command.keys(), [b"a", b"b"]);
    /// ```
    pub fn keys(&self) -> Vec<&[u8]> {
        let specs = self.resolved().keys();
        if specs.is_empty() {
            let more = self.rare.as_ref().map_or(&[][..], |rare| &rare.more_keys);
            return self.key.iter().chain(more).filter_map(|position| self.word_at(*position)).collect();
        }
        let words: Vec<&[u8]> = self.words().collect();
        let places = specs.iter().flat_map(|spec| spec.places(&words));
        places.filter_map(|place| words.get(place).copied()).collect()
    }

    /// The slot of its key, if it is a command that has one key and no more, always at the same place. Costs next to nothing.
    #[inline]
    pub(crate) fn sole_slot(&self) -> Option<Slot> {
        let [spec] = self.facts.keys() else { return None };
        let place = spec.sole()?;
        let position = self.key.unwrap_or_else(|| self.position_of(place));
        self.word_at(position).map(Slot::of)
    }

    /// Whether it is one of those that have no key and no policy, so that any node can run it. Costs next to nothing.
    #[inline]
    pub(crate) fn is_at_home_anywhere(&self) -> bool {
        self.key.is_none() && self.resolved().is_at_home_anywhere()
    }

    /// How its words are arranged around its keys, if they are in a row.
    pub(crate) fn layout(&self) -> Option<Layout> {
        let [spec] = self.facts.keys() else { return None };
        let words: Vec<&[u8]> = self.words().collect();
        spec.layout(&words)
    }

    /// Where the bulk string of each word begins, and where that of the last one ends.
    pub(crate) fn positions(&self) -> Vec<usize> {
        let mut positions = Vec::with_capacity(self.words + 1);
        positions.push(0);
        let mut position = 0;
        while position < self.body.len() {
            position = self.after(position);
            positions.push(position);
        }
        positions
    }

    /// The same command without a word: to be given words of this one.
    pub(crate) fn without_words(&self) -> Self {
        let mut command = Self::empty(self.facts);
        (command.effect, command.least_words) = (self.effect, self.least_words);
        command
    }

    /// Adds what lies between two positions of another command, so many words; large ones are shared.
    pub(crate) fn push_stretch(&mut self, other: &Self, stretch: Range<usize>, words: usize) {
        self.body.append_range(&other.body, stretch);
        self.words += words;
    }

    /// The next word that is added is its first key.
    pub(crate) fn mark_key(&mut self) {
        self.key.get_or_insert(self.body.len());
    }

    /// One of its words; those of the name come first.
    pub(crate) fn word(&self, place: usize) -> Option<&[u8]> {
        self.words().nth(place)
    }

    /// Its arguments, each by itself; the error is why one of them could not be written.
    pub(crate) fn arguments(&self) -> Result<Vec<Bytes>, Box<str>> {
        match self.rare.as_ref().and_then(|rare| rare.flaw.clone()) {
            Some(flaw) => Err(flaw),
            None => Ok(self.words().skip(self.facts.words()).map(Bytes::copy_from_slice).collect()),
        }
    }

    /// The hash slot of its first key.
    pub fn slot(&self) -> Option<Slot> {
        match self.key {
            Some(position) => self.word_at(position).map(Slot::of),
            None => self.keys().first().map(|key| Slot::of(key)),
        }
    }

    /// Why it must not be sent on a connection that others use too; `None`: it may.
    pub(crate) fn unfit(&self) -> Option<Unfit> {
        self.flaw().or_else(|| (self.needs() != Needs::Shared).then(|| Unfit::Elsewhere(self.elsewhere())))
    }

    /// What is wrong with its arguments, whatever connection it is sent on.
    pub(crate) fn flaw(&self) -> Option<Unfit> {
        if let Some(flaw) = self.rare.as_ref().and_then(|rare| rare.flaw.clone()) {
            return Some(Unfit::Arguments(flaw));
        }
        if self.words < usize::from(self.least_words) {
            return Some(Unfit::Arguments("too few: an empty list of keys, fields or values".into()));
        }
        None
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
        let is_first = self.key.is_none() && self.body.len() > before;
        if is_first {
            self.key = Some(before);
        }
        // The table says where the keys of other commands are.
        if self.facts.keys().is_empty() {
            self.note_keys(if is_first { self.after(before) } else { before });
        }
    }

    /// From this position on there are keys, of a command of which nothing is known.
    fn note_keys(&mut self, mut position: usize) {
        while position < self.body.len() {
            self.rare.get_or_insert_default().more_keys.push(position);
            position = self.after(position);
        }
    }

    /// Puts arguments in the place of so many words from the word `at` on.
    pub(crate) fn splice(&mut self, at: usize, count: usize, arguments: &impl ToArgs) {
        let start = self.position_of(at);
        let end = (0..count).fold(start, |position, _| self.after(position));
        let mut inserted = Self::empty(self.facts);
        inserted.push(arguments);
        let mut body = Encoded::from_scratch();
        body.append_range(&self.body, 0..start);
        body.append(&inserted.body);
        body.append_range(&self.body, end..self.body.len());
        let moved = |position: &mut usize| {
            if *position >= end {
                *position = *position - (end - start) + inserted.body.len();
            }
        };
        self.key.iter_mut().for_each(moved);
        if let Some(rare) = &mut self.rare {
            rare.more_keys.iter_mut().for_each(moved);
        }
        self.words = self.words + inserted.words - count;
        if let Some(rare) = std::mem::take(&mut inserted.rare) {
            self.reject(rare.flaw.unwrap_or_default());
        }
        std::mem::replace(&mut self.body, body).recycle();
    }

    /// Puts the number of the words from `from` on before them, so many `each` counted as one.
    pub(crate) fn count_from(&mut self, from: usize, each: usize) {
        let count = self.words.saturating_sub(from).div_ceil(each);
        self.splice(from, 0, &count);
    }

    /// The same with another name, and with this argument in the place of those of its words that came first.
    pub(crate) fn renamed(mut self, facts: &'static Facts, argument: impl ToArgs, words: usize) -> Self {
        self.splice(0, words, &(facts.name().split(' ').collect::<Vec<_>>(), argument));
        self.facts = facts;
        self
    }

    /// It must not be sent, and why. The first reason stays.
    pub(crate) fn reject(&mut self, reason: Box<str>) {
        self.rare.get_or_insert_default().flaw.get_or_insert(reason);
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

    /// What running it does, its options considered.
    pub fn effect(&self) -> Effect {
        self.effect.unwrap_or_else(|| self.effect_by_words())
    }

    /// Whether its second run, with nothing in between, answers what the first one did.
    pub(crate) fn answer_repeats(&self) -> bool {
        // Options that change what it does change what it answers.
        self.facts.answer_repeats()
            && self.effect() == self.facts.effect()
            && self.effects_of_options().next().is_none()
    }

    fn effect_by_words(&self) -> Effect {
        // A value that reads like an option that does more makes this too careful.
        let effect = self.effects_of_options().max().unwrap_or(self.facts.effect());
        if effect == Effect::LastWriteWins && self.facts.derives() && self.writes_to_what_it_reads() {
            return Effect::Never;
        }
        effect
    }

    /// What its options make of its effect: those of which the table of facts says it.
    fn effects_of_options(&self) -> impl Iterator<Item = Effect> {
        let (from, options) = self.facts.options();
        let words = if options.is_empty() { None } else { Some(self.words().skip(from)) };
        words.into_iter().flatten().filter_map(|word| {
            options.iter().find(|(option, _)| reads(word, option.as_bytes())).map(|(_, effect)| *effect)
        })
    }

    /// Of a command that derives one key from others: whether it is one of them. Either that key or the only other one
    /// comes first.
    fn writes_to_what_it_reads(&self) -> bool {
        let keys = self.keys();
        let Some((first, others)) = keys.split_first() else { return false };
        // The key to write to can be hard to find among options (`SORT list BY STORE STORE list`): there each word counts.
        let (from, options) = self.facts.options();
        others.contains(first) || !options.is_empty() && self.words().skip(from).any(|word| word == *first)
    }

    /// The words from the name on.
    pub(crate) fn words(&self) -> impl Iterator<Item = &[u8]> {
        let mut next = 0;
        std::iter::from_fn(move || {
            let (start, len) = self.bulk_at(next)?;
            let word = self.word_at(next)?;
            next = start + len + 2;
            Some(word)
        })
    }

    /// The word whose bulk string begins there; one word is never in two pieces.
    fn word_at(&self, position: usize) -> Option<&[u8]> {
        let (start, len) = self.bulk_at(position)?;
        let mut word: &[u8] = &[];
        self.body.pieces(start..start + len, |piece| {
            word = piece;
            false
        });
        Some(word)
    }

    /// Where the bulk string of a word begins.
    fn position_of(&self, word: usize) -> usize {
        (0..word).fold(0, |position, _| self.after(position))
    }

    /// Where the bulk string ends that begins at `position`.
    fn after(&self, position: usize) -> usize {
        self.bulk_at(position).map_or(self.body.len(), |(start, len)| start + len + 2)
    }

    fn empty(facts: &'static Facts) -> Self {
        let body = Encoded::from_scratch();
        Self { facts, unknown: None, body, words: 0, key: None, effect: None, least_words: 0, rare: None }
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
            effect: self.effect,
            least_words: self.least_words,
            rare: self.rare.clone(),
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

/// Whether a server takes the word for this option or name: it compares up to the first NUL.
pub(super) fn reads(word: &[u8], option: &[u8]) -> bool {
    let parts = word.split_at_checked(option.len());
    parts.is_some_and(|(head, rest)| head.eq_ignore_ascii_case(option) && matches!(rest.first(), None | Some(0)))
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
    fn arguments_in_the_name_are_no_part_of_the_name() {
        let shown = |name| Command::new(name).name().to_owned();
        assert_eq!(shown("AUTH bob hunter2"), "AUTH");
        assert_eq!(shown("config set requirepass hunter2"), "CONFIG SET");
        assert_eq!(shown("Ts.Range hunter2"), "Ts.Range");
        assert_eq!(&*Command::new("Ts.Range hunter2").unknown_name().unwrap(), "Ts.Range");
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
    fn a_nul_ends_a_word_as_it_does_for_servers() {
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
        assert_eq!(effect("FT.AGGREGATE", &["i", "*", "LOAD", "*"]), Effect::Read);
        assert_eq!(effect("FT.AGGREGATE", &["i", "*", "WITHCURSOR"]), Effect::Accumulating);
        assert_eq!(effect("EXPIRE", &["k", "9", "GT"]), Effect::LastWriteWins);
        assert_eq!(effect("EXPIRE", &["k", "9", "LT"]), Effect::ConditionalWrite);
        assert_eq!(effect("DELEX", &["k", "IFNE", "IFEQ"]), Effect::LastWriteWins);
    }

    #[test]
    fn a_second_run_that_finds_something_else_in_the_same_place_is_no_writing_of_the_same() {
        for line in
            ["JSON.DEL k $.a[0]", "JSON.FORGET k $.a[0]", "LSET l 0 v", "TDIGEST.MERGE a 1 b", "XGROUP SETID s g 0"]
        {
            assert!(Command::new(line).effect() > Effect::LastWriteWins, "{line}");
        }
    }

    #[test]
    fn what_is_made_of_the_key_that_it_replaces_is_another_thing_the_second_time() {
        let effect = |line: &str| Command::new(line).effect();
        for line in [
            "ZUNIONSTORE a 2 a b",
            "ZINTERSTORE a 2 b a WEIGHTS 1 2",
            "ZDIFFSTORE a 2 b a",
            "SDIFFSTORE a b a",
            "BITOP XOR a b a",
            "ZRANGESTORE a a 1 -1",
            "GEOSEARCHSTORE a a FROMLONLAT 0 0 BYRADIUS 1 km STOREDIST",
            "GEORADIUS a 0 0 1 km STOREDIST a",
            "GEORADIUSBYMEMBER a m 1 km STORE a",
            "SORT a LIMIT 1 5 STORE a",
            "SORT a BY STORE STORE a",
            "GEORADIUS a 0 0 1 km STORE b STORE a",
            "CMS.MERGE a 2 a b",
        ] {
            assert_eq!(effect(line), Effect::Never, "{line}");
            assert!(!Command::new(line).answer_repeats(), "{line}");
        }
        for line in
            ["ZUNIONSTORE a 2 b c", "SDIFFSTORE a b c", "BITOP XOR a b c", "ZRANGESTORE a b 1 -1", "SORT a STORE b"]
        {
            assert_eq!(effect(line), Effect::LastWriteWins, "{line}");
        }
        assert_eq!(effect("SORT a LIMIT 1 5"), Effect::Read);
        assert_eq!(effect("GEORADIUS a 0 0 1 km"), Effect::Read);
        let typed = |key| Command::of(const { facts::known("ZUNIONSTORE") }).key("a").arg(2).key(("b", key)).effect();
        assert_eq!((typed("a"), typed("c")), (Effect::Never, Effect::LastWriteWins));
        let own = Command::new("ZUNIONSTORE a 2 a b").with_effect(Effect::LastWriteWins);
        assert_eq!(own.effect(), Effect::LastWriteWins, "the caller knows better");
    }

    #[test]
    fn a_condition_changes_the_answer_whatever_it_does_to_the_effect() {
        let repeats = |line: &str| Command::new(line).answer_repeats();
        for line in ["SET k v", "SET k v XX", "SET k v PX 5", "JSON.SET k $ 1", "ZUNIONSTORE a 2 b c"] {
            assert!(repeats(line), "{line}");
        }
        // An expiry that is past deletes the key.
        for line in
            ["SET k v NX", "SET k v IFNE v", "SET k v IFDNE d", "JSON.SET k $ 1 NX", "EXPIRE k 0", "EXPIRE k 9 GT"]
        {
            assert!(!repeats(line), "{line}");
        }
    }

    #[test]
    fn many_large_arguments_are_gone_through_once() {
        let large = Bytes::from(vec![b'x'; LARGE]);
        let command = (0..3000).fold(Command::new("MSET"), |command, number| command.arg(number).arg(&large));
        let begin = std::time::Instant::now();
        assert_eq!(command.keys().last().copied(), Some(&b"2999"[..]));
        assert!(begin.elapsed() < std::time::Duration::from_secs(2), "{:?}", begin.elapsed());
    }

    #[test]
    fn debug_shows_no_argument() {
        let text = format!("{:?}", Command::new("AUTH").arg("hunter2"));
        assert_eq!(text, r#"Command { name: "AUTH", arguments: 1 }"#);
    }
}
