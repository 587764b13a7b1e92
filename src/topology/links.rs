//! The links of one node: the one that all callers share, and those for what needs a connection of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::hub::Hub;
use super::pool::{Pool, PoolBounds};
use super::subscriber::{OwnSubscriber, Subscriptions};
use crate::connection::{Role, Room};
use crate::driver::{AtCapacity, Audience, Bounds, Link, LinkSettings};
use crate::outcome::Cause;
use crate::resp::Protocol;

/// All links to one node. Dropping it lets what was sent on the shared link finish, then closes everything.
#[derive(Debug)]
pub(crate) struct Links {
    shared: Arc<Link>,
    blocking: Arc<Pool>,
    leases: Arc<Pool>,
    subscriber: OwnSubscriber,
    /// Who is subscribed over the shared link; `None`: subscriptions never use it.
    shared_hub: Option<Arc<Hub>>,
}

/// How many links of their own callers may have, and for how long these are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinksBounds {
    pub(crate) blocking: PoolBounds,
    pub(crate) leases: PoolBounds,
    /// Which link subscriptions use.
    pub(crate) subscriptions: Subscriptions,
}

impl Links {
    /// Starts the shared link on `runtime`; the others are made when they are needed.
    pub(crate) fn start(settings: &LinkSettings, bounds: &LinksBounds, runtime: &Handle) -> Self {
        let shared_hub = (bounds.subscriptions == Subscriptions::Shared).then(Arc::<Hub>::default);
        let audience = shared_hub.as_ref().map(Hub::sole_audience);
        let shared = Arc::new(Link::start(LinkSettings { audience, ..settings.clone() }, runtime));
        if let Some(hub) = &shared_hub {
            hub.attach(&shared, shared.news());
        }
        let pool = |role, bounds| {
            Pool::new(own_settings(settings, role, &shared), bounds, Arc::clone(&shared), runtime.clone())
        };
        let (blocking, leases) = (pool(Role::Blocking, bounds.blocking), pool(Role::Leased, bounds.leases));
        let subscriber = OwnSubscriber::new(subscriber_settings(settings, &shared), runtime.clone());
        Self { shared, blocking, leases, subscriber, shared_hub }
    }

    /// The link for every command that needs none of its own.
    pub(crate) fn shared(&self) -> &Link {
        &self.shared
    }

    /// The links for commands that block.
    pub(crate) fn blocking(&self) -> &Arc<Pool> {
        &self.blocking
    }

    /// The links for callers who make a connection what they need.
    pub(crate) fn leases(&self) -> &Arc<Pool> {
        &self.leases
    }

    /// Who is subscribed over the link for subscriptions. Waits for the shared link if that may be the one.
    ///
    /// The error is why there will be none: see [`Link::ready`].
    pub(crate) async fn subscriber(&self) -> Result<Arc<Hub>, Cause> {
        if let Some(hub) = &self.shared_hub {
            // In RESP2 a connection that is subscribed to something takes no other commands.
            if self.shared.ready().await?.server.protocol == Protocol::Resp3 {
                return Ok(Arc::clone(hub));
            }
        }
        self.subscriber.get(self.shared.news())
    }

    /// The link for subscriptions, of one of several nodes: `audience` is told what comes. `None`: it is closed.
    pub(super) fn hear(&self, audience: Arc<dyn Audience>) -> Option<Arc<Link>> {
        self.subscriber.hear(audience)
    }

    /// Where the links run, and the timers of calls that have one of their own.
    pub(crate) fn runtime(&self) -> &Handle {
        self.subscriber.runtime()
    }

    /// Whether they take no more commands.
    pub(crate) fn is_closed(&self) -> bool {
        self.leases.is_closed()
    }

    /// Takes no more commands, waits for the answers to those under way until `until`, gives up the rest.
    pub(crate) async fn close(&self, until: Instant) {
        // All are told before one is waited for.
        let own = [self.blocking.close(until), self.leases.close(until)];
        let subscriber = self.subscriber.close(until);
        self.shared.close(until).await;
        for link in own.into_iter().flatten().chain(subscriber) {
            link.close(until).await;
        }
    }
}

/// What a link of a caller's own is made of.
fn own_settings(settings: &LinkSettings, role: Role, shared: &Link) -> LinkSettings {
    let mut settings = settings.clone();
    settings.reloads = Some(shared.news().clone());
    // Whoever needs it longer holds it.
    settings.grace = Duration::ZERO;
    let session = &mut settings.session;
    session.role = role;
    // The server may be busy with a blocking command, for good reason.
    session.silence = None;
    // By its number, another connection can end a command that blocks.
    session.handshake.asks_id = true;
    if role == Role::Blocking {
        // There may be very many, and what comes is small as a rule.
        session.read_buffer = session.read_buffer.min(SMALL_READS);
        // One command at a time, and what ends it.
        settings.bounds = Bounds { room: ROOM, at_capacity: AtCapacity::Wait };
    }
    settings
}

/// What the link of the subscriptions is made of. Unlike other links of callers' own it is never held up.
fn subscriber_settings(settings: &LinkSettings, shared: &Link) -> LinkSettings {
    let mut own = own_settings(settings, Role::Subscriber, shared);
    own.session.silence = settings.session.silence;
    own.session.handshake.asks_id = false;
    own
}

/// How much a link that waits for one element at a time reads at once, 4 KiB.
const SMALL_READS: usize = 4 << 10;

/// Room for more commands than a link for one caller's ever holds.
const ROOM: Room = Room { commands: 16, bytes: usize::MAX };
