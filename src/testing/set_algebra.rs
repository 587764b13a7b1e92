//! Intersections, unions and differences of sets.

use bytes::Bytes;

use crate::resp::Value;

use super::call::{Call, Outcome};
use super::content::Set;
use super::dispatch::{Command, row};
use super::failure::Failure;
use super::values::{bulks, count};

pub(crate) const COMMANDS: &[Command] = &[
    row("sinter", -2, |call, command| answer(call, &command[1..], intersection)),
    row("sunion", -2, |call, command| answer(call, &command[1..], union)),
    row("sdiff", -2, |call, command| answer(call, &command[1..], difference)),
    row("sinterstore", -3, |call, command| store(call, command, intersection)),
    row("sunionstore", -3, |call, command| store(call, command, union)),
    row("sdiffstore", -3, |call, command| store(call, command, difference)),
];

type Operation = fn(Set, &Set) -> Set;

fn answer(call: &mut Call<'_>, keys: &[Bytes], operation: Operation) -> Outcome {
    Ok(Value::Set(bulks(combine(call, keys, operation)?.keys())).into())
}

fn store(call: &mut Call<'_>, command: &[Bytes], operation: Operation) -> Outcome {
    let result = combine(call, &command[2..], operation)?;
    let len = result.len();
    let database = call.database();
    database.take(&command[1]);
    if len > 0 {
        database.insert(&command[1], result, None);
    }
    Ok(count(len).into())
}

fn combine(call: &mut Call<'_>, keys: &[Bytes], operation: Operation) -> Result<Set, Failure> {
    let mut sets = Vec::new();
    for key in keys {
        sets.push(call.database().read::<Set>(key)?.cloned().unwrap_or_default());
    }
    let mut sets = sets.into_iter();
    let first = sets.next().unwrap_or_default();
    Ok(sets.fold(first, |result, set| operation(result, &set)))
}

fn intersection(left: Set, right: &Set) -> Set {
    only(&left, |member| right.contains(member))
}

fn difference(left: Set, right: &Set) -> Set {
    only(&left, |member| !right.contains(member))
}

fn union(mut left: Set, right: &Set) -> Set {
    for member in right.keys() {
        left.insert(member.clone(), ());
    }
    left
}

fn only(set: &Set, wanted: impl Fn(&Bytes) -> bool) -> Set {
    let mut kept = Set::default();
    for member in set.keys().filter(|member| wanted(member)) {
        kept.insert(member.clone(), ());
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::super::state::State;
    use crate::resp::Value;

    #[test]
    fn results_keep_the_order_of_the_first_set() {
        let mut state = State::plain();
        state.ask("SADD one c b a");
        state.ask("SADD two a c x");
        let set = |members: &str| Value::Set(members.split(' ').map(|member| Value::bulk(member.to_owned())).collect());
        assert_eq!(state.ask("SINTER one two"), set("c a"));
        assert_eq!(state.ask("SUNION one two"), set("c b a x"));
        assert_eq!(state.ask("SDIFF one two nokey"), set("b"));
    }
}
