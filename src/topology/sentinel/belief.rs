//! Which of several Sentinels to believe.
//!
//! They agree before a failover, and after it the others learn from the one that did it, within seconds: those that are cut
//! off, or were asleep, still name the old primary. Each configuration has an epoch, and the highest is the newest. A lower
//! one than was heard of before is not believed, whoever names it: that would send writes to a primary that has lost its
//! place, where they are lost.
//!
//! There is one way back. Sentinels that are set up anew count from 0 again, and a failover whose Sentinel was lost before
//! it told the others has never been. When most of the Sentinels have named nothing newer for [`PERSISTENCE`], they are
//! believed.

use std::time::{Duration, Instant};

use super::answers::Report;

/// What is held for true from one time of asking to the next.
#[derive(Debug, Default)]
pub(super) struct Belief {
    /// The highest epoch that was heard of.
    epoch: Option<u64>,
    /// Since when most Sentinels have named older ones.
    doubted: Option<Instant>,
    /// How often the epoch has changed, back too.
    changes: u64,
}

impl Belief {
    /// The reports that may be right, by their places: one for each primary that is named, those that more Sentinels name
    /// first. Empty: they are outdated.
    ///
    /// Each report is of another Sentinel.
    pub(super) fn candidates(&mut self, reports: &[Report], now: Instant) -> Vec<usize> {
        let Some(newest) = reports.iter().map(|report| report.epoch).max() else { return Vec::new() };
        let is_outdated = self.epoch.is_some_and(|epoch| newest < epoch);
        if is_outdated && !self.gives_way(reports, now) {
            return Vec::new();
        }
        self.doubted = None;
        if self.epoch != Some(newest) {
            (self.epoch, self.changes) = (Some(newest), self.changes + 1);
        }
        let named = |report: &Report| {
            let names = |other: &&Report| other.epoch == newest && other.primary.address == report.primary.address;
            reports.iter().filter(names).count()
        };
        let mut candidates: Vec<usize> = Vec::new();
        for (place, report) in reports.iter().enumerate().filter(|(_, report)| report.epoch == newest) {
            let is_named = |other: &usize| {
                reports.get(*other).is_some_and(|other| other.primary.address == report.primary.address)
            };
            if !candidates.iter().any(is_named) {
                candidates.push(place);
            }
        }
        candidates.sort_by_key(|place| std::cmp::Reverse(reports.get(*place).map_or(0, named)));
        candidates
    }

    /// A number that grows with each change of what is believed.
    pub(super) fn rank(&self) -> u64 {
        self.changes
    }

    /// Whether so many have named older epochs for so long that what was heard before does not count any more.
    fn gives_way(&mut self, reports: &[Report], now: Instant) -> bool {
        if !is_majority(reports) {
            return false;
        }
        let since = *self.doubted.get_or_insert(now);
        now.saturating_duration_since(since) >= PERSISTENCE
    }
}

/// Whether these are most of the Sentinels that there are, as far as they know.
pub(super) fn is_majority(reports: &[Report]) -> bool {
    let all = reports.iter().map(|report| report.others).max().map_or(0, |others| others.saturating_add(1));
    reports.len() > all / 2
}

/// For so long most Sentinels have to name an older configuration to be believed, 30 s. They tell each other every 2 s.
const PERSISTENCE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Address;
    use crate::topology::cluster::NodeFacts;

    /// Of one of three Sentinels.
    fn report(sentinel: &str, epoch: u64, port: u16) -> Report {
        let primary = NodeFacts::at(Address::tcp("10.0.0.1", port));
        let (replicas, sentinels) = (Vec::new(), Vec::new());
        Report { sentinel: sentinel.into(), primary, epoch, replicas, others: 2, sentinels }
    }

    fn ports(belief: &mut Belief, reports: &[Report], now: Instant) -> Vec<u16> {
        let port = |place: usize| match reports[place].primary.address {
            Address::Tcp { port, .. } => port,
            Address::Unix(_) => 0,
        };
        belief.candidates(reports, now).into_iter().map(port).collect()
    }

    #[test]
    fn the_highest_epoch_is_believed_even_if_one_alone_names_it() {
        let reports = [report("a", 6, 1), report("b", 7, 2), report("c", 6, 1)];
        assert_eq!(ports(&mut Belief::default(), &reports, Instant::now()), [2]);
    }

    #[test]
    fn of_one_epoch_the_primary_that_more_name_is_looked_at_first() {
        let reports = [report("a", 3, 1), report("b", 3, 2), report("c", 3, 2)];
        assert_eq!(ports(&mut Belief::default(), &reports, Instant::now()), [2, 1]);
        assert_eq!(ports(&mut Belief::default(), &reports[..2], Instant::now()), [1, 2]);
    }

    #[test]
    fn an_older_epoch_is_not_believed_whoever_names_it() {
        let (mut belief, now) = (Belief::default(), Instant::now());
        assert_eq!(ports(&mut belief, &[report("a", 2, 2)], now), [2]);
        let rank = belief.rank();
        for reports in [vec![report("b", 1, 1)], vec![report("b", 1, 1), report("c", 1, 1)], vec![]] {
            assert_eq!(ports(&mut belief, &reports, now), [0; 0]);
        }
        assert_eq!(belief.rank(), rank);
        assert_eq!(ports(&mut belief, &[report("b", 1, 1), report("a", 2, 2)], now), [2]);
        assert_eq!(ports(&mut belief, &[report("c", 3, 1)], now), [1], "a later one may be the same server again");
    }

    #[test]
    fn one_of_three_is_never_believed_to_be_newer_than_it_is() {
        let (mut belief, now) = (Belief::default(), Instant::now());
        ports(&mut belief, &[report("a", 2, 2)], now);
        for hours in 0..100 {
            let later = now + Duration::from_secs(3600 * hours);
            assert_eq!(ports(&mut belief, &[report("b", 1, 1)], later), [0; 0]);
        }
    }

    #[test]
    fn most_of_them_are_believed_when_they_have_said_it_for_long() {
        let (mut belief, now) = (Belief::default(), Instant::now());
        ports(&mut belief, &[report("a", 5, 2)], now);
        let rank = belief.rank();
        let two = [report("b", 0, 1), report("c", 0, 1)];
        assert_eq!(ports(&mut belief, &two, now), [0; 0]);
        assert_eq!(ports(&mut belief, &two, now + PERSISTENCE / 2), [0; 0]);
        assert_eq!(ports(&mut belief, &two, now + PERSISTENCE), [1]);
        assert!(belief.rank() > rank, "whoever keeps the newest topology has to take this one");
        assert_eq!(ports(&mut belief, &[report("b", 1, 3)], now + PERSISTENCE), [3], "from there it goes on");
    }

    #[test]
    fn a_newer_word_in_between_ends_the_doubt() {
        let (mut belief, now) = (Belief::default(), Instant::now());
        ports(&mut belief, &[report("a", 5, 2)], now);
        let two = [report("b", 4, 1), report("c", 4, 1)];
        assert_eq!(ports(&mut belief, &two, now), [0; 0]);
        assert_eq!(ports(&mut belief, &[report("a", 5, 2), report("b", 4, 1)], now + PERSISTENCE / 2), [2]);
        assert_eq!(ports(&mut belief, &two, now + PERSISTENCE), [0; 0]);
    }

    #[test]
    fn who_knows_no_others_is_all_there_are() {
        let alone = Report { others: 0, ..report("a", 1, 1) };
        assert!(is_majority(std::slice::from_ref(&alone)));
        assert!(!is_majority(&[alone, report("b", 1, 1)][1..]), "one of three");
        assert!(is_majority(&[report("a", 1, 1), report("b", 1, 1)]));
        assert!(!is_majority(&[]));
        assert!(!is_majority(&[Report { others: usize::MAX, ..report("a", 1, 1) }]));
    }
}
