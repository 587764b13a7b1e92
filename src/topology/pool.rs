//! A bounded number of links that one caller at a time has for itself.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::connection::SessionFacts;
use crate::driver::{Link, LinkSettings, now};
use crate::outcome::Cause;

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
}

#[derive(Default)]
struct Idle {
    /// Those that nobody uses; the one used last is the last.
    lanes: Vec<(Kept, Instant)>,
    /// Whether a task looks after them.
    is_tended: bool,
}

/// A link, and since when there is one.
struct Kept {
    link: Arc<Link>,
    born: Instant,
}

/// A link that is the caller's alone. Dropping it closes the link.
pub(crate) struct Lane {
    link: Arc<Link>,
    born: Instant,
    /// How long nobody had used it; `None`: nobody ever had.
    rested: Option<Duration>,
    /// `None` once it was given back.
    place: Option<OwnedSemaphorePermit>,
    pool: Weak<Pool>,
    runtime: Handle,
}

impl Pool {
    pub(crate) fn new(settings: LinkSettings, bounds: PoolBounds, shared: Arc<Link>, runtime: Handle) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(bounds.max.clamp(1, Semaphore::MAX_PERMITS)));
        Arc::new(Self { settings, bounds, shared, runtime, places, idle: Mutex::default(), lent: Mutex::default() })
    }

    /// A link for the caller alone: the one that was used last of those that nobody uses, or a new one, which may not be
    /// ready yet. Waits for a place; who came first gets the first.
    ///
    /// The error is why there will be none: the node cannot be reached without a change of settings, or all is closed.
    ///
    /// Can be dropped: nothing is kept then.
    pub(crate) async fn acquire(self: &Arc<Self>) -> Result<Lane, Cause> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| Cause::ClosedHere)?;
        while let Some((kept, since)) = self.pop() {
            let rested = now().duration_since(since);
            if !self.is_outdated(&kept, now()) {
                return Ok(self.lend(kept, Some(rested), place));
            }
            // The place is not free before.
            kept.link.close(now()).await;
        }
        self.shared.ready().await?;
        let link = Arc::new(Link::start(self.settings.clone(), &self.runtime));
        self.register(&link);
        Ok(self.lend(Kept { link, born: now() }, None, place))
    }

    /// How many callers could have a link at once, without waiting, and how many links nobody uses.
    pub(crate) fn vacancies(&self) -> (usize, usize) {
        (self.places.available_permits(), lock(&self.idle).lanes.len())
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

    fn lend(self: &Arc<Self>, kept: Kept, rested: Option<Duration>, place: OwnedSemaphorePermit) -> Lane {
        let Kept { link, born } = kept;
        Lane { link, born, rested, place: Some(place), pool: Arc::downgrade(self), runtime: self.runtime.clone() }
    }

    /// The link that was used last, of those that live, and since when nobody uses it.
    fn pop(&self) -> Option<(Kept, Instant)> {
        let mut idle = lock(&self.idle);
        idle.lanes.retain(|(kept, _)| !kept.link.is_ended());
        idle.lanes.pop()
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
            lock(&self.idle).lanes.clear();
        }
    }

    fn register(&self, link: &Arc<Link>) {
        let mut lent = lock(&self.lent);
        lent.retain(|link| link.strong_count() > 0);
        lent.push(Arc::downgrade(link));
    }

    fn is_outdated(&self, kept: &Kept, now: Instant) -> bool {
        self.bounds.max_lifetime.is_some_and(|most| now.duration_since(kept.born) >= most)
    }

    /// Takes out the links that are too old or were idle for too long, with places for them as long as they are not
    /// closed; says also when to look again, `None` if there is nothing to look after.
    fn reap(&self, now: Instant) -> (Vec<(Kept, OwnedSemaphorePermit)>, Option<Instant>) {
        let mut idle = lock(&self.idle);
        idle.lanes.retain(|(kept, _)| !kept.link.is_ended());
        let mut reaped = Vec::new();
        let mut place = 0;
        while let Some((kept, since)) = idle.lanes.get(place) {
            let is_due = now.duration_since(*since) >= self.bounds.max_idle || self.is_outdated(kept, now);
            // Without a free place, all links there may be are lent: then none is idle.
            match is_due.then(|| Arc::clone(&self.places).try_acquire_owned()) {
                Some(Ok(permit)) => reaped.push((idle.lanes.remove(place).0, permit)),
                Some(Err(_)) | None => place += 1,
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

impl Lane {
    /// The link.
    pub(crate) fn link(&self) -> &Arc<Link> {
        &self.link
    }

    /// How long nobody had used the link before it was lent; `None` if nobody ever had.
    pub(crate) fn rested(&self) -> Option<Duration> {
        self.rested
    }

    /// Waits until the link can be used; see [`Link::ready`].
    pub(crate) async fn ready(&self) -> Result<Arc<SessionFacts>, Cause> {
        self.link.ready().await
    }

    /// The caller has no more use for the link, and left nothing on it: the next one may have it.
    pub(crate) fn give_back(mut self) {
        if let Some(pool) = self.pool.upgrade() {
            pool.push(Kept { link: Arc::clone(&self.link), born: self.born });
            // Only now: who waits for the place is to find the link.
            drop(self.place.take());
        }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        let Some(place) = self.place.take() else { return };
        self.link.mailbox().close(now());
        let link = Arc::clone(&self.link);
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
