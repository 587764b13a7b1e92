//! Where a caller waits for its answers.

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

/// The way of the call's commands is in it only where an observer is installed, and takes no room where none is: every
/// call moves one of these.
#[derive(Debug)]
enum Content {
    Waiting(Waker, Option<Box<Trace>>),
    Done(Outcome),
    DoneTraced(Box<(Outcome, Trace)>),
    Taken(Option<Box<Trace>>),
}

impl ReplySlot {
    /// A slot whose caller is woken by `waker`.
    pub(crate) fn new(waker: Waker, trace: Option<Box<Trace>>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Content::Waiting(waker, trace))))
    }

    /// The caller looks for its outcome. After it was taken, pending for ever.
    pub(crate) fn poll_outcome(&self, cx: &Context<'_>) -> Poll<Outcome> {
        let mut content = self.lock();
        match &mut *content {
            Content::Waiting(waker, _) => {
                if !waker.will_wake(cx.waker()) {
                    waker.clone_from(cx.waker());
                }
                Poll::Pending
            }
            Content::Taken(_) => Poll::Pending,
            Content::Done(_) | Content::DoneTraced(_) => match std::mem::replace(&mut *content, Content::Taken(None)) {
                Content::Done(outcome) => Poll::Ready(outcome),
                Content::DoneTraced(both) => {
                    let (outcome, trace) = *both;
                    *content = Content::Taken(Some(Box::new(trace)));
                    Poll::Ready(outcome)
                }
                Content::Waiting(..) | Content::Taken(_) => Poll::Pending,
            },
        }
    }

    /// The link has the outcome.
    pub(crate) fn complete(&self, outcome: Outcome) {
        let mut content = self.lock();
        let waker = match std::mem::replace(&mut *content, Content::Done(outcome)) {
            Content::Waiting(waker, None) => waker,
            Content::Waiting(waker, Some(trace)) => {
                content.add_trace(*trace);
                waker
            }
            Content::Done(_) | Content::DoneTraced(_) | Content::Taken(_) => return,
        };
        drop(content);
        waker.wake();
    }

    /// The way of the call's commands so far; `None` if it is not noted. Nothing more is noted after that.
    pub(crate) fn take_trace(&self) -> Option<Trace> {
        match &mut *self.lock() {
            Content::Waiting(_, trace) | Content::Taken(trace) => trace.take().map(|trace| *trace),
            Content::DoneTraced(both) => Some(std::mem::take(&mut both.1)),
            Content::Done(_) => None,
        }
    }

    fn note(&self, note: impl FnOnce(&mut Trace)) {
        if let Content::Waiting(_, Some(trace)) = &mut *self.lock() {
            note(trace);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    /// Adds the way that the commands took to the outcome.
    fn add_trace(&mut self, trace: Trace) {
        *self = match std::mem::replace(self, Self::Taken(None)) {
            Self::Done(outcome) => Self::DoneTraced(Box::new((outcome, trace))),
            other => other,
        };
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
