//! Connections without a socket.

use std::io;

use tokio::io::DuplexStream;
use tokio::sync::mpsc::UnboundedSender;

/// Opens in-memory connections to a [`FakeServer`](super::FakeServer); made by
/// [`FakeServer::connector`](super::FakeServer::connector).
#[derive(Clone, Debug)]
pub struct PipeConnector {
    pipes: UnboundedSender<DuplexStream>,
}

impl PipeConnector {
    pub(crate) fn new(pipes: UnboundedSender<DuplexStream>) -> Self {
        PipeConnector { pipes }
    }

    /// A new connection: the client's end of a pipe that holds 64 KiB in each direction. It is counted and served like
    /// one over TCP.
    ///
    /// # Errors
    /// `ConnectionRefused` if the server was dropped.
    pub fn open(&self) -> io::Result<DuplexStream> {
        let (client, server) = tokio::io::duplex(PIPE_SIZE);
        match self.pipes.send(server) {
            Ok(()) => Ok(client),
            Err(_) => Err(io::Error::new(io::ErrorKind::ConnectionRefused, "the fake server is gone")),
        }
    }
}

const PIPE_SIZE: usize = 64 << 10;
