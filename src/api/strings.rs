//! Strings: <https://redis.io/docs/latest/commands/?group=string>.

use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime};

use super::{counted_from, keyed, keyless, keys_only, known, milliseconds, unix_milliseconds};
use crate::command::{ConversionError, Effect, Elements, Executor, Fields, FromReply, Reply, Request, ToArg, ToArgs};

/// Commands on strings.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use std::time::Duration;
/// use steadfast::api::Strings;
///
/// client.set("session:7", "alice").ex(Duration::from_secs(60)).await?;
/// let user: Option<String> = client.get("session:7").await?;
///
/// // Whether it was set, and what was there before.
/// let first: bool = client.set("lock", "me").nx().ex(Duration::from_secs(10)).await?;
/// let before: Option<String> = client.set("state", "open").keepttl().get().await?;
///
/// let hits = client.incr("hits").await?;
/// client.mset([("width", 3), ("height", 4)]).await?;
/// let [width, height]: [i64; 2] = client.mget::<i64>(["width", "height"]).answer_as().await?;
/// # Ok(())
/// # }
/// ```
pub trait Strings: Executor {
    /// Appends to a string, which is made if there is none. The length it has then.
    /// Since 2.0. <https://redis.io/docs/latest/commands/append/>
    fn append(self, key: impl ToArg, value: impl ToArg) -> Request<Self, u64> {
        keyed(self, const { known("APPEND") }, key).with(value)
    }

    /// Subtracts 1; a missing key counts as 0. The new value.
    /// Since 1.0. <https://redis.io/docs/latest/commands/decr/>
    fn decr(self, key: impl ToArg) -> Request<Self, i64> {
        keyed(self, const { known("DECR") }, key)
    }

    /// Subtracts; a missing key counts as 0. The new value.
    /// Since 1.0. <https://redis.io/docs/latest/commands/decrby/>
    fn decrby(self, key: impl ToArg, by: i64) -> Request<Self, i64> {
        keyed(self, const { known("DECRBY") }, key).with(by)
    }

    /// Deletes a string, under a condition of its options: [`ifeq`](DelexOptions), [`ifne`](DelexOptions),
    /// [`ifdeq`](DelexOptions), [`ifdne`](DelexOptions); without one it deletes a key of any type. Whether it was
    /// deleted.
    /// Since 8.4. <https://redis.io/docs/latest/commands/delex/>
    fn delex(self, key: impl ToArg) -> Request<Self, bool, DelexOptions> {
        keyed::<_, ()>(self, const { known("DELEX") }, key).marked()
    }

    /// Deletes the key if its value is this one. Whether it was deleted.
    /// Valkey 9.0. <https://valkey.io/commands/delifeq/>
    fn delifeq(self, key: impl ToArg, value: impl ToArg) -> Request<Self, bool> {
        keyed(self, const { known("DELIFEQ") }, key).with(value)
    }

    /// The XXH3 digest of the value, in hexadecimal digits; `None` if there is none.
    /// Since 8.4. <https://redis.io/docs/latest/commands/digest/>
    fn digest(self, key: impl ToArg) -> Request<Self, Option<String>> {
        keyed(self, const { known("DIGEST") }, key)
    }

    /// The value, `None` if there is none. `T` is any [`FromReply`]: `String`, `i64`, `Bytes`, ...
    /// Since 1.0. <https://redis.io/docs/latest/commands/get/>
    fn get<T: FromReply>(self, key: impl ToArg) -> Request<Self, Option<T>> {
        keyed(self, const { known("GET") }, key)
    }

    /// The value, which is deleted; `None` if there is none.
    /// Since 6.2. <https://redis.io/docs/latest/commands/getdel/>
    fn getdel<T: FromReply>(self, key: impl ToArg) -> Request<Self, Option<T>> {
        keyed(self, const { known("GETDEL") }, key)
    }

    /// The value, `None` if there is none, and changes when it expires: options are methods of the request,
    /// [`ex`](GetexOptions), [`exat`](GetexOptions), [`persist`](GetexOptions). Without one nothing is changed.
    /// Since 6.2. <https://redis.io/docs/latest/commands/getex/>
    fn getex<T: FromReply>(self, key: impl ToArg) -> Request<Self, Option<T>, GetexOptions> {
        keyed::<_, ()>(self, const { known("GETEX") }, key).marked()
    }

    /// The bytes from `start` to `end`, both included; negative ones count from the end. Empty if there are none.
    /// Since 2.4. <https://redis.io/docs/latest/commands/getrange/>
    fn getrange<T: FromReply>(self, key: impl ToArg, start: i64, end: i64) -> Request<Self, T> {
        keyed(self, const { known("GETRANGE") }, key).with((start, end))
    }

    /// Sets a value; the one that was there before, `None` if there was none.
    /// Since 1.0. <https://redis.io/docs/latest/commands/getset/>
    /// Deprecated since 6.2: use [`set`](Self::set) with [`get`](SetOptions).
    fn getset<T: FromReply>(self, key: impl ToArg, value: impl ToArg) -> Request<Self, Option<T>> {
        keyed(self, const { known("GETSET") }, key).with(value)
    }

    /// Adds 1; a missing key counts as 0. The new value.
    /// Since 1.0. <https://redis.io/docs/latest/commands/incr/>
    fn incr(self, key: impl ToArg) -> Request<Self, i64> {
        keyed(self, const { known("INCR") }, key)
    }

    /// Adds; a missing key counts as 0. The new value.
    /// Since 1.0. <https://redis.io/docs/latest/commands/incrby/>
    fn incrby(self, key: impl ToArg, by: i64) -> Request<Self, i64> {
        keyed(self, const { known("INCRBY") }, key).with(by)
    }

    /// Adds; a missing key counts as 0. The new value.
    /// Since 2.6. <https://redis.io/docs/latest/commands/incrbyfloat/>
    fn incrbyfloat(self, key: impl ToArg, by: f64) -> Request<Self, f64> {
        keyed(self, const { known("INCRBYFLOAT") }, key).with(by)
    }

    /// Adds 1, or what [`byint`](IncrexOptions) or [`byfloat`](IncrexOptions) says, within bounds; a missing key counts
    /// as 0. The new value, and how much was added: nothing, and the expiry stays too, if the new value would be out of
    /// bounds. Options are methods of the request: those two, [`lbound`](IncrexOptions), [`ubound`](IncrexOptions),
    /// [`saturate`](IncrexOptions), [`ex`](IncrexOptions), [`exat`](IncrexOptions), [`enx`](IncrexOptions),
    /// [`persist`](IncrexOptions), [`nx`](IncrexOptions), [`xx`](IncrexOptions).
    ///
    /// So many calls in so much time: `increx(key).ubound(100).ex(minute).enx()`, where 0 was added if there were more.
    /// Redis 8.8, Valkey 9.2. <https://redis.io/docs/latest/commands/increx/>
    fn increx(self, key: impl ToArg) -> Request<Self, (i64, i64), IncrexOptions> {
        keyed::<_, ()>(self, const { known("INCREX") }, key).marked()
    }

    /// The longest common subsequence of two strings: bytes that are in both, in the same order, but not always side by
    /// side. Empty if there is none. It need not be UTF-8 where the strings are.
    /// Since 7.0. <https://redis.io/docs/latest/commands/lcs/>
    fn lcs<T: FromReply>(self, key: impl ToArg, other: impl ToArg) -> Request<Self, T> {
        keyed(self, const { known("LCS") }, key).with_keys(other)
    }

    /// Where the [longest common subsequence](Self::lcs) is in the two strings (`LCS .. IDX WITHMATCHLEN`).
    /// Short matches are left out with [`minmatchlen`](LcsIdxOptions).
    /// Since 7.0. <https://redis.io/docs/latest/commands/lcs/>
    fn lcs_idx(self, key: impl ToArg, other: impl ToArg) -> Request<Self, LcsMatches, LcsIdxOptions> {
        let request = keyed::<_, ()>(self, const { known("LCS") }, key).with_keys(other);
        request.with(("IDX", "WITHMATCHLEN")).marked()
    }

    /// How many bytes the [longest common subsequence](Self::lcs) has (`LCS .. LEN`).
    /// Since 7.0. <https://redis.io/docs/latest/commands/lcs/>
    fn lcs_len(self, key: impl ToArg, other: impl ToArg) -> Request<Self, u64> {
        keyed(self, const { known("LCS") }, key).with_keys(other).with("LEN")
    }

    /// The values of several keys, in their order, `None` where there is none.
    /// Since 1.0. <https://redis.io/docs/latest/commands/mget/>
    fn mget<T: FromReply>(self, keys: impl ToArgs) -> Request<Self, Vec<Option<T>>> {
        keys_only(self, const { known("MGET") }, keys)
    }

    /// Sets several keys at once: pairs of key and value.
    /// Since 1.0.1. <https://redis.io/docs/latest/commands/mset/>
    fn mset(self, pairs: impl ToArgs) -> Request<Self, ()> {
        keys_only(self, const { known("MSET") }, pairs)
    }

    /// Sets several keys at once, pairs of key and value, all with the same expiry. Whether they were set: always, without
    /// [`nx`](MsetexOptions) and [`xx`](MsetexOptions). Options are methods of the request: those two,
    /// [`ex`](MsetexOptions), [`exat`](MsetexOptions), [`keepttl`](MsetexOptions).
    /// Redis 8.4, Valkey 9.1. <https://redis.io/docs/latest/commands/msetex/>
    fn msetex(self, pairs: impl ToArgs) -> Request<Self, bool, MsetexOptions> {
        counted_from(1, 2, keyless::<_, ()>(self, const { known("MSETEX") }).with_keys(pairs)).marked()
    }

    /// Sets several keys at once, pairs of key and value, if none of them exists. Whether they were set.
    /// Since 1.0.1. <https://redis.io/docs/latest/commands/msetnx/>
    fn msetnx(self, pairs: impl ToArgs) -> Request<Self, bool> {
        keys_only(self, const { known("MSETNX") }, pairs)
    }

    /// Sets a value that expires after this long, in milliseconds, rounded up; zero is refused by the server.
    /// Since 2.6. <https://redis.io/docs/latest/commands/psetex/>
    /// Deprecated since 2.6.12: use [`set`](Self::set) with [`ex`](SetOptions).
    fn psetex(self, key: impl ToArg, after: Duration, value: impl ToArg) -> Request<Self, ()> {
        keyed(self, const { known("PSETEX") }, key).with((milliseconds(after), value))
    }

    /// Sets a value. Options are methods of the request: [`ex`](SetOptions), [`nx`](SetOptions),
    /// [`keepttl`](SetOptions), ... With `nx` or `xx` it answers whether the value was set, with `get` the value
    /// that was there before. Options that contradict each other are refused by the server.
    /// Since 1.0. <https://redis.io/docs/latest/commands/set/>
    fn set(self, key: impl ToArg, value: impl ToArg) -> Request<Self, (), SetOptions> {
        keyed::<_, ()>(self, const { known("SET") }, key).with(value).marked()
    }

    /// Sets a value that expires after this long. Sent as `PSETEX`, in milliseconds, rounded up; zero is refused by the
    /// server.
    /// Since 2.6. <https://redis.io/docs/latest/commands/setex/>
    /// Deprecated since 2.6.12: use [`set`](Self::set) with [`ex`](SetOptions).
    fn setex(self, key: impl ToArg, after: Duration, value: impl ToArg) -> Request<Self, ()> {
        self.psetex(key, after, value)
    }

    /// Sets a value if there is no such key. Whether it was set.
    /// Since 1.0. <https://redis.io/docs/latest/commands/setnx/>
    /// Deprecated since 2.6.12: use [`set`](Self::set) with [`nx`](SetOptions).
    fn setnx(self, key: impl ToArg, value: impl ToArg) -> Request<Self, bool> {
        keyed(self, const { known("SETNX") }, key).with(value)
    }

    /// Writes over a part of a string, from the byte `offset` on; a shorter string is filled up with zero bytes before.
    /// The length it has then. An empty value changes nothing.
    /// Since 2.2. <https://redis.io/docs/latest/commands/setrange/>
    fn setrange(self, key: impl ToArg, offset: u64, value: impl ToArg) -> Request<Self, u64> {
        keyed(self, const { known("SETRANGE") }, key).with((offset, value))
    }

    /// The length in bytes; 0 if there is none.
    /// Since 2.2. <https://redis.io/docs/latest/commands/strlen/>
    fn strlen(self, key: impl ToArg) -> Request<Self, u64> {
        keyed(self, const { known("STRLEN") }, key)
    }

    /// The bytes from `start` to `end`, both included; negative ones count from the end. Empty if there are none.
    /// Since 1.0. <https://redis.io/docs/latest/commands/substr/>
    /// Deprecated since 2.0: use [`getrange`](Self::getrange).
    fn substr<T: FromReply>(self, key: impl ToArg, start: i64, end: i64) -> Request<Self, T> {
        keyed(self, const { known("SUBSTR") }, key).with((start, end))
    }
}

impl<E: Executor> Strings for E {}

/// Marks a request of [`Strings::set`], whose [options] are methods; so are those of every [`Setting`]: `ex`, `exat`,
/// `keepttl`.
///
/// [options]: Request#impl-Request%3CE,+T,+SetOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct SetOptions;

/// Marks a request of [`Strings::set`] that answers the value that was there before, whose [options] are methods; so are
/// those of every [`Setting`].
///
/// [options]: Request#impl-Request%3CE,+T,+SetGetOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct SetGetOptions;

/// The marks of requests of [`Strings::set`], whatever they answer. On the page of [`Request`], the block
/// `impl<E, T, O: Setting>` has the options that all of them have: `ex`, `exat`, `keepttl`.
pub trait Setting: sealed::Sealed {}

mod sealed {
    pub trait Sealed {}
}

impl sealed::Sealed for SetOptions {}

impl sealed::Sealed for SetGetOptions {}

impl Setting for SetOptions {}

impl Setting for SetGetOptions {}

/// Options of [`Strings::set`].
impl<E, T, O: Setting> Request<E, T, O> {
    /// The key expires after this long. Sent in milliseconds (`PX`); rounded up, so that it never expires early. Zero is
    /// refused by the server. Since 2.6.12.
    pub fn ex(self, after: Duration) -> Self {
        self.with(("PX", milliseconds(after)))
    }

    /// The key expires at this time. Sent in milliseconds (`PXAT`). Since 6.2.
    pub fn exat(self, at: SystemTime) -> Self {
        self.with(("PXAT", unix_milliseconds(at)))
    }

    /// The key keeps the expiry it has. Since 6.0.
    pub fn keepttl(self) -> Self {
        self.with("KEEPTTL")
    }
}

/// Options of [`Strings::set`].
impl<E, T> Request<E, T, SetOptions> {
    /// Only if there is no such key; answers whether it was set. Since 2.6.12.
    pub fn nx(self) -> Request<E, bool, SetOptions> {
        self.with("NX").does(Effect::ConditionalWrite).marked()
    }

    /// Only if there is such a key; answers whether it was set. Since 2.6.12.
    pub fn xx(self) -> Request<E, bool, SetOptions> {
        self.with("XX").marked()
    }

    /// Only if the value is this one; answers whether it was set. Redis 8.4, Valkey 8.1.
    pub fn ifeq(self, value: impl ToArg) -> Request<E, bool, SetOptions> {
        self.with(("IFEQ", value)).does(Effect::ConditionalWrite).marked()
    }

    /// Only if the value is not this one, or there is none; answers whether it was set. Since 8.4.
    pub fn ifne(self, value: impl ToArg) -> Request<E, bool, SetOptions> {
        self.with(("IFNE", value)).marked()
    }

    /// Only if the value's [`digest`](Strings::digest) is this one; answers whether it was set. Since 8.4.
    pub fn ifdeq(self, digest: impl ToArg) -> Request<E, bool, SetOptions> {
        self.with(("IFDEQ", digest)).does(Effect::ConditionalWrite).marked()
    }

    /// Only if the value's [`digest`](Strings::digest) is not this one, or there is none; answers whether it was set.
    /// Since 8.4.
    pub fn ifdne(self, digest: impl ToArg) -> Request<E, bool, SetOptions> {
        self.with(("IFDNE", digest)).marked()
    }

    /// Answers the value that was there before, `None` if there was none. Since 6.2; together with `nx` since 7.0.
    pub fn get<U: FromReply>(self) -> Request<E, Option<U>, SetGetOptions> {
        self.with("GET").does(Effect::Never).marked()
    }
}

/// Options of [`Strings::set`] that answers the value that was there before.
impl<E, T> Request<E, T, SetGetOptions> {
    /// Only if there is no such key: it was set if the answer is `None`. Since 7.0.
    pub fn nx(self) -> Self {
        self.with("NX")
    }

    /// Only if there is such a key: it was set if the answer is not `None`.
    pub fn xx(self) -> Self {
        self.with("XX")
    }

    /// Only if the value is this one: it was set if the answer is this one. Redis 8.4, Valkey 8.1.
    pub fn ifeq(self, value: impl ToArg) -> Self {
        self.with(("IFEQ", value))
    }

    /// Only if the value is not this one, or there is none. Since 8.4.
    pub fn ifne(self, value: impl ToArg) -> Self {
        self.with(("IFNE", value))
    }

    /// Only if the value's [`digest`](Strings::digest) is this one. Since 8.4.
    pub fn ifdeq(self, digest: impl ToArg) -> Self {
        self.with(("IFDEQ", digest))
    }

    /// Only if the value's [`digest`](Strings::digest) is not this one, or there is none. Since 8.4.
    pub fn ifdne(self, digest: impl ToArg) -> Self {
        self.with(("IFDNE", digest))
    }
}

/// Marks a request of [`Strings::getex`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+GetexOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct GetexOptions;

/// Options of [`Strings::getex`].
impl<E, T> Request<E, T, GetexOptions> {
    /// The key expires after this long. Sent in milliseconds (`PX`), rounded up. Zero is refused by the server.
    pub fn ex(self, after: Duration) -> Self {
        self.with(("PX", milliseconds(after))).does(Effect::LastWriteWins)
    }

    /// The key expires at this time. Sent in milliseconds (`PXAT`).
    pub fn exat(self, at: SystemTime) -> Self {
        self.with(("PXAT", unix_milliseconds(at))).does(Effect::LastWriteWins)
    }

    /// The key does not expire any more.
    pub fn persist(self) -> Self {
        self.with("PERSIST").does(Effect::LastWriteWins)
    }
}

/// Marks a request of [`Strings::msetex`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+MsetexOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct MsetexOptions;

/// Options of [`Strings::msetex`].
impl<E, T> Request<E, T, MsetexOptions> {
    /// The keys expire after this long. Sent in milliseconds (`PX`), rounded up. Zero is refused by the server.
    pub fn ex(self, after: Duration) -> Self {
        self.with(("PX", milliseconds(after)))
    }

    /// The keys expire at this time. Sent in milliseconds (`PXAT`).
    pub fn exat(self, at: SystemTime) -> Self {
        self.with(("PXAT", unix_milliseconds(at)))
    }

    /// The keys keep the expiries they have.
    pub fn keepttl(self) -> Self {
        self.with("KEEPTTL")
    }

    /// Only if none of the keys exists.
    pub fn nx(self) -> Self {
        self.with("NX").does(Effect::ConditionalWrite)
    }

    /// Only if all of the keys exist.
    pub fn xx(self) -> Self {
        self.with("XX")
    }
}

/// Marks a request of [`Strings::delex`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+DelexOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct DelexOptions;

/// Options of [`Strings::delex`].
impl<E, T> Request<E, T, DelexOptions> {
    /// Only if the value is this one.
    pub fn ifeq(self, value: impl ToArg) -> Self {
        self.with(("IFEQ", value)).does(Effect::ConditionalWrite)
    }

    /// Only if the value is not this one.
    pub fn ifne(self, value: impl ToArg) -> Self {
        self.with(("IFNE", value))
    }

    /// Only if the value's [`digest`](Strings::digest) is this one.
    pub fn ifdeq(self, digest: impl ToArg) -> Self {
        self.with(("IFDEQ", digest)).does(Effect::ConditionalWrite)
    }

    /// Only if the value's [`digest`](Strings::digest) is not this one.
    pub fn ifdne(self, digest: impl ToArg) -> Self {
        self.with(("IFDNE", digest))
    }
}

/// Marks a request of [`Strings::increx`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+IncrexOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct IncrexOptions;

/// Options of [`Strings::increx`].
impl<E, T> Request<E, T, IncrexOptions> {
    /// Adds this instead of 1.
    pub fn byint(self, by: i64) -> Self {
        self.with(("BYINT", by))
    }

    /// Adds this instead of 1; then the value can be a double, and so are the answers.
    pub fn byfloat(self, by: f64) -> Request<E, (f64, f64), IncrexOptions> {
        self.with(("BYFLOAT", by)).marked()
    }

    /// The new value must not be less than this: an integer, or with [`byfloat`](Self::byfloat) a double.
    pub fn lbound(self, least: impl ToArg) -> Self {
        self.with(("LBOUND", least))
    }

    /// The new value must not be greater than this: an integer, or with [`byfloat`](Self::byfloat) a double.
    pub fn ubound(self, greatest: impl ToArg) -> Self {
        self.with(("UBOUND", greatest))
    }

    /// Adds only as much as the bounds allow, instead of nothing.
    pub fn saturate(self) -> Self {
        self.with("SATURATE")
    }

    /// The key expires after this long. Sent in milliseconds (`PX`), rounded up. Zero is refused by the server. Default:
    /// the expiry stays as it is.
    pub fn ex(self, after: Duration) -> Self {
        self.with(("PX", milliseconds(after)))
    }

    /// The key expires at this time. Sent in milliseconds (`PXAT`).
    pub fn exat(self, at: SystemTime) -> Self {
        self.with(("PXAT", unix_milliseconds(at)))
    }

    /// An expiry that the key has already stays; with [`ex`](Self::ex) or [`exat`](Self::exat).
    pub fn enx(self) -> Self {
        self.with("ENX")
    }

    /// The key does not expire any more.
    pub fn persist(self) -> Self {
        self.with("PERSIST")
    }

    /// Only if there is no such key. Valkey 9.2.
    pub fn nx(self) -> Self {
        self.with("NX")
    }

    /// Only if there is such a key. Valkey 9.2.
    pub fn xx(self) -> Self {
        self.with("XX")
    }
}

/// Marks a request of [`Strings::lcs_idx`], whose [option] is a method.
///
/// [option]: Request#impl-Request%3CE,+T,+LcsIdxOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct LcsIdxOptions;

/// Options of [`Strings::lcs_idx`].
impl<E, T> Request<E, T, LcsIdxOptions> {
    /// Only matches of at least so many bytes. Default: all.
    pub fn minmatchlen(self, bytes: u64) -> Self {
        self.with(("MINMATCHLEN", bytes))
    }
}

/// Where the longest common subsequence of two strings is in them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LcsMatches {
    /// Its runs of bytes that are side by side in both strings, the last one first.
    pub matches: Vec<LcsMatch>,
    /// How many bytes all of it has, those of matches that were left out too.
    pub len: u64,
}

/// A run of bytes that is in both strings.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LcsMatch {
    /// Which bytes of the first string it is.
    pub first: RangeInclusive<usize>,
    /// Which bytes of the second string it is.
    pub second: RangeInclusive<usize>,
    /// How many bytes it has.
    pub len: u64,
}

impl FromReply for LcsMatches {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let fields = Fields::of(reply)?;
        Ok(Self { matches: fields.required("matches")?, len: fields.required("len")? })
    }
}

impl FromReply for LcsMatch {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let mut elements = Elements::of(reply)?;
        let ((first, last), (other_first, other_last)) = (elements.required()?, elements.required()?);
        Ok(Self { first: first..=last, second: other_first..=other_last, len: elements.required()? })
    }
}
