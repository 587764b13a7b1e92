//! TLS without any cryptography compiled in.

use super::*;
use crate::outcome::TlsFailure;

#[tokio::test]
async fn no_provider_is_a_configuration_failure() {
    let dialer = Dialer::new(DialOptions { tls: Some(TlsOptions::new()), ..DialOptions::default() });
    let cause = dial(&dialer, &Address::tcp("localhost", 1)).await.err().unwrap();
    let Cause::Tls(TlsFailure::Configuration { detail }) = cause else { panic!("{cause:?}") };
    assert!(detail.contains("provider"), "{detail}");
}
