//! The task of one link: moves bytes between a session and a socket.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use tokio::io::AsyncWrite;
use tokio::sync::watch;
use tokio::time::{Sleep, sleep_until};

use super::audience::Audience;
use super::clock;
use super::counters::{Register, Traffic};
use super::credentials::Asking;
use super::link::{LinkSettings, Orphans, Shared, Unsettled};
use super::mailbox::{Mailbox, Ticket};
use super::news::{Event, News};
use super::slot::Outcome;
use super::socket::{self, Destination, Socket};
use super::standby;
use crate::connection::{Batch, LinkState, Lost, More, Output, Session, earlier};
use crate::outcome::Cause;
use crate::resp::Frame;
use crate::transport::Liveness;

/// One link's task. Ends when the link is closed.
pub(crate) struct LinkTask {
    session: Session<Ticket>,
    mailbox: Arc<Mailbox>,
    destination: Arc<Destination>,
    credentials: Asking,
    socket: Socket,
    /// The second connection's, while there is one.
    standby: Socket,
    batch: Batch<Ticket>,
    state: watch::Sender<LinkState>,
    news: News,
    /// Where it is told that certificates were read anew: who shares the dialer shares that.
    reloads: News,
    /// Who is told of what nobody waits for.
    orphans: Option<Orphans>,
    /// Who listens to the subscriptions.
    audience: Option<Arc<dyn Audience>>,
    /// Who is told that the topology may be another one.
    unsettled: Option<Unsettled>,
    timer: Pin<Box<Sleep>>,
    /// When `timer` fires; `None`: it is not waited for.
    armed: Option<Instant>,
    /// The earliest deadline among the calls that wait for room in the mailbox.
    earliest_waiting: Option<Instant>,
    /// Since when nothing was due from the peer; `None` while something is.
    quiet_since: Option<Instant>,
    turn: Turn,
    register: Register,
    traffic: Traffic,
}

/// A wake-up is served in two turns. Runtimes run a task that was just woken before others that were ready already, so
/// the first command that is posted would be written alone, in a system call of its own. In between, everybody who is
/// ready posts too: those that were just answered above all.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// Read and deliver, then step back.
    Deliver,
    /// Do everything there is to do.
    Serve,
}

/// What a step achieved.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Moved,
    Idle,
}

impl LinkTask {
    pub(crate) fn new(settings: LinkSettings, shared: &Shared) -> Self {
        Self {
            session: Session::new(settings.session, clock::now()),
            mailbox: Arc::clone(&shared.mailbox),
            destination: Arc::new(Destination {
                dialer: settings.dialer,
                address: Arc::clone(&shared.address),
                server_name: settings.server_name,
            }),
            credentials: Asking::new(settings.provider),
            socket: Socket::None,
            standby: Socket::None,
            batch: Batch::default(),
            state: shared.state.clone(),
            news: shared.news.clone(),
            reloads: settings.reloads.unwrap_or_else(|| shared.news.clone()),
            orphans: settings.orphans,
            audience: settings.audience,
            unsettled: settings.unsettled,
            timer: Box::pin(sleep_until(tokio::time::Instant::now())),
            armed: None,
            earliest_waiting: None,
            quiet_since: None,
            turn: Turn::Deliver,
            register: Register::new(Arc::clone(&shared.counters), settings.counters.is_some()),
            traffic: Traffic::default(),
        }
    }

    /// Dials when the session wants to, and gives it the socket.
    fn dial(&mut self, cx: &mut Context<'_>, now: Instant) {
        if self.session.poll_dial(now) {
            self.socket = Socket::dial(&self.destination);
        }
        let Socket::Dialing(_, progress) = &self.socket else { return };
        let progress = progress.clone();
        let dialed = self.socket.poll_dialed(cx);
        let standing = progress.standing();
        self.session.handle_stage(standing.stage, standing.address);
        self.tell_reload();
        match dialed {
            Poll::Pending => {}
            Poll::Ready(Ok(facts)) => self.session.handle_dialed(facts, now),
            Poll::Ready(Err(cause)) => self.session.handle_lost(cause, now),
        }
    }

    /// Goes on with the second connection, if there is one.
    fn attend_standby(&mut self, cx: &mut Context<'_>, now: Instant) {
        if !self.session.standby().is_active() && matches!(self.standby, Socket::None) {
            return;
        }
        // After its handshake it is asked something: twice, since nobody wakes us up to write that.
        for _ in 0..2 {
            standby::serve(&mut self.standby, &mut self.session, &self.destination, cx, now);
            // A peer that wakes up answers here first. The runtime may have told only of the second connection yet.
            if let Socket::Open(stream) = &mut self.socket {
                if stream.look() == Liveness::Readable {
                    self.session.handle_read(now);
                }
            }
            self.session.attend_standby(now);
            // It may have become the first one, of which the session tells when it is asked next.
            if !self.session.standby().is_active() {
                break;
            }
        }
        self.tell_reload();
    }

    fn tell_reload(&self) {
        if let Some(reload) = self.destination.dialer.take_reload() {
            self.reloads.tell(Event::CertificateReloaded(reload));
        }
    }

    /// Gives the session the credentials that it needs, and tells it when they change.
    fn identify(&mut self, cx: &mut Context<'_>, now: Instant) -> Step {
        if self.credentials.poll_change(cx).is_ready() {
            self.session.handle_credentials_changed(now);
            // What this has asked for is to be asked before an answer is taken: that one could be older.
            return Step::Moved;
        }
        if !self.session.awaits_credentials() {
            self.credentials.forget();
        } else if let Poll::Ready(given) = self.credentials.poll_answer(cx) {
            self.session.handle_credentials(given, now);
            return Step::Moved;
        }
        Step::Idle
    }

    /// Reads once.
    fn read(&mut self, cx: &mut Context<'_>, now: Instant) -> Step {
        let (Socket::Open(stream), Some(buffer)) = (&mut self.socket, self.session.read_buffer()) else {
            return Step::Idle;
        };
        let cause = match socket::poll_read(stream, buffer, cx) {
            Poll::Pending => return Step::Idle,
            Poll::Ready(Ok(count)) => {
                self.traffic.read += count as u64;
                self.session.handle_read(now);
                return Step::Moved;
            }
            Poll::Ready(Err(cause)) => cause,
        };
        self.lose(cause, now);
        Step::Moved
    }

    /// Hands out what the session has.
    fn deliver(&mut self, cx: &mut Context<'_>, now: Instant) -> Step {
        let mut step = Step::Idle;
        while let Some(event) = self.session.poll_event(now) {
            step = Step::Moved;
            match event {
                Output::Answered(ticket, frame, sent) => self.complete(&ticket, Outcome::Answered(frame, sent)),
                Output::Orphan(frame) => self.tell_orphan(Ok(&frame)),
                Output::Lost(ticket, lost) => self.complete(&ticket, Outcome::Lost(lost)),
                Output::Group(ticket, end) => self.complete(&ticket, Outcome::Group(end)),
                Output::Push(push) => self.tell_push(&push),
                Output::Paused(answer) => self.news.tell(Event::Paused { answer }),
                Output::Resumed => self.news.tell(Event::Resumed),
                Output::Connected(session) => self.news.tell(Event::Connected(session)),
                Output::Subscribed(topic) => self.tell(|audience| audience.handle_subscribed(&topic)),
                Output::SubscriptionRefused(topic, error) => self.tell(|it| it.handle_refused(&topic, &error)),
                Output::SubscriptionWithdrawn(topic) => self.tell(|audience| audience.handle_withdrawn(&topic)),
                Output::Restored => self.tell(|audience| audience.handle_restored()),
                Output::Disconnected { cause, in_flight, requeued, failed_unknown, last_read } => {
                    self.tell(|audience| audience.handle_lost(&cause, last_read));
                    self.news.tell(Event::Disconnected { cause, in_flight, requeued, failed_unknown });
                }
                Output::NeedCredentials => self.credentials.begin(),
                Output::Reauthenticated => self.news.tell(Event::Reauthenticated),
                Output::ReauthenticationFailed(cause) => self.news.tell(Event::ReauthenticationFailed { cause }),
                Output::State => {
                    self.state.send_replace(self.session.state().clone());
                    if matches!(self.session.state(), LinkState::Backoff { .. }) {
                        self.tell_unsettled();
                    }
                }
                Output::Unsettled => self.tell_unsettled(),
                Output::Hangup => self.socket.hang_up(cx),
                Output::Promoted => self.socket = std::mem::replace(&mut self.standby, Socket::None),
            }
        }
        // Noted with the last answer: a caller that is quick to act on it may post the next command before anything else
        // is done here, on a machine that is slow to go on with this.
        if self.session.is_quiet() {
            self.quiet_since.get_or_insert(now);
        }
        step
    }

    #[inline(always)]
    fn complete(&mut self, ticket: &Ticket, outcome: Outcome) {
        self.mailbox.settle(|| self.session.take_settled());
        match ticket.complete(outcome) {
            Some(Outcome::Answered(frame, _)) => self.tell_orphan(Ok(&frame)),
            Some(Outcome::Lost(lost)) => self.tell_orphan(Err(&lost)),
            Some(Outcome::Group(_)) | None => {}
        }
    }

    /// Tells that the topology may be another one, where there is one.
    fn tell_unsettled(&self) {
        if let Some(unsettled) = &self.unsettled {
            unsettled();
        }
    }

    /// Tells the audience something, if there is one.
    fn tell(&self, what: impl FnOnce(&dyn Audience)) {
        if let Some(audience) = &self.audience {
            what(&**audience);
        }
    }

    /// Tells of something unasked.
    fn tell_push(&self, push: &Frame) {
        if !self.audience.as_ref().is_some_and(|audience| audience.handle_push(push)) {
            self.news.tell_push(push);
        }
    }

    /// Tells what came of a command that nobody waits for, if anybody wants to know.
    fn tell_orphan(&self, orphan: Result<&Frame, &Lost>) {
        if let Some(orphans) = &self.orphans {
            orphans(orphan);
        }
    }

    /// Gives the session what callers have posted.
    fn collect(&mut self, cx: &mut Context<'_>, now: Instant) -> Step {
        let (settled, spare) = (self.session.take_settled(), self.session.take_spare());
        let mail = self.mailbox.exchange(&mut self.batch, settled, spare, cx.waker());
        self.earliest_waiting = mail.earliest_waiting;
        let is_news = mail.fresh || !mail.wishes.is_empty() || mail.displaced.is_some();
        if !mail.wishes.is_empty() {
            self.session.wish(mail.wishes);
        }
        if mail.is_listened_to {
            self.audience = self.mailbox.take_listener();
            self.session.expect_lines();
        }
        self.session.keep_out(mail.keeps_out, now);
        if mail.fresh {
            self.session.submit(&mut self.batch, now);
            // Whoever came too late for its own deadline is not sent any more. The clock is looked at only if that can be.
            if self.session.earliest_deadline().is_some_and(|earliest| earliest <= now + CLOSE) {
                self.session.handle_timeout(clock::now());
            }
        }
        if let Some(displacement) = mail.displaced {
            self.session.displace(displacement, now);
        }
        if let Some((until, more)) = mail.closing {
            self.session.close(until, if mail.fresh { More::Possible } else { more });
        }
        if is_news { Step::Moved } else { Step::Idle }
    }

    /// Writes what callers have posted until there is nothing more. `Moved`: there may be more.
    fn send(&mut self, cx: &mut Context<'_>, now: Instant) -> Step {
        // Also without news: the socket may take again what it did not take before.
        let mut collected = self.collect(cx, now);
        for _ in 0..ROUNDS {
            self.write(cx, now);
            if collected == Step::Idle {
                return Step::Idle;
            }
            collected = self.collect(cx, now);
            if collected == Step::Idle {
                return Step::Idle;
            }
        }
        Step::Moved
    }

    /// Writes what there is, as far as the socket takes it.
    fn write(&mut self, cx: &mut Context<'_>, now: Instant) {
        if !self.may_write(cx, now) {
            return;
        }
        let Socket::Open(stream) = &mut self.socket else { return };
        let failed = loop {
            if !self.session.has_transmit() {
                break None;
            }
            match socket::poll_write(stream, cx, |slices| self.session.poll_transmit(slices)) {
                Poll::Ready(Ok(0)) => break None,
                Poll::Ready(Ok(taken)) => {
                    self.session.handle_written(taken, now);
                    self.traffic.written += taken as u64;
                }
                Poll::Ready(Err(error)) => break Some(error),
                Poll::Pending => return,
            }
        };
        match failed.map_or_else(|| Pin::new(&mut *stream).poll_flush(cx), |error| Poll::Ready(Err(error))) {
            Poll::Ready(Err(error)) => {
                let cause = stream.explain_error(&error);
                self.last_words(cx, now);
                self.lose(cause, now);
            }
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
    }

    /// Whether the socket may be written to. Before the first write after a pause this looks whether the peer has said
    /// something or closed the connection in the meantime: the runtime may not have been told yet. What is written to a
    /// closed connection is lost, nobody knows with what effect; and what was said before a command was sent must be
    /// read before that, or it would be taken for the command's answer.
    fn may_write(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        if self.session.is_quiet() {
            return true;
        }
        let Some(since) = self.quiet_since.take().filter(|since| now.duration_since(*since) >= PAUSE) else {
            return true;
        };
        let Socket::Open(stream) = &mut self.socket else { return true };
        let cause = match stream.look() {
            Liveness::Open | Liveness::Unknown => return true,
            Liveness::Readable => {
                // It is still quiet until that is read: the runtime will say so at one of the next polls.
                self.quiet_since = Some(since);
                cx.waker().wake_by_ref();
                return false;
            }
            Liveness::Closed => stream.explain_eof(),
            Liveness::Failed(cause) => cause,
        };
        self.lose(cause, now);
        false
    }

    /// Reads what the peer may have said before it stopped listening: it can be the reason.
    fn last_words(&mut self, cx: &mut Context<'_>, now: Instant) {
        for _ in 0..ROUNDS {
            if self.read(cx, now) == Step::Idle {
                return;
            }
            self.deliver(cx, now);
        }
    }

    fn lose(&mut self, cause: Cause, now: Instant) {
        if let Socket::Open(_) = self.socket {
            self.socket = Socket::None;
            self.session.handle_lost(cause, now);
        }
    }

    /// Tells those whose deadlines have come, also those who wait for room.
    fn handle_time(&mut self, now: Instant) {
        self.session.handle_timeout(now);
        if self.earliest_waiting.is_some_and(|deadline| deadline <= now) {
            self.mailbox.expire_waiting(now, self.session.last_cause());
            // The next exchange says which is the earliest now.
            self.earliest_waiting = None;
        }
    }

    /// Lets everybody read what was counted.
    fn publish(&mut self) {
        self.register.publish(&self.session.tally(), self.traffic);
    }

    /// Arms the timer for the next time; the session's is `due`.
    fn keep_time(&mut self, cx: &mut Context<'_>, due: Option<Instant>, now: Instant) {
        if self.earliest_waiting.is_some_and(|deadline| deadline <= now) {
            return cx.waker().wake_by_ref();
        }
        let Some(due) = earlier(due, self.earliest_waiting) else { return };
        loop {
            // An earlier alarm is left as it is: it costs one look, setting it anew would cost one each time.
            if self.armed.is_none_or(|armed| armed > due) {
                self.timer.as_mut().reset(due.into());
                self.armed = Some(due);
            }
            if self.timer.as_mut().poll(cx).is_pending() {
                return;
            }
            self.armed = None;
            let now = clock::now();
            if due > now {
                continue;
            }
            return cx.waker().wake_by_ref();
        }
    }
}

impl Future for LinkTask {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let mut now = clock::now();
        this.handle_time(now);
        if this.turn == Turn::Deliver {
            this.turn = Turn::Serve;
            this.read(cx, now);
            this.deliver(cx, now);
            this.publish();
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        this.turn = Turn::Deliver;
        for _ in 0..ROUNDS {
            // Also what concerns the last socket, before there is another.
            this.deliver(cx, now);
            this.dial(cx, now);
            let read = this.read(cx, now);
            this.attend_standby(cx, now);
            this.deliver(cx, now);
            let identified = this.identify(cx, now);
            let collected = this.send(cx, now);
            let delivered = this.deliver(cx, now);
            if this.session.is_closed() {
                return Poll::Ready(());
            }
            // What was delivered after the write has given back room that others wait for.
            let moved = [read, identified, collected, delivered].contains(&Step::Moved);
            let due = this.session.poll_timeout();
            if !moved && due.is_none_or(|due| due > now) {
                this.publish();
                this.keep_time(cx, due, now);
                return Poll::Pending;
            }
            // A busy link may take a while from here to there, and deadlines come all the same.
            now = clock::now();
            this.handle_time(now);
        }
        // Others have a right to the thread too.
        this.publish();
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for LinkTask {
    /// However the task ends, also with its runtime: nobody is left waiting.
    fn drop(&mut self) {
        self.session.finish(Cause::RuntimeGone, clock::now());
        while let Some(event) = self.session.poll_event(clock::now()) {
            match event {
                Output::Answered(ticket, frame, sent) => self.complete(&ticket, Outcome::Answered(frame, sent)),
                Output::Orphan(frame) => self.tell_orphan(Ok(&frame)),
                Output::Lost(ticket, lost) => self.complete(&ticket, Outcome::Lost(lost)),
                Output::Group(ticket, end) => self.complete(&ticket, Outcome::Group(end)),
                _ => {}
            }
        }
        let cause = match self.session.state() {
            LinkState::Closed { cause } => cause.clone(),
            _ => Cause::RuntimeGone,
        };
        self.publish();
        self.mailbox.shut(&self.session.ending(&cause));
        self.state.send_replace(self.session.state().clone());
        self.news.end();
        self.tell(|audience| audience.handle_ended(&cause));
    }
}

/// A connection on which nothing was due for this long is looked at before it is written to, 5 ms. Shorter pauses are
/// those of a single caller that works on the last answer, and would pay for a system call each time.
const PAUSE: Duration = Duration::from_millis(5);

/// A deadline within this is so close that it may have come since the clock was looked at, 10 ms.
const CLOSE: Duration = Duration::from_millis(10);

/// After this many rounds without a pause the task lets others run.
const ROUNDS: usize = 16;
