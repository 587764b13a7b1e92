//! Where callers put their commands: a short mutex around a byte log and a list of entries.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Instant;

use super::audience::Audience;
use super::slot::{Outcome, ReplySlot};
use crate::command::Encoded;
use crate::connection::{Batch, Claim, Displacement, Entry, Loss, Lost, More, Reason, Room, Wish};
use crate::outcome::{Cause, Fate, Stage};

/// What a caller is known by.
pub(crate) type Ticket = Arc<ReplySlot>;

/// What callers and one link's task share.
#[derive(Debug)]
pub(crate) struct Mailbox {
    queue: Mutex<Queue>,
    bounds: Bounds,
}

/// How much may be queued and in flight on one link.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Calls and their bytes.
    pub(crate) room: Room,
    /// What a caller does when there is no room.
    pub(crate) at_capacity: AtCapacity,
}

/// What a call does that finds the link's queue full, or all connections in use of which each has one user at a time
/// (those of blocking commands, and dedicated ones).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AtCapacity {
    /// It waits for room, until its deadline. Who came first gets room first.
    #[default]
    Wait,
    /// It fails at once, with fate `NotSent`. For programs that would rather shed load than build up waiting tasks.
    FailFast,
}

/// A command that was put into the mailbox.
#[derive(Debug)]
pub(crate) struct Posted {
    pub(crate) slot: Ticket,
    sequence: u64,
}

/// What the link's task finds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Mail {
    /// Whether new commands are in the batch. If not, the next caller will wake the task.
    pub(crate) fresh: bool,
    /// Until when the link may answer what is here, and whether more may come; `None` while it is open.
    pub(crate) closing: Option<(Instant, More)>,
    /// No call that waits for room has an earlier deadline.
    pub(crate) earliest_waiting: Option<Instant>,
    /// The subscriptions that are to be changed, in the order of the wishes.
    pub(crate) wishes: Vec<Wish>,
    /// Whether somebody wants to be told what the server tells: see [`Mailbox::take_listener`].
    pub(crate) is_listened_to: bool,
    /// Whether the link is to send nothing of its own: see [`Mailbox::keep_out`].
    pub(crate) keeps_out: bool,
    /// What the topology has made of the node: see [`Mailbox::displace`].
    pub(crate) displaced: Option<Displacement>,
}

#[derive(Debug)]
struct Queue {
    /// What the link's task will take next.
    batch: Batch<Ticket>,
    /// The number of the batch's first call; of no meaning while there is none.
    first: u64,
    /// How many callers have given up on calls of the batch: then it is worth looking for theirs.
    withdrawn: usize,
    /// What is taken of the bounds: everything posted, but for `waiting`, and not answered.
    used: Room,
    /// How much of `used` the link's task has; the rest is the batch's.
    taken: Room,
    /// How many commands callers have handed in, ever.
    issued: u64,
    /// Calls that wait for room, by their numbers.
    waiting: BTreeMap<u64, Waiting>,
    /// How many commands `waiting` holds.
    waiting_commands: usize,
    /// No deadline in `waiting` is before this; `None` if there is none.
    earliest_waiting: Option<Instant>,
    /// The number of the next call.
    next: u64,
    /// What the link's task has not taken.
    wishes: Vec<Wish>,
    /// Who is to be told what the server tells from now on.
    listener: Option<Arc<dyn Audience>>,
    keeps_out: bool,
    /// What the link's task has to do because the topology has changed.
    displaced: Option<Displacement>,
    /// How to wake the link's task; `Some` while it sleeps.
    sleeper: Option<Waker>,
    phase: Phase,
}

#[derive(Debug)]
struct Waiting {
    entry: Entry<Ticket>,
    bytes: Encoded,
}

#[derive(Clone, Debug)]
enum Phase {
    Open,
    /// Nothing new is taken; what is here is answered until then.
    Closing(Instant),
    /// Why.
    Closed(Reason),
}

impl Mailbox {
    pub(crate) fn new(bounds: Bounds) -> Self {
        let queue = Queue {
            batch: Batch::default(),
            first: 0,
            withdrawn: 0,
            used: Room::default(),
            taken: Room::default(),
            issued: 0,
            waiting: BTreeMap::new(),
            waiting_commands: 0,
            earliest_waiting: None,
            next: 0,
            wishes: Vec::new(),
            listener: None,
            keeps_out: false,
            displaced: None,
            sleeper: None,
            phase: Phase::Open,
        };
        Self { queue: Mutex::new(queue), bounds }
    }

    /// Puts commands in, `issued` of which the caller asked for. `room` bounds what they take from above; `write` appends
    /// them and returns the entry for the slot.
    pub(crate) fn post(
        &self,
        slot: Ticket,
        room: Room,
        issued: usize,
        write: impl FnOnce(&mut Encoded, Ticket) -> Entry<Ticket>,
    ) -> Result<Posted, Lost> {
        let mut queue = self.lock();
        queue.issued += issued as u64;
        if !matches!(queue.phase, Phase::Open) {
            return Err(queue.refusal());
        }
        let sequence = queue.next;
        if queue.waiting.is_empty() && queue.used.has(room, self.bounds.room) {
            let queue = &mut *queue;
            let entry = write(&mut queue.batch.log, Arc::clone(&slot));
            queue.used.take(entry.room());
            queue.push(sequence, entry);
        } else if self.bounds.at_capacity == AtCapacity::FailFast {
            return Err(unsent(Reason::Full, queue.used.commands));
        } else {
            let mut bytes = Encoded::default();
            let entry = write(&mut bytes, Arc::clone(&slot));
            queue.earliest_waiting = [queue.earliest_waiting, entry.deadline].into_iter().flatten().min();
            queue.waiting_commands += entry.count;
            queue.waiting.insert(sequence, Waiting { entry, bytes });
        }
        queue.next += 1;
        rouse(queue);
        Ok(Posted { slot, sequence })
    }

    /// Changes what the link is subscribed to. Once it closes, nobody needs that.
    pub(crate) fn wish(&self, wishes: impl IntoIterator<Item = Wish>) {
        // Collected outside of the lock: whose code this runs, nobody knows.
        let wishes: Vec<_> = wishes.into_iter().collect();
        let mut queue = self.lock();
        if wishes.is_empty() || !matches!(queue.phase, Phase::Open) {
            return;
        }
        queue.wishes.extend(wishes);
        rouse(queue);
    }

    /// From now on what the server tells in simple strings that answer nothing is told to `listener`, as pushes.
    pub(crate) fn listen(&self, listener: Arc<dyn Audience>) {
        let mut queue = self.lock();
        queue.listener = Some(listener);
        rouse(queue);
    }

    /// Says whether the server queues what it is sent from now on: then the link sends nothing of its own behind it, since that
    /// would be queued too, and be answered among the caller's commands.
    pub(crate) fn keep_out(&self, keeps_out: bool) {
        let mut queue = self.lock();
        queue.keeps_out = keeps_out;
        rouse(queue);
    }

    /// The topology has changed: the callers of what was not sent are told, so that they find out where it belongs now.
    pub(crate) fn displace(&self, displacement: Displacement) {
        let mut queue = self.lock();
        queue.displaced = queue.displaced.max(Some(displacement));
        let waiting = std::mem::take(&mut queue.waiting);
        queue.waiting_commands = 0;
        let used = queue.used.commands;
        rouse(queue);
        for ticket in waiting.into_values().filter_map(|waiting| waiting.entry.ticket) {
            ticket.complete(Outcome::Lost(unsent(Reason::Displaced(None), used)));
        }
    }

    /// Who has begun to [listen](Self::listen) since the last call.
    pub(crate) fn take_listener(&self) -> Option<Arc<dyn Audience>> {
        self.lock().listener.take()
    }

    /// The caller has given up: what the link's task has not taken is withdrawn.
    pub(crate) fn withdraw(&self, posted: Posted) {
        let Posted { slot, sequence } = posted;
        // Before the count below: who finds that raised finds also that the link's reference is the only one left.
        drop(slot);
        let mut queue = self.lock();
        let is_next = queue.waiting.first_key_value().is_some_and(|(first, _)| *first == sequence);
        let removed = queue.waiting.remove(&sequence);
        queue.waiting_commands -= removed.as_ref().map_or(0, |waiting| waiting.entry.count);
        // Who comes after it may fit where it did not.
        let sleeper = if is_next { queue.sleeper.take() } else { None };
        if removed.is_none() && !queue.batch.entries.is_empty() && sequence >= queue.first {
            queue.withdrawn += 1;
        }
        // What is dropped may be the last of something larger, a runtime even: not under the lock.
        drop(queue);
        drop(removed);
        if let Some(waker) = sleeper {
            waker.wake();
        }
    }

    /// The link's task gives back room and takes what is new; if there is nothing, `waker` is kept for the next caller.
    pub(crate) fn exchange(
        &self,
        batch: &mut Batch<Ticket>,
        settled: Room,
        spare: Option<Encoded>,
        waker: &Waker,
    ) -> Mail {
        let mut queue = self.lock();
        queue.settle(settled);
        queue.admit(self.bounds.room);
        let closing = match queue.phase {
            Phase::Closing(until) if queue.waiting.is_empty() => Some((until, More::None)),
            Phase::Closing(until) => Some((until, More::Possible)),
            _ => None,
        };
        if queue.waiting.is_empty() {
            queue.earliest_waiting = None;
        }
        let fresh = !queue.batch.entries.is_empty();
        let wishes = std::mem::take(&mut queue.wishes);
        let is_listened_to = queue.listener.is_some();
        let (earliest_waiting, keeps_out) = (queue.earliest_waiting, queue.keeps_out);
        let displaced = queue.displaced.take();
        let mail = Mail { fresh, closing, earliest_waiting, wishes, is_listened_to, keeps_out, displaced };
        if !mail.fresh {
            queue.sleeper = Some(waker.clone());
            return mail;
        }
        std::mem::swap(&mut queue.batch, batch);
        queue.taken = queue.used;
        if let Some(spare) = spare {
            queue.batch.log = spare;
        }
        if queue.withdrawn > 0 {
            queue.withdrawn = 0;
            drop(queue);
            let dropped = drop_withdrawn(batch);
            self.lock().settle(dropped);
        }
        mail
    }

    /// Gives room back before the answers that free it are handed out, where that matters: else a caller that makes its
    /// next call on an answer could find its own room still taken, and fail.
    #[inline]
    pub(crate) fn settle(&self, settled: impl FnOnce() -> Room) {
        if self.bounds.at_capacity == AtCapacity::FailFast {
            self.lock().settle(settled());
        }
    }

    /// Tells the calls that waited for room until their deadline.
    pub(crate) fn expire_waiting(&self, now: Instant, last: Option<&Cause>) {
        let mut queue = self.lock();
        let used = queue.used.commands;
        let (mut expired, mut gone) = (Vec::new(), 0);
        queue.waiting.retain(|_, waiting| {
            let keep = waiting.entry.deadline.is_none_or(|deadline| deadline > now);
            if !keep {
                gone += waiting.entry.count;
                expired.extend(waiting.entry.ticket.take());
            }
            keep
        });
        queue.waiting_commands -= gone;
        queue.earliest_waiting = queue.waiting.values().filter_map(|waiting| waiting.entry.deadline).min();
        drop(queue);
        for ticket in expired {
            ticket.complete(Outcome::Lost(unsent(Reason::Deadline(last.cloned()), used)));
        }
    }

    /// No more commands are taken; those that are here have until `until`.
    pub(crate) fn close(&self, until: Instant) {
        let mut queue = self.lock();
        match &mut queue.phase {
            Phase::Open => queue.phase = Phase::Closing(until),
            Phase::Closing(already) => *already = until.min(*already),
            Phase::Closed(_) => {}
        }
        rouse(queue);
    }

    /// The link has ended: nothing that is here will be answered.
    pub(crate) fn shut(&self, reason: &Reason) {
        let mut queue = self.lock();
        if !matches!(queue.phase, Phase::Closed(_)) {
            queue.phase = Phase::Closed(reason.clone());
        }
        let entries = std::mem::take(&mut queue.batch.entries);
        let waiting = std::mem::take(&mut queue.waiting);
        queue.waiting_commands = 0;
        let refusals: Vec<_> = entries
            .into_iter()
            .chain(waiting.into_values().map(|waiting| waiting.entry))
            .filter_map(|entry| entry.ticket)
            .map(|ticket| (ticket, queue.refusal()))
            .collect();
        queue.batch.log.clear();
        queue.wishes = Vec::new();
        (queue.used, queue.taken) = (Room::default(), Room::default());
        drop(queue);
        for (ticket, refusal) in refusals {
            ticket.complete(Outcome::Lost(refusal));
        }
    }

    /// How many commands callers have handed in, ever, and how many of them the link's task has not taken yet.
    pub(crate) fn issued_and_queued(&self) -> (u64, u64) {
        let queue = self.lock();
        let posted = queue.used.commands.saturating_sub(queue.taken.commands);
        (queue.issued, (posted + queue.waiting_commands) as u64)
    }

    /// What is queued and in flight, and how many calls wait for room.
    #[cfg(test)]
    pub(crate) fn load(&self) -> (Room, usize) {
        let queue = self.lock();
        (queue.used, queue.waiting.len())
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Gives back room of what the link's task has taken.
    fn settle(&mut self, settled: Room) {
        self.used.give_back(settled);
        self.taken.give_back(settled);
    }

    /// Moves calls that waited for room into the batch, as far as there is room.
    fn admit(&mut self, bounds: Room) {
        while let Some(first) = self.waiting.first_entry() {
            if !self.used.has(first.get().entry.room(), bounds) {
                return;
            }
            let (sequence, waiting) = first.remove_entry();
            self.waiting_commands -= waiting.entry.count;
            self.used.take(waiting.entry.room());
            self.batch.log.append(&waiting.bytes);
            self.push(sequence, waiting.entry);
        }
    }

    fn push(&mut self, sequence: u64, entry: Entry<Ticket>) {
        if self.batch.entries.is_empty() {
            self.first = sequence;
        }
        self.batch.entries.push(entry);
    }

    fn refusal(&self) -> Lost {
        let reason = match &self.phase {
            Phase::Open | Phase::Closing(_) => Reason::Closed,
            Phase::Closed(reason) => reason.clone(),
        };
        unsent(reason, self.used.commands)
    }
}

/// Lets go of the lock, and then wakes the link's task if it sleeps.
#[inline]
fn rouse(mut queue: MutexGuard<'_, Queue>) {
    let sleeper = queue.sleeper.take();
    drop(queue);
    if let Some(waker) = sleeper {
        waker.wake();
    }
}

/// Takes the entries of callers that have given up out of the batch, and their bytes.
fn drop_withdrawn(batch: &mut Batch<Ticket>) -> Room {
    let mut dropped = Room::default();
    let mut kept = Encoded::default();
    let mut position = 0;
    let log = &batch.log;
    batch.entries.retain(|entry| {
        let range = position..position + entry.len;
        position = range.end;
        let keep = entry.ticket.as_ref().is_some_and(|ticket| !ticket.is_given_up());
        if keep {
            kept.append_range(log, range);
        } else {
            dropped.take(entry.room());
        }
        keep
    });
    batch.log = kept;
    dropped
}

fn unsent(reason: Reason, waiting: usize) -> Lost {
    let loss = Loss { reason, stage: Stage::Queued, attempts: 0, silent: None, waiting };
    Lost::new(Fate::NotSent, &Arc::new(loss))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::{Repeat, Topic, TopicKind};

    const BOUNDS: Bounds = Bounds { room: Room { commands: 2, bytes: 100 }, at_capacity: AtCapacity::Wait };

    fn post(mailbox: &Mailbox, text: &str, deadline: Option<Instant>) -> Result<Posted, Lost> {
        let room = Room { commands: 1, bytes: text.len() };
        mailbox.post(ReplySlot::new(Waker::noop().clone(), None), room, 1, |log, ticket| {
            log.small().extend_from_slice(text.as_bytes());
            Entry::single(ticket, text.len(), deadline, Repeat::Forbidden)
        })
    }

    fn earliest_waiting(mailbox: &Mailbox) -> Option<Instant> {
        mailbox.exchange(&mut Batch::default(), Room::default(), None, Waker::noop()).earliest_waiting
    }

    fn take(mailbox: &Mailbox, settled: usize) -> String {
        let mut batch = Batch::default();
        let room = Room { commands: settled, bytes: 0 };
        mailbox.exchange(&mut batch, room, None, Waker::noop());
        let mut out = Vec::new();
        batch.log.pieces(0..batch.log.len(), |piece| {
            out.extend_from_slice(piece);
            true
        });
        assert_eq!(batch.entries.iter().map(|entry| entry.len).sum::<usize>(), out.len());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn commands_leave_in_the_order_of_the_calls_and_those_beyond_the_bound_wait_for_room() {
        let mailbox = Mailbox::new(BOUNDS);
        let _posted: Vec<_> = ["a", "b", "c", "d"].map(|text| post(&mailbox, text, None).unwrap()).into();
        assert_eq!(take(&mailbox, 0), "ab");
        assert_eq!(take(&mailbox, 0), "");
        assert_eq!(take(&mailbox, 1), "c");
        assert_eq!(mailbox.load(), (Room { commands: 2, bytes: 3 }, 1));
        assert_eq!(mailbox.issued_and_queued(), (4, 1));
        assert_eq!(take(&mailbox, 2), "d");
        assert_eq!(mailbox.issued_and_queued(), (4, 0));
    }

    #[test]
    fn the_bound_is_in_bytes_too_but_one_command_always_fits() {
        let mailbox = Mailbox::new(BOUNDS);
        let big = "x".repeat(500);
        let _posted = [post(&mailbox, &big, None).unwrap(), post(&mailbox, "y", None).unwrap()];
        assert_eq!(take(&mailbox, 0), big);
        assert_eq!(take(&mailbox, 0), "");
    }

    #[test]
    fn who_is_not_to_wait_is_told_at_once() {
        let mailbox = Mailbox::new(Bounds { at_capacity: AtCapacity::FailFast, ..BOUNDS });
        let _posted = ["a", "b"].map(|text| post(&mailbox, text, None).unwrap());
        let loss = post(&mailbox, "c", None).unwrap_err();
        assert!(matches!((&loss.loss.reason, loss.fate), (Reason::Full, Fate::NotSent)));
    }

    #[test]
    fn what_is_withdrawn_in_time_is_never_sent_and_takes_no_room() {
        let mailbox = Mailbox::new(BOUNDS);
        let [a, b, c, d] = ["a", "b", "c", "d"].map(|text| post(&mailbox, text, None).unwrap());
        assert_eq!(mailbox.issued_and_queued(), (4, 4));
        mailbox.withdraw(a);
        mailbox.withdraw(c);
        assert_eq!(take(&mailbox, 0), "b");
        assert_eq!(mailbox.issued_and_queued(), (4, 1));
        assert_eq!(take(&mailbox, 0), "d");
        assert_eq!(mailbox.load(), (Room { commands: 2, bytes: 2 }, 0));
        mailbox.withdraw(b);
        mailbox.withdraw(d);
        assert_eq!(take(&mailbox, 0), "");
    }

    #[test]
    fn who_leaves_the_front_of_the_queue_lets_the_link_look_who_fits_now() {
        let mailbox = Mailbox::new(BOUNDS);
        let big = "x".repeat(99);
        let [_a, big, small] = ["aa", &big, "b"].map(|text| post(&mailbox, text, None).unwrap());
        let _small = small;
        assert_eq!(take(&mailbox, 0), "aa");
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        mailbox.exchange(&mut Batch::default(), Room::default(), None, &waker);
        mailbox.withdraw(big);
        assert!(woken.0.load(std::sync::atomic::Ordering::Relaxed));
        assert_eq!(take(&mailbox, 0), "b");
    }

    #[derive(Default)]
    struct Woken(std::sync::atomic::AtomicBool);

    impl std::task::Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, std::sync::atomic::Ordering::Relaxed);
        }
    }

    #[test]
    fn a_deadline_comes_while_waiting_for_room() {
        let mailbox = Mailbox::new(BOUNDS);
        let now = Instant::now();
        let _posted = ["a", "b"].map(|text| post(&mailbox, text, None).unwrap());
        let late = post(&mailbox, "c", Some(now)).unwrap();
        assert_eq!(earliest_waiting(&mailbox), Some(now));
        assert_eq!(mailbox.issued_and_queued(), (3, 1));
        mailbox.expire_waiting(now, None);
        assert_eq!(mailbox.issued_and_queued(), (3, 0));
        let outcome = late.slot.poll_outcome(&std::task::Context::from_waker(Waker::noop()));
        assert!(
            matches!(outcome, std::task::Poll::Ready(Outcome::Lost(lost)) if matches!(lost.loss.reason, Reason::Deadline(None)))
        );
        assert_eq!(earliest_waiting(&mailbox), None);
    }

    fn wish(name: &'static str) -> Wish {
        Wish::Subscribe(Topic { kind: TopicKind::Channel, name: name.into() })
    }

    #[test]
    fn wishes_wake_the_link_are_taken_once_and_are_nothing_to_one_that_closes() {
        let mailbox = Mailbox::new(BOUNDS);
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let exchange = || mailbox.exchange(&mut Batch::default(), Room::default(), None, &waker);
        assert!(exchange().wishes.is_empty());
        mailbox.wish([wish("a"), wish("b")]);
        assert!(woken.0.load(std::sync::atomic::Ordering::Relaxed));
        mailbox.wish([wish("c")]);
        let mail = exchange();
        assert_eq!((mail.fresh, mail.wishes), (false, vec![wish("a"), wish("b"), wish("c")]));
        assert!(exchange().wishes.is_empty());
        mailbox.close(Instant::now());
        mailbox.wish([wish("d")]);
        assert!(exchange().wishes.is_empty());
    }

    #[test]
    fn after_the_end_nobody_is_left_waiting_and_nobody_is_taken_in() {
        let mailbox = Mailbox::new(BOUNDS);
        let posted = ["a", "b", "c"].map(|text| post(&mailbox, text, None).unwrap());
        mailbox.shut(&Reason::Link(Cause::RuntimeGone));
        assert_eq!(mailbox.issued_and_queued(), (3, 0));
        for posted in posted {
            let outcome = posted.slot.poll_outcome(&std::task::Context::from_waker(Waker::noop()));
            assert!(matches!(outcome, std::task::Poll::Ready(Outcome::Lost(lost)) if lost.fate == Fate::NotSent));
        }
        assert!(matches!(post(&mailbox, "d", None).unwrap_err().loss.reason, Reason::Link(Cause::RuntimeGone)));
    }
}
