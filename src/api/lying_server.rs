//! Answers that no honest server gives: every typed command reads them, as a value or as an error, and never by a panic.

use bytes::Bytes;

use super::*;
use crate::command::{Sealed, Value};
use crate::resp::{Frame, NullForm};

/// Runs nothing.
#[derive(Clone, Copy)]
struct Nobody;

impl Sealed for Nobody {}

impl Executor for Nobody {}

/// Numbers that look random and are the same each time (SplitMix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % bound
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

const TEXTS: &[&[u8]] = &[
    b"",
    b"a",
    b"OK",
    b"0",
    b"-1",
    b"1",
    b"nan",
    b"-inf",
    b"1e999",
    b"18446744073709551616",
    b"-9223372036854775809",
    b"\xff\xfe",
    b"1-1",
    b"0-18446744073709551615",
    b"1-",
    b"-",
    b"master",
    b"slave",
    b"sentinel",
    b"id=7 addr= name",
    b"a=b c=d\r\n",
    b"\r\n",
    b"cluster_state:ok\r\ncluster_slots_assigned:99999999999\r\n",
    b"\xf0\x9f\x8d\x8e",
    b"[93-<-22]",
    b"f1:v1",
];

const INTEGERS: &[i64] =
    &[0, 1, -1, -2, 2, 16384, 65536, i64::MAX, i64::MIN, 1 << 53, -62_135_596_801, 253_402_300_800_000];

const DOUBLES: &[f64] = &[0.0, -0.5, 1e300, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 9e18];

/// The names of fields that the readers look for, as they stand in the sources.
fn names() -> Vec<Bytes> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api");
    let files = std::fs::read_dir(folder).unwrap().map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    let mut names: Vec<_> = files
        .flat_map(|text| text.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>())
        .filter(|name| name.len() < 40 && !name.contains(char::is_whitespace))
        .map(Bytes::from)
        .collect();
    names.sort();
    names.dedup();
    assert!(names.len() > 100, "{}", names.len());
    names
}

fn value(numbers: &mut Numbers, names: &[Bytes], depth: usize) -> Value {
    let kinds = if depth == 0 { 8 } else { 12 };
    let items = |numbers: &mut Numbers| -> Vec<Value> {
        (0..numbers.below(7)).map(|_| value(numbers, names, depth - 1)).collect()
    };
    match numbers.below(kinds) {
        0 => Value::Integer(*numbers.pick(INTEGERS)),
        1 => Value::BulkString(Bytes::from_static(TEXTS[numbers.below(TEXTS.len())])),
        2 => Value::BulkString(numbers.pick(names).clone()),
        3 => Value::SimpleString(Bytes::from_static(b"OK")),
        4 => Value::Double(*numbers.pick(DOUBLES)),
        5 => Value::Null(NullForm::Resp3),
        6 => Value::Boolean(numbers.below(2) == 0),
        7 => Value::error("ERR inside"),
        8 => Value::Array(items(numbers)),
        9 => Value::Set(items(numbers)),
        // A flat list of names and values, as RESP2 sends a map: of odd length at times.
        10 => {
            let values = items(numbers);
            let flat = values.into_iter().flat_map(|value| [Value::BulkString(numbers.pick(names).clone()), value]);
            let mut flat: Vec<_> = flat.collect();
            if numbers.below(4) == 0 {
                flat.pop();
            }
            Value::Array(flat)
        }
        _ => {
            let values = items(numbers);
            Value::Map(
                values.into_iter().map(|value| (Value::BulkString(numbers.pick(names).clone()), value)).collect(),
            )
        }
    }
}

/// Reads each of the answers as that to the request; how many of them it could.
fn lie<T, O>(answers: &[Frame], request: Request<Nobody, T, O>) -> usize {
    answers.iter().filter(|answer| (request.reader)(answer.reply()).is_ok()).count()
}

#[test]
fn no_answer_of_any_shape_makes_a_reader_panic() {
    let (names, mut numbers) = (names(), Numbers(7));
    let answers: Vec<_> = (0..20_000).map(|_| Frame::from_value(&value(&mut numbers, &names, 3))).collect();
    let taken = [
        lie(&answers, Nobody.get::<Vec<u8>>("k")),
        lie(&answers, Nobody.set("k", "v").nx()),
        lie(&answers, Nobody.set("k", "v").get::<f64>()),
        lie(&answers, Nobody.mget::<u8>("k")),
        lie(&answers, Nobody.lcs_idx("a", "b")),
        lie(&answers, Nobody.ttl("k")),
        lie(&answers, Nobody.expiretime("k")),
        lie(&answers, Nobody.object_idletime("k")),
        lie(&answers, Nobody.dump("k")),
        lie(&answers, Nobody.scan::<String>()),
        lie(&answers, Nobody.httl("k", "f")),
        lie(&answers, Nobody.hexpire("k", Duration::from_secs(1), "f")),
        lie(&answers, Nobody.hexpiretime("k", "f")),
        lie(&answers, Nobody.hscan::<String, i64>("k")),
        lie(&answers, Nobody.hrandfield::<String>("k")),
        lie(&answers, Nobody.bitfield("k")),
        lie(&answers, Nobody.lpop::<String>("k").count(2)),
        lie(&answers, Nobody.lmpop::<String, String>("k", End::Left)),
        lie(&answers, Nobody.blpop::<String, String>("k", Duration::ZERO)),
        lie(&answers, Nobody.blmpop::<String, String>("k", End::Left, Duration::ZERO)),
        lie(&answers, Nobody.spop::<String>("k").count(2)),
        lie(&answers, Nobody.zpopmin::<String>("k")),
        lie(&answers, Nobody.zpopmin::<String>("k").count(2)),
        lie(&answers, Nobody.zmpop::<String, String>("k", Extreme::Min)),
        lie(&answers, Nobody.bzpopmin::<String, String>("k", Duration::ZERO)),
        lie(&answers, Nobody.bzmpop::<String, String>("k", Extreme::Min, Duration::ZERO)),
        lie(&answers, Nobody.zrank("k", "m").withscore()),
        lie(&answers, Nobody.zscan::<String>("k")),
        lie(&answers, Nobody.geopos("k", "m")),
        lie(&answers, Nobody.xadd("k", "*", ("f", "v"))),
        lie(&answers, Nobody.xread::<Vec<(String, String)>>("k", "0")),
        lie(&answers, Nobody.xrange::<Vec<(String, String)>>("k", "-", "+")),
        lie(&answers, Nobody.xpending("k", "g")),
        lie(&answers, Nobody.xinfo_stream("k")),
        lie(&answers, Nobody.xinfo_groups("k")),
        lie(&answers, Nobody.xinfo_consumers("k", "g")),
        lie(&answers, Nobody.function_list()),
        lie(&answers, Nobody.function_stats()),
        lie(&answers, Nobody.acl_getuser("u")),
        lie(&answers, Nobody.acl_log()),
        lie(&answers, Nobody.client_list()),
        lie(&answers, Nobody.client_info()),
        lie(&answers, Nobody.client_trackinginfo()),
        lie(&answers, Nobody.cluster_info()),
        lie(&answers, Nobody.cluster_links()),
        lie(&answers, Nobody.cluster_shards()),
        lie(&answers, Nobody.cluster_slots()),
        lie(&answers, Nobody.cluster_slot_stats()),
        lie(&answers, Nobody.clusterscan::<String>()),
        lie(&answers, Nobody.command_info("get")),
        lie(&answers, Nobody.commandlog_get(5, CommandLog::Slow)),
        lie(&answers, Nobody.latency_histogram("get")),
        lie(&answers, Nobody.latency_history("e")),
        lie(&answers, Nobody.latency_latest()),
        lie(&answers, Nobody.module_list()),
        lie(&answers, Nobody.role()),
        lie(&answers, Nobody.slowlog_get()),
        lie(&answers, Nobody.time()),
        lie(&answers, Nobody.lastsave()),
        lie(&answers, Nobody.pubsub_numsub::<String>("c")),
        lie(&answers, Nobody.json_type("k", "$")),
        lie(&answers, Nobody.json_numincrby("k", "$", 1.0)),
        lie(&answers, Nobody.json_arrpop::<String>("k", "$")),
        lie(&answers, Nobody.vemb("k", "e")),
        lie(&answers, Nobody.vinfo("k")),
    ];
    // Each took some and refused some: none lets everything pass, and none refuses everything that is sent at all.
    for (place, count) in taken.into_iter().enumerate() {
        assert!(count < answers.len(), "the reader at {place} takes anything");
    }
}
