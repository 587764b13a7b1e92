//! The options that a URL may have: one table, from which parsing, showing and the documentation are made.

use std::fmt;

use super::values::{
    COUNT, DURATION, DURATION_OR_NONE, SIZE, SWITCH, count, duration, duration_or_none, show_duration,
    show_duration_or_none, show_size, show_switch, show_word, size, switch, word,
};
use super::{AtCapacity, Offline, ProtocolChoice, Subscriptions};
use super::{Config, Deployment, limits, routing, sentinels, socket, tls, validate};
use crate::command::{Effect, OnRefusal, Replay};
use crate::outcome::Address;

/// One option that a URL may have.
pub struct UrlOption {
    pub(in crate::client) name: &'static str,
    pub(in crate::client) methods: &'static str,
    pub(in crate::client) form: &'static str,
    pub(in crate::client) about: &'static str,
    pub(in crate::client) applies: Applies,
    /// `None` for a malformed value. What is well-formed but out of range is left to [`Config::validate`].
    pub(in crate::client) set: fn(Config, &str) -> Option<Config>,
    /// The value as [`set`](Self::set) reads it; `None` where nothing is set.
    pub(in crate::client) show: fn(&Config) -> Option<String>,
}

impl UrlOption {
    /// Its name, such as `"deadline"`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The methods of [`Config`] that do the same, such as `"with_deadline, without_deadline"`.
    pub fn methods(&self) -> &'static str {
        self.methods
    }

    /// What its value has to look like, such as `"on or off"`.
    pub fn form(&self) -> &'static str {
        self.form
    }

    /// What it is, in a line of Markdown.
    pub fn about(&self) -> &'static str {
        self.about
    }

    /// Its value in `config`, as a URL would spell it; `None` where nothing is set.
    pub fn value(&self, config: &Config) -> Option<String> {
        (self.show)(config)
    }
}

impl fmt::Debug for UrlOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UrlOption").field("name", &self.name).finish_non_exhaustive()
    }
}

/// To which addresses an option applies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::client) enum Applies {
    Always,
    ToTcp,
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "the options it is for are not built in"))]
    ToTls,
    ToSeveral,
    ToClusters,
    ToSentinels,
}

impl Applies {
    pub(in crate::client) fn to(self, config: &Config) -> bool {
        match self {
            Self::Always => true,
            Self::ToTcp => matches!(config.address(), Address::Tcp { .. }),
            Self::ToTls => config.tls().is_some(),
            Self::ToSeveral => config.deployment().is_routed(),
            Self::ToClusters => matches!(config.deployment(), Deployment::Cluster(_)),
            Self::ToSentinels => config.service().is_some(),
        }
    }

    /// The words for what would be right where it does not apply.
    pub(in crate::client) fn expected(self) -> &'static str {
        match self {
            Self::Always => "any address",
            Self::ToTcp => "it for TCP only, not for a Unix socket",
            Self::ToTls => "it with rediss:// or valkeys:// only, where TLS is spoken",
            Self::ToSeveral => "it with several hosts, redis+cluster:// or redis+sentinel:// only",
            Self::ToClusters => "it with redis+cluster:// only",
            Self::ToSentinels => "it with redis+sentinel:// only",
        }
    }
}

impl Config {
    /// All options that a URL may have, in the order of the table of [`defaults`](crate::client::defaults): enough to print a help text.
    pub fn url_options() -> impl Iterator<Item = &'static UrlOption> {
        all()
    }

    /// The options that apply and are not at their defaults, with their values.
    pub(in crate::client) fn changed_options(&self) -> impl Iterator<Item = (&'static str, String)> {
        let plain = Self::of(self.deployment().clone());
        let plain = if self.tls().is_some() { plain.clone().over_tls().unwrap_or(plain) } else { plain };
        all().filter(|option| option.applies.to(self)).filter_map(move |option| {
            let value = (option.show)(self)?;
            ((option.show)(&plain).as_ref() != Some(&value)).then_some((option.name, value))
        })
    }
}

/// All options, in the order of the documentation.
pub(in crate::client) fn all() -> impl Iterator<Item = &'static UrlOption> {
    std::iter::once(DATABASE)
        .chain(IDENTITY)
        .chain(TIMES)
        .chain(AMOUNTS)
        .chain(limits::OPTIONS)
        .chain(routing::OPTIONS)
        .chain(sentinels::OPTIONS)
        .chain(socket::OPTIONS)
        .chain(tls::OPTIONS)
}

/// The option of this name.
pub(in crate::client) fn find(name: &str) -> Option<&'static UrlOption> {
    all().find(|option| option.name == name)
}

/// The option that someone who wrote `name` most likely meant.
pub(in crate::client) fn nearest(name: &str) -> Option<&'static str> {
    // Longer than any option: nothing to guess, and the distance is quadratic.
    if name.len() > 48 {
        return None;
    }
    let plain = |name: &str| name.to_ascii_lowercase().replace('-', "_");
    let name = plain(name);
    let (distance, nearest) = all().map(|option| (edit_distance(&name, option.name), option.name)).min()?;
    (distance <= 1 + nearest.len() / 6).then_some(nearest)
}

/// How many characters have to be inserted, deleted or replaced to make `right` of `left` (Levenshtein).
fn edit_distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (i, l) in left.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, r) in right.chars().enumerate() {
            let replaced = diagonal + usize::from(l != r);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[row.len() - 1]
}

/// The one option that a TCP URL has in its path.
pub(in crate::client) const DATABASE: &UrlOption = &UrlOption {
    name: "db",
    methods: "with_database",
    form: validate::DATABASE,
    about: "the database; also the path of a TCP URL, as in `/3`",
    applies: Applies::Always,
    set: |config, value| Some(config.with_database(count(value)?)),
    show: |config| Some(config.database().to_string()),
};

const IDENTITY: &[UrlOption] = &[
    UrlOption {
        name: "name",
        methods: "with_name",
        form: "printable ASCII without spaces",
        about: "the name of the connections, for `CLIENT LIST`",
        applies: Applies::Always,
        set: |config, value| Some(config.with_name(value)),
        show: |config| config.name().map(str::to_owned),
    },
    UrlOption {
        name: "protocol",
        methods: "with_protocol",
        form: "auto, resp2 or resp3",
        about: "the version of the protocol; `auto` is RESP3, or RESP2 where the server has no RESP3",
        applies: Applies::Always,
        set: |config, value| Some(config.with_protocol(word(value, PROTOCOLS)?)),
        show: |config| Some(show_word(config.protocol(), PROTOCOLS)),
    },
    UrlOption {
        name: "library_info",
        methods: "without_library_info",
        form: SWITCH,
        about: "whether the server is told this library's name and version",
        applies: Applies::Always,
        set: |config, value| Some(config.set_library_info(switch(value)?)),
        show: |config| Some(show_switch(config.library_info())),
    },
    UrlOption {
        name: "no_evict",
        methods: "with_no_evict",
        form: SWITCH,
        about: "whether the server is asked to spare the connections when it evicts clients",
        applies: Applies::Always,
        set: |config, value| Some(config.set_no_evict(switch(value)?)),
        show: |config| Some(show_switch(config.no_evict())),
    },
    UrlOption {
        name: "subscriptions",
        methods: "with_subscriptions",
        form: "own or shared",
        about: "which connection subscriptions use: one of their `own`, or in RESP3 the `shared` one of the commands",
        applies: Applies::Always,
        set: |config, value| Some(config.with_subscriptions(word(value, SUBSCRIPTIONS)?)),
        show: |config| Some(show_word(config.subscriptions(), SUBSCRIPTIONS)),
    },
];

const TIMES: &[UrlOption] = &[
    UrlOption {
        name: "deadline",
        methods: "with_deadline, without_deadline",
        form: DURATION_OR_NONE,
        about: "how long a call may take, all in all",
        applies: Applies::Always,
        set: |config, value| {
            Some(match duration_or_none(value)? {
                Some(deadline) => config.with_deadline(deadline),
                None => config.without_deadline(),
            })
        },
        show: |config| Some(show_duration_or_none(config.deadline())),
    },
    UrlOption {
        name: "connect_timeout",
        methods: "with_connect_timeout",
        form: DURATION,
        about: "how long one attempt to connect may take, with TLS and the Redis handshake",
        applies: Applies::Always,
        set: |config, value| Some(config.with_connect_timeout(duration(value)?)),
        show: |config| Some(show_duration(config.connect_timeout())),
    },
    UrlOption {
        name: "heartbeat",
        methods: "with_heartbeat, without_heartbeat",
        form: DURATION_OR_NONE,
        about: "after how much silence of the server it is sent a `PING`",
        applies: Applies::Always,
        set: |config, value| {
            Some(match duration_or_none(value)? {
                Some(silence) => config.with_heartbeat(silence),
                None => config.without_heartbeat(),
            })
        },
        show: |config| Some(show_duration_or_none(config.heartbeat())),
    },
    UrlOption {
        name: "silence_limit",
        methods: "with_silence_limit, without_silence_limit",
        form: DURATION_OR_NONE,
        about: "after how much silence of the server, while answers are due, a second connection is tried",
        applies: Applies::Always,
        set: |config, value| {
            Some(match duration_or_none(value)? {
                Some(limit) => config.with_silence_limit(limit),
                None => config.without_silence_limit(),
            })
        },
        show: |config| Some(show_duration_or_none(config.silence_limit())),
    },
    UrlOption {
        name: "backoff_first",
        methods: "with_backoff",
        form: DURATION,
        about: "the first pause between attempts to connect",
        applies: Applies::Always,
        set: |config, value| {
            let backoff = config.backoff().with_first(duration(value)?);
            Some(config.with_backoff(backoff))
        },
        show: |config| Some(show_duration(config.backoff().first())),
    },
    UrlOption {
        name: "backoff_max",
        methods: "with_backoff",
        form: DURATION,
        about: "the longest pause between attempts to connect",
        applies: Applies::Always,
        set: |config, value| {
            let backoff = config.backoff().with_max(duration(value)?);
            Some(config.with_backoff(backoff))
        },
        show: |config| Some(show_duration(config.backoff().max())),
    },
    UrlOption {
        name: "backoff_jitter",
        methods: "with_backoff",
        form: "a percentage from 0 to 100, without the sign",
        about: "by how many percent, at most, chance shortens a pause",
        applies: Applies::Always,
        set: |config, value| {
            let backoff = config.backoff().with_jitter(count(value)?);
            Some(config.with_backoff(backoff))
        },
        show: |config| Some(config.backoff().jitter().to_string()),
    },
    UrlOption {
        name: "close_grace",
        methods: "with_close_grace",
        form: DURATION,
        about: "how long sent commands may take to finish after the last clone of the client is dropped",
        applies: Applies::Always,
        set: |config, value| Some(config.with_close_grace(duration(value)?)),
        show: |config| Some(show_duration(config.close_grace())),
    },
    UrlOption {
        name: "max_idle",
        methods: "with_max_idle",
        form: DURATION,
        about: "how long a connection for one caller is kept that nobody uses",
        applies: Applies::Always,
        set: |config, value| Some(config.with_max_idle(duration(value)?)),
        show: |config| Some(show_duration(config.max_idle())),
    },
    UrlOption {
        name: "max_lifetime",
        methods: "with_max_lifetime",
        form: DURATION,
        about: "how long such a connection is lent again after it was made",
        applies: Applies::Always,
        set: |config, value| Some(config.with_max_lifetime(duration(value)?)),
        show: |config| config.max_lifetime().map(show_duration),
    },
];

const AMOUNTS: &[UrlOption] = &[
    UrlOption {
        name: "max_pending_commands",
        methods: "with_max_pending_commands",
        form: COUNT,
        about: "commands a link may hold that are queued or sent and not answered",
        applies: Applies::Always,
        set: |config, value| Some(config.with_max_pending_commands(count(value)?)),
        show: |config| Some(config.max_pending_commands().to_string()),
    },
    UrlOption {
        name: "max_pending_bytes",
        methods: "with_max_pending_bytes",
        form: SIZE,
        about: "bytes of such commands",
        applies: Applies::Always,
        set: |config, value| Some(config.with_max_pending_bytes(size(value)?)),
        show: |config| Some(show_size(config.max_pending_bytes())),
    },
    UrlOption {
        name: "max_blocking",
        methods: "with_max_blocking",
        form: COUNT,
        about: "blocking commands that may be under way at once, each on a connection of its own",
        applies: Applies::Always,
        set: |config, value| Some(config.with_max_blocking(count(value)?)),
        show: |config| Some(config.max_blocking().to_string()),
    },
    UrlOption {
        name: "max_dedicated",
        methods: "with_max_dedicated",
        form: COUNT,
        about: "connections that callers may have for themselves at once",
        applies: Applies::Always,
        set: |config, value| Some(config.with_max_dedicated(count(value)?)),
        show: |config| Some(config.max_dedicated().to_string()),
    },
    UrlOption {
        name: "at_capacity",
        methods: "with_at_capacity",
        form: "wait or fail",
        about: "what a call does that finds no room: `wait` under its deadline, or `fail` at once",
        applies: Applies::Always,
        set: |config, value| Some(config.with_at_capacity(word(value, AT_CAPACITY)?)),
        show: |config| Some(show_word(config.at_capacity(), AT_CAPACITY)),
    },
    UrlOption {
        name: "offline",
        methods: "with_offline",
        form: "wait or fail",
        about: "what a call does that finds no connection: `wait` under its deadline, or `fail` at once",
        applies: Applies::Always,
        set: |config, value| Some(config.with_offline(word(value, OFFLINE)?)),
        show: |config| Some(show_word(config.offline(), OFFLINE)),
    },
    UrlOption {
        name: "replay",
        methods: "with_replay",
        form: "never, read, conditional, overwrite or accumulate",
        about: "which commands are sent again when nobody knows whether they ran: none, those that change nothing, also those that write under a condition, that write the same again, or that add",
        applies: Applies::Always,
        set: |config, value| Some(config.with_replay(word(value, REPLAYS)?)),
        show: |config| Some(show_word(config.replay(), REPLAYS)),
    },
    UrlOption {
        name: "on_refusal",
        methods: "with_on_refusal",
        form: "wait or fail",
        about: "what a call does whose command the server refused for the time being (`LOADING`, `READONLY`, ...): `wait` to be tried again under its deadline, or `fail` at once",
        applies: Applies::Always,
        set: |config, value| Some(config.with_on_refusal(word(value, ON_REFUSAL)?)),
        show: |config| Some(show_word(config.on_refusal(), ON_REFUSAL)),
    },
    UrlOption {
        name: "read_buffer",
        methods: "with_read_buffer",
        form: SIZE,
        about: "bytes read from the socket at once",
        applies: Applies::Always,
        set: |config, value| Some(config.with_read_buffer(size(value)?)),
        show: |config| Some(show_size(config.read_buffer())),
    },
];

const REPLAYS: &[(&str, Replay)] = &[
    ("never", Replay::never()),
    ("read", Replay::upto(Effect::Read)),
    ("conditional", Replay::upto(Effect::ConditionalWrite)),
    ("overwrite", Replay::upto(Effect::LastWriteWins)),
    ("accumulate", Replay::upto(Effect::Accumulating)),
];
const PROTOCOLS: &[(&str, ProtocolChoice)] =
    &[("auto", ProtocolChoice::Auto), ("resp2", ProtocolChoice::Resp2), ("resp3", ProtocolChoice::Resp3)];

const SUBSCRIPTIONS: &[(&str, Subscriptions)] = &[("own", Subscriptions::Own), ("shared", Subscriptions::Shared)];

const AT_CAPACITY: &[(&str, AtCapacity)] = &[("wait", AtCapacity::Wait), ("fail", AtCapacity::FailFast)];

const ON_REFUSAL: &[(&str, OnRefusal)] = &[("wait", OnRefusal::Wait), ("fail", OnRefusal::FailFast)];

const OFFLINE: &[(&str, Offline)] = &[("wait", Offline::Wait), ("fail", Offline::FailFast)];
