//! Sets: <https://redis.io/docs/latest/commands/?group=set>.

use super::{keyed, known};
use crate::command::{Executor, FromReply, MemberScanOptions, Page, Request, ToArg, ToArgs};

/// Commands on sets.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use steadfast::api::Sets;
///
/// client.sadd("tags", ["red", "blue"]).await?;
/// let red = client.sismember("tags", "red").await?;
/// let all: Vec<String> = client.smembers("tags").await?;
/// # Ok(())
/// # }
/// ```
pub trait Sets: Executor {
    /// Adds members. How many of them are new.
    /// Since 1.0. <https://redis.io/docs/latest/commands/sadd/>
    fn sadd(self, key: impl ToArg, members: impl ToArgs) -> Request<Self, u64> {
        keyed(self, const { known("SADD") }, key).with(members)
    }

    /// How many members there are.
    /// Since 1.0. <https://redis.io/docs/latest/commands/scard/>
    fn scard(self, key: impl ToArg) -> Request<Self, u64> {
        keyed(self, const { known("SCARD") }, key)
    }

    /// Whether it is a member.
    /// Since 1.0. <https://redis.io/docs/latest/commands/sismember/>
    fn sismember(self, key: impl ToArg, member: impl ToArg) -> Request<Self, bool> {
        keyed(self, const { known("SISMEMBER") }, key).with(member)
    }

    /// All members: a set of any kind, or a vector.
    /// Since 1.0. <https://redis.io/docs/latest/commands/smembers/>
    fn smembers<T: FromReply>(self, key: impl ToArg) -> Request<Self, T> {
        keyed(self, const { known("SMEMBERS") }, key)
    }

    /// Removes members. How many there were.
    /// Since 1.0. <https://redis.io/docs/latest/commands/srem/>
    fn srem(self, key: impl ToArg, members: impl ToArgs) -> Request<Self, u64> {
        keyed(self, const { known("SREM") }, key).with(members)
    }

    /// A page of the members, in no order, and where the next page begins. Options and streams as for
    /// [`scan`](super::Keys::scan).
    /// Since 2.8. <https://redis.io/docs/latest/commands/sscan/>
    fn sscan<T: FromReply>(self, key: impl ToArg) -> Request<Self, Page<T>, MemberScanOptions> {
        keyed::<_, ()>(self, const { known("SSCAN") }, key).with(0).marked()
    }
}

impl<E: Executor> Sets for E {}
