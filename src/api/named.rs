//! Answers of names and values, of which newer servers have more.

use std::collections::HashMap;
use std::str::FromStr;

use crate::command::{ConversionError, FromReply, Reply};

/// The values of an answer by their names, however it comes.
pub(super) struct Named(HashMap<String, Text>);

impl Named {
    /// The value of this name.
    pub(super) fn value<T: FromStr>(&self, name: &'static str) -> Result<T, ConversionError> {
        self.optional(name)?.ok_or_else(|| ConversionError::new(name, "an answer without it"))
    }

    /// The value of this name, `None` if there is none.
    pub(super) fn optional<T: FromStr>(&self, name: &'static str) -> Result<Option<T>, ConversionError> {
        let Some(Text(Some(text))) = self.0.get(name) else { return Ok(None) };
        let wrong = |_| ConversionError::new(name, format!("a string of {} bytes", text.len()));
        text.parse().map(Some).map_err(wrong)
    }
}

impl FromReply for Named {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        HashMap::from_reply(reply).map(Self)
    }
}

/// The text of a string or a number, nothing of anything else.
struct Text(Option<String>);

impl FromReply for Text {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        Ok(Self(String::from_reply(reply).ok()))
    }
}
