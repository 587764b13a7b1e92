//! Sentinels and servers behind TLS.
#![cfg(all(unix, feature = "tls"))]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
#[path = "support/pki.rs"]
#[allow(dead_code, unreachable_pub, clippy::panic, clippy::unwrap_used, reason = "the certificates of all tests")]
mod pki;
mod support;

use std::time::Duration;

use steadfast::api::Strings as _;
use steadfast::outcome::TlsFailure;
use steadfast::{Cause, Client, Config, ErrorKind, Stage, TlsOptions};

use live::{KINDS, PATIENCE, connected, fails_at_once, quick, until, within};
use pki::pki;
use support::{Kind, SERVICE, Sentinels, Server, TlsFiles};

const SECOND: Duration = Duration::from_secs(1);

fn files() -> TlsFiles {
    TlsFiles { certificate: pki().certificate("server"), key: pki().key("server"), authority: pki().certificate("ca") }
}

fn trusting(authority: &str) -> TlsOptions {
    TlsOptions::new().with_root_pem_file(pki().certificate(authority))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sentinels_and_servers_are_spoken_to_by_tls() {
    for kind in KINDS {
        let set = Sentinels::build(kind).tls(files()).start();
        let authority = pki().certificate("ca");
        let url = format!("{}?tls_ca={}", set.url(), authority.display());
        let client = connected(quick(Config::from_url(&url).unwrap())).await;
        client.set("a", 1).await.unwrap();
        let new = set.failover();
        until(async || {
            let _ = client.set("moved", 1).deadline(SECOND).await;
            set.node(new).raw(&["GET", "moved"]) == "1"
        })
        .await;
    }
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_an_error_at_once_on_either_side() {
    let set = Sentinels::build(Kind::Redis).tls(files()).start();
    let config = |tls| quick(Config::from_url(&set.url()).unwrap()).with_tls(tls);
    let error = fails_at_once(Client::connect(config(trusting("otherca")))).await;
    assert_eq!(error.kind(), ErrorKind::Tls, "{error}");
    let own = config(trusting("ca"));
    let error = fails_at_once(Client::connect(own.clone().with_sentinel_tls(trusting("otherca")))).await;
    assert!(matches!(error.cause(), Some(Cause::Tls(TlsFailure::UnknownIssuer))), "{error}");
    let error = fails_at_once(Client::connect(config(trusting("otherca")).with_sentinel_tls(trusting("ca")))).await;
    assert!(matches!(error.cause(), Some(Cause::Tls(TlsFailure::UnknownIssuer))), "{error}");
    connected(own).await.set("a", 1).await.unwrap();
}

/// Sentinels without TLS that name a server which has a port for it alone.
#[tokio::test]
async fn sentinels_may_be_spoken_to_in_plaintext_while_the_servers_are_not() {
    let server = Server::build(Kind::Valkey).tls(files(), support::ClientCertificates::Ignored).start();
    let sentinel = Server::build(Kind::Valkey)
        .sentinel()
        .tls(files(), support::ClientCertificates::Ignored)
        .config("protected-mode no")
        .config("tls-replication yes")
        .config(&format!("sentinel monitor {SERVICE} 127.0.0.1 {} 1", server.tls_port()))
        .start();
    let config = Config::sentinel([("127.0.0.1", sentinel.port())], SERVICE).with_tls(trusting("ca"));
    let client = connected(quick(config.clone().without_sentinel_tls())).await;
    client.set("a", 1).await.unwrap();
    assert_eq!(server.raw(&["GET", "a"]), "1");
    // A server that gets a TLS greeting where it speaks none says nothing at all.
    let patient = quick(config).with_connect_timeout(SECOND).with_deadline(3 * SECOND);
    let error = within(PATIENCE, Client::connect(patient)).await.unwrap_err();
    assert_eq!((error.kind(), error.stage()), (ErrorKind::Timeout, Some(Stage::Topology)), "{error}");
    assert!(matches!(error.cause(), Some(Cause::AttemptTimedOut { stage: Stage::TlsHandshake })), "{error}");
}
