//! A link that one caller has for itself, and what that caller leaves on its connection.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::command::{Block, Command, Effect, Facts, Mark, Unfit};
use crate::connection::{Lost, Reason};
use crate::driver::Link;
use crate::outcome::Fate;
use crate::topology::{Arrival, Finder, cause_of};

/// A link that one caller has for itself.
pub(super) struct Lease {
    link: Arc<Link>,
    traces: Mutex<Traces>,
}

/// What the caller leaves on the connection, as far as is known: never less than there is.
struct Traces {
    watched: Left,
    queued: Left,
    /// Whether the connection is another one than it was.
    spoiled: bool,
    /// Whether something was given up that may be under way.
    doubted: bool,
    blocked: Blocked,
    /// Whether anything was sent that does more than to read.
    acted: bool,
    /// Whether the server is known to take what silences it.
    hushes: bool,
    /// Whether the link was told to send nothing of its own.
    keeps_out: bool,
}

/// Whether a command that was given up may hold the connection up.
enum Blocked {
    No,
    /// Nothing that was given up is before it, and nothing behind it: who is told what it takes away.
    By(Finder, Arrival),
    /// What is answered to what cannot be told.
    Somewhere,
}

/// ```text
///            posted: leaves something            posted: mends it
///   Nothing ─────────────────────────▶ There ───────────────────▶ Going
///                                        ▲                        │   │
///                                        └── leaves something ────┘   │ answered
///   Nothing ◀─────────────────────────────────────────────────────────┘
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    Nothing,
    There,
    /// Something that mends it was sent after all that left it.
    Going,
}

/// What there is to do before another caller can have the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Clean,
    /// Keys may be watched.
    Watching,
    /// Commands may be queued, and keys be watched.
    Queuing,
    /// A command that nobody waits for holds it up.
    Blocked,
    /// Nobody else can have it.
    Spoiled,
}

impl Lease {
    pub(super) fn new(link: &Arc<Link>) -> Arc<Self> {
        let traces = Traces {
            watched: Left::Nothing,
            queued: Left::Nothing,
            spoiled: false,
            doubted: false,
            blocked: Blocked::No,
            acted: false,
            hushes: false,
            keeps_out: false,
        };
        Arc::new(Self { link: Arc::clone(link), traces: Mutex::new(traces) })
    }

    pub(super) fn link(&self) -> &Link {
        &self.link
    }

    /// A command is about to be sent by itself; `burden` is its own.
    pub(super) fn note_command(&self, command: &Command, burden: &Burden) {
        let mut traces = self.lock();
        traces.take(burden);
        traces.keep_out(&self.link);
        match command.mark() {
            Mark::Unwatches if traces.queued == Left::Nothing => traces.watched.mend(),
            Mark::Closes => traces.mend(),
            // Where commands are queued, `UNWATCH` is queued too.
            _ => {}
        }
    }

    /// A pipeline is about to be sent. Its answers are not looked at: what it leaves is mended at the end, if need be.
    pub(super) fn note_pipeline(&self, burden: &Burden) {
        let mut traces = self.lock();
        traces.take(burden);
        traces.keep_out(&self.link);
    }

    /// A transaction is about to be sent, `MULTI` and `EXEC` included.
    pub(super) fn note_transaction(&self, burden: &Burden) {
        let mut traces = self.lock();
        traces.take(burden);
        traces.mend();
    }

    /// A command that was sent by itself was answered, and with no error.
    pub(super) fn note_answered(&self, facts: &Facts) {
        match facts.mark() {
            Mark::Unwatches => self.lock().watched.mended(),
            Mark::Closes => self.note_closed(),
            _ => {}
        }
    }

    /// A transaction was closed: it ran, or a key that was watched had changed.
    pub(super) fn note_closed(&self) {
        let mut traces = self.lock();
        traces.watched.mended();
        traces.queued.mended();
        traces.keep_out(&self.link);
    }

    /// Something was given up that may be under way; if it may block, `finder` is to be told what it takes away.
    pub(super) fn note_given_up(&self, finder: Option<(Finder, Arrival)>) {
        let mut traces = self.lock();
        traces.blocked = match (std::mem::replace(&mut traces.blocked, Blocked::No), finder) {
            (Blocked::No, None) => Blocked::No,
            (Blocked::No, Some((finder, arrival))) if !traces.doubted => Blocked::By(finder, arrival),
            _ => Blocked::Somewhere,
        };
        traces.doubted = true;
    }

    /// A command's caller has gone before it was told that there is no answer; if it may block, `finder` is to be told what it takes
    /// away.
    pub(super) fn note_lost(&self, lost: &Lost, finder: Option<Finder>) {
        match (lost.fate, &lost.loss.reason, finder) {
            (Fate::Unknown, Reason::Deadline(_), finder) => {
                self.note_given_up(finder.map(|finder| (finder, Arrival::Certain)));
            }
            (Fate::Unknown, _, Some(finder)) => finder(Err(cause_of(lost))),
            // The connection is lost, or nothing is under way.
            _ => {}
        }
    }

    /// Commands were given up that may be under way, and block.
    pub(super) fn note_block(&self) {
        self.lock().blocked = Blocked::Somewhere;
    }

    /// Who is told what a command takes away that holds the connection up, or did until that was lost.
    pub(super) fn take_finder(&self) -> Option<(Finder, Arrival)> {
        match std::mem::replace(&mut self.lock().blocked, Blocked::Somewhere) {
            Blocked::By(finder, arrival) => Some((finder, arrival)),
            Blocked::No | Blocked::Somewhere => None,
        }
    }

    /// Nobody else can have the connection after this.
    pub(super) fn spoil(&self) {
        self.lock().spoiled = true;
    }

    /// Whether commands may be queued.
    pub(super) fn may_queue(&self) -> bool {
        self.lock().queued != Left::Nothing
    }

    /// Whether the server is known to take what silences it.
    pub(super) fn hushes(&self) -> bool {
        self.lock().hushes
    }

    /// The server takes what silences it.
    pub(super) fn note_hushes(&self) {
        self.lock().hushes = true;
    }

    /// Whether anything was sent that does more than to read, since [`Self::forget_acts`].
    pub(super) fn has_acted(&self) -> bool {
        self.lock().acted
    }

    /// What was sent so far is known to have run, or not.
    pub(super) fn forget_acts(&self) {
        self.lock().acted = false;
    }

    pub(super) fn standing(&self) -> Standing {
        let traces = self.lock();
        let is_clean = (traces.watched, traces.queued) == (Left::Nothing, Left::Nothing);
        match &traces.blocked {
            _ if traces.spoiled || self.link.is_ended() => Standing::Spoiled,
            Blocked::By(..) if is_clean => Standing::Blocked,
            Blocked::By(..) | Blocked::Somewhere => Standing::Spoiled,
            Blocked::No if traces.queued != Left::Nothing => Standing::Queuing,
            // What shows that nothing is watched shows also that the connection answers.
            Blocked::No if traces.doubted || !is_clean => Standing::Watching,
            Blocked::No => Standing::Clean,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Traces> {
        self.traces.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What commands do to a connection that they are sent on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Burden {
    watches: bool,
    queues: bool,
    spoils: bool,
    /// Whether the server forgets what it was told of answers.
    resets: bool,
    acts: bool,
    /// How long they may block, all in all; `None`: not at all.
    block: Option<Block>,
}

impl Burden {
    pub(super) fn of(command: &Command) -> Self {
        let mut burden = Self::default();
        burden.add(command);
        burden
    }

    pub(super) fn add(&mut self, command: &Command) {
        let mark = command.mark();
        match mark {
            Mark::Nothing | Mark::Unwatches | Mark::Closes => {}
            Mark::Watches => self.watches = true,
            Mark::Queues => self.queues = true,
            Mark::Spoils | Mark::Seizes => self.spoils = true,
        }
        let is_of_transactions = matches!(mark, Mark::Watches | Mark::Unwatches | Mark::Queues | Mark::Closes);
        self.resets |= command.facts().name() == "RESET";
        self.acts |= !is_of_transactions && command.effect() != Effect::Read;
        self.block = match (self.block, command.block()) {
            (Some(Block::For(one)), Some(Block::For(other))) => Some(Block::For(one.saturating_add(other))),
            (Some(Block::Forever), _) | (_, Some(Block::Forever)) => Some(Block::Forever),
            (one, other) => one.or(other),
        };
    }

    /// Why they cannot go without answers; `None`: they can.
    pub(super) fn needs_answers(&self) -> Option<&'static str> {
        match self {
            _ if self.blocks() => Some("what a blocking command takes away would be lost"),
            _ if self.queues => Some("a transaction has an answer"),
            _ if self.resets => Some("`RESET` has the server answer again"),
            _ => None,
        }
    }

    /// Whether one of them may block.
    pub(super) fn blocks(&self) -> bool {
        self.block.is_some()
    }

    /// When their caller stops waiting: the time that they may block is added to `deadline`, unless that was set for them
    /// (`is_explicit`).
    pub(super) fn deadline(&self, deadline: Option<Instant>, is_explicit: bool) -> Option<Instant> {
        match self.block {
            _ if is_explicit => deadline,
            None => deadline,
            Some(Block::Forever) => None,
            // So far away that it cannot be represented is never.
            Some(Block::For(time)) => deadline.and_then(|deadline| deadline.checked_add(time)),
        }
    }
}

impl Traces {
    fn take(&mut self, burden: &Burden) {
        if burden.watches {
            self.watched = Left::There;
        }
        if burden.queues {
            self.queued = Left::There;
        }
        if let Blocked::By(..) = self.blocked {
            self.blocked = Blocked::Somewhere;
        }
        self.spoiled |= burden.spoils;
        self.acted |= burden.acts;
    }

    /// Tells the link to send nothing of its own while commands may be queued.
    fn keep_out(&mut self, link: &Link) {
        let keeps_out = self.queued != Left::Nothing;
        if std::mem::replace(&mut self.keeps_out, keeps_out) != keeps_out {
            link.mailbox().keep_out(keeps_out);
        }
    }

    fn mend(&mut self) {
        self.watched.mend();
        self.queued.mend();
    }
}

impl Left {
    fn mend(&mut self) {
        if *self == Self::There {
            *self = Self::Going;
        }
    }

    fn mended(&mut self) {
        if *self == Self::Going {
            *self = Self::Nothing;
        }
    }
}

impl Standing {
    /// Makes the connection what it was, until `until` at the latest. Whether that is done.
    pub(super) async fn mend(self, link: &Link, until: Instant) -> bool {
        if self == Self::Queuing {
            // An error if nothing is queued any more.
            let _ = link.ask(Command::new("DISCARD"), Some(until)).await;
        }
        match self {
            Self::Clean => true,
            Self::Spoiled | Self::Blocked => false,
            Self::Watching | Self::Queuing => match link.ask(Command::new("UNWATCH"), Some(until)).await {
                // Not `QUEUED`.
                Ok(answer) if !answer.has_error() && answer.reply().bytes() == Some(b"OK") => {
                    link.mailbox().keep_out(false);
                    true
                }
                Ok(_) | Err(_) => false,
            },
        }
    }
}

/// Why a command must not be sent by itself on a link that its caller alone has; `None`: it may.
pub(super) fn unfit(command: &Command) -> Option<Unfit> {
    (command.mark() == Mark::Seizes).then(|| Unfit::Elsewhere(command.elsewhere()))
}
