//! From a command's words to its handler, and from the handler's outcome to bytes in the client's outbox.

use std::collections::HashMap;
use std::sync::LazyLock;

use bytes::Bytes;

use crate::resp::Value;

use super::blocking::Blocked;
use super::call::{Call, Outcome, Output};
use super::client::{Client, Replies};
use super::failure::Failure;
use super::state::State;
use super::transaction::Queued;
use super::{
    accounts, blocking, connections, counters, expiry, hashes, keys, keyspace, lists, multi_pops, persona, pubsub,
    scans, score_ranges, set_algebra, sets, sorted_sets, strings, transaction,
};

/// One row of the table of commands.
#[derive(Debug)]
pub(crate) struct Command {
    /// In lower case; a subcommand as `client|id`.
    pub(crate) name: &'static str,
    /// Words including the name: exactly this many, or if negative at least that many.
    pub(crate) arity: i32,
    pub(crate) run: Run,
}

#[derive(Debug)]
pub(crate) enum Run {
    /// Gets the whole command, its name first, of a length that `arity` allows.
    Handler(fn(&mut Call<'_>, &[Bytes]) -> Outcome),
    /// The second word chooses the row.
    Container,
}

/// A row.
pub(crate) const fn row(name: &'static str, arity: i32, run: fn(&mut Call<'_>, &[Bytes]) -> Outcome) -> Command {
    Command { name, arity, run: Run::Handler(run) }
}

/// A row for a command that only has subcommands.
pub(crate) const fn container(name: &'static str) -> Command {
    Command { name, arity: -2, run: Run::Container }
}

/// Answers `command` as a server does, or queues it if the client is in a transaction.
pub(crate) fn run(state: &mut State, client: u64, command: Vec<Bytes>) {
    let now = state.clock.now();
    state.client(client).last_command = now;
    match admit(state, client, &command) {
        Err(failure) => refuse(state.client(client), failure),
        Ok(row) => match &mut state.client(client).transaction {
            Some(open) if !is_immediate(row.name) => {
                open.queue.push(Queued::Command(command));
                state.client(client).write(&transaction::queued());
            }
            _ => execute(state, client, row, &command),
        },
    }
    finish(state, client);
}

/// Answers a command with a value that a test has chosen. In a transaction an error is given at once and spoils the
/// transaction, as a server's own refusals do; other values take their place in the reply to EXEC.
pub(crate) fn answer(state: &mut State, client: u64, value: Value) {
    let asking = state.client(client);
    match (&mut asking.transaction, value) {
        (Some(open), error @ (Value::SimpleError(_) | Value::BulkError(_))) => {
            open.spoil();
            asking.write(&error);
        }
        (Some(open), value) => {
            open.queue.push(Queued::Answer(value));
            asking.write(&transaction::queued());
        }
        (None, value) => asking.write(&value),
    }
    finish(state, client);
}

/// Runs one command of a transaction.
pub(crate) fn run_queued(state: &mut State, client: u64, queued: &Queued) {
    match queued {
        Queued::Answer(value) => state.client(client).write(value),
        Queued::Command(command) => match resolve(state, command) {
            Ok(row) => execute(state, client, row, command),
            Err(failure) => state.client(client).write(&Value::SimpleError(failure.line())),
        },
    }
    // Nothing waits inside a transaction.
    if let Some(blocked) = state.client(client).blocked.take() {
        state.client(client).write(&blocked.block.in_transaction);
    }
    state.notice_modified();
}

/// Tries the command again that the client waits in; `None` if there still is nothing to take.
pub(crate) fn retry(state: &mut State, client: u64) -> Option<Value> {
    let command = state.client(client).blocked.as_ref()?.command.clone();
    let Run::Handler(run) = resolve(state, &command).ok()?.run else { return None };
    let outcome = run(&mut Call { state, client }, &command);
    state.notice_modified();
    match outcome {
        Ok(Output::One(value)) => Some(value),
        _ => None,
    }
}

/// The number of commands, without subcommands.
pub(crate) fn known_commands() -> usize {
    TABLE.keys().filter(|name| !name.contains('|')).count()
}

/// The row to run for this client, or why there is none.
fn admit(state: &mut State, client: u64, command: &[Bytes]) -> Result<&'static Command, Failure> {
    let row = resolve(state, command)?;
    let asking = state.client(client);
    if asking.user.is_none() && !matches!(row.name, "auth" | "hello" | "quit" | "reset") {
        return Err(Failure::of("NOAUTH Authentication required."));
    }
    let concerns_subscriptions = row.name.ends_with("subscribe");
    if asking.is_restricted() && !concerns_subscriptions && !matches!(row.name, "ping" | "quit" | "reset") {
        return Err(Failure::new(format!(
            "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context",
            row.name
        )));
    }
    Ok(row)
}

fn resolve(state: &State, command: &[Bytes]) -> Result<&'static Command, Failure> {
    let unknown = || Failure::unknown_command(command);
    let name = lowercase(command.first().ok_or_else(unknown)?);
    let mut row = *TABLE.get(name.as_str()).filter(|row| state.persona.knows(row.name)).ok_or_else(unknown)?;
    if let (Run::Container, Some(subcommand)) = (&row.run, command.get(1)) {
        let full = format!("{name}|{}", lowercase(subcommand));
        row = TABLE.get(full.as_str()).ok_or_else(|| Failure::unknown_subcommand(&name, subcommand))?;
    }
    let words = i32::try_from(command.len()).unwrap_or(i32::MAX);
    let fits = if row.arity < 0 { words >= -row.arity } else { words == row.arity };
    if fits { Ok(row) } else { Err(Failure::arity(row.name)) }
}

fn execute(state: &mut State, client: u64, row: &Command, command: &[Bytes]) {
    let outcome = match row.run {
        Run::Handler(run) => run(&mut Call { state, client }, command),
        Run::Container => Err(Failure::arity(row.name)),
    };
    let asking = state.client(client);
    match outcome {
        Ok(Output::One(value)) => asking.write(&value),
        Ok(Output::Several(values)) => values.iter().for_each(|value| asking.write(value)),
        Ok(Output::Blocked(block)) => {
            state.waits += 1;
            let turn = state.waits;
            state.client(client).blocked = Some(Blocked::new(command, block, turn));
        }
        Ok(Output::Written) => {}
        Err(failure) => asking.write(&Value::SimpleError(failure.line())),
    }
}

fn refuse(client: &mut Client, failure: Failure) {
    if let Some(open) = &mut client.transaction {
        open.spoil();
    }
    client.write(&Value::SimpleError(failure.line()));
}

/// What follows every command.
fn finish(state: &mut State, client: u64) {
    state.notice_modified();
    if std::mem::take(&mut state.unserved) > 0 {
        blocking::serve(state);
    }
    let asking = state.client(client);
    asking.replies = match asking.replies {
        Replies::SkipNext => Replies::Skip,
        Replies::Skip => Replies::On,
        same => same,
    };
}

/// Whether a transaction does not queue this command.
fn is_immediate(name: &str) -> bool {
    matches!(name, "exec" | "discard" | "multi" | "watch" | "quit" | "reset")
}

fn lowercase(word: &[u8]) -> String {
    String::from_utf8_lossy(word).to_ascii_lowercase()
}

static TABLE: LazyLock<HashMap<&'static str, &'static Command>> = LazyLock::new(|| {
    let groups: [&'static [Command]; 19] = [
        accounts::COMMANDS,
        blocking::COMMANDS,
        connections::COMMANDS,
        counters::COMMANDS,
        expiry::COMMANDS,
        hashes::COMMANDS,
        keys::COMMANDS,
        keyspace::COMMANDS,
        lists::COMMANDS,
        multi_pops::COMMANDS,
        persona::COMMANDS,
        pubsub::COMMANDS,
        scans::COMMANDS,
        score_ranges::COMMANDS,
        set_algebra::COMMANDS,
        sets::COMMANDS,
        sorted_sets::COMMANDS,
        strings::COMMANDS,
        transaction::COMMANDS,
    ];
    groups.into_iter().flatten().map(|row| (row.name, row)).collect()
});
