//! Lists: <https://redis.io/docs/latest/commands/?group=list>.

use super::keyed;
use crate::command::{Executor, FromReply, Request, ToArg, ToArgs};

/// Commands on lists.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use steadfast::api::Lists;
///
/// client.rpush("jobs", ["a", "b"]).await?;
/// let job: Option<String> = client.lpop("jobs").await?;
/// let rest: Vec<String> = client.lrange("jobs", 0, -1).await?;
/// # Ok(())
/// # }
/// ```
pub trait Lists: Executor {
    /// How many items there are.
    /// Since 1.0. <https://redis.io/docs/latest/commands/llen/>
    fn llen(self, key: impl ToArg) -> Request<Self, u64> {
        keyed(self, "LLEN", key)
    }

    /// Removes the first item; `None` if there is none.
    /// Since 1.0. <https://redis.io/docs/latest/commands/lpop/>
    fn lpop<T: FromReply>(self, key: impl ToArg) -> Request<Self, Option<T>> {
        keyed(self, "LPOP", key)
    }

    /// Adds items at the front, one after the other. How many there are then.
    /// Since 1.0. <https://redis.io/docs/latest/commands/lpush/>
    fn lpush(self, key: impl ToArg, items: impl ToArgs) -> Request<Self, u64> {
        keyed(self, "LPUSH", key).with(items)
    }

    /// The items from `start` to `stop`, both included; negative ones count from the end.
    /// Since 1.0. <https://redis.io/docs/latest/commands/lrange/>
    fn lrange<T: FromReply>(self, key: impl ToArg, start: i64, stop: i64) -> Request<Self, Vec<T>> {
        keyed(self, "LRANGE", key).with((start, stop))
    }

    /// Keeps only the items from `start` to `stop`, both included.
    /// Since 1.0. <https://redis.io/docs/latest/commands/ltrim/>
    fn ltrim(self, key: impl ToArg, start: i64, stop: i64) -> Request<Self, ()> {
        keyed(self, "LTRIM", key).with((start, stop))
    }

    /// Removes the last item; `None` if there is none.
    /// Since 1.0. <https://redis.io/docs/latest/commands/rpop/>
    fn rpop<T: FromReply>(self, key: impl ToArg) -> Request<Self, Option<T>> {
        keyed(self, "RPOP", key)
    }

    /// Adds items at the end. How many there are then.
    /// Since 1.0. <https://redis.io/docs/latest/commands/rpush/>
    fn rpush(self, key: impl ToArg, items: impl ToArgs) -> Request<Self, u64> {
        keyed(self, "RPUSH", key).with(items)
    }
}

impl<E: Executor> Lists for E {}
