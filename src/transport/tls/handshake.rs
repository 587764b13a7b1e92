//! One handshake.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;

use rustls::client::ResolvesClientCert;
use rustls::pki_types::ServerName;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, SignatureScheme};
use tokio_rustls::TlsConnector;

use super::failure::{Phase, failure, is_disconnect, of_rustls};
use super::secured::Secured;
use crate::outcome::{ConnectFailure, TlsFacts, TlsFailure};
use crate::transport::plain::Plain;

/// Everything a handshake needs.
pub(crate) struct Prepared {
    pub(super) config: Arc<ClientConfig>,
    pub(super) name: ServerName<'static>,
}

impl Prepared {
    /// Speaks TLS on `stream`. A peer that says nothing is waited for: whoever has a deadline drops the future.
    pub(crate) async fn handshake(&self, stream: Plain) -> Result<(Secured, TlsFacts), ConnectFailure> {
        let connector = TlsConnector::from(self.config.clone());
        let mut connecting = connector.connect(self.name.clone(), stream);
        let mut certificate_requested = false;
        let result = poll_fn(|cx| {
            REQUESTED.set(false);
            let polled = Pin::new(&mut connecting).poll(cx);
            certificate_requested |= REQUESTED.replace(false);
            polled
        })
        .await;
        match result {
            Ok(stream) => {
                let secured = Secured::new(stream, certificate_requested);
                let facts = secured.facts();
                Ok((secured, facts))
            }
            Err(error) => Err(match of_rustls(&error) {
                Some(error) => failure(error, Phase::Handshake, certificate_requested).into(),
                None if is_disconnect(&error) => TlsFailure::PeerClosed { certificate_requested }.into(),
                None => ConnectFailure::from(&error),
            }),
        }
    }
}

/// Notices that the server asks for a client certificate, which rustls tells nobody else.
///
/// One of it serves all connections of a configuration (rustls resumes a session only under the same object), so it
/// leaves the note on the thread, where the handshake that is being polled picks it up.
#[derive(Debug)]
pub(super) struct Noticing(pub(super) Arc<dyn ResolvesClientCert>);

/// Has no certificate to show.
#[derive(Debug)]
pub(super) struct NoCertificate;

impl ResolvesClientCert for Noticing {
    fn resolve(&self, issuers: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        REQUESTED.set(true);
        self.0.resolve(issuers, schemes)
    }

    fn only_raw_public_keys(&self) -> bool {
        self.0.only_raw_public_keys()
    }

    fn has_certs(&self) -> bool {
        self.0.has_certs()
    }
}

impl ResolvesClientCert for NoCertificate {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        None
    }

    fn has_certs(&self) -> bool {
        false
    }
}

thread_local! {
    /// Whether a client certificate was asked for since the handshake on this thread began its turn.
    static REQUESTED: Cell<bool> = const { Cell::new(false) };
}
