//! The link of a node that subscriptions use.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::runtime::Handle;

use super::hub::Hub;
use crate::driver::{Link, LinkSettings, News};
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
    /// stay well below the bound above.
    Shared,
}

/// A link, and who is subscribed over it.
#[derive(Clone, Debug)]
pub(crate) struct Subscriber {
    pub(crate) link: Arc<Link>,
    pub(crate) hub: Arc<Hub>,
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
    Started(Subscriber),
    Closed,
}

impl OwnSubscriber {
    pub(super) fn new(settings: LinkSettings, runtime: Handle) -> Self {
        Self { settings, runtime, phase: Mutex::new(Phase::Unused) }
    }

    /// The link, which may not be ready yet. Gaps are told in `news`.
    pub(super) fn get(&self, news: &News) -> Result<Subscriber, Cause> {
        let mut phase = self.lock();
        match &*phase {
            Phase::Started(subscriber) => Ok(subscriber.clone()),
            Phase::Closed => Err(Cause::ClosedHere),
            Phase::Unused => {
                let hub = Arc::new(Hub::default());
                let settings = LinkSettings { audience: Some(hub.clone()), ..self.settings.clone() };
                let link = Arc::new(Link::start(settings, &self.runtime));
                hub.attach(&link, news);
                let subscriber = Subscriber { link, hub };
                *phase = Phase::Started(subscriber.clone());
                Ok(subscriber)
            }
        }
    }

    /// Where the link runs.
    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Closes the link, and makes none any more.
    pub(super) fn close(&self, until: Instant) -> Option<Arc<Link>> {
        let phase = std::mem::replace(&mut *self.lock(), Phase::Closed);
        let Phase::Started(subscriber) = phase else { return None };
        subscriber.link.mailbox().close(until);
        Some(subscriber.link)
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
