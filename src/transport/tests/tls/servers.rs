//! Certificates of servers, good and bad.

use super::*;

#[tokio::test]
async fn good_certificates_of_every_key_type_are_accepted_and_shown() {
    for certificate in ["server", "server-rsa", "server-ed", "chained", "dnsonly"] {
        let dialed = works(trusting_ca(), &by_name(echo(certificate).await)).await;
        let facts = dialed.facts.tls.unwrap();
        assert_eq!((facts.version, facts.resumed), ("TLSv1.3", false), "{certificate}");
        assert!(facts.cipher.starts_with("TLS13_"), "{}", facts.cipher);
        assert_eq!(facts.client_certificate_requested, Some(false));
        let shown = facts.peer_certificate.unwrap();
        assert!(shown.names.contains(&"localhost".to_owned()), "{shown:?}");
        assert!(shown.not_after.unwrap() > std::time::SystemTime::now(), "{shown:?}");
        assert!(dialed.facts.remote.is_some());
    }
}

#[tokio::test]
async fn names_and_expiry_are_read_as_openssl_wrote_them() {
    let dialed = works(trusting_ca().danger_accept_invalid_certificates(), &by_name(echo("expired").await)).await;
    let shown = dialed.facts.tls.unwrap().peer_certificate.unwrap();
    assert_eq!(shown.names, ["localhost", "redis.test", "127.0.0.1", "::1"]);
    let end = shown.not_after.unwrap().duration_since(std::time::UNIX_EPOCH).unwrap();
    assert_eq!(end.as_secs(), 1_609_459_200, "2021-01-01");
}

#[tokio::test]
async fn the_expiry_agrees_with_openssl() {
    for certificate in ["server", "server-rsa", "server-ed", "nosan", "notyet", "sha1", "selfsigned", "caleaf"] {
        let careless = trusting_ca().danger_accept_invalid_certificates();
        let dialed = works(careless, &by_name(echo(certificate).await)).await;
        let shown = dialed.facts.tls.unwrap().peer_certificate.unwrap();
        let left = shown.not_after.unwrap().duration_since(std::time::SystemTime::now()).unwrap().as_secs();
        let is_valid_in = |seconds: u64| {
            let mut openssl = std::process::Command::new("openssl");
            openssl
                .args(["x509", "-noout", "-checkend", &seconds.to_string(), "-in"])
                .arg(pki().certificate(certificate));
            openssl.output().unwrap().status.success()
        };
        assert!(is_valid_in(left - 100) && !is_valid_in(left + 100), "{certificate}: {left} s left");
    }
}

#[tokio::test]
async fn bad_certificates_have_a_failure_each() {
    for (certificate, wanted) in [
        ("expired", TlsFailure::Expired),
        ("notyet", TlsFailure::NotYetValid),
        ("wrongca", TlsFailure::UnknownIssuer),
        ("selfsigned", TlsFailure::UnknownIssuer),
        ("chained-nointer", TlsFailure::UnknownIssuer),
        ("clientonly", TlsFailure::BadPurpose),
        ("caleaf", TlsFailure::BadPurpose),
        ("sha1", TlsFailure::BadSignature),
    ] {
        let address = by_name(echo(certificate).await);
        assert_eq!(failure(trusting_ca(), &address).await, wanted, "{certificate}");
        assert!(wanted.is_permanent());
        works(trusting_ca().danger_accept_invalid_certificates(), &address).await;
    }
}

#[tokio::test]
async fn a_wrong_name_is_told_with_the_right_ones() {
    let mismatch = |wanted: &str, presented: &[&str]| TlsFailure::NameMismatch {
        wanted: wanted.to_owned(),
        presented: presented.iter().map(|name| (*name).to_owned()).collect(),
    };
    let wronghost = echo("wronghost").await;
    let wanted = mismatch("localhost", &["other.example", "10.1.2.3"]);
    assert_eq!(failure(trusting_ca(), &by_name(wronghost)).await, wanted);
    let nosan = echo("nosan").await;
    assert_eq!(failure(trusting_ca(), &by_name(nosan)).await, mismatch("localhost", &[]));
    let dnsonly = echo("dnsonly").await;
    let wanted = mismatch("127.0.0.1", &["localhost", "redis.test"]);
    assert_eq!(failure(trusting_ca(), &address_of(dnsonly)).await, wanted);

    let careless = || trusting_ca().danger_accept_invalid_names();
    works(careless(), &by_name(wronghost)).await;
    works(careless(), &by_name(nosan)).await;
    let expired = by_name(echo("expired").await);
    assert_eq!(failure(careless(), &expired).await, TlsFailure::Expired, "the name alone is forgiven");
}

#[tokio::test]
async fn names_can_be_given_for_all_or_by_node() {
    let (wildcard, other) = (echo("wildcard").await, echo("wronghost").await);
    works(trusting_ca().with_server_name("a.redis.test"), &address_of(wildcard)).await;
    let by_port = trusting_ca().with_server_name_by(move |address| match address {
        Address::Tcp { port, .. } if *port == wildcard.port() => Some("b.redis.test".to_owned()),
        Address::Tcp { port, .. } if *port == other.port() => Some("other.example".to_owned()),
        _ => None,
    });
    works(by_port.clone(), &address_of(wildcard)).await;
    works(by_port.clone(), &address_of(other)).await;
    works(by_port, &address_of(echo("server").await)).await;
    assert!(matches!(
        failure(trusting_ca().with_server_name("not a name"), &address_of(wildcard)).await,
        TlsFailure::Configuration { .. }
    ));
}

#[tokio::test]
async fn a_node_is_verified_by_the_name_it_announces() {
    let wildcard = address_of(echo("wildcard").await);
    let announced = async |tls: TlsOptions, name: &str| {
        let dialed = with(tls).dial(&wildcard, Some(name), &Progress::new()).await;
        dialed.map(|dialed| dialed.facts.tls.is_some())
    };
    assert_eq!(announced(trusting_ca(), "node-1.redis.test").await, Ok(true));
    assert_eq!(announced(trusting_ca(), "node-2.redis.test").await, Ok(true));
    let mismatch = |wanted: &str| {
        Err(Cause::Tls(TlsFailure::NameMismatch {
            wanted: wanted.to_owned(),
            presented: vec!["*.redis.test".to_owned()],
        }))
    };
    assert_eq!(announced(trusting_ca(), "other.example").await, mismatch("other.example"));
    assert!(matches!(failure(trusting_ca(), &wildcard).await, TlsFailure::NameMismatch { .. }), "without it, the host");
    let chosen = || trusting_ca().with_server_name("a.redis.test");
    assert_eq!(announced(chosen(), "other.example").await, Ok(true), "the user's choice goes before it");
    let not_a_name = announced(trusting_ca(), "not a name").await;
    assert!(matches!(not_a_name, Err(Cause::Tls(TlsFailure::Configuration { .. }))), "{not_a_name:?}");
}

#[tokio::test]
async fn ip_addresses_of_both_families_are_verified() {
    works(trusting_ca(), &address_of(echo("server").await)).await;
    let v6 = serve(server_config("server"), (std::net::Ipv6Addr::LOCALHOST, 0).into()).await;
    works(trusting_ca(), &address_of(v6)).await;
}

#[tokio::test]
async fn roots_can_be_mixed_from_files_and_memory() {
    let pem = std::fs::read(pki().certificate("otherca")).unwrap();
    let both = || trusting_ca().with_root_pem(&pem);
    works(both(), &by_name(echo("server").await)).await;
    works(both(), &by_name(echo("wrongca").await)).await;
    let selfsigned = TlsOptions::new().with_root_pem_file(pki().certificate("selfsigned"));
    works(selfsigned, &by_name(echo("selfsigned").await)).await;
}

#[cfg(feature = "webpki-roots")]
#[tokio::test]
async fn public_roots_do_not_sign_private_servers() {
    let address = by_name(echo("server").await);
    assert_eq!(failure(TlsOptions::new().with_webpki_roots(), &address).await, TlsFailure::UnknownIssuer);
    works(trusting_ca().with_webpki_roots(), &address).await;
}

#[tokio::test]
async fn a_revoked_certificate_is_refused_if_a_list_says_so() {
    let (revoked, server) = (by_name(echo("revoked").await), by_name(echo("server").await));
    works(trusting_ca(), &revoked).await;
    for list in ["crl.pem", "crl.der"] {
        let with_list = || trusting_ca().with_crl_file(pki().file(list));
        assert_eq!(failure(with_list(), &revoked).await, TlsFailure::Revoked, "{list}");
        works(with_list(), &server).await;
    }
    let from_memory = trusting_ca().with_crl(std::fs::read(pki().file("crl.pem")).unwrap());
    assert_eq!(failure(from_memory, &revoked).await, TlsFailure::Revoked);
}

#[tokio::test]
async fn a_list_that_is_old_or_another_authoritys_leaves_revocation_unknown() {
    let unknown = |failure: TlsFailure| matches!(failure, TlsFailure::RevocationUnknown { .. });
    let server = by_name(echo("server").await);
    assert!(unknown(failure(trusting_ca().with_crl_file(pki().file("crl-old.pem")), &server).await));
    assert!(unknown(failure(trusting_ca().with_crl_file(pki().file("crl-inter.pem")), &server).await));
    let chained = by_name(echo("chained").await);
    let root_only = trusting_ca().with_crl_file(pki().file("crl.pem"));
    assert!(unknown(failure(root_only.clone(), &chained).await));
    works(root_only.with_crl_file(pki().file("crl-inter.pem")), &chained).await;
}

#[tokio::test]
async fn a_pin_is_met_by_the_server_its_intermediate_or_its_root() {
    let chained = by_name(echo("chained").await);
    for pinned in ["chained", "inter", "ca"] {
        works(trusting_ca().with_pin(pki().pin(pinned)), &chained).await;
    }
    let spare = trusting_ca().with_pin([7; 32]).with_pin(pki().pin("inter"));
    works(spare, &chained).await;
    assert_eq!(failure(trusting_ca().with_pin([7; 32]), &chained).await, TlsFailure::PinMismatch);
    assert_eq!(failure(trusting_ca().with_pin(pki().pin("server")), &chained).await, TlsFailure::PinMismatch);
}

#[tokio::test]
async fn a_pinned_certificate_that_merely_stands_beside_the_chain_does_not_count() {
    let stranger = by_name(echo("stranger").await);
    works(trusting_ca(), &stranger).await;
    let pinned = || trusting_ca().with_pin(pki().pin("otherca"));
    assert_eq!(failure(pinned(), &stranger).await, TlsFailure::PinMismatch);
    let trusting_it = pinned().with_root_pem_file(pki().certificate("otherca"));
    assert_eq!(failure(trusting_it, &stranger).await, TlsFailure::PinMismatch);
}

#[tokio::test]
async fn a_pin_adds_to_verification_and_survives_its_absence() {
    let selfsigned = by_name(echo("selfsigned").await);
    let pinned = || trusting_ca().with_pin(pki().pin("selfsigned"));
    assert_eq!(failure(pinned(), &selfsigned).await, TlsFailure::UnknownIssuer);
    works(pinned().danger_accept_invalid_certificates(), &selfsigned).await;
    let other = by_name(echo("server").await);
    assert_eq!(failure(pinned().danger_accept_invalid_certificates(), &other).await, TlsFailure::PinMismatch);
}
