//! A command of the program's own: neither counted nor observed, and sent once.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use super::mailbox::{Mailbox, Posted};
use super::slot::{Outcome, ReplySlot};
use crate::command::Command;
use crate::connection::{Entry, Loss, Lost, Reason, Repeat, Room};
use crate::outcome::{Fate, Stage};
use crate::resp::Frame;

/// A command on its way: resolves to its answer, which may be an error of the server's. It is sent when this is first
/// polled.
#[must_use = "a command is sent when this is awaited"]
pub(crate) struct Ask<'l> {
    pub(super) mailbox: &'l Mailbox,
    pub(super) phase: Phase,
}

pub(super) enum Phase {
    Unsent(Command, Option<Instant>),
    Waiting(Posted),
    Done,
}

impl Future for Ask<'_> {
    type Output = Result<Frame, Lost>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { mailbox, phase } = self.get_mut();
        let outcome = match phase {
            Phase::Unsent(command, until) => {
                let slot = ReplySlot::new(cx.waker().clone(), None);
                let room = Room { commands: 1, bytes: command.size() };
                let posted = mailbox.post(slot, room, 0, |log, ticket| {
                    let len = command.write_to(log);
                    Entry::single(ticket, len, *until, Repeat::Forbidden)
                });
                match posted {
                    Ok(posted) => {
                        *phase = Phase::Waiting(posted);
                        return Poll::Pending;
                    }
                    Err(lost) => Err(lost),
                }
            }
            Phase::Waiting(posted) => match ready!(posted.slot.poll_outcome(cx)) {
                Outcome::Answered(frame, _) => Ok(frame),
                Outcome::Lost(lost) => Err(lost),
                // A single command is never answered as several are.
                Outcome::Group(_) => Err(closed()),
            },
            // Polled after it was ready: there is nothing more to come.
            Phase::Done => return Poll::Pending,
        };
        if let Phase::Waiting(posted) = std::mem::replace(phase, Phase::Done) {
            posted.slot.recycle();
        }
        Poll::Ready(outcome)
    }
}

impl Drop for Ask<'_> {
    fn drop(&mut self) {
        if let Phase::Waiting(posted) = std::mem::replace(&mut self.phase, Phase::Done) {
            self.mailbox.withdraw(posted);
        }
    }
}

fn closed() -> Lost {
    let loss = Loss { reason: Reason::Closed, stage: Stage::Queued, attempts: 0, silent: None, waiting: 0 };
    Lost::new(Fate::NotSent, &std::sync::Arc::new(loss))
}
