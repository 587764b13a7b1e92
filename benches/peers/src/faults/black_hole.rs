//! A port to which connects neither succeed nor fail: nothing comes back.

use std::{io, net::Ipv4Addr, time::Duration};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    time::timeout,
};

/// A listener that takes no connections and whose queue is full, so that the system drops what comes.
pub(super) struct BlackHole {
    pub(super) port: u16,
    _listener: TcpListener,
    _queue: Vec<TcpStream>,
}

impl BlackHole {
    pub(super) async fn new() -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let listener = socket.listen(0)?;
        let port = listener.local_addr()?.port();
        let mut queue = Vec::new();
        while let Ok(stream) = timeout(SILENT, TcpStream::connect((Ipv4Addr::LOCALHOST, port))).await {
            queue.push(stream?);
        }
        Ok(Self { port, _listener: listener, _queue: queue })
    }
}

/// A connect on this machine that takes longer is not answered at all.
const SILENT: Duration = Duration::from_millis(200);
