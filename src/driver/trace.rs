//! What an observer wants to know of a call on its way.

use std::time::Instant;

/// The way of a call's commands, as far as they have got. Exists only where an observer is installed.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    /// When the call was first polled.
    queued: Option<Instant>,
    first: Passage,
    /// Those of a pipeline, but for its first; a single command needs no list.
    rest: Vec<Passage>,
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

impl Trace {
    /// A call of `commands` commands.
    pub(crate) fn begin(queued: Instant, commands: usize) -> Box<Self> {
        let rest = vec![Passage::default(); commands.saturating_sub(1)];
        Box::new(Self { queued: Some(queued), first: Passage::default(), rest })
    }

    /// When the call was first polled.
    pub(crate) fn queued(&self) -> Option<Instant> {
        self.queued
    }

    /// The way of the command at `place`, so far.
    pub(crate) fn passage(&self, place: usize) -> Passage {
        let rest = || self.rest.get(place.checked_sub(1)?).copied();
        if place == 0 { self.first } else { rest().unwrap_or_default() }
    }

    pub(super) fn note_written(&mut self, place: usize, now: Instant) {
        if let Some(passage) = self.at(place) {
            passage.attempts += 1;
            passage.written = Some(now);
        }
    }

    pub(super) fn note_answered(&mut self, place: usize, now: Instant) {
        if let Some(passage) = self.at(place) {
            passage.answered = Some(now);
        }
    }

    fn at(&mut self, place: usize) -> Option<&mut Passage> {
        match place.checked_sub(1) {
            None => Some(&mut self.first),
            Some(index) => self.rest.get_mut(index),
        }
    }
}
