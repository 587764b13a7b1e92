//! A node of several, and its links.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::Handle;

use super::links::{Links, LinksBounds};
use crate::connection::Displacement;
use crate::driver::{Link, LinkSettings};
use crate::outcome::Address;

/// A node, known by the address that the topology gives it. Its links are made when they are first needed, and kept for as
/// long as the node belongs to the topology.
pub(crate) struct Node {
    address: Arc<Address>,
    settings: LinkSettings,
    bounds: LinksBounds,
    runtime: Handle,
    links: OnceLock<Arc<Links>>,
    /// In nanoseconds.
    latency: AtomicU64,
    zone: OnceLock<Arc<str>>,
}

impl Node {
    /// `address` is what the topology calls it; `settings` say where it is dialled.
    pub(super) fn new(address: Address, settings: LinkSettings, bounds: LinksBounds, runtime: Handle) -> Arc<Self> {
        Arc::new(Self {
            address: Arc::new(address),
            settings,
            bounds,
            runtime,
            links: OnceLock::new(),
            latency: AtomicU64::new(UNMEASURED),
            zone: OnceLock::new(),
        })
    }

    /// What the topology calls it.
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// The same, to be kept.
    pub(crate) fn shared_address(&self) -> Arc<Address> {
        Arc::clone(&self.address)
    }

    /// Its links; they begin to connect when this is first called.
    pub(crate) fn links(&self) -> &Arc<Links> {
        self.links.get_or_init(|| Arc::new(Links::start(&self.settings, &self.bounds, &self.runtime)))
    }

    /// The link that all callers share.
    #[inline]
    pub(crate) fn link(&self) -> &Link {
        self.links().shared()
    }

    /// Its links, if they were ever needed.
    pub(crate) fn started(&self) -> Option<&Arc<Links>> {
        self.links.get()
    }

    /// Whether a command can be sent to it at once.
    pub(super) fn is_ready(&self) -> bool {
        self.links.get().is_some_and(|links| links.shared().standing().is_ready())
    }

    /// The topology has changed: see [`Link::displace`].
    pub(super) fn displace(&self, displacement: Displacement) {
        if let Some(links) = self.links.get() {
            links.shared().displace(displacement);
            if displacement != Displacement::Doubted {
                // What waits there for an answer may do so for long, and the server says itself if that is in vain.
                links.blocking().displace(Displacement::Moved);
            }
        }
    }

    /// Nothing is to be expected of it any more, also not by those whose commands block there.
    pub(super) fn give_up_blocked(&self) {
        if let Some(links) = self.links.get() {
            links.blocking().displace(Displacement::Left);
        }
    }

    /// How long it takes to answer, as far as that was measured.
    pub(crate) fn latency(&self) -> Option<Duration> {
        match self.latency.load(Ordering::Relaxed) {
            UNMEASURED => None,
            nanoseconds => Some(Duration::from_nanos(nanoseconds)),
        }
    }

    /// It has answered after so long, or not at all.
    pub(super) fn note_latency(&self, latency: Option<Duration>) {
        let nanoseconds = match (latency, self.latency()) {
            (None, _) => UNMEASURED,
            // One answer that is late says little.
            (Some(latest), Some(before)) => nanoseconds((before * 7 + latest) / 8),
            (Some(latest), None) => nanoseconds(latest),
        };
        self.latency.store(nanoseconds, Ordering::Relaxed);
    }

    /// The availability zone that it says it is in.
    pub(crate) fn zone(&self) -> Option<Arc<str>> {
        self.zone.get().cloned()
    }

    pub(super) fn note_zone(&self, zone: &str) {
        // It stays where it is.
        let _ = self.zone.set(zone.into());
    }

    /// The name that its certificate is verified for, if that is not the host that is dialled.
    pub(super) fn server_name(&self) -> Option<&str> {
        self.settings.server_name.as_deref()
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(UNMEASURED).min(UNMEASURED - 1)
}

/// In place of a latency.
const UNMEASURED: u64 = u64::MAX;

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node").field("address", &self.address).field("links", &self.links.get().is_some()).finish()
    }
}
