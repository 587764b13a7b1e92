//! A link, as those who use it hold it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::ask::{Ask, Phase};
use super::audience::Audience;
use super::clock;
use super::counters::Counters;
use super::mailbox::{Bounds, Mailbox};
use super::news::News;
use super::provider::CredentialsProvider;
use super::task::LinkTask;
use crate::command::Command;
use crate::connection::{
    Displacement, LinkState, Lost, Offline, Readiness, SessionFacts, SessionSettings, Topic, Wish,
};
use crate::outcome::{Address, Cause};
use crate::resp::Frame;
use crate::transport::Dialer;

/// Who is told what became of commands whose callers look for it no more: the answer, or why there is none.
pub(crate) type Orphans = Arc<dyn Fn(Result<&Frame, &Lost>) + Send + Sync>;

/// Who is told that something has happened to a node of several that may have changed which of them does what.
pub(crate) type Unsettled = Arc<dyn Fn() + Send + Sync>;

/// What a link is made of.
#[derive(Clone)]
pub(crate) struct LinkSettings {
    pub(crate) address: Address,
    pub(crate) dialer: Arc<Dialer>,
    pub(crate) session: SessionSettings,
    /// Gives the credentials, where the session has none of its own.
    pub(crate) provider: Option<Arc<dyn CredentialsProvider>>,
    pub(crate) bounds: Bounds,
    /// How long sent commands may still take once nobody holds the link any more.
    pub(crate) grace: Duration,
    /// Where it is told that certificates were read anew; `None`: among the link's own news.
    pub(crate) reloads: Option<News>,
    /// Who is told of what nobody waits for; `None`: nobody.
    pub(crate) orphans: Option<Orphans>,
    /// Who listens to the link's subscriptions; `None`: nobody, and pushes are told among the link's news.
    pub(crate) audience: Option<Arc<dyn Audience>>,
    /// Where links count that are counted together; `None`: the link has counters of its own.
    pub(crate) counters: Option<Arc<Counters>>,
    /// Who is told that the topology may be another one; `None`: nobody, there is none.
    pub(crate) unsettled: Option<Unsettled>,
    /// Where the link tells what happens; `None`: in news of its own.
    pub(crate) news: Option<News>,
    /// The name that the server's certificate is verified for; `None`: the host that is dialled, or that of the options.
    pub(crate) server_name: Option<Arc<str>>,
}

/// What a link and its task share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) address: Arc<Address>,
    pub(super) state: watch::Sender<LinkState>,
    pub(super) news: News,
    pub(super) counters: Arc<Counters>,
}

/// A link to a node. Dropping it lets what was sent finish within its grace, then closes.
#[derive(Debug)]
pub(crate) struct Link {
    shared: Shared,
    grace: Duration,
}

impl Link {
    /// Starts the link's task on `runtime`; it begins to connect at once.
    pub(crate) fn start(settings: LinkSettings, runtime: &Handle) -> Self {
        let shared = Shared {
            mailbox: Arc::new(Mailbox::new(settings.bounds)),
            address: Arc::new(settings.address.clone()),
            state: watch::Sender::new(LinkState::Idle),
            news: settings.news.clone().unwrap_or_default(),
            counters: settings.counters.clone().unwrap_or_default(),
        };
        // Timers belong to the runtime they are made on.
        let _entered = runtime.enter();
        let grace = settings.grace;
        runtime.spawn(LinkTask::new(settings, &shared));
        Self { shared, grace }
    }

    /// Where commands are put.
    pub(crate) fn mailbox(&self) -> &Mailbox {
        &self.shared.mailbox
    }

    /// Subscribes to `topics`, on this connection and on all that follow, until [`Self::unsubscribe`]. The link's
    /// audience is told of each.
    pub(crate) fn subscribe(&self, topics: impl IntoIterator<Item = Topic>) {
        self.mailbox().wish(topics.into_iter().map(Wish::Subscribe));
    }

    /// Ends the subscriptions to `topics`. Messages that are on their way still come.
    pub(crate) fn unsubscribe(&self, topics: impl IntoIterator<Item = Topic>) {
        self.mailbox().wish(topics.into_iter().map(Wish::Unsubscribe));
    }

    /// The topology has changed: whoever waits here for something that was not sent is told, with [`Reason::Displaced`].
    ///
    /// [`Reason::Displaced`]: crate::connection::Reason::Displaced
    pub(crate) fn displace(&self, displacement: Displacement) {
        self.mailbox().displace(displacement);
    }

    /// The next command is one after which the server tells in simple strings what happens: `listener` is told, and
    /// what becomes of the connection. Nothing else may be sent after that command.
    pub(crate) fn listen(&self, listener: Arc<dyn Audience>) {
        self.mailbox().listen(listener);
    }

    /// The node's address.
    pub(crate) fn address(&self) -> &Address {
        &self.shared.address
    }

    /// What the link has counted.
    pub(crate) fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// Where the link is, and when that changes.
    pub(crate) fn state(&self) -> watch::Receiver<LinkState> {
        self.shared.state.subscribe()
    }

    /// Where the link is now. Must not be held for long: the link waits for it to change that.
    pub(crate) fn standing(&self) -> watch::Ref<'_, LinkState> {
        self.shared.state.borrow()
    }

    /// Why there is no connection; `None`: there is one, or nothing has gone wrong yet.
    pub(crate) fn trouble(&self) -> Option<Cause> {
        match &*self.standing() {
            LinkState::Backoff { cause, .. } | LinkState::Connecting { last: Some(cause), .. } => Some(cause.clone()),
            _ => None,
        }
    }

    /// Waits until commands can be sent. The error is why they never will be, unless a certificate, a password or a
    /// setting is changed; `ClosedHere` if the link is closed.
    ///
    /// Can be dropped.
    pub(crate) async fn ready(&self) -> Result<Arc<SessionFacts>, Cause> {
        self.ready_for(Offline::Wait).await
    }

    /// The same for who waits for a connection as `offline` says.
    pub(crate) async fn ready_for(&self, offline: Offline) -> Result<Arc<SessionFacts>, Cause> {
        let mut state = self.state();
        loop {
            match state.borrow_and_update().readiness_for(offline) {
                Readiness::Ready(facts) => return Ok(facts),
                Readiness::Never(cause) => return Err(cause),
                Readiness::NotYet => {}
            }
            if state.changed().await.is_err() {
                return Err(Cause::ClosedHere);
            }
        }
    }

    /// Sends a command of the program's own and waits for its answer, until `until` at the latest. It is sent once.
    ///
    /// Can be dropped, as any call.
    pub(crate) fn ask(&self, mut command: Command, until: Option<Instant>) -> Ask<'_> {
        command.seal();
        Ask { mailbox: self.mailbox(), phase: Phase::Unsent(command, until) }
    }

    /// Where the link tells what happens.
    pub(crate) fn news(&self) -> &News {
        &self.shared.news
    }

    /// Whether it takes no more commands: it was closed, or has ended.
    pub(crate) fn is_ended(&self) -> bool {
        matches!(*self.shared.state.borrow(), LinkState::Closed { .. })
    }

    /// Takes no more commands, waits for the answers to those it has until `until`, gives up the rest.
    pub(crate) async fn close(&self, until: Instant) {
        self.mailbox().close(until);
        // It cannot fail: this holds a sender too.
        let _ = self.state().wait_for(|state| matches!(state, LinkState::Closed { .. })).await;
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.mailbox().close(clock::now() + self.grace);
    }
}
