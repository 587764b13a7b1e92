//! A primary with two replicas, and three sentinels that watch over them.
//!
//! ```ignore
//! let mut set = support::Sentinels::build(support::Kind::Redis).start();
//! let dead = set.kill_primary();
//! set.wait_for_primary_other_than(dead);
//! set.restart(dead);
//! ```
//!
//! Servers and sentinels are told by their numbers, which never change; at the start server 0 is the primary.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::port::free_port;
use super::process::STARTS;
use super::{ClientCertificates, Kind, Server, ServerBuilder, TlsFiles};

/// What the sentinels call the primary.
pub(crate) const SERVICE: &str = "steadfast";

/// Servers and sentinels that run.
#[derive(Debug)]
pub(crate) struct Sentinels {
    setup: SentinelBuilder,
    servers: Vec<Watched>,
    sentinels: Vec<Watched>,
}

#[derive(Debug)]
struct Watched {
    server: Server,
    /// Whether it runs and is not frozen: who asks another one waits in vain.
    is_awake: AtomicBool,
}

/// What they are started with.
#[derive(Clone, Debug)]
pub(crate) struct SentinelBuilder {
    kind: Kind,
    tls: Option<TlsFiles>,
    password: Option<String>,
    sentinel_password: Option<String>,
    down_after: Duration,
    lines: Vec<String>,
}

impl Sentinels {
    /// A primary, two replicas and three sentinels, without passwords and TLS unless they are told otherwise.
    pub(crate) fn build(kind: Kind) -> SentinelBuilder {
        SentinelBuilder {
            kind,
            tls: None,
            password: None,
            sentinel_password: None,
            down_after: Duration::from_millis(1000),
            lines: Vec::new(),
        }
    }

    /// The server of this number.
    pub(crate) fn node(&self, number: usize) -> &Server {
        &self.servers[number].server
    }

    /// The sentinel of this number.
    pub(crate) fn sentinel(&self, number: usize) -> &Server {
        &self.sentinels[number].server
    }

    /// Where clients reach the server.
    pub(crate) fn address(&self, number: usize) -> SocketAddr {
        self.setup.address_of(self.node(number))
    }

    /// Where clients reach the sentinel.
    pub(crate) fn sentinel_address(&self, number: usize) -> SocketAddr {
        self.setup.address_of(self.sentinel(number))
    }

    /// A URL that names all sentinels, without passwords.
    pub(crate) fn url(&self) -> String {
        self.url_of(&[0, 1, 2])
    }

    /// A URL that names these sentinels, without passwords.
    pub(crate) fn url_of(&self, sentinels: &[usize]) -> String {
        let scheme = match (self.setup.kind, self.setup.tls.is_some()) {
            (Kind::Redis, false) => "redis",
            (Kind::Redis, true) => "rediss",
            (Kind::Valkey, false) => "valkey",
            (Kind::Valkey, true) => "valkeys",
        };
        let seeds: Vec<String> = sentinels.iter().map(|&seed| self.sentinel_address(seed).to_string()).collect();
        format!("{scheme}+sentinel://{}/{SERVICE}/0", seeds.join(","))
    }

    /// The server that all sentinels that are awake call the primary, and that calls itself so, if there is one.
    pub(crate) fn agreed_primary(&self) -> Option<usize> {
        let mut named = self.sentinels.iter().filter(|sentinel| sentinel.is_awake()).map(|sentinel| {
            let answer = sentinel.server.raw(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE]);
            (0..self.servers.len()).find(|&number| answer == self.address(number).to_string().replace(':', "\n"))
        });
        let first = named.next()??;
        let is_primary = self.servers[first].is_awake() && self.node(first).raw(&["ROLE"]).starts_with("master");
        (is_primary && named.all(|other| other == Some(first))).then_some(first)
    }

    /// The same, waited for.
    pub(crate) fn primary(&self) -> usize {
        self.wait("a primary that all sentinels name", || self.agreed_primary().is_some());
        self.agreed_primary().unwrap_or_else(|| self.primary())
    }

    /// Waits until all sentinels name another primary, and returns it.
    pub(crate) fn wait_for_primary_other_than(&self, old: usize) -> usize {
        let other = || self.agreed_primary().filter(|&primary| primary != old);
        self.wait("another primary that all sentinels name", || other().is_some());
        other().unwrap_or_else(|| self.wait_for_primary_other_than(old))
    }

    /// Waits until the primary has two replicas that follow it, and all sentinels know all of it.
    pub(crate) fn wait_whole(&self) {
        self.wait("a primary with two replicas, seen by all sentinels", || self.is_whole());
    }

    /// Kills the primary with SIGKILL. Returns its number.
    pub(crate) fn kill_primary(&mut self) -> usize {
        let primary = self.primary();
        self.kill(primary);
        primary
    }

    /// Kills the server with SIGKILL.
    pub(crate) fn kill(&mut self, number: usize) {
        self.servers[number].kill();
    }

    /// Kills the server if it still runs, and starts it again, without its keys. A sentinel makes a replica of it.
    pub(crate) fn restart(&mut self, number: usize) {
        self.servers[number].restart();
    }

    /// Freezes the server: connections are still accepted by the kernel, nothing is answered.
    pub(crate) fn stop(&self, number: usize) {
        self.servers[number].stop();
    }

    /// Wakes a frozen server.
    pub(crate) fn cont(&self, number: usize) {
        self.servers[number].cont();
    }

    /// Kills the sentinel with SIGKILL.
    pub(crate) fn kill_sentinel(&mut self, number: usize) {
        self.sentinels[number].kill();
    }

    /// Starts the sentinel again with what it knew.
    pub(crate) fn restart_sentinel(&mut self, number: usize) {
        self.sentinels[number].restart();
        hurry(self.sentinel(number));
    }

    /// Freezes the sentinel.
    pub(crate) fn stop_sentinel(&self, number: usize) {
        self.sentinels[number].stop();
    }

    /// Wakes a frozen sentinel.
    pub(crate) fn cont_sentinel(&self, number: usize) {
        self.sentinels[number].cont();
    }

    /// Lets a sentinel make one of the replicas the primary, and waits until all name it. Returns its number.
    pub(crate) fn failover(&self) -> usize {
        let old = self.primary();
        // It refuses as long as the last one is not over, or no replica is good enough.
        self.wait("a sentinel that fails over", || {
            let asked = self.sentinels.iter().find(|sentinel| sentinel.is_awake());
            asked.is_some_and(|sentinel| sentinel.server.raw(&["SENTINEL", "FAILOVER", SERVICE]) == "OK")
        });
        self.wait_for_primary_other_than(old)
    }

    /// The connections of clients to this server: not the test's own, not those of replicas and sentinels.
    pub(crate) fn connections(&self, number: usize) -> Vec<String> {
        let list = self.node(number).raw(&["CLIENT", "LIST"]);
        let strangers = list.lines().filter(|line| {
            let is_nodes = |field: &str| matches!(field, "flags=S" | "flags=M") || field.starts_with("name=sentinel-");
            !line.contains("server.sock") && !line.split(' ').any(is_nodes)
        });
        strangers.map(str::to_owned).collect()
    }

    fn is_whole(&self) -> bool {
        let Some(primary) = self.agreed_primary() else { return false };
        let replication = self.node(primary).raw(&["INFO", "replication"]);
        replication.matches("state=online").count() == self.servers.len() - 1
            && self.sentinels.iter().filter(|sentinel| sentinel.is_awake()).all(|sentinel| self.is_known_to(sentinel))
    }

    fn is_known_to(&self, sentinel: &Watched) -> bool {
        let replicas = sentinel.server.raw(&["SENTINEL", "REPLICAS", SERVICE]);
        let others = sentinel.server.raw(&["SENTINEL", "SENTINELS", SERVICE]);
        // Asked every 10 seconds, or when it is new: what a sentinel has not heard of may not become the primary.
        let followers = replicas.lines().filter(|line| *line == "ok").count();
        let are_well = |list: &str| !list.lines().any(|line| line.contains("s_down") || line.contains("disconnected"));
        followers == self.servers.len() - 1
            && others.lines().filter(|line| *line == "runid").count() == self.sentinels.len() - 1
            && are_well(&replicas)
            && are_well(&others)
    }

    fn wait(&self, claim: &str, holds: impl Fn() -> bool) {
        let begin = Instant::now();
        while !holds() {
            if begin.elapsed() > PATIENCE {
                let logs: Vec<String> = self.sentinels.iter().map(|sentinel| sentinel.server.log()).collect();
                panic!("not within {PATIENCE:?}: {claim}; the sentinels say:\n{}", logs.join("\n"));
            }
            std::thread::sleep(TICK);
        }
    }
}

impl Watched {
    fn new(server: Server) -> Self {
        Self { server, is_awake: AtomicBool::new(true) }
    }

    fn is_awake(&self) -> bool {
        self.is_awake.load(Ordering::SeqCst)
    }

    fn kill(&mut self) {
        self.is_awake.store(false, Ordering::SeqCst);
        self.server.kill9();
    }

    fn restart(&mut self) {
        self.server.restart();
        self.is_awake.store(true, Ordering::SeqCst);
    }

    fn stop(&self) {
        self.is_awake.store(false, Ordering::SeqCst);
        self.server.stop();
    }

    fn cont(&self) {
        self.server.cont();
        self.is_awake.store(true, Ordering::SeqCst);
    }
}

impl SentinelBuilder {
    /// TLS everywhere, and no port without it.
    pub(crate) fn tls(mut self, files: TlsFiles) -> Self {
        self.tls = Some(files);
        self
    }

    /// The password of the servers' default user.
    pub(crate) fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// The password of the sentinels' default user.
    pub(crate) fn sentinel_password(mut self, password: &str) -> Self {
        self.sentinel_password = Some(password.to_owned());
        self
    }

    /// After how long a silence a server is called dead.
    pub(crate) fn down_after(mut self, milliseconds: u64) -> Self {
        self.down_after = Duration::from_millis(milliseconds);
        self
    }

    /// Adds a line to the configuration of each server.
    pub(crate) fn config(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }

    /// Starts all, and waits until all know each other.
    pub(crate) fn start(self) -> Sentinels {
        let primary = self.server().start();
        let of = self.port_of(&primary);
        let mut servers = vec![Watched::new(primary)];
        for _ in 0..2 {
            servers.push(Watched::new(self.server().config(&format!("replicaof 127.0.0.1 {of}")).start()));
        }
        let sentinels = self.start_sentinels(&servers).into_iter().map(Watched::new).collect();
        let set = Sentinels { setup: self, servers, sentinels };
        set.sentinels.iter().for_each(|sentinel| hurry(&sentinel.server));
        set.wait_whole();
        set
    }

    fn start_sentinels(&self, servers: &[Watched]) -> Vec<Server> {
        let mut said = String::new();
        for _ in 0..STARTS {
            let ports = [free_port(), free_port(), free_port()];
            let started: Result<Vec<Server>, String> = (0..ports.len())
                .map(|number| {
                    let [plain, tls] = if self.tls.is_some() { [0, ports[number]] } else { [ports[number], 0] };
                    self.sentinel(number, &ports, servers).start_at(plain, tls)
                })
                .collect();
            match started {
                Ok(sentinels) => return sentinels,
                Err(log) => said = log,
            }
        }
        panic!("the sentinels do not start; one says:\n{said}");
    }

    fn server(&self) -> ServerBuilder {
        let mut server = self.secured(Server::build(self.kind)).config("repl-ping-replica-period 1");
        if let Some(password) = &self.password {
            server = server.password(password).config(&format!("masterauth \"{password}\""));
        }
        self.lines.iter().fold(server, |server, line| server.config(line))
    }

    /// A sentinel that is born with what it would learn of the others in its first seconds.
    fn sentinel(&self, number: usize, ports: &[u16; 3], servers: &[Watched]) -> ServerBuilder {
        let servers: Vec<u16> = servers.iter().map(|watched| self.port_of(&watched.server)).collect();
        let mut sentinel = self
            .secured(Server::build(self.kind).sentinel())
            .config("protected-mode no")
            .config(&format!("sentinel myid {}", id_of(ports[number])))
            .config(&format!("sentinel monitor {SERVICE} 127.0.0.1 {} 2", servers[0]))
            .config(&format!("sentinel down-after-milliseconds {SERVICE} {}", self.down_after.as_millis()))
            .config(&format!("sentinel failover-timeout {SERVICE} 5000"));
        if let Some(password) = &self.password {
            sentinel = sentinel.config(&format!("sentinel auth-pass {SERVICE} {password}"));
        }
        if let Some(password) = &self.sentinel_password {
            sentinel = sentinel.password(password).config(&format!("sentinel sentinel-pass {password}"));
        }
        for replica in &servers[1..] {
            sentinel = sentinel.config(&format!("sentinel known-replica {SERVICE} 127.0.0.1 {replica}"));
        }
        for port in ports.iter().filter(|port| **port != ports[number]) {
            sentinel = sentinel.config(&format!("sentinel known-sentinel {SERVICE} 127.0.0.1 {port} {}", id_of(*port)));
        }
        sentinel
    }

    fn secured(&self, server: ServerBuilder) -> ServerBuilder {
        match &self.tls {
            None => server,
            Some(files) => {
                let files = files.clone();
                server.tls(files, ClientCertificates::Ignored).without_plain_port().config("tls-replication yes")
            }
        }
    }

    fn port_of(&self, server: &Server) -> u16 {
        if self.tls.is_some() { server.tls_port() } else { server.port() }
    }

    fn address_of(&self, server: &Server) -> SocketAddr {
        SocketAddr::new(server.address().ip(), self.port_of(server))
    }
}

/// Sentinels ask servers for news every 10 seconds, and need several of them to see that one came back: too long for a
/// test. What they do, and in which order, stays the same. They also wait a second before they connect anew, in which a
/// server that is called dead sooner is dead each time they do.
fn hurry(sentinel: &Server) {
    let periods = ["INFO-PERIOD", "500", "PUBLISH-PERIOD", "200", "PING-PERIOD", "300"];
    assert_eq!(sentinel.raw(&[&["SENTINEL", "DEBUG"], &periods[..]].concat()), "OK");
}

/// 40 hexadecimal digits, the same nowhere else.
fn id_of(port: u16) -> String {
    format!("{:020x}{port:020x}", std::process::id())
}

/// Far longer than anything takes that works.
const PATIENCE: Duration = Duration::from_secs(30);
const TICK: Duration = Duration::from_millis(10);
