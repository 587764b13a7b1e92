//! Tells the counters and the observer how calls end.

use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use super::config::Config;
use super::handle::Client;
use super::observer::{Ending, Observation, Observer};
use super::report::Name;
use crate::driver::{Passage, ReplySlot, Trace, now};
use crate::error::{Error, ErrorKind, ErrorPart};
use crate::outcome::Fate;

/// An observer, and what its observations have in common.
pub(super) struct Witness {
    observer: Arc<dyn Observer>,
    /// The number of the database.
    namespace: String,
}

/// A call that has ended: when it began, and what was noted of its commands. None of it is known where nobody observes.
pub(super) struct Ended {
    trace: Option<Trace>,
    /// How many commands it consisted of.
    commands: usize,
}

impl Witness {
    /// That of a configuration; `None` if it has no observer.
    pub(super) fn of(config: &Config) -> Option<Arc<Self>> {
        let observer = config.observer()?;
        Some(Arc::new(Self { observer, namespace: config.database().to_string() }))
    }
}

impl Witness {
    /// The same observer, of another database.
    pub(super) fn for_database(&self, number: u32) -> Arc<Self> {
        Arc::new(Self { observer: Arc::clone(&self.observer), namespace: number.to_string() })
    }
}

impl Ended {
    /// A call of `commands` commands that waited in `slot`, if it came to that.
    pub(super) fn of(slot: Option<&ReplySlot>, commands: usize) -> Self {
        Self { trace: slot.and_then(ReplySlot::take_trace), commands }
    }

    /// When it was first polled; one that ended in that very moment has no trace.
    fn queued(&self, now: Instant) -> Instant {
        self.trace.as_ref().and_then(Trace::queued).unwrap_or(now)
    }

    /// The way of the command at `place`; `None`: it was not to be sent.
    fn passage(&self, place: Option<usize>) -> Passage {
        self.trace.as_ref().zip(place).map(|(trace, place)| trace.passage(place)).unwrap_or_default()
    }
}

impl Client {
    /// The place where a call of `commands` commands waits.
    pub(super) fn slot(&self, waker: Waker, commands: usize) -> Arc<ReplySlot> {
        ReplySlot::new(waker, self.witness.as_ref().map(|_| Trace::begin(now(), commands)))
    }

    /// A call of a single command has ended; `slot` is where it waited, if it came to that.
    #[inline]
    pub(super) fn ended<T>(&self, name: &Name, slot: Option<&ReplySlot>, result: &Result<T, Error>) {
        // Nearly always there is nothing to tell.
        if result.is_err() || self.is_observed() {
            self.tell(name, Some(0), &Ended::of(slot, 1), result.as_ref().err());
        }
    }

    /// A call on a connection of its own has ended, after this way if that was noted.
    pub(super) fn ended_on_its_own<T>(&self, name: &Name, way: Option<Trace>, result: &Result<T, Error>) {
        self.tell(name, Some(0), &Ended { trace: way, commands: 1 }, result.as_ref().err());
    }

    /// The caller of a call on a connection of its own has gone before it had the end.
    pub(super) fn cancelled_on_its_own(&self, name: &Name, way: Option<Trace>) {
        self.observe(name, Some(0), &Ended { trace: way, commands: 1 }, Ending::Cancelled);
        self.counters().count_cancelled(1);
    }

    /// One command of a call has ended, at `place` among those that were sent.
    pub(super) fn tell(&self, name: &Name, place: Option<usize>, call: &Ended, error: Option<&Error>) {
        if let Some(error) = error {
            self.counters().count_failed(worst_fate(error));
            if matches!(error.kind(), ErrorKind::NeedsDedicated | ErrorKind::CrossSlot | ErrorKind::Arguments) {
                self.counters().count_turned_away();
            }
        }
        self.observe(name, place, call, error.map_or(Ending::Answered, Ending::Failed));
    }

    /// The caller of a call has gone before it had the end: of `commands`, each with its place among those that were
    /// sent, if it was to be.
    pub(super) fn cancelled(&self, slot: &ReplySlot, commands: impl ExactSizeIterator<Item = (Name, Option<usize>)>) {
        let call = Ended::of(Some(slot), commands.len());
        let mut posted = 0;
        for (name, place) in commands {
            posted += usize::from(place.is_some());
            self.observe(&name, place, &call, Ending::Cancelled);
        }
        self.counters().count_cancelled(posted);
    }

    /// Whether somebody wants to know of every command.
    pub(super) fn is_observed(&self) -> bool {
        self.witness.is_some()
    }

    /// Tells the observer, if there is one.
    fn observe(&self, name: &Name, place: Option<usize>, call: &Ended, ending: Ending<'_>) {
        let Some(witness) = &self.witness else { return };
        let ended = now();
        witness.observer.observe(&Observation {
            name: name.as_str(),
            node: self.address(),
            namespace: &witness.namespace,
            batch_size: call.commands,
            queued: call.queued(ended),
            passage: call.passage(place),
            ended,
            ending,
        });
    }
}

/// What became of the part of a command of which least is known, or most was done, if it went to several nodes.
fn worst_fate(error: &Error) -> Fate {
    let rank = |fate: Fate| match fate {
        Fate::NotSent => 0,
        Fate::Refused => 1,
        Fate::Executed => 2,
        Fate::Unknown | Fate::Partial => 3,
    };
    let parts = error.parts().iter().map(ErrorPart::fate).max_by_key(|fate| rank(*fate));
    parts.unwrap_or_else(|| error.fate())
}
