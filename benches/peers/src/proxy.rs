//! A TCP proxy in front of the server whose connections can be cut.

use std::{io, thread};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    runtime::Builder,
    sync::broadcast,
};

/// Runs on a thread and a runtime of its own, so that a busy client doesn't slow it down.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    cut: broadcast::Sender<()>,
}

impl Proxy {
    pub(crate) fn start(server: u16) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let port = listener.local_addr()?.port();
        let (cut, _) = broadcast::channel(16);
        let cuts = cut.clone();
        thread::Builder::new().name("proxy".into()).spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(accept(listener, server, cuts));
        })?;
        Ok(Self { port, cut })
    }

    /// Closes every connection of this moment, on both sides: the client sees FIN, or RST if it has bytes under way.
    /// New connections are taken at once.
    pub(crate) fn cut(&self) {
        // An error says that there is no connection to cut.
        let _ = self.cut.send(());
    }
}

async fn accept(listener: std::net::TcpListener, server: u16, cuts: broadcast::Sender<()>) {
    let listener = TcpListener::from_std(listener).expect("a listener");
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        tokio::spawn(carry(client, server, cuts.subscribe()));
    }
}

async fn carry(mut client: TcpStream, server: u16, mut cut: broadcast::Receiver<()>) {
    let Ok(mut server) = TcpStream::connect(("127.0.0.1", server)).await else { return };
    let _ = client.set_nodelay(true);
    let _ = server.set_nodelay(true);
    tokio::select! {
        _ = copy_bidirectional(&mut client, &mut server) => {}
        _ = cut.recv() => {}
    }
}
