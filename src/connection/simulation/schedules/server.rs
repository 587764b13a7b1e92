//! The server: what it does with the commands that arrive, over all its connections.

use std::time::Instant;

use super::ledger::{self, Ledger};
use super::schedule::{Affliction, Door, Effect, Greeting, Login, Mood, Named, Refused, Verb, Wished};
use super::wire::{Ran, Said, Wire};

/// The server, and what clients find who dial it.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) mood: Mood,
    pub(super) door: Door,
    pub(super) login: Login,
    /// The connections whose clients are gone, and on which something may run yet.
    orphans: Vec<Wire>,
    connections: u32,
    text: Vec<u8>,
    /// The shard channels whose slots are another server's.
    away: [bool; 3],
    /// How many messages were published.
    published: u64,
}

impl Server {
    pub(super) fn new() -> Self {
        Self {
            mood: Mood::Well,
            door: Door::OPEN,
            login: Login::Taken,
            orphans: Vec::new(),
            connections: 0,
            text: Vec::new(),
            away: [false; 3],
            published: 0,
        }
    }

    /// Somebody publishes a message, which arrives at `at`.
    pub(super) fn publish(&mut self, named: Named, wire: &mut Wire, at: Instant) {
        self.published += 1;
        if wire.topics.contains(&named) && self.mood != Mood::Stopped {
            let kind = if named.is_shard { "smessage" } else { "message" };
            wire.say(&pushed(wire, &[kind, &named.to_string(), &self.published.to_string()]), at);
        }
    }

    /// The slot of a shard channel goes, or comes back.
    pub(super) fn move_shard(&mut self, number: u8, wire: Option<&mut Wire>, at: Instant) {
        if self.mood == Mood::Stopped {
            return;
        }
        let away = &mut self.away[usize::from(number)];
        *away = !*away;
        let named = Named { is_shard: true, number };
        let Some(wire) = wire.filter(|_| *away) else { return };
        if wire.topics.remove(&named) {
            wire.withdrawn.insert(named);
            wire.say(&pushed(wire, &["sunsubscribe", &named.to_string()]), at);
        }
    }

    fn change(&mut self, wire: &mut Wire, wished: Wished, at: Instant) {
        let Wished { wants, named } = wished;
        let refusal = match self.mood {
            _ if named.is_shard && self.away[usize::from(named.number)] => Some("-MOVED 1 127.0.0.1:1\r\n"),
            Mood::Refuses(Refused::Loading) => Some("-LOADING not yet\r\n"),
            Mood::Refuses(Refused::ClusterDown) if named.is_shard => Some("-CLUSTERDOWN no\r\n"),
            Mood::Refuses(Refused::TryAgain) if named.is_shard => Some("-TRYAGAIN later\r\n"),
            Mood::Refuses(Refused::OutOfMemory) if wants => Some("-NOPERM no\r\n"),
            _ if !wants && wire.topics.is_empty() => Some("-NOSUB not subscribed\r\n"),
            _ => None,
        };
        match refusal {
            Some(refusal) => self.text.extend_from_slice(refusal.as_bytes()),
            None => {
                if wants {
                    wire.topics.insert(named)
                } else {
                    wire.topics.remove(&named)
                };
                let verb = match (named.is_shard, wants) {
                    (false, true) => "subscribe",
                    (false, false) => "unsubscribe",
                    (true, true) => "ssubscribe",
                    (true, false) => "sunsubscribe",
                };
                self.text = pushed(wire, &[verb, &named.to_string()]);
            }
        }
        self.answer(wire, Ran::Yes, at);
    }

    /// A client has connected.
    pub(super) fn accept(&mut self, now: Instant) -> Wire {
        self.connections += 1;
        Wire::new(self.connections, self.door.greeting, self.door.doom, now)
    }

    /// The client of a connection is gone; what has been sent may run yet.
    pub(super) fn keep(&mut self, wire: Wire) {
        if wire.has_work() {
            self.orphans.push(wire);
        }
    }

    /// Does what has arrived from clients that are gone.
    pub(super) fn serve_orphans(&mut self, ledger: &mut Ledger, now: Instant) {
        let mut orphans = std::mem::take(&mut self.orphans);
        for wire in &mut orphans {
            wire.arrive(now);
            self.serve(wire, ledger, now, Client::Gone);
        }
        orphans.retain(Wire::has_work);
        self.orphans = orphans;
    }

    /// When something arrives from a client that is gone.
    pub(super) fn next(&self) -> Option<Instant> {
        self.orphans.iter().filter_map(Wire::next_up).min()
    }

    /// Does what has arrived; answers arrive at `at`.
    pub(super) fn serve(&mut self, wire: &mut Wire, ledger: &mut Ledger, at: Instant, client: Client) {
        while self.mood != Mood::Stopped {
            let Some(said) = wire.next_said() else { return };
            self.text.clear();
            match said {
                Said::Hello => self.greet(wire, at),
                Said::Auth => {
                    let wrong = self.login == Login::Wrong;
                    self.text.extend_from_slice(if wrong { WRONG_PASSWORD } else { b"+OK\r\n" });
                    self.answer(wire, Ran::Yes, at);
                }
                Said::Setting => wire.answer(b"+OK\r\n", usize::MAX, Ran::Yes, at),
                Said::Role => {
                    let copies = self.mood == Mood::Refuses(Refused::ReadOnly);
                    self.text.extend_from_slice(if copies { b"*1\r\n+slave\r\n" } else { b"*1\r\n+master\r\n" });
                    self.answer(wire, Ran::Yes, at);
                }
                Said::Ping => {
                    // Which the handshake asks only of servers that do not know HELLO.
                    let refused = matches!(self.mood, Mood::Refuses(Refused::Loading)) && wire.established.is_some();
                    self.text.extend_from_slice(if refused { b"-LOADING not yet\r\n" } else { b"+PONG\r\n" });
                    self.answer(wire, Ran::Yes, at);
                }
                Said::Change(wished) => self.change(wire, wished, at),
                Said::Multi => {
                    wire.queued = Some((Vec::new(), Ran::Yes));
                    self.text.extend_from_slice(b"+OK\r\n");
                    self.answer(wire, Ran::Yes, at);
                }
                Said::Queued(token) => self.queue(wire, token, ledger, at),
                Said::Exec(..) => self.execute(wire, ledger, at, client),
                Said::Command(token) => self.obey(wire, token, ledger, at, client),
            }
        }
    }

    fn greet(&mut self, wire: &mut Wire, at: Instant) {
        let text: &[u8] = match wire.greeting {
            Greeting::Well | Greeting::ThenMute if self.login == Login::Wrong => WRONG_PASSWORD,
            Greeting::Well if self.mood == Mood::Refuses(Refused::ReadOnly) => {
                b"%2\r\n+role\r\n+replica\r\n+proto\r\n:3\r\n"
            }
            Greeting::Well | Greeting::ThenMute => b"%2\r\n+server\r\n+redis\r\n+proto\r\n:3\r\n",
            Greeting::Old => b"-ERR unknown command 'HELLO'\r\n",
            Greeting::WrongPassword => WRONG_PASSWORD,
            Greeting::Full => b"-ERR max number of clients reached\r\n",
            Greeting::Loading => b"-LOADING Redis is loading the dataset in memory\r\n",
            Greeting::Gibberish => b"HTTP/1.1 400 Bad Request\r\n\r\n",
            Greeting::Mute => return wire.affliction = Some(Affliction::Mute),
        };
        wire.answer(text, usize::MAX, Ran::Yes, at);
    }

    fn obey(&mut self, wire: &mut Wire, token: u32, ledger: &mut Ledger, at: Instant, client: Client) {
        let verb = ledger.verb(token);
        if let Some(refused) = self.refusal(wire, verb) {
            ledger.refuse(token);
            ledger::refusal_text(token, refused, &mut self.text);
            return self.answer(wire, Ran::No, at);
        }
        let value = ledger.run(wire, token, client);
        ledger::answer_text(token, value, &mut self.text);
        if self.mood == Mood::Chokes(verb.key) {
            return wire.finish();
        }
        self.answer(wire, Ran::Yes, at);
    }

    fn queue(&mut self, wire: &mut Wire, token: u32, ledger: &Ledger, at: Instant) {
        let refused = self.refusal(wire, ledger.verb(token));
        let (queued, ran) = wire.queued.as_mut().expect("MULTI came before");
        queued.push(token);
        match refused {
            Some(refused) => {
                *ran = Ran::No;
                ledger::refusal_text(token, refused, &mut self.text);
            }
            None => self.text.extend_from_slice(b"+QUEUED\r\n"),
        }
        self.answer(wire, Ran::Yes, at);
    }

    fn execute(&mut self, wire: &mut Wire, ledger: &mut Ledger, at: Instant, client: Client) {
        let (queued, ran) = wire.queued.take().expect("MULTI came before");
        if ran == Ran::No {
            queued.iter().for_each(|token| ledger.refuse(*token));
            self.text.extend_from_slice(b"-EXECABORT Transaction discarded because of previous errors.\r\n");
            return self.answer(wire, Ran::No, at);
        }
        self.text.extend_from_slice(format!("*{}\r\n", queued.len()).as_bytes());
        let mut chokes = false;
        for token in queued {
            let value = ledger.run(wire, token, client);
            ledger::answer_text(token, value, &mut self.text);
            chokes |= self.mood == Mood::Chokes(ledger.verb(token).key);
        }
        if chokes {
            return wire.finish();
        }
        self.answer(wire, Ran::Yes, at);
    }

    /// Why a command is not run.
    fn refusal(&self, wire: &Wire, verb: Verb) -> Option<Refused> {
        match (self.mood, wire.affliction) {
            (_, Some(Affliction::ReadOnly)) | (Mood::Refuses(Refused::ReadOnly), _) => {
                (verb.effect != Effect::Read).then_some(Refused::ReadOnly)
            }
            (Mood::Refuses(refused), _) => Some(refused),
            _ => None,
        }
    }

    /// Answers with `text`, as far as the mood goes.
    fn answer(&mut self, wire: &mut Wire, ran: Ran, at: Instant) {
        let is_greeted = wire.established.is_some();
        if is_greeted && (wire.greeting == Greeting::ThenMute || self.mood == Mood::Mute) {
            wire.hush();
        }
        let part = match self.mood {
            Mood::Half(part) if is_greeted => part,
            _ => usize::MAX,
        };
        wire.answer(&self.text, part, ran, at);
        if part < self.text.len() {
            wire.hush();
            self.mood = Mood::Well;
        }
    }
}

/// A push that ends with a number, or with a message.
fn pushed(wire: &Wire, words: &[&str]) -> Vec<u8> {
    let sign = if wire.greeting == Greeting::Old { '*' } else { '>' };
    let mut text = format!("{sign}3\r\n");
    words.iter().for_each(|word| text += &format!("${}\r\n{word}\r\n", word.len()));
    if words.len() < 3 {
        text += ":1\r\n";
    }
    text.into_bytes()
}

const WRONG_PASSWORD: &[u8] = b"-WRONGPASS invalid username-password pair or user is disabled.\r\n";

/// Whether the client of a connection is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    There,
    Gone,
}
