//! Replies with named fields: a map in RESP3, a flat array in RESP2.

use crate::command::{ConversionError, FromReply, Reply, pairs};

/// The fields of a reply, each read by its name: newer servers have more of them.
pub(super) struct Fields<'a>(Vec<(&'a [u8], Reply<'a>)>);

impl<'a> Fields<'a> {
    pub(super) fn of(reply: Reply<'a>) -> Result<Self, ConversionError> {
        let mut fields = Vec::new();
        pairs(reply, |name, value| {
            fields.extend(name.bytes().map(|name| (name, value)));
            Ok(())
        })?;
        Ok(Self(fields))
    }

    /// A field that every server has.
    pub(super) fn wanted<T: FromReply>(&self, name: &'static str) -> Result<T, ConversionError> {
        match self.find(name) {
            Some(value) => T::from_reply(value),
            None => Err(ConversionError::new("a reply with certain fields", format!("none named '{name}'"))),
        }
    }

    /// A field that not every server has, or that can be null.
    pub(super) fn optional<T: FromReply>(&self, name: &str) -> Result<Option<T>, ConversionError> {
        self.find(name).map_or(Ok(None), Option::from_reply)
    }

    fn find(&self, name: &str) -> Option<Reply<'a>> {
        self.0.iter().find(|(found, _)| *found == name.as_bytes()).map(|(_, value)| *value)
    }
}
