//! From the configuration to what the floors below are told.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;

use super::config::{Config, Deployment, Login};
use crate::command::{Command, Home, OnRefusal, Replay};
use crate::connection::{
    BackoffSettings, HandshakePlan, Identity, Policy, Repeat, Role, Room, SessionSettings, Tracing,
};
use crate::driver::{Bounds, LinkSettings};
use crate::topology::{Blueprint, LinksBounds, PoolBounds, RoutesSettings, SentinelSettings, Source};
use crate::transport::Dialer;

/// When a command is sent again.
pub(super) fn policy(replay: Replay, on_refusal: OnRefusal, command: &Command) -> Policy {
    Policy { repeat: repeat(replay, command), retry: on_refusal.retry(command.facts()) }
}

/// Whether a command may be sent again when nobody knows whether it ran.
fn repeat(replay: Replay, command: &Command) -> Repeat {
    // A new connection may lead to another server, behind a proxy say, where a cursor means nothing.
    let allowed = command.facts().home() == Home::Any && replay.allows(command);
    if allowed { Repeat::Allowed } else { Repeat::Forbidden }
}

impl Config {
    /// What a link to the configured address is made of.
    pub(super) fn link_settings(&self) -> LinkSettings {
        LinkSettings {
            address: self.address().clone(),
            dialer: Arc::new(Dialer::new(self.dial_options())),
            session: self.session_settings(),
            provider: match self.login() {
                Login::Provided(provider) => Some(Arc::clone(provider)),
                Login::Anonymous | Login::Known(_) => None,
            },
            bounds: Bounds {
                room: Room { commands: self.max_pending_commands(), bytes: self.max_pending_bytes() },
                at_capacity: self.at_capacity(),
            },
            grace: self.close_grace(),
            reloads: None,
            orphans: None,
            audience: None,
            counters: None,
            unsettled: None,
            news: None,
            server_name: None,
        }
    }

    /// What the deployment is made of.
    pub(super) fn blueprint(&self) -> Blueprint {
        let (link, bounds) = (self.link_settings(), self.links_bounds());
        let source = match self.deployment().clone() {
            Deployment::Standalone(_) => return Blueprint::One(Box::new(link), bounds),
            Deployment::Replicas(nodes) => Source::Replicas { nodes },
            Deployment::Cluster(seeds) => Source::Cluster { seeds },
            Deployment::Sentinel { sentinels, service } => {
                let link = self.sentinel_link_settings(&link);
                Source::Sentinel(Box::new(SentinelSettings { sentinels, service, link }))
            }
        };
        Blueprint::Many(Box::new(RoutesSettings {
            link,
            bounds,
            source,
            read_from: self.read_from().clone(),
            split_writes: self.split_writes(),
            address_map: self.address_map().cloned(),
            server_names: self.server_names().cloned(),
            refresh_interval: self.refresh_interval(),
            refresh_every: self.refresh_every(),
        }))
    }

    /// What a link to a Sentinel is made of.
    fn sentinel_link_settings(&self, link: &LinkSettings) -> LinkSettings {
        let mut link = link.clone();
        link.dialer = Arc::new(Dialer::new(self.sentinel_dial_options()));
        link.provider = None;
        let handshake = &mut link.session.handshake;
        (handshake.identity, handshake.database) = (self.sentinel_identity(), 0);
        link
    }

    /// How many links of their own callers may have.
    pub(super) fn links_bounds(&self) -> LinksBounds {
        let pool = |max| PoolBounds {
            max,
            max_idle: self.max_idle(),
            max_lifetime: self.max_lifetime(),
            at_capacity: self.at_capacity(),
        };
        LinksBounds {
            blocking: pool(self.max_blocking()),
            leases: pool(self.max_dedicated()),
            subscriptions: self.subscriptions(),
        }
    }

    fn session_settings(&self) -> SessionSettings {
        let backoff = self.backoff();
        SessionSettings {
            role: Role::Shared,
            handshake: self.handshake_plan(),
            limits: self.limits(),
            read_buffer: self.read_buffer(),
            backoff: BackoffSettings { first: backoff.first(), max: backoff.max(), jitter: backoff.jitter() },
            connect_timeout: self.connect_timeout(),
            heartbeat: self.heartbeat(),
            silence: self.silence_limit(),
            offline: self.offline(),
            // The standard library's only source of randomness: its hash keys.
            seed: self.seed().unwrap_or_else(|| RandomState::new().hash_one(0)),
            tracing: if self.observer().is_some() { Tracing::On } else { Tracing::Off },
            routed: false,
        }
    }

    fn handshake_plan(&self) -> HandshakePlan {
        HandshakePlan {
            protocol: self.protocol(),
            identity: match self.login() {
                Login::Anonymous => Identity::Anonymous,
                Login::Known(credentials) => Identity::Known(credentials.clone()),
                Login::Provided(_) => Identity::Provided,
            },
            name: self.name().map(str::to_owned),
            database: self.database(),
            library: self.library_info().then_some((env!("CARGO_PKG_NAME"), env!("CARGO_PKG_VERSION"))),
            no_evict: self.no_evict(),
            asks_id: false,
            readonly: false,
        }
    }
}
