//! The session's dealings with subscriptions.

use std::time::Instant;

use super::super::backlog::Claim;
use super::super::settings::Role;
use super::super::subscriptions::{
    Answer, Change, Confirmed, Questions, Reach, Wish, last_words, unasked_confirmation,
};
use super::Session;
use crate::outcome::Cause;
use crate::resp::{Frame, Protocol};

/// Whether the link's connection has survived what came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Survival {
    Lives,
    Lost,
}

impl<T: Claim> Session<T> {
    /// The application wants other subscriptions, from now on over all connections. Of several wishes about one topic the
    /// last one counts: while the others wait here, the application may be told of a subscription that it has ended since
    /// and wants again, and that is the truth only if the server is not asked to end it.
    pub(crate) fn wish(&mut self, wishes: impl IntoIterator<Item = Wish>) {
        let mut questions = Questions::at(self.backlog.end());
        for wish in last_words(wishes.into_iter().collect()) {
            self.subscriptions.wish(wish, &mut questions, &mut self.outputs);
        }
        self.ask(questions);
    }

    /// There is a connection: everything that is wanted is asked for again.
    pub(super) fn restore_subscriptions(&mut self) {
        if self.closing.is_some() {
            return;
        }
        let protocol = self.state.session().map(|facts| facts.server.protocol);
        let reach = match (self.settings.role, protocol) {
            (Role::Subscriber, _) => Reach::Server,
            (_, Some(Protocol::Resp2)) => Reach::Unsuited,
            _ => Reach::Server,
        };
        let mut questions = Questions::at(self.backlog.end());
        self.subscriptions.handle_established(reach, &mut questions, &mut self.outputs);
        self.ask(questions);
    }

    /// The server confirms something.
    pub(super) fn handle_confirmation(&mut self, change: Change, now: Instant) -> Survival {
        let oldest = self.backlog.oldest().filter(|_| self.backlog.due() > 0);
        match self.subscriptions.handle_confirmation(change, oldest, &mut self.outputs) {
            Confirmed::Answer => self.backlog.pop_own(),
            Confirmed::Unasked => {}
            Confirmed::Impossible => {
                self.handle_lost(unasked_confirmation(), now);
                return Survival::Lost;
            }
        }
        Survival::Lives
    }

    /// What came in the place of a confirmation, if the oldest command is one that asks for it.
    pub(super) fn handle_subscription_answer(
        &mut self,
        answer: &Frame,
        oldest: Option<u64>,
        now: Instant,
    ) -> Option<Answer> {
        if !self.subscriptions.holds(oldest) {
            return None;
        }
        let due = self.backlog.due();
        Some(self.subscriptions.handle_answer(answer.reply(), (due, now), &mut self.outputs))
    }

    /// How many answers to commands that were answered already can be told apart from others, while none is due.
    #[cold]
    pub(super) fn late(&self) -> usize {
        usize::from(self.subscriptions.may_be_late(self.backlog.oldest()))
    }

    pub(super) fn handle_subscription_timeout(&mut self, now: Instant) {
        if self.subscriptions.due().is_some_and(|due| due <= now) {
            let mut questions = Questions::at(self.backlog.end());
            self.subscriptions.handle_timeout(now, &mut questions);
            self.ask(questions);
        }
    }

    fn ask(&mut self, questions: Questions<T>) {
        let mut batch = self.subscriptions.finish(questions);
        if !batch.entries.is_empty() {
            self.backlog.extend(&mut batch);
        }
    }
}

/// What was said in the place of a confirmation is none.
pub(super) fn no_confirmation() -> Cause {
    Cause::Protocol { detail: "something else in the place of the confirmation of a subscription".to_owned() }
}
