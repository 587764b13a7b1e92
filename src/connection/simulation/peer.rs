//! The server of the scenarios: it answers every command with its argument and remembers what it ran.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::BytesMut;

use crate::command::FromReply;
use crate::resp::{Decoder, Limits};

/// A server that answers every command with its argument and keeps a ledger of what it ran, across its connections.
#[derive(Default)]
pub(super) struct Peer {
    pub(super) ran: RefCell<BTreeMap<String, u32>>,
    /// Connection, verb and argument, in the order of their runs.
    pub(super) order: RefCell<Vec<(u32, String, String)>>,
    /// Connection and password, of each HELLO with AUTH and each AUTH.
    pub(super) logins: RefCell<Vec<(u32, String)>>,
    /// The only password that is taken; `None`: any.
    pub(super) password: RefCell<Option<String>>,
    /// Knows no HELLO.
    pub(super) is_old: Cell<bool>,
    /// What (un)subscribing to a name is answered with instead of a confirmation.
    pub(super) refusals: RefCell<BTreeMap<String, String>>,
}

/// One connection as the peer sees it.
pub(super) struct Wire {
    decoder: Decoder,
    incoming: BytesMut,
    pub(super) outgoing: VecDeque<u8>,
    pub(super) number: u32,
    /// Answers nothing but the handshake.
    pub(super) mute: bool,
    /// What is subscribed to: the letter before `subscribe`, and the name.
    pub(super) topics: BTreeSet<(String, String)>,
    /// Every command that was run, but for those of the handshake.
    pub(super) log: Vec<String>,
    /// Pushes are arrays.
    is_old: bool,
}

impl Wire {
    pub(super) fn new(number: u32) -> Self {
        Self {
            mute: false,
            topics: BTreeSet::new(),
            log: Vec::new(),
            is_old: false,
            number,
            decoder: Decoder::new(Limits::default()),
            incoming: BytesMut::new(),
            outgoing: VecDeque::new(),
        }
    }

    pub(super) fn handle_bytes(&mut self, peer: &Peer, bytes: &[u8]) {
        self.incoming.extend_from_slice(bytes);
        while let Some(frame) = self.decoder.decode(&mut self.incoming, 1).expect("the session speaks RESP") {
            let words = Vec::<String>::from_reply(frame.reply()).expect("a command is an array of strings");
            self.answer(peer, &words);
        }
    }

    /// Sends something that answers nothing.
    pub(super) fn push(&mut self, words: &[&str]) {
        let text = self.pushed(words);
        self.outgoing.extend(text.bytes());
    }

    /// Ends a subscription as a server does that has lost a slot.
    pub(super) fn withdraw(&mut self, name: &str) {
        assert!(self.topics.remove(&("s".to_owned(), name.to_owned())));
        self.push(&["sunsubscribe", name, ":0"]);
    }

    fn pushed(&self, words: &[&str]) -> String {
        let sign = if self.is_old { '*' } else { '>' };
        let words: String = words
            .iter()
            .map(|word| match word.strip_prefix(':') {
                Some(number) => format!(":{number}\r\n"),
                None => format!("${}\r\n{word}\r\n", word.len()),
            })
            .collect();
        format!("{sign}{}\r\n{words}", words.matches(['$', ':']).count())
    }

    /// The answer to a command that subscribes or unsubscribes.
    fn change_topics(&mut self, peer: &Peer, verb: &str, name: &str) -> String {
        if let Some(refusal) = peer.refusals.borrow().get(name) {
            return format!("-{refusal}\r\n");
        }
        let verb = verb.to_lowercase();
        let (kind, removes) = match verb.strip_suffix("unsubscribe") {
            Some(kind) => (kind, true),
            None => (verb.strip_suffix("subscribe").unwrap(), false),
        };
        let topic = (kind.to_owned(), name.to_owned());
        if removes {
            self.topics.remove(&topic)
        } else {
            self.topics.insert(topic)
        };
        self.pushed(&[&verb, name, &format!(":{}", self.topics.len())])
    }

    fn answer(&mut self, peer: &Peer, words: &[String]) {
        let said = words.iter().position(|word| word == "AUTH").and_then(|_| words.last());
        if let Some(password) = said {
            peer.logins.borrow_mut().push((self.number, password.clone()));
        }
        let wrong = said.is_some_and(|said| peer.password.borrow().as_ref().is_some_and(|right| right != said));
        self.log.push(words.join(" "));
        let text = match words[0].as_str() {
            "HELLO" if peer.is_old.get() => {
                self.is_old = true;
                "-ERR unknown command\r\n".to_owned()
            }
            verb if verb.ends_with("SUBSCRIBE") => self.change_topics(peer, verb, &words[1]),
            "PING" if self.is_old && !self.topics.is_empty() => self.pushed(&["pong", ""]),
            verb if self.is_old && !self.topics.is_empty() => format!("-ERR Can't execute '{verb}'\r\n"),
            "HELLO" | "AUTH" if wrong => format!("-WRONGPASS not {}\r\n", said.map_or("", String::as_str)),
            "HELLO" => "%1\r\n+proto\r\n:3\r\n".to_owned(),
            verb @ ("TOUCH" | "READ") => {
                *peer.ran.borrow_mut().entry(words[1].clone()).or_default() += 1;
                peer.order.borrow_mut().push((self.number, verb.to_owned(), words[1].clone()));
                format!("${}\r\n{}\r\n", words[1].len(), words[1])
            }
            _ => "+OK\r\n".to_owned(),
        };
        if words[0] == "HELLO" || words[0] == "SELECT" || !self.mute {
            self.outgoing.extend(text.bytes());
        }
    }
}
