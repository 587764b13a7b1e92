//! Hash slots: which of the 16,384 parts of a cluster a key belongs to.

use std::fmt;

/// One of the 16,384 hash slots of a cluster.
///
/// Source: <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#key-distribution-model>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(u16);

impl Slot {
    /// How many slots there are.
    pub const COUNT: u16 = 16_384;

    /// The slot with this number; `None` if there is none: see [`COUNT`](Self::COUNT).
    pub fn new(number: u16) -> Option<Self> {
        (number < Self::COUNT).then_some(Self(number))
    }

    /// The slot of a key: CRC-16/XMODEM of the key, or of the part between its first `{` and the next `}` if that
    /// part is not empty, modulo 16,384.
    ///
    /// ```
    /// use steadfast::Slot;
    ///
    /// assert_eq!(Slot::of(b"123456789").number(), 12739);
    /// assert_eq!(Slot::of(b"{user1000}.following"), Slot::of(b"{user1000}.followers"));
    /// ```
    pub fn of(key: &[u8]) -> Self {
        Self(crc16(hashed_part(key)) % Self::COUNT)
    }

    /// The slot's number, 0 to 16,383.
    pub fn number(self) -> u16 {
        self.0
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fn hashed_part(key: &[u8]) -> &[u8] {
    let Some(open) = key.iter().position(|byte| *byte == b'{') else { return key };
    let rest = key.get(open + 1..).unwrap_or_default();
    match rest.iter().position(|byte| *byte == b'}') {
        Some(close) if close > 0 => rest.get(..close).unwrap_or(key),
        _ => key,
    }
}

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| {
        let index = usize::from((crc >> 8) ^ u16::from(byte)) & 0xff;
        (crc << 8) ^ TABLE.get(index).copied().unwrap_or_default()
    })
}

/// CRC-16/XMODEM, polynomial 0x1021, one entry a byte.
const TABLE: [u16; 256] = {
    let mut table = [0u16; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = (index as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_check_value_holds() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
    }

    #[test]
    fn known_keys_have_the_slots_that_servers_give() {
        for (key, slot) in [("foo", 12182), ("bar", 5061), ("", 0), ("somekey", 11058), ("foo{hash_tag}", 2515)] {
            assert_eq!(Slot::of(key.as_bytes()).number(), slot, "{key}");
        }
    }

    #[test]
    fn there_are_16384() {
        assert_eq!(
            [0, 16_383, 16_384, u16::MAX].map(|number| Slot::new(number).map(Slot::number)),
            [Some(0), Some(16_383), None, None]
        );
    }

    #[test]
    fn only_the_first_filled_tag_counts() {
        assert_eq!(hashed_part(b"foo{}{bar}"), b"foo{}{bar}");
        assert_eq!(hashed_part(b"foo{{bar}}zap"), b"{bar");
        assert_eq!(hashed_part(b"foo{bar}{zap}"), b"bar");
        assert_eq!(hashed_part(b"foo{bar"), b"foo{bar");
    }
}
