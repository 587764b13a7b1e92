//! Errors in which a node says that another one serves what was asked for.
//!
//! Source: <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#redirection-and-resharding>

use super::named;
use crate::command::Slot;
use crate::outcome::Address;

/// Where a command should go instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Redirect {
    /// The slot is another node's now.
    Moved { slot: Slot, to: Address },
    /// The slot is on its way to another node, and so may be this command's keys. It holds for this command alone.
    Ask { slot: Slot, to: Address },
    /// This node is a replica outside of a cluster, and `to` is its primary (Valkey, after `CLIENT CAPA redirect`).
    Primary { to: Address },
}

impl Redirect {
    /// The redirect that is in the error of the node at `from`, its line without the `-`. A host that is not named is
    /// that of `from`.
    pub(crate) fn of(line: &[u8], from: &Address) -> Option<Self> {
        let mut words = line.split(|byte| *byte == b' ');
        let code = words.next()?;
        if code == b"REDIRECT" {
            return Some(Self::Primary { to: address(words.next()?, from)? });
        }
        let redirect = match code {
            b"MOVED" => |slot, to| Self::Moved { slot, to },
            b"ASK" => |slot, to| Self::Ask { slot, to },
            _ => return None,
        };
        let slot = Slot::new(number(words.next()?)?)?;
        Some(redirect(slot, address(words.next()?, from)?))
    }

    /// The node that it names.
    pub(crate) fn named(&self) -> &Address {
        match self {
            Self::Moved { to, .. } | Self::Ask { to, .. } | Self::Primary { to } => to,
        }
    }
}

/// `host:port`, where the host may be missing or have colons of its own.
fn address(endpoint: &[u8], from: &Address) -> Option<Address> {
    let colon = endpoint.iter().rposition(|byte| *byte == b':')?;
    let (host, port) = endpoint.split_at_checked(colon)?;
    let host = host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(host);
    let port = number(port.strip_prefix(b":")?).filter(|port| *port != 0)?;
    Some(Address::tcp(named::host(host, from)?, port))
}

/// Digits and nothing else.
fn number(text: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(line: &str) -> Option<Redirect> {
        Redirect::of(line.as_bytes(), &Address::tcp("seed.test", 6379))
    }

    fn moved(slot: u16, host: &str, port: u16) -> Option<Redirect> {
        Some(Redirect::Moved { slot: Slot::new(slot).unwrap(), to: Address::tcp(host, port) })
    }

    #[test]
    fn what_servers_say() {
        assert_eq!(of("MOVED 12182 127.0.0.1:21302"), moved(12182, "127.0.0.1", 21302));
        assert_eq!(of("MOVED 12182 node-2.redis.test:21302"), moved(12182, "node-2.redis.test", 21302));
        assert_eq!(of("MOVED 12182 :21302"), moved(12182, "seed.test", 21302));
        assert_eq!(of("MOVED 12182 ?:21302"), moved(12182, "seed.test", 21302));
        assert_eq!(of("MOVED 0 ::1:6381"), moved(0, "::1", 6381));
        assert_eq!(of("MOVED 16383 [fe80::1]:65535"), moved(16383, "fe80::1", 65535));
        let to = Address::tcp("127.0.0.1", 21301);
        assert_eq!(of("ASK 12182 127.0.0.1:21301"), Some(Redirect::Ask { slot: Slot::new(12182).unwrap(), to }));
        let to = Address::tcp("127.0.0.1", 6379);
        assert_eq!(of("REDIRECT 127.0.0.1:6379"), Some(Redirect::Primary { to }));
    }

    #[test]
    fn what_is_no_redirect() {
        let long = format!("MOVED 1 {}:6379", "h".repeat(70_000));
        for line in [
            "",
            "MOVED",
            "MOVED ",
            "MOVED 1",
            "MOVED 1 ",
            "MOVED 16384 a:1",
            "MOVED -1 a:1",
            "MOVED +1 a:1",
            "MOVED x a:1",
            "MOVED 99999999999 a:1",
            "MOVED 1 a",
            "MOVED 1 a:",
            "MOVED 1 a:0",
            "MOVED 1 a:65536",
            "MOVED 1 a:+5",
            "MOVED  1 a:1",
            "MOVED 1 a\tb:1",
            "MOVED 1 a\r\nb:1",
            "ASK",
            "ASK 1 :",
            "REDIRECT",
            "REDIRECT a",
            "moved 1 a:1",
            "MOVEDX 1 a:1",
            "ERR MOVED 1 a:1",
            &long,
        ] {
            assert_eq!(of(line), None, "{line:?}");
        }
        assert_eq!(Redirect::of(b"MOVED 1 \xff\xfe:1", &Address::tcp("a", 1)), None);
        assert_eq!(Redirect::of(b"MOVED 1 :1", &Address::Unix("/tmp/s".into())), None);
    }
}
