//! What a test can find out about the server's clients.

use bytes::Bytes;

use crate::resp::Protocol;

use super::client::Client;
use super::server::FakeServer;

/// A client that is connected now, as the server sees it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectedClient {
    /// What CLIENT ID answers: 1 for the server's first connection, and never used again.
    pub id: u64,
    /// What CLIENT GETNAME answers; empty if the client has given itself no name.
    pub name: Bytes,
    /// The protocol chosen by HELLO; RESP2 before.
    pub protocol: Protocol,
    /// The user it has authenticated as; `None` if it must and has not.
    pub user: Option<String>,
    /// The database selected.
    pub database: usize,
    /// The channels subscribed to, in order.
    pub channels: Vec<Bytes>,
    /// The patterns subscribed to, in order.
    pub patterns: Vec<Bytes>,
    /// The shard channels subscribed to, in order.
    pub shard_channels: Vec<Bytes>,
    /// The command that it waits in, BLPOP for example; empty if it waits in none.
    pub blocked_in: Vec<Bytes>,
}

impl FakeServer {
    /// The clients connected now, oldest first.
    pub fn clients(&self) -> Vec<ConnectedClient> {
        self.hub.lock().clients.values().map(ConnectedClient::from).collect()
    }

    /// How many connections were accepted so far, including those that have ended.
    pub fn connections(&self) -> u64 {
        self.hub.lock().accepted
    }

    /// All commands received so far, handshakes included, in order of arrival; each with its name first.
    pub fn received(&self) -> Vec<Vec<Bytes>> {
        self.hub.lock().received.iter().map(|(_, command)| command.clone()).collect()
    }

    /// The same, of the connection with this id only. It stays when the connection has ended.
    pub fn received_from(&self, id: u64) -> Vec<Vec<Bytes>> {
        let state = self.hub.lock();
        state.received.iter().filter(|(client, _)| *client == id).map(|(_, command)| command.clone()).collect()
    }

    /// How often the command with this name (in any case) was received so far.
    pub fn times_received(&self, name: &str) -> usize {
        let is_it = |command: &[Bytes]| command.first().is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()));
        self.hub.lock().received.iter().filter(|(_, command)| is_it(command)).count()
    }

    /// Forgets the commands received so far.
    pub fn clear_received(&self) {
        self.hub.lock().received.clear();
    }

    /// Waits until the command with this name was received `times` times, counted as [`times_received`](Self::times_received)
    /// does. It has been done then, unless its answer is scripted. Waits without end if it never is: put a timeout around it.
    pub async fn wait_for_command(&self, name: &str, times: usize) {
        self.wait_until(|server| server.times_received(name) >= times).await;
    }

    /// Waits until this many clients are connected. Waits without end if they never are: put a timeout around it.
    pub async fn wait_for_clients(&self, clients: usize) {
        self.wait_until(|server| server.hub.lock().clients.len() == clients).await;
    }

    async fn wait_until(&self, condition: impl Fn(&Self) -> bool) {
        loop {
            let mut news = std::pin::pin!(self.hub.news.notified());
            // Registered before the look, so that nothing is missed in between.
            news.as_mut().enable();
            if condition(self) {
                return;
            }
            news.await;
        }
    }
}

impl From<&Client> for ConnectedClient {
    fn from(client: &Client) -> Self {
        ConnectedClient {
            id: client.id,
            name: client.name.clone(),
            protocol: client.protocol,
            user: client.user.clone(),
            database: client.database,
            channels: client.channels.keys().cloned().collect(),
            patterns: client.patterns.keys().cloned().collect(),
            shard_channels: client.shard_channels.keys().cloned().collect(),
            blocked_in: client.blocked.as_ref().map(|blocked| blocked.command.clone()).unwrap_or_default(),
        }
    }
}
