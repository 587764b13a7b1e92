//! One socket's life: the handshake, then frames in and out.

use std::fmt;

use bytes::BytesMut;

use super::handshake::{self, Handshake, Progress};
use super::identity::{Credentials, Identity};
use super::settings::{HandshakePlan, Role, SessionSettings};
use super::state::ServerFacts;
use super::subscriptions::{self, Change};
use crate::outcome::{Cause, HandshakeRefusal};
use crate::resp::{Decoder, Frame, Protocol, View};

/// The protocol's state on one socket.
pub(crate) struct Connection {
    decoder: Decoder,
    /// Bytes read and not yet decoded.
    incoming: BytesMut,
    /// How many bytes to read at once.
    read_size: usize,
    role: Role,
    phase: Phase,
    /// Handshake bytes that the socket has not taken.
    greeting: Vec<u8>,
}

#[derive(Debug)]
enum Phase {
    /// The handshake waits for credentials.
    Unidentified(Box<HandshakePlan>),
    Greeting(Box<Handshake>),
    Ready,
    /// The same, and simple strings that answer nothing are what the server was asked to tell (`MONITOR`).
    Telling,
    /// Ready, and arrays that are messages or confirmations are pushes: a server that speaks RESP2 has no others.
    Subscriber,
    /// Nothing more will come of this connection.
    Failed,
}

/// What the bytes that were read amount to.
#[derive(Debug)]
pub(crate) enum Received {
    /// Answers to commands; a run if more than one was due.
    Answers(Frame),
    /// Something unasked.
    Push(Frame),
    /// What answers the command to subscribe or to unsubscribe. Servers end subscriptions also by themselves.
    Confirmed(Change),
    /// The handshake is done.
    Established(ServerFacts),
    /// The connection is of no more use.
    Failed(Cause),
    /// More bytes are needed.
    Nothing,
}

impl Connection {
    /// A new socket, on which the handshake is to begin, at once or with [`Self::identify`].
    pub(crate) fn begin(settings: &SessionSettings) -> Self {
        let mut connection = Self {
            decoder: Decoder::new(settings.limits),
            incoming: BytesMut::new(),
            read_size: settings.read_buffer,
            role: settings.role,
            phase: Phase::Failed,
            greeting: Vec::new(),
        };
        let plan = settings.handshake.clone();
        match plan.identity {
            Identity::Provided => connection.phase = Phase::Unidentified(Box::new(plan)),
            Identity::Anonymous | Identity::Known(_) => connection.start(plan),
        }
        connection
    }

    /// Whether the handshake waits for [`Self::identify`].
    pub(crate) fn awaits_credentials(&self) -> bool {
        matches!(self.phase, Phase::Unidentified(_))
    }

    /// Begins the handshake that waited for credentials.
    pub(crate) fn identify(&mut self, credentials: Credentials) {
        match std::mem::replace(&mut self.phase, Phase::Failed) {
            Phase::Unidentified(plan) => self.start(HandshakePlan { identity: Identity::Known(credentials), ..*plan }),
            other => self.phase = other,
        }
    }

    fn start(&mut self, plan: HandshakePlan) {
        // Whatever comes of its first step, nothing was answered yet: there is nothing to tell.
        self.advance(Handshake::begin(plan));
    }

    /// Whether commands may be sent.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready | Phase::Subscriber | Phase::Telling)
    }

    /// From now on simple strings that answer nothing are what the server was asked to tell.
    pub(crate) fn expect_lines(&mut self) {
        if let Phase::Ready = self.phase {
            self.phase = Phase::Telling;
        }
    }

    /// Whether the server tells what it was asked to, and is to be asked nothing more.
    pub(crate) fn is_telling(&self) -> bool {
        matches!(self.phase, Phase::Telling)
    }

    /// Whether the server takes `AUTH`. From a subscriber that speaks RESP2 it does not: there the next handshake tells it.
    pub(crate) fn may_authenticate(&self) -> bool {
        matches!(self.phase, Phase::Ready)
    }

    /// What of the handshake must be sent next.
    pub(crate) fn greeting(&self) -> &[u8] {
        &self.greeting
    }

    /// The socket took that much of the handshake.
    pub(crate) fn handle_greeting_written(&mut self, count: usize) {
        self.greeting.drain(..count.min(self.greeting.len()));
    }

    /// Sends more, of which the answers come as those to commands do.
    pub(crate) fn ask(&mut self, question: &[u8]) {
        self.greeting.extend_from_slice(question);
    }

    /// Where to read to, with room for at least something.
    pub(crate) fn read_buffer(&mut self) -> &mut BytesMut {
        let partial = self.incoming.len();
        // What is announced is believed only as far as as much has arrived, or one buffer's worth.
        let believed = self.decoder.needed().min(partial.max(self.read_size));
        let room = self.incoming.capacity() - partial;
        if room < believed.max(self.read_size / 16) {
            // A reply that does not fit is moved to a new buffer. The next one is likely to be as large: with room for
            // several, only one of them is moved.
            let several = if partial >= self.read_size / 4 { 4 * self.read_size } else { self.read_size };
            self.incoming.reserve(believed.max(several));
        }
        &mut self.incoming
    }

    /// Takes the next thing out of what was read; `due` says how many answers may be taken at once. With none due, an
    /// answer shows that the peer and we disagree about what was asked.
    #[inline(always)]
    pub(crate) fn poll_received(&mut self, due: usize) -> Received {
        if self.incoming.is_empty() {
            return Received::Nothing;
        }
        if due == 0 || !matches!(self.phase, Phase::Ready) {
            return self.poll_one(due);
        }
        match self.decoder.decode(&mut self.incoming, due) {
            Ok(Some(frame)) if !frame.is_push() => Received::Answers(frame),
            Ok(Some(push)) => self.handle_push(push),
            Ok(None) => Received::Nothing,
            Err(error) => self.fail(error.to_string()),
        }
    }

    /// Takes the next thing out of what was read where that need not be an answer to a command: none is due, or commands
    /// cannot be sent yet, or messages look like answers.
    fn poll_one(&mut self, due: usize) -> Received {
        loop {
            let frame = match self.decoder.decode(&mut self.incoming, 1) {
                Ok(Some(frame)) => frame,
                Ok(None) => return Received::Nothing,
                Err(error) => return self.fail(error.to_string()),
            };
            if frame.is_push() {
                return self.handle_push(frame);
            }
            if matches!(self.phase, Phase::Subscriber) {
                return match subscriptions::is_pushed(frame.reply()) {
                    true => self.handle_push(frame.into_push()),
                    false if due > 0 => Received::Answers(frame),
                    false => self.fail(unasked(&frame)),
                };
            }
            if matches!(self.phase, Phase::Telling) {
                return match frame.reply().view() {
                    _ if due > 0 => Received::Answers(frame),
                    Ok(View::SimpleString(_)) => Received::Push(frame),
                    _ => self.fail(unasked(&frame)),
                };
            }
            match std::mem::replace(&mut self.phase, Phase::Failed) {
                Phase::Ready | Phase::Subscriber | Phase::Telling => return self.fail(unasked(&frame)),
                Phase::Failed => return Received::Nothing,
                // A server that turns us away does not wait to be asked.
                Phase::Unidentified(_) => return self.refused(handshake::turned_away(frame.reply())),
                Phase::Greeting(handshake) => match self.advance((*handshake).handle_answer(frame.reply())) {
                    Received::Nothing => {}
                    received => return received,
                },
            }
        }
    }

    fn handle_push(&mut self, push: Frame) -> Received {
        match Change::confirmed_by(push.reply()) {
            Some(change) => Received::Confirmed(change),
            None => Received::Push(push),
        }
    }

    fn advance(&mut self, progress: Progress) -> Received {
        match progress {
            Progress::Waiting(handshake) => {
                self.phase = Phase::Greeting(Box::new(handshake));
                Received::Nothing
            }
            Progress::Send(handshake, bytes) => {
                self.phase = Phase::Greeting(Box::new(handshake));
                self.greeting.extend_from_slice(&bytes);
                Received::Nothing
            }
            Progress::Done(facts) => {
                let in_arrays = self.role == Role::Subscriber && facts.protocol == Protocol::Resp2;
                self.phase = if in_arrays { Phase::Subscriber } else { Phase::Ready };
                Received::Established(facts)
            }
            Progress::Failed(refusal) => self.refused(refusal),
        }
    }

    fn fail(&mut self, detail: String) -> Received {
        self.phase = Phase::Failed;
        Received::Failed(Cause::Protocol { detail })
    }

    fn refused(&mut self, refusal: HandshakeRefusal) -> Received {
        self.phase = Phase::Failed;
        Received::Failed(Cause::Handshake(refusal))
    }
}

/// The bytes that were read and are to be sent are secret.
impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let phase = match self.phase {
            Phase::Unidentified(_) => "waits for credentials",
            Phase::Greeting(_) => "in the handshake",
            Phase::Ready | Phase::Subscriber | Phase::Telling => "ready",
            Phase::Failed => "failed",
        };
        f.debug_struct("Connection").field("phase", &phase).finish_non_exhaustive()
    }
}

/// Says what came although nothing had been asked.
fn unasked(frame: &Frame) -> String {
    let reply = frame.reply();
    match reply.bytes() {
        Some(line) if reply.is_error() => {
            let line = String::from_utf8_lossy(line);
            format!("an error that answers no command: {}", line.chars().take(SHOWN).collect::<String>())
        }
        _ => format!("{} that answers no command", reply.kind()),
    }
}

/// At most this much of a server's text is repeated.
const SHOWN: usize = 120;
