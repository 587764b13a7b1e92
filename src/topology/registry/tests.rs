//! Claims about who hears what.

use std::task::{Context, Poll, Waker};

use super::super::delivery::LagPolicy;
use super::super::inbox::InboxBounds;
use super::*;
use crate::resp::{Frame, Value};

/// A registry, and the subscribers that it knows.
#[derive(Default)]
struct World {
    registry: Registry,
}

/// A subscriber and its request.
struct Guest {
    id: u64,
    inbox: Arc<Inbox>,
    ask: u64,
    outcome: oneshot::Receiver<Result<(), Denied>>,
}

fn topic(name: &'static str) -> Topic {
    Topic { kind: TopicKind::Channel, name: name.into() }
}

fn topics(names: &[&'static str]) -> Vec<Topic> {
    names.iter().map(|name| topic(name)).collect()
}

impl World {
    /// A new subscriber asks for topics; returns also what the server is asked for.
    fn join(&mut self, names: &[&'static str]) -> (Guest, Vec<Topic>) {
        let bounds = InboxBounds { messages: 10, bytes: 1 << 20, policy: LagPolicy::DropOldest };
        let inbox = Arc::new(Inbox::new(bounds));
        let id = self.registry.enrol(Arc::clone(&inbox), Breadth::One);
        let mut guest = Guest { id, inbox, ask: 0, outcome: oneshot::channel().1 };
        let wishes = self.ask(&mut guest, (&topics(names), &[]));
        (guest, wishes)
    }

    fn ask(&mut self, guest: &mut Guest, topics: (&[Topic], &[Topic])) -> Vec<Topic> {
        let (sender, outcome) = oneshot::channel();
        guest.outcome = outcome;
        let registry = &mut self.registry;
        let joined = after(|afterwards| registry.join((guest.id, &guest.inbox), topics, sender, afterwards));
        let mut orders;
        (guest.ask, orders) = joined.unwrap();
        orders.extend(self.house(false, &[]).subscribe);
        named(orders)
    }

    /// Everything is to live at the only outlet, or some of it where it is said.
    fn house(&mut self, everything: bool, houses: &[(&str, u64)]) -> Orders {
        let mut house = |topic: &Topic, _: Option<Outlet>| {
            let found = houses.iter().find(|(name, _)| topic.name == name.as_bytes());
            let outlet = found.map_or(Outlet::ONLY, |(_, outlet)| Outlet(*outlet));
            Some(House { outlet, is_heard_there: topic.kind == TopicKind::Shard })
        };
        let gap = (&Cause::Moved, Instant::now());
        after(|afterwards| self.registry.house(everything, &mut house, gap, afterwards))
    }

    fn leave(&mut self, guest: &Guest, names: &[&'static str], connected: Connected) -> Vec<Topic> {
        named(after(|afterwards| self.registry.leave(guest.id, &topics(names), &|_| connected, afterwards)))
    }

    fn confirm(&mut self, name: &'static str) -> Vec<Topic> {
        named(after(|afterwards| self.registry.confirm(Outlet::ONLY, &topic(name), afterwards)))
    }

    fn refuse(&mut self, name: &'static str) -> Vec<Topic> {
        let error = ServerError::new("NOPERM no");
        named(after(|afterwards| self.registry.refuse(Outlet::ONLY, &topic(name), &error, afterwards)))
    }

    fn lose(&mut self) -> (Vec<Topic>, bool) {
        let gap = (&Cause::PeerClosed, Instant::now());
        let (orders, is_told) = after(|afterwards| self.registry.lose(Outlet::ONLY, gap, afterwards));
        (named(orders), is_told)
    }

    /// The subscriber has given up its request.
    fn give_up(&mut self, guest: &Guest, names: &[&'static str], connected: Connected) -> Vec<Topic> {
        self.registry.forget(guest.ask);
        self.leave(guest, names, connected)
    }
}

impl Guest {
    fn is_told(&mut self) -> Option<Result<(), Denied>> {
        self.outcome.try_recv().ok()
    }

    fn read(&self) -> Vec<String> {
        let mut read = Vec::new();
        while let Poll::Ready(Some(delivery)) = self.inbox.poll_next(&Context::from_waker(Waker::noop())) {
            read.push(format!("{delivery:?}").split([' ', '(']).next().unwrap_or_default().to_owned());
        }
        read
    }
}

fn named(orders: Vec<Order>) -> Vec<Topic> {
    orders.into_iter().map(|(_, topic)| topic).collect()
}

fn after<T>(change: impl FnOnce(&mut Afterwards) -> T) -> T {
    let mut afterwards = Afterwards::default();
    let output = change(&mut afterwards);
    afterwards.run();
    output
}

#[test]
fn the_server_is_asked_once_and_confirms_for_everybody() {
    let mut world = World::default();
    let (mut first, wishes) = world.join(&["a", "b"]);
    assert_eq!(wishes, topics(&["a", "b"]));
    let (mut second, wishes) = world.join(&["b"]);
    assert_eq!(wishes, []);
    assert_eq!(world.confirm("a"), []);
    assert!(first.is_told().is_none() && second.is_told().is_none());
    assert_eq!(world.confirm("b"), []);
    assert!(first.is_told().unwrap().is_ok() && second.is_told().unwrap().is_ok());
    let (mut third, wishes) = world.join(&["a"]);
    assert!(third.is_told().unwrap().is_ok() && wishes.is_empty());
}

#[test]
fn the_last_who_leaves_ends_it() {
    let mut world = World::default();
    let (first, _) = world.join(&["a"]);
    let (second, _) = world.join(&["a"]);
    world.confirm("a");
    assert_eq!(world.leave(&first, &["a"], Connected::Yes), []);
    assert_eq!(world.leave(&first, &["a"], Connected::Yes), []);
    assert_eq!(world.leave(&second, &["a", "x"], Connected::Yes), topics(&["a"]));
    assert!(!world.registry.has_plain());
}

#[test]
fn an_answer_to_a_question_that_was_given_up_confirms_nothing_else() {
    let mut world = World::default();
    let (hasty, wishes) = world.join(&["a"]);
    assert_eq!(wishes, topics(&["a"]));
    assert_eq!(world.give_up(&hasty, &["a"], Connected::Yes), []);
    // The question that is on its way is also that of whoever comes now.
    let (mut second, wishes) = world.join(&["a"]);
    assert_eq!(wishes, []);
    assert_eq!(world.confirm("a"), []);
    assert!(second.is_told().unwrap().is_ok());
    // If nobody comes, it is taken back when it is answered.
    let (hasty, _) = world.join(&["b"]);
    assert_eq!(world.give_up(&hasty, &["b"], Connected::Yes), []);
    assert_eq!(world.confirm("b"), topics(&["b"]));
    assert_eq!(world.confirm("b"), []);
    let (hasty, _) = world.join(&["c"]);
    assert_eq!(world.give_up(&hasty, &["c"], Connected::Yes), []);
    assert_eq!(world.refuse("c"), topics(&["c"]));
}

#[test]
fn what_is_given_up_in_an_outage_is_not_kept() {
    let mut world = World::default();
    let (hasty, _) = world.join(&["a"]);
    assert_eq!(world.give_up(&hasty, &["a"], Connected::No), topics(&["a"]));
    let (hasty, _) = world.join(&["a"]);
    assert_eq!(world.give_up(&hasty, &["a"], Connected::Yes), []);
    assert_eq!(world.lose(), (topics(&["a"]), false));
    assert!(!world.registry.has_plain());
}

#[test]
fn a_loss_before_everything_is_confirmed_begins_again() {
    let mut world = World::default();
    let (mut guest, _) = world.join(&["a", "b"]);
    world.confirm("a");
    assert_eq!(world.registry.asked(guest.ask), Asked::Never);
    assert_eq!(world.lose(), (Vec::new(), false));
    assert_eq!(world.registry.asked(guest.ask), Asked::Perhaps);
    world.confirm("b");
    assert!(guest.is_told().is_none());
    world.confirm("a");
    assert!(guest.is_told().unwrap().is_ok());
    assert_eq!(guest.read(), ["Subscribed"]);
}

#[test]
fn what_the_server_ends_before_everything_is_confirmed_is_told_where_it_begins_to_be_missing() {
    let mut world = World::default();
    let (mut guest, _) = world.join(&["a", "b"]);
    world.confirm("a");
    after(|afterwards| world.registry.withdraw(Outlet::ONLY, &topic("a"), afterwards));
    world.confirm("b");
    assert!(guest.is_told().unwrap().is_ok());
    assert_eq!(guest.read(), ["Subscribed", "Withdrawn"]);
}

#[test]
fn requests_that_were_given_up_leave_nothing_behind() {
    let mut world = World::default();
    let _old = world.join(&["a"]);
    world.confirm("a");
    world.lose();
    for _ in 0..100 {
        let (hasty, _) = world.join(&["a"]);
        assert_eq!(world.give_up(&hasty, &["a"], Connected::No), []);
    }
    assert!(world.registry.settled.get(&topic("a")).unwrap().asks.is_empty());
}

#[test]
fn a_gap_is_told_to_those_who_miss_something_until_it_is_restored() {
    let mut world = World::default();
    let (one, _) = world.join(&["a"]);
    let (idle, _) = world.join(&["b"]);
    world.confirm("a");
    world.confirm("b");
    world.leave(&idle, &["b"], Connected::Yes);
    assert_eq!(world.lose(), (Vec::new(), true));
    assert_eq!(one.read(), ["Subscribed", "Gap"]);
    world.confirm("a");
    world.confirm("a");
    assert_eq!((one.read(), idle.read()), (vec!["Subscribed".to_owned()], vec!["Subscribed".to_owned()]));
}

#[test]
fn a_refusal_is_an_answer_to_those_who_ask_and_a_notice_to_the_others() {
    let mut world = World::default();
    let (mut old, _) = world.join(&["a", "b"]);
    world.confirm("a");
    world.confirm("b");
    world.lose();
    let (mut new, wishes) = world.join(&["a"]);
    assert_eq!(wishes, []);
    world.refuse("a");
    world.confirm("b");
    assert!(matches!(new.is_told(), Some(Err(Denied::Refused(refused, _))) if refused == topic("a")));
    assert_eq!(
        (old.read(), new.read()),
        (["Subscribed", "Gap", "Refused", "Subscribed"].map(str::to_owned).to_vec(), vec!["Subscribed".to_owned()])
    );
    // Who asks for it again has the server asked again.
    assert!(old.is_told().unwrap().is_ok());
    assert_eq!(world.ask(&mut old, (&[], &topics(&["a", "b"]))), topics(&["a"]));
    world.confirm("a");
    assert!(old.is_told().unwrap().is_ok());
}

#[test]
fn who_ends_by_itself_waits_for_nothing_and_is_a_member_of_nothing() {
    let mut world = World::default();
    let (mut guest, _) = world.join(&["a", "b"]);
    let (mut other, _) = world.join(&["b"]);
    world.confirm("a");
    let unwanted = after(|afterwards| world.registry.expel(guest.id, &|_| Connected::Yes, afterwards));
    assert_eq!(named(unwanted), topics(&["a"]));
    assert!(guest.is_told().unwrap().is_ok());
    assert_eq!(world.confirm("b"), []);
    assert!(other.is_told().unwrap().is_ok());
    assert_eq!(world.leave(&guest, &["a", "b"], Connected::Yes), []);
}

#[test]
fn after_the_end_nobody_is_left_waiting_and_nobody_is_taken_in() {
    let mut world = World::default();
    let (mut waiting, _) = world.join(&["a"]);
    let ended = world.registry.end(&Cause::RuntimeGone);
    after(|afterwards| ended.tell(&Cause::RuntimeGone, Instant::now(), afterwards));
    assert!(matches!(waiting.is_told(), Some(Err(Denied::Ended(Cause::RuntimeGone)))));
    assert_eq!(waiting.read(), ["Subscribed", "Gap"]);
    let (sender, _outcome) = oneshot::channel();
    let asked = after(|afterwards| {
        world.registry.join((waiting.id, &waiting.inbox), (&topics(&["b"]), &[]), sender, afterwards)
    });
    assert!(matches!(asked, Err(Denied::Ended(Cause::RuntimeGone))));
}

fn shard(name: &'static str) -> Topic {
    Topic { kind: TopicKind::Shard, name: name.into() }
}

/// What comes of a message on a topic at an outlet.
fn hear(world: &World, outlet: u64, kind: &str, topic: &str, payload: &str) {
    let push = Value::Push([kind, topic, payload].map(Value::from).to_vec());
    let frame = Frame::from_value(&push);
    let published = Published::read(frame.reply()).unwrap();
    after(|afterwards| world.registry.publish(Outlet(outlet), &published, afterwards));
}

fn gap() -> (&'static Cause, Instant) {
    (&Cause::Moved, Instant::now())
}

impl World {
    fn confirm_at(&mut self, outlet: u64, topic: &Topic) {
        let orders = after(|afterwards| self.registry.confirm(Outlet(outlet), topic, afterwards));
        assert_eq!(orders, []);
    }
}

#[test]
fn a_channel_that_moves_is_missing_until_it_is_confirmed_where_it_lives_then() {
    let mut world = World::default();
    let (mut guest, _) = world.join(&["a", "b"]);
    world.confirm("a");
    world.confirm("b");
    assert!(guest.is_told().unwrap().is_ok());
    let orders = world.house(true, &[("a", 7)]);
    assert_eq!(orders.unsubscribe, [(Outlet::ONLY, topic("a"))]);
    assert_eq!(orders.subscribe, [(Outlet(7), topic("a"))]);
    // What the old one still says is of no interest.
    hear(&world, 0, "message", "a", "stale");
    world.confirm("a");
    hear(&world, 0, "message", "b", "here");
    assert_eq!(guest.read(), ["Subscribed", "Gap", "Message"]);
    world.confirm_at(7, &topic("a"));
    hear(&world, 7, "message", "a", "there");
    assert_eq!(guest.read(), ["Subscribed", "Message"]);
    // A loss of either is a gap.
    let lost = after(|afterwards| world.registry.lose(Outlet(7), gap(), afterwards));
    assert_eq!(lost, (Vec::new(), true));
    world.confirm("b");
    assert_eq!(guest.read(), ["Gap"]);
    world.confirm_at(7, &topic("a"));
    assert_eq!(guest.read(), ["Subscribed"]);
}

#[test]
fn a_sharded_channel_is_heard_where_it_was_until_that_node_has_let_it_go() {
    let mut world = World::default();
    let (mut guest, _) = world.join(&[]);
    assert_eq!(world.ask(&mut guest, (&[shard("s")], &[])), [shard("s")]);
    world.confirm_at(0, &shard("s"));
    let orders = world.house(true, &[("s", 7)]);
    assert_eq!((orders.unsubscribe, orders.subscribe), (Vec::new(), vec![(Outlet(7), shard("s"))]));
    world.confirm_at(7, &shard("s"));
    hear(&world, 0, "smessage", "s", "late");
    hear(&world, 7, "smessage", "s", "new");
    assert_eq!(guest.read(), ["Subscribed", "Gap", "Subscribed", "Message", "Message"]);
    // Its end there is no loss, the end of its connection is one.
    let evicted = after(|afterwards| world.registry.evict(Outlet::ONLY, &shard("s"), Some(gap()), afterwards));
    assert_eq!((evicted, guest.read()), (Vec::new(), Vec::<String>::new()));
    hear(&world, 0, "smessage", "s", "stale");
    assert_eq!(guest.read(), Vec::<String>::new());
    let _ = world.house(true, &[("s", 8)]);
    world.confirm_at(8, &shard("s"));
    assert_eq!(guest.read(), ["Gap", "Subscribed"]);
    let lost = after(|afterwards| world.registry.lose(Outlet(7), gap(), afterwards));
    assert_eq!((lost, guest.read()), ((Vec::new(), true), ["Gap", "Subscribed"].map(str::to_owned).to_vec()));
    let _ = world.house(true, &[("s", 9)]);
    assert_eq!(world.registry.leave_formers(), [(Outlet(8), shard("s"))]);
}

#[test]
fn a_channel_without_a_home_is_missing_until_it_has_one() {
    let mut world = World::default();
    let (mut guest, _) = world.join(&["a"]);
    assert_eq!(world.ask(&mut guest, (&[shard("s")], &[])), [shard("s")]);
    world.confirm_at(0, &topic("a"));
    // It was not there: nobody is told of that.
    let evicted = after(|afterwards| world.registry.evict(Outlet::ONLY, &shard("s"), None, afterwards));
    assert_eq!(evicted, [(Outlet::ONLY, shard("s"))]);
    let nowhere = after(|afterwards| world.registry.house(true, &mut |_, _| None, gap(), afterwards));
    assert_eq!(nowhere, Orders::default());
    assert!(guest.is_told().is_none());
    assert_eq!(world.house(false, &[("s", 3)]).subscribe, [(Outlet(3), shard("s"))]);
    world.confirm_at(3, &shard("s"));
    assert!(guest.is_told().unwrap().is_ok());
    assert_eq!(guest.read(), ["Subscribed"]);
    let evicted = after(|afterwards| world.registry.evict(Outlet(3), &shard("s"), Some(gap()), afterwards));
    assert_eq!((evicted, guest.read()), (vec![(Outlet(3), shard("s"))], vec!["Gap".to_owned()]));
    // An outlet that ends takes along what lives there.
    let is_told = after(|afterwards| world.registry.close_outlet(Outlet::ONLY, gap(), afterwards));
    assert!(is_told);
    let mut found = world.house(false, &[("s", 4), ("a", 4)]).subscribe;
    found.sort();
    assert_eq!(found, [(Outlet(4), topic("a")), (Outlet(4), shard("s"))]);
    world.confirm_at(4, &topic("a"));
    assert_eq!(guest.read(), ["Gap"]);
    world.confirm_at(4, &shard("s"));
    assert_eq!(guest.read(), ["Subscribed"]);
}

#[test]
fn what_is_heard_everywhere_follows_the_nodes_and_is_nobody_elses() {
    let mut world = World::default();
    let bounds = InboxBounds { messages: 10, bytes: 1 << 20, policy: LagPolicy::DropOldest };
    let inbox = Arc::new(Inbox::new(bounds));
    let id = world.registry.enrol(Arc::clone(&inbox), Breadth::All);
    let spread = |world: &mut World, outlets: &[u64]| {
        let outlets = outlets.iter().map(|outlet| Outlet(*outlet)).collect();
        after(|afterwards| world.registry.spread_to(outlets, gap(), afterwards))
    };
    assert_eq!(spread(&mut world, &[0, 1]), Orders::default());
    let mut guest = Guest { id, inbox, ask: 0, outcome: oneshot::channel().1 };
    let wishes = world.ask(&mut guest, (&topics(&["k"]), &[]));
    assert_eq!(wishes, topics(&["k", "k"]));
    world.confirm_at(0, &topic("k"));
    assert!(guest.is_told().is_none());
    world.confirm_at(1, &topic("k"));
    assert!(guest.is_told().unwrap().is_ok());
    // One who hears it at one node.
    let (plain, wishes) = world.join(&["k"]);
    assert_eq!(wishes, topics(&["k"]));
    world.confirm("k");
    hear(&world, 0, "message", "k", "0");
    hear(&world, 1, "message", "k", "1");
    assert_eq!(plain.read(), ["Subscribed", "Message"]);
    assert_eq!(guest.read(), ["Subscribed", "Message", "Message"]);
    // He goes, and the subscription stays; one node goes, another one comes.
    assert_eq!(world.leave(&plain, &["k"], Connected::Yes), []);
    let orders = spread(&mut world, &[1, 2]);
    assert_eq!(orders.unsubscribe, [(Outlet(0), topic("k"))]);
    assert_eq!(orders.subscribe, [(Outlet(2), topic("k"))]);
    assert_eq!(guest.read(), ["Gap"]);
    world.confirm_at(2, &topic("k"));
    assert_eq!(guest.read(), ["Subscribed"]);
    let mut left = after(|afterwards| world.registry.leave(guest.id, &topics(&["k"]), &|_| Connected::Yes, afterwards));
    left.sort();
    assert_eq!(left, [(Outlet(1), topic("k")), (Outlet(2), topic("k"))]);
    assert_eq!(world.registry.all().count(), 0);
}
