//! One entry of a frame's flat list of values.

use super::tag::Tag;

/// A value, or an attribute, and where it lies. Children follow their parent directly, in wire order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    /// Place of the payload in the frame's bytes; of an aggregate, place of its header.
    pub(crate) start: u32,
    /// Bytes of the payload; of an aggregate, its elements (pairs, for maps and attributes).
    pub(crate) len: u32,
    /// Index of the node after this one and everything below it. Of an attribute: the value it describes.
    pub(crate) end: u32,
    pub(crate) tag: Tag,
    pub(crate) nesting: Nesting,
}

/// Whether what is below a node was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nesting {
    Kept,
    /// The node is an aggregate past the depth limit, and its elements were skipped.
    TooDeep,
}

impl Node {
    /// A node without payload, to be filled in.
    pub(crate) const EMPTY: Node = Node { start: 0, len: 0, end: 1, tag: Tag::Null, nesting: Nesting::Kept };
}
