//! How a fake server is set up.

use std::io;

use super::server::FakeServer;
use super::state::{Accounts, Hello, Persona};

/// What a [`FakeServer`] is to be; made by [`FakeServer::builder`].
#[derive(Clone, Debug)]
pub struct FakeServerBuilder {
    pub(crate) accounts: Accounts,
    pub(crate) persona: Persona,
}

impl FakeServerBuilder {
    pub(crate) fn new() -> Self {
        FakeServerBuilder {
            accounts: Accounts::default(),
            persona: Persona { version: VERSION.to_owned(), hello: Hello::Known },
        }
    }

    /// Requires this password of the user `default`: other commands are answered `NOAUTH` until a client has
    /// authenticated. Default: nobody needs to. Like `requirepass`.
    #[must_use]
    pub fn with_password(mut self, password: impl Into<String>) -> Self {
        self.accounts.password = Some(password.into());
        self
    }

    /// Knows this user beside `default`. Clients that do not authenticate are still `default`: add
    /// [`with_password`](Self::with_password) to turn them away.
    #[must_use]
    pub fn with_user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.accounts.users.insert(name.into(), password.into());
        self
    }

    /// Answers HELLO as an unknown command, as servers before Redis 6 do: only RESP2 is spoken.
    #[must_use]
    pub fn without_hello(mut self) -> Self {
        self.persona.hello = Hello::Unknown;
        self
    }

    /// The version that HELLO and INFO name. Default `7.2.0`. Nothing else depends on it.
    #[must_use]
    pub fn with_version(mut self, version: impl Into<String>) -> Self {
        self.persona.version = version.into();
        self
    }

    /// Starts the server, on the tokio runtime that runs this.
    ///
    /// # Errors
    /// If no port on 127.0.0.1 can be bound.
    pub async fn start(self) -> io::Result<FakeServer> {
        FakeServer::bind(self).await
    }
}

const VERSION: &str = "7.2.0";
