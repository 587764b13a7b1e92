//! A redis-server of our own: started on a free port, pinned to a core, ended with its owner.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    faults::{self, Network},
    work::{KEYS, LARGE, LARGE_KEY, LIST, LIST_KEY, SMALL, key},
};

pub struct Server {
    child: Child,
    pub host: &'static str,
    pub port: u16,
}

impl Server {
    /// Starts a server on a free port and waits until it answers.
    pub fn start(core: usize) -> io::Result<Self> {
        let port = TcpListener::bind((LOCAL, 0))?.local_addr()?.port();
        Self::start_on(port, core)
    }

    pub fn start_on(port: u16, core: usize) -> io::Result<Self> {
        let mut server = Self::begin(port, core, &[])?;
        server.wait_until_it_answers()?;
        Ok(server)
    }

    /// Starts a server with settings of its own; it does not answer yet.
    pub fn begin(port: u16, core: usize, settings: &[&str]) -> io::Result<Self> {
        let settings = [&["--bind", LOCAL], settings].concat();
        Ok(Self { child: spawn(&["redis-server"], port, core, &settings)?, host: LOCAL, port })
    }

    /// Starts a server at the other end of this network.
    pub fn start_apart(core: usize, network: &Network) -> io::Result<Self> {
        // Its address isn't there yet.
        let bind = ["--bind", "0.0.0.0", "--protected-mode", "no"];
        let port = 6379;
        let child = spawn(&["unshare", "--net", "redis-server"], port, core, &bind)?;
        let mut server = Self { child, host: faults::SERVER, port };
        network.join(server.pid())?;
        server.wait_until_it_answers()?;
        Ok(server)
    }

    pub fn wait_until_it_answers(&mut self) -> io::Result<()> {
        let limit = Instant::now() + Duration::from_secs(10);
        while self.command(&[b"PING"]).is_err() {
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!("redis-server ended at once ({status}); is it installed?")));
            }
            if Instant::now() > limit {
                return Err(io::Error::other("redis-server does not answer"));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// Puts in the keys that the works read.
    pub fn seed(&self) -> io::Result<()> {
        let small = vec![b'v'; SMALL];
        for n in 0..KEYS {
            self.command(&[b"SET", key(n).as_bytes(), &small])?;
        }
        self.command(&[b"SET", LARGE_KEY.as_bytes(), &vec![b'v'; LARGE]])?;
        let mut push: Vec<&[u8]> = vec![b"RPUSH", LIST_KEY.as_bytes()];
        push.extend(std::iter::repeat_n(&small[..], LIST));
        self.command(&push)?;
        Ok(())
    }

    /// One command over a connection of its own; the answer, up to 4 KiB of it.
    pub fn answer(&self, arguments: &[&[u8]]) -> io::Result<String> {
        self.exchange(arguments, 4096)
    }

    /// One command over a connection of its own; the first line of the answer (and the body's beginning).
    pub fn command(&self, arguments: &[&[u8]]) -> io::Result<String> {
        self.exchange(arguments, 256)
    }

    fn exchange(&self, arguments: &[&[u8]], most: usize) -> io::Result<String> {
        let mut socket = TcpStream::connect((self.host, self.port))?;
        socket.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut request = format!("*{}\r\n", arguments.len()).into_bytes();
        for argument in arguments {
            write!(request, "${}\r\n", argument.len())?;
            request.extend_from_slice(argument);
            request.extend_from_slice(b"\r\n");
        }
        socket.write_all(&request)?;
        let mut reply = vec![0; most];
        let n = socket.read(&mut reply)?;
        let text = String::from_utf8_lossy(&reply[..n]).into_owned();
        match text.as_bytes().first() {
            None => Err(io::ErrorKind::UnexpectedEof.into()),
            Some(b'-') => Err(io::Error::other(text)),
            Some(_) => Ok(text),
        }
    }

    /// The value of a counter, 0 if there is none.
    pub fn counter(&self, key: &str) -> io::Result<i64> {
        let reply = self.command(&[b"GET", key.as_bytes()])?;
        let mut lines = reply.lines();
        match (lines.next(), lines.next()) {
            (Some("$-1"), _) => Ok(0),
            (_, Some(value)) => value.parse().map_err(|_| io::Error::other(reply.clone())),
            _ => Err(io::Error::other(reply.clone())),
        }
    }

    /// Stops its process; the system goes on to take connections and bytes for it.
    pub fn stop(&self) -> io::Result<()> {
        self.signal(libc::SIGSTOP)
    }

    pub fn go_on(&self) -> io::Result<()> {
        self.signal(libc::SIGCONT)
    }

    fn signal(&self, signal: libc::c_int) -> io::Result<()> {
        let pid = libc::pid_t::try_from(self.pid()).map_err(io::Error::other)?;
        // SAFETY: a plain system call; the child has not been waited for, so the number is still its own.
        let result = unsafe { libc::kill(pid, signal) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// `program` is what ends in redis-server.
fn spawn(program: &[&str], port: u16, core: usize, settings: &[&str]) -> io::Result<Child> {
    let mut command = Command::new("taskset");
    command
        .args(["-c", &core.to_string()])
        .args(program)
        .args(["--port", &port.to_string()])
        .args(settings)
        .args(["--save", "", "--appendonly", "no", "--io-threads", "1", "--daemonize", "no"])
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    end_with_parent(&mut command);
    command.spawn().map_err(|error| {
        io::Error::new(error.kind(), format!("taskset and redis-server are needed (util-linux, redis): {error}"))
    })
}

/// Has the kernel end the child when the thread that starts it ends, however that happens.
///
/// Must be used from a thread that outlives the child, such as the main thread.
pub fn end_with_parent(command: &mut Command) {
    // SAFETY: between fork and exec only `prctl` is called, which is async-signal-safe and allocates nothing.
    unsafe {
        command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        });
    }
}

/// Pins the calling thread, and those it starts from now on, to one core.
pub fn pin_to(core: usize) -> io::Result<()> {
    // SAFETY: `set` is a plain bit set, valid when zeroed, and outlives the calls that borrow it.
    let result = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

const LOCAL: &str = "127.0.0.1";
