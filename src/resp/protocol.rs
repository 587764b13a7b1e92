//! The two dialects.

/// The version of the protocol a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// Strings, errors, integers, arrays and nulls only. What every connection starts with.
    Resp2,
    /// All types, and pushes beside replies. Chosen with `HELLO 3`.
    Resp3,
}
