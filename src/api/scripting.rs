//! Scripting and functions: <https://redis.io/docs/latest/commands/?group=scripting>.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;

use super::{keyless, known};
use crate::command::{ConversionError, Executor, Facts, Fields, FromReply, Reply, Request, ToArg, ToArgs};

/// Lua scripts, and libraries of functions.
///
/// These are the bare commands. A script of a program's own is better kept as a [`Script`](crate::Script), which is sent by
/// its hash, and whole where the server does not know it.
///
/// How many keys there are is counted: a script and a function get keys and arguments apart, `()` for none. What they
/// answer is any [`FromReply`].
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use steadfast::api::Scripting;
///
/// let visits: i64 = client.eval("return redis.call('INCRBY', KEYS[1], ARGV[1])", "visits", 2).await?;
/// let sha = client.script_load("return redis.call('GET', KEYS[1])").await?;
/// let visits: Option<i64> = client.evalsha_ro(sha, "visits", ()).await?;
///
/// let library = "#!lua name=mine\nredis.register_function('add', function(k, a) return a[1] + a[2] end)";
/// client.function_load(library).replace().await?;
/// let three: i64 = client.fcall("add", (), (1, 2)).await?;
/// # Ok(())
/// # }
/// ```
pub trait Scripting: Executor {
    /// Runs a script, which sees the keys as `KEYS` and the arguments as `ARGV`; `()` if there are none. What the script
    /// answers. Every key that it touches should be among the keys: in a cluster by them it is sent.
    /// Since 2.6. <https://redis.io/docs/latest/commands/eval/>
    fn eval<T: FromReply>(self, script: impl ToArg, keys: impl ToArgs, arguments: impl ToArgs) -> Request<Self, T> {
        called(self, const { known("EVAL") }, script, keys).with(arguments)
    }

    /// As [`eval`](Self::eval), of a script that writes nothing: replicas run it too.
    /// Since 7.0. <https://redis.io/docs/latest/commands/eval_ro/>
    fn eval_ro<T: FromReply>(self, script: impl ToArg, keys: impl ToArgs, arguments: impl ToArgs) -> Request<Self, T> {
        called(self, const { known("EVAL_RO") }, script, keys).with(arguments)
    }

    /// Runs a script that the server has, by the SHA-1 of its text in hexadecimal digits. A server that does not have it
    /// answers the error `NOSCRIPT`.
    /// Since 2.6. <https://redis.io/docs/latest/commands/evalsha/>
    fn evalsha<T: FromReply>(self, sha: impl ToArg, keys: impl ToArgs, arguments: impl ToArgs) -> Request<Self, T> {
        called(self, const { known("EVALSHA") }, sha, keys).with(arguments)
    }

    /// As [`evalsha`](Self::evalsha), of a script that writes nothing: replicas run it too.
    /// Since 7.0. <https://redis.io/docs/latest/commands/evalsha_ro/>
    fn evalsha_ro<T: FromReply>(self, sha: impl ToArg, keys: impl ToArgs, arguments: impl ToArgs) -> Request<Self, T> {
        called(self, const { known("EVALSHA_RO") }, sha, keys).with(arguments)
    }

    /// Calls a function with keys and arguments; `()` if there are none. What the function answers.
    /// Since 7.0. <https://redis.io/docs/latest/commands/fcall/>
    fn fcall<T: FromReply>(self, function: impl ToArg, keys: impl ToArgs, arguments: impl ToArgs) -> Request<Self, T> {
        called(self, const { known("FCALL") }, function, keys).with(arguments)
    }

    /// As [`fcall`](Self::fcall), of a function with the flag `no-writes`: replicas run it too.
    /// Since 7.0. <https://redis.io/docs/latest/commands/fcall_ro/>
    fn fcall_ro<T: FromReply>(
        self,
        function: impl ToArg,
        keys: impl ToArgs,
        arguments: impl ToArgs,
    ) -> Request<Self, T> {
        called(self, const { known("FCALL_RO") }, function, keys).with(arguments)
    }

    /// Deletes a library with its functions. If there is none: an error.
    /// Since 7.0. <https://redis.io/docs/latest/commands/function-delete/>
    fn function_delete(self, library: impl ToArg) -> Request<Self, ()> {
        keyless(self, const { known("FUNCTION DELETE") }).with(library)
    }

    /// All libraries in a form of the server's own, for [`function_restore`](Self::function_restore).
    /// Since 7.0. <https://redis.io/docs/latest/commands/function-dump/>
    fn function_dump(self) -> Request<Self, Bytes> {
        keyless(self, const { known("FUNCTION DUMP") })
    }

    /// Deletes all libraries. Options are methods of the request: [`asynchronous`](FlushOptions),
    /// [`synchronous`](FlushOptions).
    /// Since 7.0. <https://redis.io/docs/latest/commands/function-flush/>
    fn function_flush(self) -> Request<Self, (), FlushOptions> {
        keyless::<_, ()>(self, const { known("FUNCTION FLUSH") }).marked()
    }

    /// The server's help on FUNCTION, line by line.
    /// Since 7.0. <https://redis.io/docs/latest/commands/function-help/>
    fn function_help(self) -> Request<Self, Vec<String>> {
        keyless(self, const { known("FUNCTION HELP") })
    }

    /// Ends the function that runs now, if it has not written yet. If none runs: the error `NOTBUSY`.
    /// Since 7.0. <https://redis.io/docs/latest/commands/function-kill/>
    fn function_kill(self) -> Request<Self, ()> {
        keyless(self, const { known("FUNCTION KILL") })
    }

    /// The libraries and their functions. Options are methods of the request: [`libraryname`](FunctionListOptions),
    /// [`withcode`](FunctionListOptions).
    /// Since 7.0. <https://redis.io/docs/latest/commands/function-list/>
    fn function_list(self) -> Request<Self, Vec<FunctionLibrary>, FunctionListOptions> {
        keyless::<_, ()>(self, const { known("FUNCTION LIST") }).marked()
    }

    /// Loads a library. Its name, which stands in the first line of the code: `#!lua name=mine`. Options are methods of
    /// the request: without [`replace`](FunctionLoadOptions) a library of that name must not be there.
    /// Since 7.0. <https://redis.io/docs/latest/commands/function-load/>
    fn function_load(self, code: impl ToArg) -> Request<Self, String, FunctionLoadOptions> {
        keyless::<_, ()>(self, const { known("FUNCTION LOAD") }).with(code).marked()
    }

    /// Loads the libraries that [`function_dump`](Self::function_dump) gave, beside those that are there. Options are
    /// methods of the request: [`append`](FunctionRestoreOptions), [`flush`](FunctionRestoreOptions),
    /// [`replace`](FunctionRestoreOptions).
    /// Since 7.0. <https://redis.io/docs/latest/commands/function-restore/>
    fn function_restore(self, dump: impl ToArg) -> Request<Self, (), FunctionRestoreOptions> {
        keyless::<_, ()>(self, const { known("FUNCTION RESTORE") }).with(dump).marked()
    }

    /// The function that runs now, and what the engines hold.
    /// Since 7.0. <https://redis.io/docs/latest/commands/function-stats/>
    fn function_stats(self) -> Request<Self, FunctionStats> {
        keyless(self, const { known("FUNCTION STATS") })
    }

    /// Whether the server has these scripts, by the SHA-1 of their texts, in their order; at least one.
    /// Since 2.6. <https://redis.io/docs/latest/commands/script-exists/>
    fn script_exists(self, shas: impl ToArgs) -> Request<Self, Vec<bool>> {
        keyless(self, const { known("SCRIPT EXISTS") }).with(shas)
    }

    /// Forgets all scripts. Options are methods of the request: [`asynchronous`](FlushOptions),
    /// [`synchronous`](FlushOptions).
    /// Since 2.6. <https://redis.io/docs/latest/commands/script-flush/>
    fn script_flush(self) -> Request<Self, (), FlushOptions> {
        keyless::<_, ()>(self, const { known("SCRIPT FLUSH") }).marked()
    }

    /// The server's help on SCRIPT, line by line.
    /// Since 5.0. <https://redis.io/docs/latest/commands/script-help/>
    fn script_help(self) -> Request<Self, Vec<String>> {
        keyless(self, const { known("SCRIPT HELP") })
    }

    /// Ends the script that runs now, if it has not written yet. If none runs: the error `NOTBUSY`.
    /// Since 2.6. <https://redis.io/docs/latest/commands/script-kill/>
    fn script_kill(self) -> Request<Self, ()> {
        keyless(self, const { known("SCRIPT KILL") })
    }

    /// Gives the server a script without running it. The SHA-1 of its text, for [`evalsha`](Self::evalsha).
    /// Since 2.6. <https://redis.io/docs/latest/commands/script-load/>
    fn script_load(self, script: impl ToArg) -> Request<Self, String> {
        keyless(self, const { known("SCRIPT LOAD") }).with(script)
    }

    /// The text of a script, by its SHA-1. A server that does not have it answers the error `NOSCRIPT`.
    /// Valkey 8.0. <https://valkey.io/commands/script-show/>
    fn script_show(self, sha: impl ToArg) -> Request<Self, String> {
        keyless(self, const { known("SCRIPT SHOW") }).with(sha)
    }
}

impl<E: Executor> Scripting for E {}

/// What is called, how many keys it gets, and the keys.
fn called<E: Executor, T: FromReply>(
    executor: E,
    facts: &'static Facts,
    callee: impl ToArg,
    keys: impl ToArgs,
) -> Request<E, T> {
    let mut request = keyless(executor, facts).with(callee);
    let from = request.command.len();
    request = request.with_keys(keys);
    // There may be none.
    request.command.count_from(from, 1);
    request
}

/// Marks a request that deletes everything of a kind, whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+FlushOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct FlushOptions;

/// Options of [`Server::flushall`](super::Server::flushall), [`Server::flushdb`](super::Server::flushdb),
/// [`Scripting::script_flush`], [`Scripting::function_flush`] and
/// [`Cluster::cluster_flushslot`](super::Cluster::cluster_flushslot). Default: as the server's settings
/// `lazyfree-lazy-user-flush` says.
impl<E, T> Request<E, T, FlushOptions> {
    /// The memory is freed in the background (`ASYNC`). Since 4.0; of scripts since 6.2.
    pub fn asynchronous(self) -> Self {
        self.with("ASYNC")
    }

    /// The memory is freed before the server answers, which holds it up for that long (`SYNC`). Since 6.2.
    pub fn synchronous(self) -> Self {
        self.with("SYNC")
    }
}

/// Marks a request of [`Scripting::function_list`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+FunctionListOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct FunctionListOptions;

/// Options of [`Scripting::function_list`].
impl<E, T> Request<E, T, FunctionListOptions> {
    /// Only libraries whose names match the [pattern](https://redis.io/docs/latest/commands/keys/).
    pub fn libraryname(self, pattern: impl ToArg) -> Self {
        self.with(("LIBRARYNAME", pattern))
    }

    /// With the code of the libraries.
    pub fn withcode(self) -> Self {
        self.with("WITHCODE")
    }
}

/// Marks a request of [`Scripting::function_load`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+FunctionLoadOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct FunctionLoadOptions;

/// Options of [`Scripting::function_load`].
impl<E, T> Request<E, T, FunctionLoadOptions> {
    /// In the place of the library of that name, if there is one.
    pub fn replace(self) -> Self {
        self.insert(2, "REPLACE")
    }
}

/// Marks a request of [`Scripting::function_restore`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+FunctionRestoreOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct FunctionRestoreOptions;

/// Options of [`Scripting::function_restore`]; one of them.
impl<E, T> Request<E, T, FunctionRestoreOptions> {
    /// Beside the libraries that are there; if one has the same name, nothing is loaded. The default.
    pub fn append(self) -> Self {
        self.with("APPEND")
    }

    /// In the place of all libraries that are there.
    pub fn flush(self) -> Self {
        self.with("FLUSH")
    }

    /// In the place of libraries of the same names.
    pub fn replace(self) -> Self {
        self.with("REPLACE")
    }
}

/// A library of functions.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FunctionLibrary {
    /// Its name.
    pub name: String,
    /// What runs it, such as `LUA`.
    pub engine: String,
    /// Its functions.
    pub functions: Vec<LibraryFunction>,
    /// Its code, if that was asked for.
    pub code: Option<String>,
}

impl FromReply for FunctionLibrary {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let fields = Fields::of(reply)?;
        Ok(Self {
            name: fields.required("library_name")?,
            engine: fields.required("engine")?,
            functions: fields.required("functions")?,
            code: fields.optional("library_code")?,
        })
    }
}

/// A function of a library.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LibraryFunction {
    /// Its name.
    pub name: String,
    /// What its library says of it, if anything.
    pub description: Option<String>,
    /// Its flags, such as `no-writes`.
    pub flags: Vec<String>,
}

impl FromReply for LibraryFunction {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let fields = Fields::of(reply)?;
        Ok(Self {
            name: fields.required("name")?,
            description: fields.optional("description")?,
            flags: fields.required("flags")?,
        })
    }
}

/// What functions do and how many there are.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FunctionStats {
    /// The function that runs now.
    pub running: Option<RunningFunction>,
    /// The engines by name, such as `LUA`.
    pub engines: HashMap<String, FunctionEngine>,
}

impl FromReply for FunctionStats {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let fields = Fields::of(reply)?;
        Ok(Self { running: fields.optional("running_script")?, engines: fields.required("engines")? })
    }
}

/// A function that runs.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RunningFunction {
    /// Its name.
    pub name: String,
    /// The command that called it, word by word.
    pub command: Vec<Bytes>,
    /// For how long it has been running.
    pub duration: Duration,
}

impl FromReply for RunningFunction {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let fields = Fields::of(reply)?;
        Ok(Self {
            name: fields.required("name")?,
            command: fields.required("command")?,
            duration: Duration::from_millis(fields.required("duration_ms")?),
        })
    }
}

/// What an engine holds.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct FunctionEngine {
    /// How many libraries.
    pub libraries: u64,
    /// How many functions.
    pub functions: u64,
}

impl FromReply for FunctionEngine {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let fields = Fields::of(reply)?;
        Ok(Self { libraries: fields.required("libraries_count")?, functions: fields.required("functions_count")? })
    }
}
