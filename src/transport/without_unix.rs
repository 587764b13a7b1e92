//! Where there are no Unix sockets: the same names, and an error.

use std::io;
use std::path::Path;

/// Stands in for a type that does not exist here. [`open`] never makes one.
pub(super) type UnixStream = tokio::net::TcpStream;

pub(super) async fn open(_: &Path) -> io::Result<UnixStream> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "no Unix sockets on this system"))
}
