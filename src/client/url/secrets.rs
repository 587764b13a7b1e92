//! Which parts of a URL are not to be shown.

use std::ops::Range;

use super::hosts::pieces;
use super::parts::{end_of_part, name_and_value, scheme, segments};
use crate::client::config::{options, percent, sentinels};

/// The parts of a URL, however malformed, that may be a password.
///
/// A password that is not percent-encoded may hold every character that ends something in a URL, so everything up to
/// the last `@` counts. Without an `@` someone may have left out the host, and what should be a port is a password, with
/// all that follows. A fragment, and the value of an unknown option, may be anything.
pub(super) fn secrets(url: &str) -> Vec<Range<usize>> {
    let start = scheme(url).map_or(0, |scheme| scheme + "://".len());
    let at = url.rfind('@').filter(|at| *at >= start);
    // In the password of an option it ends nothing.
    let in_option = |at: usize| sentinels::SECRETS.iter().any(|name| url[start..at].contains(&format!("{name}=")));
    let end = at.map(|at| if in_option(at) { url.len() } else { at });
    let mut secrets: Vec<_> = end.map(|end| start..end).into_iter().collect();
    if end == Some(url.len()) {
        return secrets;
    }
    let rest = at.unwrap_or(start);
    let authority = rest..end_of_part(url, rest, &['/', '?', '#']);
    if at.is_none() {
        if let Some(password) = port_that_is_none(url, &authority) {
            secrets.push(password..url.len());
            return secrets;
        }
    }
    let fragment = end_of_part(url, authority.end, &['#']);
    let query = (end_of_part(url, authority.end, &['?']) + 1).min(fragment)..fragment;
    // A `&` in a password makes the rest of it look like another option.
    let mut cut_short = false;
    for segment in segments(url, &query) {
        let (name, value) = name_and_value(url, &segment);
        let option = percent::decode(&url[name]).ok().and_then(|name| options::find(&name));
        let secret = option.is_none_or(|option| sentinels::SECRETS.contains(&option.name));
        let hidden = if option.is_none() && cut_short { segment } else { value };
        if secret && !hidden.is_empty() {
            secrets.push(hidden);
        }
        cut_short |= secret;
    }
    if fragment + 1 < url.len() {
        secrets.push(fragment + 1..url.len());
    }
    secrets
}

/// Where a port begins that may be a password: of one host alone, or of several with commas between.
fn port_that_is_none(url: &str, authority: &Range<usize>) -> Option<usize> {
    let alone = !url[authority.clone()].contains(',');
    pieces(url, authority).find_map(|piece| {
        let (host, port) = url[piece.clone()].split_once(':')?;
        // Among several, a mistyped port may as well be a password up to its first comma.
        let harmless = is_harmless(host, port) && (alone || host.starts_with('[') || is_plain(port));
        (!harmless).then_some(piece.start + host.len() + 1)
    })
}

/// Whether `port` is a number of a port's length, or more of an IPv6 address.
fn is_plain(port: &str) -> bool {
    !port.is_empty() && (port.contains(':') || port.bytes().all(|byte| byte.is_ascii_digit()))
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
