//! Server: <https://redis.io/docs/latest/commands/?group=server>.

use std::collections::HashMap;
use std::fmt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::moment::{UnixSeconds, after_1970};
use super::options::FlushOptions;
use super::{Shown, keyed, keyless, known, milliseconds};
use crate::command::{ConversionError, Elements, Executor, Fields, FromReply, Reply, Request, ToArg, ToArgs, Value};

/// Commands that concern the server.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use steadfast::api::{Role, Server};
///
/// let keys = client.dbsize().await?;
/// let about: String = client.info(["server"]).await?;
/// let limits = client.config_get(["maxmemory", "maxclients"]).await?;
/// client.config_set([("maxmemory-policy", "allkeys-lru")]).await?;
/// for slow in client.slowlog_get().count(5).await? {
///     println!("{:?} took {:?}", slow.arguments.first(), slow.duration);
/// }
/// if let Role::Replica { host, port, .. } = client.role().await? {
///     println!("a replica of {host}:{port}");
/// }
/// # Ok(())
/// # }
/// ```
pub trait Server: Executor {
    /// Begins to rewrite the append-only file in the background, now or after a save that is being made.
    /// Since 1.0. <https://redis.io/docs/latest/commands/bgrewriteaof/>
    fn bgrewriteaof(self) -> Request<Self, ()> {
        keyless(self, const { known("BGREWRITEAOF") })
    }

    /// Begins to save the data in the background; whether that worked, [`lastsave`](Self::lastsave) says. If a save or a
    /// rewrite is being made: an error. Options are methods of the request: [`schedule`](BgsaveOptions),
    /// [`cancel`](BgsaveOptions).
    /// Since 1.0. <https://redis.io/docs/latest/commands/bgsave/>
    fn bgsave(self) -> Request<Self, (), BgsaveOptions> {
        keyless::<_, ()>(self, const { known("BGSAVE") }).marked()
    }

    /// All commands of the server.
    /// Since 2.8.13. <https://redis.io/docs/latest/commands/command/>
    fn command(self) -> Request<Self, Vec<CommandInfo>> {
        keyless(self, const { known("COMMAND") })
    }

    /// How many commands the server has.
    /// Since 2.8.13. <https://redis.io/docs/latest/commands/command-count/>
    fn command_count(self) -> Request<Self, u64> {
        keyless(self, const { known("COMMAND COUNT") })
    }

    /// The documentation of these commands; of none, of all. By name a map with `summary`, `since`, `group`, `arguments` and
    /// others; those that do not exist are left out. `T` is a map of [`Value`](crate::Value)s, for example.
    /// Since 7.0. <https://redis.io/docs/latest/commands/command-docs/>
    fn command_docs<T: FromReply>(self, names: impl ToArgs) -> Request<Self, T> {
        keyless(self, const { known("COMMAND DOCS") }).with(names)
    }

    /// The keys of a command, which is its words in order, such as `("SET", "key", "value")`. Of a command without keys: an
    /// error.
    /// Since 2.8.13. <https://redis.io/docs/latest/commands/command-getkeys/>
    fn command_getkeys<T: FromReply>(self, command: impl ToArgs) -> Request<Self, Vec<T>> {
        keyless(self, const { known("COMMAND GETKEYS") }).with(command)
    }

    /// The keys of a command, and what it does with each: `RO`, `OW`, `access`, `update`, ...
    /// Since 7.0. <https://redis.io/docs/latest/commands/command-getkeysandflags/>
    fn command_getkeysandflags<T: FromReply>(self, command: impl ToArgs) -> Request<Self, Vec<(T, Vec<String>)>> {
        keyless(self, const { known("COMMAND GETKEYSANDFLAGS") }).with(command)
    }

    /// The server's help on COMMAND, line by line.
    /// Since 5.0. <https://redis.io/docs/latest/commands/command-help/>
    fn command_help(self) -> Request<Self, Vec<String>> {
        keyless(self, const { known("COMMAND HELP") })
    }

    /// What the server knows of these commands, in their order, `None` where there is none; of no names, of all commands.
    /// Since 2.8.13. <https://redis.io/docs/latest/commands/command-info/>
    fn command_info(self, names: impl ToArgs) -> Request<Self, Vec<Option<CommandInfo>>> {
        keyless(self, const { known("COMMAND INFO") }).with(names)
    }

    /// The names of the commands. Options are methods of the request: [`aclcat`](CommandListOptions),
    /// [`module`](CommandListOptions), [`pattern`](CommandListOptions).
    /// Since 7.0. <https://redis.io/docs/latest/commands/command-list/>
    fn command_list(self) -> Request<Self, Vec<String>, CommandListOptions> {
        keyless::<_, ()>(self, const { known("COMMAND LIST") }).marked()
    }

    /// The latest entries of a log of commands, the latest first; at most so many, -1 for all.
    /// Valkey 8.1. <https://valkey.io/commands/commandlog-get/>
    fn commandlog_get(self, count: i64, log: CommandLog) -> Request<Self, Vec<CommandLogEntry>> {
        keyless(self, const { known("COMMANDLOG GET") }).with((count, log.word()))
    }

    /// The server's help on COMMANDLOG, line by line.
    /// Valkey 8.1. <https://valkey.io/commands/commandlog-help/>
    fn commandlog_help(self) -> Request<Self, Vec<String>> {
        keyless(self, const { known("COMMANDLOG HELP") })
    }

    /// How many entries a log of commands has.
    /// Valkey 8.1. <https://valkey.io/commands/commandlog-len/>
    fn commandlog_len(self, log: CommandLog) -> Request<Self, u64> {
        keyless(self, const { known("COMMANDLOG LEN") }).with(log.word())
    }

    /// Empties a log of commands.
    /// Valkey 8.1. <https://valkey.io/commands/commandlog-reset/>
    fn commandlog_reset(self, log: CommandLog) -> Request<Self, ()> {
        keyless(self, const { known("COMMANDLOG RESET") }).with(log.word())
    }

    /// The settings whose names match these patterns, with their values; at least one pattern.
    /// Since 2.0, several patterns since 7.0. <https://redis.io/docs/latest/commands/config-get/>
    fn config_get(self, patterns: impl ToArgs) -> Request<Self, HashMap<String, String>> {
        keyless(self, const { known("CONFIG GET") }).with(patterns)
    }

    /// The server's help on CONFIG, line by line.
    /// Since 5.0. <https://redis.io/docs/latest/commands/config-help/>
    fn config_help(self) -> Request<Self, Vec<String>> {
        keyless(self, const { known("CONFIG HELP") })
    }

    /// Sets the counters of INFO, of the latencies and of others back.
    /// Since 2.0. <https://redis.io/docs/latest/commands/config-resetstat/>
    fn config_resetstat(self) -> Request<Self, ()> {
        keyless(self, const { known("CONFIG RESETSTAT") })
    }

    /// Writes the settings of now to the server's configuration file; if it has none: an error.
    /// Since 2.8. <https://redis.io/docs/latest/commands/config-rewrite/>
    fn config_rewrite(self) -> Request<Self, ()> {
        keyless(self, const { known("CONFIG REWRITE") })
    }

    /// Changes settings: pairs of name and value. Either all of them, or, with an error, none.
    /// Since 2.0, several pairs since 7.0. <https://redis.io/docs/latest/commands/config-set/>
    fn config_set(self, pairs: impl ToArgs) -> Request<Self, ()> {
        keyless(self, const { known("CONFIG SET") }).with(pairs)
    }

    /// How many keys the database has.
    /// Since 1.0. <https://redis.io/docs/latest/commands/dbsize/>
    fn dbsize(self) -> Request<Self, u64> {
        keyless(self, const { known("DBSIZE") })
    }

    /// What developers of servers use, in these words: `("SLEEP", 0.5)`. Servers refuse it unless their settings allow it,
    /// and it can hold up or end a server.
    /// Since 1.0. <https://redis.io/docs/latest/commands/debug/>
    fn debug<T: FromReply>(self, words: impl ToArgs) -> Request<Self, T> {
        keyless(self, const { known("DEBUG") }).with(words)
    }

    /// Begins to give the role of primary to a replica that has everything; how far that is, INFO says. Without a connected
    /// replica: an error. Options are methods of the request: [`to`](FailoverOptions), [`force`](FailoverOptions),
    /// [`timeout`](FailoverOptions), [`abort`](FailoverOptions).
    /// Since 6.2. <https://redis.io/docs/latest/commands/failover/>
    fn failover(self) -> Request<Self, (), FailoverOptions> {
        keyless::<_, ()>(self, const { known("FAILOVER") }).marked()
    }

    /// Deletes all keys of all databases. Options are methods of the request: [`asynchronous`](FlushOptions),
    /// [`synchronous`](FlushOptions).
    /// Since 1.0. <https://redis.io/docs/latest/commands/flushall/>
    fn flushall(self) -> Request<Self, (), FlushOptions> {
        keyless::<_, ()>(self, const { known("FLUSHALL") }).marked()
    }

    /// Deletes all keys of the database. Options are methods of the request: [`asynchronous`](FlushOptions),
    /// [`synchronous`](FlushOptions).
    /// Since 1.0. <https://redis.io/docs/latest/commands/flushdb/>
    fn flushdb(self) -> Request<Self, (), FlushOptions> {
        keyless::<_, ()>(self, const { known("FLUSHDB") }).marked()
    }

    /// What the server says of itself, in these sections; of none (`()`), in the usual ones. Lines of `name:value`, with a
    /// line `# Section` above each section. What is no UTF-8 is `U+FFFD`: a script's error can put any bytes into
    /// `errorstats`.
    /// Since 1.0, several sections since 7.0. <https://redis.io/docs/latest/commands/info/>
    fn info(self, sections: impl ToArgs) -> Request<Self, String> {
        let request = keyless::<_, ()>(self, const { known("INFO") }).with(sections);
        request.read_by(|reply| Ok(Shown::from_reply(reply)?.0))
    }

    /// When the data was last saved, or the server was started, in whole seconds.
    /// Since 1.0. <https://redis.io/docs/latest/commands/lastsave/>
    fn lastsave(self) -> Request<Self, SystemTime> {
        keyless::<_, ()>(self, const { known("LASTSAVE") }).read_by(|reply| Ok(UnixSeconds::from_reply(reply)?.0))
    }

    /// The server's thoughts on its latencies, for humans.
    /// Since 2.8.13. <https://redis.io/docs/latest/commands/latency-doctor/>
    fn latency_doctor(self) -> Request<Self, String> {
        keyless(self, const { known("LATENCY DOCTOR") })
    }

    /// The latencies of an event, drawn with letters. If there are none: an error.
    /// Since 2.8.13. <https://redis.io/docs/latest/commands/latency-graph/>
    fn latency_graph(self, event: impl ToArg) -> Request<Self, String> {
        keyless(self, const { known("LATENCY GRAPH") }).with(event)
    }

    /// The server's help on LATENCY, line by line.
    /// Since 2.8.13. <https://redis.io/docs/latest/commands/latency-help/>
    fn latency_help(self) -> Request<Self, Vec<String>> {
        keyless(self, const { known("LATENCY HELP") })
    }

    /// How long the calls of these commands took, by name; of no names, of all commands that were called. Commands that were
    /// not called are left out.
    /// Since 7.0. <https://redis.io/docs/latest/commands/latency-histogram/>
    fn latency_histogram(self, commands: impl ToArgs) -> Request<Self, HashMap<String, LatencyHistogram>> {
        keyless(self, const { known("LATENCY HISTOGRAM") }).with(commands)
    }

    /// The latencies of an event, the oldest first, at most 160. Empty if there are none.
    /// Since 2.8.13. <https://redis.io/docs/latest/commands/latency-history/>
    fn latency_history(self, event: impl ToArg) -> Request<Self, Vec<LatencySample>> {
        keyless(self, const { known("LATENCY HISTORY") }).with(event)
    }

    /// The events that took longer than the server's setting `latency-monitor-threshold`.
    /// Since 2.8.13. <https://redis.io/docs/latest/commands/latency-latest/>
    fn latency_latest(self) -> Request<Self, Vec<LatencyEvent>> {
        keyless(self, const { known("LATENCY LATEST") })
    }

    /// Forgets the latencies of these events; of no names, of all. Of how many there were any.
    /// Since 2.8.13. <https://redis.io/docs/latest/commands/latency-reset/>
    fn latency_reset(self, events: impl ToArgs) -> Request<Self, u64> {
        keyless(self, const { known("LATENCY RESET") }).with(events)
    }

    /// A picture, and the server's version. Options are methods of the request: [`version`](LolwutOptions).
    /// Since 5.0. <https://redis.io/docs/latest/commands/lolwut/>
    fn lolwut(self) -> Request<Self, String, LolwutOptions> {
        keyless::<_, ()>(self, const { known("LOLWUT") }).marked()
    }

    /// The server's thoughts on its memory, for humans.
    /// Since 4.0. <https://redis.io/docs/latest/commands/memory-doctor/>
    fn memory_doctor(self) -> Request<Self, String> {
        keyless(self, const { known("MEMORY DOCTOR") })
    }

    /// The server's help on MEMORY, line by line.
    /// Since 4.0. <https://redis.io/docs/latest/commands/memory-help/>
    fn memory_help(self) -> Request<Self, Vec<String>> {
        keyless(self, const { known("MEMORY HELP") })
    }

    /// What the server's memory allocator says of itself.
    /// Since 4.0. <https://redis.io/docs/latest/commands/memory-malloc-stats/>
    fn memory_malloc_stats(self) -> Request<Self, String> {
        keyless(self, const { known("MEMORY MALLOC-STATS") })
    }

    /// Gives memory that is free back to the operating system.
    /// Since 4.0. <https://redis.io/docs/latest/commands/memory-purge/>
    fn memory_purge(self) -> Request<Self, ()> {
        keyless(self, const { known("MEMORY PURGE") })
    }

    /// What the server uses its memory for: bytes and shares by name, and for each database, such as `db.0`, a map of its
    /// own (of RESP2, a flat array). `T` is a `HashMap<String, Value>`, for example.
    /// Since 4.0. <https://redis.io/docs/latest/commands/memory-stats/>
    fn memory_stats<T: FromReply>(self) -> Request<Self, T> {
        keyless(self, const { known("MEMORY STATS") })
    }

    /// How many bytes a key and its value take; `None` if there is none. Options are methods of the request:
    /// [`samples`](MemoryUsageOptions).
    /// Since 4.0. <https://redis.io/docs/latest/commands/memory-usage/>
    fn memory_usage(self, key: impl ToArg) -> Request<Self, Option<u64>, MemoryUsageOptions> {
        keyed::<_, ()>(self, const { known("MEMORY USAGE") }, key).marked()
    }

    /// The server's help on MODULE, line by line.
    /// Since 5.0. <https://redis.io/docs/latest/commands/module-help/>
    fn module_help(self) -> Request<Self, Vec<String>> {
        keyless(self, const { known("MODULE HELP") })
    }

    /// The modules that are loaded.
    /// Since 4.0. <https://redis.io/docs/latest/commands/module-list/>
    fn module_list(self) -> Request<Self, Vec<ModuleInfo>> {
        keyless(self, const { known("MODULE LIST") })
    }

    /// Loads a module from a file of the server, with these arguments. Servers refuse it unless their settings allow it.
    /// Since 4.0. <https://redis.io/docs/latest/commands/module-load/>
    fn module_load(self, path: impl ToArg, arguments: impl ToArgs) -> Request<Self, ()> {
        keyless(self, const { known("MODULE LOAD") }).with((path, arguments))
    }

    /// As [`module_load`](Self::module_load), with settings and arguments of the module. Options are methods of the request:
    /// [`config`](ModuleLoadexOptions), [`args`](ModuleLoadexOptions).
    /// Since 7.0. <https://redis.io/docs/latest/commands/module-loadex/>
    fn module_loadex(self, path: impl ToArg) -> Request<Self, (), ModuleLoadexOptions> {
        keyless::<_, ()>(self, const { known("MODULE LOADEX") }).with(path).marked()
    }

    /// Unloads a module. If there is none of that name, or it holds data: an error.
    /// Since 4.0. <https://redis.io/docs/latest/commands/module-unload/>
    fn module_unload(self, name: impl ToArg) -> Request<Self, ()> {
        keyless(self, const { known("MODULE UNLOAD") }).with(name)
    }

    /// Makes the server a replica of that one. It drops its own data for that one's.
    /// Since 5.0. <https://redis.io/docs/latest/commands/replicaof/>
    fn replicaof(self, host: impl ToArg, port: u16) -> Request<Self, ()> {
        keyless(self, const { known("REPLICAOF") }).with((host, port))
    }

    /// Makes the server a primary (`REPLICAOF NO ONE`). It keeps the data that it has.
    /// Since 5.0. <https://redis.io/docs/latest/commands/replicaof/>
    fn replicaof_no_one(self) -> Request<Self, ()> {
        keyless(self, const { known("REPLICAOF") }).with(("NO", "ONE"))
    }

    /// What the server is in its replication.
    /// Since 2.8.12. <https://redis.io/docs/latest/commands/role/>
    fn role(self) -> Request<Self, Role> {
        keyless(self, const { known("ROLE") })
    }

    /// Saves the data, and answers when that is done; the server does nothing else meanwhile.
    /// Since 1.0. <https://redis.io/docs/latest/commands/save/>
    fn save(self) -> Request<Self, ()> {
        keyless(self, const { known("SAVE") })
    }

    /// Ends the server. It answers nothing: when it ends, so does the connection, and the request ends in
    /// [`ErrorKind::Connection`](crate::ErrorKind) with the fate [`Unknown`](crate::Fate::Unknown), or in its deadline if
    /// that is over first. An answer, which is an error, means that it runs on: it could not save, for example. The client
    /// tries to connect again as ever. Options are methods of the request: [`nosave`](ShutdownOptions),
    /// [`save`](ShutdownOptions), [`now`](ShutdownOptions), [`force`](ShutdownOptions), [`abort`](ShutdownOptions), ...
    /// Since 1.0. <https://redis.io/docs/latest/commands/shutdown/>
    fn shutdown(self) -> Request<Self, (), ShutdownOptions> {
        keyless::<_, ()>(self, const { known("SHUTDOWN") }).marked()
    }

    /// As [`replicaof`](Self::replicaof).
    /// Since 1.0. <https://redis.io/docs/latest/commands/slaveof/>
    /// Deprecated since 5.0: use [`replicaof`](Self::replicaof) or [`replicaof_no_one`](Self::replicaof_no_one).
    fn slaveof(self, host: impl ToArg, port: impl ToArg) -> Request<Self, ()> {
        keyless(self, const { known("SLAVEOF") }).with((host, port))
    }

    /// The latest commands that took longer than the server's setting `slowlog-log-slower-than`, the latest first, at most
    /// 10. Options are methods of the request: [`count`](SlowlogGetOptions).
    /// Since 2.2.12. <https://redis.io/docs/latest/commands/slowlog-get/>
    fn slowlog_get(self) -> Request<Self, Vec<SlowlogEntry>, SlowlogGetOptions> {
        keyless::<_, ()>(self, const { known("SLOWLOG GET") }).marked()
    }

    /// The server's help on SLOWLOG, line by line.
    /// Since 6.2. <https://redis.io/docs/latest/commands/slowlog-help/>
    fn slowlog_help(self) -> Request<Self, Vec<String>> {
        keyless(self, const { known("SLOWLOG HELP") })
    }

    /// How many entries the log of slow commands has.
    /// Since 2.2.12. <https://redis.io/docs/latest/commands/slowlog-len/>
    fn slowlog_len(self) -> Request<Self, u64> {
        keyless(self, const { known("SLOWLOG LEN") })
    }

    /// Empties the log of slow commands.
    /// Since 2.2.12. <https://redis.io/docs/latest/commands/slowlog-reset/>
    fn slowlog_reset(self) -> Request<Self, ()> {
        keyless(self, const { known("SLOWLOG RESET") })
    }

    /// Exchanges two databases: who is on one sees the keys of the other.
    /// Since 4.0. <https://redis.io/docs/latest/commands/swapdb/>
    fn swapdb(self, one: u32, other: u32) -> Request<Self, ()> {
        keyless(self, const { known("SWAPDB") }).with((one, other))
    }

    /// The server's clock, to the microsecond.
    /// Since 2.6. <https://redis.io/docs/latest/commands/time/>
    fn time(self) -> Request<Self, SystemTime> {
        keyless::<_, ()>(self, const { known("TIME") }).read_by(clock)
    }
}

impl<E: Executor> Server for E {}

/// Whole seconds, and microseconds.
fn clock(reply: Reply<'_>) -> Result<SystemTime, ConversionError> {
    let (seconds, micros) = <(u64, u64)>::from_reply(reply)?;
    after_1970(Duration::from_secs(seconds).saturating_add(Duration::from_micros(micros)))
}

/// Marks a request of [`Server::bgsave`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+BgsaveOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct BgsaveOptions;

/// Options of [`Server::bgsave`].
impl<E, T> Request<E, T, BgsaveOptions> {
    /// Ends the save that is being made or waits to be made. If there is none: an error. Valkey 8.1.
    pub fn cancel(self) -> Self {
        self.with("CANCEL")
    }

    /// After the rewrite of the append-only file that is being made, if there is one, instead of an error. Since 3.2.2.
    pub fn schedule(self) -> Self {
        self.with("SCHEDULE")
    }
}

/// Marks a request of [`Server::command_list`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+CommandListOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct CommandListOptions;

/// Options of [`Server::command_list`]; one of them.
impl<E, T> Request<E, T, CommandListOptions> {
    /// Only the commands of this [category](https://redis.io/docs/latest/commands/acl-cat/).
    pub fn aclcat(self, category: impl ToArg) -> Self {
        self.with(("FILTERBY", "ACLCAT", category))
    }

    /// Only the commands of this module.
    pub fn module(self, name: impl ToArg) -> Self {
        self.with(("FILTERBY", "MODULE", name))
    }

    /// Only commands whose names match the [pattern](https://redis.io/docs/latest/commands/keys/).
    pub fn pattern(self, pattern: impl ToArg) -> Self {
        self.with(("FILTERBY", "PATTERN", pattern))
    }
}

/// Marks a request of [`Server::failover`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+FailoverOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct FailoverOptions;

/// Options of [`Server::failover`].
impl<E, T> Request<E, T, FailoverOptions> {
    /// Ends a failover that is being made; alone. If there is none: an error.
    pub fn abort(self) -> Self {
        self.with("ABORT")
    }

    /// When the timeout is over, the replica becomes the primary even if it does not have everything. With
    /// [`to`](Self::to) and [`timeout`](Self::timeout).
    pub fn force(self) -> Self {
        self.with("FORCE")
    }

    /// How long it is tried, in milliseconds, rounded up. Default: without end.
    pub fn timeout(self, limit: Duration) -> Self {
        self.with(("TIMEOUT", milliseconds(limit)))
    }

    /// To this replica. Default: the first that has everything.
    pub fn to(self, host: impl ToArg, port: u16) -> Self {
        self.with(("TO", host, port))
    }
}

/// Marks a request of [`Server::lolwut`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+LolwutOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct LolwutOptions;

/// Options of [`Server::lolwut`].
impl<E, T> Request<E, T, LolwutOptions> {
    /// The picture of this version of the server, such as 5 or 6. Default: the server's own.
    pub fn version(self, major: u32) -> Self {
        self.with(("VERSION", major))
    }
}

/// Marks a request of [`Server::memory_usage`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+MemoryUsageOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct MemoryUsageOptions;

/// Options of [`Server::memory_usage`].
impl<E, T> Request<E, T, MemoryUsageOptions> {
    /// Judges by so many elements; 0: all of them. Default: 5.
    pub fn samples(self, elements: u32) -> Self {
        self.with(("SAMPLES", elements))
    }
}

/// Marks a request of [`Server::module_loadex`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+ModuleLoadexOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct ModuleLoadexOptions;

/// Options of [`Server::module_loadex`].
impl<E, T> Request<E, T, ModuleLoadexOptions> {
    /// The arguments; once, at the end.
    pub fn args(self, arguments: impl ToArgs) -> Self {
        self.with(("ARGS", arguments))
    }

    /// A setting; for several, several times, before the arguments.
    pub fn config(self, name: impl ToArg, value: impl ToArg) -> Self {
        self.with(("CONFIG", name, value))
    }
}

/// Marks a request of [`Server::shutdown`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+ShutdownOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct ShutdownOptions;

/// Options of [`Server::shutdown`].
impl<E, T> Request<E, T, ShutdownOptions> {
    /// Ends a shutdown that waits for replicas; alone. If there is none: an error. Since 7.0.
    pub fn abort(self) -> Self {
        self.with("ABORT")
    }

    /// In a cluster, after a replica has taken over. Valkey 9.0.
    pub fn failover(self) -> Self {
        self.with("FAILOVER")
    }

    /// Even if the data cannot be saved. Since 7.0.
    pub fn force(self) -> Self {
        self.with("FORCE")
    }

    /// Without saving the data, even if the server's settings say when to save.
    pub fn nosave(self) -> Self {
        self.with("NOSAVE")
    }

    /// Without waiting for replicas that do not have everything. Since 7.0.
    pub fn now(self) -> Self {
        self.with("NOW")
    }

    /// Only if that is safe: not on a primary of a cluster with slots, for example. Valkey 9.0.
    pub fn safe(self) -> Self {
        self.with("SAFE")
    }

    /// After saving the data, even if the server's settings do not say when to save.
    pub fn save(self) -> Self {
        self.with("SAVE")
    }
}

/// Marks a request of [`Server::slowlog_get`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+SlowlogGetOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct SlowlogGetOptions;

/// Options of [`Server::slowlog_get`].
impl<E, T> Request<E, T, SlowlogGetOptions> {
    /// So many at most; -1: all, since 7.0. Default: 10.
    pub fn count(self, entries: i64) -> Self {
        self.with(entries)
    }
}

/// What a server knows of a command.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CommandInfo {
    /// Its name in lower case, such as `get` or `config|get`.
    pub name: String,
    /// How many words it has, those of its name included; negative: at least so many.
    pub arity: i64,
    /// Such as `write`, `fast`, `noscript`.
    pub flags: Vec<String>,
    /// The place of its first key among its words; 0 if there is none.
    pub first_key: i64,
    /// The place of its last key; negative: counted from the end.
    pub last_key: i64,
    /// From a key to the next one it is so many words.
    pub step: i64,
    /// Its categories, such as `@read`. Since 6.0.
    pub acl_categories: Vec<String>,
    /// Its [tips](https://redis.io/docs/latest/develop/reference/command-tips/). Since 7.0.
    pub tips: Vec<String>,
    /// Its [key specifications](https://redis.io/docs/latest/develop/reference/key-specs/), as they come. Since 7.0.
    pub key_specifications: Vec<Value>,
    /// Its subcommands. Since 7.0.
    pub subcommands: Vec<CommandInfo>,
}

impl FromReply for CommandInfo {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let mut elements = Elements::of(reply)?;
        Ok(Self {
            name: elements.required()?,
            arity: elements.required()?,
            flags: elements.required()?,
            first_key: elements.required()?,
            last_key: elements.required()?,
            step: elements.required()?,
            acl_categories: elements.optional()?.unwrap_or_default(),
            tips: elements.optional()?.unwrap_or_default(),
            key_specifications: elements.optional()?.unwrap_or_default(),
            subcommands: elements.optional()?.unwrap_or_default(),
        })
    }
}

/// Which log of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommandLog {
    /// Of those that took long.
    Slow,
    /// Of those that were large.
    LargeRequest,
    /// Of those whose answers were large.
    LargeReply,
}

impl CommandLog {
    fn word(self) -> &'static str {
        match self {
            Self::Slow => "SLOW",
            Self::LargeRequest => "LARGE-REQUEST",
            Self::LargeReply => "LARGE-REPLY",
        }
    }
}

/// A command in a log of commands.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct CommandLogEntry {
    /// The entry's number.
    pub id: u64,
    /// When the command ran, in whole seconds.
    pub at: SystemTime,
    /// Microseconds in the log of slow commands, bytes in the others.
    pub value: u64,
    /// The words of the command; long ones and those behind the 32nd are shortened by the server.
    pub arguments: Vec<Bytes>,
    /// Where its connection came from, `ip:port` or a path.
    pub addr: String,
    /// The name of its connection; empty if it had none.
    pub name: String,
}

/// Without the arguments: they may be secrets, also those of others.
impl fmt::Debug for CommandLogEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandLogEntry")
            .field("id", &self.id)
            .field("at", &self.at)
            .field("value", &self.value)
            .field("arguments", &self.arguments.len())
            .field("addr", &self.addr)
            .field("name", &self.name)
            .finish()
    }
}

impl FromReply for CommandLogEntry {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let mut elements = Elements::of(reply)?;
        Ok(Self {
            id: elements.required()?,
            at: elements.required::<UnixSeconds>()?.0,
            value: elements.required()?,
            arguments: elements.required()?,
            addr: elements.optional()?.unwrap_or_default(),
            name: elements.optional()?.unwrap_or_default(),
        })
    }
}

/// A command in the log of slow ones.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct SlowlogEntry {
    /// The entry's number.
    pub id: u64,
    /// When the command ran, in whole seconds.
    pub at: SystemTime,
    /// How long it took, to the microsecond.
    pub duration: Duration,
    /// The words of the command; long ones and those behind the 32nd are shortened by the server.
    pub arguments: Vec<Bytes>,
    /// Where its connection came from, `ip:port` or a path. Empty before 4.0.
    pub addr: String,
    /// The name of its connection; empty if it had none.
    pub name: String,
}

/// Without the arguments: they may be secrets, also those of others.
impl fmt::Debug for SlowlogEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SlowlogEntry")
            .field("id", &self.id)
            .field("at", &self.at)
            .field("duration", &self.duration)
            .field("arguments", &self.arguments.len())
            .field("addr", &self.addr)
            .field("name", &self.name)
            .finish()
    }
}

impl FromReply for SlowlogEntry {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let CommandLogEntry { id, at, value, arguments, addr, name } = FromReply::from_reply(reply)?;
        Ok(Self { id, at, duration: Duration::from_micros(value), arguments, addr, name })
    }
}

/// How long the calls of a command took.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LatencyHistogram {
    /// How many calls there were.
    pub calls: u64,
    /// How many calls took at most this long; the times grow, and so do the numbers.
    pub histogram: Vec<(Duration, u64)>,
}

impl FromReply for LatencyHistogram {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let fields = Fields::of(reply)?;
        let histogram: Vec<(u64, u64)> = fields.required("histogram_usec")?;
        let histogram = histogram.into_iter().map(|(micros, calls)| (Duration::from_micros(micros), calls)).collect();
        Ok(Self { calls: fields.required("calls")?, histogram })
    }
}

/// One latency of an event.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct LatencySample {
    /// When, in whole seconds.
    pub at: SystemTime,
    /// How long, in whole milliseconds.
    pub latency: Duration,
}

impl FromReply for LatencySample {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let mut elements = Elements::of(reply)?;
        let at = elements.required::<UnixSeconds>()?.0;
        Ok(Self { at, latency: Duration::from_millis(elements.required()?) })
    }
}

/// An event that took long.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LatencyEvent {
    /// Its name, such as `command` or `fork`.
    pub event: String,
    /// When it last took long, in whole seconds.
    pub at: SystemTime,
    /// How long it took then, in whole milliseconds.
    pub latest: Duration,
    /// The longest that it took, in whole milliseconds.
    pub max: Duration,
    /// How long it took all in all. Valkey 8.1.
    pub sum: Option<Duration>,
    /// How often it took long. Valkey 8.1.
    pub count: Option<u64>,
}

impl FromReply for LatencyEvent {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let mut elements = Elements::of(reply)?;
        Ok(Self {
            event: elements.required()?,
            at: elements.required::<UnixSeconds>()?.0,
            latest: Duration::from_millis(elements.required()?),
            max: Duration::from_millis(elements.required()?),
            sum: elements.optional()?.map(Duration::from_millis),
            count: elements.optional()?,
        })
    }
}

/// A module that is loaded.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ModuleInfo {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: i64,
    /// Its file on the server. Empty before 7.0.
    pub path: String,
    /// The arguments that it was loaded with. Empty before 7.0.
    pub args: Vec<String>,
}

impl FromReply for ModuleInfo {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let fields = Fields::of(reply)?;
        Ok(Self {
            name: fields.required("name")?,
            version: fields.required("ver")?,
            path: fields.optional("path")?.unwrap_or_default(),
            args: fields.optional("args")?.unwrap_or_default(),
        })
    }
}

/// What a server is in its replication.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Role {
    /// It takes writes.
    Primary {
        /// How far its replication stream is, in bytes.
        offset: i64,
        /// Its replicas that are connected.
        replicas: Vec<ConnectedReplica>,
    },
    /// It has the data of another server.
    Replica {
        /// Where its primary is.
        host: String,
        /// Where its primary is.
        port: u16,
        /// How it stands with its primary: `connect`, `connecting`, `handshake`, `sync`, or `connected`.
        state: String,
        /// How far it is in its primary's stream, in bytes; -1: nowhere yet.
        offset: i64,
    },
    /// It watches others.
    Sentinel {
        /// The names of the primaries that it watches.
        primaries: Vec<String>,
    },
}

impl FromReply for Role {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let mut elements = Elements::of(reply)?;
        match elements.required::<String>()?.as_str() {
            "master" | "primary" => Ok(Self::Primary { offset: elements.required()?, replicas: elements.required()? }),
            "slave" | "replica" => Ok(Self::Replica {
                host: elements.required()?,
                port: elements.required()?,
                state: elements.required()?,
                offset: elements.required()?,
            }),
            "sentinel" => Ok(Self::Sentinel { primaries: elements.required()? }),
            other => Err(ConversionError::new("master, slave or sentinel", format!("'{other}'"))),
        }
    }
}

/// A replica that is connected to its primary.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ConnectedReplica {
    /// Where it is.
    pub host: String,
    /// Where it is.
    pub port: u16,
    /// How far it has confirmed the stream, in bytes.
    pub offset: i64,
}

impl FromReply for ConnectedReplica {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let mut elements = Elements::of(reply)?;
        Ok(Self { host: elements.required()?, port: elements.required()?, offset: elements.required()? })
    }
}
