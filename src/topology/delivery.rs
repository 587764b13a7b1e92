//! What a subscription gives, and what stands where messages are missing.

use std::collections::{HashSet, VecDeque};
use std::time::Instant;

use super::message::Message;
use crate::command::ServerError;
use crate::connection::Topic;
use crate::outcome::Cause;

/// What a subscription gives: messages, and notices of where some are missing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Delivery {
    /// A message.
    Message(Message),
    /// Everything that the subscription wants is subscribed to: from here on nothing is missing, unless another notice says so.
    /// The first item, and again after each [`Gap`](Self::Gap): the moment to load (again) what the messages tell the changes of.
    Subscribed,
    /// The connection was lost, or a topic moves to another one of several nodes
    /// ([`Cause::Moved`](crate::Cause::Moved)): what was published since the last message before this, and until the next
    /// [`Subscribed`](Self::Subscribed), may be missing. Messages that come in between are of topics that are already
    /// subscribed to again. If the subscription ends after it, the client was closed.
    #[non_exhaustive]
    Gap {
        /// Why.
        cause: Cause,
        /// Since when nothing was read from the connection.
        since: Instant,
    },
    /// Messages were dropped in this place, because they were not taken out of the subscription fast enough: see
    /// [`LagPolicy`].
    #[non_exhaustive]
    Lagged {
        /// How many. With [`LagPolicy::End`] at least so many: the subscription ends here.
        lost: u64,
    },
    /// When the connection was made anew, the server refused this topic: its messages are missing from the
    /// [`Gap`](Self::Gap) before this on. It is asked for again with the next connection, and when somebody subscribes to it.
    #[non_exhaustive]
    Refused {
        /// What was refused.
        topic: Topic,
        /// What the server answered.
        error: ServerError,
    },
    /// The server has ended the subscription to this topic by itself, as it does with sharded channels of a slot that
    /// leaves it. From here on its messages are missing. It is asked for again with the next connection, and when somebody
    /// subscribes to it.
    #[non_exhaustive]
    Withdrawn {
        /// What was ended.
        topic: Topic,
    },
}

/// What a subscription does with messages for which its queue has no room. See
/// [`Subscribe::capacity`](crate::pubsub::Subscribe::capacity).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LagPolicy {
    /// Drops the oldest ones in the queue: what is read next is as new as can be.
    #[default]
    DropOldest,
    /// Drops the new ones: what is in the queue stays.
    DropNewest,
    /// Ends the subscription: what is in the queue can be read, then comes [`Delivery::Lagged`], then the end.
    End,
}

/// Notices that stand in one place, between two messages. Few, however much happens there.
#[derive(Debug, Default)]
pub(super) struct Notices {
    list: VecDeque<Delivery>,
    /// The topics that notices in it speak of.
    topics: HashSet<Topic>,
}

impl Notices {
    pub(super) fn clear(&mut self) {
        self.list.clear();
        self.topics.clear();
    }

    pub(super) fn pop(&mut self) -> Option<Delivery> {
        let notice = self.list.pop_front()?;
        if let Some(topic) = topic_of(&notice) {
            self.topics.remove(topic);
        }
        Some(notice)
    }

    /// Adds a notice, and forgets those that it makes superfluous.
    pub(super) fn push(&mut self, notice: Delivery) {
        let is_told = match &notice {
            Delivery::Gap { .. } => self.has_widened_gap(),
            Delivery::Subscribed => matches!(self.list.back(), Some(Delivery::Subscribed)),
            Delivery::Withdrawn { topic } | Delivery::Refused { topic, .. } => {
                if self.topics.contains(topic) {
                    self.keep(0, |other| topic_of(other) != Some(topic));
                }
                self.topics.insert(topic.clone());
                false
            }
            _ => false,
        };
        if !is_told {
            self.add(notice);
        }
    }

    /// Adds those that stand behind these, with no message in between any more.
    pub(super) fn append(&mut self, behind: Notices) {
        for notice in behind.list {
            self.push(notice);
        }
    }

    /// A gap that begins where no message came since another one began is the same gap: what was told of its end no longer
    /// holds. False if there is none.
    fn has_widened_gap(&mut self) -> bool {
        let Some(begin) = self.list.iter().position(|notice| matches!(notice, Delivery::Gap { .. })) else {
            return false;
        };
        self.keep(begin + 1, |notice| matches!(notice, Delivery::Lagged { .. }));
        true
    }

    /// Forgets notices from this place on, all but some.
    fn keep(&mut self, from: usize, is_kept: impl Fn(&Delivery) -> bool) {
        for notice in self.list.split_off(from) {
            if is_kept(&notice) {
                self.add(notice);
            }
        }
        self.topics = self.list.iter().filter_map(topic_of).cloned().collect();
    }

    /// Adds a notice. Runs of lost messages are one.
    fn add(&mut self, notice: Delivery) {
        match (&notice, self.list.back_mut()) {
            (Delivery::Lagged { lost: more }, Some(Delivery::Lagged { lost })) => *lost = lost.saturating_add(*more),
            _ => self.list.push_back(notice),
        }
    }
}

/// Which topic a notice speaks of.
fn topic_of(notice: &Delivery) -> Option<&Topic> {
    match notice {
        Delivery::Refused { topic, .. } | Delivery::Withdrawn { topic } => Some(topic),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::TopicKind;

    fn gap(cause: Cause) -> Delivery {
        Delivery::Gap { cause, since: Instant::now() }
    }

    fn refused(name: &'static str) -> Delivery {
        let topic = Topic { kind: TopicKind::Channel, name: name.into() };
        Delivery::Refused { topic, error: ServerError::new("NOPERM") }
    }

    fn lagged(lost: u64) -> Delivery {
        Delivery::Lagged { lost }
    }

    fn told(notices: Vec<Delivery>) -> String {
        let mut all = Notices::default();
        for notice in notices {
            all.push(notice);
        }
        let words = all.list.iter().map(|notice| match notice {
            Delivery::Lagged { lost } => lost.to_string(),
            Delivery::Gap { cause: Cause::PeerClosed, .. } => "gap".to_owned(),
            Delivery::Gap { .. } => "other".to_owned(),
            Delivery::Subscribed => "subscribed".to_owned(),
            Delivery::Refused { topic, .. } => String::from_utf8_lossy(&topic.name).into_owned(),
            other => format!("{other:?}"),
        });
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn runs_of_lost_messages_are_one_notice() {
        assert_eq!(told(vec![lagged(1), lagged(1), lagged(3)]), "5");
        assert_eq!(told(vec![lagged(1), gap(Cause::PeerClosed), lagged(3)]), "1 gap 3");
    }

    #[test]
    fn gaps_without_a_message_in_between_are_one_that_ends_with_the_last() {
        let first =
            || vec![Delivery::Subscribed, gap(Cause::PeerClosed), lagged(1), refused("a"), Delivery::Subscribed];
        assert_eq!(told(first()), "subscribed gap 1 a subscribed");
        let mut more = first();
        more.extend([lagged(2), gap(Cause::Silent)]);
        assert_eq!(told(more), "subscribed gap 3");
        let mut restored = first();
        restored.extend([lagged(2), gap(Cause::Silent), refused("b"), Delivery::Subscribed, lagged(1)]);
        assert_eq!(told(restored), "subscribed gap 3 b subscribed 1");
    }

    #[test]
    fn of_each_topic_the_latest_holds() {
        assert_eq!(told(vec![refused("a"), refused("b"), refused("a")]), "b a");
    }

    #[test]
    fn very_many_topics_take_no_longer_each() {
        let begin = Instant::now();
        let mut all = Notices::default();
        for number in 0..50_000 {
            let topic = Topic { kind: TopicKind::Shard, name: format!("{number}").into() };
            all.push(Delivery::Withdrawn { topic });
        }
        assert!(begin.elapsed() < std::time::Duration::from_secs(5));
    }

    #[test]
    fn what_was_told_before_leaves_no_traces() {
        let notices = (0..100).flat_map(|_| [lagged(1), refused("a")]);
        assert_eq!(told(notices.collect()), "100 a");
    }

    #[test]
    fn however_much_happens_the_notices_are_few() {
        let mut all = Notices::default();
        for number in 0..10_000 {
            all.push(match number % 7 {
                0 | 3 => lagged(1),
                1 => gap(Cause::PeerClosed),
                2 => refused("a"),
                4 => Delivery::Subscribed,
                5 => Delivery::Withdrawn { topic: Topic { kind: TopicKind::Shard, name: "s".into() } },
                _ => refused("b"),
            });
            assert!(all.list.len() <= 12, "{:?}", all.list);
        }
        let lost: u64 =
            all.list.iter().map(|notice| if let Delivery::Lagged { lost } = notice { *lost } else { 0 }).sum();
        assert!(lost > 2_800, "{lost}");
    }
}
