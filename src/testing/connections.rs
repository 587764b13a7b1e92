//! Commands about the connection itself: PING, SELECT, CLIENT, RESET, QUIT.

use std::time::Duration;

use bytes::Bytes;

use crate::resp::{Protocol, Value};

use super::call::{Call, Outcome, Output, integer, keyword};
use super::client::{Client, Library, Replies};
use super::dispatch::{Command, container, row};
use super::failure::Failure;
use super::ordered_map::OrderedMap;
use super::state::DATABASES;
use super::values::{bulk, null, ok, simple, word};

pub(crate) const COMMANDS: &[Command] = &[
    row("ping", -1, ping),
    row("echo", 2, echo),
    row("select", 2, select),
    row("reset", 1, reset),
    row("quit", -1, quit),
    container("client"),
    row("client|id", 2, client_id),
    row("client|setname", 3, client_setname),
    row("client|getname", 2, client_getname),
    row("client|setinfo", 4, client_setinfo),
    row("client|no-evict", 3, on_or_off),
    row("client|no-touch", 3, on_or_off),
    row("client|info", 2, client_info),
    row("client|list", -2, client_list),
    row("client|reply", 3, client_reply),
];

/// Fails if `name` is no name that a client may give itself.
pub(crate) fn check_name(name: &[u8]) -> Result<(), Failure> {
    if name.iter().all(|byte| (b'!'..=b'~').contains(byte)) {
        return Ok(());
    }
    Err(Failure::of("ERR Client names cannot contain spaces, newlines or special characters."))
}

fn ping(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let value = match (command, call.client().is_restricted()) {
        ([_], false) => simple("PONG"),
        ([_, message], false) => bulk(message.clone()),
        ([_], true) => Value::Array(vec![word("pong"), word("")]),
        ([_, message], true) => Value::Array(vec![word("pong"), bulk(message.clone())]),
        _ => return Err(Failure::arity("ping")),
    };
    Ok(value.into())
}

fn echo(_: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    Ok(bulk(command[1].clone()).into())
}

fn select(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let index = usize::try_from(integer(&command[1])?).ok().filter(|index| *index < DATABASES);
    call.client().database = index.ok_or(Failure::of("ERR DB index is out of range"))?;
    Ok(ok().into())
}

fn reset(call: &mut Call<'_>, _: &[Bytes]) -> Outcome {
    let user = call.state.accounts.initial_user();
    let client = call.client();
    client.unwatch();
    client.transaction = None;
    client.channels = OrderedMap::default();
    client.patterns = OrderedMap::default();
    client.shard_channels = OrderedMap::default();
    client.protocol = Protocol::Resp2;
    client.database = 0;
    client.name = Bytes::new();
    client.replies = Replies::On;
    client.user = user;
    Ok(simple("RESET").into())
}

fn quit(call: &mut Call<'_>, _: &[Bytes]) -> Outcome {
    call.client().drain();
    Ok(ok().into())
}

fn client_id(call: &mut Call<'_>, _: &[Bytes]) -> Outcome {
    Ok(Value::Integer(i64::try_from(call.client).unwrap_or(i64::MAX)).into())
}

fn client_setname(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    check_name(&command[2])?;
    call.client().name = command[2].clone();
    Ok(ok().into())
}

fn client_getname(call: &mut Call<'_>, _: &[Bytes]) -> Outcome {
    let client = call.client();
    if !client.name.is_empty() {
        return Ok(bulk(client.name.clone()).into());
    }
    Ok(null().into())
}

fn client_setinfo(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let Library { name, version } = &mut call.client().library;
    let (known, place) = match keyword(&command[2]).as_str() {
        "LIB-NAME" => ("lib-name", name),
        "LIB-VER" => ("lib-ver", version),
        _ => {
            let option = String::from_utf8_lossy(&command[2]);
            return Err(Failure::new(format!("ERR Unrecognized option '{option}'")));
        }
    };
    if check_name(&command[3]).is_err() {
        return Err(Failure::new(format!("ERR {known} cannot contain spaces, newlines or special characters.")));
    }
    *place = command[3].clone();
    Ok(ok().into())
}

fn on_or_off(_: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    if matches!(keyword(&command[2]).as_str(), "ON" | "OFF") { Ok(ok().into()) } else { Err(Failure::SYNTAX) }
}

fn client_info(call: &mut Call<'_>, _: &[Bytes]) -> Outcome {
    let now = call.state.clock.now();
    Ok(text(description(call.client(), now)).into())
}

fn client_list(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let wanted: Box<dyn Fn(&Client) -> bool> = match command {
        [_, _] => Box::new(|_| true),
        [_, _, option, kind] if keyword(option) == "TYPE" => match keyword(kind).as_str() {
            "NORMAL" => Box::new(|client| !client.is_subscribed()),
            "PUBSUB" => Box::new(Client::is_subscribed),
            "MASTER" | "REPLICA" | "SLAVE" => Box::new(|_| false),
            _ => {
                let kind = String::from_utf8_lossy(kind);
                return Err(Failure::new(format!("ERR Unknown client type '{kind}'")));
            }
        },
        [_, _, option, ids @ ..] if keyword(option) == "ID" && !ids.is_empty() => {
            let ids: Result<Vec<i64>, Failure> = ids.iter().map(|id| integer(id)).collect();
            let ids = ids.map_err(|_| Failure::of("ERR Invalid client ID"))?;
            Box::new(move |client| ids.iter().any(|id| u64::try_from(*id) == Ok(client.id)))
        }
        _ => return Err(Failure::SYNTAX),
    };
    let now = call.state.clock.now();
    let lines = call.state.clients.values().filter(|client| wanted(client)).map(|client| description(client, now));
    Ok(text(lines.collect()).into())
}

/// Text that RESP3 clients get as such.
fn text(text: String) -> Value {
    Value::Verbatim { format: *b"txt", text: Bytes::from(text) }
}

fn description(client: &Client, now: Duration) -> String {
    let resp = match client.protocol {
        Protocol::Resp2 => 2,
        Protocol::Resp3 => 3,
    };
    format!(
        "id={} name={} age={} idle={} flags={} db={} sub={} psub={} ssub={} multi={} watch={} user={} resp={resp} lib-name={} lib-ver={}\n",
        client.id,
        String::from_utf8_lossy(&client.name),
        now.saturating_sub(client.since).as_secs(),
        now.saturating_sub(client.last_command).as_secs(),
        match (&client.blocked, client.is_subscribed()) {
            (Some(_), _) => "b",
            (None, true) => "P",
            (None, false) => "N",
        },
        client.database,
        client.channels.len(),
        client.patterns.len(),
        client.shard_channels.len(),
        client.transaction.as_ref().map_or(-1, |open| i64::try_from(open.queue.len()).unwrap_or(i64::MAX)),
        client.watched.len(),
        client.user.as_deref().unwrap_or_default(),
        String::from_utf8_lossy(&client.library.name),
        String::from_utf8_lossy(&client.library.version),
    )
}

fn client_reply(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let client = call.client();
    match (keyword(&command[2]).as_str(), client.replies) {
        ("ON", _) => {
            client.replies = Replies::On;
            return Ok(ok().into());
        }
        ("OFF", _) => client.replies = Replies::Off,
        ("SKIP", Replies::Off) => {}
        ("SKIP", _) => client.replies = Replies::SkipNext,
        _ => return Err(Failure::SYNTAX),
    }
    Ok(Output::Written)
}

#[cfg(test)]
mod tests {
    use super::super::state::State;
    use super::*;
    use crate::FromReply;
    use crate::api::ConnectedClient;
    use crate::resp::Frame;

    #[test]
    fn a_client_is_known_by_what_it_said_of_itself() {
        let mut state = State::plain();
        let client = state.admit();
        for line in
            ["CLIENT SETNAME web", "CLIENT SETINFO LIB-NAME steadfast", "CLIENT SETINFO lib-ver 1.0", "SELECT 3"]
        {
            assert_eq!(state.ask_as(client, line), "+OK\r\n", "{line}");
        }
        let info = state.ask_as(client, "CLIENT INFO");
        for part in ["id=1 ", " name=web ", " db=3 ", " resp=2 ", " lib-name=steadfast ", " lib-ver=1.0\n"] {
            assert!(info.contains(part), "{info}");
        }
        assert!(state.ask_as(client, "CLIENT SETINFO LIB-FOO x").starts_with("-ERR Unrecognized option"));
    }

    #[test]
    fn a_client_ages_by_the_clock_that_a_test_moves() {
        let mut state = State::plain();
        let (idle, asking) = (state.admit(), state.admit());
        state.clock.advance(Duration::from_secs(5));
        state.ask_as(idle, "PING");
        state.clock.advance(Duration::from_secs(2));
        let list = state.ask_as(asking, "CLIENT LIST");
        let lines = list.lines().filter(|line| line.starts_with("id="));
        let read = |line: &str| ConnectedClient::from_reply(Frame::from_value(&Value::bulk(line.to_owned())).reply());
        let ages = lines.map(|line| read(line).map(|seen| (seen.id, seen.age.as_secs(), seen.idle.as_secs())));
        assert_eq!(ages.collect::<Result<Vec<_>, _>>(), Ok(vec![(1, 7, 2), (2, 7, 0)]), "{list}");
    }

    #[test]
    fn skip_silences_one_command_and_off_all() {
        let mut state = State::plain();
        let client = state.admit();
        let lines = ["CLIENT REPLY SKIP", "PING", "PING", "CLIENT REPLY OFF", "PING", "CLIENT REPLY SKIP", "PING"];
        let answers: Vec<String> = lines.iter().map(|line| state.ask_as(client, line)).collect();
        assert_eq!(answers, ["", "", "+PONG\r\n", "", "", "", ""]);
        assert_eq!(state.ask_as(client, "CLIENT REPLY ON"), "+OK\r\n");
    }
}
