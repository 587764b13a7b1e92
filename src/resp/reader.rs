//! Reading one token after the other (a value without elements, or the header of an aggregate) onto the tape.

use bytes::Bytes;

use super::error::Reason;
use super::frame::{Flow, Frame};
use super::limits::Limits;
use super::node::Node;
use super::scan::{self, Length, Scalar};
use super::tag::Tag;
use super::tape::{Done, Form, Header, Tape};

/// Where in the buffer a decoder is, and what it has read. It stops at any byte and goes on from there.
#[derive(Debug)]
pub(crate) struct Reader {
    limits: Limits,
    /// Place in the buffer of the first byte that `tape` does not cover: a type byte.
    at: usize,
    /// Place of the first byte of the reply being read; complete replies lie before it.
    reply_start: usize,
    /// Bytes behind the type byte that are known to hold no line end.
    searched: usize,
    /// With fewer bytes in the buffer than this, nothing can become complete.
    wanted: usize,
    tape: Tape,
    chunks: Option<Chunks>,
}

/// A streamed string of which chunks have arrived. They are moved together in place, so that it becomes a value like
/// any other; what is left between its end and the next value belongs to nothing.
#[derive(Clone, Copy, Debug)]
struct Chunks {
    tag: Tag,
    /// Where the string is so far; empty until the first chunk has come, which stays where it is.
    start: usize,
    end: usize,
}

/// What reading one token came to.
pub(crate) enum Step {
    /// Go on with the next one.
    More,
    /// The token is not complete.
    Incomplete,
    /// A reply, or a push at the top, is complete.
    Reply,
    /// A push inside an aggregate was cut out.
    InnerPush(Box<Frame>),
    /// A push begins, and the replies before it have to leave first.
    PushAhead,
}

/// Something wrong, and its place in the buffer.
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) reason: Reason,
}

impl Reader {
    pub(crate) fn new(limits: Limits) -> Self {
        let tape = Tape::default();
        Reader { limits, at: 0, reply_start: 0, searched: 0, wanted: 0, tape, chunks: None }
    }

    /// Nothing of what is in the buffer was read.
    pub(crate) fn is_at_start(&self) -> bool {
        self.at == 0 && self.searched == 0
    }

    /// Bytes that have to be in the buffer before it makes sense to go on.
    pub(crate) fn wanted(&self) -> usize {
        self.wanted
    }

    /// Place of the first byte that was not read.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// What was read of all replies in the buffer.
    pub(crate) fn nodes(&self) -> &[Node] {
        self.tape.nodes()
    }

    /// The value that is the only thing read. Its nodes are forgotten, and `bytes` bytes leave the buffer.
    pub(crate) fn release_scalar(&mut self, bytes: usize) {
        self.tape.clear();
        self.forget(bytes);
    }

    /// The first `nodes` nodes, which lie in the `bytes` bytes that leave the buffer. What was read behind them stays.
    pub(crate) fn release(&mut self, nodes: usize, bytes: usize) -> Vec<Node> {
        self.forget(bytes);
        self.tape.split_to(nodes, bytes)
    }

    fn forget(&mut self, bytes: usize) {
        self.at -= bytes;
        self.reply_start = 0;
        self.wanted = self.wanted.saturating_sub(bytes);
        if let Some(chunks) = &mut self.chunks {
            chunks.start -= bytes;
            chunks.end -= bytes;
        }
    }

    /// Nothing was read, and the value at the front of the buffer was taken without the reader.
    #[inline]
    pub(crate) fn passed_over(&mut self) {
        self.wanted = 0;
    }

    /// Reads the next token.
    pub(crate) fn step(&mut self, buf: &mut [u8]) -> Result<Step, Fault> {
        if let Some(chunks) = self.chunks {
            return self.chunk(buf, chunks);
        }
        self.elements(buf);
        let Some((&byte, rest)) = buf.get(self.at..).and_then(<[u8]>::split_first) else {
            self.wanted = self.at + 1;
            return Ok(Step::Incomplete);
        };
        if let Some(tag) = scan::line_tag(byte) {
            return self.line(tag, rest, buf);
        }
        match byte {
            b'$' => self.blob(Tag::BulkString, rest, buf),
            b'*' => self.aggregate(Tag::Array, rest, buf),
            b'%' => self.aggregate(Tag::Map, rest, buf),
            b'~' => self.aggregate(Tag::Set, rest, buf),
            b'>' => self.aggregate(Tag::Push, rest, buf),
            b'|' => self.aggregate(Tag::Attribute, rest, buf),
            b'=' => self.blob(Tag::Verbatim, rest, buf),
            b'!' => self.blob(Tag::BulkError, rest, buf),
            b'.' => self.end_mark(rest, buf),
            byte => Err(self.fault(Reason::UnknownType(byte))),
        }
    }

    /// Reads what can be read of the open aggregate without regard to anything unusual: elements that have arrived as a
    /// whole and have none themselves, up to the one before the last.
    #[inline]
    fn elements(&mut self, buf: &[u8]) {
        if self.searched > 0 {
            return;
        }
        let longest = self.limits.line.min(SHORT_LINE);
        let frame_end = self.reply_start + self.limits.frame;
        let (at, bulk) = (&mut self.at, self.limits.bulk);
        self.tape.leaves(|| {
            let Scalar { tag, start, end } = scan::scalar(buf.get(*at..)?, longest, bulk)?;
            let start = *at + start;
            let len = *at + end - start;
            let next = start + len + 2;
            if next > frame_end {
                return None;
            }
            *at = next;
            Some((tag, start, len))
        });
    }

    /// A value that is one line.
    fn line(&mut self, tag: Tag, rest: &[u8], buf: &[u8]) -> Result<Step, Fault> {
        let left = self.frame_left();
        let longest = self.limits.line.min(left.saturating_sub(3));
        let window = rest.get(..=longest).unwrap_or(rest);
        let Some(len) = scan::line_end(window, self.searched) else {
            if window.len() > longest || left < 3 {
                let reason = if longest == self.limits.line { Reason::LineTooLong } else { Reason::FrameTooLong };
                return Err(self.fault(reason));
            }
            self.searched = rest.len();
            self.wanted = buf.len() + 1;
            return Ok(Step::Incomplete);
        };
        let start = self.at + 1;
        match (rest.get(len), rest.get(len + 1)) {
            (Some(b'\r'), Some(b'\n')) => {
                let done = self.tape.leaf(tag, start, len);
                self.after(start + len + 2, done, buf)
            }
            (Some(b'\r'), None) => {
                self.searched = len;
                self.wanted = buf.len() + 1;
                Ok(Step::Incomplete)
            }
            (Some(b'\r'), Some(_)) => Err(Fault { at: start + len + 1, reason: Reason::MissingCrlf }),
            _ => Err(Fault { at: start + len, reason: Reason::MissingCrlf }),
        }
    }

    /// A value whose bytes are counted.
    #[inline]
    fn blob(&mut self, tag: Tag, rest: &[u8], buf: &[u8]) -> Result<Step, Fault> {
        let Some((length, header)) = self.length(rest, buf)? else { return Ok(Step::Incomplete) };
        let start = self.at + 1 + header;
        match length {
            Length::Known(len) => {
                let Some(body) = self.body(len, 0, start, buf)? else { return Ok(Step::Incomplete) };
                let done = self.tape.leaf(tag, start, body);
                self.after(start + body + 2, done, buf)
            }
            Length::Absent if tag == Tag::BulkString => {
                let done = self.tape.leaf(Tag::NullBulk, start, 0);
                self.after(start, done, buf)
            }
            Length::Absent => Err(self.fault(Reason::InvalidLength)),
            Length::Streamed => {
                self.chunks = Some(Chunks { tag, start, end: start });
                self.at = start;
                Ok(Step::More)
            }
        }
    }

    /// A piece of a streamed string; an empty one is the last.
    fn chunk(&mut self, buf: &mut [u8], chunks: Chunks) -> Result<Step, Fault> {
        let Some((&byte, rest)) = buf.get(self.at..).and_then(<[u8]>::split_first) else {
            self.wanted = self.at + 1;
            return Ok(Step::Incomplete);
        };
        if byte != b';' {
            return Err(self.fault(Reason::ChunkExpected));
        }
        let (len, header) = match self.length(rest, buf)? {
            Some((Length::Known(len), header)) => (len, header),
            Some(_) => return Err(self.fault(Reason::InvalidLength)),
            None => return Ok(Step::Incomplete),
        };
        let start = self.at + 1 + header;
        let Chunks { tag, start: first, end } = chunks;
        if len == 0 {
            self.chunks = None;
            let done = self.tape.leaf(tag, first, end - first);
            return self.after(start, done, buf);
        }
        let Some(len) = self.body(len, end - first, start, buf)? else { return Ok(Step::Incomplete) };
        self.chunks = Some(if first == end {
            Chunks { tag, start, end: start + len }
        } else {
            buf.copy_within(start..start + len, end);
            Chunks { tag, start: first, end: end + len }
        });
        self.at = start + len + 2;
        Ok(Step::More)
    }

    /// The header of an aggregate.
    fn aggregate(&mut self, tag: Tag, rest: &[u8], buf: &[u8]) -> Result<Step, Fault> {
        if tag == Tag::Push && self.reply_start > 0 && self.tape.is_at_top() {
            return Ok(Step::PushAhead);
        }
        let Some((length, header)) = self.length(rest, buf)? else { return Ok(Step::Incomplete) };
        let next = self.at + 1 + header;
        let (elements, form) = match length {
            Length::Absent if tag == Tag::Array => {
                let done = self.tape.leaf(Tag::NullArray, next, 0);
                return self.after(next, done, buf);
            }
            Length::Known(0) if tag == Tag::Push => return Err(self.fault(Reason::EmptyPush)),
            Length::Known(elements) => (elements, Form::Counted),
            Length::Streamed if tag != Tag::Push => (u64::from(self.limits.elements), Form::Streamed),
            Length::Absent | Length::Streamed => return Err(self.fault(Reason::InvalidLength)),
        };
        let Some(elements) = u32::try_from(elements).ok().filter(|elements| *elements <= self.limits.elements) else {
            return Err(self.fault(Reason::TooManyElements));
        };
        if form == Form::Counted {
            let arrived = buf.len().saturating_sub(next) / BYTES_PER_NODE;
            self.tape.reserve((elements as usize).saturating_mul(tag.values_per_element() as usize).min(arrived));
        }
        let done = self.tape.aggregate(Header { tag, start: self.at, elements, form }, self.limits.depth);
        self.after(next, done, buf)
    }

    /// The end of a streamed aggregate.
    fn end_mark(&mut self, rest: &[u8], buf: &[u8]) -> Result<Step, Fault> {
        for (offset, wanted) in [b'\r', b'\n'].into_iter().enumerate() {
            match rest.get(offset) {
                Some(&byte) if byte == wanted => {}
                Some(_) => return Err(Fault { at: self.at + 1 + offset, reason: Reason::MissingCrlf }),
                None => {
                    self.wanted = buf.len() + 1;
                    return Ok(Step::Incomplete);
                }
            }
        }
        let done = self.tape.end();
        self.after(self.at + 3, done, buf)
    }

    /// The length behind a type byte, which has to be within the frame.
    #[inline]
    fn length(&mut self, rest: &[u8], buf: &[u8]) -> Result<Option<(Length, usize)>, Fault> {
        match scan::length(rest) {
            Ok(Some((_, header))) if header >= self.frame_left() => Err(self.fault(Reason::FrameTooLong)),
            Ok(Some(found)) => Ok(Some(found)),
            Ok(None) => {
                self.wanted = buf.len() + 1;
                Ok(None)
            }
            Err((offset, reason)) => Err(Fault { at: self.at + 1 + offset, reason }),
        }
    }

    /// Checks that a body of `len` bytes at `start` may be, on top of `before` bytes of the same string, that it has
    /// arrived, and that a line end follows it.
    #[inline]
    fn body(&mut self, len: u64, before: usize, start: usize, buf: &[u8]) -> Result<Option<usize>, Fault> {
        if len > (self.limits.bulk - before) as u64 {
            return Err(self.fault(Reason::BulkTooLong));
        }
        let room = self.limits.frame.saturating_sub(start - self.reply_start + 2);
        if len > room as u64 {
            return Err(self.fault(Reason::FrameTooLong));
        }
        let len = len as usize;
        let end = start + len;
        match buf.get(end..end + 2) {
            Some(b"\r\n") => Ok(Some(len)),
            Some([b'\r', _]) => Err(Fault { at: end + 1, reason: Reason::MissingCrlf }),
            Some(_) => Err(Fault { at: end, reason: Reason::MissingCrlf }),
            None => {
                self.wanted = end + 2;
                Ok(None)
            }
        }
    }

    /// Goes on behind a token that was added to the tape.
    #[inline]
    fn after(&mut self, next: usize, done: Result<Done, Reason>, buf: &[u8]) -> Result<Step, Fault> {
        match done {
            Ok(Done::Part) => {
                self.at = next;
                self.searched = 0;
                Ok(Step::More)
            }
            Ok(Done::Reply) => {
                self.at = next;
                self.searched = 0;
                self.reply_start = next;
                Ok(Step::Reply)
            }
            Ok(Done::InnerPush(first)) => self.inner_push(first, next, buf),
            Err(reason) => Err(self.fault(reason)),
        }
    }

    /// A push inside an aggregate is complete: an element there, or a frame of its own.
    #[cold]
    fn inner_push(&mut self, first: usize, next: usize, buf: &[u8]) -> Result<Step, Fault> {
        if self.confirms_subscription(first, buf) {
            let done = self.tape.count_inner_push();
            return self.after(next, done, buf);
        }
        let (nodes, start) = self.tape.cut(first);
        // Copied, because the frame around it goes on behind these bytes.
        let bytes = Bytes::copy_from_slice(buf.get(start..next).unwrap_or_default());
        self.at = next;
        self.searched = 0;
        Ok(Step::InnerPush(Box::new(Frame::shared(bytes, nodes, 1, Flow::Push))))
    }

    /// Whether the first element of the push at node `push` is the name of a (un)subscribe.
    fn confirms_subscription(&self, push: usize, buf: &[u8]) -> bool {
        let Some(name) = self.tape.nodes().get(push + 1) else { return false };
        let start = name.start as usize;
        let is_text = matches!(name.tag, Tag::BulkString | Tag::SimpleString);
        is_text && buf.get(start..start + name.len as usize).is_some_and(|name| CONFIRMATIONS.contains(&name))
    }

    /// Bytes that the reply being read may still have, from `at` on.
    #[inline]
    fn frame_left(&self) -> usize {
        self.limits.frame.saturating_sub(self.at - self.reply_start)
    }

    fn fault(&self, reason: Reason) -> Fault {
        Fault { at: self.at, reason }
    }
}

/// Names of the pushes that answer a command.
const CONFIRMATIONS: [&[u8]; 6] =
    [b"subscribe", b"psubscribe", b"ssubscribe", b"unsubscribe", b"punsubscribe", b"sunsubscribe"];
/// Longer lines are read by `line`, which keeps how far it came.
const SHORT_LINE: usize = 64;
/// Bytes of the stream that a node stands for, at the least, when room is made for nodes that were announced.
const BYTES_PER_NODE: usize = 4;
