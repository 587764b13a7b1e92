//! Commands that wait for an element, and who gets it.

use std::time::Duration;

use bytes::Bytes;

use crate::resp::Value;

use super::call::{Call, Outcome, Output, integer, keyword};
use super::client::Client;
use super::content::List;
use super::dispatch::{Command, retry, row};
use super::failure::Failure;
use super::lists::{End, transfer};
use super::numbers::parse_double;
use super::sorted_set::SortedSet;
use super::sorted_sets::{Direction, walk};
use super::state::State;
use super::values::{bulk, null, null_array, yes_or_no};

pub(crate) const COMMANDS: &[Command] = &[
    row("blpop", -3, |call, command| pop(call, command, |call, key| pop_list(call, key, End::Left))),
    row("brpop", -3, |call, command| pop(call, command, |call, key| pop_list(call, key, End::Right))),
    row("bzpopmin", -3, |call, command| pop(call, command, |call, key| pop_set(call, key, Direction::Up))),
    row("bzpopmax", -3, |call, command| pop(call, command, |call, key| pop_set(call, key, Direction::Down))),
    row("blmove", 6, |call, command| {
        let (from, to) = (End::of(&command[3])?, End::of(&command[4])?);
        move_element(call, command, (from, to), &command[5])
    }),
    row("brpoplpush", 4, |call, command| move_element(call, command, (End::Right, End::Left), &command[3])),
    row("client|unblock", -3, unblock),
];

/// What a command that found nothing waits for.
#[derive(Debug)]
pub(crate) struct Block {
    /// `None`: without end.
    timeout: Option<Duration>,
    /// The answer in a transaction, where nothing waits.
    pub(crate) in_transaction: Value,
}

/// A client in a blocking command.
#[derive(Debug)]
pub(crate) struct Blocked {
    pub(crate) command: Vec<Bytes>,
    pub(crate) block: Block,
    /// Grows with every client that blocks: the one that has waited longest is served first.
    turn: u64,
}

impl Block {
    pub(crate) fn new(timeout: Option<Duration>, in_transaction: Value) -> Self {
        Block { timeout, in_transaction }
    }
}

impl Blocked {
    pub(crate) fn new(command: &[Bytes], block: Block, turn: u64) -> Self {
        Blocked { command: command.to_vec(), block, turn }
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.block.timeout
    }
}

/// Ends a client's wait with this answer.
pub(crate) fn release(client: &mut Client, answer: &Value) {
    client.blocked = None;
    client.write(answer);
    client.released.notify_one();
    client.wake.notify_one();
}

/// Ends a client's wait, if it still waits, because its time is over.
pub(crate) fn time_out(client: &mut Client) {
    if client.blocked.is_some() {
        release(client, &null_array());
    }
}

/// Serves the clients whose wait has an end now that keys have changed, in the order in which they came.
pub(crate) fn serve(state: &mut State) {
    loop {
        let waits = |client: &Client| Some((client.blocked.as_ref()?.turn, client.id));
        let mut waiting: Vec<(u64, u64)> = state.clients.values().filter_map(waits).collect();
        waiting.sort_unstable();
        let mut served = 0;
        for (_, id) in waiting {
            if let Some(answer) = retry(state, id) {
                release(state.client(id), &answer);
                served += 1;
            }
        }
        // What one client has moved may be what another waits for.
        if served == 0 {
            return;
        }
    }
}

fn pop(
    call: &mut Call<'_>,
    command: &[Bytes],
    pop_key: impl Fn(&mut Call<'_>, &Bytes) -> Result<Option<Value>, Failure>,
) -> Outcome {
    let (timeout, keys) = command.split_last().ok_or(Failure::SYNTAX)?;
    let block = Block { timeout: seconds(timeout)?, in_transaction: null_array() };
    for key in keys.iter().skip(1) {
        if let Some(popped) = pop_key(call, key)? {
            return Ok(popped.into());
        }
    }
    Ok(Output::Blocked(block))
}

fn pop_list(call: &mut Call<'_>, key: &Bytes, end: End) -> Result<Option<Value>, Failure> {
    let database = call.database();
    let Some(item) = database.write::<List>(key)?.and_then(|list| end.pop(list)) else { return Ok(None) };
    database.settle(key, 1);
    Ok(Some(Value::Array(vec![bulk(key.clone()), bulk(item)])))
}

fn pop_set(call: &mut Call<'_>, key: &Bytes, direction: Direction) -> Result<Option<Value>, Failure> {
    let database = call.database();
    let Some(set) = database.write::<SortedSet>(key)? else { return Ok(None) };
    let Some((member, score)) = walk(set, direction).next().map(|(member, score)| (member.clone(), score)) else {
        return Ok(None);
    };
    set.remove(&member);
    database.settle(key, 1);
    Ok(Some(Value::Array(vec![bulk(key.clone()), bulk(member), Value::Double(score)])))
}

fn move_element(call: &mut Call<'_>, command: &[Bytes], ends: (End, End), timeout: &[u8]) -> Outcome {
    let block = Block { timeout: seconds(timeout)?, in_transaction: null() };
    if call.database().read::<List>(&command[1])?.is_none() {
        return Ok(Output::Blocked(block));
    }
    transfer(call, command, ends.0, ends.1)
}

/// A timeout in seconds; 0 means none.
pub(crate) fn seconds(argument: &[u8]) -> Result<Option<Duration>, Failure> {
    let number = parse_double(argument);
    let number = number.ok_or(Failure::of("ERR timeout is not a float or out of range"))?;
    if number < 0.0 {
        return Err(Failure::of("ERR timeout is negative"));
    }
    let timeout = Duration::try_from_secs_f64(number);
    let timeout = timeout.map_err(|_| Failure::of("ERR timeout is not a float or out of range"))?;
    Ok(if timeout.is_zero() { None } else { Some(timeout) })
}

fn unblock(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let answer = match command.get(3).map(|reason| keyword(reason)).as_deref() {
        None | Some("TIMEOUT") => null_array(),
        Some("ERROR") => Value::error("UNBLOCKED client unblocked via CLIENT UNBLOCK"),
        Some(_) => return Err(Failure::of("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")),
    };
    let id = u64::try_from(integer(&command[2])?).unwrap_or(0);
    let waiting = call.state.clients.get_mut(&id).filter(|client| client.blocked.is_some());
    Ok(yes_or_no(waiting.map(|client| release(client, &answer)).is_some()).into())
}

#[cfg(test)]
mod tests {
    use super::super::FakeServer;
    use super::super::probe::{Probe, patiently};
    use super::*;

    #[tokio::test]
    async fn the_client_that_has_waited_longest_is_served_first() {
        let server = FakeServer::start().await.unwrap();
        let (mut first, mut second) = (Probe::tcp(&server).await, Probe::tcp(&server).await);
        first.send("PING\r\nBLPOP other q 0\r\nPING\r\n").await;
        first.expect("+PONG\r\n").await;
        patiently(server.wait_for_command("BLPOP", 1)).await.expect("received");
        second.send("BRPOP q 0\r\n").await;
        patiently(server.wait_for_command("BRPOP", 1)).await.expect("received");
        assert_eq!(server.clients()[0].blocked_in, ["BLPOP", "other", "q", "0"]);
        assert!(first.is_quiet().await);
        assert_eq!(server.run(["RPUSH", "q", "a"]), Value::Integer(1));
        first.expect("*2\r\n$1\r\nq\r\n$1\r\na\r\n+PONG\r\n").await;
        assert!(second.is_quiet().await);
        server.run(["RPUSH", "q", "b", "c"]);
        second.expect("*2\r\n$1\r\nq\r\n$1\r\nc\r\n").await;
        assert_eq!(server.run(["LLEN", "q"]), Value::Integer(1));
    }

    #[tokio::test]
    async fn a_moved_element_can_end_the_next_wait() {
        let server = FakeServer::start().await.unwrap();
        let (mut first, mut second) = (Probe::tcp(&server).await, Probe::tcp(&server).await);
        first.send("BLPOP b 0\r\n").await;
        second.send("BLMOVE a b LEFT RIGHT 0\r\n").await;
        patiently(server.wait_for_command("BLPOP", 1)).await.expect("received");
        patiently(server.wait_for_command("BLMOVE", 1)).await.expect("received");
        server.run(["RPUSH", "a", "x"]);
        second.expect("$1\r\nx\r\n").await;
        first.expect("*2\r\n$1\r\nb\r\n$1\r\nx\r\n").await;
    }

    #[tokio::test]
    async fn a_push_inside_a_transaction_ends_a_wait_after_it() {
        let server = FakeServer::start().await.unwrap();
        let (mut waiting, mut pushing) = (Probe::tcp(&server).await, Probe::tcp(&server).await);
        waiting.send("BRPOP q 0\r\n").await;
        patiently(server.wait_for_command("BRPOP", 1)).await.expect("received");
        let answers = "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n:1\r\n:2\r\n";
        pushing.ask("MULTI\r\nRPUSH q a\r\nRPUSH q b\r\nEXEC", answers).await;
        waiting.expect("*2\r\n$1\r\nq\r\n$1\r\nb\r\n").await;
    }

    #[tokio::test]
    async fn a_wait_ends_by_timeout_and_by_unblock() {
        let server = FakeServer::start().await.unwrap();
        let mut probe = Probe::tcp(&server).await;
        probe.ask("BLPOP q 0.01\r\nPING", "*-1\r\n+PONG\r\n").await;
        for (reason, answer) in
            [("TIMEOUT", "*-1\r\n"), ("ERROR", "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n")]
        {
            server.clear_received();
            probe.send("BZPOPMIN z 0\r\n").await;
            patiently(server.wait_for_command("BZPOPMIN", 1)).await.expect("received");
            assert_eq!(server.run(["CLIENT", "UNBLOCK", "1", reason]), Value::Integer(1));
            assert_eq!(server.run(["CLIENT", "UNBLOCK", "1", reason]), Value::Integer(0));
            probe.expect(answer).await;
        }
        probe.ask("PING", "+PONG\r\n").await;
    }

    #[tokio::test]
    async fn a_client_that_left_while_waiting_takes_no_element() {
        let server = FakeServer::start().await.unwrap();
        let mut probe = Probe::tcp(&server).await;
        probe.send("BLPOP q 0\r\n").await;
        patiently(server.wait_for_command("BLPOP", 1)).await.expect("received");
        drop(probe);
        patiently(server.wait_for_clients(0)).await.expect("gone");
        assert_eq!(server.run(["RPUSH", "q", "a"]), Value::Integer(1));
        assert_eq!(server.run(["LLEN", "q"]), Value::Integer(1));
    }
}
