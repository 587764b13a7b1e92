//! Subscriptions: their confirmations among other answers, their refusals and ends, and their restoration.

use std::io::IoSlice;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::command::Slices;
use crate::connection::simulation::peer::Wire;
use crate::connection::simulation::world::World;
use crate::connection::{Credentials, Identity, LinkState, More, Role, Topic, TopicKind, Wish};
use crate::outcome::{Cause, PeerFacts};

const PING: usize = "*1\r\n$4\r\nPING\r\n".len();

fn topic(kind: TopicKind, name: &str) -> Topic {
    Topic { kind, name: Bytes::copy_from_slice(name.as_bytes()) }
}

/// `+x`: subscribe to the channel x, `-x`: unsubscribe; `+p:x` and `+s:x`: the pattern, the shard channel.
fn wish(text: &str) -> Wish {
    let (sign, name) = text.split_at(1);
    let topic = match name.split_once(':') {
        Some(("p", name)) => topic(TopicKind::Pattern, name),
        Some(("s", name)) => topic(TopicKind::Shard, name),
        _ => topic(TopicKind::Channel, name),
    };
    if sign == "+" { Wish::Subscribe(topic) } else { Wish::Unsubscribe(topic) }
}

impl World {
    fn subscriber() -> Self {
        let mut world = Self::new(|settings| settings.role = Role::Subscriber);
        world.connect();
        world.settle();
        assert_eq!(world.news(), ["restored"]);
        world
    }

    fn wish(&mut self, wishes: &str) {
        self.session.wish(wishes.split(' ').map(wish));
        self.drain();
    }

    fn wired(&mut self) -> &mut Wire {
        self.wire.as_mut().expect("there is a connection")
    }

    /// What was heard since the last call.
    fn news(&mut self) -> Vec<String> {
        std::mem::take(&mut self.heard)
    }

    /// Which commands the peer has run since the last call.
    fn commands(&mut self) -> Vec<String> {
        std::mem::take(&mut self.wired().log)
    }

    fn reconnect(&mut self) {
        self.advance(Duration::from_secs(1));
        self.connect();
    }

    fn is_lost_to_protocol(&self) -> bool {
        matches!(self.session.state(), LinkState::Backoff { cause: Cause::Protocol { .. }, .. })
    }

    /// Nothing has shifted: a caller gets its own answer.
    fn prove(&mut self) {
        let call = self.call(1, None);
        self.settle();
        assert!(self.is_answered(call), "{:?}", self.session.state());
        self.audit();
    }
}

#[test]
fn confirmations_take_their_places_among_answers_with_pushes_in_between() {
    let mut world = World::subscriber();
    let before = world.call(1, None);
    world.wish("+x +p:y* +s:z");
    let after = world.call(3, None);
    world.write(usize::MAX);
    world.wired().push(&["message", "x", "1"]);
    world.settle();
    assert!(world.is_answered(before) && world.is_answered(after));
    assert_eq!(world.news(), ["subscribed x", "subscribed y*", "subscribed z", "message x 1"]);
    world.prove();
}

#[test]
fn a_push_between_the_answers_of_a_pipeline_takes_none_away() {
    let mut world = World::subscriber();
    world.wish("+x");
    world.settle();
    let call = world.call(3, None);
    world.write(usize::MAX);
    let outgoing = &mut world.wired().outgoing;
    let answers: Vec<u8> = outgoing.drain(..).collect();
    let each = answers.len() / 3;
    for answer in answers.chunks(each) {
        world.wired().outgoing.extend(answer);
        world.wired().push(&["message", "x", "1"]);
    }
    while world.read(1) > 0 {}
    assert!(world.is_answered(call));
    assert_eq!(world.news(), ["subscribed x", "message x 1", "message x 1", "message x 1"]);
    world.prove();
}

#[test]
fn one_refusal_concerns_one_topic() {
    let mut world = World::subscriber();
    world.peer.refusals.borrow_mut().insert("y".to_owned(), "NOPERM no".to_owned());
    world.wish("+x +y +z");
    world.settle();
    assert_eq!(world.news(), ["subscribed x", "refused y NOPERM", "subscribed z"]);
    assert_eq!(world.commands().len(), 2 + 3);
    world.advance(Duration::from_secs(60));
    world.settle();
    assert!(world.commands().is_empty(), "a refusal that does not pass is not tried again by itself");
    // It is when it is wanted once more, and on the next connection.
    world.peer.refusals.borrow_mut().clear();
    world.wish("+y +x");
    world.settle();
    assert_eq!(world.news(), ["subscribed x", "subscribed y"]);
    assert_eq!(world.commands(), ["SUBSCRIBE y"]);
    world.peer.refusals.borrow_mut().insert("x".to_owned(), "NOPERM no".to_owned());
    world.cut(Cause::PeerClosed);
    world.reconnect();
    world.settle();
    assert_eq!(world.news(), ["lost", "refused x NOPERM", "subscribed y", "subscribed z", "restored"]);
    // Nobody asks the server to end what it has refused.
    world.commands();
    world.wish("-x");
    world.settle();
    assert!(world.commands().is_empty());
    world.prove();
}

#[test]
fn a_refusal_that_passes_is_tried_again() {
    for refusal in ["LOADING it is", "BUSY a script", "CLUSTERDOWN no"] {
        let mut world = World::new(|settings| settings.role = Role::Subscriber);
        world.wish("+x +y");
        world.peer.refusals.borrow_mut().insert("x".to_owned(), refusal.to_owned());
        world.connect();
        world.settle();
        assert_eq!(world.news(), ["subscribed y"], "{refusal}");
        world.commands();
        // Wanted once more, it waits all the same.
        world.wish("+x");
        world.settle();
        assert!(world.commands().is_empty());
        for _ in 0..3 {
            world.advance(Duration::from_secs(2));
            world.settle();
            assert_eq!(world.commands(), ["SUBSCRIBE x"]);
        }
        assert!(world.session.poll_timeout().is_some_and(|due| due > world.now));
        world.peer.refusals.borrow_mut().clear();
        world.advance(Duration::from_secs(2));
        world.settle();
        assert_eq!(world.news(), ["subscribed x", "restored"]);
        assert_eq!(world.session.poll_timeout(), None);
        world.prove();
    }
}

#[test]
fn an_end_that_is_refused_in_passing_is_asked_for_again_unless_the_topic_is_wanted() {
    for (again, rest) in [("+y", &["UNSUBSCRIBE x"][..]), ("+x", &[])] {
        let mut world = World::subscriber();
        world.wish("+x");
        world.settle();
        world.peer.refusals.borrow_mut().insert("x".to_owned(), "BUSY a script".to_owned());
        world.wish("-x");
        world.settle();
        world.peer.refusals.borrow_mut().clear();
        world.wish(again);
        world.settle();
        world.commands();
        world.advance(Duration::from_secs(2));
        world.settle();
        assert_eq!(world.commands(), rest);
        assert_eq!(world.wired().topics.len(), 1);
        assert_eq!(world.session.poll_timeout(), None);
        world.prove();
    }
}

#[test]
fn a_topic_that_is_not_wanted_any_more_is_not_tried_again() {
    let mut world = World::new(|settings| settings.role = Role::Subscriber);
    world.wish("+x");
    world.peer.refusals.borrow_mut().insert("x".to_owned(), "LOADING it is".to_owned());
    world.connect();
    world.settle();
    world.wish("-x");
    assert_eq!(world.news(), ["restored"]);
    world.commands();
    world.advance(Duration::from_secs(2));
    world.settle();
    assert!(world.commands().is_empty());
}

#[test]
fn of_several_words_about_a_topic_the_last_one_counts() {
    let mut world = World::subscriber();
    ["+x", "-x", "+x"].into_iter().for_each(|text| world.wish(text));
    world.settle();
    assert_eq!(world.commands()[2..], ["SUBSCRIBE x", "UNSUBSCRIBE x", "SUBSCRIBE x"]);
    assert_eq!(world.news(), ["subscribed x"]);
    // Also if the first one was confirmed while the others were on their way.
    world.wish("+y");
    world.write(usize::MAX);
    ["-y", "+y"].into_iter().for_each(|text| world.wish(text));
    world.settle();
    assert_eq!(world.news(), ["subscribed y"]);
    ["-y", "+y", "-y"].into_iter().for_each(|text| world.wish(text));
    world.settle();
    assert_eq!(world.news(), [""; 0]);
    assert_eq!(world.wired().topics.len(), 1);
    // What comes to nothing is not asked for.
    world.commands();
    world.wish("-x +x +z -z");
    world.settle();
    assert_eq!(world.news(), ["subscribed x"]);
    assert!(world.commands().is_empty());
    // What is confirmed already needs no server.
    world.commands();
    world.wish("+x");
    world.settle();
    assert_eq!(world.news(), ["subscribed x"]);
    assert!(world.commands().is_empty());
    world.prove();
}

#[test]
fn wishes_without_a_connection_are_asked_for_once_there_is_one() {
    let mut world = World::new(|settings| settings.role = Role::Subscriber);
    world.wish("+x +y -x +z -z +z");
    world.connect();
    world.settle();
    assert_eq!(world.commands()[2..], ["SUBSCRIBE y", "SUBSCRIBE z"]);
    assert_eq!(world.news(), ["subscribed y", "subscribed z", "restored"]);
    world.prove();
}

#[test]
fn a_loss_amid_confirmations_begins_again_and_ends_with_one_restoration() {
    let wanted = ["subscribed a", "subscribed b", "subscribed c"];
    for cut in 0..=3 * ">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n".len() {
        let mut world = World::subscriber();
        world.wish("+a +b +c");
        world.write(usize::MAX);
        world.read(cut);
        let told = world.news();
        assert_eq!(told, wanted[..told.len()]);
        world.cut(Cause::PeerClosed);
        assert_eq!(world.news(), ["lost"]);
        assert_eq!(world.session.held(), 0);
        world.reconnect();
        world.settle_handshake();
        world.write(usize::MAX);
        world.read(cut);
        world.cut(Cause::PeerClosed);
        world.news();
        world.reconnect();
        // One more in the middle of it, and one less.
        world.settle_handshake();
        world.wish("-b +d");
        world.settle();
        assert_eq!(world.news(), ["subscribed a", "subscribed c", "restored", "subscribed d"]);
        assert_eq!(world.wired().topics.len(), 3);
        world.prove();
    }
}

#[test]
fn what_a_connection_is_subscribed_to_is_said_once_and_nothing_is_confirmed_twice() {
    let mut world = World::subscriber();
    world.wish("+x");
    world.settle();
    world.cut(Cause::PeerClosed);
    // While there is none, what is wanted changes at once.
    world.wish("-x +y");
    world.reconnect();
    world.settle();
    assert_eq!(world.news(), ["subscribed x", "lost", "subscribed y", "restored"]);
    assert_eq!(world.commands()[2..], ["SUBSCRIBE y"]);
}

#[test]
fn a_server_that_ends_a_subscription_by_itself_is_heard_and_not_asked_again() {
    let mut world = World::subscriber();
    world.wish("+s:x +x");
    world.settle();
    world.news();
    world.commands();
    world.wired().withdraw("x");
    world.settle();
    assert_eq!(world.news(), ["withdrawn x"]);
    // It is no longer there: nothing is to be ended.
    world.wish("-s:x");
    world.settle();
    assert!(world.commands().is_empty());
    world.wish("+s:x");
    world.settle();
    assert_eq!(world.news(), ["subscribed x"]);
    world.wired().withdraw("x");
    world.settle();
    world.cut(Cause::PeerClosed);
    world.reconnect();
    world.settle();
    assert_eq!(world.news(), ["withdrawn x", "lost", "subscribed x", "subscribed x", "restored"]);
    world.prove();
}

#[test]
fn the_servers_own_end_of_a_subscription_may_cross_ours() {
    // What a server says to an unsubscription from what it has ended: see Redis 7.0 and Valkey 8.0.
    for refusal in [None, Some("MOVED 1 127.0.0.1:1"), Some("NOSUB not subscribed"), Some("CLUSTERDOWN no")] {
        // How many bytes have gone when we read of it.
        for written in 0..200 {
            let mut world = World::subscriber();
            world.wish("+s:x +s:y");
            world.settle();
            world.news();
            world.wish("-s:x -s:y +s:z");
            let call = world.call(1, None);
            world.wired().withdraw("x");
            world.wired().withdraw("y");
            for name in ["x", "y"].into_iter().filter(|_| refusal.is_some()) {
                world.peer.refusals.borrow_mut().insert(name.to_owned(), refusal.unwrap_or_default().to_owned());
            }
            world.write(written);
            while world.read(usize::MAX) > 0 {}
            world.settle();
            assert_eq!(world.news(), ["subscribed z"], "{refusal:?} {written}");
            assert!(world.is_answered(call));
            world.prove();
        }
    }
}

#[test]
fn an_answer_before_the_last_byte_of_an_unsubscription_has_gone_ends_the_connection() {
    for answer in ["+OK\r\n", "-ERR no\r\n", "+PONG\r\n"] {
        let mut world = World::subscriber();
        world.wish("+s:x");
        world.settle();
        world.wish("-s:x");
        world.write(20);
        world.inject(answer.as_bytes());
        assert!(world.is_lost_to_protocol());
    }
}

#[test]
fn the_servers_own_end_of_a_subscription_may_follow_ours() {
    let mut world = World::subscriber();
    world.wish("+s:x");
    world.wish("-s:x");
    world.settle();
    world.wired().push(&["sunsubscribe", "x", ":0"]);
    world.settle();
    assert_eq!(world.news(), [""; 0]);
    // While the next subscription is on its way, its answer says more.
    world.wish("+s:x");
    world.write(usize::MAX);
    let confirmation: Vec<u8> = world.wired().outgoing.drain(..).collect();
    world.wired().push(&["sunsubscribe", "x", ":0"]);
    world.wired().outgoing.extend(confirmation);
    world.settle();
    assert_eq!(world.news(), ["subscribed x"]);
    world.prove();
}

#[test]
fn an_error_that_answers_an_unsubscription_is_an_end_too() {
    let mut world = World::subscriber();
    for refusal in ["NOSUB not subscribed", "NOPERM no"] {
        world.wish("+x");
        world.settle();
        world.peer.refusals.borrow_mut().insert("x".to_owned(), refusal.to_owned());
        world.wish("-x");
        world.prove();
        world.peer.refusals.borrow_mut().clear();
    }
    assert_eq!(world.news(), ["subscribed x", "subscribed x"]);
}

#[test]
fn a_confirmation_that_nobody_asked_for_ends_the_connection() {
    let confirmation = |verb, name| ["subscribe", "psubscribe"].contains(&verb).then_some([verb, name, ":1"]);
    let cases = [("subscribe", "y"), ("psubscribe", "x")];
    for (verb, name) in cases {
        let mut world = World::subscriber();
        world.wish("+x");
        world.write(usize::MAX);
        world.wired().outgoing.clear();
        world.wired().push(&confirmation(verb, name).unwrap());
        world.settle();
        assert!(world.is_lost_to_protocol());
    }
    // Before its last byte has gone, or out of its turn.
    let mut world = World::subscriber();
    world.wish("+x");
    world.write(10);
    world.wired().push(&["subscribe", "x", ":1"]);
    world.read(usize::MAX);
    assert!(world.is_lost_to_protocol());
    let mut world = World::subscriber();
    world.call(1, None);
    world.wish("+x");
    world.write(usize::MAX);
    world.wired().outgoing.clear();
    world.wired().push(&["subscribe", "x", ":1"]);
    world.settle();
    assert!(world.is_lost_to_protocol());
    // And what is no confirmation confirms nothing.
    for answer in ["+OK\r\n", "*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n"] {
        let mut world = World::subscriber();
        world.wish("+x");
        world.write(usize::MAX);
        world.wired().outgoing.clear();
        world.inject(answer.as_bytes());
        assert!(world.is_lost_to_protocol());
    }
}

#[test]
fn in_resp2_messages_and_confirmations_are_pushes_too() {
    let mut world = World::new(|settings| {
        settings.role = Role::Subscriber;
        settings.heartbeat = Some(Duration::from_secs(5));
        settings.handshake.identity = Identity::Provided;
    });
    world.peer.is_old.set(true);
    world.connect();
    world.session.handle_credentials(Ok(Credentials::password("old")), world.now);
    world.settle();
    world.wish("+x +p:y*");
    world.write(usize::MAX);
    world.wired().push(&["message", "x", "1"]);
    world.wired().push(&["pmessage", "y*", "y1", "2"]);
    world.settle();
    assert_eq!(world.news(), ["restored", "subscribed x", "subscribed y*", "message x 1", "pmessage y* y1 2"]);
    // Such a connection takes no AUTH: the next one begins with the new password.
    world.session.handle_credentials_changed(world.now);
    world.drain();
    assert_eq!(world.asked, 1);
    // And answers PING in its own way.
    for _ in 0..3 {
        world.advance(Duration::from_secs(5));
        assert_eq!(world.write(usize::MAX), PING);
        world.wired().push(&["message", "x", "pong"]);
        world.settle();
    }
    assert_eq!(world.news(), ["message x pong"; 3]);
    world.wish("-x -p:y*");
    world.settle();
    assert!(world.wired().topics.is_empty());
    world.prove();
    world.inject(b"*3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n");
    assert!(world.is_lost_to_protocol());
}

#[test]
fn callers_keep_a_connection_that_subscribing_would_close_to_them() {
    let mut world = World::new(|_| ());
    world.peer.is_old.set(true);
    world.wish("+x");
    world.connect();
    world.settle();
    world.wish("+y");
    world.settle();
    assert_eq!(world.news(), ["refused x NOPROTO", "restored", "refused y NOPROTO"]);
    assert!(world.commands().iter().all(|command| !command.contains("SUBSCRIBE")));
    world.prove();
}

#[test]
fn a_connection_that_takes_the_place_of_a_silent_one_is_asked_for_everything() {
    let mut world = World::new(|settings| {
        settings.role = Role::Subscriber;
        settings.heartbeat = Some(Duration::from_secs(5));
        settings.silence = Some(Duration::from_secs(2));
    });
    world.connect();
    world.settle();
    world.wish("+x");
    world.settle();
    world.news();
    world.advance(Duration::from_secs(5));
    world.write(usize::MAX);
    world.advance(Duration::from_secs(2));
    world.session.handle_timeout(world.now);
    assert!(world.session.poll_standby_dial(world.now));
    world.session.handle_standby_dialed(PeerFacts::unknown());
    let mut second = Wire::new(2);
    while world.session.standby().is_active() {
        let mut list = [IoSlice::new(&[]); 8];
        let standby = world.session.standby();
        let count = standby.poll_transmit(&mut Slices::new(&mut list));
        let bytes: Vec<u8> = list.iter().flat_map(|slice| slice.to_vec()).take(count).collect();
        standby.handle_written(count);
        second.handle_bytes(&world.peer, &bytes);
        standby.read_buffer().unwrap().extend(second.outgoing.drain(..));
        world.session.attend_standby(world.now);
    }
    second.log.clear();
    world.wire = Some(second);
    world.drain();
    world.settle();
    assert_eq!(world.news(), ["lost", "subscribed x", "restored"]);
    assert_eq!(world.commands(), ["SUBSCRIBE x"]);
    world.prove();
}

#[test]
fn subscriptions_on_their_way_keep_nobody_from_closing_and_are_no_callers() {
    let mut world = World::subscriber();
    world.wish("+a +b +c +d +e");
    world.write(20);
    assert!(world.session.is_quiet());
    world.session.close(world.now + Duration::from_secs(9), More::None);
    assert!(world.session.is_closed());
    assert_eq!(world.session.held(), 0);
    let mut world = World::subscriber();
    world.wish("+a +b +c +d +e");
    let call = world.call(1, Some(Duration::from_secs(1)));
    world.advance(Duration::from_secs(1));
    assert_eq!(world.lost(call).loss.waiting, 1);
    world.settle();
    assert_eq!(world.news().len(), 5);
}

#[test]
fn a_hundred_thousand_subscriptions_are_restored_in_no_time() {
    let mut world = World::new(|settings| {
        settings.role = Role::Subscriber;
        settings.read_buffer = 64 << 10;
    });
    let begin = Instant::now();
    world.session.wish((0..100_000).map(|number| Wish::Subscribe(topic(TopicKind::Channel, &number.to_string()))));
    world.connect();
    world.settle();
    assert_eq!(world.news().len(), 100_001);
    world.cut(Cause::PeerClosed);
    assert_eq!(world.news(), ["lost"]);
    // With steps in proportion to its square, it would take hours.
    assert!(begin.elapsed() < Duration::from_secs(60));
}
