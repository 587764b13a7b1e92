//! A proxy that fails as networks do, for tests: between a client and a server, driven from code. See [`FaultProxy`].

mod closing;
mod door;
mod fault;
mod fault_proxy;
mod faults;
mod flow;
mod hub;
mod line;
mod relay;
mod tally;
#[cfg(test)]
mod tests;
mod traffic;
mod wire;

pub use fault::{Corruption, Cut, Delay, Direction};
pub use fault_proxy::FaultProxy;
pub use faults::Faults;
