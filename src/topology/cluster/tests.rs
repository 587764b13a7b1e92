//! Answers of real clusters, and of servers that lie.

use bytes::BytesMut;

use super::recorded::*;
use super::shards::of_shards;
use super::slots::of_slots;
use super::views::{View, best, info};
use super::*;
use crate::command::Slot;
use crate::outcome::Address;
use crate::resp::{Decoder, Frame, Limits, NullForm, Value};

fn frame(wire: &[u8]) -> Frame {
    let mut buffer = BytesMut::from(wire);
    let frame = Decoder::new(Limits::default()).decode(&mut buffer, 1).unwrap().expect("one whole answer");
    assert!(buffer.is_empty(), "more than one answer");
    frame
}

fn seed() -> Address {
    Address::tcp("seed.test", 7000)
}

fn shards(wire: &[u8]) -> SlotMap {
    of_shards(frame(wire).reply(), &seed(), false).unwrap()
}

fn slots(wire: &[u8]) -> SlotMap {
    of_slots(frame(wire).reply(), &seed()).unwrap()
}

/// Each range in one line: its slots, its primary, and behind `/` its replicas; `!` behind what has failed.
fn shown(map: &SlotMap) -> Vec<String> {
    let node = |place: &usize| {
        let node = &map.nodes()[*place];
        format!("{}{}", node.address, if node.health == Health::Failed { "!" } else { "" })
    };
    let line = |(range, place): (std::ops::RangeInclusive<u16>, usize)| {
        let shard = &map.shards()[place];
        let primary = shard.primary.as_ref().map_or("nobody".to_owned(), node);
        let replicas: Vec<_> = shard.replicas.iter().map(node).collect();
        format!("{}-{} {primary}/{}", range.start(), range.end(), replicas.join(","))
    };
    map.ranges().into_iter().map(line).collect()
}

/// What `shown` gives for three shards of this host.
fn three(host: &str, base: u16) -> Vec<String> {
    [(0, 5460, 0), (5461, 10921, 1), (10922, 16383, 2)]
        .map(|(from, to, shard)| format!("{from}-{to} {host}:{}/{host}:{}", base + shard, base + shard + 3))
        .to_vec()
}

fn hostnames(map: &SlotMap) -> Vec<Option<&str>> {
    let mut nodes: Vec<_> =
        map.nodes().iter().map(|node| (node.address.to_string(), node.hostname.as_deref())).collect();
    nodes.sort();
    nodes.into_iter().map(|(_, name)| name).collect()
}

const FIVE_NAMES: [Option<&str>; 6] = [
    Some("node-0.redis.test"),
    Some("node-1.redis.test"),
    Some("node-2.redis.test"),
    Some("node-3.redis.test"),
    Some("node-4.redis.test"),
    None,
];

#[test]
fn both_servers_say_the_same_in_both_protocols_and_both_answers() {
    assert_eq!(shown(&shards(REDIS_SHARDS)), three("127.0.0.1", 21300));
    assert_eq!(shown(&shards(VALKEY_SHARDS)), three("127.0.0.1", 21310));
    assert_eq!(shown(&slots(REDIS_SLOTS)), three("127.0.0.1", 21300));
    for map in [shards(REDIS_SHARDS), slots(REDIS_SLOTS)] {
        assert_eq!((map.coverage(), map.nodes().len(), map.shards().len()), (16_384, 6, 3));
        assert!(map.nodes().iter().all(|node| node.id.len() == 40 && node.health == Health::Online));
        assert_eq!(hostnames(&map), [None; 6]);
    }
}

#[test]
fn hostnames_are_kept_beside_addresses() {
    let map = slots(REDIS_SLOTS_WITH_HOSTNAMES);
    assert_eq!(shown(&map), three("127.0.0.1", 21300));
    assert_eq!(hostnames(&map), FIVE_NAMES);
}

#[test]
fn hostnames_are_addresses_where_they_are_preferred_and_who_has_none_has_its_ip_address() {
    for (map, base) in [(slots(REDIS_SLOTS_BY_HOSTNAME), 21300), (shards(VALKEY_SHARDS_BY_HOSTNAME), 21310)] {
        let node = |number: u16| format!("node-{number}.redis.test:{}", base + number);
        let expected = [
            format!("0-5460 {}/{}", node(0), node(3)),
            format!("5461-10921 {}/{}", node(1), node(4)),
            format!("10922-16383 {}/127.0.0.1:{}", node(2), base + 5),
        ];
        assert_eq!(shown(&map), expected);
        let mut names = hostnames(&map);
        names.sort();
        let mut expected = FIVE_NAMES;
        expected.sort();
        assert_eq!(names, expected);
    }
}

#[test]
fn nodes_that_do_not_say_where_they_are_are_where_the_one_is_that_was_asked() {
    assert_eq!(shown(&slots(REDIS_SLOTS_WITHOUT_ENDPOINTS)), three("seed.test", 21300));
    assert_eq!(shown(&slots(VALKEY_SLOTS_WITHOUT_ENDPOINTS)), three("seed.test", 21310));
    let map = shards(REDIS_SHARDS_WITHOUT_ENDPOINTS);
    assert_eq!(shown(&map), three("seed.test", 21300));
    assert_eq!(hostnames(&map), FIVE_NAMES);
    let unix = Address::Unix("/run/redis.sock".into());
    let map = of_slots(frame(REDIS_SLOTS_WITHOUT_ENDPOINTS).reply(), &unix).unwrap();
    assert_eq!((map.coverage(), map.nodes().len()), (0, 0));
}

#[test]
fn a_failed_primary_keeps_its_slots_until_its_replica_has_them() {
    let mut expected = three("127.0.0.1", 21310);
    expected[0] = "0-5460 127.0.0.1:21310!/127.0.0.1:21313".to_owned();
    assert_eq!(shown(&shards(VALKEY_SHARDS_FAILED)), expected);
    expected[0] = "0-5460 127.0.0.1:21313/127.0.0.1:21310!".to_owned();
    assert_eq!(shown(&shards(VALKEY_SHARDS_AFTER_FAILOVER)), expected);
    expected[0] = "0-5460 127.0.0.1:21313/".to_owned();
    assert_eq!(shown(&slots(VALKEY_SLOTS_AFTER_FAILOVER)), expected);
    let mut expected = three("127.0.0.1", 21300);
    expected[0] = "0-5460 127.0.0.1:21303/".to_owned();
    let map = shards(REDIS_SHARDS_AFTER_FAILOVER);
    assert_eq!((shown(&map), map.shards().len(), map.coverage()), (expected, 4, 16_384));
    let old = map.find(&Address::tcp("127.0.0.1", 21300)).unwrap();
    assert_eq!(map.nodes()[old].health, Health::Failed);
}

#[test]
fn over_tls_the_other_port_is_meant() {
    let reply = frame(REDIS_SHARDS_OVER_TLS);
    assert_eq!(shown(&of_shards(reply.reply(), &seed(), true).unwrap()), three("127.0.0.1", 21450));
    assert_eq!(shown(&of_shards(reply.reply(), &seed(), false).unwrap()), three("127.0.0.1", 21400));
    assert_eq!(shown(&slots(VALKEY_SLOTS_OVER_TLS)), three("127.0.0.1", 21570));
    // The only port that is told, wrong as it is: a map of addresses may mend it.
    let reply = frame(REDIS_SHARDS_WITHOUT_TLS_PORTS);
    assert_eq!(shown(&of_shards(reply.reply(), &seed(), true).unwrap()), three("127.0.0.1", 21500));
}

#[test]
fn slots_without_a_primary_are_not_covered() {
    let map = shards(VALKEY_SHARDS_WITHOUT_A_PRIMARY);
    assert_eq!(shown(&map), three("127.0.0.1", 21310)[1..]);
    assert_eq!(map.coverage(), 10_923);
    let map = of_shards(wire(one_shard(vec![node("replica", "a", 1)])).reply(), &seed(), false).unwrap();
    assert_eq!((shown(&map), map.coverage()), (vec!["0-9 nobody/a:1".to_owned()], 0));
}

#[test]
fn the_state_of_the_cluster_is_told_beside_the_map() {
    let text = |wire: &[u8]| String::from_utf8(frame(wire).reply().bytes().unwrap().to_vec()).unwrap();
    assert_eq!(info(&text(REDIS_INFO)), (3, true));
    assert_eq!(info(&text(REDIS_INFO_FAILED)), (3, false));
}

#[test]
fn an_answer_from_after_the_failover_is_believed() {
    let view = |map, epoch, is_ok| View { map, epoch, is_ok };
    let views = vec![
        view(shards(VALKEY_SHARDS_FAILED), 3, true),
        view(shards(VALKEY_SHARDS_WITHOUT_A_PRIMARY), 4, true),
        view(shards(VALKEY_SHARDS_AFTER_FAILOVER), 4, true),
    ];
    assert_eq!(best(views).unwrap().map, shards(VALKEY_SHARDS_AFTER_FAILOVER));
}

fn wire(value: Value) -> Frame {
    Frame::from_value(&value)
}

fn node(role: &'static str, host: &'static str, port: i64) -> Value {
    let fields = [("endpoint", Value::bulk(host)), ("port", Value::Integer(port)), ("role", Value::bulk(role))];
    Value::Map(fields.map(|(name, value)| (Value::bulk(name), value)).to_vec())
}

fn shard(slots: Vec<i64>, nodes: Vec<Value>) -> Value {
    let slots = slots.into_iter().map(Value::Integer).collect();
    Value::Map(vec![(Value::bulk("slots"), Value::Array(slots)), (Value::bulk("nodes"), Value::Array(nodes))])
}

/// Slots 0 to 9.
fn one_shard(nodes: Vec<Value>) -> Value {
    Value::Array(vec![shard(vec![0, 9], nodes)])
}

fn with(node: Value, name: &'static str, value: Value) -> Value {
    let Value::Map(mut fields) = node else { panic!("a node") };
    fields.retain(|(known, _)| *known != Value::bulk(name));
    fields.push((Value::bulk(name), value));
    Value::Map(fields)
}

#[test]
fn of_two_shards_for_one_slot_the_healthier_has_it() {
    let failed = with(node("master", "old", 1), "health", Value::bulk("fail"));
    let (old, new) = (shard(vec![0, 9], vec![failed]), shard(vec![5, 6], vec![node("master", "new", 1)]));
    for order in [vec![old.clone(), new.clone()], vec![new, old]] {
        let map = of_shards(wire(Value::Array(order)).reply(), &seed(), false).unwrap();
        assert_eq!(shown(&map), ["0-4 old:1!/", "5-6 new:1/", "7-9 old:1!/"]);
    }
}

#[test]
fn an_address_that_a_forgotten_node_had_is_one_node_and_well() {
    let failed = with(node("replica", "a", 1), "health", Value::bulk("fail"));
    for nodes in [vec![failed.clone(), node("master", "a", 1)], vec![node("master", "a", 1), failed]] {
        let map = of_shards(wire(one_shard(nodes)).reply(), &seed(), false).unwrap();
        assert_eq!((shown(&map), map.nodes().len()), (vec!["0-9 a:1/".to_owned()], 1));
    }
}

#[test]
fn a_node_that_cannot_be_connected_to_is_left_out() {
    let good = || node("master", "a", 1);
    let bad = [
        with(good(), "port", Value::Integer(0)),
        with(good(), "port", Value::Integer(-1)),
        with(good(), "port", Value::Integer(65_536)),
        with(good(), "port", Value::bulk("1")),
        with(good(), "port", Value::null()),
        with(good(), "endpoint", Value::Integer(5)),
        with(good(), "endpoint", Value::bulk("a b")),
        with(good(), "endpoint", Value::bulk("a\r\nb")),
        with(good(), "endpoint", Value::bulk(vec![0xff, 0xfe])),
        with(good(), "endpoint", Value::bulk("h".repeat(256))),
        Value::Map(vec![]),
        Value::Array(vec![]),
    ];
    for bad in bad {
        let frame = wire(one_shard(vec![bad.clone(), node("replica", "b", 2)]));
        let map = of_shards(frame.reply(), &seed(), false).unwrap();
        assert_eq!(shown(&map), ["0-9 nobody/b:2"], "{bad:?}");
    }
    for (endpoint, host) in
        [(Value::null(), "seed.test"), (Value::Null(NullForm::Bulk), "seed.test"), (Value::bulk("?"), "seed.test")]
    {
        let frame = wire(one_shard(vec![with(good(), "endpoint", endpoint)]));
        assert_eq!(shown(&of_shards(frame.reply(), &seed(), false).unwrap()), [format!("0-9 {host}:1/")]);
    }
}

#[test]
fn slots_that_there_are_not_are_left_out() {
    let bounds = vec![-1, 5, 3, 2, 0, 16_384, 70_000, 70_001, i64::MIN, i64::MAX, 8, 9, 11];
    let frame = wire(Value::Array(vec![shard(bounds, vec![node("master", "a", 1)])]));
    assert_eq!(shown(&of_shards(frame.reply(), &seed(), false).unwrap()), ["8-9 a:1/"]);
    let range = |first, last| Value::Array(vec![first, last, Value::Array(vec![Value::bulk("a"), Value::Integer(1)])]);
    let ranges = [(-1, 5), (3, 2), (0, 16_384), (i64::MIN, i64::MAX), (8, 9)]
        .map(|(first, last)| range(first.into(), last.into()));
    let odd = [range(Value::null(), Value::bulk("5")), Value::Array(vec![]), Value::Array(vec![Value::Integer(1)])];
    let frame = wire(Value::Array(ranges.into_iter().chain(odd).collect()));
    assert_eq!(shown(&of_slots(frame.reply(), &seed()).unwrap()), ["8-9 a:1/"]);
}

#[test]
fn a_server_that_has_the_question_refused_is_told_from_one_that_answers_nonsense() {
    let refused = frame(b"-ERR This instance has cluster support disabled\r\n");
    let error = of_shards(refused.reply(), &seed(), false).unwrap_err();
    assert_eq!(error.to_string(), "ERR This instance has cluster support disabled");
    assert!(matches!(error, Malformed::Refused(_)));
    assert!(matches!(of_slots(refused.reply(), &seed()), Err(Malformed::Refused(_))));
    let map = Value::Map(vec![(Value::bulk("nodes"), Value::Integer(1))]);
    let slots = Value::Map(vec![(Value::bulk("slots"), Value::bulk("0-9"))]);
    let nonsense = [
        Value::null(),
        Value::Null(NullForm::Array),
        Value::Integer(1),
        Value::bulk("0-16383"),
        Value::Map(vec![]),
        Value::from(vec![Value::Integer(1)]),
        Value::from(vec![Value::null()]),
        Value::from(vec![Value::from(vec![Value::Integer(1)]), Value::error("ERR no")]),
        Value::from(vec![map]),
        Value::from(vec![slots]),
        one_shard(vec![Value::null()]),
        one_shard(vec![Value::from(vec![Value::Integer(1)])]),
    ];
    for value in nonsense {
        assert!(
            matches!(of_shards(wire(value.clone()).reply(), &seed(), false), Err(Malformed::Shape(_))),
            "{value:?}"
        );
        // Parts of it may be ranges; that it ends, and how, is what counts.
        let _ = of_slots(wire(value).reply(), &seed());
    }
}

#[test]
fn as_much_as_a_cluster_can_be_is_read_and_more_is_refused() {
    let many = |count: i64| {
        Value::Array((0..count).map(|slot| shard(vec![slot, slot], vec![node("master", "a", slot + 1)])).collect())
    };
    let map = of_shards(wire(many(16_384)).reply(), &seed(), false).unwrap();
    assert_eq!((map.coverage(), map.shards().len(), map.nodes().len()), (16_384, 16_384, 16_384));
    assert_eq!(map.shard_of(Slot::new(9).unwrap()), Some(9));
    assert_eq!(of_shards(wire(many(16_385)).reply(), &seed(), false), Err(Malformed::TooMany));
    let ranges = Value::Array(vec![shard(vec![1; 32_770], vec![])]);
    assert_eq!(of_shards(wire(ranges).reply(), &seed(), false), Err(Malformed::TooMany));
    let range = |slot: i64| {
        let node = Value::Array(vec![Value::bulk("a"), Value::Integer(slot % 3 + 1)]);
        Value::Array(vec![slot.into(), slot.into(), node])
    };
    let many = |count: i64| Value::Array((0..count).map(range).collect());
    let map = of_slots(wire(many(16_384)).reply(), &seed()).unwrap();
    assert_eq!((map.coverage(), map.shards().len(), map.ranges().len()), (16_384, 3, 16_384));
    assert_eq!(of_slots(wire(many(16_385)).reply(), &seed()), Err(Malformed::TooMany));
}

/// Recorded answers with one byte changed: whatever still is an answer is read without a panic.
#[test]
fn what_is_almost_an_answer_is_read_or_refused() {
    const BYTES: &[u8] = b"*%:$_-09\xff";
    let asked = seed();
    for recorded in
        [REDIS_SHARDS, VALKEY_SHARDS_AFTER_FAILOVER, REDIS_SLOTS_BY_HOSTNAME, VALKEY_SLOTS_WITHOUT_ENDPOINTS]
    {
        for at in 0..recorded.len() {
            let mut changed = recorded.to_vec();
            changed[at] = BYTES[at % BYTES.len()];
            let decoded = Decoder::new(Limits::default()).decode(&mut BytesMut::from(&changed[..]), 1);
            let Ok(Some(frame)) = decoded else { continue };
            let maps = [of_shards(frame.reply(), &asked, at % 2 == 0), of_slots(frame.reply(), &asked)];
            for map in maps.into_iter().flatten() {
                assert!(map.coverage() <= 16_384 && map.nodes().len() <= 6);
            }
        }
    }
}
