//! Commands that no server of these tests has: the bytes that are sent, and the answer as the documentation shows it.
//!
//! Requests and answers are written as lines of words. A word in single quotes is one word, whatever it holds. In an
//! answer a word in quotes is a bulk string, which is sent with its length before it, and every other word is a line
//! of the protocol: `%1 'results' *2 :1 $-1`.

use std::sync::{Arc, Mutex};

use steadfast::Client;
use steadfast::client::ProtocolChoice;

use super::LIMIT;
use crate::live::{Peer, connected, within};

/// What a server answers in either protocol: one text for both, or a pair of RESP2 and RESP3.
pub(crate) struct Answers<'a> {
    resp2: &'a str,
    resp3: &'a str,
}

impl<'a> From<&'a str> for Answers<'a> {
    fn from(both: &'a str) -> Self {
        Self { resp2: both, resp3: both }
    }
}

impl<'a> From<(&'a str, &'a str)> for Answers<'a> {
    fn from((resp2, resp3): (&'a str, &'a str)) -> Self {
        Self { resp2, resp3 }
    }
}

/// Runs the test once in each protocol. Its only command must be `request`, and is answered with `answers`.
///
/// ```text
/// documented("HSETEX k FIELDS 1 f 'a b'", ":1", async |client| {
///     assert!(client.hsetex("k", ("f", "a b")).await.unwrap());
/// })
/// ```
pub(crate) async fn documented(request: &str, answers: impl Into<Answers<'_>>, test: impl AsyncFn(&Client)) {
    let Answers { resp2, resp3 } = answers.into();
    for (protocol, answer) in [(ProtocolChoice::Resp2, resp2), (ProtocolChoice::Resp3, resp3)] {
        println!("{protocol:?} {request}");
        let (heard, answer) = (Arc::new(Mutex::new(Vec::new())), Arc::new(wire(answer)));
        let log = Arc::clone(&heard);
        let peer = Peer::start(move |_, mut wire| {
            let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
            async move {
                while let Some(command) = wire.command_after_handshake().await {
                    // Without HELLO a client knows by this that it is there.
                    if command == [b"PING"] {
                        wire.say(b"+PONG\r\n").await;
                        continue;
                    }
                    log.lock().unwrap().push(command);
                    wire.say(&answer).await;
                }
            }
        })
        .await;
        let client = connected(peer.config().with_protocol(protocol)).await;
        within(LIMIT, test(&client)).await;
        let heard: Vec<Vec<String>> =
            heard.lock().unwrap().iter().map(|command| command.iter().map(|word| shown(word)).collect()).collect();
        let wished: Vec<&str> = words(request).into_iter().map(|(word, _)| word).collect();
        assert_eq!(heard, [wished], "what was sent, and what should have been");
    }
}

/// The bytes of an answer.
fn wire(answer: &str) -> Vec<u8> {
    let lines = words(answer).into_iter().map(|(word, quoted)| match quoted {
        true => format!("${}\r\n{word}\r\n", word.len()),
        false => format!("{word}\r\n"),
    });
    lines.collect::<String>().into_bytes()
}

/// The words of a line, and whether each stood in quotes.
fn words(line: &str) -> Vec<(&str, bool)> {
    let mut rest = line.trim_start();
    let mut words = Vec::new();
    while !rest.is_empty() {
        let (word, quoted, behind) = match rest.strip_prefix('\'') {
            Some(open) => {
                let (word, behind) = open.split_once('\'').unwrap();
                (word, true, behind)
            }
            None => {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                (&rest[..end], false, &rest[end..])
            }
        };
        words.push((word, quoted));
        rest = behind.trim_start();
    }
    words
}

/// A word that was sent; one that is no text with its bytes as `\xff`.
fn shown(word: &[u8]) -> String {
    match std::str::from_utf8(word) {
        Ok(text) => text.to_owned(),
        Err(_) => word.escape_ascii().to_string(),
    }
}

#[tokio::test]
async fn what_is_documented_is_sent_and_read_in_both_protocols() {
    documented("HGETALL k", ("*2 'a b' '1'", "%1 'a b' '1'"), async |client| {
        let request = client.request::<Vec<(String, i64)>>(steadfast::Command::new("HGETALL").key("k"));
        assert_eq!(request.await.unwrap(), [("a b".to_owned(), 1)]);
    })
    .await;
}

#[tokio::test]
#[should_panic(expected = "what was sent, and what should have been")]
async fn another_request_than_the_documented_one_fails_the_test() {
    documented("ECHO 'a  b'", "'x'", async |client| {
        client.request::<()>(steadfast::Command::new("ECHO").arg("a b")).await.unwrap();
    })
    .await;
}
