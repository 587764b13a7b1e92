//! Attempts to connect: how often, and what callers are told meanwhile.

use std::time::Duration;

use crate::connection::simulation::world::World;
use crate::connection::{Offline, Reason};
use crate::outcome::{Cause, Fate};

#[test]
fn an_attempt_that_takes_too_long_is_given_up_and_tried_again() {
    let mut world = World::new(|_| ());
    let call = world.call(1, None);
    world.connect();
    world.advance(Duration::from_secs(2));
    assert!(world.wire.is_none());
    world.advance(Duration::from_secs(1));
    world.connect();
    world.settle();
    assert!(world.is_answered(call));
    world.audit();
}

#[test]
fn a_server_that_accepts_and_drops_at_once_is_not_called_in_a_busy_loop() {
    let mut world = World::new(|_| ());
    let begin = world.now;
    let mut attempts = 0;
    while world.now < begin + Duration::from_secs(60) {
        if world.session.poll_dial(world.now) {
            attempts += 1;
            world.open();
            world.settle();
            world.cut(Cause::PeerClosed);
        }
        let next = world.session.poll_timeout().expect("there is always a next attempt");
        world.advance(next.saturating_duration_since(world.now));
    }
    assert!(attempts < 140, "{attempts} attempts in a minute");
}

#[test]
fn a_refusal_that_only_a_person_can_mend_fails_callers_at_once_and_is_tried_again_slowly() {
    let mut world = World::new(|_| ());
    let waiting = world.call(1, None);
    world.connect();
    world.write(usize::MAX);
    world.wire.as_mut().unwrap().outgoing.clear();
    world.inject(b"-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    assert_eq!(world.fate(waiting), Fate::NotSent);
    let next = world.call(1, None);
    assert!(matches!(world.lost(next).loss.reason, Reason::Link(Cause::Handshake(_))));
    assert!(!world.session.poll_dial(world.now));
    world.advance(Duration::from_secs(1));
    world.connect();
    world.settle();
    let healed = world.call(1, None);
    world.settle();
    assert!(world.is_answered(healed));
    world.audit();
}

#[test]
fn fail_fast_means_that_nothing_waits_for_a_connection() {
    let mut world = World::new(|settings| settings.offline = Offline::FailFast);
    let early = world.call(1, None);
    assert!(matches!(world.lost(early).loss.reason, Reason::Link(Cause::NotConnected)));
    world.connect();
    world.settle();
    let answered = world.call(1, None);
    world.settle();
    assert!(world.is_answered(answered));
    let unsent = world.call(1, None);
    world.cut(Cause::PeerClosed);
    assert_eq!(world.fate(unsent), Fate::NotSent);
    world.audit();
}
