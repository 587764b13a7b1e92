//! One direction of a connection: what comes in, what is done to it, what goes out and when. No sockets, no clock.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::time::Instant;

use super::fault::{Corruption, Cut, FlowChange, Gate, Then};
use super::line::{End, Line};

/// One direction of a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flow {
    line: Line,
    /// Bytes of our own, which go before the line.
    inserted: BytesMut,
    /// Bytes of the stream that were forwarded; those inserted do not count.
    position: u64,
    gate: Gate,
    pace: Option<Pace>,
    /// Bytes per write.
    slice: Option<usize>,
    limit: Option<Limit>,
    /// With the positions at which they are due, in their order.
    corruptions: VecDeque<(u64, Corruption)>,
    phase: Phase,
    sender: Sender,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Flowing,
    /// The end was passed on, or nobody is there to take anything.
    Over,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Sender {
    #[default]
    Fine,
    /// Writing to it has failed, which may have used up the error that reading would have shown.
    Reset,
}

/// What happens at a position.
#[derive(Clone, Copy, Debug)]
struct Limit {
    at: u64,
    then: Then,
}

/// What there is to do now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// These bytes, or the first of them, go out; [`Flow::written`] says how many did.
    Write(&'a [u8]),
    /// The sender has ended its stream and all of it was forwarded; [`Flow::finish`] says that the end was, too.
    End(End),
    /// The bytes before the cut have been forwarded.
    Cut(Cut),
    WaitUntil(Instant),
    Nothing,
}

impl Flow {
    pub(crate) fn apply(&mut self, change: FlowChange, now: Instant) {
        match change {
            FlowChange::Delay(delay) => self.line.set_delay(delay),
            FlowChange::Throttle(bytes_per_second) => self.pace = Some(Pace::new(bytes_per_second, now)),
            FlowChange::Slice(bytes) => self.slice = Some(bytes.max(1)),
            FlowChange::Gate(gate) => self.set_gate(gate),
            FlowChange::After(bytes, then) => {
                self.limit = Some(Limit { at: self.position.saturating_add(bytes), then });
            }
            FlowChange::Corrupt(offset, corruption) => {
                let at = self.position.saturating_add(offset);
                let place = self.corruptions.partition_point(|(other, _)| *other <= at);
                self.corruptions.insert(place, (at, corruption));
            }
        }
    }

    /// Undoes all changes. What was lost stays lost.
    pub(crate) fn heal(&mut self, now: Instant) {
        self.line.clear_delay(now);
        self.gate = Gate::Open;
        self.pace = None;
        self.slice = None;
        self.limit = None;
        self.corruptions.clear();
    }

    fn set_gate(&mut self, gate: Gate) {
        self.gate = gate;
        if gate == Gate::BlackHole {
            self.line.drop_bytes();
            self.inserted.clear();
        }
    }

    /// How many bytes may be read from the sender.
    pub(crate) fn room(&self) -> usize {
        if self.is_over() || self.gate == Gate::Stalled { 0 } else { self.line.room() }
    }

    /// The sender has sent this.
    pub(crate) fn handle_bytes(&mut self, bytes: &[u8], now: Instant) {
        if self.gate != Gate::BlackHole {
            self.line.push(bytes, now);
        }
    }

    /// The sender has ended its stream.
    pub(crate) fn handle_end(&mut self, end: End, now: Instant) {
        let end = if self.sender == Sender::Reset { End::Rst } else { end };
        self.line.push_end(end, now);
    }

    /// Nobody takes what is sent in this direction any more.
    pub(crate) fn handle_lost_receiver(&mut self) {
        self.finish();
        self.line.drop_bytes();
        self.inserted.clear();
    }

    /// Writing to the sender has failed.
    pub(crate) fn handle_lost_sender(&mut self) {
        self.sender = Sender::Reset;
    }

    pub(crate) fn step(&mut self, now: Instant) -> Step<'_> {
        if self.is_over() {
            return Step::Nothing;
        }
        if let Some(cut) = self.pass_limit() {
            return Step::Cut(cut);
        }
        if self.gate != Gate::Open {
            return Step::Nothing;
        }
        self.corrupt();
        let due = match (self.inserted.is_empty(), self.line.front(), self.line.end()) {
            (false, _, _) => now,
            (true, Some((due, _)), _) => due,
            (true, None, Some((due, end))) if due <= now => return Step::End(end),
            (true, None, Some((due, _))) => due,
            (true, None, None) => return Step::Nothing,
        };
        let due = self.pace.as_ref().map_or(due, |pace| due.max(pace.free_at));
        if due > now { Step::WaitUntil(due) } else { Step::Write(self.front()) }
    }

    /// What happens now that the position has reached its limit, if it has.
    pub(crate) fn pass_limit(&mut self) -> Option<Cut> {
        let limit = self.limit.filter(|limit| limit.at <= self.position)?;
        self.limit = None;
        match limit.then {
            Then::Cut(cut) => return Some(cut),
            Then::Close(gate) => self.set_gate(gate),
        }
        None
    }

    /// Does what is to be done at this position.
    fn corrupt(&mut self) {
        while let Some((at, corruption)) = self.corruptions.front() {
            if *at > self.position {
                return;
            }
            match (corruption, self.line.first_mut()) {
                (Corruption::Insert(bytes), _) => self.inserted.extend_from_slice(bytes),
                (Corruption::Flip(bits), Some(byte)) => *byte ^= bits,
                (Corruption::Replace(new), Some(byte)) => *byte = *new,
                (_, None) => return,
            }
            self.corruptions.pop_front();
        }
    }

    /// The bytes that may go out in one write. It ends where something is to happen.
    fn front(&self) -> &[u8] {
        let most = self.slice.unwrap_or(usize::MAX).min(self.pace.as_ref().map_or(usize::MAX, Pace::portion));
        if !self.inserted.is_empty() {
            return &self.inserted[..most.min(self.inserted.len())];
        }
        let Some((_, front)) = self.line.front() else { return &[] };
        let limit = self.limit.map_or(u64::MAX, |limit| limit.at);
        let corruption = self.corruptions.front().map_or(u64::MAX, |(at, _)| *at);
        let stop = usize::try_from(limit.min(corruption) - self.position).unwrap_or(usize::MAX);
        &front[..front.len().min(most).min(stop)]
    }

    /// So many bytes of the last [`Step::Write`] were taken.
    pub(crate) fn handle_written(&mut self, bytes: usize, now: Instant) {
        if self.inserted.is_empty() {
            self.line.advance(bytes);
            self.position += bytes as u64;
        } else {
            self.inserted.advance(bytes);
        }
        if let Some(pace) = &mut self.pace {
            pace.spend(bytes, now);
        }
    }

    pub(crate) fn finish(&mut self) {
        self.phase = Phase::Over;
    }

    pub(crate) fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// Whether something is here that was not forwarded.
    pub(crate) fn is_holding(&self) -> bool {
        !self.inserted.is_empty() || self.line.len() > 0
    }

    pub(crate) fn is_stalled(&self) -> bool {
        self.gate == Gate::Stalled
    }

    pub(crate) fn is_sliced(&self) -> bool {
        self.slice.is_some()
    }
}

/// A bound on bytes per second.
#[derive(Clone, Debug)]
struct Pace {
    /// Not zero.
    bytes_per_second: u64,
    /// When the next bytes may go.
    free_at: Instant,
}

impl Pace {
    fn new(bytes_per_second: u64, now: Instant) -> Self {
        Pace { bytes_per_second: bytes_per_second.max(1), free_at: now }
    }

    /// What may go at once: as much as a hundredth of a second has room for.
    fn portion(&self) -> usize {
        usize::try_from(self.bytes_per_second / 100).unwrap_or(usize::MAX).max(1)
    }

    fn spend(&mut self, bytes: usize, now: Instant) {
        let nanos = (bytes as u128 * 1_000_000_000) / u128::from(self.bytes_per_second);
        // What a late timer has lost is made up for, a pause of the sender is not.
        let from = self.free_at.max(now.checked_sub(SLACK).unwrap_or(now));
        self.free_at = from + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
    }
}

const SLACK: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::super::fault::Delay;
    use super::*;

    /// A flow on a clock that stands still unless told otherwise.
    struct Bench {
        flow: Flow,
        now: Instant,
    }

    impl Bench {
        fn new(changes: impl IntoIterator<Item = FlowChange>) -> Self {
            let mut bench = Bench { flow: Flow::default(), now: Instant::now() };
            changes.into_iter().for_each(|change| bench.flow.apply(change, bench.now));
            bench
        }

        /// Writes what can be written, each write in brackets, and then says what is next.
        fn run(&mut self, bytes: &str) -> String {
            self.flow.handle_bytes(bytes.as_bytes(), self.now);
            let mut seen = String::new();
            loop {
                let written = match self.flow.step(self.now) {
                    Step::Write(bytes) => {
                        seen.push_str(&format!("[{}]", String::from_utf8_lossy(bytes)));
                        bytes.len()
                    }
                    Step::Nothing => return seen,
                    Step::WaitUntil(until) => return format!("{seen} {:?}", until - self.now),
                    other => return format!("{seen} {other:?}"),
                };
                assert_ne!(written, 0);
                self.flow.handle_written(written, self.now);
            }
        }
    }

    #[test]
    fn a_cut_comes_behind_exactly_so_many_bytes() {
        for bytes in 0..=5 {
            let mut bench = Bench::new([FlowChange::After(bytes, Then::Cut(Cut::Rst))]);
            let expected = ["", "[a]", "[ab]", "[abc]", "[abc][d]", "[abc][de]"][bytes as usize];
            assert_eq!(
                bench.run("abc") + &bench.run("def"),
                match bytes {
                    0 => " Cut(Rst)[abc][def]".to_owned(),
                    1..=2 => format!("{expected} Cut(Rst){}[def]", &["[bc]", "[c]"][bytes as usize - 1]),
                    3 => "[abc] Cut(Rst)[def]".to_owned(),
                    _ => format!("{expected} Cut(Rst)"),
                }
            );
        }
    }

    #[test]
    fn bytes_are_counted_from_the_change_on() {
        let mut bench = Bench::new([]);
        assert_eq!(bench.run("abc"), "[abc]");
        bench.flow.apply(FlowChange::After(2, Then::Close(Gate::Stalled)), bench.now);
        bench.flow.apply(FlowChange::Corrupt(1, Corruption::Replace(b'!')), bench.now);
        assert_eq!(bench.run("defg"), "[d][!]");
        assert_eq!(bench.flow.room(), 0);
        bench.flow.heal(bench.now);
        assert_eq!(bench.run(""), "[fg]");
    }

    #[test]
    fn corruption_hits_its_byte_and_moves_no_other() {
        let mut bench = Bench::new([
            FlowChange::Corrupt(4, Corruption::Replace(b'!')),
            FlowChange::Corrupt(1, Corruption::Flip(0x20)),
            FlowChange::Corrupt(3, Corruption::Insert(Bytes::from_static(b"--"))),
            FlowChange::Corrupt(3, Corruption::Insert(Bytes::from_static(b"++"))),
            FlowChange::After(6, Then::Cut(Cut::Fin)),
        ]);
        assert_eq!(bench.run("abc"), "[a][Bc][--++]");
        assert_eq!(bench.run("defg"), "[d][!f] Cut(Fin)");
    }

    #[test]
    fn slices_are_small_writes() {
        let mut bench = Bench::new([FlowChange::Slice(2)]);
        assert_eq!(bench.run("abcde"), "[ab][cd][e]");
    }

    #[test]
    fn a_delay_holds_bytes_and_the_end() {
        let mut bench = Bench::new([FlowChange::Delay(Delay::fixed(Duration::from_secs(2)))]);
        assert_eq!(bench.run("ab"), " 2s");
        bench.now += Duration::from_secs(1);
        bench.flow.handle_end(End::Fin, bench.now);
        assert_eq!(bench.run(""), " 1s");
        bench.now += Duration::from_secs(1);
        assert_eq!(bench.run(""), "[ab] 1s");
        bench.now += Duration::from_secs(1);
        assert_eq!(bench.run(""), " End(Fin)");
    }

    #[test]
    fn a_throttle_lets_so_many_bytes_through_in_a_second() {
        let mut bench = Bench::new([FlowChange::Throttle(200)]);
        let (mut written, begin) = (0, bench.now);
        bench.flow.handle_bytes(&[0; 1000], bench.now);
        while written < 1000 {
            match bench.flow.step(bench.now) {
                Step::Write(bytes) => {
                    let bytes = bytes.len();
                    written += bytes;
                    bench.flow.handle_written(bytes, bench.now);
                }
                // Timers are late.
                Step::WaitUntil(until) => bench.now = until + Duration::from_millis(1),
                other => panic!("{other:?}"),
            }
        }
        let took = bench.now - begin;
        assert!((4900..5100).contains(&took.as_millis()), "{took:?}");
    }

    #[test]
    fn a_black_hole_takes_everything_and_tells_nothing() {
        let mut bench = Bench::new([FlowChange::Delay(Delay::fixed(Duration::from_secs(2)))]);
        assert_eq!(bench.run("lost"), " 2s");
        bench.flow.apply(FlowChange::Gate(Gate::BlackHole), bench.now);
        assert_eq!(bench.run("lost too"), "");
        assert!(bench.flow.room() > 0);
        bench.flow.handle_end(End::Rst, bench.now);
        assert_eq!(bench.run(""), "");
        bench.flow.heal(bench.now);
        assert_eq!(bench.run(""), " End(Rst)");
    }

    #[test]
    fn an_end_after_a_failed_write_to_the_same_peer_is_a_reset() {
        let mut bench = Bench::new([]);
        bench.flow.handle_lost_sender();
        bench.flow.handle_end(End::Fin, bench.now);
        assert_eq!(bench.run(""), " End(Rst)");
    }
}
