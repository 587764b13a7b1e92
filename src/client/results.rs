//! What became of commands that were sent as one.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::plan::{Plan, Planned};
use super::queue::{Flight, Queued};
use super::report;
use crate::command::{FromReply, Reader, ServerError};
use crate::connection::{Found, GroupEnd, Lost, Sent};
use crate::driver::Outcome;
use crate::error::Error;
use crate::outcome::Address;
use crate::resp::{Frame, Items, Reply, View};

/// What became of the commands of a pipeline, or of a transaction that ran: one result each. Errors are in the results:
/// call [`check`](Self::check) where they are not looked at one by one.
#[must_use = "errors of the commands are found nowhere else"]
pub struct Results {
    /// Of which queue they are.
    queue: u64,
    commands: Plan,
    answers: Answers,
    node: Address,
    /// Which of several nodes each command went to.
    nodes: Option<Vec<Arc<Address>>>,
    /// What went wrong with commands that went to several nodes at once, by their places, ascending.
    errors: Vec<(usize, Error)>,
    within: Option<Duration>,
}

/// Names of queued commands: one [`Queued`], or a tuple of up to eight, an array or a vector of them, nested too.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what `queue()` gave",
    note = "give one `Queued`, or a tuple of up to eight, an array or a vector of them, nested too"
)]
pub trait Handles: sealed::Sealed {
    /// What they answer.
    type Answer;

    #[doc(hidden)]
    fn read(self, results: &Results) -> Result<Self::Answer, Error>;
}

mod sealed {
    pub trait Sealed {}
}

/// Where the answers are.
enum Answers {
    /// One by one.
    Apart(Apart),
    /// In one array.
    Together(Together),
}

/// The answers of a pipeline.
#[derive(Default)]
struct Apart {
    /// The answers, in order: each frame holds one or a run of them.
    frames: Vec<Frame>,
    /// How many answers come before each frame.
    starts: Vec<usize>,
    /// Where the answers are in each frame whose answers are no single values, once one of them was asked for.
    places: OnceLock<Vec<Vec<u32>>>,
    /// Where each answer is, where that is not simply one after the other.
    found: Option<Vec<Found>>,
    /// The commands that have no answer, in order, by their places among those that were to be sent.
    lost: Vec<Lost>,
    /// The commands whose answers are to a second sending, in order, by the same places.
    again: Vec<usize>,
    /// Why none of them has one.
    all_lost: Option<Lost>,
}

/// The answers of a transaction.
struct Together {
    frame: Frame,
    /// Where each of them is: to go there step by step each time would take for ever.
    places: Vec<u32>,
    /// Whether an earlier sending may have run.
    sent: Sent,
}

impl Results {
    /// Of a pipeline.
    pub(super) fn of_pipeline(flight: &mut Flight<'_>, outcome: Outcome) -> Self {
        let results = Self::new(flight, Answers::Apart(Apart::new(outcome)));
        results.tell(flight);
        results
    }

    /// Of a transaction that ran: `frame` ends with the answer to EXEC.
    pub(super) fn of_transaction(flight: &mut Flight<'_>, frame: Frame, sent: Sent) -> Self {
        let results = Self::new(flight, Answers::Together(Together::new(frame, sent)));
        results.tell(flight);
        results
    }

    /// Of no commands.
    pub(super) fn empty(flight: &mut Flight<'_>) -> Self {
        Self::new(flight, Answers::Apart(Apart::default()))
    }

    fn new(flight: &mut Flight<'_>, answers: Answers) -> Self {
        let (queue, node, within) = (flight.number(), flight.node().clone(), flight.within());
        let (nodes, errors) = (flight.nodes().cloned(), flight.take_errors());
        Self { queue, commands: flight.take_plan(), answers, node, nodes, errors, within }
    }

    /// The result of one command, or those of several that are given as a tuple, an array or a vector: all of them, or
    /// the first error.
    ///
    /// ```no_run
    /// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
    /// use steadfast::api::Strings;
    ///
    /// let mut pipeline = client.pipeline();
    /// let queued = (pipeline.incr("visits").queue(), pipeline.get::<String>("name").queue());
    /// let (visits, name) = pipeline.execute().await.get(queued)?;
    /// # let (_, _): (i64, Option<String>) = (visits, name);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As for a single call: the server's error, a reply of another shape, or why there was no answer, each with what
    /// became of that command.
    ///
    /// # Panics
    /// If `queued` comes from another pipeline or transaction.
    pub fn get<Q: Handles>(&self, queued: Q) -> Result<Q::Answer, Error> {
        queued.read(self)
    }

    /// The results in the order in which the commands were queued, each converted to `T`. As often as it is called, and
    /// as any type: what did not fit one type can be had as another.
    pub fn iter<T: FromReply>(&self) -> impl ExactSizeIterator<Item = Result<T, Error>> {
        let mut answers = self.answers.iter();
        self.commands.iter().map(move |planned| match &planned.place {
            Ok(place) => {
                let reply = if self.answers.loss(*place).is_none() { answers.next() } else { None };
                match self.failure(&planned, *place) {
                    Some(error) => Err(error),
                    None => self.answer(&planned, reply, T::from_reply),
                }
            }
            Err(unfit) => Err(report::unfit(&planned.name, unfit)),
        })
    }

    /// How many commands there were.
    pub fn len(&self) -> usize {
        self.commands.len()
    }

    /// Whether there was no command.
    pub fn is_empty(&self) -> bool {
        self.commands.len() == 0
    }

    /// Whether every command was answered, and none with an error.
    ///
    /// # Errors
    /// That of the first command that was not.
    pub fn check(&self) -> Result<(), Error> {
        self.iter::<()>().collect()
    }

    /// Tells the counters and the observer what became of each command.
    fn tell(&self, flight: &Flight<'_>) {
        if self.answers.are_all_well(self.commands.len()) && !flight.is_observed() {
            return;
        }
        let errors: Vec<_> = self.iter::<()>().map(Result::err).collect();
        flight.tell(&self.commands, |index| errors.get(index).and_then(Option::as_ref));
    }

    fn at<T>(&self, queued: Queued<T>) -> Result<T, Error> {
        assert_eq!(queued.queue, self.queue, "the command was queued in another pipeline or transaction");
        let planned = self.commands.get(queued.index).expect("it was queued, and nothing is taken away");
        match &planned.place {
            Ok(place) => match self.failure(&planned, *place) {
                Some(error) => Err(error),
                None => self.answer(&planned, self.answers.at(*place), queued.reader),
            },
            Err(unfit) => Err(report::unfit(&planned.name, unfit)),
        }
    }

    /// Why the command at this place, of those that were sent, has no answer; `None`: it has one.
    fn failure(&self, planned: &Planned, place: usize) -> Option<Error> {
        if let Ok(index) = self.errors.binary_search_by_key(&place, |(place, _)| *place) {
            return self.errors.get(index).map(|(_, error)| error.clone());
        }
        self.answers.loss(place).map(|lost| self.lost(planned, lost))
    }

    fn answer<T>(&self, planned: &Planned, reply: Option<Reply<'_>>, reader: Reader<T>) -> Result<T, Error> {
        let name = &planned.name;
        let Some(reply) = reply else { return Err(report::closed(name)) };
        match reply.bytes() {
            Some(line) if reply.is_error() => {
                let sent = planned.place.as_ref().map_or(Sent::Once, |place| self.answers.sent(*place));
                Err(report::server(name, self.node(planned), ServerError::from_bytes(line), sent))
            }
            _ => reader(reply).map_err(|error| report::conversion(name, self.node(planned), error)),
        }
    }

    /// The node that had the command.
    fn node(&self, planned: &Planned) -> &Address {
        let nodes = self.nodes.as_ref().zip(planned.place.as_ref().ok());
        nodes.and_then(|(nodes, place)| nodes.get(*place)).map_or(&self.node, |node| node)
    }

    fn lost(&self, planned: &Planned, lost: &Lost) -> Error {
        report::lost(&planned.name, self.node(planned), self.within, lost)
    }
}

impl Answers {
    /// Those that came, in order.
    fn iter(&self) -> impl Iterator<Item = Reply<'_>> {
        let (frames, found, together) = match self {
            Answers::Apart(apart) => match &apart.found {
                Some(found) => (&[][..], Some((apart, found)), None),
                None => (apart.frames.as_slice(), None, None),
            },
            Answers::Together(together) => (&[][..], None, Some(together.iter())),
        };
        let apart = found
            .into_iter()
            .flat_map(|(apart, found)| found.iter().filter_map(|found| apart.reply(found.frame, found.reply)));
        frames.iter().flat_map(Frame::replies).chain(apart).chain(together.into_iter().flatten())
    }

    /// Whether each of so many commands has an answer that is no error.
    fn are_all_well(&self, commands: usize) -> bool {
        match self {
            Answers::Apart(Apart { frames, found: None, .. }) => {
                let answered: usize = frames.iter().map(Frame::len).sum();
                answered == commands && !frames.iter().any(Frame::has_error)
            }
            Answers::Apart(_) => false,
            Answers::Together(together) => !together.iter().any(Reply::is_error),
        }
    }

    fn at(&self, place: usize) -> Option<Reply<'_>> {
        match self {
            Answers::Apart(apart) => apart.at(place),
            Answers::Together(together) => together.places.get(place).map(|at| Reply::new(&together.frame, *at)),
        }
    }

    /// Why a command has no answer; `None` if it has one.
    fn loss(&self, place: usize) -> Option<&Lost> {
        match self {
            Answers::Apart(apart) => apart.loss(place),
            Answers::Together(..) => None,
        }
    }

    fn sent(&self, place: usize) -> Sent {
        match self {
            Answers::Apart(apart) if apart.again.binary_search(&place).is_ok() => Sent::Again,
            Answers::Apart(_) => Sent::Once,
            Answers::Together(together) => together.sent,
        }
    }
}

impl Apart {
    fn new(outcome: Outcome) -> Self {
        let (end, all_lost) = match outcome {
            Outcome::Group(end) => (end, None),
            Outcome::Answered(frame, _) => (GroupEnd { answers: vec![frame], ..GroupEnd::default() }, None),
            Outcome::Lost(lost) => (GroupEnd::default(), Some(lost)),
        };
        let GroupEnd { answers: frames, lost, again, found } = end;
        let starts = frames
            .iter()
            .scan(0, |next, frame| {
                let start = *next;
                *next += frame.len();
                Some(start)
            })
            .collect();
        Self { frames, starts, places: OnceLock::new(), found, lost, again, all_lost }
    }

    fn loss(&self, place: usize) -> Option<&Lost> {
        let found = self.lost.binary_search_by_key(&place, |lost| lost.place).ok();
        self.all_lost.as_ref().or_else(|| self.lost.get(found?))
    }

    fn at(&self, place: usize) -> Option<Reply<'_>> {
        // The answers are without those of the commands that have none.
        let place = place - self.lost.partition_point(|lost| lost.place < place);
        if let Some(found) = &self.found {
            return found.get(place).and_then(|found| self.reply(found.frame, found.reply));
        }
        let index = self.starts.partition_point(|start| *start <= place).checked_sub(1)?;
        self.reply(index, place - self.starts.get(index)?)
    }

    /// An answer by its place in the frame of this index.
    fn reply(&self, index: usize, place: usize) -> Option<Reply<'_>> {
        let frame = self.frames.get(index)?;
        if frame.is_flat_run() {
            return frame.replies().nth(place);
        }
        let places = self.places.get_or_init(|| {
            let of = |frame: &Frame| if frame.is_flat_run() { Vec::new() } else { places(frame.replies()) };
            self.frames.iter().map(of).collect()
        });
        places.get(index)?.get(place).map(|at| Reply::new(frame, *at))
    }
}

impl Together {
    /// `frame` ends with the answer to EXEC.
    fn new(frame: Frame, sent: Sent) -> Self {
        let places = elements(&frame).map(places).unwrap_or_default();
        Self { frame, places, sent }
    }

    fn iter(&self) -> impl Iterator<Item = Reply<'_>> {
        self.places.iter().map(|at| Reply::new(&self.frame, *at))
    }
}

/// Where each of them is.
fn places(mut items: Items<'_>) -> Vec<u32> {
    let mut places = Vec::with_capacity(items.len());
    while items.len() > 0 {
        places.push(items.place());
        items.next();
    }
    places
}

/// The answers inside the answer to EXEC, which is the last one of the frame.
fn elements(frame: &Frame) -> Option<Items<'_>> {
    match frame.replies().nth(frame.len().checked_sub(1)?)?.view() {
        Ok(View::Array(items)) => Some(items),
        _ => None,
    }
}

impl<T> sealed::Sealed for Queued<T> {}

impl<T> Handles for Queued<T> {
    type Answer = T;

    fn read(self, results: &Results) -> Result<T, Error> {
        results.at(self)
    }
}

impl<Q: Handles> sealed::Sealed for Vec<Q> {}

impl<Q: Handles> Handles for Vec<Q> {
    type Answer = Vec<Q::Answer>;

    fn read(self, results: &Results) -> Result<Self::Answer, Error> {
        self.into_iter().map(|queued| queued.read(results)).collect()
    }
}

impl<Q: Handles, const N: usize> sealed::Sealed for [Q; N] {}

impl<Q: Handles, const N: usize> Handles for [Q; N] {
    type Answer = Vec<Q::Answer>;

    fn read(self, results: &Results) -> Result<Self::Answer, Error> {
        self.into_iter().map(|queued| queued.read(results)).collect()
    }
}

macro_rules! tuples {
    ($($name:ident)+) => {
        impl<$($name: Handles),+> sealed::Sealed for ($($name,)+) {}

        impl<$($name: Handles),+> Handles for ($($name,)+) {
            type Answer = ($($name::Answer,)+);

            fn read(self, results: &Results) -> Result<Self::Answer, Error> {
                #[expect(non_snake_case, reason = "the macro names the fields by their types")]
                let ($($name,)+) = self;
                Ok(($($name.read(results)?,)+))
            }
        }
    };
}

tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);
tuples!(A B C D E F G H I);
tuples!(A B C D E F G H I J);
tuples!(A B C D E F G H I J K);
tuples!(A B C D E F G H I J K L);

impl fmt::Debug for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lost = match &self.answers {
            Answers::Apart(apart) => apart.lost.len(),
            Answers::Together(..) => 0,
        };
        f.debug_struct("Results").field("commands", &self.len()).field("lost", &lost).finish_non_exhaustive()
    }
}
