//! A sorted set: members by score, then by bytes.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};

use bytes::Bytes;

/// Members with their scores, in rank order.
#[derive(Clone, Debug, Default)]
pub(crate) struct SortedSet {
    scores: HashMap<Bytes, f64>,
    /// The pairs of `scores`.
    ranks: BTreeSet<Ranked>,
}

impl SortedSet {
    pub(crate) fn len(&self) -> usize {
        self.scores.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.scores.is_empty()
    }

    pub(crate) fn score(&self, member: &[u8]) -> Option<f64> {
        self.scores.get(member).copied()
    }

    /// Sets the score of `member`; `score` is not NaN. Hands back the old one.
    pub(crate) fn insert(&mut self, member: &Bytes, score: f64) -> Option<f64> {
        let old = self.remove(member);
        // Servers keep -0 as 0.
        let score = score + 0.0;
        self.scores.insert(member.clone(), score);
        self.ranks.insert(Ranked { score, member: member.clone() });
        old
    }

    pub(crate) fn remove(&mut self, member: &Bytes) -> Option<f64> {
        let score = self.scores.remove(member)?;
        self.ranks.remove(&Ranked { score, member: member.clone() });
        Some(score)
    }

    /// Every member with its score, lowest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&Bytes, f64)> {
        self.ranks.iter().map(|ranked| (&ranked.member, ranked.score))
    }
}

/// Ordered by score, then by member. Scores are never NaN.
#[derive(Clone, Debug)]
struct Ranked {
    score: f64,
    member: Bytes,
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> Ordering {
        let scores = self.score.partial_cmp(&other.score).unwrap_or(Ordering::Equal);
        scores.then_with(|| self.member.cmp(&other.member))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ranked {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_one_score_are_ordered_by_bytes() {
        let mut set = SortedSet::default();
        for (member, score) in [("b", 1.0), ("a", 1.0), ("z", f64::NEG_INFINITY), ("c", 2.0), ("c", 1.0)] {
            set.insert(&Bytes::from(member), score);
        }
        assert_eq!(set.iter().map(|(member, _)| member.clone()).collect::<Vec<_>>(), ["z", "a", "b", "c"]);
        assert_eq!(set.remove(&Bytes::from("b")), Some(1.0));
        assert_eq!(set.len(), 3);
    }
}
