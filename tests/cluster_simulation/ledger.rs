//! What callers were told, to be held against what the nodes have.

use std::collections::{BTreeMap, BTreeSet};

use steadfast::{Error, Fate};

use crate::world::World;

/// What became of all commands that write, as far as their callers know.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Each with its key.
    appended: Vec<(String, String, Became)>,
    counters: BTreeMap<String, Counter>,
    registers: BTreeMap<String, Register>,
    pub(crate) complaints: Vec<String>,
    pub(crate) calls: u64,
    pub(crate) errors: BTreeMap<String, u64>,
}

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Became {
    /// It was run, once.
    Done,
    /// It was not run and never will be.
    Never,
    /// Nobody knows: it may have been run, or may be later, once.
    Maybe,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    begun: u64,
    done: u64,
    maybe: u64,
}

/// A key that one caller alone writes, with growing numbers.
#[derive(Debug, Default)]
struct Register {
    begun: u64,
    done: u64,
    maybe: BTreeSet<u64>,
    never: BTreeSet<u64>,
    seen: BTreeSet<u64>,
}

impl Became {
    pub(crate) fn of<T>(result: &Result<T, Error>) -> Self {
        match result.as_ref().map_err(Error::fate) {
            Ok(_) => Self::Done,
            Err(Fate::NotSent | Fate::Refused) => Self::Never,
            Err(_) => Self::Maybe,
        }
    }
}

impl Ledger {
    pub(crate) fn complain(&mut self, what: impl std::fmt::Display) {
        self.complaints.push(what.to_string());
    }

    pub(crate) fn note_appended(&mut self, key: &str, token: &str, became: Became) {
        self.appended.push((key.to_owned(), token.to_owned(), became));
    }

    pub(crate) fn begin_count(&mut self, key: &str) {
        self.counters.entry(key.to_owned()).or_default().begun += 1;
    }

    pub(crate) fn note_counted(&mut self, key: &str, became: Became) {
        let counter = self.counters.entry(key.to_owned()).or_default();
        match became {
            Became::Done => counter.done += 1,
            Became::Maybe => counter.maybe += 1,
            Became::Never => counter.begun -= 1,
        }
    }

    /// The number to write next.
    pub(crate) fn begin_write(&mut self, key: &str) -> u64 {
        let register = self.registers.entry(key.to_owned()).or_default();
        register.begun += 1;
        register.begun
    }

    pub(crate) fn note_written(&mut self, key: &str, number: u64, became: Became) {
        let register = self.registers.entry(key.to_owned()).or_default();
        let seen = register.seen.contains(&number);
        match became {
            Became::Done => register.done = register.done.max(number),
            Became::Maybe => drop(register.maybe.insert(number)),
            Became::Never => drop(register.never.insert(number)),
        }
        if became == Became::Never && seen {
            self.complain(format_args!("{key}#{number} was read, and its writer was told that it did not run"));
        }
    }

    /// The least that a read may find that begins now.
    pub(crate) fn floor(&self, key: &str) -> u64 {
        let register = self.registers.get(key).map(|register| register.done);
        register.or(self.counters.get(key).map(|counter| counter.done)).unwrap_or(0)
    }

    /// A read that began at this floor has found this.
    pub(crate) fn check_read(&mut self, key: &str, floor: u64, value: Option<&str>) {
        let Some(value) = value else {
            if floor > 0 {
                self.complain(format_args!("{key} has nothing after {floor} was written"));
            }
            return;
        };
        let (value, is_stale) = value.strip_suffix('~').map_or((value, false), |value| (value, true));
        let flaw = if key.ends_with("list") {
            check_tokens(key, value)
        } else if key.ends_with("count") {
            self.check_counter(key, if is_stale { 0 } else { floor }, value)
        } else {
            self.check_register(key, if is_stale { 0 } else { floor }, value)
        };
        if let Some(flaw) = flaw {
            self.complain(format_args!("{key} is read as {value:?}: {flaw}"));
        }
    }

    fn check_counter(&mut self, key: &str, floor: u64, value: &str) -> Option<String> {
        let counter = self.counters.get(key).copied().unwrap_or_default();
        match value.parse::<u64>() {
            Ok(number) if number >= floor && number <= counter.begun => None,
            Ok(_) => Some(format!("not from {floor} to {}", counter.begun)),
            Err(_) => Some("another key's value".to_owned()),
        }
    }

    fn check_register(&mut self, key: &str, floor: u64, value: &str) -> Option<String> {
        let Some(register) = self.registers.get_mut(key) else { return Some("never written".to_owned()) };
        let number: Option<u64> = value.strip_prefix(key).and_then(|rest| rest.strip_prefix('#')?.parse().ok());
        let Some(number) = number else { return Some("another key's value".to_owned()) };
        register.seen.insert(number);
        if register.never.contains(&number) {
            return Some("its writer was told that it did not run".to_owned());
        }
        let known = number >= floor || register.maybe.contains(&number);
        (!known || number > register.begun).then(|| format!("not from {floor} to {}", register.begun))
    }

    /// Holds everything against what the nodes have in the end.
    pub(crate) fn settle(&mut self, world: &World) {
        let mut flaws = Vec::new();
        for (key, token, became) in &self.appended {
            let times = world.value(key).map_or(0, |value| value.matches(token.as_str()).count());
            let fits = match became {
                Became::Done => times == 1,
                Became::Never => times == 0,
                Became::Maybe => times <= 1,
            };
            if !fits {
                flaws.push(format!("APPEND {key} {token} ran {times} times: {became:?}"));
            }
        }
        for (key, counter) in &self.counters {
            let value: u64 = world.value(key).and_then(|value| value.parse().ok()).unwrap_or(0);
            if value < counter.done || value > counter.done + counter.maybe {
                flaws.push(format!("{key} is {value} in the end: {counter:?}"));
            }
        }
        for key in self.registers.keys().cloned().collect::<Vec<_>>() {
            let floor = self.floor(&key);
            self.check_read(&key, floor, world.value(&key));
        }
        self.complaints.extend(flaws);
    }
}

fn check_tokens(key: &str, value: &str) -> Option<String> {
    let foreign = value.split_terminator(';').find(|token| !token.starts_with(key));
    foreign.map(|token| format!("{token} was not appended to it"))
}
