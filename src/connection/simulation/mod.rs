//! A session against a peer in virtual time: named scenarios, and random schedules checked by a ledger.

mod peer;
mod scenarios;
mod schedules;
mod world;
