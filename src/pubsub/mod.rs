//! Subscriptions: what others publish, as it comes, with a word wherever something is missing.
//!
//! ```no_run
//! # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
//! use steadfast::pubsub::Delivery;
//!
//! let mut news = client.subscribe(["news", "weather"]).await?;
//! while let Some(delivery) = news.next().await {
//!     match delivery {
//!         Delivery::Message(message) => println!("{}: {}", message.channel_text(), message.text()),
//!         Delivery::Subscribed => println!("from here on nothing is missing"),
//!         notice => println!("messages are missing here: {notice:?}"),
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`Client::subscribe`](crate::Client::subscribe) takes channels, [`psubscribe`](crate::Client::psubscribe) patterns, and
//! [`ssubscribe`](crate::Client::ssubscribe) sharded channels; each returns when the server has confirmed all of them, and
//! gives a [`Subscription`]. [`PubSub`](crate::api::PubSub) publishes.
//!
//! # What Redis promises
//! A message goes to those who are subscribed in that moment, and is kept nowhere: at most once. What must not be lost
//! belongs in a [stream](crate::api::Streams). This client tells where messages may be missing; it cannot bring them back. See
//! <https://redis.io/docs/latest/develop/pubsub/>.
//!
//! # Connections
//! All subscriptions of a client and its clones share one connection, apart from that of the commands, which is made
//! when it is needed first and then kept ([`Subscriptions`](crate::client::Subscriptions) says why, and how to have it
//! otherwise); with several nodes, [one to each where something lives](#several-nodes). Any number of subscriptions to a topic
//! are one at the server: each message crosses the network once, and further subscribers cost the server nothing.
//! [`Subscription::state`] is the state of that connection.
//!
//! # Several nodes
//! In a cluster, plain channels and patterns of a client live at one primary, which hears everything that is published anywhere; if
//! it dies, leaves, or cannot be connected to for a second while others are well, they move to another one. A sharded channel
//! lives at the primary of its slot, and follows that. With Sentinels or replicas all live at the primary. A move is told like a
//! lost connection: [`Delivery::Gap`] with [`Cause::Moved`](crate::Cause::Moved), and [`Delivery::Subscribed`] when it is
//! confirmed at the new node; [`Delivery::Withdrawn`] does not come. [`Subscribe::on_every_node`] subscribes at every primary,
//! for keyspace notifications.
//!
//! # Ordering
//! A subscription gives messages in the order in which the server sent them, over all its topics. To what is published by
//! the same client's commands, which travel on another connection, there is no order. With several nodes it is the order of
//! each; where a sharded channel moves, the last messages of the old node may come after the first of the new one, and after a failover
//! some may come twice: from the new primary, and from the old one that has become its replica.
//!
//! # Reconnection
//! When the connection is lost, each subscription finds [`Delivery::Gap`] right behind the last message before that; the
//! connection is made anew, everything is subscribed to again, and [`Delivery::Subscribed`] says when that is confirmed.
//! [`Event::SubscriptionGap`](crate::Event::SubscriptionGap) tells it once for all, on
//! [`Client::events`](crate::Client::events).
//!
//! # Memory
//! What comes is kept for each subscription until it is read, up to [bounds](Subscribe::capacity); then the
//! [`LagPolicy`] holds, and [`Delivery::Lagged`] stands where messages were dropped. A slow reader holds up nobody else,
//! and its connection neither. A message is kept once, however many subscriptions have it.

mod confirmation;
mod subscribe;
mod subscription;

pub use crate::connection::{Topic, TopicKind};
pub use crate::topology::{Delivery, LagPolicy, Message};
pub use subscribe::{Subscribe, Subscribing};
pub use subscription::{Messages, Subscription};
