//! Sets, one at a time.

use bytes::Bytes;

use crate::resp::Value;

use super::call::{Call, Outcome, integer, positive};
use super::content::Set;
use super::dispatch::{Command, row};
use super::failure::Failure;
use super::values::{bulk_or_null, bulks, count, null, yes_or_no};

pub(crate) const COMMANDS: &[Command] = &[
    row("sadd", -3, sadd),
    row("srem", -3, srem),
    row("smembers", 2, smembers),
    row("sismember", 3, sismember),
    row("smismember", -3, smismember),
    row("scard", 2, scard),
    row("smove", 4, smove),
    row("spop", -2, spop),
    row("srandmember", -2, srandmember),
];

fn sadd(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let database = call.database();
    let set = database.write_or_create::<Set>(&command[1])?;
    let added = command.iter().skip(2).filter(|member| set.insert((*member).clone(), ()).is_none()).count();
    database.settle(&command[1], added);
    Ok(count(added).into())
}

fn srem(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let database = call.database();
    let Some(set) = database.write::<Set>(&command[1])? else { return Ok(count(0).into()) };
    let removed = command.iter().skip(2).filter(|member| set.remove(member).is_some()).count();
    database.settle(&command[1], removed);
    Ok(count(removed).into())
}

fn smembers(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let set = call.database().read::<Set>(&command[1])?;
    Ok(Value::Set(bulks(set.into_iter().flat_map(Set::keys))).into())
}

fn sismember(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let set = call.database().read::<Set>(&command[1])?;
    Ok(yes_or_no(set.is_some_and(|set| set.contains(&command[2]))).into())
}

fn smismember(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let set = call.database().read::<Set>(&command[1])?;
    let is_member = |member: &Bytes| yes_or_no(set.is_some_and(|set| set.contains(member)));
    Ok(Value::Array(command.iter().skip(2).map(is_member).collect()).into())
}

fn scard(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    Ok(count(call.database().read::<Set>(&command[1])?.map_or(0, Set::len)).into())
}

fn smove(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let (from, to, member) = (&command[1], &command[2], &command[3]);
    let database = call.database();
    if database.read::<Set>(from)?.is_none() {
        return Ok(yes_or_no(false).into());
    }
    database.read::<Set>(to)?;
    if from == to {
        return sismember(call, &[command[0].clone(), from.clone(), member.clone()]);
    }
    let moved = database.write::<Set>(from)?.is_some_and(|set| set.remove(member).is_some());
    if moved {
        let added = database.write_or_create::<Set>(to)?.insert(member.clone(), ()).is_none();
        database.settle(to, usize::from(added));
    }
    database.settle(from, usize::from(moved));
    Ok(yes_or_no(moved).into())
}

/// Takes the oldest members, so that tests are repeatable.
fn spop(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let wanted = match command {
        [_, _] => None,
        [_, _, number] => Some(positive(number)?),
        _ => return Err(Failure::SYNTAX),
    };
    let database = call.database();
    let Some(set) = database.write::<Set>(&command[1])? else {
        return Ok(if wanted.is_some() { Value::Set(Vec::new()) } else { null() }.into());
    };
    let popped: Vec<Bytes> = set.keys().take(wanted.unwrap_or(1)).cloned().collect();
    for member in &popped {
        set.remove(member);
    }
    database.settle(&command[1], popped.len());
    Ok(match wanted {
        Some(_) => Value::Set(bulks(&popped)),
        None => bulk_or_null(popped.first().cloned()),
    }
    .into())
}

/// Names the oldest members, so that tests are repeatable; a negative count goes round them.
fn srandmember(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let wanted = match command {
        [_, _] => None,
        [_, _, number] => Some(integer(number)?),
        _ => return Err(Failure::SYNTAX),
    };
    let set = call.database().read::<Set>(&command[1])?;
    let mut members = set.into_iter().flat_map(Set::keys);
    let Some(wanted) = wanted else { return Ok(bulk_or_null(members.next().cloned()).into()) };
    let limit = usize::try_from(wanted.unsigned_abs()).unwrap_or(usize::MAX);
    if wanted >= 0 {
        return Ok(Value::Array(bulks(members.take(limit))).into());
    }
    if limit > MOST_REPEATED {
        return Err(Failure::of("ERR value is out of range"));
    }
    let members: Vec<&Bytes> = members.collect();
    Ok(Value::Array(bulks(members.iter().copied().cycle().take(limit))).into())
}

/// Members that SRANDMEMBER with a negative count gives at most: a short command must not fill the memory.
const MOST_REPEATED: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use super::super::state::State;
    use crate::resp::Value;

    #[test]
    fn members_come_in_order_of_insertion() {
        let mut state = State::plain();
        state.ask("SADD s c a b");
        assert_eq!(state.ask("SMEMBERS s"), Value::Set(vec![Value::bulk("c"), Value::bulk("a"), Value::bulk("b")]));
        assert_eq!(state.ask("SPOP s"), Value::bulk("c"));
        let round = ["a", "b", "a", "b", "a"].map(Value::bulk).to_vec();
        assert_eq!(state.ask("SRANDMEMBER s -5"), Value::Array(round));
    }

    #[test]
    fn an_absurd_count_does_not_fill_the_memory() {
        let mut state = State::plain();
        state.ask("SADD s a");
        assert!(matches!(state.ask("SRANDMEMBER s -9223372036854775808"), Value::SimpleError(_)));
        assert_eq!(state.ask("SRANDMEMBER s 9223372036854775807"), Value::Array(vec![Value::bulk("a")]));
    }
}
