//! What the server says of itself: INFO, COMMAND, TIME.

use bytes::Bytes;

use crate::resp::Value;

use super::call::{Call, Outcome, keyword};
use super::dispatch::{Command, known_commands, row};
use super::failure::Failure;
use super::state::{DATABASES, Hello, Persona};
use super::values::{bulk, count};

pub(crate) const COMMANDS: &[Command] =
    &[row("info", -1, info), row("command", -1, command_list), row("time", 1, time)];

impl Persona {
    /// Whether the server has this command at all.
    pub(crate) fn knows(&self, command: &str) -> bool {
        command != "hello" || self.hello == Hello::Known
    }
}

fn info(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let wanted: Vec<String> = command.iter().skip(1).map(|section| keyword(section)).collect();
    let everything = |section: &String| ["DEFAULT", "ALL", "EVERYTHING"].contains(&section.as_str());
    let mut text = String::new();
    for (section, lines) in sections(call) {
        if wanted.is_empty() || wanted.iter().any(everything) || wanted.contains(&section.to_uppercase()) {
            if !text.is_empty() {
                text += "\r\n";
            }
            text += &format!("# {section}\r\n{lines}");
        }
    }
    Ok(Value::Verbatim { format: *b"txt", text: Bytes::from(text) }.into())
}

fn sections(call: &mut Call<'_>) -> [(&'static str, String); 4] {
    let mut keyspace = String::new();
    for index in 0..DATABASES {
        let keys = call.state.database(index).keys();
        let expires = keys.iter().filter(|(_, entry)| entry.expires.is_some()).count();
        if !keys.is_empty() {
            keyspace += &format!("db{index}:keys={},expires={expires},avg_ttl=0\r\n", keys.len());
        }
    }
    let server = format!("redis_version:{}\r\nredis_mode:standalone\r\n", call.state.persona.version);
    let clients = format!("connected_clients:{}\r\n", call.state.clients.len());
    let replication = "role:master\r\nconnected_slaves:0\r\n".to_owned();
    [("Server", server), ("Clients", clients), ("Replication", replication), ("Keyspace", keyspace)]
}

fn command_list(_: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let Some(subcommand) = command.get(1) else { return Ok(Value::Array(Vec::new()).into()) };
    match keyword(subcommand).as_str() {
        "COUNT" => Ok(count(known_commands()).into()),
        "DOCS" => Ok(Value::Map(Vec::new()).into()),
        "INFO" | "LIST" => Ok(Value::Array(Vec::new()).into()),
        _ => Err(Failure::unknown_subcommand("command", subcommand)),
    }
}

fn time(call: &mut Call<'_>, _: &[Bytes]) -> Outcome {
    let now = call.state.clock.now();
    let parts = [now.as_secs().to_string(), now.subsec_micros().to_string()];
    Ok(Value::Array(parts.map(bulk).to_vec()).into())
}
