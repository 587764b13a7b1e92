//! Everything the server knows, behind the one mutex that all connections share.

use std::collections::{BTreeMap, HashMap};

use bytes::{Bytes, BytesMut};

use crate::resp::{Decoder, Limits, Protocol, Value};

use super::client::{Client, Watch};
use super::clock::Clock;
use super::database::Database;
use super::dispatch;
use super::script::Script;

/// The server's memory.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) clock: Clock,
    databases: Vec<Database>,
    pub(crate) clients: BTreeMap<u64, Client>,
    /// Stands in for a client that is already gone, so that nothing has to fail for it.
    departed: Client,
    /// Connections accepted so far; the newest client's id.
    pub(crate) accepted: u64,
    pub(crate) accounts: Accounts,
    pub(crate) persona: Persona,
    /// Keys changed since blocked clients were last served.
    pub(crate) unserved: usize,
    /// How often a client has begun to wait in a command.
    pub(crate) waits: u64,
    pub(crate) script: Script,
    /// Every command, in order of arrival, with the id of its client.
    pub(crate) received: Vec<(u64, Vec<Bytes>)>,
}

/// What the server pretends to be.
#[derive(Clone, Debug)]
pub(crate) struct Persona {
    pub(crate) version: String,
    pub(crate) hello: Hello,
}

/// Whether HELLO is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hello {
    Known,
    /// As before Redis 6.
    Unknown,
}

/// Who may log in.
#[derive(Clone, Default)]
pub(crate) struct Accounts {
    /// The password of the user `default`; without one nobody needs to authenticate.
    pub(crate) password: Option<String>,
    pub(crate) users: HashMap<String, String>,
}

impl Accounts {
    /// Whether this pair is valid.
    pub(crate) fn accept(&self, user: &str, password: &str) -> bool {
        match self.users.get(user) {
            Some(expected) => expected == password,
            None => user == DEFAULT_USER && self.password.as_deref().is_none_or(|expected| expected == password),
        }
    }

    /// Who a client is before it says so.
    pub(crate) fn initial_user(&self) -> Option<String> {
        if self.password.is_none() { Some(DEFAULT_USER.to_owned()) } else { None }
    }
}

impl std::fmt::Debug for Accounts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Accounts").field("users", &self.users.keys()).finish_non_exhaustive()
    }
}

impl State {
    pub(crate) fn new(accounts: Accounts, persona: Persona) -> Self {
        State {
            clock: Clock::new(),
            databases: (0..DATABASES).map(|_| Database::default()).collect(),
            clients: BTreeMap::new(),
            departed: Client::new(0, None),
            accepted: 0,
            accounts,
            persona,
            unserved: 0,
            waits: 0,
            script: Script::default(),
            received: Vec::new(),
        }
    }

    /// Takes a new client in and hands back its id.
    pub(crate) fn admit(&mut self) -> u64 {
        self.accepted += 1;
        let (now, user) = (self.clock.now(), self.accounts.initial_user());
        let client = Client { since: now, last_command: now, ..Client::new(self.accepted, user) };
        self.clients.insert(self.accepted, client);
        self.accepted
    }

    pub(crate) fn client(&mut self, id: u64) -> &mut Client {
        match self.clients.get_mut(&id) {
            Some(client) => client,
            None => {
                self.departed = Client::new(0, None);
                &mut self.departed
            }
        }
    }

    /// The database with this number, at the present time; numbers are below `DATABASES`.
    pub(crate) fn database(&mut self, index: usize) -> &mut Database {
        let now = self.clock.now_millis();
        let index = index.min(DATABASES - 1);
        let database = &mut self.databases[index];
        database.set_now(now);
        database
    }

    /// Runs a command of the test's own, in database 0.
    pub(crate) fn run(&mut self, command: Vec<Bytes>) -> Value {
        let mut client = Client::new(OWN_ID, Some(DEFAULT_USER.to_owned()));
        client.protocol = Protocol::Resp3;
        self.clients.insert(OWN_ID, client);
        dispatch::run(self, OWN_ID, command);
        let outbox = self.clients.remove(&OWN_ID).map(|client| client.outbox).unwrap_or_default();
        let reply = Decoder::new(Limits::default()).decode(&mut BytesMut::from(&outbox[..]), 1);
        match reply {
            Ok(Some(frame)) => frame.reply().to_value().unwrap_or_else(|_| Value::null()),
            Ok(None) | Err(_) => Value::null(),
        }
    }

    /// Breaks the watches on every key that has changed since the last call.
    pub(crate) fn notice_modified(&mut self) {
        for (index, database) in self.databases.iter_mut().enumerate() {
            for key in database.take_modified() {
                self.unserved += 1;
                let watches =
                    |client: &Client| client.watched.iter().any(|(at, watched)| *at == index && *watched == key);
                for client in self.clients.values_mut().filter(|client| watches(client)) {
                    client.watch = Watch::Broken;
                }
            }
        }
    }
}

/// The id under which the test itself runs commands; clients are counted from 1.
const OWN_ID: u64 = 0;

/// How many databases there are: 0 to 15.
pub(crate) const DATABASES: usize = 16;

/// The user that everybody is who has not said otherwise.
pub(crate) const DEFAULT_USER: &str = "default";

#[cfg(test)]
mod tests {
    use super::*;

    impl State {
        /// A server without passwords.
        pub(crate) fn plain() -> Self {
            let persona = Persona { version: "7.2.0".to_owned(), hello: Hello::Known };
            State::new(Accounts::default(), persona)
        }

        /// The answer to a command whose words are separated by blanks.
        pub(crate) fn ask(&mut self, line: &str) -> Value {
            self.run(line.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect())
        }

        /// The same from a client, as the bytes it gets.
        pub(crate) fn ask_as(&mut self, client: u64, line: &str) -> String {
            let command = line.split(' ').map(|word| Bytes::copy_from_slice(word.as_bytes())).collect();
            dispatch::run(self, client, command);
            self.outbox(client)
        }

        /// What a client was sent since the last time.
        pub(crate) fn outbox(&mut self, client: u64) -> String {
            String::from_utf8(std::mem::take(&mut self.client(client).outbox)).unwrap()
        }
    }

    #[test]
    fn a_client_that_has_gone_can_still_be_named() {
        let mut state = State::plain();
        let id = state.admit();
        state.clients.remove(&id);
        state.client(id).name = Bytes::from("ghost");
        assert!(state.client(id).name.is_empty());
        assert!(state.clients.is_empty());
    }

    #[test]
    fn no_secret_is_in_the_debug_output() {
        let mut state = State::plain();
        state.accounts.password = Some("sesame".to_owned());
        state.accounts.users.insert("alice".to_owned(), "sesame".to_owned());
        let written = format!("{state:?}");
        assert!(written.contains("alice") && !written.contains("sesame"), "{written}");
    }
}
