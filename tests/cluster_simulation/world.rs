//! The nodes, the connections to them, and what is going to happen: everything that is not the client.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use steadfast::Slot;
use tokio::sync::Notify;
use tokio::time::{Duration, Instant, sleep_until};

use crate::connection::{Connection, End};
use crate::dice::Dice;
use crate::view::{Naming, NodeId, Segment, View};

/// Milliseconds since the beginning.
pub(crate) type Millis = u64;

/// The world as its pipes and its engine share it.
pub(crate) struct Shared {
    world: Mutex<World>,
    begin: Instant,
    wake: Notify,
}

/// What holds for a world from its beginning to its end.
#[derive(Clone, Debug)]
pub(crate) struct Traits {
    /// Nodes know no `HELLO`.
    pub(crate) is_old: bool,
    /// Nodes know no `CLUSTER SHARDS`.
    pub(crate) no_shards: bool,
    pub(crate) naming: Naming,
    /// A slot that nobody serves takes all others down.
    pub(crate) needs_all: bool,
    /// Bytes on their way to a node at most.
    pub(crate) window: usize,
    /// Bytes taken by one write at most.
    pub(crate) chunk: usize,
    /// How long bytes are under way, at most.
    pub(crate) latency: Millis,
    /// Until all have heard of a change, at most.
    pub(crate) gossip: Millis,
    /// What a primary does with writes that does not know yet that it is none any more.
    pub(crate) fence: Fence,
}

/// Replication is synchronous: whoever is cut off cannot accept a write. What is written to it
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fence {
    /// waits until the node has heard what it is.
    Hold,
    /// is refused with `NOREPLICAS`.
    NoReplicas,
    /// is refused with `CLUSTERDOWN`, as everything else.
    Down,
}

pub(crate) struct World {
    pub(crate) traits: Traits,
    pub(crate) now: Millis,
    pub(crate) dice: Dice,
    /// Sorted by slot, one for each segment.
    pub(crate) slots: Vec<RangeInclusive<u16>>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) by_port: HashMap<u16, NodeId>,
    pub(crate) truth: Arc<View>,
    /// What each shard has; all its nodes have it.
    pub(crate) contents: Vec<BTreeMap<String, String>>,
    pub(crate) connections: Vec<Connection>,
    events: BinaryHeap<Reverse<(Millis, u64, Event)>>,
    numbered: u64,
    /// When each segment's owner changed last.
    pub(crate) unsettled: Vec<Millis>,
    /// When something last befell all.
    pub(crate) all_unsettled: Millis,
    /// What the nodes have seen that must not be.
    pub(crate) complaints: Vec<String>,
    /// How often what happened.
    pub(crate) seen: BTreeMap<&'static str, u64>,
    /// The moments at which each port was asked for the topology.
    pub(crate) asked: HashMap<u16, Vec<Millis>>,
    /// And those at which it accepted a connection.
    pub(crate) accepted: HashMap<u16, Vec<Millis>>,
    pub(crate) down_until: Millis,
    /// A call has succeeded, so that the client knows the nodes.
    pub(crate) is_known: bool,
    /// Everything is healed, and nothing more breaks.
    pub(crate) healed: bool,
    /// What has happened, where somebody wants to know.
    pub(crate) story: Option<Mutex<Vec<String>>>,
    /// Keeps no account of connections: there are too many.
    pub(crate) is_large: bool,
}

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) port: u16,
    pub(crate) view: Arc<View>,
    /// What it had when others took over, of which it does not know.
    pub(crate) frozen: Option<BTreeMap<String, String>>,
    pub(crate) latency: Millis,
    /// Its process has ended.
    pub(crate) down: Millis,
    /// It is stopped: takes bytes and does nothing.
    pub(crate) paused: Millis,
    /// No byte gets through to clients.
    pub(crate) cut: Millis,
    /// Nor to other nodes.
    pub(crate) isolated: Millis,
    /// Its answers do not arrive.
    pub(crate) mute: Millis,
    pub(crate) refuses: Millis,
    pub(crate) hangs: Millis,
    pub(crate) loading: Millis,
    /// The connections made next are cut at these bytes.
    pub(crate) cuts: Vec<Cut>,
    /// When something last befell it, or ceased to.
    pub(crate) unsettled: Millis,
    pub(crate) left: bool,
}

/// Where a connection ends: behind so many bytes in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) is_up: bool,
    pub(crate) behind: usize,
    pub(crate) end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Event {
    /// Bytes may arrive at the node.
    Up(usize),
    /// Bytes may arrive at the client.
    Down(usize),
    /// A connection ends.
    Die(usize, End),
    /// A node may have heard the news.
    Gossip(NodeId),
    /// Something that befell a node is over.
    Over(NodeId),
    /// There were too many connections to a port.
    Recount(u16),
    /// A primary has been missed for long enough.
    Elect(NodeId),
    /// Keys of a segment that is being moved go over.
    Move(Segment),
    /// The next step of the schedule.
    Step(usize),
}

impl Shared {
    pub(crate) fn new(world: World) -> Arc<Self> {
        Arc::new(Self { world: Mutex::new(world), begin: Instant::now(), wake: Notify::new() })
    }

    /// The world, at the present time.
    pub(crate) fn lock(&self) -> MutexGuard<'_, World> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.now = self.begin.elapsed().as_millis() as Millis;
        world
    }

    /// Something was put into the world that may have to happen soon.
    pub(crate) fn notice(&self) {
        self.wake.notify_one();
    }

    /// Lets happen what happens; `step` does the steps of the schedule.
    pub(crate) async fn run(self: Arc<Self>, mut step: impl FnMut(&mut World, usize)) {
        loop {
            let next = {
                let mut world = self.lock();
                while let Some(event) = world.due() {
                    match event {
                        Event::Step(number) => step(&mut world, number),
                        event => world.handle(event),
                    }
                }
                world.events.peek().map(|Reverse((at, ..))| *at)
            };
            let noticed = self.wake.notified();
            match next {
                None => noticed.await,
                Some(at) => tokio::select! {
                    biased;
                    () = noticed => {}
                    () = sleep_until(self.begin + Duration::from_millis(at)) => {}
                },
            }
        }
    }
}

impl World {
    pub(crate) fn new(traits: Traits, slots: Vec<RangeInclusive<u16>>, truth: View, dice: Dice) -> Self {
        let truth = Arc::new(truth);
        let mut world = Self {
            now: 0,
            unsettled: vec![0; slots.len()],
            slots,
            nodes: Vec::new(),
            by_port: HashMap::new(),
            contents: vec![BTreeMap::new(); truth.shards.len()],
            connections: Vec::new(),
            events: BinaryHeap::new(),
            numbered: 0,
            all_unsettled: 0,
            complaints: Vec::new(),
            seen: BTreeMap::new(),
            asked: HashMap::new(),
            accepted: HashMap::new(),
            down_until: 0,
            is_known: false,
            healed: false,
            story: None,
            is_large: false,
            dice,
            traits,
            truth: Arc::clone(&truth),
        };
        for port in &truth.ports {
            world.add_node(*port);
        }
        world
    }

    pub(crate) fn add_node(&mut self, port: u16) -> NodeId {
        let latency = self.dice.below(self.traits.latency + 1);
        self.nodes.push(Node {
            port,
            view: Arc::clone(&self.truth),
            frozen: None,
            latency,
            down: 0,
            paused: 0,
            cut: 0,
            isolated: 0,
            mute: 0,
            refuses: 0,
            hangs: 0,
            loading: 0,
            cuts: Vec::new(),
            unsettled: self.now,
            left: false,
        });
        self.by_port.insert(port, self.nodes.len() - 1);
        self.nodes.len() - 1
    }

    pub(crate) fn count(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    /// Says what happens, where somebody wants to know.
    pub(crate) fn tell(&self, what: impl FnOnce() -> String) {
        if let Some(story) = &self.story {
            story.lock().unwrap().push(format!("{:6} ms: {}", self.now, what()));
        }
    }

    pub(crate) fn complain(&mut self, what: impl std::fmt::Display) {
        let now = self.now;
        self.tell(|| format!("!!! {what}"));
        self.complaints.push(format!("{now} ms: {what}"));
    }

    pub(crate) fn at(&mut self, at: Millis, event: Event) {
        self.numbered += 1;
        self.events.push(Reverse((at, self.numbered, event)));
    }

    pub(crate) fn after(&mut self, pause: Millis, event: Event) {
        self.at(self.now + pause, event);
    }

    fn due(&mut self) -> Option<Event> {
        let Reverse((at, ..)) = self.events.peek()?;
        if *at > self.now {
            return None;
        }
        self.events.pop().map(|Reverse((.., event))| event)
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Up(connection) => self.process(connection),
            Event::Down(connection) => self.deliver(connection),
            Event::Die(connection, end) => self.kill(connection, end),
            Event::Gossip(node) => self.gossip(node),
            Event::Over(node) => self.note_over(node),
            Event::Recount(port) => self.recount(port),
            Event::Elect(node) => self.elect(node),
            Event::Move(segment) => self.move_keys(segment),
            Event::Step(_) => {}
        }
    }

    pub(crate) fn segment_of(&self, key: &[u8]) -> Segment {
        let slot = Slot::of(key).number();
        self.slots.partition_point(|slots| *slots.end() < slot)
    }

    /// Whether a node takes part in the cluster.
    pub(crate) fn is_heard(&self, node: NodeId) -> bool {
        let (node, now) = (&self.nodes[node], self.now);
        !node.left && node.down <= now && node.paused <= now && node.isolated <= now
    }

    /// Whether nothing befalls it.
    pub(crate) fn is_well(&self, node: NodeId) -> bool {
        let (it, now) = (&self.nodes[node], self.now);
        let worst = [it.cut, it.mute, it.refuses, it.hangs, it.loading].into_iter().max();
        self.is_heard(node) && worst <= Some(now) && it.cuts.is_empty()
    }

    /// Something befalls a node until then.
    pub(crate) fn befall(&mut self, node: NodeId, until: Millis) {
        let it = &mut self.nodes[node];
        it.unsettled = it.unsettled.max(until);
        self.at(until, Event::Over(node));
    }

    fn note_over(&mut self, node: NodeId) {
        self.nodes[node].unsettled = self.nodes[node].unsettled.max(self.now);
        if self.is_heard(node) {
            let delay = self.dice.between(20, 20 + self.traits.gossip);
            self.after(delay, Event::Gossip(node));
        }
        for connection in 0..self.connections.len() {
            if self.connections[connection].node == node {
                self.process(connection);
                self.deliver(connection);
            }
        }
    }

    /// Changes what is true. Those in `first` know at once, the others soon.
    pub(crate) fn publish(&mut self, first: &[NodeId], change: impl FnOnce(&mut View)) {
        let mut truth = View::clone(&self.truth);
        let owners = truth.owners.clone();
        let shards = truth.shards.clone();
        truth.epoch += 1;
        change(&mut truth);
        for (segment, (before, after)) in owners.into_iter().zip(truth.owners.iter().copied()).enumerate() {
            if before != after || shards[before] != truth.shards[after] {
                self.unsettled[segment] = self.now;
            }
        }
        if !truth.is_whole() && self.traits.needs_all {
            self.all_unsettled = self.now;
        }
        if truth.is_whole() && !self.truth.is_whole() {
            self.all_unsettled = self.now;
        }
        self.tell(|| format!("now {truth:?}"));
        self.truth = Arc::new(truth);
        for node in 0..self.nodes.len() {
            if first.contains(&node) {
                self.gossip(node);
            } else {
                let delay = self.dice.between(1, self.traits.gossip.max(1));
                self.after(delay, Event::Gossip(node));
            }
        }
    }

    pub(crate) fn gossip(&mut self, node: NodeId) {
        if !self.is_heard(node) {
            return;
        }
        self.nodes[node].view = Arc::clone(&self.truth);
        self.nodes[node].frozen = None;
        // It is there again: what it was counts no more.
        let failed = self.truth.shards.iter().position(|shard| shard.failed.contains(&node));
        if let Some(shard) = failed {
            self.publish(&[node], |truth| {
                let shard = &mut truth.shards[shard];
                shard.failed.retain(|failed| *failed != node);
                match shard.primary {
                    None => shard.primary = Some(node),
                    Some(_) => shard.replicas.push(node),
                }
            });
        }
        for connection in 0..self.connections.len() {
            if self.connections[connection].node == node && self.connections[connection].holds {
                self.connections[connection].holds = false;
                self.process(connection);
            }
        }
    }

    /// A primary that others have not heard of for long enough is replaced, if there is somebody to replace it.
    fn elect(&mut self, node: NodeId) {
        let Some((shard, true)) = self.truth.place_of(node) else { return };
        if self.is_heard(node) || self.healed {
            return;
        }
        let replica = self.truth.shards[shard].replicas.iter().copied().find(|replica| self.is_heard(*replica));
        self.promote(shard, replica);
    }

    /// Makes a replica the primary; `None`: there is no primary any more.
    pub(crate) fn promote(&mut self, shard: usize, replica: Option<NodeId>) {
        let Some(old) = self.truth.shards[shard].primary else { return };
        self.count(if replica.is_some() { "failovers" } else { "shards without a node" });
        self.nodes[old].frozen = Some(self.contents[shard].clone());
        let first: Vec<_> = replica.into_iter().collect();
        let stays = self.is_heard(old);
        self.publish(&first, |truth| {
            let shard = &mut truth.shards[shard];
            shard.primary = replica;
            shard.replicas.retain(|other| Some(*other) != replica);
            if stays {
                shard.replicas.push(old)
            } else {
                shard.failed.push(old)
            };
        });
    }

    /// Begins to move a segment. Both sides know at once, since it is they who are told to.
    pub(crate) fn begin_move(&mut self, segment: Segment, to: usize) {
        let from = self.truth.owners[segment];
        let sides = [from, to].map(|shard| self.truth.shards[shard].primary);
        let [Some(source), Some(target)] = sides else { return };
        let ready = [source, target]
            .iter()
            .all(|node| self.is_well(*node) && Arc::ptr_eq(&self.nodes[*node].view, &self.truth));
        if from == to || !ready || self.truth.moving[segment].is_some() {
            return;
        }
        self.count("migrations");
        self.publish(&[source, target], |truth| truth.moving[segment] = Some(to));
        let pause = self.dice.between(1, 100);
        self.after(pause, Event::Move(segment));
    }

    fn move_keys(&mut self, segment: Segment) {
        let Some(to) = self.truth.moving[segment] else { return };
        let from = self.truth.owners[segment];
        let sides = [from, to].map(|shard| self.truth.shards[shard].primary);
        let heard = sides.iter().flatten().filter(|node| self.is_heard(**node)).count() == 2;
        let pause = self.dice.between(5, 120);
        let [Some(source), Some(target)] = sides else { return self.after(pause, Event::Move(segment)) };
        if !heard {
            return self.after(pause, Event::Move(segment));
        }
        // Whoever was made primary meanwhile has heard of the move with that.
        self.gossip(source);
        self.gossip(target);
        let key = self.contents[from].keys().find(|key| self.segment_of(key.as_bytes()) == segment).cloned();
        match key {
            Some(key) => {
                if let Some(value) = self.contents[from].remove(&key) {
                    self.contents[to].insert(key, value);
                }
                self.after(pause, Event::Move(segment));
            }
            // The one that gains it hears of it first.
            None => self.publish(&[target], |truth| {
                truth.owners[segment] = to;
                truth.moving[segment] = None;
            }),
        }
    }

    /// Everything is well from now on.
    pub(crate) fn heal(&mut self) {
        self.healed = true;
        let now = self.now;
        self.down_until = self.down_until.min(now);
        self.all_unsettled = now;
        for node in 0..self.nodes.len() {
            let it = &mut self.nodes[node];
            for until in [&mut it.down, &mut it.paused, &mut it.cut, &mut it.isolated, &mut it.mute, &mut it.refuses] {
                *until = (*until).min(now);
            }
            it.hangs = it.hangs.min(now);
            it.loading = it.loading.min(now);
            it.cuts.clear();
            for connection in self.connections.iter_mut().filter(|connection| connection.node == node) {
                connection.cut = None;
            }
            self.note_over(node);
        }
    }

    /// The value of a key, wherever it is.
    pub(crate) fn value(&self, key: &str) -> Option<&str> {
        self.contents.iter().find_map(|content| content.get(key)).map(String::as_str)
    }

    /// Whether a call about this segment had no reason to fail that began then: nothing had befallen the nodes that
    /// have it, nor does now.
    pub(crate) fn was_calm(&self, segment: Segment, since: Millis) -> bool {
        let shard = &self.truth.shards[self.truth.owners[segment]];
        let nodes = || shard.primary.iter().chain(&shard.replicas).chain(&shard.failed);
        let latest =
            nodes().map(|node| self.nodes[*node].unsettled).chain([self.unsettled[segment], self.all_unsettled]);
        let down = self.traits.needs_all && !self.truth.is_whole();
        let well = shard.primary.is_some() && nodes().all(|node| self.is_well(*node));
        let settled = match latest.max() {
            None | Some(0) => self.is_known,
            Some(latest) => latest + SETTLING <= since,
        };
        well && !down && self.truth.moving[segment].is_none() && settled
    }
}

/// After a fault it takes so long until callers must not see anything of it any more.
const SETTLING: Millis = 4_000;

/// A word as text.
pub(crate) fn text(word: &Bytes) -> String {
    String::from_utf8_lossy(word).into_owned()
}
