//! Pub/Sub: <https://redis.io/docs/latest/commands/?group=pubsub>.

use super::keyless;
use crate::command::{Executor, Request, ToArg};

/// Publishing. Subscriptions need connections of their own.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use steadfast::api::PubSub;
///
/// let heard = client.publish("news", "hello").await?;
/// # Ok(())
/// # }
/// ```
pub trait PubSub: Executor {
    /// Sends a message to everyone who is subscribed to the channel. How many on this node heard it.
    /// Since 2.0. <https://redis.io/docs/latest/commands/publish/>
    fn publish(self, channel: impl ToArg, message: impl ToArg) -> Request<Self, u64> {
        keyless(self, "PUBLISH").with((channel, message))
    }
}

impl<E: Executor> PubSub for E {}
