//! Scans of a whole cluster: node by node, and again where slots have moved meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::handle::{Client, deadline_of};
use super::pinned;
use super::report::{self, Name};
use crate::command::{Command, ConversionError, Limit, Page, Request, Slot, known};
use crate::connection::SessionFacts;
use crate::driver::now;
use crate::error::{Error, ErrorKind};
use crate::topology::{Next, Node, OwnSlots, Routing, ScanProgress, before};

/// How a whole cluster is scanned.
#[derive(Debug)]
pub(super) enum ClusterScan {
    /// It is not known yet what the servers can do.
    Begun,
    /// The servers keep account of it (`CLUSTERSCAN`): the cursor of the next page.
    Theirs(Bytes),
    /// It is kept here.
    Ours(Box<Walks>),
}

/// Which nodes were walked, and which one is.
#[derive(Debug, Default)]
pub(super) struct Walks {
    progress: ScanProgress,
    walk: Option<Walk>,
}

/// A node on its way from its cursor 0 to its cursor 0.
#[derive(Debug)]
struct Walk {
    node: Arc<Node>,
    /// The connection to the server that gave the cursor.
    session: Arc<SessionFacts>,
    /// What that server calls itself, another name each time it starts; `None` if it does not say.
    run: Option<String>,
    cursor: u64,
}

/// Asks for pages of a scan.
pub(super) struct Asking<'c> {
    /// With any cursor.
    pub(super) request: Request<&'c Client, Page<Bytes>>,
    pub(super) routing: Arc<Routing>,
    /// One deadline for all that a page takes.
    until: Option<Instant>,
}

/// What one step of a scan gives.
pub(super) enum Step {
    Keys(Vec<Bytes>),
    /// Everything was given.
    End,
}

impl<'c> Asking<'c> {
    pub(super) fn new(request: Request<&'c Client, Page<Bytes>>, routing: Arc<Routing>) -> Self {
        let until = deadline_of(request.executor.within(request.deadline));
        Self { request, routing, until }
    }

    /// The next page, whatever it takes to get it.
    pub(super) async fn next(mut self, scan: &mut ClusterScan) -> Result<Step, Error> {
        if self.routing.snapshot().is_none() {
            if let Ok(Err(cause)) = before(self.routing.ready(), self.until, self.routing.runtime()).await {
                return Err(report::unreachable(self.name().shown(), self.routing.address(), cause));
            }
        }
        loop {
            match scan {
                ClusterScan::Begun => {
                    *scan = match self.have_clusterscan() {
                        true => ClusterScan::Theirs(Bytes::from_static(b"0")),
                        false => ClusterScan::Ours(Box::default()),
                    };
                }
                ClusterScan::Theirs(cursor) => match self.their_page(cursor).await {
                    Ok(Some((next, keys))) => {
                        let is_last = &next[..] == b"0";
                        *cursor = if is_last { Bytes::new() } else { next };
                        return Ok(Step::Keys(keys));
                    }
                    Ok(None) => return Ok(Step::End),
                    // An older server is among them.
                    Err(error) if is_unknown_command(&error) => *scan = ClusterScan::Ours(Box::default()),
                    Err(error) => return Err(error),
                },
                ClusterScan::Ours(walks) => return self.our_page(walks).await,
            }
        }
    }

    /// Whether a server that we are connected to says that it is one that has `CLUSTERSCAN`.
    fn have_clusterscan(&self) -> bool {
        let nodes = self.routing.nodes();
        let sessions = nodes.iter().filter(|node| node.started().is_some()).filter_map(|node| pinned::session(node));
        let versions: Vec<bool> = sessions.map(|session| has_clusterscan(&session)).collect();
        !versions.is_empty() && versions.iter().all(|has| *has)
    }

    /// A page of the cluster's own scan; `None` after the last one. The cursor leads to its node as a key would.
    async fn their_page(&mut self, cursor: &Bytes) -> Result<Option<(Bytes, Vec<Bytes>)>, Error> {
        if cursor.is_empty() {
            return Ok(None);
        }
        let options = self.request.command().words().skip(OPTIONS).map(Bytes::copy_from_slice).collect::<Vec<_>>();
        let command = Command::of(const { known("CLUSTERSCAN") }).key(cursor).arg(options);
        self.request.likewise(command).await.map(Some)
    }

    async fn our_page(&mut self, walks: &mut Walks) -> Result<Step, Error> {
        loop {
            let Some(walk) = &mut walks.walk else {
                let Some(next) = walks.progress.next() else { return Ok(Step::End) };
                walks.walk = self.begin(&next, &mut walks.progress).await?;
                continue;
            };
            match self.page_of(walk).await {
                Ok(Some(page)) => {
                    walk.cursor = page.cursor;
                    let wanted = |key: &Bytes| walks.progress.wants(Slot::of(key));
                    let keys = page.items.into_iter().filter(wanted).collect();
                    if page.cursor == 0 {
                        let node = Arc::clone(&walk.node);
                        walks.walk = None;
                        self.end(node, &mut walks.progress).await?;
                    }
                    return Ok(Step::Keys(keys));
                }
                Ok(None) => {
                    walks.progress.abandon();
                    walks.walk = None;
                }
                Err(error) => {
                    walks.progress.abandon();
                    walks.walk = None;
                    self.after(error).await?;
                }
            }
        }
    }

    /// Begins to walk the node that is next; `None`: it has to be looked for anew.
    async fn begin(&mut self, next: &Next, progress: &mut ScanProgress) -> Result<Option<Walk>, Error> {
        let Some(node) = self.find(next) else {
            self.pause().await?;
            return Ok(None);
        };
        match self.begin_at(&node, progress).await {
            Ok(Some(walk)) => Ok(Some(walk)),
            Ok(None) => self.pause().await.map(|()| None),
            Err(error) => self.after(error).await.map(|()| None),
        }
    }

    async fn begin_at(&mut self, node: &Arc<Node>, progress: &mut ScanProgress) -> Result<Option<Walk>, Error> {
        let own = self.own_slots(node).await?;
        if !progress.begin(own) {
            return Ok(None);
        }
        let session = pinned::session(node);
        let run = self.run_of(node).await?;
        // Else it may be another server that said so.
        let session = session.filter(|before| pinned::session(node).is_some_and(|after| Arc::ptr_eq(before, &after)));
        Ok(session.map(|session| Walk { node: Arc::clone(node), session, run, cursor: 0 }))
    }

    /// The walk of this node is over: what does it say now?
    ///
    /// If it says nothing, all of it was in vain; but what it had found was given.
    async fn end(&mut self, node: Arc<Node>, progress: &mut ScanProgress) -> Result<(), Error> {
        match self.own_slots(&node).await {
            Ok(own) => {
                progress.end(&own);
                Ok(())
            }
            Err(error) => {
                progress.abandon();
                self.after(error).await
            }
        }
    }

    /// A page from the node that is walked; `None`: another server is there now.
    async fn page_of(&mut self, walk: &mut Walk) -> Result<Option<Page<Bytes>>, Error> {
        loop {
            let before = pinned::session(&walk.node);
            let request = self.within_time().put(CURSOR, walk.cursor);
            let page = pinned::ask(request, Arc::clone(&walk.node)).await?;
            let after = pinned::session(&walk.node);
            // Sessions do not come back: with the same one before and after, that one has answered.
            let is_it = |session: &Option<Arc<SessionFacts>>| {
                session.as_ref().is_some_and(|session| Arc::ptr_eq(session, &walk.session))
            };
            if is_it(&before) && is_it(&after) {
                return Ok(Some(page));
            }
            // A page of which nobody knows who gave it is asked for again.
            let run = self.run_of(&walk.node).await?;
            match after {
                Some(session) if run.is_some() && run == walk.run => walk.session = session,
                _ => return Ok(None),
            }
        }
    }

    fn find(&self, next: &Next) -> Option<Arc<Node>> {
        let snapshot = self.routing.snapshot();
        let snapshot = snapshot.as_ref()?;
        match next {
            Next::OwnerOf(slot) => snapshot.primary(*slot).cloned(),
            Next::Target(id, _) => {
                let index = snapshot.map.nodes().iter().position(|facts| *facts.id == **id)?;
                snapshot.nodes.get(index).cloned()
            }
        }
    }

    async fn own_slots(&mut self, node: &Arc<Node>) -> Result<OwnSlots, Error> {
        let command = Command::of(const { known("CLUSTER NODES") });
        let request = self.within_time().likewise::<Vec<u8>>(command);
        let answer = pinned::ask(request, Arc::clone(node)).await?;
        OwnSlots::of(&String::from_utf8_lossy(&answer)).ok_or_else(|| {
            let found = ConversionError::new("the line of the node itself", "none");
            report::conversion(&Name::new(const { known("CLUSTER NODES") }, None), node.address(), found)
        })
    }

    /// What the server there calls itself.
    async fn run_of(&mut self, node: &Arc<Node>) -> Result<Option<String>, Error> {
        let command = Command::of(const { known("INFO") }).arg("server");
        let request = self.within_time().likewise::<Vec<u8>>(command);
        match pinned::ask(request, Arc::clone(node)).await {
            Ok(info) => Ok(run_id(&info)),
            Err(error) if error.kind() == ErrorKind::Server => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The request, with what is left of its time.
    fn within_time(&self) -> Request<&'c Client, Page<Bytes>> {
        let mut request = self.request.clone();
        if let Some(until) = self.until {
            request.deadline = Limit::Within(until.saturating_duration_since(now()));
        }
        request
    }

    /// After an error that need not be the last word: soon it may be another node's turn.
    async fn after(&self, error: Error) -> Result<(), Error> {
        if !pinned::may_be_repeated(&error, self.until, now()) {
            return Err(error);
        }
        self.routing.ask_refresh();
        match self.wait().await {
            true => Ok(()),
            false => Err(error),
        }
    }

    /// Somebody is wrong about who has what: soon all may agree.
    async fn pause(&self) -> Result<(), Error> {
        self.routing.ask_refresh();
        match self.wait().await {
            true => Ok(()),
            false => Err(report::no_owner(&self.name(), self.routing.address(), self.within())),
        }
    }

    fn name(&self) -> Name {
        Name::of(self.request.command())
    }

    fn within(&self) -> Option<Duration> {
        self.request.executor.within(self.request.deadline)
    }

    /// Until the topology has changed, or a moment has passed; whether there is time left then.
    async fn wait(&self) -> bool {
        let mut standing = self.routing.standing();
        let moment = now() + PAUSE;
        let until = self.until.map_or(moment, |until| until.min(moment));
        let _ = before(standing.changed(), Some(until), self.routing.runtime()).await;
        self.until.is_none_or(|until| now() < until) && !self.routing.is_closed()
    }
}

/// What a server calls itself, in its `INFO`. As bytes: the paths in it may be no UTF-8.
pub(super) fn run_id(info: &[u8]) -> Option<String> {
    String::from_utf8_lossy(info).lines().find_map(|line| line.strip_prefix("run_id:")).map(str::to_owned)
}

fn has_clusterscan(session: &SessionFacts) -> bool {
    let version = session.server.version.as_deref().unwrap_or_default();
    let mut numbers = version.split('.').map_while(|number| number.parse::<u32>().ok());
    let version = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    session.server.server.as_deref() == Some("valkey") && version >= (9, 1)
}

fn is_unknown_command(error: &Error) -> bool {
    error.server().is_some_and(|error| error.message().starts_with("ERR unknown command"))
}

/// Where `SCAN` has the cursor, and its options.
const CURSOR: usize = 1;
const OPTIONS: usize = 2;
const PAUSE: Duration = Duration::from_millis(50);
