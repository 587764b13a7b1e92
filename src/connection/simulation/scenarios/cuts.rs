//! What becomes of commands whose connection dies.

use std::time::Duration;

use crate::command::{Command, Encoded};
use crate::connection::output::Reason;
use crate::connection::settings::Role;
use crate::connection::simulation::world::{Ending, Verb, World};
use crate::outcome::{Cause, Fate};

#[test]
fn answers_reach_their_callers_however_the_bytes_are_cut() {
    for step in 1..40 {
        let mut world = World::ready();
        for commands in [1, 3, 1, 2] {
            world.call(commands, None);
        }
        while world.write(step) + world.read(step) > 0 {}
        assert!(world.endings.values().all(Ending::is_answered));
        world.audit();
    }
}

#[test]
fn a_command_cut_before_its_last_byte_was_not_sent_and_goes_out_on_the_next_connection() {
    let len = Command::new("TOUCH").arg("0.0").to_wire().len();
    for written in 0..=len {
        let mut world = World::ready();
        let call = world.call(1, None);
        if written > 0 {
            world.write(written);
        }
        world.cut(Cause::PeerClosed);
        if written == len {
            assert_eq!(world.fate(call), Fate::Unknown, "{written}");
        } else {
            assert!(world.endings.is_empty(), "{written}");
            world.advance(Duration::from_secs(1));
            world.connect();
            world.settle();
            assert!(world.is_answered(call));
            assert_eq!(world.ran(call, 0), 1);
        }
        world.audit();
    }
}

#[test]
fn what_comes_for_a_lent_connection_when_it_is_lost_ends_with_the_session() {
    let mut world = World::new(|settings| settings.role = Role::Leased);
    world.connect();
    world.settle();
    let unsent = world.call(1, None);
    world.cut(Cause::PeerClosed);
    let late = world.call(1, None);
    for call in [unsent, late] {
        let lost = world.lost(call);
        assert_eq!(lost.fate, Fate::NotSent);
        assert!(matches!(lost.loss.reason, Reason::Session(Cause::PeerClosed)), "{:?}", lost.loss.reason);
    }
    world.audit();
}

#[test]
fn a_pipeline_that_is_cut_says_of_each_command_whether_it_was_sent() {
    let mut whole = Encoded::default();
    for index in 0..3 {
        Command::new("TOUCH").arg(format!("0.{index}")).write_to(&mut whole);
    }
    for written in 1..=whole.len() {
        for read in [0, 9, 18] {
            let mut world = World::ready();
            let call = world.call(3, None);
            world.write(written);
            world.read(read);
            world.cut(Cause::PeerClosed);
            // What was not sent goes out on the next connection; what was sent and not answered is lost.
            world.advance(Duration::from_secs(1));
            world.connect();
            world.settle();
            let one = whole.len() / 3;
            let sent = written / one;
            let answered = (read / 9).min(sent);
            let lost: Vec<_> = world.endings[&call].lost.iter().map(|lost| (lost.place, lost.fate)).collect();
            let wanted: Vec<_> = (answered..sent).map(|place| (place, Fate::Unknown)).collect();
            assert_eq!(lost, wanted, "{written} written, {read} read");
            world.audit();
        }
    }
}

#[test]
fn a_read_that_was_sent_and_not_answered_is_sent_again_before_anything_newer() {
    let mut world = World::ready();
    let read = world.call_of(vec![Verb::Read], None);
    let touch = world.call(1, None);
    world.write(usize::MAX);
    world.cut(Cause::PeerClosed);
    assert_eq!(world.fate(touch), Fate::Unknown);
    let newer = world.call_of(vec![Verb::Read], None);
    world.advance(Duration::from_secs(1));
    world.connect();
    world.settle();
    assert!(world.is_answered(read) && world.is_answered(newer));
    assert_eq!(world.ran(read, 0), 2);
    world.audit();
}

#[test]
fn a_pipeline_is_sent_again_command_by_command() {
    let mut world = World::ready();
    let call = world.call_of(vec![Verb::Read, Verb::Touch, Verb::Read, Verb::Touch, Verb::Touch], None);
    let one = Command::new("TOUCH").arg("0.0").to_wire().len();
    world.write(4 * one);
    world.read("$3\r\n0.0\r\n".len());
    world.cut(Cause::PeerClosed);
    world.advance(Duration::from_secs(1));
    world.connect();
    world.settle();
    let lost: Vec<_> = world.endings[&call].lost.iter().map(|lost| (lost.place, lost.fate)).collect();
    assert_eq!(lost, [(1, Fate::Unknown), (3, Fate::Unknown)]);
    assert_eq!((0..5).map(|index| world.ran(call, index)).collect::<Vec<_>>(), [1, 1, 2, 1, 1]);
    world.audit();
}
