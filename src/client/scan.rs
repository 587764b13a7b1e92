//! Scans as streams.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use bytes::Bytes;
use futures_core::Stream;

use super::cluster_scan::{Asking, ClusterScan, Step, run_id};
use super::handle::{Client, deadline_of};
use super::pinned;
use super::report::{self, Name};
use crate::command::{Command, ConversionError, FromReply, Limit, Page, Request, Scanning, Unfit, known};
use crate::connection::{LinkState, SessionFacts};
use crate::driver::now;
use crate::error::{Error, ErrorKind};
use crate::outcome::Fate;
use crate::resp::Frame;
use crate::topology::{Node, Routing, before};

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
/// # Clusters
/// A scan of the keys goes through all primaries, one after the other. It keeps account of every slot: one that has moved
/// meanwhile is scanned again where it is then, so that no key is left out for that; keys of slots that are done are not given
/// again. When a node is replaced or started anew, its slots are scanned anew, and there is no `ServerChanged`. While a part of
/// the slots has no node, or a silent one, the page waits for it, and its call ends in an error at its deadline: a scan that
/// comes to its end has been everywhere. Where the servers keep account themselves (`CLUSTERSCAN`, Valkey 9.1, if the protocol
/// is RESP3), theirs is used. `count` is for each page. A stream in a cluster always begins at the beginning, and
/// [`cursor`](Self::cursor) is 0. (What it relies on: keys go from node to node by the usual migration of slots; one whose slot
/// leaves, is taken back in the middle, and never counts as moved, can be missed.)
///
/// A scan of the members of one key is asked of the node that has the key, and ends in `ServerChanged` if the key moves.
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
    /// If it is one of a whole cluster. Whoever asks for a page has it meanwhile.
    cluster: Option<Whole<T>>,
    items: std::vec::IntoIter<T>,
    phase: Phase<'c, T>,
}

/// A scan of a whole cluster.
struct Whole<T> {
    routing: Arc<Routing>,
    scan: ClusterScan,
    /// What a key is given as.
    key: fn(Bytes) -> Result<T, ConversionError>,
}

enum Phase<'c, T> {
    /// There may be another page.
    Between,
    Waiting(Pin<Box<dyn Future<Output = Result<Came<T>, Error>> + Send + 'c>>),
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

/// What is there when a page was asked for.
enum Came<T> {
    /// A page and, if more follow, the server it came from.
    Page(Page<T>, Option<Origin>),
    /// Keys of a cluster, and what has been scanned of it now.
    Keys(Vec<T>, Whole<T>),
    /// The whole cluster has been scanned.
    End,
}

type Fetched<T> = Result<(Page<T>, Option<Origin>), Error>;

/// Who is asked.
enum Place {
    /// The one server there is.
    Only,
    /// This one of several.
    Node(Arc<Node>),
}

impl<'c, T: FromReply + Send + 'c, O: Scanning> Request<&'c Client, Page<T>, O> {
    /// All items from this page on, as a stream: see [`Scan`](crate::client::Scan).
    pub fn stream(self) -> Scan<'c, T> {
        let cursor = self.command().word(O::CURSOR).and_then(|word| std::str::from_utf8(word).ok()?.parse().ok());
        let is_of_keys = self.command().name() == "SCAN";
        let routing = pinned::routing(self.executor).filter(|routing| is_of_keys && routing.is_cluster());
        let key: fn(Bytes) -> Result<T, ConversionError> = |key| T::from_reply(Frame::bulk(key).reply());
        let cluster = routing.map(|routing| Whole { routing, scan: ClusterScan::Begun, key });
        let source = Source { request: self.marked(), place: O::CURSOR };
        let (cursor, items) = (cursor.unwrap_or_default(), Vec::new().into_iter());
        Scan { source, cursor, origin: None, cluster, items, phase: Phase::Between }
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
                    let (source, cursor, origin) = (self.source.clone(), self.cursor, self.origin.take());
                    self.phase = Phase::Waiting(match self.cluster.take() {
                        Some(whole) => Box::pin(source.fetch_of(whole, cursor)),
                        None => Box::pin(async move {
                            source.fetch(cursor, origin).await.map(|(page, origin)| Came::Page(page, origin))
                        }),
                    });
                }
                Phase::Waiting(page) => match ready!(page.as_mut().poll(cx)) {
                    Ok(Came::Page(page, origin)) => {
                        self.phase = if page.cursor == 0 { Phase::Ended } else { Phase::Between };
                        (self.cursor, self.origin, self.items) = (page.cursor, origin, page.items.into_iter());
                    }
                    Ok(Came::Keys(keys, whole)) => {
                        self.phase = Phase::Between;
                        (self.cluster, self.items) = (Some(whole), keys.into_iter());
                    }
                    Ok(Came::End) => self.phase = Phase::Ended,
                    Err(error) => {
                        self.phase = Phase::Ended;
                        return Poll::Ready(Some(Err(error)));
                    }
                },
            }
        }
    }
}

impl<'c, T: Send> Source<'c, T> {
    /// The next keys of a cluster.
    async fn fetch_of(self, mut whole: Whole<T>, cursor: u64) -> Result<Came<T>, Error> {
        let name = Name::of(self.request.command());
        if cursor != 0 {
            let reason = "in a cluster a scan begins at the cursor 0: others mean something to one node only";
            return Err(report::unfit(&name, &Unfit::Arguments(reason.into())));
        }
        let asking = Asking::new(self.request.marked(), Arc::clone(&whole.routing));
        match asking.next(&mut whole.scan).await? {
            Step::End => Ok(Came::End),
            Step::Keys(keys) => {
                let keys: Result<Vec<T>, _> = keys.into_iter().map(whole.key).collect();
                let keys = keys.map_err(|error| report::conversion(&name, whole.routing.address(), error))?;
                Ok(Came::Keys(keys, whole))
            }
        }
    }

    /// The page at the cursor, from the server that gave the cursor.
    async fn fetch(mut self, cursor: u64, mut origin: Option<Origin>) -> Fetched<T> {
        let until = deadline_of(self.request.executor.within(self.request.deadline));
        for _ in 0..ROUNDS {
            let place = self.find_place(until).await?;
            let before = self.session(&place);
            let page = match self.page(&place, cursor).await {
                Ok(page) => Some(page),
                // To read once more harms nothing.
                Err(error) if error.fate() == Fate::Unknown && error.kind() == ErrorKind::Connection => None,
                Err(error) if is_elsewhere(&error) => self.page_elsewhere(cursor, &origin).await?,
                Err(error) => return Err(error),
            };
            // One deadline for all that it takes.
            self.keep(until);
            // Sessions do not come back: with the same one before and after, that one has answered.
            let server = before.filter(|before| self.session(&place).is_some_and(|after| Arc::ptr_eq(before, &after)));
            match (page, server, &mut origin) {
                (Some(page), _, None) if page.cursor == 0 => return Ok((page, None)),
                (Some(page), Some(server), None) => {
                    let found = self.origin(&place).await?;
                    if Arc::ptr_eq(&found.session, &server) {
                        return Ok((page, Some(found)));
                    }
                }
                (Some(page), Some(server), Some(origin)) if Arc::ptr_eq(&server, &origin.session) => {
                    return Ok((page, Some(origin.clone())));
                }
                (_, _, Some(origin)) => {
                    let found = self.origin(&place).await?;
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

    /// Who has what is scanned.
    async fn find_place(&self, until: Option<Instant>) -> Result<Place, Error> {
        let Some(routing) = pinned::routing(self.request.executor) else { return Ok(Place::Only) };
        let slot = self.request.command().slot();
        loop {
            let mut standing = routing.standing();
            if let Some(node) = routing.owner(slot) {
                return Ok(Place::Node(node));
            }
            routing.ask_refresh();
            if before(standing.changed(), until, routing.runtime()).await.map_or(true, |changed| changed.is_err()) {
                let within = self.request.executor.within(self.request.deadline);
                return Err(report::no_owner(&Name::of(self.request.command()), routing.address(), within));
            }
        }
    }

    async fn page(&self, place: &Place, cursor: u64) -> Result<Page<T>, Error> {
        let request = self.request.clone().put(self.place, cursor);
        match place {
            Place::Only => request.await,
            Place::Node(node) => pinned::ask(request, Arc::clone(node)).await,
        }
    }

    /// Another node has the key. Before the first page that is no matter: the page comes from there and, if it is not the
    /// only one, is asked for once more of whoever has the key then.
    async fn page_elsewhere(&self, cursor: u64, origin: &Option<Origin>) -> Result<Option<Page<T>>, Error> {
        if origin.is_some() || cursor != 0 {
            return Err(self.changed());
        }
        let page = self.request.clone().put(self.place, cursor).await?;
        Ok(Some(page).filter(|page| page.cursor == 0))
    }

    /// The server that answers now.
    async fn origin(&self, place: &Place) -> Result<Origin, Error> {
        for _ in 0..ROUNDS {
            let before = self.session(place);
            let command = Command::of(const { known("INFO") }).arg("server");
            let request = self.request.likewise::<Vec<u8>>(command);
            let info = match place {
                Place::Only => request.await,
                Place::Node(node) => pinned::ask(request, Arc::clone(node)).await,
            };
            let run = match info {
                Ok(info) => run_id(&info),
                Err(error) if error.kind() == ErrorKind::Server => None,
                Err(error) => return Err(error),
            };
            let session = before.filter(|before| self.session(place).is_some_and(|after| Arc::ptr_eq(before, &after)));
            if let Some(session) = session {
                return Ok(Origin { session, run });
            }
        }
        Err(self.changed())
    }

    /// The connection that there is now.
    fn session(&self, place: &Place) -> Option<Arc<SessionFacts>> {
        match place {
            Place::Node(node) => pinned::session(node),
            Place::Only => match &*self.request.executor.state().borrow() {
                LinkState::Ready { session } => Some(Arc::clone(session)),
                _ => None,
            },
        }
    }

    fn changed(&self) -> Error {
        report::server_changed(&Name::of(self.request.command()), self.request.executor.address())
    }
}

/// Whether the server says that another one has the key.
fn is_elsewhere(error: &Error) -> bool {
    error.server().is_some_and(|error| matches!(error.code(), "MOVED" | "ASK"))
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
