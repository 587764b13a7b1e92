//! Commands on single keys, whatever they hold.

use bytes::Bytes;

use super::call::{Call, Outcome};
use super::dispatch::{Command, row};
use super::failure::Failure;
use super::values::{count, ok, simple, yes_or_no};

pub(crate) const COMMANDS: &[Command] = &[
    row("del", -2, remove),
    row("unlink", -2, remove),
    row("exists", -2, exists),
    row("touch", -2, exists),
    row("type", 2, type_of),
    row("rename", 3, rename),
    row("renamenx", 3, rename_if_absent),
];

fn remove(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let database = call.database();
    let removed = command.iter().skip(1).filter(|key| database.take(key).is_some()).count();
    Ok(count(removed).into())
}

fn exists(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let database = call.database();
    Ok(count(command.iter().skip(1).filter(|key| database.contains(key)).count()).into())
}

fn type_of(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let entry = call.database().entry(&command[1]);
    Ok(simple(entry.map_or("none", |entry| entry.content.type_name())).into())
}

fn rename(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let database = call.database();
    if command[1] == command[2] {
        return if database.contains(&command[1]) { Ok(ok().into()) } else { Err(Failure::NO_SUCH_KEY) };
    }
    let entry = database.take(&command[1]).ok_or(Failure::NO_SUCH_KEY)?;
    database.insert(&command[2], entry.content, entry.expires);
    Ok(ok().into())
}

fn rename_if_absent(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let database = call.database();
    if !database.contains(&command[1]) {
        return Err(Failure::NO_SUCH_KEY);
    }
    let free = !database.contains(&command[2]);
    if free {
        rename(call, command)?;
    }
    Ok(yes_or_no(free).into())
}
