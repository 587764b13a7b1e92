//! Replies to Rust values.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, Hash};

use bytes::Bytes;

use super::convert::{ConversionError, ServerError};
use crate::resp::{Items, Reply, Value, View};

/// A type that a reply can be converted to.
///
/// RESP2 and RESP3 give the same values: a map may come as a map or as a flat array, a double as a double or as a
/// string, a boolean as a boolean or as `0` or `1`. A reply of another shape is a [`ConversionError`] that names what
/// was expected and what was found; nothing is guessed or cut off.
///
/// Implemented for strings, `Bytes` and `Vec<u8>`, integers and floats of all sizes, `bool`, `()` (any answer but an error),
/// `Option` (`None` for null), vectors, arrays, tuples, sets and maps of these, `Result<T, ServerError>` (for errors inside
/// an answer), and [`Value`] (everything). For a type of one's own:
///
/// ```
/// use steadfast::{ConversionError, FromReply, Reply};
///
/// struct Port(u16);
///
/// impl FromReply for Port {
///     fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
///         match u16::from_reply(reply)? {
///             0 => Err(ConversionError::new("a port from 1 to 65535", "0")),
///             port => Ok(Self(port)),
///         }
///     }
/// }
/// ```
pub trait FromReply: Sized {
    /// Converts a reply.
    ///
    /// # Errors
    /// A [`ConversionError`] if the reply has another shape, or a number does not fit.
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError>;

    /// Converts a string to many of these. Exists so that `Vec<u8>` can be the bytes of a string.
    #[doc(hidden)]
    fn from_string(_: &[u8]) -> Option<Vec<Self>> {
        None
    }
}

/// Anything but an error; the reply is not looked at.
impl FromReply for () {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        if reply.is_error() {
            return Err(ConversionError::unexpected("any reply but an error", reply));
        }
        Ok(())
    }
}

/// The whole reply as a tree; errors inside of it too.
impl FromReply for Value {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        Ok(reply.to_value()?)
    }
}

/// `None` for a null of any form.
impl<T: FromReply> FromReply for Option<T> {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        if reply.is_null() { Ok(None) } else { T::from_reply(reply).map(Some) }
    }
}

/// An error inside of an aggregate, kept instead of spoiling the whole.
impl<T: FromReply> FromReply for Result<T, ServerError> {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        match reply.bytes() {
            Some(line) if reply.is_error() => Ok(Err(ServerError::from_bytes(line))),
            _ => T::from_reply(reply).map(Ok),
        }
    }
}

/// The bytes of a string of any kind. A small one is a copy, so that it never keeps a large read buffer alive; one in
/// a large reply is a slice of it.
impl FromReply for Bytes {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        match reply.to_bytes() {
            Some(bytes) if !reply.is_error() => Ok(bytes),
            _ => number_text(reply).map(Bytes::from),
        }
    }
}

impl FromReply for String {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        match reply.view()? {
            View::BulkString(bytes) | View::SimpleString(bytes) | View::Verbatim { text: bytes, .. } => {
                std::str::from_utf8(bytes)
                    .map(str::to_owned)
                    .map_err(|error| ConversionError::new("a string of UTF-8", error.to_string()))
            }
            View::BigNumber(digits) => Ok(String::from_utf8_lossy(digits).into_owned()),
            _ => number_text(reply),
        }
    }
}

impl FromReply for Box<str> {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        String::from_reply(reply).map(String::into_boxed_str)
    }
}

/// `true` and `false` as RESP3 spells them, `1` and `0` as RESP2 does, and `OK` and null as conditional writes do.
impl FromReply for bool {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        match reply.view()? {
            View::Boolean(value) => Ok(value),
            View::Integer(0) => Ok(false),
            View::Integer(1) => Ok(true),
            View::Null | View::BulkString(b"0") | View::SimpleString(b"0") => Ok(false),
            View::SimpleString(b"OK" | b"1") | View::BulkString(b"1") => Ok(true),
            View::Integer(other) => Err(ConversionError::new("a boolean", format!("the integer {other}"))),
            _ => Err(ConversionError::unexpected("a boolean", reply)),
        }
    }
}

impl FromReply for f64 {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        match reply.view()? {
            View::Double(value) => Ok(value),
            #[expect(clippy::cast_precision_loss, reason = "a double was asked for")]
            View::Integer(value) => Ok(value as f64),
            View::BulkString(text) | View::SimpleString(text) | View::Verbatim { text, .. } => {
                parse(text).ok_or_else(|| ConversionError::new("a double", found_text(text)))
            }
            _ => Err(ConversionError::unexpected("a double", reply)),
        }
    }
}

impl FromReply for f32 {
    #[expect(clippy::cast_possible_truncation, reason = "precision is what was given up by asking for an f32")]
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        f64::from_reply(reply).map(|value| value as Self)
    }
}

macro_rules! integers {
    ($($type:ty, $expected:literal;)*) => {$(
        impl FromReply for $type {
            fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
                integer(reply, $expected)
            }
        }
    )*};
}

integers! {
    i8, "an integer that fits i8";
    i16, "an integer that fits i16";
    i32, "an integer that fits i32";
    i64, "an integer that fits i64";
    i128, "an integer that fits i128";
    isize, "an integer that fits isize";
    u16, "an integer that fits u16";
    u32, "an integer that fits u32";
    u64, "an integer that fits u64";
    u128, "an integer that fits u128";
    usize, "an integer that fits usize";
}

/// An integer; a `Vec<u8>` is the bytes of a string.
impl FromReply for u8 {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        integer(reply, "an integer that fits u8")
    }

    fn from_string(bytes: &[u8]) -> Option<Vec<Self>> {
        Some(bytes.to_vec())
    }
}

/// The items of an array or a set, or one flat list of a map's keys and values; for `Vec<u8>`, the bytes of a string.
impl<T: FromReply> FromReply for Vec<T> {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        match reply.view()? {
            View::Map(pairs) => {
                let mut items = Vec::with_capacity(pairs.len());
                for (key, value) in pairs {
                    items.push(T::from_reply(key)?);
                    items.push(T::from_reply(value)?);
                }
                Ok(items)
            }
            View::Array(items) | View::Set(items) | View::Push(items) => {
                // Not collected: a collection of results has no size beforehand, and would grow step by step.
                let mut converted = Vec::with_capacity(items.len());
                for item in items {
                    converted.push(T::from_reply(item)?);
                }
                Ok(converted)
            }
            View::BulkString(bytes) | View::SimpleString(bytes) | View::Verbatim { text: bytes, .. } => {
                T::from_string(bytes).ok_or_else(|| ConversionError::unexpected("an array", reply))
            }
            _ => Err(ConversionError::unexpected("an array", reply)),
        }
    }
}

impl<T: FromReply, const N: usize> FromReply for [T; N] {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let items = Vec::<T>::from_reply(reply)?;
        let found = items.len();
        items.try_into().map_err(|_| ConversionError::new("an array of the wanted length", format!("{found} items")))
    }
}

impl<T: FromReply + Eq + Hash, S: BuildHasher + Default> FromReply for HashSet<T, S> {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        items(reply, "a set")?.map(T::from_reply).collect()
    }
}

impl<T: FromReply + Ord> FromReply for BTreeSet<T> {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        items(reply, "a set")?.map(T::from_reply).collect()
    }
}

impl<K: FromReply + Eq + Hash, V: FromReply, S: BuildHasher + Default> FromReply for HashMap<K, V, S> {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let mut map = Self::default();
        pairs(reply, |key, value| {
            map.insert(K::from_reply(key)?, V::from_reply(value)?);
            Ok(())
        })?;
        Ok(map)
    }
}

impl<K: FromReply + Ord, V: FromReply> FromReply for BTreeMap<K, V> {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let mut map = Self::new();
        pairs(reply, |key, value| {
            map.insert(K::from_reply(key)?, V::from_reply(value)?);
            Ok(())
        })?;
        Ok(map)
    }
}

macro_rules! tuples {
    ($count:literal, $expected:literal, $($name:ident)+) => {
        impl<$($name: FromReply),+> FromReply for ($($name,)+) {
            fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
                let mut items = items(reply, $expected)?;
                if items.len() != $count {
                    return Err(ConversionError::new($expected, format!("{} items", items.len())));
                }
                let missing = || ConversionError::new($expected, "fewer items");
                Ok(($($name::from_reply(items.next().ok_or_else(missing)?)?,)+))
            }
        }
    };
}

tuples!(1, "an array of 1", A);
tuples!(2, "an array of 2", A B);
tuples!(3, "an array of 3", A B C);
tuples!(4, "an array of 4", A B C D);
tuples!(5, "an array of 5", A B C D E);
tuples!(6, "an array of 6", A B C D E F);

/// The digits of a number: RESP2 sends some values as strings that RESP3 sends as numbers.
fn number_text(reply: Reply<'_>) -> Result<String, ConversionError> {
    match reply.view()? {
        View::Integer(value) => Ok(value.to_string()),
        View::Double(value) => Ok(value.to_string()),
        _ => Err(ConversionError::unexpected("a string", reply)),
    }
}

fn integer<T: TryFrom<i64> + std::str::FromStr>(
    reply: Reply<'_>,
    expected: &'static str,
) -> Result<T, ConversionError> {
    match reply.view()? {
        View::Integer(value) => {
            T::try_from(value).map_err(|_| ConversionError::new(expected, format!("the integer {value}")))
        }
        View::BulkString(text) | View::SimpleString(text) | View::BigNumber(text) => {
            parse(text).ok_or_else(|| ConversionError::new(expected, found_text(text)))
        }
        _ => Err(ConversionError::unexpected(expected, reply)),
    }
}

fn parse<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// A string that should have been a number: shown only if it is short and can be one that went wrong.
fn found_text(text: &[u8]) -> String {
    let numeric = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    match std::str::from_utf8(text) {
        Ok(short) if text.len() <= 40 && text.iter().all(numeric) => format!("the string '{short}'"),
        _ => format!("a string of {} bytes", text.len()),
    }
}

fn items<'a>(reply: Reply<'a>, expected: &'static str) -> Result<Items<'a>, ConversionError> {
    match reply.view()? {
        View::Array(items) | View::Set(items) | View::Push(items) => Ok(items),
        _ => Err(ConversionError::unexpected(expected, reply)),
    }
}

/// The pairs of a map, of a flat array of even length, or of an array of arrays of two.
fn pairs<'a>(
    reply: Reply<'a>,
    mut take: impl FnMut(Reply<'a>, Reply<'a>) -> Result<(), ConversionError>,
) -> Result<(), ConversionError> {
    if let View::Map(pairs) = reply.view()? {
        return pairs.into_iter().try_for_each(|(key, value)| take(key, value));
    }
    let mut items = items(reply, "a map")?;
    while let Some(key) = items.next() {
        if let View::Array(mut pair) = key.view()? {
            match (pair.next(), pair.next(), pair.next()) {
                (Some(key), Some(value), None) => take(key, value)?,
                _ => return Err(ConversionError::new("a map", "an array whose items are not pairs")),
            }
            continue;
        }
        let value = items.next().ok_or_else(|| ConversionError::new("a map", "an array of odd length"))?;
        take(key, value)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::{Frame, NullForm};

    fn convert<T: FromReply>(value: Value) -> Result<T, String> {
        let frame = Frame::from_value(&value);
        T::from_reply(frame.reply()).map_err(|error| error.to_string())
    }

    fn bulks(items: &[&'static str]) -> Value {
        Value::Array(items.iter().map(|item| Value::bulk(*item)).collect())
    }

    #[test]
    fn integers_are_checked_for_range() {
        assert_eq!(convert::<u8>(Value::Integer(255)), Ok(255));
        assert_eq!(
            convert::<u8>(Value::Integer(256)),
            Err("expected an integer that fits u8, found the integer 256".into())
        );
        assert_eq!(
            convert::<u64>(Value::Integer(-1)),
            Err("expected an integer that fits u64, found the integer -1".into())
        );
        assert_eq!(convert::<u64>(Value::bulk("18446744073709551615")), Ok(u64::MAX));
        assert_eq!(
            convert::<i64>(Value::bulk("secret text")),
            Err("expected an integer that fits i64, found a string of 11 bytes".into())
        );
    }

    #[test]
    fn a_vector_of_bytes_is_a_string_and_other_vectors_are_arrays() {
        assert_eq!(convert::<Vec<u8>>(Value::bulk("ab")), Ok(b"ab".to_vec()));
        assert_eq!(convert::<Vec<String>>(bulks(&["a", "b"])), Ok(vec!["a".into(), "b".into()]));
        assert!(convert::<Vec<i64>>(Value::bulk("ab")).is_err());
    }

    #[test]
    fn maps_come_as_maps_as_flat_arrays_and_as_arrays_of_pairs() {
        let wanted = BTreeMap::from([("a".to_owned(), 1i64), ("b".to_owned(), 2)]);
        let map = Value::Map(vec![(Value::bulk("a"), Value::Integer(1)), (Value::bulk("b"), Value::bulk("2"))]);
        assert_eq!(convert(map), Ok(wanted.clone()));
        assert_eq!(convert(bulks(&["a", "1", "b", "2"])), Ok(wanted.clone()));
        assert_eq!(convert(Value::Array(vec![bulks(&["a", "1"]), bulks(&["b", "2"])])), Ok(wanted));
        assert_eq!(
            convert::<BTreeMap<String, i64>>(bulks(&["a", "1", "b"])),
            Err("expected a map, found an array of odd length".into())
        );
    }

    #[test]
    fn null_is_none_and_nothing_else_is() {
        assert_eq!(convert::<Option<String>>(Value::Null(NullForm::Resp3)), Ok(None));
        assert_eq!(convert::<Option<String>>(Value::bulk("")), Ok(Some(String::new())));
        assert!(convert::<String>(Value::Null(NullForm::Resp3)).is_err());
    }

    #[test]
    fn doubles_come_as_doubles_and_as_strings() {
        assert_eq!(convert::<f64>(Value::Double(1.5)), Ok(1.5));
        assert_eq!(convert::<f64>(Value::bulk("inf")), Ok(f64::INFINITY));
        assert_eq!(convert::<f64>(Value::bulk("1.5e3")), Ok(1500.0));
        assert!(convert::<f64>(Value::bulk("x")).is_err());
    }

    #[test]
    fn a_tuple_has_exactly_its_length() {
        assert_eq!(convert::<(String, i64)>(bulks(&["a", "1"])), Ok(("a".into(), 1)));
        assert_eq!(convert::<(String,)>(bulks(&["a", "1"])), Err("expected an array of 1, found 2 items".into()));
    }

    #[test]
    fn an_error_inside_an_array_can_be_kept() {
        let value = Value::Array(vec![Value::Integer(1), Value::error("WRONGTYPE x")]);
        let kept: Vec<Result<i64, ServerError>> = convert(value.clone()).unwrap();
        assert_eq!(kept, vec![Ok(1), Err(ServerError::new("WRONGTYPE x"))]);
        assert_eq!(
            convert::<Vec<i64>>(value),
            Err("expected an integer that fits i64, found the error 'WRONGTYPE x'".into())
        );
    }
}
