//! The one table of facts about commands: what running one twice would do, and whether it may share a connection.

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
    effect: Effect,
    sharing: Sharing,
    refusals: Refusals,
    home: Home,
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
    len: usize,
    words: usize,
}

/// Whether a command may be sent on a connection that others use too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// It may.
    Shared,
    /// It would change, hold up or silence the connection for everybody.
    Dedicated,
    /// It needs a connection of its own with one of these as its second word.
    DedicatedWith(&'static [&'static str]),
    /// It holds the connection up when `BLOCK` stands among the options before `STREAMS`.
    DedicatedIfBlocking,
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
    /// The command's name as the documentation spells it, such as `"GET"` or `"CONFIG SET"`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// What running it does.
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// The name as it is sent: each of its words a bulk string.
    pub(crate) fn wire_name(&self) -> &[u8] {
        self.wire_name.bytes.get(..self.wire_name.len).unwrap_or_default()
    }

    /// How many words the name has.
    pub(crate) fn words(&self) -> usize {
        self.wire_name.words
    }

    pub(crate) fn sharing(&self) -> Sharing {
        self.sharing
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
    let mut index = 0;
    while index < TABLE.len() {
        if same(TABLE[index].name.as_bytes(), name.as_bytes()) {
            return &TABLE[index];
        }
        index += 1;
    }
    panic!("the table of facts does not know this command");
}

impl WireName {
    /// Enough for every name in the table.
    const MAX: usize = 40;

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
        Self { bytes, len, words }
    }
}

const fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let mut index = 0;
    while index < one.len() {
        if one[index] != other[index] {
            return false;
        }
        index += 1;
    }
    true
}

/// What must be assumed of a command that the table does not know.
pub(crate) static UNKNOWN: Facts = Facts {
    name: "(unknown)",
    wire_name: WireName::of("(unknown)"),
    effect: Effect::Never,
    sharing: Sharing::Shared,
    refusals: Refusals::BeforeScripts,
    home: Home::Any,
};

const fn shared(name: &'static str, effect: Effect) -> Facts {
    Facts {
        name,
        wire_name: WireName::of(name),
        effect,
        sharing: Sharing::Shared,
        refusals: Refusals::Usual,
        home: Home::Any,
    }
}

const fn cursor(name: &'static str) -> Facts {
    Facts { home: Home::Cursor, ..shared(name, Effect::Read) }
}

const fn dedicated(name: &'static str) -> Facts {
    Facts {
        name,
        wire_name: WireName::of(name),
        effect: Effect::Never,
        sharing: Sharing::Dedicated,
        refusals: Refusals::Usual,
        home: Home::Any,
    }
}

const fn container(name: &'static str, dedicated: &'static [&'static str]) -> Facts {
    let sharing = if dedicated.is_empty() { Sharing::Shared } else { Sharing::DedicatedWith(dedicated) };
    Facts {
        name,
        wire_name: WireName::of(name),
        effect: Effect::Never,
        sharing,
        refusals: Refusals::Usual,
        home: Home::Any,
    }
}

const fn blocking_by_option(name: &'static str, effect: Effect) -> Facts {
    Facts {
        name,
        wire_name: WireName::of(name),
        effect,
        sharing: Sharing::DedicatedIfBlocking,
        refusals: Refusals::Usual,
        home: Home::Any,
    }
}

const fn script(name: &'static str, effect: Effect) -> Facts {
    Facts {
        name,
        wire_name: WireName::of(name),
        effect,
        sharing: Sharing::Shared,
        refusals: Refusals::BeforeScripts,
        home: Home::Any,
    }
}

use Effect::{Accumulating, Admin, ConditionalWrite, LastWriteWins, Never, Read};

/// Sorted by name; `every_name_is_found` fails if it is not.
static TABLE: &[Facts] = &[
    shared("APPEND", Accumulating),
    dedicated("ASKING"),
    dedicated("AUTH"),
    shared("BITCOUNT", Read),
    shared("BITPOS", Read),
    dedicated("BLMOVE"),
    dedicated("BLMPOP"),
    dedicated("BLPOP"),
    dedicated("BRPOP"),
    dedicated("BRPOPLPUSH"),
    dedicated("BZMPOP"),
    dedicated("BZPOPMAX"),
    dedicated("BZPOPMIN"),
    container("CLIENT", &["REPLY", "CACHING", "TRACKING", "NO-TOUCH", "CAPA", "IMPORT-SOURCE"]),
    dedicated("CLIENT CACHING"),
    dedicated("CLIENT CAPA"),
    shared("CLIENT GETNAME", Read),
    shared("CLIENT ID", Read),
    dedicated("CLIENT IMPORT-SOURCE"),
    shared("CLIENT INFO", Read),
    shared("CLIENT LIST", Read),
    shared("CLIENT NO-EVICT", Never),
    dedicated("CLIENT NO-TOUCH"),
    dedicated("CLIENT REPLY"),
    shared("CLIENT SETINFO", Never),
    shared("CLIENT SETNAME", Never),
    dedicated("CLIENT TRACKING"),
    container("CLUSTER", &["SYNCSLOTS"]),
    dedicated("CLUSTER SYNCSLOTS"),
    container("CONFIG", &[]),
    shared("CONFIG GET", Read),
    shared("CONFIG SET", Admin),
    shared("DBSIZE", Read),
    shared("DECR", Accumulating),
    shared("DECRBY", Accumulating),
    shared("DEL", LastWriteWins),
    dedicated("DISCARD"),
    shared("ECHO", Read),
    script("EVAL", Never),
    script("EVALSHA", Never),
    script("EVALSHA_RO", Read),
    script("EVAL_RO", Read),
    dedicated("EXEC"),
    shared("EXISTS", Read),
    // A relative time restarts when it is set again: what ends up is what the last one said.
    shared("EXPIRE", LastWriteWins),
    shared("EXPIREAT", LastWriteWins),
    shared("EXPIRETIME", Read),
    script("FCALL", Never),
    script("FCALL_RO", Read),
    shared("FLUSHALL", Admin),
    shared("FLUSHDB", Admin),
    shared("GET", Read),
    shared("GETDEL", Never),
    shared("GETEX", LastWriteWins),
    shared("GETRANGE", Read),
    shared("GETSET", Never),
    shared("HDEL", LastWriteWins),
    dedicated("HELLO"),
    shared("HEXISTS", Read),
    shared("HGET", Read),
    shared("HGETALL", Read),
    shared("HINCRBY", Accumulating),
    shared("HINCRBYFLOAT", Accumulating),
    shared("HKEYS", Read),
    shared("HLEN", Read),
    shared("HMGET", Read),
    // With this and with POST servers take the peer for a browser, and hang up.
    dedicated("HOST:"),
    shared("HSET", LastWriteWins),
    shared("HSETNX", ConditionalWrite),
    shared("HVALS", Read),
    shared("INCR", Accumulating),
    shared("INCRBY", Accumulating),
    shared("INCRBYFLOAT", Accumulating),
    shared("INFO", Read),
    shared("KEYS", Read),
    shared("LINDEX", Read),
    shared("LLEN", Read),
    shared("LMOVE", Never),
    shared("LPOP", Never),
    shared("LPUSH", Accumulating),
    shared("LRANGE", Read),
    shared("LREM", Accumulating),
    shared("LSET", LastWriteWins),
    shared("LTRIM", Never),
    shared("MGET", Read),
    dedicated("MONITOR"),
    shared("MSET", LastWriteWins),
    shared("MSETNX", ConditionalWrite),
    dedicated("MULTI"),
    shared("PERSIST", LastWriteWins),
    shared("PEXPIRE", LastWriteWins),
    shared("PEXPIREAT", LastWriteWins),
    shared("PING", Read),
    dedicated("POST"),
    dedicated("PSUBSCRIBE"),
    dedicated("PSYNC"),
    shared("PTTL", Read),
    shared("PUBLISH", Accumulating),
    dedicated("PUNSUBSCRIBE"),
    dedicated("QUIT"),
    dedicated("READONLY"),
    dedicated("READWRITE"),
    // REPLCONF ACK has no answer: every later one would go to the wrong call.
    dedicated("REPLCONF"),
    dedicated("RESET"),
    shared("RPOP", Never),
    shared("RPUSH", Accumulating),
    shared("SADD", LastWriteWins),
    cursor("SCAN"),
    shared("SCARD", Read),
    container("SCRIPT", &["DEBUG"]),
    dedicated("SCRIPT DEBUG"),
    dedicated("SELECT"),
    shared("SET", LastWriteWins),
    shared("SETEX", LastWriteWins),
    shared("SETNX", ConditionalWrite),
    shared("SISMEMBER", Read),
    shared("SMEMBERS", Read),
    shared("SPOP", Never),
    shared("SPUBLISH", Accumulating),
    shared("SREM", LastWriteWins),
    dedicated("SSUBSCRIBE"),
    shared("STRLEN", Read),
    dedicated("SUBSCRIBE"),
    dedicated("SUNSUBSCRIBE"),
    dedicated("SYNC"),
    shared("TIME", Read),
    shared("TTL", Read),
    shared("TYPE", Read),
    shared("UNLINK", LastWriteWins),
    dedicated("UNSUBSCRIBE"),
    dedicated("UNWATCH"),
    dedicated("WAIT"),
    dedicated("WAITAOF"),
    dedicated("WATCH"),
    shared("XADD", Accumulating),
    shared("XLEN", Read),
    shared("XRANGE", Read),
    blocking_by_option("XREAD", Read),
    blocking_by_option("XREADGROUP", Never),
    shared("ZADD", LastWriteWins),
    shared("ZCARD", Read),
    shared("ZINCRBY", Accumulating),
    shared("ZRANGE", Read),
    shared("ZRANK", Read),
    shared("ZREM", LastWriteWins),
    shared("ZSCORE", Read),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command;

    #[test]
    fn every_name_is_found_in_any_case() {
        for facts in TABLE {
            assert_eq!(lookup(facts.name), Some(facts), "{}: is the table sorted?", facts.name);
            assert_eq!(lookup(&facts.name.to_lowercase()), Some(facts));
        }
        assert_eq!(lookup("FT.SEARCH"), None);
        assert_eq!(lookup_two("client", "Id"), lookup("CLIENT ID"));
        assert_eq!(lookup_two("CLIENT", "FOO"), None);
    }

    /// Out of all commands that Redis 7.0 and 8.0 and Valkey 8.0 and 9.1 list.
    #[test]
    fn these_and_no_others_need_a_connection_of_their_own() {
        let answers_later =
            ["BLMOVE", "BLMPOP", "BLPOP", "BRPOP", "BRPOPLPUSH", "BZMPOP", "BZPOPMAX", "BZPOPMIN", "WAIT", "WAITAOF"];
        let answers_otherwise = [
            "CLIENT REPLY",
            "MONITOR",
            "PSUBSCRIBE",
            "PUNSUBSCRIBE",
            "REPLCONF",
            "SSUBSCRIBE",
            "SUBSCRIBE",
            "SUNSUBSCRIBE",
            "UNSUBSCRIBE",
        ];
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
            answers_later.as_slice(),
            answers_otherwise.as_slice(),
            takes_the_connection_over.as_slice(),
            ends_it.as_slice(),
            changes_what_others_commands_do.as_slice(),
        ]
        .concat();
        expected.sort_unstable();
        let found: Vec<_> = TABLE.iter().filter(|facts| facts.sharing == Sharing::Dedicated).map(Facts::name).collect();
        assert_eq!(found, expected);
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
            assert!(!Command::new(name).needs_dedicated(), "{name}");
        }
    }

    #[test]
    fn a_container_knows_its_subcommands_that_need_a_connection_of_their_own() {
        for facts in TABLE.iter().filter(|facts| facts.sharing == Sharing::Dedicated) {
            let Some((first, second)) = facts.name.split_once(' ') else { continue };
            assert!(Command::new(first).arg(second).needs_dedicated(), "{first} with {second} as its argument");
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
