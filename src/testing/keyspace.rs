//! Commands on whole databases: KEYS, SCAN, DBSIZE, FLUSHDB, FLUSHALL.

use bytes::Bytes;

use crate::resp::Value;

use super::call::{Call, Outcome, integer, keyword};
use super::dispatch::{Command, row};
use super::failure::Failure;
use super::glob;
use super::state::DATABASES;
use super::values::{bulk, bulk_or_null, bulks, count, ok};

pub(crate) const COMMANDS: &[Command] = &[
    row("keys", 2, keys),
    row("scan", -2, scan),
    row("randomkey", 1, oldest),
    row("dbsize", 1, size),
    row("flushdb", -1, flush_database),
    row("flushall", -1, flush_all),
];

fn keys(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let keys = call.database().keys().keys().filter(|key| glob::matches(&command[1], key));
    Ok(Value::Array(bulks(keys)).into())
}

/// A cursor is the place of the next key, so a key that lives through the whole scan is seen exactly once.
fn scan(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let cursor = std::str::from_utf8(&command[1]).ok().and_then(|cursor| cursor.parse::<u64>().ok());
    let cursor = cursor.ok_or(Failure::of("ERR invalid cursor"))?;
    let (mut pattern, mut wanted_type, mut limit) = (None, None, 10);
    let mut options = command.get(2..).unwrap_or_default();
    while let [option, argument, rest @ ..] = options {
        match keyword(option).as_str() {
            "MATCH" => pattern = Some(argument),
            "TYPE" => wanted_type = Some(keyword(argument).to_ascii_lowercase()),
            "COUNT" => match usize::try_from(integer(argument)?) {
                Ok(number) if number > 0 => limit = number,
                _ => return Err(Failure::SYNTAX),
            },
            _ => return Err(Failure::SYNTAX),
        }
        options = rest;
    }
    if !options.is_empty() {
        return Err(Failure::SYNTAX);
    }
    let keys = call.database().keys();
    let mut rows = keys.keys_from(cursor);
    let page: Vec<&Bytes> = rows.by_ref().take(limit).map(|(_, key)| key).collect();
    let next = rows.next().map_or(0, |(place, _)| place);
    let fits = |key: &&Bytes| {
        pattern.is_none_or(|pattern| glob::matches(pattern, key))
            && wanted_type
                .as_ref()
                .is_none_or(|wanted| keys.get(key).is_some_and(|entry| entry.content.type_name() == wanted))
    };
    let found = page.into_iter().filter(fits);
    Ok(Value::Array(vec![bulk(next.to_string()), Value::Array(bulks(found))]).into())
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

#[cfg(test)]
mod tests {
    use super::super::state::State;
    use super::*;

    #[test]
    fn a_scan_sees_every_key_that_stays_once_whatever_else_changes() {
        let mut state = State::plain();
        for number in 0..25 {
            state.ask(&format!("SET stays:{number} v"));
            state.ask(&format!("SET goes:{number} v"));
        }
        let (mut cursor, mut seen) = (Bytes::from("0"), Vec::new());
        for round in 0.. {
            let Value::Array(answer) = state.ask(&format!("SCAN {} MATCH stays:*", cursor.escape_ascii())) else {
                panic!("no array");
            };
            let [Value::BulkString(next), Value::Array(page)] = &answer[..] else { panic!("{answer:?}") };
            seen.extend(page.clone());
            state.ask(&format!("DEL goes:{round}"));
            state.ask(&format!("SET new:{round} v"));
            cursor = next.clone();
            if cursor == "0" {
                break;
            }
        }
        assert_eq!(seen, (0..25).map(|number| Value::bulk(format!("stays:{number}"))).collect::<Vec<_>>());
    }
}
