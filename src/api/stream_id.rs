//! The ids of a stream's entries, and what is trimmed by them.

use std::fmt;
use std::str::FromStr;

use crate::command::{Args, ConversionError, FromReply, Reply, ToArg, ToArgs};

/// The id of a stream's entry, `1526919030474-55`: the time it was added at, and a number among those of that time. In
/// order as the entries are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// Milliseconds since 1970, by the server's clock, if the server made the id.
    pub milliseconds: u64,
    /// The number among those of the same millisecond, from 0 on.
    pub sequence: u64,
}

impl StreamId {
    /// `0-0`, before every entry.
    pub const MIN: Self = Self::new(0, 0);
    /// The greatest id that there can be.
    pub const MAX: Self = Self::new(u64::MAX, u64::MAX);

    /// An id of its two numbers.
    pub const fn new(milliseconds: u64, sequence: u64) -> Self {
        Self { milliseconds, sequence }
    }

    /// As an end of a range to which this entry does not belong: `(1526919030474-55`. Since 6.2.
    pub const fn exclusive(self) -> ExclusiveStreamId {
        ExclusiveStreamId(self)
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.milliseconds, self.sequence)
    }
}

/// Both numbers, or the first alone; the other one is 0 then.
impl FromStr for StreamId {
    type Err = ConversionError;

    fn from_str(text: &str) -> Result<Self, ConversionError> {
        let (milliseconds, sequence) = text.split_once('-').unwrap_or((text, "0"));
        match (milliseconds.parse(), sequence.parse()) {
            (Ok(milliseconds), Ok(sequence)) => Ok(Self { milliseconds, sequence }),
            _ => Err(ConversionError::new("a stream id", format!("a string of {} bytes", text.len()))),
        }
    }
}

impl FromReply for StreamId {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        match reply.bytes().map(std::str::from_utf8) {
            Some(Ok(text)) if !reply.is_error() => text.parse(),
            _ => Err(ConversionError::unexpected("a stream id", reply)),
        }
    }
}

impl ToArgs for StreamId {
    fn write_args(&self, args: &mut Args<'_>) {
        args.bytes(self.to_string().as_bytes());
    }
}

impl ToArg for StreamId {}

/// An end of a range to which its entry does not belong: [`StreamId::exclusive`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExclusiveStreamId(StreamId);

impl ToArgs for ExclusiveStreamId {
    fn write_args(&self, args: &mut Args<'_>) {
        args.bytes(format!("({}", self.0).as_bytes());
    }
}

impl ToArg for ExclusiveStreamId {}

/// Which entries of a stream stay when it is trimmed.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use steadfast::api::{StreamTrim, Streams};
///
/// client.xadd("events", "*", [("kind", "login")]).trim(StreamTrim::maxlen(1000).approximate()).await?;
/// let removed = client.xtrim("events", StreamTrim::maxlen(100)).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamTrim {
    strategy: Strategy,
    approximate: bool,
    limit: Option<u64>,
    /// What becomes of entries that groups have pending.
    references: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strategy {
    MaxLen(u64),
    MinId(StreamId),
}

impl StreamTrim {
    /// The newest so many.
    pub const fn maxlen(entries: u64) -> Self {
        Self { strategy: Strategy::MaxLen(entries), approximate: false, limit: None, references: None }
    }

    /// Those with this id or a greater one. Since 6.2.
    pub const fn minid(id: StreamId) -> Self {
        Self { strategy: Strategy::MinId(id), approximate: false, limit: None, references: None }
    }

    /// Perhaps some more, where that is less work for the server (`~`). Default: exactly those.
    #[must_use]
    pub const fn approximate(self) -> Self {
        Self { approximate: true, ..self }
    }

    /// Removes no more than so many at once, of 0 without a limit; only together with [`approximate`](Self::approximate).
    /// Default: 100 times the entries in a node of the stream, so 10 000. Since 6.2.
    #[must_use]
    pub const fn limit(self, entries: u64) -> Self {
        Self { limit: Some(entries), ..self }
    }

    /// Entries that groups have pending stay pending, without fields. The default. Since 8.2.
    #[must_use]
    pub const fn keepref(self) -> Self {
        Self { references: Some("KEEPREF"), ..self }
    }

    /// Entries that groups have pending are not pending any more, in any group. Since 8.2.
    #[must_use]
    pub const fn delref(self) -> Self {
        Self { references: Some("DELREF"), ..self }
    }

    /// Only entries that all groups have read and acknowledged are removed. Since 8.2.
    #[must_use]
    pub const fn acked(self) -> Self {
        Self { references: Some("ACKED"), ..self }
    }
}

impl ToArgs for StreamTrim {
    fn write_args(&self, args: &mut Args<'_>) {
        let exactness = if self.approximate { "~" } else { "=" };
        match self.strategy {
            Strategy::MaxLen(entries) => ("MAXLEN", exactness, entries).write_args(args),
            Strategy::MinId(id) => ("MINID", exactness, id).write_args(args),
        }
        (self.limit.map(|limit| ("LIMIT", limit)), self.references).write_args(args);
    }
}
