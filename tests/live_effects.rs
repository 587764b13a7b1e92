//! What the table of facts says of a second run is what real servers do.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
mod support;

use std::collections::BTreeSet;

use steadfast::{Client, Command, Effect, Facts, Value};

use live::{KINDS, connected, tcp};
use support::Server;

/// One key of each type.
const KEYS: &[&str] = &[
    "SET text ohmytext EX 1000",
    "SET number 5",
    "SET bits foobar",
    "SET other mynewtext",
    "RPUSH list 3 1 2",
    "SADD set a b c",
    "SADD more b c d",
    "HSET hash f 1 g 2",
    "ZADD zset 1 a 2 b 3 c",
    "ZADD lex 0 a 0 b 0 c",
    "ZADD moved 9 a",
    "GEOADD geo 13.361389 38.115556 Palermo 15.087269 37.502669 Catania",
    "PFADD hll a b c",
    "PFADD hlm c d",
    "XADD stream 1-1 f v",
    "XADD stream 2-1 f w",
    "XGROUP CREATE stream group 0",
    "XGROUP CREATECONSUMER stream group idler",
    "XREADGROUP GROUP group reader COUNT 1 STREAMS stream >",
];

/// Each command on data whose effect is the writing of the same again at most, with what it needs; those of servers alone
/// and of modules are not among them.
const EXAMPLES: &[&str] = &[
    "BITCOUNT bits",
    "BITFIELD bits GET u8 0",
    "BITFIELD bits SET u8 0 7",
    "BITFIELD_RO bits GET u8 0",
    "BITOP AND new bits text",
    "BITPOS bits 1",
    "COPY text new",
    "COPY text other REPLACE",
    "DBSIZE",
    "DEL text nosuch",
    "DELIFEQ text ohmytext",
    "DUMP hash",
    "EVAL_RO return{redis.call('GET',KEYS[1])} 1 text",
    "EXISTS text nosuch",
    "EXPIRE number 100",
    "EXPIRE number 100 NX",
    "EXPIRE text 5000 GT",
    "EXPIRE text 10 LT",
    "EXPIRE text 10 XX",
    "EXPIRE text 0",
    "EXPIREAT number 4000000000",
    "EXPIREAT text 1",
    "EXPIRETIME text",
    "GEOADD geo NX 2 3 new",
    "GEOADD geo XX 2 3 Palermo",
    "GEODIST geo Palermo Catania",
    "GEOHASH geo Palermo",
    "GEOPOS geo Palermo",
    "GEORADIUS geo 15 37 200 km",
    "GEORADIUS geo 15 37 200 km STOREDIST new",
    "GEORADIUSBYMEMBER geo Palermo 200 km",
    "GEORADIUSBYMEMBER geo Palermo 200 km STORE new",
    "GEORADIUSBYMEMBER_RO geo Palermo 200 km",
    "GEORADIUS_RO geo 15 37 200 km",
    "GEOSEARCH geo FROMLONLAT 15 37 BYRADIUS 200 km",
    "GEOSEARCHSTORE new geo FROMLONLAT 15 37 BYRADIUS 200 km",
    "GET text",
    "GETBIT bits 3",
    "GETEX text",
    "GETEX text EX 100",
    "GETEX text PERSIST",
    "GETRANGE text 0 3",
    "HDEL hash f nosuch",
    "HEXISTS hash f",
    "HEXPIRE hash 100 FIELDS 1 f",
    "HEXPIREAT hash 4000000000 FIELDS 1 f",
    "HEXPIRETIME hash FIELDS 1 f",
    "HGET hash f",
    "HGETALL hash",
    "HGETEX hash FIELDS 1 f",
    "HGETEX hash EX 100 FIELDS 1 f",
    "HKEYS hash",
    "HLEN hash",
    "HMGET hash f g",
    "HMSET hash f 3 new 4",
    "HPERSIST hash FIELDS 1 f",
    "HPEXPIRE hash 100000 FIELDS 1 f",
    "HPEXPIREAT hash 4000000000000 FIELDS 1 f",
    "HPEXPIRETIME hash FIELDS 1 f",
    "HPTTL hash FIELDS 1 f",
    "HRANDFIELD hash",
    "HSCAN hash 0",
    "HSET hash f 3 new 4",
    "HSETEX hash EX 100 FIELDS 1 f 3",
    "HSETNX hash new 4",
    "HSTRLEN hash f",
    "HTTL hash FIELDS 1 f",
    "HVALS hash",
    "KEYS *",
    "LCS text other",
    "LINDEX list 0",
    "LLEN list",
    "LOLWUT",
    "LPOS list 1",
    "LRANGE list 0 -1",
    "MEMORY USAGE text",
    "MGET text number",
    "MSET text 1 new 2",
    "MSETEX 1 new 2 EX 100",
    "MSETNX new 1 newer 2",
    "OBJECT ENCODING text",
    "OBJECT IDLETIME text",
    "OBJECT REFCOUNT text",
    "PERSIST text",
    "PEXPIRE number 100000",
    "PEXPIRE text 5000000 GT",
    "PEXPIREAT number 4000000000000",
    "PEXPIREAT text 4000000000000 GT",
    "PEXPIRETIME text",
    "PFADD hll z",
    "PFCOUNT hll hlm",
    "PFMERGE hll hlm",
    "PSETEX text 100000 x",
    "PTTL text",
    "RANDOMKEY",
    "SADD set d",
    "SCAN 0",
    "SCARD set",
    "SDIFF set more",
    "SDIFFSTORE new set more",
    "SET text x",
    "SET text x NX",
    "SET text x XX KEEPTTL",
    "SET new x NX",
    "SET text x EX 100",
    "SETBIT bits 3 0",
    "SETEX text 100 x",
    "SETNX new x",
    "SETRANGE text 3 xx",
    "SINTER set more",
    "SINTERCARD 2 set more",
    "SINTERSTORE set set more",
    "SISMEMBER set a",
    "SMEMBERS set",
    "SMISMEMBER set a z",
    "SMOVE set more a",
    "SORT list",
    "SORT list STORE new",
    "SORT_RO list",
    "SRANDMEMBER set",
    "SREM set a",
    "SSCAN set 0",
    "STRLEN text",
    "SUBSTR text 0 2",
    "SUNION set more",
    "SUNIONSTORE set set more",
    "TOUCH text",
    "TTL text",
    "TYPE text",
    "UNLINK text",
    "XACK stream group 1-1",
    "XDEL stream 1-1",
    "XGROUP CREATE stream newgroup $",
    "XGROUP CREATECONSUMER stream group new",
    "XGROUP DELCONSUMER stream group reader",
    "XGROUP DESTROY stream group",
    "XINFO CONSUMERS stream group",
    "XINFO GROUPS stream",
    "XINFO STREAM stream",
    "XLEN stream",
    "XPENDING stream group",
    "XRANGE stream - +",
    "XREAD STREAMS stream 0",
    "XREVRANGE stream + -",
    "XSETID stream 9-9",
    "XTRIM stream MAXLEN 1",
    "ZADD zset 9 a 8 new",
    "ZADD zset NX 9 a 8 new",
    "ZADD zset GT 9 a 0 b",
    "ZCARD zset",
    "ZCOUNT zset 1 2",
    "ZDIFF 2 zset moved",
    "ZDIFFSTORE new 2 zset moved",
    "ZINTER 2 zset moved",
    "ZINTERCARD 2 zset moved",
    "ZINTERSTORE new 2 zset moved",
    "ZLEXCOUNT lex - +",
    "ZMSCORE zset a",
    "ZRANDMEMBER zset",
    "ZRANGE zset 0 -1",
    "ZRANGEBYLEX lex - +",
    "ZRANGEBYSCORE zset 1 2",
    "ZRANGESTORE new zset 1 -1",
    "ZRANK zset b",
    "ZREM zset a",
    "ZREMRANGEBYLEX lex [a [b",
    "ZREMRANGEBYSCORE zset 1 2",
    "ZREVRANGE zset 0 -1",
    "ZREVRANGEBYLEX lex + -",
    "ZREVRANGEBYSCORE zset 2 1",
    "ZREVRANK zset b",
    "ZSCAN zset 0",
    "ZSCORE zset a",
    "ZUNION 2 zset moved",
    "ZUNIONSTORE new 2 zset moved",
];

/// What these do the second time is something else, although they look like some of those above.
const MORE: &[&str] = &[
    "BITFIELD bits INCRBY u8 0 1",
    "BITOP XOR bits bits text",
    "LTRIM list 1 -1",
    "SDIFFSTORE set more set",
    "SORT list LIMIT 1 5 STORE list",
    "ZADD zset INCR 1 a",
    "ZDIFFSTORE zset 2 lex zset",
    "ZINTERSTORE zset 2 zset moved",
    "ZRANGESTORE zset zset 1 -1",
    "ZUNIONSTORE zset 2 zset moved",
];

/// Commands without an example, and why.
const WITHOUT: &[(&str, &str)] = &[
    ("CLUSTERSCAN", "of clusters alone"),
    ("EVALSHA_RO", "wants a script; EVAL_RO is the same"),
    ("FCALL_RO", "wants a function; EVAL_RO is the same"),
    ("OBJECT FREQ", "of another memory policy alone"),
    ("RESTORE", "what it restores is no text: tested apart"),
];

/// Readers whose answers depend on chance, or on the time.
const CHANCE: &[&str] = &[
    "HPTTL",
    "HRANDFIELD",
    "HTTL",
    "LOLWUT",
    "MEMORY USAGE",
    "OBJECT IDLETIME",
    "PTTL",
    "RANDOMKEY",
    "SRANDMEMBER",
    "TTL",
    "XINFO CONSUMERS",
    "ZRANDMEMBER",
];

fn command(line: &str) -> Command {
    let mut words = line.split(' ');
    let first = words.next().unwrap();
    let rest: Vec<&str> = words.collect();
    match rest.first().map(|second| format!("{first} {second}")).filter(|two| Facts::of(two).is_some()) {
        Some(two) => Command::new(&two).arg(&rest[1..]),
        None => Command::new(first).arg(&rest),
    }
}

async fn run(client: &Client, line: &str) -> Value {
    client.request(command(line)).await.unwrap_or_else(|error| panic!("{line}: {error}"))
}

/// The data as a whole, and what a digest leaves out.
async fn data(client: &Client) -> (Value, Vec<Option<Value>>) {
    let mut groups = Vec::new();
    for asked in ["XINFO GROUPS", "XINFO STREAM"] {
        groups.push(client.request::<Value>(Command::new(asked).arg("stream")).await.ok());
    }
    (client.request(Command::new("DEBUG").arg("DIGEST")).await.unwrap(), groups)
}

async fn begin(client: &Client) {
    run(client, "FLUSHALL").await;
    for line in KEYS {
        run(client, line).await;
    }
}

#[tokio::test]
async fn what_may_run_twice_changes_nothing_the_second_time() {
    for kind in KINDS {
        let server = Server::build(kind).config("enable-debug-command yes").start();
        let client = connected(tcp(&server)).await;
        let listed: Vec<String> = client.request(Command::new("COMMAND LIST")).await.unwrap();
        let listed: BTreeSet<String> = listed.iter().map(|name| name.to_uppercase().replace('|', " ")).collect();
        for line in EXAMPLES {
            let command = command(line);
            if !listed.contains(command.name()) {
                continue;
            }
            begin(&client).await;
            let empty = data(&client).await;
            let first = client.request::<Value>(command.clone()).await;
            let once = data(&client).await;
            let second = client.request::<Value>(command.clone()).await;
            let twice = data(&client).await;
            let effect = command.effect();
            assert!(first.is_ok(), "{kind:?} {line}: {first:?}");
            assert!(effect != Effect::Read || empty == once, "{kind:?} {line} reads and writes");
            assert!(effect > Effect::LastWriteWins || once == twice, "{kind:?} {line} writes something else");
            let facts = command.facts();
            let repeats = facts.answer_repeats() && effect == facts.effect() && !CHANCE.contains(&command.name());
            if repeats {
                assert_eq!(first.unwrap(), second.unwrap(), "{kind:?} {line} answers something else");
            }
        }
    }
}

#[tokio::test]
async fn what_changes_more_the_second_time_is_known_to() {
    for kind in KINDS {
        let server = Server::build(kind).config("enable-debug-command yes").start();
        let client = connected(tcp(&server)).await;
        for line in MORE {
            begin(&client).await;
            run(&client, line).await;
            let once = data(&client).await;
            run(&client, line).await;
            assert!(data(&client).await != once, "{kind:?} {line} is no example of it");
            assert!(command(line).effect() > Effect::LastWriteWins, "{line}");
        }
    }
}

#[tokio::test]
async fn every_command_that_may_run_twice_has_an_example() {
    let named: BTreeSet<String> = EXAMPLES.iter().map(|line| command(line).name().to_owned()).collect();
    for kind in KINDS {
        let server = Server::build(kind).start();
        let client = connected(tcp(&server)).await;
        let listed: Vec<String> = client.request(Command::new("COMMAND LIST")).await.unwrap();
        for name in listed.iter().map(|name| name.to_uppercase().replace('|', " ")) {
            let Some(facts) = Facts::of(&name) else { continue };
            let is_about_data = facts.is_read_only() || facts.is_write();
            if is_about_data && facts.effect() <= Effect::LastWriteWins {
                let excused = WITHOUT.iter().any(|(without, _)| *without == name);
                assert!(named.contains(&name) != excused, "{name} has no example, or one and a reason to have none");
            }
        }
    }
}

#[tokio::test]
async fn what_was_restored_is_not_restored_again() {
    for kind in KINDS {
        let server = Server::build(kind).config("enable-debug-command yes").start();
        let client = connected(tcp(&server)).await;
        begin(&client).await;
        let dumped: bytes::Bytes = client.request(Command::new("DUMP").key("zset")).await.unwrap();
        let restore = Command::new("RESTORE").key("new").arg((0, dumped));
        assert_eq!(restore.effect(), Effect::ConditionalWrite);
        client.request::<()>(restore.clone()).await.unwrap();
        run(&client, "ZADD new 1 later").await;
        let before = data(&client).await;
        assert_eq!(client.request::<()>(restore.clone()).await.unwrap_err().server().unwrap().code(), "BUSYKEY");
        assert_eq!(data(&client).await, before);
        assert_eq!(restore.arg("REPLACE").effect(), Effect::LastWriteWins);
    }
}
