//! The borrowed view of one value in a frame, from which callers convert.

use std::fmt;

use bytes::Bytes;

use super::error::PayloadError;
use super::frame::Frame;
use super::node::{Nesting, Node};
use super::number;
use super::tag::{Kind, Tag};
use super::value::Value;

/// One value of a [`Frame`]: a whole reply, or an element of one.
#[derive(Clone, Copy)]
pub struct Reply<'a> {
    frame: &'a Frame,
    /// Index of the value's node.
    node: u32,
    /// Index of the first attribute that describes it; `node`, if there is none.
    attributes: u32,
}

/// What a reply is, with its payload interpreted.
#[derive(Clone, Debug)]
pub enum View<'a> {
    /// A line of text that is not an error, `OK` for example.
    SimpleString(&'a [u8]),
    /// A string of any bytes.
    BulkString(&'a [u8]),
    /// An error in one line. Its first word is the code.
    SimpleError(&'a [u8]),
    /// An error of any bytes.
    BulkError(&'a [u8]),
    /// A 64-bit integer.
    Integer(i64),
    /// A double, infinities and NaN included.
    Double(f64),
    /// A boolean.
    Boolean(bool),
    /// Any of the three nulls.
    Null,
    /// The text of an integer of any size, without a leading `+`. Servers send what a script gave them here, so it may
    /// be any text.
    BigNumber(&'a [u8]),
    /// A text with a hint of its format.
    Verbatim {
        /// `txt`, `mkd`, or any other three bytes.
        format: [u8; 3],
        /// The text behind the format.
        text: &'a [u8],
    },
    /// Elements in order.
    Array(Items<'a>),
    /// Elements without order, in that of the wire; duplicates are not looked for.
    Set(Items<'a>),
    /// Pairs in the order of the wire; duplicate keys are not looked for.
    Map(Pairs<'a>),
    /// What a server sends unasked; the first element says what it is.
    Push(Items<'a>),
}

impl<'a> Reply<'a> {
    /// The value whose node, or first attribute, is at index `at`.
    #[inline]
    pub(crate) fn new(frame: &'a Frame, at: u32) -> Self {
        let nodes = frame.nodes();
        let mut node = at;
        while let Some(Node { tag: Tag::Attribute, end, .. }) = nodes.get(node as usize) {
            node = *end;
        }
        Reply { frame, node, attributes: at }
    }

    /// Its type. The payload was not looked at yet.
    pub fn kind(self) -> Kind {
        self.node().tag.kind()
    }

    /// Its payload, interpreted. One level deep: elements are interpreted when they are viewed.
    ///
    /// # Errors
    /// If the payload is not what its type asks for, or if this is an aggregate past the nesting limit.
    pub fn view(self) -> Result<View<'a>, PayloadError> {
        let node = self.node();
        if node.nesting == Nesting::TooDeep {
            return Err(PayloadError::TooDeep);
        }
        let payload = self.payload(node);
        Ok(match node.tag {
            Tag::SimpleString => View::SimpleString(payload),
            Tag::BulkString => View::BulkString(payload),
            Tag::SimpleError => View::SimpleError(payload),
            Tag::BulkError => View::BulkError(payload),
            Tag::Integer => View::Integer(number::integer(payload)?),
            Tag::Double => View::Double(number::double(payload)?),
            Tag::Boolean => View::Boolean(number::boolean(payload)?),
            Tag::Null if !payload.is_empty() => return Err(PayloadError::Null),
            Tag::Null | Tag::NullBulk | Tag::NullArray => View::Null,
            Tag::BigNumber => View::BigNumber(unsigned(payload)),
            Tag::Verbatim => {
                let (format, text) = verbatim(payload).ok_or(PayloadError::VerbatimFormat)?;
                View::Verbatim { format, text }
            }
            Tag::Array => View::Array(self.items(node)),
            Tag::Set => View::Set(self.items(node)),
            Tag::Push => View::Push(self.items(node)),
            Tag::Map | Tag::Attribute => View::Map(Pairs::new(self.frame, self.node, node.len)),
        })
    }

    /// What the server says about this value beside it. Several attributes in a row are given as one. `None` if there
    /// are none, or if they are nested past the limit.
    pub fn attributes(self) -> Option<Pairs<'a>> {
        if self.attributes == self.node {
            return None;
        }
        let mut pairs = 0;
        for attribute in self.attribute_nodes() {
            if attribute.nesting == Nesting::TooDeep {
                return None;
            }
            pairs += attribute.len;
        }
        Some(Pairs::new(self.frame, self.attributes, pairs))
    }

    /// Whether it is one of the three nulls.
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// Whether it is an error, simple or bulk.
    pub fn is_error(self) -> bool {
        self.node().tag.is_error()
    }

    /// The payload of a simple or bulk string or error, the text of a verbatim string or big number. `None` for every
    /// other kind.
    #[inline]
    pub fn bytes(self) -> Option<&'a [u8]> {
        let node = self.node();
        let payload = self.payload(node);
        match node.tag {
            Tag::SimpleString | Tag::BulkString | Tag::SimpleError | Tag::BulkError => Some(payload),
            Tag::BigNumber => Some(unsigned(payload)),
            Tag::Verbatim => verbatim(payload).map(|(_, text)| text),
            _ => None,
        }
    }

    /// The same as [`Reply::bytes`], to be kept. In a frame of 16 KiB or more it is not copied: it shares, and keeps
    /// alive, the buffer that the whole frame was read into. Out of smaller frames it is copied, so that a small reply
    /// never keeps a large buffer alive.
    #[inline]
    pub fn to_bytes(self) -> Option<Bytes> {
        let node = self.node();
        if node.tag == Tag::BulkString {
            if let Some(shared) = self.frame.share(node) {
                return Some(shared);
            }
        }
        self.bytes().map(|part| self.frame.to_bytes(part))
    }

    /// An owned tree of it and everything in it.
    ///
    /// # Errors
    /// If any payload in it can't be read, or it is nested deeper than [`Value::MAX_DEPTH`].
    pub fn to_value(self) -> Result<Value, PayloadError> {
        Value::from_reply(self)
    }

    #[inline]
    pub(crate) fn node(self) -> Node {
        self.frame.nodes().get(self.node as usize).copied().unwrap_or(Node::EMPTY)
    }

    /// The nodes of the attributes that describe it.
    pub(crate) fn attribute_nodes(self) -> impl Iterator<Item = Node> + 'a {
        let nodes = self.frame.nodes();
        let mut at = self.attributes;
        std::iter::from_fn(move || {
            let node = *nodes.get(at as usize).filter(|_| at < self.node)?;
            at = node.end;
            Some(node)
        })
    }

    /// It and everything in it in wire order, one node at a time, attributes as values of their own.
    pub(crate) fn parts(self) -> impl Iterator<Item = Reply<'a>> {
        (self.attributes..self.node().end).map(move |node| Reply { frame: self.frame, node, attributes: node })
    }

    /// Where its node is in the frame.
    pub(crate) fn index(self) -> u32 {
        self.node
    }

    /// Its payload as it arrived; nothing, if it is an aggregate.
    pub(crate) fn raw(self) -> &'a [u8] {
        let node = self.node();
        if node.tag.is_aggregate() { &[] } else { self.payload(node) }
    }

    #[inline]
    fn payload(self, node: Node) -> &'a [u8] {
        let start = node.start as usize;
        // Of an aggregate, `len` is no length of bytes: the slice is not used then, and may not exist.
        self.frame.bytes().get(start..start + node.len as usize).unwrap_or_default()
    }

    fn items(self, node: Node) -> Items<'a> {
        Items::new(self.frame, self.node + 1, node.len)
    }
}

/// Kind and length only: payloads may be secrets.
impl fmt::Debug for Reply<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("kind", &self.kind()).field("len", &self.node().len).finish()
    }
}

/// The elements of an aggregate, or the replies of a frame.
#[derive(Clone)]
pub struct Items<'a> {
    frame: &'a Frame,
    /// Index of the next element's node, or of the attribute before it.
    next: u32,
    left: u32,
}

impl<'a> Items<'a> {
    pub(crate) fn new(frame: &'a Frame, first: u32, len: u32) -> Self {
        Items { frame, next: first, left: len }
    }

    /// Where the next one is, for [`Reply::new`].
    pub(crate) fn place(&self) -> u32 {
        self.next
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = Reply<'a>;

    #[inline]
    fn next(&mut self) -> Option<Reply<'a>> {
        self.left = self.left.checked_sub(1)?;
        let reply = Reply::new(self.frame, self.next);
        self.next = reply.node().end;
        Some(reply)
    }

    /// At once among the replies of a run of single values; elsewhere by walking there.
    fn nth(&mut self, n: usize) -> Option<Reply<'a>> {
        let jump = if self.frame.is_flat_run() { n.min(self.left as usize) as u32 } else { 0 };
        self.next += jump;
        self.left -= jump;
        for _ in jump as usize..n {
            self.next()?;
        }
        self.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left as usize, Some(self.left as usize))
    }
}

impl ExactSizeIterator for Items<'_> {}

impl fmt::Debug for Items<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items").field("left", &self.left).finish()
    }
}

/// The pairs of a map, or of attributes.
#[derive(Clone)]
pub struct Pairs<'a> {
    items: Items<'a>,
    /// Where the aggregate that `items` walks ends, and, if these are attributes, the next one begins.
    end: u32,
}

impl<'a> Pairs<'a> {
    /// `len` pairs of the aggregate at index `header`, and of those directly after it if it has fewer.
    fn new(frame: &'a Frame, header: u32, len: u32) -> Self {
        let end = frame.nodes().get(header as usize).map_or(header, |node| node.end);
        Pairs { items: Items::new(frame, header + 1, len), end }
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (Reply<'a>, Reply<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let Items { frame, left, .. } = self.items;
        if left == 0 {
            return None;
        }
        while self.items.next == self.end {
            *self = Pairs::new(frame, self.end, left);
        }
        let key = Reply::new(frame, self.items.next);
        let value = Reply::new(frame, key.node().end);
        self.items = Items::new(frame, value.node().end, left - 1);
        Some((key, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.items.size_hint()
    }
}

impl ExactSizeIterator for Pairs<'_> {}

impl fmt::Debug for Pairs<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pairs").field("left", &self.items.left).finish()
    }
}

/// A big number's text without a `+`.
fn unsigned(text: &[u8]) -> &[u8] {
    match text {
        [b'+', rest @ ..] if rest.first().is_some_and(u8::is_ascii_digit) => rest,
        text => text,
    }
}

/// Splits a verbatim string. The colon is the fourth byte, not the first colon.
fn verbatim(payload: &[u8]) -> Option<([u8; 3], &[u8])> {
    match payload {
        [a, b, c, b':', text @ ..] => Some(([*a, *b, *c], text)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::resp::{Decoder, Limits};

    fn frame(wire: &str) -> Frame {
        Decoder::new(Limits::default()).decode(&mut BytesMut::from(wire), 1).unwrap().unwrap()
    }

    #[test]
    fn a_malformed_payload_is_the_fault_of_one_reply() {
        let cases = [
            (":12a\r\n", Kind::Integer, PayloadError::Integer),
            (",abc\r\n", Kind::Double, PayloadError::Double),
            ("#x\r\n", Kind::Boolean, PayloadError::Boolean),
            ("_nil\r\n", Kind::Null, PayloadError::Null),
            ("=3\r\ntxt\r\n", Kind::Verbatim, PayloadError::VerbatimFormat),
            ("=5\r\ntxt-x\r\n", Kind::Verbatim, PayloadError::VerbatimFormat),
        ];
        for (wire, kind, error) in cases {
            let frame = frame(&format!("*2\r\n{wire}+fine\r\n"));
            let Ok(View::Array(mut items)) = frame.reply().view() else { panic!("{wire:?}") };
            let bad = items.next().unwrap();
            assert_eq!((bad.kind(), bad.view().err(), bad.bytes()), (kind, Some(error), None), "{wire:?}");
            assert_eq!(items.next().unwrap().bytes(), Some(&b"fine"[..]));
            assert!(items.next().is_none());
        }
    }

    #[test]
    fn bytes_are_the_text_of_every_kind_that_has_one() {
        let cases = [
            ("+a\r\n", Some("a")),
            ("$1\r\nb\r\n", Some("b")),
            ("-c\r\n", Some("c")),
            ("!1\r\nd\r\n", Some("d")),
            ("=5\r\ntxt:e\r\n", Some("e")),
            ("(+12\r\n", Some("12")),
            (":1\r\n", None),
            ("_\r\n", None),
            ("*0\r\n", None),
        ];
        for (wire, text) in cases {
            let frame = frame(wire);
            assert_eq!(frame.reply().bytes(), text.map(str::as_bytes), "{wire:?}");
            assert_eq!(frame.reply().to_bytes().as_deref(), text.map(str::as_bytes), "{wire:?}");
        }
    }

    #[test]
    fn the_nth_reply_is_found_in_flat_runs_and_in_others() {
        for wire in [":0\r\n:1\r\n:2\r\n:3\r\n", ":0\r\n*2\r\n:8\r\n:9\r\n:2\r\n|1\r\n+a\r\n+b\r\n:3\r\n"] {
            let mut decoder = Decoder::new(Limits::default());
            let frame = decoder.decode(&mut BytesMut::from(wire), 4).unwrap().unwrap();
            let walked: Vec<_> = frame.replies().map(|reply| reply.to_value().unwrap()).collect();
            assert_eq!(walked.len(), 4);
            for from in 0..4 {
                for n in 0..6 {
                    let mut replies = frame.replies();
                    (0..from).for_each(|_| assert!(replies.next().is_some()));
                    let found = replies.nth(n).map(|reply| reply.to_value().unwrap());
                    assert_eq!(found.as_ref(), walked.get(from + n), "{wire:?}: {n} after {from}");
                }
            }
        }
    }

    #[test]
    fn elements_are_walked_past_attributes_and_nested_values() {
        let frame = frame("%2\r\n*2\r\n:1\r\n*1\r\n:2\r\n|1\r\n+ttl\r\n:9\r\n:3\r\n+k\r\n+v\r\n");
        let Ok(View::Map(pairs)) = frame.reply().view() else { panic!("a map") };
        assert_eq!(pairs.len(), 2);
        let kinds: Vec<_> = pairs.clone().map(|(key, value)| (key.kind(), value.kind())).collect();
        assert_eq!(kinds, [(Kind::Array, Kind::Integer), (Kind::SimpleString, Kind::SimpleString)]);
        let attributed: Vec<_> = pairs.map(|(_, value)| value.attributes().map(|pairs| pairs.len())).collect();
        assert_eq!(attributed, [Some(1), None]);
    }
}
