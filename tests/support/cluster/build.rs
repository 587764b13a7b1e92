//! How a cluster is started: every node is born with what it would have learned from the others.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::{Cluster, Node, PATIENCE};
use crate::support::port::{bus_of, free_port, free_port_with_bus};
use crate::support::process::{STARTS, find_program};
use crate::support::{ClientCertificates, Kind, Server, ServerBuilder, TlsFiles};

/// What a cluster is started with.
#[derive(Clone, Debug)]
pub(crate) struct ClusterBuilder {
    pub(super) kind: Kind,
    primaries: usize,
    replicas: usize,
    node_timeout: Duration,
    tls: Option<TlsFiles>,
    plain_port: bool,
    /// Certificates of single nodes, by their numbers.
    others: Vec<(usize, TlsFiles)>,
    lines: Vec<String>,
    password: Option<String>,
}

/// The ports of one node. The bus belongs to the one with TLS if there is one.
#[derive(Clone, Copy, Debug)]
struct Ports {
    plain: u16,
    tls: u16,
}

impl ClusterBuilder {
    pub(super) fn new(kind: Kind) -> Self {
        Self {
            kind,
            primaries: 3,
            replicas: 3,
            node_timeout: Duration::from_secs(2),
            tls: None,
            plain_port: false,
            others: Vec::new(),
            lines: Vec::new(),
            password: None,
        }
    }

    /// How many primaries share the slots.
    pub(crate) fn primaries(mut self, count: usize) -> Self {
        self.primaries = count;
        self
    }

    /// How many replicas there are in all. They are dealt out to the primaries in turn.
    pub(crate) fn replicas(mut self, count: usize) -> Self {
        self.replicas = count;
        self
    }

    /// After how long a silence a node is called dead. A replica takes over about a second later.
    pub(crate) fn node_timeout(mut self, milliseconds: u64) -> Self {
        self.node_timeout = Duration::from_millis(milliseconds);
        self
    }

    /// TLS everywhere, also between the nodes, and no port without it.
    pub(crate) fn tls(mut self, files: TlsFiles) -> Self {
        self.tls = Some(files);
        self
    }

    /// Another certificate for the node of this number. The nodes themselves look at its issuer, and not at its names.
    pub(crate) fn tls_of(mut self, number: usize, files: TlsFiles) -> Self {
        self.others.push((number, files));
        self
    }

    /// A port without TLS beside the one with it.
    pub(crate) fn with_plain_port(mut self) -> Self {
        self.plain_port = true;
        self
    }

    /// Adds a line to the configuration of each node, such as `cluster-require-full-coverage no`.
    pub(crate) fn config(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }

    /// The password of the default user on each node.
    pub(crate) fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self.config(&format!("masterauth \"{password}\""))
    }

    pub(super) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// The arguments for the server's own command line program that log it in.
    pub(super) fn cli_login(&self) -> Vec<String> {
        let mut words = Vec::new();
        if let Some(files) = &self.tls {
            words.extend(["--tls".to_owned(), "--cacert".to_owned(), files.authority.display().to_string()]);
        }
        if let Some(password) = &self.password {
            words.extend(["-a".to_owned(), password.clone(), "--no-auth-warning".to_owned()]);
        }
        words
    }

    /// The words of MIGRATE that log it in.
    pub(super) fn migrate_login(&self) -> Vec<String> {
        self.password.iter().flat_map(|password| ["AUTH".to_owned(), password.clone()]).collect()
    }

    /// The server's own command line program.
    pub(super) fn cli(&self) -> PathBuf {
        match self.kind {
            Kind::Redis => find_program("redis-cli", "STEADFAST_REDIS_CLI", "apt-get install redis-tools"),
            Kind::Valkey => find_program(
                "valkey-cli",
                "STEADFAST_VALKEY_CLI",
                "apt-get install valkey-tools (on Debian 12 from bookworm-backports; `tests/run.sh setup` does it)",
            ),
        }
    }

    /// Starts the nodes and waits until all of them serve, and tell clients of all replicas.
    pub(crate) fn start(self) -> Cluster {
        let mut said = Vec::new();
        for _ in 0..STARTS {
            match self.start_nodes() {
                Ok(nodes) => {
                    let cluster = Cluster { setup: self, nodes };
                    cluster.wait_whole(PATIENCE);
                    return cluster;
                }
                Err(log) => said.push(log),
            }
        }
        panic!("the cluster does not start; a node says:\n{}", said.pop().unwrap_or_default());
    }

    fn start_nodes(&self) -> Result<Vec<Node>, String> {
        let count = self.primaries + self.replicas;
        let ports: Vec<Ports> = (0..count).map(|_| self.ports()).collect();
        std::thread::scope(|scope| {
            let starts: Vec<_> = (0..count)
                .map(|number| {
                    let server = self.server(number).file(NODES, self.knowledge(number, &ports));
                    let Ports { plain, tls } = ports[number];
                    scope.spawn(move || server.start_at(plain, tls))
                })
                .collect();
            let started: Vec<_> = starts.into_iter().map(|start| start.join()).collect();
            let nodes = started.into_iter().enumerate().map(|(number, started)| {
                let server = started.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
                Ok(Node { server, id: id_of(number, &ports), is_awake: AtomicBool::new(true) })
            });
            nodes.collect()
        })
    }

    /// A node that knows nobody.
    pub(super) fn start_stranger(&self) -> Server {
        let mut said = String::new();
        for _ in 0..STARTS {
            let Ports { plain, tls } = self.ports();
            match self.server(usize::MAX).start_at(plain, tls) {
                Ok(server) => return server,
                Err(log) => said = log,
            }
        }
        panic!("the node does not start; it says:\n{said}");
    }

    fn ports(&self) -> Ports {
        match self.tls {
            None => Ports { plain: free_port_with_bus(), tls: 0 },
            Some(_) => Ports { plain: if self.plain_port { free_port() } else { 0 }, tls: free_port_with_bus() },
        }
    }

    fn server(&self, number: usize) -> ServerBuilder {
        let mut server = Server::build(self.kind)
            .config("cluster-enabled yes")
            .config(&format!("cluster-config-file {NODES}"))
            .config(&format!("cluster-node-timeout {}", self.node_timeout.as_millis()))
            // Clients are told of a replica when something was replicated to it: in an idle cluster that is a ping.
            .config("repl-ping-replica-period 1")
            // A node without slots stays what it is, and so does a replica.
            .config("cluster-allow-replica-migration no")
            .config("cluster-announce-ip {host}")
            .config("enable-debug-command yes")
            .config("protected-mode no");
        if let Some(password) = &self.password {
            server = server.password(password);
        }
        if let Some(files) = &self.tls {
            let own = self.others.iter().find(|(other, _)| *other == number).map(|(_, files)| files);
            server = server
                .tls(own.unwrap_or(files).clone(), ClientCertificates::Ignored)
                .config("tls-cluster yes")
                .config("tls-replication yes");
            if !self.plain_port {
                server = server.without_plain_port();
            }
        }
        self.lines.iter().fold(server, |server, line| server.config(line))
    }

    /// What the node of this number has on disk: the lines of CLUSTER NODES, and the epochs.
    fn knowledge(&self, number: usize, ports: &[Ports]) -> String {
        let mut text = String::new();
        for (other, &Ports { plain, tls }) in ports.iter().enumerate() {
            let port = if tls == 0 { plain } else { tls };
            let (id, bus) = (id_of(other, ports), bus_of(port));
            let myself = if other == number { "myself," } else { "" };
            let shard = other % self.primaries;
            let epoch = shard + 1;
            let name = match self.kind {
                Kind::Redis => String::new(),
                // Who has none makes up one, and is in a shard of its own until the others tell.
                Kind::Valkey => format!(",,shard-id={}", id_of(shard, ports)),
            };
            let role = if other < self.primaries {
                let (first, last) = (16384 * other / self.primaries, 16384 * (other + 1) / self.primaries - 1);
                format!("{myself}master - 0 0 {epoch} connected {first}-{last}")
            } else {
                format!("{myself}slave {} 0 0 {epoch} connected", id_of(shard, ports))
            };
            text.push_str(&format!("{id} 127.0.0.1:{port}@{bus}{name} {role}\n"));
        }
        text.push_str(&format!("vars currentEpoch {} lastVoteEpoch 0\n", self.primaries));
        text
    }
}

/// 40 hexadecimal digits, the same nowhere else: a node that takes another one's port is a stranger to its peers.
fn id_of(number: usize, ports: &[Ports]) -> String {
    let Ports { plain, tls } = ports[number];
    format!("{:08x}{plain:08x}{tls:08x}{number:016x}", std::process::id())
}

/// The file in which a node keeps what it knows of the others.
pub(super) const NODES: &str = "nodes.conf";
