//! Claims about TLS in a configuration.

use super::*;
use crate::{CryptoChoice, SessionResumption, TlsOptions, TlsVersion};

const PIN: &str = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";

#[test]
fn tls_is_asked_for_by_the_scheme() {
    for (url, is_tls) in [
        ("redis://host", false),
        ("rediss://host", true),
        ("valkey://host", false),
        ("valkeys://host", true),
        ("unix:///s", false),
        ("rediss+unix:///s?tls_server_name=host", true),
        ("valkeys+unix:///s?tls_server_name=host", true),
    ] {
        assert_eq!(parsed(url).tls().is_some(), is_tls, "{url}");
        assert_eq!(parsed(url).dial_options().tls.is_some(), is_tls, "{url}");
    }
}

#[test]
fn tls_options_set_what_the_builder_sets() {
    let url = format!(
        "rediss://host?tls_ca=/etc/ca.pem&tls_roots=system,webpki&tls_cert=c%2Epem&tls_key=k.pem&tls_server_name=name\
         &tls_crl=/crl.pem&tls_pin={PIN},{PIN}&tls_min=1.3&tls_max=1.3&tls_resumption=off&tls_crypto=aws-lc-rs\
         &danger_tls_accept_invalid_certificates=on&danger_tls_accept_invalid_names=on"
    );
    let pin = std::array::from_fn(|index| (index as u8 % 16) * 0x11);
    let tls = TlsOptions::new()
        .with_root_pem_file("/etc/ca.pem")
        .with_system_roots()
        .with_webpki_roots()
        .with_client_certificate_files("c.pem", "k.pem")
        .with_server_name("name")
        .with_crl_file("/crl.pem")
        .with_pin(pin)
        .with_pin(pin)
        .with_min_version(TlsVersion::Tls13)
        .with_max_version(TlsVersion::Tls13)
        .with_resumption(SessionResumption::Off)
        .with_crypto(CryptoChoice::AwsLcRs)
        .danger_accept_invalid_certificates()
        .danger_accept_invalid_names();
    let built = Config::tcp("host", 6379).with_tls(tls);
    let parsed = parsed(&url);
    assert_eq!(format!("{parsed:?}"), format!("{built:?}"));
    assert_eq!(parsed.tls().unwrap().pins(), [pin, pin]);
    assert_eq!(Config::from_url(&parsed.to_string()).unwrap().to_string(), built.to_string());
}

#[test]
fn certificate_and_key_come_in_any_order_and_may_be_one_file() {
    let files = |url: &str| {
        let config = parsed(url);
        let (chain, key) = config.tls().unwrap().client_certificate_files().unwrap();
        (chain.to_str().unwrap().to_owned(), key.to_str().unwrap().to_owned())
    };
    let both = ("c".to_owned(), "k".to_owned());
    assert_eq!(files("rediss://host?tls_cert=c&tls_key=k"), both);
    assert_eq!(files("rediss://host?tls_key=k&tls_cert=c"), both);
    assert_eq!(files("rediss://host?tls_cert=c"), ("c".to_owned(), "c".to_owned()));
}

#[test]
fn mistakes_around_tls_have_a_place() {
    let value = |option| BadValue { option };
    let plain = |option| DoesNotApply { option };
    for (query, kind, text) in [
        ("rediss://host?tls_key=k", value("tls_key"), "k"),
        ("rediss://host?tls_cert=", value("tls_cert"), ""),
        ("rediss://host?tls_ca=%00", value("tls_ca"), "%00"),
        ("rediss://host?tls_ca=/", value("tls_ca"), "/"),
        ("rediss://host?tls_roots=none", value("tls_roots"), "none"),
        ("rediss://host?tls_pin=abc", value("tls_pin"), "abc"),
        ("rediss://host?tls_pin=", value("tls_pin"), ""),
        ("rediss://host?tls_min=1.1", value("tls_min"), "1.1"),
        ("rediss://host?tls_min=1.3&tls_max=1.2", value("tls_max"), "1.2"),
        ("rediss://host?tls_server_name=", value("tls_server_name"), ""),
        ("rediss+unix:///s", value("tls_server_name"), ""),
        (
            "rediss://host?tls_accept_invalid_certificates=on",
            UnknownOption { did_you_mean: Some("danger_tls_accept_invalid_certificates") },
            "tls_accept_invalid_certificates",
        ),
        ("redis://host?tls_ca=/etc/ca.pem", plain("tls_ca"), "tls_ca"),
        (
            "unix:///s?danger_tls_accept_invalid_names=on",
            plain("danger_tls_accept_invalid_names"),
            "danger_tls_accept_invalid_names",
        ),
    ] {
        let error = refused(query);
        assert_eq!((error.kind(), error.text()), (kind, Some(text)), "{query}: {error}");
    }
}

#[test]
fn what_is_shown_of_tls_reads_back_to_the_same() {
    for url in [
        "rediss://host:6379/0",
        "rediss://host:6379/2?tls_ca=/etc/ca%20.pem&tls_cert=/c.pem&tls_key=/k.pem&tls_min=1.3",
        "rediss+unix:///s?tls_roots=webpki&tls_server_name=host&tls_resumption=off",
    ] {
        assert_eq!(parsed(url).to_string(), url);
    }
}

#[test]
fn a_key_in_memory_is_not_shown() {
    let config = Config::tcp("host", 1).with_tls(TlsOptions::new().with_client_certificate_pem("CHAIN", "hunter2"));
    for shown in [format!("{config}"), format!("{config:?}"), format!("{:?}", config.dial_options().tls)] {
        assert!(!shown.contains("hunter2") && !shown.contains("104, 117"), "{shown}");
    }
}
