//! What a link has counted, for everyone to read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::connection::Tally;
use crate::outcome::Fate;

/// A link's counts, or those of several links together. Those of its task have that one writer and are published at the end of each of its turns; those of
/// calls that end without an answer are counted by the callers.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    sent: AtomicU64,
    answered: AtomicU64,
    abandoned: AtomicU64,
    replayed: AtomicU64,
    retried: AtomicU64,
    attempts: AtomicU64,
    connections: AtomicU64,
    unsent: AtomicU64,
    bytes_written: AtomicU64,
    bytes_read: AtomicU64,
    /// Commands that were not handed in, because they must not be sent on a shared connection.
    turned_away: AtomicU64,
    /// Commands whose callers have gone before they were told of an end.
    cancelled: AtomicU64,
    /// Commands that were handed in, where several links count together: before it is known which of them they will go to.
    issued: AtomicU64,
    /// How many still have no link.
    homeless: AtomicU64,
    /// Answers that came too late for their callers and are more than nothing.
    orphaned: AtomicU64,
    failed: Failed<AtomicU64>,
}

/// How a link's task tells what it has counted.
#[derive(Debug)]
pub(super) struct Register {
    counters: Arc<Counters>,
    /// What was told before, where others count there too.
    told: Option<Box<(Tally, Traffic)>>,
}

/// A command that has no link yet; it has one, or none any more, when this is dropped.
#[derive(Debug)]
pub(crate) struct Homeless(Arc<Counters>);

/// Commands whose callers were told of an error, by their fates.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Failed<N> {
    pub(crate) not_sent: N,
    pub(crate) refused: N,
    pub(crate) unknown: N,
    pub(crate) executed: N,
}

/// Bytes that went through the link's sockets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) written: u64,
    pub(crate) read: u64,
}

/// What was counted, as read at one time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    /// What the link's task has published last. `sent` is never less than `answered + abandoned`.
    pub(crate) tally: Tally,
    pub(crate) traffic: Traffic,
    pub(crate) turned_away: u64,
    pub(crate) cancelled: u64,
    pub(crate) issued: u64,
    pub(crate) homeless: u64,
    pub(crate) orphaned: u64,
    pub(crate) failed: Failed<u64>,
}

impl Register {
    /// In `counters`; `shared`: where others count too.
    pub(super) fn new(counters: Arc<Counters>, shared: bool) -> Self {
        Self { counters, told: shared.then(Box::default) }
    }

    /// Tells what was counted since the link began.
    pub(super) fn publish(&mut self, tally: &Tally, traffic: Traffic) {
        match &mut self.told {
            None => self.counters.publish(tally, traffic),
            Some(told) => {
                let (last, before) = std::mem::replace(&mut **told, (*tally, traffic));
                self.counters.publish_growth((&last, before), (tally, traffic));
            }
        }
    }
}

impl Drop for Homeless {
    fn drop(&mut self) {
        self.0.homeless.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Counters {
    /// The link's task tells what it has counted since the link began. Nobody else may.
    fn publish(&self, tally: &Tally, traffic: Traffic) {
        self.sent.store(tally.sent, Ordering::Relaxed);
        // Who sees one of these sees all the sendings that they are about.
        self.answered.store(tally.answered, Ordering::Release);
        self.abandoned.store(tally.abandoned, Ordering::Release);
        self.replayed.store(tally.replayed, Ordering::Relaxed);
        self.retried.store(tally.retried, Ordering::Relaxed);
        self.attempts.store(tally.attempts, Ordering::Relaxed);
        self.connections.store(tally.connections, Ordering::Relaxed);
        self.unsent.store(tally.unsent, Ordering::Relaxed);
        self.bytes_written.store(traffic.written, Ordering::Relaxed);
        self.bytes_read.store(traffic.read, Ordering::Relaxed);
    }

    /// The task of one of several links tells what has grown since it did last.
    fn publish_growth(&self, (last, before): (&Tally, Traffic), (tally, traffic): (&Tally, Traffic)) {
        let grow = |counter: &AtomicU64, last: u64, now: u64, order| {
            if now != last {
                // What falls is added too: it comes around.
                counter.fetch_add(now.wrapping_sub(last), order);
            }
        };
        grow(&self.sent, last.sent, tally.sent, Ordering::Relaxed);
        grow(&self.answered, last.answered, tally.answered, Ordering::Release);
        grow(&self.abandoned, last.abandoned, tally.abandoned, Ordering::Release);
        grow(&self.replayed, last.replayed, tally.replayed, Ordering::Relaxed);
        grow(&self.retried, last.retried, tally.retried, Ordering::Relaxed);
        grow(&self.attempts, last.attempts, tally.attempts, Ordering::Relaxed);
        grow(&self.connections, last.connections, tally.connections, Ordering::Relaxed);
        grow(&self.unsent, last.unsent, tally.unsent, Ordering::Relaxed);
        grow(&self.bytes_written, before.written, traffic.written, Ordering::Relaxed);
        grow(&self.bytes_read, before.read, traffic.read, Ordering::Relaxed);
    }

    /// Commands were handed in.
    pub(crate) fn count_issued(&self, commands: u64) {
        self.issued.fetch_add(commands, Ordering::Relaxed);
    }

    /// A command waits for a link.
    pub(crate) fn count_homeless(self: &Arc<Self>) -> Homeless {
        self.homeless.fetch_add(1, Ordering::Relaxed);
        Homeless(Arc::clone(self))
    }

    /// An answer came too late for its caller.
    pub(crate) fn count_orphaned(&self) {
        self.orphaned.fetch_add(1, Ordering::Relaxed);
    }

    /// A caller was told that its command ended in an error.
    pub(crate) fn count_failed(&self, fate: Fate) {
        let counter = match fate {
            Fate::NotSent => &self.failed.not_sent,
            Fate::Refused => &self.failed.refused,
            // What may have run in part may have run.
            Fate::Unknown | Fate::Partial => &self.failed.unknown,
            Fate::Executed => &self.failed.executed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// A command was not handed in.
    pub(crate) fn count_turned_away(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    /// A caller has gone before it was told what became of these commands.
    pub(crate) fn count_cancelled(&self, commands: usize) {
        self.cancelled.fetch_add(commands as u64, Ordering::Relaxed);
    }

    /// What was counted so far.
    pub(crate) fn read(&self) -> Counted {
        let relaxed = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        // Before `sent`, see above.
        let (answered, abandoned) = (self.answered.load(Ordering::Acquire), self.abandoned.load(Ordering::Acquire));
        let tally = Tally {
            sent: relaxed(&self.sent),
            answered,
            abandoned,
            replayed: relaxed(&self.replayed),
            retried: relaxed(&self.retried),
            attempts: relaxed(&self.attempts),
            connections: relaxed(&self.connections),
            unsent: relaxed(&self.unsent),
        };
        let failed = Failed {
            not_sent: relaxed(&self.failed.not_sent),
            refused: relaxed(&self.failed.refused),
            unknown: relaxed(&self.failed.unknown),
            executed: relaxed(&self.failed.executed),
        };
        Counted {
            tally,
            traffic: Traffic { written: relaxed(&self.bytes_written), read: relaxed(&self.bytes_read) },
            turned_away: relaxed(&self.turned_away),
            cancelled: relaxed(&self.cancelled),
            issued: relaxed(&self.issued),
            homeless: relaxed(&self.homeless),
            orphaned: relaxed(&self.orphaned),
            failed,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[test]
    fn links_that_count_together_add_up_and_leave_nothing_behind() {
        let counters = Arc::new(Counters::default());
        let mut links = [Register::new(Arc::clone(&counters), true), Register::new(Arc::clone(&counters), true)];
        let tally = |sent, answered, unsent| Tally { sent, answered, unsent, ..Tally::default() };
        let read = |bytes| Traffic { written: 0, read: bytes };
        links[0].publish(&tally(1, 0, 3), read(10));
        links[1].publish(&tally(5, 4, 2), read(1));
        links[0].publish(&tally(4, 2, 0), read(30));
        let (counted, homeless) = (counters.read(), counters.count_homeless());
        assert_eq!((counted.tally, counted.traffic.read), (tally(9, 6, 2), 31));
        links[1].publish(&tally(5, 5, 0), read(1));
        assert_eq!(counters.read().homeless, 1);
        drop(homeless);
        assert_eq!((counters.read().tally, counters.read().homeless), (tally(9, 7, 0), 0));
    }

    #[test]
    fn what_is_read_while_it_is_published_never_has_more_answers_than_sendings() {
        let (counters, done) = (Arc::new(Counters::default()), Arc::new(AtomicBool::new(false)));
        let (published, stop) = (Arc::clone(&counters), Arc::clone(&done));
        let publisher = std::thread::spawn(move || {
            for count in 1..=300_000 {
                let tally = Tally { sent: 2 * count, answered: count, abandoned: count, ..Tally::default() };
                published.publish(&tally, Traffic::default());
            }
            stop.store(true, Ordering::Relaxed);
        });
        let mut last = 0;
        while !done.load(Ordering::Relaxed) {
            let tally = counters.read().tally;
            assert!(tally.sent >= tally.answered + tally.abandoned, "{tally:?}");
            assert!(tally.sent >= last, "{tally:?} after {last}");
            last = tally.sent;
        }
        publisher.join().unwrap();
        assert_eq!(counters.read().tally.sent, 600_000);
    }
}
