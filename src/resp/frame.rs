//! Decoded replies as they are handed from the decoder to whoever converts them.

use std::fmt;

use bytes::Bytes;

use super::node::Node;
use super::reply::{Items, Reply};
use super::small::SmallPayload;
use super::tag::Tag;
use super::value::Value;

/// One complete reply, several in a row (a *run*), or one push: the bytes as they arrived and a flat list of the values
/// in them. There is no tree, so dropping a frame does not recurse however deep the reply was nested.
///
/// A lone scalar of up to 64 bytes is kept in the frame itself. Every other frame shares the read buffer until it is
/// dropped, and so is meant to be converted soon; see [`Reply::to_bytes`] for what may outlive it.
#[derive(Clone)]
pub struct Frame {
    content: Content,
    /// The only node, when `content` has no list of nodes.
    root: Node,
    replies: u32,
    flow: Flow,
    has_error: bool,
}

#[derive(Clone)]
enum Content {
    /// The payload of `root`, which begins at 0.
    Inline(SmallPayload),
    /// The bytes that the nodes point into. Without nodes, `root` is the only one.
    Shared { bytes: Bytes, nodes: Vec<Node> },
}

/// Whether a frame answers commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Flow {
    #[default]
    Replies,
    Push,
}

impl Frame {
    /// How many replies are in it: 1, unless it is a run. A push counts as one.
    #[expect(clippy::len_without_is_empty, reason = "a frame is never empty")]
    pub fn len(&self) -> usize {
        self.replies as usize
    }

    /// Whether it is a push: something the server sent unasked, or the confirmation of a (un)subscribe.
    pub fn is_push(&self) -> bool {
        self.flow == Flow::Push
    }

    /// Whether one of its replies is an error. Errors inside aggregates do not count.
    pub fn has_error(&self) -> bool {
        self.has_error
    }

    /// The first reply, which is the only one unless this is a run.
    pub fn reply(&self) -> Reply<'_> {
        Reply::new(self, 0)
    }

    /// The replies in the order of the stream.
    pub fn replies(&self) -> Items<'_> {
        Items::new(self, 0, self.replies)
    }

    /// A frame that holds `value`, as if it had been received (a [`Value::Push`] makes a push). For tests, and for
    /// replies that are put together from others. Recurses as deep as the value is nested.
    ///
    /// # Panics
    /// If the payloads together take 4 GiB or more.
    pub fn from_value(value: &Value) -> Self {
        let (bytes, nodes) = value.flatten();
        let mut frame = Frame::shared(bytes.into(), nodes, 1, Flow::Replies);
        let kind = frame.reply().node().tag;
        frame.has_error = kind.is_error();
        if kind == Tag::Push {
            frame.flow = Flow::Push;
        }
        frame
    }

    /// A lone scalar with the first `len` bytes of `payload`.
    #[inline(always)]
    pub(crate) fn scalar(tag: Tag, payload: SmallPayload, len: usize) -> Self {
        Frame {
            content: Content::Inline(payload),
            root: Node { tag, len: len as u32, ..Node::EMPTY },
            replies: 1,
            flow: Flow::Replies,
            has_error: tag.is_error(),
        }
    }

    /// Replies in `bytes`, with all their nodes.
    pub(crate) fn shared(bytes: Bytes, nodes: Vec<Node>, replies: u32, flow: Flow) -> Self {
        Frame { content: Content::Shared { bytes, nodes }, root: Node::EMPTY, replies, flow, has_error: false }
    }

    /// One reply in `bytes` that is a single value.
    pub(crate) fn large_scalar(bytes: Bytes, root: Node) -> Self {
        let content = Content::Shared { bytes, nodes: Vec::new() };
        Frame { content, root, replies: 1, flow: Flow::Replies, has_error: root.tag.is_error() }
    }

    /// One bulk string, which is shared and not copied.
    pub(crate) fn bulk(payload: Bytes) -> Self {
        let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        Frame::large_scalar(payload, Node { tag: Tag::BulkString, len, ..Node::EMPTY })
    }

    /// An array as the push that a server would send that could: in RESP2 there are none.
    pub(crate) fn into_push(mut self) -> Self {
        self.flow = Flow::Push;
        let nodes = match &mut self.content {
            Content::Shared { nodes, .. } if !nodes.is_empty() => &mut nodes[..],
            _ => std::slice::from_mut(&mut self.root),
        };
        let mut root = 0;
        while let Some(Node { tag: Tag::Attribute, end, .. }) = nodes.get(root) {
            root = *end as usize;
        }
        if let Some(array) = nodes.get_mut(root) {
            array.tag = Tag::Push;
        }
        self
    }

    pub(crate) fn with_error(mut self, has_error: bool) -> Self {
        self.has_error = has_error;
        self
    }

    /// Whether each of its replies is one node.
    #[inline]
    pub(crate) fn is_flat_run(&self) -> bool {
        self.nodes().len() == self.replies as usize
    }

    /// All nodes; never empty.
    #[inline]
    pub(crate) fn nodes(&self) -> &[Node] {
        match &self.content {
            Content::Shared { nodes, .. } if !nodes.is_empty() => nodes,
            _ => std::slice::from_ref(&self.root),
        }
    }

    /// What the nodes point into.
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        match &self.content {
            Content::Inline(small) => small.as_bytes(),
            Content::Shared { bytes, .. } => bytes,
        }
    }

    /// The payload of one of its nodes as a share of the frame's bytes, if the frame is large enough to be shared.
    #[inline]
    pub(crate) fn share(&self, node: Node) -> Option<Bytes> {
        let start = node.start as usize;
        match &self.content {
            Content::Shared { bytes, .. } if bytes.len() >= SHARED_FRAME => {
                Some(bytes.slice(start..start + node.len as usize))
            }
            _ => None,
        }
    }

    /// `part`, which lies in this frame, as bytes of its own or as a share of the frame's.
    pub(crate) fn to_bytes(&self, part: &[u8]) -> Bytes {
        match &self.content {
            Content::Shared { bytes, .. } if bytes.len() >= SHARED_FRAME => bytes.slice_ref(part),
            _ => Bytes::copy_from_slice(part),
        }
    }
}

/// Kinds and lengths only: payloads may be secrets.
impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: Vec<_> = self.nodes().iter().take(SHOWN_NODES).map(|node| (node.tag, node.len)).collect();
        f.debug_struct("Frame")
            .field("flow", &self.flow)
            .field("replies", &self.replies)
            .field("nodes", &self.nodes().len())
            .field("first", &shown)
            .finish()
    }
}

/// A frame below this is copied from: copying is cheap, and a share would keep a whole read buffer alive.
const SHARED_FRAME: usize = 16 << 10;
const SHOWN_NODES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_payload() {
        let frame = Frame::from_value(&Value::from(vec![Value::bulk("secret"), Value::simple("OK")]));
        let text = format!("{frame:?}");
        assert!(text.contains("BulkString") && text.contains('6') && !text.contains("secret"), "{text}");
    }

    #[test]
    fn a_frame_made_from_a_value_gives_it_back() {
        let value = Value::Attributed {
            attributes: vec![(Value::simple("ttl"), Value::Integer(5))],
            value: Box::new(Value::Map(vec![(Value::Null(crate::resp::NullForm::Array), Value::Double(-0.5))])),
        };
        let frame = Frame::from_value(&value);
        assert_eq!(frame.reply().to_value(), Ok(value));
        assert_eq!((frame.len(), frame.is_push(), frame.has_error()), (1, false, false));
        assert!(Frame::from_value(&Value::Push(vec![Value::simple("x")])).is_push());
        assert!(Frame::from_value(&Value::error("ERR no")).has_error());
    }

    #[test]
    fn an_array_is_made_a_push() {
        let array = Value::from(vec![Value::bulk("message"), Value::from(vec![Value::from(1)])]);
        let attributes = vec![(Value::simple("ttl"), Value::Integer(5))];
        for value in [array.clone(), Value::Attributed { attributes, value: Box::new(array) }] {
            let push = Frame::from_value(&value).into_push();
            assert!(push.is_push());
            let crate::resp::View::Push(items) = push.reply().view().unwrap() else { panic!("{push:?}") };
            let items: Vec<_> = items.map(|item| item.to_value().unwrap()).collect();
            assert_eq!(items, [Value::bulk("message"), Value::from(vec![Value::from(1)])]);
        }
    }

    #[test]
    fn large_replies_are_shared_and_small_ones_copied() {
        let shares = |items: usize| {
            let frame = Frame::from_value(&Value::from(vec![Value::bulk(vec![b'a'; 64]); items]));
            let crate::resp::View::Array(mut items) = frame.reply().view().unwrap() else { panic!("an array") };
            let kept = items.next().unwrap().to_bytes().unwrap();
            frame.bytes().as_ptr_range().contains(&kept.as_ptr())
        };
        assert!(shares(1000));
        assert!(!shares(10));
    }
}
