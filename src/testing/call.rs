//! One run of one command: who asks, and the state it runs on.

use bytes::Bytes;

use crate::resp::{Protocol, Value};

use super::blocking::Block;
use super::client::Client;
use super::database::Database;
use super::failure::Failure;
use super::numbers::{parse_double, parse_integer};
use super::state::State;

/// What a command has: everything, and the id of the client that sent it, which is a key of `state.clients`.
pub(crate) struct Call<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) client: u64,
}

/// What a command answers.
#[derive(Debug)]
pub(crate) enum Output {
    One(Value),
    /// A value for each channel of a subscription command.
    Several(Vec<Value>),
    /// Nothing yet: there was nothing to take.
    Blocked(Block),
    /// The command has written its reply itself.
    Written,
}

pub(crate) type Outcome = Result<Output, Failure>;

impl From<Value> for Output {
    fn from(value: Value) -> Self {
        Output::One(value)
    }
}

impl Call<'_> {
    /// The selected database, at the present time.
    pub(crate) fn database(&mut self) -> &mut Database {
        let index = self.client().database;
        self.state.database(index)
    }

    pub(crate) fn client(&mut self) -> &mut Client {
        self.state.client(self.client)
    }

    pub(crate) fn protocol(&mut self) -> Protocol {
        self.client().protocol
    }
}

/// The argument as an integer.
pub(crate) fn integer(argument: &[u8]) -> Result<i64, Failure> {
    parse_integer(argument).ok_or(Failure::NOT_AN_INTEGER)
}

/// The argument as a double.
pub(crate) fn double(argument: &[u8]) -> Result<f64, Failure> {
    parse_double(argument).ok_or(Failure::NOT_A_FLOAT)
}

/// The argument as a number of elements.
pub(crate) fn positive(argument: &[u8]) -> Result<usize, Failure> {
    parse_integer(argument).and_then(|number| usize::try_from(number).ok()).ok_or(Failure::NOT_POSITIVE)
}

/// An option word in upper case, to match on.
pub(crate) fn keyword(argument: &[u8]) -> String {
    String::from_utf8_lossy(argument).to_ascii_uppercase()
}

/// The arguments two by two; fails with the arity error of `command` if one is left over.
pub(crate) fn pairs<'a>(arguments: &'a [Bytes], command: &str) -> Result<Vec<(&'a Bytes, &'a Bytes)>, Failure> {
    let (pairs, rest) = (arguments.chunks_exact(2), arguments.len() % 2);
    if rest != 0 || arguments.is_empty() {
        return Err(Failure::arity(command));
    }
    Ok(pairs.filter_map(|pair| Some((pair.first()?, pair.last()?))).collect())
}

/// The range of a sequence of `len` elements that the servers' `start` and `stop` mean: both inclusive, negative ones
/// from the end.
pub(crate) fn slice(start: i64, stop: i64, len: usize) -> std::ops::Range<usize> {
    let len = i64::try_from(len).unwrap_or(i64::MAX);
    let from_end = |index: i64| if index < 0 { index.saturating_add(len) } else { index };
    let (start, stop) = (from_end(start).max(0), from_end(stop).min(len - 1));
    if start > stop {
        return 0..0;
    }
    // 0 <= start <= stop < len, and len came from a usize.
    usize::try_from(start).unwrap_or(0)..usize::try_from(stop + 1).unwrap_or(0)
}

/// The place that an index, negative from the end, means in a sequence of `len` elements.
pub(crate) fn place(index: i64, len: usize) -> Option<usize> {
    let index = if index < 0 { index.checked_add(i64::try_from(len).ok()?)? } else { index };
    usize::try_from(index).ok().filter(|index| *index < len)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_never_leave_the_sequence() {
        assert_eq!(slice(0, -1, 3), 0..3);
        assert_eq!(slice(-100, 100, 3), 0..3);
        assert_eq!(slice(2, 1, 3), 0..0);
        assert_eq!(slice(5, 9, 3), 0..0);
        assert_eq!(slice(i64::MIN, i64::MAX, 3), 0..3);
        assert_eq!(slice(i64::MAX, i64::MIN, 3), 0..0);
        assert_eq!(slice(0, -1, 0), 0..0);
        assert_eq!(place(-1, 3), Some(2));
        assert_eq!(place(-4, 3), None);
        assert_eq!(place(3, 3), None);
        assert_eq!(place(i64::MIN, 3), None);
    }
}
