//! Several commands that one caller sent as one, and that are judged one by one: a pipeline.

use std::ops::Range;

use super::inflight::{Repeat, Sending};
use super::output::Lost;
use crate::resp::Frame;

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
    pub(crate) sending: Sending,
}

/// How a group ended: every command is answered or lost.
#[derive(Debug, Default)]
pub(crate) struct GroupEnd {
    /// The answers: runs, in the order of the commands that have one.
    pub(crate) answers: Vec<Frame>,
    /// The commands that have none, in order.
    pub(crate) lost: Vec<Lost>,
    /// The commands whose answers are to a second sending, in order.
    pub(crate) again: Vec<usize>,
}

impl Group {
    /// Of commands that were not sent yet: where each ends, and whether it may be sent again.
    pub(crate) fn new(commands: &[(usize, Repeat)]) -> Self {
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
        Self { parts, answers: Vec::new(), answered: 0, lost: Vec::new() }
    }

    /// Of a group that begins at `start`, on a socket that has taken everything before `position`: how many answers are
    /// due from its peer.
    pub(crate) fn due(&self, start: u64, position: u64) -> usize {
        let sent = self.parts.partition_point(|part| part.range(start).end <= position);
        sent.saturating_sub(self.answered)
    }

    /// The commands that are not answered.
    pub(crate) fn unanswered(&self) -> &[Part] {
        self.parts.get(self.answered..).unwrap_or_default()
    }

    /// Whether nothing more is due.
    pub(crate) fn is_complete(&self) -> bool {
        self.answered >= self.parts.len()
    }

    /// Takes answers; those that nobody waits for are not kept.
    pub(crate) fn handle_answers(&mut self, frame: Frame, is_awaited: bool) {
        self.answered += frame.len();
        if is_awaited {
            self.answers.push(frame);
        }
    }

    /// The answers that came and the losses so far.
    pub(crate) fn take_end(&mut self) -> GroupEnd {
        let (answers, mut lost) = (std::mem::take(&mut self.answers), std::mem::take(&mut self.lost));
        lost.sort_unstable_by_key(|lost| lost.place);
        let answered = self.parts.iter().take(self.answered);
        let again = answered.filter(|part| part.sending.may_have_run).map(|part| part.place).collect();
        GroupEnd { answers, lost, again }
    }

    /// The same, and a loss for each command that is not answered.
    pub(crate) fn give_up(&mut self, mut loss: impl FnMut(&Part) -> Lost) -> GroupEnd {
        let mut end = self.take_end();
        end.lost.extend(self.unanswered().iter().map(|part| Lost { place: part.place, ..loss(part) }));
        end.lost.sort_unstable_by_key(|lost| lost.place);
        end
    }

    /// Looks at every part that is not answered; those for which `judge` finds a loss are lost.
    pub(crate) fn judge(&mut self, start: u64, mut judge: impl FnMut(Range<u64>, &mut Sending) -> Option<Lost>) {
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

    /// Drops the commands that are not answered and not `begun`, and says where their bytes are. Returns whether an
    /// answer is still due.
    pub(crate) fn cut(
        &mut self,
        start: u64,
        begun: impl Fn(&Range<u64>) -> bool,
        mut skip: impl FnMut(Range<u64>),
    ) -> bool {
        let keep = self.unanswered().iter().take_while(|part| begun(&part.range(start))).count();
        for part in self.unanswered().get(keep..).unwrap_or_default() {
            skip(part.range(start));
        }
        self.parts.truncate(self.answered + keep);
        keep > 0
    }
}

impl Part {
    /// Its bytes, in a group that begins at `start`.
    pub(crate) fn range(&self, start: u64) -> Range<u64> {
        start + self.start as u64..start + self.end as u64
    }
}
