//! A user's own way to open the connection.

use std::future::Future;
use std::io;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::outcome::Address;

/// A future on the heap that can move between threads, as the methods of [`Connector`] and [`Resolver`](super::Resolver) return it.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A stream of bytes in both directions: whatever can be read, written, and moved between threads.
///
/// # What is asked of it
/// What callers are told of the fate of their commands stands on how the stream counts. Beside what [`AsyncRead`] and
/// [`AsyncWrite`] ask anyway (who returns `Pending` wakes the task later):
/// - `poll_write` and `poll_write_vectored` return how many bytes they took, and never more than they were given;
/// - one that returns an error or `Pending` has taken none: bytes that leave all the same would be sent twice;
/// - what was taken is passed on in order, once, and by `poll_flush` at the latest: it is called after the writes;
/// - after an error or an end the stream is dropped, and not asked again but for reading what is left;
/// - a panic in it is not caught: it ends the link for good, with [`Cause::RuntimeGone`](crate::Cause::RuntimeGone).
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Opens connections in place of the built-in TCP and Unix code: through a SOCKS proxy or an SSH tunnel, over an
/// in-memory pipe, a vsock, ...
///
/// The stream has to count what it takes as [`Io`] says.
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
