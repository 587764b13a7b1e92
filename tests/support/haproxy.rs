//! A HAProxy that belongs to one test.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use super::Scratch;
use super::port::free_port;
use super::process::{Process, STARTS, find_program, read_log, wait_until_ready};

/// A running HAProxy.
#[derive(Debug)]
pub(crate) struct HaProxy {
    ports: BTreeMap<String, u16>,
    /// Declared before the folder: the process must be gone when the folder is removed.
    process: Process,
    scratch: Scratch,
}

impl HaProxy {
    /// Starts it with `config`, in which every `{name}` stands for a free port, the same for the same name:
    /// `bind 127.0.0.1:{front}`. A `global` section with an admin socket is put before it.
    pub(crate) fn start(config: &str) -> Self {
        let scratch = Scratch::new();
        for _ in 0..STARTS {
            let ports: BTreeMap<String, u16> = names(config).map(|name| (name.to_owned(), free_port())).collect();
            let admin = scratch.join(ADMIN);
            let mut text =
                format!("global\n    stats socket {} mode 600 level admin\n    nbthread 1\n", admin.display());
            text.push_str(config);
            for (name, port) in &ports {
                text = text.replace(&format!("{{{name}}}"), &port.to_string());
            }
            // It refuses a file whose last line has no end.
            text.push('\n');
            std::fs::write(scratch.join(CONFIG), text).unwrap();
            let _ = std::fs::remove_file(scratch.join(LOG));
            let (process, ready) = launch(&scratch);
            if ready {
                return Self { ports, process, scratch };
            }
        }
        panic!("haproxy does not start; it says:\n{}", read_log(&scratch.join(LOG)));
    }

    /// 127.0.0.1 and the port that stands for `{name}`.
    pub(crate) fn address(&self, name: &str) -> SocketAddr {
        let port = self.ports.get(name).unwrap_or_else(|| panic!("the configuration has no {{{name}}}"));
        SocketAddr::from(([127, 0, 0, 1], *port))
    }

    /// Says one line to the admin socket, such as `set server servers/r1 state maint`, and returns the answer.
    pub(crate) fn admin(&self, line: &str) -> String {
        ask(self.scratch.path(), line).unwrap_or_else(|error| panic!("haproxy's admin socket: {error}"))
    }

    /// The process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Kills it with SIGKILL.
    pub(crate) fn kill9(&mut self) {
        self.process.kill9();
    }

    /// Freezes it.
    pub(crate) fn stop(&self) {
        self.process.stop();
    }

    /// Wakes it.
    pub(crate) fn cont(&self) {
        self.process.cont();
    }

    /// Kills it if it still runs, and starts it again with the same ports.
    pub(crate) fn restart(&mut self) {
        self.process.kill9();
        for _ in 0..STARTS {
            let (process, ready) = launch(&self.scratch);
            self.process = process;
            if ready {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("haproxy does not come back; it says:\n{}", read_log(&self.scratch.join(LOG)));
    }
}

fn launch(scratch: &Scratch) -> (Process, bool) {
    let program = find_program("haproxy", "STEADFAST_HAPROXY", "apt-get install haproxy");
    let _ = std::fs::remove_file(scratch.join(ADMIN));
    let log = scratch.join(LOG);
    let mut process = Process::start(&program, &["-db", "-f", CONFIG], &log, scratch.path());
    let ready = wait_until_ready(&mut process, &log, || ask(scratch.path(), "show info").is_ok());
    (process, ready)
}

fn ask(folder: &Path, line: &str) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(folder.join(ADMIN))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    writeln!(stream, "{line}")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// The names in braces. HAProxy's own braces, as in `{ req.len gt 0 }`, hold more than a name.
fn names(config: &str) -> impl Iterator<Item = &str> {
    config
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(name, _)| name)
        .filter(|name| !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_'))
}

const CONFIG: &str = "haproxy.cfg";
const ADMIN: &str = "admin.sock";
const LOG: &str = "haproxy.log";
