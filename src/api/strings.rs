//! Strings: <https://redis.io/docs/latest/commands/?group=string>.

use std::time::{Duration, SystemTime};

use super::{keyed, keys_only, known, milliseconds, unix_milliseconds};
use crate::command::{Effect, Executor, FromReply, Request, ToArg, ToArgs};

/// Commands on strings.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use std::time::Duration;
/// use steadfast::api::Strings;
///
/// client.set("session:7", "alice").ex(Duration::from_secs(60)).await?;
/// let user: Option<String> = client.get("session:7").await?;
/// let first: bool = client.set("lock", "me").nx().ex(Duration::from_secs(10)).await?;
/// let hits = client.incr("hits").await?;
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

    /// The bytes from `start` to `end`, both included; negative ones count from the end. Empty if there are none.
    /// Since 2.4. <https://redis.io/docs/latest/commands/getrange/>
    fn getrange<T: FromReply>(self, key: impl ToArg, start: i64, end: i64) -> Request<Self, T> {
        keyed(self, const { known("GETRANGE") }, key).with((start, end))
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

    /// Sets a value. Options are methods of the request: [`ex`](Request::ex), [`nx`](Request::nx),
    /// [`keepttl`](Request::keepttl), ... With `nx` or `xx` it answers whether the value was set, with `get` the value
    /// that was there before. Options that contradict each other are refused by the server.
    /// Since 1.0. <https://redis.io/docs/latest/commands/set/>
    fn set(self, key: impl ToArg, value: impl ToArg) -> Request<Self, (), SetOptions> {
        keyed::<_, ()>(self, const { known("SET") }, key).with(value).marked()
    }

    /// The length in bytes; 0 if there is none.
    /// Since 2.2. <https://redis.io/docs/latest/commands/strlen/>
    fn strlen(self, key: impl ToArg) -> Request<Self, u64> {
        keyed(self, const { known("STRLEN") }, key)
    }
}

impl<E: Executor> Strings for E {}

/// Marks a request of [`Strings::set`], whose options are methods.
#[derive(Clone, Copy, Debug)]
pub struct SetOptions;

/// Options of [`Strings::set`].
impl<E, T> Request<E, T, SetOptions> {
    /// The key expires after this long. Sent in milliseconds (`PX`); rounded up, so that it never expires early. Zero is
    /// refused by the server. Since 2.6.
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

    /// Only if there is no such key; answers whether it was set.
    pub fn nx(self) -> Request<E, bool, SetOptions> {
        self.with("NX").does(Effect::ConditionalWrite).marked()
    }

    /// Only if there is such a key; answers whether it was set.
    pub fn xx(self) -> Request<E, bool, SetOptions> {
        self.with("XX").marked()
    }

    /// Answers the value that was there before, `None` if there was none. Since 6.2; together with `nx` since 7.0.
    pub fn get<U: FromReply>(self) -> Request<E, Option<U>, SetOptions> {
        self.with("GET").does(Effect::Never).marked()
    }
}
