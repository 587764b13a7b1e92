//! What several nodes say of their cluster, and whom to believe.

use std::ops::RangeInclusive;

use super::map::SlotMap;
use crate::outcome::Address;

/// What one node says.
#[derive(Clone, Debug)]
pub(crate) struct View {
    pub(crate) map: SlotMap,
    /// `cluster_current_epoch` of `CLUSTER INFO`: it grows with every change of who is primary.
    pub(crate) epoch: u64,
    /// `cluster_state:ok` of `CLUSTER INFO`.
    pub(crate) is_ok: bool,
}

/// The epoch and the state in an answer to `CLUSTER INFO`; what is not told is 0 and not ok.
///
/// Source: <https://redis.io/docs/latest/commands/cluster-info/>
pub(crate) fn info(text: &str) -> (u64, bool) {
    let field = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(field, _)| *field == name).map(|(_, value)| value.trim())
    };
    let epoch = field("cluster_current_epoch").and_then(|epoch| epoch.parse().ok());
    (epoch.unwrap_or(0), field("cluster_state") == Some("ok"))
}

/// The view with the newest epoch, but for those that know nobody who serves any slot: a node that is in no cluster yet, or
/// in another one, can have any epoch. Among those of one epoch the one that knows who serves the most slots, then one of a
/// node that says the cluster is well, then what most of them say, then the first.
pub(crate) fn best(views: Vec<View>) -> Option<View> {
    let rank = |view: &View| {
        let coverage = view.map.coverage();
        (coverage > 0, view.epoch, coverage, view.is_ok)
    };
    let ranks: Vec<_> = views.iter().map(rank).collect();
    let highest = ranks.iter().max().copied()?;
    let mut equals: Vec<View> =
        views.into_iter().zip(ranks).filter(|(_, rank)| *rank == highest).map(|(view, _)| view).collect();
    let chosen = {
        let said: Vec<_> = equals.iter().map(|view| owners(&view.map)).collect();
        let votes: Vec<usize> = said.iter().map(|one| said.iter().filter(|other| *other == one).count()).collect();
        let most = votes.iter().max()?;
        votes.iter().position(|count| count == most)?
    };
    Some(equals.swap_remove(chosen))
}

/// Who serves what, in words that two maps can be compared by.
fn owners(map: &SlotMap) -> Vec<(RangeInclusive<u16>, Option<&Address>)> {
    let primary = |shard: usize| {
        let node = map.shards().get(shard)?.primary?;
        map.nodes().get(node).map(|node| &node.address)
    };
    map.ranges().into_iter().map(|(range, shard)| (range, primary(shard))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::map::{NodeFacts, Shard};
    use super::*;

    /// One primary on this port has the slots up to `last`.
    fn view(port: u16, last: u16, epoch: u64, is_ok: bool) -> View {
        let nodes = vec![NodeFacts::at(Address::tcp("a", port))];
        let map = SlotMap::new(nodes, vec![(Shard { primary: Some(0), replicas: vec![] }, vec![0..=last])]);
        View { map, epoch, is_ok }
    }

    fn port_of(view: Option<View>) -> u16 {
        match view.unwrap().map.nodes()[0].address {
            Address::Tcp { port, .. } => port,
            Address::Unix(_) => 0,
        }
    }

    #[test]
    fn epoch_then_coverage_then_state_then_the_most() {
        assert!(best(vec![]).is_none());
        assert_eq!(port_of(best(vec![view(1, 9, 4, true), view(2, 5, 5, false), view(3, 9, 3, true)])), 2);
        let empty = View { map: SlotMap::new(vec![], vec![]), epoch: 99, is_ok: true };
        assert_eq!(port_of(best(vec![empty.clone(), view(2, 5, 5, false)])), 2);
        assert_eq!(best(vec![empty]).unwrap().epoch, 99);
        assert_eq!(port_of(best(vec![view(1, 5, 5, true), view(2, 9, 5, false)])), 2);
        assert_eq!(port_of(best(vec![view(1, 9, 5, false), view(2, 9, 5, true)])), 2);
        assert_eq!(port_of(best(vec![view(1, 9, 5, true), view(2, 9, 5, true), view(2, 9, 5, true)])), 2);
        assert_eq!(port_of(best(vec![view(1, 9, 5, true), view(2, 9, 5, true)])), 1);
    }

    #[test]
    fn what_info_does_not_tell_is_the_least() {
        assert_eq!(info("cluster_state:ok\r\ncluster_current_epoch:7\r\n"), (7, true));
        assert_eq!(info("cluster_state:fail\ncluster_current_epoch:7"), (7, false));
        assert_eq!(info("cluster_current_epoch:-1\r\n"), (0, false));
        assert_eq!(info("cluster_current_epoch:99999999999999999999\r\ncluster_state:okay"), (0, false));
        assert_eq!(info("# Server\r\nx:y:z\r\n"), (0, false));
    }
}
