//! One reply put together from replies of several frames, as if one server had sent it.

use super::frame::{Flow, Frame};
use super::node::Node;
use super::reply::Reply;
use super::tag::Tag;

/// An array while its elements are put in.
#[derive(Debug)]
pub(crate) struct Joined {
    /// The payloads, one after the other.
    bytes: Vec<u8>,
    /// The array's own node, and behind it those of its elements.
    nodes: Vec<Node>,
}

/// The elements take up 4 GiB or more together: a frame cannot hold them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

impl Joined {
    /// An array without elements.
    pub(crate) fn array() -> Self {
        Self { bytes: Vec::new(), nodes: vec![Node { tag: Tag::Array, ..Node::EMPTY }] }
    }

    /// Adds an element: the reply with all that is in it, its attributes too.
    pub(crate) fn push(&mut self, reply: Reply<'_>) -> Result<(), TooLarge> {
        let base = place(self.nodes.len())?;
        let mut first = None;
        for part in reply.parts() {
            let node = part.node();
            let first = *first.get_or_insert(part.index());
            let start = place(self.bytes.len())?;
            self.bytes.extend_from_slice(part.raw());
            let end = (node.end - first).checked_add(base).ok_or(TooLarge)?;
            self.nodes.push(Node { start, end, ..node });
        }
        if let Some(array) = self.nodes.first_mut() {
            array.len += 1;
        }
        Ok(())
    }

    /// The array as a frame of its own.
    pub(crate) fn finish(mut self) -> Result<Frame, TooLarge> {
        place(self.bytes.len())?;
        let end = place(self.nodes.len())?;
        if let Some(array) = self.nodes.first_mut() {
            array.end = end;
        }
        Ok(Frame::shared(self.bytes.into(), self.nodes, 1, Flow::Replies))
    }
}

fn place(number: usize) -> Result<u32, TooLarge> {
    u32::try_from(number).map_err(|_| TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::{NullForm, Value};

    #[test]
    fn an_array_of_replies_has_them_as_they_were() {
        let attributed = Value::Attributed {
            attributes: vec![(Value::simple("ttl"), Value::Integer(5))],
            value: Box::new(Value::Array(vec![Value::bulk("in it"), Value::Map(vec![])])),
        };
        let values = [
            Value::bulk("a"),
            Value::Null(NullForm::Bulk),
            attributed,
            Value::Map(vec![(Value::bulk("k"), Value::Double(1.5))]),
            Value::error("WRONGTYPE no"),
        ];
        let frames: Vec<Frame> = values.iter().map(Frame::from_value).collect();
        let mut joined = Joined::array();
        for frame in &frames {
            joined.push(frame.reply()).unwrap();
        }
        let joined = joined.finish().unwrap();
        assert_eq!(joined.reply().to_value(), Ok(Value::Array(values.to_vec())));
        assert_eq!((joined.len(), joined.is_push(), joined.has_error()), (1, false, false));
    }

    #[test]
    fn elements_of_arrays_are_joined_one_by_one() {
        let elements =
            |texts: &[&str]| Frame::from_value(&Value::Array(texts.iter().map(|text| (*text).into()).collect()));
        let (one, two) = (elements(&["a", "b"]), elements(&["c"]));
        let mut joined = Joined::array();
        for frame in [&two, &one] {
            let crate::resp::View::Array(items) = frame.reply().view().unwrap() else { panic!("an array") };
            for item in items {
                joined.push(item).unwrap();
            }
        }
        let expected = Value::Array(vec!["c".into(), "a".into(), "b".into()]);
        assert_eq!(joined.finish().unwrap().reply().to_value(), Ok(expected));
        assert_eq!(Joined::array().finish().unwrap().reply().to_value(), Ok(Value::Array(vec![])));
    }
}
