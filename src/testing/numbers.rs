//! How the servers read and write numbers in arguments and values.

/// A 64-bit integer as the servers accept it: no plus sign, no spaces, no leading zeros.
pub(crate) fn parse_integer(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let canonical = match digits.first()? {
        b'0' => text == b"0",
        b'1'..=b'9' => digits.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    if canonical { std::str::from_utf8(text).ok()?.parse().ok() } else { None }
}

/// A double as the servers accept it: also `inf`, `+inf` and `-inf`, never `nan`.
pub(crate) fn parse_double(text: &[u8]) -> Option<f64> {
    let number: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    if number.is_nan() { None } else { Some(number) }
}

/// The sum of two decimal numbers, written as INCRBYFLOAT writes it: 17 decimals, without trailing zeros. The sum is
/// exact while it fits, where a server computes in 80 bits. `None` if an operand is no finite number or the sum is not.
pub(crate) fn add_decimals(left: &[u8], right: &[u8]) -> Option<String> {
    if let (Some(left), Some(right)) = (scaled(left), scaled(right)) {
        if let Some(sum) = left.checked_add(right) {
            return Some(write_scaled(sum));
        }
    }
    let sum = parse_double(left)? + parse_double(right)?;
    if sum.is_finite() { Some(sum.to_string()) } else { None }
}

/// Digits after the point that INCRBYFLOAT keeps.
const DECIMALS: i32 = 17;

/// The number times 10^17, if that is an integer of 128 bits.
fn scaled(text: &[u8]) -> Option<i128> {
    let text = std::str::from_utf8(text).ok()?;
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let shift = DECIMALS.checked_add(exponent)?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    digits.checked_mul(10_i128.checked_pow(u32::try_from(shift).ok()?)?)
}

fn write_scaled(number: i128) -> String {
    let unit = 10_u128.pow(DECIMALS.unsigned_abs());
    let size = number.unsigned_abs();
    let sign = if number < 0 { "-" } else { "" };
    let written = format!("{sign}{}.{:017}", size / unit, size % unit);
    written.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_as_strictly_as_servers_read_them() {
        assert_eq!(parse_integer(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(parse_integer(b"0"), Some(0));
        for bad in ["", "-", "01", "-0", "+1", " 1", "1.0", "9223372036854775808"] {
            assert_eq!(parse_integer(bad.as_bytes()), None, "{bad:?}");
        }
    }

    #[test]
    fn decimal_sums_have_no_binary_noise() {
        assert_eq!(add_decimals(b"0.1", b"0.2").unwrap(), "0.3");
        assert_eq!(add_decimals(b"10.50", b"-10.5").unwrap(), "0");
        assert_eq!(add_decimals(b"5.0e3", b"-0.5").unwrap(), "4999.5");
        assert_eq!(add_decimals(b"-1", b"0.25").unwrap(), "-0.75");
        assert_eq!(add_decimals(b"1e40", b"1").unwrap(), format!("1{}", "0".repeat(40)));
        assert_eq!(add_decimals(b"inf", b"1"), None);
        assert_eq!(add_decimals(b"x", b"1"), None);
    }
}
