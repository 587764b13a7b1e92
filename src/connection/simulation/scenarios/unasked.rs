//! What a server says that nobody asked for.

use std::time::Duration;

use crate::connection::simulation::world::World;
use crate::connection::{LinkState, Output};
use crate::outcome::{Cause, Fate};

#[test]
fn an_answer_that_nothing_asked_for_ends_the_connection_and_reaches_nobody() {
    let mut world = World::ready();
    world.inject(b"+surprise\r\n");
    assert!(matches!(world.session.state(), LinkState::Backoff { cause: Cause::Protocol { .. }, .. }));
    // Also while a command is on its way out: its answer cannot come before its last byte has gone.
    let mut world = World::ready();
    let call = world.call(1, None);
    world.write(5);
    world.inject(b"+surprise\r\n");
    assert!(!world.session.state().is_ready() && world.endings.is_empty());
    world.advance(Duration::from_secs(1));
    world.connect();
    world.settle();
    assert!(world.is_answered(call));
    world.audit();
}

#[test]
fn pushes_take_no_answer_away_and_leave_before_later_answers() {
    let mut world = World::ready();
    let call = world.call(1, None);
    world.write(usize::MAX);
    let buffer = world.session.read_buffer().unwrap();
    buffer.extend_from_slice(b">2\r\n+invalidate\r\n*1\r\n+k\r\n$3\r\n0.0\r\n");
    assert!(matches!(world.session.poll_event(world.now), Some(Output::Push(_))));
    world.drain();
    assert!(world.is_answered(call));
}

#[test]
fn the_confirmation_of_a_subscription_that_nobody_asked_for_ends_the_connection() {
    let mut world = World::ready();
    let call = world.call(1, None);
    world.write(usize::MAX);
    world.inject(b">3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n$3\r\n0.0\r\n");
    assert_eq!(world.fate(call), Fate::Unknown);
    assert!(matches!(world.session.state(), LinkState::Backoff { cause: Cause::Protocol { .. }, .. }));
}
