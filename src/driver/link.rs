//! A link, as those who use it hold it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::clock;
use super::counters::Counters;
use super::credentials::Asking;
use super::mailbox::{Bounds, Mailbox};
use super::news::{Events, News};
use super::provider::CredentialsProvider;
use super::task::LinkTask;
use crate::connection::{LinkState, Session, SessionSettings};
use crate::outcome::Address;
use crate::transport::Dialer;

/// What a link is made of.
pub(crate) struct LinkSettings {
    pub(crate) address: Address,
    pub(crate) dialer: Arc<Dialer>,
    pub(crate) session: SessionSettings,
    /// Gives the credentials, where the session has none of its own.
    pub(crate) provider: Option<Arc<dyn CredentialsProvider>>,
    pub(crate) bounds: Bounds,
    /// How long sent commands may still take once nobody holds the link any more.
    pub(crate) grace: Duration,
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
            address: Arc::new(settings.address),
            state: watch::Sender::new(LinkState::Idle),
            news: News::new(),
            counters: Arc::default(),
        };
        // Timers belong to the runtime they are made on.
        let _entered = runtime.enter();
        let session = Session::new(settings.session, clock::now());
        let asking = Asking::new(settings.provider);
        runtime.spawn(LinkTask::new(session, settings.dialer, asking, &shared));
        Self { shared, grace: settings.grace }
    }

    /// Where commands are put.
    pub(crate) fn mailbox(&self) -> &Mailbox {
        &self.shared.mailbox
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

    /// What happens on the link from now on.
    pub(crate) fn events(&self) -> Events {
        self.shared.news.listen()
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
