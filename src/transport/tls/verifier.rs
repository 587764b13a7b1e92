//! What a server's certificate must be: rustls's own verification, loosened or tightened as the options say.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};

use super::failure::{PinMismatch, is_about_the_name};
use super::options::Strictness;
use super::pins::{Pins, Presented};

/// The verifier that all our configurations use.
#[derive(Debug)]
pub(super) struct Verifier {
    pub(super) chain: Chain,
    pub(super) names: Strictness,
    pub(super) pins: Option<Pins>,
    /// For signatures in the handshake, which are verified always: they prove that the server has the key.
    pub(super) algorithms: WebPkiSupportedAlgorithms,
}

/// Which chains are good.
#[derive(Debug)]
pub(super) enum Chain {
    Trusted(Arc<WebPkiServerVerifier>),
    Any,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if let Chain::Trusted(verifier) = &self.chain {
            match verifier.verify_server_cert(leaf, others, name, ocsp_response, now) {
                // The name is what rustls looks at last, so all the rest was good.
                Err(error) if self.names == Strictness::Anything && is_about_the_name(&error) => {}
                result => {
                    result?;
                }
            }
        }
        match &self.pins {
            Some(pins) if !pins.are_met(&Presented { leaf, others, name, now }) => {
                Err(CertificateError::Other(OtherError(Arc::new(PinMismatch))).into())
            }
            _ => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
