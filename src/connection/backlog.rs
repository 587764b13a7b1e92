//! The commands that are not answered: their order, their bytes, and what their callers are told.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::inflight::{After, Batch, Completed, Entry, Inflight, Judged, Placed, Refused};
use super::outbox::Outbox;
use super::output::{Loss, Lost, Output, Sent};
use super::room::Room;
use super::sending::{Past, Repeat};
use super::tally::{Replays, Tally, Tracing};
use crate::command::{Encoded, Slices};
use crate::outcome::Fate;
use crate::resp::Frame;

/// A caller's claim to an answer.
pub(crate) trait Claim {
    /// Whether the caller has gone, so that nobody would read the answer.
    fn is_given_up(&self) -> bool;

    /// The last byte of its command at `place` was handed over. Called only where [`Tracing`] is on.
    fn note_written(&self, _place: usize, _now: Instant) {}

    /// Its command at `place` was answered. Called only where [`Tracing`] is on.
    fn note_answered(&self, _place: usize, _now: Instant) {}
}

/// What a session hands out, in order.
pub(crate) type Outputs<T> = VecDeque<Output<T>>;

/// Commands in their order, each with its place in the log of what is written.
#[derive(Debug)]
pub(crate) struct Backlog<T> {
    inflight: Inflight<T>,
    outbox: Outbox,
    /// What commands that have ended have given back since the last look.
    settled: Room,
    tracing: Tracing,
    replays: Replays,
    /// How many sendings their connections took and did not live to answer, ever.
    abandoned: u64,
    /// How many refused commands were put in again, ever.
    retried: u64,
}

impl<T: Claim> Backlog<T> {
    pub(crate) fn new(tracing: Tracing) -> Self {
        let (inflight, outbox, settled) = (Inflight::new(), Outbox::default(), Room::default());
        Self { inflight, outbox, settled, tracing, replays: Replays::default(), abandoned: 0, retried: 0 }
    }

    /// What was counted of commands.
    pub(crate) fn tally(&self) -> Tally {
        let (answered, abandoned) = (self.inflight.answered(), self.abandoned);
        let in_flight = self.inflight.in_flight(self.outbox.position());
        Tally {
            sent: answered + abandoned + in_flight,
            answered,
            abandoned,
            replayed: self.replays.sent(),
            retried: self.retried,
            unsent: self.inflight.unanswered().saturating_sub(in_flight),
            ..Tally::default()
        }
    }

    /// Takes commands in. The batch is left empty.
    pub(crate) fn extend(&mut self, batch: &mut Batch<T>) {
        let start = self.outbox.append(std::mem::take(&mut batch.log));
        self.inflight.extend(batch.entries.drain(..), start);
    }

    /// Takes one command in; returns where its first byte stands.
    pub(crate) fn push(&mut self, entry: Entry<T>, log: Encoded) -> u64 {
        let start = self.outbox.append(log);
        self.inflight.extend(std::iter::once(entry), start);
        start
    }

    /// Where the next command will stand that is taken in.
    pub(crate) fn end(&self) -> u64 {
        self.outbox.end()
    }

    /// The session's own command that is the oldest was answered by something that is no answer.
    pub(crate) fn pop_own(&mut self) {
        self.inflight.pop_own();
    }

    /// How many callers' entries there are.
    pub(crate) fn callers(&self) -> usize {
        self.inflight.callers()
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        self.inflight.len()
    }

    /// Whether no caller's command is in it.
    pub(crate) fn is_idle(&self) -> bool {
        self.inflight.is_idle()
    }

    /// Whether an entry that begins at `place` is still to be answered.
    pub(crate) fn holds(&mut self, place: u64) -> bool {
        self.inflight.find(place).is_some_and(|placed| placed.unanswered().next().is_some())
    }

    /// Where the oldest entry stands.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.inflight.front().map(|front| front.start)
    }

    /// How many answers are due to the oldest entry.
    pub(crate) fn due(&self) -> usize {
        let position = self.outbox.position();
        self.inflight.front().map_or(0, |front| front.due(position))
    }

    /// Whether the socket has taken a byte of what is not answered.
    pub(crate) fn is_awaited(&self) -> bool {
        self.inflight.front().is_some_and(|front| front.is_begun(self.outbox.position()))
    }

    /// How many bytes the socket has taken of what is not answered.
    pub(crate) fn awaited_bytes(&self) -> u64 {
        self.oldest().map_or(0, |oldest| self.outbox.position().saturating_sub(oldest))
    }

    /// Lets the socket take no more than the rest of the command that it has begun to take.
    pub(crate) fn pause(&mut self) {
        let position = self.outbox.position();
        let end = self.inflight.iter().find_map(|placed| placed.end_of_begun(position));
        self.outbox.hold_at(end.unwrap_or(position));
    }

    /// Whether the pause is complete: everything that the socket has taken is answered.
    pub(crate) fn is_paused(&self) -> bool {
        self.outbox.is_held() && !self.is_awaited()
    }

    /// Ends a pause.
    pub(crate) fn resume(&mut self) {
        self.outbox.hold_at(u64::MAX);
    }

    /// No deadline is before this.
    pub(crate) fn earliest(&self) -> Option<Instant> {
        self.inflight.earliest()
    }

    /// Gives room back.
    pub(crate) fn settle(&mut self, room: Room) {
        self.settled.take(room);
    }

    /// The room that was given back since the last call.
    pub(crate) fn take_settled(&mut self) -> Room {
        std::mem::take(&mut self.settled)
    }

    /// How many bytes it holds.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.outbox.held()
    }

    /// A used buffer for the next batch's log.
    pub(crate) fn take_spare(&mut self) -> Option<Encoded> {
        self.outbox.take_spare()
    }

    /// Whether there is anything for the socket to take.
    pub(crate) fn has_transmit(&self) -> bool {
        !self.outbox.is_drained() && !self.outbox.is_held()
    }

    /// Adds what the socket should take next to `slices`; returns the number of bytes.
    pub(crate) fn transmit<'a>(&'a self, slices: &mut Slices<'a, '_>) -> usize {
        self.outbox.transmit(slices)
    }

    /// The socket took `count` bytes of what [`Self::transmit`] gave.
    pub(crate) fn handle_written(&mut self, count: usize, now: Instant) {
        let before = self.outbox.position();
        self.outbox.handle_written(count);
        let position = self.outbox.position();
        if self.tracing == Tracing::On {
            self.inflight.note_written(before..position, now);
        }
        self.replays.handle_written(position);
    }

    /// Frees the bytes that nobody needs any more.
    #[inline]
    pub(crate) fn release(&mut self) {
        self.outbox.release(self.oldest().unwrap_or(u64::MAX));
    }

    /// Takes out the oldest entry, a caller's single command, if `frame` answers it for good and nobody notes that.
    #[inline]
    pub(crate) fn take_answered(&mut self, frame: &Frame) -> Option<(T, Sent)> {
        if frame.has_error() || self.tracing == Tracing::On {
            return None;
        }
        let (ticket, sent, room) = self.inflight.take_answered()?;
        self.settled.take(room);
        Some((ticket, sent))
    }

    /// Gives a frame of answers to the oldest entry.
    pub(crate) fn handle_answer(&mut self, frame: Frame, now: Instant) -> Answered<T> {
        if self.tracing == Tracing::On {
            self.inflight.note_answered(frame.len(), now);
        }
        let (completed, room) = self.inflight.handle_answer(frame);
        self.settled.take(room);
        match completed {
            Completed::Single(ticket, frame, sent) => Answered::Output(Output::Answered(ticket, frame, sent)),
            Completed::Orphan(frame) => Answered::Output(Output::Orphan(frame)),
            Completed::Group(ticket, end, After::Queues) => {
                Answered::LeftOpen(ticket.map(|ticket| Output::Group(ticket, end)))
            }
            Completed::Group(Some(ticket), end, After::Ready) => Answered::Output(Output::Group(ticket, end)),
            Completed::Refused(refused) => {
                let entry = &refused.placed.entry;
                if entry.ticket.as_ref().is_some_and(|ticket| !ticket.is_given_up()) {
                    return Answered::Refused(refused);
                }
                self.settled.take(entry.room());
                Answered::Nothing
            }
            Completed::Group(None, ..) | Completed::Nothing | Completed::Unasked => Answered::Nothing,
        }
    }

    /// Takes an entry over that is no more in `from`, but whose bytes are. It goes to the end.
    pub(crate) fn take_over(&mut self, placed: Placed<T>, from: &Self) -> u64 {
        self.retried += placed.sendings().filter(|(.., sending)| sending.past == Past::Refused).count() as u64;
        let start = self.outbox.append_from(&from.outbox, placed.range(), placed.unanswered());
        self.inflight.extend(std::iter::once(placed.entry), start);
        start
    }

    /// Moves the `count` oldest entries to the end of `into`; returns where the last of them stands there.
    pub(crate) fn move_to(&mut self, into: &mut Self, count: usize) -> Option<u64> {
        let mut last = None;
        for _ in 0..count {
            let Some(placed) = self.inflight.pop() else { break };
            last = Some(into.take_over(placed, self));
        }
        self.release();
        last
    }

    /// Tells the callers whose deadline has come. `socket` says whether there is one that has taken what was written.
    pub(crate) fn expire(&mut self, now: Instant, loss: &Arc<Loss>, socket: Socket, outputs: &mut Outputs<T>) {
        let living = self.living(socket);
        let (mut any_gone, mut any_cut) = (false, false);
        for place in self.inflight.expired(now) {
            let Some(placed) = self.inflight.find(place) else { continue };
            let awaited = placed.entry.awaited();
            let keeps = give_up(placed, loss, living, &mut self.outbox, outputs);
            any_gone |= !keeps;
            any_cut |= placed.entry.awaited() < awaited;
        }
        if any_gone || any_cut {
            self.drop_settled();
        }
    }

    /// Tells all callers that no answer will come.
    pub(crate) fn give_up_all(&mut self, loss: &Arc<Loss>, socket: Socket, outputs: &mut Outputs<T>) {
        let living = self.living(socket);
        let outbox = &mut self.outbox;
        self.inflight.retain(|placed| {
            give_up(placed, loss, living, outbox, outputs);
            true
        });
        self.drop_settled();
    }

    /// Tells the callers of whom the socket has taken nothing that their commands belong elsewhere.
    pub(crate) fn displace(&mut self, loss: &Arc<Loss>, socket: Socket, outputs: &mut Outputs<T>) {
        let living = self.living(socket);
        let outbox = &mut self.outbox;
        self.inflight.retain(|placed| {
            if living.is_none_or(|position| placed.start >= position) {
                give_up(placed, loss, living, outbox, outputs);
            }
            true
        });
        self.drop_settled();
    }

    /// The socket is gone, and with it the answers to what it had taken in full. What may be sent again keeps its place
    /// in the order; of the rest the callers are told. Returns how many commands are lost that may have run.
    pub(crate) fn sort_out(&mut self, loss: &Arc<Loss>, outputs: &mut Outputs<T>) -> usize {
        let position = self.outbox.position();
        self.abandoned += self.inflight.in_flight(position);
        // An attempt that fails before anything was sent says nothing of what would have been.
        let any_sent = self.inflight.front().is_some_and(|front| front.is_begun(position));
        let mut is_oldest = any_sent;
        let mut unknown = 0;
        self.retain(outputs, |placed| {
            match (any_sent, std::mem::replace(&mut is_oldest, false)) {
                (true, true) => placed.handle_death(),
                (true, false) => placed.entry.deaths = 0,
                (false, _) => {}
            }
            let mut poisoned = placed.entry.deaths >= POISON;
            let is_awaited = placed.entry.ticket.is_some();
            let judged = placed.judge(|range, sending| {
                // Only the first of several can be what the connections die of.
                let is_poison = std::mem::replace(&mut poisoned, false);
                let was_sent = range.end <= position;
                if was_sent {
                    sending.handle_lost();
                }
                let ends = is_poison || (was_sent && sending.policy.repeat == Repeat::Forbidden);
                let fate = sending.fate();
                unknown += usize::from(is_awaited && ends && fate == Fate::Unknown);
                ends.then(|| Lost::new(fate, loss))
            });
            placed.recall_refused();
            judged
        });
        self.drop_given_up();
        unknown
    }

    /// Takes out, while no socket has taken anything, the commands that nobody waits for: of callers who have gone, and
    /// of those who were told that no answer would come.
    pub(crate) fn drop_given_up(&mut self) {
        let settled = &mut self.settled;
        self.inflight.retain(|placed| {
            let keep = placed.entry.ticket.as_ref().is_some_and(|ticket| !ticket.is_given_up());
            if !keep {
                settled.take(placed.entry.room());
            }
            keep
        });
        self.outbox.rewind(self.inflight.iter().flat_map(Placed::unanswered));
        self.plan_replays();
        self.release();
    }

    /// Takes out the entries of callers who were told and to whom no answer is due any more.
    fn drop_settled(&mut self) {
        let settled = &mut self.settled;
        self.inflight.retain(|placed| {
            let keep = placed.entry.ticket.is_some() || placed.unanswered().next().is_some();
            if !keep {
                settled.take(placed.entry.room());
            }
            keep
        });
        if !self.replays.is_empty() {
            self.plan_replays();
        }
        self.release();
    }

    /// Finds what is still to be sent again.
    fn plan_replays(&mut self) {
        let position = self.outbox.position();
        let sendings = self.inflight.iter().flat_map(Placed::sendings);
        let again = sendings.filter(|(range, _, sending)| sending.past == Past::MayHaveRun && range.end > position);
        self.replays.plan(again.map(|(range, ..)| range.end));
    }

    /// Judges every entry; tells the callers of those that are lost, which are taken out.
    fn retain(&mut self, outputs: &mut Outputs<T>, mut judge: impl FnMut(&mut Placed<T>) -> Judged) {
        let settled = &mut self.settled;
        self.inflight.retain(|placed| match judge(placed) {
            Judged::Waits => true,
            judged => {
                settled.take(placed.entry.room());
                match (placed.entry.ticket.take(), judged) {
                    (Some(ticket), Judged::Lost(lost)) => outputs.push_back(Output::Lost(ticket, lost)),
                    (Some(ticket), Judged::Complete(end)) => outputs.push_back(Output::Group(ticket, end)),
                    _ => {}
                }
                false
            }
        });
    }

    /// What a socket that lives has taken: everything before this.
    fn living(&self, socket: Socket) -> Option<u64> {
        (socket == Socket::Lives).then_some(self.outbox.position())
    }
}

/// What an answer has come to.
#[derive(Debug)]
pub(crate) enum Answered<T> {
    Output(Output<T>),
    /// The server refused the entry for the time being. Its bytes are still in the log.
    Refused(Box<Refused<T>>),
    /// The server keeps whatever comes next for an `EXEC` that never comes.
    LeftOpen(Option<Output<T>>),
    Nothing,
}

/// Whether there is a socket to which what was written belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Socket {
    Lives,
    None,
}

/// Tells the caller of an entry that no answer will come. What a socket that lives, and has taken everything before
/// `living`, has begun to take keeps its place: it will be sent to its end, and its answer belongs to nobody else. The
/// rest will not be sent. Returns whether an answer is still due.
fn give_up<T>(
    placed: &mut Placed<T>,
    loss: &Arc<Loss>,
    living: Option<u64>,
    outbox: &mut Outbox,
    outputs: &mut Outputs<T>,
) -> bool {
    let Some(ticket) = placed.entry.ticket.take() else { return true };
    let begun = |range: &Range<u64>| living.is_some_and(|position| range.start < position);
    outputs.push_back(placed.tell(
        ticket,
        loss,
        |range, sending| {
            if begun(&range) { Fate::Unknown } else { sending.fate() }
        },
    ));
    placed.cut(begun, |range| outbox.skip(range))
}

/// A command that was the oldest one unanswered on this many connections that died in a row is not sent again: its answer
/// may be what they die of.
const POISON: u8 = 3;
