//! The one table of facts about commands: what running one twice would do, where its keys are, and whether it may share
//! a connection.

mod keys;
mod policy;
mod row;
mod table;

use std::fmt;

use keys::KeySpec;
pub(crate) use keys::Layout;
pub use policy::{RequestPolicy, ResponsePolicy};
use row::other;
use table::TABLE;

/// What running a command does to the data, as a ladder: the further down, the more harm in running it twice.
///
/// By this [`Replay`](crate::Replay) decides what is sent again when nobody knows whether it ran. An option can make a
/// command more harmful than its facts say (`SET .. GET`, `ZADD .. INCR`); that is considered too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Effect {
    /// Changes nothing.
    Read,
    /// Writes only under a condition, so that a second run changes nothing more (`SETNX`, `SET .. NX`).
    ConditionalWrite,
    /// Writes the same again, whatever was written in between (`SET`, `DEL`, `EXPIRE`).
    LastWriteWins,
    /// Adds to what is there (`INCR`, `LPUSH`, `PUBLISH`).
    Accumulating,
    /// Changes the server rather than the data (`CONFIG SET`, `FLUSHALL`).
    Admin,
    /// Must never be sent again by itself: it consumes (`LPOP`), depends on the connection, or is not known.
    Never,
}

/// What is known of a command before it is sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Facts {
    name: &'static str,
    wire_name: WireName,
    since: Version,
    /// How many words it has; negative: at least.
    arity: i8,
    access: Access,
    effect: Effect,
    /// Options by which the effect is another one.
    options: &'static [(&'static str, Effect)],
    /// The word from which on they are options; before it are keys and values.
    options_from: u8,
    answer_repeats: bool,
    derives: bool,
    blocks: Option<BlockTime>,
    keys: &'static [KeySpec],
    sharing: Sharing,
    mark: Mark,
    refusals: Refusals,
    home: Home,
    request_policy: Option<RequestPolicy>,
    response_policy: Option<ResponsePolicy>,
}

/// A version of a server, or of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// 7 of 7.0.15.
    pub major: u8,
    /// 0 of 7.0.15.
    pub minor: u8,
    /// 15 of 7.0.15.
    pub patch: u8,
}

/// What servers say a command does with the data. A command of which they say that it may write can have an effect of
/// [`Effect::Read`] without its options (`GETEX`, `SORT`): replicas refuse it all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Read,
    Write,
    Other,
}

/// Where a command means the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// On every server with the same data.
    Any,
    /// Only on the server that gave it its cursor.
    Cursor,
}

/// A command's name as it is sent: each word a bulk string.
#[derive(Debug, PartialEq, Eq)]
struct WireName {
    bytes: [u8; WireName::MAX],
    len: u8,
    words: u8,
}

/// On which connection a command may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// On one that others use too.
    Shared,
    /// If it says how long it waits, on one that nobody else uses meanwhile.
    Blocking,
    /// On one of its own: it would change, hold up or silence the connection for everybody.
    Dedicated,
    /// On one for subscriptions.
    Subscription,
    /// As its subcommand says, if that stands among the arguments.
    BySubcommand,
}

/// Where a command says how long it waits at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlockTime {
    /// In its first argument.
    FirstSeconds,
    /// In its last argument.
    LastSeconds,
    /// In its last argument.
    LastMilliseconds,
    /// Behind `BLOCK`; without that it does not wait.
    BlockMilliseconds,
}

/// What a command makes of the connection that it was sent on, for who is given the connection after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It is as it was.
    Nothing,
    /// It watches keys, until a transaction is closed or `UNWATCH` ran.
    Watches,
    /// It watches no keys any more.
    Unwatches,
    /// It queues commands, until they are closed.
    Queues,
    /// If it queued commands, it does so no more and watches no keys any more; else it is as it was.
    Closes,
    /// It is another one: nobody else can use it as if it were new.
    Spoils,
    /// The same, and its answers are no longer one for each command, in their order.
    Seizes,
}

/// Which errors say that the server did not run the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusals {
    /// Every error word that servers use before they run a command.
    Usual,
    /// Only those that a server gives before it begins, in its own words: a script can give any.
    BeforeScripts,
}

impl Facts {
    /// What is known of a command by its name, in any case, such as `"GET"` or `"config set"`; `None`: nothing.
    pub fn of(name: &str) -> Option<&'static Self> {
        lookup(name)
    }

    /// The whole table, sorted by name.
    pub fn all() -> &'static [Self] {
        TABLE
    }

    /// The command's name as the documentation spells it, such as `"GET"` or `"CONFIG SET"`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What running it does, without options.
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// The first version that had it: of Redis or, for what only Valkey has, of Valkey; of the module for a module's.
    pub fn since(&self) -> Version {
        self.since
    }

    /// Whether servers take it for a command that only reads, so that replicas run it.
    pub fn is_read_only(&self) -> bool {
        self.access == Access::Read
    }

    /// Whether servers take it for a command that may write, so that replicas refuse it.
    pub fn is_write(&self) -> bool {
        self.access == Access::Write
    }

    /// Whether it may wait on the server until something happens.
    pub fn is_blocking(&self) -> bool {
        self.blocks.is_some()
    }

    /// Whether it answers the same when it runs a second time with nothing in between (`SET`; not `SET .. NX`, whose
    /// second run answers that the key exists).
    pub fn answer_repeats(&self) -> bool {
        self.answer_repeats
    }

    /// How many words it has, those of its name included; negative: at least so many.
    pub fn arity(&self) -> i8 {
        self.arity
    }

    /// Which nodes of a cluster it goes to, if its keys alone do not say it; `None`: to the node that has its keys or, without
    /// keys, to any. Mostly what servers say of it, but not of `PING`, `WAIT` and `WAITAOF`: those are answered by one node.
    pub fn request_policy(&self) -> Option<RequestPolicy> {
        self.request_policy
    }

    /// How the answers of several nodes become one; `None`: a list, in the order of the keys if there are any, else of one
    /// node's after the other's.
    pub fn response_policy(&self) -> Option<ResponsePolicy> {
        self.response_policy
    }

    /// Whether it has neither keys nor a policy, so that any node can run it.
    pub(crate) fn is_at_home_anywhere(&self) -> bool {
        self.keys.is_empty() && self.request_policy.is_none()
    }

    /// How many words it has at least.
    pub(crate) fn least_words(&self) -> u8 {
        self.arity.unsigned_abs()
    }

    /// Where its keys are.
    pub(crate) fn keys(&self) -> &'static [KeySpec] {
        self.keys
    }

    /// The options by which the effect is another one, and the word from which on they count.
    pub(crate) fn options(&self) -> (usize, &'static [(&'static str, Effect)]) {
        (usize::from(self.options_from), self.options)
    }

    /// Whether it writes to one of its keys what it makes of the others. If that key is one of the others too, a second run
    /// makes something else of it than the first one did.
    pub(crate) fn derives(&self) -> bool {
        self.derives
    }

    /// The name as it is sent: each of its words a bulk string.
    pub(crate) fn wire_name(&self) -> &[u8] {
        self.wire_name.bytes.get(..usize::from(self.wire_name.len)).unwrap_or_default()
    }

    /// How many words the name has.
    pub(crate) fn words(&self) -> usize {
        usize::from(self.wire_name.words)
    }

    /// Where it says how long it waits; `None`: it never waits.
    pub(crate) fn block_time(&self) -> Option<BlockTime> {
        self.blocks
    }

    pub(crate) fn sharing(&self) -> Sharing {
        self.sharing
    }

    pub(crate) fn mark(&self) -> Mark {
        self.mark
    }

    pub(crate) fn home(&self) -> Home {
        self.home
    }

    pub(crate) fn refusals(&self) -> Refusals {
        self.refusals
    }
}

/// The facts of a command by its name, in any case; `None` if the table does not know it.
pub(crate) fn lookup(name: &str) -> Option<&'static Facts> {
    find(name.bytes())
}

/// The facts of a command whose name is two words, such as `CLIENT` and `ID`, in any case.
pub(crate) fn lookup_two(first: &str, second: &str) -> Option<&'static Facts> {
    find(first.bytes().chain([b' ']).chain(second.bytes()))
}

/// The facts of a container's subcommand, as servers read it: up to the first NUL.
pub(crate) fn subcommand(container: &Facts, word: &[u8]) -> Option<&'static Facts> {
    let word = word.split(|byte| *byte == 0).next().unwrap_or_default();
    find(container.name.bytes().chain([b' ']).chain(word.iter().copied()))
}

fn find(name: impl Iterator<Item = u8> + Clone) -> Option<&'static Facts> {
    let order = |facts: &Facts| facts.name.bytes().cmp(name.clone().map(|byte| byte.to_ascii_uppercase()));
    TABLE.binary_search_by(order).ok().and_then(|index| TABLE.get(index))
}

/// The facts of a command that the table must know, found while compiling: `const { known("GET") }`.
///
/// # Panics
/// While compiling, if the table does not know the name, in upper case.
#[expect(clippy::panic, reason = "only while compiling")]
pub(crate) const fn known(name: &str) -> &'static Facts {
    let (mut from, mut to) = (0, TABLE.len());
    while from < to {
        let middle = usize::midpoint(from, to);
        if precedes(TABLE[middle].name.as_bytes(), name.as_bytes()) {
            from = middle + 1;
        } else if precedes(name.as_bytes(), TABLE[middle].name.as_bytes()) {
            to = middle;
        } else {
            return &TABLE[middle];
        }
    }
    panic!("the table of facts does not know this command");
}

impl WireName {
    /// Enough for every name in the table.
    const MAX: usize = 48;

    const fn of(name: &str) -> Self {
        let name = name.as_bytes();
        let (mut bytes, mut len, mut words) = ([0; Self::MAX], 0, 0);
        let mut start = 0;
        while start < name.len() {
            let mut end = start;
            while end < name.len() && name[end] != b' ' {
                end += 1;
            }
            let word = end - start;
            bytes[len] = b'$';
            len += 1;
            if word > 9 {
                bytes[len] = b'0' + (word / 10) as u8;
                len += 1;
            }
            bytes[len] = b'0' + (word % 10) as u8;
            bytes[len + 1] = b'\r';
            bytes[len + 2] = b'\n';
            len += 3;
            while start < end {
                bytes[len] = name[start];
                len += 1;
                start += 1;
            }
            bytes[len] = b'\r';
            bytes[len + 1] = b'\n';
            len += 2;
            words += 1;
            start += 1;
        }
        Self { bytes, len: len as u8, words }
    }
}

/// Whether one name comes before the other.
const fn precedes(one: &[u8], other: &[u8]) -> bool {
    let mut index = 0;
    while index < one.len() && index < other.len() {
        if one[index] != other[index] {
            return one[index] < other[index];
        }
        index += 1;
    }
    one.len() < other.len()
}

impl Version {
    /// Of three numbers with dots in between.
    const fn of(text: &str) -> Self {
        let text = text.as_bytes();
        let (mut parts, mut part, mut index) = ([0u8; 3], 0, 0);
        while index < text.len() {
            if text[index] == b'.' {
                part += 1;
            } else {
                parts[part] = parts[part] * 10 + (text[index] - b'0');
            }
            index += 1;
        }
        Self { major: parts[0], minor: parts[1], patch: parts[2] }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// What must be assumed of a command that the table does not know.
pub(crate) static UNKNOWN: Facts = other("(unknown)", -1, "0.0.0", Effect::Never).script().marks(Mark::Spoils);

#[cfg(test)]
mod tests {
    use super::Effect::{Accumulating, Admin, ConditionalWrite, LastWriteWins, Never, Read};
    use super::*;
    use crate::command::{Command, Needs};

    #[test]
    fn every_name_is_found_in_any_case() {
        for facts in TABLE {
            assert_eq!(lookup(facts.name), Some(facts), "{}: is the table sorted?", facts.name);
            assert_eq!(lookup(&facts.name.to_lowercase()), Some(facts));
        }
        assert_eq!(lookup("TS.ADD"), None);
        assert_eq!(lookup_two("client", "Id"), lookup("CLIENT ID"));
        assert_eq!(lookup_two("CLIENT", "FOO"), None);
    }

    /// Out of all commands that Redis 7.0 and 8.0 and Valkey 8.0 and 9.1 list.
    #[test]
    fn these_and_no_others_need_a_connection_of_their_own() {
        let speaks_of_the_connections_own_writes = ["WAIT", "WAITAOF"];
        let answers_otherwise = ["CLIENT REPLY", "MONITOR", "REPLCONF"];
        let takes_the_connection_over = ["CLUSTER SYNCSLOTS", "PSYNC", "SCRIPT DEBUG", "SYNC"];
        let ends_it = ["HOST:", "POST", "QUIT"];
        let changes_what_others_commands_do = [
            "ASKING",
            "AUTH",
            "CLIENT CACHING",
            // From then on replicas send others elsewhere with an error.
            "CLIENT CAPA",
            // From then on others see keys that have expired.
            "CLIENT IMPORT-SOURCE",
            // From then on others' reads don't count when the server looks for what to evict.
            "CLIENT NO-TOUCH",
            "CLIENT TRACKING",
            "DISCARD",
            "EXEC",
            "HELLO",
            "MULTI",
            "READONLY",
            "READWRITE",
            "RESET",
            "SELECT",
            "UNWATCH",
            "WATCH",
        ];
        let mut expected = [
            speaks_of_the_connections_own_writes.as_slice(),
            answers_otherwise.as_slice(),
            takes_the_connection_over.as_slice(),
            ends_it.as_slice(),
            changes_what_others_commands_do.as_slice(),
        ]
        .concat();
        expected.sort_unstable();
        assert_eq!(with(Sharing::Dedicated), expected);
        let answers_later = [
            "BLMOVE",
            "BLMPOP",
            "BLPOP",
            "BRPOP",
            "BRPOPLPUSH",
            "BZMPOP",
            "BZPOPMAX",
            "BZPOPMIN",
            "XREAD",
            "XREADGROUP",
        ];
        assert_eq!(with(Sharing::Blocking), answers_later);
        let pushes = ["PSUBSCRIBE", "PUNSUBSCRIBE", "SSUBSCRIBE", "SUBSCRIBE", "SUNSUBSCRIBE", "UNSUBSCRIBE"];
        assert_eq!(with(Sharing::Subscription), pushes);
    }

    fn with(sharing: Sharing) -> Vec<&'static str> {
        TABLE.iter().filter(|facts| facts.sharing == sharing).map(Facts::name).collect()
    }

    #[test]
    fn these_concern_the_connection_and_may_share_it_all_the_same() {
        for name in [
            // Only its owner's bookkeeping: no answer changes.
            "CLIENT SETNAME",
            "CLIENT SETINFO",
            // Protects the connection; harms nobody on it.
            "CLIENT NO-EVICT",
            "CLIENT UNBLOCK 7",
            // Hold up the whole server or end connections by intent, whichever connection they come on.
            "CLIENT PAUSE 1",
            "CLIENT KILL SKIPME no",
            "DEBUG SLEEP 1",
            "FAILOVER",
            "MIGRATE",
            "SAVE",
            "SHUTDOWN",
            "REPLICAOF NO ONE",
            // Ends the connection only of a user who is changed: by intent, too.
            "ACL SETUSER",
            "ACL DELUSER",
            // Answered at once, and once each.
            "SCRIPT LOAD",
            "CLUSTER FAILOVER",
            "FUNCTION LOAD",
            "SPUBLISH",
        ] {
            assert_eq!(Command::new(name).needs(), Needs::Shared, "{name}");
        }
    }

    #[test]
    fn a_container_knows_its_subcommands_that_need_a_connection_of_their_own() {
        for facts in TABLE.iter().filter(|facts| facts.sharing == Sharing::Dedicated) {
            let Some((first, second)) = facts.name.split_once(' ') else { continue };
            assert_eq!(
                Command::new(first).arg(second).needs(),
                Needs::Dedicated,
                "{first} with {second} as its argument"
            );
        }
    }

    #[test]
    fn names_are_sent_word_by_word() {
        let wire = |name| String::from_utf8(lookup(name).unwrap().wire_name().to_vec()).unwrap();
        assert_eq!((wire("GET"), lookup("GET").unwrap().words()), ("$3\r\nGET\r\n".to_owned(), 1));
        assert_eq!(wire("INCRBYFLOAT"), "$11\r\nINCRBYFLOAT\r\n");
        assert_eq!(wire("CLIENT ID"), "$6\r\nCLIENT\r\n$2\r\nID\r\n");
        assert_eq!(lookup("CLIENT ID").unwrap().words(), 2);
    }

    #[test]
    fn the_ladder_has_the_order_that_replay_relies_on() {
        assert!(Read < ConditionalWrite && ConditionalWrite < LastWriteWins && LastWriteWins < Accumulating);
        assert!(Accumulating < Admin && Admin < Never);
    }
}
