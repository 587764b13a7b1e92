//! A cluster that belongs to one test, or to the tests of one file.
//!
//! ```ignore
//! let mut cluster = support::Cluster::build(support::Kind::Valkey).node_timeout(500).start();
//! let dying = cluster.primary_of(support::slot_of("key"));
//! cluster.kill(dying);
//! cluster.wait_ok(PATIENCE);
//! ```
//!
//! Nodes are told by their numbers, which never change: at the start the primaries come first, then their replicas, in
//! the same order. What a node is can change; its number, its id and its ports do not.
//!
//! A start takes 2 seconds, as a primary takes that long to trust its own view. Who can shares a cluster.

mod build;
mod slots;
mod view;

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{Kind, Server};
pub(crate) use build::ClusterBuilder;
pub(crate) use slots::{key_in, slot_of};
use view::View;

/// A running cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    setup: ClusterBuilder,
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Node {
    server: Server,
    id: String,
    /// Whether it runs and is not frozen: who asks another one waits in vain.
    is_awake: AtomicBool,
}

/// How a replica is made a primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// The primary holds its writes until the replica has all of them.
    Plain,
    /// The primary is not asked, the other primaries are.
    Force,
    /// Nobody is asked.
    Takeover,
}

/// What a new node is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A primary without slots.
    Primary,
    /// A replica of the primary with this number.
    ReplicaOf(usize),
}

impl Cluster {
    /// A cluster with settings: 3 primaries and 3 replicas without TLS, unless it is told otherwise.
    pub(crate) fn build(kind: Kind) -> ClusterBuilder {
        ClusterBuilder::new(kind)
    }

    /// How many nodes were started so far, whatever became of them.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The node of this number.
    pub(crate) fn node(&self, number: usize) -> &Server {
        &self.nodes[number].server
    }

    /// All nodes that run and are not frozen.
    pub(crate) fn servers(&self) -> Vec<&Server> {
        self.awake().map(|(_, node)| &node.server).collect()
    }

    /// The node's id, 40 hexadecimal digits.
    pub(crate) fn id(&self, number: usize) -> &str {
        &self.nodes[number].id
    }

    /// The port for clients: with TLS the one that speaks it.
    pub(crate) fn port(&self, number: usize) -> u16 {
        let server = self.node(number);
        if self.setup.is_tls() { server.tls_port() } else { server.port() }
    }

    /// Where clients reach the node.
    pub(crate) fn address(&self, number: usize) -> SocketAddr {
        SocketAddr::new(self.node(number).address().ip(), self.port(number))
    }

    /// A URL that names all primaries of this moment.
    pub(crate) fn url(&self) -> String {
        self.url_of(&self.primaries())
    }

    /// A URL that names these nodes.
    pub(crate) fn url_of(&self, seeds: &[usize]) -> String {
        let scheme = match (self.setup.kind, self.setup.is_tls()) {
            (Kind::Redis, false) => "redis",
            (Kind::Redis, true) => "rediss",
            (Kind::Valkey, false) => "valkey",
            (Kind::Valkey, true) => "valkeys",
        };
        let seeds: Vec<String> = seeds.iter().map(|&seed| self.address(seed).to_string()).collect();
        format!("{scheme}+cluster://{}", seeds.join(","))
    }

    /// The primaries with slots of this moment, by the slots they have.
    pub(crate) fn primaries(&self) -> Vec<usize> {
        let view = self.some_view();
        let mut primaries: Vec<_> = view.primaries_with_slots().collect();
        primaries.sort_unstable_by_key(|primary| primary.first_slot());
        primaries.into_iter().map(|primary| self.number_of(&primary.id)).collect()
    }

    /// The node that has this slot: the one that says so of itself, or who the others name if it is dead.
    pub(crate) fn primary_of(&self, slot: u16) -> usize {
        self.owner(slot).unwrap_or_else(|| panic!("nobody has slot {slot}"))
    }

    /// The same, where nobody may have it.
    pub(crate) fn owner(&self, slot: u16) -> Option<usize> {
        let views = self.views();
        let claims = views.iter().filter_map(|(number, view)| Some((view.own_epoch_with(slot)?, *number)));
        claims.max().map(|(_, number)| number).or_else(|| self.some_view().owner(slot).map(|id| self.number_of(id)))
    }

    /// The replicas of this primary that are alive in the eyes of the others.
    pub(crate) fn replicas_of(&self, primary: usize) -> Vec<usize> {
        let view = self.some_view();
        view.replicas_of(self.id(primary)).map(|id| self.number_of(id)).collect()
    }

    /// Kills the node with SIGKILL.
    pub(crate) fn kill(&mut self, number: usize) {
        let node = &mut self.nodes[number];
        node.is_awake.store(false, Ordering::SeqCst);
        node.server.kill9();
    }

    /// Kills the node if it still runs, and starts it again with what it knows of the cluster, and without its keys.
    pub(crate) fn restart(&mut self, number: usize) {
        let node = &mut self.nodes[number];
        node.server.restart();
        node.is_awake.store(true, Ordering::SeqCst);
    }

    /// Freezes the node: connections are still accepted by the kernel, nothing is answered.
    pub(crate) fn stop(&self, number: usize) {
        self.nodes[number].is_awake.store(false, Ordering::SeqCst);
        self.node(number).stop();
    }

    /// Wakes a frozen node.
    pub(crate) fn cont(&self, number: usize) {
        self.node(number).cont();
        self.nodes[number].is_awake.store(true, Ordering::SeqCst);
    }

    /// Stops all nodes, and starts them with the same ports at another address of this machine, such as 127.0.0.2.
    pub(crate) fn move_to(&mut self, host: IpAddr) {
        let old = self.node(0).address().ip().to_string();
        for node in &mut self.nodes {
            node.is_awake.store(false, Ordering::SeqCst);
            node.server.kill_and_move(host);
            let path = node.server.folder().join(build::NODES);
            let known = std::fs::read_to_string(&path).unwrap();
            std::fs::write(path, known.replace(&format!(" {old}:"), &format!(" {host}:"))).unwrap();
        }
        for number in 0..self.len() {
            self.restart(number);
        }
        self.wait_whole(PATIENCE);
    }

    /// Makes a replica the primary of its shard, and waits until all say so, and that the old primary is its replica.
    pub(crate) fn failover(&self, number: usize, how: How) {
        let mut command = vec!["CLUSTER", "FAILOVER"];
        match how {
            How::Plain => {}
            How::Force => command.push("FORCE"),
            How::Takeover => command.push("TAKEOVER"),
        }
        let old = self.some_view().primary_of_replica(self.id(number)).map(str::to_owned);
        let old = old.filter(|old| self.awake().any(|(_, node)| node.id == *old));
        let begin = Instant::now();
        loop {
            // A second election of a shard soon after the first fails without a word.
            let answer = self.node(number).raw(&command);
            let is_elected = answer == "OK" && self.is_so(ELECTION, || self.all_say_primary(number));
            if is_elected {
                let follows = |view: &View, old: &String| view.primary_of_replica(old) == Some(self.id(number));
                self.wait(PATIENCE, "the old primary follows the new one in the eyes of all nodes", || {
                    old.iter().all(|old| self.views().iter().all(|(_, view)| follows(view, old)))
                });
                return;
            }
            assert!(begin.elapsed() < PATIENCE, "node {number} is made no primary: {answer}");
            std::thread::sleep(TICK);
        }
    }

    fn all_say_primary(&self, number: usize) -> bool {
        let id = self.id(number);
        self.views().iter().all(|(_, view)| view.primaries_with_slots().any(|primary| primary.id == id))
    }

    /// Starts another node, lets it meet the cluster, and waits until all know it. Returns its number.
    pub(crate) fn add_node(&mut self, role: Role) -> usize {
        let server = self.setup.start_stranger();
        let id = server.raw(&["CLUSTER", "MYID"]);
        let number = self.len();
        self.nodes.push(Node { server, id, is_awake: AtomicBool::new(true) });
        let (host, port) = (self.address(0).ip().to_string(), self.port(0).to_string());
        let known = self.some_known();
        let met = match known {
            Some(known) => (self.address(known).ip().to_string(), self.port(known).to_string()),
            None => (host, port),
        };
        assert_eq!(self.node(number).raw(&["CLUSTER", "MEET", &met.0, &met.1]), "OK");
        let everybody = || self.views().iter().all(|(_, view)| self.knows_all_awake(view));
        self.wait(PATIENCE, "all nodes know the new one", everybody);
        if let Role::ReplicaOf(primary) = role {
            let answer = self.node(number).raw(&["CLUSTER", "REPLICATE", self.id(primary)]);
            assert_eq!(answer, "OK");
        }
        self.wait_whole(PATIENCE);
        number
    }

    /// All others forget the node, which has no slots and no replicas any more. It goes on in its own belief.
    pub(crate) fn forget(&self, number: usize) {
        let id = self.id(number);
        for (other, node) in self.awake().filter(|(other, _)| *other != number) {
            let answer = node.server.raw(&["CLUSTER", "FORGET", id]);
            // Another one may have told it already.
            assert!(answer == "OK" || answer.starts_with("-ERR Unknown node"), "node {other}: {answer}");
        }
    }

    /// Waits until every node that is awake says `cluster_state:ok`.
    pub(crate) fn wait_ok(&self, timeout: Duration) {
        self.wait(timeout, "cluster_state:ok on all nodes", || self.is_ok());
    }

    /// Whether every node that is awake says `cluster_state:ok`.
    pub(crate) fn is_ok(&self) -> bool {
        self.awake().all(|(_, node)| node.server.raw(&["CLUSTER", "INFO"]).contains("cluster_state:ok"))
    }

    /// Waits until besides every node that is awake knows all others that are, and tells clients of all replicas.
    pub(crate) fn wait_whole(&self, timeout: Duration) {
        self.wait(timeout, "a whole cluster on all nodes", || self.is_ok() && self.tells_of_all());
    }

    fn tells_of_all(&self) -> bool {
        self.awake().all(|(_, node)| {
            let view = View::of(&node.server);
            let slots = node.server.raw(&["CLUSTER", "SLOTS"]);
            let has_slots = |id: &str| view.primaries_with_slots().any(|primary| primary.id == id);
            self.knows_all_awake(&view)
                && self.awake().all(|(_, other)| match view.primary_of_replica(&other.id) {
                    Some(primary) => !has_slots(primary) || slots.contains(&other.id),
                    None => true,
                })
        })
    }

    /// The connections of clients to this node: not the test's own, not the other nodes'.
    pub(crate) fn connections(&self, number: usize) -> Vec<String> {
        let list = self.node(number).raw(&["CLIENT", "LIST"]);
        list.lines().filter(|line| is_clients(line)).map(str::to_owned).collect()
    }

    /// How many connections the node has taken so far, but for the test's own. To be compared with what it was before.
    pub(crate) fn connections_received(&self, number: usize) -> u64 {
        self.node(number).connections_received()
    }

    fn number_of(&self, id: &str) -> usize {
        let number = self.nodes.iter().position(|node| node.id == id);
        number.unwrap_or_else(|| panic!("node {id} was not started here"))
    }

    fn awake(&self) -> impl Iterator<Item = (usize, &Node)> {
        self.nodes.iter().enumerate().filter(|(_, node)| node.is_awake.load(Ordering::SeqCst))
    }

    /// What each node that is awake thinks of the cluster. Nodes that know only themselves were forgotten, or are new.
    fn views(&self) -> Vec<(usize, View)> {
        let views = self.awake().map(|(number, node)| (number, View::of(&node.server)));
        views.filter(|(_, view)| self.len() == 1 || view.len() > 1).collect()
    }

    fn some_view(&self) -> View {
        let best = self.views().into_iter().max_by_key(|(_, view)| (view.coverage(), view.newest_epoch()));
        best.unwrap_or_else(|| panic!("no node is awake")).1
    }

    /// A node that is awake and knows others.
    fn some_known(&self) -> Option<usize> {
        self.views().first().map(|(number, _)| *number)
    }

    fn knows_all_awake(&self, view: &View) -> bool {
        self.awake().all(|(_, other)| view.is_well(&other.id))
    }

    fn wait(&self, timeout: Duration, claim: &str, holds: impl Fn() -> bool) {
        if !self.is_so(timeout, holds) {
            let seen: Vec<_> = self.awake().map(|(number, node)| (number, View::of(&node.server))).collect();
            panic!("not within {timeout:?}: {claim}; {seen:#?}");
        }
    }

    fn is_so(&self, timeout: Duration, holds: impl Fn() -> bool) -> bool {
        let begin = Instant::now();
        while !holds() {
            if begin.elapsed() > timeout {
                return false;
            }
            std::thread::sleep(TICK);
        }
        true
    }
}

/// Whether a line of CLIENT LIST is a client's. MIGRATE leaves connections between nodes for 10 seconds.
fn is_clients(line: &str) -> bool {
    let is_nodes = |field: &str| {
        matches!(field, "flags=S" | "flags=M") || field.starts_with("cmd=restore") || field == "cmd=replconf"
    };
    !line.contains("server.sock") && !line.split(' ').any(is_nodes)
}

/// Far longer than anything takes that works.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a replica takes at most that is elected at all.
const ELECTION: Duration = Duration::from_millis(1500);
const TICK: Duration = Duration::from_millis(10);
