//! Replies to values.

use std::fmt::{self, Display};

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Unexpected, Visitor,
};

use crate::command::{ConversionError, FromReply};
use crate::resp::{Items, Kind, Pairs, Reply, View};

/// Reads a value of any shape.
pub(super) fn read<T: DeserializeOwned>(reply: Reply<'_>) -> Result<T, ConversionError> {
    T::deserialize(Source { reply }).map_err(Unreadable::into_conversion)
}

/// Reads a value of a map, or of an array of pairs.
pub(super) fn read_fields<T: DeserializeOwned>(reply: Reply<'_>) -> Result<T, ConversionError> {
    if !is_aggregate(reply) {
        return Err(ConversionError::unexpected("a map of fields", reply));
    }
    read(reply)
}

/// Whether it is a map without pairs, in any form.
pub(super) fn is_empty(reply: Reply<'_>) -> Result<bool, ConversionError> {
    Ok(match reply.view()? {
        View::Array(items) | View::Set(items) | View::Push(items) => items.len() == 0,
        View::Map(pairs) => pairs.len() == 0,
        _ => false,
    })
}

fn is_aggregate(reply: Reply<'_>) -> bool {
    matches!(reply.kind(), Kind::Array | Kind::Set | Kind::Push | Kind::Map)
}

/// Why a reply is no such value. Never with the value itself, nor with what the type's own code says, which may hold it.
#[derive(Debug)]
pub(super) struct Unreadable {
    expected: &'static str,
    found: Box<str>,
    /// The fields of structs that it is in, the innermost first.
    fields: Vec<&'static str>,
}

impl Unreadable {
    fn new(expected: &'static str, found: impl Into<Box<str>>) -> Self {
        Self { expected, found: found.into(), fields: Vec::new() }
    }

    /// For a reply that is of another kind, or whose value does not fit.
    fn unexpected(expected: &'static str, reply: Reply<'_>) -> Self {
        ConversionError::unexpected(expected, reply).into()
    }

    fn within(mut self, field: Option<&'static str>) -> Self {
        self.fields.extend(field);
        self
    }

    fn into_conversion(self) -> ConversionError {
        if self.fields.is_empty() {
            return ConversionError::new(self.expected, self.found);
        }
        let fields: Vec<&str> = self.fields.iter().rev().copied().collect();
        ConversionError::new(self.expected, format!("{} in the field `{}`", self.found, fields.join(".")))
    }
}

impl From<ConversionError> for Unreadable {
    fn from(error: ConversionError) -> Self {
        Self::new(error.expected(), error.found())
    }
}

impl Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, found {}", self.expected, self.found)
    }
}

impl std::error::Error for Unreadable {}

impl serde::de::Error for Unreadable {
    fn custom<T: Display>(_: T) -> Self {
        Self::new(WANTED, "a value that it does not take")
    }

    fn invalid_type(found: Unexpected<'_>, _: &dyn serde::de::Expected) -> Self {
        Self::new(WANTED, named(found))
    }

    fn invalid_value(found: Unexpected<'_>, _: &dyn serde::de::Expected) -> Self {
        Self::new(WANTED, format!("{} that it does not take", named(found)))
    }

    fn invalid_length(length: usize, _: &dyn serde::de::Expected) -> Self {
        Self::new("as many items as there are in the wanted type", length.to_string())
    }

    fn unknown_variant(_: &str, variants: &'static [&'static str]) -> Self {
        Self::new("the name of a variant", format!("a name that is none of {}", variants.join(", ")))
    }

    fn unknown_field(_: &str, fields: &'static [&'static str]) -> Self {
        Self::new("only fields of the wanted type", format!("a field that is none of {}", fields.join(", ")))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new("every field of the wanted type", format!("no field `{field}`"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new("every field once", format!("the field `{field}` twice"))
    }
}

/// What came, without its value.
fn named(found: Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) => "an integer",
        Unexpected::Float(_) => "a double",
        Unexpected::Char(_) | Unexpected::Str(_) => "a string",
        Unexpected::Bytes(_) => "a string of bytes",
        Unexpected::Unit | Unexpected::Option => "nothing",
        Unexpected::NewtypeStruct => "a newtype",
        Unexpected::Seq => "a sequence",
        Unexpected::Map => "a map",
        Unexpected::Enum | Unexpected::UnitVariant => "an enum without data",
        Unexpected::NewtypeVariant | Unexpected::TupleVariant | Unexpected::StructVariant => "an enum with data",
        Unexpected::Other(_) => "another value",
    }
}

/// A reply that a value is read from.
#[derive(Clone, Copy)]
struct Source<'a> {
    reply: Reply<'a>,
}

impl<'a> Source<'a> {
    /// The items of an array, or of a map one after the other, as RESP2 sends it.
    fn seq<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.reply.view().map_err(ConversionError::from)? {
            View::Array(items) | View::Set(items) | View::Push(items) => visitor.visit_seq(Elements { items }),
            View::Map(pairs) => visitor.visit_seq(Alternating { pairs, value: None }),
            _ => Err(Unreadable::unexpected("a sequence", self.reply)),
        }
    }

    /// The pairs of a map, of a flat array, or of an array of arrays of two.
    fn map<'de, V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Unreadable> {
        let (pairs, items) = match self.reply.view().map_err(ConversionError::from)? {
            View::Array(items) | View::Set(items) | View::Push(items) => (None, Some(items)),
            View::Map(pairs) => (Some(pairs), None),
            _ => return Err(Unreadable::unexpected("a map of fields", self.reply)),
        };
        visitor.visit_map(Entries { pairs, items, fields, field: None, value: None })
    }

    /// The text of a string, or of a number that RESP3 sends by type.
    fn text<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.reply.bytes() {
            Some(bytes) if !self.reply.is_error() => match std::str::from_utf8(bytes) {
                Ok(text) => visitor.visit_str(text),
                Err(_) => Err(Unreadable::new("a string of UTF-8", "a string of other bytes")),
            },
            _ => visitor.visit_string(String::from_reply(self.reply)?),
        }
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident $type:ty;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
            match <$type>::from_reply(self.reply) {
                Ok(value) => visitor.$visit(value),
                // Without what was found: that is the value.
                Err(error) => Err(Unreadable::unexpected(error.expected(), self.reply)),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Source<'_> {
    type Error = Unreadable;

    numbers! {
        deserialize_i8 visit_i8 i8;
        deserialize_i16 visit_i16 i16;
        deserialize_i32 visit_i32 i32;
        deserialize_i64 visit_i64 i64;
        deserialize_i128 visit_i128 i128;
        deserialize_u8 visit_u8 u8;
        deserialize_u16 visit_u16 u16;
        deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64;
        deserialize_u128 visit_u128 u128;
        deserialize_f32 visit_f32 f32;
        deserialize_f64 visit_f64 f64;
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.reply.view().map_err(ConversionError::from)? {
            View::Null => visitor.visit_unit(),
            View::Integer(value) => visitor.visit_i64(value),
            View::Double(value) => visitor.visit_f64(value),
            View::Boolean(value) => visitor.visit_bool(value),
            View::Array(_) | View::Set(_) | View::Push(_) => self.seq(visitor),
            View::Map(_) => self.map(&[], visitor),
            View::SimpleError(_) | View::BulkError(_) => Err(Unreadable::unexpected(WANTED, self.reply)),
            View::SimpleString(_) | View::BulkString(_) | View::BigNumber(_) | View::Verbatim { .. } => {
                self.deserialize_identifier(visitor)
            }
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.reply.view().map_err(ConversionError::from)? {
            View::Boolean(value) => visitor.visit_bool(value),
            View::Integer(0) | View::SimpleString(b"0" | b"false") | View::BulkString(b"0" | b"false") => {
                visitor.visit_bool(false)
            }
            View::Integer(1) | View::SimpleString(b"1" | b"true") | View::BulkString(b"1" | b"true") => {
                visitor.visit_bool(true)
            }
            _ => Err(Unreadable::unexpected("a boolean", self.reply)),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.text(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.text(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.text(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.reply.bytes() {
            Some(bytes) if !self.reply.is_error() => visitor.visit_bytes(bytes),
            _ => visitor.visit_byte_buf(Vec::from_reply(self.reply)?),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        if self.reply.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        <()>::from_reply(self.reply)?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Unreadable> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.seq(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Unreadable> {
        self.seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        self.seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        self.map(&[], visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        self.map(fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unreadable> {
        let name =
            String::from_reply(self.reply).map_err(|_| Unreadable::unexpected("the name of a variant", self.reply))?;
        let name: StrDeserializer<'_, Unreadable> = name.as_str().into_deserializer();
        visitor.visit_enum(name)
    }

    /// Text where it is text, and bytes where it is none: a field that no struct has is no error.
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        match self.reply.bytes() {
            Some(bytes) if !self.reply.is_error() => match std::str::from_utf8(bytes) {
                Ok(text) => visitor.visit_str(text),
                Err(_) => visitor.visit_bytes(bytes),
            },
            _ => self.text(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unreadable> {
        visitor.visit_unit()
    }
}

/// The items of an array.
struct Elements<'a> {
    items: Items<'a>,
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Unreadable;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Unreadable> {
        self.items.next().map(|reply| seed.deserialize(Source { reply })).transpose()
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// The keys and values of a map in turn.
struct Alternating<'a> {
    pairs: Pairs<'a>,
    value: Option<Reply<'a>>,
}

impl<'de> SeqAccess<'de> for Alternating<'_> {
    type Error = Unreadable;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Unreadable> {
        let next = self.value.take().or_else(|| {
            let (key, value) = self.pairs.next()?;
            self.value = Some(value);
            Some(key)
        });
        next.map(|reply| seed.deserialize(Source { reply })).transpose()
    }
}

/// The pairs of a map in any form.
struct Entries<'a> {
    /// Those of a map.
    pairs: Option<Pairs<'a>>,
    /// Those of an array.
    items: Option<Items<'a>>,
    /// The names that the wanted struct has.
    fields: &'static [&'static str],
    /// Which of them the value belongs to.
    field: Option<&'static str>,
    /// The value of the key that was read last.
    value: Option<Reply<'a>>,
}

impl<'a> Entries<'a> {
    fn next(&mut self) -> Result<Option<(Reply<'a>, Reply<'a>)>, Unreadable> {
        if let Some(pair) = self.pairs.as_mut().and_then(Iterator::next) {
            return Ok(Some(pair));
        }
        let Some(items) = &mut self.items else { return Ok(None) };
        let Some(key) = items.next() else { return Ok(None) };
        if let View::Array(mut pair) = key.view().map_err(ConversionError::from)? {
            return match (pair.next(), pair.next(), pair.next()) {
                (Some(key), Some(value), None) => Ok(Some((key, value))),
                _ => Err(Unreadable::new("a map of fields", "an array whose items are not pairs")),
            };
        }
        let value = items.next().ok_or_else(|| Unreadable::new("a map of fields", "an array of odd length"))?;
        Ok(Some((key, value)))
    }
}

impl<'de> MapAccess<'de> for Entries<'_> {
    type Error = Unreadable;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Unreadable> {
        let Some((key, value)) = self.next()? else { return Ok(None) };
        self.value = Some(value);
        self.field = self.fields.iter().find(|name| key.bytes() == Some(name.as_bytes())).copied();
        seed.deserialize(Source { reply: key }).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Unreadable> {
        let missing = || Unreadable::new("a map of fields", "a key without a value");
        let reply = self.value.take().ok_or_else(missing)?;
        seed.deserialize(Source { reply }).map_err(|error| error.within(self.field))
    }
}

/// What a type expects whose own words are not repeated.
const WANTED: &str = "a value of the wanted type";
