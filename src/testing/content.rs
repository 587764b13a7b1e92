//! What a key can hold.

use std::collections::VecDeque;

use bytes::Bytes;

use super::ordered_map::OrderedMap;
use super::sorted_set::SortedSet;

/// A hash: fields to values.
pub(crate) type Hash = OrderedMap<Bytes>;
/// A list, head first.
pub(crate) type List = VecDeque<Bytes>;
/// A set.
pub(crate) type Set = OrderedMap<()>;

/// The value of one key. Never an empty hash, list, set or sorted set once a command is done.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Text(Bytes),
    Hash(Hash),
    List(List),
    Set(Set),
    SortedSet(SortedSet),
}

impl Content {
    /// The name that TYPE answers.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Content::Text(_) => "string",
            Content::Hash(_) => "hash",
            Content::List(_) => "list",
            Content::Set(_) => "set",
            Content::SortedSet(_) => "zset",
        }
    }

    /// Whether the key must go, as an empty collection does; an empty string stays.
    pub(crate) fn is_empty_collection(&self) -> bool {
        match self {
            Content::Text(_) => false,
            Content::Hash(hash) => hash.is_empty(),
            Content::List(list) => list.is_empty(),
            Content::Set(set) => set.is_empty(),
            Content::SortedSet(set) => set.is_empty(),
        }
    }
}

/// One of the shapes a `Content` has.
pub(crate) trait Shape: Default + Into<Content> {
    fn of(content: &Content) -> Option<&Self>;
    fn of_mut(content: &mut Content) -> Option<&mut Self>;
}

macro_rules! shape {
    ($shape:ty, $variant:ident) => {
        impl From<$shape> for Content {
            fn from(shape: $shape) -> Self {
                Content::$variant(shape)
            }
        }

        impl Shape for $shape {
            fn of(content: &Content) -> Option<&Self> {
                if let Content::$variant(shape) = content { Some(shape) } else { None }
            }

            fn of_mut(content: &mut Content) -> Option<&mut Self> {
                if let Content::$variant(shape) = content { Some(shape) } else { None }
            }
        }
    };
}

shape!(Bytes, Text);
shape!(Hash, Hash);
shape!(List, List);
shape!(Set, Set);
shape!(SortedSet, SortedSet);
