//! The owned tree of a reply, for users, tests and servers made for tests.

use std::fmt;

use bytes::Bytes;

use super::error::PayloadError;
use super::node::{Nesting, Node};
use super::number::{Decimal, put_double};
use super::reply::{Reply, View};
use super::tag::Tag;

/// A reply that owns everything in it: for answers whose shape is not known before they come, and for what a server made
/// for tests is to answer. Where the shape is known, ask for that type instead ([`FromReply`](crate::FromReply)).
///
/// Values that come from a server are nested at most [`Value::MAX_DEPTH`] deep, so that dropping, cloning or comparing
/// one, which recurses, stays within any stack.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// A line of text that is not an error.
    SimpleString(Bytes),
    /// A string of any bytes.
    BulkString(Bytes),
    /// An error in one line. Its first word is the code.
    SimpleError(Bytes),
    /// An error of any bytes.
    BulkError(Bytes),
    /// A 64-bit integer.
    Integer(i64),
    /// A double.
    Double(f64),
    /// A boolean.
    Boolean(bool),
    /// Nothing, and how the server wrote it.
    Null(NullForm),
    /// The text of an integer of any size.
    BigNumber(Bytes),
    /// A text with a hint of its format.
    Verbatim {
        /// `txt`, `mkd`, or any other three bytes.
        format: [u8; 3],
        /// The text.
        text: Bytes,
    },
    /// Elements in order.
    Array(Vec<Value>),
    /// Elements without order, in that of the wire.
    Set(Vec<Value>),
    /// Pairs in the order of the wire.
    Map(Vec<(Value, Value)>),
    /// What a server sends unasked.
    Push(Vec<Value>),
    /// A value that the server said something about.
    Attributed {
        /// What was said.
        attributes: Vec<(Value, Value)>,
        /// The value itself.
        value: Box<Value>,
    },
}

/// The ways to write a null.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum NullForm {
    /// `_`, the only one of RESP3.
    #[default]
    Resp3,
    /// `$-1`, in RESP2: no string.
    Bulk,
    /// `*-1`, in RESP2: no array. Also a failed WATCH, or a timeout of BLPOP.
    Array,
}

impl Value {
    /// How deep a value made from a reply can be nested. The most that a decoder with default
    /// [`Limits`](super::Limits) lets through.
    pub const MAX_DEPTH: u32 = 1024;

    /// A simple string. Line breaks in it become spaces when it is encoded.
    pub fn simple(text: impl Into<Bytes>) -> Self {
        Value::SimpleString(text.into())
    }

    /// A bulk string.
    pub fn bulk(bytes: impl Into<Bytes>) -> Self {
        Value::BulkString(bytes.into())
    }

    /// A simple error, code first: `ERR no such key`.
    pub fn error(text: impl Into<Bytes>) -> Self {
        Value::SimpleError(text.into())
    }

    /// A null, as RESP3 writes it.
    pub fn null() -> Self {
        Value::Null(NullForm::Resp3)
    }

    /// The bytes of a string or an error of any kind, or of a big number; `None` for everything else.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::SimpleString(bytes) | Value::BulkString(bytes) => Some(bytes),
            Value::SimpleError(bytes) | Value::BulkError(bytes) | Value::BigNumber(bytes) => Some(bytes),
            Value::Verbatim { text, .. } => Some(text),
            Value::Attributed { value, .. } => value.as_bytes(),
            _ => None,
        }
    }

    /// The same as text; `None` also for what is not UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        self.as_bytes().and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    /// An integer; `None` for everything else, digits in a string too.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Integer(number) => Some(*number),
            Value::Attributed { value, .. } => value.as_i64(),
            _ => None,
        }
    }

    /// The elements of an array, a set or a push; `None` for everything else.
    pub fn as_slice(&self) -> Option<&[Value]> {
        match self {
            Value::Array(items) | Value::Set(items) | Value::Push(items) => Some(items),
            Value::Attributed { value, .. } => value.as_slice(),
            _ => None,
        }
    }

    /// Whether it is a null of any form.
    pub fn is_null(&self) -> bool {
        match self {
            Value::Null(_) => true,
            Value::Attributed { value, .. } => value.is_null(),
            _ => false,
        }
    }

    pub(crate) fn from_reply(reply: Reply<'_>) -> Result<Self, PayloadError> {
        let mut tree = Tree::default();
        for part in reply.parts() {
            if let Some(value) = tree.add(part)? {
                return Ok(value);
            }
        }
        // A frame holds complete values only.
        Err(PayloadError::TooDeep)
    }

    /// Payloads one after the other, and the nodes that a decoder would have made. The inverse of `from_reply`.
    pub(crate) fn flatten(&self) -> (Vec<u8>, Vec<Node>) {
        let mut flat = Flat::default();
        flat.value(self);
        (flat.bytes, flat.nodes)
    }
}

/// A tree while it is put together from a frame's flat list, without recursion.
#[derive(Default)]
struct Tree {
    /// Aggregates that lack elements, each inside the one before.
    open: Vec<Level>,
    /// Attributes that describe the value which comes next.
    attributes: Option<Vec<(Value, Value)>>,
}

struct Level {
    tag: Tag,
    /// How many values the aggregate has, when it is complete.
    values: usize,
    items: Vec<Value>,
    /// Those that describe the aggregate; of an attribute, those in a row before it.
    attributes: Option<Vec<(Value, Value)>>,
}

impl Tree {
    /// Takes the next node. The value, when it is complete.
    fn add(&mut self, reply: Reply<'_>) -> Result<Option<Value>, PayloadError> {
        let node = reply.node();
        let view = reply.view()?;
        if !matches!(view, View::Array(_) | View::Set(_) | View::Push(_) | View::Map(_)) {
            let attributes = self.attributes.take();
            return Ok(self.complete(attributed(leaf(reply, view), attributes)));
        }
        if self.open.len() >= Value::MAX_DEPTH as usize {
            return Err(PayloadError::TooDeep);
        }
        let values = node.len as usize * node.tag.values_per_element() as usize;
        let attributes = self.attributes.take();
        self.open.push(Level { tag: node.tag, values, items: Vec::with_capacity(values), attributes });
        Ok(if values == 0 { self.close() } else { None })
    }

    /// Puts a complete value where it belongs.
    fn complete(&mut self, value: Value) -> Option<Value> {
        let Some(level) = self.open.last_mut() else { return Some(value) };
        level.items.push(value);
        if level.items.len() < level.values { None } else { self.close() }
    }

    /// Closes the aggregate that has its last value, and those around it that become complete.
    fn close(&mut self) -> Option<Value> {
        loop {
            let level = self.open.pop()?;
            let value = match level.tag {
                Tag::Attribute => {
                    self.attributes.get_or_insert_default().extend(level.attributes.into_iter().flatten());
                    self.attributes.get_or_insert_default().extend(pairs(level.items));
                    return None;
                }
                Tag::Map => Value::Map(pairs(level.items)),
                Tag::Set => Value::Set(level.items),
                Tag::Push => Value::Push(level.items),
                _ => Value::Array(level.items),
            };
            let value = attributed(value, level.attributes);
            let Some(around) = self.open.last_mut() else { return Some(value) };
            around.items.push(value);
            if around.items.len() < around.values {
                return None;
            }
        }
    }
}

fn attributed(value: Value, attributes: Option<Vec<(Value, Value)>>) -> Value {
    match attributes {
        Some(attributes) => Value::Attributed { attributes, value: Box::new(value) },
        None => value,
    }
}

fn pairs(items: Vec<Value>) -> Vec<(Value, Value)> {
    let mut items = items.into_iter();
    std::iter::from_fn(|| items.next().zip(items.next())).collect()
}

/// A value without elements.
fn leaf(reply: Reply<'_>, view: View<'_>) -> Value {
    let text = || reply.to_bytes().unwrap_or_default();
    match view {
        View::SimpleString(_) => Value::SimpleString(text()),
        View::SimpleError(_) => Value::SimpleError(text()),
        View::BulkError(_) => Value::BulkError(text()),
        View::Integer(number) => Value::Integer(number),
        View::Double(number) => Value::Double(number),
        View::Boolean(truth) => Value::Boolean(truth),
        View::Null => Value::Null(match reply.node().tag {
            Tag::NullBulk => NullForm::Bulk,
            Tag::NullArray => NullForm::Array,
            _ => NullForm::Resp3,
        }),
        View::BigNumber(_) => Value::BigNumber(text()),
        View::Verbatim { format, .. } => Value::Verbatim { format, text: text() },
        _ => Value::BulkString(text()),
    }
}

/// A frame's content while it is put together from a value.
#[derive(Default)]
struct Flat {
    bytes: Vec<u8>,
    nodes: Vec<Node>,
}

impl Flat {
    fn value(&mut self, value: &Value) {
        match value {
            Value::SimpleString(text) => self.leaf(Tag::SimpleString, text),
            Value::BulkString(bytes) => self.leaf(Tag::BulkString, bytes),
            Value::SimpleError(text) => self.leaf(Tag::SimpleError, text),
            Value::BulkError(bytes) => self.leaf(Tag::BulkError, bytes),
            Value::Integer(number) => self.leaf(Tag::Integer, Decimal::signed(*number).as_bytes()),
            Value::Double(number) => {
                let mut text = Vec::new();
                put_double(&mut text, *number);
                self.leaf(Tag::Double, &text);
            }
            Value::Boolean(truth) => self.leaf(Tag::Boolean, if *truth { b"t" } else { b"f" }),
            Value::Null(NullForm::Resp3) => self.leaf(Tag::Null, b""),
            Value::Null(NullForm::Bulk) => self.leaf(Tag::NullBulk, b""),
            Value::Null(NullForm::Array) => self.leaf(Tag::NullArray, b""),
            Value::BigNumber(text) => self.leaf(Tag::BigNumber, text),
            Value::Verbatim { format, text } => self.leaf(Tag::Verbatim, &[format, &b":"[..], text].concat()),
            Value::Array(items) => self.items(Tag::Array, items),
            Value::Set(items) => self.items(Tag::Set, items),
            Value::Push(items) => self.items(Tag::Push, items),
            Value::Map(pairs) => self.pairs(Tag::Map, pairs),
            Value::Attributed { attributes, value } => {
                self.pairs(Tag::Attribute, attributes);
                self.value(value);
            }
        }
    }

    fn leaf(&mut self, tag: Tag, payload: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(payload);
        self.push(tag, start, payload.len());
    }

    fn items(&mut self, tag: Tag, items: &[Value]) {
        let header = self.push(tag, self.bytes.len(), items.len());
        for item in items {
            self.value(item);
        }
        self.close(header);
    }

    fn pairs(&mut self, tag: Tag, pairs: &[(Value, Value)]) {
        let header = self.push(tag, self.bytes.len(), pairs.len());
        for (key, value) in pairs {
            self.value(key);
            self.value(value);
        }
        self.close(header);
    }

    fn push(&mut self, tag: Tag, start: usize, len: usize) -> usize {
        let place = |number: usize| u32::try_from(number).expect("a frame is smaller than 4 GiB");
        let end = place(self.nodes.len() + 1);
        self.nodes.push(Node { start: place(start), len: place(len), end, tag, nesting: Nesting::Kept });
        self.nodes.len() - 1
    }

    fn close(&mut self, header: usize) {
        let end = self.nodes.len() as u32;
        if let Some(node) = self.nodes.get_mut(header) {
            node.end = end;
        }
    }
}

/// Payloads included. What is nested very deep is left out.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shown { value: self, levels: SHOWN_LEVELS }.fmt(f)
    }
}

/// A value to print, and how many levels of it.
struct Shown<'a> {
    value: &'a Value,
    levels: u32,
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(levels) = self.levels.checked_sub(1) else { return f.write_str("..") };
        let shown = |value| Shown { value, levels };
        let pairs = |pairs: &[(Value, Value)], f: &mut fmt::Formatter<'_>| {
            let shown = pairs.iter().map(|(key, value)| (Shown { value: key, levels }, Shown { value, levels }));
            f.debug_map().entries(shown).finish()
        };
        match self.value {
            Value::SimpleString(text) => f.debug_tuple("SimpleString").field(text).finish(),
            Value::BulkString(bytes) => f.debug_tuple("BulkString").field(bytes).finish(),
            Value::SimpleError(text) => f.debug_tuple("SimpleError").field(text).finish(),
            Value::BulkError(bytes) => f.debug_tuple("BulkError").field(bytes).finish(),
            Value::Integer(number) => f.debug_tuple("Integer").field(number).finish(),
            Value::Double(number) => f.debug_tuple("Double").field(number).finish(),
            Value::Boolean(truth) => f.debug_tuple("Boolean").field(truth).finish(),
            Value::Null(form) => f.debug_tuple("Null").field(form).finish(),
            Value::BigNumber(text) => f.debug_tuple("BigNumber").field(text).finish(),
            Value::Verbatim { format, text } => {
                f.debug_struct("Verbatim").field("format", &format.escape_ascii()).field("text", text).finish()
            }
            Value::Array(items) => f.debug_list().entries(items.iter().map(shown)).finish(),
            Value::Set(items) => f.debug_set().entries(items.iter().map(shown)).finish(),
            Value::Push(items) => {
                f.write_str("Push")?;
                f.debug_list().entries(items.iter().map(shown)).finish()
            }
            Value::Map(entries) => pairs(entries, f),
            Value::Attributed { attributes, value } => {
                f.write_str("Attributed")?;
                pairs(attributes, f)?;
                shown(value).fmt(f)
            }
        }
    }
}

impl From<&str> for Value {
    /// A bulk string.
    fn from(text: &str) -> Self {
        Value::BulkString(Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl From<String> for Value {
    /// A bulk string.
    fn from(text: String) -> Self {
        Value::BulkString(text.into())
    }
}

impl From<Bytes> for Value {
    /// A bulk string.
    fn from(bytes: Bytes) -> Self {
        Value::BulkString(bytes)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Integer(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::Double(number)
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Value::Boolean(truth)
    }
}

impl From<Vec<Value>> for Value {
    /// An array.
    fn from(items: Vec<Value>) -> Self {
        Value::Array(items)
    }
}

/// Levels of a value that are printed.
const SHOWN_LEVELS: u32 = 64;

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::resp::{Decoder, Limits};

    fn decoded(wire: &str) -> Result<Value, PayloadError> {
        let mut decoder = Decoder::new(Limits { depth: 1 << 20, ..Limits::default() });
        decoder.decode(&mut BytesMut::from(wire), 1).unwrap().unwrap().reply().to_value()
    }

    #[test]
    fn a_value_is_looked_into_by_its_kind() {
        let number = Value::Attributed { attributes: Vec::new(), value: Box::new(Value::Integer(7)) };
        let array = Value::Array(vec![Value::bulk("a"), number, Value::null()]);
        let items = array.as_slice().unwrap();
        assert_eq!((items[0].as_str(), items[0].as_i64()), (Some("a"), None));
        assert_eq!((items[1].as_str(), items[1].as_i64()), (None, Some(7)));
        assert!(items[2].is_null() && !items[0].is_null());
        assert_eq!(Value::bulk(&b"\xff"[..]).as_str(), None);
        assert_eq!(Value::bulk(&b"\xff"[..]).as_bytes(), Some(&b"\xff"[..]));
    }

    #[test]
    fn the_deepest_value_can_be_used_on_a_small_stack() {
        let depth = Value::MAX_DEPTH as usize;
        // Attributes at every level make the tree twice as deep as the arrays are.
        let wire = format!("{}:1\r\n", "|1\r\n+a\r\n:1\r\n*1\r\n".repeat(depth));
        let check = move || {
            let value = decoded(&wire).unwrap();
            assert_eq!(value.clone(), value);
            assert!(format!("{value:?}").contains(".."));
            assert_eq!(decoded(&format!("*1\r\n{wire}")), Err(PayloadError::TooDeep));
        };
        std::thread::Builder::new().stack_size(2 << 20).spawn(check).unwrap().join().unwrap();
    }

    #[test]
    fn attributes_in_a_row_are_one() {
        let wire = "|1\r\n+a\r\n:1\r\n|0\r\n|1\r\n+b\r\n|1\r\n+c\r\n:3\r\n:2\r\n*1\r\n:5\r\n";
        let inner = Value::Attributed {
            attributes: vec![(Value::simple("c"), Value::from(3))],
            value: Box::new(Value::from(2)),
        };
        let attributes = vec![(Value::simple("a"), Value::from(1)), (Value::simple("b"), inner)];
        let value = Box::new(Value::from(vec![Value::from(5)]));
        assert_eq!(decoded(wire), Ok(Value::Attributed { attributes, value }));
        let mut decoder = Decoder::new(Limits::default());
        let frame = decoder.decode(&mut BytesMut::from(wire), 1).unwrap().unwrap();
        let pairs = frame.reply().attributes().unwrap();
        assert_eq!(pairs.len(), 2);
        let keys: Vec<_> = pairs.map(|(key, _)| key.bytes().unwrap()).collect();
        assert_eq!(keys, [b"a", b"b"]);
    }
}
