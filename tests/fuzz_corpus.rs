//! Replays the corpus of the fuzz targets on a stable toolchain: what was found once stays found.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../fuzz/checks.rs"]
mod checks;

/// The files of the committed corpus, in a fixed order.
fn corpus() -> Vec<Vec<u8>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/wire");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() > 100, "the corpus is in {folder}");
    paths.into_iter().map(|path| std::fs::read(path).unwrap()).collect()
}

#[test]
fn any_bytes_are_accounted_for() {
    corpus().iter().for_each(|wire| checks::decode(wire));
}

#[test]
fn any_cut_gives_the_same_frames_and_the_same_error() {
    corpus().iter().for_each(|wire| checks::decode_split(wire));
}

#[test]
fn streams_of_several_replies_may_be_cut_anywhere() {
    let corpus = corpus();
    for (at, wire) in corpus.iter().enumerate() {
        let next = &corpus[(at * 31 + 7) % corpus.len()];
        checks::decode_split(&[b"+first\r\n", wire.as_slice(), next].concat());
        checks::decode_split(&[b"*2\r\n:1\r\n", wire.as_slice(), b":2\r\n", next].concat());
    }
}

#[test]
fn decoded_values_survive_the_encoder() {
    corpus().iter().for_each(|wire| checks::encode_decode(wire));
}
