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

/// Eight bytes at a time: each looks its part up by itself, and none waits for the one before it.
fn crc16(bytes: &[u8]) -> u16 {
    let mut crc = 0u16;
    let mut eights = bytes.chunks_exact(8);
    for eight in &mut eights {
        let &[a, b, c, d, e, f, g, h] = eight else { continue };
        let [first, second] = crc.to_be_bytes();
        let [t0, t1, t2, t3, t4, t5, t6, t7] = &TABLES;
        crc = at(t7, first ^ a)
            ^ at(t6, second ^ b)
            ^ at(t5, c)
            ^ at(t4, d)
            ^ at(t3, e)
            ^ at(t2, f)
            ^ at(t1, g)
            ^ at(t0, h);
    }
    let [table, ..] = &TABLES;
    eights.remainder().iter().fold(crc, |crc, &byte| {
        let [first, _] = crc.to_be_bytes();
        (crc << 8) ^ at(table, first ^ byte)
    })
}

#[inline]
fn at(table: &[u16; 256], byte: u8) -> u16 {
    table.get(usize::from(byte)).copied().unwrap_or_default()
}

/// For each number of zeros behind a byte: what the byte is worth.
const TABLES: [[u16; 256]; 8] = {
    let mut tables = [TABLE; 8];
    let mut zeros = 1;
    while zeros < 8 {
        let mut index = 0;
        while index < 256 {
            let before = tables[zeros - 1][index];
            tables[zeros][index] = (before << 8) ^ TABLE[(before >> 8) as usize];
            index += 1;
        }
        zeros += 1;
    }
    tables
};

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
    fn eight_at_a_time_are_as_one_by_one() {
        let one_by_one = |bytes: &[u8]| {
            bytes.iter().fold(0u16, |crc, &byte| (crc << 8) ^ TABLE[usize::from((crc >> 8) as u8 ^ byte)])
        };
        let bytes: Vec<u8> = (0..100u8).map(|byte| byte.wrapping_mul(37) ^ 0x5a).collect();
        for length in 0..=bytes.len() {
            assert_eq!(crc16(&bytes[..length]), one_by_one(&bytes[..length]), "{length}");
        }
    }

    #[test]
    fn only_the_first_filled_tag_counts() {
        assert_eq!(hashed_part(b"foo{}{bar}"), b"foo{}{bar}");
        assert_eq!(hashed_part(b"foo{{bar}}zap"), b"{bar");
        assert_eq!(hashed_part(b"foo{bar}{zap}"), b"bar");
        assert_eq!(hashed_part(b"foo{bar"), b"foo{bar");
    }
}
