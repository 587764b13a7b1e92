//! Who sees to it that everything that is subscribed to lives at the node where it is to.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::time::{sleep, sleep_until};

use super::cluster::Health;
use super::hub::{Hub, Office};
use super::node::Node;
use super::persistence::{MOST_AT_ONCE, pause};
use super::registry::{Afterwards, House, Outlet};
use super::residence::{self, Host, PATIENCE, Residence};
use super::routes::{Routing, Standing};
use super::snapshot::Snapshot;
use crate::command::Slot;
use crate::connection::{Topic, TopicKind};
use crate::driver::now;
use crate::outcome::Cause;

/// Moves what is subscribed to, until the deployment is closed.
pub(super) async fn run(routing: Arc<Routing>, hub: Arc<Hub>) {
    let _ending = Ending(Arc::clone(&hub));
    let mut standing = routing.standing();
    loop {
        let known = standing.borrow_and_update().clone();
        if let Standing::Closed(cause) = known {
            return hub.end(&cause);
        }
        let redirects = hub.redirects.load(Ordering::Relaxed);
        if redirects > MOST_AT_ONCE {
            // The nodes do not agree yet.
            sleep(pause(redirects - MOST_AT_ONCE)).await;
        }
        let mut afterwards = Afterwards::default();
        let due = {
            let mut office = hub.lock();
            hub.arrange(&routing, &mut office, true, &mut afterwards);
            due(&mut office, now())
        };
        afterwards.run();
        let mut alarm = pin!(sleep_until(due.unwrap_or_else(|| now() + IDLE).into()));
        let (mut changed, mut woken) = (pin!(standing.changed()), pin!(hub.wake.notified()));
        poll_fn(|cx| {
            let is_ready = changed.as_mut().poll(cx).is_ready()
                || woken.as_mut().poll(cx).is_ready()
                || alarm.as_mut().poll(cx).is_ready();
            if is_ready { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// However the task ends, also with its runtime: nobody is left waiting.
struct Ending(Arc<Hub>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end(&Cause::RuntimeGone);
    }
}

impl Hub {
    /// Moves everything, or what is new, to where it is to live by the topology of now.
    pub(super) fn arrange(
        self: &Arc<Self>,
        routing: &Arc<Routing>,
        office: &mut Office,
        everything: bool,
        afterwards: &mut Afterwards,
    ) {
        let snapshot = routing.snapshot();
        let Some(snapshot) = &*snapshot else { return };
        let (now, gap) = (now(), Cause::Moved);
        if office.registry.is_spread() {
            let mut primaries: Vec<Outlet> =
                snapshot.primaries().filter_map(|primary| office.outlets.of(primary, self)).collect();
            primaries.sort_unstable();
            primaries.dedup();
            let orders = office.registry.spread_to(primaries, (&gap, now), afterwards);
            office.carry_out(orders);
        }
        let plain = if office.registry.has_plain() { self.plain_home(routing, snapshot, office, now) } else { None };
        let Office { registry, outlets, formers_until, .. } = office;
        let mut house = |topic: &Topic, home: Option<Outlet>| {
            let outlet = match topic.kind {
                TopicKind::Channel | TopicKind::Pattern => plain?,
                TopicKind::Shard => outlets.of(snapshot.primary(Slot::of(&topic.name))?, self)?,
            };
            // Until a primary knows that a slot has left it, it takes what is published there. A replica hears it all twice.
            let may_be_late = |home: Outlet| {
                let is_late = |node: &Arc<Node>| !is_replica(snapshot, node) && !has_failed(snapshot, node);
                outlets.is_up(home) && outlets.node(home).is_some_and(|node| is_late(&node))
            };
            let is_heard_there = topic.kind == TopicKind::Shard && home.is_some_and(may_be_late);
            if is_heard_there && home != Some(outlet) {
                *formers_until = Some(now + LATE);
            }
            Some(House { outlet, is_heard_there })
        };
        let orders = registry.house(everything, &mut house, (&gap, now), afterwards);
        office.carry_out(orders);
    }

    /// Where plain channels and patterns are to live.
    fn plain_home(
        self: &Arc<Self>,
        routing: &Routing,
        snapshot: &Snapshot,
        office: &mut Office,
        now: Instant,
    ) -> Option<Outlet> {
        let node = office.plain.and_then(|outlet| office.outlets.node(outlet));
        let host = node.and_then(|node| snapshot.place(&node));
        let down_for = office.plain.and_then(|outlet| office.outlets.down_for(outlet, now));
        let hosts: Vec<Host> = snapshot.nodes.iter().map(|node| host_of(snapshot, node)).collect();
        let turn = office.seed(routing);
        let chosen = residence::choose(Residence { host, down_for }, &hosts, snapshot.map.is_whole(), turn)?;
        let outlet = office.outlets.of(snapshot.nodes.get(chosen)?, self)?;
        office.plain = Some(outlet);
        Some(outlet)
    }
}

impl Office {
    /// Another number for each client.
    fn seed(&self, routing: &Routing) -> usize {
        usize::try_from(routing.settings().link.session.seed % 16_384).unwrap_or_default()
    }
}

fn is_replica(snapshot: &Snapshot, node: &Arc<Node>) -> bool {
    snapshot.place(node).is_some_and(|index| snapshot.map.shards().iter().any(|shard| shard.replicas.contains(&index)))
}

/// Whether the others of its deployment say that it cannot be reached.
fn has_failed(snapshot: &Snapshot, node: &Arc<Node>) -> bool {
    let facts = snapshot.place(node).and_then(|place| snapshot.map.nodes().get(place));
    facts.is_some_and(|facts| facts.health == Health::Failed)
}

fn host_of(snapshot: &Snapshot, node: &Arc<Node>) -> Host {
    let is_failed = has_failed(snapshot, node);
    Host { is_primary: snapshot.is_primary(node), is_well: node.is_ready() && !is_failed, is_failed }
}

/// When there is something to look at again, if nothing happens before; what is due is done.
fn due(office: &mut Office, now: Instant) -> Option<Instant> {
    if office.formers_until.is_some_and(|until| until <= now) {
        office.formers_until = None;
        let unwanted = office.registry.leave_formers();
        office.unsubscribe(unwanted);
    }
    let down_for = office.plain.and_then(|plain| office.outlets.down_for(plain, now));
    let down = down_for.map(|time| now + if time < PATIENCE { PATIENCE - time } else { PATIENCE });
    down.into_iter().chain(office.formers_until).min()
}

/// How long a channel is listened to where it was before, 10 s: by then that node knows that it has lost the slot.
const LATE: Duration = Duration::from_secs(10);

/// Without any reason it is looked after so often, 60 s.
const IDLE: Duration = Duration::from_secs(60);
