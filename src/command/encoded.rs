//! Encoded bytes on their way to a socket, with large arguments riding beside them uncopied.

use std::cell::RefCell;
use std::fmt;
use std::io::IoSlice;

use bytes::Bytes;

/// Arguments from this size on are not copied into the shared buffer but written from where they are.
pub(crate) const LARGE: usize = 16 * 1024;

/// A stretch of the write stream: small bytes in one buffer, and large ones to be put in between.
#[derive(Default, Clone)]
pub(crate) struct Encoded {
    /// The small bytes, in order.
    bytes: Vec<u8>,
    /// The large ones, if there are any: boxed, because most commands have none and are moved about.
    large: Option<Box<Large>>,
}

#[derive(Default, Clone)]
struct Large {
    /// In order.
    pieces: Vec<Piece>,
    /// The sum of their lengths.
    len: usize,
}

#[derive(Clone)]
struct Piece {
    /// How many of the small bytes go before it.
    at: usize,
    /// How many bytes go before it, small and large.
    start: usize,
    bytes: Bytes,
}

impl Piece {
    /// How many bytes have gone with it.
    fn end(&self) -> usize {
        self.start + self.bytes.len()
    }
}

impl Encoded {
    /// An empty stretch in a buffer that an earlier one on this thread has given back.
    pub(crate) fn from_scratch() -> Self {
        let bytes = SCRATCH.try_with(|scratch| scratch.borrow_mut().pop()).ok().flatten().unwrap_or_default();
        Self { bytes, large: None }
    }

    /// Gives the buffer back for the next command built on this thread.
    pub(crate) fn recycle(mut self) {
        if self.bytes.capacity() == 0 || self.bytes.capacity() > LARGE {
            return;
        }
        self.bytes.clear();
        // A thread that is ending has no scratch any more; the buffer is freed then.
        let _ = SCRATCH.try_with(|scratch| {
            let mut scratch = scratch.borrow_mut();
            if scratch.len() < SCRATCH_BUFFERS {
                scratch.push(std::mem::take(&mut self.bytes));
            }
        });
    }

    /// How many bytes it will put on the wire.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() + self.large.as_ref().map_or(0, |large| large.len)
    }

    /// The buffer for small bytes.
    pub(crate) fn small(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Appends bytes without copying them.
    pub(crate) fn push_large(&mut self, bytes: Bytes) {
        let start = self.len();
        let large = self.large.get_or_insert_default();
        large.len += bytes.len();
        large.pieces.push(Piece { at: self.bytes.len(), start, bytes });
    }

    /// Appends another stretch: small bytes are copied, large ones shared.
    pub(crate) fn append(&mut self, other: &Self) {
        let (base, start) = (self.bytes.len(), self.len());
        self.bytes.extend_from_slice(&other.bytes);
        if let Some(others) = &other.large {
            let large = self.large.get_or_insert_default();
            large.pieces.extend(others.pieces.iter().map(|piece| {
                let bytes = piece.bytes.clone();
                Piece { at: base + piece.at, start: start + piece.start, bytes }
            }));
            large.len += others.len;
        }
    }

    /// Appends a part of another stretch: small bytes are copied, large ones shared.
    pub(crate) fn append_range(&mut self, other: &Self, range: std::ops::Range<usize>) {
        let larges = other.large.as_ref().map_or(&[][..], |large| &large.pieces);
        let (gone, larges) = larges.split_at(larges.partition_point(|piece| piece.end() <= range.start));
        let (mut position, mut small) = gone.last().map_or((0, 0), |piece| (piece.end(), piece.at));
        let within = |position: usize, len: usize| {
            let from = range.start.saturating_sub(position).min(len);
            from..range.end.saturating_sub(position).min(len).max(from)
        };
        for (at, large) in larges.iter().map(|piece| (piece.at, Some(&piece.bytes))).chain([(other.bytes.len(), None)])
        {
            if position >= range.end {
                return;
            }
            let copied = other.bytes.get(small..at).unwrap_or_default();
            self.bytes.extend_from_slice(copied.get(within(position, copied.len())).unwrap_or_default());
            position += copied.len();
            small = at;
            let Some(large) = large else { continue };
            let part = within(position, large.len());
            if !part.is_empty() {
                self.push_large(large.slice(part));
            }
            position += large.len();
        }
    }

    /// Turns a buffer that has itself grown large into shared bytes, so that appending it copies nothing.
    pub(crate) fn share_if_large(&mut self) {
        if self.bytes.len() < LARGE || self.large.is_some() {
            return;
        }
        let bytes = Bytes::from(std::mem::take(&mut self.bytes));
        self.push_large(bytes);
    }

    /// Empties it, keeping the small buffer.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.large = None;
    }

    /// How many bytes the small buffer can hold.
    pub(crate) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Calls `visit` with the pieces of the range, as far as there are any, in order, until it says stop (`false`).
    pub(crate) fn pieces<'a>(&'a self, range: std::ops::Range<usize>, mut visit: impl FnMut(&'a [u8]) -> bool) {
        let Some(larges) = &self.large else {
            let end = range.end.min(self.bytes.len());
            if let Some(piece) = self.bytes.get(range.start..end).filter(|piece| !piece.is_empty()) {
                visit(piece);
            }
            return;
        };
        let (gone, left) = larges.pieces.split_at(larges.pieces.partition_point(|piece| piece.end() <= range.start));
        let (mut position, mut small) = gone.last().map_or((0, 0), |piece| (piece.end(), piece.at));
        let ends = left.iter().map(|piece| (piece.at, &piece.bytes[..])).chain([(self.bytes.len(), &[][..])]);
        for (at, large) in ends {
            if position >= range.end {
                return;
            }
            for piece in [self.bytes.get(small..at).unwrap_or_default(), large] {
                let from = range.start.saturating_sub(position).min(piece.len());
                let to = range.end.saturating_sub(position).min(piece.len());
                position += piece.len();
                match piece.get(from..to) {
                    Some(part) if !part.is_empty() && !visit(part) => return,
                    _ => {}
                }
            }
            small = at;
        }
    }

    /// Adds the pieces of the range to `slices`, as far as there is room in them; returns the bytes added.
    pub(crate) fn slices<'a>(&'a self, range: std::ops::Range<usize>, slices: &mut Slices<'a, '_>) -> usize {
        let mut added = 0;
        self.pieces(range, |piece| {
            let fits = slices.push(piece);
            added += if fits { piece.len() } else { 0 };
            fits
        });
        added
    }
}

/// Arguments may be secret: only their length shows.
impl fmt::Debug for Encoded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encoded({} bytes)", self.len())
    }
}

/// A bounded list of slices for one vectored write.
pub(crate) struct Slices<'a, 'b> {
    list: &'b mut [IoSlice<'a>],
    len: usize,
}

impl<'a, 'b> Slices<'a, 'b> {
    /// An empty list over `list`, whose length is its bound.
    pub(crate) fn new(list: &'b mut [IoSlice<'a>]) -> Self {
        Self { list, len: 0 }
    }

    /// Adds a slice; `false` if there is no room.
    pub(crate) fn push(&mut self, bytes: &'a [u8]) -> bool {
        match self.list.get_mut(self.len) {
            Some(place) => {
                *place = IoSlice::new(bytes);
                self.len += 1;
                true
            }
            None => false,
        }
    }

    /// How many slices are in it.
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

thread_local! {
    static SCRATCH: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// How many buffers a thread keeps.
const SCRATCH_BUFFERS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Encoded {
        let mut encoded = Encoded::default();
        encoded.small().extend_from_slice(b"ab");
        encoded.push_large(Bytes::from_static(b"CDE"));
        encoded.small().extend_from_slice(b"fg");
        encoded.push_large(Bytes::from_static(b"HI"));
        encoded
    }

    fn read(encoded: &Encoded, range: std::ops::Range<usize>) -> Vec<u8> {
        let mut out = Vec::new();
        encoded.pieces(range, |piece| {
            out.extend_from_slice(piece);
            true
        });
        out
    }

    #[test]
    fn every_range_reads_as_the_whole_does() {
        let encoded = sample();
        let whole = b"abCDEfgHI";
        assert_eq!(encoded.len(), whole.len());
        for start in 0..=whole.len() {
            for end in start..=whole.len() {
                assert_eq!(read(&encoded, start..end), &whole[start..end], "{start}..{end}");
                let mut part = Encoded::default();
                part.append_range(&encoded, start..end);
                assert_eq!(read(&part, 0..part.len()), &whole[start..end], "{start}..{end}");
            }
        }
    }

    #[test]
    fn appending_keeps_large_bytes_in_their_places() {
        let mut encoded = sample();
        encoded.append(&sample());
        assert_eq!(read(&encoded, 0..encoded.len()), b"abCDEfgHIabCDEfgHI");
    }

    #[test]
    fn slices_stop_at_their_bound_and_say_how_much_they_hold() {
        let encoded = sample();
        let mut list = [IoSlice::new(&[]); 2];
        let mut slices = Slices::new(&mut list);
        assert_eq!(encoded.slices(1..9, &mut slices), 4);
        assert_eq!(slices.len(), 2);
    }

    #[test]
    fn debug_shows_no_argument() {
        assert_eq!(format!("{:?}", sample()), "Encoded(9 bytes)");
    }

    #[test]
    fn a_large_buffer_is_shared_not_copied() {
        let mut encoded = Encoded::default();
        encoded.small().resize(LARGE, b'x');
        encoded.share_if_large();
        assert_eq!((encoded.len(), encoded.capacity()), (LARGE, 0));
    }
}
