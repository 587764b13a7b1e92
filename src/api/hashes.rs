//! Hashes: <https://redis.io/docs/latest/commands/?group=hash>.

use std::time::{Duration, SystemTime};

use super::{ExpireTime, TimeToLive, counted, counted_from, keyed, known, milliseconds, unix_milliseconds};
use crate::command::{
    ConversionError, Effect, Executor, FromReply, MemberScanOptions, Page, Reply, Request, ToArg, ToArgs,
};

/// Commands on hashes.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use std::collections::HashMap;
/// use std::time::Duration;
/// use steadfast::api::Hashes;
///
/// // Fields of different types are a tuple of pairs; of one type also an array, a vector or a map.
/// client.hset("user:7", (("name", "alice"), ("visits", 1))).await?;
/// let visits = client.hincrby("user:7", "visits", 1).await?;
/// let name: Option<String> = client.hget("user:7", "name").await?;
/// let all: HashMap<String, String> = client.hgetall("user:7").await?;
///
/// // A field that expires alone (Redis 8.0, Valkey 9.0).
/// client.hsetex("user:7", ("code", 123_456)).ex(Duration::from_secs(300)).await?;
///
/// // A hash too large for one answer.
/// let mut fields = client.hscan::<String, String>("words").matching("a*").stream();
/// while let Some(field) = fields.next().await {
///     let (word, meaning) = field?;
/// }
/// # Ok(())
/// # }
/// ```
pub trait Hashes: Executor {
    /// Deletes fields. How many there were.
    /// Since 2.0. <https://redis.io/docs/latest/commands/hdel/>
    fn hdel(self, key: impl ToArg, fields: impl ToArgs) -> Request<Self, u64> {
        keyed(self, const { known("HDEL") }, key).with(fields)
    }

    /// Whether there is such a field.
    /// Since 2.0. <https://redis.io/docs/latest/commands/hexists/>
    fn hexists(self, key: impl ToArg, field: impl ToArg) -> Request<Self, bool> {
        keyed(self, const { known("HEXISTS") }, key).with(field)
    }

    /// Fields expire after this long, without the others; of zero, at once. What came of it, for each field. Options
    /// are methods of the request: [`nx`](HexpireOptions), [`xx`](HexpireOptions), [`gt`](HexpireOptions),
    /// [`lt`](HexpireOptions). Sent as `HPEXPIRE`, in milliseconds, rounded up.
    /// Redis 7.4, Valkey 9.0. <https://redis.io/docs/latest/commands/hexpire/>
    fn hexpire(
        self,
        key: impl ToArg,
        after: Duration,
        fields: impl ToArgs,
    ) -> Request<Self, Vec<FieldExpiry>, HexpireOptions> {
        self.hpexpire(key, after, fields)
    }

    /// Fields expire at this time; if that is past, at once. Answer and options as for [`hexpire`](Self::hexpire). Sent as
    /// `HPEXPIREAT`, in milliseconds, rounded up.
    /// Redis 7.4, Valkey 9.0. <https://redis.io/docs/latest/commands/hexpireat/>
    fn hexpireat(
        self,
        key: impl ToArg,
        at: SystemTime,
        fields: impl ToArgs,
    ) -> Request<Self, Vec<FieldExpiry>, HexpireOptions> {
        self.hpexpireat(key, at, fields)
    }

    /// When fields expire, in their order. Sent as `HPEXPIRETIME`, in milliseconds.
    /// Redis 7.4, Valkey 9.0. <https://redis.io/docs/latest/commands/hexpiretime/>
    fn hexpiretime(self, key: impl ToArg, fields: impl ToArgs) -> Request<Self, Vec<ExpireTime>> {
        self.hpexpiretime(key, fields)
    }

    /// The value of a field, `None` if there is none.
    /// Since 2.0. <https://redis.io/docs/latest/commands/hget/>
    fn hget<T: FromReply>(self, key: impl ToArg, field: impl ToArg) -> Request<Self, Option<T>> {
        keyed(self, const { known("HGET") }, key).with(field)
    }

    /// All fields with their values: a map of any kind, or a vector of pairs. Empty if there are none.
    /// Since 2.0. <https://redis.io/docs/latest/commands/hgetall/>
    fn hgetall<T: FromReply>(self, key: impl ToArg) -> Request<Self, T> {
        keyed(self, const { known("HGETALL") }, key)
    }

    /// The values of several fields, which are deleted, in their order; `None` where there is none.
    /// Redis 8.0, Valkey 9.1. <https://redis.io/docs/latest/commands/hgetdel/>
    fn hgetdel<T: FromReply>(self, key: impl ToArg, fields: impl ToArgs) -> Request<Self, Vec<Option<T>>> {
        counted(keyed(self, const { known("HGETDEL") }, key).with("FIELDS"), fields)
    }

    /// The values of several fields, in their order, `None` where there is none, and changes when they expire: options
    /// are methods of the request, [`ex`](HgetexOptions), [`exat`](HgetexOptions), [`persist`](HgetexOptions). Without
    /// one nothing is changed.
    /// Redis 8.0, Valkey 9.0. <https://redis.io/docs/latest/commands/hgetex/>
    fn hgetex<T: FromReply>(
        self,
        key: impl ToArg,
        fields: impl ToArgs,
    ) -> Request<Self, Vec<Option<T>>, HgetexOptions> {
        counted(keyed::<_, ()>(self, const { known("HGETEX") }, key).with("FIELDS"), fields).marked()
    }

    /// Adds to a field; a missing one counts as 0. The new value.
    /// Since 2.0. <https://redis.io/docs/latest/commands/hincrby/>
    fn hincrby(self, key: impl ToArg, field: impl ToArg, by: i64) -> Request<Self, i64> {
        keyed(self, const { known("HINCRBY") }, key).with((field, by))
    }

    /// Adds to a field; a missing one counts as 0. The new value.
    /// Since 2.6. <https://redis.io/docs/latest/commands/hincrbyfloat/>
    fn hincrbyfloat(self, key: impl ToArg, field: impl ToArg, by: f64) -> Request<Self, f64> {
        keyed(self, const { known("HINCRBYFLOAT") }, key).with((field, by))
    }

    /// The names of all fields.
    /// Since 2.0. <https://redis.io/docs/latest/commands/hkeys/>
    fn hkeys<T: FromReply>(self, key: impl ToArg) -> Request<Self, Vec<T>> {
        keyed(self, const { known("HKEYS") }, key)
    }

    /// How many fields there are.
    /// Since 2.0. <https://redis.io/docs/latest/commands/hlen/>
    fn hlen(self, key: impl ToArg) -> Request<Self, u64> {
        keyed(self, const { known("HLEN") }, key)
    }

    /// The values of several fields, in their order, `None` where there is none.
    /// Since 2.0. <https://redis.io/docs/latest/commands/hmget/>
    fn hmget<T: FromReply>(self, key: impl ToArg, fields: impl ToArgs) -> Request<Self, Vec<Option<T>>> {
        keyed(self, const { known("HMGET") }, key).with(fields)
    }

    /// Sets fields: pairs as for [`hset`](Self::hset).
    /// Since 2.0. <https://redis.io/docs/latest/commands/hmset/>
    /// Deprecated since 4.0: use [`hset`](Self::hset).
    fn hmset(self, key: impl ToArg, pairs: impl ToArgs) -> Request<Self, ()> {
        keyed(self, const { known("HMSET") }, key).with(pairs)
    }

    /// Fields do not expire any more. Whether they would have, in their order.
    /// Redis 7.4, Valkey 9.0. <https://redis.io/docs/latest/commands/hpersist/>
    fn hpersist(self, key: impl ToArg, fields: impl ToArgs) -> Request<Self, Vec<bool>> {
        counted(keyed::<_, ()>(self, const { known("HPERSIST") }, key).with("FIELDS"), fields).read_by(persisted)
    }

    /// Fields expire after this long, in milliseconds, rounded up: [`hexpire`](Self::hexpire).
    /// Redis 7.4, Valkey 9.0. <https://redis.io/docs/latest/commands/hpexpire/>
    fn hpexpire(
        self,
        key: impl ToArg,
        after: Duration,
        fields: impl ToArgs,
    ) -> Request<Self, Vec<FieldExpiry>, HexpireOptions> {
        let request = keyed::<_, ()>(self, const { known("HPEXPIRE") }, key).with((milliseconds(after), "FIELDS"));
        counted(request, fields).marked()
    }

    /// Fields expire at this time, in milliseconds, rounded up: [`hexpireat`](Self::hexpireat).
    /// Redis 7.4, Valkey 9.0. <https://redis.io/docs/latest/commands/hpexpireat/>
    fn hpexpireat(
        self,
        key: impl ToArg,
        at: SystemTime,
        fields: impl ToArgs,
    ) -> Request<Self, Vec<FieldExpiry>, HexpireOptions> {
        let request = keyed::<_, ()>(self, const { known("HPEXPIREAT") }, key).with((unix_milliseconds(at), "FIELDS"));
        counted(request, fields).marked()
    }

    /// When fields expire, in their order, to the millisecond.
    /// Redis 7.4, Valkey 9.0. <https://redis.io/docs/latest/commands/hpexpiretime/>
    fn hpexpiretime(self, key: impl ToArg, fields: impl ToArgs) -> Request<Self, Vec<ExpireTime>> {
        counted(keyed(self, const { known("HPEXPIRETIME") }, key).with("FIELDS"), fields)
    }

    /// How long fields still live, in their order, to the millisecond.
    /// Redis 7.4, Valkey 9.0. <https://redis.io/docs/latest/commands/hpttl/>
    fn hpttl(self, key: impl ToArg, fields: impl ToArgs) -> Request<Self, Vec<TimeToLive>> {
        counted(keyed(self, const { known("HPTTL") }, key).with("FIELDS"), fields)
    }

    /// The name of any field; `None` if there is no such key. Of several ones with the request's method
    /// [`count`](HrandfieldOptions), and then also their values.
    /// Since 6.2. <https://redis.io/docs/latest/commands/hrandfield/>
    fn hrandfield<T: FromReply>(self, key: impl ToArg) -> Request<Self, Option<T>, HrandfieldOptions> {
        keyed::<_, ()>(self, const { known("HRANDFIELD") }, key).marked()
    }

    /// A page of the fields and their values, in no order, and where the next page begins. Options and streams as for
    /// [`scan`](super::Keys::scan).
    /// Since 2.8. <https://redis.io/docs/latest/commands/hscan/>
    fn hscan<F: FromReply, V: FromReply>(self, key: impl ToArg) -> Request<Self, Page<(F, V)>, MemberScanOptions> {
        keyed::<_, ()>(self, const { known("HSCAN") }, key).with(0).marked()
    }

    /// As [`hscan`](Self::hscan), the names of the fields alone.
    /// Redis 7.4, Valkey 8.0. <https://redis.io/docs/latest/commands/hscan/>
    fn hscan_novalues<F: FromReply>(self, key: impl ToArg) -> Request<Self, Page<F>, MemberScanOptions> {
        keyed::<_, ()>(self, const { known("HSCAN") }, key).with((0, "NOVALUES")).marked()
    }

    /// Sets fields: pairs of field and value, as an array or a map, or, of different types, as a tuple of pairs:
    /// `(("name", "alice"), ("age", 7))`. How many of them are new.
    /// Since 4.0. <https://redis.io/docs/latest/commands/hset/>
    fn hset(self, key: impl ToArg, pairs: impl ToArgs) -> Request<Self, u64> {
        keyed(self, const { known("HSET") }, key).with(pairs)
    }

    /// Sets fields, pairs as for [`hset`](Self::hset), all with the same expiry. Whether they were set: always, without
    /// a condition. Options are methods of the request: [`ex`](HsetexOptions), [`exat`](HsetexOptions),
    /// [`keepttl`](HsetexOptions), [`fnx`](HsetexOptions), [`fxx`](HsetexOptions), [`nx`](HsetexOptions),
    /// [`xx`](HsetexOptions).
    /// Redis 8.0, Valkey 9.0. <https://redis.io/docs/latest/commands/hsetex/>
    fn hsetex(self, key: impl ToArg, pairs: impl ToArgs) -> Request<Self, bool, HsetexOptions> {
        let request = keyed::<_, ()>(self, const { known("HSETEX") }, key).with("FIELDS").with(pairs);
        counted_from(3, 2, request).marked()
    }

    /// Sets a field if there is none. Whether it was set.
    /// Since 2.0. <https://redis.io/docs/latest/commands/hsetnx/>
    fn hsetnx(self, key: impl ToArg, field: impl ToArg, value: impl ToArg) -> Request<Self, bool> {
        keyed(self, const { known("HSETNX") }, key).with((field, value))
    }

    /// The length of a field's value in bytes; 0 if there is none.
    /// Since 3.2. <https://redis.io/docs/latest/commands/hstrlen/>
    fn hstrlen(self, key: impl ToArg, field: impl ToArg) -> Request<Self, u64> {
        keyed(self, const { known("HSTRLEN") }, key).with(field)
    }

    /// How long fields still live, in their order. Sent as `HPTTL`, in milliseconds.
    /// Redis 7.4, Valkey 9.0. <https://redis.io/docs/latest/commands/httl/>
    fn httl(self, key: impl ToArg, fields: impl ToArgs) -> Request<Self, Vec<TimeToLive>> {
        self.hpttl(key, fields)
    }

    /// The values of all fields. Empty if there is no such key.
    /// Since 2.0. <https://redis.io/docs/latest/commands/hvals/>
    fn hvals<T: FromReply>(self, key: impl ToArg) -> Request<Self, Vec<T>> {
        keyed(self, const { known("HVALS") }, key)
    }
}

impl<E: Executor> Hashes for E {}

/// Marks a request that says when fields expire, whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+HexpireOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct HexpireOptions;

/// Options of [`Hashes::hexpire`], [`Hashes::hexpireat`], [`Hashes::hpexpire`] and [`Hashes::hpexpireat`].
impl<E, T> Request<E, T, HexpireOptions> {
    /// Only fields that do not expire yet.
    pub fn nx(self) -> Self {
        self.insert(3, "NX").does(Effect::ConditionalWrite)
    }

    /// Only fields that expire already.
    pub fn xx(self) -> Self {
        self.insert(3, "XX")
    }

    /// Only fields that would expire earlier than that; not those that would not expire at all.
    pub fn gt(self) -> Self {
        self.insert(3, "GT")
    }

    /// Only fields that would expire later than that, or not at all.
    pub fn lt(self) -> Self {
        self.insert(3, "LT").does(Effect::ConditionalWrite)
    }
}

/// Marks a request of [`Hashes::hgetex`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+HgetexOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct HgetexOptions;

/// Options of [`Hashes::hgetex`].
impl<E, T> Request<E, T, HgetexOptions> {
    /// The fields expire after this long. Sent in milliseconds (`PX`), rounded up.
    pub fn ex(self, after: Duration) -> Self {
        self.insert(2, ("PX", milliseconds(after))).does(Effect::LastWriteWins)
    }

    /// The fields expire at this time. Sent in milliseconds (`PXAT`).
    pub fn exat(self, at: SystemTime) -> Self {
        self.insert(2, ("PXAT", unix_milliseconds(at))).does(Effect::LastWriteWins)
    }

    /// The fields do not expire any more.
    pub fn persist(self) -> Self {
        self.insert(2, "PERSIST").does(Effect::LastWriteWins)
    }
}

/// Marks a request of [`Hashes::hsetex`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+HsetexOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct HsetexOptions;

/// Options of [`Hashes::hsetex`].
impl<E, T> Request<E, T, HsetexOptions> {
    /// The fields expire after this long. Sent in milliseconds (`PX`), rounded up.
    pub fn ex(self, after: Duration) -> Self {
        self.insert(2, ("PX", milliseconds(after)))
    }

    /// The fields expire at this time. Sent in milliseconds (`PXAT`).
    pub fn exat(self, at: SystemTime) -> Self {
        self.insert(2, ("PXAT", unix_milliseconds(at)))
    }

    /// The fields keep the expiries they have.
    pub fn keepttl(self) -> Self {
        self.insert(2, "KEEPTTL")
    }

    /// Only if none of the fields exists.
    pub fn fnx(self) -> Self {
        self.insert(2, "FNX").does(Effect::ConditionalWrite)
    }

    /// Only if all of the fields exist.
    pub fn fxx(self) -> Self {
        self.insert(2, "FXX")
    }

    /// Only if there is no such key. Valkey 9.0.
    pub fn nx(self) -> Self {
        self.insert(2, "NX").does(Effect::ConditionalWrite)
    }

    /// Only if there is such a key. Valkey 9.0.
    pub fn xx(self) -> Self {
        self.insert(2, "XX")
    }
}

/// Marks a request of [`Hashes::hrandfield`], whose [option] is a method.
///
/// [option]: Request#impl-Request%3CE,+Option%3CT%3E,+HrandfieldOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct HrandfieldOptions;

/// Marks a request of [`Hashes::hrandfield`] for several fields, whose [option] is a method.
///
/// [option]: Request#impl-Request%3CE,+Vec%3CT%3E,+HrandfieldCountOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct HrandfieldCountOptions;

/// Options of [`Hashes::hrandfield`].
impl<E, T: FromReply> Request<E, Option<T>, HrandfieldOptions> {
    /// So many fields, or all if there are not so many; of a negative number so many, and then one can come again. Empty
    /// if there is no such key.
    pub fn count(self, fields: i64) -> Request<E, Vec<T>, HrandfieldCountOptions> {
        self.with(fields).marked()
    }
}

/// Options of [`Hashes::hrandfield`] for several fields.
impl<E, T: FromReply> Request<E, Vec<T>, HrandfieldCountOptions> {
    /// Answers the fields with their values.
    pub fn withvalues<V: FromReply>(self) -> Request<E, Vec<(T, V)>> {
        self.with("WITHVALUES").marked()
    }
}

/// What came of saying when a field expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldExpiry {
    /// There is no such key or field.
    Missing,
    /// The condition was not met.
    Unchanged,
    /// It expires then.
    Set,
    /// The time was past: it is deleted.
    Deleted,
}

impl FromReply for FieldExpiry {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        match i64::from_reply(reply)? {
            -2 => Ok(Self::Missing),
            0 => Ok(Self::Unchanged),
            1 => Ok(Self::Set),
            2 => Ok(Self::Deleted),
            other => Err(ConversionError::new("-2, 0, 1 or 2", other.to_string())),
        }
    }
}

/// Whether fields would have expired: 1; -1 and -2 are fields that do not expire, and none.
fn persisted(reply: Reply<'_>) -> Result<Vec<bool>, ConversionError> {
    Ok(Vec::<i64>::from_reply(reply)?.into_iter().map(|answer| answer == 1).collect())
}
