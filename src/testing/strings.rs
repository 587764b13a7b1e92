//! Strings.

use bytes::Bytes;

use crate::resp::Value;

use super::call::{Call, Outcome, keyword, pairs};
use super::content::Content;
use super::dispatch::{Command, row};
use super::expiry::Moment;
use super::failure::Failure;
use super::values::{bulk, bulk_or_null, count, null, ok, yes_or_no};

pub(crate) const COMMANDS: &[Command] = &[
    row("get", 2, get),
    row("set", -3, set),
    row("getset", 3, getset),
    row("getdel", 2, getdel),
    row("getex", -2, getex),
    row("setnx", 3, setnx),
    row("setex", 4, |call, command| set_for(call, command, "setex", Moment::SECONDS)),
    row("psetex", 4, |call, command| set_for(call, command, "psetex", Moment::MILLIS)),
    row("append", 3, append),
    row("strlen", 2, strlen),
    row("mget", -2, mget),
    row("mset", -3, mset),
    row("msetnx", -3, msetnx),
];

fn get(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    Ok(bulk_or_null(call.database().read::<Bytes>(&command[1])?.cloned()).into())
}

/// The options of SET and GETEX.
#[derive(Default)]
struct Options<'a> {
    only_if: Option<Presence>,
    expiry: Option<Expiry<'a>>,
    reply: SetReply,
}

/// Whose options they are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Owner {
    Set,
    Getex,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Presence {
    Absent,
    Present,
}

#[derive(Clone, Copy)]
enum Expiry<'a> {
    Keep,
    Drop,
    At(Moment, &'a Bytes),
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum SetReply {
    #[default]
    Status,
    OldValue,
}

impl<'a> Options<'a> {
    /// Any option may be repeated; two that exclude each other are a syntax error.
    fn of(owner: Owner, mut words: &'a [Bytes]) -> Result<Self, Failure> {
        use Presence::{Absent, Present};

        let mut options = Options::default();
        while let [word, rest @ ..] = words {
            words = rest;
            match (owner, keyword(word).as_str(), options.only_if, options.expiry) {
                (Owner::Set, "NX", None | Some(Absent), _) => options.only_if = Some(Absent),
                (Owner::Set, "XX", None | Some(Present), _) => options.only_if = Some(Present),
                (Owner::Set, "GET", ..) => options.reply = SetReply::OldValue,
                (Owner::Set, "KEEPTTL", _, None | Some(Expiry::Keep)) => options.expiry = Some(Expiry::Keep),
                (Owner::Getex, "PERSIST", _, None | Some(Expiry::Drop)) => options.expiry = Some(Expiry::Drop),
                (_, other, ..) => {
                    let (argument, rest) = rest.split_first().ok_or(Failure::SYNTAX)?;
                    options.expiry = Some(options.moment(other, argument)?);
                    words = rest;
                }
            }
        }
        Ok(options)
    }

    fn moment(&self, option: &str, argument: &'a Bytes) -> Result<Expiry<'a>, Failure> {
        let moment = Moment::of_option(option).ok_or(Failure::SYNTAX)?;
        match self.expiry {
            None => Ok(Expiry::At(moment, argument)),
            Some(Expiry::At(before, _)) if before == moment => Ok(Expiry::At(moment, argument)),
            Some(_) => Err(Failure::SYNTAX),
        }
    }
}

fn set(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let (key, value) = (&command[1], &command[2]);
    let options = Options::of(Owner::Set, command.get(3..).unwrap_or_default())?;
    let database = call.database();
    let new_expiry = match options.expiry {
        Some(Expiry::At(moment, argument)) => Some(moment.resolve_positive(argument, database.now(), "set")?),
        _ => None,
    };
    let old_value = match options.reply {
        SetReply::OldValue => Some(bulk_or_null(database.read::<Bytes>(key)?.cloned())),
        SetReply::Status => None,
    };
    let (present, old_expiry) =
        database.entry(key).map_or((Presence::Absent, None), |entry| (Presence::Present, entry.expires));
    if options.only_if.is_some_and(|wanted| wanted != present) {
        return Ok(old_value.unwrap_or_else(null).into());
    }
    let expires = if matches!(options.expiry, Some(Expiry::Keep)) { old_expiry } else { new_expiry };
    database.insert(key, value.clone(), expires);
    Ok(old_value.unwrap_or_else(ok).into())
}

fn getex(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let key = &command[1];
    let options = Options::of(Owner::Getex, command.get(2..).unwrap_or_default())?;
    let database = call.database();
    let Some(value) = database.read::<Bytes>(key)?.cloned() else { return Ok(null().into()) };
    let expires = match options.expiry {
        Some(Expiry::At(moment, argument)) => Some(moment.resolve_positive(argument, database.now(), "getex")?),
        Some(Expiry::Drop) => None,
        Some(Expiry::Keep) | None => return Ok(bulk(value).into()),
    };
    if let Some(entry) = database.entry(key) {
        let changed = entry.expires != expires;
        entry.expires = expires;
        database.settle(key, usize::from(changed));
    }
    Ok(bulk(value).into())
}

fn getset(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let old = get(call, command)?;
    call.database().insert(&command[1], command[2].clone(), None);
    Ok(old)
}

fn getdel(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let value = get(call, command)?;
    call.database().take(&command[1]);
    Ok(value)
}

fn setnx(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let database = call.database();
    let free = !database.contains(&command[1]);
    if free {
        database.insert(&command[1], command[2].clone(), None);
    }
    Ok(yes_or_no(free).into())
}

fn set_for(call: &mut Call<'_>, command: &[Bytes], name: &str, moment: Moment) -> Outcome {
    let database = call.database();
    let expires = moment.resolve_positive(&command[2], database.now(), name)?;
    database.insert(&command[1], command[3].clone(), Some(expires));
    Ok(ok().into())
}

fn append(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let database = call.database();
    let text = database.write_or_create::<Bytes>(&command[1])?;
    *text = [&text[..], &command[2][..]].concat().into();
    let len = text.len();
    database.settle(&command[1], 1);
    Ok(count(len).into())
}

fn strlen(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    Ok(count(call.database().read::<Bytes>(&command[1])?.map_or(0, Bytes::len)).into())
}

fn mget(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let database = call.database();
    let mut values = Vec::new();
    for key in command.iter().skip(1) {
        // A key of another shape counts as absent.
        let text = match database.entry(key).map(|entry| &entry.content) {
            Some(Content::Text(text)) => Some(text.clone()),
            _ => None,
        };
        values.push(bulk_or_null(text));
    }
    Ok(Value::Array(values).into())
}

fn mset(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    for (key, value) in pairs(&command[1..], "mset")? {
        call.database().insert(key, value.clone(), None);
    }
    Ok(ok().into())
}

fn msetnx(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let pairs = pairs(&command[1..], "msetnx")?;
    let database = call.database();
    if pairs.iter().any(|(key, _)| database.contains(key)) {
        return Ok(yes_or_no(false).into());
    }
    for (key, value) in pairs {
        database.insert(key, value.clone(), None);
    }
    Ok(yes_or_no(true).into())
}

#[cfg(test)]
mod tests {
    use super::super::state::State;
    use crate::resp::Value;

    #[test]
    fn set_get_and_keepttl_do_what_they_say() {
        let mut state = State::plain();
        assert_eq!(state.ask("SET k a GET EX 100"), Value::null());
        assert_eq!(state.ask("SET k b GET KEEPTTL"), Value::bulk("a"));
        assert_eq!(state.ask("TTL k"), Value::Integer(100));
        assert_eq!(state.ask("SET k c NX"), Value::null());
        assert_eq!(state.ask("SET k c XX"), Value::simple("OK"));
        assert_eq!(state.ask("TTL k"), Value::Integer(-1));
    }

    #[test]
    fn databases_are_apart() {
        let mut state = State::plain();
        let client = state.admit();
        assert_eq!(state.ask_as(client, "SET k zero"), "+OK\r\n");
        assert_eq!(state.ask_as(client, "SELECT 15"), "+OK\r\n");
        assert_eq!(state.ask_as(client, "GET k"), "$-1\r\n");
        assert_eq!(state.ask("GET k"), Value::bulk("zero"));
    }
}
