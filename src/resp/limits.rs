//! How much a peer may ask the decoder to hold.

/// Bounds on what a server may send. They are checked when a length is announced, before anything is reserved for it.
///
/// A value over `depth` spoils that one value and the stream goes on; the other limits are framing errors, which end
/// the connection.
///
/// ```
/// use steadfast::Config;
/// use steadfast::resp::Limits;
///
/// let mut limits = Limits::default();
/// limits.bulk = 16 << 20;
/// let config = Config::tcp("localhost", 6379).with_limits(limits);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How many aggregates (attributes too) may be open inside each other. Default 1024. Too small: legal replies of
    /// scripts (which can nest about 8,000) are refused. Too large: a few bytes of memory per level.
    pub depth: u32,
    /// Elements (pairs, for a map) of one aggregate. Default: as many as fit into 32 bits, because memory follows the
    /// bytes that arrived and not the number announced: 16 bytes for each value, of which the shortest takes three
    /// bytes on the wire. Lower it, or `frame`, where a hostile server must not take several times `frame`.
    pub elements: u32,
    /// Bytes of one bulk string, or of all chunks of a streamed one. Default 512 MiB, the servers' own default
    /// (`proto-max-bulk-len`). Too large: one value may take that much memory.
    pub bulk: usize,
    /// Bytes of one line (simple strings, errors, numbers). Default 1 MiB.
    pub line: usize,
    /// Bytes of one whole reply as it was sent. Default 1 GiB. What is not between 64 bytes and
    /// [`Limits::MAX_FRAME`] counts as the nearer of the two.
    pub frame: usize,
}

impl Limits {
    /// The largest `frame` there can be: places inside a frame are kept in 32 bits, a run of replies included.
    pub const MAX_FRAME: usize = (u32::MAX - RUN_BYTES as u32) as usize;

    /// These limits with `frame` inside its bounds.
    pub(crate) fn clamped(mut self) -> Self {
        self.frame = self.frame.clamp(MIN_FRAME, Self::MAX_FRAME);
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits { depth: 1024, elements: u32::MAX, bulk: 512 << 20, line: 1 << 20, frame: 1 << 30 }
    }
}

/// A run takes no further reply when it holds this many bytes.
pub(crate) const RUN_BYTES: usize = 16 << 20;
const MIN_FRAME: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_and_a_reply_fit_into_32_bits() {
        let limits = Limits { frame: usize::MAX, ..Limits::default() }.clamped();
        assert!(u32::try_from(limits.frame + RUN_BYTES).is_ok());
    }
}
