//! A connection for one caller alone.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::blocking::sole_slot;
use super::call::Call;
use super::handle::{Client, deadline_of};
use super::lease::{Lease, Standing};
use super::pipeline::Pipeline;
use super::report::{self, Name};
use super::transaction::Transaction;
use crate::command::{Command, Exclusive, Executor, FromReply, Limit, Request, Sealed, ServerError, ToArgs, known};
use crate::connection::{LinkState, SessionFacts};
use crate::driver::now;
use crate::error::Error;
use crate::outcome::Cause;
use crate::topology::{Deployed, Lane, Links, Node, Placed, Placement, Reuse, Unplaced};

/// A connection for one caller alone, of a pool of the client's: [`Client::dedicated`].
///
/// On it goes what must not be done to a connection that others use too: `WATCH`, `MULTI` by hand, `SELECT`, `WAIT`,
/// `CLIENT TRACKING`, ... Typed commands, [pipelines](Self::pipeline) and [transactions](Self::transaction) are as on
/// the [`Client`], and so are their deadlines, errors and fates.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use steadfast::ErrorKind;
/// use steadfast::api::{OwnConnection, Strings};
///
/// let dedicated = client.dedicated().await?;
/// dedicated.watch("seats").await?;
/// let seats: i64 = dedicated.get("seats").await?.unwrap_or(0);
/// if seats > 0 {
///     let mut transaction = dedicated.transaction();
///     let _ = transaction.set("seats", seats - 1).queue();
///     match transaction.execute().await {
///         Ok(_) => println!("got one"),
///         Err(error) if error.kind() == ErrorKind::Conflict => println!("somebody was faster"),
///         Err(error) => return Err(error),
///     }
/// }
/// # Ok(())
/// # }
/// ```
///
/// [`Client::optimistic`] has this loop ready-made.
///
/// What is sent between a `MULTI` by hand and its `EXEC` is answered `QUEUED`, which is no answer of its own type: take it as a
/// [`Value`](crate::Value) by [`answer_as`](crate::Request::answer_as). [`transaction`](Self::transaction) is no use in between.
///
/// # Ordering
/// As on the [`Client`]: commands run in the order in which their futures are first polled, and several tasks may share
/// a `&Dedicated`, whose calls then travel together. But a connection watches keys and queues commands for all who use
/// it: the `EXEC` of one task ends the `WATCH` of another. Whoever watches keys should have the connection alone. What
/// the server refuses for the time being is never kept back here to be tried again, whatever is set
/// ([`OnRefusal::FailFast`](crate::OnRefusal::FailFast)), since it could run after the transaction that it was meant
/// for.
///
/// # Blocking
/// A blocking command (`BLPOP`, `XREAD` with `BLOCK`, `WAIT`, ...) holds up what comes after it on this connection. The
/// time that it may block is added to the default deadline; a deadline of its own request is kept as it is.
///
/// # Several nodes
/// The connection leads to one node, and stays there: in a cluster to the primary that has the slot of a
/// [key](Dedicating::for_key), or else to any primary; with Sentinels or replicas to the primary. A command whose keys are
/// another node's, or have been moved there meanwhile, ends in the server's error (`MOVED`, `ASK`, `READONLY`), fate `Refused`:
/// nothing of this connection goes on to another one. [`Client::optimistic`] does, by beginning anew.
///
/// # Reconnection
/// There is none: with a lost connection, what was made of it is gone. What was under way then ends as on the client,
/// with its fate, and every later call in [`ErrorKind::SessionLost`](crate::ErrorKind::SessionLost), before anything is
/// sent. A new connection is a call of [`Client::dedicated`] away.
///
/// # Dropping
/// The connection goes back to the pool for the next caller, who finds it as new: nothing is watched or queued. If the
/// commands that were sent may have made another one of it (`SELECT`, `AUTH`, `CLIENT SETNAME`, ..., and every command
/// that this crate does not know), it is closed instead. The client's connections live as long as this does.
///
/// If the last thing that was sent is a blocking command that was given up, by dropping its call or at its deadline,
/// the server is asked to end it now, and what it took away in that very moment is given to the [orphan
/// hook](super::Config::with_orphan_hook), as on the client. If something was sent behind it, what it takes away is
/// lost.
pub struct Dedicated {
    /// Its route is the lane.
    pub(super) client: Client,
    lease: Arc<Lease>,
    /// Of the node that the lane leads to.
    links: Arc<Links>,
    /// There until this is dropped.
    lane: Option<Lane>,
    session: Arc<SessionFacts>,
}

/// A connection of one's own that is on its way: [`Client::dedicated`]. Awaited it is a [`Dedicated`], or an error.
///
/// The deadline counts from the moment this is awaited.
///
/// # Cancellation
/// Can be dropped at any time: the connection is the next one's then, or closed.
///
/// # Errors
/// - `Timeout`, fate `NotSent`: with the stage [`AcquiringConnection`](crate::Stage::AcquiringConnection) if as many as
///   there may be ([`defaults::MAX_DEDICATED`](super::defaults::MAX_DEDICATED)) were in use, else with that of
///   connecting and its last cause;
/// - `Tls`, `Handshake`, `Protocol`: at once, when only a change of certificates, passwords or settings can help;
/// - `Full`: as many were in use, and the client is set to [fail at once](super::AtCapacity::FailFast) then;
/// - `CrossSlot`: it is a cluster, and the keys given to [`for_key`](Self::for_key) are in several slots;
/// - `Closed`: the client is closed.
#[must_use = "nothing happens until it is awaited"]
pub struct Dedicating<'c> {
    client: &'c Client,
    /// The keys whose node is wanted.
    keys: Option<Command>,
    limit: Limit,
}

/// Where connections of a caller's own are taken from.
pub(super) enum Source {
    One(Arc<Links>),
    /// One of several nodes.
    Many(Box<Placement>),
}

impl<'c> Dedicating<'c> {
    pub(super) fn new(client: &'c Client) -> Self {
        Self { client, keys: None, limit: Limit::Default }
    }

    /// In a cluster, the connection is to lead to the primary that has the slot of this key now; several keys must be of one
    /// slot ([`CrossSlot`](crate::ErrorKind::CrossSlot) otherwise). Without this it leads to any primary. Where one server has
    /// all keys this changes nothing.
    ///
    /// ```no_run
    /// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
    /// use steadfast::api::{OwnConnection, Strings};
    ///
    /// let dedicated = client.dedicated().for_key("invoice:7").await?;
    /// dedicated.set("invoice:7", "paid").await?;
    /// let replicas = dedicated.wait(1, std::time::Duration::from_millis(100)).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn for_key(self, key: impl ToArgs) -> Self {
        Self { keys: Some(Command::of(const { known("WATCH") }).key(key)), ..self }
    }

    /// Getting the connection may take this long at most. Default: what is set for the client, 5 s if nothing is.
    pub fn deadline(self, within: Duration) -> Self {
        Self { limit: Limit::Within(within), ..self }
    }
}

impl<'c> IntoFuture for Dedicating<'c> {
    type Output = Result<Dedicated, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'c>>;

    fn into_future(self) -> Self::IntoFuture {
        let within = self.client.within(self.limit);
        let until = deadline_of(within);
        Box::pin(async move {
            let mut source = Source::of(self.client, self.keys.as_ref())?;
            source.dedicate(self.client, within, until).await
        })
    }
}

impl Source {
    /// Of the node that has these keys; without any, of any primary.
    ///
    /// # Errors
    /// If it is a cluster, and the keys are in several slots.
    pub(super) fn of(client: &Client, keys: Option<&Command>) -> Result<Self, Error> {
        match client.deployed() {
            Deployed::One(links) => Ok(Self::One(Arc::clone(links))),
            Deployed::Many(routes) => {
                let slot = keys.map_or(Ok(None), |keys| sole_slot(keys, &Name::of(keys)))?;
                Ok(Self::Many(Box::new(Placement::new(Arc::clone(routes), slot))))
            }
        }
    }

    /// A connection of the caller's own, at `until` at the latest, which is after `within`.
    pub(super) async fn dedicate(
        &mut self,
        client: &Client,
        within: Option<Duration>,
        until: Option<Instant>,
    ) -> Result<Dedicated, Error> {
        loop {
            let (links, lane) = self.acquire(client, within, until).await?;
            let session = match &*lane.link().standing() {
                LinkState::Ready { session } => Some(Arc::clone(session)),
                _ => None,
            };
            match session {
                Some(session) => return Ok(Dedicated::new(client, links, lane, session)),
                // It was lost in this very moment.
                None => lane.end().await,
            }
        }
    }

    async fn acquire(
        &mut self,
        client: &Client,
        within: Option<Duration>,
        until: Option<Instant>,
    ) -> Result<(Arc<Links>, Lane), Error> {
        match self {
            Self::One(links) => {
                let lane = Arc::clone(links.leases()).acquire_ready(until).await;
                let lane = lane.map_err(|why| report::unacquired(WHAT, client.address(), within, &why))?;
                Ok((Arc::clone(links), lane))
            }
            Self::Many(placement) => match placement.acquire(Links::leases, until).await {
                Ok(Placed { node, lane, .. }) => {
                    placement.note_at(&node);
                    Ok((Arc::clone(node.links()), lane))
                }
                Err(Unplaced { node, why }) => {
                    let node = node.as_deref().map_or(client.address(), Node::address);
                    Err(report::unacquired(WHAT, node, within, &why))
                }
            },
        }
    }

    /// The server has refused something because of what its node is, or is not; returns whether there may be another one.
    pub(super) fn follow(&mut self, refusal: &ServerError) -> bool {
        let Self::Many(placement) = self else { return false };
        // A connection is not let in by `ASKING`: that is for single commands. It is waited for the end of the move.
        let is_moved = refusal.code() == "MOVED" && placement.follow(refusal.message().as_bytes());
        let passes = ["ASK", "CLUSTERDOWN", "TRYAGAIN", "READONLY", "LOADING", "MASTERDOWN"].contains(&refusal.code());
        if passes {
            placement.displace(Some(Cause::Refused { message: refusal.message().into() }));
        }
        is_moved || passes
    }
}

impl Sealed for &Dedicated {}

impl Executor for &Dedicated {}

impl Exclusive for &Dedicated {}

impl Dedicated {
    fn new(client: &Client, links: Arc<Links>, lane: Lane, session: Arc<SessionFacts>) -> Self {
        let lease = Lease::new(lane.link());
        let client = client.on_lease(Arc::clone(&lease));
        Self { client, links, lease, lane: Some(lane), session }
    }

    /// A request for any command; what its answer is converted to is up to the caller.
    ///
    /// # Errors
    /// Besides those of every call,
    /// - `SessionLost`, fate `NotSent`: the connection is lost;
    /// - `NeedsDedicated`, before anything is sent, for what would leave commands without answers, or bring answers
    ///   without commands: `SUBSCRIBE` and its like, `MONITOR` (there is [`monitor`](Self::monitor)), `CLIENT REPLY`
    ///   (there is [`execute_unanswered`](Pipeline::execute_unanswered)), `SYNC`, `SCRIPT DEBUG`.
    pub fn request<T: FromReply>(&self, command: Command) -> Request<&Self, T> {
        Request::new(self, command)
    }

    /// Several commands that are sent as one, with one result for each: see [`Pipeline`].
    pub fn pipeline(&self) -> Pipeline<'_> {
        self.client.pipeline()
    }

    /// Several commands that run as one, or not at all: see [`Transaction`]. If a key that is watched has changed, nothing
    /// runs, and the error is of kind [`Conflict`](crate::ErrorKind::Conflict). Whether it ran or not, nothing is watched
    /// after that.
    pub fn transaction(&self) -> Transaction<'_> {
        self.client.transaction()
    }

    /// What is known of the connection: its number at the server ([`ServerFacts::id`](crate::ServerFacts::id)), for
    /// `CLIENT LIST`, and who it leads to.
    pub fn session(&self) -> &SessionFacts {
        &self.session
    }

    /// What the caller has left on the connection.
    pub(super) fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Whether the connection is lost.
    pub(super) fn is_lost(&self) -> bool {
        self.lease.link().is_ended()
    }
}

impl Drop for Dedicated {
    fn drop(&mut self) {
        let Some(lane) = self.lane.take() else { return };
        let links = &self.links;
        match (self.lease.standing(), self.lease.take_finder()) {
            (Standing::Clean, _) => lane.give_back(),
            (Standing::Blocked, Some(found)) => links.leases().recover(lane, Reuse::Lent, found),
            (_, Some(found)) => links.leases().recover(lane, Reuse::Closed, found),
            (Standing::Spoiled, _) => drop(lane),
            (standing, _) => {
                links.runtime().spawn(async move {
                    if standing.mend(lane.link(), now() + CHECK).await {
                        lane.give_back();
                    }
                });
            }
        }
    }
}

impl<'d, T, O> IntoFuture for Request<&'d Dedicated, T, O> {
    type Output = Result<T, Error>;
    type IntoFuture = Call<'d, T>;

    fn into_future(self) -> Call<'d, T> {
        Call::new(self.map_executor(|dedicated| &dedicated.client))
    }
}

impl fmt::Debug for Dedicated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dedicated")
            .field("address", self.client.address())
            .field("id", &self.session.server.id)
            .field("lost", &self.is_lost())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Dedicating<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dedicating").finish_non_exhaustive()
    }
}

/// What getting a connection is called in error texts.
const WHAT: &str = "getting a dedicated connection";

/// How long a connection has for an answer to what shows that it can be lent again, 1 s: after that it is closed.
const CHECK: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::topology::{Rang, before};

    #[test]
    fn a_wait_under_a_deadline_ends_with_the_runtime_of_the_links() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let handle = runtime.handle().clone();
        let until = Some(now() + Duration::from_secs(60));
        let mut waiting = Box::pin(before(std::future::pending::<()>(), until, &handle));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(&mut cx).is_pending());
        drop(runtime);
        assert_eq!(waiting.as_mut().poll(&mut cx), Poll::Ready(Err(Rang::RuntimeGone)));
    }
}
