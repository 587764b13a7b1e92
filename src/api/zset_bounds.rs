//! The ends of ranges of sorted sets: ranks, scores, or names.

use crate::command::{Args, ToArg, ToArgs};

/// An end of a range of scores, at it or just beside it. A number alone is at it:
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use steadfast::api::{ScoreBound, SortedSets};
///
/// let from_ten_on = client.zcount("scores", 10, ScoreBound::HIGHEST).await?;
/// let above_ten = client.zcount("scores", ScoreBound::exclusive(10.0), f64::INFINITY).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreBound {
    score: f64,
    inclusive: bool,
}

impl ScoreBound {
    /// The lowest score that there can be: `-inf`.
    pub const LOWEST: Self = Self { score: f64::NEG_INFINITY, inclusive: true };
    /// The highest score that there can be: `inf`.
    pub const HIGHEST: Self = Self { score: f64::INFINITY, inclusive: true };

    /// The score belongs to the range. A number alone means the same.
    pub const fn inclusive(score: f64) -> Self {
        Self { score, inclusive: true }
    }

    /// The score does not belong to the range, but everything on this side of it: `(1.5`.
    pub const fn exclusive(score: f64) -> Self {
        Self { score, inclusive: false }
    }
}

macro_rules! scores {
    ($($number:ty)*) => {$(
        /// Inclusive.
        impl From<$number> for ScoreBound {
            fn from(score: $number) -> Self {
                Self::inclusive(f64::from(score))
            }
        }
    )*};
}

scores!(f64 f32 i32 u32);

macro_rules! wide_scores {
    ($($number:ty)*) => {$(
        /// Inclusive; the nearest double, as a server has it.
        impl From<$number> for ScoreBound {
            #[expect(clippy::cast_precision_loss, reason = "scores are doubles")]
            fn from(score: $number) -> Self {
                Self::inclusive(score as f64)
            }
        }
    )*};
}

wide_scores!(i64 u64 isize usize);

impl ToArgs for ScoreBound {
    fn write_args(&self, args: &mut Args<'_>) {
        if self.inclusive {
            args.double(self.score);
        } else {
            args.bytes(format!("({}", self.score).as_bytes());
        }
    }
}

impl ToArg for ScoreBound {}

/// An end of a range of members in the order of their bytes, of a sorted set whose members all have the same score.
///
/// ```no_run
/// # async fn example(client: steadfast::Client) -> Result<(), steadfast::Error> {
/// use steadfast::api::{LexBound, SortedSets};
///
/// let a_to_b: Vec<String> = client.zrange("names", LexBound::inclusive("a"), LexBound::exclusive("c")).await?;
/// let how_many = client.zlexcount("names", LexBound::LOWEST, LexBound::HIGHEST).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LexBound(Lex);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Lex {
    Lowest,
    Highest,
    /// With the sign in front.
    Name(Vec<u8>),
}

impl LexBound {
    /// Before every member: `-`.
    pub const LOWEST: Self = Self(Lex::Lowest);
    /// After every member: `+`.
    pub const HIGHEST: Self = Self(Lex::Highest);

    /// The name belongs to the range, if it is a member: `[name`.
    pub fn inclusive(name: impl AsRef<[u8]>) -> Self {
        Self(Lex::Name([b"[", name.as_ref()].concat()))
    }

    /// The name does not belong to the range: `(name`.
    pub fn exclusive(name: impl AsRef<[u8]>) -> Self {
        Self(Lex::Name([b"(", name.as_ref()].concat()))
    }
}

impl ToArgs for LexBound {
    fn write_args(&self, args: &mut Args<'_>) {
        args.bytes(match &self.0 {
            Lex::Lowest => b"-",
            Lex::Highest => b"+",
            Lex::Name(name) => name,
        });
    }
}

impl ToArg for LexBound {}

/// An end of a range of [`zrange`](super::SortedSets::zrange): an integer is a rank, a [`ScoreBound`] a score, a
/// [`LexBound`] a name. Both ends must be of one kind.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an end of a range",
    note = "an integer is a rank, `ScoreBound::inclusive(1.5)` a score, `LexBound::inclusive(\"a\")` a name"
)]
pub trait ZrangeBound: ToArg + sealed::Sealed {
    /// The option that says so to the server.
    #[doc(hidden)]
    const BY: Option<&'static str>;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! bounds {
    ($($bound:ty: $by:expr;)*) => {$(
        impl sealed::Sealed for $bound {}

        impl ZrangeBound for $bound {
            const BY: Option<&'static str> = $by;
        }
    )*};
}

bounds! {
    i32: None;
    i64: None;
    u32: None;
    u64: None;
    usize: None;
    isize: None;
    ScoreBound: Some("BYSCORE");
    LexBound: Some("BYLEX");
}
