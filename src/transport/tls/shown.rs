//! What is set in TLS options, for those who show a configuration.

use std::path::Path;

use super::options::{CryptoChoice, NameChoice, Pem, Roots, SessionResumption, Strictness, TlsOptions, TlsVersion};

impl TlsOptions {
    pub(crate) fn root_pem_files(&self) -> impl Iterator<Item = &Path> {
        self.roots.iter().filter_map(|roots| match roots {
            Roots::Pem(pem) => pem.file(),
            Roots::System | Roots::WebPki => None,
        })
    }

    pub(crate) fn trusts_system_roots(&self) -> bool {
        self.roots.iter().any(|roots| matches!(roots, Roots::System))
    }

    pub(crate) fn trusts_webpki_roots(&self) -> bool {
        self.roots.iter().any(|roots| matches!(roots, Roots::WebPki))
    }

    /// The files of the client certificate and of its key, where both are files.
    pub(crate) fn client_certificate_files(&self) -> Option<(&Path, &Path)> {
        let identity = self.identity.as_ref()?;
        identity.chain.file().zip(identity.key.file())
    }

    pub(crate) fn min_version(&self) -> Option<TlsVersion> {
        self.min_version
    }

    pub(crate) fn max_version(&self) -> Option<TlsVersion> {
        self.max_version
    }

    pub(crate) fn fixed_server_name(&self) -> Option<&str> {
        match &self.name {
            NameChoice::Fixed(name) => Some(name),
            NameChoice::Host | NameChoice::Function(_) => None,
        }
    }

    pub(crate) fn takes_name_from_host(&self) -> bool {
        matches!(self.name, NameChoice::Host)
    }

    pub(crate) fn crl_files(&self) -> impl Iterator<Item = &Path> {
        self.crls.iter().filter_map(Pem::file)
    }

    pub(crate) fn pins(&self) -> &[[u8; 32]] {
        &self.pins
    }

    pub(crate) fn resumption(&self) -> SessionResumption {
        self.resumption
    }

    pub(crate) fn crypto(&self) -> Option<&CryptoChoice> {
        self.crypto.as_ref()
    }

    pub(crate) fn accepts_invalid_certificates(&self) -> bool {
        self.certificates == Strictness::Anything
    }

    pub(crate) fn accepts_invalid_names(&self) -> bool {
        self.names == Strictness::Anything
    }
}

impl Pem {
    fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Memory(_) => None,
        }
    }
}
