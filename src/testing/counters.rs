//! Strings as numbers.

use bytes::Bytes;

use crate::resp::Value;

use super::call::{Call, Outcome, double, integer};
use super::dispatch::{Command, row};
use super::failure::Failure;
use super::numbers::add_decimals;
use super::values::bulk;

pub(crate) const COMMANDS: &[Command] = &[
    row("incr", 2, |call, command| add(call, command, 1)),
    row("decr", 2, |call, command| add(call, command, -1)),
    row("incrby", 3, |call, command| add(call, command, integer(&command[2])?)),
    row("decrby", 3, |call, command| {
        let by = integer(&command[2])?.checked_neg().ok_or(Failure::of("ERR decrement would overflow"))?;
        add(call, command, by)
    }),
    row("incrbyfloat", 3, add_float),
];

fn add(call: &mut Call<'_>, command: &[Bytes], by: i64) -> Outcome {
    let key = &command[1];
    let database = call.database();
    let old = database.read::<Bytes>(key)?.map_or(Ok(0), |text| integer(text))?;
    let new = old.checked_add(by).ok_or(Failure::OVERFLOW)?;
    *database.write_or_create::<Bytes>(key)? = new.to_string().into();
    database.settle(key, 1);
    Ok(Value::Integer(new).into())
}

fn add_float(call: &mut Call<'_>, command: &[Bytes]) -> Outcome {
    let (key, by) = (&command[1], &command[2]);
    let database = call.database();
    let old = database.read::<Bytes>(key)?.cloned().unwrap_or_else(|| Bytes::from_static(b"0"));
    double(&old)?;
    double(by)?;
    let new = add_decimals(&old, by).ok_or(Failure::of("ERR increment would produce NaN or Infinity"))?;
    let new = Bytes::from(new);
    *database.write_or_create::<Bytes>(key)? = new.clone();
    database.settle(key, 1);
    Ok(bulk(new).into())
}
