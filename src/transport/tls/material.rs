//! PEM from files and memory: read, compared with what was read before, and parsed.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use super::configuration;
use super::options::{Pem, TlsOptions};
use crate::outcome::TlsFailure;

/// What all the PEM sources of some options held at one moment.
pub(super) struct Material(Vec<(Pem, io::Result<Arc<[u8]>>)>);

/// What the material was, for comparison, without keeping keys in memory. `None` for a file that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fingerprint(Vec<Option<(usize, u64)>>);

impl Material {
    /// Blocks: not for a thread of the runtime.
    pub(super) fn read(options: &TlsOptions) -> Self {
        Self(options.sources().map(|source| (source.clone(), read(source))).collect())
    }

    pub(super) fn fingerprint(&self, hasher: &RandomState) -> Fingerprint {
        let of_one = |(_, content): &(Pem, io::Result<Arc<[u8]>>)| match content {
            Ok(content) => Some((content.len(), hasher.hash_one(content))),
            Err(_) => None,
        };
        Fingerprint(self.0.iter().map(of_one).collect())
    }

    /// At least one certificate.
    pub(super) fn certificates(&self, source: &Pem) -> Result<Vec<CertificateDer<'static>>, TlsFailure> {
        let certificates = CertificateDer::pem_slice_iter(self.content(source)?)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| configuration(format!("{source:?}: {error}")))?;
        if certificates.is_empty() {
            return Err(configuration(format!("{source:?}: holds no certificate in PEM")));
        }
        Ok(certificates)
    }

    pub(super) fn key(&self, source: &Pem) -> Result<PrivateKeyDer<'static>, TlsFailure> {
        PrivateKeyDer::from_pem_slice(self.content(source)?)
            .map_err(|_| configuration(format!("{source:?}: holds no unencrypted private key in PEM")))
    }

    /// PEM with at least one list, or else what is taken for DER, which the verifier will check.
    pub(super) fn crls(&self, source: &Pem) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsFailure> {
        let content = self.content(source)?;
        let lists = CertificateRevocationListDer::pem_slice_iter(content)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| configuration(format!("{source:?}: {error}")))?;
        if lists.is_empty() {
            return Ok(vec![content.to_vec().into()]);
        }
        Ok(lists)
    }

    fn content(&self, source: &Pem) -> Result<&[u8], TlsFailure> {
        match self.0.iter().find(|(known, _)| is_same(known, source)) {
            Some((_, Ok(content))) => Ok(content),
            Some((_, Err(error))) => Err(configuration(format!("{source:?}: {error}"))),
            None => Err(configuration(format!("{source:?}: was not read"))),
        }
    }
}

fn read(source: &Pem) -> io::Result<Arc<[u8]>> {
    match source {
        Pem::File(path) => std::fs::read(path).map(Into::into),
        Pem::Memory(pem) => Ok(pem.clone()),
    }
}

fn is_same(one: &Pem, other: &Pem) -> bool {
    match (one, other) {
        (Pem::File(one), Pem::File(other)) => one == other,
        (Pem::Memory(one), Pem::Memory(other)) => Arc::ptr_eq(one, other),
        _ => false,
    }
}
