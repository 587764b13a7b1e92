//! Bitmaps: <https://redis.io/docs/latest/commands/?group=bitmap>.

use super::{keyed, keyless, known};
use crate::command::{Args, ConversionError, Effect, Executor, FromReply, Reply, Request, ToArg, ToArgs};

/// Commands on the bits of strings. Bit 0 is the highest one of the first byte; those behind the end are 0.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use steadfast::api::{BitfieldType, Bitmaps, BitfieldOverflow};
///
/// client.setbit("active:monday", 7, true).await?;
/// let active = client.bitcount("active:monday").await?;
///
/// let (level, gold) = (BitfieldType::Unsigned(8), BitfieldType::Unsigned(32));
/// let answers = client.bitfield("player:7").set(level, 0, 3).overflow(BitfieldOverflow::Sat).incrby(gold, 8, 50).await?;
/// # Ok(())
/// # }
/// ```
pub trait Bitmaps: Executor {
    /// How many bits are 1; 0 if there is no such key. Of a part alone with the request's methods
    /// [`range`](BitcountOptions) and [`bit_range`](BitcountOptions).
    /// Since 2.6. <https://redis.io/docs/latest/commands/bitcount/>
    fn bitcount(self, key: impl ToArg) -> Request<Self, u64, BitcountOptions> {
        keyed::<_, ()>(self, const { known("BITCOUNT") }, key).marked()
    }

    /// Reads and changes integers of any number of bits. What to do is said by methods of the request, in order:
    /// [`get`](BitfieldOptions), [`set`](BitfieldOptions), [`incrby`](BitfieldOptions), [`overflow`](BitfieldOptions).
    /// One answer to each of the first three; `None` where [`BitfieldOverflow::Fail`] kept it from being done.
    /// Since 3.2. <https://redis.io/docs/latest/commands/bitfield/>
    fn bitfield(self, key: impl ToArg) -> Request<Self, Vec<Option<i64>>, BitfieldOptions> {
        keyed::<_, ()>(self, const { known("BITFIELD") }, key).marked()
    }

    /// Reads integers of any number of bits, on a replica too. Which ones is said by the request's method
    /// [`get`](BitfieldRoOptions), once each.
    /// Since 6.0. <https://redis.io/docs/latest/commands/bitfield_ro/>
    fn bitfield_ro(self, key: impl ToArg) -> Request<Self, Vec<i64>, BitfieldRoOptions> {
        keyed::<_, ()>(self, const { known("BITFIELD_RO") }, key).marked()
    }

    /// Combines the bits of the sources, the shorter ones filled up with 0, and stores them in the place of what is there.
    /// The length in bytes; of 0, the destination is deleted. [`BitOperation::Not`] takes one source.
    /// Since 2.6. <https://redis.io/docs/latest/commands/bitop/>
    fn bitop(self, operation: BitOperation, destination: impl ToArg, sources: impl ToArgs) -> Request<Self, u64> {
        keyless(self, const { known("BITOP") }).with(operation).with_keys(destination).with_keys(sources)
    }

    /// Where the first bit of this value is; `None` if there is none. Of a part alone with the request's methods
    /// [`start`](BitposOptions), [`range`](BitposOptions) and [`bit_range`](BitposOptions).
    ///
    /// Looking for `false` without an end, the bits behind the string count too: there is always one.
    /// Since 2.8.7. <https://redis.io/docs/latest/commands/bitpos/>
    fn bitpos(self, key: impl ToArg, bit: bool) -> Request<Self, Option<u64>, BitposOptions> {
        keyed::<_, ()>(self, const { known("BITPOS") }, key).with(bit).read_by(position)
    }

    /// A bit; `false` if there is no such key.
    /// Since 2.2. <https://redis.io/docs/latest/commands/getbit/>
    fn getbit(self, key: impl ToArg, offset: u64) -> Request<Self, bool> {
        keyed(self, const { known("GETBIT") }, key).with(offset)
    }

    /// Sets a bit; a shorter string grows. The bit that was there before.
    /// Since 2.2. <https://redis.io/docs/latest/commands/setbit/>
    fn setbit(self, key: impl ToArg, offset: u64, bit: bool) -> Request<Self, bool> {
        keyed(self, const { known("SETBIT") }, key).with((offset, bit))
    }
}

impl<E: Executor> Bitmaps for E {}

/// How [`Bitmaps::bitop`] combines bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BitOperation {
    /// 1 where it is 1 in all sources.
    And,
    /// 1 where it is 1 in any source.
    Or,
    /// 1 where it is 1 in an odd number of sources.
    Xor,
    /// 1 where it is 0 in the source.
    Not,
    /// 1 where it is 1 in the first source and in none of the others. Since 8.2.
    Diff,
    /// 1 where it is 1 in any of the others and not in the first source. Since 8.2.
    Diff1,
    /// 1 where it is 1 in the first source and in any of the others. Since 8.2.
    AndOr,
    /// 1 where it is 1 in exactly one source. Since 8.2.
    One,
}

impl ToArgs for BitOperation {
    fn write_args(&self, args: &mut Args<'_>) {
        args.bytes(match self {
            Self::And => b"AND",
            Self::Or => b"OR",
            Self::Xor => b"XOR",
            Self::Not => b"NOT",
            Self::Diff => b"DIFF",
            Self::Diff1 => b"DIFF1",
            Self::AndOr => b"ANDOR",
            Self::One => b"ONE",
        });
    }
}

impl ToArg for BitOperation {}

/// An integer of a [`bitfield`](Bitmaps::bitfield), by the number of its bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BitfieldType {
    /// From 1 to 64 bits, the highest of which is the sign: `i8`.
    Signed(u8),
    /// From 1 to 63 bits: `u8`.
    Unsigned(u8),
}

impl ToArgs for BitfieldType {
    fn write_args(&self, args: &mut Args<'_>) {
        let (letter, bits) = match self {
            Self::Signed(bits) => ('i', bits),
            Self::Unsigned(bits) => ('u', bits),
        };
        args.bytes(format!("{letter}{bits}").as_bytes());
    }
}

impl ToArg for BitfieldType {}

/// The place of an integer of a [`bitfield`](Bitmaps::bitfield) that is an array of such integers: the first one is
/// `BitfieldElement(0)` (`#0`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BitfieldElement(
    /// How many of them are before it.
    pub u64,
);

impl ToArgs for BitfieldElement {
    fn write_args(&self, args: &mut Args<'_>) {
        args.bytes(format!("#{}", self.0).as_bytes());
    }
}

impl ToArg for BitfieldElement {}

/// What becomes of a number that has too many bits for its place in a [`bitfield`](Bitmaps::bitfield).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BitfieldOverflow {
    /// It loses its highest bits. The default.
    Wrap,
    /// It becomes the greatest, or the least, number that there is room for.
    Sat,
    /// Nothing is done, and `None` is answered.
    Fail,
}

impl ToArgs for BitfieldOverflow {
    fn write_args(&self, args: &mut Args<'_>) {
        args.bytes(match self {
            Self::Wrap => b"WRAP",
            Self::Sat => b"SAT",
            Self::Fail => b"FAIL",
        });
    }
}

impl ToArg for BitfieldOverflow {}

/// Marks a request of [`Bitmaps::bitcount`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+BitcountOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct BitcountOptions;

/// Options of [`Bitmaps::bitcount`].
impl<E, T> Request<E, T, BitcountOptions> {
    /// Only the bytes from `start` to `end`, both included; negative ones count from the end.
    pub fn range(self, start: i64, end: i64) -> Self {
        self.with((start, end))
    }

    /// Only the bits from `start` to `end`, both included; negative ones count from the end. Since 7.0.
    pub fn bit_range(self, start: i64, end: i64) -> Self {
        self.with((start, end, "BIT"))
    }
}

/// Marks a request of [`Bitmaps::bitpos`], whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+BitposOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct BitposOptions;

/// Options of [`Bitmaps::bitpos`]. The position is counted from the string's first bit all the same.
impl<E, T> Request<E, T, BitposOptions> {
    /// Only from the byte `start` on; a negative one counts from the end.
    pub fn start(self, start: i64) -> Self {
        self.with(start)
    }

    /// Only the bytes from `start` to `end`, both included; negative ones count from the end.
    pub fn range(self, start: i64, end: i64) -> Self {
        self.with((start, end))
    }

    /// Only the bits from `start` to `end`, both included; negative ones count from the end. Since 7.0.
    pub fn bit_range(self, start: i64, end: i64) -> Self {
        self.with((start, end, "BIT"))
    }
}

/// Marks a request of [`Bitmaps::bitfield`], whose [operations] are methods.
///
/// [operations]: Request#impl-Request%3CE,+T,+BitfieldOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct BitfieldOptions;

/// Operations of [`Bitmaps::bitfield`]. An offset is a number of bits, or a [`BitfieldElement`].
impl<E, T> Request<E, T, BitfieldOptions> {
    /// Answers an integer.
    pub fn get(self, of: BitfieldType, offset: impl ToArg) -> Self {
        self.with(("GET", of, offset))
    }

    /// Sets an integer; answers the one that was there before.
    pub fn set(self, of: BitfieldType, offset: impl ToArg, value: i64) -> Self {
        self.with(("SET", of, offset, value)).does_at_least(Effect::LastWriteWins)
    }

    /// Adds to an integer; answers the new one.
    pub fn incrby(self, of: BitfieldType, offset: impl ToArg, by: i64) -> Self {
        self.with(("INCRBY", of, offset, by)).does_at_least(Effect::Accumulating)
    }

    /// What becomes of numbers that are too great or too small, in the operations after this one.
    pub fn overflow(self, overflow: BitfieldOverflow) -> Self {
        self.with(("OVERFLOW", overflow))
    }

    fn does_at_least(self, effect: Effect) -> Self {
        let effect = effect.max(self.command.effect());
        self.does(effect)
    }
}

/// Marks a request of [`Bitmaps::bitfield_ro`], whose [operation] is a method.
///
/// [operation]: Request#impl-Request%3CE,+T,+BitfieldRoOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct BitfieldRoOptions;

/// Operations of [`Bitmaps::bitfield_ro`].
impl<E, T> Request<E, T, BitfieldRoOptions> {
    /// Answers an integer. An offset is a number of bits, or a [`BitfieldElement`].
    pub fn get(self, of: BitfieldType, offset: impl ToArg) -> Self {
        self.with(("GET", of, offset))
    }
}

/// A position; `None` for -1.
fn position(reply: Reply<'_>) -> Result<Option<u64>, ConversionError> {
    match i64::from_reply(reply)? {
        -1 => Ok(None),
        _ => u64::from_reply(reply).map(Some),
    }
}
