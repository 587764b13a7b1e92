//! A subscription: a stream of what comes.

use std::collections::HashSet;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::sync::watch;

use super::confirmation::{Request, topics};
use crate::client::Client;
use crate::command::{Limit, ToArgs};
use crate::connection::{LinkState, Topic, TopicKind};
use crate::error::Error;
use crate::topology::{Delivery, Message, Seat};

/// A subscription: a [`Stream`] of [`Delivery`], messages and notices of where some are missing. The first item is
/// [`Delivery::Subscribed`].
///
/// # Ends
/// When the client is closed, after a last [`Delivery::Gap`] with the cause, or by [`LagPolicy::End`](super::LagPolicy::End).
/// Losing the connection does not end it. It keeps the client's connections alive, also when every
/// [`Client`] is dropped.
///
/// # Dropping
/// Gives up its topics; the server is told of those that no other subscription of the client wants.
pub struct Subscription {
    seat: Seat,
    /// What it has asked for.
    topics: HashSet<Topic>,
    client: Client,
    limit: Limit,
}

/// The messages of a [`Subscription`] alone. A [`Stream`].
#[derive(Debug)]
pub struct Messages(Subscription);

/// Topics that are given up again unless they are confirmed.
struct Addition<'s> {
    subscription: &'s mut Subscription,
    topics: Vec<Topic>,
}

impl Subscription {
    pub(super) fn new(client: Client, seat: Seat, limit: Limit) -> Self {
        Self { seat, topics: HashSet::new(), client, limit }
    }

    /// What comes next; `None` at its end.
    ///
    /// # Cancellation
    /// Can be dropped without losing anything.
    pub async fn next(&mut self) -> Option<Delivery> {
        poll_fn(|cx| self.seat.inbox().poll_next(cx)).await
    }

    /// The messages alone, for those who need not know where some are missing.
    pub fn messages(self) -> Messages {
        Messages(self)
    }

    /// Adds channels. Returns when the server has confirmed them; their messages are in the stream from then on.
    ///
    /// # Errors
    /// As for [`Client::subscribe`], see [`Subscribe`](super::Subscribe). None of these channels is added then; those that
    /// were there stay.
    ///
    /// # Cancellation
    /// Can be dropped: none of these channels is added then.
    pub async fn subscribe(&mut self, channels: impl ToArgs) -> Result<(), Error> {
        self.extend(TopicKind::Channel, topics(TopicKind::Channel, &channels)).await
    }

    /// Adds patterns; otherwise as [`subscribe`](Self::subscribe).
    ///
    /// # Errors
    /// As for [`subscribe`](Self::subscribe).
    pub async fn psubscribe(&mut self, patterns: impl ToArgs) -> Result<(), Error> {
        self.extend(TopicKind::Pattern, topics(TopicKind::Pattern, &patterns)).await
    }

    /// Adds sharded channels; otherwise as [`subscribe`](Self::subscribe).
    ///
    /// # Errors
    /// As for [`subscribe`](Self::subscribe).
    pub async fn ssubscribe(&mut self, channels: impl ToArgs) -> Result<(), Error> {
        self.extend(TopicKind::Shard, topics(TopicKind::Shard, &channels)).await
    }

    /// Gives up channels. Messages of theirs that have come already can still be read; after them there are none.
    ///
    /// Waits for nothing: the server is told of those channels that no other subscription of the client wants. What is not
    /// subscribed to is left alone.
    pub fn unsubscribe(&mut self, channels: impl ToArgs) {
        self.give_up(topics(TopicKind::Channel, &channels));
    }

    /// Gives up patterns; otherwise as [`unsubscribe`](Self::unsubscribe).
    pub fn punsubscribe(&mut self, patterns: impl ToArgs) {
        self.give_up(topics(TopicKind::Pattern, &patterns));
    }

    /// Gives up sharded channels; otherwise as [`unsubscribe`](Self::unsubscribe).
    pub fn sunsubscribe(&mut self, channels: impl ToArgs) {
        self.give_up(topics(TopicKind::Shard, &channels));
    }

    /// What it has asked for, in no order.
    pub fn topics(&self) -> impl ExactSizeIterator<Item = &Topic> {
        self.topics.iter()
    }

    /// The state of the connection that it uses, now and whenever it changes: see [`Client::state`] for how to read it. With
    /// several nodes, that of the one at which one of its topics lives now.
    pub fn state(&self) -> watch::Receiver<LinkState> {
        let topics: Vec<Topic> = self.topics.iter().min().cloned().into_iter().collect();
        self.seat.link_of(&topics).map_or_else(|| self.client.state(), |link| link.state())
    }

    /// How many messages have come and are not read.
    pub fn queued(&self) -> usize {
        self.seat.inbox().len()
    }

    /// Asks for topics, and waits until they are confirmed.
    pub(super) async fn add(&mut self, topics: Vec<Topic>, request: &Request) -> Result<(), Error> {
        let (mut fresh, mut held) = (Vec::new(), Vec::new());
        for topic in topics {
            if self.topics.insert(topic.clone()) {
                fresh.push(topic);
            } else if !fresh.contains(&topic) && !held.contains(&topic) {
                held.push(topic);
            }
        }
        let mut addition = Addition { subscription: self, topics: fresh };
        let Subscription { seat, client, .. } = &*addition.subscription;
        let joined = seat.join(&addition.topics, &held);
        let mut joining = joined.map_err(|denied| request.denied(client.address(), denied))?;
        let some = if addition.topics.is_empty() { &held } else { &addition.topics };
        request.confirmed(client, &|| seat.link_of(some), &mut joining).await?;
        addition.topics.clear();
        Ok(())
    }

    async fn extend(&mut self, kind: TopicKind, topics: Result<Vec<Topic>, Error>) -> Result<(), Error> {
        let request = Request::new(kind, &self.client, self.limit);
        self.add(topics?, &request).await
    }

    /// What can't be written was never asked for.
    fn give_up(&mut self, topics: Result<Vec<Topic>, Error>) {
        let mut given_up = topics.unwrap_or_default();
        given_up.retain(|topic| self.topics.remove(topic));
        self.seat.leave(&given_up);
    }

    fn poll_delivery(&self, cx: &Context<'_>) -> Poll<Option<Delivery>> {
        self.seat.inbox().poll_next(cx)
    }
}

impl Messages {
    /// The next message; `None` at the end of the subscription.
    ///
    /// # Cancellation
    /// Can be dropped without losing anything.
    pub async fn next(&mut self) -> Option<Message> {
        poll_fn(|cx| self.poll_message(cx)).await
    }

    /// The subscription, to add topics or give some up.
    pub fn subscription(&mut self) -> &mut Subscription {
        &mut self.0
    }

    fn poll_message(&self, cx: &Context<'_>) -> Poll<Option<Message>> {
        loop {
            match std::task::ready!(self.0.poll_delivery(cx)) {
                Some(Delivery::Message(message)) => return Poll::Ready(Some(message)),
                Some(_) => {}
                None => return Poll::Ready(None),
            }
        }
    }
}

impl Stream for Subscription {
    type Item = Delivery;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Delivery>> {
        self.poll_delivery(cx)
    }
}

impl Stream for Messages {
    type Item = Message;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.poll_message(cx)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let topics: Vec<Topic> = self.topics.drain().collect();
        self.seat.vacate(&topics);
    }
}

impl Drop for Addition<'_> {
    fn drop(&mut self) {
        for topic in &self.topics {
            self.subscription.topics.remove(topic);
        }
        self.subscription.seat.leave(&self.topics);
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("topics", &self.topics)
            .field("queued", &self.queued())
            .finish_non_exhaustive()
    }
}
