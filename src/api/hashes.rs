//! Hashes: <https://redis.io/docs/latest/commands/?group=hash>.

use super::{keyed, known};
use crate::command::{Executor, FromReply, MemberScanOptions, Page, Request, ToArg, ToArgs};

/// Commands on hashes.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use steadfast::api::Hashes;
///
/// use std::collections::HashMap;
///
/// client.hset("user:7", [("name", "alice"), ("city", "Oslo")]).await?;
/// let name: Option<String> = client.hget("user:7", "name").await?;
/// let all: HashMap<String, String> = client.hgetall("user:7").await?;
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

    /// Adds to a field; a missing one counts as 0. The new value.
    /// Since 2.0. <https://redis.io/docs/latest/commands/hincrby/>
    fn hincrby(self, key: impl ToArg, field: impl ToArg, by: i64) -> Request<Self, i64> {
        keyed(self, const { known("HINCRBY") }, key).with((field, by))
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

    /// A page of the fields and their values, in no order, and where the next page begins. Options and streams as for
    /// [`scan`](super::Keys::scan).
    /// Since 2.8. <https://redis.io/docs/latest/commands/hscan/>
    fn hscan<F: FromReply, V: FromReply>(self, key: impl ToArg) -> Request<Self, Page<(F, V)>, MemberScanOptions> {
        keyed::<_, ()>(self, const { known("HSCAN") }, key).with(0).marked()
    }

    /// Sets fields: pairs of field and value, as an array or a map, or, of different types, as a tuple of pairs:
    /// `(("name", "alice"), ("age", 7))`. How many of them are new.
    /// Since 4.0. <https://redis.io/docs/latest/commands/hset/>
    fn hset(self, key: impl ToArg, pairs: impl ToArgs) -> Request<Self, u64> {
        keyed(self, const { known("HSET") }, key).with(pairs)
    }
}

impl<E: Executor> Hashes for E {}
