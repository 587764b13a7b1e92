//! The databases of one node, each with links of its own.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::runtime::Handle;

use super::links::{Links, LinksBounds};
use crate::driver::LinkSettings;

/// The links to the databases of one node, for as long as somebody holds them.
pub(crate) struct Databases {
    settings: LinkSettings,
    bounds: LinksBounds,
    runtime: Handle,
    open: Mutex<HashMap<u32, Weak<Links>>>,
}

impl Databases {
    pub(crate) fn new(settings: LinkSettings, bounds: LinksBounds, runtime: Handle) -> Arc<Self> {
        Arc::new(Self { settings, bounds, runtime, open: Mutex::default() })
    }

    /// The links to the database of this number: those that somebody holds and that are not closed, or new ones.
    pub(crate) fn links(&self, database: u32) -> Arc<Links> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let held = open.get(&database).and_then(Weak::upgrade);
        if let Some(links) = held.filter(|links| !links.is_closed()) {
            return links;
        }
        let mut settings = self.settings.clone();
        settings.session.handshake.database = database;
        // Their pauses are not to fall together.
        settings.session.seed ^= u64::from(database);
        let links = Arc::new(Links::start(&settings, &self.bounds, &self.runtime));
        open.retain(|_, links| links.strong_count() > 0);
        open.insert(database, Arc::downgrade(&links));
        links
    }
}

impl fmt::Debug for Databases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Databases").finish_non_exhaustive()
    }
}
