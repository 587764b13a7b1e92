//! The table of facts says what the servers say: their `COMMAND`, and `COMMAND GETKEYS` on examples made from it.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
mod support;

use std::collections::HashMap;

use steadfast::client::ProtocolChoice;
use steadfast::{
    Client, Command, ConversionError, Facts, FromReply, Reply, RequestPolicy, ResponsePolicy, Value, Version,
};

use live::{KINDS, connected, tcp};
use support::{Kind, Server};

/// A command as a server describes it.
#[derive(Debug)]
struct Described {
    /// As the table spells it.
    name: String,
    arity: i64,
    flags: Vec<String>,
    tips: Vec<String>,
    specs: Vec<Spec>,
    subcommands: Vec<Described>,
}

/// Where a server finds keys.
#[derive(Debug)]
enum Spec {
    Index {
        index: usize,
        find: Find,
    },
    Keyword {
        keyword: String,
        find: Find,
    },
    /// The server finds them by looking.
    Unknown,
}

#[derive(Debug)]
enum Find {
    Range { limit: i64 },
    Count { step: usize },
}

impl FromReply for Described {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let parts: (String, _, _, Value, Value, Value, Value, _, _, _) = FromReply::from_reply(reply)?;
        let (name, arity, flags, _, _, _, _, tips, specs, subcommands) = parts;
        Ok(Self { name: name.to_uppercase().replace('|', " "), arity, flags, tips, specs, subcommands })
    }
}

impl FromReply for Spec {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let mut spec: HashMap<String, Value> = FromReply::from_reply(reply)?;
        let mut part = |name: &str| {
            let mut part = fields(spec.remove(name).unwrap());
            (text(&part.remove("type").unwrap()), fields(part.remove("spec").unwrap()))
        };
        let ((begin, begins), (find, finds)) = (part("begin_search"), part("find_keys"));
        let number = |fields: &HashMap<String, Value>, name: &str| integer(&fields[name]);
        let find = match find.as_str() {
            "range" => Find::Range { limit: number(&finds, "limit") },
            "keynum" => Find::Count { step: usize::try_from(number(&finds, "keystep")).unwrap() },
            _ => return Ok(Self::Unknown),
        };
        Ok(match begin.as_str() {
            "index" => Self::Index { index: usize::try_from(number(&begins, "index")).unwrap(), find },
            "keyword" => Self::Keyword { keyword: text(&begins["keyword"]), find },
            _ => Self::Unknown,
        })
    }
}

/// A map, or the flat array that RESP2 sends for one.
fn fields(value: Value) -> HashMap<String, Value> {
    match value {
        Value::Map(pairs) => pairs.into_iter().map(|(name, value)| (text(&name), value)).collect(),
        Value::Array(items) => items.chunks(2).map(|pair| (text(&pair[0]), pair[1].clone())).collect(),
        other => panic!("not a map: {other:?}"),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::BulkString(bytes) | Value::SimpleString(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
        other => panic!("not a string: {other:?}"),
    }
}

fn integer(value: &Value) -> i64 {
    match value {
        Value::Integer(value) => *value,
        other => panic!("not an integer: {other:?}"),
    }
}

impl Described {
    /// It and its subcommands; a container by itself is none.
    fn flat(self) -> Vec<Self> {
        let Self { subcommands, .. } = self;
        // COMMAND alone is a command too.
        if !subcommands.is_empty() && self.name != "COMMAND" {
            return subcommands;
        }
        let mut flat = vec![Self { subcommands: Vec::new(), ..self }];
        flat.extend(subcommands);
        flat
    }

    fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|found| found == flag)
    }

    fn tip(&self, name: &str) -> Option<&str> {
        self.tips.iter().find_map(|tip| tip.strip_prefix(name)?.strip_prefix(':'))
    }

    /// Examples of the command with keys where the server looks for them, the name left out.
    fn examples(&self) -> Vec<Vec<String>> {
        let name = self.name.split(' ').count();
        let least = usize::try_from(self.arity.abs()).unwrap();
        let longest = if self.arity < 0 { least + 4 } else { least };
        (least..=longest)
            .flat_map(|len| [1, 2].map(|count| self.example(len, count)))
            .map(|mut words| {
                words.drain(..name);
                words
            })
            .collect()
    }

    fn example(&self, len: usize, count: usize) -> Vec<String> {
        let mut words: Vec<String> = (0..len).map(|index| format!("w{index}")).collect();
        for spec in &self.specs {
            match spec {
                Spec::Index { index, find: Find::Count { step } } => {
                    words.resize((index + 1 + count * step).max(words.len()), "w".into());
                    words[*index] = count.to_string();
                }
                Spec::Keyword { keyword, find: Find::Range { limit } } => {
                    words.push(keyword.clone());
                    let behind = if *limit == 2 { 2 * count } else { 1 };
                    words.extend((0..behind).map(|index| format!("k{index}")));
                }
                Spec::Index { .. } | Spec::Keyword { .. } | Spec::Unknown => {}
            }
        }
        words
    }
}

/// What differs on purpose or by version: the command, and why.
const POLICIES: &[(&str, &str)] = &[
    ("ACL SAVE", "Redis 7.0 has no tip yet"),
    ("ACL SETUSER", "Redis 7.0 has no tip yet"),
    ("ACL DELUSER", "Redis 7.0 has no tip yet"),
    ("CLIENT SETNAME", "Redis 7.0 has no tip yet"),
    ("CLUSTER COUNTKEYSINSLOT", "only the node that has the slot knows"),
    ("CLUSTER GETKEYSINSLOT", "only the node that has the slot knows"),
    ("PING", "one node answers it: to ask all of them would be another command"),
    ("WAIT", "it speaks of the connection that it comes on"),
    ("WAITAOF", "it speaks of the connection that it comes on"),
    ("CONFIG REWRITE", "Redis 7.0 has no tip yet"),
    ("CONFIG RESETSTAT", "Redis 7.0 has no tip yet"),
    ("LATENCY RESET", "Redis 7.0 says all_succeeded where a count is answered"),
    ("MSETNX", "Redis 7.0 would split it: it would not be atomic any more"),
    ("RANDOMKEY", "Redis 7.0 has no response tip yet"),
    ("SCAN", "Redis 7.0 has no response tip yet"),
];

/// Newer servers want fewer words.
const ARITIES: &[&str] =
    &["ZRANK", "ZREVRANK", "COMMAND GETKEYS", "COMMAND GETKEYSANDFLAGS", "CLUSTER REPLICATE", "SCRIPT DEBUG"];

/// What these servers cannot know, although it is older than they are.
const NEVER_LISTED: &[(&str, &str)] = &[("HOST:", "what servers hang up at"), ("POST", "what servers hang up at")];

fn policy(facts: &Facts) -> (Option<&'static str>, Option<&'static str>) {
    let request = facts.request_policy().map(|policy| match policy {
        RequestPolicy::AllNodes => "all_nodes",
        RequestPolicy::AllShards => "all_shards",
        RequestPolicy::MultiShard => "multi_shard",
        RequestPolicy::Special => "special",
        other => panic!("{other:?}"),
    });
    let response = facts.response_policy().map(|policy| match policy {
        ResponsePolicy::OneSucceeded => "one_succeeded",
        ResponsePolicy::AllSucceeded => "all_succeeded",
        ResponsePolicy::AggLogicalAnd => "agg_logical_and",
        ResponsePolicy::AggMin => "agg_min",
        ResponsePolicy::AggSum => "agg_sum",
        ResponsePolicy::Special => "special",
        other => panic!("{other:?}"),
    });
    (request, response)
}

async fn described(client: &Client) -> Vec<Described> {
    let all: Vec<Described> = client.request(Command::new("COMMAND")).await.unwrap();
    all.into_iter().flat_map(Described::flat).collect()
}

#[tokio::test]
async fn flags_arities_and_policies_are_those_of_the_servers() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        for protocol in [ProtocolChoice::Resp2, ProtocolChoice::Resp3] {
            let client = connected(tcp(&server).with_protocol(protocol)).await;
            let commands = described(&client).await;
            assert!(commands.len() > 330, "{}", commands.len());
            for command in &commands {
                let name = &command.name;
                let facts = Facts::of(name).unwrap_or_else(|| panic!("{kind:?} has {name}, the table has not"));
                assert_eq!(facts.is_read_only(), command.has("readonly"), "{kind:?} {name}");
                assert_eq!(facts.is_write(), command.has("write"), "{kind:?} {name}");
                // Redis 7.0 does not mark WAIT.
                assert_eq!(facts.is_blocking(), command.has("blocking") || name == "WAIT", "{kind:?} {name}");
                let ours = i64::from(facts.arity());
                let excused = ARITIES.contains(&name.as_str()) && ours < 0 && -ours <= command.arity.abs();
                assert!(ours == command.arity || excused, "{kind:?} {name}: {ours}, not {}", command.arity);
                let theirs = (command.tip("request_policy"), command.tip("response_policy"));
                let excused = POLICIES.iter().any(|(known, _)| known == name);
                assert!(policy(facts) == theirs || excused, "{kind:?} {name}: {:?}, not {theirs:?}", policy(facts));
            }
        }
    }
}

#[tokio::test]
async fn what_the_table_knows_and_a_server_does_not_is_newer_or_somebody_elses() {
    let mut known = HashMap::new();
    for kind in KINDS {
        let server = Server::build(kind).start();
        let client = connected(tcp(&server)).await;
        let names: Vec<String> = described(&client).await.into_iter().map(|command| command.name).collect();
        let version = |major, minor, patch| Version { major, minor, patch };
        let version = if kind == Kind::Redis { version(7, 0, 15) } else { version(8, 0, 1) };
        known.insert(kind == Kind::Redis, (names, version));
    }
    for facts in Facts::all() {
        let name = facts.name();
        let listed = known.values().any(|(names, _)| names.iter().any(|known| known == name));
        let is_container =
            known.values().any(|(names, _)| names.iter().any(|known| known.starts_with(&format!("{name} "))));
        let is_newer = facts.since() > Version { major: 7, minor: 0, patch: 15 };
        let is_excused = NEVER_LISTED.iter().any(|(known, _)| *known == name);
        assert!(listed || is_container || is_newer || is_excused || is_a_modules(name), "{name}: no server knows it");
    }
}

/// Modules' commands, and what came with the vector sets of Redis 8.0.
fn is_a_modules(name: &str) -> bool {
    name.contains('.')
}

#[tokio::test]
async fn keys_are_found_where_the_servers_find_them() {
    for kind in KINDS {
        let server = Server::build(kind).start();
        let client = connected(tcp(&server)).await;
        for command in described(&client).await {
            let mut compared = 0;
            for example in command.examples() {
                compared += usize::from(compare(&client, &command.name, &example).await);
            }
            let has_keys = command.specs.iter().any(|spec| !matches!(spec, Spec::Unknown));
            assert!(compared > 0 || !has_keys || HIDDEN.contains(&command.name.as_str()), "{kind:?} {}", command.name);
        }
    }
}

/// Commands whose keys `COMMAND GETKEYS` does not tell of these examples: channels are no keys to it, and MIGRATE wants an
/// empty word before `KEYS`.
const HIDDEN: &[&str] = &["SPUBLISH", "SSUBSCRIBE", "SUNSUBSCRIBE", "MIGRATE"];

#[tokio::test]
async fn keys_behind_options_are_found_too() {
    let lines = [
        "SORT list BY weight_* LIMIT 0 5 GET # ALPHA STORE target",
        "SORT list",
        "GEORADIUS places 1 2 3 km COUNT 5 STORE target",
        "GEORADIUSBYMEMBER places member 3 km WITHDIST STOREDIST target",
        "MIGRATE host 6379  0 5000 COPY KEYS a b c",
        "MIGRATE host 6379 a 0 5000",
        "XREAD COUNT 2 STREAMS a b c 0 0 0",
        "XREADGROUP GROUP g c COUNT 2 NOACK STREAMS a b > >",
        "ZUNIONSTORE target 3 a b c WEIGHTS 1 2 3",
        "ZINTERCARD 2 a b LIMIT 5",
        "EVAL script 2 a b c d",
        "FCALL f 1 a b",
        "LMPOP 2 a b LEFT COUNT 2",
        "BITOP AND target a b",
        "MSET a 1 b 2 c 3",
        "COPY a b DB 2",
        "LCS a b IDX",
        "PFCOUNT a b c",
        "OBJECT ENCODING a",
        "MEMORY USAGE a SAMPLES 5",
        "XGROUP CREATE a g $ MKSTREAM",
        "XINFO STREAM a FULL",
    ];
    for kind in KINDS {
        let server = Server::build(kind).start();
        let client = connected(tcp(&server)).await;
        for line in lines {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            let two = Facts::of(&words.iter().take(2).cloned().collect::<Vec<_>>().join(" ")).is_some();
            let (name, rest) = words.split_at(if two { 2 } else { 1 });
            assert!(compare(&client, &name.join(" "), rest).await, "{kind:?} does not tell the keys of {line}");
        }
    }
}

/// Compares the keys that the table finds with those that the server finds; whether it tells them.
async fn compare(client: &Client, name: &str, arguments: &[String]) -> bool {
    let asked = Command::new("COMMAND GETKEYS").arg(name.split(' ').collect::<Vec<_>>()).arg(arguments);
    let Ok(theirs) = client.request::<Vec<String>>(asked).await else { return false };
    let command = Command::new(name).arg(arguments);
    let ours: Vec<_> = command.keys().into_iter().map(|key| String::from_utf8_lossy(key).into_owned()).collect();
    // Servers list the target of a store last for some commands, first for others.
    let sorted = |mut keys: Vec<String>| {
        keys.sort();
        keys
    };
    assert_eq!(sorted(ours), sorted(theirs), "{name} {arguments:?}");
    true
}
