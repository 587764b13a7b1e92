//! HyperLogLog: <https://redis.io/docs/latest/commands/?group=hyperloglog>.

use super::{keyed, keys_only, known};
use crate::command::{Executor, Request, ToArg, ToArgs};

/// Commands that count different elements without keeping them: in at most 12 KiB a key, within 0.81 % (standard error).
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use steadfast::api::HyperLogLog;
///
/// client.pfadd("visitors:monday", ["alice", "bob"]).await?;
/// client.pfadd("visitors:tuesday", "alice").await?;
/// let visitors = client.pfcount(["visitors:monday", "visitors:tuesday"]).await?;
/// # Ok(())
/// # }
/// ```
pub trait HyperLogLog: Executor {
    /// Adds elements; with none it makes the key alone. Whether the count, or the key, is a new one.
    /// Since 2.8.9. <https://redis.io/docs/latest/commands/pfadd/>
    fn pfadd(self, key: impl ToArg, elements: impl ToArgs) -> Request<Self, bool> {
        keyed(self, const { known("PFADD") }, key).with(elements)
    }

    /// About how many different elements were added to these keys, taken together; 0 if there are no such keys.
    /// Since 2.8.9. <https://redis.io/docs/latest/commands/pfcount/>
    fn pfcount(self, keys: impl ToArgs) -> Request<Self, u64> {
        keys_only(self, const { known("PFCOUNT") }, keys)
    }

    /// Adds what was added to the sources, of which there may be none, to the destination, which is made if it is missing.
    /// Since 2.8.9. <https://redis.io/docs/latest/commands/pfmerge/>
    fn pfmerge(self, destination: impl ToArg, sources: impl ToArgs) -> Request<Self, ()> {
        keyed(self, const { known("PFMERGE") }, destination).with_keys(sources)
    }
}

impl<E: Executor> HyperLogLog for E {}
