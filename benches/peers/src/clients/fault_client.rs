//! A client as the fault runs want it, and where it goes.

use std::{fmt::Display, future::Future, time::Duration};

use bytes::Bytes;
use steadfast::Fate;

/// A reconnecting client, with its own defaults except for the limits on a command and on a connect. Errors are answers
/// here.
pub trait FaultClient: Clone + Send + Sized + 'static {
    fn connect(site: Site) -> impl Future<Output = Result<Self, String>> + Send;

    fn get(&mut self, key: &str) -> impl Future<Output = Result<(), Failure>> + Send;

    /// The counter's new value.
    fn incr(&mut self, key: &str) -> impl Future<Output = Result<i64, Failure>> + Send;

    /// ECHO; returns the length of what came back.
    fn echo(&mut self, message: &Bytes) -> impl Future<Output = Result<usize, Failure>> + Send;
}

/// Where a client connects to, and how long it may take.
#[derive(Clone, Copy, Debug)]
pub struct Site {
    pub host: &'static str,
    pub port: u16,
    pub scheme: Scheme,
    pub login: Option<Login>,
    /// For a command, and for a connect.
    pub limit: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    Plain,
    Tls,
}

/// Names and passwords here need no escapes in a URL.
#[derive(Clone, Copy, Debug)]
pub struct Login {
    pub username: &'static str,
    pub password: &'static str,
}

impl Site {
    /// A server on this machine, in plaintext and without a password.
    pub fn local(port: u16) -> Self {
        Self { host: "127.0.0.1", port, scheme: Scheme::Plain, login: None, limit: FAULT_TIMEOUT }
    }

    /// The address in the form that all clients take.
    pub fn url(&self) -> String {
        let scheme = match self.scheme {
            Scheme::Plain => "redis",
            Scheme::Tls => "rediss",
        };
        let login = self.login.map_or(String::new(), |login| format!("{}:{}@", login.username, login.password));
        format!("{scheme}://{login}{}:{}", self.host, self.port)
    }
}

/// What a caller is left with.
#[derive(Clone, Debug)]
pub struct Failure {
    pub words: String,
    /// What became of the command, where the client says so.
    pub fate: Option<Fate>,
}

impl Failure {
    pub fn new(error: impl Display) -> Self {
        Self { words: error.to_string(), fate: None }
    }
}

/// The limit in all rows that are not about something larger.
pub const FAULT_TIMEOUT: Duration = Duration::from_millis(500);
