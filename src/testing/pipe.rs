//! Connections without a socket.

use std::io;

use tokio::io::DuplexStream;
use tokio::sync::mpsc::UnboundedSender;

use crate::outcome::Address;
use crate::transport::{BoxFuture, Connector, Io};

/// Opens in-memory connections to a [`FakeServer`](super::FakeServer); made by
/// [`FakeServer::connector`](super::FakeServer::connector), and given to a client as its
/// [`Connector`]: the address in its configuration is then of no importance.
///
/// ```
/// use std::sync::Arc;
/// use steadfast::api::Strings;
/// use steadfast::resp::Value;
/// use steadfast::testing::FakeServer;
/// use steadfast::{Client, Config};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let server = FakeServer::start().await?;
/// let config = Config::tcp("in-memory", 6379).with_connector(Arc::new(server.connector()));
/// let client = Client::connect(config).await?;
/// server.run(["SET", "greeting", "hello"]);
/// let greeting: Option<String> = client.get("greeting").await?;
/// assert_eq!(greeting.as_deref(), Some("hello"));
/// # Ok(())
/// # }
/// ```
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

impl Connector for PipeConnector {
    /// A new connection, whatever the address is.
    fn connect<'a>(&'a self, _: &'a Address) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
        Box::pin(async move { self.open().map(|stream| Box::new(stream) as Box<dyn Io>) })
    }
}

const PIPE_SIZE: usize = 64 << 10;
