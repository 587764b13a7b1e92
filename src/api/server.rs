//! Server: <https://redis.io/docs/latest/commands/?group=server>.

use super::keyless;
use crate::command::{Executor, Request, ToArgs};

/// Commands that concern the server.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use steadfast::api::Server;
///
/// let keys = client.dbsize().await?;
/// let about: String = client.info(["server"]).await?;
/// # Ok(())
/// # }
/// ```
pub trait Server: Executor {
    /// How many keys the database has.
    /// Since 1.0. <https://redis.io/docs/latest/commands/dbsize/>
    fn dbsize(self) -> Request<Self, u64> {
        keyless(self, "DBSIZE")
    }

    /// Deletes all keys of all databases.
    /// Since 1.0. <https://redis.io/docs/latest/commands/flushall/>
    fn flushall(self) -> Request<Self, ()> {
        keyless(self, "FLUSHALL")
    }

    /// Deletes all keys of the database.
    /// Since 1.0. <https://redis.io/docs/latest/commands/flushdb/>
    fn flushdb(self) -> Request<Self, ()> {
        keyless(self, "FLUSHDB")
    }

    /// What the server says of itself, in these sections; of none, in the usual ones.
    /// Since 1.0. <https://redis.io/docs/latest/commands/info/>
    fn info(self, sections: impl ToArgs) -> Request<Self, String> {
        keyless(self, "INFO").with(sections)
    }
}

impl<E: Executor> Server for E {}
