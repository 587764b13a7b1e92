//! The sources keep to the plan: imports go down, the core has neither clock nor socket, files and functions stay in their budgets.
//!
//! The table is in `architecture/plan.rs`, the rules in `architecture/rules.rs`.

#[path = "architecture/plan.rs"]
mod plan;
#[path = "architecture/rules.rs"]
mod rules;
#[path = "architecture/tokens.rs"]
mod tokens;

use std::path::{Path, PathBuf};

#[test]
fn the_sources_keep_to_the_plan() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = sources(&root);
    assert!(files.iter().any(|file| file.ends_with("lib.rs")), "no sources under {}", root.display());
    let mut checked = Vec::new();
    let mut test_modules = Vec::new();
    for file in &files {
        let path = file.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
        let (breaches, kept_for_tests) = rules::check(&path, &std::fs::read_to_string(file).unwrap());
        checked.push((rules::module_of(&path), breaches));
        test_modules.extend(kept_for_tests);
    }
    checked.retain(|(module, _)| !test_modules.iter().any(|tests| module.starts_with(tests)));
    let breaches: Vec<String> = checked.into_iter().flat_map(|(_, breaches)| breaches).collect();
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of sources can be listed") {
            let path = entry.expect("a folder of sources can be listed").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// A check that can't fail is none: each rule is shown a breach.
mod the_check {
    use super::rules::check;

    /// The breaches of `code` (below a header) in the file `path`.
    fn breaches(path: &str, code: &str) -> Vec<String> {
        check(path, &format!("//! A file.\n{code}")).0
    }

    #[track_caller]
    fn refuses(path: &str, code: &str, words: &str) {
        let found = breaches(path, code);
        assert_eq!(found.len(), 1, "{code:?} in {path}: {found:#?}");
        assert!(found[0].contains(words), "{code:?} in {path}: {found:#?}");
    }

    #[track_caller]
    fn accepts(path: &str, code: &str) {
        let found = breaches(path, code);
        assert!(found.is_empty(), "{code:?} in {path}: {found:#?}");
    }

    #[test]
    fn sees_an_import_that_goes_up() {
        refuses("resp/decode.rs", "use crate::command::Command;", "src/resp/decode.rs:2: `resp` may not use `command`");
        refuses("command/mod.rs", "use super::driver;", "`command` may not use `driver`");
        refuses(
            "connection/state.rs",
            "use super::super::{resp, driver::Mailbox};",
            "`connection` may not use `driver`",
        );
        refuses(
            "transport/dial.rs",
            "use crate::{\n    outcome::{Cause, Fate},\n    resp::Value,\n};",
            "rs:4: `transport` may not use `resp`",
        );
        refuses("driver/mod.rs", "fn f() { let x = crate::client::Config::new(); }", "`driver` may not use `client`");
        refuses(
            "topology/cluster/slots.rs",
            "impl From<super::super::super::error::Error> for u8 {}",
            "may not use `error`",
        );
        refuses("api/strings.rs", "use crate::client::Client;", "`api` may not use `client`");
        refuses(
            "client/mod.rs",
            "mod a { mod b { use super::super::super::api::get; } }",
            "`client` may not use `api`",
        );
    }

    #[test]
    fn accepts_an_import_that_goes_down_or_stays() {
        accepts(
            "command/mod.rs",
            "use crate::resp::{self, Value};\nuse crate::outcome;\npub(in crate::command) struct A;",
        );
        accepts(
            "connection/state.rs",
            "use super::fifo::Fifo;\nuse crate::connection::fifo;\nuse super::super::command::Command;",
        );
        accepts("client/mod.rs", "use crate::error::Error;\nmod a { use super::Client; use super::super::topology; }");
        accepts("lib.rs", "pub mod resp;\npub use crate::client::Client;\npub use error::Error;");
        accepts("error.rs", "use crate::driver::DriverError;");
    }

    #[test]
    fn sees_a_way_around_through_the_root() {
        refuses("command/mod.rs", "use crate::Client;", "through the root");
        refuses("command/mod.rs", "use super::*;", "through the root");
        refuses("command/a.rs", "use crate as everything;", "`command` may not use `lib`");
    }

    #[test]
    fn sees_a_crate_that_the_room_does_not_have() {
        refuses("resp/decode.rs", "use tokio::io::AsyncRead;", "may not use the crate `tokio`");
        refuses("connection/mod.rs", "fn f(x: tokio::sync::Notify) {}", "may not use the crate `tokio`");
        refuses("outcome/tls.rs", "use rustls::Error;", "may not use the crate `rustls`");
        refuses("resp/a.rs", "use memchr;\nuse serde;", "may not use the crate `serde`");
        accepts("resp/decode.rs", "use memchr::memchr;\nuse bytes::Bytes;");
    }

    #[test]
    fn sees_a_clock_below_the_driver() {
        refuses(
            "connection/a.rs",
            "use std::time::Instant;\nfn f() { Instant::now(); }",
            "rs:3: `connection` has no clock",
        );
        refuses("outcome/a.rs", "fn f() { std::time::SystemTime::now(); }", "`outcome` has no clock");
        refuses(
            "transport/a.rs",
            "use tokio::{io::ReadBuf, time::{error::Elapsed}};\n",
            "no clock: tokio::time::error::Elapsed",
        );
        refuses("command/a.rs", "fn f() { std::thread::sleep(D); }", "`command` has no clock");
        refuses("connection/a.rs", "fn f(then: Instant) { then.elapsed(); }", "`connection` has no clock");
        accepts("connection/a.rs", "use std::time::{Duration, Instant};\nfn f(now: Instant) -> Instant { now + D }");
        accepts(
            "connection/a.rs",
            "// Instant::now()\nconst A: &str = r#\"Instant::now() \"quoted\" \"#;\n/* a /* b */ Instant::now() */",
        );
        accepts("transport/race.rs", "use tokio::time::sleep;\nfn f() { sleep(D); Instant::now(); }");
        refuses("transport/race.rs", "use crate::driver;", "may not use `driver`");
        accepts("driver/a.rs", "fn f() { Instant::now(); tokio::time::sleep(D); }");
    }

    #[test]
    fn sees_a_socket_below_the_driver() {
        refuses(
            "connection/a.rs",
            "use std::net::{IpAddr, TcpStream};",
            "`connection` has no sockets: std::net::TcpStream",
        );
        refuses("connection/a.rs", "fn f() -> tokio::net::TcpStream {}", "`connection` has no sockets");
        refuses("command/a.rs", "use socket2::Socket;", "`command` has no sockets");
        refuses("resp/a.rs", "use std::os::unix::net::UnixStream;", "`resp` has no sockets");
        accepts("connection/a.rs", "use std::net::{IpAddr, SocketAddr};");
        accepts("transport/a.rs", "use tokio::net::TcpStream;\nuse socket2::Socket;");
    }

    #[test]
    fn looks_through_what_is_not_code() {
        let code = "const A: char = '\"'; const B: char = '\\''; fn f<'a>(b: &'a [u8]) { g(b\"\\\"\", b'\"', 'x') }\nuse crate::driver;";
        refuses("resp/a.rs", code, "rs:3: `resp` may not use `driver`");
    }

    #[test]
    fn leaves_tests_alone() {
        accepts("resp/a.rs", "#[cfg(test)]\nmod tests {\n    use crate::driver;\n    fn f() { Instant::now(); }\n}");
        accepts(
            "resp/a.rs",
            "#[cfg(test)]\n#[expect(x, reason = \"y\")]\npub(crate) fn f<A, B>(a: A) where A: C, B: D { crate::driver::run() }",
        );
        accepts(
            "resp/a.rs",
            "#[cfg(all(test, unix))]\nuse crate::{driver, client};\nstruct A { #[cfg(test)] a: crate::driver::B, c: u8 }",
        );
        refuses("resp/a.rs", "#[cfg(test)]\nmod tests {}\nuse crate::driver;", "rs:4");
        refuses("resp/a.rs", "struct A { #[cfg(test)] a: u8, b: crate::driver::B }", "may not use `driver`");
        refuses("resp/a.rs", "#[cfg(not(test))]\nuse crate::driver;", "may not use `driver`");
        refuses("resp/a.rs", "#[cfg(any(test, feature = \"testing\"))]\nuse crate::driver;", "may not use `driver`");
        let (_, kept) = check("resp/a.rs", "//! A.\n#[cfg(test)]\npub(super) mod sim;\nmod real;");
        assert_eq!(kept, [["resp", "a", "sim"]]);
    }

    #[test]
    fn wants_a_header() {
        for text in ["", "use std::fmt;\n//! Too late.", "//!\nuse std::fmt;", "// A comment.\n"] {
            let (found, _) = check("resp/a.rs", text);
            assert_eq!(found, ["src/resp/a.rs:1: the file does not begin with a `//!` header"], "{text:?}");
        }
    }

    #[test]
    fn counts_lines_without_tests() {
        let long = "const A: u8 = 1;\n".repeat(599);
        accepts("resp/a.rs", &long);
        refuses("resp/a.rs", &format!("{long}const B: u8 = 1;\n"), "601 lines");
        accepts("resp/a.rs", &format!("{long}#[cfg(test)]\nmod tests {{\n    fn f() {{}}\n}}\n"));
        accepts("api/a.rs", &long.repeat(2));
        accepts("command/facts.rs", &long.repeat(2));
    }

    #[test]
    fn counts_the_lines_of_functions() {
        let lines = "    g();\n".repeat(58);
        accepts("resp/a.rs", &format!("fn f(a: [u8; 2]) {{\n{lines}}}"));
        refuses(
            "resp/a.rs",
            &format!("fn f(a: [u8; 2]) {{\n{lines}    g();\n}}"),
            "rs:2: the function `f` has 61 lines",
        );
        refuses(
            "resp/a.rs",
            &format!("trait A {{\n    fn a();\n    fn b() {{\n{lines}    g();\n}}\n}}"),
            "`b` has 61 lines",
        );
    }

    #[test]
    fn refuses_names_that_say_nothing() {
        refuses("resp/utils.rs", "", "`utils`");
        refuses("client/connection_manager.rs", "", "`connection_manager` says nothing");
        refuses("client/inner/pool.rs", "", "`inner`");
        refuses("client/pool.rs", "mod helpers {}", "`helpers`");
        accepts("client/database.rs", "mod handle {}");
    }

    #[test]
    fn refuses_a_room_that_is_not_in_the_table() {
        refuses("attic/mod.rs", "", "the room `attic` has no row");
        refuses("macros.rs", "", "the room `macros` has no row");
    }
}
