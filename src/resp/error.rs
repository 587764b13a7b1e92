//! What can be wrong with bytes from a server: a stream that can't be followed, or one value that can't be read.

use std::error::Error;
use std::fmt;

/// The stream can't be followed any further: where one reply ends and the next begins is no longer known, so the
/// connection must be closed. The peer is at fault, or a limit is too small for what it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError {
    /// Bytes of the stream before the place that was wrong.
    pub offset: u64,
    /// What was wrong there.
    pub reason: Reason,
}

/// Why a stream can't be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// No RESP type begins with this byte.
    UnknownType(u8),
    /// A carriage return and a line feed were expected here.
    MissingCrlf,
    /// A length or a count is not a number in the form that the protocol asks for.
    InvalidLength,
    /// A bulk string, or the chunks of a streamed one together, is over [`Limits::bulk`](super::Limits::bulk).
    BulkTooLong,
    /// A line is over [`Limits::line`](super::Limits::line).
    LineTooLong,
    /// An aggregate is over [`Limits::elements`](super::Limits::elements).
    TooManyElements,
    /// A reply is over [`Limits::frame`](super::Limits::frame).
    FrameTooLong,
    /// A streamed aggregate is nested deeper than [`Limits::depth`](super::Limits::depth).
    TooDeep,
    /// `.` where no streamed aggregate can end.
    UnexpectedEnd,
    /// A streamed string goes on with something that is not a chunk.
    ChunkExpected,
    /// A streamed map ended after a key.
    MissingValue,
    /// A push without elements, which has no meaning.
    EmptyPush,
    /// A push inside a push, or below the nesting limit.
    NestedPush,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {} of the stream", self.reason, self.offset)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match *self {
            Reason::UnknownType(byte @ (0x14..=0x17)) => {
                return write!(f, "the peer does not speak RESP (byte {byte:#04x}; it may speak TLS)");
            }
            Reason::UnknownType(b'H') => "the peer does not speak RESP (byte 'H'; it may speak HTTP)",
            Reason::UnknownType(byte) => {
                return write!(f, "the peer does not speak RESP (no type begins with byte {byte:#04x})");
            }
            Reason::MissingCrlf => "expected CR LF",
            Reason::InvalidLength => "a length or count is not a number",
            Reason::BulkTooLong => "a bulk string is over the limit",
            Reason::LineTooLong => "a line is over the limit",
            Reason::TooManyElements => "an aggregate has more elements than the limit",
            Reason::FrameTooLong => "a reply is over the limit",
            Reason::TooDeep => "a streamed aggregate is nested over the limit",
            Reason::UnexpectedEnd => "an end mark without a streamed aggregate to end",
            Reason::ChunkExpected => "expected a chunk of a streamed string",
            Reason::MissingValue => "a streamed map ended after a key",
            Reason::EmptyPush => "a push without elements",
            Reason::NestedPush => "a push where none can be",
        };
        f.write_str(text)
    }
}

impl Error for DecodeError {}

/// One reply can't be read although its end is known: the command it answers fails, and the connection goes on.
/// The server is at fault, or a script that runs on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PayloadError {
    /// Expected a decimal integer that fits into 64 bits.
    Integer,
    /// Expected a decimal number, `inf`, `-inf` or `nan`.
    Double,
    /// Expected `t` or `f`.
    Boolean,
    /// Expected nothing after the `_` of a null.
    Null,
    /// Expected three bytes of format and a colon at the start of a verbatim string.
    VerbatimFormat,
    /// The value is nested deeper than [`Limits::depth`](super::Limits::depth), or, as a
    /// [`Value`](super::Value), deeper than [`Value::MAX_DEPTH`](super::Value::MAX_DEPTH).
    TooDeep,
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PayloadError::Integer => "the server sent an integer that is not a 64-bit decimal number",
            PayloadError::Double => "the server sent a double that is not a number",
            PayloadError::Boolean => "the server sent a boolean that is neither t nor f",
            PayloadError::Null => "the server sent a null with a payload",
            PayloadError::VerbatimFormat => "the server sent a verbatim string without a format",
            PayloadError::TooDeep => "the server sent a value nested over the limit",
        })
    }
}

impl Error for PayloadError {}
