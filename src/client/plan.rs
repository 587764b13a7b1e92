//! The commands of a queue, in little room: a pipeline can have millions.

use std::sync::Arc;

use super::report::Name;
use crate::command::{Command, Facts, Unfit};

/// The commands that were queued, in order.
#[derive(Debug, Default)]
pub(super) struct Plan {
    facts: Vec<&'static Facts>,
    /// What is to be said of few of them, by their places in the queue, ascending.
    rare: Vec<Rare>,
}

#[derive(Debug)]
struct Rare {
    index: usize,
    /// The name of a command that the table of facts does not know.
    unknown: Option<Arc<str>>,
    unfit: Option<Unfit>,
    /// How many up to this one, it included, are not sent.
    unfit_so_far: usize,
}

/// A command that was queued.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) name: Name,
    /// Its place among those that are sent, or why it must not be sent.
    pub(super) place: Result<usize, Unfit>,
}

impl Plan {
    /// Adds a command; the last one's place in the queue is `len() - 1` then.
    pub(super) fn push(&mut self, command: &Command, unfit: Option<Unfit>) {
        let (index, unknown) = (self.facts.len(), command.unknown_name());
        self.facts.push(command.facts());
        if unknown.is_some() || unfit.is_some() {
            let before = self.rare.last().map_or(0, |rare| rare.unfit_so_far);
            let unfit_so_far = before + usize::from(unfit.is_some());
            self.rare.push(Rare { index, unknown, unfit, unfit_so_far });
        }
    }

    pub(super) fn len(&self) -> usize {
        self.facts.len()
    }

    /// The command at this place in the queue.
    pub(super) fn get(&self, index: usize) -> Option<Planned> {
        let facts = self.facts.get(index)?;
        let known = self.rare.partition_point(|rare| rare.index <= index);
        let last = known.checked_sub(1).and_then(|last| self.rare.get(last));
        let unfit_before = last.map_or(0, |rare| rare.unfit_so_far);
        let rare = last.filter(|rare| rare.index == index);
        let name = Name::new(facts, rare.and_then(|rare| rare.unknown.clone()));
        let unfit = rare.and_then(|rare| rare.unfit.clone());
        Some(Planned { name, place: unfit.map_or_else(|| Ok(index - unfit_before), Err) })
    }

    /// All commands, in order.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = Planned> {
        (0..self.len()).map(|index| self.get(index).expect("it is less than the length"))
    }

    /// The first command that must not be sent, and why.
    pub(super) fn first_unfit(&self) -> Option<(Name, &Unfit)> {
        self.rare.iter().find_map(|rare| Some((self.get(rare.index)?.name, rare.unfit.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_without_what_is_not_sent() {
        let mut plan = Plan::default();
        for (name, unfit) in [
            ("WATCH", Some(Unfit::Elsewhere("there"))),
            ("GET", None),
            ("NOSUCH", None),
            ("MULTI", Some(Unfit::Elsewhere("there"))),
            ("SET", None),
            ("NOSUCH", Some(Unfit::Arguments("x".into()))),
            ("DEL", None),
        ] {
            plan.push(&Command::new(name), unfit);
        }
        let shown: Vec<_> = plan.iter().map(|planned| (planned.name.as_str().to_owned(), planned.place.ok())).collect();
        let expected = [
            ("WATCH", None),
            ("GET", Some(0)),
            ("NOSUCH", Some(1)),
            ("MULTI", None),
            ("SET", Some(2)),
            ("NOSUCH", None),
            ("DEL", Some(3)),
        ];
        assert_eq!(shown, expected.map(|(name, place)| (name.to_owned(), place)));
        assert_eq!(plan.first_unfit().unwrap().0.as_str(), "WATCH");
        assert!(plan.get(7).is_none());
    }
}
