//! What the application is told of its subscriptions, against what the server did.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::schedule::{Named, Wished};
use super::wire::Wire;
use crate::connection::{Output, Topic, TopicKind, Wish};
use crate::resp::{Frame, View};

/// What the application wants, and what it was told.
#[derive(Debug, Default)]
pub(super) struct Hearing {
    wanted: BTreeMap<Named, Told>,
    /// What was wanted when the connection was made, has been since, and was not told of.
    restoring: BTreeSet<Named>,
    restored: Restored,
    /// The last message of each topic.
    messages: BTreeMap<Named, u64>,
}

/// What was told of a topic on the present connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    Subscribed,
    Refused,
    Withdrawn,
}

/// Whether everything that was wanted when the connection was made was told of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Restored {
    #[default]
    Unconnected,
    NotYet,
    Told,
}

impl Hearing {
    /// The application changes what it wants.
    pub(super) fn wish(&mut self, wished: Wished) -> Wish {
        let Wished { wants, named } = wished;
        if wants {
            let told = self.wanted.entry(named).or_insert(Told::Nothing);
            if matches!(told, Told::Refused | Told::Withdrawn) {
                *told = Told::Nothing;
            }
            Wish::Subscribe(topic(named))
        } else {
            self.wanted.remove(&named);
            self.restoring.remove(&named);
            Wish::Unsubscribe(topic(named))
        }
    }

    /// The session tells something; `wire` is the present connection.
    pub(super) fn hear<T>(&mut self, news: &Output<T>, wire: Option<&Wire>) {
        match news {
            Output::Connected(_) => {
                assert_eq!(self.restored, Restored::Unconnected);
                self.restored = Restored::NotYet;
                self.restoring = self.wanted.keys().copied().collect();
            }
            Output::Disconnected { .. } => {
                self.restored = Restored::Unconnected;
                self.restoring.clear();
                self.wanted.values_mut().for_each(|told| *told = Told::Nothing);
            }
            Output::Subscribed(topic) => {
                let named = self.tell(topic, Told::Subscribed);
                let wire = wire.expect("there is a connection");
                let holds = wire.topics.contains(&named) || wire.withdrawn.contains(&named);
                assert!(holds, "the server has not subscribed us to {named:?}");
            }
            Output::SubscriptionRefused(topic, _) => {
                self.tell(topic, Told::Refused);
            }
            Output::SubscriptionWithdrawn(topic) => {
                let before = self.wanted.get(&named(topic)).copied();
                assert_eq!(before, Some(Told::Subscribed), "{topic:?} was not there");
                self.tell(topic, Told::Withdrawn);
            }
            Output::Restored => {
                assert_eq!(self.restored, Restored::NotYet);
                assert!(self.restoring.is_empty(), "{:?} are not restored", self.restoring);
                self.restored = Restored::Told;
            }
            Output::Push(push) => self.hear_message(push),
            _ => {}
        }
    }

    fn tell(&mut self, topic: &Topic, said: Told) -> Named {
        assert_ne!(self.restored, Restored::Unconnected, "nobody can have said this");
        let named = named(topic);
        let told = self.wanted.get_mut(&named).expect("nobody is told of what is not wanted");
        assert!(*told == Told::Nothing || said != Told::Refused, "{topic:?} was told of already: {told:?}");
        *told = said;
        self.restoring.remove(&named);
        named
    }

    fn hear_message(&mut self, push: &Frame) {
        let Ok(View::Push(items)) = push.reply().view() else { panic!("{push:?}") };
        let words: Vec<_> = items.filter_map(|item| item.bytes()).collect();
        let [b"message" | b"smessage", name, text] = words[..] else { return };
        let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).expect("a number");
        let last = self.messages.insert(Named::read(name).expect("a topic"), number);
        assert!(last < Some(number), "message {number} comes after {last:?}");
    }

    /// What is true once all is well and nothing moves.
    pub(super) fn check_at_rest(&self, wire: &Wire) {
        assert_eq!(self.restored, Restored::Told, "it was never said that {:?} are restored", self.restoring);
        let is = |named: &Named, wanted: Told| self.wanted.get(named).is_some_and(|told| *told == wanted);
        for (named, told) in &self.wanted {
            assert_ne!(*told, Told::Nothing, "nothing was said of {named:?}");
            assert_eq!(*told == Told::Subscribed, wire.topics.contains(named), "{named:?}: {told:?}");
        }
        let stray = wire.topics.iter().find(|named| !is(named, Told::Subscribed));
        assert_eq!(stray, None, "the server was not asked to end it");
    }
}

fn topic(named: Named) -> Topic {
    let kind = if named.is_shard { TopicKind::Shard } else { TopicKind::Channel };
    Topic { kind, name: Bytes::from(named.to_string()) }
}

fn named(topic: &Topic) -> Named {
    Named::read(&topic.name).expect("one of ours")
}
