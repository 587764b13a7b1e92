//! The decoder against a list of vectors (values, errors, cut inputs), against answers captured from real servers, and
//! against hostile inputs: time, memory and stack.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(unsafe_code, reason = "an allocator that counts can't be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use serde_json::Value as Json;
use steadfast::resp::{DecodeError, Decoder, Frame, Limits, NullForm, PayloadError, Protocol, Reason, Value};
use steadfast::resp::{encode_value, put_bulk_header};

/// What came out of a decoder.
#[derive(Debug)]
enum Outcome {
    /// A reply or a push, and how many bytes had left the buffer with it.
    Value { value: Result<Value, PayloadError>, consumed: usize },
    /// The stream can't be followed.
    Error(DecodeError),
}

/// A decoder and what it made of the bytes that were fed to it.
struct Feed {
    decoder: Decoder,
    buf: BytesMut,
    fed: usize,
    want: usize,
    outcomes: Vec<Outcome>,
}

impl Feed {
    fn new(limits: Limits, want: usize) -> Self {
        Feed { decoder: Decoder::new(limits), buf: BytesMut::new(), fed: 0, want, outcomes: Vec::new() }
    }

    fn bytes(&mut self, piece: &[u8]) {
        self.buf.extend_from_slice(piece);
        self.fed += piece.len();
        loop {
            match self.decoder.decode(&mut self.buf, self.want) {
                Ok(Some(frame)) => {
                    let consumed = self.fed - self.buf.len();
                    assert!(frame.len() >= 1 && frame.len() == frame.replies().count());
                    assert!(!frame.is_push() || frame.len() == 1);
                    assert_eq!(frame.has_error(), frame.replies().any(|reply| reply.is_error()));
                    let values = frame.replies().map(|reply| reply.to_value());
                    self.outcomes.extend(values.map(|value| Outcome::Value { value, consumed }));
                }
                Ok(None) => return,
                Err(error) => {
                    let again = self.decoder.decode(&mut BytesMut::from("+OK\r\n"), 1);
                    assert_eq!(again.err(), Some(error), "an error has to stay");
                    if !matches!(self.outcomes.last(), Some(Outcome::Error(_))) {
                        self.outcomes.push(Outcome::Error(error));
                    }
                    return;
                }
            }
        }
    }
}

fn load(name: &str) -> Json {
    let path = format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn limits_of(vector: &Json) -> Limits {
    let mut limits = Limits::default();
    for (name, limit) in vector["config"].as_object().into_iter().flatten() {
        let limit = limit.as_u64().unwrap();
        match name.as_str() {
            "max_depth" => limits.depth = limit as u32,
            "max_elements" => limits.elements = limit as u32,
            "max_bulk" => limits.bulk = limit as usize,
            "max_line" => limits.line = limit as usize,
            other => panic!("unknown limit {other}"),
        }
    }
    limits
}

fn base64(text: &Json) -> Vec<u8> {
    STANDARD.decode(text.as_str().unwrap()).unwrap()
}

/// The value that a vector expects.
fn value_of(json: &Json) -> Value {
    let bytes = || Bytes::from(base64(&json["b64"]));
    let text = || json["value"].as_str().unwrap();
    let items = |list: &Json| list.as_array().unwrap().iter().map(value_of).collect::<Vec<_>>();
    let pairs = |list: &Json| {
        let pairs = list.as_array().unwrap().iter();
        pairs.map(|pair| (value_of(&pair[0]), value_of(&pair[1]))).collect::<Vec<_>>()
    };
    let value = match json["type"].as_str().unwrap() {
        "simple_string" => Value::SimpleString(bytes()),
        "blob_string" => Value::BulkString(bytes()),
        "simple_error" => Value::SimpleError(bytes()),
        "blob_error" => Value::BulkError(bytes()),
        "integer" => Value::Integer(text().parse().unwrap()),
        "double" if json["nan"] == Json::Bool(true) => Value::Double(f64::NAN),
        "double" => {
            let bits = json["bits"].as_str().unwrap().trim_start_matches("0x");
            Value::Double(f64::from_bits(u64::from_str_radix(bits, 16).unwrap()))
        }
        "boolean" => Value::Boolean(json["value"].as_bool().unwrap()),
        "null" => Value::Null(match json["form"].as_str().unwrap() {
            "resp3" => NullForm::Resp3,
            "bulk" => NullForm::Bulk,
            "array" => NullForm::Array,
            other => panic!("unknown null {other}"),
        }),
        "big_number" => Value::BigNumber(Bytes::from(text().to_owned())),
        "verbatim" => {
            let format = json["format"].as_str().unwrap().as_bytes().try_into().unwrap();
            Value::Verbatim { format, text: bytes() }
        }
        "array" => Value::Array(items(&json["items"])),
        "set" => Value::Set(items(&json["items"])),
        "push" => Value::Push(items(&json["items"])),
        "map" => Value::Map(pairs(&json["entries"])),
        "nested_arrays" => {
            let depth = json["depth"].as_u64().unwrap();
            (0..depth).fold(value_of(&json["leaf"]), |value, _| Value::Array(vec![value]))
        }
        other => panic!("unknown type {other}"),
    };
    match &json["attributes"] {
        Json::Null => value,
        attributes => Value::Attributed { attributes: pairs(attributes), value: Box::new(value) },
    }
}

/// Equal, doubles by their bits and any NaN with any other.
fn same(a: &Value, b: &Value) -> bool {
    let all = |a: &[Value], b: &[Value]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b));
    let pairs = |a: &[(Value, Value)], b: &[(Value, Value)]| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(&a.0, &b.0) && same(&a.1, &b.1))
    };
    match (a, b) {
        (Value::Double(a), Value::Double(b)) => a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()),
        (Value::Array(a), Value::Array(b)) | (Value::Set(a), Value::Set(b)) | (Value::Push(a), Value::Push(b)) => {
            all(a, b)
        }
        (Value::Map(a), Value::Map(b)) => pairs(a, b),
        (Value::Attributed { attributes: a, value: v }, Value::Attributed { attributes: b, value: w }) => {
            pairs(a, b) && same(v, w)
        }
        (a, b) => a == b,
    }
}

/// Whether `outcomes` are the pushes, then the main expectation, then what follows it.
fn agrees(vector: &Json, expect: &Json, feed: &mut Feed) -> Result<(), String> {
    let list = |name: &str| vector[name].as_array().cloned().unwrap_or_default();
    let is_value = expect.get("type").is_some();
    let pushes = if is_value { list("out_of_band") } else { Vec::new() };
    let main = pushes.len();
    let mut wanted = pushes;
    wanted.push(expect.clone());
    if is_value {
        wanted.extend(list("then"));
    }
    for (at, wanted) in wanted.iter().enumerate() {
        if wanted == "incomplete" {
            return if feed.outcomes.len() == at { Ok(()) } else { Err(format!("more came: {:?}", feed.outcomes)) };
        }
        if wanted["error"] == "depth_limit" {
            finish_deep(feed);
        }
        match feed.outcomes.get(at) {
            None => return Err(format!("nothing at {at}, wanted {wanted}")),
            Some(Outcome::Error(_) | Outcome::Value { value: Err(_), .. }) if wanted.get("error").is_some() => {
                return Ok(());
            }
            Some(Outcome::Value { value: Ok(value), consumed }) if wanted.get("type").is_some() => {
                if !same(value, &value_of(wanted)) {
                    return Err(format!("got {value:?}"));
                }
                let expected = vector["consumed"].as_u64();
                if at == main && feed.want == 1 && expected.is_some_and(|expected| expected != *consumed as u64) {
                    return Err(format!("consumed {consumed}"));
                }
            }
            Some(outcome) => return Err(format!("got {outcome:?}")),
        }
    }
    if feed.outcomes.len() == wanted.len() { Ok(()) } else { Err(format!("more came: {:?}", feed.outcomes)) }
}

/// A reply that is nested too deep is refused when its end was found, and the connection lives: if the vector stops
/// inside such a reply, the rest of it is sent.
fn finish_deep(feed: &mut Feed) {
    for _ in 0..10_000 {
        if !feed.outcomes.is_empty() {
            break;
        }
        feed.bytes(b":1\r\n");
    }
    match feed.outcomes.first() {
        Some(Outcome::Value { value: Err(PayloadError::TooDeep), .. }) => {}
        other => panic!("expected a refusal, got {other:?}"),
    }
    feed.bytes(b"+alive\r\n");
    match feed.outcomes.last() {
        Some(Outcome::Value { value: Ok(Value::SimpleString(text)), .. }) if text == "alive" => {}
        other => panic!("the stream was lost: {other:?}"),
    }
}

/// Feeds the vector cut at these places and holds the outcomes against it.
fn check(vector: &Json, input: &[u8], cuts: &[usize], want: usize) {
    let run = || {
        let mut feed = Feed::new(limits_of(vector), want);
        let mut from = 0;
        for &cut in cuts.iter().chain([&input.len()]) {
            feed.bytes(&input[from..cut]);
            from = cut;
        }
        feed
    };
    let first = agrees(vector, &vector["expect"], &mut run());
    let alternatives = match vector["policy"].as_str().unwrap() {
        "either" => vector["alternatives"].as_array().cloned().unwrap_or_default(),
        "must" | "should" => Vec::new(),
        other => panic!("unknown policy {other}"),
    };
    if let Err(found) = first {
        let accepted = alternatives.iter().any(|expect| agrees(vector, expect, &mut run()).is_ok());
        let (name, expect) = (&vector["name"], &vector["expect"]);
        assert!(accepted, "{name} cut at {cuts:?}, {want} at once: wanted {expect}; {found}");
    }
}

fn vectors() -> Vec<(Json, Vec<u8>)> {
    let Json::Array(vectors) = load("resp_vectors.json") else { panic!("a list") };
    assert_eq!(vectors.len(), 185);
    vectors.into_iter().map(|vector| (vector.clone(), base64(&vector["input"]))).collect()
}

#[test]
fn vectors_hold_in_one_piece() {
    for (vector, input) in vectors() {
        check(&vector, &input, &[], 1);
        check(&vector, &input, &[], 8);
    }
}

#[test]
fn vectors_hold_byte_by_byte() {
    for (vector, input) in vectors() {
        let cuts: Vec<_> = (0..input.len()).collect();
        check(&vector, &input, &cuts, 1);
        check(&vector, &input, &cuts, 8);
    }
}

#[test]
fn vectors_hold_at_every_split_in_two() {
    for (vector, input) in vectors() {
        // The long ones repeat the same few bytes a thousand times: a prime step meets every place of the pattern.
        let step = if input.len() > 1000 { 17 } else { 1 };
        for cut in (0..=input.len()).step_by(step) {
            check(&vector, &input, &[cut], 1);
        }
    }
}

#[test]
fn vectors_hold_at_random_splits() {
    let mut random = Random(0x5eed);
    for (vector, input) in vectors() {
        for _ in 0..20 {
            let mut cuts: Vec<_> = (0..random.below(8)).map(|_| random.below(input.len() + 1)).collect();
            cuts.sort_unstable();
            check(&vector, &input, &cuts, 1 + random.below(4));
        }
    }
}

#[test]
fn vectors_allocate_by_what_arrived_and_not_by_what_was_announced() {
    let mut checked = 0;
    for (vector, input) in vectors() {
        let Some(max) = vector["max_alloc"].as_u64() else { continue };
        let mut feed = Feed::new(limits_of(&vector), 1);
        let before = allocated();
        feed.bytes(&input);
        let spent = allocated() - before;
        assert!(spent <= max, "{}: {spent} bytes", vector["name"]);
        checked += 1;
    }
    assert!(checked >= 5);
}

#[test]
fn vectors_survive_the_encoder_and_the_frame() {
    for (vector, _) in vectors() {
        if vector["expect"]["type"].is_null() || vector["expect"]["type"] == "nested_arrays" {
            continue;
        }
        let value = value_of(&vector["expect"]);
        let back = Frame::from_value(&value).reply().to_value().unwrap();
        assert!(same(&back, &value), "{}: {back:?}", vector["name"]);
        let mut wire = Vec::new();
        encode_value(&value, Protocol::Resp3, &mut wire);
        let mut feed = Feed::new(Limits::default(), 1);
        feed.bytes(&wire);
        let [Outcome::Value { value: Ok(decoded), .. }] = &feed.outcomes[..] else {
            panic!("{}: {:?}", vector["name"], feed.outcomes)
        };
        let mut again = Vec::new();
        encode_value(decoded, Protocol::Resp3, &mut again);
        assert_eq!(again, wire, "{}", vector["name"]);
    }
}

#[test]
fn captured_answers_of_real_servers_decode() {
    let captured = load("debug_protocol.json");
    let mut answers = 0;
    for (server, versions) in captured.as_object().unwrap() {
        for (version, commands) in versions.as_object().into_iter().flatten() {
            for (command, answer) in commands.as_object().unwrap() {
                let input = base64(answer);
                let mut whole = Feed::new(Limits::default(), 1);
                whole.bytes(&input);
                assert!(!whole.outcomes.is_empty() && whole.buf.is_empty(), "{server} {version} {command}");
                let mut pieces = Feed::new(Limits::default(), 1);
                input.chunks(1).for_each(|byte| pieces.bytes(byte));
                assert_eq!(whole.outcomes.len(), pieces.outcomes.len());
                for (whole, piece) in whole.outcomes.iter().zip(&pieces.outcomes) {
                    let (Outcome::Value { value: Ok(a), .. }, Outcome::Value { value: Ok(b), .. }) = (whole, piece)
                    else {
                        panic!("{server} {version} {command}: {whole:?}")
                    };
                    assert!(same(a, b), "{server} {version} {command}");
                }
                answers += 1;
            }
        }
    }
    assert!(answers > 150, "{answers}");
}

#[test]
fn a_million_open_arrays_stay_incomplete_and_small() {
    let mut feed = Feed::new(Limits::default(), 1);
    let input = b"*1\r\n".repeat(1_000_000);
    feed.buf.reserve(input.len());
    let before = allocated();
    feed.bytes(&input);
    assert!(feed.outcomes.is_empty());
    assert!(allocated() - before < 1 << 20, "{} bytes", allocated() - before);
    feed.bytes(b":1\r\n:2\r\n");
    assert!(matches!(
        feed.outcomes[..],
        [Outcome::Value { value: Err(PayloadError::TooDeep), .. }, Outcome::Value { value: Ok(Value::Integer(2)), .. }]
    ));
}

#[test]
fn announced_sizes_allocate_nothing() {
    let cases = ["*4294967295\r\n", "%2147483647\r\n", "~4294967295\r\n", ">4294967295\r\n", "$536870912\r\n"];
    for header in cases {
        let mut feed = Feed::new(Limits::default(), 1);
        feed.buf.reserve(64);
        let before = allocated();
        feed.bytes(header.as_bytes());
        assert!(feed.outcomes.is_empty(), "{header:?}");
        assert!(allocated() - before <= 256, "{header:?}: {} bytes", allocated() - before);
    }
    let mut feed = Feed::new(Limits::default(), 1);
    feed.bytes(b"$512000000000\r\n");
    assert!(matches!(feed.outcomes[..], [Outcome::Error(DecodeError { offset: 0, reason: Reason::BulkTooLong })]));
}

#[test]
fn a_reply_over_the_frame_limit_is_refused_before_it_arrived() {
    let mut limits = Limits::default();
    limits.frame = 1000;
    for want in [1, 8] {
        let mut feed = Feed::new(limits, want);
        feed.bytes(b"+OK\r\n*2\r\n$500\r\n");
        feed.bytes(&[b'a'; 500]);
        feed.bytes(b"\r\n$490\r\n");
        let [Outcome::Value { .. }, Outcome::Error(error)] = feed.outcomes[..] else { panic!("{:?}", feed.outcomes) };
        assert_eq!(error, DecodeError { offset: 5 + 4 + 6 + 502, reason: Reason::FrameTooLong });
    }
}

#[test]
fn a_reply_of_many_elements_over_the_frame_limit_is_refused_wherever_it_is_cut() {
    let mut limits = Limits::default();
    limits.frame = 1000;
    let wire = [&b"*100\r\n"[..], &b"$14\r\n0123456789abcd\r\n".repeat(60)].concat();
    // 47 elements of 21 bytes fit behind the six bytes of the header.
    let expected = DecodeError { offset: 6 + 47 * 21, reason: Reason::FrameTooLong };
    for piece in [1, 7, 500, wire.len()] {
        let mut feed = Feed::new(limits, 1);
        wire.chunks(piece).for_each(|piece| feed.bytes(piece));
        let [Outcome::Error(error)] = feed.outcomes[..] else { panic!("{:?}", feed.outcomes) };
        assert_eq!(error, expected, "in pieces of {piece}");
    }
}

#[test]
fn a_slowly_fed_line_takes_linear_time() {
    assert_linear(|len| {
        let mut line = vec![b'a'; len];
        line[0] = b'+';
        line.extend_from_slice(b"\r\n");
        line
    });
}

#[test]
fn a_slowly_fed_bulk_string_takes_linear_time() {
    assert_linear(|len| {
        let mut bulk = Vec::new();
        put_bulk_header(&mut bulk, len);
        bulk.resize(bulk.len() + len, b'\r');
        bulk.extend_from_slice(b"\r\n");
        bulk
    });
}

#[test]
fn a_slowly_fed_streamed_string_takes_linear_time() {
    assert_linear(|len| [b"$?\r\n".to_vec(), b";1\r\na\r\n".repeat(len / 7), b";0\r\n".to_vec()].concat());
}

#[test]
fn many_pushes_inside_a_reply_take_linear_time() {
    assert_linear(|len| [b"*2\r\n:1\r\n".to_vec(), b">1\r\n+x\r\n".repeat(len / 8), b":2\r\n".to_vec()].concat());
}

/// One byte at a time, sixteen times the bytes take about sixteen times as long: were any byte looked at again with
/// each one that follows, it would be 256 times.
fn assert_linear(wire: impl Fn(usize) -> Vec<u8>) {
    let time = |len: usize| {
        let wire = wire(len);
        let mut decoder = Decoder::new(Limits::default());
        let mut buf = BytesMut::with_capacity(wire.len());
        let mut frames = 0;
        let start = Instant::now();
        for &byte in &wire {
            buf.extend_from_slice(&[byte]);
            frames += usize::from(decoder.decode(&mut buf, 1).unwrap().is_some());
        }
        assert!(frames > 0 && buf.is_empty());
        start.elapsed()
    };
    let short = (0..5).map(|_| time(64 << 10)).min().unwrap().max(Duration::from_micros(50));
    let long = (0..2).map(|_| time((1 << 20) - 64)).min().unwrap();
    assert!(long < short * 80, "{short:?} for 64 KiB, {long:?} for 1 MiB");
}

/// A generator of numbers that are the same in every run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}

/// Counts the bytes that each thread asks for.
struct Counting;

thread_local! {
    static ALLOCATED: Cell<u64> = const { Cell::new(0) };
}

/// Bytes that this thread has asked for so far.
fn allocated() -> u64 {
    ALLOCATED.with(Cell::get)
}

fn count(bytes: usize) {
    // A thread that ends allocates after its counter is gone.
    let _ = ALLOCATED.try_with(|counter| counter.set(counter.get() + bytes as u64));
}

// SAFETY: every call is passed on to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(place, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
