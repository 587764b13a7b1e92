//! Taking connections in.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::DuplexStream;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::connection::{Hub, serve};

/// Whether new connections are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    Open,
    /// New connections wait: TCP ones in the kernel's backlog.
    Closed,
}

/// The two doors of the server.
#[derive(Debug)]
pub(crate) struct Doors {
    pub(crate) listener: TcpListener,
    pub(crate) pipes: UnboundedReceiver<DuplexStream>,
    pub(crate) gate: watch::Receiver<Gate>,
}

enum Event {
    Tcp(TcpStream),
    Pipe(DuplexStream),
    Gate,
    /// The listener has failed for the moment, out of file descriptors perhaps.
    Failed,
}

/// Serves whoever comes, until the future is dropped; all connections end with it.
pub(crate) async fn accept(hub: Arc<Hub>, mut doors: Doors) {
    let mut connections = JoinSet::new();
    loop {
        match doors.next(&mut connections).await {
            Event::Tcp(stream) => {
                // Without it replies may be late by 40 ms; nothing worse.
                let _ = stream.set_nodelay(true);
                connections.spawn(serve(Arc::clone(&hub), stream));
            }
            Event::Pipe(stream) => {
                connections.spawn(serve(Arc::clone(&hub), stream));
            }
            Event::Gate => {}
            Event::Failed => tokio::time::sleep(PAUSE_AFTER_FAILURE).await,
        }
    }
}

impl Doors {
    async fn next(&mut self, connections: &mut JoinSet<()>) -> Event {
        let gate = *self.gate.borrow_and_update();
        let (listener, pipes) = (&self.listener, &mut self.pipes);
        let mut gate_moved = pin!(self.gate.changed());
        poll_fn(|context| {
            while let Poll::Ready(Some(_)) = connections.poll_join_next(context) {}
            match gate_moved.as_mut().poll(context) {
                Poll::Ready(_) => Poll::Ready(Event::Gate),
                Poll::Pending if gate == Gate::Open => arrival(listener, pipes, context),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }
}

fn arrival(
    listener: &TcpListener,
    pipes: &mut UnboundedReceiver<DuplexStream>,
    context: &mut Context<'_>,
) -> Poll<Event> {
    if let Poll::Ready(Some(stream)) = pipes.poll_recv(context) {
        return Poll::Ready(Event::Pipe(stream));
    }
    match listener.poll_accept(context) {
        Poll::Ready(Ok((stream, _))) => Poll::Ready(Event::Tcp(stream)),
        Poll::Ready(Err(_)) => Poll::Ready(Event::Failed),
        Poll::Pending => Poll::Pending,
    }
}

const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(10);
