//! Waiting until the server has confirmed topics, under a deadline.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use crate::client::report::{self, Name};
use crate::client::{Client, deadline_of};
use crate::command::{Command, Facts, Limit, ToArgs, known};
use crate::connection::{LinkState, Offline, Readiness, Sent, Topic, TopicKind};
use crate::driver::Link;
use crate::error::{Detail, Error, ErrorKind, Report};
use crate::outcome::{Address, Cause, Fate, Stage};
use crate::topology::{Denied, Deployed, Joining, Rang, before};

/// A call that asks for topics of one kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request {
    pub(super) kind: TopicKind,
    within: Option<Duration>,
    deadline: Option<Instant>,
    /// What it does where there is no connection.
    offline: Offline,
}

/// The topics that arguments name, each once.
///
/// # Errors
/// If there are none, or one can't be written.
pub(super) fn topics(kind: TopicKind, names: &impl ToArgs) -> Result<Vec<Topic>, Error> {
    let facts = facts(kind);
    let mut command = Command::of(facts);
    command.push(names);
    let reason = match command.arguments() {
        Ok(names) if !names.is_empty() => return Ok(names.into_iter().map(|name| Topic { kind, name }).collect()),
        Ok(_) => "an empty list of channels or patterns".into(),
        Err(reason) => reason,
    };
    let report = Report::new(ErrorKind::Arguments, Fate::NotSent, facts.name());
    Err(Error::new(Report { detail: Detail::Arguments(reason), ..report }))
}

impl Request {
    /// A call that is made now.
    pub(super) fn new(kind: TopicKind, client: &Client, limit: Limit) -> Self {
        let within = client.within(limit);
        let offline = match client.deployed() {
            Deployed::One(links) => links.blocking().offline(),
            Deployed::Many(routes) => routes.offline(),
        };
        Self { kind, within, deadline: deadline_of(within), offline }
    }

    /// Waits for something of a link; the error says how far the link had got.
    pub(super) async fn reach<T>(
        &self,
        client: &Client,
        wanted: impl Future<Output = Result<T, Cause>>,
    ) -> Result<T, Error> {
        match before(wanted, self.deadline, client.runtime()).await {
            Ok(Ok(reached)) => Ok(reached),
            Ok(Err(cause)) => Err(self.unreachable(client.address(), cause)),
            Err(Rang::RuntimeGone) => Err(self.unreachable(client.address(), Cause::RuntimeGone)),
            Err(Rang::Time) => Err(Error::new(self.timed_out(&client.state().borrow(), client.address()))),
        }
    }

    /// Waits until everything is confirmed.
    ///
    /// `link` says over which link something of it is heard; with several nodes there may be none yet, and another one later.
    pub(super) async fn confirmed(
        &self,
        client: &Client,
        link: &(dyn Fn() -> Option<Arc<Link>> + Send + Sync),
        joining: &mut Joining,
    ) -> Result<(), Error> {
        // Where there are others, a node that is lost for good is not waited for either, but left.
        let awaited =
            link().filter(|_| matches!(client.deployed(), Deployed::One(_)) || self.offline == Offline::FailFast);
        let mut dead = pin!(unusable(awaited, self.offline));
        let settled = poll_fn(|cx| {
            if let Poll::Ready(outcome) = Pin::new(&mut joining.outcome).poll(cx) {
                return Poll::Ready(outcome.unwrap_or(Err(Denied::Ended(Cause::ClosedHere))));
            }
            dead.as_mut().poll(cx).map(|cause| Err(Denied::Ended(cause)))
        });
        let ended = before(settled, self.deadline, client.runtime()).await;
        let link = link();
        let node = link.as_ref().map_or(client.address(), |link| link.address());
        match (ended, &link) {
            (Ok(outcome), _) => outcome.map_err(|denied| self.denied(node, denied)),
            (Err(Rang::RuntimeGone), _) => Err(self.unreachable(node, Cause::RuntimeGone)),
            (Err(Rang::Time), Some(link)) => {
                let state = link.standing().clone();
                Err(report::subscribe_timeout(self.timed_out(&state, node), &state, joining.asked()))
            }
            (Err(Rang::Time), None) => {
                let report = self.timed_out(&LinkState::Idle, node);
                Err(Error::new(Report { stage: Some(Stage::Topology), ..report }))
            }
        }
    }

    /// Why it is not subscribed to.
    pub(super) fn denied(&self, node: &Address, denied: Denied) -> Error {
        match denied {
            Denied::Refused(topic, error) => {
                let name = Name::new(facts(topic.kind), None);
                report::server(&name, node, error, Sent::Once)
            }
            Denied::Ended(cause) => self.unreachable(node, cause),
        }
    }

    fn unreachable(&self, node: &Address, cause: Cause) -> Error {
        report::unreachable(facts(self.kind).name(), node, cause)
    }

    fn timed_out(&self, state: &LinkState, node: &Address) -> Report {
        let within = self.within.unwrap_or_default();
        report::timed_out(facts(self.kind).name(), state, node, Some(within))
    }
}

/// Waits until there is no point in waiting for the link any more; for ever, if there is none that is waited for.
async fn unusable(link: Option<Arc<Link>>, offline: Offline) -> Cause {
    let Some(link) = link else { return std::future::pending().await };
    let mut state = link.state();
    loop {
        if let Readiness::Never(cause) = state.borrow_and_update().readiness_for(offline) {
            return cause;
        }
        if state.changed().await.is_err() {
            return Cause::ClosedHere;
        }
    }
}

fn facts(kind: TopicKind) -> &'static Facts {
    match kind {
        TopicKind::Channel => const { known("SUBSCRIBE") },
        TopicKind::Pattern => const { known("PSUBSCRIBE") },
        TopicKind::Shard => const { known("SSUBSCRIBE") },
    }
}
