//! The server of the scenarios: it answers every command with its argument and remembers what it ran.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};

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
}

/// One connection as the peer sees it.
pub(super) struct Wire {
    decoder: Decoder,
    incoming: BytesMut,
    pub(super) outgoing: VecDeque<u8>,
    pub(super) number: u32,
    /// Answers nothing but the handshake.
    pub(super) mute: bool,
}

impl Wire {
    pub(super) fn new(number: u32) -> Self {
        Self {
            mute: false,
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

    fn answer(&mut self, peer: &Peer, words: &[String]) {
        let said = words.iter().position(|word| word == "AUTH").and_then(|_| words.last());
        if let Some(password) = said {
            peer.logins.borrow_mut().push((self.number, password.clone()));
        }
        let wrong = said.is_some_and(|said| peer.password.borrow().as_ref().is_some_and(|right| right != said));
        let text = match words[0].as_str() {
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
