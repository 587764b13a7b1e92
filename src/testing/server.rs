//! The fake server as a test holds it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::resp::{Protocol, Value};

use super::accept::{Doors, Gate, accept};
use super::builder::FakeServerBuilder;
use super::connection::Hub;
use super::pipe::PipeConnector;
use super::script::Answer;
use super::state::State;

/// A Redis server inside the test's own process.
///
/// It keeps strings, hashes, lists, sets and sorted sets in sixteen databases, knows expiry, transactions, commands that
/// wait for an element, and publish/subscribe, and speaks RESP2 and RESP3 over TCP on a free port of 127.0.0.1 and over in-memory
/// [pipes](Self::connector). It answers with the types and error texts of the real ones. What it does not know, or
/// should do wrong, is [scripted](Self::on).
///
/// It is repeatable where a real server is not: SPOP, SRANDMEMBER and RANDOMKEY take the oldest element, and keys, fields
/// and members are listed in order of insertion. Other differences: INCRBYFLOAT is exact where a server rounds to 80
/// bits, doubles are written as shortly as they can be, a pushed element of the wrong type leaves a waiting client
/// waiting, and ZRANGE has no BYLEX. Streams, scripts, bitmaps, geo sets, ACLs, clusters, replication and client tracking
/// are not there: a client with the URL of a cluster, or of Sentinels, finds nothing here.
///
/// Every command received is kept, so a server is meant for one test and not for hours. Dropping it closes its port
/// and its connections and ends its tasks.
///
/// ```
/// use std::time::Duration;
/// use steadfast::resp::Value;
/// use steadfast::testing::{Answer, FakeServer};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let server = FakeServer::start().await?;
/// server.run(["SET", "greeting", "hello", "EX", "60"]);
/// server.on("FT.SEARCH", |command| Value::Array(vec![Value::Integer(command.len() as i64)]));
/// server.reply_once("GET", Value::error("LOADING Redis is loading the dataset in memory"));
///
/// // Stands for the client under test, which connects to `server.address()`.
/// let mut client = tokio::net::TcpStream::connect(server.address()).await?;
/// client.write_all(b"GET greeting\r\nGET greeting\r\nFT.SEARCH index query\r\n").await?;
/// let expected = b"-LOADING Redis is loading the dataset in memory\r\n$5\r\nhello\r\n*1\r\n:3\r\n";
/// let mut answers = vec![0; expected.len()];
/// client.read_exact(&mut answers).await?;
/// assert_eq!(answers, expected);
///
/// server.advance(Duration::from_secs(60));
/// assert_eq!(server.run(["EXISTS", "greeting"]), Value::Integer(0));
/// assert_eq!(server.received().len(), 3);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct FakeServer {
    pub(crate) hub: Arc<Hub>,
    address: SocketAddr,
    connector: PipeConnector,
    gate: watch::Sender<Gate>,
    accepting: AbortHandle,
}

impl FakeServer {
    /// A server that wants no password, on the tokio runtime that runs this.
    ///
    /// # Errors
    /// If no port on 127.0.0.1 can be bound.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// A server to be set up first.
    pub fn builder() -> FakeServerBuilder {
        FakeServerBuilder::new()
    }

    pub(crate) async fn bind(setup: FakeServerBuilder) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (pipe_sender, pipes) = mpsc::unbounded_channel();
        let (gate, gate_receiver) = watch::channel(Gate::Open);
        let hub = Arc::new(Hub::new(State::new(setup.accounts, setup.persona)));
        let doors = Doors { listener, pipes, gate: gate_receiver };
        let accepting = tokio::spawn(accept(Arc::clone(&hub), doors)).abort_handle();
        Ok(FakeServer { hub, address, connector: PipeConnector::new(pipe_sender), gate, accepting })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The port on 127.0.0.1 where it listens.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// `redis://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// The way to this server without a socket.
    pub fn connector(&self) -> PipeConnector {
        self.connector.clone()
    }

    /// Runs a command in database 0, as a RESP3 client that may do everything, to prepare or to look at what the server
    /// holds. It is not scripted, and not among the commands [received](Self::received). A command that answers
    /// nothing, or would wait, gives a null; one that answers several values gives the first.
    pub fn run<I>(&self, command: I) -> Value
    where
        I: IntoIterator,
        I::Item: Into<Bytes>,
    {
        self.hub.lock().run(command.into_iter().map(Into::into).collect())
    }

    /// Moves the clock that keys expire by. It also goes on by itself.
    pub fn advance(&self, by: Duration) {
        self.hub.lock().clock.advance(by);
    }

    /// From now on `command` (one word, or two as in `CONFIG GET`; in any case) is answered by this function, whether
    /// the server knows it or not. It gets the whole command, its name first, and may use the server. Calls to
    /// one function never overlap.
    ///
    /// Inside a transaction it is asked when the command is queued. An error is given at once and spoils the
    /// transaction, as a server's refusals do; any other value takes its place in the reply to EXEC.
    pub fn on<F, A>(&self, command: &str, mut answer: F)
    where
        F: FnMut(&[Bytes]) -> A + Send + 'static,
        A: Into<Answer>,
    {
        let handler = Arc::new(Mutex::new(move |command: &[Bytes]| answer(command).into()));
        self.hub.lock().script.set(command, handler);
    }

    /// The next `command` is answered so; it goes before a function given to [`on`](Self::on). Several are used in order.
    pub fn reply_once(&self, command: &str, answer: impl Into<Answer>) {
        self.hub.lock().script.push(command, answer.into());
    }

    /// The next `command` is answered so, but only after `delay`; see [`Answer::after`]. With
    /// [`Answer::built_in`] it is the usual answer that comes late.
    pub fn reply_with_delay(&self, command: &str, delay: Duration, answer: impl Into<Answer>) {
        self.reply_once(command, answer.into().after(delay));
    }

    /// Forgets what was scripted for `command`.
    pub fn off(&self, command: &str) {
        self.hub.lock().script.remove(command);
    }

    /// Changes the password of the user `default`, or requires none. Clients that are logged in stay so.
    pub fn set_password(&self, password: Option<&str>) {
        self.hub.lock().accounts.password = password.map(str::to_owned);
    }

    /// Sends a push (`Value::Push`) to every client that speaks RESP3, and says how many these are.
    ///
    /// # Errors
    /// If the value is something else: a client would take it for a reply.
    pub fn push(&self, push: Value) -> Result<usize, NotAPush> {
        if !matches!(&push, Value::Push(elements) if !elements.is_empty()) {
            return Err(NotAPush);
        }
        let mut state = self.hub.lock();
        let mut clients = 0;
        for client in state.clients.values_mut().filter(|client| client.protocol == Protocol::Resp3) {
            client.write(&push);
            client.wake.notify_one();
            clients += 1;
        }
        Ok(clients)
    }

    /// Closes all connections at once, whatever is unsent, and says how many there were. New ones are accepted.
    pub fn kill_connections(&self) -> usize {
        let state = self.hub.lock();
        state.clients.values().for_each(|client| client.killed.notify_one());
        state.clients.len()
    }

    /// Closes the connection with this id, whatever is unsent. `false` if there is none.
    pub fn kill_connection(&self, id: u64) -> bool {
        let state = self.hub.lock();
        let client = state.clients.get(&id);
        client.inspect(|client| client.killed.notify_one()).is_some()
    }

    /// Leaves new connections waiting, until [`resume_accept`](Self::resume_accept): TCP connects (the kernel does that),
    /// and then nothing is read. Connections that are there go on.
    pub fn pause_accept(&self) {
        self.gate.send_replace(Gate::Closed);
    }

    /// Serves the connections that have waited, and new ones.
    pub fn resume_accept(&self) {
        self.gate.send_replace(Gate::Open);
    }
}

impl Drop for FakeServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The value given to [`FakeServer::push`] is no push, or one without elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAPush;

impl std::fmt::Display for NotAPush {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("only a push with at least one element can be sent unasked")
    }
}

impl std::error::Error for NotAPush {}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::super::probe::{Probe, patiently};
    use super::*;

    #[tokio::test]
    async fn tcp_and_pipes_lead_to_the_same_data() {
        let server = FakeServer::start().await.unwrap();
        let mut tcp = Probe::tcp(&server).await;
        let mut pipe = Probe(server.connector().open().unwrap());
        tcp.ask("SET k v", "+OK\r\n").await;
        pipe.ask("GET k", "$1\r\nv\r\n").await;
        assert_eq!(server.run(["GET", "k"]), Value::bulk("v"));
        assert_eq!(server.connections(), 2);
    }

    #[tokio::test]
    async fn commands_are_kept_per_connection_and_can_be_waited_for() {
        let server = FakeServer::start().await.unwrap();
        let (mut one, mut two) = (Probe::tcp(&server).await, Probe(server.connector().open().unwrap()));
        one.ask("HELLO 3 SETNAME one", "%7\r\n").await;
        two.ask("GET a", "$-1\r\n").await;
        one.send("get b\r\n").await;
        patiently(server.wait_for_command("GET", 2)).await.expect("received");
        assert_eq!(server.received().len(), 3);
        let named = server.clients().into_iter().find(|client| client.name == "one").unwrap();
        assert_eq!(named.protocol, Protocol::Resp3);
        assert_eq!(server.received_from(named.id)[1], ["get", "b"]);
        server.clear_received();
        assert_eq!(server.times_received("GET"), 0);
        drop((one, two));
        patiently(server.wait_for_clients(0)).await.expect("gone");
    }

    #[tokio::test]
    async fn killed_connections_end_at_once_and_new_ones_are_served() {
        let server = FakeServer::start().await.unwrap();
        let (mut one, mut two) = (Probe::tcp(&server).await, Probe(server.connector().open().unwrap()));
        one.ask("PING", "+PONG\r\n").await;
        two.ask("PING", "+PONG\r\n").await;
        // Not even a writer that is stuck keeps a connection.
        server.run(["SET".to_owned(), "big".to_owned(), "x".repeat(1 << 20)]);
        two.send("GET big\r\n").await;
        patiently(server.wait_for_command("GET", 1)).await.expect("received");
        assert_eq!(server.kill_connections(), 2);
        one.expect_end().await;
        patiently(server.wait_for_clients(0)).await.expect("gone");
        assert!(!server.kill_connection(1));
        let mut three = Probe::tcp(&server).await;
        three.ask("CLIENT ID", ":3\r\n").await;
        assert!(server.kill_connection(3));
        three.expect_end().await;
    }

    #[tokio::test]
    async fn a_password_can_come_later() {
        let server = FakeServer::builder().with_user("alice", "wonder").start().await.unwrap();
        let mut early = Probe::tcp(&server).await;
        early.ask("PING", "+PONG\r\n").await;
        server.set_password(Some("sesame"));
        let mut late = Probe::tcp(&server).await;
        late.ask("PING", "-NOAUTH Authentication required.\r\n").await;
        late.ask("AUTH alice wonder\r\nPING", "+OK\r\n+PONG\r\n").await;
        early.ask("PING", "+PONG\r\n").await;
    }

    #[tokio::test]
    async fn pushes_go_to_resp3_clients_only() {
        let server = FakeServer::start().await.unwrap();
        let (mut old, mut new) = (Probe::tcp(&server).await, Probe::tcp(&server).await);
        old.ask("PING", "+PONG\r\n").await;
        new.ask("HELLO 3", "%7\r\n").await;
        let mut rest = [0; 1024];
        patiently(tokio::io::AsyncReadExt::read(&mut new.0, &mut rest)).await.unwrap().unwrap();
        let push = Value::Push(vec![Value::bulk("invalidate"), Value::Array(vec![Value::bulk("k")])]);
        assert_eq!(server.push(push), Ok(1));
        new.expect(">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n").await;
        assert!(old.is_quiet().await);
        assert_eq!(server.push(Value::Array(vec![Value::null()])), Err(NotAPush));
        assert_eq!(server.push(Value::Push(Vec::new())), Err(NotAPush));
    }

    #[tokio::test]
    async fn while_accepting_is_paused_new_connections_wait() {
        let server = FakeServer::start().await.unwrap();
        let mut before = Probe::tcp(&server).await;
        before.ask("PING", "+PONG\r\n").await;
        server.pause_accept();
        let (mut tcp, mut pipe) = (Probe::tcp(&server).await, Probe(server.connector().open().unwrap()));
        tcp.send("PING\r\n").await;
        pipe.send("PING\r\n").await;
        assert!(tcp.is_quiet().await && pipe.is_quiet().await);
        assert_eq!(server.connections(), 1);
        before.ask("PING", "+PONG\r\n").await;
        server.resume_accept();
        tcp.expect("+PONG\r\n").await;
        pipe.expect("+PONG\r\n").await;
    }

    #[tokio::test]
    async fn a_dropped_server_leaves_nothing_behind() {
        let server = FakeServer::start().await.unwrap();
        let (address, connector, hub) = (server.address(), server.connector(), Arc::downgrade(&server.hub));
        let (mut tcp, mut pipe) = (Probe::tcp(&server).await, Probe(connector.open().unwrap()));
        tcp.ask("PING", "+PONG\r\n").await;
        pipe.ask("PING", "+PONG\r\n").await;
        drop(server);
        tcp.expect_end().await;
        pipe.expect_end().await;
        assert!(tokio::net::TcpStream::connect(address).await.is_err());
        assert_eq!(connector.open().unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        assert!(hub.upgrade().is_none(), "a task is still there");
        assert!(pipe.0.write_all(b"x").await.is_err());
    }

    #[tokio::test]
    async fn the_test_itself_is_no_client() {
        let server = FakeServer::builder().with_password("sesame").start().await.unwrap();
        assert_eq!(server.run(["SET", "k", "v"]), Value::simple("OK"));
        assert_eq!(server.run(["QUIT"]), Value::simple("OK"));
        assert_eq!(server.run(["CLIENT", "REPLY", "OFF"]), Value::null());
        assert!(matches!(server.run(["NOSUCH"]), Value::SimpleError(_)));
        assert_eq!(server.run(Vec::<Bytes>::new()), Value::error("ERR unknown command '', with args beginning with: "));
        assert!(server.clients().is_empty() && server.received().is_empty() && server.connections() == 0);
    }
}
