//! Where a command goes in a cluster: to one slot, to any node, in parts to several slots, or as it is to all nodes.

use crate::command::{Command, Layout, RequestPolicy, ResponsePolicy, Slot};

/// Where a command goes.
#[derive(Debug)]
pub(crate) enum Spread {
    /// To whoever has this slot, which has all of its keys.
    Slot(Slot),
    /// To any primary: it has no key, and one answer is as good as another's.
    Any,
    /// To one primary after the other, from any of them on, until one answers something else than null.
    Search,
    /// In parts, each of which has one slot. In the order of the slots.
    Split(Vec<Part>),
    /// To all of these, as it is.
    All(Reach),
    /// Nowhere: its keys are in several slots, and it must not be taken apart.
    CrossSlot,
    /// Nowhere: there is another way to what it is for, as this says.
    Elsewhere(&'static str),
}

/// Which nodes are all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    Primaries,
    /// Replicas too.
    Nodes,
}

/// What goes to one slot.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) slot: Slot,
    pub(crate) command: Command,
    /// The places of its keys among those of the whole command, in order.
    pub(crate) places: Vec<usize>,
}

impl Spread {
    /// Where the command goes. `split_writes`: whether commands that write may be taken apart.
    #[inline]
    pub(crate) fn of(command: &Command, split_writes: bool) -> Self {
        match command.sole_slot() {
            Some(slot) => Self::Slot(slot),
            None if command.is_at_home_anywhere() => Self::Any,
            None => Self::considered(command, split_writes),
        }
    }

    fn considered(command: &Command, split_writes: bool) -> Self {
        let slots: Vec<Slot> = command.keys().into_iter().map(Slot::of).collect();
        let Some(first) = slots.first() else { return Self::of_keyless(command) };
        if slots.iter().all(|slot| slot == first) {
            return Self::Slot(*first);
        }
        let facts = command.facts();
        let may_be_split =
            facts.request_policy() == Some(RequestPolicy::MultiShard) && (split_writes || facts.is_read_only());
        let layout = if may_be_split { command.layout().filter(|layout| stands_alone(command, layout)) } else { None };
        match layout {
            Some(layout) => Self::Split(parts(command, &layout, &slots)),
            None => Self::CrossSlot,
        }
    }

    fn of_keyless(command: &Command) -> Self {
        let facts = command.resolved();
        match (facts.request_policy(), facts.response_policy()) {
            (Some(RequestPolicy::AllNodes | RequestPolicy::AllShards), Some(ResponsePolicy::Special)) => {
                if facts.name() == "RANDOMKEY" { Self::Search } else { Self::Any }
            }
            (Some(RequestPolicy::AllNodes), _) => Self::All(Reach::Nodes),
            (Some(RequestPolicy::AllShards), _) => Self::All(Reach::Primaries),
            (Some(RequestPolicy::Special), _) if facts.name() == "SCAN" => Self::Elsewhere(SCAN),
            (Some(RequestPolicy::Special), _) => slot_asked_about(command).map_or(Self::Any, Self::Slot),
            // Without a key it is as wrong for one node as for another.
            (Some(RequestPolicy::MultiShard) | None, _) => Self::Any,
        }
    }
}

/// The slot that is an argument of the command.
fn slot_asked_about(command: &Command) -> Option<Slot> {
    let word = command.word(SLOT_ARGUMENT)?;
    Slot::new(std::str::from_utf8(word).ok()?.parse().ok()?)
}

/// Whether each part means what it means in the whole: not under a condition on all keys, by which all are set or none.
fn stands_alone(command: &Command, layout: &Layout) -> bool {
    let is_condition = |word: &[u8]| [&b"NX"[..], b"XX"].iter().any(|option| word.eq_ignore_ascii_case(option));
    layout.count.is_none() || !command.words().skip(layout.end).any(is_condition)
}

/// One command for each slot: what comes before the keys, the keys of that slot with what belongs to them, and what comes
/// behind all keys.
fn parts(command: &Command, layout: &Layout, slots: &[Slot]) -> Vec<Part> {
    let positions = command.positions();
    let mut order: Vec<(Slot, usize)> = slots.iter().copied().zip(0..).collect();
    order.sort_unstable();
    let of_one_slot = order.chunk_by(|(one, _), (other, _)| one == other);
    let part = |keys: &[(Slot, usize)]| {
        let slot = keys.first().map(|(slot, _)| *slot)?;
        let places = keys.iter().map(|(_, place)| *place).collect();
        Some(Part { slot, command: excerpt(command, layout, &positions, keys), places })
    };
    of_one_slot.filter_map(part).collect()
}

fn excerpt(whole: &Command, layout: &Layout, positions: &[usize], keys: &[(Slot, usize)]) -> Command {
    let mut part = whole.without_words();
    let take = |part: &mut Command, from: usize, to: usize| {
        if let (Some(&start), Some(&end)) = (positions.get(from), positions.get(to)) {
            part.push_stretch(whole, start..end, to - from);
        }
    };
    match layout.count {
        Some(count) => {
            take(&mut part, 0, count);
            part.push(&keys.len());
            take(&mut part, count + 1, layout.first);
        }
        None => take(&mut part, 0, layout.first),
    }
    part.mark_key();
    for (_, place) in keys {
        let from = layout.first + place * layout.step;
        take(&mut part, from, from + layout.step);
    }
    take(&mut part, layout.end, positions.len() - 1);
    part
}

/// Where `CLUSTER COUNTKEYSINSLOT` and `CLUSTER GETKEYSINSLOT` have the slot.
const SLOT_ARGUMENT: usize = 2;
const SCAN: &str = "its cursor means something to one node only; a stream goes through all of them (`Request::stream`)";

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::command::Facts;

    /// In words: `slot`, `any`, `search`, `primaries`, `nodes`, `cross`, `elsewhere`, or the lines of the parts.
    fn spread(line: &str, split_writes: bool) -> String {
        let words: Vec<&str> = line.split(' ').collect();
        described(&Command::new(words[0]).arg(&words[1..]), split_writes)
    }

    fn described(command: &Command, split_writes: bool) -> String {
        match Spread::of(command, split_writes) {
            Spread::Slot(_) => "slot".into(),
            Spread::Any => "any".into(),
            Spread::Search => "search".into(),
            Spread::All(Reach::Primaries) => "primaries".into(),
            Spread::All(Reach::Nodes) => "nodes".into(),
            Spread::CrossSlot => "cross".into(),
            Spread::Elsewhere(way) => {
                assert!(way.contains("stream"), "{way}");
                "elsewhere".into()
            }
            Spread::Split(parts) => parts.iter().map(|part| shown(&part.command)).collect::<Vec<_>>().join(" | "),
        }
    }

    fn shown(command: &Command) -> String {
        let words: Vec<_> = command.words().map(String::from_utf8_lossy).collect();
        assert_eq!(words.len(), command.len());
        words.join(" ")
    }

    /// Every command of the table that has a policy, and where it goes. Its keys, if it has any, are in two slots.
    const POLICIES: &[(&str, &[&str])] = &[
        (
            "nodes",
            &[
                "ACL DELUSER u",
                "ACL SAVE",
                "ACL SETUSER u",
                "CLIENT SETINFO LIB-NAME n",
                "CLIENT SETNAME n",
                "COMMANDLOG GET 5 slow",
                "COMMANDLOG LEN slow",
                "COMMANDLOG RESET slow",
                "CONFIG RESETSTAT",
                "CONFIG REWRITE",
                "CONFIG SET save x",
                "LATENCY RESET",
                "SCRIPT FLUSH",
                "SCRIPT LOAD s",
                "SLOWLOG GET",
                "SLOWLOG LEN",
                "SLOWLOG RESET",
            ],
        ),
        (
            "primaries",
            &[
                "CLUSTER SLOT-STATS SLOTSRANGE 0 1",
                "DBSIZE",
                "FLUSHALL",
                "FLUSHDB ASYNC",
                "FUNCTION DELETE l",
                "FUNCTION FLUSH",
                "FUNCTION KILL",
                "FUNCTION LOAD REPLACE s",
                "FUNCTION RESTORE d",
                "KEYS *",
                "MEMORY PURGE",
                "SCRIPT EXISTS a b",
                "SCRIPT KILL",
            ],
        ),
        (
            "any",
            &[
                "FUNCTION STATS",
                "INFO",
                "LATENCY DOCTOR",
                "LATENCY GRAPH e",
                "LATENCY HISTOGRAM",
                "LATENCY HISTORY e",
                "LATENCY LATEST",
                "MEMORY DOCTOR",
                "MEMORY MALLOC-STATS",
                "MEMORY STATS",
            ],
        ),
        ("search", &["RANDOMKEY"]),
        ("elsewhere", &["SCAN 0"]),
        ("slot", &["CLUSTER COUNTKEYSINSLOT 7", "CLUSTER GETKEYSINSLOT 7 1", "CLUSTERSCAN 0"]),
        ("MGET b | MGET a", &["MGET a b"]),
        ("EXISTS b | EXISTS a", &["EXISTS a b"]),
        ("TOUCH b | TOUCH a", &["TOUCH a b"]),
        ("JSON.MGET b $.p | JSON.MGET a $.p", &["JSON.MGET a b $.p"]),
        ("cross", &["DEL a b", "UNLINK a b", "MSET a 1 b 2", "JSON.MSET a $ 1 b $ 2", "MSETEX 2 a 1 b 2 EX 5"]),
    ];

    #[test]
    fn every_command_with_a_policy_goes_where_the_policy_says() {
        let mut left: Vec<&str> =
            Facts::all().iter().filter(|facts| facts.request_policy().is_some()).map(Facts::name).collect();
        for (place, lines) in POLICIES {
            for line in *lines {
                let command = Command::new(line);
                assert_eq!(described(&command, false), *place, "{line}");
                assert_eq!(spread(line, false), *place, "{line}: its second word is an argument too");
                left.retain(|name| *name != command.name());
            }
        }
        assert_eq!(left, [""; 0], "commands with a policy that were not tried");
        let lonely = |facts: &&Facts| facts.request_policy().is_none() && facts.response_policy().is_some();
        assert_eq!(Facts::all().iter().find(lonely), None);
    }

    #[test]
    fn writes_are_taken_apart_only_where_that_is_set() {
        for (line, parts) in [
            ("DEL a b c", "DEL b | DEL c | DEL a"),
            ("UNLINK a b {a}2", "UNLINK b | UNLINK a {a}2"),
            ("MSET a 1 b 2 {a} 3", "MSET b 2 | MSET a 1 {a} 3"),
            ("JSON.MSET a $ 1 b $.x 2", "JSON.MSET b $.x 2 | JSON.MSET a $ 1"),
            ("MSETEX 3 a 1 b 2 {b} 3 EX 5", "MSETEX 2 b 2 {b} 3 EX 5 | MSETEX 1 a 1 EX 5"),
            ("msetex 2 a NX b XX keepttl", "MSETEX 1 b XX keepttl | MSETEX 1 a NX keepttl"),
        ] {
            assert_eq!(spread(line, false), "cross", "{line}");
            assert_eq!(spread(line, true), parts, "{line}");
        }
    }

    #[test]
    fn what_would_mean_something_else_in_parts_is_never_taken_apart() {
        for line in [
            "MSETNX a 1 b 2",
            "MSETEX 2 a 1 b 2 NX",
            "MSETEX 2 a 1 b 2 EX 5 xx",
            "RENAME a b",
            "SINTER a b",
            "BITOP AND a b",
            "SORT a STORE b",
            "EVAL s 2 a b",
            "XREAD STREAMS a b 0 0",
            "PFCOUNT a b",
            "ZUNIONSTORE a 1 b",
            "BLPOP a b 0",
            "COPY a b",
            "MIGRATE h 1  0 5 KEYS a b",
        ] {
            assert_eq!(spread(line, true), "cross", "{line}");
        }
    }

    #[test]
    fn keys_of_one_slot_go_there_as_they_are() {
        for line in [
            "GET a",
            "MGET a",
            "MGET a {a}b {a}c",
            "MSETNX a 1 {a}b 2",
            "XREAD BLOCK 5 STREAMS a {a}b 0 0",
            "EVAL s 1 a b",
            "SPUBLISH a text",
            "SORT a BY b STORE {a}c",
            "OBJECT ENCODING a",
            "XGROUP CREATE a g $",
            "MSETEX 1 a 1 NX",
        ] {
            let Spread::Slot(slot) = Spread::of(&Command::new(line), false) else { panic!("{line}") };
            assert_eq!(slot, Slot::of(b"a"), "{line}");
            assert_eq!(spread(line, false), "slot", "{line}: its second word is an argument too");
        }
        let Spread::Slot(slot) = Spread::of(&Command::new("CLUSTER COUNTKEYSINSLOT 777"), false) else { panic!() };
        assert_eq!(slot.number(), 777);
    }

    #[test]
    fn what_has_no_key_goes_anywhere() {
        for line in
            ["PING", "ECHO a", "EVAL s 0 a b", "FCALL f 0", "TIME", "PUBLISH c text", "FT.SEARCH i *", "NOSUCH a"]
        {
            assert_eq!(spread(line, false), "any", "{line}");
        }
        // What servers will answer with an error.
        for line in ["GET", "MGET", "EVAL s many a", "CLUSTER COUNTKEYSINSLOT many", "CLUSTER COUNTKEYSINSLOT 16384"] {
            assert_eq!(spread(line, false), "any", "{line}");
        }
    }

    #[test]
    fn a_command_that_nothing_is_known_of_goes_by_the_keys_it_was_given() {
        let one = Command::new("TS.GET").arg("x").key("a");
        assert_eq!(described(&one, true), "slot");
        assert_eq!(described(&one.clone().key("{a}b"), true), "slot");
        assert_eq!(described(&one.key("b"), true), "cross");
        assert_eq!(described(&Command::new("FT.SEARCH").arg("i").key("a"), true), "slot");
    }

    #[test]
    fn a_part_is_the_whole_with_fewer_keys() {
        let large = Bytes::from(vec![b'v'; 20_000]);
        let whole = Command::new("MSET").key("a").arg(&large).key("b").arg(&large).key("c").arg("small");
        let Spread::Split(parts) = Spread::of(&whole, true) else { panic!() };
        assert_eq!(parts.iter().map(|part| &part.places[..]).collect::<Vec<_>>(), [[1], [2], [0]]);
        for part in &parts {
            assert_eq!(part.command.slot(), Some(part.slot), "its first key is known without a search");
            assert_eq!(part.command.keys().len(), 1);
            assert_eq!((part.command.effect(), part.command.name()), (whole.effect(), "MSET"));
        }
        let value = parts[0].command.word(2).unwrap();
        assert!(large.as_ptr_range().contains(&value.as_ptr()), "large values are shared");
        assert_eq!(parts[0].command.to_wire().len(), b"*3\r\n$4\r\nMSET\r\n$1\r\nb\r\n$20000\r\n\r\n".len() + 20_000);
    }

    #[test]
    fn a_caller_who_knows_better_knows_it_of_each_part() {
        use crate::command::Effect;

        let whole = Command::new("DEL a b").with_effect(Effect::Never);
        let Spread::Split(parts) = Spread::of(&whole, true) else { panic!() };
        assert!(parts.iter().all(|part| part.command.effect() == Effect::Never));
    }

    #[test]
    fn keys_of_a_slot_keep_their_order_and_their_repetitions() {
        let Spread::Split(parts) = Spread::of(&Command::new("MGET a b a {b}1 b"), false) else { panic!() };
        let parts: Vec<_> = parts.iter().map(|part| (shown(&part.command), part.places.clone())).collect();
        assert_eq!(parts, [("MGET b {b}1 b".into(), vec![1, 3, 4]), ("MGET a a".into(), vec![0, 2])]);
    }

    #[test]
    fn many_keys_are_taken_apart_in_one_go() {
        let value = Bytes::from(vec![b'v'; 20_000]);
        let whole = (0..3000).fold(Command::new("MSET"), |command, key| command.key(key).arg(&value));
        let begin = std::time::Instant::now();
        let Spread::Split(parts) = Spread::of(&whole, true) else { panic!() };
        assert_eq!(parts.iter().map(|part| part.places.len()).sum::<usize>(), 3000);
        assert!(begin.elapsed() < std::time::Duration::from_secs(2), "{:?}", begin.elapsed());
    }
}
