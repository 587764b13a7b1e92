//! How values are written in a URL: each reader beside its writer.

use std::time::Duration;

pub(in crate::client) const DURATION: &str = "a number with its unit (us, ms, s, m, h), such as 500ms, 5s or 2m";
pub(in crate::client) const DURATION_OR_NONE: &str = "a number with its unit, such as 500ms, 5s or 2m, or none";
pub(in crate::client) const SIZE: &str = "a number of bytes, such as 65536, 64KiB or 16MiB";
pub(in crate::client) const COUNT: &str = "a whole number";
pub(in crate::client) const SWITCH: &str = "on or off";

const DURATION_UNITS: [(&str, u64); 6] = [
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

const SIZE_UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("", 1)];

/// Reads `5s`; a number without a unit is nobody's guess and no duration.
pub(in crate::client) fn duration(text: &str) -> Option<Duration> {
    quantity(text, &DURATION_UNITS).map(Duration::from_nanos)
}

pub(in crate::client) fn show_duration(duration: Duration) -> String {
    // Above 584 years the number no longer fits; no valid configuration gets there.
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    if nanos == 0 { "0s".to_owned() } else { show_quantity(nanos, &DURATION_UNITS) }
}

/// Reads `none` as `Some(None)`.
pub(in crate::client) fn duration_or_none(text: &str) -> Option<Option<Duration>> {
    if text == "none" { Some(None) } else { duration(text).map(Some) }
}

pub(in crate::client) fn show_duration_or_none(duration: Option<Duration>) -> String {
    duration.map_or_else(|| "none".to_owned(), show_duration)
}

/// Reads `65536` or `64KiB`.
pub(in crate::client) fn size(text: &str) -> Option<usize> {
    quantity(text, &SIZE_UNITS).and_then(|bytes| usize::try_from(bytes).ok())
}

pub(in crate::client) fn show_size(bytes: usize) -> String {
    if bytes == 0 { "0".to_owned() } else { show_quantity(bytes as u64, &SIZE_UNITS) }
}

/// Reads digits and nothing else: no sign, no spaces.
pub(in crate::client) fn count<N: std::str::FromStr>(text: &str) -> Option<N> {
    if text.bytes().all(|digit| digit.is_ascii_digit()) { text.parse().ok() } else { None }
}

pub(in crate::client) fn switch(text: &str) -> Option<bool> {
    match text {
        "on" => Some(true),
        "off" => Some(false),
        _ => None,
    }
}

pub(in crate::client) fn show_switch(on: bool) -> String {
    if on { "on" } else { "off" }.to_owned()
}

/// Reads one word of a closed list.
pub(in crate::client) fn word<T: Copy>(text: &str, words: &[(&str, T)]) -> Option<T> {
    words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
}

pub(in crate::client) fn show_word<T: Copy + PartialEq>(value: T, words: &[(&str, T)]) -> String {
    words.iter().find(|(_, known)| *known == value).map_or_else(String::new, |(word, _)| (*word).to_owned())
}

fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale = word(unit, units)?;
    count::<u64>(number)?.checked_mul(scale)
}

/// `amount` in the largest of `units` that divides it; the last one divides everything.
fn show_quantity(amount: u64, units: &[(&str, u64)]) -> String {
    let divides = |(_, scale): &&(&str, u64)| amount % scale == 0;
    units.iter().find(divides).map_or_else(String::new, |(unit, scale)| format!("{}{unit}", amount / scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(duration("5s"), Some(Duration::from_secs(5)));
        assert_eq!(duration("2m"), Some(Duration::from_secs(120)));
        assert_eq!(duration("0s"), Some(Duration::ZERO));
        for bad in ["", "5", "s", "-5s", "+5s", "1.5s", "5 s", "5S", "5s ", "5sec", "99999999999999999999s", "6000000h"]
        {
            assert_eq!(duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn sizes_are_binary() {
        assert_eq!(size("65536"), Some(65536));
        assert_eq!(size("64KiB"), Some(65536));
        assert_eq!(size("1GiB"), Some(1 << 30));
        for bad in ["", "KiB", "64KB", "64k", "-1", "1.5MiB", "99999999999GiB"] {
            assert_eq!(size(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_shown_reads_back() {
        for nanos in [0, 1, 999, 1_000, 1_500_000, 90_000_000_000, 3_600_000_000_000] {
            let value = Duration::from_nanos(nanos);
            assert_eq!(duration(&show_duration(value)), Some(value));
        }
        for value in [0, 1, 1023, 1024, 1536, 64 << 20] {
            assert_eq!(size(&show_size(value)), Some(value));
        }
    }
}
