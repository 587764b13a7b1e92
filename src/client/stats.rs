//! What a client has counted, as its users read it.

use super::handle::Client;
use crate::driver::Counted;
use crate::topology::{Deployed, Links};

/// What a client and its clones have counted since the client was made. See [`Client::stats`].
///
/// All but [`in_flight`](Self::in_flight), [`queued`](Self::queued), [`lent_connections`](Self::lent_connections) and
/// [`idle_connections`](Self::idle_connections) only ever grow. Commands are those of callers: the
/// handshake, the heartbeat and what else the client asks of itself are in the bytes and nowhere else, but for the `CLIENT
/// UNBLOCK` and the `PING` that end a blocking command, which are in what is a matter of the connection (see below). Each command of a
/// pipeline counts as one, and so does each of a transaction. The `MULTI` and the `EXEC` around a transaction count where
/// it is a matter of the connection (`sent`, `answered`, `abandoned`, `replayed`, `retried`, `in_flight`, `queued`), and not
/// where it is one of callers (`issued`, `failed_..`, `cancelled`); an observer is not told of them.
///
/// # Several nodes
/// They are sums over the nodes of the present topology; [`TopologyNode::stats`](super::TopologyNode::stats) has those of each.
/// When a node leaves, its counts leave with it: a sum can become smaller then. What the client asks nodes about the topology
/// (`CLUSTER SHARDS`, `CLUSTER INFO`, `INFO`, ..., and `PING` for [`LowestLatency`](super::ReadFrom::LowestLatency)) is in
/// `sent`, `answered`, `abandoned`, `in_flight` and `queued` too, and not in what is a matter of callers. A command that is sent
/// on to another node counts once in `issued`, and in `sent` and `answered` each time; one that goes to several nodes once in
/// `issued`, and as often as it has parts in `sent`. Sentinels are no part of it.
///
/// `sent == answered + abandoned + in_flight` in whatever is read, also while the client is busy. When no call is under way,
/// `queued` and `in_flight` are 0, and `issued` is what callers were given an answer to, plus `failed()`, plus
/// `cancelled`.
///
/// The numbers that the connection's task keeps are told at the end of each of its turns: on a runtime of several threads
/// they may be behind by what is happening at this moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Commands that callers have handed in: counted when their call is first polled, also if it fails at once then.
    pub issued: u64,
    /// How often a command was sent: its last byte was handed to the socket (with TLS: to the TLS layer). A command that is
    /// sent again counts again.
    pub sent: u64,
    /// Sendings that the server has answered, with an error too, and also if the caller had gone.
    pub answered: u64,
    /// Sendings whose connection ended before their answer came. What became of them is unknown, to the server's side
    /// at least: the command may have been sent again since.
    pub abandoned: u64,
    /// Sendings that repeated an abandoned one, as [`Replay`](crate::Replay) allows. They are in `sent` too.
    pub replayed: u64,
    /// How often a command that the server had refused for the time being was put back among those to be sent, as
    /// [`OnRefusal`](crate::OnRefusal) allows: once for each refusal that it waited after. Its sending is in `sent` too, if
    /// it comes to that before the call ends. A command that had been abandoned before is not counted here.
    pub retried: u64,
    /// Commands whose callers were told of an error with [`Fate::NotSent`](crate::Fate::NotSent).
    pub failed_not_sent: u64,
    /// Commands whose callers were told of an error with [`Fate::Refused`](crate::Fate::Refused). Also those of an attempt of
    /// [`Client::optimistic`](crate::Client::optimistic) that ended in a conflict, each time, though it is made anew.
    pub failed_refused: u64,
    /// Commands whose callers were told of an error with [`Fate::Unknown`](crate::Fate::Unknown).
    pub failed_unknown: u64,
    /// Commands whose callers were told of an error with [`Fate::Executed`](crate::Fate::Executed): the server's, or that
    /// the reply had another shape than was asked for. The replies of a pipeline are given their shape later, when its
    /// results are looked at: there only the server's errors count.
    pub failed_executed: u64,
    /// Commands whose callers dropped the call after it was first polled and before they had its end.
    pub cancelled: u64,
    /// What blocking commands took away for callers who had gone, or may have: how often the
    /// [orphan hook](crate::Config::with_orphan_hook) was called, or would have been.
    pub orphaned: u64,
    /// Attempts to make the connection that all callers share, the present one among them.
    pub connection_attempts: u64,
    /// Attempts that ended in such a connection that was ready for commands.
    pub connections: u64,
    /// Connections that were ready for commands of one caller at a time.
    pub own_connections: u64,
    /// How many of the places for such connections are taken now: by one that somebody has, that is being made or closed,
    /// or whose last command is being ended.
    pub lent_connections: u64,
    /// How many such connections are open now and wait for the next caller.
    pub idle_connections: u64,
    /// Bytes handed to sockets. With TLS: before encryption.
    pub bytes_written: u64,
    /// Bytes read from sockets. With TLS: after decryption.
    pub bytes_read: u64,
    /// Commands that are sent and not answered, those among them whose callers have gone.
    pub in_flight: u64,
    /// Commands that are handed in and not sent: for want of room or of a connection, because the server refuses them for
    /// the time being, or to be sent again. What was withdrawn counts until the connection's task notices.
    pub queued: u64,
}

impl Stats {
    /// Commands whose callers were told of an error, of whatever fate.
    pub fn failed(&self) -> u64 {
        self.failed_not_sent + self.failed_refused + self.failed_unknown + self.failed_executed
    }

    /// Connections for all callers that were ready after the first one was.
    pub fn reconnections(&self) -> u64 {
        self.connections.saturating_sub(1)
    }
}

impl Client {
    /// What this client and its clones have counted so far: commands, errors by fate, connections, bytes.
    ///
    /// A look at a few counters, cheap enough for every scrape of a metrics endpoint.
    ///
    /// ```no_run
    /// # fn example(client: &steadfast::Client) {
    /// let stats = client.stats();
    /// println!("{} in flight, {} of unknown fate", stats.in_flight, stats.failed_unknown);
    /// # }
    /// ```
    pub fn stats(&self) -> Stats {
        match self.deployed() {
            Deployed::One(links) => Stats::of(links),
            Deployed::Many(routes) => {
                let nodes = routes.nodes();
                let started = nodes.iter().filter_map(|node| node.started());
                started.fold(Stats::of_callers(&routes.counters().read()), |sum, links| sum.and(&Stats::of(links)))
            }
        }
    }
}

impl Stats {
    /// Of the links of one node.
    pub(super) fn of(links: &Links) -> Self {
        let link = links.shared();
        let (shared, (issued, posted)) = (link.counters().read(), link.mailbox().issued_and_queued());
        let pools = [links.blocking(), links.leases()];
        let [blocking, leases] = pools.map(|pool| pool.counters().read());
        let sum = |count: fn(&Counted) -> u64| count(&shared) + count(&blocking) + count(&leases);
        let [own_posted, lent, idle] = pools.iter().fold([0; 3], |[posted, lent, idle], pool| {
            let (free, unused) = pool.vacancies();
            [posted + pool.posted(), lent + pool.max().saturating_sub(free) as u64, idle + unused as u64]
        });
        let in_flight = |counted: &Counted| {
            let tally = &counted.tally;
            tally.sent.saturating_sub(tally.answered + tally.abandoned)
        };
        Stats {
            issued: issued + sum(|counted| counted.turned_away + counted.issued),
            sent: sum(|counted| counted.tally.sent),
            answered: sum(|counted| counted.tally.answered),
            abandoned: sum(|counted| counted.tally.abandoned),
            replayed: sum(|counted| counted.tally.replayed),
            retried: sum(|counted| counted.tally.retried),
            failed_not_sent: sum(|counted| counted.failed.not_sent),
            failed_refused: sum(|counted| counted.failed.refused),
            failed_unknown: sum(|counted| counted.failed.unknown),
            failed_executed: sum(|counted| counted.failed.executed),
            cancelled: sum(|counted| counted.cancelled),
            orphaned: sum(|counted| counted.orphaned),
            connection_attempts: shared.tally.attempts,
            connections: shared.tally.connections,
            own_connections: blocking.tally.connections + leases.tally.connections,
            lent_connections: lent,
            idle_connections: idle,
            bytes_written: sum(|counted| counted.traffic.written),
            bytes_read: sum(|counted| counted.traffic.read),
            in_flight: in_flight(&shared) + in_flight(&blocking) + in_flight(&leases),
            queued: posted + own_posted + sum(|counted| counted.tally.unsent + counted.homeless),
        }
    }

    /// Of what is counted of callers, and of no node.
    fn of_callers(counted: &Counted) -> Self {
        Self {
            issued: counted.turned_away + counted.issued,
            failed_not_sent: counted.failed.not_sent,
            failed_refused: counted.failed.refused,
            failed_unknown: counted.failed.unknown,
            failed_executed: counted.failed.executed,
            cancelled: counted.cancelled,
            orphaned: counted.orphaned,
            queued: counted.homeless,
            ..Self::default()
        }
    }

    /// Of both.
    fn and(self, other: &Self) -> Self {
        Self {
            issued: self.issued + other.issued,
            sent: self.sent + other.sent,
            answered: self.answered + other.answered,
            abandoned: self.abandoned + other.abandoned,
            replayed: self.replayed + other.replayed,
            retried: self.retried + other.retried,
            failed_not_sent: self.failed_not_sent + other.failed_not_sent,
            failed_refused: self.failed_refused + other.failed_refused,
            failed_unknown: self.failed_unknown + other.failed_unknown,
            failed_executed: self.failed_executed + other.failed_executed,
            cancelled: self.cancelled + other.cancelled,
            orphaned: self.orphaned + other.orphaned,
            connection_attempts: self.connection_attempts + other.connection_attempts,
            connections: self.connections + other.connections,
            own_connections: self.own_connections + other.own_connections,
            lent_connections: self.lent_connections + other.lent_connections,
            idle_connections: self.idle_connections + other.idle_connections,
            bytes_written: self.bytes_written + other.bytes_written,
            bytes_read: self.bytes_read + other.bytes_read,
            in_flight: self.in_flight + other.in_flight,
            queued: self.queued + other.queued,
        }
    }
}
