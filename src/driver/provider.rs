//! Credentials that change: who gives them, and how to say that there are none.

use std::error::Error;
use std::fmt;
use std::future::Future;

use tokio::sync::watch;

use crate::connection::Credentials;
use crate::transport::BoxFuture;

/// Gives the credentials of connections, in place of a user and a password that stay the same: tokens that expire,
/// passwords that are rotated.
///
/// Also a closure that returns a future is one:
///
/// ```
/// use std::sync::Arc;
/// use steadfast::{Config, Credentials, CredentialsError};
///
/// let token_of_the_day = || async {
///     let token = std::fs::read_to_string("/run/secrets/redis").map_err(CredentialsError::from_source)?;
///     Ok(Credentials::user("app", token.trim()))
/// };
/// let config = Config::tcp("redis.example.com", 6379).with_credentials_provider(Arc::new(token_of_the_day));
/// ```
///
/// One that pushes new credentials to the connections that live:
///
/// ```
/// use steadfast::{BoxFuture, Credentials, CredentialsError, CredentialsProvider};
/// use tokio::sync::watch;
///
/// struct Token {
///     /// Whoever renews the token sends it here, before the old one runs out.
///     latest: watch::Sender<String>,
///     renewed: watch::Sender<()>,
/// }
///
/// impl Token {
///     fn renew(&self, token: String) {
///         self.latest.send_replace(token);
///         self.renewed.send_replace(());
///     }
/// }
///
/// impl CredentialsProvider for Token {
///     fn credentials(&self) -> BoxFuture<'_, Result<Credentials, CredentialsError>> {
///         Box::pin(async { Ok(Credentials::user("app", &**self.latest.borrow())) })
///     }
///
///     fn changes(&self) -> Option<watch::Receiver<()>> {
///         Some(self.renewed.subscribe())
///     }
/// }
/// ```
pub trait CredentialsProvider: Send + Sync + 'static {
    /// The credentials to use now.
    ///
    /// It is asked for each handshake, when the connection (and TLS) stands, and for each living connection after each
    /// of the [`changes`](Self::changes); what it returns is used once and not kept. It runs in the task that carries
    /// the connection, and must not block: what takes long belongs into a task of its own.
    ///
    /// It must not mark the [`changes`](Self::changes) itself, also not by way of a cache that it fills: each asking would
    /// be the reason for the next. If it does, every connection authenticates once a second; no refusal counts as permanent,
    /// so that callers wait until their deadlines; and where several connections share the provider, each tries again up
    /// to ten times a second while it is refused.
    ///
    /// # Cancellation
    /// The future is dropped when the time limit of the attempt to connect is reached
    /// ([`Config::with_connect_timeout`](crate::Config::with_connect_timeout)), which also bounds how long a living
    /// connection waits for it; and when the connection is lost, or another one beside it needs credentials too, after
    /// which it is asked again for both. A change that comes meanwhile lets it finish: what it returns is used, and it is
    /// asked again afterwards.
    ///
    /// # Errors
    /// An error ends the attempt, with [`Cause::Credentials`](crate::Cause::Credentials); the next one follows after the
    /// link's pause, and callers wait until their deadlines. So does a panic, with
    /// [`Cause::Panicked`](crate::Cause::Panicked). A connection that lives is kept, see [`changes`](Self::changes).
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, CredentialsError>>;

    /// Marked as changed whenever there are new credentials: every living connection then asks for them, and
    /// authenticates again (`AUTH`) between its commands. Default: never.
    ///
    /// For credentials that a server takes only for so long, and for those that are withdrawn: mark the change after the
    /// new ones are there, and before the old ones end. Of changes in a row the last counts: a connection asks for its
    /// next authentication 1 s after it has sent the last one at the earliest, and a change within that second waits for
    /// its end.
    ///
    /// Where there is no connection, the next handshake asks anyway. If the last one was refused
    /// ([`Cause::Handshake`](crate::Cause::Handshake), as with a wrong password), a change ends the pause before the next:
    /// it is tried within 100 ms, at most once in 100 ms for changes in a row, and callers wait for that as if the refusal
    /// were not permanent.
    ///
    /// If that fails, the connection goes on as it was,
    /// [`Event::ReauthenticationFailed`](crate::Event::ReauthenticationFailed) tells of it, and it is tried again after
    /// 1 s, with pauses that double up to 30 s (shortened at random as those of [`Backoff`](crate::client::Backoff) are),
    /// or after the next change.
    ///
    /// Called when a client is made, once for each connection that it keeps up; a panic in it is one in that call. A
    /// receiver whose sender is gone means that nothing changes any more.
    fn changes(&self) -> Option<watch::Receiver<()>> {
        None
    }
}

impl<F, Fut> CredentialsProvider for F
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Credentials, CredentialsError>> + Send + 'static,
{
    fn credentials(&self) -> BoxFuture<'_, Result<Credentials, CredentialsError>> {
        Box::pin(self())
    }
}

/// Why a provider has no credentials.
///
/// Its text is shown to others, in errors, states and events of the client: no secret should be in it. The texts of the
/// source and of what is behind it are shown too.
pub struct CredentialsError {
    text: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl CredentialsError {
    /// An error of this text, which is shown.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), source: None }
    }

    /// An error that another one has caused, whose text is shown.
    pub fn from_source(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { text: "the credentials could not be fetched".to_owned(), source: Some(source.into()) }
    }

    /// The same, caused by another error, whose text is shown behind this one's.
    #[must_use]
    pub fn with_source(self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    /// The text, and those of all that is behind it.
    pub(super) fn detail(&self) -> String {
        let mut detail = self.text.clone();
        let mut source = self.source();
        for _ in 0..MOST_SOURCES {
            let Some(error) = source else { break };
            detail.push_str(": ");
            detail.push_str(&error.to_string());
            source = error.source();
        }
        detail
    }
}

impl fmt::Debug for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialsError").field("text", &self.text).field("source", &self.source).finish()
    }
}

impl fmt::Display for CredentialsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for CredentialsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

/// An error's sources are followed this far: they may go round in a circle.
const MOST_SOURCES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_what_is_behind_it() {
        let io = std::io::Error::other("no route");
        let error = CredentialsError::new("the vault is sealed").with_source(io);
        assert_eq!(error.detail(), "the vault is sealed: no route");
        assert_eq!(error.to_string(), "the vault is sealed");
        let error = CredentialsError::from_source("no token");
        assert_eq!(error.detail(), "the credentials could not be fetched: no token");
        assert!(error.source().is_some());
    }
}
