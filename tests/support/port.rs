//! Free ports for servers that tests stop and start again.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::net::TcpListener;
use std::ops::Range;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};

/// A port of 127.0.0.1 that nobody listens on, not given to anyone else in this process.
///
/// It lies below the range that the system hands out to outgoing connections. A port out of that range, such as
/// `bind` to port 0 gives, could be taken while a test has its server down, and a client that keeps dialing it could even be connected to itself.
///
/// Another process may still take it first: who starts a server retries with the next one.
pub(crate) fn free_port() -> u16 {
    static OFFSET: OnceLock<u16> = OnceLock::new();
    static STEP: AtomicU16 = AtomicU16::new(0);
    let range = candidates();
    let count = range.end - range.start;
    let offset = *OFFSET.get_or_init(|| (RandomState::new().build_hasher().finish() % u64::from(count)) as u16);
    for _ in 0..count {
        let step = STEP.fetch_add(1, Ordering::Relaxed);
        let port = range.start + ((u32::from(offset) + u32::from(step)) % u32::from(count)) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port between {} and {}", range.start, range.end);
}

/// The same, where the cluster bus port that belongs to it is free as well.
pub(crate) fn free_port_with_bus() -> u16 {
    loop {
        let port = free_port();
        if TcpListener::bind(("127.0.0.1", bus_of(port))).is_ok() {
            return port;
        }
    }
}

/// The port on which a node of a cluster listens for its like, unless it is told another one.
pub(crate) fn bus_of(port: u16) -> u16 {
    port + 10000
}

/// A cluster bus port, by default 10000 above, stays below the outgoing range as well.
fn candidates() -> Range<u16> {
    let outgoing = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let first = outgoing.split_whitespace().next().and_then(|word| word.parse::<u16>().ok()).unwrap_or(32768);
    if first > 24000 { 11000..first - 10000 } else { 40000..55000 }
}
