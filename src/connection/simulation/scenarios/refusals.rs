//! Commands that are refused: while the link closes, while it is down, by slow servers, and after their callers have gone.

use std::rc::Rc;
use std::time::Duration;

use crate::command::{Command, Encoded, Retry};
use crate::connection::sending::Policy;
use crate::connection::simulation::world::{Caller, Verb, World};
use crate::connection::{Batch, Entry, More, Output, Repeat};
use crate::outcome::Cause;

const MS: Duration = Duration::from_millis(1);

fn call(world: &mut World, within: Option<Duration>) -> u32 {
    let number = world.next;
    world.next += 1;
    let deadline = within.map(|within| world.now + within);
    let caller = Caller { number, commands: vec![Verb::Touch], gone: Rc::default(), deadline };
    let mut log = Encoded::default();
    Command::new("TOUCH").arg(format!("{number}.0")).write_to(&mut log);
    let policy = Policy { repeat: Repeat::Forbidden, retry: Retry::All };
    let entry = Entry::single(caller.clone(), log.len(), deadline, policy);
    world.room.take(entry.room());
    world.callers.push(caller);
    world.session.submit(&mut Batch { log, entries: vec![entry] }, world.now);
    world.drain();
    number
}

/// What the session writes, as text; the peer does not see it.
fn written(world: &mut World) -> String {
    let mut out = Vec::new();
    loop {
        let mut list = [std::io::IoSlice::new(&[]); 8];
        let mut slices = crate::command::Slices::new(&mut list);
        world.session.poll_transmit(&mut slices);
        let count = slices.len();
        let bytes: Vec<u8> = list[..count].iter().flat_map(|slice| slice.to_vec()).collect();
        if bytes.is_empty() {
            return String::from_utf8_lossy(&out).into_owned();
        }
        world.session.handle_written(bytes.len(), world.now);
        out.extend(bytes);
    }
}

#[test]
fn what_is_refused_is_tried_again_while_the_link_drains() {
    let mut world = World::ready();
    let late = call(&mut world, None);
    assert!(written(&mut world).contains("TOUCH"));
    world.inject(b"-LOADING x\r\n");
    world.session.close(world.now + Duration::from_secs(10), More::None);
    world.drain();
    // The server would take commands from now on: the peer answers everything.
    for _ in 0..9_900 {
        world.advance(MS);
        world.settle();
    }
    assert!(world.is_answered(late), "{:?} {:?}", world.session.state().name(), world.endings.get(&late));
}

#[test]
fn what_is_refused_during_the_drain_is_tried_again() {
    let mut world = World::ready();
    let late = call(&mut world, None);
    assert!(written(&mut world).contains("TOUCH"));
    world.session.close(world.now + Duration::from_secs(10), More::None);
    world.inject(b"-TRYAGAIN x\r\n");
    for _ in 0..9_900 {
        world.advance(MS);
        world.settle();
    }
    assert!(world.is_answered(late), "{:?} {:?}", world.session.state().name(), world.endings.get(&late));
}

#[test]
fn a_server_that_takes_longer_than_a_second_to_answer_opens_the_gate_all_the_same() {
    let mut world = World::ready();
    let late = call(&mut world, None);
    assert!(written(&mut world).contains("TOUCH"));
    world.inject(b"-LOADING x\r\n");
    // Each PING is answered with +PONG, 1.2 s after it was written.
    let mut due = std::collections::VecDeque::new();
    let mut pings = 0;
    for step in 0..60_000u64 {
        world.advance(MS);
        let text = written(&mut world);
        for _ in 0..text.matches("PING").count() {
            pings += 1;
            due.push_back((step + 1_200, "+PONG\r\n".to_owned()));
        }
        if text.contains("TOUCH") {
            due.push_back((step + 1_200, format!("$3\r\n{late}.0\r\n")));
        }
        while due.front().is_some_and(|(at, _)| *at <= step) {
            let (_, answer) = due.pop_front().unwrap();
            world.inject(answer.as_bytes());
        }
    }
    assert!(world.is_answered(late), "after 60 s and {pings} answered PINGs: {:?}", world.endings.get(&late));
}

#[test]
fn a_probe_whose_caller_has_gone_and_that_is_refused_too_does_not_open_the_gate() {
    let mut world = World::ready();
    let first = call(&mut world, Some(100 * MS));
    let _rest: Vec<_> = (0..50).map(|_| call(&mut world, None)).collect();
    assert_eq!(written(&mut world).matches("TOUCH").count(), 51);
    let refusal = "-CLUSTERDOWN x\r\n";
    world.inject(refusal.repeat(51).as_bytes());
    // A probe goes out before its deadline, and is answered after it.
    let mut probe = String::new();
    while probe.is_empty() {
        world.advance(MS);
        probe = written(&mut world);
    }
    assert_eq!(probe.matches("TOUCH").count(), 1);
    world.advance(100 * MS);
    assert!(world.endings.contains_key(&first));
    world.inject(refusal.as_bytes());
    assert_eq!(written(&mut world).matches("TOUCH").count(), 0, "a stampede");
}

#[test]
fn room_comes_back_from_who_has_gone_while_the_gate_is_closed_and_the_link_is_down() {
    let mut world = World::ready();
    let _first = call(&mut world, None);
    written(&mut world);
    world.inject(b"-LOADING x\r\n");
    world.cut(Cause::PeerClosed);
    for _ in 0..1000 {
        let number = call(&mut world, None);
        world.callers[number as usize].gone.set(true);
    }
    // An hour of attempts that fail.
    for _ in 0..3600 {
        world.advance(Duration::from_secs(1));
        if world.session.poll_dial(world.now) {
            world.drain();
            world.session.handle_lost(Cause::PeerClosed, world.now);
            world.drain();
        }
    }
    assert!(world.room.commands <= 1, "{:?} is taken by callers who have gone", world.room);
}

#[test]
fn who_waits_behind_a_gate_is_requeued() {
    let mut world = World::ready();
    for _ in 0..10 {
        call(&mut world, None);
    }
    written(&mut world);
    world.inject("-LOADING x\r\n".repeat(10).as_bytes());
    world.session.handle_lost(Cause::PeerClosed, world.now);
    while let Some(output) = world.session.poll_event(world.now) {
        if let Output::Disconnected { in_flight, requeued, failed_unknown, .. } = output {
            assert_eq!((in_flight, requeued, failed_unknown), (10, 10, 0));
        }
    }
}

#[test]
fn two_writes_that_were_refused_keep_their_order() {
    let mut world = World::ready();
    let (first, second) = (call(&mut world, None), call(&mut world, None));
    written(&mut world);
    world.inject(&b"-READONLY x\r\n".repeat(2));
    let mut probe = String::new();
    while probe.is_empty() {
        world.advance(MS);
        probe = written(&mut world);
    }
    assert!(probe.contains(&format!("{first}.0")));
    world.inject(b"-READONLY x\r\n");
    // From now on writes are taken.
    for _ in 0..3_000 {
        world.advance(MS);
        world.settle();
    }
    let ran: Vec<_> = world.peer.order.borrow().iter().map(|(_, _, text)| text.clone()).collect();
    assert_eq!(ran, [format!("{first}.0"), format!("{second}.0")]);
}

fn feed_standby(world: &mut World, text: &[u8]) {
    world.session.standby().read_buffer().unwrap().extend_from_slice(text);
}

#[test]
fn a_second_connection_that_is_taken_into_use_while_draining_is_the_one_that_is_shown() {
    let mut world = World::new(|settings| settings.silence = Some(100 * MS));
    world.connect();
    world.settle();
    let read = world.call_of(vec![Verb::Read], None);
    written(&mut world);
    world.advance(100 * MS);
    assert!(world.session.poll_standby_dial(world.now));
    world.session.handle_standby_dialed(crate::outcome::PeerFacts::unknown());
    world.session.close(world.now + Duration::from_secs(10), More::None);
    feed_standby(&mut world, b"%2\r\n+proto\r\n:3\r\n+id\r\n:77\r\n+OK\r\n");
    let mut promoted = false;
    let mut connected = None;
    // Then it is asked whether the server takes commands.
    for answer in [&b""[..], b"+PONG\r\n"] {
        feed_standby(&mut world, answer);
        while let Some(output) = world.session.poll_event(world.now) {
            promoted |= matches!(output, Output::Promoted);
            if let Output::Connected(facts) = output {
                connected = facts.server.id;
            }
        }
    }
    assert!(promoted && !world.is_answered(read));
    assert_eq!(connected, Some(77));
    assert_eq!(world.session.state().session().and_then(|facts| facts.server.id), Some(77));
}

#[test]
fn a_silent_peer_is_doubted_while_draining_too() {
    let mut world = World::new(|settings| settings.silence = Some(100 * MS));
    world.connect();
    world.settle();
    let _read = world.call_of(vec![Verb::Read], None);
    written(&mut world);
    world.session.close(world.now + Duration::from_secs(10), More::None);
    for _ in 0..9_000 {
        world.advance(MS);
    }
    assert!(world.session.poll_standby_dial(world.now), "9 s of silence");
}

#[test]
fn a_proven_standby_survives_the_loss_of_the_present_connection() {
    // How the old one dies during the handover: everything must still be answered on a new one.
    let mut world = World::ready();
    let write = call(&mut world, None);
    let slow = world.call_of(vec![Verb::Read], None);
    written(&mut world);
    world.inject(b"-READONLY x\r\n");
    assert!(world.session.poll_standby_dial(world.now));
    world.session.handle_standby_dialed(crate::outcome::PeerFacts::unknown());
    feed_standby(&mut world, b"%2\r\n+proto\r\n:3\r\n+role\r\n+master\r\n+OK\r\n");
    world.drain();
    assert!(world.session.standby().is_active());
    let later = world.call(1, None);
    world.cut(Cause::PeerClosed);
    assert!(!world.session.standby().is_active());
    for _ in 0..50 {
        world.advance(100 * MS);
        if world.session.poll_dial(world.now) {
            world.open();
            world.drain();
        }
        world.settle();
    }
    assert!(world.is_answered(write) && world.is_answered(slow) && world.is_answered(later));
}
