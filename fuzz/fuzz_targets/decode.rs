//! Any bytes: nothing panics, and every byte is accounted for.
#![no_main]

#[path = "../checks.rs"]
#[allow(dead_code, reason = "each target uses one of the checks")]
mod checks;

libfuzzer_sys::fuzz_target!(|wire: &[u8]| checks::decode(wire));
