//! Several nodes that are one deployment: which of them gets what. Asked on the caller's own task, answered from a
//! snapshot that nobody changes.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use arc_swap::{ArcSwapOption, Guard};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use super::cluster::{Health, NodeFacts};
use super::displaced;
use super::hub::Hub;
use super::links::LinksBounds;
use super::mover;
use super::node::Node;
use super::probe;
use super::reading::{self, ReadFrom};
use super::refresh;
use super::refresh_schedule::RefreshSchedule;
use super::snapshot::Snapshot;
use super::source::{Found, RoutesSettings, Source};
use super::subscriber::Subscriptions;
use super::together::{Boxed, all};
use crate::command::Slot;
use crate::connection::{Displacement, LinkState, Offline};
use crate::driver::{Counters, Event, News, now};
use crate::outcome::{Address, Cause};

/// What is known of the topology.
#[derive(Clone, Debug)]
pub(crate) enum Standing {
    /// Nothing yet.
    Unknown,
    /// There is a snapshot, of this number.
    Known(u64),
    /// Nothing, and it will stay so unless a certificate, a password or a setting is changed.
    Failed(Cause),
    /// It is closed, or its runtime is gone.
    Closed(Cause),
}

/// Several nodes, as those who use them hold them. Dropping it lets what was sent finish, then closes everything.
#[derive(Debug)]
pub(crate) struct Routes(Arc<Routing>);

/// What the users and the task that keeps the topology share.
pub(crate) struct Routing {
    settings: RoutesSettings,
    runtime: Handle,
    snapshot: ArcSwapOption<Snapshot>,
    /// Held while the snapshot is replaced.
    registry: Mutex<Registry>,
    standing: watch::Sender<Standing>,
    schedule: Mutex<RefreshSchedule>,
    /// Wakes the task.
    wake: Notify,
    /// What belongs to no node.
    counters: Arc<Counters>,
    news: News,
    /// Of the node that stands for all.
    state: watch::Sender<LinkState>,
    /// Counts up where nodes take turns.
    turn: AtomicUsize,
    /// Who is subscribed to anything; empty until somebody is.
    hub: OnceLock<Arc<Hub>>,
}

#[derive(Default)]
struct Registry {
    known: HashMap<Address, Arc<Node>>,
    rank: u64,
    /// How often in a row the topology that was found was an older one.
    outdated: u32,
    /// Whether redirections have changed the map since a source has told it.
    is_patched: bool,
    /// Why it could not be found out the last time, as long as nothing is known.
    failure: Option<Cause>,
    closed: bool,
}

impl Standing {
    /// The number of the snapshot, 0 if there is none; and whether there is no point in waiting for one.
    pub(super) fn mark(&self) -> (u64, bool) {
        match self {
            Self::Unknown => (0, false),
            Self::Known(number) => (*number, false),
            Self::Failed(_) | Self::Closed(_) => (0, true),
        }
    }
}

impl Routes {
    /// Begins to find out which nodes there are, on `runtime`.
    pub(crate) fn start(settings: RoutesSettings, runtime: Handle) -> Self {
        let seed = settings.link.session.seed;
        let schedule = RefreshSchedule::new(settings.refresh_interval, settings.refresh_every, seed);
        let routing = Arc::new(Routing {
            settings,
            runtime: runtime.clone(),
            snapshot: ArcSwapOption::empty(),
            registry: Mutex::default(),
            standing: watch::Sender::new(Standing::Unknown),
            schedule: Mutex::new(schedule),
            wake: Notify::new(),
            counters: Arc::default(),
            news: News::new(),
            state: watch::Sender::new(LinkState::Idle),
            // Many clients do not begin with the same node.
            turn: AtomicUsize::new(seed as usize),
            hub: OnceLock::new(),
        });
        routing.ask_refresh();
        runtime.spawn(refresh::run(Arc::clone(&routing)));
        if matches!(routing.settings.read_from, ReadFrom::LowestLatency | ReadFrom::Zone(_)) {
            runtime.spawn(probe::run(Arc::downgrade(&routing)));
        }
        Self(routing)
    }
}

impl std::ops::Deref for Routes {
    type Target = Arc<Routing>;

    fn deref(&self) -> &Arc<Routing> {
        &self.0
    }
}

impl Drop for Routes {
    fn drop(&mut self) {
        self.0.end(Cause::ClosedHere);
    }
}

impl Routing {
    /// The topology now; empty as long as nothing is known of it.
    #[inline]
    pub(crate) fn snapshot(&self) -> Guard<Option<Arc<Snapshot>>> {
        self.snapshot.load()
    }

    /// What is known of the topology, and when that changes.
    pub(crate) fn standing(&self) -> watch::Receiver<Standing> {
        self.standing.subscribe()
    }

    pub(crate) fn settings(&self) -> &RoutesSettings {
        &self.settings
    }

    /// Whether its nodes have a part of the slots each; elsewhere one shard has all of them.
    #[inline]
    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self.settings.source, Source::Cluster { .. })
    }

    /// Why nothing is known of the topology, as far as that was tried.
    pub(crate) fn last_failure(&self) -> Option<Cause> {
        let (failure, known) = {
            let registry = lock(&self.registry);
            (registry.failure.clone(), registry.known.values().cloned().collect::<Vec<_>>())
        };
        let of_a_link = || known.iter().filter_map(|node| node.started()).find_map(|links| links.shared().trouble());
        failure.filter(|cause| *cause != Cause::NotConnected).or_else(of_a_link)
    }

    /// What a call does that finds no connection.
    pub(crate) fn offline(&self) -> Offline {
        self.settings.link.session.offline
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Waits until it is known which nodes there are. The error is why it never will be, unless a certificate, a password
    /// or a setting is changed.
    ///
    /// Can be dropped.
    pub(crate) async fn ready(&self) -> Result<(), Cause> {
        let mut standing = self.standing();
        loop {
            match &*standing.borrow_and_update() {
                Standing::Known(_) => return Ok(()),
                Standing::Failed(cause) | Standing::Closed(cause) => return Err(cause.clone()),
                Standing::Unknown => {}
            }
            if standing.changed().await.is_err() {
                return Err(Cause::ClosedHere);
            }
        }
    }

    /// Who is subscribed to anything. From the first call on it is seen to that everything is subscribed to where it is to be.
    pub(crate) fn hub(self: &Arc<Self>) -> &Arc<Hub> {
        self.hub.get_or_init(|| {
            let hub = Hub::of_nodes(self);
            self.runtime.spawn(mover::run(Arc::clone(self), Arc::clone(&hub)));
            hub
        })
    }

    /// All nodes that are known.
    pub(crate) fn nodes(&self) -> Vec<Arc<Node>> {
        lock(&self.registry).known.values().cloned().collect()
    }

    /// What is counted of no node.
    pub(crate) fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Where everything is told that happens.
    pub(crate) fn news(&self) -> &News {
        &self.news
    }

    /// Of the node that stands for all.
    pub(crate) fn state(&self) -> watch::Receiver<LinkState> {
        self.state.subscribe()
    }

    pub(super) fn show_state(&self, state: LinkState) {
        self.state.send_replace(state);
    }

    /// The first address of the configuration.
    pub(crate) fn address(&self) -> &Address {
        &self.settings.link.address
    }

    /// A number that is another one each time.
    pub(super) fn next_turn(&self) -> usize {
        self.turn.fetch_add(1, Ordering::Relaxed)
    }

    /// A node for a command that any of them can run: one that is connected, if there is one.
    pub(super) fn any_node(&self, snapshot: &Snapshot) -> Option<Arc<Node>> {
        let primaries: Vec<_> = snapshot.primaries().collect();
        let turn = self.next_turn();
        let rotated = (0..primaries.len()).filter_map(|index| primaries.get((turn + index) % primaries.len()));
        rotated.clone().find(|node| node.is_ready()).or_else(|| rotated.clone().next()).map(|node| Arc::clone(node))
    }

    /// The primary that has the slot, or any one; `None`: there is none, or nothing is known yet.
    pub(crate) fn owner(&self, slot: Option<Slot>) -> Option<Arc<Node>> {
        let snapshot = self.snapshot();
        let snapshot = snapshot.as_ref()?;
        match slot {
            Some(slot) => snapshot.primary(slot).cloned(),
            None => self.any_node(snapshot),
        }
    }

    /// The node to send a command to that is about this slot; `reads`: a replica may answer it.
    #[inline]
    pub(crate) fn choose(&self, snapshot: &Snapshot, slot: Slot, reads: bool) -> Option<Arc<Node>> {
        if reads && self.reads_elsewhere() {
            return self.choose_reader(snapshot, slot);
        }
        snapshot.primary(slot).cloned()
    }

    /// Whether nodes other than primaries answer reads.
    #[inline]
    pub(crate) fn reads_elsewhere(&self) -> bool {
        self.settings.read_from != ReadFrom::Primary
    }

    /// A link to the node has failed, or the server refuses what it should not.
    fn note_unsettled(&self, address: &Address) {
        let snapshot = self.snapshot.load();
        let at = snapshot.as_ref().and_then(|snapshot| Some((snapshot, snapshot.map.find(address)?)));
        let Some((snapshot, index)) = at else { return self.ask_refresh() };
        let Some(node) = snapshot.nodes.get(index).filter(|node| !snapshot.is_primary(node)) else {
            return self.ask_refresh();
        };
        // That it has failed the topology says itself, for as long as it is down.
        if snapshot.map.nodes().get(index).is_none_or(|facts| facts.health != Health::Failed) {
            self.ask_refresh();
        }
        if self.reads_elsewhere() {
            // What only reads need not wait for a replica: the others, and the primary, can answer it.
            node.displace(Displacement::Moved);
        }
    }

    fn choose_reader(&self, snapshot: &Snapshot, slot: Slot) -> Option<Arc<Node>> {
        let shard = snapshot.map.shards().get(snapshot.map.shard_of(slot)?)?;
        let candidates: Vec<_> = shard
            .primary
            .into_iter()
            .chain(shard.replicas.iter().copied())
            .filter_map(|index| snapshot.candidate(index, Some(index) == shard.primary))
            .collect();
        let index = reading::first(&self.settings.read_from, &candidates, self.next_turn())?;
        snapshot.nodes.get(index).cloned()
    }

    /// The topology may have changed: it is asked for soon.
    pub(crate) fn ask_refresh(&self) {
        lock(&self.schedule).ask(now());
        self.wake.notify_one();
    }

    /// The topology has changed, as somebody says who knows: it is asked for also where the last attempts have failed.
    pub(super) fn hasten_refresh(&self) {
        lock(&self.schedule).hasten(now());
        self.wake.notify_one();
    }

    /// Waits until somebody has asked for the topology, or it is closed.
    pub(super) async fn asked(&self) {
        self.wake.notified().await;
    }

    pub(super) fn schedule(&self) -> MutexGuard<'_, RefreshSchedule> {
        lock(&self.schedule)
    }

    /// The node that the topology calls so.
    pub(crate) fn known(&self, address: &Address) -> Option<Arc<Node>> {
        lock(&self.registry).known.get(address).cloned()
    }

    /// The node at an address of the configuration.
    pub(super) fn seed(self: &Arc<Self>, address: &Address) -> Arc<Node> {
        if let Some(known) = self.known(address) {
            return known;
        }
        let facts = NodeFacts::at(address.clone());
        let whereabouts = self.whereabouts(&facts);
        let mut registry = lock(&self.registry);
        match registry.known.get(address) {
            Some(known) => Arc::clone(known),
            None => self.node(&mut registry, &facts, whereabouts),
        }
    }

    /// Where a node is dialled, and for which name its certificate is verified if that is not the host that is dialled.
    ///
    /// Runs the user's functions, which may do anything: not under a lock.
    fn whereabouts(&self, facts: &NodeFacts) -> (Address, Option<String>) {
        let hostname = facts.hostname.as_deref();
        let names = self.settings.server_names.as_ref();
        let name = names.and_then(|names| names.name(&facts.address, hostname)).or_else(|| hostname.map(str::to_owned));
        let address = match &self.settings.address_map {
            Some(map) => map.apply(&facts.address),
            None => facts.address.clone(),
        };
        // That of the host that is dialled is the one that is verified anyway.
        let name = name.filter(|name| !matches!(&address, Address::Tcp { host, .. } if host == name));
        (address, name)
    }

    fn node(
        self: &Arc<Self>,
        registry: &mut Registry,
        facts: &NodeFacts,
        whereabouts: (Address, Option<String>),
    ) -> Arc<Node> {
        let (dialled, name) = whereabouts;
        if let Some(node) = registry.known.get(&facts.address).filter(|node| node.server_name() == name.as_deref()) {
            return Arc::clone(node);
        }
        let mut settings = self.settings.link.clone();
        settings.address = dialled;
        settings.session.routed = true;
        let is_cluster = matches!(self.settings.source, Source::Cluster { .. });
        settings.session.handshake.readonly = is_cluster && self.settings.read_from != ReadFrom::Primary;
        settings.session.seed ^= BuildHasherDefault::<DefaultHasher>::default().hash_one(&facts.address);
        settings.server_name = name.map(Into::into);
        settings.news = Some(self.news.of_node(&facts.address));
        let routing = Arc::downgrade(self);
        let address = facts.address.clone();
        settings.unsettled = Some(Arc::new(move || {
            if let Some(routing) = routing.upgrade() {
                routing.note_unsettled(&address);
            }
        }));
        let bounds = LinksBounds { subscriptions: Subscriptions::Own, ..self.settings.bounds };
        let node = Node::new(facts.address.clone(), settings, bounds, self.runtime.clone());
        // Of what is closed nobody takes it away again.
        if !registry.closed {
            registry.known.insert(facts.address.clone(), Arc::clone(&node));
        }
        node
    }

    /// A node has said who has a slot now. Returns that node; `None`: no topology has named it, so that it has to be asked
    /// for first whether it is one of ours.
    pub(crate) fn note_moved(self: &Arc<Self>, slot: Slot, to: &Address) -> Option<Arc<Node>> {
        let mut registry = lock(&self.registry);
        let node = registry.known.get(to).cloned()?;
        let old = self.snapshot.load_full()?;
        let already = old.primary(slot).is_some_and(|primary| Arc::ptr_eq(primary, &node));
        if already || old.map.find(to).is_none() {
            return Some(node);
        }
        let before = old.primary(slot).cloned();
        let map = old.map.moved(slot, to);
        let nodes = old.nodes.clone();
        // Whoever waits for another topology does so for one that a node has told in full: two that name each other would
        // wake everybody for ever.
        self.snapshot.store(Some(Arc::new(Snapshot { map, nodes, number: old.number })));
        registry.is_patched = true;
        drop(registry);
        // What waits there for a connection need not.
        if let Some(before) = before.filter(|before| !before.is_ready()) {
            before.displace(Displacement::Moved);
        }
        Some(node)
    }

    /// Takes what a source has said for the topology, unless it is older than that.
    pub(super) fn adopt(self: &Arc<Self>, found: Found) {
        let whereabouts: Vec<_> = found.map.nodes().iter().map(|facts| self.whereabouts(facts)).collect();
        let mut registry = lock(&self.registry);
        let old = self.snapshot.load_full();
        if registry.closed || self.is_outdated(&mut registry, old.is_some(), found.rank) {
            return;
        }
        let described = found.map.nodes().iter().zip(whereabouts);
        let nodes: Vec<_> = described.map(|(facts, place)| self.node(&mut registry, facts, place)).collect();
        registry.failure = None;
        let kept: HashSet<_> = nodes.iter().map(Arc::as_ptr).collect();
        registry.known.retain(|_, known| kept.contains(&Arc::as_ptr(known)));
        let is_patched = std::mem::take(&mut registry.is_patched);
        let mut new = Snapshot { map: found.map, nodes, number: 1 };
        let is_other = is_patched || old.as_ref().is_none_or(|old| !new.is_as(old));
        new.number = old.as_ref().map_or(1, |old| old.number + u64::from(is_other));
        let new = Arc::new(new);
        // They are sure to be needed, and the first call is not to wait for that.
        let start = |node: &Arc<Node>| drop(Arc::clone(node.links()));
        if self.reads_elsewhere() {
            new.nodes.iter().for_each(start)
        } else {
            new.primaries().for_each(start)
        }
        self.snapshot.store(Some(Arc::clone(&new)));
        if is_other {
            self.standing.send_replace(Standing::Known(new.number));
        }
        drop(registry);
        if is_other {
            self.news.tell(Event::TopologyChanged);
        }
        if let Some(old) = old {
            displaced::displace(self, &old, &new);
        }
    }

    /// Whether it is to be passed over: what several nodes in a row say, or the same one again and again, is believed in
    /// the end, since a cluster that was made anew begins to count anew.
    fn is_outdated(&self, registry: &mut Registry, is_known: bool, rank: u64) -> bool {
        if !is_known || rank >= registry.rank || registry.outdated >= MOST_OUTDATED {
            (registry.rank, registry.outdated) = (rank, 0);
            return false;
        }
        registry.outdated += 1;
        true
    }

    /// It has not been found out yet, for this reason.
    pub(super) fn note_trouble(&self, cause: &Cause) {
        let is_unknown = self.snapshot.load().is_none();
        lock(&self.registry).failure = is_unknown.then(|| cause.clone());
    }

    /// Servers that Sentinels have named, and that have not been found to be primaries, are not kept without end.
    fn forget_unproven(&self) {
        let snapshot = self.snapshot.load();
        let proven: HashSet<_> = snapshot.iter().flat_map(|snapshot| &snapshot.nodes).map(Arc::as_ptr).collect();
        let mut registry = lock(&self.registry);
        let by_sentinels = matches!(self.settings.source, Source::Sentinel(_));
        if by_sentinels && registry.known.len() > proven.len() + MOST_UNPROVEN {
            registry.known.retain(|_, known| proven.contains(&Arc::as_ptr(known)));
        }
    }

    /// The topology could not be found out.
    pub(super) fn note_failed(&self, cause: Cause) {
        self.note_trouble(&cause);
        self.forget_unproven();
        let is_unknown = self.snapshot.load().is_none();
        if is_unknown && cause.is_permanent() {
            // What is closed stays so: the task that keeps the topology would go on for ever.
            self.standing.send_if_modified(|standing| {
                let is_open = !matches!(standing, Standing::Closed(_));
                if is_open {
                    *standing = Standing::Failed(cause);
                }
                is_open
            });
        } else if is_unknown {
            self.standing.send_if_modified(|standing| {
                let heals = matches!(standing, Standing::Failed(_));
                if heals {
                    *standing = Standing::Unknown;
                }
                heals
            });
        }
    }

    /// There is no further use of it.
    pub(super) fn end(&self, cause: Cause) {
        let known = {
            let mut registry = lock(&self.registry);
            registry.closed = true;
            std::mem::take(&mut registry.known)
        };
        self.standing.send_if_modified(|standing| {
            let ends = !matches!(standing, Standing::Closed(_));
            if ends {
                *standing = Standing::Closed(cause.clone());
            }
            ends
        });
        self.snapshot.store(None);
        self.wake.notify_one();
        self.news.end();
        // What callers still hold finishes; the rest closes with this.
        drop(known);
    }

    /// Whether it takes no more commands.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(*self.standing.borrow(), Standing::Closed(_))
    }

    /// Takes no more commands, waits for the answers to those under way until `until`, gives up the rest.
    pub(crate) async fn close(&self, until: Instant) {
        let nodes: Vec<_> = lock(&self.registry).known.values().cloned().collect();
        let started = nodes.iter().filter_map(|node| node.started());
        all(started.map(|links| -> Boxed<'_, ()> { Box::pin(links.close(until)) }).collect()).await;
        self.end(Cause::ClosedHere);
        self.show_state(LinkState::Closed { cause: Cause::ClosedHere });
    }
}

impl fmt::Debug for Routing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routing").field("standing", &*self.standing.borrow()).finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// So many topologies in a row that are older than the known one are passed over.
const MOST_OUTDATED: u32 = 3;

/// So many servers that are no part of the topology are kept at most.
const MOST_UNPROVEN: usize = 16;
