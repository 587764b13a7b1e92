//! A map that remembers the order of insertion, so that the fake server answers the same way in every run.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;

/// Keys to values in the order of their first insertion.
#[derive(Clone, Debug)]
pub(crate) struct OrderedMap<V> {
    rows: HashMap<Bytes, (u64, V)>,
    /// Every key of `rows` under its place; places grow and are never used again, so they serve as scan cursors.
    order: BTreeMap<u64, Bytes>,
    next_place: u64,
}

impl<V> OrderedMap<V> {
    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub(crate) fn contains(&self, key: &[u8]) -> bool {
        self.rows.contains_key(key)
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&V> {
        self.rows.get(key).map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, key: &[u8]) -> Option<&mut V> {
        self.rows.get_mut(key).map(|(_, value)| value)
    }

    /// Puts `value` under `key` and hands back what was there. A key that exists keeps its place.
    pub(crate) fn insert(&mut self, key: Bytes, value: V) -> Option<V> {
        if let Some((_, present)) = self.rows.get_mut(&key) {
            return Some(std::mem::replace(present, value));
        }
        self.next_place += 1;
        self.order.insert(self.next_place, key.clone());
        self.rows.insert(key, (self.next_place, value));
        None
    }

    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<V> {
        let (place, value) = self.rows.remove(key)?;
        self.order.remove(&place);
        Some(value)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &Bytes> {
        self.order.values()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Bytes, &V)> {
        self.order.values().filter_map(|key| self.get(key).map(|value| (key, value)))
    }

    /// The keys whose place is `from` or later, each with its place.
    pub(crate) fn keys_from(&self, from: u64) -> impl Iterator<Item = (u64, &Bytes)> {
        self.order.range(from..).map(|(place, key)| (*place, key))
    }
}

impl<V> Default for OrderedMap<V> {
    fn default() -> Self {
        OrderedMap { rows: HashMap::new(), order: BTreeMap::new(), next_place: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_key_keeps_its_place_and_a_new_one_goes_last() {
        let mut map = OrderedMap::default();
        for key in ["b", "a", "c"] {
            map.insert(Bytes::from(key), 1);
        }
        assert_eq!(map.insert(Bytes::from("b"), 2), Some(1));
        assert_eq!(map.remove(b"a"), Some(1));
        map.insert(Bytes::from("a"), 3);
        assert_eq!(
            map.iter().map(|(k, v)| (k.clone(), *v)).collect::<Vec<_>>(),
            [(Bytes::from("b"), 2), (Bytes::from("c"), 1), (Bytes::from("a"), 3)]
        );
    }
}
