//! Commands that go to several nodes at once, with others beside them that do not: sent together, and the answers to each
//! made one.

use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::report::{self, Name};
use super::routed::{Several, Target, Way};
use crate::command::{Encoded, ServerError, Slot};
use crate::connection::Sent;
use crate::error::{Error, ErrorPart};
use crate::outcome::Address;
use crate::resp::{Frame, Reply};
use crate::topology::{
    Answer, Delivered, Dispatch, End, Node, Parcel, Part, Reach, Route, Routing, Settled, Snapshot, before, gather,
    needs_one,
};

/// What came of commands, one settled for each.
pub(super) struct Gathered {
    pub(super) delivered: Delivered,
    /// What went wrong with commands that went to several nodes, by their places, ascending. What is settled says nothing of
    /// those.
    pub(super) errors: Vec<(usize, Error)>,
}

/// A future of that.
pub(super) type Gathering = Pin<Box<dyn Future<Output = Gathered> + Send>>;

/// Commands of one caller, of which some go to several nodes.
pub(super) struct Spreading {
    pub(super) routing: Arc<Routing>,
    pub(super) deadline: Option<Instant>,
    pub(super) within: Option<Duration>,
    journeys: Vec<Journey>,
    frames: Vec<Frame>,
}

/// One command, and how far it has come.
struct Journey {
    name: Name,
    way: Way,
    source: Arc<Encoded>,
    range: Range<usize>,
    legs: Vec<Leg>,
}

/// What came of one command at one node.
struct Leg {
    /// Which keys of the whole it has.
    places: Vec<usize>,
    settled: Settled,
}

/// A parcel to be sent, and of which journey it is a leg.
struct Outgoing {
    journey: usize,
    parcel: Parcel,
    places: Vec<usize>,
}

impl Gathered {
    /// Of commands of which each went to one node.
    pub(super) fn of(dispatch: Dispatch) -> Gathering {
        Box::pin(async move { Self { delivered: dispatch.run().await, errors: Vec::new() } })
    }
}

impl Spreading {
    /// Of no command yet.
    pub(super) fn new(routing: Arc<Routing>, deadline: Option<Instant>, within: Option<Duration>) -> Self {
        Self { routing, deadline, within, journeys: Vec::new(), frames: Vec::new() }
    }

    /// Adds a command, which is the part `range` of `source`.
    pub(super) fn push(&mut self, name: Name, way: Way, source: &Arc<Encoded>, range: Range<usize>) {
        self.journeys.push(Journey { name, way, source: Arc::clone(source), range, legs: Vec::new() });
    }

    /// Until each is answered or lost.
    pub(super) async fn run(mut self) -> Gathered {
        if self.journeys.iter().any(Journey::needs_topology) && self.routing.snapshot().is_none() {
            // Whatever comes of it, who is sent is told.
            let _ = before(self.routing.ready(), self.deadline, self.routing.runtime()).await;
        }
        loop {
            // By one topology it is judged whether all have been asked, and whose answers count: else a shard could be left
            // out that changes hands in between.
            let snapshot = self.routing.snapshot().clone();
            let outgoing = self.outgoing(snapshot.as_deref());
            if outgoing.is_empty() {
                return self.finish(snapshot.as_deref());
            }
            let mut legs = Vec::with_capacity(outgoing.len());
            let mut parcels = Vec::with_capacity(outgoing.len());
            for Outgoing { journey, parcel, places } in outgoing {
                parcels.push(parcel);
                legs.push((journey, places));
            }
            let delivered = Dispatch::new(Arc::clone(&self.routing), parcels, self.deadline).run().await;
            self.take(delivered, legs);
        }
    }

    /// What is to be sent next, if anything is left to be.
    fn outgoing(&self, snapshot: Option<&Snapshot>) -> Vec<Outgoing> {
        let mut all = Vec::new();
        for (index, journey) in self.journeys.iter().enumerate() {
            let mut parcels = match journey.legs.is_empty() {
                true => journey.first_parcels(snapshot),
                false => journey.more_parcels(snapshot, &self.frames),
            };
            // However many nodes it takes, a caller has handed in one command.
            let begins = usize::from(journey.legs.is_empty());
            parcels.iter_mut().skip(begins).for_each(|(parcel, _)| parcel.is_counted = false);
            all.extend(parcels.into_iter().map(|(parcel, places)| Outgoing { journey: index, parcel, places }));
        }
        all
    }

    fn take(&mut self, delivered: Delivered, legs: Vec<(usize, Vec<usize>)>) {
        let base = self.frames.len();
        self.frames.extend(delivered.frames);
        for (mut settled, (journey, places)) in delivered.settled.into_iter().zip(legs) {
            if let End::Answered { frame, .. } = &mut settled.end {
                *frame += base;
            }
            if let Some(journey) = self.journeys.get_mut(journey) {
                journey.legs.push(Leg { places, settled });
            }
        }
    }

    /// One answer for each command.
    fn finish(mut self, snapshot: Option<&Snapshot>) -> Gathered {
        let (mut settled, mut errors) = (Vec::with_capacity(self.journeys.len()), Vec::new());
        let mut joined = Vec::new();
        let replies: Vec<Vec<Reply<'_>>> = self.frames.iter().map(|frame| frame.replies().collect()).collect();
        let address = self.routing.address();
        for (index, mut journey) in std::mem::take(&mut self.journeys).into_iter().enumerate() {
            if !journey.is_gathered() {
                settled.extend(journey.legs.pop().map(|leg| leg.settled));
                continue;
            }
            journey.leave_out(snapshot);
            match journey.gathered(&replies, self.within, address) {
                Ok(frame) => {
                    let node = journey.legs.first().and_then(|leg| leg.settled.node.clone());
                    let sent = if journey.was_sent_again() { Sent::Again } else { Sent::Once };
                    let end = End::Answered { frame: self.frames.len() + joined.len(), reply: 0, sent };
                    joined.push(frame);
                    settled.push(Settled { node, end });
                }
                Err(error) => {
                    errors.push((index, error));
                    settled.extend(journey.legs.pop().map(|leg| leg.settled));
                }
            }
        }
        drop(replies);
        self.frames.extend(joined);
        Gathered { delivered: Delivered { frames: self.frames, settled }, errors }
    }
}

impl Journey {
    fn several(&self) -> Option<&Several> {
        if let Target::Several(several) = &self.way.target { Some(several) } else { None }
    }

    /// Whether it has to be known which nodes there are before it can begin.
    fn needs_topology(&self) -> bool {
        matches!(self.several(), Some(Several::All(_)))
    }

    /// Whether several answers are to become one.
    fn is_gathered(&self) -> bool {
        self.legs.len() > 1
    }

    fn was_sent_again(&self) -> bool {
        self.legs.iter().any(|leg| matches!(leg.settled.end, End::Answered { sent: Sent::Again, .. }))
    }

    /// What it begins with.
    fn first_parcels(&self, snapshot: Option<&Snapshot>) -> Vec<(Parcel, Vec<usize>)> {
        let whole = |route| (self.to_primary(route), Vec::new());
        match self.several() {
            Some(Several::Split { parts, .. }) => {
                let mut bytes = Encoded::default();
                let starts: Vec<usize> = parts.iter().map(|part| part.command.write_to(&mut bytes)).collect();
                let source = Arc::new(bytes);
                let mut start = 0;
                let ranges = starts.into_iter().map(|len| {
                    start += len;
                    start - len..start
                });
                let parcel = |(part, range): (&Part, Range<usize>)| {
                    (self.way.on(Route::Slot(part.slot), &source, range), part.places.clone())
                };
                parts.iter().zip(ranges).map(parcel).collect()
            }
            Some(Several::All(reach)) => match snapshot {
                Some(snapshot) => routes_to_all(snapshot, *reach).into_iter().map(whole).collect(),
                // There is none to be had: that is what it ends with.
                None => vec![whole(Route::Any)],
            },
            Some(Several::Search) => vec![whole(Route::Any)],
            None => vec![(self.way.part(&self.source, self.range.clone()), Vec::new())],
        }
    }

    /// What it needs besides: of primaries that have not been asked, because they were none before, or because nobody else had
    /// what is searched.
    fn more_parcels(&self, snapshot: Option<&Snapshot>, frames: &[Frame]) -> Vec<(Parcel, Vec<usize>)> {
        let goes_on = match self.several() {
            Some(Several::All(_)) => true,
            Some(Several::Search) => {
                self.legs.iter().all(|leg| reply_of(leg, frames).is_some_and(|reply| reply.is_null()))
            }
            Some(Several::Split { .. }) | None => false,
        };
        let Some(snapshot) = snapshot.filter(|_| goes_on && !self.has_lost()) else { return Vec::new() };
        let is_new = |node: &&Arc<Node>| !self.legs.iter().any(|leg| is_of(leg, node));
        let primaries = shards_at_work(snapshot).into_iter().filter_map(|(shard, _)| snapshot.primary_of(shard));
        let routes = primaries.filter(is_new).map(|node| Route::Node(Arc::clone(node)));
        routes.map(|route| (self.to_primary(route), Vec::new())).collect()
    }

    /// All of the command, as it is. What concerns a whole shard is what its primary says.
    fn to_primary(&self, route: Route) -> Parcel {
        Parcel { reads: false, ..self.way.on(route, &self.source, self.range.clone()) }
    }

    fn has_lost(&self) -> bool {
        self.legs.iter().any(|leg| matches!(leg.settled.end, End::Lost(_)))
    }

    /// Who has answered twice counts once, and who is no primary any more is counted where it was: at the one that has taken
    /// its place.
    fn leave_out(&mut self, snapshot: Option<&Snapshot>) {
        let Some(Several::All(reach)) = self.several() else { return };
        let reach = *reach;
        let mut seen: Vec<Arc<Node>> = Vec::new();
        self.legs.retain(|leg| {
            let (Some(node), End::Answered { .. }) = (&leg.settled.node, &leg.settled.end) else { return true };
            let counts = reach == Reach::Nodes
                || snapshot.is_none_or(|snapshot| snapshot.primaries().any(|primary| Arc::ptr_eq(primary, node)));
            let is_first = !seen.iter().any(|other| Arc::ptr_eq(other, node));
            seen.extend((counts && is_first).then(|| Arc::clone(node)));
            counts && is_first
        });
    }

    /// One answer of all.
    fn gathered(
        &self,
        replies: &[Vec<Reply<'_>>],
        within: Option<Duration>,
        somewhere: &Address,
    ) -> Result<Frame, Error> {
        let facts = self.way.facts;
        let mut answers = Vec::with_capacity(self.legs.len());
        for leg in &self.legs {
            let End::Answered { frame, reply, .. } = leg.settled.end else {
                return Err(self.failed(replies, within, somewhere));
            };
            let Some(reply) = replies.get(frame).and_then(|replies| replies.get(reply)).copied() else {
                return Err(report::closed(&self.name));
            };
            if reply.is_error() && !needs_one(facts) {
                return Err(self.failed(replies, within, somewhere));
            }
            answers.push(Answer { reply, places: &leg.places });
        }
        let keys = self.legs.iter().map(|leg| leg.places.len()).sum();
        let node = self.legs.iter().find_map(|leg| leg.settled.node.as_ref()).map_or(somewhere, |node| node.address());
        gather(facts, &answers, keys).map_err(|error| report::conversion(&self.name, node, error))
    }

    /// Not all have answered, or not all well.
    fn failed(&self, replies: &[Vec<Reply<'_>>], within: Option<Duration>, somewhere: &Address) -> Error {
        let keys: Vec<&[u8]> = match self.several() {
            Some(Several::Split { whole, .. }) => whole.keys(),
            _ => Vec::new(),
        };
        let part = |leg: &Leg| {
            let node = leg.settled.node.as_ref().map(|node| node.address());
            let address = node.unwrap_or(somewhere);
            let error = match &leg.settled.end {
                End::Lost(lost) => Some(report::lost(&self.name, address, within, lost)),
                End::Answered { frame, reply, sent } => {
                    let reply = replies.get(*frame).and_then(|replies| replies.get(*reply));
                    let error = reply.filter(|reply| reply.is_error()).and_then(|reply| reply.bytes());
                    error.map(|line| report::server(&self.name, address, ServerError::from_bytes(line), *sent))
                }
                End::Unit { .. } => None,
            };
            let keys = leg.places.iter().filter_map(|place| keys.get(*place));
            ErrorPart::new(node.cloned(), keys.map(|key| Bytes::copy_from_slice(key)).collect(), error)
        };
        report::partial(&self.name, self.legs.iter().map(part).collect())
    }
}

/// All that a command goes to that goes to all.
///
/// Each shard is asked for by one of its slots, so that whoever takes the place of its primary meanwhile is asked instead. A
/// slot that nobody has is asked for too: what is there is not left out.
fn routes_to_all(snapshot: &Snapshot, reach: Reach) -> Vec<Route> {
    let to_shard = |(shard, slot): (usize, Option<Slot>)| match slot {
        Some(slot) => Some(Route::Slot(slot)),
        None => snapshot.primary_of(shard).map(|node| Route::Node(Arc::clone(node))),
    };
    let mut routes: Vec<Route> = shards_at_work(snapshot).into_iter().filter_map(to_shard).collect();
    let nobodys = (0..Slot::COUNT).filter_map(Slot::new).find(|slot| snapshot.map.shard_of(*slot).is_none());
    routes.extend(nobodys.map(Route::Slot));
    if reach == Reach::Nodes {
        routes.extend(snapshot.replicas_at_work().map(|node| Route::Node(Arc::clone(node))));
    }
    routes
}

/// The shards, each with its first slot if it has any. A primary without slots that has failed is none: another one has taken
/// its place.
fn shards_at_work(snapshot: &Snapshot) -> Vec<(usize, Option<Slot>)> {
    let shards = snapshot.map.shards();
    let mut first_slots: Vec<Option<Slot>> = vec![None; shards.len()];
    for (range, shard) in snapshot.map.ranges() {
        if let Some(first) = first_slots.get_mut(shard).filter(|first| first.is_none()) {
            *first = Slot::new(*range.start());
        }
    }
    let is_at_work = |(shard, slot): &(usize, Option<Slot>)| slot.is_some() || snapshot.has_living_primary(*shard);
    first_slots.into_iter().enumerate().filter(is_at_work).collect()
}

fn is_of(leg: &Leg, node: &Arc<Node>) -> bool {
    leg.settled.node.as_ref().is_some_and(|own| Arc::ptr_eq(own, node))
}

fn reply_of<'f>(leg: &Leg, frames: &'f [Frame]) -> Option<Reply<'f>> {
    let End::Answered { frame, reply, .. } = leg.settled.end else { return None };
    frames.get(frame)?.replies().nth(reply)
}
