//! Every typed command on both servers and in both protocols: the same call gives the same answer.
#![cfg(unix)]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's own functions may fail the test by panicking")]

mod api;
mod live;
mod support;
