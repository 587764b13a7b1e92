//! Lists.

use bytes::Bytes;

use crate::resp::Value;

use super::call::{Call, Outcome, integer, keyword, place, positive, slice};
use super::content::List;
use super::dispatch::{Command, row};
use super::failure::Failure;
use super::values::{bulk, bulk_or_null, bulks, count, null, null_array, ok};

pub(crate) const COMMANDS: &[Command] = &[
    row("lpush", -3, |call, command| push(call, command, End::Left)),
    row("rpush", -3, |call, command| push(call, command, End::Right)),
    row("lpushx", -3, |call, command| push_if_present(call, command, End::Left)),
    row("rpushx", -3, |call, command| push_if_present(call, command, End::Right)),
    row("lpop", -2, |call, command| pop(call, command, End::Left, "lpop")),
    row("rpop", -2, |call, command| pop(call, command, End::Right, "rpop")),
    row("llen", 2, llen),
    row("lrange", 4, lrange),
    row("lindex", 3, lindex),
    row("lset", 4, lset),
    row("lrem", 4, lrem),
    row("ltrim", 4, ltrim),
    row("linsert", 5, linsert),
    row("lmove", 5, |call, command| {
        let (from, to) = (End::of(&command[3])?, End::of(&command[4])?);
        transfer(call, command, from, to)
    }),
    row("rpoplpush", 3, |call, command| transfer(call, command, End::Right, End::Left)),
];

/// One of a list's two ends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum End {
    Left,
    Right,
}

impl End {
    pub(crate) fn of(word: &[u8]) -> Result<Self, Failure> {
        match keyword(word).as_str() {
            "LEFT" => Ok(End::Left),
            "RIGHT" => Ok(End::Right),
            _ => Err(Failure::SYNTAX),
        }
    }

    fn push(self, list: &mut List, item: Bytes) {
        match self {
            End::Left => list.push_front(item),
            End::Right => list.push_back(item),
        }
    }

    pub(crate) fn pop(self, list: &mut List) -> Option<Bytes> {
        match self {
            End::Left => list.pop_front(),
            End::Right => list.pop_back(),
        }
    }
}

fn push(call: &mut Call<'_>, command: &[Bytes], end: End) -> Outcome {
    let database = call.database();
    let list = database.write_or_create::<List>(&command[1])?;
    for item in command.iter().skip(2) {
        end.push(list, item.clone());
    }
    let len = list.len();
    database.settle(&command[1], 1);
    Ok(count(len).into())
}

fn push_if_present(call: &mut Call<'_>, command: &[Bytes], end: End) -> Outcome {
    if call.database().read::<List>(&command[1])?.is_none() {
        return Ok(count(0).into());
    }
    push(call, command, end)
}

fn pop(call: &mut Call<'_>, command: &[Bytes], end: End, name: &str) -> Outcome {
    let wanted = match command {
        [_, _] => None,
        [_, _, number] => Some(positive(number)?),
        _ => return Err(Failure::arity(name)),
    };
    let database = call.database();
    let Some(list) = database.write::<List>(&command[1])? else {
        return Ok(if wanted.is_some() { null_array() } else { null() }.into());
    };
    let popped: Vec<Bytes> = (0..wanted.unwrap_or(1)).map_while(|_| end.pop(list)).collect();
    database.settle(&command[1], popped.len());
    Ok(match wanted {
        Some(_) => Value::Array(bulks(&popped)),
        None => bulk_or_null(popped.first().cloned()),
    }
    .into())
}

fn llen(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    Ok(count(call.database().read::<List>(&command[1])?.map_or(0, List::len)).into())
}

fn lrange(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let (start, stop) = (integer(&command[2])?, integer(&command[3])?);
    let list = call.database().read::<List>(&command[1])?;
    let items = list.into_iter().flat_map(|list| list.range(slice(start, stop, list.len())));
    Ok(Value::Array(bulks(items)).into())
}

fn lindex(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let Some(list) = call.database().read::<List>(&command[1])? else { return Ok(null().into()) };
    let item = place(integer(&command[2])?, list.len()).and_then(|place| list.get(place).cloned());
    Ok(bulk_or_null(item).into())
}

fn lset(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let database = call.database();
    let list = database.write::<List>(&command[1])?.ok_or(Failure::NO_SUCH_KEY)?;
    let place = place(integer(&command[2])?, list.len());
    let item = place.and_then(|place| list.get_mut(place)).ok_or(Failure::of("ERR index out of range"))?;
    *item = command[3].clone();
    database.settle(&command[1], 1);
    Ok(ok().into())
}

fn lrem(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let (wanted, item) = (integer(&command[2])?, &command[3]);
    let database = call.database();
    let Some(list) = database.write::<List>(&command[1])? else { return Ok(count(0).into()) };
    let limit = if wanted == 0 { usize::MAX } else { usize::try_from(wanted.unsigned_abs()).unwrap_or(usize::MAX) };
    let matching = list.iter().filter(|present| *present == item).count();
    let removed = matching.min(limit);
    let kept_first = if wanted < 0 { matching - removed } else { 0 };
    let mut seen = 0;
    list.retain(|present| {
        if present != item {
            return true;
        }
        seen += 1;
        seen <= kept_first || seen > kept_first + removed
    });
    database.settle(&command[1], removed);
    Ok(count(removed).into())
}

fn ltrim(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let (start, stop) = (integer(&command[2])?, integer(&command[3])?);
    let database = call.database();
    if let Some(list) = database.write::<List>(&command[1])? {
        let kept = slice(start, stop, list.len());
        list.truncate(kept.end);
        list.drain(..kept.start);
        database.settle(&command[1], 1);
    }
    Ok(ok().into())
}

fn linsert(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let offset = match keyword(&command[2]).as_str() {
        "BEFORE" => 0,
        "AFTER" => 1,
        _ => return Err(Failure::SYNTAX),
    };
    let database = call.database();
    let Some(list) = database.write::<List>(&command[1])? else { return Ok(count(0).into()) };
    let Some(pivot) = list.iter().position(|item| *item == command[3]) else { return Ok(Value::Integer(-1).into()) };
    list.insert(pivot + offset, command[4].clone());
    let len = list.len();
    database.settle(&command[1], 1);
    Ok(count(len).into())
}

/// Moves an element from the list `command[1]` to the list `command[2]`, and answers it.
pub(crate) fn transfer(call: &mut Call<'_>, command: &[Bytes], from: End, to: End) -> Outcome {
    let database = call.database();
    if database.read::<List>(&command[1])?.is_none() {
        return Ok(null().into());
    }
    database.read::<List>(&command[2])?;
    let Some(item) = database.write::<List>(&command[1])?.and_then(|list| from.pop(list)) else {
        return Ok(null().into());
    };
    // The source is settled last: it may be the destination too, and must not vanish in between.
    to.push(database.write_or_create::<List>(&command[2])?, item.clone());
    database.settle(&command[2], 1);
    database.settle(&command[1], 1);
    Ok(bulk(item).into())
}

#[cfg(test)]
mod tests {
    use super::super::state::State;
    use crate::resp::Value;

    #[test]
    fn lrem_takes_from_the_end_that_the_sign_says() {
        let mut state = State::plain();
        for (line, left) in [("LREM l 1 a", "b a c a"), ("LREM l -1 a", "a b a c"), ("LREM l 0 a", "b c")] {
            state.ask("DEL l");
            state.ask("RPUSH l a b a c a");
            state.ask(line);
            let left = left.split(' ').map(Value::bulk).collect();
            assert_eq!(state.ask("LRANGE l 0 -1"), Value::Array(left), "{line}");
        }
    }

    #[test]
    fn a_list_of_one_can_be_rotated() {
        let mut state = State::plain();
        state.ask("RPUSH l a");
        assert_eq!(state.ask("LMOVE l l LEFT RIGHT"), Value::bulk("a"));
        assert_eq!(state.ask("LLEN l"), Value::Integer(1));
    }

    #[test]
    fn an_absurd_count_takes_what_there_is() {
        let mut state = State::plain();
        state.ask("RPUSH l a b");
        assert_eq!(state.ask("LPOP l 9223372036854775807"), Value::Array(vec![Value::bulk("a"), Value::bulk("b")]));
        assert_eq!(state.ask("LREM l -9223372036854775808 a"), Value::Integer(0));
    }
}
