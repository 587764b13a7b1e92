//! Pages of a scan.

use super::args::ToArg;
use super::convert::ConversionError;
use super::from_reply::FromReply;
use super::request::Request;
use crate::resp::Reply;

/// What one call of `SCAN`, `HSCAN`, `SSCAN` or `ZSCAN` answers: some of the items, perhaps none, and where to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page<T> {
    /// Where the next page begins, on the same server; 0 after the last page.
    pub cursor: u64,
    /// The items. One can come twice, on this page or another.
    pub items: Vec<T>,
}

impl<T: FromReply> FromReply for Page<T> {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let (cursor, items) = FromReply::from_reply(reply)?;
        Ok(Self { cursor, items })
    }
}

/// Marks a request of [`Keys::scan`](crate::api::Keys::scan), whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+ScanOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct ScanOptions;

/// Marks a request that scans the members of one key, whose [options] are methods.
///
/// [options]: Request#impl-Request%3CE,+T,+MemberScanOptions%3E
#[derive(Clone, Copy, Debug)]
pub struct MemberScanOptions;

/// The marks of requests for one page of a scan.
pub trait Scanning: sealed::Sealed {
    /// The cursor's place among the command's words.
    #[doc(hidden)]
    const CURSOR: usize;
}

mod sealed {
    pub trait Sealed {}
}

impl sealed::Sealed for ScanOptions {}

impl sealed::Sealed for MemberScanOptions {}

impl Scanning for ScanOptions {
    const CURSOR: usize = 1;
}

impl Scanning for MemberScanOptions {
    const CURSOR: usize = 2;
}

impl<E, T, O: Scanning> Request<E, T, O> {
    /// The same page request with another cursor.
    pub(crate) fn at_cursor(self, cursor: u64) -> Self {
        self.put(O::CURSOR, cursor)
    }
}

/// Options of [`Keys::scan`](crate::api::Keys::scan).
impl<E, T> Request<E, T, ScanOptions> {
    /// Where to begin: the cursor of the page before. Default: 0, the beginning.
    pub fn cursor(self, cursor: u64) -> Self {
        self.at_cursor(cursor)
    }

    /// Only keys that match the [pattern](https://redis.io/docs/latest/commands/keys/). The server looks at the others too,
    /// so that a page can be empty.
    pub fn matching(self, pattern: impl ToArg) -> Self {
        self.with(("MATCH", pattern))
    }

    /// How many keys the server looks at for one page, about. Default: 10. More makes fewer round trips, and holds the
    /// server up longer each time.
    pub fn count(self, keys: u32) -> Self {
        self.with(("COUNT", keys))
    }

    /// Only keys of this type: `string`, `list`, `set`, `zset`, `hash`, `stream`, or a module's. Since 6.0.
    pub fn of_type(self, name: impl ToArg) -> Self {
        self.with(("TYPE", name))
    }
}

/// Options of `hscan`, `sscan` and `zscan`.
impl<E, T> Request<E, T, MemberScanOptions> {
    /// Where to begin: the cursor of the page before. Default: 0, the beginning.
    pub fn cursor(self, cursor: u64) -> Self {
        self.at_cursor(cursor)
    }

    /// Only fields or members that match the [pattern](https://redis.io/docs/latest/commands/keys/).
    pub fn matching(self, pattern: impl ToArg) -> Self {
        self.with(("MATCH", pattern))
    }

    /// How many of them the server looks at for one page, about. Default: 10. A small hash, set or sorted set comes whole.
    pub fn count(self, members: u32) -> Self {
        self.with(("COUNT", members))
    }
}
