//! What a client's commands go to: one server, or several that are one deployment.

use std::sync::Arc;
use std::time::Instant;

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::links::Links;
use super::routes::Routes;
use crate::connection::LinkState;
use crate::driver::{Counters, News};
use crate::outcome::Address;

/// What a client's commands go to.
#[derive(Clone, Debug)]
pub(crate) enum Deployed {
    /// One server.
    One(Arc<Links>),
    /// Several.
    Many(Arc<Routes>),
}

impl Deployed {
    /// Where links run, and the timers of calls that have one of their own.
    pub(crate) fn runtime(&self) -> &Handle {
        match self {
            Self::One(links) => links.runtime(),
            Self::Many(routes) => routes.runtime(),
        }
    }

    /// What is counted of callers, rather than of links.
    pub(crate) fn counters(&self) -> &Counters {
        match self {
            Self::One(links) => links.shared().counters(),
            Self::Many(routes) => routes.counters(),
        }
    }

    /// Where everything is told that happens.
    pub(crate) fn news(&self) -> &News {
        match self {
            Self::One(links) => links.shared().news(),
            Self::Many(routes) => routes.news(),
        }
    }

    /// The state of the link, or of the one that stands for all.
    pub(crate) fn state(&self) -> watch::Receiver<LinkState> {
        match self {
            Self::One(links) => links.shared().state(),
            Self::Many(routes) => routes.state(),
        }
    }

    /// The first address of the configuration.
    pub(crate) fn address(&self) -> &Address {
        match self {
            Self::One(links) => links.shared().address(),
            Self::Many(routes) => routes.address(),
        }
    }

    /// Takes no more commands, waits for the answers to those under way until `until`, gives up the rest.
    pub(crate) async fn close(&self, until: Instant) {
        match self {
            Self::One(links) => links.close(until).await,
            Self::Many(routes) => routes.close(until).await,
        }
    }
}
