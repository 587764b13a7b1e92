//! Wire tests: real sockets on this machine.

mod plain;

#[cfg(all(feature = "tls", any(feature = "ring", feature = "aws-lc-rs")))]
#[path = "../../../tests/support/pki.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared with the integration tests")]
mod pki;
#[cfg(all(feature = "tls", any(feature = "ring", feature = "aws-lc-rs")))]
mod server;
#[cfg(all(feature = "tls", any(feature = "ring", feature = "aws-lc-rs")))]
mod tls;
#[cfg(all(feature = "tls", not(any(feature = "ring", feature = "aws-lc-rs"))))]
mod tls_without_provider;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::time::timeout;

use super::*;
use crate::outcome::{Address, Cause};

/// Far more than anything here takes, far less than the patience of whoever waits for a test that hangs.
const LONG: Duration = Duration::from_secs(20);

async fn dial(dialer: &Dialer, address: &Address) -> Result<Dialed, Cause> {
    timeout(LONG, dialer.dial(address, None, &Progress::new())).await.expect("the dial should end by itself")
}

fn address_of(address: SocketAddr) -> Address {
    Address::tcp(address.ip().to_string(), address.port())
}

/// An address at which nobody listens, and nobody else can as long as this is there.
struct Refusing {
    address: SocketAddr,
    _socket: Socket,
}

impl Refusing {
    fn open() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&local(0).into()).unwrap();
        Self { address: socket.local_addr().unwrap().as_socket().unwrap(), _socket: socket }
    }
}

fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}
