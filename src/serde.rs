//! Values of one's own types as arguments and answers, by [serde](https://serde.rs); with the feature `serde`.
//!
//! | wrapper | as an argument | of an answer |
//! |---|---|---|
//! | [`Plain`] | one scalar: a string, a number, an enum by its name | scalars, sequences, maps |
//! | [`Fields`] | a struct or a map as field, value, field, value, ... | a map, of HGETALL for example |
//! | [`MaybeFields`] | | the same, `None` of an empty one: HGETALL of a key that is not there |
//! | `Json`, with the feature `json` | one argument of JSON text | a string of JSON text |
//!
//! They are [`ToArgs`] and [`FromReply`] and nothing more, so they work wherever arguments are given and answers are
//! read: in calls, pipelines, transactions and scans.
//!
//! ```no_run
//! # mod example {
//! use serde::{Deserialize, Serialize};
//! use steadfast::Client;
//! use steadfast::api::*;
//! use steadfast::serde::{Fields, MaybeFields, Plain};
//!
//! #[derive(Serialize, Deserialize)]
//! #[serde(rename_all = "lowercase")]
//! enum Plan {
//!     Free,
//!     Paid,
//! }
//!
//! #[derive(Serialize, Deserialize)]
//! struct User {
//!     name: String,
//!     age: u8,
//!     plan: Plan,
//!     city: Option<String>,
//! }
//!
//! # pub
//! async fn example(client: Client) -> Result<(), steadfast::Error> {
//!     let user = User { name: "alice".to_owned(), age: 33, plan: Plan::Paid, city: None };
//!     client.hset("user:7", Fields(&user)).await?;
//!     let Fields(same): Fields<User> = client.hgetall("user:7").await?;
//!     let MaybeFields(nobody): MaybeFields<User> = client.hgetall("user:none").await?;
//!     let plan: Option<Plain<Plan>> = client.hget("user:7", "plan").await?;
//!     client.hset("user:7", ("plan", Plain(Plan::Free))).await?;
//!     # let _ = (same, nobody, plan);
//!     Ok(())
//! }
//! # }
//! ```
//!
//! # Errors
//! A value that cannot be written ends in [`ErrorKind::Arguments`](crate::ErrorKind::Arguments) before anything is sent.
//! One that cannot be read is a [`ConversionError`]. Both name the field of the struct, and neither shows a value, nor
//! a text of the type's own `Serialize` or `Deserialize`, which may hold one.
//!
//! # Limits
//! Types that look at what comes before they know what they want (`#[serde(flatten)]`, untagged and internally tagged
//! enums) see strings where a server sends strings, so numbers in them want a `deserialize_with` of their own.

mod de;
#[cfg(feature = "json")]
mod json;
mod ser;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::command::{Args, ConversionError, FromReply, ToArg, ToArgs};
use crate::resp::Reply;

#[cfg(feature = "json")]
pub use json::Json;

/// A scalar as one argument, and any reply as a value.
///
/// Written are strings, `char`, numbers, `bool` (`1` and `0`), bytes (with `serde_bytes`), enums without data by their
/// names, and newtypes and `Some` of these, as this crate writes them without serde. Everything else is no single
/// argument.
///
/// Read are the same, whether the server sends them as strings or by type, `bool` also from `true` and `false`; besides
/// `Option` from null, sequences and tuples from arrays, maps and structs from maps, from flat arrays and from arrays of
/// pairs.
///
/// ```
/// use serde::Serialize;
/// use steadfast::Command;
/// use steadfast::serde::Plain;
///
/// #[derive(Serialize)]
/// struct UserId(u64);
///
/// let command = Command::new("SADD").key("online").arg(Plain(UserId(7)));
/// assert_eq!(command.to_wire(), b"*3\r\n$4\r\nSADD\r\n$6\r\nonline\r\n$1\r\n7\r\n");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Plain<T>(pub T);

impl<T: Serialize> ToArgs for Plain<T> {
    fn write_args(&self, args: &mut Args<'_>) {
        if let Err(error) = ser::write_scalar(&self.0, args) {
            args.reject(error.to_string());
        }
    }
}

impl<T: Serialize> ToArg for Plain<T> {}

impl<T: DeserializeOwned> FromReply for Plain<T> {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        de::read(reply).map(Self)
    }
}

/// A struct, or a map, as the fields of a hash.
///
/// Written it is field, value, field, value, ...; each value is a scalar, as for [`Plain`]. Fields that are `None` are
/// left out, so they stay in the hash as they were; when nothing is left, HSET is not sent and ends in
/// [`ErrorKind::Arguments`](crate::ErrorKind::Arguments). A struct, a sequence or a map in a field is an error that names
/// the field; `#[serde(with = "..")]` can make a scalar of it.
///
/// Read it is a map of any form. Fields that are missing are `None` where they are options, `Default` where
/// `#[serde(default)]` says so, and else an error that names them; unknown ones are skipped. Of a key that is not there
/// HGETALL has an empty map: see [`MaybeFields`].
///
/// ```
/// use serde::Serialize;
/// use steadfast::Command;
/// use steadfast::serde::Fields;
///
/// #[derive(Serialize)]
/// struct User {
///     name: String,
///     age: Option<u8>,
///     city: Option<String>,
/// }
///
/// let user = User { name: "alice".to_owned(), age: Some(33), city: None };
/// let command = Command::new("HSET").key("user:7").arg(Fields(&user));
/// assert_eq!(command.len(), 6); // HSET user:7 name alice age 33
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fields<T>(pub T);

impl<T: Serialize> ToArgs for Fields<T> {
    fn write_args(&self, args: &mut Args<'_>) {
        if let Err(error) = ser::write_fields(&self.0, args) {
            args.reject(error.to_string());
        }
    }
}

impl<T: DeserializeOwned> FromReply for Fields<T> {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        de::read_fields(reply).map(Self)
    }
}

/// [`Fields`] of a hash that may not be there: `None` of an empty map, and of null.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MaybeFields<T>(pub Option<T>);

impl<T: DeserializeOwned> FromReply for MaybeFields<T> {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        if reply.is_null() || de::is_empty(reply)? {
            return Ok(Self(None));
        }
        de::read_fields(reply).map(Some).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fmt::Debug;

    use bytes::Bytes;
    use serde::de::Error as _;
    use serde::ser::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::*;
    use crate::command::{Command, Unfit};
    use crate::resp::{Frame, NullForm, Value};

    fn convert<T: FromReply>(value: &Value) -> Result<T, String> {
        T::from_reply(Frame::from_value(value).reply()).map_err(|error| error.to_string())
    }

    /// The arguments that are written, or why none can be.
    fn written(arguments: impl ToArgs) -> Result<Vec<Bytes>, String> {
        let command = Command::new("X").arg(arguments);
        match command.unfit() {
            None => {
                let wire = command.to_wire();
                let mut decoder = crate::resp::Decoder::new(crate::resp::Limits::default());
                let frame = decoder.decode(&mut bytes::BytesMut::from(&wire[..]), 1).unwrap().unwrap();
                Ok(Vec::from_reply(frame.reply()).unwrap().split_off(1))
            }
            Some(Unfit::Arguments(reason)) => Err(reason.into()),
            Some(Unfit::Elsewhere(_) | Unfit::CrossSlot(_)) => panic!("no such command"),
        }
    }

    /// Written as one argument, and read from the string that a server would answer.
    fn round<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T, text: &str) {
        let arguments = written(Plain(&value)).unwrap();
        assert_eq!(arguments, [text.as_bytes()]);
        let Plain(read) = convert(&Value::BulkString(arguments[0].clone())).unwrap();
        assert_eq!(value, read);
    }

    /// The forms in which servers send a map.
    fn maps(pairs: &[(&'static str, Value)]) -> [Value; 3] {
        let pairs = || pairs.iter().map(|(key, value)| (Value::bulk(*key), value.clone()));
        let nested = pairs().map(|(key, value)| Value::Array(vec![key, value])).collect();
        [
            Value::Map(pairs().collect()),
            Value::Array(pairs().flat_map(|(key, value)| [key, value]).collect()),
            Value::Array(nested),
        ]
    }

    /// Written as fields, and read from each form of map.
    fn round_fields<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T, texts: &[&str]) {
        let arguments = written(Fields(&value)).unwrap();
        assert_eq!(arguments, texts);
        let pairs = |chunk: &[Bytes]| (Value::BulkString(chunk[0].clone()), Value::BulkString(chunk[1].clone()));
        let map: Vec<_> = arguments.chunks(2).map(pairs).collect();
        let flat = Value::Array(arguments.iter().cloned().map(Value::BulkString).collect());
        for form in [Value::Map(map), flat] {
            let Fields(read) = convert::<Fields<T>>(&form).unwrap();
            assert_eq!(read, value);
            let MaybeFields(read) = convert::<MaybeFields<T>>(&form).unwrap();
            assert_eq!(read.as_ref(), Some(&value).filter(|_| !arguments.is_empty()));
        }
    }

    #[derive(Serialize, Deserialize, PartialEq, Debug, Clone, Copy)]
    #[serde(rename_all = "kebab-case")]
    enum Plan {
        Free,
        FullPrice,
    }

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Id(u64);

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct User {
        name: String,
        age: u8,
        plan: Plan,
        id: Option<Id>,
        #[serde(default)]
        visits: i64,
        admin: bool,
    }

    fn alice() -> User {
        User { name: "alice".into(), age: 33, plan: Plan::FullPrice, id: None, visits: -2, admin: true }
    }

    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Nothing {}

    /// Any bytes, as `serde_bytes` has them.
    #[derive(PartialEq, Debug)]
    struct Raw(Vec<u8>);

    impl Serialize for Raw {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(&self.0)
        }
    }

    impl<'de> Deserialize<'de> for Raw {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl serde::de::Visitor<'_> for Visitor {
                type Value = Raw;

                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("bytes")
                }

                fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Raw, E> {
                    Ok(Raw(bytes.to_vec()))
                }
            }
            deserializer.deserialize_bytes(Visitor)
        }
    }

    /// Says its secret in every error.
    #[derive(Debug)]
    struct Loud;

    impl Serialize for Loud {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(S::Error::custom("secret"))
        }
    }

    impl<'de> Deserialize<'de> for Loud {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            Err(D::Error::custom(format!("not {}", String::deserialize(deserializer)?)))
        }
    }

    #[test]
    fn every_scalar_comes_back_as_it_was() {
        round(i8::MIN, "-128");
        round(i16::MIN, "-32768");
        round(i32::MIN, "-2147483648");
        round(i64::MIN, "-9223372036854775808");
        round(i128::MIN, "-170141183460469231731687303715884105728");
        round(u8::MAX, "255");
        round(u16::MAX, "65535");
        round(u32::MAX, "4294967295");
        round(u64::MAX, "18446744073709551615");
        round(u128::MAX, "340282366920938463463374607431768211455");
        round(true, "1");
        round(false, "0");
        round('é', "é");
        round("a b\r\n".to_owned(), "a b\r\n");
        round(String::new(), "");
        round(Plan::FullPrice, "full-price");
        round(Id(7), "7");
        round(Some(Id(7)), "7");
        round(Some(0.1f32), "0.1");
    }

    #[test]
    fn every_float_comes_back_as_it_was() {
        for value in [0.1, -0.0, f64::MIN_POSITIVE, f64::MAX, f64::EPSILON, f64::INFINITY, f64::NEG_INFINITY] {
            let arguments = written(Plain(value)).unwrap();
            assert_eq!(arguments, written(value).unwrap(), "as without serde");
            let Plain(read) = convert::<Plain<f64>>(&Value::BulkString(arguments[0].clone())).unwrap();
            assert_eq!(read.to_bits(), value.to_bits());
        }
        for value in [0.1, f32::MAX, f32::MIN_POSITIVE, f32::NEG_INFINITY] {
            let arguments = written(Plain(value)).unwrap();
            assert_eq!(arguments, written(value).unwrap());
            let Plain(read) = convert::<Plain<f32>>(&Value::BulkString(arguments[0].clone())).unwrap();
            assert_eq!(read.to_bits(), value.to_bits());
        }
        for text in [written(Plain(f64::NAN)), written(Plain(f32::NAN))] {
            assert_eq!(text.unwrap(), ["nan"]);
        }
        assert!(convert::<Plain<f64>>(&Value::bulk("nan")).unwrap().0.is_nan());
    }

    #[test]
    fn bytes_need_be_no_text() {
        let raw = Raw(b"\xff\x00\r\n".to_vec());
        assert_eq!(written(Plain(&raw)).unwrap(), [&raw.0[..]]);
        assert_eq!(convert::<Plain<Raw>>(&Value::bulk(&b"\xff\x00\r\n"[..])), Ok(Plain(raw)));
        let error = convert::<Plain<String>>(&Value::bulk(&b"secret\xff"[..])).unwrap_err();
        assert_eq!(error, "expected a string of UTF-8, found a string of other bytes");
    }

    #[test]
    fn what_is_no_single_argument_is_not_sent() {
        #[derive(Serialize)]
        enum Shape {
            One(u8),
            Two { side: u8 },
        }
        for (result, reason) in [
            (written(Plain(vec![1])), "a sequence is no single argument"),
            (written(Plain((1, 2))), "a tuple is no single argument"),
            (written(Plain(alice())), "a struct is no single argument"),
            (written(Plain(BTreeMap::from([(1, 2)]))), "a map is no single argument"),
            (written(Plain(())), "the unit value is no single argument"),
            (written(Plain(None::<u8>)), "nothing is no argument"),
            (written(Plain(Shape::One(1))), "an enum with data is no single argument"),
            (written(Plain(Shape::Two { side: 1 })), "an enum with data is no single argument"),
            (written(Plain(Loud)), "its type does not serialize this value"),
        ] {
            assert_eq!(result, Err(reason.to_owned()));
        }
    }

    #[test]
    fn a_reply_is_read_alike_however_it_is_typed() {
        for reply in [Value::bulk("1"), Value::Integer(1), Value::Boolean(true), Value::simple("1")] {
            assert_eq!(convert(&reply), Ok(Plain(true)), "{reply:?}");
            assert_eq!(convert(&reply), Ok(Plain(1u8)));
            assert_eq!(convert(&reply), Ok(Plain("1".to_owned())));
            assert_eq!(convert(&reply), Ok(Plain('1')));
            assert_eq!(convert(&reply), Ok(Plain(Raw(b"1".to_vec()))));
            assert_eq!(convert(&reply), Ok(Plain(Some(Id(1)))));
        }
        assert_eq!(convert(&Value::bulk("true")), Ok(Plain(true)));
        assert_eq!(convert(&Value::simple("false")), Ok(Plain(false)));
        assert_eq!(convert(&Value::Double(2.0)), Ok(Plain(2u64)));
        for form in [NullForm::Resp3, NullForm::Bulk, NullForm::Array] {
            assert_eq!(convert(&Value::Null(form)), Ok(Plain(None::<String>)));
            assert!(convert::<Plain<bool>>(&Value::Null(form)).is_err());
        }
        assert_eq!(convert(&Value::simple("OK")), Ok(Plain(())));
        assert!(convert::<Plain<()>>(&Value::error("ERR x")).is_err());
    }

    #[test]
    fn sequences_and_maps_are_read_in_every_form() {
        let list = Value::Array(vec![Value::bulk("1"), Value::Integer(2), Value::Null(NullForm::Resp3)]);
        assert_eq!(convert(&list), Ok(Plain(vec![Some(1u8), Some(2), None])));
        assert_eq!(convert(&list), Ok(Plain((1i64, "2".to_owned(), None::<bool>))));
        assert!(convert::<Plain<(i64, i64)>>(&Value::bulk("1")).is_err());
        for map in maps(&[("a", Value::Integer(1)), ("b", Value::bulk("2"))]) {
            let wished = BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)]);
            assert_eq!(convert(&map), Ok(Plain(wished.clone())));
            assert_eq!(convert(&map), Ok(Fields(wished)));
        }
        let flat = Value::Map(vec![(Value::bulk("1"), Value::bulk("2"))]);
        assert_eq!(convert(&flat), Ok(Plain(vec![1, 2])));
        let odd = Value::Array(vec![Value::bulk("a")]);
        let error = convert::<Fields<BTreeMap<String, String>>>(&odd).unwrap_err();
        assert_eq!(error, "expected a map of fields, found an array of odd length");
    }

    #[test]
    fn a_struct_is_fields_and_back() {
        round_fields(alice(), &["name", "alice", "age", "33", "plan", "full-price", "visits", "-2", "admin", "1"]);
        let user = User { id: Some(Id(u64::MAX)), ..alice() };
        assert_eq!(written(Fields(&user)).unwrap()[6..8], ["id", "18446744073709551615"]);
        round_fields(BTreeMap::from([(7, 'x'), (8, 'y')]), &["7", "x", "8", "y"]);
        round_fields(Nothing {}, &[]);
        assert_eq!(written(Fields(Some(&alice()))).unwrap().len(), 10);
        assert_eq!(written(Fields(BTreeMap::from([("a", None), ("b", Some(1))]))).unwrap(), ["b", "1"]);
    }

    #[test]
    fn missing_fields_are_none_or_their_default_and_unknown_ones_are_skipped() {
        let pairs = [("plan", "free"), ("name", "bob"), ("other", "x"), ("age", "1"), ("admin", "false")];
        for map in maps(&pairs.map(|(key, value)| (key, Value::bulk(value)))) {
            let Fields(user): Fields<User> = convert(&map).unwrap();
            let bob = User { name: "bob".into(), age: 1, plan: Plan::Free, id: None, visits: 0, admin: false };
            assert_eq!(user, bob);
        }
        let binary = Value::Array(vec![Value::bulk(&b"\xff"[..]), Value::bulk("x")]);
        assert_eq!(convert(&binary), Ok(Fields(Nothing {})));
    }

    #[test]
    fn of_nothing_there_are_no_fields() {
        for nothing in [Value::Map(vec![]), Value::Array(vec![]), Value::Null(NullForm::Bulk)] {
            assert_eq!(convert(&nothing), Ok(MaybeFields(None::<User>)), "{nothing:?}");
        }
        let error = convert::<Fields<User>>(&Value::Map(vec![])).unwrap_err();
        assert_eq!(error, "expected every field of the wanted type, found no field `name`");
        assert!(convert::<MaybeFields<User>>(&Value::bulk("x")).is_err());
        assert!(convert::<Fields<u8>>(&Value::bulk("1")).is_err());
    }

    #[test]
    fn what_cannot_be_a_field_is_named_and_not_sent() {
        #[derive(Serialize)]
        struct Outer<T> {
            good: u8,
            inside: T,
        }
        let inside = |value| written(Fields(value));
        assert_eq!(
            inside(Outer { good: 1, inside: vec!["secret"] }),
            Err("the field `inside`: a sequence is no single argument".to_owned())
        );
        assert_eq!(
            written(Fields(Outer { good: 1, inside: alice() })),
            Err("the field `inside`: a struct is no single argument".to_owned())
        );
        assert_eq!(
            written(Fields(Outer { good: 1, inside: Loud })),
            Err("the field `inside`: its type does not serialize this value".to_owned())
        );
        assert_eq!(written(Fields(1)), Err("a number has no fields".to_owned()));
        assert_eq!(written(Fields(vec![("a", 1)])), Err("a sequence has no fields".to_owned()));
        let keys = BTreeMap::from([(vec!["secret"], 1)]);
        assert_eq!(written(Fields(keys)), Err("a sequence is no single argument".to_owned()));
    }

    #[test]
    fn a_nested_struct_can_be_text_by_its_own_functions() {
        mod text {
            use super::*;

            pub(super) fn serialize<S: Serializer>(value: &(u8, u8), serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&format_args!("{}x{}", value.0, value.1))
            }

            pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(u8, u8), D::Error> {
                let text = String::deserialize(deserializer)?;
                let sides = text.split_once('x').and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
                sides.ok_or_else(|| D::Error::custom(text))
            }
        }
        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        struct Picture {
            #[serde(with = "text")]
            size: (u8, u8),
        }
        round_fields(Picture { size: (3, 4) }, &["size", "3x4"]);
        let wrong = Value::Map(vec![(Value::bulk("size"), Value::bulk("secret"))]);
        assert_eq!(
            convert::<Fields<Picture>>(&wrong),
            Err("expected a value of the wanted type, found a value that it does not take in the field `size`".into())
        );
    }

    #[test]
    fn what_cannot_be_read_is_named_and_not_shown() {
        #[derive(Deserialize, Debug)]
        #[serde(deny_unknown_fields)]
        #[expect(dead_code, reason = "it is only read")]
        struct Strict {
            list: Vec<Inner>,
            count: u8,
            plan: Plan,
            letter: char,
            loud: Loud,
            flag: bool,
        }
        #[derive(Deserialize, Debug)]
        #[expect(dead_code, reason = "it is only read")]
        struct Inner {
            number: i64,
        }
        let of = |field: &'static str, value: Value| {
            convert::<Plain<Strict>>(&Value::Map(vec![(Value::bulk(field), value)])).unwrap_err()
        };
        let inner = Value::Array(vec![Value::Map(vec![(Value::bulk("number"), Value::bulk("sixsixsix"))])]);
        for (error, words) in [
            (of("count", Value::bulk("666")), "expected an integer that fits u8, found"),
            (of("count", Value::Integer(666)), "in the field `count`"),
            (of("count", Value::Double(666.5)), "in the field `count`"),
            (of("list", inner), "in the field `list.number`"),
            (of("list", Value::bulk("sixsixsix")), "expected a sequence, found"),
            (of("plan", Value::bulk("sixsixsix")), "a name that is none of free, full-price in the field `plan`"),
            (of("letter", Value::bulk("sixsixsix")), "a string that it does not take in the field `letter`"),
            (of("loud", Value::bulk("sixsixsix")), "a value that it does not take in the field `loud`"),
            (of("flag", Value::Integer(666)), "expected a boolean, found"),
            (of("sixsixsix", Value::bulk("1")), "a field that is none of list, count, plan"),
            (of("list", Value::Array(vec![])), "found no field `count`"),
        ] {
            assert!(error.contains(words), "{error}");
            assert!(!error.contains("666") && !error.contains("sixsixsix"), "{error}");
        }
    }

    #[test]
    fn a_type_that_asks_what_there_is_sees_the_reply() {
        let tree = Value::Map(vec![(Value::bulk("a"), Value::Array(vec![Value::Integer(1), Value::bulk("x")]))]);
        let Plain(json): Plain<serde_json::Value> = convert(&tree).unwrap();
        assert_eq!(json, serde_json::json!({ "a": [1, "x"] }));
        let scalars = [Value::Double(1.5), Value::Boolean(true), Value::Null(NullForm::Resp3)];
        let Plain(json): Plain<serde_json::Value> = convert(&Value::Array(scalars.to_vec())).unwrap();
        assert_eq!(json, serde_json::json!([1.5, true, null]));
        assert!(convert::<Plain<serde_json::Value>>(&Value::error("ERR x")).is_err());
    }
}
