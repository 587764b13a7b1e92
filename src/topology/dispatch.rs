//! Commands on their way to the nodes that they belong to, and on from there: where one answers that another node has
//! the key, or that one gives back what it has not sent, they are placed anew, until their deadline.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::acquisition::{Rang, before};
use super::cluster::Redirect;
use super::node::Node;
use super::parcel::{End, Form, Parcel, Past, Route, Settled};
use super::persistence::{MOST_AT_ONCE, pause};
use super::routes::{Routing, Standing};
use crate::command::Encoded;
use crate::connection::{Displacement, Entry, GroupEnd, Loss, Lost, Offline, Policy, Reason, Repeat, Room, Sent};
use crate::driver::{Event, Outcome, Posted, ReplySlot, now};
use crate::outcome::{Cause, Fate, Stage};
use crate::resp::{Frame, Reply};

/// Commands of one caller, each on its own way. Dropping it withdraws what was not sent.
pub(crate) struct Dispatch {
    routing: Arc<Routing>,
    parcels: Vec<Tracked>,
    flights: Vec<Flight>,
    /// The answers, of which each settled parcel names one.
    frames: Vec<Frame>,
    deadline: Option<Instant>,
    /// How many commands are not settled.
    open: usize,
}

/// What came of them.
pub(crate) struct Delivered {
    pub(crate) frames: Vec<Frame>,
    /// In the order of the parcels.
    pub(crate) settled: Vec<Settled>,
}

struct Tracked {
    parcel: Parcel,
    progress: Progress,
    past: Past,
}

enum Progress {
    /// To be placed by the topology, or sent to the node that another one has named.
    Ready(Option<Arc<Node>>),
    /// To be placed then, or when the topology has changed.
    Paused(Instant),
    Flying,
    Settled(Settled),
}

/// What was put into one node's mailbox as one.
struct Flight {
    node: Arc<Node>,
    posted: Option<Posted>,
    /// Which parcels.
    parcels: Vec<usize>,
    /// Whether `ASKING` goes before it.
    asks: bool,
}

impl Drop for Flight {
    fn drop(&mut self) {
        if let Some(posted) = self.posted.take() {
            self.node.link().mailbox().withdraw(posted);
        }
    }
}

impl Dispatch {
    pub(crate) fn new(routing: Arc<Routing>, parcels: Vec<Parcel>, deadline: Option<Instant>) -> Self {
        let open = parcels.len();
        let track = |parcel| Tracked { parcel, progress: Progress::Ready(None), past: Past::default() };
        let parcels = parcels.into_iter().map(track).collect();
        Self { routing, parcels, flights: Vec::new(), frames: Vec::new(), deadline, open }
    }

    /// Of a single command that was sent to `node` already, with this outcome.
    pub(crate) fn after(
        routing: Arc<Routing>,
        parcel: Parcel,
        deadline: Option<Instant>,
        sent: (Arc<Node>, Outcome),
    ) -> Self {
        let mut dispatch = Self::new(routing, vec![parcel], deadline);
        let (node, outcome) = sent;
        dispatch.note_issued(0);
        dispatch.conclude(&Flight { node, posted: None, parcels: vec![0], asks: false }, outcome);
        dispatch
    }

    /// Until each is answered or lost.
    pub(crate) async fn run(mut self) -> Delivered {
        let mut standing = self.routing.standing();
        let routing = Arc::clone(&self.routing);
        let mut seen = standing.borrow_and_update().mark();
        while self.open > 0 {
            // Whatever has been placed since then was placed by this topology, or by a later one.
            let mark = standing.borrow_and_update().mark();
            if std::mem::replace(&mut seen, mark) != mark {
                self.wake_paused(None);
            }
            let paused = self.paused_until();
            let until = paused.map(|until| self.deadline.map_or(until, |deadline| until.min(deadline)));
            let mut changed = pin!(standing.changed());
            let step = poll_fn(|cx| {
                if self.poll_step(cx).is_ready() {
                    return Poll::Ready(());
                }
                // What is on its way is told by its link if that is to change.
                if paused.is_none() { Poll::Pending } else { changed.as_mut().poll(cx).map(|_| ()) }
            });
            match before(step, until, routing.runtime()).await {
                Ok(()) => {}
                Err(Rang::Time) => self.wake_paused(Some(now())),
                Err(Rang::RuntimeGone) => self.end_waiting(&Reason::Link(Cause::RuntimeGone)),
            }
        }
        let settled = std::mem::take(&mut self.parcels).into_iter().filter_map(Tracked::into_settled).collect();
        Delivered { frames: std::mem::take(&mut self.frames), settled }
    }

    /// Sends what is to be sent and takes what has come; ready if anything has changed by that.
    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let before = (self.open, self.paused());
        self.place(cx);
        // What a mailbox has not even taken goes on elsewhere at once: nobody would wake us for that.
        let mut moved = before != (self.open, self.paused()) || self.is_any_ready();
        let mut index = 0;
        while let Some(flight) = self.flights.get_mut(index) {
            let Some(Poll::Ready(outcome)) = flight.posted.as_ref().map(|posted| posted.slot.poll_outcome(cx)) else {
                index += 1;
                continue;
            };
            let mut flight = self.flights.swap_remove(index);
            if let Some(posted) = flight.posted.take() {
                posted.slot.recycle();
            }
            self.conclude(&flight, outcome);
            moved = true;
        }
        if moved { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Whether there is something to be placed.
    fn is_any_ready(&self) -> bool {
        self.parcels.iter().any(|tracked| matches!(tracked.progress, Progress::Ready(_)))
    }

    /// How many commands wait for another time.
    fn paused(&self) -> usize {
        self.parcels.iter().filter(|tracked| matches!(tracked.progress, Progress::Paused(_))).count()
    }

    fn paused_until(&self) -> Option<Instant> {
        let paused = self.parcels.iter().filter_map(|tracked| match tracked.progress {
            Progress::Paused(until) => Some(until),
            _ => None,
        });
        paused.min()
    }

    /// Pauses are over: those that end until `now`, or all, since the topology has changed.
    fn wake_paused(&mut self, now: Option<Instant>) {
        for tracked in &mut self.parcels {
            if let Progress::Paused(until) = tracked.progress {
                if now.is_none_or(|now| until <= now) {
                    tracked.progress = Progress::Ready(None);
                }
            }
        }
        if self.deadline.zip(now).is_some_and(|(deadline, now)| deadline <= now) {
            self.end_waiting(&Reason::Deadline(None));
        }
    }

    /// Ends what waits for a place.
    fn end_waiting(&mut self, reason: &Reason) {
        for index in 0..self.parcels.len() {
            let waits = self
                .parcels
                .get(index)
                .is_some_and(|tracked| matches!(tracked.progress, Progress::Ready(_) | Progress::Paused(_)));
            if waits {
                self.lose(index, None, reason.clone());
            }
        }
    }

    /// Puts everything that is ready into the mailbox of its node, what goes to one node as one.
    fn place(&mut self, cx: &mut Context<'_>) {
        let mut groups: Vec<(Arc<Node>, Vec<usize>)> = Vec::new();
        for index in 0..self.parcels.len() {
            let Some(tracked) = self.parcels.get_mut(index) else { continue };
            let Progress::Ready(named) = &mut tracked.progress else { continue };
            if let Some(node) = named.take() {
                self.post(cx, node, vec![index], true);
            } else if let Some(node) = self.find_node(index) {
                let is_single = self.parcels.get(index).is_some_and(|it| matches!(it.parcel.form, Form::Single(_)));
                let group = groups.iter_mut().find(|(other, _)| is_single && Arc::ptr_eq(other, &node));
                match group {
                    Some((_, group)) => group.push(index),
                    None if is_single => groups.push((node, vec![index])),
                    None => self.post(cx, node, vec![index], false),
                }
            }
        }
        for (node, group) in groups {
            self.post(cx, node, group, false);
        }
    }

    /// Where a parcel goes now; `None`: it waits, or has ended.
    fn find_node(&mut self, index: usize) -> Option<Arc<Node>> {
        let tracked = self.parcels.get(index)?;
        let routing = Arc::clone(&self.routing);
        let snapshot = routing.snapshot();
        let Some(snapshot) = &*snapshot else {
            self.wait_for_topology(index);
            return None;
        };
        let node = match &tracked.parcel.route {
            Route::Node(node) => Some(Arc::clone(node)),
            Route::Any => routing.any_node(snapshot),
            Route::Slot(slot) => {
                let reads = tracked.parcel.reads && !tracked.past.primary_only;
                routing.choose(snapshot, *slot, reads)
            }
        };
        if node.is_none() {
            routing.ask_refresh();
            self.pause(index, Cause::Refused { message: "CLUSTERDOWN no node serves the slot".into() });
        }
        node
    }

    /// There is no topology yet, or no more.
    fn wait_for_topology(&mut self, index: usize) {
        let standing = self.routing.standing().borrow().clone();
        let reason = match standing {
            Standing::Closed(Cause::ClosedHere) => Reason::Closed,
            Standing::Closed(cause) | Standing::Failed(cause) => Reason::Link(cause),
            Standing::Unknown if self.routing.offline() == Offline::FailFast => Reason::Link(Cause::NotConnected),
            Standing::Unknown | Standing::Known(_) => {
                return self.pause_until(index, now() + TOPOLOGY_PAUSE);
            }
        };
        self.lose(index, None, reason);
    }

    fn post(&mut self, cx: &mut Context<'_>, node: Arc<Node>, parcels: Vec<usize>, asks: bool) {
        let mut bytes = Encoded::default();
        let mut commands: Vec<(usize, Policy)> = Vec::new();
        let mut is_unit = false;
        for index in &parcels {
            let Some(tracked) = self.parcels.get(*index) else { continue };
            let base = bytes.len();
            bytes.append_range(&tracked.parcel.source, tracked.parcel.range.clone());
            match &tracked.parcel.form {
                Form::Single(policy) if tracked.may_read_elsewhere(&self.routing) => {
                    commands.push((bytes.len(), policy.without_retry()));
                }
                Form::Single(policy) => commands.push((bytes.len(), *policy)),
                Form::Unit(ends) => {
                    is_unit = true;
                    commands.extend(ends.iter().map(|(end, policy)| (base + end, *policy)));
                }
            }
        }
        bytes.share_if_large();
        let slot = ReplySlot::new(cx.waker().clone(), None);
        let opening = if asks { ASKING.len() } else { 0 };
        let room = Room { commands: commands.len() + usize::from(asks), bytes: opening + bytes.len() };
        let issued = parcels.iter().map(|index| self.note_issued(*index)).sum();
        let deadline = self.deadline;
        let posted = node.link().mailbox().post(slot, room, issued, |log, ticket| {
            if asks {
                log.small().extend_from_slice(ASKING);
            }
            log.append(&bytes);
            match commands.as_slice() {
                _ if asks => Entry::asking(ticket, ASKING.len(), &commands, deadline),
                _ if is_unit => Entry::unit(ticket, &commands, deadline),
                [(end, policy)] => Entry::single(ticket, *end, deadline, *policy),
                _ => Entry::group(ticket, &commands, deadline),
            }
        });
        for index in &parcels {
            if let Some(tracked) = self.parcels.get_mut(*index) {
                tracked.progress = Progress::Flying;
            }
        }
        match posted {
            Ok(posted) => self.flights.push(Flight { node, posted: Some(posted), parcels, asks }),
            Err(lost) => self.conclude(&Flight { node, posted: None, parcels, asks }, Outcome::Lost(lost)),
        }
    }

    /// How many of the parcel's commands are counted as handed in now.
    fn note_issued(&mut self, index: usize) -> usize {
        let Some(tracked) = self.parcels.get_mut(index) else { return 0 };
        let is_counted = std::mem::replace(&mut tracked.past.is_issued, true) || !tracked.parcel.is_counted;
        if is_counted { 0 } else { tracked.parcel.form.commands() }
    }

    /// A node has answered, or has not.
    fn conclude(&mut self, flight: &Flight, outcome: Outcome) {
        match outcome {
            Outcome::Answered(frame, sent) => {
                self.frames.push(frame);
                if let Some(index) = flight.parcels.first() {
                    self.take_answer(*index, &flight.node, (self.frames.len() - 1, 0), sent);
                }
            }
            Outcome::Lost(lost) => {
                for index in &flight.parcels {
                    self.take_loss(*index, &flight.node, lost.clone());
                }
            }
            Outcome::Group(end) => self.conclude_group(flight, end),
        }
    }

    fn conclude_group(&mut self, flight: &Flight, end: GroupEnd) {
        if let [index] = flight.parcels.as_slice() {
            if self.parcels.get(*index).is_some_and(|tracked| matches!(tracked.parcel.form, Form::Unit(_))) {
                return self.take_unit(*index, flight, end);
            }
        }
        let base = self.frames.len();
        let skip = usize::from(flight.asks);
        let places = end.places(flight.parcels.len() + skip);
        let GroupEnd { answers, lost, again, .. } = end;
        self.frames.extend(answers);
        for (place, index) in flight.parcels.iter().enumerate() {
            let place = place + skip;
            // `ASKING` and its command are judged as one, and have one sending.
            let sent = if again.binary_search(&place).is_ok() { Sent::Again } else { Sent::Once };
            match places.get(place).copied().flatten() {
                Some((frame, reply)) => self.take_answer(*index, &flight.node, (base + frame, reply), sent),
                None => match lost.binary_search_by_key(&place, |lost| lost.place).ok().and_then(|at| lost.get(at)) {
                    Some(lost) => self.take_loss(*index, &flight.node, Lost { place: 0, ..lost.clone() }),
                    None => self.lose(*index, Some(Arc::clone(&flight.node)), Reason::Closed),
                },
            }
        }
    }

    fn take_answer(&mut self, index: usize, node: &Arc<Node>, at: (usize, usize), sent: Sent) {
        let (frame, reply) = at;
        let error = self.frames.get(frame).filter(|frame| frame.has_error()).and_then(|frame| {
            let reply = frame.replies().nth(reply).filter(|reply| reply.is_error())?;
            Some(reply.bytes().unwrap_or_default().to_vec())
        });
        if sent == Sent::Again {
            if let Some(tracked) = self.parcels.get_mut(index) {
                tracked.past.fate = Fate::Unknown;
            }
        }
        if error.is_some_and(|line| self.go_on(index, node, &line)) {
            return;
        }
        let sent = self.sent(index);
        self.settle(index, Settled { node: Some(Arc::clone(node)), end: End::Answered { frame, reply, sent } });
    }

    fn take_unit(&mut self, index: usize, flight: &Flight, mut end: GroupEnd) {
        let skip = usize::from(flight.asks);
        let redirection = {
            let replies: Vec<_> = end.answers.iter().flat_map(Frame::replies).skip(skip).collect();
            redirection_of(&replies)
        };
        if !end.again.is_empty() {
            if let Some(tracked) = self.parcels.get_mut(index) {
                tracked.past.fate = Fate::Unknown;
            }
        }
        if redirection.is_some_and(|line| self.go_on(index, &flight.node, &line)) {
            return;
        }
        if self.sent(index) == Sent::Again && end.again.is_empty() {
            end.again.push(0);
        }
        self.settle(index, Settled { node: Some(Arc::clone(&flight.node)), end: End::Unit { end, skip } });
    }

    /// The node answered with an error; returns whether the command goes on to another one.
    fn go_on(&mut self, index: usize, node: &Arc<Node>, line: &[u8]) -> bool {
        let routing = Arc::clone(&self.routing);
        let Some(tracked) = self.parcels.get_mut(index) else { return false };
        if matches!(tracked.parcel.route, Route::Node(_)) {
            return false;
        }
        let Some(redirect) = Redirect::of(line, node.address()) else {
            // The primary is asked in a way in which it can be waited for.
            if line.starts_with(READONLY) {
                // It is not tried again here, and the next one is to find the new primary.
                routing.ask_refresh();
            }
            let goes_on = tracked.may_read_elsewhere(&routing) && UNFIT.iter().any(|code| line.starts_with(code));
            if goes_on {
                tracked.past.primary_only = true;
                tracked.progress = Progress::Ready(None);
            }
            return goes_on;
        };
        tracked.past.note_refused();
        tracked.past.redirects += 1;
        routing.news().tell(Event::redirected(node.address(), redirect.named()));
        match &redirect {
            Redirect::Moved { to, .. } if to == node.address() => {
                // That node is another one than the connection leads to.
                node.displace(Displacement::Doubted);
                routing.ask_refresh();
                self.pause(index, Cause::refused(line));
            }
            Redirect::Moved { slot, to } => {
                let placed = routing.note_moved(*slot, to);
                routing.ask_refresh();
                tracked.past.primary_only = true;
                match placed {
                    Some(_) if tracked.past.redirects <= MOST_AT_ONCE => tracked.progress = Progress::Ready(None),
                    _ => self.pause(index, Cause::refused(line)),
                }
            }
            Redirect::Ask { to, .. } => match routing.known(to) {
                Some(to) if tracked.past.redirects <= MOST_AT_ONCE => tracked.progress = Progress::Ready(Some(to)),
                known => {
                    if known.is_none() {
                        routing.ask_refresh();
                    }
                    self.pause(index, Cause::refused(line));
                }
            },
            Redirect::Primary { .. } => {
                routing.ask_refresh();
                self.pause(index, Cause::refused(line));
            }
        }
        true
    }

    fn take_loss(&mut self, index: usize, node: &Arc<Node>, lost: Lost) {
        let routing = Arc::clone(&self.routing);
        let Some(tracked) = self.parcels.get_mut(index) else { return };
        tracked.past.note_lost(lost.fate);
        let is_bound = matches!(tracked.parcel.route, Route::Node(_));
        if let (Reason::Displaced(why), false) = (&lost.loss.reason, is_bound) {
            let cause = why.clone().or_else(|| tracked.past.last.take()).unwrap_or(Cause::Moved);
            tracked.past.redirects += 1;
            if lost.fate == Fate::Refused {
                routing.ask_refresh();
            }
            // A replica that is not connected to need not be waited for.
            tracked.past.primary_only |= tracked.may_fall_back(&routing, node);
            return match tracked.past.redirects <= MOST_AT_ONCE && lost.fate != Fate::Refused {
                true => tracked.progress = Progress::Ready(None),
                false => self.pause(index, cause),
            };
        }
        let is_over = matches!(lost.loss.reason, Reason::Deadline(_) | Reason::Closed);
        let may_run_twice = lost.fate != Fate::Unknown || tracked.parcel.form.repeat() == Repeat::Allowed;
        if !is_over && may_run_twice && tracked.may_fall_back(&routing, node) {
            tracked.past.primary_only = true;
            tracked.progress = Progress::Ready(None);
            return;
        }
        let (fate, last) = (tracked.past.fate, tracked.past.last.take());
        let loss = match (&lost.loss.reason, last) {
            // What has led it there says more than that it did not come back in time.
            (Reason::Deadline(None), Some(last)) => {
                Arc::new(Loss { reason: Reason::Deadline(Some(last)), ..Loss::clone(&lost.loss) })
            }
            _ => Arc::clone(&lost.loss),
        };
        self.settle(index, Settled { node: Some(Arc::clone(node)), end: End::Lost(Lost { fate, loss, ..lost }) });
    }

    /// It is tried again after a pause that grows each time, or when the topology has changed.
    fn pause(&mut self, index: usize, cause: Cause) {
        let Some(tracked) = self.parcels.get_mut(index) else { return };
        tracked.past.last = Some(cause);
        let pause = pause(tracked.past.pauses);
        tracked.past.pauses = tracked.past.pauses.saturating_add(1);
        self.pause_until(index, now() + pause);
    }

    fn pause_until(&mut self, index: usize, until: Instant) {
        if self.deadline.is_some_and(|deadline| deadline <= now()) {
            return self.lose(index, None, Reason::Deadline(None));
        }
        if let Some(tracked) = self.parcels.get_mut(index) {
            tracked.progress = Progress::Paused(until);
        }
    }

    fn lose(&mut self, index: usize, node: Option<Arc<Node>>, reason: Reason) {
        let Some(tracked) = self.parcels.get_mut(index) else { return };
        let reason = match reason {
            Reason::Deadline(None) => {
                Reason::Deadline(tracked.past.last.take().or_else(|| self.routing.last_failure()))
            }
            reason => reason,
        };
        let attempts = tracked.past.redirects;
        let loss = Loss { reason, stage: Stage::Topology, attempts, silent: None, waiting: 0 };
        let lost = Lost::new(tracked.past.fate, &Arc::new(loss));
        self.settle(index, Settled { node, end: End::Lost(lost) });
    }

    fn settle(&mut self, index: usize, settled: Settled) {
        // What no node was found for counts all the same.
        let issued = self.note_issued(index);
        self.routing.counters().count_issued(issued as u64);
        if let Some(tracked) = self.parcels.get_mut(index) {
            tracked.progress = Progress::Settled(settled);
            self.open -= 1;
        }
    }

    fn sent(&self, index: usize) -> Sent {
        let may_have_run = self.parcels.get(index).is_some_and(|tracked| tracked.past.fate == Fate::Unknown);
        if may_have_run { Sent::Again } else { Sent::Once }
    }
}

impl Tracked {
    /// Whether it goes to whichever node may answer reads.
    fn may_read_elsewhere(&self, routing: &Routing) -> bool {
        self.parcel.reads && !self.past.primary_only && routing.reads_elsewhere()
    }

    /// Whether it was sent to a node that may not be the one that has to have the key.
    fn may_fall_back(&self, routing: &Routing, node: &Arc<Node>) -> bool {
        let Route::Slot(slot) = self.parcel.route else { return false };
        let snapshot = routing.snapshot();
        let primary = snapshot.as_ref().and_then(|snapshot| snapshot.primary(slot).cloned());
        self.parcel.reads && !self.past.primary_only && primary.is_some_and(|primary| !Arc::ptr_eq(&primary, node))
    }

    /// What has been settled.
    fn into_settled(self) -> Option<Settled> {
        match self.progress {
            Progress::Settled(settled) => Some(settled),
            _ => None,
        }
    }
}

/// Of the answers to a transaction of which nothing ran: what says that another node has the keys.
fn redirection_of(replies: &[Reply<'_>]) -> Option<Vec<u8>> {
    let (last, others) = replies.split_last()?;
    let is_redirection = |line: &&[u8]| line.starts_with(b"MOVED ") || line.starts_with(b"ASK ");
    let last = last.bytes().filter(|_| last.is_error())?;
    if is_redirection(&last) {
        // By then it had said QUEUED to all of them, and slots have moved since.
        return others.iter().all(|reply| !reply.is_error()).then(|| last.to_vec());
    }
    let errors = others.iter().filter(|reply| reply.is_error()).filter_map(|reply| reply.bytes());
    let redirection = errors.into_iter().find(is_redirection);
    redirection.filter(|_| last.starts_with(b"EXECABORT")).map(<[u8]>::to_vec)
}

/// Whether a node says by this error that another one may be able to run the command.
pub(crate) fn is_setback(line: &[u8]) -> bool {
    line.starts_with(b"MOVED ")
        || line.starts_with(b"ASK ")
        || line.starts_with(b"REDIRECT ")
        || line.starts_with(READONLY)
        || UNFIT.iter().any(|code| line.starts_with(code))
}

/// Lets the next command, or transaction, into a node to which its slot is being moved.
const ASKING: &[u8] = b"*1\r\n$6\r\nASKING\r\n";

/// A node says by this that it is no primary, or not any more.
const READONLY: &[u8] = b"READONLY";

/// With these a replica says that it cannot answer, for reasons that the primary need not have.
const UNFIT: [&[u8]; 4] = [b"LOADING", b"MASTERDOWN", b"CLUSTERDOWN", b"TRYAGAIN"];

/// How long the first topology is waited for at a time: whoever finds it tells.
const TOPOLOGY_PAUSE: Duration = Duration::from_secs(60);
