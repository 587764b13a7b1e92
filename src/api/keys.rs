//! Keys: <https://redis.io/docs/latest/commands/?group=generic>.

use std::time::Duration;

use super::{keyed, keyless, keys_only, known, milliseconds};
use crate::command::{ConversionError, Effect, Executor, FromReply, Page, Reply, Request, ScanOptions, ToArg, ToArgs};

/// Commands on keys of any type.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use std::time::Duration;
/// use steadfast::api::Keys;
///
/// client.expire("session:7", Duration::from_secs(60)).await?;
/// let left: Option<Duration> = client.ttl("session:7").await?.left();
/// let gone = client.del(["a", "b"]).await?;
/// # Ok(())
/// # }
/// ```
pub trait Keys: Executor {
    /// Copies the value of one key to another. Whether it was copied: not if there is no such key, or the other one exists
    /// and [`replace`](Request::replace) is not said. Options are methods of the request.
    /// Since 6.2. <https://redis.io/docs/latest/commands/copy/>
    fn copy(self, from: impl ToArg, to: impl ToArg) -> Request<Self, bool, CopyOptions> {
        keyed::<_, ()>(self, const { known("COPY") }, from).with_keys(to).marked()
    }

    /// Deletes keys: one, or an array, a slice or a vector of them, at least one. How many there were.
    /// Since 1.0. <https://redis.io/docs/latest/commands/del/>
    fn del(self, keys: impl ToArgs) -> Request<Self, u64> {
        keys_only(self, const { known("DEL") }, keys)
    }

    /// How many of the keys exist; one that is named twice counts twice.
    /// Since 1.0. <https://redis.io/docs/latest/commands/exists/>
    fn exists(self, keys: impl ToArgs) -> Request<Self, u64> {
        keys_only(self, const { known("EXISTS") }, keys)
    }

    /// The key expires after this long, in milliseconds (`PEXPIRE`), rounded up; of zero, at once. Whether there is such
    /// a key.
    /// Since 2.6. <https://redis.io/docs/latest/commands/pexpire/>
    fn expire(self, key: impl ToArg, after: Duration) -> Request<Self, bool> {
        keyed(self, const { known("PEXPIRE") }, key).with(milliseconds(after))
    }

    /// The key does not expire any more. Whether it would have.
    /// Since 2.2. <https://redis.io/docs/latest/commands/persist/>
    fn persist(self, key: impl ToArg) -> Request<Self, bool> {
        keyed(self, const { known("PERSIST") }, key)
    }

    /// A page of the keys of the database, in no order, and where the next page begins. Options are methods of the
    /// request: [`matching`](Request::matching), [`count`](Request::count), [`of_type`](Request::of_type),
    /// [`cursor`](Request::cursor). On a client [`stream`](Request::stream) goes through all pages.
    ///
    /// A key that was there from the first page to the last comes at least once, perhaps twice.
    /// Since 2.8. <https://redis.io/docs/latest/commands/scan/>
    fn scan<T: FromReply>(self) -> Request<Self, Page<T>, ScanOptions> {
        keyless::<_, ()>(self, const { known("SCAN") }).with(0).marked()
    }

    /// How long the key still lives, to the millisecond (`PTTL`).
    /// Since 2.6. <https://redis.io/docs/latest/commands/pttl/>
    fn ttl(self, key: impl ToArg) -> Request<Self, TimeToLive> {
        keyed(self, const { known("PTTL") }, key)
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

/// Marks a request of [`Keys::copy`], whose options are methods.
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

/// How long a key still lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeToLive {
    /// There is no such key.
    NoKey,
    /// It does not expire.
    Forever,
    /// It expires after this long.
    Left(Duration),
}

impl TimeToLive {
    /// How long the key still lives; `None` if it does not expire, or there is none.
    pub fn left(self) -> Option<Duration> {
        match self {
            Self::Left(left) => Some(left),
            Self::NoKey | Self::Forever => None,
        }
    }
}

impl FromReply for TimeToLive {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        match i64::from_reply(reply)? {
            -2 => Ok(Self::NoKey),
            -1 => Ok(Self::Forever),
            left => u64::try_from(left)
                .map(|left| Self::Left(Duration::from_millis(left)))
                .map_err(|_| ConversionError::new("milliseconds, -1 or -2", left.to_string())),
        }
    }
}
