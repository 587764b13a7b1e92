//! MULTI, EXEC, DISCARD, WATCH and UNWATCH.

use bytes::Bytes;

use crate::resp::Value;

use super::call::{Call, Outcome, Output};
use super::client::Watch;
use super::dispatch::{Command, row, run_queued};
use super::failure::Failure;
use super::values::{null_array, ok, simple};

pub(crate) const COMMANDS: &[Command] = &[
    row("multi", 1, multi),
    row("exec", 1, exec),
    row("discard", 1, discard),
    row("watch", -2, watch),
    row("unwatch", 1, unwatch),
];

/// What a client has queued since MULTI.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    pub(crate) queue: Vec<Queued>,
    health: Health,
}

#[derive(Debug)]
pub(crate) enum Queued {
    Command(Vec<Bytes>),
    /// The answer that a test has chosen for the command.
    Answer(Value),
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Health {
    #[default]
    Sound,
    /// A command was refused while queueing: EXEC will refuse too.
    Spoilt,
}

impl Transaction {
    pub(crate) fn spoil(&mut self) {
        self.health = Health::Spoilt;
    }
}

/// The answer to a command that waits for EXEC.
pub(crate) fn queued() -> Value {
    simple("QUEUED")
}

fn multi(call: &mut Call<'_>, _: &[Bytes]) -> Outcome {
    let client = call.client();
    if client.transaction.is_some() {
        return Err(Failure::of("ERR MULTI calls can not be nested"));
    }
    client.transaction = Some(Transaction::default());
    Ok(ok().into())
}

fn exec(call: &mut Call<'_>, _: &[Bytes]) -> Outcome {
    let transaction = call.client().transaction.take().ok_or(Failure::of("ERR EXEC without MULTI"))?;
    for (database, key) in call.client().watched.clone() {
        // A look is what removes a key that has expired.
        call.state.database(database).contains(&key);
    }
    call.state.notice_modified();
    let watch = call.client().watch;
    call.client().unwatch();
    if transaction.health == Health::Spoilt {
        return Err(Failure::of("EXECABORT Transaction discarded because of previous errors."));
    }
    if watch == Watch::Broken {
        return Ok(null_array().into());
    }
    let client = call.client();
    if client.answers() {
        // Not a value of its own: pushes to this client land between the elements, as on Redis 7.0.
        client.outbox.extend_from_slice(format!("*{}\r\n", transaction.queue.len()).as_bytes());
    }
    for queued in &transaction.queue {
        run_queued(call.state, call.client, queued);
    }
    Ok(Output::Written)
}

fn discard(call: &mut Call<'_>, _: &[Bytes]) -> Outcome {
    let client = call.client();
    client.transaction.take().ok_or(Failure::of("ERR DISCARD without MULTI"))?;
    client.unwatch();
    Ok(ok().into())
}

fn watch(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    if call.client().transaction.is_some() {
        return Err(Failure::of("ERR WATCH inside MULTI is not allowed"));
    }
    let index = call.client().database;
    for key in command.iter().skip(1) {
        // A key that has expired by now must not break the watch later.
        call.database().contains(key);
        call.state.notice_modified();
        call.client().watched.push((index, key.clone()));
    }
    Ok(ok().into())
}

fn unwatch(call: &mut Call<'_>, _: &[Bytes]) -> Outcome {
    call.client().unwatch();
    Ok(ok().into())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::state::State;

    fn pair() -> (State, u64, u64) {
        let mut state = State::plain();
        let (one, two) = (state.admit(), state.admit());
        (state, one, two)
    }

    #[test]
    fn a_change_by_another_client_breaks_the_watch_even_if_undone() {
        let (mut state, one, two) = pair();
        for change in ["SET k v", "EXPIRE k 1000", "DEL k", "FLUSHALL"] {
            state.ask("SET k old");
            state.ask_as(one, "WATCH k");
            state.ask_as(two, change);
            state.ask_as(two, "SET k old");
            state.ask_as(one, "MULTI");
            assert_eq!(state.ask_as(one, "EXEC"), "*-1\r\n", "{change}");
        }
    }

    #[test]
    fn what_changes_nothing_keeps_the_watch() {
        let (mut state, one, two) = pair();
        state.ask("RPUSH list a");
        state.ask("SADD set a");
        state.ask("SADD other a");
        state.ask_as(one, "WATCH k list set");
        for line in
            ["RENAME list list", "LREM list 0 b", "SMOVE set set a", "SMOVE other set a", "SADD set a", "SPOP set 0"]
        {
            state.ask_as(two, line);
        }
        for line in ["DEL k", "LREM k 0 a", "SREM k a", "HDEL k f", "SET k v XX", "SELECT 1", "SET k v"] {
            state.ask_as(two, line);
        }
        state.ask_as(one, "MULTI");
        assert_eq!(state.ask_as(one, "EXEC"), "*0\r\n");
    }

    #[test]
    fn exec_and_discard_end_the_watch() {
        let (mut state, one, two) = pair();
        for end in ["EXEC", "DISCARD", "UNWATCH"] {
            state.ask_as(one, "WATCH k");
            if end != "UNWATCH" {
                state.ask_as(one, "MULTI");
            }
            state.ask_as(one, end);
            state.ask_as(two, "INCR k");
            state.ask_as(one, "MULTI");
            assert_eq!(state.ask_as(one, "EXEC"), "*0\r\n", "{end}");
        }
    }

    #[test]
    fn an_expired_key_breaks_the_watch() {
        let (mut state, one, _) = pair();
        state.ask("SET k v PX 50");
        state.ask_as(one, "WATCH k");
        state.clock.advance(Duration::from_millis(50));
        state.ask_as(one, "MULTI");
        assert_eq!(state.ask_as(one, "EXEC"), "*-1\r\n");
    }

    #[test]
    fn a_refused_command_spoils_the_transaction_and_a_failing_one_does_not() {
        let (mut state, one, _) = pair();
        state.ask_as(one, "MULTI");
        state.ask_as(one, "SET k");
        state.ask_as(one, "SET k v");
        assert!(state.ask_as(one, "EXEC").starts_with("-EXECABORT "));
        state.ask_as(one, "MULTI");
        state.ask_as(one, "LPUSH k v");
        state.ask_as(one, "HGET k v");
        assert!(state.ask_as(one, "EXEC").starts_with("*2\r\n:1\r\n-WRONGTYPE "));
    }

    #[test]
    fn a_push_to_oneself_lands_inside_the_reply_to_exec() {
        let (mut state, one, _) = pair();
        for line in ["HELLO 3", "SUBSCRIBE c", "MULTI", "PUBLISH c m", "PING"] {
            state.ask_as(one, line);
        }
        let expected = "*2\r\n>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n:1\r\n+PONG\r\n";
        assert_eq!(state.ask_as(one, "EXEC"), expected);
    }
}
