//! Keeps the fake server honest: the same commands go to a real Redis 7.0 and to the fake one, in both protocols, and
//! the answers must be the same bytes. Needs `redis-server`.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use bytes::BytesMut;
use steadfast::resp::{Decoder, Limits, Value, encode_command};
use steadfast::testing::FakeServer;

#[test]
fn the_fake_server_answers_resp2_as_redis_does() {
    assert_same_answers(&[]);
}

#[test]
fn the_fake_server_answers_resp3_as_redis_does() {
    assert_same_answers(&["HELLO", "3"]);
}

fn assert_same_answers(greeting: &[&str]) {
    let lines: Vec<Line<'_>> = include_str!("fake_against_real/commands.txt").lines().filter_map(Line::parse).collect();
    assert!(lines.len() > 200, "the list of commands is incomplete");
    let real = support::Server::redis();
    let expected = answers(real.address(), greeting, &lines);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let fake = runtime.block_on(FakeServer::builder().with_version("7.0.15").start()).unwrap();
    let found = answers(fake.address(), greeting, &lines);
    let differences: Vec<String> = lines
        .iter()
        .zip(expected.iter().zip(&found))
        .filter(|(line, (expected, found))| !line.accepts(expected, found))
        .map(|(line, (expected, found))| format!("{}\n  redis: {expected:?}\n  fake:  {found:?}", line.text))
        .collect();
    assert!(
        differences.is_empty(),
        "{} of {} answers differ:\n{}",
        differences.len(),
        lines.len(),
        differences.join("\n")
    );
}

/// What each line was answered.
fn answers(address: SocketAddr, greeting: &[&str], lines: &[Line<'_>]) -> Vec<Vec<Answer>> {
    let mut connections = [Connection::open(address), Connection::open(address)];
    for connection in &mut connections {
        if !greeting.is_empty() {
            connection.send(greeting);
            connection.read();
        }
    }
    let answer = |line: &Line<'_>| {
        if !line.words.is_empty() {
            connections[line.connection].send(&line.words);
        }
        if line.blocks {
            connections[1].wait_until_another_waits();
        }
        (0..line.answers).map(|_| connections[line.connection].read()).collect()
    };
    lines.iter().map(answer).collect()
}

/// One line of the list, whose form is explained at its top.
struct Line<'a> {
    text: &'a str,
    connection: usize,
    answers: usize,
    /// Goes on when the server says that the client waits.
    blocks: bool,
    compare: Compare,
    words: Vec<&'a str>,
}

#[derive(Clone, Copy)]
enum Compare {
    Bytes,
    /// The elements of arrays in any order.
    Unordered,
    /// The types only.
    Types,
}

impl<'a> Line<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        if text.is_empty() || text.starts_with('#') {
            return None;
        }
        let (flags, command) = match text.strip_prefix('@') {
            Some(text) => text.split_once(' ').unwrap_or((text, "")),
            None => ("", text),
        };
        let words = command.split(' ').filter(|word| !word.is_empty()).map(|word| if word == "''" { "" } else { word });
        let mut line =
            Line { text, connection: 0, answers: 1, blocks: false, compare: Compare::Bytes, words: words.collect() };
        for flag in flags.chars() {
            match flag {
                'B' => line.connection = 1,
                '~' => line.compare = Compare::Unordered,
                '?' => line.compare = Compare::Types,
                'w' => (line.answers, line.blocks) = (0, true),
                digit => line.answers = digit.to_digit(10).expect("a known flag") as usize,
            }
        }
        Some(line)
    }

    fn accepts(&self, expected: &[Answer], found: &[Answer]) -> bool {
        let same = |(expected, found): (&Answer, &Answer)| match self.compare {
            Compare::Bytes => {
                // Equal lengths as well: a double may be written in several ways.
                let same_value = sorted(&expected.value, Arrays::Kept) == sorted(&found.value, Arrays::Kept);
                expected.bytes.len() == found.bytes.len() && same_value
            }
            Compare::Unordered => sorted(&expected.value, Arrays::Sorted) == sorted(&found.value, Arrays::Sorted),
            Compare::Types => shape(&expected.value) == shape(&found.value),
        };
        expected.len() == found.len() && expected.iter().zip(found).all(same)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Arrays {
    Kept,
    Sorted,
}

/// The value with its sets and maps, and perhaps its arrays, in one order.
fn sorted(value: &Value, arrays: Arrays) -> Value {
    let in_order = |items: &[Value]| {
        let mut items: Vec<Value> = items.iter().map(|item| sorted(item, arrays)).collect();
        items.sort_by_key(|item| format!("{item:?}"));
        items
    };
    match value {
        Value::Set(items) => Value::Set(in_order(items)),
        Value::Array(items) if arrays == Arrays::Sorted => Value::Array(in_order(items)),
        Value::Map(pairs) => {
            let mut pairs = pairs.clone();
            pairs.sort_by_key(|pair| format!("{pair:?}"));
            Value::Map(pairs)
        }
        other => other.clone(),
    }
}

/// The types in the value, without what is in them.
fn shape(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("array {:?}", items.iter().map(shape).collect::<Vec<_>>()),
        Value::Map(pairs) => {
            format!("map {:?}", pairs.iter().map(|(key, value)| (format!("{key:?}"), shape(value))).collect::<Vec<_>>())
        }
        other => format!("{:?}", std::mem::discriminant(other)),
    }
}

struct Answer {
    bytes: Vec<u8>,
    value: Value,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.bytes.escape_ascii().to_string())
    }
}

struct Connection {
    stream: TcpStream,
    decoder: Decoder,
    buffer: BytesMut,
}

impl Connection {
    fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream.set_nodelay(true).unwrap();
        Connection { stream, decoder: Decoder::new(Limits::default()), buffer: BytesMut::new() }
    }

    fn send(&mut self, words: &[&str]) {
        let mut bytes = Vec::new();
        encode_command(words.iter().map(|word| word.as_bytes()), &mut bytes);
        self.stream.write_all(&bytes).unwrap();
    }

    fn wait_until_another_waits(&mut self) {
        let waits = || {
            self.send(&["CLIENT", "LIST"]);
            std::thread::sleep(Duration::from_millis(1));
            self.read().bytes.windows(8).any(|part| part == b" flags=b")
        };
        assert!(std::iter::repeat_with(waits).take(5000).any(|waits| waits), "no client waits after 5 seconds");
    }

    /// The next reply or push. The end of the connection, or 10 seconds of silence, is an answer too.
    fn read(&mut self) -> Answer {
        loop {
            let before = self.buffer.clone();
            if let Some(frame) = self.decoder.decode(&mut self.buffer, 1).unwrap() {
                let bytes = before[..before.len() - self.buffer.len()].to_vec();
                return Answer { bytes, value: frame.reply().to_value().unwrap() };
            }
            let mut chunk = [0; 4096];
            match self.stream.read(&mut chunk) {
                Ok(0) => return Answer { bytes: b"(end of the connection)".to_vec(), value: Value::null() },
                Ok(read) => self.buffer.extend_from_slice(&chunk[..read]),
                Err(error) => {
                    // The rest is lost, and should not take 10 seconds for each line.
                    self.stream.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
                    return Answer { bytes: format!("({error})").into_bytes(), value: Value::null() };
                }
            }
        }
    }
}
