//! What it costs to decode replies: per scalar, per element of an aggregate, per reply of a run.
//!
//! A number is the time of one item. A buffer is filled with many copies outside of the measured time, and what is
//! measured is taking each frame out of it and dropping it. (Moving a frame that was just made costs about as much as
//! decoding a scalar, because the processor has to wait for it to be stored; a caller that borrows it does not pay
//! that.)

use bytes::BytesMut;
use divan::Bencher;
use divan::counter::ItemsCount;
use steadfast::resp::{Decoder, Limits};

fn main() {
    divan::main();
}

/// Decodes `copies` of `wire`, up to `want` replies at once, `items` in each copy.
fn decode(bencher: Bencher<'_, '_>, wire: &[u8], copies: usize, want: usize, items: usize) {
    let stream = wire.repeat(copies);
    bencher
        .counter(ItemsCount::new(copies * items))
        .with_inputs(|| (Decoder::new(Limits::default()), BytesMut::from(&stream[..])))
        .bench_local_refs(|(decoder, buf)| {
            let mut replies = 0;
            while let Ok(Some(frame)) = &decoder.decode(buf, want) {
                replies += divan::black_box(frame).len();
            }
            assert!(replies > 0 && buf.is_empty());
        });
}

#[divan::bench]
fn simple_string(bencher: Bencher<'_, '_>) {
    decode(bencher, b"+OK\r\n", 1000, 1, 1);
}

#[divan::bench]
fn integer(bencher: Bencher<'_, '_>) {
    decode(bencher, b":1000\r\n", 1000, 1, 1);
}

#[divan::bench]
fn null(bencher: Bencher<'_, '_>) {
    decode(bencher, b"_\r\n", 1000, 1, 1);
}

#[divan::bench(args = [5, 64, 65, 1024])]
fn bulk_string(bencher: Bencher<'_, '_>, len: usize) {
    decode(bencher, &bulk(len), 500, 1, 1);
}

#[divan::bench(args = [10, 100, 1000])]
fn array_of_64_byte_strings(bencher: Bencher<'_, '_>, len: usize) {
    let wire = [format!("*{len}\r\n").into_bytes(), bulk(64).repeat(len)].concat();
    decode(bencher, &wire, 3000 / len, 1, len);
}

#[divan::bench(args = [10, 1000])]
fn array_of_integers(bencher: Bencher<'_, '_>, len: usize) {
    let wire = [format!("*{len}\r\n").into_bytes(), b":1000\r\n".repeat(len)].concat();
    decode(bencher, &wire, 3000 / len, 1, len);
}

#[divan::bench(args = [10, 1000])]
fn pairs_of_a_map(bencher: Bencher<'_, '_>, len: usize) {
    let pair = [bulk(8), bulk(64)].concat();
    let wire = [format!("%{len}\r\n").into_bytes(), pair.repeat(len)].concat();
    decode(bencher, &wire, 3000 / len, 1, len);
}

#[divan::bench]
fn run_of_100(bencher: Bencher<'_, '_>) {
    decode(bencher, b"+OK\r\n", 1000, 100, 1);
}

#[divan::bench]
fn run_of_100_bulk_strings(bencher: Bencher<'_, '_>) {
    decode(bencher, &bulk(64), 1000, 100, 1);
}

/// A reply and no more, as a lone caller gets it: decoded when there is nothing behind it.
#[divan::bench]
fn lone_reply_and_then_nothing(bencher: Bencher<'_, '_>) {
    let mut decoder = Decoder::new(Limits::default());
    let mut buf = BytesMut::with_capacity(64 << 10);
    bencher.bench_local(|| {
        buf.extend_from_slice(b"$5\r\nhello\r\n");
        let frame = decoder.decode(&mut buf, 1);
        assert!(matches!(decoder.decode(&mut buf, 1), Ok(None)));
        frame
    });
}

fn bulk(len: usize) -> Vec<u8> {
    [format!("${len}\r\n").into_bytes(), vec![b'x'; len], b"\r\n".to_vec()].concat()
}
