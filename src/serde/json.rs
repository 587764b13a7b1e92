//! JSON text.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::command::{Args, ConversionError, FromReply, ToArg, ToArgs};
use crate::resp::Reply;

/// Any value as one argument of JSON text, and a value of such a text; with the feature `json`.
///
/// Of a string that may not be there, it is read as `Option<Json<T>>`.
///
/// ```no_run
/// # mod example {
/// use serde::{Deserialize, Serialize};
/// use steadfast::Client;
/// use steadfast::api::*;
/// use steadfast::serde::Json;
///
/// #[derive(Serialize, Deserialize)]
/// struct User {
///     name: String,
///     tags: Vec<String>,
/// }
///
/// # pub
/// async fn example(client: Client) -> Result<(), steadfast::Error> {
///     let user = User { name: "alice".to_owned(), tags: vec!["new".to_owned()] };
///     client.set("user:7", Json(&user)).await?;
///     let found: Option<Json<User>> = client.get("user:7").await?;
///     if let Some(Json(user)) = found {
///         println!("{}", user.name);
///     }
///     // The commands of JSON documents take such texts, and answer them.
///     client.json_set("document:7", "$", Json(&user)).await?;
///     let names: Option<Json<Vec<String>>> = client.json_get("document:7", "$.name").await?;
///     # let _ = names;
///     Ok(())
/// }
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Json<T>(pub T);

impl<T: Serialize> ToArgs for Json<T> {
    fn write_args(&self, args: &mut Args<'_>) {
        match serde_json::to_vec(&self.0) {
            Ok(text) => args.shared(&Bytes::from(text)),
            // What serde_json says may hold the value.
            Err(_) => args.reject("a value that cannot be written as JSON"),
        }
    }
}

impl<T: Serialize> ToArg for Json<T> {}

impl<T: DeserializeOwned> FromReply for Json<T> {
    fn from_reply(reply: Reply<'_>) -> Result<Self, ConversionError> {
        let value = match reply.bytes() {
            Some(text) if !reply.is_error() => serde_json::from_slice(text),
            // Numbers that RESP3 sends by type.
            _ => serde_json::from_str(&String::from_reply(reply)?),
        };
        value.map(Self).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let found = match error.classify() {
                Category::Data => "JSON of another type",
                Category::Eof => "JSON that is cut off",
                Category::Syntax | Category::Io => "no JSON",
            };
            ConversionError::new("JSON of the wanted type", format!("{found}, at line {line} column {column}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use crate::command::{Command, Unfit};
    use crate::resp::{Frame, NullForm, Value};

    fn convert<T: FromReply>(value: &Value) -> Result<T, String> {
        T::from_reply(Frame::from_value(value).reply()).map_err(|error| error.to_string())
    }

    #[test]
    fn any_value_is_one_argument_and_back() {
        let value = BTreeMap::from([("a".to_owned(), vec![Some(1.5), None])]);
        let wire = Command::new("X").arg(Json(&value)).to_wire();
        assert_eq!(wire, b"*2\r\n$1\r\nX\r\n$16\r\n{\"a\":[1.5,null]}\r\n");
        assert_eq!(convert(&Value::bulk("{\"a\":[1.5,null]}")), Ok(Json(value)));
        assert_eq!(convert(&Value::Null(NullForm::Bulk)), Ok(None::<Json<u8>>));
        assert_eq!(convert(&Value::bulk("null")), Ok(Json(None::<u8>)));
        assert_eq!(convert(&Value::Integer(7)), Ok(Json(7u8)));
    }

    #[test]
    fn a_value_that_json_cannot_hold_is_not_sent() {
        let secret = BTreeMap::from([(vec!["secret"], 1)]);
        let reason = "a value that cannot be written as JSON".into();
        assert_eq!(Command::new("X").arg(Json(secret)).unfit(), Some(Unfit::Arguments(reason)));
    }

    #[test]
    fn what_cannot_be_read_is_placed_and_not_shown() {
        #[derive(Deserialize, Debug, PartialEq)]
        struct User {
            age: u8,
        }
        for (text, words) in [
            ("{\"age\":\"secret\"}", "found JSON of another type, at line 1 column 15"),
            ("{\"age\":\n1", "found JSON that is cut off, at line 2"),
            ("secret", "found no JSON, at line 1 column 1"),
        ] {
            let error = convert::<Json<User>>(&Value::bulk(text)).unwrap_err();
            assert!(error.contains(words) && !error.contains("secret"), "{error}");
        }
        assert!(convert::<Json<User>>(&Value::error("ERR x")).unwrap_err().contains("ERR x"));
    }
}
