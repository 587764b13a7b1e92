//! One TCP connection with the user's options.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpSocket, TcpStream};

use super::options::{Keepalive, Linger, SocketOptions};

/// Connects to `address`. Dropping the future abandons the attempt.
pub(super) async fn open(address: SocketAddr, options: &SocketOptions) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    prepare(&SockRef::from(&socket), options)?;
    if let Some(local) = options.bind_address {
        socket.bind(SocketAddr::new(local, 0))?;
    }
    refuse_own_end(socket.connect(address).await?)
}

/// To a local port from the range that the system gives to clients, at which nobody listens, a client can by chance
/// connect to itself; it would then hold the port against the server that wants to come back.
fn refuse_own_end(stream: TcpStream) -> io::Result<TcpStream> {
    if stream.local_addr()? == stream.peer_addr()? {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(stream)
}

/// Sets what must stand before the first packet leaves.
fn prepare(socket: &SockRef<'_>, options: &SocketOptions) -> io::Result<()> {
    socket.set_tcp_nodelay(options.nodelay)?;
    if let Some(keepalive) = &options.keepalive {
        socket.set_tcp_keepalive(&parameters(keepalive))?;
    }
    if options.linger == Linger::Reset {
        socket.set_linger(Some(Duration::ZERO))?;
    }
    if let Some(bytes) = options.send_buffer_size {
        socket.set_send_buffer_size(bytes as usize)?;
    }
    if let Some(bytes) = options.receive_buffer_size {
        socket.set_recv_buffer_size(bytes as usize)?;
    }
    prepare_on_linux(socket, options)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn prepare_on_linux(socket: &SockRef<'_>, options: &SocketOptions) -> io::Result<()> {
    if options.user_timeout.is_some() {
        socket.set_tcp_user_timeout(options.user_timeout)?;
    }
    if let Some(interface) = &options.interface {
        socket.bind_device(Some(interface.as_bytes()))?;
    }
    Ok(())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn prepare_on_linux(_: &SockRef<'_>, _: &SocketOptions) -> io::Result<()> {
    Ok(())
}

/// Systems count in whole seconds and take zero for an error.
fn parameters(keepalive: &Keepalive) -> TcpKeepalive {
    let at_least_a_second = |time: Duration| time.max(Duration::from_secs(1));
    let parameters = TcpKeepalive::new().with_time(at_least_a_second(keepalive.idle));
    further(parameters, at_least_a_second(keepalive.interval), keepalive.retries.max(1))
}

#[cfg(any(target_vendor = "apple", windows, target_os = "linux", target_os = "android", target_os = "freebsd"))]
fn further(parameters: TcpKeepalive, interval: Duration, retries: u32) -> TcpKeepalive {
    parameters.with_interval(interval).with_retries(retries)
}

#[cfg(not(any(target_vendor = "apple", windows, target_os = "linux", target_os = "android", target_os = "freebsd")))]
fn further(parameters: TcpKeepalive, _: Duration, _: u32) -> TcpKeepalive {
    parameters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_to_itself_is_refused() {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        let own = socket.local_addr().unwrap();
        let stream = socket.connect(own).await.unwrap();
        assert_eq!(refuse_own_end(stream).unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
    }
}
