//! Pinned public keys (RFC 7469, section 2.6).

use std::fmt;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::crypto::hash::{Hash, HashAlgorithm};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;

use super::configuration;
use super::failure::is_about_the_name;
use crate::outcome::TlsFailure;

/// The pinned keys, and what is needed to tell whether a chain has one of them.
///
/// A server may send any certificates beside its own, so a CA's key counts only where the server's certificate really
/// descends from it: that is verified once more, with the pinned CA as the only root.
pub(super) struct Pins {
    wanted: Vec<[u8; 32]>,
    sha256: &'static dyn Hash,
    scope: Scope,
}

/// Whose keys may meet a pin.
enum Scope {
    /// The server's own: where chains are not verified there is no telling what else belongs to them.
    Leaf,
    Chain {
        provider: Arc<CryptoProvider>,
        /// Trusts only the configured roots that are pinned; `None` where none is.
        pinned_roots: Option<Arc<WebPkiServerVerifier>>,
    },
}

/// What was presented, and for which name and when.
pub(super) struct Presented<'a> {
    pub(super) leaf: &'a CertificateDer<'a>,
    pub(super) others: &'a [CertificateDer<'a>],
    pub(super) name: &'a ServerName<'a>,
    pub(super) now: UnixTime,
}

impl Pins {
    /// `None` if there are no pins. With `roots`, keys of the whole chain count.
    pub(super) fn new(
        wanted: &[[u8; 32]],
        provider: &Arc<CryptoProvider>,
        roots: Option<&RootCertStore>,
    ) -> Result<Option<Self>, TlsFailure> {
        if wanted.is_empty() {
            return Ok(None);
        }
        let sha256 = sha256(provider)
            .ok_or_else(|| configuration("the crypto provider has no SHA-256, which pins need".to_owned()))?;
        let mut pins = Self { wanted: wanted.to_vec(), sha256, scope: Scope::Leaf };
        if let Some(roots) = roots {
            let is_pinned = |info: &[u8]| pins.is_wanted(&in_sequence(info));
            let anchors = roots.roots.iter().filter(|root| is_pinned(&root.subject_public_key_info)).cloned();
            let pinned_roots = trusting(anchors.collect(), provider);
            pins.scope = Scope::Chain { provider: provider.clone(), pinned_roots };
        }
        Ok(Some(pins))
    }

    /// Whether one of the keys is in the chain. The chain itself was verified before.
    pub(super) fn are_met(&self, presented: &Presented<'_>) -> bool {
        if self.has_wanted_key(presented.leaf) {
            return true;
        }
        let Scope::Chain { provider, pinned_roots } = &self.scope else { return false };
        if pinned_roots.as_ref().is_some_and(|roots| presented.descends_from(roots)) {
            return true;
        }
        let pinned = presented.others.iter().filter(|certificate| self.has_wanted_key(certificate));
        let mut alone = RootCertStore::empty();
        alone.add_parsable_certificates(pinned.map(|certificate| certificate.clone().into_owned()));
        trusting(alone, provider).is_some_and(|roots| presented.descends_from(&roots))
    }

    fn has_wanted_key(&self, certificate: &CertificateDer<'_>) -> bool {
        ParsedCertificate::try_from(certificate)
            .is_ok_and(|parsed| self.is_wanted(parsed.subject_public_key_info().as_ref()))
    }

    fn is_wanted(&self, subject_public_key_info: &[u8]) -> bool {
        let digest = self.sha256.hash(subject_public_key_info);
        self.wanted.iter().any(|wanted| wanted == digest.as_ref())
    }
}

impl Presented<'_> {
    /// The name was verified before, or need not be.
    fn descends_from(&self, roots: &WebPkiServerVerifier) -> bool {
        match roots.verify_server_cert(self.leaf, self.others, self.name, &[], self.now) {
            Ok(_) => true,
            Err(error) => is_about_the_name(&error),
        }
    }
}

fn trusting(roots: RootCertStore, provider: &Arc<CryptoProvider>) -> Option<Arc<WebPkiServerVerifier>> {
    if roots.is_empty() {
        return None;
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().ok()
}

/// The SHA-256 that some cipher suite brings along.
fn sha256(provider: &CryptoProvider) -> Option<&'static dyn Hash> {
    let hashes = provider.cipher_suites.iter().map(|suite| match suite {
        rustls::SupportedCipherSuite::Tls12(suite) => suite.common.hash_provider,
        rustls::SupportedCipherSuite::Tls13(suite) => suite.common.hash_provider,
    });
    hashes.into_iter().find(|hash| hash.algorithm() == HashAlgorithm::SHA256)
}

/// A trust anchor has the contents of its SubjectPublicKeyInfo only; the pin is over the whole SEQUENCE.
fn in_sequence(contents: &[u8]) -> Vec<u8> {
    let length = contents.len().to_be_bytes();
    let significant = &length[length.iter().take_while(|byte| **byte == 0).count()..];
    let mut der = vec![0x30];
    if contents.len() >= 0x80 {
        der.push(0x80 | significant.len() as u8);
    }
    der.extend_from_slice(if contents.is_empty() { &[0] } else { significant });
    der.extend_from_slice(contents);
    der
}

impl fmt::Debug for Pins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pins({})", self.wanted.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_has_the_length_form_of_der() {
        assert_eq!(in_sequence(&[]), [0x30, 0]);
        assert_eq!(in_sequence(&[7; 3]), [0x30, 3, 7, 7, 7]);
        assert_eq!(in_sequence(&[0; 0x80])[..3], [0x30, 0x81, 0x80]);
        assert_eq!(in_sequence(&[0; 0x126])[..4], [0x30, 0x82, 0x01, 0x26]);
    }
}
