//! What happens on a link, told to whoever listens.

use std::sync::Arc;

use tokio::sync::broadcast;

use crate::connection::SessionFacts;
use crate::outcome::{Cause, CertificateReload};
use crate::resp::{Frame, Value};

/// Something that happened on a link.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A connection is ready.
    Connected(Arc<SessionFacts>),
    /// A connection that was ready is lost.
    #[non_exhaustive]
    Disconnected {
        /// Why.
        cause: Cause,
        /// How many calls were waiting on it.
        in_flight: usize,
        /// How many of them wait on for the next connection: none of their bytes had been handed over in full.
        requeued: usize,
        /// How many of them failed with [`Fate::Unknown`](crate::Fate::Unknown).
        failed_unknown: usize,
    },
    /// The server sent something unasked, such as a notice of its own maintenance.
    Push(Value),
    /// Certificate files were found changed before a handshake.
    CertificateReloaded(CertificateReload),
    /// The listener was too slow, and this many events are lost to it.
    Missed(u64),
}

/// Where events are told.
#[derive(Clone, Debug)]
pub(crate) struct News(broadcast::Sender<Event>);

/// The events of a client's connection, from the moment this was made. Keeps the latest 256 for a slow listener, who is
/// told how many are missing. Does not keep the client alive.
///
/// ```no_run
/// # fn example(client: &steadfast::Client) {
/// let mut events = client.events();
/// tokio::spawn(async move {
///     while let Some(event) = events.next().await {
///         println!("{event:?}");
///     }
/// });
/// # }
/// ```
#[derive(Debug)]
pub struct Events(broadcast::Receiver<Event>);

impl News {
    pub(crate) fn new() -> Self {
        Self(broadcast::Sender::new(KEPT))
    }

    /// Tells those who listen; never waits.
    pub(crate) fn tell(&self, event: Event) {
        // Nobody listening is no failure.
        let _ = self.0.send(event);
    }

    /// Tells of something unasked, in the order of the stream.
    pub(crate) fn tell_push(&self, push: &Frame) {
        if self.0.receiver_count() > 0 {
            if let Ok(push) = push.reply().to_value() {
                self.tell(Event::Push(push));
            }
        }
    }

    pub(crate) fn listen(&self) -> Events {
        Events(self.0.subscribe())
    }
}

impl Events {
    /// The next event; `None` when the client, with all its clones, is gone.
    ///
    /// # Cancellation
    /// Can be dropped without losing an event.
    pub async fn next(&mut self) -> Option<Event> {
        match self.0.recv().await {
            Ok(event) => Some(event),
            Err(broadcast::error::RecvError::Lagged(missed)) => Some(Event::Missed(missed)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

/// How many events a slow listener may be behind.
const KEPT: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(in_flight: usize) -> Event {
        Event::Disconnected { cause: Cause::PeerClosed, in_flight, requeued: 0, failed_unknown: 0 }
    }

    #[tokio::test]
    async fn a_slow_listener_is_told_how_much_it_missed() {
        let news = News::new();
        let mut events = news.listen();
        for number in 0..KEPT + 3 {
            news.tell(lost(number));
        }
        assert!(matches!(events.next().await, Some(Event::Missed(3))));
        assert!(matches!(events.next().await, Some(Event::Disconnected { in_flight: 3, .. })));
        drop(news);
        let mut left = 0;
        while events.next().await.is_some() {
            left += 1;
        }
        assert_eq!(left, KEPT - 1);
    }
}
