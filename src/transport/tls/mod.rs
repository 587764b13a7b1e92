//! TLS by rustls: from the user's options to an established, verified session, and from its errors to typed causes.

mod certificate;
mod config;
mod failure;
mod handshake;
mod material;
mod options;
mod pins;
mod provider;
mod roots;
mod secured;
mod shown;
mod verifier;

use std::hash::RandomState;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use crate::outcome::{Address, Cause, CertificateReload, TlsFailure};
use material::{Fingerprint, Material};
use options::{NameChoice, Pem};

pub use options::{CryptoChoice, SessionResumption, TlsOptions, TlsVersion};

pub(super) use handshake::Prepared;
pub(super) use secured::Secured;

/// TLS for all connections of a client: the options, and what was made of them last.
pub(super) struct Tls(Arc<Shared>);

struct Shared {
    options: TlsOptions,
    hasher: RandomState,
    /// Held while files are read, so that a file system that hangs holds one thread and not one for each attempt.
    loading: Arc<tokio::sync::Mutex<()>>,
    /// Never held for long.
    loaded: Mutex<Loaded>,
}

#[derive(Default)]
struct Loaded {
    /// The last good one.
    config: Option<Arc<ClientConfig>>,
    /// What was read last, good or not.
    fingerprint: Option<Fingerprint>,
    /// What nobody has asked for yet.
    news: Option<CertificateReload>,
}

impl Tls {
    pub(super) fn new(options: TlsOptions) -> Self {
        let (loading, loaded) = Default::default();
        Self(Arc::new(Shared { options, hasher: RandomState::new(), loading, loaded }))
    }

    /// Gets everything ready for handshakes with the server at `address`, from files as they are now. `announced` is the
    /// name it is known by, if that is not the host of the address.
    pub(super) async fn prepare(&self, address: &Address, announced: Option<&str>) -> Result<Prepared, Cause> {
        let name = self.0.options.name.of(address, announced)?;
        if let Some(config) = self.0.lasting() {
            return Ok(Prepared { config, name });
        }
        let (shared, turn) = (self.0.clone(), self.0.loading.clone().lock_owned().await);
        // If the caller gives up, reading goes on and the next one profits.
        let loading = tokio::task::spawn_blocking(move || {
            let _until_the_end = turn;
            shared.load()
        });
        match loading.await {
            Ok(config) => Ok(Prepared { config: config?, name }),
            Err(error) if error.is_cancelled() => Err(Cause::RuntimeGone),
            Err(_) => Err(TlsFailure::Other { detail: "reading the TLS settings panicked".to_owned() }.into()),
        }
    }

    pub(super) fn take_reload(&self) -> Option<CertificateReload> {
        self.0.loaded().news.take()
    }
}

impl Shared {
    /// The configuration, if it is there and depends on no file.
    fn lasting(&self) -> Option<Arc<ClientConfig>> {
        if self.options.sources().any(|source| matches!(source, Pem::File(_))) {
            return None;
        }
        self.loaded().config.clone()
    }

    /// The configuration that fits the files as they are now, or else the last good one. Blocks. One at a time.
    fn load(&self) -> Result<Arc<ClientConfig>, TlsFailure> {
        let material = Material::read(&self.options);
        let fingerprint = Some(material.fingerprint(&self.hasher));
        let last = {
            let loaded = self.loaded();
            if loaded.fingerprint == fingerprint {
                if let Some(config) = &loaded.config {
                    return Ok(config.clone());
                }
            }
            loaded.config.clone()
        };
        let made = config::config(&self.options, &material);
        let mut loaded = self.loaded();
        loaded.fingerprint = fingerprint;
        match (made, last) {
            (Ok(config), last) => {
                loaded.news = last.map(|_| CertificateReload::Used).or(loaded.news.take());
                loaded.config = Some(config.clone());
                Ok(config)
            }
            (Err(failure), Some(last)) => {
                loaded.news = Some(CertificateReload::Failed(failure));
                Ok(last)
            }
            (Err(failure), None) => Err(failure),
        }
    }

    fn loaded(&self) -> MutexGuard<'_, Loaded> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NameChoice {
    /// The name that the certificate of the server at `address` must carry: what the options say, else what is announced,
    /// else the host.
    fn of(&self, address: &Address, announced: Option<&str>) -> Result<ServerName<'static>, TlsFailure> {
        let chosen = match self {
            Self::Host => None,
            Self::Fixed(name) => Some(name.clone()),
            Self::Function(name) => name(address),
        };
        let name = match (chosen.or_else(|| announced.map(str::to_owned)), address) {
            (Some(name), _) => name,
            // The zone of an IPv6 address is this machine's own affair.
            (None, Address::Tcp { host, .. }) => host.split('%').next().unwrap_or_default().to_owned(),
            (None, Address::Unix(_)) => {
                return Err(configuration("a Unix socket has no host to verify: set a server name".to_owned()));
            }
        };
        let invalid = || configuration(format!("{name:?} can't be a server's name"));
        ServerName::try_from(name.as_str()).map(|name| name.to_owned()).map_err(|_| invalid())
    }
}

fn configuration(detail: String) -> TlsFailure {
    TlsFailure::Configuration { detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(choice: &NameChoice, host: &str) -> Result<String, TlsFailure> {
        choice.of(&Address::tcp(host, 1), None).map(|name| name.to_str().into_owned())
    }

    #[test]
    fn the_host_is_the_name_without_its_zone() {
        assert_eq!(name(&NameChoice::Host, "a.example").unwrap(), "a.example");
        assert_eq!(name(&NameChoice::Host, "10.0.0.1").unwrap(), "10.0.0.1");
        assert_eq!(name(&NameChoice::Host, "fe80::1%eth0").unwrap(), "fe80::1");
        assert!(matches!(name(&NameChoice::Host, "a b"), Err(TlsFailure::Configuration { .. })));
        assert!(matches!(name(&NameChoice::Host, ""), Err(TlsFailure::Configuration { .. })));
    }

    #[test]
    fn a_chosen_name_goes_before_the_host() {
        assert_eq!(name(&NameChoice::Fixed("b.example".to_owned()), "a.example").unwrap(), "b.example");
        let function = NameChoice::Function(Arc::new(|address| match address {
            Address::Tcp { host, .. } if host == "a.example" => Some("c.example".to_owned()),
            _ => None,
        }));
        assert_eq!(name(&function, "a.example").unwrap(), "c.example");
        assert_eq!(name(&function, "b.example").unwrap(), "b.example");
    }

    #[test]
    fn an_announced_name_goes_before_the_host_and_behind_a_chosen_one() {
        let name = |choice: &NameChoice, address: Address| {
            choice.of(&address, Some("node.example")).map(|name| name.to_str().into_owned()).unwrap()
        };
        assert_eq!(name(&NameChoice::Host, Address::tcp("10.0.0.1", 1)), "node.example");
        assert_eq!(name(&NameChoice::Host, Address::Unix("/s".into())), "node.example");
        assert_eq!(name(&NameChoice::Fixed("b.example".to_owned()), Address::tcp("10.0.0.1", 1)), "b.example");
        let function = NameChoice::Function(Arc::new(|address| match address {
            Address::Tcp { port: 1, .. } => Some("c.example".to_owned()),
            _ => None,
        }));
        assert_eq!(name(&function, Address::tcp("10.0.0.1", 1)), "c.example");
        assert_eq!(name(&function, Address::tcp("10.0.0.1", 2)), "node.example");
    }
}
