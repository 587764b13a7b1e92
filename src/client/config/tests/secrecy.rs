//! Claims that no password shows, and that no text, however wild, makes the parser panic.

use super::*;

const PASSWORD: &str = "hunter2-Zz9";

fn assert_hidden(shown: &str, origin: &str) {
    assert!(!shown.contains("hunter2") && !shown.contains("Zz9"), "{origin} shows {shown}");
}

#[test]
fn no_configuration_shows_its_password() {
    for config in [
        parsed(&format!("redis://user:{PASSWORD}@host/3?deadline=1s")),
        parsed(&format!("unix://:{PASSWORD}@/run/redis.sock")),
        Config::tcp("host", 1).with_password(PASSWORD),
        Config::unix("/s").with_credentials("user", PASSWORD.to_owned()),
        parsed(&format!("redis+sentinel://user:{PASSWORD}@a,b/svc?sentinel_user=u&sentinel_password={PASSWORD}")),
        Config::sentinel([("a", 1)], "svc").with_password(PASSWORD).with_sentinel_password(PASSWORD),
    ] {
        assert_eq!(config.password().unwrap().expose(), PASSWORD.as_bytes());
        let values: Vec<_> = Config::url_options().filter_map(|option| option.value(&config)).collect();
        assert_hidden(&values.join(" "), "an option");
        for shown in [format!("{config}"), format!("{config:?}"), format!("{config:#?}")] {
            assert_hidden(&shown, "a configuration");
            assert!(shown.contains("***"), "{shown}");
        }
    }
}

/// Every mistake around a password, those included that make it look like another part of the URL.
#[test]
fn no_error_shows_a_password() {
    for url in [
        "{}@host",
        "user:{}@host:6379",
        "redis:user:{}@host",
        "http://user:{}@host",
        "redis+clusters://user:{}@host",
        "redis://{}@host",
        "redis://user:{}@host:99999",
        "redis://user:{}@",
        "redis://user:{}@host/x",
        "redis://user:{}%zz@host",
        "redis://user:{}%ff@host",
        "redis://user:a/{}@host",
        "redis://user:a?{}@host",
        "redis://user:a?x={}@host",
        "redis://user:1?name={}@host",
        "redis://user:a#{}@host",
        "redis://user:a@b/{}@host",
        "redis://user:{}/b@host",
        "redis://user:{}?b@host",
        "redis://user:{}#b@host",
        "redis://user:{}@host?deadline=5",
        "redis://user:{}@host?colour=red",
        "redis://user:{}@ho st",
        "redis://:{}",
        "redis://user:{}",
        "redis://user:a:{}",
        "redis://user:a/{}",
        "redis://user:a?{}",
        "redis://user:a?name={}",
        "redis://user:a#{}",
        "redis://user:1#{}",
        "user:{}@host?name=redis://host",
        "user:a://{}@host",
        "redis://host?password={}",
        "redis://host?pass={}&pass={}",
        "redis://host:0?auth={}",
        "host?token={}",
        "unix://user:{}@host/s",
        "unix:///s?password={}",
        "redis+sentinel://a/svc?sentinel_password={}&sentinel_tls=on",
        "redis+sentinel://a/svc?sentinel_user={}",
        "redis+sentinel://a/svc?sentinel_password=a&{}",
        "redis+sentinel://a/svc?sentinel_password=a&{}=b",
        "redis+sentinel://a/svc?sentinel_password=a&deadline=1s&{}&b",
        "redis+sentinel://a/svc?sentinel_password=a@{}",
        "redis+sentinel://a/svc?sentinel_password=a#{}",
        "redis+sentinel://a/svc?sentinel_password={}%zz",
        "redis+sentinel://a/svc?sentinel_passwort=a&{}",
        "redis+cluster://a?sentinel_password={}",
        "redis://user:{}@a,user:{}@b",
        "redis://a,user:{}@b",
        "redis://user:{}@a,b:0",
        "redis://user:{},b",
        "redis://user:1,user:{}",
        "redis://user:,{}",
        "redis://user:1a,{}",
        "redis+sentinel://user:{}@a",
        "redis+sentinel://user:{}@/svc",
    ] {
        let url = url.replace("{}", PASSWORD);
        let error = refused(&url);
        assert_hidden(&error.to_string(), &url);
        assert_hidden(&format!("{error:?}"), &url);
        assert_hidden(error.url().unwrap(), &url);
        assert_hidden(error.text().unwrap(), &url);
    }
}

#[test]
fn a_provider_takes_the_place_of_a_password_and_shows_nothing_either() {
    let provider = std::sync::Arc::new(|| async { Ok(crate::Credentials::user("app", PASSWORD)) });
    let config = parsed("redis://user:other@host").with_credentials_provider(provider.clone());
    assert!(config.password().is_none() && config.username().is_none());
    assert_eq!(config.to_string(), "redis://host:6379/0");
    assert!(format!("{config:?}").contains("login: the user's own provider"), "{config:?}");
    let again = config.with_credentials("user", PASSWORD);
    assert_eq!(again.to_string(), "redis://user:***@host:6379/0");
    assert!(format!("{again:?}").contains("login: Credentials(***)"), "{again:?}");
}

#[test]
fn a_password_tells_nothing_of_its_length() {
    let shown = |password: &str| refused(&format!("redis://user:{password}@host:99999")).to_string();
    assert_eq!(shown("a"), shown("a-much-longer-one"));
}

/// Marsaglia's xorshift: the same texts on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound as u64).unwrap()
    }
}

#[test]
fn no_text_makes_the_parser_panic() {
    const PIECES: &[&str] = &[
        "redis",
        "rediss",
        "redis+cluster://",
        "redis+sentinel://a,",
        "unix",
        "://",
        ":",
        "/",
        "?",
        "#",
        "@",
        "&",
        "=",
        "%",
        "%4",
        "%40",
        "%ff",
        "%00",
        "[",
        "]",
        "::1",
        "host",
        "63",
        "99999",
        "deadline",
        "name",
        "db",
        "keepalive",
        "tls_pin",
        "read_from",
        "zone:",
        "sentinel_password",
        "5s",
        "é",
        "\u{1F980}",
        "\n",
        "\0",
        "+",
        "-",
        ",",
        "none",
        " ",
    ];
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut accepted = 0;
    for round in 0..20_000 {
        let mut text = if round % 2 == 0 { "redis://host?".to_owned() } else { String::new() };
        for _ in 0..random.below(14) {
            if random.below(8) == 0 {
                text.extend(char::from_u32(u32::try_from(random.below(0x300)).unwrap()));
            } else {
                text.push_str(PIECES[random.below(PIECES.len())]);
            }
        }
        match Config::from_url(&text) {
            Ok(config) => {
                accepted += 1;
                let shown = config.to_string();
                if config.password().is_none() && !shown.contains("***") {
                    assert_eq!(parsed(&shown).to_string(), shown, "{text:?}");
                }
            }
            Err(error) => {
                let place = error.span().zip(error.url()).map(|(span, url)| &url[span]);
                assert_eq!(place, error.text(), "{text:?}");
                assert!(!error.to_string().is_empty());
            }
        }
    }
    assert!(accepted > 100, "the texts are too wild to test anything: {accepted} accepted");
}
