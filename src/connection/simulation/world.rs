//! A session, a scripted peer and the time, moved by hand.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::IoSlice;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::peer::{Peer, Wire};
use crate::command::{Command, Encoded, Slices};
use crate::connection::{
    BackoffSettings, Batch, Claim, Entry, HandshakePlan, Lost, Offline, Output, Repeat, Role, Room, Session,
    SessionSettings, Topic, Tracing,
};
use crate::outcome::{Cause, Fate, PeerFacts};
use crate::resp::{Frame, Limits, View};

/// A caller, known by a number that its answers must carry.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) number: u32,
    /// What it does, command by command.
    pub(super) commands: Vec<Verb>,
    pub(super) gone: Rc<Cell<bool>>,
    pub(super) deadline: Option<Instant>,
}

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
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
pub(super) struct Ending {
    pub(super) lost: Vec<Lost>,
}

impl Ending {
    pub(super) fn is_answered(&self) -> bool {
        self.lost.is_empty()
    }

    pub(super) fn fate(&self, place: u32) -> Option<Fate> {
        self.lost.iter().find(|lost| lost.place == place as usize).map(|lost| lost.fate)
    }
}

/// A session, a peer and the time.
pub(super) struct World {
    pub(super) now: Instant,
    pub(super) session: Session<Caller>,
    pub(super) peer: Peer,
    pub(super) wire: Option<Wire>,
    pub(super) endings: BTreeMap<u32, Ending>,
    pub(super) callers: Vec<Caller>,
    /// What was put in and not given back.
    pub(super) room: Room,
    pub(super) next: u32,
    pub(super) connections: u32,
    /// How often credentials were asked for.
    pub(super) asked: u32,
    /// What became of authentications on the connection.
    pub(super) told: Vec<Result<(), Cause>>,
    /// What was said of subscriptions.
    pub(super) heard: Vec<String>,
}

impl World {
    pub(super) fn new(settings: impl FnOnce(&mut SessionSettings)) -> Self {
        let now = Instant::now();
        let mut session_settings = SessionSettings {
            role: Role::Shared,
            handshake: HandshakePlan { database: 1, ..HandshakePlan::default() },
            limits: Limits::default(),
            read_buffer: 1024,
            backoff: BackoffSettings { first: Duration::from_millis(10), max: Duration::from_secs(1), jitter: 50 },
            connect_timeout: Duration::from_secs(2),
            heartbeat: None,
            silence: None,
            tracing: Tracing::Off,
            routed: false,
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
            heard: Vec::new(),
        }
    }

    pub(super) fn ready() -> Self {
        let mut world = Self::new(|_| ());
        world.connect();
        world.settle();
        assert!(world.session.state().is_ready());
        world
    }

    /// A call of `commands` commands that must not run twice; returns its number.
    pub(super) fn call(&mut self, commands: u32, within: Option<Duration>) -> u32 {
        self.call_of(vec![Verb::Touch; commands as usize], within)
    }

    pub(super) fn call_of(&mut self, commands: Vec<Verb>, within: Option<Duration>) -> u32 {
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

    pub(super) fn open(&mut self) {
        self.connections += 1;
        self.wire = Some(Wire::new(self.connections));
        self.session.handle_dialed(PeerFacts::unknown(), self.now);
    }

    pub(super) fn connect(&mut self) {
        assert!(self.session.poll_dial(self.now));
        self.open();
        self.drain();
    }

    /// The socket takes up to `most` bytes; returns how many.
    pub(super) fn write(&mut self, most: usize) -> usize {
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
    pub(super) fn read(&mut self, most: usize) -> usize {
        let Some(wire) = &mut self.wire else { return 0 };
        let bytes: Vec<u8> = wire.outgoing.drain(..most.min(wire.outgoing.len())).collect();
        self.inject(&bytes);
        bytes.len()
    }

    pub(super) fn inject(&mut self, bytes: &[u8]) {
        if let Some(buffer) = self.session.read_buffer() {
            buffer.extend_from_slice(bytes);
            self.session.handle_read(self.now);
        }
        self.drain();
    }

    pub(super) fn cut(&mut self, cause: Cause) {
        if self.wire.take().is_some() {
            self.session.handle_lost(cause, self.now);
        }
        self.drain();
    }

    pub(super) fn advance(&mut self, by: Duration) {
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
    pub(super) fn settle(&mut self) {
        while self.write(usize::MAX) + self.read(usize::MAX) > 0 {}
    }

    /// Exchanges bytes, but for the answers to commands.
    pub(super) fn settle_writes(&mut self) {
        if let Some(wire) = &mut self.wire {
            wire.mute = true;
        }
        self.settle();
    }

    /// Exchanges the bytes of the handshake, and none of commands.
    pub(super) fn settle_handshake(&mut self) {
        while !self.session.state().is_ready() {
            self.write(usize::MAX);
            self.read(usize::MAX);
        }
    }

    pub(super) fn drain(&mut self) {
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
                Output::Push(push) => self.heard.push(words(&push)),
                Output::Subscribed(topic) => self.heard.push(format!("subscribed {}", name(&topic))),
                Output::SubscriptionRefused(topic, error) => {
                    self.heard.push(format!("refused {} {}", name(&topic), error.code()));
                }
                Output::SubscriptionWithdrawn(topic) => self.heard.push(format!("withdrawn {}", name(&topic))),
                Output::Restored => self.heard.push("restored".to_owned()),
                Output::Disconnected { .. } => self.heard.push("lost".to_owned()),
                Output::NeedCredentials => self.asked += 1,
                Output::Reauthenticated => self.told.push(Ok(())),
                Output::ReauthenticationFailed(cause) => self.told.push(Err(cause)),
                _ => {}
            }
        }
        self.room.give_back(self.session.take_settled());
    }

    pub(super) fn end(&mut self, caller: &Caller, lost: Vec<Lost>) {
        let before = self.endings.insert(caller.number, Ending { lost });
        assert!(before.is_none(), "caller {} was told twice", caller.number);
    }

    pub(super) fn ran(&self, number: u32, index: u32) -> u32 {
        self.peer.ran.borrow().get(&format!("{number}.{index}")).copied().unwrap_or_default()
    }

    pub(super) fn is_answered(&self, number: u32) -> bool {
        self.endings.get(&number).is_some_and(Ending::is_answered)
    }

    /// The only loss of a caller.
    pub(super) fn lost(&self, number: u32) -> &Lost {
        match &self.endings[&number].lost[..] {
            [lost] => lost,
            other => panic!("{number}: {other:?}"),
        }
    }

    pub(super) fn fate(&self, number: u32) -> Fate {
        self.lost(number).fate
    }

    /// What every caller was told against what the server ran.
    pub(super) fn audit(&self) {
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

/// What a push says.
fn words(push: &Frame) -> String {
    let Ok(View::Push(items)) = push.reply().view() else { panic!("{push:?}") };
    let words: Vec<_> = items.filter_map(|item| item.bytes().map(String::from_utf8_lossy)).collect();
    words.join(" ")
}

fn name(topic: &Topic) -> String {
    String::from_utf8_lossy(&topic.name).into_owned()
}

pub(super) fn check_answers(caller: &Caller, frames: &[Frame], lost: &[Lost]) {
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
