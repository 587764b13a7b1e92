//! The plan of the house as data: the table of `ARCHITECTURE.md`, and the exceptions with their reasons.

/// A folder or file right under `src/`.
pub(crate) struct Room {
    pub(crate) name: &'static str,
    /// The rooms it may import from.
    pub(crate) rooms: &'static [&'static str],
    /// The crates it may use beside `std`.
    pub(crate) crates: &'static [&'static str],
    pub(crate) clock: Clock,
    pub(crate) sockets: Sockets,
}

/// Whether a room may ask what time it is, or wait.
#[derive(PartialEq, Eq)]
pub(crate) enum Clock {
    Forbidden,
    Allowed,
}

/// Whether a room may open sockets.
#[derive(PartialEq, Eq)]
pub(crate) enum Sockets {
    Forbidden,
    Allowed,
}

/// The rooms, lowest floor first. `outcome` is the words that every floor reports in, and `resp` the values that all of them hand
/// on, so both are open to whoever stands above them.
pub(crate) const ROOMS: &[Room] = &[
    core("resp", &[], &["bytes", "memchr"]),
    core("outcome", &[], &["bytes"]),
    core("command", &["resp", "outcome"], &["bytes"]),
    core("connection", &["resp", "outcome", "command"], &["bytes"]),
    Room {
        name: "transport",
        rooms: &["outcome"],
        crates: &[
            "bytes",
            "tokio",
            "socket2",
            "rustls",
            "tokio_rustls",
            "rustls_pki_types",
            "rustls_native_certs",
            "webpki_roots",
        ],
        clock: Clock::Forbidden,
        sockets: Sockets::Allowed,
    },
    upper("driver", &["resp", "outcome", "command", "connection", "transport"], &["bytes", "tokio", "futures_core"]),
    upper(
        "topology",
        &["resp", "outcome", "command", "connection", "transport", "driver"],
        &["bytes", "tokio", "arc_swap"],
    ),
    upper(
        "client",
        &["resp", "outcome", "command", "connection", "transport", "driver", "topology", "error"],
        &["bytes", "tokio", "arc_swap", "futures_core", "rustls", "rustls_pki_types", "sha1_smol"],
    ),
    core("api", &["command"], &["bytes"]),
    core("serde", &["resp", "command"], &["bytes", "serde", "serde_json"]),
    upper(
        "pubsub",
        &["resp", "outcome", "command", "connection", "transport", "driver", "topology", "client", "error"],
        &["bytes", "tokio", "futures_core"],
    ),
    upper(
        "cache",
        &["resp", "outcome", "command", "connection", "transport", "driver", "topology", "client", "error"],
        &["bytes", "tokio", "futures_core"],
    ),
    upper("testing", &["resp", "outcome", "command", "transport"], &["bytes", "memchr", "socket2", "tokio"]),
    core(
        "error",
        // Every floor's own small error; the client's is that of its configuration.
        &["resp", "outcome", "command", "connection", "transport", "driver", "topology", "client"],
        &["bytes"],
    ),
    core(
        "lib",
        &[
            "resp",
            "outcome",
            "command",
            "connection",
            "transport",
            "driver",
            "topology",
            "client",
            "api",
            "serde",
            "pubsub",
            "cache",
            "testing",
            "error",
        ],
        &[],
    ),
];

/// Crates whose use is judged: what `Cargo.toml` names, and its like.
pub(crate) const CRATES: &[&str] = &[
    "arc_swap",
    "bytes",
    "futures_core",
    "memchr",
    "rustls",
    "rustls_native_certs",
    "rustls_pki_types",
    "serde",
    "serde_json",
    "socket2",
    "tokio",
    "tokio_rustls",
    "tracing",
    "webpki_roots",
];

/// Words that say nothing about what a module holds.
pub(crate) const BANNED_WORDS: &[&str] =
    &["util", "utils", "common", "types", "inner", "manager", "helper", "helpers", "data", "misc"];

/// Lines of a file, tests not counted.
pub(crate) const FILE_LINES: usize = 600;
/// Lists, whose length is not a matter of taste.
pub(crate) const LONG_FILES: &[&str] = &["api/", "command/facts"];

/// Lines of a function, from `fn` to its closing brace.
pub(crate) const FUNCTION_LINES: usize = 60;
/// Lines of a function that dispatches over wire tags.
pub(crate) const DISPATCH_LINES: usize = 80;
/// The dispatches over wire tags: file and function.
pub(crate) const DISPATCHES: &[(&str, &str)] = &[];

/// Files below the driver that may read the clock after all: file and reason.
pub(crate) const CLOCKS: &[(&str, &str)] =
    &[("transport/race.rs", "the attempts over the addresses of a name begin one after the other (RFC 8305)")];

/// A room with neither clock nor sockets.
const fn core(name: &'static str, rooms: &'static [&'static str], crates: &'static [&'static str]) -> Room {
    Room { name, rooms, crates, clock: Clock::Forbidden, sockets: Sockets::Forbidden }
}

/// A room of the driver's floor or above.
const fn upper(name: &'static str, rooms: &'static [&'static str], crates: &'static [&'static str]) -> Room {
    Room { name, rooms, crates, clock: Clock::Allowed, sockets: Sockets::Allowed }
}
