//! Faults on real sockets: a client and a server at the ends, both of them this test's.

mod cuts;
mod doors;
mod flows;
mod through_the_client;

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{Direction, FaultProxy};

/// A proxy with a server behind it that is this test's own.
struct Bench {
    proxy: FaultProxy,
    listener: TcpListener,
}

impl Bench {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = FaultProxy::start(listener.local_addr().unwrap()).await.unwrap();
        Bench { proxy, listener }
    }

    async fn dial(&self) -> TcpStream {
        let stream = TcpStream::connect(self.proxy.address()).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// The two ends of a new connection.
    async fn connect(&self) -> (TcpStream, TcpStream) {
        let client = self.dial().await;
        let (server, _) = soon(self.listener.accept()).await.unwrap();
        server.set_nodelay(true).unwrap();
        (client, server)
    }
}

/// A bench and its first connection.
async fn connected() -> (Bench, TcpStream, TcpStream) {
    let bench = Bench::new().await;
    let (client, server) = bench.connect().await;
    (bench, client, server)
}

/// The sender and the receiver of a direction.
fn ends<'a>(
    direction: Direction,
    client: &'a mut TcpStream,
    server: &'a mut TcpStream,
) -> (&'a mut TcpStream, &'a mut TcpStream) {
    if direction == Direction::ToServer { (client, server) } else { (server, client) }
}

const DIRECTIONS: [Direction; 2] = [Direction::ToServer, Direction::ToClient];

/// Nothing that is to happen takes longer than this.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("it happens")
}

/// Everything that comes until the end, and how it ends.
async fn rest(stream: &mut TcpStream) -> (Vec<u8>, Result<(), io::ErrorKind>) {
    let mut bytes = Vec::new();
    let end = soon(stream.read_to_end(&mut bytes)).await;
    (bytes, end.map(|_| ()).map_err(|error| error.kind()))
}

async fn expect(stream: &mut TcpStream, expected: &[u8]) {
    let mut found = vec![0; expected.len()];
    soon(stream.read_exact(&mut found)).await.unwrap();
    assert!(found == expected, "{} bytes are not the expected ones", found.len());
}

async fn send(stream: &mut TcpStream, bytes: &[u8]) {
    soon(stream.write_all(bytes)).await.unwrap();
}

/// Whether nothing comes for a moment, not even an end.
async fn is_quiet(stream: &mut TcpStream) -> bool {
    tokio::time::timeout(Duration::from_millis(30), stream.read(&mut [0])).await.is_err()
}

/// Bytes of which no two neighbourhoods are alike.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|index| (index % 251) as u8 ^ (index / 251) as u8).collect()
}

/// Writes until no byte has been taken for a quarter of a second, and says how many were.
async fn fill(stream: &mut TcpStream) -> usize {
    let block = vec![0; 64 << 10];
    let mut taken = 0;
    while let Ok(written) = tokio::time::timeout(Duration::from_millis(250), stream.write(&block)).await {
        taken += written.unwrap();
        assert!(taken < 256 << 20, "it never ends");
    }
    taken
}
