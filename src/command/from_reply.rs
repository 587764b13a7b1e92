//! Replies to Rust values.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use bytes::Bytes;

use super::convert::{ConversionError, ServerError};
use crate::resp::{Items, Kind, Pairs, Reply, Value, View};

/// A type that a reply can be converted to.
///
/// RESP2 and RESP3 give the same values: a map may come as a map, as a flat array or as an array of pairs, a double as a
/// double or as a string, a boolean as a boolean or as `0` or `1`. Pairs in order are a `Vec<(K, V)>`. A reply of
/// another shape is a [`ConversionError`] that names what was expected and what was found; nothing is guessed or cut
/// off; but the command has run then: see [`api`](crate::api) for those that take something away. A null is an error for every type but `Option`, `bool`, `()` and [`Value`]: for an empty list a server sends an
/// empty array.
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
#[diagnostic::on_unimplemented(
    message = "a reply cannot be converted to `{Self}`",
    note = "for a type of your own, implement `FromReply`, or wrap it: see the module `serde`, with the feature `serde`"
)]
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

    /// Converts the pairs of a map or of a flat array. Exists so that `Vec<(K, V)>` can be pairs in order.
    #[doc(hidden)]
    fn from_pairs(_: Reply<'_>) -> Option<Result<Vec<Self>, ConversionError>> {
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
            View::BulkString(bytes)
            | View::SimpleString(bytes)
            | View::Verbatim { text: bytes, .. }
            | View::BigNumber(bytes) => std::str::from_utf8(bytes)
                .map(str::to_owned)
                .map_err(|error| ConversionError::new("a string of UTF-8", error.to_string())),
            _ => number_text(reply),
        }
    }
}

impl FromReply for Box<str> {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        String::from_reply(reply).map(String::into_boxed_str)
    }
}

impl FromReply for Arc<str> {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        String::from_reply(reply).map(Self::from)
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
            View::BulkString(text) | View::SimpleString(text) | View::Verbatim { text, .. } | View::BigNumber(text) => {
                parse(text).ok_or_else(|| ConversionError::new("a double", found_text(text)))
            }
            _ => Err(ConversionError::unexpected("a double", reply)),
        }
    }
}

/// The nearest `f32`; a number outside of its range is an error.
impl FromReply for f32 {
    #[expect(clippy::cast_possible_truncation, reason = "precision is what was given up by asking for an f32")]
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let wide = f64::from_reply(reply)?;
        let narrow = wide as Self;
        if wide.is_finite() && narrow.is_infinite() {
            return Err(ConversionError::new("a double that fits f32", format!("the double {wide:e}")));
        }
        Ok(narrow)
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

/// The items of an array or a set, or one flat list of a map's keys and values. For `Vec<u8>` the bytes of a string; for
/// `Vec<(K, V)>` the pairs of a map, in order, however they come.
impl<T: FromReply> FromReply for Vec<T> {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        if let Some(pairs) = T::from_pairs(reply) {
            return pairs;
        }
        if let Some(list) = List::of(reply)? {
            // Not collected: a collection of results has no size beforehand, and would grow step by step.
            let mut converted = Self::with_capacity(list.len());
            list.items().try_for_each(|item| T::from_reply(item).map(|item| converted.push(item)))?;
            return Ok(converted);
        }
        let text = match reply.bytes() {
            Some(bytes) if !reply.is_error() => T::from_string(bytes),
            _ => number_text(reply).ok().and_then(|text| T::from_string(text.as_bytes())),
        };
        text.ok_or_else(|| ConversionError::unexpected("an array", reply))
    }
}

/// As a `Vec`.
impl<T: FromReply> FromReply for Box<[T]> {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        Vec::from_reply(reply).map(Vec::into_boxed_slice)
    }
}

/// As a `Vec`.
impl<T: FromReply> FromReply for Arc<[T]> {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        Vec::from_reply(reply).map(Self::from)
    }
}

/// As a `Vec`, of exactly this length.
impl<T: FromReply, const N: usize> FromReply for [T; N] {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let items = Vec::<T>::from_reply(reply)?;
        let found = items.len();
        items.try_into().map_err(|_| ConversionError::new("an array of the wanted length", format!("{found} items")))
    }
}

impl<T: FromReply + Eq + Hash, S: BuildHasher + Default> FromReply for HashSet<T, S> {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        List::expected(reply, "a set")?.items().map(T::from_reply).collect()
    }
}

impl<T: FromReply + Ord> FromReply for BTreeSet<T> {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        List::expected(reply, "a set")?.items().map(T::from_reply).collect()
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
    ($count:literal, $expected:literal, $($name:ident)+; $($pairs:item)?) => {
        impl<$($name: FromReply),+> FromReply for ($($name,)+) {
            fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
                let list = List::expected(reply, $expected)?;
                if list.len() != $count {
                    return Err(ConversionError::new($expected, format!("{} items", list.len())));
                }
                let mut items = list.items();
                let missing = || ConversionError::new($expected, "fewer items");
                Ok(($($name::from_reply(items.next().ok_or_else(missing)?)?,)+))
            }

            $($pairs)?
        }
    };
}

tuples!(1, "an array of 1", A;);
tuples!(2, "an array of 2", A B;
    fn from_pairs(reply: Reply<'_>) -> Option<Result<Vec<Self>, ConversionError>> {
        is_aggregate(reply).then(|| {
            let mut converted = Vec::with_capacity(List::expected(reply, "a map")?.len() / 2);
            pairs(reply, |key, value| {
                converted.push((A::from_reply(key)?, B::from_reply(value)?));
                Ok(())
            })?;
            Ok(converted)
        })
    }
);
tuples!(3, "an array of 3", A B C;);
tuples!(4, "an array of 4", A B C D;);
tuples!(5, "an array of 5", A B C D E;);
tuples!(6, "an array of 6", A B C D E F;);
tuples!(7, "an array of 7", A B C D E F G;);
tuples!(8, "an array of 8", A B C D E F G H;);
tuples!(9, "an array of 9", A B C D E F G H I;);
tuples!(10, "an array of 10", A B C D E F G H I J;);
tuples!(11, "an array of 11", A B C D E F G H I J K;);
tuples!(12, "an array of 12", A B C D E F G H I J K L;);

/// The digits of a number: RESP2 sends some values as strings that RESP3 sends as numbers.
fn number_text(reply: Reply<'_>) -> Result<String, ConversionError> {
    match reply.view()? {
        View::Integer(value) => Ok(value.to_string()),
        View::Double(value) if value.is_nan() => Ok("nan".to_owned()),
        View::Double(value) => Ok(value.to_string()),
        View::Boolean(value) => Ok(i64::from(value).to_string()),
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
        View::BulkString(text) | View::SimpleString(text) | View::Verbatim { text, .. } | View::BigNumber(text) => {
            parse(text).ok_or_else(|| ConversionError::new(expected, found_text(text)))
        }
        View::Double(value) => whole(value)
            .and_then(|value| T::try_from(value).ok())
            .ok_or_else(|| ConversionError::new(expected, format!("the double {value}"))),
        View::Boolean(value) => T::try_from(i64::from(value)).map_err(|_| ConversionError::unexpected(expected, reply)),
        _ => Err(ConversionError::unexpected(expected, reply)),
    }
}

/// The integer that a double stands for: RESP2 sends `3` for a score that RESP3 sends as a double.
fn whole(value: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "every whole number in this range is an i64")]
    (value.fract() == 0.0 && value.abs() < EXACT).then_some(value as i64)
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

/// What can be read item by item: a map too, as RESP2 sends it.
enum List<'a> {
    Items(Items<'a>),
    Pairs(Pairs<'a>),
}

impl<'a> List<'a> {
    fn of(reply: Reply<'a>) -> Result<Option<Self>, ConversionError> {
        Ok(match reply.view()? {
            View::Array(items) | View::Set(items) | View::Push(items) => Some(Self::Items(items)),
            View::Map(pairs) => Some(Self::Pairs(pairs)),
            _ => None,
        })
    }

    fn expected(reply: Reply<'a>, expected: &'static str) -> Result<Self, ConversionError> {
        Self::of(reply)?.ok_or_else(|| ConversionError::unexpected(expected, reply))
    }

    fn len(&self) -> usize {
        match self {
            Self::Items(items) => items.len(),
            Self::Pairs(pairs) => pairs.len() * 2,
        }
    }

    fn items(self) -> impl Iterator<Item = Reply<'a>> {
        let (items, pairs) = match self {
            Self::Items(items) => (Some(items), None),
            Self::Pairs(pairs) => (None, Some(pairs)),
        };
        items.into_iter().flatten().chain(pairs.into_iter().flatten().flat_map(|(key, value)| [key, value]))
    }
}

fn is_aggregate(reply: Reply<'_>) -> bool {
    matches!(reply.kind(), Kind::Array | Kind::Set | Kind::Push | Kind::Map)
}

/// The pairs of a map, of a flat array of even length, or of an array of arrays of two.
fn pairs<'a>(
    reply: Reply<'a>,
    mut take: impl FnMut(Reply<'a>, Reply<'a>) -> Result<(), ConversionError>,
) -> Result<(), ConversionError> {
    if let View::Map(pairs) = reply.view()? {
        return pairs.into_iter().try_for_each(|(key, value)| take(key, value));
    }
    let (View::Array(mut items) | View::Set(mut items) | View::Push(mut items)) = reply.view()? else {
        return Err(ConversionError::unexpected("a map", reply));
    };
    while let Some(key) = items.next() {
        if let Some(pair) = List::of(key)? {
            let mut pair = pair.items();
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

/// Below it every whole double is one integer, and no other.
const EXACT: f64 = 9_007_199_254_740_992.0;

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
    fn pairs_in_order_come_as_maps_as_flat_arrays_and_as_arrays_of_pairs() {
        let wanted = vec![("b".to_owned(), 2.5), ("a".to_owned(), 1.0)];
        let map = Value::Map(vec![(Value::bulk("b"), Value::Double(2.5)), (Value::bulk("a"), Value::Integer(1))]);
        assert_eq!(convert(map), Ok(wanted.clone()));
        assert_eq!(convert(bulks(&["b", "2.5", "a", "1"])), Ok(wanted.clone()));
        assert_eq!(convert(Value::Array(vec![bulks(&["b", "2.5"]), bulks(&["a", "1"])])), Ok(wanted));
        assert_eq!(convert::<Vec<(String, i64)>>(Value::Array(vec![])), Ok(vec![]));
        assert_eq!(convert::<Option<Vec<(i64, i64)>>>(Value::Null(NullForm::Resp3)), Ok(None));
        assert!(convert::<Vec<(String, i64)>>(bulks(&["a", "1", "b"])).is_err());
        assert!(convert::<Vec<(String, i64)>>(Value::Array(vec![bulks(&["a", "1", "b"])])).is_err());
        assert!(convert::<Vec<(String, i64)>>(Value::bulk("a")).is_err());
        // As XRANGE answers: an identifier and its fields.
        let entry = Value::Array(vec![Value::bulk("1-0"), bulks(&["f", "v"])]);
        let entries: Vec<(String, Vec<(String, String)>)> = convert(Value::Array(vec![entry])).unwrap();
        assert_eq!(entries, [("1-0".to_owned(), vec![("f".to_owned(), "v".to_owned())])]);
        // As GEOPOS does: a place may be missing.
        let places = Value::Array(vec![bulks(&["1", "2"]), Value::Null(NullForm::Resp3)]);
        assert_eq!(convert::<Vec<Option<(f64, f64)>>>(places), Ok(vec![Some((1.0, 2.0)), None]));
    }

    #[test]
    fn an_empty_array_is_empty_everything_and_null_is_none_of_it() {
        let empty = || Value::Array(vec![]);
        assert_eq!(convert(empty()), Ok(HashMap::<String, i64>::new()));
        assert_eq!(convert(empty()), Ok(HashSet::<String>::new()));
        assert_eq!(convert(empty()), Ok(Vec::<u8>::new()));
        assert_eq!(convert(empty()), Ok(Some(Vec::<String>::new())));
        assert_eq!(convert::<[String; 0]>(empty()), Ok([]));
        let null = || Value::Null(NullForm::Resp3);
        assert_eq!(convert(null()), Ok(None::<Vec<String>>));
        assert_eq!(convert(null()), Ok(None::<HashMap<String, i64>>));
        assert!(convert::<Vec<String>>(null()).is_err() && convert::<HashMap<String, i64>>(null()).is_err());
        assert!(convert::<Vec<u8>>(null()).is_err() && convert::<Bytes>(null()).is_err());
    }

    #[test]
    fn tuples_arrays_and_sets_take_a_map_as_resp2_would_send_it() {
        // As CONFIG GET answers.
        let map = || Value::Map(vec![(Value::bulk("save"), Value::bulk(""))]);
        assert_eq!(convert(map()), Ok(("save".to_owned(), String::new())));
        assert_eq!(convert(map()), Ok(["save".to_owned(), String::new()]));
        assert_eq!(convert(map()), Ok(BTreeSet::from(["save".to_owned(), String::new()])));
        assert_eq!(convert(map()), Ok(vec!["save".to_owned(), String::new()]));
    }

    #[test]
    fn tuples_nest_and_arrays_have_exactly_their_length() {
        let nested = Value::Array(vec![Value::Integer(1), Value::Array(vec![bulks(&["a", "b"]), Value::Integer(2)])]);
        assert_eq!(convert::<(i64, ([String; 2], u8))>(nested), Ok((1, (["a".into(), "b".into()], 2))));
        assert_eq!(convert::<[u8; 2]>(Value::bulk("ab")), Ok(*b"ab"));
        assert_eq!(
            convert::<[String; 3]>(bulks(&["a"])),
            Err("expected an array of the wanted length, found 1 items".into())
        );
        assert_eq!(convert::<Box<[i64]>>(bulks(&["1", "2"])), Ok(Box::from([1, 2])));
        assert_eq!(convert::<Arc<[u8]>>(Value::bulk("ab")), Ok(Arc::from(*b"ab")));
        assert_eq!(convert::<Arc<str>>(Value::bulk("ab")), Ok(Arc::from("ab")));
    }

    #[test]
    fn what_resp3_sends_by_type_reads_as_what_resp2_sends_as_text() {
        for (resp3, resp2) in [
            (Value::Double(3.0), "3"),
            (Value::Double(-7.0), "-7"),
            (Value::Boolean(true), "1"),
            (Value::Boolean(false), "0"),
            (Value::Integer(42), "42"),
            (Value::BigNumber("12345".into()), "12345"),
            (Value::Verbatim { format: *b"txt", text: "77".into() }, "77"),
        ] {
            assert_eq!(convert::<i64>(resp3.clone()), convert(Value::bulk(resp2)), "{resp2}");
            assert_eq!(convert::<String>(resp3.clone()), Ok(resp2.to_owned()));
            assert_eq!(convert::<Bytes>(resp3.clone()), Ok(Bytes::from(resp2)));
            assert_eq!(convert::<Vec<u8>>(resp3), Ok(resp2.as_bytes().to_vec()));
        }
        assert_eq!(convert::<f64>(Value::BigNumber("12".into())), Ok(12.0));
        assert_eq!(convert::<f64>(Value::Verbatim { format: *b"txt", text: "1.5".into() }), Ok(1.5));
        let texts = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(|value| convert::<String>(Value::Double(value)));
        assert_eq!(texts.map(Result::unwrap), ["nan", "inf", "-inf"]);
    }

    #[test]
    fn a_double_is_an_integer_only_if_it_is_exactly_one() {
        assert_eq!(
            convert::<u64>(Value::Double(1.5)),
            Err("expected an integer that fits u64, found the double 1.5".into())
        );
        assert!(convert::<u64>(Value::Double(-1.0)).is_err() && convert::<u8>(Value::Double(256.0)).is_err());
        assert_eq!(convert::<i64>(Value::Double(9_007_199_254_740_991.0)), Ok(9_007_199_254_740_991));
        for value in [9_007_199_254_740_992.0, 1e300, f64::INFINITY, f64::NAN] {
            assert!(convert::<i64>(Value::Double(value)).is_err() && convert::<u128>(Value::Double(value)).is_err());
        }
    }

    #[test]
    fn a_double_outside_of_f32_is_an_error_and_an_infinity_is_none() {
        assert_eq!(convert::<f32>(Value::bulk("0.1")), Ok(0.1));
        assert_eq!(convert::<f32>(Value::Double(f64::INFINITY)), Ok(f32::INFINITY));
        assert_eq!(
            convert::<f32>(Value::bulk("1e300")),
            Err("expected a double that fits f32, found the double 1e300".into())
        );
    }

    #[test]
    fn text_is_read_as_a_number_the_way_rust_reads_it() {
        assert_eq!(convert::<i64>(Value::bulk("007")), Ok(7));
        assert_eq!(convert::<i64>(Value::bulk("+5")), Ok(5));
        for text in ["", " 5", "5 ", "5.0", "0x5", "1_000", "OK"] {
            assert!(convert::<i64>(Value::bulk(text)).is_err(), "{text:?}");
        }
        assert!(convert::<f64>(Value::bulk("-nan")).is_ok_and(f64::is_nan));
        assert!(convert::<f64>(Value::bulk("")).is_err());
    }

    #[test]
    fn a_vector_of_u8_reads_numbers_out_of_an_array_and_bytes_out_of_a_string() {
        assert_eq!(convert::<Vec<u8>>(Value::Array(vec![Value::Integer(1), Value::bulk("2")])), Ok(vec![1, 2]));
        assert!(convert::<Vec<u8>>(bulks(&["a", "b"])).is_err());
        assert_eq!(convert::<Vec<Vec<u8>>>(bulks(&["a", "b"])), Ok(vec![b"a".to_vec(), b"b".to_vec()]));
        assert_eq!(convert::<Option<Vec<u8>>>(Value::Null(NullForm::Resp3)), Ok(None));
    }

    #[test]
    fn a_string_is_utf8_or_an_error_that_shows_none_of_it() {
        let broken = || Value::bulk(&b"secret\xff"[..]);
        let error = convert::<String>(broken()).unwrap_err();
        assert!(error.starts_with("expected a string of UTF-8, found invalid utf-8") && !error.contains("secret"));
        assert_eq!(convert::<Vec<u8>>(broken()), Ok(b"secret\xff".to_vec()));
        assert!(convert::<String>(Value::BigNumber((&b"1\xff"[..]).into())).is_err());
    }

    #[test]
    fn a_boolean_is_nothing_but_yes_and_no_in_the_ways_of_servers() {
        for yes in [Value::Boolean(true), Value::Integer(1), Value::simple("OK"), Value::bulk("1")] {
            assert_eq!(convert(yes), Ok(true));
        }
        for no in [Value::Boolean(false), Value::Integer(0), Value::Null(NullForm::Resp3), Value::bulk("0")] {
            assert_eq!(convert(no), Ok(false));
        }
        for other in [Value::Integer(2), Value::bulk("OK"), Value::bulk("true"), Value::bulk(""), Value::Array(vec![])]
        {
            assert!(convert::<bool>(other).is_err());
        }
        assert_eq!(convert::<Option<bool>>(Value::Null(NullForm::Resp3)), Ok(None));
    }

    #[test]
    fn nothing_is_asked_of_a_reply_by_the_unit_type_but_that_it_is_no_error() {
        for reply in [Value::simple("OK"), Value::Null(NullForm::Resp3), Value::Integer(0), bulks(&["a"])] {
            assert_eq!(convert::<()>(reply), Ok(()));
        }
        assert!(convert::<()>(Value::error("ERR x")).is_err());
    }

    #[test]
    fn an_error_inside_of_maps_tuples_and_options_can_be_kept() {
        let error = || Value::error("ERR x");
        let kept = || Err::<i64, _>(ServerError::new("ERR x"));
        let map = Value::Map(vec![(Value::bulk("a"), error()), (Value::bulk("b"), Value::Integer(1))]);
        assert_eq!(convert(map), Ok(BTreeMap::from([("a".to_owned(), kept()), ("b".to_owned(), Ok(1))])));
        assert_eq!(convert(Value::Array(vec![error(), Value::Integer(1)])), Ok((kept(), 1i64)));
        assert_eq!(convert(Value::Array(vec![Value::Null(NullForm::Resp3), error()])), Ok(vec![None, Some(kept())]));
        assert!(convert::<Vec<u8>>(error()).is_err() && convert::<Option<String>>(error()).is_err());
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
