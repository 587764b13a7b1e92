//! What errors, states and events are made of: what became of a command, how far an attempt got, why it ended, and what
//! is known of the peer. Nothing here knows a socket, a TLS library or a clock.

mod cause;
mod fate;
mod peer;
mod stage;
mod tls;

pub use cause::{Cause, ConnectFailure, HandshakeRefusal, IoFailure};
pub use fate::Fate;
pub use peer::{Address, PeerCertificate, PeerFacts, TlsFacts};
pub use stage::Stage;
pub use tls::{CertificateReload, TlsFailure};
