//! What a user may set on TCP sockets.

use std::net::IpAddr;
use std::time::Duration;

/// Options of TCP sockets. Unix sockets and a user's own [`Connector`](super::Connector) use none of them.
///
/// An option that an operating system does not have is ignored there. One that it has and refuses (a bind address
/// that is not this machine's, an interface without the privilege) fails the attempt to connect with its error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketOptions {
    pub(super) nodelay: bool,
    pub(super) keepalive: Option<Keepalive>,
    pub(super) user_timeout: Option<Duration>,
    pub(super) linger: Linger,
    pub(super) bind_address: Option<IpAddr>,
    pub(super) interface: Option<String>,
    pub(super) send_buffer_size: Option<u32>,
    pub(super) receive_buffer_size: Option<u32>,
}

/// TCP keepalive: how the operating system probes a silent peer (RFC 9293, section 3.8.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    pub(super) idle: Duration,
    pub(super) interval: Duration,
    pub(super) retries: u32,
}

/// What closing a socket does with bytes that were not sent yet.
///
/// There is no choice to *wait* for them: with `SO_LINGER` and a time, closing blocks the thread it happens on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Linger {
    /// The operating system sends them in the background, then FIN.
    #[default]
    System,
    /// They are thrown away and the peer gets an RST (`SO_LINGER` with zero). Leaves no `TIME_WAIT` behind.
    Reset,
}

impl SocketOptions {
    /// The defaults, which notice a dead peer within 30 seconds.
    pub fn new() -> Self {
        Self {
            nodelay: true,
            keepalive: Some(Keepalive::new()),
            user_timeout: Some(Duration::from_secs(30)),
            linger: Linger::System,
            bind_address: None,
            interface: None,
            send_buffer_size: None,
            receive_buffer_size: None,
        }
    }

    /// `TCP_NODELAY`: send small segments at once. Default: `true`. Linux, macOS, Windows.
    ///
    /// `false` lets the operating system hold a command back until earlier ones are acknowledged (up to 40 ms on
    /// Linux, 200 ms on Windows). There is little to gain: commands of many callers already share a write.
    pub fn with_nodelay(mut self, nodelay: bool) -> Self {
        self.nodelay = nodelay;
        self
    }

    /// Keepalive probes on an idle connection; `None` turns them off. Default: [`Keepalive::new`]. Linux, macOS, Windows.
    ///
    /// They bound how long a connection without traffic can be dead unnoticed, and keep the entries of firewalls and
    /// address translators alive. Off: without end, until a command is sent and stays unacknowledged for the
    /// [user timeout](Self::with_user_timeout).
    pub fn with_keepalive(mut self, keepalive: Option<Keepalive>) -> Self {
        self.keepalive = keepalive;
        self
    }

    /// `TCP_USER_TIMEOUT` (RFC 5482): how long sent bytes may stay unacknowledged. `None` leaves it to the system, which
    /// goes on for about 15 minutes. Default: 30 s. Linux only; elsewhere ignored.
    ///
    /// It bounds the life of a connection whose peer vanished while bytes were under way, and on an idle one it
    /// replaces the number of keepalive retries. Too small: a network that reroutes, or a peer that does not read for so
    /// long with full buffers (Linux counts that too), costs the connection. Too large: a dead peer is noticed late.
    pub fn with_user_timeout(mut self, timeout: Option<Duration>) -> Self {
        self.user_timeout = timeout;
        self
    }

    /// What closing does with unsent bytes. Default: [`Linger::System`]. Linux, macOS, Windows.
    pub fn with_linger(mut self, linger: Linger) -> Self {
        self.linger = linger;
        self
    }

    /// The local IP address to connect from; the port is the system's choice. Default: none, the routing table decides.
    /// Linux, macOS, Windows. Server addresses of the other family fail.
    pub fn with_bind_address(mut self, address: Option<IpAddr>) -> Self {
        self.bind_address = address;
        self
    }

    /// The network interface to use (`SO_BINDTODEVICE`), such as `"eth1"`. Default: none. Linux only; elsewhere ignored.
    pub fn with_interface(mut self, interface: Option<String>) -> Self {
        self.interface = interface;
        self
    }

    /// `SO_SNDBUF` in bytes; the system may round, clamp, or (Linux) double it. Default: the system's. Linux, macOS, Windows.
    ///
    /// Setting it turns the automatic growth of the buffer off. Too small: large arguments are written in many steps
    /// and throughput over long distances falls. Too large: more bytes are "sent, outcome unknown" when a connection dies.
    pub fn with_send_buffer_size(mut self, bytes: Option<u32>) -> Self {
        self.send_buffer_size = bytes;
        self
    }

    /// `SO_RCVBUF` in bytes; the system may round, clamp, or (Linux) double it. Default: the system's. Linux, macOS, Windows.
    ///
    /// Setting it turns the automatic growth of the buffer off. Too small: throughput over long distances falls, and
    /// the server must buffer more. Too large: kernel memory per connection.
    pub fn with_receive_buffer_size(mut self, bytes: Option<u32>) -> Self {
        self.receive_buffer_size = bytes;
        self
    }
}

impl Keepalive {
    /// First probe after 10 s of silence, then every 5 s, the connection ends when 3 are unanswered: 25 s in all.
    ///
    /// Seconds rather than the systems' two hours, and yet long enough to outlive a network that reroutes.
    pub fn new() -> Self {
        Self { idle: Duration::from_secs(10), interval: Duration::from_secs(5), retries: 3 }
    }

    /// The silence before the first probe. Default: 10 s; whole seconds, at least one. Linux, macOS, Windows.
    ///
    /// Too small: needless packets on idle connections. Too large: a dead peer, or a forgotten entry in a firewall, is
    /// noticed late.
    pub fn with_idle(mut self, idle: Duration) -> Self {
        self.idle = idle;
        self
    }

    /// The time between probes. Default: 5 s; whole seconds, at least one. Linux, macOS, Windows.
    ///
    /// With the retries it bounds how long a peer may be unreachable before the connection is given up.
    pub fn with_interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// How many unanswered probes end the connection. Default: 3. Linux, macOS, Windows (from version 1703 on).
    ///
    /// Too few: one lost packet costs a connection. On Linux [`SocketOptions::with_user_timeout`] takes its place.
    pub fn with_retries(mut self, retries: u32) -> Self {
        self.retries = retries;
        self
    }
}

/// What is set.
impl SocketOptions {
    /// Whether `TCP_NODELAY` is on.
    pub fn nodelay(&self) -> bool {
        self.nodelay
    }

    /// The keepalive probes; `None` for none.
    pub fn keepalive(&self) -> Option<Keepalive> {
        self.keepalive
    }

    /// How long sent bytes may stay unacknowledged; `None` leaves it to the system.
    pub fn user_timeout(&self) -> Option<Duration> {
        self.user_timeout
    }

    /// What closing does with unsent bytes.
    pub fn linger(&self) -> Linger {
        self.linger
    }

    /// The local IP address to connect from; `None` leaves it to the system.
    pub fn bind_address(&self) -> Option<IpAddr> {
        self.bind_address
    }

    /// The network interface to use; `None` leaves it to the system.
    pub fn interface(&self) -> Option<&str> {
        self.interface.as_deref()
    }

    /// `SO_SNDBUF` in bytes; `None` leaves it to the system.
    pub fn send_buffer_size(&self) -> Option<u32> {
        self.send_buffer_size
    }

    /// `SO_RCVBUF` in bytes; `None` leaves it to the system.
    pub fn receive_buffer_size(&self) -> Option<u32> {
        self.receive_buffer_size
    }
}

/// What is set.
impl Keepalive {
    /// The silence before the first probe.
    pub fn idle(&self) -> Duration {
        self.idle
    }

    /// The time between probes.
    pub fn interval(&self) -> Duration {
        self.interval
    }

    /// How many unanswered probes end the connection.
    pub fn retries(&self) -> u32 {
        self.retries
    }
}

impl Default for SocketOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl Default for Keepalive {
    fn default() -> Self {
        Self::new()
    }
}
