//! The commands that wait to be sent or answered, in the order in which they go on the wire.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::backlog::Claim;
use super::group::{Group, GroupEnd};
use super::output::{Loss, Lost, Output, Sent};
use super::room::Room;
use super::sending::{Policy, Sending};
use super::unit::{Standing, Unit};
use crate::command::{Encoded, Refusal, Retry};
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
    /// The room it takes until it is settled: its bytes on the wire, and its commands.
    pub(crate) len: usize,
    pub(crate) count: usize,
    /// When the caller stops waiting; `None` is never.
    pub(crate) deadline: Option<Instant>,
    pub(crate) commands: Commands,
    /// How many connections in a row died while one of its commands was the oldest one on its way on them, and which.
    pub(crate) deaths: u8,
    pub(crate) suspect: usize,
}

/// What an entry is made of.
#[derive(Debug)]
pub(crate) enum Commands {
    One(Sending),
    /// Each judged by itself.
    Many(Box<Group>),
    /// Judged as one: a transaction, or commands without answers.
    Unit(Box<Unit>),
    /// Nothing any more: a single command or a unit that will not be sent.
    Cut,
    /// A command of the session's own, for this connection alone.
    Own,
}

impl<T> Entry<T> {
    /// A single command of `len` bytes.
    pub(crate) fn single(ticket: T, len: usize, deadline: Option<Instant>, policy: impl Into<Policy>) -> Self {
        let commands = Commands::One(Sending::new(policy.into()));
        Self { ticket: Some(ticket), len, count: 1, deadline, commands, deaths: 0, suspect: 0 }
    }

    /// A command of the session's own, of `len` bytes, that no caller waits for. It takes no room.
    pub(crate) fn own(len: usize) -> Self {
        Self { ticket: None, len, count: 0, deadline: None, commands: Commands::Own, deaths: 0, suspect: 0 }
    }

    /// Several commands: where each ends, and when it is sent again.
    pub(crate) fn group<P: Into<Policy> + Copy>(ticket: T, commands: &[(usize, P)], deadline: Option<Instant>) -> Self {
        let len = commands.last().map_or(0, |(end, _)| *end);
        let (count, group) = (commands.len(), Box::new(Group::new(commands)));
        Self { ticket: Some(ticket), len, count, deadline, commands: Commands::Many(group), deaths: 0, suspect: 0 }
    }
}

impl<T> Entry<T> {
    /// Whether it would wait if the server took no commands for the time being.
    pub(crate) fn waits_if_refused(&self) -> bool {
        match &self.commands {
            Commands::One(sending) => sending.policy.retry != Retry::Never,
            Commands::Many(group) => group.unanswered().iter().all(|part| part.sending.policy.retry != Retry::Never),
            Commands::Unit(unit) => unit.sending().policy.retry != Retry::Never,
            Commands::Cut | Commands::Own => false,
        }
    }

    /// Whether it is a command of the session's own.
    fn is_own(&self) -> bool {
        matches!(self.commands, Commands::Own)
    }

    /// The room it takes.
    pub(crate) fn room(&self) -> Room {
        match self.commands {
            Commands::Own => Room::default(),
            _ => Room { commands: self.count, bytes: self.len },
        }
    }

    /// How many answers to its caller have not come and will, if all goes well.
    pub(crate) fn awaited(&self) -> u64 {
        match &self.commands {
            Commands::One(_) => 1,
            Commands::Many(group) => group.unanswered().len() as u64,
            Commands::Unit(unit) => unit.unanswered().len() as u64,
            Commands::Cut | Commands::Own => 0,
        }
    }
}

/// An entry with its place in the write stream.
#[derive(Debug)]
pub(crate) struct Placed<T> {
    pub(crate) entry: Entry<T>,
    /// Where its first byte stands.
    pub(crate) start: u64,
    /// How many answers to callers will have come before its own, those that came already among them, if all goes well.
    ordinal: u64,
}

impl<T> Placed<T> {
    /// All its bytes in the write stream.
    pub(crate) fn range(&self) -> Range<u64> {
        self.start..self.start + self.entry.len as u64
    }

    /// Of a socket that has taken everything before `position`: how many answers are due from its peer.
    pub(crate) fn due(&self, position: u64) -> usize {
        match &self.entry.commands {
            Commands::One(_) | Commands::Own => usize::from(self.range().end <= position),
            Commands::Cut => 0,
            Commands::Many(group) => group.due(self.start, position),
            Commands::Unit(unit) => unit.due(self.start, position),
        }
    }

    /// Its commands that are not answered: where each is in the write stream, its place among those of its caller, and
    /// what is known of its sending.
    pub(crate) fn sendings(&self) -> impl Iterator<Item = (Range<u64>, usize, Sending)> {
        let start = self.start;
        let (one, many, unit) = match &self.entry.commands {
            Commands::One(sending) => (Some((self.range(), 0, *sending)), &[][..], None),
            Commands::Many(group) => (None, group.unanswered(), None),
            Commands::Unit(unit) => (None, &[][..], Some(unit)),
            Commands::Cut | Commands::Own => (None, &[][..], None),
        };
        let many = many.iter().map(move |part| (part.range(start), part.place(), part.sending));
        let unit = unit.into_iter().flat_map(move |unit| {
            let placed = unit.unanswered();
            placed.map(move |(place, range)| {
                (start + range.start as u64..start + range.end as u64, place, *unit.sending())
            })
        });
        one.into_iter().chain(many).chain(unit)
    }

    /// Whether a socket that has taken everything before `position` has taken a byte of what is not answered.
    pub(crate) fn is_begun(&self, position: u64) -> bool {
        self.unanswered().next().is_some_and(|range| range.start < position)
    }

    /// Of a socket that has taken everything before `position`: where the command ends that it has begun to take, and not
    /// taken to its end.
    pub(crate) fn end_of_begun(&self, position: u64) -> Option<u64> {
        let begun = |range: &Range<u64>| range.start < position && position < range.end;
        begun(&self.range()).then(|| self.unanswered().find(begun).map(|range| range.end)).flatten()
    }

    /// A connection died while its oldest command was the oldest one on its way.
    pub(crate) fn handle_death(&mut self) {
        let suspect = match &self.entry.commands {
            Commands::Many(group) => group.oldest(),
            Commands::One(_) | Commands::Unit(_) | Commands::Cut | Commands::Own => 0,
        };
        let deaths = if suspect == self.entry.suspect { self.entry.deaths } else { 0 };
        (self.entry.deaths, self.entry.suspect) = (deaths.saturating_add(1), suspect);
    }

    /// The socket is gone. Looks at every command that is not answered, at its bytes in the write stream and at what is
    /// known of its sending; those for which `judge` finds a loss are lost. The others will be sent again.
    pub(crate) fn judge(&mut self, mut judge: impl FnMut(Range<u64>, &mut Sending) -> Option<Lost>) -> Judged {
        let range = self.range();
        match &mut self.entry.commands {
            Commands::One(sending) => judge(range, sending).map_or(Judged::Waits, Judged::Lost),
            Commands::Cut | Commands::Own => Judged::Waits,
            Commands::Unit(unit) => {
                let (range, sending) = unit.judged(self.start);
                let judged = judge(range, sending).map_or(Judged::Waits, Judged::Lost);
                unit.start_over();
                judged
            }
            Commands::Many(group) => {
                group.judge(self.start, judge);
                let is_complete = group.is_complete() && !group.recall_refused();
                if is_complete { Judged::Complete(group.take_end()) } else { Judged::Waits }
            }
        }
    }

    /// The connection is lost: what it refused for the time being, of several commands, is sent again with the rest.
    pub(crate) fn recall_refused(&mut self) {
        if let Commands::Many(group) = &mut self.entry.commands {
            group.recall_refused();
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
            Commands::Unit(unit) => Output::Lost(ticket, Lost::new(fate(range, unit.sending()), loss)),
            Commands::Cut | Commands::Own => Output::Lost(ticket, Lost::new(Fate::NotSent, loss)),
            Commands::Many(group) => {
                let start = self.start;
                let end = group.give_up(|part| Lost::new(fate(part.range(start), &part.sending), loss));
                Output::Group(ticket, end)
            }
        }
    }

    /// Drops the commands that are not answered and not `begun`, and says where their bytes are. Returns whether an answer
    /// is still due.
    pub(crate) fn cut(&mut self, begun: impl Fn(&Range<u64>) -> bool, mut skip: impl FnMut(Range<u64>)) -> bool {
        let range = self.range();
        match &mut self.entry.commands {
            Commands::One(_) | Commands::Unit(_) | Commands::Own if begun(&range) => true,
            Commands::One(_) | Commands::Unit(_) | Commands::Own => {
                skip(range);
                self.entry.commands = Commands::Cut;
                false
            }
            Commands::Cut => false,
            Commands::Many(group) => group.cut(self.start, begun, skip),
        }
    }

    /// The bytes that a new socket has to be sent.
    pub(crate) fn unanswered(&self) -> impl Iterator<Item = Range<u64>> {
        let (one, many) = match &self.entry.commands {
            Commands::One(_) | Commands::Unit(_) | Commands::Own => (Some(self.range()), &[][..]),
            Commands::Many(group) => (None, group.unanswered()),
            Commands::Cut => (None, &[][..]),
        };
        one.into_iter().chain(many.iter().map(|part| part.range(self.start)))
    }
}

/// What judging an entry has come to.
#[derive(Debug)]
pub(crate) enum Judged {
    /// It still waits for an answer.
    Waits,
    /// A single command is lost, or a unit.
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
    /// While deadlines come one after the other: all there are, with the places of their entries, so that the next one is
    /// found without looking at everybody. Those of entries that are answered stay in it until they come.
    alarms: Option<BinaryHeap<Reverse<(Instant, u64)>>>,
    /// How many answers callers' commands have had, ever.
    answered: u64,
    /// The ordinal of the next entry.
    next: u64,
    /// How many of the entries are the session's own.
    own: usize,
}

/// What an answer completed.
#[derive(Debug)]
pub(crate) enum Completed<T> {
    /// A single command.
    Single(T, Frame, Sent),
    /// A single command whose caller was told that no answer would come.
    Orphan(Frame),
    /// The last of several commands.
    Group(Option<T>, GroupEnd, After),
    /// Answers of a group that waits for more.
    Nothing,
    /// An entry that the server refused for the time being, and that is to be tried again. Boxed, because every answer is
    /// moved about in this.
    Refused(Box<Refused<T>>),
    /// No command was waiting for an answer.
    Unasked,
}

impl<T> Completed<T> {
    fn single(ticket: Option<T>, frame: Frame, sent: Sent) -> Self {
        match ticket {
            Some(ticket) => Self::Single(ticket, frame, sent),
            None => Self::Orphan(frame),
        }
    }
}

/// What the server refused for the time being.
#[derive(Debug)]
pub(crate) struct Refused<T> {
    pub(crate) placed: Placed<T>,
    pub(crate) refusal: Refusal,
    /// The server's words.
    pub(crate) words: Arc<str>,
}

/// What the server will do with whatever comes next on the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    /// Run it.
    Ready,
    /// Keep it for an `EXEC` that never comes: the connection is of no more use.
    Queues,
}

impl<T> Inflight<T> {
    pub(crate) fn new() -> Self {
        Self { queue: VecDeque::new(), earliest: None, alarms: None, answered: 0, next: 0, own: 0 }
    }

    /// Adds entries whose bytes begin at `start` of the write stream.
    pub(crate) fn extend(&mut self, entries: impl Iterator<Item = Entry<T>>, mut start: u64) {
        for entry in entries {
            if let Some(deadline) = entry.deadline {
                self.earliest = Some(self.earliest.map_or(deadline, |earliest| earliest.min(deadline)));
                if let Some(alarms) = &mut self.alarms {
                    alarms.push(Reverse((deadline, start)));
                }
            }
            let (len, awaited) = (entry.len as u64, entry.awaited());
            if awaited == 0 {
                self.own += usize::from(entry.is_own());
            }
            self.queue.push_back(Placed { entry, start, ordinal: self.next });
            start += len;
            self.next += awaited;
        }
        // Those of entries that were answered stay in it: too many of them, and it costs more than it saves.
        let most = 4 * self.queue.len() + 64;
        if self.alarms.as_ref().is_some_and(|alarms| alarms.len() > most) {
            self.alarms = None;
        }
    }

    /// How many callers are waiting.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// The oldest.
    pub(crate) fn front(&self) -> Option<&Placed<T>> {
        self.queue.front()
    }

    /// Whether no caller's command is among them.
    pub(crate) fn is_idle(&self) -> bool {
        self.queue.len() == self.own
    }

    /// How many callers' commands there are.
    pub(crate) fn callers(&self) -> usize {
        self.queue.len() - self.own
    }

    /// All, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Placed<T>> {
        self.queue.iter()
    }

    /// No deadline is before this.
    pub(crate) fn earliest(&self) -> Option<Instant> {
        self.earliest
    }

    /// The places of the entries whose deadlines have come, in the order of the deadlines.
    pub(crate) fn expired(&mut self, now: Instant) -> Vec<u64> {
        let queue = &self.queue;
        let mut alarms = self.alarms.take().unwrap_or_else(|| queue.iter().filter_map(alarm).collect());
        let mut places = Vec::new();
        while let Some(Reverse((_, place))) = alarms.peek().filter(|Reverse((deadline, _))| *deadline <= now) {
            places.push(*place);
            alarms.pop();
        }
        places.retain(|place| self.find(*place).is_some_and(|placed| placed.entry.ticket.is_some()));
        self.earliest = alarms.peek().map(|Reverse((deadline, _))| *deadline);
        // Kept only while it is of use: else every new entry would pay for it.
        let mostly_answered = alarms.len() > 4 * self.queue.len() + 64;
        self.alarms = (!places.is_empty() && !mostly_answered).then_some(alarms);
        if self.alarms.is_none() {
            self.find_earliest();
        }
        places
    }

    /// The entry whose first byte stands at `place`.
    pub(crate) fn find(&mut self, place: u64) -> Option<&mut Placed<T>> {
        let index = self.queue.binary_search_by_key(&place, |placed| placed.start).ok()?;
        self.queue.get_mut(index)
    }

    fn find_earliest(&mut self) {
        self.earliest = self.queue.iter().filter_map(alarm).map(|Reverse((deadline, _))| deadline).min();
    }

    /// The oldest, if it is a single command whose caller waits: it is answered for good. Returns also the room that this
    /// gives back.
    #[inline]
    pub(crate) fn take_answered(&mut self) -> Option<(T, Sent, Room)> {
        let Entry { ticket: Some(_), commands: Commands::One(_), .. } = self.queue.front()?.entry else { return None };
        // Taken apart as a whole, so that nothing is left of it that would have to be looked at again.
        let Entry { ticket, commands: Commands::One(sending), count, len, .. } = self.queue.pop_front()?.entry else {
            return None;
        };
        self.answered += 1;
        Some((ticket?, sending.sent(), Room { commands: count, bytes: len }))
    }

    /// Gives a frame of answers to the oldest; returns also the room that this gives back.
    pub(crate) fn handle_answer(&mut self, frame: Frame) -> (Completed<T>, Room) {
        let mut after = After::Ready;
        let Some(Placed { entry, .. }) = self.queue.front_mut() else { return (Completed::Unasked, Room::default()) };
        let is_awaited = entry.ticket.is_some();
        let (refused, end) = match &mut entry.commands {
            Commands::Many(group) => {
                self.answered += frame.len() as u64;
                group.handle_answers(frame, is_awaited);
                if !group.is_complete() {
                    return (Completed::Nothing, Room::default());
                }
                let refused = group.take_refused();
                let end = if refused.is_none() { group.take_end() } else { GroupEnd::default() };
                (refused, end)
            }
            Commands::Unit(unit) => {
                self.answered += frame.len() as u64;
                // It may be the last answer that they die of, and those before it come each time.
                unit.handle_answers(frame, is_awaited);
                if unit.standing() == Standing::LeftOpen {
                    after = After::Queues;
                }
                if !unit.is_complete() {
                    return (Completed::Nothing, Room::default());
                }
                let refused = unit.take_refused();
                let end = if refused.is_none() { unit.take_end() } else { GroupEnd::default() };
                (refused, end)
            }
            Commands::One(sending) => {
                self.answered += 1;
                let refused = refusal_of(sending, &frame, is_awaited);
                if refused.is_none() {
                    let (sent, ticket, room) = (sending.sent(), entry.ticket.take(), entry.room());
                    self.queue.pop_front();
                    return (Completed::single(ticket, frame, sent), room);
                }
                (refused, GroupEnd::default())
            }
            Commands::Cut | Commands::Own => {
                let room = entry.room();
                self.own -= usize::from(entry.is_own());
                self.queue.pop_front();
                return (Completed::Nothing, room);
            }
        };
        match (self.queue.pop_front(), refused) {
            (Some(mut placed), Some((refusal, words))) => {
                // Whatever the connections died of, it is not this answer.
                placed.entry.deaths = 0;
                (Completed::Refused(Box::new(Refused { placed, refusal, words })), Room::default())
            }
            (Some(placed), None) => {
                let room = placed.entry.room();
                (Completed::Group(placed.entry.ticket, end, after), room)
            }
            (None, _) => (Completed::Unasked, Room::default()),
        }
    }

    /// Takes the oldest entry out, which is the session's own.
    pub(crate) fn pop_own(&mut self) {
        if self.queue.front().is_some_and(|placed| placed.entry.is_own()) {
            self.queue.pop_front();
            self.own -= 1;
        }
    }

    /// Takes the oldest entry out of an order that nobody sends; its bytes stay where they are.
    pub(crate) fn pop(&mut self) -> Option<Placed<T>> {
        let placed = self.queue.pop_front()?;
        self.own -= usize::from(placed.entry.is_own());
        self.next = self.next.saturating_sub(placed.entry.awaited());
        Some(placed)
    }

    /// How many answers callers' commands have had, ever.
    pub(crate) fn answered(&self) -> u64 {
        self.answered
    }

    /// How many callers' commands are not answered.
    pub(crate) fn unanswered(&self) -> u64 {
        self.next.saturating_sub(self.answered)
    }

    /// How many of them a socket that has taken everything before `position` has taken to their last byte.
    pub(crate) fn in_flight(&self, position: u64) -> u64 {
        if self.queue.back().is_some_and(|last| last.range().end <= position) {
            return self.unanswered();
        }
        let begun = self.queue.partition_point(|placed| placed.start < position);
        let Some(last) = begun.checked_sub(1).and_then(|index| self.queue.get(index)) else { return 0 };
        let due = last.entry.awaited().min(last.due(position) as u64);
        // Of the oldest, some may be answered, which its ordinal does not know.
        if begun == 1 { due } else { (last.ordinal + due).saturating_sub(self.answered) }
    }

    /// Looks at every entry; those for which `keep` says `false` are removed from the order.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&mut Placed<T>) -> bool) {
        let (mut next, mut own) = (self.answered, 0);
        self.queue.retain_mut(|placed| {
            let kept = keep(placed);
            if kept {
                placed.ordinal = next;
                next += placed.entry.awaited();
                own += usize::from(placed.entry.is_own());
            }
            kept
        });
        (self.next, self.own) = (next, own);
        if self.alarms.is_none() {
            self.find_earliest();
        }
    }
}

/// Why the server refused a single command that is to be tried again then, and in which words.
fn refusal_of(sending: &mut Sending, frame: &Frame, is_awaited: bool) -> Option<(Refusal, Arc<str>)> {
    if !frame.has_error() || !is_awaited {
        return None;
    }
    let refusal = sending.refusal(frame.reply())?;
    Some((refusal, String::from_utf8_lossy(frame.reply().bytes().unwrap_or_default()).into()))
}

impl<T: Claim> Inflight<T> {
    /// Tells the claims of the commands whose last bytes are in `taken` that they were sent.
    pub(crate) fn note_written(&self, taken: Range<u64>, now: Instant) {
        let first = self.queue.partition_point(|placed| placed.range().end <= taken.start);
        for placed in self.queue.iter().skip(first).take_while(|placed| placed.start < taken.end) {
            let Some(ticket) = &placed.entry.ticket else { continue };
            for (range, place, _) in placed.sendings() {
                if range.end > taken.start && range.end <= taken.end {
                    ticket.note_written(place, now);
                }
            }
        }
    }

    /// Tells the oldest claim that answers to its next `count` commands have come.
    pub(crate) fn note_answered(&self, count: usize, now: Instant) {
        let Some(front) = self.queue.front() else { return };
        let Some(ticket) = &front.entry.ticket else { return };
        front.sendings().take(count).for_each(|(_, place, _)| ticket.note_answered(place, now));
    }
}

/// When the caller of an entry stops waiting, if it still waits.
fn alarm<T>(placed: &Placed<T>) -> Option<Reverse<(Instant, u64)>> {
    let deadline = placed.entry.deadline.filter(|_| placed.entry.ticket.is_some())?;
    Some(Reverse((deadline, placed.start)))
}

#[cfg(test)]
mod tests {
    use super::super::sending::Repeat;
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
        assert!(matches!(inflight.handle_answer(answer(1)), (Completed::Single('a', ..), Room { bytes: 10, .. })));
        assert!(matches!(inflight.handle_answer(answer(1)), (Completed::Single('b', ..), Room { bytes: 5, .. })));
        assert!(matches!(inflight.handle_answer(answer(1)).0, Completed::Unasked));
    }

    #[test]
    fn a_group_is_complete_with_its_last_answer() {
        let mut inflight = of(vec![Entry::group('g', &[(3, YES), (6, YES), (9, YES)], None)]);
        for _ in 0..2 {
            assert!(matches!(inflight.handle_answer(answer(1)).0, Completed::Nothing));
        }
        let (completed, settled) = inflight.handle_answer(answer(1));
        assert!(
            matches!(completed, Completed::Group(Some('g'), end, _) if end.answers.len() == 3 && end.lost.is_empty())
        );
        assert_eq!(settled, Room { commands: 3, bytes: 9 });
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
    fn deadlines_come_in_their_order_whatever_else_happens() {
        let begin = Instant::now();
        let at = |millis: u64| begin + std::time::Duration::from_millis(millis);
        let entry = |millis: u64| Entry::single('a', 10, Some(at(millis)), YES);
        let mut inflight = of(vec![entry(30), entry(10), entry(20), entry(10)]);
        assert_eq!(inflight.earliest(), Some(at(10)));
        assert!(inflight.expired(at(5)).is_empty());
        assert_eq!(inflight.expired(at(10)), [110, 130]);
        for place in [110, 130] {
            inflight.find(place).unwrap().entry.ticket = None;
        }
        inflight.extend([entry(15)].into_iter(), 140);
        assert_eq!(inflight.earliest(), Some(at(15)));
        assert!(matches!(inflight.handle_answer(answer(1)).0, Completed::Single('a', ..)));
        assert_eq!(inflight.expired(at(40)), [140, 120]);
        for place in [140, 120] {
            inflight.find(place).unwrap().entry.ticket = None;
        }
        assert!(inflight.expired(at(50)).is_empty());
        assert_eq!(inflight.earliest(), None);
    }

    #[test]
    fn alarms_of_those_who_were_answered_do_not_pile_up() {
        let begin = Instant::now();
        let entry = |millis: u64| {
            let deadline = begin + std::time::Duration::from_millis(millis);
            Entry::single('a', 10, Some(deadline), YES)
        };
        let mut inflight = of(vec![entry(10), entry(3_600_000)]);
        assert_eq!(inflight.expired(begin + std::time::Duration::from_millis(10)), [100]);
        for place in (0..10_000).map(|number| 120 + 10 * number) {
            let _ = inflight.handle_answer(answer(1));
            inflight.extend([entry(3_600_000)].into_iter(), place);
        }
        assert!(inflight.alarms.as_ref().map_or(0, BinaryHeap::len) < 1_000);
        assert!(inflight.earliest().is_some());
    }

    #[test]
    fn cutting_keeps_what_has_begun_and_says_where_the_rest_is() {
        for (position, kept, skipped) in [
            (100, false, vec![100..103, 103..106, 106..109]),
            (101, true, vec![103..106, 106..109]),
            (104, true, std::iter::once(106..109).collect()),
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
