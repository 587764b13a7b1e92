//! The link of a node that subscriptions use.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::runtime::Handle;

use super::hub::Hub;
use crate::driver::{Audience, Link, LinkSettings, News};
use crate::outcome::Cause;

/// Which connection subscriptions use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Subscriptions {
    /// One of their own, which is made when it is needed first.
    ///
    /// A server bounds what it keeps for a connection that is subscribed to something (by default 32 MiB, or 8 MiB for a
    /// minute) and closes one that lags behind: there, a large reply would cost everybody the connection.
    #[default]
    Own,
    /// That of the commands, in RESP3; else one of their own. For servers with few places for connections, and replies that
    /// stay well below the bound above. Of one server: with several nodes, each has one of its own when it is needed.
    Shared,
}

/// The link of their own that subscriptions use, once there is one.
pub(super) struct OwnSubscriber {
    settings: LinkSettings,
    runtime: Handle,
    phase: Mutex<Phase>,
}

#[derive(Debug)]
enum Phase {
    Unused,
    Started {
        link: Arc<Link>,
        /// `None`: it is that of all nodes.
        hub: Option<Arc<Hub>>,
    },
    Closed,
}

impl OwnSubscriber {
    pub(super) fn new(settings: LinkSettings, runtime: Handle) -> Self {
        Self { settings, runtime, phase: Mutex::new(Phase::Unused) }
    }

    /// Who is subscribed over the link, which may not be ready yet. Gaps are told in `news`.
    pub(super) fn get(&self, news: &News) -> Result<Arc<Hub>, Cause> {
        let mut phase = self.lock();
        match &*phase {
            Phase::Started { hub: Some(hub), .. } => Ok(Arc::clone(hub)),
            Phase::Started { hub: None, .. } | Phase::Closed => Err(Cause::ClosedHere),
            Phase::Unused => {
                let hub = Arc::<Hub>::default();
                let link = self.start(hub.sole_audience());
                hub.attach(&link, news);
                *phase = Phase::Started { link, hub: Some(Arc::clone(&hub)) };
                Ok(hub)
            }
        }
    }

    /// The link, for an audience of many links; `None`: it is closed, or another one's.
    pub(super) fn hear(&self, audience: Arc<dyn Audience>) -> Option<Arc<Link>> {
        let mut phase = self.lock();
        if !matches!(*phase, Phase::Unused) {
            return None;
        }
        let link = self.start(audience);
        *phase = Phase::Started { link: Arc::clone(&link), hub: None };
        Some(link)
    }

    fn start(&self, audience: Arc<dyn Audience>) -> Arc<Link> {
        let settings = LinkSettings { audience: Some(audience), ..self.settings.clone() };
        Arc::new(Link::start(settings, &self.runtime))
    }

    /// Where the link runs.
    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Closes the link, and makes none any more.
    pub(super) fn close(&self, until: Instant) -> Option<Arc<Link>> {
        let phase = std::mem::replace(&mut *self.lock(), Phase::Closed);
        let Phase::Started { link, .. } = phase else { return None };
        link.mailbox().close(until);
        Some(link)
    }

    fn lock(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for OwnSubscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnSubscriber").field("phase", &*self.lock()).finish_non_exhaustive()
    }
}
