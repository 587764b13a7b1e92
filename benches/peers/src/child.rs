//! One run in a fresh process: clean CPU figures, and a client that hangs costs one cell and not the table.

use std::{
    env,
    io::Read,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::server;

/// This program with other arguments; what it printed. Ended if it takes longer than `limit`. From the main thread only
/// (see `server::end_with_parent`).
pub(crate) fn run(arguments: &[String], limit: Duration) -> Result<String, String> {
    let myself = env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new(myself);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    server::end_with_parent(&mut command);
    let mut child = command.spawn().map_err(|error| error.to_string())?;
    let end = Instant::now() + limit;
    // What a run prints fits into the pipe, so nobody needs to read it before the end.
    let status = loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) => break status,
            None if Instant::now() < end => thread::sleep(Duration::from_millis(20)),
            None => {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("hung: no end after {limit:?}"));
            }
        }
    };
    let mut output = String::new();
    let mut stdout = child.stdout.take().ok_or("the child has no stdout")?;
    stdout.read_to_string(&mut output).map_err(|error| error.to_string())?;
    if status.success() { Ok(output) } else { Err(format!("failed ({status})")) }
}
