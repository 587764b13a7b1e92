//! What the fault suite shares: the places where every case is tried, and the load that runs while something breaks.
//!
//! ```ignore
//! everywhere(async |place| {
//!     let server = place.start();
//!     let client = connected(place.config(&server)).await;
//!     let load = Load::start(&client, DEADLINE);
//!     // ... the fault, and the end of it ...
//!     healed(&client, &server).await;
//!     load.end().await.holds(&[&server]);
//! });
//! ```
//!
//! With `STEADFAST_SOAK=1` the faults last five times as long.
#![allow(dead_code, unused_imports, reason = "every test binary compiles this module and uses its own part of it")]
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test's equipment fails the test by panicking")]

mod ledger;
mod load;
#[path = "../support/pki.rs"]
#[allow(unreachable_pub, reason = "the certificates of all tests")]
mod pki;
mod place;
mod shards;

use std::io::Write as _;
use std::time::Duration;

use steadfast::api::Connection as _;
use steadfast::client::Backoff;
use steadfast::{Client, Config, LinkState};

pub(crate) use ledger::{Asked, Failure, Memory, Report};
pub(crate) use load::Load;
pub(crate) use place::{PLACES, Place, Wire, certified, everywhere, everywhere_on_one_thread, in_each, tls_files};
pub(crate) use shards::{Proxied, SLOTS, Shards, in_clusters, settled, settled_after_an_outage, tag_of};

use crate::live::{PATIENCE, clients_of, until, until_state, within};
use crate::support::Server;

/// How long a call of the load may take where a test says nothing else.
pub(crate) const DEADLINE: Duration = Duration::from_secs(3);

/// `short`, or five times as long where the suite is to take its time.
pub(crate) fn lasting(short: Duration) -> Duration {
    if std::env::var_os("STEADFAST_SOAK").is_some_and(|soak| soak != "0") { short * 5 } else { short }
}

/// For connections that are lost again and again, which would make ever longer pauses.
pub(crate) fn tireless(config: Config) -> Config {
    let pauses = Backoff::default().with_first(Duration::from_millis(1)).with_max(Duration::from_millis(2));
    config.with_deadline(PATIENCE).with_backoff(pauses)
}

/// The fault is over: the next call works, and the client is back to its one connection.
pub(crate) async fn healed(client: &Client, server: &Server) {
    client.ping().deadline(HEALING).await.unwrap_or_else(|error| panic!("not healed: {error}"));
    until_state(client, LinkState::is_ready).await;
    until(async || clients_of(server).iter().filter(|line| is_callers(line)).count() == 1).await;
}

/// Whether a line of `CLIENT LIST` is a client's, and not that of a replica or of a primary.
fn is_callers(line: &str) -> bool {
    !line.split(' ').any(|field| matches!(field, "flags=S" | "flags=M"))
}

/// One line on stderr, which is shown whether the test succeeds or not.
pub(crate) fn tell(line: &str) {
    let thread = std::thread::current();
    let _ = writeln!(std::io::stderr(), "{}: {line}", thread.name().unwrap_or("faults"));
}

const HEALING: Duration = Duration::from_secs(5);
