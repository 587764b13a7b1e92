//! What a node says of the slots it has itself, in its answer to `CLUSTER NODES`.

use std::collections::HashMap;
use std::fmt;

use crate::command::Slot;

/// A set of slots.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SlotSet {
    words: Box<[u64; WORDS]>,
    len: usize,
}

/// The slots of one node, as it sees them.
#[derive(Clone, Debug)]
pub(crate) struct OwnSlots {
    id: Box<str>,
    owned: SlotSet,
    /// Slots of its own whose keys are on their way to another node, and that node.
    leaving: HashMap<Slot, Box<str>>,
    /// Slots of other nodes whose keys are on their way to it, and that node.
    coming: HashMap<Slot, Box<str>>,
    /// The configuration epoch of each node that it knows: a node that is given a slot gets a higher one.
    epochs: HashMap<Box<str>, u64>,
}

impl SlotSet {
    pub(crate) fn contains(&self, slot: Slot) -> bool {
        let (word, bit) = place(slot);
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }

    pub(crate) fn insert(&mut self, slot: Slot) {
        let (word, bit) = place(slot);
        if let Some(word) = self.words.get_mut(word) {
            self.len += usize::from(*word & bit == 0);
            *word |= bit;
        }
    }

    /// Those that are in it, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Slot> + '_ {
        self.words.iter().enumerate().flat_map(|(word, bits)| slots_of(word, *bits))
    }

    /// Those that are not in it, in order.
    pub(crate) fn missing(&self) -> impl Iterator<Item = Slot> + '_ {
        self.words.iter().enumerate().flat_map(|(word, bits)| slots_of(word, !*bits))
    }
}

impl OwnSlots {
    /// Of the answer to `CLUSTER NODES`; `None` if the node's own line is not in it.
    ///
    /// Source: <https://redis.io/docs/latest/commands/cluster-nodes/#serialization-format>
    pub(crate) fn of(answer: &str) -> Option<Self> {
        let lines = answer.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        let lines: Vec<Vec<&str>> = lines.filter(|words| words.len() >= SLOTS_FROM).collect();
        let own = lines.iter().find(|words| words.get(FLAGS).is_some_and(|flags| is_own(flags)))?;
        let epoch = |words: &Vec<&str>| Some(((*words.first()?).into(), words.get(EPOCH)?.parse().ok()?));
        let mut found = Self {
            id: (*own.first()?).into(),
            owned: SlotSet::default(),
            leaving: HashMap::new(),
            coming: HashMap::new(),
            epochs: lines.iter().filter_map(epoch).collect(),
        };
        for word in own.iter().skip(SLOTS_FROM) {
            found.add(word);
        }
        Some(found)
    }

    /// `5`, `5-9`, `[5->-node]` or `[5-<-node]`; anything else says nothing.
    fn add(&mut self, word: &str) {
        let slot = |digits: &str| digits.parse().ok().and_then(Slot::new);
        if let Some(moving) = word.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            for (arrow, slots) in [("->-", &mut self.leaving), ("-<-", &mut self.coming)] {
                if let Some((Some(slot), node)) = moving.split_once(arrow).map(|(digits, node)| (slot(digits), node)) {
                    slots.insert(slot, node.into());
                }
            }
            return;
        }
        let (first, last) = word.split_once('-').unwrap_or((word, word));
        if let (Some(first), Some(last)) = (slot(first), slot(last)) {
            (first.number()..=last.number()).filter_map(Slot::new).for_each(|slot| self.owned.insert(slot));
        }
    }

    /// The node's own name.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn owned(&self) -> &SlotSet {
        &self.owned
    }

    pub(crate) fn leaving_to(&self, slot: Slot) -> Option<&str> {
        self.leaving.get(&slot).map(|node| &**node)
    }

    pub(crate) fn coming_from(&self, slot: Slot) -> Option<&str> {
        self.coming.get(&slot).map(|node| &**node)
    }

    pub(crate) fn epoch_of(&self, node: &str) -> Option<u64> {
        self.epochs.get(node).copied()
    }
}

impl Default for SlotSet {
    fn default() -> Self {
        Self { words: Box::new([0; WORDS]), len: 0 }
    }
}

impl fmt::Debug for SlotSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SlotSet({} slots)", self.len)
    }
}

fn is_own(flags: &str) -> bool {
    flags.split(',').any(|flag| flag == "myself")
}

/// The slots of the bits that are set in this word.
fn slots_of(word: usize, mut bits: u64) -> impl Iterator<Item = Slot> {
    std::iter::from_fn(move || {
        let bit = bits.trailing_zeros();
        bits &= bits.checked_sub(1)?;
        Slot::new((word * 64) as u16 + bit as u16)
    })
}

fn place(slot: Slot) -> (usize, u64) {
    let number = usize::from(slot.number());
    (number / 64, 1 << (number % 64))
}

const WORDS: usize = Slot::COUNT as usize / 64;
/// Where a line of the answer has what.
const FLAGS: usize = 2;
const EPOCH: usize = 6;
const SLOTS_FROM: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(number: u16) -> Slot {
        Slot::new(number).unwrap()
    }

    #[test]
    fn a_node_says_what_it_has_and_what_is_on_its_way() {
        let answer = "\
            07c3 127.0.0.1:30004@31004,host4 slave e7d1 0 1426238317239 4 connected\n\
            67ed 127.0.0.1:30002@31002 master - 0 1426238316232 2 connected 5461-10922\n\
            e7d1 127.0.0.1:30001@31001,host1 myself,master - 0 0 7 connected 0-99 200 [77->-67ed] [5470-<-67ed]\n";
        let own = OwnSlots::of(answer).unwrap();
        assert_eq!((own.id(), own.owned().len), ("e7d1", 101));
        assert!(own.owned().contains(slot(0)) && own.owned().contains(slot(99)) && own.owned().contains(slot(200)));
        assert!(!own.owned().contains(slot(100)) && !own.owned().contains(slot(5470)));
        assert_eq!((own.leaving_to(slot(77)), own.coming_from(slot(5470))), (Some("67ed"), Some("67ed")));
        assert_eq!((own.leaving_to(slot(78)), own.coming_from(slot(77))), (None, None));
        assert_eq!((own.epoch_of("e7d1"), own.epoch_of("67ed"), own.epoch_of("none")), (Some(7), Some(2), None));
    }

    #[test]
    fn what_makes_no_sense_says_nothing() {
        for answer in ["", "\n\n", "a b myself", "id host:1@2 master - 0 0 7 connected 0-99"] {
            assert!(OwnSlots::of(answer).is_none(), "{answer:?}");
        }
        let own = OwnSlots::of("id :0@0 myself,master - 0 0 x connected 9-5 16384 -1 5-99999 [5] [x->-y] [7->-] []");
        let own = own.unwrap();
        assert_eq!((own.owned().len, own.epoch_of("id"), own.leaving_to(slot(7))), (0, None, Some("")));
    }

    #[test]
    fn a_set_counts_each_slot_once() {
        let mut set = SlotSet::default();
        for number in [0, 63, 64, 16383, 0] {
            set.insert(slot(number));
        }
        assert_eq!(set.len, 4);
        assert_eq!(set.iter().map(Slot::number).collect::<Vec<_>>(), [0, 63, 64, 16383]);
        assert_eq!(set.missing().map(Slot::number).take(2).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(set.missing().filter(|slot| !set.contains(*slot)).count(), 16380);
    }
}
