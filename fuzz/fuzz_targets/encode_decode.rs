//! What was decoded, encoded and decoded again is the same value.
#![no_main]

#[path = "../checks.rs"]
#[allow(dead_code, reason = "each target uses one of the checks")]
mod checks;

libfuzzer_sys::fuzz_target!(|wire: &[u8]| checks::encode_decode(wire));
