//! A network of two machines that can lose everything, in network namespaces of our own: no rights are needed, and nothing
//! of it is seen outside.

use std::{
    fs, io,
    process::{self, Command},
    thread,
    time::{Duration, Instant},
};

/// The cable between this process and the server's namespace.
pub(crate) struct Network(());

impl Network {
    /// Moves this process, which must have one thread, into a network of its own.
    pub(super) fn enter() -> io::Result<()> {
        // SAFETY: plain system calls without pointers.
        let (user, group) = unsafe { (libc::getuid(), libc::getgid()) };
        let result = unsafe { libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET) };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("0 {user} 1"))?;
        fs::write("/proc/self/gid_map", format!("0 {group} 1"))?;
        run("ip", &["link", "set", "lo", "up"])
    }

    /// For a process that has entered.
    pub(super) fn new() -> Self {
        Self(())
    }

    /// Lays the cable to a process that moves into a network namespace of its own (`unshare --net`).
    pub(crate) fn join(&self, server: u32) -> io::Result<()> {
        let pid = server.to_string();
        wait_until_apart(&pid)?;
        let [ours, theirs] = [OUR_HARDWARE, THEIR_HARDWARE];
        run(
            "ip",
            &[
                "link", "add", OURS, "address", ours, "type", "veth", "peer", "name", THEIRS, "address", theirs,
                "netns", &pid,
            ],
        )?;
        run("ip", &["address", "add", "10.99.0.1/24", "dev", OURS])?;
        run("ip", &["link", "set", OURS, "up"])?;
        let inside = ["--target", &pid, "--net", "ip"];
        run("nsenter", &[&inside[..], &["address", "add", "10.99.0.2/24", "dev", THEIRS]].concat())?;
        run("nsenter", &[&inside[..], &["link", "set", THEIRS, "up"]].concat())
    }

    /// From now on everything goes to a machine that isn't there.
    pub(super) fn swallow(&self) -> io::Result<()> {
        self.send_to(NOBODY)
    }

    pub(super) fn heal(&self) -> io::Result<()> {
        self.send_to(THEIR_HARDWARE)
    }

    fn send_to(&self, hardware: &str) -> io::Result<()> {
        run("ip", &["neighbour", "replace", SERVER, "lladdr", hardware, "nud", "permanent", "dev", OURS])
    }
}

fn wait_until_apart(pid: &str) -> io::Result<()> {
    let here = fs::read_link("/proc/self/ns/net")?;
    let limit = Instant::now() + Duration::from_secs(5);
    while fs::read_link(format!("/proc/{pid}/ns/net"))? == here {
        if Instant::now() > limit {
            return Err(io::Error::other("the server stays in our network namespace"));
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn run(program: &str, arguments: &[&str]) -> io::Result<()> {
    let output = Command::new(program).args(arguments).stdin(process::Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("{program} {}: {}", arguments.join(" "), said.trim())))
}

/// Where the server is.
pub(crate) const SERVER: &str = "10.99.0.2";
const OURS: &str = "client0";
const THEIRS: &str = "server0";
const OUR_HARDWARE: &str = "02:00:00:00:00:01";
const THEIR_HARDWARE: &str = "02:00:00:00:00:02";
const NOBODY: &str = "02:00:00:00:00:09";
