//! What becomes of a blocking command whose caller has gone: the server is asked to end it, and what it answers is looked
//! at, so that nothing it took away gets lost and the link is of use again.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::pool::{Lane, Pool};
use crate::command::{Command, FromReply};
use crate::connection::{Lost, Reason};
use crate::driver::{Ask, Link, now};
use crate::outcome::{Cause, Fate};
use crate::resp::Frame;

/// Is told what the command was answered, or why nobody knows.
pub(crate) type Finder = Box<dyn FnOnce(Result<Frame, Cause>) + Send + Sync>;

/// Whether the server has the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    Certain,
    /// If it was not sent, it is not there any more.
    Possible,
}

/// What becomes of the link afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reuse {
    /// The next caller may have it.
    Lent,
    /// It is closed.
    Closed,
}

/// A link on which a command is under way that nobody waits for.
struct Recovery {
    /// `None` at the end.
    lane: Option<Lane>,
    shared: Arc<Link>,
    arrival: Arrival,
    reuse: Reuse,
    /// `None` once it was told.
    finder: Option<Finder>,
}

/// What an attempt to end the command has come to.
enum Attempt {
    /// The command is over.
    Ended,
    /// It was not there, or not yet.
    NotBlocked,
    /// The server does not let us.
    Refused(Cause),
}

impl Pool {
    /// Ends the command that is under way on the link, tells `finder` what it was answered if that is more than an end, and
    /// takes the link back, to be lent again or not. Goes on by itself.
    pub(crate) fn recover(&self, lane: Lane, reuse: Reuse, (finder, arrival): (Finder, Arrival)) {
        let shared = Arc::clone(self.shared());
        let recovery = Recovery { lane: Some(lane), shared, arrival, reuse, finder: Some(finder) };
        self.runtime().spawn(recovery.run());
    }
}

impl Recovery {
    async fn run(mut self) {
        let Some(lane) = &self.lane else { return };
        match self.end_command(lane).await {
            Ok(()) => {
                self.tell(Cause::PeerClosed);
                if let Some(lane) = self.lane.take().filter(|_| self.reuse == Reuse::Lent) {
                    lane.give_back();
                }
            }
            Err(cause) => self.tell(cause),
        }
    }

    /// Ends the command. Afterwards the link is as it was before it, or closed.
    async fn end_command(&self, lane: &Lane) -> Result<(), Cause> {
        let (link, until) = (lane.link(), now() + LIMIT);
        // It stands behind the command: when it is answered, the command is over, whatever became of that.
        let mut ping = pin!(link.ask(Command::new("PING"), Some(until)));
        let ended = self.end_before(lane, ping.as_mut(), until).await;
        if ended.is_err() {
            // Then it is known what is to be known. What comes of the PING is still its own, and not taken for the command's.
            link.close(now()).await;
        }
        ended
    }

    /// Asks the server to end the command until `ping` is answered.
    async fn end_before(&self, lane: &Lane, mut ping: Pin<&mut Ask<'_>>, until: Instant) -> Result<(), Cause> {
        let id = lane.link().standing().session().and_then(|session| session.server.id).ok_or(Cause::NotConnected)?;
        let mut answered = None;
        let mut pause = FIRST_PAUSE;
        while answered.is_none() {
            let attempt = {
                // It is waited for to its end: later it could end the command of another caller.
                let mut attempt = pin!(self.unblock(lane, id, until));
                poll_fn(|cx| {
                    if answered.is_none() {
                        if let Poll::Ready(answer) = ping.as_mut().poll(cx) {
                            answered = Some(answer);
                        }
                    }
                    attempt.as_mut().poll(cx)
                })
                .await?
            };
            match attempt {
                Attempt::Ended => break,
                // It may have overtaken the command.
                Attempt::NotBlocked if answered.is_none() => {
                    answered = timeout(pause, ping.as_mut()).await.ok();
                    pause = (2 * pause).min(LONGEST_PAUSE);
                }
                Attempt::Refused(cause) if answered.is_none() => return Err(cause),
                Attempt::NotBlocked | Attempt::Refused(_) => {}
            }
        }
        let answer = match answered {
            Some(answer) => answer,
            None => ping.await,
        };
        answer.map(|_| ()).map_err(|lost| cause_of(&lost))
    }

    /// Asks the server to end what the connection of this number is blocked in; not another server, where that number may be
    /// anybody's.
    async fn unblock(&self, lane: &Lane, id: i64, until: Instant) -> Result<Attempt, Cause> {
        let shared = self.shared.standing().shared_session().ok_or(Cause::NotConnected)?;
        if !lane.is_beside(&shared) {
            return Err(Cause::NotConnected);
        }
        match self.shared.ask(Command::new("CLIENT UNBLOCK").arg(id), Some(until)).await {
            Ok(frame) if frame.has_error() => {
                let words = String::from_utf8_lossy(frame.reply().bytes().unwrap_or_default()).into();
                Ok(Attempt::Refused(Cause::Refused { message: words }))
            }
            Ok(frame) => {
                let is_ended = i64::from_reply(frame.reply()) == Ok(1);
                Ok(if is_ended { Attempt::Ended } else { Attempt::NotBlocked })
            }
            // It will not run later.
            Err(lost) if lost.fate == Fate::NotSent && now() < until => Ok(Attempt::NotBlocked),
            Err(lost) => Err(cause_of(&lost)),
        }
    }

    /// Tells what was found, once; where nothing was, that nobody knows because of `cause`.
    fn tell(&mut self, cause: Cause) {
        let (Some(lane), Some(finder)) = (&self.lane, self.finder.take()) else { return };
        match (lane.take_orphaned(), self.arrival) {
            (Some(Ok(frame)), _) => finder(Ok(frame)),
            (Some(Err(lost)), Arrival::Possible) if lost.fate == Fate::NotSent => {}
            (Some(Err(lost)), _) => finder(Err(cause_of(&lost))),
            (None, Arrival::Certain) => finder(Err(cause)),
            (None, Arrival::Possible) => {}
        }
    }
}

impl Drop for Recovery {
    /// Its runtime may be gone.
    fn drop(&mut self) {
        if self.lane.as_ref().is_some_and(|lane| !lane.link().is_ended()) {
            self.arrival = Arrival::Certain;
        }
        self.tell(Cause::RuntimeGone);
    }
}

/// Why there is no answer.
pub(crate) fn cause_of(lost: &Lost) -> Cause {
    match &lost.loss.reason {
        Reason::Link(cause) | Reason::Session(cause) | Reason::Deadline(Some(cause)) => cause.clone(),
        Reason::Deadline(None) | Reason::Full | Reason::Displaced(_) => Cause::Silent,
        Reason::Closed => Cause::ClosedHere,
    }
}

/// For so long, at most, a command is tried to be ended before its connection is closed, 5 s.
const LIMIT: Duration = Duration::from_secs(5);

/// The first pause before the server is asked again to end a command, 1 ms.
const FIRST_PAUSE: Duration = Duration::from_millis(1);

/// The longest one, 100 ms.
const LONGEST_PAUSE: Duration = Duration::from_millis(100);
