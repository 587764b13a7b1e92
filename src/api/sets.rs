//! Sets: <https://redis.io/docs/latest/commands/?group=set>.

use super::{counted_keys, keyed, keyless, keys_only, known};
use crate::command::{Executor, FromReply, MemberScanOptions, Page, Request, ToArg, ToArgs};

/// Commands on sets.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use std::collections::HashSet;
/// use steadfast::api::Sets;
///
/// client.sadd("tags", ["red", "blue"]).await?;
/// let red = client.sismember("tags", "red").await?;
/// let all: HashSet<String> = client.smembers("tags").await?;
/// let common: Vec<String> = client.sinter(["tags", "favourites"]).await?;
/// let three: Vec<String> = client.srandmember("tags").count(3).await?;
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

    /// The members of the first set that no other one has: a set of any kind, or a vector. A missing key is an empty set.
    /// Since 1.0. <https://redis.io/docs/latest/commands/sdiff/>
    fn sdiff<T: FromReply>(self, keys: impl ToArgs) -> Request<Self, T> {
        keys_only(self, const { known("SDIFF") }, keys)
    }

    /// Stores the members of the first set that no other one has, in the place of what was at `destination`. How many
    /// they are; of none, `destination` is deleted.
    /// Since 1.0. <https://redis.io/docs/latest/commands/sdiffstore/>
    fn sdiffstore(self, destination: impl ToArg, keys: impl ToArgs) -> Request<Self, u64> {
        keyed(self, const { known("SDIFFSTORE") }, destination).with_keys(keys)
    }

    /// The members that all the sets have: a set of any kind, or a vector. A missing key is an empty set.
    /// Since 1.0. <https://redis.io/docs/latest/commands/sinter/>
    fn sinter<T: FromReply>(self, keys: impl ToArgs) -> Request<Self, T> {
        keys_only(self, const { known("SINTER") }, keys)
    }

    /// How many members all the sets have in common. [`limit`](IntercardOptions) ends the counting early.
    /// Since 7.0. <https://redis.io/docs/latest/commands/sintercard/>
    fn sintercard(self, keys: impl ToArgs) -> Request<Self, u64, IntercardOptions> {
        counted_keys(keyless::<_, ()>(self, const { known("SINTERCARD") }), keys).marked()
    }

    /// Stores the members that all the sets have, in the place of what was at `destination`. How many they are; of none,
    /// `destination` is deleted.
    /// Since 1.0. <https://redis.io/docs/latest/commands/sinterstore/>
    fn sinterstore(self, destination: impl ToArg, keys: impl ToArgs) -> Request<Self, u64> {
        keyed(self, const { known("SINTERSTORE") }, destination).with_keys(keys)
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

    /// Of each, in their order, whether it is a member.
    /// Since 6.2. <https://redis.io/docs/latest/commands/smismember/>
    fn smismember(self, key: impl ToArg, members: impl ToArgs) -> Request<Self, Vec<bool>> {
        keyed(self, const { known("SMISMEMBER") }, key).with(members)
    }

    /// Moves a member from one set to another. Whether it was there.
    /// Since 1.0. <https://redis.io/docs/latest/commands/smove/>
    fn smove(self, source: impl ToArg, destination: impl ToArg, member: impl ToArg) -> Request<Self, bool> {
        keyed(self, const { known("SMOVE") }, source).with_keys(destination).with(member)
    }

    /// Removes a random member; `None` if there is none. With [`count`](SpopOptions) up to so many.
    /// Since 1.0. <https://redis.io/docs/latest/commands/spop/>
    fn spop<T: FromReply>(self, key: impl ToArg) -> Request<Self, Option<T>, SpopOptions> {
        keyed::<_, ()>(self, const { known("SPOP") }, key).marked()
    }

    /// A random member, which stays; `None` if there is none. With [`count`](SrandmemberOptions) so many.
    /// Since 1.0. <https://redis.io/docs/latest/commands/srandmember/>
    fn srandmember<T: FromReply>(self, key: impl ToArg) -> Request<Self, Option<T>, SrandmemberOptions> {
        keyed::<_, ()>(self, const { known("SRANDMEMBER") }, key).marked()
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

    /// The members that at least one of the sets has: a set of any kind, or a vector.
    /// Since 1.0. <https://redis.io/docs/latest/commands/sunion/>
    fn sunion<T: FromReply>(self, keys: impl ToArgs) -> Request<Self, T> {
        keys_only(self, const { known("SUNION") }, keys)
    }

    /// Stores the members that at least one of the sets has, in the place of what was at `destination`. How many they
    /// are; of none, `destination` is deleted.
    /// Since 1.0. <https://redis.io/docs/latest/commands/sunionstore/>
    fn sunionstore(self, destination: impl ToArg, keys: impl ToArgs) -> Request<Self, u64> {
        keyed(self, const { known("SUNIONSTORE") }, destination).with_keys(keys)
    }
}

impl<E: Executor> Sets for E {}

/// Marks a request of [`Sets::sintercard`] or [`SortedSets::zintercard`](super::SortedSets::zintercard), whose [options]
/// are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+IntercardOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct IntercardOptions;

/// Options of [`Sets::sintercard`] and [`SortedSets::zintercard`](super::SortedSets::zintercard).
impl<E, T> Request<E, T, IntercardOptions> {
    /// Counts no further than this, and answers it then. Default: 0, to the end.
    pub fn limit(self, members: u64) -> Self {
        self.with(("LIMIT", members))
    }
}

/// Marks a request of [`Sets::spop`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+Option%3CT%3E,+SpopOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct SpopOptions;

/// Options of [`Sets::spop`].
impl<E, T: FromReply> Request<E, Option<T>, SpopOptions> {
    /// Up to so many members, empty if there are none. Since 3.2.
    pub fn count(self, members: u64) -> Request<E, Vec<T>, SpopOptions> {
        self.with(members).marked()
    }
}

/// Marks a request of [`Sets::srandmember`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+Option%3CT%3E,+SrandmemberOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct SrandmemberOptions;

/// Options of [`Sets::srandmember`].
impl<E, T: FromReply> Request<E, Option<T>, SrandmemberOptions> {
    /// Up to so many different members; of a negative count exactly so many, of which some can be the same. Empty if there
    /// are none. Since 2.6.
    pub fn count(self, members: i64) -> Request<E, Vec<T>, SrandmemberOptions> {
        self.with(members).marked()
    }
}
