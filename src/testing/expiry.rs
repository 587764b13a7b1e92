//! When keys expire.

use bytes::Bytes;

use crate::resp::Value;

use super::call::{Call, Outcome, integer, keyword};
use super::dispatch::{Command, row};
use super::failure::Failure;
use super::values::yes_or_no;

pub(crate) const COMMANDS: &[Command] = &[
    row("expire", -3, |call, command| expire(call, command, "expire", Moment::SECONDS)),
    row("pexpire", -3, |call, command| expire(call, command, "pexpire", Moment::MILLIS)),
    row("expireat", -3, |call, command| expire(call, command, "expireat", Moment::AT_SECOND)),
    row("pexpireat", -3, |call, command| expire(call, command, "pexpireat", Moment::AT_MILLI)),
    row("persist", 2, persist),
    row("ttl", 2, |call, command| remaining(call, command, Unit::Seconds)),
    row("pttl", 2, |call, command| remaining(call, command, Unit::Millis)),
];

/// How a number given by a client means a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    unit: Unit,
    counted_from: Origin,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Seconds,
    Millis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    Now,
    Year1970,
}

impl Moment {
    pub(crate) const SECONDS: Moment = Moment { unit: Unit::Seconds, counted_from: Origin::Now };
    pub(crate) const MILLIS: Moment = Moment { unit: Unit::Millis, counted_from: Origin::Now };
    pub(crate) const AT_SECOND: Moment = Moment { unit: Unit::Seconds, counted_from: Origin::Year1970 };
    pub(crate) const AT_MILLI: Moment = Moment { unit: Unit::Millis, counted_from: Origin::Year1970 };

    /// The meaning of the option EX, PX, EXAT or PXAT.
    pub(crate) fn of_option(option: &str) -> Option<Moment> {
        match option {
            "EX" => Some(Moment::SECONDS),
            "PX" => Some(Moment::MILLIS),
            "EXAT" => Some(Moment::AT_SECOND),
            "PXAT" => Some(Moment::AT_MILLI),
            _ => None,
        }
    }

    /// Milliseconds since 1970, for a command that allows moments in the past.
    fn resolve(self, number: i64, now: i64, command: &str) -> Result<i64, Failure> {
        let millis = match self.unit {
            Unit::Seconds => number.checked_mul(1000),
            Unit::Millis => Some(number),
        };
        let at = match self.counted_from {
            Origin::Now => millis.and_then(|millis| millis.checked_add(now)),
            Origin::Year1970 => millis,
        };
        at.ok_or_else(|| Failure::invalid_expire(command))
    }

    /// Milliseconds since 1970, for a command that wants a number above 0.
    pub(crate) fn resolve_positive(self, argument: &[u8], now: i64, command: &str) -> Result<i64, Failure> {
        match integer(argument)? {
            number if number > 0 => self.resolve(number, now, command),
            _ => Err(Failure::invalid_expire(command)),
        }
    }
}

/// Which expiries EXPIRE may replace.
#[derive(Debug, Default)]
struct Condition {
    none_yet: bool,
    some_already: bool,
    later: bool,
    earlier: bool,
}

impl Condition {
    fn of(options: &[Bytes]) -> Result<Self, Failure> {
        let mut condition = Condition::default();
        for option in options {
            match keyword(option).as_str() {
                "NX" => condition.none_yet = true,
                "XX" => condition.some_already = true,
                "GT" => condition.later = true,
                "LT" => condition.earlier = true,
                _ => {
                    let option = String::from_utf8_lossy(option);
                    return Err(Failure::new(format!("ERR Unsupported option {option}")));
                }
            }
        }
        if condition.none_yet && (condition.some_already || condition.later || condition.earlier) {
            return Err(Failure::of("ERR NX and XX, GT or LT options at the same time are not compatible"));
        }
        if condition.later && condition.earlier {
            return Err(Failure::of("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(condition)
    }

    /// Whether an expiry at `new` may replace `present`; a key without expiry counts as one that lives forever.
    fn allows(&self, new: i64, present: Option<i64>) -> bool {
        !(self.none_yet && present.is_some()
            || self.some_already && present.is_none()
            || self.later && present.is_none_or(|present| new <= present)
            || self.earlier && present.is_some_and(|present| new >= present))
    }
}

fn expire(call: &mut Call<'_>, command: &[Bytes], name: &str, moment: Moment) -> Outcome {
    let (key, options) = (&command[1], command.get(3..).unwrap_or_default());
    let condition = Condition::of(options)?;
    let database = call.database();
    let now = database.now();
    let at = moment.resolve(integer(&command[2])?, now, name)?;
    let changed = match database.entry(key) {
        Some(entry) if condition.allows(at, entry.expires) => {
            entry.expires = Some(at);
            true
        }
        _ => false,
    };
    if changed {
        database.settle(key, 1);
        // A moment in the past removes the key at once.
        database.contains(key);
    }
    Ok(yes_or_no(changed).into())
}

fn persist(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let database = call.database();
    let had_expiry = database.entry(&command[1]).is_some_and(|entry| entry.expires.take().is_some());
    database.settle(&command[1], usize::from(had_expiry));
    Ok(yes_or_no(had_expiry).into())
}

fn remaining(call: &mut Call<'_>, command: &[Bytes], unit: Unit) -> Outcome {
    let database = call.database();
    let now = database.now();
    let answer = match database.entry(&command[1]).map(|entry| entry.expires) {
        None => -2,
        Some(None) => -1,
        Some(Some(at)) => match unit {
            Unit::Seconds => (at - now).saturating_add(500) / 1000,
            Unit::Millis => at - now,
        },
    };
    Ok(Value::Integer(answer).into())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::state::State;
    use crate::resp::Value;

    #[tokio::test(start_paused = true)]
    async fn ttl_rounds_to_the_nearest_second_and_tokio_time_counts() {
        let mut state = State::plain();
        state.ask("SET k v EX 10");
        tokio::time::advance(Duration::from_millis(5500)).await;
        assert_eq!(state.ask("PTTL k"), Value::Integer(4500));
        assert_eq!(state.ask("TTL k"), Value::Integer(5));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(state.ask("TTL k"), Value::Integer(4));
    }

    #[test]
    fn keys_expire_by_the_clock_that_a_test_moves() {
        let mut state = State::plain();
        state.ask("SET k v EX 10");
        assert_eq!(state.ask("TTL k"), Value::Integer(10));
        state.clock.advance(Duration::from_secs(5));
        assert!(matches!(state.ask("PTTL k"), Value::Integer(4000..=5000)));
        state.clock.advance(Duration::from_secs(5));
        assert_eq!(state.ask("TTL k"), Value::Integer(-2));
        assert_eq!(state.ask("GET k"), Value::null());
        assert_eq!(state.ask("DBSIZE"), Value::Integer(0));
    }

    #[test]
    fn moments_at_the_edge_of_the_range_do_not_overflow() {
        let mut state = State::plain();
        for line in
            ["SET k v EX 9223372036854775807", "SETEX k 9223372036854775807 v", "SET k v PXAT 9223372036854775807"]
        {
            state.ask(line);
        }
        assert!(matches!(state.ask("TTL k"), Value::Integer(1..)));
        assert!(state.ask("EXPIRE k -9223372036854775808") != Value::Integer(1));
        state.ask("PEXPIREAT k -9223372036854775808");
        assert_eq!(state.ask("EXISTS k"), Value::Integer(0));
    }
}
