//! The links of one node: the one that all callers share, and those for what needs a connection of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::pool::{Pool, PoolBounds};
use crate::connection::{Role, Room};
use crate::driver::{AtCapacity, Bounds, Link, LinkSettings};

/// All links to one node. Dropping it lets what was sent on the shared link finish, then closes everything.
#[derive(Debug)]
pub(crate) struct Links {
    shared: Arc<Link>,
    blocking: Arc<Pool>,
    leases: Arc<Pool>,
    /// Where they live.
    runtime: Handle,
}

/// How many links of their own callers may have, and for how long these are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinksBounds {
    pub(crate) blocking: PoolBounds,
    pub(crate) leases: PoolBounds,
}

impl Links {
    /// Starts the shared link on `runtime`; the others are made when they are needed.
    pub(crate) fn start(settings: &LinkSettings, bounds: &LinksBounds, runtime: &Handle) -> Self {
        let shared = Arc::new(Link::start(settings.clone(), runtime));
        let pool = |role, bounds| {
            Pool::new(own_settings(settings, role, &shared), bounds, Arc::clone(&shared), runtime.clone())
        };
        let (blocking, leases) = (pool(Role::Blocking, bounds.blocking), pool(Role::Leased, bounds.leases));
        Self { shared, blocking, leases, runtime: runtime.clone() }
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

    /// The runtime that they live on.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Takes no more commands, waits for the answers to those under way until `until`, gives up the rest.
    pub(crate) async fn close(&self, until: Instant) {
        // All are told before one is waited for.
        let own = [self.blocking.close(until), self.leases.close(until)];
        self.shared.close(until).await;
        for link in own.into_iter().flatten() {
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

/// How much a link that waits for one element at a time reads at once, 4 KiB.
const SMALL_READS: usize = 4 << 10;

/// Room for more commands than a link for one caller's ever holds.
const ROOM: Room = Room { commands: 16, bytes: usize::MAX };
