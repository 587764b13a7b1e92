//! The reply values that commands build most.

use bytes::Bytes;

use crate::resp::{NullForm, Value};

pub(crate) fn ok() -> Value {
    simple("OK")
}

pub(crate) fn simple(text: &'static str) -> Value {
    Value::SimpleString(Bytes::from_static(text.as_bytes()))
}

pub(crate) fn bulk(bytes: impl Into<Bytes>) -> Value {
    Value::BulkString(bytes.into())
}

pub(crate) fn word(text: &'static str) -> Value {
    bulk(Bytes::from_static(text.as_bytes()))
}

/// `$-1` in RESP2.
pub(crate) fn null() -> Value {
    Value::Null(NullForm::Bulk)
}

/// `*-1` in RESP2.
pub(crate) fn null_array() -> Value {
    Value::Null(NullForm::Array)
}

pub(crate) fn bulk_or_null(bytes: Option<impl Into<Bytes>>) -> Value {
    bytes.map_or_else(null, bulk)
}

pub(crate) fn double_or_null(number: Option<f64>) -> Value {
    number.map_or_else(null, Value::Double)
}

pub(crate) fn count(number: usize) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

/// 1 for yes, 0 for no: what the servers answer in both protocols.
pub(crate) fn yes_or_no(yes: bool) -> Value {
    Value::Integer(i64::from(yes))
}

pub(crate) fn bulks<'a>(items: impl IntoIterator<Item = &'a Bytes>) -> Vec<Value> {
    items.into_iter().map(|item| bulk(item.clone())).collect()
}
