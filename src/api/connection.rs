//! Connection: <https://redis.io/docs/latest/commands/?group=connection>.

use super::keyless;
use crate::command::{Executor, FromReply, Request, ToArg};

/// Commands that concern the connection.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use steadfast::api::Connection;
///
/// client.ping().await?;
/// let same: String = client.echo("hello").await?;
/// # Ok(())
/// # }
/// ```
pub trait Connection: Executor {
    /// The connection's number on the server.
    /// Since 5.0. <https://redis.io/docs/latest/commands/client-id/>
    fn client_id(self) -> Request<Self, i64> {
        keyless(self, "CLIENT ID")
    }

    /// The message, back.
    /// Since 1.0. <https://redis.io/docs/latest/commands/echo/>
    fn echo<T: FromReply>(self, message: impl ToArg) -> Request<Self, T> {
        keyless(self, "ECHO").with(message)
    }

    /// Whether the server answers.
    /// Since 1.0. <https://redis.io/docs/latest/commands/ping/>
    fn ping(self) -> Request<Self, ()> {
        keyless(self, "PING")
    }
}

impl<E: Executor> Connection for E {}
