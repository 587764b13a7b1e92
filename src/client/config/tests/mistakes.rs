//! Claims about what is refused, and how the errors speak of it.

use super::*;

/// A URL with one mistake is refused for that mistake, and the error marks that part.
#[test]
fn each_mistake_has_a_kind_and_a_place() {
    let value = |option| BadValue { option };
    let twice = |option| DuplicateOption { option };
    for (url, kind, text) in [
        ("", MissingScheme, ""),
        ("host:6379", MissingScheme, ""),
        ("redis:/host", MissingScheme, ""),
        ("http://host", UnknownScheme, "http"),
        ("redis+tls://host", UnknownScheme, "redis+tls"),
        ("://host", MissingScheme, ""),
        ("redis://", EmptyHost, ""),
        ("redis:///3", EmptyHost, ""),
        ("redis://:6379", EmptyHost, ""),
        ("redis://user:pw@/3", EmptyHost, ""),
        ("redis://[]:6379", EmptyHost, "[]"),
        ("redis://ho st", BadHost, "ho st"),
        ("redis://::1", BadHost, "::1"),
        ("redis://::1:6379", BadHost, "::1:6379"),
        ("redis://[::1", BadHost, "[::1"),
        ("redis://[::1]x", BadHost, "[::1]x"),
        ("redis://[::zz]", BadHost, "[::zz]"),
        ("redis://[127.0.0.1]", BadHost, "[127.0.0.1]"),
        ("redis://%3A%3A1", BadHost, "%3A%3A1"),
        ("redis://ho%0ast", ControlCharacter, "ho%0ast"),
        ("redis://host\n", ControlCharacter, "host\n"),
        ("unix:///run/%00", ControlCharacter, "/run/%00"),
        ("redis://host:", BadPort, ""),
        ("redis://host:0", BadPort, "0"),
        ("redis://host:65536", BadPort, "65536"),
        ("redis://host:+80", BadPort, "+80"),
        ("redis://host:63x79/0", BadPort, "63x79"),
        ("redis://host%zz", BadPercentEscape, "%zz"),
        ("redis://host?name=%4", BadPercentEscape, "%4"),
        ("redis://host?%=1", BadPercentEscape, "%"),
        ("redis://%ff", NotUtf8, "%ff"),
        ("redis://host?name=%C3", NotUtf8, "%C3"),
        ("redis://host/three", BadDatabase, "three"),
        ("redis://host/3/", BadDatabase, "3/"),
        ("redis://host/-1", BadDatabase, "-1"),
        ("redis://host/2147483648", BadDatabase, "2147483648"),
        ("redis://host/99999999999", BadDatabase, "99999999999"),
        ("unix:///s?db=x", BadDatabase, "x"),
        ("unix://", BadSocketPath, ""),
        ("unix:///", BadSocketPath, "/"),
        ("unix://run/redis.sock", BadSocketPath, "run"),
        ("redis://host/0#top", Fragment, "#"),
        ("redis://u:p#w@host", Fragment, "***"),
        ("redis://u:p/w@host", MisplacedAt, "@"),
        ("redis://host?name=a@b", MisplacedAt, "@"),
        ("redis://user@host", UsernameWithoutPassword, "***"),
        ("redis://host?deadline=1s&deadline=1s", twice("deadline"), "deadline=1s"),
        ("redis://host?n%61me=a&name=b", twice("name"), "name=b"),
        ("redis://host/1?db=1", twice("db"), "db=1"),
        ("redis://host?deadline=5", value("deadline"), "5"),
        ("redis://host?deadline=0s", value("deadline"), "0s"),
        ("redis://host?deadline=9000h", value("deadline"), "9000h"),
        ("redis://host?deadline", value("deadline"), ""),
        ("redis://host?connect_timeout=none", value("connect_timeout"), "none"),
        ("redis://host?backoff_first=5s", value("backoff_first"), "5s"),
        ("redis://host?backoff_jitter=101", value("backoff_jitter"), "101"),
        ("redis://host?backoff_jitter=50%25", value("backoff_jitter"), "50%25"),
        ("redis://host?name=two words", value("name"), "two words"),
        ("redis://host?name=", value("name"), ""),
        ("redis://host?protocol=3", value("protocol"), "3"),
        ("redis://host?offline=maybe", value("offline"), "maybe"),
        ("redis://host?max_pending_commands=0", value("max_pending_commands"), "0"),
        ("redis://host?max_pending_bytes=64MB", value("max_pending_bytes"), "64MB"),
        ("redis://host?max_blocking=0", value("max_blocking"), "0"),
        ("redis://host?max_dedicated=0", value("max_dedicated"), "0"),
        ("redis://host?max_idle=0s", value("max_idle"), "0s"),
        ("redis://host?max_lifetime=none", value("max_lifetime"), "none"),
        ("redis://host?read_buffer=1", value("read_buffer"), "1"),
        ("redis://host?max_reply_depth=1", value("max_reply_depth"), "1"),
        ("redis://host?max_reply_elements=1", value("max_reply_elements"), "1"),
        ("redis://host?max_reply_elements=4294967296", value("max_reply_elements"), "4294967296"),
        ("redis://host?max_reply_bulk=1", value("max_reply_bulk"), "1"),
        ("redis://host?max_reply_line=1", value("max_reply_line"), "1"),
        ("redis://host?max_reply_frame=4GiB", value("max_reply_frame"), "4GiB"),
        ("redis://host?no_evict=yes", value("no_evict"), "yes"),
        ("redis://host?keepalive=1s,2s,3,4", value("keepalive"), "1s,2s,3,4"),
        ("redis://host?keepalive=500ms", value("keepalive"), "500ms"),
        ("redis://host?keepalive=1s,1s,0", value("keepalive"), "1s,1s,0"),
        ("redis://host?user_timeout=60", value("user_timeout"), "60"),
        ("redis://host?bind_address=localhost", value("bind_address"), "localhost"),
        ("redis://host?interface=", value("interface"), ""),
        ("unix:///s?nodelay=on", DoesNotApply { option: "nodelay" }, "nodelay"),
        ("redis://host?colour=red", UnknownOption { did_you_mean: None }, "colour"),
        ("redis://host?=1", UnknownOption { did_you_mean: None }, ""),
    ] {
        let error = refused(url);
        assert_eq!((error.kind(), error.text()), (kind, Some(text)), "{url}: {error}");
        let shown = error.url().unwrap();
        assert_eq!(&shown[error.span().unwrap()], text, "{url}");
    }
}

#[test]
fn a_reply_may_be_as_large_as_it_can_be_and_no_larger() {
    let largest = crate::resp::Limits::MAX_FRAME;
    assert_eq!(parsed(&format!("redis://host?max_reply_frame={largest}")).limits().frame, largest);
    let error = refused(&format!("redis://host?max_reply_frame={}", largest + 1));
    assert_eq!(error.expected(), format!("from 64KiB to {largest}"));
}

#[test]
fn near_misses_of_an_option_are_recognised() {
    for (wrong, right) in [
        ("dedline", "deadline"),
        ("Deadline", "deadline"),
        ("connect-timeout", "connect_timeout"),
        ("conect_timout", "connect_timeout"),
        ("keep_alive", "keepalive"),
        ("max_pending_byte", "max_pending_bytes"),
        ("database", ""),
        ("", ""),
        ("x", ""),
    ] {
        let did_you_mean = Some(right).filter(|right| !right.is_empty());
        assert_eq!(refused(&format!("redis://host?{wrong}=1s")).kind(), UnknownOption { did_you_mean }, "{wrong}");
    }
}

#[test]
fn an_unknown_option_is_answered_with_the_known_ones() {
    let text = refused("redis://host:1/0?dedline=5s").to_string();
    let start = "invalid configuration: unknown option \"dedline\" (bytes 17..24 of \"redis://host:1/0?dedline=***\"); \
                 expected a known option (a user and a password stand before the host); did you mean \"deadline\"?; \
                 known options: db, name, protocol, ";
    assert!(text.starts_with(start), "{text}");
    for option in Config::url_options() {
        assert!(text.contains(option.name()), "{}", option.name());
    }
}

#[test]
fn a_duration_without_unit_is_refused_with_a_hint() {
    let error = refused("redis://host?connect_timeout=5");
    assert_eq!(
        error.to_string(),
        "invalid configuration: bad value of connect_timeout \"5\" (bytes 29..30 of \"redis://host?connect_timeout=5\"); \
         expected a number with its unit (us, ms, s, m, h), such as 500ms, 5s or 2m"
    );
}

#[test]
fn a_built_configuration_is_held_to_the_same_rules() {
    let host = || Config::tcp("host", 6379);
    let long = Duration::MAX;
    for (config, kind) in [
        (Config::tcp("", 1), EmptyHost),
        (Config::tcp("a\0b", 1), ControlCharacter),
        (Config::tcp("[::1]", 1), BadHost),
        (Config::tcp("host", 0), BadPort),
        (Config::unix(""), BadSocketPath),
        (Config::unix("a\0b"), ControlCharacter),
        (host().with_database(u32::MAX), BadDatabase),
        (host().with_name("a\nb"), BadValue { option: "name" }),
        (host().with_deadline(long), BadValue { option: "deadline" }),
        (host().with_connect_timeout(Duration::ZERO), BadValue { option: "connect_timeout" }),
        (host().with_backoff(Backoff::new(long, long)), BadValue { option: "backoff_max" }),
        (host().with_backoff(Backoff::default().with_first(Duration::ZERO)), BadValue { option: "backoff_first" }),
        (host().with_close_grace(long), BadValue { option: "close_grace" }),
        (host().with_max_pending_bytes(0), BadValue { option: "max_pending_bytes" }),
    ] {
        let error = config.validate().unwrap_err();
        assert_eq!((error.kind(), error.url(), error.span(), error.text()), (kind, None, None, None));
    }
}
