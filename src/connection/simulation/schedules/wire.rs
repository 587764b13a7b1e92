//! One connection, from what the client's socket takes to what the client reads.
//!
//! What the client sends is looked at when its socket takes it: the server runs those commands when their last byte has
//! arrived. What the server sends are bytes, so that they can be read in any pieces.

use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

use super::schedule::{Affliction, Greeting, Named, Wished};

/// One connection as the network and the server see it.
#[derive(Debug)]
pub(super) struct Wire {
    pub(super) number: u32,
    pub(super) greeting: Greeting,
    pub(super) affliction: Option<Affliction>,
    /// Set once the handshake is done, as the client sees it.
    pub(super) established: Option<Instant>,
    /// It is reset when that many more bytes of commands were taken.
    pub(super) doom: Option<usize>,
    /// The beginning of a command that the socket has not taken to its end.
    partial: Vec<u8>,
    /// The commands of a transaction that the socket has not taken to its end, with their lengths.
    open: Option<Vec<(u32, usize)>>,
    /// Of a transaction that the server has not run: its commands, and whether it will.
    pub(super) queued: Option<(Vec<u32>, Ran)>,
    /// How many commands were taken in full.
    pub(super) taken: u64,
    /// The next command to be whole may be one whose caller was told already.
    pub(super) may_complete_the_told: bool,
    /// What was taken in full, and has not been run; each with where it ends.
    unrun: VecDeque<(u64, Said)>,
    /// What was taken in full, and whose answer has not been read in full.
    unanswered: VecDeque<Said>,
    up: Stream,
    /// What is sent from here on does not arrive.
    up_end: u64,
    down: Stream,
    /// What is in `down` and not read.
    bytes: VecDeque<u8>,
    /// Where the answers in `down` end, and whether the command was run.
    answer_ends: VecDeque<(u64, Ran)>,
    /// The server has said what ends the connection: what it says after that is not listened to.
    spoiled: bool,
    /// The server has closed its side.
    finished: bool,
    /// When the client learns that the connection was reset.
    pub(super) reset: Option<Instant>,
    /// The last command that was run on it, and of those that had been held back the last.
    pub(super) last_run: [Option<u32>; 2],
    /// PINGs that were taken since the handshake, and answers to them that were read.
    pub(super) pings: (u32, u32),
    /// When something was read last.
    pub(super) last_read: Instant,
    /// What the server has subscribed the client to.
    pub(super) topics: BTreeSet<Named>,
    /// What it has ended by itself.
    pub(super) withdrawn: BTreeSet<Named>,
}

/// What a client says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    Hello,
    Auth,
    /// SELECT and the like.
    Setting,
    Role,
    Ping,
    Command(u32),
    Multi,
    /// A command of a transaction.
    Queued(u32),
    /// The end of a transaction: its first command, and how many there are.
    Exec(u32, u32),
    Change(Wished),
}

/// Whether the server runs a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ran {
    Yes,
    /// It says that it does not.
    No,
}

/// One direction: how many bytes have been sent, have arrived, and were used.
#[derive(Debug, Default)]
struct Stream {
    sent: u64,
    arrived: u64,
    used: u64,
    /// When what arrives: a time, and the position up to which.
    marks: VecDeque<(Instant, u64)>,
}

impl Stream {
    fn send(&mut self, count: usize, at: Instant) {
        self.sent += count as u64;
        let at = self.marks.back().map_or(at, |(last, _)| at.max(*last));
        match self.marks.back_mut() {
            Some((last, position)) if *last == at => *position = self.sent,
            _ => self.marks.push_back((at, self.sent)),
        }
    }

    fn arrive(&mut self, now: Instant) {
        while let Some((_, position)) = self.marks.front().filter(|(at, _)| *at <= now) {
            self.arrived = self.arrived.max(*position);
            self.marks.pop_front();
        }
    }

    fn next(&self) -> Option<Instant> {
        self.marks.front().map(|(at, _)| *at)
    }

    /// What is on the way does not arrive.
    fn sever(&mut self) {
        self.sent = self.arrived;
        self.marks.clear();
    }
}

impl Wire {
    pub(super) fn new(number: u32, greeting: Greeting, doom: Option<usize>, now: Instant) -> Self {
        Self {
            number,
            greeting,
            affliction: None,
            established: None,
            doom,
            partial: Vec::new(),
            open: None,
            queued: None,
            taken: 0,
            may_complete_the_told: false,
            unrun: VecDeque::new(),
            unanswered: VecDeque::new(),
            up: Stream::default(),
            up_end: u64::MAX,
            down: Stream::default(),
            bytes: VecDeque::new(),
            answer_ends: VecDeque::new(),
            spoiled: false,
            finished: false,
            reset: None,
            last_run: [None; 2],
            pings: (0, 0),
            last_read: now,
            topics: BTreeSet::new(),
            withdrawn: BTreeSet::new(),
        }
    }

    /// The client's socket takes bytes, which arrive at `at`; `handed` gets each command that they complete, with its
    /// length.
    pub(super) fn take(&mut self, bytes: &[&[u8]], at: Instant, mut handed: impl FnMut(&mut Self, u32, usize)) {
        let count = bytes.iter().map(|piece| piece.len()).sum();
        for piece in bytes {
            self.partial.extend_from_slice(piece);
        }
        let begin = self.up.sent + count as u64 - self.partial.len() as u64;
        self.up.send(count, at);
        let mut used = 0;
        while let Some((len, said)) = command(&self.partial[used..]) {
            used += len;
            let said = self.bind(said, len);
            self.unrun.push_back((begin + used as u64, said));
            if self.established.is_some() {
                self.unanswered.push_back(said);
            }
            match said {
                Said::Command(token) => handed(self, token, len),
                Said::Exec(..) => {
                    // Nothing of it can run without its end.
                    for (token, len) in self.open.take().unwrap_or_default() {
                        handed(self, token, len);
                    }
                }
                Said::Ping if self.established.is_some() => self.pings.0 += 1,
                _ => {}
            }
            self.taken += u64::from(matches!(said, Said::Command(_) | Said::Multi | Said::Queued(_) | Said::Exec(..)));
            self.may_complete_the_told &= self.open.is_some();
        }
        self.partial.drain(..used);
    }

    /// What a command is in its place.
    fn bind(&mut self, said: Said, len: usize) -> Said {
        match (said, &mut self.open) {
            (Said::Multi, open) => *open = Some(Vec::new()),
            (Said::Command(token), Some(open)) => {
                open.push((token, len));
                return Said::Queued(token);
            }
            (Said::Exec(..), Some(open)) => return Said::Exec(open[0].0, open.len() as u32),
            _ => {}
        }
        said
    }

    /// Whether the socket has taken a part of a command, or of a transaction, and not the rest.
    pub(super) fn is_amid_a_command(&self) -> bool {
        !self.partial.is_empty() || self.open.is_some()
    }

    /// What is on the way arrives as far as its time has come.
    pub(super) fn arrive(&mut self, now: Instant) {
        self.up.arrive(now);
        self.down.arrive(now);
    }

    /// The next command for the server.
    pub(super) fn next_said(&mut self) -> Option<Said> {
        if self.finished || self.affliction == Some(Affliction::Severed) {
            return None;
        }
        let arrived = self.up.arrived.min(self.up_end);
        self.unrun.front().filter(|(end, _)| *end <= arrived)?;
        self.unrun.pop_front().map(|(_, said)| said)
    }

    /// The server answers what it has run, with these bytes, or a part of them.
    pub(super) fn answer(&mut self, text: &[u8], part: usize, ran: Ran, at: Instant) {
        if self.is_mute() {
            return;
        }
        let part = &text[..part.min(text.len())];
        self.bytes.extend(part);
        self.down.send(part.len(), at);
        if self.established.is_some() && part.len() == text.len() && !self.spoiled {
            self.answer_ends.push_back((self.down.sent, ran));
        }
    }

    /// The server says what nobody can make anything of.
    pub(super) fn spoil(&mut self, text: &[u8], at: Instant) {
        self.say(text, at);
        self.spoiled = true;
    }

    /// The server says something that it was not asked for.
    pub(super) fn say(&mut self, text: &[u8], at: Instant) {
        if !self.is_mute() && !self.finished {
            self.bytes.extend(text);
            self.down.send(text.len(), at);
        }
    }

    /// Whether the server may say at once what is no answer, without its being taken for one.
    pub(super) fn is_idle(&self) -> bool {
        let quiet = self.unanswered.is_empty() && self.bytes.is_empty();
        quiet && self.established.is_some() && !self.is_mute() && !self.finished
    }

    /// How many bytes can be read.
    pub(super) fn readable(&self) -> usize {
        (self.down.arrived - self.down.used) as usize
    }

    /// The client reads bytes; `refused` gets each command that it reads of that it was refused.
    pub(super) fn read(
        &mut self,
        count: usize,
        now: Instant,
        mut refused: impl FnMut(u32),
    ) -> impl Iterator<Item = u8> {
        self.last_read = now;
        self.down.used += count as u64;
        while let Some((_, ran)) = self.answer_ends.front().copied().filter(|(end, _)| *end <= self.down.used) {
            self.answer_ends.pop_front();
            match self.unanswered.pop_front().expect("an answer is to something") {
                Said::Ping => self.pings.1 += 1,
                Said::Command(token) if ran == Ran::No => refused(token),
                Said::Exec(first, count) if ran == Ran::No => (first..first + count).for_each(&mut refused),
                _ => {}
            }
        }
        self.bytes.drain(..count)
    }

    /// Whether the client reads that the server has closed the connection.
    pub(super) fn is_at_its_end(&self) -> bool {
        self.finished && self.affliction != Some(Affliction::Severed) && self.down.used == self.down.sent
    }

    /// Whether nothing that the server says from now on arrives.
    fn is_mute(&self) -> bool {
        matches!(self.affliction, Some(Affliction::Mute | Affliction::Severed))
    }

    /// The server closes the connection.
    pub(super) fn finish(&mut self) {
        self.finished = true;
        // What was run and not answered never is.
        self.unrun.clear();
    }

    /// The connection is reset: of what is on the way to the server that many bytes arrive, and the client learns of it
    /// at `at`.
    pub(super) fn cut(&mut self, arrive: usize, at: Instant) {
        self.up_end = self.up_end.min(self.up.arrived + arrive as u64);
        self.reset.get_or_insert(at);
    }

    /// The server says nothing on it any more.
    pub(super) fn hush(&mut self) {
        if self.affliction != Some(Affliction::Severed) {
            self.affliction = Some(Affliction::Mute);
        }
    }

    /// It is not what it was any more.
    pub(super) fn afflict(&mut self, affliction: Affliction) {
        // What is worse stays.
        self.affliction = self.affliction.max(Some(affliction));
        if affliction == Affliction::Severed {
            self.down.sever();
            self.bytes.truncate(self.readable());
            while self.answer_ends.back().is_some_and(|(end, _)| *end > self.down.sent) {
                self.answer_ends.pop_back();
            }
        }
    }

    /// The oldest command that the client sent in full and has no answer to.
    pub(super) fn oldest_unanswered(&self) -> Option<Said> {
        self.unanswered.front().copied()
    }

    /// Whether it may run something yet.
    pub(super) fn has_work(&self) -> bool {
        let comes = self.unrun.front().is_some_and(|(end, _)| *end <= self.up_end);
        comes && !self.finished && self.affliction != Some(Affliction::Severed)
    }

    /// When something arrives at the server next.
    pub(super) fn next_up(&self) -> Option<Instant> {
        self.up.next()
    }

    /// When something arrives next, at either side.
    pub(super) fn next(&self) -> Option<Instant> {
        [self.up.next(), self.down.next(), self.reset].into_iter().flatten().min()
    }
}

/// The command that `bytes` begin with, and its length; `None` if it is not whole.
fn command(bytes: &[u8]) -> Option<(usize, Said)> {
    let (mut at, count) = number(bytes, 0, b'*')?;
    let mut words = [&[][..]; 2];
    for index in 0..count {
        let (start, len) = number(bytes, at, b'$')?;
        at = start + len + 2;
        let end = bytes.get(start..at)?;
        assert!(end.ends_with(b"\r\n"), "the session speaks RESP");
        if let Some(word) = words.get_mut(index) {
            *word = &end[..len];
        }
    }
    let said = match words[0] {
        b"HELLO" => Said::Hello,
        b"PING" => Said::Ping,
        b"MULTI" => Said::Multi,
        b"EXEC" => Said::Exec(0, 0),
        b"AUTH" => Said::Auth,
        b"SELECT" | b"CLIENT" => Said::Setting,
        b"ROLE" => Said::Role,
        verb @ (b"SUBSCRIBE" | b"SSUBSCRIBE" | b"UNSUBSCRIBE" | b"SUNSUBSCRIBE") => {
            let named = Named::read(words[1]).expect("one of ours");
            assert_eq!(verb.starts_with(b"S") && verb[1] != b'U' || verb.starts_with(b"SUN"), named.is_shard);
            Said::Change(Wished { wants: !verb.windows(2).any(|pair| pair == b"UN"), named })
        }
        _ => {
            let token = words[1].iter().fold(0, |token, digit| token * 10 + u32::from(digit - b'0'));
            Said::Command(token)
        }
    };
    Some((at, said))
}

/// The number behind the sign at `at`, and where its line ends.
fn number(bytes: &[u8], at: usize, sign: u8) -> Option<(usize, usize)> {
    let line = bytes.get(at..).filter(|line| !line.is_empty())?;
    assert_eq!(line[0], sign, "the session speaks RESP");
    let end = line.iter().position(|byte| *byte == b'\n')?;
    let value = line[1..end - 1].iter().fold(0, |value, digit| value * 10 + usize::from(digit - b'0'));
    Some((at + end + 1, value))
}
