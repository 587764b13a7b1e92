//! Answers of real Sentinels, and of some that lie.

use bytes::BytesMut;

use super::answers::*;
use super::listening::switch_of;
use super::recorded::*;
use super::*;
use crate::resp::{Decoder, Limits, NullForm, Value};

fn frames(wire: &[u8]) -> Vec<Frame> {
    let mut buffer = BytesMut::from(wire);
    let mut decoder = Decoder::new(Limits::default());
    let frames = std::iter::from_fn(|| decoder.decode(&mut buffer, 1).unwrap()).collect();
    assert!(buffer.is_empty(), "half an answer");
    frames
}

fn frame(wire: &[u8]) -> Frame {
    frames(wire).pop().expect("one answer")
}

fn local(port: u16) -> Address {
    Address::tcp("127.0.0.1", port)
}

fn watched(wire: &[u8]) -> Watched {
    Watched::of(frame(wire).reply()).unwrap()
}

/// Ports, with `!` behind those that are not well.
fn shown(facts: &[NodeFacts]) -> Vec<String> {
    let port = |facts: &NodeFacts| match &facts.address {
        Address::Tcp { port, .. } => format!("{port}{}", if facts.health == Health::Failed { "!" } else { "" }),
        Address::Unix(_) => String::new(),
    };
    facts.iter().map(port).collect()
}

#[test]
fn the_address_of_the_primary() {
    assert_eq!(primary_address(frame(ADDRESS).reply()), Ok(Some(local(23100))));
    for nobody in [NO_ADDRESS_2, NO_ADDRESS_3] {
        assert_eq!(primary_address(frame(nobody).reply()), Ok(None));
    }
    let hostname = b"*2\r\n$11\r\nredis-0.svc\r\n$4\r\n6379\r\n";
    assert_eq!(primary_address(frame(hostname).reply()), Ok(Some(Address::tcp("redis-0.svc", 6379))));
    let ipv6 = b"*2\r\n$3\r\n::1\r\n$4\r\n6379\r\n";
    assert_eq!(primary_address(frame(ipv6).reply()), Ok(Some(Address::tcp("::1", 6379))));
}

#[test]
fn what_is_no_address_is_none() {
    for none in [&b"*2\r\n$1\r\n?\r\n$1\r\n0\r\n"[..], b"*2\r\n$0\r\n\r\n$4\r\n6379\r\n", b"*2\r\n$1\r\na\r\n:0\r\n"] {
        assert_eq!(primary_address(frame(none).reply()), Ok(None));
    }
    for wrong in [&b"*1\r\n$1\r\na\r\n"[..], b"*2\r\n$1\r\na\r\n$5\r\n99999\r\n", b"+OK\r\n", b"*2\r\n*0\r\n*0\r\n"] {
        assert!(primary_address(frame(wrong).reply()).is_err());
    }
}

#[test]
fn a_primary_that_is_watched() {
    let before = watched(MASTER);
    assert_eq!((before.epoch, before.others), (0, 2));
    assert_eq!(&*before.primary_at(&local(23100)).unwrap().id, "4d653c3e5dcadb0c33a6c0057d7e667b71d62f24");
    let after = watched(MASTER_AFTER);
    assert_eq!((after.epoch, after.others), (1, 2));
    assert!(after.primary_at(&local(23102)).is_some());
    assert_eq!(watched(VALKEY_MASTER).epoch, 0);
    assert!(Watched::of(frame(NO_MASTER).reply()).is_err());
}

#[test]
fn two_answers_that_do_not_belong_together_are_found_out() {
    // The first was given before it came to know of a failover, the second after that.
    assert_eq!(watched(MASTER).primary_at(&local(23102)), None);
    assert_eq!(watched(MASTER_DOWN).primary_at(&local(23201)), None, "the failover has just begun");
    assert!(watched(MASTER_DOWN).primary_at(&local(23200)).is_some());
}

#[test]
fn who_fails_over_names_the_new_primary_before_its_other_answers_do() {
    for wire in [FAILING_OVER, VALKEY_FAILING_OVER] {
        let answers = frames(wire);
        let watched = Watched::of(answers[0].reply()).unwrap();
        let new = primary_address(answers[1].reply()).unwrap().unwrap();
        assert_eq!(watched.epoch, 1, "it is the new configuration already");
        let primary = watched.primary_at(&new).expect("they belong together");
        assert_eq!(primary.address, new);
    }
}

#[test]
fn replicas_and_their_health() {
    let of = |wire: &[u8]| shown(&replicas(frame(wire).reply()).unwrap());
    assert_eq!(of(REPLICAS), ["23101", "23102"]);
    assert_eq!(of(VALKEY_REPLICAS), ["23201", "23202"]);
    assert_eq!(of(REPLICAS_AFTER), ["23101", "23100!"], "the old primary is frozen");
    assert!(replicas(frame(NO_MASTER).reply()).is_err());
}

fn replica(port: &'static str, flags: &'static str, link: &'static str) -> Value {
    let fields = [("ip", "10.0.0.1"), ("port", port), ("flags", flags), ("master-link-status", link)];
    Value::Array(fields.iter().flat_map(|(name, value)| [Value::bulk(*name), Value::bulk(*value)]).collect())
}

#[test]
fn a_replica_without_its_primary_is_not_well_unless_all_are_without() {
    let of = |list: Vec<Value>| shown(&replicas(Frame::from_value(&Value::Array(list)).reply()).unwrap());
    let (well, severed) = (replica("1", "slave", "ok"), replica("2", "slave", "err"));
    let down = replica("3", "s_down,slave,disconnected", "err");
    assert_eq!(of(vec![well.clone(), severed.clone(), down.clone()]), ["1", "2!", "3!"]);
    assert_eq!(of(vec![severed.clone(), down.clone()]), ["2", "3!"]);
    assert_eq!(of(vec![severed, replica("4", "slave", "err")]), ["2", "4"]);
    assert_eq!(of(vec![replica("0", "slave", "ok"), well]), ["1"], "one that has no port yet");
    let crowd = (0..1000).map(|_| replica("5", "slave", "ok")).collect();
    assert_eq!(of(crowd).len(), 256);
}

#[test]
fn further_sentinels_but_for_those_that_are_down() {
    let of = |wire: &[u8]| shown(&sentinels(frame(wire).reply()).unwrap());
    assert_eq!(of(SENTINELS), ["23112", "23111"]);
    assert_eq!(of(SENTINELS_AFTER), ["23212"]);
    let named = sentinels(frame(SENTINELS).reply()).unwrap();
    assert_eq!(&*named[0].id, "825444812b06eed491557f7fe1ca80edd77c5496");
}

#[test]
fn roles() {
    let of = |wire: &[u8]| Role::of(frame(wire).reply());
    assert_eq!(of(ROLE_PRIMARY), Ok(Role::Primary));
    assert_eq!(of(ROLE_REPLICA), Ok(Role::Replica));
    assert_eq!(of(ROLE_SENTINEL), Ok(Role::Sentinel));
    assert_eq!(of(ROLE_AWAKE), Ok(Role::Primary), "it does not know, so the epoch has to decide");
    for wrong in [&b"*0\r\n"[..], b"*1\r\n$4\r\nking\r\n", b"-NOPERM no\r\n", b"+master\r\n"] {
        assert!(of(wrong).is_err());
    }
}

#[test]
fn a_message_that_another_server_is_the_primary() {
    let switch = Switch { service: "mymaster".to_owned(), to: local(23201) };
    assert_eq!(switch_of(&frame(SWITCH)), Some(switch.clone()));
    let channel = String::from_utf8(SWITCH.to_vec()).unwrap();
    let channel = channel.replace(">4", ">3").replace("$8\r\npmessage\r\n$1\r\n*", "$7\r\nmessage");
    assert_eq!(switch_of(&frame(channel.as_bytes())), Some(switch));
    assert_eq!(switch_of(&frame(channel.replace("+switch", "+svitch").as_bytes())), None);
    assert_eq!(Switch::of(b"s a 1 ::1 2").map(|switch| switch.to), Some(Address::tcp("::1", 2)));
    for wrong in [&b""[..], b"s a 1 b", b"s a 1 b 2 c", b"s a 1 b 0", b"s a 1 b x", b"s a 1  2", b"\xff a 1 b 2"] {
        assert_eq!(Switch::of(wrong), None);
    }
    assert_eq!(switch_of(&Frame::from_value(&Value::Push(vec![Value::Null(NullForm::Resp3)]))), None);
}

fn report(sentinel: &str, epoch: u64, replicas: &[u16]) -> Report {
    let node = |port: &u16| NodeFacts::at(local(*port));
    Report {
        sentinel: sentinel.into(),
        primary: NodeFacts { health: Health::Failed, ..node(&1) },
        epoch,
        replicas: replicas.iter().map(node).collect(),
        others: 2,
        sentinels: Vec::new(),
    }
}

#[test]
fn the_topology_is_one_primary_that_is_well_and_its_replicas() {
    // While a failover is under way, the new primary is among the replicas too.
    let map = map_of(&report("a", 1, &[2, 1, 3]));
    assert!(map.is_whole());
    assert_eq!(shown(map.nodes()), ["1", "2", "3"]);
    assert_eq!((map.shards()[0].primary, map.shards()[0].replicas.as_slice()), (Some(0), &[1, 2][..]));
}

#[test]
fn a_sentinel_known_by_two_addresses_counts_once() {
    let mut reports = Vec::new();
    for (sentinel, epoch) in [("a", 1), ("b", 1), ("a", 2), ("b", 0)] {
        add(&mut reports, report(sentinel, epoch, &[]));
    }
    let shown: Vec<_> = reports.iter().map(|report| (&*report.sentinel, report.epoch)).collect();
    assert_eq!(shown, [("a", 2), ("b", 1)]);
}
