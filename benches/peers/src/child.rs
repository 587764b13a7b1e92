//! One run in a fresh process: clean CPU figures, and a client that hangs costs one cell and not the table.

use std::{
    env, fmt,
    io::{self, Read},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::server;

/// Why a run has no result.
pub(crate) enum Trouble {
    Hung { limit: Duration },
    Failed { why: String },
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hung { limit } => write!(f, "hung: no end after {limit:?}"),
            Self::Failed { why } => write!(f, "failed ({why})"),
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Failed { why: error.to_string() }
    }
}

/// This program with other arguments; what it printed. Ended if it takes longer than `limit`, and if the thread that
/// called this ends.
pub(crate) fn run(arguments: &[String], limit: Duration) -> Result<String, Trouble> {
    let myself = env::current_exe()?;
    let mut command = Command::new(myself);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    server::end_with_parent(&mut command);
    let mut child = command.spawn()?;
    let end = Instant::now() + limit;
    // What a run prints fits into the pipe, so nobody needs to read it before the end.
    let status = loop {
        match child.try_wait()? {
            Some(status) => break status,
            None if Instant::now() < end => thread::sleep(Duration::from_millis(20)),
            None => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(Trouble::Hung { limit });
            }
        }
    };
    let mut output = String::new();
    let mut stdout = child.stdout.take().ok_or_else(|| io::Error::other("the child has no stdout"))?;
    stdout.read_to_string(&mut output)?;
    if status.success() { Ok(output) } else { Err(Trouble::Failed { why: status.to_string() }) }
}
