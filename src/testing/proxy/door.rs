//! The proxy's port: open, with nobody at the door, or closed.

use std::io;
use std::mem;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// The proxy's port. It stays the proxy's own in all states, as far as the system allows.
#[derive(Debug)]
pub(crate) struct Door {
    address: SocketAddr,
    state: Mutex<(DoorState, Option<Waker>)>,
}

#[derive(Debug)]
enum DoorState {
    Open(TcpListener),
    /// Connections wait in the system's backlog.
    Paused(TcpListener),
    /// Connections are refused. The socket holds the port without listening, so that the system gives it to nobody else.
    Refusing(TcpSocket),
    /// Connections are refused, and the port is anybody's.
    Shut,
}

impl Door {
    pub(crate) fn new(listener: TcpListener) -> io::Result<Self> {
        Ok(Door { address: listener.local_addr()?, state: Mutex::new((DoorState::Open(listener), None)) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next connection. For one task only.
    pub(crate) fn poll_accept(&self, context: &mut Context<'_>) -> Poll<io::Result<TcpStream>> {
        let mut state = self.lock();
        state.1 = Some(context.waker().clone());
        match &state.0 {
            DoorState::Open(listener) => listener.poll_accept(context).map_ok(|(stream, _)| stream),
            DoorState::Paused(_) | DoorState::Refusing(_) | DoorState::Shut => Poll::Pending,
        }
    }

    pub(crate) fn pause(&self) {
        let mut state = self.lock();
        state.0 = match mem::replace(&mut state.0, DoorState::Shut) {
            DoorState::Open(listener) => DoorState::Paused(listener),
            other => other,
        };
    }

    pub(crate) fn resume(&self) {
        let mut state = self.lock();
        state.0 = match mem::replace(&mut state.0, DoorState::Shut) {
            DoorState::Paused(listener) => DoorState::Open(listener),
            other => other,
        };
        wake(state);
    }

    /// Closes the port: connections that wait are reset, new ones refused.
    pub(crate) fn refuse(&self) {
        let mut state = self.lock();
        if let DoorState::Open(listener) | DoorState::Paused(listener) = mem::replace(&mut state.0, DoorState::Shut) {
            // It must be gone before its port can be had again.
            drop(listener);
        }
        if let Ok(socket) = bind(self.address) {
            state.0 = DoorState::Refusing(socket);
        }
    }

    /// Opens the port, whatever it was. To be called on a runtime.
    pub(crate) fn open(&self) -> io::Result<()> {
        let mut state = self.lock();
        state.0 = match mem::replace(&mut state.0, DoorState::Shut) {
            DoorState::Open(listener) | DoorState::Paused(listener) => DoorState::Open(listener),
            DoorState::Refusing(socket) => DoorState::Open(socket.listen(BACKLOG)?),
            DoorState::Shut => DoorState::Open(bind(self.address)?.listen(BACKLOG)?),
        };
        wake(state);
        Ok(())
    }

    /// Closes the port for good.
    pub(crate) fn shut(&self) {
        self.lock().0 = DoorState::Shut;
    }

    fn lock(&self) -> MutexGuard<'_, (DoorState, Option<Waker>)> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake(mut state: MutexGuard<'_, (DoorState, Option<Waker>)>) {
    let waker = state.1.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // Connections of the listener before may still be there.
    socket.set_reuseaddr(cfg!(unix))?;
    socket.bind(address)?;
    Ok(socket)
}

const BACKLOG: u32 = 1024;
