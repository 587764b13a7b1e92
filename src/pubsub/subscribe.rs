//! Beginning a subscription.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::confirmation::{Request, topics};
use super::subscription::Subscription;
use crate::client::{Client, defaults};
use crate::command::{Limit, ToArgs};
use crate::connection::{Offline, Topic, TopicKind};
use crate::error::Error;
use crate::outcome::Cause;
use crate::topology::{Breadth, Deployed, Hub, Inbox, InboxBounds, LagPolicy};

/// A subscription to be begun: awaited, it gives a [`Subscription`].
///
/// Returns when the server has confirmed every topic; those that this client is subscribed to already need no answer.
///
/// # Errors
/// - `Server`, with the server's words, if it refused one of the topics (`NOPERM` by an ACL, say): then none is subscribed to;
/// - `Timeout`, with the stage that the connection had reached, its last failure, and fate `Unknown` where the server may have been
///   asked: nothing is subscribed to then either;
/// - `Tls`, `Handshake`, `Protocol`: at once, when only a change of certificates, passwords or settings can help;
/// - `Arguments`: no topic was given;
/// - `Closed`: the client is closed, or the subscription that is to be added to has ended.
///
/// # Cancellation
/// Can be dropped at any time: nothing stays subscribed to.
#[must_use = "a subscription does nothing until it is awaited"]
pub struct Subscribe {
    client: Client,
    kind: TopicKind,
    topics: Result<Vec<Topic>, Error>,
    bounds: InboxBounds,
    breadth: Breadth,
    limit: Limit,
}

/// A subscription on its way. See [`Subscribe`].
#[must_use = "a future does nothing until it is awaited"]
pub struct Subscribing(Pin<Box<dyn Future<Output = Result<Subscription, Error>> + Send>>);

/// Subscriptions.
impl Client {
    /// Subscribes to channels: everything that is [published](crate::api::PubSub::publish) to them from now on. Options
    /// are methods of what this returns.
    ///
    /// See <https://redis.io/docs/latest/commands/subscribe/>, and [`pubsub`](crate::pubsub) for what a subscription promises.
    ///
    /// ```no_run
    /// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
    /// use steadfast::pubsub::LagPolicy;
    ///
    /// let mut prices = client.subscribe("prices").capacity(100).on_lag(LagPolicy::DropOldest).await?.messages();
    /// while let Some(message) = prices.next().await {
    ///     if let Ok(price) = message.read::<f64>() {
    ///         println!("now {price}");
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn subscribe(&self, channels: impl ToArgs) -> Subscribe {
        Subscribe::new(self, TopicKind::Channel, &channels)
    }

    /// Subscribes to all channels that match one of the patterns, as `KEYS` matches keys: `news.*`, `h?llo`, `h[ae]llo`.
    ///
    /// See <https://redis.io/docs/latest/commands/psubscribe/>. Each pattern that somebody is subscribed to costs the
    /// server a comparison for every message that is published.
    pub fn psubscribe(&self, patterns: impl ToArgs) -> Subscribe {
        Subscribe::new(self, TopicKind::Pattern, &patterns)
    }

    /// Subscribes to sharded channels, of which each belongs to one shard of a cluster as a key does: what is
    /// [published](crate::api::PubSub::spublish) to one stays there. Since 7.0.
    ///
    /// See <https://redis.io/docs/latest/commands/ssubscribe/>.
    pub fn ssubscribe(&self, channels: impl ToArgs) -> Subscribe {
        Subscribe::new(self, TopicKind::Shard, &channels)
    }
}

impl Subscribe {
    fn new(client: &Client, kind: TopicKind, names: &impl ToArgs) -> Self {
        let bounds = InboxBounds {
            messages: defaults::SUBSCRIPTION_MESSAGES,
            bytes: defaults::SUBSCRIPTION_BYTES,
            policy: LagPolicy::default(),
        };
        Self {
            client: client.clone(),
            kind,
            topics: topics(kind, names),
            bounds,
            breadth: Breadth::One,
            limit: Limit::Default,
        }
    }

    /// Sets how many messages are kept until they are read. Default: 4096
    /// ([`SUBSCRIPTION_MESSAGES`](crate::client::defaults::SUBSCRIPTION_MESSAGES)). At least 1.
    ///
    /// Too small: messages are dropped in every little pause of the reader. Too large: a reader that cannot keep up
    /// notices late, and what it reads is old.
    pub fn capacity(mut self, messages: usize) -> Self {
        self.bounds.messages = messages.max(1);
        self
    }

    /// Sets about how many bytes the kept messages may take up, 128 bytes for each of them included. Default: 8 MiB
    /// ([`SUBSCRIPTION_BYTES`](crate::client::defaults::SUBSCRIPTION_BYTES)). A single message may be larger, if it is alone.
    ///
    /// Too small: large messages are dropped though the reader is fast. Too large: that much memory for each
    /// subscription whose reader is slow.
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.bounds.bytes = bytes;
        self
    }

    /// Sets what becomes of messages for which there is no room. Default: [`LagPolicy::DropOldest`].
    pub fn on_lag(mut self, policy: LagPolicy) -> Self {
        self.bounds.policy = policy;
        self
    }

    /// In a cluster, subscribes to channels and patterns at every primary, instead of at one of them: also at those that are
    /// added later, and not any more at those that are removed.
    ///
    /// For what each node tells of itself alone, above all [keyspace
    /// notifications](https://redis.io/docs/latest/develop/pubsub/keyspace-notifications/). A message that is published to a
    /// plain channel reaches every node, and would come once from each. Sharded channels stay at the node of their slot. With
    /// one primary it changes nothing.
    ///
    /// ```no_run
    /// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
    /// let mut expired = client.subscribe("__keyevent@0__:expired").on_every_node().await?.messages();
    /// while let Some(message) = expired.next().await {
    ///     println!("{} has expired", message.text());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn on_every_node(mut self) -> Self {
        self.breadth = Breadth::All;
        self
    }

    /// Sets how long this may take, and later additions to the subscription each. Default: the client's deadline.
    pub fn deadline(mut self, within: Duration) -> Self {
        self.limit = Limit::Within(within);
        self
    }

    async fn begin(self, request: Request) -> Result<Subscription, Error> {
        let topics = self.topics?;
        let hub = request.reach(&self.client, hub_of(&self.client)).await?;
        let seat = hub.enrol(Arc::new(Inbox::new(self.bounds)), self.breadth);
        let mut subscription = Subscription::new(self.client, seat, self.limit);
        subscription.add(topics, &request).await?;
        Ok(subscription)
    }
}

/// Who is subscribed to anything. With several nodes it is known which these are then.
async fn hub_of(client: &Client) -> Result<Arc<Hub>, Cause> {
    match client.deployed() {
        Deployed::One(links) => links.subscriber().await,
        Deployed::Many(routes) => {
            let is_hasty = routes.offline() == Offline::FailFast;
            match &*routes.snapshot() {
                None if is_hasty => return Err(Cause::NotConnected),
                _ => {}
            }
            routes.ready().await?;
            Ok(Arc::clone(routes.hub()))
        }
    }
}

impl IntoFuture for Subscribe {
    type Output = Result<Subscription, Error>;
    type IntoFuture = Subscribing;

    /// The deadline counts from here.
    fn into_future(self) -> Subscribing {
        let request = Request::new(self.kind, &self.client, self.limit);
        Subscribing(Box::pin(self.begin(request)))
    }
}

impl Future for Subscribing {
    type Output = Result<Subscription, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().0.as_mut().poll(cx)
    }
}

impl fmt::Debug for Subscribe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscribe").field("topics", &self.topics).field("bounds", &self.bounds).finish_non_exhaustive()
    }
}

impl fmt::Debug for Subscribing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscribing").finish_non_exhaustive()
    }
}
