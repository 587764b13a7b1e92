//! The list of nodes while it grows, and the aggregates that are not complete yet.

use super::error::Reason;
use super::node::{Nesting, Node};
use super::tag::Tag;

/// Nodes of the replies being read, in wire order. Aggregates are kept on an explicit stack, so nothing recurses.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    nodes: Vec<Node>,
    open: Vec<Open>,
    /// Values still to come of an aggregate past the depth limit, which are read and not kept; 0 when there is none.
    skipping: u64,
    /// An attribute is complete and the value it describes has not begun.
    attribute_waits: bool,
    /// A push is among the open aggregates.
    push_open: bool,
}

/// An aggregate that is not complete.
#[derive(Debug)]
struct Open {
    node: u32,
    form: Form,
    /// What `attribute_waits` was when the aggregate began.
    described: bool,
    /// Values to come, at least 1. Of a streamed aggregate: values until its limit is passed.
    left: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The number of elements was announced.
    Counted,
    /// An end mark will come; the number of elements is the limit.
    Streamed,
}

/// The header of an aggregate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) tag: Tag,
    /// Place of the type byte.
    pub(crate) start: usize,
    /// Elements; pairs, for maps and attributes.
    pub(crate) elements: u32,
    pub(crate) form: Form,
}

impl Header {
    /// Values that belong to the aggregate; one more than it may have, if it is streamed.
    fn values(self) -> u64 {
        let values = u64::from(self.elements) * u64::from(self.tag.values_per_element());
        if self.form == Form::Streamed { values + 1 } else { values }
    }
}

/// What became complete with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Done {
    /// No reply: something around the value is open, or it was an attribute.
    Part,
    /// A whole reply.
    Reply,
    /// A push inside an aggregate, which began at this node and is not counted yet.
    InnerPush(usize),
}

impl Tape {
    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Whether a value that begins now is a reply of its own.
    pub(crate) fn is_at_top(&self) -> bool {
        self.open.is_empty() && self.skipping == 0
    }

    /// Makes room for nodes; the caller bounds it by what has arrived.
    pub(crate) fn reserve(&mut self, nodes: usize) {
        self.nodes.reserve(nodes);
    }

    /// Adds a value without elements.
    #[inline]
    pub(crate) fn leaf(&mut self, tag: Tag, start: usize, len: usize) -> Result<Done, Reason> {
        if self.skipping > 0 {
            return self.value_skipped();
        }
        self.attribute_waits = false;
        self.push(tag, start, len as u32, Nesting::Kept);
        self.value_done()
    }

    /// Adds values without elements to the open aggregate as long as `next` has some, all but the one that completes
    /// it.
    #[inline]
    pub(crate) fn leaves(&mut self, mut next: impl FnMut() -> Option<(Tag, usize, usize)>) {
        let Some(open) = self.open.last_mut().filter(|_| self.skipping == 0) else { return };
        while open.left > 1 {
            let Some((tag, start, len)) = next() else { break };
            self.attribute_waits = false;
            open.left -= 1;
            let end = self.nodes.len() as u32 + 1;
            self.nodes.push(Node { start: start as u32, len: len as u32, end, tag, nesting: Nesting::Kept });
        }
    }

    /// Begins an aggregate. With `depth` others open it is past the limit, and its values are only followed to find
    /// its end.
    pub(crate) fn aggregate(&mut self, header: Header, depth: u32) -> Result<Done, Reason> {
        let Header { tag, start, elements, form } = header;
        if self.skipping > 0 || self.open.len() >= depth as usize {
            return self.aggregate_too_deep(header);
        }
        if tag == Tag::Push {
            if self.push_open {
                return Err(Reason::NestedPush);
            }
            self.push_open = true;
        }
        let described = std::mem::take(&mut self.attribute_waits);
        let node = self.push(tag, start, elements, Nesting::Kept);
        self.open.push(Open { node, form, described, left: header.values() });
        if header.values() > 0 { Ok(Done::Part) } else { self.close() }
    }

    #[cold]
    fn aggregate_too_deep(&mut self, header: Header) -> Result<Done, Reason> {
        let Header { tag, start, form, .. } = header;
        if form == Form::Streamed {
            return Err(Reason::TooDeep);
        }
        if tag == Tag::Push {
            return Err(Reason::NestedPush);
        }
        let is_first = self.skipping == 0;
        if is_first {
            self.attribute_waits = false;
            self.push(tag, start, 0, Nesting::TooDeep);
            // The aggregate itself, until it is counted below.
            self.skipping = 1;
        }
        // A header of a few bytes may announce billions, so the sum has to be checked.
        self.skipping = self.skipping.checked_add(header.values()).ok_or(Reason::TooManyElements)?;
        if tag == Tag::Attribute && !is_first {
            return Ok(Done::Part);
        }
        self.value_skipped()
    }

    /// Ends the streamed aggregate that is open.
    pub(crate) fn end(&mut self) -> Result<Done, Reason> {
        let open = match self.open.last() {
            Some(open) if open.form == Form::Streamed && self.skipping == 0 && !self.attribute_waits => open,
            _ => return Err(Reason::UnexpectedEnd),
        };
        if let Some(node) = self.nodes.get_mut(open.node as usize) {
            let per_element = node.tag.values_per_element();
            let seen = (u64::from(node.len) * u64::from(per_element) + 1 - open.left) as u32;
            if seen % per_element != 0 {
                return Err(Reason::MissingValue);
            }
            node.len = seen / per_element;
        }
        self.close()
    }

    /// Lets a push inside an aggregate be one of its values.
    pub(crate) fn count_inner_push(&mut self) -> Result<Done, Reason> {
        self.attribute_waits = false;
        self.value_done()
    }

    /// Takes the nodes of the push that began at node `first` out of the list, as those of a frame of their own that
    /// begins with the push, and says where that is.
    pub(crate) fn cut(&mut self, first: usize) -> (Vec<Node>, usize) {
        let mut nodes = self.nodes.split_off(first);
        let start = nodes.first().map_or(0, |node| node.start);
        rebase(&mut nodes, first as u32, start);
        (nodes, start as usize)
    }

    /// Takes the first `nodes` nodes, which lie in the first `bytes` bytes. What is left begins anew at zero.
    pub(crate) fn split_to(&mut self, nodes: usize, bytes: usize) -> Vec<Node> {
        let rest = if nodes < self.nodes.len() { self.nodes.split_off(nodes) } else { Vec::new() };
        let taken = std::mem::replace(&mut self.nodes, rest);
        rebase(&mut self.nodes, nodes as u32, bytes as u32);
        for open in &mut self.open {
            open.node -= nodes as u32;
        }
        taken
    }

    /// Forgets the nodes, and keeps their room, when no aggregate is open.
    pub(crate) fn clear(&mut self) {
        self.nodes.clear();
    }

    #[inline]
    fn push(&mut self, tag: Tag, start: usize, len: u32, nesting: Nesting) -> u32 {
        let node = self.nodes.len() as u32;
        self.nodes.push(Node { start: start as u32, len, end: node + 1, tag, nesting });
        node
    }

    /// Counts a value that was kept.
    #[inline]
    fn value_done(&mut self) -> Result<Done, Reason> {
        match self.open.last_mut() {
            None => Ok(Done::Reply),
            Some(open) if open.left > 1 => {
                open.left -= 1;
                Ok(Done::Part)
            }
            Some(open) if open.form == Form::Streamed => Err(Reason::TooManyElements),
            Some(_) => self.close(),
        }
    }

    /// Counts a value that was not kept; the last one ends the aggregate past the limit.
    #[cold]
    fn value_skipped(&mut self) -> Result<Done, Reason> {
        self.skipping -= 1;
        if self.skipping > 0 {
            return Ok(Done::Part);
        }
        if self.nodes.last().is_some_and(|node| node.tag == Tag::Attribute) {
            self.attribute_waits = true;
            return Ok(Done::Part);
        }
        self.value_done()
    }

    /// Closes the open aggregate, and those around it that become complete.
    fn close(&mut self) -> Result<Done, Reason> {
        let end = self.nodes.len() as u32;
        while let Some(open) = self.open.pop() {
            let Some(node) = self.nodes.get_mut(open.node as usize) else { break };
            node.end = end;
            match node.tag {
                Tag::Attribute => {
                    self.attribute_waits = true;
                    return Ok(Done::Part);
                }
                Tag::Push => {
                    self.push_open = false;
                    if !self.open.is_empty() {
                        self.attribute_waits = open.described;
                        return Ok(Done::InnerPush(open.node as usize));
                    }
                }
                _ => {}
            }
            match self.open.last_mut() {
                None => break,
                Some(around) if around.left > 1 => {
                    around.left -= 1;
                    return Ok(Done::Part);
                }
                Some(around) if around.form == Form::Streamed => return Err(Reason::TooManyElements),
                Some(_) => {}
            }
        }
        Ok(Done::Reply)
    }
}

fn rebase(nodes: &mut [Node], first: u32, start: u32) {
    for node in nodes {
        // The end of an aggregate that is open is not known yet.
        node.end = node.end.saturating_sub(first);
        node.start -= start;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(tag: Tag, elements: u32) -> Header {
        Header { tag, start: 0, elements, form: Form::Counted }
    }

    fn streamed(tag: Tag, elements: u32) -> Header {
        Header { form: Form::Streamed, ..header(tag, elements) }
    }

    fn leaf(tape: &mut Tape) -> Result<Done, Reason> {
        tape.leaf(Tag::Integer, 0, 1)
    }

    fn ends(tape: &Tape) -> Vec<u32> {
        tape.nodes().iter().map(|node| node.end).collect()
    }

    #[test]
    fn the_last_value_closes_everything_around_it() {
        let mut tape = Tape::default();
        assert_eq!(tape.aggregate(header(Tag::Array, 2), 9), Ok(Done::Part));
        assert_eq!(leaf(&mut tape), Ok(Done::Part));
        assert_eq!(tape.aggregate(header(Tag::Map, 1), 9), Ok(Done::Part));
        assert_eq!(leaf(&mut tape), Ok(Done::Part));
        assert_eq!(tape.aggregate(header(Tag::Set, 0), 9), Ok(Done::Reply));
        assert!(tape.is_at_top());
        assert_eq!(ends(&tape), [5, 2, 5, 4, 5]);
    }

    #[test]
    fn an_attribute_is_no_value() {
        let mut tape = Tape::default();
        assert_eq!(tape.aggregate(header(Tag::Attribute, 1), 9), Ok(Done::Part));
        assert_eq!(leaf(&mut tape), Ok(Done::Part));
        assert_eq!(leaf(&mut tape), Ok(Done::Part));
        assert_eq!(leaf(&mut tape), Ok(Done::Reply));
    }

    #[test]
    fn a_streamed_aggregate_is_counted_at_its_end() {
        let mut tape = Tape::default();
        tape.aggregate(streamed(Tag::Map, 2), 9).unwrap();
        leaf(&mut tape).unwrap();
        assert_eq!(tape.end(), Err(Reason::MissingValue));
        leaf(&mut tape).unwrap();
        assert_eq!(tape.end(), Ok(Done::Reply));
        assert_eq!(tape.nodes()[0].len, 1);
    }

    #[test]
    fn a_streamed_aggregate_has_a_limit_too() {
        let mut tape = Tape::default();
        tape.aggregate(streamed(Tag::Array, 2), 9).unwrap();
        assert_eq!(leaf(&mut tape), Ok(Done::Part));
        assert_eq!(leaf(&mut tape), Ok(Done::Part));
        assert_eq!(leaf(&mut tape), Err(Reason::TooManyElements));
    }

    #[test]
    fn an_attribute_needs_a_value_also_when_a_push_stood_in_between() {
        let mut tape = Tape::default();
        tape.aggregate(streamed(Tag::Array, 9), 9).unwrap();
        tape.aggregate(header(Tag::Attribute, 0), 9).unwrap();
        tape.aggregate(header(Tag::Push, 1), 9).unwrap();
        assert_eq!(leaf(&mut tape), Ok(Done::InnerPush(2)));
        assert_eq!(tape.cut(2).0.len(), 2);
        assert_eq!(tape.end(), Err(Reason::UnexpectedEnd));
        leaf(&mut tape).unwrap();
        assert_eq!(tape.end(), Ok(Done::Reply));
    }

    #[test]
    fn what_is_past_the_limit_is_one_node() {
        let mut tape = Tape::default();
        tape.aggregate(header(Tag::Array, 2), 1).unwrap();
        // An array of a set of two with an attribute, and an empty array.
        tape.aggregate(header(Tag::Array, 2), 1).unwrap();
        tape.aggregate(header(Tag::Attribute, 1), 1).unwrap();
        leaf(&mut tape).unwrap();
        leaf(&mut tape).unwrap();
        tape.aggregate(header(Tag::Set, 2), 1).unwrap();
        leaf(&mut tape).unwrap();
        leaf(&mut tape).unwrap();
        assert!(!tape.is_at_top());
        assert_eq!(tape.aggregate(header(Tag::Array, 0), 1), Ok(Done::Part));
        assert_eq!(leaf(&mut tape), Ok(Done::Reply));
        assert_eq!(ends(&tape), [3, 2, 3]);
        assert_eq!(tape.nodes()[1].nesting, Nesting::TooDeep);
    }

    #[test]
    fn counts_that_do_not_fit_are_refused() {
        let mut tape = Tape::default();
        let billions = header(Tag::Map, u32::MAX);
        assert_eq!(tape.aggregate(billions, 0), Ok(Done::Part));
        assert_eq!(tape.aggregate(billions, 0), Ok(Done::Part));
        assert_eq!(tape.skipping, 4 * u64::from(u32::MAX) - 1);
        tape.skipping = u64::MAX - 1;
        assert_eq!(tape.aggregate(billions, 0), Err(Reason::TooManyElements));
    }
}
