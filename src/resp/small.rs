//! A short payload kept inside a frame.

/// Up to 64 bytes, and no note of how many.
#[derive(Clone, Copy)]
#[repr(align(8))]
pub(crate) struct SmallPayload([u8; SmallPayload::MAX]);

impl SmallPayload {
    pub(crate) const MAX: usize = 64;

    /// The first `len` bytes of `bytes`, which are at most [`SmallPayload::MAX`] and are there; and, unless they are
    /// the last ones of `bytes`, some more.
    ///
    /// A copy of a fixed length is made in registers, straight to where the frame will be. One of `len` bytes is
    /// written in pieces first and then read again whole, for which the processor has to wait until the pieces are stored:
    /// longer than all the rest of decoding takes.
    #[inline(always)]
    pub(crate) fn new(bytes: &[u8], len: usize) -> Self {
        match bytes.first_chunk() {
            Some(whole) => SmallPayload(*whole),
            None => SmallPayload::last(bytes, len),
        }
    }

    fn last(bytes: &[u8], len: usize) -> Self {
        let mut small = [0; SmallPayload::MAX];
        small.iter_mut().zip(bytes.iter().take(len)).for_each(|(to, from)| *to = *from);
        SmallPayload(small)
    }

    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_kept() {
        let bytes: Vec<u8> = (1..=100).collect();
        for len in 0..=SmallPayload::MAX {
            for behind in [0, 1, 2, 30] {
                let small = SmallPayload::new(&bytes[..len + behind], len);
                assert_eq!(small.as_bytes()[..len], bytes[..len]);
            }
        }
    }
}
