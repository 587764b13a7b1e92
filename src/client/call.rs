//! A call: a command on its way, to be awaited.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use super::handle::{Client, deadline_of};
use super::report::{self, Name};
use super::settings::policy;
use crate::command::{Command, OnRefusal, Reader, Replay, Request, ServerError};
use crate::connection::{Entry, Lost, Room, Sent};
use crate::driver::{Outcome, Posted};
use crate::error::Error;
use crate::resp::Frame;

/// A call: resolves to the answer, or to an [`Error`] that says what became of the command.
///
/// The deadline counts from the moment this was made; the command is sent when it is first polled.
///
/// # Cancellation
/// Can be dropped at any time, see [`Client`]. `Send`, whatever `T` is.
#[must_use = "a call does nothing until it is awaited"]
pub struct Call<'c, T> {
    client: &'c Client,
    within: Option<Duration>,
    deadline: Option<Instant>,
    replay: Replay,
    on_refusal: OnRefusal,
    reader: Reader<T>,
    /// Whether a command that this one stands for may have run already.
    before: Sent,
    phase: Phase,
}

enum Phase {
    Unsent(Command),
    Waiting(Posted, Name),
    Done,
}

impl<'c, T> Call<'c, T> {
    pub(super) fn new<O>(request: Request<&'c Client, T, O>) -> Self {
        let Request { executor: client, command, deadline, replay, on_refusal, reader, .. } = request;
        let within = client.within(deadline);
        Self {
            client,
            within,
            deadline: deadline_of(within),
            replay: replay.unwrap_or(client.replay()),
            on_refusal: on_refusal.unwrap_or(client.on_refusal()),
            reader,
            before: Sent::Once,
            phase: Phase::Unsent(command),
        }
    }

    /// Another call with the same settings, until the same deadline, for a command that stands for the first one; `before`:
    /// whether that one may have run.
    pub(super) fn again(&self, command: Command, before: Sent) -> Self {
        Self { phase: Phase::Unsent(command), before, ..*self }
    }

    fn post(&self, mut command: Command, name: &Name, cx: &Context<'_>) -> Result<Posted, Error> {
        if let Some(unfit) = command.unfit() {
            return Err(report::unfit(name, &unfit));
        }
        command.seal();
        let link = self.client.link();
        let slot = self.client.slot(cx.waker().clone(), 1);
        let deadline = self.deadline;
        let policy = policy(self.replay, self.on_refusal, &command);
        let posted = link.mailbox().post(slot, Room { commands: 1, bytes: command.size() }, 1, |log, ticket| {
            let len = command.write_to(log);
            Entry::single(ticket, len, deadline, policy)
        });
        posted.map_err(|lost| self.lost(name, lost))
    }
}

impl<T> Call<'_, T> {
    fn lost(&self, name: &Name, lost: Lost) -> Error {
        let fate = report::unless_sent_before(lost.fate, self.before);
        report::lost(name, self.client.link().address(), self.within, &Lost { fate, ..lost })
    }

    fn answer(&self, name: &Name, frame: &Frame, sent: Sent) -> Result<T, Error> {
        let reply = frame.reply();
        if frame.has_error() {
            let error = ServerError::from_bytes(reply.bytes().unwrap_or_default());
            let sent = if self.before == Sent::Again { self.before } else { sent };
            return Err(report::server(name, self.client.link().address(), error, sent));
        }
        (self.reader)(reply).map_err(|error| report::conversion(name, self.client.link().address(), error))
    }
}

impl<T> Future for Call<'_, T> {
    type Output = Result<T, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let Phase::Waiting(posted, name) = &this.phase {
            let outcome = match ready!(posted.slot.poll_outcome(cx)) {
                Outcome::Answered(frame, sent) => this.answer(name, &frame, sent),
                Outcome::Lost(lost) => Err(this.lost(name, lost)),
                // A single command is never answered as several are.
                Outcome::Group(_) => Err(report::closed(name)),
            };
            this.client.ended(name, Some(&posted.slot), &outcome);
            this.phase = Phase::Done;
            return Poll::Ready(outcome);
        }
        match std::mem::replace(&mut this.phase, Phase::Done) {
            Phase::Unsent(command) => {
                let name = Name::of(&command);
                match this.post(command, &name, cx) {
                    Ok(posted) => {
                        this.phase = Phase::Waiting(posted, name);
                        Poll::Pending
                    }
                    Err(error) => {
                        let outcome = Err(error);
                        this.client.ended(&name, None, &outcome);
                        Poll::Ready(outcome)
                    }
                }
            }
            // Polled after it was ready: there is nothing more to come.
            Phase::Waiting(..) | Phase::Done => Poll::Pending,
        }
    }
}

impl<T> Drop for Call<'_, T> {
    fn drop(&mut self) {
        if let Phase::Waiting(posted, name) = std::mem::replace(&mut self.phase, Phase::Done) {
            self.client.cancelled(&posted.slot, std::iter::once((name, Some(0))));
            self.client.link().mailbox().withdraw(posted);
        }
    }
}

impl<T> fmt::Debug for Call<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match &self.phase {
            Phase::Unsent(command) => command.name(),
            Phase::Waiting(_, name) => name.as_str(),
            Phase::Done => "(done)",
        };
        f.debug_struct("Call").field("command", &name).finish_non_exhaustive()
    }
}
