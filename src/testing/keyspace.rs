//! Commands on whole databases: KEYS, DBSIZE, FLUSHDB, FLUSHALL.

use bytes::Bytes;

use crate::resp::Value;

use super::call::{Call, Outcome, keyword};
use super::dispatch::{Command, row};
use super::failure::Failure;
use super::glob;
use super::state::DATABASES;
use super::values::{bulk_or_null, bulks, count, ok};

pub(crate) const COMMANDS: &[Command] = &[
    row("keys", 2, keys),
    row("randomkey", 1, oldest),
    row("dbsize", 1, size),
    row("flushdb", -1, flush_database),
    row("flushall", -1, flush_all),
];

fn keys(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let keys = call.database().keys().keys().filter(|key| glob::matches(&command[1], key));
    Ok(Value::Array(bulks(keys)).into())
}

/// RANDOMKEY: always the oldest key, so that tests are repeatable.
fn oldest(call: &mut Call<'_>, _: &[Bytes]) -> Outcome {
    Ok(bulk_or_null(call.database().keys().keys().next().cloned()).into())
}

fn size(call: &mut Call<'_>, _: &[Bytes]) -> Outcome {
    Ok(count(call.database().keys().len()).into())
}

fn flush_database(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    check_flush_option(command)?;
    call.database().clear();
    Ok(ok().into())
}

fn flush_all(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    check_flush_option(command)?;
    for index in 0..DATABASES {
        call.state.database(index).clear();
    }
    Ok(ok().into())
}

fn check_flush_option(command: &[Bytes]) -> Result<(), Failure> {
    match command {
        [_] => Ok(()),
        [_, option] if matches!(keyword(option).as_str(), "SYNC" | "ASYNC") => Ok(()),
        _ => Err(Failure::SYNTAX),
    }
}
