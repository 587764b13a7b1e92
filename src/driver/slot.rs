//! Where a caller waits for its answers.

use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::trace::Trace;
use crate::connection::{Claim, GroupEnd, Lost, Sent};
use crate::resp::Frame;

/// How a call ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// A single command's answer.
    Answered(Frame, Sent),
    /// There is no answer, to none of the commands.
    Lost(Lost),
    /// What came of several commands.
    Group(GroupEnd),
}

/// The place that a caller and its link share: first the caller's waker is in it, then the outcome.
#[derive(Debug)]
pub(crate) struct ReplySlot(Mutex<Content>);

/// Parts that are set and taken one by one: an enum of these would be moved as a whole each time.
#[derive(Debug)]
struct Content {
    /// Whom to wake; `None` once there was an outcome.
    waker: Option<Waker>,
    /// There from the end of the call until the caller takes it.
    outcome: Option<Outcome>,
    /// The way of the call's commands, where an observer is installed.
    trace: Option<Box<Trace>>,
}

impl ReplySlot {
    /// A slot whose caller is woken by `waker`.
    pub(crate) fn new(waker: Waker, trace: Option<Box<Trace>>) -> Arc<Self> {
        let spare = SPARE.try_with(|spare| spare.borrow_mut().pop()).ok().flatten();
        if let Some(mut slot) = spare {
            // Not if the link still holds it: it could complete this call with the last one's outcome.
            if let Some(Self(content)) = Arc::get_mut(&mut slot) {
                let content = content.get_mut().unwrap_or_else(PoisonError::into_inner);
                (content.waker, content.trace) = (Some(waker), trace);
                return slot;
            }
        }
        Arc::new(Self(Mutex::new(Content { waker: Some(waker), outcome: None, trace })))
    }

    /// Gives a slot whose outcome was taken back for a further call on this thread.
    pub(crate) fn recycle(self: Arc<Self>) {
        // A thread that is ending has no spare ones any more: this one is freed then.
        let _ = SPARE.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            if spare.len() < SPARE_SLOTS {
                spare.push(self);
            }
        });
    }

    /// The caller looks for its outcome. After it was taken, pending for ever.
    pub(crate) fn poll_outcome(&self, cx: &Context<'_>) -> Poll<Outcome> {
        let mut content = self.lock();
        if let Some(waker) = &mut content.waker {
            if !waker.will_wake(cx.waker()) {
                waker.clone_from(cx.waker());
            }
            return Poll::Pending;
        }
        content.outcome.take().map_or(Poll::Pending, Poll::Ready)
    }

    /// The link has the outcome. It gets it back if nobody will look for it: the caller [gave up](Self::give_up), or had
    /// an outcome already.
    #[inline(always)]
    pub(crate) fn complete(&self, outcome: Outcome) -> Option<Outcome> {
        let mut content = self.lock();
        let Some(waker) = content.waker.take() else { return Some(outcome) };
        content.outcome = Some(outcome);
        drop(content);
        waker.wake();
        None
    }

    /// The caller will not look again: the outcome, if it is there already. One that comes later is given back to the
    /// link, so that none is lost between the two.
    pub(crate) fn give_up(&self) -> Option<Outcome> {
        let mut content = self.lock();
        let waker = content.waker.take();
        let outcome = content.outcome.take();
        drop(content);
        // It may be the last of something larger: not under the lock.
        drop(waker);
        outcome
    }

    /// The way of the call's commands so far; `None` if it is not noted. Nothing more is noted after that.
    pub(crate) fn take_trace(&self) -> Option<Trace> {
        self.lock().trace.take().map(|trace| *trace)
    }

    fn note(&self, note: impl FnOnce(&mut Trace)) {
        let content = &mut *self.lock();
        if let (Some(_), Some(trace)) = (&content.waker, &mut content.trace) {
            note(trace);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claim for Arc<ReplySlot> {
    /// The caller holds the only other reference.
    fn is_given_up(&self) -> bool {
        Arc::strong_count(self) == 1
    }

    fn note_written(&self, place: usize, now: Instant) {
        self.note(|trace| trace.note_written(place, now));
    }

    fn note_answered(&self, place: usize, now: Instant) {
        self.note(|trace| trace.note_answered(place, now));
    }
}

/// So many slots are kept for further calls on each thread, at most.
const SPARE_SLOTS: usize = 64;

thread_local! {
    /// Slots that nobody uses, empty.
    static SPARE: RefCell<Vec<Arc<ReplySlot>>> = const { RefCell::new(Vec::new()) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::{Loss, Reason};
    use crate::outcome::{Fate, Stage};

    fn outcome() -> Outcome {
        let loss = Loss { reason: Reason::Closed, stage: Stage::Queued, attempts: 0, silent: None, waiting: 0 };
        Outcome::Lost(Lost::new(Fate::NotSent, &Arc::new(loss)))
    }

    fn new() -> Arc<ReplySlot> {
        ReplySlot::new(Waker::noop().clone(), None)
    }

    fn poll(slot: &ReplySlot) -> Poll<Outcome> {
        slot.poll_outcome(&Context::from_waker(Waker::noop()))
    }

    #[test]
    fn an_outcome_is_handed_out_once_and_the_first_one_counts() {
        let slot = new();
        assert!(poll(&slot).is_pending());
        slot.complete(outcome());
        slot.complete(Outcome::Group(GroupEnd::default()));
        assert!(matches!(poll(&slot), Poll::Ready(Outcome::Lost(_))));
        slot.complete(outcome());
        assert!(poll(&slot).is_pending());
    }

    #[test]
    fn an_outcome_goes_to_the_caller_or_back_to_the_link() {
        let slot = new();
        assert!(slot.complete(outcome()).is_none());
        assert!(slot.complete(outcome()).is_some(), "it has one already");
        assert!(slot.give_up().is_some());
        assert!(slot.give_up().is_none());
        let slot = new();
        assert!(slot.give_up().is_none());
        assert!(slot.complete(outcome()).is_some());
        assert!(poll(&slot).is_pending());
    }

    #[test]
    fn a_slot_is_used_again_once_the_link_has_let_go_of_it_and_not_before() {
        let held = new();
        let ticket = Arc::clone(&held);
        ticket.complete(outcome());
        assert!(poll(&held).is_ready());
        held.recycle();
        let free = new();
        assert!(!Arc::ptr_eq(&free, &ticket), "the link could complete another call with it");
        free.complete(outcome());
        assert!(poll(&free).is_ready());
        let place = Arc::as_ptr(&free);
        free.recycle();
        let again = new();
        assert!(std::ptr::eq(Arc::as_ptr(&again), place));
        assert!(poll(&again).is_pending());
        again.complete(outcome());
        assert!(poll(&again).is_ready());
    }
}
