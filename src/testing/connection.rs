//! One connection: commands in, replies and pushes out.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::sync::Notify;

use crate::resp::Value;

use super::blocking;
use super::client::{Client, Phase};
use super::commands::Commands;
use super::dispatch;
use super::script::{Action, Next, Source};
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
    async fn handle(&self, client: u64, command: Vec<Bytes>) -> Progress {
        let source = {
            let mut state = self.lock();
            state.received.push((client, command.clone()));
            match state.script.source(&command) {
                Source::BuiltIn => {
                    dispatch::run(&mut state, client, command);
                    self.news.notify_waiters();
                    return state.client(client).into();
                }
                scripted => scripted,
            }
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
        state.client(client).into()
    }
}

/// How a connection goes on after a command.
enum Progress {
    Ready,
    /// After the wait, which has this timeout.
    Blocked(Option<Duration>),
    Over,
}

impl From<&mut Client> for Progress {
    fn from(client: &mut Client) -> Self {
        match (client.phase, &client.blocked) {
            (Phase::Draining, _) => Progress::Over,
            (Phase::Open, Some(blocked)) => Progress::Blocked(blocked.timeout()),
            (Phase::Open, None) => Progress::Ready,
        }
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
                Progress::Ready => {}
                Progress::Blocked(timeout) => {
                    if let Wait::ClientLeft = wait(hub, id, timeout, &mut reader, &mut buffer).await {
                        return;
                    }
                }
                Progress::Over => return,
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

/// How the wait in a blocking command ended.
enum Wait {
    Answered,
    ClientLeft,
}

/// Waits until the client's blocking command is answered. Meanwhile reads on, to notice when the client leaves.
async fn wait(
    hub: &Hub,
    id: u64,
    timeout: Option<Duration>,
    reader: &mut (impl AsyncRead + Unpin),
    buffer: &mut BytesMut,
) -> Wait {
    let released = {
        let mut state = hub.lock();
        // Earlier replies are not held back.
        state.client(id).wake.notify_one();
        Arc::clone(&state.client(id).released)
    };
    let mut deadline = pin!(tokio::time::sleep(timeout.unwrap_or(Duration::MAX)));
    while hub.lock().client(id).blocked.is_some() {
        let mut released = pin!(released.notified());
        buffer.reserve(READ_SIZE);
        let mut reading = pin!(reader.read_buf(buffer));
        let event = poll_fn(|context| {
            if released.as_mut().poll(context).is_ready() {
                return Poll::Ready(Event::Released);
            }
            if deadline.as_mut().poll(context).is_ready() {
                return Poll::Ready(Event::TimedOut);
            }
            reading.as_mut().poll(context).map(|read| match read {
                Ok(0) | Err(_) => Event::Left,
                Ok(_) => Event::Read,
            })
        });
        match event.await {
            Event::Released | Event::Read => {}
            Event::TimedOut => blocking::time_out(hub.lock().client(id)),
            Event::Left => return Wait::ClientLeft,
        }
    }
    Wait::Answered
}

/// What happens to a client that waits.
enum Event {
    Released,
    TimedOut,
    Read,
    Left,
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

#[cfg(test)]
mod tests {
    use super::super::probe::{Probe, patiently};
    use super::super::{Answer, FakeServer};
    use super::*;

    #[tokio::test]
    async fn a_pipelined_batch_is_answered_in_order_and_in_any_pieces() {
        let server = FakeServer::start().await.unwrap();
        let mut probe = Probe::tcp(&server).await;
        let batch = b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\na\r\nb\r\nPING\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
        let answers = "+OK\r\n+PONG\r\n$4\r\na\r\nb\r\n";
        probe.send(batch).await;
        probe.expect(answers).await;
        for byte in batch {
            probe.send([*byte]).await;
            tokio::task::yield_now().await;
        }
        probe.expect(answers).await;
    }

    #[tokio::test]
    async fn a_large_pipeline_neither_deadlocks_nor_loses_a_reply() {
        let server = FakeServer::start().await.unwrap();
        let pipe = server.connector().open().unwrap();
        let (mut reader, mut writer) = tokio::io::split(pipe);
        let value = "x".repeat(1000);
        server.run(["SET".to_owned(), "k".to_owned(), value.clone()]);
        // All requests first: 10 MB of answers pile up in the server, as in a real one.
        writer.write_all("GET k\r\n".repeat(10_000).as_bytes()).await.unwrap();
        let mut answers = vec![0; 10_000 * (value.len() + 9)];
        patiently(reader.read_exact(&mut answers)).await.expect("all answers").unwrap();
        assert!(answers.ends_with(b"x\r\n"));
    }

    #[tokio::test]
    async fn garbage_ends_the_connection_with_an_error_and_nothing_else() {
        let server = FakeServer::start().await.unwrap();
        let mut bystander = Probe::tcp(&server).await;
        bystander.ask("PING", "+PONG\r\n").await;
        for garbage in [&b"*1\r\n:5\r\n"[..], b"*9999999999\r\n", b"*1\r\n$-5\r\n", b"*x\r\n", b"*1\r\n$4\r\nPINGxx"] {
            let mut probe = Probe::tcp(&server).await;
            probe.send(garbage).await;
            let mut answer = Vec::new();
            patiently(probe.0.read_to_end(&mut answer)).await.expect("an end").unwrap();
            assert!(answer.starts_with(b"-ERR Protocol error"), "{}", answer.escape_ascii());
        }
        bystander.ask("PING", "+PONG\r\n").await;
    }

    #[tokio::test]
    async fn no_input_makes_the_server_panic() {
        let server = FakeServer::start().await.unwrap();
        let words = [
            "*2\r\n",
            "$3\r\nGET\r\n",
            "$1\r\nk\r\n",
            "SET k\r\n",
            ">1\r\n",
            "|1\r\n",
            "\0",
            "$?\r\n",
            "*?\r\n",
            "EVAL x\r\n",
        ];
        let mut seed = 1_u32;
        for _ in 0..300 {
            let mut probe = Probe(server.connector().open().unwrap());
            let mut input = Vec::new();
            for _ in 0..20 {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                input.extend_from_slice(words[(seed >> 16) as usize % words.len()].as_bytes());
            }
            // The server may have closed before it has read everything.
            let _ = probe.0.write_all(&input).await;
            let _ = probe.0.shutdown().await;
            let mut answer = Vec::new();
            patiently(probe.0.read_to_end(&mut answer)).await.expect("an end").unwrap();
        }
        patiently(server.wait_for_clients(0)).await.expect("all gone");
    }

    #[tokio::test]
    async fn what_was_asked_before_the_client_closed_its_side_is_still_answered() {
        let server = FakeServer::start().await.unwrap();
        let mut probe = Probe::tcp(&server).await;
        probe.send("PING\r\nPING\r\nPI").await;
        probe.0.shutdown().await.unwrap();
        probe.expect("+PONG\r\n+PONG\r\n").await;
        probe.expect_end().await;
    }

    #[tokio::test]
    async fn quit_is_the_last_command_that_is_answered() {
        let server = FakeServer::start().await.unwrap();
        let mut probe = Probe::tcp(&server).await;
        probe.ask("PING\r\nQUIT\r\nSET k v", "+PONG\r\n+OK\r\n").await;
        probe.expect_end().await;
        assert_eq!(server.run(["EXISTS", "k"]), Value::Integer(0));
    }

    #[tokio::test]
    async fn scripted_answers_replace_the_built_in_ones() {
        let server = FakeServer::start().await.unwrap();
        let mut probe = Probe::tcp(&server).await;
        server.on("FT.SEARCH", |command| Value::Integer(command.len() as i64));
        server.reply_once("GET", Value::Map(vec![(Value::simple("a"), Value::Double(1.5))]));
        server.reply_once("get", Answer::raw("!broken"));
        server.reply_once("CLIENT ID", Answer::silence());
        probe.ask("ft.search idx q", ":3\r\n").await;
        probe.ask("GET k", "*2\r\n+a\r\n$3\r\n1.5\r\n").await;
        probe.ask("GET k", "!broken").await;
        probe.ask("CLIENT ID\r\nCLIENT ID", ":1\r\n").await;
        probe.ask("GET k", "$-1\r\n").await;
        server.off("FT.SEARCH");
        probe.ask("FT.SEARCH", "-ERR unknown command 'FT.SEARCH', with args beginning with: \r\n").await;
    }

    #[tokio::test]
    async fn a_function_may_use_the_server() {
        let server = Arc::new(FakeServer::start().await.unwrap());
        let inside = Arc::downgrade(&server);
        server.on("BUMP", move |command| match inside.upgrade() {
            Some(server) => server.run([Bytes::from("INCR"), command[1].clone()]),
            None => Value::null(),
        });
        let mut probe = Probe::tcp(&server).await;
        probe.ask("BUMP n\r\nBUMP n", ":1\r\n:2\r\n").await;
    }

    #[tokio::test]
    async fn a_connection_can_be_closed_in_place_of_or_after_an_answer() {
        let server = FakeServer::start().await.unwrap();
        server.reply_once("GET", Answer::close());
        server.reply_once("INCR", Answer::built_in().then_close());
        server.reply_once("MGET", Answer::raw("*2\r\n$1").then_close());
        for (command, answer) in
            [("GET k", "+PONG\r\n"), ("INCR k", "+PONG\r\n:1\r\n"), ("MGET k", "+PONG\r\n*2\r\n$1")]
        {
            let mut probe = Probe::tcp(&server).await;
            probe.ask(&format!("PING\r\n{command}\r\nSET never done"), answer).await;
            probe.expect_end().await;
        }
        assert_eq!(server.run(["EXISTS", "never"]), Value::Integer(0));
    }

    #[tokio::test]
    async fn a_late_answer_holds_up_its_own_connection_only() {
        let server = FakeServer::start().await.unwrap();
        let (mut slow, mut other) = (Probe::tcp(&server).await, Probe::tcp(&server).await);
        slow.ask("HELLO 3\r\nSUBSCRIBE c", "%7\r\n").await;
        let mut rest = [0; 1024];
        patiently(slow.0.read(&mut rest)).await.unwrap().unwrap();
        server.reply_with_delay("GET", Duration::from_secs(3600), Answer::built_in());
        slow.ask("PING\r\nGET k\r\nPING", "+PONG\r\n").await;
        other.ask("PUBLISH c m", ":1\r\n").await;
        slow.expect(">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n").await;
        assert!(slow.is_quiet().await);
        tokio::time::pause();
        tokio::time::advance(Duration::from_secs(3600)).await;
        tokio::time::resume();
        slow.expect("_\r\n+PONG\r\n").await;
    }

    #[tokio::test]
    async fn in_a_transaction_a_scripted_error_spoils_it_and_a_value_waits_for_exec() {
        let server = FakeServer::start().await.unwrap();
        let mut probe = Probe::tcp(&server).await;
        server.reply_once("JSON.GET", Value::bulk("{}"));
        probe
            .ask("MULTI\r\nJSON.GET d\r\nPING\r\nEXEC", "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n$2\r\n{}\r\n+PONG\r\n")
            .await;
        server.reply_once("SET", Value::error("MOVED 1 127.0.0.1:7000"));
        probe.ask("MULTI\r\nSET k v\r\nEXEC", "+OK\r\n-MOVED 1 127.0.0.1:7000\r\n-EXECABORT").await;
    }
}
