//! A cluster of our own: every node is born with what it would have learned from the others, so that there is nothing to
//! agree on. It serves after two seconds, as a primary trusts nothing it knows before that.

use std::{
    env, fs, io,
    net::TcpListener,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};

use steadfast::Slot;

use crate::{
    server::Server,
    work::{KEYS, SMALL, key},
};

/// Primaries without replicas. Node `n` of `count` has the `n`th part of the slots.
pub(crate) struct Cluster {
    nodes: Vec<Node>,
    scratch: PathBuf,
}

struct Node {
    server: Server,
    id: String,
}

/// Where a node is: for clients, and for the other nodes.
struct Ports {
    client: u16,
    bus: u16,
    /// What it and the others call its port for clients.
    announced: u16,
}

impl Cluster {
    pub(crate) fn start(nodes: usize, core: usize) -> io::Result<Self> {
        Self::start_announcing(&vec![None; nodes], core)
    }

    /// A node for each element. Where it is a port, clients are told to go there.
    pub(crate) fn start_announcing(announced: &[Option<u16>], core: usize) -> io::Result<Self> {
        let ports = free_ports(announced)?;
        let scratch = scratch()?;
        let mut cluster = Self { nodes: Vec::new(), scratch };
        for number in 0..ports.len() {
            let node = start_node(number, &ports, &cluster.scratch, core)?;
            cluster.nodes.push(node);
        }
        for node in &mut cluster.nodes {
            node.server.wait_until_it_answers()?;
        }
        cluster.wait_until_it_serves()?;
        Ok(cluster)
    }

    fn wait_until_it_serves(&self) -> io::Result<()> {
        let limit = Instant::now() + Duration::from_secs(20);
        for node in &self.nodes {
            while !node.server.answer(&[b"CLUSTER", b"INFO"])?.contains("cluster_state:ok") {
                if Instant::now() > limit {
                    return Err(io::Error::other("the cluster does not come up"));
                }
                thread::sleep(Duration::from_millis(10));
            }
        }
        Ok(())
    }

    pub(crate) fn node(&self, number: usize) -> &Server {
        &self.nodes[number].server
    }

    /// Where clients begin.
    pub(crate) fn seed(&self) -> u16 {
        self.nodes[0].server.port
    }

    pub(crate) fn kill(&mut self, number: usize) {
        self.nodes[number].server.kill();
    }

    /// The node that has had this slot from the start.
    pub(crate) fn owner(&self, slot: Slot) -> usize {
        let owns = |number: &usize| slots_of(*number, self.nodes.len()).1 >= slot.number();
        (0..self.nodes.len()).find(owns).expect("every slot has an owner")
    }

    /// The first `count` names, made of numbers by `name`, that node `number` has, each in a slot of its own.
    pub(crate) fn names_on(&self, number: usize, count: usize, name: impl Fn(usize) -> String) -> Vec<String> {
        let mut slots = Vec::new();
        let is_new_there = |name: &String| {
            let slot = Slot::of(name.as_bytes());
            let is_new = self.owner(slot) == number && !slots.contains(&slot);
            if is_new {
                slots.push(slot);
            }
            is_new
        };
        (0..).map(name).filter(is_new_there).take(count).collect()
    }

    /// Puts in the keys that the works on clusters read.
    pub(crate) fn seed_keys(&self) -> io::Result<()> {
        let small = vec![b'v'; SMALL];
        (0..KEYS).try_for_each(|n| self.set(&key(n), &small))
    }

    pub(crate) fn set(&self, key: &str, value: &[u8]) -> io::Result<()> {
        let node = self.node(self.owner(Slot::of(key.as_bytes())));
        node.command(&[b"SET", key.as_bytes(), value]).map(drop)
    }

    /// From now on `from` sends clients to `to` (ASK) for keys of the slot that it does not have.
    pub(crate) fn begin_migration(&self, slot: Slot, from: usize, to: usize) -> io::Result<()> {
        self.set_slot(to, slot, &[b"IMPORTING", self.nodes[from].id.as_bytes()])?;
        self.set_slot(from, slot, &[b"MIGRATING", self.nodes[to].id.as_bytes()])
    }

    pub(crate) fn move_keys(&self, keys: &[String], from: usize, to: usize) -> io::Result<()> {
        let port = self.node(to).port.to_string();
        for key in keys {
            self.node(from).command(&[b"MIGRATE", b"127.0.0.1", port.as_bytes(), key.as_bytes(), b"0", b"5000"])?;
        }
        Ok(())
    }

    /// The slot, whose keys have all been moved, is `to`'s.
    pub(crate) fn finish_migration(&self, slot: Slot, from: usize, to: usize) -> io::Result<()> {
        let id = self.nodes[to].id.as_bytes();
        self.set_slot(to, slot, &[b"NODE", id])?;
        self.set_slot(from, slot, &[b"NODE", id])
    }

    fn set_slot(&self, node: usize, slot: Slot, words: &[&[u8]]) -> io::Result<()> {
        let number = slot.to_string();
        let command: [&[u8]; 3] = [b"CLUSTER", b"SETSLOT", number.as_bytes()];
        self.node(node).command(&[&command, words].concat()).map(drop)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.nodes.clear();
        // What is left is swept up by the next start.
        let _ = fs::remove_dir_all(&self.scratch);
    }
}

fn start_node(number: usize, ports: &[Ports], scratch: &Path, core: usize) -> io::Result<Node> {
    let own = &ports[number];
    let folder = scratch.join(number.to_string());
    fs::create_dir(&folder)?;
    fs::write(folder.join("nodes.conf"), knowledge(number, ports))?;
    let (bus, announced) = (own.bus.to_string(), own.announced.to_string());
    let settings = [
        ["--dir", folder.to_str().ok_or_else(|| io::Error::other("a folder without a name"))?],
        ["--cluster-enabled", "yes"],
        ["--cluster-port", &bus],
        ["--cluster-announce-ip", "127.0.0.1"],
        ["--cluster-announce-port", &announced],
        ["--cluster-announce-bus-port", &bus],
        // Nobody is called dead while a row runs.
        ["--cluster-node-timeout", "60000"],
    ];
    let server = Server::begin(own.client, core, settings.as_flattened())?;
    Ok(Node { server, id: id(number, ports) })
}

/// What the node has on disk: the lines of CLUSTER NODES, and the epochs.
fn knowledge(number: usize, ports: &[Ports]) -> String {
    let mut text = String::new();
    for (other, Ports { announced, bus, .. }) in ports.iter().enumerate() {
        let myself = if other == number { "myself," } else { "" };
        let (first, last) = slots_of(other, ports.len());
        let (id, epoch) = (id(other, ports), other + 1);
        text += &format!("{id} 127.0.0.1:{announced}@{bus} {myself}master - 0 0 {epoch} connected {first}-{last}\n");
    }
    text + &format!("vars currentEpoch {} lastVoteEpoch 0\n", ports.len())
}

/// First and last.
fn slots_of(number: usize, nodes: usize) -> (u16, u16) {
    let begin = |number: usize| u16::try_from(usize::from(Slot::COUNT) * number / nodes).expect("a slot or the end");
    (begin(number), begin(number + 1) - 1)
}

/// 40 hexadecimal digits, the same nowhere else.
fn id(number: usize, ports: &[Ports]) -> String {
    format!("{:08x}{:016x}{number:016x}", process::id(), ports[number].client)
}

/// All at once, so that none is given twice.
fn free_ports(announced: &[Option<u16>]) -> io::Result<Vec<Ports>> {
    let listen = || TcpListener::bind(("127.0.0.1", 0));
    let held: Vec<_> = announced.iter().map(|_| Ok([listen()?, listen()?])).collect::<io::Result<_>>()?;
    let ports = held.iter().zip(announced).map(|([client, bus], announced)| {
        let client = client.local_addr()?.port();
        Ok(Ports { client, bus: bus.local_addr()?.port(), announced: announced.unwrap_or(client) })
    });
    ports.collect()
}

/// A folder for the files that nodes cannot do without. Those of processes that were killed are removed.
fn scratch() -> io::Result<PathBuf> {
    let folder = env::temp_dir();
    for entry in fs::read_dir(&folder)?.flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(SCRATCH)?.split('-').next());
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    let own = folder.join(format!("{SCRATCH}{}-{}", process::id(), STARTED.fetch_add(1, Relaxed)));
    // It is still there if the number was another process' before.
    let _ = fs::remove_dir_all(&own);
    fs::create_dir(&own)?;
    Ok(own)
}

/// Clusters of this process.
static STARTED: AtomicUsize = AtomicUsize::new(0);
const SCRATCH: &str = "peers-cluster-";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_has_one_owner() {
        for nodes in [1, 3, 30] {
            let ranges: Vec<_> = (0..nodes).map(|number| slots_of(number, nodes)).collect();
            assert_eq!((ranges[0].0, ranges[nodes - 1].1), (0, Slot::COUNT - 1));
            assert!(ranges.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0), "{ranges:?}");
        }
    }

    #[test]
    fn a_node_knows_itself_and_the_others() {
        let ports = |n: u16| Ports { client: n, bus: n + 1, announced: n + 2 };
        let text = knowledge(1, &[ports(7000), ports(8000)]);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].contains(" 127.0.0.1:7002@7001 master - 0 0 1 connected 0-8191"), "{text}");
        assert!(lines[1].contains(" 127.0.0.1:8002@8001 myself,master - 0 0 2 connected 8192-16383"), "{text}");
        assert_eq!(lines[1].split(' ').next().map(str::len), Some(40));
    }
}
