//! A link that closes.

use std::time::Duration;

use crate::connection::simulation::world::World;
use crate::connection::{LinkState, More, Output};
use crate::outcome::{Cause, Fate};

#[test]
fn closing_answers_what_was_taken_and_gives_up_the_rest_at_its_deadline() {
    let mut world = World::ready();
    let answered = world.call(1, None);
    world.session.close(world.now + Duration::from_secs(1), More::None);
    assert!(matches!(world.session.state(), LinkState::Draining { .. }));
    world.settle();
    assert!(world.is_answered(answered));
    assert!(world.session.is_closed());
    let mut world = World::ready();
    let sent = world.call(1, None);
    world.write(usize::MAX);
    let unsent = world.call(1, None);
    world.session.close(world.now + Duration::from_secs(1), More::None);
    world.advance(Duration::from_secs(1));
    assert_eq!((world.fate(sent), world.fate(unsent)), (Fate::Unknown, Fate::NotSent));
    assert!(world.session.is_closed());
    world.audit();
}

#[test]
fn a_link_that_closes_waits_for_commands_that_may_still_come() {
    let mut world = World::ready();
    world.session.close(world.now + Duration::from_secs(1), More::Possible);
    world.settle();
    let call = world.call(1, None);
    world.settle();
    assert!(world.is_answered(call) && !world.session.is_closed());
    world.session.close(world.now + Duration::from_secs(1), More::None);
    assert!(world.session.is_closed());
}

#[test]
fn a_link_can_end_and_be_lost_while_a_heartbeat_is_on_its_way() {
    let beating = || {
        let mut world = World::new(|settings| settings.heartbeat = Some(Duration::from_secs(1)));
        world.connect();
        world.settle();
        world.advance(Duration::from_secs(2));
        world.settle_writes();
        world
    };
    let mut world = beating();
    world.session.finish(Cause::RuntimeGone, world.now);
    world.drain();
    let mut world = beating();
    world.session.handle_lost(Cause::PeerClosed, world.now);
    let mut told = 0;
    while let Some(output) = world.session.poll_event(world.now) {
        if let Output::Disconnected { in_flight, .. } = output {
            assert_eq!(in_flight, 0, "a heartbeat is no caller");
            told += 1;
        }
    }
    assert_eq!(told, 1);
}
