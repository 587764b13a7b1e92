//! What callers asked, what was handed over and run, and what callers were told: the promises, checked as it happens.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::schedule::{Bond, Call, Effect, Refused, Verb};
use super::server::Client;
use super::wire::{Said, Wire};
use crate::command::{Refusal, Retry};
use crate::connection::{Lost, Reason, Repeat, Room, Sent};
use crate::outcome::Fate;
use crate::resp::{Reply, View};

/// All commands and callers of a simulation; a command is known by its number in the order of issue, its token.
#[derive(Debug)]
pub(super) struct Ledger {
    commands: Vec<Command>,
    callers: Vec<Caller>,
    /// Those who were not told anything yet, in no order.
    waiting: Vec<u32>,
    /// Of each key, and of each `Repeat`.
    counters: [[Counter; 2]; KEYS],
    /// Per key, who wrote last; `None` for nobody.
    writers: [Option<u32>; KEYS],
    /// Per key, the newest acknowledged writer, if no late run has muddled the order.
    acknowledged: [Acknowledged; KEYS],
    claims: [Option<u32>; CLAIMS],
    /// Connections that died with something sent.
    pub(super) deaths: u32,
    /// What was the oldest command that was sent in full and not answered, when the last one died, and in how many deaths
    /// in a row.
    suspect: Option<(u32, u32)>,
}

/// One command.
#[derive(Debug)]
struct Command {
    verb: Verb,
    caller: u32,
    len: usize,
    /// How many connections have taken it in full.
    handed: u32,
    ran: u32,
    /// How many of those sendings the server refused, and of how many of them the client has read so.
    refused: u32,
    refusals_read: u32,
    /// It was to be held back when it was posted.
    held: bool,
    told: Told,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    Answer,
    Loss(Fate),
}

#[derive(Debug)]
struct Caller {
    first: u32,
    count: u32,
    bond: Bond,
    /// What it takes up: commands, and their bytes.
    room: Room,
    deadline: Option<Instant>,
    gone: Option<Instant>,
    told: bool,
    /// How many connections had died with something sent when it came.
    deaths_before: u32,
}

/// A key that is counted up, by commands that may be sent again, or by others.
#[derive(Clone, Copy, Debug, Default)]
struct Counter {
    value: u64,
    acknowledged: u64,
    /// Of how many callers were told, or went away before they were, that what became of them is unknown.
    unknown: u64,
    newest_acknowledged: Option<u32>,
    /// Commands that were refused have run out of their order.
    muddled: bool,
}

#[derive(Clone, Copy, Debug)]
enum Acknowledged {
    Nobody,
    Writer(u32),
    Muddled,
}

/// What may explain that a command is lost although it might have been sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Excuse {
    None,
    /// The link does not let commands wait now, or is ending.
    TurnsAway,
}

impl Ledger {
    pub(super) fn new() -> Self {
        Self {
            commands: Vec::new(),
            callers: Vec::new(),
            waiting: Vec::new(),
            counters: [[Counter::default(); 2]; KEYS],
            writers: [None; KEYS],
            acknowledged: [Acknowledged::Nobody; KEYS],
            claims: [None; CLAIMS],
            deaths: 0,
            suspect: None,
        }
    }

    /// A caller posts commands of these lengths; returns its number.
    pub(super) fn post(&mut self, call: &Call, lens: &[usize], pause: Pause, now: Instant) -> u32 {
        let (caller, first) = (self.callers.len() as u32, self.next_token());
        for (verb, len) in call.commands.iter().zip(lens) {
            let told = Told::Nothing;
            let (repeat, retry) = match call.bond {
                Bond::Transaction => strictest_of(&call.commands),
                Bond::Pipeline => (verb.repeat, verb.retry),
            };
            self.commands.push(Command {
                verb: Verb { repeat, retry, ..*verb },
                caller,
                len: *len,
                handed: 0,
                ran: 0,
                refused: 0,
                refusals_read: 0,
                held: pause == Pause::Link && strictest_of(&call.commands).1 != Retry::Never,
                told,
            });
        }
        self.callers.push(Caller {
            first,
            count: call.commands.len() as u32,
            bond: call.bond,
            room: Room::default(),
            deadline: call.within.map(|within| now + within),
            gone: None,
            told: false,
            deaths_before: self.deaths,
        });
        self.waiting.push(caller);
        caller
    }

    /// What a caller takes up.
    pub(super) fn take_room(&mut self, caller: u32, room: Room) {
        self.callers[caller as usize].room = room;
    }

    pub(super) fn next_token(&self) -> u32 {
        self.commands.len() as u32
    }

    pub(super) fn callers(&self) -> usize {
        self.callers.len()
    }

    pub(super) fn leave(&mut self, caller: u32, now: Instant) {
        self.callers[caller as usize].gone.get_or_insert(now);
    }

    /// A socket has taken a command in full.
    pub(super) fn handed(&mut self, wire: &Wire, token: u32, len: usize, now: Instant) {
        let command = &mut self.commands[token as usize];
        let caller = &self.callers[command.caller as usize];
        assert_eq!(command.len, len, "{token}: bytes were lost or added");
        let may_have_run = command.handed > command.refusals_read;
        command.handed += 1;
        let told = command.told;
        assert!(
            told == Told::Nothing || wire.may_complete_the_told,
            "{token} is sent after its caller was told {told:?}"
        );
        assert!(!may_have_run || command.verb.repeat == Repeat::Allowed, "{token} must not be sent again: {command:?}");
        let established = wire.established.expect("commands are sent after the handshake");
        assert!(caller.gone.is_none_or(|gone| gone >= established), "{token} is sent although its caller had gone");
        let late = caller.deadline.is_some_and(|deadline| deadline <= now);
        assert!(!late || wire.may_complete_the_told, "{token} is sent after its deadline");
    }

    /// The server looks at a command that has come whole; returns what it does.
    pub(super) fn verb(&self, token: u32) -> Verb {
        self.commands[token as usize].verb
    }

    /// The server runs a command; returns the value of its answer.
    pub(super) fn run(&mut self, wire: &mut Wire, token: u32, client: Client) -> u64 {
        let command = &mut self.commands[token as usize];
        let out_of_order = command.refused > 0 || command.held;
        if command.refused == 0 {
            let last = wire.last_run[usize::from(command.held)].replace(token);
            assert!(last.is_none_or(|last| last < token), "{token} runs after {last:?} on connection {}", wire.number);
        }
        command.ran += 1;
        assert!(command.ran <= command.handed, "{token} runs more often than it was sent: {command:?}");
        let key = usize::from(command.verb.key);
        match command.verb.effect {
            Effect::Read => self.writers[key].map_or(0, |writer| u64::from(writer) + 1),
            Effect::Claim => u64::from(*self.claims[key].get_or_insert(token) == token && command.ran == 1),
            Effect::Write => {
                self.writers[key] = Some(token);
                if client == Client::Gone || out_of_order {
                    self.acknowledged[key] = Acknowledged::Muddled;
                }
                0
            }
            Effect::Count => {
                let counter = &mut self.counters[key][command.verb.repeat as usize];
                counter.value += 1;
                counter.muddled |= out_of_order;
                counter.value
            }
        }
    }

    /// The server refuses to run a command.
    pub(super) fn refuse(&mut self, token: u32) {
        self.commands[token as usize].refused += 1;
    }

    /// The client has read that a command was refused.
    pub(super) fn refusal_read(&mut self, token: u32) {
        let command = &mut self.commands[token as usize];
        command.refusals_read += 1;
        if self.suspect.is_some_and(|(suspect, _)| suspect == token) {
            self.suspect = None;
        }
    }

    /// A caller is told how its call ended.
    pub(super) fn tell(&mut self, caller: u32, ending: Ending<'_>, at: Telling) {
        let Caller { first, count, bond, told, .. } = self.callers[caller as usize];
        assert!(!told, "caller {caller} was told twice");
        self.callers[caller as usize].told = true;
        self.waiting.retain(|waiting| *waiting != caller);
        if bond == Bond::Transaction {
            return self.tell_transaction(first..first + count, &ending, at);
        }
        // A pipeline that ends early ends with the answers that it has.
        let is_whole = ending.lost.is_empty();
        let mut answers = ending.answers.into_iter();
        let mut lost = ending.lost.iter().peekable();
        for place in 0..count {
            let token = first + place;
            if let Some(lost) = lost.next_if(|lost| lost.place == place as usize) {
                self.tell_loss(token, lost, at);
            } else {
                let sent = if ending.again.contains(&(place as usize)) { Sent::Again } else { Sent::Once };
                let answer = answers.next().expect("each command has an answer or is lost");
                self.tell_answer(token, answer, sent, is_whole);
            }
        }
        assert!(answers.next().is_none() && lost.next().is_none(), "caller {caller} was told more than it asked");
    }

    /// A transaction has one end: that of all its commands.
    fn tell_transaction(&mut self, tokens: Range<u32>, ending: &Ending<'_>, at: Telling) {
        if let [lost] = ending.lost {
            return tokens.for_each(|token| self.tell_loss(token, lost, at));
        }
        assert_eq!((ending.answers.len(), ending.lost.len()), (tokens.len() + 2, 0), "each command has an answer");
        let sent = if ending.again.is_empty() { Sent::Once } else { Sent::Again };
        let exec = ending.answers[tokens.len() + 1];
        let Ok(View::Array(answers)) = exec.view() else {
            assert!(exec.is_error(), "{exec:?}");
            return tokens.zip(&ending.answers[1..]).for_each(|(token, _)| self.tell_refused(token, sent));
        };
        tokens.zip(answers).for_each(|(token, answer)| self.tell_answer(token, answer, sent, true));
    }

    /// The server's answer is that it did not run a command.
    fn tell_refused(&mut self, token: u32, sent: Sent) {
        let command = &mut self.commands[token as usize];
        assert_eq!(command.told, Told::Nothing, "{token} was told twice");
        command.told = Told::Answer;
        let lost = i64::from(command.handed) - i64::from(command.refusals_read);
        assert!(lost >= 0 && command.refusals_read > 0, "{token} was not refused: {command:?}");
        assert_eq!(sent == Sent::Again, lost > 0, "not {sent:?}: {command:?}");
    }

    fn tell_answer(&mut self, token: u32, answer: Reply<'_>, sent: Sent, is_whole: bool) {
        let command = &mut self.commands[token as usize];
        assert_eq!(command.told, Told::Nothing, "{token} was told twice");
        command.told = Told::Answer;
        let (number, value) = match Text::of(answer) {
            Text::Value(number, value) => (number, Some(value)),
            Text::Refused(number) => {
                let line = answer.bytes().filter(|_| is_whole);
                let waits = line.and_then(|line| Refusal::covered(line, command.verb.retry));
                assert_eq!(waits, None, "{token} was to be tried again");
                (number, None)
            }
        };
        let lost = i64::from(command.handed) - i64::from(command.refusals_read) - i64::from(value.is_some());
        assert!(lost >= 0, "{token} was answered before it was sent: {command:?}");
        assert_eq!(sent == Sent::Again, lost > 0, "not {sent:?}: {command:?}");
        let Some(value) = value else { return assert_eq!(number, token, "the refusal belongs to another command") };
        assert_eq!(number, token, "the answer belongs to another command");
        assert!(command.ran >= 1, "{token} was answered and has not run");
        let key = usize::from(command.verb.key);
        match command.verb.effect {
            Effect::Read => {
                if let Acknowledged::Writer(writer) = self.acknowledged[key] {
                    let is_new = value > u64::from(writer) || writer > token;
                    assert!(is_new, "{token} reads {value}, and {writer} was acknowledged");
                }
            }
            Effect::Claim if value == 0 && sent == Sent::Once => {
                assert_ne!(self.claims[key], Some(token), "{token} was told that it was too late");
            }
            Effect::Claim => assert!(value == 0 || self.claims[key] == Some(token)),
            Effect::Write => match &mut self.acknowledged[key] {
                Acknowledged::Muddled => {}
                Acknowledged::Writer(writer) if *writer > token => {}
                acknowledged => *acknowledged = Acknowledged::Writer(token),
            },
            Effect::Count => {
                let counter = &mut self.counters[key][command.verb.repeat as usize];
                counter.acknowledged += 1;
                let is_newest = !counter.muddled && counter.newest_acknowledged.is_none_or(|newest| newest < token);
                assert!(!is_newest || value >= counter.acknowledged, "{token} counts {value}: {counter:?}");
                if is_newest {
                    counter.newest_acknowledged = Some(token);
                }
            }
        }
    }

    fn tell_loss(&mut self, token: u32, lost: &Lost, at: Telling) {
        let deaths = self.deaths;
        let command = &mut self.commands[token as usize];
        let caller = &self.callers[command.caller as usize];
        assert_eq!(command.told, Told::Nothing, "{token} was told twice");
        command.told = Told::Loss(lost.fate);
        match lost.fate {
            Fate::Refused => {
                let all = command.handed > 0 && command.handed == command.refusals_read;
                assert!(all, "{token} was not refused, or not each time: {command:?}");
            }
            Fate::NotSent => assert_eq!(command.handed, 0, "{token} was sent, and its caller told that it was not"),
            Fate::Unknown => {
                let begun = at.amid_a_command;
                assert!(command.handed > 0 || begun, "{token} was not sent, and its caller told that it may have been");
            }
            other => panic!("{token}: {other:?}"),
        }
        match &lost.loss.reason {
            Reason::Deadline(_) => {
                let late = caller.deadline.map(|deadline| at.now.saturating_duration_since(deadline));
                assert_eq!(late, Some(Duration::ZERO), "{token} is told of its deadline too late, or of none");
                assert!(caller.deadline.is_some_and(|deadline| deadline <= at.now), "{token} is told before its time");
            }
            Reason::Link(cause) if at.excuse == Excuse::None => {
                let not_to_be_sent_again = command.verb.repeat == Repeat::Forbidden && command.handed > 0;
                // Three connections died on it; or rather: three died, since it came.
                let poison = deaths + at.dying - caller.deaths_before >= 3;
                assert!(not_to_be_sent_again || poison, "{token} is lost for no reason: {cause:?} {command:?}");
            }
            Reason::Link(_) | Reason::Session(_) | Reason::Closed => assert_eq!(at.excuse, Excuse::TurnsAway),
            Reason::Full => panic!("{token}: there is no such bound here"),
            Reason::Displaced(_) => panic!("{token}: there is no topology here"),
        }
        if command.verb.effect == Effect::Count {
            let counter = &mut self.counters[usize::from(command.verb.key)][command.verb.repeat as usize];
            counter.unknown += u64::from(lost.fate == Fate::Unknown);
        }
    }

    /// A connection has died.
    pub(super) fn handle_death(&mut self, wire: &Wire) {
        if wire.established.is_none() {
            return;
        }
        let oldest = wire.oldest_unanswered();
        self.deaths += u32::from(oldest.is_some() || wire.is_amid_a_command());
        let before = self.suspect.take();
        if let Some(Said::Command(token)) = oldest {
            let deaths = before.filter(|(suspect, _)| *suspect == token).map_or(0, |(_, deaths)| deaths) + 1;
            assert!(deaths <= 3, "{token} was sent again and again: {:?}", self.commands[token as usize]);
            self.suspect = Some((token, deaths));
        }
    }

    /// Nobody waits past its deadline, if everything that is due at `now` has been done.
    pub(super) fn check_deadlines(&self, now: Instant) {
        for number in &self.waiting {
            let caller = &self.callers[*number as usize];
            let late = caller.deadline.is_some_and(|deadline| deadline <= now);
            assert!(!late || caller.gone.is_some(), "caller {number} waits past its deadline: {caller:?}");
        }
    }

    /// The bytes and commands of callers who wait, or have gone and may still be held.
    pub(super) fn waiting(&self) -> (usize, usize) {
        let waiting = self.waiting.iter().map(|number| self.callers[*number as usize].room);
        waiting.fold((0, 0), |(commands, bytes), room| (commands + room.commands, bytes + room.bytes))
    }

    /// Whether nobody waits any more.
    pub(super) fn is_settled(&self) -> bool {
        self.callers.iter().all(|caller| caller.told || caller.gone.is_some())
    }

    /// Whether a caller was answered in full.
    pub(super) fn is_answered(&self, caller: u32) -> bool {
        let Caller { first, count, .. } = self.callers[caller as usize];
        self.commands[first as usize..(first + count) as usize].iter().all(|command| command.told == Told::Answer)
    }

    /// What every caller was told against what the server ran.
    pub(super) fn audit(&self) {
        for (number, caller) in self.callers.iter().enumerate() {
            assert!(caller.told || caller.gone.is_some(), "caller {number} was forgotten: {caller:?}");
        }
        for (token, command) in self.commands.iter().enumerate() {
            match command.told {
                Told::Loss(Fate::NotSent | Fate::Refused) => assert_eq!(command.ran, 0, "{token} ran: {command:?}"),
                Told::Answer => assert!(command.ran + command.refused > 0, "{token} did not run: {command:?}"),
                Told::Loss(_) | Told::Nothing => {}
            }
            assert!(command.verb.repeat == Repeat::Allowed || command.ran <= 1, "{token} ran twice: {command:?}");
        }
        let forgotten = self.commands.iter().filter(|command| command.told == Told::Nothing);
        let mut counters = self.counters;
        for command in forgotten.filter(|command| command.verb.effect == Effect::Count) {
            counters[usize::from(command.verb.key)][command.verb.repeat as usize].unknown += 1;
        }
        for [again, once] in counters {
            assert!(again.acknowledged <= again.value, "{again:?}");
            assert!((once.acknowledged..=once.acknowledged + once.unknown).contains(&once.value), "{once:?}");
        }
    }
}

/// How a call ended.
#[derive(Debug)]
pub(super) struct Ending<'a> {
    /// The answers, in the order of the commands that have one.
    pub(super) answers: Vec<Reply<'a>>,
    /// The commands that have none, in order.
    pub(super) lost: &'a [Lost],
    /// The commands whose answers are to a second sending.
    pub(super) again: &'a [usize],
}

/// Whether the server had said that it takes no commands at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    None,
    Link,
}

/// The circumstances in which a caller is told something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Telling {
    pub(super) now: Instant,
    pub(super) excuse: Excuse,
    /// The living socket has taken a part of a command.
    pub(super) amid_a_command: bool,
    /// How many connections have died that are not counted yet.
    pub(super) dying: u32,
}

/// What commands allow that have one fate.
fn strictest_of(commands: &[Verb]) -> (Repeat, Retry) {
    let repeat =
        if commands.iter().all(|verb| verb.repeat == Repeat::Allowed) { Repeat::Allowed } else { Repeat::Forbidden };
    let any = |retry| commands.iter().any(|verb| verb.retry == retry);
    let strict = [Retry::Never, Retry::BeforeScripts].into_iter().find(|retry| any(*retry));
    (repeat, strict.unwrap_or(Retry::All))
}

/// What a server answers.
enum Text {
    /// It ran the command with this token, and this came of it.
    Value(u32, u64),
    Refused(u32),
}

impl Text {
    fn of(answer: Reply<'_>) -> Self {
        let split = |number: u64| Self::Value((number >> 32) as u32, number & u64::from(u32::MAX));
        let parse = |text: &[u8]| text.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
        match answer.view() {
            Ok(View::Integer(number)) => split(number as u64),
            Ok(View::BulkString(text)) => split(parse(text)),
            Ok(View::Array(items)) => split(
                items
                    .filter_map(|item| match item.view() {
                        Ok(View::Integer(part)) => Some(part as u64),
                        _ => None,
                    })
                    .sum(),
            ),
            _ => {
                let line = answer.bytes().expect("an error has a text");
                let number = parse(line.rsplit(|byte| *byte == b' ').next().expect("there is a last word"));
                if line.starts_with(b"WRONGTYPE") { split(number) } else { Self::Refused(number as u32) }
            }
        }
    }
}

/// The answer to a command, in one of the forms that answers have.
pub(super) fn answer_text(token: u32, value: u64, out: &mut Vec<u8>) {
    use std::io::Write;
    let number = u64::from(token) << 32 | value;
    let written = match token % 4 {
        0 => write!(out, ":{number}\r\n"),
        1 => {
            let len = number.checked_ilog10().map_or(1, |log| log + 1);
            write!(out, "${len}\r\n{number}\r\n")
        }
        2 => write!(out, "*2\r\n:{}\r\n:{value}\r\n", number - value),
        _ => write!(out, "-WRONGTYPE {number}\r\n"),
    };
    written.expect("memory can be written to");
}

/// The refusal of a command.
pub(super) fn refusal_text(token: u32, refused: Refused, out: &mut Vec<u8>) {
    use std::io::Write;
    let words = match refused {
        Refused::Loading => "LOADING Redis is loading the dataset in memory",
        Refused::MasterDown => "MASTERDOWN not from here",
        Refused::ReadOnly => "READONLY You can't write against a read only replica.",
        Refused::TryAgain => "TRYAGAIN Multiple keys request during rehashing of slot",
        Refused::ClusterDown => "CLUSTERDOWN Hash slot not served",
        Refused::Full => "ERR max number of clients reached",
        Refused::OutOfMemory => "OOM no more",
    };
    write!(out, "-{words} {token}\r\n").expect("memory can be written to");
}

/// How many keys there are to count, and to write to.
const KEYS: usize = 4;

/// How many keys there are to be claimed.
const CLAIMS: usize = 16;
