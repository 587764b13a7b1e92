//! The fields of a reply by name and its elements in order: for answers to which newer servers add something.

use super::convert::ConversionError;
use super::from_reply::FromReply;
use crate::resp::{Items, Reply, View};

/// The fields of a map, or of a flat array of names and values, as RESP2 sends it. Fields that nobody asks for do no harm.
pub(crate) struct Fields<'a> {
    pairs: Vec<(&'a [u8], Reply<'a>)>,
}

impl<'a> Fields<'a> {
    pub(crate) fn of(reply: Reply<'a>) -> Result<Self, ConversionError> {
        let mut pairs = Vec::new();
        match reply.view()? {
            View::Map(map) => pairs.extend(map.filter_map(|(name, value)| Some((name.bytes()?, value)))),
            View::Array(mut items) => {
                while let Some(name) = items.next() {
                    let value = items.next().ok_or_else(|| ConversionError::new("a map", "an array of odd length"))?;
                    pairs.extend(name.bytes().map(|name| (name, value)));
                }
            }
            _ => return Err(ConversionError::unexpected("a map", reply)),
        }
        Ok(Self { pairs })
    }

    /// The field's value as it came; `None` if there is no such field.
    pub(crate) fn reply(&self, name: &str) -> Option<Reply<'a>> {
        self.pairs.iter().find(|(known, _)| *known == name.as_bytes()).map(|(_, value)| *value)
    }

    /// The value of a field that every server sends.
    pub(crate) fn required<T: FromReply>(&self, name: &str) -> Result<T, ConversionError> {
        let missing = || ConversionError::new("a map with all of its fields", format!("none called '{name}'"));
        T::from_reply(self.reply(name).ok_or_else(missing)?)
    }

    /// The value of a field that not every server sends; `None` for a null too.
    pub(crate) fn optional<T: FromReply>(&self, name: &str) -> Result<Option<T>, ConversionError> {
        self.reply(name).map_or(Ok(None), Option::from_reply)
    }
}

/// The elements of an array or a set, one by one. Those that nobody asks for do no harm.
pub(crate) struct Elements<'a> {
    items: Items<'a>,
}

impl<'a> Elements<'a> {
    pub(crate) fn of(reply: Reply<'a>) -> Result<Self, ConversionError> {
        match reply.view()? {
            View::Array(items) | View::Set(items) => Ok(Self { items }),
            _ => Err(ConversionError::unexpected("an array", reply)),
        }
    }

    /// The next element, which every server sends.
    pub(crate) fn required<T: FromReply>(&mut self) -> Result<T, ConversionError> {
        let missing = || ConversionError::new("an array with all of its elements", "fewer");
        T::from_reply(self.items.next().ok_or_else(missing)?)
    }

    /// The next element, which not every server sends; `None` for a null too.
    pub(crate) fn optional<T: FromReply>(&mut self) -> Result<Option<T>, ConversionError> {
        self.items.next().map_or(Ok(None), Option::from_reply)
    }

    /// Those that are left, as they came.
    pub(crate) fn rest(self) -> Items<'a> {
        self.items
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::{Frame, Value};

    #[test]
    fn a_map_and_a_flat_array_have_the_same_fields() {
        let (name, count) = (Value::bulk("count"), Value::Integer(3));
        let unknown = (Value::bulk("later"), Value::Null(crate::resp::NullForm::Resp3));
        let flat = Value::Array(vec![unknown.0.clone(), unknown.1.clone(), name.clone(), count.clone()]);
        for value in [Value::Map(vec![unknown, (name, count)]), flat] {
            let frame = Frame::from_value(&value);
            let fields = Fields::of(frame.reply()).unwrap();
            assert_eq!(fields.required::<u64>("count"), Ok(3));
            assert_eq!(fields.optional::<u64>("later"), Ok(None));
            assert_eq!(fields.optional::<u64>("nosuch"), Ok(None));
            let error = fields.required::<u64>("nosuch").unwrap_err().to_string();
            assert_eq!(error, "expected a map with all of its fields, found none called 'nosuch'");
        }
    }

    #[test]
    fn what_is_no_map_has_no_fields() {
        for value in [Value::Integer(1), Value::Array(vec![Value::Integer(1)])] {
            assert!(Fields::of(Frame::from_value(&value).reply()).is_err());
        }
    }

    #[test]
    fn elements_that_are_missing_are_told_from_those_that_may_be() {
        let frame = Frame::from_value(&Value::Array(vec![Value::Integer(1), Value::Integer(2)]));
        let mut elements = Elements::of(frame.reply()).unwrap();
        assert_eq!(elements.required::<u8>(), Ok(1));
        assert_eq!(elements.optional::<u8>(), Ok(Some(2)));
        assert_eq!(elements.optional::<u8>(), Ok(None));
        assert!(elements.required::<u8>().is_err());
    }
}
