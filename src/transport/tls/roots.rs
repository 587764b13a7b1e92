//! The certificate authorities to trust.

use rustls::RootCertStore;

use super::configuration;
use super::material::Material;
use super::options::{Roots, TlsOptions};
use crate::outcome::TlsFailure;

/// The roots that were named; where none were, the public ones. Blocks: reads the system's store.
pub(super) fn roots(options: &TlsOptions, material: &Material) -> Result<RootCertStore, TlsFailure> {
    let mut store = RootCertStore::empty();
    if options.roots.is_empty() {
        let public = if system::PRESENT { system::load } else { webpki::load };
        public(&mut store).map_err(configuration)?;
    }
    for named in &options.roots {
        match named {
            Roots::System => system::load(&mut store).map_err(configuration)?,
            Roots::WebPki => webpki::load(&mut store).map_err(configuration)?,
            Roots::Pem(source) => {
                for certificate in material.certificates(source)? {
                    store.add(certificate).map_err(|error| configuration(format!("{source:?}: {error}")))?;
                }
            }
        }
    }
    Ok(store)
}

#[cfg(feature = "system-roots")]
mod system {
    use rustls::RootCertStore;

    pub(super) const PRESENT: bool = true;

    pub(super) fn load(store: &mut RootCertStore) -> Result<(), String> {
        let found = rustls_native_certs::load_native_certs();
        let (added, _unreadable) = store.add_parsable_certificates(found.certs);
        if added > 0 {
            return Ok(());
        }
        let errors: Vec<String> = found.errors.iter().map(ToString::to_string).collect();
        Err(format!("the system has no root certificates: {}", errors.join("; ")))
    }
}

#[cfg(not(feature = "system-roots"))]
mod system {
    pub(super) const PRESENT: bool = false;

    pub(super) fn load(_: &mut rustls::RootCertStore) -> Result<(), String> {
        Err("the system's root certificates need the feature system-roots".to_owned())
    }
}

#[cfg(feature = "webpki-roots")]
mod webpki {
    pub(super) fn load(store: &mut rustls::RootCertStore) -> Result<(), String> {
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        Ok(())
    }
}

#[cfg(not(feature = "webpki-roots"))]
mod webpki {
    pub(super) fn load(_: &mut rustls::RootCertStore) -> Result<(), String> {
        Err("no root certificates to trust: name some, or enable the feature webpki-roots".to_owned())
    }
}
