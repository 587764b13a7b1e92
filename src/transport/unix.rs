//! Unix sockets.

use std::io;
use std::path::Path;

pub(super) use tokio::net::UnixStream;

pub(super) async fn open(path: &Path) -> io::Result<UnixStream> {
    UnixStream::connect(path).await
}
