//! One numbered database: keys, what they hold and when they expire.

use bytes::Bytes;

use super::content::{Content, Shape};
use super::failure::Failure;
use super::ordered_map::OrderedMap;

/// The keys of one database. Expired keys are dropped when somebody looks at them.
#[derive(Debug, Default)]
pub(crate) struct Database {
    keys: OrderedMap<Entry>,
    /// Keys changed by the running command, for WATCH.
    modified: Vec<Bytes>,
    /// Milliseconds since 1970; set before each command.
    now: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) content: Content,
    /// Milliseconds since 1970; `None` if the key stays.
    pub(crate) expires: Option<i64>,
}

impl Database {
    pub(crate) fn set_now(&mut self, now: i64) {
        self.now = now;
    }

    pub(crate) fn now(&self) -> i64 {
        self.now
    }

    pub(crate) fn entry(&mut self, key: &[u8]) -> Option<&mut Entry> {
        let expires = self.keys.get(key)?.expires;
        if expires.is_some_and(|at| at <= self.now) {
            self.remove(key);
        }
        self.keys.get_mut(key)
    }

    pub(crate) fn contains(&mut self, key: &[u8]) -> bool {
        self.entry(key).is_some()
    }

    /// What `key` holds, if it exists. Fails if it holds something of another shape.
    pub(crate) fn read<S: Shape>(&mut self, key: &[u8]) -> Result<Option<&S>, Failure> {
        match self.entry(key) {
            None => Ok(None),
            Some(entry) => S::of(&entry.content).ok_or(Failure::WRONG_TYPE).map(Some),
        }
    }

    /// The same, to change it; `settle` must follow.
    pub(crate) fn write<S: Shape>(&mut self, key: &[u8]) -> Result<Option<&mut S>, Failure> {
        match self.entry(key) {
            None => Ok(None),
            Some(entry) => S::of_mut(&mut entry.content).ok_or(Failure::WRONG_TYPE).map(Some),
        }
    }

    /// What `key` holds, made empty if it does not exist; `settle` must follow.
    pub(crate) fn write_or_create<S: Shape>(&mut self, key: &Bytes) -> Result<&mut S, Failure> {
        if !self.contains(key) {
            self.keys.insert(key.clone(), Entry { content: S::default().into(), expires: None });
        }
        // The key is there since the lines above, so only its shape can be wrong.
        self.write(key)?.ok_or(Failure::WRONG_TYPE)
    }

    /// Ends a change of what `key` holds: drops the key if nothing is left in it, and tells watchers if `changes` > 0.
    pub(crate) fn settle(&mut self, key: &Bytes, changes: usize) {
        if self.keys.get(key).is_some_and(|entry| entry.content.is_empty_collection()) {
            self.keys.remove(key);
        }
        if changes > 0 {
            self.modified.push(key.clone());
        }
    }

    pub(crate) fn insert(&mut self, key: &Bytes, content: impl Into<Content>, expires: Option<i64>) {
        self.keys.insert(key.clone(), Entry { content: content.into(), expires });
        self.modified.push(key.clone());
    }

    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<Entry> {
        let entry = self.keys.remove(key)?;
        self.modified.push(Bytes::copy_from_slice(key));
        Some(entry)
    }

    /// Removes `key` if it exists and has not expired.
    pub(crate) fn take(&mut self, key: &[u8]) -> Option<Entry> {
        self.entry(key)?;
        self.remove(key)
    }

    pub(crate) fn clear(&mut self) {
        self.modified.extend(self.keys.keys().cloned());
        self.keys = OrderedMap::default();
    }

    /// The living keys, oldest first.
    pub(crate) fn keys(&mut self) -> &OrderedMap<Entry> {
        let now = self.now;
        let dead = |entry: &Entry| entry.expires.is_some_and(|at| at <= now);
        let expired: Vec<Bytes> =
            self.keys.iter().filter(|(_, entry)| dead(entry)).map(|(key, _)| key.clone()).collect();
        for key in expired {
            self.remove(&key);
        }
        &self.keys
    }

    /// The keys changed since the last call.
    pub(crate) fn take_modified(&mut self) -> Vec<Bytes> {
        std::mem::take(&mut self.modified)
    }
}

#[cfg(test)]
mod tests {
    use super::super::content::{List, Set};
    use super::*;

    #[test]
    fn a_key_is_gone_from_the_millisecond_it_expires() {
        let mut database = Database::default();
        let key = Bytes::from("k");
        database.insert(&key, Bytes::from("v"), Some(100));
        database.set_now(99);
        assert_eq!(database.keys().len(), 1);
        database.set_now(100);
        assert!(!database.contains(&key));
        assert_eq!(database.keys().len(), 0);
    }

    #[test]
    fn an_emptied_collection_is_no_key_and_another_shape_is_refused() {
        let mut database = Database::default();
        let key = Bytes::from("k");
        database.write_or_create::<List>(&key).unwrap().push_back(Bytes::from("a"));
        database.settle(&key, 1);
        assert_eq!(database.read::<Set>(&key).unwrap_err(), Failure::WRONG_TYPE);
        database.write::<List>(&key).unwrap().unwrap().clear();
        database.settle(&key, 1);
        assert!(!database.contains(&key));
        assert_eq!(database.take_modified(), ["k", "k"]);
    }
}
