//! The commands that wait to be sent or answered, in the order in which they go on the wire.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::output::{Loss, Lost, Output};
use crate::command::Encoded;
use crate::outcome::Fate;
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
    pub(crate) commands: Commands,
    /// How many connections in a row died while this was the oldest one unanswered on them.
    pub(crate) deaths: u8,
}

/// What an entry is made of.
#[derive(Debug)]
pub(crate) enum Commands {
    One(Sending),
    Many(Box<Group>),
}

/// What is known of the sending of one command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sending {
    /// Whether it is sent again when nobody knows whether it ran.
    pub(crate) repeat: Repeat,
    /// Whether an earlier connection has taken it in full.
    pub(crate) may_have_run: bool,
}

/// Whether a command may be sent again when nobody knows whether it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Running it twice does what running it once does, as far as its caller cares.
    Allowed,
    Forbidden,
}

/// Several commands that one caller sent as one.
#[derive(Debug)]
pub(crate) struct Group {
    /// The commands that are answered or will be, in order.
    parts: Vec<Part>,
    /// The answers that came: runs, in the order of `parts`.
    answers: Vec<Frame>,
    /// How many answers those are; `<= parts.len()`.
    answered: usize,
    /// The commands that no answer will come for.
    lost: Vec<Lost>,
}

/// One command of a group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    /// Where it is, in bytes from the group's start.
    start: usize,
    end: usize,
    /// Which command of the group it is.
    place: usize,
    sending: Sending,
}

/// How a group ended: every command is answered or lost.
#[derive(Debug)]
pub(crate) struct GroupEnd {
    /// The answers: runs, in the order of the commands that have one.
    pub(crate) answers: Vec<Frame>,
    /// The commands that have none, in order.
    pub(crate) lost: Vec<Lost>,
}

impl Sending {
    /// Of a command that was not sent yet.
    pub(crate) fn new(repeat: Repeat) -> Self {
        Self { repeat, may_have_run: false }
    }
}

impl<T> Entry<T> {
    /// A single command of `len` bytes.
    pub(crate) fn single(ticket: T, len: usize, deadline: Option<Instant>, repeat: Repeat) -> Self {
        Self { ticket: Some(ticket), len, deadline, commands: Commands::One(Sending::new(repeat)), deaths: 0 }
    }

    /// Several commands: where each ends, and whether it may be sent again.
    pub(crate) fn group(ticket: T, commands: &[(usize, Repeat)], deadline: Option<Instant>) -> Self {
        let len = commands.last().map_or(0, |(end, _)| *end);
        let mut start = 0;
        let parts = commands
            .iter()
            .enumerate()
            .map(|(place, (end, repeat))| {
                let part = Part { start, end: *end, place, sending: Sending::new(*repeat) };
                start = *end;
                part
            })
            .collect();
        let group = Box::new(Group { parts, answers: Vec::new(), answered: 0, lost: Vec::new() });
        Self { ticket: Some(ticket), len, deadline, commands: Commands::Many(group), deaths: 0 }
    }
}

impl Group {
    /// The answers that came and the losses so far.
    fn take_end(&mut self) -> GroupEnd {
        let (answers, mut lost) = (std::mem::take(&mut self.answers), std::mem::take(&mut self.lost));
        lost.sort_unstable_by_key(|lost| lost.place);
        GroupEnd { answers, lost }
    }

    /// The commands that are not answered.
    fn unanswered(&self) -> &[Part] {
        self.parts.get(self.answered..).unwrap_or_default()
    }

    /// Whether nothing more is due.
    fn is_complete(&self) -> bool {
        self.answered >= self.parts.len()
    }

    /// Looks at every part that is not answered; those for which `judge` finds a loss are lost.
    fn judge(&mut self, start: u64, mut judge: impl FnMut(Range<u64>, &mut Sending) -> Option<Lost>) {
        let answered = self.answered;
        let lost = &mut self.lost;
        let mut index = 0;
        self.parts.retain_mut(|part| {
            index += 1;
            if index <= answered {
                return true;
            }
            match judge(part.range(start), &mut part.sending) {
                None => true,
                Some(loss) => {
                    lost.push(Lost { place: part.place, ..loss });
                    false
                }
            }
        });
    }
}

impl Part {
    fn range(&self, start: u64) -> Range<u64> {
        start + self.start as u64..start + self.end as u64
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
    /// All its bytes in the write stream.
    pub(crate) fn range(&self) -> Range<u64> {
        self.start..self.start + self.entry.len as u64
    }

    /// Of a socket that has taken everything before `position`: how many answers are due from its peer.
    pub(crate) fn due(&self, position: u64) -> usize {
        match &self.entry.commands {
            Commands::One(_) => usize::from(self.range().end <= position),
            Commands::Many(group) => {
                let sent = group.parts.partition_point(|part| part.range(self.start).end <= position);
                sent.saturating_sub(group.answered)
            }
        }
    }

    /// Looks at every command that is not answered, at its bytes in the write stream and at what is known of its
    /// sending; those for which `judge` finds a loss are lost.
    pub(crate) fn judge(&mut self, mut judge: impl FnMut(Range<u64>, &mut Sending) -> Option<Lost>) -> Judged {
        let range = self.range();
        match &mut self.entry.commands {
            Commands::One(sending) => judge(range, sending).map_or(Judged::Waits, Judged::Lost),
            Commands::Many(group) => {
                group.judge(self.start, judge);
                if group.is_complete() { Judged::Complete(group.take_end()) } else { Judged::Waits }
            }
        }
    }

    /// Ends the wait of its caller: the answers that came, and for each command that has none its loss, with the fate
    /// that `fate` finds.
    pub(crate) fn tell(
        &mut self,
        ticket: T,
        loss: &Arc<Loss>,
        mut fate: impl FnMut(Range<u64>, &Sending) -> Fate,
    ) -> Output<T> {
        let range = self.range();
        match &mut self.entry.commands {
            Commands::One(sending) => Output::Lost(ticket, Lost::new(fate(range, sending), loss)),
            Commands::Many(group) => {
                let mut end = group.take_end();
                end.lost.extend(group.unanswered().iter().map(|part| {
                    let fate = fate(part.range(self.start), &part.sending);
                    Lost { place: part.place, ..Lost::new(fate, loss) }
                }));
                end.lost.sort_unstable_by_key(|lost| lost.place);
                Output::Group(ticket, end)
            }
        }
    }

    /// Drops the commands that are not answered and not `begun`, and says where their bytes are. Returns whether an answer
    /// is still due.
    pub(crate) fn cut(&mut self, begun: impl Fn(&Range<u64>) -> bool, mut skip: impl FnMut(Range<u64>)) -> bool {
        let range = self.range();
        match &mut self.entry.commands {
            Commands::One(_) if begun(&range) => true,
            Commands::One(_) => {
                skip(range);
                false
            }
            Commands::Many(group) => {
                let keep = group.unanswered().iter().take_while(|part| begun(&part.range(self.start))).count();
                for part in group.unanswered().get(keep..).unwrap_or_default() {
                    skip(part.range(self.start));
                }
                group.parts.truncate(group.answered + keep);
                keep > 0
            }
        }
    }

    /// The bytes that a new socket has to be sent.
    pub(crate) fn unanswered(&self) -> impl Iterator<Item = Range<u64>> {
        let (one, many) = match &self.entry.commands {
            Commands::One(_) => (Some(self.range()), &[][..]),
            Commands::Many(group) => (None, group.unanswered()),
        };
        one.into_iter().chain(many.iter().map(|part| part.range(self.start)))
    }
}

/// What judging an entry has come to.
#[derive(Debug)]
pub(crate) enum Judged {
    /// It still waits for an answer.
    Waits,
    /// A single command is lost.
    Lost(Lost),
    /// Of several commands, each is answered or lost.
    Complete(GroupEnd),
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
    Group(Option<T>, GroupEnd),
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
        if let Commands::Many(group) = &mut front.entry.commands {
            group.answered += frame.len();
            group.answers.push(frame);
            if !group.is_complete() {
                return (Completed::Nothing, 0);
            }
            return match self.queue.pop_front().map(|placed| placed.entry) {
                Some(Entry { ticket, len, commands: Commands::Many(mut group), .. }) => {
                    (Completed::Group(ticket, group.take_end()), len)
                }
                _ => (Completed::Unasked, 0),
            };
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

    const YES: Repeat = Repeat::Allowed;

    fn answer(value: i64) -> Frame {
        Frame::from_value(&Value::Integer(value))
    }

    fn of(entries: Vec<Entry<char>>) -> Inflight<char> {
        let mut inflight = Inflight::new();
        inflight.extend(entries.into_iter(), 100);
        inflight
    }

    #[test]
    fn answers_go_to_the_oldest_and_positions_follow_each_other() {
        let mut inflight = of(vec![Entry::single('a', 10, None, YES), Entry::single('b', 5, None, YES)]);
        assert_eq!(inflight.iter().map(Placed::range).collect::<Vec<_>>(), [100..110, 110..115]);
        assert!(matches!(inflight.handle_answer(answer(1)), (Completed::Single(Some('a'), _), 10)));
        assert!(matches!(inflight.handle_answer(answer(1)), (Completed::Single(Some('b'), _), 5)));
        assert!(matches!(inflight.handle_answer(answer(1)), (Completed::Unasked, 0)));
    }

    #[test]
    fn a_group_is_complete_with_its_last_answer() {
        let mut inflight = of(vec![Entry::group('g', &[(3, YES), (6, YES), (9, YES)], None)]);
        for _ in 0..2 {
            assert!(matches!(inflight.handle_answer(answer(1)).0, Completed::Nothing));
        }
        let (completed, settled) = inflight.handle_answer(answer(1));
        assert!(matches!(completed, Completed::Group(Some('g'), end) if end.answers.len() == 3 && end.lost.is_empty()));
        assert_eq!(settled, 9);
    }

    #[test]
    fn due_is_judged_by_the_last_byte_of_each_command() {
        let group = Entry::group('g', &[(3, YES), (6, YES), (9, YES)], None);
        let inflight = of(vec![Entry::single('a', 10, None, YES), group]);
        let due = |position| inflight.iter().map(|placed| placed.due(position)).collect::<Vec<_>>();
        assert_eq!(due(109), [0, 0]);
        assert_eq!(due(110), [1, 0]);
        assert_eq!(due(115), [1, 1]);
        assert_eq!(due(119), [1, 3]);
    }

    #[test]
    fn cutting_keeps_what_has_begun_and_says_where_the_rest_is() {
        for (position, kept, skipped) in [
            (100, false, vec![100..103, 103..106, 106..109]),
            (101, true, vec![103..106, 106..109]),
            (104, true, vec![106..109]),
            (109, true, vec![]),
        ] {
            let mut inflight = of(vec![Entry::group('g', &[(3, YES), (6, YES), (9, YES)], None)]);
            inflight.retain(|placed| {
                let mut cut = Vec::new();
                let keep = placed.cut(|range| range.start < position, |range| cut.push(range));
                assert_eq!((keep, cut), (kept, skipped.clone()), "{position}");
                true
            });
        }
    }
}
