//! What the server keeps of one connected client.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;

use crate::resp::{Protocol, Value, encode_value};

use super::blocking::Blocked;
use super::ordered_map::OrderedMap;
use super::transaction::Transaction;

/// A connection, from the server's side.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: u64,
    /// When it came, by the server's clock.
    pub(crate) since: Duration,
    /// When its last command came.
    pub(crate) last_command: Duration,
    pub(crate) protocol: Protocol,
    pub(crate) database: usize,
    pub(crate) name: Bytes,
    /// `None` until it has authenticated, if it must.
    pub(crate) user: Option<String>,
    pub(crate) library: Library,
    pub(crate) transaction: Option<Transaction>,
    /// Database and key.
    pub(crate) watched: Vec<(usize, Bytes)>,
    pub(crate) watch: Watch,
    pub(crate) channels: OrderedMap<()>,
    pub(crate) patterns: OrderedMap<()>,
    pub(crate) shard_channels: OrderedMap<()>,
    pub(crate) replies: Replies,
    /// The command that the client waits in.
    pub(crate) blocked: Option<Blocked>,
    /// Tells the connection's task that a wait has ended.
    pub(crate) released: Arc<Notify>,
    pub(crate) phase: Phase,
    /// Encoded replies and pushes that the connection's task has not picked up yet.
    pub(crate) outbox: Vec<u8>,
    /// Tells the connection's task of a filled outbox or a changed phase.
    pub(crate) wake: Arc<Notify>,
    /// Tells the connection's task to end at once.
    pub(crate) killed: Arc<Notify>,
}

/// The names that a client library gives of itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Library {
    pub(crate) name: Bytes,
    pub(crate) version: Bytes,
}

/// Whether a watched key has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Watch {
    Clean,
    Broken,
}

/// What CLIENT REPLY has asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replies {
    On,
    Off,
    /// SKIP was just sent: off for the next command.
    SkipNext,
    /// Off for the running command.
    Skip,
}

/// How far a connection is from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Open,
    /// No command is read any more; the outbox is still written.
    Draining,
}

impl Client {
    pub(crate) fn new(id: u64, user: Option<String>) -> Self {
        Client {
            id,
            since: Duration::ZERO,
            last_command: Duration::ZERO,
            protocol: Protocol::Resp2,
            database: 0,
            name: Bytes::new(),
            user,
            library: Library::default(),
            transaction: None,
            watched: Vec::new(),
            watch: Watch::Clean,
            channels: OrderedMap::default(),
            patterns: OrderedMap::default(),
            shard_channels: OrderedMap::default(),
            replies: Replies::On,
            blocked: None,
            released: Arc::new(Notify::new()),
            phase: Phase::Open,
            outbox: Vec::new(),
            wake: Arc::new(Notify::new()),
            killed: Arc::new(Notify::new()),
        }
    }

    /// Appends a value to the outbox, unless CLIENT REPLY silences it; pushes are never silenced.
    pub(crate) fn write(&mut self, value: &Value) {
        if matches!(value, Value::Push(_)) || self.answers() {
            encode_value(value, self.protocol, &mut self.outbox);
        }
    }

    /// Whether replies are sent.
    pub(crate) fn answers(&self) -> bool {
        matches!(self.replies, Replies::On | Replies::SkipNext)
    }

    /// Channels and patterns subscribed to, shard channels left out.
    pub(crate) fn subscriptions(&self) -> usize {
        self.channels.len() + self.patterns.len()
    }

    pub(crate) fn is_subscribed(&self) -> bool {
        self.subscriptions() + self.shard_channels.len() > 0
    }

    /// Whether only subscription commands are allowed.
    pub(crate) fn is_restricted(&self) -> bool {
        self.protocol == Protocol::Resp2 && self.is_subscribed()
    }

    pub(crate) fn unwatch(&mut self) {
        self.watched.clear();
        self.watch = Watch::Clean;
    }

    /// Ends the connection once the outbox is written.
    pub(crate) fn drain(&mut self) {
        self.phase = Phase::Draining;
        self.wake.notify_one();
    }
}
