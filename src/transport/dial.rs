//! From an address to an established connection.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::connector::Connector;
use super::foreign::unless_it_panics;
use super::options::SocketOptions;
use super::plain::Plain;
use super::progress::Progress;
use super::race::{Candidates, first_connected};
use super::resolve::{Resolver, SystemResolver, interleave};
use super::stream::Stream;
use super::tls::{Prepared, Tls, TlsOptions};
use super::unix;
use crate::outcome::{Address, Cause, CertificateReload, ConnectFailure, PeerFacts, Stage, TlsFailure};

/// How to dial.
pub(crate) struct DialOptions {
    pub(crate) socket: SocketOptions,
    /// `None`: plaintext. `Some`: TLS or an error, never plaintext.
    pub(crate) tls: Option<TlsOptions>,
    pub(crate) resolver: Arc<dyn Resolver>,
    /// In place of resolver and sockets.
    pub(crate) connector: Option<Arc<dyn Connector>>,
}

/// Makes connections. One serves all nodes of a client, so that they share what was read from certificate files and
/// the TLS sessions that can be resumed.
pub(crate) struct Dialer {
    socket: SocketOptions,
    tls: Option<Tls>,
    resolver: Arc<dyn Resolver>,
    connector: Option<Arc<dyn Connector>>,
}

/// An established connection, and what is known of its other side.
pub(crate) struct Dialed {
    pub(crate) stream: Stream,
    pub(crate) facts: PeerFacts,
}

impl Default for DialOptions {
    fn default() -> Self {
        Self { socket: SocketOptions::new(), tls: None, resolver: Arc::new(SystemResolver), connector: None }
    }
}

impl Dialer {
    /// Reads and resolves nothing yet: that belongs to the dial, off the runtime's threads.
    pub(crate) fn new(options: DialOptions) -> Self {
        let DialOptions { socket, tls, resolver, connector } = options;
        Self { socket, tls: tls.map(Tls::new), resolver, connector }
    }

    /// Connects to `address` and shows in `progress` how far it is. Where TLS is to verify the host, it verifies
    /// `server_name` in its place, if there is one.
    ///
    /// # Cancellation
    /// There is no timeout: drop the future when there was enough time. Every socket it had opened is closed by that.
    ///
    /// # Errors
    /// `Resolve`; `Panicked`; `Tls` where all addresses failed for the same such reason, or the settings can't be used; else
    /// `Connect`, with the failure of each address.
    pub(crate) async fn dial(
        &self,
        address: &Address,
        server_name: Option<&str>,
        progress: &Progress,
    ) -> Result<Dialed, Cause> {
        let tls = match &self.tls {
            Some(tls) => {
                progress.enter(Stage::TlsHandshake, None);
                Some(tls.prepare(address, server_name).await?)
            }
            None => None,
        };
        if let Some(connector) = &self.connector {
            progress.enter(Stage::Connecting, None);
            let opened = unless_it_panics(|| connector.connect(address)).await?.map(Plain::Custom);
            return self.only(opened, tls.as_ref(), progress).await;
        }
        match address {
            Address::Tcp { host, port } => {
                let addresses = self.resolve(host, *port, progress).await?;
                self.any_of(addresses, tls.as_ref(), progress).await
            }
            Address::Unix(path) => {
                progress.enter(Stage::Connecting, None);
                let opened = unix::open(path).await.map(Plain::Unix);
                self.only(opened, tls.as_ref(), progress).await
            }
        }
    }

    /// Whether certificate files were found changed since this was asked last; the latest such news.
    pub(crate) fn take_reload(&self) -> Option<CertificateReload> {
        self.tls.as_ref().and_then(Tls::take_reload)
    }

    async fn resolve(&self, host: &str, port: u16, progress: &Progress) -> Result<Vec<SocketAddr>, Cause> {
        progress.enter(Stage::Resolving, None);
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        let failed = |detail: String| Cause::Resolve { host: host.to_owned(), detail };
        match unless_it_panics(|| self.resolver.resolve(host, port)).await? {
            Ok(addresses) if addresses.is_empty() => Err(failed("the name has no address".to_owned())),
            Ok(addresses) => Ok(interleave(addresses)),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    /// The first address at which both the connection and TLS come about.
    async fn any_of(
        &self,
        addresses: Vec<SocketAddr>,
        tls: Option<&Prepared>,
        progress: &Progress,
    ) -> Result<Dialed, Cause> {
        let mut candidates = Candidates { open: addresses, failed: Vec::new() };
        while let Some((address, stream)) = first_connected(&mut candidates, &self.socket, progress).await {
            match secure(Plain::Tcp(stream), Some(address), tls, progress).await {
                Ok(dialed) => return Ok(dialed),
                Err(failure) => candidates.fail(address, failure),
            }
        }
        Err(verdict(candidates.failed))
    }

    /// A connection of which there is only one to try.
    async fn only(
        &self,
        opened: io::Result<Plain>,
        tls: Option<&Prepared>,
        progress: &Progress,
    ) -> Result<Dialed, Cause> {
        let dialed = match opened {
            Ok(stream) => secure(stream, None, tls, progress).await,
            Err(error) => Err(ConnectFailure::from(&error)),
        };
        dialed.map_err(|failure| verdict(vec![(None, failure)]))
    }
}

/// Puts TLS on top, where it is configured.
async fn secure(
    stream: Plain,
    address: Option<SocketAddr>,
    tls: Option<&Prepared>,
    progress: &Progress,
) -> Result<Dialed, ConnectFailure> {
    let (local, remote) = stream.ends();
    let mut facts = PeerFacts { local, remote, tls: None };
    let Some(tls) = tls else { return Ok(Dialed { stream: Stream::plain(stream), facts }) };
    progress.enter(Stage::TlsHandshake, address);
    let (secured, session) = tls.handshake(stream).await?;
    facts.tls = Some(session);
    Ok(Dialed { stream: Stream::secured(secured), facts })
}

/// One cause for all the attempts: TLS's own if every address failed in TLS the same way, or for good.
fn verdict(attempts: Vec<(Option<SocketAddr>, ConnectFailure)>) -> Cause {
    let mut tls = attempts.iter().map(|(_, failure)| match failure {
        ConnectFailure::Tls(failure) => Some(failure),
        _ => None,
    });
    if let Some(Some(first)) = tls.next() {
        let is_shared = |other: Option<&TlsFailure>| {
            other.is_some_and(|other| other == first || (other.is_permanent() && first.is_permanent()))
        };
        if tls.all(is_shared) {
            return Cause::Tls(first.clone());
        }
    }
    Cause::Connect { attempts }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempts(failures: Vec<ConnectFailure>) -> Vec<(Option<SocketAddr>, ConnectFailure)> {
        failures.into_iter().map(|failure| (Some(([127, 0, 0, 1], 1).into()), failure)).collect()
    }

    #[test]
    fn a_permanent_tls_failure_at_every_address_is_the_cause() {
        let cause = verdict(attempts(vec![TlsFailure::Expired.into(), TlsFailure::UnknownIssuer.into()]));
        assert_eq!(cause, Cause::Tls(TlsFailure::Expired));
        assert!(cause.is_permanent());
    }

    #[test]
    fn one_address_that_may_come_back_makes_the_cause_transient() {
        let refused = ConnectFailure::Io(io::ErrorKind::ConnectionRefused.into());
        for failures in [
            vec![TlsFailure::Expired.into(), refused.clone()],
            vec![refused, TlsFailure::Expired.into()],
            vec![TlsFailure::Expired.into(), TlsFailure::PeerClosed { certificate_requested: false }.into()],
        ] {
            let attempts = attempts(failures);
            let cause = verdict(attempts.clone());
            assert_eq!(cause, Cause::Connect { attempts });
            assert!(!cause.is_permanent());
        }
    }
}
