//! Sorted sets: <https://redis.io/docs/latest/commands/?group=sorted-set>.

use super::keyed;
use crate::command::{Executor, FromReply, Request, ToArg, ToArgs};

/// Commands on sorted sets.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use steadfast::api::SortedSets;
///
/// client.zadd("scores", [(12.5, "alice"), (7.0, "bob")]).await?;
/// let score: Option<f64> = client.zscore("scores", "alice").await?;
/// let order: Vec<String> = client.zrange("scores", 0, -1).await?;
/// # Ok(())
/// # }
/// ```
pub trait SortedSets: Executor {
    /// Adds members or changes their scores: pairs of score and member. How many of them are new.
    /// Since 1.2. <https://redis.io/docs/latest/commands/zadd/>
    fn zadd(self, key: impl ToArg, members: impl ToArgs) -> Request<Self, u64> {
        keyed(self, "ZADD", key).with(members)
    }

    /// How many members there are.
    /// Since 1.2. <https://redis.io/docs/latest/commands/zcard/>
    fn zcard(self, key: impl ToArg) -> Request<Self, u64> {
        keyed(self, "ZCARD", key)
    }

    /// Adds to a member's score; a missing one counts as 0. The new score.
    /// Since 1.2. <https://redis.io/docs/latest/commands/zincrby/>
    fn zincrby(self, key: impl ToArg, by: f64, member: impl ToArg) -> Request<Self, f64> {
        keyed(self, "ZINCRBY", key).with((by, member))
    }

    /// The members from `start` to `stop` in the order of their scores, both included; negative ones count from the
    /// end.
    /// Since 1.2. <https://redis.io/docs/latest/commands/zrange/>
    fn zrange<T: FromReply>(self, key: impl ToArg, start: i64, stop: i64) -> Request<Self, Vec<T>> {
        keyed(self, "ZRANGE", key).with((start, stop))
    }

    /// Removes members. How many there were.
    /// Since 1.2. <https://redis.io/docs/latest/commands/zrem/>
    fn zrem(self, key: impl ToArg, members: impl ToArgs) -> Request<Self, u64> {
        keyed(self, "ZREM", key).with(members)
    }

    /// A member's score; `None` if there is no such member.
    /// Since 1.2. <https://redis.io/docs/latest/commands/zscore/>
    fn zscore(self, key: impl ToArg, member: impl ToArg) -> Request<Self, Option<f64>> {
        keyed(self, "ZSCORE", key).with(member)
    }
}

impl<E: Executor> SortedSets for E {}
