//! Claims that the documentation says what the code does.

use super::*;
use crate::client::config::options;

#[cfg(feature = "tls")]
fn default_table() -> String {
    let config = parsed("redis://host").over_tls().unwrap();
    let mut table = "//! | option | set by | default | what it is |\n//! |---|---|---|---|\n".to_owned();
    for option in options::all() {
        let methods: Vec<String> = option.methods.split(", ").map(linked).collect();
        let default = option.value(&config).map_or_else(|| "not set".to_owned(), |value| format!("`{value}`"));
        table.push_str(&format!("//! | `{}` | {} | {default} | {} |\n", option.name, methods.join(", "), option.about));
    }
    table
}

/// A link to the method, where that is there without the feature `tls` too.
#[cfg(feature = "tls")]
fn linked(method: &str) -> String {
    if method == "with_tls" { "`with_tls`".to_owned() } else { format!("[`{method}`](super::Config::{method})") }
}

#[cfg(feature = "tls")]
#[test]
fn the_documented_defaults_are_the_defaults() {
    let table = default_table();
    let source = include_str!("../../defaults.rs");
    assert!(source.contains(&table), "src/client/defaults.rs should have this table:\n{table}");
}

#[test]
fn every_method_of_the_table_exists() {
    let sources = [
        include_str!("../builder.rs"),
        include_str!("../route.rs"),
        include_str!("../routing.rs"),
        include_str!("../sentinels.rs"),
        include_str!("../tls.rs"),
    ]
    .concat();
    for option in options::all() {
        for method in option.methods.split(", ") {
            assert!(sources.contains(&format!("pub fn {method}(")), "{method}");
        }
    }
}

#[test]
fn option_names_are_unique_and_plain() {
    let mut names: Vec<&str> = Config::url_options().map(UrlOption::name).collect();
    assert!(names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')));
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}

/// What an option shows, it reads back: the two functions beside each other in the table agree.
#[test]
fn every_option_reads_what_it_shows() {
    let several =
        "read_from=replica&sentinel_user=u&sentinel_password=p&sentinel_tls=off&refresh_every=none&refresh_interval=2s";
    for url in [
        "redis://host?name=n&bind_address=127.0.0.1&interface=lo&send_buffer_size=8KiB&receive_buffer_size=9"
            .to_owned(),
        format!("redis+sentinel://host/svc?{several}"),
        "redis+cluster://host?split_writes=on&read_from=zone:a".to_owned(),
    ] {
        let config = parsed(&url);
        let config = config.clone().over_tls().unwrap_or(config);
        for option in options::all() {
            let Some(value) = option.value(&config) else { continue };
            let again = (option.set)(config.clone(), &value).unwrap_or_else(|| panic!("{}={value}", option.name));
            assert_eq!(option.value(&again), Some(value), "{}", option.name);
            assert_eq!(again.to_string(), config.to_string(), "{}", option.name);
        }
    }
}
