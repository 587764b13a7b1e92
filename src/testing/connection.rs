//! One connection: commands in, replies and pushes out.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Notify;

use crate::resp::Value;

use super::client::Phase;
use super::commands::Commands;
use super::dispatch;
use super::script::{Action, Next};
use super::state::State;

/// What all connections and the test share.
#[derive(Debug)]
pub(crate) struct Hub {
    state: Mutex<State>,
    /// Signalled after every command received and every connection accepted or ended.
    pub(crate) news: Notify,
}

impl Hub {
    pub(crate) fn new(state: State) -> Self {
        Hub { state: Mutex::new(state), news: Notify::new() }
    }

    /// The state. Not to be held while a test's function runs, nor over an await.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what there is to do about one command, and says how the connection goes on.
    async fn handle(&self, client: u64, command: Vec<Bytes>) -> Phase {
        let source = {
            let mut state = self.lock();
            state.received.push((client, command.clone()));
            state.script.source(&command)
        };
        self.news.notify_waiters();
        let answer = source.answer(&command);
        if !answer.delay.is_zero() {
            // Earlier replies are not held back.
            self.lock().client(client).wake.notify_one();
            tokio::time::sleep(answer.delay).await;
        }
        let mut state = self.lock();
        match answer.action {
            Action::BuiltIn => dispatch::run(&mut state, client, command),
            Action::Value(value) => dispatch::answer(&mut state, client, value),
            Action::Raw(bytes) => state.client(client).outbox.extend_from_slice(&bytes),
            Action::Silence => {}
        }
        if answer.next == Next::Close {
            state.client(client).drain();
        }
        state.client(client).phase
    }
}

/// Serves one client until it leaves or is told to.
pub(crate) async fn serve(hub: Arc<Hub>, stream: impl AsyncRead + AsyncWrite) {
    let (id, wake, killed) = {
        let mut state = hub.lock();
        let id = state.admit();
        let client = state.client(id);
        (id, Arc::clone(&client.wake), Arc::clone(&client.killed))
    };
    let _departure = Departure { hub: &hub, id };
    hub.news.notify_waiters();
    let (reader, writer) = tokio::io::split(stream);
    let mut reading = pin!(async {
        read_commands(&hub, id, reader).await;
        // What is left to say goes out before the connection ends, which is up to the writing side.
        hub.lock().client(id).drain();
        pending::<()>().await;
    });
    let mut writing = pin!(write_outbox(&hub, id, &wake, writer));
    let mut killed = pin!(killed.notified());
    poll_fn(|context| {
        let ended = killed.as_mut().poll(context).is_ready()
            || reading.as_mut().poll(context).is_ready()
            || writing.as_mut().poll(context).is_ready();
        if ended { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Handles commands until the client has no more, or must not be heard any more.
async fn read_commands(hub: &Hub, id: u64, mut reader: impl AsyncRead + Unpin) {
    let (mut commands, mut buffer) = (Commands::new(), BytesMut::new());
    loop {
        match commands.next(&mut buffer) {
            Ok(Some(command)) => match hub.handle(id, command).await {
                Phase::Open => {}
                Phase::Draining => return,
            },
            Ok(None) => {
                hub.lock().client(id).wake.notify_one();
                buffer.reserve(READ_SIZE.max(commands.needed().min(buffer.len())));
                match reader.read_buf(&mut buffer).await {
                    Ok(0) | Err(_) => return,
                    Ok(_) => {}
                }
            }
            Err(failure) => return hub.lock().client(id).write(&Value::SimpleError(failure.line())),
        }
    }
}

/// Writes what is in the outbox, all of it at a time, until the connection has nothing more to say.
async fn write_outbox(hub: &Hub, id: u64, wake: &Notify, mut writer: impl AsyncWrite + Unpin) {
    loop {
        let (bytes, phase) = {
            let mut state = hub.lock();
            let client = state.client(id);
            (std::mem::take(&mut client.outbox), client.phase)
        };
        if !bytes.is_empty() {
            if writer.write_all(&bytes).await.is_err() || writer.flush().await.is_err() {
                return;
            }
            continue;
        }
        match phase {
            Phase::Open => wake.notified().await,
            Phase::Draining => {
                // The connection is over, whether or not the peer gets to know.
                let _ = writer.shutdown().await;
                return;
            }
        }
    }
}

/// Takes the client off the list, also when its task is aborted.
struct Departure<'a> {
    hub: &'a Hub,
    id: u64,
}

impl Drop for Departure<'_> {
    fn drop(&mut self) {
        self.hub.lock().clients.remove(&self.id);
        self.hub.news.notify_waiters();
    }
}

/// Bytes asked for in one read.
const READ_SIZE: usize = 16 << 10;
