//! Several commands that run all or none, and share one fate: `MULTI`, what it encloses, and `EXEC`.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::group::GroupEnd;
use super::inflight::{Commands, Entry};
use super::output::Sent;
use super::sending::{Policy, Repeat, Sending};
use crate::command::transaction::{self, is_misplaced};
use crate::command::{Refusal, Retry};
use crate::resp::Frame;

/// Commands of one caller that the server runs with the last of them, or not at all.
///
/// The first one (`MULTI`) opens what the last one (`EXEC`) runs. A server that refuses the first runs each of the
/// others as it comes.
#[derive(Debug)]
pub(crate) struct Unit {
    /// Where each command ends, in bytes from the unit's start.
    ends: Vec<usize>,
    sending: Sending,
    standing: Standing,
    /// The answers that came on the present connection.
    answers: Vec<Frame>,
    /// How many answers those are; `<= ends.len()`.
    answered: usize,
    /// Which one opens what the last one runs: 1 behind `ASKING`, which lets in the next command or transaction.
    opening: usize,
}

/// What the server makes of a unit on the present connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It has not said: servers accept the first command.
    Unanswered,
    /// It keeps the commands for the last one.
    Queued,
    /// It refused the first one, or paid no heed to it, and runs the others as they come.
    Apart,
    /// It was told to answer none but the last one, and runs the others as they come; the first of them ends here, in
    /// bytes from the unit's start.
    Hushed { first: usize },
    /// It refused the last one and keeps the commands nevertheless, and whatever comes next with them.
    LeftOpen,
    /// There are two, `ASKING` and a single command, which alone does anything.
    Asked,
}

impl Unit {
    /// Of commands that were not sent yet: where each ends, and whether it may be sent again. All may only if each may.
    pub(crate) fn new<P: Into<Policy> + Copy>(commands: &[(usize, P)]) -> Self {
        let policies = commands.iter().map(|(_, policy)| (*policy).into());
        let policy = policies.reduce(Policy::strictest).unwrap_or(Repeat::Forbidden.into());
        Self {
            ends: commands.iter().map(|(end, _)| *end).collect(),
            sending: Sending::new(policy),
            standing: Standing::Unanswered,
            answers: Vec::new(),
            answered: 0,
            opening: 0,
        }
    }

    /// `ASKING`, which ends at `opening`, and behind it a single command, or a transaction if there are several.
    pub(crate) fn asking<P: Into<Policy> + Copy>(opening: usize, commands: &[(usize, P)]) -> Self {
        let mut unit = Self::new(commands);
        for end in &mut unit.ends {
            *end += opening;
        }
        unit.ends.insert(0, opening);
        let standing = if commands.len() == 1 { Standing::Asked } else { Standing::Unanswered };
        Self { standing, opening: 1, ..unit }
    }

    /// Of commands of which the server answers only the last one: where the first one ends that does anything, and the
    /// last one. It is never sent again.
    pub(crate) fn hushed(first: usize, end: usize) -> Self {
        let never = Policy { repeat: Repeat::Forbidden, retry: Retry::Never };
        Self { standing: Standing::Hushed { first }, ..Self::new(&[(end, never)]) }
    }

    pub(crate) fn sending(&self) -> &Sending {
        &self.sending
    }

    /// Of a unit that begins at `start`, on a socket that has taken everything before `position`: how many answers are
    /// due from its peer.
    pub(crate) fn due(&self, start: u64, position: u64) -> usize {
        let sent = self.ends.partition_point(|end| start + *end as u64 <= position);
        sent.saturating_sub(self.answered)
    }

    /// The commands that are not answered: their places, and where they are in bytes of a unit that begins at `start`.
    pub(crate) fn unanswered(&self) -> impl ExactSizeIterator<Item = (usize, Range<usize>)> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let ranges: Vec<_> =
            starts.zip(&self.ends).map(|(start, end)| start..*end).enumerate().skip(self.answered).collect();
        ranges.into_iter()
    }

    /// Whether nothing more is due.
    pub(crate) fn is_complete(&self) -> bool {
        self.answered >= self.ends.len()
    }

    /// Takes answers; those that nobody waits for are not kept.
    pub(crate) fn handle_answers(&mut self, frame: Frame, is_awaited: bool) {
        if matches!(self.standing, Standing::Unanswered | Standing::Queued) {
            self.standing = if self.shows_a_run(&frame) { Standing::Apart } else { Standing::Queued };
        }
        self.answered += frame.len();
        if self.standing == Standing::Queued && self.is_complete() && is_left_open(&frame) {
            self.standing = Standing::LeftOpen;
        }
        if is_awaited {
            self.answers.push(frame);
        }
    }

    /// Whether these answers show that the server does not wait for the last command: it refused the first one, or says
    /// to another neither that it keeps it nor that it refuses it.
    fn shows_a_run(&self, frame: &Frame) -> bool {
        let last = self.ends.len().saturating_sub(1);
        (self.answered..last).zip(frame.replies()).any(|(place, reply)| match place {
            // Servers that know no `ASKING` have no cluster either, and say so to the rest.
            place if place < self.opening => false,
            place if place == self.opening => reply.is_error(),
            _ => !reply.is_error() && reply.bytes() != Some(b"QUEUED"),
        })
    }

    /// Of a complete unit: why the server refused it for the time being, in which words, if it is to be tried again
    /// then.
    pub(crate) fn take_refused(&mut self) -> Option<(Refusal, Arc<str>)> {
        if !self.answers.iter().any(Frame::has_error) {
            return None;
        }
        let replies: Vec<_> = self.answers.iter().flat_map(Frame::replies).skip(self.opening).collect();
        if self.standing == Standing::Asked {
            let answer = *replies.first()?;
            let refusal = self.sending.refusal(answer)?;
            let words = String::from_utf8_lossy(answer.bytes().unwrap_or_default()).into();
            self.start_over();
            return Some((refusal, words));
        }
        let (refusal, words) = transaction::passing(&replies)?;
        self.sending.handle_refused().then(|| {
            self.start_over();
            (refusal, words)
        })
    }

    pub(crate) fn standing(&self) -> Standing {
        self.standing
    }

    /// All answers.
    pub(crate) fn take_end(&mut self) -> GroupEnd {
        let again = if self.sending.sent() == Sent::Again { (0..self.ends.len()).collect() } else { Vec::new() };
        GroupEnd { answers: std::mem::take(&mut self.answers), again, ..GroupEnd::default() }
    }

    /// Of a unit that begins at `start`: the bytes that a server must have for anything of it to run, and what is known
    /// of its sending.
    pub(crate) fn judged(&mut self, start: u64) -> (Range<u64>, &mut Sending) {
        let end = match self.standing {
            Standing::Apart => self.ends.get(self.opening + 1).copied(),
            Standing::Hushed { first } => Some(first),
            Standing::Unanswered | Standing::Queued | Standing::LeftOpen | Standing::Asked => self.ends.last().copied(),
        };
        (start..start + end.unwrap_or_default() as u64, &mut self.sending)
    }

    /// It will be sent from its first byte on a new connection: what was answered on the last one no longer counts.
    pub(crate) fn start_over(&mut self) {
        self.answers.clear();
        self.answered = 0;
        if !matches!(self.standing, Standing::Hushed { .. } | Standing::Asked) {
            self.standing = Standing::Unanswered;
        }
    }
}

impl<T> Entry<T> {
    /// Several commands that run all or none: where each ends, and whether it may be sent again.
    pub(crate) fn unit<P: Into<Policy> + Copy>(ticket: T, commands: &[(usize, P)], deadline: Option<Instant>) -> Self {
        let len = commands.last().map_or(0, |(end, _)| *end);
        let (count, unit) = (commands.len(), Box::new(Unit::new(commands)));
        Self { ticket: Some(ticket), len, count, deadline, commands: Commands::Unit(unit), deaths: 0, suspect: 0 }
    }

    /// `ASKING`, which ends at `opening`, and behind it a single command, or several that run all or none: where each of
    /// those ends, counted from there. The answer to `ASKING` is the first of all.
    pub(crate) fn asking<P: Into<Policy> + Copy>(
        ticket: T,
        opening: usize,
        commands: &[(usize, P)],
        deadline: Option<Instant>,
    ) -> Self {
        let len = opening + commands.last().map_or(0, |(end, _)| *end);
        let (count, unit) = (commands.len() + 1, Box::new(Unit::asking(opening, commands)));
        Self { ticket: Some(ticket), len, count, deadline, commands: Commands::Unit(unit), deaths: 0, suspect: 0 }
    }

    /// Several commands, where each ends: the server answers none but the last one, and what is before the second one
    /// makes it do so.
    pub(crate) fn hushed(ticket: T, ends: &[usize], deadline: Option<Instant>) -> Self {
        let (count, len) = (ends.len(), ends.last().copied().unwrap_or_default());
        let unit = Box::new(Unit::hushed(ends.get(1).copied().unwrap_or(len), len));
        Self { ticket: Some(ticket), len, count, deadline, commands: Commands::Unit(unit), deaths: 0, suspect: 0 }
    }
}

/// Whether the last answer of the frame, which is that to EXEC, is an error that does not end what MULTI has begun: old
/// servers in a script give such ones, and those that know no EXEC. A node of a cluster ends it with some others too.
fn is_left_open(frame: &Frame) -> bool {
    let last = frame.len().checked_sub(1).and_then(|last| frame.replies().nth(last));
    let ends = |line: &[u8]| line.starts_with(b"EXECABORT") || is_misplaced(line);
    last.is_some_and(|reply| reply.is_error() && !reply.bytes().is_some_and(ends))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_commands_without_answers_the_first_one_decides_and_the_last_one_is_answered() {
        let mut unit = Unit::hushed(70, 400);
        assert_eq!(unit.judged(1_000).0, 1_000..1_070);
        assert_eq!((unit.due(1_000, 1_399), unit.due(1_000, 1_400)), (0, 1));
        unit.start_over();
        assert_eq!(unit.judged(1_000).0, 1_000..1_070);
    }
}
