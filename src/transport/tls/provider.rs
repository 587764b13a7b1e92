//! The choice of the cryptography's implementation.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

use super::configuration;
use super::options::CryptoChoice;
use crate::outcome::TlsFailure;

/// The provider that was chosen, or else the one that is there.
pub(super) fn provider(choice: Option<&CryptoChoice>) -> Result<Arc<CryptoProvider>, TlsFailure> {
    let (found, feature) = match choice {
        None => (ring::provider().or_else(aws_lc_rs::provider), "ring or aws-lc-rs"),
        Some(CryptoChoice::Ring) => (ring::provider(), "ring"),
        Some(CryptoChoice::AwsLcRs) => (aws_lc_rs::provider(), "aws-lc-rs"),
        Some(CryptoChoice::Custom(provider)) => return Ok(provider.clone()),
    };
    found
        .map(Arc::new)
        .ok_or_else(|| configuration(format!("no crypto provider is compiled in: enable the feature {feature}")))
}

#[cfg(feature = "ring")]
mod ring {
    pub(super) fn provider() -> Option<rustls::crypto::CryptoProvider> {
        Some(rustls::crypto::ring::default_provider())
    }
}

#[cfg(not(feature = "ring"))]
mod ring {
    pub(super) fn provider() -> Option<rustls::crypto::CryptoProvider> {
        None
    }
}

#[cfg(feature = "aws-lc-rs")]
mod aws_lc_rs {
    pub(super) fn provider() -> Option<rustls::crypto::CryptoProvider> {
        Some(rustls::crypto::aws_lc_rs::default_provider())
    }
}

#[cfg(not(feature = "aws-lc-rs"))]
mod aws_lc_rs {
    pub(super) fn provider() -> Option<rustls::crypto::CryptoProvider> {
        None
    }
}
