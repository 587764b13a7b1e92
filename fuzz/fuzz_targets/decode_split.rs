//! Any bytes, cut anywhere: the same frames, and the same error at the same place.
#![no_main]

#[path = "../checks.rs"]
#[allow(dead_code, reason = "each target uses one of the checks")]
mod checks;

libfuzzer_sys::fuzz_target!(|wire: &[u8]| checks::decode_split(wire));
