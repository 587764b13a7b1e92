//! Serves the second connection that a session wants while the first one is in doubt.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::io::AsyncWrite;

use super::mailbox::Ticket;
use super::socket::{self, Destination, Socket};
use crate::connection::Session;
use crate::outcome::Cause;

/// Dials, writes and reads, as far as that goes without waiting. What was read the session looks at by itself.
pub(super) fn serve(
    socket: &mut Socket,
    session: &mut Session<Ticket>,
    destination: &Arc<Destination>,
    cx: &mut Context<'_>,
    now: Instant,
) {
    if !session.standby().is_active() {
        socket.hang_up(cx);
        return;
    }
    if session.poll_standby_dial(now) {
        *socket = Socket::dial(destination);
    }
    let dialed = socket.poll_dialed(cx);
    if let Socket::Dialing(_, progress) = socket {
        session.standby().handle_stage(progress.standing().stage);
    }
    match dialed {
        Poll::Ready(Ok(facts)) => session.handle_standby_dialed(facts),
        Poll::Ready(Err(cause)) => session.handle_standby_lost(cause, now),
        Poll::Pending => {}
    }
    if let Err(cause) = exchange(socket, session, cx) {
        *socket = Socket::None;
        session.handle_standby_lost(cause, now);
    }
}

fn exchange(socket: &mut Socket, session: &mut Session<Ticket>, cx: &mut Context<'_>) -> Result<(), Cause> {
    let Socket::Open(stream) = socket else { return Ok(()) };
    let standby = session.standby();
    loop {
        match socket::poll_write(stream, cx, |slices| standby.poll_transmit(slices)) {
            Poll::Ready(Ok(0)) => break,
            Poll::Ready(Ok(taken)) => standby.handle_written(taken),
            Poll::Ready(Err(error)) => return Err(stream.explain_error(&error)),
            Poll::Pending => break,
        }
    }
    if let Poll::Ready(Err(error)) = Pin::new(&mut *stream).poll_flush(cx) {
        return Err(stream.explain_error(&error));
    }
    while let Some(buffer) = standby.read_buffer() {
        match socket::poll_read(stream, buffer, cx) {
            Poll::Ready(outcome) => {
                outcome?;
            }
            Poll::Pending => break,
        }
    }
    Ok(())
}
