//! A message as subscribers get it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::command::{ConversionError, FromReply};
use crate::connection::{Topic, TopicKind};
use crate::resp::{Frame, Reply, View};

/// A message that was published to a channel.
///
/// Cloning it is cheap: the payload is shared, with everybody else too who got this message here. Payloads of less than
/// 64 KiB have memory of their own, larger ones keep alive what they were read into, which is hardly more.
#[derive(Clone)]
pub struct Message(Arc<Letter>);

struct Letter {
    kind: TopicKind,
    channel: Bytes,
    /// What was subscribed to and matches the channel.
    pattern: Option<Bytes>,
    payload: Bytes,
}

/// A message as it arrives.
pub(super) struct Published<'a> {
    pub(super) kind: TopicKind,
    /// What was subscribed to: the name of a channel, or a pattern.
    pub(super) topic: &'a [u8],
    /// The channel, where a pattern was subscribed to.
    channel: Option<&'a [u8]>,
    payload: Reply<'a>,
}

impl Message {
    /// The channel that it was published to. Compares with strings: `message.channel() == "news"`.
    pub fn channel(&self) -> &Bytes {
        &self.0.channel
    }

    /// The channel as text; what is no UTF-8 is replaced by `U+FFFD`.
    pub fn channel_text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0.channel)
    }

    /// The pattern by which it came, if it came by one: a message that several topics of one subscription match comes once
    /// for each of them.
    pub fn pattern(&self) -> Option<&Bytes> {
        self.0.pattern.as_ref()
    }

    /// Whether it was published to a sharded channel (`SPUBLISH`).
    pub fn is_shard(&self) -> bool {
        self.0.kind == TopicKind::Shard
    }

    /// What was published.
    pub fn payload(&self) -> &Bytes {
        &self.0.payload
    }

    /// What was published, as text; what is no UTF-8 is replaced by `U+FFFD`.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0.payload)
    }

    /// What was published, converted as the answer of a `GET` would be.
    ///
    /// # Errors
    /// If it can't be read so: text that is no number, for example.
    pub fn read<T: FromReply>(&self) -> Result<T, ConversionError> {
        T::from_reply(Frame::bulk(self.0.payload.clone()).reply())
    }

    /// What was subscribed to.
    pub fn topic(&self) -> Topic {
        let name = self.0.pattern.as_ref().unwrap_or(&self.0.channel).clone();
        Topic { kind: self.0.kind, name }
    }

    /// About how much memory it takes up, what is shared not counted.
    pub(super) fn size(&self) -> usize {
        let channel = if self.0.pattern.is_some() { self.0.channel.len() } else { 0 };
        self.0.payload.len() + channel + OVERHEAD
    }
}

impl<'a> Published<'a> {
    /// `None` for what is no message.
    pub(super) fn read(push: Reply<'a>) -> Option<Self> {
        let (View::Push(mut items) | View::Array(mut items)) = push.view().ok()? else { return None };
        let (kind, length) = match items.next()?.bytes()? {
            b"message" => (TopicKind::Channel, 2),
            b"pmessage" => (TopicKind::Pattern, 3),
            b"smessage" => (TopicKind::Shard, 2),
            _ => return None,
        };
        if items.len() != length {
            return None;
        }
        let topic = items.next()?.bytes()?;
        let channel = if kind == TopicKind::Pattern { Some(items.next()?.bytes()?) } else { None };
        let payload = items.next()?;
        payload.bytes()?;
        Some(Self { kind, topic, channel, payload })
    }

    /// The message, to be kept. `topic`: the name of what was subscribed to, to be shared.
    pub(super) fn message(&self, topic: &Bytes) -> Message {
        let bytes = self.payload.bytes().unwrap_or_default();
        let payload = if bytes.len() >= SHARED { self.payload.to_bytes() } else { None };
        let (channel, pattern) = match self.channel {
            Some(channel) => (Bytes::copy_from_slice(channel), Some(topic.clone())),
            None => (topic.clone(), None),
        };
        let payload = payload.unwrap_or_else(|| Bytes::copy_from_slice(bytes));
        Message(Arc::new(Letter { kind: self.kind, channel, pattern, payload }))
    }
}

/// Channel, pattern and length of the payload: payloads may be secrets.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Message");
        shown.field("channel", &self.0.channel);
        if let Some(pattern) = &self.0.pattern {
            shown.field("pattern", pattern);
        }
        shown.field("payload_len", &self.0.payload.len()).finish_non_exhaustive()
    }
}

/// A payload below this is copied: copying is cheap, and a share would keep a whole read buffer alive.
const SHARED: usize = 64 << 10;

/// What a message takes up beside its bytes: itself, its places in queues, and allocations.
const OVERHEAD: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::Value;

    fn push(words: &[&str], payload: usize) -> Frame {
        let mut items: Vec<Value> = words.iter().map(|word| Value::from(*word)).collect();
        items.push(Value::bulk(vec![b'x'; payload]));
        Frame::from_value(&Value::Push(items))
    }

    fn message(frame: &Frame) -> Message {
        let published = Published::read(frame.reply()).unwrap();
        let topic = Bytes::copy_from_slice(published.topic);
        published.message(&topic)
    }

    #[test]
    fn a_message_knows_where_it_comes_from() {
        let plain = message(&push(&["message", "news"], 3));
        assert!(plain.channel() == "news" && plain.pattern().is_none() && !plain.is_shard());
        let matched = message(&push(&["pmessage", "n*", "news"], 3));
        assert!(matched.channel() == "news" && matched.pattern().is_some_and(|pattern| pattern == "n*"));
        assert_eq!(matched.topic().name, "n*");
        let shard = message(&push(&["smessage", "news"], 3));
        assert!(shard.channel_text() == "news" && shard.is_shard() && shard.text() == "xxx");
    }

    #[test]
    fn a_payload_is_read_as_an_answer_is() {
        let frame = Frame::from_value(&Value::Push(["message", "n", "42"].map(Value::from).to_vec()));
        let message = message(&frame);
        assert_eq!((message.read::<u8>().unwrap(), message.read::<String>().unwrap()), (42, "42".to_owned()));
        assert!(message.read::<bool>().is_err());
    }

    #[test]
    fn what_is_no_message_is_left_to_others() {
        for words in
            [&["invalidate"][..], &["message"], &["message", "a", "b"], &["pmessage", "a"], &["subscribe", "a"]]
        {
            assert!(Published::read(push(words, 1).reply()).is_none(), "{words:?}");
        }
        assert!(Published::read(Frame::from_value(&Value::from("message")).reply()).is_none());
        let nested = Value::Push(vec![Value::from("message"), Value::from("a"), Value::from(vec![])]);
        assert!(Published::read(Frame::from_value(&nested).reply()).is_none());
    }

    #[test]
    fn a_message_of_resp2_is_an_array() {
        let frame = Frame::from_value(&Value::Array(["message", "n", "x"].map(Value::from).to_vec()));
        assert_eq!(message(&frame).payload(), "x");
    }

    #[test]
    fn small_payloads_keep_no_read_buffer_and_large_ones_are_not_copied() {
        for (size, is_shared) in [(100, false), (SHARED - 1, false), (SHARED, true)] {
            let frame = push(&["message", "news"], size);
            let message = message(&frame);
            assert_eq!(frame.bytes().as_ptr_range().contains(&message.payload().as_ptr()), is_shared, "{size}");
        }
    }

    #[test]
    fn debug_shows_no_payload() {
        let text = format!("{:?}", message(&push(&["message", "news"], 7)));
        assert!(text.contains("news") && text.contains('7') && !text.contains("xxx"), "{text}");
    }
}
