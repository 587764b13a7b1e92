//! A redis-server of our own: started on a free port, pinned to a core, ended with its owner.

use std::{
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::work::{KEYS, LARGE, LARGE_KEY, LIST, LIST_KEY, SMALL, key};

pub struct Server {
    child: Child,
    pub port: u16,
}

impl Server {
    /// Starts a server on a free port and waits until it answers.
    pub fn start(core: usize) -> io::Result<Self> {
        let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        Self::start_on(port, core)
    }

    pub fn start_on(port: u16, core: usize) -> io::Result<Self> {
        let core = core.to_string();
        let port_text = port.to_string();
        let mut command = Command::new("taskset");
        command
            .args(["-c", &core, "redis-server", "--port", &port_text, "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--io-threads", "1", "--daemonize", "no"])
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        end_with_parent(&mut command);
        let child = command.spawn().map_err(|error| {
            io::Error::new(error.kind(), format!("taskset and redis-server are needed (util-linux, redis): {error}"))
        })?;
        let mut server = Self { child, port };
        let limit = Instant::now() + Duration::from_secs(10);
        while server.command(&[b"PING"]).is_err() {
            if let Some(status) = server.child.try_wait()? {
                return Err(io::Error::other(format!("redis-server ended at once ({status}); is it installed?")));
            }
            if Instant::now() > limit {
                return Err(io::Error::other("redis-server does not answer"));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(server)
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

    /// One command over a connection of its own; the first line of the answer (and the body's beginning).
    pub fn command(&self, arguments: &[&[u8]]) -> io::Result<String> {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port))?;
        socket.set_read_timeout(Some(Duration::from_secs(5)))?;
        let mut request = format!("*{}\r\n", arguments.len()).into_bytes();
        for argument in arguments {
            write!(request, "${}\r\n", argument.len())?;
            request.extend_from_slice(argument);
            request.extend_from_slice(b"\r\n");
        }
        socket.write_all(&request)?;
        let mut reply = [0; 256];
        let n = socket.read(&mut reply)?;
        let text = String::from_utf8_lossy(&reply[..n]).into_owned();
        match text.as_bytes().first() {
            None => Err(io::ErrorKind::UnexpectedEof.into()),
            Some(b'-') => Err(io::Error::other(text)),
            Some(_) => Ok(text),
        }
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

/// Has the kernel end the child when the thread that starts it ends, however that happens.
///
/// Must be used from the main thread: the end of any other starting thread would end the child too.
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
