//! The matrix: each server, with and without TLS.

use std::fmt;
use std::path::PathBuf;

use steadfast::testing::FaultProxy;
use steadfast::{Config, TlsOptions};

use tokio::runtime::Runtime;

use super::DEADLINE;
use super::pki::pki;
use crate::live::{PATIENCE, quick, within};
use crate::support::{ClientCertificates, Cluster, ClusterBuilder, Kind, Server, ServerBuilder, TlsFiles};

/// What lies between client and server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    Plain,
    Tls,
}

/// One place where a case is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) kind: Kind,
    pub(crate) wire: Wire,
}

/// All of them.
pub(crate) const PLACES: [Place; 4] = [
    Place { kind: Kind::Redis, wire: Wire::Plain },
    Place { kind: Kind::Redis, wire: Wire::Tls },
    Place { kind: Kind::Valkey, wire: Wire::Plain },
    Place { kind: Kind::Valkey, wire: Wire::Tls },
];

/// Runs `case` in all places at once.
pub(crate) fn everywhere<F: Future<Output = ()>>(case: impl Fn(Place) -> F + Sync) {
    in_each(&PLACES, case);
}

/// Runs `case` in these places at once, each on threads and a runtime of its own: a script may block without holding up
/// the client that it watches.
pub(crate) fn in_each<F: Future<Output = ()>>(places: &[Place], case: impl Fn(Place) -> F + Sync) {
    let runtime = || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    run(places, runtime, case);
}

/// Runs `case` in all places at once, each on a single thread: as long as it does not wait, the client learns of nothing
/// by itself.
pub(crate) fn everywhere_on_one_thread<F: Future<Output = ()>>(case: impl Fn(Place) -> F + Sync) {
    run(&PLACES, || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(), case);
}

fn run<F: Future<Output = ()>>(places: &[Place], runtime: fn() -> Runtime, case: impl Fn(Place) -> F + Sync) {
    // Now, and not while connections are cut: see `undisturbed`.
    pki();
    let test = std::thread::current().name().unwrap_or("faults").to_owned();
    let case = &case;
    let failed: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = places
            .iter()
            .map(|&place| {
                let named = std::thread::Builder::new().name(format!("{test}, {place}"));
                (place, named.spawn_scoped(scope, move || runtime().block_on(case(place))).unwrap())
            })
            .collect();
        threads.into_iter().filter_map(|(place, thread)| thread.join().is_err().then(|| place.to_string())).collect()
    });
    assert!(failed.is_empty(), "failed with {}", failed.join(" and "));
}

impl Place {
    /// A server for more settings. With TLS its certificate is good for 127.0.0.1.
    pub(crate) fn build(self) -> ServerBuilder {
        self.build_with_certificate("server")
    }

    /// The same with another certificate of the test's authority.
    pub(crate) fn build_with_certificate(self, certificate: &str) -> ServerBuilder {
        let server = Server::build(self.kind);
        match self.wire {
            Wire::Plain => server,
            Wire::Tls => server.tls(tls_files(certificate), ClientCertificates::Ignored),
        }
    }

    /// A cluster for more settings. With TLS its certificates are good for 127.0.0.1.
    pub(crate) fn build_cluster(self) -> ClusterBuilder {
        let cluster = Cluster::build(self.kind);
        match self.wire {
            Wire::Plain => cluster,
            Wire::Tls => cluster.tls(tls_files("server")),
        }
    }

    /// A way to the cluster, by all its primaries.
    pub(crate) fn cluster_config(self, cluster: &Cluster) -> Config {
        self.cluster_config_by(cluster, &cluster.primaries())
    }

    /// A way to the cluster, by these nodes.
    pub(crate) fn cluster_config_by(self, cluster: &Cluster, seeds: &[usize]) -> Config {
        let seeds = seeds.iter().map(|&seed| ("127.0.0.1", cluster.port(seed)));
        self.secured(quick(Config::cluster(seeds)).with_deadline(DEADLINE))
    }

    /// A server without more settings.
    pub(crate) fn start(self) -> Server {
        self.build().start()
    }

    /// The port on which the server speaks as this place does.
    pub(crate) fn port(self, server: &Server) -> u16 {
        match self.wire {
            Wire::Plain => server.port(),
            Wire::Tls => server.tls_port(),
        }
    }

    /// A way to the server.
    pub(crate) fn config(self, server: &Server) -> Config {
        self.config_at(self.port(server))
    }

    /// A way to what listens on this port of 127.0.0.1, such as a proxy.
    pub(crate) fn config_at(self, port: u16) -> Config {
        self.secured(quick(Config::tcp("127.0.0.1", port)).with_deadline(DEADLINE))
    }

    /// With what the wire needs.
    pub(crate) fn secured(self, config: Config) -> Config {
        match self.wire {
            Wire::Plain => config,
            Wire::Tls => config.with_tls(TlsOptions::new().with_root_pem_file(pki().certificate("ca"))),
        }
    }

    /// A proxy to the server, which can fail.
    pub(crate) async fn proxy(self, server: &Server) -> FaultProxy {
        within(PATIENCE, FaultProxy::start(("127.0.0.1", self.port(server)))).await.unwrap()
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wire = match self.wire {
            Wire::Plain => "plain",
            Wire::Tls => "TLS",
        };
        write!(f, "{:?} {wire}", self.kind)
    }
}

/// The files of the certificate of this name, and of its key.
pub(crate) fn certified(name: &str) -> (PathBuf, PathBuf) {
    (pki().certificate(name), pki().key(name))
}

/// What a server needs to show the certificate of this name.
pub(crate) fn tls_files(name: &str) -> TlsFiles {
    let (certificate, key) = certified(name);
    TlsFiles { certificate, key, authority: pki().certificate("ca") }
}
