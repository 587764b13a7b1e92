//! Which parts of a URL are not to be shown.

use std::ops::Range;

use super::parts::{end_of_part, name_and_value, scheme, segments};
use crate::client::config::{options, percent};

/// The parts of a URL, however malformed, that may be a password.
///
/// A password that is not percent-encoded may hold every character that ends something in a URL, so everything up to
/// the last `@` counts. Without an `@` someone may have left out the host, and what should be a port is a password, with
/// all that follows. A fragment, and the value of an unknown option, may be anything.
pub(super) fn secrets(url: &str) -> Vec<Range<usize>> {
    let start = scheme(url).map_or(0, |scheme| scheme + "://".len());
    let at = url.rfind('@').filter(|at| *at >= start);
    let mut secrets: Vec<_> = at.map(|at| start..at).into_iter().collect();
    let rest = at.unwrap_or(start);
    let authority = rest..end_of_part(url, rest, &['/', '?', '#']);
    if at.is_none() {
        if let Some((host, port)) = url[authority.clone()].split_once(':') {
            if !is_harmless(host, port) {
                secrets.push(start + host.len() + 1..url.len());
                return secrets;
            }
        }
    }
    let fragment = end_of_part(url, authority.end, &['#']);
    let query = (end_of_part(url, authority.end, &['?']) + 1).min(fragment)..fragment;
    for segment in segments(url, &query) {
        let (name, value) = name_and_value(url, &segment);
        let known = percent::decode(&url[name]).is_ok_and(|name| options::find(&name).is_some());
        if !known && !value.is_empty() {
            secrets.push(value);
        }
    }
    if fragment + 1 < url.len() {
        secrets.push(fragment + 1..url.len());
    }
    secrets
}

/// Whether `port`, behind `host` and a colon, is a port, a mistyped port, or more of an IPv6 address.
fn is_harmless(host: &str, port: &str) -> bool {
    let mistyped =
        !host.is_empty() && port.len() <= LONGEST_PORT && port.starts_with(|c: char| "+-0123456789".contains(c));
    let address = port.contains(':') && port.bytes().all(|byte| byte.is_ascii_hexdigit() || b":.".contains(&byte));
    port.is_empty() || mistyped || address || host.starts_with('[')
}

/// A port has five digits at most; a sixth character is left for one that was mistyped.
const LONGEST_PORT: usize = 6;
