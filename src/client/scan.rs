//! Scans as streams.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use futures_core::Stream;

use super::handle::{Client, deadline_of};
use super::report::{self, Name};
use crate::command::{Command, FromReply, Limit, Page, Request, Scanning, known};
use crate::connection::{LinkState, SessionFacts};
use crate::driver::now;
use crate::error::{Error, ErrorKind};
use crate::outcome::Fate;

/// All items of a scan, page by page: a [`Stream`] of results.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use steadfast::api::Keys;
///
/// let mut keys = client.scan::<String>().matching("session:*").count(1000).stream();
/// while let Some(key) = keys.next().await {
///     println!("{}", key?);
/// }
/// # Ok(())
/// # }
/// ```
///
/// An item that is there from the beginning of the scan to its end comes at least once; one can come twice, and what is
/// added or removed meanwhile may come or not. The next page is asked for when all items of the last one were taken, so
/// that a slow reader costs the server nothing. Each page is a call with the deadline of the request, whatever it takes to
/// get it after a reconnection.
///
/// # Cancellation
/// A future of [`next`](Self::next) can be dropped at any time: no item is lost by that. So can the stream.
///
/// # Reconnection
/// A cursor means something only to the server that gave it, for as long as that runs. After a reconnection the stream
/// asks which server it is (the `run_id` of `INFO`): if it is the same one the page is asked for again and the scan goes
/// on; else, or if the server does not say, it ends in [`ErrorKind::ServerChanged`](crate::ErrorKind::ServerChanged)
/// rather than leave items out.
///
/// # Errors
/// Those of every call, and `ServerChanged`. The stream ends after an error; [`cursor`](Self::cursor) says where that page
/// begins, for a scan that goes on there ([`Request::cursor`]), or begins anew with 0.
#[must_use = "a stream does nothing until it is polled"]
pub struct Scan<'c, T> {
    source: Source<'c, T>,
    /// Where the page begins that is asked for, or will be.
    cursor: u64,
    /// Which server gave the cursor; `None` at the beginning, where any will do.
    origin: Option<Origin>,
    items: std::vec::IntoIter<T>,
    phase: Phase<'c, T>,
}

enum Phase<'c, T> {
    /// There may be another page.
    Between,
    Waiting(Pin<Box<dyn Future<Output = Fetched<T>> + Send + 'c>>),
    /// The last page has come, or an error.
    Ended,
}

/// Asks for pages.
struct Source<'c, T> {
    request: Request<&'c Client, Page<T>>,
    /// The cursor's place among the command's words.
    place: usize,
}

/// What is known of the server that gave a cursor.
#[derive(Clone)]
struct Origin {
    /// Its connection.
    session: Arc<SessionFacts>,
    /// What it calls itself, another name each time it starts; `None` if it does not say.
    run: Option<String>,
}

/// A page and, if more follow, the server it came from.
type Fetched<T> = Result<(Page<T>, Option<Origin>), Error>;

impl<'c, T: FromReply + Send + 'c, O: Scanning> Request<&'c Client, Page<T>, O> {
    /// All items from this page on, as a stream: see [`Scan`](crate::client::Scan).
    pub fn stream(self) -> Scan<'c, T> {
        let cursor = self.command().word(O::CURSOR).and_then(|word| std::str::from_utf8(word).ok()?.parse().ok());
        let source = Source { request: self.marked(), place: O::CURSOR };
        let (cursor, items) = (cursor.unwrap_or_default(), Vec::new().into_iter());
        Scan { source, cursor, origin: None, items, phase: Phase::Between }
    }
}

impl<'c, T: Send + 'c> Scan<'c, T> {
    /// The next item; `None` after the last one, or after an error.
    ///
    /// # Errors
    /// See [`Scan`].
    pub async fn next(&mut self) -> Option<Result<T, Error>> {
        poll_fn(|cx| self.poll_item(cx)).await
    }

    /// Where the page begins that comes next; after an error, the page that it concerns.
    pub fn cursor(&self) -> u64 {
        self.cursor
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, Error>>> {
        loop {
            if let Some(item) = self.items.next() {
                return Poll::Ready(Some(Ok(item)));
            }
            match &mut self.phase {
                Phase::Ended => return Poll::Ready(None),
                Phase::Between => {
                    let fetched = self.source.clone().fetch(self.cursor, self.origin.take());
                    self.phase = Phase::Waiting(Box::pin(fetched));
                }
                Phase::Waiting(page) => match ready!(page.as_mut().poll(cx)) {
                    Ok((page, origin)) => {
                        self.phase = if page.cursor == 0 { Phase::Ended } else { Phase::Between };
                        (self.cursor, self.origin, self.items) = (page.cursor, origin, page.items.into_iter());
                    }
                    Err(error) => {
                        self.phase = Phase::Ended;
                        return Poll::Ready(Some(Err(error)));
                    }
                },
            }
        }
    }
}

impl<T: Send> Source<'_, T> {
    /// The page at the cursor, from the server that gave the cursor.
    async fn fetch(mut self, cursor: u64, mut origin: Option<Origin>) -> Fetched<T> {
        let until = deadline_of(self.request.executor.within(self.request.deadline));
        for _ in 0..ROUNDS {
            let before = self.session();
            let page = match self.page(cursor).await {
                Ok(page) => Some(page),
                // To read once more harms nothing.
                Err(error) if error.fate() == Fate::Unknown && error.kind() == ErrorKind::Connection => None,
                Err(error) => return Err(error),
            };
            // One deadline for all that it takes.
            self.keep(until);
            // Sessions do not come back: with the same one before and after, that one has answered.
            let server = before.filter(|before| self.session().is_some_and(|after| Arc::ptr_eq(before, &after)));
            match (page, server, &mut origin) {
                (Some(page), _, None) if page.cursor == 0 => return Ok((page, None)),
                (Some(page), Some(server), None) => {
                    let found = self.origin().await?;
                    if Arc::ptr_eq(&found.session, &server) {
                        return Ok((page, Some(found)));
                    }
                }
                (Some(page), Some(server), Some(origin)) if Arc::ptr_eq(&server, &origin.session) => {
                    return Ok((page, Some(origin.clone())));
                }
                (_, _, Some(origin)) => {
                    let found = self.origin().await?;
                    if found.run.is_none() || found.run != origin.run {
                        return Err(self.changed());
                    }
                    origin.session = found.session;
                }
                (_, _, None) => {}
            }
        }
        Err(self.changed())
    }

    /// What it asks from now on has until then.
    fn keep(&mut self, until: Option<Instant>) {
        if let Some(until) = until {
            self.request.deadline = Limit::Within(until.saturating_duration_since(now()));
        }
    }

    async fn page(&self, cursor: u64) -> Result<Page<T>, Error> {
        self.request.clone().put(self.place, cursor).await
    }

    /// The server that answers now.
    async fn origin(&self) -> Result<Origin, Error> {
        for _ in 0..ROUNDS {
            let before = self.session();
            let command = Command::of(const { known("INFO") }).arg("server");
            // As bytes: the paths in it may be no UTF-8.
            let run = match self.request.likewise::<Vec<u8>>(command).await {
                Ok(info) => String::from_utf8_lossy(&info)
                    .lines()
                    .find_map(|line| line.strip_prefix("run_id:"))
                    .map(str::to_owned),
                Err(error) if error.kind() == ErrorKind::Server => None,
                Err(error) => return Err(error),
            };
            let session = before.filter(|before| self.session().is_some_and(|after| Arc::ptr_eq(before, &after)));
            if let Some(session) = session {
                return Ok(Origin { session, run });
            }
        }
        Err(self.changed())
    }

    /// The connection that there is now.
    fn session(&self) -> Option<Arc<SessionFacts>> {
        match &*self.request.executor.state().borrow() {
            LinkState::Ready { session } => Some(Arc::clone(session)),
            _ => None,
        }
    }

    fn changed(&self) -> Error {
        report::server_changed(&Name::of(self.request.command()), self.request.executor.address())
    }
}

impl<T> Clone for Source<'_, T> {
    fn clone(&self) -> Self {
        Self { request: self.request.clone(), place: self.place }
    }
}

impl<'c, T: Send + 'c> Stream for Scan<'c, T> {
    type Item = Result<T, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_item(cx)
    }
}

/// Nothing in it is pinned: the future of a page has a place of its own.
impl<T> Unpin for Scan<'_, T> {}

impl<T> fmt::Debug for Scan<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan")
            .field("command", &self.source.request.command())
            .field("cursor", &self.cursor)
            .finish_non_exhaustive()
    }
}

/// How often a page is asked for while the connection changes under it.
const ROUNDS: usize = 5;
