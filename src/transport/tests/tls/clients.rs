//! Client certificates, as a real server takes and refuses them.

use super::*;

/// Reads until the connection ends, and tells why it did. The driver does the same: read, then explain.
async fn end_of(mut dialed: Dialed) -> Cause {
    let _ = dialed.stream.write_all(b"PING\r\n").await;
    let _ = dialed.stream.flush().await;
    let mut heard = [0; 64];
    match timeout(LONG, dialed.stream.read(&mut heard)).await.unwrap() {
        Ok(0) => dialed.stream.explain_eof(),
        Ok(length) => panic!("answered {:?}", String::from_utf8_lossy(&heard[..length])),
        Err(error) => dialed.stream.explain_error(&error),
    }
}

async fn ping(stream: &mut Stream) {
    stream.write_all(b"PING\r\n").await.unwrap();
    stream.flush().await.unwrap();
    let mut heard = [0; 7];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"+PONG\r\n");
}

fn showing(name: &str) -> TlsOptions {
    trusting_ca().with_client_certificate_files(pki().certificate(name), pki().key(name))
}

fn rejected(alert: &str) -> TlsFailure {
    TlsFailure::ClientCertificateRejected { alert: alert.to_owned() }
}

#[tokio::test]
async fn a_good_client_certificate_is_accepted() {
    let redis = Redis::with_tls("server", &["--tls-auth-clients", "yes"]).await;
    for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        let tls = showing("client").with_min_version(version).with_max_version(version);
        let mut dialed = dial(&with(tls), &by_name(redis.address)).await.unwrap();
        ping(&mut dialed.stream).await;
        assert_eq!(dialed.facts.tls.unwrap().client_certificate_requested, Some(true));
    }
    let read = |path: PathBuf| std::fs::read(path).unwrap();
    let from_memory =
        trusting_ca().with_client_certificate_pem(read(pki().certificate("client")), read(pki().key("client")));
    ping(&mut dial(&with(from_memory), &by_name(redis.address)).await.unwrap().stream).await;
}

#[tokio::test]
async fn tls_1_2_refuses_a_client_in_the_handshake() {
    let redis = Redis::with_tls("server", &["--tls-auth-clients", "yes"]).await;
    let address = by_name(redis.address);
    let old = |tls: TlsOptions| tls.with_max_version(TlsVersion::Tls12);
    assert_eq!(failure(old(trusting_ca()), &address).await, rejected("HandshakeFailure"));
    assert_eq!(failure(old(showing("client-bad")), &address).await, rejected("UnknownCA"));
    assert_eq!(failure(old(showing("client-exp")), &address).await, rejected("CertificateExpired"));
}

#[tokio::test]
async fn tls_1_3_refuses_a_client_at_the_first_read() {
    let redis = Redis::with_tls("server", &["--tls-auth-clients", "yes"]).await;
    for (tls, alert) in [
        (trusting_ca(), "CertificateRequired"),
        (showing("client-bad"), "UnknownCA"),
        (showing("client-exp"), "CertificateExpired"),
    ] {
        let dialed = dial(&with(tls), &by_name(redis.address)).await.unwrap();
        assert_eq!(dialed.facts.tls.as_ref().unwrap().client_certificate_requested, Some(true));
        let cause = end_of(dialed).await;
        // The RST of a server that had unread input may swallow the alert.
        let swallowed = TlsFailure::PeerClosed { certificate_requested: true };
        assert!(cause == Cause::Tls(rejected(alert)) || cause == Cause::Tls(swallowed), "{cause:?}");
    }
}

#[tokio::test]
async fn an_optional_certificate_may_be_missing_but_not_bad() {
    let redis = Redis::with_tls("server", &["--tls-auth-clients", "optional"]).await;
    let address = by_name(redis.address);
    ping(&mut dial(&with(trusting_ca()), &address).await.unwrap().stream).await;
    let old = showing("client-bad").with_max_version(TlsVersion::Tls12);
    assert_eq!(failure(old, &address).await, rejected("UnknownCA"));
}

/// The alert has arrived, nobody has read it, and what the caller hears of is a write that failed, or a look.
#[tokio::test]
async fn an_unread_alert_explains_a_failed_write() {
    let address = by_name(serve(insisting_config(), local(0)).await);
    let mut dialed = dial(&with(trusting_ca()), &address).await.unwrap();
    let failed = async {
        loop {
            if let Err(error) = dialed.stream.write_all(b"PING\r\n").await {
                return error;
            }
            if let Err(error) = dialed.stream.flush().await {
                return error;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let error = timeout(LONG, failed).await.unwrap();
    assert_eq!(dialed.stream.explain_error(&error), Cause::Tls(rejected("CertificateRequired")), "{error:?}");

    let mut dialed = dial(&with(trusting_ca()), &address).await.unwrap();
    let looked = async {
        loop {
            match dialed.stream.look() {
                Liveness::Open => tokio::time::sleep(Duration::from_millis(5)).await,
                seen => return seen,
            }
        }
    };
    let seen = timeout(LONG, looked).await.unwrap();
    assert_eq!(seen, Liveness::Failed(Cause::Tls(rejected("CertificateRequired"))));
}

/// What becomes of a connection whose server asked for a certificate and then, without a word, closes.
#[tokio::test]
async fn a_silent_end_after_a_request_may_be_a_refusal() {
    for reset in [false, true] {
        let address = closing_after_handshake(asking_config(), reset).await;
        let dialed = dial(&with(trusting_ca()), &by_name(address)).await.unwrap();
        let cause = end_of(dialed).await;
        assert_eq!(cause, Cause::Tls(TlsFailure::PeerClosed { certificate_requested: true }), "reset: {reset}");
        assert!(!cause.is_permanent());
    }
}

#[tokio::test]
async fn a_silent_end_without_a_request_is_just_that() {
    let address = closing_after_handshake(server_config("server"), false).await;
    let dialed = dial(&with(trusting_ca()), &by_name(address)).await.unwrap();
    assert_eq!(end_of(dialed).await, Cause::PeerClosed);
}

#[tokio::test]
async fn a_key_that_does_not_fit_is_a_configuration_failure() {
    let tls = trusting_ca().with_client_certificate_files(pki().certificate("client"), pki().key("server"));
    let TlsFailure::Configuration { detail } = failure(tls, &Address::tcp("localhost", 1)).await else {
        panic!("another failure")
    };
    assert!(detail.contains("client.crt") && detail.contains("server.key"), "{detail}");
}

/// A server that asks for a certificate and takes none for an answer.
fn asking_config() -> rustls::ServerConfig {
    verifying_config(rustls::server::ClientCertVerifierBuilder::allow_unauthenticated)
}

/// A server that must have a certificate.
fn insisting_config() -> rustls::ServerConfig {
    verifying_config(|builder| builder)
}

fn verifying_config(
    refine: impl FnOnce(rustls::server::ClientCertVerifierBuilder) -> rustls::server::ClientCertVerifierBuilder,
) -> rustls::ServerConfig {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(pki().certificate("ca")).unwrap()).unwrap();
    let provider = std::sync::Arc::new(provider());
    let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
    let verifier = refine(verifier).build().unwrap();
    rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            vec![CertificateDer::from_pem_file(pki().certificate("server")).unwrap()],
            PrivateKeyDer::from_pem_file(pki().key("server")).unwrap(),
        )
        .unwrap()
}

/// Closes without close_notify, or resets, once the handshake is over.
async fn closing_after_handshake(config: rustls::ServerConfig, reset: bool) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind(local(0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let (stream, _session) = acceptor.accept(stream).await.unwrap().into_inner();
        if reset {
            socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
        }
    });
    address
}
