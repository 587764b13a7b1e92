//! The methods that change a setting.

use std::sync::Arc;
use std::time::Duration;

use super::{AtCapacity, Backoff, Config, Login, Offline, ProtocolChoice, Subscriptions};
use crate::client::Secret;
use crate::client::observer::{Installed, Observer};
use crate::client::orphan::{Orphan, OrphanHook};
use crate::command::{OnRefusal, Replay};
use crate::connection::Credentials;
use crate::driver::CredentialsProvider;
use crate::resp::Limits;

/// Who the connections are.
impl Config {
    /// Authenticates as `username` with `password`. Default: no authentication.
    ///
    /// The ACL user is known to Redis 6.0 and later; an older server takes
    /// [`with_password`](Self::with_password) only. With several nodes, all servers are given them, also those that only the
    /// topology names, and Sentinels never: these have [their own](Self::with_sentinel_credentials). See
    /// <https://redis.io/docs/latest/commands/auth/>.
    #[must_use]
    pub fn with_credentials(self, username: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self { login: Login::Known(Credentials::user(username, password)), ..self }
    }

    /// Authenticates with `password` alone, as the server's user `default`. Default: no authentication.
    #[must_use]
    pub fn with_password(self, password: impl Into<Secret>) -> Self {
        Self { login: Login::Known(Credentials::password(password)), ..self }
    }

    /// Authenticates with what `provider` gives, which is asked for every handshake: for tokens that expire and passwords
    /// that are rotated. Default: none.
    ///
    /// It takes the place of a user and a password that were set before, also in the URL, as one of those set later takes
    /// its place: of them all the last one holds. See [`CredentialsProvider`] for when it is asked, how it makes living
    /// connections authenticate again, and what its failures do.
    #[must_use]
    pub fn with_credentials_provider(self, provider: Arc<dyn CredentialsProvider>) -> Self {
        Self { login: Login::Provided(provider), ..self }
    }

    /// Selects a database on every connection. Default: 0.
    ///
    /// A server has 16 of them unless configured otherwise, and refuses a number that it does not have in the
    /// handshake. A cluster has database 0 alone, unless its servers can have others and are set to (Valkey from 9.0 on). See
    /// <https://redis.io/docs/latest/commands/select/>.
    #[must_use]
    pub fn with_database(self, database: u32) -> Self {
        Self { database, ..self }
    }

    /// Gives every connection a name, which `CLIENT LIST` shows. Default: none.
    ///
    /// Printable ASCII without spaces; the server takes no other. See
    /// <https://redis.io/docs/latest/commands/client-setname/>.
    #[must_use]
    pub fn with_name(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// Sets the version of the protocol. Default: [`ProtocolChoice::Auto`].
    #[must_use]
    pub fn with_protocol(self, protocol: ProtocolChoice) -> Self {
        Self { protocol, ..self }
    }

    /// Does not tell the server this library's name and version. Default: it is told, by `CLIENT SETINFO`, which costs
    /// two small commands for each connection and is ignored where the server does not know it.
    ///
    /// For servers whose ACL logs every refused command. See
    /// <https://redis.io/docs/latest/commands/client-setinfo/>.
    #[must_use]
    pub fn without_library_info(self) -> Self {
        self.set_library_info(false)
    }

    /// Asks the server to spare the connections when it evicts clients to save memory. Default: not asked.
    ///
    /// For connections that must survive when the server's `maxmemory-clients` is reached; if every client asks for
    /// it, the limit protects the server no more. Where the server refuses (before Redis 7.0, or by ACL), the
    /// connection goes on without. See <https://redis.io/docs/latest/commands/client-no-evict/>.
    #[must_use]
    pub fn with_no_evict(self) -> Self {
        self.set_no_evict(true)
    }

    /// Sets which connection subscriptions use. Default: [`Subscriptions::Own`].
    #[must_use]
    pub fn with_subscriptions(self, subscriptions: Subscriptions) -> Self {
        Self { subscriptions, ..self }
    }

    pub(super) fn set_library_info(self, library_info: bool) -> Self {
        Self { library_info, ..self }
    }

    pub(super) fn set_no_evict(self, no_evict: bool) -> Self {
        Self { no_evict, ..self }
    }
}

/// How long things may take.
impl Config {
    /// Sets how long a call may take, all in all. Default: 5 s ([`DEADLINE`](crate::client::defaults::DEADLINE)).
    ///
    /// Bounds everything between the call and its answer: waiting for room in the queue, finding the node if there are several,
    /// connecting and reconnecting, sending, waiting for the reply. At the deadline the call ends in an error that says
    /// in which stage it was and what became of the command.
    ///
    /// Too small: calls fail that a reconnection or a busy moment of the server would have delayed only, and their
    /// commands may still run. Too large: callers wait on a dead server. What is to outlive an unplanned failover needs more than
    /// the servers take for it, which is 15 s and more by their own defaults. From a nanosecond to 365 days.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline: Some(deadline), ..self }
    }

    /// Lets calls wait without end, also for a server that never comes back. Single calls can still have a deadline of
    /// their own.
    #[must_use]
    pub fn without_deadline(self) -> Self {
        Self { deadline: None, ..self }
    }

    /// Sets how long one attempt to connect may take, from name resolution to the last answer of the Redis handshake,
    /// with the time that a [provider of credentials](Self::with_credentials_provider) takes.
    /// Default: 2 s ([`CONNECT_TIMEOUT`](crate::client::defaults::CONNECT_TIMEOUT)).
    ///
    /// It ends an attempt, not a call: the next attempt follows after a pause, and the call waits on until its own
    /// deadline.
    ///
    /// Too small: a slow network or a loaded server is never reached at all, attempt after attempt. Too large: one
    /// address that swallows packets uses up the deadline of the calls that wait. From a nanosecond to 365 days.
    #[must_use]
    pub fn with_connect_timeout(self, connect_timeout: Duration) -> Self {
        Self { connect_timeout, ..self }
    }

    /// Sends a `PING` when nothing was read from the server for this long, so that nothing on the way takes the connection
    /// for idle and cuts it, and the operating system notices a peer that is gone. Default: 5 s
    /// ([`HEARTBEAT`](crate::client::defaults::HEARTBEAT)).
    ///
    /// Too small: needless traffic of idle clients. Too large: proxies with short idle times cut the connection. From a
    /// nanosecond to 365 days.
    #[must_use]
    pub fn with_heartbeat(self, silence: Duration) -> Self {
        Self { heartbeat: Some(silence), ..self }
    }

    /// Sends nothing on an idle connection but TCP's own keepalive.
    #[must_use]
    pub fn without_heartbeat(self) -> Self {
        Self { heartbeat: None, ..self }
    }

    /// Tries a second connection when answers are due and nothing at all was read for this long. It takes the place of the
    /// first one only if it is answered: then the first one had been lost without a word (a proxy or a firewall that
    /// forgot it, a server that was cut off). Default: 2 s ([`SILENCE_LIMIT`](crate::client::defaults::SILENCE_LIMIT)).
    ///
    /// What is sent and not answered yet is granted the time that a network of 4 Mbit/s needs for it besides: a large command
    /// may be on its way for long.
    ///
    /// A server that is busy with one long command or script answers neither, or says so, and the first connection stays; and so it
    /// does while the server holds back its commands (`CLIENT PAUSE`, a planned failover), which it is asked for over the
    /// second one (`CLIENT LIST ID`; not in RESP2, where connections have no number). A proxy that makes
    /// answers of its own to `HELLO` and `PING` answers the second one at once: behind such a one this should be longer than the
    /// slowest command, whose outcome would else be lost with its connection.
    ///
    /// With several nodes this is so for each of them. Besides, after 1 s of such silence it is asked whether another node has
    /// taken its place, whatever is set here.
    ///
    /// Too small: a second connection for every slow command. Too large: calls that could have been answered by another
    /// connection end at their deadlines. From a nanosecond to 365 days.
    #[must_use]
    pub fn with_silence_limit(self, limit: Duration) -> Self {
        Self { silence_limit: Some(limit), ..self }
    }

    /// Waits for answers on the connection that there is, until the operating system gives it up.
    #[must_use]
    pub fn without_silence_limit(self) -> Self {
        Self { silence_limit: None, ..self }
    }

    /// Sets the pauses between attempts to connect. Default: 20 ms, doubling up to 2 s, each shortened at random by up
    /// to 50 percent.
    ///
    /// Too small: a server that comes back is met by a storm of connections. Too large: it is up again and nobody
    /// notices; above half of the deadline, calls fail for the pause alone. Both pauses up to 365 days.
    #[must_use]
    pub fn with_backoff(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }

    /// Sets how long commands that are already sent may take to finish after the last clone of the client is dropped.
    /// Default: 1 s ([`CLOSE_GRACE`](crate::client::defaults::CLOSE_GRACE)).
    ///
    /// Too small (zero is allowed): commands that nobody waits for any more are cut off, and may or may not have run.
    /// Too large: sockets and memory of dropped clients stay around that long when the server is slow. Up to 365 days.
    #[must_use]
    pub fn with_close_grace(self, close_grace: Duration) -> Self {
        Self { close_grace, ..self }
    }
}

/// Who watches.
impl Config {
    /// Tells `observer` of every command once its call has ended: its name, how it ended, how often it was sent, and the
    /// times at which that was. Default: none.
    ///
    /// Without one, nothing is noted and no clock is looked at for it. With one, a call costs three small allocations and
    /// two looks at the clock more, beside what the observer does itself. Counts without one: [`Client::stats`](crate::Client::stats).
    #[must_use]
    pub fn with_observer(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer: Installed(Some(observer)), ..self }
    }
}

/// How much may be under way, and what happens when it is too much.
impl Config {
    /// Sets how many commands a link may hold that are queued or sent and not answered. Default: 65,536
    /// ([`MAX_PENDING_COMMANDS`](crate::client::defaults::MAX_PENDING_COMMANDS)).
    ///
    /// Too small: throughput is limited to this many commands a round trip. Too large: memory grows in an outage, and
    /// the commands let in last cannot be answered before their deadline. At least 1.
    #[must_use]
    pub fn with_max_pending_commands(self, commands: usize) -> Self {
        Self { max_pending_commands: commands, ..self }
    }

    /// Sets how many bytes of commands, as encoded, a link may hold that are queued or sent and not answered. Default:
    /// 64 MiB ([`MAX_PENDING_BYTES`](crate::client::defaults::MAX_PENDING_BYTES)).
    ///
    /// A single command larger than this is let in when the link holds nothing else.
    ///
    /// Too small: large values go one at a time. Too large: that much memory, for each link, in an outage. At least 1.
    #[must_use]
    pub fn with_max_pending_bytes(self, bytes: usize) -> Self {
        Self { max_pending_bytes: bytes, ..self }
    }

    /// Sets what a call does that finds the link's queue full. Default: [`AtCapacity::Wait`].
    #[must_use]
    pub fn with_at_capacity(self, at_capacity: AtCapacity) -> Self {
        Self { at_capacity, ..self }
    }

    /// Sets what a call does that finds its link without a connection. Default: [`Offline::Wait`].
    #[must_use]
    pub fn with_offline(self, offline: Offline) -> Self {
        Self { offline, ..self }
    }

    /// Which commands are sent again by themselves when the connection died before they were answered, so that nobody
    /// knows whether they ran. Default: [`Effect::Read`](crate::Effect::Read), what changes nothing.
    ///
    /// Less: more errors with fate `Unknown`, which the caller has to handle. More: commands of that effect may run
    /// twice.
    #[must_use]
    pub fn with_replay(self, replay: Replay) -> Self {
        Self { replay, ..self }
    }

    /// Sets what a call does whose command the server refused for the time being. Default: [`OnRefusal::Wait`].
    #[must_use]
    pub fn with_on_refusal(self, on_refusal: OnRefusal) -> Self {
        Self { on_refusal, ..self }
    }

    /// Sets how many bytes are read from the socket at once. Default: 64 KiB
    /// ([`READ_BUFFER`](crate::client::defaults::READ_BUFFER)).
    ///
    /// Too small: more system calls for large replies. Too large: that much memory for each connection, and less of it
    /// in the processor's caches. From 1 KiB to 16 MiB.
    #[must_use]
    pub fn with_read_buffer(self, bytes: usize) -> Self {
        Self { read_buffer: bytes, ..self }
    }

    /// Sets what a server may send in one reply, by depth, elements and bytes. Defaults: those of [`Limits`].
    ///
    /// They bound the memory that a server, an impostor or a broken proxy can take. Too small: a reply that breaks one
    /// of them, but for the depth, costs the connection, each time it is asked for. Too large: a single reply may take
    /// that much memory. Each has a least value that leaves room for the handshake: a depth of 8, 64 elements, 1 KiB for a bulk
    /// string or a line, 64 KiB for a reply.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }
}

/// Connections for one caller at a time.
impl Config {
    /// Sets how many blocking commands (`BLPOP`, `XREAD` with `BLOCK`, ...) may be under way at once, each on a connection of
    /// its own. Default: 256 ([`MAX_BLOCKING`](crate::client::defaults::MAX_BLOCKING)). With several nodes: at each of them.
    ///
    /// One that finds no place waits for one, in the order of coming, until its deadline; for that, the time that it may wait
    /// on the server is not added.
    ///
    /// Too small: workers wait for each other, and end in timeouts of stage
    /// [`AcquiringConnection`](crate::Stage::AcquiringConnection). Too large: a wave of such calls takes all files that a
    /// process may open, and the connections that the server has for everybody. At least 1.
    #[must_use]
    pub fn with_max_blocking(self, connections: usize) -> Self {
        Self { max_blocking: connections, ..self }
    }

    /// Sets how many connections callers may have for themselves at once. Default: 64
    /// ([`MAX_DEDICATED`](crate::client::defaults::MAX_DEDICATED)). With several nodes: to each of them.
    ///
    /// Who finds no place waits for one, in the order of coming, until its deadline.
    ///
    /// Too small: callers wait for each other. Too large: they take files of the process and connections of the server. At
    /// least 1.
    #[must_use]
    pub fn with_max_dedicated(self, connections: usize) -> Self {
        Self { max_dedicated: connections, ..self }
    }

    /// Sets how long a connection for one caller is kept that nobody uses. Default: 60 s
    /// ([`MAX_IDLE`](crate::client::defaults::MAX_IDLE)).
    ///
    /// Too small: a new connection, with its handshake, for each blocking command. Too large: the connections of the busiest
    /// hour stay for as long. From a nanosecond to 365 days.
    #[must_use]
    pub fn with_max_idle(self, idle: Duration) -> Self {
        Self { max_idle: idle, ..self }
    }

    /// Sets how long a connection for one caller is lent again after it was made. Default: without end.
    ///
    /// It is taken from nobody: the time counts when it is to be lent again, or is idle. For proxies and balancers that are
    /// to spread connections anew now and then.
    ///
    /// Too small: needless handshakes. Too large: connections stay where they were made. From a nanosecond to 365 days.
    #[must_use]
    pub fn with_max_lifetime(self, lifetime: Duration) -> Self {
        Self { max_lifetime: Some(lifetime), ..self }
    }

    /// Gives `hook` what blocking commands took away for callers who had gone: whose future was dropped, or whose deadline
    /// had come. Default: nobody gets that, and [`Event::Orphaned`](crate::Event::Orphaned) and
    /// [`Stats::orphaned`](crate::client::Stats::orphaned) alone say that it happened.
    ///
    /// A server that is asked to end a command may have answered it in that very moment, with an element that is in no list
    /// any more. The hook is the place to put it back, or to hand it to another worker. (Not so what `BLMOVE` and `BRPOPLPUSH`
    /// moved: that is in the list where it was to go, and put back it would be there twice.) An
    /// [`Orphan`] whose reply is an `Err` says that the connection ended before the answer could be known. Timeouts, errors and
    /// the answers of commands that take nothing away (`XREAD`) are no orphans, nor are those of callers who were told that
    /// their connection was lost.
    ///
    /// It is called by the task that finds the answer, or by the thread that drops the call, and must not block; what takes
    /// longer is to be spawned or sent on a channel. A panic in it is caught, and ends nothing.
    ///
    /// ```
    /// use steadfast::Config;
    ///
    /// let (orphans, mut found) = tokio::sync::mpsc::unbounded_channel();
    /// let config = Config::tcp("localhost", 6379).with_orphan_hook(move |orphan| {
    ///     let _ = orphans.send(orphan);
    /// });
    /// ```
    #[must_use]
    pub fn with_orphan_hook(self, hook: impl Fn(Orphan) + Send + Sync + 'static) -> Self {
        Self { orphan_hook: OrphanHook(Some(Arc::new(hook))), ..self }
    }
    /// Makes the chance in pauses, which keeps many clients from doing the same at the same time, one that can be repeated:
    /// for simulations in virtual time, and for nothing else.
    #[doc(hidden)]
    #[must_use]
    pub fn with_seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }
}
