//! Sorted sets: <https://redis.io/docs/latest/commands/?group=sorted-set>.

use super::{keyed, known};
use crate::command::{Effect, Executor, FromReply, MemberScanOptions, Page, Request, ToArg, ToArgs};

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
    /// Adds members or changes their scores: pairs of score and member. How many of them are new. Options are methods of
    /// the request: [`nx`](Request::nx), [`xx`](Request::xx), [`gt`](Request::gt), [`lt`](Request::lt),
    /// [`ch`](Request::ch), [`incr`](Request::incr).
    /// Since 1.2. <https://redis.io/docs/latest/commands/zadd/>
    fn zadd(self, key: impl ToArg, members: impl ToArgs) -> Request<Self, u64, ZaddOptions> {
        keyed::<_, ()>(self, const { known("ZADD") }, key).with(members).marked()
    }

    /// How many members there are.
    /// Since 1.2. <https://redis.io/docs/latest/commands/zcard/>
    fn zcard(self, key: impl ToArg) -> Request<Self, u64> {
        keyed(self, const { known("ZCARD") }, key)
    }

    /// Adds to a member's score; a missing one counts as 0. The new score.
    /// Since 1.2. <https://redis.io/docs/latest/commands/zincrby/>
    fn zincrby(self, key: impl ToArg, by: f64, member: impl ToArg) -> Request<Self, f64> {
        keyed(self, const { known("ZINCRBY") }, key).with((by, member))
    }

    /// The members from `start` to `stop` in the order of their scores, both included; negative ones count from the
    /// end.
    /// Since 1.2. <https://redis.io/docs/latest/commands/zrange/>
    fn zrange<T: FromReply>(self, key: impl ToArg, start: i64, stop: i64) -> Request<Self, Vec<T>> {
        keyed(self, const { known("ZRANGE") }, key).with((start, stop))
    }

    /// Removes members. How many there were.
    /// Since 1.2. <https://redis.io/docs/latest/commands/zrem/>
    fn zrem(self, key: impl ToArg, members: impl ToArgs) -> Request<Self, u64> {
        keyed(self, const { known("ZREM") }, key).with(members)
    }

    /// A page of the members and their scores, in no order, and where the next page begins. Options and streams as for
    /// [`scan`](super::Keys::scan).
    /// Since 2.8. <https://redis.io/docs/latest/commands/zscan/>
    fn zscan<T: FromReply>(self, key: impl ToArg) -> Request<Self, Page<(T, f64)>, MemberScanOptions> {
        keyed::<_, ()>(self, const { known("ZSCAN") }, key).with(0).marked()
    }

    /// A member's score; `None` if there is no such member.
    /// Since 1.2. <https://redis.io/docs/latest/commands/zscore/>
    fn zscore(self, key: impl ToArg, member: impl ToArg) -> Request<Self, Option<f64>> {
        keyed(self, const { known("ZSCORE") }, key).with(member)
    }
}

impl<E: Executor> SortedSets for E {}

/// Marks a request of [`SortedSets::zadd`], whose options are methods.
#[derive(Clone, Copy, Debug)]
pub struct ZaddOptions;

/// Options of [`SortedSets::zadd`].
impl<E, T> Request<E, T, ZaddOptions> {
    /// Only members that are not there. Since 3.0.2.
    pub fn nx(self) -> Self {
        self.insert(2, "NX").does(Effect::ConditionalWrite)
    }

    /// Only members that are there. Since 3.0.2.
    pub fn xx(self) -> Self {
        self.insert(2, "XX")
    }

    /// A member that is there gets the score only if that is greater than the one it has. Since 6.2.
    pub fn gt(self) -> Self {
        self.insert(2, "GT")
    }

    /// A member that is there gets the score only if that is less than the one it has. Since 6.2.
    pub fn lt(self) -> Self {
        self.insert(2, "LT")
    }

    /// Answers how many members are new or have another score than before. Since 3.0.2.
    pub fn ch(self) -> Self {
        self.insert(2, "CH")
    }

    /// Adds to the score, of one member alone. Answers the new score; `None` if another option kept it from being set.
    /// Since 3.0.2.
    pub fn incr(self) -> Request<E, Option<f64>, ZaddOptions> {
        self.insert(2, "INCR").does(Effect::Accumulating).marked()
    }
}
