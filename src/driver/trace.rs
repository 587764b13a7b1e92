//! What an observer wants to know of a call on its way.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The way of a call's commands, as far as they have got. Exists only where an observer is installed.
#[derive(Debug)]
pub(crate) struct Trace {
    /// When the call was first polled.
    queued: Instant,
    passages: Mutex<Passages>,
}

/// The way of one command.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Passage {
    /// How many times its last byte was handed over.
    pub(crate) attempts: u32,
    /// When it was, the last time.
    pub(crate) written: Option<Instant>,
    /// When its answer was read.
    pub(crate) answered: Option<Instant>,
}

/// One for each command; a call of a single one needs no list.
#[derive(Debug)]
struct Passages {
    first: Passage,
    rest: Vec<Passage>,
}

impl Trace {
    /// A call of `commands` commands.
    pub(crate) fn begin(queued: Instant, commands: usize) -> Self {
        let rest = vec![Passage::default(); commands.saturating_sub(1)];
        Self { queued, passages: Mutex::new(Passages { first: Passage::default(), rest }) }
    }

    /// When the call was first polled.
    pub(crate) fn queued(&self) -> Instant {
        self.queued
    }

    /// The way of the command at `place`, so far.
    pub(crate) fn passage(&self, place: usize) -> Passage {
        self.lock().at(place).copied().unwrap_or_default()
    }

    pub(super) fn note_written(&self, place: usize, now: Instant) {
        if let Some(passage) = self.lock().at(place) {
            passage.attempts += 1;
            passage.written = Some(now);
        }
    }

    pub(super) fn note_answered(&self, place: usize, now: Instant) {
        if let Some(passage) = self.lock().at(place) {
            passage.answered = Some(now);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Passages> {
        self.passages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Passages {
    fn at(&mut self, place: usize) -> Option<&mut Passage> {
        match place.checked_sub(1) {
            None => Some(&mut self.first),
            Some(index) => self.rest.get_mut(index),
        }
    }
}
