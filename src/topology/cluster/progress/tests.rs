use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::*;

fn slot(number: u16) -> Slot {
    Slot::new(number).unwrap()
}

/// What a node says that has these slots.
fn own(id: &str, epoch: u64, slots: &str) -> OwnSlots {
    OwnSlots::of(&format!(
        "{id} h:1@2 myself,master - 0 0 {epoch} connected {slots}\nother h:3@4 master - 0 0 99 connected"
    ))
    .unwrap()
}

/// A scan that has only this slot left.
fn scan_of(left: u16) -> ScanProgress {
    let mut scan = ScanProgress::default();
    (0..Slot::COUNT).filter(|number| *number != left).for_each(|number| scan.done.insert(slot(number)));
    scan
}

#[test]
fn a_slot_that_stayed_is_done() {
    let mut scan = scan_of(5);
    assert_eq!(scan.next(), Some(Next::OwnerOf(slot(5))));
    assert!(scan.begin(own("n", 1, "0-9")));
    assert!(scan.wants(slot(5)) && !scan.wants(slot(4)));
    scan.end(&own("n", 1, "0-9"));
    assert_eq!(scan.next(), None);
}

#[test]
fn a_slot_that_moved_is_walked_again() {
    for (before, after) in [
        ("0-9", "0-4"),             // It left.
        ("0-9 [5->-m]", "0-4 6-9"), // It was about to.
        ("0-4", "0-9"),             // It came.
        ("0-4 [5-<-m]", "0-9"),     // It was about to come.
        ("0-9 [5->-m]", "0-9"),     // It was about to leave, and did not: keys may have been away.
        ("0-9 [5->-m]", "0-9 [5->-k]"),
    ] {
        let mut scan = scan_of(5);
        scan.begin(own("n", 1, before));
        scan.end(&own("n", 1, after));
        assert_eq!(scan.next(), Some(Next::OwnerOf(slot(5))), "{before}, then {after}");
    }
}

#[test]
fn a_slot_that_may_have_left_and_come_back_is_walked_again() {
    let mut scan = scan_of(5);
    scan.begin(own("n", 1, "0-9"));
    scan.end(&own("n", 2, "0-9"));
    assert_eq!(scan.next(), Some(Next::OwnerOf(slot(5))));
}

#[test]
fn keys_that_are_on_their_way_for_long_are_found_at_both_ends_of_it() {
    let mut scan = scan_of(5);
    scan.begin(own("n", 1, "0-9"));
    scan.end(&own("n", 1, "0-9 [5->-m]"));
    assert_eq!(scan.next(), Some(Next::Target("m".into(), slot(5))));
    assert!(scan.begin(own("m", 2, "10-19 [5-<-n]")));
    scan.end(&own("m", 2, "10-19 [5-<-n]"));
    assert_eq!(scan.next(), None);
}

#[test]
fn the_way_of_keys_must_be_the_same_from_its_one_end_to_the_other() {
    // The node that they come to was walked before the one that they leave.
    let mut scan = scan_of(5);
    scan.begin(own("m", 2, "10-19 [5-<-n]"));
    scan.end(&own("m", 2, "10-19 [5-<-n]"));
    scan.begin(own("n", 1, "0-9 [5->-m]"));
    scan.end(&own("n", 1, "0-9 [5->-m]"));
    assert_eq!(scan.next(), Some(Next::Target("m".into(), slot(5))));
    // They are taken back, perhaps.
    scan.begin(own("m", 2, "10-19 [5-<-n]"));
    scan.end(&own("m", 2, "10-19"));
    assert!(scan.next().is_some());
    // They have arrived in the meantime.
    scan.begin(own("m", 2, "10-19 [5-<-n]"));
    scan.end(&own("m", 3, "5 10-19"));
    assert!(scan.next().is_some());
    // They come from elsewhere now.
    scan.begin(own("m", 3, "10-19 [5-<-k]"));
    assert_eq!(scan.next(), Some(Next::OwnerOf(slot(5))));
}

#[test]
fn a_node_that_has_nothing_of_use_is_not_walked() {
    let mut scan = scan_of(5);
    assert!(!scan.begin(own("n", 1, "0-4 6-9")));
    scan.end(&own("n", 1, "0-9"));
    assert_eq!(scan.next(), Some(Next::OwnerOf(slot(5))), "nothing was begun");
    assert!(scan.begin(own("n", 1, "5")));
    scan.abandon();
    scan.end(&own("n", 1, "5"));
    assert_eq!(scan.next(), Some(Next::OwnerOf(slot(5))), "it was given up");
    assert!(scan.begin(own("n", 1, "5")));
    scan.end(&own("m", 1, "5"));
    assert_eq!(scan.next(), Some(Next::OwnerOf(slot(5))), "another node is there now");
}

/// A cluster in which keys move between the pages of a scan.
struct Model {
    dice: u64,
    nodes: Vec<ModelNode>,
    /// Who has the slots; there are no others.
    owners: BTreeMap<u16, usize>,
    /// Slots on their way, and to whom.
    moving: BTreeMap<u16, usize>,
    /// No migration begins any more.
    is_calm: bool,
    /// This one is slow, and what there is of its way when all is calm stays as it is.
    stuck: u16,
}

#[derive(Default)]
struct ModelNode {
    epoch: u64,
    /// Each key, and where a walk meets it.
    keys: BTreeMap<(u16, usize), usize>,
}

const NODES: usize = 4;
const MOVING_SLOTS: u16 = 10;
const KEYS_EACH: usize = 4;
const PAGES: usize = 6;

impl Model {
    fn new(seed: u64) -> Self {
        let mut model = Self {
            dice: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            nodes: (0..NODES).map(|node| ModelNode { epoch: node as u64 + 1, ..ModelNode::default() }).collect(),
            owners: BTreeMap::new(),
            moving: BTreeMap::new(),
            is_calm: false,
            stuck: (seed % u64::from(MOVING_SLOTS)) as u16,
        };
        for slot in 0..MOVING_SLOTS {
            let owner = model.roll(NODES);
            model.owners.insert(slot, owner);
            for key in 0..KEYS_EACH {
                model.put(owner, (slot, key));
            }
        }
        model
    }

    fn roll(&mut self, sides: usize) -> usize {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        (self.dice >> 33) as usize % sides
    }

    fn put(&mut self, node: usize, key: (u16, usize)) {
        let page = self.roll(PAGES);
        self.nodes[node].keys.insert(key, page);
    }

    /// Something happens, perhaps.
    fn step(&mut self) {
        let slot = self.roll(MOVING_SLOTS.into()) as u16;
        if slot == self.stuck && (self.is_calm || self.roll(4) != 0) {
            // One stays on its way, or stays where it is, for ever.
            return;
        }
        let from = self.owners[&slot];
        match self.moving.get(&slot).copied() {
            None if !self.is_calm && self.roll(3) == 0 => {
                let to = self.roll(NODES);
                if to != from {
                    self.moving.insert(slot, to);
                }
            }
            None => {}
            Some(to) => {
                let of_it: Vec<_> = self.nodes[from].keys.keys().filter(|(other, _)| *other == slot).copied().collect();
                if of_it.len() == KEYS_EACH && self.roll(8) == 0 {
                    // Taken back before anything had moved.
                    self.moving.remove(&slot);
                } else if let Some(key) = of_it.first() {
                    self.nodes[from].keys.remove(key);
                    self.put(to, *key);
                } else if self.roll(4) == 0 {
                    self.arrive(slot, to);
                }
            }
        }
    }

    fn arrive(&mut self, slot: u16, to: usize) {
        self.moving.remove(&slot);
        self.owners.insert(slot, to);
        let highest = self.nodes.iter().map(|node| node.epoch).max().unwrap();
        if self.nodes[to].epoch != highest {
            self.nodes[to].epoch = highest + 1;
        }
    }

    /// What the node answers to `CLUSTER NODES`.
    fn view(&self, node: usize) -> OwnSlots {
        let mut answer = String::new();
        for (index, ModelNode { epoch, .. }) in self.nodes.iter().enumerate() {
            let flags = if index == node { "myself,master" } else { "master" };
            write!(answer, "n{index} h:{index}@1 {flags} - 0 0 {epoch} connected").unwrap();
            for (slot, _) in self.owners.iter().filter(|(_, owner)| **owner == index) {
                write!(answer, " {slot}").unwrap();
            }
            for (slot, to) in self.moving.iter().filter(|_| index == node) {
                match self.owners[slot] {
                    from if from == node => write!(answer, " [{slot}->-n{to}]").unwrap(),
                    from if *to == node => write!(answer, " [{slot}-<-n{from}]").unwrap(),
                    _ => {}
                }
            }
            answer.push('\n');
        }
        OwnSlots::of(&answer).unwrap()
    }
}

/// A whole scan of a model; the keys it did not find, and how many walks it took.
fn missed(seed: u64) -> (Vec<(u16, usize)>, usize) {
    let mut model = Model::new(seed);
    let mut scan = ScanProgress::default();
    // The others are done: they would only take time.
    (MOVING_SLOTS..Slot::COUNT).for_each(|number| scan.done.insert(slot(number)));
    let mut found = std::collections::BTreeSet::new();
    let unrest = model.roll(120);
    let (mut steps, mut walks) = (0, 0);
    while let Some(next) = scan.next() {
        walks += 1;
        assert!(walks < 500, "seed {seed}: it does not end");
        let node = match next {
            Next::Target(name, _) => name[1..].parse().unwrap(),
            // Whoever looks for the owner can be wrong.
            Next::OwnerOf(_) if model.roll(10) == 0 => model.roll(NODES),
            Next::OwnerOf(slot) => model.owners.get(&slot.number()).copied().unwrap_or(0),
        };
        if !scan.begin(model.view(node)) {
            continue;
        }
        for page in 0..PAGES {
            let keys = model.nodes[node].keys.iter().filter(|(_, place)| **place == page).map(|(key, _)| *key);
            found.extend(keys.filter(|(number, _)| scan.wants(slot(*number))));
            for _ in 0..model.roll(6) {
                steps += 1;
                model.is_calm = steps > unrest;
                model.step();
            }
        }
        scan.end(&model.view(node));
    }
    let all = (0..MOVING_SLOTS).flat_map(|slot| (0..KEYS_EACH).map(move |key| (slot, key)));
    (all.filter(|key| !found.contains(key)).collect(), walks)
}

#[test]
fn a_key_that_is_there_all_the_time_is_found_however_slots_move() {
    let mut most = 0;
    for seed in 1..300 {
        let (missed, walks) = missed(seed);
        assert!(missed.is_empty(), "seed {seed}: {missed:?}");
        most = most.max(walks);
    }
    assert!(most > NODES + 2, "nothing had to be walked again: {most}");
}
