//! Subscriptions: what is wanted, what the server was asked, and what it has confirmed.
//!
//! ```text
//!                  ask                confirmed                the server's own end
//!   Unasked ──────────────▶ Asked ──────────────▶ Confirmed ─────────────────────▶ Withdrawn
//!     ▲  ▲                    │ │
//!     │  └─ refused in passing┘ └── refused ──▶ Refused
//!     └── the connection is lost: from everywhere
//! ```
//!
//! Each topic is asked for by a command of its own, so that each takes exactly one place in the order of answers: a
//! confirmation, which is a push, or an error.
//!
//! A server ends subscriptions to shard channels by itself when it loses their slot, and says so with the same words that
//! confirm an unsubscription. If one of ours is on its way at that moment, it is answered too, by an error mostly: then one
//! command has had two answers. So a `PING` is sent behind unsubscriptions from shard channels. The second answer is the
//! error that comes in its place and that no `PING` is answered with.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::backlog::Outputs;
use super::inflight::{Batch, Entry};
use super::output::Output;
use crate::command::{Command, Refusal, ServerError};
use crate::outcome::Cause;
use crate::resp::{Reply, View};

/// What can be subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TopicKind {
    /// A channel.
    Channel,
    /// All channels that match a pattern.
    Pattern,
    /// A sharded channel: one of the slot that its name belongs to.
    Shard,
}

/// Something subscribed to.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Topic {
    pub(crate) kind: TopicKind,
    pub(crate) name: Bytes,
}

/// What the application wants to be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Subscribe(Topic),
    Unsubscribe(Topic),
}

/// The subscriptions of a link.
#[derive(Debug)]
pub(crate) struct Subscriptions {
    wanted: BTreeMap<Topic, Wanted>,
    /// What is not answered, oldest first.
    asked: VecDeque<Asked>,
    reach: Reach,
    /// How many of the topics that were wanted when the connection was made are neither confirmed nor refused; `None` once
    /// that was told, or without a connection.
    restoring: Option<usize>,
    /// What the server would not end, in passing.
    unended: BTreeSet<Topic>,
    /// When what was refused in passing is asked for again.
    again_at: Option<Instant>,
    /// The pause before that.
    pause: Duration,
}

/// Whom there is to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Nobody.
    None,
    Server,
    /// A server that would take no other commands on this connection after the first subscription, which callers need.
    Unsuited,
}

#[derive(Debug)]
struct Wanted {
    standing: Standing,
    /// It is counted in `restoring`.
    is_restored: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Not on this connection, or it was refused in passing.
    Unasked,
    /// The last word about it is the command at this place of the log.
    Asked(u64),
    Confirmed,
    Refused,
    /// The server has ended it.
    Withdrawn,
}

/// A command that is not answered.
#[derive(Debug)]
struct Asked {
    /// Where it stands in the log.
    place: u64,
    question: Question,
}

#[derive(Debug, PartialEq, Eq)]
enum Question {
    Change(Change),
    /// The `PING` behind unsubscriptions from shard channels.
    Fence,
}

/// What a server is asked to change, and confirms.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Change {
    verb: Verb,
    topic: Topic,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Subscribe,
    Unsubscribe,
}

/// Commands on their way into the log.
#[derive(Debug)]
pub(crate) struct Questions<T> {
    batch: Batch<T>,
    /// Where the first of them will stand.
    start: u64,
    /// The last one is an unsubscription from a shard channel.
    is_unfenced: bool,
}

/// What a confirmation was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Confirmed {
    /// The answer to the oldest command.
    Answer,
    /// The server's own word.
    Unasked,
    /// Nothing that can be.
    Impossible,
}

/// What an answer that is no confirmation means to the oldest command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is its answer.
    Taken,
    /// It belongs to an earlier one that was answered already.
    Late,
    /// Nothing that can be.
    Impossible,
}

impl Subscriptions {
    pub(crate) fn new() -> Self {
        Self {
            wanted: BTreeMap::new(),
            asked: VecDeque::new(),
            reach: Reach::None,
            restoring: None,
            unended: BTreeSet::new(),
            again_at: None,
            pause: FIRST_PAUSE,
        }
    }

    /// When [`Self::handle_timeout`] should be called.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.again_at
    }

    /// There is a connection: asks for everything that is wanted.
    pub(crate) fn handle_established<T>(
        &mut self,
        reach: Reach,
        questions: &mut Questions<T>,
        outputs: &mut Outputs<T>,
    ) {
        self.reach = reach;
        self.restoring = Some(self.wanted.len());
        for (topic, wanted) in &mut self.wanted {
            wanted.is_restored = true;
            if reach == Reach::Server {
                wanted.standing = ask(&mut self.asked, topic, questions);
            }
        }
        if reach == Reach::Unsuited {
            let topics: Vec<_> = self.wanted.keys().cloned().collect();
            topics.into_iter().for_each(|topic| self.refuse(topic, unsuited(), outputs));
        }
        self.tell_restored(outputs);
    }

    /// The connection is lost, and with it all subscriptions.
    pub(crate) fn handle_lost(&mut self) {
        let wanted = std::mem::take(&mut self.wanted);
        *self = Self { wanted, ..Self::new() };
        for wanted in self.wanted.values_mut() {
            *wanted = Wanted { standing: Standing::Unasked, is_restored: false };
        }
    }

    /// Changes what is wanted, and asks for what that needs.
    pub(crate) fn wish<T>(&mut self, wish: Wish, questions: &mut Questions<T>, outputs: &mut Outputs<T>) {
        match wish {
            Wish::Subscribe(topic) => self.subscribe(topic, questions, outputs),
            Wish::Unsubscribe(topic) => {
                let Some(Wanted { standing, is_restored }) = self.wanted.remove(&topic) else { return };
                if matches!(standing, Standing::Asked(_) | Standing::Confirmed) {
                    ask_to_end(&mut self.asked, topic, questions);
                }
                self.count_restored(is_restored, outputs);
            }
        }
    }

    fn subscribe<T>(&mut self, topic: Topic, questions: &mut Questions<T>, outputs: &mut Outputs<T>) {
        let new = Wanted { standing: Standing::Unasked, is_restored: false };
        let was_known = self.wanted.contains_key(&topic);
        let wanted = self.wanted.entry(topic.clone()).or_insert(new);
        match (wanted.standing, self.reach) {
            (_, Reach::None) | (Standing::Asked(_), _) => {}
            (_, Reach::Unsuited) => self.refuse(topic, unsuited(), outputs),
            (Standing::Confirmed, Reach::Server) => outputs.push_back(Output::Subscribed(topic)),
            // Its time will come.
            (Standing::Unasked, Reach::Server) if was_known => {}
            (Standing::Unasked | Standing::Refused | Standing::Withdrawn, Reach::Server) => {
                fence(&mut self.asked, questions);
                wanted.standing = ask(&mut self.asked, &topic, questions);
            }
        }
    }

    /// All of them, to be put into the log now.
    pub(crate) fn finish<T>(&mut self, mut questions: Questions<T>) -> Batch<T> {
        fence(&mut self.asked, &mut questions);
        questions.batch
    }

    /// Something that confirms a change has come; of what is not answered, `oldest` is due.
    pub(crate) fn handle_confirmation<T>(
        &mut self,
        change: Change,
        oldest: Option<u64>,
        outputs: &mut Outputs<T>,
    ) -> Confirmed {
        let is_answer = self
            .asked
            .front()
            .is_some_and(|asked| Some(asked.place) == oldest && asked.question.is_confirmed_by(&change));
        match (is_answer, change.verb) {
            (true, Verb::Subscribe) => {
                self.asked.pop_front();
                self.confirm(change.topic, oldest, outputs);
                Confirmed::Answer
            }
            (true, Verb::Unsubscribe) => {
                self.asked.pop_front();
                Confirmed::Answer
            }
            (false, Verb::Subscribe) => Confirmed::Impossible,
            (false, Verb::Unsubscribe) => {
                self.unended.remove(&change.topic);
                // Of any other that is wanted, the answer to the last command is still to come, and says more.
                if let Some(wanted @ Wanted { standing: Standing::Confirmed, .. }) = self.wanted.get_mut(&change.topic)
                {
                    wanted.standing = Standing::Withdrawn;
                    outputs.push_back(Output::SubscriptionWithdrawn(change.topic));
                }
                Confirmed::Unasked
            }
        }
    }

    /// Whether the command at `place` of the log is one of these.
    pub(crate) fn holds(&self, place: Option<u64>) -> bool {
        self.asked.front().is_some_and(|asked| Some(asked.place) == place)
    }

    /// Whether an answer to a command that was answered already may come before the one to the command at `place`.
    pub(crate) fn may_be_late(&self, place: Option<u64>) -> bool {
        self.asked.front().is_some_and(|asked| Some(asked.place) == place && asked.question.ends_late())
    }

    /// The oldest of these commands was answered by something that is no confirmation, whether it was sent or not.
    pub(crate) fn handle_answer<T>(
        &mut self,
        answer: Reply<'_>,
        (due, now): (usize, Instant),
        outputs: &mut Outputs<T>,
    ) -> Answer {
        let line = answer.bytes().filter(|_| answer.is_error());
        let Some(asked) = self.asked.front() else { return Answer::Impossible };
        let is_late = asked.question.ends_late() && line.is_some_and(answers_an_unsubscription);
        if is_late && (due == 0 || asked.question == Question::Fence) {
            return Answer::Late;
        }
        let Some(asked) = self.asked.pop_front().filter(|_| due > 0) else { return Answer::Impossible };
        match (asked.question, line) {
            (Question::Fence, _) => Answer::Taken,
            (Question::Change(Change { verb: Verb::Unsubscribe, topic }), Some(line)) => {
                if passes(line) {
                    self.unended.insert(topic);
                    self.put_off(now);
                }
                Answer::Taken
            }
            (Question::Change(_), None) => Answer::Impossible,
            (Question::Change(Change { verb: Verb::Subscribe, topic }), Some(line)) => {
                let Some(wanted) = self.wanted.get_mut(&topic) else { return Answer::Taken };
                if wanted.standing != Standing::Asked(asked.place) {
                    return Answer::Taken;
                }
                if passes(line) {
                    wanted.standing = Standing::Unasked;
                    self.put_off(now);
                } else {
                    self.refuse(topic, ServerError::from_bytes(line), outputs);
                }
                Answer::Taken
            }
        }
    }

    /// Time has passed: asks again for what was refused in passing.
    pub(crate) fn handle_timeout<T>(&mut self, now: Instant, questions: &mut Questions<T>) {
        if self.again_at.is_none_or(|again_at| again_at > now) {
            return;
        }
        self.again_at = None;
        for (topic, wanted) in &mut self.wanted {
            if wanted.standing == Standing::Unasked {
                wanted.standing = ask(&mut self.asked, topic, questions);
            }
        }
        for topic in std::mem::take(&mut self.unended) {
            if !self.wanted.contains_key(&topic) {
                ask_to_end(&mut self.asked, topic, questions);
            }
        }
    }

    fn confirm<T>(&mut self, topic: Topic, place: Option<u64>, outputs: &mut Outputs<T>) {
        let Some(wanted) = self.wanted.get_mut(&topic) else { return };
        if !matches!(wanted.standing, Standing::Asked(last) if Some(last) == place) {
            return;
        }
        wanted.standing = Standing::Confirmed;
        let is_restored = std::mem::take(&mut wanted.is_restored);
        self.pause = FIRST_PAUSE;
        outputs.push_back(Output::Subscribed(topic));
        self.count_restored(is_restored, outputs);
    }

    fn refuse<T>(&mut self, topic: Topic, error: ServerError, outputs: &mut Outputs<T>) {
        let Some(wanted) = self.wanted.get_mut(&topic) else { return };
        wanted.standing = Standing::Refused;
        let is_restored = std::mem::take(&mut wanted.is_restored);
        outputs.push_back(Output::SubscriptionRefused(topic, error));
        self.count_restored(is_restored, outputs);
    }

    fn put_off(&mut self, now: Instant) {
        if self.again_at.is_none() {
            self.again_at = Some(now + self.pause);
            self.pause = (2 * self.pause).min(LONGEST_PAUSE);
        }
    }

    fn count_restored<T>(&mut self, is_restored: bool, outputs: &mut Outputs<T>) {
        if is_restored {
            self.restoring = self.restoring.map(|left| left.saturating_sub(1));
            self.tell_restored(outputs);
        }
    }

    fn tell_restored<T>(&mut self, outputs: &mut Outputs<T>) {
        if self.restoring == Some(0) {
            self.restoring = None;
            outputs.push_back(Output::Restored);
        }
    }
}

impl Change {
    /// What a push confirms; `None` if that is nothing, or cannot be read.
    pub(crate) fn confirmed_by(push: Reply<'_>) -> Option<Self> {
        let (View::Push(mut items) | View::Array(mut items)) = push.view().ok()? else { return None };
        let (verb, kind) = verb_of(items.next()?.bytes()?)?;
        let name = items.next()?.to_bytes()?;
        Some(Self { verb, topic: Topic { kind, name } })
    }

    fn command(&self) -> Command {
        let name = match (self.verb, self.topic.kind) {
            (Verb::Subscribe, TopicKind::Channel) => "SUBSCRIBE",
            (Verb::Subscribe, TopicKind::Pattern) => "PSUBSCRIBE",
            (Verb::Subscribe, TopicKind::Shard) => "SSUBSCRIBE",
            (Verb::Unsubscribe, TopicKind::Channel) => "UNSUBSCRIBE",
            (Verb::Unsubscribe, TopicKind::Pattern) => "PUNSUBSCRIBE",
            (Verb::Unsubscribe, TopicKind::Shard) => "SUNSUBSCRIBE",
        };
        Command::new(name).arg(&self.topic.name)
    }
}

impl Question {
    fn is_confirmed_by(&self, change: &Change) -> bool {
        matches!(self, Self::Change(asked) if asked == change)
    }

    /// Whether it is, or follows, an unsubscription that the server may have answered already by its own end of it.
    fn ends_late(&self) -> bool {
        match self {
            Self::Change(Change { verb, topic }) => *verb == Verb::Unsubscribe && topic.kind == TopicKind::Shard,
            Self::Fence => true,
        }
    }
}

impl<T> Questions<T> {
    /// Nothing yet; the first one will stand at `start` of the log.
    pub(crate) fn at(start: u64) -> Self {
        Self { batch: Batch::default(), start, is_unfenced: false }
    }

    /// Adds a command; returns where it will stand.
    fn add(&mut self, command: &Command) -> u64 {
        let place = self.start + self.batch.log.len() as u64;
        let len = command.write_to(&mut self.batch.log);
        self.batch.entries.push(Entry::own(len));
        place
    }
}

impl Topic {
    /// How it says what is to be heard.
    pub fn kind(&self) -> TopicKind {
        self.kind
    }

    /// The name of the channel, or the pattern.
    pub fn name(&self) -> &Bytes {
        &self.name
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = String::from_utf8_lossy(self.name.get(..SHOWN).unwrap_or(&self.name));
        write!(f, "{:?}({name:?})", self.kind)
    }
}

/// The last wish about each topic, in their order.
pub(crate) fn last_words(mut wishes: Vec<Wish>) -> Vec<Wish> {
    if wishes.len() > 1 {
        let mut seen = BTreeSet::new();
        wishes.reverse();
        wishes.retain(|wish| {
            let (Wish::Subscribe(topic) | Wish::Unsubscribe(topic)) = wish;
            seen.insert(topic.clone())
        });
        wishes.reverse();
    }
    wishes
}

/// Asks for a topic.
fn ask<T>(asked: &mut VecDeque<Asked>, topic: &Topic, questions: &mut Questions<T>) -> Standing {
    let change = Change { verb: Verb::Subscribe, topic: topic.clone() };
    let place = questions.add(&change.command());
    asked.push_back(Asked { place, question: Question::Change(change) });
    Standing::Asked(place)
}

/// Asks for the end of a subscription.
fn ask_to_end<T>(asked: &mut VecDeque<Asked>, topic: Topic, questions: &mut Questions<T>) {
    let change = Change { verb: Verb::Unsubscribe, topic };
    let place = questions.add(&change.command());
    questions.is_unfenced |= change.topic.kind == TopicKind::Shard;
    asked.push_back(Asked { place, question: Question::Change(change) });
}

/// Ends a row of unsubscriptions from shard channels.
fn fence<T>(asked: &mut VecDeque<Asked>, questions: &mut Questions<T>) {
    if std::mem::take(&mut questions.is_unfenced) {
        let place = questions.add(&Command::new("PING"));
        asked.push_back(Asked { place, question: Question::Fence });
    }
}

/// Whether an array of a server that speaks RESP2 is what it would push in RESP3.
pub(crate) fn is_pushed(reply: Reply<'_>) -> bool {
    let Ok(View::Array(mut items)) = reply.view() else { return false };
    let word = items.next().and_then(Reply::bytes).unwrap_or_default();
    matches!(word, b"message" | b"pmessage" | b"smessage") || verb_of(word).is_some()
}

fn verb_of(word: &[u8]) -> Option<(Verb, TopicKind)> {
    Some(match word {
        b"subscribe" => (Verb::Subscribe, TopicKind::Channel),
        b"psubscribe" => (Verb::Subscribe, TopicKind::Pattern),
        b"ssubscribe" => (Verb::Subscribe, TopicKind::Shard),
        b"unsubscribe" => (Verb::Unsubscribe, TopicKind::Channel),
        b"punsubscribe" => (Verb::Unsubscribe, TopicKind::Pattern),
        b"sunsubscribe" => (Verb::Unsubscribe, TopicKind::Shard),
        _ => return None,
    })
}

/// Whether a server may answer an unsubscription with this line when it has ended the subscription itself. It answers no
/// `PING` with it.
fn answers_an_unsubscription(line: &[u8]) -> bool {
    let code = line.split(|byte| *byte == b' ').next().unwrap_or_default();
    matches!(code, b"NOSUB" | b"MOVED" | b"ASK" | b"CLUSTERDOWN" | b"TRYAGAIN")
}

/// Whether asking again may help.
fn passes(line: &[u8]) -> bool {
    Refusal::of(line).is_some() || line.starts_with(b"BUSY ")
}

/// What is said of a topic that is wanted of a server that speaks RESP2, on a connection that callers use too.
fn unsuited() -> ServerError {
    ServerError::new("NOPROTO subscriptions on a shared connection need RESP3")
}

/// Answers and commands have shifted against each other.
pub(crate) fn unasked_confirmation() -> Cause {
    Cause::Protocol { detail: "the confirmation of a subscription that nobody asked for".to_owned() }
}

/// The pauses before topics are asked for again that were refused in passing, 100 ms to 2 s.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// At most this many bytes of a name are shown.
const SHOWN: usize = 64;
