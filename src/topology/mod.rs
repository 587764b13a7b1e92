//! Which link gets a command.

mod standalone;

pub(crate) use standalone::Standalone;
