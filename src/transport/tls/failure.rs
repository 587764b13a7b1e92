//! From rustls's errors to ours.

use std::fmt;
use std::io;

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

use super::configuration;
use crate::outcome::TlsFailure;

/// The verifier's word for a chain without a pinned key.
#[derive(Debug)]
pub(super) struct PinMismatch;

/// When an error came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Handshake,
    Established,
}

/// rustls's error, where an error of a TLS stream carries one.
pub(super) fn of_rustls(error: &io::Error) -> Option<&Error> {
    error.get_ref()?.downcast_ref()
}

/// Whether an error says that the other side is gone, and no more.
pub(super) fn is_disconnect(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

pub(super) fn is_about_the_name(error: &Error) -> bool {
    use CertificateError::{NotValidForName, NotValidForNameContext};
    matches!(error, Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }))
}

/// What went wrong. `certificate_requested`: the server has asked for a client certificate before.
pub(super) fn failure(error: &Error, phase: Phase, certificate_requested: bool) -> TlsFailure {
    match error {
        Error::InvalidCertificate(error) => certificate_failure(error),
        Error::AlertReceived(alert) => alert_failure(*alert, phase, certificate_requested),
        Error::PeerIncompatible(_) => TlsFailure::VersionOrCipher,
        // Not even the header of the first record is TLS.
        Error::InvalidMessage(InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion)
            if phase == Phase::Handshake =>
        {
            TlsFailure::PeerSpokePlaintext
        }
        Error::NoCertificatesPresented => {
            TlsFailure::BadEncoding { detail: "the server presented no certificate".to_owned() }
        }
        Error::InvalidCertRevocationList(_) | Error::InconsistentKeys(_) => configuration(error.to_string()),
        error => TlsFailure::Other { detail: error.to_string() },
    }
}

fn certificate_failure(error: &CertificateError) -> TlsFailure {
    use CertificateError as E;
    match error {
        E::Expired | E::ExpiredContext { .. } => TlsFailure::Expired,
        E::NotValidYet | E::NotValidYetContext { .. } => TlsFailure::NotYetValid,
        E::Revoked => TlsFailure::Revoked,
        E::UnknownIssuer => TlsFailure::UnknownIssuer,
        E::UnknownRevocationStatus | E::ExpiredRevocationList | E::ExpiredRevocationListContext { .. } => {
            TlsFailure::RevocationUnknown { detail: error.to_string() }
        }
        E::BadSignature
        | E::UnsupportedSignatureAlgorithmContext { .. }
        | E::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => TlsFailure::BadSignature,
        E::NotValidForName => TlsFailure::NameMismatch { wanted: "its address".to_owned(), presented: Vec::new() },
        E::NotValidForNameContext { expected, presented } => TlsFailure::NameMismatch {
            wanted: expected.to_str().into_owned(),
            presented: presented.iter().map(|name| bare_name(name)).collect(),
        },
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => TlsFailure::BadPurpose,
        E::BadEncoding | E::UnhandledCriticalExtension => TlsFailure::BadEncoding { detail: error.to_string() },
        E::Other(other) if other.0.is::<PinMismatch>() => TlsFailure::PinMismatch,
        // rustls has no variants for these, and the crate whose error it is stays behind its interface.
        E::Other(other) => match format!("{:?}", other.0).as_str() {
            "CaUsedAsEndEntity" | "EndEntityUsedAsCa" => TlsFailure::BadPurpose,
            text if text.contains("UnsupportedSignatureAlgorithm") => TlsFailure::BadSignature,
            text => TlsFailure::Other { detail: format!("the server's certificate is refused: {text}") },
        },
        // A variant that newer versions of rustls have in more detail.
        error if format!("{error:?}").starts_with("UnsupportedSignatureAlgorithm") => TlsFailure::BadSignature,
        error => TlsFailure::Other { detail: format!("the server's certificate is refused: {error}") },
    }
}

fn alert_failure(alert: AlertDescription, phase: Phase, certificate_requested: bool) -> TlsFailure {
    use AlertDescription as A;
    let name = || alert.as_str().map_or_else(|| format!("{alert:?}"), str::to_owned);
    match alert {
        A::NoCertificate
        | A::BadCertificate
        | A::UnsupportedCertificate
        | A::CertificateRevoked
        | A::CertificateExpired
        | A::CertificateUnknown
        | A::UnknownCA
        | A::AccessDenied
        | A::CertificateRequired => TlsFailure::ClientCertificateRejected { alert: name() },
        // TLS 1.2 has no alert of its own for a missing certificate.
        A::HandshakeFailure | A::DecryptError if certificate_requested => {
            TlsFailure::ClientCertificateRejected { alert: name() }
        }
        A::ProtocolVersion | A::InsufficientSecurity | A::HandshakeFailure if phase == Phase::Handshake => {
            TlsFailure::VersionOrCipher
        }
        _ => TlsFailure::Alert { alert: name() },
    }
}

/// `DnsName("a.example")` and `IpAddress(10.0.0.1)` to `a.example` and `10.0.0.1`, with nothing that could forge a line of
/// a log.
fn bare_name(shown: &str) -> String {
    let bare = shown.strip_prefix("DnsName(\"").and_then(|rest| rest.strip_suffix("\")"));
    let bare = bare.or_else(|| shown.strip_prefix("IpAddress(").and_then(|rest| rest.strip_suffix(')')));
    bare.unwrap_or(shown).escape_debug().to_string()
}

impl fmt::Display for PinMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no pinned key")
    }
}

impl std::error::Error for PinMismatch {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bare() {
        assert_eq!(bare_name("DnsName(\"*.a.example\")"), "*.a.example");
        assert_eq!(bare_name("IpAddress(10.0.0.1)"), "10.0.0.1");
        assert_eq!(bare_name("DirectoryName"), "DirectoryName");
        assert_eq!(bare_name("DnsName(\"a\nb\")"), "a\\nb");
    }

    #[test]
    fn a_handshake_failure_is_about_the_certificate_only_if_one_was_asked_for() {
        let alert = Error::AlertReceived(AlertDescription::HandshakeFailure);
        assert_eq!(failure(&alert, Phase::Handshake, false), TlsFailure::VersionOrCipher);
        assert_eq!(
            failure(&alert, Phase::Handshake, true),
            TlsFailure::ClientCertificateRejected { alert: "HandshakeFailure".to_owned() }
        );
    }

    #[test]
    fn garbage_on_an_established_connection_is_not_plaintext() {
        let garbage = Error::InvalidMessage(InvalidMessage::InvalidContentType);
        assert_eq!(failure(&garbage, Phase::Handshake, false), TlsFailure::PeerSpokePlaintext);
        assert!(matches!(failure(&garbage, Phase::Established, false), TlsFailure::Other { .. }));
    }

    #[test]
    fn an_alert_without_a_name_is_shown() {
        let alert = Error::AlertReceived(AlertDescription::Unknown(99));
        assert!(
            matches!(failure(&alert, Phase::Handshake, false), TlsFailure::Alert { alert } if alert.contains("63"))
        );
    }
}
