//! What outlives sockets: the commands, their order and deadlines, and when to connect again.

mod closing;
mod credentials;
mod displacement;
mod doubts;
mod refusals;
mod subscriptions;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;

pub(crate) use self::closing::More;
pub(crate) use self::displacement::Displacement;
use self::subscriptions::Survival;
use super::authentication::Authentication;
use super::backlog::{Answered, Backlog, Claim, Outputs, Socket};
use super::backoff::{Backoff, Permanence};
use super::gates::Gates;
use super::inflight::{Batch, Entry};
use super::liveness::Liveness;
use super::output::{Loss, Output, Reason, Sent};
use super::room::Room;
use super::settings::{Offline, SessionSettings};
use super::standby::{Doubt, Standby};
use super::state::{LinkState, ServerFacts, SessionFacts};
use super::subscriptions::{Answer, Subscriptions};
use super::tally::Tally;
use super::wire::{Connection, Received};
use crate::command::{Command, Encoded, Slices};
use crate::outcome::{Cause, PeerFacts, Stage};
use crate::resp::Frame;

/// One link's protocol machine; `T` is what a caller is known by.
///
/// The driver calls `handle_*` when something happened, and `poll_*` until nothing more comes out.
#[derive(Debug)]
pub(crate) struct Session<T> {
    settings: SessionSettings,
    state: LinkState,
    /// The protocol on the present socket.
    connection: Option<Connection>,
    /// What the transport knows of the present socket.
    peer: PeerFacts,
    backlog: Backlog<T>,
    /// The commands that were refused for the time being.
    gates: Gates<T>,
    backoff: Backoff,
    /// What waits to be handed out, before anything that is still to be decoded.
    outputs: Outputs<T>,
    /// The last thing that went wrong on the link since it was ready.
    last_cause: Option<Cause>,
    liveness: Liveness,
    /// A second connection, while the present one is in doubt.
    standby: Standby,
    /// When the present attempt is given up.
    attempt_until: Option<Instant>,
    /// Why commands are turned away while the link waits to try again: only a change of settings can mend it.
    refusal: Option<Cause>,
    /// Set once the link is to close: when to stop waiting for answers, and whether commands may still come.
    closing: Option<(Instant, More)>,
    authentication: Authentication,
    subscriptions: Subscriptions,
    /// Whether the server queues what it is sent, so that nothing of the session's own may be among it.
    keeps_out: bool,
    /// When it was last told that the topology may be another one since the peer is silent.
    unsettled_told: Option<Instant>,
    /// How many attempts to connect there were, and how many of them succeeded.
    dialed: u64,
    connected: u64,
}

impl<T: Claim> Session<T> {
    pub(crate) fn new(settings: SessionSettings, now: Instant) -> Self {
        let backoff = Backoff::new(settings.backoff, settings.seed);
        let authentication = Authentication::new(settings.backoff.jitter, settings.seed);
        let gates = Gates::new(settings.seed);
        let backlog = Backlog::new(settings.tracing);
        Self {
            settings,
            state: LinkState::Idle,
            connection: None,
            peer: PeerFacts::unknown(),
            backlog,
            gates,
            backoff,
            outputs: Outputs::new(),
            last_cause: None,
            liveness: Liveness::new(now),
            standby: Standby::new(),
            attempt_until: None,
            refusal: None,
            closing: None,
            authentication,
            subscriptions: Subscriptions::new(),
            keeps_out: false,
            unsettled_told: None,
            dialed: 0,
            connected: 0,
        }
    }

    /// What was counted so far.
    pub(crate) fn tally(&self) -> Tally {
        let tally = self.backlog.tally();
        let unsent = tally.unsent + self.gates.commands();
        Tally { attempts: self.dialed, connections: self.connected, unsent, ..tally }
    }

    /// Where the link is.
    pub(crate) fn state(&self) -> &LinkState {
        &self.state
    }

    /// Whether nothing is due: no answer from the peer, and nothing to be written.
    pub(crate) fn is_quiet(&self) -> bool {
        self.backlog.is_idle() && self.state.is_ready()
    }

    /// The last thing that went wrong since the link was ready.
    pub(crate) fn last_cause(&self) -> Option<&Cause> {
        self.last_cause.as_ref()
    }

    /// The room that answers have given back since the last call.
    pub(crate) fn take_settled(&mut self) -> Room {
        self.backlog.take_settled()
    }

    /// How many bytes of commands it holds.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.backlog.held() + self.gates.held()
    }

    /// A used buffer for the next batch's log.
    pub(crate) fn take_spare(&mut self) -> Option<Encoded> {
        self.backlog.take_spare()
    }

    /// Takes commands in. The batch is left empty.
    pub(crate) fn submit(&mut self, batch: &mut Batch<T>, now: Instant) {
        if batch.entries.is_empty() {
            return;
        }
        if self.gates.holds_link() {
            self.gates.hold(batch);
        }
        if !batch.entries.is_empty() {
            self.backlog.extend(batch);
        }
        if let Some(cause) = self.turns_away() {
            self.give_up_all(self.ending(&cause), now);
        }
    }

    /// Whether the driver should dial now; if so, an attempt has begun.
    pub(crate) fn poll_dial(&mut self, now: Instant) -> bool {
        let due = match &self.state {
            LinkState::Idle => true,
            LinkState::Backoff { until, .. } => *until <= now,
            _ => false,
        };
        if !due {
            return false;
        }
        self.backoff.handle_attempt();
        self.dialed += 1;
        let begun = self.state.dial(self.backoff.attempts(), now).is_ok();
        self.attempt_until = Some(now + self.settings.connect_timeout);
        self.outputs.push_back(Output::State);
        begun
    }

    /// The transport has got to a stage of the attempt.
    pub(crate) fn handle_stage(&mut self, stage: Stage, address: Option<SocketAddr>) {
        if self.state.reach(stage, address) {
            self.outputs.push_back(Output::State);
        }
    }

    /// The transport has a socket.
    pub(crate) fn handle_dialed(&mut self, peer: PeerFacts, now: Instant) {
        self.peer = peer;
        self.liveness.handle_dialed(now);
        self.connection = Some(Connection::begin(&self.settings));
        self.handle_stage(Stage::Handshake, self.peer.remote);
        self.identify();
    }

    /// The attempt failed, or the socket did.
    pub(crate) fn handle_lost(&mut self, cause: Cause, now: Instant) {
        let (was_ready, in_flight) = (self.liveness.is_ready(), self.callers());
        let last_read = self.liveness.last_read();
        if self.is_stable(now) {
            self.backoff.reset();
        }
        self.drop_connection();
        let failed_unknown = self.sort_out(&cause, now);
        if was_ready {
            let requeued = self.backlog.len() + self.gates.len();
            let cause = cause.clone();
            self.outputs.push_back(Output::Disconnected { cause, in_flight, requeued, failed_unknown, last_read });
        }
        if self.ends_with_connection() {
            return self.finish(cause, now);
        }
        // A peer that spoke well before is not one that never will: only the first words are judged so.
        let permanent = cause.is_permanent() && !was_ready;
        self.refusal = permanent.then(|| cause.clone());
        let pause = self.backoff.pause(if permanent { Permanence::Permanent } else { Permanence::Transient });
        self.last_cause = Some(cause.clone());
        if self.state.lose(self.backoff.attempts(), now + pause, cause).is_ok() {
            self.outputs.push_back(Output::State);
        }
        if let Some(cause) = self.turns_away() {
            self.give_up_all(Reason::Link(cause), now);
        }
        self.finish_if_drained();
    }

    /// Where to read to.
    pub(crate) fn read_buffer(&mut self) -> Option<&mut BytesMut> {
        self.connection.as_mut().map(Connection::read_buffer)
    }

    /// Bytes were read.
    pub(crate) fn handle_read(&mut self, now: Instant) {
        self.liveness.handle_read(now);
        self.standby.handle_life();
    }

    /// Whether [`Self::poll_transmit`] has anything to give.
    pub(crate) fn has_transmit(&self) -> bool {
        let Some(connection) = &self.connection else { return false };
        !connection.greeting().is_empty() || (connection.is_ready() && self.backlog.has_transmit())
    }

    /// Adds what the socket should take next to `slices`; returns the number of bytes.
    pub(crate) fn poll_transmit<'a>(&'a self, slices: &mut Slices<'a, '_>) -> usize {
        let Some(connection) = &self.connection else { return 0 };
        let greeting = connection.greeting();
        if !greeting.is_empty() {
            return if slices.push(greeting) { greeting.len() } else { 0 };
        }
        if connection.is_ready() { self.backlog.transmit(slices) } else { 0 }
    }

    /// The socket took `count` bytes of what [`Self::poll_transmit`] gave.
    pub(crate) fn handle_written(&mut self, count: usize, now: Instant) {
        self.liveness.handle_written(now);
        match &mut self.connection {
            Some(connection) if !connection.greeting().is_empty() => connection.handle_greeting_written(count),
            _ => self.backlog.handle_written(count, now),
        }
    }

    /// The next thing to act on.
    #[inline(always)]
    pub(crate) fn poll_event(&mut self, now: Instant) -> Option<Output<T>> {
        loop {
            if !self.outputs.is_empty() {
                return self.outputs.pop_front();
            }
            let due = match self.backlog.due() {
                0 => self.late(),
                due => due,
            };
            match self.connection.as_mut()?.poll_received(due) {
                Received::Answers(frame) => {
                    if let Some((ticket, sent)) = self.take_answered(&frame) {
                        return Some(Output::Answered(ticket, frame, sent));
                    }
                    if let Some(event) = self.handle_answer(frame, now) {
                        return Some(event);
                    }
                }
                Received::Push(frame) => return Some(Output::Push(frame)),
                Received::Confirmed(change) => {
                    if self.handle_confirmation(change, now) == Survival::Lost {
                        return Some(Output::Hangup);
                    }
                }
                Received::Established(facts) => self.handle_established(facts, now),
                Received::Failed(cause) => {
                    let cause = self.judge_refusal(cause);
                    self.handle_lost(cause, now);
                    return Some(Output::Hangup);
                }
                Received::Nothing => {
                    self.handle_end_of_read(now);
                    return self.outputs.pop_front();
                }
            }
        }
    }

    /// All that was read is dealt with.
    fn handle_end_of_read(&mut self, now: Instant) {
        self.backlog.release();
        if !self.backlog.is_awaited() {
            self.liveness.handle_quiet();
        }
        self.attend_standby(now);
        self.finish_if_drained();
    }

    /// Whether the server queues the commands that it is sent (`MULTI`): what the session sends on its own, such as a `PING`, waits
    /// for the end of that, or it would be queued and answered among them.
    #[inline]
    pub(crate) fn keep_out(&mut self, keeps_out: bool, now: Instant) {
        let is_over = std::mem::replace(&mut self.keeps_out, keeps_out) && !keeps_out;
        if is_over && self.is_established() {
            self.catch_up(now);
        }
    }

    /// The next command is one after which the server tells what happens, in simple strings, which come out as pushes: until the
    /// connection ends it is sent nothing more.
    pub(crate) fn expect_lines(&mut self) {
        if let Some(connection) = &mut self.connection {
            connection.expect_lines();
        }
    }

    /// When [`Self::handle_timeout`] or [`Self::poll_dial`] should be called at the latest.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let redial = match &self.state {
            LinkState::Backoff { until, .. } => Some(*until),
            _ => None,
        };
        let timers = [
            self.heartbeat_due(),
            self.earliest_deadline(),
            self.gates.next().filter(|_| self.is_established()),
            redial,
            self.attempt_until,
            self.silence_due(),
            self.standby.until(),
            self.authentication.due(),
            self.subscriptions.due(),
            self.closing.filter(|_| !self.is_closed()).map(|(until, _)| until),
            self.unsettled_due(),
        ];
        timers.into_iter().fold(None, earlier)
    }

    /// No caller's deadline is before this.
    pub(crate) fn earliest_deadline(&self) -> Option<Instant> {
        earlier(self.backlog.earliest(), self.gates.earliest())
    }

    /// Time has passed.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.earliest_deadline().is_some_and(|earliest| earliest <= now) {
            self.expire(now);
        }
        if self.gates.is_active() && self.is_established() {
            self.try_again(now);
        }
        if self.heartbeat_due().is_some_and(|due| due <= now) {
            self.beat();
        }
        if self.silence_due().is_some_and(|due| due <= now) {
            self.standby.want(Doubt::Silence, now);
        }
        if self.standby.until().is_some_and(|until| until <= now) {
            self.handle_standby_lost(Cause::AttemptTimedOut { stage: self.standby.stage() }, now);
        }
        if self.attempt_until.is_some_and(|until| until <= now) {
            let cause = self.attempt_timed_out();
            self.handle_lost(cause, now);
            self.outputs.push_back(Output::Hangup);
        }
        if self.unsettled_due().is_some_and(|due| due <= now) {
            self.tell_unsettled(now);
        }
        self.handle_authentication_timeout(now);
        self.handle_subscription_timeout(now);
        if self.closing.is_some_and(|(until, _)| until <= now) {
            self.finish(Cause::ClosedHere, now);
        }
    }

    /// When the server should be sent a `PING`. A server that was sent a blocking command answers none before that.
    fn heartbeat_due(&self) -> Option<Instant> {
        let is_telling = self.connection.as_ref().is_some_and(Connection::is_telling);
        if is_telling || self.keeps_out || (self.settings.role.may_block() && !self.backlog.is_idle()) {
            return None;
        }
        self.liveness.heartbeat_due(&self.settings)
    }

    /// Sends a `PING` in the order of all other commands.
    fn beat(&mut self) {
        let mut log = Encoded::default();
        let len = Command::new("PING").write_to(&mut log);
        let place = self.backlog.push(Entry::own(len), log);
        self.liveness.handle_beat(place);
    }

    fn handle_established(&mut self, server: ServerFacts, now: Instant) {
        // Who has gone while there was no connection has its command withdrawn.
        self.backlog.drop_given_up();
        let session = Arc::new(SessionFacts { server, peer: self.peer.clone() });
        self.outputs.push_back(Output::Connected(Arc::clone(&session)));
        self.connected += 1;
        self.attempt_until = None;
        self.liveness.handle_established(now);
        self.last_cause = None;
        self.refusal = None;
        self.gates.handle_established(now);
        if self.state.ready(session).is_ok() {
            self.outputs.push_back(Output::State);
        }
        if self.closing.is_some() && self.state.drain().is_ok() {
            self.outputs.push_back(Output::State);
        }
        self.catch_up(now);
        self.restore_subscriptions();
    }

    /// Forgets everything that is true of the present socket, or attempt, alone.
    fn drop_connection(&mut self) {
        self.connection = None;
        self.standby = Standby::new();
        self.liveness.reset();
        self.authentication.reset();
        self.subscriptions.handle_lost();
        self.attempt_until = None;
    }

    /// Takes the oldest entry out if all there is to do with its answer is to hand it to its caller, as nearly always:
    /// then the answer need not be moved about.
    #[inline]
    fn take_answered(&mut self, frame: &Frame) -> Option<(T, Sent)> {
        if self.gates.is_active() { None } else { self.backlog.take_answered(frame) }
    }

    fn handle_answer(&mut self, frame: Frame, now: Instant) -> Option<Output<T>> {
        let oldest = self.backlog.oldest();
        self.liveness.handle_answer(oldest);
        if self.authentication.sent().is_some() && self.authentication.sent() == oldest {
            self.handle_authenticated(&frame, now);
        }
        match self.handle_subscription_answer(&frame, oldest, now) {
            None | Some(Answer::Taken) => {}
            Some(Answer::Late) => return None,
            Some(Answer::Impossible) => {
                self.handle_lost(subscriptions::no_confirmation(), now);
                return Some(Output::Hangup);
            }
        }
        let probed = if self.gates.is_active() { oldest.and_then(|place| self.gates.probed(place)) } else { None };
        let refused = probed.and_then(|scope| refusals::refusal_of(&frame, scope));
        let output = match self.backlog.handle_answer(frame, now) {
            Answered::Output(output) => Some(output),
            Answered::Nothing => None,
            Answered::Refused(refused) => {
                self.handle_refused(*refused, now);
                return None;
            }
            Answered::LeftOpen(output) => {
                self.outputs.extend(output);
                let detail = "an answer to EXEC that leaves the transaction open".to_owned();
                self.handle_lost(Cause::Protocol { detail }, now);
                return Some(Output::Hangup);
            }
        };
        match (probed, refused, oldest) {
            (Some(scope), Some(cause), Some(place)) => self.gates.close(scope, place, cause, now),
            // Of several commands, the last answer counts.
            (Some(scope), None, _) if self.backlog.oldest() != oldest => self.open_gate(scope, now),
            _ => {}
        }
        output
    }

    /// Why commands may not wait in the present state; `None` if they may.
    fn turns_away(&self) -> Option<Cause> {
        match &self.state {
            LinkState::Closed { cause } => Some(cause.clone()),
            LinkState::Ready { .. } | LinkState::Draining { .. } => None,
            _ if self.settings.offline == Offline::FailFast => {
                Some(self.last_cause.clone().unwrap_or(Cause::NotConnected))
            }
            LinkState::Backoff { .. } => self.refusal.clone(),
            _ => None,
        }
    }

    /// Tells the callers whose deadline has come.
    fn expire(&mut self, now: Instant) {
        // Also what was refused and is on its way again.
        let cause = self.last_cause.as_ref().or_else(|| self.gates.cause());
        let loss = Arc::new(self.loss(Reason::Deadline(cause.cloned()), now));
        self.backlog.expire(now, &loss, self.socket(), &mut self.outputs);
        if self.gates.is_active() {
            let loss = self.loss(Reason::Deadline(None), now);
            self.gates.expire(now, &mut self.outputs, |cause| Loss {
                reason: Reason::Deadline(cause),
                stage: Stage::Refused,
                ..loss.clone()
            });
            self.backlog.settle(self.gates.take_settled());
        }
    }

    /// Tells all callers that no answer will come.
    fn give_up_all(&mut self, reason: Reason, now: Instant) {
        let loss = Arc::new(self.loss(reason, now));
        self.backlog.give_up_all(&loss, self.socket(), &mut self.outputs);
        if self.gates.is_active() {
            let loss = Arc::new(Loss { stage: Stage::Refused, ..Loss::clone(&loss) });
            self.gates.give_up_all(&loss, &mut self.outputs);
            self.backlog.settle(self.gates.take_settled());
        }
    }

    /// The socket is gone: see [`Backlog::sort_out`].
    fn sort_out(&mut self, cause: &Cause, now: Instant) -> usize {
        let loss = Arc::new(self.loss(Reason::Link(cause.clone()), now));
        let unknown = self.backlog.sort_out(&loss, &mut self.outputs);
        self.gates.drop_given_up();
        self.backlog.settle(self.gates.take_settled());
        unknown
    }

    /// Whether commands can be sent: also while the link closes.
    fn is_established(&self) -> bool {
        self.connection.as_ref().is_some_and(Connection::is_ready)
    }

    fn socket(&self) -> Socket {
        if self.connection.is_some() { Socket::Lives } else { Socket::None }
    }

    /// Whether the connection is good for so long that the next attempts start from the beginning.
    fn is_stable(&self, now: Instant) -> bool {
        self.liveness.is_good_for(self.backoff.proof(), now)
    }

    /// Which attempt to connect is under way, or made the present connection; 1 once that has proved good.
    fn attempts(&self, now: Instant) -> u32 {
        if self.is_stable(now) { 1 } else { self.backoff.attempts().max(1) }
    }

    fn loss(&self, reason: Reason, now: Instant) -> Loss {
        Loss {
            reason,
            stage: self.stage(),
            attempts: self.attempts(now),
            silent: self.liveness.silent_for(now),
            waiting: self.callers(),
        }
    }

    /// How many entries are callers'.
    fn callers(&self) -> usize {
        self.backlog.callers() + self.gates.len()
    }

    /// How far a command that is not sent has got.
    fn stage(&self) -> Stage {
        match &self.state {
            LinkState::Idle | LinkState::Closed { .. } => Stage::Queued,
            LinkState::Connecting { stage, .. } => *stage,
            LinkState::Backoff { .. } => Stage::Backoff,
            LinkState::Ready { .. } | LinkState::Draining { .. } => Stage::Writing,
        }
    }
}

/// The earlier of two times, of which there need be none.
pub(crate) fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
