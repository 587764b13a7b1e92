//! Host names to addresses, and the order in which addresses are tried.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;

use super::connector::BoxFuture;

/// Turns a host name into addresses, in place of the operating system.
///
/// It is asked anew for every attempt to connect, so that a name that moves is followed; what it returns is not kept.
/// Literal IP addresses never reach it. The addresses are tried in the order given, families interleaved (RFC 8305).
///
/// # Cancellation
/// The future is dropped when the deadline of the attempt is reached. There is no other timeout above it.
///
/// # Errors
/// An error, or an empty list, ends the attempt; the next one follows after the link's pause. So does a panic, as
/// [`Cause::Panicked`](crate::Cause::Panicked): the same resolver is asked again then.
pub trait Resolver: Send + Sync + 'static {
    /// The addresses of `host`, each with the port at which to connect (normally `port`).
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>>;
}

/// The operating system's resolver (`getaddrinfo`), on a thread where it blocks nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) })
    }
}

/// Interleaves the families, beginning with the first address's (RFC 8305, section 4), without repetitions.
pub(super) fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let begins_with_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut turn, mut other): (VecDeque<_>, VecDeque<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == begins_with_v6);
    let mut ordered = Vec::with_capacity(turn.len() + other.len());
    while let Some(address) = turn.pop_front().or_else(|| other.pop_front()) {
        if !ordered.contains(&address) {
            ordered.push(address);
        }
        if !other.is_empty() {
            std::mem::swap(&mut turn, &mut other);
        }
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(addresses: &[&str]) -> Vec<String> {
        let parsed = addresses.iter().map(|address| address.parse().unwrap()).collect();
        interleave(parsed).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn families_alternate_from_the_first_ones() {
        assert_eq!(
            order(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"]),
            ["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"]
        );
        assert_eq!(order(&["1.1.1.1:1", "2.2.2.2:1", "[::1]:1"]), ["1.1.1.1:1", "[::1]:1", "2.2.2.2:1"]);
    }

    #[test]
    fn an_address_is_tried_once() {
        assert_eq!(order(&["1.1.1.1:1", "1.1.1.1:1", "2.2.2.2:1"]), ["1.1.1.1:1", "2.2.2.2:1"]);
        assert_eq!(order(&[]), Vec::<String>::new());
    }
}
