//! A session against a scripted peer in virtual time: named scenarios, and random schedules checked by a ledger.

mod credentials;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::io::IoSlice;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::BytesMut;

use super::*;
use crate::command::{Command, Encoded, FromReply, Slices};
use crate::outcome::{Cause, Fate, PeerFacts, Stage};
use crate::resp::{Decoder, Frame, Limits, View};

/// A caller, known by a number that its answers must carry.
#[derive(Clone, Debug)]
struct Caller {
    number: u32,
    /// What it does, command by command.
    commands: Vec<Verb>,
    gone: Rc<Cell<bool>>,
    deadline: Option<Instant>,
}

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    /// Changes nothing, and may be sent again.
    Read,
    /// Must not run twice.
    Touch,
}

impl Claim for Caller {
    fn is_given_up(&self) -> bool {
        self.gone.get()
    }
}

/// How a caller's wait ended: the commands that have no answer.
#[derive(Debug)]
struct Ending {
    lost: Vec<Lost>,
}

impl Ending {
    fn is_answered(&self) -> bool {
        self.lost.is_empty()
    }

    fn fate(&self, place: u32) -> Option<Fate> {
        self.lost.iter().find(|lost| lost.place == place as usize).map(|lost| lost.fate)
    }
}

/// A server that answers every command with its argument and keeps a ledger of what it ran, across its connections.
#[derive(Default)]
struct Peer {
    ran: RefCell<BTreeMap<String, u32>>,
    /// Connection, verb and argument, in the order of their runs.
    order: RefCell<Vec<(u32, String, String)>>,
    /// Connection and password, of each HELLO with AUTH and each AUTH.
    logins: RefCell<Vec<(u32, String)>>,
    /// The only password that is taken; `None`: any.
    password: RefCell<Option<String>>,
}

/// One connection as the peer sees it.
struct Wire {
    decoder: Decoder,
    incoming: BytesMut,
    outgoing: VecDeque<u8>,
    number: u32,
    /// Answers nothing but the handshake.
    mute: bool,
}

impl Wire {
    fn new(number: u32) -> Self {
        Self {
            mute: false,
            number,
            decoder: Decoder::new(Limits::default()),
            incoming: BytesMut::new(),
            outgoing: VecDeque::new(),
        }
    }

    fn handle_bytes(&mut self, peer: &Peer, bytes: &[u8]) {
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

/// A session, a peer and the time.
struct World {
    now: Instant,
    session: Session<Caller>,
    peer: Peer,
    wire: Option<Wire>,
    endings: BTreeMap<u32, Ending>,
    callers: Vec<Caller>,
    /// What was put in and not given back.
    room: Room,
    next: u32,
    connections: u32,
    /// How often credentials were asked for.
    asked: u32,
    /// What became of authentications on the connection.
    told: Vec<Result<(), Cause>>,
}

impl World {
    fn new(settings: impl FnOnce(&mut SessionSettings)) -> Self {
        let now = Instant::now();
        let mut session_settings = SessionSettings {
            handshake: HandshakePlan { database: 1, ..HandshakePlan::default() },
            limits: Limits::default(),
            read_buffer: 1024,
            backoff: BackoffSettings { first: Duration::from_millis(10), max: Duration::from_secs(1), jitter: 50 },
            connect_timeout: Duration::from_secs(2),
            heartbeat: None,
            silence: None,
            offline: Offline::Wait,
            seed: 1,
        };
        settings(&mut session_settings);
        Self {
            now,
            session: Session::new(session_settings, now),
            peer: Peer::default(),
            wire: None,
            endings: BTreeMap::new(),
            callers: Vec::new(),
            room: Room::default(),
            next: 0,
            connections: 0,
            asked: 0,
            told: Vec::new(),
        }
    }

    fn ready() -> Self {
        let mut world = Self::new(|_| ());
        world.connect();
        world.settle();
        assert!(world.session.state().is_ready());
        world
    }

    /// A call of `commands` commands that must not run twice; returns its number.
    fn call(&mut self, commands: u32, within: Option<Duration>) -> u32 {
        self.call_of(vec![Verb::Touch; commands as usize], within)
    }

    fn call_of(&mut self, commands: Vec<Verb>, within: Option<Duration>) -> u32 {
        let number = self.next;
        self.next += 1;
        let deadline = within.map(|within| self.now + within);
        let caller = Caller { number, commands: commands.clone(), gone: Rc::default(), deadline };
        let mut log = Encoded::default();
        let ends: Vec<_> = commands
            .iter()
            .enumerate()
            .map(|(index, verb)| {
                let (name, repeat) = match verb {
                    Verb::Read => ("READ", Repeat::Allowed),
                    Verb::Touch => ("TOUCH", Repeat::Forbidden),
                };
                Command::new(name).arg(format!("{number}.{index}")).write_to(&mut log);
                (log.len(), repeat)
            })
            .collect();
        let entry = match ends[..] {
            [(_, repeat)] => Entry::single(caller.clone(), log.len(), deadline, repeat),
            _ => Entry::group(caller.clone(), &ends, deadline),
        };
        self.room.take(entry.room());
        self.callers.push(caller);
        self.session.submit(&mut Batch { log, entries: vec![entry] }, self.now);
        self.drain();
        number
    }

    fn open(&mut self) {
        self.connections += 1;
        self.wire = Some(Wire::new(self.connections));
        self.session.handle_dialed(PeerFacts::unknown(), self.now);
    }

    fn connect(&mut self) {
        assert!(self.session.poll_dial(self.now));
        self.open();
        self.drain();
    }

    /// The socket takes up to `most` bytes; returns how many.
    fn write(&mut self, most: usize) -> usize {
        let mut list = [IoSlice::new(&[]); 8];
        let mut slices = Slices::new(&mut list);
        self.session.poll_transmit(&mut slices);
        let count = slices.len();
        let mut bytes: Vec<u8> = list[..count].iter().flat_map(|slice| slice.to_vec()).collect();
        bytes.truncate(most);
        if let (Some(wire), false) = (&mut self.wire, bytes.is_empty()) {
            self.session.handle_written(bytes.len(), self.now);
            wire.handle_bytes(&self.peer, &bytes);
        }
        bytes.len()
    }

    /// The socket gives up to `most` bytes; returns how many.
    fn read(&mut self, most: usize) -> usize {
        let Some(wire) = &mut self.wire else { return 0 };
        let bytes: Vec<u8> = wire.outgoing.drain(..most.min(wire.outgoing.len())).collect();
        self.inject(&bytes);
        bytes.len()
    }

    fn inject(&mut self, bytes: &[u8]) {
        if let Some(buffer) = self.session.read_buffer() {
            buffer.extend_from_slice(bytes);
            self.session.handle_read(self.now);
        }
        self.drain();
    }

    fn cut(&mut self, cause: Cause) {
        if self.wire.take().is_some() {
            self.session.handle_lost(cause, self.now);
        }
        self.drain();
    }

    fn advance(&mut self, by: Duration) {
        self.now += by;
        self.session.handle_timeout(self.now);
        self.drain();
        for caller in &self.callers {
            let late = caller.deadline.is_some_and(|deadline| deadline <= self.now);
            let ended = self.endings.contains_key(&caller.number) || caller.gone.get();
            assert!(!late || ended, "caller {} waits past its deadline", caller.number);
        }
    }

    /// Exchanges bytes until nothing moves.
    fn settle(&mut self) {
        while self.write(usize::MAX) + self.read(usize::MAX) > 0 {}
    }

    /// Exchanges bytes, but for the answers to commands.
    fn settle_writes(&mut self) {
        if let Some(wire) = &mut self.wire {
            wire.mute = true;
        }
        self.settle();
    }

    /// Exchanges the bytes of the handshake, and none of commands.
    fn settle_handshake(&mut self) {
        while !self.session.state().is_ready() {
            self.write(usize::MAX);
            self.read(usize::MAX);
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll_event(self.now) {
            match output {
                Output::Answered(caller, frame, _) => {
                    check_answers(&caller, &[frame], &[]);
                    self.end(&caller, Vec::new());
                }
                Output::Lost(caller, lost) => self.end(&caller, vec![lost]),
                Output::Group(caller, end) => {
                    check_answers(&caller, &end.answers, &end.lost);
                    self.end(&caller, end.lost);
                }
                Output::Hangup => self.wire = None,
                Output::NeedCredentials => self.asked += 1,
                Output::Reauthenticated => self.told.push(Ok(())),
                Output::ReauthenticationFailed(cause) => self.told.push(Err(cause)),
                _ => {}
            }
        }
        self.room.give_back(self.session.take_settled());
    }

    fn end(&mut self, caller: &Caller, lost: Vec<Lost>) {
        let before = self.endings.insert(caller.number, Ending { lost });
        assert!(before.is_none(), "caller {} was told twice", caller.number);
    }

    fn ran(&self, number: u32, index: u32) -> u32 {
        self.peer.ran.borrow().get(&format!("{number}.{index}")).copied().unwrap_or_default()
    }

    fn is_answered(&self, number: u32) -> bool {
        self.endings.get(&number).is_some_and(Ending::is_answered)
    }

    /// The only loss of a caller.
    fn lost(&self, number: u32) -> &Lost {
        match &self.endings[&number].lost[..] {
            [lost] => lost,
            other => panic!("{number}: {other:?}"),
        }
    }

    fn fate(&self, number: u32) -> Fate {
        self.lost(number).fate
    }

    /// What every caller was told against what the server ran.
    fn audit(&self) {
        let place = |text: &str| {
            let (number, index) = text.split_once('.').expect("number.index");
            (number.parse::<u32>().unwrap(), index.parse::<u32>().unwrap())
        };
        let order: Vec<_> =
            self.peer.order.borrow().iter().map(|(wire, verb, text)| (*wire, place(text), verb.clone())).collect();
        assert!(order.windows(2).all(|pair| pair[0] < pair[1]), "out of order on a connection: {order:?}");
        let touched: Vec<_> = order.iter().filter(|(_, _, verb)| verb == "TOUCH").map(|(_, place, _)| *place).collect();
        assert!(touched.windows(2).all(|pair| pair[0] < pair[1]), "out of order, or twice: {touched:?}");
        for caller in &self.callers {
            for (index, verb) in (0..).zip(&caller.commands) {
                let ran = self.ran(caller.number, index);
                let Some(ending) = self.endings.get(&caller.number) else {
                    assert!(caller.gone.get(), "{caller:?} was forgotten");
                    continue;
                };
                match (ending.fate(index), verb) {
                    (None, Verb::Touch) => assert_eq!(ran, 1, "{caller:?}: command {index} was answered"),
                    (None, Verb::Read) => assert!(ran >= 1, "{caller:?}: command {index} was answered"),
                    (Some(Fate::NotSent), _) => assert_eq!(ran, 0, "{caller:?}: command {index} was not sent"),
                    (Some(Fate::Unknown), Verb::Touch) => assert!(ran <= 1),
                    (Some(Fate::Unknown), Verb::Read) => {}
                    (Some(other), _) => panic!("{other:?}"),
                }
            }
        }
        assert_eq!(self.room, Room::default(), "room was not given back");
        assert_eq!(self.session.held(), 0, "bytes are held that nobody needs");
    }
}

fn check_answers(caller: &Caller, frames: &[Frame], lost: &[Lost]) {
    assert!(lost.windows(2).all(|pair| pair[0].place < pair[1].place), "{lost:?}");
    let answers: Vec<_> = frames.iter().flat_map(Frame::replies).collect();
    let answered = (0..caller.commands.len()).filter(|index| lost.iter().all(|lost| lost.place != *index));
    assert_eq!(answers.len(), caller.commands.len() - lost.len());
    for (index, answer) in answered.zip(answers) {
        let wanted = format!("{}.{index}", caller.number);
        assert!(
            matches!(answer.view(), Ok(View::BulkString(text)) if text == wanted.as_bytes()),
            "{caller:?}: {answer:?}"
        );
    }
}

#[test]
fn answers_reach_their_callers_however_the_bytes_are_cut() {
    for step in 1..40 {
        let mut world = World::ready();
        for commands in [1, 3, 1, 2] {
            world.call(commands, None);
        }
        while world.write(step) + world.read(step) > 0 {}
        assert!(world.endings.values().all(Ending::is_answered));
        world.audit();
    }
}

#[test]
fn a_command_cut_before_its_last_byte_was_not_sent_and_goes_out_on_the_next_connection() {
    let len = Command::new("TOUCH").arg("0.0").to_wire().len();
    for written in 0..=len {
        let mut world = World::ready();
        let call = world.call(1, None);
        if written > 0 {
            world.write(written);
        }
        world.cut(Cause::PeerClosed);
        if written == len {
            assert_eq!(world.fate(call), Fate::Unknown, "{written}");
        } else {
            assert!(world.endings.is_empty(), "{written}");
            world.advance(Duration::from_secs(1));
            world.connect();
            world.settle();
            assert!(world.is_answered(call));
            assert_eq!(world.ran(call, 0), 1);
        }
        world.audit();
    }
}

#[test]
fn a_pipeline_that_is_cut_says_of_each_command_whether_it_was_sent() {
    let mut whole = Encoded::default();
    for index in 0..3 {
        Command::new("TOUCH").arg(format!("0.{index}")).write_to(&mut whole);
    }
    for written in 1..=whole.len() {
        for read in [0, 9, 18] {
            let mut world = World::ready();
            let call = world.call(3, None);
            world.write(written);
            world.read(read);
            world.cut(Cause::PeerClosed);
            // What was not sent goes out on the next connection; what was sent and not answered is lost.
            world.advance(Duration::from_secs(1));
            world.connect();
            world.settle();
            let one = whole.len() / 3;
            let sent = written / one;
            let answered = (read / 9).min(sent);
            let lost: Vec<_> = world.endings[&call].lost.iter().map(|lost| (lost.place, lost.fate)).collect();
            let wanted: Vec<_> = (answered..sent).map(|place| (place, Fate::Unknown)).collect();
            assert_eq!(lost, wanted, "{written} written, {read} read");
            world.audit();
        }
    }
}

#[test]
fn a_read_that_was_sent_and_not_answered_is_sent_again_before_anything_newer() {
    let mut world = World::ready();
    let read = world.call_of(vec![Verb::Read], None);
    let touch = world.call(1, None);
    world.write(usize::MAX);
    world.cut(Cause::PeerClosed);
    assert_eq!(world.fate(touch), Fate::Unknown);
    let newer = world.call_of(vec![Verb::Read], None);
    world.advance(Duration::from_secs(1));
    world.connect();
    world.settle();
    assert!(world.is_answered(read) && world.is_answered(newer));
    assert_eq!(world.ran(read, 0), 2);
    world.audit();
}

#[test]
fn a_pipeline_is_sent_again_command_by_command() {
    let mut world = World::ready();
    let call = world.call_of(vec![Verb::Read, Verb::Touch, Verb::Read, Verb::Touch, Verb::Touch], None);
    let one = Command::new("TOUCH").arg("0.0").to_wire().len();
    world.write(4 * one);
    world.read("$3\r\n0.0\r\n".len());
    world.cut(Cause::PeerClosed);
    world.advance(Duration::from_secs(1));
    world.connect();
    world.settle();
    let lost: Vec<_> = world.endings[&call].lost.iter().map(|lost| (lost.place, lost.fate)).collect();
    assert_eq!(lost, [(1, Fate::Unknown), (3, Fate::Unknown)]);
    assert_eq!((0..5).map(|index| world.ran(call, index)).collect::<Vec<_>>(), [1, 1, 2, 1, 1]);
    world.audit();
}

#[test]
fn what_was_sent_once_is_unknown_even_if_its_deadline_comes_before_it_is_sent_again() {
    let mut world = World::ready();
    let read = world.call_of(vec![Verb::Read], Some(Duration::from_millis(10)));
    world.write(usize::MAX);
    world.cut(Cause::PeerClosed);
    world.advance(Duration::from_millis(10));
    assert_eq!(world.fate(read), Fate::Unknown);
    world.connect();
    world.settle();
    assert_eq!(world.ran(read, 0), 1, "it is not sent again after its deadline");
    world.audit();
}

#[test]
fn a_command_on_which_three_connections_in_a_row_died_is_not_sent_a_fourth_time() {
    let mut world = World::ready();
    let poison = world.call_of(vec![Verb::Read], None);
    let innocent = world.call_of(vec![Verb::Read], None);
    for death in 1..=3 {
        assert!(world.endings.is_empty(), "death {death}");
        world.settle_writes();
        world.inject(b"?");
        world.advance(Duration::from_secs(2));
        assert!(world.session.poll_dial(world.now));
        world.session.handle_lost(Cause::NotConnected, world.now);
        world.drain();
        world.advance(Duration::from_secs(2));
        world.connect();
        world.wire.as_mut().unwrap().mute = death < 3;
    }
    assert_eq!(world.fate(poison), Fate::Unknown);
    world.settle();
    assert!(world.is_answered(innocent));
    assert_eq!(world.ran(poison, 0), 3);
    world.audit();
}

#[test]
fn a_pipeline_that_gets_on_a_little_on_each_connection_is_no_poison() {
    let mut world = World::ready();
    let call = world.call_of(vec![Verb::Read; 8], None);
    for _ in 0..7 {
        world.write(usize::MAX);
        world.read("$3\r\n0.0\r\n".len());
        world.cut(Cause::PeerClosed);
        world.advance(Duration::from_secs(2));
        world.connect();
        world.settle_handshake();
    }
    world.settle();
    assert!(world.is_answered(call), "{:?}", world.endings);
    world.audit();
}

#[test]
fn a_deadline_names_the_stage_and_what_was_sent_keeps_its_place() {
    let mut world = World::ready();
    let late = world.call(1, Some(Duration::from_millis(10)));
    let later = world.call(1, None);
    world.write(usize::MAX);
    world.advance(Duration::from_millis(10));
    let lost = world.lost(late);
    assert_eq!((lost.fate, lost.stage()), (Fate::Unknown, Stage::AwaitingReply));
    assert!(matches!(lost.loss.reason, Reason::Deadline(None)));
    world.settle();
    assert!(world.is_answered(later), "the late answer must not go to the next caller");
    world.audit();
}

#[test]
fn what_was_not_sent_by_its_deadline_is_never_sent() {
    let mut world = World::ready();
    let sent = world.call(1, None);
    let unsent = world.call(1, Some(Duration::from_millis(10)));
    world.write(1);
    world.advance(Duration::from_millis(10));
    assert_eq!(world.fate(unsent), Fate::NotSent);
    world.settle();
    assert!(world.is_answered(sent));
    assert_eq!(world.ran(unsent, 0), 0);
    world.audit();
}

#[test]
fn a_pipeline_whose_deadline_comes_halfway_sends_no_further_command() {
    let one = Command::new("TOUCH").arg("0.0").to_wire().len();
    for written in 1..3 * one {
        let mut world = World::ready();
        let call = world.call(3, Some(Duration::from_millis(10)));
        let next = world.call(1, None);
        world.write(written);
        world.advance(Duration::from_millis(10));
        world.settle();
        let begun = written.div_ceil(one);
        for index in 0..3 {
            assert_eq!(world.ran(call, index), u32::from((index as usize) < begun), "{written}: {index}");
        }
        assert!(world.is_answered(next));
        world.audit();
    }
}

#[test]
fn deadlines_come_in_every_stage_of_connecting() {
    let mut world = World::new(|_| ());
    let first = world.call(1, Some(Duration::from_millis(1)));
    assert!(world.session.poll_dial(world.now));
    world.advance(Duration::from_millis(1));
    let stage = |world: &World, call| {
        assert_eq!(world.fate(call), Fate::NotSent);
        world.lost(call).stage()
    };
    assert_eq!(stage(&world, first), Stage::Resolving);
    for wanted in [Stage::Connecting, Stage::TlsHandshake] {
        let call = world.call(1, Some(Duration::from_millis(1)));
        world.session.handle_stage(wanted, None);
        world.advance(Duration::from_millis(1));
        assert_eq!(stage(&world, call), wanted);
    }
    let call = world.call(1, Some(Duration::from_millis(1)));
    world.open();
    world.advance(Duration::from_millis(1));
    assert_eq!(stage(&world, call), Stage::Handshake);
    world.cut(Cause::PeerClosed);
    assert!(world.session.poll_dial(world.now), "the first retry is at once");
    world.session.handle_lost(Cause::PeerClosed, world.now);
    let call = world.call(1, Some(Duration::from_millis(1)));
    world.advance(Duration::from_millis(1));
    assert_eq!(stage(&world, call), Stage::Backoff);
    assert!(matches!(world.lost(call).loss.reason, Reason::Deadline(Some(Cause::PeerClosed))));
    world.audit();
}

#[test]
fn an_attempt_that_takes_too_long_is_given_up_and_tried_again() {
    let mut world = World::new(|_| ());
    let call = world.call(1, None);
    world.connect();
    world.advance(Duration::from_secs(2));
    assert!(world.wire.is_none());
    world.advance(Duration::from_secs(1));
    world.connect();
    world.settle();
    assert!(world.is_answered(call));
    world.audit();
}

#[test]
fn a_server_that_accepts_and_drops_at_once_is_not_called_in_a_busy_loop() {
    let mut world = World::new(|_| ());
    let begin = world.now;
    let mut attempts = 0;
    while world.now < begin + Duration::from_secs(60) {
        if world.session.poll_dial(world.now) {
            attempts += 1;
            world.open();
            world.settle();
            world.cut(Cause::PeerClosed);
        }
        let next = world.session.poll_timeout().expect("there is always a next attempt");
        world.advance(next.saturating_duration_since(world.now));
    }
    assert!(attempts < 140, "{attempts} attempts in a minute");
}

#[test]
fn a_refusal_that_only_a_person_can_mend_fails_callers_at_once_and_is_tried_again_slowly() {
    let mut world = World::new(|_| ());
    let waiting = world.call(1, None);
    world.connect();
    world.write(usize::MAX);
    world.wire.as_mut().unwrap().outgoing.clear();
    world.inject(b"-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    assert_eq!(world.fate(waiting), Fate::NotSent);
    let next = world.call(1, None);
    assert!(matches!(world.lost(next).loss.reason, Reason::Link(Cause::Handshake(_))));
    assert!(!world.session.poll_dial(world.now));
    world.advance(Duration::from_secs(1));
    world.connect();
    world.settle();
    let healed = world.call(1, None);
    world.settle();
    assert!(world.is_answered(healed));
    world.audit();
}

#[test]
fn an_answer_that_nothing_asked_for_ends_the_connection_and_reaches_nobody() {
    let mut world = World::ready();
    world.inject(b"+surprise\r\n");
    assert!(matches!(world.session.state(), LinkState::Backoff { cause: Cause::Protocol { .. }, .. }));
    // Also while a command is on its way out: its answer cannot come before its last byte has gone.
    let mut world = World::ready();
    let call = world.call(1, None);
    world.write(5);
    world.inject(b"+surprise\r\n");
    assert!(!world.session.state().is_ready() && world.endings.is_empty());
    world.advance(Duration::from_secs(1));
    world.connect();
    world.settle();
    assert!(world.is_answered(call));
    world.audit();
}

#[test]
fn pushes_take_no_answer_away_and_leave_before_later_answers() {
    let mut world = World::ready();
    let call = world.call(1, None);
    world.write(usize::MAX);
    let buffer = world.session.read_buffer().unwrap();
    buffer.extend_from_slice(b">2\r\n+invalidate\r\n*1\r\n+k\r\n$3\r\n0.0\r\n");
    assert!(matches!(world.session.poll_event(world.now), Some(Output::Push(_))));
    world.drain();
    assert!(world.is_answered(call));
}

#[test]
fn closing_answers_what_was_taken_and_gives_up_the_rest_at_its_deadline() {
    let mut world = World::ready();
    let answered = world.call(1, None);
    world.session.close(world.now + Duration::from_secs(1), More::None);
    assert!(matches!(world.session.state(), LinkState::Draining { .. }));
    world.settle();
    assert!(world.is_answered(answered));
    assert!(world.session.is_closed());
    let mut world = World::ready();
    let sent = world.call(1, None);
    world.write(usize::MAX);
    let unsent = world.call(1, None);
    world.session.close(world.now + Duration::from_secs(1), More::None);
    world.advance(Duration::from_secs(1));
    assert_eq!((world.fate(sent), world.fate(unsent)), (Fate::Unknown, Fate::NotSent));
    assert!(world.session.is_closed());
    world.audit();
}

#[test]
fn fail_fast_means_that_nothing_waits_for_a_connection() {
    let mut world = World::new(|settings| settings.offline = Offline::FailFast);
    let early = world.call(1, None);
    assert!(matches!(world.lost(early).loss.reason, Reason::Link(Cause::NotConnected)));
    world.connect();
    world.settle();
    let answered = world.call(1, None);
    world.settle();
    assert!(world.is_answered(answered));
    let unsent = world.call(1, None);
    world.cut(Cause::PeerClosed);
    assert_eq!(world.fate(unsent), Fate::NotSent);
    world.audit();
}

#[test]
fn an_outage_holds_no_bytes_of_callers_who_have_gone() {
    let mut world = World::new(|_| ());
    for round in 0..100 {
        for _ in 0..100 {
            world.call(1, Some(Duration::from_millis(1)));
        }
        world.advance(Duration::from_millis(1));
        if world.session.poll_dial(world.now) {
            world.session.handle_lost(Cause::PeerClosed, world.now);
        }
        assert_eq!(world.session.held(), 0, "round {round}");
    }
    world.audit();
}

#[test]
fn bytes_of_those_who_have_gone_are_not_held_behind_one_who_waits() {
    let begun = |world: &mut World| assert_eq!(world.write(3), 3);
    for (mut world, begin) in [(World::new(|_| ()), None), (World::ready(), Some(begun))] {
        world.call(1, None);
        if let Some(begin) = begin {
            begin(&mut world);
        }
        for _ in 0..1_000 {
            world.call(1, Some(Duration::from_millis(1)));
            world.advance(Duration::from_millis(1));
        }
        assert!(world.session.held() < 1_000, "{} bytes are held", world.session.held());
    }
}

#[test]
fn the_command_behind_a_poison_is_judged_anew() {
    for (first, deaths) in [(Verb::Read, 4), (Verb::Touch, 3)] {
        let mut world = World::ready();
        let call = world.call_of(vec![first, Verb::Read, Verb::Read], None);
        for _ in 0..deaths {
            world.settle_writes();
            world.cut(Cause::PeerClosed);
            world.advance(Duration::from_secs(5));
            world.connect();
            world.settle_handshake();
        }
        world.settle();
        let lost: Vec<_> = world.endings[&call].lost.iter().map(|lost| lost.place).collect();
        assert_eq!(lost, [0], "{first:?}");
        world.audit();
    }
}

#[test]
fn a_link_can_end_and_be_lost_while_a_heartbeat_is_on_its_way() {
    let beating = || {
        let mut world = World::new(|settings| settings.heartbeat = Some(Duration::from_secs(1)));
        world.connect();
        world.settle();
        world.advance(Duration::from_secs(2));
        world.settle_writes();
        world
    };
    let mut world = beating();
    world.session.finish(Cause::RuntimeGone, world.now);
    world.drain();
    let mut world = beating();
    world.session.handle_lost(Cause::PeerClosed, world.now);
    let mut told = 0;
    while let Some(output) = world.session.poll_event(world.now) {
        if let Output::Disconnected { in_flight, .. } = output {
            assert_eq!(in_flight, 0, "a heartbeat is no caller");
            told += 1;
        }
    }
    assert_eq!(told, 1);
}

#[test]
fn the_confirmation_of_a_subscription_that_nobody_asked_for_ends_the_connection() {
    let mut world = World::ready();
    let call = world.call(1, None);
    world.write(usize::MAX);
    world.inject(b">3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n$3\r\n0.0\r\n");
    assert_eq!(world.fate(call), Fate::Unknown);
    assert!(matches!(world.session.state(), LinkState::Backoff { cause: Cause::Protocol { .. }, .. }));
}

#[test]
fn a_command_that_no_connection_survives_to_take_is_given_up_unsent() {
    let mut world = World::ready();
    let call = world.call(1, None);
    for death in 1..=3 {
        assert!(world.endings.is_empty(), "death {death}");
        world.write(5);
        world.cut(Cause::PeerClosed);
        world.advance(Duration::from_secs(2));
        if death < 3 {
            world.connect();
            world.settle_handshake();
        }
    }
    assert_eq!(world.fate(call), Fate::NotSent);
    world.connect();
    world.settle();
    world.audit();
}

#[test]
fn a_link_that_closes_waits_for_commands_that_may_still_come() {
    let mut world = World::ready();
    world.session.close(world.now + Duration::from_secs(1), More::Possible);
    world.settle();
    let call = world.call(1, None);
    world.settle();
    assert!(world.is_answered(call) && !world.session.is_closed());
    world.session.close(world.now + Duration::from_secs(1), More::None);
    assert!(world.session.is_closed());
}

#[test]
fn a_silent_connection_is_pinged_once_and_any_answer_is_life() {
    let mut world = World::new(|settings| settings.heartbeat = Some(Duration::from_secs(5)));
    world.connect();
    world.settle();
    for answer in ["", "-MISCONF no\r\n"] {
        world.advance(Duration::from_secs(4));
        assert_eq!(world.write(usize::MAX), 0, "not yet");
        world.advance(Duration::from_secs(1));
        assert_eq!(world.write(usize::MAX), "*1\r\n$4\r\nPING\r\n".len());
        world.advance(Duration::from_secs(60));
        assert_eq!(world.write(usize::MAX), 0, "one is on its way");
        if !answer.is_empty() {
            world.wire.as_mut().unwrap().outgoing.clear();
            world.inject(answer.as_bytes());
        }
        world.settle();
        assert!(world.session.state().is_ready());
    }
    let call = world.call(1, None);
    world.settle();
    assert!(world.is_answered(call));
    world.audit();
}

#[test]
fn a_heartbeat_is_lost_with_its_connection_and_keeps_nobody_from_closing() {
    let mut world = World::new(|settings| settings.heartbeat = Some(Duration::from_secs(5)));
    world.connect();
    world.settle();
    world.advance(Duration::from_secs(5));
    world.write(4);
    world.cut(Cause::PeerClosed);
    assert_eq!(world.session.held(), 0);
    world.advance(Duration::from_secs(1));
    world.connect();
    world.settle();
    world.advance(Duration::from_secs(5));
    assert!(world.write(usize::MAX) > 0, "the next connection has a heartbeat of its own");
    world.session.close(world.now + Duration::from_secs(9), More::None);
    assert!(world.session.is_closed());
}

/// Small, seeded, and good enough to choose what happens next.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// One random schedule; panics where a promise is broken.
fn run_schedule(seed: u64) {
    let mut dice = Dice(seed);
    let heartbeat = (dice.below(2) == 0).then(|| Duration::from_millis(dice.below(40) + 1));
    let provided = dice.below(2) == 0;
    let mut world = World::new(|settings| {
        (settings.seed, settings.heartbeat) = (seed, heartbeat);
        if provided {
            settings.handshake.identity = Identity::Provided;
        }
    });
    for _ in 0..120 {
        match dice.below(20) {
            0..=5 => {
                let within = (dice.below(3) > 0).then(|| Duration::from_millis(dice.below(50) + 1));
                let commands = if dice.below(4) == 0 { dice.below(4) + 2 } else { 1 };
                let verbs = (0..commands).map(|_| if dice.below(2) == 0 { Verb::Read } else { Verb::Touch });
                let verbs = verbs.collect();
                world.call_of(verbs, within);
            }
            6..=9 => {
                let most = dice.below(80) as usize + 1;
                world.write(most);
            }
            10..=13 => {
                let most = dice.below(40) as usize + 1;
                world.read(most);
            }
            14 => world.cut(Cause::PeerClosed),
            15 => world.inject(b"?"),
            16 if !world.callers.is_empty() => {
                let index = dice.below(world.callers.len() as u64) as usize;
                world.callers[index].gone.set(true);
            }
            _ => world.advance(Duration::from_millis(dice.below(20))),
        }
        if provided {
            credentials::play(&mut world, &mut dice);
        }
        if world.session.poll_dial(world.now) {
            if dice.below(4) == 0 {
                world.session.handle_lost(Cause::NotConnected, world.now);
                world.drain();
            } else {
                world.open();
            }
        }
    }
    world.settle();
    world.session.close(world.now + Duration::from_secs(1), More::None);
    world.advance(Duration::from_secs(2));
    assert!(world.session.is_closed());
    world.audit();
}

#[test]
fn no_schedule_of_faults_breaks_a_promise() {
    let seeds = std::env::var("STEADFAST_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(3_000);
    for seed in 0..seeds {
        let outcome = std::panic::catch_unwind(|| run_schedule(seed));
        assert!(outcome.is_ok(), "seed {seed} breaks a promise");
    }
}
