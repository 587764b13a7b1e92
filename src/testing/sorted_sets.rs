//! Sorted sets: members and their scores.

use bytes::Bytes;

use crate::resp::{Protocol, Value};

use super::call::{Call, Outcome, double, keyword, positive};
use super::dispatch::{Command, row};
use super::failure::Failure;
use super::sorted_set::SortedSet;
use super::values::{bulk, count, double_or_null, null};

pub(crate) const COMMANDS: &[Command] = &[
    row("zadd", -4, zadd),
    row("zincrby", 4, zincrby),
    row("zrem", -3, zrem),
    row("zscore", 3, zscore),
    row("zmscore", -3, zmscore),
    row("zcard", 2, zcard),
    row("zrank", 3, |call, command| rank(call, command, Direction::Up)),
    row("zrevrank", 3, |call, command| rank(call, command, Direction::Down)),
    row("zpopmin", -2, |call, command| pop(call, command, Direction::Up)),
    row("zpopmax", -2, |call, command| pop(call, command, Direction::Down)),
];

/// From which end a sorted set is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Lowest score first.
    Up,
    /// Highest score first.
    Down,
}

/// Whether an answer gives the scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scores {
    Hidden,
    Shown,
}

/// The members of `set` from the end that `direction` says.
pub(crate) fn walk(set: &SortedSet, direction: Direction) -> Box<dyn Iterator<Item = (&Bytes, f64)> + '_> {
    match direction {
        Direction::Up => Box::new(set.iter()),
        Direction::Down => Box::new(set.iter().rev()),
    }
}

/// Members as a reply: with scores, RESP3 gets pairs and RESP2 a flat list.
pub(crate) fn listing<'a>(rows: impl Iterator<Item = (&'a Bytes, f64)>, scores: Scores, protocol: Protocol) -> Value {
    let mut items = Vec::new();
    for (member, score) in rows {
        let member = bulk(member.clone());
        match (scores, protocol) {
            (Scores::Hidden, _) => items.push(member),
            (Scores::Shown, Protocol::Resp2) => items.extend([member, Value::Double(score)]),
            (Scores::Shown, Protocol::Resp3) => items.push(Value::Array(vec![member, Value::Double(score)])),
        }
    }
    Value::Array(items)
}

/// The options of ZADD.
#[derive(Default)]
struct AddOptions {
    only_new: bool,
    only_present: bool,
    only_higher: bool,
    only_lower: bool,
    count_changed: bool,
    increment: bool,
}

impl AddOptions {
    /// The options, and the scores and members after them.
    fn of(mut words: &[Bytes]) -> Result<(Self, &[Bytes]), Failure> {
        let mut options = AddOptions::default();
        while let [word, rest @ ..] = words {
            match keyword(word).as_str() {
                "NX" => options.only_new = true,
                "XX" => options.only_present = true,
                "GT" => options.only_higher = true,
                "LT" => options.only_lower = true,
                "CH" => options.count_changed = true,
                "INCR" => options.increment = true,
                _ => break,
            }
            words = rest;
        }
        if words.is_empty() || words.len() % 2 != 0 {
            return Err(Failure::SYNTAX);
        }
        options.check(words.len() / 2)?;
        Ok((options, words))
    }

    fn check(&self, pairs: usize) -> Result<(), Failure> {
        if self.only_new && self.only_present {
            return Err(Failure::of("ERR XX and NX options at the same time are not compatible"));
        }
        if self.only_new && (self.only_higher || self.only_lower) || self.only_higher && self.only_lower {
            return Err(Failure::of("ERR GT, LT, and/or NX options at the same time are not compatible"));
        }
        if self.increment && pairs > 1 {
            return Err(Failure::of("ERR INCR option supports a single increment-element pair"));
        }
        Ok(())
    }

    /// The score that a member with the score `old` gets, if it may change.
    fn new_score(&self, old: Option<f64>, given: f64) -> Result<Option<f64>, Failure> {
        let new = if self.increment { old.map_or(given, |old| old + given) } else { given };
        if new.is_nan() {
            return Err(Failure::of("ERR resulting score is not a number (NaN)"));
        }
        let allowed = match old {
            None => !self.only_present,
            Some(old) => !(self.only_new || self.only_higher && new <= old || self.only_lower && new >= old),
        };
        Ok(if allowed { Some(new) } else { None })
    }
}

fn zadd(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let (options, pairs) = AddOptions::of(&command[2..])?;
    let mut rows = Vec::new();
    for pair in pairs.chunks_exact(2) {
        rows.push((double(&pair[0])?, &pair[1]));
    }
    let database = call.database();
    let set = database.write_or_create::<SortedSet>(&command[1])?;
    let (mut added, mut updated) = (0, 0);
    let mut last = Ok(None);
    for (given, member) in rows {
        let old = set.score(member);
        last = options.new_score(old, given);
        match (&last, old) {
            (Err(_), _) => break,
            (Ok(None), _) => continue,
            (Ok(Some(new)), old) => {
                // An equal score stays as it is, which is 0 and -0.
                if old != Some(*new) {
                    set.insert(member, *new);
                }
                added += usize::from(old.is_none());
                updated += usize::from(old.is_some_and(|old| old != *new));
            }
        }
    }
    database.settle(&command[1], added + updated);
    let last = last?;
    Ok(if options.increment {
        double_or_null(last)
    } else {
        count(if options.count_changed { added + updated } else { added })
    }
    .into())
}

fn zincrby(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let given = double(&command[2])?;
    let database = call.database();
    let set = database.write_or_create::<SortedSet>(&command[1])?;
    let options = AddOptions { increment: true, ..AddOptions::default() };
    let new = options.new_score(set.score(&command[3]), given);
    if let Ok(Some(new)) = new {
        set.insert(&command[3], new);
    }
    database.settle(&command[1], usize::from(new.is_ok()));
    Ok(double_or_null(new?).into())
}

fn zrem(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let database = call.database();
    let Some(set) = database.write::<SortedSet>(&command[1])? else { return Ok(count(0).into()) };
    let removed = command.iter().skip(2).filter(|member| set.remove(member).is_some()).count();
    database.settle(&command[1], removed);
    Ok(count(removed).into())
}

fn zscore(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let set = call.database().read::<SortedSet>(&command[1])?;
    Ok(double_or_null(set.and_then(|set| set.score(&command[2]))).into())
}

fn zmscore(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let set = call.database().read::<SortedSet>(&command[1])?;
    let score = |member: &Bytes| double_or_null(set.and_then(|set| set.score(member)));
    Ok(Value::Array(command.iter().skip(2).map(score).collect()).into())
}

fn zcard(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    Ok(count(call.database().read::<SortedSet>(&command[1])?.map_or(0, SortedSet::len)).into())
}

fn rank(call: &mut Call<'_>, command: &[Bytes], direction: Direction) -> Outcome {
    let set = call.database().read::<SortedSet>(&command[1])?;
    let rank = set.and_then(|set| walk(set, direction).position(|(member, _)| *member == command[2]));
    Ok(rank.map_or_else(null, count).into())
}

fn pop(call: &mut Call<'_>, command: &[Bytes], direction: Direction) -> Outcome {
    let wanted = match command {
        [_, _] => None,
        [_, _, number] => Some(positive(number)?),
        _ => return Err(Failure::SYNTAX),
    };
    let protocol = match wanted {
        Some(_) => call.protocol(),
        // Without a count the pair is flat in both protocols.
        None => Protocol::Resp2,
    };
    let database = call.database();
    let Some(set) = database.write::<SortedSet>(&command[1])? else { return Ok(Value::Array(Vec::new()).into()) };
    let popped: Vec<(Bytes, f64)> =
        walk(set, direction).take(wanted.unwrap_or(1)).map(|(member, score)| (member.clone(), score)).collect();
    for (member, _) in &popped {
        set.remove(member);
    }
    database.settle(&command[1], popped.len());
    let rows = popped.iter().map(|(member, score)| (member, *score));
    Ok(listing(rows, Scores::Shown, protocol).into())
}

#[cfg(test)]
mod tests {
    use super::super::state::State;
    use crate::resp::Value;

    #[test]
    fn scores_are_doubles_in_resp3_and_strings_in_resp2() {
        let mut state = State::plain();
        state.ask("ZADD z 1.5 a inf b");
        assert_eq!(state.ask("ZSCORE z a"), Value::Double(1.5));
        let client = state.admit();
        assert_eq!(state.ask_as(client, "ZMSCORE z b x"), "*2\r\n$3\r\ninf\r\n$-1\r\n");
        assert_eq!(state.ask_as(client, "ZPOPMIN z 1"), "*2\r\n$1\r\na\r\n$3\r\n1.5\r\n");
    }

    #[test]
    fn zadd_changes_only_what_its_options_allow() {
        let mut state = State::plain();
        for (line, changed) in [
            ("ZADD z CH 5 a", 1),
            ("ZADD z NX CH 6 a", 0),
            ("ZADD z GT CH 4 a", 0),
            ("ZADD z LT CH 4 a 9 b", 2),
            ("ZADD z XX CH 3 a 1 c", 1),
        ] {
            assert_eq!(state.ask(line), Value::Integer(changed), "{line}");
        }
    }
}
