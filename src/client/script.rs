//! Scripts: sent by their hash, and whole where the server does not know them.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use super::call::Call;
use super::dedicated::Dedicated;
use super::handle::Client;
use super::pipeline::Pipeline;
use super::queue::Queued;
use super::transaction::Transaction;
use crate::command::{Command, Effect, Executor, Facts, FromReply, OnRefusal, Replay, Request, ToArgs, known};
use crate::connection::Sent;
use crate::error::Error;
use crate::outcome::Fate;

/// A Lua script ([`EVAL`](https://redis.io/docs/latest/develop/programmability/eval-intro/)), which the server runs as one.
///
/// On a client it goes out by its hash (`EVALSHA`), and whole (`EVAL`) if the server answers that it does not know it: after
/// a restart, say. That makes it known there. In a pipeline or a transaction it goes out whole each time, because there an
/// unknown hash could not be mended.
///
/// Make it once and keep it: cloning is cheap, hashing is not.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use steadfast::Script;
///
/// let take = Script::new(
///     "local left = tonumber(redis.call('GET', KEYS[1]) or ARGV[1])
///      if left < 1 then return 0 end
///      redis.call('SET', KEYS[1], left - 1)
///      return left",
/// );
/// let left: i64 = take.on(&client, "tickets", 100).await?;
/// # Ok(())
/// # }
/// ```
///
/// # Several nodes
/// A script goes to the primary that has the slot of its keys, one that [only reads](Self::read_only) to where
/// [`ReadFrom`](super::ReadFrom) says. Each node knows scripts of its own: on one that does not know it yet it is sent whole, by
/// itself. In a cluster all keys must be given, and be of one slot ([`CrossSlot`](crate::ErrorKind::CrossSlot) otherwise, before
/// anything is sent); without keys it runs at any primary.
///
/// # Errors
/// Those of every call. An error that the script raises, or a command of it, has the fate `Executed`: what it did before
/// stays done. An error in an array that it returns is read by `Result<T, ServerError>`.
#[derive(Clone)]
pub struct Script(Arc<Source>);

struct Source {
    text: Box<str>,
    /// The SHA-1 of the text, in 40 hexadecimal digits.
    hash: String,
    effect: Effect,
    by_hash: &'static Facts,
    whole: &'static Facts,
}

/// A script with its keys and arguments: awaited on a client, queued on a pipeline or a transaction.
#[must_use = "a script does nothing until it is awaited (on a client) or queued (on a pipeline or a transaction)"]
pub struct Invocation<E, T> {
    script: Script,
    /// By its hash.
    request: Request<E, T>,
}

/// A script on its way. Resolves to what it answers. Both attempts, by hash and whole, have one deadline, which counts from
/// the moment this was made.
///
/// # Cancellation
/// As for a single call.
#[must_use = "a call does nothing until it is awaited"]
pub struct ScriptCall<'c, T> {
    call: Call<'c, T>,
    /// What to send if the server does not know the hash; `None` once that was done.
    by_hash: Option<(Script, Command)>,
}

impl Script {
    /// A script that may write.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self::of(text.into(), Effect::Never, const { known("EVALSHA") }, const { known("EVAL") })
    }

    /// A script that only reads: the server refuses to let it write, replicas run it, and it is sent again by itself when the
    /// connection is lost (`EVALSHA_RO`). Since 7.0.
    pub fn read_only(text: impl Into<Box<str>>) -> Self {
        Self::of(text.into(), Effect::Read, const { known("EVALSHA_RO") }, const { known("EVAL_RO") })
    }

    fn of(text: Box<str>, effect: Effect, by_hash: &'static Facts, whole: &'static Facts) -> Self {
        let hash = sha1_smol::Sha1::from(text.as_bytes()).digest().to_string();
        Self(Arc::new(Source { text, hash, effect, by_hash, whole }))
    }

    /// What running the script a second time would do: by this [`Replay`] decides whether it is sent again when nobody knows
    /// whether it ran. Default: [`Effect::Never`].
    #[must_use]
    pub fn with_effect(&self, effect: Effect) -> Self {
        let Source { text, hash, by_hash, whole, .. } = &*self.0;
        Self(Arc::new(Source { text: text.clone(), hash: hash.clone(), effect, by_hash, whole }))
    }

    /// The SHA-1 of the script in 40 hexadecimal digits, by which servers know it.
    pub fn hash(&self) -> &str {
        &self.0.hash
    }

    /// The script itself.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The script with these keys (`KEYS`) and arguments (`ARGV`): one, several as a tuple or a list, or `()` for none.
    pub fn on<E: Executor, T: FromReply>(
        &self,
        executor: E,
        keys: impl ToArgs,
        arguments: impl ToArgs,
    ) -> Invocation<E, T> {
        let source = &*self.0;
        let mut command = Command::of(source.by_hash).arg(source.hash.as_str());
        let head = command.len();
        command = command.key(keys);
        command.count_from(head, 1);
        let command = command.arg(arguments).with_effect(source.effect);
        Invocation { script: self.clone(), request: Request::new(executor, command) }
    }
}

impl<E, T> Invocation<E, T> {
    /// As for [`Request::deadline`].
    pub fn deadline(self, within: Duration) -> Self {
        Self { request: self.request.deadline(within), ..self }
    }

    /// As for [`Request::replay`].
    pub fn replay(self, replay: Replay) -> Self {
        Self { request: self.request.replay(replay), ..self }
    }

    /// As for [`Request::on_refusal`].
    pub fn on_refusal(self, on_refusal: OnRefusal) -> Self {
        Self { request: self.request.on_refusal(on_refusal), ..self }
    }

    /// The request that sends the script whole.
    fn whole(self) -> Request<E, T> {
        let Self { script, request } = self;
        request.map_command(|command| script.whole(command))
    }
}

impl Script {
    /// The command that sends the script whole, from the one that sends it by its hash.
    fn whole(&self, by_hash: Command) -> Command {
        by_hash.renamed(self.0.whole, &*self.0.text, HEAD)
    }
}

impl<T> Invocation<&mut Pipeline<'_>, T> {
    /// Adds the script to the pipeline, whole.
    pub fn queue(self) -> Queued<T> {
        self.whole().queue()
    }
}

impl<T> Invocation<&mut Transaction<'_>, T> {
    /// Adds the script to the transaction, whole.
    pub fn queue(self) -> Queued<T> {
        self.whole().queue()
    }
}

impl<'c, T> IntoFuture for Invocation<&'c Client, T> {
    type Output = Result<T, Error>;
    type IntoFuture = ScriptCall<'c, T>;

    fn into_future(self) -> ScriptCall<'c, T> {
        let command = self.request.command().clone();
        ScriptCall { call: Call::new(self.request), by_hash: Some((self.script, command)) }
    }
}

impl<'d, T> IntoFuture for Invocation<&'d Dedicated, T> {
    type Output = Result<T, Error>;
    type IntoFuture = ScriptCall<'d, T>;

    fn into_future(self) -> ScriptCall<'d, T> {
        let Self { script, request } = self;
        Invocation { script, request: request.map_executor(|dedicated| &dedicated.client) }.into_future()
    }
}

impl<T> Future for ScriptCall<'_, T> {
    type Output = Result<T, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        loop {
            let outcome = ready!(Pin::new(&mut this.call).poll(cx));
            match (outcome, this.by_hash.take()) {
                (Err(error), Some((script, by_hash))) => match unknown(&error) {
                    Some(before) => this.call = this.call.again(script.whole(by_hash), before),
                    None => return Poll::Ready(Err(error)),
                },
                (outcome, _) => return Poll::Ready(outcome),
            }
        }
    }
}

/// Whether the server does not know the hash: in its own words, since a script can say any. `Some` if so: whether the
/// script may have run at an earlier sending all the same.
fn unknown(error: &Error) -> Option<Sent> {
    error.server().filter(|error| error.code() == "NOSCRIPT")?;
    match error.fate() {
        Fate::Refused => Some(Sent::Once),
        // It was sent again because that was allowed, and the server that got it then is a new one, without scripts.
        Fate::Unknown => Some(Sent::Again),
        _ => None,
    }
}

/// `EVALSHA` and the hash.
const HEAD: usize = 2;

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("hash", &self.0.hash).field("effect", &self.0.effect).finish_non_exhaustive()
    }
}

impl<E, T> fmt::Debug for Invocation<E, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invocation").field("script", &self.script).finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for ScriptCall<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptCall").field("call", &self.call).finish_non_exhaustive()
    }
}
