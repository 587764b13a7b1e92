//! Sorted sets: <https://redis.io/docs/latest/commands/?group=sorted-set>.

use std::time::Duration;

use super::options::IntercardOptions;
use super::{
    LexBound, ScoreBound, ZrangeBound, at_least_one, block_seconds, blocking_on, counted_keys, keyed, keyless, known,
    some_after,
};
use crate::command::{
    Args, ConversionError, Effect, Executor, FromReply, MemberScanOptions, Page, Reply, Request, ToArg, ToArgs,
};

/// Commands on sorted sets.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use steadfast::api::{ScoreBound, SortedSets};
///
/// client.zadd("scores", [(12.5, "alice"), (7.0, "bob")]).await?;
/// let score: Option<f64> = client.zscore("scores", "alice").await?;
/// let order: Vec<String> = client.zrange("scores", 0, -1).await?;
/// let best: Vec<(String, f64)> = client.zrange("scores", 0, 9).rev().withscores().await?;
/// let from_ten_on = client.zrange("scores", ScoreBound::inclusive(10.0), ScoreBound::HIGHEST);
/// let from_ten_on: Vec<String> = from_ten_on.limit(0, 100).await?;
/// # Ok(())
/// # }
/// ```
pub trait SortedSets: Executor {
    /// Removes the member with the lowest or the highest score from the first of the sorted sets that has one, or with
    /// [`count`](ZmpopOptions) up to so many, and if all are empty waits for one. The key, and the members with their scores; `None`
    /// if none came. Members are gone also if the key or one of them does not convert: `Bytes` takes any. It
    /// [waits](crate::api#commands-that-wait) up to `timeout`; of zero without end.
    /// Since 7.0. <https://redis.io/docs/latest/commands/bzmpop/>
    fn bzmpop<K: FromReply, T: FromReply>(
        self,
        keys: impl ToArgs,
        which: Extreme,
        timeout: Duration,
    ) -> Request<Self, Option<(K, Vec<(T, f64)>)>, ZmpopOptions> {
        let request = keyless::<_, ()>(self, const { known("BZMPOP") }).with(block_seconds(timeout));
        counted_keys(request, keys).with(which).marked()
    }

    /// Removes the member with the highest score from the first of the sorted sets that has one, and if all are empty waits
    /// for one: the key, the member and its score; `None` if none came. The member is gone also if it or the key does not
    /// convert: `Bytes` takes any. It [waits](crate::api#commands-that-wait) up to `timeout`; of zero without end.
    /// Since 5.0. <https://redis.io/docs/latest/commands/bzpopmax/>
    fn bzpopmax<K: FromReply, T: FromReply>(
        self,
        keys: impl ToArgs,
        timeout: Duration,
    ) -> Request<Self, Option<(K, T, f64)>> {
        blocking_on(self, const { known("BZPOPMAX") }, keys, timeout)
    }

    /// Removes the member with the lowest score; otherwise as [`bzpopmax`](Self::bzpopmax).
    /// Since 5.0. <https://redis.io/docs/latest/commands/bzpopmin/>
    fn bzpopmin<K: FromReply, T: FromReply>(
        self,
        keys: impl ToArgs,
        timeout: Duration,
    ) -> Request<Self, Option<(K, T, f64)>> {
        blocking_on(self, const { known("BZPOPMIN") }, keys, timeout)
    }

    /// Adds members or changes their scores: pairs of score and member. How many of them are new. Options are methods of
    /// the request: [`nx`](ZaddOptions), [`xx`](ZaddOptions), [`gt`](ZaddOptions), [`lt`](ZaddOptions),
    /// [`ch`](ZaddOptions), [`incr`](ZaddOptions). A score that is no number is refused by the server.
    /// Since 1.2. <https://redis.io/docs/latest/commands/zadd/>
    fn zadd(self, key: impl ToArg, members: impl ToArgs) -> Request<Self, u64, ZaddOptions> {
        at_least_one(2, keyed::<_, ()>(self, const { known("ZADD") }, key).with(members)).marked()
    }

    /// How many members there are.
    /// Since 1.2. <https://redis.io/docs/latest/commands/zcard/>
    fn zcard(self, key: impl ToArg) -> Request<Self, u64> {
        keyed(self, const { known("ZCARD") }, key)
    }

    /// How many members have a score from `min` to `max`.
    /// Since 2.0. <https://redis.io/docs/latest/commands/zcount/>
    fn zcount(self, key: impl ToArg, min: impl Into<ScoreBound>, max: impl Into<ScoreBound>) -> Request<Self, u64> {
        keyed(self, const { known("ZCOUNT") }, key).with((min.into(), max.into()))
    }

    /// The members of the first sorted set that no other one has, in the order of their scores. A missing key is an empty
    /// one. With [`withscores`](ZdiffOptions) the scores too.
    /// Since 6.2. <https://redis.io/docs/latest/commands/zdiff/>
    fn zdiff<T: FromReply>(self, keys: impl ToArgs) -> Request<Self, Vec<T>, ZdiffOptions> {
        counted_keys(keyless::<_, ()>(self, const { known("ZDIFF") }), keys).marked()
    }

    /// Stores the members of the first sorted set that no other one has, in the place of what was at `destination`. How many
    /// they are; of none, `destination` is deleted.
    /// Since 6.2. <https://redis.io/docs/latest/commands/zdiffstore/>
    fn zdiffstore(self, destination: impl ToArg, keys: impl ToArgs) -> Request<Self, u64> {
        counted_keys(keyed(self, const { known("ZDIFFSTORE") }, destination), keys)
    }

    /// Adds to a member's score; a missing one counts as 0. The new score.
    /// Since 1.2. <https://redis.io/docs/latest/commands/zincrby/>
    fn zincrby(self, key: impl ToArg, by: f64, member: impl ToArg) -> Request<Self, f64> {
        keyed(self, const { known("ZINCRBY") }, key).with((by, member))
    }

    /// The members that all the sorted sets, or sets, have, in the order of their scores, which are added up. Options are
    /// methods of the request: [`weights`](ZcombineOptions), [`aggregate`](ZcombineOptions),
    /// [`withscores`](ZcombineOptions).
    /// Since 6.2. <https://redis.io/docs/latest/commands/zinter/>
    fn zinter<T: FromReply>(self, keys: impl ToArgs) -> Request<Self, Vec<T>, ZcombineOptions> {
        counted_keys(keyless::<_, ()>(self, const { known("ZINTER") }), keys).marked()
    }

    /// How many members all the sorted sets have in common. [`limit`](IntercardOptions) ends the counting early.
    /// Since 7.0. <https://redis.io/docs/latest/commands/zintercard/>
    fn zintercard(self, keys: impl ToArgs) -> Request<Self, u64, IntercardOptions> {
        counted_keys(keyless::<_, ()>(self, const { known("ZINTERCARD") }), keys).marked()
    }

    /// Stores the members that all the sorted sets, or sets, have, with their scores added up, in the place of what was at
    /// `destination`. How many they are; of none, `destination` is deleted. Options are methods of the request:
    /// [`weights`](ZstoreOptions), [`aggregate`](ZstoreOptions).
    /// Since 2.0. <https://redis.io/docs/latest/commands/zinterstore/>
    fn zinterstore(self, destination: impl ToArg, keys: impl ToArgs) -> Request<Self, u64, ZstoreOptions> {
        counted_keys(keyed::<_, ()>(self, const { known("ZINTERSTORE") }, destination), keys).marked()
    }

    /// How many members there are from `min` to `max` in the order of their bytes, if all have the same score.
    /// Since 2.8.9. <https://redis.io/docs/latest/commands/zlexcount/>
    fn zlexcount(self, key: impl ToArg, min: LexBound, max: LexBound) -> Request<Self, u64> {
        keyed(self, const { known("ZLEXCOUNT") }, key).with((min, max))
    }

    /// Removes the member with the lowest or the highest score from the first of the sorted sets that has one, or with
    /// [`count`](ZmpopOptions) up to so many. The key, and the members with their scores; `None` if all are empty.
    /// Members are gone also if the key or one of them does not convert: `Bytes` takes any.
    /// Since 7.0. <https://redis.io/docs/latest/commands/zmpop/>
    fn zmpop<K: FromReply, T: FromReply>(
        self,
        keys: impl ToArgs,
        which: Extreme,
    ) -> Request<Self, Option<(K, Vec<(T, f64)>)>, ZmpopOptions> {
        counted_keys(keyless::<_, ()>(self, const { known("ZMPOP") }), keys).with(which).marked()
    }

    /// The scores of members, in their order, `None` where there is no such member.
    /// Since 6.2. <https://redis.io/docs/latest/commands/zmscore/>
    fn zmscore(self, key: impl ToArg, members: impl ToArgs) -> Request<Self, Vec<Option<f64>>> {
        keyed(self, const { known("ZMSCORE") }, key).with(members)
    }

    /// Removes the member with the highest score: it and its score; `None` if there is none. With
    /// [`count`](ZpopOptions) up to so many.
    /// Since 5.0. <https://redis.io/docs/latest/commands/zpopmax/>
    fn zpopmax<T: FromReply>(self, key: impl ToArg) -> Request<Self, Option<(T, f64)>, ZpopOptions> {
        keyed::<_, ()>(self, const { known("ZPOPMAX") }, key).read_by(only_pair)
    }

    /// Removes the member with the lowest score: it and its score; `None` if there is none. With
    /// [`count`](ZpopOptions) up to so many.
    /// Since 5.0. <https://redis.io/docs/latest/commands/zpopmin/>
    fn zpopmin<T: FromReply>(self, key: impl ToArg) -> Request<Self, Option<(T, f64)>, ZpopOptions> {
        keyed::<_, ()>(self, const { known("ZPOPMIN") }, key).read_by(only_pair)
    }

    /// A random member, which stays; `None` if there is none. With [`count`](ZrandmemberOptions) so many, and then with
    /// [`withscores`](ZrandmemberOptions) their scores too.
    /// Since 6.2. <https://redis.io/docs/latest/commands/zrandmember/>
    fn zrandmember<T: FromReply>(self, key: impl ToArg) -> Request<Self, Option<T>, ZrandmemberOptions> {
        keyed::<_, ()>(self, const { known("ZRANDMEMBER") }, key).marked()
    }

    /// The members from `start` to `stop`, both included, in the order of their scores. Integers are ranks, from 0 on, of
    /// which negative ones count from the end. By score: [`ScoreBound`]s (since 6.2). Among members of the same score by
    /// name: [`LexBound`]s (since 6.2). Both ends must be of one kind. Empty if there are none.
    ///
    /// Options are methods of the request: [`rev`](ZrangeOptions), [`limit`](ZrangeOptions),
    /// [`withscores`](ZrangeOptions).
    /// Since 1.2. <https://redis.io/docs/latest/commands/zrange/>
    fn zrange<T: FromReply>(
        self,
        key: impl ToArg,
        start: impl ZrangeBound,
        stop: impl ZrangeBound,
    ) -> Request<Self, Vec<T>, ZrangeOptions> {
        between(keyed::<_, ()>(self, const { known("ZRANGE") }, key), start, stop).marked()
    }

    /// The members from `min` to `max` in the order of their bytes, if all have the same score. Option:
    /// [`limit`](ZrangeLimitOptions).
    /// Since 2.8.9. <https://redis.io/docs/latest/commands/zrangebylex/>
    /// Deprecated since 6.2: use [`zrange`](Self::zrange).
    fn zrangebylex<T: FromReply>(
        self,
        key: impl ToArg,
        min: LexBound,
        max: LexBound,
    ) -> Request<Self, Vec<T>, ZrangeLimitOptions> {
        keyed::<_, ()>(self, const { known("ZRANGEBYLEX") }, key).with((min, max)).marked()
    }

    /// The members with scores from `min` to `max`. Options: [`withscores`](ZscoreRangeOptions),
    /// [`limit`](ZscoreRangeOptions).
    /// Since 1.0.5. <https://redis.io/docs/latest/commands/zrangebyscore/>
    /// Deprecated since 6.2: use [`zrange`](Self::zrange).
    fn zrangebyscore<T: FromReply>(
        self,
        key: impl ToArg,
        min: impl Into<ScoreBound>,
        max: impl Into<ScoreBound>,
    ) -> Request<Self, Vec<T>, ZscoreRangeOptions> {
        keyed::<_, ()>(self, const { known("ZRANGEBYSCORE") }, key).with((min.into(), max.into())).marked()
    }

    /// Stores a range of `source`, given as for [`zrange`](Self::zrange), in the place of what was at `destination`.
    /// How many members it has; of none, `destination` is deleted. Options are methods of the request:
    /// [`rev`](ZrangestoreOptions), [`limit`](ZrangestoreOptions).
    /// Since 6.2. <https://redis.io/docs/latest/commands/zrangestore/>
    fn zrangestore(
        self,
        destination: impl ToArg,
        source: impl ToArg,
        start: impl ZrangeBound,
        stop: impl ZrangeBound,
    ) -> Request<Self, u64, ZrangestoreOptions> {
        let request = keyed::<_, ()>(self, const { known("ZRANGESTORE") }, destination).with_keys(source);
        between(request, start, stop).marked()
    }

    /// How many members have a lower score, or the same one and a lesser name; `None` if there is no such member. With
    /// [`withscore`](ZrankOptions) its score too.
    /// Since 2.0. <https://redis.io/docs/latest/commands/zrank/>
    fn zrank(self, key: impl ToArg, member: impl ToArg) -> Request<Self, Option<u64>, ZrankOptions> {
        keyed::<_, ()>(self, const { known("ZRANK") }, key).with(member).marked()
    }

    /// Removes members. How many there were.
    /// Since 1.2. <https://redis.io/docs/latest/commands/zrem/>
    fn zrem(self, key: impl ToArg, members: impl ToArgs) -> Request<Self, u64> {
        keyed(self, const { known("ZREM") }, key).with(members)
    }

    /// Removes the members from `min` to `max` in the order of their bytes, if all have the same score. How many it removed.
    /// Since 2.8.9. <https://redis.io/docs/latest/commands/zremrangebylex/>
    fn zremrangebylex(self, key: impl ToArg, min: LexBound, max: LexBound) -> Request<Self, u64> {
        keyed(self, const { known("ZREMRANGEBYLEX") }, key).with((min, max))
    }

    /// Removes the members with ranks from `start` to `stop`; negative ones count from the end. How many it removed.
    /// Since 2.0. <https://redis.io/docs/latest/commands/zremrangebyrank/>
    fn zremrangebyrank(self, key: impl ToArg, start: i64, stop: i64) -> Request<Self, u64> {
        keyed(self, const { known("ZREMRANGEBYRANK") }, key).with((start, stop))
    }

    /// Removes the members with scores from `min` to `max`. How many it removed.
    /// Since 1.2. <https://redis.io/docs/latest/commands/zremrangebyscore/>
    fn zremrangebyscore(
        self,
        key: impl ToArg,
        min: impl Into<ScoreBound>,
        max: impl Into<ScoreBound>,
    ) -> Request<Self, u64> {
        keyed(self, const { known("ZREMRANGEBYSCORE") }, key).with((min.into(), max.into()))
    }

    /// The members from `start` to `stop` in the order of their scores, the highest first; negative ranks count from the end.
    /// Option: [`withscores`](ZrevrangeOptions).
    /// Since 1.2. <https://redis.io/docs/latest/commands/zrevrange/>
    /// Deprecated since 6.2: use [`zrange`](Self::zrange) with [`rev`](ZrangeOptions).
    fn zrevrange<T: FromReply>(
        self,
        key: impl ToArg,
        start: i64,
        stop: i64,
    ) -> Request<Self, Vec<T>, ZrevrangeOptions> {
        keyed::<_, ()>(self, const { known("ZREVRANGE") }, key).with((start, stop)).marked()
    }

    /// The members from `max` down to `min` in the order of their bytes, if all have the same score. Option:
    /// [`limit`](ZrangeLimitOptions).
    /// Since 2.8.9. <https://redis.io/docs/latest/commands/zrevrangebylex/>
    /// Deprecated since 6.2: use [`zrange`](Self::zrange) with [`rev`](ZrangeOptions).
    fn zrevrangebylex<T: FromReply>(
        self,
        key: impl ToArg,
        max: LexBound,
        min: LexBound,
    ) -> Request<Self, Vec<T>, ZrangeLimitOptions> {
        keyed::<_, ()>(self, const { known("ZREVRANGEBYLEX") }, key).with((max, min)).marked()
    }

    /// The members with scores from `max` down to `min`. Options: [`withscores`](ZscoreRangeOptions),
    /// [`limit`](ZscoreRangeOptions).
    /// Since 2.2. <https://redis.io/docs/latest/commands/zrevrangebyscore/>
    /// Deprecated since 6.2: use [`zrange`](Self::zrange) with [`rev`](ZrangeOptions).
    fn zrevrangebyscore<T: FromReply>(
        self,
        key: impl ToArg,
        max: impl Into<ScoreBound>,
        min: impl Into<ScoreBound>,
    ) -> Request<Self, Vec<T>, ZscoreRangeOptions> {
        keyed::<_, ()>(self, const { known("ZREVRANGEBYSCORE") }, key).with((max.into(), min.into())).marked()
    }

    /// How many members have a higher score, or the same one and a greater name; `None` if there is no such member. With
    /// [`withscore`](ZrankOptions) its score too.
    /// Since 2.0. <https://redis.io/docs/latest/commands/zrevrank/>
    fn zrevrank(self, key: impl ToArg, member: impl ToArg) -> Request<Self, Option<u64>, ZrankOptions> {
        keyed::<_, ()>(self, const { known("ZREVRANK") }, key).with(member).marked()
    }

    /// A page of the members and their scores, in no order, and where the next page begins. Options and streams as for
    /// [`scan`](super::Keys::scan).
    /// Since 2.8. <https://redis.io/docs/latest/commands/zscan/>
    fn zscan<T: FromReply>(self, key: impl ToArg) -> Request<Self, Page<(T, f64)>, MemberScanOptions> {
        keyed::<_, ()>(self, const { known("ZSCAN") }, key).with(0).marked()
    }

    /// As [`zscan`](Self::zscan), without the scores.
    /// Valkey 8.0. <https://valkey.io/commands/zscan/>
    fn zscan_noscores<T: FromReply>(self, key: impl ToArg) -> Request<Self, Page<T>, MemberScanOptions> {
        keyed::<_, ()>(self, const { known("ZSCAN") }, key).with((0, "NOSCORES")).marked()
    }

    /// A member's score; `None` if there is no such member.
    /// Since 1.2. <https://redis.io/docs/latest/commands/zscore/>
    fn zscore(self, key: impl ToArg, member: impl ToArg) -> Request<Self, Option<f64>> {
        keyed(self, const { known("ZSCORE") }, key).with(member)
    }

    /// The members that at least one of the sorted sets, or sets, has, in the order of their scores, which are added up.
    /// Options are methods of the request: [`weights`](ZcombineOptions), [`aggregate`](ZcombineOptions),
    /// [`withscores`](ZcombineOptions).
    /// Since 6.2. <https://redis.io/docs/latest/commands/zunion/>
    fn zunion<T: FromReply>(self, keys: impl ToArgs) -> Request<Self, Vec<T>, ZcombineOptions> {
        counted_keys(keyless::<_, ()>(self, const { known("ZUNION") }), keys).marked()
    }

    /// Stores the members that at least one of the sorted sets, or sets, has, with their scores added up, in the place of what
    /// was at `destination`. How many they are; of none, `destination` is deleted. Options are methods of the request:
    /// [`weights`](ZstoreOptions), [`aggregate`](ZstoreOptions).
    /// Since 2.0. <https://redis.io/docs/latest/commands/zunionstore/>
    fn zunionstore(self, destination: impl ToArg, keys: impl ToArgs) -> Request<Self, u64, ZstoreOptions> {
        counted_keys(keyed::<_, ()>(self, const { known("ZUNIONSTORE") }, destination), keys).marked()
    }
}

impl<E: Executor> SortedSets for E {}

/// Which members are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Extreme {
    /// Those with the lowest scores.
    Min,
    /// Those with the highest scores.
    Max,
}

impl ToArgs for Extreme {
    fn write_args(&self, args: &mut Args<'_>) {
        args.bytes(match self {
            Self::Min => b"MIN",
            Self::Max => b"MAX",
        });
    }
}

impl ToArg for Extreme {}

/// What becomes of the scores of a member that several sorted sets have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Aggregate {
    /// They are added up.
    Sum,
    /// The lowest of them.
    Min,
    /// The highest of them.
    Max,
}

impl ToArgs for Aggregate {
    fn write_args(&self, args: &mut Args<'_>) {
        args.bytes(match self {
            Self::Sum => b"SUM",
            Self::Min => b"MIN",
            Self::Max => b"MAX",
        });
    }
}

impl ToArg for Aggregate {}

/// Marks a request of [`SortedSets::zadd`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+ZaddOptions%3E
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

/// Marks a request of [`SortedSets::zinter`] or [`SortedSets::zunion`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+Vec%3CT%3E,+ZcombineOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct ZcombineOptions;

/// Options of [`SortedSets::zinter`] and [`SortedSets::zunion`].
impl<E, T: FromReply> Request<E, Vec<T>, ZcombineOptions> {
    /// The scores are multiplied by these first: one for each key. Default: 1.
    pub fn weights(self, weights: impl ToArgs) -> Self {
        some_after(self, "WEIGHTS", weights)
    }

    /// What becomes of several scores of one member. Default: their sum.
    pub fn aggregate(self, aggregate: Aggregate) -> Self {
        self.with(("AGGREGATE", aggregate))
    }

    /// Answers the scores too.
    pub fn withscores(self) -> Request<E, Vec<(T, f64)>, ZcombineOptions> {
        self.with("WITHSCORES").marked()
    }
}

/// Marks a request of [`SortedSets::zdiff`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+Vec%3CT%3E,+ZdiffOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct ZdiffOptions;

/// Options of [`SortedSets::zdiff`].
impl<E, T: FromReply> Request<E, Vec<T>, ZdiffOptions> {
    /// Answers the scores too.
    pub fn withscores(self) -> Request<E, Vec<(T, f64)>, ZdiffOptions> {
        self.with("WITHSCORES").marked()
    }
}

/// Marks a request of [`SortedSets::zmpop`] or [`SortedSets::bzmpop`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+ZmpopOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct ZmpopOptions;

/// Options of [`SortedSets::zmpop`] and [`SortedSets::bzmpop`].
impl<E, T> Request<E, T, ZmpopOptions> {
    /// Up to so many members, of one sorted set. Default: 1.
    pub fn count(self, members: u64) -> Self {
        self.with(("COUNT", members))
    }
}

/// Marks a request of [`SortedSets::zpopmax`] or [`SortedSets::zpopmin`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+Option%3C(T,+f64)%3E,+ZpopOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct ZpopOptions;

/// Options of [`SortedSets::zpopmax`] and [`SortedSets::zpopmin`].
impl<E, T: FromReply> Request<E, Option<(T, f64)>, ZpopOptions> {
    /// Up to so many members, empty if there are none.
    pub fn count(self, members: u64) -> Request<E, Vec<(T, f64)>, ZpopOptions> {
        self.with(members).marked()
    }
}

/// Marks a request of [`SortedSets::zrandmember`], whose [options] are methods, and with `count` [further ones][further].
///
/// [options]: Request#impl-Request%3CE,+Option%3CT%3E,+ZrandmemberOptions%3E
/// [further]: Request#impl-Request%3CE,+Vec%3CT%3E,+ZrandmemberOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct ZrandmemberOptions;

/// Options of [`SortedSets::zrandmember`].
impl<E, T: FromReply> Request<E, Option<T>, ZrandmemberOptions> {
    /// Up to so many different members; of a negative count exactly so many, of which some can be the same. Empty if there
    /// are none.
    pub fn count(self, members: i64) -> Request<E, Vec<T>, ZrandmemberOptions> {
        self.with(members).marked()
    }
}

/// Options of [`SortedSets::zrandmember`] with a [`count`](ZrandmemberOptions).
impl<E, T: FromReply> Request<E, Vec<T>, ZrandmemberOptions> {
    /// Answers the scores too.
    pub fn withscores(self) -> Request<E, Vec<(T, f64)>, ZrandmemberOptions> {
        self.with("WITHSCORES").marked()
    }
}

/// Marks a request of [`SortedSets::zrangebylex`] or [`SortedSets::zrevrangebylex`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+ZrangeLimitOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct ZrangeLimitOptions;

/// Options of [`SortedSets::zrangebylex`] and [`SortedSets::zrevrangebylex`].
impl<E, T> Request<E, T, ZrangeLimitOptions> {
    /// Only so many of them (all, if negative), behind so many that are left out.
    pub fn limit(self, skipped: u64, members: i64) -> Self {
        self.with(("LIMIT", skipped, members))
    }
}

/// Marks a request of [`SortedSets::zrange`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+Vec%3CT%3E,+ZrangeOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct ZrangeOptions;

/// Options of [`SortedSets::zrange`].
impl<E, T: FromReply> Request<E, Vec<T>, ZrangeOptions> {
    /// Only so many of them (all, if negative), behind so many that are left out. Only of ranges by score or by name. Since 6.2.
    pub fn limit(self, skipped: u64, members: i64) -> Self {
        self.with(("LIMIT", skipped, members))
    }

    /// From the end: the highest score or the greatest name first, so that `start` is the greater end, and rank 0 the last
    /// member. Since 6.2.
    pub fn rev(self) -> Self {
        self.with("REV")
    }

    /// Answers the scores too. Not of ranges by name.
    pub fn withscores(self) -> Request<E, Vec<(T, f64)>, ZrangeOptions> {
        self.with("WITHSCORES").marked()
    }
}

/// Marks a request of [`SortedSets::zrangestore`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+ZrangestoreOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct ZrangestoreOptions;

/// Options of [`SortedSets::zrangestore`].
impl<E, T> Request<E, T, ZrangestoreOptions> {
    /// Only so many of them (all, if negative), behind so many that are left out. Only of ranges by score or by name.
    pub fn limit(self, skipped: u64, members: i64) -> Self {
        self.with(("LIMIT", skipped, members))
    }

    /// From the end: the highest score or the greatest name first, so that `start` is the greater end, and rank 0 the last
    /// member.
    pub fn rev(self) -> Self {
        self.with("REV")
    }
}

/// Marks a request of [`SortedSets::zrank`] or [`SortedSets::zrevrank`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+Option%3Cu64%3E,+ZrankOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct ZrankOptions;

/// Options of [`SortedSets::zrank`] and [`SortedSets::zrevrank`].
impl<E> Request<E, Option<u64>, ZrankOptions> {
    /// Answers the score too. Since 7.2.
    pub fn withscore(self) -> Request<E, Option<(u64, f64)>, ZrankOptions> {
        self.with("WITHSCORE").marked()
    }
}

/// Marks a request of [`SortedSets::zrevrange`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+Vec%3CT%3E,+ZrevrangeOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct ZrevrangeOptions;

/// Options of [`SortedSets::zrevrange`].
impl<E, T: FromReply> Request<E, Vec<T>, ZrevrangeOptions> {
    /// Answers the scores too.
    pub fn withscores(self) -> Request<E, Vec<(T, f64)>, ZrevrangeOptions> {
        self.with("WITHSCORES").marked()
    }
}

/// Marks a request of [`SortedSets::zrangebyscore`] or [`SortedSets::zrevrangebyscore`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+Vec%3CT%3E,+ZscoreRangeOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct ZscoreRangeOptions;

/// Options of [`SortedSets::zrangebyscore`] and [`SortedSets::zrevrangebyscore`].
impl<E, T: FromReply> Request<E, Vec<T>, ZscoreRangeOptions> {
    /// Only so many of them (all, if negative), behind so many that are left out.
    pub fn limit(self, skipped: u64, members: i64) -> Self {
        self.with(("LIMIT", skipped, members))
    }

    /// Answers the scores too.
    pub fn withscores(self) -> Request<E, Vec<(T, f64)>, ZscoreRangeOptions> {
        self.with("WITHSCORES").marked()
    }
}

/// Marks a request of [`SortedSets::zinterstore`] or [`SortedSets::zunionstore`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+ZstoreOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct ZstoreOptions;

/// Options of [`SortedSets::zinterstore`] and [`SortedSets::zunionstore`].
impl<E, T> Request<E, T, ZstoreOptions> {
    /// The scores are multiplied by these first: one for each key. Default: 1.
    pub fn weights(self, weights: impl ToArgs) -> Self {
        some_after(self, "WEIGHTS", weights)
    }

    /// What becomes of several scores of one member. Default: their sum.
    pub fn aggregate(self, aggregate: Aggregate) -> Self {
        self.with(("AGGREGATE", aggregate))
    }
}

/// A range with the option that says what its ends are.
fn between<E, T, O, A: ZrangeBound, B: ZrangeBound>(request: Request<E, T, O>, start: A, stop: B) -> Request<E, T, O> {
    let mut request = request.with((start, stop, A::BY));
    if A::BY != B::BY {
        request.command.reject("the two ends of a range are of different kinds".into());
    }
    request
}

/// The only pair, which is flat in both protocols.
fn only_pair<T: FromReply>(reply: Reply<'_>) -> Result<Option<(T, f64)>, ConversionError> {
    Ok(Vec::from_reply(reply)?.pop())
}
