//! Slots: which one a key has, and how they move from node to node.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use super::{Cluster, PATIENCE};

impl Cluster {
    /// Moves one slot with all its keys. Returns when both nodes have it so; the others learn it a moment later.
    pub(crate) fn migrate_slot(&self, slot: u16, from: usize, to: usize) {
        self.begin_migration(slot, from, to);
        self.move_keys(slot, from, to);
        self.finish_migration(slot, from, to);
    }

    /// From now on `from` redirects with ASK for keys of the slot that it does not have.
    pub(crate) fn begin_migration(&self, slot: u16, from: usize, to: usize) {
        // Who moves a slot on before all know where it is lets two nodes differ for good.
        self.wait_agreed();
        let number = slot.to_string();
        self.setslot(to, &[&number, "IMPORTING", self.id(from)]);
        self.setslot(from, &[&number, "MIGRATING", self.id(to)]);
    }

    /// Moves the keys that the slot has now.
    pub(crate) fn move_keys(&self, slot: u16, from: usize, to: usize) {
        loop {
            let keys = self.node(from).raw(&["CLUSTER", "GETKEYSINSLOT", &slot.to_string(), "100"]);
            let keys: Vec<&str> = keys.lines().collect();
            if keys.is_empty() {
                return;
            }
            self.move_these(&keys, from, to);
        }
    }

    /// Moves these keys, all of one slot.
    pub(crate) fn move_these(&self, keys: &[&str], from: usize, to: usize) {
        let (host, port) = (self.address(to).ip().to_string(), self.port(to).to_string());
        let mut command = vec!["MIGRATE", &host, &port, "", "0", "5000"];
        let login = self.setup.migrate_login();
        command.extend(login.iter().map(String::as_str));
        command.push("KEYS");
        command.extend(keys);
        let answer = self.node(from).raw(&command);
        // A key may have been removed meanwhile.
        assert!(answer == "OK" || answer == "NOKEY", "{command:?}: {answer}");
    }

    /// Says that the slot, whose keys have all been moved, belongs to `to`.
    pub(crate) fn finish_migration(&self, slot: u16, from: usize, to: usize) {
        let number = slot.to_string();
        self.setslot(to, &[&number, "NODE", self.id(to)]);
        loop {
            // A key that a client has written meanwhile by the old owner's leave.
            let answer = self.node(from).raw(&["CLUSTER", "SETSLOT", &number, "NODE", self.id(to)]);
            if answer == "OK" {
                return;
            }
            assert!(answer.contains("keys"), "{answer}");
            self.move_keys(slot, from, to);
        }
    }

    /// Moves this many slots with the server's own command line program, as an operator does.
    pub(crate) fn reshard(&self, from: usize, to: usize, count: usize) {
        self.wait_agreed();
        let login = self.setup.cli_login();
        let program = self.setup.cli();
        let output = Command::new(&program)
            .args(&login)
            .args(["--cluster", "reshard", &self.address(from).to_string()])
            .args(["--cluster-from", self.id(from), "--cluster-to", self.id(to)])
            .args(["--cluster-slots", &count.to_string(), "--cluster-yes"])
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("cannot run {}: {error}", program.display()));
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{} says:\n{said}", program.display());
    }

    /// Lets the owner of a slot without keys point at `other`, which goes on pointing at the owner.
    pub(crate) fn moved_loop(&self, slot: u16, other: usize) {
        let owner = self.primary_of(slot);
        assert_ne!(owner, other, "the owner points at itself");
        self.setslot(owner, &[&slot.to_string(), "NODE", self.id(other)]);
    }

    /// Ends [`Cluster::moved_loop`]: the slot is `other`'s.
    pub(crate) fn end_moved_loop(&self, slot: u16, other: usize) {
        self.setslot(other, &[&slot.to_string(), "NODE", self.id(other)]);
        self.cluster_agrees_on(slot, Some(other));
    }

    /// Takes these slots away from whoever has them: nobody has them any more.
    pub(crate) fn delslots(&self, slots: &[u16]) {
        let owners: Vec<_> = slots.iter().map(|&slot| self.owner(slot)).collect();
        self.wait(PATIENCE, "nobody has the slots", || {
            for (number, node) in self.awake().filter(|(number, _)| !self.is_replica(*number)) {
                // The owner first: it would tell the others again that it has them.
                let own = slots.iter().zip(&owners).filter(|(_, owner)| **owner == Some(number));
                own.for_each(|(slot, _)| drop(node.server.raw(&["CLUSTER", "DELSLOTS", &slot.to_string()])));
            }
            for (_, node) in self.awake() {
                slots.iter().for_each(|slot| drop(node.server.raw(&["CLUSTER", "DELSLOTS", &slot.to_string()])));
            }
            self.views().iter().all(|(_, view)| slots.iter().all(|&slot| view.owner(slot).is_none()))
        });
    }

    /// Gives these slots, which nobody has, to a node, and waits until all know.
    pub(crate) fn addslots(&self, slots: &[u16], to: usize) {
        for slot in slots {
            assert_eq!(self.node(to).raw(&["CLUSTER", "ADDSLOTS", &slot.to_string()]), "OK");
        }
        slots.iter().for_each(|&slot| self.cluster_agrees_on(slot, Some(to)));
    }

    /// Waits until all nodes that are awake have the same owners with the same epochs in mind.
    pub(crate) fn wait_agreed(&self) {
        self.wait(PATIENCE, "the same epochs on all nodes", || {
            let views = self.views();
            let agreed = |pair: &[(usize, super::View)]| pair[0].1.epochs() == pair[1].1.epochs();
            views.windows(2).all(agreed)
        });
    }

    fn cluster_agrees_on(&self, slot: u16, owner: Option<usize>) {
        let id = owner.map(|owner| self.id(owner));
        self.wait(PATIENCE, "one owner of the slot on all nodes", || {
            self.views().iter().all(|(_, view)| view.owner(slot) == id)
        });
    }

    fn is_replica(&self, number: usize) -> bool {
        self.some_view().primary_of_replica(self.id(number)).is_some()
    }

    fn setslot(&self, node: usize, words: &[&str]) {
        let command = [&["CLUSTER", "SETSLOT"], words].concat();
        let answer = self.node(node).raw(&command);
        assert_eq!(answer, "OK", "node {node}: {command:?}");
    }
}

/// A key of this slot, always the same one.
pub(crate) fn key_in(slot: u16) -> String {
    // It takes some 16384 attempts, in which a test is not to be held up a second time.
    static FOUND: Mutex<BTreeMap<u16, u32>> = Mutex::new(BTreeMap::new());
    let mut found = FOUND.lock().unwrap();
    let number = found.entry(slot).or_insert_with(|| {
        let number = (0..).find(|number: &u32| slot_of(&number.to_string()) == slot);
        number.unwrap_or_else(|| panic!("no key has slot {slot}"))
    });
    format!("{{{number}}}")
}

/// The slot of a key.
pub(crate) fn slot_of(key: &str) -> u16 {
    let hashed = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
    crc16(hashed.filter(|tag| !tag.is_empty()).unwrap_or(key).as_bytes()) % 16384
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8)
            .fold(crc ^ (u16::from(*byte) << 8), |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 })
    })
}
