//! The way to a link of a caller's own that is ready, until a deadline.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::sleep_until;

use super::pool::{Lane, Pool};
use crate::command::Command;
use crate::connection::LinkState;
use crate::driver::{Link, now};
use crate::outcome::Cause;

/// Why a caller got no link.
#[derive(Debug)]
pub(crate) enum Unacquired {
    /// There will be none, or it was not to wait for one.
    Never(Cause),
    /// The deadline came while all links that there may be were in use.
    NoPlace,
    /// All links that there may be were in use, and it was not to wait for one.
    Full,
    /// The deadline came while it was not known which of several nodes to ask, perhaps because of this.
    NoNode(Option<Cause>),
    /// The deadline came while this was the state of the link that it waited for.
    NotReady(LinkState),
}

impl Pool {
    /// A link for the caller alone that is ready for commands.
    ///
    /// Can be dropped, and polled outside of the pool's runtime. A link that was begun for it is left to the next one.
    pub(crate) async fn acquire_ready(self: Arc<Self>, until: Option<Instant>) -> Result<Lane, Unacquired> {
        let mut alarm = Alarm::new(until, self.runtime());
        let place = if self.is_impatient() && !self.is_closed() {
            self.try_place().ok_or(Unacquired::Full)?
        } else {
            let Some(place) = alarm.before(self.place()).await else { return Err(alarm.over(Unacquired::NoPlace)) };
            place.map_err(Unacquired::Never)?
        };
        let mut ended = 0;
        loop {
            let Some(lane) = alarm.before(self.lane(Arc::clone(&place))).await else {
                return Err(alarm.over(Unacquired::NotReady(self.shared().standing().clone())));
            };
            let begun = Begun(Some(lane.map_err(Unacquired::Never)?));
            let Some(link) = begun.link() else { continue };
            match alarm.before(link.ready_for(self.offline())).await {
                Some(Ok(_)) => {
                    let Some(lane) = begun.take() else { continue };
                    if lane.has_rested_less_than(NAP) {
                        return Ok(lane);
                    }
                    // Whoever goes meanwhile takes the link along: what is still to come on it is nobody's.
                    match alarm.before(answers(&lane, until)).await {
                        Some(true) => return Ok(lane.awake()),
                        Some(false) => lane.end().await,
                        None => return Err(alarm.over(Unacquired::NotReady(link.standing().clone()))),
                    }
                }
                None => return Err(alarm.over(Unacquired::NotReady(link.standing().clone()))),
                // It was ready, and is lost: that says nothing of the next one.
                Some(Err(_)) if link.is_ended() && !self.is_closed() && ended < MOST_ENDED => ended += 1,
                Some(Err(cause)) => return Err(Unacquired::Never(cause)),
            }
        }
    }
}

/// Whether the server answers on the link.
async fn answers(lane: &Lane, until: Option<Instant>) -> bool {
    let limit = until.map_or(now() + CHECK, |until| until.min(now() + CHECK));
    lane.link().ask(Command::new("PING"), Some(limit)).await.is_ok()
}

/// A link that was begun for a caller. Whoever comes next may have it if the caller goes.
struct Begun(Option<Lane>);

impl Begun {
    fn link(&self) -> Option<Arc<Link>> {
        self.0.as_ref().map(|lane| Arc::clone(lane.link()))
    }

    fn take(mut self) -> Option<Lane> {
        self.0.take()
    }
}

impl Drop for Begun {
    fn drop(&mut self) {
        if let Some(lane) = self.0.take() {
            lane.give_back();
        }
    }
}

/// What `future` comes to, or why nobody waits for it any longer. Can be awaited on any runtime, or none.
pub(crate) async fn before<F: Future>(future: F, until: Option<Instant>, runtime: &Handle) -> Result<F::Output, Rang> {
    let mut alarm = Alarm::new(until, runtime);
    alarm.before(future).await.ok_or_else(|| alarm.why())
}

/// Why an alarm rang.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rang {
    /// It is time.
    Time,
    /// The runtime of the links is gone.
    RuntimeGone,
}

/// Rings at a time, wherever it is waited for: the timer is a task on the runtime of the links. It rings too when that
/// runtime is gone.
struct Alarm {
    until: Option<Instant>,
    bell: Option<JoinHandle<()>>,
}

impl Alarm {
    fn new(until: Option<Instant>, runtime: &Handle) -> Self {
        Self { until, bell: until.map(|until| runtime.spawn(sleep_until_then(until))) }
    }

    /// What comes of `future`; `None`: the alarm rang before.
    async fn before<F: Future>(&mut self, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        poll_fn(|cx| {
            if let Poll::Ready(output) = future.as_mut().poll(cx) {
                return Poll::Ready(Some(output));
            }
            let Some(bell) = &mut self.bell else { return Poll::Pending };
            Pin::new(bell).poll(cx).map(|_| None)
        })
        .await
    }

    /// What the caller is told after it rang, `at_time` if it did because of the time.
    fn over(&self, at_time: Unacquired) -> Unacquired {
        match self.why() {
            Rang::Time => at_time,
            Rang::RuntimeGone => Unacquired::Never(Cause::RuntimeGone),
        }
    }

    fn why(&self) -> Rang {
        if self.until.is_some_and(|until| until <= now()) { Rang::Time } else { Rang::RuntimeGone }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        if let Some(bell) = &self.bell {
            bell.abort();
        }
    }
}

async fn sleep_until_then(until: Instant) {
    sleep_until(until.into()).await;
}

/// After so many links that were ready and lost again one after the other, the caller is told.
const MOST_ENDED: usize = 8;

/// A link that nobody used for this long is asked whether its server still answers before it is lent again, 1 s. What lies in
/// between may have forgotten the connection, and a command that waits without end would wait for nothing.
pub(super) const NAP: Duration = Duration::from_secs(1);

/// How long the answer to that may take, 1 s.
const CHECK: Duration = Duration::from_secs(1);
