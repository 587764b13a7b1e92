//! A TCP proxy in front of the server whose connections can be cut.

use std::{io, thread};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpSocket, TcpStream},
    runtime::Builder,
    sync::broadcast,
};

/// Runs on a thread and a runtime of its own, so that a busy client doesn't slow it down.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    cut: broadcast::Sender<()>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Duplex {
    Full,
    /// Reads nothing while it has something to write, as simple proxies do, and has small buffers.
    Half,
}

impl Proxy {
    pub(crate) fn start(server: u16, duplex: Duplex) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let socket = TcpSocket::new_v4()?;
        if duplex == Duplex::Half {
            // Accepted sockets have the listener's sizes.
            socket.set_send_buffer_size(SMALL_BUFFER)?;
            socket.set_recv_buffer_size(SMALL_BUFFER)?;
        }
        socket.bind(([127, 0, 0, 1], 0).into())?;
        let listener = {
            let _entered = runtime.enter();
            socket.listen(1024)?
        };
        let port = listener.local_addr()?.port();
        let (cut, _) = broadcast::channel(16);
        let cuts = cut.clone();
        thread::Builder::new()
            .name("proxy".into())
            .spawn(move || runtime.block_on(accept(listener, server, duplex, cuts)))?;
        Ok(Self { port, cut })
    }

    /// Closes every connection of this moment, on both sides: the client sees FIN, or RST if it has bytes under way.
    /// New connections are taken at once.
    pub(crate) fn cut(&self) {
        // An error says that there is no connection to cut.
        let _ = self.cut.send(());
    }
}

async fn accept(listener: TcpListener, server: u16, duplex: Duplex, cuts: broadcast::Sender<()>) {
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        tokio::spawn(carry(client, server, duplex, cuts.subscribe()));
    }
}

async fn carry(mut client: TcpStream, server: u16, duplex: Duplex, mut cut: broadcast::Receiver<()>) {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", server)).await else { return };
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    let forward = async {
        // An error ends the connection like an end of the stream.
        let _ = match duplex {
            Duplex::Full => copy_bidirectional(&mut client, &mut server).await.map(drop),
            Duplex::Half => take_turns(&mut client, &mut server).await,
        };
    };
    tokio::select! {
        () = forward => {}
        _ = cut.recv() => {}
    }
}

async fn take_turns(client: &mut TcpStream, server: &mut TcpStream) -> io::Result<()> {
    let (mut requests, mut replies) = (vec![0; CHUNK], vec![0; CHUNK]);
    loop {
        tokio::select! {
            n = client.read(&mut requests) => match n? {
                0 => return Ok(()),
                n => server.write_all(&requests[..n]).await?,
            },
            n = server.read(&mut replies) => match n? {
                0 => return Ok(()),
                n => client.write_all(&replies[..n]).await?,
            },
        }
    }
}

const CHUNK: usize = 64 * 1024;
const SMALL_BUFFER: u32 = 256 * 1024;
