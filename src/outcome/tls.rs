//! Why TLS failed.

use std::fmt;

/// Why a TLS handshake or session failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsFailure {
    /// The certificate, or one of its issuers, has expired.
    Expired,
    /// The certificate is not valid yet (or this machine's clock is behind).
    NotYetValid,
    /// No trusted root signed the certificate: a private CA that is not configured, a self-signed certificate, or a
    /// server that does not send its intermediate.
    UnknownIssuer,
    /// The certificate was issued for other names.
    NameMismatch {
        /// The name that was wanted.
        wanted: String,
        /// The names that the certificate carries.
        presented: Vec<String>,
    },
    /// A certificate revocation list names the certificate.
    Revoked,
    /// A certificate revocation list was needed and is missing or out of date.
    RevocationUnknown {
        /// What is wrong with the list.
        detail: String,
    },
    /// No certificate of the chain has one of the pinned public keys.
    PinMismatch,
    /// The certificate is not for this use: a client-only certificate, or a CA's certificate used by a server.
    BadPurpose,
    /// A signature is wrong, or made with an algorithm that is not accepted (SHA-1, say).
    BadSignature,
    /// The certificate could not be read.
    BadEncoding {
        /// What the TLS library says.
        detail: String,
    },
    /// The two sides share no protocol version or cipher suite.
    VersionOrCipher,
    /// The peer answered in plaintext: it is not a TLS port.
    PeerSpokePlaintext,
    /// The peer closed the connection during or right after the handshake, without saying why.
    PeerClosed {
        /// The server had asked for a client certificate, so this may be its refusal.
        certificate_requested: bool,
    },
    /// The peer said nothing more in the middle of the handshake.
    Stalled,
    /// The server refused our certificate, or the lack of one.
    ClientCertificateRejected {
        /// The alert it sent, such as `"CertificateRequired"`.
        alert: String,
    },
    /// The server sent another alert.
    Alert {
        /// The alert it sent, such as `"UnrecognisedName"`.
        alert: String,
    },
    /// The TLS settings cannot be used: a file that cannot be read, a key that does not fit its certificate, no crypto
    /// provider, no trust at all.
    Configuration {
        /// What is wrong. Names files, never their contents.
        detail: String,
    },
    /// Anything else that the TLS library reports.
    Other {
        /// What the TLS library says.
        detail: String,
    },
}

/// What came of certificate, key or revocation files that were found changed before a handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateReload {
    /// The new ones are used, from that handshake on.
    Used,
    /// The new ones can't be used; the last good ones stay.
    Failed(TlsFailure),
}

impl TlsFailure {
    /// Whether trying again cannot help until someone changes a certificate or a setting.
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::PeerClosed { .. } | Self::Stalled | Self::Other { .. } => false,
            // The server's own trouble, such as a lack of memory.
            Self::Alert { alert } => alert != "InternalError",
            _ => true,
        }
    }
}

impl fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired => f.write_str("the server's certificate has expired"),
            Self::NotYetValid => f.write_str("the server's certificate is not valid yet"),
            Self::UnknownIssuer => f.write_str("the server's certificate is signed by no trusted root"),
            Self::NameMismatch { wanted, presented } if presented.is_empty() => {
                write!(f, "the server's certificate is not for {wanted}: it carries no name")
            }
            Self::NameMismatch { wanted, presented } => {
                let shown = presented.len().min(MOST_NAMES_SHOWN);
                write!(f, "the server's certificate is not for {wanted}, but for {}", presented[..shown].join(", "))?;
                match presented.len() - shown {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
            Self::Revoked => f.write_str("the server's certificate has been revoked"),
            Self::RevocationUnknown { detail } => {
                write!(f, "whether the server's certificate was revoked is unknown: {detail}")
            }
            Self::PinMismatch => f.write_str("the server's certificate chain has none of the pinned public keys"),
            Self::BadPurpose => f.write_str("the server's certificate is not meant for a server"),
            Self::BadSignature => {
                f.write_str("a signature in the server's certificate chain or handshake is not acceptable")
            }
            Self::BadEncoding { detail } => write!(f, "the server's certificate cannot be read: {detail}"),
            Self::VersionOrCipher => f.write_str("no TLS version or cipher suite in common with the server"),
            Self::PeerSpokePlaintext => f.write_str("the server does not speak TLS on this port"),
            Self::PeerClosed { certificate_requested: true } => f.write_str(
                "the server closed the connection after asking for a client certificate, which may be its refusal",
            ),
            Self::PeerClosed { certificate_requested: false } => {
                f.write_str("the server closed the connection in the TLS handshake")
            }
            Self::Stalled => f.write_str("the server fell silent in the TLS handshake"),
            Self::ClientCertificateRejected { alert } => {
                write!(f, "the server rejected the client certificate (alert {alert})")
            }
            Self::Alert { alert } => write!(f, "the server ended the TLS session (alert {alert})"),
            Self::Configuration { detail } => write!(f, "the TLS settings cannot be used: {detail}"),
            Self::Other { detail } => write!(f, "TLS failed: {detail}"),
        }
    }
}

/// Certificates of shared front ends carry hundreds.
const MOST_NAMES_SHOWN: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_of_many_names_makes_no_endless_text() {
        let presented = (0..500).map(|index| format!("n{index}.example")).collect();
        let text = TlsFailure::NameMismatch { wanted: "a.example".to_owned(), presented }.to_string();
        assert!(text.ends_with("n7.example and 492 more"), "{text}");
    }
}
