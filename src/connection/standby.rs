//! A second connection, made while the present one is in doubt, and taken into use only if it is better.
//!
//! ```text
//!           want             dial              dialed            handshake done
//!   Unused ─────▶ Wanted ──────────▶ Dialing ────────▶ Greeting ────────────────▶ (promoted, or Proven)
//!     ▲             │                   │                 │                              │
//!     └─────────────┴── failed, or not wanted any more ───┴──────────────────────────────┘
//! ```
//!
//! After its handshake it is asked whether it is better: a server may well answer a new connection while it holds back the
//! commands of the other one, or all of them (`CLIENT PAUSE`, a long script).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::BytesMut;

use super::identity::Credentials;
use super::settings::SessionSettings;
use super::state::ServerFacts;
use super::subscriptions::unasked_confirmation;
use super::wire::{Connection, Received};
use crate::command::{Command, Slices};
use crate::outcome::{Cause, PeerFacts, Stage};
use crate::resp::{Reply, View};

/// The second connection of a link, if there is one.
#[derive(Debug)]
pub(crate) struct Standby {
    phase: Phase,
    /// No attempt begins before this.
    not_before: Option<Instant>,
}

/// Why a second connection is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doubt {
    /// The peer says nothing although answers are due.
    Silence,
    /// The server takes no writes: what the address leads to now may be another one.
    ReadOnly,
}

#[derive(Debug)]
enum Phase {
    Unused,
    Wanted(Doubt),
    Dialing {
        doubt: Doubt,
        until: Instant,
        stage: Stage,
    },
    Greeting {
        doubt: Doubt,
        until: Instant,
        connection: Box<Connection>,
        peer: PeerFacts,
    },
    /// Its handshake is done, and it is asked whether it is better.
    Asking {
        doubt: Doubt,
        until: Instant,
        ready: Box<Ready>,
        /// What is still to be answered.
        questions: VecDeque<Question>,
    },
    /// It answers, and waits until the present one has answered what it was sent, until then at the latest.
    Proven {
        ready: Box<Ready>,
        until: Instant,
    },
}

/// What a second connection is asked, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    /// Whether the server takes commands at all: `PING`.
    Awake,
    /// Whether it holds back the first connection's commands: `CLIENT LIST ID`, with the flag `b` for a blocked client.
    Blocked,
    /// Whether it takes writes, if it has not said so: `ROLE`.
    Role,
}

/// What became of the attempt to find a better connection.
#[derive(Debug)]
pub(crate) enum Found {
    Better(Doubt, Box<Ready>),
    /// It can be used, and the first one is as good.
    NoBetter,
    Failed(Cause),
}

/// A connection that can be used.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) connection: Connection,
    pub(crate) peer: PeerFacts,
    pub(crate) server: ServerFacts,
}

impl Standby {
    pub(crate) fn new() -> Self {
        Self { phase: Phase::Unused, not_before: None }
    }

    /// Asks for a second connection, unless there is one or the last attempt was a moment ago.
    pub(crate) fn want(&mut self, doubt: Doubt, now: Instant) {
        if matches!(self.phase, Phase::Unused) && self.not_before.is_none_or(|instant| instant <= now) {
            self.phase = Phase::Wanted(doubt);
        }
    }

    /// Whether an attempt is wanted or made; if not, the driver has no socket for it.
    pub(crate) fn is_active(&self) -> bool {
        !matches!(self.phase, Phase::Unused)
    }

    /// When the next attempt may begin, at the earliest.
    pub(crate) fn not_before(&self) -> Option<Instant> {
        self.not_before
    }

    /// Whether the driver should dial now; if so, an attempt has begun.
    pub(crate) fn poll_dial(&mut self, settings: &SessionSettings, now: Instant) -> bool {
        let Phase::Wanted(doubt) = self.phase else { return false };
        self.phase = Phase::Dialing { doubt, until: now + settings.connect_timeout, stage: Stage::Resolving };
        true
    }

    /// The transport has got to a stage of the attempt.
    pub(crate) fn handle_stage(&mut self, reached: Stage) {
        if let Phase::Dialing { stage, .. } = &mut self.phase {
            *stage = reached;
        }
    }

    /// How far the attempt has got.
    pub(crate) fn stage(&self) -> Stage {
        match self.phase {
            Phase::Dialing { stage, .. } => stage,
            _ => Stage::Handshake,
        }
    }

    /// The transport has a socket for it.
    pub(crate) fn handle_dialed(&mut self, settings: &SessionSettings, peer: PeerFacts) {
        let Phase::Dialing { doubt, until, .. } = self.phase else { return };
        let connection = Box::new(Connection::begin(settings));
        self.phase = Phase::Greeting { doubt, until, connection, peer };
    }

    /// Whether its handshake waits for [`Self::identify`].
    pub(crate) fn awaits_credentials(&self) -> bool {
        matches!(&self.phase, Phase::Greeting { connection, .. } if connection.awaits_credentials())
    }

    /// Begins the handshake that waited for credentials.
    pub(crate) fn identify(&mut self, credentials: Credentials) {
        if let Phase::Greeting { connection, .. } = &mut self.phase {
            connection.identify(credentials);
        }
    }

    /// Gives it up; the next attempt begins after `pause` at the earliest.
    pub(crate) fn give_up(&mut self, pause: Duration, now: Instant) {
        *self = Self { phase: Phase::Unused, not_before: Some(now + pause) };
    }

    /// The present connection has given a sign of life.
    pub(crate) fn handle_life(&mut self) {
        let (Phase::Wanted(doubt)
        | Phase::Dialing { doubt, .. }
        | Phase::Greeting { doubt, .. }
        | Phase::Asking { doubt, .. }) = self.phase
        else {
            return;
        };
        if doubt == Doubt::Silence {
            *self = Self::new();
        }
    }

    /// Where to read to.
    pub(crate) fn read_buffer(&mut self) -> Option<&mut BytesMut> {
        match &mut self.phase {
            Phase::Greeting { connection, .. } => Some(connection.read_buffer()),
            Phase::Asking { ready, .. } | Phase::Proven { ready, .. } => Some(ready.connection.read_buffer()),
            _ => None,
        }
    }

    /// Adds what its socket should take next to `slices`; returns the number of bytes.
    pub(crate) fn poll_transmit<'a>(&'a self, slices: &mut Slices<'a, '_>) -> usize {
        let connection = match &self.phase {
            Phase::Greeting { connection, .. } => &**connection,
            Phase::Asking { ready, .. } => &ready.connection,
            _ => return 0,
        };
        let greeting = connection.greeting();
        if !greeting.is_empty() && slices.push(greeting) { greeting.len() } else { 0 }
    }

    /// Its socket took `count` bytes.
    pub(crate) fn handle_written(&mut self, count: usize) {
        match &mut self.phase {
            Phase::Greeting { connection, .. } => connection.handle_greeting_written(count),
            Phase::Asking { ready, .. } => ready.connection.handle_greeting_written(count),
            _ => {}
        }
    }

    /// What the bytes that were read amount to; `present` is what the server calls the first connection.
    pub(crate) fn poll_found(&mut self, present: Option<i64>) -> Option<Found> {
        if matches!(self.phase, Phase::Greeting { .. }) {
            let outcome = self.poll_greeting(present)?;
            return Some(outcome);
        }
        let Phase::Asking { ready, questions, .. } = &mut self.phase else { return None };
        while let Some(question) = questions.front().copied() {
            match ready.connection.poll_received(questions.len()) {
                Received::Nothing => return None,
                Received::Push(_) | Received::Established(_) => {}
                Received::Confirmed(_) => return Some(Found::Failed(unasked_confirmation())),
                Received::Failed(cause) => return Some(Found::Failed(cause)),
                Received::Answers(frame) => {
                    let mut question = Some(question);
                    for answer in frame.replies() {
                        if question.is_some_and(|question| speaks_against(question, answer)) {
                            return Some(Found::NoBetter);
                        }
                        questions.pop_front();
                        question = questions.front().copied();
                    }
                }
            }
        }
        match std::mem::replace(&mut self.phase, Phase::Unused) {
            Phase::Asking { doubt, ready, .. } => Some(Found::Better(doubt, ready)),
            _ => None,
        }
    }

    fn poll_greeting(&mut self, present: Option<i64>) -> Option<Found> {
        let Phase::Greeting { connection, .. } = &mut self.phase else { return None };
        let server = loop {
            match connection.poll_received(0) {
                Received::Nothing => return None,
                Received::Push(_) => {}
                Received::Established(server) => break server,
                Received::Confirmed(_) => return Some(Found::Failed(unasked_confirmation())),
                Received::Failed(cause) => return Some(Found::Failed(cause)),
                Received::Answers(_) => {
                    return Some(Found::Failed(Cause::Protocol { detail: "an answer to no command".to_owned() }));
                }
            }
        };
        let Phase::Greeting { doubt, until, connection, peer } = std::mem::replace(&mut self.phase, Phase::Unused)
        else {
            return None;
        };
        let mut ready = Box::new(Ready { connection: *connection, peer, server });
        let mut questions = VecDeque::new();
        let mut ask = |question: Question, command: Command| {
            ready.connection.ask(&command.to_wire());
            questions.push_back(question);
        };
        match (doubt, ready.server.role.is_some()) {
            (Doubt::Silence, _) => {
                ask(Question::Awake, Command::new("PING"));
                if let Some(id) = present {
                    ask(Question::Blocked, Command::new("CLIENT LIST").arg(("ID", id)));
                }
            }
            (Doubt::ReadOnly, true) if ready.server.is_replica() => return Some(Found::NoBetter),
            (Doubt::ReadOnly, true) => return Some(Found::Better(doubt, ready)),
            (Doubt::ReadOnly, false) => ask(Question::Role, Command::new("ROLE")),
        }
        self.phase = Phase::Asking { doubt, until, ready, questions };
        None
    }

    /// Keeps a connection that can be used until the present one has answered, until `until` at the latest.
    pub(crate) fn keep(&mut self, ready: Box<Ready>, until: Instant) {
        self.phase = Phase::Proven { ready, until };
    }

    /// Takes the connection that waited.
    pub(crate) fn take_proven(&mut self) -> Option<Box<Ready>> {
        match std::mem::replace(&mut self.phase, Phase::Unused) {
            Phase::Proven { ready, .. } => Some(ready),
            other => {
                self.phase = other;
                None
            }
        }
    }

    /// When it is given up.
    pub(crate) fn until(&self) -> Option<Instant> {
        match self.phase {
            Phase::Dialing { until, .. }
            | Phase::Greeting { until, .. }
            | Phase::Asking { until, .. }
            | Phase::Proven { until, .. } => Some(until),
            Phase::Unused | Phase::Wanted(_) => None,
        }
    }
}

/// Whether an answer shows that the second connection is no better than the first one. Servers that know no such question
/// say nothing against it, but for the last one.
fn speaks_against(question: Question, answer: Reply<'_>) -> bool {
    let text = answer.bytes().unwrap_or_default();
    match question {
        Question::Awake => answer.is_error() && text.starts_with(b"BUSY"),
        Question::Blocked if answer.is_error() => text.starts_with(b"BUSY"),
        Question::Blocked => is_blocked(text),
        Question::Role => match answer.view() {
            Ok(View::Array(mut items)) => items.next().and_then(Reply::bytes) != Some(b"master"),
            _ => true,
        },
    }
}

/// Whether a line of `CLIENT LIST` has the flag `b`.
fn is_blocked(line: &[u8]) -> bool {
    let line = String::from_utf8_lossy(line);
    let flags = line.split_ascii_whitespace().find_map(|field| field.strip_prefix("flags="));
    flags.is_some_and(|flags| flags.contains('b'))
}
