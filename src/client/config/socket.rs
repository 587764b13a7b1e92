//! The options of a URL that set TCP socket options.

use super::Config;
use super::options::{Applies, UrlOption};
use super::values::{
    DURATION_OR_NONE, SIZE, SWITCH, count, duration, duration_or_none, show_duration, show_duration_or_none, show_size,
    show_switch, show_word, size, switch, word,
};
use crate::transport::{Keepalive, Linger, SocketOptions};

pub(super) const OPTIONS: &[UrlOption] = &[
    UrlOption {
        name: "nodelay",
        methods: "with_socket",
        form: SWITCH,
        about: "`TCP_NODELAY`: small segments are sent at once",
        applies: Applies::ToTcp,
        set: |config, value| change(config, |socket| Some(socket.with_nodelay(switch(value)?))),
        show: |config| Some(show_switch(config.socket().nodelay())),
    },
    UrlOption {
        name: "keepalive",
        methods: "with_socket",
        form: "none, or silence, interval and number of probes as in 10s,5s,3 (the last two may be left out)",
        about: "TCP keepalive: silence before the first probe, interval, and how many unanswered ones end the connection",
        applies: Applies::ToTcp,
        set: |config, value| change(config, |socket| Some(socket.with_keepalive(keepalive(value)?))),
        show: |config| Some(show_keepalive(config.socket().keepalive())),
    },
    UrlOption {
        name: "user_timeout",
        methods: "with_socket",
        form: DURATION_OR_NONE,
        about: "`TCP_USER_TIMEOUT`: how long sent bytes may stay unacknowledged",
        applies: Applies::ToTcp,
        set: |config, value| change(config, |socket| Some(socket.with_user_timeout(duration_or_none(value)?))),
        show: |config| Some(show_duration_or_none(config.socket().user_timeout())),
    },
    UrlOption {
        name: "linger",
        methods: "with_socket",
        form: "system or reset",
        about: "what closing does with unsent bytes: leave them to the `system`, or `reset` the connection",
        applies: Applies::ToTcp,
        set: |config, value| change(config, |socket| Some(socket.with_linger(word(value, LINGER)?))),
        show: |config| Some(show_word(config.socket().linger(), LINGER)),
    },
    UrlOption {
        name: "bind_address",
        methods: "with_socket",
        form: "an IP address, IPv6 without brackets",
        about: "the local IP address to connect from",
        applies: Applies::ToTcp,
        set: |config, value| change(config, |socket| Some(socket.with_bind_address(Some(value.parse().ok()?)))),
        show: |config| config.socket().bind_address().map(|address| address.to_string()),
    },
    UrlOption {
        name: "interface",
        methods: "with_socket",
        form: "the name of a network interface, such as eth1",
        about: "the network interface to use (Linux)",
        applies: Applies::ToTcp,
        set: |config, value| change(config, |socket| Some(socket.with_interface(Some(value.to_owned())))),
        show: |config| config.socket().interface().map(str::to_owned),
    },
    UrlOption {
        name: "send_buffer_size",
        methods: "with_socket",
        form: SIZE,
        about: "`SO_SNDBUF`",
        applies: Applies::ToTcp,
        set: |config, value| change(config, |socket| Some(socket.with_send_buffer_size(Some(size_u32(value)?)))),
        show: |config| config.socket().send_buffer_size().map(|bytes| show_size(bytes as usize)),
    },
    UrlOption {
        name: "receive_buffer_size",
        methods: "with_socket",
        form: SIZE,
        about: "`SO_RCVBUF`",
        applies: Applies::ToTcp,
        set: |config, value| change(config, |socket| Some(socket.with_receive_buffer_size(Some(size_u32(value)?)))),
        show: |config| config.socket().receive_buffer_size().map(|bytes| show_size(bytes as usize)),
    },
];

fn change(config: Config, change: impl FnOnce(SocketOptions) -> Option<SocketOptions>) -> Option<Config> {
    let socket = change(config.socket().clone())?;
    Some(config.with_socket(socket))
}

fn size_u32(text: &str) -> Option<u32> {
    size(text).and_then(|bytes| u32::try_from(bytes).ok())
}

/// Reads `none` as `Some(None)`, and what `10s,5s,3` leaves out as the default.
fn keepalive(text: &str) -> Option<Option<Keepalive>> {
    if text == "none" {
        return Some(None);
    }
    let mut parts = text.split(',');
    let mut keepalive = Keepalive::new().with_idle(duration(parts.next()?)?);
    if let Some(interval) = parts.next() {
        keepalive = keepalive.with_interval(duration(interval)?);
    }
    if let Some(retries) = parts.next() {
        keepalive = keepalive.with_retries(count(retries)?);
    }
    if parts.next().is_some() { None } else { Some(Some(keepalive)) }
}

fn show_keepalive(keepalive: Option<Keepalive>) -> String {
    keepalive.map_or_else(
        || "none".to_owned(),
        |probes| {
            let (idle, interval) = (show_duration(probes.idle()), show_duration(probes.interval()));
            format!("{idle},{interval},{}", probes.retries())
        },
    )
}

const LINGER: &[(&str, Linger)] = &[("system", Linger::System), ("reset", Linger::Reset)];
