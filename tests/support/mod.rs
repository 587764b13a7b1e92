//! Real servers for the integration tests: each on ports of its own, gone when the test ends, however it ends.
//!
//! ```ignore
//! mod support;
//! let mut server = support::Server::build(support::Kind::Valkey).password("sesame").start();
//! assert_eq!(server.raw(&["SET", "a", "b"]), "OK");
//! server.kill9();
//! server.restart();
//! ```
//!
//! A missing binary fails the test with one line that says what to install.
#![allow(dead_code, unused_imports, reason = "every test binary compiles this module and uses its own part of it")]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's equipment fails the test by panicking")]

mod cluster;
mod haproxy;
mod port;
mod process;
mod raw;
mod scratch;
mod sentinel;
mod server;

pub(crate) use cluster::{Cluster, ClusterBuilder, How, Role, key_in, slot_of};
pub(crate) use haproxy::HaProxy;
pub(crate) use port::free_port;
pub(crate) use process::undisturbed;
pub(crate) use raw::Raw;
pub(crate) use scratch::Scratch;
pub(crate) use sentinel::{SERVICE, SentinelBuilder, Sentinels};
pub(crate) use server::{ClientCertificates, Kind, Server, ServerBuilder, TlsFiles};
