//! Deadlines, in every stage of a command and of a connection.

use std::time::Duration;

use crate::command::Command;
use crate::connection::Reason;
use crate::connection::simulation::world::{Verb, World};
use crate::outcome::{Cause, Fate, Stage};

#[test]
fn what_was_sent_once_is_unknown_even_if_its_deadline_comes_before_it_is_sent_again() {
    let mut world = World::ready();
    let read = world.call_of(vec![Verb::Read], Some(Duration::from_millis(10)));
    world.write(usize::MAX);
    world.cut(Cause::PeerClosed);
    world.advance(Duration::from_millis(10));
    assert_eq!(world.fate(read), Fate::Unknown);
    world.connect();
    world.settle();
    assert_eq!(world.ran(read, 0), 1, "it is not sent again after its deadline");
    world.audit();
}

#[test]
fn a_deadline_names_the_stage_and_what_was_sent_keeps_its_place() {
    let mut world = World::ready();
    let late = world.call(1, Some(Duration::from_millis(10)));
    let later = world.call(1, None);
    world.write(usize::MAX);
    world.advance(Duration::from_millis(10));
    let lost = world.lost(late);
    assert_eq!((lost.fate, lost.stage()), (Fate::Unknown, Stage::AwaitingReply));
    assert!(matches!(lost.loss.reason, Reason::Deadline(None)));
    world.settle();
    assert!(world.is_answered(later), "the late answer must not go to the next caller");
    world.audit();
}

#[test]
fn what_was_not_sent_by_its_deadline_is_never_sent() {
    let mut world = World::ready();
    let sent = world.call(1, None);
    let unsent = world.call(1, Some(Duration::from_millis(10)));
    world.write(1);
    world.advance(Duration::from_millis(10));
    assert_eq!(world.fate(unsent), Fate::NotSent);
    world.settle();
    assert!(world.is_answered(sent));
    assert_eq!(world.ran(unsent, 0), 0);
    world.audit();
}

#[test]
fn a_pipeline_whose_deadline_comes_halfway_sends_no_further_command() {
    let one = Command::new("TOUCH").arg("0.0").to_wire().len();
    for written in 1..3 * one {
        let mut world = World::ready();
        let call = world.call(3, Some(Duration::from_millis(10)));
        let next = world.call(1, None);
        world.write(written);
        world.advance(Duration::from_millis(10));
        world.settle();
        let begun = written.div_ceil(one);
        for index in 0..3 {
            assert_eq!(world.ran(call, index), u32::from((index as usize) < begun), "{written}: {index}");
        }
        assert!(world.is_answered(next));
        world.audit();
    }
}

#[test]
fn deadlines_come_in_every_stage_of_connecting() {
    let mut world = World::new(|_| ());
    let first = world.call(1, Some(Duration::from_millis(1)));
    assert!(world.session.poll_dial(world.now));
    world.advance(Duration::from_millis(1));
    let stage = |world: &World, call| {
        assert_eq!(world.fate(call), Fate::NotSent);
        world.lost(call).stage()
    };
    assert_eq!(stage(&world, first), Stage::Resolving);
    for wanted in [Stage::Connecting, Stage::TlsHandshake] {
        let call = world.call(1, Some(Duration::from_millis(1)));
        world.session.handle_stage(wanted, None);
        world.advance(Duration::from_millis(1));
        assert_eq!(stage(&world, call), wanted);
    }
    let call = world.call(1, Some(Duration::from_millis(1)));
    world.open();
    world.advance(Duration::from_millis(1));
    assert_eq!(stage(&world, call), Stage::Handshake);
    world.cut(Cause::PeerClosed);
    assert!(world.session.poll_dial(world.now), "the first retry is at once");
    world.session.handle_lost(Cause::PeerClosed, world.now);
    let call = world.call(1, Some(Duration::from_millis(1)));
    world.advance(Duration::from_millis(1));
    assert_eq!(stage(&world, call), Stage::Backoff);
    assert!(matches!(world.lost(call).loss.reason, Reason::Deadline(Some(Cause::PeerClosed))));
    world.audit();
}
