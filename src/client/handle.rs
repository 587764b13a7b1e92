//! The client.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::watch;

use super::call::Call;
use super::config::{Config, IntoConfig};
use super::dedicated::Dedicating;
use super::lease::{self, Lease};
use super::optimistic::Optimistic;
use super::orphan::OrphanHook;
use super::pipeline::Pipeline;
use super::report;
use super::transaction::Transaction;
use super::witness::Witness;
use crate::command::{Command, Executor, FromReply, Limit, OnRefusal, Replay, Request, Sealed, ToArgs, Unfit};
use crate::connection::LinkState;
use crate::driver::{Counters, Events, Link, now};
use crate::error::{Error, ErrorKind, Report};
use crate::outcome::{Address, Fate};
use crate::topology::{Databases, Deployed};

/// A client: clone it freely, share it, call it from any number of tasks at once.
///
/// All clones use one connection (to each node, if there are [several](#several-nodes)), and have further ones for [blocking
/// commands](#blocking-commands), [callers who need one for themselves](Self::dedicated) and [subscriptions](crate::pubsub).
/// Calls that are made at the same time travel together: awaiting many of them concurrently *is* pipelining.
///
/// ```no_run
/// # async fn example() -> Result<(), steadfast::Error> {
/// use steadfast::Client;
/// use steadfast::api::Strings;
///
/// let client = Client::connect("redis://localhost").await?;
/// client.set("greeting", "hello").await?;
/// let greeting: Option<String> = client.get("greeting").await?;
/// # Ok(())
/// # }
/// ```
///
/// Every command is a [`Request`], which is awaited. It becomes a future ([`Call`]) by `.await`, and by
/// [`IntoFuture::into_future`] where a function wants a future itself, such as `join_all`. It borrows the client; a
/// task of its own gets a clone:
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), Box<dyn std::error::Error>> {
/// use steadfast::api::Strings;
///
/// let clone = client.clone();
/// let task = tokio::spawn(async move { clone.incr("visits").await });
/// let (hits, greeting) = tokio::try_join!(client.incr("hits"), client.get::<String>("greeting"))?;
/// let visits: i64 = task.await??;
/// # Ok(())
/// # }
/// ```
///
/// # Ordering
/// Commands run in the order in which their futures are first polled: those that one task awaits one after the other,
/// in that order. A command that ended with [`Fate::Unknown`] may still run after later ones, and one that the server
/// refuses for the time being after others of its pipeline, or made at the same time, unless it [fails
/// fast](OnRefusal::FailFast). With several nodes, commands for different nodes that are made at the same time have no order,
/// and one that a node sends on to another (`MOVED`, `ASK`) may run after later ones that are made meanwhile; those that one
/// task awaits one after the other keep theirs.
///
/// # Cancellation
/// Any call can be dropped at any time. If its bytes have not been picked up for sending, it is withdrawn and never
/// runs; otherwise it runs and its answer is thrown away. Nobody else's answer moves.
///
/// # Reconnection
/// A lost connection is made anew, at once and then with growing pauses, for ever. Commands that were not sent wait for
/// it until their deadline. Of those that were sent and not answered, reads are sent again, and the rest fails with
/// [`Fate::Unknown`]; [`Replay`] moves that line. What only a change of certificates, passwords or settings can help
/// fails the calls at once, with that cause, and is tried again after the longest pause of the
/// [`Backoff`](super::Backoff). A connection that has fallen silent while answers are due is replaced if a second one
/// is answered ([`with_silence_limit`](Config::with_silence_limit)), and what the server refuses for the time being is
/// tried again ([`OnRefusal`]). With several nodes this is so for each of them, and what waits for one goes to whichever node
/// takes its place.
///
/// # Several nodes
/// A client of a [cluster](Config::cluster), of servers behind [Sentinels](Config::sentinel), or of a [primary and its
/// replicas](Config::with_replicas) has a connection to each node that it needs, and knows which that is: it asks the deployment
/// when it begins, whenever something hints at a change (a redirection, a lost or silent connection, a Sentinel that says so), and
/// [now and then](Config::with_refresh_every). Calls do not wait for that once something is known.
///
/// A command goes to the primary that has its slot, without a cluster to the one primary; what only reads to where
/// [`ReadFrom`](super::ReadFrom) says. Until its deadline it follows what the nodes answer: `MOVED` and `ASK` to the node that
/// they name, as soon as that is known to belong to the deployment; `READONLY` to the primary that took over. That is no matter
/// of [`Replay`], since the node has said that it did not run the command. When another node has taken the place of one that died
/// or fell silent, what was not sent goes there; of what was sent and not answered, reads do, and the rest has fate
/// [`Fate::Unknown`]. A slot that no node serves is waited for. A command without keys goes to any primary, to one that is
/// connected if there is one.
///
/// What is bounded ([`with_max_pending_commands`](Config::with_max_pending_commands),
/// [`with_max_blocking`](Config::with_max_blocking), ...) is so for each node by itself.
///
/// See [`several_nodes`](crate::several_nodes) for what that means in operation.
///
/// # Blocking commands
/// A command that may wait on the server (`BLPOP`, `BLMOVE`, `XREAD` with `BLOCK`, ...) holds up nobody else: it has a
/// connection for itself until it is answered, one of [at most 256](Config::with_max_blocking), which the next one uses
/// again. The [configured deadline](Config::with_deadline) does not cut the time short that it asks the server to wait:
/// that is added, and with a time of 0 it waits without end. A deadline that was set with
/// [`with_deadline`](Self::with_deadline) or for the one [`Request`] holds for all of it.
///
/// When the caller gives up, by dropping the call or at its deadline, the server is asked to end the command (`CLIENT
/// UNBLOCK`), and what it took away in that very moment is given to the
/// [orphan hook](Config::with_orphan_hook). A blocking command that takes something away is never sent twice: if its
/// connection ends, its fate is [`Fate::Unknown`].
///
/// In a pipeline and in a transaction such commands are refused (`NeedsDedicated`).
///
/// # Commands for several nodes of a cluster
/// A command whose keys are in several slots is taken apart where that makes sense of it, and answered as one: `MGET`, `EXISTS`,
/// `TOUCH`, `JSON.MGET`, always; `MSET`, `MSETEX`, `DEL`, `UNLINK`, `JSON.MSET`, which write, only
/// [`with_split_writes`](Config::with_split_writes). The parts are sent at once, those for one node together. They are **not
/// atomic**: others see some of the keys written before the others. Everything else that has keys in several slots (`SINTER`,
/// `RENAME`, `MSETNX`, a script) ends in [`CrossSlot`](crate::ErrorKind::CrossSlot), before anything is sent; keys with the same
/// `{tag}` have the same slot.
///
/// What is about all keys goes to all primaries, and the answers become one: `DBSIZE` is the sum, `KEYS` all of them, `FLUSHALL`
/// and `FUNCTION LOAD` are done when all have done it. What is about servers goes to replicas too (`CONFIG SET`, `SCRIPT LOAD`,
/// `ACL SETUSER`, `SLOWLOG LEN`; to those that have not failed, as far as the cluster knows). `SCRIPT EXISTS` asks whether all
/// know a script, and `SCRIPT KILL` succeeds if one has killed one. A command with neither keys nor such a rule, and one whose
/// answer is about one server (`INFO`, `LATENCY LATEST`), goes to one primary: see
/// [`Facts::request_policy`](crate::Facts::request_policy) for every command.
///
/// If one of the nodes cannot be asked, or answers with an error, the whole call ends in an error: it names that node,
/// [`Error::parts`] says what became of each part, and the fate is [`Fate::Partial`] if it differs. No node is ever left out
/// silently. Until the deadline, parts follow their slots from node to node as every command does.
///
/// In a pipeline all this is the same, command by command. A transaction has one slot, and nothing in it goes to several nodes.
///
/// # Runtime
/// The connection lives on the tokio runtime on which the client was made, and ends with it: later calls fail with
/// [`Cause::RuntimeGone`](crate::Cause::RuntimeGone). While that runtime is not driven (its `block_on` has returned,
/// or its only thread is blocked), no answer and no deadline comes either. (Each `#[tokio::test]` is a runtime of its
/// own: make a client in each.) Calls can be awaited anywhere, on another runtime too.
///
/// # Dropping
/// When the last clone goes, commands that were sent may finish within the configured grace; then the connection is
/// closed. [`Client::close`] does the same with a deadline of your own, and waits for it.
#[derive(Clone)]
pub struct Client {
    deployed: Deployed,
    /// The same deployment's other databases.
    databases: Arc<Databases>,
    /// The link that its commands go to, if that is its only caller's alone.
    lease: Option<Arc<Lease>>,
    /// How long a call may take unless it says otherwise; `None` is for ever.
    deadline: Option<Duration>,
    /// Whether that is meant for blocking commands too.
    limit: Limit,
    /// Which commands are sent again unless their request says otherwise.
    replay: Replay,
    /// What becomes of commands that the server refuses for the time being, unless their request says otherwise.
    on_refusal: OnRefusal,
    /// Who is told of every command; `None`: nobody.
    pub(super) witness: Option<Arc<Witness>>,
    /// Who is given what blocking commands took away for callers who had gone.
    orphan_hook: OrphanHook,
}

impl Sealed for &Client {}

impl Executor for &Client {}

impl Client {
    /// Connects, and returns when the server has accepted the handshake; with several nodes, when it is known which there are,
    /// whether or not all of them can be reached.
    ///
    /// Takes a URL or a [`Config`]. The configured deadline (default 5 s) bounds the whole call; until then, failed
    /// attempts are repeated: a refused connection too, since a server that restarts refuses for a while.
    ///
    /// # Cancellation
    /// Can be dropped: the attempt is given up.
    ///
    /// # Errors
    /// - `Config`: the URL or a setting has a mistake;
    /// - `NoRuntime`: not called on a tokio runtime;
    /// - `Tls`, `Handshake`, `Protocol`: at once, when only a change of certificates, passwords or settings can help; with several
    ///   nodes, if it is so with all that were asked. A server that is no node of a cluster, and a service that no Sentinel knows,
    ///   are `Handshake` too;
    /// - `Connection`: the runtime has no sockets (`enable_io`), which tokio tells by a panic alone; the cause is
    ///   [`Cause::RuntimeGone`](crate::Cause::RuntimeGone) then. A [`Connector`](crate::Connector) may do without;
    /// - `Timeout`: with the stage reached and the last cause.
    ///
    /// # Panics
    /// On a runtime that has no timers (`enable_time`): tokio does not let that be asked beforehand.
    pub async fn connect(config: impl IntoConfig) -> Result<Self, Error> {
        let config = config.into_config()?;
        let client = Self::start(&config)?;
        client.wait_until_ready(Limit::Default, "connecting").await?;
        Ok(client)
    }

    /// Starts to connect in the background and returns at once. Calls wait for the connection under their deadlines.
    ///
    /// # Errors
    /// - `Config`: the URL or a setting has a mistake;
    /// - `NoRuntime`: not called on a tokio runtime. Calls on a runtime without sockets fail as
    ///   [`connect`](Self::connect) does.
    ///
    /// # Panics
    /// On a runtime that has no timers (`enable_time`).
    pub fn connect_lazily(config: impl IntoConfig) -> Result<Self, Error> {
        Self::start(&config.into_config()?)
    }

    fn start(config: &Config) -> Result<Self, Error> {
        let runtime = Handle::try_current()
            .map_err(|_| Error::new(Report::new(ErrorKind::NoRuntime, Fate::NotSent, "connecting")))?;
        let databases = Databases::new(config.blueprint(), runtime);
        Ok(Self {
            deployed: databases.get(config.database()),
            databases,
            lease: None,
            deadline: config.deadline(),
            replay: config.replay(),
            on_refusal: config.on_refusal(),
            limit: Limit::Default,
            witness: Witness::of(config),
            orphan_hook: config.orphan_hook(),
        })
    }

    /// A request for any command; what its answer is converted to is up to the caller. See
    /// [`Pipeline::request`] for the same on a pipeline, and [`Transaction::request`] on a transaction.
    ///
    /// # Errors
    /// Besides those of every call, `NeedsDedicated`, before anything is sent, for what would change the connection for
    /// its other users: `MULTI` and `EXEC` (see [`transaction`](Self::transaction)), `SUBSCRIBE` and its like (see
    /// [`subscribe`](Self::subscribe)), `WATCH`, `SELECT`, `AUTH`, `HELLO`, `CLIENT TRACKING`, `WAIT`, ... (see
    /// [`dedicated`](Self::dedicated)).
    ///
    /// Blocking commands (`BLPOP`, `XREAD` with `BLOCK`, ...) go by themselves to a connection of their own: see
    /// [`Client`](Self#blocking-commands).
    ///
    /// ```no_run
    /// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
    /// use steadfast::Command;
    ///
    /// let encoding: Option<String> = client.request(Command::new("OBJECT ENCODING").key("some key")).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn request<T: FromReply>(&self, command: Command) -> Request<&Self, T> {
        Request::new(self, command)
    }

    /// Several commands that are sent as one, with one result for each.
    ///
    /// Concurrent calls are pipelined anyway; an explicit pipeline costs less per command, and keeps them together. It
    /// is no [transaction](Self::transaction): other callers' commands may run in between. With several nodes each gets its part
    /// of it in one write: see [`Pipeline`].
    pub fn pipeline(&self) -> Pipeline<'_> {
        Pipeline::new(self)
    }

    /// Several commands that run as one, with no other command in between, or not at all: `MULTI` .. `EXEC`. In a cluster all
    /// its keys have one slot: see [`Transaction`].
    pub fn transaction(&self) -> Transaction<'_> {
        Transaction::new(self)
    }

    /// A connection for this caller alone, which can be made what others' must not be: keys are watched on it, a
    /// database chosen, `MONITOR` listened to. See [`Dedicated`](super::Dedicated).
    ///
    /// With several nodes it leads to a primary; in a cluster, to that of a key if
    /// [`for_key`](super::Dedicating::for_key) names one, else to any.
    ///
    /// ```no_run
    /// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
    /// use steadfast::api::{OwnConnection, Server};
    ///
    /// let dedicated = client.dedicated().await?;
    /// dedicated.select(3).await?;
    /// let keys = dedicated.dbsize().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn dedicated(&self) -> Dedicating<'_> {
        Dedicating::new(self)
    }

    /// A client of another [database](https://redis.io/docs/latest/commands/select/) of the same server, with the same
    /// settings and connections of its own: `SELECT` is part of their handshake, so that it holds after every
    /// reconnection.
    ///
    /// It begins to connect at once, in the background. Whoever asks for the same database while a client of it lives
    /// is given the same connections. What the server answers if it has no such database, its calls end in
    /// (`Handshake`). [`close`](Self::close) of one does not close the other.
    ///
    /// With several nodes it finds out for itself which there are. A cluster has database 0 alone, unless its servers can
    /// have others and are set to (Valkey from 9.0 on).
    ///
    /// ```no_run
    /// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
    /// use steadfast::api::Strings;
    ///
    /// let jobs = client.database(3);
    /// jobs.set("state", "idle").await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn database(&self, number: u32) -> Self {
        let witness = self.witness.as_ref().map(|witness| witness.for_database(number));
        Self { deployed: self.databases.get(number), witness, ..self.clone() }
    }

    /// A transaction that looks at these keys before it writes, and runs only if nobody else wrote to one of them
    /// meanwhile: `WATCH`, on a connection of its own, as often as it takes. In a cluster the keys are of one slot. See
    /// [`Optimistic::run`](super::Optimistic::run).
    pub fn optimistic(&self, keys: impl ToArgs) -> Optimistic<'_> {
        Optimistic::new(self, keys)
    }

    /// A clone on the same connection, whose calls may take this long unless they say otherwise: blocking commands too,
    /// which under the [configured deadline](Config::with_deadline) have the time besides that they ask for.
    #[must_use]
    pub fn with_deadline(&self, deadline: Duration) -> Self {
        Self { limit: Limit::Within(deadline), ..self.clone() }
    }

    /// A clone on the same connection, whose calls are sent again as `replay` says unless they say otherwise.
    #[must_use]
    pub fn with_replay(&self, replay: Replay) -> Self {
        Self { replay, ..self.clone() }
    }

    /// A clone on the same connection, whose calls do as `on_refusal` says when the server refuses a command for the
    /// time being, unless they say otherwise.
    #[must_use]
    pub fn with_on_refusal(&self, on_refusal: OnRefusal) -> Self {
        Self { on_refusal, ..self.clone() }
    }

    /// The state of the client's connection, now and whenever it changes.
    ///
    /// `client.state().borrow()` is the state now; the borrow must not be held over an `.await`. `wait_for` waits for
    /// one. The receiver shows the latest state; states that were passed through quickly may be skipped.
    ///
    /// With several nodes it is the state of one of them: the primary of slot 0 (without a cluster, the primary), and before
    /// anything is known, the first server of the configuration, with Sentinels `Idle`. It says nothing of the others: for
    /// those there is [`topology`](Self::topology).
    pub fn state(&self) -> watch::Receiver<LinkState> {
        match &self.lease {
            Some(lease) => lease.link().state(),
            None => self.deployed.state(),
        }
    }

    /// What happens on the connection from now on, until the client is closed: connections made and lost, times in
    /// which the server takes no commands, changed credentials taken or refused, certificates reloaded, pushes; and
    /// that the connection of the [subscriptions](crate::pubsub) was lost.
    ///
    /// With several nodes, what happens on the connection to one of them comes as
    /// [`Event::OfNode`](crate::Event::OfNode), with the node's address; besides there are
    /// [`TopologyChanged`](crate::Event::TopologyChanged) and [`Redirected`](crate::Event::Redirected).
    pub fn events(&self) -> Events {
        self.deployed.news().listen()
    }

    /// The server's address, as configured. With several nodes, the first address of the configuration: of a server, or of a
    /// Sentinel. Those of all nodes are in [`topology`](Self::topology).
    pub fn address(&self) -> &Address {
        self.lease.as_deref().map_or_else(|| self.deployed.address(), |lease| lease.link().address())
    }

    /// Refuses new commands, waits up to `within` for the answers to those already made, fails the rest with their
    /// fates, and closes the connection. Other clones are closed too; their calls end in `Closed`, and so do all
    /// [subscriptions](crate::pubsub), connections of one's own ([`Dedicated`](super::Dedicated)) and monitors. Returns when the
    /// connections are closed, to whichever nodes, at once if they were. Clients of another [`database`](Self::database) stay open.
    ///
    /// A blocking command that nothing comes for is waited for too, `within` long, and has fate
    /// [`Unknown`](crate::Fate::Unknown) then: have the workers give it up first (`select!`).
    ///
    /// # Cancellation
    /// Can be dropped once it was polled: the client closes all the same.
    pub async fn close(&self, within: Duration) {
        self.deployed.close(now() + within.min(FOREVER)).await;
    }

    /// Waits until the link is ready.
    async fn wait_until_ready(&self, limit: Limit, what: &'static str) -> Result<(), Error> {
        let within = self.within(limit);
        let settled = async {
            let ready = match &self.deployed {
                Deployed::One(links) => links.shared().ready().await.map(|_| ()),
                Deployed::Many(routes) => routes.ready().await,
            };
            ready.map_err(|cause| report::unreachable(what, self.address(), cause))
        };
        let Some(within) = within else { return settled.await };
        match tokio::time::timeout(within, settled).await {
            Ok(outcome) => outcome,
            Err(_) => Err(self.not_ready(what, within)),
        }
    }

    /// What was waited for in vain, and why.
    fn not_ready(&self, what: &'static str, within: Duration) -> Error {
        let failure = match &self.deployed {
            Deployed::One(_) => None,
            Deployed::Many(routes) => routes.last_failure(),
        };
        let state = self.state().borrow().clone();
        match (&self.deployed, state) {
            (Deployed::Many(_), state) if failure.is_some() || matches!(state, LinkState::Idle) => {
                report::topology_timeout(what, self.address(), within, failure)
            }
            (_, state) => report::connect_timeout(what, &state, self.address(), Some(within)),
        }
    }

    /// The link that all its commands go to; `None`: it is for each to find out which one.
    #[inline]
    pub(crate) fn link(&self) -> Option<&Link> {
        match (&self.lease, &self.deployed) {
            (Some(lease), _) => Some(lease.link()),
            (None, Deployed::One(links)) => Some(links.shared()),
            (None, Deployed::Many(_)) => None,
        }
    }

    /// Where commands go.
    pub(crate) fn deployed(&self) -> &Deployed {
        &self.deployed
    }

    /// What is counted of its callers.
    pub(super) fn counters(&self) -> &Counters {
        self.lease.as_deref().map_or_else(|| self.deployed.counters(), |lease| lease.link().counters())
    }

    /// Where links run, and the timers of calls that have one of their own.
    pub(crate) fn runtime(&self) -> &Handle {
        self.deployed.runtime()
    }

    /// The same settings, on a link that the caller has for itself.
    pub(super) fn on_lease(&self, lease: Arc<Lease>) -> Self {
        Self { lease: Some(lease), ..self.clone() }
    }

    /// The link that the caller has for itself, if it has.
    pub(super) fn lease(&self) -> Option<&Lease> {
        self.lease.as_deref()
    }

    pub(super) fn orphan_hook(&self) -> &OrphanHook {
        &self.orphan_hook
    }

    /// Which commands are sent again unless their request says otherwise.
    pub(super) fn replay(&self) -> Replay {
        self.replay
    }

    /// Why the command must not be sent in a pipeline; `None`: it may.
    pub(super) fn unfit(&self, command: &Command) -> Option<Unfit> {
        match self.lease {
            None => command.unfit(),
            Some(_) => command.flaw().or_else(|| lease::unfit(command)),
        }
    }

    /// What becomes of a command that the server refuses for the time being, if its request says this.
    pub(super) fn on_refusal(&self, asked: Option<OnRefusal>) -> OnRefusal {
        match self.lease {
            None => asked.unwrap_or(self.on_refusal),
            // What is tried again runs after what came later, perhaps when the transaction is over that it was meant
            // for.
            Some(_) => OnRefusal::FailFast,
        }
    }

    /// How long a call may take; `None` is for ever.
    pub(crate) fn within(&self, limit: Limit) -> Option<Duration> {
        match (limit, self.limit) {
            (Limit::Within(within), _) | (Limit::Default, Limit::Within(within)) => Some(within),
            (Limit::Default, Limit::Default) => self.deadline,
        }
    }

    /// Whether somebody has said how long this very call, or those of this clone, may take.
    pub(super) fn is_explicit(&self, limit: Limit) -> bool {
        limit != Limit::Default || self.limit != Limit::Default
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("address", self.address())
            .field("state", &self.state().borrow().name())
            .finish_non_exhaustive()
    }
}

impl<'c, T, O> IntoFuture for Request<&'c Client, T, O> {
    type Output = Result<T, Error>;
    type IntoFuture = Call<'c, T>;

    fn into_future(self) -> Call<'c, T> {
        Call::new(self)
    }
}

/// Longer than anyone waits, and short enough to be added to any instant.
const FOREVER: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 100);

/// The instant that a call may take until.
pub(crate) fn deadline_of(within: Option<Duration>) -> Option<Instant> {
    // So far away that it cannot be represented is never.
    within.and_then(|within| now().checked_add(within))
}
