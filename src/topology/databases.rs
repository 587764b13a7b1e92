//! The databases of one deployment, each with links of its own.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::runtime::Handle;

use super::deployed::Deployed;
use super::links::{Links, LinksBounds};
use super::routes::Routes;
use super::source::RoutesSettings;
use crate::driver::LinkSettings;

/// What a deployment is made of.
#[derive(Clone)]
pub(crate) enum Blueprint {
    /// One server.
    One(Box<LinkSettings>, LinksBounds),
    /// Several.
    Many(Box<RoutesSettings>),
}

/// The links to the databases of one deployment, for as long as somebody holds them.
pub(crate) struct Databases {
    blueprint: Blueprint,
    runtime: Handle,
    open: Mutex<HashMap<u32, Held>>,
}

enum Held {
    One(Weak<Links>),
    Many(Weak<Routes>),
}

impl Databases {
    pub(crate) fn new(blueprint: Blueprint, runtime: Handle) -> Arc<Self> {
        Arc::new(Self { blueprint, runtime, open: Mutex::default() })
    }

    /// The links to the database of this number: those that somebody holds and that are not closed, or new ones.
    pub(crate) fn get(&self, database: u32) -> Deployed {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = open.get(&database).and_then(Held::upgrade) {
            return held;
        }
        let deployed = self.blueprint.build(database, &self.runtime);
        open.retain(|_, held| held.upgrade().is_some());
        open.insert(database, Held::of(&deployed));
        deployed
    }
}

impl Blueprint {
    fn build(&self, database: u32, runtime: &Handle) -> Deployed {
        let mut blueprint = self.clone();
        let link = match &mut blueprint {
            Self::One(link, _) => link,
            Self::Many(settings) => &mut settings.link,
        };
        link.session.handshake.database = database;
        // Their pauses are not to fall together.
        link.session.seed ^= u64::from(database);
        match blueprint {
            Self::One(link, bounds) => Deployed::One(Arc::new(Links::start(&link, &bounds, runtime))),
            Self::Many(settings) => Deployed::Many(Arc::new(Routes::start(*settings, runtime.clone()))),
        }
    }
}

impl Held {
    fn of(deployed: &Deployed) -> Self {
        match deployed {
            Deployed::One(links) => Self::One(Arc::downgrade(links)),
            Deployed::Many(routes) => Self::Many(Arc::downgrade(routes)),
        }
    }

    /// What is held, unless it is closed.
    fn upgrade(&self) -> Option<Deployed> {
        match self {
            Self::One(links) => links.upgrade().filter(|links| !links.is_closed()).map(Deployed::One),
            Self::Many(routes) => routes.upgrade().filter(|routes| !routes.is_closed()).map(Deployed::Many),
        }
    }
}

impl fmt::Debug for Databases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Databases").finish_non_exhaustive()
    }
}
