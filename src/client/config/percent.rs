//! Percent-decoding (RFC 3986, section 2.1).

use std::borrow::Cow;
use std::ops::Range;

use super::error::ConfigErrorKind;

/// The text behind the percent escapes of `encoded`, or what is wrong with it and where. A `+` stays a `+`.
pub(in crate::client) fn decode(encoded: &str) -> Result<Cow<'_, str>, (ConfigErrorKind, Range<usize>)> {
    if !encoded.contains('%') {
        return Ok(Cow::Borrowed(encoded));
    }
    let mut decoded = Vec::with_capacity(encoded.len());
    let mut rest = encoded;
    while let Some((plain, escaped)) = rest.split_once('%') {
        decoded.extend_from_slice(plain.as_bytes());
        let Some(byte) = hex_pair(escaped) else {
            let start = encoded.len() - escaped.len() - 1;
            let length: usize = escaped.chars().take(2).map(char::len_utf8).sum();
            return Err((ConfigErrorKind::BadPercentEscape, start..start + 1 + length));
        };
        decoded.push(byte);
        rest = &escaped[2..];
    }
    decoded.extend_from_slice(rest.as_bytes());
    match String::from_utf8(decoded) {
        Ok(text) => Ok(Cow::Owned(text)),
        Err(_) => Err((ConfigErrorKind::NotUtf8, 0..encoded.len())),
    }
}

fn hex_pair(text: &str) -> Option<u8> {
    let digits = text.get(..2)?;
    // `from_str_radix` alone would take a sign.
    if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    u8::from_str_radix(digits, 16).ok()
}

/// Appends `text` to `out` with every byte escaped that has a meaning anywhere in a URL, but for those in `plain`.
pub(in crate::client) fn encode(text: &str, plain: &str, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || plain.as_bytes().contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_and_the_rest_is_left_alone() {
        assert_eq!(decode("a+b").unwrap(), "a+b");
        assert_eq!(decode("p%40ss%2fw%2Frd").unwrap(), "p@ss/w/rd");
        assert_eq!(decode("%C3%A9é%25").unwrap(), "éé%");
    }

    #[test]
    fn a_bad_escape_is_pointed_at() {
        for (encoded, span) in
            [("ab%zz", 2..5), ("%", 0..1), ("x%4", 1..3), ("%+1", 0..3), ("%é1x", 0..4), ("%%41", 0..3)]
        {
            assert_eq!(decode(encoded), Err((ConfigErrorKind::BadPercentEscape, span)), "{encoded}");
        }
        assert_eq!(decode("a%FF"), Err((ConfigErrorKind::NotUtf8, 0..4)));
    }

    #[test]
    fn what_is_encoded_decodes_to_itself() {
        for text in ["", "plain", "p@ss/w:rd?#[]&=%+ \u{1F980}\n", "/run/redis.sock"] {
            let mut encoded = String::new();
            encode(text, "/:", &mut encoded);
            assert_eq!(decode(&encoded).unwrap(), text);
        }
    }
}
