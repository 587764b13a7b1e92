//! Several commands that one caller sent as one, and that are judged one by one: a pipeline.

use std::ops::Range;
use std::sync::Arc;

use super::output::{Lost, Sent};
use super::sending::{Policy, Sending};
use crate::command::Refusal;
use crate::resp::{Frame, Reply};

/// Several commands that one caller sent as one.
#[derive(Debug)]
pub(crate) struct Group {
    /// The commands that are answered or will be, in order.
    parts: Vec<Part>,
    /// The answers that came: runs, in the order of `parts`.
    answers: Vec<Frame>,
    /// How many answers those are; `<= parts.len()`.
    answered: usize,
    /// Whether one of those is an error.
    any_error: bool,
    /// The commands that no answer will come for.
    lost: Vec<Lost>,
    /// The answers of earlier rounds, if some commands were refused in them and are tried again.
    earlier: Option<Box<Earlier>>,
}

/// What was answered for good before the rest was tried again.
#[derive(Debug, Default)]
struct Earlier {
    frames: Vec<Frame>,
    found: Vec<Found>,
    /// The commands whose answers are to a second sending.
    again: Vec<usize>,
}

/// Where the answer of a command is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Which command of the group it is.
    place: usize,
    /// In which frame.
    pub(crate) frame: usize,
    /// Which reply of that.
    pub(crate) reply: usize,
}

/// One command of a group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part {
    /// Where it is, in bytes from the group's start.
    start: usize,
    end: usize,
    /// Which command of the group it is. Small, because a group can have millions of parts; more of them than it can
    /// count would not fit into any memory.
    place: u32,
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
    /// Where each answer is, where that is not simply one after the other.
    pub(crate) found: Option<Vec<Found>>,
}

impl Found {
    /// Of the command at `place`, as this reply of this frame.
    pub(crate) fn new(place: usize, frame: usize, reply: usize) -> Self {
        Self { place, frame, reply }
    }
}

impl GroupEnd {
    /// The answers, in order.
    pub(crate) fn replies(&self) -> Vec<Reply<'_>> {
        let all = self.answers.iter().flat_map(Frame::replies);
        match &self.found {
            None => all.collect(),
            Some(found) => {
                let by_place: Vec<_> = replies(&self.answers, 0).collect();
                let at = |found: &Found| {
                    by_place.iter().find(|(frame, reply, _)| (*frame, *reply) == (found.frame, found.reply))
                };
                found.iter().filter_map(at).map(|(.., reply)| *reply).collect()
            }
        }
    }

    /// The same without the answers to the first `count` commands.
    pub(crate) fn without(self, count: usize) -> Self {
        if count == 0 {
            return self;
        }
        let all = replies(&self.answers, 0).map(|(frame, reply, _)| (frame, reply)).skip(count);
        let found = all.enumerate().map(|(place, (frame, reply))| Found::new(place, frame, reply)).collect();
        Self { found: Some(found), ..self }
    }

    /// Where the answer of each of `count` commands is, in which frame and as which of its replies.
    pub(crate) fn places(&self, count: usize) -> Vec<Option<(usize, usize)>> {
        let mut places = vec![None; count];
        let in_order = replies(&self.answers, 0).map(|(frame, reply, _)| (frame, reply));
        match &self.found {
            Some(found) => {
                for found in found {
                    if let Some(place) = places.get_mut(found.place) {
                        *place = Some((found.frame, found.reply));
                    }
                }
            }
            None => {
                let is_lost = |place: &usize| self.lost.binary_search_by_key(place, |lost| lost.place).is_ok();
                for (place, at) in (0..count).filter(|place| !is_lost(place)).zip(in_order) {
                    if let Some(place) = places.get_mut(place) {
                        *place = Some(at);
                    }
                }
            }
        }
        places
    }
}

impl Group {
    /// Of commands that were not sent yet: where each ends, and when it is sent again.
    pub(crate) fn new<P: Into<Policy> + Copy>(commands: &[(usize, P)]) -> Self {
        let mut start = 0;
        let parts = commands
            .iter()
            .zip(0..)
            .map(|((end, policy), place)| {
                let part = Part { start, end: *end, place, sending: Sending::new((*policy).into()) };
                start = *end;
                part
            })
            .collect();
        Self { parts, answers: Vec::new(), answered: 0, any_error: false, lost: Vec::new(), earlier: None }
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

    /// Which command is the oldest one that is not answered.
    pub(crate) fn oldest(&self) -> usize {
        self.unanswered().first().map_or(0, |part| part.place())
    }

    /// Whether nothing more is due.
    pub(crate) fn is_complete(&self) -> bool {
        self.answered >= self.parts.len()
    }

    /// Takes answers; those that nobody waits for are not kept.
    pub(crate) fn handle_answers(&mut self, frame: Frame, is_awaited: bool) {
        self.answered += frame.len();
        if is_awaited {
            self.any_error |= frame.has_error();
            self.answers.push(frame);
        }
    }

    /// Of a group whose parts are all answered: the commands that were refused for the time being wait for another answer; the others are
    /// answered for good. Returns why the first of them was refused, in which words, if any was.
    pub(crate) fn take_refused(&mut self) -> Option<(Refusal, Arc<str>)> {
        if !std::mem::take(&mut self.any_error) {
            return None;
        }
        let mut first = None;
        let (mut refused, mut found) = (Vec::new(), Vec::new());
        let base = self.earlier.as_ref().map_or(0, |earlier| earlier.frames.len());
        let replies = replies(&self.answers, base);
        for (part, (frame, reply, answer)) in self.parts.iter_mut().zip(replies) {
            match part.sending.refusal(answer) {
                Some(refusal) => {
                    let words = || String::from_utf8_lossy(answer.bytes().unwrap_or_default()).into();
                    first.get_or_insert_with(|| (refusal, words()));
                    refused.push(*part);
                }
                None => found.push((*part, Found { place: part.place(), frame, reply })),
            }
        }
        first.as_ref()?;
        let earlier = self.earlier.get_or_insert_default();
        earlier.frames.append(&mut self.answers);
        earlier.again.extend(found.iter().filter(|(part, _)| part.is_again()).map(|(part, _)| part.place()));
        earlier.found.extend(found.into_iter().map(|(_, found)| found));
        (self.parts, self.answered) = (refused, 0);
        first
    }

    /// The connection is lost: those of the commands it answered that were refused for the time being are sent again with
    /// the rest. Returns whether there are any.
    pub(crate) fn recall_refused(&mut self) -> bool {
        let rest = self.parts.split_off(self.answered.min(self.parts.len()));
        let any = self.take_refused().is_some();
        self.parts.extend(rest);
        any
    }

    /// The answers that came and the losses so far.
    pub(crate) fn take_end(&mut self) -> GroupEnd {
        let (answers, mut lost) = (std::mem::take(&mut self.answers), std::mem::take(&mut self.lost));
        lost.sort_unstable_by_key(|lost| lost.place);
        let answered = self.parts.iter().take(self.answered);
        let mut again: Vec<_> = answered.clone().filter(|part| part.is_again()).map(|part| part.place()).collect();
        let Some(mut earlier) = self.earlier.take() else { return GroupEnd { answers, lost, again, found: None } };
        let last = answered.zip(replies(&answers, earlier.frames.len()));
        earlier.found.extend(last.map(|(part, (frame, reply, _))| Found { place: part.place(), frame, reply }));
        earlier.found.sort_unstable_by_key(|found| found.place);
        again.extend(earlier.again);
        again.sort_unstable();
        earlier.frames.extend(answers);
        GroupEnd { answers: earlier.frames, lost, again, found: Some(earlier.found) }
    }

    /// The same, and a loss for each command that is not answered.
    pub(crate) fn give_up(&mut self, mut loss: impl FnMut(&Part) -> Lost) -> GroupEnd {
        let mut end = self.take_end();
        end.lost.extend(self.unanswered().iter().map(|part| Lost { place: part.place(), ..loss(part) }));
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
                    lost.push(Lost { place: part.place(), ..loss });
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
    /// Which command of the group it is.
    pub(crate) fn place(&self) -> usize {
        self.place as usize
    }

    fn is_again(&self) -> bool {
        self.sending.sent() == Sent::Again
    }

    /// Its bytes, in a group that begins at `start`.
    pub(crate) fn range(&self, start: u64) -> Range<u64> {
        start + self.start as u64..start + self.end as u64
    }
}

/// The replies in `frames` with their places: in which frame, from number `base` on, and which of its replies.
fn replies(frames: &[Frame], base: usize) -> impl Iterator<Item = (usize, usize, Reply<'_>)> {
    let numbered = frames.iter().enumerate();
    numbered
        .flat_map(move |(index, frame)| frame.replies().enumerate().map(move |(nth, reply)| (base + index, nth, reply)))
}
