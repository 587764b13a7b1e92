//! Which of several nodes plain channels and patterns live at: those that belong to no slot.

use std::time::Duration;

/// A node of the topology, as far as it matters here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Host {
    /// Whether it is the primary of anything.
    pub(super) is_primary: bool,
    /// Whether it answers, as far as is known.
    pub(super) is_well: bool,
    /// Whether the others say that it cannot be reached: one that is frozen keeps its connections.
    pub(super) is_failed: bool,
}

/// Where plain topics live.
#[derive(Clone, Copy, Debug)]
pub(super) struct Residence {
    /// Which of the hosts; `None`: nowhere, or at one that has left.
    pub(super) host: Option<usize>,
    /// How long there has been no connection to it; `None`: there is one.
    pub(super) down_for: Option<Duration>,
}

/// Which of the nodes plain topics are to live at; `None`: there is no primary. They stay where they are unless that node has
/// left, or has failed or cannot be connected to while another one is well; where all publish to one primary (`follows`), they live there.
/// `turn` says where to begin to look for another one.
pub(super) fn choose(residence: Residence, hosts: &[Host], follows: bool, turn: usize) -> Option<usize> {
    let current = residence.host.and_then(|index| Some((index, *hosts.get(index)?)));
    let stays = current.filter(|(_, host)| host.is_primary || !follows);
    let is_down = residence.down_for.is_some_and(|time| time >= PATIENCE);
    let primaries = || {
        let places = (0..hosts.len()).map(|index| (turn % hosts.len() + index) % hosts.len());
        places.filter(|index| hosts.get(*index).is_some_and(|host| host.is_primary))
    };
    let is_well = |index: &usize| hosts.get(*index).is_some_and(|host| host.is_well);
    let other = || primaries().find(|index| is_well(index) && Some(*index) != residence.host);
    match stays {
        Some((index, host)) if !is_down && !host.is_failed => Some(index),
        Some((index, _)) => Some(other().unwrap_or(index)),
        None => primaries().find(is_well).or_else(|| primaries().next()),
    }
}

/// A connection that is missing for so long is not waited for any more, 1 s, if another node is well.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    const PRIMARY: Host = Host { is_primary: true, is_well: true, is_failed: false };
    const ILL: Host = Host { is_primary: true, is_well: false, is_failed: false };
    const REPLICA: Host = Host { is_primary: false, is_well: true, is_failed: false };

    fn at(host: usize, down_for: Option<u64>) -> Residence {
        Residence { host: Some(host), down_for: down_for.map(Duration::from_millis) }
    }

    const NOWHERE: Residence = Residence { host: None, down_for: None };

    #[test]
    fn the_first_home_is_a_primary_that_is_well_and_another_one_for_each_client() {
        let hosts = [REPLICA, ILL, PRIMARY, PRIMARY];
        let homes: Vec<_> = (0..4).map(|turn| choose(NOWHERE, &hosts, false, turn)).collect();
        assert_eq!(homes, [Some(2), Some(2), Some(2), Some(3)]);
        assert_eq!(choose(NOWHERE, &[REPLICA, ILL], false, 0), Some(1));
        assert_eq!(choose(NOWHERE, &[REPLICA], false, 7), None);
        assert_eq!(choose(NOWHERE, &[], false, 7), None);
    }

    #[test]
    fn a_home_is_kept_through_a_short_outage_and_as_a_replica() {
        assert_eq!(choose(at(0, None), &[PRIMARY, PRIMARY], false, 1), Some(0));
        assert_eq!(choose(at(0, Some(900)), &[ILL, PRIMARY], false, 1), Some(0));
        assert_eq!(choose(at(0, None), &[REPLICA, PRIMARY], false, 1), Some(0));
    }

    #[test]
    fn it_is_left_when_it_is_down_and_another_one_is_well() {
        assert_eq!(choose(at(0, Some(1000)), &[PRIMARY, PRIMARY], false, 0), Some(1));
        assert_eq!(choose(at(0, Some(60_000)), &[ILL, ILL, REPLICA], false, 0), Some(0));
    }

    #[test]
    fn it_is_left_when_the_others_say_that_it_has_failed_whatever_its_connection_does() {
        let frozen = Host { is_failed: true, ..PRIMARY };
        assert_eq!(choose(at(0, None), &[frozen, PRIMARY], false, 0), Some(1));
        assert_eq!(choose(at(0, None), &[frozen, ILL], false, 0), Some(0));
    }

    #[test]
    fn where_one_primary_has_all_it_is_followed_at_once() {
        assert_eq!(choose(at(0, None), &[REPLICA, PRIMARY], true, 0), Some(1));
        assert_eq!(choose(at(0, Some(5000)), &[ILL, REPLICA], true, 0), Some(0));
    }
}
