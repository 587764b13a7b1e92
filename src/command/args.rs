//! Arguments of commands.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::raw::Command;

/// Where a [`ToArgs`] writes its arguments to. Each call adds one argument, whatever bytes it holds: an argument is
/// sent with its length before it and can never become a command.
#[derive(Debug)]
pub struct Args<'a> {
    command: &'a mut Command,
}

impl<'a> Args<'a> {
    pub(crate) fn new(command: &'a mut Command) -> Self {
        Self { command }
    }

    /// Adds an argument.
    pub fn bytes(&mut self, argument: &[u8]) {
        self.command.push_bytes(argument);
    }

    /// Adds an argument; one of 16 KiB or more is sent from where it is, without a copy.
    pub fn shared(&mut self, argument: &Bytes) {
        self.command.push_shared(argument);
    }

    /// The value cannot be an argument: the call will end in [`ErrorKind::Arguments`](crate::ErrorKind::Arguments) with
    /// this reason, and nothing is sent. The reason is shown, so it should hold no value.
    pub fn reject(&mut self, reason: impl Into<Box<str>>) {
        self.command.reject(reason.into());
    }

    /// Adds an integer in decimal digits.
    pub fn integer(&mut self, argument: i64) {
        self.command.push_integer(argument);
    }

    /// Adds a double, in the shortest digits that read back as the same value; `inf`, `-inf` and `nan` as Redis
    /// spells them.
    pub fn double(&mut self, argument: f64) {
        if argument.is_infinite() {
            self.bytes(if argument > 0.0 { b"inf" } else { b"-inf" });
        } else if argument.is_nan() {
            self.bytes(b"nan");
        } else {
            self.bytes(argument.to_string().as_bytes());
        }
    }
}

/// Something that can be given as arguments of a command: any number of them, none too.
///
/// Where a typed command wants one at least, an empty list ends in [`ErrorKind::Arguments`](crate::ErrorKind::Arguments)
/// before anything is sent. What a server makes of an odd number where pairs are wanted is its business: it says so.
/// Pairs of one type can be an array, a vector or a map; pairs of different types are a tuple of tuples,
/// `(("name", "alice"), ("age", 7))`.
///
/// Implemented for strings, bytes, numbers, `bool` (`1` and `0`), options (nothing for `None`), slices, arrays,
/// vectors, sets, tuples of up to twelve, maps (field, value, field, value, ...), and for references, `Box`, `Rc`,
/// `Arc` and `Cow` of these. `Vec<u8>`, `&[u8]` and every other run of `u8` is one argument, but a set of `u8` is many
/// numbers.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be given as arguments of a command",
    note = "give an iterator as a vector: `.collect::<Vec<_>>()`",
    note = "for a type of your own, implement `ToArgs`, or wrap it: see the module `serde`, with the feature `serde`"
)]
pub trait ToArgs {
    /// Writes the arguments.
    fn write_args(&self, args: &mut Args<'_>);

    /// Writes a slice of these. Exists so that bytes can be one argument.
    #[doc(hidden)]
    fn write_slice(slice: &[Self], args: &mut Args<'_>)
    where
        Self: Sized,
    {
        for item in slice {
            item.write_args(args);
        }
    }
}

/// Something that is exactly one argument, such as a key. A mark upon [`ToArgs`], for a type that writes one argument:
///
/// ```
/// use steadfast::{Args, Command, ToArg, ToArgs};
///
/// struct UserKey(u64);
///
/// impl ToArgs for UserKey {
///     fn write_args(&self, args: &mut Args<'_>) {
///         args.bytes(format!("user:{}", self.0).as_bytes());
///     }
/// }
///
/// impl ToArg for UserKey {}
///
/// assert_eq!(Command::new("GET").key(UserKey(7)).to_wire(), b"*2\r\n$3\r\nGET\r\n$6\r\nuser:7\r\n");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be given where a command wants exactly one argument",
    note = "lists, tuples and options may be several arguments, or none",
    note = "for a type of your own, implement `ToArgs` and `ToArg`, or wrap it: see the module `serde`, with the feature `serde`"
)]
pub trait ToArg: ToArgs {}

impl<T: ToArgs + ?Sized> ToArgs for &T {
    fn write_args(&self, args: &mut Args<'_>) {
        (**self).write_args(args);
    }
}

impl<T: ToArg + ?Sized> ToArg for &T {}

impl<B: ToArgs + ToOwned + ?Sized> ToArgs for Cow<'_, B> {
    fn write_args(&self, args: &mut Args<'_>) {
        (**self).write_args(args);
    }
}

impl<B: ToArg + ToOwned + ?Sized> ToArg for Cow<'_, B> {}

macro_rules! pointers {
    ($($pointer:ty)*) => {$(
        impl<T: ToArgs + ?Sized> ToArgs for $pointer {
            fn write_args(&self, args: &mut Args<'_>) {
                (**self).write_args(args);
            }
        }

        impl<T: ToArg + ?Sized> ToArg for $pointer {}
    )*};
}

pointers!(&mut T Box<T> Rc<T> Arc<T>);

impl ToArgs for str {
    fn write_args(&self, args: &mut Args<'_>) {
        args.bytes(self.as_bytes());
    }
}

impl ToArg for str {}

impl ToArgs for String {
    fn write_args(&self, args: &mut Args<'_>) {
        args.bytes(self.as_bytes());
    }
}

impl ToArg for String {}

impl ToArgs for char {
    fn write_args(&self, args: &mut Args<'_>) {
        args.bytes(self.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

impl ToArg for char {}

impl ToArgs for Bytes {
    fn write_args(&self, args: &mut Args<'_>) {
        args.shared(self);
    }
}

impl ToArg for Bytes {}

impl ToArgs for BytesMut {
    fn write_args(&self, args: &mut Args<'_>) {
        args.bytes(self);
    }
}

impl ToArg for BytesMut {}

impl ToArgs for u8 {
    fn write_args(&self, args: &mut Args<'_>) {
        args.integer(i64::from(*self));
    }

    fn write_slice(slice: &[Self], args: &mut Args<'_>) {
        args.bytes(slice);
    }
}

impl ToArg for u8 {}
impl ToArg for [u8] {}
impl ToArg for Vec<u8> {}
impl<const N: usize> ToArg for [u8; N] {}

impl<T: ToArgs> ToArgs for [T] {
    fn write_args(&self, args: &mut Args<'_>) {
        T::write_slice(self, args);
    }
}

impl<T: ToArgs> ToArgs for Vec<T> {
    fn write_args(&self, args: &mut Args<'_>) {
        T::write_slice(self, args);
    }
}

impl<T: ToArgs, const N: usize> ToArgs for [T; N] {
    fn write_args(&self, args: &mut Args<'_>) {
        T::write_slice(self, args);
    }
}

impl<T: ToArgs> ToArgs for Option<T> {
    fn write_args(&self, args: &mut Args<'_>) {
        if let Some(value) = self {
            value.write_args(args);
        }
    }
}

impl ToArgs for bool {
    fn write_args(&self, args: &mut Args<'_>) {
        args.bytes(if *self { b"1" } else { b"0" });
    }
}

impl ToArg for bool {}

impl ToArgs for f64 {
    fn write_args(&self, args: &mut Args<'_>) {
        args.double(*self);
    }
}

impl ToArg for f64 {}

impl ToArgs for f32 {
    fn write_args(&self, args: &mut Args<'_>) {
        // Through text: widening first would send digits that the f32 never had.
        match self.is_finite() {
            true => args.bytes(self.to_string().as_bytes()),
            false => args.double(f64::from(*self)),
        }
    }
}

impl ToArg for f32 {}

impl ToArgs for () {
    fn write_args(&self, _: &mut Args<'_>) {}
}

macro_rules! small_integers {
    ($($type:ty)*) => {$(
        impl ToArgs for $type {
            fn write_args(&self, args: &mut Args<'_>) {
                args.integer(i64::from(*self));
            }
        }

        impl ToArg for $type {}
    )*};
}

small_integers!(i8 i16 i32 i64 u16 u32);

macro_rules! wide_integers {
    ($($type:ty)*) => {$(
        impl ToArgs for $type {
            fn write_args(&self, args: &mut Args<'_>) {
                match i64::try_from(*self) {
                    Ok(value) => args.integer(value),
                    Err(_) => args.bytes(self.to_string().as_bytes()),
                }
            }
        }

        impl ToArg for $type {}
    )*};
}

wide_integers!(u64 u128 i128 usize isize);

macro_rules! tuples {
    ($($name:ident)+) => {
        impl<$($name: ToArgs),+> ToArgs for ($($name,)+) {
            fn write_args(&self, args: &mut Args<'_>) {
                #[expect(non_snake_case, reason = "the macro names the fields by their types")]
                let ($($name,)+) = self;
                $($name.write_args(args);)+
            }
        }
    };
}

tuples!(A);
tuples!(A B);
tuples!(A B C);
tuples!(A B C D);
tuples!(A B C D E);
tuples!(A B C D E F);
tuples!(A B C D E F G);
tuples!(A B C D E F G H);
tuples!(A B C D E F G H I);
tuples!(A B C D E F G H I J);
tuples!(A B C D E F G H I J K);
tuples!(A B C D E F G H I J K L);

impl<K: ToArg, V: ToArg, S> ToArgs for HashMap<K, V, S> {
    fn write_args(&self, args: &mut Args<'_>) {
        for (key, value) in self {
            key.write_args(args);
            value.write_args(args);
        }
    }
}

impl<K: ToArg, V: ToArg> ToArgs for BTreeMap<K, V> {
    fn write_args(&self, args: &mut Args<'_>) {
        for (key, value) in self {
            key.write_args(args);
            value.write_args(args);
        }
    }
}

impl<T: ToArg, S> ToArgs for HashSet<T, S> {
    fn write_args(&self, args: &mut Args<'_>) {
        for item in self {
            item.write_args(args);
        }
    }
}

impl<T: ToArg> ToArgs for BTreeSet<T> {
    fn write_args(&self, args: &mut Args<'_>) {
        for item in self {
            item.write_args(args);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(args: impl ToArgs) -> String {
        let command = Command::new("X").arg(args);
        let bytes = command.to_wire();
        String::from_utf8(bytes).unwrap().replace("\r\n", " ")
    }

    #[test]
    fn bytes_are_one_argument_and_other_slices_are_many() {
        assert_eq!(encoded(b"ab"), "*2 $1 X $2 ab ");
        assert_eq!(encoded(vec![b'a', b'b']), "*2 $1 X $2 ab ");
        assert_eq!(encoded(&[1u8, 2][..]), "*2 $1 X $2 \u{1}\u{2} ");
        assert_eq!(encoded(["a", "b"]), "*3 $1 X $1 a $1 b ");
        assert_eq!(encoded(vec![1i64, -20]), "*3 $1 X $1 1 $3 -20 ");
    }

    #[test]
    fn numbers_read_back_as_themselves() {
        assert_eq!(encoded((i64::MIN, u64::MAX)), "*3 $1 X $20 -9223372036854775808 $20 18446744073709551615 ");
        assert_eq!(
            encoded((0.1f64, 0.1f32, f64::INFINITY, f64::NEG_INFINITY, f64::NAN)),
            "*6 $1 X $3 0.1 $3 0.1 $3 inf $4 -inf $3 nan "
        );
        assert_eq!(encoded(f32::INFINITY), "*2 $1 X $3 inf ");
    }

    #[test]
    fn nothing_is_no_argument() {
        assert_eq!(encoded((None::<&str>, (), Some("x"))), "*2 $1 X $1 x ");
    }

    #[test]
    fn an_empty_argument_is_an_argument_and_an_empty_list_is_none() {
        assert_eq!(encoded(""), "*2 $1 X $0  ");
        assert_eq!(encoded(b""), "*2 $1 X $0  ");
        assert_eq!(encoded(Vec::<u8>::new()), "*2 $1 X $0  ");
        assert_eq!(encoded(Vec::<&str>::new()), "*1 $1 X ");
        assert_eq!(encoded(HashMap::<String, String>::new()), "*1 $1 X ");
    }

    #[test]
    fn what_points_to_an_argument_is_that_argument() {
        let bytes = "*2 $1 X $2 ab ";
        let (twice, changeable): (&&str, &mut String) = (&"ab", &mut "ab".to_owned());
        assert_eq!((encoded(twice), encoded(changeable)), (bytes.to_owned(), bytes.to_owned()));
        assert_eq!(encoded(Some(&"ab".to_owned())), bytes);
        assert_eq!(encoded(Box::<str>::from("ab")), bytes);
        assert_eq!(encoded(Arc::<str>::from("ab")), bytes);
        assert_eq!(encoded(Arc::new("ab".to_owned())), bytes);
        assert_eq!(encoded(Rc::<str>::from("ab")), bytes);
        assert_eq!(encoded(Box::<[u8]>::from(*b"ab")), bytes);
        assert_eq!(encoded(Arc::<[u8]>::from(*b"ab")), bytes);
        assert_eq!(encoded(Cow::Borrowed("ab")), bytes);
        assert_eq!(encoded(Cow::<[u8]>::Owned(b"ab".to_vec())), bytes);
        assert_eq!(encoded(BytesMut::from("ab")), bytes);
        assert_eq!(encoded(Arc::new(vec!["a", "b"])), "*3 $1 X $1 a $1 b ");
    }

    #[test]
    fn each_of_these_can_be_a_key() {
        fn key<K: ToArg>(key: K) -> Option<crate::command::Slot> {
            Command::new("GET").key(key).slot()
        }
        let slot = key("foo");
        assert!(slot.is_some());
        assert_eq!([key(Arc::<str>::from("foo")), key(Arc::new("foo".to_owned()))], [slot; 2]);
        assert_eq!([key(Cow::<[u8]>::Borrowed(b"foo")), key(Cow::Borrowed("foo"))], [slot; 2]);
        assert_eq!([key(Box::<[u8]>::from(*b"foo")), key(&b"foo"[..]), key(BytesMut::from("foo"))], [slot; 3]);
    }

    #[test]
    fn slices_of_pairs_and_maps_are_fields_and_values() {
        assert_eq!(encoded(&[("a", 1), ("b", 2)][..]), "*5 $1 X $1 a $1 1 $1 b $1 2 ");
        assert_eq!(encoded(BTreeMap::from([("a", vec![b'1']), ("b", vec![b'2'])])), "*5 $1 X $1 a $1 1 $1 b $1 2 ");
        assert_eq!(encoded(vec![(1.5, "m")]), "*3 $1 X $3 1.5 $1 m ");
    }

    #[test]
    fn a_tuple_can_be_as_long_as_a_usual_command() {
        let read = ("GROUP", "g", "c", "COUNT", 1, "NOACK", "STREAMS", "s", ">");
        assert!(encoded(read).starts_with("*10 $1 X $5 GROUP "));
    }

    #[test]
    fn an_argument_cannot_become_a_command() {
        assert_eq!(encoded("a\r\n*1\r\n$8\r\nFLUSHALL\r\n"), "*2 $1 X $21 a *1 $8 FLUSHALL  ");
    }
}
