//! `peers decode`: the parsers alone, on bytes that are all there.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};

use crate::work::{LIST, SMALL};

/// One parser on one input. `decode` returns how many elements it has seen, which is checked.
struct Case {
    parser: &'static str,
    result: &'static str,
    decode: fn(&Input) -> usize,
}

/// The input in the forms that parsers take.
struct Input {
    bytes: Bytes,
    /// `REPEAT` replies one after the other, as a read buffer of a busy connection has them.
    run: Bytes,
    /// Elements of one reply.
    elements: usize,
}

/// Replies in a run.
const REPEAT: usize = 64;

impl Input {
    fn new(reply: &[u8], elements: usize) -> Self {
        Self { bytes: Bytes::copy_from_slice(reply), run: Bytes::from(reply.repeat(REPEAT)), elements }
    }
}

pub fn all(quick: bool) {
    let length = Duration::from_millis(if quick { 100 } else { 1000 });
    let value = "v".repeat(SMALL);
    let array = format!("*{LIST}\r\n{}", format!("${SMALL}\r\n{value}\r\n").repeat(LIST));
    let inputs = [
        ("+OK", Input::new(b"+OK\r\n", 1)),
        (":1234567", Input::new(b":1234567\r\n", 1)),
        ("bulk of 64", Input::new(format!("${SMALL}\r\n{value}\r\n").as_bytes(), 1)),
        ("array of 1000 bulks of 64, per element", Input::new(array.as_bytes(), LIST)),
    ];
    println!("## Decoding alone, ns per element (best slice of 5 ms)\n");
    print!("| parser | result |");
    for (title, _) in &inputs {
        print!(" {title} |");
    }
    println!("\n|---|---|{}", "---|".repeat(inputs.len()));
    for case in CASES {
        print!("| {} | {} |", case.parser, case.result);
        for (_, input) in &inputs {
            print!(" {:.1} |", measure(case, input, length));
        }
        println!();
    }
}

/// The best of many short slices: most of them fit between two interruptions even on a busy machine.
fn measure(case: &Case, input: &Input, length: Duration) -> f64 {
    let end = Instant::now() + length;
    let mut best = f64::INFINITY;
    while Instant::now() < end {
        let begin = Instant::now();
        let mut elements = 0;
        while begin.elapsed() < SLICE {
            let decoded = (case.decode)(black_box(input));
            assert_eq!(decoded, REPEAT * input.elements, "{} read something else", case.parser);
            elements += decoded;
        }
        best = best.min(begin.elapsed().as_nanos() as f64 / elements as f64);
    }
    best
}

/// Short against the scheduler's turns; the slowest parser still goes through the largest input (10 ms) once.
const SLICE: Duration = Duration::from_millis(5);

const CASES: &[Case] = &[
    Case { parser: "(the copy that fills a `BytesMut`)", result: "-", decode: copy },
    Case { parser: "redis-protocol 6.0", result: "RESP3 frame of ranges", decode: redis_protocol_ranges },
    Case { parser: "redis-protocol 6.0", result: "RESP3 frame of `Bytes`", decode: redis_protocol_bytes },
    Case { parser: "redis-rs 1.8.1", result: "`Value`", decode: redis1_value },
    Case { parser: "redis-rs 2.0-rc.2", result: "`Value`", decode: redis2_value },
    Case { parser: "rustis 0.27", result: "its `Value`", decode: rustis_value },
    Case { parser: "steadfast", result: "`Frame`", decode: ours::frame },
    Case { parser: "steadfast", result: "`Frame`s, as runs", decode: ours::run },
    Case { parser: "steadfast", result: "`Frame`, every payload viewed", decode: ours::payloads },
    Case { parser: "steadfast", result: "`Value`", decode: ours::value },
];

/// What the cases that consume a `BytesMut` pay beforehand.
fn copy(input: &Input) -> usize {
    black_box(BytesMut::from(&input.run[..]));
    REPEAT * input.elements
}

fn redis_protocol_ranges(input: &Input) -> usize {
    use redis_protocol::resp3::{decode::complete::decode_range, types::RangeFrame};
    let mut rest: &[u8] = &input.run;
    let mut elements = 0;
    while let Some((frame, amount)) = decode_range(rest).expect("valid RESP") {
        elements += match black_box(&frame) {
            RangeFrame::Array { data, .. } => data.len(),
            _ => 1,
        };
        rest = &rest[amount..];
        if rest.is_empty() {
            break;
        }
    }
    elements
}

fn redis_protocol_bytes(input: &Input) -> usize {
    use redis_protocol::resp3::{decode::complete::decode_bytes_mut, types::BytesFrame};
    let mut buffer = BytesMut::from(&input.run[..]);
    let mut elements = 0;
    while !buffer.is_empty() {
        let (frame, _, _) = decode_bytes_mut(&mut buffer).expect("valid RESP").expect("a whole reply");
        elements += match black_box(&frame) {
            BytesFrame::Array { data, .. } => data.len(),
            _ => 1,
        };
    }
    elements
}

/// redis-rs parses one value from a slice and does not say where it ended: the same reply, again and again.
fn redis1_value(input: &Input) -> usize {
    let mut elements = 0;
    for _ in 0..REPEAT {
        elements += match black_box(redis1::parse_redis_value(&input.bytes).expect("valid RESP")) {
            redis1::Value::Array(items) => items.len(),
            _ => 1,
        };
    }
    elements
}

fn redis2_value(input: &Input) -> usize {
    let mut elements = 0;
    for _ in 0..REPEAT {
        elements += match black_box(redis2::parse_redis_value(&input.bytes).expect("valid RESP")) {
            redis2::Value::Array(items) => items.len(),
            _ => 1,
        };
    }
    elements
}

/// Through its own benchmark entry, which copies the reply once as its connection would read it.
fn rustis_value(input: &Input) -> usize {
    use rustis::resp::{Value, bench_support::bench_decode_to};
    let mut elements = 0;
    for _ in 0..REPEAT {
        elements += match black_box(bench_decode_to::<Value>(&input.bytes).expect("valid RESP")) {
            Value::Array(items) => items.len(),
            _ => 1,
        };
    }
    elements
}

mod ours {
    use std::hint::black_box;

    use bytes::BytesMut;
    use steadfast::resp::{Decoder, Kind, Limits, Reply, Value, View};

    use super::Input;

    pub(super) fn frame(input: &Input) -> usize {
        decode(input, 1, elements)
    }

    pub(super) fn run(input: &Input) -> usize {
        decode(input, usize::MAX, elements)
    }

    /// Scalars stay unread: their payloads are converted by whoever wants them.
    fn elements(reply: Reply<'_>) -> usize {
        match reply.kind() {
            Kind::Array => view(reply),
            _ => 1,
        }
    }

    pub(super) fn payloads(input: &Input) -> usize {
        decode(input, 1, |reply| match reply.view().expect("a good payload") {
            View::Array(items) => items.map(view).sum(),
            payload => {
                black_box(payload);
                1
            }
        })
    }

    fn view(reply: Reply<'_>) -> usize {
        match black_box(reply.view().expect("a good payload")) {
            View::Array(items) => items.len(),
            _ => 1,
        }
    }

    pub(super) fn value(input: &Input) -> usize {
        decode(input, 1, |reply| match black_box(reply.to_value().expect("a good payload")) {
            Value::Array(items) => items.len(),
            _ => 1,
        })
    }

    fn decode(input: &Input, want: usize, count: impl Fn(Reply<'_>) -> usize) -> usize {
        let mut buffer = BytesMut::from(&input.run[..]);
        let mut decoder = Decoder::new(Limits::default());
        let mut elements = 0;
        while let Some(frame) = decoder.decode(&mut buffer, want).expect("valid RESP") {
            elements += black_box(&frame).replies().map(&count).sum::<usize>();
        }
        elements
    }
}
