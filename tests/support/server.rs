//! A Redis or Valkey server that belongs to one test.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

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
        ServerBuilder { kind, lines: Vec::new(), password: None, tls: None, plain_port: true, args: Vec::new() }
    }

    /// The port without TLS; 0 if there is none.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The port with TLS; 0 if there is none.
    pub(crate) fn tls_port(&self) -> u16 {
        self.tls_port
    }

    /// 127.0.0.1 and the port without TLS.
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
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
}

impl ServerBuilder {
    /// Adds a line to the configuration file, such as `maxmemory 1mb` or `user alice on >secret ~* +@all`.
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

    /// Starts the server and waits until it answers.
    pub(crate) fn start(self) -> Server {
        let scratch = Scratch::new();
        for _ in 0..STARTS {
            let port = if self.plain_port { free_port() } else { 0 };
            let tls_port = if self.tls.is_some() { free_port() } else { 0 };
            std::fs::write(scratch.join(CONFIG), self.configuration(port, tls_port, &scratch)).unwrap();
            let _ = std::fs::remove_file(scratch.join(LOG));
            let (process, ready) = self.launch(&scratch);
            if ready {
                return Server { setup: self, port, tls_port, process, scratch };
            }
        }
        panic!("{} does not start; it says:\n{}", self.program().display(), read_log(&scratch.join(LOG)));
    }

    fn configuration(&self, port: u16, tls_port: u16, scratch: &Scratch) -> String {
        let socket = scratch.join(SOCKET);
        let mut text = format!(
            "bind 127.0.0.1\nport {port}\nunixsocket \"{}\"\ndir \"{}\"\nsave \"\"\nrepl-diskless-sync-delay 0\n",
            socket.display(),
            scratch.path().display()
        );
        if tls_port != 0 {
            text.push_str(&format!("tls-port {tls_port}\n"));
        }
        for line in &self.lines {
            text.push_str(line);
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
