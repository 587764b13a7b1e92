//! Where a caller waits for its answers.

use std::sync::{Arc, Mutex, PoisonError};
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
pub(crate) struct ReplySlot {
    content: Mutex<Content>,
    /// `None` where no observer is installed.
    trace: Option<Box<Trace>>,
}

#[derive(Debug)]
enum Content {
    Waiting(Waker),
    Done(Outcome),
    Taken,
}

impl ReplySlot {
    /// A slot whose caller is woken by `waker`.
    pub(crate) fn new(waker: Waker) -> Arc<Self> {
        Arc::new(Self { content: Mutex::new(Content::Waiting(waker)), trace: None })
    }

    /// A slot in which the way of the call's commands is noted too.
    pub(crate) fn traced(waker: Waker, trace: Trace) -> Arc<Self> {
        Arc::new(Self { content: Mutex::new(Content::Waiting(waker)), trace: Some(Box::new(trace)) })
    }

    /// The way of the call's commands so far; `None` if it is not noted.
    pub(crate) fn trace(&self) -> Option<&Trace> {
        self.trace.as_deref()
    }

    /// The caller looks for its outcome. After it was taken, pending for ever.
    pub(crate) fn poll_outcome(&self, cx: &Context<'_>) -> Poll<Outcome> {
        let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *content {
            Content::Waiting(waker) => {
                if !waker.will_wake(cx.waker()) {
                    waker.clone_from(cx.waker());
                }
                Poll::Pending
            }
            Content::Taken => Poll::Pending,
            Content::Done(_) => match std::mem::replace(&mut *content, Content::Taken) {
                Content::Done(outcome) => Poll::Ready(outcome),
                Content::Waiting(_) | Content::Taken => Poll::Pending,
            },
        }
    }

    /// The link has the outcome.
    pub(crate) fn complete(&self, outcome: Outcome) {
        let before = {
            let mut content = self.content.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *content, Content::Done(outcome))
        };
        if let Content::Waiting(waker) = before {
            waker.wake();
        }
    }
}

impl Claim for Arc<ReplySlot> {
    /// The caller holds the only other reference.
    fn is_given_up(&self) -> bool {
        Arc::strong_count(self) == 1
    }

    fn note_written(&self, place: usize, now: Instant) {
        if let Some(trace) = &self.trace {
            trace.note_written(place, now);
        }
    }

    fn note_answered(&self, place: usize, now: Instant) {
        if let Some(trace) = &self.trace {
            trace.note_answered(place, now);
        }
    }
}
