//! The text of numbers and booleans: reading it, strictly, and writing it without allocating.

use std::io::Write as _;

use super::error::PayloadError;

/// A signed decimal integer; one leading `+` is allowed, as the protocol's page does.
pub(crate) fn integer(text: &[u8]) -> Result<i64, PayloadError> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return Err(PayloadError::Integer);
    }
    let mut number = 0i64;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(PayloadError::Integer);
        }
        // Counted downwards, because the most negative number has no positive twin.
        number = number
            .checked_mul(10)
            .and_then(|number| number.checked_sub(i64::from(digit)))
            .ok_or(PayloadError::Integer)?;
    }
    if negative { Ok(number) } else { number.checked_neg().ok_or(PayloadError::Integer) }
}

/// A decimal number with optional fraction and exponent, `inf`, or `nan` (as C prints it: any case, a sign, and
/// `nan(...)`).
pub(crate) fn double(text: &[u8]) -> Result<f64, PayloadError> {
    let (sign, magnitude) = match text {
        [b'-', rest @ ..] => (-1.0, rest),
        [b'+', rest @ ..] => (1.0, rest),
        rest => (1.0, rest),
    };
    if magnitude.eq_ignore_ascii_case(b"inf") || magnitude.eq_ignore_ascii_case(b"infinity") {
        return Ok(f64::INFINITY * sign);
    }
    if magnitude.eq_ignore_ascii_case(b"nan")
        || (magnitude.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"nan(")) && magnitude.ends_with(b")"))
    {
        return Ok(f64::NAN);
    }
    if !magnitude.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.') {
        return Err(PayloadError::Double);
    }
    let number = std::str::from_utf8(magnitude).ok().and_then(|text| text.parse::<f64>().ok());
    number.map(|number| number * sign).ok_or(PayloadError::Double)
}

pub(crate) fn boolean(text: &[u8]) -> Result<bool, PayloadError> {
    match text {
        b"t" => Ok(true),
        b"f" => Ok(false),
        _ => Err(PayloadError::Boolean),
    }
}

/// A decimal integer as text, kept on the stack.
pub(crate) struct Decimal {
    /// The text stands at the end, and is ASCII.
    digits: [u8; Decimal::MAX],
    len: usize,
}

impl Decimal {
    /// `-9223372036854775808` and `18446744073709551615`.
    const MAX: usize = 20;

    pub(crate) fn unsigned(mut number: u64) -> Self {
        let mut digits = [0; Decimal::MAX];
        let mut len = 0;
        for place in digits.iter_mut().rev() {
            *place = b'0' + (number % 10) as u8;
            number /= 10;
            len += 1;
            if number == 0 {
                break;
            }
        }
        Decimal { digits, len }
    }

    pub(crate) fn signed(number: i64) -> Self {
        let mut decimal = Decimal::unsigned(number.unsigned_abs());
        if number < 0 {
            decimal.len += 1;
            if let Some(place) = decimal.digits.iter_mut().nth_back(decimal.len - 1) {
                *place = b'-';
            }
        }
        decimal
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.digits.get(Decimal::MAX - self.len..).unwrap_or_default()
    }
}

/// Appends a double in the shortest form that reads back as the same number.
pub(crate) fn put_double(out: &mut Vec<u8>, number: f64) {
    let written = if number.is_nan() {
        out.write_all(b"nan")
    } else if number.is_infinite() {
        out.write_all(if number > 0.0 { b"inf" } else { b"-inf" })
    } else if number == 0.0 || (1e-5..1e17).contains(&number.abs()) {
        write!(out, "{number}")
    } else {
        write!(out, "{number:e}")
    };
    written.expect("writing into a Vec does not fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_64_bits_are_read_and_nothing_else() {
        for number in [0, 1, -1, 42, i64::MAX, i64::MIN] {
            assert_eq!(integer(number.to_string().as_bytes()), Ok(number));
        }
        assert_eq!(integer(b"+7"), Ok(7));
        for bad in ["", "-", "+", "1 ", " 1", "--1", "1a", "9223372036854775808", "-9223372036854775809"] {
            assert_eq!(integer(bad.as_bytes()), Err(PayloadError::Integer), "{bad:?}");
        }
    }

    #[test]
    fn doubles_keep_sign_and_bits() {
        for number in [0.0, -0.0, 1.5, -2.25, 5e-324, f64::MAX, f64::MIN_POSITIVE, 0.1, 1e17, 1e-5, 123456.75] {
            let mut text = Vec::new();
            put_double(&mut text, number);
            assert_eq!(double(&text).unwrap().to_bits(), number.to_bits(), "{number}");
        }
        assert_eq!(double(b"-inf"), Ok(f64::NEG_INFINITY));
        assert!(double(b"-nan").unwrap().is_nan());
        assert!(double(b"nan(0x1)").unwrap().is_nan());
        for bad in ["", "+", "-", "e5", "1e", "0x1p3", "1.2.3", "nanx", "--1", "1_0", "1 ", "in"] {
            assert_eq!(double(bad.as_bytes()), Err(PayloadError::Double), "{bad:?}");
        }
    }

    #[test]
    fn decimals_are_written_as_the_standard_library_does() {
        for number in [0, 9, 10, 99, 100, -1, -10, i64::MAX, i64::MIN] {
            assert_eq!(Decimal::signed(number).as_bytes(), number.to_string().as_bytes());
        }
        assert_eq!(Decimal::unsigned(u64::MAX).as_bytes(), u64::MAX.to_string().as_bytes());
    }
}
