//! The commands that wait to be sent or answered, in the order in which they go on the wire.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Instant;

use crate::command::Encoded;
use crate::resp::Frame;

/// What callers have put in since the last look: bytes, and whose they are.
#[derive(Debug)]
pub(crate) struct Batch<T> {
    /// The bytes of all entries, in their order.
    pub(crate) log: Encoded,
    /// One entry a caller.
    pub(crate) entries: Vec<Entry<T>>,
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Self { log: Encoded::default(), entries: Vec::new() }
    }
}

/// One caller's command, or several that it sent as one.
#[derive(Debug)]
pub(crate) struct Entry<T> {
    /// Whom to answer; `None` once the caller has been told that no answer will come. The place in the order stays:
    /// the reply will come, and belongs to nobody else.
    pub(crate) ticket: Option<T>,
    /// How many bytes it has on the wire.
    pub(crate) len: usize,
    /// When the caller stops waiting; `None` is never.
    pub(crate) deadline: Option<Instant>,
    /// Of several commands, what is known of each.
    pub(crate) group: Option<Box<Group>>,
}

/// Several commands that one caller sent as one.
#[derive(Debug)]
pub(crate) struct Group {
    /// Where each command ends, in bytes from the first one's start. Not empty.
    ends: Vec<usize>,
    /// The answers that came: runs, in order.
    answers: Vec<Frame>,
    /// How many answers those are; `<= ends.len()`.
    answered: usize,
}

impl<T> Entry<T> {
    /// A single command of `len` bytes.
    pub(crate) fn single(ticket: T, len: usize, deadline: Option<Instant>) -> Self {
        Self { ticket: Some(ticket), len, deadline, group: None }
    }

    /// Several commands; `ends` says where each ends.
    pub(crate) fn group(ticket: T, ends: Vec<usize>, deadline: Option<Instant>) -> Self {
        let len = ends.last().copied().unwrap_or_default();
        let group = Box::new(Group { ends, answers: Vec::new(), answered: 0 });
        Self { ticket: Some(ticket), len, deadline, group: Some(group) }
    }
}

/// An entry with its place in the write stream.
#[derive(Debug)]
pub(crate) struct Placed<T> {
    pub(crate) entry: Entry<T>,
    /// Where its first byte stands.
    pub(crate) start: u64,
}

impl<T> Placed<T> {
    /// Its bytes in the write stream.
    pub(crate) fn range(&self) -> Range<u64> {
        self.start..self.start + self.entry.len as u64
    }

    /// Of a socket that has taken everything before `position`: how many of its commands it has taken in full.
    pub(crate) fn sent(&self, position: u64) -> usize {
        match &self.entry.group {
            None => usize::from(self.range().end <= position),
            Some(group) => {
                let taken = usize::try_from(position.saturating_sub(self.start)).unwrap_or(usize::MAX);
                group.ends.partition_point(|end| *end <= taken)
            }
        }
    }

    /// How many of its commands a socket that has taken everything before `position` has taken a byte of.
    pub(crate) fn begun(&self, position: u64) -> usize {
        if position <= self.start {
            return 0;
        }
        match &self.entry.group {
            None => 1,
            Some(group) => (self.sent(position - 1) + 1).min(group.ends.len()),
        }
    }

    /// Drops the commands of which a socket that has taken everything before `position` has taken nothing; returns
    /// their bytes in the write stream, which must not be sent.
    pub(crate) fn cut_at(&mut self, position: u64) -> Option<Range<u64>> {
        let begun = self.begun(position);
        let end = self.range().end;
        if begun == 0 {
            self.entry.len = 0;
        } else if let Some(group) = &mut self.entry.group {
            group.ends.truncate(begun);
            self.entry.len = group.ends.last().copied().unwrap_or_default();
        }
        Some(self.range().end..end).filter(|tail| !tail.is_empty())
    }

    /// Of several commands, the answers that came.
    pub(crate) fn take_answers(&mut self) -> Vec<Frame> {
        self.entry.group.as_mut().map(|group| std::mem::take(&mut group.answers)).unwrap_or_default()
    }

    /// How many of its commands are answered.
    pub(crate) fn answered(&self) -> usize {
        self.entry.group.as_ref().map_or(0, |group| group.answered)
    }
}

/// All commands that are not answered, oldest first.
#[derive(Debug)]
pub(crate) struct Inflight<T> {
    queue: VecDeque<Placed<T>>,
    /// No deadline is before this; `None` if there is none at all.
    earliest: Option<Instant>,
}

/// What an answer completed.
#[derive(Debug)]
pub(crate) enum Completed<T> {
    /// A single command; `None`: the caller has stopped waiting.
    Single(Option<T>, Frame),
    /// The last of several commands.
    Group(Option<T>, Vec<Frame>),
    /// Answers of a group that waits for more.
    Nothing,
    /// No command was waiting for an answer.
    Unasked,
}

impl<T> Inflight<T> {
    pub(crate) fn new() -> Self {
        Self { queue: VecDeque::new(), earliest: None }
    }

    /// Adds entries whose bytes begin at `start` of the write stream.
    pub(crate) fn extend(&mut self, entries: impl Iterator<Item = Entry<T>>, mut start: u64) {
        for entry in entries {
            if let Some(deadline) = entry.deadline {
                self.earliest = Some(self.earliest.map_or(deadline, |earliest| earliest.min(deadline)));
            }
            let len = entry.len as u64;
            self.queue.push_back(Placed { entry, start });
            start += len;
        }
    }

    /// How many callers are waiting.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether nobody is waiting.
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The oldest.
    pub(crate) fn front(&self) -> Option<&Placed<T>> {
        self.queue.front()
    }

    /// All, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Placed<T>> {
        self.queue.iter()
    }

    /// No deadline is before this.
    pub(crate) fn earliest(&self) -> Option<Instant> {
        self.earliest
    }

    /// Gives a frame of answers to the oldest; returns also how many bytes of the write stream that settled.
    pub(crate) fn handle_answer(&mut self, frame: Frame) -> (Completed<T>, usize) {
        let Some(front) = self.queue.front_mut() else { return (Completed::Unasked, 0) };
        if let Some(group) = &mut front.entry.group {
            group.answered += frame.len();
            group.answers.push(frame);
            if group.answered < group.ends.len() {
                return (Completed::Nothing, 0);
            }
            let answers = std::mem::take(&mut group.answers);
            let Some(placed) = self.queue.pop_front() else { return (Completed::Unasked, 0) };
            return (Completed::Group(placed.entry.ticket, answers), placed.entry.len);
        }
        match self.queue.pop_front() {
            Some(placed) => (Completed::Single(placed.entry.ticket, frame), placed.entry.len),
            None => (Completed::Unasked, 0),
        }
    }

    /// Looks at every entry; those for which `keep` says `false` are removed from the order.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&mut Placed<T>) -> bool) {
        self.queue.retain_mut(&mut keep);
        self.earliest =
            self.queue.iter().filter(|placed| placed.entry.ticket.is_some()).filter_map(|p| p.entry.deadline).min();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::Value;

    fn answer(value: i64) -> Frame {
        Frame::from_value(&Value::Integer(value))
    }

    #[test]
    fn answers_go_to_the_oldest_and_positions_follow_each_other() {
        let mut inflight = Inflight::new();
        inflight.extend([Entry::single('a', 10, None), Entry::single('b', 5, None)].into_iter(), 100);
        assert_eq!(inflight.iter().map(Placed::range).collect::<Vec<_>>(), [100..110, 110..115]);
        assert!(matches!(inflight.handle_answer(answer(1)), (Completed::Single(Some('a'), _), 10)));
        assert!(matches!(inflight.handle_answer(answer(1)), (Completed::Single(Some('b'), _), 5)));
        assert!(matches!(inflight.handle_answer(answer(1)), (Completed::Unasked, 0)));
    }

    #[test]
    fn a_group_is_complete_with_its_last_answer() {
        let mut inflight = Inflight::new();
        inflight.extend([Entry::group('g', vec![3, 6, 9], None)].into_iter(), 0);
        for answered in [0, 1] {
            assert_eq!(inflight.front().unwrap().answered(), answered);
            assert!(matches!(inflight.handle_answer(answer(1)).0, Completed::Nothing));
        }
        let (completed, settled) = inflight.handle_answer(answer(1));
        assert!(matches!(completed, Completed::Group(Some('g'), answers) if answers.len() == 3));
        assert_eq!(settled, 9);
    }

    #[test]
    fn cutting_keeps_what_has_begun_and_gives_back_the_rest() {
        let group = || {
            let mut inflight = Inflight::new();
            inflight.extend([Entry::group('g', vec![3, 6, 9], None)].into_iter(), 100);
            inflight
        };
        for (position, begun, tail) in [
            (100, 0, Some(100..109)),
            (101, 1, Some(103..109)),
            (103, 1, Some(103..109)),
            (104, 2, Some(106..109)),
            (109, 3, None),
        ] {
            let mut inflight = group();
            inflight.retain(|placed| {
                assert_eq!(placed.begun(position), begun, "{position}");
                assert_eq!(placed.cut_at(position), tail, "{position}");
                true
            });
        }
    }

    #[test]
    fn sent_is_judged_by_the_last_byte_of_each_command() {
        let mut inflight = Inflight::new();
        inflight.extend([Entry::single('a', 10, None), Entry::group('g', vec![3, 6, 9], None)].into_iter(), 100);
        let sent = |position| inflight.iter().map(|placed| placed.sent(position)).collect::<Vec<_>>();
        assert_eq!(sent(109), [0, 0]);
        assert_eq!(sent(110), [1, 0]);
        assert_eq!(sent(115), [1, 1]);
        assert_eq!(sent(119), [1, 3]);
    }
}
