//! Which node of a shard a command that only reads goes to.

use std::sync::Arc;
use std::time::Duration;

/// Which nodes may answer commands that only read, in a deployment that has replicas.
///
/// Replicas lag behind: what one answers may be older than what its primary, or another replica, has answered before,
/// also to the same caller. Whatever changes something, and what is sent in a transaction or on a connection of one's
/// own, goes to the primary with every choice.
///
/// If nothing better is there, each choice falls back to the primary, so that a lost replica costs no errors. A read that a
/// replica was sent and did not answer, because its connection was lost, goes to the primary; so does one that it refuses for the
/// time being (`LOADING`, `MASTERDOWN`, `CLUSTERDOWN`). While a primary is dead, replicas go on answering.
///
/// What only reads is known from a table: [`Facts::is_read_only`](crate::Facts::is_read_only). Commands that this crate does not
/// know go to the primary, and so does `EVAL`; `EVAL_RO` and [`Script::read_only`](crate::Script::read_only) read.
///
/// Set by [`Config::with_read_from`](crate::Config::with_read_from), in a URL by `read_from`. With any choice but
/// [`Primary`](Self::Primary) the client connects to all nodes from the beginning; in a cluster it says
/// [`READONLY`](https://redis.io/docs/latest/commands/readonly/) in every handshake.
///
/// Source: <https://redis.io/docs/latest/operate/oss_and_stack/management/replication/>
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReadFrom {
    /// The primary alone. Reads see all writes that were answered before.
    #[default]
    Primary,
    /// The replicas in turn, as far as they are connected to; the primary while none is.
    PreferReplica,
    /// The replicas in turn. One that is being connected to is waited for; the primary is asked only where a shard has
    /// no replica, or all of them have failed. Takes more load from primaries than
    /// [`PreferReplica`](Self::PreferReplica), and answers later after an outage.
    Replica,
    /// The node that has answered fastest of late, replica or primary; those that were not measured yet come last.
    LowestLatency,
    /// The nodes in the availability zone of this name: its replicas in turn, or else the primary if it is there. Then
    /// the replicas elsewhere, then the primary.
    ///
    /// Nodes say where they are themselves: Valkey does from 9.1 on, where `availability-zone` is set. The name is compared
    /// as it is.
    Zone(Arc<str>),
}

/// A node that could answer.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    /// What the caller knows it by.
    pub(crate) index: usize,
    pub(crate) is_primary: bool,
    /// It is connected to. Who connects to nodes only when they are needed says so of those that were not tried yet, too.
    pub(crate) is_ready: bool,
    /// The others of its deployment say that it can't be reached.
    pub(crate) is_failed: bool,
    pub(crate) latency: Option<Duration>,
    pub(crate) zone: Option<Arc<str>>,
}

/// The candidates to try, in order; `turn` is one more each time, and goes around among those that are as good as each
/// other. The primary is always among them.
#[cfg_attr(not(test), expect(dead_code, reason = "who tries a second node will use it"))]
pub(crate) fn order(read_from: &ReadFrom, candidates: &[Candidate], turn: usize) -> Vec<usize> {
    let rank = |candidate: &Candidate| Some((rank(read_from, candidate)?, candidate.index));
    let mut ranked: Vec<(Rank, usize)> = candidates.iter().filter_map(rank).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    for equals in ranked.chunk_by_mut(|(a, _), (b, _)| a == b) {
        equals.rotate_left(turn % equals.len());
    }
    ranked.into_iter().map(|(_, index)| index).collect()
}

/// The first of them, without a list.
pub(crate) fn first(read_from: &ReadFrom, candidates: &[Candidate], turn: usize) -> Option<usize> {
    let rank = |candidate: &Candidate| rank(read_from, candidate);
    let best = candidates.iter().filter_map(rank).min()?;
    let mut equals = candidates.iter().filter(|candidate| rank(candidate) == Some(best));
    let count = equals.clone().count();
    equals.nth(turn % count.max(1)).map(|candidate| candidate.index)
}

/// How good a choice is; the smallest is the best.
type Rank = (Tier, Duration);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Tier {
    /// What was asked for.
    Wanted,
    /// The primary in the zone that was asked for.
    Near,
    /// A replica elsewhere.
    Far,
    /// The primary, which answers at once.
    Primary,
    /// A replica that has to be waited for.
    Unready,
    /// The primary, whether it answers or not.
    Last,
}

/// `None` for a node that is not to be asked.
fn rank(read_from: &ReadFrom, candidate: &Candidate) -> Option<Rank> {
    let tier = match candidate.is_primary {
        true => tier_of_primary(read_from, candidate),
        false => tier_of_replica(read_from, candidate)?,
    };
    match (read_from, tier) {
        (ReadFrom::LowestLatency, Tier::Wanted) => Some((tier, candidate.latency.unwrap_or(Duration::MAX))),
        _ => Some((tier, Duration::ZERO)),
    }
}

fn tier_of_primary(read_from: &ReadFrom, primary: &Candidate) -> Tier {
    match read_from {
        ReadFrom::Primary => Tier::Wanted,
        _ if primary.is_failed || !primary.is_ready => Tier::Last,
        ReadFrom::LowestLatency => Tier::Wanted,
        ReadFrom::Zone(zone) if primary.zone.as_ref() == Some(zone) => Tier::Near,
        ReadFrom::Zone(_) | ReadFrom::PreferReplica => Tier::Primary,
        ReadFrom::Replica => Tier::Last,
    }
}

fn tier_of_replica(read_from: &ReadFrom, replica: &Candidate) -> Option<Tier> {
    match read_from {
        ReadFrom::Primary => None,
        _ if replica.is_failed => None,
        _ if !replica.is_ready => Some(Tier::Unready),
        ReadFrom::Zone(zone) if replica.zone.as_ref() != Some(zone) => Some(Tier::Far),
        _ => Some(Tier::Wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(index: usize) -> Candidate {
        Candidate { index, is_primary: false, is_ready: true, is_failed: false, latency: None, zone: None }
    }

    /// A primary, 10, and three replicas, 11 to 13.
    fn shard() -> Vec<Candidate> {
        vec![Candidate { is_primary: true, ..node(10) }, node(11), node(12), node(13)]
    }

    /// Their order each turn, four turns.
    #[track_caller]
    fn turns(read_from: &ReadFrom, candidates: &[Candidate]) -> Vec<Vec<usize>> {
        for turn in (0..50).chain(usize::MAX - 5..=usize::MAX) {
            let order = order(read_from, candidates, turn);
            assert_eq!(order.first().copied(), first(read_from, candidates, turn), "turn {turn}");
        }
        (0..4).map(|turn| order(read_from, candidates, turn)).collect()
    }

    #[test]
    fn the_primary_alone() {
        let mut shard = shard();
        assert_eq!(turns(&ReadFrom::default(), &shard), vec![[10]; 4]);
        shard[0].is_ready = false;
        shard[0].is_failed = true;
        assert_eq!(turns(&ReadFrom::Primary, &shard), vec![[10]; 4]);
    }

    #[test]
    fn replicas_in_turn_and_the_primary_last() {
        let expected = [[11, 12, 13, 10], [12, 13, 11, 10], [13, 11, 12, 10], [11, 12, 13, 10]];
        assert_eq!(turns(&ReadFrom::PreferReplica, &shard()), expected);
        assert_eq!(turns(&ReadFrom::Replica, &shard()), expected);
    }

    #[test]
    fn each_that_is_left_has_its_equal_share() {
        let mut shard = shard();
        shard[2].is_failed = true;
        assert_eq!(turns(&ReadFrom::Replica, &shard), [[11, 13, 10], [13, 11, 10], [11, 13, 10], [13, 11, 10]]);
    }

    #[test]
    fn a_replica_that_is_not_connected_to_is_waited_for_only_by_who_wants_nothing_else() {
        let mut shard = shard();
        shard[1..].iter_mut().for_each(|replica| replica.is_ready = false);
        assert_eq!(turns(&ReadFrom::PreferReplica, &shard)[1], [10, 12, 13, 11]);
        assert_eq!(turns(&ReadFrom::Replica, &shard)[1], [12, 13, 11, 10]);
        shard[0].is_ready = false;
        assert_eq!(turns(&ReadFrom::PreferReplica, &shard)[1], [12, 13, 11, 10]);
    }

    #[test]
    fn without_a_replica_of_use_it_is_the_primary_whatever_was_asked_for() {
        let mut shard = shard();
        shard[1..].iter_mut().for_each(|replica| replica.is_failed = true);
        let zone = ReadFrom::Zone("a".into());
        for read_from in [ReadFrom::PreferReplica, ReadFrom::Replica, ReadFrom::LowestLatency, zone] {
            assert_eq!(turns(&read_from, &shard), vec![[10]; 4]);
            assert_eq!(turns(&read_from, &shard[..1]), vec![[10]; 4]);
            assert_eq!(first(&read_from, &shard[1..], 0), None);
            assert_eq!(first(&read_from, &[], 0), None);
        }
    }

    #[test]
    fn the_fastest_first_be_it_the_primary() {
        let mut shard = shard();
        for (node, micros) in shard.iter_mut().zip([200, 300, 100]) {
            node.latency = Some(Duration::from_micros(micros));
        }
        assert_eq!(turns(&ReadFrom::LowestLatency, &shard), vec![[12, 10, 11, 13]; 4]);
        shard[2].is_ready = false;
        assert_eq!(turns(&ReadFrom::LowestLatency, &shard), vec![[10, 11, 13, 12]; 4]);
        shard[0].is_ready = false;
        assert_eq!(turns(&ReadFrom::LowestLatency, &shard), vec![[11, 13, 12, 10]; 4]);
    }

    #[test]
    fn the_zone_first_then_what_is_elsewhere() {
        let (mut shard, here) = (shard(), ReadFrom::Zone("a".into()));
        shard[2].zone = Some("a".into());
        shard[3].zone = Some("b".into());
        assert_eq!(turns(&here, &shard)[..2], [[12, 11, 13, 10], [12, 13, 11, 10]]);
        shard[0].zone = Some("a".into());
        assert_eq!(turns(&here, &shard)[..2], [[12, 10, 11, 13], [12, 10, 13, 11]]);
        shard[2].is_failed = true;
        assert_eq!(turns(&here, &shard)[..2], [[10, 11, 13], [10, 13, 11]]);
        assert_eq!(turns(&ReadFrom::Zone("c".into()), &shard)[..2], [[11, 13, 10], [13, 11, 10]]);
    }
}
