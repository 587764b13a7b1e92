//! The bytes of one direction that are in the proxy, and when each of them may leave.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::time::Instant;

use super::fault::Delay;

/// How a peer ended its stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Fin,
    Rst,
}

/// A line in which bytes wait for their time, and the end of the stream behind them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    /// None is empty, and no time is before the one in front of it.
    pieces: VecDeque<(Instant, BytesMut)>,
    /// The bytes in all pieces.
    len: usize,
    end: Option<(Instant, End)>,
    /// With the state of its random sequence in place of the seed.
    delay: Option<Delay>,
}

impl Line {
    /// From now on, bytes wait for so long.
    pub(crate) fn set_delay(&mut self, delay: Delay) {
        self.delay = Some(delay);
    }

    /// Bytes wait no longer, those that are here included.
    pub(crate) fn clear_delay(&mut self, now: Instant) {
        self.delay = None;
        let times = self.pieces.iter_mut().map(|(due, _)| due).chain(self.end.as_mut().map(|(due, _)| due));
        times.for_each(|due| *due = now);
    }

    pub(crate) fn push(&mut self, bytes: &[u8], now: Instant) {
        if !bytes.is_empty() {
            let due = self.due(now);
            self.pieces.push_back((due, BytesMut::from(bytes)));
            self.len += bytes.len();
        }
    }

    pub(crate) fn push_end(&mut self, end: End, now: Instant) {
        self.end = Some((self.due(now), end));
    }

    /// When what comes now may leave.
    fn due(&mut self, now: Instant) -> Instant {
        let delay = self.delay.as_mut().map_or(Duration::ZERO, |delay| delay.fixed.saturating_add(draw(delay)));
        let last = self.pieces.back().map_or(now, |(due, _)| *due);
        later(now, delay).max(last)
    }

    /// The bytes in front and when they may leave.
    pub(crate) fn front(&self) -> Option<(Instant, &[u8])> {
        self.pieces.front().map(|(due, bytes)| (*due, &bytes[..]))
    }

    /// The first byte.
    pub(crate) fn first_mut(&mut self) -> Option<&mut u8> {
        self.pieces.front_mut().and_then(|(_, bytes)| bytes.first_mut())
    }

    /// The end of the stream and when it may be told, if one has come.
    pub(crate) fn end(&self) -> Option<(Instant, End)> {
        self.end
    }

    /// Takes bytes from the front; at most as many as it shows.
    pub(crate) fn advance(&mut self, bytes: usize) {
        let Some((_, front)) = self.pieces.front_mut() else { return };
        front.advance(bytes);
        self.len -= bytes;
        if front.is_empty() {
            self.pieces.pop_front();
        }
    }

    /// Drops the bytes. The end stays.
    pub(crate) fn drop_bytes(&mut self) {
        self.pieces.clear();
        self.len = 0;
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// How many more bytes may come in.
    pub(crate) fn room(&self) -> usize {
        if self.end.is_some() {
            return 0;
        }
        let capacity = if self.delay.is_some() { CAPACITY_DELAYED } else { CAPACITY };
        capacity.saturating_sub(self.len)
    }
}

/// So much later, or as good as never.
pub(crate) fn later(than: Instant, by: Duration) -> Instant {
    than.checked_add(by).unwrap_or(than + AGES)
}

/// The next random part of a delay, by splitmix64.
fn draw(delay: &mut Delay) -> Duration {
    delay.seed = delay.seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut word = delay.seed;
    word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^= word >> 31;
    // 53 bits, as many as an f64 holds exactly.
    delay.jitter.mul_f64((word >> 11) as f64 / (1_u64 << 53) as f64)
}

/// Thirty years, which every system's clock can hold.
const AGES: Duration = Duration::from_secs(30 * 365 * 86_400);
const CAPACITY: usize = 64 << 10;
const CAPACITY_DELAYED: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    /// The delays, in milliseconds, of ten bytes that come together.
    fn delays(seed: u64) -> Vec<u128> {
        let (now, mut line) = (Instant::now(), Line::default());
        line.set_delay(Delay::fixed(Duration::from_millis(10)).with_jitter(Duration::from_millis(100), seed));
        let due = (0..10).map(|_| {
            line.push(b"x", now);
            line.pieces.back().map(|(due, _)| (*due - now).as_millis()).unwrap()
        });
        due.collect()
    }

    #[test]
    fn jitter_comes_from_the_seed_and_keeps_the_order() {
        let one = delays(1);
        assert_eq!(one, delays(1));
        assert_ne!(one, delays(2));
        assert!(one.is_sorted(), "{one:?}");
        assert!(one.iter().all(|delay| (10..=110).contains(delay)), "{one:?}");
        assert_ne!(one[0], one[9], "{one:?}");
    }

    #[test]
    fn the_end_waits_behind_the_bytes_and_nothing_comes_after_it() {
        let (now, mut line) = (Instant::now(), Line::default());
        line.set_delay(Duration::from_secs(1).into());
        line.push(b"ab", now);
        line.push_end(End::Fin, now + Duration::from_millis(1));
        assert_eq!(line.end(), Some((now + Duration::from_millis(1001), End::Fin)));
        assert_eq!(line.room(), 0);
        line.clear_delay(now);
        assert_eq!(line.front(), Some((now, &b"ab"[..])));
        line.advance(2);
        assert_eq!((line.front(), line.len(), line.end()), (None, 0, Some((now, End::Fin))));
    }
}
