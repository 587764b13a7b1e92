//! Peers that speak another version, something else, or nothing.

use super::*;
use crate::outcome::{ConnectFailure, Stage};

#[tokio::test]
async fn versions_out_of_bounds_have_nothing_in_common() {
    let old = Redis::with_tls("server", &["--tls-auth-clients", "no", "--tls-protocols", "TLSv1.2"]).await;
    let new = Redis::with_tls("server", &["--tls-auth-clients", "no", "--tls-protocols", "TLSv1.3"]).await;
    let only = |version| trusting_ca().with_min_version(version).with_max_version(version);
    let (tls12, tls13) = (TlsVersion::Tls12, TlsVersion::Tls13);
    assert_eq!(failure(only(tls13), &by_name(old.address)).await, TlsFailure::VersionOrCipher);
    assert_eq!(failure(only(tls12), &by_name(new.address)).await, TlsFailure::VersionOrCipher);
    for (redis, version, shown) in [(&old, tls12, "TLSv1.2"), (&new, tls13, "TLSv1.3")] {
        let dialed = dial(&with(only(version)), &by_name(redis.address)).await.unwrap();
        assert_eq!(dialed.facts.tls.unwrap().version, shown);
        let dialed = dial(&with(trusting_ca()), &by_name(redis.address)).await.unwrap();
        assert_eq!(dialed.facts.tls.unwrap().version, shown);
    }
    let none = trusting_ca().with_min_version(tls13).with_max_version(tls12);
    assert!(matches!(failure(none, &by_name(new.address)).await, TlsFailure::Configuration { .. }));
}

#[tokio::test]
async fn a_plain_redis_is_silent_and_the_handshake_stays() {
    let redis = Redis::plain().await;
    let (dialer, progress) = (with(trusting_ca()), Progress::new());
    let address = address_of(redis.address);
    let ended = timeout(Duration::from_millis(700), dialer.dial(&address, None, &progress)).await;
    assert!(ended.is_err());
    let standing = progress.standing();
    assert_eq!((standing.stage, standing.address), (Stage::TlsHandshake, Some(redis.address)));
}

#[tokio::test]
async fn a_plaintext_answer_is_recognised() {
    for answer in [&b"-ERR Protocol error\r\n"[..], b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n"] {
        let address = answer_once(answer).await;
        assert_eq!(failure(trusting_ca(), &by_name(address)).await, TlsFailure::PeerSpokePlaintext);
    }
}

#[tokio::test]
async fn an_end_in_the_handshake_is_transient() {
    let address = answer_once(b"").await;
    let ended = failure(trusting_ca(), &by_name(address)).await;
    assert_eq!(ended, TlsFailure::PeerClosed { certificate_requested: false });
    assert!(!ended.is_permanent());
}

#[tokio::test]
async fn tls_goes_on_at_the_next_address() {
    struct Fixed(Vec<SocketAddr>);
    impl Resolver for Fixed {
        fn resolve<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, std::io::Result<Vec<SocketAddr>>> {
            Box::pin(async move { Ok(self.0.clone()) })
        }
    }
    let dialer = |addresses: &[SocketAddr]| {
        let resolver = std::sync::Arc::new(Fixed(addresses.to_vec()));
        Dialer::new(DialOptions { tls: Some(trusting_ca()), resolver, ..DialOptions::default() })
    };
    let (expired, wrongca, good) = (echo("expired").await, echo("wrongca").await, echo("server").await);
    let refusing = Refusing::open();
    let refused = refusing.address;
    let node = Address::tcp("localhost", 1);

    let dialed = dial(&dialer(&[expired, refused, good]), &node).await.unwrap();
    assert_eq!(dialed.facts.remote, Some(good));
    let cause = dial(&dialer(&[expired, refused]), &node).await.err().unwrap();
    let Cause::Connect { attempts } = &cause else { panic!("{cause:?}") };
    assert_eq!(attempts[0], (Some(expired), ConnectFailure::Tls(TlsFailure::Expired)));
    assert!(matches!(attempts[1], (Some(address), ConnectFailure::Io(_)) if address == refused));
    let cause = dial(&dialer(&[expired, wrongca]), &node).await.err().unwrap();
    assert_eq!(cause, Cause::Tls(TlsFailure::Expired));
}

#[tokio::test]
async fn tls_is_spoken_over_a_connector_and_a_unix_socket_needs_a_name() {
    struct Tunnel(SocketAddr);
    impl Connector for Tunnel {
        fn connect<'a>(&'a self, _: &'a Address) -> BoxFuture<'a, std::io::Result<Box<dyn Io>>> {
            Box::pin(async move { Ok(Box::new(tokio::net::TcpStream::connect(self.0).await?) as Box<dyn Io>) })
        }
    }
    let connector: std::sync::Arc<dyn Connector> = std::sync::Arc::new(Tunnel(echo("server").await));
    let options = DialOptions { tls: Some(trusting_ca()), connector: Some(connector), ..DialOptions::default() };
    let mut dialed = dial(&Dialer::new(options), &Address::tcp("redis.test", 1)).await.unwrap();
    converse(&mut dialed.stream).await;
    assert_eq!(dialed.stream.look(), Liveness::Unknown);

    let unix = Address::Unix("/nowhere".into());
    assert!(matches!(failure(trusting_ca(), &unix).await, TlsFailure::Configuration { .. }));
}
