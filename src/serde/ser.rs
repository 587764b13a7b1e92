//! Values to arguments.

use std::fmt::{self, Display, Write};

use serde::Serialize;
use serde::ser::{Impossible, SerializeMap, SerializeStruct, Serializer};

use crate::command::Args;

/// Writes one argument.
pub(super) fn write_scalar(value: &(impl Serialize + ?Sized), args: &mut Args<'_>) -> Result<(), Unwritable> {
    let mut text = Vec::new();
    match value.serialize(Scalar { text: &mut text })? {
        Written::Something => args.bytes(&text),
        Written::Nothing => return Err(Unwritable::new(Why::Nothing)),
    }
    Ok(())
}

/// Writes the fields of a struct or a map, each with its value behind it.
pub(super) fn write_fields(value: &(impl Serialize + ?Sized), args: &mut Args<'_>) -> Result<(), Unwritable> {
    value.serialize(FieldWriter { args, field: Vec::new(), text: Vec::new() })
}

/// Why a value is no argument. Never with the value itself, nor with what its own code says, which may hold it.
#[derive(Debug)]
pub(super) struct Unwritable {
    /// The field of a struct that it is in. A map's are no names but values.
    field: Option<&'static str>,
    why: Why,
}

#[derive(Debug)]
enum Why {
    /// A value of this kind is no single argument.
    Shape(&'static str),
    /// A value of this kind has no fields.
    NoFields(&'static str),
    /// `None` where something must stand.
    Nothing,
    /// The type's own code says so.
    Refused,
}

impl Unwritable {
    fn new(why: Why) -> Self {
        Self { field: None, why }
    }

    fn shape(found: &'static str) -> Self {
        Self::new(Why::Shape(found))
    }

    fn within(self, field: &'static str) -> Self {
        Self { field: Some(field), ..self }
    }
}

impl Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(field) = self.field {
            write!(f, "the field `{field}`: ")?;
        }
        match self.why {
            Why::Shape(found) => write!(f, "{found} is no single argument"),
            Why::NoFields(found) => write!(f, "{found} has no fields"),
            Why::Nothing => f.write_str("nothing is no argument"),
            Why::Refused => f.write_str("its type does not serialize this value"),
        }
    }
}

impl std::error::Error for Unwritable {}

impl serde::ser::Error for Unwritable {
    fn custom<T: Display>(_: T) -> Self {
        Self::new(Why::Refused)
    }
}

/// Whether there was a value.
pub(super) enum Written {
    Something,
    /// `None`.
    Nothing,
}

/// Writes the text of one argument, as `ToArgs` of this crate's own types does.
struct Scalar<'a> {
    text: &'a mut Vec<u8>,
}

impl Scalar<'_> {
    fn put(self, bytes: &[u8]) -> Result<Written, Unwritable> {
        self.text.extend_from_slice(bytes);
        Ok(Written::Something)
    }

    fn digits(self, number: impl Display) -> Result<Written, Unwritable> {
        let mut digits = String::new();
        // Writing to a string does not fail.
        let _ = write!(digits, "{number}");
        self.put(digits.as_bytes())
    }
}

macro_rules! digits {
    ($($method:ident $type:ty)*) => {$(
        fn $method(self, value: $type) -> Result<Written, Unwritable> {
            self.digits(value)
        }
    )*};
}

macro_rules! no_scalars {
    ($($method:ident($($argument:ty),*) -> $answer:ident, $found:literal;)*) => {$(
        fn $method(self, $(_: $argument),*) -> Result<Self::$answer, Unwritable> {
            Err(Unwritable::shape($found))
        }
    )*};
}

impl Serializer for Scalar<'_> {
    type Ok = Written;
    type Error = Unwritable;
    type SerializeSeq = Impossible<Written, Unwritable>;
    type SerializeTuple = Impossible<Written, Unwritable>;
    type SerializeTupleStruct = Impossible<Written, Unwritable>;
    type SerializeTupleVariant = Impossible<Written, Unwritable>;
    type SerializeMap = Impossible<Written, Unwritable>;
    type SerializeStruct = Impossible<Written, Unwritable>;
    type SerializeStructVariant = Impossible<Written, Unwritable>;

    digits! {
        serialize_i8 i8
        serialize_i16 i16
        serialize_i32 i32
        serialize_i64 i64
        serialize_i128 i128
        serialize_u8 u8
        serialize_u16 u16
        serialize_u32 u32
        serialize_u64 u64
        serialize_u128 u128
    }

    no_scalars! {
        serialize_unit() -> Ok, "the unit value";
        serialize_unit_struct(&'static str) -> Ok, "a struct without fields";
        serialize_seq(Option<usize>) -> SerializeSeq, "a sequence";
        serialize_tuple(usize) -> SerializeTuple, "a tuple";
        serialize_tuple_struct(&'static str, usize) -> SerializeTupleStruct, "a tuple";
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> SerializeTupleVariant, "an enum with data";
        serialize_map(Option<usize>) -> SerializeMap, "a map";
        serialize_struct(&'static str, usize) -> SerializeStruct, "a struct";
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> SerializeStructVariant, "an enum with data";
    }

    fn serialize_bool(self, value: bool) -> Result<Written, Unwritable> {
        self.put(if value { b"1" } else { b"0" })
    }

    fn serialize_f32(self, value: f32) -> Result<Written, Unwritable> {
        if value.is_nan() { self.put(b"nan") } else { self.digits(value) }
    }

    fn serialize_f64(self, value: f64) -> Result<Written, Unwritable> {
        if value.is_nan() { self.put(b"nan") } else { self.digits(value) }
    }

    fn serialize_char(self, value: char) -> Result<Written, Unwritable> {
        self.put(value.encode_utf8(&mut [0; 4]).as_bytes())
    }

    fn serialize_str(self, value: &str) -> Result<Written, Unwritable> {
        self.put(value.as_bytes())
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<Written, Unwritable> {
        self.put(value)
    }

    fn serialize_none(self) -> Result<Written, Unwritable> {
        Ok(Written::Nothing)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Written, Unwritable> {
        value.serialize(self)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Result<Written, Unwritable> {
        self.put(name.as_bytes())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<Written, Unwritable> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Written, Unwritable> {
        Err(Unwritable::shape("an enum with data"))
    }
}

/// Writes fields and values in turn.
struct FieldWriter<'a, 'b> {
    args: &'a mut Args<'b>,
    /// The key of a map, until its value is there.
    field: Vec<u8>,
    /// The text of a value; kept for the next one.
    text: Vec<u8>,
}

impl FieldWriter<'_, '_> {
    /// Writes a field, unless its value is `None`.
    fn put(&mut self, field: &[u8], value: &(impl Serialize + ?Sized)) -> Result<(), Unwritable> {
        self.text.clear();
        if let Written::Something = value.serialize(Scalar { text: &mut self.text })? {
            self.args.bytes(field);
            self.args.bytes(&self.text);
        }
        Ok(())
    }
}

impl SerializeStruct for FieldWriter<'_, '_> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Unwritable> {
        self.put(name.as_bytes(), value).map_err(|error| error.within(name))
    }

    fn end(self) -> Result<(), Unwritable> {
        Ok(())
    }
}

impl SerializeMap for FieldWriter<'_, '_> {
    type Ok = ();
    type Error = Unwritable;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Unwritable> {
        self.field.clear();
        match key.serialize(Scalar { text: &mut self.field })? {
            Written::Something => Ok(()),
            Written::Nothing => Err(Unwritable::new(Why::Nothing)),
        }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Unwritable> {
        let field = std::mem::take(&mut self.field);
        let put = self.put(&field, value);
        self.field = field;
        put
    }

    fn end(self) -> Result<(), Unwritable> {
        Ok(())
    }
}

macro_rules! no_fields {
    ($($method:ident($($argument:ty),*) -> $answer:ident, $found:literal;)*) => {$(
        fn $method(self, $(_: $argument),*) -> Result<Self::$answer, Unwritable> {
            Err(Unwritable::new(Why::NoFields($found)))
        }
    )*};
}

impl Serializer for FieldWriter<'_, '_> {
    type Ok = ();
    type Error = Unwritable;
    type SerializeSeq = Impossible<(), Unwritable>;
    type SerializeTuple = Impossible<(), Unwritable>;
    type SerializeTupleStruct = Impossible<(), Unwritable>;
    type SerializeTupleVariant = Impossible<(), Unwritable>;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Impossible<(), Unwritable>;

    no_fields! {
        serialize_bool(bool) -> Ok, "a boolean";
        serialize_i8(i8) -> Ok, "a number";
        serialize_i16(i16) -> Ok, "a number";
        serialize_i32(i32) -> Ok, "a number";
        serialize_i64(i64) -> Ok, "a number";
        serialize_i128(i128) -> Ok, "a number";
        serialize_u8(u8) -> Ok, "a number";
        serialize_u16(u16) -> Ok, "a number";
        serialize_u32(u32) -> Ok, "a number";
        serialize_u64(u64) -> Ok, "a number";
        serialize_u128(u128) -> Ok, "a number";
        serialize_f32(f32) -> Ok, "a number";
        serialize_f64(f64) -> Ok, "a number";
        serialize_char(char) -> Ok, "a string";
        serialize_str(&str) -> Ok, "a string";
        serialize_bytes(&[u8]) -> Ok, "a string of bytes";
        serialize_none() -> Ok, "nothing";
        serialize_unit() -> Ok, "the unit value";
        serialize_unit_variant(&'static str, u32, &'static str) -> Ok, "an enum";
        serialize_seq(Option<usize>) -> SerializeSeq, "a sequence";
        serialize_tuple(usize) -> SerializeTuple, "a tuple";
        serialize_tuple_struct(&'static str, usize) -> SerializeTupleStruct, "a tuple";
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> SerializeTupleVariant, "an enum";
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> SerializeStructVariant, "an enum";
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Unwritable> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Unwritable> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Unwritable> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Unwritable> {
        Err(Unwritable::new(Why::NoFields("an enum")))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, Unwritable> {
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Unwritable> {
        Ok(self)
    }
}
