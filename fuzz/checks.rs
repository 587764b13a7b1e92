//! What the fuzz targets claim, shared with the test that replays the corpus.

use bytes::BytesMut;
use steadfast::resp::{DecodeError, Decoder, Frame, Limits, PayloadError, Protocol, Reply, Value, View, encode_value};

/// Nothing panics, and every byte is in the buffer or has left it with a frame.
pub(crate) fn decode(wire: &[u8]) {
    for want in [1, 3, usize::MAX] {
        let mut decoder = Decoder::new(limits());
        let mut buf = BytesMut::from(wire);
        while let Ok(Some(frame)) = decoder.decode(&mut buf, want) {
            assert!(buf.len() <= wire.len() && frame.len() >= 1 && frame.len() <= want);
            assert_eq!(frame.replies().len(), frame.replies().count());
            assert_eq!(frame.has_error(), frame.replies().any(Reply::is_error));
            frame.replies().for_each(walk);
            let _ = format!("{frame:?}");
            // Deep, and then gone without recursion.
            drop(frame.clone());
        }
        let _ = decoder.needed();
    }
}

/// However the stream is cut and however many replies are taken at once, the same comes out.
pub(crate) fn decode_split(wire: &[u8]) {
    let whole = outcome(&[wire], 1);
    // The cuts depend on the bytes, so that a failure repeats.
    let mut random = wire
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
        | 1;
    let mut below = |bound: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 11) as usize % bound
    };
    for want in [1, 2, 5, 100] {
        assert_eq!(outcome(&[wire], want), whole, "in one piece, {want} at once");
        let bytes: Vec<_> = wire.chunks(1).collect();
        assert_eq!(outcome(&bytes, want), whole, "byte by byte, {want} at once");
        for longest in [4, 16, 100] {
            let mut pieces = Vec::new();
            let mut rest = wire;
            while !rest.is_empty() {
                let (piece, after) = rest.split_at((1 + below(longest)).min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            assert_eq!(outcome(&pieces, want), whole, "in pieces of up to {longest}, {want} at once");
        }
    }
}

/// A value that was decoded is the same after it was encoded in RESP3, or made into a frame; in RESP2 it is one reply.
pub(crate) fn encode_decode(wire: &[u8]) {
    let mut decoder = Decoder::new(limits());
    let mut buf = BytesMut::from(wire);
    while let Ok(Some(frame)) = decoder.decode(&mut buf, 1) {
        let Ok(value) = frame.reply().to_value() else { continue };
        let again = Frame::from_value(&value);
        assert_eq!(again.is_push(), frame.is_push());
        assert_eq!(again.has_error(), frame.has_error());
        assert_eq!(shown(again.reply().to_value()), shown(Ok(value.clone())));

        let encoded = encode(&value, Protocol::Resp3);
        let back = only(&encoded).reply().to_value().expect("what was encoded can be read");
        assert_eq!(encode(&back, Protocol::Resp3), encoded);
        only(&encode(&value, Protocol::Resp2));
    }
}

/// Small enough for every limit to be met.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.depth = 6;
    limits.elements = 2000;
    limits.bulk = 4096;
    limits.line = 100;
    limits.frame = 8192;
    limits
}

/// Looks at everything in a reply.
fn walk(reply: Reply<'_>) {
    let bytes = reply.to_bytes();
    assert_eq!(bytes.as_deref(), reply.bytes());
    let _ = (reply.kind(), reply.is_null(), reply.is_error(), format!("{reply:?}"));
    let pairs = reply.attributes().into_iter().flatten();
    pairs.for_each(|(key, value)| {
        walk(key);
        walk(value);
    });
    match reply.view() {
        Ok(View::Array(items) | View::Set(items) | View::Push(items)) => {
            assert_eq!(items.len(), items.clone().count());
            items.for_each(walk);
        }
        Ok(View::Map(pairs)) => {
            assert_eq!(pairs.len(), pairs.clone().count());
            pairs.for_each(|(key, value)| {
                walk(key);
                walk(value);
            });
        }
        _ => {}
    }
    let _ = reply.to_value();
}

/// The replies and pushes in a stream, and how it ended.
type Outcome = (Vec<(bool, String)>, Option<DecodeError>);

fn outcome(pieces: &[&[u8]], want: usize) -> Outcome {
    let mut decoder = Decoder::new(limits());
    let mut buf = BytesMut::new();
    let mut replies = Vec::new();
    for piece in pieces {
        buf.extend_from_slice(piece);
        loop {
            match decoder.decode(&mut buf, want) {
                Ok(Some(frame)) => {
                    replies.extend(frame.replies().map(|reply| (frame.is_push(), shown(reply.to_value()))));
                }
                Ok(None) => break,
                Err(error) => return (replies, Some(error)),
            }
        }
    }
    (replies, None)
}

/// As text, in which one NaN is like another.
fn shown(value: Result<Value, PayloadError>) -> String {
    format!("{value:?}")
}

fn encode(value: &Value, protocol: Protocol) -> Vec<u8> {
    let mut out = Vec::new();
    encode_value(value, protocol, &mut out);
    out
}

/// The only frame in `wire`.
fn only(wire: &[u8]) -> Frame {
    let mut decoder = Decoder::new(Limits::default());
    let mut buf = BytesMut::from(wire);
    let frame = decoder.decode(&mut buf, 1).expect("what was encoded can be followed").expect("and is complete");
    assert!(buf.is_empty());
    frame
}
