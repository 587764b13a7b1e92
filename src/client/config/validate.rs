//! What every configuration is held to, whichever way it was made.

use std::net::Ipv6Addr;
use std::time::Duration;

use super::error::ConfigErrorKind::{
    BadDatabase, BadHost, BadPort, BadSocketPath, BadValue, ControlCharacter, EmptyHost,
};
use super::{Config, ConfigError};
use crate::outcome::Address;
use crate::resp::Limits;

impl Config {
    /// Checks every setting, as connecting does before anything else.
    ///
    /// # Errors
    ///
    /// The first setting that is out of range, or contradicts another one. The error names it as in a URL.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.deployment().check()?;
        ensure(self.database <= MAX_DATABASE, || ConfigError::new(BadDatabase, DATABASE))?;
        self.check_name()?;
        self.check_times()?;
        self.check_socket()?;
        self.check_tls()?;
        self.check_sentinels()?;
        self.check_routing()?;
        self.check_amounts()?;
        self.check_limits()
    }

    fn check_name(&self) -> Result<(), ConfigError> {
        let Some(name) = &self.name else { return Ok(()) };
        let printable = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
        value("name", printable, "printable ASCII without spaces")
    }

    fn check_times(&self) -> Result<(), ConfigError> {
        value("deadline", self.deadline.is_none_or(bounded), "more than zero and at most 365 days, or none")?;
        value("connect_timeout", bounded(self.connect_timeout), POSITIVE)?;
        value("heartbeat", self.heartbeat.is_none_or(bounded), POSITIVE)?;
        value("silence_limit", self.silence_limit.is_none_or(bounded), POSITIVE)?;
        value("backoff_max", bounded(self.backoff.max()), POSITIVE)?;
        value("backoff_first", bounded(self.backoff.first()), POSITIVE)?;
        value("backoff_first", self.backoff.first() <= self.backoff.max(), "at most as long as backoff_max")?;
        value("backoff_jitter", self.backoff.jitter() <= 100, "a percentage from 0 to 100")?;
        value("max_idle", bounded(self.max_idle), POSITIVE)?;
        value("max_lifetime", self.max_lifetime.is_none_or(bounded), POSITIVE)?;
        value("close_grace", self.close_grace <= LONGEST, "at most 365 days")
    }

    /// The ranges are Linux's, which refuses what is beyond; other systems take no more.
    fn check_socket(&self) -> Result<(), ConfigError> {
        let socket = self.socket();
        let seconds = |time: Duration| (1..=32_767).contains(&time.as_secs()) && time.subsec_nanos() == 0;
        if let Some(keepalive) = socket.keepalive() {
            let times = seconds(keepalive.idle()) && seconds(keepalive.interval());
            value("keepalive", times, "whole seconds, from 1s to 32767s")?;
            value("keepalive", (1..=127).contains(&keepalive.retries()), "from 1 to 127 probes")?;
        }
        let millis = |time: Duration| (1..=i32::MAX as u128).contains(&time.as_millis());
        value("user_timeout", socket.user_timeout().is_none_or(millis), "from 1ms to 24 days, or none")?;
        let name = |name: &str| (1..16).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
        value("interface", socket.interface().is_none_or(name), "the name of a network interface, such as eth1")
    }

    fn check_amounts(&self) -> Result<(), ConfigError> {
        value("max_pending_commands", self.max_pending_commands > 0, "at least 1")?;
        value("max_blocking", self.max_blocking > 0, "at least 1")?;
        value("max_dedicated", self.max_dedicated > 0, "at least 1")?;
        value("max_pending_bytes", self.max_pending_bytes > 0, "at least 1")?;
        value("read_buffer", (1 << 10..=16 << 20).contains(&self.read_buffer), "from 1KiB to 16MiB")
    }

    fn check_limits(&self) -> Result<(), ConfigError> {
        let Limits { depth, elements, bulk, line, frame } = self.limits();
        value("max_reply_depth", depth >= 8, "at least 8")?;
        value("max_reply_elements", elements >= 64, "at least 64")?;
        value("max_reply_bulk", bulk >= 1 << 10, "at least 1KiB")?;
        value("max_reply_line", line >= 1 << 10, "at least 1KiB")?;
        value("max_reply_frame", (64 << 10..=Limits::MAX_FRAME).contains(&frame), "from 64KiB to 4278190079")
    }
}

pub(super) fn check_address(address: &Address) -> Result<(), ConfigError> {
    match address {
        Address::Tcp { host, port } => {
            check_host(host)?;
            ensure(*port != 0, || ConfigError::new(BadPort, PORT))
        }
        Address::Unix(path) => check_socket_path(path.as_os_str().as_encoded_bytes()),
    }
}

/// Checks a host: an IP address, IPv6 without brackets and perhaps with a zone, or what could be a name.
pub(in crate::client) fn check_host(host: &str) -> Result<(), ConfigError> {
    ensure(!host.is_empty(), || ConfigError::new(EmptyHost, HOST))?;
    ensure(!host.contains(char::is_control), || ConfigError::new(ControlCharacter, HOST))?;
    let well_formed = if host.contains(':') {
        let address = host.split_once('%').map_or(host, |(address, _zone)| address);
        address.parse::<Ipv6Addr>().is_ok()
    } else {
        !host.contains(|c: char| c.is_whitespace() || "/?#@[]%,\\\"<>".contains(c))
    };
    ensure(well_formed, || ConfigError::new(BadHost, HOST))
}

/// Checks the path of a Unix socket. One that begins with a NUL would be a name in Linux's abstract namespace.
pub(in crate::client) fn check_socket_path(path: &[u8]) -> Result<(), ConfigError> {
    ensure(!path.is_empty(), || ConfigError::new(BadSocketPath, SOCKET_PATH))?;
    ensure(!path.contains(&0), || ConfigError::new(ControlCharacter, SOCKET_PATH))
}

/// Whether a time is one at all, and bounded.
pub(super) fn bounded(time: Duration) -> bool {
    !time.is_zero() && time <= LONGEST
}

pub(super) fn value(option: &'static str, right: bool, expected: &'static str) -> Result<(), ConfigError> {
    ensure(right, || ConfigError::new(BadValue { option }, expected))
}

fn ensure(right: bool, error: impl FnOnce() -> ConfigError) -> Result<(), ConfigError> {
    if right { Ok(()) } else { Err(error()) }
}

/// The servers hold the number of databases in a signed 32-bit integer.
const MAX_DATABASE: u32 = i32::MAX as u32;

/// A bound that keeps instants far from overflowing on every system.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

pub(super) const POSITIVE: &str = "more than zero and at most 365 days";
pub(in crate::client) const HOST: &str = "a host name or an IP address (in a URL, IPv6 in brackets)";
pub(in crate::client) const PORT: &str = "a number from 1 to 65535";
pub(in crate::client) const DATABASE: &str = "a number from 0 to 2147483647";
pub(in crate::client) const SOCKET_PATH: &str = "the path of a socket, in a URL absolute as in unix:///run/redis.sock";
