//! TLS as a user meets it: what is wrong is said in one word, at once when only a change can help, and heals by itself.
#![cfg(all(unix, feature = "tls"))]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod live;
#[path = "support/pki.rs"]
#[allow(dead_code, unreachable_pub, clippy::panic, clippy::unwrap_used, reason = "the certificates of all tests")]
mod pki;
mod support;

use std::path::{Path, PathBuf};
use std::time::Duration;

use steadfast::api::{Connection, Strings};
use steadfast::outcome::{CertificateReload, TlsFailure};
use steadfast::{
    Cause, Client, Config, Error, ErrorKind, Event, Events, Fate, LinkState, Stage, TlsOptions, TlsVersion,
};

use live::{KINDS, PATIENCE, Peer, clients_of, connected, fails_after, fails_at_once, quick, until_state, within};
use pki::pki;
use support::{ClientCertificates, Kind, Scratch, Server, ServerBuilder, TlsFiles};

const VERSIONS: [TlsVersion; 2] = [TlsVersion::Tls12, TlsVersion::Tls13];

fn files(certificate: &str) -> TlsFiles {
    TlsFiles {
        certificate: pki().certificate(certificate),
        key: pki().key(certificate),
        authority: pki().certificate("ca"),
    }
}

fn with_certificate(kind: Kind, certificate: &str, clients: ClientCertificates) -> ServerBuilder {
    Server::build(kind).tls(files(certificate), clients)
}

fn trusting_ca() -> TlsOptions {
    TlsOptions::new().with_root_pem_file(pki().certificate("ca"))
}

fn only(tls: TlsOptions, version: TlsVersion) -> TlsOptions {
    tls.with_min_version(version).with_max_version(version)
}

fn over(server: &Server, tls: TlsOptions) -> Config {
    quick(Config::tcp("localhost", server.tls_port())).with_tls(tls).with_deadline(PATIENCE)
}

fn tls_failure(error: &Error) -> &TlsFailure {
    match error.cause() {
        Some(Cause::Tls(failure)) => failure,
        other => panic!("{other:?}: {error}"),
    }
}

/// Both `connect` and a call on a lazy client fail at once, with the same word.
async fn refused_at_once(config: Config) -> TlsFailure {
    let client = Client::connect_lazily(config.clone()).unwrap();
    let calling = fails_at_once(client.incr("n").into_future()).await;
    let connecting = fails_at_once(Client::connect(config)).await;
    for error in [&connecting, &calling] {
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Tls, Fate::NotSent), "{error}");
        assert!(tls_failure(error).is_permanent(), "{error}");
        assert!(error.to_string().contains(&tls_failure(error).to_string()), "{error}");
    }
    assert_eq!(tls_failure(&connecting), tls_failure(&calling));
    tls_failure(&connecting).clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_server_certificate_is_named_at_once() {
    for (certificate, expected) in [
        ("expired", TlsFailure::Expired),
        ("notyet", TlsFailure::NotYetValid),
        ("wrongca", TlsFailure::UnknownIssuer),
        ("selfsigned", TlsFailure::UnknownIssuer),
        ("chained-nointer", TlsFailure::UnknownIssuer),
        ("clientonly", TlsFailure::BadPurpose),
        ("caleaf", TlsFailure::BadPurpose),
    ] {
        let server = with_certificate(Kind::Redis, certificate, ClientCertificates::Ignored).start();
        for version in VERSIONS {
            let failure = refused_at_once(over(&server, only(trusting_ca(), version))).await;
            // A server of TLS 1.2 will not even sign with a key that may only sign certificates.
            let expected = match (certificate, version) {
                ("caleaf", TlsVersion::Tls12) => &TlsFailure::VersionOrCipher,
                _ => &expected,
            };
            assert_eq!(&failure, expected, "{certificate} {version:?}");
        }
    }
    let server = with_certificate(Kind::Valkey, "wronghost", ClientCertificates::Ignored).start();
    match refused_at_once(over(&server, trusting_ca())).await {
        TlsFailure::NameMismatch { wanted, presented } => {
            assert_eq!(wanted, "localhost");
            assert_eq!(presented, ["other.example", "10.1.2.3"]);
        }
        other => panic!("{other:?}"),
    }
    let named = over(&server, trusting_ca().with_server_name("other.example"));
    connected(named).await.ping().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn revoked_and_unpinned_certificates_are_refused() {
    let revoked = with_certificate(Kind::Redis, "revoked", ClientCertificates::Ignored).start();
    let listed = || trusting_ca().with_crl_file(pki().file("crl.pem"));
    assert_eq!(refused_at_once(over(&revoked, listed())).await, TlsFailure::Revoked);
    connected(over(&revoked, trusting_ca().with_crl_file(pki().file("crl-empty.pem")))).await.ping().await.unwrap();

    let server = with_certificate(Kind::Redis, "server", ClientCertificates::Ignored).start();
    connected(over(&server, listed())).await.ping().await.unwrap();
    let pinned = |name| trusting_ca().with_pin(pki().pin(name));
    assert_eq!(refused_at_once(over(&server, pinned("revoked"))).await, TlsFailure::PinMismatch);
    connected(over(&server, pinned("server"))).await.ping().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_without_overlap_are_named_at_once_and_with_overlap_agree() {
    for kind in KINDS {
        for (spoken, shown, version, other) in [
            ("TLSv1.2", "TLSv1.2", TlsVersion::Tls12, TlsVersion::Tls13),
            ("TLSv1.3", "TLSv1.3", TlsVersion::Tls13, TlsVersion::Tls12),
        ] {
            let server = with_certificate(kind, "server", ClientCertificates::Ignored)
                .config(&format!("tls-protocols \"{spoken}\""))
                .start();
            let failure = refused_at_once(over(&server, only(trusting_ca(), other))).await;
            assert_eq!(failure, TlsFailure::VersionOrCipher, "{kind:?} {spoken}");
            for tls in [trusting_ca(), only(trusting_ca(), version)] {
                let client = connected(over(&server, tls)).await;
                let state = client.state().borrow().clone();
                assert_eq!(state.session().unwrap().peer.tls.as_ref().unwrap().version, shown);
            }
        }
    }
}

/// A server that wants a client certificate says so in an alert, which an RST may swallow.
fn is_refusal(failure: &TlsFailure) -> bool {
    matches!(
        failure,
        TlsFailure::ClientCertificateRejected { .. } | TlsFailure::PeerClosed { certificate_requested: true }
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_certificate_that_is_missing_or_bad_is_the_cause_in_both_versions() {
    for kind in KINDS {
        let server = with_certificate(kind, "server", ClientCertificates::Required).start();
        for version in VERSIONS {
            for certificate in [None, Some("client-bad"), Some("client-exp")] {
                let tls = only(trusting_ca(), version);
                let tls = match certificate {
                    Some(name) => tls.with_client_certificate_files(pki().certificate(name), pki().key(name)),
                    None => tls,
                };
                for options in ["", "&protocol=resp2", "&protocol=resp2&library_info=off"] {
                    let url = format!("rediss://localhost:{}/?deadline=2s{options}", server.tls_port());
                    let config = quick(Config::from_url(&url).unwrap()).with_tls(tls.clone());
                    let error = within(PATIENCE, Client::connect(config)).await.unwrap_err();
                    assert!(matches!(error.kind(), ErrorKind::Tls | ErrorKind::Timeout), "{error}");
                    assert_eq!(error.fate(), Fate::NotSent);
                    assert!(is_refusal(tls_failure(&error)), "{kind:?} {version:?} {certificate:?}: {error}");
                }
            }
            let good = trusting_ca().with_client_certificate_files(pki().certificate("client"), pki().key("client"));
            connected(over(&server, only(good, version))).await.ping().await.unwrap();
        }
    }
}

#[tokio::test]
async fn tls_to_a_plain_port_is_a_silence_that_ends_at_the_deadline() {
    let server = Server::redis();
    let deadline = Duration::from_millis(500);
    let config = quick(Config::tcp("localhost", server.port())).with_tls(trusting_ca()).with_deadline(deadline);
    let error = fails_after(deadline, Client::connect(config)).await;
    assert_eq!((error.kind(), error.stage()), (ErrorKind::Timeout, Some(Stage::TlsHandshake)), "{error}");
}

#[tokio::test]
async fn a_plain_answer_to_the_tls_hello_is_named_at_once() {
    for answer in [&b"-ERR unknown command\r\n"[..], b"HTTP/1.0 400 Bad Request\r\n\r\n", b"+PONG\r\n"] {
        let peer = Peer::saying(answer).await;
        let config = peer.config().with_tls(trusting_ca()).with_deadline(PATIENCE);
        assert_eq!(refused_at_once(config).await, TlsFailure::PeerSpokePlaintext);
    }
}

#[tokio::test]
async fn plaintext_to_a_tls_port_is_an_error() {
    for kind in KINDS {
        let server = with_certificate(kind, "server", ClientCertificates::Ignored).start();
        let deadline = Duration::from_millis(500);
        let config = quick(Config::tcp("localhost", server.tls_port())).with_deadline(deadline);
        let error = within(PATIENCE, Client::connect(config)).await.unwrap_err();
        assert_eq!(error.fate(), Fate::NotSent, "{error}");
        assert!(matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Protocol), "{error}");
        let cause = error.cause().unwrap();
        assert!(matches!(cause, Cause::PeerClosed | Cause::Io(_) | Cause::Protocol { .. }), "{cause:?}");
    }
    // What a TLS server says that is polite enough to send an alert: no byte of it is RESP.
    let peer = Peer::saying(b"\x15\x03\x03\x00\x02\x02\x46").await;
    let error = fails_at_once(Client::connect(peer.config().with_deadline(PATIENCE))).await;
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Protocol, Fate::NotSent), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_facts_are_in_the_state() {
    let server = with_certificate(Kind::Valkey, "server", ClientCertificates::Optional).start();
    for (version, name, cipher) in
        [(TlsVersion::Tls12, "TLSv1.2", "TLS_ECDHE_ECDSA_"), (TlsVersion::Tls13, "TLSv1.3", "TLS13_")]
    {
        let client = connected(over(&server, only(trusting_ca(), version))).await;
        let state = client.state().borrow().clone();
        let peer = &state.session().unwrap().peer;
        let tls = peer.tls.as_ref().unwrap();
        assert_eq!((tls.version, tls.resumed, tls.client_certificate_requested), (name, false, Some(true)));
        assert!(tls.cipher.starts_with(cipher), "{}", tls.cipher);
        let certificate = tls.peer_certificate.as_ref().unwrap();
        assert_eq!(certificate.names, ["localhost", "redis.test", "127.0.0.1", "::1"]);
        assert!(certificate.not_after.unwrap() > std::time::SystemTime::now());
        assert!(certificate.der.len() > 200);
        assert_eq!(peer.remote.unwrap().port(), server.tls_port());
        assert_eq!(peer.local.unwrap().ip(), peer.remote.unwrap().ip());
    }
}

/// Certificate files that a test replaces.
struct Replaced {
    scratch: Scratch,
}

impl Replaced {
    fn new() -> Self {
        Self { scratch: Scratch::new() }
    }

    fn put(&self, name: &str, from: &Path) -> PathBuf {
        let (path, fresh) = (self.scratch.join(name), self.scratch.join("fresh"));
        std::fs::copy(from, &fresh).unwrap();
        std::fs::rename(&fresh, &path).unwrap();
        path
    }
}

async fn next_reload(events: &mut Events) -> CertificateReload {
    let reloaded = async {
        loop {
            if let Some(Event::CertificateReloaded(reload)) = events.next().await {
                return reload;
            }
        }
    };
    within(PATIENCE, reloaded).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_replaced_on_disk_is_used_by_the_next_handshake() {
    let server = with_certificate(Kind::Redis, "server", ClientCertificates::Ignored).start();
    let replaced = Replaced::new();
    let root = replaced.put("root.pem", &pki().certificate("ca"));
    let client = connected(over(&server, TlsOptions::new().with_root_pem_file(&root))).await;
    let mut events = client.events();

    // The connection that stands is left alone.
    replaced.put("root.pem", &pki().certificate("otherca"));
    client.ping().await.unwrap();
    assert_eq!(clients_of(&server).len(), 1);
    server.raw(&["CLIENT", "KILL", "TYPE", "normal"]);
    until_state(&client, |state| matches!(state, LinkState::Backoff { cause: Cause::Tls(_), .. })).await;
    assert_eq!(next_reload(&mut events).await, CertificateReload::Used);
    let error = fails_at_once(client.incr("n").into_future()).await;
    assert_eq!(tls_failure(&error), &TlsFailure::UnknownIssuer);
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Tls, Fate::NotSent));

    replaced.put("root.pem", &pki().certificate("ca"));
    until_state(&client, LinkState::is_ready).await;
    assert_eq!(next_reload(&mut events).await, CertificateReload::Used);
    assert_eq!(client.incr("n").await.unwrap(), 1);

    // A file that cannot be read is told, and the last good one stays.
    std::fs::write(&root, "-----BEGIN CERTIFICATE-----\nnothing\n").unwrap();
    server.raw(&["CLIENT", "KILL", "TYPE", "normal"]);
    let reload = next_reload(&mut events).await;
    assert!(matches!(&reload, CertificateReload::Failed(TlsFailure::Configuration { .. })), "{reload:?}");
    until_state(&client, LinkState::is_ready).await;
    assert_eq!(client.incr("n").await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_certificate_replaced_on_disk_heals_a_client_that_was_rejected() {
    for version in VERSIONS {
        let server = with_certificate(Kind::Redis, "server", ClientCertificates::Required).start();
        let replaced = Replaced::new();
        let chain = replaced.put("client.crt", &pki().certificate("client-bad"));
        let key = replaced.put("client.key", &pki().key("client-bad"));
        let tls = only(trusting_ca().with_client_certificate_files(chain, key), version);
        let client = Client::connect_lazily(over(&server, tls)).unwrap();
        let mut events = client.events();
        let state = until_state(
            &client,
            |state| matches!(state, LinkState::Backoff { cause: Cause::Tls(failure), .. } if is_refusal(failure)),
        );
        state.await;
        replaced.put("client.crt", &pki().certificate("client"));
        replaced.put("client.key", &pki().key("client"));
        until_state(&client, LinkState::is_ready).await;
        within(PATIENCE, client.ping().into_future()).await.unwrap();
        next_reload(&mut events).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_certificate_that_is_renewed_heals_the_client() {
    let server = with_certificate(Kind::Valkey, "expired", ClientCertificates::Ignored).start();
    let client = Client::connect_lazily(over(&server, trusting_ca())).unwrap();
    let error = fails_at_once(client.ping().into_future()).await;
    assert_eq!(tls_failure(&error), &TlsFailure::Expired);
    let TlsFiles { certificate, key, .. } = files("server");
    let (certificate, key) = (certificate.display().to_string(), key.display().to_string());
    assert_eq!(server.raw(&["CONFIG", "SET", "tls-cert-file", &certificate, "tls-key-file", &key]), "OK");
    until_state(&client, LinkState::is_ready).await;
    client.ping().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_values_and_many_calls_travel_over_tls() {
    let server = with_certificate(Kind::Redis, "server", ClientCertificates::Ignored).start();
    for version in VERSIONS {
        let client = connected(over(&server, only(trusting_ca(), version))).await;
        let value: Vec<u8> = (0..4usize << 20).map(|index| (index % 251) as u8).collect();
        let calls: Vec<_> = (0..2_000)
            .map(|number| {
                let client = client.clone();
                tokio::spawn(async move {
                    let token = format!("token-{number}");
                    client.echo::<String>(&token).await.unwrap() == token
                })
            })
            .collect();
        client.set("large", &value).await.unwrap();
        assert!(client.get::<Vec<u8>>("large").await.unwrap() == Some(value));
        for call in calls {
            assert!(within(PATIENCE, call).await.unwrap());
        }
    }
}
