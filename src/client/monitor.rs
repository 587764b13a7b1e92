//! What a server tells of everything it does.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use futures_core::Stream;

use super::dedicated::Dedicated;
use super::handle::deadline_of;
use super::monitor_line::MonitorLine;
use super::report::{self, Name};
use crate::command::{Command, ConversionError, Limit, ServerError};
use crate::connection::{Sent, Topic};
use crate::driver::Audience;
use crate::error::Error;
use crate::outcome::Cause;
use crate::resp::Frame;

/// Every command that the server runs, as it runs them ([`MONITOR`](https://redis.io/docs/latest/commands/monitor/)):
/// from [`Dedicated::monitor`]. Also a [`Stream`].
///
/// It costs the server up to half of its speed: for looking at a problem, not for keeping it on.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use steadfast::client::Monitored;
///
/// let mut monitor = client.dedicated().await?.monitor().await?;
/// while let Some(told) = monitor.next().await {
///     match told {
///         Monitored::Command(line) => println!("{}: {:?}", line.client, line.command),
///         Monitored::Lagged { lost, .. } => println!("({lost} more)"),
///         Monitored::Ended { cause, .. } => println!("ended: {cause}"),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Lag
/// For a reader that is slow the latest 4,096 lines are kept, of up to 8 MiB together, and a single one of any length.
/// What is lost is counted in its place by [`Monitored::Lagged`].
///
/// # Reconnection
/// There is none: the last item says why it ended. The connection has no heartbeat, because the server would answer
/// none in between; a dead peer is noticed by TCP keepalive ([`SocketOptions`](crate::SocketOptions)). A line that is
/// longer than [`max_reply_line`](super::Config::with_limits) (1 MiB; the arguments in it are escaped) ends it too.
///
/// # Dropping
/// Closes the connection.
pub struct Monitor {
    queue: Arc<Queue>,
    /// Its connection; of no use to anybody else.
    dedicated: Dedicated,
}

/// What a [`Monitor`] gives.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Monitored {
    /// A command that the server has run.
    Command(MonitorLine),
    /// Lines were dropped in this place, because they were not taken out of the monitor fast enough.
    #[non_exhaustive]
    Lagged {
        /// How many.
        lost: u64,
    },
    /// A line of a form that this crate does not know.
    Unreadable(Bytes),
    /// The connection has ended: there will be no more.
    #[non_exhaustive]
    Ended {
        /// Of what.
        cause: Cause,
    },
}

/// The lines that were not taken yet.
#[derive(Debug, Default)]
struct Queue(Mutex<Content>);

#[derive(Debug, Default)]
struct Content {
    /// How many were dropped before the first one.
    lost: u64,
    lines: VecDeque<Bytes>,
    /// What the lines take up together.
    bytes: usize,
    end: Option<End>,
    waker: Option<Waker>,
}

#[derive(Debug)]
enum End {
    Untold(Cause),
    Told,
}

impl Dedicated {
    /// Has the server tell every command that it runs, whoever sends it. The connection is of use for nothing else
    /// then.
    ///
    /// # Errors
    /// Those of every call, under the client's deadline; fate and kind are those of `MONITOR`.
    pub async fn monitor(self) -> Result<Monitor, Error> {
        let (within, command) = (self.client.within(Limit::Default), Command::new("MONITOR"));
        let (name, node, link) = (Name::of(&command), self.client.address(), self.lease().link());
        // Nobody else can have it, whatever comes of this.
        self.lease().spoil();
        let queue = Arc::<Queue>::default();
        link.listen(Arc::clone(&queue) as Arc<dyn Audience>);
        let answer = link.ask(command, deadline_of(within)).await;
        let answer = answer.map_err(|lost| report::lost(&name, node, within, &lost))?;
        let line = answer.reply().bytes().unwrap_or_default();
        if answer.has_error() {
            return Err(report::server(&name, node, ServerError::from_bytes(line), Sent::Once));
        }
        if line != b"OK" {
            // After `MULTI` it is only queued.
            let unexpected = ConversionError::unexpected("`OK`", answer.reply());
            return Err(report::conversion(&name, node, unexpected));
        }
        Ok(Monitor { queue, dedicated: self })
    }
}

impl Monitor {
    /// What comes next; `None` after [`Monitored::Ended`].
    ///
    /// # Cancellation
    /// Can be dropped without losing a line.
    pub async fn next(&mut self) -> Option<Monitored> {
        poll_fn(|cx| self.queue.poll_next(cx)).await
    }
}

impl Stream for Monitor {
    type Item = Monitored;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Monitored>> {
        self.queue.poll_next(cx)
    }
}

impl Queue {
    fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Monitored>> {
        let mut content = self.lock();
        if content.lost > 0 {
            let lost = std::mem::take(&mut content.lost);
            return Poll::Ready(Some(Monitored::Lagged { lost }));
        }
        if let Some(line) = content.lines.pop_front() {
            content.bytes -= line.len();
            drop(content);
            let told = MonitorLine::parse(&line).map_or(Monitored::Unreadable(line), Monitored::Command);
            return Poll::Ready(Some(told));
        }
        match content.end.take() {
            None => {
                content.waker = Some(cx.waker().clone());
                Poll::Pending
            }
            Some(end) => {
                content.end = Some(End::Told);
                Poll::Ready(match end {
                    End::Untold(cause) => Some(Monitored::Ended { cause }),
                    End::Told => None,
                })
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    fn put(&mut self, line: Bytes) {
        self.bytes += line.len();
        self.lines.push_back(line);
        while self.lines.len() > 1 && (self.lines.len() > KEPT_LINES || self.bytes > KEPT_BYTES) {
            if let Some(oldest) = self.lines.pop_front() {
                self.bytes -= oldest.len();
                self.lost += 1;
            }
        }
    }
}

impl Audience for Queue {
    fn handle_push(&self, push: &Frame) -> bool {
        // What is pushed besides, such as notices of `CLIENT TRACKING`, is no line.
        let Some(line) = push.reply().bytes().filter(|_| !push.is_push()) else { return false };
        let mut content = self.lock();
        // Copied: a line is no share in the buffer that it was read to.
        content.put(Bytes::copy_from_slice(line));
        let waker = content.waker.take();
        drop(content);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    fn handle_ended(&self, cause: &Cause) {
        let mut content = self.lock();
        content.end = Some(End::Untold(cause.clone()));
        let waker = content.waker.take();
        drop(content);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn handle_subscribed(&self, _: &Topic) {}

    fn handle_refused(&self, _: &Topic, _: &ServerError) {}

    fn handle_withdrawn(&self, _: &Topic) {}

    fn handle_restored(&self) {}

    fn handle_lost(&self, _: &Cause, _: Instant) {}
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").field("connection", &self.dedicated).finish_non_exhaustive()
    }
}

/// So many lines are kept for a reader that is slow.
const KEPT_LINES: usize = 4096;

/// So many bytes of lines, 8 MiB.
const KEPT_BYTES: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn next(queue: &Queue) -> Poll<Option<Monitored>> {
        queue.poll_next(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn the_latest_lines_are_kept_and_the_others_counted() {
        let queue = Queue::default();
        for number in 0..KEPT_LINES + 3 {
            queue.lock().put(Bytes::from(format!("{number}")));
        }
        assert!(matches!(next(&queue), Poll::Ready(Some(Monitored::Lagged { lost: 3 }))));
        for number in 3..KEPT_LINES + 3 {
            let Poll::Ready(Some(Monitored::Unreadable(line))) = next(&queue) else { panic!("{number}") };
            assert_eq!(line, number.to_string());
        }
        assert!(next(&queue).is_pending());
        queue.lock().put(Bytes::from(vec![b'x'; 2 * KEPT_BYTES]));
        assert!(matches!(next(&queue), Poll::Ready(Some(Monitored::Unreadable(line))) if line.len() == 2 * KEPT_BYTES));
        assert_eq!(queue.lock().bytes, 0);
    }

    #[test]
    fn the_end_comes_last_and_once() {
        let queue = Queue::default();
        queue.lock().put(Bytes::from_static(b"x"));
        queue.handle_ended(&Cause::PeerClosed);
        assert!(matches!(next(&queue), Poll::Ready(Some(Monitored::Unreadable(_)))));
        assert!(matches!(next(&queue), Poll::Ready(Some(Monitored::Ended { cause: Cause::PeerClosed }))));
        assert!(matches!(next(&queue), Poll::Ready(None)) && matches!(next(&queue), Poll::Ready(None)));
    }
}
