//! The write stream as a log: bytes stay until they are answered.
//!
//! Positions count bytes from the start of the log and never repeat. "How much of this command has the socket taken"
//! is a comparison of positions, and sending a command again is reading the log again.

use std::collections::VecDeque;
use std::ops::Range;

use crate::command::{Encoded, Slices};

/// The bytes of all commands that are not answered yet, and how far the present socket has taken them.
#[derive(Debug)]
pub(crate) struct Outbox {
    /// Stretches of the log, in order; the first one holds the oldest byte that is still needed. Where one is missing,
    /// nobody needs its bytes.
    segments: VecDeque<Segment>,
    /// Where the next byte that is appended will stand.
    end: u64,
    /// The next byte for the socket. Never inside a range of `skips`; `<= end`.
    position: u64,
    /// The index in `segments` of the one that holds `position`; `segments.len()` when there is nothing to send.
    cursor: usize,
    /// Ranges at or after `position` that must not be sent. Ascending, apart, not empty.
    skips: VecDeque<Range<u64>>,
    /// Nothing from here on is handed out; `u64::MAX` unless there is a pause.
    limit: u64,
    /// An empty stretch with a buffer worth using again.
    spare: Option<Encoded>,
}

#[derive(Debug)]
struct Segment {
    stretch: Encoded,
    start: u64,
}

impl Segment {
    fn end(&self) -> u64 {
        self.start + self.stretch.len() as u64
    }
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            segments: VecDeque::new(),
            end: 0,
            position: 0,
            cursor: 0,
            skips: VecDeque::new(),
            limit: u64::MAX,
            spare: None,
        }
    }
}

impl Outbox {
    /// Appends a stretch; returns where its first byte stands.
    pub(crate) fn append(&mut self, stretch: Encoded) -> u64 {
        let start = self.end;
        self.end += stretch.len() as u64;
        if stretch.len() > 0 {
            self.segments.push_back(Segment { stretch, start });
        } else {
            self.keep(stretch);
        }
        start
    }

    /// Appends what another log holds in `span`: of that the ranges of `keep` (ascending), the rest is nothing that is
    /// ever sent. Returns where the first byte stands.
    pub(crate) fn append_from(&mut self, from: &Self, span: Range<u64>, keep: impl Iterator<Item = Range<u64>>) -> u64 {
        let (start, mut reached) = (self.end, span.start);
        for range in keep {
            self.append_gap(range.start - reached);
            self.append(from.copy(&range));
            reached = range.end;
        }
        self.append_gap(span.end - reached);
        start
    }

    /// Appends bytes that will not be sent, and that nobody needs.
    fn append_gap(&mut self, len: u64) {
        if len > 0 {
            self.end += len;
            self.skip(self.end - len..self.end);
        }
    }

    /// The bytes of a range that none of is missing.
    fn copy(&self, range: &Range<u64>) -> Encoded {
        let mut copied = Encoded::default();
        let first = self.segments.partition_point(|segment| segment.end() <= range.start);
        for segment in self.segments.iter().skip(first).take_while(|segment| segment.start < range.end) {
            let from = range.start.max(segment.start) - segment.start;
            let to = range.end.min(segment.end()) - segment.start;
            copied.append_range(&segment.stretch, from as usize..to as usize);
        }
        debug_assert_eq!(copied.len() as u64, range.end - range.start, "bytes are missing");
        copied
    }

    /// Where the next byte that is appended will stand.
    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    /// The next byte for the socket: everything before it has been handed over, or skipped.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// How many bytes it holds.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.segments.iter().map(|segment| segment.stretch.len()).sum()
    }

    /// Whether there is nothing to hand over.
    pub(crate) fn is_drained(&self) -> bool {
        self.position >= self.end
    }

    /// Adds what the socket should take next to `slices`.
    pub(crate) fn transmit<'a>(&'a self, slices: &mut Slices<'a, '_>) -> usize {
        let mut added = 0;
        let mut position = self.position;
        let mut skips = self.skips.iter();
        let mut skip = skips.next();
        for segment in self.segments.iter().skip(self.cursor) {
            while position < segment.end() {
                if position >= self.limit {
                    return added;
                }
                let stop = skip.map_or(segment.end(), |skip| skip.start.min(segment.end())).min(self.limit);
                let wanted = (stop - position) as usize;
                let from = (position - segment.start) as usize;
                let taken = segment.stretch.slices(from..from + wanted, slices);
                added += taken;
                if taken < wanted {
                    return added;
                }
                position = stop;
                if let Some(range) = skip.filter(|skip| skip.start == position) {
                    position = range.end;
                    skip = skips.next();
                }
            }
        }
        added
    }

    /// Hands out nothing from `limit` on, which is at or after the position; `u64::MAX` ends that.
    pub(crate) fn hold_at(&mut self, limit: u64) {
        self.limit = limit;
    }

    /// Whether everything up to a limit was handed over, and no more is.
    pub(crate) fn is_held(&self) -> bool {
        self.position >= self.limit
    }

    /// The socket has taken `count` more bytes.
    pub(crate) fn handle_written(&mut self, count: usize) {
        let mut left = count as u64;
        while left > 0 {
            let stop = self.skips.front().map_or(self.end, |skip| skip.start);
            let step = left.min(stop.saturating_sub(self.position));
            if step == 0 {
                break;
            }
            left -= step;
            self.position += step;
            self.pass_skips();
        }
        debug_assert_eq!(left, 0, "more bytes were written than there were");
        self.advance_cursor();
    }

    /// Takes a range out of what will be sent. None of it may have been handed over.
    pub(crate) fn skip(&mut self, range: Range<u64>) {
        debug_assert!(range.start >= self.position, "bytes that were handed over cannot be skipped");
        let mut range = range;
        let index = self.skips.partition_point(|skip| skip.start < range.start);
        if self.skips.get(index).is_some_and(|after| after.start == range.end) {
            range.end = self.skips.remove(index).map_or(range.end, |after| after.end);
        }
        let before = index.checked_sub(1).and_then(|before| self.skips.get_mut(before));
        match before.filter(|before| before.end == range.start) {
            Some(before) => {
                before.end = range.end;
                range = before.clone();
            }
            None => self.skips.insert(index, range.clone()),
        }
        self.drop_within(&range);
        self.pass_skips();
        self.advance_cursor();
    }

    /// Frees the segments all of whose bytes are in `range`, which nobody will need. The skip over it bridges the gap.
    fn drop_within(&mut self, range: &Range<u64>) {
        let from = self.segments.partition_point(|segment| segment.start < range.start);
        let to = self.segments.partition_point(|segment| segment.end() <= range.end).max(from);
        self.segments.drain(from..to);
        self.cursor = self.segments.partition_point(|segment| segment.end() <= self.position);
    }

    /// Starts over for a new socket: sends the ranges of `keep` (ascending, within the log), and after them whatever
    /// is appended.
    pub(crate) fn rewind(&mut self, keep: impl Iterator<Item = Range<u64>>) {
        self.skips.clear();
        self.limit = u64::MAX;
        self.cursor = 0;
        self.position = self.segments.front().map_or(self.end, |segment| segment.start);
        let mut reached = self.position;
        for range in keep {
            if range.start > reached {
                self.skip(reached..range.start);
            }
            reached = range.end;
        }
        if reached < self.end {
            self.skip(reached..self.end);
        }
    }

    /// Everything before `position` is answered: its bytes are freed.
    pub(crate) fn release(&mut self, position: u64) {
        while self.segments.front().is_some_and(|segment| segment.end() <= position) {
            if let Some(segment) = self.segments.pop_front() {
                self.cursor = self.cursor.saturating_sub(1);
                self.keep(segment.stretch);
            }
        }
    }

    /// An empty stretch whose buffer was used before.
    pub(crate) fn take_spare(&mut self) -> Option<Encoded> {
        self.spare.take()
    }

    fn keep(&mut self, mut stretch: Encoded) {
        let wanted = stretch.capacity() <= SPARE_LIMIT;
        if wanted && self.spare.as_ref().is_none_or(|spare| spare.capacity() < stretch.capacity()) {
            stretch.clear();
            self.spare = Some(stretch);
        }
    }

    fn pass_skips(&mut self) {
        while self.skips.front().is_some_and(|skip| skip.start <= self.position) {
            if let Some(skip) = self.skips.pop_front() {
                self.position = self.position.max(skip.end);
            }
        }
    }

    fn advance_cursor(&mut self) {
        while self.segments.get(self.cursor).is_some_and(|segment| segment.end() <= self.position) {
            self.cursor += 1;
        }
    }
}

/// A buffer that has grown beyond this is freed rather than kept for use again, 256 KiB.
const SPARE_LIMIT: usize = 256 * 1024;

#[cfg(test)]
mod tests {
    use std::io::IoSlice;

    use bytes::Bytes;

    use super::*;

    fn stretch(text: &str) -> Encoded {
        let mut encoded = Encoded::default();
        encoded.small().extend_from_slice(text.as_bytes());
        encoded
    }

    /// Writes up to `most` bytes to an imaginary socket.
    fn write(outbox: &mut Outbox, most: usize) -> String {
        let mut list = [IoSlice::new(&[]); 4];
        let mut slices = Slices::new(&mut list);
        outbox.transmit(&mut slices);
        let count = slices.len();
        let mut bytes: Vec<u8> = list[..count].iter().flat_map(|slice| slice.to_vec()).collect();
        bytes.truncate(most);
        outbox.handle_written(bytes.len());
        String::from_utf8(bytes).unwrap()
    }

    fn drain(outbox: &mut Outbox, step: usize) -> String {
        let mut out = String::new();
        while !outbox.is_drained() {
            out += &write(outbox, step);
        }
        out
    }

    #[test]
    fn bytes_leave_in_order_however_little_the_socket_takes() {
        for step in 1..8 {
            let mut outbox = Outbox::default();
            assert_eq!(outbox.append(stretch("abc")), 0);
            let mut large = stretch("d");
            large.push_large(Bytes::from_static(b"EFG"));
            large.small().extend_from_slice(b"h");
            assert_eq!(outbox.append(large), 3);
            assert_eq!(drain(&mut outbox, step), "abcdEFGh");
            assert_eq!(outbox.position(), 8);
        }
    }

    #[test]
    fn skipped_ranges_are_not_sent_and_do_not_move_positions() {
        for step in 1..8 {
            let mut outbox = Outbox::default();
            for text in ["aa", "bb", "cc", "dd"] {
                outbox.append(stretch(text));
            }
            assert_eq!(write(&mut outbox, 1), "a");
            outbox.skip(4..6);
            outbox.skip(2..4);
            assert_eq!(drain(&mut outbox, step), "add");
            assert_eq!(outbox.position(), 8);
        }
    }

    #[test]
    fn skipping_the_last_bytes_leaves_nothing_to_send() {
        let mut outbox = Outbox::default();
        outbox.append(stretch("aabb"));
        assert_eq!(write(&mut outbox, 2), "aa");
        outbox.skip(2..4);
        assert!(outbox.is_drained());
        outbox.append(stretch("cc"));
        assert_eq!(drain(&mut outbox, 9), "cc");
    }

    #[test]
    fn a_new_socket_gets_what_is_kept_and_then_what_is_new() {
        let mut outbox = Outbox::default();
        for text in ["aa", "bb", "cc", "dd"] {
            outbox.append(stretch(text));
        }
        assert_eq!(write(&mut outbox, 7), "aabbccd");
        outbox.rewind([2..4, 6..8].into_iter());
        outbox.append(stretch("ee"));
        assert_eq!(drain(&mut outbox, 3), "bbddee");
        outbox.rewind(std::iter::once(8..10));
        assert_eq!(drain(&mut outbox, 3), "ee");
        outbox.rewind(std::iter::empty());
        assert!(outbox.is_drained());
    }

    #[test]
    fn answered_bytes_are_freed_and_their_buffer_is_used_again() {
        let mut outbox = Outbox::default();
        outbox.append(stretch("aa"));
        outbox.append(stretch("bb"));
        assert_eq!(drain(&mut outbox, 9), "aabb");
        outbox.release(3);
        assert_eq!(outbox.segments.len(), 1);
        assert!(outbox.take_spare().is_some_and(|spare| spare.capacity() >= 2 && spare.len() == 0));
        outbox.release(4);
        assert!(outbox.segments.is_empty());
        outbox.append(stretch("cc"));
        assert_eq!(drain(&mut outbox, 9), "cc");
    }
}
