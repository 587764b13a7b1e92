//! The queue of one subscription: bounded, and never in the way of the link that fills it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use super::delivery::{Delivery, LagPolicy, Notices};
use super::message::Message;
use crate::outcome::Cause;

/// How much a subscription keeps for a reader that is slow.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InboxBounds {
    /// How many messages.
    pub(crate) messages: usize,
    /// About how many bytes they may take up; a single message may be larger.
    pub(crate) bytes: usize,
    /// What becomes of those for which there is no room.
    pub(crate) policy: LagPolicy,
}

/// The queue of one subscription.
#[derive(Debug)]
pub(crate) struct Inbox {
    bounds: InboxBounds,
    queue: Mutex<Queue>,
}

/// Who waits for what was put into an inbox. To be woken when no lock is held.
#[must_use = "who waits has to be woken"]
#[derive(Debug, Default)]
pub(super) struct Waiting(Option<Waker>);

/// What became of a message.
#[derive(Debug)]
pub(super) enum Put {
    /// It is in the queue, or in its place it says there that messages are missing.
    Noted(Waiting),
    /// The subscription has ended of it.
    Overflowed(Waiting),
}

#[derive(Debug)]
struct Queue {
    /// What stands before the first message.
    first: Notices,
    kept: VecDeque<Kept>,
    /// What the kept messages take up together.
    bytes: usize,
    phase: Phase,
    waker: Option<Waker>,
}

/// A message, and what stands behind it, before the next one.
#[derive(Debug)]
struct Kept {
    message: Message,
    behind: Option<Box<Notices>>,
}

/// ```text
///   Starting ── begin ──▶ Live ── lose ──▶ Torn
///       │                  │ ▲ ◀─ restore ── │
///       │ end              ▼ end             │ end
///       └───────────────▶ Ended ◀────────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Not everything was subscribed to yet, and nobody reads yet.
    Starting,
    /// Nothing is missing.
    Live,
    /// The connection was lost, and not everything is subscribed to again.
    Torn,
    /// There will be no more.
    Ended,
}

impl Inbox {
    pub(crate) fn new(bounds: InboxBounds) -> Self {
        let mut first = Notices::default();
        first.push(Delivery::Subscribed);
        let queue = Queue { first, kept: VecDeque::new(), bytes: 0, phase: Phase::Starting, waker: None };
        Self { bounds, queue: Mutex::new(queue) }
    }

    /// A message has come.
    pub(super) fn put(&self, message: &Message) -> Put {
        let size = message.size();
        let mut queue = self.lock();
        if queue.phase == Phase::Ended {
            return Put::Noted(Waiting::default());
        }
        let has_room = queue.has_room(size, &self.bounds);
        match self.bounds.policy {
            LagPolicy::DropNewest if !has_room => queue.note(Delivery::Lagged { lost: 1 }),
            LagPolicy::End if !has_room => {
                queue.note(Delivery::Lagged { lost: 1 });
                queue.phase = Phase::Ended;
                return Put::Overflowed(queue.waiting());
            }
            _ => {
                while !queue.has_room(size, &self.bounds) {
                    queue.drop_oldest();
                }
                queue.kept.push_back(Kept { message: message.clone(), behind: None });
                queue.bytes += size;
            }
        }
        Put::Noted(queue.waiting())
    }

    /// Everything is subscribed to for the first time.
    pub(super) fn begin(&self) {
        let mut queue = self.lock();
        if queue.phase == Phase::Starting {
            queue.phase = Phase::Live;
        }
    }

    /// The connection is lost. Whether somebody is told of it: before the subscription has begun, it begins again.
    pub(super) fn lose(&self, cause: &Cause, since: Instant) -> Option<Waiting> {
        let mut queue = self.lock();
        match queue.phase {
            Phase::Starting => {
                let kept = queue.begin_again();
                drop(queue);
                drop(kept);
                None
            }
            Phase::Live | Phase::Torn => {
                queue.phase = Phase::Torn;
                queue.note(Delivery::Gap { cause: cause.clone(), since });
                Some(queue.waiting())
            }
            Phase::Ended => None,
        }
    }

    /// Everything that was subscribed to is so again.
    pub(super) fn restore(&self) -> Waiting {
        let mut queue = self.lock();
        if queue.phase != Phase::Torn {
            return Waiting::default();
        }
        queue.phase = Phase::Live;
        queue.note(Delivery::Subscribed);
        queue.waiting()
    }

    /// Something has happened to one of its topics.
    pub(super) fn tell(&self, notice: Delivery) -> Waiting {
        let mut queue = self.lock();
        if queue.phase == Phase::Ended {
            return Waiting::default();
        }
        // Also before everything is confirmed: what was confirmed already may be ended again.
        queue.note(notice);
        queue.waiting()
    }

    /// There will be no more, for this reason.
    pub(super) fn end(&self, cause: &Cause, since: Instant) -> Waiting {
        let mut queue = self.lock();
        if queue.phase == Phase::Ended {
            return Waiting::default();
        }
        queue.note(Delivery::Gap { cause: cause.clone(), since });
        queue.phase = Phase::Ended;
        queue.waiting()
    }

    /// What comes next; `None`: nothing more will come.
    pub(crate) fn poll_next(&self, cx: &Context<'_>) -> Poll<Option<Delivery>> {
        let mut queue = self.lock();
        if let Some(next) = queue.next() {
            return Poll::Ready(Some(next));
        }
        if queue.phase == Phase::Ended {
            return Poll::Ready(None);
        }
        let old = match &queue.waker {
            Some(waker) if waker.will_wake(cx.waker()) => None,
            _ => queue.waker.replace(cx.waker().clone()),
        };
        // It may be the last that holds a task, and that task a subscription: not under the lock.
        drop(queue);
        drop(old);
        Poll::Pending
    }

    /// Whether nothing more will come.
    pub(super) fn is_ended(&self) -> bool {
        self.lock().phase == Phase::Ended
    }

    /// How many messages wait to be read.
    pub(crate) fn len(&self) -> usize {
        self.lock().kept.len()
    }

    /// Nothing done under the lock leaves the queue half changed.
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// A message that is alone always has room.
    fn has_room(&self, size: usize, bounds: &InboxBounds) -> bool {
        let count = self.kept.len();
        count == 0 || (count < bounds.messages && self.bytes.saturating_add(size) <= bounds.bytes)
    }

    /// Adds a notice behind everything that is there.
    fn note(&mut self, notice: Delivery) {
        match self.kept.back_mut() {
            Some(last) => last.behind.get_or_insert_default().push(notice),
            None => self.first.push(notice),
        }
    }

    /// Drops the first message, and says so in its place.
    fn drop_oldest(&mut self) {
        let Some(Kept { message, behind }) = self.kept.pop_front() else { return };
        self.bytes -= message.size();
        self.first.push(Delivery::Lagged { lost: 1 });
        if let Some(behind) = behind {
            self.first.append(*behind);
        }
    }

    fn next(&mut self) -> Option<Delivery> {
        if let Some(notice) = self.first.pop() {
            return Some(notice);
        }
        let Kept { message, behind } = self.kept.pop_front()?;
        self.bytes -= message.size();
        if let Some(behind) = behind {
            self.first = *behind;
        }
        Some(Delivery::Message(message))
    }

    /// Forgets everything; what there was is to be dropped outside of the lock.
    fn begin_again(&mut self) -> VecDeque<Kept> {
        self.first.clear();
        self.first.push(Delivery::Subscribed);
        self.bytes = 0;
        std::mem::take(&mut self.kept)
    }

    fn waiting(&mut self) -> Waiting {
        Waiting(self.waker.take())
    }
}

impl Waiting {
    pub(super) fn wake(self) {
        if let Some(waker) = self.0 {
            waker.wake();
        }
    }

    pub(super) fn is_nobody(&self) -> bool {
        self.0.is_none()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::super::message::Published;
    use super::*;
    use crate::resp::{Frame, Value};

    fn message(payload: &str) -> Message {
        let frame = Frame::from_value(&Value::Push(["message", "news", payload].map(Value::from).to_vec()));
        Published::read(frame.reply()).unwrap().message(&"news".into())
    }

    fn inbox(messages: usize, bytes: usize, policy: LagPolicy) -> Inbox {
        Inbox::new(InboxBounds { messages, bytes, policy })
    }

    fn put(inbox: &Inbox, payloads: impl IntoIterator<Item = u32>) {
        for payload in payloads {
            match inbox.put(&message(&payload.to_string())) {
                Put::Noted(waiting) | Put::Overflowed(waiting) => waiting.wake(),
            }
        }
    }

    fn shown(delivery: &Delivery) -> String {
        match delivery {
            Delivery::Message(message) => message.text().into_owned(),
            Delivery::Subscribed => "subscribed".to_owned(),
            Delivery::Gap { .. } => "gap".to_owned(),
            Delivery::Lagged { lost } => format!("({lost})"),
            other => format!("{other:?}"),
        }
    }

    /// What is in it now, and whether that is all that ever comes.
    fn read(inbox: &Inbox) -> String {
        let mut all = Vec::new();
        loop {
            match inbox.poll_next(&Context::from_waker(Waker::noop())) {
                Poll::Ready(Some(delivery)) => all.push(shown(&delivery)),
                Poll::Ready(None) => all.push("end".to_owned()),
                Poll::Pending => break,
            }
            if all.last().is_some_and(|last| last == "end") {
                break;
            }
        }
        all.join(" ")
    }

    #[test]
    fn the_oldest_are_dropped_and_it_says_so_before_those_that_are_left() {
        let inbox = inbox(3, 1 << 20, LagPolicy::DropOldest);
        put(&inbox, 0..3);
        assert_eq!(read(&inbox), "subscribed 0 1 2");
        put(&inbox, 0..8);
        assert_eq!(read(&inbox), "(5) 5 6 7");
        put(&inbox, 0..2);
        assert_eq!(read(&inbox), "0 1");
    }

    #[test]
    fn the_newest_are_dropped_and_it_says_so_where_they_would_be() {
        let inbox = inbox(3, 1 << 20, LagPolicy::DropNewest);
        put(&inbox, 0..8);
        assert!(inbox.poll_next(&Context::from_waker(Waker::noop())).is_ready());
        assert!(inbox.poll_next(&Context::from_waker(Waker::noop())).is_ready());
        put(&inbox, 8..10);
        assert_eq!(read(&inbox), "1 2 (5) 8 (1)");
    }

    #[test]
    fn it_ends_after_what_it_has() {
        let inbox = inbox(2, 1 << 20, LagPolicy::End);
        put(&inbox, 0..2);
        assert!(matches!(inbox.put(&message("2")), Put::Overflowed(_)));
        assert!(matches!(inbox.put(&message("3")), Put::Noted(_)));
        assert_eq!(read(&inbox), "subscribed 0 1 (1) end");
        assert_eq!(read(&inbox), "end");
    }

    #[test]
    fn the_bound_is_in_bytes_too_but_one_message_always_fits() {
        let one = message("x").size();
        let inbox = inbox(100, 3 * one, LagPolicy::DropOldest);
        put(&inbox, 0..5);
        assert_eq!((inbox.len(), inbox.lock().bytes), (3, 3 * one));
        let large = message(&"y".repeat(4 * one));
        drop(inbox.put(&large));
        assert_eq!((inbox.len(), inbox.lock().bytes), (1, large.size()));
        assert_eq!(read(&inbox), format!("subscribed (5) {}", large.text()));
        assert_eq!(inbox.lock().bytes, 0);
    }

    #[test]
    fn notices_keep_their_places_while_messages_around_them_are_dropped() {
        let inbox = inbox(4, 1 << 20, LagPolicy::DropOldest);
        inbox.begin();
        put(&inbox, 0..2);
        inbox.lose(&Cause::PeerClosed, Instant::now()).unwrap().wake();
        put(&inbox, 2..3);
        inbox.restore().wake();
        put(&inbox, 3..5);
        assert_eq!(inbox.len(), 4);
        put(&inbox, 5..6);
        assert_eq!(read(&inbox), "subscribed (2) gap 2 subscribed 3 4 5");
        put(&inbox, 0..2);
        inbox.lose(&Cause::PeerClosed, Instant::now()).unwrap().wake();
        inbox.restore().wake();
        put(&inbox, 2..7);
        assert_eq!(read(&inbox), "(2) gap subscribed (1) 3 4 5 6");
    }

    #[test]
    fn gaps_that_nobody_reads_take_no_room() {
        let inbox = inbox(4, 1 << 20, LagPolicy::DropOldest);
        inbox.begin();
        for number in 0..1_000 {
            put(&inbox, [number]);
            inbox.lose(&Cause::PeerClosed, Instant::now()).unwrap().wake();
            inbox.restore().wake();
        }
        assert_eq!(
            read(&inbox),
            "subscribed (1) gap (995) subscribed 996 gap subscribed 997 gap subscribed 998 gap subscribed 999 gap subscribed"
        );
    }

    #[test]
    fn before_it_has_begun_a_loss_is_forgotten_with_what_came_before_it() {
        let inbox = inbox(4, 1 << 20, LagPolicy::DropOldest);
        put(&inbox, 0..6);
        assert!(inbox.lose(&Cause::PeerClosed, Instant::now()).is_none());
        put(&inbox, 7..8);
        inbox.begin();
        inbox.restore().wake();
        assert_eq!(read(&inbox), "subscribed 7");
    }

    #[test]
    fn the_end_comes_after_everything_with_its_reason() {
        let inbox = inbox(4, 1 << 20, LagPolicy::DropOldest);
        put(&inbox, 0..1);
        inbox.begin();
        inbox.end(&Cause::ClosedHere, Instant::now()).wake();
        inbox.end(&Cause::ClosedHere, Instant::now()).wake();
        put(&inbox, 1..2);
        assert_eq!(read(&inbox), "subscribed 0 gap end");
    }

    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn who_waits_is_woken_once_by_everything_that_comes() {
        let inbox = inbox(4, 1 << 20, LagPolicy::DropNewest);
        inbox.begin();
        let count = Arc::new(Counter::default());
        let waker = Waker::from(Arc::clone(&count));
        let wait = || {
            read(&inbox);
            assert!(inbox.poll_next(&Context::from_waker(&waker)).is_pending());
        };
        wait();
        put(&inbox, 0..3);
        wait();
        inbox.lose(&Cause::PeerClosed, Instant::now()).unwrap().wake();
        wait();
        inbox.restore().wake();
        wait();
        inbox.end(&Cause::ClosedHere, Instant::now()).wake();
        assert_eq!(count.0.load(Ordering::Relaxed), 4);
    }
}
