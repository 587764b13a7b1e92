//! The driver: moves bytes between a session and the network as the task of a link does, and sleeps until the time that
//! the session asks for.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::IoSlice;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::ledger::{Ending, Excuse, Ledger, Pause, Telling};
use super::schedule::{Bond, Call, Known, Named, Network, Provider, Setting, Wakes, Wished};
use super::server::{Client, Server};
use super::socket::Socket;
use super::topics::Hearing;
use super::wire::Wire;
use crate::command::{Encoded, Retry, Slices};
use crate::connection::{
    BackoffSettings, Batch, Claim, Credentials, Entry, Found, GroupEnd, HandshakePlan, Identity, LinkState, More,
    Offline, Output, Policy, Repeat, Room, Sent, Session, SessionSettings, Tracing,
};
use crate::outcome::{Cause, PeerFacts, Stage};
use crate::resp::{Frame, Limits};

/// A session, its driver, the network, the server and the time.
pub(super) struct Link {
    pub(super) now: Instant,
    pub(super) session: Session<Ticket>,
    pub(super) ledger: Ledger,
    pub(super) hearing: Hearing,
    pub(super) server: Server,
    pub(super) network: Network,
    pub(super) provider: Provider,
    pub(super) socket: Socket,
    pub(super) standby: Socket,
    /// What is asked of the provider of credentials: when it answers, if it does.
    asked: Option<(Option<Instant>, Provider)>,
    pub(super) setting: Setting,
    gone: Vec<Rc<Cell<bool>>>,
    /// What was put in and not given back.
    pub(super) room: Room,
    /// Whether the session has said that it is connected.
    connected: bool,
    /// Whether it has just said that it is no more.
    just_lost: bool,
    /// Whether the session has said that the server takes no commands.
    pause: Pause,
    /// The last attempt failed in a way that lets no command wait.
    refused: bool,
    pub(super) closing: Option<More>,
    /// When there were dials, lately, of either connection.
    pub(super) dials: [VecDeque<Instant>; 2],
    pub(super) counts: Counts,
}

/// How often something was done.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) dials: u64,
    /// Times that the session asked to be woken at.
    pub(super) wakes: u64,
    /// Commands that a socket that is gone had taken in full.
    pub(super) handed: u64,
}

/// A caller as the session knows it.
#[derive(Clone, Debug)]
pub(super) struct Ticket {
    caller: u32,
    gone: Rc<Cell<bool>>,
}

impl Claim for Ticket {
    fn is_given_up(&self) -> bool {
        self.gone.get()
    }
}

/// What a step achieved.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Moved,
    Idle,
}

impl Link {
    pub(super) fn new(setting: &Setting) -> Self {
        let now = Instant::now();
        let identity = match setting.identity {
            Known::Nobody => Identity::Anonymous,
            Known::Always => Identity::Known(Credentials::password("a password")),
            Known::WhenAsked => Identity::Provided,
        };
        let settings = SessionSettings {
            role: setting.role,
            handshake: HandshakePlan { database: 1, identity, ..HandshakePlan::default() },
            limits: Limits::default(),
            read_buffer: setting.read_buffer,
            backoff: BACKOFF,
            connect_timeout: setting.connect_timeout,
            heartbeat: setting.heartbeat,
            silence: setting.silence,
            tracing: if setting.seed % 2 == 0 { Tracing::On } else { Tracing::Off },
            routed: false,
            offline: setting.offline,
            seed: setting.seed,
        };
        Self {
            now,
            session: Session::new(settings, now),
            ledger: Ledger::new(),
            hearing: Hearing::default(),
            server: Server::new(),
            network: Network::FREE,
            provider: Provider::Gives(Duration::ZERO),
            socket: Socket::None,
            standby: Socket::None,
            asked: None,
            setting: setting.clone(),
            gone: Vec::new(),
            room: Room::default(),
            connected: false,
            just_lost: false,
            pause: Pause::None,
            refused: false,
            closing: None,
            dials: Default::default(),
            counts: Counts::default(),
        }
    }

    /// Callers put their commands in, at once.
    pub(super) fn post(&mut self, calls: &[Call]) {
        if self.session.is_closed() || self.closing == Some(More::None) {
            return;
        }
        let mut batch = Batch { log: self.session.take_spare().unwrap_or_default(), entries: Vec::new() };
        for call in calls {
            let entry = self.entry(call, &mut batch.log);
            self.room.take(entry.room());
            batch.entries.push(entry);
        }
        self.session.submit(&mut batch, self.now);
        assert!(batch.entries.is_empty() && batch.log.len() == 0, "the batch is left empty");
    }

    fn entry(&mut self, call: &Call, log: &mut Encoded) -> Entry<Ticket> {
        let begin = log.len();
        let mut ends = Vec::with_capacity(call.commands.len());
        let mut lens = Vec::with_capacity(call.commands.len());
        if call.bond == Bond::Transaction {
            log.small().extend_from_slice(b"*1\r\n$5\r\nMULTI\r\n");
            ends.push((log.len() - begin, ANY));
        }
        for (token, verb) in (self.ledger.next_token()..).zip(&call.commands) {
            let before = log.len();
            write_command(token, verb.padding, log);
            lens.push(log.len() - before);
            ends.push((log.len() - begin, Policy { repeat: verb.repeat, retry: verb.retry }));
        }
        let caller = self.ledger.post(call, &lens, self.pause, self.now);
        let gone = Rc::new(Cell::new(false));
        self.gone.push(Rc::clone(&gone));
        let (ticket, deadline) = (Ticket { caller, gone }, call.within.map(|within| self.now + within));
        let entry = match (call.bond, &ends[..]) {
            (Bond::Transaction, _) => {
                log.small().extend_from_slice(b"*1\r\n$4\r\nEXEC\r\n");
                ends.push((log.len() - begin, ANY));
                Entry::unit(ticket, &ends, deadline)
            }
            (Bond::Pipeline, [(len, policy)]) => Entry::single(ticket, *len, deadline, *policy),
            (Bond::Pipeline, _) => Entry::group(ticket, &ends, deadline),
        };
        self.ledger.take_room(caller, entry.room());
        entry
    }

    /// The application changes what it is subscribed to.
    pub(super) fn wish(&mut self, wishes: &[Wished]) {
        if self.session.is_closed() || self.closing.is_some() {
            return;
        }
        let wishes: Vec<_> = wishes.iter().map(|wished| self.hearing.wish(*wished)).collect();
        self.session.wish(wishes);
    }

    /// Somebody publishes a message.
    pub(super) fn publish(&mut self, named: Named) {
        let at = self.now + self.network.latency;
        if let Some(wire) = self.socket.wire() {
            self.server.publish(named, wire, at);
        }
    }

    /// A slot goes to another server, or comes back.
    pub(super) fn move_shard(&mut self, number: u8) {
        let at = self.now + self.network.latency;
        self.server.move_shard(number, self.socket.wire(), at);
    }

    /// The credentials are others now.
    pub(super) fn change_credentials(&mut self) {
        if self.setting.identity == Known::WhenAsked {
            self.session.handle_credentials_changed(self.now);
        }
    }

    /// A caller goes away.
    pub(super) fn leave(&mut self, caller: usize) {
        self.gone[caller].set(true);
        self.ledger.leave(caller as u32, self.now);
    }

    /// Time passes, and what is to happen in it happens.
    pub(super) fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            self.work();
            let provided = self.asked.and_then(|(until, _)| until);
            let [first, second] = [self.socket.next(), self.standby.next()];
            let events = [self.session.poll_timeout(), first, second, self.server.next(), provided];
            match events.into_iter().flatten().min().filter(|next| *next < until) {
                Some(next) => {
                    assert!(next > self.now, "what is due is not done");
                    self.now = next;
                    self.counts.wakes += u64::from(events[0] == Some(next));
                }
                None => break,
            }
        }
        self.now = until;
        self.work();
    }

    /// Does everything there is to do now.
    pub(super) fn work(&mut self) {
        for round in 0.. {
            assert!(round < 100_000, "the session never comes to rest");
            let due = self.session.poll_timeout().is_some_and(|due| due <= self.now);
            if due || self.setting.wakes == Wakes::Always {
                self.session.handle_timeout(self.now);
            }
            self.provide();
            self.deliver();
            let dialed = self.dial();
            self.serve();
            let read = self.read();
            let attended = self.attend_standby();
            self.deliver();
            let written = self.write();
            self.deliver();
            if self.session.is_closed() {
                self.bury_all();
                break;
            }
            let provided = self.asked.is_some_and(|(until, _)| until.is_some_and(|until| until <= self.now));
            if provided || [dialed, read, attended, written].contains(&Progress::Moved) {
                continue;
            }
            if self.session.poll_timeout().is_none_or(|due| due > self.now) {
                break;
            }
            assert!(round < 10, "the session asks to be woken in the past, and does nothing then");
        }
        self.check();
    }

    /// The provider of credentials answers, if somebody still waits for that.
    fn provide(&mut self) {
        if !self.session.awaits_credentials() {
            self.asked = None;
        }
        let Some((_, provider)) = self.asked.take_if(|(until, _)| until.is_some_and(|until| until <= self.now)) else {
            return;
        };
        let given = match provider {
            Provider::Gives(_) => Ok(Credentials::password("a password")),
            Provider::Fails(_) | Provider::Silent => Err(Cause::Credentials { detail: String::new() }),
        };
        self.session.handle_credentials(given, self.now);
    }

    fn dial(&mut self) -> Progress {
        if self.session.poll_dial(self.now) {
            assert!(matches!(self.socket, Socket::None), "there is a socket already");
            self.socket = Socket::dial(self.server.door, self.now);
            self.count_dial(Which::Present);
            self.session.handle_stage(Stage::Connecting, None);
        }
        match self.socket.dialed(&mut self.server, self.now) {
            None => return Progress::Idle,
            Some(Ok(())) => self.session.handle_dialed(PeerFacts::unknown(), self.now),
            Some(Err(cause)) => self.session.handle_lost(cause, self.now),
        }
        Progress::Moved
    }

    /// What is on the way arrives, and the server does what it does.
    fn serve(&mut self) {
        let answers_at = self.now + self.network.latency;
        for socket in [&mut self.socket, &mut self.standby] {
            if let Socket::Open(wire) = socket {
                wire.arrive(self.now);
                self.server.serve(wire, &mut self.ledger, answers_at, Client::There);
                wire.arrive(self.now);
            }
        }
        self.server.serve_orphans(&mut self.ledger, self.now);
    }

    fn read(&mut self) -> Progress {
        let Socket::Open(wire) = &mut self.socket else { return Progress::Idle };
        if wire.reset.is_some_and(|at| at <= self.now) {
            self.lose(Cause::Io(std::io::ErrorKind::ConnectionReset.into()));
            return Progress::Moved;
        }
        let Some(buffer) = self.session.read_buffer() else { return Progress::Idle };
        let room = buffer.capacity() - buffer.len();
        assert!(room > 0, "there is nowhere to read to");
        let allowed = self.network.gulp.min(self.network.down.unwrap_or(usize::MAX));
        let count = wire.readable().min(allowed).min(room);
        if count > 0 {
            buffer.extend(wire.read(count, self.now, |token| self.ledger.refusal_read(token)));
            self.network.down = self.network.down.map(|left| left - count);
            self.session.handle_read(self.now);
            return Progress::Moved;
        }
        if wire.is_at_its_end() {
            self.lose(Cause::PeerClosed);
            return Progress::Moved;
        }
        Progress::Idle
    }

    fn attend_standby(&mut self) -> Progress {
        if !self.session.standby().is_active() {
            self.bury(Which::Standby);
            return Progress::Idle;
        }
        let mut progress = Progress::Idle;
        if self.session.poll_standby_dial(self.now) {
            self.bury(Which::Standby);
            self.standby = Socket::dial(self.server.door, self.now);
            self.count_dial(Which::Standby);
            progress = Progress::Moved;
        }
        match self.standby.dialed(&mut self.server, self.now) {
            None => {}
            Some(Ok(())) => self.session.handle_standby_dialed(PeerFacts::unknown()),
            Some(Err(cause)) => self.session.handle_standby_lost(cause, self.now),
        }
        if let Err(cause) = self.exchange_standby(&mut progress) {
            self.bury(Which::Standby);
            self.session.handle_standby_lost(cause, self.now);
        }
        progress
    }

    fn exchange_standby(&mut self, progress: &mut Progress) -> Result<(), Cause> {
        let Socket::Open(wire) = &mut self.standby else { return Ok(()) };
        if wire.reset.is_some_and(|at| at <= self.now) {
            return Err(Cause::Io(std::io::ErrorKind::ConnectionReset.into()));
        }
        let standby = self.session.standby();
        let mut list = [IoSlice::new(&[]); SLICES];
        let mut slices = Slices::new(&mut list);
        let count = standby.poll_transmit(&mut slices).min(self.network.gulp);
        if count > 0 {
            let bytes: Vec<u8> = list.iter().flat_map(|slice| slice.iter().copied()).take(count).collect();
            standby.handle_written(count);
            wire.take(&[&bytes], self.now + self.network.latency, |_, token, _| panic!("{token} is sent too early"));
            *progress = Progress::Moved;
        }
        if let Some(buffer) = standby.read_buffer() {
            let count = wire.readable().min(self.network.gulp).min(buffer.capacity() - buffer.len());
            if count > 0 {
                buffer.extend(wire.read(count, self.now, |_| ()));
                *progress = Progress::Moved;
            } else if wire.is_at_its_end() {
                return Err(Cause::PeerClosed);
            }
        }
        Ok(())
    }

    fn write(&mut self) -> Progress {
        let mut progress = Progress::Idle;
        while let Socket::Open(wire) = &mut self.socket {
            let mut list = [IoSlice::new(&[]); SLICES];
            let mut slices = Slices::new(&mut list);
            let offered = self.session.poll_transmit(&mut slices);
            let mut allowed = self.network.gulp.min(self.network.up.unwrap_or(usize::MAX));
            if let Some(doom) = wire.doom.filter(|_| wire.established.is_some()) {
                allowed = allowed.min(doom);
                if doom == 0 {
                    wire.reset.get_or_insert(self.now);
                }
            }
            let count = offered.min(allowed);
            if count == 0 {
                break;
            }
            let mut left = count;
            let pieces = list.map(|slice| {
                let piece = &slice[..left.min(slice.len())];
                left -= piece.len();
                // What the session lent ends with the next call to it.
                piece.to_vec()
            });
            self.session.handle_written(count, self.now);
            self.network.up = self.network.up.map(|left| left - count);
            if wire.established.is_some() {
                wire.doom = wire.doom.map(|left| left - count);
            }
            let (ledger, now) = (&mut self.ledger, self.now);
            let at = now + self.network.latency;
            wire.take(&pieces.each_ref().map(Vec::as_slice), at, |wire, token, len| {
                ledger.handed(wire, token, len, now)
            });
            progress = Progress::Moved;
        }
        progress
    }

    /// Hands out what the session has.
    fn deliver(&mut self) {
        self.just_lost = false;
        while let Some(output) = self.session.poll_event(self.now) {
            match output {
                Output::Answered(ticket, frame, sent) => {
                    let again: &[usize] = if sent == Sent::Again { &[0] } else { &[] };
                    self.tell(&ticket, Ending { answers: vec![frame.reply()], lost: &[], again });
                }
                Output::Lost(ticket, lost) => {
                    self.tell(&ticket, Ending { answers: Vec::new(), lost: &[lost], again: &[] });
                }
                Output::Group(ticket, end) => {
                    let GroupEnd { answers, lost, again, found } = &end;
                    let found = found.as_ref().map(|found| {
                        let reply = |found: &Found| answers[found.frame].replies().nth(found.reply);
                        found.iter().map(|found| reply(found).expect("it is where it was found")).collect()
                    });
                    let answers = found.unwrap_or_else(|| answers.iter().flat_map(Frame::replies).collect());
                    self.tell(&ticket, Ending { answers, lost, again });
                }
                Output::NeedCredentials => {
                    let until = match self.provider {
                        Provider::Gives(after) | Provider::Fails(after) => Some(self.now + after),
                        Provider::Silent => None,
                    };
                    self.asked = Some((until, self.provider));
                }
                news => self.hear(&news),
            }
        }
        let settled = self.session.take_settled();
        assert!(settled.commands <= self.room.commands && settled.bytes <= self.room.bytes, "room is given back twice");
        self.room.give_back(settled);
    }

    /// What the session says of its connections.
    fn hear(&mut self, news: &Output<Ticket>) {
        self.hearing.hear(news, self.socket.wire().as_deref());
        match news {
            Output::Hangup => self.bury(Which::Present),
            Output::Promoted => {
                self.bury(Which::Present);
                self.socket = std::mem::replace(&mut self.standby, Socket::None);
                assert!(matches!(self.socket, Socket::Open(_)), "there is no second connection");
            }
            Output::Paused(_) => {
                assert_eq!(self.pause, Pause::None, "paused twice");
                self.pause = Pause::Link;
            }
            Output::Resumed => {
                assert_eq!(self.pause, Pause::Link, "resumed twice");
                self.pause = Pause::None;
            }
            Output::Connected(_) => {
                assert!(!self.connected, "connected twice");
                self.connected = true;
                let wire = self.socket.wire().expect("there is a connection");
                wire.established = Some(self.now);
            }
            Output::Disconnected { .. } => {
                assert!(self.connected, "disconnected twice");
                self.connected = false;
                self.just_lost = true;
            }
            Output::State => {
                let permanent =
                    matches!(self.session.state(), LinkState::Backoff { cause, .. } if cause.is_permanent());
                self.refused = permanent && !self.just_lost;
            }
            _ => {}
        }
    }

    fn tell(&mut self, ticket: &Ticket, ending: Ending<'_>) {
        let turns_away = self.refused || self.closing.is_some() || self.setting.offline == Offline::FailFast;
        let excuse = if turns_away { Excuse::TurnsAway } else { Excuse::None };
        let (mut amid_a_command, mut dying) = (false, 0);
        if let Some(wire) = self.socket.wire() {
            amid_a_command = wire.is_amid_a_command();
            wire.may_complete_the_told |= amid_a_command;
            // That it is lost is said after those who are told because of it.
            dying = u32::from(wire.established.is_some());
        }
        let at = Telling { now: self.now, excuse, amid_a_command, dying };
        self.ledger.tell(ticket.caller, ending, at);
    }

    /// The connections there are.
    pub(super) fn wires(&mut self) -> impl Iterator<Item = &mut Wire> {
        [self.socket.wire(), self.standby.wire()].into_iter().flatten()
    }

    /// The socket fails.
    pub(super) fn lose(&mut self, cause: Cause) {
        self.bury(Which::Present);
        self.session.handle_lost(cause, self.now);
    }

    /// The client's end of a connection is gone.
    fn bury(&mut self, which: Which) {
        let socket = match which {
            Which::Present => &mut self.socket,
            Which::Standby => &mut self.standby,
        };
        if let Socket::Open(wire) = std::mem::replace(socket, Socket::None) {
            self.counts.handed += wire.taken;
            self.ledger.handle_death(&wire);
            self.server.keep(*wire);
        }
    }

    fn bury_all(&mut self) {
        self.asked = None;
        self.bury(Which::Present);
        self.bury(Which::Standby);
    }
}

/// One of the two connections there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    Present,
    Standby,
}

/// Encodes `SET <token> <padding>`.
fn write_command(token: u32, padding: usize, log: &mut Encoded) {
    use std::io::Write;
    let small = log.small();
    let digits = token.checked_ilog10().map_or(1, |log| log + 1);
    let written = if padding < LARGE.len() {
        let padding = std::str::from_utf8(&LARGE[..padding]).expect("it is ASCII");
        write!(small, "*3\r\n$3\r\nSET\r\n${digits}\r\n{token}\r\n${}\r\n{padding}\r\n", padding.len())
    } else {
        write!(small, "*3\r\n$3\r\nSET\r\n${digits}\r\n{token}\r\n${}\r\n", LARGE.len())
    };
    written.expect("memory can be written to");
    if padding >= LARGE.len() {
        log.push_large(bytes::Bytes::from_static(LARGE));
        log.small().extend_from_slice(b"\r\n");
    }
}

/// Forbids nothing.
const ANY: Policy = Policy { repeat: Repeat::Allowed, retry: Retry::All };

const LARGE: &[u8] = &[b'x'; 20_000];

const BACKOFF: BackoffSettings =
    BackoffSettings { first: Duration::from_millis(10), max: Duration::from_secs(1), jitter: 50 };

/// How many pieces one write takes.
const SLICES: usize = 4;
