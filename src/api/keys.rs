//! Keys: <https://redis.io/docs/latest/commands/?group=generic>.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use super::{at_least_one, keyed, keyless, keys_only, known, milliseconds, unix_milliseconds};
use crate::command::{ConversionError, Effect, Executor, FromReply, Page, Reply, Request, ScanOptions, ToArg, ToArgs};

/// Commands on keys of any type.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use std::time::Duration;
/// use steadfast::api::Keys;
///
/// let is_there = client.expire("session:7", Duration::from_secs(60)).await?;
/// let left: Option<Duration> = client.ttl("session:7").await?.left();
/// let how_many = client.exists(["a", "b"]).await?;
/// let was_to_expire = client.persist("session:8").await?;
///
/// // All keys of a kind, without holding the server up as KEYS does.
/// let mut drafts = client.scan::<String>().matching("draft:*").count(1000).stream();
/// while let Some(draft) = drafts.next().await {
///     client.unlink(draft?).await?;
/// }
/// # Ok(())
/// # }
/// ```
pub trait Keys: Executor {
    /// Copies the value of one key to another. Whether it was copied: not if there is no such key, or the other one exists
    /// and [`replace`](CopyOptions) is not said. Options are methods of the request.
    /// Since 6.2. <https://redis.io/docs/latest/commands/copy/>
    fn copy(self, from: impl ToArg, to: impl ToArg) -> Request<Self, bool, CopyOptions> {
        keyed::<_, ()>(self, const { known("COPY") }, from).with_keys(to).marked()
    }

    /// Deletes keys: one, or an array, a slice or a vector of them, at least one. How many there were.
    /// Since 1.0. <https://redis.io/docs/latest/commands/del/>
    fn del(self, keys: impl ToArgs) -> Request<Self, u64> {
        keys_only(self, const { known("DEL") }, keys)
    }

    /// The value in a form that [`restore`](Self::restore) makes the same value of, also on another server of this
    /// version or a newer one; `None` if there is no such key. How long the key lives is not in it.
    /// Since 2.6. <https://redis.io/docs/latest/commands/dump/>
    fn dump(self, key: impl ToArg) -> Request<Self, Option<Bytes>> {
        keyed(self, const { known("DUMP") }, key)
    }

    /// How many of the keys exist; one that is named twice counts twice.
    /// Since 1.0. <https://redis.io/docs/latest/commands/exists/>
    fn exists(self, keys: impl ToArgs) -> Request<Self, u64> {
        keys_only(self, const { known("EXISTS") }, keys)
    }

    /// The key expires after this long; of zero, at once. Whether there is such a key, and the condition of the
    /// options, if there is one, was met: [`nx`](ExpireOptions), [`xx`](ExpireOptions), [`gt`](ExpireOptions),
    /// [`lt`](ExpireOptions). Sent as `PEXPIRE`, in milliseconds, rounded up.
    /// Since 2.6. <https://redis.io/docs/latest/commands/expire/>
    fn expire(self, key: impl ToArg, after: Duration) -> Request<Self, bool, ExpireOptions> {
        self.pexpire(key, after)
    }

    /// The key expires at this time; if that is past, at once. Answer and options as for [`expire`](Self::expire). Sent
    /// as `PEXPIREAT`, in milliseconds, rounded up.
    /// Since 2.6. <https://redis.io/docs/latest/commands/expireat/>
    fn expireat(self, key: impl ToArg, at: SystemTime) -> Request<Self, bool, ExpireOptions> {
        self.pexpireat(key, at)
    }

    /// When the key expires. Sent as `PEXPIRETIME`, in milliseconds.
    /// Since 7.0. <https://redis.io/docs/latest/commands/expiretime/>
    fn expiretime(self, key: impl ToArg) -> Request<Self, ExpireTime> {
        self.pexpiretime(key)
    }

    /// All keys of the database that match the pattern, in no order: `*` any text, `?` any byte, `[ab]` one of these. The
    /// server looks at every key it has and does nothing else meanwhile: [`scan`](Self::scan) is for databases in use.
    /// Since 1.0. <https://redis.io/docs/latest/commands/keys/>
    fn keys<T: FromReply>(self, pattern: impl ToArg) -> Request<Self, Vec<T>> {
        keyless(self, const { known("KEYS") }).with(pattern)
    }

    /// Moves keys, at least one, to another server, which they are gone to when the answer is there. Whether any of them
    /// existed. Options are methods of the request: [`db`](MigrateOptions), [`timeout`](MigrateOptions),
    /// [`copy`](MigrateOptions), [`replace`](MigrateOptions), [`auth`](MigrateOptions), [`auth2`](MigrateOptions).
    ///
    /// Meanwhile the server does nothing else. An error of the other server, or the time-out, is an error here, and then
    /// some keys may be on both. Since 3.0.6. <https://redis.io/docs/latest/commands/migrate/>
    fn migrate(self, host: impl ToArg, port: u16, keys: impl ToArgs) -> Request<Self, bool, MigrateOptions> {
        let request = keyless::<_, ()>(self, const { known("MIGRATE") }).with((host, port, "", 0, 0, "KEYS"));
        let from = request.command.len();
        at_least_one(from, request.with_keys(keys)).read_by(found_keys)
    }

    /// Moves a key to another database of the server (`MOVE`, which is no name for a function in Rust). Whether it was
    /// moved: not if there is no such key, or there is one in the other database too.
    /// Since 1.0. <https://redis.io/docs/latest/commands/move/>
    fn move_to(self, key: impl ToArg, database: u32) -> Request<Self, bool> {
        keyed(self, const { known("MOVE") }, key).with(database)
    }

    /// How the server keeps the value: `int`, `embstr`, `raw`, `listpack`, `quicklist`, `hashtable`, `skiplist`, ...;
    /// `None` if there is no such key.
    /// Since 2.2.3. <https://redis.io/docs/latest/commands/object-encoding/>
    fn object_encoding(self, key: impl ToArg) -> Request<Self, Option<String>> {
        keyed(self, const { known("OBJECT ENCODING") }, key)
    }

    /// About how often the key was used lately, as a logarithm; `None` if there is no such key. Only a server whose
    /// `maxmemory-policy` is one of `lfu` counts it.
    /// Since 4.0. <https://redis.io/docs/latest/commands/object-freq/>
    fn object_freq(self, key: impl ToArg) -> Request<Self, Option<u64>> {
        keyed(self, const { known("OBJECT FREQ") }, key)
    }

    /// Help on the `OBJECT` commands, line by line.
    /// Since 6.2. <https://redis.io/docs/latest/commands/object-help/>
    fn object_help(self) -> Request<Self, Vec<String>> {
        keyless(self, const { known("OBJECT HELP") })
    }

    /// How long the key has not been used, in whole seconds; `None` if there is no such key. Not known to a server whose
    /// `maxmemory-policy` is one of `lfu`.
    /// Since 2.2.3. <https://redis.io/docs/latest/commands/object-idletime/>
    fn object_idletime(self, key: impl ToArg) -> Request<Self, Option<Duration>> {
        keyed::<_, ()>(self, const { known("OBJECT IDLETIME") }, key).read_by(seconds)
    }

    /// How many places of the server refer to the value; `None` if there is no such key.
    /// Since 2.2.3. <https://redis.io/docs/latest/commands/object-refcount/>
    fn object_refcount(self, key: impl ToArg) -> Request<Self, Option<u64>> {
        keyed(self, const { known("OBJECT REFCOUNT") }, key)
    }

    /// The key does not expire any more. Whether it would have.
    /// Since 2.2. <https://redis.io/docs/latest/commands/persist/>
    fn persist(self, key: impl ToArg) -> Request<Self, bool> {
        keyed(self, const { known("PERSIST") }, key)
    }

    /// The key expires after this long, in milliseconds, rounded up: [`expire`](Self::expire).
    /// Since 2.6. <https://redis.io/docs/latest/commands/pexpire/>
    fn pexpire(self, key: impl ToArg, after: Duration) -> Request<Self, bool, ExpireOptions> {
        keyed::<_, ()>(self, const { known("PEXPIRE") }, key).with(milliseconds(after)).marked()
    }

    /// The key expires at this time, in milliseconds, rounded up: [`expireat`](Self::expireat).
    /// Since 2.6. <https://redis.io/docs/latest/commands/pexpireat/>
    fn pexpireat(self, key: impl ToArg, at: SystemTime) -> Request<Self, bool, ExpireOptions> {
        keyed::<_, ()>(self, const { known("PEXPIREAT") }, key).with(unix_milliseconds(at)).marked()
    }

    /// When the key expires, to the millisecond.
    /// Since 7.0. <https://redis.io/docs/latest/commands/pexpiretime/>
    fn pexpiretime(self, key: impl ToArg) -> Request<Self, ExpireTime> {
        keyed(self, const { known("PEXPIRETIME") }, key)
    }

    /// How long the key still lives, to the millisecond.
    /// Since 2.6. <https://redis.io/docs/latest/commands/pttl/>
    fn pttl(self, key: impl ToArg) -> Request<Self, TimeToLive> {
        keyed(self, const { known("PTTL") }, key)
    }

    /// Any key of the database; `None` if there is none.
    /// Since 1.0. <https://redis.io/docs/latest/commands/randomkey/>
    fn randomkey<T: FromReply>(self) -> Request<Self, Option<T>> {
        keyless(self, const { known("RANDOMKEY") })
    }

    /// Gives a key another name; what had that name is gone. An error of the server if there is no such key.
    /// Since 1.0. <https://redis.io/docs/latest/commands/rename/>
    fn rename(self, key: impl ToArg, name: impl ToArg) -> Request<Self, ()> {
        keyed(self, const { known("RENAME") }, key).with_keys(name)
    }

    /// Gives a key another name, if nothing has that name. Whether it was done; an error of the server if there is no such
    /// key.
    /// Since 1.0. <https://redis.io/docs/latest/commands/renamenx/>
    fn renamenx(self, key: impl ToArg, name: impl ToArg) -> Request<Self, bool> {
        keyed(self, const { known("RENAMENX") }, key).with_keys(name)
    }

    /// Makes a key of what [`dump`](Self::dump) answered. An error of the server (`BUSYKEY`) if there is such a key
    /// already and [`replace`](RestoreOptions) is not said. Options are methods of the request: that one,
    /// [`ttl`](RestoreOptions), [`absttl`](RestoreOptions), [`idletime`](RestoreOptions), [`freq`](RestoreOptions).
    /// Default: it does not expire.
    /// Since 2.6. <https://redis.io/docs/latest/commands/restore/>
    fn restore(self, key: impl ToArg, dumped: impl ToArg) -> Request<Self, (), RestoreOptions> {
        keyed::<_, ()>(self, const { known("RESTORE") }, key).with((0, dumped)).marked()
    }

    /// A page of the keys of the database, in no order, and where the next page begins. Options are methods of the
    /// request: [`matching`](ScanOptions), [`count`](ScanOptions), [`of_type`](ScanOptions),
    /// [`cursor`](ScanOptions). On a client [`stream`](Request::stream) goes through all pages.
    ///
    /// A key that was there from the first page to the last comes at least once, perhaps twice. In a cluster a page is refused
    /// (`NeedsDedicated`), since its cursor would mean something to one node only; a stream goes through all of them.
    /// Since 2.8. <https://redis.io/docs/latest/commands/scan/>
    fn scan<T: FromReply>(self) -> Request<Self, Page<T>, ScanOptions> {
        keyless::<_, ()>(self, const { known("SCAN") }).with(0).marked()
    }

    /// The elements of a list, a set or a sorted set in order, or values that they refer to. Empty if there is no such
    /// key. Options are methods of the request: [`by`](SortOptions), [`limit`](SortOptions), [`get`](SortOptions),
    /// [`asc`](SortOptions), [`desc`](SortOptions), [`alpha`](SortOptions). Default: as numbers, the least one first;
    /// an element that is none is an error.
    /// Since 1.0. <https://redis.io/docs/latest/commands/sort/>
    fn sort<T: FromReply>(self, key: impl ToArg) -> Request<Self, Vec<T>, SortOptions> {
        keyed::<_, ()>(self, const { known("SORT") }, key).marked()
    }

    /// As [`sort`](Self::sort), on a replica too.
    /// Since 7.0. <https://redis.io/docs/latest/commands/sort_ro/>
    fn sort_ro<T: FromReply>(self, key: impl ToArg) -> Request<Self, Vec<T>, SortOptions> {
        keyed::<_, ()>(self, const { known("SORT_RO") }, key).marked()
    }

    /// Stores what [`sort`](Self::sort) would answer as a list (`SORT .. STORE`), in the place of what is there. How many
    /// elements it has; of none, the key is deleted. Options as for `sort`.
    /// Since 1.0. <https://redis.io/docs/latest/commands/sort/>
    fn sort_store(self, key: impl ToArg, destination: impl ToArg) -> Request<Self, u64, SortOptions> {
        let request = keyed::<_, ()>(self, const { known("SORT") }, key).with("STORE").with_keys(destination);
        request.marked()
    }

    /// The keys count as used now. How many of them exist.
    /// Since 3.2.1. <https://redis.io/docs/latest/commands/touch/>
    fn touch(self, keys: impl ToArgs) -> Request<Self, u64> {
        keys_only(self, const { known("TOUCH") }, keys)
    }

    /// How long the key still lives. Sent as `PTTL`, in milliseconds.
    /// Since 2.6. <https://redis.io/docs/latest/commands/ttl/>
    fn ttl(self, key: impl ToArg) -> Request<Self, TimeToLive> {
        self.pttl(key)
    }

    /// The type of the value: `string`, `list`, `set`, `zset`, `hash`, `stream`, or `none`.
    /// Since 1.0. <https://redis.io/docs/latest/commands/type/>
    fn type_of(self, key: impl ToArg) -> Request<Self, String> {
        keyed(self, const { known("TYPE") }, key)
    }

    /// Deletes keys, freeing their memory in the background. How many there were.
    /// Since 4.0. <https://redis.io/docs/latest/commands/unlink/>
    fn unlink(self, keys: impl ToArgs) -> Request<Self, u64> {
        keys_only(self, const { known("UNLINK") }, keys)
    }
}

impl<E: Executor> Keys for E {}

/// Marks a request of [`Keys::copy`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+CopyOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct CopyOptions;

/// Options of [`Keys::copy`].
impl<E, T> Request<E, T, CopyOptions> {
    /// Into this database, instead of the same.
    pub fn db(self, number: u32) -> Self {
        self.with(("DB", number))
    }

    /// Even if the other key exists.
    pub fn replace(self) -> Self {
        self.with("REPLACE").does(Effect::LastWriteWins)
    }
}

/// Marks a request that says when a key expires, whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+ExpireOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct ExpireOptions;

/// Options of [`Keys::expire`], [`Keys::expireat`], [`Keys::pexpire`] and [`Keys::pexpireat`].
impl<E, T> Request<E, T, ExpireOptions> {
    /// Only if the key does not expire yet. Since 7.0.
    pub fn nx(self) -> Self {
        self.with("NX").does(Effect::ConditionalWrite)
    }

    /// Only if the key expires already. Since 7.0.
    pub fn xx(self) -> Self {
        self.with("XX")
    }

    /// Only if the key would expire earlier than that; not if it would not expire at all. Since 7.0.
    pub fn gt(self) -> Self {
        self.with("GT")
    }

    /// Only if the key would expire later than that, or not at all. Since 7.0.
    pub fn lt(self) -> Self {
        self.with("LT").does(Effect::ConditionalWrite)
    }
}

/// Marks a request of [`Keys::migrate`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+MigrateOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct MigrateOptions;

/// Options of [`Keys::migrate`].
impl<E, T> Request<E, T, MigrateOptions> {
    /// Into this database. Default: 0.
    pub fn db(self, number: u32) -> Self {
        self.put(4, number)
    }

    /// How long the other server may be silent. Default: 1 s. The request's own deadline counts too.
    pub fn timeout(self, silence: Duration) -> Self {
        self.put(5, milliseconds(silence))
    }

    /// The keys stay on this server too. Since 3.0.
    pub fn copy(self) -> Self {
        self.insert(6, "COPY")
    }

    /// Even if the other server has such keys. Since 3.0.
    pub fn replace(self) -> Self {
        self.insert(6, "REPLACE")
    }

    /// With this password at the other server. Since 4.0.7.
    pub fn auth(self, password: impl ToArg) -> Self {
        self.insert(6, ("AUTH", password))
    }

    /// With this user and password at the other server. Since 6.0.
    pub fn auth2(self, user: impl ToArg, password: impl ToArg) -> Self {
        self.insert(6, ("AUTH2", user, password))
    }
}

/// Marks a request of [`Keys::restore`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+RestoreOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct RestoreOptions;

/// Options of [`Keys::restore`].
impl<E, T> Request<E, T, RestoreOptions> {
    /// The key expires after this long, in milliseconds, rounded up; of zero, never.
    pub fn ttl(self, after: Duration) -> Self {
        self.put(2, milliseconds(after))
    }

    /// The key expires at this time, in milliseconds, rounded up; instead of [`ttl`](Self::ttl). Since 5.0.
    pub fn absttl(self, at: SystemTime) -> Self {
        self.put(2, unix_milliseconds(at)).with("ABSTTL")
    }

    /// Even if there is such a key. Since 3.0.
    pub fn replace(self) -> Self {
        self.with("REPLACE").does(Effect::LastWriteWins)
    }

    /// The key counts as not used for this long, in whole seconds. Since 5.0.
    pub fn idletime(self, unused: Duration) -> Self {
        self.with(("IDLETIME", unused.as_secs()))
    }

    /// How often the key counts as used, as a logarithm: see [`object_freq`](Keys::object_freq). Since 5.0.
    pub fn freq(self, logarithm: u8) -> Self {
        self.with(("FREQ", logarithm))
    }
}

/// Marks a request that sorts, whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+SortOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct SortOptions;

/// Options of [`Keys::sort`], [`Keys::sort_ro`] and [`Keys::sort_store`].
impl<E, T> Request<E, T, SortOptions> {
    /// In the order of other values: of the keys that this pattern names with the element for `*`, or of a hash's field
    /// behind `->`. A pattern without `*` means that nothing is sorted.
    pub fn by(self, pattern: impl ToArg) -> Self {
        self.with(("BY", pattern))
    }

    /// Only `count` elements, after `offset` others; a negative count means all.
    pub fn limit(self, offset: u64, count: i64) -> Self {
        self.with(("LIMIT", offset, count))
    }

    /// Instead of each element the value of the key that this pattern names with the element for `*`, null if there is
    /// none; of a hash's field behind `->`; or with `#` the element itself. Several of these come one after the other.
    pub fn get(self, pattern: impl ToArg) -> Self {
        self.with(("GET", pattern))
    }

    /// The least one first. The default.
    pub fn asc(self) -> Self {
        self.with("ASC")
    }

    /// The greatest one first.
    pub fn desc(self) -> Self {
        self.with("DESC")
    }

    /// As text and not as numbers.
    pub fn alpha(self) -> Self {
        self.with("ALPHA")
    }
}

/// How long a key, or a field of a hash, still lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeToLive {
    /// There is no such key or field.
    Missing,
    /// It does not expire.
    Forever,
    /// It expires after this long.
    Left(Duration),
}

impl TimeToLive {
    /// How long it still lives; `None` if it does not expire, or there is none.
    pub fn left(self) -> Option<Duration> {
        match self {
            Self::Left(left) => Some(left),
            Self::Missing | Self::Forever => None,
        }
    }
}

impl FromReply for TimeToLive {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        match i64::from_reply(reply)? {
            -2 => Ok(Self::Missing),
            -1 => Ok(Self::Forever),
            left => u64::try_from(left)
                .map(|left| Self::Left(Duration::from_millis(left)))
                .map_err(|_| ConversionError::new("milliseconds, -1 or -2", left.to_string())),
        }
    }
}

/// When a key, or a field of a hash, expires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpireTime {
    /// There is no such key or field.
    Missing,
    /// It does not expire.
    Never,
    /// It expires at this time.
    At(SystemTime),
}

impl ExpireTime {
    /// When it expires; `None` if it does not, or there is none.
    pub fn at(self) -> Option<SystemTime> {
        match self {
            Self::At(at) => Some(at),
            Self::Missing | Self::Never => None,
        }
    }
}

impl FromReply for ExpireTime {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let found = i64::from_reply(reply)?;
        match found {
            -2 => return Ok(Self::Missing),
            -1 => return Ok(Self::Never),
            _ => {}
        }
        let at = u64::try_from(found).ok().and_then(|since| UNIX_EPOCH.checked_add(Duration::from_millis(since)));
        at.map(Self::At).ok_or_else(|| ConversionError::new("milliseconds since 1970, -1 or -2", found.to_string()))
    }
}

/// Whole seconds; `None` for null.
fn seconds(reply: Reply<'_>) -> Result<Option<Duration>, ConversionError> {
    Ok(Option::<u64>::from_reply(reply)?.map(Duration::from_secs))
}

/// Whether `MIGRATE` found any of the keys: it answers `OK` or `NOKEY`.
fn found_keys(reply: Reply<'_>) -> Result<bool, ConversionError> {
    <()>::from_reply(reply)?;
    Ok(reply.bytes() != Some(b"NOKEY"))
}
