//! The options of a URL that bound replies.

use super::options::{Applies, UrlOption};
use super::values::{COUNT, SIZE, count, show_size, size};
use crate::resp::Limits;

pub(super) const OPTIONS: &[UrlOption] = &[
    UrlOption {
        name: "max_reply_depth",
        methods: "with_limits",
        form: COUNT,
        about: "how deep the aggregates of a reply may nest",
        applies: Applies::Always,
        set: |config, value| {
            let limits = Limits { depth: count(value)?, ..config.limits() };
            Some(config.with_limits(limits))
        },
        show: |config| Some(config.limits().depth.to_string()),
    },
    UrlOption {
        name: "max_reply_elements",
        methods: "with_limits",
        form: COUNT,
        about: "elements of one aggregate",
        applies: Applies::Always,
        set: |config, value| {
            let limits = Limits { elements: count(value)?, ..config.limits() };
            Some(config.with_limits(limits))
        },
        show: |config| Some(config.limits().elements.to_string()),
    },
    UrlOption {
        name: "max_reply_bulk",
        methods: "with_limits",
        form: SIZE,
        about: "bytes of one bulk string",
        applies: Applies::Always,
        set: |config, value| {
            let limits = Limits { bulk: size(value)?, ..config.limits() };
            Some(config.with_limits(limits))
        },
        show: |config| Some(show_size(config.limits().bulk)),
    },
    UrlOption {
        name: "max_reply_line",
        methods: "with_limits",
        form: SIZE,
        about: "bytes of one line: a simple string, an error, a number",
        applies: Applies::Always,
        set: |config, value| {
            let limits = Limits { line: size(value)?, ..config.limits() };
            Some(config.with_limits(limits))
        },
        show: |config| Some(show_size(config.limits().line)),
    },
    UrlOption {
        name: "max_reply_frame",
        methods: "with_limits",
        form: SIZE,
        about: "bytes of one whole reply",
        applies: Applies::Always,
        set: |config, value| {
            let limits = Limits { frame: size(value)?, ..config.limits() };
            Some(config.with_limits(limits))
        },
        show: |config| Some(show_size(config.limits().frame)),
    },
];
