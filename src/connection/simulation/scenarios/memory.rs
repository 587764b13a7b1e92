//! What is held for callers, and no longer than they are there.

use std::time::Duration;

use crate::connection::simulation::world::World;
use crate::outcome::Cause;

#[test]
fn an_outage_holds_no_bytes_of_callers_who_have_gone() {
    let mut world = World::new(|_| ());
    for round in 0..100 {
        for _ in 0..100 {
            world.call(1, Some(Duration::from_millis(1)));
        }
        world.advance(Duration::from_millis(1));
        if world.session.poll_dial(world.now) {
            world.session.handle_lost(Cause::PeerClosed, world.now);
        }
        assert_eq!(world.session.held(), 0, "round {round}");
    }
    world.audit();
}

#[test]
fn bytes_of_those_who_have_gone_are_not_held_behind_one_who_waits() {
    let begun = |world: &mut World| assert_eq!(world.write(3), 3);
    for (mut world, begin) in [(World::new(|_| ()), None), (World::ready(), Some(begun))] {
        world.call(1, None);
        if let Some(begin) = begin {
            begin(&mut world);
        }
        for _ in 0..1_000 {
            world.call(1, Some(Duration::from_millis(1)));
            world.advance(Duration::from_millis(1));
        }
        assert!(world.session.held() < 1_000, "{} bytes are held", world.session.held());
    }
}
