//! What a connection is subscribed to.

use bytes::Bytes;

/// How a topic names what it wants to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TopicKind {
    /// A channel.
    Channel,
    /// A pattern of channels.
    Pattern,
    /// A sharded channel.
    Shard,
}

/// Something that can be subscribed to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Topic {
    pub(crate) kind: TopicKind,
    pub(crate) name: Bytes,
}
