//! The names and the expiry of a certificate (RFC 5280), for showing. Nothing is decided by them.

use std::net::IpAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The DNS names and IP addresses of the certificate, and when it expires, as far as they can be read.
pub(super) fn names_and_expiry(certificate: &[u8]) -> (Vec<String>, Option<SystemTime>) {
    let Some(fields) = fields(certificate) else { return (Vec::new(), None) };
    (fields.alternative_names.map(names).unwrap_or_default(), expiry(fields.validity))
}

/// The two fields of a TBSCertificate that are of interest.
struct Fields<'a> {
    validity: &'a [u8],
    /// The GeneralNames of the extension subjectAltName.
    alternative_names: Option<&'a [u8]>,
}

fn fields(certificate: &[u8]) -> Option<Fields<'_>> {
    let mut tbs = Der(Der(Der(certificate).expect(SEQUENCE)?).expect(SEQUENCE)?);
    let (first, _) = tbs.next()?;
    if first == VERSION {
        tbs.expect(INTEGER)?;
    }
    let _signature_algorithm = tbs.expect(SEQUENCE)?;
    let _issuer = tbs.expect(SEQUENCE)?;
    let validity = tbs.expect(SEQUENCE)?;
    let _subject = tbs.expect(SEQUENCE)?;
    let _public_key = tbs.expect(SEQUENCE)?;
    let mut alternative_names = None;
    while let Some((tag, contents)) = tbs.next() {
        if tag == EXTENSIONS {
            alternative_names = subject_alternative_names(contents);
        }
    }
    Some(Fields { validity, alternative_names })
}

fn subject_alternative_names(extensions: &[u8]) -> Option<&[u8]> {
    let mut extensions = Der(Der(extensions).expect(SEQUENCE)?);
    while let Some(extension) = extensions.expect(SEQUENCE) {
        let mut extension = Der(extension);
        if extension.expect(OBJECT_IDENTIFIER)? != SUBJECT_ALT_NAME {
            continue;
        }
        // A BOOLEAN, whether it is critical, may stand before the value.
        let (mut tag, mut value) = extension.next()?;
        if tag != OCTET_STRING {
            (tag, value) = extension.next()?;
        }
        return if tag == OCTET_STRING { Der(value).expect(SEQUENCE) } else { None };
    }
    None
}

fn names(general_names: &[u8]) -> Vec<String> {
    let mut der = Der(general_names);
    let mut names = Vec::new();
    while let Some((tag, contents)) = der.next() {
        match tag {
            DNS_NAME if contents.iter().all(u8::is_ascii_graphic) => {
                names.push(String::from_utf8_lossy(contents).into_owned());
            }
            IP_ADDRESS => {
                let four = <[u8; 4]>::try_from(contents).map(IpAddr::from);
                let address = four.or_else(|_| <[u8; 16]>::try_from(contents).map(IpAddr::from));
                names.extend(address.map(|address| address.to_string()));
            }
            _ => {}
        }
    }
    names
}

fn expiry(validity: &[u8]) -> Option<SystemTime> {
    let mut validity = Der(validity);
    let _not_before = validity.next()?;
    let (tag, text) = validity.next()?;
    let digits = text.strip_suffix(b"Z")?;
    let (year, rest) = match tag {
        // Two digits: 1950 to 2049.
        UTC_TIME => {
            let (year, rest) = digits.split_at_checked(2)?;
            let year = number(year)?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERALIZED_TIME => {
            let (year, rest) = digits.split_at_checked(4)?;
            (number(year)?, rest)
        }
        _ => return None,
    };
    if rest.len() != 10 {
        return None;
    }
    let field = |index: usize| number(&rest[2 * index..2 * index + 2]);
    let (month, day) = (field(0)?, field(1)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let seconds = days_since_1970(year, month, day) * 86_400 + field(2)? * 3_600 + field(3)? * 60 + field(4)?;
    let distance = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) }
}

/// Up to four ASCII digits.
fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |value, digit| digit.is_ascii_digit().then(|| value * 10 + i64::from(digit - b'0')))
}

/// In the Gregorian calendar, counting years from March on so that a leap day is a year's last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days_before_month = (153 * month + 2) / 5;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + days_before_month + day - 1 - DAYS_TO_1970
}

/// From 1 March of year 0 on.
const DAYS_TO_1970: i64 = 719_468;

/// Elements one after another. Malformed ones end it.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The tag and the contents of the next element.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, mut rest) = rest.split_first()?;
        let mut length = usize::from(first);
        if first >= 0x80 {
            let octets = usize::from(first & 0x7f);
            if octets == 0 || octets > 3 {
                return None;
            }
            let (octets, after) = rest.split_at_checked(octets)?;
            length = octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet));
            rest = after;
        }
        let (contents, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, contents))
    }

    /// The contents of the next element, if it has this tag.
    fn expect(&mut self, wanted: u8) -> Option<&'a [u8]> {
        self.next().filter(|(tag, _)| *tag == wanted).map(|(_, contents)| contents)
    }
}

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// `[0] EXPLICIT`, of a TBSCertificate.
const VERSION: u8 = 0xa0;
/// `[3] EXPLICIT`, of a TBSCertificate.
const EXTENSIONS: u8 = 0xa3;
/// `[2] IMPLICIT IA5String`, of a GeneralName.
const DNS_NAME: u8 = 0x82;
/// `[7] IMPLICIT OCTET STRING`, of a GeneralName.
const IP_ADDRESS: u8 = 0x87;
/// 2.5.29.17
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(tag: u8, text: &str) -> Option<i64> {
        let mut validity = vec![UTC_TIME, 13];
        validity.extend_from_slice(b"200101000000Z");
        validity.extend_from_slice(&[tag, text.len() as u8]);
        validity.extend_from_slice(text.as_bytes());
        let time = expiry(&validity)?;
        Some(match time.duration_since(UNIX_EPOCH) {
            Ok(after) => after.as_secs() as i64,
            Err(before) => -(before.duration().as_secs() as i64),
        })
    }

    #[test]
    fn times_of_both_forms_are_read() {
        assert_eq!(seconds(UTC_TIME, "700101000000Z"), Some(0));
        assert_eq!(seconds(UTC_TIME, "491231235959Z"), Some(2_524_607_999));
        assert_eq!(seconds(UTC_TIME, "500101000000Z"), Some(-631_152_000));
        assert_eq!(seconds(UTC_TIME, "240229120102Z"), Some(1_709_208_062));
        assert_eq!(seconds(GENERALIZED_TIME, "20500101000000Z"), Some(2_524_608_000));
        assert_eq!(seconds(GENERALIZED_TIME, "99991231235959Z"), Some(253_402_300_799));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in ["", "Z", "700101000000", "7001010000Z", "701301000000Z", "700100000000Z", "7001x1000000Z"] {
            assert_eq!(seconds(UTC_TIME, text), None, "{text}");
        }
        assert_eq!(seconds(INTEGER, "700101000000Z"), None);
    }

    /// A certificate with the fields that are looked at, and others empty.
    fn certificate(alternative_names: &[u8]) -> Vec<u8> {
        let element = |tag: u8, contents: &[u8]| [&[tag, contents.len() as u8], contents].concat();
        let time = element(UTC_TIME, b"301231000000Z");
        let names = element(OCTET_STRING, &element(SEQUENCE, alternative_names));
        let extension = [element(OBJECT_IDENTIFIER, SUBJECT_ALT_NAME), element(0x01, &[0xff]), names].concat();
        let extensions = element(SEQUENCE, &element(SEQUENCE, &extension));
        let tbs = [
            element(VERSION, &element(INTEGER, &[2])),
            element(INTEGER, &[1]),
            element(SEQUENCE, &[]),
            element(SEQUENCE, &[]),
            element(SEQUENCE, &[time.clone(), time].concat()),
            element(SEQUENCE, &[]),
            element(SEQUENCE, &[]),
            element(EXTENSIONS, &extensions),
        ];
        element(SEQUENCE, &element(SEQUENCE, &tbs.concat()))
    }

    #[test]
    fn dns_names_and_addresses_are_read_and_others_skipped() {
        let der = certificate(b"\x82\x03a.b\x86\x01u\x87\x04\x0a\x00\x00\x01\x87\x02\x00\x00\x82\x02a\n");
        let (names, not_after) = names_and_expiry(&der);
        assert_eq!(names, ["a.b", "10.0.0.1"]);
        assert!(not_after.is_some());
    }

    #[test]
    fn no_damage_makes_it_panic() {
        let good = certificate(b"\x82\x03a.b\x87\x04\x0a\x00\x00\x01");
        for end in 0..good.len() {
            names_and_expiry(&good[..end]);
        }
        for index in 0..good.len() {
            for value in [0x00, 0x01, 0x30, 0x7f, 0x80, 0x81, 0x83, 0x84, 0xff, good[index].wrapping_add(1)] {
                let mut damaged = good.clone();
                damaged[index] = value;
                names_and_expiry(&damaged);
            }
        }
        let mut state = 1_u64;
        for length in 0..2_000 {
            let noise = (0..length % 97).map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 33) as u8
            });
            names_and_expiry(&noise.collect::<Vec<_>>());
        }
    }
}
