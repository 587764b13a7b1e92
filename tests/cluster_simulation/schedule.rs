//! What befalls a cluster, from a seed.

use std::fmt;

use crate::connection::End;
use crate::dice::Dice;
use crate::view::{Naming, NodeId, Segment, ShardView, View, segments};
use crate::world::{Cut, Event, Fence, Millis, Traits, World};

/// Everything that makes one run differ from another.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) seed: u64,
    pub(crate) shards: usize,
    /// Of each shard.
    pub(crate) replicas: usize,
    pub(crate) tags: Vec<String>,
    pub(crate) callers: usize,
    pub(crate) length: Millis,
    pub(crate) deadline: Millis,
    pub(crate) reads_replicas: bool,
    /// How many nodes the client is told of.
    pub(crate) seeds: usize,
    pub(crate) traits: Traits,
    pub(crate) steps: Vec<(Millis, Step)>,
}

/// What happens; to nodes and shards by their number, modulo how many there are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Migrate {
        segment: Segment,
        to: usize,
    },
    /// A replica takes over in good order.
    TakeOver {
        shard: usize,
        told_after: Millis,
    },
    /// A process ends and is started again; `quietly`: nobody is told, as when a machine loses its power.
    Crash {
        node: NodeId,
        down: Millis,
        loading: Millis,
        quietly: bool,
    },
    Pause {
        node: NodeId,
        time: Millis,
    },
    /// Clients do not reach it; `isolated`: nor do other nodes.
    CutOff {
        node: NodeId,
        time: Millis,
        isolated: bool,
    },
    /// Its connections are cut, this one's and the next ones' bytes.
    Break {
        node: NodeId,
        cut: Cut,
        next: usize,
    },
    Mute {
        node: NodeId,
        time: Millis,
    },
    Refuse {
        node: NodeId,
        time: Millis,
    },
    Hang {
        node: NodeId,
        time: Millis,
    },
    Slow {
        node: NodeId,
        latency: Millis,
    },
    /// All answer that the cluster is down.
    ClusterDown {
        time: Millis,
    },
    /// A node is added, at the address of one that has left if there is one; `alone`: as a shard of its own.
    Join {
        shard: usize,
        alone: bool,
    },
    /// A replica leaves.
    Leave {
        shard: usize,
    },
    /// Two nodes are started anew, each at the other's address.
    Swap {
        one: NodeId,
        other: NodeId,
        down: Millis,
    },
}

impl Schedule {
    pub(crate) fn from_seed(seed: u64) -> Self {
        let mut dice = Dice::new(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ 0xc1);
        let tags: Vec<_> = (0..5).map(|number| format!("t{}", 7 * number + dice.below(7))).collect();
        let length = dice.between(3_000, 8_000);
        let traits = Traits {
            is_old: dice.once_in(5),
            no_shards: dice.once_in(5),
            naming: if dice.once_in(4) { Naming::Empty } else { Naming::Host },
            needs_all: dice.once_in(3),
            window: dice.one_of(&[64, 1 << 10, 1 << 16, 1 << 16]),
            chunk: dice.one_of(&[7, 100, 1 << 16, 1 << 16]),
            latency: dice.one_of(&[0, 1, 3, 20]),
            gossip: dice.one_of(&[10, 100, 600, 2_000]),
            fence: dice.one_of(&[Fence::Hold, Fence::NoReplicas, Fence::Down]),
        };
        let (shards, replicas) = (dice.between(1, 4) as usize, dice.between(0, 2) as usize);
        let steps = dice.between(1, 7);
        let mut steps: Vec<_> = (0..steps).map(|_| (dice.below(length), Step::any(&mut dice))).collect();
        steps.sort_by_key(|(at, _)| *at);
        Self {
            seed,
            shards,
            replicas,
            tags,
            callers: dice.between(2, 4) as usize,
            length,
            deadline: dice.one_of(&[500, 2_000, 5_000]),
            reads_replicas: dice.once_in(3),
            seeds: dice.between(1, 3) as usize,
            traits,
            steps,
        }
    }

    /// The world before anything has happened.
    pub(crate) fn world(&self, tags: &mut [String]) -> World {
        let slots = segments(tags);
        let nodes = self.shards * (1 + self.replicas);
        let shards = (0..self.shards).map(|shard| ShardView {
            primary: Some(shard),
            replicas: (1..=self.replicas).map(|replica| replica * self.shards + shard).collect(),
            failed: Vec::new(),
        });
        let truth = View {
            epoch: 1,
            owners: (0..slots.len()).map(|segment| segment * self.shards / slots.len()).collect(),
            moving: vec![None; slots.len()],
            shards: shards.collect(),
            ports: (0..nodes).map(|node| FIRST_PORT + node as u16).collect(),
            ..View::default()
        };
        let mut world = World::new(self.traits.clone(), slots, truth, Dice::new(self.seed ^ 0x77));
        for (number, (at, _)) in self.steps.iter().enumerate() {
            world.at(*at, Event::Step(number));
        }
        world.at(self.length, Event::Step(self.steps.len()));
        world
    }

    /// Does a step; the one behind the last heals everything.
    pub(crate) fn step(&self, world: &mut World, number: usize) {
        match self.steps.get(number) {
            Some((_, step)) => {
                world.tell(|| format!("{step:?}"));
                step.apply(world);
            }
            None => {
                world.tell(|| "healed".to_owned());
                world.heal();
            }
        }
    }
}

impl Step {
    fn any(dice: &mut Dice) -> Self {
        let node = dice.index(64);
        let time = dice.one_of(&[50, 400, 1_500, 3_000]) + dice.below(1_000);
        match dice.below(22) {
            0..=4 => Self::Migrate { segment: dice.index(64), to: dice.index(64) },
            5 | 6 => Self::TakeOver { shard: node, told_after: dice.below(400) },
            7 | 8 => Self::Crash { node, down: time, loading: dice.one_of(&[0, 100, 1_000]), quietly: dice.once_in(2) },
            9 => Self::Pause { node, time },
            10 | 11 => Self::CutOff { node, time, isolated: dice.once_in(2) },
            12 | 13 => {
                let end = if dice.once_in(2) { End::Fin } else { End::Rst };
                let cut = Cut { is_up: dice.once_in(2), behind: dice.one_of(&[0, 20, 200]) + dice.index(100), end };
                Self::Break { node, cut, next: dice.index(3) }
            }
            14 => Self::Mute { node, time },
            15 => Self::Refuse { node, time },
            16 => Self::Hang { node, time },
            17 => Self::Slow { node, latency: dice.below(60) },
            18 => Self::ClusterDown { time: time / 2 },
            19 => Self::Join { shard: node, alone: dice.once_in(2) },
            20 => Self::Leave { shard: node },
            _ => Self::Swap { one: node, other: dice.index(64), down: dice.between(10, 800) },
        }
    }

    fn apply(self, world: &mut World) {
        let (nodes, shards) = (world.nodes.len(), world.truth.shards.len());
        match self {
            Self::Migrate { segment, to } => world.begin_move(segment % world.slots.len(), to % shards),
            Self::TakeOver { shard, told_after } => world.take_over(shard % shards, told_after),
            Self::Crash { node, down, loading, quietly } => world.crash(node % nodes, down, loading, quietly),
            Self::Pause { node, time } => world.afflict(node % nodes, time, |node, until| node.paused = until),
            Self::CutOff { node, time, isolated } => world.afflict(node % nodes, time, |node, until| {
                node.cut = until;
                if isolated {
                    node.isolated = until;
                }
            }),
            Self::Break { node, cut, next } => world.break_connections(node % nodes, cut, next),
            Self::Mute { node, time } => world.afflict(node % nodes, time, |node, until| node.mute = until),
            Self::Refuse { node, time } => world.afflict(node % nodes, time, |node, until| node.refuses = until),
            Self::Hang { node, time } => world.afflict(node % nodes, time, |node, until| node.hangs = until),
            Self::Slow { node, latency } => world.nodes[node % nodes].latency = latency,
            Self::ClusterDown { time } => {
                world.down_until = world.now + time;
                world.all_unsettled = world.down_until;
            }
            Self::Join { shard, alone } => world.join(shard % shards, alone),
            Self::Leave { shard } => world.leave(shard % shards),
            Self::Swap { one, other, down } => world.swap(one % nodes, other % nodes, down),
        }
    }
}

impl World {
    fn afflict(&mut self, node: NodeId, time: Millis, set: impl FnOnce(&mut crate::world::Node, Millis)) {
        let until = self.now + time;
        set(&mut self.nodes[node], until);
        self.befall(node, until);
        let patience = self.dice.between(200, 1_500);
        self.after(patience, Event::Elect(node));
    }

    fn crash(&mut self, node: NodeId, down: Millis, loading: Millis, quietly: bool) {
        let until = self.now + down;
        let it = &mut self.nodes[node];
        it.down = until;
        it.loading = until + loading;
        if quietly {
            it.cut = until;
        }
        self.befall(node, until);
        self.befall(node, until + loading);
        for connection in 0..self.connections.len() {
            if self.connections[connection].node == node {
                self.kill(connection, End::Rst);
            }
        }
        let patience = self.dice.between(200, 1_500);
        self.after(patience, Event::Elect(node));
    }

    fn take_over(&mut self, shard: usize, told_after: Millis) {
        let Some(primary) = self.truth.shards[shard].primary.filter(|primary| self.is_well(*primary)) else { return };
        let replica = self.truth.shards[shard].replicas.iter().copied().find(|replica| self.is_well(*replica));
        if replica.is_some() {
            self.promote(shard, replica);
            self.after(told_after, Event::Gossip(primary));
        }
    }

    fn break_connections(&mut self, node: NodeId, cut: Cut, next: usize) {
        for connection in self.connections.iter_mut().filter(|connection| connection.node == node) {
            connection.cut = Some(cut);
        }
        self.nodes[node].cuts = vec![cut; next];
        self.befall(node, self.now + 2_000);
    }

    fn join(&mut self, shard: usize, alone: bool) {
        // An address that was somebody else's, if there is one.
        let old = self
            .nodes
            .iter()
            .find(|node| node.left && !self.nodes.iter().any(|other| !other.left && other.port == node.port));
        let port = old.map_or(FIRST_PORT + 100 + self.nodes.len() as u16, |node| node.port);
        self.count(if old.is_some() { "addresses used again" } else { "joins" });
        let node = self.add_node(port);
        if alone {
            self.contents.push(Default::default());
        }
        self.publish(&[node], |truth| {
            truth.ports.push(port);
            if alone {
                truth.shards.push(ShardView { primary: Some(node), ..ShardView::default() });
            } else {
                truth.shards[shard].replicas.push(node);
            }
        });
    }

    fn leave(&mut self, shard: usize) {
        let Some(node) = self.truth.shards[shard].replicas.last().copied() else { return };
        self.count("leaves");
        self.publish(&[], |truth| truth.shards[shard].replicas.retain(|replica| *replica != node));
        self.nodes[node].left = true;
        for connection in 0..self.connections.len() {
            if self.connections[connection].node == node {
                self.kill(connection, End::Rst);
            }
        }
    }

    fn swap(&mut self, one: NodeId, other: NodeId, down: Millis) {
        if one == other || self.nodes[one].left || self.nodes[other].left {
            return;
        }
        self.count("swaps of addresses");
        self.crash(one, down, 0, false);
        self.crash(other, down, 0, false);
        let ports = [self.nodes[one].port, self.nodes[other].port];
        (self.nodes[one].port, self.nodes[other].port) = (ports[1], ports[0]);
        self.by_port.insert(ports[1], one);
        self.by_port.insert(ports[0], other);
        self.publish(&[], |truth| (truth.ports[one], truth.ports[other]) = (ports[1], ports[0]));
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} shards with {} replicas each, {} callers, deadline {} ms, {} seeds, reads of replicas: {}, healed at {} ms",
            self.shards, self.replicas, self.callers, self.deadline, self.seeds, self.reads_replicas, self.length
        )?;
        writeln!(f, "tags {:?}, {:?}", self.tags, self.traits)?;
        self.steps.iter().try_for_each(|(at, step)| writeln!(f, "{at} ms: {step:?}"))
    }
}

/// That of node 0.
pub(crate) const FIRST_PORT: u16 = 7000;
