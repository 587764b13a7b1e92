//! What a value is: the kinds that users see and the tags that the decoder keeps.

use std::fmt;

/// The type of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `+OK`
    SimpleString,
    /// `$5 hello`
    BulkString,
    /// `-ERR ...`
    SimpleError,
    /// `!10 ERR ...`
    BulkError,
    /// `:42`
    Integer,
    /// `,1.5`
    Double,
    /// `#t`
    Boolean,
    /// `_`, or RESP2's `$-1` and `*-1`
    Null,
    /// `(34928903284092385094`
    BigNumber,
    /// `=8 txt:text`
    Verbatim,
    /// `*2 ...`
    Array,
    /// `~2 ...`
    Set,
    /// `%1 key value`
    Map,
    /// `>3 message channel text`
    Push,
}

impl Kind {
    /// The byte that introduces this type on the wire (of a null, RESP3's `_`).
    pub fn wire_byte(self) -> u8 {
        match self {
            Kind::SimpleString => b'+',
            Kind::BulkString => b'$',
            Kind::SimpleError => b'-',
            Kind::BulkError => b'!',
            Kind::Integer => b':',
            Kind::Double => b',',
            Kind::Boolean => b'#',
            Kind::Null => b'_',
            Kind::BigNumber => b'(',
            Kind::Verbatim => b'=',
            Kind::Array => b'*',
            Kind::Set => b'~',
            Kind::Map => b'%',
            Kind::Push => b'>',
        }
    }
}

/// The kind in words with an article, such as `"an integer"`.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::SimpleString => "a simple string",
            Kind::BulkString => "a bulk string",
            Kind::SimpleError | Kind::BulkError => "an error",
            Kind::Integer => "an integer",
            Kind::Double => "a double",
            Kind::Boolean => "a boolean",
            Kind::Null => "null",
            Kind::BigNumber => "a big number",
            Kind::Verbatim => "a verbatim string",
            Kind::Array => "an array",
            Kind::Set => "a set",
            Kind::Map => "a map",
            Kind::Push => "a push",
        })
    }
}

/// What a node of a frame is: a kind, with the three nulls told apart, or an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    SimpleString,
    BulkString,
    SimpleError,
    BulkError,
    Integer,
    Double,
    Boolean,
    /// `_`
    Null,
    /// `$-1`
    NullBulk,
    /// `*-1`
    NullArray,
    BigNumber,
    Verbatim,
    Array,
    Set,
    Map,
    Push,
    /// Pairs that describe the value after them, and are not a value themselves.
    Attribute,
}

impl Tag {
    /// The kind users see. Attributes are read as the pairs of a map.
    pub(crate) fn kind(self) -> Kind {
        match self {
            Tag::SimpleString => Kind::SimpleString,
            Tag::BulkString => Kind::BulkString,
            Tag::SimpleError => Kind::SimpleError,
            Tag::BulkError => Kind::BulkError,
            Tag::Integer => Kind::Integer,
            Tag::Double => Kind::Double,
            Tag::Boolean => Kind::Boolean,
            Tag::Null | Tag::NullBulk | Tag::NullArray => Kind::Null,
            Tag::BigNumber => Kind::BigNumber,
            Tag::Verbatim => Kind::Verbatim,
            Tag::Array => Kind::Array,
            Tag::Set => Kind::Set,
            Tag::Map | Tag::Attribute => Kind::Map,
            Tag::Push => Kind::Push,
        }
    }

    /// Values that one element takes: two where elements are pairs.
    pub(crate) fn values_per_element(self) -> u32 {
        if matches!(self, Tag::Map | Tag::Attribute) { 2 } else { 1 }
    }

    /// Whether it has elements rather than a payload.
    pub(crate) fn is_aggregate(self) -> bool {
        matches!(self, Tag::Array | Tag::Set | Tag::Map | Tag::Push | Tag::Attribute)
    }

    pub(crate) fn is_error(self) -> bool {
        matches!(self, Tag::SimpleError | Tag::BulkError)
    }
}
