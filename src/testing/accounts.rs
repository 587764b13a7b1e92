//! HELLO and AUTH: who a client is and which protocol it speaks.

use bytes::Bytes;

use crate::resp::{Protocol, Value};

use super::call::{Call, Outcome, keyword};
use super::connections::check_name;
use super::dispatch::{Command, row};
use super::failure::Failure;
use super::numbers::parse_integer;
use super::state::DEFAULT_USER;
use super::values::{bulk, ok, word};

pub(crate) const COMMANDS: &[Command] = &[row("auth", -2, auth), row("hello", -1, hello)];

fn auth(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    match command {
        [_, password] => {
            if call.state.accounts.password.is_none() {
                return Err(Failure::of(
                    "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?",
                ));
            }
            log_in(call, DEFAULT_USER.as_bytes(), password)?;
        }
        [_, user, password] => log_in(call, user, password)?,
        _ => return Err(Failure::SYNTAX),
    }
    Ok(ok().into())
}

fn log_in(call: &mut Call<'_>, user: &[u8], password: &[u8]) -> Result<(), Failure> {
    let (user, password) = (String::from_utf8_lossy(user), String::from_utf8_lossy(password));
    if !call.state.accounts.accept(&user, &password) {
        return Err(Failure::of("WRONGPASS invalid username-password pair or user is disabled."));
    }
    call.client().user = Some(user.into_owned());
    Ok(())
}

fn hello(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let protocol = command.get(1).map(|version| protocol(version)).transpose()?;
    let mut name = None;
    let mut options = command.get(2..).unwrap_or_default();
    while let [option, rest @ ..] = options {
        options = match (keyword(option).as_str(), rest) {
            ("AUTH", [user, password, rest @ ..]) => {
                log_in(call, user, password)?;
                rest
            }
            ("SETNAME", [wanted, rest @ ..]) => {
                name = Some(wanted.clone());
                rest
            }
            _ => {
                let option = String::from_utf8_lossy(option);
                return Err(Failure::new(format!("ERR Syntax error in HELLO option '{option}'")));
            }
        };
    }
    let client = call.client();
    if client.user.is_none() {
        return Err(Failure::of(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time",
        ));
    }
    if let Some(name) = name {
        check_name(&name)?;
        client.name = name;
    }
    if let Some(protocol) = protocol {
        client.protocol = protocol;
    }
    Ok(greeting(call).into())
}

fn protocol(version: &[u8]) -> Result<Protocol, Failure> {
    match parse_integer(version) {
        Some(2) => Ok(Protocol::Resp2),
        Some(3) => Ok(Protocol::Resp3),
        Some(_) => Err(Failure::of("NOPROTO unsupported protocol version")),
        None => Err(Failure::of("ERR Protocol version is not an integer or out of range")),
    }
}

fn greeting(call: &mut Call<'_>) -> Value {
    let version = call.state.persona.version.clone();
    let protocol = match call.protocol() {
        Protocol::Resp2 => 2,
        Protocol::Resp3 => 3,
    };
    Value::Map(vec![
        (word("server"), word("redis")),
        (word("version"), bulk(version)),
        (word("proto"), Value::Integer(protocol)),
        (word("id"), Value::Integer(i64::try_from(call.client).unwrap_or(i64::MAX))),
        (word("mode"), word("standalone")),
        (word("role"), word("master")),
        (word("modules"), Value::Array(Vec::new())),
    ])
}

#[cfg(test)]
mod tests {
    use super::super::state::{Hello, State};

    fn guarded() -> (State, u64) {
        let mut state = State::plain();
        state.accounts.password = Some("sesame".to_owned());
        state.accounts.users.insert("alice".to_owned(), "wonder".to_owned());
        let client = state.admit();
        (state, client)
    }

    #[test]
    fn without_a_password_only_the_handshake_is_heard() {
        let (mut state, client) = guarded();
        assert_eq!(state.ask_as(client, "GET k"), "-NOAUTH Authentication required.\r\n");
        assert!(state.ask_as(client, "HELLO 3").starts_with("-NOAUTH HELLO must be called with"));
        assert!(state.ask_as(client, "AUTH wrong").starts_with("-WRONGPASS "));
        assert!(state.ask_as(client, "HELLO 3 AUTH default wrong").starts_with("-WRONGPASS "));
        assert!(state.ask_as(client, "HELLO 3 AUTH alice sesame").starts_with("-WRONGPASS "));
        assert_eq!(state.ask_as(client, "AUTH sesame"), "+OK\r\n");
        assert_eq!(state.ask_as(client, "GET k"), "$-1\r\n");
    }

    #[test]
    fn hello_authenticates_names_and_switches_at_once() {
        let (mut state, client) = guarded();
        assert!(state.ask_as(client, "HELLO 3 AUTH alice wonder SETNAME web").starts_with("%7\r\n"));
        assert_eq!(state.ask_as(client, "CLIENT GETNAME"), "$3\r\nweb\r\n");
        assert_eq!(state.ask_as(client, "GET k"), "_\r\n");
        assert_eq!(state.ask_as(client, "RESET"), "+RESET\r\n");
        assert!(state.ask_as(client, "GET k").starts_with("-NOAUTH "));
    }

    #[test]
    fn an_old_server_does_not_know_hello() {
        let (mut state, client) = guarded();
        state.persona.hello = Hello::Unknown;
        let refusal = "-ERR unknown command 'HELLO', with args beginning with: '3' \r\n";
        assert_eq!(state.ask_as(client, "HELLO 3"), refusal);
    }
}
