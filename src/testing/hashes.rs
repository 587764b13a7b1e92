//! Hashes.

use bytes::Bytes;

use crate::resp::Value;

use super::call::{Call, Outcome, double, integer, pairs};
use super::content::Hash;
use super::dispatch::{Command, row};
use super::failure::Failure;
use super::numbers::{add_decimals, parse_double, parse_integer};
use super::values::{bulk, bulk_or_null, bulks, count, ok, yes_or_no};

pub(crate) const COMMANDS: &[Command] = &[
    row("hset", -4, hset),
    row("hmset", -4, hmset),
    row("hsetnx", 4, hsetnx),
    row("hget", 3, hget),
    row("hmget", -3, hmget),
    row("hgetall", 2, hgetall),
    row("hdel", -3, hdel),
    row("hexists", 3, hexists),
    row("hlen", 2, hlen),
    row("hstrlen", 3, hstrlen),
    row("hkeys", 2, hkeys),
    row("hvals", 2, hvals),
    row("hincrby", 4, hincrby),
    row("hincrbyfloat", 4, hincrbyfloat),
];

fn hset(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    Ok(count(insert_pairs(call, command, "hset")?).into())
}

fn hmset(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    insert_pairs(call, command, "hmset")?;
    Ok(ok().into())
}

/// Sets the fields and says how many of them are new.
fn insert_pairs(call: &mut Call<'_>, command: &[Bytes], name: &str) -> Result<usize, Failure> {
    let pairs = pairs(&command[2..], name)?;
    let database = call.database();
    let hash = database.write_or_create::<Hash>(&command[1])?;
    let mut new = 0;
    for (field, value) in pairs {
        new += usize::from(hash.insert(field.clone(), value.clone()).is_none());
    }
    database.settle(&command[1], 1);
    Ok(new)
}

fn hsetnx(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let database = call.database();
    let hash = database.write_or_create::<Hash>(&command[1])?;
    let free = !hash.contains(&command[2]);
    if free {
        hash.insert(command[2].clone(), command[3].clone());
    }
    database.settle(&command[1], usize::from(free));
    Ok(yes_or_no(free).into())
}

fn hget(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let hash = call.database().read::<Hash>(&command[1])?;
    Ok(bulk_or_null(hash.and_then(|hash| hash.get(&command[2]).cloned())).into())
}

fn hmget(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let hash = call.database().read::<Hash>(&command[1])?;
    let value = |field: &Bytes| bulk_or_null(hash.and_then(|hash| hash.get(field).cloned()));
    Ok(Value::Array(command.iter().skip(2).map(value).collect()).into())
}

fn hgetall(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let hash = call.database().read::<Hash>(&command[1])?;
    let rows = hash.into_iter().flat_map(Hash::iter);
    Ok(Value::Map(rows.map(|(field, value)| (bulk(field.clone()), bulk(value.clone()))).collect()).into())
}

fn hdel(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let database = call.database();
    let Some(hash) = database.write::<Hash>(&command[1])? else { return Ok(count(0).into()) };
    let removed = command.iter().skip(2).filter(|field| hash.remove(field).is_some()).count();
    database.settle(&command[1], removed);
    Ok(count(removed).into())
}

fn hexists(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let hash = call.database().read::<Hash>(&command[1])?;
    Ok(yes_or_no(hash.is_some_and(|hash| hash.contains(&command[2]))).into())
}

fn hlen(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    Ok(count(call.database().read::<Hash>(&command[1])?.map_or(0, Hash::len)).into())
}

fn hstrlen(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let hash = call.database().read::<Hash>(&command[1])?;
    Ok(count(hash.and_then(|hash| hash.get(&command[2])).map_or(0, Bytes::len)).into())
}

fn hkeys(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let hash = call.database().read::<Hash>(&command[1])?;
    Ok(Value::Array(bulks(hash.into_iter().flat_map(Hash::keys))).into())
}

fn hvals(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let hash = call.database().read::<Hash>(&command[1])?;
    Ok(Value::Array(bulks(hash.into_iter().flat_map(Hash::iter).map(|(_, value)| value))).into())
}

fn hincrby(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let by = integer(&command[3])?;
    let old = match field(call, command)? {
        Some(text) => parse_integer(&text).ok_or(Failure::of("ERR hash value is not an integer"))?,
        None => 0,
    };
    let new = old.checked_add(by).ok_or(Failure::OVERFLOW)?;
    set_field(call, command, new.to_string().into())?;
    Ok(Value::Integer(new).into())
}

fn hincrbyfloat(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    if double(&command[3])?.is_infinite() {
        return Err(Failure::of("ERR value is NaN or Infinity"));
    }
    let old = field(call, command)?.unwrap_or_else(|| Bytes::from_static(b"0"));
    parse_double(&old).ok_or(Failure::of("ERR hash value is not a float"))?;
    let new = add_decimals(&old, &command[3]);
    let new = Bytes::from(new.ok_or(Failure::of("ERR increment would produce NaN or Infinity"))?);
    set_field(call, command, new.clone())?;
    Ok(bulk(new).into())
}

fn field(call: &mut Call<'_>, command: &[Bytes]) -> Result<Option<Bytes>, Failure> {
    let hash = call.database().read::<Hash>(&command[1])?;
    Ok(hash.and_then(|hash| hash.get(&command[2]).cloned()))
}

fn set_field(call: &mut Call<'_>, command: &[Bytes], value: Bytes) -> Result<(), Failure> {
    let database = call.database();
    database.write_or_create::<Hash>(&command[1])?.insert(command[2].clone(), value);
    database.settle(&command[1], 1);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::state::State;
    use crate::resp::Value;

    #[test]
    fn a_hash_is_a_map_in_resp3_and_flat_in_resp2() {
        let mut state = State::plain();
        state.ask("HSET h b 1 a 2");
        let pairs = vec![(Value::bulk("b"), Value::bulk("1")), (Value::bulk("a"), Value::bulk("2"))];
        assert_eq!(state.ask("HGETALL h"), Value::Map(pairs));
        let client = state.admit();
        assert_eq!(state.ask_as(client, "HGETALL h"), "*4\r\n$1\r\nb\r\n$1\r\n1\r\n$1\r\na\r\n$1\r\n2\r\n");
    }

    #[test]
    fn a_failed_increment_leaves_no_key_behind() {
        let mut state = State::plain();
        for line in ["HINCRBY h f x", "HINCRBYFLOAT h f inf", "INCRBY s x", "ZADD z XX 1 a", "ZINCRBY z nan a"] {
            state.ask(line);
        }
        assert_eq!(state.ask("DBSIZE"), Value::Integer(0));
    }
}
