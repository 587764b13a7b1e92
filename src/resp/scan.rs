//! Finding the end of lines and reading lengths, on bytes that may stop anywhere.
//!
//! Each function looks at bytes from left to right and never changes its mind when more follow, so that a stream
//! decodes the same however it was cut.

use super::error::Reason;
use super::tag::Tag;

/// What stands between a type byte and the end of its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Length {
    /// A number.
    Known(u64),
    /// `-1`: a null.
    Absent,
    /// `?`: as many as come before an end mark.
    Streamed,
}

/// Where the payload of a value is that has no elements; its line end follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scalar {
    pub(crate) tag: Tag,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

/// The value at the front of `bytes`, if it is one line of up to `line` bytes or a bulk string of up to `bulk`, has
/// arrived as a whole, and nothing is wrong. `None` says nothing about what it is instead.
#[inline(always)]
pub(crate) fn scalar(bytes: &[u8], line: usize, bulk: usize) -> Option<Scalar> {
    let (&byte, rest) = bytes.split_first()?;
    let (tag, start, len) = if byte == b'$' {
        let (Length::Known(len), header) = length(rest).ok()?? else { return None };
        (Tag::BulkString, 1 + header, usize::try_from(len).ok().filter(|len| *len <= bulk)?)
    } else {
        let tag = line_tag(byte)?;
        let mut len = 0;
        while !matches!(rest.get(len)?, b'\r' | b'\n') {
            len += 1;
            if len > line {
                return None;
            }
        }
        (tag, 1, len)
    };
    let end = start.checked_add(len)?;
    let is_whole = bytes.get(end..)?.first_chunk()? == b"\r\n";
    is_whole.then_some(Scalar { tag, start, end })
}

/// The tag of a type whose payload is the rest of the line.
#[inline]
pub(crate) fn line_tag(byte: u8) -> Option<Tag> {
    Some(match byte {
        b'+' => Tag::SimpleString,
        b'-' => Tag::SimpleError,
        b':' => Tag::Integer,
        b'_' => Tag::Null,
        b',' => Tag::Double,
        b'#' => Tag::Boolean,
        b'(' => Tag::BigNumber,
        _ => return None,
    })
}

/// Reads the length or count at the front of `bytes` (behind the type byte), and how many bytes it takes with its
/// line end. `None`: the line is not complete. An error says how far into `bytes` it is.
#[inline]
pub(crate) fn length(bytes: &[u8]) -> Result<Option<(Length, usize)>, (usize, Reason)> {
    let mut number = 0u64;
    for (at, &byte) in bytes.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 && at < MAX_DIGITS {
            number = number * 10 + u64::from(digit);
        } else if byte == b'\r' && at > 0 {
            return line_feed(bytes, at + 1).map(|found| found.map(|taken| (Length::Known(number), taken)));
        } else {
            return if at == 0 { special_length(bytes) } else { Err((at, Reason::InvalidLength)) };
        }
    }
    Ok(None)
}

/// The lengths that are not numbers: `-1` and `?`.
#[cold]
fn special_length(bytes: &[u8]) -> Result<Option<(Length, usize)>, (usize, Reason)> {
    let (text, length): (&[u8], _) = match bytes.first() {
        Some(b'-') => (b"-1\r", Length::Absent),
        Some(b'?') => (b"?\r", Length::Streamed),
        _ => return Err((0, Reason::InvalidLength)),
    };
    for (at, (&got, &wanted)) in bytes.iter().zip(text).enumerate() {
        if got != wanted {
            return Err((at, Reason::InvalidLength));
        }
    }
    Ok(line_feed(bytes, text.len())?.map(|taken| (length, taken)))
}

fn line_feed(bytes: &[u8], at: usize) -> Result<Option<usize>, (usize, Reason)> {
    match bytes.get(at) {
        Some(b'\n') => Ok(Some(at + 1)),
        Some(_) => Err((at, Reason::MissingCrlf)),
        None => Ok(None),
    }
}

/// Where the first CR or LF of `bytes` is, at or after `from`.
#[inline]
pub(crate) fn line_end(bytes: &[u8], from: usize) -> Option<usize> {
    let rest = bytes.get(from..)?;
    // Most lines are shorter than the set-up of a vectorised search is worth.
    for (at, &byte) in rest.iter().take(SHORT_LINE).enumerate() {
        if byte == b'\r' || byte == b'\n' {
            return Some(from + at);
        }
    }
    let tail = rest.get(SHORT_LINE..)?;
    memchr::memchr2(b'\r', b'\n', tail).map(|at| from + SHORT_LINE + at)
}

/// More digits than any length within 64 bits needs would let a number grow without end.
const MAX_DIGITS: usize = 19;
const SHORT_LINE: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_digits_minus_one_or_a_question_mark() {
        assert_eq!(length(b"12\r\nrest"), Ok(Some((Length::Known(12), 4))));
        assert_eq!(length(b"-1\r\n"), Ok(Some((Length::Absent, 4))));
        assert_eq!(length(b"?\r\n;"), Ok(Some((Length::Streamed, 3))));
        assert_eq!(length(b"9999999999999999999\r\n"), Ok(Some((Length::Known(9_999_999_999_999_999_999), 21))));
        for (bad, at) in
            [("-2\r\n", 1), ("-0\r\n", 1), ("+5\r\n", 0), ("\r\n", 0), ("5a\r\n", 1), ("00000000000000000000", 19)]
        {
            assert_eq!(length(bad.as_bytes()), Err((at, Reason::InvalidLength)), "{bad:?}");
        }
        assert_eq!(length(b"5\rx"), Err((2, Reason::MissingCrlf)));
        assert_eq!(length(b"?\rx"), Err((2, Reason::MissingCrlf)));
    }

    #[test]
    fn scalars_are_whole_or_not_there() {
        for (wire, start, end) in
            [("+OK\r\n", 1, 3), ("$5\r\na\r\nbc\r\n", 4, 9), ("_\r\n", 1, 1), ("$0\r\n\r\n", 4, 4)]
        {
            let found = scalar([wire, "+next"].concat().as_bytes(), 5, 5);
            assert_eq!(found.map(|scalar| (scalar.start, scalar.end)), Some((start, end)), "{wire:?}");
            for cut in 0..wire.len() {
                assert_eq!(scalar(&wire.as_bytes()[..cut], 5, 5), None, "{wire:?} cut at {cut}");
            }
        }
        for other in [
            "+toolong\r\n",
            "$6\r\nabcdef\r\n",
            "*1\r\n",
            "$-1\r\n",
            "+a\nb\r\n",
            "$1\r\nab\n",
            "$9999999999999999999\r\n",
        ] {
            assert_eq!(scalar(other.as_bytes(), 5, 5), None, "{other:?}");
        }
    }

    #[test]
    fn a_cut_length_is_incomplete_at_every_byte() {
        for whole in ["536870912\r\n", "-1\r\n", "?\r\n"] {
            for cut in 0..whole.len() {
                assert_eq!(length(&whole.as_bytes()[..cut]), Ok(None), "{whole:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn line_ends_are_found_on_both_sides_of_the_short_loop() {
        for len in 0..80 {
            let mut line = vec![b'a'; len];
            assert_eq!(line_end(&line, 0), None);
            line.extend_from_slice(b"\r\n\r\n");
            for from in 0..=len {
                assert_eq!(line_end(&line, from), Some(len));
            }
        }
    }
}
