//! Values to bytes: the neighbour of the decoder.

use super::number::{Decimal, put_double};
use super::protocol::Protocol;
use super::value::{NullForm, Value};

/// Appends a command: an array of bulk strings, as both protocols want it.
pub fn encode_command<'a, I>(arguments: I, out: &mut Vec<u8>)
where
    I: IntoIterator<Item = &'a [u8], IntoIter: ExactSizeIterator>,
{
    let arguments = arguments.into_iter();
    put_array_header(out, arguments.len());
    for argument in arguments {
        put_bulk(out, argument);
    }
}

/// Appends the header of an array of `n` elements, which the caller appends next.
pub fn put_array_header(out: &mut Vec<u8>, n: usize) {
    put_header(out, b'*', n);
}

/// Appends a bulk string.
#[inline]
pub fn put_bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    out.reserve(bytes.len() + MAX_HEADER + 2);
    put_bulk_header(out, bytes.len());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// Appends the header of a bulk string of `len` bytes. The caller sees to the bytes, and to CR LF after them.
#[inline]
pub fn put_bulk_header(out: &mut Vec<u8>, len: usize) {
    put_header(out, b'$', len);
}

/// Appends an integer as a bulk string, which is how commands carry numbers.
pub fn put_bulk_int(out: &mut Vec<u8>, number: i64) {
    put_bulk(out, Decimal::signed(number).as_bytes());
}

/// Appends a reply as a server writes it.
///
/// In RESP2 what the protocol lacks is written as real servers do: maps, sets and pushes as arrays, doubles, verbatim
/// strings and big numbers as bulk strings, booleans as integers, bulk errors as simple ones, nulls as `$-1` (or `*-1`
/// for [`NullForm::Array`]), and attributes not at all. In RESP3 every null is `_`. In lines, CR and LF become spaces.
/// Recurses as deep as the value is nested.
pub fn encode_value(value: &Value, protocol: Protocol, out: &mut Vec<u8>) {
    match value {
        Value::SimpleString(text) => put_line(out, b'+', text),
        Value::SimpleError(text) => put_line(out, b'-', text),
        Value::Integer(number) => put_line(out, b':', Decimal::signed(*number).as_bytes()),
        Value::BulkString(bytes) => put_bulk(out, bytes),
        Value::Array(items) => put_items(out, b'*', items, protocol),
        other => match protocol {
            Protocol::Resp2 => encode_downgraded(other, out),
            Protocol::Resp3 => encode_resp3(other, out),
        },
    }
}

/// The values that RESP2 has no type for.
fn encode_downgraded(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Double(number) => {
            let mut text = Vec::new();
            put_double(&mut text, *number);
            put_bulk(out, &text);
        }
        Value::Boolean(truth) => put_line(out, b':', if *truth { b"1" } else { b"0" }),
        Value::Null(NullForm::Array) => out.extend_from_slice(b"*-1\r\n"),
        Value::Null(_) => out.extend_from_slice(b"$-1\r\n"),
        Value::BulkError(text) => put_line(out, b'-', text),
        Value::BigNumber(text) | Value::Verbatim { text, .. } => put_bulk(out, text),
        Value::Set(items) | Value::Push(items) => put_items(out, b'*', items, Protocol::Resp2),
        Value::Map(pairs) => {
            put_array_header(out, pairs.len() * 2);
            put_pairs(out, pairs, Protocol::Resp2);
        }
        Value::Attributed { value, .. } => encode_value(value, Protocol::Resp2, out),
        shared => encode_value(shared, Protocol::Resp2, out),
    }
}

/// The values that only RESP3 has.
fn encode_resp3(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Double(number) => {
            out.push(b',');
            put_double(out, *number);
            out.extend_from_slice(b"\r\n");
        }
        Value::Boolean(truth) => put_line(out, b'#', if *truth { b"t" } else { b"f" }),
        Value::Null(_) => out.extend_from_slice(b"_\r\n"),
        Value::BulkError(bytes) => put_blob(out, b'!', &[bytes]),
        Value::BigNumber(text) => put_line(out, b'(', text),
        Value::Verbatim { format, text } => put_blob(out, b'=', &[format, b":", text]),
        Value::Set(items) => put_items(out, b'~', items, Protocol::Resp3),
        Value::Push(items) => put_items(out, b'>', items, Protocol::Resp3),
        Value::Map(pairs) => {
            put_header(out, b'%', pairs.len());
            put_pairs(out, pairs, Protocol::Resp3);
        }
        Value::Attributed { attributes, value } => {
            put_header(out, b'|', attributes.len());
            put_pairs(out, attributes, Protocol::Resp3);
            encode_value(value, Protocol::Resp3, out);
        }
        shared => encode_value(shared, Protocol::Resp3, out),
    }
}

fn put_items(out: &mut Vec<u8>, tag: u8, items: &[Value], protocol: Protocol) {
    put_header(out, tag, items.len());
    for item in items {
        encode_value(item, protocol, out);
    }
}

fn put_pairs(out: &mut Vec<u8>, pairs: &[(Value, Value)], protocol: Protocol) {
    for (key, value) in pairs {
        encode_value(key, protocol, out);
        encode_value(value, protocol, out);
    }
}

/// Appends a type with a length, and `parts` as its bytes.
fn put_blob(out: &mut Vec<u8>, tag: u8, parts: &[&[u8]]) {
    put_header(out, tag, parts.iter().map(|part| part.len()).sum());
    for part in parts {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(b"\r\n");
}

fn put_line(out: &mut Vec<u8>, tag: u8, text: &[u8]) {
    out.push(tag);
    out.extend(text.iter().map(|&byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { byte }));
    out.extend_from_slice(b"\r\n");
}

#[inline]
fn put_header(out: &mut Vec<u8>, tag: u8, len: usize) {
    // Nearly all lengths have one or two digits: those are worth no loop.
    match len {
        0..=9 => out.extend_from_slice(&[tag, b'0' + len as u8, b'\r', b'\n']),
        10..=99 => out.extend_from_slice(&[tag, b'0' + (len / 10) as u8, b'0' + (len % 10) as u8, b'\r', b'\n']),
        _ => {
            out.push(tag);
            out.extend_from_slice(Decimal::unsigned(len as u64).as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// A type byte, 20 digits and a line end.
const MAX_HEADER: usize = 23;

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(value: &Value, protocol: Protocol) -> String {
        let mut out = Vec::new();
        encode_value(value, protocol, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_command_is_an_array_of_bulk_strings() {
        let mut out = Vec::new();
        encode_command([&b"SET"[..], b"key", b"a\r\nb"], &mut out);
        assert_eq!(out, b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$4\r\na\r\nb\r\n");
        out.clear();
        put_bulk_int(&mut out, -120);
        assert_eq!(out, b"$4\r\n-120\r\n");
    }

    #[test]
    fn resp2_writes_every_type_as_servers_do() {
        let cases = [
            (Value::Map(vec![(Value::from("k"), Value::from(true))]), "*2\r\n$1\r\nk\r\n:1\r\n"),
            (Value::Set(vec![Value::from(1.5)]), "*1\r\n$3\r\n1.5\r\n"),
            (Value::Push(vec![Value::null()]), "*1\r\n$-1\r\n"),
            (Value::Null(NullForm::Array), "*-1\r\n"),
            (Value::BulkError("ERR a\r\nb".into()), "-ERR a  b\r\n"),
            (Value::BigNumber("12".into()), "$2\r\n12\r\n"),
            (Value::Verbatim { format: *b"txt", text: "hi".into() }, "$2\r\nhi\r\n"),
            (Value::Attributed { attributes: vec![], value: Box::new(Value::from(7)) }, ":7\r\n"),
        ];
        for (value, wire) in cases {
            assert_eq!(encoded(&value, Protocol::Resp2), wire);
        }
    }

    #[test]
    fn resp3_keeps_every_type() {
        let cases = [
            (Value::Map(vec![(Value::from("k"), Value::from(true))]), "%1\r\n$1\r\nk\r\n#t\r\n"),
            (Value::Set(vec![Value::from(f64::NEG_INFINITY)]), "~1\r\n,-inf\r\n"),
            (Value::Push(vec![Value::Null(NullForm::Bulk)]), ">1\r\n_\r\n"),
            (Value::BulkError("ERR a\r\nb".into()), "!8\r\nERR a\r\nb\r\n"),
            (Value::BigNumber("12".into()), "(12\r\n"),
            (Value::Verbatim { format: *b"txt", text: "hi".into() }, "=6\r\ntxt:hi\r\n"),
            (
                Value::Attributed {
                    attributes: vec![(Value::simple("ttl"), Value::from(1))],
                    value: Box::new(Value::from(7)),
                },
                "|1\r\n+ttl\r\n:1\r\n:7\r\n",
            ),
        ];
        for (value, wire) in cases {
            assert_eq!(encoded(&value, Protocol::Resp3), wire);
        }
    }
}
