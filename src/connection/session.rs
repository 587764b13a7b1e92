//! What outlives sockets: the commands, their order and deadlines, and when to connect again.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;

use super::backoff::{Backoff, Permanence};
use super::inflight::{Batch, Completed, Entry, Inflight, Judged, Placed, Repeat};
use super::outbox::Outbox;
use super::output::{Loss, Lost, Output, Reason};
use super::room::Room;
use super::settings::{Offline, SessionSettings};
use super::state::{LinkState, ServerFacts, SessionFacts};
use super::wire::{Connection, Received};
use crate::command::{Command, Encoded, Slices};
use crate::outcome::{Cause, Fate, PeerFacts, Stage};
use crate::resp::{Frame, Reply, View};

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
    inflight: Inflight<T>,
    outbox: Outbox,
    backoff: Backoff,
    /// What waits to be handed out, before anything that is still to be decoded.
    events: VecDeque<Output<T>>,
    /// The last thing that went wrong on the link since it was ready.
    last_cause: Option<Cause>,
    /// When bytes were last read, or the connection was made.
    last_read: Instant,
    /// When the present connection became ready.
    ready_since: Option<Instant>,
    /// When the present attempt is given up.
    attempt_until: Option<Instant>,
    /// Why commands are turned away while the link waits to try again: only a change of settings can mend it.
    refusal: Option<Cause>,
    /// Set once the link is to close: when to stop waiting for answers, and whether commands may still come.
    closing: Option<(Instant, More)>,
    settled: Room,
    /// Where the heartbeat that is on its way stands in the log.
    heartbeat: Option<u64>,
}

/// Whether more commands may come to a link that closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum More {
    /// Some wait for room.
    Possible,
    None,
}

/// A caller's claim to an answer.
pub(crate) trait Claim {
    /// Whether the caller has gone, so that nobody would read the answer.
    fn is_given_up(&self) -> bool;
}

impl<T: Claim> Session<T> {
    pub(crate) fn new(settings: SessionSettings, now: Instant) -> Self {
        let backoff = Backoff::new(settings.backoff, settings.seed);
        Self {
            settings,
            state: LinkState::Idle,
            connection: None,
            peer: PeerFacts::unknown(),
            inflight: Inflight::new(),
            outbox: Outbox::default(),
            backoff,
            events: VecDeque::new(),
            last_cause: None,
            last_read: now,
            ready_since: None,
            attempt_until: None,
            refusal: None,
            closing: None,
            settled: Room::default(),
            heartbeat: None,
        }
    }

    /// Where the link is.
    pub(crate) fn state(&self) -> &LinkState {
        &self.state
    }

    /// Whether nothing is due: no answer from the peer, and nothing to be written.
    pub(crate) fn is_quiet(&self) -> bool {
        self.inflight.is_idle() && self.state.is_ready()
    }

    /// The last thing that went wrong since the link was ready.
    pub(crate) fn last_cause(&self) -> Option<&Cause> {
        self.last_cause.as_ref()
    }

    /// The room that answers have given back since the last call.
    pub(crate) fn take_settled(&mut self) -> Room {
        std::mem::take(&mut self.settled)
    }

    /// How many bytes of commands it holds.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.outbox.held()
    }

    /// A used buffer for the next batch's log.
    pub(crate) fn take_spare(&mut self) -> Option<Encoded> {
        self.outbox.take_spare()
    }

    /// Takes commands in. The batch is left empty.
    pub(crate) fn submit(&mut self, batch: &mut Batch<T>, now: Instant) {
        if batch.entries.is_empty() {
            return;
        }
        let start = self.outbox.append(std::mem::take(&mut batch.log));
        self.inflight.extend(batch.entries.drain(..), start);
        if let Some(cause) = self.turns_away() {
            self.give_up_all(Reason::Link(cause), now);
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
        let begun = self.state.dial(self.backoff.attempts(), now).is_ok();
        self.attempt_until = Some(now + self.settings.connect_timeout);
        self.events.push_back(Output::State);
        begun
    }

    /// The transport has got to a stage of the attempt.
    pub(crate) fn handle_stage(&mut self, stage: Stage, address: Option<SocketAddr>) {
        if self.state.reach(stage, address) {
            self.events.push_back(Output::State);
        }
    }

    /// The transport has a socket.
    pub(crate) fn handle_dialed(&mut self, peer: PeerFacts, now: Instant) {
        self.peer = peer;
        self.last_read = now;
        let SessionSettings { handshake, limits, read_buffer, .. } = &self.settings;
        self.connection = Some(Connection::begin(handshake.clone(), *limits, *read_buffer));
        self.handle_stage(Stage::Handshake, self.peer.remote);
    }

    /// The attempt failed, or the socket did.
    pub(crate) fn handle_lost(&mut self, cause: Cause, now: Instant) {
        let (was_ready, in_flight) = (self.ready_since, self.callers());
        self.drop_connection();
        if was_ready.is_some_and(|since| now.duration_since(since) >= STABLE) {
            self.backoff.reset();
        }
        let failed_unknown = self.sort_out(&cause, now);
        if was_ready.is_some() {
            let requeued = self.inflight.len();
            self.events.push_back(Output::Disconnected { cause: cause.clone(), in_flight, requeued, failed_unknown });
        }
        // A peer that spoke well before is not one that never will: only the first words are judged so.
        let permanent = cause.is_permanent() && was_ready.is_none();
        self.refusal = permanent.then(|| cause.clone());
        let pause = self.backoff.pause(if permanent { Permanence::Permanent } else { Permanence::Transient });
        self.last_cause = Some(cause.clone());
        if self.state.lose(self.backoff.attempts(), now + pause, cause).is_ok() {
            self.events.push_back(Output::State);
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
        self.last_read = now;
    }

    /// Adds what the socket should take next to `slices`; returns the number of bytes.
    pub(crate) fn poll_transmit<'a>(&'a self, slices: &mut Slices<'a, '_>) -> usize {
        let Some(connection) = &self.connection else { return 0 };
        let greeting = connection.greeting();
        if !greeting.is_empty() {
            return if slices.push(greeting) { greeting.len() } else { 0 };
        }
        if connection.is_ready() { self.outbox.transmit(slices) } else { 0 }
    }

    /// The socket took `count` bytes of what [`Self::poll_transmit`] gave.
    pub(crate) fn handle_written(&mut self, count: usize) {
        match &mut self.connection {
            Some(connection) if !connection.greeting().is_empty() => connection.handle_greeting_written(count),
            _ => self.outbox.handle_written(count),
        }
    }

    /// The next thing to act on.
    pub(crate) fn poll_event(&mut self, now: Instant) -> Option<Output<T>> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let position = self.outbox.position();
            let due = self.inflight.front().map_or(0, |front| front.due(position));
            match self.connection.as_mut()?.poll_received(due) {
                Received::Answers(frame) if due > 0 => {
                    if let Some(event) = self.handle_answer(frame) {
                        return Some(event);
                    }
                }
                Received::Answers(frame) => {
                    self.handle_lost(Cause::Protocol { detail: unasked(&frame) }, now);
                    return Some(Output::Hangup);
                }
                Received::Push(frame) if confirms_subscription(&frame) => {
                    let detail = "the confirmation of a subscription that nobody asked for".to_owned();
                    self.handle_lost(Cause::Protocol { detail }, now);
                    return Some(Output::Hangup);
                }
                Received::Push(frame) => return Some(Output::Push(frame)),
                Received::Established(facts) => self.handle_established(facts, now),
                Received::Failed(cause) => {
                    self.handle_lost(cause, now);
                    return Some(Output::Hangup);
                }
                Received::Nothing => {
                    self.release();
                    self.finish_if_drained();
                    return self.events.pop_front();
                }
            }
        }
    }

    /// When [`Self::handle_timeout`] or [`Self::poll_dial`] should be called at the latest.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let redial = match &self.state {
            LinkState::Backoff { until, .. } => Some(*until),
            _ => None,
        };
        [
            self.heartbeat_due(),
            self.inflight.earliest(),
            redial,
            self.attempt_until,
            self.closing.filter(|_| !self.is_closed()).map(|(until, _)| until),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Time has passed.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.inflight.earliest().is_some_and(|earliest| earliest <= now) {
            self.expire(now);
        }
        if self.heartbeat_due().is_some_and(|due| due <= now) {
            self.beat();
        }
        if self.attempt_until.is_some_and(|until| until <= now) {
            let stage = self.stage();
            self.handle_lost(Cause::AttemptTimedOut { stage }, now);
            self.events.push_back(Output::Hangup);
        }
        if self.closing.is_some_and(|(until, _)| until <= now) {
            self.finish(Cause::ClosedHere, now);
        }
    }

    /// The link ends when all commands are answered and no more may come, at `until` at the latest.
    pub(crate) fn close(&mut self, until: Instant, more: More) {
        let until = self.closing.map_or(until, |(already, _)| already.min(until));
        self.closing = Some((until, more));
        if self.state.drain().is_ok() {
            self.events.push_back(Output::State);
        }
        self.finish_if_drained();
    }

    /// Ends the link now: everything that is not answered is given up.
    pub(crate) fn finish(&mut self, cause: Cause, now: Instant) {
        if self.is_closed() {
            return;
        }
        self.drop_connection();
        self.sort_out(&cause, now);
        let reason = if cause == Cause::ClosedHere { Reason::Closed } else { Reason::Link(cause.clone()) };
        self.give_up_all(reason, now);
        self.state.close(cause);
        self.events.push_back(Output::State);
        self.events.push_back(Output::Hangup);
    }

    /// Whether the link has ended.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.state, LinkState::Closed { .. })
    }

    /// When the server should be sent a `PING`; `None` while one is on its way, or there is no connection to keep.
    fn heartbeat_due(&self) -> Option<Instant> {
        let silence = self.settings.heartbeat.filter(|_| self.ready_since.is_some() && self.heartbeat.is_none())?;
        self.last_read.checked_add(silence)
    }

    /// Sends a `PING` in the order of all other commands.
    fn beat(&mut self) {
        let mut log = Encoded::default();
        let len = Command::new("PING").write_to(&mut log);
        let start = self.outbox.append(log);
        self.inflight.extend(std::iter::once(Entry::heartbeat(len)), start);
        self.heartbeat = Some(start);
    }

    fn handle_established(&mut self, server: ServerFacts, now: Instant) {
        // Who has gone while there was no connection has its command withdrawn.
        self.drop_given_up();
        let session = Arc::new(SessionFacts { server, peer: self.peer.clone() });
        self.events.push_back(Output::Connected(Arc::clone(&session)));
        self.attempt_until = None;
        self.ready_since = Some(now);
        self.last_cause = None;
        self.refusal = None;
        if self.state.ready(session).is_ok() {
            self.events.push_back(Output::State);
        }
        if self.closing.is_some() && self.state.drain().is_ok() {
            self.events.push_back(Output::State);
        }
    }

    /// Forgets everything that is true of the present socket, or attempt, alone.
    fn drop_connection(&mut self) {
        self.connection = None;
        self.heartbeat = None;
        self.ready_since = None;
        self.attempt_until = None;
    }

    /// Frees the bytes that nobody needs any more.
    fn release(&mut self) {
        self.outbox.release(self.inflight.front().map_or(u64::MAX, |front| front.start));
    }

    fn handle_answer(&mut self, frame: Frame) -> Option<Output<T>> {
        if self.heartbeat.is_some() && self.heartbeat == self.inflight.front().map(|front| front.start) {
            self.heartbeat = None;
        }
        let (completed, room) = self.inflight.handle_answer(frame);
        self.settled.take(room);
        match completed {
            Completed::Single(Some(ticket), frame, sent) => Some(Output::Answered(ticket, frame, sent)),
            Completed::Group(Some(ticket), end) => Some(Output::Group(ticket, end)),
            Completed::Single(None, ..) | Completed::Group(None, _) | Completed::Nothing | Completed::Unasked => None,
        }
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
        let loss = Arc::new(self.loss(Reason::Deadline(self.last_cause.clone()), now));
        let (position, connected) = (self.outbox.position(), self.connection.is_some());
        let mut any_gone = false;
        for place in self.inflight.expired(now) {
            let Some(placed) = self.inflight.find(place) else { continue };
            let keeps = give_up(placed, &loss, connected.then_some(position), &mut self.outbox, &mut self.events);
            any_gone |= !keeps;
        }
        if any_gone {
            self.drop_settled();
        }
    }

    /// The socket is gone, and with it the answers to what it had taken in full. What may be sent again keeps its place
    /// in the order; of the rest the callers are told. Returns how many commands are lost that may have run.
    fn sort_out(&mut self, cause: &Cause, now: Instant) -> usize {
        let position = self.outbox.position();
        let loss = Arc::new(self.loss(Reason::Link(cause.clone()), now));
        // An attempt that fails before anything was sent says nothing of what would have been.
        let any_sent = self.inflight.front().is_some_and(|front| front.is_begun(position));
        let mut is_oldest = any_sent;
        let mut unknown = 0;
        self.retain(|placed| {
            let deaths = &mut placed.entry.deaths;
            match (any_sent, std::mem::replace(&mut is_oldest, false)) {
                (true, true) => *deaths = deaths.saturating_add(1),
                (true, false) => *deaths = 0,
                (false, _) => {}
            }
            let mut poisoned = placed.entry.deaths >= POISON;
            let first = placed.unanswered().next();
            let is_awaited = placed.entry.ticket.is_some();
            let judged = placed.judge(|range, sending| {
                // Only the first of several can be what the connections die of.
                let is_poison = std::mem::replace(&mut poisoned, false);
                let was_sent = range.end <= position;
                sending.may_have_run |= was_sent;
                let ends = is_poison || (was_sent && sending.repeat == Repeat::Forbidden);
                let fate = if sending.may_have_run { Fate::Unknown } else { Fate::NotSent };
                unknown += usize::from(is_awaited && ends && fate == Fate::Unknown);
                ends.then(|| Lost::new(fate, &loss))
            });
            // What was counted was the first command; the next one begins anew.
            if placed.unanswered().next() != first {
                placed.entry.deaths = 0;
            }
            judged
        });
        self.drop_given_up();
        unknown
    }

    /// Takes out, while no socket has taken anything, the commands that nobody waits for: of callers who have gone, and
    /// of those who were told that no answer would come.
    fn drop_given_up(&mut self) {
        let settled = &mut self.settled;
        self.inflight.retain(|placed| {
            let keep = placed.entry.ticket.as_ref().is_some_and(|ticket| !ticket.is_given_up());
            if !keep {
                settled.take(placed.entry.room());
            }
            keep
        });
        self.outbox.rewind(self.inflight.iter().flat_map(Placed::unanswered));
        self.release();
    }

    /// Tells all callers that no answer will come.
    fn give_up_all(&mut self, reason: Reason, now: Instant) {
        let loss = Arc::new(self.loss(reason, now));
        let living = self.connection.as_ref().map(|_| self.outbox.position());
        let (outbox, events) = (&mut self.outbox, &mut self.events);
        self.inflight.retain(|placed| {
            give_up(placed, &loss, living, outbox, events);
            true
        });
        self.drop_settled();
    }

    /// Takes out the entries of callers who were told and to whom no answer is due any more.
    fn drop_settled(&mut self) {
        let settled = &mut self.settled;
        self.inflight.retain(|placed| {
            let keep = placed.entry.ticket.is_some() || placed.unanswered().next().is_some();
            if !keep {
                settled.take(placed.entry.room());
            }
            keep
        });
        self.release();
    }

    /// Judges every entry; tells the callers of those that are lost, which are taken out.
    fn retain(&mut self, mut judge: impl FnMut(&mut Placed<T>) -> Judged) {
        let (events, settled) = (&mut self.events, &mut self.settled);
        self.inflight.retain(|placed| match judge(placed) {
            Judged::Waits => true,
            judged => {
                settled.take(placed.entry.room());
                match (placed.entry.ticket.take(), judged) {
                    (Some(ticket), Judged::Lost(lost)) => events.push_back(Output::Lost(ticket, lost)),
                    (Some(ticket), Judged::Complete(end)) => events.push_back(Output::Group(ticket, end)),
                    _ => {}
                }
                false
            }
        });
    }

    /// Which attempt to connect is under way, or made the present connection; 1 once that has proved good.
    fn attempts(&self, now: Instant) -> u32 {
        let stable = self.ready_since.is_some_and(|since| now.duration_since(since) >= STABLE);
        if stable { 1 } else { self.backoff.attempts().max(1) }
    }

    fn loss(&self, reason: Reason, now: Instant) -> Loss {
        Loss {
            reason,
            stage: self.stage(),
            attempts: self.attempts(now),
            silent: self.ready_since.map(|_| now.duration_since(self.last_read)),
            waiting: self.callers(),
        }
    }

    /// How many entries are callers'.
    fn callers(&self) -> usize {
        self.inflight.len().saturating_sub(usize::from(self.heartbeat.is_some()))
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

    fn finish_if_drained(&mut self) {
        let awaited = !matches!(self.closing, Some((_, More::None)));
        if !awaited && self.inflight.is_idle() && !self.is_closed() {
            self.drop_connection();
            self.state.close(Cause::ClosedHere);
            self.events.push_back(Output::State);
            self.events.push_back(Output::Hangup);
        }
    }
}

/// Tells the caller of an entry that no answer will come. What a socket that lives, and has taken everything before
/// `living`, has begun to take keeps its place: it will be sent to its end, and its answer belongs to nobody else. The
/// rest will not be sent. Returns whether an answer is still due.
fn give_up<T>(
    placed: &mut Placed<T>,
    loss: &Arc<Loss>,
    living: Option<u64>,
    outbox: &mut Outbox,
    events: &mut VecDeque<Output<T>>,
) -> bool {
    let Some(ticket) = placed.entry.ticket.take() else { return true };
    let begun = |range: &Range<u64>| living.is_some_and(|position| range.start < position);
    events.push_back(placed.tell(ticket, loss, |range, sending| {
        if begun(&range) || sending.may_have_run { Fate::Unknown } else { Fate::NotSent }
    }));
    placed.cut(begun, |range| outbox.skip(range))
}

/// Says what came although nothing had been asked.
fn unasked(frame: &Frame) -> String {
    let reply = frame.reply();
    match reply.bytes() {
        Some(line) if reply.is_error() => {
            let line = String::from_utf8_lossy(line);
            format!("an error that answers no command: {}", line.chars().take(SHOWN).collect::<String>())
        }
        _ => format!("{} that answers no command", reply.kind()),
    }
}

/// Whether a push answers a SUBSCRIBE. This connection sends none: if one came all the same, answers have shifted.
fn confirms_subscription(push: &Frame) -> bool {
    let Ok(View::Push(mut items)) = push.reply().view() else { return false };
    let kind = items.next().and_then(Reply::bytes).unwrap_or_default();
    [&b"subscribe"[..], b"psubscribe", b"ssubscribe"].contains(&kind)
}

/// A connection that was ready for this long makes the next attempts start from the beginning.
const STABLE: Duration = Duration::from_secs(1);

/// A command that was the oldest one unanswered on this many connections that died in a row is not sent again: its answer
/// may be what they die of.
const POISON: u8 = 3;

/// At most this much of a server's text is repeated.
const SHOWN: usize = 120;
