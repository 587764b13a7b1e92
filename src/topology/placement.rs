//! The way of what needs a connection of its own: to the node that has its slot, and on from there where that node
//! answers that another one has it.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use super::acquisition::{Rang, Unacquired, before};
use super::cluster::Redirect;
use super::links::Links;
use super::node::Node;
use super::persistence::{MOST_AT_ONCE, pause};
use super::pool::{Lane, Pool};
use super::routes::{Routing, Standing};
use crate::command::Slot;
use crate::connection::{Displacement, Offline};
use crate::driver::{Event, now};
use crate::outcome::{Address, Cause};

/// Where something goes that needs a connection of its own to one of several nodes.
pub(crate) struct Placement {
    routing: Arc<Routing>,
    /// `None`: any primary will do.
    slot: Option<Slot>,
    target: Target,
    /// The node that it was placed at last.
    node: Option<Arc<Node>>,
    /// How often it was sent on.
    redirects: u32,
    /// How often it had to pause.
    pauses: u32,
    /// The pause before the next attempt.
    pause: Option<Duration>,
    /// Why it pauses.
    last: Option<Cause>,
}

#[derive(Clone)]
enum Target {
    /// Whoever has the slot.
    Owner,
    /// The one that another one has named, and that is let into by `ASKING`.
    Named(Arc<Node>),
}

/// A link at the node where it is of use.
pub(crate) struct Placed {
    pub(crate) node: Arc<Node>,
    pub(crate) lane: Lane,
    /// Whether the node is let into by `ASKING`.
    pub(crate) asks: bool,
}

/// Why there is none.
pub(crate) struct Unplaced {
    /// The node that it was to be at; `None`: it was not known which.
    pub(crate) node: Option<Arc<Node>>,
    pub(crate) why: Unacquired,
}

/// Which links of a node are meant.
pub(crate) type Kind = fn(&Links) -> &Arc<Pool>;

impl Placement {
    pub(crate) fn new(routing: Arc<Routing>, slot: Option<Slot>) -> Self {
        let (target, node) = (Target::Owner, None);
        Self { routing, slot, target, node, redirects: 0, pauses: 0, pause: None, last: None }
    }

    pub(crate) fn routing(&self) -> &Arc<Routing> {
        &self.routing
    }

    /// The node that it was placed at last, or else the first one of the configuration.
    pub(crate) fn address(&self) -> &Address {
        self.node.as_ref().map_or_else(|| self.routing.address(), |node| node.address())
    }

    /// A link at the node where it belongs, until `until` at the latest: for as long as it waits, another node can become
    /// the one.
    pub(crate) fn acquire(
        &mut self,
        kind: Kind,
        until: Option<Instant>,
    ) -> impl Future<Output = Result<Placed, Unplaced>> + Send + use<> {
        let (routing, slot) = (Arc::clone(&self.routing), self.slot);
        let (target, pause, last) = (self.target.clone(), self.pause.take(), self.last.take());
        async move {
            if let Some(pause) = pause {
                let over = now() + pause;
                let until = until.map_or(over, |until| until.min(over));
                // Whichever comes first: the topology, which may know better, or the time to try again.
                let _ = before(routing.changed(), Some(until), routing.runtime()).await;
            }
            match target {
                Target::Named(node) => acquire_at(node, (kind, true), until).await,
                Target::Owner => routing.acquire(slot, kind, until, last).await,
            }
        }
    }

    /// A link at the node where it belongs that can be used at once, if there is one.
    pub(crate) fn try_ready(&self, kind: Kind) -> Option<Placed> {
        if self.pause.is_some() || !matches!(self.target, Target::Owner) {
            return None;
        }
        let node = self.routing.owner(self.slot)?;
        let lane = kind(node.started()?).try_ready()?;
        Some(Placed { node, lane, asks: false })
    }

    /// It is placed at this node, or was to be.
    pub(crate) fn note_at(&mut self, node: &Arc<Node>) {
        self.node = Some(Arc::clone(node));
    }

    /// The node has answered with this error; returns whether it goes on from there.
    pub(crate) fn follow(&mut self, line: &[u8]) -> bool {
        let Some(node) = self.node.clone() else { return false };
        let routing = Arc::clone(&self.routing);
        if line.starts_with(b"UNBLOCKED ") && line.ends_with(DEMOTED) {
            self.go_on(Some(Cause::refused(line)));
            return true;
        }
        let Some(redirect) = Redirect::of(line, node.address()) else { return false };
        routing.news().tell(Event::redirected(node.address(), redirect.named()));
        self.target = Target::Owner;
        match redirect {
            Redirect::Moved { to, .. } if to == *node.address() => {
                // That node is another one than the connection leads to.
                node.displace(Displacement::Doubted);
                self.go_on(Some(Cause::refused(line)));
            }
            Redirect::Moved { slot, to } => {
                let is_known = routing.note_moved(slot, &to).is_some();
                self.go_on((!is_known).then(|| Cause::refused(line)));
            }
            Redirect::Ask { to, .. } => match routing.known(&to) {
                Some(named) => {
                    self.go_on(None);
                    self.target = Target::Named(named);
                }
                None => self.go_on(Some(Cause::refused(line))),
            },
            Redirect::Primary { .. } => self.go_on(Some(Cause::refused(line))),
        }
        true
    }

    /// The node has given it back: another one may have what it is about.
    pub(crate) fn displace(&mut self, cause: Option<Cause>) {
        self.target = Target::Owner;
        self.go_on(cause);
    }

    /// It is tried again, after a pause that grows each time if `cause` says why, or if that has happened often.
    fn go_on(&mut self, cause: Option<Cause>) {
        self.routing.ask_refresh();
        self.redirects += 1;
        if cause.is_none() && self.redirects <= MOST_AT_ONCE {
            return;
        }
        self.last = cause;
        self.pause = Some(pause(self.pauses));
        self.pauses = self.pauses.saturating_add(1);
    }
}

impl Routing {
    /// Waits until something is known of the topology that was not known when this was called.
    async fn changed(&self) {
        let mut standing = self.standing();
        standing.borrow_and_update();
        let _ = standing.changed().await;
    }

    /// Waits until there is a primary that has the slot. The error is why there will be none.
    async fn found(&self, slot: Option<Slot>) -> Result<Arc<Node>, Cause> {
        let mut standing = self.standing();
        loop {
            let known = standing.borrow_and_update().clone();
            match known {
                Standing::Closed(cause) | Standing::Failed(cause) => return Err(cause),
                Standing::Unknown if self.offline() == Offline::FailFast => return Err(Cause::NotConnected),
                Standing::Unknown => {}
                Standing::Known(_) => match self.owner(slot) {
                    Some(node) => return Ok(node),
                    None => self.ask_refresh(),
                },
            }
            if standing.changed().await.is_err() {
                return Err(Cause::ClosedHere);
            }
        }
    }

    /// Waits until it is not this node any more that has the slot, or serves anything.
    async fn lost_by(&self, node: &Arc<Node>, slot: Option<Slot>) {
        let mut standing = self.standing();
        loop {
            standing.borrow_and_update();
            let is_other = match (&*self.snapshot(), slot) {
                (None, _) => false,
                (Some(snapshot), None) => !snapshot.is_primary(node),
                (Some(snapshot), Some(slot)) => snapshot.primary(slot).is_some_and(|owner| !Arc::ptr_eq(owner, node)),
            };
            if is_other {
                return;
            }
            if standing.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    async fn acquire(
        &self,
        slot: Option<Slot>,
        kind: Kind,
        until: Option<Instant>,
        last: Option<Cause>,
    ) -> Result<Placed, Unplaced> {
        loop {
            let node = match before(self.found(slot), until, self.runtime()).await {
                Ok(Ok(node)) => node,
                Ok(Err(cause)) => return Err(Unplaced { node: None, why: Unacquired::Never(cause) }),
                Err(Rang::RuntimeGone) => {
                    return Err(Unplaced { node: None, why: Unacquired::Never(Cause::RuntimeGone) });
                }
                Err(Rang::Time) => return Err(Unplaced { node: None, why: Unacquired::NoNode(last) }),
            };
            let mut acquiring = pin!(acquire_at(Arc::clone(&node), (kind, false), until));
            let mut lost = pin!(self.lost_by(&node, slot));
            let placed = poll_fn(|cx| match acquiring.as_mut().poll(cx) {
                Poll::Ready(placed) => Poll::Ready(Some(placed)),
                Poll::Pending => lost.as_mut().poll(cx).map(|()| None),
            });
            if let Some(placed) = placed.await {
                return placed;
            }
        }
    }
}

async fn acquire_at(node: Arc<Node>, way: (Kind, bool), until: Option<Instant>) -> Result<Placed, Unplaced> {
    let (kind, asks) = way;
    match Arc::clone(kind(node.links())).acquire_ready(until).await {
        Ok(lane) => Ok(Placed { node, lane, asks }),
        Err(why) => Err(Unplaced { node: Some(node), why }),
    }
}

/// How a server ends what blocks on it when it becomes a replica.
const DEMOTED: &[u8] = b"instance state changed (master -> replica?)";
