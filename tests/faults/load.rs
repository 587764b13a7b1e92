//! Callers that go on while something breaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use steadfast::api::{Connection as _, Scripting as _, Strings as _};
use steadfast::client::Pipeline;
use steadfast::{Client, Error, Fate};
use tokio::task::JoinHandle;

use super::ledger::{Asked, COUNTERS, Ledger, Memory, Report};
use crate::live::{PATIENCE, until, within};

/// 64 callers, each with one call after the other: echoes, INCRs, keys of their own that are written and read back,
/// pipelines and transactions. A reply that belongs to another call fails the test at once.
pub(crate) struct Load {
    ledger: Arc<Ledger>,
    stop: Arc<AtomicBool>,
    callers: Vec<JoinHandle<()>>,
}

impl Load {
    /// Starts the callers. Each call may take this long.
    pub(crate) fn start(client: &Client, deadline: Duration) -> Self {
        Self::build().start(client, deadline)
    }

    /// The same where calls may come to one server or another, which know nothing of each other.
    pub(crate) fn start_on_several_servers(client: &Client, deadline: Duration) -> Self {
        Self::build().memory(Memory::Several).start(client, deadline)
    }

    /// A load with settings.
    pub(crate) fn build() -> LoadBuilder {
        LoadBuilder { tag: String::new(), memory: Memory::Kept, callers: CALLERS, pace: PACE }
    }

    /// How many such calls were answered so far.
    pub(crate) fn answered(&self, asked: Asked) -> usize {
        self.ledger.answered(asked).load(Ordering::SeqCst)
    }

    /// Waits until this many more reads and writes were answered.
    pub(crate) async fn gets_on_by(&self, calls: usize) {
        for asked in [Asked::Read, Asked::Write] {
            let before = self.answered(asked);
            until(async || self.answered(asked) >= before + calls).await;
        }
    }

    /// Lets the calls end that are on their way, and tells what they lived through.
    pub(crate) async fn end(self) -> Report {
        self.stop.store(true, Ordering::SeqCst);
        for caller in self.callers {
            within(PATIENCE, caller).await.unwrap();
        }
        let ledger = Arc::into_inner(self.ledger).unwrap_or_else(|| panic!("a caller still writes into the ledger"));
        Report::of(ledger)
    }
}

/// What a load is started with.
#[derive(Clone, Debug)]
pub(crate) struct LoadBuilder {
    tag: String,
    memory: Memory,
    callers: usize,
    pace: Duration,
}

impl LoadBuilder {
    /// The names of all keys begin with this, such as `{tag}`. Echoes are then a script's, which has such a key: all calls
    /// are about one slot.
    pub(crate) fn tag(self, tag: &str) -> Self {
        Self { tag: tag.to_owned(), ..self }
    }

    /// Whether what was written is still there.
    pub(crate) fn memory(self, memory: Memory) -> Self {
        Self { memory, ..self }
    }

    /// So many callers, with this pause between two calls of each. There are four sorts of them.
    pub(crate) fn callers(self, callers: usize, pace: Duration) -> Self {
        Self { callers, pace, ..self }
    }

    /// Starts the callers. Each call may take this long.
    pub(crate) fn start(self, client: &Client, deadline: Duration) -> Load {
        let ledger = Arc::new(Ledger::new(deadline, self.memory, &self.tag));
        let stop = Arc::new(AtomicBool::new(false));
        let callers = (0..self.callers)
            .map(|number| {
                let caller = Caller {
                    client: client.with_deadline(deadline),
                    ledger: Arc::clone(&ledger),
                    stop: Arc::clone(&stop),
                    setup: self.clone(),
                    number,
                };
                tokio::spawn(caller.run())
            })
            .collect();
        Load { ledger, stop, callers }
    }
}

struct Caller {
    client: Client,
    ledger: Arc<Ledger>,
    stop: Arc<AtomicBool>,
    setup: LoadBuilder,
    number: usize,
}

impl Caller {
    async fn run(self) {
        let mut own = OwnKey::new(&self.setup, self.number);
        let mut turn = 0;
        while !self.stop.load(Ordering::SeqCst) {
            turn += 1;
            match self.number % 4 {
                0 => self.echo(turn).await,
                1 => self.increment().await,
                2 if self.setup.memory != Memory::Several => self.write_and_read_back(&mut own, turn).await,
                2 => self.echo(turn).await,
                _ if turn % 2 == 0 => self.transaction().await,
                _ => self.pipeline(turn).await,
            }
            tokio::time::sleep(self.setup.pace).await;
        }
    }

    async fn ask<T>(&self, asked: Asked, call: impl IntoFuture<Output = Result<T, Error>>) -> Result<T, Error> {
        let begin = Instant::now();
        let outcome = call.await;
        self.ledger.note(asked, begin, &outcome);
        outcome
    }

    async fn echo(&self, turn: usize) {
        let token = self.token(turn);
        let answer = match self.slot_key() {
            None => self.ask(Asked::Read, self.client.echo::<String>(&token)).await,
            Some(key) => self.ask(Asked::Read, self.client.eval_ro::<String>(ECHO, &key, &token)).await,
        };
        if let Ok(answer) = answer {
            assert_eq!(answer, token, "the reply of another call");
        }
    }

    /// A key for what has none of itself.
    fn slot_key(&self) -> Option<String> {
        (!self.setup.tag.is_empty()).then(|| format!("{}echo", self.setup.tag))
    }

    fn counter_key(&self) -> String {
        format!("{}{}", self.setup.tag, COUNTERS[self.counter()])
    }

    /// Of many lengths, so that replies end anywhere in what is read at once.
    fn token(&self, turn: usize) -> String {
        format!("{}:{turn}:{}", self.number, "x".repeat((self.number * 7 + turn * 13) % 200))
    }

    fn counter(&self) -> usize {
        self.number / 4 % COUNTERS.len()
    }

    async fn increment(&self) {
        let outcome = self.ask(Asked::Write, self.client.incr(self.counter_key())).await;
        self.ledger.note_increment(self.counter(), &outcome);
    }

    async fn write_and_read_back(&self, own: &mut OwnKey, turn: usize) {
        let value = format!("{}:{turn}", self.number);
        let outcome = self.ask(Asked::Write, self.client.set(&own.key, &value)).await;
        own.note(value, outcome);
        if let Ok(found) = self.ask(Asked::Read, self.client.get::<String>(&own.key)).await {
            own.check(found);
        }
    }

    async fn pipeline(&self, turn: usize) {
        let token = self.token(turn);
        let key = self.counter_key();
        let mut pipeline = self.client.pipeline();
        let echo = |pipeline: &mut Pipeline<'_>| match self.slot_key() {
            None => pipeline.echo::<String>(&token).queue(),
            Some(key) => pipeline.eval_ro::<String>(ECHO, &key, &token).queue(),
        };
        let first = echo(&mut pipeline);
        let increments = [(); 2].map(|()| pipeline.incr(&key).queue());
        let last = echo(&mut pipeline);
        let begin = Instant::now();
        let results = pipeline.execute().await;
        for increment in increments {
            let outcome = results.get(increment);
            self.ledger.note(Asked::Write, begin, &outcome);
            self.ledger.note_increment(self.counter(), &outcome);
        }
        for echo in [first, last] {
            let outcome = results.get(echo);
            self.ledger.note(Asked::Read, begin, &outcome);
            if let Ok(answer) = outcome {
                assert_eq!(answer, token, "the reply of another call");
            }
        }
    }
}

impl Caller {
    /// Both of its INCRs run, or none.
    async fn transaction(&self) {
        let key = self.counter_key();
        let mut transaction = self.client.transaction();
        let increments = [(); 2].map(|()| transaction.incr(&key).queue());
        let begin = Instant::now();
        let executed = transaction.execute().await;
        let outcomes = increments.map(|increment| match &executed {
            Ok(results) => results.get(increment),
            Err(error) => Err(error.clone()),
        });
        for outcome in &outcomes {
            self.ledger.note(Asked::Write, begin, outcome);
            self.ledger.note_increment(self.counter(), outcome);
        }
        if let [Ok(first), Ok(second)] = outcomes {
            assert_eq!(second, first + 1, "something came between two commands of a transaction");
        }
    }
}

/// A key that one caller alone writes, and what it may hold.
struct OwnKey {
    key: String,
    memory: Memory,
    acknowledged: Option<String>,
    /// What may have been written, and may be written yet. Of a server that forgets: all that ever was.
    unknown: Vec<String>,
}

impl OwnKey {
    fn new(setup: &LoadBuilder, number: usize) -> Self {
        let key = format!("{}own:{number}", setup.tag);
        Self { key, memory: setup.memory, acknowledged: None, unknown: Vec::new() }
    }

    fn note(&mut self, value: String, outcome: Result<(), Error>) {
        match outcome {
            Ok(()) if self.memory == Memory::Forgetful => self.unknown.push(value),
            Ok(()) => self.acknowledged = Some(value),
            Err(error) if error.fate() == Fate::Unknown => self.unknown.push(value),
            Err(_) => {}
        }
    }

    fn check(&self, found: Option<String>) {
        let is_forgotten = self.memory == Memory::Forgetful && found.is_none();
        let may_be = is_forgotten
            || found == self.acknowledged
            || found.as_ref().is_some_and(|found| self.unknown.contains(found));
        assert!(may_be, "{} holds {found:?}, {:?} and {:?} were written", self.key, self.acknowledged, self.unknown);
    }
}

/// A script that answers with its argument.
const ECHO: &str = "return ARGV[1]";

const CALLERS: usize = 64;

/// Between two calls of a caller. The load is to be always there, and to leave a small machine time for its server.
const PACE: Duration = Duration::from_millis(5);
