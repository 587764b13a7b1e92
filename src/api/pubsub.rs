//! Pub/Sub: <https://redis.io/docs/latest/commands/?group=pubsub>.

use super::{keyed, keyless, known};
use crate::command::{Executor, FromReply, Request, ToArg, ToArgs};

/// Publishing, and what there is to be heard. To hear it, see [`Client::subscribe`](crate::Client::subscribe).
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use steadfast::api::PubSub;
///
/// let heard = client.publish("news", "hello").await?;
/// let channels: Vec<String> = client.pubsub_channels().pattern("news*").await?;
/// # Ok(())
/// # }
/// ```
pub trait PubSub: Executor {
    /// Sends a message to everyone who is subscribed to the channel. How many on this node heard it.
    /// Since 2.0. <https://redis.io/docs/latest/commands/publish/>
    fn publish(self, channel: impl ToArg, message: impl ToArg) -> Request<Self, u64> {
        keyless(self, const { known("PUBLISH") }).with((channel, message))
    }

    /// The channels that someone on this node is subscribed to, not by a pattern. Options are methods of the request:
    /// [`pattern`](PubsubChannelsOptions).
    /// Since 2.8. <https://redis.io/docs/latest/commands/pubsub-channels/>
    fn pubsub_channels<T: FromReply>(self) -> Request<Self, Vec<T>, PubsubChannelsOptions> {
        keyless::<_, ()>(self, const { known("PUBSUB CHANNELS") }).marked()
    }

    /// The server's help on PUBSUB, line by line.
    /// Since 6.2. <https://redis.io/docs/latest/commands/pubsub-help/>
    fn pubsub_help(self) -> Request<Self, Vec<String>> {
        keyless(self, const { known("PUBSUB HELP") })
    }

    /// How many patterns are subscribed to on this node; one that several subscribe to counts once.
    /// Since 2.8. <https://redis.io/docs/latest/commands/pubsub-numpat/>
    fn pubsub_numpat(self) -> Request<Self, u64> {
        keyless(self, const { known("PUBSUB NUMPAT") })
    }

    /// How many on this node are subscribed to each of the channels, not by a pattern, in their order: channel and
    /// number.
    /// Since 2.8. <https://redis.io/docs/latest/commands/pubsub-numsub/>
    fn pubsub_numsub<T: FromReply>(self, channels: impl ToArgs) -> Request<Self, Vec<(T, u64)>> {
        keyless(self, const { known("PUBSUB NUMSUB") }).with(channels)
    }

    /// The sharded channels that someone on this node is subscribed to. Options are methods of the request:
    /// [`pattern`](PubsubChannelsOptions).
    /// Since 7.0. <https://redis.io/docs/latest/commands/pubsub-shardchannels/>
    fn pubsub_shardchannels<T: FromReply>(self) -> Request<Self, Vec<T>, PubsubChannelsOptions> {
        keyless::<_, ()>(self, const { known("PUBSUB SHARDCHANNELS") }).marked()
    }

    /// How many on this node are subscribed to each of the sharded channels, in their order: channel and number.
    /// Since 7.0. <https://redis.io/docs/latest/commands/pubsub-shardnumsub/>
    fn pubsub_shardnumsub<T: FromReply>(self, channels: impl ToArgs) -> Request<Self, Vec<(T, u64)>> {
        keyless(self, const { known("PUBSUB SHARDNUMSUB") }).with(channels)
    }

    /// Sends a message to everyone who is subscribed to the sharded channel, which belongs to one shard of a cluster as a
    /// key does. How many on this node heard it.
    /// Since 7.0. <https://redis.io/docs/latest/commands/spublish/>
    fn spublish(self, channel: impl ToArg, message: impl ToArg) -> Request<Self, u64> {
        keyed(self, const { known("SPUBLISH") }, channel).with(message)
    }
}

impl<E: Executor> PubSub for E {}

/// Marks a request of [`PubSub::pubsub_channels`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+PubsubChannelsOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct PubsubChannelsOptions;

/// Options of [`PubSub::pubsub_channels`] and [`PubSub::pubsub_shardchannels`].
impl<E, T> Request<E, T, PubsubChannelsOptions> {
    /// Only channels that match the [pattern](https://redis.io/docs/latest/commands/keys/). Default: all.
    pub fn pattern(self, pattern: impl ToArg) -> Self {
        self.with(pattern)
    }
}
