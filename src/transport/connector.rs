//! A user's own way to open the connection.

use std::future::Future;
use std::io;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::outcome::Address;

/// A future on the heap that can move between threads, as the methods of [`Connector`] and [`Resolver`](super::Resolver) return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A stream of bytes in both directions: whatever can be read, written, and moved between threads.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Opens connections in place of the built-in TCP and Unix code: through a SOCKS proxy or an SSH tunnel, over an
/// in-memory pipe, a vsock, ...
///
/// TLS, where it is configured, is spoken on top of the stream, and verifies the name of the address as always.
/// The socket options and the resolver are not used: the connector does what it needs of both itself.
///
/// # Cancellation
/// The future is dropped when the deadline of the attempt is reached. There is no other timeout above it.
///
/// # Errors
/// An error ends the attempt; the next one follows after the link's pause. So does a panic in the connector, as
/// [`Cause::Panicked`](crate::Cause::Panicked): the same connector is asked again then.
///
/// # What is lost
/// The stream can't be looked at without reading, so that a peer's FIN is noticed when the runtime reports it, and not
/// by a system call before the first write after a pause.
pub trait Connector: Send + Sync + 'static {
    /// Opens a connection to `address`.
    fn connect<'a>(&'a self, address: &'a Address) -> BoxFuture<'a, io::Result<Box<dyn Io>>>;
}
