//! Callers: what they call, and what must hold of each call.

use std::future::IntoFuture;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use steadfast::api::Strings;
use steadfast::{Client, Command, Error, ErrorKind, Fate};
use tokio::time::{Instant, sleep, timeout};

use crate::dice::Dice;
use crate::ledger::{Became, Ledger};
use crate::world::{Millis, Shared};

/// One of several that use a client.
pub(crate) struct Caller {
    pub(crate) number: usize,
    pub(crate) client: Client,
    pub(crate) shared: Arc<Shared>,
    pub(crate) ledger: Arc<Mutex<Ledger>>,
    pub(crate) dice: Dice,
    pub(crate) tags: Arc<Vec<String>>,
    /// Of the client.
    pub(crate) deadline: Millis,
    pub(crate) calls: u64,
}

/// A call under way: what it is, and under which conditions.
struct Terms {
    what: &'static str,
    tag: usize,
    begin: Instant,
    since: Millis,
    deadline: Duration,
}

impl Caller {
    /// Calls until then.
    pub(crate) async fn run(mut self, until: Millis) {
        while self.shared.lock().now < until {
            self.call().await;
            let pause = self.dice.one_of(&[0, 5, 40, 160]);
            sleep(Duration::from_millis(pause)).await;
        }
    }

    /// Calls about one tag until one call succeeds.
    pub(crate) async fn probe(mut self, tag: usize) {
        loop {
            let terms = self.terms("APPEND", tag, Duration::from_millis(1_000));
            if self.append(terms).await {
                return;
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn terms(&self, what: &'static str, tag: usize, deadline: Duration) -> Terms {
        Terms { what, tag, begin: Instant::now(), since: self.shared.lock().now, deadline }
    }

    fn key(&self, tag: usize, name: &str) -> String {
        format!("{{{}}}{name}", self.tags[tag])
    }

    fn token(&mut self, key: &str) -> String {
        self.calls += 1;
        format!("{key}:{}.{};", self.number, self.calls)
    }

    async fn call(&mut self) {
        let tag = self.dice.index(self.tags.len());
        let deadline = match self.dice.below(8) {
            0 => self.dice.one_of(&[5, 50, 300]),
            _ => self.deadline,
        };
        let deadline = Duration::from_millis(deadline);
        self.ledger().calls += 1;
        match self.dice.below(13) {
            0..=2 => drop(self.append(self.terms("APPEND", tag, deadline)).await),
            3 | 4 => self.count(self.terms("INCR", tag, deadline)).await,
            5 => self.write(self.terms("SET", tag, deadline)).await,
            6 | 7 => self.read(self.terms("GET", tag, deadline)).await,
            8 => self.read_all(self.terms("MGET", tag, deadline)).await,
            9 => self.echo(self.terms("ECHO", tag, deadline)).await,
            10 => self.transact(self.terms("EXEC", tag, deadline)).await,
            11 => self.pipeline(self.terms("pipeline", tag, deadline)).await,
            _ => self.give_up(tag).await,
        }
    }

    async fn append(&mut self, terms: Terms) -> bool {
        let key = self.key(terms.tag, "list");
        let token = self.token(&key);
        let client = self.client.clone();
        let result = client.append(&key, &token).deadline(terms.deadline).await;
        self.check(&terms, result.as_ref().err());
        self.ledger().note_appended(&key, &token, Became::of(&result));
        result.is_ok()
    }

    async fn count(&mut self, terms: Terms) {
        let key = self.key(terms.tag, "count");
        self.ledger().begin_count(&key);
        let result = self.client.incr(&key).deadline(terms.deadline).await;
        self.check(&terms, result.as_ref().err());
        self.ledger().note_counted(&key, Became::of(&result));
    }

    async fn write(&mut self, terms: Terms) {
        let key = self.key(terms.tag, &format!("own{}", self.number));
        let number = self.ledger().begin_write(&key);
        let result = self.client.set(&key, format!("{key}#{number}")).deadline(terms.deadline).await;
        self.check(&terms, result.as_ref().err());
        self.ledger().note_written(&key, number, Became::of(&result));
    }

    fn any_key(&mut self, tag: usize) -> String {
        let name = match self.dice.below(6) {
            0 => "list".to_owned(),
            1 => "count".to_owned(),
            _ => format!("own{}", self.dice.below(4)),
        };
        self.key(tag, &name)
    }

    async fn read(&mut self, terms: Terms) {
        let key = self.any_key(terms.tag);
        let floor = self.ledger().floor(&key);
        let result = self.client.get::<String>(&key).deadline(terms.deadline).await;
        self.check(&terms, result.as_ref().err());
        if let Ok(value) = result {
            self.ledger().check_read(&key, floor, value.as_deref());
        }
    }

    async fn read_all(&mut self, terms: Terms) {
        let mut keys = vec![self.any_key(terms.tag), self.any_key(terms.tag), self.any_key(terms.tag)];
        keys.dedup();
        let floors: Vec<_> = keys.iter().map(|key| self.ledger().floor(key)).collect();
        let result = self.client.mget::<String>(keys.clone()).deadline(terms.deadline).await;
        self.check(&terms, result.as_ref().err());
        for (index, value) in result.into_iter().flatten().enumerate() {
            self.ledger().check_read(&keys[index], floors[index], value.as_deref());
        }
    }

    async fn echo(&mut self, terms: Terms) {
        let token = self.token("echo");
        let request = self.client.request::<String>(Command::new("ECHO").arg(&token));
        let result = request.deadline(terms.deadline).await;
        self.check(&terms, result.as_ref().err());
        if result.as_ref().is_ok_and(|answer| *answer != token) {
            self.ledger().complain(format_args!("ECHO {token} is answered {result:?}"));
        }
    }

    async fn transact(&mut self, terms: Terms) {
        let (list, count) = (self.key(terms.tag, "list"), self.key(terms.tag, "count"));
        let token = self.token(&list);
        self.ledger().begin_count(&count);
        let client = self.client.clone();
        let mut transaction = client.transaction().deadline(terms.deadline);
        let queued = (transaction.append(&list, &token).queue(), transaction.incr(&count).queue());
        let echoed = transaction.request::<String>(Command::new("GET").key(&list)).queue();
        let result = transaction.execute().await;
        self.check(&terms, result.as_ref().err());
        let became = Became::of(&result);
        let mut ledger = self.ledger();
        ledger.note_appended(&list, &token, became);
        ledger.note_counted(&count, became);
        if let Ok(results) = result {
            let whole = results.get(queued).and_then(|_| results.get(echoed));
            if !whole.as_ref().is_ok_and(|value| value.ends_with(&token)) {
                ledger.complain(format_args!("a transaction with {token} is answered {whole:?}"));
            }
        }
    }

    async fn pipeline(&mut self, terms: Terms) {
        let client = self.client.clone();
        let mut pipeline = client.pipeline().deadline(terms.deadline);
        let (mut appends, mut reads, mut echoes) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..self.dice.between(1, 4) {
            let tag = self.dice.index(self.tags.len());
            let list = self.key(tag, "list");
            let token = self.token(&list);
            appends.push((tag, list.clone(), token.clone(), pipeline.append(&list, &token).queue()));
            let key = self.any_key(tag);
            let floor = self.ledger().floor(&key);
            reads.push((tag, key.clone(), floor, pipeline.get::<String>(&key).queue()));
            let token = self.token("echo");
            let request = pipeline.request::<String>(Command::new("ECHO").arg(&token));
            echoes.push((token.clone(), request.queue()));
        }
        let results = pipeline.execute().await;
        for (tag, key, token, queued) in appends {
            let result = results.get(queued);
            self.check(&Terms { tag, ..terms }, result.as_ref().err());
            self.ledger().note_appended(&key, &token, Became::of(&result));
        }
        for (tag, key, floor, queued) in reads {
            let result = results.get(queued);
            self.check(&Terms { tag, ..terms }, result.as_ref().err());
            if let Ok(value) = result {
                self.ledger().check_read(&key, floor, value.as_deref());
            }
        }
        for (token, queued) in echoes {
            let result = results.get(queued);
            if result.as_ref().is_ok_and(|answer| *answer != token) {
                self.ledger().complain(format_args!("ECHO {token} is answered {result:?} in a pipeline"));
            }
        }
    }

    /// Calls, and drops the call before it may have been answered.
    async fn give_up(&mut self, tag: usize) {
        let key = self.key(tag, "list");
        let token = self.token(&key);
        let patience = Duration::from_millis(self.dice.one_of(&[0, 1, 10, 200]));
        let client = self.client.clone();
        let call = pin!(client.append(&key, &token).into_future());
        let result = timeout(patience, call).await;
        let became = result.as_ref().map_or(Became::Maybe, Became::of);
        self.ledger().note_appended(&key, &token, became);
    }

    /// What must hold of every call, however it ends.
    fn check(&mut self, terms: &Terms, error: Option<&Error>) {
        let Terms { what, tag, begin, since, deadline } = terms;
        let (took, key) = (begin.elapsed(), self.key(*tag, ""));
        if took > *deadline + SLACK {
            self.ledger().complain(format_args!("{what} of {key} took {took:?}, and had {deadline:?}"));
        }
        let Some(error) = error else { return };
        let code = error.server().map(|server| server.code().to_owned()).unwrap_or_default();
        let (kind, fate) = (error.kind(), error.fate());
        *self.ledger().errors.entry(format!("{what} {} {fate:?} {code}", kind.as_str())).or_default() += 1;
        if kind == ErrorKind::Server && RETRIED.contains(&code.as_str()) && took + SLACK < *deadline {
            self.ledger().complain(format_args!("{what} of {key} fails before its deadline: {error}"));
        }
        let expected = [ErrorKind::Timeout, ErrorKind::Connection, ErrorKind::Server, ErrorKind::NotAtomic];
        if !expected.contains(&kind) || (fate == Fate::Executed && kind != ErrorKind::NotAtomic) {
            self.ledger().complain(format_args!("{what} of {key} ends in {kind:?}, {fate:?}: {error}"));
        }
        let world = self.shared.lock();
        let calm = *what != "ECHO" && *deadline >= LEISURE && world.was_calm(world.segment_of(key.as_bytes()), *since);
        drop(world);
        if calm {
            self.ledger()
                .complain(format_args!("{what} of {key}, begun at {since} ms, fails without a reason: {error}"));
        }
    }
}

/// Virtual time is as coarse as tokio's timers.
const SLACK: Duration = Duration::from_millis(10);

/// With less than this also a slow way is a reason to fail.
const LEISURE: Duration = Duration::from_millis(400);

/// What a node says for the time being, and no caller is told before its deadline.
const RETRIED: [&str; 6] = ["MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "LOADING", "MASTERDOWN"];
