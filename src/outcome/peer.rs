//! What is known of the other side of a connection.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::SystemTime;

use bytes::Bytes;

/// Where a node is: a host and a port, or a Unix socket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// A host name or an IP address (IPv6 without brackets), and a port.
    Tcp {
        /// The host name or IP address.
        host: String,
        /// The port.
        port: u16,
    },
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl Address {
    /// A TCP address.
    pub fn tcp(host: impl Into<String>, port: u16) -> Self {
        Self::Tcp { host: host.into(), port }
    }
}

/// A host and a port.
impl<H: Into<String>> From<(H, u16)> for Address {
    fn from((host, port): (H, u16)) -> Self {
        Self::tcp(host, port)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// What is known of an established connection's other side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerFacts {
    /// The local end; `None` for a Unix socket or a connector of the user's own.
    pub local: Option<SocketAddr>,
    /// The remote end; `None` for a Unix socket or a connector of the user's own.
    pub remote: Option<SocketAddr>,
    /// The TLS session, where there is one.
    pub tls: Option<TlsFacts>,
}

/// What is known of a TLS session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsFacts {
    /// The protocol version, such as `"TLSv1.3"`.
    pub version: &'static str,
    /// The cipher suite, such as `"TLS13_AES_256_GCM_SHA384"`.
    pub cipher: &'static str,
    /// Whether an earlier session was resumed.
    pub resumed: bool,
    /// Whether the server asked for a client certificate; `None` where that is not known (a resumed session).
    pub client_certificate_requested: Option<bool>,
    /// The certificate the server presented; `None` where it presented none that could be kept.
    pub peer_certificate: Option<PeerCertificate>,
}

/// A certificate that a peer presented.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerCertificate {
    /// The end-entity certificate, DER.
    pub der: Bytes,
    /// The DNS names and IP addresses it was issued for.
    pub names: Vec<String>,
    /// When it expires; `None` where that could not be read.
    pub not_after: Option<SystemTime>,
}

impl fmt::Debug for PeerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerCertificate")
            .field("der", &format_args!("{} bytes", self.der.len()))
            .field("names", &self.names)
            .field("not_after", &self.not_after)
            .finish()
    }
}

impl PeerFacts {
    /// Facts of a connection of which nothing is known, such as one that a user's own connector made.
    pub fn unknown() -> Self {
        Self::default()
    }
}

impl TlsFacts {
    /// Facts of a session; what is not known yet can be set afterwards.
    pub fn new(version: &'static str, cipher: &'static str) -> Self {
        Self { version, cipher, resumed: false, client_certificate_requested: None, peer_certificate: None }
    }
}

impl PeerCertificate {
    /// A certificate as it was presented.
    pub fn new(der: Bytes, names: Vec<String>, not_after: Option<SystemTime>) -> Self {
        Self { der, names, not_after }
    }
}
