//! Claims about configurations and their URLs.

use std::time::Duration;

use super::ConfigErrorKind::*;
use super::*;
use crate::Address;

mod deployments;
mod mistakes;
mod secrecy;
mod table;
#[cfg(feature = "tls")]
mod tls;

fn parsed(url: &str) -> Config {
    match Config::from_url(url) {
        Ok(config) => config,
        Err(error) => panic!("{url}: {error}"),
    }
}

fn refused(url: &str) -> ConfigError {
    match Config::from_url(url) {
        Ok(config) => panic!("{url} was taken for {config}"),
        Err(error) => error,
    }
}

#[test]
fn a_url_of_a_host_alone_is_all_defaults() {
    for url in ["redis://example.com", "valkey://example.com/", "REDIS://example.com:6379/0", "redis://example.com?"] {
        assert_eq!(format!("{:?}", parsed(url)), format!("{:?}", Config::tcp("example.com", 6379)), "{url}");
    }
}

#[test]
fn hosts_and_ports() {
    for (url, host, port) in [
        ("redis://127.0.0.1", "127.0.0.1", 6379),
        ("redis://host:1", "host", 1),
        ("redis://host:65535/1", "host", 65535),
        ("redis://[::1]", "::1", 6379),
        ("redis://[2001:db8::1]:7000/", "2001:db8::1", 7000),
        ("redis://user:pw@[fe80::1%25eth0]:7000", "fe80::1%eth0", 7000),
        ("redis://ex%61mple?db=1", "example", 6379),
        ("redis://my_host.svc.cluster.local.", "my_host.svc.cluster.local.", 6379),
    ] {
        assert_eq!(parsed(url).address(), &Address::tcp(host, port), "{url}");
    }
}

#[test]
fn sockets() {
    for url in
        ["unix:///run/my%20redis.sock", "redis+unix:///run/my redis.sock", "valkey+unix://u:p@/run/my%20redis.sock"]
    {
        assert_eq!(parsed(url).address(), &Address::Unix("/run/my redis.sock".into()), "{url}");
    }
    assert_eq!(parsed("unix:///s?db=3").database(), 3);
}

#[test]
fn credentials() {
    let of = |url: &str| {
        let config = parsed(url);
        let password = config.password().map(|password| String::from_utf8(password.expose().to_vec()).unwrap());
        (config.username().map(str::to_owned), password)
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(of("redis://host"), (None, None));
    assert_eq!(of("redis://user:pw@host"), (some("user"), some("pw")));
    assert_eq!(of("redis://:pw@host"), (None, some("pw")));
    assert_eq!(of("redis://user:@host"), (some("user"), some("")));
    assert_eq!(of("redis://us%3Aer:p%40s%2Fs%3Aw%25rd+@host"), (some("us:er"), some("p@s/s:w%rd+")));
    assert_eq!(of("redis://user:p:w@host"), (some("user"), some("p:w")));
    assert_eq!(of("redis://user:p@w@host"), (some("user"), some("p@w")));
    assert_eq!(of("redis://@host"), (None, None));
    assert_eq!(of("redis://:@host"), (None, None));
}

#[test]
fn the_database_is_the_path_or_an_option() {
    assert_eq!(parsed("redis://host/15").database(), 15);
    assert_eq!(parsed("redis://host?db=15").database(), 15);
    assert_eq!(parsed("redis://host/?db=15").database(), 15);
    assert_eq!(parsed("redis://host/2147483647").database(), i32::MAX as u32);
}

#[test]
fn options_set_what_the_builder_sets() {
    let url = "redis://host/2?name=a%2Bb&protocol=resp2&deadline=none&connect_timeout=500ms&backoff_first=1s\
               &backoff_max=2m&backoff_jitter=0&max_pending_commands=7&max_pending_bytes=1KiB&at_capacity=fail\
               &offline=fail&read_buffer=4KiB&close_grace=0s&library_info=off&no_evict=on&nodelay=off&keepalive=20s\
               &user_timeout=none&linger=reset&bind_address=::1&interface=lo&send_buffer_size=4KiB&receive_buffer_size=9\
               &max_reply_depth=8&max_reply_elements=99&max_reply_bulk=1MiB&max_reply_line=2KiB&max_reply_frame=1MiB";
    let socket = crate::SocketOptions::new()
        .with_nodelay(false)
        .with_keepalive(Some(crate::Keepalive::new().with_idle(Duration::from_secs(20))))
        .with_user_timeout(None)
        .with_linger(crate::Linger::Reset)
        .with_bind_address(Some("::1".parse().unwrap()))
        .with_interface(Some("lo".to_owned()))
        .with_send_buffer_size(Some(4096))
        .with_receive_buffer_size(Some(9));
    let built = Config::tcp("host", 6379)
        .with_database(2)
        .with_name("a+b")
        .with_protocol(ProtocolChoice::Resp2)
        .without_deadline()
        .with_connect_timeout(Duration::from_millis(500))
        .with_backoff(Backoff::new(Duration::from_secs(1), Duration::from_secs(120)).with_jitter(0))
        .with_max_pending_commands(7)
        .with_max_pending_bytes(1024)
        .with_at_capacity(AtCapacity::FailFast)
        .with_offline(Offline::FailFast)
        .with_read_buffer(4096)
        .with_close_grace(Duration::ZERO)
        .without_library_info()
        .with_no_evict()
        .with_limits(crate::resp::Limits { depth: 8, elements: 99, bulk: 1 << 20, line: 2048, frame: 1 << 20 })
        .with_socket(socket);
    assert_eq!(format!("{:?}", parsed(url)), format!("{built:?}"));
}

#[test]
fn what_is_shown_reads_back_to_the_same() {
    for url in [
        "redis://host:6379/0",
        "redis://[fe80::1%25eth0]:7000/3?deadline=none&backoff_max=90s&keepalive=none",
        "redis://host:1/0?name=n%26m=%25&deadline=1500us&max_pending_bytes=1025&keepalive=1s,2s,3",
        "unix:///run/my%20%E2%98%83%3F.sock?db=3&no_evict=on&offline=fail",
    ] {
        assert_eq!(parsed(url).to_string(), url);
    }
    let shown = parsed("valkey://u%40%3a:p@host?protocol=auto").to_string();
    assert_eq!(shown, "redis://u%40%3A:***@host:6379/0", "defaults are left out, the password is masked");
}

#[test]
fn every_conversion_checks() {
    assert!("redis://host".parse::<Config>().is_ok());
    assert!(Config::try_from("redis://host").is_ok());
    assert!("redis://host".into_config().is_ok());
    assert!("redis://host".to_owned().into_config().is_ok());
    assert!(Config::tcp("host", 1).into_config().is_ok());
    let bad = Config::tcp("", 1);
    assert_eq!((&bad).into_config().unwrap_err().kind(), EmptyHost);
    assert_eq!("redis://".parse::<Config>().unwrap_err().kind(), EmptyHost);
}

#[cfg(not(feature = "tls"))]
#[test]
fn without_tls_built_in_asking_for_it_is_an_error() {
    for (url, scheme) in [("rediss://host", "rediss"), ("valkeys+unix:///s", "valkeys+unix")] {
        let error = refused(url);
        assert_eq!((error.kind(), error.text()), (TlsNotBuiltIn, Some(scheme)));
    }
}
