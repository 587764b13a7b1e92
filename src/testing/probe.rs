//! A client for this module's own tests: commands as lines out, bytes in.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::server::FakeServer;

/// A connection to a fake server. Nothing waits longer than 10 seconds.
pub(crate) struct Probe<S>(pub(crate) S);

impl Probe<TcpStream> {
    pub(crate) async fn tcp(server: &FakeServer) -> Self {
        Probe(TcpStream::connect(server.address()).await.unwrap())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Probe<S> {
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Sends a line and expects these bytes.
    pub(crate) async fn ask(&mut self, line: &str, expected: &str) {
        self.send(format!("{line}\r\n")).await;
        self.expect(expected).await;
    }

    pub(crate) async fn expect(&mut self, expected: &str) {
        let mut found = vec![0; expected.len()];
        let mut filled = 0;
        while filled < found.len() {
            let read = patiently(self.0.read(&mut found[filled..])).await;
            match read.map(Result::unwrap) {
                Some(read @ 1..) => filled += read,
                _ => break,
            }
        }
        assert_eq!(String::from_utf8_lossy(&found[..filled]), expected);
    }

    /// Expects the end of the connection, clean or not, and nothing before it.
    pub(crate) async fn expect_end(&mut self) {
        let mut rest = Vec::new();
        let end = patiently(self.0.read_to_end(&mut rest)).await;
        assert!(end.is_some(), "the connection is still open");
        assert_eq!(String::from_utf8_lossy(&rest), "");
    }

    /// Whether nothing comes for a moment.
    pub(crate) async fn is_quiet(&mut self) -> bool {
        let mut byte = [0];
        tokio::time::timeout(Duration::from_millis(50), self.0.read(&mut byte)).await.is_err()
    }
}

/// What the future gives, or nothing after 10 seconds.
pub(crate) async fn patiently<T>(future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(Duration::from_secs(10), future).await.ok()
}
