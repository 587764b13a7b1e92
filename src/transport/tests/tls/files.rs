//! Files that change, and settings that can't be used.

use super::*;
use crate::outcome::CertificateReload;

#[tokio::test]
async fn a_replaced_client_certificate_is_used_by_the_next_handshake() {
    let redis = Redis::with_tls("server", &["--tls-auth-clients", "yes"]).await;
    let address = by_name(redis.address);
    let chain = copied("rotated.crt", pki().certificate("client"));
    let key = copied("rotated.key", pki().key("client"));
    let options = trusting_ca().with_client_certificate_files(&chain, &key).with_max_version(TlsVersion::Tls12);
    let dialer = with(options);
    let first = dial(&dialer, &address).await.unwrap();
    assert_eq!(dialer.take_reload(), None);

    copied("rotated.crt", pki().certificate("client-bad"));
    copied("rotated.key", pki().key("client-bad"));
    let cause = dial(&dialer, &address).await.err().unwrap();
    assert!(matches!(cause, Cause::Tls(TlsFailure::ClientCertificateRejected { .. })), "{cause:?}");
    assert_eq!(dialer.take_reload(), Some(CertificateReload::Used));
    assert_eq!(dialer.take_reload(), None);
    drop(first);
}

#[tokio::test]
async fn a_replaced_root_heals_the_link() {
    let address = by_name(echo("server").await);
    let root = copied("replaced-root.crt", pki().certificate("otherca"));
    let dialer = with(TlsOptions::new().with_root_pem_file(root));
    assert!(matches!(dial(&dialer, &address).await, Err(Cause::Tls(TlsFailure::UnknownIssuer))));
    copied("replaced-root.crt", pki().certificate("ca"));
    dial(&dialer, &address).await.unwrap();
    assert_eq!(dialer.take_reload(), Some(CertificateReload::Used));
}

#[tokio::test]
async fn a_replaced_list_revokes() {
    let address = by_name(echo("revoked").await);
    let list = copied("replaced-crl.pem", pki().file("crl-empty.pem"));
    let dialer = with(trusting_ca().with_crl_file(list));
    dial(&dialer, &address).await.unwrap();
    copied("replaced-crl.pem", pki().file("crl.pem"));
    assert!(matches!(dial(&dialer, &address).await, Err(Cause::Tls(TlsFailure::Revoked))));
}

#[tokio::test]
async fn a_failed_reload_keeps_the_last_good_one_and_is_told_once() {
    let address = by_name(echo("server").await);
    let root = copied("spoiled.crt", pki().certificate("ca"));
    let dialer = with(TlsOptions::new().with_root_pem_file(&root));
    dial(&dialer, &address).await.unwrap();

    for spoil in [&b"-----BEGIN CERTIFICATE-----\n!!"[..], b"", b"not PEM"] {
        std::fs::write(&root, spoil).unwrap();
        dial(&dialer, &address).await.unwrap();
        let told = dialer.take_reload();
        let Some(CertificateReload::Failed(TlsFailure::Configuration { detail })) = told else { panic!("{told:?}") };
        assert!(detail.contains("spoiled.crt") && !detail.contains("not PEM"), "{detail}");
        dial(&dialer, &address).await.unwrap();
        assert_eq!(dialer.take_reload(), None, "nothing new");
    }
    std::fs::remove_file(&root).unwrap();
    dial(&dialer, &address).await.unwrap();
    assert!(matches!(dialer.take_reload(), Some(CertificateReload::Failed(_))));

    copied("spoiled.crt", pki().certificate("otherca"));
    assert!(matches!(dial(&dialer, &address).await, Err(Cause::Tls(TlsFailure::UnknownIssuer))));
    assert_eq!(dialer.take_reload(), Some(CertificateReload::Used));
}

/// A named pipe that nobody writes to, as a file system that hangs.
#[cfg(unix)]
#[tokio::test]
async fn a_file_that_hangs_holds_up_neither_the_runtime_nor_more_than_one_thread() {
    let pipe = pki().file("hanging.crt");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let address = by_name(echo("server").await);
    let dialer = with(TlsOptions::new().with_root_pem_file(&pipe));
    let progress = Progress::new();
    for _ in 0..20 {
        let ended = timeout(Duration::from_millis(20), dialer.dial(&address, None, &progress)).await;
        assert!(ended.is_err());
    }
    assert_eq!((progress.standing().stage, progress.standing().address), (crate::outcome::Stage::TlsHandshake, None));
    // One reader waits. It takes what comes, and ends; with 20 of them, 19 would wait on.
    let content = std::fs::read(pki().certificate("ca")).unwrap();
    let writing = pipe.clone();
    tokio::task::spawn_blocking(move || std::fs::write(writing, content).unwrap()).await.unwrap();
    copied_over(&pipe, pki().certificate("ca"));
    dial(&dialer, &address).await.unwrap();
}

#[tokio::test]
async fn a_missing_file_is_named_and_heals_when_it_appears() {
    let address = by_name(echo("server").await);
    let root = pki().file("late.crt");
    let dialer = with(TlsOptions::new().with_root_pem_file(&root));
    let cause = dial(&dialer, &address).await.err().unwrap();
    assert!(cause.to_string().contains("late.crt") && cause.is_permanent(), "{cause}");
    copied("late.crt", pki().certificate("ca"));
    dial(&dialer, &address).await.unwrap();
    assert_eq!(dialer.take_reload(), None, "the first good one replaces nothing");
}

#[tokio::test]
async fn resumption_lasts_until_the_trust_changes() {
    for version in [TlsVersion::Tls12, TlsVersion::Tls13] {
        let address = by_name(echo("server").await);
        let name = format!("resumed-{version:?}.crt");
        let root = copied(&name, pki().certificate("ca"));
        let dialer = with(TlsOptions::new().with_root_pem_file(root).with_max_version(version));
        let resumed = async || {
            let mut dialed = dial(&dialer, &address).await.unwrap();
            converse(&mut dialed.stream).await;
            let facts = dialed.facts.tls.unwrap();
            assert_eq!(facts.client_certificate_requested, (!facts.resumed).then_some(false));
            assert!(facts.peer_certificate.is_some());
            facts.resumed
        };
        assert!(!resumed().await);
        assert!(resumed().await, "{version:?}");
        let both = [pki().certificate("ca"), pki().certificate("otherca")].map(|path| std::fs::read(path).unwrap());
        std::fs::write(pki().file(&name), both.concat()).unwrap();
        assert!(!resumed().await, "{version:?}: a changed trust must verify anew");
        assert!(resumed().await, "{version:?}");
    }
}

#[tokio::test]
async fn resumption_can_be_turned_off() {
    let address = by_name(echo("server").await);
    let dialer = with(trusting_ca().with_resumption(SessionResumption::Off));
    for _ in 0..3 {
        let mut dialed = dial(&dialer, &address).await.unwrap();
        converse(&mut dialed.stream).await;
        assert!(!dialed.facts.tls.unwrap().resumed);
    }
}

#[tokio::test]
async fn a_ready_made_configuration_is_used_and_not_contradicted() {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(pki().certificate("ca")).unwrap()).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(std::sync::Arc::new(provider()))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let ready = || TlsOptions::new().with_config(std::sync::Arc::new(config.clone()));
    let address = address_of(echo("wildcard").await);
    let dialed = works(ready().with_server_name("x.redis.test"), &address).await;
    assert_eq!(dialed.facts.tls.unwrap().version, "TLSv1.2");
    assert!(matches!(failure(ready().with_pin([0; 32]), &address).await, TlsFailure::Configuration { .. }));
}

#[tokio::test]
async fn a_crypto_choice_that_is_not_compiled_in_is_an_error_and_never_a_panic() {
    let address = by_name(echo("server").await);
    for (choice, is_there) in
        [(CryptoChoice::Ring, cfg!(feature = "ring")), (CryptoChoice::AwsLcRs, cfg!(feature = "aws-lc-rs"))]
    {
        let tls = trusting_ca().with_crypto(choice);
        match is_there {
            true => drop(works(tls, &address).await),
            false => assert!(matches!(failure(tls, &address).await, TlsFailure::Configuration { .. })),
        }
    }
    works(trusting_ca().with_crypto(CryptoChoice::Custom(std::sync::Arc::new(provider()))), &address).await;
}
