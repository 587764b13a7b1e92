//! The heartbeat of a silent connection.

use std::time::Duration;

use crate::connection::More;
use crate::connection::simulation::world::World;
use crate::outcome::Cause;

#[test]
fn a_silent_connection_is_pinged_once_and_any_answer_is_life() {
    let mut world = World::new(|settings| settings.heartbeat = Some(Duration::from_secs(5)));
    world.connect();
    world.settle();
    for answer in ["", "-MISCONF no\r\n"] {
        world.advance(Duration::from_secs(4));
        assert_eq!(world.write(usize::MAX), 0, "not yet");
        world.advance(Duration::from_secs(1));
        assert_eq!(world.write(usize::MAX), "*1\r\n$4\r\nPING\r\n".len());
        world.advance(Duration::from_secs(60));
        assert_eq!(world.write(usize::MAX), 0, "one is on its way");
        if !answer.is_empty() {
            world.wire.as_mut().unwrap().outgoing.clear();
            world.inject(answer.as_bytes());
        }
        world.settle();
        assert!(world.session.state().is_ready());
    }
    let call = world.call(1, None);
    world.settle();
    assert!(world.is_answered(call));
    world.audit();
}

#[test]
fn a_heartbeat_is_lost_with_its_connection_and_keeps_nobody_from_closing() {
    let mut world = World::new(|settings| settings.heartbeat = Some(Duration::from_secs(5)));
    world.connect();
    world.settle();
    world.advance(Duration::from_secs(5));
    world.write(4);
    world.cut(Cause::PeerClosed);
    assert_eq!(world.session.held(), 0);
    world.advance(Duration::from_secs(1));
    world.connect();
    world.settle();
    world.advance(Duration::from_secs(5));
    assert!(world.write(usize::MAX) > 0, "the next connection has a heartbeat of its own");
    world.session.close(world.now + Duration::from_secs(9), More::None);
    assert!(world.session.is_closed());
}
