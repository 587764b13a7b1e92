//! Peers that do on command what a real server does not.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use steadfast::Config;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::quick;

/// A listener that treats every connection as its script says.
pub(crate) struct Peer {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Peer {
    /// Runs `script` for every connection, with the connection's number, from 0 on.
    pub(crate) async fn start<F: Future<Output = ()> + Send + 'static>(
        script: impl Fn(usize, Wire) -> F + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&accepted);
        let accepting = tokio::spawn(async move {
            let mut running = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                running.spawn(script(count.fetch_add(1, Ordering::SeqCst), Wire::new(stream)));
            }
        });
        Self { address, accepted, accepting }
    }

    /// Accepts and says nothing, for ever.
    pub(crate) async fn silent() -> Self {
        Self::start(|_, wire| async move {
            let _held = wire;
            std::future::pending().await
        })
        .await
    }

    /// Says `greeting` to whatever comes first, and then nothing more.
    pub(crate) async fn saying(greeting: &'static [u8]) -> Self {
        Self::start(move |_, mut wire| async move {
            if wire.stream.read_u8().await.is_ok() {
                wire.say(greeting).await;
            }
            wire.until_closed().await;
        })
        .await
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn config(&self) -> Config {
        quick(Config::tcp("127.0.0.1", self.address.port()))
    }

    /// How many connections there were.
    pub(crate) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The peer's end of one connection.
pub(crate) struct Wire {
    pub(crate) stream: TcpStream,
    /// What was read and is not used yet.
    read: Vec<u8>,
}

impl Wire {
    fn new(stream: TcpStream) -> Self {
        Self { stream, read: Vec::new() }
    }

    /// The next command's words; `None` when the client has closed.
    pub(crate) async fn command(&mut self) -> Option<Vec<Vec<u8>>> {
        let count = self.length().await?;
        let mut words = Vec::new();
        for _ in 0..count {
            let length = self.length().await?;
            words.push(self.take(length).await?);
            self.take(2).await?;
        }
        Some(words)
    }

    /// The next command that is none of the handshake's: those are answered as a server of RESP3 does.
    pub(crate) async fn command_after_handshake(&mut self) -> Option<Vec<Vec<u8>>> {
        loop {
            let command = self.command().await?;
            match command[0].as_slice() {
                b"HELLO" => self.say(HELLO).await,
                b"SELECT" | b"AUTH" => self.say(b"+OK\r\n").await,
                b"CLIENT" if [&b"SETNAME"[..], b"SETINFO", b"NO-EVICT"].contains(&command[1].as_slice()) => {
                    self.say(b"+OK\r\n").await;
                }
                _ => return Some(command),
            }
        }
    }

    /// Answers the first command, as a server of RESP3 does.
    pub(crate) async fn hello(&mut self) -> Option<Vec<Vec<u8>>> {
        let hello = self.command().await;
        self.say(HELLO).await;
        hello
    }

    /// Writes, as far as the client is still there.
    pub(crate) async fn say(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// Reads and forgets until the client closes.
    pub(crate) async fn until_closed(&mut self) {
        let mut chunk = [0; 4096];
        while matches!(self.stream.read(&mut chunk).await, Ok(count) if count > 0) {}
    }

    /// Ends the connection with an RST.
    pub(crate) fn reset(self) {
        let socket = socket2::SockRef::from(&self.stream);
        socket.set_linger(Some(std::time::Duration::ZERO)).unwrap();
    }

    /// The number in a header line such as `*3` or `$16`.
    async fn length(&mut self) -> Option<usize> {
        loop {
            if let Some(end) = self.read.windows(2).position(|pair| pair == b"\r\n") {
                let line: Vec<u8> = self.read.drain(..end + 2).collect();
                return std::str::from_utf8(&line[1..end]).unwrap().parse().ok();
            }
            self.more().await?;
        }
    }

    async fn take(&mut self, length: usize) -> Option<Vec<u8>> {
        while self.read.len() < length {
            self.more().await?;
        }
        let rest = self.read.split_off(length);
        Some(std::mem::replace(&mut self.read, rest))
    }

    async fn more(&mut self) -> Option<()> {
        let count = self.stream.read_buf(&mut self.read).await.unwrap_or(0);
        (count > 0).then_some(())
    }
}

const HELLO: &[u8] = b"%3\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n7.0.0\r\n$5\r\nproto\r\n:3\r\n";
