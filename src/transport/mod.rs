//! Sockets and nothing else: resolving, connecting, TCP options, Unix sockets, TLS. Nothing here knows Redis.
//!
//! Start at [`dial`]: one call that goes from an [`Address`](crate::outcome::Address) to a [`Stream`], and says in
//! [`Progress`] how far it got. It has no timeout of its own: who waits decides how long, and drops the future.

mod connector;
mod dial;
mod foreign;
mod options;
mod plain;
mod progress;
mod race;
mod resolve;
mod stream;
mod tcp;
#[cfg_attr(not(unix), path = "without_unix.rs")]
mod unix;

#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "without_tls.rs"]
mod tls;

#[cfg(test)]
mod tests;

pub use connector::{BoxFuture, Connector, Io};
pub use options::{Keepalive, Linger, SocketOptions};
pub use resolve::{Resolver, SystemResolver};

pub(crate) use dial::{DialOptions, Dialed, Dialer};
pub(crate) use foreign::unless_it_panics;
pub(crate) use progress::Progress;
pub(crate) use stream::{Liveness, Stream};

#[cfg(not(feature = "tls"))]
pub(crate) use tls::TlsOptions;
#[cfg(feature = "tls")]
pub use tls::{CryptoChoice, SessionResumption, TlsOptions, TlsVersion};
