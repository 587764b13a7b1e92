//! The decoder: bytes in, frames out, as far as the bytes go.

use bytes::{Buf as _, BytesMut};

use super::error::DecodeError;
use super::frame::{Flow, Frame};
use super::limits::{Limits, RUN_BYTES};
use super::node::{Nesting, Node};
use super::reader::{Fault, Reader, Step};
use super::scan::{self, Scalar};
use super::small::SmallPayload;
use super::tag::Tag;

/// Turns the bytes of a connection into [`Frame`]s.
///
/// It is resumable (a reply may arrive in any pieces; no byte of a line or a body is looked at twice), iterative (no
/// input makes the stack grow) and limited (see [`Limits`]; memory follows the bytes that arrived, never an announced
/// length). Payloads are not interpreted here: a malformed number is found by [`Reply::view`](super::Reply::view) and
/// concerns that reply only, and so does nesting past the limit.
///
/// ```
/// use bytes::BytesMut;
/// use steadfast::resp::{Decoder, Limits, Value};
///
/// let mut decoder = Decoder::new(Limits::default());
/// let mut buf = BytesMut::from("*2\r\n:1\r\n$5\r\nhel");
/// assert!(decoder.decode(&mut buf, 1)?.is_none());
/// buf.extend_from_slice(b"lo\r\n");
/// let frame = decoder.decode(&mut buf, 1)?.expect("the reply is complete");
/// assert_eq!(frame.reply().to_value()?, Value::Array(vec![Value::from(1), Value::from("hello")]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    /// Payloads up to this many bytes are within every limit, and fit into a frame.
    small: usize,
    /// The first byte of the buffer begins a reply, and no failure or push waits.
    fresh: bool,
    /// Bytes of the stream that are no longer in the buffer.
    taken: u64,
    needed: usize,
    reader: Reader,
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

impl Decoder {
    /// A decoder for a new stream.
    pub fn new(limits: Limits) -> Self {
        let limits = limits.clamped();
        Decoder {
            small: SmallPayload::MAX.min(limits.bulk).min(limits.line).min(limits.frame - MAX_OVERHEAD),
            fresh: true,
            taken: 0,
            needed: 0,
            reader: Reader::new(limits),
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
            if let Some(Scalar { tag, start, end }) = scan::scalar(buf, self.small, self.small) {
                let payload = SmallPayload::new(buf.get(start..).unwrap_or_default(), end - start);
                buf.advance(end + 2);
                self.reader.passed_over();
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

    fn decode_any(&mut self, buf: &mut BytesMut, want: usize) -> Result<Option<Frame>, DecodeError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        if self.inner_push.is_some() {
            return Ok(self.inner_push.take());
        }
        if buf.len() < self.reader.wanted() {
            return Ok(self.wait(buf));
        }
        self.fresh = false;
        loop {
            match self.reader.step(buf) {
                Ok(Step::More) => {}
                Ok(Step::Reply) => {
                    if self.end_reply(want) {
                        return Ok(Some(self.emit(buf)));
                    }
                }
                Ok(Step::InnerPush(push)) if self.run.replies == 0 => return Ok(Some(*push)),
                Ok(Step::InnerPush(push)) => {
                    self.inner_push = Some(*push);
                    return Ok(Some(self.emit(buf)));
                }
                Ok(Step::Incomplete | Step::PushAhead) if self.run.replies > 0 => return Ok(Some(self.emit(buf))),
                Ok(Step::Incomplete | Step::PushAhead) => return Ok(self.wait(buf)),
                Err(Fault { at, reason }) => {
                    let failure = DecodeError { offset: self.taken + at as u64, reason };
                    self.failure = Some(failure);
                    return if self.run.replies > 0 { Ok(Some(self.emit(buf))) } else { Err(failure) };
                }
            }
        }
    }

    fn wait(&mut self, buf: &BytesMut) -> Option<Frame> {
        self.needed = self.reader.wanted().saturating_sub(buf.len());
        self.fresh = self.is_fresh();
        None
    }

    /// Notes that a reply is complete. Whether the run is: it is a push, or there is no room for more.
    fn end_reply(&mut self, want: usize) -> bool {
        let nodes = self.reader.nodes();
        let mut root = nodes.get(self.run.nodes).copied().unwrap_or(Node::EMPTY);
        while root.tag == Tag::Attribute {
            root = nodes.get(root.end as usize).copied().unwrap_or(Node::EMPTY);
        }
        self.run.replies += 1;
        self.run.bytes = self.reader.at();
        self.run.nodes = nodes.len();
        self.run.has_error |= root.tag.is_error();
        if root.tag == Tag::Push {
            self.run.flow = Flow::Push;
        }
        root.tag == Tag::Push || self.run.replies as usize >= want || self.run.bytes >= RUN_BYTES
    }

    /// Takes the run out of the buffer. What was read behind it stays read.
    fn emit(&mut self, buf: &mut BytesMut) -> Frame {
        let Run { replies, bytes, nodes, flow, has_error } = std::mem::take(&mut self.run);
        let frame = match *self.reader.nodes() {
            [root] if nodes == 1 && root.nesting == Nesting::Kept => {
                self.reader.release_scalar(bytes);
                emit_scalar(buf, root, bytes)
            }
            _ => Frame::shared(buf.split_to(bytes).freeze(), self.reader.release(nodes, bytes), replies, flow),
        };
        self.taken += bytes as u64;
        self.fresh = self.is_fresh();
        frame.with_error(has_error)
    }

    fn is_fresh(&self) -> bool {
        self.reader.is_at_start() && self.failure.is_none() && self.inner_push.is_none()
    }
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

/// Bytes that a small scalar takes besides its payload, generously.
const MAX_OVERHEAD: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::{PayloadError, Reason, Value};

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

    #[test]
    fn a_run_stops_growing_at_its_limit_in_bytes() {
        let wire = format!("$1048576\r\n{}\r\n", "x".repeat(1 << 20)).repeat(40);
        let (frames, _) = decode_all(&wire, 100);
        let lens: Vec<_> = frames.iter().map(Frame::len).collect();
        assert_eq!(lens, [16, 16, 8]);
    }
}
