//! What happens on a link, told to whoever listens.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

use crate::connection::SessionFacts;
use crate::outcome::{Address, Cause, CertificateReload};
use crate::resp::{Frame, PayloadError, Value};

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
        /// How many calls were waiting on it: to be sent, to be answered, or to be tried again after a refusal.
        in_flight: usize,
        /// How many of them go out on the next connection: those that had not been sent, and those that had been and may be
        /// sent again ([`Replay`](crate::Replay)). Calls that were kept back after a refusal wait on too, and are not counted.
        requeued: usize,
        /// How many commands failed with [`Fate::Unknown`](crate::Fate::Unknown).
        failed_unknown: usize,
    },
    /// The server takes no commands for the time being (`LOADING`, `MASTERDOWN`): they are kept back, and a `PING` now and
    /// then shows when it does again. See [`OnRefusal`](crate::OnRefusal).
    #[non_exhaustive]
    Paused {
        /// What the server answered.
        answer: Arc<str>,
    },
    /// The server takes commands again, or nobody waits for that any more.
    Resumed,
    /// The server sent something unasked, such as a notice of its own maintenance: at most 64 KiB, see
    /// [`Missed`](Self::Missed).
    Push(Value),
    /// The server has taken credentials that changed, on a connection that goes on: see
    /// [`CredentialsProvider::changes`](crate::CredentialsProvider::changes).
    Reauthenticated,
    /// The server has refused credentials that changed, or the provider had none. The connection goes on as it was, and
    /// another attempt follows after a pause.
    #[non_exhaustive]
    ReauthenticationFailed {
        /// Why: [`Cause::Handshake`] with the server's words, [`Cause::Credentials`] or [`Cause::Panicked`].
        cause: Cause,
    },
    /// The connection of the subscriptions was lost: their subscribers may miss messages, and find
    /// [`Delivery::Gap`](crate::pubsub::Delivery::Gap) in that place.
    #[non_exhaustive]
    SubscriptionGap {
        /// Why.
        cause: Cause,
    },
    /// A blocking command took something away for a caller who had gone, or may have: see
    /// [`Config::with_orphan_hook`](crate::Config::with_orphan_hook), which is given the answer.
    #[non_exhaustive]
    Orphaned {
        /// The command's name, such as `"BLMOVE"`.
        command: Arc<str>,
    },
    /// Certificate files were found changed before a handshake.
    CertificateReloaded(CertificateReload),
    /// Something happened on the link to this one of several nodes.
    #[non_exhaustive]
    OfNode {
        /// The node, as the topology calls it.
        node: Arc<Address>,
        /// What happened.
        event: Box<Event>,
    },
    /// Which nodes there are, or which of them does what, is not what it was: see
    /// [`Client::topology`](crate::Client::topology).
    TopologyChanged,
    /// A node answered that another one has the key (`MOVED`, `ASK`); the command goes on to that one.
    #[non_exhaustive]
    Redirected {
        /// The node that answered.
        from: Address,
        /// The one that it named.
        to: Address,
    },
    /// This many events are lost to the listener: it was too slow, or what stood here was a push too large to keep.
    ///
    /// A push that cannot be read counts too.
    Missed(u64),
}

impl Event {
    /// A node has named another one.
    pub(crate) fn redirected(from: &Address, to: &Address) -> Self {
        Self::Redirected { from: from.clone(), to: to.clone() }
    }
}

/// Where events are told.
#[derive(Clone, Default)]
pub(crate) struct News {
    board: Arc<Mutex<Board>>,
    /// Of which of several nodes they are.
    node: Option<Arc<Address>>,
}

/// The events of a link, from the moment this was made, in order. Also a [`Stream`].
///
/// For a listener that is slow, the latest 256 events are kept, and of pushes as much as takes up about 1 MiB; a push
/// of more than 64 KiB is not kept at all. What is lost is counted in its place by [`Event::Missed`].
/// Does not keep the client alive.
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
pub struct Events {
    board: Arc<Mutex<Board>>,
    /// What this listener is known by.
    id: u64,
}

/// What is kept until every listener has it.
#[derive(Default)]
struct Board {
    kept: VecDeque<Kept>,
    /// How many were dropped before the first that is kept.
    dropped: u64,
    /// What the kept ones take up together.
    size: usize,
    listeners: Vec<Listener>,
    next_id: u64,
    ended: bool,
}

struct Kept {
    event: Event,
    /// About how much memory it takes up; 0 unless it is the server who decides.
    size: usize,
}

struct Listener {
    id: u64,
    /// How many events it has got or missed, counted as `Board::dropped` is.
    seen: u64,
    waker: Option<Waker>,
}

impl News {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Where the link to one of several nodes tells what happens.
    pub(crate) fn of_node(&self, node: &Address) -> Self {
        Self { board: Arc::clone(&self.board), node: Some(Arc::new(node.clone())) }
    }

    /// Tells those who listen; never waits.
    pub(crate) fn tell(&self, event: Event) {
        self.add(event, 0);
    }

    /// Tells of something unasked, in the order of the stream.
    pub(crate) fn tell_push(&self, push: &Frame) {
        if lock(&self.board).listeners.is_empty() {
            return;
        }
        let length = push.bytes().len();
        let size = length + push.nodes().len() * PER_VALUE;
        let is_kept = length <= MOST_OF_A_PUSH && size <= KEPT_SIZE;
        match is_kept.then(|| detached(push)) {
            Some(Ok(value)) => self.add(Event::Push(value), size),
            _ => self.tell(Event::Missed(1)),
        }
    }

    /// There will be no more, unless these are of one of several nodes: listeners get what is left, and then the end.
    pub(crate) fn end(&self) {
        if self.node.is_some() {
            return;
        }
        let mut board = lock(&self.board);
        board.ended = true;
        let waiting = board.waiting();
        drop(board);
        waiting.into_iter().for_each(Waker::wake);
    }

    pub(crate) fn listen(&self) -> Events {
        let mut board = lock(&self.board);
        let (id, seen) = (board.next_id, board.dropped + board.kept.len() as u64);
        board.next_id += 1;
        board.listeners.push(Listener { id, seen, waker: None });
        Events { board: Arc::clone(&self.board), id }
    }

    fn add(&self, event: Event, size: usize) {
        let mut board = lock(&self.board);
        if board.listeners.is_empty() {
            return;
        }
        let event = match &self.node {
            Some(node) => Event::OfNode { node: Arc::clone(node), event: Box::new(event) },
            None => event,
        };
        board.kept.push_back(Kept { event, size });
        board.size += size;
        while board.kept.len() > KEPT || board.size > KEPT_SIZE {
            board.forget_first();
        }
        let waiting = board.waiting();
        drop(board);
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl Board {
    fn forget_first(&mut self) {
        if let Some(first) = self.kept.pop_front() {
            self.size -= first.size;
            self.dropped += 1;
        }
    }

    /// Forgets what everybody has.
    fn trim(&mut self) {
        let end = self.dropped + self.kept.len() as u64;
        let seen_by_all = self.listeners.iter().map(|listener| listener.seen).min().unwrap_or(end);
        while self.dropped < seen_by_all {
            self.forget_first();
        }
    }

    /// Those to wake. That happens outside of the lock.
    fn waiting(&mut self) -> Vec<Waker> {
        self.listeners.iter_mut().filter_map(|listener| listener.waker.take()).collect()
    }

    fn poll_next(&mut self, id: u64, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        let Some(listener) = self.listeners.iter_mut().find(|listener| listener.id == id) else {
            return Poll::Ready(None);
        };
        if listener.seen < self.dropped {
            let missed = self.dropped - listener.seen;
            listener.seen = self.dropped;
            return Poll::Ready(Some(Event::Missed(missed)));
        }
        let place = usize::try_from(listener.seen - self.dropped).unwrap_or(usize::MAX);
        if let Some(kept) = self.kept.get(place) {
            let event = kept.event.clone();
            listener.seen += 1;
            self.trim();
            return Poll::Ready(Some(event));
        }
        if self.ended {
            return Poll::Ready(None);
        }
        match &mut listener.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

impl Events {
    /// The next event; `None` when the link is closed and everything before that was handed out.
    ///
    /// # Cancellation
    /// Can be dropped without losing an event.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    fn poll_event(&self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        lock(&self.board).poll_next(self.id, cx)
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.poll_event(cx)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let mut board = lock(&self.board);
        board.listeners.retain(|listener| listener.id != self.id);
        board.trim();
    }
}

impl fmt::Debug for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("News").field("kept", &lock(&self.board).kept.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Nothing done under the lock leaves the board half changed.
fn lock(board: &Mutex<Board>) -> MutexGuard<'_, Board> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What `push` holds, without a share in the read buffer, which may be far larger.
fn detached(push: &Frame) -> Result<Value, PayloadError> {
    let value = push.reply().to_value()?;
    Frame::from_value(&value).reply().to_value()
}

/// How many events a slow listener may be behind.
const KEPT: usize = 256;

/// How much memory, about, kept pushes may take up.
const KEPT_SIZE: usize = 1 << 20;

/// What one value in a push takes up beside its bytes: itself, and about as much for an allocation.
const PER_VALUE: usize = 2 * size_of::<Value>();

/// A push of more bytes than this is not kept.
const MOST_OF_A_PUSH: usize = 64 << 10;

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
        news.end();
        let mut left = 0;
        while events.next().await.is_some() {
            left += 1;
        }
        assert_eq!(left, KEPT - 1);
    }

    fn push(payload: usize) -> Frame {
        Frame::from_value(&Value::Push(vec![Value::bulk(vec![b'x'; payload])]))
    }

    fn kept(news: &News) -> (usize, usize) {
        let board = lock(&news.board);
        (board.kept.len(), board.size)
    }

    #[tokio::test]
    async fn the_end_comes_after_what_is_left_and_stays() {
        let news = News::new();
        let mut events = news.listen();
        news.tell(lost(1));
        news.end();
        assert!(matches!(events.next().await, Some(Event::Disconnected { in_flight: 1, .. })));
        assert!(events.next().await.is_none() && events.next().await.is_none());
        assert!(news.listen().next().await.is_none());
    }

    #[tokio::test]
    async fn every_listener_that_waits_is_woken() {
        let news = News::new();
        let listening: Vec<_> = (0..3)
            .map(|_| {
                let mut events = news.listen();
                tokio::spawn(async move { (events.next().await.is_some(), events.next().await.is_none()) })
            })
            .collect();
        tokio::task::yield_now().await;
        news.tell(lost(1));
        tokio::task::yield_now().await;
        news.end();
        for listener in listening {
            assert_eq!(listener.await.unwrap(), (true, true));
        }
    }

    #[tokio::test]
    async fn a_dropped_wait_loses_no_event() {
        let news = News::new();
        let mut events = news.listen();
        for number in 0..3 {
            let mut waiting = Box::pin(events.next());
            assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            drop(waiting);
            news.tell(lost(number));
            let next = poll_fn(|cx| Pin::new(&mut events).poll_next(cx)).await;
            assert!(matches!(next, Some(Event::Disconnected { in_flight, .. }) if in_flight == number));
        }
    }

    #[test]
    fn nothing_is_kept_for_nobody() {
        let news = News::new();
        news.tell_push(&push(100));
        assert_eq!(kept(&news), (0, 0));
        let (fast, slow) = (news.listen(), news.listen());
        news.tell_push(&push(100));
        assert!(fast.poll_event(&mut Context::from_waker(Waker::noop())).is_ready());
        assert_eq!(kept(&news).0, 1);
        drop(slow);
        assert_eq!(kept(&news), (0, 0));
    }

    #[tokio::test]
    async fn a_slow_listener_pins_a_bounded_number_of_bytes() {
        let news = News::new();
        let mut events = news.listen();
        for _ in 0..KEPT {
            news.tell_push(&push(60 << 10));
            assert!(kept(&news).1 <= KEPT_SIZE);
        }
        let left = kept(&news).0;
        assert!(left > 10, "{left}");
        let Some(Event::Missed(missed)) = events.next().await else { panic!("some are lost") };
        assert_eq!(missed as usize + left, KEPT);
    }

    #[tokio::test]
    async fn a_push_that_is_too_large_is_counted_in_its_place() {
        let news = News::new();
        let mut events = news.listen();
        // Many small values take up far more than their bytes.
        let many = Frame::from_value(&Value::Push(vec![Value::Integer(1); 20_000]));
        for told in [push(10), push(MOST_OF_A_PUSH + 1), many, push(20)] {
            news.tell_push(&told);
        }
        let mut seen = Vec::new();
        news.end();
        while let Some(event) = events.next().await {
            seen.push(event);
        }
        assert!(matches!(seen[..], [Event::Push(_), Event::Missed(1), Event::Missed(1), Event::Push(_)]), "{seen:?}");
    }

    #[test]
    fn a_kept_push_is_no_share_in_the_read_buffer() {
        let frame = push(40 << 10);
        let Ok(Value::Push(values)) = detached(&frame) else { panic!("a push") };
        let [Value::BulkString(kept)] = &values[..] else { panic!("{values:?}") };
        assert!(!frame.bytes().as_ptr_range().contains(&kept.as_ptr()));
    }
}
