//! What it costs to encode commands into a buffer that is used again.

use divan::Bencher;
use divan::counter::ItemsCount;
use steadfast::resp::{encode_command, put_array_header, put_bulk, put_bulk_int};

fn main() {
    divan::main();
}

/// Encodes so many commands a time, because one is too short to be measured.
const COMMANDS: usize = 100;

fn encode(bencher: Bencher<'_, '_>, command: impl Fn(&mut Vec<u8>)) {
    let mut out = Vec::with_capacity(1 << 20);
    bencher.counter(ItemsCount::new(COMMANDS)).bench_local(|| {
        out.clear();
        for _ in 0..COMMANDS {
            command(divan::black_box(&mut out));
        }
        divan::black_box(out.len())
    });
}

#[divan::bench]
fn get(bencher: Bencher<'_, '_>) {
    let key = divan::black_box(b"user:1000:name");
    encode(bencher, |out| encode_command([&b"GET"[..], key], out));
}

#[divan::bench(args = [64, 1024])]
fn set(bencher: Bencher<'_, '_>, len: usize) {
    let key = divan::black_box(b"user:1000:name");
    let value = divan::black_box(vec![b'x'; len]);
    encode(bencher, |out| encode_command([&b"SET"[..], key, &value], out));
}

#[divan::bench]
fn incrby(bencher: Bencher<'_, '_>) {
    let (key, amount) = divan::black_box((b"user:1000:visits", 1_234_567));
    encode(bencher, |out| {
        put_array_header(out, 3);
        put_bulk(out, b"INCRBY");
        put_bulk(out, key);
        put_bulk_int(out, amount);
    });
}
