//! The links over which a hub hears.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::hub::Hub;
use super::node::Node;
use super::registry::Outlet;
use crate::driver::{Link, now};

/// The links over which a hub hears.
#[derive(Debug, Default)]
pub(super) struct Outlets {
    list: Vec<Listed>,
    last: u64,
}

#[derive(Debug)]
struct Listed {
    outlet: Outlet,
    link: Weak<Link>,
    /// `None`: there is only one.
    node: Option<Weak<Node>>,
    /// Since when it has no connection.
    down_since: Option<Instant>,
}

impl Outlets {
    /// There is only this one.
    pub(super) fn set_only(&mut self, link: &Arc<Link>) {
        let link = Arc::downgrade(link);
        self.list.push(Listed { outlet: Outlet::ONLY, link, node: None, down_since: None });
    }

    /// That of this node, with a link that begins to connect if there was none; `None`: the node is closed.
    pub(super) fn of(&mut self, node: &Arc<Node>, hub: &Arc<Hub>) -> Option<Outlet> {
        let known = self.list.iter().find(|listed| listed.is_of(node));
        if let Some(listed) = known {
            return Some(listed.outlet);
        }
        self.last += 1;
        let outlet = Outlet(self.last);
        let link = Arc::downgrade(&node.links().hear(hub.audience(outlet))?);
        let node = Some(Arc::downgrade(node));
        self.list.push(Listed { outlet, link, node, down_since: Some(now()) });
        Some(outlet)
    }

    pub(super) fn link(&self, outlet: Outlet) -> Option<Arc<Link>> {
        self.get(outlet)?.link.upgrade()
    }

    pub(super) fn node(&self, outlet: Outlet) -> Option<Arc<Node>> {
        self.get(outlet)?.node.as_ref()?.upgrade()
    }

    /// How long it has had no connection; `None`: it has one.
    pub(super) fn down_for(&self, outlet: Outlet, now: Instant) -> Option<Duration> {
        self.get(outlet)?.down_since.map(|since| now.saturating_duration_since(since))
    }

    pub(super) fn is_up(&self, outlet: Outlet) -> bool {
        self.get(outlet).is_some_and(|listed| listed.down_since.is_none())
    }

    pub(super) fn note_up(&mut self, outlet: Outlet) {
        if let Some(listed) = self.list.iter_mut().find(|listed| listed.outlet == outlet) {
            listed.down_since = None;
        }
    }

    pub(super) fn note_down(&mut self, outlet: Outlet, now: Instant) {
        if let Some(listed) = self.list.iter_mut().find(|listed| listed.outlet == outlet) {
            listed.down_since.get_or_insert(now);
        }
    }

    pub(super) fn remove(&mut self, outlet: Outlet) {
        self.list.retain(|listed| listed.outlet != outlet);
    }

    fn get(&self, outlet: Outlet) -> Option<&Listed> {
        self.list.iter().find(|listed| listed.outlet == outlet)
    }
}

impl Listed {
    fn is_of(&self, node: &Arc<Node>) -> bool {
        self.node.as_ref().is_some_and(|own| std::ptr::eq(own.as_ptr(), Arc::as_ptr(node)))
    }
}
