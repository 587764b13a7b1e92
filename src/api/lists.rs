//! Lists: <https://redis.io/docs/latest/commands/?group=list>.

use std::time::Duration;

use super::{block_seconds, blocking_on, counted_keys, keyed, keyless, known, list_or_null};
use crate::command::{Args, ConversionError, Executor, FromReply, Reply, Request, ToArg, ToArgs};

/// Commands on lists.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use std::time::Duration;
/// use steadfast::api::{End, Lists};
///
/// client.rpush("jobs", ["a", "b", "c"]).await?;
/// let job: Option<String> = client.lpop("jobs").await?;
/// let two: Vec<String> = client.lpop("jobs").count(2).await?;
/// let moved: Option<String> = client.lmove("jobs", "busy", End::Left, End::Right).await?;
/// let rest: Vec<String> = client.lrange("jobs", 0, -1).await?;
///
/// // Waits for the next one, on a connection that nobody else uses meanwhile.
/// let next: Option<(String, String)> = client.blpop(["urgent", "jobs"], Duration::from_secs(30)).await?;
/// # Ok(())
/// # }
/// ```
pub trait Lists: Executor {
    /// Moves the item at one end of a list to an end of another, or of the same, and if there is none waits for one. The
    /// item; `None` if none came. It [waits](crate::api#commands-that-wait) up to `timeout`; of zero without end.
    /// Since 6.2. <https://redis.io/docs/latest/commands/blmove/>
    fn blmove<T: FromReply>(
        self,
        source: impl ToArg,
        destination: impl ToArg,
        from: End,
        to: End,
        timeout: Duration,
    ) -> Request<Self, Option<T>> {
        let request = keyed(self, const { known("BLMOVE") }, source).with_keys(destination);
        request.with((from, to, block_seconds(timeout)))
    }

    /// Removes an item from the first of the lists that has one, or with [`count`](LmpopOptions) up to so many, and if all
    /// are empty waits for one. The list's key and the items; `None` if none came. Items are gone also if the key or one of them does
    /// not convert: `Bytes` takes any. It [waits](crate::api#commands-that-wait) up to `timeout`; of zero without end.
    /// Since 7.0. <https://redis.io/docs/latest/commands/blmpop/>
    fn blmpop<K: FromReply, T: FromReply>(
        self,
        keys: impl ToArgs,
        from: End,
        timeout: Duration,
    ) -> Request<Self, Option<(K, Vec<T>)>, LmpopOptions> {
        let request = keyless::<_, ()>(self, const { known("BLMPOP") }).with(block_seconds(timeout));
        counted_keys(request, keys).with(from).marked()
    }

    /// Removes the first item of the first of the lists that has one, and if all are empty waits for one. The list's key and
    /// the item; `None` if none came. The item is gone also if it or the key does not convert: `Bytes` takes any. It
    /// [waits](crate::api#commands-that-wait) up to `timeout`; of zero without end.
    /// Since 2.0. <https://redis.io/docs/latest/commands/blpop/>
    fn blpop<K: FromReply, T: FromReply>(self, keys: impl ToArgs, timeout: Duration) -> Request<Self, Option<(K, T)>> {
        blocking_on(self, const { known("BLPOP") }, keys, timeout)
    }

    /// Removes the last item of the first of the lists that has one, and if all are empty waits for one; otherwise as
    /// [`blpop`](Self::blpop).
    /// Since 2.0. <https://redis.io/docs/latest/commands/brpop/>
    fn brpop<K: FromReply, T: FromReply>(self, keys: impl ToArgs, timeout: Duration) -> Request<Self, Option<(K, T)>> {
        blocking_on(self, const { known("BRPOP") }, keys, timeout)
    }

    /// Moves the last item of a list to the front of another, or of the same, and if there is none waits for one. The item;
    /// `None` if none came. It [waits](crate::api#commands-that-wait) up to `timeout`; of zero without end.
    /// Since 2.2. <https://redis.io/docs/latest/commands/brpoplpush/>
    /// Deprecated since 6.2: use [`blmove`](Self::blmove).
    fn brpoplpush<T: FromReply>(
        self,
        source: impl ToArg,
        destination: impl ToArg,
        timeout: Duration,
    ) -> Request<Self, Option<T>> {
        keyed(self, const { known("BRPOPLPUSH") }, source).with_keys(destination).with(block_seconds(timeout))
    }

    /// The item at the index, from 0 on; negative ones count from the end. `None` if there is none.
    /// Since 1.0. <https://redis.io/docs/latest/commands/lindex/>
    fn lindex<T: FromReply>(self, key: impl ToArg, index: i64) -> Request<Self, Option<T>> {
        keyed(self, const { known("LINDEX") }, key).with(index)
    }

    /// Adds an item before or after the first one that equals `pivot`. How many there are then; `None` if there is no
    /// such item, or no list: then nothing was added.
    /// Since 2.2. <https://redis.io/docs/latest/commands/linsert/>
    fn linsert(self, key: impl ToArg, place: Place, pivot: impl ToArg, item: impl ToArg) -> Request<Self, Option<u64>> {
        let place = match place {
            Place::Before => "BEFORE",
            Place::After => "AFTER",
        };
        keyed::<_, ()>(self, const { known("LINSERT") }, key).with((place, pivot, item)).read_by(length_if_inserted)
    }

    /// How many items there are; 0 if there is no list.
    /// Since 1.0. <https://redis.io/docs/latest/commands/llen/>
    fn llen(self, key: impl ToArg) -> Request<Self, u64> {
        keyed(self, const { known("LLEN") }, key)
    }

    /// Moves the item at one end of a list to an end of another, or of the same. The item; `None` if there is none.
    /// Since 6.2. <https://redis.io/docs/latest/commands/lmove/>
    fn lmove<T: FromReply>(
        self,
        source: impl ToArg,
        destination: impl ToArg,
        from: End,
        to: End,
    ) -> Request<Self, Option<T>> {
        keyed(self, const { known("LMOVE") }, source).with_keys(destination).with((from, to))
    }

    /// Removes an item from the first of the lists that has one, or with [`count`](LmpopOptions) up to so many. The
    /// list's key and the items; `None` if all lists are empty. Items are gone also if the key or one of them does not
    /// convert: `Bytes` takes any.
    /// Since 7.0. <https://redis.io/docs/latest/commands/lmpop/>
    fn lmpop<K: FromReply, T: FromReply>(
        self,
        keys: impl ToArgs,
        from: End,
    ) -> Request<Self, Option<(K, Vec<T>)>, LmpopOptions> {
        counted_keys(keyless::<_, ()>(self, const { known("LMPOP") }), keys).with(from).marked()
    }

    /// Removes the first item; `None` if there is none. With [`count`](PopOptions) up to so many.
    /// Since 1.0. <https://redis.io/docs/latest/commands/lpop/>
    fn lpop<T: FromReply>(self, key: impl ToArg) -> Request<Self, Option<T>, PopOptions> {
        keyed::<_, ()>(self, const { known("LPOP") }, key).marked()
    }

    /// The index of the first item that equals this one; `None` if there is none. Options are methods of the request:
    /// [`rank`](LposOptions), [`count`](LposOptions), [`maxlen`](LposOptions).
    /// Since 6.0.6. <https://redis.io/docs/latest/commands/lpos/>
    fn lpos(self, key: impl ToArg, item: impl ToArg) -> Request<Self, Option<u64>, LposOptions> {
        keyed::<_, ()>(self, const { known("LPOS") }, key).with(item).marked()
    }

    /// Adds items at the front, one after the other. How many there are then.
    /// Since 1.0. <https://redis.io/docs/latest/commands/lpush/>
    fn lpush(self, key: impl ToArg, items: impl ToArgs) -> Request<Self, u64> {
        keyed(self, const { known("LPUSH") }, key).with(items)
    }

    /// Adds items at the front, one after the other, if there is such a list. How many there are then; 0 if there is none.
    /// Since 2.2. <https://redis.io/docs/latest/commands/lpushx/>
    fn lpushx(self, key: impl ToArg, items: impl ToArgs) -> Request<Self, u64> {
        keyed(self, const { known("LPUSHX") }, key).with(items)
    }

    /// The items from `start` to `stop`, both included; negative ones count from the end. Empty if there are none.
    /// Since 1.0. <https://redis.io/docs/latest/commands/lrange/>
    fn lrange<T: FromReply>(self, key: impl ToArg, start: i64, stop: i64) -> Request<Self, Vec<T>> {
        keyed(self, const { known("LRANGE") }, key).with((start, stop))
    }

    /// Removes items that equal this one: the first `count`, of a negative count the last ones, of 0 all. How many it
    /// removed.
    /// Since 1.0. <https://redis.io/docs/latest/commands/lrem/>
    fn lrem(self, key: impl ToArg, count: i64, item: impl ToArg) -> Request<Self, u64> {
        keyed(self, const { known("LREM") }, key).with((count, item))
    }

    /// Sets the item at the index; negative ones count from the end. Where there is none, the server answers with an
    /// error.
    /// Since 1.0. <https://redis.io/docs/latest/commands/lset/>
    fn lset(self, key: impl ToArg, index: i64, item: impl ToArg) -> Request<Self, ()> {
        keyed(self, const { known("LSET") }, key).with((index, item))
    }

    /// Keeps only the items from `start` to `stop`, both included; negative ones count from the end.
    /// Since 1.0. <https://redis.io/docs/latest/commands/ltrim/>
    fn ltrim(self, key: impl ToArg, start: i64, stop: i64) -> Request<Self, ()> {
        keyed(self, const { known("LTRIM") }, key).with((start, stop))
    }

    /// Removes the last item; `None` if there is none. With [`count`](PopOptions) up to so many, the last one first.
    /// Since 1.0. <https://redis.io/docs/latest/commands/rpop/>
    fn rpop<T: FromReply>(self, key: impl ToArg) -> Request<Self, Option<T>, PopOptions> {
        keyed::<_, ()>(self, const { known("RPOP") }, key).marked()
    }

    /// Moves the last item of a list to the front of another, or of the same. The item; `None` if there is none.
    /// Since 1.2. <https://redis.io/docs/latest/commands/rpoplpush/>
    /// Deprecated since 6.2: use [`lmove`](Self::lmove).
    fn rpoplpush<T: FromReply>(self, source: impl ToArg, destination: impl ToArg) -> Request<Self, Option<T>> {
        keyed(self, const { known("RPOPLPUSH") }, source).with_keys(destination)
    }

    /// Adds items at the end. How many there are then.
    /// Since 1.0. <https://redis.io/docs/latest/commands/rpush/>
    fn rpush(self, key: impl ToArg, items: impl ToArgs) -> Request<Self, u64> {
        keyed(self, const { known("RPUSH") }, key).with(items)
    }

    /// Adds items at the end, if there is such a list. How many there are then; 0 if there is none.
    /// Since 2.2. <https://redis.io/docs/latest/commands/rpushx/>
    fn rpushx(self, key: impl ToArg, items: impl ToArgs) -> Request<Self, u64> {
        keyed(self, const { known("RPUSHX") }, key).with(items)
    }
}

impl<E: Executor> Lists for E {}

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// The front, where index 0 is.
    Left,
    /// The end, where index -1 is.
    Right,
}

impl ToArgs for End {
    fn write_args(&self, args: &mut Args<'_>) {
        args.bytes(match self {
            Self::Left => b"LEFT",
            Self::Right => b"RIGHT",
        });
    }
}

impl ToArg for End {}

/// Where an item is inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// Before the other one, nearer to index 0.
    Before,
    /// After the other one.
    After,
}

/// Marks a request of [`Lists::lpop`] or [`Lists::rpop`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+Option%3CT%3E,+PopOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct PopOptions;

/// Options of [`Lists::lpop`] and [`Lists::rpop`].
impl<E, T: FromReply> Request<E, Option<T>, PopOptions> {
    /// Up to so many items, empty if there are none. Since 6.2.
    pub fn count(self, items: u64) -> Request<E, Vec<T>, PopOptions> {
        self.with(items).read_by(list_or_null)
    }
}

/// Marks a request of [`Lists::lmpop`] or [`Lists::blmpop`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+LmpopOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct LmpopOptions;

/// Options of [`Lists::lmpop`] and [`Lists::blmpop`].
impl<E, T> Request<E, T, LmpopOptions> {
    /// Up to so many items, of one list. Default: 1.
    pub fn count(self, items: u64) -> Self {
        self.with(("COUNT", items))
    }
}

/// Marks a request of [`Lists::lpos`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+LposOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct LposOptions;

/// Options of [`Lists::lpos`].
impl<E, T> Request<E, T, LposOptions> {
    /// From which match on: 1 is the first one, -1 the last one, and then backwards. Default: 1. Zero is refused by the
    /// server.
    pub fn rank(self, match_number: i64) -> Self {
        self.with(("RANK", match_number))
    }

    /// Answers the indices of up to so many matches, of 0 all; empty if there are none.
    pub fn count(self, matches: u64) -> Request<E, Vec<u64>, LposOptions> {
        self.with(("COUNT", matches)).read_by(list_or_null)
    }

    /// Looks at no more than so many items. Default: 0, all.
    pub fn maxlen(self, items: u64) -> Self {
        self.with(("MAXLEN", items))
    }
}

/// The length after LINSERT; it answers 0 where no list is, and -1 where no such item is.
fn length_if_inserted(reply: Reply<'_>) -> Result<Option<u64>, ConversionError> {
    Ok(Some(i64::from_reply(reply)?.max(0).unsigned_abs()).filter(|length| *length > 0))
}
