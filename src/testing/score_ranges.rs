//! Sorted sets by rank and by score.

use bytes::Bytes;

use crate::resp::Value;

use super::call::{Call, Outcome, integer, keyword, slice};
use super::dispatch::{Command, row};
use super::failure::Failure;
use super::numbers::parse_double;
use super::sorted_set::SortedSet;
use super::sorted_sets::{Direction, Scores, listing, walk};
use super::values::count;

pub(crate) const COMMANDS: &[Command] = &[
    row("zrange", -4, |call, command| range(call, command, Query::new(By::Rank, Direction::Up))),
    row("zrevrange", -4, |call, command| range(call, command, Query::new(By::Rank, Direction::Down))),
    row("zrangebyscore", -4, |call, command| range(call, command, Query::new(By::Score, Direction::Up))),
    row("zrevrangebyscore", -4, |call, command| range(call, command, Query::new(By::Score, Direction::Down))),
    row("zcount", 4, zcount),
    row("zremrangebyscore", 4, zremrangebyscore),
];

/// What the two bounds of a range are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Rank,
    Score,
}

/// Which members are asked for, besides the bounds.
#[derive(Clone, Copy)]
struct Query {
    by: By,
    direction: Direction,
    scores: Scores,
    /// Offset and count; a negative count means all.
    limit: Option<(i64, i64)>,
}

impl Query {
    fn new(by: By, direction: Direction) -> Self {
        Query { by, direction, scores: Scores::Hidden, limit: None }
    }

    /// Reads the options; only ZRANGE itself takes BYSCORE and REV.
    fn with_options(mut self, mut words: &[Bytes], command: &str) -> Result<Self, Failure> {
        let is_general = command == "ZRANGE";
        while let [word, rest @ ..] = words {
            words = rest;
            match (keyword(word).as_str(), rest) {
                ("WITHSCORES", _) => self.scores = Scores::Shown,
                ("BYSCORE", _) if is_general && self.by == By::Rank => self.by = By::Score,
                ("BYLEX", _) if is_general => {
                    return Err(Failure::of("ERR the fake server does not know BYLEX: script an answer"));
                }
                ("REV", _) if is_general && self.direction == Direction::Up => self.direction = Direction::Down,
                ("LIMIT", [offset, count, rest @ ..]) => {
                    self.limit = Some((integer(offset)?, integer(count)?));
                    words = rest;
                }
                _ => return Err(Failure::SYNTAX),
            }
        }
        // A count of -1 is as good as none.
        if self.limit.is_some_and(|(_, count)| count != -1) && self.by == By::Rank {
            return Err(Failure::of(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ));
        }
        Ok(self)
    }
}

/// A bound of a range of scores; `(1` leaves 1 itself out.
#[derive(Clone, Copy)]
enum Bound {
    Inclusive(f64),
    Exclusive(f64),
}

impl Bound {
    fn of(text: &[u8]) -> Result<Self, Failure> {
        let (bound, number): (fn(f64) -> Bound, _) = match text.strip_prefix(b"(") {
            Some(number) => (Bound::Exclusive, number),
            None => (Bound::Inclusive, text),
        };
        parse_double(number).map(bound).ok_or(Failure::of("ERR min or max is not a float"))
    }

    fn is_at_most(self, score: f64) -> bool {
        match self {
            Bound::Inclusive(bound) => bound <= score,
            Bound::Exclusive(bound) => bound < score,
        }
    }

    fn is_at_least(self, score: f64) -> bool {
        match self {
            Bound::Inclusive(bound) => bound >= score,
            Bound::Exclusive(bound) => bound > score,
        }
    }
}

fn range(call: &mut Call<'_>, command: &[Bytes], query: Query) -> Outcome {
    let query = query.with_options(command.get(4..).unwrap_or_default(), &keyword(&command[0]))?;
    let protocol = call.protocol();
    let (start, stop) = (&command[2], &command[3]);
    let empty = SortedSet::default();
    let rows: Box<dyn Iterator<Item = (&Bytes, f64)>> = match query.by {
        By::Rank => {
            let (start, stop) = (integer(start)?, integer(stop)?);
            let set = call.database().read::<SortedSet>(&command[1])?.unwrap_or(&empty);
            let ranks = slice(start, stop, set.len());
            Box::new(walk(set, query.direction).skip(ranks.start).take(ranks.len()))
        }
        By::Score => {
            let (min, max) = match query.direction {
                Direction::Up => (Bound::of(start)?, Bound::of(stop)?),
                Direction::Down => (Bound::of(stop)?, Bound::of(start)?),
            };
            let set = call.database().read::<SortedSet>(&command[1])?.unwrap_or(&empty);
            let inside = move |row: &(&Bytes, f64)| min.is_at_most(row.1) && max.is_at_least(row.1);
            limited(walk(set, query.direction).filter(inside), query.limit)
        }
    };
    Ok(listing(rows, query.scores, protocol).into())
}

fn limited<'a>(
    rows: impl Iterator<Item = (&'a Bytes, f64)> + 'a,
    limit: Option<(i64, i64)>,
) -> Box<dyn Iterator<Item = (&'a Bytes, f64)> + 'a> {
    let (offset, count) = limit.unwrap_or((0, -1));
    match (usize::try_from(offset), usize::try_from(count)) {
        // A negative offset gives nothing, a negative count everything.
        (Err(_), _) => Box::new(std::iter::empty()),
        (Ok(offset), Ok(count)) => Box::new(rows.skip(offset).take(count)),
        (Ok(offset), Err(_)) => Box::new(rows.skip(offset)),
    }
}

fn inside(call: &mut Call<'_>, command: &[Bytes]) -> Result<Vec<Bytes>, Failure> {
    let (min, max) = (Bound::of(&command[2])?, Bound::of(&command[3])?);
    let set = call.database().read::<SortedSet>(&command[1])?;
    let rows = set.into_iter().flat_map(SortedSet::iter);
    let inside = rows.filter(|(_, score)| min.is_at_most(*score) && max.is_at_least(*score));
    Ok(inside.map(|(member, _)| member.clone()).collect())
}

fn zcount(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    Ok(count(inside(call, command)?.len()).into())
}

fn zremrangebyscore(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let members = inside(call, command)?;
    let database = call.database();
    if let Some(set) = database.write::<SortedSet>(&command[1])? {
        for member in &members {
            set.remove(member);
        }
        database.settle(&command[1], members.len());
    }
    Ok(Value::Integer(i64::try_from(members.len()).unwrap_or(i64::MAX)).into())
}

#[cfg(test)]
mod tests {
    use super::super::state::State;
    use crate::resp::Value;

    #[test]
    fn bounds_may_exclude_and_limits_apply_after_them() {
        let mut state = State::plain();
        state.ask("ZADD z 1 a 2 b 3 c 4 d");
        for (line, members) in [
            ("ZRANGE z (1 +inf BYSCORE LIMIT 1 2", "c d"),
            ("ZRANGE z +inf (1 BYSCORE REV LIMIT 0 1", "d"),
            ("ZRANGEBYSCORE z 2 (4", "b c"),
            ("ZRANGE z -2 -1 REV", "b a"),
        ] {
            let members = members.split(' ').map(Value::bulk).collect();
            assert_eq!(state.ask(line), Value::Array(members), "{line}");
        }
    }
}
