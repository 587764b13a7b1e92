//! What the commands on streams answer.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;

use super::StreamId;
use crate::command::{ConversionError, Elements, Fields, Frame, FromReply, Reply, Value};

/// An entry of a stream. `T` is any map, a vector of pairs in order, or a type of one's own.
///
/// A group can have entries pending that are deleted meanwhile: those have no fields, an empty map. To tell it by type,
/// let `T` be an `Option`: then it is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamEntry<T = HashMap<String, String>> {
    /// Its id.
    pub id: StreamId,
    /// Its fields and their values.
    pub fields: T,
    /// How long ago it was delivered for the last time: with [`claim`](crate::Request::claim); 0 or `None` of a new one.
    /// Since 8.4.
    pub idle: Option<Duration>,
    /// How often it was delivered: with [`claim`](crate::Request::claim); 0 or `None` of a new one. Since 8.4.
    pub deliveries: Option<u64>,
}

impl<T: FromReply> FromReply for StreamEntry<T> {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let mut elements = Elements::of(reply)?;
        let id = elements.required()?;
        let EntryFields(fields) = elements.required()?;
        let idle: Option<u64> = elements.optional()?;
        Ok(Self { id, fields, idle: idle.map(Duration::from_millis), deliveries: elements.optional()? })
    }
}

/// The fields of an entry, which are null if it is deleted.
struct EntryFields<T>(T);

impl<T: FromReply> FromReply for EntryFields<T> {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        match T::from_reply(reply) {
            Err(_) if reply.is_null() => T::from_reply(Frame::from_value(&Value::Array(Vec::new())).reply()).map(Self),
            converted => converted.map(Self),
        }
    }
}

/// What was read of several streams: those that had something, by their names, with their entries.
pub type StreamsRead<T = HashMap<String, String>> = Vec<(String, Vec<StreamEntry<T>>)>;

/// A null where no stream had anything.
pub(super) fn streams_read<T: FromReply>(reply: Reply<'_>) -> Result<StreamsRead<T>, ConversionError> {
    Ok(Option::from_reply(reply)?.unwrap_or_default())
}

/// What was claimed. Before 7.0 servers answer a null for an entry that is deleted.
pub(super) fn without_nulls<T: FromReply>(reply: Reply<'_>) -> Result<Vec<T>, ConversionError> {
    Ok(Vec::<Option<T>>::from_reply(reply)?.into_iter().flatten().collect())
}

/// What `XAUTOCLAIM` claimed: entries, or with [`justid`](crate::Request::justid) their ids.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claimed<C> {
    /// Where to go on; [`StreamId::MIN`] once all pending entries have been looked at.
    pub next: StreamId,
    /// What was claimed.
    pub claimed: Vec<C>,
    /// Entries that were pending and are deleted; they are not pending any more. Always empty before 7.0.
    pub deleted: Vec<StreamId>,
}

impl<C: FromReply> FromReply for Claimed<C> {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let mut elements = Elements::of(reply)?;
        let next = elements.required()?;
        let claimed: Vec<Option<C>> = elements.required()?;
        let deleted = elements.optional()?.unwrap_or_default();
        Ok(Self { next, claimed: claimed.into_iter().flatten().collect(), deleted })
    }
}

/// What became of an entry that was to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EntryDeletion {
    /// There is no such entry.
    NotFound,
    /// It is deleted.
    Deleted,
    /// It stays: not all groups have acknowledged it, and that was [asked for](crate::Request::acked).
    StillReferenced,
}

impl FromReply for EntryDeletion {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        match i64::from_reply(reply)? {
            -1 => Ok(Self::NotFound),
            1 => Ok(Self::Deleted),
            2 => Ok(Self::StillReferenced),
            other => Err(ConversionError::new("-1, 1 or 2", other.to_string())),
        }
    }
}

/// What a group has pending: delivered, and not acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingSummary {
    /// How many entries.
    pub count: u64,
    /// The least id of them.
    pub lowest: Option<StreamId>,
    /// The greatest id of them.
    pub highest: Option<StreamId>,
    /// The consumers that have some, and how many.
    pub consumers: Vec<(String, u64)>,
}

impl FromReply for PendingSummary {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let (count, lowest, highest, consumers) = FromReply::from_reply(reply)?;
        let consumers: Option<_> = consumers;
        Ok(Self { count, lowest, highest, consumers: consumers.unwrap_or_default() })
    }
}

/// A pending entry.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingEntry {
    /// Its id.
    pub id: StreamId,
    /// Who has it.
    pub consumer: String,
    /// How long ago it was delivered for the last time.
    pub idle: Duration,
    /// How often it was delivered.
    pub deliveries: u64,
}

impl FromReply for PendingEntry {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let (id, consumer, idle, deliveries) = FromReply::from_reply(reply)?;
        Ok(Self { id, consumer, idle: Duration::from_millis(idle), deliveries })
    }
}

/// A consumer of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamConsumer {
    /// Its name.
    pub name: String,
    /// How many entries it has pending.
    pub pending: u64,
    /// How long ago it tried to read or to claim anything.
    pub idle: Duration,
    /// How long ago it did read or claim something; `None` if it never did, or the server does not say. Since 7.2.
    pub inactive: Option<Duration>,
}

impl FromReply for StreamConsumer {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let fields = Fields::of(reply)?;
        let inactive: Option<i64> = fields.optional("inactive")?;
        Ok(Self {
            name: fields.required("name")?,
            pending: fields.required("pending")?,
            idle: Duration::from_millis(fields.required("idle")?),
            inactive: inactive.and_then(|milliseconds| u64::try_from(milliseconds).ok()).map(Duration::from_millis),
        })
    }
}

/// A consumer group.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamGroup {
    /// Its name.
    pub name: String,
    /// How many consumers it has.
    pub consumers: u64,
    /// How many entries are delivered and not acknowledged.
    pub pending: u64,
    /// The last entry that was delivered.
    pub last_delivered_id: StreamId,
    /// How many entries of the stream the group has read; `None` if that is not known. Since 7.0.
    pub entries_read: Option<u64>,
    /// How many entries are still to be delivered; `None` if that is not known. Since 7.0.
    pub lag: Option<u64>,
}

impl FromReply for StreamGroup {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let fields = Fields::of(reply)?;
        Ok(Self {
            name: fields.required("name")?,
            consumers: fields.required("consumers")?,
            pending: fields.required("pending")?,
            last_delivered_id: fields.required("last-delivered-id")?,
            entries_read: fields.optional("entries-read")?,
            lag: fields.optional("lag")?,
        })
    }
}

/// What a server says of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamSummary {
    /// How many entries it has.
    pub length: u64,
    /// How many keys the tree has in which they are.
    pub radix_tree_keys: u64,
    /// How many nodes that tree has.
    pub radix_tree_nodes: u64,
    /// The greatest id that the stream had.
    pub last_generated_id: StreamId,
    /// The greatest id of the entries that were deleted. Since 7.0.
    pub max_deleted_entry_id: Option<StreamId>,
    /// How many entries were ever added. Since 7.0.
    pub entries_added: Option<u64>,
    /// The id of the first entry. Since 7.0.
    pub recorded_first_entry_id: Option<StreamId>,
    /// How many groups it has.
    pub groups: u64,
    /// The first entry; `None` if there is none.
    pub first_entry: Option<StreamEntry<HashMap<Bytes, Bytes>>>,
    /// The last entry; `None` if there is none.
    pub last_entry: Option<StreamEntry<HashMap<Bytes, Bytes>>>,
}

impl FromReply for StreamSummary {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let fields = Fields::of(reply)?;
        Ok(Self {
            length: fields.required("length")?,
            radix_tree_keys: fields.required("radix-tree-keys")?,
            radix_tree_nodes: fields.required("radix-tree-nodes")?,
            last_generated_id: fields.required("last-generated-id")?,
            max_deleted_entry_id: fields.optional("max-deleted-entry-id")?,
            entries_added: fields.optional("entries-added")?,
            recorded_first_entry_id: fields.optional("recorded-first-entry-id")?,
            groups: fields.required("groups")?,
            first_entry: fields.optional("first-entry")?,
            last_entry: fields.optional("last-entry")?,
        })
    }
}
