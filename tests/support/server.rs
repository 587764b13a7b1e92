//! A Redis or Valkey server that belongs to one test.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::port::free_port;
use super::process::{Process, STARTS, find_program, read_log, wait_until_ready};
use super::{Raw, Scratch};

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `redis-server`, or what the variable `STEADFAST_REDIS_SERVER` names.
    Redis,
    /// `valkey-server`, or what the variable `STEADFAST_VALKEY_SERVER` names.
    Valkey,
}

/// Whether a TLS server asks its clients for a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientCertificates {
    /// It does not ask.
    Ignored,
    /// It asks, and takes clients without one.
    Optional,
    /// It asks, and refuses clients without one.
    Required,
}

/// What a TLS server needs, as paths of PEM files.
#[derive(Clone, Debug)]
pub(crate) struct TlsFiles {
    /// The server's certificate, with the intermediates behind it.
    pub(crate) certificate: PathBuf,
    /// The certificate's key.
    pub(crate) key: PathBuf,
    /// The authority that signs client certificates.
    pub(crate) authority: PathBuf,
}

/// A running server. It listens on 127.0.0.1, on a Unix socket, and with [`ServerBuilder::tls`] on a TLS port too.
#[derive(Debug)]
pub(crate) struct Server {
    setup: ServerBuilder,
    port: u16,
    tls_port: u16,
    /// Connections that [`Server::connect`] has made.
    connected: AtomicU64,
    /// Declared before the folder: the process must be gone when the folder is removed.
    process: Process,
    scratch: Scratch,
}

/// What a server is started with.
#[derive(Clone, Debug)]
pub(crate) struct ServerBuilder {
    kind: Kind,
    lines: Vec<String>,
    password: Option<String>,
    tls: Option<TlsFiles>,
    plain_port: bool,
    /// Where it listens.
    host: IpAddr,
    /// What its folder holds before it starts.
    files: Vec<(&'static str, String)>,
    /// Arguments behind the configuration file.
    args: Vec<&'static str>,
}

impl Server {
    /// A `redis-server` without persistence, password or TLS.
    pub(crate) fn redis() -> Self {
        Self::build(Kind::Redis).start()
    }

    /// A `valkey-server` without persistence, password or TLS.
    pub(crate) fn valkey() -> Self {
        Self::build(Kind::Valkey).start()
    }

    /// A server with settings.
    pub(crate) fn build(kind: Kind) -> ServerBuilder {
        ServerBuilder {
            kind,
            lines: Vec::new(),
            password: None,
            tls: None,
            plain_port: true,
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            files: Vec::new(),
            args: Vec::new(),
        }
    }

    /// The port without TLS; 0 if there is none.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The port with TLS; 0 if there is none.
    pub(crate) fn tls_port(&self) -> u16 {
        self.tls_port
    }

    /// Its host, 127.0.0.1 unless it was moved, and the port without TLS.
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::new(self.setup.host, self.port)
    }

    /// Which server it is.
    pub(crate) fn kind(&self) -> Kind {
        self.setup.kind
    }

    /// The Unix socket.
    pub(crate) fn unix_socket(&self) -> PathBuf {
        self.scratch.join(SOCKET)
    }

    /// The server's working folder.
    pub(crate) fn folder(&self) -> &Path {
        self.scratch.path()
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Everything that the server has logged.
    pub(crate) fn log(&self) -> String {
        read_log(&self.scratch.join(LOG))
    }

    /// A connection that does not go through the crate, authenticated if the server wants a password.
    pub(crate) fn connect(&self) -> Raw {
        self.connected.fetch_add(1, Ordering::SeqCst);
        let mut raw = Raw::unix(&self.unix_socket())
            .unwrap_or_else(|error| panic!("server {} takes no connection: {error}", self.id()));
        if let Some(password) = &self.setup.password {
            assert_eq!(raw.call(&["AUTH", password]).unwrap(), "OK");
        }
        raw
    }

    /// One command on a connection of its own, its reply rendered as [`Raw::call`] says.
    pub(crate) fn raw(&self, words: &[&str]) -> String {
        self.connect().call(words).unwrap_or_else(|error| panic!("{words:?} got no reply: {error}"))
    }

    /// How many connections it has taken so far, but for those of [`Server::connect`] and [`Server::raw`]. To be
    /// compared with what it was before: there were others while the server started.
    pub(crate) fn connections_received(&self) -> u64 {
        let text = self.raw(&["INFO", "stats"]);
        let line = text.lines().find_map(|line| line.strip_prefix("total_connections_received:"));
        let received: u64 = line.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("not in {text}"));
        received - self.connected.load(Ordering::SeqCst)
    }

    /// Kills the server with SIGKILL. Its clients see a FIN, or an RST if it had not read all they sent.
    pub(crate) fn kill9(&mut self) {
        self.process.kill9();
    }

    /// Ends the server with SIGTERM.
    pub(crate) fn terminate(&mut self) {
        self.process.terminate();
    }

    /// Freezes the server: connections are still accepted by the kernel, nothing is answered.
    pub(crate) fn stop(&self) {
        self.process.stop();
    }

    /// Wakes a frozen server.
    pub(crate) fn cont(&self) {
        self.process.cont();
    }

    /// Kills the server if it still runs, and starts it again with the same ports and settings.
    pub(crate) fn restart(&mut self) {
        self.process.kill9();
        self.connected.store(0, Ordering::SeqCst);
        for _ in 0..STARTS {
            let (process, ready) = self.setup.launch(&self.scratch);
            self.process = process;
            if ready {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        panic!("the server does not come back on port {}; it says:\n{}", self.port, self.log());
    }

    /// Kills it, and lets it listen at another address of this machine, such as 127.0.0.2, with the same ports, when it
    /// is restarted.
    pub(super) fn kill_and_move(&mut self, host: IpAddr) {
        self.process.kill9();
        self.setup.host = host;
        let text = self.setup.configuration(self.port, self.tls_port, &self.scratch);
        std::fs::write(self.scratch.join(CONFIG), text).unwrap();
    }
}

impl ServerBuilder {
    /// Adds a line to the configuration file, such as `maxmemory 1mb` or `user alice on >secret ~* +@all`. In it
    /// `{host}` stands for where the server listens.
    pub(crate) fn config(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }

    /// The password of the default user.
    pub(crate) fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self.config(&format!("requirepass \"{password}\""))
    }

    /// A TLS port beside the plain one.
    pub(crate) fn tls(mut self, files: TlsFiles, clients: ClientCertificates) -> Self {
        self.tls = Some(files.clone());
        let clients = match clients {
            ClientCertificates::Ignored => "no",
            ClientCertificates::Optional => "optional",
            ClientCertificates::Required => "yes",
        };
        self.config(&format!("tls-cert-file \"{}\"", files.certificate.display()))
            .config(&format!("tls-key-file \"{}\"", files.key.display()))
            .config(&format!("tls-ca-cert-file \"{}\"", files.authority.display()))
            .config(&format!("tls-auth-clients {clients}"))
    }

    /// No port without TLS.
    pub(crate) fn without_plain_port(mut self) -> Self {
        self.plain_port = false;
        self
    }

    /// A sentinel instead of a server that holds keys. What it watches is said by [`ServerBuilder::config`]:
    /// `sentinel monitor mymaster 127.0.0.1 6400 2`.
    pub(crate) fn sentinel(mut self) -> Self {
        self.args.push("--sentinel");
        self
    }

    /// A file that its folder holds before it starts.
    pub(super) fn file(mut self, name: &'static str, content: String) -> Self {
        self.files.push((name, content));
        self
    }

    /// Starts the server and waits until it answers.
    pub(crate) fn start(self) -> Server {
        let mut said = String::new();
        for _ in 0..STARTS {
            let port = if self.plain_port { free_port() } else { 0 };
            let tls_port = if self.tls.is_some() { free_port() } else { 0 };
            match self.clone().start_at(port, tls_port) {
                Ok(server) => return server,
                Err(log) => said = log,
            }
        }
        panic!("{} does not start; it says:\n{said}", self.program().display());
    }

    /// Starts it on these ports, or tells what it says, as one of them may be taken.
    pub(super) fn start_at(self, port: u16, tls_port: u16) -> Result<Server, String> {
        let scratch = Scratch::new();
        std::fs::write(scratch.join(CONFIG), self.configuration(port, tls_port, &scratch)).unwrap();
        for (name, content) in &self.files {
            std::fs::write(scratch.join(name), content).unwrap();
        }
        let (process, ready) = self.launch(&scratch);
        if ready {
            Ok(Server { setup: self, port, tls_port, connected: AtomicU64::new(0), process, scratch })
        } else {
            Err(read_log(&scratch.join(LOG)))
        }
    }

    fn configuration(&self, port: u16, tls_port: u16, scratch: &Scratch) -> String {
        let socket = scratch.join(SOCKET);
        let mut text = format!(
            "bind {}\nport {port}\nunixsocket \"{}\"\ndir \"{}\"\nsave \"\"\nrepl-diskless-sync-delay 0\n",
            self.host,
            socket.display(),
            scratch.path().display()
        );
        if tls_port != 0 {
            text.push_str(&format!("tls-port {tls_port}\n"));
        }
        for line in &self.lines {
            text.push_str(&line.replace("{host}", &self.host.to_string()));
            text.push('\n');
        }
        text
    }

    /// Runs the configuration in `scratch`. Asks on the Unix socket, which is no other test's, so that an answer
    /// proves that this very process has got its ports: it opens the socket last, and ends if a port is taken.
    fn launch(&self, scratch: &Scratch) -> (Process, bool) {
        let socket = scratch.join(SOCKET);
        let _ = std::fs::remove_file(&socket);
        let log = scratch.join(LOG);
        let args: Vec<&str> = std::iter::once(CONFIG).chain(self.args.iter().copied()).collect();
        let mut process = Process::start(&self.program(), &args, &log, scratch.path());
        let ready = wait_until_ready(&mut process, &log, || {
            let answer = Raw::unix(&socket).and_then(|mut raw| raw.call(&["PING"]));
            answer.is_ok_and(|reply| reply == "PONG" || reply.starts_with("-NOAUTH"))
        });
        (process, ready)
    }

    fn program(&self) -> PathBuf {
        match self.kind {
            Kind::Redis => find_program("redis-server", "STEADFAST_REDIS_SERVER", "apt-get install redis-server"),
            Kind::Valkey => find_program(
                "valkey-server",
                "STEADFAST_VALKEY_SERVER",
                "apt-get install valkey-server (on Debian 12 from bookworm-backports; `tests/run.sh setup` does it)",
            ),
        }
    }
}

const CONFIG: &str = "server.conf";
const SOCKET: &str = "server.sock";
const LOG: &str = "server.log";
