//! The one task that keeps a topology: it finds out which nodes there are, when somebody asks for that and now and then.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::{Sleep, sleep_until};

use super::cluster::discovery;
use super::refresh_schedule::Outcome;
use super::replicas;
use super::routes::Routing;
use super::sentinel::Sentinels;
use super::source::{Found, Source};
use crate::command::Slot;
use crate::connection::LinkState;
use crate::driver::now;
use crate::outcome::Cause;

type Finding = Pin<Box<dyn Future<Output = Result<Found, Cause>> + Send>>;

/// Keeps the topology until it is closed.
pub(super) async fn run(routing: Arc<Routing>) {
    let _end = Ending(Arc::clone(&routing));
    let sentinels = match &routing.settings().source {
        Source::Sentinel(settings) => Some(Sentinels::new((**settings).clone())),
        Source::Cluster { .. } | Source::Replicas { .. } => None,
    };
    let timer = Box::pin(sleep_until(tokio::time::Instant::now()));
    let mut keeper = Keeper { unsettled_since: None, finding: None, front: None, timer, sentinels, routing };
    if !keeper.routing.is_closed() {
        keeper.look_at_front();
    }
    while !keeper.routing.is_closed() {
        let routing = Arc::clone(&keeper.routing);
        let mut asked = pin!(routing.asked());
        poll_fn(|cx| keeper.poll_work(cx, asked.as_mut())).await;
    }
}

/// However the task ends, also with its runtime: nobody is left waiting.
struct Ending(Arc<Routing>);

impl Drop for Ending {
    fn drop(&mut self) {
        if !self.0.is_closed() {
            self.0.end(Cause::RuntimeGone);
            self.0.show_state(LinkState::Closed { cause: Cause::RuntimeGone });
        }
    }
}

struct Keeper {
    routing: Arc<Routing>,
    /// What is under way.
    finding: Option<Finding>,
    /// The state of the node that stands for all.
    front: Option<watch::Receiver<LinkState>>,
    timer: Pin<Box<Sleep>>,
    /// Who says which nodes there are, where those are Sentinels.
    sentinels: Option<Arc<Sentinels>>,
    /// Since when a primary could not be reached; `None`: all can.
    unsettled_since: Option<Instant>,
}

impl Keeper {
    /// Does what there is to do; ready when it is time to look whether all is closed.
    fn poll_work(&mut self, cx: &mut Context<'_>, asked: Pin<&mut impl Future<Output = ()>>) -> Poll<()> {
        if let Some(Poll::Ready(found)) = self.finding.as_mut().map(|finding| finding.as_mut().poll(cx)) {
            self.finding = None;
            self.conclude(found);
            return Poll::Ready(());
        }
        if self.poll_front(cx).is_ready() {
            return Poll::Ready(());
        }
        if self.finding.is_none() {
            let due = self.routing.schedule().due();
            if let Some(due) = due {
                if self.poll_due(cx, due).is_ready() {
                    self.routing.schedule().begin(now());
                    self.finding = Some(self.find());
                    return Poll::Ready(());
                }
            }
        }
        asked.poll(cx)
    }

    fn find(&self) -> Finding {
        let limit = self.routing.settings().link.session.connect_timeout;
        // Who has a topology already can begin anew, with what has become ready meanwhile.
        let until = now() + if self.routing.snapshot().is_some() { limit.min(LIMIT) } else { limit };
        let routing = Arc::clone(&self.routing);
        match (&self.sentinels, routing.settings().source.clone()) {
            (Some(sentinels), _) => Box::pin(Arc::clone(sentinels).find(routing, until)),
            (None, Source::Cluster { seeds }) => Box::pin(discovery::find(routing, seeds, until)),
            (None, Source::Replicas { nodes }) => Box::pin(replicas::find(routing, nodes, until)),
            (None, Source::Sentinel(_)) => Box::pin(std::future::ready(Err(Cause::NotConnected))),
        }
    }

    fn poll_due(&mut self, cx: &mut Context<'_>, due: Instant) -> Poll<()> {
        if due <= now() {
            return Poll::Ready(());
        }
        self.timer.as_mut().reset(due.into());
        self.timer.as_mut().poll(cx)
    }

    fn conclude(&mut self, found: Result<Found, Cause>) {
        let outcome = match found {
            Ok(found) => {
                self.routing.adopt(found);
                Outcome::Fresh
            }
            Err(cause) => {
                self.routing.note_failed(cause);
                Outcome::Failed
            }
        };
        self.routing.schedule().end(now(), outcome);
        self.watch_over_primaries();
        self.look_at_front();
    }

    /// While a primary cannot be reached, another node may take its place at any moment, and nobody tells.
    fn watch_over_primaries(&mut self) {
        let snapshot = self.routing.snapshot();
        let all_well = snapshot.as_ref().is_none_or(|snapshot| snapshot.primaries().all(|primary| primary.is_ready()));
        if all_well {
            self.unsettled_since = None;
            return;
        }
        let now = now();
        let since = *self.unsettled_since.get_or_insert(now);
        if now.duration_since(since) < WATCH {
            self.routing.ask_refresh();
        }
    }

    /// One node's state is shown for all: that of the primary of the first slot, and before that is known, of the first seed.
    /// Sentinels are none: they are no servers.
    fn look_at_front(&mut self) {
        let snapshot = self.routing.snapshot();
        let front = match &*snapshot {
            Some(snapshot) => Slot::new(0).and_then(|slot| snapshot.primary(slot).cloned()),
            None if self.sentinels.is_some() => None,
            None => Some(self.routing.seed(self.routing.address())),
        };
        if let Some(front) = front {
            let state = front.link().state();
            self.routing.show_state(state.borrow().clone());
            self.front = Some(state);
        }
    }

    fn poll_front(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(front) = &mut self.front else { return Poll::Pending };
        let changed = pin!(front.changed()).poll(cx);
        match changed {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(())) => {
                let state = front.borrow_and_update().clone();
                self.routing.show_state(state);
                Poll::Ready(())
            }
            Poll::Ready(Err(_)) => {
                self.front = None;
                Poll::Ready(())
            }
        }
    }
}

/// How long a topology is looked for at a time, where there is one already, 1 s.
const LIMIT: Duration = Duration::from_secs(1);

/// How long a primary that cannot be reached is a reason to ask again and again, 1 minute: later it is only one now and then.
const WATCH: Duration = Duration::from_secs(60);
