//! Named scenarios: what happens is written down step by step, and so is what must come of it.

mod attempts;
mod closing;
mod credentials;
mod cuts;
mod deadlines;
mod heartbeats;
mod memory;
mod poison;
mod refusals;
mod subscriptions;
mod unasked;
mod units;
