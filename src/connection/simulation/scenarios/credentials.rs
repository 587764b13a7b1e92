//! Credentials that change: what a session asks for, when, and what the server is told.

use std::io::IoSlice;
use std::time::Duration;

use crate::command::{Command, Slices};
use crate::connection::simulation::peer::Wire;
use crate::connection::simulation::world::{Verb, World};
use crate::connection::{Credentials, Identity, LinkState, More, Output, Reason, Room, SessionSettings};
use crate::outcome::{Cause, Fate, PeerFacts, Stage, TlsFailure};

impl World {
    /// A world whose session is given its credentials.
    fn provided(settings: impl FnOnce(&mut SessionSettings)) -> Self {
        Self::new(|all| {
            all.handshake.identity = Identity::Provided;
            settings(all);
        })
    }

    /// One with a connection that the password `a` was given for.
    fn identified() -> Self {
        let mut world = Self::provided(|_| ());
        world.connect();
        world.give("a");
        world.settle();
        assert!(world.session.state().is_ready() && world.asked == 1 && !world.session.awaits_credentials());
        world
    }

    fn give(&mut self, password: &str) {
        self.session.handle_credentials(Ok(Credentials::password(password)), self.now);
        self.drain();
    }

    fn give_none(&mut self) {
        self.session.handle_credentials(Err(sealed()), self.now);
        self.drain();
    }

    fn change(&mut self) {
        self.session.handle_credentials_changed(self.now);
        self.drain();
    }

    /// Makes the handshake of the second connection, and a connection of the session's own of it.
    fn greet_standby(&mut self) {
        self.connections += 1;
        let mut wire = Wire::new(self.connections);
        while self.session.standby().is_active() {
            let mut list = [IoSlice::new(&[]); 8];
            let mut slices = Slices::new(&mut list);
            let len = self.session.standby().poll_transmit(&mut slices);
            let bytes = list[0].to_vec();
            assert!(bytes.len() == len && len > 0, "it says something");
            self.session.standby().handle_written(len);
            wire.handle_bytes(&self.peer, &bytes);
            let said: Vec<u8> = wire.outgoing.drain(..).collect();
            self.session.standby().read_buffer().unwrap().extend_from_slice(&said);
            self.drain();
        }
        self.wire = Some(wire);
        self.drain();
    }

    fn logins(&self) -> Vec<(u32, String)> {
        self.peer.logins.borrow().clone()
    }

    fn expect_logins(&self, logins: &[(u32, &str)]) {
        let wanted: Vec<_> = logins.iter().map(|(wire, password)| (*wire, (*password).to_owned())).collect();
        assert_eq!(self.logins(), wanted);
    }

    /// Advances to just before the next thing to do, then to it; returns how long that took.
    fn until_due(&mut self) -> Duration {
        let due = self.session.poll_timeout().expect("something is to be done");
        let pause = due.saturating_duration_since(self.now);
        let asked = self.asked;
        self.advance(pause.saturating_sub(Duration::from_millis(1)));
        assert_eq!(self.asked, asked, "not yet");
        self.advance(Duration::from_millis(1));
        pause
    }
}

fn sealed() -> Cause {
    Cause::Credentials { detail: "sealed".into() }
}

fn late() -> Cause {
    Cause::Credentials { detail: "they were not given in time".into() }
}

#[test]
fn a_handshake_says_nothing_before_it_has_credentials() {
    let mut world = World::provided(|_| ());
    let call = world.call(1, None);
    assert_eq!(world.asked, 0, "there is no connection yet");
    world.connect();
    assert!(world.asked == 1 && world.session.awaits_credentials());
    assert_eq!(world.write(usize::MAX), 0);
    assert!(matches!(world.session.state(), LinkState::Connecting { stage: Stage::Handshake, .. }));
    world.give("a");
    world.settle();
    assert!(world.is_answered(call));
    world.expect_logins(&[(1, "a")]);
    world.audit();
}

#[test]
fn every_handshake_asks_anew_and_what_it_was_given_is_not_kept() {
    let mut world = World::identified();
    for (number, password) in [(2, "b"), (3, "c")] {
        world.cut(Cause::PeerClosed);
        world.advance(Duration::from_secs(2));
        world.connect();
        assert_eq!(world.asked, number);
        world.give(password);
        world.settle();
        assert!(world.session.state().is_ready());
    }
    world.expect_logins(&[(1, "a"), (2, "b"), (3, "c")]);
}

#[test]
fn a_provider_that_fails_costs_the_attempt_and_callers_wait_on() {
    let mut world = World::provided(|_| ());
    let call = world.call(1, None);
    let hasty = world.call(1, Some(Duration::from_millis(500)));
    for attempt in 1..=3 {
        world.connect();
        world.give_none();
        assert!(world.wire.is_none() && world.asked == attempt);
        assert!(matches!(world.session.state(), LinkState::Backoff { cause, .. } if *cause == sealed()));
        world.advance(Duration::from_secs(1));
    }
    let lost = world.lost(hasty);
    assert!(matches!(&lost.loss.reason, Reason::Deadline(Some(cause)) if *cause == sealed()), "{lost:?}");
    world.connect();
    world.give("a");
    world.settle();
    assert!(world.is_answered(call));
    world.audit();
}

#[test]
fn a_provider_that_never_answers_is_given_up_with_the_attempt_and_the_deadline_names_the_stage() {
    let mut world = World::provided(|_| ());
    world.call(1, None);
    let hasty = world.call(1, Some(Duration::from_millis(10)));
    world.connect();
    world.advance(Duration::from_millis(10));
    assert_eq!((world.fate(hasty), world.lost(hasty).stage()), (Fate::NotSent, Stage::Handshake));
    world.advance(Duration::from_secs(2));
    assert!(matches!(world.session.state(), LinkState::Backoff { cause, .. } if *cause == late()));
    assert!(world.wire.is_none() && !world.session.awaits_credentials());
    // What comes too late is for nobody.
    world.give("late");
    world.advance(Duration::from_secs(2));
    world.connect();
    assert_eq!(world.write(usize::MAX), 0);
}

#[test]
fn a_server_that_turns_us_away_is_heard_before_there_are_credentials() {
    for (words, message, permanent) in [
        (&b"-ERR max number of clients reached\r\n"[..], "ERR max number of clients reached", false),
        (b"-DENIED Redis is running in protected mode\r\n", "DENIED Redis is running in protected mode", true),
        (b"+welcome\r\n", "a simple string that answers nothing", true),
    ] {
        let mut world = World::provided(|_| ());
        world.connect();
        let (first, rest) = words.split_at(7);
        world.inject(first);
        assert!(matches!(world.session.state(), LinkState::Connecting { .. }));
        world.inject(rest);
        let LinkState::Backoff { cause: Cause::Handshake(refusal), .. } = world.session.state() else {
            panic!("{:?}", world.session.state());
        };
        assert_eq!((&*refusal.message, refusal.permanent), (message, permanent));
        assert!(world.wire.is_none() && !world.session.awaits_credentials());
    }
}

#[test]
fn a_change_is_told_to_the_server_between_the_commands_of_the_connection_that_lives() {
    for step in 1..60 {
        let mut world = World::identified();
        let before = world.call(3, None);
        world.write(step);
        world.change();
        assert!(world.asked == 2 && world.session.awaits_credentials());
        world.give("b");
        let after = world.call(3, None);
        while world.write(step) + world.read(step) > 0 {}
        assert!(world.is_answered(before) && world.is_answered(after));
        assert!(matches!(world.told[..], [Ok(())]), "{:?}", world.told);
        world.expect_logins(&[(1, "a"), (1, "b")]);
        assert!(!world.session.awaits_credentials());
        world.audit();
    }
}

#[test]
fn of_changes_in_a_row_the_newest_credentials_are_the_last_that_the_server_is_told() {
    // The second one comes before the credentials are given, while AUTH waits, while its answer does, or after.
    for moment in 0..4 {
        let mut world = World::identified();
        world.change();
        if moment == 0 {
            world.change();
            assert_eq!(world.asked, 2, "what is asked for is waited for");
        }
        world.give("b");
        if moment > 1 {
            world.write(usize::MAX);
        }
        if moment > 2 {
            world.settle();
        }
        if moment > 0 {
            world.change();
        }
        world.settle();
        assert_eq!(world.asked, 2, "{moment}");
        assert_eq!(world.until_due(), Duration::from_secs(1), "{moment}");
        assert_eq!(world.asked, 3, "{moment}");
        world.give("c");
        world.settle();
        world.expect_logins(&[(1, "a"), (1, "b"), (1, "c")]);
        assert!(world.told.iter().all(Result::is_ok) && !world.session.awaits_credentials());
        world.audit();
    }
}

#[test]
fn a_change_during_the_handshake_is_not_lost() {
    // It comes before the credentials are given, or after.
    for is_given in [false, true] {
        let mut world = World::provided(|_| ());
        world.connect();
        if is_given {
            world.give("a");
            world.write(usize::MAX);
        }
        world.change();
        assert_eq!(world.asked, 1);
        if !is_given {
            world.give("a");
        }
        world.settle();
        assert_eq!(world.asked, 2, "the connection authenticates again once it is ready");
        world.give("b");
        world.settle();
        world.expect_logins(&[(1, "a"), (1, "b")]);
        assert!(matches!(world.told[..], [Ok(())]));
    }
}

#[test]
fn changes_faster_than_they_can_be_asked_for_are_told_once_a_second() {
    let mut world = World::provided(|_| ());
    let call = world.call(1, None);
    world.connect();
    // It takes 200 ms to give what was the newest at the beginning.
    let (mut newest, mut running) = (0, Some((0, 0)));
    for tick in 1..=100 {
        let asked = world.asked;
        newest = tick;
        world.advance(Duration::from_millis(100));
        world.change();
        if let Some((_, given)) = running.take_if(|(since, _)| *since + 2 <= tick) {
            world.give(&given.to_string());
            world.settle();
        }
        if world.asked > asked {
            running = Some((tick, newest));
        } else if world.session.awaits_credentials() {
            assert!(running.is_some(), "what is asked for is waited for");
        }
    }
    assert!(world.is_answered(call) && world.connections == 1);
    let authentications = world.told.len();
    assert!((7..=10).contains(&authentications), "{authentications} in 10 s");
    // No more changes: the last one is what the server knows in the end.
    for _ in 0..3 {
        if world.session.awaits_credentials() {
            world.give(&newest.to_string());
            world.settle();
        }
        world.advance(Duration::from_secs(1));
    }
    assert_eq!(world.logins().last().unwrap().1, newest.to_string());
    assert!(world.told.iter().all(Result::is_ok) && world.session.poll_timeout().is_none());
    world.audit();
}

#[test]
fn a_provider_that_changes_with_each_asking_is_asked_once_a_second() {
    for gives in [true, false] {
        let mut world = World::identified();
        world.change();
        for _ in 0..1000 {
            while world.session.awaits_credentials() {
                world.change();
                if gives {
                    world.give("b")
                } else {
                    world.give_none()
                }
                world.settle();
            }
            world.advance(Duration::from_millis(10));
        }
        assert!((10..=12).contains(&world.asked), "{} in 10 s", world.asked);
        world.audit();
    }
}

#[test]
fn a_change_reaches_the_second_connection_that_takes_over() {
    // The change comes while its credentials are asked for, or while it greets with them.
    for is_given in [false, true] {
        let mut world = World::provided(|settings| settings.silence = Some(Duration::from_millis(100)));
        world.connect();
        world.give("a");
        world.settle();
        world.call_of(vec![Verb::Read], None);
        world.settle_writes();
        world.advance(Duration::from_millis(100));
        assert!(world.session.poll_standby_dial(world.now));
        world.session.handle_standby_dialed(PeerFacts::unknown());
        world.drain();
        assert_eq!(world.asked, 2);
        if is_given {
            world.give("b");
        }
        world.change();
        if !is_given {
            world.give("b");
        }
        world.greet_standby();
        assert!(world.session.awaits_credentials(), "the credentials have changed since it was told");
        world.give("c");
        world.settle();
        assert_eq!(world.logins()[1..], [(2, "b".to_owned()), (2, "c".to_owned())]);
        world.audit();
    }
}

#[test]
fn a_change_ends_the_pause_after_a_refused_handshake_and_callers_wait_for_that() {
    let mut world = World::provided(|settings| settings.backoff.first = Duration::from_millis(900));
    *world.peer.password.borrow_mut() = Some("b".into());
    let refused = world.call(1, None);
    world.connect();
    world.give("a");
    world.settle();
    let at_once = world.call(1, None);
    for call in [refused, at_once] {
        assert!(matches!(&world.lost(call).loss.reason, Reason::Link(cause) if cause.is_permanent()));
    }
    world.advance(Duration::from_millis(10));
    world.change();
    assert!(matches!(world.session.state(), LinkState::Backoff { cause, .. } if !cause.is_permanent()));
    let waits = world.call(1, None);
    assert!(!world.endings.contains_key(&waits));
    world.connect();
    world.give("b");
    world.settle();
    assert!(world.is_answered(waits));
    world.audit();
}

#[test]
fn changes_in_a_row_hasten_refused_handshakes_to_ten_a_second() {
    let mut world = World::provided(|_| ());
    *world.peer.password.borrow_mut() = Some("right".into());
    for _ in 0..100 {
        world.change();
        while world.session.poll_dial(world.now) {
            world.open();
            world.drain();
            world.give("wrong");
            world.settle();
        }
        world.advance(Duration::from_millis(10));
    }
    // The first attempt of all needs no change.
    assert!((10..=11).contains(&world.connections), "{} in 1 s", world.connections);
    let pause = world.session.poll_timeout().unwrap() - world.now;
    assert!(pause <= Duration::from_millis(100), "{pause:?}");
}

#[test]
fn a_change_does_not_hasten_what_it_cannot_mend() {
    for cause in [Cause::PeerClosed, Cause::Tls(TlsFailure::Expired)] {
        let mut world = World::provided(|_| ());
        for _ in 0..3 {
            let pause = world.session.poll_timeout().map_or(Duration::ZERO, |due| due - world.now);
            world.advance(pause);
            assert!(world.session.poll_dial(world.now));
            world.session.handle_lost(cause.clone(), world.now);
            world.drain();
        }
        let due = world.session.poll_timeout();
        world.change();
        assert!(due.is_some() && world.session.poll_timeout() == due);
    }
}

#[test]
fn a_handshake_refused_for_credentials_that_have_changed_meanwhile_fails_nobody() {
    for changes in [false, true] {
        let mut world = World::provided(|_| ());
        *world.peer.password.borrow_mut() = Some("b".into());
        let call = world.call(1, None);
        world.connect();
        world.give("a");
        world.write(usize::MAX);
        if changes {
            world.change();
        }
        world.settle();
        assert_eq!(world.endings.is_empty(), changes);
        if changes {
            world.connect();
            world.give("b");
            world.settle();
            assert!(world.is_answered(call));
        }
        world.audit();
    }
}

#[test]
fn a_change_without_a_connection_asks_for_nothing() {
    let mut world = World::provided(|_| ());
    world.change();
    assert!(world.session.poll_dial(world.now));
    world.change();
    world.session.handle_lost(Cause::PeerClosed, world.now);
    world.drain();
    world.change();
    assert!(world.asked == 0 && !world.session.awaits_credentials());
    world.advance(Duration::from_secs(1));
    world.connect();
    world.give("a");
    world.settle();
    assert_eq!(world.asked, 1);
    world.expect_logins(&[(1, "a")]);
}

#[test]
fn a_refused_authentication_keeps_the_connection_and_is_tried_again_after_growing_pauses() {
    let mut world = World::identified();
    *world.peer.password.borrow_mut() = Some("right".into());
    world.change();
    let mut pauses = Vec::new();
    for _ in 0..8 {
        world.give("wrong-secret");
        let call = world.call(1, None);
        world.settle();
        assert!(world.is_answered(call) && world.session.state().is_ready());
        assert!(!world.session.awaits_credentials());
        let asked = world.asked;
        pauses.push(world.until_due());
        assert_eq!(world.asked, asked + 1);
    }
    for (index, pause) in pauses.iter().enumerate() {
        let full = Duration::from_secs(1 << index).min(Duration::from_secs(30));
        assert!(*pause >= full / 2 && *pause <= full, "{pauses:?}");
    }
    for told in &world.told {
        let Err(Cause::Handshake(refusal)) = told else { panic!("{told:?}") };
        assert_eq!((refusal.step, &*refusal.message, refusal.permanent), ("AUTH", "WRONGPASS not ***", true));
    }
    world.give("right");
    world.settle();
    assert!(matches!(world.told.last(), Some(Ok(()))) && world.session.poll_timeout().is_none());
    assert_eq!(world.connections, 1);
    // The next failure begins with the first pause.
    world.change();
    world.give_none();
    assert!(world.until_due() <= Duration::from_secs(1));
    world.give("right");
    world.settle();
    world.audit();
}

#[test]
fn a_change_ends_the_pause_after_a_refusal() {
    let mut world = World::identified();
    *world.peer.password.borrow_mut() = Some("right".into());
    world.change();
    for _ in 0..3 {
        world.give("wrong");
        world.settle();
        world.until_due();
    }
    world.give("wrong");
    world.settle();
    assert_eq!((world.asked, world.told.len()), (5, 4));
    // The pause is 4 s at least.
    world.advance(Duration::from_millis(100));
    world.change();
    assert_eq!(world.until_due(), Duration::from_millis(900), "not before a second after the last one");
    world.give("wrong");
    world.settle();
    world.advance(Duration::from_millis(1500));
    assert_eq!(world.asked, 6);
    world.change();
    assert_eq!(world.asked, 7, "at once");
    world.give("right");
    world.settle();
    assert!(matches!(world.told.last(), Some(Ok(()))) && world.session.poll_timeout().is_none());
}

#[test]
fn a_provider_that_fails_or_is_silent_costs_a_living_connection_nothing() {
    let mut world = World::identified();
    world.change();
    world.give_none();
    assert_eq!(world.told, [Err(sealed())]);
    world.until_due();
    assert_eq!(world.asked, 3);
    // Changes while it is asked do not make it take longer.
    for _ in 0..4 {
        world.advance(Duration::from_millis(500));
        world.change();
    }
    assert_eq!(world.told, [Err(sealed()), Err(late())]);
    let call = world.call(1, None);
    world.settle();
    assert!(world.is_answered(call) && world.connections == 1);
    world.give("a");
    world.settle();
    world.audit();
}

#[test]
fn an_authentication_is_lost_with_its_connection() {
    let len = Command::new("AUTH").arg("b").to_wire().len();
    for written in 0..=len {
        let mut world = World::identified();
        world.change();
        world.give("b");
        if written > 0 {
            world.write(written);
        }
        world.cut(Cause::PeerClosed);
        assert_eq!(world.session.held(), 0, "{written}");
        world.advance(Duration::from_secs(2));
        world.connect();
        world.give("c");
        world.settle();
        assert!(world.session.state().is_ready() && world.told.is_empty());
        assert_eq!(world.logins().last().unwrap(), &(2, "c".to_owned()));
        world.audit();
    }
    // Also while it is asked for, or its failure paused over.
    for given in [None, Some(())] {
        let mut world = World::identified();
        world.change();
        if given.is_some() {
            world.give_none();
        }
        world.cut(Cause::PeerClosed);
        assert!(!world.session.awaits_credentials());
        world.advance(Duration::from_secs(1));
        world.connect();
        world.give("c");
        world.settle();
        assert!(world.session.poll_timeout().is_none(), "nothing is left to be done");
    }
}

#[test]
fn an_authentication_takes_no_room_and_is_no_caller_and_keeps_nobody_from_closing() {
    let waiting = || {
        let mut world = World::identified();
        world.change();
        world.give("b");
        world.settle_writes();
        world
    };
    let mut world = waiting();
    assert!(world.session.is_quiet());
    world.session.close(world.now + Duration::from_secs(9), More::None);
    assert!(world.session.is_closed());
    let mut world = waiting();
    world.session.read_buffer().unwrap().extend_from_slice(b"+OK\r\n");
    assert!(matches!(world.session.poll_event(world.now), Some(Output::Reauthenticated)));
    assert_eq!(world.session.take_settled(), Room::default(), "it gives back what it never took");
    let mut world = waiting();
    world.session.handle_lost(Cause::PeerClosed, world.now);
    let disconnected = std::iter::from_fn(|| world.session.poll_event(world.now))
        .find_map(|output| if let Output::Disconnected { in_flight, .. } = output { Some(in_flight) } else { None });
    assert_eq!(disconnected, Some(0));
}

#[test]
fn heartbeat_and_authentication_share_a_connection() {
    let mut world = World::provided(|settings| settings.heartbeat = Some(Duration::from_secs(5)));
    world.connect();
    world.give("a");
    world.settle();
    world.advance(Duration::from_secs(5));
    world.change();
    world.give("b");
    world.settle_writes();
    assert!(world.session.is_quiet());
    world.inject(b"+PONG\r\n+OK\r\n");
    assert_eq!(world.told, [Ok(())]);
    world.advance(Duration::from_secs(5));
    assert!(world.write(usize::MAX) > 0, "the next heartbeat");
    world.session.close(world.now + Duration::from_secs(9), More::None);
    assert!(world.session.is_closed());
}

#[test]
fn no_secret_is_in_the_sessions_debug_output() {
    let mut world = World::provided(|_| ());
    world.connect();
    world.give("hunter2");
    let shown = |world: &World| format!("{:?} {:#?}", world.session, world.session);
    assert!(!shown(&world).contains("hunter2"));
    assert!(!shown(&world).contains("104, 117, 110, 116, 101, 114"), "as numbers");
    world.settle();
    world.change();
    world.give("hunter2");
    for _ in 0..2 {
        assert!(!shown(&world).contains("hunter2") && !shown(&world).contains("104, 117, 110, 116"));
        world.write(10);
    }
}
