//! The way to the server: sockets, TLS, and what a user puts in their place.

use std::fmt;
use std::sync::Arc;

use super::Config;
use crate::transport::{Connector, DialOptions, Resolver, SocketOptions, SystemResolver, TlsOptions};

/// How connections are opened.
#[derive(Clone, Default)]
pub(super) struct Route {
    pub(super) socket: SocketOptions,
    /// `None`: plaintext.
    pub(super) tls: Option<TlsOptions>,
    /// `None`: the operating system's.
    resolver: Option<Arc<dyn Resolver>>,
    /// `None`: the built-in sockets.
    connector: Option<Arc<dyn Connector>>,
}

impl Config {
    /// Sets the options of TCP sockets. Default: [`SocketOptions::new`]. Unix sockets use none of them.
    #[must_use]
    pub fn with_socket(self, socket: SocketOptions) -> Self {
        Self { route: Route { socket, ..self.route }, ..self }
    }

    /// Turns host names into addresses by `resolver`. Default: the operating system's resolver.
    #[must_use]
    pub fn with_resolver(self, resolver: Arc<dyn Resolver>) -> Self {
        Self { route: Route { resolver: Some(resolver), ..self.route }, ..self }
    }

    /// Opens connections by `connector` instead of the built-in sockets: through a proxy, say, or over an in-memory pipe.
    /// TLS, where it is configured, is spoken on top. Socket options and the resolver are then not used. Default: none.
    #[must_use]
    pub fn with_connector(self, connector: Arc<dyn Connector>) -> Self {
        Self { route: Route { connector: Some(connector), ..self.route }, ..self }
    }

    /// The options of TCP sockets.
    pub fn socket(&self) -> &SocketOptions {
        &self.route.socket
    }

    /// The options of TLS; `None` for plaintext.
    pub(crate) fn tls(&self) -> Option<&TlsOptions> {
        self.route.tls.as_ref()
    }

    /// What the transport needs to know.
    pub(crate) fn dial_options(&self) -> DialOptions {
        let Route { socket, tls, resolver, connector } = self.route.clone();
        DialOptions { socket, tls, resolver: resolver.unwrap_or_else(|| Arc::new(SystemResolver)), connector }
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = |is_set: bool| if is_set { "the user's own" } else { "built in" };
        f.debug_struct("Route")
            .field("socket", &self.socket)
            .field("tls", &self.tls)
            .field("resolver", &format_args!("{}", own(self.resolver.is_some())))
            .field("connector", &format_args!("{}", own(self.connector.is_some())))
            .finish()
    }
}
