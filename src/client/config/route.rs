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

#[cfg(test)]
mod tests {
    use std::io;
    use std::net::SocketAddr;

    use super::*;
    use crate::outcome::Address;
    use crate::transport::{BoxFuture, Io};

    struct Nowhere;

    impl Resolver for Nowhere {
        fn resolve<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
            Box::pin(async { Ok(Vec::new()) })
        }
    }

    impl Connector for Nowhere {
        fn connect<'a>(&'a self, _: &'a Address) -> BoxFuture<'a, io::Result<Box<dyn Io>>> {
            Box::pin(async { Err(io::ErrorKind::Unsupported.into()) })
        }
    }

    #[test]
    fn the_way_to_the_server_is_handed_to_the_transport() {
        let own = Arc::new(Nowhere);
        let socket = SocketOptions::new().with_nodelay(false);
        let config = Config::tcp("host", 1).with_resolver(own.clone()).with_connector(own.clone()).with_socket(socket);
        let options = config.dial_options();
        assert!(!options.socket.nodelay());
        assert!(options.tls.is_none() && options.connector.is_some());
        drop((options, config));
        assert_eq!(Arc::strong_count(&own), 1);
    }

    #[test]
    fn debug_says_what_is_replaced() {
        let shown = format!("{:?}", Config::tcp("host", 1).with_resolver(Arc::new(Nowhere)));
        assert!(shown.contains("resolver: the user's own, connector: built in"), "{shown}");
    }
}
