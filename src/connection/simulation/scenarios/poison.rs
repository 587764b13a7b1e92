//! Commands that connections die of.

use std::time::Duration;

use crate::connection::simulation::world::{Verb, World};
use crate::outcome::{Cause, Fate};

#[test]
fn a_command_on_which_three_connections_in_a_row_died_is_not_sent_a_fourth_time() {
    let mut world = World::ready();
    let poison = world.call_of(vec![Verb::Read], None);
    let innocent = world.call_of(vec![Verb::Read], None);
    for death in 1..=3 {
        assert!(world.endings.is_empty(), "death {death}");
        world.settle_writes();
        world.inject(b"?");
        world.advance(Duration::from_secs(2));
        assert!(world.session.poll_dial(world.now));
        world.session.handle_lost(Cause::NotConnected, world.now);
        world.drain();
        world.advance(Duration::from_secs(2));
        world.connect();
        world.wire.as_mut().unwrap().mute = death < 3;
    }
    assert_eq!(world.fate(poison), Fate::Unknown);
    world.settle();
    assert!(world.is_answered(innocent));
    assert_eq!(world.ran(poison, 0), 3);
    world.audit();
}

#[test]
fn a_pipeline_that_gets_on_a_little_on_each_connection_is_no_poison() {
    let mut world = World::ready();
    let call = world.call_of(vec![Verb::Read; 8], None);
    for _ in 0..7 {
        world.write(usize::MAX);
        world.read("$3\r\n0.0\r\n".len());
        world.cut(Cause::PeerClosed);
        world.advance(Duration::from_secs(2));
        world.connect();
        world.settle_handshake();
    }
    world.settle();
    assert!(world.is_answered(call), "{:?}", world.endings);
    world.audit();
}

#[test]
fn the_command_behind_a_poison_is_judged_anew() {
    for (first, deaths) in [(Verb::Read, 4), (Verb::Touch, 3)] {
        let mut world = World::ready();
        let call = world.call_of(vec![first, Verb::Read, Verb::Read], None);
        for _ in 0..deaths {
            world.settle_writes();
            world.cut(Cause::PeerClosed);
            world.advance(Duration::from_secs(5));
            world.connect();
            world.settle_handshake();
        }
        world.settle();
        let lost: Vec<_> = world.endings[&call].lost.iter().map(|lost| lost.place).collect();
        assert_eq!(lost, [0], "{first:?}");
        world.audit();
    }
}

#[test]
fn a_command_that_no_connection_survives_to_take_is_given_up_unsent() {
    let mut world = World::ready();
    let call = world.call(1, None);
    for death in 1..=3 {
        assert!(world.endings.is_empty(), "death {death}");
        world.write(5);
        world.cut(Cause::PeerClosed);
        world.advance(Duration::from_secs(2));
        if death < 3 {
            world.connect();
            world.settle_handshake();
        }
    }
    assert_eq!(world.fate(call), Fate::NotSent);
    world.connect();
    world.settle();
    world.audit();
}
