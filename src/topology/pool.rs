//! A bounded number of links that one caller at a time has for itself.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::acquisition::NAP;
use crate::connection::{Displacement, LinkState, Lost, Offline, SessionFacts};
use crate::driver::{AtCapacity, Counters, Link, LinkSettings, Orphans, now};
use crate::outcome::Cause;
use crate::resp::Frame;

/// Links to one node, each lent to one caller at a time.
///
/// ```text
///            acquire                         give_back
///   idle ──────────────▶ lent ─────────────────────────────▶ idle
///    │     (or a new one)  │ dropped                           │
///    └─ too old, ended ────┴──────────▶ closing ── closed ──▶ (its place is free)
/// ```
///
/// A place is taken from before a link is dialed until it is given back or closed, and who waits for one gets it in the
/// order of coming. A link is made only for a place for which none is idle, so there are never more links than places.
pub(crate) struct Pool {
    settings: LinkSettings,
    bounds: PoolBounds,
    /// While it is not ready, no further link is made: an outage is one link's to find the end of.
    shared: Arc<Link>,
    runtime: Handle,
    places: Arc<Semaphore>,
    idle: Mutex<Idle>,
    /// All links that were made; those that are gone are forgotten now and then.
    lent: Mutex<Vec<Weak<Link>>>,
    /// Where all of them count.
    counters: Arc<Counters>,
}

/// How many links a pool may have, and how long it keeps them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PoolBounds {
    /// Links at a time, those that are being made or closed among them. At least 1.
    pub(crate) max: usize,
    /// How long a link is kept that nobody uses.
    pub(crate) max_idle: Duration,
    /// How long a link is used after it was made; it is not taken from whoever has it then.
    pub(crate) max_lifetime: Option<Duration>,
    /// What a caller does who finds all places taken.
    pub(crate) at_capacity: AtCapacity,
}

/// The right to have a link of the pool. It is free again when nobody holds it any more.
pub(crate) type Place = Arc<OwnedSemaphorePermit>;

/// What became of a command whose caller looked for it no more: the answer, or why there was none.
pub(crate) type Orphaned = Result<Frame, Lost>;

#[derive(Default)]
struct Idle {
    /// Those that nobody uses; the one used last is the last.
    lanes: Vec<(Kept, Instant)>,
    /// Whether a task looks after them.
    is_tended: bool,
}

/// A link, and since when there is one.
#[derive(Clone)]
struct Kept {
    link: Arc<Link>,
    born: Instant,
    /// The first thing on it that nobody looked for, since it was lent, or that was taken.
    orphaned: Arc<Mutex<Option<Orphaned>>>,
    /// The connection of the shared link when this one was begun.
    beside: Option<Arc<SessionFacts>>,
}

/// A link that is the caller's alone. Dropping it closes the link.
pub(crate) struct Lane {
    kept: Kept,
    /// How long nobody had used it; `None`: nobody ever had.
    rested: Option<Duration>,
    /// `None` once it was given back.
    place: Option<Place>,
    pool: Weak<Pool>,
    runtime: Handle,
}

impl Pool {
    pub(crate) fn new(settings: LinkSettings, bounds: PoolBounds, shared: Arc<Link>, runtime: Handle) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(bounds.max.clamp(1, Semaphore::MAX_PERMITS)));
        let counters = Arc::<Counters>::default();
        let settings = LinkSettings { counters: Some(Arc::clone(&counters)), ..settings };
        let (idle, lent) = (Mutex::default(), Mutex::default());
        Arc::new(Self { settings, bounds, shared, runtime, places, idle, lent, counters })
    }

    /// Whether callers fail at once who find all places taken.
    pub(crate) fn is_impatient(&self) -> bool {
        self.bounds.at_capacity == AtCapacity::FailFast
    }

    /// Waits for a place; who came first gets the first.
    pub(crate) async fn place(&self) -> Result<Place, Cause> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        place.map(Arc::new).map_err(|_| Cause::ClosedHere)
    }

    /// A place, if one is free and nobody waits for it.
    pub(crate) fn try_place(&self) -> Option<Place> {
        Arc::clone(&self.places).try_acquire_owned().ok().map(Arc::new)
    }

    /// A link that can be used at once, if there is a place for the caller and such a link.
    pub(crate) fn try_ready(self: &Arc<Self>) -> Option<Lane> {
        let place = self.try_place()?;
        let mut idle = lock(&self.idle);
        let now = now();
        let is_fit = |(kept, since): &(Kept, Instant)| {
            kept.link.standing().is_ready() && !self.is_outdated(kept, now) && now.duration_since(*since) < NAP
        };
        let (kept, since) = idle.lanes.iter().rposition(is_fit).map(|index| idle.lanes.remove(index))?;
        drop(idle);
        Some(self.lend(kept, Some(now.duration_since(since)), place))
    }

    /// A link for the place: the one that was used last of those that nobody uses, or a new one, which may not be ready yet.
    ///
    /// The error is why there will be none: the node cannot be reached without a change of settings, or all is closed.
    ///
    /// Can be dropped: nothing is kept then.
    pub(crate) async fn lane(self: &Arc<Self>, place: Place) -> Result<Lane, Cause> {
        if let Some(lane) = self.idle_lane(&place).await {
            return Ok(lane);
        }
        self.shared_ready().await?;
        // One may have been given back meanwhile.
        if let Some(lane) = self.idle_lane(&place).await {
            return Ok(lane);
        }
        let lane = self.lend(self.start(), None, place);
        // It may have come too late to be closed with the others.
        if self.is_closed() { Err(Cause::ClosedHere) } else { Ok(lane) }
    }

    /// The link that was used last of those that nobody uses. Links that are too old are closed before that.
    async fn idle_lane(self: &Arc<Self>, place: &Place) -> Option<Lane> {
        while let Some((kept, since)) = self.pop() {
            let lane = self.lend(kept, Some(now().duration_since(since)), Arc::clone(place));
            if lane.kept.is_of_use() && !self.is_outdated(&lane.kept, now()) {
                return Some(lane);
            }
            lane.end().await;
        }
        None
    }

    /// Waits until the shared link is ready.
    async fn shared_ready(&self) -> Result<(), Cause> {
        if self.offline() == Offline::FailFast {
            return self.outage().map_or(Ok(()), Err);
        }
        self.shared.ready().await.map(|_| ())
    }

    /// Why there is no connection now; `None` if there is one.
    fn outage(&self) -> Option<Cause> {
        match &*self.shared.standing() {
            LinkState::Ready { .. } => None,
            LinkState::Backoff { cause, .. } | LinkState::Closed { cause } => Some(cause.clone()),
            LinkState::Connecting { last: Some(cause), .. } => Some(cause.clone()),
            LinkState::Draining { .. } => Some(Cause::ClosedHere),
            LinkState::Idle | LinkState::Connecting { last: None, .. } => Some(Cause::NotConnected),
        }
    }

    /// What calls do that find no connection.
    pub(crate) fn offline(&self) -> Offline {
        self.settings.session.offline
    }

    /// The link that everybody uses.
    pub(crate) fn shared(&self) -> &Arc<Link> {
        &self.shared
    }

    /// Where all links of the pool count.
    pub(crate) fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Whether nothing is lent any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.places.is_closed()
    }

    /// The runtime that the links live on.
    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// How many links there may be.
    pub(crate) fn max(&self) -> usize {
        self.bounds.max
    }

    /// How many callers could have a link at once, without waiting, and how many links nobody uses.
    pub(crate) fn vacancies(&self) -> (usize, usize) {
        (self.places.available_permits(), lock(&self.idle).lanes.len())
    }

    /// How many commands the links' tasks have not taken yet.
    pub(crate) fn posted(&self) -> u64 {
        let links: Vec<_> = lock(&self.lent).iter().filter_map(Weak::upgrade).collect();
        links.iter().map(|link| link.mailbox().issued_and_queued().1).sum()
    }

    /// The topology has changed: see [`Link::displace`].
    pub(crate) fn displace(&self, displacement: Displacement) {
        let lent: Vec<_> = lock(&self.lent).iter().filter_map(Weak::upgrade).collect();
        lent.iter().for_each(|link| link.displace(displacement));
    }

    /// Lends nothing more; what was sent may be answered until `until`. Returns the links that are to end then.
    pub(crate) fn close(&self, until: Instant) -> Vec<Arc<Link>> {
        self.places.close();
        let idle = std::mem::take(&mut lock(&self.idle).lanes);
        let lent: Vec<_> = lock(&self.lent).iter().filter_map(Weak::upgrade).collect();
        drop(idle);
        lent.iter().for_each(|link| link.mailbox().close(until));
        lent
    }

    fn start(&self) -> Kept {
        let orphaned = Arc::new(Mutex::new(None));
        let keep = Arc::clone(&orphaned);
        let orphans: Orphans = Arc::new(move |what| {
            lock(&keep).get_or_insert_with(|| what.cloned().map_err(Lost::clone));
        });
        let settings = LinkSettings { orphans: Some(orphans), ..self.settings.clone() };
        let link = Arc::new(Link::start(settings, &self.runtime));
        let mut lent = lock(&self.lent);
        lent.retain(|link| link.strong_count() > 0);
        lent.push(Arc::downgrade(&link));
        Kept { link, born: now(), orphaned, beside: self.shared.standing().shared_session() }
    }

    fn lend(self: &Arc<Self>, kept: Kept, rested: Option<Duration>, place: Place) -> Lane {
        // What came too late for the last caller is not the next one's.
        drop(lock(&kept.orphaned).take());
        Lane { kept, rested, place: Some(place), pool: Arc::downgrade(self), runtime: self.runtime.clone() }
    }

    /// The link that was used last, of those that have not ended, and since when nobody uses it; one that is ready, if there
    /// is any. What is of no use is taken out too: it has a place until it is closed.
    fn pop(&self) -> Option<(Kept, Instant)> {
        let mut idle = lock(&self.idle);
        idle.lanes.retain(|(kept, _)| !kept.link.is_ended());
        let ready = idle.lanes.iter().rposition(|(kept, _)| kept.link.standing().is_ready());
        let index = ready.or_else(|| idle.lanes.len().checked_sub(1))?;
        Some(idle.lanes.remove(index))
    }

    fn push(self: &Arc<Self>, kept: Kept) {
        let mut idle = lock(&self.idle);
        idle.lanes.push((kept, now()));
        let is_tended = std::mem::replace(&mut idle.is_tended, true);
        drop(idle);
        if !is_tended {
            self.runtime.spawn(tend(Arc::downgrade(self)));
        }
        if self.places.is_closed() {
            // It came too late to be closed with the others.
            let late = std::mem::take(&mut lock(&self.idle).lanes);
            drop(late);
        }
    }

    fn is_outdated(&self, kept: &Kept, now: Instant) -> bool {
        self.bounds.max_lifetime.is_some_and(|most| now.duration_since(kept.born) >= most)
    }

    /// Takes out the links that are too old or were idle for too long, with places for them as long as they are not
    /// closed; says also when to look again, `None` if there is nothing to look after.
    fn reap(&self, now: Instant) -> (Vec<(Kept, Place)>, Option<Instant>) {
        let mut idle = lock(&self.idle);
        idle.lanes.retain(|(kept, _)| !kept.link.is_ended());
        let mut reaped = Vec::new();
        let mut place = 0;
        while let Some((kept, since)) = idle.lanes.get(place) {
            let is_over = now.duration_since(*since) >= self.bounds.max_idle || self.is_outdated(kept, now);
            let is_due = is_over || !kept.is_of_use();
            // Without a free place, all links there may be are lent: then none is idle.
            match is_due.then(|| self.try_place()).flatten() {
                Some(free) => reaped.push((idle.lanes.remove(place).0, free)),
                None => place += 1,
            }
        }
        let due = idle.lanes.iter().map(|(kept, since)| {
            let outdated = self.bounds.max_lifetime.map(|most| kept.born + most);
            outdated.map_or(*since + self.bounds.max_idle, |outdated| outdated.min(*since + self.bounds.max_idle))
        });
        let next = due.min();
        idle.is_tended = next.is_some();
        (reaped, next)
    }
}

/// Closes links that nobody uses in time, for as long as there are any.
async fn tend(pool: Weak<Pool>) {
    let mut next = Some(now());
    while let Some(due) = next {
        tokio::time::sleep_until(due.max(now() + BREATH).into()).await;
        let Some(pool) = pool.upgrade() else { return };
        let (reaped, again) = pool.reap(now());
        drop(pool);
        for (kept, place) in reaped {
            kept.link.close(now()).await;
            drop(place);
        }
        next = again;
    }
}

impl Kept {
    /// Whether the link is ready, or on its way there for the first time. One that failed to connect waits for its next
    /// attempt, and a new one makes it at once.
    fn is_of_use(&self) -> bool {
        let standing = self.link.standing();
        matches!(*standing, LinkState::Idle | LinkState::Connecting { last: None, .. } | LinkState::Ready { .. })
    }
}

impl Lane {
    /// The link.
    pub(crate) fn link(&self) -> &Arc<Link> {
        &self.kept.link
    }

    /// Whether it is new, or was used a shorter time ago than this.
    pub(crate) fn has_rested_less_than(&self, time: Duration) -> bool {
        self.rested.is_none_or(|rested| rested < time)
    }

    /// The same link, on which the server has just answered.
    pub(crate) fn awake(mut self) -> Self {
        self.rested = None;
        self
    }

    /// Whether its connection is to the same server as this one of the shared link, as far as can be known: behind one name there may
    /// be several servers, one after the other or at a time.
    pub(crate) fn is_beside(&self, shared: &Arc<SessionFacts>) -> bool {
        let is_same = self.kept.beside.as_ref().is_some_and(|beside| Arc::ptr_eq(beside, shared));
        is_same && self.link().standing().session().is_some_and(|own| own.peer.remote == shared.peer.remote)
    }

    /// What became of a command on it whose caller looked for it no more, if that is known and was not taken.
    pub(crate) fn take_orphaned(&self) -> Option<Orphaned> {
        lock(&self.kept.orphaned).take()
    }

    /// The caller has no more use for the link, and left nothing on it: the next one may have it. If it is of no use to
    /// anybody, it is closed.
    pub(crate) fn give_back(mut self) {
        let Some(pool) = self.pool.upgrade().filter(|_| self.kept.is_of_use()) else { return };
        let kept = self.kept.clone();
        pool.push(kept);
        // Only now: who waits for the place is to find the link.
        drop(self.place.take());
    }

    /// Closes the link, and waits for that.
    ///
    /// Can be dropped: the place is free only when the link is closed.
    pub(crate) async fn end(self) {
        let link = Arc::clone(self.link());
        drop(self);
        link.close(now()).await;
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let Some(place) = self.place.take() else { return };
        self.link().mailbox().close(now());
        let link = Arc::clone(self.link());
        self.runtime.spawn(async move {
            link.close(now()).await;
            drop(place);
        });
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (free, idle) = self.vacancies();
        f.debug_struct("Pool").field("free", &free).field("idle", &idle).finish_non_exhaustive()
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").finish_non_exhaustive()
    }
}

/// Nothing done under these locks leaves anything half changed.
fn lock<T>(content: &Mutex<T>) -> MutexGuard<'_, T> {
    content.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Idle links are looked after no more often than this.
const BREATH: Duration = Duration::from_millis(10);
