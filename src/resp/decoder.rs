//! The decoder: bytes in, frames out, as far as the bytes go.

use bytes::{Buf as _, Bytes, BytesMut};

use super::error::{DecodeError, Reason};
use super::frame::{Flow, Frame};
use super::limits::{Limits, RUN_BYTES};
use super::node::{Nesting, Node};
use super::scan::{self, Length};
use super::small::SmallPayload;
use super::tag::Tag;
use super::tape::{Done, Form, Header, Tape};

/// Turns the bytes of a connection into [`Frame`]s.
///
/// It is resumable (a reply may arrive in any pieces; no byte of a line or a body is looked at twice), iterative (no
/// input makes the stack grow) and limited (see [`Limits`]; memory follows the bytes that arrived, never an announced
/// length). Payloads are not interpreted here: a malformed number is found by [`Reply::view`](super::Reply::view) and
/// concerns that reply only, and so does nesting past the limit.
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    /// Payloads up to this many bytes are within every limit, and fit into a frame.
    small: usize,
    /// The first byte of the buffer begins a reply, and no failure or push waits.
    fresh: bool,
    /// Bytes of the stream that are no longer in the buffer.
    taken: u64,
    /// Place in the buffer of the first byte that `tape` does not cover: a type byte.
    at: usize,
    /// Bytes behind the type byte that are known to hold no line end.
    searched: usize,
    /// With fewer bytes in the buffer than this, nothing can become complete.
    wanted: usize,
    needed: usize,
    tape: Tape,
    chunks: Option<Chunks>,
    run: Run,
    /// A push that was inside an aggregate, to be handed out next.
    inner_push: Option<Frame>,
    failure: Option<DecodeError>,
}

/// Complete replies at the front of the buffer that were not handed out yet.
#[derive(Debug, Default)]
struct Run {
    replies: u32,
    bytes: usize,
    nodes: usize,
    flow: Flow,
    has_error: bool,
}

/// A streamed string of which chunks have arrived. They are moved together in place.
#[derive(Clone, Copy, Debug)]
struct Chunks {
    tag: Tag,
    start: usize,
    end: usize,
}

/// Where the payload of a single value is; its line end follows.
struct Small {
    tag: Tag,
    start: usize,
    end: usize,
}

/// What reading one token came to.
enum Step {
    /// Go on with the next one.
    More,
    /// The token is not complete.
    Incomplete,
    /// A reply, or a push at the top, is complete.
    Reply,
    /// A push inside an aggregate was cut out.
    InnerPush,
    /// A push begins, and the replies before it have to leave first.
    PushAhead,
}

/// Something wrong, and its place in the buffer.
struct Fault {
    at: usize,
    reason: Reason,
}

impl Decoder {
    /// A decoder for a new stream.
    pub fn new(limits: Limits) -> Self {
        let limits = limits.clamped();
        Decoder {
            limits,
            small: SmallPayload::MAX.min(limits.bulk).min(limits.line).min(limits.frame.saturating_sub(MAX_OVERHEAD)),
            fresh: limits.frame > MAX_OVERHEAD,
            taken: 0,
            at: 0,
            searched: 0,
            wanted: 0,
            needed: 0,
            tape: Tape::default(),
            chunks: None,
            run: Run::default(),
            inner_push: None,
            failure: None,
        }
    }

    /// Takes the next complete thing from the front of `buf`: its bytes are split off. `Ok(None)` means that more bytes
    /// are needed; call again with the same buffer when some were appended, and change nothing else in it.
    ///
    /// `want` is how many replies the caller can take at once (0 counts as 1): a frame holds one reply, or, with
    /// more, as many consecutive complete ones as there are, up to `want`.
    ///
    /// # Ordering
    /// Frames come in the order of the stream. A push is always a frame of its own. A push *inside* an aggregate is
    /// handed out before the frame it was in and is not an element there, unless it confirms a (un)subscribe: then it
    /// is one. (Servers answer a SUBSCRIBE inside MULTI so, and older ones put unrelated pushes into replies.)
    ///
    /// # Errors
    /// When the stream can't be followed; what was complete before that is handed out first. The error stays: every
    /// later call returns it again.
    pub fn decode(&mut self, buf: &mut BytesMut, want: usize) -> Result<Option<Frame>, DecodeError> {
        if self.fresh && want <= 1 {
            if let Some(Small { tag, start, end }) = self.small_scalar(buf) {
                let payload = SmallPayload::new(buf.get(start..).unwrap_or_default(), end - start);
                buf.advance(end + 2);
                self.wanted = 0;
                self.taken += (end + 2) as u64;
                return Ok(Some(Frame::scalar(tag, payload, end - start)));
            }
        }
        self.decode_any(buf, want)
    }

    /// After `Ok(None)`: how many more bytes the value being read needs at least, as far as is known; 0 if nothing is.
    /// How much of an announced length to believe, and to reserve, is up to the caller.
    pub fn needed(&self) -> usize {
        self.needed
    }

    /// A reply at the front of `buf` that is a single small value, if it has arrived as a whole and nothing is wrong.
    #[inline(always)]
    fn small_scalar(&self, buf: &[u8]) -> Option<Small> {
        let (&byte, rest) = buf.split_first()?;
        if byte == b'$' {
            let (Length::Known(len), header) = scan::length(rest).ok()?? else { return None };
            let (start, len) = (1 + header, usize::try_from(len).ok()?);
            let is_whole = len <= self.small && buf.get(start + len..start + len + 2)? == b"\r\n";
            return is_whole.then_some(Small { tag: Tag::BulkString, start, end: start + len });
        }
        let tag = line_tag(byte)?;
        for (len, &byte) in rest.iter().enumerate() {
            if byte == b'\r' || byte == b'\n' {
                let is_whole = len <= self.small && buf.get(1 + len..1 + len + 2)? == b"\r\n";
                return is_whole.then_some(Small { tag, start: 1, end: 1 + len });
            }
            if len == self.small {
                break;
            }
        }
        None
    }

    fn decode_any(&mut self, buf: &mut BytesMut, want: usize) -> Result<Option<Frame>, DecodeError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        if self.inner_push.is_some() {
            return Ok(self.inner_push.take());
        }
        if buf.len() < self.wanted {
            return Ok(self.wait(buf));
        }
        self.fresh = false;
        loop {
            match self.step(buf) {
                Ok(Step::More) => {}
                Ok(Step::Reply) => {
                    if self.end_reply(want) {
                        return Ok(Some(self.emit(buf)));
                    }
                }
                Ok(Step::Incomplete | Step::InnerPush | Step::PushAhead) if self.run.replies > 0 => {
                    return Ok(Some(self.emit(buf)));
                }
                Ok(Step::InnerPush) => return Ok(self.inner_push.take()),
                Ok(_) => return Ok(self.wait(buf)),
                Err(Fault { at, reason }) => {
                    let failure = DecodeError { offset: self.taken + at as u64, reason };
                    self.failure = Some(failure);
                    return if self.run.replies > 0 { Ok(Some(self.emit(buf))) } else { Err(failure) };
                }
            }
        }
    }

    fn wait(&mut self, buf: &BytesMut) -> Option<Frame> {
        self.needed = self.wanted.saturating_sub(buf.len());
        self.fresh = self.is_fresh();
        None
    }

    /// Reads the token at `at`.
    fn step(&mut self, buf: &mut [u8]) -> Result<Step, Fault> {
        if let Some(chunks) = self.chunks {
            return self.chunk(buf, chunks);
        }
        let Some((&byte, rest)) = buf.get(self.at..).and_then(<[u8]>::split_first) else {
            self.wanted = self.at + 1;
            return Ok(Step::Incomplete);
        };
        if let Some(tag) = line_tag(byte) {
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
        let Some((Length::Known(len), header)) = self.length(rest, buf)? else {
            return if self.wanted > buf.len() { Ok(Step::Incomplete) } else { Err(self.fault(Reason::InvalidLength)) };
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
        if tag == Tag::Push && self.run.replies > 0 && self.tape.is_at_top() {
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
        let room = self.limits.frame.saturating_sub(start - self.run.bytes + 2);
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
        self.inner_push = Some(Frame::shared(bytes, nodes, 1, Flow::Push));
        self.at = next;
        self.searched = 0;
        Ok(Step::InnerPush)
    }

    /// Whether the first element of the push at node `push` is the name of a (un)subscribe.
    fn confirms_subscription(&self, push: usize, buf: &[u8]) -> bool {
        let Some(name) = self.tape.nodes().get(push + 1) else { return false };
        let start = name.start as usize;
        let is_text = matches!(name.tag, Tag::BulkString | Tag::SimpleString);
        is_text && buf.get(start..start + name.len as usize).is_some_and(|name| CONFIRMATIONS.contains(&name))
    }

    /// Notes that a reply is complete. Whether the run is: it is a push, or there is no room for more.
    fn end_reply(&mut self, want: usize) -> bool {
        let nodes = self.tape.nodes();
        let mut root = nodes.get(self.run.nodes).copied().unwrap_or(Node::EMPTY);
        while root.tag == Tag::Attribute {
            root = nodes.get(root.end as usize).copied().unwrap_or(Node::EMPTY);
        }
        self.run.replies += 1;
        self.run.bytes = self.at;
        self.run.nodes = nodes.len();
        self.run.has_error |= root.tag.is_error();
        if root.tag == Tag::Push {
            self.run.flow = Flow::Push;
        }
        root.tag == Tag::Push || self.run.replies as usize >= want || self.at >= RUN_BYTES
    }

    /// Takes the run out of the buffer. What was read behind it stays read.
    fn emit(&mut self, buf: &mut BytesMut) -> Frame {
        let Run { replies, bytes, nodes, flow, has_error } = std::mem::take(&mut self.run);
        let frame = match *self.tape.nodes() {
            [root] if nodes == 1 && root.nesting == Nesting::Kept => {
                self.tape.clear();
                emit_scalar(buf, root, bytes)
            }
            _ => Frame::shared(buf.split_to(bytes).freeze(), self.tape.split_to(nodes, bytes), replies, flow),
        };
        self.taken += bytes as u64;
        self.at -= bytes;
        self.wanted = self.wanted.saturating_sub(bytes);
        if let Some(chunks) = &mut self.chunks {
            chunks.start -= bytes;
            chunks.end -= bytes;
        }
        self.fresh = self.is_fresh();
        frame.with_error(has_error)
    }

    fn is_fresh(&self) -> bool {
        self.at == 0
            && self.searched == 0
            && self.failure.is_none()
            && self.inner_push.is_none()
            && self.limits.frame > MAX_OVERHEAD
    }

    /// Bytes that the reply being read may still have, from `at` on.
    #[inline]
    fn frame_left(&self) -> usize {
        self.limits.frame.saturating_sub(self.at - self.run.bytes)
    }

    fn fault(&self, reason: Reason) -> Fault {
        Fault { at: self.at, reason }
    }
}

/// The tag of a type whose payload is the rest of the line.
#[inline]
fn line_tag(byte: u8) -> Option<Tag> {
    Some(match byte {
        b'+' => Tag::SimpleString,
        b'-' => Tag::SimpleError,
        b':' => Tag::Integer,
        b'_' => Tag::Null,
        b',' => Tag::Double,
        b'#' => Tag::Boolean,
        b'(' => Tag::BigNumber,
        _ => return None,
    })
}

/// Takes the first `len` bytes, which are one value without elements.
fn emit_scalar(buf: &mut BytesMut, root: Node, len: usize) -> Frame {
    let start = root.start as usize;
    match root.len as usize {
        small if small <= SmallPayload::MAX => {
            let payload = SmallPayload::new(buf.get(start..).unwrap_or_default(), small);
            buf.advance(len);
            Frame::scalar(root.tag, payload, small)
        }
        _ => Frame::large_scalar(buf.split_to(len).freeze(), root),
    }
}

/// Names of the pushes that answer a command.
const CONFIRMATIONS: [&[u8]; 6] =
    [b"subscribe", b"psubscribe", b"ssubscribe", b"unsubscribe", b"punsubscribe", b"sunsubscribe"];
/// Bytes that a small scalar takes besides its payload, generously.
const MAX_OVERHEAD: usize = 32;
/// Bytes of the stream that a node stands for, at the least, when room is made for nodes that were announced.
const BYTES_PER_NODE: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::{PayloadError, Value};

    /// Everything in `wire`, with `want` replies at once, as values; and the error it ended with.
    fn decode_all(wire: &str, want: usize) -> (Vec<Frame>, Option<DecodeError>) {
        let mut decoder = Decoder::new(Limits::default());
        let mut buf = BytesMut::from(wire);
        let mut frames = Vec::new();
        loop {
            match decoder.decode(&mut buf, want) {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => return (frames, None),
                Err(error) => return (frames, Some(error)),
            }
        }
    }

    fn values(frame: &Frame) -> Vec<Value> {
        frame.replies().map(|reply| reply.to_value().unwrap()).collect()
    }

    #[test]
    fn a_run_takes_as_many_replies_as_wanted_and_there_are() {
        let (frames, error) = decode_all("+OK\r\n:1\r\n*1\r\n$1\r\nx\r\n-ERR\r\n:2\r\n", 3);
        assert_eq!(error, None);
        let lens: Vec<_> = frames.iter().map(|frame| (frame.len(), frame.has_error())).collect();
        assert_eq!(lens, [(3, false), (2, true)]);
        assert_eq!(values(&frames[0])[2], Value::from(vec![Value::from("x")]));
        assert_eq!(values(&frames[1])[1], Value::from(2));
    }

    #[test]
    fn a_push_ends_a_run_before_it() {
        let (frames, _) = decode_all("+a\r\n+b\r\n>1\r\n+p\r\n+c\r\n", 10);
        let shape: Vec<_> = frames.iter().map(|frame| (frame.len(), frame.is_push())).collect();
        assert_eq!(shape, [(2, false), (1, true), (1, false)]);
    }

    #[test]
    fn an_inner_push_comes_after_the_run_before_it_and_before_its_own_frame() {
        let (frames, _) = decode_all("+a\r\n*2\r\n:1\r\n>2\r\n+p\r\n$1\r\nq\r\n:2\r\n+c\r\n", 10);
        let all: Vec<_> = frames.iter().map(values).collect();
        let push = Value::Push(vec![Value::simple("p"), Value::from("q")]);
        let array = Value::from(vec![Value::from(1), Value::from(2)]);
        assert_eq!(all, [vec![Value::simple("a")], vec![push], vec![array, Value::simple("c")]]);
    }

    #[test]
    fn only_the_reply_that_is_too_deep_is_spoilt() {
        let deep = format!("+a\r\n{}:1\r\n+b\r\n", "*1\r\n".repeat(2000));
        let (frames, error) = decode_all(&deep, 10);
        assert_eq!((frames.len(), error), (1, None));
        let results: Vec<_> = frames[0].replies().map(|reply| reply.to_value()).collect();
        assert_eq!(results, [Ok(Value::simple("a")), Err(PayloadError::TooDeep), Ok(Value::simple("b"))]);
    }

    #[test]
    fn what_was_complete_is_handed_out_before_the_error_and_the_error_stays() {
        let mut decoder = Decoder::new(Limits::default());
        let mut buf = BytesMut::from(":1\r\n:2\r\n@\r\n");
        assert_eq!(decoder.decode(&mut buf, 9).unwrap().map(|frame| frame.len()), Some(2));
        let error = DecodeError { offset: 8, reason: Reason::UnknownType(b'@') };
        for _ in 0..3 {
            assert_eq!(decoder.decode(&mut buf, 9).err(), Some(error));
            buf.clear();
            buf.extend_from_slice(b"+OK\r\n");
        }
    }

    #[test]
    fn needed_tells_what_is_missing_of_a_bulk_string() {
        let mut decoder = Decoder::new(Limits::default());
        let mut buf = BytesMut::from("$100\r\nabc");
        assert!(decoder.decode(&mut buf, 1).unwrap().is_none());
        assert_eq!(decoder.needed(), 99);
    }

    #[test]
    fn a_streamed_string_is_one_string_in_place() {
        let (frames, _) = decode_all("*2\r\n$?\r\n;3\r\nabc\r\n;2\r\nde\r\n;0\r\n:5\r\n", 1);
        assert_eq!(values(&frames[0]), [Value::from(vec![Value::from("abcde"), Value::from(5)])]);
    }
}
