//! From options and what their files hold to a configuration of rustls.

use std::sync::Arc;

use rustls::client::{ResolvesClientCert, Resumption, VerifierBuilderError, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, SupportedProtocolVersion};

use super::configuration;
use super::handshake::{NoCertificate, Noticing};
use super::material::Material;
use super::options::{Identity, SessionResumption, Strictness, TlsOptions, TlsVersion};
use super::pins::Pins;
use super::provider::provider;
use super::roots::roots;
use super::verifier::{Chain, Verifier};
use crate::outcome::TlsFailure;

/// A new configuration, and with it a new store of resumable sessions. Blocks: may read the system's roots.
pub(super) fn config(options: &TlsOptions, material: &Material) -> Result<Arc<ClientConfig>, TlsFailure> {
    if options.contradicts_config() {
        return Err(configuration("a ready-made configuration beside settings that it would override".to_owned()));
    }
    if let Some(config) = &options.config {
        let mut config = ClientConfig::clone(config);
        config.client_auth_cert_resolver = Arc::new(Noticing(config.client_auth_cert_resolver));
        return Ok(Arc::new(config));
    }
    let provider = provider(options.crypto.as_ref())?;
    let verifier = verifier(options, material, &provider)?;
    let client_certificate: Arc<dyn ResolvesClientCert> = match &options.identity {
        Some(identity) => Arc::new(identify(identity, material, &provider)?),
        None => Arc::new(NoCertificate),
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(options)?)
        .map_err(|error| configuration(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_cert_resolver(Arc::new(Noticing(client_certificate)));
    if options.resumption == SessionResumption::Off {
        config.resumption = Resumption::disabled();
    }
    Ok(Arc::new(config))
}

fn versions(options: &TlsOptions) -> Result<Vec<&'static SupportedProtocolVersion>, TlsFailure> {
    let min = options.min_version.unwrap_or(TlsVersion::Tls12);
    let max = options.max_version.unwrap_or(TlsVersion::Tls13);
    if min > max {
        return Err(configuration(format!("no version of TLS lies between {min:?} and {max:?}")));
    }
    let known = [(TlsVersion::Tls12, &TLS12), (TlsVersion::Tls13, &TLS13)];
    Ok(known.into_iter().filter(|(version, _)| (min..=max).contains(version)).map(|(_, known)| known).collect())
}

fn identify(
    identity: &Identity,
    material: &Material,
    provider: &CryptoProvider,
) -> Result<SingleCertAndKey, TlsFailure> {
    let (chain, key) = (material.certificates(&identity.chain)?, material.key(&identity.key)?);
    let certified = CertifiedKey::from_der(chain, key, provider)
        .map_err(|error| configuration(format!("{:?} with {:?}: {error}", identity.chain, identity.key)))?;
    Ok(certified.into())
}

fn verifier(options: &TlsOptions, material: &Material, provider: &Arc<CryptoProvider>) -> Result<Verifier, TlsFailure> {
    let algorithms = provider.signature_verification_algorithms;
    if options.certificates == Strictness::Anything {
        let pins = Pins::new(&options.pins, provider, None)?;
        return Ok(Verifier { chain: Chain::Any, names: Strictness::Anything, pins, algorithms });
    }
    let roots = Arc::new(roots(options, material)?);
    let mut crls = Vec::new();
    for source in &options.crls {
        crls.extend(material.crls(source)?);
    }
    let mut builder = WebPkiServerVerifier::builder_with_provider(roots.clone(), provider.clone());
    if !crls.is_empty() {
        builder = builder.with_crls(crls).enforce_revocation_expiration();
    }
    let chain = builder.build().map_err(|error| {
        configuration(match error {
            VerifierBuilderError::InvalidCrl(_) => format!("one of {:?}: {error}", options.crls),
            error => error.to_string(),
        })
    })?;
    let pins = Pins::new(&options.pins, provider, Some(&roots))?;
    Ok(Verifier { chain: Chain::Trusted(chain), names: options.names, pins, algorithms })
}
