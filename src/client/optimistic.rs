//! Look, and write only if nobody else wrote meanwhile: `WATCH`, and again.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::future::Future;
use std::hash::BuildHasher;
use std::pin::Pin;
use std::time::{Duration, Instant};

use super::dedicated::{Dedicated, Source};
use super::handle::{Client, deadline_of};
use super::report;
use super::results::Results;
use super::transaction::Transaction;
use crate::command::{Command, Limit, Request, ToArgs, known};
use crate::driver::now;
use crate::error::{Error, ErrorKind};
use crate::outcome::{Cause, Fate};
use crate::topology::{Rang, before};

/// A transaction that looks before it writes, and writes only if nobody else did meanwhile: [`Client::optimistic`].
///
/// [`run`](Self::run) watches the keys (`WATCH`), gives the caller's closure a connection of its own to look by and a
/// transaction to queue in, and executes that. If a watched key has changed meanwhile, the server runs nothing of it,
/// and all begins anew.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use steadfast::api::{SortedSets, Strings};
///
/// // Ten points for alice, if she has less than a hundred.
/// let (score, _) = client
///     .optimistic("scores")
///     .run(async |connection, transaction| {
///         let score: f64 = connection.zscore("scores", "alice").await?.unwrap_or(0.0);
///         if score < 100.0 {
///             let _ = transaction.zadd("scores", (score + 10.0, "alice")).queue();
///             let _ = transaction.set("winner", "alice").queue();
///         }
///         Ok(score)
///     })
///     .await?;
/// println!("she had {score}");
/// # Ok(())
/// # }
/// ```
///
/// In a cluster the keys that are watched, and those of the transaction, are of one slot: the ones above are not, unless they are
/// named `{game}scores` and `{game}winner`. See [`run`](Self::run) for what happens when that slot moves.
#[must_use = "nothing happens until it is run"]
pub struct Optimistic<'c> {
    client: &'c Client,
    watch: Command,
    limit: Limit,
}

/// Why an attempt has not come to its end.
enum Failed {
    /// A key had changed.
    Conflict(Error),
    /// The connection is lost, and nothing has happened.
    Lost(Error),
    /// The node refused it, being another one than it was to be, and nothing has happened.
    Displaced(Error),
    /// The deadline came before the transaction was sent.
    TooLate(Error),
    /// It must not be made again.
    ForGood(Error),
}

impl<'c> Optimistic<'c> {
    pub(super) fn new(client: &'c Client, keys: impl ToArgs) -> Self {
        let watch = Command::of(const { known("WATCH") }).key(keys);
        Self { client, watch, limit: Limit::Default }
    }

    /// All attempts together may take this long at most, counted from [`run`](Self::run). Default: what is set for the
    /// client, 5 s if nothing is.
    pub fn deadline(self, within: Duration) -> Self {
        Self { limit: Limit::Within(within), ..self }
    }

    /// Runs `body` until its transaction has run, and returns what it returned then, with the results of the transaction's commands.
    /// A command that failed when it ran (`WRONGTYPE`) is an error there, as in every [`Transaction`], and none of this call:
    /// [`Results::check`] finds it.
    ///
    /// `body` is given the connection on which the keys are watched, and a transaction of that connection. What it must
    /// know it asks the connection; what is to happen only if nothing has changed it queues in the transaction. It may
    /// be run any number of times, so that what else it does should not matter when it is done again. If it queues
    /// nothing, there is nothing to be run, and that is a success: the keys are not watched any more.
    ///
    /// Between conflicts there is a pause, from the second one on: by chance, and longer each time, up to 50 ms. A lost
    /// connection is replaced by another one, if it was lost before the transaction was sent and `body` had done
    /// nothing on it but read.
    ///
    /// In a cluster the keys must be of one slot, and the connection leads to the primary that has it. If that refuses
    /// something because the slot is, or goes, elsewhere (`MOVED`, `ASK`, `CLUSTERDOWN`, `READONLY`, ...), all begins anew at
    /// the node that has it then, if `body` had done nothing but read.
    ///
    /// # Errors
    /// - that of `body`, at once: nothing was written by the transaction;
    /// - `Conflict`, fate `Refused`: at the deadline a key had changed again;
    /// - `Timeout`: the deadline came otherwise; while `body` was running, its fate is `NotSent` and it has no stage;
    /// - `Server`, fate `Refused`: one of the commands was refused, and nothing ran (see [`Transaction`]);
    /// - `CrossSlot`: it is a cluster, and the keys are in several slots;
    /// - with fate `Unknown`: the transaction was sent, and no answer came. It is not sent again: it may have run.
    ///
    /// # Tasks
    /// In a task of its own (`tokio::spawn`), and wherever else a future must be `Send`, `body` has to be an `async
    /// move` closure that owns what it takes from around it (a `String`, an `Arc`, no `&str`): of others the compiler
    /// cannot tell that they are.
    ///
    /// # Cancellation
    /// As for a single call: either all of the transaction runs or nothing.
    pub async fn run<T, F>(self, mut body: F) -> Result<(T, Results), Error>
    where
        F: AsyncFnMut(&Dedicated, &mut Transaction<'_>) -> Result<T, Error>,
    {
        let within = self.client.within(self.limit);
        let until = deadline_of(within);
        let (mut conflicts, mut conflict) = (0, None);
        let mut connection: Option<Dedicated> = None;
        let mut source = Source::of(self.client, Some(&self.watch))?;
        loop {
            let dedicated = match connection.take().filter(|dedicated| !dedicated.is_lost()) {
                Some(dedicated) => dedicated,
                None => {
                    // Boxed, or the compiler would not see that tasks of their own may wait for this.
                    let dedicated: Pin<Box<dyn Future<Output = _> + Send>> =
                        Box::pin(source.dedicate(self.client, within, until));
                    dedicated.await?
                }
            };
            let error = match self.attempt(&dedicated, until, &mut body).await {
                Ok(done) => return Ok(done),
                Err(Failed::Lost(error)) => error,
                Err(Failed::Displaced(error)) => {
                    if !error.server().is_some_and(|refusal| source.follow(refusal)) || over(until) {
                        return Err(error);
                    }
                    continue;
                }
                Err(Failed::Conflict(error)) => {
                    conflicts += 1;
                    conflict = Some(error.clone());
                    self.rest(pause(conflicts), until).await;
                    error
                }
                // What kept it from an end until then are the others.
                Err(Failed::TooLate(error)) => return Err(conflict.unwrap_or(error)),
                Err(Failed::ForGood(error)) => return Err(error),
            };
            if over(until) {
                return Err(error);
            }
            connection = Some(dedicated);
        }
    }

    /// Waits for so long, until `until` at the latest.
    async fn rest(&self, pause: Duration, until: Option<Instant>) {
        if !pause.is_zero() {
            let over = until.map_or(now() + pause, |until| until.min(now() + pause));
            // Whichever rings: the next step says what is wrong.
            let _ = before(std::future::pending::<()>(), Some(over), self.client.runtime()).await;
        }
    }

    async fn attempt<T>(
        &self,
        dedicated: &Dedicated,
        until: Option<Instant>,
        body: &mut impl AsyncFnMut(&Dedicated, &mut Transaction<'_>) -> Result<T, Error>,
    ) -> Result<(T, Results), Failed> {
        dedicated.lease().forget_acts();
        let watch = Request::<_, ()>::new(dedicated, self.watch.clone());
        let watched = match left(until) {
            Some(left) => watch.deadline(left).await,
            None => watch.await,
        };
        watched.map_err(|error| Failed::of(dedicated, error))?;
        let mut transaction = dedicated.transaction();
        let looked = before(body(dedicated, &mut transaction), until, self.client.runtime()).await;
        let value = match looked {
            Ok(Ok(value)) => value,
            Ok(Err(error)) => return Err(Failed::of_body(dedicated, error)),
            Err(Rang::RuntimeGone) => {
                let gone = report::unreachable("the optimistic transaction", self.client.address(), Cause::RuntimeGone);
                return Err(Failed::ForGood(gone));
            }
            Err(Rang::Time) => {
                let within = self.client.within(self.limit);
                let error = report::interrupted("the optimistic transaction", self.client.address(), within);
                return Err(Failed::ForGood(error));
            }
        };
        if let Some(left) = left(until) {
            transaction = transaction.deadline(left);
        }
        let has_acted = dedicated.lease().has_acted();
        let results = transaction.execute().await.map_err(|error| match Failed::of(dedicated, error) {
            // That it was refused means that none of it ran; what the closure did before is another matter.
            Failed::ForGood(error) if !has_acted && is_refused(&error) => Failed::Displaced(error),
            failed => failed,
        })?;
        Ok((value, results))
    }
}

impl Failed {
    /// Of what is sent around the body.
    fn of(dedicated: &Dedicated, error: Error) -> Self {
        match (error.kind(), error.fate()) {
            (ErrorKind::Timeout, Fate::NotSent) => Self::TooLate(error),
            _ => Self::of_body(dedicated, error),
        }
    }

    fn of_body(dedicated: &Dedicated, error: Error) -> Self {
        let is_harmless = error.fate() == Fate::NotSent || !dedicated.lease().has_acted();
        match error.kind() {
            ErrorKind::Conflict if error.fate() == Fate::Refused => Self::Conflict(error),
            ErrorKind::SessionLost | ErrorKind::Connection if dedicated.is_lost() && is_harmless => Self::Lost(error),
            _ if is_harmless && is_refused(&error) => Self::Displaced(error),
            _ => Self::ForGood(error),
        }
    }
}

/// Whether the server has run nothing of it.
fn is_refused(error: &Error) -> bool {
    error.kind() == ErrorKind::Server && error.fate() == Fate::Refused
}

fn over(until: Option<Instant>) -> bool {
    until.is_some_and(|until| until <= now())
}

/// How long there is until `until`.
fn left(until: Option<Instant>) -> Option<Duration> {
    until.map(|until| until.saturating_duration_since(now()))
}

/// The pause after so many conflicts: up to twice as long each time, so that not all try again at once.
fn pause(conflicts: u32) -> Duration {
    if conflicts < 2 {
        return Duration::ZERO;
    }
    let longest = (FIRST_PAUSE * 2u32.saturating_pow(conflicts.min(16) - 2)).min(LONGEST_PAUSE);
    // The standard library's only source of randomness: its hash keys.
    let chance = RandomState::new().hash_one(conflicts) % 1_000;
    longest.mul_f64(chance as f64 / 1_000.0)
}

impl fmt::Debug for Optimistic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Optimistic").finish_non_exhaustive()
    }
}

/// The pause after the second conflict is up to this, 1 ms.
const FIRST_PAUSE: Duration = Duration::from_millis(1);

/// No pause is longer, 50 ms.
const LONGEST_PAUSE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_bound_and_differ() {
        assert_eq!((pause(0), pause(1)), (Duration::ZERO, Duration::ZERO));
        assert!((2..100).all(|conflicts| pause(conflicts) <= LONGEST_PAUSE));
        assert!((0..100).all(|_| pause(2) <= FIRST_PAUSE));
        assert!((0..100).any(|_| pause(50) != pause(50)));
        assert!((0..1_000).any(|_| pause(50) > LONGEST_PAUSE / 2));
    }
}
