//! Commands that take several elements from the first of several keys that has any.

use std::time::Duration;

use bytes::Bytes;

use crate::resp::Value;

use super::blocking::{Block, seconds};
use super::call::{Call, Outcome, Output, keyword};
use super::content::List;
use super::dispatch::{Command, row};
use super::failure::Failure;
use super::lists::End;
use super::numbers::parse_integer;
use super::sorted_set::SortedSet;
use super::sorted_sets::{Direction, walk};
use super::values::{bulk, bulks, null_array};

pub(crate) const COMMANDS: &[Command] = &[
    row("lmpop", -4, |call, command| pop_now(call, &command[1..], End::of, pop_list)),
    row("zmpop", -4, |call, command| pop_now(call, &command[1..], direction, pop_set)),
    row("blmpop", -5, |call, command| pop_or_wait(call, command, End::of, pop_list)),
    row("bzmpop", -5, |call, command| pop_or_wait(call, command, direction, pop_set)),
];

/// From where to take, from which side, and how much at most.
struct Request<'a, S> {
    keys: &'a [Bytes],
    side: S,
    most: usize,
}

/// Takes so much from one key; `None` if there is nothing.
type Pop<S> = fn(&mut Call<'_>, &Bytes, S, usize) -> Result<Option<Value>, Failure>;

impl<'a, S> Request<'a, S> {
    /// `numkeys key [key ...] side [COUNT count]`.
    fn read(words: &'a [Bytes], side: fn(&[u8]) -> Result<S, Failure>) -> Result<Self, Failure> {
        let (number, words) = words.split_first().ok_or(Failure::SYNTAX)?;
        let number = positive(number).ok_or(Failure::of("ERR numkeys should be greater than 0"))?;
        let (Some(keys), Some([word, options @ ..])) = (words.get(..number), words.get(number..)) else {
            return Err(Failure::SYNTAX);
        };
        let side = side(word)?;
        let most = match options {
            [] => 1,
            [option, count] if keyword(option) == "COUNT" => {
                positive(count).ok_or(Failure::of("ERR count should be greater than 0"))?
            }
            _ => return Err(Failure::SYNTAX),
        };
        Ok(Request { keys, side, most })
    }
}

fn pop_now<S: Copy>(
    call: &mut Call<'_>,
    words: &[Bytes],
    side: fn(&[u8]) -> Result<S, Failure>,
    pop: Pop<S>,
) -> Outcome {
    let request = Request::read(words, side)?;
    Ok(take(call, &request, pop)?.unwrap_or_else(null_array).into())
}

fn pop_or_wait<S: Copy>(
    call: &mut Call<'_>,
    command: &[Bytes],
    side: fn(&[u8]) -> Result<S, Failure>,
    pop: Pop<S>,
) -> Outcome {
    let timeout: Option<Duration> = seconds(&command[1])?;
    let request = Request::read(&command[2..], side)?;
    Ok(match take(call, &request, pop)? {
        Some(taken) => taken.into(),
        None => Output::Blocked(Block::new(timeout, null_array())),
    })
}

/// The first key that has any, and what was taken from it.
fn take<S: Copy>(call: &mut Call<'_>, request: &Request<'_, S>, pop: Pop<S>) -> Result<Option<Value>, Failure> {
    for key in request.keys {
        if let Some(taken) = pop(call, key, request.side, request.most)? {
            return Ok(Some(Value::Array(vec![bulk(key.clone()), taken])));
        }
    }
    Ok(None)
}

fn pop_list(call: &mut Call<'_>, key: &Bytes, end: End, most: usize) -> Result<Option<Value>, Failure> {
    let database = call.database();
    let Some(list) = database.write::<List>(key)? else { return Ok(None) };
    let taken: Vec<Bytes> = (0..most).map_while(|_| end.pop(list)).collect();
    database.settle(key, taken.len());
    Ok(if taken.is_empty() { None } else { Some(Value::Array(bulks(&taken))) })
}

fn pop_set(call: &mut Call<'_>, key: &Bytes, direction: Direction, most: usize) -> Result<Option<Value>, Failure> {
    let database = call.database();
    let Some(set) = database.write::<SortedSet>(key)? else { return Ok(None) };
    let taken: Vec<(Bytes, f64)> =
        walk(set, direction).take(most).map(|(member, score)| (member.clone(), score)).collect();
    for (member, _) in &taken {
        set.remove(member);
    }
    database.settle(key, taken.len());
    // In both protocols each member has an array with its score.
    let pairs: Vec<Value> =
        taken.into_iter().map(|(member, score)| Value::Array(vec![bulk(member), Value::Double(score)])).collect();
    Ok(if pairs.is_empty() { None } else { Some(Value::Array(pairs)) })
}

fn direction(word: &[u8]) -> Result<Direction, Failure> {
    match keyword(word).as_str() {
        "MIN" => Ok(Direction::Up),
        "MAX" => Ok(Direction::Down),
        _ => Err(Failure::SYNTAX),
    }
}

fn positive(word: &[u8]) -> Option<usize> {
    parse_integer(word).and_then(|number| usize::try_from(number).ok()).filter(|number| *number > 0)
}
