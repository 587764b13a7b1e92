//! Commands as they arrive, and answers as they leave.

use bytes::{Buf, Bytes, BytesMut};

/// Its words; the first is the verb.
pub(crate) type Words = Vec<Bytes>;

/// The first command in the buffer, and how many bytes it is; `None`: it is not all there.
///
/// # Panics
/// At what a client never sends.
pub(crate) fn parse(buffer: &BytesMut) -> Option<(Words, usize)> {
    let (count, mut at) = number(buffer, 0, b'*')?;
    let mut words = Vec::with_capacity(count);
    for _ in 0..count {
        let (length, begin) = number(buffer, at, b'$')?;
        let word = buffer.get(begin..begin + length)?;
        buffer.get(begin + length..begin + length + 2)?;
        words.push(Bytes::copy_from_slice(word));
        at = begin + length + 2;
    }
    Some((words, at))
}

pub(crate) fn consume(buffer: &mut BytesMut, count: usize) {
    buffer.advance(count);
}

fn number(buffer: &BytesMut, at: usize, sign: u8) -> Option<(usize, usize)> {
    let line = buffer.get(at..)?;
    let end = line.iter().position(|byte| *byte == b'\n')?;
    assert_eq!(line[0], sign, "the client does not speak RESP: {:?}", String::from_utf8_lossy(line));
    let digits = std::str::from_utf8(&line[1..end - 1]).ok();
    Some((digits.and_then(|digits| digits.parse().ok()).expect("a number"), at + end + 1))
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Simple(&'static str),
    Error(String),
    Bulk(Bytes),
    Text(String),
    Number(i64),
    Null,
    List(Vec<Answer>),
    Map(Vec<(&'static str, Answer)>),
}

impl Answer {
    pub(crate) fn error(line: impl Into<String>) -> Self {
        Self::Error(line.into())
    }

    pub(crate) fn write(&self, is_new: bool, out: &mut Vec<u8>) {
        match self {
            Self::Simple(text) => line(out, '+', text),
            Self::Error(text) => line(out, '-', text),
            Self::Bulk(bytes) => bulk(out, bytes),
            Self::Text(text) => bulk(out, text.as_bytes()),
            Self::Number(number) => line(out, ':', &number.to_string()),
            Self::Null => out.extend_from_slice(if is_new { b"_\r\n" } else { b"$-1\r\n" }),
            Self::List(items) => {
                line(out, '*', &items.len().to_string());
                items.iter().for_each(|item| item.write(is_new, out));
            }
            Self::Map(pairs) => {
                let (sign, count) = if is_new { ('%', pairs.len()) } else { ('*', 2 * pairs.len()) };
                line(out, sign, &count.to_string());
                for (key, value) in pairs {
                    bulk(out, key.as_bytes());
                    value.write(is_new, out);
                }
            }
        }
    }
}

fn line(out: &mut Vec<u8>, sign: char, text: &str) {
    out.push(sign as u8);
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    line(out, '$', &bytes.len().to_string());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}
