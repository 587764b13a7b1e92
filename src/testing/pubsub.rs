//! Channels and patterns.

use bytes::Bytes;

use crate::resp::Value;

use super::call::{Call, Outcome, Output};
use super::client::Client;
use super::dispatch::{Command, container, row};
use super::glob;
use super::ordered_map::OrderedMap;
use super::values::{bulk, bulk_or_null, bulks, count, word};

pub(crate) const COMMANDS: &[Command] = &[
    row("publish", 3, publish),
    row("subscribe", -2, |call, command| subscribe(call, command, &CHANNELS)),
    row("psubscribe", -2, |call, command| subscribe(call, command, &PATTERNS)),
    row("spublish", 3, shard_publish),
    row("ssubscribe", -2, |call, command| subscribe(call, command, &SHARD_CHANNELS)),
    row("sunsubscribe", -1, |call, command| unsubscribe(call, command, &SHARD_CHANNELS)),
    row("unsubscribe", -1, |call, command| unsubscribe(call, command, &CHANNELS)),
    row("punsubscribe", -1, |call, command| unsubscribe(call, command, &PATTERNS)),
    container("pubsub"),
    row("pubsub|channels", -2, active_channels),
    row("pubsub|numsub", -2, subscribers),
    row("pubsub|numpat", 2, active_patterns),
];

/// One of the kinds of subscription.
struct Kind {
    subscribe: &'static str,
    unsubscribe: &'static str,
    of: fn(&mut Client) -> &mut OrderedMap<()>,
    /// The number that a confirmation gives.
    count: fn(&Client) -> usize,
}

const CHANNELS: Kind = Kind {
    subscribe: "subscribe",
    unsubscribe: "unsubscribe",
    of: |client| &mut client.channels,
    count: Client::subscriptions,
};
const PATTERNS: Kind = Kind {
    subscribe: "psubscribe",
    unsubscribe: "punsubscribe",
    of: |client| &mut client.patterns,
    count: Client::subscriptions,
};
const SHARD_CHANNELS: Kind = Kind {
    subscribe: "ssubscribe",
    unsubscribe: "sunsubscribe",
    of: |client| &mut client.shard_channels,
    count: |client| client.shard_channels.len(),
};

fn subscribe(call: &mut Call<'_>, command: &[Bytes], kind: &Kind) -> Outcome {
    let client = call.client();
    let mut confirmations = Vec::new();
    for name in command.iter().skip(1) {
        (kind.of)(client).insert(name.clone(), ());
        confirmations.push(confirmation(kind.subscribe, Some(name), (kind.count)(client)));
    }
    Ok(Output::Several(confirmations))
}

fn unsubscribe(call: &mut Call<'_>, command: &[Bytes], kind: &Kind) -> Outcome {
    let client = call.client();
    let names: Vec<Bytes> = match command.get(1..) {
        Some(names) if !names.is_empty() => names.to_vec(),
        _ => (kind.of)(client).keys().cloned().collect(),
    };
    if names.is_empty() {
        return Ok(confirmation(kind.unsubscribe, None, (kind.count)(client)).into());
    }
    let mut confirmations = Vec::new();
    for name in names {
        (kind.of)(client).remove(&name);
        confirmations.push(confirmation(kind.unsubscribe, Some(&name), (kind.count)(client)));
    }
    Ok(Output::Several(confirmations))
}

fn confirmation(event: &'static str, name: Option<&Bytes>, subscriptions: usize) -> Value {
    Value::Push(vec![word(event), bulk_or_null(name.cloned()), count(subscriptions)])
}

fn publish(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let (channel, message) = (&command[1], &command[2]);
    let mut receivers = 0;
    for client in call.state.clients.values_mut() {
        let before = receivers;
        if client.channels.contains(channel) {
            client.write(&Value::Push(vec![word("message"), bulk(channel.clone()), bulk(message.clone())]));
            receivers += 1;
        }
        let patterns: Vec<Bytes> =
            client.patterns.keys().filter(|pattern| glob::matches(pattern, channel)).cloned().collect();
        for pattern in patterns {
            let of_pattern = [word("pmessage"), bulk(pattern), bulk(channel.clone()), bulk(message.clone())];
            client.write(&Value::Push(of_pattern.to_vec()));
            receivers += 1;
        }
        if receivers > before {
            client.wake.notify_one();
        }
    }
    Ok(count(receivers).into())
}

fn shard_publish(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let (channel, message) = (&command[1], &command[2]);
    let mut receivers = 0;
    for client in call.state.clients.values_mut().filter(|client| client.shard_channels.contains(channel)) {
        client.write(&Value::Push(vec![word("smessage"), bulk(channel.clone()), bulk(message.clone())]));
        client.wake.notify_one();
        receivers += 1;
    }
    Ok(count(receivers).into())
}

fn active_channels(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let mut channels = OrderedMap::default();
    for channel in call.state.clients.values().flat_map(|client| client.channels.keys()) {
        if command.get(2).is_none_or(|pattern| glob::matches(pattern, channel)) {
            channels.insert(channel.clone(), ());
        }
    }
    Ok(Value::Array(bulks(channels.keys())).into())
}

fn subscribers(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let mut answer = Vec::new();
    for channel in command.iter().skip(2) {
        let subscribers = call.state.clients.values().filter(|client| client.channels.contains(channel)).count();
        answer.extend([bulk(channel.clone()), count(subscribers)]);
    }
    Ok(Value::Array(answer).into())
}

fn active_patterns(call: &mut Call<'_>, _: &[Bytes]) -> Outcome {
    let mut patterns = OrderedMap::default();
    for pattern in call.state.clients.values().flat_map(|client| client.patterns.keys()) {
        patterns.insert(pattern.clone(), ());
    }
    Ok(count(patterns.len()).into())
}

#[cfg(test)]
mod tests {
    use super::super::state::State;
    use crate::resp::Value;

    #[test]
    fn a_message_reaches_channel_and_pattern_subscribers_in_their_own_protocol() {
        let mut state = State::plain();
        let (old, new) = (state.admit(), state.admit());
        state.ask_as(old, "SUBSCRIBE news");
        state.ask_as(new, "HELLO 3");
        state.ask_as(new, "PSUBSCRIBE n*");
        assert_eq!(state.ask("PUBLISH news hi"), Value::Integer(2));
        assert_eq!(state.outbox(old), "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n");
        assert_eq!(state.outbox(new), ">4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$2\r\nhi\r\n");
    }

    #[test]
    fn client_reply_off_does_not_silence_pushes() {
        let mut state = State::plain();
        let client = state.admit();
        state.ask_as(client, "HELLO 3");
        state.ask_as(client, "SUBSCRIBE c");
        assert_eq!(state.ask_as(client, "CLIENT REPLY OFF"), "");
        assert_eq!(state.ask_as(client, "PING"), "");
        state.ask("PUBLISH c m");
        assert!(state.outbox(client).starts_with(">3\r\n$7\r\nmessage"));
    }
}
