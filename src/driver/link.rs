//! A link, as those who use it hold it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::clock;
use super::mailbox::{Bounds, Mailbox};
use super::task::LinkTask;
use crate::connection::{LinkState, Session, SessionSettings};
use crate::outcome::Address;
use crate::transport::Dialer;

/// What a link is made of.
pub(crate) struct LinkSettings {
    pub(crate) address: Address,
    pub(crate) dialer: Arc<Dialer>,
    pub(crate) session: SessionSettings,
    pub(crate) bounds: Bounds,
    /// How long sent commands may still take once nobody holds the link any more.
    pub(crate) grace: Duration,
}

/// A link to a node. Dropping it lets what was sent finish within its grace, then closes.
#[derive(Debug)]
pub(crate) struct Link {
    mailbox: Arc<Mailbox>,
    state: watch::Receiver<LinkState>,
    address: Arc<Address>,
    grace: Duration,
}

impl Link {
    /// Starts the link's task on `runtime`; it begins to connect at once.
    pub(crate) fn start(settings: LinkSettings, runtime: &Handle) -> Self {
        let mailbox = Arc::new(Mailbox::new(settings.bounds));
        let address = Arc::new(settings.address);
        let (sender, state) = watch::channel(LinkState::Idle);
        // Timers belong to the runtime they are made on.
        let _entered = runtime.enter();
        let session = Session::new(settings.session, clock::now());
        let task = LinkTask::new(session, Arc::clone(&mailbox), settings.dialer, Arc::clone(&address), sender);
        runtime.spawn(task);
        Self { mailbox, state, address, grace: settings.grace }
    }

    /// Where commands are put.
    pub(crate) fn mailbox(&self) -> &Mailbox {
        &self.mailbox
    }

    /// The node's address.
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// Where the link is, and when that changes.
    pub(crate) fn state(&self) -> watch::Receiver<LinkState> {
        self.state.clone()
    }

    /// Takes no more commands, waits for the answers to those it has until `until`, gives up the rest.
    pub(crate) async fn close(&self, until: Instant) {
        self.mailbox.close(until);
        let mut state = self.state.clone();
        // The channel is closed when the task is gone, which is as good.
        let _ = state.wait_for(|state| matches!(state, LinkState::Closed { .. })).await;
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.mailbox.close(clock::now() + self.grace);
    }
}
