//! What a connection is subscribed to.

use bytes::Bytes;

/// How a topic names what it wants to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TopicKind {
    /// A channel.
    Channel,
    /// A pattern of channels.
    Pattern,
    /// A sharded channel.
    Shard,
}

/// Something that can be subscribed to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Topic {
    pub(crate) kind: TopicKind,
    pub(crate) name: Bytes,
}

impl Topic {
    /// How it names what it wants to hear.
    pub fn kind(&self) -> TopicKind {
        self.kind
    }

    /// The name of the channel, or the pattern.
    pub fn name(&self) -> &Bytes {
        &self.name
    }
}
